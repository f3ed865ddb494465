//! Who signs sets: the owner's own key, and what this computer remembers of the keys of sets that it has seen.
//!
//! The key is made at first use, in the format of minisign and without a passphrase, for cron has nobody who could type one. It proves
//! that a set is as this computer wrote it, and nothing to a hub.

use std::path::{Path, PathBuf};

use filesync_engine::set::{Check, CheckOptions, OwnerKey, OwnerSigned};
use filesync_engine::{Error, ErrorKind, SetLimits};
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::machine;
use crate::output::Output;
use crate::private::{self, File};
use crate::problem::{Exit, Problem};

/// The owner's own key.
pub(crate) struct OwnKey {
    secret: SecretKey,
    public: PublicKey,
    text: String,
}

const KEY: &str = "minisign.key";
const KEY_COMMENT: &str = "secret key of filesync: it signs the backups of this computer";
const SIGNATURE_COMMENT: &str = "signature of a backup set of filesync by its owner's computer";

impl OwnKey {
    /// Reads it from the user's folder for settings, or makes it.
    pub(crate) fn read_or_make() -> Result<Self, Problem> {
        Self::at(&private::place(KEY)?)
    }

    fn at(path: &Path) -> Result<Self, Problem> {
        if let Some(key) = Self::existing(path)? {
            return Ok(key);
        }
        let failed = |error| Problem::new("failed", format!("No key to sign sets can be made: {error}"));
        let pair = KeyPair::generate_unencrypted_keypair().map_err(failed)?;
        let text = pair.sk.to_box(Some(KEY_COMMENT)).map_err(failed)?.into_string();
        // Another command may make one at the same time: the first one counts.
        private::create(path, &text)?;
        Self::existing(path)?.ok_or_else(|| Problem::new("failed", format!("{} was removed meanwhile.", path.display())))
    }

    fn existing(path: &Path) -> Result<Option<Self>, Problem> {
        let text = private::read(path)?;
        if text.is_empty() {
            return Ok(None);
        }
        // The cause could quote the text.
        Self::parse(&text).map(Some).map_err(|_| {
            Problem::new("failed", format!("{} is not a key of minisign without a passphrase.", path.display()))
                .remedy("Mend it; or remove it, and the next backup makes another.")
        })
    }

    fn parse(text: &str) -> minisign::Result<Self> {
        let secret = SecretKeyBox::from_string(text)?.into_unencrypted_secret_key()?;
        let public = PublicKey::from_secret_key(&secret)?;
        let text = public.to_base64();
        Ok(Self { secret, public, text })
    }
}

impl OwnerKey for OwnKey {
    fn public_key(&self) -> &str {
        &self.text
    }

    fn sign(&self, text: &[u8], comment: &str) -> Result<String, Error> {
        let signed = minisign::sign(Some(&self.public), &self.secret, text, Some(comment), Some(SIGNATURE_COMMENT));
        signed.map(minisign::SignatureBox::into_string).map_err(|_| Error::new(ErrorKind::Signature, "signing a backup set"))
    }
}

/// What is remembered of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    /// The set's name for programs.
    id: String,
    /// Where it was.
    folder: PathBuf,
    /// The public key; none: it was accepted as it is, without a signature that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    set: Vec<Remembered>,
}

/// The file `signed.toml`: by which key each set was signed when it was seen last.
struct Memory(File<Content>);

impl Memory {
    fn read() -> Result<Self, Problem> {
        Self::read_from(&private::place("signed.toml")?)
    }

    fn read_from(path: &Path) -> Result<Self, Problem> {
        File::read(path, "filesync", "Remove it; keys are then remembered as at first sight.").map(Self)
    }

    /// Returns what is remembered of the set in a folder, also of one that was elsewhere then.
    fn of(&self, folder: &Path, id: &str) -> Option<&Remembered> {
        let all = &self.0.content.set;
        all.iter().find(|set| set.folder == folder).or_else(|| all.iter().rfind(|set| set.id == id))
    }

    fn remember(&mut self, set: Remembered) -> Result<(), Problem> {
        if self.0.content.set.contains(&set) {
            return Ok(());
        }
        self.0.content.set.retain(|other| other.folder != set.folder);
        self.0.content.set.push(set);
        self.0.write()
    }
}

/// How a set is signed, beside what is remembered of it.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// As before, or by nobody and never was.
    Same,
    /// By a key that was not seen on this set before.
    First(String),
    /// Not by the key that is remembered, or not as it says itself.
    Alarm(Alarm),
}

#[derive(Debug, PartialEq, Eq)]
enum Alarm {
    Wrong,
    Unsigned { was: String },
    Changed { was: String, is: String },
}

/// Compares how a set is signed with what is remembered of it.
fn compare(remembered: Option<&Remembered>, signed: &OwnerSigned) -> Verdict {
    let known = remembered.map(|set| set.key.as_ref());
    match (known, signed) {
        (Some(None), OwnerSigned::Wrong) | (None | Some(None), OwnerSigned::No) => Verdict::Same,
        (_, OwnerSigned::Wrong) => Verdict::Alarm(Alarm::Wrong),
        (None | Some(None), OwnerSigned::By(key)) => Verdict::First(key.clone()),
        (Some(Some(was)), OwnerSigned::No) => Verdict::Alarm(Alarm::Unsigned { was: was.clone() }),
        (Some(Some(was)), OwnerSigned::By(is)) if was != is => {
            Verdict::Alarm(Alarm::Changed { was: was.clone(), is: is.clone() })
        }
        (Some(Some(_)), OwnerSigned::By(_)) => Verdict::Same,
    }
}

impl Alarm {
    fn problem(&self, folder: &Path) -> Problem {
        let shown = folder.display();
        let problem = match self {
            Self::Wrong => Problem::new(
                "signature_wrong",
                format!(
                    "The signature of the set in {shown} is missing or does not fit: since it was signed, the set was damaged or \
                     changed."
                ),
            ),
            Self::Unsigned { was } => Problem::new(
                "not_signed",
                format!("The set in {shown} was signed by the key {was}, and is not signed now: somebody else wrote it."),
            ),
            Self::Changed { was, is } => Problem::new(
                "key_changed",
                format!("The set in {shown} was signed by the key {was}, and now by {is}: somebody else wrote it."),
            ),
        };
        problem.remedy(format!("If you know why, `filesync verify {shown} --accept-key` accepts it as it is."))
    }
}

/// Looks at how a set is signed, and remembers a key that is seen for the first time. Returns what is wrong.
///
/// `is_accepted`: it is right as it is.
pub(crate) fn judge(
    folder: &Path,
    (id, signed): (&str, &OwnerSigned),
    is_accepted: bool,
    output: &Output,
) -> Result<Option<Problem>, Problem> {
    let mut memory = Memory::read()?;
    let verdict = compare(memory.of(folder, id), signed);
    if let Verdict::First(key) = &verdict
        && OwnKey::existing(&private::place(KEY)?)?.is_none_or(|own| own.text != *key)
        && output.speaks()
    {
        let text = format!("The set is signed by the key {key}, which is not this computer's. It is remembered from now on.");
        output.say(&json!({ "code": "key_first_seen", "folder": folder.display().to_string(), "key": key }), &text);
    }
    let key = match signed {
        OwnerSigned::By(key) => Some(key.clone()),
        OwnerSigned::No | OwnerSigned::Wrong => None,
    };
    match verdict {
        Verdict::Alarm(alarm) if !is_accepted => return Ok(Some(alarm.problem(folder))),
        Verdict::Same if key.is_none() => {}
        _ => memory.remember(Remembered { id: id.to_owned(), folder: folder.to_owned(), key })?,
    }
    Ok(None)
}

/// The same of a set that is not read otherwise; a folder without a set is right.
pub(crate) fn look(folder: &Path, output: &Output) -> Result<Option<Problem>, Problem> {
    let options = CheckOptions {
        sample: None,
        public_key: None,
        bytes_per_second: None,
        scratch: machine::scratch(),
        limits: SetLimits::default(),
    };
    match Check::signed(folder, options) {
        Ok(Some((id, signed))) => judge(folder, (&id, &signed), false, output),
        Err(error) if error.kind() == ErrorKind::Storage => Err(Problem::of_set(&error, folder)),
        // What cannot be read as a set, the verb itself refuses.
        Ok(None) | Err(_) => Ok(None),
    }
}

/// Refuses to build on a set that somebody else wrote: the next signature would be this computer's.
pub(crate) fn refuse_changed(folder: &Path, output: &Output) -> Result<(), Problem> {
    look(folder, output)?.map_or(Ok(()), Err)
}

/// Remembers a set that this computer has signed.
pub(crate) fn signed(folder: &Path, key: &OwnKey) -> Result<(), Problem> {
    let text = machine::file_of_set(folder, "set.json").unwrap_or_default();
    let about: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let id = about.get("id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Memory::read()?.remember(Remembered { id, folder: folder.to_owned(), key: Some(key.text.clone()) })
}

/// Returns the exit code of a verb that goes on in spite of an alarm.
pub(crate) fn exit_of(alarm: Option<&Problem>, exit: Exit) -> Exit {
    if alarm.is_some() && exit == Exit::Complete { Exit::NeedsAttention } else { exit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filesync").join("minisign.key");
        let key = OwnKey::at(&path).unwrap();
        assert_eq!(OwnKey::at(&path).unwrap().text, key.text);
        assert!(key.text.starts_with("RW") && key.text.len() == 56, "{}", key.text);
        assert!(!private::create(&path, "another").unwrap() && OwnKey::at(&path).unwrap().text == key.text);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, "untrusted comment: x\nsecret").unwrap();
        let problem = OwnKey::at(&path).err().unwrap();
        assert!(problem.words.contains("minisign.key") && !problem.words.contains("secret\n"), "{}", problem.words);
    }

    #[test]
    fn another_signature_than_the_remembered_one_is_an_alarm() {
        let known = |key: Option<&str>| Remembered { id: "1".into(), folder: "/set".into(), key: key.map(str::to_owned) };
        let by = |key: &str| OwnerSigned::By(key.to_owned());
        let (a, none) = (known(Some("a")), known(None));
        for (remembered, signed, verdict) in [
            (None, OwnerSigned::No, Verdict::Same),
            (None, by("a"), Verdict::First("a".into())),
            (None, OwnerSigned::Wrong, Verdict::Alarm(Alarm::Wrong)),
            (Some(&a), by("a"), Verdict::Same),
            (Some(&a), by("b"), Verdict::Alarm(Alarm::Changed { was: "a".into(), is: "b".into() })),
            (Some(&a), OwnerSigned::No, Verdict::Alarm(Alarm::Unsigned { was: "a".into() })),
            (Some(&a), OwnerSigned::Wrong, Verdict::Alarm(Alarm::Wrong)),
            (Some(&none), OwnerSigned::No, Verdict::Same),
            (Some(&none), OwnerSigned::Wrong, Verdict::Same),
            (Some(&none), by("b"), Verdict::First("b".into())),
        ] {
            assert_eq!(compare(remembered, &signed), verdict, "{remembered:?} {signed:?}");
        }
    }

    #[test]
    fn a_set_is_remembered_by_its_folder_and_found_by_its_id_where_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed.toml");
        let mut memory = Memory::read_from(&path).unwrap();
        let set = |id: &str, folder: &str, key: &str| Remembered { id: id.into(), folder: folder.into(), key: Some(key.into()) };
        memory.remember(set("1", "/a", "first")).unwrap();
        memory.remember(set("1", "/copy", "second")).unwrap();
        memory.remember(set("2", "/a", "third")).unwrap();
        let memory = Memory::read_from(&path).unwrap();
        let key = |folder: &str, id: &str| memory.of(Path::new(folder), id).and_then(|set| set.key.clone());
        assert_eq!(key("/a", "2").as_deref(), Some("third"));
        assert_eq!(key("/a", "of somebody else").as_deref(), Some("third"), "another set in its place");
        assert_eq!(key("/elsewhere", "1").as_deref(), Some("second"), "the set in another place");
        assert_eq!(key("/elsewhere", "of somebody else"), None);
    }
}

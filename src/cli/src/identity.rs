//! What the channel is, its private key included, sealed with a passphrase in the format of age. It is opened and sealed on this computer
//! only, and in no file but sealed.

use std::cell::RefCell;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use aws_lc_rs::digest::{SHA256, digest};
use clap::Args;
use filesync_engine::owner::Seal;
use filesync_engine::{Error, ErrorKind};

use crate::machine;
use crate::problem::Problem;
use crate::secret::Source;

/// Where the passphrase comes from. It is never an argument.
#[derive(Args, Debug)]
pub(crate) struct PassphraseSource {
    /// With --everything: the passphrase that seals the private key, which this command prints
    #[arg(long, value_name = "COMMAND", requires = "everything", conflicts_with = "passphrase_file")]
    pub(crate) passphrase_command: Option<String>,
    /// With --everything: the passphrase is the first line of this file
    #[arg(long, value_name = "FILE", requires = "everything")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// A passphrase, and what it opened of a set.
pub(crate) struct Passphrase {
    secret: SecretString,
    /// How much work it is to try one, as a power of two; none: as much as takes a second here.
    work: Option<u8>,
    /// The digest of what the set's sealed identity says, if the passphrase opens that.
    earlier: RefCell<Option<Vec<u8>>>,
}

const PLACE: &str = "data/channel/identity.json.age";
const SEALING: &str = "sealing what the channel is";
/// A file that asks for more work than some minutes is not ours.
const MOST_WORK: u8 = 22;
const MOST_BYTES: u64 = 64 << 20;
/// So often a passphrase may be mistyped.
const MOST_TYPED: u32 = 3;

impl Passphrase {
    /// Takes the passphrase; one that is typed and opens nothing that the set has is asked for twice.
    pub(crate) fn obtain(source: &PassphraseSource, folder: &Path) -> Result<Self, Problem> {
        let source = Source {
            kind: "no_passphrase",
            name: "passphrase",
            command: source.passphrase_command.as_deref(),
            file: source.passphrase_file.as_deref(),
        };
        if !source.is_named() && !std::io::stdin().is_terminal() {
            return Err(Problem::usage("no_passphrase", "There is no passphrase for the private key, and nobody to ask.")
                .remedy("Name --passphrase-command or --passphrase-file."));
        }
        let typed = source.take("Passphrase that seals the channel's private key in the set: ")?;
        let sealed = machine::file_of_set(folder, PLACE);
        let passphrase = SecretString::from(typed.clone());
        let earlier = sealed.as_deref().and_then(|sealed| open(sealed, &passphrase)).map(|identity| sha256(&identity));
        if earlier.is_none() && !source.is_named() && source.take("The same passphrase again: ")? != typed {
            return Err(Problem::usage("no_passphrase", "The two are not the same."));
        }
        Ok(Self { secret: passphrase, work: None, earlier: RefCell::new(earlier) })
    }

    fn sealed(&self, identity: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut recipient = age::scrypt::Recipient::new(self.secret.clone());
        if let Some(work) = self.work {
            recipient.set_work_factor(work);
        }
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient));
        let mut sealed = Vec::new();
        let mut writer = encryptor.map_err(std::io::Error::other)?.wrap_output(&mut sealed)?;
        writer.write_all(identity)?;
        writer.finish()?;
        Ok(sealed)
    }
}

impl Seal for Passphrase {
    fn seal(&self, identity: &[u8], earlier: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let digest = sha256(identity);
        if earlier.is_some() && self.earlier.borrow().as_ref() == Some(&digest) {
            return Ok(None);
        }
        self.earlier.replace(Some(digest));
        self.sealed(identity).map(Some).map_err(|error| Error::new(ErrorKind::Storage, SEALING).source(error))
    }
}

/// Takes the passphrase, and opens what was sealed with it.
pub(crate) fn opened(source: &Source<'_>, sealed: &[u8]) -> Result<Vec<u8>, Problem> {
    if !source.is_named() && !std::io::stdin().is_terminal() {
        return Err(Problem::usage("no_passphrase", "There is no passphrase for the private key, and nobody to ask.")
            .remedy("Name --passphrase-command or --passphrase-file."));
    }
    let tries = if source.is_named() { 1 } else { MOST_TYPED };
    for _ in 0..tries {
        let passphrase = SecretString::from(source.take("Passphrase that sealed the channel's private key in the set: ")?);
        if let Some(identity) = open(sealed, &passphrase) {
            return Ok(identity);
        }
    }
    Err(Problem::new("passphrase_wrong", format!("This passphrase does not open {PLACE}."))
        .remedy("It is the one that was typed at the first `backup --everything`; without it the private key cannot be had."))
}

/// Opens what was sealed; none if the passphrase is another, or it is damaged.
fn open(sealed: &[u8], passphrase: &SecretString) -> Option<Vec<u8>> {
    let decryptor = age::Decryptor::new(sealed).ok()?;
    let mut identity = age::scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(MOST_WORK);
    let mut opened = Vec::new();
    let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?;
    reader.take(MOST_BYTES).read_to_end(&mut opened).ok()?;
    Some(opened)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str, earlier: Option<Vec<u8>>) -> Passphrase {
        Passphrase { secret: SecretString::from(text.to_owned()), work: Some(2), earlier: RefCell::new(earlier) }
    }

    #[test]
    fn only_the_passphrase_opens_what_was_sealed_and_what_says_the_same_is_not_sealed_again() {
        let identity = b"{\"channel\":{\"channel_prvkey\":\"a secret\"}}";
        let right = passphrase("correct horse", None);
        let sealed = right.seal(identity, None).unwrap().unwrap();
        assert!(sealed.starts_with(b"age-encryption.org/v1\n-> scrypt "));
        assert!(memchr_in(&sealed, b"a secret").is_none());
        assert_eq!(open(&sealed, &SecretString::from("correct horse".to_owned())).as_deref(), Some(&identity[..]));
        assert_eq!(open(&sealed, &SecretString::from("another".to_owned())), None);
        assert_eq!(open(&sealed[..sealed.len() - 1], &right.secret), None);
        let known = passphrase("correct horse", Some(sha256(identity)));
        assert_eq!(known.seal(identity, Some(&sealed)).unwrap(), None);
        assert!(known.seal(identity, None).unwrap().is_some(), "the set has none");
        assert!(known.seal(b"{}", Some(&sealed)).unwrap().is_some());
    }

    fn memchr_in(bytes: &[u8], part: &[u8]) -> Option<usize> {
        bytes.windows(part.len()).position(|window| window == part)
    }

    #[test]
    fn the_passphrase_is_taken_from_a_file_and_compared_with_what_the_set_has() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        std::fs::write(&file, "correct horse\n").unwrap();
        let source = PassphraseSource { passphrase_command: None, passphrase_file: Some(file) };
        assert!(Passphrase::obtain(&source, folder.path()).unwrap().earlier.borrow().is_none());
        std::fs::create_dir_all(folder.path().join("data/channel")).unwrap();
        let sealed = passphrase("correct horse", None).sealed(b"{}").unwrap();
        std::fs::write(folder.path().join(PLACE), sealed).unwrap();
        assert_eq!(Passphrase::obtain(&source, folder.path()).unwrap().earlier.take(), Some(sha256(b"{}")));
    }
}

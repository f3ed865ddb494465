//! `set.json`, `runs/<run>.json`, the signature and the other files beside the payload.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::metadata::FORMAT;
use super::signer::Signer;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::signature::PublicKey;

/// What a set has, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Folders.
    pub folders: u64,
    /// Files.
    pub files: u64,
    /// Files that are photos.
    pub photos: u64,
    /// Scales made by hand.
    pub crops: u64,
    /// Posts.
    pub posts: u64,
    /// Bytes of files and crops.
    pub bytes: u64,
    /// Files beneath `data/older/`, metadata files included.
    pub older_files: u64,
    /// Their bytes.
    pub older_bytes: u64,
}

/// `set.json`.
#[derive(Clone, Debug)]
pub(crate) struct About {
    object: Map<String, Value>,
    pub(crate) id: String,
    pub(crate) run: String,
    pub(crate) channel_hash: String,
    pub(crate) channel_url: String,
    pub(crate) channel_key: String,
    pub(crate) counts: Counts,
    pub(crate) signer: Signer,
}

const READING: &str = "reading set.json";

impl About {
    /// Reads the text of `set.json`.
    ///
    /// # Errors
    ///
    /// `Corrupt` if it is of another form, `Unsupported` if its format is newer.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = |fault: &'static str| Error::new(ErrorKind::Corrupt, READING).context("fault", fault);
        let object: Map<String, Value> = serde_json::from_slice(bytes).or_fail(ErrorKind::Corrupt, READING)?;
        let format = object.get("filesync_set").and_then(Value::as_u64).ok_or_else(|| damaged("no format"))?;
        if format != FORMAT {
            return Err(Error::new(ErrorKind::Unsupported, READING)
                .context("code", "set_newer")
                .context("format", format)
                .context("known_format", FORMAT)
                .context("remedy", "update filesync"));
        }
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let channel = |key: &str| text_in(&object, "channel", key);
        let about = Self {
            id: text("id"),
            run: text("run"),
            channel_hash: channel("hash"),
            channel_url: channel("url"),
            channel_key: channel("key"),
            counts: object.get("counts").cloned().and_then(|counts| serde_json::from_value(counts).ok()).unwrap_or_default(),
            signer: Signer::read(object.get("signed_by")),
            object,
        };
        if about.channel_hash.is_empty() || !super::place::is_run(&about.run) {
            return Err(damaged("no channel, or no run"));
        }
        Ok(about)
    }

    /// Takes what the caller says of a set.
    pub(crate) fn given(text: &str) -> Result<Self> {
        let wrong =
            |fault: &'static str| Error::new(ErrorKind::InvalidInput, "reading what a set is about").context("fault", fault);
        let object: Map<String, Value> =
            serde_json::from_str(text).or_fail(ErrorKind::InvalidInput, "reading what a set is about")?;
        let (channel_hash, channel_url, channel_key) =
            (text_in(&object, "channel", "hash"), text_in(&object, "channel", "url"), text_in(&object, "channel", "key"));
        if channel_hash.is_empty() || channel_hash.contains('\n') || channel_url.is_empty() {
            return Err(wrong("`channel` has no `hash` or no `url`"));
        }
        PublicKey::from_pem(&channel_key)?;
        let (id, run, counts) = (String::new(), String::new(), Counts::default());
        Ok(Self { object, id, run, channel_hash, channel_url, channel_key, counts, signer: Signer::Nobody })
    }

    /// Returns what `set.json` says of something; null if nothing.
    pub(crate) fn said(&self, key: &str) -> Value {
        self.object.get(key).cloned().unwrap_or_default()
    }

    /// Writes `set.json`.
    pub(crate) fn compose(&self, updated: &str) -> Result<Vec<u8>> {
        let mut object = Map::new();
        object.insert("filesync_set".into(), FORMAT.into());
        object.insert("id".into(), self.id.clone().into());
        object.insert("made_with".into(), self.object.get("made_with").cloned().unwrap_or_default());
        object.insert("updated".into(), updated.into());
        object.insert("run".into(), self.run.clone().into());
        object.extend(self.object.clone().into_iter().filter(|(key, _)| !OWN_KEYS.contains(&key.as_str())));
        object.insert("counts".into(), serde_json::to_value(&self.counts).or_fail(ErrorKind::InvalidInput, READING)?);
        object.insert("signed_by".into(), self.signer.written(&self.channel_url));
        let mut bytes = serde_json::to_vec_pretty(&object).or_fail(ErrorKind::InvalidInput, READING)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Says no longer what it lacks of a file.
    pub(crate) fn forget(&mut self, hash: &str) {
        if let Some(Value::Array(lacks)) = self.object.get_mut("lacks") {
            lacks.retain(|lack| lack.get("hash").and_then(Value::as_str) != Some(hash));
        }
    }

    /// Changes who made it.
    pub(crate) fn made_with(&mut self, program: &str) {
        self.object.insert("made_with".into(), program.into());
    }
}

const OWN_KEYS: [&str; 7] = ["filesync_set", "id", "made_with", "updated", "run", "counts", "signed_by"];

fn text_in(object: &Map<String, Value>, outer: &str, inner: &str) -> String {
    object.get(outer).and_then(|value| value.get(inner)).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// One change of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) what: String,
    pub(crate) hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) older: Option<String>,
}

/// A file that could not be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) hash: String,
    pub(crate) why: String,
}

/// `runs/<run>.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RunReport {
    pub(crate) filesync_set: u64,
    pub(crate) run: String,
    pub(crate) finished: String,
    pub(crate) from: String,
    pub(crate) by: String,
    pub(crate) listed: u64,
    pub(crate) unchanged: u64,
    pub(crate) new: u64,
    pub(crate) replaced: u64,
    pub(crate) changed: u64,
    pub(crate) moved: u64,
    pub(crate) removed: u64,
    pub(crate) failed: u64,
    pub(crate) copied_bytes: u64,
    pub(crate) changes: Vec<Change>,
    pub(crate) changes_left_out: u64,
    pub(crate) failures: Vec<Failure>,
    pub(crate) failures_left_out: u64,
}

impl RunReport {
    pub(crate) fn compose(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).or_fail(ErrorKind::InvalidInput, "writing a run's report")?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub(crate) fn change(&mut self, limit: usize, change: Change) {
        if self.changes.len() < limit {
            self.changes.push(change);
        } else {
            self.changes_left_out += 1;
        }
    }

    pub(crate) fn failure(&mut self, limit: usize, failure: Failure) {
        if self.failures.len() < limit {
            self.failures.push(failure);
        } else {
            self.failures_left_out += 1;
        }
    }
}

/// Returns the message that a channel's key signs.
pub(crate) fn message(channel_hash: &str, tag_manifest: &Digest) -> Vec<u8> {
    // 0xFF occurs in no text, so this can never be the body of a post.
    [&[0xFF], format!("filesync-set-1\n{channel_hash}\n{tag_manifest}\n").as_bytes()].concat()
}

const ALGORITHM: &str = "rsassa-pkcs1-v1_5-sha512";

/// `channel-signature.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "it is the key in the file")]
pub(crate) struct Signature {
    signs: String,
    pub(crate) sha256: Digest,
    pub(crate) key_id: String,
    pub(crate) channel_hash: String,
    algorithm: String,
    signature: String,
}

impl Signature {
    pub(crate) fn new(about: &About, tag_manifest: Digest, signature: &[u8]) -> Self {
        Self {
            signs: super::place::TAG_MANIFEST.to_owned(),
            sha256: tag_manifest,
            key_id: about.channel_url.clone(),
            channel_hash: about.channel_hash.clone(),
            algorithm: ALGORITHM.to_owned(),
            signature: STANDARD.encode(signature),
        }
    }

    /// Reads it; none unless it is written exactly as this program would write it.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let signature: Self = serde_json::from_slice(bytes).ok()?;
        let is_known = signature.signs == super::place::TAG_MANIFEST && signature.algorithm == ALGORITHM;
        (is_known && signature.compose().is_ok_and(|written| written == bytes)).then_some(signature)
    }

    pub(crate) fn compose(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self).or_fail(ErrorKind::InvalidInput, "writing a signature")?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Tells whether it is the signature of a tag manifest with this digest.
    pub(crate) fn verifies(&self, key: &PublicKey, tag_manifest: &Digest) -> bool {
        let signature = STANDARD.decode(&self.signature);
        signature.is_ok_and(|signature| key.verifies_sha512(&message(&self.channel_hash, tag_manifest), &signature))
    }
}

pub(crate) const BAGIT_TXT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

pub(crate) const README_TXT: &str = "\
This folder is a backup of one channel's files, made by filesync.

data/files/     the files, in the channel's folders. You can copy them out of here with any program.
data/metadata/  for each file: its true name, who may see it, its posts and comments.
data/older/     what was replaced or deleted since, by date.
data/posts/     only in a backup of everything: all posts and messages, one a line.
data/channel/   the same for connections, groups and the rest; identity.json.age is sealed with your passphrase.
set.json        which channel this is, how much is in it, and what is not.

Check that nothing is damaged or missing (no output means that all is well):

    sha256sum --check --strict --quiet manifest-sha256.txt
    sha256sum --check --strict --quiet tagmanifest-sha256.txt

Copy the whole folder to keep a second backup. Names and contents must stay as they are; run.json.partial says that a
backup is being made or was interrupted.

filesync on a hub restores it, and the command `filesync extract` writes the files to a folder, with their true names
and dates, without any hub. The format is open: docs/backup-set.md of filesync describes it completely.
";

/// The sum of all payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Oxum {
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

impl Oxum {
    /// Reads it from `bag-info.txt`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value = text.lines().find_map(|line| line.strip_prefix("Payload-Oxum: "))?;
        let (bytes, files) = value.split_once('.')?;
        Some(Self { bytes: bytes.parse().ok()?, files: files.parse().ok()? })
    }
}

/// Writes `bag-info.txt`.
pub(crate) fn bag_info(id: &str, program: &str, updated: &str, oxum: Oxum) -> String {
    let date = updated.get(..10).unwrap_or_default();
    let agent: String = program.chars().filter(|c| !c.is_control()).take(100).collect();
    format!(
        "Bag-Software-Agent: {agent}\nBagging-Date: {date}\nExternal-Identifier: {id}\nPayload-Oxum: {}.{}\n",
        oxum.bytes, oxum.files
    )
}

impl About {
    pub(crate) fn program(&self) -> &str {
        self.object.get("made_with").and_then(Value::as_str).unwrap_or("filesync")
    }
}

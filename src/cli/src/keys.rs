//! The file `login.toml`: keys by channel. Passwords are never in it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::private::{self, File};
use crate::problem::Problem;

/// What a key opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A key for apps: the API of any hub.
    #[default]
    App,
    /// A backup key: the reading door of a hub with filesync.
    Backup,
}

/// A key, as its channel's hub knows it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    /// What it opens.
    #[serde(default)]
    pub(crate) kind: Kind,
    /// The address that the owner typed.
    pub(crate) channel: String,
    /// Where the hub sent to, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_to: Option<String>,
    /// The app's name, or what names a backup key.
    pub(crate) id: String,
    /// The app's secret, or the whole backup key.
    pub(crate) secret: String,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    key: Vec<Key>,
}

/// The file.
pub(crate) struct Keys(File<Content>);

impl Keys {
    /// Reads the file in the user's folder for settings.
    pub(crate) fn read() -> Result<Self, Problem> {
        Self::read_from(&private::place("login.toml")?)
    }

    fn read_from(path: &Path) -> Result<Self, Problem> {
        File::read(path, "`filesync login`", "Mend it, or remove it and log in again.").map(Self)
    }

    /// Returns the key of a channel.
    pub(crate) fn of(&self, channel: &str) -> Option<&Key> {
        self.0.content.key.iter().find(|key| key.channel == channel || key.moved_to.as_deref() == Some(channel))
    }

    /// Remembers a key, in place of the channel's earlier one.
    pub(crate) fn set(&mut self, key: Key) -> Result<(), Problem> {
        self.0.content.key.retain(|other| other.channel != key.channel);
        self.0.content.key.push(key);
        self.0.write()
    }

    /// Forgets a channel's key; none if there was none.
    pub(crate) fn forget(&mut self, channel: &str) -> Result<Option<Key>, Problem> {
        let Some(at) =
            self.0.content.key.iter().position(|key| key.channel == channel || key.moved_to.as_deref() == Some(channel))
        else {
            return Ok(None);
        };
        let key = self.0.content.key.remove(at);
        self.0.write()?;
        Ok(Some(key))
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(channel: &str, id: &str) -> Key {
        Key { kind: Kind::App, channel: channel.into(), moved_to: None, id: id.into(), secret: "s \"quoted\" \\ ü".into() }
    }

    #[test]
    fn keys_are_kept_by_channel_and_only_their_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filesync").join("login.toml");
        let mut keys = Keys::read_from(&path).unwrap();
        assert!(keys.of("https://a.example/channel/x").is_none());
        keys.set(key("https://a.example/channel/x", "one")).unwrap();
        keys.set(key("https://b.example/channel/x", "two")).unwrap();
        keys.set(key("https://a.example/channel/x", "three")).unwrap();
        let mut keys = Keys::read_from(&path).unwrap();
        let found = keys.of("https://a.example/channel/x").unwrap();
        assert_eq!((found.id.as_str(), found.secret.as_str()), ("three", "s \"quoted\" \\ ü"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        }
        assert_eq!(keys.forget("https://b.example/channel/x").unwrap().map(|key| key.id).as_deref(), Some("two"));
        assert!(keys.forget("https://b.example/channel/x").unwrap().is_none());
        assert!(Keys::read_from(&path).unwrap().of("https://b.example/channel/x").is_none());
    }

    #[test]
    fn a_file_from_before_backup_keys_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login.toml");
        std::fs::write(&path, "[[key]]\nchannel = \"https://a.example/channel/x\"\nid = \"one\"\nsecret = \"s\"\n").unwrap();
        let mut keys = Keys::read_from(&path).unwrap();
        assert_eq!(keys.of("https://a.example/channel/x").unwrap().kind, Kind::App);
        keys.set(Key { kind: Kind::Backup, ..key("https://a.example/channel/x", "two") }).unwrap();
        assert_eq!(Keys::read_from(&path).unwrap().of("https://a.example/channel/x").unwrap().kind, Kind::Backup);
    }

    #[test]
    fn a_broken_file_is_named_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login.toml");
        std::fs::write(&path, "secret = hunter2").unwrap();
        let problem = Keys::read_from(&path).err().unwrap();
        assert!(problem.words.contains("login.toml") && !problem.words.contains("hunter2"));
    }
}

//! The file `restores.toml`: restores that were begun from this computer and are not over, each with its key.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::private::{self, File};
use crate::problem::Problem;

/// A restore.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Underway {
    /// The address of the channel.
    pub(crate) channel: String,
    /// The set's folder.
    pub(crate) folder: PathBuf,
    /// The name by which the hub knows it.
    pub(crate) session: String,
    /// The restore key.
    pub(crate) key: String,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    restore: Vec<Underway>,
}

/// The file.
pub(crate) struct Restores(File<Content>);

impl Restores {
    /// Reads the file in the user's folder for settings.
    pub(crate) fn read() -> Result<Self, Problem> {
        Self::read_from(&private::place("restores.toml")?)
    }

    fn read_from(path: &Path) -> Result<Self, Problem> {
        File::read(path, "`filesync restore`", "Remove it, and give the restore key again.").map(Self)
    }

    /// Returns the restore to a channel.
    pub(crate) fn of(&self, channel: &str) -> Option<&Underway> {
        self.0.content.restore.iter().find(|one| one.channel == channel)
    }

    /// Returns all.
    pub(crate) fn all(&self) -> &[Underway] {
        &self.0.content.restore
    }

    /// Remembers a restore, in place of the channel's earlier one.
    pub(crate) fn set(&mut self, restore: Underway) -> Result<(), Problem> {
        self.0.content.restore.retain(|other| other.channel != restore.channel);
        self.0.content.restore.push(restore);
        self.0.write()
    }

    /// Forgets a channel's restore, if that is the one with this key.
    pub(crate) fn forget(&mut self, channel: &str, key: &str) -> Result<(), Problem> {
        let before = self.0.content.restore.len();
        self.0.content.restore.retain(|one| one.channel != channel || one.key != key);
        if self.0.content.restore.len() < before { self.0.write() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restore(channel: &str, key: &str) -> Underway {
        Underway { channel: channel.into(), folder: "/home/set".into(), session: "s1".into(), key: key.into() }
    }

    #[test]
    fn a_key_is_kept_for_its_owner_alone_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filesync").join("restores.toml");
        let mut restores = Restores::read_from(&path).unwrap();
        restores.set(restore("https://a.example/channel/x", "fsr_one")).unwrap();
        restores.set(restore("https://b.example/channel/x", "fsr_two")).unwrap();
        restores.set(restore("https://a.example/channel/x", "fsr_three")).unwrap();
        let mut restores = Restores::read_from(&path).unwrap();
        assert_eq!(restores.of("https://a.example/channel/x").unwrap().key, "fsr_three");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        restores.forget("https://a.example/channel/x", "fsr_one").unwrap();
        assert_eq!(restores.all().len(), 2, "another key");
        restores.forget("https://a.example/channel/x", "fsr_three").unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("fsr_three"));
    }
}

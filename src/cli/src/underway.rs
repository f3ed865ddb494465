//! The file `restores.toml`: restores that were begun from this computer and are not over, each with its key.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::private;
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

#[derive(Default, Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    restore: Vec<Underway>,
}

/// The file.
pub(crate) struct Restores {
    path: PathBuf,
    content: Content,
}

impl Restores {
    /// Reads the file in the user's folder for settings.
    pub(crate) fn read() -> Result<Self, Problem> {
        Self::read_from(&private::place("restores.toml")?)
    }

    fn read_from(path: &Path) -> Result<Self, Problem> {
        // The cause would quote the text.
        let content = toml::from_str(&private::read(path)?).map_err(|_| {
            Problem::new("failed", format!("{} is not as `filesync restore` wrote it.", path.display()))
                .remedy("Remove it, and give the restore key again.")
        })?;
        Ok(Self { path: path.to_owned(), content })
    }

    /// Returns the restore to a channel.
    pub(crate) fn of(&self, channel: &str) -> Option<&Underway> {
        self.content.restore.iter().find(|one| one.channel == channel)
    }

    /// Returns all.
    pub(crate) fn all(&self) -> &[Underway] {
        &self.content.restore
    }

    /// Remembers a restore, in place of the channel's earlier one.
    pub(crate) fn set(&mut self, restore: Underway) -> Result<(), Problem> {
        self.content.restore.retain(|other| other.channel != restore.channel);
        self.content.restore.push(restore);
        self.write()
    }

    /// Forgets a channel's restore, if that is the one with this key.
    pub(crate) fn forget(&mut self, channel: &str, key: &str) -> Result<(), Problem> {
        let before = self.content.restore.len();
        self.content.restore.retain(|one| one.channel != channel || one.key != key);
        if self.content.restore.len() < before { self.write() } else { Ok(()) }
    }

    fn write(&self) -> Result<(), Problem> {
        let failed = |error| Problem::new("failed", format!("{} cannot be written: {error}", self.path.display()));
        private::write(&self.path, &toml::to_string(&self.content).map_err(failed)?)
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

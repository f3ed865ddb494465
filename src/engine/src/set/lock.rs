//! One writer at a time.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::place;
use super::tree::Tree;
use crate::error::{Error, ErrorKind, OrFail, Result};

/// Who writes a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Name of the machine.
    pub host: String,
    /// Number of the process there.
    pub pid: u32,
    /// Since when, UTC.
    pub since: String,
}

/// The lock of a set, held until it is dropped.
pub(crate) struct Lock {
    file: File,
    note: Vec<u8>,
}

const LOCKING: &str = "locking a backup set";

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    ///
    /// `PeerBusy` if somebody else holds it.
    pub(crate) fn take(tree: &Tree, writer: &Writer, unix_time: i64, lock_seconds: u64) -> Result<Self> {
        let file = tree.open_lock(place::LOCK)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(busy(&note(&file).unwrap_or_default())),
            Err(error) => return Err(Error::new(ErrorKind::Storage, LOCKING).source(error)),
        }
        if let Some(other) = note(&file).filter(|other| other.host != writer.host && is_fresh(&file, unix_time, lock_seconds)) {
            return Err(busy(&other));
        }
        let note = serde_json::to_vec(writer).or_fail(ErrorKind::InvalidInput, LOCKING)?;
        let lock = Self { file, note };
        lock.file.set_len(0).or_fail(ErrorKind::Storage, LOCKING)?;
        lock.renew()?;
        Ok(lock)
    }

    /// Says that the writer is still there.
    pub(crate) fn renew(&self) -> Result<()> {
        self.file.write_all_at(&self.note, 0).or_fail(ErrorKind::Storage, LOCKING)
    }

    /// Returns who writes now, as far as can be seen without disturbing.
    pub(crate) fn holder(tree: &Tree, host: &str, unix_time: i64, lock_seconds: u64) -> Result<Option<Writer>> {
        let Some(file) = tree.find(place::LOCK)? else { return Ok(None) };
        let note = note(&file);
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => return Ok(Some(note.unwrap_or_default())),
            outcome => outcome.or_fail(ErrorKind::Storage, LOCKING)?,
        }
        Ok(note.filter(|other| other.host != host && is_fresh(&file, unix_time, lock_seconds)))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        // A child that was just forked has the file open, too: closing alone would leave it locked.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

fn note(file: &File) -> Option<Writer> {
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn is_fresh(file: &File, unix_time: i64, lock_seconds: u64) -> bool {
    let modified = rustix::fs::fstat(file).map_or(0, |stat| stat.st_mtime);
    unix_time.abs_diff(modified) < lock_seconds
}

fn busy(other: &Writer) -> Error {
    Error::new(ErrorKind::PeerBusy, LOCKING)
        .context("code", "set_busy")
        .context("host", other.host.escape_debug())
        .context("pid", other.pid)
        .context("since", other.since.escape_debug())
        .context("remedy", "wait until that run is over")
}

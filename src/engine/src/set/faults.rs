//! For tests: a file system that fails at a chosen change.

use std::cell::{Cell, RefCell};

use crate::error::{Error, ErrorKind, Result};

/// When changes fail.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Changes so far.
    pub(crate) changes: Cell<u64>,
    /// Changes that the process makes before it is killed: every later one fails, clearing up included.
    pub(crate) killed_after: Cell<Option<u64>>,
    /// Changes after which the disk is full: those that need room fail.
    pub(crate) full_after: Cell<Option<u64>>,
    /// A file that the disk does not give.
    pub(crate) unreadable: RefCell<Option<String>>,
}

impl Faults {
    pub(crate) fn read(&self, path: &str) -> Result<()> {
        if self.unreadable.borrow().as_deref() == Some(path) {
            return Err(Error::new(ErrorKind::Storage, "reading a backup set").source(std::io::Error::from_raw_os_error(5)));
        }
        Ok(())
    }

    pub(crate) fn strike(&self, grows: bool) -> Result<()> {
        let count = self.changes.get();
        if self.killed_after.get().is_some_and(|limit| count >= limit) {
            return Err(Error::new(ErrorKind::Storage, "being killed").context("change", count));
        }
        if grows && self.full_after.get().is_some_and(|limit| count >= limit) {
            return Err(Error::new(ErrorKind::Storage, "writing a backup set").source(std::io::Error::from_raw_os_error(28)));
        }
        self.changes.set(count + 1);
        Ok(())
    }
}

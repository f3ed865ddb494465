//! Who follows a restore.

/// Is told how far it is.
pub trait Watch {
    /// The hub knows it by this name from now on: the same key goes on with it.
    fn begun(&mut self, session: &str);
    /// Now and then.
    fn progress(&mut self, progress: &Progress<'_>);
    /// A file is not sent.
    fn unsent(&mut self, unsent: &Unsent<'_>);
    /// Something on the way makes it slower, in one word: `body_limit` or `patch_refused`.
    fn hindered(&mut self, by: &'static str, limit_bytes: Option<u64>);
    /// Is asked whether it shall stop.
    fn must_stop(&self) -> bool;
}

/// How far a restore is.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// The hub was asked for so many digests.
    Asking(u64),
    /// So many files of another folder were looked at.
    Seeking(u64),
    /// Files are sent.
    Sending {
        /// Files that the hub has.
        files: u64,
        /// All that are to be sent.
        all_files: u64,
        /// Their bytes.
        bytes: u64,
        /// The bytes of all.
        all_bytes: u64,
        /// What is under way: a path of the set.
        name: &'a str,
    },
    /// The hub counts what a restore would do.
    Planning,
    /// The hub chooses what a drill takes.
    Choosing,
    /// The hub tries to restore it.
    Trying {
        /// How much of it is done.
        percent: u64,
    },
    /// What it restored is read back.
    Reading {
        /// Files that were read.
        files: u64,
        /// All that are to be read.
        all_files: u64,
        /// Their bytes.
        bytes: u64,
        /// The bytes of all.
        all_bytes: u64,
        /// What is under way: a path of true names.
        name: &'a str,
    },
    /// The hub restores them.
    Restoring {
        /// How much of it is done.
        percent: u64,
    },
}

/// A file that is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsent<'a> {
    /// Its path in the set.
    pub path: &'a str,
    /// Why.
    pub why: Why,
}

/// Why a file is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not at its place, nor where it was looked for.
    Missing,
    /// Its bytes are not those that were saved.
    Damaged,
    /// The hub takes none of this size.
    TooLarge {
        /// How many bytes it has.
        size_bytes: u64,
        /// How many the hub takes.
        limit_bytes: u64,
    },
}

//! Why a verb ends before it is done: one word for programs, what is wrong and what helps for a person, and the exit code.

use std::path::Path;

use filesync_engine::{Error, ErrorKind};

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Every file is there and was checked.
    Complete,
    /// Something needs attention.
    NeedsAttention,
    /// Something else must be asked for.
    Usage,
    /// The same command goes on.
    GoesOn,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::NeedsAttention => 1,
            Self::Usage => 2,
            Self::GoesOn => 75,
        }
    }
}

/// A reason to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// In one word, for programs.
    pub(crate) kind: &'static str,
    /// For the person who asked.
    pub(crate) words: String,
    /// How the command ends.
    pub(crate) exit: Exit,
}

impl Problem {
    /// Something needs attention.
    pub(crate) fn new(kind: &'static str, words: impl Into<String>) -> Self {
        Self { kind, words: words.into(), exit: Exit::NeedsAttention }
    }

    /// Something else must be asked for.
    pub(crate) fn usage(kind: &'static str, words: impl Into<String>) -> Self {
        Self { kind, words: words.into(), exit: Exit::Usage }
    }

    /// The same command goes on later.
    pub(crate) fn later(kind: &'static str, words: impl Into<String>) -> Self {
        Self { kind, words: words.into(), exit: Exit::GoesOn }
    }

    /// Puts an error about a set into words.
    pub(crate) fn of_set(error: &Error, folder: &Path) -> Self {
        let shown = folder.display();
        let has_code = |code: &str| error.facts().any(|fact| fact == ("code", code));
        match error.kind() {
            ErrorKind::PeerBusy => {
                Self::later("set_busy", format!("Somebody else writes the set in {shown}: {error}. Try again when that is over."))
            }
            ErrorKind::Storage => Self::later(
                "disk_short",
                format!("The disk is full or fails: {error}. What the last run left is whole; the same command goes on."),
            ),
            ErrorKind::Unsupported => {
                let format = error.facts().find(|(key, _)| *key == "format").map_or("a newer one", |(_, format)| format);
                Self::new("set_newer", format!("The set in {shown} has format {format}; this filesync reads 1. Update filesync."))
            }
            ErrorKind::Corrupt => Self::new(
                "set_damaged",
                format!(
                    "The set in {shown} is damaged: {error}. `filesync verify {shown}` says what is whole. No run can build on it: \
                     move the folder away, and the same command makes a new set."
                ),
            ),
            ErrorKind::InvalidInput if has_code("set_other_channel") => Self::new(
                "set_other_channel",
                format!("The set in {shown} is another channel's. Choose another folder for this one."),
            ),
            ErrorKind::NotFound if folder.join("set.json").is_file() => {
                Self::new("not_in_set", format!("The set in {shown} does not have it: {error}"))
            }
            ErrorKind::NotFound => Self::new("no_set", format!("There is no set in {shown}: {error}")),
            _ => Self::new("failed", error.to_string()),
        }
    }
}

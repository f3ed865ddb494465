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
    /// For the person who asked: what is wrong.
    pub(crate) words: String,
    /// And what helps; empty if the first says it.
    pub(crate) remedy: String,
    /// How the command ends.
    pub(crate) exit: Exit,
}

impl Problem {
    /// Something needs attention.
    pub(crate) fn new(kind: &'static str, words: impl Into<String>) -> Self {
        Self { kind, words: words.into(), remedy: String::new(), exit: Exit::NeedsAttention }
    }

    /// Something else must be asked for.
    pub(crate) fn usage(kind: &'static str, words: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(kind, words) }
    }

    /// The same command goes on later.
    pub(crate) fn later(kind: &'static str, words: impl Into<String>) -> Self {
        Self { exit: Exit::GoesOn, ..Self::new(kind, words) }
    }

    /// Adds what helps.
    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    /// Returns both for a program that shows them.
    pub(crate) fn sentence(&self) -> String {
        format!("{} {}", self.words, self.remedy).trim_end().to_owned()
    }

    /// Puts an error about a set into words.
    pub(crate) fn of_set(error: &Error, folder: &Path) -> Self {
        let shown = folder.display();
        match (error.fact("code"), error.kind()) {
            (Some("set_cut_off"), _) => Self::later(
                "set_cut_off",
                format!("The last run of the backup in {shown} was cut off while it was being put in place."),
            )
            .remedy(format!("`filesync verify {shown} --finish` completes it from the set alone; no hub is needed.")),
            (Some("set_refused" | "path_refused"), _) => {
                Self::new("set_refused", format!("The set in {shown} was made to do harm: it breaks the rules that keep a reader safe."))
                    .remedy("Do not restore from it. Nothing was done.")
            }
            (Some("no_run"), _) => Self::usage(
                "no_run",
                format!("No run of the backup in {shown} is as old as {}.", error.fact("at").unwrap_or("that")),
            )
            .remedy(format!("What the run of {} left is the oldest that it has.", error.fact("first_run").unwrap_or("?"))),
            (Some("set_busy"), _) => Self::later("set_busy", format!("A backup writes the set in {shown}."))
                .remedy("Try again when that is over."),
            (_, ErrorKind::PeerBusy) => Self::later("set_busy", format!("Somebody else writes the set in {shown}: {error}."))
                .remedy("Try again when that is over."),
            (_, ErrorKind::Storage) => Self::later("disk_short", format!("The disk is full or fails: {error}."))
                .remedy("What the last run left is whole; the same command goes on."),
            (_, ErrorKind::Unsupported) => Self::new(
                "set_newer",
                format!("The set in {shown} has format {}; this filesync reads 1.", error.fact("format").unwrap_or("of another time")),
            )
            .remedy("Update filesync."),
            (_, ErrorKind::Corrupt) => Self::new("set_damaged", format!("The set in {shown} is damaged: {error}.")).remedy(format!(
                "`filesync verify {shown}` says what is whole. No run can build on it: move the folder away, and the same command makes a \
                 new set."
            )),
            (Some("set_other_channel"), _) => {
                Self::new("set_other_channel", format!("The set in {shown} is another channel's."))
                    .remedy("Choose another folder for this one.")
            }
            (_, ErrorKind::NotFound) if folder.join("set.json").is_file() => {
                Self::new("not_in_set", format!("The set in {shown} does not have it: {error}."))
            }
            (_, ErrorKind::NotFound) => Self::new("no_set", format!("There is no set in {shown}."))
                .remedy("Name the folder that has set.json in it; `filesync backup` makes one."),
            _ => Self::new("failed", format!("That did not work: {error}.")),
        }
    }
}

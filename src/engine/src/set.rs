//! Backup sets: a channel's files and everything a hub knows of them, in a folder that any tool can copy and check.
//!
//! `docs/backup-set.md` describes the format. Invariants: until a run is committed, the set is what the last run left; a run
//! that was cut off is completed from the set alone; no path is taken from a set unless it was checked; memory does not grow
//! with the number of files.

mod about;
mod beside;
mod check;
mod choice;
mod commit;
mod contents;
mod elsewhere;
mod extract;
mod finding;
mod index;
mod journal;
mod known;
mod list;
mod lists;
mod lock;
mod look;
mod metadata;
mod names;
mod new_lists;
mod outgoing;
mod place;
mod planner;
mod prepare;
mod prune;
mod restore;
mod rows;
mod seek;
mod signer;
mod sorter;
mod staged;
mod surroundings;
mod tree;
mod versions;
mod walk;
mod writer;

pub use about::Counts;
pub use beside::Beside;
pub(crate) use beside::SavedRows;
pub use check::{Check, CheckOptions, CheckProgress, CheckResult};
pub use choice::Choice;
pub use contents::{Contents, ContentsOptions, Version};
pub use extract::{Extract, ExtractOptions, ExtractProgress, Fate, Noted};
pub use finding::{Finding, FindingCode};
pub use known::{Known, Peek, unnamed_file};
pub use lock::Writer;
pub use look::{Condition, Look, look};
pub(crate) use outgoing::{Digests, Expected, describes};
pub use outgoing::{Outgoing, Part};
pub use prepare::Found;
pub use prune::{PruneSpec, Pruned};
pub use restore::{Proof, Restore, RestoreEntry, RestoreFacts, RestoreOptions, RestorePart, SignedBy, Staged};
pub(crate) use rows::MOST_ROW_BYTES;
pub use rows::{ListedRow, Rows, RowsFound, RowsOfFile, WantedRows};
pub(crate) use seek::{Wanted, open as open_found, seek};
pub use signer::{OwnerKey, OwnerSigned, is_signed_by_channel};
pub(crate) use sorter::{Sorted, Sorter};
pub use surroundings::{Options, Surroundings};
#[cfg(test)]
pub(crate) use tree::Tree;
pub use writer::{Added, Begun, Bytes, Crop, Original, RunSpec, Set, What};

/// Parsers of what a set holds, for the fuzz targets.
#[doc(hidden)]
pub mod parsers {
    use crate::limits::SetLimits;
    use crate::set::{about, journal, list, metadata, place};

    /// Reads `set.json` and writes it again.
    pub fn set(bytes: &[u8]) -> Option<Vec<u8>> {
        about::About::parse(bytes).ok()?.compose("2026-11-28T03:21:44Z").ok()
    }

    /// Reads `channel-signature.json`, and tells whether it was accepted.
    pub fn signature(bytes: &[u8]) -> bool {
        about::Signature::parse(bytes).is_some()
    }

    /// Reads a metadata file, writes it again, and returns the paths that it names.
    pub fn metadata(bytes: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
        let saved = metadata::Saved::parse(bytes, &SetLimits::default()).ok()?;
        let paths = saved.parts.iter().filter_map(|part| part.path.clone());
        let wanted = place::Wanted::of(&saved.metadata.names, &saved.metadata.hash);
        let paths = paths.chain([wanted.path.clone(), wanted.second(&saved.metadata.hash).path]).collect();
        Some((metadata::Saved::compose(&saved.metadata, &saved.seen, &saved.parts).ok()?, paths))
    }

    /// Reads lines of a manifest; returns the paths of those that are accepted.
    pub fn manifest(bytes: &[u8]) -> Vec<String> {
        let lines = bytes.split(|byte| *byte == b'\n').filter_map(list::Line::parse);
        lines
            .map(|line| line.path)
            .filter(|path| place::payload_fault(path).is_none() || place::tag_fault(path).is_none())
            .collect()
    }

    /// Reads the journal, or a step of its plan; returns the paths that it names.
    pub fn journal(bytes: &[u8]) -> Vec<String> {
        let _ = journal::Journal::parse(bytes);
        journal::Step::parse(bytes)
            .map_or_else(|_| Vec::new(), |step| [Some(step.from), Some(step.to), step.was].into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;

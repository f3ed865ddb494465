//! What is in a folder, without opening it for writing.

use super::about::About;
use super::journal::Journal;
use super::lock::{Lock, Writer};
use super::place;
use super::surroundings::Surroundings;
use super::tree::Tree;
use crate::error::{ErrorKind, OrFail, Result};
use crate::limits::SetLimits;

/// What a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no such folder.
    Missing,
    /// It is empty.
    Empty,
    /// A first run is under way, or was interrupted.
    Begun,
    /// It is a set as its last run left it.
    Whole,
    /// A run was cut off while it was put in place.
    CutOff,
    /// Its format is newer.
    Newer,
    /// `set.json` or the journal cannot be read.
    Damaged,
    /// It holds something else.
    Other,
}

impl Condition {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::Begun => "begun",
            Self::Whole => "whole",
            Self::CutOff => "cut_off",
            Self::Newer => "newer",
            Self::Damaged => "damaged",
            Self::Other => "other",
        }
    }
}

/// What is known of a folder.
#[derive(Clone, Debug)]
pub struct Look {
    /// What it is.
    pub condition: Condition,
    /// The set's format.
    pub format: Option<u64>,
    /// The text of `set.json`.
    pub set: Option<String>,
    /// The run that would be continued.
    pub unfinished: Option<String>,
    /// Who writes now.
    pub busy: Option<Writer>,
}

/// Looks at a folder.
///
/// # Errors
///
/// `InvalidInput` if the path is not absolute, `Storage` if the folder cannot be read.
pub fn look(folder: &std::path::Path, surroundings: &Surroundings, limits: &SetLimits) -> Result<Look> {
    match Tree::open(folder) {
        Ok(tree) => look_at(&tree, surroundings, limits),
        Err(_) if folder.is_absolute() && !folder.exists() => {
            Ok(Look { condition: Condition::Missing, format: None, set: None, unfinished: None, busy: None })
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn look_at(tree: &Tree, surroundings: &Surroundings, limits: &SetLimits) -> Result<Look> {
    let journal = Journal::read(tree);
    let (mut is_cut_off, mut unfinished, mut is_damaged) = (false, None, false);
    match journal {
        Ok(Some(journal)) if journal.state.is_cut_off() => is_cut_off = true,
        Ok(Some(journal)) => unfinished = Some(journal.run),
        Ok(None) => {}
        Err(_) => is_damaged = true,
    }
    let bytes = match tree.read(place::SET, limits.metadata_bytes) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
        Err(_) => Some(Vec::new()),
    };
    let set = bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let format = set.as_ref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let format = format.and_then(|value| value.get("filesync_set").and_then(serde_json::Value::as_u64));
    let about = bytes.map(|bytes| About::parse(&bytes));
    let condition = match about {
        _ if is_cut_off => Condition::CutOff,
        Some(Err(error)) if error.kind() == ErrorKind::Unsupported => Condition::Newer,
        _ if is_damaged => Condition::Damaged,
        Some(Err(_)) => Condition::Damaged,
        Some(Ok(_)) => Condition::Whole,
        None if has_lists(tree)? => Condition::Damaged,
        None if unfinished.is_some() => Condition::Begun,
        None if is_empty(tree)? => Condition::Empty,
        None => Condition::Other,
    };
    let now = (surroundings.unix_time)();
    let busy = Lock::holder(tree, &surroundings.host, now, limits.lock_time.as_secs())?;
    Ok(Look { condition, format, set, unfinished, busy })
}

fn has_lists(tree: &Tree) -> Result<bool> {
    Ok(tree.exists(place::MANIFEST)? && tree.exists(place::TAG_MANIFEST)?)
}

/// Tells whether nothing is in the folder but what a writer leaves behind.
fn is_empty(tree: &Tree) -> Result<bool> {
    let Some(folder) = tree.find_folder("")? else { return Ok(true) };
    for entry in rustix::fs::Dir::read_from(&folder).or_fail(ErrorKind::Storage, "reading a folder")? {
        let entry = entry.or_fail(ErrorKind::Storage, "reading a folder")?;
        let name = entry.file_name().to_bytes();
        let is_ours = [place::LOCK, place::PARTIAL, place::OF_DISKS, ".", ".."].iter().any(|own| own.as_bytes() == name);
        if !is_ours {
            return Ok(false);
        }
    }
    Ok(true)
}

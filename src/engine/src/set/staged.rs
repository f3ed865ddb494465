//! Where what a run brings waits until the run is put in place.

use super::metadata::{Part, Saved};
use super::place;
use super::tree::Tree;
use crate::digest::Digest;
use crate::error::Result;

pub(crate) const WORKSHOP: &str = ".partial/work";
/// Where rows arrive.
pub(crate) const ARRIVING_ROWS: &str = ".partial/rows";

/// A file of rows that waits to be put in place.
#[derive(Clone, Debug)]
pub(crate) struct StagedRows {
    pub(crate) path: String,
    /// What it becomes; none: it leaves.
    pub(crate) new: Option<StagedFile>,
    /// What goes to what is older.
    pub(crate) older: Option<StagedFile>,
}

/// A file in the run's own folder.
#[derive(Clone, Debug)]
pub(crate) struct StagedFile {
    pub(crate) at: String,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
}

/// Returns where new metadata waits.
pub(crate) fn staged_metadata(hash: &str) -> String {
    format!(".partial/metadata/{}.json", place::shelf(hash))
}

/// Returns where new bytes wait.
pub(crate) fn staged_original(hash: &str) -> String {
    format!(".partial/files/{}", place::shelf(hash))
}

/// Returns where a new crop waits for its place.
pub(crate) fn staged_part(path: &str) -> String {
    format!(".partial/{}", path.strip_prefix("data/").unwrap_or(path))
}

/// Returns the path of a file of the workshop.
pub(crate) fn workshop(name: &str) -> String {
    format!("{WORKSHOP}/{name}")
}

/// Returns the part that an earlier part of the run has brought, if its bytes are still there.
pub(crate) fn staged_part_of(tree: &Tree, hash: &str, staged: Option<&Saved>) -> Result<Option<Part>> {
    let Some(part) = staged.and_then(Saved::original) else { return Ok(None) };
    let is_there = tree.stat(&staged_original(hash))?.is_some_and(|facts| facts.size_bytes == part.size);
    Ok(is_there.then(|| part.clone()))
}

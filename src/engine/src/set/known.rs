//! What a set has of one file, for a run that reads only what changed.

use std::fs::File;
use std::path::Path;

use super::look::{Condition, look_at};
use super::metadata::Saved;
use super::place;
use super::staged::{staged_metadata, staged_part_of};
use super::tree::Tree;
use crate::digest::Digest;
use crate::error::{ErrorKind, Result};
use crate::limits::SetLimits;

/// A set that is looked at without a lock.
pub struct Peek {
    tree: Tree,
    limits: SetLimits,
}

impl Peek {
    /// Looks into a folder; none if there is none, or it holds no set and no first run of one.
    ///
    /// # Errors
    ///
    /// `Storage` if the folder cannot be read.
    pub fn into(folder: &Path, surroundings: &super::surroundings::Surroundings, limits: SetLimits) -> Result<Option<Self>> {
        let tree = match Tree::open(folder) {
            Err(_) if folder.is_absolute() && !folder.exists() => return Ok(None),
            tree => tree?,
        };
        let found = look_at(&tree, surroundings, &limits)?;
        let is_set = matches!(found.condition, Condition::Begun | Condition::Whole | Condition::CutOff | Condition::Damaged);
        Ok(is_set.then_some(Self { tree, limits }))
    }

    /// Returns what the set has of a file or folder.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the hash is malformed, `Storage` if the disk fails.
    pub fn known(&self, hash: &str) -> Result<Option<Known>> {
        Known::of(&self.tree, &self.limits, hash)
    }
}

/// Opens a temporary file without a name beneath a folder.
///
/// # Errors
///
/// `InvalidInput` if the path is not absolute, `Storage` if the disk fails.
pub fn unnamed_file(folder: &Path, stem: &str) -> Result<File> {
    Tree::open(folder)?.create_unnamed(stem)
}

/// What a set, or an earlier part of the run under way, has of a file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The metadata as JSON, without the keys that the set adds.
    pub metadata: String,
    /// Size of the original; none if it has no bytes.
    pub size_bytes: Option<u64>,
    /// Digest of the original.
    pub sha256: Option<Digest>,
    /// Whether these bytes are there, in their number.
    pub has_bytes: bool,
    /// Whether the run under way has brought it.
    pub is_new: bool,
}

impl Known {
    pub(crate) fn of(tree: &Tree, limits: &SetLimits, hash: &str) -> Result<Option<Self>> {
        place::check_hash(hash)?;
        let read = |path: &str| match tree.read(path, limits.metadata_bytes) {
            Err(error) if error.kind() == ErrorKind::LimitExceeded => Ok(None),
            outcome => Ok(outcome?.and_then(|bytes| Saved::parse(&bytes, limits).ok()).filter(|old| old.metadata.hash == hash)),
        };
        if let Some(staged) = read(&staged_metadata(hash))? {
            let (size_bytes, sha256) = facts(&staged);
            // New metadata of bytes that stay is staged alone.
            let has_bytes = staged_part_of(tree, hash, Some(&staged))?.is_some()
                || Self::stands(tree, read(&place::metadata(hash))?.as_ref(), &staged)?;
            return Ok(Some(Self { metadata: staged.metadata.text(), size_bytes, sha256, has_bytes, is_new: true }));
        }
        let Some(old) = read(&place::metadata(hash))? else { return Ok(None) };
        let (size_bytes, sha256) = facts(&old);
        let has_bytes = Self::stands(tree, Some(&old), &old)?;
        Ok(Some(Self { metadata: old.metadata.text(), size_bytes, sha256, has_bytes, is_new: false }))
    }

    /// Tells whether the bytes that a metadata file names are in the set, where the old one says.
    fn stands(tree: &Tree, old: Option<&Saved>, wanted: &Saved) -> Result<bool> {
        let (Some(old), Some(wanted)) = (old.and_then(Saved::original), wanted.original()) else { return Ok(false) };
        let Some(path) = old.path.as_deref().filter(|_| old.sha256 == wanted.sha256) else { return Ok(false) };
        match tree.stat(path) {
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(false),
            facts => Ok(facts?.is_some_and(|facts| facts.size_bytes == wanted.size)),
        }
    }
}

fn facts(saved: &Saved) -> (Option<u64>, Option<Digest>) {
    saved.original().map_or((None, None), |part| (Some(part.size), Some(part.sha256)))
}

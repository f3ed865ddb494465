//! The lists of a set: those of its last run, and those of a run that is about to be put in place.

use std::collections::BTreeMap;

use super::about::{About, Oxum};
use super::journal::Journal;
use super::list::Lines;
use super::place;
use super::tree::Tree;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result, WithContext};
use crate::limits::SetLimits;

/// The lists of a set, found whole.
pub(crate) struct Lists {
    pub(crate) about: About,
    pub(crate) tags: BTreeMap<String, Digest>,
    pub(crate) oxum: Oxum,
}

const CHECKING: &str = "checking the lists of a backup set";

impl Lists {
    /// Reads them; none if there is no set yet.
    pub(crate) fn read(tree: &Tree, limits: &SetLimits) -> Result<Option<Self>> {
        let Some(file) = tree.find(place::TAG_MANIFEST)? else {
            return if tree.exists(place::SET)? { Err(damaged(place::TAG_MANIFEST)) } else { Ok(None) };
        };
        let mut lines = Lines::of(file, place::tag_fault);
        let mut tags = BTreeMap::new();
        while let Some(line) = lines.next_sound().context("path", place::TAG_MANIFEST)? {
            if tree.digest(&line.path)? == Some(line.digest) {
                tags.insert(line.path, line.digest);
            } else if [place::MANIFEST, place::SET, place::BAG_INFO].contains(&line.path.as_str()) {
                return Err(damaged(&line.path));
            }
            // Others are written again, or forgotten: reports of runs.
        }
        for needed in [place::MANIFEST, place::SET, place::BAG_INFO] {
            if !tags.contains_key(needed) {
                return Err(damaged(needed));
            }
        }
        let read = |path: &str| tree.read(path, limits.metadata_bytes)?.ok_or_else(|| damaged(path));
        let about = About::parse(&read(place::SET)?)?;
        let bag_info = String::from_utf8(read(place::BAG_INFO)?).map_err(|_| damaged(place::BAG_INFO))?;
        let oxum = Oxum::parse(&bag_info).ok_or_else(|| damaged(place::BAG_INFO))?;
        Ok(Some(Self { about, tags, oxum }))
    }
}

fn damaged(path: &str) -> Error {
    Error::new(ErrorKind::Corrupt, CHECKING)
        .context("code", "list_damaged")
        .context("path", path)
        .context("fault", "it is missing, or not what the last run wrote")
        .context("remedy", "fetch the file from a copy of the set, or begin a new set in another folder")
}

/// A run that only waits for its signature.
pub(crate) struct Prepared {
    pub(crate) journal: Journal,
    pub(crate) about: About,
    pub(crate) updated: String,
    pub(crate) tags: BTreeMap<String, Digest>,
    /// New lists, besides those that depend on the signature.
    pub(crate) lists: Vec<String>,
    pub(crate) plan_bytes: u64,
    pub(crate) tag_manifest: Digest,
}

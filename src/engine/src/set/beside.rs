//! What a set has of a channel beside its files, read again for a hub to which the channel is brought.
//!
//! Invariant: the set is only read, and only what its lists prove is given.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

use super::list::Lines;
use super::lists::Lists;
use super::look::{Condition, look_at};
use super::place;
use super::rows::{MOST_IDENTITY_BYTES, MOST_ROW_BYTES, without_print};
use super::surroundings::Surroundings;
use super::tree::Tree;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::SetLimits;

/// What a set has of a channel beside its files.
pub struct Beside {
    tree: Tree,
    name: String,
    about: Value,
    files: Vec<String>,
}

/// The rows of a file of the set, one after the other.
pub(crate) struct SavedRows {
    file: BufReader<File>,
    line: Vec<u8>,
}

const READING: &str = "reading what a backup set has beside files";
const BUFFER_BYTES: usize = 256 << 10;

impl Beside {
    /// Opens a set that is whole; reads all that it has beside files, to compare it with the lists.
    ///
    /// # Errors
    ///
    /// `Refused` with code `no_channel` if there is nothing of the kind, `Corrupt` with `rows_damaged` and the path if a file is not
    /// as the lists say; `PeerBusy` with `set_cut_off` or `set_busy`, `NotFound` if there is no set, `Unsupported` for a newer format.
    pub fn open(folder: &Path, surroundings: &Surroundings, limits: &SetLimits) -> Result<Self> {
        let tree = Tree::open(folder)?;
        let found = look_at(&tree, surroundings, limits)?;
        let refused = |kind: ErrorKind, code: &'static str| Error::new(kind, READING).context("code", code);
        if found.condition == Condition::CutOff {
            return Err(refused(ErrorKind::PeerBusy, "set_cut_off"));
        }
        if found.busy.is_some() {
            return Err(refused(ErrorKind::PeerBusy, "set_busy"));
        }
        let no_set = || Error::new(ErrorKind::NotFound, READING).context("fault", "no run of a backup has ended here");
        let lists = Lists::read(&tree, limits)?.ok_or_else(no_set)?;
        let name = tree.digest(place::TAG_MANIFEST)?.ok_or_else(no_set)?.to_string();
        let about = lists.about.said("everything");
        let mut files = Vec::new();
        let mut lines = Lines::of(tree.open_file(place::MANIFEST)?, place::payload_fault);
        while let Some(line) = lines.next_sound().context("path", place::MANIFEST)? {
            let is_now = place::split_older(&line.path).is_none();
            if is_now && place::is_beside_files(&line.path) {
                if tree.digest(&line.path)? != Some(line.digest) {
                    return Err(refused(ErrorKind::Corrupt, "rows_damaged").context("path", line.path));
                }
                files.push(line.path);
            }
        }
        if !files.iter().any(|path| path == place::IDENTITY) || !about.is_object() {
            return Err(refused(ErrorKind::Refused, "no_channel"));
        }
        Ok(Self { tree, name, about, files })
    }

    /// Returns the sealed identity of the channel.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn sealed(&self) -> Result<Vec<u8>> {
        let sealed = self.tree.read(place::IDENTITY, MOST_IDENTITY_BYTES)?;
        sealed.ok_or_else(|| Error::new(ErrorKind::Corrupt, READING).context("path", place::IDENTITY))
    }

    /// Returns what tells this state of the set from others.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns what `set.json` says of it.
    pub(crate) fn about(&self, key: &str) -> Value {
        self.about.get(key).cloned().unwrap_or_default()
    }

    /// Returns the file that has the rows of a kind, if there is one.
    pub(crate) fn file_of(&self, kind: &str) -> Option<String> {
        let path = format!("data/channel/{kind}.jsonl");
        self.files.contains(&path).then_some(path)
    }

    /// Returns the files that have posts, month by month.
    pub(crate) fn months(&self) -> impl Iterator<Item = &String> {
        self.files.iter().filter(|path| path.starts_with("data/posts/"))
    }

    /// Begins to read the rows of a file.
    pub(crate) fn rows(&self, path: &str) -> Result<SavedRows> {
        Ok(SavedRows { file: BufReader::with_capacity(BUFFER_BYTES, self.tree.open_file(path)?), line: Vec::new() })
    }
}

impl SavedRows {
    /// Returns the next row: a JSON object, without what only the set says of it.
    pub(crate) fn next(&mut self) -> Result<Option<String>> {
        self.line.clear();
        let most = (MOST_ROW_BYTES + BUFFER_BYTES) as u64;
        let count = self.file.by_ref().take(most).read_until(b'\n', &mut self.line).or_fail(ErrorKind::Storage, READING)?;
        if count == 0 {
            return Ok(None);
        }
        let text = std::str::from_utf8(&self.line).or_fail(ErrorKind::Corrupt, READING)?;
        let row = without_print(text.trim_end()).ok_or_else(|| Error::new(ErrorKind::Corrupt, READING));
        row.context("fault", "a line of another form").map(Some)
    }
}

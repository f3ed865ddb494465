//! Writing a set: what arrives during a run.
//!
//! Invariant: until [`Set::commit`] nothing changes that a list names, but for modification times.

use std::fs::File;
use std::io::{Read, Seek};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::journal::{self, Journal, State};
use super::known::Known;
use super::lists::{Lists, Prepared};
use super::lock::{Lock, Writer};
use super::metadata::{CROP, Metadata, ORIGINAL, Part, Saved};
use super::place::{self, Wanted};
use super::sorter::Sorter;
use super::staged::{
    ARRIVING_ROWS, StagedRows, WORKSHOP, staged_metadata, staged_original, staged_part, staged_part_of, workshop,
};
use super::surroundings::Options;
use super::tree::Tree;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::paths::{FileFacts, RelativePath, Root};

/// Where a run's bytes come from, and whose they are.
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// The hub's root URL.
    pub from: String,
    /// Who makes the run: `hub` or `api`.
    pub by: String,
    /// The channel.
    pub channel_hash: String,
}

/// A run that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its name.
    pub run: String,
    /// Whether it goes on.
    pub is_continued: bool,
    /// Where it goes on.
    pub cursor: Option<String>,
    /// Whether another run that was cut off was put in place before.
    pub has_completed: bool,
}

/// The bytes of a file.
pub enum Original {
    /// A file beneath the root.
    Path(RelativePath),
    /// The bytes themselves.
    Bytes(Vec<u8>),
    /// A whole file in the run's workshop, which becomes the set's own.
    Arrived {
        /// Its name there.
        name: String,
        /// Its size.
        size_bytes: u64,
        /// Its digest.
        sha256: Digest,
        /// When it was changed, nanoseconds since 1970.
        modified_ns: i64,
    },
    /// Those that the set has; see [`Known::has_bytes`].
    Kept,
}

/// A scale made by hand.
pub struct Crop {
    /// Its number.
    pub scale: u8,
    /// Its format.
    pub mimetype: String,
    /// A file beneath the root.
    pub path: RelativePath,
}

/// The bytes that belong to a metadata file.
#[derive(Default)]
pub struct Bytes {
    /// Of the file itself.
    pub original: Option<Original>,
    /// Of scales.
    pub crops: Vec<Crop>,
    /// Whether the copy in the set is distrusted.
    pub again: bool,
}

/// What became of an added file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The set has it as it is.
    Unchanged,
    /// The set had none of it.
    New,
    /// It has other bytes.
    Replaced,
    /// It has other metadata.
    Changed,
    /// It has another name or folder.
    Moved,
    /// It could not be read; the set's last version stays.
    Kept,
}

impl What {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::New => "new",
            Self::Replaced => "replaced",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Kept => "kept",
        }
    }
}

/// An added file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// Which.
    pub hash: String,
    /// What became of it.
    pub what: What,
    /// Why it was not read.
    pub why: Option<String>,
    /// Bytes that were copied.
    pub copied_bytes: u64,
    /// Bytes whose blocks are shared with the source.
    pub cloned_bytes: u64,
    /// Size of the original.
    pub size_bytes: u64,
    /// Digest of the original.
    pub sha256: Option<Digest>,
}

/// A note that an entry was added, one a line in `.partial/seen`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Seen {
    pub(crate) hash: String,
    pub(crate) what: What,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    pub(crate) is_file: bool,
    pub(crate) is_photo: bool,
    pub(crate) crops: u64,
    pub(crate) posts: u64,
    pub(crate) bytes: u64,
    pub(crate) copied: u64,
    /// Where the original is in the set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) old_path: Option<String>,
    /// Where the original shall be, if no other wants to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wanted: Option<(String, bool)>,
    /// Whether there is a new metadata file.
    pub(crate) is_staged: bool,
    /// Whether there are new bytes of the original.
    pub(crate) has_bytes: bool,
    /// Whether the set's copy of the original is known to be damaged.
    pub(crate) is_damaged: bool,
}

const SEEN: &str = ".partial/seen";
const MAX_CURSOR_BYTES: usize = 4096;

/// A set that is open for writing.
pub struct Set {
    pub(crate) tree: Tree,
    pub(crate) options: Options,
    lock: Option<Lock>,
    pub(crate) run: Option<Run>,
    pub(crate) prepared: Option<Prepared>,
    /// Files of rows that wait for the end of the run, by their places.
    pub(crate) staged_rows: std::collections::BTreeMap<String, StagedRows>,
    may_clone: bool,
    /// Until when nothing more may be copied.
    pause_until: Option<Instant>,
}

/// A run in this process.
pub(crate) struct Run {
    pub(crate) journal: Journal,
    pub(crate) lists: Option<Lists>,
    seen: File,
    copying: Option<Box<Copying>>,
}

/// An entry that is being added.
struct Entry {
    metadata: Metadata,
    wanted: Wanted,
    /// The metadata file in the set, and what it says unless it is damaged.
    old_bytes: Option<Vec<u8>>,
    old: Option<Saved>,
    /// What an earlier part of the run made of it.
    staged: Option<Saved>,
    crops: Vec<Part>,
    is_damaged: bool,
    copied_bytes: u64,
    cloned_bytes: u64,
    /// Copied by an earlier part of the run.
    earlier_bytes: u64,
}

impl Entry {
    fn old_original(&self) -> Option<(&Part, &str)> {
        let part = self.old.as_ref()?.original()?;
        Some((part, part.path.as_deref()?))
    }
}

/// A file whose bytes are being copied.
struct Copying {
    entry: Entry,
    source: File,
    facts: FileFacts,
    target: File,
    is_clone: bool,
    hasher: Hasher,
    buffer: Vec<u8>,
    restarts: u32,
}

fn out_of_turn(operation: &'static str, fault: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, operation).context("fault", fault)
}

const ADDING: &str = "adding to a backup set";
const BEGINNING: &str = "beginning a run of a backup set";

impl Set {
    /// Opens a folder for writing and locks it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it holds something that is not a set, `Unsupported` if the set's format is newer, `PeerBusy` if somebody else
    /// writes, `Storage` if it cannot be opened.
    pub fn open(folder: &std::path::Path, options: Options) -> Result<Self> {
        let tree = Tree::open(folder)?;
        let found = super::look::look_at(&tree, &options.surroundings, &options.limits)?;
        match found.condition {
            super::look::Condition::Other => {
                return Err(Error::new(ErrorKind::InvalidInput, "opening a backup set")
                    .context("folder", folder.display())
                    .context("fault", "it holds something that is not a backup set")
                    .context("remedy", "choose an empty folder or a set"));
            }
            super::look::Condition::Newer => {
                return Err(Error::new(ErrorKind::Unsupported, "opening a backup set")
                    .context("code", "set_newer")
                    .context("format", found.format.unwrap_or_default())
                    .context("remedy", "update filesync"));
            }
            _ => {}
        }
        let writer = Writer { host: options.surroundings.host.clone(), pid: options.surroundings.process, since: options.now() };
        let now = (options.surroundings.unix_time)();
        let lock = Lock::take(&tree, &writer, now, options.limits.lock_time.as_secs())?;
        let may_clone = options.may_clone;
        Ok(Self {
            tree,
            options,
            lock: Some(lock),
            run: None,
            prepared: None,
            staged_rows: std::collections::BTreeMap::new(),
            may_clone,
            pause_until: None,
        })
    }

    pub(crate) fn check_lock(&self, operation: &'static str) -> Result<()> {
        match &self.lock {
            Some(lock) => lock.renew(),
            None => Err(out_of_turn(operation, "the set was closed")),
        }
    }

    /// Puts in place what a run left half-way; false if there is nothing to do.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the journal is damaged, `Storage` if the disk fails.
    pub fn complete(&mut self) -> Result<bool> {
        self.check_lock("completing a run")?;
        let is_completed = journal::complete(&self.tree)?;
        if is_completed {
            self.run = None;
            self.prepared = None;
            self.staged_rows.clear();
        }
        Ok(is_completed)
    }

    /// Begins a run, or goes on with the one that was interrupted.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the set is another channel's or a run has begun, `Corrupt` if the set's lists are damaged, `Storage` if
    /// the disk fails.
    pub fn begin(&mut self, spec: &RunSpec) -> Result<Begun> {
        self.check_lock(BEGINNING)?;
        if self.run.is_some() || self.prepared.is_some() {
            return Err(out_of_turn(BEGINNING, "a run has begun"));
        }
        let has_completed = self.complete()?;
        let lists = Lists::read(&self.tree, &self.options.limits)?;
        let journal = Journal::read(&self.tree)?;
        let owner =
            lists.as_ref().map(|lists| &lists.about.channel_hash).or(journal.as_ref().map(|journal| &journal.channel_hash));
        if let Some(owner) = owner.filter(|owner| **owner != spec.channel_hash) {
            return Err(Error::new(ErrorKind::InvalidInput, BEGINNING)
                .context("code", "set_other_channel")
                .context("channel_of_the_set", owner)
                .context("channel", &spec.channel_hash)
                .context("remedy", "choose another folder"));
        }
        let is_continued = journal.is_some();
        let journal = match journal {
            Some(journal) => self.go_on(journal)?,
            None => self.fresh_journal(spec, lists.as_ref())?,
        };
        let begun = Begun { run: journal.run.clone(), is_continued, cursor: journal.cursor.clone(), has_completed };
        let seen = self.tree.append(SEEN)?;
        let mut notes = self.seen()?;
        while notes.next()?.is_some() {}
        seen.set_len(notes.whole_bytes).or_fail(ErrorKind::Storage, BEGINNING)?;
        self.run = Some(Run { journal, lists, seen, copying: None });
        Ok(begun)
    }

    fn fresh_journal(&self, spec: &RunSpec, lists: Option<&Lists>) -> Result<Journal> {
        self.tree.remove_all(place::PARTIAL)?;
        let mut journal = Journal::new(self.options.next_run(lists.map(|lists| lists.about.run.as_str())));
        journal.channel_hash.clone_from(&spec.channel_hash);
        journal.from.clone_from(&spec.from);
        journal.by.clone_from(&spec.by);
        journal.boot_id.clone_from(&self.options.surroundings.boot_id);
        journal.write(&self.tree)?;
        Ok(journal)
    }

    fn go_on(&self, mut journal: Journal) -> Result<Journal> {
        if journal.boot_id != self.options.surroundings.boot_id {
            // What was not forced to disk before the machine went down may be there in name only.
            self.tree.append(SEEN)?.set_len(journal.seen_bytes).or_fail(ErrorKind::Storage, BEGINNING)?;
            self.forget_unsynced()?;
            self.tree.remove_all(ARRIVING_ROWS)?;
            journal.boot_id.clone_from(&self.options.surroundings.boot_id);
            journal.write(&self.tree)?;
        }
        Ok(journal)
    }

    /// Removes the new files of entries that are not noted.
    fn forget_unsynced(&self) -> Result<()> {
        self.tree.make_folder(place::PARTIAL)?;
        let mut all = Sorter::new(&self.tree, self.options.limits.sort_bytes);
        let mut noted = self.seen()?;
        while let Some(seen) = noted.next()? {
            all.add(format!("{}\0noted", seen.hash).as_bytes())?;
        }
        let mut walk = super::walk::Walk::of(&self.tree, &self.tree, ".partial/metadata", &self.options.limits)?;
        while let Some(found) = walk.next()? {
            if let Some(hash) = place::hash_of(&found.path) {
                all.add(format!("{hash}\0").as_bytes())?;
            }
        }
        let (mut all, mut last) = (all.end()?, None::<(String, bool)>);
        loop {
            let line = all.next_text()?;
            let next =
                line.as_deref().and_then(|line| line.split_once('\0')).map(|(hash, rest)| (hash.to_owned(), rest == "noted"));
            if let Some((hash, false)) = last.filter(|(hash, _)| next.as_ref().is_none_or(|(next, _)| next != hash)) {
                self.tree.remove(&staged_metadata(&hash))?;
                self.tree.remove(&staged_original(&hash))?;
            }
            if next.is_none() {
                return Ok(());
            }
            last = next;
        }
    }

    /// Reads the notes of what was added.
    pub(crate) fn seen(&self) -> Result<SeenNotes> {
        Ok(SeenNotes { file: self.tree.find(SEEN)?.map(std::io::BufReader::new), whole_bytes: 0 })
    }

    pub(crate) fn running(&mut self, operation: &'static str) -> Result<&mut Run> {
        if self.prepared.is_some() {
            return Err(out_of_turn(operation, "the run is prepared"));
        }
        let run = self.run.as_mut().ok_or_else(|| out_of_turn(operation, "no run has begun"))?;
        if run.copying.is_some() {
            return Err(out_of_turn(operation, "a file is being copied"));
        }
        Ok(run)
    }

    /// Adds a file or folder. None: its bytes are being copied, [`Set::step`] goes on.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the metadata is malformed or no run has begun, `NotFound` if a source is missing, `LimitExceeded` if a
    /// bound is exceeded, `Storage` if a file cannot be read or written.
    pub fn add(&mut self, metadata: &str, root: &Root, bytes: Bytes) -> Result<Option<Added>> {
        self.running(ADDING)?;
        let metadata = Metadata::parse(metadata, &self.options.limits)?;
        if !metadata.is_file() && (bytes.original.is_some() || !bytes.crops.is_empty()) {
            return Err(Error::new(ErrorKind::InvalidInput, ADDING)
                .context("hash", metadata.hash)
                .context("fault", "only a file has bytes"));
        }
        let limits = &self.options.limits;
        let old_bytes = match self.tree.read(&place::metadata(&metadata.hash), limits.metadata_bytes) {
            // Too large to be one of ours: it is replaced.
            Err(error) if error.kind() == ErrorKind::LimitExceeded => Some(Vec::new()),
            outcome => outcome?,
        };
        let old = old_bytes
            .as_ref()
            .and_then(|bytes| Saved::parse(bytes, limits).ok())
            .filter(|old| old.metadata.hash == metadata.hash);
        let staged = self.tree.read(&staged_metadata(&metadata.hash), limits.metadata_bytes)?;
        if staged.is_some() {
            // From here on its bytes may be others: a kill must not leave a metadata file that does not fit.
            self.tree.remove(&staged_metadata(&metadata.hash))?;
        }
        let mut entry = Entry {
            wanted: Wanted::of(&metadata.names, &metadata.hash),
            staged: staged.and_then(|bytes| Saved::parse(&bytes, limits).ok()),
            metadata,
            old_bytes,
            old,
            crops: Vec::new(),
            is_damaged: false,
            copied_bytes: 0,
            cloned_bytes: 0,
            earlier_bytes: 0,
        };
        self.add_crops(&mut entry, root, &bytes.crops)?;
        self.add_original(entry, root, bytes).map(|added| added.map(|added| *added))
    }

    fn add_crops(&self, entry: &mut Entry, root: &Root, crops: &[Crop]) -> Result<()> {
        let limits = &self.options.limits;
        let mut sizes = 0;
        for crop in crops {
            let facts =
                root.stat(&crop.path)?.ok_or_else(|| Error::new(ErrorKind::NotFound, ADDING).context("path", &crop.path))?;
            if facts.size_bytes > limits.crop_bytes {
                return Err(Error::new(ErrorKind::LimitExceeded, ADDING)
                    .context("path", &crop.path)
                    .context("size_bytes", facts.size_bytes)
                    .context("limit_bytes", limits.crop_bytes));
            }
            sizes += facts.size_bytes;
        }
        let text = entry.metadata.length() as u64 + sizes.div_ceil(3) * 4 + ROOM_FOR_PARTS;
        let is_inline = sizes <= limits.inline_crop_bytes && text <= limits.metadata_bytes as u64;
        for crop in crops {
            let mut bytes = Vec::new();
            let file = root.open_file(&crop.path)?;
            file.take(limits.crop_bytes + 1)
                .read_to_end(&mut bytes)
                .or_fail(ErrorKind::Storage, ADDING)
                .context("path", &crop.path)?;
            let mut part = Part {
                role: CROP.to_owned(),
                scale: Some(crop.scale),
                mimetype: Some(crop.mimetype.clone()),
                size: bytes.len() as u64,
                sha256: Digest::of(&bytes),
                path: None,
                base64: None,
            };
            if is_inline {
                part.base64 = Some(STANDARD.encode(&bytes));
            } else {
                let path = place::crop(&entry.metadata.hash, crop.scale, &crop.mimetype);
                part.path = Some(path.clone());
                if !entry.old.as_ref().is_some_and(|old| old.parts.contains(&part)) {
                    self.tree.put(&staged_part(&path), &bytes)?;
                    entry.copied_bytes += part.size;
                }
            }
            entry.crops.push(part);
        }
        Ok(())
    }

    fn add_original(&mut self, mut entry: Entry, root: &Root, bytes: Bytes) -> Result<Option<Box<Added>>> {
        let hash = entry.metadata.hash.clone();
        if bytes.again
            && let Some((part, path)) = entry.old_original()
        {
            entry.is_damaged = self.tree.digest(path)? != Some(part.sha256);
        }
        let path = match bytes.original {
            None => return self.end_entry(entry, None).map(Some),
            Some(Original::Bytes(bytes)) => {
                let (sha256, size) = (Digest::of(&bytes), bytes.len() as u64);
                if let Some(part) = self.same_bytes(&entry, sha256, size) {
                    return self.end_entry(entry, Some((part, false))).map(Some);
                }
                self.tree.put(&staged_original(&hash), &bytes)?;
                entry.copied_bytes += size;
                return self.end_entry(entry, Some((original_part(sha256, size), true))).map(Some);
            }
            Some(Original::Arrived { name, size_bytes, sha256, modified_ns }) => {
                return self.take_in(entry, &workshop(&name), (sha256, size_bytes), modified_ns).map(Some);
            }
            Some(Original::Kept) => return self.keep_bytes(entry).map(Some),
            Some(Original::Path(path)) => path,
        };
        let source = root.open_file(&path)?;
        let facts = FileFacts::of(&rustix::fs::fstat(&source).or_fail(ErrorKind::Storage, ADDING)?)?;
        let is_same = |found: Option<FileFacts>| {
            found.is_some_and(|found| (found.size_bytes, found.mtime_ns) == (facts.size_bytes, facts.mtime_ns))
        };
        if !entry.is_damaged
            && let Some((part, path)) = entry.old_original()
            && part.size == facts.size_bytes
            && is_same(self.tree.stat(path).unwrap_or_default())
        {
            let part = part.clone();
            return self.end_entry(entry, Some((part, false))).map(Some);
        }
        if let Some(part) = entry.staged.as_ref().and_then(Saved::original)
            && part.size == facts.size_bytes
            && is_same(self.tree.stat(&staged_original(&hash))?)
        {
            let part = part.clone();
            entry.earlier_bytes = part.size;
            return self.end_entry(entry, Some((part, true))).map(Some);
        }
        self.check_room(facts.size_bytes)?;
        let copying = self.copy(entry, source, facts, 0)?;
        self.run.as_mut().ok_or_else(|| out_of_turn(ADDING, "no run has begun"))?.copying = Some(Box::new(copying));
        if facts.size_bytes <= self.options.limits.small_file_bytes && self.options.bytes_per_second.is_none() {
            return self.advance(None);
        }
        Ok(None)
    }

    /// Makes a file of the workshop the set's own.
    fn take_in(&mut self, mut entry: Entry, from: &str, what: (Digest, u64), modified_ns: i64) -> Result<Box<Added>> {
        let ((sha256, size), hash) = (what, entry.metadata.hash.clone());
        entry.copied_bytes += size;
        if let Some(part) = self.same_bytes(&entry, sha256, size) {
            self.tree.remove(from)?;
            return self.end_entry(entry, Some((part, false)));
        }
        let file = self.tree.open_file(from)?;
        self.tree.make_private(&file)?;
        self.tree.set_modified(&file, modified_ns)?;
        self.tree.rename(from, &staged_original(&hash))?;
        self.end_entry(entry, Some((original_part(sha256, size), true)))
    }

    /// Takes the bytes that an earlier part of the run has brought, or else those of the set.
    fn keep_bytes(&mut self, mut entry: Entry) -> Result<Box<Added>> {
        if let Some(part) = staged_part_of(&self.tree, &entry.metadata.hash, entry.staged.as_ref())? {
            entry.earlier_bytes = part.size;
            return self.end_entry(entry, Some((part, true)));
        }
        match entry.old_original().map(|(part, _)| part.clone()) {
            Some(part) => self.end_entry(entry, Some((part, false))),
            None => Err(Error::new(ErrorKind::NotFound, ADDING)
                .context("hash", &entry.metadata.hash)
                .context("fault", "the set has no bytes of it")),
        }
    }

    /// Returns what the set, or an earlier part of the run, has of a file or folder.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the hash is malformed, `Storage` if the disk fails.
    pub fn known(&self, hash: &str) -> Result<Option<Known>> {
        Known::of(&self.tree, &self.options.limits, hash)
    }

    /// Notes that a file or folder is as the set has it; false if the set does not have it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the hash is malformed or no run has begun, `Storage` if the disk fails.
    pub fn unchanged(&mut self, hash: &str) -> Result<bool> {
        self.running(ADDING)?;
        place::check_hash(hash)?;
        let bytes = self.tree.read(&place::metadata(hash), self.options.limits.metadata_bytes)?;
        let Some(old) = bytes.and_then(|bytes| Saved::parse(&bytes, &self.options.limits).ok()) else { return Ok(false) };
        self.tree.remove(&staged_metadata(hash))?;
        self.tree.remove(&staged_original(hash))?;
        self.note(&Seen::of_old(hash, Some(&old)))?;
        Ok(true)
    }

    /// Returns when the run began, as metadata files say it; none if none has begun.
    pub fn run_time(&self) -> Option<String> {
        self.run.as_ref().map(|run| place::time_of(&run.journal.run))
    }

    /// Makes the folder in which a run keeps what it needs until its end, and returns its path within the set's folder.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if no run has begun, `Storage` if the disk fails.
    pub fn open_workshop(&mut self) -> Result<&'static str> {
        self.running("opening a run's workshop")?;
        self.tree.make_folder(WORKSHOP)?;
        Ok(WORKSHOP)
    }

    /// Opens a file of the workshop for reading and for adding at its end.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the name is malformed or no run has begun, `Storage` if the disk fails.
    pub fn workshop_file(&mut self, name: &str) -> Result<File> {
        self.running("opening a file of a run's workshop")?;
        self.tree.append(&workshop(name))
    }

    /// Writes a file of the workshop; returns its path within the set's folder.
    ///
    /// # Errors
    ///
    /// As [`Set::workshop_file`].
    pub fn put_in_workshop(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        self.running("writing a file of a run's workshop")?;
        self.tree.put(&workshop(name), bytes)?;
        Ok(workshop(name))
    }

    /// Removes a file of the workshop; nothing happens if there is none.
    ///
    /// # Errors
    ///
    /// As [`Set::workshop_file`].
    pub fn clear_workshop(&mut self, name: &str) -> Result<()> {
        self.running("removing a file of a run's workshop")?;
        self.tree.remove(&workshop(name))
    }

    /// Takes a prepared run up again, because something is missing in it.
    ///
    /// # Errors
    ///
    /// As [`Set::begin`].
    pub fn reconsider(&mut self, spec: &RunSpec) -> Result<Begun> {
        self.prepared = None;
        self.run = None;
        self.begin(spec)
    }

    /// Returns the set's part with these bytes, if it has them and they are to be trusted.
    fn same_bytes(&self, entry: &Entry, sha256: Digest, size: u64) -> Option<Part> {
        let (part, path) = entry.old_original()?;
        let is_there = !entry.is_damaged && part.sha256 == sha256 && part.size == size;
        let is_there = is_there && self.tree.stat(path).unwrap_or_default().is_some_and(|facts| facts.size_bytes == size);
        is_there.then(|| part.clone())
    }

    pub(crate) fn check_room(&self, needed_bytes: u64) -> Result<()> {
        let (free_bytes, headroom_bytes) = (self.tree.free_bytes()?, self.options.limits.disk_headroom_bytes);
        if free_bytes >= needed_bytes.saturating_add(headroom_bytes) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Storage, ADDING)
            .context("code", "disk_short")
            .context("needed_bytes", needed_bytes)
            .context("headroom_bytes", headroom_bytes)
            .context("free_bytes", free_bytes)
            .context("remedy", "free space on the device of the backup set"))
    }

    fn copy(&mut self, entry: Entry, source: File, facts: FileFacts, restarts: u32) -> Result<Copying> {
        let target = self.tree.create(&staged_original(&entry.metadata.hash))?;
        let mut is_clone = false;
        if self.may_clone && facts.size_bytes > 0 {
            is_clone = rustix::fs::ioctl_ficlone(&target, &source).is_ok();
            // Not on these devices: no other file either.
            self.may_clone = is_clone;
        }
        Ok(Copying { entry, source, facts, target, is_clone, hasher: Hasher::default(), buffer: vec![0; BUFFER_BYTES], restarts })
    }

    /// Copies until the budget is used up.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if nothing is being copied, `Storage` if a file cannot be read or written.
    pub fn step(&mut self, budget: Duration) -> Result<Option<Added>> {
        self.check_lock(ADDING)?;
        let is_copying = self.run.as_ref().is_some_and(|run| run.copying.is_some());
        if !is_copying {
            return Err(out_of_turn(ADDING, "nothing is being copied"));
        }
        let end = Instant::now() + budget;
        if let Some(until) = self.pause_until.take() {
            std::thread::sleep(until.min(end).saturating_duration_since(Instant::now()));
            if until > end {
                self.pause_until = Some(until);
                return Ok(None);
            }
        }
        self.check_room(0)?;
        Ok(self.advance(Some(end))?.map(|added| *added))
    }

    /// Copies until `end`, or to the end of the file.
    fn advance(&mut self, end: Option<Instant>) -> Result<Option<Box<Added>>> {
        let taken = self.run.as_mut().and_then(|run| run.copying.take());
        let mut copying = taken.ok_or_else(|| out_of_turn(ADDING, "nothing is being copied"))?;
        let begun = Instant::now();
        let mut copied = 0;
        loop {
            let count = copying.read()?;
            let Some(piece) = copying.buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
            copying.hasher.update(piece);
            if !copying.is_clone {
                self.tree.write(&copying.target, piece)?;
            }
            copied += count as u64;
            if let Some(rate) = self.options.bytes_per_second {
                let due = begun + Duration::from_nanos(copied.saturating_mul(1_000_000_000) / rate);
                self.pause_until = (due > Instant::now()).then_some(due);
            }
            if end.is_some_and(|end| Instant::now() >= end || self.pause_until.is_some()) {
                if let Some(run) = &mut self.run {
                    run.copying = Some(copying);
                }
                return Ok(None);
            }
        }
        self.end_copy(*copying)
    }

    fn end_copy(&mut self, copying: Copying) -> Result<Option<Box<Added>>> {
        let after = FileFacts::of(&rustix::fs::fstat(&copying.source).or_fail(ErrorKind::Storage, ADDING)?)?;
        let (size, sha256) = (copying.hasher.length_bytes(), copying.hasher.digest());
        let Copying { mut entry, mut source, facts, target, is_clone, restarts, .. } = copying;
        if (after.size_bytes, after.mtime_ns, size) != (facts.size_bytes, facts.mtime_ns, facts.size_bytes) {
            if restarts >= self.options.limits.max_restarts {
                return self.keep_entry(&entry, "changed_while_read").map(Some);
            }
            source.rewind().or_fail(ErrorKind::Storage, ADDING)?;
            let copying = self.copy(entry, source, after, restarts + 1)?;
            if let Some(run) = &mut self.run {
                run.copying = Some(Box::new(copying));
            }
            return if self.options.bytes_per_second.is_none() { self.advance(None) } else { Ok(None) };
        }
        let counter = if is_clone { &mut entry.cloned_bytes } else { &mut entry.copied_bytes };
        *counter += size;
        let mtime_ns = self.settled(facts.mtime_ns);
        if let Some(part) = self.same_bytes(&entry, sha256, size) {
            if let Some((_, path)) = entry.old_original() {
                self.tree.set_modified(&self.tree.open_file(path)?, mtime_ns)?;
            }
            self.tree.remove(&staged_original(&entry.metadata.hash))?;
            return self.end_entry(entry, Some((part, false))).map(Some);
        }
        self.tree.set_modified(&target, mtime_ns)?;
        self.end_entry(entry, Some((original_part(sha256, size), true))).map(Some)
    }

    /// Returns the modification time that a copy gets. A file changed just now may change again within the same time stamp: its copy
    /// gets another one, so that the next run reads the file.
    fn settled(&self, mtime_ns: i64) -> i64 {
        let age = i128::from((self.options.surroundings.unix_time)()) * 1_000_000_000 - i128::from(mtime_ns);
        let is_fresh = age < i128::try_from(self.options.limits.settle_time.as_nanos()).unwrap_or(i128::MAX);
        if is_fresh { mtime_ns.saturating_sub(1_000_000_000) } else { mtime_ns }
    }

    /// Writes the metadata file if it differs, and notes the entry.
    #[allow(clippy::needless_pass_by_value, reason = "the entry ends here")]
    fn end_entry(&mut self, entry: Entry, original: Option<(Part, bool)>) -> Result<Box<Added>> {
        let hash = &entry.metadata.hash;
        let has_bytes = original.as_ref().is_some_and(|(_, is_new)| *is_new);
        let mut part = original.map(|(part, _)| part);
        let old_path = entry.old_original().map(|(_, path)| path.to_owned());
        let mut seen = Seen {
            hash: hash.clone(),
            what: What::Unchanged,
            why: None,
            is_file: entry.metadata.is_file(),
            is_photo: entry.metadata.is_photo,
            crops: entry.crops.len() as u64,
            posts: entry.metadata.posts,
            bytes: part.iter().chain(&entry.crops).map(|part| part.size).sum(),
            copied: entry.copied_bytes + entry.cloned_bytes + entry.earlier_bytes,
            old_path,
            wanted: part.is_some().then(|| (entry.wanted.path.clone(), entry.wanted.is_marked)),
            is_staged: false,
            has_bytes,
            is_damaged: entry.is_damaged,
        };
        if !has_bytes && self.is_same(&entry, part.as_ref())? {
            if entry.staged.is_some() {
                self.tree.remove(&staged_original(hash))?;
            }
        } else {
            if let Some(part) = &mut part {
                part.path = Some(entry.wanted.path.clone());
            }
            let parts: Vec<Part> = part.iter().chain(&entry.crops).cloned().collect();
            let run = self.run.as_ref().map(|run| run.journal.run.as_str()).unwrap_or_default();
            let bytes = Saved::compose(&entry.metadata, &place::time_of(run), &parts)?;
            if bytes.len() > self.options.limits.metadata_bytes {
                return Err(Error::new(ErrorKind::LimitExceeded, ADDING)
                    .context("hash", hash)
                    .context("size_bytes", bytes.len())
                    .context("limit_bytes", self.options.limits.metadata_bytes));
            }
            self.tree.put(&staged_metadata(hash), &bytes)?;
            seen.is_staged = true;
            seen.what = entry.what(part.as_ref());
        }
        self.note(&seen)?;
        Ok(Box::new(Added {
            hash: seen.hash,
            what: seen.what,
            why: None,
            copied_bytes: entry.copied_bytes,
            cloned_bytes: entry.cloned_bytes,
            size_bytes: part.as_ref().map_or(0, |part| part.size),
            sha256: part.map(|part| part.sha256),
        }))
    }

    /// Tells whether the set's metadata file says the same.
    fn is_same(&self, entry: &Entry, original: Option<&Part>) -> Result<bool> {
        let (Some(old), Some(bytes)) = (&entry.old, &entry.old_bytes) else { return Ok(false) };
        let parts: Vec<Part> = original.into_iter().chain(&entry.crops).cloned().collect();
        if parts.len() != old.parts.len() {
            return Ok(false);
        }
        let are_there = entry
            .crops
            .iter()
            .filter_map(|crop| crop.path.as_deref())
            .all(|path| self.tree.stat(path).unwrap_or_default().is_some());
        Ok(are_there && Saved::compose(&entry.metadata, &old.seen, &parts)? == *bytes)
    }

    fn note(&mut self, seen: &Seen) -> Result<()> {
        let mut line = serde_json::to_vec(seen).or_fail(ErrorKind::InvalidInput, ADDING)?;
        line.push(b'\n');
        let run = self.run.as_ref().ok_or_else(|| out_of_turn(ADDING, "no run has begun"))?;
        self.tree.write(&run.seen, &line)
    }

    /// Notes that a file is on the hub but cannot be read; false if the set has no bytes of it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the hash or the reason is malformed, or no run has begun; `Storage` if the disk fails.
    pub fn keep(&mut self, hash: &str, why: &str) -> Result<bool> {
        self.running(ADDING)?;
        place::check_hash(hash)?;
        let is_word =
            (1..=40).contains(&why.len()) && why.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
        if !is_word {
            return Err(Error::new(ErrorKind::InvalidInput, ADDING)
                .context("why", why.escape_debug())
                .context("expected", "1 to 40 of a-z 0-9 _"));
        }
        let bytes = self.tree.read(&place::metadata(hash), self.options.limits.metadata_bytes)?;
        let old = bytes.as_ref().and_then(|bytes| Saved::parse(bytes, &self.options.limits).ok());
        self.keep_old(hash, old.as_ref(), why)?;
        Ok(old.is_some_and(|old| old.original().is_some()))
    }

    fn keep_entry(&mut self, entry: &Entry, why: &'static str) -> Result<Box<Added>> {
        self.keep_old(&entry.metadata.hash, entry.old.as_ref(), why)?;
        Ok(Box::new(Added {
            hash: entry.metadata.hash.clone(),
            what: What::Kept,
            why: Some(why.to_owned()),
            copied_bytes: 0,
            cloned_bytes: 0,
            size_bytes: entry.old_original().map_or(0, |(part, _)| part.size),
            sha256: entry.old_original().map(|(part, _)| part.sha256),
        }))
    }

    fn keep_old(&mut self, hash: &str, old: Option<&Saved>, why: &str) -> Result<()> {
        self.tree.remove(&staged_metadata(hash))?;
        self.tree.remove(&staged_original(hash))?;
        let mut seen = Seen::of_old(hash, old);
        seen.what = What::Kept;
        seen.why = Some(why.to_owned());
        self.note(&seen)
    }

    /// Returns the file that is being copied: its hash, how many bytes are copied, and its size.
    pub fn progress(&self) -> Option<(&str, u64, u64)> {
        let copying = self.run.as_ref()?.copying.as_ref()?;
        Some((&copying.entry.metadata.hash, copying.hasher.length_bytes(), copying.facts.size_bytes))
    }

    /// Forces what was added to disk, and notes where to go on.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the cursor is too long or no run has begun, `Storage` if the disk fails.
    pub fn checkpoint(&mut self, cursor: &str) -> Result<()> {
        const NOTING: &str = "noting where a run goes on";
        self.check_lock(NOTING)?;
        self.running(NOTING)?;
        if cursor.len() > MAX_CURSOR_BYTES {
            return Err(Error::new(ErrorKind::InvalidInput, NOTING)
                .context("cursor_bytes", cursor.len())
                .context("limit_bytes", MAX_CURSOR_BYTES));
        }
        self.tree.sync()?;
        let run = self.run.as_mut().ok_or_else(|| out_of_turn(NOTING, "no run has begun"))?;
        run.journal.cursor = Some(cursor.to_owned());
        run.journal.seen_bytes = run.seen.metadata().or_fail(ErrorKind::Storage, NOTING)?.len();
        run.journal.write(&self.tree)
    }

    /// Forgets the run; the set is what the last run left.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails, `InvalidInput` once the commit has begun.
    pub fn abandon(&mut self) -> Result<()> {
        const ABANDONING: &str = "abandoning a run";
        self.check_lock(ABANDONING)?;
        if Journal::read(&self.tree)?.is_some_and(|journal| journal.state != State::Arriving) {
            return Err(out_of_turn(ABANDONING, "it is being put in place; complete it"));
        }
        self.run = None;
        self.prepared = None;
        self.staged_rows.clear();
        self.tree.remove(place::JOURNAL)?;
        self.tree.remove_all(place::PARTIAL)
    }

    /// Gives the lock back.
    pub fn close(&mut self) {
        self.run = None;
        self.prepared = None;
        self.lock = None;
    }
}

const BUFFER_BYTES: usize = 256 << 10;
/// For the parts of a metadata file, without the bytes of crops.
const ROOM_FOR_PARTS: u64 = 16 << 10;

fn original_part(sha256: Digest, size: u64) -> Part {
    Part { role: ORIGINAL.to_owned(), scale: None, mimetype: None, size, sha256, path: None, base64: None }
}

impl Entry {
    fn what(&self, original: Option<&Part>) -> What {
        let Some(old) = &self.old else { return if self.old_bytes.is_some() { What::Replaced } else { What::New } };
        let digest = |part: &Part| part.sha256;
        if self.is_damaged || (original.is_some() && original.map(digest) != old.original().map(digest)) {
            What::Replaced
        } else if self.metadata.names != old.metadata.names {
            What::Moved
        } else {
            What::Changed
        }
    }
}

impl Seen {
    /// Makes a note of an entry that stays as it is in the set.
    pub(crate) fn of_old(hash: &str, old: Option<&Saved>) -> Self {
        let original = old.and_then(Saved::original);
        let path = original.and_then(|part| part.path.clone());
        let wanted = old.filter(|_| path.is_some()).map(|old| Wanted::of(&old.metadata.names, hash));
        Self {
            hash: hash.to_owned(),
            what: What::Unchanged,
            why: None,
            is_file: old.is_some_and(|old| old.metadata.is_file()),
            is_photo: old.is_some_and(|old| old.metadata.is_photo),
            crops: old.map_or(0, |old| old.parts.iter().filter(|part| part.role == CROP).count() as u64),
            posts: old.map_or(0, |old| old.metadata.posts),
            bytes: old.map_or(0, |old| old.parts.iter().map(|part| part.size).sum()),
            copied: 0,
            old_path: path,
            wanted: wanted.map(|wanted| (wanted.path, wanted.is_marked)),
            is_staged: false,
            has_bytes: false,
            is_damaged: false,
        }
    }
}

impl Copying {
    fn read(&mut self) -> Result<usize> {
        // The blocks of a clone are the set's own: what is read there is what stays.
        let mut file = if self.is_clone { &self.target } else { &self.source };
        file.read(&mut self.buffer).or_fail(ErrorKind::Storage, "reading a file for a backup set")
    }
}

/// The notes of what was added, in order.
pub(crate) struct SeenNotes {
    file: Option<std::io::BufReader<File>>,
    /// Length of the notes that were read.
    whole_bytes: u64,
}

impl SeenNotes {
    pub(crate) fn next(&mut self) -> Result<Option<Seen>> {
        use std::io::BufRead as _;
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut line = Vec::new();
        file.read_until(b'\n', &mut line).or_fail(ErrorKind::Storage, "reading what was added")?;
        // A line without end was cut off by a kill: that entry is added again.
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        self.whole_bytes += line.len() as u64;
        serde_json::from_slice(&line).or_fail(ErrorKind::Corrupt, "reading what was added").context("path", SEEN).map(Some)
    }
}

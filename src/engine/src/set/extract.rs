//! Extracts a set: a channel's files as an ordinary tree of folders, with their names and dates.
//!
//! Invariant: the set is only read, and elsewhere only new names are made. A name appears with all of its bytes, which have the
//! digest that the set states, forced to disk before; nothing that is there is changed. Memory does not grow with the number of files.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::choice::Choice;
use super::look::look_at;
use super::names::{Names, Others, Wishes};
use super::place;
use super::restore::{Proof, Restore, RestoreEntry, RestoreFacts, RestoreOptions, RestorePart, Staged};
use super::sorter::Sorter;
use super::surroundings::Surroundings;
use super::tree::Tree;
use crate::digest::Hasher;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::SetLimits;
use crate::paths::RelativePath;

/// What is extracted.
pub struct ExtractOptions {
    /// As the last run at or before this time left it, `2026-11-28T03:17:09Z`; none: as the last run did.
    pub at: Option<String>,
    /// Which files and folders.
    pub choice: Choice,
    /// Folder for temporary files.
    pub scratch: PathBuf,
    /// Bounds.
    pub limits: SetLimits,
}

/// What became of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It has another name than on the hub: that one cannot be had, or another file has it.
    Renamed,
    /// Another file has the name: it stays as it is.
    Differs,
    /// Something other than a file has the name, or something other than a folder that of a folder above.
    Hindered,
    /// The hub had no bytes of it when it was saved.
    NoBytes,
    /// Its bytes are missing in the set.
    Missing,
    /// Its bytes are not what was saved.
    Damaged,
    /// Its bytes are whole, and what the set says of it is not proven: its name and date may be others.
    Unproven,
    /// What the set says of it is missing or damaged, so that nobody knows its name.
    Nameless,
}

impl Fate {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renamed => "renamed",
            Self::Differs => "file_differs",
            Self::Hindered => "name_taken",
            Self::NoBytes => "no_bytes",
            Self::Missing => "file_missing",
            Self::Damaged => "file_damaged",
            Self::Unproven => "metadata_unproven",
            Self::Nameless => "metadata_damaged",
        }
    }
}

/// A file or folder of which somebody should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// What became of it.
    pub fate: Fate,
    /// Which.
    pub hash: String,
    /// True names of its folders, and its own.
    pub names: Vec<String>,
    /// Its path beneath the folder.
    pub path: String,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtractProgress {
    /// Files that were chosen; while they are being counted, those so far.
    pub files_total: u64,
    /// Their bytes.
    pub bytes_total: u64,
    /// Files that are done with.
    pub files: u64,
    /// Their bytes, and those of the file under way.
    pub bytes: u64,
    /// Whether all are counted.
    pub is_counted: bool,
    /// Folders that were chosen and are there now.
    pub folders: u64,
    /// Files that were written.
    pub new_files: u64,
    /// Their bytes.
    pub new_bytes: u64,
    /// Files that were there before.
    pub same_files: u64,
    /// The file under way.
    pub path: String,
    /// How many were noted, by what became of them.
    pub noted: BTreeMap<Fate, u64>,
}

/// A set that is being extracted.
pub struct Extract {
    restore: Restore,
    target: Tree,
    /// Holds the lock.
    work: OwnedFd,
    options: ExtractOptions,
    names: Names,
    stage: Stage,
    doing: Doing,
    entries: VecDeque<RestoreEntry>,
    waiting: Vec<Waiting>,
    waiting_bytes: u64,
    dates: Option<Sorter>,
    /// Bytes that are still to be written, as far as they are counted.
    wanted_bytes: u64,
    progress: ExtractProgress,
    noted: Vec<Noted>,
    buffer: Vec<u8>,
}

enum Stage {
    Counting(Wishes),
    Extracting(Others),
    Done,
    /// A step failed.
    Failed,
}

enum Doing {
    /// The next entry is taken.
    Nothing,
    /// A file that has the name and the size is read.
    Comparing { one: One, file: File, hasher: Hasher },
    /// Its bytes are copied.
    Copying(One),
}

/// A file, and where it belongs.
#[derive(Clone)]
struct One {
    hash: String,
    names: Vec<String>,
    path: String,
    edited: String,
    size_bytes: u64,
}

/// A file that is whole, and gets its name once it is forced to disk.
struct Waiting {
    one: One,
    at: String,
}

const EXTRACTING: &str = "extracting a backup set";
/// The folder beneath the target in which bytes arrive.
const WORK: &str = ".filesync-extract";
const SOME: usize = 256;
/// So many files and bytes are forced to disk together.
const MOST_WAITING: usize = 256;
const MOST_WAITING_BYTES: u64 = 256 << 20;
/// So many are noted in one step.
const MOST_NOTED: usize = 1000;
const BUFFER_BYTES: usize = 256 << 10;

impl Extract {
    /// Opens a set and the folder for its files, which is made if need be.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no set, `PeerBusy` with code `set_busy` if somebody writes it, or `extract_running` if somebody extracts to
    /// that folder; `Refused` with code `set_refused` if the set breaks the rules, `InvalidInput` with `no_run` if no run is that old,
    /// `Unsupported` for a newer format, `Storage` if a disk fails.
    pub fn open(set: &Path, target: &Path, surroundings: &Surroundings, options: ExtractOptions) -> Result<Self> {
        let tree = Tree::open(set)?;
        if look_at(&tree, surroundings, &options.limits)?.busy.is_some() {
            return Err(Error::new(ErrorKind::PeerBusy, EXTRACTING).context("code", "set_busy"));
        }
        let reading = RestoreOptions {
            public_key: None,
            may_clone: true,
            at: options.at.clone(),
            bytes_per_second: None,
            by_digest: None,
            scratch: options.scratch.clone(),
            limits: options.limits.clone(),
        };
        let restore = Restore::open(set, reading)?;
        let facts = restore.facts();
        if let Some(refused) = &facts.refused {
            return Err(Error::new(ErrorKind::Refused, EXTRACTING).context("code", "set_refused").context("path", &refused.path));
        }
        if let Some(at) = options.at.as_ref().filter(|_| facts.run.is_none()) {
            let first = facts.first_run.as_deref().map(place::time_of).unwrap_or_default();
            let error = Error::new(ErrorKind::InvalidInput, EXTRACTING).context("code", "no_run");
            return Err(error.context("at", at).context("first_run", first));
        }
        Self::to(Tree::open_or_make(target)?, restore, options)
    }

    pub(crate) fn to(target: Tree, restore: Restore, options: ExtractOptions) -> Result<Self> {
        target.make_folder(WORK)?;
        let gone = || Error::new(ErrorKind::Storage, EXTRACTING).context("path", WORK);
        let work = target.find_folder(WORK)?.ok_or_else(gone)?;
        // Some file systems have no locks.
        if let Err(Errno::WOULDBLOCK) = rustix::fs::flock(&work, FlockOperation::NonBlockingLockExclusive) {
            return Err(Error::new(ErrorKind::PeerBusy, EXTRACTING).context("code", "extract_running"));
        }
        // What one that was killed left.
        target.clear_folder(WORK)?;
        let names = Names::of(&target, WORK)?;
        let scratch = Tree::open(&options.scratch)?;
        let sorter = || Sorter::new(&scratch, options.limits.sort_bytes);
        Ok(Self {
            restore,
            target,
            work,
            names,
            stage: Stage::Counting(Wishes::new(sorter())),
            doing: Doing::Nothing,
            entries: VecDeque::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            dates: Some(sorter()),
            wanted_bytes: 0,
            progress: ExtractProgress::default(),
            noted: Vec::new(),
            buffer: vec![0; BUFFER_BYTES],
            options,
        })
    }

    /// Returns what the set's lists say, and what is wrong with them.
    pub fn facts(&self) -> &RestoreFacts {
        self.restore.facts()
    }

    /// Returns the run whose state is extracted.
    pub fn run(&self) -> Option<&str> {
        self.restore.facts().run.as_deref()
    }

    /// Returns how far it is.
    pub fn progress(&self) -> &ExtractProgress {
        &self.progress
    }

    /// Tells whether it is over.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Works until the budget is used up, or many were noted; returns those.
    ///
    /// # Errors
    ///
    /// `Storage` if a disk fails or, with code `disk_short`, has no room; `PeerBusy` with code `set_changed` if a backup has changed the
    /// set meanwhile. What has its name is whole.
    pub fn step(&mut self, budget: Duration) -> Result<Vec<Noted>> {
        let end = Instant::now() + budget;
        while !self.is_done() {
            match std::mem::replace(&mut self.stage, Stage::Failed) {
                Stage::Counting(wishes) => self.stage = self.count(wishes)?,
                Stage::Extracting(others) => match self.extract(others, end) {
                    Ok(stage) => self.stage = stage,
                    Err(error) => {
                        // Those that are whole may still get their names.
                        let _ = self.name_waiting();
                        return Err(error);
                    }
                },
                Stage::Done => {}
                Stage::Failed => {
                    return Err(Error::new(ErrorKind::InvalidInput, EXTRACTING).context("fault", "an earlier step failed"));
                }
            }
            if Instant::now() >= end || self.noted.len() >= MOST_NOTED {
                break;
            }
        }
        Ok(std::mem::take(&mut self.noted))
    }

    /// Ends before it is over: what is whole gets its name.
    ///
    /// # Errors
    ///
    /// As of `step`.
    pub fn stop(mut self) -> Result<()> {
        self.restore.abandon();
        self.name_waiting()
    }

    /// Counts some, and notes which names they want: what a name becomes does not depend on which files are chosen.
    fn count(&mut self, mut wishes: Wishes) -> Result<Stage> {
        let entries = self.restore.next(SOME)?;
        if entries.is_empty() {
            self.progress.is_counted = true;
            self.refuse_short()?;
            self.restore.begin()?;
            return Ok(Stage::Extracting(wishes.end()?));
        }
        for entry in entries.iter().filter(|entry| is_known(entry)) {
            let path = wishes.add(&self.names, &entry.names, &entry.hash, is_folder(entry))?;
            let Some(part) = original(entry).filter(|_| self.is_chosen(entry)) else { continue };
            self.progress.files_total += 1;
            self.progress.bytes_total += part.size_bytes;
            let is_there = self.target.stat(&path).is_ok_and(|facts| facts.is_some());
            self.wanted_bytes += if is_there { 0 } else { part.size_bytes };
        }
        Ok(Stage::Counting(wishes))
    }

    /// Refuses what has no room, unless the blocks may be shared with the set.
    fn refuse_short(&self) -> Result<()> {
        let device = |tree: &Tree| rustix::fs::fstat(tree.root().top()).map(|facts| facts.st_dev);
        let free_bytes = self.target.free_bytes()?;
        if self.wanted_bytes <= free_bytes || device(&self.target).ok() == device(&self.restore.tree).ok() {
            return Ok(());
        }
        let error = Error::new(ErrorKind::Storage, EXTRACTING).context("code", "disk_short");
        Err(error.context("needed_bytes", self.wanted_bytes).context("free_bytes", free_bytes))
    }

    fn is_chosen(&self, entry: &RestoreEntry) -> bool {
        let choice = &self.options.choice;
        !choice.excludes(&entry.names) && choice.looks_at(&entry.names)
    }

    fn extract(&mut self, mut others: Others, end: Instant) -> Result<Stage> {
        self.doing = match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => {
                if self.entries.is_empty() {
                    self.entries = self.restore.next(SOME)?.into();
                }
                match self.entries.pop_front() {
                    Some(entry) => self.begin(&entry, &mut others)?,
                    None => return self.end().map(|()| Stage::Done),
                }
            }
            Doing::Comparing { one, file, hasher } => self.compare(one, file, hasher, end)?,
            Doing::Copying(one) => self.copy(one, |restore| restore.step(end.saturating_duration_since(Instant::now())))?,
        };
        Ok(Stage::Extracting(others))
    }

    fn begin(&mut self, entry: &RestoreEntry, others: &mut Others) -> Result<Doing> {
        let own = others.path(&entry.hash)?;
        if matches!(entry.proof, Proof::Missing | Proof::Damaged) {
            self.note(Fate::Nameless, &entry.hash, &[], place::metadata(&entry.hash));
        }
        if !is_known(entry) || !self.is_chosen(entry) {
            return Ok(Doing::Nothing);
        }
        let path = own.unwrap_or_else(|| self.names.path(&entry.names, is_folder(entry)));
        let name = path.rsplit_once('/').map_or(path.as_str(), |(_, name)| name);
        if entry.names.last().is_some_and(|own| own != name) {
            self.note(Fate::Renamed, &entry.hash, &entry.names, path.clone());
        }
        if entry.proof == Proof::Unlisted {
            self.note(Fate::Unproven, &entry.hash, &entry.names, path.clone());
        }
        if is_folder(entry) {
            self.make_folder(entry, path)?;
            return Ok(Doing::Nothing);
        }
        let (hash, names, edited) = (entry.hash.clone(), entry.names.clone(), entry.edited.clone());
        let mut one = One { hash, names, path, edited, size_bytes: 0 };
        let Some(part) = original(entry) else {
            self.note(Fate::NoBytes, &one.hash, &one.names, one.path);
            return Ok(Doing::Nothing);
        };
        one.size_bytes = part.size_bytes;
        self.progress.path.clone_from(&one.path);
        match self.target.stat(&one.path) {
            Ok(None) => {
                let at = self.next_work();
                let path = RelativePath::parse(&at)?;
                let hash = one.hash.clone();
                let target = self.target.clone();
                self.copy(one, |restore| restore.stage(&hash, 0, target.root(), &path))
            }
            Ok(Some(facts)) if facts.size_bytes == one.size_bytes => match self.target.open_file(&one.path) {
                Ok(file) => Ok(Doing::Comparing { one, file, hasher: Hasher::default() }),
                Err(error) if is_of_its_path(&error) => Ok(self.left(Fate::Hindered, one)),
                Err(error) => Err(error),
            },
            Ok(Some(_)) => Ok(self.left(Fate::Differs, one)),
            Err(error) if is_of_its_path(&error) => Ok(self.left(Fate::Hindered, one)),
            Err(error) => Err(error),
        }
    }

    fn make_folder(&mut self, entry: &RestoreEntry, path: String) -> Result<()> {
        match self.target.make_folder(&path) {
            Ok(()) => {
                // Those above a part come with it, and are none of it.
                self.progress.folders += u64::from(self.options.choice.names(&entry.names));
                let line = format!("{path}\0{}", entry.edited);
                self.dates.as_mut().map_or(Ok(()), |dates| dates.add(line.as_bytes()))
            }
            Err(error) if is_of_its_path(&error) => {
                self.note(Fate::Hindered, &entry.hash, &entry.names, path);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads on in a file that is there.
    fn compare(&mut self, one: One, mut file: File, mut hasher: Hasher, end: Instant) -> Result<Doing> {
        loop {
            let count = file.read(&mut self.buffer).or_fail(ErrorKind::Storage, EXTRACTING).context("path", &one.path)?;
            hasher.update(self.buffer.get(..count).unwrap_or_default());
            if count == 0 || hasher.length_bytes() > one.size_bytes {
                break;
            }
            if Instant::now() >= end {
                return Ok(Doing::Comparing { one, file, hasher });
            }
        }
        if self.restore.is_right(&one.hash, 0, hasher.digest()) {
            self.progress.same_files += 1;
            self.done_with(&one);
            return Ok(Doing::Nothing);
        }
        Ok(self.left(Fate::Differs, one))
    }

    /// Copies on.
    fn copy(&mut self, one: One, copy: impl FnOnce(&mut Restore) -> Result<Option<Staged>>) -> Result<Doing> {
        match copy(&mut self.restore) {
            Ok(None) => Ok(Doing::Copying(one)),
            Ok(Some(_)) => {
                let at = self.next_work();
                let file = self.target.open_file(&at)?;
                unless_refused(self.target.make_private(&file))?;
                if let Some(time_ns) = time_of(&one.edited) {
                    unless_refused(self.target.set_modified(&file, time_ns))?;
                }
                self.waiting_bytes += one.size_bytes;
                self.done_with(&one);
                self.waiting.push(Waiting { one, at });
                if self.waiting.len() >= MOST_WAITING || self.waiting_bytes >= MOST_WAITING_BYTES {
                    self.name_waiting()?;
                }
                Ok(Doing::Nothing)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(self.left(Fate::Missing, one)),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(self.left(Fate::Damaged, one)),
            Err(error) if error.os_error() == Some(Errno::FBIG.raw_os_error()) => Ok(self.left(Fate::Hindered, one)),
            Err(error) => Err(error),
        }
    }

    /// Returns the name at which the next bytes arrive.
    fn next_work(&self) -> String {
        format!("{WORK}/{}", self.waiting.len())
    }

    /// Gives those that wait their names.
    fn name_waiting(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.target.sync()?;
        self.waiting_bytes = 0;
        for Waiting { one, at } in std::mem::take(&mut self.waiting) {
            match self.target.rename_to_free(&at, &one.path) {
                Ok(true) => {
                    self.progress.new_files += 1;
                    self.progress.new_bytes += one.size_bytes;
                }
                // It came meanwhile.
                Ok(false) => self.note(Fate::Differs, &one.hash, &one.names, one.path),
                Err(error) if is_of_its_path(&error) => {
                    self.note(Fate::Hindered, &one.hash, &one.names, one.path);
                }
                Err(error) => return Err(error),
            }
        }
        // Those that got no name.
        self.target.clear_folder(WORK)
    }

    /// Ends: names, dates of folders, and all of it to disk.
    fn end(&mut self) -> Result<()> {
        self.name_waiting()?;
        if let Some(dates) = self.dates.take() {
            let mut dates = dates.end()?;
            while let Some(line) = dates.next_text()? {
                let (path, edited) = line.split_once('\0').unwrap_or_default();
                let folder = match self.target.find_folder(path) {
                    Err(error) if is_of_its_path(&error) => None,
                    found => found?,
                };
                if let (Some(time_ns), Some(folder)) = (time_of(edited), folder) {
                    unless_refused(self.target.set_modified(folder, time_ns))?;
                }
            }
        }
        self.target.remove_all(WORK)?;
        self.target.sync()?;
        if self.restore.has_changed() {
            return Err(Error::new(ErrorKind::PeerBusy, EXTRACTING).context("code", "set_changed"));
        }
        Ok(())
    }

    fn left(&mut self, fate: Fate, one: One) -> Doing {
        self.done_with(&one);
        self.note(fate, &one.hash, &one.names, one.path);
        Doing::Nothing
    }

    fn done_with(&mut self, one: &One) {
        self.progress.files += 1;
        self.progress.bytes += one.size_bytes;
    }

    fn note(&mut self, fate: Fate, hash: &str, names: &[String], path: String) {
        *self.progress.noted.entry(fate).or_default() += 1;
        self.noted.push(Noted { fate, hash: hash.to_owned(), names: names.to_vec(), path });
    }
}

impl Drop for Extract {
    fn drop(&mut self) {
        let _ = self.target.remove_all(WORK);
        let _ = rustix::fs::flock(&self.work, FlockOperation::Unlock);
    }
}

/// Tells whether a failure is of one path in the folder, and others may be made.
fn is_of_its_path(error: &Error) -> bool {
    let refused = [Errno::ACCESS, Errno::PERM, Errno::ROFS, Errno::XDEV, Errno::FBIG, Errno::NAMETOOLONG, Errno::ILSEQ];
    error.kind() == ErrorKind::InvalidInput
        || error.os_error().is_some_and(|number| refused.iter().any(|errno| errno.raw_os_error() == number))
}

/// Passes over modes and dates that a disk has none of, or that only another user may set.
fn unless_refused(outcome: Result<()>) -> Result<()> {
    outcome.or_else(|error| if is_of_its_path(&error) { Ok(()) } else { Err(error) })
}

fn is_folder(entry: &RestoreEntry) -> bool {
    entry.kind == "folder"
}

/// Tells whether the set says what it is; later versions may have other kinds.
fn is_known(entry: &RestoreEntry) -> bool {
    matches!(entry.proof, Proof::Listed | Proof::Unlisted) && matches!(entry.kind.as_str(), "file" | "folder")
}

fn original(entry: &RestoreEntry) -> Option<&RestorePart> {
    entry.parts.iter().find(|part| part.scale == 0)
}

/// Returns a time of a hub's row, `2026-11-28 03:17:09`, in nanoseconds since 1970.
fn time_of(edited: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", edited).ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_nanosecond();
    i64::try_from(time).ok().filter(|time| *time > 0)
}

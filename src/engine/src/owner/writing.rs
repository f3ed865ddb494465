//! What every run does, whichever way it reads the hub: it goes on with a set, and ends it when all was read.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::notes::{Lack, Noted, Notes};
use super::rows;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::limits::TransferLimits;
use crate::paths::Root;
use crate::patience::{Halt, Stoppable};
use crate::set::{self, Choice, Condition, Found, Known, Options, OwnerKey, RunSpec, Set};
use crate::transfer::Surroundings;

/// What a run shall do.
pub struct RunOptions {
    /// The set that it writes.
    pub target: Target,
    /// Whether posts are looked for.
    pub has_posts: bool,
    /// Whether descriptions, categories, crops and posts of all files are looked at, however long ago that was.
    pub is_full: bool,
    /// The hub's version.
    pub hub_version: String,
    /// Folder for temporary files.
    pub scratch: PathBuf,
    /// Bounds of transfers.
    pub limits: TransferLimits,
    /// Makes what transfers need to know of the machine.
    pub surroundings: Rc<dyn Fn() -> Surroundings>,
}

/// The set that a run writes.
pub struct Target {
    /// Its folder, by full path; it exists.
    pub folder: PathBuf,
    /// Which files it shall have.
    pub choice: Choice,
    /// Whether much may have been removed on the hub.
    pub accepts_removals: bool,
    /// Files whose copy in it is damaged.
    pub damaged: HashSet<String>,
    /// What signs it; none: nothing does.
    pub key: Option<Rc<dyn OwnerKey>>,
    /// Program and version.
    pub made_with: String,
    /// How it is written.
    pub options: Options,
}

/// Who follows a run.
pub trait Watch {
    /// Is told now and then how far it is.
    fn progress(&mut self, progress: &Progress<'_>);
    /// Something on the hub makes it slower, in one word: `dav_closed`. Said once.
    fn hindered(&mut self, by: &'static str);
    /// Is asked whether it shall stop.
    fn must_stop(&self) -> bool;
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Rows that were listed.
    Listing(u64),
    /// Posts that were looked at.
    Posts(u64),
    /// Rows of what a channel has beside its files.
    Rows {
        /// Of which kind.
        kind: &'a str,
        /// Rows looked at.
        rows: u64,
        /// All that there are.
        all: u64,
    },
    /// Files.
    Files {
        /// Files looked at.
        files: u64,
        /// All files of the channel.
        all_files: u64,
        /// Their bytes.
        bytes: u64,
        /// The bytes of all.
        all_bytes: u64,
        /// What is under way.
        name: &'a str,
    },
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// The set is up to date.
    Done(Box<Report>),
    /// It was told to stop; the same call goes on.
    Stopped,
    /// So much is gone on the hub that somebody must say that this is right.
    Removals {
        /// Files and folders that are gone.
        removed: u64,
        /// Those that the last run left.
        before: u64,
    },
    /// The same of rows.
    RowsGone {
        /// Rows that are gone.
        removed: u64,
        /// Those that the last run left.
        before: u64,
    },
}

/// What a run did.
#[derive(Debug)]
pub struct Report {
    /// What was found, and what the set has now.
    pub found: Found,
    /// The first lacks that somebody can do something about.
    pub lacks: Vec<Lack>,
    /// How many of them there are.
    pub missing: u64,
    /// How many lacks there are in all.
    pub lacking: u64,
    /// Bytes of files that came over the line.
    pub received_bytes: u64,
    /// Whether it went on with an earlier run.
    pub is_continued: bool,
    /// Whether everything was looked at again.
    pub is_full: bool,
}

/// What a run would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Files of the channel.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that the set does not have as they are now.
    pub new_files: u64,
    /// Their bytes.
    pub new_bytes: u64,
}

/// Where a run goes on.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cursor<P> {
    /// What was read last.
    #[serde(flatten)]
    pub(crate) at: P,
    /// The length of the notes then.
    notes: u64,
    /// Whether everything was read but what must be read again.
    pub(crate) is_over: bool,
}

/// The beginning of a run.
pub(crate) struct Beginning<P> {
    pub(crate) cursor: Cursor<P>,
    pub(crate) notes: Notes,
    /// Whether it goes on with an earlier run.
    pub(crate) is_continued: bool,
}

/// A set as a run writes it.
pub(crate) struct Writing {
    pub(crate) set: Set,
    pub(crate) root: Root,
    pub(crate) choice: Choice,
    pub(crate) damaged: HashSet<String>,
    key: Option<Rc<dyn OwnerKey>>,
    pub(crate) made_with: String,
    /// What the last run wrote about it.
    pub(crate) about: Value,
    spec: RunSpec,
    accepts_removals: bool,
    /// What it lacked of single files, by their hashes.
    lacked: HashMap<String, Vec<Lack>>,
}

/// How often what changes is read again.
pub(crate) const ROUNDS: u32 = 3;
/// Fewer removed files are never too many.
const LEAST_REMOVED: u64 = 10;
const RUNNING: &str = "backing up a channel";
/// The key of `set.json` that says what there is beside files.
pub(crate) const EVERYTHING: &str = "everything";

impl Writing {
    /// Opens a set.
    ///
    /// # Errors
    ///
    /// `InvalidInput` with code `set_signed` if a hub has signed it, as it could not be signed again here; otherwise as the set.
    pub(crate) fn open(target: Target, spec: RunSpec) -> Result<Self> {
        let look = set::look(&target.folder, &target.options.surroundings, &target.options.limits)?;
        let about: Value = look.set.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if set::is_signed_by_channel(&about) && look.condition != Condition::Newer {
            return Err(Error::new(ErrorKind::InvalidInput, RUNNING)
                .context("code", "set_signed")
                .context("folder", target.folder.display()));
        }
        Ok(Self {
            root: Root::open(&target.folder)?,
            set: Set::open(&target.folder, target.options)?,
            choice: target.choice,
            damaged: target.damaged,
            key: target.key,
            made_with: target.made_with,
            lacked: lacked(&about),
            about,
            spec,
            accepts_removals: target.accepts_removals,
        })
    }

    /// Begins, or goes on with a run that was interrupted.
    pub(crate) fn begin<P: Default + DeserializeOwned>(&mut self) -> Result<Beginning<P>> {
        let begun = self.set.begin(&self.spec)?;
        let room = self.set.open_workshop()?;
        let cursor: Option<Cursor<P>> = begun.cursor.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let is_continued = begun.is_continued;
        let mut cursor = cursor.unwrap_or_default();
        let mut notes = Notes::of(self.set.workshop_file("notes")?, cursor.notes)?;
        if notes.is_none() {
            // Lost ones: everything is looked at again.
            cursor = Cursor::default();
            notes = Notes::of(self.set.workshop_file("notes")?, 0)?;
        }
        let notes = notes.ok_or_else(|| Error::new(ErrorKind::Storage, RUNNING).context("path", room))?;
        Ok(Beginning { cursor, notes, is_continued })
    }

    /// Has a run that is interrupted from now on go on here.
    pub(crate) fn checkpoint<P: Serialize>(&mut self, at: P, notes: &Notes, is_over: bool) -> Result<()> {
        let cursor = Cursor { at, notes: notes.length(), is_over };
        self.set.checkpoint(&serde_json::to_string(&cursor).or_fail(ErrorKind::InvalidInput, RUNNING)?)
    }

    /// Returns whose set it is.
    pub(crate) fn channel_hash(&self) -> &str {
        &self.spec.channel_hash
    }

    /// Tells whether much may be gone on the hub.
    pub(crate) fn accepts_removals(&self) -> bool {
        self.accepts_removals
    }

    /// Returns the time of the run.
    pub(crate) fn run_time(&self) -> String {
        self.set.run_time().unwrap_or_default()
    }

    /// Returns what the last run wrote about what there is beside files.
    pub(crate) fn everything(&self) -> Value {
        self.about.get(EVERYTHING).cloned().unwrap_or_default()
    }

    /// Makes sure that the disk is not full.
    pub(crate) fn check_room(&self) -> Result<()> {
        self.set.check_room(0)
    }

    /// Returns what the set lacked of a file that is not looked at. Of the file itself there is nothing to lack: it was compared.
    pub(crate) fn lacked_beside(&self, hash: &str) -> impl Iterator<Item = &Lack> {
        self.lacked.get(hash).into_iter().flatten().filter(|lack| lack.what != "file")
    }

    /// Tells whether a file that the set has is left out on purpose.
    fn is_left_out(&self, hash: &str) -> Result<bool> {
        Ok(self.set.known(hash)?.is_some_and(|known| self.choice.excludes(&names_in(&known))))
    }

    /// Returns those of some files that are not left out on purpose.
    fn without_left_out(&self, hashes: &[String]) -> Result<Vec<String>> {
        let mut rest = Vec::new();
        for hash in hashes {
            if !self.is_left_out(hash)? {
                rest.push(hash.clone());
            }
        }
        Ok(rest)
    }
}

/// Reads the hub for a run.
pub(crate) trait Reader {
    /// What it knows while it works.
    type State;

    fn writing(&mut self) -> &mut Writing;
    /// Returns what `set.json` says, and what is lacking.
    fn about_the_set(&mut self, state: &mut Self::State) -> Result<(String, Noted)>;
    /// Returns those of some files that the hub has.
    fn still_there(&self, hashes: &[String]) -> Result<Vec<String>>;
    /// Adds some files that the listing did not show, and leaves those that cannot be read as the set has them.
    fn add_late(&mut self, state: &mut Self::State, hashes: &[String], watch: &mut dyn Watch) -> Stoppable<()>;
    /// Returns how many bytes of files came over the line.
    fn received_bytes(&self, state: &Self::State) -> u64;
    /// Tells whether everything was looked at again.
    fn is_full(&self, state: &Self::State) -> bool;

    /// Ends the run: makes sure that what is gone is gone, and puts everything in place.
    fn end(&mut self, state: &mut Self::State, is_continued: bool, watch: &mut dyn Watch) -> Stoppable<Ended> {
        let is_whole = !self.writing().choice.is_part();
        let (mut about, mut noted) = self.about_the_set(state)?;
        let mut found = self.writing().set.prepare(&about, is_whole)?;
        for _ in 0..ROUNDS {
            let wanted = self.writing().without_left_out(&found.removed_hashes)?;
            let present = self.still_there(&wanted)?;
            if present.is_empty() {
                break;
            }
            // The listing missed them, or they came while it was read.
            let writing = self.writing();
            writing.set.reconsider(&writing.spec)?;
            self.add_late(state, &present, watch)?;
            (about, noted) = self.about_the_set(state)?;
            found = self.writing().set.prepare(&about, is_whole)?;
        }
        let left_out = found.removed_hashes.len() - self.writing().without_left_out(&found.removed_hashes)?.len();
        let removed = found.removed - left_out as u64;
        if is_much(removed, found.before) && !self.writing().accepts_removals {
            return Ok(Ended::Removals { removed, before: found.before });
        }
        let writing = self.writing();
        writing.set.commit_as_owner(writing.key.as_deref())?;
        Ok(Ended::Done(Box::new(Report {
            found,
            lacks: noted.told,
            missing: noted.missing,
            lacking: noted.lacking,
            received_bytes: self.received_bytes(state),
            is_continued,
            is_full: self.is_full(state),
        })))
    }
}

/// Tells whether so much is gone that somebody must say that this is right.
pub(crate) fn is_much(removed: u64, before: u64) -> bool {
    removed > LEAST_REMOVED && removed.saturating_mul(5) > before
}

/// Returns what a set lacked of single files.
fn lacked(about: &Value) -> HashMap<String, Vec<Lack>> {
    let mut all: HashMap<String, Vec<Lack>> = HashMap::new();
    for lack in about.get("lacks").and_then(Value::as_array).into_iter().flatten() {
        if let Ok(lack) = serde_json::from_value::<Lack>(lack.clone())
            && let Some(hash) = lack.hash.clone()
        {
            all.entry(hash).or_default().push(lack);
        }
    }
    all
}

/// Returns the chain of a metadata file.
pub(crate) fn chain_of(known: &Known) -> Vec<Value> {
    let value: Value = serde_json::from_str(&known.metadata).unwrap_or_default();
    value.get("attach").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Returns the true names of the folders of what the set has, and its own.
pub(crate) fn names_in(known: &Known) -> Vec<String> {
    chain_of(known).iter().filter_map(Value::as_object).map(|row| rows::text(row, "filename")).collect()
}

pub(crate) fn modified_ns(edited: &str) -> i64 {
    let time = edited.parse::<jiff::civil::DateTime>().and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC));
    time.map_or(0, |time| time.timestamp().as_second().saturating_mul(1_000_000_000))
}

pub(crate) fn stop_if_told(watch: &dyn Watch) -> Stoppable<()> {
    if watch.must_stop() { Err(Halt::Stopped) } else { Ok(()) }
}

//! The end of a run: finds what was removed, and gives every file its name.

use std::collections::BTreeMap;

use super::about::{self, About, Counts, Failure};
use super::journal::Journal;
use super::list::Lines;
use super::lists::{Lists, Prepared};
use super::new_lists::{Draft, write_lists};
use super::place::{self, Wanted};
use super::planner::{PREPARING, Planner};
use super::sorter::{Sorted, Sorter};
use super::staged::staged_metadata;
use super::tree::Tree;
use super::writer::{Seen, Set, What};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Name of the run.
    pub run: String,
    /// The bytes to sign.
    pub message: Vec<u8>,
    /// Whose key signs.
    pub key_id: String,
    /// Files and folders of the channel.
    pub listed: u64,
    /// As they are in the set.
    pub unchanged: u64,
    /// Not in the set before.
    pub new: u64,
    /// With other bytes.
    pub replaced: u64,
    /// With other metadata.
    pub changed: u64,
    /// With another name or folder, on the hub or in the set.
    pub moved: u64,
    /// No longer on the hub.
    pub removed: u64,
    /// Hashes of those, as far as the run lists its changes.
    pub removed_hashes: Vec<String>,
    /// Could not be read.
    pub failed: u64,
    /// Copied from the hub.
    pub copied_bytes: u64,
    /// What the set has now.
    pub counts: Counts,
    /// Files and folders of the last run.
    pub before: u64,
}

/// What a pass over all hashes leads to.
struct Naming {
    lines: Sorter,
    before: u64,
}

/// Sorts before the end of a key: what is in a folder comes before a file of its name.
const SEPARATOR: char = '\u{1}';
const END: char = '\u{2}';

impl Naming {
    fn add(&mut self, planner: &mut Planner<'_>, seen: &Seen, is_old: bool) -> Result<()> {
        let Some((wanted, _)) = &seen.wanted else { return planner.settle(seen, is_old, None) };
        let key = place::fold(wanted).replace('/', &SEPARATOR.to_string());
        let json = serde_json::to_string(&(seen, is_old)).or_fail(ErrorKind::InvalidInput, PREPARING)?;
        self.lines.add(format!("{key}{END}{}{END}{json}", seen.hash.to_ascii_lowercase()).as_bytes())
    }
}

/// Meets every hash that the set has or that was added, in order.
fn pass_over_hashes(set: &Set, scratch: &Tree, planner: &mut Planner<'_>, is_complete: bool) -> Result<Naming> {
    let limits = &set.options.limits;
    let mut all = Sorter::new(scratch, limits.sort_bytes);
    let mut naming = Naming { lines: Sorter::new(scratch, limits.sort_bytes), before: 0 };
    let line = |hash: &str, rest: &str| format!("{}\0{hash}\0{rest}", hash.to_ascii_lowercase());
    if let Some(file) = set.tree.find(place::MANIFEST)? {
        let mut lines = Lines::of(file, place::payload_fault);
        while let Some(found) = lines.next_sound().context("path", place::MANIFEST)? {
            if let Some(hash) = place::hash_of(&found.path).filter(|hash| found.path == place::metadata(hash)) {
                naming.before += 1;
                all.add(line(hash, "0").as_bytes())?;
            }
        }
    }
    let (mut notes, mut number) = (set.seen()?, 0_u64);
    while let Some(seen) = notes.next()? {
        number += 1;
        let json = serde_json::to_string(&seen).or_fail(ErrorKind::InvalidInput, PREPARING)?;
        all.add(line(&seen.hash, &format!("1{number:016x}{json}")).as_bytes())?;
    }
    let mut all = Groups { lines: all.end()?, ahead: None };
    let mut last = String::new();
    while let Some((hash, is_old, note)) = all.next()? {
        let seen: Option<Seen> =
            note.map(|note| serde_json::from_str(&note)).transpose().or_fail(ErrorKind::Corrupt, PREPARING)?;
        match seen {
            None if is_complete => {
                planner.remove(&hash)?;
                continue;
            }
            // It could not be read, and the set has none of it.
            Some(seen) if seen.what == What::Kept && !is_old => {
                planner.report.listed += 1;
                planner.report.failed += 1;
                planner.report.failure(limits.listed, Failure { hash, why: seen.why.unwrap_or_default() });
                continue;
            }
            Some(seen) if seen.is_staged && !set.tree.exists(&staged_metadata(&hash))? => {
                // A kill while it was added again: the next run takes it.
                let old = if is_old { planner.saved(&place::metadata(&hash))? } else { None };
                planner.interrupted(&hash, old.is_some());
                let Some((old, _)) = old else { continue };
                let seen = Seen { what: What::Kept, ..Seen::of_old(&hash, Some(&old)) };
                naming.add(planner, &seen, true)?;
            }
            None => {
                let old = planner.saved(&place::metadata(&hash))?;
                naming.add(planner, &Seen::of_old(&hash, old.as_ref().map(|(old, _)| old)), true)?;
            }
            Some(seen) => naming.add(planner, &seen, is_old)?,
        }
        let folded = hash.to_ascii_lowercase();
        if folded == last {
            return Err(Error::new(ErrorKind::InvalidInput, PREPARING)
                .context("hash", hash)
                .context("fault", "two hashes are equal without regard to case"));
        }
        last = folded;
    }
    Ok(naming)
}

/// All lines of one hash together.
struct Groups {
    lines: Sorted,
    ahead: Option<(String, String)>,
}

impl Groups {
    fn line(&mut self) -> Result<Option<(String, String)>> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        let line = self.lines.next_text()?;
        let split = |line: String| {
            let mut parts = line.splitn(3, '\0');
            Some((parts.nth(1)?.to_owned(), parts.next()?.to_owned()))
        };
        Ok(line.and_then(split))
    }

    /// Returns the next hash, whether the set has it, and the last note of it.
    fn next(&mut self) -> Result<Option<(String, bool, Option<String>)>> {
        let (mut group, mut is_old, mut note) = (None::<String>, false, None);
        while let Some((hash, rest)) = self.line()? {
            if group.as_ref().is_some_and(|group| *group != hash) {
                self.ahead = Some((hash, rest));
                break;
            }
            match rest.strip_prefix('1') {
                Some(text) => note = text.get(16..).map(str::to_owned),
                None => is_old = true,
            }
            group = Some(hash);
        }
        Ok(group.map(|hash| (hash, is_old, note)))
    }
}

/// Gives every file a place of its own.
fn pass_over_names(naming: Naming, planner: &mut Planner<'_>) -> Result<()> {
    let mut lines = naming.lines.end()?;
    let (mut last_key, mut last_mark) = (String::new(), String::new());
    while let Some(line) = lines.next_text()? {
        let (key, rest) = line.split_once(END).unwrap_or_default();
        let json = rest.split_once(END).map_or("", |(_, json)| json);
        let (seen, is_old): (Seen, bool) = serde_json::from_str(json).or_fail(ErrorKind::Corrupt, PREPARING)?;
        let (path, is_marked) = seen.wanted.clone().unwrap_or_default();
        let wanted = Wanted { path, is_marked };
        let is_folder = last_key.strip_prefix(key).is_some_and(|rest| rest.starts_with(SEPARATOR));
        let mark = place::mark(&seen.hash);
        let place = if key != last_key {
            if is_folder { wanted.second(&seen.hash) } else { wanted }
        } else if mark == last_mark {
            wanted.last(&seen.hash)
        } else {
            wanted.second(&seen.hash)
        };
        planner.settle(&seen, is_old, Some(&place.path))?;
        key.clone_into(&mut last_key);
        last_mark = mark;
    }
    Ok(())
}

impl Set {
    /// Ends adding: finds what was removed, decides names, and writes the new lists. The set is still what the last run left.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `about` is malformed or no run has begun, `Corrupt` if the set's lists do not fit, `Storage` if the disk fails.
    pub fn prepare(&mut self, about: &str, is_complete: bool) -> Result<Found> {
        self.check_lock(PREPARING)?;
        let channel_hash = self.running(PREPARING)?.journal.channel_hash.clone();
        if about.len() > self.options.limits.metadata_bytes {
            return Err(Error::new(ErrorKind::InvalidInput, PREPARING)
                .context("about_bytes", about.len())
                .context("limit_bytes", self.options.limits.metadata_bytes));
        }
        let about = About::given(about)?;
        if about.channel_hash != channel_hash {
            return Err(Error::new(ErrorKind::InvalidInput, PREPARING).context("fault", "another channel than the run's"));
        }
        let Some(run) = self.run.take() else {
            return Err(Error::new(ErrorKind::InvalidInput, PREPARING).context("fault", "no run has begun"));
        };
        match self.prepare_run(&run.journal, run.lists.as_ref(), about, is_complete) {
            Ok((found, prepared)) => {
                self.prepared = Some(prepared);
                Ok(found)
            }
            Err(error) => {
                self.run = Some(run);
                Err(error)
            }
        }
    }

    fn prepare_run(
        &self,
        journal: &Journal,
        lists: Option<&Lists>,
        mut about: About,
        is_complete: bool,
    ) -> Result<(Found, Prepared)> {
        let (tree, limits, updated) = (&self.tree, &self.options.limits, self.options.now());
        for stale in [".partial/lists", ".partial/moved", ".partial/gone"] {
            tree.remove_all(stale)?;
        }
        let mut planner = Planner::new(tree, limits, &journal.run, lists);
        let naming = pass_over_hashes(self, tree, &mut planner, is_complete)?;
        let listed = if self.staged_rows.is_empty() { BTreeMap::new() } else { self.channel_files()? };
        let before = naming.before;
        pass_over_names(naming, &mut planner)?;
        for rows in self.staged_rows.values() {
            planner.settle_rows(rows, listed.contains_key(&rows.path))?;
        }
        about.id = lists.map_or_else(|| self.new_id(), |lists| lists.about.id.clone());
        about.run.clone_from(&journal.run);
        about.counts = planner.counts.clone();
        let mut report = std::mem::take(&mut planner.report);
        report.run.clone_from(&journal.run);
        report.from.clone_from(&journal.from);
        report.by.clone_from(&journal.by);
        let counts = planner.counts.clone();
        let draft = Draft { lists, report: &mut report, written: write_lists(planner)?, gone_tags: &[], new_reports: Vec::new() };
        let prepared = self.write_tags(journal.clone(), about, updated, draft)?;
        let found = Found {
            run: journal.run.clone(),
            message: about::message(&prepared.about.channel_hash, &prepared.tag_manifest),
            key_id: prepared.about.channel_url.clone(),
            listed: report.listed,
            unchanged: report.unchanged,
            new: report.new,
            replaced: report.replaced,
            changed: report.changed,
            moved: report.moved,
            removed: report.removed,
            removed_hashes: report
                .changes
                .iter()
                .filter(|change| change.what == "removed")
                .map(|change| change.hash.clone())
                .collect(),
            failed: report.failed,
            copied_bytes: report.copied_bytes,
            counts,
            before,
        };
        Ok((found, prepared))
    }

    /// Makes the id of a new set, a UUID of version 4.
    fn new_id(&self) -> String {
        let (one, two) = ((self.options.surroundings.random)(), (self.options.surroundings.random)());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            one >> 32,
            (one >> 16) & 0xffff,
            one & 0xfff,
            0x8000 | (two >> 50) & 0x3fff,
            two & 0xffff_ffff_ffff
        )
    }
}

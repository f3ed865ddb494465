//! The end of a run: what was removed, names, new lists, the plan of renames, and the commit.

use std::collections::BTreeMap;

use super::about::{self, About, BAGIT_TXT, Change, Counts, Failure, Oxum, README_TXT, RunReport, Signature};
use super::journal::{self, Journal, Phase, State, Step};
use super::list::{Line, Lines};
use super::lists::{Lists, Prepared};
use super::metadata::{Part, Saved};
use super::place::{self, Wanted};
use super::signer::{self, OwnerKey, Signer};
use super::sorter::{Sorted, Sorter};
use super::staged::{StagedRows, staged_metadata, staged_original, staged_part};
use super::tree::{Output, Tree};
use super::writer::{Seen, Set, What};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::SetLimits;
use crate::signature::PublicKey;

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

/// What a prune removes.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Name of the run that does it.
    pub run: String,
    /// The bytes to sign.
    pub message: Vec<u8>,
    /// Whose key signs.
    pub key_id: String,
    /// Runs of which nothing older stays.
    pub removed_runs: u64,
    /// Files.
    pub removed_files: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// What stays.
    pub counts: Counts,
}

/// Collects the steps of a run.
struct Planner<'s> {
    tree: &'s Tree,
    limits: &'s SetLimits,
    run: &'s str,
    /// `to`, `from`.
    outs: Sorter,
    /// `to`, `from`, `was`.
    ins: Sorter,
    /// `from`, and where its line of the manifest goes, if anywhere.
    leaving: Sorter,
    /// New lines of the manifest: path, digest.
    arriving: Sorter,
    steps: u64,
    gone: u64,
    oxum: Oxum,
    counts: Counts,
    report: RunReport,
}

impl<'s> Planner<'s> {
    fn new(tree: &'s Tree, limits: &'s SetLimits, run: &'s str, lists: Option<&Lists>) -> Self {
        let sorter = || Sorter::new(tree, limits.sort_bytes);
        let older = lists.map(|lists| lists.about.counts.clone()).unwrap_or_default();
        Self {
            tree,
            limits,
            run,
            outs: sorter(),
            ins: sorter(),
            leaving: sorter(),
            arriving: sorter(),
            steps: 0,
            gone: 0,
            oxum: lists.map(|lists| lists.oxum).unwrap_or_default(),
            counts: Counts { older_files: older.older_files, older_bytes: older.older_bytes, ..Counts::default() },
            report: RunReport::default(),
        }
    }

    /// A file goes to what this run replaced.
    fn send_to_older(&mut self, path: &str, size_bytes: u64) -> Result<()> {
        let to = place::older(self.run, path);
        self.outs.add(format!("{to}\0{path}").as_bytes())?;
        self.leaving.add(format!("{path}\0{to}").as_bytes())?;
        self.counts.older_files += 1;
        self.counts.older_bytes += size_bytes;
        self.steps += 1;
        Ok(())
    }

    /// A file goes for good.
    fn send_to_gone(&mut self, path: &str, size_bytes: u64) -> Result<()> {
        self.drop_file(path)?;
        self.leaving.add(format!("{path}\0").as_bytes())?;
        self.oxum.files = self.oxum.files.saturating_sub(1);
        self.oxum.bytes = self.oxum.bytes.saturating_sub(size_bytes);
        Ok(())
    }

    fn drop_file(&mut self, path: &str) -> Result<()> {
        self.gone += 1;
        self.steps += 1;
        self.outs.add(format!(".partial/gone/{:010}\0{path}", self.gone).as_bytes())
    }

    /// A file takes another place.
    fn send_to_place(&mut self, hash: &str, from: &str, to: &str) -> Result<()> {
        let between = format!(".partial/moved/{hash}");
        self.outs.add(format!("{between}\0{from}").as_bytes())?;
        self.ins.add(format!("{to}\0{between}\0{from}").as_bytes())?;
        self.leaving.add(format!("{from}\0{to}").as_bytes())?;
        self.steps += 2;
        Ok(())
    }

    /// A new file takes its place.
    fn arrive(&mut self, from: &str, to: &str, digest: Digest, size_bytes: u64) -> Result<()> {
        self.ins.add(format!("{to}\0{from}\0").as_bytes())?;
        self.arriving.add(format!("{to}\0{digest}").as_bytes())?;
        self.oxum.files += 1;
        self.oxum.bytes += size_bytes;
        self.steps += 1;
        Ok(())
    }

    /// A file of rows gets other lines; those that left are kept.
    fn settle_rows(&mut self, rows: &StagedRows, is_old: bool) -> Result<()> {
        let StagedRows { path, new, older } = rows;
        let old_bytes = if is_old { self.tree.stat(path)?.map_or(0, |facts| facts.size_bytes) } else { 0 };
        match older {
            // The identity is one text: it stays as it was.
            None if is_old && path == place::IDENTITY => self.send_to_older(path, old_bytes)?,
            _ if is_old => self.send_to_gone(path, old_bytes)?,
            _ => {}
        }
        if let Some(older) = older {
            self.arrive(&older.at, &place::older(self.run, path), older.digest, older.size_bytes)?;
            self.counts.older_files += 1;
            self.counts.older_bytes += older.size_bytes;
        }
        new.as_ref().map_or(Ok(()), |new| self.arrive(&new.at, path, new.digest, new.size_bytes))
    }

    fn saved(&self, path: &str) -> Result<Option<(Saved, u64)>> {
        let bytes = match self.tree.read(path, self.limits.metadata_bytes) {
            Err(error) if error.kind() == ErrorKind::LimitExceeded => return Ok(None),
            outcome => outcome?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        Ok(Saved::parse(&bytes, self.limits).ok().map(|saved| (saved, bytes.len() as u64)))
    }

    /// The hub has it no longer.
    fn remove(&mut self, hash: &str) -> Result<()> {
        let path = place::metadata(hash);
        let Some((old, size)) = self.saved(&path)? else {
            // Nobody can say any more what belonged to it.
            return self.send_to_gone(&path, self.tree.stat(&path)?.map_or(0, |facts| facts.size_bytes));
        };
        for part in &old.parts {
            if let Some(path) = &part.path {
                self.send_to_older(path, part.size)?;
            }
        }
        self.send_to_older(&path, size)?;
        self.report.removed += 1;
        let older = old.original().and_then(|part| part.path.as_deref()).unwrap_or(&path);
        let change =
            Change { what: "removed".into(), hash: hash.to_owned(), path: None, older: Some(place::older(self.run, older)) };
        self.report.change(self.limits.listed, change);
        Ok(())
    }

    /// An entry has its place: `path` of its original.
    fn settle(&mut self, seen: &Seen, is_old: bool, path: Option<&str>) -> Result<()> {
        self.count(seen);
        let is_kept = seen.what == What::Kept;
        if let Some(why) = seen.why.as_ref().filter(|_| is_kept) {
            self.report.failed += 1;
            self.report.failure(self.limits.listed, Failure { hash: seen.hash.clone(), why: why.clone() });
        }
        if !seen.is_staged && path == seen.old_path.as_deref() {
            self.report.unchanged += u64::from(!is_kept);
            return Ok(());
        }
        let metadata_path = place::metadata(&seen.hash);
        let old = if is_old { self.saved(&metadata_path)? } else { None };
        let staged = staged_metadata(&seen.hash);
        let new = if seen.is_staged { self.saved(&staged)? } else { self.saved(&metadata_path)? };
        let Some((mut new, _)) = new else {
            return Err(Error::new(ErrorKind::Corrupt, "preparing a run")
                .context("hash", &seen.hash)
                .context("fault", "its metadata is gone"));
        };
        if !seen.is_staged || new.original().and_then(|part| part.path.as_deref()) != path {
            let seen_at = if seen.is_staged { new.seen.clone() } else { place::time_of(self.run) };
            for part in &mut new.parts {
                if part.role == super::metadata::ORIGINAL {
                    part.path = path.map(str::to_owned);
                }
            }
            self.tree.put(&staged, &Saved::compose(&new.metadata, &seen_at, &new.parts)?)?;
        }
        let what = if seen.is_staged { seen.what } else { What::Moved };
        self.settle_original(seen, old.as_ref().map(|(old, _)| old), &new, what)?;
        self.settle_crops(old.as_ref().map(|(old, _)| old), &new)?;
        if let Some((_, size)) = &old {
            self.send_to_older(&metadata_path, *size)?;
        } else if is_old {
            let size = self.tree.stat(&metadata_path)?.map_or(0, |facts| facts.size_bytes);
            self.send_to_gone(&metadata_path, size)?;
        }
        let bytes = self.tree.read(&staged, self.limits.metadata_bytes)?.unwrap_or_default();
        self.arrive(&staged, &metadata_path, Digest::of(&bytes), bytes.len() as u64)
    }

    /// An entry was not added to its end.
    fn interrupted(&mut self, hash: &str, is_old: bool) {
        self.report.listed += u64::from(!is_old);
        self.report.failed += 1;
        self.report.failure(self.limits.listed, Failure { hash: hash.to_owned(), why: "interrupted".to_owned() });
    }

    fn count(&mut self, seen: &Seen) {
        self.report.listed += 1;
        self.report.copied_bytes += seen.copied;
        *(if seen.is_file { &mut self.counts.files } else { &mut self.counts.folders }) += 1;
        self.counts.photos += u64::from(seen.is_photo);
        self.counts.crops += seen.crops;
        self.counts.posts += seen.posts;
        self.counts.bytes += seen.bytes;
    }

    fn settle_original(&mut self, seen: &Seen, old: Option<&Saved>, new: &Saved, what: What) -> Result<()> {
        let part = |saved: Option<&Saved>| saved.and_then(Saved::original).cloned();
        let (old_part, new_part) = (part(old), part(Some(new)));
        let old_path = old_part.as_ref().and_then(|part| part.path.as_deref());
        let new_path = new_part.as_ref().and_then(|part| part.path.as_deref());
        let mut older = None;
        if let (Some(part), Some(path)) = (&old_part, old_path) {
            if seen.has_bytes && seen.is_damaged {
                self.send_to_gone(path, part.size)?;
            } else if seen.has_bytes || new_path.is_none() {
                self.send_to_older(path, part.size)?;
                older = Some(place::older(self.run, path));
            } else if let Some(new_path) = new_path.filter(|new_path| *new_path != path) {
                self.send_to_place(&seen.hash, path, new_path)?;
            }
        }
        if let (Some(part), Some(path), true) = (&new_part, new_path, seen.has_bytes) {
            self.arrive(&staged_original(&seen.hash), path, part.sha256, part.size)?;
        }
        let counter = match what {
            What::New => &mut self.report.new,
            What::Replaced => &mut self.report.replaced,
            What::Moved => &mut self.report.moved,
            What::Changed | What::Unchanged | What::Kept => &mut self.report.changed,
        };
        *counter += 1;
        if what == What::New {
            return Ok(());
        }
        let older = older.or_else(|| old.map(|_| place::older(self.run, &place::metadata(&seen.hash))));
        let change = Change { what: what.name().to_owned(), hash: seen.hash.clone(), path: new_path.map(str::to_owned), older };
        self.report.change(self.limits.listed, change);
        Ok(())
    }

    fn settle_crops(&mut self, old: Option<&Saved>, new: &Saved) -> Result<()> {
        let own_files = |saved: &Saved| -> Vec<(Part, String)> {
            let crops = saved.parts.iter().filter(|part| part.role == super::metadata::CROP);
            crops.filter_map(|part| Some((part.clone(), part.path.clone()?))).collect()
        };
        let (old, new) = (old.map(own_files).unwrap_or_default(), own_files(new));
        for (part, path) in old.iter().filter(|one| !new.contains(one)) {
            self.send_to_older(path, part.size)?;
        }
        for (part, path) in new.iter().filter(|one| !old.contains(one)) {
            self.arrive(&staged_part(path), path, part.sha256, part.size)?;
        }
        Ok(())
    }
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

const PREPARING: &str = "preparing a run of a backup set";

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

/// Writes the new manifest and the plan.
fn write_lists(planner: Planner<'_>) -> Result<Written> {
    let Planner { tree, mut outs, ins, leaving, mut arriving, steps, mut gone, mut oxum, .. } = planner;
    let has_manifest = tree.exists(place::MANIFEST)?;
    if steps == 0 && has_manifest {
        tree.put(place::PLAN, b"")?;
        return Ok(Written { has_manifest: false, plan_bytes: 0, oxum });
    }
    // First what stays, in order, beside what leaves or arrives.
    let mut leaving = leaving.end()?;
    let mut next_leaving = || -> Result<Option<(String, String)>> {
        let line = leaving.next_text()?;
        Ok(line.and_then(|line| line.split_once('\0').map(|(from, to)| (from.to_owned(), to.to_owned()))))
    };
    let mut leaves = next_leaving()?;
    let mut kept = Output::create(tree, KEPT)?;
    let mut lines = tree.find(place::MANIFEST)?.map(|file| Lines::of(file, place::payload_fault));
    loop {
        let line = match &mut lines {
            Some(lines) => lines.next_sound().context("path", place::MANIFEST)?,
            None => None,
        };
        // No list names these; they leave all the same.
        while let Some((from, to)) = leaves.take_if(|(from, _)| line.as_ref().is_none_or(|line| *from < line.path)) {
            if let Some(digest) = tree.digest(&from)?.filter(|_| !to.is_empty()) {
                arriving.add(format!("{to}\0{digest}").as_bytes())?;
            }
            leaves = next_leaving()?;
        }
        let Some(line) = line else { break };
        match leaves.take_if(|(from, _)| *from == line.path) {
            Some((_, to)) => {
                if !to.is_empty() {
                    arriving.add(format!("{to}\0{}", line.digest).as_bytes())?;
                }
                leaves = next_leaving()?;
            }
            None => kept.add(line.text().as_bytes())?,
        }
    }
    kept.end()?;
    let mut kept = Lines::of(tree.open_file(KEPT)?, place::payload_fault);
    let mut arriving = arriving.end()?;
    let mut manifest = Output::create(tree, &list(place::MANIFEST))?;
    let (mut stays, mut comes) = (kept.next_sound()?, next_arriving(&mut arriving)?);
    loop {
        match (&stays, &comes) {
            (None, None) => break,
            (Some(line), new) if new.as_ref().is_none_or(|new| line.path < new.path) => {
                manifest.add(line.text().as_bytes())?;
                stays = kept.next_sound()?;
            }
            (old, Some(new)) => {
                manifest.add(new.text().as_bytes())?;
                if old.as_ref().is_some_and(|old| old.path == new.path) {
                    // Whatever it was, it is in the way: its own metadata file was damaged.
                    gone += 1;
                    oxum.files = oxum.files.saturating_sub(1);
                    oxum.bytes = oxum.bytes.saturating_sub(tree.stat(&new.path)?.map_or(0, |facts| facts.size_bytes));
                    outs.add(format!(".partial/gone/{gone:010}\0{}", new.path).as_bytes())?;
                    stays = kept.next_sound()?;
                }
                let after = next_arriving(&mut arriving)?;
                if after.as_ref().is_some_and(|after| after.path == new.path) {
                    return Err(Error::new(ErrorKind::Corrupt, PREPARING)
                        .context("path", &new.path)
                        .context("fault", "two files want one place"));
                }
                comes = after;
            }
            (Some(_), None) => {}
        }
    }
    manifest.end()?;
    tree.remove(KEPT)?;
    Ok(Written { has_manifest: true, plan_bytes: write_plan(tree, outs, ins)?, oxum })
}

/// A new manifest, and the plan that leads to it.
struct Written {
    /// Whether the manifest changed.
    has_manifest: bool,
    plan_bytes: u64,
    oxum: Oxum,
}

const KEPT: &str = ".partial/kept";

fn list(path: &str) -> String {
    format!("{}{path}", place::LISTS)
}

fn next_arriving(lines: &mut Sorted) -> Result<Option<Line>> {
    let Some(line) = lines.next_text()? else { return Ok(None) };
    let (path, digest) = line.split_once('\0').unwrap_or_default();
    Ok(Some(Line { digest: Digest::parse(digest)?, path: path.to_owned() }))
}

/// Writes the steps of the first two phases; returns the length of the plan.
fn write_plan(tree: &Tree, outs: Sorter, ins: Sorter) -> Result<u64> {
    let mut plan = Output::create(tree, place::PLAN)?;
    let mut bytes = 0;
    for (phase, steps) in [(Phase::Out, outs), (Phase::In, ins)] {
        let mut steps = steps.end()?;
        while let Some(line) = steps.next_text()? {
            let mut parts = line.splitn(3, '\0').map(str::to_owned);
            let to = parts.next().unwrap_or_default();
            let from = parts.next().unwrap_or_default();
            let was = parts.next().filter(|was| !was.is_empty());
            let text = Step { phase, from, to, was }.line()?;
            bytes += text.len() as u64;
            plan.add(text.as_bytes())?;
        }
    }
    plan.end()?;
    Ok(bytes)
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

    /// Writes the files beside the payload.
    fn write_tags(&self, journal: Journal, about: About, updated: String, draft: Draft<'_>) -> Result<Prepared> {
        let Draft { lists, report, written: Written { has_manifest, plan_bytes, oxum }, gone_tags, new_reports } = draft;
        let mut prepared = Prepared {
            tags: lists.map(|lists| lists.tags.clone()).unwrap_or_default(),
            journal,
            about,
            updated,
            lists: Vec::new(),
            plan_bytes,
            tag_manifest: Digest::of(b""),
        };
        for path in gone_tags {
            prepared.tags.remove(path);
        }
        if has_manifest {
            let digest = self.tree.digest(&list(place::MANIFEST))?;
            prepared.tags.insert(place::MANIFEST.to_owned(), digest.unwrap_or(prepared.tag_manifest));
            prepared.lists.push(place::MANIFEST.to_owned());
        }
        report.filesync_set = super::metadata::FORMAT;
        report.finished.clone_from(&prepared.updated);
        let program = prepared.about.program().to_owned();
        let bag_info = about::bag_info(&prepared.about.id, &program, &prepared.updated, oxum);
        let mut files = vec![
            (place::BAG_INFO.to_owned(), bag_info.into_bytes()),
            (place::BAGIT.to_owned(), BAGIT_TXT.into()),
            (place::README.to_owned(), README_TXT.into()),
            (format!("runs/{}.json", prepared.journal.run), report.compose()?),
        ];
        files.extend(new_reports);
        for (path, bytes) in files {
            self.put_list(&mut prepared, &path, &bytes)?;
        }
        self.write_set(&mut prepared, Signer::Channel)?;
        Ok(prepared)
    }

    fn put_list(&self, prepared: &mut Prepared, path: &str, bytes: &[u8]) -> Result<()> {
        let digest = Digest::of(bytes);
        if prepared.tags.get(path) == Some(&digest) {
            return Ok(());
        }
        self.tree.put(&list(path), bytes)?;
        prepared.tags.insert(path.to_owned(), digest);
        if !prepared.lists.iter().any(|known| known == path) {
            prepared.lists.push(path.to_owned());
        }
        Ok(())
    }

    /// Writes `set.json` and the tag manifest, which say who signs. Returns the text of the tag manifest.
    fn write_set(&self, prepared: &mut Prepared, signer: Signer) -> Result<String> {
        prepared.about.signer = signer;
        let bytes = prepared.about.compose(&prepared.updated)?;
        if bytes.len() > self.options.limits.metadata_bytes {
            return Err(Error::new(ErrorKind::LimitExceeded, PREPARING)
                .context("path", place::SET)
                .context("size_bytes", bytes.len())
                .context("limit_bytes", self.options.limits.metadata_bytes)
                .context("remedy", "list less of what the set lacks"));
        }
        self.put_list(prepared, place::SET, &bytes)?;
        let lines: Vec<String> =
            prepared.tags.iter().map(|(path, digest)| Line { digest: *digest, path: path.clone() }.text()).collect();
        let text = lines.concat();
        self.tree.put(&list(place::TAG_MANIFEST), text.as_bytes())?;
        prepared.tag_manifest = Digest::of(text.as_bytes());
        Ok(text)
    }

    /// Puts the prepared run in place, signed by the channel or by nobody.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if nothing is prepared, `Signature` if the signature is not the channel's, `Storage` if the disk fails; then
    /// [`Set::complete`] goes on.
    pub fn commit(&mut self, signature: Option<&[u8]>) -> Result<()> {
        self.put_in_place(signature.map_or(Signing::Nobody, Signing::Channel))
    }

    /// Puts the prepared run in place, signed by a key of the owner's own if there is one.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if nothing is prepared, `Signature` if the key does not sign as it says, `Storage` if the disk fails; then
    /// [`Set::complete`] goes on.
    pub fn commit_as_owner(&mut self, key: Option<&dyn OwnerKey>) -> Result<()> {
        self.put_in_place(key.map_or(Signing::Nobody, Signing::Owner))
    }

    fn put_in_place(&mut self, signing: Signing<'_>) -> Result<()> {
        const COMMITTING: &str = "putting a run in place";
        self.check_lock(COMMITTING)?;
        let Some(mut prepared) = self.prepared.take() else {
            return Err(Error::new(ErrorKind::InvalidInput, COMMITTING).context("fault", "no run is prepared"));
        };
        let outcome = self.begin_commit(&mut prepared, signing);
        if let Err(error) = outcome {
            if Journal::read(&self.tree).is_ok_and(|journal| journal.is_none_or(|journal| !journal.state.is_cut_off())) {
                self.prepared = Some(prepared);
            }
            return Err(error);
        }
        journal::complete(&self.tree).map(|_| ())
    }

    fn begin_commit(&self, prepared: &mut Prepared, signing: Signing<'_>) -> Result<()> {
        let tree = &self.tree;
        let step = |phase, from: String, to: &str| Step { phase, from, to: to.to_owned(), was: None };
        let proof = self.sign(prepared, signing)?;
        let mut steps = Vec::new();
        for (name, gone) in
            [(place::SIGNATURE, ".partial/gone/signature"), (place::OWNER_SIGNATURE, ".partial/gone/owner-signature")]
        {
            match &proof {
                Some((own, bytes)) if *own == name => {
                    tree.put(&list(name), bytes)?;
                    steps.push(step(Phase::Lists, list(name), name));
                }
                _ => steps.push(step(Phase::Out, name.to_owned(), gone)),
            }
        }
        prepared.lists.sort();
        steps.extend(prepared.lists.iter().map(|path| step(Phase::Lists, list(path), path)));
        steps.push(step(Phase::Lists, list(place::TAG_MANIFEST), place::TAG_MANIFEST));
        let plan = tree.append(place::PLAN)?;
        plan.set_len(prepared.plan_bytes).or_fail(ErrorKind::Storage, PREPARING)?;
        for step in steps {
            tree.write(&plan, step.line()?.as_bytes())?;
        }
        prepared.journal.plan_sha256 = tree.digest(place::PLAN)?;
        prepared.journal.state = State::Out;
        tree.sync()?;
        prepared.journal.write(tree)
    }

    /// Writes the lists as they are signed; returns the name and the bytes of the signature.
    fn sign(&self, prepared: &mut Prepared, signing: Signing<'_>) -> Result<Option<(&'static str, Vec<u8>)>> {
        let wrong =
            || Error::new(ErrorKind::Signature, "checking the signature of a backup set").context("code", "signature_wrong");
        match signing {
            Signing::Nobody => {
                self.write_set(prepared, Signer::Nobody)?;
                Ok(None)
            }
            Signing::Channel(bytes) => {
                if prepared.about.signer != Signer::Channel {
                    self.write_set(prepared, Signer::Channel)?;
                }
                let signature = Signature::new(&prepared.about, prepared.tag_manifest, bytes);
                let key = PublicKey::from_pem(&prepared.about.channel_key)?;
                if !signature.verifies(&key, &prepared.tag_manifest) {
                    return Err(wrong().context("key_id", &prepared.about.channel_url));
                }
                Ok(Some((place::SIGNATURE, signature.compose()?)))
            }
            Signing::Owner(key) => {
                let text = self.write_set(prepared, Signer::Owner(key.public_key().to_owned()))?;
                let comment = format!("filesync set {}, run {}", prepared.about.id, prepared.about.run);
                let signature = key.sign(text.as_bytes(), &comment)?;
                if !signer::verifies(key.public_key(), &signature, &mut text.as_bytes())? {
                    return Err(wrong().context("public_key", key.public_key()));
                }
                Ok(Some((place::OWNER_SIGNATURE, signature.into_bytes())))
            }
        }
    }
}

/// Who signs a run that is put in place.
#[derive(Clone, Copy)]
enum Signing<'s> {
    Nobody,
    /// The channel, whose signature this is.
    Channel(&'s [u8]),
    Owner(&'s dyn OwnerKey),
}

/// What lists are made of.
struct Draft<'d> {
    lists: Option<&'d Lists>,
    report: &'d mut RunReport,
    written: Written,
    gone_tags: &'d [String],
    new_reports: Vec<(String, Vec<u8>)>,
}

/// What a prune removes.
#[derive(Clone, Debug, Default)]
pub struct PruneSpec {
    /// Runs before this time, `2026-11-28T03:17:09Z`.
    pub older_than: Option<String>,
    /// A hash that goes from everything.
    pub forget: Option<String>,
    /// Program and version, for `set.json`.
    pub made_with: Option<String>,
}

const PRUNING: &str = "pruning a backup set";

impl Set {
    /// Prepares a run that removes from what is older.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the parameter is malformed or a run is under way, `NotFound` if there is no set or no such hash, `Corrupt`
    /// if the lists are damaged, `Storage` if the disk fails.
    pub fn prune(&mut self, spec: &PruneSpec) -> Result<Pruned> {
        self.check_lock(PRUNING)?;
        let has_run = self.run.is_some() || self.prepared.is_some();
        journal::complete(&self.tree)?;
        if has_run || Journal::read(&self.tree)?.is_some() {
            return Err(Error::new(ErrorKind::InvalidInput, PRUNING)
                .context("fault", "a run is under way, or was interrupted")
                .context("remedy", "finish or abandon it first"));
        }
        if let Some(time) = spec.older_than.as_ref().filter(|time| !super::metadata::is_time(time)) {
            return Err(Error::new(ErrorKind::InvalidInput, PRUNING)
                .context("older_than", time.escape_debug())
                .context("expected", "a time such as 2026-11-28T03:17:09Z"));
        }
        spec.forget.as_deref().map_or(Ok(()), place::check_hash)?;
        let lists = Lists::read(&self.tree, &self.options.limits)?
            .ok_or_else(|| Error::new(ErrorKind::NotFound, PRUNING).context("fault", "the folder holds no set"))?;
        self.tree.remove_all(place::PARTIAL)?;
        self.tree.make_folder(place::PARTIAL)?;
        let (pruned, prepared) = self.prepare_prune(spec, &lists)?;
        self.prepared = Some(prepared);
        Ok(pruned)
    }

    fn prepare_prune(&self, spec: &PruneSpec, lists: &Lists) -> Result<(Pruned, Prepared)> {
        let (tree, limits, updated) = (&self.tree, &self.options.limits, self.options.now());
        let run = self.options.next_run(Some(&lists.about.run));
        let mut planner = Planner::new(tree, limits, &run, Some(lists));
        planner.counts = lists.about.counts.clone();
        let before = lists.oxum;
        let limit = spec.older_than.as_ref().map(|time| time.replace(':', ""));
        let is_pruned = |run: &str| limit.as_deref().is_some_and(|limit| run < limit);
        let forgotten = spec.forget.as_ref().map(|hash| Forgotten::find(&planner, hash)).transpose()?;
        let mut runs = std::collections::BTreeSet::new();
        let mut lines = Lines::of(tree.open_file(place::MANIFEST)?, place::payload_fault);
        while let Some(line) = lines.next_sound().context("path", place::MANIFEST)? {
            let older = place::split_older(&line.path);
            let is_older = older.is_some();
            let goes = older.as_ref().is_some_and(|(run, _)| is_pruned(run))
                || forgotten.as_ref().is_some_and(|forgotten| forgotten.includes(&line));
            if !goes {
                continue;
            }
            let size = tree.stat(&line.path).unwrap_or_default().map_or(0, |facts| facts.size_bytes);
            planner.send_to_gone(&line.path, size)?;
            if let Some((run, _)) = older.filter(|(run, _)| is_pruned(run)) {
                runs.insert(run.to_owned());
            }
            if is_older {
                planner.counts.older_files = planner.counts.older_files.saturating_sub(1);
                planner.counts.older_bytes = planner.counts.older_bytes.saturating_sub(size);
            }
        }
        if let Some(forgotten) = &forgotten {
            forgotten.discount(&mut planner.counts);
        }
        let pruned_reports =
            |path: &&String| path.strip_prefix("runs/").and_then(|name| name.strip_suffix(".json")).is_some_and(is_pruned);
        let gone_tags: Vec<String> = lists.tags.keys().filter(pruned_reports).cloned().collect();
        for path in &gone_tags {
            planner.drop_file(path)?;
        }
        let mut about = lists.about.clone();
        let mut new_reports = Vec::new();
        if let Some(hash) = &spec.forget {
            about.forget(hash);
            for path in lists.tags.keys().filter(|path| path.starts_with("runs/") && !gone_tags.contains(path)) {
                new_reports.extend(self.report_without(path, hash)?);
            }
        }
        about.run.clone_from(&run);
        about.counts = planner.counts.clone();
        if let Some(program) = &spec.made_with {
            about.made_with(program);
        }
        let mut journal = Journal::new(run.clone());
        journal.channel_hash.clone_from(&about.channel_hash);
        "prune".clone_into(&mut journal.by);
        let mut report = RunReport { run: run.clone(), by: "prune".to_owned(), ..RunReport::default() };
        let counts = planner.counts.clone();
        let written = write_lists(planner)?;
        let oxum = written.oxum;
        let draft = Draft { lists: Some(lists), report: &mut report, written, gone_tags: &gone_tags, new_reports };
        let prepared = self.write_tags(journal, about, updated, draft)?;
        let pruned = Pruned {
            run,
            message: about::message(&prepared.about.channel_hash, &prepared.tag_manifest),
            key_id: prepared.about.channel_url.clone(),
            removed_runs: runs.len() as u64,
            removed_files: before.files.saturating_sub(oxum.files),
            removed_bytes: before.bytes.saturating_sub(oxum.bytes),
            counts,
        };
        Ok((pruned, prepared))
    }

    /// Returns a run's report without what it says of a hash, if it says anything.
    fn report_without(&self, path: &str, hash: &str) -> Result<Option<(String, Vec<u8>)>> {
        let bytes = self.tree.read(path, MAX_REPORT_BYTES)?;
        let Some(mut report) = bytes.and_then(|bytes| serde_json::from_slice::<RunReport>(&bytes).ok()) else { return Ok(None) };
        let before = report.changes.len() + report.failures.len();
        report.changes.retain(|change| change.hash != hash);
        report.failures.retain(|failure| failure.hash != hash);
        let is_changed = report.changes.len() + report.failures.len() < before;
        Ok(if is_changed { Some((path.to_owned(), report.compose()?)) } else { None })
    }
}

const MAX_REPORT_BYTES: usize = 32 << 20;

/// Everything that belongs to one hash.
struct Forgotten {
    hash: String,
    current: Option<Saved>,
    /// Paths and digests of its bytes, of all versions.
    bytes: Vec<(String, Digest)>,
}

impl Forgotten {
    fn find(planner: &Planner<'_>, hash: &str) -> Result<Self> {
        let own = place::metadata(hash);
        let (mut versions, mut current) = (Vec::new(), None);
        let mut lines = Lines::of(planner.tree.open_file(place::MANIFEST)?, place::payload_fault);
        let mut is_known = false;
        while let Some(line) = lines.next_sound().context("path", place::MANIFEST)? {
            let is_current = line.path == own;
            if is_current || place::split_older(&line.path).is_some_and(|(_, path)| path == own) {
                is_known = true;
                let Some((saved, _)) = planner.saved(&line.path)? else { continue };
                versions.extend(saved.parts.iter().filter_map(|part| Some((part.path.clone()?, part.sha256))));
                current = if is_current { Some(saved) } else { current };
            }
        }
        if !is_known {
            return Err(Error::new(ErrorKind::NotFound, PRUNING)
                .context("hash", hash)
                .context("fault", "the set has no such hash"));
        }
        Ok(Self { hash: hash.to_owned(), current, bytes: versions })
    }

    fn includes(&self, line: &Line) -> bool {
        let own = place::metadata(&self.hash);
        if let Some((_, path)) = place::split_older(&line.path) {
            return path == own || self.bytes.contains(&(path, line.digest));
        }
        let parts = self.current.iter().flat_map(|current| &current.parts);
        line.path == own || parts.filter_map(|part| part.path.as_ref()).any(|path| *path == line.path)
    }

    fn discount(&self, counts: &mut Counts) {
        let Some(current) = &self.current else { return };
        let seen = Seen::of_old(&self.hash, Some(current));
        let less = |count: &mut u64, by: u64| *count = count.saturating_sub(by);
        less(if seen.is_file { &mut counts.files } else { &mut counts.folders }, 1);
        less(&mut counts.photos, u64::from(seen.is_photo));
        less(&mut counts.crops, seen.crops);
        less(&mut counts.posts, seen.posts);
        less(&mut counts.bytes, seen.bytes);
    }
}

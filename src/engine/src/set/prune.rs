//! Prune: removes from a set what is older than a time, or everything of one hash.

use super::about::{self, Counts, RunReport};
use super::journal::{self, Journal};
use super::list::{Line, Lines};
use super::lists::{Lists, Prepared};
use super::metadata::Saved;
use super::new_lists::{Draft, write_lists};
use super::place;
use super::planner::Planner;
use super::writer::{Seen, Set};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result, WithContext};

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

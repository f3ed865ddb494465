//! What a run, or a prune, does with each file of a set: the steps to it, the lines of the manifest, and the counts.

use super::about::{Change, Counts, Failure, Oxum, RunReport};
use super::lists::Lists;
use super::metadata::{Part, Saved};
use super::place;
use super::sorter::Sorter;
use super::staged::{StagedRows, staged_metadata, staged_original, staged_part};
use super::tree::Tree;
use super::writer::{Seen, What};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::SetLimits;

pub(crate) const PREPARING: &str = "preparing a run of a backup set";

/// Collects the steps of a run.
pub(crate) struct Planner<'s> {
    pub(crate) tree: &'s Tree,
    pub(crate) limits: &'s SetLimits,
    pub(crate) run: &'s str,
    /// `to`, `from`.
    pub(crate) outs: Sorter,
    /// `to`, `from`, `was`.
    pub(crate) ins: Sorter,
    /// `from`, and where its line of the manifest goes, if anywhere.
    pub(crate) leaving: Sorter,
    /// New lines of the manifest: path, digest.
    pub(crate) arriving: Sorter,
    pub(crate) steps: u64,
    pub(crate) gone: u64,
    pub(crate) oxum: Oxum,
    pub(crate) counts: Counts,
    pub(crate) report: RunReport,
}

impl<'s> Planner<'s> {
    pub(crate) fn new(tree: &'s Tree, limits: &'s SetLimits, run: &'s str, lists: Option<&Lists>) -> Self {
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
    pub(crate) fn send_to_gone(&mut self, path: &str, size_bytes: u64) -> Result<()> {
        self.drop_file(path)?;
        self.leaving.add(format!("{path}\0").as_bytes())?;
        self.oxum.files = self.oxum.files.saturating_sub(1);
        self.oxum.bytes = self.oxum.bytes.saturating_sub(size_bytes);
        Ok(())
    }

    pub(crate) fn drop_file(&mut self, path: &str) -> Result<()> {
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
    pub(crate) fn settle_rows(&mut self, rows: &StagedRows, is_old: bool) -> Result<()> {
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

    pub(crate) fn saved(&self, path: &str) -> Result<Option<(Saved, u64)>> {
        let bytes = match self.tree.read(path, self.limits.metadata_bytes) {
            Err(error) if error.kind() == ErrorKind::LimitExceeded => return Ok(None),
            outcome => outcome?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        Ok(Saved::parse(&bytes, self.limits).ok().map(|saved| (saved, bytes.len() as u64)))
    }

    /// The hub has it no longer.
    pub(crate) fn remove(&mut self, hash: &str) -> Result<()> {
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
    pub(crate) fn settle(&mut self, seen: &Seen, is_old: bool, path: Option<&str>) -> Result<()> {
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
    pub(crate) fn interrupted(&mut self, hash: &str, is_old: bool) {
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

//! The lists of a run that is about to be put in place: manifest, plan of renames, and the files beside the payload.

use super::about::{self, About, BAGIT_TXT, Oxum, README_TXT, RunReport};
use super::journal::{Journal, Phase, Step};
use super::list::{Line, Lines};
use super::lists::{Lists, Prepared};
use super::place;
use super::planner::{PREPARING, Planner};
use super::signer::Signer;
use super::sorter::{Sorted, Sorter};
use super::tree::{Output, Tree};
use super::writer::Set;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result, WithContext};

/// Writes the new manifest and the plan.
pub(crate) fn write_lists(planner: Planner<'_>) -> Result<Written> {
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
pub(crate) struct Written {
    /// Whether the manifest changed.
    pub(crate) has_manifest: bool,
    pub(crate) plan_bytes: u64,
    pub(crate) oxum: Oxum,
}

const KEPT: &str = ".partial/kept";

pub(crate) fn list(path: &str) -> String {
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

/// What lists are made of.
pub(crate) struct Draft<'d> {
    pub(crate) lists: Option<&'d Lists>,
    pub(crate) report: &'d mut RunReport,
    pub(crate) written: Written,
    pub(crate) gone_tags: &'d [String],
    pub(crate) new_reports: Vec<(String, Vec<u8>)>,
}

impl Set {
    /// Writes the files beside the payload.
    pub(crate) fn write_tags(&self, journal: Journal, about: About, updated: String, draft: Draft<'_>) -> Result<Prepared> {
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
    pub(crate) fn write_set(&self, prepared: &mut Prepared, signer: Signer) -> Result<String> {
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
}

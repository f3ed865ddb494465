//! The journal of a run, and how a run that was cut off is completed or read.
//!
//! Invariant: before the first rename all new bytes and lists are on disk, and so is the plan of all renames. Each rename may
//! be made again: of every step it can be seen whether it was made, as long as the phases follow each other.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use serde::{Deserialize, Serialize};

use super::metadata::FORMAT;
use super::place;
use super::tree::Tree;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Bytes arrive; the set is what the last run left.
    Arriving,
    /// What leaves its place is being renamed.
    Out,
    /// What takes a place is being renamed.
    In,
    /// The lists are being replaced.
    Lists,
    /// Everything is in its place.
    Tidy,
}

impl State {
    pub(crate) fn is_cut_off(self) -> bool {
        self != Self::Arriving
    }
}

/// `run.json.partial`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    filesync_set: u64,
    pub(crate) run: String,
    pub(crate) state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plan_sha256: Option<Digest>,
    #[serde(default)]
    pub(crate) channel_hash: String,
    #[serde(default)]
    pub(crate) from: String,
    #[serde(default)]
    pub(crate) by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<String>,
    #[serde(default)]
    pub(crate) boot_id: String,
    /// How much of the list of what was added is on disk whatever happens.
    #[serde(default)]
    pub(crate) seen_bytes: u64,
}

const READING: &str = "reading the journal of a run";
const MAX_JOURNAL_BYTES: usize = 64 << 10;

impl Journal {
    /// Begins one.
    pub(crate) fn new(run: String) -> Self {
        Self {
            filesync_set: FORMAT,
            run,
            state: State::Arriving,
            plan_sha256: None,
            channel_hash: String::new(),
            from: String::new(),
            by: String::new(),
            cursor: None,
            boot_id: String::new(),
            seen_bytes: 0,
        }
    }

    /// Parses one.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let journal: Self = serde_json::from_slice(bytes).or_fail(ErrorKind::Corrupt, READING)?;
        if journal.filesync_set != FORMAT {
            return Err(Error::new(ErrorKind::Unsupported, READING).context("format", journal.filesync_set));
        }
        if !place::is_run(&journal.run) {
            return Err(Error::new(ErrorKind::Corrupt, READING).context("fault", "`run`"));
        }
        Ok(journal)
    }

    /// Reads the one of a set, if there is one.
    pub(crate) fn read(tree: &Tree) -> Result<Option<Self>> {
        let bytes = tree.read(place::JOURNAL, MAX_JOURNAL_BYTES)?;
        bytes.map(|bytes| Self::parse(&bytes)).transpose().context("path", place::JOURNAL)
    }

    /// Forces it to disk.
    pub(crate) fn write(&self, tree: &Tree) -> Result<()> {
        let mut bytes = serde_json::to_vec(self).or_fail(ErrorKind::InvalidInput, "writing the journal of a run")?;
        bytes.push(b'\n');
        tree.replace(place::JOURNAL, place::NEXT_JOURNAL, &bytes)
    }
}

/// When a step is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Out,
    In,
    Lists,
}

/// One rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) phase: Phase,
    pub(crate) from: String,
    pub(crate) to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) was: Option<String>,
}

impl Step {
    /// Parses a line of the plan.
    pub(crate) fn parse(line: &[u8]) -> Result<Self> {
        let step: Self = serde_json::from_slice(line).or_fail(ErrorKind::Corrupt, READING)?;
        for path in [Some(&step.from), Some(&step.to), step.was.as_ref()].into_iter().flatten() {
            if let Some(fault) = place::step_fault(path) {
                return Err(Error::new(ErrorKind::Corrupt, READING).context("path", path.escape_debug()).context("fault", fault));
            }
        }
        Ok(step)
    }

    pub(crate) fn line(&self) -> Result<String> {
        Ok(serde_json::to_string(self).or_fail(ErrorKind::InvalidInput, "writing the plan of a run")? + "\n")
    }
}

const MAX_STEP_BYTES: u64 = 8 << 10;

/// The steps of one phase, in the order of `to`.
pub(crate) struct Steps {
    file: Option<BufReader<File>>,
    phase: Phase,
    ahead: Option<Step>,
}

impl Steps {
    pub(crate) fn open(tree: &Tree, phase: Phase) -> Result<Self> {
        Ok(Self { file: tree.find(place::PLAN)?.map(BufReader::new), phase, ahead: None })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Step>> {
        if let Some(step) = self.ahead.take() {
            return Ok(Some(step));
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        loop {
            let mut line = Vec::new();
            let read = file.by_ref().take(MAX_STEP_BYTES).read_until(b'\n', &mut line).or_fail(ErrorKind::Storage, READING)?;
            if read == 0 {
                return Ok(None);
            }
            let step = Step::parse(&line).context("path", place::PLAN)?;
            if step.phase == self.phase {
                return Ok(Some(step));
            }
        }
    }

    /// Returns the step that leads to `path`; asked for in ascending order.
    fn find(&mut self, path: &str) -> Result<Option<Step>> {
        while let Some(step) = self.next()? {
            if step.to.as_str() >= path {
                let is_it = step.to == path;
                self.ahead = Some(step.clone());
                return Ok(is_it.then_some(step));
            }
        }
        Ok(None)
    }
}

/// Makes sure that every step of the plan keeps the rules, and that those that are looked up are in order.
fn check_plan(tree: &Tree) -> Result<()> {
    for phase in [Phase::Out, Phase::In, Phase::Lists] {
        let (mut steps, mut last) = (Steps::open(tree, phase)?, String::new());
        while let Some(step) = steps.next()? {
            if phase == Phase::Lists || !step.to.starts_with("data/") {
                continue;
            }
            if step.to <= last {
                return Err(Error::new(ErrorKind::Corrupt, READING)
                    .context("path", place::PLAN)
                    .context("to", step.to.escape_debug())
                    .context("fault", "a step out of order, or a second one to the same place"));
            }
            last = step.to;
        }
    }
    Ok(())
}

/// Puts in place what a run left half-way; false if there is nothing to do.
///
/// # Errors
///
/// `Corrupt` if the journal is damaged, `Storage` if the disk fails; then it can be called again.
pub(crate) fn complete(tree: &Tree) -> Result<bool> {
    let Some(mut journal) = Journal::read(tree)?.filter(|journal| journal.state.is_cut_off()) else { return Ok(false) };
    if journal.state != State::Tidy && (journal.plan_sha256.is_none() || tree.digest(place::PLAN)? != journal.plan_sha256) {
        return Err(Error::new(ErrorKind::Corrupt, READING)
            .context("path", place::PLAN)
            .context("fault", "it is not the plan that the journal names"));
    }
    check_plan(tree)?;
    if journal.state == State::Out {
        let mut steps = Steps::open(tree, Phase::Out)?;
        while let Some(step) = steps.next()? {
            if !tree.exists(&step.to)? && tree.exists(&step.from)? {
                tree.rename(&step.from, &step.to)?;
            }
        }
        advance(tree, &mut journal, State::In)?;
    }
    if journal.state == State::In {
        let mut steps = Steps::open(tree, Phase::In)?;
        while let Some(step) = steps.next()? {
            if tree.exists(&step.from)? {
                place_file(tree, &step)?;
            }
        }
        advance(tree, &mut journal, State::Lists)?;
    }
    if journal.state == State::Lists {
        let mut steps = Steps::open(tree, Phase::Lists)?;
        while let Some(step) = steps.next()? {
            if tree.exists(&step.from)? {
                tree.rename(&step.from, &step.to)?;
            }
        }
        remove_empty_folders(tree)?;
        advance(tree, &mut journal, State::Tidy)?;
    }
    tree.remove_all(place::PARTIAL)?;
    tree.remove(place::JOURNAL)?;
    Ok(true)
}

fn advance(tree: &Tree, journal: &mut Journal, state: State) -> Result<()> {
    tree.sync()?;
    journal.state = state;
    journal.write(tree)
}

/// Renames a file to its place. What no list names and is in the way gets another name.
fn place_file(tree: &Tree, step: &Step) -> Result<()> {
    for (end, _) in step.to.match_indices('/') {
        let above = step.to.get(..end).unwrap_or_default();
        if tree.find_folder(above).is_err() {
            set_aside(tree, above)?;
        }
    }
    while !tree.rename_to_free(&step.from, &step.to)? {
        if tree.find_folder(&step.to).is_ok() {
            remove_if_hollow(tree, &step.to, 0)?;
        }
        if tree.exists(&step.to)? {
            set_aside(tree, &step.to)?;
        }
    }
    Ok(())
}

fn set_aside(tree: &Tree, path: &str) -> Result<()> {
    for number in 1..u32::MAX {
        if tree.rename_to_free(path, &format!("{path}.extra{number}"))? {
            return Ok(());
        }
    }
    Err(Error::new(ErrorKind::Storage, "making room in a backup set").context("path", path))
}

/// Removes a folder that holds nothing but folders that hold nothing.
fn remove_if_hollow(tree: &Tree, path: &str, depth: usize) -> Result<()> {
    let Some(folder) = tree.find_folder(path)?.filter(|_| depth < MAX_DEPTH) else { return Ok(()) };
    for entry in rustix::fs::Dir::read_from(&folder).or_fail(ErrorKind::Storage, READING)? {
        let entry = entry.or_fail(ErrorKind::Storage, READING)?;
        let Ok(name) = entry.file_name().to_str() else { return Ok(()) };
        let inner = format!("{path}/{name}");
        if name != "." && name != ".." && tree.find_folder(&inner).is_ok() {
            remove_if_hollow(tree, &inner, depth + 1)?;
        }
    }
    tree.remove_empty(path).map(|_| ())
}

const MAX_DEPTH: usize = 256;

/// Removes the folders that became empty because their files left.
fn remove_empty_folders(tree: &Tree) -> Result<()> {
    let mut steps = Steps::open(tree, Phase::Out)?;
    while let Some(step) = steps.next()? {
        let mut path = step.from.as_str();
        while let Some((folder, _)) = path.rsplit_once('/') {
            // Rooms stay: `data/files` and its like.
            if folder.matches('/').count() < 2 || !tree.remove_empty(folder)? {
                break;
            }
            path = folder;
        }
    }
    Ok(())
}

/// Where the files of a set are now, whether or not a run was cut off.
pub(crate) struct View {
    state: Option<State>,
    lists: std::collections::BTreeMap<String, String>,
}

impl View {
    /// Looks at the journal.
    pub(crate) fn of(tree: &Tree) -> Result<Self> {
        let state = Journal::read(tree)?.map(|journal| journal.state).filter(|state| state.is_cut_off());
        let mut lists = std::collections::BTreeMap::new();
        if state.is_some() {
            check_plan(tree)?;
            let mut steps = Steps::open(tree, Phase::Lists)?;
            while let Some(step) = steps.next()? {
                lists.insert(step.to, step.from);
            }
        }
        Ok(Self { state, lists })
    }

    /// Takes names as they are.
    pub(crate) fn plain() -> Self {
        Self { state: None, lists: std::collections::BTreeMap::new() }
    }

    pub(crate) fn is_cut_off(&self) -> bool {
        self.state.is_some()
    }

    /// Returns how far the run is that was cut off.
    pub(crate) fn state(&self) -> Option<State> {
        self.state
    }

    /// Returns where a list is.
    pub(crate) fn list<'p>(&'p self, tree: &Tree, path: &'p str) -> Result<&'p str> {
        match self.lists.get(path) {
            Some(new) if tree.exists(new)? => Ok(new.as_str()),
            _ => Ok(path),
        }
    }

    /// Returns what finds the places of files.
    pub(crate) fn locator(&self, tree: &Tree) -> Result<Locator> {
        let steps = |phase| Steps::open(tree, phase);
        let steps = self.state.map(|state| Ok((state, steps(Phase::Out)?, steps(Phase::In)?))).transpose()?;
        Ok(Locator(steps))
    }
}

/// Finds the places of files, which are asked for in ascending order.
pub(crate) struct Locator(Option<(State, Steps, Steps)>);

impl Locator {
    /// Returns where the file of a path is now.
    pub(crate) fn locate(&mut self, tree: &Tree, path: &str) -> Result<String> {
        let Some((state, outs, ins)) = &mut self.0 else { return Ok(path.to_owned()) };
        if let Some(step) = outs.find(path)? {
            return Ok(if tree.exists(&step.to)? { step.to } else { step.from });
        }
        let Some(step) = ins.find(path)? else { return Ok(path.to_owned()) };
        if tree.exists(&step.from)? {
            return Ok(step.from);
        }
        Ok(step.was.filter(|_| *state == State::Out).unwrap_or(step.to))
    }
}

//! Finds bytes that are not where a metadata file says: of an older version, through the journal of a run that was cut off, or by
//! their digest after somebody renamed files.
//!
//! Invariant: what is found is a guess until its bytes were read and have the digest. Lists of a set are looked up in temporary
//! files, which are made when they are needed first.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;

use super::index::{Index, Matches};
use super::journal::{Phase, State, Steps};
use super::list::{Found, Line, Lines};
use super::metadata::Part;
use super::place;
use super::sorter::Sorter;
use super::tree::Tree;
use super::walk::Walk;
use crate::digest::Digest;
use crate::error::{ErrorKind, Result};
use crate::limits::SetLimits;

/// Finds the bytes of a set.
pub(crate) struct Elsewhere {
    tree: Tree,
    scratch: Tree,
    limits: SetLimits,
    /// Where the list of files is.
    manifest: String,
    /// The folder in which files are named by their digests, in place of their paths.
    by_digest: Option<String>,
    /// The steps that lead to each path, of a run that was cut off.
    steps: Option<(State, Index)>,
    digests: Option<Index>,
    paths: Option<Index>,
    sizes: Option<Index>,
    texts: Option<Index>,
    /// Files that were read and had other bytes than were looked for, by their lines in `sizes`.
    read: HashSet<u64>,
    /// Where digests were met meanwhile.
    met: HashMap<Digest, String>,
}

/// Where bytes may be, the likeliest first.
pub(crate) struct Candidates {
    size: u64,
    digests: Vec<Digest>,
    /// Known places, and the line in `sizes` of each that has one.
    ready: Vec<(String, Option<u64>)>,
    tried: HashSet<String>,
    stages: std::vec::IntoIter<Wider>,
    matches: Option<Matches>,
}

/// Where to look next.
enum Wider {
    /// At other paths for which the list states this digest.
    Listed,
    /// Where it was met while something else was looked for.
    Met,
    /// At files of this name and size.
    Named(String),
    /// At files of this size.
    Sized,
}

/// So many paths of one digest are tried.
const MOST_LISTED: usize = 32;
/// So many files are read in vain and remembered; then none is read any more.
const MOST_READ: usize = 100_000;
/// So many folders that cannot be read are passed by.
const MOST_UNREADABLE: usize = 10_000;

impl Elsewhere {
    /// Prepares it; `state` is that of a run that was cut off.
    pub(crate) fn new(tree: &Tree, scratch: &Tree, limits: &SetLimits, manifest: &str, state: Option<State>) -> Result<Self> {
        let mut elsewhere = Self {
            tree: tree.clone(),
            scratch: scratch.clone(),
            limits: limits.clone(),
            manifest: manifest.to_owned(),
            by_digest: None,
            steps: None,
            digests: None,
            paths: None,
            sizes: None,
            texts: None,
            read: HashSet::new(),
            met: HashMap::new(),
        };
        if let Some(state) = state {
            elsewhere.steps = Some((state, elsewhere.index_steps()?));
        }
        Ok(elsewhere)
    }

    /// Has bytes looked for by their digests alone, in a folder of the set.
    pub(crate) fn look_by_digest(&mut self, folder: String) {
        self.by_digest = Some(folder);
    }

    /// Returns where the file of a digest is, if files are named by them.
    fn named(&self, digest: Digest) -> Option<String> {
        let (folder, name) = (self.by_digest.as_ref()?, digest.to_string());
        Some(format!("{folder}/{}/{name}", name.get(..2)?))
    }

    fn index_steps(&self) -> Result<Index> {
        let mut sorter = self.sorter();
        for (phase, word) in [(Phase::Out, 'o'), (Phase::In, 'i')] {
            let mut steps = Steps::open(&self.tree, phase)?;
            while let Some(step) = steps.next()? {
                let was = step.was.unwrap_or_default();
                sorter.add(format!("{}\0{word}\0{}\0{was}", step.to, step.from).as_bytes())?;
            }
        }
        Index::of(sorter, &self.scratch)
    }

    fn sorter(&self) -> Sorter {
        Sorter::new(&self.scratch, self.limits.sort_bytes)
    }

    /// Returns the list of files, if there is one.
    pub(crate) fn lines(&self) -> Result<Option<Lines>> {
        // Somebody may finish a run that was cut off meanwhile.
        for path in [self.manifest.as_str(), place::MANIFEST] {
            match self.tree.find(path) {
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::InvalidInput => {}
                outcome => return Ok(outcome?.map(|file| Lines::of(file, place::payload_fault))),
            }
        }
        Ok(None)
    }

    /// Returns where the file of a path may be, in the order in which the journal says it.
    pub(crate) fn places(&mut self, path: &str) -> Result<Vec<String>> {
        if self.by_digest.is_some() {
            return Ok(self.listed(path)?.and_then(|digest| self.named(digest)).into_iter().collect());
        }
        let Some((state, steps)) = &self.steps else { return Ok(vec![path.to_owned()]) };
        let Some(step) = steps.first(&format!("{path}\0"))? else { return Ok(vec![path.to_owned()]) };
        let mut parts = step.splitn(3, '\0').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (word, from, was) = (part(), part(), part());
        let mut places = if word == "o" { vec![path.to_owned(), from] } else { vec![from] };
        if word == "i" {
            // Somebody may finish the run meanwhile.
            let was = Some(was).filter(|was| *state == State::Out && !was.is_empty());
            places.extend(was.into_iter().chain([path.to_owned()]));
        }
        Ok(places)
    }

    /// Returns the digest that the list states for a path.
    pub(crate) fn listed(&mut self, path: &str) -> Result<Option<Digest>> {
        self.index_list()?;
        let rest = self.paths.as_ref().map_or(Ok(None), |paths| paths.first(&format!("{path}\0")))?;
        Ok(rest.and_then(|digest| Digest::parse(&digest).ok()))
    }

    /// Reads the list of files into temporary files.
    fn index_list(&mut self) -> Result<()> {
        if self.paths.is_some() {
            return Ok(());
        }
        let (mut digests, mut paths) = (self.sorter(), self.sorter());
        let mut lines = self.lines()?;
        while let Some(Line { digest, path }) = next_payload(&mut lines)? {
            digests.add(format!("{digest}\0{path}").as_bytes())?;
            paths.add(format!("{path}\0{digest}").as_bytes())?;
        }
        self.digests = Some(Index::of(digests, &self.scratch)?);
        self.paths = Some(Index::of(paths, &self.scratch)?);
        Ok(())
    }

    /// Reads which files there are into a temporary file: name, size, whether a list names it.
    fn index_sizes(&mut self) -> Result<()> {
        if self.sizes.is_some() {
            return Ok(());
        }
        let mut sizes = self.sorter();
        let mut lines = self.lines()?;
        let mut line = next_payload(&mut lines)?;
        let mut walk = Walk::of(&self.tree, &self.scratch, "data", &self.limits)?;
        let mut unreadable = 0;
        loop {
            let found = match walk.next() {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(error) if unreadable >= MOST_UNREADABLE => return Err(error),
                Err(_) => {
                    unreadable += 1;
                    continue;
                }
            };
            while line.as_ref().is_some_and(|line| line.path < found.path) {
                line = next_payload(&mut lines)?;
            }
            let is_listed = line.as_ref().is_some_and(|line| line.path == found.path);
            if let Some(facts) = found.is_regular.then(|| self.tree.stat(&found.path).ok().flatten()).flatten() {
                let (size, name) = (facts.size_bytes, name_of(&found.path));
                // Those that no list names come first.
                sizes.add(format!("{size}\0{}\0{name}\0{}", u8::from(is_listed), found.path).as_bytes())?;
            }
        }
        self.sizes = Some(Index::of(sizes, &self.scratch)?);
        Ok(())
    }

    /// Returns where a metadata file with these bytes is, wherever somebody put it; none in a set that was cut off.
    pub(crate) fn text(&mut self, digest: Digest) -> Result<Option<String>> {
        if self.by_digest.is_some() {
            return Ok(self.named(digest));
        }
        if self.steps.is_some() {
            return Ok(None);
        }
        if self.texts.is_none() {
            self.index_sizes()?;
            let mut texts = self.sorter();
            if let Some(sizes) = &self.sizes {
                let mut all = sizes.find("")?;
                while let Some((_, line)) = sizes.next(&mut all)? {
                    let mut parts = line.splitn(4, '\0');
                    let size = parts.next().and_then(|size| size.parse::<usize>().ok()).unwrap_or(usize::MAX);
                    let path = parts.nth(2).unwrap_or_default();
                    if size <= self.limits.metadata_bytes
                        && let Some(digest) = self.digest_of_object(path)
                    {
                        texts.add(format!("{digest}\0{path}").as_bytes())?;
                    }
                }
            }
            self.texts = Some(Index::of(texts, &self.scratch)?);
        }
        self.texts.as_ref().map_or(Ok(None), |texts| texts.first(&format!("{digest}\0")))
    }

    /// Reads a file if it begins as a JSON object does.
    fn digest_of_object(&self, path: &str) -> Option<Digest> {
        let mut file = self.tree.find(path).ok().flatten()?;
        let mut first = [0];
        file.read_exact(&mut first).ok()?;
        (first == *b"{").then(|| self.tree.digest(path).ok().flatten()).flatten()
    }

    /// Returns where the bytes of a part may be: of the version that the run `until` replaced or removed, else of the present one.
    pub(crate) fn candidates(&mut self, part: &Part, until: Option<&str>, digests: Vec<Digest>) -> Result<Candidates> {
        let path = part.path.clone().unwrap_or_default();
        let mut ready = Vec::new();
        if let Some(run) = until {
            for listed in [path.clone(), place::older(run, &path)] {
                if digests.contains(&self.listed(&listed)?.unwrap_or(Digest::of(b"no list names it"))) {
                    ready.extend(self.places(&listed)?);
                }
            }
        } else {
            ready.extend(self.places(&path)?);
        }
        let mut stages = vec![Wider::Listed];
        if self.by_digest.is_some() {
            ready = digests.iter().filter_map(|digest| self.named(*digest)).collect();
            stages.clear();
        } else if self.steps.is_none() {
            stages.extend([Wider::Met, Wider::Named(name_of(&path).to_owned()), Wider::Sized]);
        }
        ready.reverse();
        Ok(Candidates {
            size: part.size,
            digests,
            ready: ready.into_iter().map(|place| (place, None)).collect(),
            tried: HashSet::new(),
            stages: stages.into_iter(),
            matches: None,
        })
    }

    /// Returns the next place at which bytes may be, and where that is remembered once it was read; none at the end.
    pub(crate) fn next(&mut self, candidates: &mut Candidates) -> Result<Option<(String, Option<u64>)>> {
        loop {
            if let Some((place, line)) = candidates.ready.pop() {
                let is_new =
                    if line.is_none() { candidates.tried.insert(place.clone()) } else { !candidates.tried.contains(&place) };
                if is_new {
                    return Ok(Some((place, line)));
                }
                continue;
            }
            if let Some(matches) = &mut candidates.matches
                && let Some(sizes) = &self.sizes
                && self.read.len() < MOST_READ
                && let Some((at, rest)) = sizes.next(matches)?
            {
                if !self.read.contains(&at) {
                    let path = rest.rsplit_once('\0').map_or(rest.as_str(), |(_, path)| path);
                    candidates.ready.push((path.to_owned(), Some(at)));
                }
                continue;
            }
            let Some(stage) = candidates.stages.next() else { return Ok(None) };
            self.widen(candidates, &stage)?;
        }
    }

    fn widen(&mut self, candidates: &mut Candidates, stage: &Wider) -> Result<()> {
        match stage {
            Wider::Listed => {
                self.index_list()?;
                let mut paths = Vec::new();
                for digest in &candidates.digests {
                    let Some(digests) = &self.digests else { continue };
                    let mut matches = digests.find(&format!("{digest}\0"))?;
                    for _ in 0..MOST_LISTED {
                        let Some((_, path)) = digests.next(&mut matches)? else { break };
                        paths.push(path);
                    }
                }
                for path in paths {
                    candidates.ready.extend(self.places(&path)?.into_iter().rev().map(|place| (place, None)));
                }
            }
            Wider::Met => {
                let met = candidates.digests.iter().filter_map(|digest| self.met.get(digest));
                candidates.ready.extend(met.map(|place| (place.clone(), None)));
            }
            Wider::Named(name) => {
                self.index_sizes()?;
                for is_listed in ["1", "0"] {
                    let Some(sizes) = &self.sizes else { continue };
                    let mut matches = sizes.find(&format!("{}\0{is_listed}\0{name}\0", candidates.size))?;
                    for _ in 0..MOST_LISTED {
                        let Some((at, path)) = sizes.next(&mut matches)? else { break };
                        if !self.read.contains(&at) {
                            candidates.ready.push((path, Some(at)));
                        }
                    }
                }
            }
            Wider::Sized => {
                let matches = self.sizes.as_ref().map(|sizes| sizes.find(&format!("{}\0", candidates.size)));
                candidates.matches = matches.transpose()?;
            }
        }
        Ok(())
    }

    /// Remembers what a file holds that was read in vain.
    pub(crate) fn remember(&mut self, place: &str, line: Option<u64>, digest: Digest) {
        self.read.extend(line);
        if self.met.len() < MOST_READ {
            self.met.insert(digest, place.to_owned());
        }
    }

    /// Returns whether bytes may be somewhere of which no list says that something else is there. Of other files that have their
    /// size it reads whether they are it.
    pub(crate) fn is_likely(&mut self, mut candidates: Candidates) -> Result<bool> {
        while let Some((place, line)) = self.next(&mut candidates)? {
            let Some(facts) = self.tree.stat(&place).ok().flatten() else { continue };
            if facts.size_bytes != candidates.size {
                continue;
            }
            let Some(at) = line else { return Ok(true) };
            if self.listed(&place)?.is_none() {
                return Ok(true);
            }
            if let Some(digest) = self.tree.digest(&place).ok().flatten() {
                self.remember(&place, Some(at), digest);
                if candidates.digests.contains(&digest) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Returns the next line that keeps the rules.
pub(crate) fn next_payload(lines: &mut Option<Lines>) -> Result<Option<Line>> {
    let Some(lines) = lines else { return Ok(None) };
    while let Some(found) = lines.next()? {
        if let Found::Good(line) = found
            && place::payload_fault(&line.path).is_none()
        {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

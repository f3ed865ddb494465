//! A set as a hub that restores it needs it: which files its lists name, by their digests, and where each of them is.
//!
//! Invariant: the set is only read. What is in `data/older` stays at home: a hub restores what the last run left.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::list::Lines;
use super::lists::Lists;
use super::look::{Condition, look_at};
use super::metadata::Saved;
use super::place;
use super::sorter::{Sorted, Sorter};
use super::surroundings::Surroundings;
use super::tree::Tree;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result, WithContext};
use crate::limits::SetLimits;

/// A set that is sent.
pub struct Outgoing {
    tree: Tree,
    scratch: Tree,
    limits: SetLimits,
    format: u64,
    channel_hash: String,
    tags: BTreeMap<String, Digest>,
    /// What proves the set: the list of lists, and its signature if there is one.
    proofs: BTreeMap<&'static str, Digest>,
}

const SENDING: &str = "opening a backup set to send it";
/// So many paths of one digest are tried.
const MOST_PATHS: usize = 8;

impl Outgoing {
    /// Opens a set that is whole: its lists are as the last run wrote them, and nobody writes it.
    ///
    /// # Errors
    ///
    /// `PeerBusy` with code `set_cut_off` or `set_busy`, `Refused` with `set_refused` if a list that is proven breaks the rules,
    /// `Unsupported` for a newer format, `Corrupt` if a list is damaged, `NotFound` if there is no set.
    pub fn open(folder: &Path, scratch: &Path, surroundings: &Surroundings, limits: SetLimits) -> Result<Self> {
        let (tree, scratch) = (Tree::open(folder)?, Tree::open(scratch)?);
        let found = look_at(&tree, surroundings, &limits)?;
        let refused = |kind: ErrorKind, code: &'static str| Error::new(kind, SENDING).context("code", code);
        match found.condition {
            Condition::CutOff => return Err(refused(ErrorKind::PeerBusy, "set_cut_off")),
            _ if found.busy.is_some() => return Err(refused(ErrorKind::PeerBusy, "set_busy")),
            Condition::Missing | Condition::Empty | Condition::Other | Condition::Begun => {
                return Err(Error::new(ErrorKind::NotFound, SENDING).context("fault", "no run of a backup has ended here"));
            }
            Condition::Whole | Condition::Newer | Condition::Damaged => {}
        }
        let lists = Lists::read(&tree, &limits)?.ok_or_else(|| Error::new(ErrorKind::NotFound, SENDING))?;
        let mut proofs = BTreeMap::new();
        for name in [place::TAG_MANIFEST, place::SIGNATURE] {
            if let Some(digest) = tree.digest(name)? {
                proofs.insert(name, digest);
            }
        }
        let channel_hash = lists.about.channel_hash.clone();
        Ok(Self { tree, scratch, limits, format: found.format.unwrap_or_default(), channel_hash, tags: lists.tags, proofs })
    }

    /// Returns its format.
    pub(crate) fn format(&self) -> u64 {
        self.format
    }

    /// Returns the hash of the channel whose files it has.
    pub(crate) fn channel_hash(&self) -> &str {
        &self.channel_hash
    }

    /// Returns the lists that prove it, by name.
    pub(crate) fn proofs(&self) -> &BTreeMap<&'static str, Digest> {
        &self.proofs
    }

    /// Makes an empty sorter.
    pub(crate) fn sorter(&self) -> Sorter {
        Sorter::new(&self.scratch, self.limits.sort_bytes)
    }

    pub(crate) fn scratch(&self) -> &Tree {
        &self.scratch
    }

    fn payload(&self) -> Result<Lines> {
        Ok(Lines::of(self.tree.open_file(place::MANIFEST)?, place::payload_fault))
    }

    /// Calls with each file of the payload that a hub needs.
    fn each_file(&self, mut call: impl FnMut(&str, Digest) -> Result<()>) -> Result<()> {
        let mut lines = self.payload()?;
        // The list is the one that the list of lists names: whatever breaks a rule in it was made so.
        let made_so = |error: Error| match error.kind() {
            ErrorKind::Corrupt => Error::new(ErrorKind::Refused, SENDING).context("code", "set_refused").source(error),
            _ => error,
        };
        while let Some(line) = lines.next_sound().map_err(made_so)? {
            if place::split_older(&line.path).is_none() {
                call(&line.path, line.digest)?;
            }
        }
        Ok(())
    }

    /// Returns all digests that a hub needs, each once and with its paths.
    pub(crate) fn digests(&self) -> Result<Digests> {
        let mut sorter = self.sorter();
        let mut add = |path: &str, digest: Digest| sorter.add(format!("{digest}\0{path}").as_bytes());
        for (path, digest) in &self.proofs {
            add(path, *digest)?;
        }
        for (path, digest) in &self.tags {
            add(path, *digest)?;
        }
        self.each_file(&mut add)?;
        Ok(Digests { lines: sorter.end()?, ahead: None })
    }

    /// Returns the size of a file, if it is at its place.
    pub(crate) fn size(&self, path: &str) -> Result<Option<u64>> {
        match self.tree.stat(path) {
            Ok(facts) => Ok(facts.map(|facts| facts.size_bytes)),
            // A link, or a folder.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a file at its place.
    pub(crate) fn open_file(&self, path: &str) -> Result<File> {
        self.tree.open_file(path)
    }

    /// Returns lines of a digest and its size, as the metadata files say it; a metadata file that cannot be read says nothing.
    pub(crate) fn sizes(&self) -> Result<Sorted> {
        let mut sorter = self.sorter();
        self.each_file(|path, _| {
            if !path.starts_with("data/metadata/") {
                return Ok(());
            }
            let saved = match self.tree.read(path, self.limits.metadata_bytes) {
                Ok(Some(bytes)) => Saved::parse(&bytes, &self.limits).ok(),
                Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
                _ => None,
            };
            for part in saved.into_iter().flat_map(|saved| saved.parts).filter(|part| part.path.is_some()) {
                sorter.add(format!("{}\0{}", part.sha256, part.size).as_bytes()).context("path", path)?;
            }
            Ok(())
        })?;
        sorter.end()
    }
}

/// Digests in order, each with the paths of its files.
pub(crate) struct Digests {
    lines: Sorted,
    ahead: Option<(Digest, String)>,
}

impl Digests {
    fn line(&mut self) -> Result<Option<(Digest, String)>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let Some(line) = self.lines.next_text()? else { return Ok(None) };
        let (digest, path) = line.split_once('\0').unwrap_or_default();
        Ok(Some((Digest::parse(digest)?, path.to_owned())))
    }

    /// Returns the next digest and the first of its paths.
    pub(crate) fn next(&mut self) -> Result<Option<(Digest, Vec<String>)>> {
        let Some((digest, path)) = self.line()? else { return Ok(None) };
        let mut paths = vec![path];
        while let Some((other, path)) = self.line()? {
            if other != digest {
                self.ahead = Some((other, path));
                break;
            }
            if paths.len() < MOST_PATHS {
                paths.push(path);
            }
        }
        Ok(Some((digest, paths)))
    }
}

//! A set as a hub that restores it needs it: which files its lists name, by their digests, and where each of them is.
//!
//! Invariant: the set is only read. Of `data/older` no more is sent than an earlier state needs that was asked for.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::contents::{Contents, ContentsOptions};
use super::list::Lines;
use super::lists::Lists;
use super::look::{Condition, look_at};
use super::metadata::Saved;
use super::place;
use super::sorter::{Sorted, Sorter};
use super::surroundings::Surroundings;
use super::tree::Tree;
use super::versions::Moment;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result, WithContext};
use crate::limits::SetLimits;

/// Which part of a set is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The only folder or file, by the true names from the root down; empty: all.
    pub names: Vec<String>,
    /// As the last run at or before this time left it, `2026-11-28T03:17:09Z`; none: as the last run did.
    pub at: Option<String>,
}

/// A set that is sent.
pub struct Outgoing {
    folder: PathBuf,
    scratch_folder: PathBuf,
    tree: Tree,
    scratch: Tree,
    limits: SetLimits,
    part: Part,
    at: Option<Moment>,
    format: u64,
    channel_hash: String,
    tags: BTreeMap<String, Digest>,
    /// What proves the set: the list of lists, and its signature if there is one.
    proofs: BTreeMap<&'static str, Digest>,
}

const SENDING: &str = "opening a backup set to send it";
const METADATA: &str = "data/metadata/";
/// So many paths of one digest are tried.
const MOST_PATHS: usize = 8;
/// Entries that are looked at together.
const SOME: usize = 512;

impl Outgoing {
    /// Opens a set that is whole: its lists are as the last run wrote them, and nobody writes it.
    ///
    /// # Errors
    ///
    /// `PeerBusy` with code `set_cut_off` or `set_busy`, `Refused` with `set_refused` if a list that is proven breaks the rules,
    /// `InvalidInput` with `no_run` if no run is that old, `Unsupported` for a newer format, `Corrupt` if a list is damaged, `NotFound`
    /// if there is no set.
    pub fn open(folder: &Path, scratch: &Path, surroundings: &Surroundings, limits: SetLimits, part: Part) -> Result<Self> {
        let (scratch_folder, at) = (scratch.to_owned(), part.at.as_deref().map(Moment::parse).transpose()?);
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
        let runs: Vec<String> = lists.tags.keys().filter_map(|path| place::run_of_report(path)).map(str::to_owned).collect();
        if let Some(at) = at.as_ref().filter(|at| at.last_run(&runs).is_none()) {
            let first = runs.iter().min().map(|run| place::time_of(run)).unwrap_or_default();
            return Err(refused(ErrorKind::InvalidInput, "no_run").context("at", at).context("first_run", first));
        }
        let mut proofs = BTreeMap::new();
        for name in [place::TAG_MANIFEST, place::SIGNATURE] {
            if let Some(digest) = tree.digest(name)? {
                proofs.insert(name, digest);
            }
        }
        let channel_hash = lists.about.channel_hash.clone();
        Ok(Self {
            folder: folder.to_owned(),
            scratch_folder,
            tree,
            scratch,
            limits,
            part,
            at,
            format: found.format.unwrap_or_default(),
            channel_hash,
            tags: lists.tags,
            proofs,
        })
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

    /// Calls with each file of the payload that a hub needs for files, and the run that replaced or removed it.
    fn each_file(&self, mut call: impl FnMut(&str, Option<&str>, Digest) -> Result<()>) -> Result<()> {
        let mut lines = self.payload()?;
        // The list is the one that the list of lists names: whatever breaks a rule in it was made so.
        let made_so = |error: Error| match error.kind() {
            ErrorKind::Corrupt => Error::new(ErrorKind::Refused, SENDING).context("code", "set_refused").source(error),
            _ => error,
        };
        while let Some(line) = lines.next_sound().map_err(made_so)? {
            if place::is_beside_files(&line.path) {
                continue;
            }
            let until = place::split_older(&line.path).map(|(run, _)| run);
            if until.is_none() || self.at.as_ref().is_some_and(|at| at.is_before_end(until)) {
                call(&line.path, until, line.digest)?;
            }
        }
        Ok(())
    }

    /// Returns all digests that a hub needs, each once and with its paths.
    pub(crate) fn digests(&self) -> Result<Digests> {
        let chosen = if self.part == Part::default() { None } else { Some(self.chosen()?) };
        self.digests_of(chosen)
    }

    /// Returns the digests of what says what the set has, and those of the payload that are among some others: lines in order.
    pub(crate) fn digests_with(&self, others: Sorted) -> Result<Digests> {
        self.digests_of(Some(Chosen { digests: others, now: None, entries: 0 }))
    }

    fn digests_of(&self, chosen: Option<Chosen>) -> Result<Digests> {
        let (mut sorter, mut entries) = (self.sorter(), 0);
        let mut add = |path: &str, digest: Digest| sorter.add(format!("{digest}\0{path}").as_bytes());
        for (path, digest) in &self.proofs {
            add(path, *digest)?;
        }
        for (path, digest) in &self.tags {
            add(path, *digest)?;
        }
        self.each_file(|path, _, digest| {
            entries += u64::from(path.starts_with(METADATA));
            add(path, digest)
        })?;
        let lines = sorter.end()?;
        let entries = chosen.as_ref().map_or(entries, |chosen| chosen.entries);
        Ok(Digests { lines, ahead: None, entries, chosen })
    }

    /// Returns the digests of the bytes that belong to the part.
    fn chosen(&self) -> Result<Chosen> {
        let options = ContentsOptions {
            at: self.part.at.clone(),
            older: false,
            scratch: self.scratch_folder.clone(),
            limits: self.limits.clone(),
        };
        let mut contents = Contents::open(&self.folder, options)?;
        let (mut sorter, mut entries) = (self.sorter(), 0);
        loop {
            let some = contents.next(SOME)?;
            if some.is_empty() {
                break;
            }
            for version in some.iter().filter(|version| version.names.starts_with(&self.part.names)) {
                entries += 1;
                for sha256 in self.bytes_of(&version.metadata)?.map(|(sha256, _)| sha256) {
                    sorter.add(sha256.to_string().as_bytes())?;
                }
            }
        }
        Ok(Chosen { digests: sorter.end()?, now: None, entries })
    }

    /// Returns digest and size of what a metadata file names; one that cannot be read names nothing.
    fn bytes_of(&self, path: &str) -> Result<impl Iterator<Item = (Digest, u64)> + use<>> {
        let saved = match self.tree.read(path, self.limits.metadata_bytes) {
            Ok(Some(bytes)) => Saved::parse(&bytes, &self.limits).ok(),
            Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
            _ => None,
        };
        let parts = saved.into_iter().flat_map(|saved| saved.parts).filter(|part| part.path.is_some());
        Ok(parts.map(|part| (part.sha256, part.size)))
    }

    /// Returns what a hub that has a file must give; none if the set does not say it.
    pub(crate) fn expected(&self, hash: &str) -> Result<Option<Expected>> {
        if !place::is_hash(hash) {
            return Ok(None);
        }
        match self.tree.read(&place::metadata(hash), self.limits.metadata_bytes) {
            Ok(Some(bytes)) => Ok(Expected::read(&bytes, &self.limits)),
            Err(error) if error.kind() == ErrorKind::Storage => Err(error),
            _ => Ok(None),
        }
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
        self.each_file(|path, _, _| {
            if describes(path) {
                for (sha256, size) in self.bytes_of(path)? {
                    sorter.add(format!("{sha256}\0{size}").as_bytes()).context("path", path)?;
                }
            }
            Ok(())
        })?;
        sorter.end()
    }
}

/// What a hub that has a file gives of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The true names of its folders, and its own.
    pub(crate) names: Vec<String>,
    /// Size and digest of its bytes, by scale; 0 is the file itself.
    pub(crate) parts: BTreeMap<u8, (u64, Digest)>,
    /// Whether everybody may see it, by its own access and that of its folders.
    pub(crate) is_public: bool,
    /// The crops that not everybody may see by their own access; profile photos and covers are for everybody.
    pub(crate) private_crops: Vec<u8>,
}

impl Expected {
    /// Reads a metadata file; none if it is not one of a file.
    fn read(bytes: &[u8], limits: &SetLimits) -> Option<Self> {
        let saved = Saved::parse(bytes, limits).ok().filter(|saved| saved.metadata.is_file())?;
        let rows: Value = serde_json::from_slice(bytes).ok()?;
        let rows = |name: &str| rows.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let parts: BTreeMap<u8, (u64, Digest)> =
            saved.parts.iter().map(|part| (part.scale.unwrap_or_default(), (part.size, part.sha256))).collect();
        let scale = |row: &Value| number(row, "imgscale").and_then(|scale| u8::try_from(scale).ok());
        let private =
            rows("photo").into_iter().filter(|row| is_limited(row) && number(row, "photo_usage").unwrap_or_default() == 0);
        let private_crops = private.filter_map(|row| scale(&row)).filter(|scale| parts.contains_key(scale)).collect();
        Some(Self { is_public: !rows("attach").iter().any(is_limited), names: saved.metadata.names, parts, private_crops })
    }
}

/// Tells whether a row says who may see something.
fn is_limited(row: &Value) -> bool {
    let lists = ["allow_cid", "allow_gid", "deny_cid", "deny_gid"];
    lists.into_iter().any(|list| row.get(list).and_then(Value::as_str).is_some_and(|text| !text.is_empty()))
}

/// Returns a number of a row; databases give numbers as numbers or as text.
fn number(row: &Value, name: &str) -> Option<u64> {
    let value = row.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Tells whether a file of a set says what the set has: a list, or metadata.
pub(crate) fn describes(path: &str) -> bool {
    let (_, path) = place::version_of(path);
    !path.starts_with("data/") || path.starts_with(METADATA)
}

/// The digests of the bytes that belong to a part, in order.
struct Chosen {
    digests: Sorted,
    now: Option<String>,
    /// Files and folders of the part.
    entries: u64,
}

impl Chosen {
    /// Tells whether one is among them; asked in order.
    fn has(&mut self, digest: Digest) -> Result<bool> {
        let digest = digest.to_string();
        while self.now.as_ref().is_none_or(|now| *now < digest) {
            match self.digests.next_text()? {
                Some(next) => self.now = Some(next),
                None => return Ok(false),
            }
        }
        Ok(self.now.as_ref() == Some(&digest))
    }
}

/// Digests in order, each with the paths of its files.
pub(crate) struct Digests {
    lines: Sorted,
    ahead: Option<(Digest, String)>,
    /// Files and folders of the set, or of the part.
    pub(crate) entries: u64,
    chosen: Option<Chosen>,
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
        loop {
            let Some((digest, path)) = self.line()? else { return Ok(None) };
            let (mut paths, mut is_needed) = (vec![path], false);
            while let Some((other, path)) = self.line()? {
                if other != digest {
                    self.ahead = Some((other, path));
                    break;
                }
                is_needed |= describes(&path);
                if paths.len() < MOST_PATHS {
                    paths.push(path);
                }
            }
            is_needed |= paths.first().is_some_and(|path| describes(path));
            let is_chosen = match &mut self.chosen {
                None => true,
                Some(chosen) => chosen.has(digest)?,
            };
            if is_needed || is_chosen {
                return Ok(Some((digest, paths)));
            }
        }
    }
}

//! Reads a set for a restore: what each file's metadata says, how far that is proven, and its bytes.
//!
//! Invariant: nothing is written in the set, and elsewhere only a file that was not there before and whose bytes have the digest that
//! the set states. A set that breaks the rules gives nothing at all. Memory holds the entries of one call.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::check::{Check, CheckOptions, Finding, FindingCode, Standing};
use super::list::{Found, Line, Lines};
use super::metadata::{CROP, ORIGINAL, Part, Saved, parts_fault};
use super::place;
use super::sorter::Sorter;
use super::tree::Tree;
use super::walk::{FoundFile, Walk};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::limits::SetLimits;
use crate::paths::{RelativePath, Root};
use crate::signature::PublicKey;
use crate::store::NewFile;

/// How a set is read.
pub struct RestoreOptions {
    /// The key of the channel that the set is restored to.
    pub public_key: Option<PublicKey>,
    /// Whether bytes may share their blocks with the set.
    pub may_clone: bool,
    /// Most bytes a second that are copied.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Folder for temporary files.
    pub scratch: PathBuf,
    /// Bounds.
    pub limits: SetLimits,
}

/// Who signed a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// The key that was given, and the list of files is the signed one.
    Channel,
    /// Nobody.
    Nobody,
    /// Somebody else, or something was changed since.
    Other,
}

impl SignedBy {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Nobody => "nobody",
            Self::Other => "other",
        }
    }
}

/// Facts about the set as a whole.
#[derive(Clone, Debug)]
pub struct RestoreFacts {
    /// The text of `set.json`.
    pub set: String,
    /// Who signed it.
    pub signed_by: SignedBy,
    /// Whether the list of files is as it was written.
    pub is_list_whole: bool,
    /// Whether a run was cut off while it was put in place: then nothing is read.
    pub is_cut_off: bool,
    /// Why the set is refused: then nothing is read.
    pub refused: Option<Finding>,
    /// What is wrong with lists.
    pub findings: Vec<Finding>,
    /// Digest of the list of files: another one means that the set has changed.
    pub list_sha256: Option<Digest>,
}

/// How far a metadata file is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is the one that the list names, and the list is as it was written.
    Listed,
    /// It is another one than the list names, or the list is damaged.
    Unlisted,
    /// It is missing.
    Missing,
    /// It is damaged, or breaks the format.
    Damaged,
    /// No list names it, and the list is whole.
    Extra,
}

impl Proof {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Unlisted => "unlisted",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
            Self::Extra => "extra",
        }
    }
}

/// Bytes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestorePart {
    /// 0 for the file itself.
    pub scale: u8,
    /// Of a crop.
    pub mimetype: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Digest that the metadata states.
    pub sha256: Digest,
    /// Whether something of that size is there; whether it is right is known when it is read.
    pub is_there: bool,
    /// Whether something is there.
    pub is_found: bool,
}

/// A file or folder of the set.
#[derive(Clone, Debug)]
pub struct RestoreEntry {
    /// Which.
    pub hash: String,
    /// How far its metadata is proven.
    pub proof: Proof,
    /// `file` or `folder`; empty if the metadata cannot be used.
    pub kind: String,
    /// What the hub knew of it, without what the set adds.
    pub metadata: Option<String>,
    /// Its bytes.
    pub parts: Vec<RestorePart>,
    /// Posts in the metadata.
    pub posts: u64,
    /// What is wrong.
    pub why: Option<String>,
}

/// Bytes that were staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Size in bytes.
    pub size_bytes: u64,
    /// Digest of the bytes.
    pub sha256: Digest,
    /// Whether they share their blocks with the set.
    pub is_clone: bool,
}

/// A set that is being read for a restore.
pub struct Restore {
    tree: Tree,
    options: RestoreOptions,
    facts: RestoreFacts,
    lines: Option<Lines>,
    walk: Option<Walk>,
    line: Option<Line>,
    file: Option<FoundFile>,
    parts: HashMap<(String, u8), Part>,
    staging: Option<Staging>,
    pause_until: Option<Instant>,
}

/// Bytes that are being copied.
struct Staging {
    part: Part,
    source: File,
    target: NewFile,
    is_clone: bool,
    hasher: Hasher,
    buffer: Vec<u8>,
}

const READING: &str = "reading a backup set for a restore";
const STAGING: &str = "copying bytes out of a backup set";
const BUFFER_BYTES: usize = 256 << 10;
/// Text of the entries that one call returns.
const MOST_TEXT_BYTES: usize = 8 << 20;
const ROOM: &str = "data/metadata/";

impl Restore {
    /// Opens a set, and looks at all of its lists.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none, `Unsupported` if its format is newer, `Storage` if it cannot be read.
    pub fn open(folder: &Path, options: RestoreOptions) -> Result<Self> {
        let tree = Tree::open(folder)?;
        let check = CheckOptions {
            sample: None,
            public_key: options.public_key.clone(),
            bytes_per_second: None,
            scratch: options.scratch.clone(),
            limits: options.limits.clone(),
        };
        let Standing { set, is_cut_off, is_verified, is_list_whole, findings } = Check::open(folder, check)?.lists()?;
        let refused = findings.iter().find(|finding| finding.code.ends_check()).cloned();
        let signed_by = match is_verified {
            None => SignedBy::Nobody,
            Some(true) if is_list_whole && options.public_key.is_some() => SignedBy::Channel,
            Some(_) => SignedBy::Other,
        };
        let facts = RestoreFacts { set, signed_by, is_list_whole, is_cut_off, refused, findings, list_sha256: None };
        let (lines, walk, line, file) = (None, None, None, None);
        let mut restore =
            Self { tree, options, facts, lines, walk, line, file, parts: HashMap::new(), staging: None, pause_until: None };
        if !restore.facts.is_cut_off && restore.facts.refused.is_none() {
            restore.read_list()?;
        }
        if restore.facts.refused.is_none() && !restore.facts.is_cut_off {
            restore.begin()?;
        }
        Ok(restore)
    }

    /// Returns facts about the set.
    pub fn facts(&self) -> &RestoreFacts {
        &self.facts
    }

    fn refuse(&mut self, code: FindingCode, path: &str, why: &str) {
        let path = path.escape_debug().to_string();
        self.facts.refused = Some(Finding { code, path, found_at: None, why: Some(why.to_owned()) });
    }

    fn manifest(&self) -> Result<Option<Lines>> {
        let file = match self.tree.find(place::MANIFEST) {
            Err(error) if error.kind() == ErrorKind::InvalidInput => None,
            outcome => outcome?,
        };
        Ok(file.map(|file| Lines::of(file, place::payload_fault)))
    }

    /// Reads the whole list: every path keeps the rules, and no two are equal without regard to case.
    fn read_list(&mut self) -> Result<()> {
        self.facts.list_sha256 = self.tree.digest(place::MANIFEST).unwrap_or_default();
        let Some(mut lines) = self.manifest()? else { return Ok(()) };
        let scratch = Tree::open(&self.options.scratch)?;
        let mut folded = Sorter::new(&scratch, self.options.limits.sort_bytes);
        while let Some(found) = lines.next()? {
            let fault = match &found {
                Found::Good(line) => place::payload_fault(&line.path).map(|fault| (line.path.clone(), fault)),
                Found::Bad(_) => Some((place::MANIFEST.to_owned(), "a line of another form, or out of order")),
            };
            match (fault, found) {
                (Some((path, fault)), _) if self.facts.is_list_whole => {
                    let is_line = path == place::MANIFEST;
                    let code = if is_line { FindingCode::SetRefused } else { FindingCode::PathRefused };
                    self.refuse(code, &path, fault);
                    return Ok(());
                }
                // Nobody knows what such a line said before the list was damaged.
                (Some(_), _) | (None, Found::Bad(_)) => {}
                (None, Found::Good(line)) => folded.add(place::fold(&line.path).as_bytes())?,
            }
        }
        if !self.facts.is_list_whole {
            return Ok(());
        }
        let (mut folded, mut last) = (folded.end()?, String::new());
        while let Some(path) = folded.next_text()? {
            if path == last {
                self.refuse(FindingCode::SetRefused, &path, "two paths are equal without regard to case");
                return Ok(());
            }
            last = path;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        let scratch = Tree::open(&self.options.scratch)?;
        self.lines = self.manifest()?;
        let mut walk = Walk::of(&self.tree, &scratch, ROOM.trim_end_matches('/'), &self.options.limits)?;
        self.file = walk.next()?;
        self.walk = Some(walk);
        self.next_line()
    }

    /// Goes to the next line of a metadata file.
    fn next_line(&mut self) -> Result<()> {
        self.line = None;
        let Some(lines) = &mut self.lines else { return Ok(()) };
        while let Some(found) = lines.next()? {
            if let Found::Good(line) = found
                && line.path.starts_with(ROOM)
                && place::payload_fault(&line.path).is_none()
            {
                self.line = Some(line);
                break;
            }
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<()> {
        self.file = self.walk.as_mut().map_or(Ok(None), Walk::next)?;
        Ok(())
    }

    /// Returns the next entries; none at the end. Parts of earlier ones can no longer be staged.
    ///
    /// # Errors
    ///
    /// `Refused` if the set breaks the rules, `InvalidInput` while bytes are copied or if the set is cut off, `Storage` if a file
    /// cannot be read.
    pub fn next(&mut self, limit: usize) -> Result<Vec<RestoreEntry>> {
        if self.staging.is_some() || self.facts.is_cut_off {
            let fault = if self.facts.is_cut_off { "the set's last run was cut off" } else { "bytes are being copied" };
            return Err(Error::new(ErrorKind::InvalidInput, READING).context("fault", fault));
        }
        self.parts.clear();
        let (mut entries, mut text_bytes) = (Vec::new(), 0);
        while entries.len() < limit && text_bytes < MOST_TEXT_BYTES {
            let entry = self.next_entry()?;
            if let Some(refused) = &self.facts.refused {
                return Err(Error::new(ErrorKind::Refused, READING)
                    .context("code", refused.code.name())
                    .context("path", &refused.path)
                    .context("why", refused.why.clone().unwrap_or_default()));
            }
            let Some(entry) = entry else { break };
            text_bytes += entry.metadata.as_ref().map_or(0, String::len);
            entries.push(entry);
        }
        Ok(entries)
    }

    fn next_entry(&mut self) -> Result<Option<RestoreEntry>> {
        if self.facts.refused.is_some() {
            return Ok(None);
        }
        let order = match (&self.line, &self.file) {
            (None, None) => return Ok(None),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(line), Some(file)) => line.path.cmp(&file.path),
        };
        let (mut expected, mut found) = (None, None);
        if order != std::cmp::Ordering::Greater {
            expected = self.line.take();
            self.next_line()?;
        }
        if order != std::cmp::Ordering::Less {
            found = self.file.take();
            self.next_file()?;
        }
        let path = expected.as_ref().map(|line| line.path.clone()).or_else(|| found.as_ref().map(|file| file.path.clone()));
        let path = path.unwrap_or_default();
        let hash = place::hash_of(&path).unwrap_or_default().to_owned();
        let entry = |proof: Proof, why: Option<String>| RestoreEntry {
            hash: hash.clone(),
            proof,
            kind: String::new(),
            metadata: None,
            parts: Vec::new(),
            posts: 0,
            why,
        };
        let Some(found) = found else { return Ok(Some(entry(Proof::Missing, None))) };
        if path != place::metadata(&hash) || (expected.is_none() && self.facts.is_list_whole) {
            return Ok(Some(entry(Proof::Extra, Some(path))));
        }
        if !found.is_regular {
            return Ok(Some(entry(Proof::Damaged, Some("not a regular file".to_owned()))));
        }
        let bytes = match self.tree.read(&path, self.options.limits.metadata_bytes) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Some(entry(Proof::Missing, None))),
            Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
            Err(error) => return Ok(Some(entry(Proof::Damaged, Some(error.to_string())))),
        };
        let is_as_listed = expected.is_some_and(|line| line.digest == Digest::of(&bytes));
        let is_listed = is_as_listed && self.facts.is_list_whole;
        match Saved::parse(&bytes, &self.options.limits) {
            Ok(saved) if saved.metadata.hash == hash => self.entry(saved, is_listed).map(Some),
            Ok(_) if is_listed => {
                self.refuse(FindingCode::SetRefused, &path, "its hash is not the one in its name");
                Ok(None)
            }
            Ok(_) => Ok(Some(entry(Proof::Damaged, Some("its hash is not the one in its name".to_owned())))),
            Err(error) => match parts_fault(&bytes) {
                Some((path, fault)) => {
                    self.refuse(FindingCode::PathRefused, &path, fault);
                    Ok(None)
                }
                None => Ok(Some(entry(Proof::Damaged, Some(error.to_string())))),
            },
        }
    }

    fn entry(&mut self, saved: Saved, is_listed: bool) -> Result<RestoreEntry> {
        let hash = saved.metadata.hash.clone();
        let mut parts = Vec::new();
        for part in saved.parts {
            let scale = if part.role == ORIGINAL { Some(0) } else { part.scale.filter(|scale| *scale > 0) };
            let Some(scale) = scale else { continue };
            let is_crop = part.role == CROP;
            let found = match &part.path {
                Some(path) => match self.tree.stat(path) {
                    Err(error) if error.kind() == ErrorKind::InvalidInput => None,
                    outcome => outcome?.map(|facts| facts.size_bytes),
                },
                None => Some(part.size),
            };
            let is_small = !is_crop || part.size <= self.options.limits.crop_bytes;
            parts.push(RestorePart {
                scale,
                mimetype: part.mimetype.clone().unwrap_or_default(),
                size_bytes: part.size,
                sha256: part.sha256,
                is_there: is_small && found == Some(part.size),
                is_found: is_small && found.is_some(),
            });
            self.parts.insert((hash.clone(), scale), part);
        }
        Ok(RestoreEntry {
            proof: if is_listed { Proof::Listed } else { Proof::Unlisted },
            kind: saved.metadata.kind.clone(),
            posts: saved.metadata.posts,
            metadata: Some(saved.metadata.text()),
            hash,
            parts,
            why: None,
        })
    }

    /// Copies bytes of an entry of the last call to a new file; none while that takes more than one step.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no such part, the file exists, or bytes are being copied; `NotFound` if the bytes are missing;
    /// `Corrupt` if they are not those that were saved; `Storage` if the disk fails. Then there is no new file.
    pub fn stage(&mut self, hash: &str, scale: u8, root: &Root, path: &RelativePath) -> Result<Option<Staged>> {
        let wrong = |fault: &'static str| Error::new(ErrorKind::InvalidInput, STAGING).context("fault", fault);
        if self.staging.is_some() {
            return Err(wrong("bytes are being copied"));
        }
        let part = self.parts.get(&(hash.to_owned(), scale)).ok_or_else(|| wrong("no such part").context("hash", hash))?.clone();
        if part.role == CROP && part.size > self.options.limits.crop_bytes {
            return Err(Error::new(ErrorKind::Corrupt, STAGING).context("limit_bytes", self.options.limits.crop_bytes));
        }
        if let Some(text) = &part.base64 {
            let bytes = STANDARD.decode(text).unwrap_or_default();
            if bytes.len() as u64 != part.size || Digest::of(&bytes) != part.sha256 {
                return Err(damaged(hash));
            }
            let mut target = NewFile::create(root, path)?;
            target.write_all(&bytes).or_fail(ErrorKind::Storage, STAGING)?;
            let (size_bytes, sha256) = target.keep();
            return Ok(Some(Staged { size_bytes, sha256, is_clone: false }));
        }
        let source_path = part.path.clone().unwrap_or_default();
        let source = match self.tree.find(&source_path) {
            Err(error) if error.kind() == ErrorKind::InvalidInput => None,
            outcome => outcome?,
        };
        let missing = || Error::new(ErrorKind::NotFound, STAGING).context("code", "file_missing").context("path", &source_path);
        let source = source.ok_or_else(missing)?;
        let target = NewFile::create(root, path)?;
        let is_clone = self.options.may_clone && part.size > 0 && target.share_blocks(&source);
        let (hasher, buffer) = (Hasher::default(), vec![0; BUFFER_BYTES]);
        self.staging = Some(Staging { part, source, target, is_clone, hasher, buffer });
        let small =
            self.parts.get(&(hash.to_owned(), scale)).is_some_and(|part| part.size <= self.options.limits.small_file_bytes);
        if small { self.advance(None) } else { Ok(None) }
    }

    /// Copies until the budget is used up; none if that was not enough.
    ///
    /// # Errors
    ///
    /// As of `stage`.
    pub fn step(&mut self, budget: Duration) -> Result<Option<Staged>> {
        let end = Instant::now() + budget;
        if let Some(until) = self.pause_until.take() {
            std::thread::sleep(until.min(end).saturating_duration_since(Instant::now()));
            self.pause_until = (until > end).then_some(until);
        }
        if self.pause_until.is_some() { Ok(None) } else { self.advance(Some(end)) }
    }

    /// Returns how many bytes of the part under way were copied.
    pub fn staged_bytes(&self) -> u64 {
        self.staging.as_ref().map_or(0, |staging| staging.hasher.length_bytes())
    }

    fn advance(&mut self, end: Option<Instant>) -> Result<Option<Staged>> {
        let nothing = || Error::new(ErrorKind::InvalidInput, STAGING).context("fault", "no bytes are being copied");
        // Whatever goes wrong, the new file goes with it.
        let mut staging = self.staging.take().ok_or_else(nothing)?;
        let (begun, mut copied) = (Instant::now(), 0_u64);
        loop {
            let count = if staging.is_clone {
                // The blocks of the clone are what stays: they are what is proven.
                staging.target.read_shared(&mut staging.buffer).or_fail(ErrorKind::Storage, STAGING)?
            } else {
                staging.source.read(&mut staging.buffer).or_fail(ErrorKind::Storage, STAGING)?
            };
            let Some(piece) = staging.buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
            staging.hasher.update(piece);
            // A file that grows while it is read has no end.
            if staging.hasher.length_bytes() > staging.part.size.saturating_add(GROWTH_BYTES) {
                return Err(damaged(staging.part.path.as_deref().unwrap_or_default()));
            }
            if !staging.is_clone {
                staging.target.write_all(piece).or_fail(ErrorKind::Storage, STAGING)?;
            }
            copied += count as u64;
            if let Some(rate) = self.options.bytes_per_second.filter(|_| !staging.is_clone) {
                let due = begun + Duration::from_nanos(copied.saturating_mul(1_000_000_000) / rate);
                self.pause_until = (due > Instant::now()).then_some(due);
            }
            if end.is_some_and(|end| Instant::now() >= end) || (end.is_some() && self.pause_until.is_some()) {
                self.staging = Some(staging);
                return Ok(None);
            }
        }
        let Staging { part, target, is_clone, hasher, .. } = staging;
        let (size_bytes, sha256) = (hasher.length_bytes(), hasher.digest());
        let path = part.path.unwrap_or_default();
        // A metadata file may be the one that is damaged: then the list knows better.
        if sha256 != part.sha256 && self.listed(&path)? != Some(sha256) {
            return Err(damaged(&path));
        }
        let _ = target.keep();
        Ok(Some(Staged { size_bytes, sha256, is_clone }))
    }

    /// Gives up the bytes that are being copied.
    pub fn abandon(&mut self) {
        self.staging = None;
        self.pause_until = None;
    }

    /// Forces everything that was staged beneath a root to disk.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn sync(root: &Root) -> Result<()> {
        rustix::fs::syncfs(root.top()).or_fail(ErrorKind::Storage, "forcing restored bytes to disk")
    }

    /// Returns the digest that the list states for a path.
    fn listed(&self, path: &str) -> Result<Option<Digest>> {
        let Some(mut lines) = self.manifest()? else { return Ok(None) };
        while let Some(found) = lines.next()? {
            if let Found::Good(line) = found
                && line.path == path
            {
                return Ok(Some(line.digest));
            }
        }
        Ok(None)
    }
}

/// What a file may have beyond its stated size, before reading it ends.
const GROWTH_BYTES: u64 = 1 << 20;

fn damaged(path: &str) -> Error {
    Error::new(ErrorKind::Corrupt, STAGING)
        .context("code", "file_damaged")
        .context("path", path)
        .context("fault", "it is not what was saved")
}

//! Reads a set for a restore: what each file's metadata says, how far that is proven, and its bytes.
//!
//! Invariant: nothing is written in the set, and elsewhere only a file that was not there before and whose bytes have the digest that
//! the set states. A set that breaks the rules gives nothing at all. Memory holds the entries of one call.
//!
//! A set is read as it is now, or as it was after an earlier run; through its journal if a run was cut off; and bytes that somebody
//! moved within the set are found by their digest. What somebody sends is kept by digest in the first place: no name becomes a path.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::about::About;
use super::check::{Check, CheckOptions, Standing};
use super::elsewhere::{Candidates, Elsewhere, next_payload};
use super::finding::{Finding, FindingCode};
use super::list::Found;
use super::metadata::{CROP, ORIGINAL, Part, Saved, parts_fault};
use super::place;
use super::sorter::Sorter;
use super::tree::Tree;
use super::versions::{Collecting, Listed, Moment, Versions};
use super::walk::{FoundFile, Walk};
use crate::digest::Digest;
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
    /// As it was after the last run at or before this time, `2026-11-28T03:17:09Z`; none: after the last run.
    pub at: Option<String>,
    /// Most bytes a second that are copied.
    pub bytes_per_second: Option<NonZeroU64>,
    /// The folder of the set in which all files beneath `data` are, named by their digests: `data/by-digest`, and the digest beneath its
    /// first two digits; none: they are at their paths.
    pub by_digest: Option<RelativePath>,
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
    /// Whether a run was cut off while it was put in place: then the set is read through its journal, as it will be.
    pub is_cut_off: bool,
    /// The run whose state is read; none if no run is that old: then nothing is read.
    pub run: Option<String>,
    /// The oldest run whose state can be read.
    pub first_run: Option<String>,
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
    /// Size in bytes; where the metadata is not proven and the list of files states another digest, of what is there.
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
    /// True names of its folders, and its own.
    pub names: Vec<String>,
    /// When it was changed on the hub.
    pub edited: String,
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
    pub(crate) tree: Tree,
    scratch: Tree,
    options: RestoreOptions,
    facts: RestoreFacts,
    /// Where the list of files is.
    manifest: String,
    at: Option<Moment>,
    all: Option<Versions>,
    elsewhere: Elsewhere,
    wanted: HashMap<(String, u8), Wanted>,
    staging: Option<Staging>,
    pause_until: Option<Instant>,
    buffer: Vec<u8>,
}

/// A part that can be staged.
#[derive(Clone)]
struct Wanted {
    part: Part,
    /// The run that replaced or removed this version.
    until: Option<String>,
    /// The metadata states the first; if it is not proven, the list may know another one.
    digests: Vec<Digest>,
}

/// Bytes that are being copied.
struct Staging {
    wanted: Wanted,
    candidates: Candidates,
    target: NewFile,
    source: Option<Source>,
    /// Whether something was there that was not it.
    is_damaged: bool,
}

/// A metadata file, or what is wrong with it.
type Text = std::result::Result<Vec<u8>, (Proof, Option<String>)>;

/// Where bytes are copied from.
struct Source {
    place: String,
    /// Where it is remembered once it was read.
    line: Option<u64>,
    file: File,
    is_clone: bool,
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
    /// `NotFound` if there is none, `Unsupported` if its format is newer, `Refused` if the plan of a run that was cut off breaks the
    /// rules, `InvalidInput` if the time is of another form, `Storage` if it cannot be read.
    pub fn open(folder: &Path, options: RestoreOptions) -> Result<Self> {
        let tree = Tree::open(folder)?;
        let check = CheckOptions {
            sample: None,
            public_key: options.public_key.clone(),
            bytes_per_second: None,
            scratch: options.scratch.clone(),
            limits: options.limits.clone(),
        };
        let at = options.at.as_deref().map(Moment::parse).transpose()?;
        let scratch = Tree::open(&options.scratch)?;
        let check = Check::open(folder, check).map_err(of_plan)?;
        let Standing { set, is_cut_off, is_verified, is_list_whole, runs, view, findings } = check.lists()?;
        let refused = findings.iter().find(|finding| finding.code.ends_check()).cloned();
        let signed_by = match is_verified {
            None => SignedBy::Nobody,
            Some(true) if is_list_whole && options.public_key.is_some() => SignedBy::Channel,
            Some(_) => SignedBy::Other,
        };
        let run = match &at {
            // What is older was pruned together with the reports: of what is left the state would lack files.
            Some(at) => at.last_run(&runs).cloned(),
            None => About::parse(set.as_bytes()).ok().map(|about| about.run).or_else(|| runs.iter().max().cloned()),
        };
        let first_run = runs.into_iter().min();
        let facts =
            RestoreFacts { set, signed_by, is_list_whole, is_cut_off, run, first_run, refused, findings, list_sha256: None };
        let manifest = view.list(&tree, place::MANIFEST)?.to_owned();
        let mut elsewhere = Elsewhere::new(&tree, &scratch, &options.limits, &manifest, view.state())?;
        if let Some(folder) = &options.by_digest {
            elsewhere.look_by_digest(folder.to_string());
        }
        let (wanted, staging, pause_until, buffer) = (HashMap::new(), None, None, vec![0; BUFFER_BYTES]);
        let mut restore =
            Self { tree, scratch, options, facts, manifest, at, all: None, elsewhere, wanted, staging, pause_until, buffer };
        if restore.facts.refused.is_none() {
            restore.facts.list_sha256 = restore.list_sha256();
            restore.read_list()?;
        }
        if restore.facts.refused.is_none() && (restore.at.is_none() || restore.facts.run.is_some()) {
            restore.begin()?;
        }
        Ok(restore)
    }

    fn list_sha256(&self) -> Option<Digest> {
        self.tree.digest(&self.manifest).unwrap_or_default()
    }

    /// Tells whether the set is another one than when it was opened.
    pub(crate) fn has_changed(&self) -> bool {
        self.list_sha256() != self.facts.list_sha256
    }

    /// Returns facts about the set.
    pub fn facts(&self) -> &RestoreFacts {
        &self.facts
    }

    fn refuse(&mut self, code: FindingCode, path: &str, why: &str) {
        let path = path.escape_debug().to_string();
        self.facts.refused = Some(Finding { code, path, found_at: None, why: Some(why.to_owned()) });
    }

    /// Reads the whole list: every path keeps the rules, and no two are equal without regard to case.
    fn read_list(&mut self) -> Result<()> {
        let Some(mut lines) = self.elsewhere.lines()? else { return Ok(()) };
        let mut folded = Sorter::new(&self.scratch, self.options.limits.sort_bytes);
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

    /// Collects the metadata files: those that the list names, and others that are there. From then on `next` begins with the first.
    pub(crate) fn begin(&mut self) -> Result<()> {
        let mut all = Collecting::new(&self.scratch, self.options.limits.sort_bytes);
        let mut lines = self.elsewhere.lines()?;
        let mut files = self.files()?;
        let mut line = next_payload(&mut lines)?;
        let mut file = next_file(&mut files)?;
        loop {
            let order = match (&line, &file) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(line), Some(file)) => line.path.cmp(&file.path),
            };
            let (mut expected, mut found) = (None, None);
            if order != std::cmp::Ordering::Greater {
                expected = line.take();
                line = next_payload(&mut lines)?;
            }
            if order != std::cmp::Ordering::Less {
                found = file.take();
                file = next_file(&mut files)?;
            }
            let path = expected.as_ref().map(|line| line.path.clone()).or_else(|| found.map(|file| file.path));
            self.collect(&mut all, path.unwrap_or_default(), expected.map(|line| line.digest))?;
        }
        self.all = Some(all.end()?);
        Ok(())
    }

    /// Returns what is where metadata files are; nothing in a set that was cut off, where they are at other places.
    fn files(&self) -> Result<Vec<Walk>> {
        let rooms: &[&str] = match (&self.at, self.facts.is_cut_off) {
            _ if self.options.by_digest.is_some() => &[],
            (_, true) => &[],
            (None, _) => &["data/metadata"],
            (Some(_), _) => &["data/metadata", "data/older"],
        };
        let walk = |room: &&str| Walk::of(&self.tree, &self.scratch, room, &self.options.limits);
        rooms.iter().rev().map(walk).collect()
    }

    fn collect(&self, all: &mut Collecting, path: String, digest: Option<Digest>) -> Result<()> {
        let (until, name) = place::version_of(&path);
        let is_metadata = name.starts_with(ROOM);
        if !is_metadata || (until.is_some() && self.at.is_none()) {
            return Ok(());
        }
        let hash = place::hash_of(&path).unwrap_or_default().to_owned();
        let is_extra = name != place::metadata(&hash) || (digest.is_none() && self.facts.is_list_whole);
        if is_extra && self.at.is_some() {
            return Ok(());
        }
        all.add(&Listed { hash, until, place: None, path, digest })
    }

    /// Returns the next entries; none at the end. Parts of earlier ones can no longer be staged.
    ///
    /// # Errors
    ///
    /// `Refused` if the set breaks the rules, `InvalidInput` while bytes are copied or if no run is old enough, `Storage` if a file
    /// cannot be read.
    pub fn next(&mut self, limit: usize) -> Result<Vec<RestoreEntry>> {
        if self.staging.is_some() || (self.at.is_some() && self.facts.run.is_none()) {
            let fault = if self.staging.is_some() { "bytes are being copied" } else { "no run is that old" };
            return Err(Error::new(ErrorKind::InvalidInput, READING).context("fault", fault));
        }
        self.wanted.clear();
        let mut all = self.all.take();
        let outcome = self.next_entries(all.as_mut(), limit);
        self.all = all;
        outcome
    }

    fn next_entries(&mut self, mut all: Option<&mut Versions>, limit: usize) -> Result<Vec<RestoreEntry>> {
        let (mut entries, mut text_bytes) = (Vec::new(), 0);
        while entries.len() < limit && text_bytes < MOST_TEXT_BYTES {
            let mut versions = Vec::new();
            if self.facts.refused.is_none() {
                let Some(all) = &mut all else { break };
                // Of all that are older than a run, the oldest may have been true.
                let mut is_chosen = false;
                let is_there = all.next_hash(|listed| {
                    let at = self.at.as_ref();
                    if !is_chosen && at.is_none_or(|at| at.is_before_end(listed.until.as_deref())) {
                        is_chosen = at.is_some();
                        versions.push(listed);
                    }
                })?;
                if !is_there {
                    break;
                }
            }
            for listed in versions {
                if let Some(entry) = self.read(listed)? {
                    text_bytes += entry.metadata.as_ref().map_or(0, String::len);
                    entries.push(entry);
                }
            }
            if let Some(refused) = &self.facts.refused {
                return Err(Error::new(ErrorKind::Refused, READING)
                    .context("code", refused.code.name())
                    .context("path", &refused.path)
                    .context("why", refused.why.clone().unwrap_or_default()));
            }
        }
        Ok(entries)
    }

    /// Reads one; none if it was not true at that time.
    fn read(&mut self, listed: Listed) -> Result<Option<RestoreEntry>> {
        let Listed { hash, until, path, digest, .. } = listed;
        let entry = |proof: Proof, why: Option<String>| RestoreEntry {
            hash: hash.clone(),
            proof,
            kind: String::new(),
            names: Vec::new(),
            edited: String::new(),
            metadata: None,
            parts: Vec::new(),
            posts: 0,
            why,
        };
        let is_own_place =
            path == until.as_ref().map_or_else(|| place::metadata(&hash), |run| place::older(run, &place::metadata(&hash)));
        if !is_own_place || (digest.is_none() && self.facts.is_list_whole) {
            return Ok(Some(entry(Proof::Extra, Some(path))));
        }
        let bytes = match self.text(&path, digest)? {
            Ok(bytes) => bytes,
            Err((proof, why)) => return Ok(Some(entry(proof, why))),
        };
        let is_as_listed = digest == Some(Digest::of(&bytes));
        let is_listed = is_as_listed && self.facts.is_list_whole;
        match Saved::parse(&bytes, &self.options.limits) {
            Ok(saved) if saved.metadata.hash == hash => {
                let has_begun = self.at.as_ref().is_none_or(|at| at.has_begun(&saved.seen));
                if !has_begun && digest.is_some() && !is_as_listed {
                    return Ok(Some(entry(Proof::Damaged, Some("since when it is true is not what was saved".to_owned()))));
                }
                has_begun.then(|| self.entry(saved, until.as_deref(), is_listed)).transpose()
            }
            Ok(_) if is_listed => {
                self.refuse(FindingCode::SetRefused, &path, "its hash is not the one in its name");
                Ok(None)
            }
            Ok(_) => Ok(Some(entry(Proof::Damaged, Some("its hash is not the one in its name".to_owned())))),
            Err(error) => match parts_fault(&bytes).filter(|_| is_listed) {
                Some((path, fault)) => {
                    self.refuse(FindingCode::PathRefused, &path, fault);
                    Ok(None)
                }
                None => Ok(Some(entry(Proof::Damaged, Some(error.to_string())))),
            },
        }
    }

    /// Reads a metadata file; if it is not the listed one, that one wherever it is, if it is anywhere.
    fn text(&mut self, path: &str, digest: Option<Digest>) -> Result<Text> {
        let limit = self.options.limits.metadata_bytes;
        // A disk that does not give the bytes of one file may give those of others.
        let read = |tree: &Tree, path: &str| match tree.read(path, limit) {
            Ok(bytes) => bytes.ok_or((Proof::Missing, None)),
            Err(error) => Err((Proof::Damaged, Some(error.to_string()))),
        };
        let mut own = Err((Proof::Missing, None));
        for place in self.elsewhere.places(path)? {
            own = read(&self.tree, &place);
            if !matches!(own, Err((Proof::Missing, _))) {
                break;
            }
        }
        let is_it = |bytes: &[u8]| digest.is_none_or(|digest| Digest::of(bytes) == digest);
        if own.as_ref().is_ok_and(|bytes| is_it(bytes)) {
            return Ok(own);
        }
        let moved = digest.map_or(Ok(None), |digest| self.elsewhere.text(digest))?;
        if let Some(moved) = moved
            && let Ok(bytes) = read(&self.tree, &moved)
            && is_it(&bytes)
        {
            return Ok(Ok(bytes));
        }
        Ok(own)
    }

    fn entry(&mut self, saved: Saved, until: Option<&str>, is_listed: bool) -> Result<RestoreEntry> {
        let hash = saved.metadata.hash.clone();
        let mut parts = Vec::new();
        for mut part in saved.parts {
            let scale = if part.role == ORIGINAL { Some(0) } else { part.scale.filter(|scale| *scale > 0) };
            let Some(scale) = scale else { continue };
            let is_crop = part.role == CROP;
            let (mut digests, mut found) = (vec![part.sha256], Some(part.size));
            if let Some(path) = part.path.clone() {
                found = self.size_at(&path, until)?;
                // A metadata file may be the one that is damaged: then the list knows better.
                if !is_listed && let Some(listed) = self.elsewhere.listed(&path)? {
                    digests.push(listed);
                    part.size = found.unwrap_or(part.size);
                }
            }
            let wanted = Wanted { part: part.clone(), until: until.map(str::to_owned), digests };
            let is_small = !is_crop || part.size <= self.options.limits.crop_bytes;
            if is_small && found != Some(part.size) {
                let candidates = self.candidates(&wanted)?;
                found = if self.elsewhere.is_likely(candidates)? { Some(part.size) } else { found };
            }
            parts.push(RestorePart {
                scale,
                mimetype: part.mimetype.clone().unwrap_or_default(),
                size_bytes: part.size,
                sha256: part.sha256,
                is_there: is_small && found == Some(part.size),
                is_found: is_small && found.is_some(),
            });
            self.wanted.insert((hash.clone(), scale), wanted);
        }
        Ok(RestoreEntry {
            proof: if is_listed { Proof::Listed } else { Proof::Unlisted },
            kind: saved.metadata.kind.clone(),
            names: saved.metadata.names.clone(),
            edited: saved.metadata.edited.clone(),
            posts: saved.metadata.posts,
            metadata: Some(saved.metadata.text()),
            hash,
            parts,
            why: None,
        })
    }

    /// Tells whether bytes with a digest are those of a part of the last call.
    pub(crate) fn is_right(&self, hash: &str, scale: u8, digest: Digest) -> bool {
        self.wanted.get(&(hash.to_owned(), scale)).is_some_and(|wanted| wanted.digests.contains(&digest))
    }

    fn candidates(&mut self, wanted: &Wanted) -> Result<Candidates> {
        self.elsewhere.candidates(&wanted.part, wanted.until.as_deref(), wanted.digests.clone())
    }

    /// Returns the size of what is where a present part belongs; nothing of an older one, which may be at many places.
    fn size_at(&mut self, path: &str, until: Option<&str>) -> Result<Option<u64>> {
        if until.is_some() {
            return Ok(None);
        }
        for place in self.elsewhere.places(path)? {
            if let Ok(Some(facts)) = self.tree.stat(&place) {
                return Ok(Some(facts.size_bytes));
            }
        }
        Ok(None)
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
        let wanted = self.wanted.get(&(hash.to_owned(), scale));
        let wanted = wanted.ok_or_else(|| wrong("no such part").context("hash", hash))?.clone();
        let part = &wanted.part;
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
        let is_small = part.size <= self.options.limits.small_file_bytes && self.options.bytes_per_second.is_none();
        let candidates = self.candidates(&wanted)?;
        let target = NewFile::create(root, path)?;
        self.staging = Some(Staging { wanted, candidates, target, source: None, is_damaged: false });
        if is_small { self.advance(None) } else { Ok(None) }
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
        self.staging.as_ref().map_or(0, |staging| staging.target.so_far().length_bytes())
    }

    fn advance(&mut self, end: Option<Instant>) -> Result<Option<Staged>> {
        let nothing = || Error::new(ErrorKind::InvalidInput, STAGING).context("fault", "no bytes are being copied");
        // Whatever goes wrong, the new file goes with it.
        let mut staging = self.staging.take().ok_or_else(nothing)?;
        loop {
            let source = match staging.source.take() {
                Some(source) => source,
                None => self.next_source(&mut staging)?,
            };
            let source = match self.copy(&mut staging, source, end)? {
                Copied::Whole(source) => source,
                Copied::More(source) => {
                    staging.source = Some(source);
                    self.staging = Some(staging);
                    return Ok(None);
                }
                Copied::Wrong => continue,
            };
            let (size_bytes, sha256) = (staging.target.so_far().length_bytes(), staging.target.so_far().digest());
            if size_bytes == staging.wanted.part.size && staging.wanted.digests.contains(&sha256) {
                let _ = staging.target.keep();
                return Ok(Some(Staged { size_bytes, sha256, is_clone: source.is_clone }));
            }
            staging.is_damaged = true;
            self.elsewhere.remember(&source.place, source.line, sha256);
        }
    }

    /// Opens the next file whose bytes may be the right ones.
    fn next_source(&mut self, staging: &mut Staging) -> Result<Source> {
        while let Some((place, line)) = self.elsewhere.next(&mut staging.candidates)? {
            let file = match self.tree.find(&place) {
                Ok(Some(file)) => file,
                Ok(None) => continue,
                Err(error) if error.kind() == ErrorKind::InvalidInput => continue,
                // A disk that does not give the bytes of one file may give those of others.
                Err(_) => {
                    staging.is_damaged = true;
                    continue;
                }
            };
            let size = file.metadata().or_fail(ErrorKind::Storage, STAGING)?.len();
            if size != staging.wanted.part.size {
                staging.is_damaged |= line.is_none();
                continue;
            }
            staging.target.clear().or_fail(ErrorKind::Storage, STAGING)?;
            let is_clone = self.options.may_clone && size > 0 && staging.target.share_blocks(&file);
            return Ok(Source { place, line, file, is_clone });
        }
        let path = staging.wanted.part.path.as_deref().unwrap_or_default();
        Err(if staging.is_damaged { damaged(path) } else { missing(path) })
    }

    /// Copies on.
    fn copy(&mut self, staging: &mut Staging, mut source: Source, end: Option<Instant>) -> Result<Copied> {
        let (begun, mut copied) = (Instant::now(), 0_u64);
        loop {
            let count = if source.is_clone {
                // The blocks of the clone are what stays: they are what is proven.
                staging.target.read_shared(&mut self.buffer)
            } else {
                source.file.read(&mut self.buffer)
            };
            let Ok(count) = count else {
                staging.is_damaged = true;
                return Ok(Copied::Wrong);
            };
            let Some(piece) = self.buffer.get(..count).filter(|piece| !piece.is_empty()) else {
                return Ok(Copied::Whole(source));
            };
            if !source.is_clone {
                staging.target.write_all(piece).or_fail(ErrorKind::Storage, STAGING)?;
            }
            // A file that grows while it is read has no end.
            if staging.target.so_far().length_bytes() > staging.wanted.part.size {
                staging.is_damaged = true;
                return Ok(Copied::Wrong);
            }
            copied += count as u64;
            if let Some(rate) = self.options.bytes_per_second.filter(|_| !source.is_clone) {
                let due = begun + Duration::from_nanos(copied.saturating_mul(1_000_000_000) / rate);
                self.pause_until = (due > Instant::now()).then_some(due);
            }
            if end.is_some_and(|end| Instant::now() >= end) || (end.is_some() && self.pause_until.is_some()) {
                return Ok(Copied::More(source));
            }
        }
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
}

/// What became of a file that was copied on.
enum Copied {
    Whole(Source),
    /// Time is up.
    More(Source),
    /// It is none of the files that are wanted.
    Wrong,
}

/// Returns the next file of walks, of which the last comes first.
fn next_file(walks: &mut Vec<Walk>) -> Result<Option<FoundFile>> {
    while let Some(walk) = walks.last_mut() {
        if let Some(found) = walk.next()? {
            return Ok(Some(found));
        }
        walks.pop();
    }
    Ok(None)
}

/// A plan that is the one of the journal and breaks the rules was made to do harm.
fn of_plan(error: Error) -> Error {
    if error.kind() != ErrorKind::Corrupt {
        return error;
    }
    let refused = Error::new(ErrorKind::Refused, READING).context("code", FindingCode::SetRefused.name());
    refused.context("path", place::PLAN).context("why", error)
}

fn missing(path: &str) -> Error {
    Error::new(ErrorKind::NotFound, STAGING).context("code", "file_missing").context("path", path)
}

fn damaged(path: &str) -> Error {
    Error::new(ErrorKind::Corrupt, STAGING)
        .context("code", "file_damaged")
        .context("path", path)
        .context("fault", "it is not what was saved")
}

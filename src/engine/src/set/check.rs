//! Checks a set, and says exactly what is wrong.
//!
//! Invariant: nothing is written in the set. What is found is decided by bytes that were read; where a list is damaged itself,
//! no file is blamed for what the list says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::Read;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::about::{About, Oxum, Signature};
use super::finding::{Finding, FindingCode};
use super::journal::{self, Locator, View};
use super::list::{Found, Line, Lines};
use super::metadata::Saved;
use super::place;
use super::signer::{self, OwnerSigned, Signer};
use super::sorter::{Sorted, Sorter};
use super::tree::Tree;
use super::walk::{FoundFile, Walk};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::SetLimits;
use crate::signature::PublicKey;

/// How a set is checked.
pub struct CheckOptions {
    /// Reads only one part of so many; none: everything.
    pub sample: Option<(NonZeroU32, u32)>,
    /// The channel's key, if it is known; else the one in the set.
    pub public_key: Option<PublicKey>,
    /// Most bytes a second.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Folder for temporary files.
    pub scratch: PathBuf,
    /// Bounds.
    pub limits: SetLimits,
}

/// How far a check is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckProgress {
    /// Files looked at.
    pub files: u64,
    /// Files that there are, as the set says.
    pub files_total: u64,
    /// Bytes of the files looked at.
    pub bytes: u64,
    /// Bytes that there are, as the set says.
    pub bytes_total: u64,
    /// Files read.
    pub read_files: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// The file that is being read.
    pub path: Option<String>,
}

/// Facts about a checked set.
#[derive(Clone, Debug, Default)]
pub struct CheckResult {
    /// The text of `set.json`.
    pub set: String,
    /// Whether a run was cut off.
    pub is_cut_off: bool,
    /// Whether there is a signature of the channel.
    pub is_signed: bool,
    /// Whether it is over and that signature fits.
    pub is_verified: bool,
    /// Whether the owner has signed it.
    pub owner: OwnerSigned,
    /// How many findings there are of each code.
    pub counts: BTreeMap<FindingCode, u64>,
}

/// What the lists of a set are worth.
pub(crate) struct Standing {
    /// The text of `set.json`.
    pub(crate) set: String,
    pub(crate) is_cut_off: bool,
    /// Whether the signature fits the tag manifest; none if there is no signature.
    pub(crate) is_verified: Option<bool>,
    /// Whether the list of files is the one that the tag manifest names.
    pub(crate) is_list_whole: bool,
    /// The runs of which there are reports.
    pub(crate) runs: Vec<String>,
    pub(crate) view: View,
    pub(crate) findings: Vec<Finding>,
}

/// A check under way.
pub struct Check {
    tree: Tree,
    scratch: Tree,
    options: CheckOptions,
    view: View,
    stage: Stage,
    findings: Vec<Finding>,
    progress: CheckProgress,
    result: CheckResult,
    has_valid_signature: bool,
    pause_until: Option<Instant>,
    begun_at: Moment,
    runs: Vec<String>,
}

/// What is other after a run was put in place, or while it is.
type Moment = (Option<(String, journal::State)>, Option<Digest>);

enum Stage {
    Lists,
    Comparing(Box<Comparing>),
    Joining(Box<Joining>),
    Done,
    /// A step failed: nothing is known of the rest.
    Failed,
}

/// The payload beside the manifest.
struct Comparing {
    lines: Lines,
    /// None if a run was cut off: then files are elsewhere.
    walk: Option<Walk>,
    locator: Locator,
    line: Option<Line>,
    file: Option<FoundFile>,
    is_begun: bool,
    reading: Option<Reading>,
    folded: Sorter,
    /// Digest, kind, path: what is wanted and what was found.
    claims: Sorter,
    bad_lines: Vec<Vec<u8>>,
    /// What the tag manifest says of the manifest.
    is_manifest_whole: Option<bool>,
}

/// A file that is being read.
struct Reading {
    /// Where it is listed, or where it was found if no list names it.
    path: String,
    expected: Option<Digest>,
    file: File,
    hasher: Hasher,
    buffer: Vec<u8>,
    /// The bytes of a metadata file.
    text: Option<Vec<u8>>,
}

/// A file that is not where it belongs.
struct Astray {
    path: String,
    /// No list names it.
    is_extra: bool,
    /// It is a metadata file as it should be.
    is_sound: bool,
}

/// Finds out what moved.
struct Joining {
    folded: Option<Sorted>,
    last_folded: String,
    claims: Sorted,
    bad_lines: Vec<Vec<u8>>,
    is_list_damaged: bool,
    digest: String,
    /// Files with this digest that are not where they belong.
    found: VecDeque<Astray>,
    is_named: bool,
}

const CHECKING: &str = "checking a backup set";
const BUFFER_BYTES: usize = 256 << 10;
const MAX_TAG_LINES: usize = 100_000;
const MAX_BAD_LINES: usize = 1000;
const MAX_FOUND: usize = 10_000;
/// So much found ends a step, however much time is left: a set may lack everything.
const FOUND_AT_ONCE: usize = 1000;
/// In a line of two digests that differ in so few digits, the list is wrong and not the file.
const NEAR: usize = 4;

impl Check {
    /// Opens a set.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none, `Unsupported` if its format is newer, `Storage` if it cannot be read.
    pub fn open(folder: &std::path::Path, options: CheckOptions) -> Result<Self> {
        let tree = Tree::open(folder)?;
        let scratch = Tree::open(&options.scratch)?;
        let begun_at = moment(&tree)?;
        let mut findings = Vec::new();
        let view = journal_view(&tree, &mut findings)?;
        let has = |path: &str| tree.exists(view.list(&tree, path)?);
        if !has(place::SET)? && !has(place::TAG_MANIFEST)? && !has(place::MANIFEST)? {
            return Err(Error::new(ErrorKind::NotFound, CHECKING)
                .context("folder", folder.display())
                .context("fault", "it holds no backup set"));
        }
        let result = CheckResult { is_cut_off: view.is_cut_off(), ..CheckResult::default() };
        let mut check = Self {
            tree,
            scratch,
            options,
            view,
            stage: Stage::Lists,
            findings,
            progress: CheckProgress::default(),
            result,
            has_valid_signature: false,
            pause_until: None,
            begun_at,
            runs: Vec::new(),
        };
        check.refuse_newer()?;
        Ok(check)
    }

    fn read_list(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match self.tree.read(self.view.list(&self.tree, path)?, self.options.limits.metadata_bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::InvalidInput) => Ok(Some(Vec::new())),
            outcome => outcome,
        }
    }

    /// Refuses a newer format, unless it is only damage that looks like one.
    fn refuse_newer(&mut self) -> Result<()> {
        let Some(bytes) = self.read_list(place::SET)? else { return Ok(()) };
        self.result.set = String::from_utf8_lossy(&bytes).into_owned();
        let Err(error) = About::parse(&bytes) else { return Ok(()) };
        if error.kind() != ErrorKind::Unsupported {
            return Ok(());
        }
        let (lines, _) = self.tag_lines()?.unwrap_or_default();
        let listed = lines.iter().find(|line| line.path == place::SET).map(|line| line.digest);
        if listed.is_none_or(|listed| listed == Digest::of(&bytes)) { Err(error) } else { Ok(()) }
    }

    /// Reads the tag manifest: its lines, and whether all have the form.
    fn tag_lines(&self) -> Result<Option<(Vec<Line>, bool)>> {
        let Some(file) = find(&self.tree, self.view.list(&self.tree, place::TAG_MANIFEST)?)? else { return Ok(None) };
        let mut lines = Lines::of(file, place::tag_fault);
        let (mut good, mut are_good) = (Vec::new(), true);
        while let Some(found) = lines.next()? {
            match found {
                Found::Good(line) if good.len() < MAX_TAG_LINES => good.push(line),
                _ => are_good = false,
            }
        }
        Ok(Some((good, are_good)))
    }

    fn find(&mut self, code: FindingCode, path: &str, found_at: Option<String>, why: Option<&str>) {
        self.findings.push(Finding { code, path: path.to_owned(), found_at, why: why.map(str::to_owned) });
    }

    /// Works until the budget is used up, or much is found; returns what was found meanwhile.
    ///
    /// # Errors
    ///
    /// `Storage` if a file cannot be read, `PeerBusy` if the set changed meanwhile: then nothing that was found counts.
    pub fn step(&mut self, budget: Duration) -> Result<Vec<Finding>> {
        let end = Instant::now() + budget;
        let was_done = self.is_done();
        if let Some(until) = self.pause_until.take() {
            std::thread::sleep(until.min(end).saturating_duration_since(Instant::now()));
            self.pause_until = (until > end).then_some(until);
        }
        while self.pause_until.is_none() && !self.is_done() {
            self.stage = match std::mem::replace(&mut self.stage, Stage::Failed) {
                Stage::Lists => self.check_lists()?,
                Stage::Comparing(comparing) => self.compare(comparing, end)?,
                Stage::Joining(joining) => self.join(joining)?,
                Stage::Done => Stage::Done,
                Stage::Failed => {
                    return Err(Error::new(ErrorKind::InvalidInput, CHECKING).context("fault", "an earlier step failed"));
                }
            };
            if self.findings.iter().any(|finding| finding.code.ends_check()) {
                self.stage = Stage::Done;
            }
            if Instant::now() >= end || self.findings.len() >= FOUND_AT_ONCE {
                break;
            }
        }
        if self.is_done() && !was_done && moment(&self.tree)? != self.begun_at {
            self.stage = Stage::Failed;
            return Err(Error::new(ErrorKind::PeerBusy, CHECKING)
                .context("code", "set_busy")
                .context("fault", "a run was put in place meanwhile")
                .context("remedy", "check again"));
        }
        self.result.is_verified = self.is_done() && self.has_valid_signature;
        for finding in &self.findings {
            *self.result.counts.entry(finding.code).or_default() += 1;
        }
        Ok(std::mem::take(&mut self.findings))
    }

    /// Tells whether it is over.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Returns how far it is.
    pub fn progress(&self) -> &CheckProgress {
        &self.progress
    }

    /// Returns facts about the set.
    pub fn result(&self) -> &CheckResult {
        &self.result
    }

    /// Reads the name of a set, and whether its owner has signed it; none if there is no set.
    ///
    /// # Errors
    ///
    /// As of [`Check::open`], and `Storage` if a list cannot be read.
    pub fn signed(folder: &std::path::Path, options: CheckOptions) -> Result<Option<(String, OwnerSigned)>> {
        let mut check = match Self::open(folder, options) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            check => check?,
        };
        check.check_lists()?;
        let id = About::parse(check.result.set.as_bytes()).map(|about| about.id).unwrap_or_default();
        Ok(Some((id, check.result.owner)))
    }

    /// Checks the lists only, and no file that they name.
    pub(crate) fn lists(mut self) -> Result<Standing> {
        let stage = self.check_lists()?;
        if self.result.owner != OwnerSigned::No {
            // That says nothing for the channel, and need not come with a set that somebody sends.
            self.findings.retain(|finding| finding.path != place::OWNER_SIGNATURE);
            self.find(FindingCode::Unsigned, place::SIGNATURE, None, None);
        }
        let is_list_whole = matches!(&stage, Stage::Comparing(comparing) if comparing.is_manifest_whole == Some(true));
        Ok(Standing {
            set: self.result.set,
            is_cut_off: self.result.is_cut_off,
            is_verified: self.result.is_signed.then_some(self.has_valid_signature),
            is_list_whole,
            runs: self.runs,
            view: self.view,
            findings: self.findings,
        })
    }

    fn check_lists(&mut self) -> Result<Stage> {
        let others = self.look_around()?;
        if self.findings.iter().any(|finding| finding.code.ends_check()) {
            return Ok(Stage::Done);
        }
        let tags = self.tag_lines()?;
        if tags.is_none() {
            self.find(FindingCode::FileMissing, place::TAG_MANIFEST, None, None);
        }
        let has_tags = tags.is_some();
        let (lines, are_good) = tags.unwrap_or_default();
        let tag_manifest = self.tree.digest(self.view.list(&self.tree, place::TAG_MANIFEST)?).unwrap_or_default();
        let mut is_tag_damaged = has_tags && !are_good;
        let (mut listed, mut damaged) = (BTreeSet::new(), BTreeSet::new());
        let (mut refused, mut missing) = (None, Vec::new());
        for line in &lines {
            if let Some(fault) = place::tag_fault(&line.path) {
                refused = refused.or(Some((line.path.escape_debug().to_string(), fault)));
                continue;
            }
            listed.insert(line.path.as_str());
            match digest_or_other(&self.tree, self.view.list(&self.tree, &line.path)?)? {
                None => {
                    damaged.insert(line.path.as_str());
                    missing.push(line.path.as_str());
                }
                Some(digest) if digest == line.digest => {}
                Some(digest) if is_near(&digest, &line.digest) => is_tag_damaged = true,
                Some(_) => {
                    damaged.insert(line.path.as_str());
                    self.find(FindingCode::ListDamaged, &line.path, None, None);
                }
            }
        }
        is_tag_damaged |= has_tags && place::TAGS.iter().any(|tag| !listed.contains(tag));
        let about = match self.read_list(place::SET)?.filter(|_| !damaged.contains(place::SET)).map(|bytes| About::parse(&bytes))
        {
            // Damage of other lists can be the reason that it is not known to be damaged.
            Some(Err(error)) if listed.contains(place::SET) => {
                self.find(FindingCode::MetadataWrong, place::SET, None, Some(&error.to_string()));
                None
            }
            outcome => outcome.transpose().unwrap_or_default(),
        };
        let is_proven = self.check_signature(about.as_ref(), tag_manifest, &mut is_tag_damaged)?
            || self.check_owner_signature(about.as_ref(), is_tag_damaged)?;
        if let Some((path, fault)) = refused
            && (is_proven || !is_tag_damaged)
        {
            self.find(FindingCode::PathRefused, &path, None, Some(fault));
            return Ok(Stage::Done);
        }
        if is_tag_damaged {
            self.find(FindingCode::ListDamaged, place::TAG_MANIFEST, None, None);
        }
        // Which runs there are, only the tag manifest says.
        let is_list_known = has_tags && !is_tag_damaged;
        let reports = others.iter().map(String::as_str).filter(|_| !is_list_known).chain(listed.iter().copied());
        self.runs = reports.filter_map(place::run_of_report).map(str::to_owned).collect();
        for path in missing {
            if is_list_known || !path.starts_with("runs/") {
                self.find(FindingCode::FileMissing, path, None, None);
            }
        }
        for path in others {
            if !listed.contains(path.as_str()) && (is_list_known || place::tag_fault(&path).is_some()) {
                self.find(FindingCode::FileExtra, &path, None, None);
            }
        }
        let is_manifest_whole = listed.contains(place::MANIFEST).then(|| !damaged.contains(place::MANIFEST));
        self.begin_comparing(is_manifest_whole.filter(|_| !is_tag_damaged), has_tags)
    }

    fn begin_comparing(&mut self, is_manifest_whole: Option<bool>, has_tags: bool) -> Result<Stage> {
        let oxum =
            self.read_list(place::BAG_INFO)?.and_then(|bytes| Oxum::parse(&String::from_utf8_lossy(&bytes))).unwrap_or_default();
        (self.progress.files_total, self.progress.bytes_total) = (oxum.files, oxum.bytes);
        let Some(file) = find(&self.tree, self.view.list(&self.tree, place::MANIFEST)?)? else {
            if !has_tags || is_manifest_whole.is_none() {
                self.find(FindingCode::FileMissing, place::MANIFEST, None, None);
            }
            return Ok(Stage::Done);
        };
        let sorter = || Sorter::new(&self.scratch, self.options.limits.sort_bytes);
        let walk =
            if self.view.is_cut_off() { None } else { Some(Walk::of(&self.tree, &self.scratch, "data", &self.options.limits)?) };
        Ok(Stage::Comparing(Box::new(Comparing {
            lines: Lines::of(file, place::payload_fault),
            walk,
            locator: self.view.locator(&self.tree)?,
            line: None,
            file: None,
            is_begun: false,
            reading: None,
            folded: sorter(),
            claims: sorter(),
            bad_lines: Vec::new(),
            is_manifest_whole,
        })))
    }

    /// Returns what is in the folder besides what every set has, and refuses what no set may have.
    fn look_around(&mut self) -> Result<Vec<String>> {
        let mut others = Vec::new();
        let Some(folder) = self.tree.find_folder("")? else { return Ok(others) };
        let own = [
            place::TAG_MANIFEST,
            place::SIGNATURE,
            place::OWNER_SIGNATURE,
            place::JOURNAL,
            place::LOCK,
            place::PARTIAL,
            place::OF_DISKS,
            "data",
            "runs",
        ];
        for entry in rustix::fs::Dir::read_from(&folder).or_fail(ErrorKind::Storage, CHECKING)? {
            let entry = entry.or_fail(ErrorKind::Storage, CHECKING)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_manifest = name.starts_with("manifest-") || name.starts_with("tagmanifest-");
            if name == "fetch.txt" {
                self.find(FindingCode::SetRefused, &name, None, Some("a set never names what is elsewhere"));
            } else if is_manifest && name != place::MANIFEST && name != place::TAG_MANIFEST {
                self.find(FindingCode::SetRefused, &name, None, Some("a set has no other manifest"));
            } else if ![".", ".."].contains(&name.as_str()) && !own.contains(&name.as_str()) {
                others.push(name);
            }
        }
        let mut walk = Walk::of(&self.tree, &self.scratch, "runs", &self.options.limits)?;
        while let Some(found) = walk.next()? {
            others.push(found.path);
        }
        Ok(others)
    }

    /// Checks the signature of the channel; true if it proves the tag manifest.
    fn check_signature(
        &mut self,
        about: Option<&About>,
        tag_manifest: Option<Digest>,
        is_tag_damaged: &mut bool,
    ) -> Result<bool> {
        let bytes = self.read_list(place::SIGNATURE)?;
        self.result.is_signed = bytes.is_some();
        let Some(bytes) = bytes else {
            match about.map(|about| &about.signer) {
                Some(Signer::Channel) => self.find(FindingCode::FileMissing, place::SIGNATURE, None, None),
                Some(Signer::Nobody) => self.find(FindingCode::Unsigned, place::SIGNATURE, None, None),
                Some(Signer::Owner(_)) | None => {}
            }
            return Ok(false);
        };
        if about.is_some_and(|about| about.signer != Signer::Channel) {
            // A run that was cut off may not have taken it away yet.
            let code = if self.view.is_cut_off() { FindingCode::Unsigned } else { FindingCode::FileExtra };
            self.find(code, place::SIGNATURE, None, None);
            return Ok(false);
        }
        let fits = |signature: &Signature| {
            about.is_none_or(|about| (&about.channel_url, &about.channel_hash) == (&signature.key_id, &signature.channel_hash))
        };
        let Some(signature) = Signature::parse(&bytes).filter(fits) else {
            self.find(FindingCode::ListDamaged, place::SIGNATURE, None, None);
            return Ok(false);
        };
        let own_key = about.and_then(|about| PublicKey::from_pem(&about.channel_key).ok());
        if self.options.public_key.is_none() && own_key.is_none() && about.is_some() {
            self.find(FindingCode::SignatureWrong, place::SIGNATURE, None, Some("set.json has no key"));
        }
        let key = self.options.public_key.as_ref().or(own_key.as_ref());
        let (Some(key), Some(tag_manifest)) = (key, tag_manifest) else { return Ok(false) };
        let (proves_file, proves_stated) = (signature.verifies(key, &tag_manifest), signature.verifies(key, &signature.sha256));
        match (proves_file, proves_stated) {
            (true, true) => self.has_valid_signature = true,
            (true, false) => self.find(FindingCode::ListDamaged, place::SIGNATURE, None, None),
            (false, true) => *is_tag_damaged = true,
            (false, false) => self.find(FindingCode::SignatureWrong, place::SIGNATURE, None, None),
        }
        Ok(proves_file)
    }

    /// Checks the signature of the owner; true if it proves the tag manifest.
    fn check_owner_signature(&mut self, about: Option<&About>, is_tag_damaged: bool) -> Result<bool> {
        let bytes = self.read_list(place::OWNER_SIGNATURE)?;
        let Some(Signer::Owner(key)) = about.map(|about| &about.signer) else {
            // A run that was cut off may not have taken it away yet.
            if bytes.is_some() && about.is_some() && !self.view.is_cut_off() {
                self.find(FindingCode::FileExtra, place::OWNER_SIGNATURE, None, None);
            }
            return Ok(false);
        };
        self.result.owner = OwnerSigned::Wrong;
        let Some(bytes) = bytes else {
            self.find(FindingCode::FileMissing, place::OWNER_SIGNATURE, None, None);
            return Ok(false);
        };
        let Some(mut text) = find(&self.tree, self.view.list(&self.tree, place::TAG_MANIFEST)?)? else { return Ok(false) };
        let fits = signer::verifies(key, &String::from_utf8_lossy(&bytes), &mut text)?;
        if fits {
            self.result.owner = OwnerSigned::By(key.clone());
        } else if !is_tag_damaged {
            self.find(FindingCode::SignatureWrong, place::OWNER_SIGNATURE, None, None);
        }
        Ok(fits)
    }

    fn compare(&mut self, mut comparing: Box<Comparing>, end: Instant) -> Result<Stage> {
        loop {
            if let Some(reading) = comparing.reading.take() {
                comparing.reading = self.read(reading, &mut comparing, end)?;
            } else if !self.compare_next(&mut comparing)? {
                break;
            }
            if Instant::now() >= end
                || self.pause_until.is_some()
                || self.findings.len() >= FOUND_AT_ONCE
                || self.findings.iter().any(|finding| finding.code.ends_check())
            {
                return Ok(Stage::Comparing(comparing));
            }
        }
        self.progress.path = None;
        let Comparing { folded, claims, bad_lines, is_manifest_whole, .. } = *comparing;
        let is_list_damaged = is_manifest_whole != Some(true) && (!bad_lines.is_empty() || is_manifest_whole == Some(false));
        if !bad_lines.is_empty() && is_manifest_whole.is_none() {
            self.find(FindingCode::ListDamaged, place::MANIFEST, None, None);
        }
        Ok(Stage::Joining(Box::new(Joining {
            // A list that is damaged itself says nothing of twins.
            folded: if is_list_damaged { None } else { Some(folded.end()?) },
            last_folded: String::new(),
            claims: claims.end()?,
            bad_lines,
            is_list_damaged,
            digest: String::new(),
            found: VecDeque::new(),
            is_named: false,
        })))
    }

    fn next_line(&mut self, comparing: &mut Comparing) -> Result<()> {
        comparing.line = None;
        while let Some(found) = comparing.lines.next()? {
            let bad = match found {
                Found::Good(line) => match place::payload_fault(&line.path) {
                    None => {
                        comparing.folded.add(place::fold(&line.path).as_bytes())?;
                        comparing.line = Some(line);
                        return Ok(());
                    }
                    Some(fault) if comparing.is_manifest_whole == Some(true) => {
                        self.find(FindingCode::PathRefused, &line.path.escape_debug().to_string(), None, Some(fault));
                        return Ok(());
                    }
                    Some(_) => line.text().into_bytes(),
                },
                Found::Bad(_) if comparing.is_manifest_whole == Some(true) => {
                    self.find(FindingCode::SetRefused, place::MANIFEST, None, Some("a line of another form, or out of order"));
                    return Ok(());
                }
                Found::Bad(line) => line,
            };
            if comparing.bad_lines.len() < MAX_BAD_LINES {
                comparing.bad_lines.push(bad);
            }
        }
        Ok(())
    }

    /// Meets the next line or file; false at the end.
    fn compare_next(&mut self, comparing: &mut Comparing) -> Result<bool> {
        if !comparing.is_begun {
            comparing.is_begun = true;
            self.next_line(comparing)?;
            comparing.file = next_file(comparing)?;
        }
        let has_walk = comparing.walk.is_some();
        let order = match (&comparing.line, &comparing.file) {
            (None, None) => return Ok(false),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(line), Some(file)) => line.path.cmp(&file.path),
        };
        if order == std::cmp::Ordering::Greater {
            let Some(file) = comparing.file.take() else { return Ok(true) };
            comparing.file = next_file(comparing)?;
            let opened = if file.is_regular { find(&self.tree, &file.path)? } else { None };
            match opened {
                Some(opened) => comparing.reading = Some(Reading::of(file.path, None, opened)),
                None => self.find(FindingCode::FileExtra, &file.path, None, Some("not a regular file")),
            }
            return Ok(true);
        }
        let Some(line) = comparing.line.take() else { return Ok(true) };
        let place = comparing.locator.locate(&self.tree, &line.path)?;
        let is_there = if has_walk { order == std::cmp::Ordering::Equal } else { self.tree.exists(&place).unwrap_or(true) };
        let mut is_regular = true;
        if order == std::cmp::Ordering::Equal {
            is_regular = comparing.file.take().is_some_and(|file| file.is_regular);
            comparing.file = next_file(comparing)?;
        }
        self.next_line(comparing)?;
        self.progress.files += 1;
        if !is_there {
            return comparing.claim(&line.digest, 'w', '-', &line.path).map(|()| true);
        }
        let Some(file) = (if is_regular { find(&self.tree, &place)? } else { None }) else {
            self.find(FindingCode::FileDamaged, &line.path, None, Some("not a regular file"));
            return Ok(true);
        };
        let size = file.metadata().or_fail(ErrorKind::Storage, CHECKING).context("path", &line.path)?.len();
        self.progress.bytes += size;
        if self.is_read(&line.path) {
            comparing.reading = Some(Reading::of(line.path, Some(line.digest), file));
        }
        Ok(true)
    }

    /// Tells whether a file is in the part that is read.
    fn is_read(&self, path: &str) -> bool {
        let Some((of, part)) = self.options.sample else { return true };
        let digest = Digest::of(path.as_bytes());
        let number = digest.bytes().iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        number % of == part
    }

    /// Reads on in a file; returns it unless it is over.
    fn read(&mut self, mut reading: Reading, comparing: &mut Comparing, end: Instant) -> Result<Option<Reading>> {
        if self.progress.path.as_ref() != Some(&reading.path) {
            self.progress.path = Some(reading.path.clone());
        }
        let (begun, mut read) = (Instant::now(), 0_u64);
        loop {
            let count = match reading.file.read(&mut reading.buffer) {
                Ok(count) => count,
                // A disk that no longer gives the bytes: that is what a check is for.
                Err(error) => {
                    self.find(FindingCode::FileDamaged, &reading.path, None, Some(&error.to_string()));
                    return Ok(None);
                }
            };
            let Some(piece) = reading.buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
            reading.hasher.update(piece);
            if let Some(text) = reading.text.as_mut().filter(|text| text.len() <= self.options.limits.metadata_bytes) {
                text.extend_from_slice(piece);
            }
            read += count as u64;
            self.progress.read_bytes += count as u64;
            if let Some(rate) = self.options.bytes_per_second {
                let due = begun + Duration::from_nanos(read.saturating_mul(1_000_000_000) / rate);
                self.pause_until = (due > Instant::now()).then_some(due);
            }
            if Instant::now() >= end || self.pause_until.is_some() {
                return Ok(Some(reading));
            }
        }
        self.progress.read_files += 1;
        self.judge(&reading, comparing)?;
        Ok(None)
    }

    fn judge(&mut self, reading: &Reading, comparing: &mut Comparing) -> Result<()> {
        let digest = reading.hasher.digest();
        let saved = reading.text.as_ref().map(|text| Saved::parse(text, &self.options.limits));
        let is_own = |saved: &Saved| place::hash_of(&reading.path) == Some(saved.metadata.hash.as_str());
        let is_sound = saved.as_ref().is_some_and(|saved| saved.as_ref().is_ok_and(is_own));
        if comparing.is_manifest_whole != Some(true)
            && let Some(Ok(saved)) = &saved
        {
            for part in &saved.parts {
                comparing.claim(&part.sha256, 'a', '-', "")?;
            }
        }
        match reading.expected {
            None => comparing.claim(&digest, 'f', if is_sound { 's' } else { 'x' }, &reading.path),
            Some(expected) if expected == digest => {
                let why = match &saved {
                    None => return Ok(()),
                    Some(Ok(_)) if is_sound => return Ok(()),
                    Some(Ok(_)) => "its hash is not the one in its name".to_owned(),
                    Some(Err(error)) => error.to_string(),
                };
                self.find(FindingCode::MetadataWrong, &reading.path, None, Some(&why));
                Ok(())
            }
            // Of a file, other bytes have a wholly different digest: these digits changed in the list.
            Some(expected) if is_near(&expected, &digest) && comparing.is_manifest_whole != Some(true) => Ok(()),
            Some(expected) => {
                comparing.claim(&expected, 'w', 'm', &reading.path)?;
                comparing.claim(&digest, 'f', 'm', &reading.path)
            }
        }
    }

    fn join(&mut self, mut joining: Box<Joining>) -> Result<Stage> {
        for _ in 0..JOINED_AT_ONCE {
            if let Some(folded) = &mut joining.folded {
                match folded.next_text()? {
                    Some(path) if path == joining.last_folded => {
                        self.find(FindingCode::SetRefused, &path, None, Some("two paths are equal without regard to case"));
                        return Ok(Stage::Done);
                    }
                    Some(path) => joining.last_folded = path,
                    None => joining.folded = None,
                }
                continue;
            }
            let line = joining.claims.next_text()?;
            let parts = line.as_deref().map(|line| {
                let mut parts = line.splitn(3, '\0');
                [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default)
            });
            let digest = parts.map_or("", |[digest, _, _]| digest);
            if digest != joining.digest {
                self.end_group(&mut joining);
                digest.clone_into(&mut joining.digest);
            }
            let Some([_, kind, path]) = parts else { return Ok(Stage::Done) };
            self.meet(&mut joining, kind, path);
        }
        Ok(Stage::Joining(joining))
    }

    fn meet(&mut self, joining: &mut Joining, kind: &str, path: &str) {
        match kind {
            "a-" => joining.is_named = true,
            "fm" | "fx" | "fs" if joining.found.len() < MAX_FOUND => {
                let (is_extra, is_sound) = (kind != "fm", kind == "fs");
                joining.found.push_back(Astray { path: path.to_owned(), is_extra, is_sound });
            }
            "fx" | "fs" => self.find(FindingCode::FileExtra, path, None, None),
            "w-" | "wm" => {
                let found = joining.found.pop_front();
                let is_lists_fault =
                    joining.is_list_damaged && found.as_ref().is_some_and(|found| found.is_extra) && kind == "w-";
                match found {
                    Some(_) if is_lists_fault => {}
                    Some(found) => self.find(FindingCode::FileMoved, path, Some(found.path), None),
                    None if kind == "w-" => self.find(FindingCode::FileMissing, path, None, None),
                    None => self.find(FindingCode::FileDamaged, path, None, None),
                }
            }
            _ => {}
        }
    }

    fn end_group(&mut self, joining: &mut Joining) {
        let is_named = std::mem::take(&mut joining.is_named) && joining.is_list_damaged;
        for Astray { path, is_extra, is_sound } in std::mem::take(&mut joining.found) {
            let is_in_line = |line: &Vec<u8>| contains(line, path.as_bytes()) || contains(line, joining.digest.as_bytes());
            // What a damaged list does not name may have been in it.
            let is_likely = is_named || (is_sound && joining.is_list_damaged);
            if is_extra && !is_likely && !joining.bad_lines.iter().any(is_in_line) {
                self.find(FindingCode::FileExtra, &path, None, None);
            }
        }
    }
}

const JOINED_AT_ONCE: usize = 1000;

/// Returns what tells one moment of a set from another.
fn moment(tree: &Tree) -> Result<Moment> {
    let journal = match journal::Journal::read(tree) {
        Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
        journal => journal.unwrap_or_default().filter(|journal| journal.state.is_cut_off()),
    };
    Ok((journal.map(|journal| (journal.run, journal.state)), digest_or_other(tree, place::TAG_MANIFEST)?))
}

/// Looks at the journal. One that cannot be read is damage; then names are taken as they are.
fn journal_view(tree: &Tree, findings: &mut Vec<Finding>) -> Result<View> {
    let damaged = |path: &str| Finding { code: FindingCode::ListDamaged, path: path.to_owned(), found_at: None, why: None };
    match journal::Journal::read(tree) {
        Ok(Some(journal)) if journal.state.is_cut_off() && journal.state != journal::State::Tidy => {
            if tree.digest(place::PLAN).unwrap_or_default() != journal.plan_sha256 || journal.plan_sha256.is_none() {
                findings.push(damaged(place::PLAN));
                return Ok(View::plain());
            }
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Storage => return Err(error),
        Err(_) => {
            findings.push(damaged(place::JOURNAL));
            return Ok(View::plain());
        }
    }
    View::of(tree)
}

/// Opens a regular file; none if nothing is there, or something else.
fn find(tree: &Tree, path: &str) -> Result<Option<File>> {
    match tree.find(path) {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        outcome => outcome,
    }
}

/// Returns a file's digest; of something that is not a file, one that fits nothing.
fn digest_or_other(tree: &Tree, path: &str) -> Result<Option<Digest>> {
    match tree.digest(path) {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(Some(Digest::of(b"not a regular file"))),
        outcome => outcome,
    }
}

fn next_file(comparing: &mut Comparing) -> Result<Option<FoundFile>> {
    comparing.walk.as_mut().map_or(Ok(None), Walk::next)
}

fn is_near(one: &Digest, other: &Digest) -> bool {
    let (one, other) = (one.to_string(), other.to_string());
    one.bytes().zip(other.bytes()).filter(|(one, other)| one != other).count() <= NEAR
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(line, part).is_some()
}

impl Comparing {
    fn claim(&mut self, digest: &Digest, kind: char, flag: char, path: &str) -> Result<()> {
        self.claims.add(format!("{digest}\0{kind}{flag}\0{path}").as_bytes())
    }
}

impl Reading {
    fn of(path: String, expected: Option<Digest>, file: File) -> Self {
        let text = place::hash_of(&path).map(|_| Vec::new());
        Self { path, expected, file, hasher: Hasher::default(), buffer: vec![0; BUFFER_BYTES], text }
    }
}

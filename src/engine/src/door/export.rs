//! A hub's own export file, read for another hub to which its channel is brought.
//!
//! Invariant: of the rows no more than some are in memory, however long the file is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::digest::{Digest, Hasher};
use crate::dump::{Cursor, Dump, Section};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::DumpLimits;
use crate::paths::{RelativePath, Root};

/// An export file, of which is known what is in it.
pub(crate) struct Export {
    path: PathBuf,
    digest: Digest,
    sections: Vec<Section>,
    /// Hashes of groups, by their numbers.
    groups: BTreeMap<String, String>,
}

/// The elements of a section, one after the other.
pub(crate) struct Elements {
    dump: Dump,
    left: u64,
    ready: VecDeque<String>,
}

const READING: &str = "reading an export file";
const STEP: Duration = Duration::from_secs(1);
const SOME: u64 = 200;
const SOME_BYTES: u64 = 1 << 20;
/// What comes at once: the channel itself, or a section of an addon.
const MOST_BYTES: u64 = 8 << 20;
const MOST_GROUPS: usize = 20_000;

impl Export {
    /// Reads a file to its end, so that it is known to be sound.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut dump = open(path)?;
        while !dump.step(STEP)? {}
        let sections: Vec<Section> = dump.sections().cloned().collect();
        let mut met = BTreeSet::new();
        for section in &sections {
            if !met.insert((section.document.clone(), section.name.clone())) {
                return Err(damaged("a section comes twice").context("section", &section.name));
            }
        }
        let mut export = Self { path: path.to_owned(), digest: digest(path)?, sections, groups: BTreeMap::new() };
        for section in export.sections.clone().iter().filter(|section| section.name == "group") {
            let mut elements = export.elements(section)?;
            while let Some(group) = elements.next()?.filter(|_| export.groups.len() < MOST_GROUPS) {
                let group: Value = serde_json::from_str(&group).or_fail(ErrorKind::Corrupt, READING)?;
                let hash = group.get("hash").and_then(Value::as_str);
                export.groups.extend(text(&group, "id").zip(hash.map(str::to_owned)));
            }
        }
        Ok(export)
    }

    /// Returns what tells the file from others.
    pub(crate) fn name(&self) -> String {
        self.digest.to_string()
    }

    /// Returns what was met in the file.
    pub(crate) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Returns all of a short section, as JSON.
    pub(crate) fn text_of(&self, section: &Section) -> Result<String> {
        if section.bytes > MOST_BYTES {
            return Err(damaged("a section is longer than any hub writes it").context("section", &section.name));
        }
        let (mut elements, mut all) = (self.elements(section)?, Vec::new());
        while let Some(element) = elements.next()? {
            all.push(element);
        }
        Ok(if section.is_list { format!("[{}]", all.join(",")) } else { all.join("") })
    }

    /// Begins to read a section.
    pub(crate) fn elements(&self, section: &Section) -> Result<Elements> {
        let mut dump = open(&self.path)?;
        dump.seek(section.cursor.clone())?;
        Ok(Elements { dump, left: section.elements, ready: VecDeque::new() })
    }

    /// Returns number and hash of the group of a member.
    pub(crate) fn group_of(&self, member: &str) -> Option<(String, String)> {
        let member: Value = serde_json::from_str(member).ok()?;
        let number = text(&member, "gid")?;
        self.groups.get(&number).map(|hash| (number, hash.clone()))
    }
}

impl Elements {
    /// Returns the next element, on one line.
    pub(crate) fn next(&mut self) -> Result<Option<String>> {
        if self.ready.is_empty() && self.left > 0 {
            let ready = &mut self.ready;
            // JSON has no line break within its texts, and needs none between them.
            let slice =
                self.dump.slice(self.left.min(SOME), SOME_BYTES, |text| ready.push_back(text.replace(['\n', '\r'], " ")))?;
            if slice.is_none() {
                return Err(damaged("it was changed meanwhile"));
            }
            self.left = self.left.saturating_sub(self.ready.len() as u64);
        }
        Ok(self.ready.pop_front())
    }
}

fn open(path: &Path) -> Result<Dump> {
    let wrong = || Error::new(ErrorKind::InvalidInput, READING).context("path", path.display());
    let (folder, name) = (path.parent().ok_or_else(wrong)?, path.file_name().and_then(|name| name.to_str()).ok_or_else(wrong)?);
    Dump::open(&Root::open(folder)?, &RelativePath::parse(name)?, None::<Cursor>, DumpLimits::default())
}

fn digest(path: &Path) -> Result<Digest> {
    let mut hasher = Hasher::default();
    let mut file = std::fs::File::open(path).or_fail(ErrorKind::Storage, READING)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).or_fail(ErrorKind::Storage, READING).context("path", path.display())? {
            0 => return Ok(hasher.digest()),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

fn text(row: &Value, name: &str) -> Option<String> {
    let value = row.get(name)?;
    value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()))
}

fn damaged(fault: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, READING).context("code", "export_damaged").context("fault", fault)
}

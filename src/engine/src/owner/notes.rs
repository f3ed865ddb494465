//! What a run remembers until its end: what the set will lack, and which files must be read again. A file of lines, so that memory
//! stays flat and an interrupted run finds it.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrFail, Result};

/// Something that a channel has and its set does not, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// `file`, `folder`, `crop`, `photo`, `posts`, `categories` or `others`.
    pub what: String,
    /// Which file; none if it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The reason in one word, for programs.
    pub why: String,
    /// The same for a person.
    pub words: String,
}

/// Reasons that stay as they are each time: a message about them each night would hide others.
const KNOWN: [&str; 4] = ["excluded", "no_file", "too_many", "stock_api"];

impl Lack {
    pub(crate) fn new(what: &str, why: &str, words: String) -> Self {
        Self { what: what.to_owned(), hash: None, why: why.to_owned(), words }
    }

    pub(crate) fn of(self, hash: &str) -> Self {
        Self { hash: Some(hash.to_owned()), ..self }
    }

    /// Says that something is left out on purpose.
    pub(crate) fn excluded(path: &str) -> Self {
        Self::new("folder", "excluded", format!("{path} is left out, as asked."))
    }

    /// Says that a file could not be read.
    pub(crate) fn of_file(hash: &str, name: &str, why: &str, is_kept: bool) -> Self {
        let fault = match why {
            "no_bytes" => format!("{name} has no bytes on the hub"),
            "size_differs" if is_kept => format!("{name} has another number of bytes on the hub than its row says"),
            "size_differs" => {
                format!("{name} has another number of bytes on the hub than its row says, and is in the set as it is")
            }
            "too_large" => format!("{name}: what the hub knows of it is too much for a set"),
            "changed_while_read" => format!("{name} is being changed"),
            _ => format!("{name} cannot be read on the hub"),
        };
        let words = format!("{fault}{}", if is_kept { "; its last version is in the set." } else { "." });
        Self::new("file", why, words).of(hash)
    }

    /// Says also what went wrong.
    pub(crate) fn because(mut self, cause: &Error) -> Self {
        let _ = write!(self.words, " The last fault: {cause}.");
        self
    }

    /// Tells whether somebody can do something about it.
    pub fn needs_attention(&self) -> bool {
        !KNOWN.contains(&self.why.as_str())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Note {
    Lack(Lack),
    Again { again: String },
}

/// The notes of a run.
pub(crate) struct Notes {
    file: File,
    length: u64,
}

/// What a set lacks, at the end of a run.
pub(crate) struct Noted {
    /// As `set.json` lists it.
    pub(crate) lacks: Vec<Lack>,
    /// The first that somebody can do something about.
    pub(crate) told: Vec<Lack>,
    /// How many of those there are.
    pub(crate) missing: u64,
    /// How many there are in all.
    pub(crate) lacking: u64,
}

const TOLD: usize = 20;
/// Of `set.json`, which is read whole.
const MOST_LACKS: usize = 10_000;
const MOST_LACK_BYTES: usize = 3 << 19;
const NOTING: &str = "noting what a backup set lacks";

impl Notes {
    /// Takes the file of a run; what is beyond `length` was not certain. None if it is shorter.
    pub(crate) fn of(file: File, length: u64) -> Result<Option<Self>> {
        if file.metadata().or_fail(ErrorKind::Storage, NOTING)?.len() < length {
            return Ok(None);
        }
        file.set_len(length).or_fail(ErrorKind::Storage, NOTING)?;
        Ok(Some(Self { file, length }))
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn lack(&mut self, lack: &Lack) -> Result<()> {
        self.write(&Note::Lack(lack.clone()))
    }

    pub(crate) fn again(&mut self, hash: &str) -> Result<()> {
        self.write(&Note::Again { again: hash.to_owned() })
    }

    fn write(&mut self, note: &Note) -> Result<()> {
        let mut line = serde_json::to_vec(note).or_fail(ErrorKind::InvalidInput, NOTING)?;
        line.push(b'\n');
        self.file.write_all(&line).or_fail(ErrorKind::Storage, NOTING)?;
        self.length += line.len() as u64;
        Ok(())
    }

    fn read(&mut self, mut each: impl FnMut(Note)) -> Result<()> {
        self.file.seek(SeekFrom::Start(0)).or_fail(ErrorKind::Storage, NOTING)?;
        for line in BufReader::new(&self.file).lines() {
            if let Ok(note) = serde_json::from_str(&line.or_fail(ErrorKind::Storage, NOTING)?) {
                each(note);
            }
        }
        Ok(())
    }

    /// Calls back with each lack.
    pub(crate) fn lacks(&mut self, mut each: impl FnMut(Lack)) -> Result<()> {
        self.read(|note| {
            if let Note::Lack(lack) = note {
                each(lack);
            }
        })
    }

    /// Returns what `set.json` lists, beginning with what is about no single file.
    pub(crate) fn listed(&mut self, first: Vec<Lack>) -> Result<Noted> {
        let mut noted = Noted { lacking: first.len() as u64, lacks: first, told: Vec::new(), missing: 0 };
        let (mut bytes, mut left_out, mut seen) = (0, 0_u64, HashSet::new());
        self.lacks(|lack| {
            if !seen.insert((lack.what.clone(), lack.hash.clone(), lack.why.clone())) {
                return;
            }
            noted.lacking += 1;
            if lack.needs_attention() {
                noted.missing += 1;
                if noted.told.len() < TOLD {
                    noted.told.push(lack.clone());
                }
            }
            bytes += lack.words.len() * 2 + 200;
            if noted.lacks.len() < MOST_LACKS && bytes < MOST_LACK_BYTES { noted.lacks.push(lack) } else { left_out += 1 }
        })?;
        if left_out > 0 {
            noted.lacks.push(Lack::new("others", "too_many", format!("{left_out} more are not listed.")));
        }
        Ok(noted)
    }

    /// Returns the files to be read again.
    pub(crate) fn again_list(&mut self) -> Result<Vec<String>> {
        let mut hashes = Vec::new();
        self.read(|note| {
            if let Note::Again { again } = note
                && !hashes.contains(&again)
            {
                hashes.push(again);
            }
        })?;
        Ok(hashes)
    }
}

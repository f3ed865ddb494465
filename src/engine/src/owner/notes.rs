//! What a run remembers until its end: what the set will lack, and which files must be read again. A file of lines, so that memory
//! stays flat and an interrupted run finds it.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, OrFail, Result};

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

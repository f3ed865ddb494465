//! SHA-256 that can be saved and resumed.

use std::fmt;
use std::io::Read;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::paths::{RelativePath, Root};

/// A SHA-256 digest; shown and parsed as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Parses 64 hex digits.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = from_hex(text).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "reading a digest")
                .context("expected", "64 hex digits")
                .context("length", text.len())
        })?;
        Ok(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Computes the digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// A running SHA-256 whose state can be saved between two bytes.
#[derive(Clone, Default)]
pub(crate) struct Hasher {
    state: Sha256,
    length_bytes: u64,
}

/// A saved state: how many bytes went in, and the inner state in hex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HasherState {
    /// Bytes hashed so far.
    pub length_bytes: u64,
    state: String,
}

impl Hasher {
    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.length_bytes += bytes.len() as u64;
    }

    /// Returns the number of bytes hashed so far.
    pub(crate) fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// Returns the digest of all bytes so far.
    pub(crate) fn digest(&self) -> Digest {
        Digest(self.state.clone().finalize().into())
    }

    /// Returns a state from which [`Hasher::restore`] continues.
    pub(crate) fn save(&self) -> HasherState {
        HasherState { length_bytes: self.length_bytes, state: to_hex(&self.state.serialize()) }
    }

    /// Continues from a saved state; none if it is invalid.
    pub(crate) fn restore(saved: &HasherState) -> Option<Self> {
        if saved.length_bytes == 0 {
            return Some(Self::default());
        }
        let bytes = from_hex(&saved.state)?;
        let state = Sha256::deserialize(bytes.as_slice().try_into().ok()?).ok()?;
        Some(Self { state, length_bytes: saved.length_bytes })
    }
}

/// The digest of a stored file, computed a bounded step at a time.
pub struct FileDigest {
    path: RelativePath,
    file: std::fs::File,
    hasher: Hasher,
    buffer: Vec<u8>,
    finished: bool,
}

impl FileDigest {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// `NotFound`, `InvalidInput` (not a regular file, a link) or `Storage`.
    pub fn open(root: &Root, path: &RelativePath) -> Result<Self> {
        let file = root.open_file(path)?;
        Ok(Self { path: path.clone(), file, hasher: Hasher::default(), buffer: vec![0; BUFFER_BYTES], finished: false })
    }

    /// Reads until the budget is used up; true at the end of the file.
    ///
    /// # Errors
    ///
    /// `Storage` if the file cannot be read.
    pub fn step(&mut self, budget: Duration) -> Result<bool> {
        let end = Instant::now() + budget;
        while !self.finished {
            let count =
                self.file.read(&mut self.buffer).or_fail(ErrorKind::Storage, "reading a file").context("path", &self.path)?;
            self.hasher.update(self.buffer.get(..count).unwrap_or_default());
            self.finished = count == 0;
            if Instant::now() >= end {
                break;
            }
        }
        Ok(self.finished)
    }

    /// Returns the digest at the end of the file.
    pub fn digest(&self) -> Option<Digest> {
        self.finished.then(|| self.hasher.digest())
    }

    /// Returns the number of bytes read so far.
    pub fn length_bytes(&self) -> u64 {
        self.hasher.length_bytes()
    }
}

const BUFFER_BYTES: usize = 256 << 10;

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answer() {
        assert_eq!(Digest::of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn what_is_not_a_state_is_not_restored() {
        let mut state = Hasher::default().save();
        state.length_bytes = 3;
        state.state.truncate(10);
        assert!(Hasher::restore(&state).is_none());
        assert!(Digest::parse("zz").is_err() && Digest::parse(&"é".repeat(32)).is_err());
    }

    proptest! {
        #[test]
        fn put_down_anywhere_the_digest_is_the_same(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let cut = cut.min(bytes.len());
            let mut first = Hasher::default();
            first.update(&bytes[..cut]);
            let json = serde_json::to_string(&first.save()).unwrap();
            let mut second = Hasher::restore(&serde_json::from_str(&json).unwrap()).unwrap();
            second.update(&bytes[cut..]);
            prop_assert_eq!(second.digest(), Digest::of(&bytes));
            prop_assert_eq!(second.length_bytes(), bytes.len() as u64);
        }
    }
}

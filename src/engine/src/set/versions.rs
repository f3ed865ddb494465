//! Which version of each file a set had at a time.

use super::metadata::is_time;
use super::sorter::{Sorted, Sorter};
use super::tree::Tree;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};

/// A metadata file.
pub(crate) struct Listed {
    pub(crate) hash: String,
    /// The run that replaced or removed this version; none: it is true now.
    pub(crate) until: Option<String>,
    /// Where it is now, if that was looked up.
    pub(crate) place: Option<String>,
    pub(crate) path: String,
    /// What the list says of it; none: no list names it.
    pub(crate) digest: Option<Digest>,
}

/// Sorts behind every run.
const NOW: &str = "~";

/// Collects metadata files in any order.
pub(crate) struct Collecting(Sorter);

impl Collecting {
    /// Makes an empty one.
    pub(crate) fn new(scratch: &Tree, sort_bytes: usize) -> Self {
        Self(Sorter::new(scratch, sort_bytes))
    }

    /// Adds one. Paths with a NUL do not occur in any set.
    pub(crate) fn add(&mut self, listed: &Listed) -> Result<()> {
        let Listed { hash, until, place, path, digest } = listed;
        let run = until.as_deref().unwrap_or(NOW);
        let place = place.as_deref().unwrap_or_default();
        let digest = digest.map(|digest| digest.to_string()).unwrap_or_default();
        self.0.add(format!("{hash}\0{run}\0{path}\0{place}\0{digest}").as_bytes())
    }

    /// Ends adding.
    pub(crate) fn end(self) -> Result<Versions> {
        Ok(Versions { lines: self.0.end()?, ahead: None })
    }
}

/// Metadata files in the order of hashes, of each the oldest first.
pub(crate) struct Versions {
    lines: Sorted,
    ahead: Option<Listed>,
}

impl Versions {
    fn next(&mut self) -> Result<Option<Listed>> {
        if let Some(listed) = self.ahead.take() {
            return Ok(Some(listed));
        }
        let Some(line) = self.lines.next_text()? else { return Ok(None) };
        let mut parts = line.split('\0').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (hash, run, path, place, digest) = (part(), part(), part(), part(), part());
        Ok(Some(Listed {
            hash,
            until: (run != NOW).then_some(run),
            place: (!place.is_empty()).then_some(place),
            path,
            digest: Digest::parse(&digest).ok(),
        }))
    }

    /// Hands all versions of the next hash to `take`, the oldest first; false at the end.
    pub(crate) fn next_hash(&mut self, mut take: impl FnMut(Listed)) -> Result<bool> {
        let Some(first) = self.next()? else { return Ok(false) };
        let hash = first.hash.clone();
        take(first);
        while let Some(listed) = self.next()? {
            if listed.hash != hash {
                self.ahead = Some(listed);
                break;
            }
            take(listed);
        }
        Ok(true)
    }
}

/// A time at which a set is read.
#[derive(Clone, Debug)]
pub(crate) struct Moment(String);

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::place::time_of(&self.0))
    }
}

impl Moment {
    /// Reads a time such as `2026-11-28T03:17:09Z`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if !is_time(text) {
            return Err(Error::new(ErrorKind::InvalidInput, "reading a time")
                .context("at", text.escape_debug())
                .context("expected", "a time such as 2026-11-28T03:17:09Z"));
        }
        // As runs are named.
        Ok(Self(text.replace(':', "")))
    }

    /// Tells whether a version had not been replaced or removed. Of a hash, only the oldest of those can have been true.
    pub(crate) fn is_before_end(&self, until: Option<&str>) -> bool {
        until.is_none_or(|until| until > self.0.as_str())
    }

    /// Tells whether a version was known already.
    pub(crate) fn has_begun(&self, seen: &str) -> bool {
        seen.replace(':', "") <= self.0
    }

    /// Returns the last of the runs that had begun.
    pub(crate) fn last_run<'r>(&self, runs: &'r [String]) -> Option<&'r String> {
        runs.iter().filter(|run| **run <= self.0).max()
    }
}

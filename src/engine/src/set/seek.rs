//! Looks for bytes anywhere beneath a folder, by size and then by digest: names and places do not matter.
//!
//! Invariant: no link is followed, and memory does not grow with what is looked for, nor with what is looked through.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::index::Index;
use super::outgoing::Outgoing;
use super::sorter::{Sorted, Sorter};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};

/// Bytes that are looked for.
pub(crate) struct Wanted {
    lines: Sorter,
    is_empty: bool,
}

impl Wanted {
    pub(crate) fn new(set: &Outgoing) -> Self {
        Self { lines: set.sorter(), is_empty: true }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Adds bytes, and the path of the set at which they are not.
    pub(crate) fn add(&mut self, digest: Digest, path: &str) -> Result<()> {
        self.is_empty = false;
        self.lines.add(format!("{digest}\0{path}").as_bytes())
    }
}

/// What became of bytes that were looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sought {
    pub(crate) digest: Digest,
    /// Their path in the set.
    pub(crate) path: String,
    /// Where they are, and how many; none: nowhere.
    pub(crate) found: Option<(PathBuf, u64)>,
}

const SEEKING: &str = "looking for files";
const BUFFER_BYTES: usize = 256 << 10;

/// Looks beneath a folder, if there is one. `look` is told how many files were looked at, and says whether to go on.
///
/// None: it was told to stop.
pub(crate) fn seek(
    set: &Outgoing,
    wanted: Wanted,
    folder: Option<&Path>,
    look: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<Outcome>> {
    let Some(folder) = folder else {
        return Ok(Some(Outcome { wanted: wanted.lines.end()?, found: set.sorter().end()?, ahead: None }));
    };
    let (mut by_size, mut by_digest) = (set.sorter(), set.sorter());
    let (mut wanted, mut sizes) = (Pairs::of(wanted.lines.end()?), Pairs::of(set.sizes()?));
    while let Some((digest, path)) = wanted.next()? {
        let size = sizes.of_digest(&digest)?;
        if let Some(size) = &size {
            by_size.add(format!("{size:0>20}\0{digest}").as_bytes())?;
        }
        by_digest.add(format!("{digest}\0{path}\0{}", size.unwrap_or_default()).as_bytes())?;
    }
    let by_size = Index::of(by_size, set.scratch())?;
    let mut found = set.sorter();
    // A folder that cannot be read is passed by: what is missed for it is said to be missing.
    for (looked, entry) in (0..).zip(walkdir::WalkDir::new(folder).into_iter().filter_map(std::result::Result::ok)) {
        if !look(looked) {
            return Ok(None);
        }
        let Some(size) = entry.file_type().is_file().then(|| entry.metadata().ok()).flatten().map(|facts| facts.len()) else {
            continue;
        };
        let start = format!("{size:0>20}\0");
        if by_size.first(&start)?.is_none() {
            continue;
        }
        let Some(digest) = digest_of(entry.path()) else { continue };
        if by_size.first(&format!("{start}{digest}"))?.is_some() {
            let mut line = format!("{digest}\0").into_bytes();
            line.extend_from_slice(entry.path().as_os_str().as_bytes());
            found.add(&line)?;
        }
    }
    Ok(Some(Outcome { wanted: by_digest.end()?, found: found.end()?, ahead: None }))
}

/// Returns the digest of a file, if it can be read.
fn digest_of(path: &Path) -> Option<Digest> {
    let mut file = open(path).ok()?;
    let (mut hasher, mut buffer) = (Hasher::default(), vec![0; BUFFER_BYTES]);
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(hasher.digest()),
            count => hasher.update(buffer.get(..count)?),
        }
    }
}

/// Opens a file that was found.
pub(crate) fn open(path: &Path) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).or_fail(ErrorKind::Storage, SEEKING);
    file.map(File::from).context("path", path.display())
}

/// Sorted lines of a digest and something else.
struct Pairs {
    lines: Sorted,
    ahead: Option<(String, String)>,
}

impl Pairs {
    fn of(lines: Sorted) -> Self {
        Self { lines, ahead: None }
    }

    fn next(&mut self) -> Result<Option<(String, String)>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let line = self.lines.next_text()?;
        Ok(line.and_then(|line| line.split_once('\0').map(|(digest, rest)| (digest.to_owned(), rest.to_owned()))))
    }

    /// Returns what is said of a digest; asked for in order.
    fn of_digest(&mut self, digest: &str) -> Result<Option<String>> {
        while let Some((other, rest)) = self.next()? {
            if other.as_str() < digest {
                continue;
            }
            let is_it = other == digest;
            self.ahead = Some((other, rest.clone()));
            return Ok(is_it.then_some(rest));
        }
        Ok(None)
    }
}

/// What was looked for, and what became of it, in the order of digests.
pub(crate) struct Outcome {
    wanted: Sorted,
    found: Sorted,
    ahead: Option<(String, OsString)>,
}

impl Outcome {
    /// Returns the next.
    pub(crate) fn next(&mut self) -> Result<Option<Sought>> {
        let Some(line) = self.wanted.next_text()? else { return Ok(None) };
        let mut parts = line.splitn(3, '\0');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (digest, path, size) = (part(), part(), part());
        let found = self.found_at(&digest)?.and_then(|place| Some((place, size.parse().ok()?)));
        Ok(Some(Sought { digest: Digest::parse(&digest)?, path, found }))
    }

    fn found_at(&mut self, digest: &str) -> Result<Option<PathBuf>> {
        loop {
            let (other, place) = match self.ahead.take() {
                Some(ahead) => ahead,
                None => match self.found.next()? {
                    Some(line) => split(line)?,
                    None => return Ok(None),
                },
            };
            if other.as_str() < digest {
                continue;
            }
            let at = (other == digest).then(|| PathBuf::from(&place));
            self.ahead = Some((other, place));
            return Ok(at);
        }
    }
}

fn split(mut line: Vec<u8>) -> Result<(String, OsString)> {
    let broken = || Error::new(ErrorKind::Corrupt, SEEKING);
    let end = line.iter().position(|byte| *byte == 0).ok_or_else(broken)?;
    let place = line.split_off(end + 1);
    line.truncate(end);
    Ok((String::from_utf8(line).map_err(|_| broken())?, OsString::from_vec(place)))
}

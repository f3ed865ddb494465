//! What the parts of one run share.

use std::path::PathBuf;

use super::client::{Door, Terms};
use super::pace::Pace;
use super::watch::{Unsent, Watch, Why};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::set::{Outgoing, Sorter};

/// A run under way.
pub(crate) struct Run<'a> {
    pub(crate) door: &'a Door,
    pub(crate) terms: Terms,
    pub(crate) set: &'a Outgoing,
    /// The name by which the hub knows it.
    pub(crate) session: String,
    /// The largest file that the hub takes.
    pub(crate) file_limit: Option<u64>,
    /// Only what says what the set has is sent.
    pub(crate) is_outlook: bool,
    /// Another folder, in which files are looked for by size and digest.
    pub(crate) find_in: Option<PathBuf>,
    pub(crate) pace: Pace,
    pub(crate) watch: &'a mut dyn Watch,
    pub(crate) counts: Counts,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Files and folders that are to be restored, or looked at for that.
    pub(crate) entries: u64,
    pub(crate) all_files: u64,
    pub(crate) all_bytes: u64,
    pub(crate) sent_files: u64,
    /// Bytes of files that the hub has of those that it lacked.
    pub(crate) done_bytes: u64,
    /// Bytes that went over the line.
    pub(crate) sent_bytes: u64,
    /// Files that are not sent.
    pub(crate) unsent: u64,
    /// Files that were found in another folder.
    pub(crate) found: u64,
}

impl Run<'_> {
    /// Names a file that is not sent.
    pub(crate) fn leave_out(&mut self, path: &str, why: Why) {
        self.counts.unsent += 1;
        self.watch.unsent(&Unsent { path, why });
    }
}

/// A file that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// Its path in the set.
    pub(crate) path: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// How much of it the hub has.
    pub(crate) begun: u64,
    /// Where it is, if that is not its place in the set.
    pub(crate) found_at: Option<PathBuf>,
}

impl Parcel {
    /// Adds it to others, which will be in the order of their paths.
    pub(crate) fn add_to(&self, sorter: &mut Sorter) -> Result<()> {
        use std::os::unix::ffi::OsStrExt as _;
        let mut line = format!("{}\0{}\0{}\0{}\0", self.path, self.digest, self.size, self.begun).into_bytes();
        line.extend_from_slice(self.found_at.as_ref().map_or(&[][..], |path| path.as_os_str().as_bytes()));
        sorter.add(&line)
    }

    /// Reads it again.
    pub(crate) fn read(line: &[u8]) -> Result<Self> {
        use std::os::unix::ffi::OsStrExt as _;
        let mut parts = line.splitn(5, |byte| *byte == 0);
        let mut text = || parts.next().and_then(|part| std::str::from_utf8(part).ok());
        let broken = || Error::new(ErrorKind::Corrupt, "reading what is to be sent");
        let (path, digest, size, begun) = (text(), text(), text(), text());
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).ok_or_else(broken);
        let found_at = parts.next().filter(|place| !place.is_empty());
        Ok(Self {
            path: path.ok_or_else(broken)?.to_owned(),
            digest: Digest::parse(digest.unwrap_or_default())?,
            size: number(size)?,
            begun: number(begun)?,
            found_at: found_at.map(|place| std::ffi::OsStr::from_bytes(place).into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn a_parcel_comes_back_as_it_was_added() {
        let folder = tempfile::tempdir().unwrap();
        let tree = crate::set::Tree::open(folder.path()).unwrap();
        let mut sorter = Sorter::new(&tree, 1 << 10);
        let odd = std::ffi::OsStr::from_bytes(b"/a\xff\n\0b");
        let parcels: Vec<_> = [None, Some("/b c".into()), Some(odd.into())]
            .into_iter()
            .enumerate()
            .map(|(n, found_at)| Parcel {
                path: format!("data/files/{n}"),
                digest: Digest::of(b"x"),
                size: u64::MAX,
                begun: n as u64,
                found_at,
            })
            .collect();
        for parcel in parcels.iter().rev() {
            parcel.add_to(&mut sorter).unwrap();
        }
        let mut lines = sorter.end().unwrap();
        let read: Vec<_> = std::iter::from_fn(|| lines.next().unwrap()).map(|line| Parcel::read(&line).unwrap()).collect();
        assert_eq!(read, parcels);
        assert!(Parcel::read(b"a\0b").is_err());
    }
}

//! A file that its owner sends in pieces: it grows only at its end, and its digest is known beforehand.
//!
//! Invariant: the offset that is told is forced to disk, and every byte before it was hashed. What came after it is forgotten when the
//! process ends. A file gets its final name only if it is whole and has its digest; one that is whole and has another is thrown away.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher, HasherState};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::paths::{RelativePath, Root};
use crate::store;

/// What is known of the file before its first byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadSpec {
    /// Size of the whole file.
    pub size_bytes: u64,
    /// Digest of the whole file.
    pub sha256: Digest,
}

/// A file that arrives. Locked: one process writes it at a time.
pub struct Upload {
    root: Root,
    paths: Paths,
    file: File,
    spec: UploadSpec,
    headroom_bytes: u64,
    /// What is forced to disk.
    kept: Hasher,
    /// That, and what was written since.
    hasher: Hasher,
}

#[derive(Serialize, Deserialize)]
struct Index {
    format: u32,
    spec: UploadSpec,
    hasher: HasherState,
}

const FORMAT: u32 = 1;
const MOST_INDEX_BYTES: u64 = 4096;
const WRITING: &str = "writing an upload";
const RECEIVING: &str = "receiving an upload";

struct Paths {
    partial: RelativePath,
    index: RelativePath,
    new_index: RelativePath,
}

impl Paths {
    fn of(path: &str) -> Result<Self> {
        Ok(Self {
            partial: RelativePath::parse(&format!("{path}.partial"))?,
            index: RelativePath::parse(&format!("{path}.index"))?,
            new_index: RelativePath::parse(&format!("{path}.index.new"))?,
        })
    }
}

impl Upload {
    /// Opens or creates `path.partial`, and goes on where it was kept.
    ///
    /// # Errors
    ///
    /// `PeerBusy` if another process writes it, `NotFound` if its folder is missing, `InvalidInput` if the path leaves the root,
    /// `Storage` if the disk fails.
    pub fn open(root: &Root, path: &str, spec: UploadSpec, headroom_bytes: u64) -> Result<Self> {
        let (root, paths) = (root.try_clone()?, Paths::of(path)?);
        let folder = root.parent_of(&paths.partial)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, paths.partial.file_name(), flags, Mode::from_raw_mode(0o600))
            .or_fail(ErrorKind::Storage, "opening an upload")
            .context("path", &paths.partial)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                return Err(Error::new(ErrorKind::PeerBusy, "locking an upload")
                    .context("path", &paths.partial)
                    .context("fault", "another process writes it"));
            }
            outcome => outcome.or_fail(ErrorKind::Storage, "locking an upload")?,
        }
        let kept = saved(&root, &paths, &spec).unwrap_or_default();
        let mut upload = Self { root, paths, file: file.into(), spec, headroom_bytes, hasher: kept.clone(), kept };
        let length = upload.file.metadata().or_fail(ErrorKind::Storage, WRITING)?.len();
        if length < upload.kept.length_bytes() {
            (upload.kept, upload.hasher) = (Hasher::default(), Hasher::default());
        }
        upload.forget()?;
        Ok(upload)
    }

    /// Returns how many bytes are kept, whoever writes it now; 0 if there is none.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path leaves the root, `Storage` if the disk fails.
    pub fn offset_of(root: &Root, path: &str, spec: &UploadSpec) -> Result<u64> {
        let paths = Paths::of(path)?;
        let Some(facts) = root.stat(&paths.partial)? else { return Ok(0) };
        let kept = saved(root, &paths, spec).map_or(0, |hasher| hasher.length_bytes());
        Ok(if kept <= facts.size_bytes { kept } else { 0 })
    }

    /// Removes what arrived.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path leaves the root, `Storage` if the disk fails.
    pub fn remove(root: &Root, path: &str) -> Result<()> {
        let paths = Paths::of(path)?;
        // The index first: nothing may be believed of other bytes.
        for path in [&paths.index, &paths.new_index, &paths.partial] {
            store::remove(root, path)?;
        }
        Ok(())
    }

    /// Returns how many bytes were written, of which the last may not be kept yet.
    pub fn length_bytes(&self) -> u64 {
        self.hasher.length_bytes()
    }

    /// Tells whether all bytes were written.
    pub fn is_whole(&self) -> bool {
        self.length_bytes() == self.spec.size_bytes
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if the file has fewer, `Storage` if the disk is full or fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let (at, count) = (self.hasher.length_bytes(), bytes.len() as u64);
        if self.spec.size_bytes - at < count {
            return Err(Error::new(ErrorKind::LimitExceeded, RECEIVING)
                .context("fault", "more bytes than the file has")
                .context("expected_bytes", self.spec.size_bytes));
        }
        let free = self.root.free_bytes()?;
        if free < self.headroom_bytes.saturating_add(count) {
            return Err(Error::new(ErrorKind::Storage, RECEIVING)
                .context("needed_bytes", count)
                .context("headroom_bytes", self.headroom_bytes)
                .context("free_bytes", free)
                .context("remedy", "free space on the device of the hub's store"));
        }
        self.file.write_all_at(bytes, at).or_fail(ErrorKind::Storage, WRITING).context("path", &self.paths.partial)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Forgets what was written since it was last kept.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn forget(&mut self) -> Result<()> {
        self.hasher = self.kept.clone();
        self.file.set_len(self.kept.length_bytes()).or_fail(ErrorKind::Storage, WRITING).context("path", &self.paths.partial)
    }

    /// Forces what was written to disk, and returns how much that is.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn keep(&mut self) -> Result<u64> {
        if self.hasher.length_bytes() > self.kept.length_bytes() {
            self.file.sync_data().or_fail(ErrorKind::Storage, WRITING).context("path", &self.paths.partial)?;
            self.write_index()?;
            self.kept = self.hasher.clone();
        }
        Ok(self.kept.length_bytes())
    }

    fn write_index(&self) -> Result<()> {
        let index = Index { format: FORMAT, spec: self.spec.clone(), hasher: self.hasher.save() };
        let text = serde_json::to_vec(&index).or_fail(ErrorKind::Storage, WRITING)?;
        let folder = self.root.parent_of(&self.paths.index)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file: File = rustix::fs::openat(&folder, self.paths.new_index.file_name(), flags, Mode::from_raw_mode(0o600))
            .or_fail(ErrorKind::Storage, WRITING)?
            .into();
        file.write_all(&text).and_then(|()| file.sync_data()).or_fail(ErrorKind::Storage, WRITING)?;
        rustix::fs::renameat(&folder, self.paths.new_index.file_name(), &folder, self.paths.index.file_name())
            .or_fail(ErrorKind::Storage, WRITING)?;
        rustix::fs::fsync(&folder).or_fail(ErrorKind::Storage, "syncing a folder")
    }

    /// Gives the whole file its final name, beneath the same root.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not whole or the path leaves the root; `Corrupt` if it has another digest: then it is thrown away;
    /// `Storage` if the disk fails.
    pub fn place(self, to: &RelativePath) -> Result<()> {
        if !self.is_whole() {
            return Err(Error::new(ErrorKind::InvalidInput, RECEIVING)
                .context("fault", "the file is not whole yet")
                .context("expected_bytes", self.spec.size_bytes)
                .context("bytes", self.length_bytes()));
        }
        let computed = self.hasher.digest();
        if computed != self.spec.sha256 {
            self.throw_away()?;
            return Err(Error::new(ErrorKind::Corrupt, RECEIVING)
                .context("expected", self.spec.sha256)
                .context("computed", computed));
        }
        self.file.sync_all().or_fail(ErrorKind::Storage, WRITING).context("path", &self.paths.partial)?;
        if self.root.stat(to)?.is_some_and(|facts| facts.size_bytes == self.spec.size_bytes) {
            return self.throw_away();
        }
        store::move_file(&self.root, &self.paths.partial, to)?;
        store::remove(&self.root, &self.paths.index).map(|_| ())
    }

    fn throw_away(&self) -> Result<()> {
        for path in [&self.paths.index, &self.paths.partial] {
            store::remove(&self.root, path)?;
        }
        Ok(())
    }
}

/// Reads the index; none unless it is of this file.
fn saved(root: &Root, paths: &Paths, spec: &UploadSpec) -> Option<Hasher> {
    let mut text = Vec::new();
    root.open_file(&paths.index).ok()?.take(MOST_INDEX_BYTES).read_to_end(&mut text).ok()?;
    let index: Index = serde_json::from_slice(&text).ok()?;
    if index.format != FORMAT || index.spec != *spec || index.hasher.length_bytes > spec.size_bytes {
        return None;
    }
    Hasher::restore(&index.hasher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Folder {
        dir: tempfile::TempDir,
        root: Root,
    }

    impl Folder {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let root = Root::open(dir.path()).unwrap();
            Self { dir, root }
        }

        fn open(&self, bytes: &[u8]) -> Result<Upload> {
            Upload::open(&self.root, "f", spec(bytes), 0)
        }

        fn offset(&self, bytes: &[u8]) -> u64 {
            Upload::offset_of(&self.root, "f", &spec(bytes)).unwrap()
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(self.dir.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    fn spec(bytes: &[u8]) -> UploadSpec {
        UploadSpec { size_bytes: bytes.len() as u64, sha256: Digest::of(bytes) }
    }

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    const WHOLE: &[u8] = b"0123456789";

    #[test]
    fn what_was_kept_is_there_after_the_process_and_what_was_not_is_forgotten() {
        let folder = Folder::new();
        let mut upload = folder.open(WHOLE).unwrap();
        upload.write(b"0123").unwrap();
        assert_eq!((upload.keep().unwrap(), folder.offset(WHOLE)), (4, 4));
        upload.write(b"XX").unwrap();
        assert_eq!((upload.length_bytes(), folder.offset(WHOLE)), (6, 4), "told is what is kept");
        drop(upload);
        let mut upload = folder.open(WHOLE).unwrap();
        assert_eq!(upload.length_bytes(), 4);
        upload.write(b"YY").unwrap();
        upload.forget().unwrap();
        upload.write(b"456789").unwrap();
        upload.place(&path("whole")).unwrap();
        assert_eq!(std::fs::read(folder.dir.path().join("whole")).unwrap(), WHOLE);
        assert_eq!(folder.names(), ["whole"]);
    }

    #[test]
    fn a_whole_file_with_another_digest_is_thrown_away() {
        let folder = Folder::new();
        let mut upload = folder.open(WHOLE).unwrap();
        upload.write(b"01234").unwrap();
        upload.keep().unwrap();
        upload.write(b"X6789").unwrap();
        assert_eq!(upload.place(&path("whole")).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!((folder.names(), folder.offset(WHOLE)), (vec![], 0));
    }

    #[test]
    fn nothing_fits_behind_the_end_and_half_a_file_gets_no_name() {
        let folder = Folder::new();
        let mut upload = folder.open(WHOLE).unwrap();
        upload.write(b"012345678").unwrap();
        assert_eq!(upload.write(b"9a").unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert_eq!(upload.length_bytes(), 9);
        assert_eq!(upload.place(&path("whole")).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(folder.names(), ["f.partial"]);
        folder.open(b"").unwrap().place(&path("empty")).unwrap();
        assert_eq!(std::fs::read(folder.dir.path().join("empty")).unwrap(), b"");
    }

    #[test]
    fn one_process_writes_it_at_a_time() {
        let folder = Folder::new();
        let first = folder.open(WHOLE).unwrap();
        assert_eq!(folder.open(WHOLE).err().unwrap().kind(), ErrorKind::PeerBusy);
        drop(first);
        folder.open(WHOLE).unwrap();
    }

    #[test]
    fn an_index_is_believed_only_of_its_own_bytes() {
        let folder = Folder::new();
        let mut upload = folder.open(WHOLE).unwrap();
        upload.write(b"01234").unwrap();
        upload.keep().unwrap();
        drop(upload);
        assert_eq!(folder.offset(b"another 10"), 0, "another file");
        let (index, partial) = (folder.dir.path().join("f.index"), folder.dir.path().join("f.partial"));
        let whole = std::fs::read_to_string(&index).unwrap();
        for damaged in ["", "{}", &whole[..whole.len() / 2], &whole.replace("\"format\":1", "\"format\":2"), &"x".repeat(10_000)]
        {
            std::fs::write(&index, damaged).unwrap();
            assert_eq!((folder.offset(WHOLE), folder.open(WHOLE).unwrap().length_bytes()), (0, 0), "{damaged:.40}");
            std::fs::write(&partial, "01234").unwrap();
        }
        std::fs::write(&index, &whole).unwrap();
        std::fs::write(&partial, "0123").unwrap();
        assert_eq!((folder.offset(WHOLE), folder.open(WHOLE).unwrap().length_bytes()), (0, 0), "fewer bytes than it says");
        std::fs::remove_file(&partial).unwrap();
        assert_eq!((folder.offset(WHOLE), folder.open(WHOLE).unwrap().length_bytes()), (0, 0), "no bytes");
    }

    #[test]
    fn a_full_disk_is_told_before_a_byte_is_written() {
        let folder = Folder::new();
        let mut upload = Upload::open(&folder.root, "f", spec(WHOLE), u64::MAX / 2).unwrap();
        let error = upload.write(b"0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.to_string().contains("remedy: free space"), "{error}");
        assert_eq!(std::fs::metadata(folder.dir.path().join("f.partial")).unwrap().len(), 0);
    }

    #[test]
    fn the_name_may_be_taken_by_the_same_bytes_and_no_link_is_followed() {
        let folder = Folder::new();
        std::fs::write(folder.dir.path().join("whole"), WHOLE).unwrap();
        let mut upload = folder.open(WHOLE).unwrap();
        upload.write(WHOLE).unwrap();
        upload.place(&path("whole")).unwrap();
        assert_eq!(folder.names(), ["whole"]);
        std::os::unix::fs::symlink(folder.dir.path().join("whole"), folder.dir.path().join("f.partial")).unwrap();
        assert_eq!(folder.open(WHOLE).err().unwrap().kind(), ErrorKind::Storage);
        assert_eq!(Upload::remove(&folder.root, "../f").unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    proptest! {
        #[test]
        fn cut_anywhere_the_bytes_are_the_same(
            bytes in prop::collection::vec(any::<u8>(), 1..300),
            cuts in prop::collection::vec((1usize..80, any::<bool>(), any::<bool>()), 0..12),
        ) {
            let folder = Folder::new();
            let mut upload = folder.open(&bytes).unwrap();
            for (count, keeps, ends) in cuts {
                let at = usize::try_from(upload.length_bytes()).unwrap();
                upload.write(&bytes[at..(at + count).min(bytes.len())]).unwrap();
                if keeps {
                    prop_assert_eq!(upload.keep().unwrap(), upload.length_bytes());
                }
                if ends {
                    drop(upload);
                    upload = folder.open(&bytes).unwrap();
                }
            }
            let at = usize::try_from(upload.length_bytes()).unwrap();
            upload.write(&bytes[at..]).unwrap();
            upload.place(&path("whole")).unwrap();
            prop_assert_eq!(std::fs::read(folder.dir.path().join("whole")).unwrap(), bytes);
        }
    }
}

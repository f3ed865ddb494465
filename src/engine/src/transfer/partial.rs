//! The `.partial` file and its `.index`: append anywhere, survive a crash, resume.
//!
//! Invariant: every byte that the index lists as received is on disk, and it is hashed before the file counts. The index holds
//! two states. `reached` is written often and believed only by a process of the same boot, because a killed process loses
//! nothing that the kernel had accepted. `synced` is written after the data was forced to disk and survives a power cut.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::chunks::{Chunk, Chunks, Known};
use super::hashing::{Hashing, RunningDigest};
use crate::digest::{Digest, Hasher, HasherState};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::TransferLimits;
use crate::paths::{RelativePath, Root};

/// An unfinished file on disk. Locked: one process writes it at a time.
pub(crate) struct Partial<'a> {
    root: &'a Root,
    paths: Paths,
    file: Arc<File>,
    limits: &'a TransferLimits,
    boot_id: String,
    version: Version,
    chunks: Chunks,
    digest: RunningDigest,
    hashing: &'a Hashing,
    synced: Progress,
    unsaved_bytes: u64,
    unsynced_bytes: u64,
    /// Space reserved in this process.
    reserved: Chunks,
    is_contradicted: bool,
}

/// The version of the bytes; bytes of two versions never mix in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// Size of the whole file.
    pub(crate) size_bytes: u64,
    /// Its digest, if an origin stated one. Then only a file with this digest has this version.
    pub(crate) sha256: Option<Digest>,
    /// Rows that identify it: origin hub and time stamp.
    pub(crate) rows: Vec<String>,
}

impl Version {
    /// Tells whether bytes of an earlier version may be reused: they have the same digest, from whichever hub, or, without
    /// two digests, the same row.
    fn continues(&self, earlier: &Self) -> bool {
        self.size_bytes == earlier.size_bytes
            && match (self.sha256, earlier.sha256) {
                (Some(digest), Some(known)) => digest == known,
                _ => self.rows.iter().any(|row| earlier.rows.contains(row)),
            }
    }

    fn join(&mut self, earlier: Self) {
        self.sha256 = self.sha256.or(earlier.sha256);
        self.rows.extend(earlier.rows);
        self.rows.sort();
        self.rows.dedup();
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    chunks: Chunks,
    hasher: HasherState,
}

#[derive(Serialize, Deserialize)]
struct Index {
    format: u32,
    version: Version,
    /// Device and inode of the partial file: another file under its name has other bytes.
    file: (u64, u64),
    boot_id: String,
    reached: Progress,
    synced: Progress,
}

const FORMAT: u32 = 2;

struct Paths {
    partial: RelativePath,
    index: RelativePath,
    new_index: RelativePath,
}

impl Paths {
    fn of(name: &str) -> Result<Self> {
        Ok(Self {
            partial: RelativePath::parse(&format!("{name}.partial"))?,
            index: RelativePath::parse(&format!("{name}.index"))?,
            new_index: RelativePath::parse(&format!("{name}.index.new"))?,
        })
    }
}

const WRITING: &str = "writing a partial file";
const READING: &str = "reading a partial file";

/// Where partial files are, and what they need.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) root: &'a Root,
    /// Identifies this boot of the machine.
    pub(crate) boot_id: &'a str,
    pub(crate) limits: &'a TransferLimits,
    pub(super) hashing: &'a Hashing,
}

impl<'a> Partial<'a> {
    /// Opens or creates the partial file `name` and continues from its bytes of this version; it discards all
    /// others. Checks that there is enough disk space, and reserves none before bytes arrive.
    pub(crate) fn open(place: &Place<'a>, name: &str, version: Version) -> Result<Self> {
        let Place { root, boot_id, limits, hashing } = *place;
        let paths = Paths::of(name)?;
        let folder = root.parent_of(&paths.partial)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, paths.partial.file_name(), flags, Mode::from_raw_mode(0o644))
            .or_fail(ErrorKind::Storage, "opening a partial file")
            .context("path", &paths.partial)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                // The disk is not at fault: the other transfers need not wait.
                return Err(Error::new(ErrorKind::PeerBusy, "locking a partial file")
                    .context("path", &paths.partial)
                    .context("fault", "another process still holds it"));
            }
            outcome => outcome.or_fail(ErrorKind::Storage, "locking a partial file")?,
        }
        let file = Arc::new(file.into());
        let digest = RunningDigest::of(&file);
        let mut partial = Self {
            root,
            paths,
            file,
            limits,
            boot_id: boot_id.to_owned(),
            version,
            chunks: Chunks::default(),
            digest,
            hashing,
            synced: Progress::default(),
            unsaved_bytes: 0,
            unsynced_bytes: 0,
            reserved: Chunks::default(),
            is_contradicted: false,
        };
        match partial.saved_progress() {
            Some((index, progress, hasher)) => {
                partial.chunks = progress.chunks;
                partial.digest.set(hasher);
                partial.synced = index.synced;
                partial.version.join(index.version);
                partial.unsynced_bytes = partial.chunks.total().saturating_sub(partial.synced.chunks.total());
                partial.file.set_len(partial.chunks.end()).or_fail(ErrorKind::Storage, WRITING)?;
            }
            None => partial.discard()?,
        }
        let missing = partial.version.size_bytes.saturating_sub(partial.chunks.total());
        if missing > 0 {
            partial.check_room(missing)?;
        }
        Ok(partial)
    }

    /// Reads the index; none unless it belongs to this version and its hash state is whole.
    fn saved_progress(&self) -> Option<(Index, Progress, Hasher)> {
        use std::io::Read;
        let mut text = String::new();
        self.root.open_file(&self.paths.index).ok()?.take(MAX_INDEX_BYTES).read_to_string(&mut text).ok()?;
        let index: Index = serde_json::from_str(&text).ok()?;
        if index.format != FORMAT || !self.version.continues(&index.version) || index.file != self.identity()? {
            return None;
        }
        let progress = if index.boot_id == self.boot_id { index.reached.clone() } else { index.synced.clone() };
        let length = self.file.metadata().ok()?.len();
        let plausible = progress.chunks.end() <= length.min(self.version.size_bytes)
            && progress.hasher.length_bytes <= progress.chunks.gap_after(0);
        let hasher = Hasher::restore(&progress.hasher)?;
        plausible.then_some((index, progress, hasher))
    }

    fn identity(&self) -> Option<(u64, u64)> {
        rustix::fs::fstat(&self.file).ok().map(|stat| (stat.st_dev, stat.st_ino))
    }

    /// Forgets all received bytes, for example because the origin's file changed.
    pub(crate) fn discard(&mut self) -> Result<()> {
        self.chunks = Chunks::default();
        self.digest.set(Hasher::default());
        self.synced = Progress::default();
        self.unsaved_bytes = 0;
        self.unsynced_bytes = 0;
        self.reserved = Chunks::default();
        self.is_contradicted = false;
        // The index is removed first: a crash in between leaves bytes without an index.
        crate::store::remove(self.root, &self.paths.index)?;
        self.file.set_len(0).or_fail(ErrorKind::Storage, WRITING).context("path", &self.paths.partial)
    }

    fn check_room(&self, needed_bytes: u64) -> Result<()> {
        let free = self.root.free_bytes()?;
        if free >= needed_bytes.saturating_add(self.limits.disk_headroom_bytes) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Storage, "reserving disk space")
            .context("needed_bytes", needed_bytes)
            .context("headroom_bytes", self.limits.disk_headroom_bytes)
            .context("free_bytes", free)
            .context("remedy", "free space on the device of the hub's store"))
    }

    /// Reserves disk space for the next bytes and a step ahead of them: as much again as has arrived, within
    /// bounds. A stated size alone reserves nothing.
    fn reserve(&mut self, part: &Chunk) -> Result<()> {
        if self.reserved.missing_of(part).is_empty() {
            return Ok(());
        }
        let ahead = self.chunks.total().max(self.limits.reserve_least_bytes).min(self.limits.reserve_most_bytes);
        let end = part.end.saturating_add(ahead).min(self.version.size_bytes);
        let needed_bytes = self.reserved.missing_of(&(part.start..end)).iter().map(|new| new.end - new.start).sum();
        self.check_room(needed_bytes)?;
        match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, part.start, end - part.start) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(error) => {
                return Err(Error::new(ErrorKind::Storage, "reserving disk space")
                    .context("needed_bytes", needed_bytes)
                    .context("remedy", "free space on the device of the hub's store")
                    .source(error));
            }
        }
        self.reserved.insert(part.start..end);
        Ok(())
    }

    /// Gives back space reserved for bytes that did not arrive. Best effort: the next process that opens the file does it too.
    fn give_back(&self) {
        let end = self.chunks.end();
        for gap in self.chunks.missing_of(&(0..end)) {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(&self.file, flags, gap.start, gap.end - gap.start);
        }
        let _ = self.file.set_len(end);
    }

    /// Stores bytes at an offset. They must equal bytes that arrived there before.
    pub(crate) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= self.version.size_bytes).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "receiving a file")
                .context("fault", "more bytes than the file has")
                .context("expected_bytes", self.version.size_bytes)
        })?;
        for (part, known) in self.chunks.split(&(offset..end)) {
            let piece = slice(bytes, offset, &part);
            match known {
                Known::Yes => self.compare(&part, piece)?,
                Known::No => {
                    self.reserve(&part)?;
                    self.file.write_all_at(piece, part.start).or_fail(ErrorKind::Storage, WRITING)?;
                }
            }
        }
        self.chunks.insert(offset..end);
        self.hash(offset, bytes)?;
        self.unsaved_bytes += bytes.len() as u64;
        self.unsynced_bytes += bytes.len() as u64;
        if self.unsynced_bytes >= self.limits.sync_bytes {
            self.sync()
        } else if self.unsaved_bytes >= self.limits.checkpoint_bytes {
            self.save()
        } else {
            Ok(())
        }
    }

    /// Hashes bytes that have just arrived, and others that are contiguous with them; the second thread does it for a large file.
    fn hash(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let arrived = self.chunks.gap_after(0);
        if self.hashing.takes(self.version.size_bytes) {
            return self.hashing.follow(&self.digest, arrived).or_fail(ErrorKind::Storage, READING);
        }
        let (hashed, end) = (self.digest.length_bytes(), offset + bytes.len() as u64);
        if (offset..end).contains(&hashed) {
            self.digest.add(slice(bytes, offset, &(hashed..end)));
        }
        self.hash_until(arrived)
    }

    fn hash_until(&self, end: u64) -> Result<()> {
        self.digest.catch_up(end).or_fail(ErrorKind::Storage, READING)
    }

    /// Returns the parts of a range that have not arrived.
    pub(crate) fn missing_of(&self, range: &Chunk) -> Vec<Chunk> {
        self.chunks.missing_of(range)
    }

    /// Returns a state of the digest for a later rollback.
    pub(crate) fn mark(&self) -> HasherState {
        self.digest.save()
    }

    /// Forgets exactly the bytes of a reply that turned out not to belong to the file. `mark` is from before the first of
    /// them was written.
    pub(crate) fn forget(&mut self, parts: &[Chunk], mark: &HasherState) -> Result<()> {
        let Some(first) = parts.iter().map(|part| part.start).min() else { return Ok(()) };
        let before = || Hasher::restore(mark).filter(|hasher| hasher.length_bytes() <= first).unwrap_or_default();
        self.digest.go_back(first, before);
        if self.synced.hasher.length_bytes > first {
            self.synced.hasher = before().save();
        }
        for part in parts {
            self.chunks.remove(part);
            self.synced.chunks.remove(part);
        }
        // The index first: no process may continue from it.
        self.write_index(true)?;
        self.hash_until(self.chunks.gap_after(0))
    }

    /// Tells whether two replies had different bytes for one place, or more bytes than the file: then neither is believed.
    pub(crate) fn is_contradicted(&self) -> bool {
        self.is_contradicted
    }

    /// Notes that received bytes contradict the stored ones.
    pub(crate) fn contradict(&mut self) {
        self.is_contradicted = true;
    }

    fn compare(&mut self, part: &Chunk, piece: &[u8]) -> Result<()> {
        let mut stored = vec![0; piece.len()];
        self.file.read_exact_at(&mut stored, part.start).or_fail(ErrorKind::Storage, READING)?;
        if stored == piece {
            return Ok(());
        }
        self.contradict();
        Err(Error::new(ErrorKind::Corrupt, "comparing two copies of a range")
            .context("from_byte", part.start)
            .context("to_byte", part.end))
    }

    /// Returns the first range that is still missing.
    pub(crate) fn first_gap(&self) -> Option<Chunk> {
        self.chunks.first_gap(self.version.size_bytes)
    }

    /// Returns the first range that is still missing and not being fetched.
    pub(crate) fn first_gap_beside(&self, under_way: &[Chunk]) -> Option<Chunk> {
        let mut chunks = self.chunks.clone();
        for range in under_way {
            chunks.insert(range.clone());
        }
        chunks.first_gap(self.version.size_bytes)
    }

    /// Returns how many bytes of a range have arrived without a gap.
    pub(crate) fn arrived_of(&self, range: &Chunk) -> u64 {
        self.chunks.gap_after(range.start).min(range.end) - range.start
    }

    /// Shares all bytes of another file without copying them, if the file system can; they are not hashed yet.
    pub(crate) fn reflink(&mut self, source: &File) -> Result<bool> {
        if !self.chunks.is_empty() || rustix::fs::ioctl_ficlone(&self.file, source).is_err() {
            return Ok(false);
        }
        let length = self.file.metadata().or_fail(ErrorKind::Storage, WRITING)?.len();
        if length != self.version.size_bytes {
            self.discard()?;
            return Ok(false);
        }
        self.chunks.insert(0..length);
        Ok(true)
    }

    /// Hashes up to a number of received but unhashed bytes; false if there are none.
    pub(crate) fn hash_more(&mut self, max_bytes: u64) -> Result<bool> {
        let at = self.digest.length_bytes();
        let end = self.chunks.gap_after(0).min(at.saturating_add(max_bytes));
        self.hash_until(end)?;
        Ok(end > at)
    }

    /// Returns how many bytes have arrived.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.chunks.total()
    }

    /// Returns the version's digest, if an origin ever stated one.
    pub(crate) fn expected(&self) -> Option<Digest> {
        self.version.sha256
    }

    /// Returns the digest if all bytes have arrived.
    pub(crate) fn digest(&self) -> Result<Option<Digest>> {
        self.hash_until(self.chunks.gap_after(0))?;
        Ok((self.digest.length_bytes() == self.version.size_bytes).then(|| self.digest.digest()))
    }

    /// Reads back a range that has arrived.
    pub(crate) fn read(&self, chunk: &Chunk) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(chunk.end - chunk.start).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, chunk.start).or_fail(ErrorKind::Storage, READING)?;
        Ok(bytes)
    }

    /// Returns a second handle for reading the received bytes.
    pub(crate) fn reader(&self) -> Result<File> {
        self.root.open_file(&self.paths.partial)
    }

    /// Saves the progress, so that the transfer resumes here if the process is killed after this.
    pub(crate) fn save(&mut self) -> Result<()> {
        self.start_writing_back();
        self.write_index(false)
    }

    /// Asks the kernel to write dirty pages now and not to keep them, so that the next sync finds little left to do. Only
    /// advice: a file system that ignores it costs time at the sync.
    fn start_writing_back(&self) {
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
    }

    /// Returns the file, for forcing its data to disk.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Takes what became of forcing a whole file to disk. Its index may be lost with the power: then the file is received
    /// again, which costs time, but no byte that anybody relies on before it is published.
    pub(crate) fn finish(&mut self, synced: io::Result<()>) -> Result<()> {
        self.believe(synced)?;
        self.write_index(false)
    }

    /// Forces data and index to disk.
    fn sync(&mut self) -> Result<()> {
        self.believe(self.file.sync_data())?;
        self.synced = self.progress();
        self.unsynced_bytes = 0;
        self.write_index(true)
    }

    /// After an error of the disk nobody knows which bytes it has, and the kernel tells it only once: those that were not synced
    /// before are received again.
    fn believe(&mut self, synced: io::Result<()>) -> Result<()> {
        if synced.is_err() {
            // The first error is the one to tell.
            let _ = self.go_back_to_synced();
        }
        synced.or_fail(ErrorKind::Storage, "syncing a partial file").context("path", &self.paths.partial)
    }

    fn go_back_to_synced(&mut self) -> Result<()> {
        self.chunks = self.synced.chunks.clone();
        self.digest.set(Hasher::restore(&self.synced.hasher).unwrap_or_default());
        self.unsaved_bytes = 0;
        self.unsynced_bytes = 0;
        self.reserved = Chunks::default();
        // The index is removed first: a crash in between leaves bytes without an index.
        crate::store::remove(self.root, &self.paths.index)?;
        self.file.set_len(self.chunks.end()).or_fail(ErrorKind::Storage, WRITING).context("path", &self.paths.partial)?;
        self.write_index(true)
    }

    fn progress(&self) -> Progress {
        Progress { chunks: self.chunks.clone(), hasher: self.digest.save() }
    }

    fn write_index(&mut self, force: bool) -> Result<()> {
        let index = Index {
            format: FORMAT,
            version: self.version.clone(),
            file: self.identity().unwrap_or_default(),
            boot_id: self.boot_id.clone(),
            reached: self.progress(),
            synced: self.synced.clone(),
        };
        let text = serde_json::to_vec(&index).or_fail(ErrorKind::Storage, "writing an index")?;
        let folder = self.root.parent_of(&self.paths.index)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file: File = rustix::fs::openat(&folder, self.paths.new_index.file_name(), flags, Mode::from_raw_mode(0o644))
            .or_fail(ErrorKind::Storage, "writing an index")?
            .into();
        file.write_all(&text).or_fail(ErrorKind::Storage, "writing an index")?;
        if force {
            file.sync_data().or_fail(ErrorKind::Storage, "writing an index")?;
        }
        rustix::fs::renameat(&folder, self.paths.new_index.file_name(), &folder, self.paths.index.file_name())
            .or_fail(ErrorKind::Storage, "writing an index")?;
        if force {
            rustix::fs::fsync(&folder).or_fail(ErrorKind::Storage, "syncing a folder")?;
        }
        self.unsaved_bytes = 0;
        Ok(())
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // Best effort: without it the next run continues from the last checkpoint.
        if self.unsaved_bytes > 0 {
            let _ = self.save();
        }
        if !self.reserved.is_empty() {
            self.give_back();
        }
        // The disk may still have it open.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

/// Removes a partial file, its index and files that a crash may have left beside them.
pub(crate) fn remove(root: &Root, name: &str) -> Result<()> {
    let paths = Paths::of(name)?;
    for path in [&paths.index, &paths.new_index, &paths.partial] {
        crate::store::remove(root, path)?;
    }
    Ok(())
}

const MAX_INDEX_BYTES: u64 = 16 << 20;

fn slice<'b>(bytes: &'b [u8], offset: u64, part: &Chunk) -> &'b [u8] {
    let position = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
    bytes.get(position(part.start)..position(part.end)).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(size_bytes: u64) -> Version {
        Version { size_bytes, sha256: None, rows: vec!["https://a.example 2024-05-03 09:00:00".into()] }
    }

    fn small_limits() -> TransferLimits {
        TransferLimits { disk_headroom_bytes: 0, checkpoint_bytes: 8, sync_bytes: 64, ..TransferLimits::default() }
    }

    /// A folder for partial files, and the limits that they are opened with.
    struct Folder {
        dir: tempfile::TempDir,
        root: Root,
        limits: TransferLimits,
        hashing: Hashing,
    }

    impl Folder {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let root = Root::open(dir.path()).unwrap();
            Self { dir, root, limits: small_limits(), hashing: Hashing::default() }
        }

        fn open(&self, version: Version) -> Result<Partial<'_>> {
            self.open_after("boot", version)
        }

        fn open_after(&self, boot_id: &'static str, version: Version) -> Result<Partial<'_>> {
            let place = Place { root: &self.root, boot_id, limits: &self.limits, hashing: &self.hashing };
            Partial::open(&place, "f", version)
        }
    }

    #[test]
    fn a_killed_process_loses_only_what_came_after_the_last_checkpoint() {
        let folder = Folder::new();
        let mut partial = folder.open(version(20)).unwrap();
        partial.write_at(0, b"0123456789").unwrap();
        partial.write_at(10, b"ab").unwrap();
        // As if killed: neither saved nor unlocked by us; the kernel drops the lock with the process.
        rustix::fs::flock(&partial.file, FlockOperation::Unlock).unwrap();
        std::mem::forget(partial);

        let mut resumed = folder.open(version(20)).unwrap();
        assert_eq!(resumed.first_gap(), Some(10..20));
        resumed.write_at(10, b"abcdefghij").unwrap();
        assert_eq!(resumed.digest().unwrap(), Some(Digest::of(b"0123456789abcdefghij")));
    }

    #[test]
    fn after_another_boot_only_synced_bytes_are_believed() {
        let folder = Folder::new();
        let mut partial = folder.open_after("boot 1", version(20)).unwrap();
        partial.write_at(0, b"01234").unwrap();
        partial.sync().unwrap();
        partial.write_at(5, b"56789").unwrap();
        drop(partial);
        let resumed = folder.open_after("boot 2", version(20)).unwrap();
        assert_eq!(resumed.first_gap(), Some(5..20));
    }

    #[test]
    fn bytes_that_arrive_in_small_parts_are_synced_too() {
        let folder = Folder::new();
        for at in [0, 30, 60] {
            folder.open_after("boot 1", version(200)).unwrap().write_at(at, &[1; 30]).unwrap();
        }
        assert_eq!(folder.open_after("boot 2", version(200)).unwrap().first_gap(), Some(90..200));
    }

    #[test]
    fn after_an_error_of_the_disk_only_synced_bytes_are_believed() {
        let folder = Folder::new();
        let bytes: Vec<u8> = (0..100).collect();
        let mut partial = folder.open(version(100)).unwrap();
        partial.write_at(0, &bytes[..70]).unwrap();
        partial.write_at(70, &bytes[70..]).unwrap();
        assert_eq!(partial.digest().unwrap(), Some(Digest::of(&bytes)));
        let error = partial.finish(Err(io::Error::other("the disk is broken"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert_eq!(partial.first_gap(), Some(70..100));
        drop(partial);
        let mut partial = folder.open(version(100)).unwrap();
        assert_eq!(partial.first_gap(), Some(70..100));
        partial.write_at(70, &bytes[70..]).unwrap();
        assert_eq!(partial.digest().unwrap(), Some(Digest::of(&bytes)));
    }

    #[test]
    fn a_file_that_the_disk_still_has_open_is_unlocked() {
        let folder = Folder::new();
        let partial = folder.open(version(20)).unwrap();
        let file = Arc::clone(partial.file());
        drop(partial);
        folder.open(version(20)).unwrap();
        drop(file);
    }

    #[test]
    fn a_large_file_is_hashed_behind_its_bytes_in_any_order() {
        let folder = Folder::new();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
        let mut partial = folder.open(Version { size_bytes: bytes.len() as u64, ..version(0) }).unwrap();
        for at in [1_000_000, 0, 2_500_000, 2_000_000, 500_000, 1_500_000] {
            partial.write_at(at as u64, &bytes[at..at + 500_000]).unwrap();
        }
        assert_eq!(partial.digest().unwrap(), Some(Digest::of(&bytes)));
    }

    #[test]
    fn bytes_of_another_version_are_discarded() {
        let folder = Folder::new();
        let mut partial = folder.open(version(20)).unwrap();
        partial.write_at(0, b"0123456789").unwrap();
        drop(partial);
        let newer = Version { rows: vec!["newer".into()], ..version(20) };
        let partial = folder.open(newer).unwrap();
        assert_eq!((partial.received_bytes(), partial.first_gap()), (0, Some(0..20)));
    }

    #[test]
    fn another_hub_goes_on_where_the_digest_is_the_same_and_the_digest_stays_expected() {
        let folder = Folder::new();
        let digest = |text: &str| Some(Digest::of(text.as_bytes()));
        let of = |hub: &str, sha256| Version { size_bytes: 20, sha256, rows: vec![hub.into()] };
        let mut partial = folder.open(of("a", digest("x"))).unwrap();
        partial.write_at(0, b"0123456789").unwrap();
        drop(partial);
        for (next, kept) in
            [(of("b", digest("x")), 10), (of("a", None), 10), (of("b", None), 10), (of("c", None), 0), (of("a", digest("x")), 0)]
        {
            let mut partial = folder.open(next.clone()).unwrap();
            assert_eq!(partial.received_bytes(), kept, "{next:?}");
            assert_eq!(partial.expected(), next.sha256.or(digest("x").filter(|_| kept > 0)));
            partial.save().unwrap();
        }
        let mut partial = folder.open(of("a", digest("x"))).unwrap();
        partial.write_at(0, b"0123456789").unwrap();
        drop(partial);
        assert_eq!(folder.open(of("a", digest("y"))).unwrap().received_bytes(), 0, "the same row, other bytes");
    }

    #[test]
    fn a_damaged_index_means_starting_over() {
        let folder = Folder::new();
        let mut partial = folder.open(version(20)).unwrap();
        partial.write_at(0, b"0123456789").unwrap();
        drop(partial);
        let whole = std::fs::read_to_string(folder.dir.path().join("f.index")).unwrap();
        let longer_than_the_file = whole.replace("[0,10]", "[0,19]");
        assert_ne!(whole, longer_than_the_file);
        for damaged in
            ["", "{}", &whole[..whole.len() / 2], &longer_than_the_file, &whole.replace("\"format\":2", "\"format\":1")]
        {
            std::fs::write(folder.dir.path().join("f.index"), damaged).unwrap();
            std::fs::write(folder.dir.path().join("f.partial"), "0123456789").unwrap();
            let partial = folder.open(version(20)).unwrap();
            assert_eq!(partial.received_bytes(), 0, "{damaged}");
        }
    }

    #[test]
    fn an_index_speaks_only_of_the_file_that_it_was_written_for() {
        let mut folder = Folder::new();
        folder.limits.sync_bytes = 1 << 20;
        let mut first = folder.open(version(1000)).unwrap();
        first.write_at(900, &[1; 100]).unwrap();
        first.write_at(0, &[1; 100]).unwrap();
        std::fs::remove_file(folder.dir.path().join("f.partial")).unwrap();
        let mut second = folder.open(version(1000)).unwrap();
        second.write_at(0, &[2; 50]).unwrap();
        // The first, asleep until now, saves under the name that is no longer its own.
        first.save().unwrap();
        std::mem::forget(second);
        drop(first);
        std::fs::copy(folder.dir.path().join("f.partial"), folder.dir.path().join("f.copy")).unwrap();
        std::fs::rename(folder.dir.path().join("f.copy"), folder.dir.path().join("f.partial")).unwrap();
        let third = folder.open(version(1000)).unwrap();
        assert_eq!(third.received_bytes(), 0);
    }

    #[test]
    fn two_processes_never_write_one_file() {
        let folder = Folder::new();
        let first = folder.open(version(20)).unwrap();
        let second = folder.open(version(20)).err().unwrap();
        assert_eq!(second.kind(), ErrorKind::PeerBusy);
        drop(first);
        folder.open(version(20)).unwrap();
    }

    #[test]
    fn overlaps_must_agree_and_nothing_fits_behind_the_end() {
        let folder = Folder::new();
        let mut partial = folder.open(version(10)).unwrap();
        partial.write_at(2, b"2345").unwrap();
        partial.write_at(0, b"01234567").unwrap();
        assert_eq!(partial.write_at(1, b"1X").unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(partial.write_at(8, b"89a").unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(partial.write_at(u64::MAX, b"89").unwrap_err().kind(), ErrorKind::Corrupt);
        partial.write_at(8, b"89").unwrap();
        assert_eq!(partial.digest().unwrap(), Some(Digest::of(b"0123456789")));
    }

    #[test]
    fn a_full_disk_is_told_before_the_first_byte() {
        let mut folder = Folder::new();
        folder.limits.disk_headroom_bytes = u64::MAX / 2;
        let error = folder.open(version(10)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.to_string().contains("remedy: free space"), "{error}");
    }

    #[test]
    fn space_is_taken_a_step_ahead_of_the_bytes_and_given_back() {
        use std::os::unix::fs::MetadataExt;
        const KIB: u64 = 1 << 10;
        let mut folder = Folder::new();
        (folder.limits.sync_bytes, folder.limits.checkpoint_bytes) = (1 << 30, 1 << 30);
        (folder.limits.reserve_least_bytes, folder.limits.reserve_most_bytes) = (256 * KIB, 1024 * KIB);
        let path = folder.dir.path().join("f.partial");
        let taken = || std::fs::metadata(&path).unwrap().blocks() / 2;
        // On a disk that is smaller than that the claim is refused, which takes nothing either.
        let mut partial = folder.open(version(100 << 30)).unwrap_or_else(|_| folder.open(version(64 << 20)).unwrap());
        assert_eq!(taken(), 0, "a size that is only stated");
        partial.write_at(0, &[7; 1000]).unwrap();
        assert!((1..=300).contains(&taken()), "{} KiB", taken());
        for step in 1..=4096 {
            partial.write_at(step * KIB, &[7; 1024]).unwrap();
            // What an extent of the file system's own adds is little.
            assert!(taken() <= 2 * (step + 1) + 300 && taken() <= step + 1300, "{} KiB after {step}", taken());
        }
        let far = 40 << 20;
        partial.write_at(far, &[7; 1024]).unwrap();
        assert!(taken() <= 4097 + 2 * 1300, "{} KiB: nothing for what lies in between", taken());
        partial.reserve(&(20 << 20..(20 << 20) + 1)).unwrap();
        drop(partial);
        assert!(taken() <= 4097 + 100, "{} KiB are kept of 4097", taken());
        let kept = std::fs::metadata(&path).unwrap().len();
        assert_eq!(kept, far + KIB);
    }

    #[test]
    fn a_reply_that_lied_is_forgotten_and_nothing_else() {
        let folder = Folder::new();
        let bytes: Vec<u8> = (0..200).collect();
        let mut partial = folder.open(version(200)).unwrap();
        partial.write_at(0, &bytes[..50]).unwrap();
        partial.write_at(120, &bytes[120..150]).unwrap();
        for (is_synced, boot_id) in [(false, "boot"), (true, "another boot")] {
            let (new, mark) = (partial.missing_of(&(40..160)), partial.mark());
            assert_eq!(new, [50..120, 150..160]);
            partial.write_at(50, &[9; 70]).unwrap();
            partial.write_at(150, &[9; 10]).unwrap();
            if is_synced {
                partial.sync().unwrap();
            }
            partial.forget(&new, &mark).unwrap();
            assert_eq!((partial.received_bytes(), partial.first_gap()), (80, Some(50..120)));
            drop(partial);
            partial = folder.open_after(boot_id, version(200)).unwrap();
            assert_eq!(partial.first_gap(), Some(50..120));
        }
        while let Some(gap) = partial.first_gap() {
            let piece = &bytes[gap.start as usize..gap.end as usize];
            partial.write_at(gap.start, piece).unwrap();
        }
        assert_eq!(partial.digest().unwrap(), Some(Digest::of(&bytes)));
    }

    proptest! {
        #[test]
        fn any_order_of_any_pieces_gives_the_same_bytes(
            bytes in prop::collection::vec(any::<u8>(), 1..200),
            pieces in prop::collection::vec((0usize..200, 1usize..60), 0..12),
            reopen in 0usize..12,
        ) {
            let folder = Folder::new();
            let size = bytes.len() as u64;
            let mut partial = folder.open(version(size)).unwrap();
            for (count, (start, length)) in pieces.into_iter().enumerate() {
                let start = start.min(bytes.len());
                let end = (start + length).min(bytes.len());
                partial.write_at(start as u64, &bytes[start..end]).unwrap();
                if count == reopen {
                    drop(partial);
                    partial = folder.open(version(size)).unwrap();
                }
            }
            while let Some(gap) = partial.first_gap() {
                partial.write_at(gap.start, &bytes[gap.start as usize..gap.end as usize]).unwrap();
            }
            prop_assert_eq!(partial.digest().unwrap(), Some(Digest::of(&bytes)));
            prop_assert_eq!(std::fs::read(folder.dir.path().join("f.partial")).unwrap(), bytes);
        }
    }
}

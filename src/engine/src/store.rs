//! Putting finished files where readers see them.
//!
//! Invariant: a reader of a live path finds the old file or the new one, never none and never half of one. The displaced
//! file still exists afterwards, under the former name of the new file.

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::paths::{FileFacts, RelativePath, Root};

/// A folder entry: an opened folder and a name in it.
struct Entry<'a> {
    folder: OwnedFd,
    name: &'a str,
}

impl<'a> Entry<'a> {
    fn locate(root: &Root, path: &'a RelativePath) -> Result<Self> {
        Ok(Self { folder: root.parent_of(path)?, name: path.file_name() })
    }

    fn facts(&self) -> Result<Option<FileFacts>> {
        match rustix::fs::statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => FileFacts::of(&stat).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::new(ErrorKind::Storage, "reading a file's facts").source(error)),
        }
    }

    fn rename_to(&self, other: &Entry<'_>, flags: RenameFlags) -> rustix::io::Result<()> {
        rustix::fs::renameat_with(&self.folder, self.name, &other.folder, other.name, flags)
    }

    fn unlink(&self) -> rustix::io::Result<()> {
        rustix::fs::unlinkat(&self.folder, self.name, AtFlags::empty())
    }

    fn sync_folder(&self) -> Result<()> {
        rustix::fs::fsync(&self.folder).or_fail(ErrorKind::Storage, "syncing a folder")
    }
}

/// Puts the file `from` at `to` in one step; the displaced file is at `from` afterwards. Returns its facts.
///
/// On two devices the bytes are first copied beside `to`, synced and checked against `digest`.
///
/// # Errors
///
/// `NotFound` if `from` does not exist, `Corrupt` if copied bytes lack the digest, `Storage` if the exchange failed; then
/// both files are where they were.
pub fn exchange(
    from_root: &Root,
    from: &RelativePath,
    to_root: &Root,
    to: &RelativePath,
    digest: Option<&Digest>,
) -> Result<Option<FileFacts>> {
    let source = Entry::locate(from_root, from)?;
    if source.facts()?.is_none() {
        return Err(Error::new(ErrorKind::NotFound, "publishing a file").context("path", from));
    }
    let target = Entry::locate(to_root, to).context("path", to)?;
    let displaced = match swap(&source, &target) {
        Err(Errno::XDEV) => {
            let hidden_path = to.beside(hidden_name(to));
            let hidden =
                Entry { folder: target.folder.try_clone().or_fail(ErrorKind::Storage, COPYING)?, name: hidden_path.file_name() };
            exchange_through_copy(&source, &hidden, &target, digest).context("path", to)?
        }
        outcome => outcome.or_fail(ErrorKind::Storage, "exchanging two files").context("path", to)?,
    };
    target.sync_folder()?;
    if !displaced {
        // A power cut may leave the old name beside the new one; it is then an abandoned partial file.
        return Ok(None);
    }
    source.sync_folder()?;
    source.facts()
}

/// Exchanges two names of one device; tells whether the target existed.
fn swap(source: &Entry<'_>, target: &Entry<'_>) -> rustix::io::Result<bool> {
    for _ in 0..ATTEMPTS {
        match source.rename_to(target, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(false),
            Err(Errno::EXIST) => {}
            Err(Errno::INVAL | Errno::NOSYS) => return swap_by_links(source, target),
            Err(error) => return Err(error),
        }
        match source.rename_to(target, RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(true),
            // The target was removed between the two calls: its name is free now.
            Err(Errno::NOENT) => {}
            Err(Errno::INVAL | Errno::NOSYS) => return swap_by_links(source, target),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::BUSY)
}

const ATTEMPTS: usize = 8;

/// The same on file systems without an exchange: the old file gets a second name first, then the new one takes its place.
///
/// After a kill in between, the old bytes are at `<source>.displaced`; callers look there. Bytes that a local writer puts at the target
/// between the two calls are lost: such file systems offer nothing better.
fn swap_by_links(source: &Entry<'_>, target: &Entry<'_>) -> rustix::io::Result<bool> {
    let spare_name = format!("{}.displaced", source.name);
    let spare = Entry { folder: rustix::io::dup(&source.folder)?, name: &spare_name };
    match spare.unlink() {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    match rustix::fs::linkat(&target.folder, target.name, &spare.folder, spare.name, AtFlags::empty()) {
        Ok(()) => {
            source.rename_to(target, RenameFlags::empty())?;
            spare.rename_to(source, RenameFlags::empty())?;
            Ok(true)
        }
        Err(Errno::NOENT) => {
            rustix::fs::linkat(&source.folder, source.name, &target.folder, target.name, AtFlags::empty())?;
            source.unlink()?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Copies `source` to a hidden name beside `target`, exchanges there, and moves the displaced file back to `source`.
fn exchange_through_copy(source: &Entry<'_>, hidden: &Entry<'_>, target: &Entry<'_>, digest: Option<&Digest>) -> Result<bool> {
    let computed = copy(source, hidden)?;
    if let Some(expected) = digest
        && computed != *expected
    {
        let _ = hidden.unlink();
        return Err(Error::new(ErrorKind::Corrupt, COPYING).context("expected", expected).context("computed", computed));
    }
    let displaced = swap(hidden, target).or_fail(ErrorKind::Storage, "exchanging two files")?;
    if displaced {
        let back_name = format!("{}.displaced", source.name);
        let back = Entry { folder: source.folder.try_clone().or_fail(ErrorKind::Storage, COPYING)?, name: &back_name };
        copy(hidden, &back)?;
        back.rename_to(source, RenameFlags::empty()).or_fail(ErrorKind::Storage, "keeping the displaced file")?;
        hidden.unlink().or_fail(ErrorKind::Storage, "removing a copy")?;
    } else {
        source.unlink().or_fail(ErrorKind::Storage, "removing a published partial file")?;
    }
    Ok(displaced)
}

fn hidden_name(path: &RelativePath) -> String {
    format!(".{}.filesync", path.file_name())
}

const COPYING: &str = "copying a file to another device";

/// Copies bytes and modification time, syncs them, and returns the digest of the new file.
fn copy(from: &Entry<'_>, to: &Entry<'_>) -> Result<Digest> {
    let open = |entry: &Entry<'_>, flags| {
        rustix::fs::openat(&entry.folder, entry.name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::from_raw_mode(0o644))
            .or_fail(ErrorKind::Storage, COPYING)
            .map(std::fs::File::from)
    };
    match to.unlink() {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(Error::new(ErrorKind::Storage, COPYING).source(error)),
    }
    let mut reader = open(from, OFlags::RDONLY)?;
    let mut writer = open(to, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
    std::io::copy(&mut reader, &mut writer).or_fail(ErrorKind::Storage, COPYING)?;
    writer.flush().and_then(|()| writer.sync_all()).or_fail(ErrorKind::Storage, COPYING)?;
    let modified = reader.metadata().and_then(|facts| facts.modified()).or_fail(ErrorKind::Storage, COPYING)?;
    writer.set_modified(modified).or_fail(ErrorKind::Storage, COPYING)?;
    let mut written = open(to, OFlags::RDONLY)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match written.read(&mut buffer).or_fail(ErrorKind::Storage, COPYING)? {
            0 => return Ok(hasher.digest()),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

/// Writes a file that readers find whole or not at all, and replaces an existing one.
///
/// # Errors
///
/// `Storage` if it cannot be written; then an existing file stays.
pub(crate) fn replace(root: &Root, path: &RelativePath, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let target = Entry::locate(root, path).context("path", path)?;
    let hidden_path = path.beside(hidden_name(path));
    let hidden = Entry { folder: target.folder.try_clone().or_fail(ErrorKind::Storage, WRITING)?, name: hidden_path.file_name() };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(&hidden.folder, hidden.name, flags, Mode::from_raw_mode(0o640));
    let mut file =
        std::io::BufWriter::new(std::fs::File::from(opened.or_fail(ErrorKind::Storage, WRITING).context("path", path)?));
    let written =
        write(&mut file).and_then(|()| file.flush()).and_then(|()| Ok(hidden.rename_to(&target, RenameFlags::empty())?));
    if written.is_err() {
        let _ = hidden.unlink();
    }
    written.or_fail(ErrorKind::Storage, WRITING).context("path", path)
}

const WRITING: &str = "writing a file";

/// Moves a file to an unused name beneath the same root.
///
/// # Errors
///
/// `NotFound` if `from` does not exist, `InvalidInput` if `to` is taken, `Storage` if the move failed.
pub fn move_file(root: &Root, from: &RelativePath, to: &RelativePath) -> Result<()> {
    let source = Entry::locate(root, from)?;
    if source.facts()?.is_none() {
        return Err(Error::new(ErrorKind::NotFound, "moving a file").context("path", from));
    }
    let target = Entry::locate(root, to).context("path", to)?;
    let moved = match source.rename_to(&target, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(&source.folder, source.name, &target.folder, target.name, AtFlags::empty())
                .and_then(|()| source.unlink())
        }
        outcome => outcome,
    };
    moved
        .map_err(|errno| {
            let kind = if errno == Errno::EXIST { ErrorKind::InvalidInput } else { ErrorKind::Storage };
            Error::new(kind, "moving a file").context("to", to).source(errno)
        })
        .context("path", from)?;
    target.sync_folder()?;
    source.sync_folder()
}

/// Forces the names of files to disk: each folder once, however many of them it holds.
///
/// # Errors
///
/// `InvalidInput` if a path leaves the root, `NotFound` if a folder does not exist, `Storage` if the disk fails.
pub fn sync_names<'p>(root: &Root, paths: impl IntoIterator<Item = &'p RelativePath>) -> Result<()> {
    let mut synced = HashSet::new();
    for path in paths {
        if synced.insert(path.folder()) {
            Entry::locate(root, path)?.sync_folder()?;
        }
    }
    Ok(())
}

/// Gives a file an unused name beneath another root, and leaves it to the caller to force that to disk; false if something has the name,
/// or if the two are on different devices: then nothing was done.
///
/// # Errors
///
/// `NotFound` if `from` or the folder of `to` does not exist, `Storage` if it failed.
pub fn place(from_root: &Root, from: &RelativePath, to_root: &Root, to: &RelativePath) -> Result<bool> {
    let source = Entry::locate(from_root, from)?;
    let target = Entry::locate(to_root, to).context("path", to)?;
    let placed = match source.rename_to(&target, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(&source.folder, source.name, &target.folder, target.name, AtFlags::empty())
                .and_then(|()| source.unlink())
        }
        outcome => outcome,
    };
    match placed {
        Ok(()) => Ok(true),
        Err(Errno::EXIST | Errno::XDEV) => Ok(false),
        Err(errno) => {
            let kind = if errno == Errno::NOENT { ErrorKind::NotFound } else { ErrorKind::Storage };
            Err(Error::new(kind, "placing a file").context("path", from).context("to", to).source(errno))
        }
    }
}

/// Removes a file; false if there was none.
///
/// # Errors
///
/// `InvalidInput` if it is not a regular file, `Storage` if it cannot be removed.
pub fn remove(root: &Root, path: &RelativePath) -> Result<bool> {
    if root.stat(path)?.is_none() {
        return Ok(false);
    }
    let entry = Entry::locate(root, path)?;
    match entry.unlink() {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(Error::new(ErrorKind::Storage, "removing a file").context("path", path).source(error)),
    }
}

/// A file that its readers cannot see yet: written under a new name, complete or gone.
pub struct NewFile {
    folder: OwnedFd,
    name: String,
    file: std::fs::File,
    hasher: Hasher,
    kept: bool,
}

impl NewFile {
    /// Creates a file under an unused name, mode 0644.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the name is taken, `NotFound` if its folder is missing, `Storage` if it cannot be created.
    pub fn create(root: &Root, path: &RelativePath) -> Result<Self> {
        let folder = root.parent_of(path)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, path.file_name(), flags, Mode::from_raw_mode(0o644))
            .map_err(|errno| {
                let kind = if errno == Errno::EXIST { ErrorKind::InvalidInput } else { ErrorKind::Storage };
                Error::new(kind, CREATING).source(errno)
            })
            .context("path", path)?;
        let name = path.file_name().to_owned();
        Ok(Self { folder, name, file: file.into(), hasher: Hasher::default(), kept: false })
    }

    /// Takes all bytes of another file by sharing its blocks; false if the file system cannot.
    pub(crate) fn share_blocks(&self, source: &std::fs::File) -> bool {
        rustix::fs::ioctl_ficlone(&self.file, source).is_ok()
    }

    /// Reads on in bytes that are shared, for their digest.
    pub(crate) fn read_shared(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Returns the number of bytes that were written, or read as shared ones, and their digest.
    pub(crate) fn so_far(&self) -> &Hasher {
        &self.hasher
    }

    /// Forgets all bytes, so that others can be written.
    pub(crate) fn clear(&mut self) -> std::io::Result<()> {
        self.hasher = Hasher::default();
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(|_| ())
    }

    /// Forces it to disk, under its name.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_all().and_then(|()| Ok(rustix::fs::fsync(&self.folder)?)).or_fail(ErrorKind::Storage, CREATING)
    }

    /// Keeps the file, and returns its size and digest. Without this call it is removed.
    pub fn keep(mut self) -> (u64, Digest) {
        self.kept = true;
        (self.hasher.length_bytes(), self.hasher.digest())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = rustix::fs::unlinkat(&self.folder, self.name.as_str(), AtFlags::empty());
        }
    }
}

const CREATING: &str = "writing a new file";

/// Reads a range of a file in pieces of at most 256 KiB until its end or until `take` stops it; returns the number of passed bytes.
///
/// # Errors
///
/// `NotFound` if the file does not exist, `InvalidInput` if the range is not within it, `Storage` if it cannot be read or
/// became shorter.
pub fn read_pieces(
    root: &Root,
    path: &RelativePath,
    offset: u64,
    length: u64,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<u64> {
    let mut file = root.open_file(path)?;
    let size = file.metadata().or_fail(ErrorKind::Storage, "reading a file's facts")?.len();
    if offset.checked_add(length).is_none_or(|end| end > size) {
        return Err(Error::new(ErrorKind::InvalidInput, "reading a range of a file")
            .context("path", path)
            .context("offset", offset)
            .context("length", length)
            .context("size_bytes", size));
    }
    file.seek(SeekFrom::Start(offset)).or_fail(ErrorKind::Storage, "reading a range of a file")?;
    let mut piece = vec![0; usize::try_from(length.min(PIECE_BYTES)).unwrap_or_default()];
    let mut done = 0;
    while done < length {
        let wanted = usize::try_from(length - done).unwrap_or(usize::MAX).min(piece.len());
        let piece = piece.get_mut(..wanted).unwrap_or_default();
        file.read_exact(piece).or_fail(ErrorKind::Storage, "reading a range of a file").context("path", path)?;
        done += wanted as u64;
        if !take(piece) {
            break;
        }
    }
    Ok(done)
}

const PIECE_BYTES: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    struct Folder {
        dir: tempfile::TempDir,
        root: Root,
    }

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let file = dir.path().join(name);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, text).unwrap();
            }
            let root = Root::open(dir.path()).unwrap();
            Self { dir, root }
        }

        fn text(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.dir.path().join(name)).ok()
        }
    }

    #[test]
    fn a_free_name_is_taken_and_nothing_is_displaced() {
        let folder = Folder::with(&[("new", "new"), ("live/x", "")]);
        assert_eq!(exchange(&folder.root, &path("new"), &folder.root, &path("live/file"), None).unwrap(), None);
        assert_eq!((folder.text("new"), folder.text("live/file")), (None, Some("new".into())));
    }

    #[test]
    fn what_was_displaced_stands_where_the_new_file_came_from() {
        let folder = Folder::with(&[("new", "new"), ("live/file", "older")]);
        let displaced = exchange(&folder.root, &path("new"), &folder.root, &path("live/file"), None).unwrap();
        assert_eq!(displaced.unwrap().size_bytes, 5);
        assert_eq!((folder.text("new"), folder.text("live/file")), (Some("older".into()), Some("new".into())));
    }

    #[test]
    fn a_file_is_placed_only_where_nothing_is() {
        let folder = Folder::with(&[("new", "new"), ("live/x", ""), ("live/taken", "older")]);
        let place = |from, to| place(&folder.root, &path(from), &folder.root, &path(to));
        assert!(!place("new", "live/taken").unwrap());
        std::os::unix::fs::symlink("/etc/passwd", folder.dir.path().join("live/link")).unwrap();
        assert!(!place("new", "live/link").unwrap());
        assert!(place("new", "live/file").unwrap());
        assert_eq!(place("new", "live/other").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(place("live/x", "nowhere/x").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(
            (folder.text("new"), folder.text("live/file"), folder.text("live/taken")),
            (None, Some("new".into()), Some("older".into()))
        );
    }

    #[test]
    fn names_are_forced_to_disk_where_their_folders_are() {
        let folder = Folder::with(&[("new", "new"), ("live/x", ""), ("other/x", "")]);
        let sync = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(|text| path(text)).collect();
            sync_names(&folder.root, &paths)
        };
        sync(&[]).unwrap();
        sync(&["new", "live/x", "other/x", "live/not-there"]).unwrap();
        assert_eq!(sync(&["nowhere/x"]).unwrap_err().kind(), ErrorKind::NotFound);
        std::os::unix::fs::symlink("live", folder.dir.path().join("link")).unwrap();
        assert!(sync(&["live/x", "link/x"]).is_err());
    }

    #[test]
    fn links_do_the_same_where_there_is_no_exchange() {
        let folder = Folder::with(&[("new", "new"), ("live", "older"), ("other", "other")]);
        let (new, live) = (path("new"), path("live"));
        let source = Entry::locate(&folder.root, &new).unwrap();
        let target = Entry::locate(&folder.root, &live).unwrap();
        assert!(swap_by_links(&source, &target).unwrap());
        assert_eq!((folder.text("new"), folder.text("live")), (Some("older".into()), Some("new".into())));
        let (other, free) = (path("other"), path("free"));
        let source = Entry::locate(&folder.root, &other).unwrap();
        let target = Entry::locate(&folder.root, &free).unwrap();
        assert!(!swap_by_links(&source, &target).unwrap());
        assert_eq!((folder.text("other"), folder.text("free")), (None, Some("other".into())));
    }

    #[test]
    fn another_device_gets_a_checked_copy_and_gives_the_displaced_file_back() {
        let folder = Folder::with(&[("new", "new"), ("live", "older")]);
        let (new, live, hidden) = (path("new"), path("live"), path(".live.filesync"));
        let entry = |path| Entry::locate(&folder.root, path).unwrap();
        let wrong = exchange_through_copy(&entry(&new), &entry(&hidden), &entry(&live), Some(&Digest::of(b"other")));
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!((folder.text("new"), folder.text("live")), (Some("new".into()), Some("older".into())));
        assert!(exchange_through_copy(&entry(&new), &entry(&hidden), &entry(&live), Some(&Digest::of(b"new"))).unwrap());
        assert_eq!((folder.text("new"), folder.text("live")), (Some("older".into()), Some("new".into())));
        assert_eq!(folder.text(".live.filesync"), None);
    }

    #[test]
    fn a_new_file_is_kept_whole_or_not_at_all() {
        let folder = Folder::with(&[("taken", "old")]);
        let create = |name| NewFile::create(&folder.root, &path(name));
        let mut kept = create("kept").unwrap();
        kept.write_all(b"whole").unwrap();
        kept.sync().unwrap();
        assert_eq!(kept.keep(), (5, Digest::of(b"whole")));
        create("dropped").unwrap().write_all(b"half").unwrap();
        assert_eq!(create("taken").err().unwrap().kind(), ErrorKind::InvalidInput);
        assert_eq!(create("nowhere/x").err().unwrap().kind(), ErrorKind::NotFound);
        assert_eq!(["kept", "dropped", "taken"].map(|name| folder.text(name)), [Some("whole".into()), None, Some("old".into())]);
    }

    #[test]
    fn a_taken_name_is_not_moved_over() {
        let folder = Folder::with(&[("a", "a"), ("b", "b")]);
        assert_eq!(move_file(&folder.root, &path("a"), &path("b")).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(move_file(&folder.root, &path("x"), &path("y")).unwrap_err().kind(), ErrorKind::NotFound);
        move_file(&folder.root, &path("a"), &path("c")).unwrap();
        assert_eq!((folder.text("a"), folder.text("b"), folder.text("c")), (None, Some("b".into()), Some("a".into())));
        assert!(remove(&folder.root, &path("c")).unwrap());
        assert!(!remove(&folder.root, &path("c")).unwrap());
    }

    #[test]
    fn a_range_is_read_in_pieces_and_only_within_the_file() {
        let text: String = ('a'..='z').cycle().take(600_000).collect();
        let folder = Folder::with(&[("f", &text), ("empty", "")]);
        let read = |from: usize, length: usize, pieces: usize| {
            let mut got = Vec::new();
            let mut left = pieces;
            let done = read_pieces(&folder.root, &path("f"), from as u64, length as u64, |piece| {
                got.extend_from_slice(piece);
                left -= 1;
                left > 0
            });
            done.map(|done| (done, String::from_utf8(got).unwrap()))
        };
        assert_eq!(read(0, 600_000, 9).unwrap(), (600_000, text.clone()));
        assert_eq!(read(7, 300_000, 9).unwrap(), (300_000, text[7..300_007].to_owned()));
        assert_eq!(read(600_000, 0, 9).unwrap(), (0, String::new()));
        assert_eq!(read(0, 600_000, 1).unwrap().0, PIECE_BYTES, "it stops when no more is wanted");
        assert_eq!(read(1, 600_000, 9).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(usize::MAX, 2, 9).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read_pieces(&folder.root, &path("none"), 0, 0, |_| true).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read_pieces(&folder.root, &path("empty"), 0, 0, |_| true).unwrap(), 0);
    }
}

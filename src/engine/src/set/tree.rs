//! The files of a set: every read and every change goes through here.
//!
//! Invariant: nothing outside the set's folder is touched and no link beneath it is followed. New files are for their owner
//! alone.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::paths::{FileFacts, RelativePath, Root};

/// A set's folder.
#[derive(Clone)]
pub(crate) struct Tree {
    root: Rc<Root>,
    #[cfg(test)]
    pub(crate) faults: Rc<super::faults::Faults>,
}

const WRITING: &str = "writing a backup set";
const READING: &str = "reading a backup set";

impl Tree {
    /// Opens a folder by absolute path.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            root: Rc::new(Root::open(folder)?),
            #[cfg(test)]
            faults: Rc::default(),
        })
    }

    /// Opens a folder by absolute path, and makes it for its owner alone if only that is missing.
    pub(crate) fn open_or_make(folder: &Path) -> Result<Self> {
        match rustix::fs::mkdir(folder, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => Self::open(folder),
            Err(error) => {
                Err(Error::new(ErrorKind::Storage, "creating a folder").context("path", folder.display()).source(error))
            }
        }
    }

    /// Is called before every change: tests end the process here, or fill the disk.
    #[cfg(test)]
    fn change(&self, grows: bool) -> Result<()> {
        self.faults.strike(grows)
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn change(&self, _grows: bool) -> Result<()> {
        Ok(())
    }

    /// Returns the folder itself, for what writes by other means.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// Returns the facts of a regular file, or none if nothing is there.
    pub(crate) fn stat(&self, path: &str) -> Result<Option<FileFacts>> {
        self.root.stat(&RelativePath::parse(path)?)
    }

    /// Tells whether anything is there, of whatever sort.
    pub(crate) fn exists(&self, path: &str) -> Result<bool> {
        let path = RelativePath::parse(path)?;
        let folder = match self.root.parent_of(&path) {
            Ok(folder) => folder,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match rustix::fs::statat(&folder, path.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(Error::new(ErrorKind::Storage, READING).source(error)).context("path", path),
        }
    }

    /// Opens a regular file for reading, or none if nothing is there.
    pub(crate) fn find(&self, path: &str) -> Result<Option<File>> {
        #[cfg(test)]
        self.faults.read(path)?;
        match self.root.open_file(&RelativePath::parse(path)?) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a regular file for reading.
    pub(crate) fn open_file(&self, path: &str) -> Result<File> {
        self.root.open_file(&RelativePath::parse(path)?)
    }

    /// Reads a file that has at most `limit_bytes`, or none if nothing is there.
    pub(crate) fn read(&self, path: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.find(path)? else { return Ok(None) };
        // Its size is a hint: without one, many small reads would find the end.
        let size = file.metadata().or_fail(ErrorKind::Storage, READING).context("path", path)?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(limit_bytes).min(limit_bytes) + 1);
        file.take(limit_bytes as u64 + 1).read_to_end(&mut bytes).or_fail(ErrorKind::Storage, READING).context("path", path)?;
        if bytes.len() > limit_bytes {
            return Err(Error::new(ErrorKind::LimitExceeded, READING).context("path", path).context("limit_bytes", limit_bytes));
        }
        Ok(Some(bytes))
    }

    /// Reads a whole file for its digest, or none if nothing is there.
    pub(crate) fn digest(&self, path: &str) -> Result<Option<Digest>> {
        let Some(mut file) = self.find(path)? else { return Ok(None) };
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match file.read(&mut buffer).or_fail(ErrorKind::Storage, READING).context("path", path)? {
                0 => return Ok(Some(hasher.digest())),
                count => hasher.update(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Opens a folder beneath the set, or the set itself (""), for listing; none if nothing is there.
    pub(crate) fn find_folder(&self, path: &str) -> Result<Option<OwnedFd>> {
        if path.is_empty() {
            return self.root.top().try_clone_to_owned().or_fail(ErrorKind::Storage, READING).map(Some);
        }
        match self.root.open_folder(&RelativePath::parse(path)?) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an empty file, in place of another if need be, and the folders above it.
    pub(crate) fn create(&self, path: &str) -> Result<File> {
        self.remove(path)?;
        self.open_new(path, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    /// Opens a file for adding at its end, and creates it if need be.
    pub(crate) fn append(&self, path: &str) -> Result<File> {
        self.open_new(path, OFlags::RDWR | OFlags::CREATE | OFlags::APPEND)
    }

    fn open_new(&self, path: &str, flags: OFlags) -> Result<File> {
        self.change(true)?;
        let path = RelativePath::parse(path)?;
        let folder = self.parent(&path)?;
        rustix::fs::openat(&folder, path.file_name(), flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::from_raw_mode(0o600))
            .or_fail(ErrorKind::Storage, WRITING)
            .context("path", path)
            .map(File::from)
    }

    /// Opens the folder above, and creates it if need be.
    fn parent(&self, path: &RelativePath) -> Result<OwnedFd> {
        match self.root.parent_of(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(folder) = path.folder() {
                    self.root.make_private_folder(&folder)?;
                }
                self.root.parent_of(path)
            }
            outcome => outcome,
        }
    }

    /// Adds bytes to an opened file.
    pub(crate) fn write(&self, mut file: &File, bytes: &[u8]) -> Result<()> {
        self.change(true)?;
        file.write_all(bytes).or_fail(ErrorKind::Storage, WRITING)
    }

    /// Writes a whole file.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let file = self.create(path)?;
        self.write(&file, bytes).context("path", path)
    }

    /// Writes a whole file that readers find whole or not at all, first at `new`, and forces it to disk.
    pub(crate) fn replace(&self, path: &str, new: &str, bytes: &[u8]) -> Result<()> {
        self.put(new, bytes)?;
        self.open_file(new)?.sync_all().or_fail(ErrorKind::Storage, WRITING).context("path", path)?;
        self.rename(new, path)?;
        let folder = self.root.parent_of(&RelativePath::parse(path)?)?;
        rustix::fs::fsync(folder).or_fail(ErrorKind::Storage, WRITING).context("path", path)
    }

    /// Renames a file, and creates the folders above its new name. Replaces what is there.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        done(self.rename_with(from, to, RenameFlags::empty())).context("from", from).context("to", to)
    }

    /// Renames a file to a name at which nothing is; false if something is there.
    pub(crate) fn rename_to_free(&self, from: &str, to: &str) -> Result<bool> {
        let outcome = match self.rename_with(from, to, RenameFlags::NOREPLACE) {
            // The file system cannot do this in one step; nobody else writes here.
            Err(Failure::Os(Errno::INVAL | Errno::NOSYS)) => {
                if self.exists(to)? {
                    return Ok(false);
                }
                self.rename_with(from, to, RenameFlags::empty())
            }
            outcome => outcome,
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(Failure::Os(Errno::EXIST)) => Ok(false),
            failed => done(failed).map(|()| true).context("from", from).context("to", to),
        }
    }

    fn rename_with(&self, from: &str, to: &str, flags: RenameFlags) -> std::result::Result<(), Failure> {
        self.change(false)?;
        let (from, to) = (RelativePath::parse(from)?, RelativePath::parse(to)?);
        let (from_folder, to_folder) = (self.root.parent_of(&from)?, self.parent(&to)?);
        rustix::fs::renameat_with(&from_folder, from.file_name(), &to_folder, to.file_name(), flags).map_err(Failure::Os)
    }

    /// Removes a file; nothing happens if there is none.
    pub(crate) fn remove(&self, path: &str) -> Result<()> {
        let path = RelativePath::parse(path)?;
        let folder = match self.root.parent_of(&path) {
            Ok(folder) => folder,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        self.change(false)?;
        match rustix::fs::unlinkat(&folder, path.file_name(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::new(ErrorKind::Storage, "removing a file").context("path", path).source(error)),
        }
    }

    /// Removes a folder if it is empty; tells whether it is gone.
    pub(crate) fn remove_empty(&self, path: &str) -> Result<bool> {
        let path = RelativePath::parse(path)?;
        let folder = match self.root.parent_of(&path) {
            Ok(folder) => folder,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        };
        self.change(false)?;
        Ok(matches!(rustix::fs::unlinkat(&folder, path.file_name(), AtFlags::REMOVEDIR), Ok(()) | Err(Errno::NOENT)))
    }

    /// Removes a folder with all that is in it.
    pub(crate) fn remove_all(&self, path: &str) -> Result<()> {
        let Some(folder) = self.find_folder(path)? else { return Ok(()) };
        self.empty(&folder, 0).context("path", path)?;
        self.remove_empty(path).map(|_| ())
    }

    /// Removes all that is in a folder, if there is one.
    pub(crate) fn clear_folder(&self, path: &str) -> Result<()> {
        self.find_folder(path)?.map_or(Ok(()), |folder| self.empty(&folder, 0)).context("path", path)
    }

    fn empty(&self, folder: &OwnedFd, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::new(ErrorKind::LimitExceeded, "removing a folder").context("limit_levels", MAX_DEPTH));
        }
        for entry in rustix::fs::Dir::read_from(folder).or_fail(ErrorKind::Storage, READING)? {
            let entry = entry.or_fail(ErrorKind::Storage, READING)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.change(false)?;
            match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR | Errno::PERM) => {
                    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let inner = rustix::fs::openat(folder, name, flags, Mode::empty()).or_fail(ErrorKind::Storage, READING)?;
                    self.empty(&inner, depth + 1)?;
                    rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR).or_fail(ErrorKind::Storage, "removing a folder")?;
                }
                Err(error) => return Err(Error::new(ErrorKind::Storage, "removing a file").source(error)),
            }
        }
        Ok(())
    }

    /// Creates a folder, and those above it.
    pub(crate) fn make_folder(&self, path: &str) -> Result<()> {
        self.change(true)?;
        self.root.make_private_folder(&RelativePath::parse(path)?)
    }

    /// Lets only the owner read a file.
    pub(crate) fn make_private(&self, file: &File) -> Result<()> {
        self.change(false)?;
        rustix::fs::fchmod(file, Mode::from_raw_mode(0o600)).or_fail(ErrorKind::Storage, WRITING)
    }

    /// Sets the modification time of a file or folder, nanoseconds since 1970.
    pub(crate) fn set_modified(&self, file: impl AsFd, mtime_ns: i64) -> Result<()> {
        self.change(false)?;
        let time =
            rustix::fs::Timespec { tv_sec: mtime_ns.div_euclid(1_000_000_000), tv_nsec: mtime_ns.rem_euclid(1_000_000_000) };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        rustix::fs::futimens(file, &times).or_fail(ErrorKind::Storage, WRITING)
    }

    /// Forces everything to disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.change(false)?;
        rustix::fs::syncfs(self.root.top()).or_fail(ErrorKind::Storage, "forcing a backup set to disk")
    }

    /// Returns the free bytes on the set's device.
    pub(crate) fn free_bytes(&self) -> Result<u64> {
        self.root.free_bytes()
    }

    /// Opens or creates the file of a lock, without emptying it.
    pub(crate) fn open_lock(&self, path: &str) -> Result<File> {
        self.open_new(path, OFlags::RDWR | OFlags::CREATE)
    }

    /// Opens a file for reading and removes its name, so that it goes away with the process.
    pub(crate) fn create_unnamed(&self, stem: &str) -> Result<File> {
        for number in 0..u32::MAX {
            let name = format!("{stem}-{number}");
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(self.root.top().as_fd(), name.as_str(), flags, Mode::from_raw_mode(0o600)) {
                Ok(file) => {
                    let _ = rustix::fs::unlinkat(self.root.top(), name.as_str(), AtFlags::empty());
                    return Ok(file.into());
                }
                Err(Errno::EXIST) => {}
                Err(error) => {
                    return Err(Error::new(ErrorKind::Storage, "making a temporary file").context("name", name).source(error));
                }
            }
        }
        Err(Error::new(ErrorKind::Storage, "making a temporary file").context("name", stem))
    }
}

const BUFFER_BYTES: usize = 256 << 10;
const MAX_DEPTH: usize = 256;

/// Why a rename failed.
enum Failure {
    Os(Errno),
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn done(outcome: std::result::Result<(), Failure>) -> Result<()> {
    outcome.map_err(|failure| match failure {
        Failure::Os(Errno::NOENT) => Error::new(ErrorKind::NotFound, WRITING),
        Failure::Os(errno) => Error::new(ErrorKind::Storage, WRITING).source(errno),
        Failure::Other(error) => error,
    })
}

/// A file that is being written and digested.
pub(crate) struct Output<'t> {
    tree: &'t Tree,
    file: File,
    buffer: Vec<u8>,
    hasher: Hasher,
}

impl<'t> Output<'t> {
    pub(crate) fn create(tree: &'t Tree, path: &str) -> Result<Self> {
        Ok(Self { tree, file: tree.create(path)?, buffer: Vec::with_capacity(BUFFER_BYTES), hasher: Hasher::default() })
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.hasher.update(&self.buffer);
        self.tree.write(&self.file, &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the rest; returns the digest of all.
    pub(crate) fn end(mut self) -> Result<Digest> {
        self.flush()?;
        Ok(self.hasher.digest())
    }
}

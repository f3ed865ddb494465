//! Relative paths and the one way to open them.
//!
//! Invariant: nothing here opens, creates or renames anything outside its root. A path is a list of names, and no symbolic link
//! among them is followed: either the kernel resolves all of them beneath the root at once, or each is opened from the previous
//! folder. So the kernel refuses a folder that turns into a link between check and use.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};

/// A path beneath a root: one or more names, none of them empty, `.` or `..`, no NUL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelativePath(Vec<String>);

impl RelativePath {
    /// Parses names separated by `/`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path is absolute, climbs, has an empty or over-long name, or a NUL.
    pub fn parse(text: &str) -> Result<Self> {
        let names: Vec<String> = text.split('/').map(str::to_owned).collect();
        match names.iter().find_map(|name| name_fault(name)) {
            Some(fault) => Err(Error::new(ErrorKind::InvalidInput, "checking a path")
                .context("path", text.escape_debug())
                .context("fault", fault)),
            None => Ok(Self(names)),
        }
    }

    fn folder_names(&self) -> &[String] {
        self.0.split_last().map_or(&[], |(_, folders)| folders)
    }

    /// Returns the folder that holds it; none if that is the root.
    pub(crate) fn folder(&self) -> Option<Self> {
        let names = self.folder_names();
        (!names.is_empty()).then(|| Self(names.to_vec()))
    }

    /// Returns the last name.
    pub fn file_name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Returns the same folder with another last name.
    pub(crate) fn beside(&self, name: String) -> Self {
        let mut names = self.folder_names().to_vec();
        names.push(name);
        Self(names)
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

const MAX_NAME_BYTES: usize = 255;

fn name_fault(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("an empty name, or an absolute path"),
        "." | ".." => Some("it climbs"),
        _ if name.contains('\0') => Some("a NUL byte"),
        _ if name.len() > MAX_NAME_BYTES => Some("a name of more than 255 bytes"),
        _ => None,
    }
}

/// An opened folder, through which everything beneath it is reached.
#[derive(Debug)]
pub struct Root {
    folder: OwnedFd,
}

impl Root {
    /// Opens a folder by absolute path. Links above and at the root itself belong to the administrator, so they are followed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path is not absolute, `Storage` if it cannot be opened as a folder.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.is_absolute() {
            return Err(Error::new(ErrorKind::InvalidInput, "opening a store root")
                .context("path", path.display())
                .context("fault", "not an absolute path"));
        }
        let folder = rustix::fs::open(path, FOLDER, Mode::empty())
            .or_fail(ErrorKind::Storage, "opening a store root")
            .context("path", path.display())?;
        Ok(Self { folder })
    }

    /// Opens the same folder once more.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(Self { folder: self.folder.try_clone().or_fail(ErrorKind::Storage, "opening a store root")? })
    }

    /// Opens the folder that holds `path`.
    pub(crate) fn parent_of(&self, path: &RelativePath) -> Result<OwnedFd> {
        self.open_folders(path.folder_names()).context("path", path)
    }

    /// Creates the folder `path` and those above it, mode 0770.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if a name is taken by something else, `Storage` if a folder cannot be created.
    pub fn make_folder(&self, path: &RelativePath) -> Result<()> {
        self.walk(&path.0, "creating a folder", |parent, name| {
            match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o770)) {
                Ok(()) => rustix::fs::fsync(parent),
                Err(Errno::EXIST) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .context("path", path)?;
        Ok(())
    }

    /// Creates the folder `path` and those above it, for its owner alone; nothing is forced to disk.
    pub(crate) fn make_private_folder(&self, path: &RelativePath) -> Result<()> {
        self.walk(&path.0, "creating a folder", |parent, name| {
            match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(error) => Err(error),
            }
        })
        .context("path", path)?;
        Ok(())
    }

    /// Opens the folder `path`.
    pub(crate) fn open_folder(&self, path: &RelativePath) -> Result<OwnedFd> {
        self.open_folders(&path.0).context("path", path)
    }

    /// Returns the root's own folder.
    pub(crate) fn top(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Returns a file's facts, or none if it or a folder above it does not exist.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not a regular file, `Storage` if it cannot be read.
    pub fn stat(&self, path: &RelativePath) -> Result<Option<FileFacts>> {
        let parent = match self.parent_of(path) {
            Ok(parent) => parent,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match rustix::fs::statat(&parent, path.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => FileFacts::of(&stat).context("path", path).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::new(ErrorKind::Storage, "reading a file's facts").source(error)).context("path", path),
        }
    }

    /// Opens a regular file for reading.
    pub(crate) fn open_file(&self, path: &RelativePath) -> Result<std::fs::File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match self.open_at_once(&path.0, flags, "opening a file").context("path", path)? {
            Some(file) => file,
            None => rustix::fs::openat(&self.parent_of(path)?, path.file_name(), flags, Mode::empty())
                .map_err(|errno| open_error(errno, "opening a file"))
                .context("path", path)?,
        };
        FileFacts::of(&rustix::fs::fstat(&file).or_fail(ErrorKind::Storage, "reading a file's facts")?).context("path", path)?;
        Ok(file.into())
    }

    /// Returns the bytes that an unprivileged process may still write on the root's device.
    ///
    /// # Errors
    ///
    /// `Storage` if the device does not answer.
    pub fn free_bytes(&self) -> Result<u64> {
        let facts = rustix::fs::fstatvfs(&self.folder).or_fail(ErrorKind::Storage, "asking for free space")?;
        Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
    }

    fn open_folders(&self, names: &[String]) -> Result<OwnedFd> {
        match self.open_at_once(names, FOLDER, "opening a folder")? {
            Some(folder) => Ok(folder),
            None => self.walk(names, "opening a folder", |_, _| Ok(())),
        }
    }

    /// Has the kernel resolve several names in one call; none where it cannot (before Linux 5.6, or forbidden in a container), or
    /// where opening one after the other tells more of what is wrong.
    fn open_at_once(&self, names: &[String], flags: OFlags, operation: &'static str) -> Result<Option<OwnedFd>> {
        if names.len() < 2 {
            return Ok(None);
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.folder, names.join("/"), flags, Mode::empty(), resolve) {
            Ok(opened) => Ok(Some(opened)),
            Err(Errno::NOENT) => Err(open_error(Errno::NOENT, operation)),
            Err(_) => Ok(None),
        }
    }

    fn walk(
        &self,
        names: &[String],
        operation: &'static str,
        before: impl Fn(&OwnedFd, &str) -> rustix::io::Result<()>,
    ) -> Result<OwnedFd> {
        let mut folder = self.folder.try_clone().or_fail(ErrorKind::Storage, operation)?;
        for name in names {
            before(&folder, name).or_fail(ErrorKind::Storage, operation).context("name", name)?;
            folder = rustix::fs::openat(folder.as_fd(), name, FOLDER | OFlags::NOFOLLOW, Mode::empty())
                .map_err(|errno| open_error(errno, operation))
                .context("name", name)?;
        }
        Ok(folder)
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn open_error(errno: Errno, operation: &'static str) -> Error {
    let kind = match errno {
        Errno::NOENT => ErrorKind::NotFound,
        Errno::LOOP | Errno::NOTDIR | Errno::MLINK => ErrorKind::InvalidInput,
        _ => ErrorKind::Storage,
    };
    Error::new(kind, operation).source(errno)
}

/// Facts that identify a file's present content without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Time of the last change of its bytes, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Time of the last change of its inode, nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl FileFacts {
    /// Reads the facts of a regular file; anything else is `InvalidInput`.
    pub(crate) fn of(stat: &Stat) -> Result<Self> {
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(Error::new(ErrorKind::InvalidInput, "reading a file's facts").context("fault", "not a regular file"));
        }
        Ok(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        })
    }
}

fn nanoseconds(seconds: i64, nanoseconds: u64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(i64::try_from(nanoseconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind_of<T: fmt::Debug>(result: Result<T>) -> ErrorKind {
        result.expect_err("should have been refused").kind()
    }

    #[test]
    fn paths_that_climb_or_are_absolute_are_refused() {
        for bad in ["", "/", "/etc/passwd", "..", "a/../b", "a//b", "a/.", "a\0b", "a/", &"x".repeat(256)] {
            assert_eq!(kind_of(RelativePath::parse(bad)), ErrorKind::InvalidInput, "{bad:?}");
        }
    }

    #[test]
    fn a_link_beneath_the_root_is_refused_wherever_it_stands() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let inside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), inside.path().join("folder")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), inside.path().join("file")).unwrap();
        let root = Root::open(inside.path()).unwrap();
        let through = RelativePath::parse("folder/secret").unwrap();
        let link = RelativePath::parse("file").unwrap();
        assert_eq!(kind_of(root.stat(&through)), ErrorKind::InvalidInput);
        assert_eq!(kind_of(root.open_file(&through)), ErrorKind::InvalidInput);
        assert_eq!(kind_of(root.stat(&link)), ErrorKind::InvalidInput);
        assert_eq!(kind_of(root.open_file(&link)), ErrorKind::InvalidInput);
        assert_eq!(kind_of(root.make_folder(&RelativePath::parse("folder/new").unwrap())), ErrorKind::InvalidInput);
        assert!(!outside.path().join("new").exists());
    }

    #[test]
    fn a_missing_folder_means_no_such_file() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let path = RelativePath::parse("a/b/c").unwrap();
        assert_eq!(root.stat(&path).unwrap(), None);
        root.make_folder(&RelativePath::parse("a/b").unwrap()).unwrap();
        root.make_folder(&RelativePath::parse("a/b").unwrap()).unwrap();
        std::fs::write(dir.path().join("a/b/c"), "12345").unwrap();
        assert_eq!(root.stat(&path).unwrap().unwrap().size_bytes, 5);
    }

    proptest! {
        #[test]
        fn a_path_that_parses_stays_beneath_its_root(text in "[./a\\x00]{0,12}") {
            if let Ok(path) = RelativePath::parse(&text) {
                let joined = Path::new("/root").join(path.to_string());
                prop_assert!(joined.components().all(|c| c != std::path::Component::ParentDir));
                prop_assert!(joined.starts_with("/root") && joined != Path::new("/root"));
            }
        }
    }
}

//! `FileSync\Store` and `FileSync\FileDigest`.

use std::path::Path;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use filesync_engine::{Digest, Error, ErrorKind, Result, Root, store};

use crate::convert;
use crate::exceptions::{OrThrow, exception};

/// One folder and everything beneath it.
#[php_class]
#[php(name = "FileSync\\Store", flags = ClassFlags::Final)]
pub struct Store {
    pub(crate) root: Root,
}

#[php_impl]
impl Store {
    /// Opens a folder.
    pub fn __construct(root: &str) -> PhpResult<Self> {
        Ok(Self { root: Root::open(Path::new(root)).or_throw()? })
    }

    /// Returns the facts that identify a file's present content, or null if it does not exist.
    pub fn stat(&self, path: &str) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let facts = self.root.stat(&convert::path(path).or_throw()?).or_throw()?;
        Ok(facts.map(convert::facts_row))
    }

    /// Creates a folder and those above it beneath the root.
    pub fn make_folder(&self, path: &str) -> PhpResult<()> {
        self.root.make_folder(&convert::path(path).or_throw()?).or_throw()
    }

    /// Puts a file at a path beneath another store in one step.
    #[php(defaults(sha256 = None))]
    pub fn exchange(
        &self,
        from: &str,
        target: &ZendClassObject<Store>,
        to: &str,
        sha256: Option<&str>,
    ) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let digest = sha256.map(Digest::parse).transpose().or_throw()?;
        let (from, to) = (convert::path(from).or_throw()?, convert::path(to).or_throw()?);
        let displaced = store::exchange(&self.root, &from, &target.root, &to, digest.as_ref()).or_throw()?;
        Ok(displaced.map(convert::facts_row))
    }

    /// Moves a file within this store to an unused name.
    #[php(name = "move")]
    pub fn move_file(&self, from: &str, to: &str) -> PhpResult<()> {
        store::move_file(&self.root, &convert::path(from).or_throw()?, &convert::path(to).or_throw()?).or_throw()
    }

    /// Gives a file an unused name beneath another store.
    pub fn place(&self, from: &str, target: &ZendClassObject<Store>, to: &str) -> PhpResult<bool> {
        let (from, to) = (convert::path(from).or_throw()?, convert::path(to).or_throw()?);
        store::place(&self.root, &from, &target.root, &to).or_throw()
    }

    /// Forces the names of files to disk.
    pub fn sync_names(&self, paths: &ZendHashTable) -> PhpResult<()> {
        let names = convert::texts("paths", paths).or_throw()?;
        let paths: Vec<_> = names.into_iter().map(convert::path).collect::<Result<_>>().or_throw()?;
        store::sync_names(&self.root, &paths).or_throw()
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) -> PhpResult<bool> {
        store::remove(&self.root, &convert::path(path).or_throw()?).or_throw()
    }

    /// Returns the free bytes on this folder's device.
    pub fn free_bytes(&self) -> PhpResult<i64> {
        self.root.free_bytes().map(convert::integer).or_throw()
    }
}

/// The SHA-256 of a file, computed a bounded step at a time.
#[php_class]
#[php(name = "FileSync\\FileDigest", flags = ClassFlags::Final)]
pub struct FileDigest {
    inner: filesync_engine::FileDigest,
}

#[php_impl]
impl FileDigest {
    /// Opens the file.
    pub fn __construct(store: &ZendClassObject<Store>, path: &str) -> PhpResult<Self> {
        let path = convert::path(path).or_throw()?;
        Ok(Self { inner: filesync_engine::FileDigest::open(&store.root, &path).or_throw()? })
    }

    /// Reads for about the given milliseconds; true at the end of the file.
    pub fn step(&mut self, budget_ms: i64) -> PhpResult<bool> {
        self.inner.step(convert::budget(budget_ms).or_throw()?).or_throw()
    }

    /// Returns the digest as 64 lower-case hex digits.
    pub fn sha256(&self) -> PhpResult<String> {
        let unfinished = || {
            exception(
                &Error::new(ErrorKind::InvalidInput, "asking for a digest").context("fault", "step() has not returned true yet"),
            )
        };
        self.inner.digest().map(|digest| digest.to_string()).ok_or_else(unfinished)
    }

    /// Returns the number of bytes read so far.
    pub fn size_bytes(&self) -> i64 {
        convert::integer(self.inner.length_bytes())
    }
}

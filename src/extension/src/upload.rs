//! `FileSync\Upload`.

// Types that hold a PHP string of any bytes are passed by value.
#![allow(clippy::needless_pass_by_value)]

use ext_php_rs::binary_slice::BinarySlice;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use filesync_engine::{Digest, Error, ErrorKind, Result, UploadSpec};

use crate::convert::{self, Fields};
use crate::exceptions::OrThrow;
use crate::settings;
use crate::store::Store;

/// A file that its owner sends in pieces.
#[php_class]
#[php(name = "FileSync\\Upload", flags = ClassFlags::Final)]
pub struct Upload {
    /// None once it has its final name.
    inner: Option<filesync_engine::Upload>,
}

#[php_impl]
impl Upload {
    /// Opens or creates it, and goes on where it was kept.
    pub fn __construct(store: &ZendClassObject<Store>, path: &str, what: &ZendHashTable) -> PhpResult<Self> {
        let (spec, headroom_bytes) = spec_of(what).or_throw()?;
        Ok(Self { inner: Some(filesync_engine::Upload::open(&store.root, path, spec, headroom_bytes).or_throw()?) })
    }

    /// Returns how many bytes were written.
    pub fn length_bytes(&self) -> PhpResult<i64> {
        self.open().map(|upload| convert::integer(upload.length_bytes())).or_throw()
    }

    /// Tells whether all bytes were written.
    pub fn is_whole(&self) -> PhpResult<bool> {
        self.open().map(filesync_engine::Upload::is_whole).or_throw()
    }

    /// Adds bytes at the end.
    pub fn write(&mut self, bytes: BinarySlice<u8>) -> PhpResult<()> {
        self.open_mut().and_then(|upload| upload.write(&bytes)).or_throw()
    }

    /// Forgets what was written since it was last kept.
    pub fn forget(&mut self) -> PhpResult<()> {
        self.open_mut().and_then(filesync_engine::Upload::forget).or_throw()
    }

    /// Forces what was written to disk.
    pub fn keep(&mut self) -> PhpResult<i64> {
        self.open_mut().and_then(filesync_engine::Upload::keep).map(convert::integer).or_throw()
    }

    /// Gives the whole file its final name.
    pub fn place(&mut self, to: &str) -> PhpResult<()> {
        let to = convert::path(to).or_throw()?;
        let upload = self.inner.take().ok_or_else(over);
        upload.and_then(|upload| upload.place(&to)).or_throw()
    }

    /// Returns how many bytes are kept, whoever writes it now.
    pub fn offset_of(store: &ZendClassObject<Store>, path: &str, what: &ZendHashTable) -> PhpResult<i64> {
        let (spec, _) = spec_of(what).or_throw()?;
        filesync_engine::Upload::offset_of(&store.root, path, &spec).map(convert::integer).or_throw()
    }

    /// Removes what arrived.
    pub fn remove(store: &ZendClassObject<Store>, path: &str) -> PhpResult<()> {
        filesync_engine::Upload::remove(&store.root, path).or_throw()
    }
}

impl Upload {
    fn open(&self) -> Result<&filesync_engine::Upload> {
        self.inner.as_ref().ok_or_else(over)
    }

    fn open_mut(&mut self) -> Result<&mut filesync_engine::Upload> {
        self.inner.as_mut().ok_or_else(over)
    }
}

fn over() -> Error {
    Error::new(ErrorKind::InvalidInput, "receiving an upload").context("fault", "it has its final name, or was thrown away")
}

fn spec_of(what: &ZendHashTable) -> Result<(UploadSpec, u64)> {
    let fields = Fields::of("what", what, &["size_bytes", "sha256", "headroom_bytes"])?;
    let limits = settings::limits()?.transfer;
    let size_bytes = fields.number("size_bytes", 0..=i64::MAX)?;
    if size_bytes > limits.max_file_bytes {
        return Err(Error::new(ErrorKind::LimitExceeded, "receiving an upload")
            .context("size_bytes", size_bytes)
            .context("limit_bytes", limits.max_file_bytes)
            .context("setting", "filesync.max_file_bytes"));
    }
    let spec = UploadSpec { size_bytes, sha256: Digest::parse(fields.text("sha256")?)? };
    Ok((spec, fields.number_or("headroom_bytes", 0..=i64::MAX, limits.disk_headroom_bytes)?))
}

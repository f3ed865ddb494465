//! `FileSync\Pack` and `FileSync\PackWriter`.

// Types that hold a PHP string of any bytes are passed by value.
#![allow(clippy::needless_pass_by_value)]

use ext_php_rs::binary_slice::BinarySlice;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use filesync_engine::pack::{self, MOST_PACK_BYTES};
use filesync_engine::{Digest, Error, ErrorKind, Result};

use crate::convert::{self, Row};
use crate::exceptions::OrThrow;
use crate::serve;
use crate::store::Store;

/// Many small files in one body.
#[php_class]
#[php(name = "FileSync\\Pack", flags = ClassFlags::Final)]
pub struct Pack {
    bytes: Vec<u8>,
    /// Once all bytes are here and keep the rules.
    inner: Option<pack::Pack>,
}

#[php_impl]
impl Pack {
    /// Begins with no bytes.
    pub fn __construct() -> Self {
        Self { bytes: Vec::new(), inner: None }
    }

    /// Adds bytes at the end.
    pub fn write(&mut self, bytes: BinarySlice<u8>) -> PhpResult<()> {
        self.add(&bytes).or_throw()
    }

    /// Reads it, once all bytes are here.
    pub fn members(&mut self) -> PhpResult<Vec<ZBox<ZendHashTable>>> {
        let parsed = match self.inner.take() {
            Some(parsed) => parsed,
            None => pack::Pack::parse(std::mem::take(&mut self.bytes)).or_throw()?,
        };
        let row = |(digest, bytes): (Digest, &[u8])| {
            let size = convert::integer(bytes.len() as u64);
            Row::new().with("sha256", digest.to_string()).with("size_bytes", size).done()
        };
        let rows = parsed.members().map(row).collect();
        self.inner = Some(parsed);
        Ok(rows)
    }

    /// Puts each member at its digest.
    pub fn place(&self, store: &ZendClassObject<Store>, folder: &str, partial: &str, headroom_bytes: i64) -> PhpResult<()> {
        let folder = convert::path(folder).or_throw()?;
        let headroom_bytes = convert::count("headroom_bytes", headroom_bytes).or_throw()?;
        let unread =
            || Error::new(ErrorKind::InvalidInput, "placing the files of a pack").context("fault", "members() comes first");
        let pack = self.inner.as_ref().ok_or_else(unread);
        pack.and_then(|pack| pack.place(&store.root, &folder, partial, headroom_bytes)).or_throw()
    }
}

impl Pack {
    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        if self.bytes.len() + bytes.len() > MOST_PACK_BYTES {
            return Err(Error::new(ErrorKind::LimitExceeded, "reading a pack").context("limit_bytes", MOST_PACK_BYTES));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// A pack that is being made.
#[php_class]
#[php(name = "FileSync\\PackWriter", flags = ClassFlags::Final)]
pub struct PackWriter {
    inner: pack::PackWriter,
}

#[php_impl]
impl PackWriter {
    /// Begins with no files.
    pub fn __construct() -> Self {
        Self { inner: pack::PackWriter::default() }
    }

    /// Tells whether a file of this size still fits.
    pub fn has_room(&self, size_bytes: i64) -> PhpResult<bool> {
        Ok(self.inner.has_room(convert::count("size_bytes", size_bytes).or_throw()?))
    }

    /// Adds a file; false if it has other bytes by now.
    pub fn add(&mut self, store: &ZendClassObject<Store>, path: &str, size_bytes: i64, sha256: &str) -> PhpResult<bool> {
        let path = convert::path(path).or_throw()?;
        let size_bytes = convert::count("size_bytes", size_bytes).or_throw()?;
        let sha256 = Digest::parse(sha256).or_throw()?;
        self.inner.add_file(&store.root, &path, size_bytes, sha256).or_throw()
    }

    /// Returns how many files are in it.
    pub fn count(&self) -> i64 {
        convert::integer(self.inner.count() as u64)
    }

    /// Returns its length.
    pub fn length_bytes(&self) -> i64 {
        convert::integer(self.inner.length_bytes() as u64)
    }

    /// Sends it as the body of the response, and is empty afterwards.
    pub fn send(&mut self) -> i64 {
        let bytes = std::mem::take(&mut self.inner).end();
        convert::integer(serve::send_bytes(&bytes) as u64)
    }
}

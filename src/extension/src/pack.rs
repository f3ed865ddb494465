//! `FileSync\Pack`.

// Types that hold a PHP string of any bytes are passed by value.
#![allow(clippy::needless_pass_by_value)]

use ext_php_rs::binary_slice::BinarySlice;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use filesync_engine::pack::{self, MOST_PACK_BYTES};
use filesync_engine::{Error, ErrorKind, Result};

use crate::convert::{self, Row};
use crate::exceptions::OrThrow;
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
        let row = |(digest, bytes): (filesync_engine::Digest, &[u8])| {
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

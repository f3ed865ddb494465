//! `FileSync\Inventory`.

// Types that hold a PHP string of any bytes are passed by value.
#![allow(clippy::needless_pass_by_value)]

use ext_php_rs::binary::Binary;
use ext_php_rs::binary_slice::BinarySlice;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use filesync_engine::inventory::{self, EntryId};

use crate::convert;
use crate::exceptions::OrThrow;
use crate::settings;
use crate::store::Store;

/// The files of a channel, and the differences between two inventories.
#[php_class]
#[php(name = "FileSync\\Inventory", flags = ClassFlags::Final)]
pub struct Inventory {
    inner: inventory::Inventory,
}

#[php_impl]
impl Inventory {
    /// Makes an empty inventory.
    pub fn __construct() -> PhpResult<Self> {
        Ok(Self { inner: inventory::Inventory::new(settings::limits().or_throw()?.inventory) })
    }

    /// Adds a file.
    pub fn add(&mut self, hash: &str, content: BinarySlice<u8>, metadata: BinarySlice<u8>) -> PhpResult<()> {
        self.inner.add(hash, &content, &metadata).or_throw()
    }

    /// Ends adding.
    pub fn seal(&mut self) {
        self.inner.seal();
    }

    /// Returns the number of entries.
    pub fn count(&self) -> i64 {
        convert::integer(self.inner.len() as u64)
    }

    /// Returns the hash of a key's file.
    pub fn find(&self, key: &str) -> PhpResult<Option<String>> {
        Ok(self.inner.find(convert::key(key).or_throw()?).map(str::to_owned))
    }

    /// Begins a comparison.
    pub fn begin(&mut self) -> PhpResult<Binary<u8>> {
        self.inner.begin().map(Binary::new).or_throw()
    }

    /// Answers a message from a side that began.
    pub fn answer(&self, message: BinarySlice<u8>) -> PhpResult<Binary<u8>> {
        self.inner.answer(&message).map(Binary::new).or_throw()
    }

    /// Processes an answer.
    pub fn advance(&mut self, message: BinarySlice<u8>) -> PhpResult<Option<Binary<u8>>> {
        Ok(self.inner.advance(&message).or_throw()?.map(Binary::new))
    }

    /// Returns the number of processed answers.
    pub fn rounds(&self) -> i64 {
        i64::from(self.inner.rounds())
    }

    /// Returns how many files differ.
    pub fn difference_count(&self) -> PhpResult<i64> {
        self.inner.difference_count().map(|count| convert::integer(count as u64)).or_throw()
    }

    /// Returns some of the files that differ.
    pub fn differences(&self, offset: i64, limit: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let [offset, limit] = [convert::count("offset", offset).or_throw()?, convert::count("limit", limit).or_throw()?]
            .map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let some = self.inner.differences(offset).or_throw()?.take(limit);
        Ok(convert::list(some.map(|one| convert::difference_row(&one))))
    }

    /// Saves the inventory with the progress of its comparison.
    pub fn save(&self, store: &ZendClassObject<Store>, path: &str) -> PhpResult<()> {
        self.inner.save(&store.root, &convert::path(path).or_throw()?).or_throw()
    }

    /// Reads a saved inventory.
    pub fn load(store: &ZendClassObject<Store>, path: &str) -> PhpResult<Self> {
        let path = convert::path(path).or_throw()?;
        let inner = inventory::Inventory::load(&store.root, &path, settings::limits().or_throw()?.inventory).or_throw()?;
        Ok(Self { inner })
    }

    /// Returns the id of a file's version.
    pub fn id(hash: &str, content: BinarySlice<u8>, metadata: BinarySlice<u8>) -> String {
        EntryId::of(hash, &content, &metadata).to_string()
    }
}

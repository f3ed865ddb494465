//! `FileSync\Relocator`.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::ZendHashTable;
use filesync_engine::HubUrl;
use filesync_engine::item::Level;
use filesync_engine::relocate::{self, Relocation};

use crate::convert;
use crate::exceptions::OrThrow;

/// Rewrites URLs of the origin hub to this hub.
#[php_class]
#[php(name = "FileSync\\Relocator", flags = ClassFlags::Final)]
pub struct Relocator {
    inner: Relocation,
}

#[php_impl]
impl Relocator {
    /// Describes a move from one hub to another.
    pub fn __construct(options: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { inner: convert::relocation(options).or_throw()? })
    }

    /// Rewrites bbcode, Markdown, HTML or a single URL.
    pub fn text(&self, text: &str) -> String {
        self.inner.text(text).into_owned()
    }

    /// Rewrites the string values of a JSON text.
    pub fn json(&self, json: &str) -> PhpResult<String> {
        Ok(self.inner.json(json).or_throw()?.into_owned())
    }

    /// Rewrites the strings of an array, at any depth up to 64.
    pub fn value(&self, value: &ZendHashTable) -> PhpResult<ZBox<ZendHashTable>> {
        convert::relocated(&self.inner, Level::strings(), value).or_throw()
    }

    /// Rewrites the fields of an item that may point at a hub.
    pub fn item(&self, item: &ZendHashTable) -> PhpResult<ZBox<ZendHashTable>> {
        convert::relocated(&self.inner, Level::item(), item).or_throw()
    }

    /// Does the same for many items.
    pub fn items(&self, items: &ZendHashTable) -> PhpResult<ZBox<ZendHashTable>> {
        convert::relocated(&self.inner, Level::items(), items).or_throw()
    }

    /// Returns the hashes in URLs of files and photos at a hub, in a text or JSON text.
    pub fn media_hashes(hub: &str, text: &str) -> PhpResult<ZBox<ZendHashTable>> {
        let mut hashes: Vec<String> = relocate::media_hashes(&HubUrl::parse(hub).or_throw()?, text).into_iter().collect();
        hashes.sort();
        Ok(convert::list(hashes))
    }
}

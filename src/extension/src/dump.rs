//! `FileSync\Dump`.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use filesync_engine::dump::{self, Cursor, Section};
use filesync_engine::{Error, ErrorKind, Limits, Result};

use crate::convert::{self, Row};
use crate::exceptions::OrThrow;
use crate::store::Store;

/// A hub's export file that is read as a stream.
#[php_class]
#[php(name = "FileSync\\Dump", flags = ClassFlags::Final)]
pub struct Dump {
    inner: dump::Dump,
}

#[php_impl]
impl Dump {
    /// Opens a file beneath a store, at its beginning or where a cursor says.
    #[php(defaults(cursor = None))]
    pub fn __construct(store: &ZendClassObject<Store>, path: &str, cursor: Option<&str>) -> PhpResult<Self> {
        let path = convert::path(path).or_throw()?;
        let cursor = cursor.map(Cursor::parse).transpose().or_throw()?;
        Ok(Self { inner: dump::Dump::open(&store.root, &path, cursor, Limits::default().dump).or_throw()? })
    }

    /// Returns the file's shape.
    pub fn format(&self) -> &'static str {
        self.inner.format().name()
    }

    /// Returns the next elements of one section, or null at the end of the file.
    #[php(defaults(most_elements = 200, most_bytes = 4_194_304))]
    pub fn next(&mut self, most_elements: i64, most_bytes: i64) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let most_elements = at_least_one("most_elements", most_elements).or_throw()?;
        let most_bytes = at_least_one("most_bytes", most_bytes).or_throw()?;
        let mut elements = ZendHashTable::new();
        let slice = self.inner.slice(most_elements, most_bytes, |text| {
            // Fails only if memory runs out, and then PHP ends the request.
            let _ = elements.push(text);
        });
        let row = slice.or_throw()?.map(|slice| {
            Row::new()
                .with("document", slice.document)
                .with("section", slice.section)
                .with("first", slice.first.map(convert::integer))
                .with("elements", elements)
                .done()
        });
        Ok(row)
    }

    /// Passes over elements for about the given milliseconds; true at the end of the file.
    pub fn step(&mut self, budget_ms: i64) -> PhpResult<bool> {
        self.inner.step(convert::budget(budget_ms).or_throw()?).or_throw()
    }

    /// Returns the sections that were entered so far.
    pub fn sections(&self) -> Vec<ZBox<ZendHashTable>> {
        self.inner.sections().map(section_row).collect()
    }

    /// Returns where to go on.
    pub fn cursor(&self) -> String {
        self.inner.cursor().to_string()
    }

    /// Goes on elsewhere.
    pub fn seek(&mut self, cursor: &str) -> PhpResult<()> {
        Cursor::parse(cursor).and_then(|cursor| self.inner.seek(cursor)).or_throw()
    }
}

fn section_row(section: &Section) -> ZBox<ZendHashTable> {
    Row::new()
        .with("document", section.document.clone())
        .with("section", section.name.clone())
        .with("is_list", section.is_list)
        .with("elements", convert::integer(section.elements))
        .with("bytes", convert::integer(section.bytes))
        .with("cursor", section.cursor.to_string())
        .done()
}

fn at_least_one(parameter: &'static str, value: i64) -> Result<u64> {
    let expected = || {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", parameter)
            .context("value", value)
            .context("expected", "1 or more")
    };
    u64::try_from(value).ok().filter(|value| *value > 0).ok_or_else(expected)
}

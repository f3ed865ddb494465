//! A hub's export file, of any size, read as a stream: its sections (the keys of its object) and their elements (the items of a list, or the
//! section's value).
//!
//! Invariant: no more than one element is in memory, and what is handed out is whole, valid JSON. A file is JSON, gzip, or a zip archive of
//! documents. A place in it is an offset of plain bytes, where a later process goes on: in JSON at once, in the others by unpacking what
//! comes before it in the same document.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rawzip::FileReader;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::limits::DumpLimits;
use crate::paths::{RelativePath, Root};

mod json;
mod source;
mod window;

pub use source::Format;

use json::Found;
use source::{Bytes, Plain, READING, Source};
use window::Window;

const CHUNK_BYTES: usize = 256 << 10;
const ELEMENT_REMEDY: &str = "remove this element from the file; what else is in it can be read";

/// An export file that is being read.
pub struct Dump {
    source: Source,
    limits: DumpLimits,
    chunk_bytes: usize,
    window: Window,
    /// Number of the open document.
    document: usize,
    /// Where in it to go on if this process ends now, and what comes there.
    offset: u64,
    place: Place,
    /// Name of the section there.
    section: String,
    /// After an error: the window is not at the offset.
    is_lost: bool,
    /// Length of the element at the window's beginning, once it was found.
    element: Option<usize>,
    /// Offset of the present section, if that is known.
    section_at: Option<u64>,
    /// How many sections were entered.
    entered: u64,
    /// By document and offset.
    sections: BTreeMap<(usize, u64), Section>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A section, or the end of the document.
    Between,
    /// The value of a section.
    Value,
    /// An element of a section's list, of this number, or the list's end.
    List(u64),
    /// Nothing: all documents were read.
    End,
}

/// A place between two elements of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Size of the file: of another one it says nothing.
    size: u64,
    /// Number of the document in an archive.
    document: usize,
    /// Offset in its plain bytes.
    offset: u64,
    /// The section whose value begins or goes on here; none between two sections.
    section: Option<String>,
    /// How many elements of the section's list come before; none if the value begins here.
    element: Option<u64>,
}

impl Cursor {
    /// Reads a cursor as text.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is malformed.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).or_fail(ErrorKind::InvalidInput, "reading the cursor of an export file")
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| std::fmt::Error)?)
    }
}

/// Some elements of one section.
#[derive(Debug, PartialEq, Eq)]
pub struct Slice {
    /// The document's name, in an archive.
    pub document: Option<String>,
    /// The section's name.
    pub section: String,
    /// Number of the first element in the section's list; none if the section is not a list.
    pub first: Option<u64>,
}

/// What was met of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The document's name, in an archive.
    pub document: Option<String>,
    /// Its name.
    pub name: String,
    /// Tells whether it is a list.
    pub is_list: bool,
    /// How many elements were met.
    pub elements: u64,
    /// How long they are, without what stands between them.
    pub bytes: u64,
    /// Where it begins.
    pub cursor: Cursor,
}

impl Dump {
    /// Opens a file beneath a root, at its beginning or at a cursor.
    ///
    /// # Errors
    ///
    /// `NotFound` or `Storage` if it cannot be opened, `InvalidInput` if it is a damaged archive or the cursor is of another file,
    /// `Unsupported` or `LimitExceeded` for an archive that is not read.
    pub fn open(root: &Root, path: &RelativePath, cursor: Option<Cursor>, limits: DumpLimits) -> Result<Self> {
        let file = root.open_file(path)?;
        let size_bytes = file.metadata().or_fail(ErrorKind::Storage, READING)?.len();
        Self::new(Arc::new(FileReader::from(file)), size_bytes, cursor, limits, CHUNK_BYTES)
    }

    /// Reads bytes in memory, some at a time: for tests and fuzzing.
    ///
    /// # Errors
    ///
    /// As of [`Dump::open`].
    #[doc(hidden)]
    pub fn of_bytes(bytes: Vec<u8>, cursor: Option<Cursor>, limits: DumpLimits, chunk_bytes: usize) -> Result<Self> {
        let size_bytes = bytes.len() as u64;
        Self::new(Arc::new(bytes), size_bytes, cursor, limits, chunk_bytes)
    }

    fn new(bytes: Bytes, size_bytes: u64, cursor: Option<Cursor>, limits: DumpLimits, chunk_bytes: usize) -> Result<Self> {
        let source = Source::open(bytes, size_bytes, &limits)?;
        let start = Cursor { size: size_bytes, document: 0, offset: 0, section: None, element: None };
        let mut dump = Self {
            source,
            limits,
            chunk_bytes,
            window: Window::new(Plain::nothing(), 0, chunk_bytes),
            document: 0,
            offset: 0,
            place: Place::End,
            section: String::new(),
            is_lost: false,
            element: None,
            section_at: None,
            entered: 0,
            sections: BTreeMap::new(),
        };
        dump.seek(cursor.unwrap_or(start))?;
        Ok(dump)
    }

    /// Returns the file's shape.
    pub fn format(&self) -> Format {
        self.source.format()
    }

    /// Returns where to go on.
    pub fn cursor(&self) -> Cursor {
        let (is_within, element) = match self.place {
            Place::Value => (true, None),
            Place::List(number) => (true, Some(number)),
            Place::Between | Place::End => (false, None),
        };
        let section = is_within.then(|| self.section.clone());
        Cursor { size: self.source.size_bytes(), document: self.document, offset: self.offset, section, element }
    }

    /// Goes on elsewhere. In a compressed document all that comes before is unpacked again.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the cursor is of a file of another size, or what comes before is damaged; `Storage` if the disk fails.
    pub fn seek(&mut self, cursor: Cursor) -> Result<()> {
        let documents = self.source.documents();
        if cursor.size != self.source.size_bytes() || cursor.document > documents {
            return Err(Error::new(ErrorKind::InvalidInput, "going on in an export file")
                .context("fault", "the cursor is of another file")
                .context("expected_bytes", cursor.size)
                .context("size_bytes", self.source.size_bytes()));
        }
        let place = match (&cursor.section, cursor.element) {
            _ if cursor.document == documents => Place::End,
            (None, _) => Place::Between,
            (Some(_), None) => Place::Value,
            (Some(_), Some(number)) => Place::List(number),
        };
        let plain = match place {
            Place::End => Plain::nothing(),
            _ => self.source.read_from(cursor.document, cursor.offset)?,
        };
        self.window = Window::new(plain, cursor.offset, self.chunk_bytes);
        self.section_at = (place == Place::Value).then_some(cursor.offset);
        (self.document, self.offset, self.place) = (cursor.document, cursor.offset, place);
        self.section = cursor.section.unwrap_or_default();
        (self.element, self.is_lost) = (None, false);
        Ok(())
    }

    /// Returns the sections that were entered so far, in the order of the file, with what was met of them.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.values()
    }

    /// Hands out elements of one section; none at the end of the file. At least one comes, however long it is.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the file is not JSON or is damaged, `LimitExceeded` if an element is too long or too deep, or if there is too
    /// much of something, `Storage` if the disk fails. What comes before is handed out first: the error comes with the next call.
    pub fn slice(&mut self, most_elements: u64, most_bytes: u64, mut take: impl FnMut(&str)) -> Result<Option<Slice>> {
        let Some(mut length) = self.reach()? else { return Ok(None) };
        let (slice, section) = (self.here(), self.entered);
        let (mut elements, mut bytes) = (0, 0);
        loop {
            take(self.text(length)?);
            self.pass(length);
            elements += 1;
            bytes += length as u64;
            if elements >= most_elements {
                return Ok(Some(slice));
            }
            match self.reach() {
                Ok(Some(next)) if self.entered == section && bytes + next as u64 <= most_bytes => length = next,
                _ => return Ok(Some(slice)),
            }
        }
    }

    /// Passes over elements for about this long; true at the end of the file.
    ///
    /// # Errors
    ///
    /// As of [`Dump::slice`].
    pub fn step(&mut self, budget: Duration) -> Result<bool> {
        let end = Instant::now() + budget;
        let mut passed = 0;
        while let Some(length) = self.reach()? {
            self.pass(length);
            passed += length;
            if passed >= CHUNK_BYTES {
                passed = 0;
                if Instant::now() >= end {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Goes on to the next element, and returns its length; none at the end of the file.
    fn reach(&mut self) -> Result<Option<usize>> {
        if self.is_lost {
            self.seek(self.cursor())?;
        }
        let found = self.find();
        self.is_lost = found.is_err();
        found
    }

    fn find(&mut self) -> Result<Option<usize>> {
        while self.element.is_none() {
            match self.place {
                Place::End => return Ok(None),
                Place::Between => self.enter_section()?,
                Place::Value if self.window.peek()? == Some(b'[') => self.enter_list(),
                Place::Value => self.element = Some(self.value()?),
                Place::List(_) if self.window.peek()? == Some(b']') => {
                    self.window.consume(1);
                    self.go_on(Place::Between);
                }
                Place::List(number) => {
                    if number > 0 {
                        self.expect(b',')?;
                        self.window.peek()?;
                    }
                    self.element = Some(self.value()?);
                }
            }
        }
        Ok(self.element)
    }

    /// Reads the name of the next section, or the end of the document.
    fn enter_section(&mut self) -> Result<()> {
        let is_first = self.offset == 0;
        if is_first {
            self.expect(b'{')?;
        }
        if self.window.peek()? == Some(b'}') {
            return self.leave_document();
        }
        if !is_first {
            self.expect(b',')?;
        }
        let name = self.name()?;
        self.expect(b':')?;
        self.window.peek()?;
        let is_new = !self.sections.contains_key(&(self.document, self.window.offset()));
        if is_new && self.sections.len() >= self.limits.sections {
            return Err(self.error(ErrorKind::LimitExceeded, 0).context("limit_sections", self.limits.sections));
        }
        self.section.clone_from(&name);
        self.go_on(Place::Value);
        self.section_at = Some(self.offset);
        self.entered += 1;
        let document = self.source.name(self.document).map(str::to_owned);
        let section = Section { document, name, is_list: false, elements: 0, bytes: 0, cursor: self.cursor() };
        self.sections.entry((self.document, self.offset)).or_insert(section);
        Ok(())
    }

    fn enter_list(&mut self) {
        self.window.consume(1);
        if let Some(section) = self.present_section() {
            section.is_list = true;
        }
        self.go_on(Place::List(0));
    }

    /// Sees that nothing is behind the document's end, and opens the next.
    fn leave_document(&mut self) -> Result<()> {
        self.window.consume(1);
        if self.window.peek()?.is_some() {
            return Err(self.wrong(0, "something follows the end of the document"));
        }
        let size = self.source.size_bytes();
        self.seek(Cursor { size, document: self.document + 1, offset: 0, section: None, element: None })
    }

    /// Leaves an element behind.
    fn pass(&mut self, length: usize) {
        self.window.consume(length);
        self.element = None;
        let (number, next) = match self.place {
            Place::List(number) => (number, Place::List(number + 1)),
            _ => (0, Place::Between),
        };
        // What is read a second time is counted once.
        if let Some(section) = self.present_section().filter(|section| section.elements == number) {
            section.elements += 1;
            section.bytes += length as u64;
        }
        self.go_on(next);
    }

    fn present_section(&mut self) -> Option<&mut Section> {
        self.sections.get_mut(&(self.document, self.section_at?))
    }

    fn go_on(&mut self, place: Place) {
        (self.offset, self.place) = (self.window.offset(), place);
    }

    fn here(&self) -> Slice {
        let first = if let Place::List(number) = self.place { Some(number) } else { None };
        Slice { document: self.source.name(self.document).map(str::to_owned), section: self.section.clone(), first }
    }

    fn text(&self, length: usize) -> Result<&str> {
        std::str::from_utf8(self.window.bytes().get(..length).unwrap_or_default()).or_fail(ErrorKind::InvalidInput, READING)
    }

    /// Reads the value at the window's beginning; returns its length.
    fn value(&mut self) -> Result<usize> {
        let (most, depth) = (self.limits.element_bytes, self.limits.depth);
        loop {
            let bytes = self.window.bytes();
            let found = json::value(bytes, self.window.has_ended());
            let length = match found {
                Found::Whole(length) => length,
                Found::Begun => bytes.len(),
                Found::Wrong(at, what) => return Err(self.wrong(at, &what)),
            };
            if length > most {
                return Err(self.too_much().context("limit_bytes", most).context("remedy", ELEMENT_REMEDY));
            }
            if json::is_deeper(bytes.get(..length).unwrap_or_default(), depth) {
                return Err(self.too_much().context("limit_depth", depth).context("remedy", ELEMENT_REMEDY));
            }
            if found != Found::Begun {
                return Ok(length);
            }
            self.window.more()?;
        }
    }

    /// Reads a section's name.
    fn name(&mut self) -> Result<String> {
        if self.window.peek()? != Some(b'"') {
            return Err(self.wrong(0, "expected the name of a section"));
        }
        let length = self.value()?;
        let name = json::text(self.window.bytes().get(..length).unwrap_or_default());
        let name = name.map_err(|(at, what)| self.wrong(at, &what))?;
        if name.len() > self.limits.name_bytes {
            return Err(self.error(ErrorKind::LimitExceeded, 0).context("limit_name_bytes", self.limits.name_bytes));
        }
        self.window.consume(length);
        Ok(name)
    }

    /// Consumes this byte, behind white space.
    fn expect(&mut self, byte: u8) -> Result<()> {
        match self.window.peek()? {
            Some(found) if found == byte => {
                self.window.consume(1);
                Ok(())
            }
            Some(_) => Err(self.wrong(0, &format!("expected `{}`", char::from(byte)))),
            None => Err(self.wrong(0, json::ENDS)),
        }
    }

    fn wrong(&self, at: usize, what: &str) -> Error {
        self.error(ErrorKind::InvalidInput, at).context("fault", what)
    }

    fn too_much(&self) -> Error {
        self.error(ErrorKind::LimitExceeded, 0)
    }

    /// Names the place: this far behind the window's beginning.
    fn error(&self, kind: ErrorKind, at: usize) -> Error {
        let mut error = Error::new(kind, READING);
        if let Some(document) = self.source.name(self.document) {
            error = error.context("document", document);
        }
        if matches!(self.place, Place::Value | Place::List(_)) {
            error = error.context("section", self.section.escape_debug());
        }
        if let Place::List(number) = self.place {
            error = error.context("element", number);
        }
        error.context("offset", self.window.offset() + at as u64)
    }
}

#[cfg(test)]
mod tests;

//! The plain bytes of an export file, whatever shape it has: JSON, gzip, or a zip archive of several documents.
//!
//! A compressed document can only be read from its beginning: going on in the middle means unpacking all that comes before.

use std::io::{BufReader, Read};
use std::sync::Arc;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use rawzip::{
    CompressionMethod, RECOMMENDED_BUFFER_SIZE, RangeReader, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipLocator,
};

use crate::error::{Error, ErrorKind, Result, WithContext};
use crate::limits::DumpLimits;

/// What is being done, in all errors.
pub(super) const READING: &str = "reading an export file";

/// What a file is read from.
pub(super) type Bytes = Arc<dyn ReaderAt + Send + Sync>;

/// What shape a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document, compressed by gzip.
    Gzip,
    /// An archive of JSON documents, such as one for each month.
    Zip,
}

impl Format {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Gzip => "gzip",
            Self::Zip => "zip",
        }
    }
}

/// An opened file.
pub(super) struct Source {
    bytes: Bytes,
    size_bytes: u64,
    /// Most bytes that a compressed file may unpack to.
    most_bytes: u64,
    shape: Shape,
}

enum Shape {
    Json,
    Gzip,
    Zip(ZipArchive<Bytes>, Vec<Entry>),
}

struct Entry {
    name: String,
    is_deflated: bool,
    place: ZipArchiveEntryWayfinder,
}

impl Source {
    /// Finds out what shape a file has, and reads the directory of an archive.
    pub(super) fn open(bytes: Bytes, size_bytes: u64, limits: &DumpLimits) -> Result<Self> {
        let mut magic = [0; 4];
        let known = bytes.read_at(&mut magic, 0).map_err(failed)?;
        let most_bytes = size_bytes.saturating_mul(limits.ratio).max(limits.unpacked_bytes);
        let shape = match magic.get(..known).unwrap_or_default() {
            [0x1f, 0x8b, ..] => Shape::Gzip,
            b"PK\x03\x04" | b"PK\x05\x06" => archive(&bytes, size_bytes, most_bytes, limits)?,
            _ => Shape::Json,
        };
        Ok(Self { bytes, size_bytes, most_bytes, shape })
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(super) fn format(&self) -> Format {
        match self.shape {
            Shape::Json => Format::Json,
            Shape::Gzip => Format::Gzip,
            Shape::Zip(..) => Format::Zip,
        }
    }

    /// Returns how many documents it holds.
    pub(super) fn documents(&self) -> usize {
        if let Shape::Zip(_, entries) = &self.shape { entries.len() } else { 1 }
    }

    /// Returns a document's name in the archive.
    pub(super) fn name(&self, document: usize) -> Option<&str> {
        let Shape::Zip(_, entries) = &self.shape else { return None };
        entries.get(document).map(|entry| entry.name.as_str())
    }

    /// Opens a document's plain bytes from an offset on.
    pub(super) fn read_from(&self, document: usize, offset: u64) -> Result<Plain> {
        let compressed = |range| BufReader::with_capacity(COMPRESSED_BYTES, RangeReader::new(Arc::clone(&self.bytes), range));
        let (reader, most_bytes): (Box<dyn Read + Send>, _) = match &self.shape {
            Shape::Json => {
                let range = offset.min(self.size_bytes)..self.size_bytes;
                return Ok(Plain {
                    reader: Box::new(RangeReader::new(Arc::clone(&self.bytes), range)),
                    left_bytes: u64::MAX,
                    most_bytes: u64::MAX,
                });
            }
            Shape::Gzip => (Box::new(MultiGzDecoder::new(compressed(0..self.size_bytes))), self.most_bytes),
            Shape::Zip(archive, entries) => {
                let entry = entries
                    .get(document)
                    .ok_or_else(|| Error::new(ErrorKind::InvalidInput, READING).context("fault", "no such document"))?;
                let found = archive.get_entry(entry.place).map_err(wrong).context("document", &entry.name)?;
                let (start, end) = found.compressed_data_range();
                let stored = compressed(start..end);
                let plain: Box<dyn Read + Send> =
                    if entry.is_deflated { Box::new(DeflateDecoder::new(stored)) } else { Box::new(stored) };
                // It takes no more than the directory says, whose sum was bounded.
                (Box::new(found.verifying_reader(plain)), u64::MAX)
            }
        };
        let mut plain = Plain { reader, left_bytes: most_bytes, most_bytes };
        plain.pass(offset)?;
        Ok(plain)
    }
}

/// How many compressed bytes are read at once.
const COMPRESSED_BYTES: usize = 64 << 10;

/// Reads the directory of an archive.
fn archive(bytes: &Bytes, size_bytes: u64, most_bytes: u64, limits: &DumpLimits) -> Result<Shape> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let located = ZipLocator::new().locate_in_reader(Arc::clone(bytes), &mut buffer, size_bytes);
    let archive = located.map_err(|(_, error)| wrong(error))?;
    let mut found = Vec::new();
    let mut unpacked_bytes = 0_u64;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(wrong)? {
        if entry.is_dir() {
            continue;
        }
        if found.len() == limits.documents {
            return Err(Error::new(ErrorKind::LimitExceeded, READING).context("limit_documents", limits.documents));
        }
        let name = entry.file_path();
        let name =
            String::from_utf8_lossy(name.as_ref()).chars().take(LONGEST_LABEL).collect::<String>().escape_debug().to_string();
        let method = entry.compression_method();
        let is_known = matches!(method, CompressionMethod::STORE | CompressionMethod::DEFLATE);
        if entry.flags().is_encrypted() || !is_known {
            let method = if is_known { "encrypted".to_owned() } else { method.to_string() };
            return Err(Error::new(ErrorKind::Unsupported, READING)
                .context("document", name)
                .context("compression", method)
                .context("remedy", "unpack the archive, and give its documents one by one"));
        }
        unpacked_bytes = unpacked_bytes.saturating_add(entry.uncompressed_size_hint());
        if unpacked_bytes > most_bytes {
            return Err(too_many(most_bytes).context("document", name));
        }
        found.push(Entry { name, is_deflated: method == CompressionMethod::DEFLATE, place: entry.wayfinder() });
    }
    Ok(Shape::Zip(archive, found))
}

/// Most characters of a document's name that are shown.
const LONGEST_LABEL: usize = 100;

/// The plain bytes of one document, in order.
pub(super) struct Plain {
    reader: Box<dyn Read + Send>,
    /// How many more bytes may come.
    left_bytes: u64,
    most_bytes: u64,
}

impl Plain {
    /// Has no bytes.
    pub(super) fn nothing() -> Self {
        Self { reader: Box::new(std::io::empty()), left_bytes: 0, most_bytes: 0 }
    }

    /// Reads some bytes; 0 at the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let read = loop {
            match self.reader.read(into) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                outcome => break outcome.map_err(failed)?,
            }
        };
        self.left_bytes = self.left_bytes.checked_sub(read as u64).ok_or_else(|| too_many(self.most_bytes))?;
        Ok(read)
    }

    /// Passes over bytes.
    fn pass(&mut self, mut bytes: u64) -> Result<()> {
        let mut buffer = vec![0; COMPRESSED_BYTES];
        while bytes > 0 {
            let most = usize::try_from(bytes).unwrap_or(usize::MAX).min(buffer.len());
            match self.read(&mut buffer[..most])? {
                // What is asked for there is found to be missing.
                0 => break,
                read => bytes -= read as u64,
            }
        }
        Ok(())
    }
}

fn too_many(limit_bytes: u64) -> Error {
    Error::new(ErrorKind::LimitExceeded, READING)
        .context("fault", "it unpacks to far more than its size")
        .context("limit_bytes", limit_bytes)
        .context("remedy", "unpack it yourself, and give the plain file")
}

/// Tells a disk that fails from bytes that are wrong: only the first has a number of the system.
fn failed(error: std::io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::new(ErrorKind::Storage, READING).source(error);
    }
    damaged().source(error)
}

fn wrong(error: rawzip::Error) -> Error {
    match error.into_kind() {
        rawzip::ErrorKind::IO(error) => failed(error),
        kind => damaged().source(rawzip::Error::from(kind)),
    }
}

fn damaged() -> Error {
    Error::new(ErrorKind::InvalidInput, READING)
        .context("fault", "the compressed file is damaged or cut off")
        .context("remedy", "download it again")
}

//! Decodes baseline JPEGs at a reduced size, each plane at its own.
//!
//! A photo of a camera is many times larger than its thumbnail, and nearly all of the time goes into reading its codes. So codes of
//! detail that a plane of the reduced size cannot show are passed over, several at once; the remaining coefficients become samples on a
//! second thread while the first one reads on.
//!
//! It takes only what a camera or an ordinary program writes: one scan, eight bits a sample, Huffman codes, no fault anywhere. Of
//! anything else it says [`Error::Declined`], and the caller asks a decoder that knows more forms and forgives more.

mod huffman;
mod rows;
mod scan;
mod segments;
mod transform;

use std::io::{self, BufRead};

use scan::Scan;
use segments::Header;

/// Why there are no planes.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    Read(io::Error),
    /// Another decoder has to say what this file is.
    Declined(&'static str),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Declined("it ends early"),
            _ => Self::Read(error),
        }
    }
}

/// Its result.
pub type Result<T> = std::result::Result<T, Error>;

/// The samples of a component: brightness, or a difference of colour.
#[derive(Debug)]
pub struct Plane {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Columns and rows that the image covers: the last ones perhaps in part.
    pub covered: (f64, f64),
    /// One byte each, row by row.
    pub samples: Vec<u8>,
}

/// A JPEG whose header has been read.
pub struct Jpeg<'a> {
    reader: &'a mut dyn BufRead,
    header: Header,
}

/// How many threads decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// Only the one that asks.
    One,
    /// Another one beside it.
    Two,
}

impl<'a> Jpeg<'a> {
    /// Reads from the beginning to the scan.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has a form that is left to others.
    pub fn open(reader: &'a mut dyn BufRead) -> Result<Self> {
        let header = Header::read(reader)?;
        Ok(Self { reader, header })
    }

    /// Returns the columns and rows of the image.
    pub fn size(&self) -> (u32, u32) {
        self.header.size
    }

    /// Returns the columns and rows of each plane at full size: 1 or 3 planes.
    pub fn planes(&self) -> impl Iterator<Item = (u32, u32)> {
        self.header.components.iter().map(|component| self.header.part(component, 8).1)
    }

    /// Returns how much memory it takes to decode each plane at so many eighths.
    pub fn memory_bytes(&self, eighths: &[u8]) -> u64 {
        rows::memory_bytes(&self.header, eighths) + scan::MEMORY_BYTES
    }

    /// Decodes each plane at so many eighths, 1 to 8, of its size. A second thread takes a share of the work, and ends before this returns.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or has more than one scan.
    pub fn decode(self, eighths: &[u8], threads: Threads) -> Result<Vec<Plane>> {
        let mut planes = rows::Planes::new(&self.header, eighths)?;
        let mut scan = Scan::new(self.reader, &self.header, eighths)?;
        let is_done = threads == Threads::Two && rows::on_two_threads(&mut scan, &mut planes)?;
        if !is_done {
            rows::on_one_thread(&mut scan, &mut planes)?;
        }
        scan.finish()?;
        Ok(planes.finish())
    }
}

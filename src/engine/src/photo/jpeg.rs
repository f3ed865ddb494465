//! The parts of a JPEG that are not left to the decoder: selects the segments that it sees, and reads the others.
//!
//! The decoder keeps every segment of notes and profiles in a file, wherever it is. So it sees none of them; the few
//! that matter are read here, within bounds.

use std::io::{self, BufRead, Read};

use super::watched::Watched;

/// A larger colour profile is not kept.
pub(super) const MOST_PROFILE_BYTES: usize = 4 << 20;
/// A header with more segments is refused; with the longest segments this is 4 GiB.
pub(super) const MOST_SEGMENTS: usize = 1 << 16;

/// The purpose of reading a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// The first EXIF block, at most 64 KiB.
    Exif,
    /// The colour profile, at most [`MOST_PROFILE_BYTES`].
    Profile,
}

/// The contents of segments before the first scan.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The first EXIF block, from its byte order on.
    pub(super) exif: Option<Vec<u8>>,
    /// Whether there are pieces of a colour profile, complete or not.
    pub(super) has_profile: bool,
    /// The colour profile, if all its pieces are present.
    pub(super) profile: Option<Vec<u8>>,
    /// Whether there were more segments than are read.
    pub(super) is_endless: bool,
    /// The name of each plane, and its sampling across and down.
    planes: Vec<[u8; 3]>,
    is_jfif: bool,
    adobe: Option<u8>,
}

const EXIF: &[u8] = b"Exif\0";
const PROFILE: &[u8] = b"ICC_PROFILE\0";

impl Notes {
    /// Reads from the beginning to the first scan, and skips other segments. The decoder judges a header that ends early.
    pub(super) fn read(reader: &mut Watched, keep: Keep) -> io::Result<Self> {
        let mut notes = Self::default();
        match notes.take_segments(reader, keep) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(notes),
            Err(error) => Err(error),
            Ok(()) => Ok(notes),
        }
    }

    fn take_segments(&mut self, reader: &mut Watched, keep: Keep) -> io::Result<()> {
        let mut pieces = Vec::new();
        let mut kept_bytes = 0;
        byte(reader)?;
        byte(reader)?;
        for _ in 0..MOST_SEGMENTS {
            let marker = marker(reader)?;
            match marker {
                0x01 | 0xd0..=0xd7 => continue,
                0xd8..=0xda => {
                    self.profile = whole(pieces);
                    return Ok(());
                }
                _ => {}
            }
            let length = length(reader)?;
            let mut start = Vec::new();
            let looked_at = length.min(if is_frame(marker) { length } else { 14 });
            take(reader, looked_at, &mut start)?;
            let rest = length - looked_at;
            match (marker, start.as_slice()) {
                (0xe0, [b'J', b'F', b'I', b'F', 0, ..]) if length >= 14 => self.is_jfif = true,
                (0xee, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => self.adobe = Some(*transform),
                (0xe1, [b'E', b'x', b'i', b'f', 0, _, ..])
                    if keep == Keep::Exif && self.exif.is_none() && length > EXIF.len() + 1 =>
                {
                    take(reader, rest, &mut start)?;
                    self.exif = start.get(EXIF.len() + 1..).map(<[u8]>::to_vec);
                    continue;
                }
                (0xe2, [name @ .., number, count]) if name == PROFILE => {
                    self.has_profile = true;
                    if keep == Keep::Profile && kept_bytes + rest <= MOST_PROFILE_BYTES {
                        let mut piece = Vec::new();
                        take(reader, rest, &mut piece)?;
                        kept_bytes += rest;
                        pieces.push((*number, *count, piece));
                        continue;
                    }
                }
                (marker, [_, _, _, _, _, _, planes @ ..]) if is_frame(marker) && self.planes.is_empty() => {
                    let plane = |[name, sampling, _]: &[u8; 3]| [*name, sampling >> 4, sampling & 15];
                    self.planes = planes.as_chunks::<3>().0.iter().take(4).map(plane).collect();
                }
                _ => {}
            }
            reader.seek_relative(i64::try_from(rest).unwrap_or(i64::MAX))?;
        }
        self.is_endless = true;
        Ok(())
    }

    /// Returns the meaning of the planes, guessed as libjpeg does.
    pub(super) fn transform(&self) -> jpeg_decoder::ColorTransform {
        use jpeg_decoder::ColorTransform;
        let is_rgb = || matches!(self.planes.as_slice(), [[b'R', ..], [b'G', ..], [b'B', ..]]);
        match (self.planes.len(), self.adobe) {
            (3, Some(0)) if !self.is_jfif => ColorTransform::RGB,
            (3, None) if !self.is_jfif && is_rgb() => ColorTransform::RGB,
            (3, _) => ColorTransform::YCbCr,
            (4, None | Some(0)) => ColorTransform::CMYK,
            (4, _) => ColorTransform::YCCK,
            _ => ColorTransform::Grayscale,
        }
    }

    /// Tells whether the planes are brightness, alone or with two differences of colour.
    pub(super) fn is_grey_or_ycc(&self) -> bool {
        use jpeg_decoder::ColorTransform;
        matches!(self.transform(), ColorTransform::Grayscale | ColorTransform::YCbCr)
    }

    /// Returns how many pixels one sample of the coarsest plane covers, across and down.
    pub(super) fn coarsest(&self) -> (u32, u32) {
        let coarsest = |at: usize| {
            let samples = || self.planes.iter().filter_map(|plane| plane.get(at).copied()).filter(|count| *count > 0);
            u32::from(samples().max().unwrap_or(1)).div_ceil(u32::from(samples().min().unwrap_or(1)))
        };
        (coarsest(1), coarsest(2))
    }
}

/// Joins the pieces of a profile; none unless each is present exactly once.
fn whole(mut pieces: Vec<(u8, u8, Vec<u8>)>) -> Option<Vec<u8>> {
    pieces.sort_by_key(|(number, ..)| *number);
    let count = pieces.len();
    let is_in_order =
        (1..).zip(&pieces).all(|(wanted, (number, of, _))| usize::from(*number) == wanted && usize::from(*of) == count);
    (count > 0 && is_in_order).then(|| pieces.into_iter().flat_map(|(.., piece)| piece).collect())
}

/// A JPEG without its notes: what the decoder reads.
pub(super) struct Bare<'a> {
    reader: Watched<'a>,
    /// Bytes for the decoder, and how many of them it has.
    ready: Vec<u8>,
    taken: usize,
    has_begun: bool,
    is_in_scan: bool,
    ending: Ending,
    /// The names of the planes if they are refined scan by scan.
    refined: Vec<u8>,
    /// How many low bits each coefficient of those still lacks; none were read of one that is `u8::MAX`.
    lacking: [[u8; 64]; 4],
}

/// The bits that the decoder gets beyond the end of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Zeros, the decoder's default.
    Zeros,
    /// Ones, which begin no code.
    Ones,
}

impl<'a> Bare<'a> {
    const READY_BYTES: usize = 16 << 10;
    /// The beginning, and a note that makes the decoder use the standard's tables if there are none, as libjpeg does.
    const START: &'static [u8] = b"\xff\xd8\xff\xe0\0\x07AVI1\0";

    /// Starts before the JPEG.
    pub(super) fn new(reader: Watched<'a>, ending: Ending) -> Self {
        let ready = Vec::with_capacity(2 * Self::READY_BYTES);
        let lacking = [[u8::MAX; 64]; 4];
        Self { reader, ready, taken: 0, has_begun: false, is_in_scan: false, ending, refined: Vec::new(), lacking }
    }

    /// Tells whether all scans read so far were complete.
    pub(super) fn has_all_scans(&self) -> bool {
        self.lacking.iter().take(self.refined.len()).flatten().all(|lacking| *lacking == 0)
    }

    fn fill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.taken = 0;
        if !self.has_begun {
            self.has_begun = true;
            let mut start = [0; 2];
            self.reader.read_exact(&mut start)?;
            self.ready.extend_from_slice(if start == [0xff, 0xd8] { Self::START } else { &start });
        }
        while self.ready.len() < Self::READY_BYTES {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            let plain = memchr::memchr(0xff, bytes).unwrap_or(bytes.len());
            self.ready.extend_from_slice(bytes.get(..plain).unwrap_or_default());
            let has_marker = plain < bytes.len();
            self.reader.consume(plain);
            if has_marker {
                match self.marker() {
                    // The decoder gets the present bytes, and then finds the end.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                    outcome => outcome?,
                }
            }
        }
        Ok(())
    }

    fn marker(&mut self) -> io::Result<()> {
        let mut kind = byte(&mut self.reader)?;
        while kind == 0xff {
            kind = byte(&mut self.reader)?;
        }
        if matches!(kind, 0 | 0x01 | 0xd0..=0xd7) {
            self.ready.extend_from_slice(&[0xff, kind]);
            return Ok(());
        }
        if self.is_in_scan && self.ending == Ending::Ones {
            self.ready.extend([0xff, 0].into_iter().cycle().take(1024));
        }
        self.is_in_scan = false;
        match kind {
            // Notes, and segments that only arithmetic coding needs.
            0xe0..=0xef | 0xfe | 0xcc => {
                let length = length(&mut self.reader)?;
                self.reader.seek_relative(i64::try_from(length).unwrap_or(i64::MAX))
            }
            0xd8 | 0xd9 => {
                self.ready.extend_from_slice(&[0xff, kind]);
                Ok(())
            }
            _ => self.segment(kind),
        }
    }

    fn segment(&mut self, kind: u8) -> io::Result<()> {
        let length = length(&mut self.reader)?;
        self.ready.extend_from_slice(&[0xff, kind]);
        self.ready.extend_from_slice(&u16::try_from(length + 2).unwrap_or(u16::MAX).to_be_bytes());
        let start = self.ready.len();
        take(&mut self.reader, length, &mut self.ready)?;
        let body = self.ready.get(start..).unwrap_or_default();
        match (kind, body) {
            (0xc2, [_, _, _, _, _, _, planes @ ..]) => {
                self.refined = planes.as_chunks::<3>().0.iter().take(self.lacking.len()).map(|[name, ..]| *name).collect();
            }
            (0xda, [_, planes @ .., first, last, low]) => {
                self.is_in_scan = true;
                for [name, _] in planes.as_chunks::<2>().0 {
                    let at = self.refined.iter().position(|other| other == name);
                    let all = at.and_then(|at| self.lacking.get_mut(at));
                    if let Some(read) = all.and_then(|all| all.get_mut(usize::from(*first)..=usize::from(*last))) {
                        read.fill(low & 15);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Read for Bare<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.fill()?;
        }
        let ready = self.ready.get(self.taken..).unwrap_or_default();
        let length = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), ready.get(..length)) {
            to.copy_from_slice(from);
        }
        self.taken += length;
        Ok(length)
    }

    /// The decoder reads single bytes: this finds them without a call.
    #[inline]
    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if let ([wanted], Some(next)) = (&mut *buffer, self.ready.get(self.taken)) {
            *wanted = *next;
            self.taken += 1;
            return Ok(());
        }
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => filled += length,
            }
        }
        Ok(())
    }
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf)
}

/// Finds the next marker, and skips anything before it.
fn marker(reader: &mut Watched) -> io::Result<u8> {
    loop {
        while byte(reader)? != 0xff {}
        let mut kind = byte(reader)?;
        while kind == 0xff {
            kind = byte(reader)?;
        }
        if kind != 0 {
            return Ok(kind);
        }
    }
}

/// Reads the length of its segment. A length that is too short for itself counts as the end.
fn length(reader: &mut Watched) -> io::Result<usize> {
    let length = usize::from(u16::from_be_bytes([byte(reader)?, byte(reader)?]));
    length.checked_sub(2).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn byte(reader: &mut Watched) -> io::Result<u8> {
    let mut byte = [0];
    reader.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn take(reader: &mut Watched, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
    let read = reader.by_ref().take(length as u64).read_to_end(into)?;
    if read == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

//! Image files to pixels and back.
//!
//! Every claim of a header is checked against the limits before it is used. Decoders read from the file as they go; formats that
//! decode row by row are shrunk on the way. Encoders write pixels only: no metadata of the original, no location, no camera.

use std::io::{self, BufRead, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use filesync_jpeg::{Jpeg, Threads};

use super::exif::orientation;
use super::geometry::Size;
use super::jpeg;
use super::raster::{Layout, Pixels, Profile, Raster, Shrinker};
use super::watched::{Bytes, Fault, READING, Watched};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::PhotoLimits;

/// A supported format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG: baseline and progressive; grey, colour, CMYK and YCCK.
    Jpeg,
    /// PNG of any depth and colour type; the still image of an animated one.
    Png,
    /// GIF; the first frame.
    Gif,
    /// WebP; the first frame of an animated one.
    Webp,
}

impl Format {
    /// Returns the MIME type.
    pub fn mimetype(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    /// Recognizes a format by the first bytes of a file.
    fn of(start: &[u8]) -> Result<Self> {
        match start {
            [0xff, 0xd8, 0xff, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Self::Webp),
            _ => Err(Error::new(ErrorKind::Unsupported, RECOGNIZING).context("format", foreign(start))),
        }
    }
}

/// Names an unsupported format, for people.
fn foreign(start: &[u8]) -> &'static str {
    match start {
        [] => "an empty file",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => AVIF,
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => "HEIC or a film",
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => "JPEG XL",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "TIFF",
        [b'B', b'M', ..] => "BMP",
        [0, 0, 1, 0, ..] => "ICO",
        _ if start.windows(4).any(|four| four.eq_ignore_ascii_case(b"<svg")) => "SVG",
        _ => "an unknown format",
    }
}

const AVIF: &str = "AVIF";

const RECOGNIZING: &str = "recognizing an image";
const DECODING: &str = "decoding an image";
const ENCODING: &str = "encoding an image";

/// The contents of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The format.
    pub format: Format,
    /// The size as stored, before it is turned.
    pub stored: Size,
    /// The EXIF orientation, 1 to 8; 1 is upright.
    pub orientation: u8,
}

impl Facts {
    /// Returns the size as shown.
    pub fn shown(&self) -> Size {
        if self.orientation >= 5 { self.stored.turned() } else { self.stored }
    }
}

/// The cost of decoding, as far as the header shows it.
#[derive(Clone, Copy, Debug)]
struct Cost {
    layout: Layout,
    /// Whether pixels arrive row by row, so that the whole image is never in memory.
    row_by_row: bool,
    has_profile: bool,
    /// Bytes that the decoder keeps, whatever the decoded size.
    decoder_bytes: u64,
    /// How many pixels a sample of the coarsest plane covers, across and down.
    coarsest: (u32, u32),
}

/// A decoded image.
pub(super) struct Decoded<P = Pixels> {
    /// As stored.
    pub(super) pixels: P,
    pub(super) profile: Profile,
    /// Whether it was undamaged and complete, as far as the decoder can tell.
    is_whole: bool,
}

/// An opened photo whose header has been read and is within the limits.
pub(super) struct Source<'a> {
    bytes: Bytes<'a>,
    facts: Facts,
    cost: Cost,
    limits: &'a PhotoLimits,
    until: Instant,
}

impl<'a> Source<'a> {
    /// Reads a header; uses at most [`HEADER_BYTES`] of memory meanwhile, and keeps none of it.
    pub(super) fn open(bytes: Bytes<'a>, limits: &'a PhotoLimits, until: Instant) -> Result<Self> {
        let length = bytes.len()?;
        if length > limits.max_bytes {
            let error = Error::new(ErrorKind::LimitExceeded, READING);
            return Err(error.context("bytes", length).context("limit_bytes", limits.max_bytes));
        }
        let (mut reader, fault) = bytes.watched(until)?;
        let start = fault.judge(reader.fill_buf(), READING)?;
        let format = Format::of(start.get(..RECOGNIZED_BYTES.min(start.len())).unwrap_or_default())?;
        let (facts, cost) = guarded(READING, || match format {
            Format::Jpeg => jpeg_header(reader, &fault),
            Format::Png => png_header(reader, &fault),
            Format::Gif => gif_header(reader, &fault, limits),
            Format::Webp => webp_header(reader, &fault),
        })
        .context("format", format.mimetype())?;
        if facts.stored.pixels() > limits.max_pixels {
            return Err(Error::new(ErrorKind::LimitExceeded, READING)
                .context("format", format.mimetype())
                .context("width", facts.stored.width)
                .context("height", facts.stored.height)
                .context("limit_pixels", limits.max_pixels));
        }
        Ok(Self { bytes, facts, cost, limits, until })
    }

    pub(super) fn facts(&self) -> Facts {
        self.facts
    }

    /// Restarts the photo's time, after waiting for others.
    pub(super) fn restart(&mut self, limits: &PhotoLimits) {
        self.until = Instant::now() + limits.time;
    }

    /// Fails if the photo takes too long.
    pub(super) fn check_time(&self) -> Result<()> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(Error::new(ErrorKind::LimitExceeded, "scaling an image").context("limit_ms", self.limits.time.as_millis()))
    }

    /// Returns the maximum of memory for decoding to a largest scale, as stored, and scaling from there.
    pub(super) fn memory_bytes(&self, largest: Size) -> u64 {
        self.memory_bytes_in(self.eighths(largest), largest)
    }

    fn memory_bytes_in(&self, eighths: u32, largest: Size) -> u64 {
        let stored = self.facts.stored;
        let channels = self.cost.layout.channels() as u64;
        let decoded = match self.facts.format {
            Format::Jpeg => self.decoded_bytes(eighths),
            _ => Shrinker::bytes(self.cost.layout, stored, largest),
        };
        let rows = if self.cost.row_by_row { 0 } else { stored.pixels() * channels };
        let profile = if self.cost.has_profile { PROFILE_BYTES } else { 0 };
        self.cost.decoder_bytes + rows + decoded + profile + self.scaling_bytes(largest) + FIXED_BYTES
    }

    /// Returns the maximum of memory for making a scale: its pixels, turned, converted, and as a file.
    pub(super) fn scaling_bytes(&self, scale: Size) -> u64 {
        4 * self.cost.layout.channels() as u64 * scale.pixels()
    }

    /// Returns the size of a JPEG's planes and their combination, decoded at so many eighths.
    fn decoded_bytes(&self, eighths: u32) -> u64 {
        2 * self.cost.layout.channels() as u64 * in_eighths(self.facts.stored, eighths).pixels()
    }

    /// Returns to how many eighths of its size a JPEG is decoded. The decoder shrinks every plane alike; if colour is stored
    /// coarser than brightness, the size keeps the colour detail too, if memory allows.
    fn eighths(&self, largest: Size) -> u32 {
        let (across, down) = self.cost.coarsest;
        let plane = Size::new(self.facts.stored.width.div_ceil(across), self.facts.stored.height.div_ceil(down));
        // Nobody sees one eighth less, and it often halves the work.
        let asked = Size::new((largest.width * 7).div_ceil(8), (largest.height * 7).div_ceil(8));
        let enough = jpeg_eighths(self.facts.stored, largest);
        let mut eighths = jpeg_eighths(plane, asked).max(enough);
        while eighths > enough && self.memory_bytes_in(eighths, largest) > self.limits.memory_bytes {
            eighths /= 2;
        }
        eighths
    }

    fn check_memory(&self, largest: Size) -> Result<()> {
        let needed = self.memory_bytes(largest);
        if needed <= self.limits.memory_bytes {
            return Ok(());
        }
        Err(Error::new(ErrorKind::LimitExceeded, DECODING)
            .context("format", self.facts.format.mimetype())
            .context("width", self.facts.stored.width)
            .context("height", self.facts.stored.height)
            .context("needed_bytes", needed)
            .context("limit_bytes", self.limits.memory_bytes))
    }

    /// Decodes to at least a size. With two threads, both have ended when it returns.
    pub(super) fn decode(&self, largest: Size, threads: Threads) -> Result<Decoded> {
        self.check_memory(largest)?;
        let format = self.facts.format;
        if format == Format::Jpeg {
            let (reader, fault) = self.bytes.watched(self.until)?;
            let decoded = guarded(DECODING, || self.decode_plain_jpeg(reader, &fault, largest, threads));
            if let Some(decoded) = decoded.context("format", format.mimetype())? {
                return Ok(decoded);
            }
        }
        let (reader, fault) = self.bytes.watched(self.until)?;
        let decoded = guarded(DECODING, || match format {
            Format::Jpeg => self.decode_jpeg(reader, &fault, largest, jpeg::Ending::Zeros),
            Format::Png => self.decode_png(reader, &fault, largest),
            Format::Gif => self.decode_gif(reader, &fault, largest),
            Format::Webp => self.decode_webp(reader, &fault, largest),
        });
        let Decoded { pixels, profile, is_whole } = decoded.context("format", format.mimetype())?;
        Ok(Decoded { pixels: Pixels::Together(pixels), profile, is_whole })
    }

    /// Decodes what a camera writes, fast. Returns none of any other JPEG, or of a damaged one: the other decoder knows more forms, and
    /// says what is wrong, or makes the best of it.
    fn decode_plain_jpeg(&self, mut reader: Watched, fault: &Fault, largest: Size, threads: Threads) -> Result<Option<Decoded>> {
        let notes = fault.judge(jpeg::Notes::read(&mut reader, jpeg::Keep::Profile), DECODING)?;
        fault.judge(reader.rewind(), DECODING)?;
        if !notes.is_grey_or_ycc() {
            return Ok(None);
        }
        let decoded = Jpeg::open(&mut reader).and_then(|jpeg| {
            let eighths: Vec<u8> =
                (0..).zip(jpeg.planes()).map(|(number, plane)| plane_eighths(number, plane, largest)).collect();
            // No more than was counted for the other decoder.
            let is_within = jpeg.memory_bytes(&eighths) <= self.decoded_bytes(self.eighths(largest)) + FIXED_BYTES / 2;
            let is_as_before = Size::new(jpeg.size().0, jpeg.size().1) == self.facts.stored;
            (is_within && is_as_before).then(|| jpeg.decode(&eighths, threads)).transpose()
        });
        let planes = match decoded {
            Ok(Some(planes)) => planes,
            Ok(None) | Err(filesync_jpeg::Error::Declined(_)) => return Ok(None),
            Err(filesync_jpeg::Error::Read(error)) => return Err(fault.error(error, DECODING)),
        };
        let mut planes = planes.into_iter().map(|plane| {
            let size = Size::new(plane.size.0, plane.size.1);
            Raster { covered: plane.covered, ..Raster::new(Layout::Grey, size, plane.samples) }
        });
        let pixels = match (planes.next(), planes.next(), planes.next()) {
            (Some(grey), None, _) => Pixels::Together(grey),
            (Some(y), Some(blue), Some(red)) => Pixels::Planes([y, blue, red]),
            _ => return Ok(None),
        };
        Ok(Some(Decoded { pixels, profile: Profile::of(notes.profile, notes.has_profile), is_whole: true }))
    }

    fn decode_jpeg(&self, reader: Watched, fault: &Fault, largest: Size, ending: jpeg::Ending) -> Result<Decoded<Raster>> {
        // By default the decoder passes rows to threads of its own without waiting for them: on a busy machine they pile up. In a pool it waits.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(JPEG_THREADS);
        let decoded = pool.build_scoped(rayon::ThreadBuilder::run, |pool| {
            pool.install(|| self.decode_jpeg_in_pool(reader, fault, largest, ending))
        });
        decoded.or_fail(ErrorKind::Storage, DECODING)?
    }

    fn decode_jpeg_in_pool(
        &self,
        mut reader: Watched,
        fault: &Fault,
        largest: Size,
        ending: jpeg::Ending,
    ) -> Result<Decoded<Raster>> {
        let failed = |error| jpeg_error(error, fault, DECODING);
        let notes = fault.judge(jpeg::Notes::read(&mut reader, jpeg::Keep::Profile), DECODING)?;
        fault.judge(reader.rewind(), DECODING)?;
        let mut bare = jpeg::Bare::new(reader, ending);
        let mut decoder = jpeg_decoder::Decoder::new(&mut bare);
        decoder.set_color_transform(notes.transform());
        let eighths = self.eighths(largest);
        let size = in_eighths(self.facts.stored, eighths);
        // The decoder needs only one side; only the longer one distinguishes all of its factors.
        let longest = u16::try_from(size.longest()).unwrap_or(u16::MAX);
        let asked = if size.width >= size.height { (longest, u16::MAX) } else { (u16::MAX, longest) };
        let (width, height) = decoder.scale(asked.0, asked.1).map_err(failed)?;
        if Size::new(width.into(), height.into()) != size {
            return Err(changed());
        }
        let samples = decoder.decode().map_err(failed)?;
        if samples.len() as u64 != size.pixels() * self.cost.layout.channels() as u64 {
            return Err(changed());
        }
        // The last column and row may cover fewer pixels than the others.
        let part = |stored: u32| f64::from(stored) * f64::from(eighths) / 8.0;
        let covered = (part(self.facts.stored.width), part(self.facts.stored.height));
        let pixels = Raster { covered, ..Raster::new(self.cost.layout, size, samples) };
        Ok(Decoded { pixels, profile: Profile::of(notes.profile, notes.has_profile), is_whole: bare.has_all_scans() })
    }

    /// Decodes in full with ones after each scan, then with zeros: a complete scan reads neither, an incomplete one gives
    /// two different pictures, or none.
    fn jpeg_is_whole(&self) -> Result<bool> {
        let stored = self.facts.stored;
        self.check_memory(stored)?;
        let picture = |ending| {
            let (reader, fault) = self.bytes.watched(self.until)?;
            let decoded = guarded(DECODING, || self.decode_jpeg(reader, &fault, stored, ending))?;
            Ok((Digest::of(&decoded.pixels.samples), decoded.is_whole))
        };
        let (with_ones, is_whole) = picture(jpeg::Ending::Ones)?;
        Ok(is_whole && picture(jpeg::Ending::Zeros)?.0 == with_ones)
    }

    fn decode_png(&self, reader: Watched, fault: &Fault, largest: Size) -> Result<Decoded<Raster>> {
        let failed = |error| png_error(error, fault, DECODING);
        let mut decoder = png::Decoder::new_with_limits(reader, png_limits(self.limits.memory_bytes / 8));
        decoder.set_ignore_text_chunk(true);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(failed)?;
        let info = reader.info();
        let profile = match &info.icc_profile {
            _ if info.srgb.is_some() => Profile::None,
            bytes => Profile::of(bytes.as_ref().map(|bytes| bytes.to_vec()), self.cost.has_profile),
        };
        let row_bytes = self.facts.stored.width as usize * self.cost.layout.channels();
        if png_layout(&reader) != Some(self.cost.layout) || reader.output_line_size(self.facts.stored.width) != Some(row_bytes) {
            return Err(changed());
        }
        let mut shrinker = Shrinker::new(self.cost.layout, self.facts.stored, largest);
        if self.cost.row_by_row {
            while let Some(row) = reader.next_row().map_err(failed)? {
                if row.data().len() != row_bytes {
                    return Err(changed());
                }
                shrinker.take(row.data());
            }
        } else {
            let mut samples = vec![0; row_bytes * self.facts.stored.height as usize];
            reader.next_frame(&mut samples).map_err(failed)?;
            samples.chunks_exact(row_bytes).for_each(|row| shrinker.take(row));
        }
        Ok(Decoded { pixels: shrinker.finish().ok_or_else(cut_short)?, profile, is_whole: true })
    }

    fn decode_gif(&self, reader: Watched, fault: &Fault, largest: Size) -> Result<Decoded<Raster>> {
        let failed = |error| gif_error(error, fault, DECODING);
        let mut decoder = gif_options(self.limits).read_info(reader).map_err(failed)?;
        let Some(frame) = decoder.next_frame_info().map_err(failed)? else { return Err(cut_short()) };
        let (left, top) = (usize::from(frame.left), usize::from(frame.top));
        let (width, height) = (usize::from(frame.width), usize::from(frame.height));
        let transparent = frame.transparent.map(usize::from);
        if width as u64 * height as u64 > self.facts.stored.pixels() {
            return Err(Error::new(ErrorKind::Corrupt, DECODING).context("fault", "a frame larger than the image"));
        }
        let mut indices = vec![0; width * height];
        decoder.read_into_buffer(&mut indices).map_err(failed)?;
        let colour = |(index, rgb): (usize, &[u8; 3])| {
            let [r, g, b] = *rgb;
            if Some(index) == transparent { [0; 4] } else { [r, g, b, 255] }
        };
        let mut palette: Vec<[u8; 4]> =
            decoder.palette().map_err(failed)?.as_chunks::<3>().0.iter().enumerate().map(colour).collect();
        palette.resize(256, [0, 0, 0, 255]);
        if let Some(colour) = transparent.and_then(|index| palette.get_mut(index)) {
            *colour = [0; 4];
        }
        let mut shrinker = Shrinker::new(self.cost.layout, self.facts.stored, largest);
        let mut row = vec![0; self.facts.stored.width as usize * 4];
        for y in 0..self.facts.stored.height as usize {
            row.fill(0);
            let place = row.as_chunks_mut::<4>().0.get_mut(left..).unwrap_or_default();
            let line = y
                .checked_sub(top)
                .filter(|line| *line < height)
                .map_or(&[][..], |line| indices.get(line * width..(line + 1) * width).unwrap_or_default());
            for (pixel, index) in place.iter_mut().zip(line) {
                *pixel = palette.get(usize::from(*index)).copied().unwrap_or_default();
            }
            shrinker.take(&row);
        }
        Ok(Decoded { pixels: shrinker.finish().ok_or_else(cut_short)?, profile: Profile::None, is_whole: true })
    }

    /// Reads the frames after the first one, to the end of the file.
    fn rest_of_gif_is_whole(&self) -> Result<bool> {
        let (reader, fault) = self.bytes.watched(self.until)?;
        let failed = |error| gif_error(error, &fault, DECODING);
        guarded(DECODING, || {
            let mut decoder = gif_options(self.limits).read_info(reader).map_err(failed)?;
            while decoder.read_next_frame().map_err(failed)?.is_some() {}
            Ok(true)
        })
    }

    fn decode_webp(&self, reader: Watched, fault: &Fault, largest: Size) -> Result<Decoded<Raster>> {
        let failed = |error| webp_error(error, fault, DECODING);
        let mut decoder = webp_decoder(reader, fault, self.limits.memory_bytes / 8, DECODING)?;
        let row_bytes = self.facts.stored.width as usize * self.cost.layout.channels();
        let mut samples = vec![0; row_bytes * self.facts.stored.height as usize];
        if decoder.output_buffer_size() != Some(samples.len()) {
            return Err(changed());
        }
        decoder.read_image(&mut samples).map_err(failed)?;
        let profile = decoder.icc_profile().map_or(Profile::Unreadable, |bytes| Profile::of(bytes, false));
        let mut shrinker = Shrinker::new(self.cost.layout, self.facts.stored, largest);
        samples.chunks_exact(row_bytes).for_each(|row| shrinker.take(row));
        Ok(Decoded { pixels: shrinker.finish().ok_or_else(cut_short)?, profile, is_whole: true })
    }
}

/// Checks that an image is complete down to its last row: nothing damaged, nothing missing.
///
/// An unsupported format must consist of boxes that reach to the end of the file, such as AVIF.
pub(super) fn check_whole(bytes: &[u8], limits: &PhotoLimits, until: Instant) -> Result<()> {
    let start = bytes.get(..RECOGNIZED_BYTES.min(bytes.len())).unwrap_or_default();
    if Format::of(start).is_err() {
        return match foreign(start) {
            AVIF if boxes_are_whole(bytes) => Ok(()),
            AVIF => Err(cut_short()),
            _ => Err(Error::new(ErrorKind::Corrupt, RECOGNIZING).context("fault", "not an image of a known format")),
        };
    }
    let source = Source::open(Bytes::Memory(bytes), limits, until)?;
    let decodes = || Ok::<_, Error>(source.decode(Size::new(1, 1), Threads::One)?.is_whole);
    let is_whole = match source.facts.format {
        Format::Jpeg => source.jpeg_is_whole()?,
        Format::Png => decodes()?,
        Format::Gif => decodes()? && source.rest_of_gif_is_whole()?,
        Format::Webp => decodes()? && riff_is_whole(bytes),
    };
    if is_whole {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, DECODING)
        .context("format", source.facts.format.mimetype())
        .context("fault", "the image is damaged or incomplete"))
}

/// Tells whether a RIFF file has its stated length.
fn riff_is_whole(bytes: &[u8]) -> bool {
    let stated = bytes.get(4..8).and_then(|length| length.try_into().ok()).map_or(0, u32::from_le_bytes);
    // The padding byte may be missing.
    bytes.len() as u64 + 1 >= u64::from(stated) + 8
}

/// Tells whether the outermost boxes of an ISO media file, including the picture's, reach to its end.
fn boxes_are_whole(mut bytes: &[u8]) -> bool {
    let mut has_data = false;
    while let Some((head, _)) = bytes.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let stated = match u32::from_be_bytes([a, b, c, d]) {
            0 => bytes.len() as u64,
            1 => bytes.get(8..16).and_then(|length| length.try_into().ok()).map_or(0, u64::from_be_bytes),
            length => length.into(),
        };
        let length = usize::try_from(stated).unwrap_or(usize::MAX);
        if length < head.len() || length > bytes.len() {
            return false;
        }
        has_data |= &kind == b"mdat";
        bytes = bytes.get(length..).unwrap_or_default();
    }
    has_data && bytes.is_empty()
}

/// Enough to find `<svg` after an XML declaration and a comment.
const RECOGNIZED_BYTES: usize = 1024;
/// Tables, buffers and state of decoders, resampling and encoders.
const FIXED_BYTES: u64 = 4 << 20;
/// One reads, and both turn the data into pixels.
const JPEG_THREADS: usize = 2;
/// A colour profile in pieces and as a whole.
const PROFILE_BYTES: u64 = 2 * jpeg::MOST_PROFILE_BYTES as u64;
/// The maximum of memory for reading a header.
pub(super) const HEADER_BYTES: u64 = 4 << 20;

fn changed() -> Error {
    Error::new(ErrorKind::Corrupt, DECODING).context("fault", "the image does not match its header")
}

fn cut_short() -> Error {
    Error::new(ErrorKind::Corrupt, DECODING).context("fault", "it ends early")
}

// Headers.

fn jpeg_header(mut reader: Watched, fault: &Fault) -> Result<(Facts, Cost)> {
    use jpeg_decoder::{CodingProcess, PixelFormat};
    let notes = fault.judge(jpeg::Notes::read(&mut reader, jpeg::Keep::Exif), READING)?;
    if notes.is_endless {
        let error = Error::new(ErrorKind::LimitExceeded, READING).context("fault", "too many segments in front of the image");
        return Err(error.context("limit_segments", jpeg::MOST_SEGMENTS));
    }
    fault.judge(reader.rewind(), READING)?;
    let mut decoder = jpeg_decoder::Decoder::new(jpeg::Bare::new(reader, jpeg::Ending::Zeros));
    decoder.read_info().map_err(|error| jpeg_error(error, fault, READING))?;
    let info = decoder.info().ok_or_else(cut_short)?;
    let layout = match info.pixel_format {
        PixelFormat::L8 => Layout::Grey,
        PixelFormat::RGB24 => Layout::Rgb,
        PixelFormat::CMYK32 => Layout::Cmyk,
        PixelFormat::L16 => return Err(Error::new(ErrorKind::Unsupported, READING).context("fault", "16 bits a sample")),
    };
    let stored = sized(info.width, info.height)?;
    let decoder_bytes = match info.coding_process {
        CodingProcess::DctSequential => 0,
        // All coefficients, two bytes each, are kept until the last scan.
        CodingProcess::DctProgressive => 2 * layout.channels() as u64 * stored.pixels(),
        CodingProcess::Lossless => return Err(Error::new(ErrorKind::Unsupported, READING).context("fault", "lossless JPEG")),
    };
    let facts = Facts { format: Format::Jpeg, stored, orientation: notes.exif.as_deref().map_or(1, orientation) };
    let cost = Cost { layout, row_by_row: true, has_profile: notes.has_profile, decoder_bytes, coarsest: notes.coarsest() };
    Ok((facts, cost))
}

fn png_header(mut reader: Watched, fault: &Fault) -> Result<(Facts, Cost)> {
    let notes = PngNotes::read(&mut reader).map_err(|error| fault.error(error, READING))?;
    fault.judge(reader.rewind(), READING)?;
    let mut decoder = png::Decoder::new_with_limits(reader, png_limits(HEADER_BYTES));
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let reader = decoder.read_info().map_err(|error| png_error(error, fault, READING))?;
    let info = reader.info();
    let layout =
        png_layout(&reader).ok_or_else(|| Error::new(ErrorKind::Unsupported, READING).context("fault", "colour type"))?;
    let facts = Facts { format: Format::Png, stored: sized(info.width, info.height)?, orientation: notes.orientation() };
    Ok((facts, Cost { layout, row_by_row: !info.interlaced, has_profile: notes.has_profile, decoder_bytes: 0, coarsest: (1, 1) }))
}

/// Chunks of a PNG beside its pixels; they may come before or after the pixels.
#[derive(Default)]
struct PngNotes {
    exif: Option<Vec<u8>>,
    /// EXIF in the form that `ImageMagick` wrote before a chunk for it existed.
    raw_exif: Option<Vec<u8>>,
    has_profile: bool,
}

impl PngNotes {
    /// Larger notes are not read.
    const MOST_BYTES: usize = 1 << 20;

    fn orientation(&self) -> u8 {
        self.exif.as_ref().or(self.raw_exif.as_ref()).map_or(1, |block| orientation(block))
    }

    /// Goes through all chunks. It ignores a file that ends early.
    fn read(reader: &mut Watched) -> io::Result<Self> {
        let mut notes = Self::default();
        reader.seek_relative(8)?;
        let mut head = [0; 8];
        while let Ok(()) = reader.read_exact(&mut head) {
            let [a, b, c, d, kind @ ..] = head;
            let length = u32::from_be_bytes([a, b, c, d]);
            let behind = i64::from(length) + 4;
            let is_short = usize::try_from(length).is_ok_and(|length| length <= Self::MOST_BYTES);
            match &kind {
                b"IEND" => break,
                b"iCCP" => notes.has_profile = true,
                b"eXIf" | b"zTXt" | b"tEXt" if is_short => {
                    let mut content = Vec::new();
                    reader.by_ref().take(length.into()).read_to_end(&mut content)?;
                    reader.seek_relative(4)?;
                    match &kind {
                        b"eXIf" => notes.exif = notes.exif.or(Some(content)),
                        kind => notes.raw_exif = notes.raw_exif.or_else(|| Self::raw_exif(&content, kind == b"zTXt")),
                    }
                    continue;
                }
                _ => {}
            }
            reader.seek_relative(behind)?;
        }
        Ok(notes)
    }

    /// Reads `Raw profile type exif`: three lines, the last one a length, and hexadecimal digits in lines.
    fn raw_exif(content: &[u8], is_compressed: bool) -> Option<Vec<u8>> {
        let text = content.strip_prefix(b"Raw profile type exif\0")?;
        let inflated;
        let text = if is_compressed {
            inflated = fdeflate::decompress_to_vec_bounded(text.strip_prefix(b"\0")?, Self::MOST_BYTES).ok()?;
            inflated.as_slice()
        } else {
            text
        };
        let digits = text.splitn(4, |byte| *byte == b'\n').nth(3)?;
        let digits: Vec<u8> =
            digits.iter().filter_map(|byte| char::from(*byte).to_digit(16)).filter_map(|digit| digit.try_into().ok()).collect();
        Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
    }
}

fn gif_header(reader: Watched, fault: &Fault, limits: &PhotoLimits) -> Result<(Facts, Cost)> {
    let decoder = gif_options(limits).read_info(reader).map_err(|error| gif_error(error, fault, READING))?;
    let facts = Facts { format: Format::Gif, stored: sized(decoder.width(), decoder.height())?, orientation: 1 };
    let decoder_bytes = facts.stored.pixels();
    Ok((facts, Cost { layout: Layout::Rgba, row_by_row: true, has_profile: false, decoder_bytes, coarsest: (1, 1) }))
}

fn webp_header(reader: Watched, fault: &Fault) -> Result<(Facts, Cost)> {
    let mut decoder = webp_decoder(reader, fault, HEADER_BYTES, READING)?;
    let (width, height) = decoder.dimensions();
    let layout = if decoder.has_alpha() { Layout::Rgba } else { Layout::Rgb };
    // An unreadable one is ignored.
    let exif = decoder.exif_metadata().ok().flatten();
    let facts =
        Facts { format: Format::Webp, stored: sized(width, height)?, orientation: exif.as_deref().map_or(1, orientation) };
    // Lossless keeps four bytes a pixel; lossy the planes and alpha; an animated one a canvas beside its frame.
    let decoder_bytes = facts.stored.pixels() * if decoder.is_animated() { 8 } else { 4 };
    Ok((facts, Cost { layout, row_by_row: false, has_profile: false, decoder_bytes, coarsest: (1, 1) }))
}

fn sized(width: impl Into<u32>, height: impl Into<u32>) -> Result<Size> {
    let (width, height) = (width.into(), height.into());
    if width == 0 || height == 0 {
        return Err(Error::new(ErrorKind::Corrupt, READING).context("fault", "a side of 0 pixels"));
    }
    Ok(Size::new(width, height))
}

/// Returns to how many eighths of its size a JPEG is decoded: the fewest of 1, 2, 4 and 8 that reach the requested size everywhere.
fn jpeg_eighths(stored: Size, asked: Size) -> u32 {
    let is_enough = |eighths: &u32| {
        let size = in_eighths(stored, *eighths);
        size.width >= asked.width && size.height >= asked.height
    };
    [1, 2, 4].into_iter().find(is_enough).unwrap_or(8)
}

/// Returns to how many eighths of its size a plane of a JPEG is decoded, if each may be decoded at its own: brightness to one and a half
/// times the largest scale, colour to the scale.
fn plane_eighths(number: u32, (width, height): (u32, u32), largest: Size) -> u8 {
    let halves = if number == 0 { 3 } else { 2 };
    let is_enough = |eighths: &u8| {
        let reaches = |side: u32, asked: u32| u64::from(side) * u64::from(*eighths) * 2 >= u64::from(asked) * 8 * halves;
        reaches(width, largest.width) && reaches(height, largest.height)
    };
    (1..8).find(is_enough).unwrap_or(8)
}

fn in_eighths(stored: Size, eighths: u32) -> Size {
    Size::new((stored.width * eighths).div_ceil(8), (stored.height * eighths).div_ceil(8))
}

fn png_layout<R: BufRead + Seek>(reader: &png::Reader<R>) -> Option<Layout> {
    match reader.output_color_type() {
        (png::ColorType::Grayscale, png::BitDepth::Eight) => Some(Layout::Grey),
        (png::ColorType::GrayscaleAlpha, png::BitDepth::Eight) => Some(Layout::GreyAlpha),
        (png::ColorType::Rgb, png::BitDepth::Eight) => Some(Layout::Rgb),
        (png::ColorType::Rgba, png::BitDepth::Eight) => Some(Layout::Rgba),
        _ => None,
    }
}

fn png_limits(most_bytes: u64) -> png::Limits {
    png::Limits { bytes: usize::try_from(most_bytes).unwrap_or(usize::MAX) }
}

fn gif_options(limits: &PhotoLimits) -> gif::DecodeOptions {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.allow_unknown_blocks(true);
    if let Some(bytes) = std::num::NonZeroU64::new(limits.memory_bytes) {
        options.set_memory_limit(gif::MemoryLimit::Bytes(bytes));
    }
    options
}

fn webp_decoder<'a>(
    mut reader: Watched<'a>,
    fault: &Fault,
    most_bytes: u64,
    operation: &'static str,
) -> Result<image_webp::WebPDecoder<Watched<'a>>> {
    let instead = fault.judge(webp_flags(&mut reader), operation)?;
    fault.judge(reader.rewind(), operation)?;
    reader.get_mut().instead = instead;
    let mut decoder = image_webp::WebPDecoder::new(reader).map_err(|error| webp_error(error, fault, operation))?;
    // For allocations beside the image, such as profiles.
    decoder.set_memory_limit(usize::try_from(most_bytes).unwrap_or(usize::MAX));
    Ok(decoder)
}

/// Finds flags of an extended WebP that claim missing parts; returns their offsets and their correct values.
fn webp_flags(reader: &mut Watched) -> io::Result<Option<(u64, u8)>> {
    const FLAGS_AT: u64 = 20;
    const PROFILE: u8 = 0x20;
    const ALPHA: u8 = 0x10;
    const EXIF: u8 = 0x08;
    const XMP: u8 = 0x04;
    let mut head = [0; 30];
    if reader.read_exact(&mut head).is_err() || !head.get(12..).is_some_and(|chunk| chunk.starts_with(b"VP8X\x0a\0\0\0")) {
        return Ok(None);
    }
    let mut found = 0;
    let mut chunk = [0; 8];
    while let Ok(()) = reader.read_exact(&mut chunk) {
        let [kind @ .., a, b, c, d] = chunk;
        found |= match &kind {
            b"ICCP" => PROFILE,
            // Lossless has its alpha inside; an animation has it in its frames.
            b"ALPH" | b"VP8L" | b"ANMF" => ALPHA,
            b"EXIF" => EXIF,
            b"XMP " => XMP,
            _ => 0,
        };
        let length = i64::from(u32::from_le_bytes([a, b, c, d]));
        reader.seek_relative(length + length % 2)?;
    }
    let claimed = head[20];
    let right = claimed & (found | !(PROFILE | ALPHA | EXIF | XMP));
    Ok((right != claimed).then_some((FLAGS_AT, right)))
}

// Errors of decoders.

fn jpeg_error(error: jpeg_decoder::Error, fault: &Fault, operation: &'static str) -> Error {
    match error {
        jpeg_decoder::Error::Unsupported(_) => Error::new(ErrorKind::Unsupported, operation).source(error),
        other => fault.error(other, operation),
    }
}

fn png_error(error: png::DecodingError, fault: &Fault, operation: &'static str) -> Error {
    match error {
        png::DecodingError::LimitsExceeded => Error::new(ErrorKind::LimitExceeded, operation).source(error),
        other => fault.error(other, operation),
    }
}

fn gif_error(error: gif::DecodingError, fault: &Fault, operation: &'static str) -> Error {
    match error {
        gif::DecodingError::OutOfMemory | gif::DecodingError::MemoryLimit => {
            Error::new(ErrorKind::LimitExceeded, operation).source(error)
        }
        other => fault.error(other, operation),
    }
}

fn webp_error(error: image_webp::DecodingError, fault: &Fault, operation: &'static str) -> Error {
    use image_webp::DecodingError::{MemoryLimitExceeded, UnsupportedFeature};
    match error {
        MemoryLimitExceeded => Error::new(ErrorKind::LimitExceeded, operation).source(error),
        UnsupportedFeature(_) => Error::new(ErrorKind::Unsupported, operation).source(error),
        other => fault.error(other, operation),
    }
}

/// Runs a decoder. A failed assertion on hostile bytes only means that they are corrupt.
fn guarded<T>(operation: &'static str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Corrupt, operation).context("fault", "the decoder failed")))
}

// Encoding.

/// How thumbnails are encoded; the names and ranges are those of the hub's settings.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    /// `jpeg_quality`, 1 to 100. Default 100.
    pub jpeg: u8,
    /// `png_quality`: the effort, 0 (none) to 9. Default 8.
    pub png: u8,
    /// `webp_quality`, 1 to 100. Default 80.
    pub webp: u8,
}

impl Default for Quality {
    fn default() -> Self {
        Self { jpeg: 100, png: 8, webp: 80 }
    }
}

/// Returns a file of these pixels, which are not CMYK, without metadata.
pub(super) fn encode(pixels: &Pixels, format: Format, quality: Quality) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoded = match (format, pixels) {
        (Format::Jpeg, _) => encode_jpeg(pixels, quality.jpeg, &mut bytes),
        (Format::Png, Pixels::Together(raster)) => encode_png(raster, quality.png, &mut bytes),
        (Format::Gif, Pixels::Together(raster)) => encode_gif(raster, &mut bytes),
        (Format::Webp, Pixels::Together(raster)) => encode_webp(raster, quality.webp, &mut bytes),
        (_, Pixels::Planes(_)) => Err("planes of a JPEG".into()),
    };
    let size = pixels.size();
    encoded
        .map_err(|source| Error::new(ErrorKind::Unsupported, ENCODING).source(source))
        .context("format", format.mimetype())
        .context("width", size.width)
        .context("height", size.height)?;
    Ok(bytes)
}

type Encoded = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn encode_jpeg(pixels: &Pixels, quality: u8, bytes: &mut Vec<u8>) -> Encoded {
    let mut encoder = jpeg_encoder::Encoder::new(bytes, quality);
    // Like the hubs' own drivers: from 90 on, colour at full resolution.
    let fine = quality >= 90;
    encoder.set_sampling_factor(if fine { jpeg_encoder::SamplingFactor::F_1_1 } else { jpeg_encoder::SamplingFactor::F_2_2 });
    encoder.set_optimized_huffman_tables(true);
    let size = pixels.size();
    let (width, height) = (u16::try_from(size.width)?, u16::try_from(size.height)?);
    match pixels {
        Pixels::Planes(planes) => encoder.encode_image(Planes { of: planes, width, height })?,
        Pixels::Together(Raster { layout: Layout::Grey, samples, .. }) => {
            encoder.encode(samples, width, height, jpeg_encoder::ColorType::Luma)?;
        }
        Pixels::Together(Raster { layout: Layout::Rgb, samples, .. }) => {
            encoder.encode(samples, width, height, jpeg_encoder::ColorType::Rgb)?;
        }
        Pixels::Together(raster) => return Err(format!("JPEG from {:?}", raster.layout).into()),
    }
    Ok(())
}

/// Three planes of one size, for the encoder.
struct Planes<'a> {
    of: &'a [Raster; 3],
    width: u16,
    height: u16,
}

impl jpeg_encoder::ImageBuffer for Planes<'_> {
    fn get_jpeg_color_type(&self) -> jpeg_encoder::JpegColorType {
        jpeg_encoder::JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, row: u16, buffers: &mut [Vec<u8>; 4]) {
        let width = usize::from(self.width);
        for (plane, buffer) in self.of.iter().zip(buffers) {
            buffer.extend_from_slice(plane.samples.chunks_exact(width).nth(row.into()).unwrap_or_default());
        }
    }
}

fn encode_png(raster: &Raster, quality: u8, bytes: &mut Vec<u8>) -> Encoded {
    let mut encoder = png::Encoder::new(bytes, raster.size.width, raster.size.height);
    encoder.set_color(match raster.layout {
        Layout::Grey => png::ColorType::Grayscale,
        Layout::GreyAlpha => png::ColorType::GrayscaleAlpha,
        Layout::Rgb => png::ColorType::Rgb,
        Layout::Rgba => png::ColorType::Rgba,
        Layout::Cmyk => return Err("PNG from inks".into()),
    });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(match quality {
        0 => png::DeflateCompression::NoCompression,
        level => png::DeflateCompression::Level(level.min(9)),
    });
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&raster.samples)?;
    writer.finish()?;
    Ok(())
}

fn encode_gif(raster: &Raster, bytes: &mut Vec<u8>) -> Encoded {
    if raster.layout != Layout::Rgba {
        return Err("GIF without alpha".into());
    }
    let (width, height) = (u16::try_from(raster.size.width)?, u16::try_from(raster.size.height)?);
    let mut samples = raster.samples.clone();
    for [_, _, _, alpha] in samples.as_chunks_mut::<4>().0 {
        // A pixel is either opaque or transparent.
        *alpha = if *alpha >= 128 { 255 } else { 0 };
    }
    let frame = gif::Frame::from_rgba_speed(width, height, &mut samples, GIF_SPEED);
    gif::Encoder::new(bytes, width, height, &[])?.write_frame(&frame)?;
    Ok(())
}

/// 1 uses every pixel for the palette, 30 every thirtieth.
const GIF_SPEED: i32 = 10;

fn encode_webp(raster: &Raster, quality: u8, bytes: &mut Vec<u8>) -> Encoded {
    if raster.size.longest() > MAX_WEBP_SIDE {
        return Err(format!("a side of WebP has at most {MAX_WEBP_SIDE} pixels").into());
    }
    let encoder = match raster.layout {
        Layout::Rgb => webp::Encoder::from_rgb(&raster.samples, raster.size.width, raster.size.height),
        Layout::Rgba => webp::Encoder::from_rgba(&raster.samples, raster.size.width, raster.size.height),
        other => return Err(format!("WebP from {other:?}").into()),
    };
    let file = encoder.encode_simple(false, quality.into()).map_err(|error| format!("{error:?}"))?;
    bytes.extend_from_slice(&file);
    Ok(())
}

const MAX_WEBP_SIDE: u32 = 16_383;

//! Image files to pixels and back.
//!
//! A header is believed in nothing before its claim was held against the limits. Decoders read from the file as they go; what
//! can come row by row is shrunk on the way. Encoders write pixels only: no metadata of the original, no place, no camera.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::geometry::Size;
use super::raster::{Layout, Raster, Shrinker};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::Limits;

/// A format that is decoded and encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG: baseline and progressive; grey, colour, CMYK and YCCK.
    Jpeg,
    /// PNG of any depth and colour type; of an animated one the still image.
    Png,
    /// GIF; the first frame.
    Gif,
    /// WebP; of an animated one the first frame.
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

/// Names a format that is not decoded, for a person to read.
fn foreign(start: &[u8]) -> &'static str {
    match start {
        [] => "an empty file",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => "AVIF",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => "HEIC or a film",
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => "JPEG XL",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "TIFF",
        [b'B', b'M', ..] => "BMP",
        [0, 0, 1, 0, ..] => "ICO",
        _ if start.windows(4).any(|four| four.eq_ignore_ascii_case(b"<svg")) => "SVG",
        _ => "none that is known here",
    }
}

const RECOGNIZING: &str = "recognizing an image";
const READING: &str = "reading an image's header";
const DECODING: &str = "decoding an image";
const ENCODING: &str = "encoding an image";

/// What a header says.
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

/// What decoding costs, as far as the header tells.
#[derive(Clone, Copy, Debug)]
struct Cost {
    layout: Layout,
    /// Whether pixels come row by row, so that the whole image is never in memory.
    row_by_row: bool,
    /// Bytes for each stored pixel that the decoder keeps.
    decoder_bytes: u64,
}

/// An opened photo whose header has been read and is within the limits.
pub(super) struct Source<'a> {
    file: File,
    facts: Facts,
    cost: Cost,
    limits: &'a Limits,
    until: Instant,
}

impl<'a> Source<'a> {
    pub(super) fn open(file: File, limits: &'a Limits, until: Instant) -> Result<Self> {
        let bytes = file.metadata().or_fail(ErrorKind::Storage, READING)?.len();
        if bytes > limits.max_photo_bytes {
            let error = Error::new(ErrorKind::LimitExceeded, READING);
            return Err(error.context("bytes", bytes).context("limit_bytes", limits.max_photo_bytes));
        }
        let (mut reader, fault) = watched(&file, until)?;
        let start = fault.judge(reader.fill_buf(), READING)?;
        let format = Format::of(start.get(..RECOGNIZED_BYTES.min(start.len())).unwrap_or_default())?;
        let (facts, cost) = guarded(READING, || match format {
            Format::Jpeg => jpeg_header(reader, &fault),
            Format::Png => png_header(reader, &fault, limits),
            Format::Gif => gif_header(reader, &fault, limits),
            Format::Webp => webp_header(reader, &fault, limits),
        })
        .context("format", format.mimetype())?;
        if facts.stored.pixels() > limits.max_photo_pixels {
            return Err(Error::new(ErrorKind::LimitExceeded, READING)
                .context("format", format.mimetype())
                .context("width", facts.stored.width)
                .context("height", facts.stored.height)
                .context("limit_pixels", limits.max_photo_pixels));
        }
        Ok(Self { file, facts, cost, limits, until })
    }

    pub(super) fn facts(&self) -> Facts {
        self.facts
    }

    /// Starts the photo's time anew, after waiting for others.
    pub(super) fn restart(&mut self, limits: &Limits) {
        self.until = Instant::now() + limits.photo_time;
    }

    /// Ends the work on a photo that takes too long.
    pub(super) fn check_time(&self) -> Result<()> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(Error::new(ErrorKind::LimitExceeded, "scaling an image").context("limit_ms", self.limits.photo_time.as_millis()))
    }

    /// Returns the most memory that decoding for a largest scale, as stored, and scaling from there take together.
    pub(super) fn memory_bytes(&self, largest: Size) -> u64 {
        let pixels = self.facts.stored.pixels();
        let channels = self.cost.layout.channels() as u64;
        let decoded = match self.facts.format {
            // Planes and their combination, at the size that is decoded.
            Format::Jpeg => 2 * channels * in_eighths(self.facts.stored, jpeg_eighths(self.facts.stored, largest)).pixels(),
            _ => Shrinker::bytes(self.cost.layout, self.facts.stored, largest),
        };
        let rows = if self.cost.row_by_row { 0 } else { pixels * channels };
        pixels * self.cost.decoder_bytes + rows + decoded + 4 * channels * largest.pixels() + FIXED_BYTES
    }

    /// Decodes, not smaller than a size; returns the pixels as stored and the colour profile.
    pub(super) fn decode(&self, largest: Size) -> Result<(Raster, Option<Vec<u8>>)> {
        let needed = self.memory_bytes(largest);
        let format = self.facts.format;
        if needed > self.limits.photo_memory_bytes {
            return Err(Error::new(ErrorKind::LimitExceeded, DECODING)
                .context("format", format.mimetype())
                .context("width", self.facts.stored.width)
                .context("height", self.facts.stored.height)
                .context("needed_bytes", needed)
                .context("limit_bytes", self.limits.photo_memory_bytes));
        }
        let (reader, fault) = watched(&self.file, self.until)?;
        let decoded = guarded(DECODING, || match format {
            Format::Jpeg => self.decode_jpeg(reader, &fault, largest),
            Format::Png => self.decode_png(reader, &fault, largest),
            Format::Gif => self.decode_gif(reader, &fault, largest),
            Format::Webp => self.decode_webp(reader, &fault, largest),
        });
        decoded.context("format", format.mimetype())
    }

    fn decode_jpeg(&self, reader: Watched, fault: &Fault, largest: Size) -> Result<(Raster, Option<Vec<u8>>)> {
        // Left alone, the decoder hands rows to threads of its own without waiting for them: on a busy machine they pile up. In a pool it waits.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(JPEG_THREADS);
        let decoded = pool
            .build_scoped(rayon::ThreadBuilder::run, |pool| pool.install(|| self.decode_jpeg_in_pool(reader, fault, largest)));
        decoded.or_fail(ErrorKind::Storage, DECODING)?
    }

    fn decode_jpeg_in_pool(&self, reader: Watched, fault: &Fault, largest: Size) -> Result<(Raster, Option<Vec<u8>>)> {
        let mut decoder = jpeg_decoder::Decoder::new(ByteByByte(reader));
        let eighths = jpeg_eighths(self.facts.stored, largest);
        let size = in_eighths(self.facts.stored, eighths);
        // The decoder is content with one side; only the longer one tells all of its factors apart.
        let longest = u16::try_from(size.longest()).unwrap_or(u16::MAX);
        let asked = if size.width >= size.height { (longest, u16::MAX) } else { (u16::MAX, longest) };
        let (width, height) = decoder.scale(asked.0, asked.1).map_err(|error| jpeg_error(error, fault, DECODING))?;
        if Size::new(width.into(), height.into()) != size {
            return Err(changed());
        }
        let samples = decoder.decode().map_err(|error| jpeg_error(error, fault, DECODING))?;
        if samples.len() as u64 != size.pixels() * self.cost.layout.channels() as u64 {
            return Err(changed());
        }
        // The last column and row may stand for fewer pixels than the others.
        let part = |stored: u32| f64::from(stored) * f64::from(eighths) / 8.0;
        let covered = (part(self.facts.stored.width), part(self.facts.stored.height));
        let profile = decoder.icc_profile();
        Ok((Raster { covered, ..Raster::new(self.cost.layout, size, samples) }, profile))
    }

    fn decode_png(&self, reader: Watched, fault: &Fault, largest: Size) -> Result<(Raster, Option<Vec<u8>>)> {
        let failed = |error| png_error(error, fault, DECODING);
        let mut decoder = png::Decoder::new_with_limits(reader, png_limits(self.limits));
        decoder.set_ignore_text_chunk(true);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(failed)?;
        let profile =
            if reader.info().srgb.is_some() { None } else { reader.info().icc_profile.as_ref().map(|bytes| bytes.to_vec()) };
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
        Ok((shrinker.finish().ok_or_else(cut_short)?, profile))
    }

    fn decode_gif(&self, reader: Watched, fault: &Fault, largest: Size) -> Result<(Raster, Option<Vec<u8>>)> {
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
        Ok((shrinker.finish().ok_or_else(cut_short)?, None))
    }

    fn decode_webp(&self, reader: Watched, fault: &Fault, largest: Size) -> Result<(Raster, Option<Vec<u8>>)> {
        let failed = |error| webp_error(error, fault, DECODING);
        let mut decoder = webp_decoder(reader, fault, self.limits, DECODING)?;
        let row_bytes = self.facts.stored.width as usize * self.cost.layout.channels();
        let mut samples = vec![0; row_bytes * self.facts.stored.height as usize];
        if decoder.output_buffer_size() != Some(samples.len()) {
            return Err(changed());
        }
        decoder.read_image(&mut samples).map_err(failed)?;
        let profile = decoder.icc_profile().map_err(failed)?;
        let mut shrinker = Shrinker::new(self.cost.layout, self.facts.stored, largest);
        samples.chunks_exact(row_bytes).for_each(|row| shrinker.take(row));
        Ok((shrinker.finish().ok_or_else(cut_short)?, profile))
    }
}

/// Enough to find `<svg` behind an XML declaration and a comment.
const RECOGNIZED_BYTES: usize = 1024;
/// Tables, buffers and state of decoders, resampling and encoders.
const FIXED_BYTES: u64 = 4 << 20;

/// One reads, and both make pixels of what was read.
const JPEG_THREADS: usize = 2;

fn changed() -> Error {
    Error::new(ErrorKind::Corrupt, DECODING).context("fault", "it is not what its header said")
}

fn cut_short() -> Error {
    Error::new(ErrorKind::Corrupt, DECODING).context("fault", "it ends early")
}

// Headers.

fn jpeg_header(reader: Watched, fault: &Fault) -> Result<(Facts, Cost)> {
    use jpeg_decoder::{CodingProcess, PixelFormat};
    let mut decoder = jpeg_decoder::Decoder::new(reader);
    decoder.read_info().map_err(|error| jpeg_error(error, fault, READING))?;
    let info = decoder.info().ok_or_else(cut_short)?;
    let layout = match info.pixel_format {
        PixelFormat::L8 => Layout::Grey,
        PixelFormat::RGB24 => Layout::Rgb,
        PixelFormat::CMYK32 => Layout::Cmyk,
        PixelFormat::L16 => return Err(Error::new(ErrorKind::Unsupported, READING).context("fault", "16 bits a sample")),
    };
    let decoder_bytes = match info.coding_process {
        CodingProcess::DctSequential => 0,
        // All coefficients, two bytes each, are kept until the last scan.
        CodingProcess::DctProgressive => 2 * layout.channels() as u64,
        CodingProcess::Lossless => return Err(Error::new(ErrorKind::Unsupported, READING).context("fault", "lossless JPEG")),
    };
    let orientation = decoder.exif_data().map_or(1, orientation);
    let facts = Facts { format: Format::Jpeg, stored: sized(info.width, info.height)?, orientation };
    Ok((facts, Cost { layout, row_by_row: true, decoder_bytes }))
}

fn png_header(reader: Watched, fault: &Fault, limits: &Limits) -> Result<(Facts, Cost)> {
    let mut decoder = png::Decoder::new_with_limits(reader, png_limits(limits));
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let reader = decoder.read_info().map_err(|error| png_error(error, fault, READING))?;
    let info = reader.info();
    let layout =
        png_layout(&reader).ok_or_else(|| Error::new(ErrorKind::Unsupported, READING).context("fault", "colour type"))?;
    let orientation = info.exif_metadata.as_deref().map_or(1, orientation);
    let facts = Facts { format: Format::Png, stored: sized(info.width, info.height)?, orientation };
    Ok((facts, Cost { layout, row_by_row: !info.interlaced, decoder_bytes: 0 }))
}

fn gif_header(reader: Watched, fault: &Fault, limits: &Limits) -> Result<(Facts, Cost)> {
    let decoder = gif_options(limits).read_info(reader).map_err(|error| gif_error(error, fault, READING))?;
    let facts = Facts { format: Format::Gif, stored: sized(decoder.width(), decoder.height())?, orientation: 1 };
    Ok((facts, Cost { layout: Layout::Rgba, row_by_row: true, decoder_bytes: 1 }))
}

fn webp_header(reader: Watched, fault: &Fault, limits: &Limits) -> Result<(Facts, Cost)> {
    let mut decoder = webp_decoder(reader, fault, limits, READING)?;
    let (width, height) = decoder.dimensions();
    let layout = if decoder.has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let exif = decoder.exif_metadata().map_err(|error| webp_error(error, fault, READING))?;
    let facts =
        Facts { format: Format::Webp, stored: sized(width, height)?, orientation: exif.as_deref().map_or(1, orientation) };
    // Lossless keeps four bytes a pixel; lossy the planes and alpha; an animated one a canvas beside its frame.
    let decoder_bytes = if decoder.is_animated() { 8 } else { 4 };
    Ok((facts, Cost { layout, row_by_row: false, decoder_bytes }))
}

fn sized(width: impl Into<u32>, height: impl Into<u32>) -> Result<Size> {
    let (width, height) = (width.into(), height.into());
    if width == 0 || height == 0 {
        return Err(Error::new(ErrorKind::Corrupt, READING).context("fault", "a side of 0 pixels"));
    }
    Ok(Size::new(width, height))
}

fn orientation(exif: &[u8]) -> u8 {
    image::metadata::Orientation::from_exif_chunk(exif).map_or(1, image::metadata::Orientation::to_exif)
}

/// Returns how many eighths of its size a JPEG is decoded to: the fewest of 1, 2, 4 and 8 that are nowhere below what is asked for.
fn jpeg_eighths(stored: Size, asked: Size) -> u32 {
    let is_enough = |eighths: &u32| {
        let size = in_eighths(stored, *eighths);
        size.width >= asked.width && size.height >= asked.height
    };
    [1, 2, 4].into_iter().find(is_enough).unwrap_or(8)
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

fn png_limits(limits: &Limits) -> png::Limits {
    png::Limits { bytes: usize::try_from(limits.photo_memory_bytes / 8).unwrap_or(usize::MAX) }
}

fn gif_options(limits: &Limits) -> gif::DecodeOptions {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    if let Some(bytes) = std::num::NonZeroU64::new(limits.photo_memory_bytes) {
        options.set_memory_limit(gif::MemoryLimit::Bytes(bytes));
    }
    options
}

fn webp_decoder(
    reader: Watched,
    fault: &Fault,
    limits: &Limits,
    operation: &'static str,
) -> Result<image_webp::WebPDecoder<Watched>> {
    let mut decoder = image_webp::WebPDecoder::new(reader).map_err(|error| webp_error(error, fault, operation))?;
    // For what it allocates beside the image, such as profiles.
    decoder.set_memory_limit(usize::try_from(limits.photo_memory_bytes / 8).unwrap_or(usize::MAX));
    Ok(decoder)
}

// What decoders say when they fail.

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

/// Runs a decoder. One that fails an assertion on hostile bytes has found them corrupt, no more.
fn guarded<T>(operation: &'static str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Corrupt, operation).context("fault", "the decoder gave up")))
}

type Watched = BufReader<WatchedFile>;

/// A file that is read until its time is up.
struct WatchedFile {
    file: File,
    until: Instant,
    fault: Fault,
}

/// Why reading ended, for those who only hear of it through a decoder.
#[derive(Clone, Default)]
struct Fault(Arc<Mutex<Option<ErrorKind>>>);

impl Fault {
    fn get(&self) -> Option<ErrorKind> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, kind: ErrorKind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind);
    }

    fn error(&self, error: impl std::error::Error + Send + Sync + 'static, operation: &'static str) -> Error {
        let error = Error::new(self.get().unwrap_or(ErrorKind::Corrupt), operation).source(error);
        if self.get() == Some(ErrorKind::LimitExceeded) { error.context("limit", "time") } else { error }
    }

    fn judge<T>(&self, result: io::Result<T>, operation: &'static str) -> Result<T> {
        result.map_err(|error| self.error(error, operation))
    }
}

/// Opens a second view of the file, at its start.
fn watched(file: &File, until: Instant) -> Result<(Watched, Fault)> {
    let mut file = file.try_clone().or_fail(ErrorKind::Storage, READING)?;
    file.seek(SeekFrom::Start(0)).or_fail(ErrorKind::Storage, READING)?;
    let fault = Fault::default();
    Ok((BufReader::with_capacity(BUFFER_BYTES, WatchedFile { file, until, fault: fault.clone() }), fault))
}

/// Small enough for the clock to be looked at often, whatever a decoder makes of a few bytes.
const BUFFER_BYTES: usize = 16 << 10;

impl Read for WatchedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() >= self.until {
            self.fault.set(ErrorKind::LimitExceeded);
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.file.read(buffer).inspect_err(|_| self.fault.set(ErrorKind::Storage))
    }
}

impl Seek for WatchedFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

/// For a decoder that asks for a byte at a time: finds it without a call.
struct ByteByByte(Watched);

impl Read for ByteByByte {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    #[inline]
    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if let ([wanted], [next, ..]) = (&mut *buffer, self.0.buffer()) {
            *wanted = *next;
            self.0.consume(1);
            return Ok(());
        }
        self.0.read_exact(buffer)
    }
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
pub(super) fn encode(raster: &Raster, format: Format, quality: Quality) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoded = match format {
        Format::Jpeg => encode_jpeg(raster, quality.jpeg, &mut bytes),
        Format::Png => encode_png(raster, quality.png, &mut bytes),
        Format::Gif => encode_gif(raster, &mut bytes),
        Format::Webp => encode_webp(raster, quality.webp, &mut bytes),
    };
    encoded
        .map_err(|source| Error::new(ErrorKind::Unsupported, ENCODING).source(source))
        .context("format", format.mimetype())
        .context("width", raster.size.width)
        .context("height", raster.size.height)?;
    Ok(bytes)
}

type Encoded = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn encode_jpeg(raster: &Raster, quality: u8, bytes: &mut Vec<u8>) -> Encoded {
    let order = match raster.layout {
        Layout::Grey => jpeg_encoder::ColorType::Luma,
        Layout::Rgb => jpeg_encoder::ColorType::Rgb,
        other => return Err(format!("JPEG from {other:?}").into()),
    };
    let mut encoder = jpeg_encoder::Encoder::new(bytes, quality);
    // As hubs' own drivers: from 90 on, colour at full resolution.
    let fine = quality >= 90;
    encoder.set_sampling_factor(if fine { jpeg_encoder::SamplingFactor::F_1_1 } else { jpeg_encoder::SamplingFactor::F_2_2 });
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(&raster.samples, u16::try_from(raster.size.width)?, u16::try_from(raster.size.height)?, order)?;
    Ok(())
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
        // A pixel is there or not.
        *alpha = if *alpha >= 128 { 255 } else { 0 };
    }
    let frame = gif::Frame::from_rgba_speed(width, height, &mut samples, GIF_SPEED);
    gif::Encoder::new(bytes, width, height, &[])?.write_frame(&frame)?;
    Ok(())
}

/// 1 looks at every pixel for the palette, 30 at every thirtieth.
const GIF_SPEED: i32 = 10;

fn encode_webp(raster: &Raster, quality: u8, bytes: &mut Vec<u8>) -> Encoded {
    if raster.size.longest() > MAX_WEBP_SIDE {
        return Err(format!("WebP ends at {MAX_WEBP_SIDE} pixels a side").into());
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

//! Photos: reads headers, and makes all scales of an original.
//!
//! The original is decoded once, shrunk on the way; each scale is resampled from that, turned upright, converted to sRGB, and
//! written to a new file. No existing file is opened for writing, and a failed set leaves no files. A person crops scales 4
//! and 7; they are never made here.

mod codec;
mod exif;
mod geometry;
mod jpeg;
mod raster;
mod watched;

use std::io::{BufRead, Seek, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use filesync_jpeg::Threads;
use image::ImageReader;

pub use codec::{Facts, Format, Quality};
pub use geometry::{Scale, Size};
use raster::{Pixels, Profile};

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::PhotoLimits;
use crate::paths::{RelativePath, Root};
use crate::store::NewFile;

/// Returns width and height in pixels, as stored.
///
/// # Errors
///
/// `Corrupt` if the bytes are not an image of a known format or the header is broken.
pub fn dimensions(bytes: impl BufRead + Seek) -> Result<(u32, u32)> {
    let reader = ImageReader::new(bytes).with_guessed_format().or_fail(ErrorKind::Storage, "reading an image's header")?;
    if reader.format().is_none() {
        return Err(Error::new(ErrorKind::Corrupt, "reading an image's header").context("fault", "no known image format"));
    }
    reader.into_dimensions().or_fail(ErrorKind::Corrupt, "reading an image's header")
}

/// Checks that a thumbnail is complete down to its last row.
///
/// # Errors
///
/// `Corrupt` if it is damaged or incomplete, `Unsupported` if its format is unknown, `LimitExceeded` if it claims
/// more than a photo may.
pub fn check_whole(bytes: &[u8], limits: &PhotoLimits) -> Result<()> {
    codec::check_whole(bytes, limits, Instant::now() + limits.time)
}

/// Reads a photo's header; decodes no pixels.
///
/// # Errors
///
/// `NotFound` if the file does not exist, `Unsupported` if its format cannot be decoded, `Corrupt` if its header is broken,
/// `LimitExceeded` if it is larger than `max_bytes` or claims more than `max_pixels`, `Storage` if it cannot be read.
pub fn facts(root: &Root, path: &RelativePath, limits: &PhotoLimits) -> Result<Facts> {
    Ok(Photo::open(root, path, limits)?.source.facts())
}

/// One photo to scale.
#[derive(Clone, Debug)]
pub struct Job {
    /// The original for scales 1 to 3, scale 4 for 5 and 6, scale 7 for 8 and 9.
    pub source: RelativePath,
    /// The scales to make; the names must be unused.
    pub targets: Vec<(Scale, RelativePath)>,
}

impl Job {
    fn check(&self) -> Result<()> {
        let fault = match self.targets.split_first() {
            None => "no scale was requested",
            Some(((first, _), others)) if others.iter().any(|(scale, _)| scale.source() != first.source()) => {
                "scales of different sources"
            }
            Some(_) => return Ok(()),
        };
        Err(Error::new(ErrorKind::InvalidInput, "choosing scales").context("fault", fault).context("path", &self.source))
    }
}

/// Options for all photos of a call.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How thumbnails are encoded.
    pub quality: Quality,
    /// The hub's `max_thumbnail`, if it has an external program shrink originals to it before it scales them.
    pub first_side: Option<u32>,
}

/// A written scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Which scale.
    pub scale: Scale,
    /// The format, the same as the source's.
    pub format: Format,
    /// The size as stored, which is the size as shown.
    pub size: Size,
    /// The file's size in bytes.
    pub size_bytes: u64,
    /// The file's digest.
    pub digest: Digest,
    /// Why the original's colour profile could not be used, if it has one: colours may look different.
    pub profile_fault: Option<&'static str>,
}

/// Scales one photo; when it returns, either all files are complete and on disk, or none exists.
///
/// # Errors
///
/// Those of [`facts`]; `Corrupt` if the pixels are damaged or cut short, `Unsupported` if the format cannot hold a scale,
/// `LimitExceeded` if decoding would take more than `memory_bytes` or takes longer than `time`, if a scale has a
/// longer side than `max_scale_side` or more bytes than `max_scale_bytes`; `InvalidInput` if a target's name is taken or the
/// targets belong to different sources; `Storage` if a target cannot be written.
pub fn scale(from: &Root, to: &Root, job: &Job, options: &Options, limits: &PhotoLimits) -> Result<Vec<Written>> {
    let threads = if cores() > 1 { Threads::Two } else { Threads::One };
    Photo::open_for(from, job, options, limits)?.write(to, job, options, threads)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Scales many photos on several threads that end before it returns. Photos processed at once stay within `memory_bytes`;
/// the result of a photo that was not started within the budget is none.
///
/// # Errors
///
/// Each result's are those of [`scale`].
pub fn scale_all(
    from: &Root,
    to: &Root,
    jobs: &[Job],
    options: &Options,
    limits: &PhotoLimits,
    budget: Option<Duration>,
) -> Vec<Option<Result<Vec<Written>>>> {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let memory = Memory { used_bytes: Mutex::new(0), freed: Condvar::new(), limit_bytes: limits.memory_bytes };
    let results: Vec<Mutex<Option<Result<Vec<Written>>>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let workers = cores().min(jobs.len());
    // What is left over for each.
    let threads = if cores() >= 2 * workers { Threads::Two } else { Threads::One };
    let work = || {
        while let Some((job, result)) = {
            let position = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(position).zip(results.get(position))
        } {
            if budget.is_some_and(|budget| begun.elapsed() >= budget) {
                return;
            }
            let opened = {
                let _share = memory.reserve(codec::HEADER_BYTES);
                Photo::open_for(from, job, options, limits)
            };
            let outcome = opened.and_then(|mut photo| {
                let _share = memory.reserve(photo.memory_bytes(threads));
                photo.source.restart(limits);
                photo.write(to, job, options, threads)
            });
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        work();
        // A scope waits for the work of its threads, not for their end, and a process may be forked after that.
        for other in others {
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Memory that threads share.
struct Memory {
    used_bytes: Mutex<u64>,
    freed: Condvar,
    limit_bytes: u64,
}

impl Memory {
    /// Waits until the given bytes are free. A request above the total does not wait: its photo is refused anyway.
    fn reserve(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.limit_bytes);
        let used = self.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |used: &mut u64| *used + bytes > self.limit_bytes;
        let mut used = self.freed.wait_while(used, is_full).unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Share { memory: self, bytes }
    }
}

struct Share<'a> {
    memory: &'a Memory,
    bytes: u64,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.memory.used_bytes.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.memory.freed.notify_all();
    }
}

/// An opened photo and the sizes to make of it.
struct Photo<'a> {
    source: codec::Source<'a>,
    sizes: Vec<Size>,
    limits: &'a PhotoLimits,
}

impl<'a> Photo<'a> {
    fn open(root: &Root, path: &RelativePath, limits: &'a PhotoLimits) -> Result<Self> {
        let file = root.open_file(path)?;
        let source =
            codec::Source::open(watched::Bytes::File(file), limits, Instant::now() + limits.time).context("path", path)?;
        Ok(Self { source, sizes: Vec::new(), limits })
    }

    fn open_for(root: &Root, job: &Job, options: &Options, limits: &'a PhotoLimits) -> Result<Self> {
        job.check()?;
        let mut photo = Self::open(root, &job.source, limits)?;
        let shown = photo.source.facts().shown();
        photo.sizes = job.targets.iter().map(|(scale, _)| scale.size(shown, options.first_side)).collect();
        if let Some(size) = photo.sizes.iter().find(|size| size.longest() > limits.max_scale_side) {
            return Err(Error::new(ErrorKind::LimitExceeded, "choosing scales")
                .context("width", size.width)
                .context("height", size.height)
                .context("limit_side", limits.max_scale_side)
                .context("path", &job.source));
        }
        Ok(photo)
    }

    /// The largest scale, turned as the original is stored.
    fn largest(&self) -> Size {
        let largest = self.sizes.iter().copied().max_by_key(|size| size.pixels()).unwrap_or(Size::new(1, 1));
        self.as_stored(largest)
    }

    fn as_stored(&self, shown: Size) -> Size {
        if self.source.facts().orientation >= 5 { shown.turned() } else { shown }
    }

    fn memory_bytes(&self, threads: Threads) -> u64 {
        self.source.memory_bytes(self.largest()) + if self.may_use(threads) == Threads::Two { self.bytes_beside() } else { 0 }
    }

    /// Returns the memory for a scale that is made while the largest one is.
    fn bytes_beside(&self) -> u64 {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable_by_key(|size| std::cmp::Reverse(size.pixels()));
        sizes.get(1).map_or(0, |second| self.source.scaling_bytes(*second))
    }

    /// Returns how many of these threads memory suffices for.
    fn may_use(&self, threads: Threads) -> Threads {
        let with_two = self.source.memory_bytes(self.largest()) + self.bytes_beside();
        if with_two <= self.limits.memory_bytes { threads } else { Threads::One }
    }

    fn write(self, to: &Root, job: &Job, options: &Options, threads: Threads) -> Result<Vec<Written>> {
        let threads = self.may_use(threads);
        let decoded = self.source.decode(self.largest(), threads).context("path", &job.source)?;
        let (pixels, profile) = (Arc::new(decoded.pixels), decoded.profile);
        let targets: Vec<Target> = job
            .targets
            .iter()
            .zip(&self.sizes)
            .map(|((scale, path), size)| Target { scale: *scale, path, size: *size })
            .collect();
        let make = |targets, pixels| self.make(to, &job.source, targets, pixels, &profile, options);
        let files = match targets.split_first() {
            // The first scale is the largest: together, the others take less.
            Some((first, others)) if threads == Threads::Two && !others.is_empty() => std::thread::scope(|scope| {
                let shared = Arc::clone(&pixels);
                let beside = std::thread::Builder::new().spawn_scoped(scope, move || make(others, shared));
                let Ok(beside) = beside else { return make(&targets, pixels) };
                let first = make(std::slice::from_ref(first), pixels);
                let others = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                Ok([first?, others?].into_iter().flatten().collect())
            })?,
            _ => make(&targets, pixels)?,
        };
        let format = self.source.facts().format;
        let keep = |made: Made| {
            let (size_bytes, digest) = made.file.keep();
            Written { scale: made.scale, format, size: made.size, size_bytes, digest, profile_fault: made.profile_fault }
        };
        Ok(files.into_iter().map(keep).collect())
    }

    /// Makes some of the scales and writes them to disk, as files that do not stay unless they are kept. The photo's pixels are let go before
    /// the first one is encoded.
    fn make(
        &self,
        to: &Root,
        source: &RelativePath,
        targets: &[Target],
        pixels: Arc<Pixels>,
        profile: &Profile,
        options: &Options,
    ) -> Result<Vec<Made>> {
        let facts = self.source.facts();
        let resized = |target: &Target| pixels.resized(self.as_stored(target.size));
        let resized = targets.iter().map(resized).collect::<Result<Vec<_>>>()?;
        drop(pixels);
        let mut files = Vec::with_capacity(targets.len());
        for (Target { scale, path, .. }, pixels) in targets.iter().zip(resized) {
            let (pixels, profile_fault) = pixels.turned(facts.orientation).in_srgb(profile);
            let bytes = codec::encode(&pixels, facts.format, options.quality).context("path", source)?;
            if bytes.len() as u64 > self.limits.max_scale_bytes {
                return Err(Error::new(ErrorKind::LimitExceeded, "encoding an image")
                    .context("bytes", bytes.len())
                    .context("limit_bytes", self.limits.max_scale_bytes)
                    .context("path", source));
            }
            let mut file = NewFile::create(to, path)?;
            file.write_all(&bytes).or_fail(ErrorKind::Storage, "writing a scale").context("path", path)?;
            file.sync().context("path", path)?;
            self.source.check_time().context("path", source)?;
            files.push(Made { scale: *scale, size: pixels.size(), profile_fault, file });
        }
        Ok(files)
    }
}

/// A scale to make, and where.
struct Target<'a> {
    scale: Scale,
    path: &'a RelativePath,
    size: Size,
}

/// A scale on disk.
struct Made {
    scale: Scale,
    size: Size,
    profile_fault: Option<&'static str>,
    file: NewFile,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_page_is_no_image_and_a_cut_header_is_corrupt() {
        let mut png = Vec::new();
        image::RgbImage::new(7, 5).write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        assert_eq!(dimensions(Cursor::new(&png)).unwrap(), (7, 5));
        for bad in [&b"<!DOCTYPE html><html>"[..], &png[..20], b""] {
            assert_eq!(dimensions(Cursor::new(bad)).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}

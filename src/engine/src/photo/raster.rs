//! Pixels in memory: read row by row and shrunk on the way, resampled, turned, converted to sRGB.
//!
//! Alpha is multiplied in before pixels are mixed and divided out afterwards, so that edges do not take the colour of
//! transparent pixels.

use moxcms::{ColorProfile, DataColorSpace, TransformOptions};

use super::geometry::Size;
use crate::error::{Error, ErrorKind, OrFail};

/// The samples of a pixel; each is a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Amounts of ink: 0 is none.
    Cmyk,
}

impl Layout {
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    pub(super) fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}

/// An image in memory.
#[derive(Debug)]
pub(super) struct Raster {
    pub(super) layout: Layout,
    pub(super) size: Size,
    /// Columns and rows that the image covers: after shrinking, it may cover the last ones in part.
    pub(super) covered: (f64, f64),
    pub(super) samples: Vec<u8>,
}

impl Raster {
    pub(super) fn new(layout: Layout, size: Size, samples: Vec<u8>) -> Self {
        Self { layout, size, covered: (f64::from(size.width), f64::from(size.height)), samples }
    }

    /// Resamples to a size, Lanczos with three lobes.
    pub(super) fn resized(&self, size: Size) -> Result<Self, Error> {
        let image = filesync_resample::Image {
            size: (self.size.width, self.size.height),
            covered: self.covered,
            channels: self.layout.channels(),
            has_alpha: self.layout.has_alpha(),
            samples: &self.samples,
        };
        let samples = filesync_resample::resample(image, (size.width, size.height));
        Ok(Self::new(self.layout, size, samples.or_fail(ErrorKind::InvalidInput, "resampling an image")?))
    }

    /// Turns and mirrors according to an EXIF orientation, 1 to 8.
    pub(super) fn turned(self, orientation: u8) -> Self {
        if !(2..=8).contains(&orientation) {
            return self;
        }
        let swapped = orientation >= 5;
        let mirrored_x = matches!(orientation, 2 | 3 | 7 | 8);
        let mirrored_y = matches!(orientation, 3 | 4 | 6 | 7);
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let channels = self.layout.channels();
        let size = if swapped { self.size.turned() } else { self.size };
        let mut samples = Vec::with_capacity(self.samples.len());
        for y in 0..size.height as usize {
            for x in 0..size.width as usize {
                let (x, y) = if swapped { (y, x) } else { (x, y) };
                let x = if mirrored_x { width - 1 - x } else { x };
                let y = if mirrored_y { height - 1 - y } else { y };
                let at = (y * width + x) * channels;
                samples.extend_from_slice(self.samples.get(at..at + channels).unwrap_or_default());
            }
        }
        Self::new(self.layout, size, samples)
    }

    /// Converts colours to sRGB. If the profile cannot be used, they stay as they are, and the second value says why.
    pub(super) fn in_srgb(self, profile: &Profile) -> (Self, Option<&'static str>) {
        let converted = match profile {
            Profile::None => Err(None),
            Profile::Unreadable => Err(Some("it is incomplete or too large")),
            Profile::Bytes(bytes) => {
                let profile = ColorProfile::new_from_slice(bytes).map_err(|_| "it cannot be read");
                profile.and_then(|profile| self.converted(&profile)).map_err(Some)
            }
        };
        match (converted, self.layout) {
            (Ok(converted), _) => (converted, None),
            (Err(fault), Layout::Cmyk) => (self.without_inks(), fault),
            (Err(fault), _) => (self, fault),
        }
    }

    fn converted(&self, profile: &ColorProfile) -> Result<Self, &'static str> {
        use moxcms::Layout as Order;
        let (space, from, to, layout) = match self.layout {
            Layout::Grey => (DataColorSpace::Gray, Order::Gray, Order::Gray, Layout::Grey),
            Layout::GreyAlpha => (DataColorSpace::Gray, Order::GrayAlpha, Order::GrayAlpha, Layout::GreyAlpha),
            Layout::Rgb => (DataColorSpace::Rgb, Order::Rgb, Order::Rgb, Layout::Rgb),
            Layout::Rgba => (DataColorSpace::Rgb, Order::Rgba, Order::Rgba, Layout::Rgba),
            // The library has one name for all layouts of four channels.
            Layout::Cmyk => (DataColorSpace::Cmyk, Order::Rgba, Order::Rgb, Layout::Rgb),
        };
        if profile.color_space != space {
            return Err("it describes another colour space");
        }
        let srgb = match space {
            DataColorSpace::Gray => grey_like_srgb(),
            _ => ColorProfile::new_srgb(),
        };
        // A profile's curves are exact; its entries for film and television are for readers without support for curves.
        let options = TransformOptions { allow_use_cicp_transfer: false, ..TransformOptions::default() };
        let unknown = |_| "it cannot be converted to sRGB";
        let transform = profile.create_transform_8bit(from, &srgb, to, options).map_err(unknown)?;
        let pixels = self.samples.len() / self.layout.channels();
        let mut samples = vec![0; pixels * layout.channels()];
        transform.transform(&self.samples, &mut samples).map_err(unknown)?;
        Ok(Self::new(layout, self.size, samples))
    }

    /// The colour of white paper under these inks.
    fn without_inks(self) -> Self {
        let light = |ink: u8, black: u8| {
            let light = u32::from(255 - ink) * u32::from(255 - black);
            u8::try_from((light + 127) / 255).unwrap_or(u8::MAX)
        };
        let inks = self.samples.as_chunks::<4>().0;
        let samples = inks.iter().flat_map(|&[c, m, y, k]| [light(c, k), light(m, k), light(y, k)]).collect();
        Self::new(Layout::Rgb, self.size, samples)
    }
}

/// A grey profile with the tone curve of sRGB.
fn grey_like_srgb() -> ColorProfile {
    let srgb = ColorProfile::new_srgb();
    let mut grey = ColorProfile::new_gray_with_gamma(2.2);
    grey.gray_trc.clone_from(&srgb.red_trc);
    grey
}

/// The pixels of an image.
#[derive(Debug)]
pub(super) enum Pixels {
    /// All samples of a pixel side by side.
    Together(Raster),
    /// As a JPEG has them: brightness, and how far blue and red are from it. Until they are resampled, each has a size of its own.
    Planes([Raster; 3]),
}

impl Pixels {
    pub(super) fn size(&self) -> Size {
        match self {
            Self::Together(raster) | Self::Planes([raster, ..]) => raster.size,
        }
    }

    /// Resamples to a size, Lanczos with three lobes.
    pub(super) fn resized(&self, size: Size) -> Result<Self, Error> {
        Ok(match self {
            Self::Together(raster) => Self::Together(raster.resized(size)?),
            Self::Planes([y, blue, red]) => Self::Planes([y.resized(size)?, blue.resized(size)?, red.resized(size)?]),
        })
    }

    /// Turns and mirrors according to an EXIF orientation, 1 to 8.
    pub(super) fn turned(self, orientation: u8) -> Self {
        match self {
            Self::Together(raster) => Self::Together(raster.turned(orientation)),
            Self::Planes(planes) => Self::Planes(planes.map(|plane| plane.turned(orientation))),
        }
    }

    /// Converts colours to sRGB. If the profile cannot be used, they stay as they are, and the second value says why.
    pub(super) fn in_srgb(self, profile: &Profile) -> (Self, Option<&'static str>) {
        let raster = match (self, profile) {
            (Self::Planes(planes), Profile::None) => return (Self::Planes(planes), None),
            (Self::Planes(planes), _) => rgb(&planes),
            (Self::Together(raster), _) => raster,
        };
        let (raster, fault) = raster.in_srgb(profile);
        (Self::Together(raster), fault)
    }
}

/// Puts planes of one size together, as the JFIF standard says.
fn rgb([y, blue, red]: &[Raster; 3]) -> Raster {
    let colours = y.samples.iter().zip(&blue.samples).zip(&red.samples).flat_map(|((y, blue), red)| {
        let (blue, red) = (f32::from(*blue) - 128.0, f32::from(*red) - 128.0);
        let (green, blue, red) = (-0.344_136 * blue - 0.714_136 * red, 1.772 * blue, 1.402 * red);
        [red, green, blue].map(|difference| rounded(f32::from(*y) + difference))
    });
    Raster::new(Layout::Rgb, y.size, colours.collect())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast keeps within a byte")]
fn rounded(sample: f32) -> u8 {
    (sample + 0.5) as u8
}

/// Takes rows and keeps the mean of each square of `factor` × `factor` pixels.
pub(super) struct Shrinker {
    layout: Layout,
    source: Size,
    factor: u32,
    rows_taken: u32,
    sums: Vec<u32>,
    samples: Vec<u8>,
}

impl Shrinker {
    /// Largest factor: the sums of a square, times alpha, fit into 32 bits.
    const MAX_FACTOR: u32 = 128;

    /// Prepares for an image whose largest scale has a given size. It keeps twice that size for the resampling.
    pub(super) fn new(layout: Layout, source: Size, largest: Size) -> Self {
        let factor = (source.width / (2 * largest.width)).min(source.height / (2 * largest.height)).clamp(1, Self::MAX_FACTOR);
        let size = Size::new(source.width.div_ceil(factor), source.height.div_ceil(factor));
        let row = size.width as usize * layout.channels();
        Self {
            layout,
            source,
            factor,
            rows_taken: 0,
            sums: if factor > 1 { vec![0; row] } else { Vec::new() },
            samples: Vec::with_capacity(row * size.height as usize),
        }
    }

    /// Returns the size of the shrunk image in bytes.
    pub(super) fn bytes(layout: Layout, source: Size, largest: Size) -> u64 {
        let factor =
            u64::from((source.width / (2 * largest.width)).min(source.height / (2 * largest.height)).clamp(1, Self::MAX_FACTOR));
        (u64::from(source.width).div_ceil(factor)) * (u64::from(source.height).div_ceil(factor)) * layout.channels() as u64
    }

    /// Adds the next row; ignores rows beyond the image's height.
    pub(super) fn take(&mut self, row: &[u8]) {
        if self.rows_taken == self.source.height {
            return;
        }
        self.rows_taken += 1;
        if self.factor == 1 {
            self.samples.extend_from_slice(row);
            return;
        }
        let channels = self.layout.channels();
        let squares = row.chunks(channels * self.factor as usize).zip(self.sums.chunks_exact_mut(channels));
        if self.layout.has_alpha() {
            for (pixels, sums) in squares {
                for pixel in pixels.chunks_exact(channels) {
                    add_with_alpha(pixel, sums);
                }
            }
        } else {
            for (pixels, sums) in squares {
                for pixel in pixels.chunks_exact(channels) {
                    for (sum, sample) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(*sample);
                    }
                }
            }
        }
        if self.rows_taken.is_multiple_of(self.factor) || self.rows_taken == self.source.height {
            self.finish_row();
        }
    }

    fn finish_row(&mut self) {
        let channels = self.layout.channels();
        let rows = (self.rows_taken - 1) % self.factor + 1;
        let mut left = self.source.width;
        for sums in self.sums.chunks_exact(channels) {
            let pixels = rows * left.min(self.factor);
            left = left.saturating_sub(self.factor);
            if self.layout.has_alpha() {
                let (alpha, colours) = sums.split_last().unwrap_or((&0, &[]));
                self.samples.extend(colours.iter().map(|sum| mean(*sum, *alpha)));
                self.samples.push(mean(*alpha, pixels));
            } else {
                self.samples.extend(sums.iter().map(|sum| mean(*sum, pixels)));
            }
        }
        self.sums.fill(0);
    }

    /// Returns the image, or none if rows are missing.
    pub(super) fn finish(self) -> Option<Raster> {
        if self.rows_taken < self.source.height {
            return None;
        }
        let factor = f64::from(self.factor);
        let size = Size::new(self.source.width.div_ceil(self.factor), self.source.height.div_ceil(self.factor));
        let covered = (f64::from(self.source.width) / factor, f64::from(self.source.height) / factor);
        Some(Raster { covered, ..Raster::new(self.layout, size, self.samples) })
    }
}

fn add_with_alpha(pixel: &[u8], sums: &mut [u32]) {
    let Some((alpha, colours)) = pixel.split_last() else { return };
    let Some((alpha_sum, colour_sums)) = sums.split_last_mut() else { return };
    *alpha_sum += u32::from(*alpha);
    for (sum, colour) in colour_sums.iter_mut().zip(colours) {
        *sum += u32::from(*colour) * u32::from(*alpha);
    }
}

fn mean(sum: u32, count: u32) -> u8 {
    match count {
        0 => 0,
        _ => u8::try_from((u64::from(sum) + u64::from(count) / 2) / u64::from(count)).unwrap_or(u8::MAX),
    }
}

/// The colour profile of an image.
pub(super) enum Profile {
    /// Missing: the image is in sRGB.
    None,
    /// As stored in the file.
    Bytes(Vec<u8>),
    /// Present in the file, but unreadable.
    Unreadable,
}

impl Profile {
    pub(super) fn of(bytes: Option<Vec<u8>>, is_there: bool) -> Self {
        match bytes {
            Some(bytes) => Self::Bytes(bytes),
            None if is_there => Self::Unreadable,
            None => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_keeps_means_also_of_squares_at_the_edge() {
        let mut shrinker = Shrinker::new(Layout::Grey, Size::new(7, 5), Size::new(1, 1));
        assert_eq!(shrinker.factor, 2);
        for row in [[0, 2, 10, 10, 4, 4, 100], [2, 4, 10, 10, 4, 4, 102], [9; 7], [9; 7], [6, 8, 6, 6, 6, 6, 50]] {
            shrinker.take(&row);
        }
        shrinker.take(&[255; 7]);
        let raster = shrinker.finish().unwrap();
        assert_eq!((raster.size, raster.covered), (Size::new(4, 3), (3.5, 2.5)));
        assert_eq!(raster.samples, [2, 10, 4, 101, 9, 9, 9, 9, 7, 6, 6, 50]);
        assert!(Shrinker::new(Layout::Grey, Size::new(1, 1), Size::new(1, 1)).finish().is_none());
    }

    #[test]
    fn what_is_transparent_gives_no_colour() {
        let mut shrinker = Shrinker::new(Layout::Rgba, Size::new(4, 4), Size::new(1, 1));
        for _ in 0..4 {
            shrinker.take(&[255, 0, 0, 255, 0, 255, 0, 0, 10, 20, 30, 0, 10, 20, 30, 0]);
        }
        let raster = shrinker.finish().unwrap();
        assert_eq!(raster.samples.get(..8).unwrap(), [255, 0, 0, 128, 0, 0, 0, 0]);
        let resized = raster.resized(Size::new(1, 1)).unwrap();
        assert_eq!((resized.samples[0], resized.samples[1]), (255, 0), "no green, no darkening: {:?}", resized.samples);
    }

    #[test]
    fn the_eight_orientations() {
        // 1 2 3
        // 4 5 6
        let turned = |orientation| {
            let raster = Raster::new(Layout::Grey, Size::new(3, 2), vec![1, 2, 3, 4, 5, 6]).turned(orientation);
            (raster.size.width, raster.samples)
        };
        assert_eq!(turned(1), (3, vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(turned(2), (3, vec![3, 2, 1, 6, 5, 4]));
        assert_eq!(turned(3), (3, vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(turned(4), (3, vec![4, 5, 6, 1, 2, 3]));
        assert_eq!(turned(5), (2, vec![1, 4, 2, 5, 3, 6]));
        assert_eq!(turned(6), (2, vec![4, 1, 5, 2, 6, 3]));
        assert_eq!(turned(7), (2, vec![6, 3, 5, 2, 4, 1]));
        assert_eq!(turned(8), (2, vec![3, 6, 2, 5, 1, 4]));
        assert_eq!(turned(9), turned(1));
    }

    #[test]
    fn inks_become_light_and_a_foreign_profile_is_said() {
        let inks = vec![0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 0, 255, 255, 128];
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        let raster = Raster::new(Layout::Cmyk, Size::new(4, 1), inks).in_srgb(&Profile::Bytes(srgb));
        assert_eq!(raster.1, Some("it describes another colour space"));
        let raster = raster.0;
        assert_eq!((raster.layout, raster.samples), (Layout::Rgb, vec![255, 255, 255, 0, 255, 255, 0, 0, 0, 127, 0, 0]));
    }

    #[test]
    fn a_wide_gamut_becomes_srgb_and_srgb_stays() {
        let colours = vec![200, 100, 50, 128, 128, 128];
        let in_profile = |profile: ColorProfile| {
            let bytes = profile.encode().unwrap();
            Raster::new(Layout::Rgb, Size::new(2, 1), colours.clone()).in_srgb(&Profile::Bytes(bytes)).0.samples
        };
        assert!(in_profile(ColorProfile::new_srgb()).iter().zip(&colours).all(|(a, b)| a.abs_diff(*b) <= 1));
        let from_p3 = in_profile(ColorProfile::new_display_p3());
        assert!(from_p3[0] > 210 && from_p3[2] < 40, "more saturated in the smaller space: {from_p3:?}");
        assert!(from_p3[3].abs_diff(128) <= 1, "grey stays grey");
        let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        let raster = Raster::new(Layout::GreyAlpha, Size::new(1, 1), vec![55, 77]).in_srgb(&Profile::Bytes(grey)).0;
        assert!(raster.samples[0].abs_diff(128) <= 2 && raster.samples[1] == 77, "{:?}", raster.samples);
    }
}

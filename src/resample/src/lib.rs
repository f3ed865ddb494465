//! Resamples images of 8 bit samples, Lanczos with three lobes.
//!
//! It is a crate of its own because `fast_image_resize` is generic over pixels and views: here that code is compiled once; inside
//! the engine it was compiled with every change of the engine, and took two thirds of its build.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

/// Why an image cannot be resampled.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// An image in memory, one byte a sample, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Columns and rows to resample, from the upper left corner; the last ones in part.
    pub covered: (f64, f64),
    /// 1 to 4.
    pub channels: usize,
    /// Whether the last channel is alpha, which is multiplied in before samples are mixed and divided out afterwards.
    pub has_alpha: bool,
    /// Their number follows from size and channels.
    pub samples: &'a [u8],
}

/// Returns the samples of the image in another size (columns and rows).
///
/// # Errors
///
/// Samples are missing, or the covered area is outside the image.
pub fn resample(image: Image<'_>, size: (u32, u32)) -> Result<Vec<u8>, Error> {
    match image.channels {
        1 => typed::<U8>(image, size),
        2 => typed::<U8x2>(image, size),
        3 => typed::<U8x3>(image, size),
        4 => typed::<U8x4>(image, size),
        other => Err(format!("an image of {other} channels").into()),
    }
}

fn typed<P: PixelTrait>(image: Image<'_>, (width, height): (u32, u32)) -> Result<Vec<u8>, Error> {
    let source = TypedImageRef::<P>::from_buffer(image.size.0, image.size.1, image.samples)?;
    let mut samples = vec![0; width as usize * height as usize * image.channels];
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(0.0, 0.0, image.covered.0, image.covered.1)
        .use_alpha(image.has_alpha);
    let mut target = TypedImage::<P>::from_buffer(width, height, &mut samples)?;
    Resizer::new().resize_typed(&source, &mut target, &options)?;
    Ok(samples)
}

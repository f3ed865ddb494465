//! What an image's own header says. Never decodes pixels.

use std::io::{BufRead, Seek};

use image::ImageReader;

use crate::error::{Error, ErrorKind, OrFail, Result};

/// Returns width and height in pixels.
///
/// # Errors
///
/// `Corrupt` if the bytes are no image of a known format or its header is broken.
pub fn dimensions(bytes: impl BufRead + Seek) -> Result<(u32, u32)> {
    let reader = ImageReader::new(bytes).with_guessed_format().or_fail(ErrorKind::Storage, "reading an image's header")?;
    if reader.format().is_none() {
        return Err(Error::new(ErrorKind::Corrupt, "reading an image's header").context("fault", "no known image format"));
    }
    reader.into_dimensions().or_fail(ErrorKind::Corrupt, "reading an image's header")
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

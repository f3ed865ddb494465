//! A gallery of photos, made here: each is scaled, and each scale compared with a plain mean of the pixels that were drawn.
//!
//! `CONTACT_SHEET=file.png cargo test -p filesync-engine --test photos` draws what came out, for a person to look at.

#[path = "support/pictures.rs"]
mod pictures;

use std::io::Cursor;
use std::time::Duration;

use filesync_engine::paths::{RelativePath, Root};
use filesync_engine::photo::{self, Format, Job, Options, Quality, Scale, Size, Written};
use filesync_engine::{Error, ErrorKind, Limits, digest::Digest};
use pictures::Picture;

/// A folder with originals, and scales beside them.
struct Folder {
    dir: tempfile::TempDir,
    root: Root,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        Self { dir, root }
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.dir.path().join(name), bytes).unwrap();
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.dir.path().join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn job(name: &str, scales: &[u8]) -> Job {
        let target = |number: &u8| (Scale::new(*number).unwrap(), path(&format!("{name}-{number}")));
        Job { source: path(name), targets: scales.iter().map(target).collect() }
    }

    fn scale(&self, name: &str, scales: &[u8], limits: &Limits) -> Result<Vec<Written>, Error> {
        photo::scale(&self.root, &self.root, &Self::job(name, scales), &options(), limits)
    }
}

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn options() -> Options {
    Options { quality: Quality { jpeg: 95, png: 1, webp: 90 }, first_side: None }
}

fn sizes(written: &[Written]) -> Vec<(u32, u32)> {
    written.iter().map(|written| (written.size.width, written.size.height)).collect()
}

fn decoded(bytes: &[u8]) -> Picture {
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap();
    Picture::of(&reader.decode().unwrap().into_rgba8())
}

/// Tells what is wrong with a scale, compared with the plain mean of what was drawn.
fn fault(scaled: &Picture, drawn: &Picture, least_db: f64) -> Option<String> {
    let difference = scaled.difference(&drawn.mean_of(scaled.size()));
    // Of a few lines, Lanczos weighs the middle ones more than a plain mean does.
    let most_brightness = if scaled.width.min(scaled.height) < 8 { 8.0 } else { 1.5 };
    let right = difference.db >= least_db && difference.brightness.abs() <= most_brightness;
    (!right).then(|| format!("{difference:?}, expected {least_db} dB and {most_brightness}"))
}

#[test]
fn every_picture_of_the_gallery_is_scaled_as_it_was_drawn() {
    let gallery = pictures::gallery();
    assert!(gallery.len() >= 40, "{} pictures", gallery.len());
    let mut sheet = pictures::Sheet::default();
    let mut faults = Vec::new();
    for entry in &gallery {
        let folder = Folder::new();
        folder.put("photo", &entry.bytes);
        let shown = entry.shown.size();
        let facts = photo::facts(&folder.root, &path("photo"), &Limits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert_eq!((facts.shown().width, facts.shown().height, facts.format), (shown.0, shown.1, entry.format), "{}", entry.name);
        let written =
            folder.scale("photo", &[1, 2, 3], &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let expected = [1, 2, 3].map(|number| {
            let size = Scale::new(number).unwrap().size(Size::new(shown.0, shown.1), None);
            (size.width, size.height)
        });
        assert_eq!(sizes(&written), expected, "{}", entry.name);
        assert_eq!(folder.bytes("photo"), entry.bytes, "the original is left alone");
        let mut thumbnails = Vec::new();
        for written in &written {
            let bytes = folder.bytes(&format!("photo-{}", written.scale.number()));
            let what = format!("{}, scale {}", entry.name, written.scale.number());
            assert_eq!((written.size_bytes, written.digest), (bytes.len() as u64, Digest::of(&bytes)), "{what}");
            assert_eq!(image::guess_format(&bytes).unwrap().to_mime_type(), entry.format.mimetype(), "{what}");
            for private in pictures::PRIVATE {
                assert!(!bytes.windows(private.len()).any(|window| window == private), "{what} holds {}", private.escape_ascii());
            }
            let scaled = decoded(&bytes);
            assert_eq!(scaled.size(), (written.size.width, written.size.height), "{what}");
            faults.extend(fault(&scaled, &entry.shown, entry.least_db).map(|fault| format!("{what}: {fault}")));
            thumbnails.push(scaled);
        }
        sheet.add(thumbnails.pop().unwrap());
    }
    if let Some(file) = std::env::var_os("CONTACT_SHEET") {
        sheet.draw().save(file).unwrap();
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_comparison_finds_scales_that_are_swapped_darkened_turned_or_shifted() {
    let drawn = Picture::scene(1600, 1200);
    let right = drawn.mean_of((640, 480));
    let is_wrong = |picture: &Picture| fault(picture, &drawn, 28.0).is_some();
    assert!(!is_wrong(&right));
    assert!(is_wrong(&right.map(|[r, g, b, a]| [r * 0.98, g * 0.98, b * 0.98, a])), "darkened");
    assert!(is_wrong(&right.map(|[r, g, b, a]| [b, g, r, a])), "red and blue swapped");
    let turned = right.pixels.iter().rev().copied().collect();
    assert!(is_wrong(&Picture { pixels: turned, ..right.clone() }), "turned");
    let mut shifted = right.pixels.clone();
    shifted.rotate_right(2);
    assert!(is_wrong(&Picture { pixels: shifted, ..right.clone() }), "shifted by two pixels");
    // A scale in another's place has another size; drawn for another original, another content.
    assert!(fault(&right, &Picture::scene(1200, 1600), 28.0).is_some(), "of another photo");
}

#[test]
fn crops_give_the_smaller_scales_of_their_kind() {
    let folder = Folder::new();
    for (name, width, height, scales, expected) in [
        ("profile", 300, 300, [5, 6], [(80, 80), (48, 48)]),
        ("cover", 1200, 435, [8, 9], [(850, 310), (425, 160)]),
        ("tall", 1200, 675, [8, 9], [(850, 478), (425, 239)]),
    ] {
        let drawn = Picture::scene(width, height);
        folder.put(name, &drawn.png());
        let written = folder.scale(name, &scales, &Limits::default()).unwrap();
        assert_eq!(sizes(&written), expected, "{name}");
        for (scale, size) in scales.iter().zip(expected) {
            let scaled = decoded(&folder.bytes(&format!("{name}-{scale}")));
            assert_eq!((scaled.size(), fault(&scaled, &drawn, 28.0)), (size, None), "{name}");
        }
    }
    folder.put("mixed", &Picture::scene(8, 8).png());
    let mixed = folder.scale("mixed", &[1, 5], &Limits::default()).unwrap_err();
    assert_eq!(mixed.to_string(), "invalid input while choosing scales {fault: scales of different sources, path: mixed}");
}

#[test]
fn edges_of_what_is_transparent_stay_bright() {
    let folder = Folder::new();
    // White on transparent black: whatever mixes the two without alpha gets grey edges.
    let disc = Picture::draw(900, 900, |x, y| if (x - 0.5).hypot(y - 0.5) < 0.4 { [255.0; 4] } else { [0.0; 4] });
    for (name, bytes) in [("png", disc.png()), ("webp", disc.webp_lossless())] {
        folder.put(name, &bytes);
        folder.scale(name, &[3], &Limits::default()).unwrap();
        let scaled = decoded(&folder.bytes(&format!("{name}-3")));
        let darkest = scaled.pixels.iter().filter(|pixel| pixel[3] > 32.0).map(|pixel| pixel[1]).fold(255.0, f32::min);
        assert!(darkest >= 240.0, "{name}: {darkest}");
        assert!(scaled.pixels[0][3] < 1.0, "{name}: alpha is kept");
    }
}

#[test]
fn colours_of_a_wide_profile_arrive_as_srgb() {
    use moxcms::{ColorProfile, Layout, TransformOptions};
    let folder = Folder::new();
    let profile = ColorProfile::new_display_p3();
    let drawn = Picture::scene(1600, 1200);
    let mut converted = vec![0; 1600 * 1200 * 3];
    let transform =
        profile.create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default()).unwrap();
    transform.transform(&drawn.rgb(), &mut converted).unwrap();
    let expected = Picture::of_rgb(1600, 1200, &converted);
    for (name, bytes) in [
        ("jpeg", drawn.jpeg(|encoder| encoder.add_icc_profile(&profile.encode().unwrap()).unwrap())),
        ("png", drawn.png_with(|info| info.icc_profile = Some(profile.encode().unwrap().into()))),
    ] {
        folder.put(name, &bytes);
        folder.scale(name, &[2], &Limits::default()).unwrap();
        let scaled = decoded(&folder.bytes(&format!("{name}-2")));
        assert_eq!(fault(&scaled, &expected, 28.0), None, "{name}");
        assert!(fault(&scaled, &drawn, 28.0).is_some(), "{name}: the profile was ignored");
    }
}

#[test]
fn what_is_not_decoded_is_named() {
    let folder = Folder::new();
    let named = |bytes: &[u8]| {
        folder.put("photo", bytes);
        let error = folder.scale("photo", &[1], &Limits::default()).unwrap_err();
        assert_eq!(photo::facts(&folder.root, &path("photo"), &Limits::default()).unwrap_err().to_string(), error.to_string());
        (error.kind(), error.to_string())
    };
    for (bytes, format) in [
        (&b"<?xml version=\"1.0\"?><!-- drawn --><svg xmlns=\"http://www.w3.org/2000/svg\"/>"[..], "SVG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC or a film"),
        (b"BM\x36\0\0\0", "BMP"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"\xff\x0a\0", "JPEG XL"),
        (b"<!DOCTYPE html>", "none that is known here"),
        (b"", "an empty file"),
    ] {
        let expected = format!("unsupported while recognizing an image {{format: {format}, path: photo}}");
        assert_eq!(named(bytes), (ErrorKind::Unsupported, expected));
    }
    assert_eq!(folder.names(), ["photo"]);
    assert_eq!(folder.scale("none", &[1], &Limits::default()).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_bomb_is_refused_from_its_header() {
    let folder = Folder::new();
    let refused = |bytes: &[u8], limits: &Limits| {
        folder.put("photo", bytes);
        let error = folder.scale("photo", &[1, 2, 3], limits).unwrap_err();
        assert_eq!(folder.names(), ["photo"], "{error}");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        error.to_string()
    };
    let limits = Limits::default();
    assert_eq!(
        refused(&pictures::png_header(60_000, 60_000), &limits),
        "limit exceeded while reading an image's header {format: image/png, width: 60000, height: 60000, limit_pixels: 268435456, path: photo}"
    );
    let mut jpeg = Picture::scene(16, 16).jpeg(|_| ());
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert!(refused(&jpeg, &limits).contains("width: 65535, height: 65535, limit_pixels"));
    let mut gif = Picture::scene(16, 16).gif(false);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    assert!(refused(&gif, &limits).contains("width: 65535, height: 65535, limit_pixels"));
    // A canvas of 2^24 × 2^24 in 30 bytes.
    let mut webp = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0".to_vec();
    webp.extend([0xff; 6]);
    folder.put("photo", &webp);
    let error = folder.scale("photo", &[1], &limits).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::Corrupt), "{error}");

    let little = Limits { photo_memory_bytes: 40 << 20, ..Limits::default() };
    let progressive = Picture::scene(3000, 3000).jpeg(|encoder| encoder.set_progressive(true));
    assert_eq!(
        refused(&progressive, &little),
        "limit exceeded while decoding an image {format: image/jpeg, width: 3000, height: 3000, needed_bytes: 84277216, \
         limit_bytes: 41943040, path: photo}"
    );
    let small = Limits { max_photo_bytes: 1000, ..Limits::default() };
    assert!(refused(&progressive, &small).starts_with("limit exceeded while reading an image's header {bytes: "));
    let narrow = Limits { max_scale_side: 1000, ..Limits::default() };
    assert_eq!(
        refused(&progressive, &narrow),
        "limit exceeded while choosing scales {width: 1024, height: 1024, limit_side: 1000, path: photo}"
    );
    let tight = Limits { max_scale_bytes: 1000, ..Limits::default() };
    assert!(refused(&progressive, &tight).starts_with("limit exceeded while encoding an image {bytes: "));
    let late = Limits { photo_time: Duration::ZERO, ..Limits::default() };
    assert_eq!(
        refused(&progressive, &late),
        "limit exceeded while reading an image's header {limit: time, path: photo}: timed out"
    );
}

#[test]
fn a_photo_that_is_cut_or_flipped_anywhere_leaves_no_scale_behind_or_whole_ones() {
    let drawn = Picture::scene(37, 29);
    let alpha = drawn.map(|[r, g, b, _]| [r, g, b, r]);
    let mut refused = 0;
    for (name, bytes) in [
        ("baseline", drawn.jpeg(|_| ())),
        ("progressive", drawn.jpeg(|encoder| encoder.set_progressive(true))),
        ("cmyk", drawn.jpeg_of_inks(false)),
        ("png", drawn.png()),
        ("interlaced", drawn.png_interlaced()),
        ("gif", drawn.gif(false)),
        ("webp", alpha.webp(80.0)),
        ("lossless", alpha.webp_lossless()),
        ("animated", drawn.webp_animated()),
    ] {
        let folder = Folder::new();
        let attempt = |bytes: &[u8], what: String| {
            folder.put("photo", bytes);
            match folder.scale("photo", &[3], &Limits::default()) {
                Ok(_) => {
                    assert_eq!(folder.names(), ["photo", "photo-3"], "{what}");
                    decoded(&folder.bytes("photo-3"));
                    std::fs::remove_file(folder.dir.path().join("photo-3")).unwrap();
                    None
                }
                Err(error) => {
                    assert_eq!(folder.names(), ["photo"], "{what}: {error}");
                    Some(error)
                }
            }
        };
        for at in (0..bytes.len()).step_by(10) {
            let cut = bytes.get(..at).unwrap();
            match attempt(cut, format!("{name} cut at {at}")) {
                Some(error) if at < 12 => assert!(matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Corrupt), "{error}"),
                Some(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{name} cut at {at} of {}: {error}", bytes.len()),
                // What stands behind the last pixel of the first frame may be missing.
                None => assert!(name == "animated" || bytes.len() - at <= 40, "{name} of {} bytes, cut at {at}", bytes.len()),
            }
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x55;
            if let Some(error) = attempt(&flipped, format!("{name} flipped at {at}")) {
                refused += 1;
                let kinds = [ErrorKind::Corrupt, ErrorKind::Unsupported, ErrorKind::LimitExceeded];
                assert!(kinds.contains(&error.kind()), "{name} flipped at {at}: {error}");
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_name_that_is_taken_is_not_written_over() {
    let folder = Folder::new();
    folder.put("photo", &Picture::scene(40, 30).png());
    folder.put("photo-2", b"old");
    let error = folder.scale("photo", &[1, 2, 3], &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "invalid input while writing a new file {path: photo-2}: File exists (os error 17)");
    assert_eq!((folder.names(), folder.bytes("photo-2")), (vec!["photo".into(), "photo-2".into()], b"old".to_vec()));
}

#[test]
fn many_photos_share_memory_and_each_has_its_own_result() {
    let folder = Folder::new();
    let mut jobs = Vec::new();
    for number in 0..12 {
        let name = format!("photo{number:02}");
        let bytes = match number {
            3 => b"no photo".to_vec(),
            7 => Picture::scene(300, 200).png().split_at(900).0.to_vec(),
            _ => Picture::scene(1200 + number, 900).jpeg(|_| ()),
        };
        folder.put(&name, &bytes);
        jobs.push(Folder::job(&name, &[1, 2, 3]));
    }
    // Room for one at a time: they wait for each other.
    let limits = Limits { photo_memory_bytes: 24 << 20, ..Limits::default() };
    let results = photo::scale_all(&folder.root, &folder.root, &jobs, &options(), &limits, None);
    for (number, result) in results.into_iter().enumerate() {
        match (number, result.unwrap()) {
            (3, result) => assert_eq!(result.unwrap_err().kind(), ErrorKind::Unsupported),
            (7, result) => assert_eq!(result.unwrap_err().kind(), ErrorKind::Corrupt),
            (_, result) => assert_eq!(result.unwrap().len(), 3),
        }
    }
    assert_eq!(folder.names().len(), 12 + 10 * 3);
    let none = photo::scale_all(&folder.root, &folder.root, &jobs, &options(), &limits, Some(Duration::ZERO));
    assert!(none.iter().all(Option::is_none), "no time, nothing begun");
}

#[test]
fn each_format_keeps_its_quality_setting() {
    let folder = Folder::new();
    let drawn = Picture::scene(800, 600);
    for (name, bytes) in [("jpeg", drawn.jpeg(|_| ())), ("png", drawn.png()), ("webp", drawn.webp(90.0))] {
        folder.put(name, &bytes);
        let size = |quality: Quality, scale: u8| {
            let job = Job { source: path(name), targets: vec![(Scale::new(1).unwrap(), path(&format!("{name}-{scale}")))] };
            let options = Options { quality, first_side: None };
            photo::scale(&folder.root, &folder.root, &job, &options, &Limits::default()).unwrap()[0].size_bytes
        };
        let (low, high) = (size(Quality { jpeg: 40, png: 1, webp: 20 }, 1), size(Quality { jpeg: 95, png: 9, webp: 95 }, 2));
        if name == "png" {
            assert!(high < low, "more effort, smaller: {low} {high}");
        } else {
            assert!(high > 2 * low, "{name}: {low} {high}");
        }
    }
    assert_eq!(Format::Jpeg.mimetype(), "image/jpeg");
}

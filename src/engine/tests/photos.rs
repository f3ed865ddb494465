//! A gallery of photos, made here: each is scaled, and each scale compared with a plain mean of the pixels that were drawn.
//!
//! `CONTACT_SHEET=file.png cargo test -p filesync-engine --test photos` draws what came out, for a person to look at.

#[path = "support/pictures.rs"]
mod pictures;

use std::io::Cursor;
use std::time::Duration;

use filesync_engine::photo::{self, Format, Job, Options, Quality, Scale, Size, Written};
use filesync_engine::{Digest, Error, ErrorKind, PhotoLimits, RelativePath, Root};
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

    fn scale(&self, name: &str, scales: &[u8], limits: &PhotoLimits) -> Result<Vec<Written>, Error> {
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
        let facts = photo::facts(&folder.root, &path("photo"), &PhotoLimits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert_eq!((facts.shown().width, facts.shown().height, facts.format), (shown.0, shown.1, entry.format), "{}", entry.name);
        let written =
            folder.scale("photo", &[1, 2, 3], &PhotoLimits::default()).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
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
        let written = folder.scale(name, &scales, &PhotoLimits::default()).unwrap();
        assert_eq!(sizes(&written), expected, "{name}");
        for (scale, size) in scales.iter().zip(expected) {
            let scaled = decoded(&folder.bytes(&format!("{name}-{scale}")));
            assert_eq!((scaled.size(), fault(&scaled, &drawn, 28.0)), (size, None), "{name}");
        }
    }
    folder.put("mixed", &Picture::scene(8, 8).png());
    let mixed = folder.scale("mixed", &[1, 5], &PhotoLimits::default()).unwrap_err();
    assert_eq!(mixed.to_string(), "invalid input while choosing scales {fault: scales of different sources, path: mixed}");
}

#[test]
fn edges_of_what_is_transparent_stay_bright() {
    let folder = Folder::new();
    // White on transparent black: whatever mixes the two without alpha gets grey edges.
    let disc = Picture::draw(900, 900, |x, y| if (x - 0.5).hypot(y - 0.5) < 0.4 { [255.0; 4] } else { [0.0; 4] });
    for (name, bytes) in [("png", disc.png()), ("webp", disc.webp_lossless())] {
        folder.put(name, &bytes);
        folder.scale(name, &[3], &PhotoLimits::default()).unwrap();
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
        folder.scale(name, &[2], &PhotoLimits::default()).unwrap();
        let scaled = decoded(&folder.bytes(&format!("{name}-2")));
        assert_eq!(fault(&scaled, &expected, 28.0), None, "{name}");
        assert!(fault(&scaled, &drawn, 28.0).is_some(), "{name}: the profile was ignored");
    }
}

/// The values are what libjpeg, and with it GD, Imagick, vips and Pillow, takes the same bytes for.
#[test]
fn planes_stand_for_the_colours_that_libjpeg_guesses() {
    let drawn = Picture::scene(320, 240);
    let planes = drawn.jpeg_of_planes();
    let as_rgb = drawn.clone();
    let as_ycc = drawn.map(|[y, cb, cr, a]| {
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb, a].map(|value| value.clamp(0.0, 255.0))
    });
    let with_ids = |ids: [u8; 3]| {
        let mut bytes = planes.clone();
        for (at, marker) in pictures::segments(&planes) {
            let (first, step) = match marker {
                0xc0 => (at + 10, 3),
                0xda => (at + 5, 2),
                _ => continue,
            };
            for (number, id) in ids.into_iter().enumerate() {
                bytes[first + number * step] = id;
            }
        }
        bytes
    };
    let jfif = || (0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec());
    let adobe = |transform: u8| (0xee, [&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat());
    let numbers = [1, 2, 3];
    let folder = Folder::new();
    for (what, segments, ids, expected) in [
        ("Adobe, no transform", vec![adobe(0)], numbers, &as_rgb),
        ("Adobe, YCbCr", vec![adobe(1)], numbers, &as_ycc),
        ("Adobe, YCCK of three planes", vec![adobe(2)], numbers, &as_ycc),
        ("Adobe, an unknown transform", vec![adobe(7)], numbers, &as_ycc),
        ("JFIF", vec![jfif()], numbers, &as_ycc),
        ("JFIF and Adobe without transform", vec![jfif(), adobe(0)], numbers, &as_ycc),
        ("Adobe without transform and JFIF", vec![adobe(0), jfif()], numbers, &as_ycc),
        ("nothing, 1 2 3", vec![], numbers, &as_ycc),
        ("nothing, R G B", vec![], *b"RGB", &as_rgb),
        ("nothing, r g b", vec![], *b"rgb", &as_ycc),
        ("nothing, 0 1 2", vec![], [0, 1, 2], &as_ycc),
        ("JFIF, R G B", vec![jfif()], *b"RGB", &as_ycc),
        ("Adobe YCbCr, R G B", vec![adobe(1)], *b"RGB", &as_ycc),
        ("Adobe without transform, 0 1 2", vec![adobe(0)], [0, 1, 2], &as_rgb),
        ("the last of two Adobe segments, 0", vec![adobe(1), adobe(0)], numbers, &as_rgb),
        ("the last of two Adobe segments, 1", vec![adobe(0), adobe(1)], numbers, &as_ycc),
        ("an Adobe segment that is too short", vec![(0xee, b"Adobe\0\x64\0\0\0\0".to_vec())], numbers, &as_ycc),
        ("Adobe in another segment", vec![(0xed, adobe(0).1)], numbers, &as_ycc),
        ("a JFIF segment that is too short", vec![(0xe0, b"JFIF\0\x01".to_vec()), adobe(0)], numbers, &as_rgb),
        ("Adobe behind EXIF", vec![(0xe1, [b"Exif\0\0".to_vec(), pictures::exif(1)].concat()), adobe(0)], numbers, &as_rgb),
    ] {
        folder.put("photo", &pictures::with_segments(&with_ids(ids), &segments));
        folder.scale("photo", &[3], &PhotoLimits::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(fault(&decoded(&folder.bytes("photo-3")), expected, 28.0), None, "{what}");
        std::fs::remove_file(folder.dir.path().join("photo-3")).unwrap();
    }
    for (what, as_ycck, transform) in
        [("inks", false, Some(0)), ("inks, unmarked", false, None), ("YCCK", true, Some(2)), ("YCCK as 1", true, Some(1))]
    {
        let bytes = pictures::without_segments(&drawn.jpeg_of_inks(as_ycck), 0xee);
        folder.put("photo", &pictures::with_segments(&bytes, &transform.map(adobe).into_iter().collect::<Vec<_>>()));
        folder.scale("photo", &[3], &PhotoLimits::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(fault(&decoded(&folder.bytes("photo-3")), &drawn, 28.0), None, "{what}");
        std::fs::remove_file(folder.dir.path().join("photo-3")).unwrap();
    }
}

/// The values are what most of Pillow, Imagick, vips and PHP's exif say of the same bytes.
#[test]
fn the_orientation_is_found_wherever_it_may_be() {
    let drawn = Picture::scene(60, 40);
    let (jpeg, png, webp) = (drawn.jpeg(|_| ()), drawn.png(), drawn.webp(80.0));
    let block = pictures::exif;
    let exif = |body: Vec<u8>| (0xe1, [b"Exif\0\0".to_vec(), body].concat());
    let nameless = b"II*\0\x08\0\0\0\x01\0\x31\x01\x02\0\x04\0\0\0abc\0\0\0\0\0".to_vec();
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation=\"6\"/>".to_vec();
    let with = |segments: &[(u8, Vec<u8>)]| pictures::with_segments(&jpeg, segments);
    let late = {
        let scan = pictures::segments(&jpeg).last().unwrap().0;
        let mut bytes = jpeg[..scan].to_vec();
        bytes.extend(&with(&[exif(block(6))])[2..][..block(6).len() + 10]);
        bytes.extend(&jpeg[scan..]);
        bytes
    };
    let chunk = |body: Vec<u8>| (*b"eXIf", body);
    let raw = |is_compressed: bool| {
        let body = pictures::raw_exif(&[b"Exif\0\0".to_vec(), block(6)].concat(), is_compressed);
        (if is_compressed { *b"zTXt" } else { *b"tEXt" }, body)
    };
    let extended = |flags, chunks: &[([u8; 4], Vec<u8>)]| pictures::extended_webp(&webp, (60, 40), flags, chunks);
    let folder = Folder::new();
    for (what, bytes, expected) in [
        ("none", jpeg.clone(), 1),
        ("one", with(&[exif(block(6))]), 6),
        ("the first of two", with(&[exif(block(6)), exif(block(3))]), 6),
        ("the first of two, the second an editor's", with(&[exif(block(6)), exif(nameless.clone())]), 6),
        ("the second, the first an editor's", with(&[exif(nameless), exif(block(6))]), 1),
        ("behind an empty one", with(&[exif(Vec::new()), exif(block(6))]), 6),
        ("behind a broken one", with(&[exif(b"garbage!".to_vec()), exif(block(6))]), 1),
        ("behind XMP", with(&[(0xe1, xmp.clone()), exif(block(6))]), 6),
        ("XMP alone", with(&[(0xe1, xmp)]), 1),
        ("behind the frame", late, 6),
        ("in another segment", with(&[(0xe2, exif(block(6)).1)]), 1),
        ("PNG, in front of the pixels", pictures::with_chunks(&png, &[chunk(block(6))], &[]), 6),
        ("PNG, behind the pixels", pictures::with_chunks(&png, &[], &[chunk(block(6))]), 6),
        ("PNG, the first of two", pictures::with_chunks(&png, &[chunk(block(6))], &[chunk(block(3))]), 6),
        ("PNG, with its name in front", pictures::with_chunks(&png, &[chunk([b"Exif\0\0".to_vec(), block(6)].concat())], &[]), 6),
        ("PNG, as text", pictures::with_chunks(&png, &[raw(false)], &[]), 6),
        ("PNG, as compressed text", pictures::with_chunks(&png, &[raw(true)], &[]), 6),
        ("PNG, as text behind the pixels", pictures::with_chunks(&png, &[], &[raw(true)]), 6),
        ("PNG, text beside a chunk", pictures::with_chunks(&png, &[raw(true), chunk(block(3))], &[]), 3),
        ("WebP", extended(8, &[(*b"EXIF", block(6))]), 6),
        ("WebP, with its name in front", extended(8, &[(*b"EXIF", [b"Exif\0\0".to_vec(), block(6)].concat())]), 6),
        ("WebP, the first of two", extended(8, &[(*b"EXIF", block(6)), (*b"EXIF", block(3))]), 6),
    ] {
        folder.put("photo", &bytes);
        let facts =
            photo::facts(&folder.root, &path("photo"), &PhotoLimits::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(facts.orientation, expected, "{what}");
    }
}

#[test]
fn a_profiles_curves_count_and_not_what_it_says_of_television() {
    use moxcms::{CicpColorPrimaries, CicpProfile, ColorProfile, MatrixCoefficients, ToneReprCurve, TransferCharacteristics};
    let drawn = Picture::scene(640, 480);
    let mut profile = ColorProfile::new_srgb();
    let curve = Some(ToneReprCurve::Parametric(vec![2.2]));
    (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
    let expected = drawn.map(|[r, g, b, a]| {
        let [r, g, b] = [r, g, b].map(|value| {
            let light = (value / 255.0).powf(2.2);
            255.0 * if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
        });
        [r, g, b, a]
    });
    let folder = Folder::new();
    for transfer in [
        None,
        Some(TransferCharacteristics::Linear),
        Some(TransferCharacteristics::Smpte2084),
        Some(TransferCharacteristics::Hlg),
    ] {
        profile.cicp = transfer.map(|transfer_characteristics| CicpProfile {
            color_primaries: CicpColorPrimaries::Bt709,
            transfer_characteristics,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        });
        let bytes = profile.encode().unwrap();
        assert_eq!(bytes.windows(4).any(|window| window == b"cicp"), transfer.is_some());
        for (name, bytes) in [
            ("jpeg", drawn.jpeg(|encoder| encoder.add_icc_profile(&bytes).unwrap())),
            ("png", drawn.png_with(|info| info.icc_profile = Some(bytes.clone().into()))),
        ] {
            folder.put(name, &bytes);
            let written = folder.scale(name, &[3], &PhotoLimits::default()).unwrap();
            assert_eq!(written[0].profile_fault, None);
            let scaled = decoded(&folder.bytes(&format!("{name}-3")));
            assert_eq!(fault(&scaled, &expected, 30.0), None, "{name}, {transfer:?}");
            std::fs::remove_file(folder.dir.path().join(format!("{name}-3"))).unwrap();
        }
    }
}

#[test]
fn a_profile_that_cannot_be_used_is_said() {
    let drawn = Picture::scene(640, 480);
    let grey = moxcms::ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
    let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
    let piece = |number: u8, of: u8, body: &[u8]| (0xe2, [b"ICC_PROFILE\0", &[number, of][..], body].concat());
    let jpeg = |pieces: &[(u8, Vec<u8>)]| pictures::with_segments(&drawn.jpeg(|_| ()), pieces);
    let huge: Vec<_> = (1..=100).map(|number| piece(number, 100, &vec![0; 65_000])).collect();
    let (unread, foreign, not_whole) =
        (Some("it cannot be read"), Some("it describes another colour space"), Some("it is incomplete or too large"));
    let folder = Folder::new();
    for (what, bytes, expected) in [
        ("none", jpeg(&[]), None),
        ("one", jpeg(&[piece(1, 1, &srgb)]), None),
        ("two pieces", jpeg(&[piece(1, 2, &srgb[..200]), piece(2, 2, &srgb[200..])]), None),
        ("two pieces, the other way round", jpeg(&[piece(2, 2, &srgb[200..]), piece(1, 2, &srgb[..200])]), None),
        ("a piece that is missing", jpeg(&[piece(1, 2, &srgb)]), not_whole),
        ("a piece too many", jpeg(&[piece(1, 1, &srgb), piece(1, 1, &srgb)]), not_whole),
        ("a piece 0", jpeg(&[piece(0, 1, &srgb)]), not_whole),
        ("megabytes", jpeg(&huge), not_whole),
        ("no profile", jpeg(&[piece(1, 1, b"garbage")]), unread),
        ("cut short", jpeg(&[piece(1, 1, &srgb[..150])]), unread),
        ("of greys", jpeg(&[piece(1, 1, &grey)]), foreign),
        ("of greys in a PNG", drawn.png_with(|info| info.icc_profile = Some(grey.clone().into())), foreign),
        ("no profile in a PNG", drawn.png_with(|info| info.icc_profile = Some(b"garbage".to_vec().into())), unread),
        ("not compressed in a PNG", pictures::with_chunks(&drawn.png(), &[(*b"iCCP", b"x\0\0garbage".to_vec())], &[]), not_whole),
    ] {
        folder.put("photo", &bytes);
        let written = folder.scale("photo", &[3], &PhotoLimits::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(written[0].profile_fault, expected, "{what}");
        assert_eq!(fault(&decoded(&folder.bytes("photo-3")), &drawn, 28.0), None, "{what}");
        std::fs::remove_file(folder.dir.path().join("photo-3")).unwrap();
    }
}

/// Luma and both chroma planes, each for itself, at every fraction that a JPEG is decoded to and between them.
/// Brightness, or how far blue or red is from it.
fn plane_of(picture: &Picture, plane: usize) -> Vec<f32> {
    let weights = [[0.299, 0.587, 0.114], [-0.168_7, -0.331_3, 0.5], [0.5, -0.418_7, -0.081_3]][plane];
    let of = |[r, g, b, _]: &[f32; 4]| weights[0] * r + weights[1] * g + weights[2] * b;
    picture.pixels.iter().map(of).collect()
}

fn plane_db(a: &[f32], b: &[f32]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    10.0 * (255.0 * 255.0 / (squares / f64::from(u32::try_from(a.len()).unwrap())).max(1e-9)).log10()
}

#[test]
fn colour_keeps_its_detail_whatever_the_sampling_and_the_size() {
    use jpeg_encoder::SamplingFactor;
    let folder = Folder::new();
    let mut faults = Vec::new();
    for eighth in 1..=8u32 {
        let (width, height) = (2560u32.div_ceil(eighth), 1920u32.div_ceil(eighth));
        // Red and blue waves of one brightness, eight pixels of the scale long, across and down.
        let drawn = Picture::draw(width, height, |x, y| {
            let wave = 80.0 * (x * 40.0 * std::f32::consts::TAU).sin() + 40.0 * (y * 30.0 * std::f32::consts::TAU).sin();
            [128.0 + 0.7 * wave, 128.0 - 0.27 * wave, 128.0 - 0.45 * wave, 255.0]
        });
        for (name, sampling) in [
            ("4:4:4", SamplingFactor::F_1_1),
            ("4:2:2", SamplingFactor::F_2_1),
            ("4:4:0", SamplingFactor::F_1_2),
            ("4:2:0", SamplingFactor::F_2_2),
        ] {
            for progressive in [false, true] {
                let bytes = drawn.jpeg(|encoder| {
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                });
                folder.put("photo", &bytes);
                folder.scale("photo", &[3], &PhotoLimits::default()).unwrap();
                let scaled = decoded(&folder.bytes("photo-3"));
                let expected = drawn.mean_of(scaled.size());
                let all = [0, 1, 2].map(|plane| plane_of(&expected, plane));
                let compared = |picture: &Picture| [0, 1, 2].map(|plane| plane_db(&plane_of(picture, plane), &all[plane]));
                // What the file itself has: decoded in full by another decoder.
                let (found, in_full) = (compared(&scaled), compared(&decoded(&bytes).mean_of(scaled.size())));
                if found.iter().zip(in_full).any(|(found, in_full)| *found < in_full.min(42.0) - 3.0) || found[0] < 44.0 {
                    faults.push(format!("{eighth}/8, {name}, progressive {progressive}: {found:.1?} dB, in full {in_full:.1?}"));
                }
                std::fs::remove_file(folder.dir.path().join("photo-3")).unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What Pillow, vips and GD all read is read; what one of them refuses may be refused, and so may what is damaged.
/// Grain is what shrinking while decoding could lose first.
#[test]
fn a_photo_with_grain_is_as_fine_as_if_all_pixels_had_been_used() {
    use jpeg_encoder::SamplingFactor;
    let folder = Folder::new();
    let mut seed = 1u32;
    let grain: Vec<f32> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u8::try_from(seed >> 27).unwrap()) - 16.0
    })
    .take(1300 * 975)
    .collect();
    let mut drawn = Picture::scene(1300, 975);
    for (pixel, grain) in drawn.pixels.iter_mut().zip(grain) {
        *pixel = [pixel[0] + grain, pixel[1] + grain, pixel[2] + grain, 255.0].map(|value| value.round().clamp(0.0, 255.0));
    }
    for (name, sampling) in [("4:4:4", SamplingFactor::F_1_1), ("4:2:0", SamplingFactor::F_2_2)] {
        let bytes = drawn.jpeg(|encoder| encoder.set_sampling_factor(sampling));
        folder.put("photo", &bytes);
        for (number, side) in [(1, 1024), (2, 640), (3, 320)] {
            let job = Folder::job("photo", &[number]);
            let options = Options { quality: Quality::default(), first_side: None };
            photo::scale(&folder.root, &folder.root, &job, &options, &PhotoLimits::default()).unwrap();
            let scaled = decoded(&folder.bytes(&format!("photo-{number}")));
            let all = image::load_from_memory(&bytes).unwrap();
            let all = all.resize_exact(side, side * 3 / 4, image::imageops::FilterType::Lanczos3);
            let expected = Picture::of(&all.into_rgba8());
            for (plane, least) in [(0, 44.0), (1, 42.0), (2, 42.0)] {
                let db = plane_db(&plane_of(&scaled, plane), &plane_of(&expected, plane));
                assert!(db >= least, "{name}, scale {number}, plane {plane}: {db:.1} dB");
            }
            std::fs::remove_file(folder.dir.path().join(format!("photo-{number}"))).unwrap();
        }
    }
}

#[test]
fn what_others_read_is_read() {
    let drawn = Picture::scene(160, 120);
    let jpeg = drawn.jpeg(|_| ());
    let with_restarts = drawn.jpeg(|encoder| encoder.set_restart_interval(4));
    let progressive = drawn.jpeg(|encoder| encoder.set_progressive(true));
    let scan_of = |jpeg: &[u8]| pictures::segments(jpeg).last().unwrap().0;
    let frame = pictures::segments(&jpeg).into_iter().find(|(_, marker)| *marker == 0xc0).unwrap().0;
    let restarts: Vec<usize> = (scan_of(&with_restarts)..with_restarts.len() - 1)
        .filter(|at| with_restarts[*at] == 0xff && (0xd0..0xd8).contains(&with_restarts[at + 1]))
        .collect();
    let third = restarts[2];
    let insert = |bytes: &[u8], at: usize, more: &[u8]| [&bytes[..at], more, &bytes[at..]].concat();
    let change = |bytes: &[u8], at: usize, to: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] = to;
        bytes
    };
    let with = |marker: u8, body: &[u8]| pictures::with_segments(&jpeg, &[(marker, body.to_vec())]);
    let middle = scan_of(&jpeg) + (jpeg.len() - scan_of(&jpeg)) / 2;
    let gif = drawn.gif(false);
    let image = gif.windows(5).position(|window| window == b",\0\0\0\0").unwrap();
    let webp = drawn.webp(80.0);
    let png = drawn.png();
    let folder = Folder::new();
    let scaled = |bytes: &[u8]| {
        folder.put("photo", bytes);
        let outcome = folder.scale("photo", &[3], &PhotoLimits::default());
        outcome.map(|_| {
            let scaled = decoded(&folder.bytes("photo-3"));
            std::fs::remove_file(folder.dir.path().join("photo-3")).unwrap();
            scaled
        })
    };
    for (what, bytes, least_db) in [
        ("junk behind the end", insert(&jpeg, jpeg.len(), &[b'x'; 500]), 28.0),
        ("a second image behind the first", [jpeg.clone(), jpeg.clone()].concat(), 28.0),
        ("fill bytes", insert(&jpeg, 2, &[0xff; 5]), 28.0),
        ("fill bytes in front of the scan", insert(&jpeg, scan_of(&jpeg), &[0xff; 3]), 28.0),
        ("garbage between segments", insert(&jpeg, frame, b"\0\x01garbage"), 28.0),
        ("no Huffman tables", pictures::without_segments(&jpeg, 0xc4), 28.0),
        ("a code changed", change(&jpeg, middle, jpeg[middle] ^ 1), 8.0),
        ("ended early, with an end", [&jpeg[..middle], &[0xff, 0xd9]].concat(), 8.0),
        ("a progressive one that ended early", [&progressive[..progressive.len() - 300], &[0xff, 0xd9]].concat(), 20.0),
        ("what arithmetic coding needs", with(0xcc, b"\0\0"), 28.0),
        ("an unknown transform", with(0xee, b"Adobe\0\x64\0\0\0\0\x07"), 28.0),
        ("an empty comment", with(0xfe, b""), 28.0),
        ("EXIF that is none", with(0xe1, b"Exif\0\0garbage"), 28.0),
        ("a sequential one", change(&jpeg, frame + 1, 0xc1), 28.0),
        ("GIF, an unknown extension", insert(&gif, image, b"!\x77\x03abc\0"), 22.0),
        ("GIF, no trailer", gif[..gif.len() - 1].to_vec(), 22.0),
        (
            "PNG, a checksum of a text",
            {
                let mut bytes = pictures::with_chunks(&png, &[(*b"tEXt", b"a\0b".to_vec())], &[]);
                let at = bytes.windows(4).position(|window| window == b"tEXt").unwrap() + 7;
                bytes[at] ^= 1;
                bytes
            },
            28.0,
        ),
        ("PNG, transparency of no palette", pictures::with_chunks(&png, &[(*b"tRNS", vec![0; 20])], &[]), 28.0),
        (
            "PNG, notes that are none",
            pictures::with_chunks(&png, &[(*b"gAMA", vec![0; 4]), (*b"pHYs", vec![0]), (*b"eXIf", b"x".to_vec())], &[]),
            28.0,
        ),
        ("WebP, flags of what is not there", pictures::extended_webp(&webp, (160, 120), 0x3c, &[]), 26.0),
        ("WebP, an unknown chunk", pictures::extended_webp(&webp, (160, 120), 0, &[(*b"ABCD", b"xyz".to_vec())]), 26.0),
        ("WebP, junk behind the end", insert(&webp, webp.len(), b"junk"), 26.0),
    ] {
        let scaled = scaled(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        let difference = scaled.difference(&drawn);
        assert!(difference.db >= least_db, "{what}: {difference:?}");
    }
    let mut tall = jpeg.clone();
    tall[frame + 5..frame + 7].fill(0);
    for (what, bytes) in [
        ("something in front", insert(&jpeg, 0, b"\n")),
        ("a second beginning", insert(&jpeg, 2, &[0xff, 0xd8])),
        ("an unknown segment", with(0xf0, b"abc")),
        ("a height of 0", tall),
        ("cut", jpeg[..middle].to_vec()),
        ("a restart marker that is missing", [&with_restarts[..third], &with_restarts[third + 2..]].concat()),
        ("a restart marker in another's place", change(&with_restarts, third + 1, with_restarts[third + 1] ^ 1)),
        ("a restart marker twice", insert(&with_restarts, third, &with_restarts[third..third + 2])),
        ("no code", [&jpeg[..middle], &[0xff, 0, 0xff, 0, 0xff, 0], &jpeg[middle + 6..]].concat()),
        ("a progressive one that is cut", progressive[..progressive.len() - 300].to_vec()),
        ("PNG, an unknown chunk that matters", pictures::with_chunks(&png, &[(*b"ABCD", b"x".to_vec())], &[])),
    ] {
        let error = scaled(&bytes).map(|_| ()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{what}: {error}");
    }
}

#[test]
fn detail_of_colour_yields_to_memory() {
    let folder = Folder::new();
    let drawn = Picture::scene(3000, 3000);
    folder.put("photo", &drawn.jpeg(|encoder| encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2)));
    // Decoded in full, as the detail of colour asks for, it takes 70 MB; at half its size 30.
    let little = PhotoLimits { memory_bytes: 40 << 20, ..PhotoLimits::default() };
    folder.scale("photo", &[1], &little).unwrap();
    assert_eq!(fault(&decoded(&folder.bytes("photo-1")), &drawn, 28.0), None);
    let too_little = PhotoLimits { memory_bytes: 20 << 20, ..PhotoLimits::default() };
    std::fs::remove_file(folder.dir.path().join("photo-1")).unwrap();
    assert!(folder.scale("photo", &[1], &too_little).unwrap_err().to_string().contains("needed_bytes: 30"));
}

#[test]
fn notes_anywhere_leave_the_picture_as_it_is() {
    let drawn = Picture::scene(320, 240);
    let progressive = drawn.jpeg(|encoder| encoder.set_progressive(true));
    let segment =
        |marker: u8, body: &[u8]| [&[0xff, marker], &u16::try_from(body.len() + 2).unwrap().to_be_bytes()[..], body].concat();
    // What looks like the end, a scan and another transform must not be taken for one.
    let notes = [
        segment(0xe2, b"ICC_PROFILE\0\x01\x01\xff\xd9garbage"),
        segment(0xe1, &[b"Exif\0\0".to_vec(), pictures::exif(6)].concat()),
        segment(0xee, b"Adobe\0\x64\0\0\0\0\0"),
        segment(0xfe, b"\xff\xda\0\x02\xff\xd9"),
        segment(0xed, b"Photoshop 3.0\0\xff\0"),
    ]
    .concat();
    let mut bytes = Vec::new();
    let mut scans = 0;
    for (at, byte) in progressive.iter().enumerate() {
        if *byte == 0xff && progressive.get(at + 1) == Some(&0xda) {
            if scans > 0 {
                bytes.extend(&notes);
            }
            scans += 1;
        }
        bytes.push(*byte);
    }
    assert!(scans > 2, "{scans} scans");
    let folder = Folder::new();
    folder.put("plain", &progressive);
    folder.put("noted", &bytes);
    for name in ["plain", "noted"] {
        assert_eq!(folder.scale(name, &[3], &PhotoLimits::default()).unwrap()[0].profile_fault, None);
    }
    assert!(folder.bytes("noted-3") == folder.bytes("plain-3"));
    photo::check_whole(&bytes, &PhotoLimits::default()).unwrap();
    for scan in 1..scans {
        let at = bytes.windows(2).enumerate().filter(|(_, two)| *two == [0xff, 0xda]).map(|(at, _)| at);
        let starts: Vec<usize> = at.filter(|at| bytes[*at + 2..][..2] != [0, 2]).collect();
        let without_rest = [&bytes[..starts[scan]], &[0xff, 0xd9]].concat();
        assert_eq!(
            photo::check_whole(&without_rest, &PhotoLimits::default()).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "{scan} scans"
        );
    }
}

#[test]
fn a_thumbnail_is_whole_to_its_last_row_or_refused() {
    let drawn = Picture::scene(67, 43);
    let alpha = drawn.map(|[r, g, b, _]| [r, g, b, r]);
    let boxes = |mdat: &[u8]| {
        let file_type = b"\0\0\0\x18ftypavif\0\0\0\0avifmif1".to_vec();
        [file_type, (u32::try_from(mdat.len()).unwrap() + 8).to_be_bytes().to_vec(), b"mdat".to_vec(), mdat.to_vec()].concat()
    };
    for (name, bytes) in [
        ("baseline", drawn.jpeg(|_| ())),
        ("restarts", drawn.jpeg(|encoder| encoder.set_restart_interval(3))),
        ("progressive", drawn.jpeg(|encoder| encoder.set_progressive(true))),
        ("inks", drawn.jpeg_of_inks(true)),
        ("png", drawn.png()),
        ("interlaced", drawn.png_interlaced()),
        ("gif", drawn.gif(false)),
        ("animated gif", drawn.gif_animated()),
        ("webp", alpha.webp(80.0)),
        ("lossless webp", alpha.webp_lossless()),
        ("animated webp", drawn.webp_animated()),
        ("avif", boxes(&[7; 400])),
    ] {
        let check = |bytes: &[u8]| photo::check_whole(bytes, &PhotoLimits::default());
        check(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&[bytes.as_slice(), b""].concat()).unwrap();
        for at in (0..bytes.len() - 14).step_by(7) {
            let error = check(&bytes[..at]).err().unwrap_or_else(|| panic!("{name} of {} bytes, cut at {at}", bytes.len()));
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}, cut at {at}: {error}");
            if bytes.starts_with(&[0xff, 0xd8]) && at > 700 {
                let ended = [&bytes[..at], &[0xff, 0xd9]].concat();
                check(&ended).expect_err("cut and given an end");
            }
        }
    }
    for bad in [&b""[..], b"<!DOCTYPE html>", b"\xff\xd8\xff", b"BM\x36\0\0\0"] {
        assert_eq!(photo::check_whole(bad, &PhotoLimits::default()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn what_is_not_decoded_is_named() {
    let folder = Folder::new();
    let named = |bytes: &[u8]| {
        folder.put("photo", bytes);
        let error = folder.scale("photo", &[1], &PhotoLimits::default()).unwrap_err();
        assert_eq!(
            photo::facts(&folder.root, &path("photo"), &PhotoLimits::default()).unwrap_err().to_string(),
            error.to_string()
        );
        (error.kind(), error.to_string())
    };
    for (bytes, format) in [
        (&b"<?xml version=\"1.0\"?><!-- drawn --><svg xmlns=\"http://www.w3.org/2000/svg\"/>"[..], "SVG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC or a film"),
        (b"BM\x36\0\0\0", "BMP"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"\xff\x0a\0", "JPEG XL"),
        (b"<!DOCTYPE html>", "an unknown format"),
        (b"", "an empty file"),
    ] {
        let expected = format!("unsupported while recognizing an image {{format: {format}, path: photo}}");
        assert_eq!(named(bytes), (ErrorKind::Unsupported, expected));
    }
    assert_eq!(folder.names(), ["photo"]);
    assert_eq!(folder.scale("none", &[1], &PhotoLimits::default()).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_bomb_is_refused_from_its_header() {
    let folder = Folder::new();
    let refused = |bytes: &[u8], limits: &PhotoLimits| {
        folder.put("photo", bytes);
        let error = folder.scale("photo", &[1, 2, 3], limits).unwrap_err();
        assert_eq!(folder.names(), ["photo"], "{error}");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        error.to_string()
    };
    let limits = PhotoLimits::default();
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

    let little = PhotoLimits { memory_bytes: 40 << 20, ..PhotoLimits::default() };
    let progressive = Picture::scene(3000, 3000).jpeg(|encoder| encoder.set_progressive(true));
    assert_eq!(
        refused(&progressive, &little),
        "limit exceeded while decoding an image {format: image/jpeg, width: 3000, height: 3000, needed_bytes: 84277216, \
         limit_bytes: 41943040, path: photo}"
    );
    let plain = Picture::scene(16, 16).jpeg(|_| ());
    let many = [&plain[..2], &[0xff, 0xfe, 0, 2].repeat(65_536), &plain[2..]].concat();
    assert_eq!(
        refused(&many, &limits),
        "limit exceeded while reading an image's header {fault: too many segments in front of the image, limit_segments: 65536, \
         format: image/jpeg, path: photo}"
    );
    let small = PhotoLimits { max_bytes: 1000, ..PhotoLimits::default() };
    assert!(refused(&progressive, &small).starts_with("limit exceeded while reading an image's header {bytes: "));
    let narrow = PhotoLimits { max_scale_side: 1000, ..PhotoLimits::default() };
    assert_eq!(
        refused(&progressive, &narrow),
        "limit exceeded while choosing scales {width: 1024, height: 1024, limit_side: 1000, path: photo}"
    );
    let tight = PhotoLimits { max_scale_bytes: 1000, ..PhotoLimits::default() };
    assert!(refused(&progressive, &tight).starts_with("limit exceeded while encoding an image {bytes: "));
    let late = PhotoLimits { time: Duration::ZERO, ..PhotoLimits::default() };
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
            match folder.scale("photo", &[3], &PhotoLimits::default()) {
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
                // Bytes after the last pixel of the first frame may be missing.
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
    let error = folder.scale("photo", &[1, 2, 3], &PhotoLimits::default()).unwrap_err();
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
    let limits = PhotoLimits { memory_bytes: 24 << 20, ..PhotoLimits::default() };
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
            photo::scale(&folder.root, &folder.root, &job, &options, &PhotoLimits::default()).unwrap()[0].size_bytes
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

//! Pictures that are drawn and encoded here, decoded at every size, beside what another decoder makes of them.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "pixels, many of them")]

use std::io::{self, BufReader, Cursor, Read};

use filesync_jpeg::{Error, Jpeg, Plane, Threads};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Three planes, pixel by pixel: waves, edges, and grain that leaves no coefficient at zero.
fn drawn(width: u32, height: u32, grain: u32) -> Vec<u8> {
    let mut seed = 1u32;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (u, v) = (x as f32 / 30.0, y as f32 / 40.0);
            let edge = if (x / 50 + y / 70) % 2 == 0 { 30.0 } else { 0.0 };
            let noise = if grain == 0 { 0.0 } else { ((seed >> 8) % grain) as f32 };
            let plane = |phase: f32| (80.0 + 40.0 * (u + phase).sin() + 20.0 * (v - phase).cos() + edge + noise) as u8;
            pixels.extend([plane(0.0), plane(1.0), plane(2.0)]);
        }
    }
    pixels
}

fn encoded(pixels: &[u8], (width, height): (u32, u32), quality: u8, set: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    set(&mut encoder);
    encoder.encode(pixels, width as u16, height as u16, ColorType::Ycbcr).unwrap();
    bytes
}

fn decoded(mut jpeg: &[u8], eighths: &[u8], threads: Threads) -> Result<Vec<Plane>, Error> {
    Jpeg::open(&mut jpeg)?.decode(eighths, threads)
}

/// Planes of full size, as they are in the file.
fn by_another(jpeg: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = jpeg_decoder::Decoder::new(jpeg);
    decoder.set_color_transform(jpeg_decoder::ColorTransform::RGB);
    let samples = decoder.decode().unwrap();
    let count = samples.len() / decoder.info().map(|info| usize::from(info.width) * usize::from(info.height)).unwrap();
    (0..count).map(|plane| samples.iter().skip(plane).step_by(count).copied().collect()).collect()
}

/// The mean of the pixels, and parts of pixels, beneath each sample of a smaller plane.
fn means(samples: &[u8], (width, height): (u32, u32), plane: &Plane) -> Vec<f64> {
    let cells = |from: u32, covered: f64, to: u32| -> Vec<Vec<(usize, f64)>> {
        let step = f64::from(from) / covered;
        let cell = |at: u32| {
            let (start, end) = (f64::from(at) * step, (f64::from(at + 1) * step).min(f64::from(from)));
            let weight = move |pixel: usize| (pixel, end.min(pixel as f64 + 1.0) - start.max(pixel as f64));
            (start as usize..end.ceil() as usize).map(weight).collect()
        };
        (0..to).map(cell).collect()
    };
    let columns = cells(width, plane.covered.0, plane.size.0);
    let mut found = Vec::new();
    for rows in cells(height, plane.covered.1, plane.size.1) {
        for columns in &columns {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (row, down) in &rows {
                for (column, across) in columns {
                    sum += f64::from(samples[row * width as usize + column]) * down * across;
                    weights += down * across;
                }
            }
            found.push(sum / weights);
        }
    }
    found
}

fn db(plane: &Plane, expected: &[f64]) -> f64 {
    assert_eq!(plane.samples.len(), expected.len());
    let squares: f64 = plane.samples.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    10.0 * (255.0 * 255.0 / (squares / expected.len() as f64).max(1e-9)).log10()
}

fn is_declined<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Declined(_)))
}

/// A grain at the best quality has blocks with all coefficients, and the longest codes and numbers.
#[test]
fn at_full_size_every_sample_is_as_another_decoder_has_it() {
    for (width, height, grain, quality, restarts) in [
        (203, 151, 0, 90, 0),
        (203, 151, 80, 100, 0),
        (64, 48, 60, 50, 3),
        (8, 8, 9, 100, 1),
        (1, 1, 0, 90, 0),
        (977, 9, 80, 95, 7),
    ] {
        let pixels = drawn(width, height, grain);
        let jpeg = encoded(&pixels, (width, height), quality, |encoder| encoder.set_restart_interval(restarts));
        let planes = decoded(&jpeg, &[8; 3], Threads::One).unwrap();
        for (plane, expected) in planes.iter().zip(by_another(&jpeg)) {
            assert_eq!((plane.size, plane.covered), ((width, height), (width.into(), height.into())));
            let most = plane.samples.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(most <= 2, "{width} x {height}, grain {grain}, quality {quality}: a sample differs by {most}");
        }
    }
}

#[test]
fn at_every_smaller_size_a_sample_is_the_mean_of_what_it_covers() {
    for (sampling, halves) in [
        (SamplingFactor::F_1_1, (1, 1)),
        (SamplingFactor::F_2_1, (2, 1)),
        (SamplingFactor::F_1_2, (1, 2)),
        (SamplingFactor::F_2_2, (2, 2)),
    ] {
        let (width, height) = (613, 427);
        let pixels = drawn(width, height, 0);
        let jpeg = encoded(&pixels, (width, height), 95, |encoder| encoder.set_sampling_factor(sampling));
        for eighths in 1..=8 {
            let colour = 9 - eighths;
            let planes = decoded(&jpeg, &[eighths, colour, colour], Threads::Two).unwrap();
            for (number, plane) in planes.iter().enumerate() {
                let (side, halves) = if number == 0 { (eighths, (1, 1)) } else { (colour, halves) };
                let part = |length: u32, halves: u32| f64::from(length * u32::from(side)) / f64::from(8 * halves);
                assert_eq!(plane.covered, (part(width, halves.0), part(height, halves.1)));
                assert_eq!(plane.size, (plane.covered.0.ceil() as u32, plane.covered.1.ceil() as u32));
                let drawn: Vec<u8> = pixels.iter().skip(number).step_by(3).copied().collect();
                let db = db(plane, &means(&drawn, (width, height), plane));
                // Edges are sharper than means are; and a plane that was stored coarser has lost something already.
                assert!(db > 28.0, "{sampling:?}, plane {number} at {side}/8: {db:.1} dB");
                if side == 1 && halves == (1, 1) {
                    assert!(db > 44.0, "an eighth is the mean itself: {db:.1} dB");
                }
            }
        }
    }
}

#[test]
fn codes_of_any_table_are_read_and_passed_over_alike() {
    // Tables made for the image, in its only scan.
    let (width, height) = (317, 211);
    let grey: Vec<u8> = drawn(width, height, 80).into_iter().step_by(3).collect();
    for quality in [20, 60, 85, 97, 100] {
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, quality);
        encoder.set_optimized_huffman_tables(true);
        encoder.encode(&grey, width as u16, height as u16, ColorType::Luma).unwrap();
        let in_full = &decoded(&jpeg, &[8], Threads::One).unwrap()[0];
        let most = in_full.samples.iter().zip(&by_another(&jpeg)[0]).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(most <= 2, "quality {quality}: a sample differs by {most}");
        let eighth = &decoded(&jpeg, &[1], Threads::One).unwrap()[0];
        let least = db(eighth, &means(&in_full.samples, (width, height), eighth));
        assert!(least > 38.0, "quality {quality}: {least:.1} dB");
    }
}

#[test]
fn two_threads_make_what_one_makes() {
    let (width, height) = (1203, 907);
    let pixels = drawn(width, height, 40);
    for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_2] {
        let jpeg = encoded(&pixels, (width, height), 92, |encoder| encoder.set_sampling_factor(sampling));
        let [one, two] = [Threads::One, Threads::Two].map(|threads| decoded(&jpeg, &[3, 5, 2], threads).unwrap());
        for (one, two) in one.iter().zip(&two) {
            assert!(one.samples == two.samples && one.size == two.size);
        }
    }
}

/// What is damaged is declined whole, or read as it is; nothing panics, nothing waits for ever.
#[test]
fn a_file_that_is_cut_or_flipped_anywhere_is_declined_or_read() {
    let (width, height) = (37, 29);
    let pixels = drawn(width, height, 30);
    let mut declined = 0;
    for restarts in [0, 3] {
        let jpeg = encoded(&pixels, (width, height), 85, |encoder| encoder.set_restart_interval(restarts));
        for at in (0..jpeg.len()).step_by(5) {
            assert!(is_declined(&decoded(&jpeg[..at], &[8, 4, 4], Threads::One)), "cut at {at} of {}", jpeg.len());
            for flip in [0x01, 0x80, 0xff] {
                let mut flipped = jpeg.clone();
                flipped[at] ^= flip;
                let outcomes = [Threads::One, Threads::Two].map(|threads| decoded(&flipped, &[2, 1, 3], threads));
                let [one, two] = outcomes.map(|outcome| match outcome {
                    Ok(planes) => Some(planes.into_iter().map(|plane| plane.samples).collect::<Vec<_>>()),
                    Err(Error::Declined(_)) => None,
                    Err(Error::Read(error)) => panic!("{error}"),
                });
                assert!(one == two, "flipped by {flip:#x} at {at}");
                declined += u32::from(one.is_none());
            }
        }
    }
    assert!(declined > 100, "{declined}");
}

#[test]
fn other_forms_are_left_to_others() {
    let size = (64, 48);
    let pixels = drawn(64, 48, 20);
    let plain = encoded(&pixels, size, 90, |_| ());
    let segment = |marker: u8| plain.windows(2).position(|two| two == [0xff, marker]).unwrap();
    let changed = |at: usize, to: &[u8]| [&plain[..at], to, &plain[at + to.len()..]].concat();
    let (frame, scan) = (segment(0xc0), segment(0xda));
    let mut inks = Vec::new();
    Encoder::new(&mut inks, 90).encode(&[7; 64 * 48 * 4], 64, 48, ColorType::Cmyk).unwrap();
    for (what, bytes) in [
        ("progressive", encoded(&pixels, size, 90, |encoder| encoder.set_progressive(true))),
        ("a scan for each plane", encoded(&pixels, size, 90, |encoder| encoder.set_optimized_huffman_tables(true))),
        ("inks", inks),
        ("twelve bits", changed(frame + 4, &[12])),
        ("arithmetic codes", changed(frame + 1, &[0xc9])),
        ("lossless", changed(frame + 1, &[0xc3])),
        ("a height of 0", changed(frame + 5, &[0, 0])),
        ("a width of 0", changed(frame + 7, &[0, 0])),
        ("no sampling", changed(frame + 11, &[0])),
        ("more blocks than a unit may have", changed(frame + 11, &[0x44])),
        ("a table that is missing", changed(scan + 6, &[0x33])),
        ("not all coefficients", changed(scan + 12, &[62])),
        ("a step of nothing", changed(segment(0xdb) + 20, &[0])),
        ("no tables", [&plain[..segment(0xc4)], &plain[scan..]].concat()),
        ("no frame", [&plain[..2], &plain[scan..]].concat()),
        ("two frames", [&plain[..frame], &plain[frame..frame + 19], &plain[frame..]].concat()),
        ("no end", plain[..plain.len() - 2].to_vec()),
        ("another scan", [&plain[..plain.len() - 2], &plain[scan..]].concat()),
        ("no JPEG", b"GIF89a".to_vec()),
        ("nothing", Vec::new()),
    ] {
        assert!(is_declined(&decoded(&bytes, &[8; 3], Threads::Two)), "{what}");
    }
    decoded(&[&plain[..], b"junk behind the end"].concat(), &[8; 3], Threads::Two).unwrap();
    assert!(is_declined(&decoded(&plain, &[0; 3], Threads::One)) && is_declined(&decoded(&plain, &[9; 3], Threads::One)));
    // Sixteen ones begin no code.
    let middle = scan + (plain.len() - scan) / 2;
    assert!(is_declined(&decoded(&changed(middle, &[0xff, 0, 0xff, 0, 0xff, 0]), &[1; 3], Threads::Two)));
}

#[test]
fn a_file_that_cannot_be_read_is_said_to_be_one() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    let jpeg = encoded(&drawn(640, 480, 90), (640, 480), 95, |_| ());
    for at in [1, 300, 5000, jpeg.len() / 2] {
        for threads in [Threads::One, Threads::Two] {
            let mut reader = BufReader::with_capacity(100, Cursor::new(&jpeg[..at]).chain(Broken));
            let outcome = Jpeg::open(&mut reader).and_then(|jpeg| jpeg.decode(&[2, 1, 1], threads));
            assert!(matches!(outcome, Err(Error::Read(error)) if error.kind() == io::ErrorKind::TimedOut), "at {at}");
        }
    }
}

#[test]
fn the_memory_is_said_beforehand() {
    let jpeg = encoded(&drawn(800, 600, 0), (800, 600), 90, |_| ());
    let mut reader = jpeg.as_slice();
    let jpeg = Jpeg::open(&mut reader).unwrap();
    assert_eq!((jpeg.size(), jpeg.planes().collect::<Vec<_>>()), ((800, 600), vec![(800, 600); 3]));
    let said = |eighths: u8| jpeg.memory_bytes(&[eighths; 3]);
    let samples = |eighths: u8| 3 * 100 * 75 * u64::from(eighths).pow(2);
    for eighths in [1, 2, 4, 8] {
        let (said, samples) = (said(eighths), samples(eighths));
        assert!((samples..samples + samples / 5 + (300 << 10)).contains(&said), "{said} bytes for {samples} samples");
    }
}

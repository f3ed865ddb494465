//! Pictures that are drawn from a formula, in every form that a photo comes in, and plain arithmetic to compare them.
//!
//! Nothing here is taken from the engine: the means are sums over pixels.

#![allow(
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::too_many_lines,
    reason = "pixels and sides, many of them"
)]

use std::borrow::Cow;
use std::io::Cursor;

use filesync_engine::photo::Format;
use image::{ImageFormat, RgbaImage};
use jpeg_encoder::SamplingFactor;

type Pixel = [f32; 4];

/// An image: red, green, blue, alpha, 0 to 255.
#[derive(Clone)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<Pixel>,
}

/// How far two pictures of one size are apart.
#[derive(Debug)]
pub struct Difference {
    /// Peak signal-to-noise ratio.
    pub db: f64,
    /// Mean of the second minus mean of the first, of the channel and ground where it is largest.
    pub brightness: f64,
}

impl Picture {
    pub fn draw(width: u32, height: u32, pixel: impl Fn(f32, f32) -> Pixel) -> Self {
        let at = |index: u32, side: u32| (index as f32 + 0.5) / side as f32;
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Self {
            width,
            height,
            pixels: pixels.map(|(x, y)| pixel(at(x, width), at(y, height)).map(|v| v.round().clamp(0.0, 255.0))).collect(),
        }
    }

    /// A scene with soft and hard edges, fine stripes, a mark in each corner; no two ways of turning it look alike.
    pub fn scene(width: u32, height: u32) -> Self {
        let longest = width.max(height) as f32;
        let (across, down) = (width as f32 / longest, height as f32 / longest);
        Self::draw(width, height, |x, y| {
            let (u, v) = (x * across, y * down);
            let mut pixel = [40.0 + 180.0 * x, 60.0 + 150.0 * y, 200.0 - 120.0 * x * y];
            let wave = 18.0 * ((u * 23.0).sin() * (v * 17.0).cos());
            pixel = pixel.map(|value| value + wave);
            if (u - 0.3).hypot(v - 0.35) < 0.14 {
                pixel = [230.0, 200.0 - 300.0 * (v - 0.35), 60.0];
            }
            if (0.55..0.85).contains(&x) && (0.55..0.8).contains(&y) {
                let stripe = 60.0 * (u * 90.0).sin();
                pixel = [110.0 + stripe, 120.0 + stripe, 140.0 + stripe];
            }
            if x < 0.12 && y < 0.12 {
                pixel = [250.0, 20.0, 20.0];
            } else if x > 0.88 && y < 0.12 {
                pixel = [20.0, 230.0, 20.0];
            } else if x < 0.12 && y > 0.88 {
                pixel = [30.0, 30.0, 240.0];
            }
            [pixel[0], pixel[1], pixel[2], 255.0]
        })
    }

    pub fn of(image: &RgbaImage) -> Self {
        Self {
            width: image.width(),
            height: image.height(),
            pixels: image.pixels().map(|pixel| pixel.0.map(f32::from)).collect(),
        }
    }

    pub fn of_rgb(width: u32, height: u32, samples: &[u8]) -> Self {
        let pixels = samples.as_chunks::<3>().0.iter().map(|[r, g, b]| [*r, *g, *b, 255].map(f32::from)).collect();
        Self { width, height, pixels }
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub fn map(&self, change: impl Fn(Pixel) -> Pixel) -> Self {
        Self { width: self.width, height: self.height, pixels: self.pixels.iter().map(|pixel| change(*pixel)).collect() }
    }

    fn at(&self, x: u32, y: u32) -> Pixel {
        self.pixels[(y * self.width + x) as usize]
    }

    /// The picture that shows the same after turning by an EXIF orientation: what a camera stores.
    fn stored_as(&self, orientation: u8) -> Self {
        let swapped = orientation >= 5;
        let (width, height) = if swapped { (self.height, self.width) } else { self.size() };
        let mut stored = Self { width, height, pixels: Vec::with_capacity(self.pixels.len()) };
        for row in 0..height {
            for column in 0..width {
                // Where row 0 and column 0 are seen, by the table of the EXIF standard.
                let (x, y) = match orientation {
                    2 => (width - 1 - column, row),
                    3 => (width - 1 - column, height - 1 - row),
                    4 => (column, height - 1 - row),
                    5 => (row, column),
                    6 => (height - 1 - row, column),
                    7 => (height - 1 - row, width - 1 - column),
                    8 => (row, width - 1 - column),
                    _ => (column, row),
                };
                stored.pixels.push(self.at(x, y));
            }
        }
        stored
    }

    /// The mean of the pixels, and parts of pixels, beneath each of a smaller picture; colours weighted by alpha.
    pub fn mean_of(&self, (width, height): (u32, u32)) -> Self {
        let weights = |from: u32, to: u32| -> Vec<Vec<(usize, f32)>> {
            let step = f64::from(from) / f64::from(to);
            let cell = |index: u32| {
                let (start, end) = (f64::from(index) * step, f64::from(index + 1) * step);
                let covered = move |pixel: usize| (end.min(pixel as f64 + 1.0) - start.max(pixel as f64)).max(0.0) as f32;
                (start as usize..(end.ceil() as usize).min(from as usize)).map(|pixel| (pixel, covered(pixel))).collect()
            };
            (0..to).map(cell).collect()
        };
        let columns = weights(self.width, width);
        let mut pixels = Vec::with_capacity((width * height) as usize);
        for rows in weights(self.height, height) {
            // First down, then across.
            let mut line = vec![[0f32; 5]; self.width as usize];
            for (row, weight) in rows {
                let row = &self.pixels[row * self.width as usize..(row + 1) * self.width as usize];
                for (sum, [r, g, b, a]) in line.iter_mut().zip(row) {
                    let alpha = a * weight;
                    for (sum, value) in sum.iter_mut().zip([r * alpha, g * alpha, b * alpha, alpha, weight]) {
                        *sum += value;
                    }
                }
            }
            for cells in &columns {
                let mut sums = [0f32; 5];
                for (column, weight) in cells {
                    for (sum, value) in sums.iter_mut().zip(line[*column]) {
                        *sum += value * weight;
                    }
                }
                let alpha = sums[3].max(f32::MIN_POSITIVE);
                pixels.push([sums[0] / alpha, sums[1] / alpha, sums[2] / alpha, sums[3] / sums[4]]);
            }
        }
        Self { width, height, pixels }
    }

    /// Compares on white and on black, so that alpha counts too.
    pub fn difference(&self, other: &Self) -> Difference {
        let seen = |[r, g, b, a]: Pixel| {
            let ground = 255.0 - a;
            [r, g, b].map(|value| value * a / 255.0).into_iter().flat_map(move |value| [value, value + ground])
        };
        let (mut squares, mut means) = (0.0, [0f64; 6]);
        for (a, b) in self.pixels.iter().zip(&other.pixels) {
            for (mean, (a, b)) in means.iter_mut().zip(seen(*a).zip(seen(*b))) {
                squares += f64::from(a - b).powi(2);
                *mean += f64::from(b - a);
            }
        }
        let count = self.pixels.len() as f64;
        let error = (squares / count / 6.0).max(1e-9);
        let brightness = means.map(|sum| sum / count).into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
        Difference { db: 10.0 * (255.0 * 255.0 / error).log10(), brightness }
    }

    fn rgba(&self) -> Vec<u8> {
        self.pixels.iter().flat_map(|pixel| pixel.map(|value| value as u8)).collect()
    }

    pub fn rgb(&self) -> Vec<u8> {
        self.pixels.iter().flat_map(|[r, g, b, _]| [*r as u8, *g as u8, *b as u8]).collect()
    }

    fn grey(&self) -> Vec<u8> {
        self.pixels.iter().map(|[r, ..]| *r as u8).collect()
    }

    fn has_alpha(&self) -> bool {
        self.pixels.iter().any(|pixel| pixel[3] < 255.0)
    }

    // JPEG.

    pub fn jpeg(&self, configure: impl FnOnce(&mut jpeg_encoder::Encoder<&mut Vec<u8>>)) -> Vec<u8> {
        self.jpeg_of(&self.rgb(), jpeg_encoder::ColorType::Rgb, configure)
    }

    fn jpeg_of(
        &self,
        samples: &[u8],
        order: jpeg_encoder::ColorType,
        configure: impl FnOnce(&mut jpeg_encoder::Encoder<&mut Vec<u8>>),
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
        configure(&mut encoder);
        encoder.encode(samples, self.width as u16, self.height as u16, order).unwrap();
        bytes
    }

    /// As print shops make them: inks, stored inverted, marked by Adobe's segment.
    pub fn jpeg_of_inks(&self, as_ycck: bool) -> Vec<u8> {
        let inks: Vec<u8> = self
            .pixels
            .iter()
            .flat_map(|[r, g, b, _]| {
                let lightest = r.max(*g).max(*b).max(1.0);
                let ink = |light: &f32| (255.0 - light / lightest * 255.0).round() as u8;
                [ink(r), ink(g), ink(b), 255 - lightest as u8]
            })
            .collect();
        let order = if as_ycck { jpeg_encoder::ColorType::CmykAsYcck } else { jpeg_encoder::ColorType::Cmyk };
        let is_marked = |bytes: &[u8]| bytes.windows(5).any(|window| window == b"Adobe");
        let bytes = self.jpeg_of(&inks, order, |_| ());
        assert!(is_marked(&bytes));
        bytes
    }

    /// Three planes that are stored as they are, with no segment that says what they are.
    pub fn jpeg_of_planes(&self) -> Vec<u8> {
        let encoded = self.jpeg_of(&self.rgb(), jpeg_encoder::ColorType::Ycbcr, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::F_1_1);
        });
        without_segments(&encoded, 0xe0)
    }

    // PNG.

    pub fn png(&self) -> Vec<u8> {
        self.png_with(|_| ())
    }

    pub fn png_with(&self, describe: impl FnOnce(&mut png::Info<'static>)) -> Vec<u8> {
        if self.has_alpha() {
            self.png_of(&self.rgba(), png::ColorType::Rgba, png::BitDepth::Eight, describe)
        } else {
            self.png_of(&self.rgb(), png::ColorType::Rgb, png::BitDepth::Eight, describe)
        }
    }

    fn png_of(
        &self,
        samples: &[u8],
        colour: png::ColorType,
        depth: png::BitDepth,
        describe: impl FnOnce(&mut png::Info<'static>),
    ) -> Vec<u8> {
        let mut info = png::Info::with_size(self.width, self.height);
        (info.color_type, info.bit_depth) = (colour, depth);
        describe(&mut info);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
        encoder.set_compression(png::Compression::Fastest);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(samples).unwrap();
        writer.finish().unwrap();
        bytes
    }

    /// Sixteen bits a sample: the upper eight as drawn, the lower ones noise.
    fn png_deep(&self, samples: &[u8], colour: png::ColorType) -> Vec<u8> {
        let deep: Vec<u8> = samples.iter().enumerate().flat_map(|(at, sample)| [*sample, (at * 37) as u8]).collect();
        self.png_of(&deep, colour, png::BitDepth::Sixteen, |_| ())
    }

    /// Written by hand, for the encoder does not interlace: seven passes, nothing filtered, nothing compressed.
    pub fn png_interlaced(&self) -> Vec<u8> {
        let mut lines = Vec::new();
        for (left, top, across, down) in
            [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        {
            for y in (top..self.height).step_by(down) {
                if left < self.width {
                    lines.push(0);
                }
                for x in (left..self.width).step_by(across) {
                    lines.extend(self.at(x, y)[..3].iter().map(|value| *value as u8));
                }
            }
        }
        let mut header = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        header.extend([8, 2, 0, 0, 1]);
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &header), chunk(*b"IDAT", &stored(&lines)), chunk(*b"IEND", &[])].concat()
    }

    fn png_animated(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_animated(2, 0).unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&self.rgb()).unwrap();
        writer.write_image_data(&vec![0; self.pixels.len() * 3]).unwrap();
        writer.finish().unwrap();
        bytes
    }

    // GIF.

    pub fn gif(&self, interlaced: bool) -> Vec<u8> {
        let mut frame = gif::Frame::from_rgba_speed(self.width as u16, self.height as u16, &mut self.rgba(), 10);
        if interlaced {
            frame.interlaced = true;
            let width = self.width as usize;
            let rows = [(0, 8), (4, 8), (2, 4), (1, 2)]
                .into_iter()
                .flat_map(|(first, step)| (first..self.height as usize).step_by(step));
            let sorted: Vec<u8> = rows.flat_map(|row| frame.buffer[row * width..(row + 1) * width].to_vec()).collect();
            frame.buffer = Cow::Owned(sorted);
        }
        self.gif_of(&[frame], self.size())
    }

    fn gif_of(&self, frames: &[gif::Frame<'_>], (width, height): (u32, u32)) -> Vec<u8> {
        assert!(!self.pixels.is_empty());
        let mut bytes = Vec::new();
        let mut encoder = gif::Encoder::new(&mut bytes, width as u16, height as u16, &[]).unwrap();
        for frame in frames {
            encoder.write_frame(frame).unwrap();
        }
        drop(encoder);
        bytes
    }

    pub fn gif_animated(&self) -> Vec<u8> {
        let mut frames: Vec<gif::Frame<'_>> =
            (0..3).map(|_| gif::Frame::from_rgba_speed(self.width as u16, self.height as u16, &mut self.rgba(), 10)).collect();
        for frame in &mut frames[1..] {
            frame.buffer = Cow::Owned(vec![0; self.pixels.len()]);
        }
        self.gif_of(&frames, self.size())
    }

    /// A first frame that leaves a margin, and what is seen of it.
    fn gif_with_margin(&self, margin: u32) -> (Vec<u8>, Self) {
        let mut frame = gif::Frame::from_rgba_speed(self.width as u16, self.height as u16, &mut self.rgba(), 10);
        (frame.left, frame.top) = (margin as u16, 2 * margin as u16);
        let (width, height) = (self.width + 2 * margin, self.height + 4 * margin);
        let mut shown = Self { width, height, pixels: Vec::new() };
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let inside = x >= margin && y >= 2 * margin && x < margin + self.width && y < 2 * margin + self.height;
            shown.pixels.push(if inside { self.at(x - margin, y - 2 * margin) } else { [0.0; 4] });
        }
        (self.gif_of(&[frame], (width, height)), shown)
    }

    // WebP.

    pub fn webp(&self, quality: f32) -> Vec<u8> {
        webp::Encoder::from_rgba(&self.rgba(), self.width, self.height).encode(quality).to_vec()
    }

    pub fn webp_lossless(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let image = RgbaImage::from_raw(self.width, self.height, self.rgba()).unwrap();
        image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::WebP).unwrap();
        bytes
    }

    pub fn webp_animated(&self) -> Vec<u8> {
        let config = webp::WebPConfig::new().unwrap();
        let mut encoder = webp::AnimEncoder::new(self.width, self.height, &config);
        let (first, black) = (self.rgba(), vec![0; self.pixels.len() * 4]);
        encoder.add_frame(webp::AnimFrame::from_rgba(&first, self.width, self.height, 0));
        encoder.add_frame(webp::AnimFrame::from_rgba(&black, self.width, self.height, 500));
        encoder.encode().to_vec()
    }
}

/// A picture as a file, and as a person sees it.
pub struct Entry {
    pub name: String,
    pub format: Format,
    pub bytes: Vec<u8>,
    pub shown: Picture,
    /// How like the drawn picture a scale has to be.
    pub least_db: f64,
}

/// Text that no thumbnail may contain.
pub const PRIVATE: [&[u8]; 5] = [b"Exif", b"eXIf", b"48.8583N", b"ns.adobe.com/xap", b"a comment"];

/// Every form that a photo comes in.
pub fn gallery() -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, shown: &Picture, least_db: f64| {
        let format = match image::guess_format(&bytes).unwrap() {
            ImageFormat::Jpeg => Format::Jpeg,
            ImageFormat::Png => Format::Png,
            ImageFormat::Gif => Format::Gif,
            _ => Format::Webp,
        };
        entries.push(Entry { name: name.to_owned(), format, bytes, shown: shown.clone(), least_db });
    };
    let scene = Picture::scene(1600, 1200);
    let odd = Picture::scene(1003, 701);
    let small = Picture::scene(200, 150);
    let grey = odd.map(|[r, _, _, a]| [r, r, r, a]);
    let clear = odd.map(|[r, g, b, _]| [r, g, b, if r > 128.0 { 255.0 } else { g }]);
    let holes = odd.map(|[r, g, b, _]| if r > 128.0 { [r, g, b, 255.0] } else { [0.0; 4] });

    // JPEG.
    add("jpeg 4:2:0", scene.jpeg(|encoder| encoder.set_sampling_factor(SamplingFactor::F_2_2)), &scene, 30.0);
    add("jpeg 4:2:2", scene.jpeg(|encoder| encoder.set_sampling_factor(SamplingFactor::F_2_1)), &scene, 30.0);
    add("jpeg 4:4:0", scene.jpeg(|encoder| encoder.set_sampling_factor(SamplingFactor::F_1_2)), &scene, 30.0);
    add("jpeg 4:4:4", scene.jpeg(|encoder| encoder.set_sampling_factor(SamplingFactor::F_1_1)), &scene, 30.0);
    add("jpeg progressive", odd.jpeg(|encoder| encoder.set_progressive(true)), &odd, 30.0);
    add("jpeg restarts", odd.jpeg(|encoder| encoder.set_restart_interval(7)), &odd, 30.0);
    add("jpeg optimized", odd.jpeg(|encoder| encoder.set_optimized_huffman_tables(true)), &odd, 30.0);
    add("jpeg grey", grey.jpeg_of(&grey.grey(), jpeg_encoder::ColorType::Luma, |_| ()), &grey, 30.0);
    add("jpeg cmyk", odd.jpeg_of_inks(false), &odd, 30.0);
    add("jpeg ycck", odd.jpeg_of_inks(true), &odd, 30.0);
    for orientation in 1..=8 {
        let stored = odd.stored_as(orientation).jpeg(|encoder| {
            encoder.add_app_segment(1, [b"Exif\0\0".to_vec(), exif(orientation)].concat()).unwrap();
            encoder.add_app_segment(1, b"http://ns.adobe.com/xap/1.0/\0<x/>".to_vec()).unwrap();
        });
        add(&format!("jpeg orientation {orientation}"), stored, &odd, 30.0);
    }
    let wide = Picture::scene(20_000, 10);
    add("jpeg 20,000 x 10", wide.jpeg(|_| ()), &wide, 20.0);
    let tall = Picture::scene(700, 3000);
    add("jpeg tall", tall.jpeg(|_| ()), &tall, 30.0);
    for (width, height) in [(1, 1), (2, 3), (9, 7), (1025, 2), (1023, 1021)] {
        let picture = Picture::scene(width, height);
        let least_db = if height < 8 { 14.0 } else { 26.0 };
        add(&format!("jpeg {width} x {height}"), picture.jpeg(|_| ()), &picture, least_db);
    }

    // PNG.
    let (eight, one) = (png::BitDepth::Eight, png::BitDepth::One);
    add("png", scene.png(), &scene, 30.0);
    add("png alpha", clear.png(), &clear, 30.0);
    add("png interlaced", odd.png_interlaced(), &odd, 30.0);
    add("png grey", grey.png_of(&grey.grey(), png::ColorType::Grayscale, eight, |_| ()), &grey, 30.0);
    let with_alpha: Vec<u8> = clear.pixels.iter().flat_map(|[r, _, _, a]| [*r as u8, *a as u8]).collect();
    let grey_alpha = clear.map(|[r, _, _, a]| [r, r, r, a]);
    add("png grey alpha", odd.png_of(&with_alpha, png::ColorType::GrayscaleAlpha, eight, |_| ()), &grey_alpha, 30.0);
    add("png 16 bits", odd.png_deep(&odd.rgb(), png::ColorType::Rgb), &odd, 30.0);
    add("png 16 bits alpha", clear.png_deep(&clear.rgba(), png::ColorType::Rgba), &clear, 30.0);
    add("png 16 bits grey", grey.png_deep(&grey.grey(), png::ColorType::Grayscale), &grey, 30.0);
    let steps = odd.map(|[r, g, b, a]| [(r / 85.0).round() * 85.0, (g / 85.0).round() * 85.0, (b / 85.0).round() * 85.0, a]);
    let indices: Vec<u8> =
        steps.pixels.iter().map(|[r, g, b, _]| ((r / 85.0) * 16.0 + (g / 85.0) * 4.0 + b / 85.0) as u8).collect();
    let palette: Vec<u8> = (0..64u8).flat_map(|index| [index / 16 * 85, index / 4 % 4 * 85, index % 4 * 85]).collect();
    let with_palette = odd.png_of(&indices, png::ColorType::Indexed, eight, |info| info.palette = Some(palette.clone().into()));
    add("png palette", with_palette, &steps, 28.0);
    let sparse = steps.map(|[r, g, b, a]| if r < 85.0 { [0.0; 4] } else { [r, g, b, a] });
    let with_holes = odd.png_of(&indices, png::ColorType::Indexed, eight, |info| {
        info.palette = Some(palette.into());
        info.trns = Some(vec![0; 16].into());
    });
    add("png palette with holes", with_holes, &sparse, 28.0);
    let two = Picture { width: 1000, ..Picture::scene(1000, 700) }
        .map(|[r, ..]| if r > 128.0 { [255.0; 4] } else { [0.0, 0.0, 0.0, 255.0] });
    let bits = two
        .pixels
        .chunks(8)
        .map(|eight| eight.iter().fold(0, |byte, pixel| byte << 1 | u8::from(pixel[0] > 128.0)))
        .collect::<Vec<u8>>();
    add("png 1 bit", two.png_of(&bits, png::ColorType::Grayscale, one, |_| ()), &two, 26.0);
    let turned = odd.stored_as(6).png_with(|info| info.exif_metadata = Some(exif(6).into()));
    add("png orientation 6", turned, &odd, 30.0);
    add("png animated", odd.png_animated(), &odd, 30.0);

    // GIF: 256 colours, twice.
    add("gif", odd.gif(false), &odd, 24.0);
    add("gif interlaced", odd.gif(true), &odd, 24.0);
    add("gif with holes", holes.gif(false), &holes, 22.0);
    add("gif animated", odd.gif_animated(), &odd, 24.0);
    let (margin, seen) = small.gif_with_margin(20);
    add("gif with a margin", margin, &seen, 24.0);
    add("gif 1 x 1", Picture::scene(1, 1).gif(false), &Picture::scene(1, 1), 30.0);

    // WebP.
    add("webp", scene.webp(90.0), &scene, 28.0);
    add("webp lossless", scene.webp_lossless(), &scene, 28.0);
    add("webp alpha", clear.webp(90.0), &clear, 26.0);
    add("webp lossless alpha", clear.webp_lossless(), &clear, 26.0);
    add("webp animated", odd.webp_animated(), &odd, 26.0);
    add("webp 1 x 1", Picture::scene(1, 1).webp_lossless(), &Picture::scene(1, 1), 24.0);
    entries
}

/// Puts segments behind the beginning of a JPEG.
pub fn with_segments(jpeg: &[u8], segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    for (marker, body) in segments {
        bytes.extend([0xff, *marker]);
        bytes.extend((body.len() as u16 + 2).to_be_bytes());
        bytes.extend(body);
    }
    bytes.extend(&jpeg[2..]);
    bytes
}

/// Returns where the segments of a JPEG begin and what their markers are, to the first scan's.
pub fn segments(jpeg: &[u8]) -> Vec<(usize, u8)> {
    let mut found = vec![(2, jpeg[3])];
    while let Some((at, marker)) = found.last().copied().filter(|(_, marker)| *marker != 0xda) {
        let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        assert!(marker >= 0xc0);
        found.push((at + 2 + length, jpeg[at + 3 + length]));
    }
    found
}

/// Takes the segments of one kind out of a JPEG.
pub fn without_segments(jpeg: &[u8], unwanted: u8) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    for pair in segments(jpeg).windows(2) {
        if pair[0].1 != unwanted {
            bytes.extend(&jpeg[pair[0].0..pair[1].0]);
        }
    }
    bytes.extend(&jpeg[segments(jpeg).last().unwrap().0..]);
    bytes
}

/// Puts chunks in front of a PNG's pixels and behind them.
pub fn with_chunks(png: &[u8], before: &[([u8; 4], Vec<u8>)], behind: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let at = |kind: &[u8; 4]| png.windows(4).position(|window| window == kind).unwrap() - 4;
    let chunks = |chunks: &[([u8; 4], Vec<u8>)]| chunks.iter().flat_map(|(kind, body)| chunk(*kind, body)).collect::<Vec<u8>>();
    let (pixels, end) = (at(b"IDAT"), at(b"IEND"));
    [png[..pixels].to_vec(), chunks(before), png[pixels..end].to_vec(), chunks(behind), png[end..].to_vec()].concat()
}

/// A text chunk's body as `ImageMagick` wrote EXIF; of a compressed one if asked for.
pub fn raw_exif(block: &[u8], is_compressed: bool) -> Vec<u8> {
    let digits: String =
        block.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    let text = format!("\nexif\n{:8}\n{digits}\n", block.len());
    let head = b"Raw profile type exif\0".to_vec();
    if is_compressed { [head, vec![0], stored(text.as_bytes())].concat() } else { [head, text.into_bytes()].concat() }
}

/// An extended WebP of a simple one, with flags and with chunks behind the pixels.
pub fn extended_webp(webp: &[u8], (width, height): (u32, u32), flags: u8, behind: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBPVP8X\x0a\0\0\0".to_vec();
    body.extend([flags, 0, 0, 0]);
    body.extend(&(width - 1).to_le_bytes()[..3]);
    body.extend(&(height - 1).to_le_bytes()[..3]);
    body.extend(&webp[12..]);
    for (kind, content) in behind {
        body.extend(kind);
        body.extend((content.len() as u32).to_le_bytes());
        body.extend(content);
        body.extend(vec![0; content.len() % 2]);
    }
    [b"RIFF".to_vec(), (body.len() as u32).to_le_bytes().to_vec(), body].concat()
}

/// An EXIF block with an orientation, and with a place that nobody else has to know.
pub fn exif(orientation: u8) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    let place = b"48.8583N 2.2944E\0";
    let mut block = b"MM\0\x2a\0\0\0\x08\0\x02".to_vec();
    block.extend(entry(0x010e, 2, place.len() as u32, 38u32.to_be_bytes()));
    block.extend(entry(0x0112, 3, 1, [0, orientation, 0, 0]));
    block.extend([0; 4]);
    block.extend(place);
    block
}

/// The beginning of a PNG of any size.
pub fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 6, 0, 0, 0]);
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &header), chunk(*b"IDAT", &stored(&[0; 64]))].concat()
}

/// A zlib stream that compresses nothing.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let pieces = bytes.chunks(0xffff);
    let last = pieces.len() - 1;
    for (number, piece) in pieces.enumerate() {
        let length = piece.len() as u16;
        stream.push(u8::from(number == last));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(piece);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

fn chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let body = [&kind[..], content].concat();
    let mut crc = !0u32;
    for byte in &body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    [&(content.len() as u32).to_be_bytes()[..], &body, &(!crc).to_be_bytes()].concat()
}

/// Thumbnails side by side, on a checkered ground.
#[derive(Default)]
pub struct Sheet(Vec<Picture>);

impl Sheet {
    const COLUMNS: u32 = 9;
    const CELL: u32 = 170;

    pub fn add(&mut self, picture: Picture) {
        self.0.push(picture);
    }

    pub fn draw(&self) -> RgbaImage {
        let rows = (self.0.len() as u32).div_ceil(Self::COLUMNS);
        let mut sheet = RgbaImage::from_fn(Self::COLUMNS * Self::CELL, rows * Self::CELL, |x, y| {
            let shade = if (x / 10 + y / 10) % 2 == 0 { 250 } else { 220 };
            image::Rgba([shade, shade, shade, 255])
        });
        for (number, picture) in (0..).zip(&self.0) {
            let side = f64::from(picture.width.max(picture.height)).max(160.0);
            let fit = |length: u32| ((f64::from(length) * 160.0 / side) as u32).max(1);
            let small = picture.mean_of((fit(picture.width), fit(picture.height)));
            let image = RgbaImage::from_raw(small.width, small.height, small.rgba()).unwrap();
            let (x, y) = (number % Self::COLUMNS * Self::CELL + 5, number / Self::COLUMNS * Self::CELL + 5);
            image::imageops::overlay(&mut sheet, &image, x.into(), y.into());
        }
        sheet
    }
}

//! Coefficients to samples: the inverse cosine transform at the size that is wanted.
//!
//! The lowest N × N coefficients of a block are those of the same picture in N × N samples; so nothing is computed that would be
//! averaged away.

use std::f64::consts::PI;

use crate::segments::ZIGZAG;

/// The transform of one plane.
pub(crate) enum Transform {
    To1(Sides<1>),
    To2(Sides<2>),
    To3(Sides<3>),
    To4(Sides<4>),
    To5(Sides<5>),
    To6(Sides<6>),
    To7(Sides<7>),
    To8(Sides<8>),
}

impl Transform {
    /// Prepares for blocks of a side, 1 to 8.
    pub(crate) fn new(side: u8, quantization: &[u16; 64]) -> Option<Self> {
        Some(match side {
            1 => Self::To1(Sides::new(side, quantization)),
            2 => Self::To2(Sides::new(side, quantization)),
            3 => Self::To3(Sides::new(side, quantization)),
            4 => Self::To4(Sides::new(side, quantization)),
            5 => Self::To5(Sides::new(side, quantization)),
            6 => Self::To6(Sides::new(side, quantization)),
            7 => Self::To7(Sides::new(side, quantization)),
            8 => Self::To8(Sides::new(side, quantization)),
            _ => return None,
        })
    }

    pub(crate) fn side(&self) -> usize {
        match self {
            Self::To1(_) => 1,
            Self::To2(_) => 2,
            Self::To3(_) => 3,
            Self::To4(_) => 4,
            Self::To5(_) => 5,
            Self::To6(_) => 6,
            Self::To7(_) => 7,
            Self::To8(_) => 8,
        }
    }

    /// How many coefficients of a block are kept.
    pub(crate) fn coefficients(&self) -> usize {
        self.side() * self.side()
    }

    /// Makes samples of blocks that stand side by side.
    pub(crate) fn samples(&self, blocks: &[i16], strip: &mut [u8]) {
        match self {
            Self::To1(sides) => sides.samples(blocks, strip),
            Self::To2(sides) => sides.samples(blocks, strip),
            Self::To3(sides) => sides.samples(blocks, strip),
            Self::To4(sides) => sides.samples(blocks, strip),
            Self::To5(sides) => sides.samples(blocks, strip),
            Self::To6(sides) => sides.samples(blocks, strip),
            Self::To7(sides) => sides.samples(blocks, strip),
            Self::To8(sides) => sides.samples(blocks, strip),
        }
    }
}

/// Blocks of N × N.
pub(crate) struct Sides<const N: usize> {
    /// How much each step of a coefficient is.
    steps: [[f32; N]; N],
    /// For each coefficient, how much of it is in each sample of a line.
    waves: [[f32; N]; N],
}

impl<const N: usize> Sides<N> {
    #[allow(clippy::cast_possible_truncation, reason = "the nearest one")]
    fn new(side: u8, quantization: &[u16; 64]) -> Self {
        let mut steps = [[0.0; N]; N];
        for ((column, row), step) in ZIGZAG.into_iter().zip(quantization) {
            if let Some(place) = steps.get_mut(usize::from(row)).and_then(|row| row.get_mut(usize::from(column))) {
                *place = f32::from(*step);
            }
        }
        let mut waves = [[0.0; N]; N];
        for (number, wave) in (0u8..).zip(&mut waves) {
            let height = if number == 0 { 1f64 } else { 2f64.sqrt() } / 8f64.sqrt();
            for (at, sample) in (0u8..).zip(wave) {
                *sample = (height * (PI * f64::from(number) * (f64::from(at) + 0.5) / f64::from(side)).cos()) as f32;
            }
        }
        Self { steps, waves }
    }

    fn samples(&self, blocks: &[i16], strip: &mut [u8]) {
        let stride = strip.len() / N;
        for (number, block) in blocks.chunks_exact(N * N).enumerate() {
            let block = self.block(block);
            for (line, samples) in strip.chunks_exact_mut(stride).zip(&block) {
                if let Some(place) = line.as_chunks_mut::<N>().0.get_mut(number) {
                    *place = *samples;
                }
            }
        }
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast keeps within a byte")]
    fn block(&self, block: &[i16]) -> [[u8; N]; N] {
        // Down.
        let mut lines = [[0f32; N]; N];
        for ((coefficients, steps), wave) in block.as_chunks::<N>().0.iter().zip(&self.steps).zip(&self.waves) {
            let mut row = [0f32; N];
            for ((value, coefficient), step) in row.iter_mut().zip(coefficients).zip(steps) {
                *value = f32::from(*coefficient) * step;
            }
            for (line, share) in lines.iter_mut().zip(wave) {
                for (sum, value) in line.iter_mut().zip(&row) {
                    *sum += value * share;
                }
            }
        }
        // Across.
        let mut samples = [[0; N]; N];
        for (samples, line) in samples.iter_mut().zip(&lines) {
            // From grey, and to the nearest.
            let mut sums = [128.5f32; N];
            for (value, wave) in line.iter().zip(&self.waves) {
                for (sum, share) in sums.iter_mut().zip(wave) {
                    *sum += value * share;
                }
            }
            for (sample, sum) in samples.iter_mut().zip(sums) {
                *sample = sum as u8;
            }
        }
        samples
    }
}

//! The size that a hub gives each scale. Pure arithmetic, no pixels.
//!
//! A hub makes scales 1, 2 and 3 one after the other, each from the previous one, and drops fractions; so the size of scale 3
//! depends on how 1 and 2 were rounded. These functions do the same, so that the rows of all clones agree.

use crate::error::{Error, ErrorKind, Result};

/// The number of a stored photo's scale (`imgscale`), for those that are made by scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scale(u8);

impl Scale {
    /// Checks a scale's number.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for 0, which is the original, for 4 and 7, which a person cropped, and above 9.
    pub fn new(number: u8) -> Result<Self> {
        match number {
            1..=3 | 5 | 6 | 8 | 9 => Ok(Self(number)),
            _ => Err(Error::new(ErrorKind::InvalidInput, "choosing a scale")
                .context("scale", number)
                .context("expected", "1, 2, 3, 5, 6, 8 or 9; 0 is the original, 4 and 7 are cropped by hand")),
        }
    }

    /// Returns the number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Returns the scale that this one is made from: the original (0), the profile photo (4) or the cover photo (7).
    pub fn source(self) -> u8 {
        match self.0 {
            1..=3 => 0,
            5 | 6 => 4,
            _ => 7,
        }
    }

    /// Returns the size of this scale for a source that is shown with the given size.
    ///
    /// `first_side` is the hub's `max_thumbnail` if it has an external program shrink large originals before it scales them.
    pub fn size(self, source: Size, first_side: Option<u32>) -> Size {
        let original = match first_side {
            Some(side) if source.longest() > side => source.in_box(source.within(side)),
            _ => source,
        };
        match self.0 {
            1 => original.within(1024),
            2 => original.within(1024).within(640),
            3 => original.within(1024).within(640).within(320),
            5 => source.within(80),
            6 => source.within(80).within(48),
            8 if source.is_tall_cover() => Size::new(850, 478),
            8 => Size::new(850, 310),
            _ if source.is_tall_cover() => Size::new(425, 239),
            _ => Size::new(425, 160),
        }
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Size {
    /// Names a size; a side of 0 becomes 1.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width: width.max(1), height: height.max(1) }
    }

    /// Returns the longer side.
    pub fn longest(self) -> u32 {
        self.width.max(self.height)
    }

    /// Returns the number of pixels.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Returns the size after turning by a quarter.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    /// Shrinks to a longest side, as a hub does: never enlarges; if the image is taller than 16:9, only the width counts.
    #[must_use]
    pub fn within(self, side: u32) -> Self {
        let is_tall = u64::from(self.height) * 9 > u64::from(self.width) * 16;
        if self.width > side && (is_tall || self.width > self.height || self.height <= side) {
            Self::new(side, share(self.height, side, self.width))
        } else if self.height > side && !is_tall {
            Self::new(share(self.width, side, self.height), side)
        } else {
            self
        }
    }

    /// Fits into a box and keeps the proportions, as the external program does; rounds to the nearest.
    fn in_box(self, bound: Self) -> Self {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let factor = (f64::from(bound.width) / width).min(f64::from(bound.height) / height);
        Self::new(rounded(factor * width), rounded(factor * height))
    }

    /// Distinguishes a cover photo of 1200 × 675 from one of 1200 × 435.
    fn is_tall_cover(self) -> bool {
        2 * 1200 * u64::from(self.height) >= (435 + 675) * u64::from(self.width)
    }
}

/// Returns `length * side / of` without its fraction.
fn share(length: u32, side: u32, of: u32) -> u32 {
    u32::try_from(u64::from(length) * u64::from(side) / u64::from(of.max(1))).unwrap_or(u32::MAX)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a side of a photo, never negative, at most 2^32")]
fn rounded(length: f64) -> u32 {
    (length + 0.5).floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sizes(width: u32, height: u32, first_side: Option<u32>) -> Vec<(u32, u32)> {
        let size = |number| Scale::new(number).unwrap().size(Size::new(width, height), first_side);
        [1, 2, 3].map(size).iter().map(|size| (size.width, size.height)).collect()
    }

    /// What hubs made of these originals.
    #[test]
    fn sizes_are_those_that_a_hub_makes() {
        let made = [
            ((4000, 3000), [(1024, 768), (640, 480), (320, 240)]),
            ((3000, 4000), [(768, 1024), (480, 640), (240, 320)]),
            ((4000, 4000), [(1024, 1024), (640, 640), (320, 320)]),
            ((1023, 1021), [(1023, 1021), (640, 638), (320, 319)]),
            ((1920, 1080), [(1024, 576), (640, 360), (320, 180)]),
            ((1080, 1920), [(576, 1024), (360, 640), (180, 320)]),
            // Taller than 16:9: the width decides, the height floats.
            ((1080, 1921), [(1024, 1821), (640, 1138), (320, 569)]),
            ((700, 3000), [(700, 3000), (640, 2742), (320, 1371)]),
            ((300, 2000), [(300, 2000), (300, 2000), (300, 2000)]),
            // Where fractions are cut off at each step.
            ((1500, 1001), [(1024, 683), (640, 426), (320, 213)]),
            ((3333, 777), [(1024, 238), (640, 148), (320, 74)]),
            ((641, 100), [(641, 100), (640, 99), (320, 49)]),
            ((20000, 10), [(1024, 1), (640, 1), (320, 1)]),
            ((1, 1), [(1, 1), (1, 1), (1, 1)]),
        ];
        for ((width, height), expected) in made {
            assert_eq!(sizes(width, height, None), expected, "{width}x{height}");
        }
    }

    #[test]
    fn a_hub_that_shrinks_originals_first_rounds_once_more() {
        assert_eq!(sizes(4000, 2667, Some(1600)), [(1024, 682), (640, 426), (320, 213)]);
        assert_eq!(sizes(1600, 1067, Some(1600)), sizes(1600, 1067, None));
    }

    #[test]
    fn crops_have_fixed_sizes() {
        let size = |number, width, height| {
            let size = Scale::new(number).unwrap().size(Size::new(width, height), Some(1600));
            (size.width, size.height)
        };
        assert_eq!((size(5, 300, 300), size(6, 300, 300)), ((80, 80), (48, 48)));
        assert_eq!((size(5, 175, 175), size(6, 175, 175)), ((80, 80), (48, 48)));
        assert_eq!((size(8, 1200, 435), size(9, 1200, 435)), ((850, 310), (425, 160)));
        assert_eq!((size(8, 1200, 675), size(9, 1200, 675)), ((850, 478), (425, 239)));
    }

    #[test]
    fn what_a_hand_cropped_is_never_made_by_scaling() {
        for number in [0, 4, 7, 10, 255] {
            assert_eq!(Scale::new(number).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let sources: Vec<u8> = [1, 2, 3, 5, 6, 8, 9].iter().map(|number| Scale::new(*number).unwrap().source()).collect();
        assert_eq!(sources, [0, 0, 0, 4, 4, 7, 7]);
    }

    proptest! {
        #[test]
        fn a_scale_is_never_empty_never_enlarged_and_keeps_its_proportions(width in 1u32..40_000, height in 1u32..40_000) {
            let mut before = Size::new(width, height);
            for (number, side) in [(1, 1024), (2, 640), (3, 320)] {
                let size = Scale::new(number).unwrap().size(Size::new(width, height), None);
                prop_assert!(size.width >= 1 && size.height >= 1);
                prop_assert!(size.width <= before.width && size.height <= before.height);
                prop_assert!(size.width.min(size.height) <= side && size.width <= side);
                // A pixel at each of three steps.
                let (a, b) = (u64::from(size.width) * u64::from(height), u64::from(size.height) * u64::from(width));
                prop_assert!(a.abs_diff(b) <= 4 * u64::from(width.max(height)));
                before = size;
            }
        }
    }
}

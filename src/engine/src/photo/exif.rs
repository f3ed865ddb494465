//! The orientation in an EXIF block, in every form that other readers accept.

/// Returns the orientation, 1 to 8; 1 (upright) if there is none.
///
/// `block` begins with its byte order, or with `Exif\0\0` before it. Only the first directory counts (the second belongs to the
/// preview), in it only the first orientation, and of several values only the first.
pub(super) fn orientation(block: &[u8]) -> u8 {
    value(block.strip_prefix(b"Exif\0\0").unwrap_or(block)).filter(|value| (1..=8).contains(value)).unwrap_or(1)
}

fn value(tiff: &[u8]) -> Option<u8> {
    let tiff = match tiff {
        [b'I', b'I', 42, 0, ..] => Tiff { bytes: tiff, is_little: true },
        [b'M', b'M', 0, 42, ..] => Tiff { bytes: tiff, is_little: false },
        _ => return None,
    };
    let directory = usize::try_from(tiff.long(4)?).ok()?;
    let count = usize::from(tiff.short(directory)?);
    // If a directory claims more entries than it has, the present ones still count.
    let entries = (0..count).map_while(|number| {
        let entry = directory + 2 + 12 * number;
        Some((entry, tiff.short(entry)?))
    });
    let (entry, _) = { entries }.find(|(_, tag)| *tag == ORIENTATION)?;
    let (kind, count) = (tiff.short(entry + 2)?, usize::try_from(tiff.long(entry + 4)?).ok()?);
    let size = match kind {
        BYTE | ASCII | SIGNED_BYTE => 1,
        SHORT | SIGNED_SHORT => 2,
        LONG | SIGNED_LONG => 4,
        RATIONAL | SIGNED_RATIONAL => 8,
        _ => return None,
    };
    let at = match count.checked_mul(size)? {
        0 => return None,
        1..=4 => entry + 8,
        _ => usize::try_from(tiff.long(entry + 8)?).ok()?,
    };
    let value = match kind {
        BYTE | SIGNED_BYTE => u32::from(tiff.bytes.get(at).copied()?),
        ASCII => tiff.bytes.get(at).and_then(|digit| char::from(*digit).to_digit(10))?,
        SHORT | SIGNED_SHORT => u32::from(tiff.short(at)?),
        LONG | SIGNED_LONG => tiff.long(at)?,
        _ => {
            let (over, under) = (tiff.long(at)?, tiff.long(at + 4)?);
            over.checked_div(under).filter(|whole| whole * under == over)?
        }
    };
    u8::try_from(value).ok()
}

const ORIENTATION: u16 = 0x0112;

// Types of values.
const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const SIGNED_BYTE: u16 = 6;
const SIGNED_SHORT: u16 = 8;
const SIGNED_LONG: u16 = 9;
const SIGNED_RATIONAL: u16 = 10;

struct Tiff<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl Tiff<'_> {
    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory's entry, little-endian.
    fn entry(tag: u16, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value].concat()
    }

    fn block(entries: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
        let count = u16::try_from(entries.len()).unwrap();
        [b"II*\0\x08\0\0\0", &count.to_le_bytes()[..], &entries.concat(), &[0; 4], behind].concat()
    }

    fn one(kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
        block(&[entry(ORIENTATION, kind, count, value)], b"")
    }

    /// What Pillow, `ImageMagick`, vips and PHP's exif make of the same, or most of them.
    #[test]
    fn every_form_is_read_as_others_read_it() {
        let behind = |kind, count, bytes: &[u8]| block(&[entry(ORIENTATION, kind, count, [26, 0, 0, 0])], bytes);
        let six = [6, 0, 0, 0];
        let artist = entry(0x013b, ASCII, 4, *b"abc\0");
        let mut preview = block(&[], &[&1u16.to_le_bytes()[..], &entry(ORIENTATION, SHORT, 1, six), &[0; 4]].concat());
        preview[10] = 14;
        let mut far = one(SHORT, 1, six);
        far[4] = 41;
        far.splice(8..8, [0; 33]);
        let mut greedy = one(SHORT, 1, six);
        greedy[8] = 99;
        let mut foreign = one(SHORT, 1, six);
        foreign[2] = 43;
        let big = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        let big_long = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06\0\0\0\0".to_vec();
        for (what, block, expected) in [
            ("a short", one(SHORT, 1, six), 6),
            ("big-endian", big.clone(), 6),
            ("a big-endian long", big_long, 6),
            ("behind Exif", [b"Exif\0\0", big.as_slice()].concat(), 6),
            ("a long", one(LONG, 1, six), 6),
            ("a byte", one(BYTE, 1, six), 6),
            ("a signed byte", one(SIGNED_BYTE, 1, six), 6),
            ("a signed short", one(SIGNED_SHORT, 1, six), 6),
            ("a signed long", one(SIGNED_LONG, 1, six), 6),
            ("a digit", one(ASCII, 2, *b"6\0\0\0"), 6),
            ("a fraction", behind(RATIONAL, 1, &[six, [1, 0, 0, 0]].concat()), 6),
            ("a fraction of nothing", behind(RATIONAL, 1, &[six, [0; 4]].concat()), 1),
            ("no whole number", behind(RATIONAL, 1, &[[13, 0, 0, 0], [2, 0, 0, 0]].concat()), 1),
            ("two values", one(SHORT, 2, [6, 0, 8, 0]), 6),
            ("three values", behind(SHORT, 3, &[6, 0, 8, 0, 1, 0]), 6),
            ("values that are not there", behind(SHORT, 3, b""), 1),
            ("no value", one(SHORT, 0, six), 1),
            ("of no type", one(7, 1, six), 1),
            ("0", one(SHORT, 1, [0; 4]), 1),
            ("9", one(SHORT, 1, [9, 0, 0, 0]), 1),
            ("262", one(SHORT, 1, [6, 1, 0, 0]), 1),
            ("the first of two", block(&[entry(ORIENTATION, SHORT, 1, six), entry(ORIENTATION, SHORT, 1, [3, 0, 0, 0])], b""), 6),
            (
                "the first of two, which is none",
                block(&[entry(ORIENTATION, SHORT, 1, [0; 4]), entry(ORIENTATION, SHORT, 1, six)], b""),
                1,
            ),
            ("behind another", block(&[artist.clone(), entry(ORIENTATION, SHORT, 1, six)], b""), 6),
            ("the preview's", preview, 1),
            ("a directory further on", far, 6),
            ("a directory that is cut", block(&[entry(ORIENTATION, SHORT, 1, six), artist], b"")[..26].to_vec(), 6),
            ("a directory that claims more", greedy, 6),
            ("no TIFF", foreign, 1),
            ("cut in the value", one(SHORT, 1, six)[..18].to_vec(), 1),
            ("nothing", Vec::new(), 1),
        ] {
            assert_eq!(orientation(&block), expected, "{what}");
        }
    }

    #[test]
    fn no_block_is_read_beyond_its_end() {
        let block = block(&[entry(ORIENTATION, SHORT, 9, [255; 4]), entry(ORIENTATION, LONG, u32::MAX, [255; 4])], b"");
        for at in 0..block.len() {
            let mut changed = block.clone();
            for value in [0, 1, 6, 42, 127, 255] {
                changed[at] = value;
                for length in 0..=block.len() {
                    assert!((1..=8).contains(&orientation(&changed[..length])));
                }
            }
        }
    }
}

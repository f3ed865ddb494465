//! Huffman codes, as tables by the next bits.

/// What the next bits stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Code {
    /// The coefficient; 0 stands for none: the end of the block, or sixteen zeros if `run` is 15.
    pub(crate) value: i16,
    /// How many zeros there are in front of it.
    pub(crate) run: u8,
    /// How many bits it takes; 0 if it takes more than the table has.
    pub(crate) bits: u8,
}

/// Looks this many bits ahead.
pub(crate) const AHEAD: u32 = 10;
/// Looks this many bits ahead when it passes over codes.
pub(crate) const AHEAD_FAR: u32 = 12;
/// The longest code.
const LONGEST: u32 = 16;

/// Codes of any length.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    symbols: Vec<u8>,
    /// For each length: the code behind its last one, and where the symbol of code 0 would be.
    lengths: [(u32, i32); LONGEST as usize + 1],
}

impl Codes {
    /// Returns none if there are more codes than their lengths can tell apart.
    pub(crate) fn new(lengths: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut codes = Self { symbols: symbols.to_vec(), lengths: [(0, 0); LONGEST as usize + 1] };
        let (mut code, mut symbol) = (0u32, 0i32);
        for (length, count) in (1..).zip(lengths) {
            code <<= 1;
            let first = symbol - i32::try_from(code).ok()?;
            code += u32::from(*count);
            symbol += i32::from(*count);
            if code > 1 << length || symbol > 256 {
                return None;
            }
            *codes.lengths.get_mut(length)? = (code, first);
        }
        Some(codes)
    }

    /// Returns the symbol that these bits, from the uppermost on, begin with, and the length of its code.
    fn find(&self, bits: u64) -> Option<(u8, u8)> {
        for (length, (end, first)) in (0u8..).zip(&self.lengths).skip(1) {
            let code = u32::try_from(bits >> (64 - length)).ok()?;
            if code < *end {
                let at = usize::try_from(i32::try_from(code).ok()? + first).ok()?;
                return Some((*self.symbols.get(at)?, length));
            }
        }
        None
    }

    fn table<T: Default + Copy, const N: usize>(ahead: u32, of: impl Fn(u64) -> Option<T>) -> [T; N] {
        let mut table = [T::default(); N];
        for (bits, entry) in (0u64..).zip(&mut table) {
            *entry = of(bits << (64 - ahead)).unwrap_or_default();
        }
        table
    }
}

/// Returns the number of the given size, at most 15 bits, that these bits begin with. Negative ones begin with a zero.
#[allow(clippy::cast_possible_truncation, reason = "15 bits")]
fn number(bits: u64, size: u8) -> i16 {
    if size == 0 {
        return 0;
    }
    let found = (bits >> (64 - size)) as i16;
    let is_negative = bits >> 63 == 0;
    if is_negative { found - i16::MAX.unbounded_shr(15 - u32::from(size)) } else { found }
}

/// Codes of the first coefficient of a block: how much it differs from that of the block before.
#[derive(Debug)]
pub(crate) struct DcTable {
    codes: Codes,
    ahead: [Code; 1 << AHEAD],
}

impl DcTable {
    const LARGEST_SIZE: u8 = 11;

    pub(crate) fn new(codes: &Codes) -> Self {
        let ahead = Codes::table(AHEAD, |bits| Self::found(codes, bits).filter(|code| u32::from(code.bits) <= AHEAD));
        Self { codes: codes.clone(), ahead }
    }

    fn found(codes: &Codes, bits: u64) -> Option<Code> {
        let (size, length) = codes.find(bits)?;
        (size <= Self::LARGEST_SIZE).then(|| Code { value: number(bits << length, size), run: 0, bits: length + size })
    }

    /// Returns what these bits begin with: at least 27 of them are needed.
    #[inline]
    pub(crate) fn find(&self, bits: u64) -> Option<Code> {
        match self.ahead[(bits >> (64 - AHEAD)) as usize] {
            Code { bits: 0, .. } => Self::found(&self.codes, bits),
            code => Some(code),
        }
    }
}

/// Codes of the other coefficients.
#[derive(Debug)]
pub(crate) struct AcTable {
    codes: Codes,
    ahead: [Code; 1 << AHEAD],
    far: [Passed; 1 << AHEAD_FAR],
}

/// Several codes, for whoever does not need their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// How many bits they take; 0 if not even one fits into the table.
    pub(crate) bits: u8,
    /// How many coefficients they stand for; and [`Passed::END`] if the last one ends the block.
    pub(crate) steps: u8,
}

impl Passed {
    pub(crate) const END: u8 = 128;
}

impl AcTable {
    pub(crate) fn new(codes: &Codes) -> Self {
        let ahead = Codes::table(AHEAD, |bits| Self::found(codes, bits).filter(|code| u32::from(code.bits) <= AHEAD));
        let far = Codes::table(AHEAD_FAR, |bits| Some(Self::passed(codes, bits)));
        Self { codes: codes.clone(), ahead, far }
    }

    fn found(codes: &Codes, bits: u64) -> Option<Code> {
        let (symbol, length) = codes.find(bits)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        (size > 0 || matches!(run, 0 | 15)).then(|| Code { value: number(bits << length, size), run, bits: length + size })
    }

    fn passed(codes: &Codes, bits: u64) -> Passed {
        let mut passed = Passed::default();
        while let Some(code) = Self::found(codes, bits << passed.bits)
            && u32::from(passed.bits + code.bits) <= AHEAD_FAR
            && passed.steps + code.run < 64
        {
            passed.bits += code.bits;
            if (code.value, code.run) == (0, 0) {
                passed.steps |= Passed::END;
                break;
            }
            passed.steps += code.run + 1;
        }
        passed
    }

    /// Returns what these bits begin with: at least 31 of them are needed.
    #[inline]
    pub(crate) fn find(&self, bits: u64) -> Option<Code> {
        match self.ahead[(bits >> (64 - AHEAD)) as usize] {
            Code { bits: 0, .. } => Self::found(&self.codes, bits),
            code => Some(code),
        }
    }

    /// Returns the codes that the next bits are full of.
    #[inline]
    pub(crate) fn pass(&self, bits: u64) -> Passed {
        self.far[(bits >> (64 - AHEAD_FAR)) as usize]
    }
}

//! Sets of bytes, looked up without a comparison.

/// Returns how many bytes come before the first one of a set.
pub(super) fn run_length(bytes: &[u8], ends: &[bool; 256]) -> usize {
    let (eights, rest) = bytes.as_chunks::<8>();
    for (number, eight) in eights.iter().enumerate() {
        let found = eight.iter().rev().fold(0u32, |found, byte| found << 1 | u32::from(ends[usize::from(*byte)]));
        if found != 0 {
            return 8 * number + found.trailing_zeros() as usize;
        }
    }
    8 * eights.len() + rest.iter().take_while(|byte| !ends[usize::from(**byte)]).count()
}

/// Returns how many bytes come behind the last one of a set.
pub(super) fn run_length_back(bytes: &[u8], ends: &[bool; 256]) -> usize {
    bytes.iter().rev().take_while(|byte| !ends[usize::from(**byte)]).count()
}

/// Returns a table that is true for these bytes.
pub(super) const fn table_of(mut members: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    while let [member, others @ ..] = members {
        table[*member as usize] = true;
        members = others;
    }
    table
}

/// Returns the bytes that are not in a set.
pub(super) const fn but(mut table: [bool; 256]) -> [bool; 256] {
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = !table[byte];
        byte += 1;
    }
    table
}

/// Adds the control characters of ASCII below the space.
pub(super) const fn with_controls(mut table: [bool; 256]) -> [bool; 256] {
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table
}

/// Adds the letters and digits of ASCII.
pub(super) const fn with_alphanumerics(mut table: [bool; 256]) -> [bool; 256] {
    let mut byte = 0u8;
    while byte < 0x80 {
        table[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    table
}

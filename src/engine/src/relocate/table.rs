//! Sets of bytes, looked up without a comparison.

/// Returns a table that is true for these bytes.
pub(super) const fn table_of(mut members: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    while let [member, others @ ..] = members {
        table[*member as usize] = true;
        members = others;
    }
    table
}

//! JSON texts, eight bytes at once.

pub(super) const WORD: usize = size_of::<u64>();

/// The bytes from here on, eight at once; past the end they are zero.
pub(super) fn word_at(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..at + WORD) {
        Some(word) => word.try_into().map_or(0, u64::from_le_bytes),
        None => {
            let mut word = [0; WORD];
            let rest = bytes.get(at..).unwrap_or_default();
            word[..rest.len()].copy_from_slice(rest);
            u64::from_le_bytes(word)
        }
    }
}

/// How many bytes of a word come before the first that ends a text, begins an escape, or must not be
/// in a text at all.
pub(super) fn plain_bytes(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    // Sets the high bit of each byte below the limit, of the first such byte for certain.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let special = below(word, b' ') | is(b'"') | is(b'\\');
    special.trailing_zeros() as usize / 8
}

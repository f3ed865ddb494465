//! Which byte ranges of a file have arrived.

use serde::{Deserialize, Serialize};

/// A half-open byte range.
pub(crate) type Chunk = std::ops::Range<u64>;

/// A set of byte ranges: sorted, disjoint, never touching, never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(crate) struct Chunks(Vec<Chunk>);

impl Chunks {
    /// Adds a range; parts of it may be present already.
    pub(crate) fn insert(&mut self, chunk: Chunk) {
        if chunk.is_empty() {
            return;
        }
        let first = self.0.partition_point(|known| known.end < chunk.start);
        let last = self.0.partition_point(|known| known.start <= chunk.end);
        let touched = self.0.get(first..last).unwrap_or_default();
        let start = touched.first().map_or(chunk.start, |known| known.start.min(chunk.start));
        let end = touched.last().map_or(chunk.end, |known| known.end.max(chunk.end));
        self.0.splice(first..last, std::iter::once(start..end));
    }

    /// Removes a range; parts of it may be absent already.
    pub(crate) fn remove(&mut self, chunk: &Chunk) {
        let rest = |known: &Chunk| [known.start..known.end.min(chunk.start), known.start.max(chunk.end)..known.end];
        self.0 = self.0.iter().flat_map(rest).filter(|known| !known.is_empty()).collect();
    }

    /// Returns the missing parts of a range.
    pub(crate) fn missing_of(&self, chunk: &Chunk) -> Vec<Chunk> {
        self.split(chunk).into_iter().filter(|(_, known)| *known == Known::No).map(|(part, _)| part).collect()
    }

    /// Splits a range into known and new parts.
    pub(crate) fn split(&self, chunk: &Chunk) -> Vec<(Chunk, Known)> {
        let mut parts = Vec::new();
        let mut at = chunk.start;
        for known in self.0.iter().skip_while(|known| known.end <= chunk.start) {
            if known.start >= chunk.end {
                break;
            }
            if at < known.start {
                parts.push((at..known.start, Known::No));
            }
            let end = known.end.min(chunk.end);
            parts.push((at.max(known.start)..end, Known::Yes));
            at = end;
        }
        if at < chunk.end {
            parts.push((at..chunk.end, Known::No));
        }
        parts
    }

    /// Returns the first byte at or after `from` that has not arrived.
    pub(crate) fn gap_after(&self, from: u64) -> u64 {
        self.0.iter().find(|known| known.contains(&from)).map_or(from, |known| known.end)
    }

    /// Returns the first missing range below `size`, or none if everything has arrived.
    pub(crate) fn first_gap(&self, size: u64) -> Option<Chunk> {
        let start = self.gap_after(0);
        let end = self.0.iter().map(|known| known.start).find(|next| *next > start).unwrap_or(size).min(size);
        (start < size).then_some(start..end)
    }

    /// Returns how many bytes have arrived.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|known| known.end - known.start).sum()
    }

    /// Tells whether nothing has arrived.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the end of the last range.
    pub(crate) fn end(&self) -> u64 {
        self.0.last().map_or(0, |known| known.end)
    }
}

/// Whether a range had arrived before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    No,
}

impl TryFrom<Vec<(u64, u64)>> for Chunks {
    type Error = &'static str;
    fn try_from(pairs: Vec<(u64, u64)>) -> Result<Self, Self::Error> {
        let mut chunks = Self::default();
        for (start, end) in pairs {
            if start >= end {
                return Err("a range that ends before it begins");
            }
            chunks.insert(start..end);
        }
        Ok(chunks)
    }
}

impl From<Chunks> for Vec<(u64, u64)> {
    fn from(chunks: Chunks) -> Self {
        chunks.0.into_iter().map(|chunk| (chunk.start, chunk.end)).collect()
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges() -> impl Strategy<Value = Vec<Chunk>> {
        prop::collection::vec((0u64..40, 0u64..12).prop_map(|(start, length)| start..start + length), 0..12)
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_bytes(added in ranges(), asked in (0u64..40, 0u64..20)) {
            let mut chunks = Chunks::default();
            let mut bytes = [false; 80];
            for chunk in added {
                for at in chunk.clone() { bytes[at as usize] = true; }
                chunks.insert(chunk);
            }
            let pairs: Vec<(u64, u64)> = chunks.clone().into();
            prop_assert!(pairs.windows(2).all(|w| w[0].1 < w[1].0) && pairs.iter().all(|p| p.0 < p.1));
            prop_assert_eq!(chunks.total(), bytes.iter().filter(|b| **b).count() as u64);
            let size = 52;
            let first_missing = (0..size).find(|at| !bytes[*at as usize]);
            prop_assert_eq!(chunks.first_gap(size).map(|gap| gap.start), first_missing);
            if let Some(gap) = chunks.first_gap(size) {
                prop_assert!(gap.clone().all(|at| !bytes[at as usize]));
                prop_assert!(gap.end == size || bytes[gap.end as usize]);
            }
            let asked = asked.0..asked.0 + asked.1;
            let mut at = asked.start;
            for (part, known) in chunks.split(&asked) {
                prop_assert_eq!(part.start, at);
                prop_assert!(part.clone().all(|at| bytes[at as usize] == (known == Known::Yes)));
                at = part.end;
            }
            prop_assert_eq!(at, asked.end.max(asked.start));
            let missing: u64 = chunks.missing_of(&asked).iter().map(|part| part.end - part.start).sum();
            prop_assert_eq!(missing, asked.clone().filter(|at| !bytes[*at as usize]).count() as u64);
            let mut less = chunks.clone();
            less.remove(&asked);
            let left: u64 = (0..80).filter(|at| bytes[*at as usize] && !asked.contains(at)).count() as u64;
            prop_assert_eq!(less.total(), left);
            prop_assert_eq!(less.missing_of(&asked).iter().map(|part| part.end - part.start).sum::<u64>(), asked.end - asked.start);
            let json = serde_json::to_string(&chunks).unwrap();
            prop_assert_eq!(serde_json::from_str::<Chunks>(&json).unwrap(), chunks);
        }
    }
}

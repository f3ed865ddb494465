//! What hubs answer to the owner's command, broken in thousands of ways: a short look each time; the fuzz targets of the same names
//! look longer.

#[path = "support/answers.rs"]
mod answers;

use std::path::Path;

/// What stands where something else is expected.
const ODD: [&[u8]; 12] = [
    b"null",
    b"-1",
    b"18446744073709551615",
    b"1e999",
    b"[]",
    b"{}",
    b"\"../../x\"",
    b"\"9c\"",
    b"\xff\xfe",
    b"\\u0000",
    b"\\ud800",
    b"[[[[[[[[",
];
const CHANGES: usize = 4000;

/// Numbers that look random, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }

    /// Returns a stretch of a text: mostly a value of JSON, or a part of one.
    fn stretch(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len());
        if self.below(3) == 0 {
            return start..(start + self.below(40)).min(bytes.len());
        }
        let is_edge = |byte: &u8| b":,[{}]".contains(byte);
        let start = bytes[start..].iter().position(is_edge).map_or(start, |edge| start + edge + 1);
        let end = bytes[start..].iter().position(is_edge).map_or(bytes.len(), |edge| start + edge);
        start..end
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let stretch = self.stretch(bytes);
        match self.below(4) {
            0 => drop(bytes.drain(stretch)),
            1 => {
                let again = bytes[stretch.clone()].to_vec();
                bytes.splice(stretch.start..stretch.start, again);
            }
            _ => drop(bytes.splice(stretch, ODD[self.below(ODD.len())].iter().copied())),
        }
    }
}

fn break_all(name: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let mut seeds: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 3, "{seeds:?}");
    let mut chance = Chance(7);
    for seed in seeds {
        let whole = std::fs::read(&seed).unwrap();
        holds(&whole);
        for _ in 0..CHANGES {
            let mut bytes = whole.clone();
            for _ in 0..=chance.below(4) {
                chance.change(&mut bytes);
            }
            holds(&bytes);
        }
    }
}

#[test]
fn a_reading_door_may_answer_anything() {
    break_all("owner_door", answers::owner_door);
}

#[test]
fn the_api_of_a_hub_may_answer_anything() {
    break_all("owner_api", answers::owner_api);
}

#[test]
fn an_upload_door_may_answer_anything() {
    break_all("door_answer", answers::door_answer);
}

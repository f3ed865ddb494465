//! How long a body may be: it grows while all goes well, and shrinks when something on the way does not take it.

use std::num::NonZeroU64;
use std::time::Duration;

/// The length of the next body.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    now: usize,
    most: usize,
    /// The length at which a body broke last, and how often that happened although shorter ones arrived.
    broken: (usize, u32),
    has_arrived: bool,
}

const FIRST: usize = 1 << 20;
/// Longer ones would only be held longer in memory, whatever a hub says that it takes.
const MOST: usize = 8 << 20;
/// Shorter ones would carry more headers than bytes.
const LEAST: usize = 16 << 10;
/// A body that takes longer does not become longer still.
const QUICK: Duration = Duration::from_secs(2);
/// One that takes this long becomes shorter: proxies give up after a minute, often.
const SLOW: Duration = Duration::from_secs(20);
/// So often one length may fail while shorter ones arrive; then it is never tried again.
const MOST_BROKEN: u32 = 2;

impl Pace {
    /// Begins with what every web server takes; `most_bytes` is what the hub takes.
    pub(crate) fn new(most_bytes: usize, bytes_per_second: Option<NonZeroU64>) -> Self {
        // A rate is kept between bodies, not within one.
        let of_rate = bytes_per_second.map_or(usize::MAX, |rate| usize::try_from(rate.get()).unwrap_or(usize::MAX));
        let most = power_of_two(most_bytes.min(of_rate).min(MOST));
        Self { now: FIRST.min(most), most, broken: (0, 0), has_arrived: false }
    }

    /// Returns how long the next body may be.
    pub(crate) fn bytes(&self) -> usize {
        self.now
    }

    /// A body has arrived.
    pub(crate) fn arrived(&mut self, length: usize, took: Duration) {
        self.has_arrived = true;
        if took >= SLOW {
            self.halve(length);
        } else if took < QUICK && length > self.now / 2 {
            self.now = (self.now * 2).min(self.most);
        }
    }

    /// Something on the way takes no body of this length; tells whether a shorter one can be tried.
    pub(crate) fn too_long(&mut self, length: usize) -> bool {
        if length <= LEAST {
            return false;
        }
        self.most = self.most.min(power_of_two(length / 2));
        self.now = self.now.min(self.most);
        true
    }

    /// A body was cut, or nobody answered it. It may have been too long, or the line fails.
    pub(crate) fn broke(&mut self, length: usize) {
        let (before, times) = self.broken;
        // Where nothing arrives at all, the line is away, and the length says nothing.
        let times = if self.has_arrived && length >= before { times + 1 } else { 1 };
        self.broken = (length, times);
        self.has_arrived = false;
        if times >= MOST_BROKEN {
            self.most = self.most.min(power_of_two(length / 2));
        }
        self.halve(length);
    }

    fn halve(&mut self, length: usize) {
        self.now = self.now.min(power_of_two(length / 2));
    }
}

fn power_of_two(bytes: usize) -> usize {
    1 << bytes.max(LEAST).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;
    const NO_TIME: Duration = Duration::ZERO;

    fn grown() -> Pace {
        let mut pace = Pace::new(8 * MIB, None);
        for expected in [1, 2, 4, 8, 8] {
            assert_eq!(pace.bytes(), expected * MIB);
            pace.arrived(pace.bytes(), NO_TIME);
        }
        pace
    }

    #[test]
    fn bodies_grow_while_they_arrive_quickly() {
        grown();
        let mut pace = Pace::new(8 * MIB, None);
        pace.arrived(MIB, Duration::from_secs(3));
        pace.arrived(100, NO_TIME);
        assert_eq!(pace.bytes(), MIB, "slow, or the short end of a file");
        pace.arrived(MIB, Duration::from_secs(30));
        assert_eq!(pace.bytes(), MIB / 2);
        assert_eq!(Pace::new(8 * MIB, NonZeroU64::new(100_000)).bytes(), 64 << 10, "a second's worth");
        let mut pace = Pace::new(usize::MAX, None);
        (0..80).for_each(|_| pace.arrived(pace.bytes(), NO_TIME));
        assert_eq!(pace.bytes(), 8 * MIB, "a hub that says it takes anything");
    }

    #[test]
    fn what_is_refused_as_too_long_is_never_tried_again() {
        let mut pace = Pace::new(8 * MIB, None);
        let mut tried = Vec::new();
        for _ in 0..30 {
            tried.push(pace.bytes());
            if pace.bytes() > 64 << 10 {
                assert!(pace.too_long(pace.bytes()));
            } else {
                pace.arrived(pace.bytes(), NO_TIME);
            }
        }
        assert_eq!(tried[..5], [MIB, MIB / 2, MIB / 4, MIB / 8, MIB / 16]);
        assert!(tried[5..].iter().all(|length| *length == 64 << 10));
        let mut pace = Pace::new(8 * MIB, None);
        while pace.bytes() > LEAST {
            assert!(pace.too_long(pace.bytes()));
        }
        assert!(!pace.too_long(LEAST));
    }

    #[test]
    fn a_line_that_fails_makes_them_shorter_for_a_while_and_one_that_fails_at_a_length_for_good() {
        let mut pace = grown();
        pace.broke(8 * MIB);
        assert_eq!(pace.bytes(), 4 * MIB);
        pace.arrived(4 * MIB, NO_TIME);
        assert_eq!(pace.bytes(), 8 * MIB);
        pace.broke(8 * MIB);
        pace.arrived(4 * MIB, NO_TIME);
        assert_eq!(pace.bytes(), 4 * MIB, "twice at one length");
        let mut pace = Pace::new(8 * MIB, None);
        let lengths: Vec<_> = (0..12)
            .map(|_| {
                let length = pace.bytes();
                if length > 300_000 {
                    pace.broke(length);
                } else {
                    pace.arrived(length, NO_TIME);
                }
                length
            })
            .collect();
        assert_eq!(lengths[..5], [MIB, MIB / 2, MIB / 4, MIB / 2, MIB / 4], "connections that are cut at a length");
        assert!(lengths[5..].iter().all(|length| *length == MIB / 4));
        let mut pace = grown();
        for _ in 0..20 {
            pace.broke(pace.bytes());
        }
        assert_eq!(pace.bytes(), LEAST);
        for _ in 0..20 {
            pace.arrived(pace.bytes(), NO_TIME);
        }
        assert!(pace.bytes() >= MIB, "a line that was away comes back");
    }
}

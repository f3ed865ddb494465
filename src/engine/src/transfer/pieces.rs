//! How much to ask for in one request.
//!
//! Some hubs are behind a server that ends long replies: after some time, or after a number of bytes. The only sign of this is
//! requests that die early, and those of a restarting hub look the same. Two consecutive similar deaths count as a limit:
//! from then on a hub is asked for pieces smaller than the bytes received before the death. Successful pieces grow again,
//! up to the limit; after some of them the limit is tried too, more and more rarely while it still holds.

use std::cell::RefCell;
use std::num::NonZeroU64;
use std::time::Duration;

use super::chunks::Chunk;
use crate::error::{Error, ErrorKind};

/// The known limits for the length of one hub's replies.
pub(crate) struct Pieces(RefCell<State>);

struct State {
    /// The maximum for one request; none for everything at once.
    limit: Option<u64>,
    /// The longest complete reply since the limit was set.
    proven: u64,
    /// Longer replies than this died.
    ceiling: Option<u64>,
    /// The last request that died; none after a complete reply.
    last: Option<Death>,
    /// Complete pieces of the full length since it was changed.
    whole: u32,
    /// The number of them after which the ceiling is tried.
    patience: u32,
}

/// How a request died.
#[derive(Clone, Copy)]
struct Death {
    received_bytes: u64,
    took: Duration,
}

impl Death {
    /// Tells whether two replies died of the same cause: after the same number of bytes, after the same time, or before the first byte.
    fn is_like(self, other: Self) -> bool {
        let near = |one: u64, two: u64| one.max(two) - one.min(two) <= one.min(two) / 4;
        let millis = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (one, two) = (millis(self.took), millis(other.took));
        near(self.received_bytes, other.received_bytes) || (one.min(two) >= LEAST_TIME_LIMIT_MS && near(one, two))
    }
}

pub(crate) const MIN_PIECE_BYTES: u64 = 64 << 10;
/// Above this, longer pieces bring no measurable gain, so the first ones are this long.
pub(crate) const MAX_PIECE_BYTES: u64 = 64 << 20;
/// If no byte arrived before the end, a reply of any length may take too long to prepare.
const FIRST_PIECE_BYTES: u64 = 1 << 20;
/// No server ends replies sooner than this.
const LEAST_TIME_LIMIT_MS: u64 = 2000;
const FIRST_PATIENCE: u32 = 4;
const MOST_PATIENCE: u32 = 4096;

impl Pieces {
    pub(crate) fn new(limit: Option<NonZeroU64>) -> Self {
        let limit = limit.map(NonZeroU64::get);
        Self(RefCell::new(State { limit, proven: 0, ceiling: None, last: None, whole: 0, patience: FIRST_PATIENCE }))
    }

    pub(crate) fn limit(&self) -> Option<NonZeroU64> {
        self.0.borrow().limit.and_then(NonZeroU64::new)
    }

    /// Returns the part of a range for one request.
    pub(crate) fn first_of(&self, range: Chunk) -> Chunk {
        let limit = self.0.borrow().limit.unwrap_or(u64::MAX);
        range.start..range.end.min(range.start.saturating_add(limit))
    }

    /// Notes a complete reply of this length.
    pub(crate) fn note_whole(&self, bytes: u64) {
        let mut state = self.0.borrow_mut();
        state.last = None;
        state.proven = state.proven.max(bytes);
        if state.ceiling.is_some_and(|ceiling| bytes > ceiling) {
            // There is no limit.
            (state.ceiling, state.patience) = (None, FIRST_PATIENCE);
        }
        let Some(limit) = state.limit.filter(|limit| bytes >= *limit) else { return };
        state.whole += 1;
        let longer = limit.saturating_mul(2);
        if state.ceiling.is_some_and(|ceiling| longer > ceiling) {
            if state.whole < state.patience {
                return;
            }
            state.patience = state.patience.saturating_mul(4).min(MOST_PATIENCE);
        }
        state.whole = 0;
        state.limit = (longer <= MAX_PIECE_BYTES || state.ceiling.is_some()).then_some(longer);
    }

    /// Notes that a request died; tells whether requests become shorter from now on.
    pub(crate) fn note_death(&self, asked_bytes: u64, received_bytes: u64, took: Duration, error: &Error) -> bool {
        if !is_death(error, received_bytes) || asked_bytes <= MIN_PIECE_BYTES {
            return false;
        }
        let mut state = self.0.borrow_mut();
        let death = Death { received_bytes, took };
        if let Some(limit) = state.limit.filter(|_| asked_bytes > state.proven) {
            // Longer than any complete reply since: back to the longest one.
            let shorter = if state.proven >= MIN_PIECE_BYTES { state.proven } else { limit / 2 };
            state.fall_back(shorter.min(limit / 2), received_bytes);
            return true;
        }
        let Some(before) = state.last.replace(death).filter(|before| before.is_like(death)) else { return false };
        let most = before.received_bytes.max(received_bytes);
        // Less than the received bytes, so that a piece is complete before the end comes.
        let room = if most == 0 { FIRST_PIECE_BYTES.min(asked_bytes / 2) } else { most / 2 };
        if state.limit.is_some_and(|limit| round_down(room).max(MIN_PIECE_BYTES) >= limit) {
            return false;
        }
        state.proven = 0;
        state.fall_back(room, most);
        true
    }
}

impl State {
    fn fall_back(&mut self, room: u64, received_bytes: u64) {
        let limit = round_down(room.clamp(MIN_PIECE_BYTES, MAX_PIECE_BYTES));
        // If nothing arrived, nothing shows how much would be too much.
        self.ceiling = Some(received_bytes.max(self.proven).max(limit));
        (self.limit, self.whole, self.last) = (Some(limit), 0, None);
    }
}

/// Tells whether a reply took too long or grew too large. Without any byte only a status shows that: a connection that
/// brings nothing means an unreachable hub.
fn is_death(error: &Error, received_bytes: u64) -> bool {
    (error.kind() == ErrorKind::Network && received_bytes > 0) || is_early_end(error)
}

/// Tells whether a server in front of the hub gave up on a request before its first byte.
pub(crate) fn is_early_end(error: &Error) -> bool {
    matches!(error.http_status(), Some(408 | 413 | 502 | 504 | 524))
}

/// Tells whether a failure may come from a hub that is just restarting: it failed at once, and did not say for how
/// long.
pub(crate) fn may_be_restart(error: &Error, took: Duration) -> bool {
    let says_so = error.kind() == ErrorKind::Network || matches!(error.http_status(), Some(502 | 503));
    says_so && error.wait_seconds().is_none() && took < RESTART_TIME
}

const RESTART_TIME: Duration = Duration::from_secs(5);

fn round_down(number: u64) -> u64 {
    number.checked_ilog2().map_or(1, |bits| 1 << bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;

    fn cut() -> Error {
        Error::new(ErrorKind::Network, "receiving")
    }

    fn timeout() -> Error {
        cut().status(504)
    }

    fn limit(pieces: &Pieces) -> Option<u64> {
        pieces.limit().map(NonZeroU64::get)
    }

    fn limit_after(deaths: &[(u64, u64, u64)], error: impl Fn() -> Error) -> Option<u64> {
        let pieces = Pieces::new(None);
        for (asked, received, seconds) in deaths {
            pieces.note_death(*asked, *received, Duration::from_secs(*seconds), &error());
        }
        limit(&pieces)
    }

    #[test]
    fn two_deaths_alike_choose_pieces_that_are_smaller_than_what_came() {
        assert_eq!(limit_after(&[(WHOLE, 10 * MIB, 1)], cut), None);
        assert_eq!(limit_after(&[(WHOLE, 10 * MIB, 1), (WHOLE, 11 * MIB, 1)], cut), Some(4 * MIB));
        assert_eq!(limit_after(&[(WHOLE, 900 * MIB, 1), (WHOLE, 800 * MIB, 1)], cut), Some(MAX_PIECE_BYTES));
        assert_eq!(limit_after(&[(WHOLE, 900, 1), (WHOLE, 900, 1)], cut), Some(MIN_PIECE_BYTES));
        assert_eq!(limit_after(&[(WHOLE, 0, 1), (WHOLE, 0, 1)], timeout), Some(FIRST_PIECE_BYTES));
        // A limit of time, and a way whose rate varies.
        assert_eq!(limit_after(&[(WHOLE, 10 * MIB, 60), (WHOLE, 30 * MIB, 61)], cut), Some(8 * MIB));
    }

    #[test]
    fn deaths_that_differ_are_no_limit() {
        assert_eq!(limit_after(&[(WHOLE, 10 * MIB, 1), (WHOLE, 90 * MIB, 9), (WHOLE, MIB, 0), (WHOLE, 9, 0)], cut), None);
        assert_eq!(limit_after(&[(WHOLE, 10 * MIB, 1), (WHOLE, MIB, 1), (WHOLE, MIB, 1)], cut), Some(MIB / 2));
        let pieces = Pieces::new(None);
        for _ in 0..9 {
            pieces.note_death(WHOLE, 10 * MIB, Duration::ZERO, &cut());
            pieces.note_whole(WHOLE);
        }
        assert_eq!(limit(&pieces), None, "a reply as long came whole in between");
    }

    #[test]
    fn a_hub_that_cannot_be_reached_and_one_that_refuses_say_nothing_about_pieces() {
        assert_eq!(limit_after(&[(WHOLE, 0, 1), (WHOLE, 0, 1)], cut), None);
        assert_eq!(limit_after(&[(WHOLE, 9, 1), (WHOLE, 9, 1)], || Error::new(ErrorKind::Refused, "receiving")), None);
    }

    #[test]
    fn a_restart_is_told_from_a_limit_by_its_time_and_by_what_it_says() {
        let moment = Duration::from_millis(10);
        assert!(may_be_restart(&cut(), moment) && may_be_restart(&cut().status(503), moment));
        assert!(!may_be_restart(&cut(), Duration::from_mins(1)));
        assert!(!may_be_restart(&cut().status(503).retry_after_seconds(Some(9)), moment));
        assert!(!may_be_restart(&Error::new(ErrorKind::NotFound, "receiving").status(404), moment));
    }

    /// Reads `size` bytes; `dies` says after how many bytes the request of that number and length dies. Returns the number of
    /// requests.
    fn requests(pieces: &Pieces, size: u64, error: impl Fn() -> Error, mut dies: impl FnMut(u64, u64) -> Option<u64>) -> u64 {
        let (mut at, mut count) = (0, 0);
        while at < size {
            let range = pieces.first_of(at..size);
            let asked = range.end - range.start;
            count += 1;
            assert!(count < 100_000, "it comes to no end");
            if let Some(received) = dies(count, asked).filter(|received| *received < asked) {
                pieces.note_death(asked, received, Duration::ZERO, &error());
                at += received;
            } else {
                pieces.note_whole(asked);
                at += asked;
            }
        }
        count
    }

    #[test]
    fn restarts_cost_hardly_more_requests_than_they_break() {
        // After the same bytes each time, after fewer and fewer, and after hardly any.
        for broken in [&[100 * MIB; 12][..], &[80 * MIB, 40 * MIB, 9 * MIB, MIB, 200_000, 9, 9, 70_000, 70_000, 5], &[9; 12]] {
            let pieces = Pieces::new(None);
            let mut left = broken.iter();
            let count = requests(&pieces, WHOLE, cut, |_, _| left.next().copied());
            assert!(count <= broken.len() as u64 + 40, "{count} requests for {broken:?}");
        }
        // Again and again, after so many bytes of whichever replies.
        for period in [120 * MIB, 5 * MIB, MIB + 77] {
            let (pieces, mut left, mut restarts) = (Pieces::new(None), period, 0);
            let count = requests(&pieces, WHOLE, cut, |_, asked| {
                let dies = asked > left;
                let received = left;
                (left, restarts) = if dies { (period, restarts + 1) } else { (left - asked, restarts) };
                dies.then_some(received)
            });
            assert!(count <= 3 * restarts + 40, "{count} requests, {restarts} restarts");
        }
    }

    #[test]
    fn a_limit_is_kept_to_and_seldom_tried() {
        for limit_bytes in [140_000, MIB, MIB + 1, 3 * MIB, 10_000_000] {
            let pieces = Pieces::new(None);
            let mut died = 0;
            let count = requests(&pieces, WHOLE / 4, cut, |_, asked| {
                died += u64::from(asked > limit_bytes);
                Some(limit_bytes)
            });
            assert!(died <= 10, "{died} of {count} died of {limit_bytes}");
            let fewest = (WHOLE / 4).div_ceil(limit_bytes);
            assert!(count <= 2 * fewest + 20, "{count} requests, {fewest} would do");
            assert!(limit(&pieces).is_some_and(|limit| limit <= limit_bytes * 2));
        }
    }

    #[test]
    fn a_limit_on_what_is_asked_is_kept_to_and_seldom_tried() {
        for limit_bytes in [100_000, 1_500_000, 8 * MIB] {
            let pieces = Pieces::new(None);
            let mut died = 0;
            requests(&pieces, WHOLE / 4, timeout, |_, asked| {
                let is_longer = asked > limit_bytes;
                died += u64::from(is_longer);
                is_longer.then_some(0)
            });
            assert!(died <= 12, "{died} of {limit_bytes}");
        }
    }

    #[test]
    fn pieces_that_were_small_for_no_reason_grow_until_there_are_none() {
        let pieces = Pieces::new(NonZeroU64::new(MIN_PIECE_BYTES));
        assert_eq!(pieces.first_of(5..u64::MAX), 5..MIN_PIECE_BYTES + 5);
        let count = requests(&pieces, WHOLE, cut, |_, _| None);
        assert!(count <= 12, "{count}");
        assert_eq!(limit(&pieces), None);
        assert_eq!(pieces.first_of(0..9), 0..9);
    }

    #[test]
    fn the_rest_of_a_file_is_no_proof_of_longer_pieces() {
        let pieces = Pieces::new(NonZeroU64::new(MIB));
        for _ in 0..99 {
            pieces.note_whole(MIB - 1);
        }
        assert_eq!(limit(&pieces), Some(MIB));
    }
}

//! How much is asked for in one request.
//!
//! Some hubs sit behind a server that ends long replies: after a time, or after so many bytes. That shows only by requests
//! that die early. After two of them a hub is asked for pieces that are smaller than what it gave before it died.

use std::cell::Cell;
use std::num::NonZeroU64;

use super::chunks::Chunk;
use crate::error::{Error, ErrorKind};

/// What is known of how long a reply one hub can give.
pub(crate) struct Pieces {
    limit: Cell<Option<NonZeroU64>>,
    /// Requests that died since the limit was set, and the least that one of them brought.
    deaths: Cell<u32>,
    least_bytes: Cell<u64>,
}

const DEATHS: u32 = 2;
pub(crate) const MIN_PIECE_BYTES: u64 = 64 << 10;
pub(crate) const MAX_PIECE_BYTES: u64 = 64 << 20;
/// Where not one byte came before the end, a reply of any length may be too long to prepare.
const FIRST_PIECE_BYTES: u64 = 1 << 20;

impl Pieces {
    pub(crate) fn new(limit: Option<NonZeroU64>) -> Self {
        Self { limit: Cell::new(limit), deaths: Cell::new(0), least_bytes: Cell::new(u64::MAX) }
    }

    pub(crate) fn limit(&self) -> Option<NonZeroU64> {
        self.limit.get()
    }

    /// Returns the beginning of a range that one request may ask for.
    pub(crate) fn first_of(&self, range: Chunk) -> Chunk {
        let limit = self.limit.get().map_or(u64::MAX, NonZeroU64::get);
        range.start..range.end.min(range.start.saturating_add(limit))
    }

    /// Notes that a request died; tells whether smaller ones are asked from now on.
    pub(crate) fn note_death(&self, asked_bytes: u64, received_bytes: u64, error: &Error) -> bool {
        if !is_death(error, received_bytes) || asked_bytes <= MIN_PIECE_BYTES {
            return false;
        }
        self.deaths.set(self.deaths.get() + 1);
        self.least_bytes.set(self.least_bytes.get().min(received_bytes));
        if self.deaths.get() < DEATHS {
            return false;
        }
        let room = match self.least_bytes.get() {
            0 => FIRST_PIECE_BYTES.min(asked_bytes / 2),
            // Less than what came, so that a piece is through before the end comes.
            bytes => bytes / 2,
        };
        let piece = round_down(room.clamp(MIN_PIECE_BYTES, MAX_PIECE_BYTES));
        if piece >= self.limit.get().map_or(u64::MAX, NonZeroU64::get) {
            return false;
        }
        self.limit.set(NonZeroU64::new(piece));
        self.deaths.set(0);
        self.least_bytes.set(u64::MAX);
        true
    }
}

/// Tells whether a reply took too long or grew too large. Without a byte of it only a status says so: a connection that
/// brings nothing is a hub that cannot be reached.
fn is_death(error: &Error, received_bytes: u64) -> bool {
    (error.kind() == ErrorKind::Network && received_bytes > 0) || is_early_end(error)
}

/// Tells whether a server in front of the hub gave a request up before its first byte.
pub(crate) fn is_early_end(error: &Error) -> bool {
    matches!(error.http_status(), Some(408 | 413 | 502 | 504 | 524))
}

fn round_down(number: u64) -> u64 {
    number.checked_ilog2().map_or(1, |bits| 1 << bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut() -> Error {
        Error::new(ErrorKind::Network, "receiving")
    }

    fn limit_after(deaths: &[(u64, u64)], error: impl Fn() -> Error) -> Option<u64> {
        let pieces = Pieces::new(None);
        for (asked, received) in deaths {
            pieces.note_death(*asked, *received, &error());
        }
        pieces.limit().map(NonZeroU64::get)
    }

    #[test]
    fn two_deaths_choose_pieces_that_are_smaller_than_what_came() {
        let whole = 1 << 30;
        assert_eq!(limit_after(&[(whole, 10 << 20)], cut), None);
        assert_eq!(limit_after(&[(whole, 10 << 20), (whole, 11 << 20)], cut), Some(4 << 20));
        assert_eq!(limit_after(&[(whole, 900 << 20), (whole, 600 << 20)], cut), Some(MAX_PIECE_BYTES));
        assert_eq!(limit_after(&[(whole, 1), (whole, 900)], cut), Some(MIN_PIECE_BYTES));
        let timeout = || cut().status(504);
        assert_eq!(limit_after(&[(whole, 0), (whole, 0)], timeout), Some(FIRST_PIECE_BYTES));
    }

    #[test]
    fn a_hub_that_cannot_be_reached_and_one_that_refuses_say_nothing_about_pieces() {
        assert_eq!(limit_after(&[(1 << 30, 0), (1 << 30, 0)], cut), None);
        assert_eq!(limit_after(&[(1 << 30, 9), (1 << 30, 9)], || Error::new(ErrorKind::Refused, "receiving")), None);
    }

    #[test]
    fn pieces_that_die_too_are_halved_and_never_grow() {
        let pieces = Pieces::new(NonZeroU64::new(8 << 20));
        assert_eq!(pieces.first_of(5..u64::MAX), 5..(8 << 20) + 5);
        pieces.note_death(8 << 20, 6 << 20, &cut());
        assert!(pieces.note_death(8 << 20, 7 << 20, &cut()));
        assert_eq!(pieces.limit().map(NonZeroU64::get), Some(2 << 20));
        pieces.note_death(2 << 20, 64 << 20, &cut());
        assert!(!pieces.note_death(2 << 20, 64 << 20, &cut()));
        assert_eq!(pieces.first_of(0..9), 0..9);
    }
}

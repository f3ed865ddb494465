//! Waiting: how long, on which clock, to limit a rate, and until somebody stops it.
//!
//! Invariant: time between two steps, while PHP does something else, never counts against an origin hub.

use std::cell::Cell;
use std::future::Future;
use std::num::NonZeroU64;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::error::{Error, ErrorKind, Result};
use crate::limits::TransferLimits;

/// How often a waiter checks the clock.
pub(crate) const TICK: Duration = Duration::from_secs(1);

/// Time spent inside steps.
#[derive(Debug, Default)]
pub(crate) struct ActiveClock {
    before: Cell<Duration>,
    since: Cell<Option<Instant>>,
}

impl ActiveClock {
    pub(crate) fn start(&self) {
        self.since.set(Some(Instant::now()));
    }

    pub(crate) fn stop(&self) {
        self.before.set(self.elapsed());
        self.since.set(None);
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.before.get() + self.since.get().map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Runs work to its end, on a runtime whose other work goes on in a later call: what the runtime paused, because it went on very
/// often, is woken before the return, as it would forget it.
pub(crate) fn run<T>(runtime: &Runtime, work: impl Future<Output = T>) -> T {
    runtime.block_on(async {
        let outcome = work.await;
        tokio::task::yield_now().await;
        outcome
    })
}

/// How long to wait, on which clock, and how fast to read.
pub(crate) struct Patience<'a> {
    pub(crate) clock: &'a ActiveClock,
    pub(crate) limits: &'a TransferLimits,
    pub(crate) throttle: &'a Throttle,
}

/// Why work ended before its end.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It was told to stop.
    Stopped,
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What work comes to that may be told to stop.
pub(crate) type Stoppable<T> = std::result::Result<T, Halt>;

/// Returns what work came to; `stopped` if it was told to stop.
pub(crate) fn or_stopped<T>(outcome: Stoppable<T>, stopped: T) -> Result<T> {
    match outcome {
        Ok(value) => Ok(value),
        Err(Halt::Stopped) => Ok(stopped),
        Err(Halt::Failed(error)) => Err(error),
    }
}

/// Keeps a batch below a rate of received bytes. Unused time is saved for a quarter of a second at most.
pub(crate) struct Throttle {
    bytes_per_second: Option<NonZeroU64>,
    paid_until: Cell<Instant>,
}

const SAVED_UP: Duration = Duration::from_millis(250);

impl Throttle {
    pub(crate) fn new(bytes_per_second: Option<NonZeroU64>) -> Self {
        Self { bytes_per_second, paid_until: Cell::new(Instant::now()) }
    }

    /// Counts received bytes; returns when the next may be read.
    pub(crate) async fn pay(&self, bytes: u64) {
        let Some(rate) = self.bytes_per_second else { return };
        let now = Instant::now();
        let from = self.paid_until.get().max(now.checked_sub(SAVED_UP).unwrap_or(now));
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate.get());
        let until = from + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        self.paid_until.set(until);
        if until > now {
            tokio::time::sleep_until(until.into()).await;
        }
    }
}

impl Patience<'_> {
    /// Waits for a future, up to a limit.
    pub(crate) async fn wait<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output> {
        let start = self.clock.elapsed();
        let mut future = pin!(future);
        loop {
            if let Ok(output) = tokio::time::timeout(TICK, &mut future).await {
                return Ok(output);
            }
            if self.clock.elapsed().saturating_sub(start) >= limit {
                return Err(
                    Error::new(ErrorKind::Network, "waiting for the origin hub").context("limit_seconds", limit.as_secs())
                );
            }
        }
    }
}

/// Checks that bytes keep arriving and that a transfer does not take for ever.
pub(crate) struct StallMeter {
    window_start: Duration,
    window_bytes: u64,
    deadline: Duration,
}

impl StallMeter {
    /// Starts watching a body of at most this size.
    pub(crate) fn start(patience: &Patience<'_>, size_bytes: u64) -> Self {
        let now = patience.clock.elapsed();
        Self { window_start: now, window_bytes: 0, deadline: now.saturating_add(patience.limits.deadline(size_bytes)) }
    }

    /// Counts received bytes, or none; fails if too few arrived.
    pub(crate) fn count(&mut self, bytes: u64, patience: &Patience<'_>) -> Result<()> {
        let (now, limits) = (patience.clock.elapsed(), patience.limits);
        self.window_bytes = self.window_bytes.saturating_add(bytes);
        if now >= self.deadline {
            return Err(Error::new(ErrorKind::Network, "receiving from the origin hub")
                .context("fault", "the transfer passed its deadline")
                .context("least_bytes_per_second", limits.deadline_bytes_per_second));
        }
        if now.saturating_sub(self.window_start) < limits.stall_window {
            return Ok(());
        }
        if self.window_bytes < limits.stall_bytes_per_second.saturating_mul(limits.stall_window.as_secs()) {
            return Err(Error::new(ErrorKind::Network, "receiving from the origin hub")
                .context("fault", "the transfer stalled")
                .context("received_bytes", self.window_bytes)
                .context("window_seconds", limits.stall_window.as_secs()));
        }
        (self.window_start, self.window_bytes) = (now, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use futures_util::FutureExt;
    use futures_util::stream::{FuturesUnordered, StreamExt};

    #[test]
    fn nothing_that_is_ready_is_forgotten_between_two_calls_however_much_it_is() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // More than the runtime lets go on before it pauses them.
        let (senders, mut waiting): (Vec<_>, FuturesUnordered<_>) =
            (0..300).map(|_| tokio::sync::oneshot::channel::<()>()).unzip();
        let step = |waiting: &mut FuturesUnordered<_>| {
            run(&runtime, async {
                let mut came = usize::from(tokio::time::timeout(Duration::from_millis(1), waiting.next()).await.is_ok());
                while let Some(Some(_)) = waiting.next().now_or_never() {
                    came += 1;
                }
                came
            })
        };
        assert_eq!(step(&mut waiting), 0);
        for sender in senders {
            sender.send(()).unwrap();
        }
        let came: usize = (0..10).map(|_| step(&mut waiting)).sum();
        assert!(came >= 300 && waiting.is_empty(), "{came}");
    }

    #[test]
    fn the_clock_stands_still_between_steps() {
        let clock = ActiveClock::default();
        clock.start();
        clock.stop();
        let stopped = clock.elapsed();
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(clock.elapsed(), stopped);
    }
}

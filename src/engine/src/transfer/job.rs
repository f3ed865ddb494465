//! One transfer as its batch sees it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::AbortHandle;

use super::report::{Outcome, Report, Rung};
use super::source::Origin;
use super::spec::{TransferId, TransferSpec};
use super::ticket::{FileKey, Wanted};
use crate::patience::ActiveClock;

/// One transfer and its progress; its future writes here, the batch reads.
pub(super) struct Job {
    pub(super) id: TransferId,
    pub(super) spec: TransferSpec,
    pub(super) origins: Vec<Rc<Origin>>,
    pub(super) size_bytes: Cell<u64>,
    pub(super) offset_bytes: Cell<u64>,
    pub(super) received_bytes: Cell<u64>,
    pub(super) resumed_at_byte: Cell<u64>,
    pub(super) rung: Cell<Rung>,
    pub(super) started: Cell<Option<Duration>>,
    pub(super) handle: RefCell<Option<AbortHandle>>,
}

impl Job {
    pub(super) fn key(&self) -> FileKey {
        FileKey { hash: self.spec.hash.clone(), scale: self.spec.scale }
    }

    /// Returns what it may request of a hub, once those before it did not give it.
    pub(super) fn wanted(&self, earlier: &[Rc<Origin>]) -> Wanted {
        Wanted {
            key: self.key(),
            have_sha256: self.spec.have_sha256,
            has_copies: !self.spec.copies.is_empty(),
            earlier: earlier.iter().map(|origin| Rc::clone(&origin.is_away)).collect(),
        }
    }

    pub(super) fn report(&self, clock: &ActiveClock, outcome: Outcome) -> Report {
        Report {
            id: self.id,
            name: self.spec.name.clone(),
            received_bytes: self.received_bytes.get(),
            resumed_at_byte: self.resumed_at_byte.get(),
            duration: self.running_time(clock),
            outcome,
        }
    }

    pub(super) fn running_time(&self, clock: &ActiveClock) -> Duration {
        self.started.get().map_or(Duration::ZERO, |started| clock.elapsed().saturating_sub(started))
    }
}

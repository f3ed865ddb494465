//! Who may request bytes now, and who is on the way to the disk.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::shared::Shared;

/// The permit of an active transfer. It is passed on between two requests, so that a video cannot starve photos.
pub(super) struct Turn {
    shared: Rc<Shared>,
    size_bytes: u64,
    /// None while nothing is requested for this file.
    permit: RefCell<Option<OwnedSemaphorePermit>>,
    /// Its place among the files on their way to the disk.
    place: RefCell<Option<OwnedSemaphorePermit>>,
    began: Cell<Duration>,
}

impl Turn {
    pub(super) async fn begin(shared: Rc<Shared>, size_bytes: u64) -> Self {
        let permit = RefCell::new(shared.turn(size_bytes).await);
        let began = Cell::new(shared.clock.elapsed());
        Self { shared, size_bytes, permit, place: RefCell::default(), began }
    }

    pub(super) fn is_over(&self) -> bool {
        let worked = self.shared.clock.elapsed().saturating_sub(self.began.get());
        self.shared.others_wait() && worked >= self.shared.limits.turn_time
    }

    pub(super) async fn pass_on(&self) {
        self.step_aside();
        // Nothing of it is on its way to the disk: others may go there meanwhile.
        self.place.take();
        let permit = self.shared.turn(self.size_bytes).await;
        self.permit.replace(permit);
        self.began.set(self.shared.clock.elapsed());
    }

    /// Waits for a turn if it has none.
    pub(super) async fn resume(&self) {
        if self.permit.borrow().is_none() {
            self.pass_on().await;
        }
    }

    /// Gives the turn back while others bring the bytes.
    pub(super) fn step_aside(&self) {
        self.permit.take();
    }

    /// Waits for a place on the way to the disk, and needs no turn any more.
    pub(super) async fn go_to_disk(&self) {
        self.step_aside();
        if self.place.borrow().is_none() {
            let place = self.shared.disk.place().await;
            self.place.replace(place);
        }
    }

    /// Gives the turn back if there is a place on the way to the disk: only that is waited for.
    pub(super) fn end(&self) {
        if self.place.borrow().is_none() {
            self.place.replace(self.shared.disk.free_place());
        }
        if self.place.borrow().is_some() {
            self.step_aside();
        }
    }
}

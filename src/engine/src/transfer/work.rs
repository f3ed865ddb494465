//! One attempt at one origin: the code that all rungs share.
//!
//! All rungs of all origins fill one partial file, one rung at a time: the file is locked, so a rung drops it before the next one
//! opens it. A rung whose bytes turn out wrong removes them: only its own with `Partial::forget`, all with `discard`, as `finish`
//! does. `fill` also teaches the origin (its `pieces`, its `received_bytes`): bytes that do not come from the hub itself must not
//! pass through it.

use std::cell::{Cell, RefCell};
use std::io::BufReader;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::OwnedSemaphorePermit;

use super::chunks::Chunk;
use super::job::Job;
use super::partial::{Partial, Version};
use super::pieces::{MIN_PIECE_BYTES, is_early_end, may_be_restart};
use super::report::{Complete, Proof, Rung};
use super::shared::{Counted, Shared};
use super::source::Origin;
use super::spec::OriginSpec;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::getfile::HubUrl;
use crate::http::Reply;
use crate::patience::StallMeter;

/// The permit of an active transfer. It is passed on between two requests, so that a video cannot starve photos.
pub(super) struct Turn {
    shared: Rc<Shared>,
    size_bytes: u64,
    permit: RefCell<Option<OwnedSemaphorePermit>>,
    began: Cell<Duration>,
}

impl Turn {
    pub(super) async fn begin(shared: Rc<Shared>, size_bytes: u64) -> Self {
        let permit = RefCell::new(shared.turn(size_bytes).await);
        let began = Cell::new(shared.clock.elapsed());
        Self { shared, size_bytes, permit, began }
    }

    fn is_over(&self) -> bool {
        let worked = self.shared.clock.elapsed().saturating_sub(self.began.get());
        self.shared.others_wait() && worked >= self.shared.limits.turn_time
    }

    async fn pass_on(&self) {
        self.permit.take();
        let permit = self.shared.turn(self.size_bytes).await;
        self.permit.replace(permit);
        self.began.set(self.shared.clock.elapsed());
    }

    /// Gives the turn back: only the disk is waited for, by no more transfers than may have their files open.
    fn end(&self) {
        if self.shared.disk.has_room() {
            self.permit.take();
        }
    }
}

/// One attempt at one origin.
pub(super) struct Work<'a> {
    pub(super) shared: &'a Shared,
    pub(super) job: &'a Job,
    pub(super) origin: &'a Origin,
    pub(super) spec: &'a OriginSpec,
    pub(super) turn: &'a Turn,
    /// Whether this origin's ticket overrides the packet.
    pub(super) trusts_ticket: bool,
}

/// Whether a read returned a single version of the file.
pub(super) enum Reading {
    Proven(Complete),
    /// The origin's file changed meanwhile; the bytes of the old one are not used.
    Changed,
}

/// A partial file and the requests that fill it: one thread, so each holds it only between two awaits.
pub(super) type SharedPartial<'a> = RefCell<Partial<'a>>;

impl<'a> Work<'a> {
    /// Refuses a version that is older than the packet's or larger than allowed.
    pub(super) fn check_version(&self, size_bytes: u64, edited: &str) -> Result<()> {
        let (spec, shared) = (&self.job.spec, self.shared);
        if edited < spec.edited.as_str() {
            return Err(Error::new(ErrorKind::PeerBusy, "reading a file's row")
                .context("hub", &self.origin.hub)
                .context("fault", "the hub still shows an older version")
                .context("expected", &spec.edited)
                .context("older_edited", edited.escape_debug()));
        }
        let limit = if spec.scale == 0 { shared.limits.max_file_bytes } else { shared.photo_limits.max_scale_bytes };
        if size_bytes > limit {
            return Err(Error::new(ErrorKind::LimitExceeded, "receiving a file")
                .context("hub", &self.origin.hub)
                .context("size_bytes", size_bytes)
                .context("limit_bytes", limit));
        }
        self.check_most(size_bytes)
    }

    /// Refuses more bytes than the caller wants.
    pub(super) fn check_most(&self, size_bytes: u64) -> Result<()> {
        let spec = &self.job.spec;
        if size_bytes > spec.most_bytes {
            return Err(Error::new(ErrorKind::LimitExceeded, "receiving a file")
                .context("hub", &self.origin.hub)
                .context("fault", "it has more bytes there than were announced and wanted")
                .context("announced_bytes", spec.size_bytes)
                .context("most_bytes", spec.most_bytes)
                .stated_bytes(size_bytes));
        }
        Ok(())
    }

    /// Returns the version that this origin's row identifies.
    pub(super) fn row(&self, edited: &str) -> String {
        format!("{} {edited}", self.origin.hub)
    }

    /// Returns the digest that a clone stated, if it belongs to the version being read.
    pub(super) fn given_digest(&self, size_bytes: u64, edited: &str) -> Option<Digest> {
        let spec = &self.job.spec;
        spec.sha256.filter(|_| edited == spec.edited && size_bytes == spec.size_bytes)
    }

    pub(super) fn open(&self, version: Version) -> Result<SharedPartial<'a>> {
        let (shared, job) = (self.shared, self.job);
        job.size_bytes.set(version.size_bytes);
        let partial = Partial::open(&shared.place(), &job.spec.name, version)?;
        let reached = partial.received_bytes();
        // Bytes of this run do not count as resumed ones.
        if reached == 0 || job.received_bytes.get() == 0 {
            job.resumed_at_byte.set(reached);
        }
        job.offset_bytes.set(reached);
        Ok(RefCell::new(partial))
    }

    /// Fetches the missing ranges; `bring` requests one and stores it. Broken connections are made again as
    /// long as bytes arrive, with smaller pieces if long replies die, and after a pause if a hub is restarting.
    pub(super) async fn fill(
        &self,
        partial: &SharedPartial<'_>,
        most_bytes: u64,
        bring: impl AsyncFn(Chunk) -> Result<()>,
    ) -> Result<()> {
        let (mut attempts_left, mut pauses) = (MAX_ATTEMPTS, 0);
        let mut is_alive = self.job.received_bytes.get() > 0;
        loop {
            let reached = partial.borrow().received_bytes();
            let Err(Broken { range, took, error }) = self.fill_once(partial, most_bytes, &bring).await else { return Ok(()) };
            let asked = range.end - range.start;
            let (received, arrived) = {
                let held = partial.borrow();
                (held.received_bytes(), held.arrived_of(&range))
            };
            if received.saturating_sub(reached) >= MIN_PIECE_BYTES {
                // Progress: however often this happens, it ends.
                attempts_left = MAX_ATTEMPTS;
            }
            if received > reached {
                (is_alive, pauses) = (true, 0);
            }
            if is_alive && received == reached && self.waits_for_restart(&mut pauses, took, &error).await {
                continue;
            }
            if self.origin.pieces.note_death(asked, arrived, took, &error) {
                continue;
            }
            let goes_on = (error.kind() == ErrorKind::Network && received > reached) || is_early_end(&error);
            if !goes_on || attempts_left == 0 {
                return Err(error);
            }
            attempts_left -= 1;
        }
    }

    /// Waits a little if a hub may be restarting; false if that is impossible, or the wait is over.
    async fn waits_for_restart(&self, pauses: &mut u32, took: Duration, error: &Error) -> bool {
        if *pauses >= MAX_PAUSES || !may_be_restart(error, took) {
            return false;
        }
        tokio::time::sleep(self.shared.limits.restart_pause * (1 << *pauses)).await;
        *pauses += 1;
        true
    }

    /// Sends a request to a hub that was alive, again if it may be restarting.
    pub(super) async fn patiently<T>(&self, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
        let mut pauses = 0;
        loop {
            let started = self.shared.clock.elapsed();
            match ask().await {
                Err(error) => {
                    let took = self.shared.clock.elapsed().saturating_sub(started);
                    if !self.waits_for_restart(&mut pauses, took, &error).await {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }

    /// Fetches the missing ranges until one fails.
    async fn fill_once(
        &self,
        partial: &SharedPartial<'_>,
        most_bytes: u64,
        bring: &impl AsyncFn(Chunk) -> Result<()>,
    ) -> std::result::Result<(), Broken> {
        let ask = |range: Chunk, counted: Counted<'a>| async move {
            let started = self.shared.clock.elapsed();
            let outcome = bring(range.clone()).await;
            drop(counted);
            let took = self.shared.clock.elapsed().saturating_sub(started);
            (range, took, outcome)
        };
        let mut lanes = FuturesUnordered::new();
        let mut under_way: Vec<Chunk> = Vec::new();
        let mut crumbs = 0;
        let mut meter = Meter::start(self);
        loop {
            let turn_is_over = self.turn.is_over();
            if turn_is_over && lanes.is_empty() {
                self.turn.pass_on().await;
                meter = Meter::start(self);
            }
            let plan = self.plan(partial, &meter);
            while lanes.len() < plan.lanes
                && (lanes.is_empty() || (!turn_is_over && self.origin.ranges_under_way() < self.shared.ranges))
                && let Some(gap) = { partial.borrow().first_gap_beside(&under_way) }
            {
                let most = most_bytes.min(plan.range_bytes);
                let range = self.origin.pieces.first_of(gap.start..gap.end.min(gap.start.saturating_add(most)));
                under_way.push(range.clone());
                lanes.push(ask(range, self.origin.count_range()));
            }
            match lanes.next().await {
                None => return Ok(()),
                Some((range, _, Ok(()))) => {
                    let arrived = partial.borrow().arrived_of(&range);
                    self.origin.pieces.note_whole(arrived);
                    crumbs = if arrived < CRUMB_BYTES.min(range.end - range.start) { crumbs + 1 } else { 0 };
                    if crumbs > MAX_CRUMBS {
                        return Err(Broken { range, took: Duration::ZERO, error: next_to_nothing(&self.origin.hub) });
                    }
                    under_way.retain(|other| *other != range);
                }
                Some((range, took, Err(error))) => return Err(Broken { range, took, error }),
            }
        }
    }

    /// Decides how many ranges to request at once: several only if the rest would take long through one, because on a fast
    /// connection they cost more than they gain.
    fn plan(&self, partial: &SharedPartial<'_>, meter: &Meter) -> Plan {
        let (limits, parallel) = (&self.shared.limits, self.shared.ranges);
        let left = self.job.size_bytes.get().saturating_sub(partial.borrow().received_bytes());
        let is_large = parallel > 1 && left >= limits.range_bytes.saturating_mul(4);
        let rate = meter.bytes_per_second(self);
        let slow = rate.is_some_and(|rate| left / rate.max(1) >= limits.slow_time.as_secs());
        if is_large && slow {
            return Plan { lanes: parallel, range_bytes: limits.range_bytes };
        }
        let range_bytes = if is_large && rate.is_none() {
            limits.range_bytes
        } else if self.shared.others_wait() {
            let turn = rate.unwrap_or(0).saturating_mul(limits.turn_time.as_secs());
            turn.max(limits.range_bytes)
        } else {
            u64::MAX
        };
        Plan { lanes: 1, range_bytes }
    }

    /// Stores a body at its range, and reads no further than `until`; fewer bytes mean an early end. More bytes than
    /// the range has mean a false range: then nothing of this reply is kept.
    pub(super) async fn store(&self, partial: &SharedPartial<'_>, mut reply: Reply, range: &Chunk, until: u64) -> Result<()> {
        let patience = self.shared.patience();
        let until = until.min(range.end);
        let mut stall = StallMeter::start(&patience, until - range.start);
        let (new, mark) = {
            let held = partial.borrow();
            (held.missing_of(range), held.mark())
        };
        let mut at = range.start;
        while let Some(piece) = reply.next(&mut stall, &patience).await? {
            let bytes = piece.as_ref();
            let end = at.saturating_add(bytes.len() as u64);
            if end > range.end {
                let came: Vec<Chunk> =
                    new.iter().map(|part| part.start..part.end.min(at)).filter(|part| !part.is_empty()).collect();
                let mut held = partial.borrow_mut();
                held.forget(&came, &mark)?;
                self.job.offset_bytes.set(held.received_bytes());
                return Err(reply
                    .error(ErrorKind::Corrupt, "more bytes than requested")
                    .context("expected_bytes", range.end - range.start));
            }
            let wanted = usize::try_from(until - at).map_or(bytes, |most| bytes.get(..most).unwrap_or(bytes));
            self.keep(partial, at, wanted)?;
            at = end;
            if at >= until && until < range.end {
                return Ok(());
            }
        }
        if at < range.end {
            let kind = if at == range.start { ErrorKind::PeerBusy } else { ErrorKind::Network };
            return Err(reply
                .error(kind, "the body ended early")
                .context("expected_bytes", range.end - range.start)
                .context("received_bytes", at - range.start));
        }
        Ok(())
    }

    pub(super) fn keep(&self, partial: &SharedPartial<'_>, at: u64, bytes: &[u8]) -> Result<()> {
        let (job, mut held) = (self.job, partial.borrow_mut());
        held.write_at(at, bytes)?;
        let count = bytes.len() as u64;
        job.received_bytes.set(job.received_bytes.get().saturating_add(count));
        self.origin.note_received(count);
        job.offset_bytes.set(held.received_bytes());
        Ok(())
    }

    /// Returns the digest of a whole file, which must be the expected one, if any.
    pub(super) fn check(partial: &SharedPartial<'_>) -> Result<Digest> {
        let mut held = partial.borrow_mut();
        let computed = held
            .digest()?
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, "verifying a file").context("fault", "not all bytes were hashed"))?;
        match held.expected() {
            Some(expected) => check_digest(&mut held, computed, expected).map(|()| computed),
            None => Ok(computed),
        }
    }

    /// Forces a proven file to disk: nothing else is to be done for it.
    pub(super) async fn complete(
        &self,
        partial: &SharedPartial<'_>,
        digest: Digest,
        edited: &str,
        mut proof: Vec<Proof>,
    ) -> Result<Reading> {
        self.turn.end();
        sync(self.shared, partial).await?;
        let (job, held) = (self.job, partial.borrow());
        let claims_image = job.spec.scale > 0 || job.spec.mimetype.starts_with("image/");
        if claims_image && image_header(&held).is_ok() {
            proof.push(Proof::Image);
        }
        Ok(Reading::Proven(self.proven(job.size_bytes.get(), digest, edited, job.rung.get(), proof)))
    }

    pub(super) fn proven(&self, size_bytes: u64, digest: Digest, edited: &str, rung: Rung, proof: Vec<Proof>) -> Complete {
        Complete { size_bytes, digest, edited: edited.to_owned(), origin: self.origin.hub.clone(), rung, proof }
    }

    pub(super) fn keeps_changing(&self) -> Error {
        Error::new(ErrorKind::Corrupt, "receiving a file")
            .context("hub", &self.origin.hub)
            .context("fault", "it keeps changing while it is read")
            .context("restarts", self.shared.limits.max_restarts)
    }
}

/// A request that failed.
struct Broken {
    range: Chunk,
    took: Duration,
    error: Error,
}

/// How to request a file next.
struct Plan {
    lanes: usize,
    range_bytes: u64,
}

/// The rate of received bytes.
struct Meter {
    started: Duration,
    received_before: u64,
}

impl Meter {
    fn start(work: &Work<'_>) -> Self {
        Self { started: work.shared.clock.elapsed(), received_before: work.job.received_bytes.get() }
    }

    /// Returns the rate so far; none before anything arrived.
    fn bytes_per_second(&self, work: &Work<'_>) -> Option<u64> {
        let bytes = work.job.received_bytes.get().saturating_sub(self.received_before);
        let milliseconds = work.shared.clock.elapsed().saturating_sub(self.started).as_millis().max(1);
        (bytes > 0).then(|| u64::try_from(u128::from(bytes) * 1000 / milliseconds).unwrap_or(u64::MAX))
    }
}

/// Compares digests; wrong bytes are not kept.
pub(super) fn check_digest(partial: &mut Partial<'_>, computed: Digest, expected: Digest) -> Result<()> {
    if computed == expected {
        return Ok(());
    }
    partial.discard()?;
    Err(Error::new(ErrorKind::Corrupt, "verifying a file").context("expected", expected).context("computed", computed))
}

/// Forces a whole file to disk.
pub(super) async fn sync(shared: &Shared, partial: &SharedPartial<'_>) -> Result<()> {
    let file = Arc::clone(partial.borrow().file());
    let synced = shared.disk.sync(&file).await;
    partial.borrow_mut().finish(synced)
}

/// Opens the received part of a photo and reads its header.
fn image_header(partial: &Partial<'_>) -> Result<()> {
    crate::photo::dimensions(BufReader::new(partial.reader()?)).map(|_| ())
}

/// How many connections in a row may break off with little progress before the origin is given up for
/// now.
const MAX_ATTEMPTS: u32 = 5;
/// How many shorter replies in a row are accepted when more was requested.
pub(super) const MAX_CRUMBS: u32 = 100;
const CRUMB_BYTES: u64 = 4096;

/// Builds the error for a hub that gives a file byte by byte.
pub(super) fn next_to_nothing(hub: &HubUrl) -> Error {
    Error::new(ErrorKind::Corrupt, "receiving a file")
        .context("hub", hub)
        .context("fault", "each reply contains next to nothing of the requested range")
}

/// How often to wait for a hub that was alive.
const MAX_PAUSES: u32 = 3;

//! Files moving from clones to disk: many at once, on one thread, in steps of bounded time.
//!
//! Invariant: a transfer is reported complete only when its partial file is whole, of exactly the size that the origin
//! hub states, checked by every proof that the origin offers, and forced to disk. The caller publishes it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{self, AbortHandle, Abortable, Either, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::patience;

mod chunks;
mod copy;
mod disk;
mod filedata;
mod filesync;
mod hashing;
mod job;
mod packs;
mod partial;
mod pieces;
mod receive;
mod reply;
mod report;
mod shared;
mod source;
mod spec;
mod stock;
mod ticket;
mod work;

use job::Job;
pub use report::{Complete, OriginStatus, Outcome, Peer, Progress, Proof, Report, Rung, RungState};
use shared::Shared;
pub use shared::{BatchOptions, Surroundings};
use source::Origin;
pub use spec::{OriginSpec, TransferId, TransferSpec};

type RunningJob = Pin<Box<dyn Future<Output = (TransferId, Outcome)>>>;

/// Many transfers, driven by one process on one thread.
pub struct TransferBatch {
    process: u32,
    shared: Rc<Shared>,
    origins: HashMap<String, Rc<Origin>>,
    jobs: HashMap<TransferId, Rc<Job>>,
    active: FuturesUnordered<RunningJob>,
    /// What asks the hubs ahead, one for each.
    ahead: FuturesUnordered<Pin<Box<dyn Future<Output = Infallible>>>>,
    next_id: TransferId,
    // Last, so that transfers are dropped before the runtime that they wait on.
    runtime: tokio::runtime::Runtime,
}

impl TransferBatch {
    /// Prepares a batch; opens no connection.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an unusable certificate bundle, `Storage` if the root folder cannot be opened.
    pub fn new(options: BatchOptions<'_>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .or_fail(ErrorKind::Storage, "starting a transfer batch")?;
        Ok(Self {
            process: std::process::id(),
            shared: Rc::new(Shared::new(options)?),
            origins: HashMap::new(),
            jobs: HashMap::new(),
            active: FuturesUnordered::new(),
            ahead: FuturesUnordered::new(),
            next_id: 1,
            runtime,
        })
    }

    /// Adds a transfer; it starts with the next step.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if it is larger than allowed, `InvalidInput` if it names no origin or its name is taken.
    pub fn add(&mut self, spec: TransferSpec) -> Result<TransferId> {
        let limit = if spec.scale == 0 { self.shared.limits.max_file_bytes } else { self.shared.photo_limits.max_scale_bytes };
        let limit = limit.min(spec.most_bytes);
        if spec.size_bytes > limit {
            return Err(Error::new(ErrorKind::LimitExceeded, "adding a transfer")
                .context("name", &spec.name)
                .context("size_bytes", spec.size_bytes)
                .context("limit_bytes", limit));
        }
        if spec.origins.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "adding a transfer")
                .context("name", &spec.name)
                .context("fault", "no origin hub"));
        }
        if self.jobs.values().any(|job| job.spec.name == spec.name) {
            return Err(Error::new(ErrorKind::InvalidInput, "adding a transfer")
                .context("name", &spec.name)
                .context("fault", "already in this batch"));
        }
        let origins = spec.origins.iter().map(|origin| self.origin(origin)).collect();
        let id = self.next_id;
        self.next_id += 1;
        let job = Job {
            id,
            origins,
            size_bytes: Cell::new(spec.size_bytes),
            offset_bytes: Cell::new(0),
            received_bytes: Cell::new(0),
            resumed_at_byte: Cell::new(0),
            rung: Cell::new(Rung::None),
            started: Cell::new(None),
            handle: RefCell::new(None),
            spec,
        };
        for (number, origin) in job.origins.iter().enumerate() {
            let earlier = job.origins.get(..number).unwrap_or_default();
            if !earlier.iter().any(|other| Rc::ptr_eq(other, origin)) {
                origin.tickets.want(id, job.wanted(earlier));
            }
        }
        let job = Rc::new(job);
        self.start(Rc::clone(&job));
        self.jobs.insert(id, job);
        Ok(id)
    }

    /// Adds a transfer to those that wait for their turn.
    fn start(&self, job: Rc<Job>) {
        let (id, shared) = (job.id, Rc::clone(&self.shared));
        let (handle, registration) = AbortHandle::new_pair();
        job.handle.replace(Some(handle));
        let work = Abortable::new(receive::run(shared, job), registration);
        self.active.push(Box::pin(work.map(move |ended| (id, ended.unwrap_or(Outcome::Cancelled)))));
    }

    fn origin(&mut self, spec: &OriginSpec) -> Rc<Origin> {
        let key = format!("{} {}", spec.hub, spec.nick);
        let (shared, ahead) = (&self.shared, &self.ahead);
        Rc::clone(self.origins.entry(key).or_insert_with(|| {
            let origin = Rc::new(Origin::new(spec, &shared.access));
            ahead.push(Box::pin(Rc::clone(&origin).ask_ahead(Rc::clone(shared))));
            origin
        }))
    }

    /// Works until the budget is used up or a transfer ends; returns those that ended.
    ///
    /// A step may take longer by one name look-up or by the sync of files to disk that has begun.
    ///
    /// # Errors
    ///
    /// `InvalidInput` in a process other than the one that made the batch.
    pub fn step(&mut self, budget: Duration) -> Result<Vec<Report>> {
        self.check_process()?;
        if self.active.is_empty() {
            return Ok(Vec::new());
        }
        self.shared.clock.start();
        let (runtime, active, ahead, shared) = (&self.runtime, &mut self.active, &mut self.ahead, &self.shared);
        let ended = std::thread::scope(|threads| {
            let thread = disk::Thread::none();
            let ended = patience::run(runtime, async {
                let mut ended = Vec::new();
                let beside = pin!(future::join3(shared.disk.work(threads, &thread), shared.hashing.work(threads), ahead.next()));
                let next = tokio::time::timeout(budget, future::select(active.next(), beside));
                if let Ok(Either::Left((Some(first), _))) = next.await {
                    ended.push(first);
                    while let Some(Some(more)) = active.next().now_or_never() {
                        ended.push(more);
                    }
                }
                ended
            });
            thread.join();
            ended
        });
        self.shared.clock.stop();
        Ok(ended.into_iter().filter_map(|(id, outcome)| self.end(id, outcome)).collect())
    }

    fn end(&mut self, id: TransferId, outcome: Outcome) -> Option<Report> {
        let job = self.jobs.remove(&id)?;
        for origin in &job.origins {
            origin.end(id, &job.key());
        }
        Some(job.report(&self.shared.clock, outcome))
    }

    fn check_process(&self) -> Result<()> {
        if self.process == std::process::id() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidInput, "using a transfer batch")
            .context("fault", "another process made it, before a fork"))
    }

    /// Returns the progress of each unreported transfer, in the order of adding.
    pub fn progress(&self) -> Vec<Progress> {
        let mut all: Vec<Progress> = self.jobs.values().map(|job| self.progress_of(job)).collect();
        all.sort_by_key(|progress| progress.id);
        all
    }

    fn progress_of(&self, job: &Job) -> Progress {
        let milliseconds = job.running_time(&self.shared.clock).as_millis().max(1);
        let rate = u128::from(job.received_bytes.get()).saturating_mul(1000) / milliseconds;
        Progress {
            id: job.id,
            name: job.spec.name.clone(),
            is_active: job.started.get().is_some(),
            size_bytes: job.size_bytes.get(),
            offset_bytes: job.offset_bytes.get(),
            bytes_per_second: u64::try_from(rate).unwrap_or(u64::MAX),
            rung: job.rung.get(),
        }
    }

    /// Returns what the batch has learnt about each origin hub.
    pub fn origins(&self) -> Vec<OriginStatus> {
        let mut all: Vec<OriginStatus> = self.origins.values().map(|origin| origin.status()).collect();
        all.sort_by_key(|status| status.hub.to_string());
        all
    }

    /// Returns the number of unreported transfers.
    pub fn pending(&self) -> usize {
        self.jobs.len()
    }

    /// Cancels a transfer; the next step reports it. False if it is unknown or already reported.
    pub fn cancel(&self, id: TransferId) -> bool {
        let Some(job) = self.jobs.get(&id) else { return false };
        if let Some(handle) = &*job.handle.borrow() {
            handle.abort();
        }
        true
    }

    /// Stops everything, saves the progress of each transfer and ends the sessions.
    pub fn close(&mut self) {
        if self.check_process().is_err() {
            return;
        }
        // Dropping a transfer saves its index.
        self.active = FuturesUnordered::new();
        self.ahead = FuturesUnordered::new();
        self.jobs.clear();
        self.shared.clock.start();
        for (_, origin) in self.origins.drain() {
            patience::run(&self.runtime, origin.log_out(&self.shared));
        }
        self.shared.clock.stop();
    }
}

impl Drop for TransferBatch {
    fn drop(&mut self) {
        if self.check_process().is_ok() {
            self.close();
            return;
        }
        // A forked copy: its sockets and its poll descriptor are the parent's too. Dropping would write TLS goodbyes into
        // the parent's connections and unlock its partial files, so the copy is forgotten.
        std::mem::forget(std::mem::take(&mut self.active));
        std::mem::forget(std::mem::take(&mut self.ahead));
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
            std::mem::forget(std::mem::replace(&mut self.runtime, runtime));
        }
        std::mem::forget(Rc::clone(&self.shared));
    }
}

//! Files moving from clones to disk: many at once, on one thread, in steps of bounded time.
//!
//! Invariant: a transfer is reported complete only when its partial file is whole, of exactly the size that the origin
//! hub states, checked by every proof that the origin offers, and forced to disk. The caller publishes it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io::BufReader;
use std::num::NonZeroU64;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{AbortHandle, Abortable, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::getfile::HubUrl;
use crate::http::{AddressPolicy, HttpClient, Pool, Reply, Request};
use crate::limits::Limits;
use crate::paths::{RelativePath, Root};
use crate::patience::{ActiveClock, Patience, Throttle};
use crate::signature::Identity;

mod chunks;
mod copy;
mod filedata;
mod filesync;
mod partial;
mod pieces;
mod receive;
mod report;
mod source;
mod stock;
mod ticket;

pub use report::{Complete, OriginStatus, Outcome, Progress, Report, Rung, RungState};
use source::Origin;
use ticket::FileKey;
pub use ticket::Peer;

/// The options of a batch.
pub struct BatchOptions<'a> {
    /// Existing folder for the partial files.
    pub root: &'a Path,
    /// The requester.
    pub identity: Identity,
    /// Which addresses may be reached.
    pub policy: AddressPolicy,
    /// PEM certificates to trust instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// The channel's folder in the store, for bytes that are already there.
    pub store_root: Option<&'a Path>,
    /// Active transfers at once.
    pub parallel: usize,
    /// Active ranges of one large file at once, if a single one would take long.
    pub ranges: usize,
    /// The maximum rate of all transfers together.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Bounds.
    pub limits: Limits,
    /// Clock, randomness and boot.
    pub surroundings: Surroundings,
}

/// Facts that the engine does not look up itself.
pub struct Surroundings {
    /// Identifies this boot of the machine: bytes written by a killed process of another boot may be lost.
    pub boot_id: String,
    /// Returns seconds since 1970.
    pub unix_time: Box<dyn Fn() -> i64>,
    /// Returns an unpredictable random number.
    pub random: Box<dyn Fn() -> u64>,
}

/// One wanted file, or scale of a photo.
#[derive(Clone, Debug)]
pub struct TransferSpec {
    /// Base name of the partial file.
    pub name: String,
    /// The file's hash among the clones.
    pub hash: String,
    /// 0 for the file itself, otherwise a photo's scale.
    pub scale: u8,
    /// Size from the packet.
    pub size_bytes: u64,
    /// The maximum of bytes that it may have, whatever a hub states.
    pub most_bytes: u64,
    /// `edited` from the packet, `Y-m-d H:i:s`, or empty.
    pub edited: String,
    /// Digest, if a clone stated one.
    pub sha256: Option<Digest>,
    /// MIME type from the packet, or empty.
    pub mimetype: String,
    /// Digest of the bytes that the caller shows now: equal bytes need not be fetched.
    pub have_sha256: Option<Digest>,
    /// Files of the store that may have the bytes; checked once a clone has stated the digest.
    pub copies: Vec<RelativePath>,
    /// Hubs to ask, best first.
    pub origins: Vec<OriginSpec>,
}

/// One hub that may have the file.
#[derive(Clone, Debug)]
pub struct OriginSpec {
    /// Its root URL.
    pub hub: HubUrl,
    /// The channel's nick there.
    pub nick: String,
    /// Names of the folders and of the file.
    pub path: Vec<String>,
    /// Whether its `/dav` rung may be used.
    pub dav_allowed: bool,
    /// Whether it may be asked for tickets.
    pub filesync_allowed: bool,
    /// Most bytes for one request, from an earlier batch; none if the hub answers requests of any length.
    pub piece_bytes: Option<NonZeroU64>,
}

/// Identifies a transfer within its batch.
pub type TransferId = u64;

/// Everything that the transfers of a batch share.
struct Shared {
    root: Root,
    store: Option<Root>,
    identity: Identity,
    client: HttpClient,
    limits: Limits,
    surroundings: Surroundings,
    clock: ActiveClock,
    throttle: Throttle,
    ranges: usize,
    /// One permit for each active transfer; waiting ones get theirs in order.
    turns: Arc<Semaphore>,
    waiting: Cell<usize>,
}

impl Shared {
    fn patience(&self) -> Patience<'_> {
        Patience { clock: &self.clock, limits: &self.limits, throttle: &self.throttle }
    }

    /// Waits until this transfer may work.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let _waiting = Counted::among(&self.waiting);
        // Never closed, so a permit always comes in the end.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    async fn send(&self, pool: Pool, request: Request) -> Result<Reply> {
        self.client.send(pool, request, (self.surroundings.unix_time)(), &self.patience()).await
    }
}

/// Counts as one until it is dropped, at the end of the transfer or when that is cancelled.
struct Counted<'a>(&'a Cell<usize>);

impl<'a> Counted<'a> {
    fn among(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// One transfer and its progress; its future writes here, the batch reads.
struct Job {
    id: TransferId,
    spec: TransferSpec,
    origins: Vec<Rc<Origin>>,
    size_bytes: Cell<u64>,
    offset_bytes: Cell<u64>,
    received_bytes: Cell<u64>,
    resumed_at_byte: Cell<u64>,
    rung: Cell<Rung>,
    started: Cell<Option<Duration>>,
    handle: RefCell<Option<AbortHandle>>,
}

impl Job {
    fn key(&self) -> FileKey {
        FileKey { hash: self.spec.hash.clone(), scale: self.spec.scale }
    }

    fn report(&self, clock: &ActiveClock, outcome: Outcome) -> Report {
        Report {
            id: self.id,
            name: self.spec.name.clone(),
            received_bytes: self.received_bytes.get(),
            resumed_at_byte: self.resumed_at_byte.get(),
            duration: self.running_time(clock),
            outcome,
        }
    }

    fn running_time(&self, clock: &ActiveClock) -> Duration {
        self.started.get().map_or(Duration::ZERO, |started| clock.elapsed().saturating_sub(started))
    }
}

type RunningJob = Pin<Box<dyn Future<Output = (TransferId, Outcome)>>>;

/// Many transfers, driven by one process on one thread.
pub struct TransferBatch {
    process: u32,
    shared: Rc<Shared>,
    origins: HashMap<String, Rc<Origin>>,
    jobs: HashMap<TransferId, Rc<Job>>,
    active: FuturesUnordered<RunningJob>,
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
        let shared = Shared {
            root: Root::open(options.root)?,
            store: options.store_root.map(Root::open).transpose()?,
            client: HttpClient::new(options.policy, options.ca_pem.as_deref(), &options.limits)?,
            identity: options.identity,
            limits: options.limits,
            surroundings: options.surroundings,
            clock: ActiveClock::default(),
            throttle: Throttle::new(options.bytes_per_second),
            ranges: options.ranges.max(1),
            turns: Arc::new(Semaphore::new(options.parallel.max(1))),
            waiting: Cell::new(0),
        };
        Ok(Self {
            process: std::process::id(),
            shared: Rc::new(shared),
            origins: HashMap::new(),
            jobs: HashMap::new(),
            active: FuturesUnordered::new(),
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
        let limit = if spec.scale == 0 { self.shared.limits.max_file_bytes } else { self.shared.limits.max_scale_bytes };
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
        for origin in &job.origins {
            origin.tickets.want(id, job.key());
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
        Rc::clone(self.origins.entry(key).or_insert_with(|| Rc::new(Origin::new(spec))))
    }

    /// Works until the budget is used up or a transfer ends; returns those that ended.
    ///
    /// A step may take longer by one name look-up or one sync of a file to disk.
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
        let (runtime, active) = (&self.runtime, &mut self.active);
        let ended = runtime.block_on(async {
            let mut ended = Vec::new();
            if let Ok(Some(first)) = tokio::time::timeout(budget, active.next()).await {
                ended.push(first);
                while let Some(Some(more)) = active.next().now_or_never() {
                    ended.push(more);
                }
            }
            ended
        });
        self.shared.clock.stop();
        Ok(ended.into_iter().filter_map(|(id, outcome)| self.end(id, outcome)).collect())
    }

    fn end(&mut self, id: TransferId, outcome: Outcome) -> Option<Report> {
        let job = self.jobs.remove(&id)?;
        for origin in &job.origins {
            origin.tickets.unwant(id);
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
        self.jobs.clear();
        self.shared.clock.start();
        for (_, origin) in self.origins.drain() {
            self.runtime.block_on(origin.log_out(&self.shared));
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
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
            std::mem::forget(std::mem::replace(&mut self.runtime, runtime));
        }
        std::mem::forget(Rc::clone(&self.shared));
    }
}

/// Opens the received part of a photo and reads its header.
fn image_header(partial: &partial::Partial<'_>) -> Result<()> {
    crate::photo::dimensions(BufReader::new(partial.reader()?)).map(|_| ())
}

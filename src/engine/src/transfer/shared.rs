//! What all transfers of a batch share: the folder, the client, the clock, the turns.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::disk::Disk;
use super::hashing::Hashing;
use super::partial::Place;
use crate::error::{Error, ErrorKind, Result};
use crate::getfile::SignedRequest;
use crate::http::{AddressPolicy, HttpClient, Pool, Reply, Request};
use crate::limits::{Limits, PhotoLimits, TransferLimits};
use crate::paths::Root;
use crate::patience::{ActiveClock, Patience, Throttle};
use crate::signature::{Access, Identity};

/// The options of a batch.
pub struct BatchOptions<'a> {
    /// Existing folder for the partial files.
    pub root: &'a Path,
    /// The requester.
    pub access: Access,
    /// Which addresses may be reached.
    pub policy: AddressPolicy,
    /// PEM certificates to trust instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// A proxy for all requests; none: hubs are reached directly.
    pub proxy: Option<String>,
    /// The channel's folder in the store, for bytes that are already there.
    pub store_root: Option<&'a Path>,
    /// Active transfers at once; four small files count as one, and two of up to `small_file_bytes`.
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

/// Everything that the transfers of a batch share.
pub(super) struct Shared {
    pub(super) root: Root,
    pub(super) store: Option<Root>,
    pub(super) access: Access,
    client: HttpClient,
    pub(super) limits: TransferLimits,
    pub(super) photo_limits: PhotoLimits,
    pub(super) surroundings: Surroundings,
    pub(super) clock: ActiveClock,
    pub(super) disk: Disk,
    pub(super) hashing: Hashing,
    throttle: Throttle,
    pub(super) ranges: usize,
    /// Permits of active transfers; waiting ones get theirs in order.
    turns: Arc<Semaphore>,
    waiting: Cell<usize>,
}

impl Shared {
    /// Opens the folders; opens no connection.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an unusable certificate bundle, `Storage` if a folder cannot be opened.
    pub(super) fn new(options: BatchOptions<'_>) -> Result<Self> {
        Ok(Self {
            root: Root::open(options.root)?,
            store: options.store_root.map(Root::open).transpose()?,
            client: HttpClient::new(
                options.policy,
                options.ca_pem.as_deref(),
                options.proxy.as_deref(),
                &options.limits.transfer,
            )?,
            access: options.access,
            limits: options.limits.transfer,
            photo_limits: options.limits.photo,
            surroundings: options.surroundings,
            clock: ActiveClock::default(),
            disk: Disk::default(),
            hashing: Hashing::default(),
            throttle: Throttle::new(options.bytes_per_second),
            ranges: options.ranges.max(1),
            turns: Arc::new(Semaphore::new(options.parallel.max(1) * PERMITS_OF_A_TURN as usize)),
            waiting: Cell::new(0),
        })
    }

    /// Returns where partial files are.
    pub(super) fn place(&self) -> Place<'_> {
        Place { root: &self.root, boot_id: &self.surroundings.boot_id, limits: &self.limits, hashing: &self.hashing }
    }

    /// Returns who signs.
    ///
    /// # Errors
    ///
    /// `Refused` if an owner asks, who has no key of the channel.
    pub(super) fn identity(&self) -> Result<&Identity> {
        match &self.access {
            Access::Channel(identity) => Ok(identity),
            Access::Owner(_) => {
                Err(Error::new(ErrorKind::Refused, "signing a request").context("fault", "only a hub of the channel has its key"))
            }
        }
    }

    /// Tells whether requests can be signed, as getfile wants them.
    pub(super) fn may_sign(&self) -> bool {
        matches!(self.access, Access::Channel(_))
    }

    pub(super) fn patience(&self) -> Patience<'_> {
        Patience { clock: &self.clock, limits: &self.limits, throttle: &self.throttle }
    }

    /// Waits until a transfer of a file of this size may work.
    pub(super) async fn turn(&self, size_bytes: u64) -> Option<OwnedSemaphorePermit> {
        let _waiting = Counted::among(&self.waiting);
        // The smaller a file is, the more of its time passes between request and reply.
        let permits = match size_bytes {
            small if small <= self.limits.small_bytes() => 1,
            medium if medium <= self.limits.small_file_bytes => PERMITS_OF_A_TURN / 2,
            _ => PERMITS_OF_A_TURN,
        };
        // Never closed, so they always come in the end.
        Arc::clone(&self.turns).acquire_many_owned(permits).await.ok()
    }

    /// Tells whether transfers wait for their turn.
    pub(super) fn others_wait(&self) -> bool {
        self.waiting.get() > 0
    }

    pub(super) async fn send(&self, pool: Pool, request: Request) -> Result<Reply> {
        self.client.send(pool, request, (self.surroundings.unix_time)(), &self.patience()).await
    }
}

/// So many small files are fetched in place of a large one, which may have as many requests under way at a time.
const PERMITS_OF_A_TURN: u32 = 4;

/// Hands a request of the protocol to the transport, which knows nothing of it.
pub(super) fn ready(signed: SignedRequest) -> Result<Request> {
    let mut request = Request::get(signed.url);
    if let Some(body) = &signed.body {
        request = request.post(body);
    }
    signed.headers.iter().try_fold(request, |request, (name, value)| request.header(name, value))
}

/// Counts as one until it is dropped, at the end of the transfer or when that is cancelled.
pub(super) struct Counted<'a>(&'a Cell<usize>);

impl<'a> Counted<'a> {
    pub(super) fn among(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

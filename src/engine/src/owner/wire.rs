//! The line to one hub: one client, one thread, one clock. Nothing here knows who asks.

use std::cell::Cell;
use std::num::NonZeroU64;

use crate::error::{ErrorKind, OrFail, Result};
use crate::getfile::HubUrl;
use crate::http::{AddressPolicy, HttpClient, Pool, Reply, Request};
use crate::limits::TransferLimits;
use crate::patience::{self, ActiveClock, Patience, Throttle};

/// How a hub is reached.
pub struct ConnectionOptions {
    /// Its root URL.
    pub hub: HubUrl,
    /// Which addresses may be reached.
    pub policy: AddressPolicy,
    /// PEM certificates to trust instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// A proxy for all requests.
    pub proxy: Option<String>,
    /// The maximum rate of what is received, or sent.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Bounds.
    pub limits: TransferLimits,
    /// Returns seconds since 1970.
    pub unix_time: Box<dyn Fn() -> i64>,
}

/// The line to a hub.
pub(crate) struct Wire {
    runtime: tokio::runtime::Runtime,
    client: HttpClient,
    options: ConnectionOptions,
    clock: ActiveClock,
    throttle: Throttle,
    requests: Cell<u64>,
}

impl Wire {
    /// Prepares it; opens nothing.
    pub(crate) fn new(options: ConnectionOptions) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .or_fail(ErrorKind::Storage, "starting a connection")?;
        Ok(Self {
            runtime,
            client: HttpClient::new(options.policy, options.ca_pem.as_deref(), options.proxy.as_deref(), &options.limits)?,
            clock: ActiveClock::default(),
            throttle: Throttle::new(options.bytes_per_second),
            requests: Cell::default(),
            options,
        })
    }

    pub(crate) fn options(&self) -> &ConnectionOptions {
        &self.options
    }

    /// Returns how many requests were sent.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Does what waits for the hub.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.clock.start();
        let outcome = patience::run(&self.runtime, work);
        self.clock.stop();
        outcome
    }

    pub(crate) fn patience(&self) -> Patience<'_> {
        Patience { clock: &self.clock, limits: &self.options.limits, throttle: &self.throttle }
    }

    /// Returns seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.options.unix_time)()
    }

    /// Waits until so many bytes may be sent.
    pub(crate) async fn pay(&self, bytes: u64) {
        self.throttle.pay(bytes).await;
    }

    /// Sends a request and waits for the head of its reply.
    pub(crate) async fn send(&self, request: Request) -> Result<Reply> {
        self.requests.set(self.requests.get() + 1);
        self.client.send(Pool::Main, request, self.now(), &self.patience()).await
    }
}

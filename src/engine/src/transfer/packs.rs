//! Small files of which a hub that speaks filesync gives many in one body: each transfer takes its own from what came, by its digest.
//!
//! Invariant: only bytes that have the digest of a ticket are given out, and only once. A hub that gives no packs, or wrong ones, is not
//! asked again in this batch: then each file is read with its ticket.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use serde_json::json;
use tokio::sync::Notify;

use super::shared::{Counted, Shared};
use super::ticket::{Facts, Tickets};
use super::turn::Turn;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Pool, Request};
use crate::pack::{MOST_PACK_BYTES, Pack};
use crate::signature::Secret;

/// Packs of one hub.
#[derive(Default)]
pub(crate) struct Packs {
    /// What was asked for in a request that is under way.
    under_way: RefCell<HashSet<Digest>>,
    requests: Cell<usize>,
    /// Whoever waits for a request to end.
    ended: Notify,
    /// What came, and how many transfers have not taken it yet.
    came: RefCell<HashMap<Digest, (Vec<u8>, usize)>>,
    /// Transfers that are about to take what came for them, and whoever waits for that.
    takers: Cell<usize>,
    taken: Notify,
    /// What was asked for, each once.
    asked: RefCell<HashSet<Digest>>,
    is_refused: Cell<bool>,
}

impl Packs {
    /// Returns the bytes of a file from a pack. None if it is too large for one or alone, or the hub gives none.
    ///
    /// While others' requests bring them, the transfer has no turn, so that more of them gather for the next request. Afterwards it
    /// has a place on its way to the disk.
    pub(super) async fn take(&self, shared: &Shared, tickets: &Tickets, facts: &Facts, turn: &Turn) -> Option<Vec<u8>> {
        let digest = facts.sha256.filter(|_| is_small(facts))?;
        if !tickets.offers(FEATURE) {
            return None;
        }
        loop {
            if self.came.borrow().contains_key(&digest) {
                let _taking = Taking::begin(self);
                turn.go_to_disk().await;
                if let Some(bytes) = self.take_out(digest) {
                    return Some(bytes);
                }
            }
            if self.under_way.borrow().contains(&digest) {
                turn.step_aside();
                self.ended.notified().await;
            } else if self.is_refused.get() || self.asked.borrow().contains(&digest) {
                return None;
            } else if self.requests.get() >= MOST_REQUESTS {
                self.ended.notified().await;
            } else if !self.holds_much() {
                let now = (shared.surroundings.unix_time)();
                let some = some_of(digest, facts, tickets.ready(now).filter(|facts| !self.was_asked_for(facts)));
                if some.len() < LEAST_FILES {
                    return None;
                }
                self.bring(shared, tickets, &some).await;
            } else if self.takers.get() > 0 {
                self.taken.notified().await;
            } else {
                return None;
            }
        }
    }

    /// Requests some files, each with the number of transfers that need it.
    async fn bring(&self, shared: &Shared, tickets: &Tickets, some: &HashMap<Digest, (Facts, usize)>) {
        let _until_it_ends = UnderWay::begin(self, some.keys());
        match ask(shared, tickets, some.values().map(|(facts, _)| facts)).await {
            Ok(pack) => self.came.borrow_mut().extend(pack.members().filter_map(|(digest, bytes)| {
                let (_, takers) = some.get(&digest).filter(|(facts, _)| facts.size_bytes == bytes.len() as u64)?;
                Some((digest, (bytes.to_vec(), *takers)))
            })),
            // Whoever is away now is asked again; the file itself says what is wrong.
            Err(error) if !error.kind().is_temporary() || error.kind() == ErrorKind::Corrupt => self.is_refused.set(true),
            Err(_) => {}
        }
    }

    /// Takes what came for one transfer; files that are alike came once.
    fn take_out(&self, digest: Digest) -> Option<Vec<u8>> {
        let mut came = self.came.borrow_mut();
        let (bytes, takers) = came.get_mut(&digest)?;
        *takers = takers.saturating_sub(1);
        if *takers > 0 {
            return Some(bytes.clone());
        }
        came.remove(&digest).map(|(bytes, _)| bytes)
    }

    fn was_asked_for(&self, facts: &Facts) -> bool {
        facts.sha256.is_some_and(|digest| self.asked.borrow().contains(&digest))
    }

    /// Tells whether much came of which its transfers have taken nothing yet.
    fn holds_much(&self) -> bool {
        self.came.borrow().values().map(|(bytes, _)| bytes.len()).sum::<usize>() as u64 > MOST_BYTES
    }
}

/// A transfer that is about to take what came for it, until this is dropped: when it has it, or is cancelled.
struct Taking<'a>(&'a Packs);

impl<'a> Taking<'a> {
    fn begin(packs: &'a Packs) -> Self {
        packs.takers.set(packs.takers.get() + 1);
        Self(packs)
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.0.takers.set(self.0.takers.get() - 1);
        self.0.taken.notify_waiters();
    }
}

/// A request that is under way, until it is dropped: at its end, or when its transfer is cancelled.
struct UnderWay<'a> {
    packs: &'a Packs,
    digests: Vec<Digest>,
    _counted: Counted<'a>,
}

impl<'a> UnderWay<'a> {
    fn begin<'d>(packs: &'a Packs, digests: impl Iterator<Item = &'d Digest>) -> Self {
        let digests: Vec<Digest> = digests.copied().collect();
        packs.asked.borrow_mut().extend(&digests);
        packs.under_way.borrow_mut().extend(&digests);
        Self { packs, digests, _counted: Counted::among(&packs.requests) }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.packs.under_way.borrow_mut().retain(|digest| !self.digests.contains(digest));
        self.packs.ended.notify_waiters();
    }
}

fn is_small(facts: &Facts) -> bool {
    (1..=SMALL_BYTES).contains(&facts.size_bytes)
}

/// Chooses the files of a pack, each with the number of transfers that need it: the first one, and others as far as they fit.
fn some_of(digest: Digest, first: &Facts, needed: impl Iterator<Item = Facts>) -> HashMap<Digest, (Facts, usize)> {
    let (mut some, mut bytes) = (HashMap::from([(digest, (first.clone(), 0))]), first.size_bytes);
    for facts in needed.filter(is_small) {
        let Some(digest) = facts.sha256 else { continue };
        if let Some((_, takers)) = some.get_mut(&digest) {
            *takers += 1;
        } else if some.len() < MOST_FILES && bytes + facts.size_bytes <= MOST_BYTES {
            bytes += facts.size_bytes;
            some.insert(digest, (facts, 1));
        }
    }
    some
}

async fn ask(shared: &Shared, tickets: &Tickets, some: impl Iterator<Item = &Facts>) -> Result<Pack> {
    let said: Vec<&str> = some.map(Facts::ticket).collect();
    let body = Secret::new(json!({ "tickets": said }).to_string());
    let request = Request::get(tickets.hub().page(["getfile", "pack"])).post(&body);
    let request = request.header("content-type", &Secret::new("application/json".to_owned()))?;
    let reply = shared.send(Pool::Main, request).await?;
    if reply.status().as_u16() != 200 || reply.is_page() {
        return Err(reply.error(ErrorKind::Unsupported, "no pack"));
    }
    let bytes = reply.bytes(MOST_PACK_BYTES, &shared.patience()).await?;
    Pack::parse(bytes).map_err(|error| Error::new(ErrorKind::Corrupt, "reading many files").source(error))
}

const FEATURE: &str = "pack";
/// Larger files are read alone.
const SMALL_BYTES: u64 = 256 << 10;
const MOST_BYTES: u64 = 2 << 20;
const MOST_FILES: usize = 64;
const LEAST_FILES: usize = 2;
/// Requests for packs at once.
const MOST_REQUESTS: usize = 2;

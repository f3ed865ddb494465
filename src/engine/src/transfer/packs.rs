//! Small files of which a hub that speaks filesync gives many in one body: each transfer takes its own from what came, by its digest.
//!
//! Invariant: only bytes that have the digest of a ticket are given out, and only once. A hub that gives no packs, or wrong ones, is not
//! asked again in this batch: then each file is read with its ticket.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::shared::Shared;
use super::ticket::{Facts, Tickets};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Pool, Request};
use crate::pack::{MOST_PACK_BYTES, Pack};
use crate::signature::Secret;

/// Packs of one hub.
#[derive(Default)]
pub(crate) struct Packs {
    /// Held during a request: all others wait for what comes.
    asking: tokio::sync::Mutex<()>,
    /// What came, and how many transfers have not taken it yet.
    came: RefCell<HashMap<Digest, (Vec<u8>, usize)>>,
    /// What was asked for, each once.
    asked: RefCell<HashSet<Digest>>,
    is_refused: Cell<bool>,
}

impl Packs {
    /// Returns the bytes of a file from a pack. None if it is too large for one or alone, or the hub gives none.
    pub(super) async fn take(&self, shared: &Shared, tickets: &Tickets, facts: &Facts) -> Option<Vec<u8>> {
        let digest = facts.sha256.filter(|_| is_small(facts))?;
        if !tickets.offers(FEATURE) {
            return None;
        }
        let _one_at_a_time = self.asking.lock().await;
        if let Some(bytes) = self.taken(digest) {
            return Some(bytes);
        }
        if self.is_refused.get() || self.asked.borrow().contains(&digest) || self.holds_much() {
            return None;
        }
        let now = (shared.surroundings.unix_time)();
        let some = some_of(digest, facts, tickets.ready(now).filter(|facts| !self.was_asked_for(facts)));
        if some.len() < LEAST_FILES {
            return None;
        }
        self.asked.borrow_mut().extend(some.keys());
        match ask(shared, tickets, some.values().map(|(facts, _)| facts)).await {
            Ok(pack) => self.came.borrow_mut().extend(pack.members().filter_map(|(digest, bytes)| {
                let (_, takers) = some.get(&digest)?;
                Some((digest, (bytes.to_vec(), *takers)))
            })),
            // Whoever is away now is asked again; the file itself says what is wrong.
            Err(error) => self.is_refused.set(!error.kind().is_temporary() || error.kind() == ErrorKind::Corrupt),
        }
        self.taken(digest)
    }

    /// Takes what came for one transfer; files that are alike came once.
    fn taken(&self, digest: Digest) -> Option<Vec<u8>> {
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

//! Small files of which a hub that speaks filesync gives many in one body: each transfer takes its own from what came, by its digest.
//!
//! One place of a batch asks for packs, for all transfers: those that wait for one keep their turns, and the request needs none. It
//! never waits for a transfer to take anything, so there is no circle: a transfer waits for a request, and a request for the hub.
//! Once a pack came, the next one is asked for while its files are written and published.
//!
//! Invariant: only bytes that have the digest of a ticket are given out. A hub that gives no packs, or wrong ones, is not asked again in
//! this batch: then each file is read with its ticket.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use serde_json::json;
use tokio::sync::Notify;

use super::shared::Shared;
use super::spec::TransferId;
use super::ticket::{Facts, LEAST_AHEAD, Tickets};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Pool, Request};
use crate::pack::{MOST_PACK_BYTES, Pack};
use crate::signature::Secret;

/// Packs of one hub.
#[derive(Default)]
pub(crate) struct Packs {
    state: RefCell<State>,
    wake_takers: Notify,
    wake_asker: Notify,
}

#[derive(Default)]
struct State {
    /// What transfers wait for and no request has named.
    needed: Vec<Needed>,
    /// What the request that is under way names.
    under_way: HashMap<Digest, Expected>,
    /// What came, and which transfers have not taken it yet.
    came: HashMap<Digest, (Vec<u8>, Takers)>,
    /// What no further request names.
    asked: HashSet<Digest>,
    trust: Trust,
}

type Takers = HashSet<TransferId>;

struct Needed {
    id: TransferId,
    digest: Digest,
    facts: Facts,
}

/// A file of the pack that is under way.
struct Expected {
    size_bytes: u64,
    takers: Takers,
    /// Whether a transfer waits for it, or only will.
    is_needed: bool,
}

/// What the last pack says of the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trust {
    #[default]
    Untried,
    /// It came, so that the next may be asked for before it is needed.
    Came,
    /// It did not come, for a reason that may pass: there is one more try, after this time.
    Failed {
        until: i64,
    },
    Refused,
}

impl Packs {
    /// Returns the bytes of a file from a pack. None if it is too large for one or alone, or the hub gives none.
    pub(super) async fn take(&self, tickets: &Tickets, id: TransferId, facts: &Facts) -> Option<Vec<u8>> {
        let digest = facts.sha256.filter(|_| is_small(facts))?;
        if !tickets.offers(FEATURE) {
            return None;
        }
        loop {
            // Made before the look, so that nothing comes unseen.
            let woken = self.wake_takers.notified();
            if let Some(bytes) = self.change(|state| state.take(digest, id)) {
                return Some(bytes).filter(|bytes| bytes.len() as u64 == facts.size_bytes);
            }
            if !self.state.borrow_mut().expect(id, digest, facts) {
                return None;
            }
            self.wake_asker.notify_one();
            woken.await;
        }
    }

    /// Gives up what a transfer has not taken: it has ended, or asks another hub.
    pub(super) fn leave(&self, id: TransferId) {
        self.change(|state| state.leave(id));
    }

    /// Asks for packs as transfers need them, and for the next one ahead.
    pub(super) async fn ask_for(&self, shared: &Shared, tickets: &Tickets) -> Infallible {
        loop {
            let now = (shared.surroundings.unix_time)();
            let is_offered = tickets.offers(FEATURE);
            let chosen = self.state.borrow_mut().choose(is_offered, now, |is_needed, visit| {
                tickets.ready(now, is_needed, visit);
            });
            // For what came, and those that are left out.
            self.wake_takers.notify_waiters();
            let Some(chosen) = chosen else {
                self.wake_asker.notified().await;
                continue;
            };
            let outcome = ask(shared, tickets, &chosen).await;
            self.state.borrow_mut().keep(outcome, (shared.surroundings.unix_time)());
        }
    }

    /// Tells that facts of more files are known.
    pub(super) fn note_facts(&self) {
        self.wake_asker.notify_one();
    }

    /// Changes the state; if much was held before and no longer is, another pack may be asked for.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.borrow_mut();
        let held_much = state.holds_much();
        let outcome = change(&mut state);
        if held_much && !state.holds_much() {
            self.wake_asker.notify_one();
        }
        outcome
    }
}

impl State {
    /// Returns the bytes for one transfer, and for the last one without a copy: files that are alike came once.
    fn take(&mut self, digest: Digest, id: TransferId) -> Option<Vec<u8>> {
        let (bytes, takers) = self.came.get_mut(&digest)?;
        takers.remove(&id);
        if !takers.is_empty() {
            return Some(bytes.clone());
        }
        self.came.remove(&digest).map(|(bytes, _)| bytes)
    }

    /// Tells whether a file comes in the pack that is under way, or may come in a later one.
    fn expect(&mut self, id: TransferId, digest: Digest, facts: &Facts) -> bool {
        if let Some(expected) = self.under_way.get_mut(&digest) {
            expected.takers.insert(id);
            expected.is_needed = true;
            return true;
        }
        if self.trust == Trust::Refused || self.asked.contains(&digest) {
            return false;
        }
        if !self.needed.iter().any(|needed| needed.id == id) {
            self.needed.push(Needed { id, digest, facts: facts.clone() });
        }
        true
    }

    fn leave(&mut self, id: TransferId) {
        self.needed.retain(|needed| needed.id != id);
        for expected in self.under_way.values_mut() {
            expected.takers.remove(&id);
        }
        self.came.retain(|_, (_, takers)| !(takers.remove(&id) && takers.is_empty()));
    }

    /// Chooses the files of the next pack: those that are needed, and others that will be, as far as they fit. None if there is none
    /// to ask for: then what is needed is left to be read alone.
    fn choose(
        &mut self,
        is_offered: bool,
        now: i64,
        ready: impl FnOnce(bool, &mut dyn FnMut(TransferId, &Facts) -> bool),
    ) -> Option<Vec<Facts>> {
        let needed = std::mem::take(&mut self.needed);
        let is_needed = !needed.is_empty();
        let may_ask = match self.trust {
            Trust::Untried => is_needed,
            Trust::Came => true,
            Trust::Failed { until } => is_needed && now >= until,
            Trust::Refused => false,
        };
        if !is_offered || !may_ask || self.holds_much() {
            self.asked.extend(needed.into_iter().map(|needed| needed.digest));
            return None;
        }
        let mut chosen = Chosen::default();
        for one in needed {
            if !chosen.add(one.id, one.digest, &one.facts, true) {
                self.needed.push(one);
            }
        }
        ready(is_needed, &mut |id, facts| {
            let wanted = facts.sha256.filter(|digest| is_small(facts) && !self.asked.contains(digest));
            wanted.is_none_or(|digest| chosen.add(id, digest, facts, false))
        });
        if !is_needed && !chosen.is_worth_asking_ahead() {
            return None;
        }
        self.asked.extend(chosen.expected.keys());
        if chosen.files.len() < LEAST_FILES {
            return None;
        }
        self.under_way = chosen.expected;
        Some(chosen.files)
    }

    fn keep(&mut self, outcome: Result<Pack>, now: i64) {
        let mut expected = std::mem::take(&mut self.under_way);
        match outcome {
            Ok(pack) => {
                self.trust = Trust::Came;
                for (digest, bytes) in pack.members() {
                    if let Some(one) = expected.remove(&digest)
                        && !one.takers.is_empty()
                        && one.size_bytes == bytes.len() as u64
                    {
                        self.came.insert(digest, (bytes.to_vec(), one.takers));
                    }
                }
            }
            Err(error) if !matches!(self.trust, Trust::Failed { .. }) && may_pass(&error) => {
                let pause = error.wait_seconds().unwrap_or_default().max(LEAST_PAUSE_SECONDS);
                self.trust = Trust::Failed { until: now.saturating_add_unsigned(pause) };
                // Who waits reads alone, and the file itself says what is wrong. The others may yet come in a pack.
                for (digest, _) in expected.iter().filter(|(_, one)| !one.is_needed) {
                    self.asked.remove(digest);
                }
            }
            Err(_) => self.trust = Trust::Refused,
        }
    }

    /// Tells whether much came that its transfers have not taken yet.
    fn holds_much(&self) -> bool {
        self.came.values().map(|(bytes, _)| bytes.len()).sum::<usize>() as u64 > MOST_BYTES
    }
}

fn is_small(facts: &Facts) -> bool {
    (1..=SMALL_BYTES).contains(&facts.size_bytes)
}

/// Tells whether a hub that did not give a pack may give another: it is away, or tickets ended and files changed meanwhile.
fn may_pass(error: &Error) -> bool {
    let is_of_its_files = matches!(error.http_status(), Some(401 | 412));
    is_of_its_files || (error.kind().is_temporary() && error.kind() != ErrorKind::Corrupt)
}

/// The files of a pack.
#[derive(Default)]
struct Chosen {
    files: Vec<Facts>,
    bytes: u64,
    expected: HashMap<Digest, Expected>,
    /// Whether another file did not fit.
    is_full: bool,
}

impl Chosen {
    /// Adds a file for a transfer; false if it does not fit.
    fn add(&mut self, id: TransferId, digest: Digest, facts: &Facts, is_needed: bool) -> bool {
        if let Some(expected) = self.expected.get_mut(&digest) {
            expected.takers.insert(id);
            expected.is_needed |= is_needed;
            return true;
        }
        if self.files.len() == MOST_FILES || self.bytes + facts.size_bytes > MOST_BYTES {
            self.is_full = true;
            return false;
        }
        let size_bytes = facts.size_bytes;
        self.bytes += size_bytes;
        self.files.push(facts.clone());
        self.expected.insert(digest, Expected { size_bytes, takers: Takers::from([id]), is_needed });
        true
    }

    /// Tells whether there is so much of it that it does not wait for more.
    fn is_worth_asking_ahead(&self) -> bool {
        self.is_full || self.files.len() >= LEAST_AHEAD
    }
}

async fn ask(shared: &Shared, tickets: &Tickets, files: &[Facts]) -> Result<Pack> {
    let said: Vec<&str> = files.iter().map(Facts::ticket).collect();
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
/// After a pack that did not come.
const LEAST_PAUSE_SECONDS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::PackWriter;

    fn bytes(id: TransferId, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        bytes[..8].copy_from_slice(&id.to_le_bytes());
        bytes
    }

    fn facts(id: TransferId, size: usize) -> Facts {
        Facts::of_test(size as u64, Digest::of(&bytes(id, size)))
    }

    /// A hub's state and the transfers of files of one size that still need theirs.
    struct Test {
        state: State,
        size: usize,
        known: Vec<TransferId>,
        now: i64,
    }

    impl Test {
        fn of(size: usize, known: std::ops::Range<TransferId>) -> Self {
            Self { state: State::default(), size, known: known.collect(), now: 0 }
        }

        fn digest(&self, id: TransferId) -> Digest {
            Digest::of(&bytes(id, self.size))
        }

        fn expect(&mut self, id: TransferId) -> bool {
            let digest = self.digest(id);
            self.state.expect(id, digest, &facts(id, self.size))
        }

        fn choose(&mut self) -> Option<usize> {
            let (known, size) = (&self.known, self.size);
            let chosen = self.state.choose(true, self.now, |_, visit| {
                let _ = known.iter().all(|id| visit(*id, &facts(*id, size)));
            });
            chosen.map(|files| files.len())
        }

        /// Lets the pack come that is under way.
        fn come(&mut self) {
            let mut writer = PackWriter::default();
            for id in &self.known {
                if self.state.under_way.contains_key(&self.digest(*id)) {
                    writer.add(&bytes(*id, self.size)).unwrap();
                }
            }
            self.state.keep(Pack::parse(writer.end()), self.now);
        }

        fn take(&mut self, ids: std::ops::Range<TransferId>) -> usize {
            ids.filter(|id| self.state.take(self.digest(*id), *id).is_some_and(|taken| taken == bytes(*id, self.size))).count()
        }
    }

    #[test]
    fn ahead_many_files_are_asked_for_and_only_after_a_pack_that_was_needed_came() {
        let mut test = Test::of(1000, 0..95);
        assert_eq!(test.choose(), None, "nobody needs one");
        assert!(test.expect(0));
        assert_eq!(test.choose(), Some(64));
        assert!(test.expect(63), "it is under way");
        test.come();
        assert_eq!((test.choose(), test.take(0..95)), (None, 64), "31 are not many");
        test.known.push(95);
        assert_eq!(test.choose(), Some(32));
        test.come();
        assert!(!test.expect(1), "what was taken does not come again");
        assert_eq!((test.choose(), test.take(64..96)), (None, 32));
    }

    #[test]
    fn a_hub_that_no_longer_offers_packs_is_asked_for_none() {
        let mut test = Test::of(1000, 0..100);
        assert!(test.expect(0));
        assert_eq!(test.state.choose(false, 0, |_, _| unreachable!()).map(|files| files.len()), None);
        assert!(!test.expect(0), "it is read alone");
    }

    #[test]
    fn who_needs_one_waits_for_no_other_to_take_theirs() {
        let mut test = Test::of(100_000, 0..100);
        assert!(test.expect(0));
        assert_eq!(test.choose(), Some(20));
        test.come();
        assert_eq!(test.choose(), Some(20), "ahead, as little is held");
        test.come();
        assert_eq!(test.choose(), None, "much is held");
        assert!(test.expect(90));
        assert_eq!(test.choose(), None);
        assert!(!test.expect(90), "it is read alone");
        assert_eq!((test.take(0..20), test.choose()), (20, Some(20)));
    }

    #[test]
    fn what_does_not_fit_comes_in_the_next_one() {
        let mut test = Test::of(200_000, 0..25);
        for id in 0..25 {
            assert!(test.expect(id));
        }
        let mut packs = Vec::new();
        while let Some(count) = test.choose() {
            test.come();
            packs.push((count, test.take(0..25)));
        }
        assert_eq!(packs, [(10, 10), (10, 10), (5, 5)]);
    }

    #[test]
    fn a_file_alone_and_files_of_a_failed_pack_are_read_alone() {
        let mut test = Test::of(1000, 0..1);
        assert!(test.expect(0));
        assert_eq!((test.choose(), test.expect(0)), (None, false));

        for (failure, may_come) in [
            (Error::new(ErrorKind::Network, ""), true),
            (Error::new(ErrorKind::Refused, "").status(412), true),
            (Error::new(ErrorKind::Refused, "").status(403), false),
            (Error::new(ErrorKind::Corrupt, ""), false),
        ] {
            let mut test = Test::of(1000, 0..200);
            assert!(test.expect(0));
            assert_eq!(test.choose(), Some(64));
            assert!(test.expect(1));
            test.state.keep(Err(failure), test.now);
            assert!(!test.expect(0) && !test.expect(1), "who waited reads alone");
            assert_eq!(test.choose(), None, "none ahead");
            assert_eq!(test.expect(2), may_come);
            if may_come {
                assert_eq!((test.choose(), test.expect(2)), (None, false), "it rests a little");
                test.now = 10;
                assert!(test.expect(3));
                assert_eq!(test.choose(), Some(64));
                test.state.keep(Err(Error::new(ErrorKind::Network, "")), test.now);
                assert!(!test.expect(150), "twice is enough");
            }
        }
    }

    #[test]
    fn a_member_of_another_size_than_stated_is_not_kept() {
        let mut test = Test::of(1000, 0..3);
        let digest = test.digest(2);
        assert!(test.expect(0) && test.state.expect(2, digest, &Facts::of_test(1, digest)));
        assert_eq!(test.choose(), Some(3));
        test.come();
        assert_eq!((test.state.came.len(), test.take(2..3)), (2, 0));
    }

    #[test]
    fn files_that_are_alike_come_once_and_each_transfer_has_them() {
        let mut test = Test::of(1000, 0..3);
        let (same, digest) = (facts(7, 1000), test.digest(7));
        assert!(test.state.expect(7, digest, &same) && test.state.expect(8, digest, &same) && test.expect(0));
        assert_eq!(test.choose(), Some(4));
        assert!(test.state.expect(9, digest, &same), "one that joins while it is under way");
        test.known = vec![0, 7];
        test.come();
        assert_eq!([7, 8].map(|id| test.state.take(digest, id).is_some()), [true, true]);
        assert!(test.state.take(digest, 9).is_some() && test.state.take(digest, 10).is_none());
        assert_eq!(test.state.came.len(), 1, "the other file's");
    }

    #[test]
    fn nothing_is_kept_for_transfers_that_left() {
        let mut test = Test::of(100_000, 0..60);
        assert!(test.expect(0) && test.expect(1));
        test.state.leave(1);
        assert_eq!(test.choose(), Some(20));
        test.state.leave(2);
        test.come();
        assert_eq!(test.state.came.len(), 19);
        for id in 0..20 {
            test.state.leave(id);
        }
        assert!(test.state.came.is_empty() && test.state.needed.is_empty());
    }
}

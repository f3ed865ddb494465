//! Facts and tickets of a hub that speaks filesync: one signed request for many files, then reads with the ticket.
//!
//! Invariant: a ticket is a secret of the batch, sent only to the hub that gave it. A hub's statement is only a claim until the
//! bytes have the digest. A hub that violates the protocol is not asked again in this batch; the stock rungs follow.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;

use super::chunks::Chunk;
use super::reply::{MAX_EDITED_BYTES, brought_range, missing_row};
use super::report::{Peer, RungState};
use super::shared::{Shared, ready};
use super::spec::TransferId;
use crate::body::{FileReply, TicketReply};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::getfile::{self, HubUrl};
use crate::http::{Pool, Reply, Request};
use crate::signature::Secret;

/// A file, or one scale of a photo, among the clones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct FileKey {
    pub(crate) hash: String,
    pub(crate) scale: u8,
}

/// A hub's statement about its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) size_bytes: u64,
    pub(crate) edited: String,
    /// None while the hub still computes it.
    pub(crate) sha256: Option<Digest>,
    etag: String,
    ticket: Secret,
}

impl Facts {
    /// Returns the ticket, to be sent to its hub.
    pub(crate) fn ticket(&self) -> &str {
        self.ticket.reveal()
    }

    #[cfg(test)]
    pub(crate) fn of_test(size_bytes: u64, sha256: Digest) -> Self {
        let (edited, etag, ticket) = (String::new(), String::new(), Secret::new(String::new()));
        Self { size_bytes, edited, sha256: Some(sha256), etag, ticket }
    }

    pub(crate) fn same_version(&self, other: &Self) -> bool {
        (self.size_bytes, &self.edited, &self.etag) == (other.size_bytes, &other.edited, &other.etag)
    }
}

/// What a transfer may request.
pub(crate) struct Wanted {
    pub(crate) key: FileKey,
    /// Digest of the bytes that the caller has already.
    pub(crate) have_sha256: Option<Digest>,
    /// Whether files of the store may have the bytes.
    pub(crate) has_copies: bool,
    /// The hubs that are asked before this one.
    pub(crate) earlier: Vec<Away>,
}

/// Whether a hub was out of reach when it was last asked.
pub(crate) type Away = Rc<Cell<bool>>;

impl Wanted {
    /// Tells whether this hub will be asked, as far as can be told before the others have answered.
    fn is_from_here(&self) -> bool {
        self.earlier.iter().all(|away| away.get())
    }
}

#[derive(Clone)]
enum Answer {
    Ready(Facts),
    Missing,
    Unavailable { retry_after_seconds: Option<u64> },
}

/// A batch's knowledge of one hub's filesync.
pub(crate) struct Tickets {
    hub: HubUrl,
    rung: Cell<RungState>,
    reason: RefCell<Option<String>>,
    /// The reason for giving up the rung says nothing about the hub's filesync: it was unreachable, or does not know this channel.
    says_nothing: Cell<bool>,
    /// How long the batch has waited, at the hub's request, since it last gave tickets, and how often.
    waited: Cell<Duration>,
    pauses: Cell<u32>,
    /// The time before which it is not asked again.
    not_before: Cell<i64>,
    /// Held during a request: all others wait for its answers.
    asking: tokio::sync::Mutex<()>,
    /// Files that transfers of the batch will request from this hub.
    wanted: RefCell<BTreeMap<TransferId, Wanted>>,
    /// Answers and the time until which they are valid.
    known: RefCell<HashMap<FileKey, (Answer, i64)>>,
    version: RefCell<Option<String>>,
    features: RefCell<Vec<String>>,
    skew_seconds: Cell<Option<i64>>,
    corrects_time: Cell<bool>,
    /// Whether it may be asked ahead of a transfer's turn: it gave the last answers.
    goes_well: Cell<bool>,
    /// Wakes who asks ahead: more files are wanted, or fewer are known.
    changed: Notify,
    /// Transfers whose packet gives another digest than the hub does.
    disputed: RefCell<HashSet<TransferId>>,
}

#[derive(Serialize)]
struct TicketRequest<'a> {
    filesync: u32,
    channel: &'a str,
    key_id: &'a str,
    time: i64,
    nonce: String,
    files: &'a [FileKey],
}

fn answer(file: FileReply) -> Option<Answer> {
    Some(match file.state.as_str() {
        "missing" => Answer::Missing,
        "unavailable" => Answer::Unavailable { retry_after_seconds: file.retry_after },
        "ready" => Answer::Ready(Facts {
            size_bytes: file.size?,
            edited: file.edited.filter(|text| text.len() <= MAX_EDITED_BYTES)?,
            sha256: file.sha256,
            etag: file.etag?,
            ticket: file.ticket.filter(|text| is_header_value(text)).map(Secret::new)?,
        }),
        _ => return None,
    })
}

impl Tickets {
    pub(crate) fn new(hub: HubUrl, allowed: bool) -> Self {
        Self {
            hub,
            rung: Cell::new(if allowed { RungState::Untried } else { RungState::Refused }),
            reason: RefCell::default(),
            says_nothing: Cell::default(),
            waited: Cell::default(),
            pauses: Cell::default(),
            not_before: Cell::default(),
            asking: tokio::sync::Mutex::default(),
            wanted: RefCell::default(),
            known: RefCell::default(),
            version: RefCell::default(),
            features: RefCell::default(),
            skew_seconds: Cell::default(),
            corrects_time: Cell::default(),
            goes_well: Cell::default(),
            changed: Notify::default(),
            disputed: RefCell::default(),
        }
    }

    /// Notes that a transfer will need a file, so that the next request includes it.
    pub(crate) fn want(&self, id: TransferId, wanted: Wanted) {
        if self.is_usable() {
            self.wanted.borrow_mut().insert(id, wanted);
            self.changed.notify_one();
        }
    }

    /// Forgets what was noted of a transfer's file: it has ended, or asks another hub.
    pub(crate) fn unwant(&self, id: TransferId, key: &FileKey) {
        self.wanted.borrow_mut().remove(&id);
        self.forget(key);
        self.changed.notify_one();
    }

    /// Forgets a transfer that has ended.
    pub(crate) fn end(&self, id: TransferId, key: &FileKey) {
        self.disputed.borrow_mut().remove(&id);
        self.unwant(id, key);
    }

    /// Forgets the statement about a file, so that it is requested again.
    pub(crate) fn forget(&self, key: &FileKey) {
        self.known.borrow_mut().remove(key);
    }

    /// Notes that the hub and the packet mean different bytes.
    pub(crate) fn dispute(&self, id: TransferId) {
        self.disputed.borrow_mut().insert(id);
    }

    /// Tells whether the hub and the packet mean different bytes.
    pub(crate) fn disputes(&self, id: TransferId) -> bool {
        self.disputed.borrow().contains(&id)
    }

    pub(crate) fn hub(&self) -> &HubUrl {
        &self.hub
    }

    /// Tells whether the hub said that it has a feature.
    pub(crate) fn offers(&self, feature: &str) -> bool {
        self.features.borrow().iter().any(|name| name == feature)
    }

    /// Visits what is known of the files that transfers of the batch need from this hub, in the order of adding, until a visit
    /// returns false. Unless something of them is needed at once, those that may be in the store are left out.
    pub(crate) fn ready(&self, now: i64, is_needed: bool, visit: &mut dyn FnMut(TransferId, &Facts) -> bool) {
        let (wanted, known) = (self.wanted.borrow(), self.known.borrow());
        let ours = wanted.iter().filter(|(_, wanted)| wanted.is_from_here() && (is_needed || !wanted.has_copies));
        for (id, wanted) in ours {
            if let Some((Answer::Ready(facts), until)) = known.get(&wanted.key)
                && now < *until
                && (facts.sha256.is_none() || facts.sha256 != wanted.have_sha256)
                && !visit(*id, facts)
            {
                return;
            }
        }
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.rung.get() != RungState::Refused
    }

    /// Gives the rung up for this batch.
    pub(crate) fn refuse(&self, error: &Error) {
        let is_untried = self.rung.get() == RungState::Untried;
        self.says_nothing.set(is_untried && (error.kind() == ErrorKind::Network || is_about_the_channel(error)));
        self.rung.set(RungState::Refused);
        self.reason.replace(Some(error.to_string()));
        self.wanted.take();
        self.known.take();
    }

    pub(crate) fn peer(&self) -> Peer {
        Peer {
            state: if self.says_nothing.get() { RungState::Untried } else { self.rung.get() },
            reason: self.reason.borrow().clone(),
            version: self.version.borrow().clone(),
            features: self.features.borrow().clone(),
            skew_seconds: self.skew_seconds.get(),
        }
    }

    /// Returns the hub's statement about a file, together with a ticket; none if it does not speak filesync.
    ///
    /// # Errors
    ///
    /// `NotFound` if it does not have the file; `PeerBusy` if it cannot give it now.
    pub(crate) async fn facts(&self, shared: &Shared, key: &FileKey) -> Result<Option<Facts>> {
        let now = (shared.surroundings.unix_time)();
        if self.is_usable()
            && let Some(Answer::Ready(facts)) = self.known(key, now)
        {
            return Ok(Some(facts));
        }
        let _one_at_a_time = self.asking.lock().await;
        let now = (shared.surroundings.unix_time)();
        let mut answer = self.known(key, now).filter(|_| self.is_usable());
        if answer.is_none() && self.is_usable() {
            let outcome = self.ask_patiently(shared, &self.to_ask(key, now)).await;
            self.goes_well.set(outcome.is_ok());
            self.changed.notify_one();
            match outcome {
                Ok(()) => answer = self.known(key, now),
                Err(error) if matches!(error.kind(), ErrorKind::PeerBusy | ErrorKind::InvalidInput) => return Err(error),
                Err(error) => self.refuse(&error),
            }
        }
        match answer {
            None => Ok(None),
            Some(Answer::Ready(facts)) => Ok(Some(facts)),
            Some(Answer::Missing) => Err(missing_row(&self.hub)),
            Some(Answer::Unavailable { retry_after_seconds }) => Err(Error::new(ErrorKind::PeerBusy, "asking for a ticket")
                .context("hub", &self.hub)
                .context("fault", "its bytes are incomplete there")
                .retry_after_seconds(retry_after_seconds)),
        }
    }

    /// Asks for facts ahead of the transfers' turns, as long as few are known. A failure is the next transfer's, which asks again.
    pub(crate) async fn ask_ahead(&self, shared: &Shared, known_more: impl Fn()) -> Infallible {
        loop {
            if self.next_ahead(shared).is_none() {
                self.changed.notified().await;
                continue;
            }
            let _one_at_a_time = self.asking.lock().await;
            // A transfer may have asked meanwhile.
            let Some(files) = self.next_ahead(shared) else { continue };
            let outcome = self.ask(shared, &files).await;
            self.goes_well.set(outcome.is_ok());
            // The first one's transfer may have ended meanwhile, and nobody else would forget it.
            if let Some(first) = files.first().filter(|first| !self.is_wanted(first)) {
                self.forget(first);
            }
            known_more();
        }
    }

    fn is_wanted(&self, key: &FileKey) -> bool {
        self.wanted.borrow().values().any(|wanted| wanted.key == *key)
    }

    /// Returns the files to ask for ahead: only if they are many, so that few requests are made.
    fn next_ahead(&self, shared: &Shared) -> Option<Vec<FileKey>> {
        let (wanted, known) = (self.wanted.borrow(), self.known.borrow());
        let may_ask = self.is_usable() && self.goes_well.get() && known.len() + MAX_FILES <= MOST_KNOWN;
        if !may_ask || wanted.len() < LEAST_AHEAD || (shared.surroundings.unix_time)() < self.not_before.get() {
            return None;
        }
        let unknown = wanted.values().filter(|wanted| wanted.is_from_here() && !known.contains_key(&wanted.key));
        let mut files: Vec<FileKey> = Vec::new();
        for Wanted { key, .. } in unknown {
            if files.len() == MAX_FILES {
                break;
            }
            if !files.contains(key) {
                files.push(key.clone());
            }
        }
        (files.len() >= LEAST_AHEAD).then_some(files)
    }

    /// Requests facts and tickets, repeatedly for a while if the hub asks for a later retry.
    async fn ask_patiently(&self, shared: &Shared, files: &[FileKey]) -> Result<()> {
        loop {
            let now = (shared.surroundings.unix_time)();
            if now < self.not_before.get() {
                let seconds = self.not_before.get().abs_diff(now);
                return Err(asked_too_much(&self.hub).retry_after_seconds(Some(seconds)));
            }
            let answer = self.ask(shared, files).await;
            let Err(error) = answer.as_ref() else {
                self.waited.take();
                self.pauses.take();
                return answer;
            };
            if error.kind() != ErrorKind::PeerBusy || error.http_status() != Some(TOO_MANY_REQUESTS) {
                return answer;
            }
            let asked_for = error.wait_seconds().unwrap_or(LEAST_REST_SECONDS);
            let pause = Duration::from_secs(asked_for).max(shared.limits.restart_pause * (1 << self.pauses.get().min(8)));
            if self.waited.get().saturating_add(pause) > MAX_WAITED {
                let rest = asked_for.max(LEAST_REST_SECONDS);
                self.not_before.set(now.saturating_add_unsigned(rest));
                return Err(asked_too_much(&self.hub).retry_after_seconds(Some(rest)));
            }
            self.pauses.set(self.pauses.get() + 1);
            self.waited.set(self.waited.get().saturating_add(pause));
            tokio::time::sleep(pause).await;
        }
    }

    /// Requests facts and tickets, again if the clocks differ. `PeerBusy` means later; any other error means that the hub does
    /// not speak filesync with us.
    async fn ask(&self, shared: &Shared, files: &[FileKey]) -> Result<()> {
        let (reply, own_time) = match self.ask_once(shared, files).await? {
            (reply, own_time) if reply.error.as_deref() == Some("clock") => {
                let skew = reply.time.unwrap_or(own_time).saturating_sub(own_time);
                if skew.unsigned_abs() > MAX_SKEW_SECONDS {
                    return Err(Error::new(ErrorKind::Refused, "asking for tickets")
                        .context("hub", &self.hub)
                        .context("fault", "its clock and ours differ too much")
                        .context("own_unix_time", own_time)
                        .context("hub_unix_time", own_time.saturating_add(skew))
                        .context("difference_seconds", skew)
                        .context("limit_seconds", MAX_SKEW_SECONDS)
                        .context("remedy", "set both clocks, for example with NTP"));
                }
                self.corrects_time.set(true);
                self.ask_once(shared, files).await?
            }
            first => first,
        };
        if !self.is_usable() {
            // It was given up meanwhile.
            return Ok(());
        }
        let refused = |kind, fault: &str| {
            Error::new(kind, "asking for tickets").context("hub", &self.hub).context("fault", fault.escape_debug())
        };
        if let Some(code) = &reply.error {
            let error = refused(ErrorKind::Refused, &code.chars().take(40).collect::<String>());
            return Err(if code == UNKNOWN_HERE { error.context(ABOUT, "channel") } else { error });
        }
        if !self.keep(reply, files, own_time) {
            return Err(refused(ErrorKind::Unsupported, "an answer to something else"));
        }
        self.rung.set(RungState::Open);
        Ok(())
    }

    async fn ask_once(&self, shared: &Shared, files: &[FileKey]) -> Result<(TicketReply, i64)> {
        let surroundings = &shared.surroundings;
        let own_time = (surroundings.unix_time)();
        let correction = self.skew_seconds.get().filter(|_| self.corrects_time.get()).unwrap_or(0);
        let identity = shared.identity()?;
        let request = TicketRequest {
            filesync: getfile::VERSION,
            channel: &identity.channel_hash,
            key_id: &identity.key_id,
            time: own_time.saturating_add(correction),
            nonce: format!("{:016x}{:016x}", (surroundings.random)(), (surroundings.random)()),
            files,
        };
        let body = serde_json::to_string(&request)
            .map_err(|error| Error::new(ErrorKind::InvalidInput, "asking for tickets").source(error))?;
        let signed = getfile::ticket_request(identity, &self.hub, body)?;
        let reply = shared.send(Pool::Main, ready(signed)?.keep_errors()).await?;
        let (unknown, wait) = (reply.error(ErrorKind::Unsupported, "it does not speak filesync"), reply.wait_seconds());
        let busy = reply.error(ErrorKind::PeerBusy, "no tickets now").retry_after_seconds(wait);
        let body = reply.bytes(shared.limits.max_reply_bytes, &shared.patience()).await?;
        let reply = TicketReply::parse(&body).ok_or(unknown)?;
        if reply.error.as_deref() == Some("busy") {
            return Err(busy);
        }
        if let Some(time) = reply.time {
            self.skew_seconds.set(Some(time.saturating_sub(own_time)));
        }
        Ok((reply, own_time))
    }

    /// Requests a range with a ticket; returns the reply and its range, which is the whole file if a server
    /// ignores ranges.
    ///
    /// # Errors
    ///
    /// According to the reply; `Refused` if it is neither a range nor the whole file, `Corrupt` if it is an unusable range.
    pub(crate) async fn range(&self, shared: &Shared, hash: &str, facts: &Facts, range: &Chunk) -> Result<(Reply, Chunk)> {
        let request = Request::get(self.hub.page(["getfile", hash]))
            .header("filesync-ticket", &facts.ticket)?
            .range(range.start, range.end - 1)?;
        let reply = shared.send(Pool::Main, request).await?;
        match reply.status().as_u16() {
            206 => brought_range(reply, range, facts.size_bytes),
            200 if reply.length() == Some(facts.size_bytes) => Ok((reply, 0..facts.size_bytes)),
            _ => Err(reply.error(ErrorKind::Refused, "neither the requested range nor the file")),
        }
    }

    fn known(&self, key: &FileKey, now: i64) -> Option<Answer> {
        self.known.borrow().get(key).filter(|(_, until)| now < *until).map(|(answer, _)| answer.clone())
    }

    /// Returns the file and the next ones that will be needed and are not known yet.
    fn to_ask(&self, key: &FileKey, now: i64) -> Vec<FileKey> {
        let (wanted, known) = (self.wanted.borrow(), self.known.borrow());
        let mut files = vec![key.clone()];
        for Wanted { key: next, .. } in wanted.values() {
            if files.len() == MAX_FILES {
                break;
            }
            if known.get(next).is_none_or(|(_, until)| now >= *until) && !files.contains(next) {
                files.push(next.clone());
            }
        }
        files
    }

    /// Keeps the answers; false if they do not match the request.
    fn keep(&self, reply: TicketReply, asked: &[FileKey], now: i64) -> bool {
        if reply.filesync != u64::from(getfile::VERSION) || reply.files.len() != asked.len() {
            return false;
        }
        let mut known = self.known.borrow_mut();
        let wanted = self.wanted.borrow();
        // Whoever asks comes first; transfers of the others may have ended meanwhile.
        let needed: HashSet<&FileKey> = wanted.values().map(|wanted| &wanted.key).chain(asked.first()).collect();
        let ticket_seconds = i64::from(reply.expires_in.min(MAX_TICKET_SECONDS)) - EXPIRY_MARGIN_SECONDS;
        for (file, key) in reply.files.into_iter().zip(asked) {
            let meant = file.hash == key.hash && file.scale == key.scale;
            let Some(answer) = answer(file).filter(|_| meant) else { return false };
            let seconds = if matches!(answer, Answer::Ready(_)) { ticket_seconds } else { NO_FILE_SECONDS };
            if needed.contains(key) {
                known.insert(key.clone(), (answer, now + seconds.max(1)));
            }
        }
        let short = |text: String| text.chars().filter(char::is_ascii_graphic).take(32).collect::<String>();
        self.version.replace(reply.version.map(short));
        self.features.replace(reply.features.into_iter().take(MAX_FEATURES).map(short).collect());
        true
    }
}

const MAX_FILES: usize = 64;
/// Ahead of any need, fewer are not asked for: facts or bytes.
pub(super) const LEAST_AHEAD: usize = MAX_FILES / 2;
/// So many answers may be known ahead of their use, or still be in use.
const MOST_KNOWN: usize = 4 * MAX_FILES;
const MAX_FEATURES: usize = 32;
const MAX_TICKET_SECONDS: u32 = 3600;
/// A ticket is not used in its last minute: the bytes must have begun to flow before it ends.
const EXPIRY_MARGIN_SECONDS: i64 = 60;
/// How long "missing" and "unavailable" are valid when a file was requested ahead of its turn.
const NO_FILE_SECONDS: i64 = 30;
/// How long to wait for a busy hub before its transfers are postponed.
const MAX_WAITED: Duration = Duration::from_secs(20);
/// The minimum pause, in seconds, before it is then asked again.
const LEAST_REST_SECONDS: u64 = 10;
/// The largest clock difference that is compensated.
const MAX_SKEW_SECONDS: u64 = 3600;
const TOO_MANY_REQUESTS: u16 = 429;
/// The answer of a hub whose filesync does not know the channel, or not our clone of it: it may still know other channels.
const UNKNOWN_HERE: &str = "unknown_requester";
const ABOUT: &str = "about";

fn is_about_the_channel(error: &Error) -> bool {
    error.facts().any(|fact| fact == (ABOUT, "channel"))
}

/// Builds the error for a hub that must not be asked for tickets just now. It does not count as a failure of the transfer.
fn asked_too_much(hub: &HubUrl) -> Error {
    Error::new(ErrorKind::PeerBusy, "asking for tickets")
        .context("hub", hub)
        .context("fault", "the hub wants to be asked a little later")
        .context("wait_is_no_failure", true)
}

fn is_header_value(text: &str) -> bool {
    (1..=4096).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_hub_is_asked_ahead_only_while_the_first_is_away() {
        let tickets = Tickets::new(HubUrl::parse("https://hub.example").unwrap(), true);
        let away = Away::default();
        for (id, earlier) in [(1, Vec::new()), (2, vec![Rc::clone(&away)]), (3, vec![Rc::clone(&away), Away::default()])] {
            let key = FileKey { hash: id.to_string(), scale: 0 };
            let facts = Facts::of_test(1000, Digest::of(id.to_string().as_bytes()));
            tickets.known.borrow_mut().insert(key.clone(), (Answer::Ready(facts), 10));
            tickets.want(id, Wanted { key, have_sha256: None, has_copies: false, earlier });
        }
        let ready = || {
            let mut ids = Vec::new();
            tickets.ready(0, false, &mut |id, _| {
                ids.push(id);
                true
            });
            ids
        };
        assert_eq!(ready(), [1]);
        away.set(true);
        assert_eq!(ready(), [1, 2]);
        away.set(false);
        assert_eq!(ready(), [1], "it is back");
    }
}

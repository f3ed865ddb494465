//! The reading door of a hub with filesync: what an owner's program asks it, and what it answers (`docs/reading-door.md`).
//!
//! Invariant: the key is sent to this hub alone. What the hub answers is bounded, and bytes count only with the digest that was asked
//! for.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::connection::{Channel, Connection, MAX_REPLY_BYTES};
use super::notes::Lack;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::head;
use crate::http::{Method, Reply, Request};
use crate::pack::{MOST_PACK_BYTES, Pack};
use crate::patience::{StallMeter, Stoppable};
use crate::signature::{PublicKey, Secret};
use crate::upload::Upload;

/// What a hub says of the doors that filesync opens there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doors {
    /// Its version of filesync.
    pub filesync: String,
    /// Whether owners can read their channels.
    pub is_readable: bool,
    /// The oldest and the newest protocol that it speaks.
    pub protocol: (u64, u64),
}

impl Doors {
    /// The protocol that is spoken here.
    pub const PROTOCOL: u64 = 1;

    /// Asks a hub; none if it has no filesync.
    ///
    /// # Errors
    ///
    /// As the reply or the line.
    pub fn of(connection: &Connection) -> Result<Option<Self>> {
        let reply = connection.wire().wait(exchange(connection, Request::get(address(connection, &[])), MOST_SMALL_BYTES));
        let (head, body) = match reply {
            Err(error) if error.kind() == ErrorKind::LimitExceeded => return Ok(None),
            outcome => outcome?,
        };
        if head.is_busy {
            return Err(Error::new(ErrorKind::PeerBusy, ASKING).context("status", head.status));
        }
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        let number = |name: &str| value.get("protocol").and_then(|protocol| protocol.get(name)).and_then(Value::as_u64);
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        // Anything else at this address is a hub without filesync.
        let (Some(filesync), Some(oldest), Some(newest)) = (text("filesync"), number("oldest"), number("newest")) else {
            return Ok(None);
        };
        Ok(Some(Self {
            filesync: filesync.chars().filter(char::is_ascii_graphic).take(40).collect(),
            is_readable: text("reading_door") == Some("open"),
            protocol: (oldest, newest),
        }))
    }
}

/// A channel's files as the hub lists them: [`Door::listing`].
#[derive(Deserialize)]
pub(crate) struct Listing {
    pub(crate) files: Vec<Listed>,
    /// Where to go on; none: that was all.
    pub(crate) after: Option<u64>,
}

/// A file or folder of a listing.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) hash: String,
    pub(crate) print: String,
    /// Of a file.
    pub(crate) size: Option<u64>,
    pub(crate) names: Vec<String>,
}

/// What the hub says of some files: [`Door::metadata`].
#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) files: Vec<Told>,
    /// Those that did not fit.
    pub(crate) left: Vec<String>,
}

/// What the hub says of one file or folder.
#[derive(Deserialize)]
pub(crate) struct Told {
    pub(crate) hash: String,
    /// As the hub wrote it, byte for byte.
    pub(crate) metadata: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) parts: Vec<Part>,
    #[serde(default)]
    pub(crate) lacks: Vec<Lack>,
    /// Why an earlier version is better.
    #[serde(default)]
    pub(crate) fault: String,
    /// Why it must be read again.
    #[serde(default)]
    pub(crate) again: String,
}

/// Bytes of a file.
#[derive(Clone, Deserialize)]
pub(crate) struct Part {
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) scale: u8,
    #[serde(default)]
    pub(crate) mimetype: String,
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
}

/// What the hub says of the set as a whole.
pub struct About {
    /// The channel.
    pub channel: Channel,
    /// How many files it has.
    pub files: u64,
    /// Their bytes, as their rows say.
    pub bytes: u64,
    /// All that was said, for `set.json`.
    pub(crate) said: Value,
}

/// Bytes that are asked for.
#[derive(Clone, Serialize)]
pub(crate) struct Wanted {
    pub(crate) hash: String,
    /// 0: the file itself; else that of a crop.
    pub(crate) scale: u8,
    pub(crate) sha256: Digest,
    #[serde(skip)]
    pub(crate) size: u64,
}

/// How a file's bytes arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    Whole,
    /// The hub has other bytes by now, or none.
    Gone,
    Stopped,
}

/// The reading door, with the key that opens it.
pub struct Door<'a> {
    connection: &'a Connection,
    key: Secret,
    /// How many questions may be under way.
    at_once: Cell<usize>,
    /// Files of one question for metadata.
    hashes: Portion,
    /// Bytes of one pack.
    packed: Portion,
}

/// How much is asked for at once: half of it after an answer that was cut on its way, twice as much after one that came whole.
struct Portion {
    now: Cell<u64>,
    most: u64,
}

/// The head of an answer.
pub(crate) struct Head {
    status: u16,
    pub(crate) is_success: bool,
    pub(crate) is_busy: bool,
    /// What `Filesync-Error` says.
    pub(crate) refusal: Option<String>,
    wait_seconds: Option<u64>,
}

const ASKING: &str = "asking the reading door";
/// Questions under way: a hub answers four.
const AT_ONCE: usize = 3;
/// Packs under way: each is in memory.
const PACKS_AT_ONCE: usize = 2;
/// Files of one question for metadata.
pub(crate) const MOST_HASHES: usize = 200;
const MOST_SMALL_BYTES: usize = 1 << 20;
/// Bytes after which what arrived is forced to disk.
const KEEP_BYTES: u64 = 16 << 20;
/// Refusals that mean that a file is no longer, or not for long, what was asked for.
const CHANGES: [&str; 2] = ["changed", "not_read_yet"];
/// What a member of a pack takes is a multiple of it, and one more.
const BLOCK: u64 = 512;
const MAX_PAUSES: u32 = 6;
const MOST_PAGES: u32 = 2;
const MOST_WAIT_SECONDS: u64 = 60;

impl<'a> Door<'a> {
    /// Prepares to ask with a key; asks nothing.
    pub fn new(connection: &'a Connection, key: Secret) -> Self {
        let (hashes, packed) = (Portion::new(MOST_HASHES as u64), Portion::new(MOST_PACK_BYTES as u64));
        Self { connection, key, at_once: Cell::new(AT_ONCE), hashes, packed }
    }

    pub(crate) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Asks what the set as a whole is.
    ///
    /// # Errors
    ///
    /// `Refused` with the code of the refusal; otherwise as the reply or the line.
    pub fn about(&self) -> Result<About> {
        let said: Value = read(&self.get("", &[])?)?;
        let text = |name: &str| {
            said.get("channel").and_then(|channel| channel.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let number = |name: &str| said.get(name).and_then(Value::as_u64).unwrap_or_default();
        let channel = Channel {
            nick: text("nick"),
            name: text("name"),
            hash: text("hash"),
            guid: text("guid"),
            key: text("key"),
            url: text("url"),
        };
        if channel.nick.is_empty() || channel.hash.is_empty() {
            return Err(wrong("it does not say which channel it shows"));
        }
        if channel.hash.contains('\n') || channel.url.is_empty() || PublicKey::from_pem(&channel.key).is_err() {
            return Err(wrong("it does not say by which key, or at which address, its channel is known"));
        }
        Ok(About { channel, files: number("files"), bytes: number("bytes"), said })
    }

    /// Lists the next files and folders.
    pub(crate) fn listing(&self, after: u64) -> Result<Listing> {
        let after = after.to_string();
        read(&self.get("files", &[("after", &after)])?)
    }

    /// Asks for the metadata of some files, in some questions at once; those that are left are to be asked for again.
    pub(crate) fn metadata(&self, hashes: &[String]) -> Result<Answer> {
        self.connection.wire().wait(async {
            let questions = hashes.chunks(MOST_HASHES).map(|some| self.metadata_of(some));
            let mut answers = pin!(stream::iter(questions).buffered(self.at_once.get()));
            let mut all = Answer { files: Vec::new(), left: Vec::new() };
            while let Some(answer) = answers.next().await {
                let answer = answer?;
                all.files.extend(answer.files);
                all.left.extend(answer.left);
            }
            Ok(all)
        })
    }

    async fn metadata_of(&self, hashes: &[String]) -> Result<Answer> {
        let asked = async |most: u64| {
            let (some, later) = hashes.split_at(hashes.len().min(usize::try_from(most).unwrap_or(usize::MAX)));
            let body = self.post("metadata", &serde_json::json!({ "hashes": some }), MAX_REPLY_BYTES).await?;
            let mut answer: Answer = read(&body)?;
            answer.left.extend_from_slice(later);
            Ok(answer)
        };
        self.ask_for(&self.hashes, asked).await
    }

    /// Asks for small files, some packs at once, and calls with what came for each pack in its turn: one, several where long answers
    /// are cut, none if the hub has none of its files any more.
    pub(crate) fn packs(&self, wanted: &[Vec<Wanted>], mut each: impl FnMut(usize, &[Pack]) -> Stoppable<()>) -> Stoppable<()> {
        self.connection.wire().wait(async {
            let at_once = self.at_once.get().min(PACKS_AT_ONCE);
            let mut packs = pin!(stream::iter(wanted).map(|some| self.pack(some)).buffered(at_once).enumerate());
            while let Some((at, came)) = packs.next().await {
                each(at, &came?)?;
            }
            Ok(())
        })
    }

    async fn pack(&self, wanted: &[Wanted]) -> Result<Vec<Pack>> {
        let (mut packs, mut rest) = (Vec::new(), wanted);
        while !rest.is_empty() {
            let asked = async |most: u64| {
                let (some, later) = rest.split_at(Wanted::that_fit(rest, most));
                match self.post("pack", &serde_json::json!({ "files": some }), MOST_PACK_BYTES).await {
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok((None, later)),
                    body => match Pack::parse(body?) {
                        Ok(pack) => Ok((Some(pack), later)),
                        Err(error) => Err(wrong("a pack that breaks a rule").source(error)),
                    },
                }
            };
            let (pack, later) = self.ask_for(&self.packed, asked).await?;
            packs.extend(pack);
            rest = later;
        }
        Ok(packs)
    }

    /// Brings a large file, from where it was interrupted. Asks now and then whether it shall stop.
    pub(crate) fn fetch(&self, wanted: &Wanted, upload: &mut Upload, mut must_stop: impl FnMut(u64) -> bool) -> Result<Fetched> {
        let mut pauses = 0;
        loop {
            let before = upload.length_bytes();
            let outcome = self.connection.wire().wait(self.stream(wanted, upload, &mut must_stop));
            upload.keep()?;
            match outcome {
                Err(error) if error.kind() == ErrorKind::NotFound || CHANGES.iter().any(|code| is_refusal(&error, code)) => {
                    return Ok(Fetched::Gone);
                }
                Err(error) if most_pauses(&error) > 0 => {
                    // Whoever gets on is not given up.
                    pauses = if upload.length_bytes() > before { 0 } else { pauses + 1 };
                    if pauses > most_pauses(&error) {
                        return Err(error);
                    }
                    std::thread::sleep(pause(pauses, error.wait_seconds()));
                    if must_stop(upload.length_bytes()) {
                        return Ok(Fetched::Stopped);
                    }
                }
                outcome => return outcome,
            }
        }
    }

    async fn stream(&self, wanted: &Wanted, upload: &mut Upload, must_stop: &mut impl FnMut(u64) -> bool) -> Result<Fetched> {
        const RECEIVING: &str = "receiving a file";
        if upload.is_whole() {
            return Ok(Fetched::Whole);
        }
        let offset = upload.length_bytes();
        let scale = wanted.scale.to_string();
        let url = address(self.connection, &["set", "bytes", &wanted.hash, &scale]);
        let tag = Secret::new(format!("\"{}\"", wanted.sha256));
        let request = self.keyed(Request::get(url))?.header("if-match", &tag)?.range(offset, wanted.size - 1)?.keep_errors();
        let mut reply = self.connection.wire().send(request).await?;
        let head = Head::of(&reply);
        if !head.is_success {
            return Err(head.error());
        }
        let first = match reply.status().as_u16() {
            206 => head::content_range(&reply.values("content-range")).map(|range| range.first),
            _ => Some(0),
        };
        if first != Some(offset) {
            return Err(reply.error(ErrorKind::Corrupt, "another range than was asked for"));
        }
        let patience = self.connection.wire().patience();
        let mut stall = StallMeter::start(&patience, wanted.size);
        let mut kept = offset;
        while let Some(piece) = reply.next(&mut stall, &patience).await? {
            upload.write(piece.as_ref())?;
            if upload.length_bytes() - kept >= KEEP_BYTES {
                kept = upload.keep()?;
            }
            if must_stop(upload.length_bytes()) {
                return Ok(Fetched::Stopped);
            }
        }
        if upload.is_whole() {
            return Ok(Fetched::Whole);
        }
        Err(Error::new(ErrorKind::Network, RECEIVING)
            .context("expected_bytes", wanted.size)
            .context("bytes", upload.length_bytes()))
    }

    /// Asks, again after a pause if the hub cannot answer now.
    fn get(&self, place: &str, query: &[(&str, &str)]) -> Result<Vec<u8>> {
        self.asked(self.place(place), query)
    }

    /// Asks at a place beneath the doors, as [`Door::get`] does.
    pub(crate) fn get_at(&self, names: &[&str], query: &[(&str, &str)]) -> Result<Vec<u8>> {
        self.asked(address(self.connection, names), query)
    }

    /// Asks with a question at a place beneath the doors, again after a pause if the hub cannot answer now.
    pub(crate) fn post_at(&self, names: &[&str], said: &Value) -> Result<Vec<u8>> {
        let url = address(self.connection, names);
        self.connection.wire().wait(again(async || self.post_to(url.clone(), said, MAX_REPLY_BYTES).await, |_| ()))
    }

    /// Gives up the pass that opens it. Best effort: it ends anyway.
    pub(crate) fn give_up(&self) {
        let request = Request::get(address(self.connection, &["channel", "pass"])).by(Method::DELETE);
        let _ = self.connection.wire().wait(self.once(request, MOST_SMALL_BYTES));
    }

    fn asked(&self, mut url: Url, query: &[(&str, &str)]) -> Result<Vec<u8>> {
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.connection.wire().wait(again(async || self.once(Request::get(url.clone()), MAX_REPLY_BYTES).await, |_| ()))
    }

    /// Asks for a portion, and after each answer that does not arrive for a smaller one.
    async fn ask_for<T>(&self, portion: &Portion, ask: impl AsyncFn(u64) -> Result<T>) -> Result<T> {
        let less = |error: &Error| {
            portion.halve();
            if error.kind() == ErrorKind::Network {
                // On a line that breaks, each answer is to be short.
                self.at_once.set(1);
            }
        };
        let outcome = again(async || ask(portion.now.get()).await, less).await;
        if outcome.is_ok() {
            portion.double();
        }
        outcome
    }

    async fn post(&self, place: &str, said: &Value, most_bytes: usize) -> Result<Vec<u8>> {
        self.post_to(self.place(place), said, most_bytes).await
    }

    async fn post_to(&self, url: Url, said: &Value, most_bytes: usize) -> Result<Vec<u8>> {
        let request = Request::get(url).post(&Secret::new(said.to_string()));
        self.once(request.header("content-type", &Secret::new("application/json".to_owned()))?, most_bytes).await
    }

    fn place(&self, place: &str) -> Url {
        let names: &[&str] = if place.is_empty() { &["set"] } else { &["set", place] };
        address(self.connection, names)
    }

    fn keyed(&self, request: Request) -> Result<Request> {
        // The other header is one that some web servers keep for themselves.
        request.header("filesync-key", &self.key)
    }

    async fn once(&self, request: Request, most_bytes: usize) -> Result<Vec<u8>> {
        let (head, body) = exchange(self.connection, self.keyed(request)?, most_bytes).await?;
        if head.is_success { Ok(body) } else { Err(head.error()) }
    }
}

impl Portion {
    fn new(most: u64) -> Self {
        Self { now: Cell::new(most), most }
    }

    fn halve(&self) {
        self.now.set((self.now.get() / 2).max(1));
    }

    fn double(&self) {
        self.now.set((self.now.get() * 2).min(self.most));
    }
}

impl Wanted {
    /// Returns how many of them, the first in any case, fit into a pack of so many bytes.
    fn that_fit(wanted: &[Self], most_bytes: u64) -> usize {
        let mut bytes = 0;
        let fit = wanted.iter().take_while(|one| {
            bytes += one.size.next_multiple_of(BLOCK) + BLOCK;
            bytes <= most_bytes
        });
        fit.count().max(1)
    }
}

impl Head {
    fn of(reply: &Reply) -> Self {
        let is_word =
            |word: &&str| (1..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let said = reply.values("filesync-error");
        let refusal = said.first().and_then(|word| std::str::from_utf8(word).ok()).map(str::trim).filter(is_word);
        let status = reply.status();
        Self {
            status: status.as_u16(),
            is_success: status.is_success() && refusal.is_none() && !reply.is_page(),
            is_busy: status.is_server_error() || matches!(status.as_u16(), 408 | 429),
            refusal: refusal.map(str::to_owned),
            wait_seconds: reply.wait_seconds(),
        }
    }

    /// Returns what a refusal means.
    pub(crate) fn error(&self) -> Error {
        let kind = match (self.refusal.as_deref(), self.status) {
            (Some("no_bytes"), _) => ErrorKind::NotFound,
            (Some("changed"), _) => ErrorKind::Corrupt,
            (Some(_), 401 | 403) => ErrorKind::Refused,
            (Some("too_many_requests" | "not_read_yet" | "body_cut" | "failed"), _) => ErrorKind::PeerBusy,
            (None, _) if self.is_busy => ErrorKind::PeerBusy,
            _ => ErrorKind::Unsupported,
        };
        // Without a word of the door, something else answers at its address.
        let code = self.refusal.as_deref().unwrap_or(if self.is_busy { "busy" } else { "no_door" });
        Error::new(kind, ASKING).status(self.status).context("code", code).retry_after_seconds(self.wait_seconds)
    }
}

/// Sends a request, and reads the whole answer.
pub(crate) async fn exchange(connection: &Connection, request: Request, most_bytes: usize) -> Result<(Head, Vec<u8>)> {
    let wire = connection.wire();
    let reply = wire.send(request.keep_errors()).await?;
    Ok((Head::of(&reply), reply.bytes(most_bytes, &wire.patience()).await?))
}

/// Returns the address of a place beneath the doors.
pub(crate) fn address(connection: &Connection, names: &[&str]) -> Url {
    connection.hub().page(["filesync", "v1"].into_iter().chain(names.iter().copied()))
}

/// Reads an answer.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| wrong("an answer of another form").source(error))
}

/// Says that the hub answers what the door never does.
pub(crate) fn wrong(fault: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, "reading what the door answers").context("code", "door_wrong").context("fault", fault)
}

fn is_refusal(error: &Error, code: &str) -> bool {
    error.facts().any(|fact| fact == ("code", code))
}

/// Tries, and again after a pause while the hub or the line is not ready; `before` is called before each further try.
async fn again<T>(ask: impl AsyncFn() -> Result<T>, before: impl Fn(&Error)) -> Result<T> {
    let mut pauses = 0;
    loop {
        match ask().await {
            Err(error) if pauses < most_pauses(&error) => {
                pauses += 1;
                tokio::time::sleep(pause(pauses, error.wait_seconds())).await;
                before(&error);
            }
            outcome => return outcome,
        }
    }
}

/// Returns how often something may fail so before it is given up.
fn most_pauses(error: &Error) -> u32 {
    match error.kind() {
        ErrorKind::Network | ErrorKind::PeerBusy => MAX_PAUSES,
        // A page in place of an answer: somebody on the way, or a hub that has no filesync any more.
        ErrorKind::Unsupported if error.http_status().is_some_and(|status| (200..300).contains(&status)) => MOST_PAGES,
        _ => 0,
    }
}

/// Returns how long to wait before the next try.
fn pause(count: u32, asked_seconds: Option<u64>) -> Duration {
    let own = Duration::from_millis(250 << count.min(6));
    let asked = asked_seconds.map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds.min(MOST_WAIT_SECONDS)));
    own.max(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_asked_for_where_answers_are_cut_and_more_where_they_arrive() {
        let portion = Portion::new(200);
        (0..3).for_each(|_| portion.halve());
        assert_eq!(portion.now.get(), 25);
        (0..5).for_each(|_| portion.double());
        assert_eq!(portion.now.get(), 200);
        (0..20).for_each(|_| portion.halve());
        assert_eq!(portion.now.get(), 1);
        let wanted = |size| Wanted { hash: "h".into(), scale: 0, sha256: Digest::of(b""), size };
        let all = [wanted(0), wanted(1), wanted(513), wanted(1 << 20)];
        assert_eq!(
            [511, 512, 1536, 3071, 3072, 1 << 20, 2 << 20].map(|most| Wanted::that_fit(&all, most)),
            [1, 1, 2, 2, 3, 3, 4]
        );
    }
}

//! What a drill restored, read back from outside: each file and crop by its digest, as its owner, and as somebody who is not logged in.
//!
//! Invariant: what is compared comes from the set here and from the hub's own front door; the hub's word about either is not believed. The
//! key of the door is sent to no page of the hub.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Door, MOST_PAUSES, Seen};
use super::restore::is_refused;
use super::watch::{Progress, Watch};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Method, Request};
use crate::patience::{Halt, Stoppable};
use crate::set::{Expected, Outgoing};
use crate::signature::Secret;

/// What is proven from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// The hub gives its owner the bytes of each file.
    Bytes,
    /// And calls it by its name.
    Names,
    /// The hub gives its owner the bytes of each crop.
    Crops,
    /// The hub gives strangers what everybody may see, and nothing else.
    Strangers,
}

/// What was seen by one kind of proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many are proven.
    pub proven: u64,
    /// How many are not.
    pub failed: u64,
    /// The first of those: names, and what was seen instead.
    pub named: Vec<(String, String)>,
}

/// What somebody outside saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Files that were read.
    pub files: u64,
    /// Bytes that should have come.
    pub bytes: u64,
    /// Files for everybody that strangers were not asked for, because the hub shows them nothing at all.
    pub closed: u64,
    /// Names that got a number there, because another one in the folder is the same without regard to case.
    pub numbered: u64,
    proofs: BTreeMap<Proof, Findings>,
}

const MOST_NAMED: usize = 20;
/// An answer that is not the file is a page: it has so many bytes more at most.
const MORE_BYTES: u64 = 1 << 20;
/// A ticket is used for so long.
const TICKET_AGE: Duration = Duration::from_mins(1);
const READING: &str = "reading back what a drill restored";
const OWNER: &str = "getfile";

impl Outside {
    /// Returns what was seen, by what it proves.
    pub fn proofs(&self) -> &BTreeMap<Proof, Findings> {
        &self.proofs
    }

    /// Tells whether nothing is left unproven.
    pub fn is_proven(&self) -> bool {
        self.proofs.values().all(|findings| findings.failed == 0)
    }

    /// Notes something: why it is not proven, or none.
    fn note(&mut self, proof: Proof, name: String, why: Option<String>) {
        let findings = self.proofs.entry(proof).or_default();
        let Some(why) = why else {
            findings.proven += 1;
            return;
        };
        findings.failed += 1;
        if findings.named.len() < MOST_NAMED {
            findings.named.push((name, why));
        }
    }
}

/// What opens the hidden channel's files for some minutes.
struct Ticket {
    hash: String,
    time: String,
    signature: Secret,
    cookie: Secret,
    since: Instant,
}

/// A file of the hidden channel.
struct Placed {
    hash: String,
    there: String,
    name: String,
}

struct Reading<'r> {
    door: &'r Door,
    session: &'r str,
    set: &'r Outgoing,
    watch: &'r mut dyn Watch,
    ticket: Ticket,
    all_files: u64,
    all_bytes: u64,
    seen: Outside,
}

/// Reads all files of a drill back; none if the hub took them away meanwhile.
pub(super) fn read_back(
    door: &Door,
    session: &str,
    set: &Outgoing,
    sample: &Value,
    watch: &mut dyn Watch,
) -> Stoppable<Option<Outside>> {
    let count = |name: &str| sample.get(name).and_then(Value::as_u64).unwrap_or_default();
    let is_gone = |error: &Error| is_refused(error, "not_readable");
    let outcome = (|| {
        let ticket = ticket(door, session, &*watch)?;
        let (all_files, all_bytes) = (count("files"), count("bytes"));
        let mut reading = Reading { door, session, set, watch, ticket, all_files, all_bytes, seen: Outside::default() };
        reading.all()?;
        Ok(reading.seen)
    })();
    match outcome {
        Err(Halt::Failed(error)) if is_gone(&error) => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// Tells the hub that all was read.
pub(super) fn end(door: &Door, session: &str, watch: &dyn Watch) -> Stoppable<()> {
    match door.ask(&Method::POST, &["restore", session, "read"], Some(&json!({})), &|| watch.must_stop()) {
        // An answer was lost.
        Err(Halt::Failed(error)) if is_refused(&error, "not_readable") => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

fn odd() -> Error {
    Error::new(ErrorKind::PeerBusy, READING).context("fault", "an answer that is not the door's")
}

fn ticket(door: &Door, session: &str, watch: &dyn Watch) -> Stoppable<Ticket> {
    let since = Instant::now();
    let answer = door.ask(&Method::POST, &["restore", session, "ticket"], Some(&json!({})), &|| watch.must_stop())?;
    let said = answer.said.unwrap_or_default();
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(odd);
    Ok(Ticket {
        hash: text("hash")?,
        time: text("time")?,
        signature: Secret::new(text("signature")?),
        cookie: Secret::new(text("cookie")?),
        since,
    })
}

impl Reading<'_> {
    fn all(&mut self) -> Stoppable<()> {
        let mut after = Some(0);
        while let Some(from) = after {
            let watch = &*self.watch;
            let place = ["restore", self.session, "placed"];
            let answer = self.door.ask(&Method::POST, &place, Some(&json!({ "after": from })), &|| watch.must_stop())?;
            let said = answer.said.unwrap_or_default();
            let has_access = said.get("access").and_then(Value::as_bool).unwrap_or_default();
            let is_closed = said.get("strangers").and_then(Value::as_str) == Some("closed");
            for placed in said.get("files").and_then(Value::as_array).ok_or_else(odd)? {
                self.file(&Placed::read(placed)?, has_access, is_closed)?;
            }
            after = said.get("after").and_then(Value::as_u64).filter(|next| *next > from);
        }
        Ok(())
    }

    fn file(&mut self, placed: &Placed, has_access: bool, is_closed: bool) -> Stoppable<()> {
        let Some(expected) = self.set.expected(&placed.hash)? else {
            self.seen.note(Proof::Bytes, placed.hash.clone(), Some("the set here does not say what it is".to_owned()));
            return Ok(());
        };
        let name = expected.names.join("/");
        for (scale, part) in &expected.parts {
            self.show(&name);
            let seen = self.as_owner(&placed.there, *scale, part.0)?;
            self.seen.bytes += part.0;
            let why = seen.as_ref().map_or_else(|why| Some(why.clone()), |seen| why_not(seen, *part));
            if *scale > 0 {
                self.seen.note(Proof::Crops, format!("{name}, scale {scale}"), why);
                continue;
            }
            self.seen.files += 1;
            if why.is_none() {
                self.name(placed, &expected, seen.ok().and_then(|seen| seen.name));
            }
            self.seen.note(Proof::Bytes, name.clone(), why);
        }
        let is_public = has_access && expected.is_public;
        if is_public && is_closed {
            self.seen.closed += 1;
            return Ok(());
        }
        let why = self.as_stranger(&placed.there, &expected, is_public)?;
        self.seen.note(Proof::Strangers, name, why);
        Ok(())
    }

    fn show(&mut self, name: &str) {
        let (files, bytes) = (self.seen.files, self.seen.bytes);
        self.watch.progress(&Progress::Reading { files, all_files: self.all_files, bytes, all_bytes: self.all_bytes, name });
    }

    /// Compares the name that the hub gives a file.
    fn name(&mut self, placed: &Placed, expected: &Expected, said: Option<Vec<u8>>) {
        let own = expected.names.last().map_or("", String::as_str);
        // No header can have a line of its own in it.
        if own.chars().any(char::is_control) {
            return;
        }
        let is_numbered = placed.name != own && is_numbered(&placed.name, own);
        let wanted = if is_numbered { placed.name.as_str() } else { own };
        self.seen.numbered += u64::from(is_numbered);
        let why = match said {
            Some(said) if said == wanted.as_bytes() => None,
            Some(said) => Some(format!("the hub calls it \"{}\"", String::from_utf8_lossy(&said))),
            None => Some("the hub gives it no name".to_owned()),
        };
        self.seen.note(Proof::Names, expected.names.join("/"), why);
    }

    /// Reads a file or a crop as its owner; fails with what came instead of a reply.
    fn as_owner(&mut self, there: &str, scale: u8, size: u64) -> Stoppable<std::result::Result<Seen, String>> {
        let mut is_again = false;
        loop {
            if is_again || self.ticket.since.elapsed() >= TICKET_AGE {
                let ticket = ticket(self.door, self.session, &*self.watch)?;
                if ticket.hash != self.ticket.hash {
                    // The hub has begun again, with another hidden channel.
                    return Err(Error::new(ErrorKind::PeerBusy, READING).context("code", "not_readable").into());
                }
                self.ticket = ticket;
            }
            let seen = self.fetch(size, |reading| reading.of_owner(there, scale))?;
            // A ticket that is too old by the hub's clock opens nothing.
            let is_empty = size > 0 && seen.as_ref().is_ok_and(|seen| seen.size == 0);
            if !is_empty || is_again {
                return Ok(seen);
            }
            is_again = true;
        }
    }

    /// Asks for a file as somebody who is not logged in; returns what should not be so.
    fn as_stranger(&self, there: &str, expected: &Expected, is_public: bool) -> Stoppable<Option<String>> {
        let Some(part) = expected.parts.get(&0).copied() else { return Ok(None) };
        let seen = self.fetch(part.0, |reading| reading.of_stranger(&["attach", there]))?;
        if is_public {
            return Ok(seen.map_or_else(Some, |seen| why_not(&seen, part)));
        }
        let mut why = leak(&seen, part);
        for scale in &expected.private_crops {
            let Some(part) = expected.parts.get(scale).copied() else { continue };
            let seen = self.fetch(part.0, |reading| reading.of_stranger(&["photo", &format!("{there}-{scale}")]))?;
            why = why.or_else(|| leak(&seen, part));
        }
        Ok(why)
    }

    fn of_owner(&self, there: &str, scale: u8) -> Result<Request> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("hash", &self.ticket.hash)
            .append_pair("time", &self.ticket.time)
            .append_pair("signature", self.ticket.signature.reveal())
            .append_pair("resource", there)
            .append_pair("revision", "0")
            .append_pair("resolution", &scale.to_string());
        self.of_stranger(&[OWNER])?
            .header("content-type", &Secret::new("application/x-www-form-urlencoded".to_owned()))
            .map(|request| request.post(&Secret::new(form.finish())))
    }

    /// A session of its own for each request would leave rows on the hub.
    fn of_stranger(&self, place: &[&str]) -> Result<Request> {
        self.door.page(place).header("cookie", &self.ticket.cookie)
    }

    /// Sends a request until there is a reply that counts.
    fn fetch(&self, size: u64, request: impl Fn(&Self) -> Result<Request>) -> Stoppable<std::result::Result<Seen, String>> {
        let stop = || self.watch.must_stop();
        let beat = || {
            let request = self.door.request(&Method::POST, &["restore", self.session, "ticket"], Some(b"{}".to_vec()))?;
            request.header("content-type", &Secret::new("application/json".to_owned()))
        };
        let mut pauses = 0;
        loop {
            let (wait, trouble) = match self.door.look(request(self)?, size.saturating_add(MORE_BYTES), &beat, &stop) {
                Err(Halt::Failed(error)) if error.kind() == ErrorKind::Network => (None, Err(error)),
                Err(Halt::Failed(error)) if error.kind() == ErrorKind::Corrupt => return Ok(Err(error.to_string())),
                Err(halt) => return Err(halt),
                Ok(seen) if matches!(seen.status, 429 | 502..=504) => (seen.wait_seconds, Ok(seen)),
                Ok(seen) => return Ok(Ok(seen)),
            };
            if pauses == MOST_PAUSES {
                return trouble.map(Ok).map_err(Halt::Failed);
            }
            self.door.pause(pauses, wait, &stop)?;
            pauses += 1;
        }
    }
}

impl Placed {
    fn read(said: &Value) -> Result<Self> {
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        let hash = text("hash").ok_or_else(odd)?.to_owned();
        let there = text("there").filter(|there| is_word(there)).ok_or_else(odd)?.to_owned();
        Ok(Self { hash, there, name: text("name").unwrap_or_default().to_owned() })
    }
}

/// Tells whether it is a hash as hubs have them, which can be part of an address.
fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Tells whether a name is another one with a number, as hubs write it: `cat(1).jpg`.
fn is_numbered(name: &str, own: &str) -> bool {
    let (stem, end) = own.rsplit_once('.').map_or((own, ""), |(stem, _)| (stem, own.get(stem.len()..).unwrap_or_default()));
    let number = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(end));
    let number = number.and_then(|number| number.strip_prefix('(')).and_then(|number| number.strip_suffix(')'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Tells why a reply is not the bytes that were saved; none if it is.
fn why_not(seen: &Seen, (size, sha256): (u64, Digest)) -> Option<String> {
    match seen.status {
        200 if seen.sha256 == sha256 => None,
        200 => Some(format!("the hub gives {} bytes that are not the {size} that were saved", seen.size)),
        status => Some(format!("the hub answers with status {status}")),
    }
}

/// Tells whether a stranger was given what is not for everybody.
fn leak(seen: &std::result::Result<Seen, String>, (size, sha256): (u64, Digest)) -> Option<String> {
    let seen = seen.as_ref().ok()?;
    let is_it = seen.status == 200 && seen.sha256 == sha256 && (size > 0 || seen.name.is_some());
    is_it.then(|| "a stranger was given it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: u16, bytes: &[u8], name: Option<&str>) -> Seen {
        let name = name.map(|name| name.as_bytes().to_vec());
        Seen { status, size: bytes.len() as u64, sha256: Digest::of(bytes), name, wait_seconds: None }
    }

    #[test]
    fn only_the_bytes_that_were_saved_prove_something() {
        let part = (3, Digest::of(b"abc"));
        assert_eq!(why_not(&seen(200, b"abc", None), part), None);
        assert_eq!(why_not(&seen(200, b"", None), part).unwrap(), "the hub gives 0 bytes that are not the 3 that were saved");
        assert_eq!(why_not(&seen(404, b"abc", None), part).unwrap(), "the hub answers with status 404");
    }

    #[test]
    fn a_stranger_is_given_it_only_if_it_is_that() {
        let (part, empty) = ((3, Digest::of(b"abc")), (0, Digest::of(b"")));
        assert!(leak(&Ok(seen(200, b"abc", None)), part).is_some());
        assert!(leak(&Ok(seen(200, b"a page", None)), part).is_none() && leak(&Ok(seen(403, b"abc", None)), part).is_none());
        assert!(leak(&Ok(seen(200, b"", None)), empty).is_none() && leak(&Ok(seen(200, b"", Some("x"))), empty).is_some());
        assert!(leak(&Err("cut".to_owned()), part).is_none());
    }

    #[test]
    fn a_name_with_a_number_is_known() {
        assert!(is_numbered("cat(1).jpg", "cat.jpg") && is_numbered("a.tar(12).gz", "a.tar.gz") && is_numbered("x(2)", "x"));
        for (name, own) in
            [("cat.jpg", "cat.jpg"), ("cat().jpg", "cat.jpg"), ("dog(1).jpg", "cat.jpg"), ("cat(1).png", "cat.jpg")]
        {
            assert!(!is_numbered(name, own), "{name}");
        }
    }

    #[test]
    fn what_is_not_proven_is_counted_and_its_first_ones_named() {
        let mut outside = Outside::default();
        outside.note(Proof::Bytes, "a".to_owned(), None);
        assert!(outside.is_proven());
        for n in 0..30 {
            outside.note(Proof::Crops, n.to_string(), Some("cut".to_owned()));
        }
        let crops = &outside.proofs()[&Proof::Crops];
        assert_eq!((crops.proven, crops.failed, crops.named.len(), outside.is_proven()), (0, 30, MOST_NAMED, false));
    }
}

//! Requests at the door of one hub.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use serde_json::Value;

use super::answer::Answer;
use super::state::State;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, Result};
use crate::head;
use crate::http::{Method, Request};
use crate::owner::{ConnectionOptions, Wire};
use crate::patience::{Halt, StallMeter, Stoppable};
use crate::signature::Secret;

/// The door of a hub, and the key that opens it.
pub struct Door {
    wire: Wire,
    key: Secret,
    /// Something on the way refuses methods that only programs use.
    overrides: Cell<bool>,
}

/// What a door takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The version of filesync on the hub.
    pub filesync: String,
    /// The newest format of sets that it reads.
    pub set_format: u64,
    /// The longest piece of a file.
    pub piece_bytes: u64,
    /// The longest pack.
    pub pack_bytes: u64,
    /// Most digests in one question.
    pub digests: u64,
    /// Whether what is sent can be tried.
    pub has_drills: bool,
}

/// A reply that was read to its end, or as far as it should have gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
    /// The name that it gives a file.
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) wait_seconds: Option<u64>,
}

/// How often somebody says that they still read.
const BETWEEN_BEATS: Duration = Duration::from_mins(1);

impl Terms {
    /// Reads what the door says of itself.
    pub(crate) fn of(answer: &Answer) -> Result<Self> {
        let fault = |kind, code: &'static str| Error::new(kind, ASKING).context("code", code);
        if (300..400).contains(&answer.status) {
            return Err(fault(ErrorKind::Refused, "moved"));
        }
        if !answer.is_good() && answer.passes() {
            return Err(answer.refusal());
        }
        let said = answer.said.as_ref().filter(|_| answer.is_good());
        let said = said.filter(|said| said.get("protocol").is_some_and(Value::is_object));
        let Some(said) = said else { return Err(fault(ErrorKind::NotFound, "no_door").context("status", answer.status)) };
        let number = |outer: &str, inner: &str| said.get(outer).and_then(|part| part.get(inner)).and_then(Value::as_u64);
        let filesync = said.get("filesync").and_then(Value::as_str).unwrap_or_default().to_owned();
        if number("protocol", "newest").is_none_or(|newest| newest < VERSION) {
            return Err(fault(ErrorKind::Unsupported, "hub_old").context("filesync", filesync));
        }
        if number("protocol", "oldest").is_none_or(|oldest| oldest > VERSION) {
            return Err(fault(ErrorKind::Unsupported, "command_old").context("filesync", filesync));
        }
        if said.get("door").and_then(Value::as_str) != Some("open") {
            return Err(fault(ErrorKind::Refused, "door_closed"));
        }
        Ok(Self {
            filesync,
            set_format: said.get("set_format").and_then(Value::as_u64).unwrap_or(1),
            piece_bytes: number("limits", "piece_bytes").unwrap_or(1 << 20),
            pack_bytes: number("limits", "pack_bytes").unwrap_or(1 << 20),
            digests: number("limits", "digests").unwrap_or(1000),
            has_drills: said.get("drill").and_then(Value::as_str) == Some("open"),
        })
    }
}

/// Asks whether to stop.
pub(crate) type Stop<'a> = &'a dyn Fn() -> bool;

const ASKING: &str = "asking the upload door";
/// The version of the protocol that is spoken here: the number in the address.
const VERSION: u64 = 1;
const STOP_TICK: Duration = Duration::from_millis(100);
/// So often in a row something may fail. The first pause is not quite a second, so that the later ones, each twice as long, miss what happens
/// to a hub every few seconds.
pub(crate) const MOST_PAUSES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(700);
const MOST_WAIT_SECONDS: u64 = 60;

/// Never stops.
const GO_ON: Stop<'static> = &|| false;

impl Door {
    /// Prepares it; opens nothing.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a key that no header can carry, unusable certificates or an unusable proxy.
    pub fn new(options: ConnectionOptions, key: Secret) -> Result<Self> {
        let door = Self { wire: Wire::new(options)?, key, overrides: Cell::new(false) };
        door.request(&Method::GET, &[], None)?;
        Ok(door)
    }

    /// Returns how many requests were sent.
    pub fn requests(&self) -> u64 {
        self.wire.requests()
    }

    pub(crate) fn options(&self) -> &ConnectionOptions {
        self.wire.options()
    }

    /// Asks what the door takes; asked once, without pauses, as somebody waits for the answer.
    ///
    /// # Errors
    ///
    /// `NotFound` with code `no_door` if the hub has none, `Unsupported` with `hub_old` or `command_old` if it speaks another
    /// version, `Refused` with `door_closed` or `moved`, otherwise as the line.
    pub fn terms(&self) -> Result<Terms> {
        let answer = self.once(self.request(&Method::GET, &[], None)?, GO_ON).map_err(unstopped)?;
        Terms::of(&answer)
    }

    /// Returns how far a restore is.
    ///
    /// # Errors
    ///
    /// As the door refuses, with its word as fact `code`.
    pub fn state(&self, session: &str) -> Result<State> {
        self.state_unless(session, GO_ON).map_err(unstopped)
    }

    pub(crate) fn state_unless(&self, session: &str, stop: Stop<'_>) -> Stoppable<State> {
        self.ask(&Method::GET, &["restore", session], None, stop).map(|answer| State::of(answer.said.unwrap_or_default()))
    }

    /// Ends a restore: what was sent is removed, what was restored stays.
    ///
    /// # Errors
    ///
    /// As the door refuses, with its word as fact `code`.
    pub fn end(&self, session: &str) -> Result<()> {
        self.ask(&Method::DELETE, &["restore", session], None, GO_ON).map(|_| ()).map_err(unstopped)
    }

    /// Has methods that only programs use travel as POST from now on; tells whether they did not before.
    pub(crate) fn override_methods(&self) -> bool {
        !self.overrides.replace(true)
    }

    /// Builds a request for a place beneath the door.
    pub(crate) fn request(&self, method: &Method, place: &[&str], body: Option<Vec<u8>>) -> Result<Request> {
        let version = format!("v{VERSION}");
        let url = self.options().hub.page(["filesync", version.as_str()].into_iter().chain(place.iter().copied()));
        let request = Request::get(url).keep_errors().header("filesync-key", &self.key)?;
        let is_usual = *method == Method::GET || *method == Method::POST;
        if !is_usual && self.overrides.get() {
            let request = request.header("x-http-method-override", &Secret::new(method.to_string()))?;
            return Ok(request.carrying(Method::POST, body.unwrap_or_default()));
        }
        Ok(match body {
            Some(body) => request.carrying(method.clone(), body),
            None => request.by(method.clone()),
        })
    }

    /// Sends a request once.
    pub(crate) fn once(&self, request: Request, stop: Stop<'_>) -> Stoppable<Answer> {
        self.wire.wait(async {
            let work = pin!(async {
                let reply = self.wire.send(request).await?;
                Answer::read(reply, &self.wire.patience()).await
            });
            match select(work, pin!(until(stop))).await {
                Either::Left((outcome, _)) => outcome.map_err(Halt::Failed),
                Either::Right(_) => Err(Halt::Stopped),
            }
        })
    }

    /// Sends a request that needs no key, and reads its reply, but for what is beyond so many bytes.
    pub(crate) fn look(
        &self,
        request: Request,
        most_bytes: u64,
        beat: &dyn Fn() -> Result<Request>,
        stop: Stop<'_>,
    ) -> Stoppable<Seen> {
        self.wire.wait(async {
            let look = pin!(async {
                let patience = self.wire.patience();
                let mut reply = self.wire.send(request).await?;
                let (mut hasher, mut stall) = (Hasher::default(), StallMeter::start(&patience, most_bytes));
                while hasher.length_bytes() <= most_bytes {
                    let Some(piece) = reply.next(&mut stall, &patience).await? else { break };
                    hasher.update(piece.as_ref());
                }
                Ok(Seen {
                    status: reply.status().as_u16(),
                    size: hasher.length_bytes(),
                    sha256: hasher.digest(),
                    name: head::file_name(&reply.values("content-disposition")),
                    wait_seconds: reply.wait_seconds(),
                })
            });
            let beats = pin!(async {
                loop {
                    tokio::time::sleep(BETWEEN_BEATS).await;
                    // If one does not arrive, the next one may.
                    if let Ok(request) = beat()
                        && let Ok(reply) = self.wire.send(request).await
                    {
                        let _ = Answer::read(reply, &self.wire.patience()).await;
                    }
                    if stop() {
                        break;
                    }
                }
            });
            match select(look, select(pin!(until(stop)), beats)).await {
                Either::Left((outcome, _)) => outcome.map_err(Halt::Failed),
                Either::Right(_) => Err(Halt::Stopped),
            }
        })
    }

    /// Builds a request for a page of the hub, as somebody without a key.
    pub(crate) fn page(&self, place: &[&str]) -> Request {
        Request::get(self.options().hub.page(place.iter().copied())).keep_errors()
    }

    /// Waits until so many bytes may be sent.
    pub(crate) fn pay(&self, bytes: usize) {
        self.wire.wait(self.wire.pay(bytes as u64));
    }

    /// Asks a question, again after a pause if it cannot be answered now.
    pub(crate) fn ask(&self, method: &Method, place: &[&str], content: Option<&Value>, stop: Stop<'_>) -> Stoppable<Answer> {
        let mut pauses = 0;
        loop {
            let body = content.map(|content| content.to_string().into_bytes());
            let mut request = self.request(method, place, body)?;
            if content.is_some() {
                request = request.header("content-type", &Secret::new("application/json".to_owned()))?;
            }
            let (trouble, wait) = match self.once(request, stop) {
                Err(Halt::Failed(error)) if error.kind() == ErrorKind::Network => (error, None),
                Err(halt) => return Err(halt),
                Ok(answer) if answer.is_good() && (answer.said.is_some() || *method == Method::DELETE) => return Ok(answer),
                Ok(answer) if *method == Method::DELETE && answer.is_refused_on_the_way() && self.override_methods() => continue,
                Ok(answer) if answer.passes() => (answer.refusal(), answer.wait_seconds),
                Ok(answer) => return Err(answer.refusal().into()),
            };
            if pauses == MOST_PAUSES {
                return Err(trouble.into());
            }
            self.pause(pauses, wait, stop)?;
            pauses += 1;
        }
    }

    /// Waits before the next try.
    pub(crate) fn pause(&self, before: u32, asked_seconds: Option<u64>, stop: Stop<'_>) -> Stoppable<()> {
        let asked = Duration::from_secs(asked_seconds.unwrap_or_default().min(MOST_WAIT_SECONDS));
        self.rest(FIRST_PAUSE.saturating_mul(1 << before.min(MOST_PAUSES)).max(asked), stop)
    }

    /// Waits so long.
    pub(crate) fn rest(&self, time: Duration, stop: Stop<'_>) -> Stoppable<()> {
        self.wire.wait(async {
            match select(pin!(tokio::time::sleep(time)), pin!(until(stop))).await {
                Either::Left(_) => Ok(()),
                Either::Right(_) => Err(Halt::Stopped),
            }
        })
    }
}

/// Returns what failed where nobody can say stop.
fn unstopped(halt: Halt) -> Error {
    match halt {
        Halt::Failed(error) => error,
        Halt::Stopped => Error::new(ErrorKind::PeerBusy, ASKING).context("fault", "it was told to stop"),
    }
}

async fn until(stop: Stop<'_>) {
    while !stop() {
        tokio::time::sleep(STOP_TICK).await;
    }
}

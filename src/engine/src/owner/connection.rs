//! A connection of an owner to a hub: log-in, calls of the API, log-out.
//!
//! Invariant: what proves the owner is sent to this hub alone, and kept in memory alone. No redirect is followed.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::wire::{ConnectionOptions, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::getfile::HubUrl;
use crate::http::Request;
use crate::signature::{Pass, PublicKey, Secret};

/// What proves the owner.
#[derive(Debug)]
pub enum Credentials {
    /// A key for apps, made on the hub's page `/oauth2`.
    Key {
        /// Its name, as that page shows it.
        id: String,
        /// Its secret.
        secret: Secret,
    },
    /// The account's password.
    Password(Secret),
}

/// What a hub says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// It is here; its version.
    Here(String),
    /// It sends everybody to another address.
    Moved(HubUrl),
}

/// A channel, as its hub shows it to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its short name on the hub.
    pub nick: String,
    /// Its name.
    pub name: String,
    /// The hash by which hubs know it.
    pub hash: String,
    /// What it was made with.
    pub guid: String,
    /// Its public key, PEM.
    pub key: String,
    /// Its address on the hub.
    pub url: String,
}

/// How requests prove the owner.
enum Session {
    None,
    /// By the cookie of a session.
    Cookie(Secret),
    /// By a token in each request: a session would wait for a second factor.
    Token,
}

/// A connection to one hub.
pub struct Connection {
    wire: Wire,
    credentials: RefCell<Option<(Credentials, String)>>,
    session: RefCell<Session>,
    /// A token and the time at which it ends.
    token: RefCell<Option<(Secret, i64)>>,
    /// How often the session or the token was renewed. Who holds the lock renews, for all calls that wait for it.
    renewals: Mutex<u64>,
}

const LOGGING_IN: &str = "logging in";
const AT_ONCE: usize = 4;
/// A token is renewed this long before its end.
const RENEWAL_SECONDS: i64 = 300;
const MAX_PAUSES: u32 = 5;
const MOST_WAIT_SECONDS: u64 = 60;
const LOG_OUT_TIME: Duration = Duration::from_secs(5);
const MAX_SMALL_BYTES: usize = 1 << 20;
/// The longest reply. Photos that a hub keeps in its database come within it.
pub(crate) const MAX_REPLY_BYTES: usize = 24 << 20;

/// Builds the error of a log-in that cannot succeed.
fn refused(code: &'static str) -> Error {
    Error::new(ErrorKind::Refused, LOGGING_IN).context("code", code)
}

impl Connection {
    /// Prepares a connection; opens nothing.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for unusable certificates or an unusable proxy.
    pub fn new(options: ConnectionOptions) -> Result<Self> {
        Ok(Self {
            wire: Wire::new(options)?,
            credentials: RefCell::default(),
            session: RefCell::new(Session::None),
            token: RefCell::default(),
            renewals: Mutex::default(),
        })
    }

    /// Returns the hub's root URL.
    pub fn hub(&self) -> &HubUrl {
        &self.options().hub
    }

    pub(crate) fn options(&self) -> &ConnectionOptions {
        self.wire.options()
    }

    /// Returns the line, for what is asked without the API.
    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Returns how many requests were sent.
    pub fn requests(&self) -> u64 {
        self.wire.requests()
    }

    /// Asks a hub for its version, without any log-in.
    ///
    /// # Errors
    ///
    /// `Unsupported` with code `no_hub` if something else is there, otherwise as the reply or the line.
    pub fn greet(&self) -> Result<Greeting> {
        self.wire.wait(async {
            let asked = self.options().hub.page(["api", "z", "1.0", "version"]);
            let reply = self.wire.send(Request::get(asked.clone()).keep_errors()).await?;
            let other = reply.error(ErrorKind::Unsupported, "no hub answers at this address").context("code", "no_hub");
            if reply.status().is_redirection() {
                let target = reply.values("location").first().and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
                let target: Option<Url> = target.or_else(|| {
                    let values = reply.values("location");
                    asked.join(std::str::from_utf8(values.first()?).ok()?).ok()
                });
                return target.and_then(|target| root_of(&target, asked.path())).map(Greeting::Moved).ok_or(other);
            }
            if reply.status().is_server_error() {
                return Err(reply.error(ErrorKind::PeerBusy, "an error status"));
            }
            if !reply.status().is_success() {
                return Err(other);
            }
            let body = reply.bytes(MAX_SMALL_BYTES, &self.wire.patience()).await?;
            serde_json::from_slice::<String>(&body).map(Greeting::Here).map_err(|_| other)
        })
    }

    /// Logs in as the owner of a channel.
    ///
    /// # Errors
    ///
    /// `Refused` with one of the codes `login_refused`, `two_factor`, `password_colon` and `other_channel`; `NotFound` with
    /// `no_channel`; otherwise as the reply or the line.
    pub fn log_in(&self, credentials: Credentials, nick: &str) -> Result<Channel> {
        if let Credentials::Password(password) = &credentials
            && password.reveal().contains(':')
        {
            return Err(refused("password_colon"));
        }
        self.wire.wait(async {
            let public = self.public(nick).await?;
            self.credentials.replace(Some((credentials, nick.to_owned())));
            let url = self.begin_session().await?;
            let guid = text(&public, "id");
            let key = text(&public, "public_key");
            let asked = self.api("xchan", &[("guid", guid.as_str())]);
            let found = match self.ask_once(&asked).await {
                // The page that asks for the second factor.
                Err(error) if is_page(&error) => {
                    let has_password = matches!(&*self.credentials.borrow(), Some((Credentials::Password(_), _)));
                    if has_password {
                        return Err(refused("two_factor"));
                    }
                    self.session.replace(Session::Token);
                    self.ask(&asked, MAX_PAUSES).await?
                }
                outcome => outcome?,
            };
            let row: Value = found.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
            let hash = text(&row, "hash");
            if hash.is_empty() || text(&row, "pubkey").trim() != key.trim() || PublicKey::from_pem(&key).is_err() {
                return Err(Error::new(ErrorKind::Corrupt, LOGGING_IN)
                    .context("code", "hub_wrong")
                    .context("fault", "the hub knows the channel by no key, or another one than it shows to everybody")
                    .context("nick", nick));
            }
            Ok(Channel { nick: nick.to_owned(), name: text(&public, "name"), hash, guid, key, url })
        })
    }

    /// Returns what the hub shows of a channel to everybody.
    async fn public(&self, nick: &str) -> Result<Value> {
        let request = Request::get(self.options().hub.page(["channel", nick]));
        let request = request.header("accept", &Secret::new("application/x-zot+json".to_owned()))?;
        let missing = || Error::new(ErrorKind::NotFound, LOGGING_IN).context("code", "no_channel").context("nick", nick);
        let reply = match self.wire.send(request).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing()),
            outcome => outcome?,
        };
        let body = reply.bytes(MAX_SMALL_BYTES, &self.wire.patience()).await?;
        let value: Value = serde_json::from_slice(&body).map_err(|_| missing())?;
        // Some hubs wrap what they sign.
        let value = value.get("data").filter(|data| data.is_object()).cloned().unwrap_or(value);
        if text(&value, "id").is_empty() { Err(missing()) } else { Ok(value) }
    }

    /// Sends the first request, which carries its own proof; returns the channel's address.
    async fn begin_session(&self) -> Result<String> {
        let (authorization, nick) = self.authorization().await?;
        let nothing = [("page", "0"), ("records", "1"), ("until", "1970-01-02T00:00:00Z")];
        let request = Request::get(self.api("item/export_page", &nothing)).header("authorization", &authorization)?;
        let reply = match self.wire.send(request).await {
            Err(error) if error.http_status() == Some(401) => return Err(refused("login_refused").source(error)),
            outcome => outcome?,
        };
        let cookie = reply.cookies();
        let (is_page, body) = (reply.is_page(), reply.bytes(MAX_SMALL_BYTES, &self.wire.patience()).await?);
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        let relocate = value.get("relocate").cloned().unwrap_or_default();
        let own = text(&relocate, "channel_address");
        if own.is_empty() {
            let error = Error::new(ErrorKind::PeerBusy, LOGGING_IN).context("fault", "neither a log-in nor a refusal");
            return Err(if is_page { error.context("reply", "a page") } else { error });
        }
        if own != nick {
            return Err(refused("other_channel").context("nick", own));
        }
        self.session.replace(cookie.map_or(Session::Token, Session::Cookie));
        Ok(format!("{}/channel/{own}", text(&relocate, "url").trim_end_matches('/')))
    }

    /// Returns what proves the owner in one request, and the channel's nick.
    async fn authorization(&self) -> Result<(Secret, String)> {
        let known = match &*self.credentials.borrow() {
            None => return Err(Error::new(ErrorKind::InvalidInput, LOGGING_IN).context("fault", "nobody has logged in")),
            Some((Credentials::Password(password), nick)) => {
                let pair = STANDARD.encode(format!("{nick}:{}", password.reveal()));
                return Ok((Secret::new(format!("Basic {pair}")), nick.clone()));
            }
            Some((Credentials::Key { id, secret }, nick)) => (id.clone(), secret.clone(), nick.clone()),
        };
        let (id, secret, nick) = known;
        let now = self.wire.now();
        let valid =
            self.token.borrow().as_ref().filter(|(_, until)| now < until - RENEWAL_SECONDS).map(|(token, _)| token.clone());
        let token = match valid {
            Some(token) => token,
            None => self.fetch_token(&id, &secret).await?,
        };
        Ok((Secret::new(format!("Bearer {}", token.reveal())), nick))
    }

    async fn fetch_token(&self, id: &str, secret: &Secret) -> Result<Secret> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials").append_pair("client_id", id);
        form.append_pair("client_secret", secret.reveal());
        let request = Request::get(self.options().hub.page(["token"])).post(&Secret::new(form.finish())).keep_errors();
        let request = request.header("content-type", &Secret::new("application/x-www-form-urlencoded".to_owned()))?;
        let reply = self.wire.send(request).await?;
        if reply.status().is_server_error() || reply.status().is_redirection() {
            return Err(reply.error(ErrorKind::PeerBusy, "an error status"));
        }
        let status = reply.status().as_u16();
        let body = reply.bytes(MAX_SMALL_BYTES, &self.wire.patience()).await?;
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        let token = text(&value, "access_token");
        let is_clean = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || !is_clean {
            // `unauthorized_client`: the grant type was not typed in; `invalid_client`: wrong or deleted.
            let word: String = text(&value, "error").chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect();
            return Err(refused("login_refused").context("status", status).context("reply", word));
        }
        let seconds = value.get("expires_in").and_then(Value::as_i64).unwrap_or(3600).clamp(0, 86_400);
        let token = Secret::new(token);
        self.token.replace(Some((token.clone(), self.wire.now() + seconds)));
        Ok(token)
    }

    /// Logs in again, because the session or the token has ended.
    ///
    /// # Errors
    ///
    /// As [`Connection::log_in`].
    pub fn renew(&self) -> Result<()> {
        self.wire.wait(async {
            let before = *self.renewals.lock().await;
            self.renewed(before).await.map(|_| ())
        })
    }

    /// Logs in again, unless that was done since there were so many renewals; tells whether it was done now. Calls that run at once find
    /// the end of a session together, and one log-in is enough for all of them.
    async fn renewed(&self, before: u64) -> Result<bool> {
        let mut renewals = self.renewals.lock().await;
        if *renewals != before {
            return Ok(false);
        }
        self.token.replace(None);
        if matches!(*self.session.borrow(), Session::Token) {
            self.authorization().await?;
        } else {
            self.begin_session().await?;
        }
        *renewals += 1;
        Ok(true)
    }

    /// Returns what each request carries now.
    ///
    /// # Errors
    ///
    /// `InvalidInput` before the log-in; otherwise as the reply to a renewal.
    pub fn pass(&self) -> Result<Pass> {
        self.wire.wait(self.current_pass())
    }

    async fn current_pass(&self) -> Result<Pass> {
        if let Session::Cookie(cookie) = &*self.session.borrow() {
            return Ok(Pass::cookie(cookie.clone()));
        }
        self.authorization().await.map(|(value, _)| Pass::authorization(value))
    }

    /// Returns the URL of a call of the API.
    pub(crate) fn api(&self, call: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.options().hub.page(["api", "z", "1.0"].into_iter().chain(call.split('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Makes one call. None: the hub has nothing of that name.
    pub(crate) fn call(&self, call: &str, query: &[(&str, &str)]) -> Result<Option<Vec<u8>>> {
        self.wire.wait(self.ask(&self.api(call, query), MAX_PAUSES))
    }

    /// Makes one call that may be too much for the hub, so that asking again and again is of no use.
    pub(crate) fn call_large(&self, call: &str, query: &[(&str, &str)]) -> Result<Option<Vec<u8>>> {
        self.wire.wait(self.ask(&self.api(call, query), 1))
    }

    /// Makes some calls, a few at once; the answers are in the order of the calls.
    pub(crate) fn calls(&self, urls: &[Url]) -> Vec<Result<Option<Vec<u8>>>> {
        self.wire.wait(stream::iter(urls).map(|url| self.ask(url, MAX_PAUSES)).buffered(AT_ONCE).collect())
    }

    /// Makes a call, again after a pause if the hub cannot answer now, and after another log-in if it ended the session.
    async fn ask(&self, url: &Url, max_pauses: u32) -> Result<Option<Vec<u8>>> {
        let (mut pauses, mut has_renewed) = (0, false);
        loop {
            let before = *self.renewals.lock().await;
            match self.ask_once(url).await {
                Err(error) if error.kind() == ErrorKind::Refused && !has_renewed => {
                    has_renewed = self.renewed(before).await?;
                }
                Err(error) if error.kind().is_temporary() && error.kind() != ErrorKind::Corrupt && pauses < max_pauses => {
                    let own = Duration::from_millis(500 << pauses);
                    let asked = error
                        .wait_seconds()
                        .map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds.min(MOST_WAIT_SECONDS)));
                    tokio::time::sleep(own.max(asked)).await;
                    pauses += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn ask_once(&self, url: &Url) -> Result<Option<Vec<u8>>> {
        let request = Request::get(url.clone()).pass(&self.current_pass().await?)?;
        let reply = self.wire.send(request).await?;
        let types = reply.values("content-type");
        let is_json = types.first().is_some_and(|value| value.to_ascii_lowercase().starts_with(b"application/json"));
        let page = reply.error(ErrorKind::Refused, PAGE).context("code", "session_ended");
        let body = reply.bytes(MAX_REPLY_BYTES, &self.wire.patience()).await?;
        match () {
            // A hub answers so about what it does not have.
            () if body.is_empty() => Ok(None),
            () if is_json => Ok(Some(body)),
            () => Err(page),
        }
    }

    /// Ends the session, if there is one. Best effort.
    pub fn log_out(&self) {
        let session = self.session.replace(Session::None);
        self.credentials.replace(None);
        self.token.replace(None);
        if let Session::Cookie(cookie) = session
            && let Ok(request) = Request::get(self.options().hub.page(["logout"])).pass(&Pass::cookie(cookie))
        {
            // A redirect to the front page is the usual answer.
            self.wire.wait(async {
                let _ = tokio::time::timeout(LOG_OUT_TIME, self.wire.send(request)).await;
            });
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.log_out();
    }
}

const PAGE: &str = "a page instead of an answer";

fn is_page(error: &Error) -> bool {
    error.facts().any(|fact| fact == ("code", "session_ended"))
}

/// Returns the root of the hub that a redirect leads to, if it leads to the same page there.
fn root_of(target: &Url, path: &str) -> Option<HubUrl> {
    let call = path.get(path.rfind("/api/")?..)?;
    let mut root = target.clone();
    root.set_query(None);
    root.set_fragment(None);
    let above = root.path().strip_suffix(call)?.to_owned();
    root.set_path(&above);
    HubUrl::parse(root.as_str()).ok()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

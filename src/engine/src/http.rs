//! The HTTP client: TLS, address policy, time-outs. The only module that opens sockets.
//!
//! Invariant: a request reaches only addresses that the policy allows; redirects are never followed; encoded
//! bodies are refused; errors quote no query string, cookie or body.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::head;
use crate::limits::TransferLimits;
use crate::patience::{Patience, StallMeter, TICK};
use crate::signature::{Pass, Secret};

/// Which addresses may be reached.
#[derive(Clone, Copy, Debug)]
pub struct AddressPolicy {
    /// Whether plain http is allowed; only where the hub itself is http.
    pub allow_http: bool,
    /// Whether private, loopback and other special addresses are allowed.
    pub allow_private_addresses: bool,
}

/// Two pools of connections, so that a second look at a file does not share the first one's.
pub(crate) struct HttpClient {
    client: reqwest::Client,
    second: reqwest::Client,
    policy: AddressPolicy,
}

/// Which pool a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    Main,
    Second,
}

impl HttpClient {
    /// Builds the client; opens nothing.
    pub(crate) fn new(
        policy: AddressPolicy,
        ca_pem: Option<&[u8]>,
        proxy: Option<&str>,
        limits: &TransferLimits,
    ) -> Result<Self> {
        let tls = tls_config(ca_pem)?;
        let resolver = Arc::new(PolicyResolver { allow_private: policy.allow_private_addresses, known: Mutex::default() });
        let build = || {
            let mut builder = reqwest::Client::builder().no_proxy();
            if let Some(proxy) = proxy {
                // Its address may hold a password, so the cause is not shown.
                let proxy = reqwest::Proxy::all(proxy).map_err(|_| {
                    Error::new(ErrorKind::InvalidInput, "reading the address of a proxy")
                        .context("expected", "such as http://proxy.example:3128")
                })?;
                builder = builder.proxy(proxy);
            }
            builder
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(resolver.clone())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .http1_only()
                // An invalid line, such as a file name with a control character, must not spoil the others.
                .http1_ignore_invalid_headers_in_responses(true)
                .http1_allow_obsolete_multiline_headers_in_responses(true)
                .http1_allow_spaces_after_header_name_in_responses(true)
                .connect_timeout(limits.connect_timeout)
                .pool_max_idle_per_host(16)
                .user_agent(concat!("filesync/", env!("CARGO_PKG_VERSION")))
                .build()
                .or_fail(ErrorKind::InvalidInput, "building the HTTP client")
        };
        Ok(Self { client: build()?, second: build()?, policy })
    }

    fn check(&self, url: &Url) -> Result<()> {
        if url.scheme() != "https" && !self.policy.allow_http {
            return Err(Error::new(ErrorKind::Unsupported, "checking an address")
                .context("host", url.host_str().unwrap_or_default())
                .context("fault", "the origin hub is not https")
                .context("remedy", "plain http is used only by hubs that are http themselves"));
        }
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        if literal.is_some_and(|address| !self.policy.allow_private_addresses && !is_public(address)) {
            return Err(forbidden_address(url.host_str().unwrap_or_default()));
        }
        Ok(())
    }

    /// Sends a request and waits for the head of its reply. `now` is in seconds since 1970.
    pub(crate) async fn send(&self, pool: Pool, request: Request, now: i64, patience: &Patience<'_>) -> Result<Reply> {
        self.check(&request.url)?;
        let client = match pool {
            Pool::Main => &self.client,
            Pool::Second => &self.second,
        };
        let where_to = shown(&request.url);
        let mut builder = client.request(request.method, request.url).headers(request.headers);
        if let Some(body) = request.body {
            if body.is_empty() {
                // Said, or a web server may take it for a body whose length nobody knows.
                builder = builder.header("content-length", "0");
            }
            builder = builder.body(body);
        }
        let response = patience.wait(patience.limits.reply_timeout, builder.send()).await.context("url", &where_to)?;
        let response = response.map_err(|error| network_error("asking the origin hub", error)).context("url", &where_to)?;
        let reply = Reply { response, where_to, now, held: Vec::new() };
        // The body of an error is not read, so its encoding does not matter.
        if request.keeps_errors { reply.plain() } else { reply.successful()?.plain() }
    }
}

fn forbidden_address(host: &str) -> Error {
    Error::new(ErrorKind::Refused, "checking an address")
        .context("host", host)
        .context("fault", "a private or special address")
        .context("remedy", "an administrator can set allow_private_addresses")
}

fn tls_config(ca_pem: Option<&[u8]>) -> Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .or_fail(ErrorKind::InvalidInput, "setting up TLS")?;
    let Some(pem) = ca_pem else {
        return Ok(builder
            .with_platform_verifier()
            .or_fail(ErrorKind::Storage, "reading the system's certificates")?
            .with_no_client_auth());
    };
    let mut roots = rustls::RootCertStore::empty();
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(std::result::Result::ok).collect();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(Error::new(ErrorKind::InvalidInput, "reading trusted certificates")
            .context("option", "ca_file")
            .context("fault", "it contains no usable certificate"));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A request before it is sent.
pub(crate) struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    keeps_errors: bool,
}

impl Request {
    pub(crate) fn get(url: Url) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("accept-encoding", HeaderValue::from_static("identity"));
        Self { method: Method::GET, url, headers, body: None, keeps_errors: false }
    }

    /// Makes it a POST with this body.
    pub(crate) fn post(self, body: &Secret) -> Self {
        self.carrying(Method::POST, body.reveal().as_bytes().to_vec())
    }

    /// Makes it a request of another method, with this body.
    pub(crate) fn carrying(mut self, method: Method, body: Vec<u8>) -> Self {
        self.method = method;
        self.body = Some(body);
        self
    }

    /// Makes it a request of another method, without a body.
    pub(crate) fn by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Accepts a reply of any status: its body explains the error.
    pub(crate) fn keep_errors(mut self) -> Self {
        self.keeps_errors = true;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &Secret) -> Result<Self> {
        let mut value = HeaderValue::from_bytes(value.reveal().as_bytes())
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "building a request").context("header", name))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Adds what says that an owner asks.
    pub(crate) fn pass(self, pass: &Pass) -> Result<Self> {
        self.header(pass.header, &pass.value)
    }

    pub(crate) fn range(mut self, first: u64, last: u64) -> Result<Self> {
        let value =
            HeaderValue::from_str(&format!("bytes={first}-{last}")).or_fail(ErrorKind::InvalidInput, "building a request")?;
        self.headers.insert("range", value);
        Ok(self)
    }
}

/// The reply's head and the body still to come.
#[derive(Debug)]
pub(crate) struct Reply {
    response: reqwest::Response,
    where_to: String,
    /// Its time of arrival, by our clock.
    now: i64,
    /// The beginning of the body, if it was peeked at.
    held: Vec<u8>,
}

/// A part of a body, fresh or peeked at before.
enum Piece<B> {
    Came(B),
    Held(Vec<u8>),
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Piece<B> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Came(bytes) => bytes.as_ref(),
            Self::Held(bytes) => bytes,
        }
    }
}

impl Reply {
    /// Refuses encoded bodies.
    fn plain(self) -> Result<Self> {
        match ["content-encoding", "transfer-encoding"].into_iter().find_map(|name| head::coding(&self.values(name))) {
            Some(coding) => {
                Err(self.error(ErrorKind::Corrupt, "an encoded body that was not requested").context("content_encoding", coding))
            }
            None => Ok(self),
        }
    }

    /// Refuses redirects and errors.
    fn successful(self) -> Result<Self> {
        let status = self.status();
        let kind = match status {
            _ if status.is_success() => return Ok(self),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Refused,
            StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
            StatusCode::RANGE_NOT_SATISFIABLE => ErrorKind::Corrupt,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => ErrorKind::PeerBusy,
            _ if status.is_server_error() => ErrorKind::PeerBusy,
            _ => ErrorKind::Refused,
        };
        let fault = if status.is_redirection() { "a redirect, which is never followed" } else { "an error status" };
        Err(self.error(kind, fault).retry_after_seconds(self.wait_seconds()))
    }

    /// Returns the wait that the hub asks for.
    pub(crate) fn wait_seconds(&self) -> Option<u64> {
        // A date refers to its author's clock.
        head::wait_seconds(&self.values("retry-after"), head::dated(&self.values("date")).unwrap_or(self.now))
    }

    /// Builds an error about this reply.
    pub(crate) fn error(&self, kind: ErrorKind, fault: &str) -> Error {
        Error::new(kind, "reading the origin hub's reply")
            .context("url", &self.where_to)
            .status(self.status().as_u16())
            .context("fault", fault)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns the values of a header field, as bytes.
    pub(crate) fn values(&self, name: &str) -> Vec<&[u8]> {
        self.response.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect()
    }

    pub(crate) fn is_page(&self) -> bool {
        head::is_page(&self.values("content-type"))
    }

    /// Returns the stated length of the body.
    pub(crate) fn length(&self) -> Option<u64> {
        head::length(&self.values("content-length"))
    }

    /// Returns the cookies that the reply sets, as a `Cookie` header.
    pub(crate) fn cookies(&self) -> Option<Secret> {
        head::cookies(&self.values("set-cookie")).map(Secret::new)
    }

    /// Peeks at the given number of bytes at least, or the whole body if it is shorter; tells whether it is. [`Self::next`] returns
    /// the same bytes again.
    pub(crate) async fn look(&mut self, least_bytes: usize, patience: &Patience<'_>) -> Result<(&[u8], bool)> {
        let mut seen = std::mem::take(&mut self.held);
        let mut stall = StallMeter::start(patience, least_bytes as u64);
        let mut ended = false;
        while seen.len() < least_bytes && !ended {
            match self.next(&mut stall, patience).await? {
                Some(piece) => seen.extend_from_slice(piece.as_ref()),
                None => ended = true,
            }
        }
        self.held = seen;
        Ok((&self.held, ended))
    }

    /// Returns the next piece of the body, or none at its end.
    pub(crate) async fn next(
        &mut self,
        stall: &mut StallMeter,
        patience: &Patience<'_>,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>> {
        if !self.held.is_empty() {
            return Ok(Some(Piece::Held(std::mem::take(&mut self.held))));
        }
        let mut chunk = pin!(self.response.chunk());
        loop {
            match tokio::time::timeout(TICK, &mut chunk).await {
                Ok(piece) => {
                    let piece = piece
                        .map_err(|error| network_error("receiving from the origin hub", error))
                        .context("url", &self.where_to)?;
                    let count = piece.as_ref().map_or(0, |bytes| bytes.len() as u64);
                    stall.count(count, patience)?;
                    patience.throttle.pay(count).await;
                    return Ok(piece.map(Piece::Came));
                }
                Err(_) => stall.count(0, patience).context("url", &self.where_to)?,
            }
        }
    }

    /// Reads a short body completely.
    pub(crate) async fn bytes(mut self, max_bytes: usize, patience: &Patience<'_>) -> Result<Vec<u8>> {
        // Grown bit by bit it would take twice as much.
        let stated = self.length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        let mut body = Vec::with_capacity(stated.min(max_bytes));
        let mut stall = StallMeter::start(patience, max_bytes as u64);
        while let Some(piece) = self.next(&mut stall, patience).await? {
            if body.len() + piece.as_ref().len() > max_bytes {
                return Err(self
                    .error(ErrorKind::LimitExceeded, "a reply larger than expected")
                    .context("limit_bytes", max_bytes));
            }
            body.extend_from_slice(piece.as_ref());
        }
        Ok(body)
    }
}

/// Returns a request's address without its query.
fn shown(url: &Url) -> String {
    url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn network_error(operation: &'static str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(current) = cause {
        if let Some(ForbiddenAddress(host)) = current.downcast_ref() {
            return forbidden_address(host);
        }
        cause = current.source();
    }
    Error::new(ErrorKind::Network, operation).source(error)
}

/// Resolves a name once for the life of a client and drops addresses that the policy forbids.
struct PolicyResolver {
    allow_private: bool,
    known: Mutex<HashMap<String, Vec<SocketAddr>>>,
}

impl reqwest::dns::Resolve for PolicyResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        // In line, not on a thread: a thread could outlive the call, the module, or a fork.
        let outcome = self.look_up(name.as_str());
        Box::pin(std::future::ready(outcome.map(|found| Box::new(found.into_iter()) as reqwest::dns::Addrs)))
    }
}

impl PolicyResolver {
    fn look_up(&self, name: &str) -> std::result::Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = known.get(name) {
            return Ok(addresses.clone());
        }
        let found: Vec<SocketAddr> =
            (name, 0).to_socket_addrs()?.filter(|address| self.allow_private || is_public(address.ip())).collect();
        if found.is_empty() {
            return Err(Box::new(ForbiddenAddress(name.to_owned())));
        }
        known.insert(name.to_owned(), found.clone());
        Ok(found)
    }
}

#[derive(Debug)]
struct ForbiddenAddress(String);

impl fmt::Display for ForbiddenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has only private or special addresses", self.0)
    }
}

impl std::error::Error for ForbiddenAddress {}

/// Tells whether an address belongs to the public internet (IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(matches!(a, 0 | 10 | 127 | 224..)
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && matches!(c, 0 | 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && matches!(b, 18 | 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        [0x2001, 0..0x200 | 0xdb8, ..] | [0x3fff, 0..0x1000, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public_in_any_disguise() {
        // The addon's tests read the same list.
        let list = include_str!("../../../tests/shared/addresses.txt");
        let lines = list.lines().filter(|line| !line.starts_with('#'));
        let told: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once('\t')).collect();
        assert!(told.len() > 60);
        for (address, verdict) in told {
            let found = if is_public(address.parse().unwrap()) { "public" } else { "special" };
            assert_eq!(found, verdict, "{address}");
        }
    }
}

//! The one error type of the engine and the rules for using it.
//!
//! A kind says what the failure means for the caller, never which library failed. `operation` completes the sentence
//! "… while …". Context names the thing, the limit and the remedy; sizes carry their unit. Keys, tokens, cookies,
//! signatures and query strings never become context. A lower error becomes `source`.

use std::fmt;

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Connecting, TLS, a time-out, a stall, or a connection that broke off.
    Network,
    /// The origin hub answered 429 or 5xx, or sent nothing instead of bytes; or another process is using the file.
    PeerBusy,
    /// Disk full, permission denied, read-only.
    Storage,
    /// A size or digest differs, a range is wrong, a page came instead of a file.
    Corrupt,
    /// 401 or 403, or the request's signature was rejected.
    Refused,
    /// The origin hub no longer has it.
    NotFound,
    /// Too many bytes, pixels or seconds.
    LimitExceeded,
    /// An unsupported scheme or format.
    Unsupported,
    /// A bad argument, key, URL or path.
    InvalidInput,
    /// A signature did not verify.
    Signature,
}

impl ErrorKind {
    /// Tells whether trying again later can help. The only place that decides this.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Network | Self::PeerBusy | Self::Storage | Self::Corrupt)
    }

    /// Returns the kind's name as PHP code sees it: its exception class without the suffix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::PeerBusy => "PeerBusy",
            Self::Storage => "Storage",
            Self::Corrupt => "Corrupt",
            Self::Refused => "Refused",
            Self::NotFound => "NotFound",
            Self::LimitExceeded => "Limit",
            Self::Unsupported => "Unsupported",
            Self::InvalidInput => "InvalidInput",
            Self::Signature => "Signature",
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Network => "network failure",
            Self::PeerBusy => "not ready",
            Self::Storage => "storage failure",
            Self::Corrupt => "wrong bytes",
            Self::Refused => "refused by the origin hub",
            Self::NotFound => "not found",
            Self::LimitExceeded => "limit exceeded",
            Self::Unsupported => "unsupported",
            Self::InvalidInput => "invalid input",
            Self::Signature => "signature not valid",
        }
    }
}

const STATED_BYTES: &str = "stated_bytes";

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure: its kind, what was being done, and the facts.
#[derive(Debug)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    operation: &'static str,
    context: Vec<(&'static str, String)>,
    retry_after_seconds: Option<u64>,
    http_status: Option<u16>,
    source: Option<Source>,
}

impl Error {
    /// Creates an error; `operation` is a present participle such as "opening the partial file".
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self(Box::new(Details {
            kind,
            operation,
            context: Vec::new(),
            retry_after_seconds: None,
            http_status: None,
            source: None,
        }))
    }

    /// Adds a fact.
    #[must_use]
    pub fn context(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Adds the lower error that caused this one.
    #[must_use]
    pub fn source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds how long the origin hub asked us to wait.
    #[must_use]
    pub fn retry_after_seconds(mut self, seconds: Option<u64>) -> Self {
        self.0.retry_after_seconds = seconds;
        self
    }

    /// Adds the status of a hub's answer.
    #[must_use]
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self.context("status", status)
    }

    /// Returns the operating system's number for the failure; none if it has none.
    pub(crate) fn os_error(&self) -> Option<i32> {
        let source = self.0.source.as_deref()?;
        let errno = source.downcast_ref::<rustix::io::Errno>().map(|errno| errno.raw_os_error());
        errno.or_else(|| source.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error))
    }

    /// Returns the status of a hub's answer, if the failure is about one.
    pub(crate) fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// Adds the number of bytes that a hub states if the caller wants fewer.
    #[must_use]
    pub(crate) fn stated_bytes(self, bytes: u64) -> Self {
        self.context(STATED_BYTES, bytes)
    }

    /// Returns the number of bytes that a hub states if the caller wants fewer: another hub may still have fewer.
    pub(crate) fn too_many_bytes(&self) -> Option<u64> {
        self.fact(STATED_BYTES)?.parse().ok()
    }

    /// Tells whether the hub is at fault, whatever the request: it cannot be reached, or a server in front of it cannot reach
    /// it.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        self.kind() == ErrorKind::Network || matches!(self.http_status(), Some(502 | 504))
    }

    /// Returns the added facts, in order.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// Returns one of them, if it is known.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Returns the meaning of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns how long the origin hub asked us to wait, in seconds.
    pub fn wait_seconds(&self) -> Option<u64> {
        self.0.retry_after_seconds
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &*self.0;
        write!(f, "{} while {}", details.kind.phrase(), details.operation)?;
        for (position, (key, value)) in details.context.iter().enumerate() {
            let opening = if position == 0 { " {" } else { ", " };
            write!(f, "{opening}{key}: {value}")?;
        }
        if !details.context.is_empty() {
            f.write_str("}")?;
        }
        let mut source = details.source.as_ref().map(|s| &**s as &dyn std::error::Error);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Turns lower results into ours.
pub(crate) trait OrFail<T> {
    fn or_fail(self, kind: ErrorKind, operation: &'static str) -> Result<T>;
}

impl<T, E: Into<Source>> OrFail<T> for std::result::Result<T, E> {
    fn or_fail(self, kind: ErrorKind, operation: &'static str) -> Result<T> {
        self.map_err(|source| Error::new(kind, operation).source(source))
    }
}

/// Adds facts to the error of a result.
pub(crate) trait WithContext {
    #[must_use]
    fn context(self, key: &'static str, value: impl fmt::Display) -> Self;
}

impl<T> WithContext for Result<T> {
    fn context(self, key: &'static str, value: impl fmt::Display) -> Self {
        self.map_err(|error| error.context(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_names_kind_operation_facts_and_cause() {
        let cause = std::io::Error::other("No space left on device");
        let error = Error::new(ErrorKind::Storage, "writing the partial file")
            .context("path", "7/ab-0.1.partial")
            .context("needed_bytes", 10)
            .source(cause);
        assert_eq!(
            error.to_string(),
            "storage failure while writing the partial file {path: 7/ab-0.1.partial, needed_bytes: 10}: \
             No space left on device"
        );
        assert!(error.kind().is_temporary());
    }

    #[test]
    fn exactly_four_kinds_are_worth_retrying() {
        use ErrorKind::*;
        let all = [Network, PeerBusy, Storage, Corrupt, Refused, NotFound, LimitExceeded, Unsupported, InvalidInput, Signature];
        let temporary: Vec<_> = all.into_iter().filter(|kind| kind.is_temporary()).collect();
        assert_eq!(temporary, [Network, PeerBusy, Storage, Corrupt]);
    }
}

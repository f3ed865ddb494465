//! A channel's address at a hub.

use url::Url;

use super::page::{Page, Slash, is_segment_char};
use crate::error::{Error, ErrorKind, Result};
use crate::getfile::HubUrl;

/// A channel at one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    hub: HubUrl,
    nick: String,
    /// `https://host[:port]` and the sub-directory, as hubs write them.
    root: String,
    /// The length of scheme, host and port in the root.
    origin_length: usize,
    /// None of the root's characters ends a URL anywhere.
    is_plain: bool,
}

impl Home {
    /// Names a hub and the channel's nick there.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the nick is empty or has invalid characters.
    pub fn new(hub: HubUrl, nick: &str) -> Result<Self> {
        if nick.is_empty() || !nick.chars().all(is_segment_char) {
            return Err(Error::new(ErrorKind::InvalidInput, "naming a channel at a hub")
                .context("hub", &hub)
                .context("nick", nick.escape_debug())
                .context("expected", "letters, digits, - and _"));
        }
        Ok(Self::at(hub, nick))
    }

    pub(super) fn at(hub: HubUrl, nick: &str) -> Self {
        let mut root = hub.url().origin().ascii_serialization();
        let origin_length = root.len();
        root.push_str(hub.url().path().trim_end_matches('/'));
        let is_plain = root.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%:/".contains(&byte));
        Self { hub, nick: nick.to_owned(), root, origin_length, is_plain }
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn nick(&self) -> &str {
        &self.nick
    }

    /// Tells whether the root's characters end a URL nowhere.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Returns the page with which a text begins, if its URL is written as hubs do; where the URL ends need not be known.
    #[inline]
    pub(super) fn usual_page(&self, text: &str) -> Option<Page> {
        if self.is_plain && text.starts_with(&self.root) { Page::of(text, self.root.len(), Slash::Plain) } else { None }
    }

    /// Returns the page of a URL beneath this hub's root.
    pub(super) fn page(&self, url: &str) -> Option<Page> {
        Page::of(url, url.len() - self.strip_root(url)?.len(), Slash::Plain)
    }

    /// Tells whether a URL is beneath this hub's root; returns what follows the root.
    pub(super) fn strip_root<'t>(&self, url: &'t str) -> Option<&'t str> {
        if let Some(rest) = url.strip_prefix(self.root.as_str()) {
            let is_whole = if self.root.len() == self.origin_length { &b"/"[..] } else { b"/?#" };
            if rest.is_empty() || rest.as_bytes().first().is_some_and(|byte| is_whole.contains(byte)) {
                return Some(rest);
            }
        }
        let folder = self.root.get(self.origin_length..)?;
        let rest = self.strip_odd_origin(url)?.strip_prefix(folder)?;
        (folder.is_empty() || rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
    }

    /// Does the same for scheme, host and port alone, in unusual forms: in capitals, with a default port.
    fn strip_odd_origin<'t>(&self, url: &'t str) -> Option<&'t str> {
        let scheme_length = url.bytes().position(|byte| byte == b':')? + "://".len();
        let after = url.get(scheme_length..)?;
        // In the usual form without a port, a different host is a different host. Only unusual forms are worth parsing.
        let plain_length = after.bytes().take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')).count();
        let ends = |c: char| matches!(c, '/' | '?' | '#') || ends_url(c);
        if after.get(plain_length..)?.chars().next().is_none_or(ends) && self.hub.url().host_str() != after.get(..plain_length) {
            return None;
        }
        let origin = url.get(..scheme_length + after.find(ends).unwrap_or(after.len()))?;
        // Hubs never write a user, not even an empty one.
        let parsed = Url::parse(origin).ok().filter(|_| !origin.contains('@'))?;
        (parsed.origin() == self.hub.url().origin()).then(|| url.get(origin.len()..)).flatten()
    }
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "[]\"'<>(){}|\\^`,;".contains(c)
}

//! What a URL of a hub names: a page's kind, and a file or a nick.

use super::table::{but, run_length, table_of, with_alphanumerics};

/// How a text writes a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slash {
    Plain,
    /// `\/`, as PHP does in JSON.
    Escaped,
}

impl Slash {
    pub(super) fn written(self) -> &'static str {
        match self {
            Self::Plain => "/",
            Self::Escaped => "\\/",
        }
    }

    fn strip(self, text: &str) -> Option<&str> {
        match self {
            Self::Plain => text.strip_prefix('/'),
            Self::Escaped => text.strip_prefix("\\/"),
        }
    }
}

/// What a page shows, by the first segment of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file or a photo, by its hash.
    Media,
    /// Pages of a channel, by its nick.
    Channel,
    Other,
}

/// The beginning of a URL beneath a hub's root: the first two segments of its path. A segment is letters, digits, `-`, `_`.
#[derive(Clone, Copy)]
pub(super) struct Page {
    /// The length of the root.
    pub(super) root: usize,
    pub(super) kind: Kind,
    /// The offset of the second segment, and of what follows it.
    pub(super) name: usize,
    pub(super) end: usize,
}

impl Page {
    #[inline]
    pub(super) fn of(url: &str, root: usize, slash: Slash) -> Option<Self> {
        let first = segment(url.get(root..)?, slash)?;
        let kind = match first {
            "photo" | "attach" => Kind::Media,
            "photos" | "album" | "cloud" | "channel" | "profile" => Kind::Channel,
            _ => Kind::Other,
        };
        let behind = root + slash.written().len() + first.len();
        let name = behind + slash.written().len();
        Some(Self { root, kind, name, end: name + segment(url.get(behind..)?, slash)?.len() })
    }
}

/// Returns the first segment of a path.
#[inline]
fn segment(path: &str, slash: Slash) -> Option<&str> {
    let rest = slash.strip(path)?;
    let mut length = run_length(rest.as_bytes(), &ENDS_SEGMENT);
    if rest.as_bytes().get(length).is_some_and(|byte| !byte.is_ascii()) {
        length = rest.find(|c| !is_segment_char(c)).unwrap_or(rest.len());
    }
    rest.get(..length)
}

pub(super) fn is_segment_char(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

/// Bytes that end a segment, or need a closer look.
const ENDS_SEGMENT: [bool; 256] = but(with_alphanumerics(table_of(b"-_")));

/// The second segment of a page's path.
pub(super) struct Name<'t> {
    pub(super) text: &'t str,
    /// The rest of the URL.
    pub(super) behind: &'t str,
    /// Whether punctuation and emphasis at the end of the URL are not part of it.
    pub(super) is_bare: bool,
}

impl<'t> Name<'t> {
    /// Returns the name of a page with this URL.
    #[inline]
    pub(super) fn of(url: &'t str, page: &Page, is_bare: bool) -> Option<Self> {
        Some(Self { text: url.get(page.name..page.end)?, behind: url.get(page.end..)?, is_bare })
    }

    /// Tells whether it is a nick. At the end of a bare URL, emphasis and punctuation after the nick are not part of it.
    pub(super) fn is(&self, nick: &str) -> bool {
        let Some(rest) = self.text.strip_prefix(nick) else { return false };
        rest.is_empty() && self.is_whole() || self.is_bare && [rest, self.behind].iter().all(|rest| rest.chars().all(is_trailing))
    }

    /// Returns the other name that it may be: the one before emphasis at the end of a bare URL.
    pub(super) fn emphasised(&self) -> Option<&'t str> {
        (self.is_bare && self.text.ends_with('_')).then(|| self.text.trim_end_matches('_'))
    }

    /// Tells whether the segment ends with its letters: `alice]`, `alice?f=` and a full stop at the end of a sentence do,
    /// `alice.example` and `alice%20b` do not.
    fn is_whole(&self) -> bool {
        let mut behind = self.behind.chars();
        match behind.next() {
            Some('.') => !behind.next().is_some_and(char::is_alphanumeric),
            Some('%' | '~' | '+' | '@' | '=' | '$' | '*') => false,
            _ => true,
        }
    }
}

/// Punctuation and emphasis that Markdown strips from the end of a bare URL.
fn is_trailing(c: char) -> bool {
    "?!.,:;*_~'\"".contains(c)
}

/// Removes the scale from `hash-scale`.
pub(super) fn without_scale(name: &str) -> Option<&str> {
    match name.as_bytes() {
        [.., b'-', scale] if scale.is_ascii_digit() => name.get(..name.len() - 2),
        _ => None,
    }
}

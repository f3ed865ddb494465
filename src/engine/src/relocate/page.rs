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

/// The beginning of a URL beneath a hub's root: the first two segments of its path. A segment is letters, digits, `-`, `_`.
#[derive(Clone, Copy)]
pub(super) struct Page<'t> {
    /// The length of the root.
    pub(super) root: usize,
    pub(super) kind: &'t str,
    pub(super) name: &'t str,
    /// The offset of the name.
    pub(super) name_start: usize,
}

impl<'t> Page<'t> {
    pub(super) fn of(url: &'t str, root: usize, slash: Slash) -> Option<Self> {
        let kind = segment(url.get(root..)?, slash)?;
        let kind_end = root + slash.written().len() + kind.len();
        let name = segment(url.get(kind_end..)?, slash)?;
        Some(Self { root, kind, name, name_start: kind_end + slash.written().len() })
    }

    /// Returns the length up to the end of the name.
    pub(super) fn length(&self) -> usize {
        self.name_start + self.name.len()
    }
}

/// Returns the first segment of a path.
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

/// The second segment of a page's path, and the rest of its URL.
pub(super) struct Name<'t> {
    pub(super) text: &'t str,
    pub(super) behind: &'t str,
    /// Whether punctuation and emphasis at the end of the URL are not part of it.
    pub(super) is_bare: bool,
}

impl<'t> Name<'t> {
    /// Tells whether it is a nick. At the end of a bare URL, emphasis and punctuation after the nick are not part of it.
    pub(super) fn is(&self, nick: &str) -> bool {
        let Some(rest) = self.text.strip_prefix(nick) else { return false };
        rest.is_empty() && self.is_whole() || self.is_bare && [rest, self.behind].iter().all(|rest| rest.chars().all(is_trailing))
    }

    /// Returns the possible names: all letters, or those before emphasis at the end of a bare URL.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &'t str> {
        let emphasised = Some(self.text.trim_end_matches('_')).filter(|name| self.is_bare && name.len() < self.text.len());
        [Some(self.text), emphasised].into_iter().flatten()
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

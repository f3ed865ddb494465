//! Finds where URLs begin and end in bbcode, Markdown and HTML.
//!
//! Invariant: everything inside a URL is part of it, even if it looks like another URL: the address of an archive, a share button or
//! a proxy belongs to that service as a whole. Edges depend on the markup and never on the host, so they are the same in a text and
//! in its relocated form. Each byte is examined a bounded number of times.

use std::iter::Peekable;

use memchr::memmem::{FindIter, Finder};
use memchr::{Memchr2, memchr2_iter};

use super::looked_at::Looked;
use super::table::{but, run_length, run_length_back, table_of, with_alphanumerics, with_controls};

/// Where an http or https URL ends in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) end: usize,
    /// Only white space or similar ends it: punctuation and emphasis at its end are not part of it.
    pub(super) is_bare: bool,
}

/// What a URL is recognized by; prepared once, for a search is prepared as long as it takes in a short text.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    host: Finder<'static>,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { host: Finder::new("www.") }
    }
}

/// Finds the http and https URLs of a text, the outermost ones.
pub(super) struct Places<'t> {
    text: &'t str,
    /// Colons; and opening brackets, if there may be shared posts.
    signs: Memchr2<'t>,
    hosts: Peekable<FindIter<'t, 't>>,
    /// How many posts shared within each other are open.
    shares: usize,
    /// Anything that begins before this is part of a URL already found.
    free_from: usize,
    /// A URL whose inside is searched too.
    entered: Place,
    looked: Looked,
}

impl<'t> Places<'t> {
    pub(super) fn of(text: &'t str, marks: &'t Marks, looked: &Looked) -> Self {
        looked.at(text.len());
        let bracket = if may_share(text.as_bytes()) { b'[' } else { b':' };
        Self {
            text,
            signs: memchr2_iter(b':', bracket, text.as_bytes()),
            hosts: marks.host.find_iter(text.as_bytes()).peekable(),
            shares: 0,
            free_from: 0,
            entered: Place { end: 0, is_bare: false },
            looked: looked.clone(),
        }
    }

    /// Returns where the next URL begins; `place` tells the rest.
    pub(super) fn next(&mut self) -> Option<usize> {
        loop {
            let separator = self.separator()?;
            self.pass_hosts(separator);
            let Some(start) = self.scheme_start(separator) else { continue };
            if start < self.free_from {
                continue;
            }
            if self.is_http(start..separator) && (start < self.entered.end || self.may_begin(start)) {
                return Some(start);
            }
            self.place(start, 0);
        }
    }

    /// Tells whether the last URL is in a post that the text shares, `[share …]…[/share]`; an unclosed one reaches to the end.
    pub(super) fn is_shared(&self) -> bool {
        self.shares > 0
    }

    /// Finds the next `://`, and keeps count of the shared posts before it.
    fn separator(&mut self) -> Option<usize> {
        loop {
            let sign = self.signs.next()?;
            match self.text.as_bytes().get(sign..)? {
                [b':', b'/', b'/', ..] => return Some(sign),
                [b'[', tag @ ..] if is_share(tag) => self.shares += 1,
                [b'[', tag @ ..] if self.shares > 0 && starts_with(tag, b"/share]") => self.shares -= 1,
                _ => {}
            }
        }
    }

    /// Passes over the URLs before a separator that begin with a host.
    fn pass_hosts(&mut self, separator: usize) {
        while let Some(host) = self.hosts.next_if(|host| *host < separator) {
            let is_first = !self.before(host).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._/@".contains(&byte));
            if is_first && host >= self.free_from {
                self.place(host, 0);
            }
        }
    }

    /// Returns the URL that begins there, of which so many bytes are known; what begins inside it is part of it.
    pub(super) fn place(&mut self, start: usize, known: usize) -> Place {
        let is_inside = start < self.entered.end;
        let place = if is_inside { self.entered } else { self.outermost(start, known) };
        self.free_from = place.end;
        place
    }

    /// Allows finding URLs inside a URL that begin there or later.
    pub(super) fn enter(&mut self, place: Place, from: usize) {
        self.free_from = from;
        self.entered = place;
    }

    /// Returns the start of a scheme that ends before `://`.
    fn scheme_start(&self, separator: usize) -> Option<usize> {
        let before = self.text.as_bytes().get(..separator)?;
        if let Some(rest) = before.strip_suffix(b"https")
            && rest.last().is_none_or(|byte| ENDS_SCHEME[usize::from(*byte)])
        {
            return Some(rest.len());
        }
        let length = run_length_back(before, &ENDS_SCHEME);
        self.looked.at(length);
        (length > 0).then_some(separator - length)
    }

    fn is_http(&self, scheme: std::ops::Range<usize>) -> bool {
        let scheme = self.text.as_bytes().get(scheme).unwrap_or_default();
        matches!(scheme, b"https" | b"http") || scheme.eq_ignore_ascii_case(b"https") || scheme.eq_ignore_ascii_case(b"http")
    }

    fn before(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at.checked_sub(1)?).copied()
    }

    /// Tells whether a URL can begin after the preceding text: not inside a path or a query.
    fn may_begin(&self, start: usize) -> bool {
        match self.before(start) {
            Some(b'/' | b'?' | b'&' | b'#') => false,
            Some(b'=') => match self.before_name(start) {
                None => true,
                Some(byte) => byte.is_ascii_whitespace() || !byte.is_ascii() || b"[({<>|\"'".contains(&byte),
            },
            _ => true,
        }
    }

    /// Returns the byte before `name=`.
    fn before_name(&self, start: usize) -> Option<u8> {
        let before = self.text.as_bytes().get(..start.checked_sub(1)?)?;
        let nearest = before.get(before.len().saturating_sub(MOST_NAME_BYTES)..)?;
        let length = run_length_back(nearest, &ENDS_NAME);
        self.looked.at(length);
        self.before(before.len() - length)
    }

    /// Finds the end of an outermost URL.
    fn outermost(&self, start: usize, known: usize) -> Place {
        let bytes = self.text.as_bytes();
        let from = if known > 0 { start + known } else { behind_host(bytes, start) };
        let exact = |end| Place { end, is_bare: false };
        let before = self.before(start);
        match before {
            Some(quote @ (b'"' | b'\'')) => {
                let end = self.run(from, if quote == b'"' { &ENDS_QUOTED_TWICE } else { &ENDS_QUOTED_ONCE });
                if bytes.get(end) == Some(&quote) {
                    return exact(end);
                }
            }
            Some(b'<') => {
                let end = self.run(from, &ENDS_ENCLOSED);
                if bytes.get(end) == Some(&b'>') {
                    return exact(end);
                }
            }
            Some(b'=') if self.before_name(start) == Some(b'[') => {
                return exact(self.run(from, &ENDS_IN_TAG));
            }
            Some(b'(') if start >= 2 && self.before(start - 1) == Some(b']') => {
                return exact(self.end(from, &STOPS_DESTINATION));
            }
            _ => {}
        }
        let end = self.end(from, &STOPS_BARE);
        let is_bare = match before {
            // `[url]…[/url]`
            Some(b']') => bytes.get(end..end + 2) != Some(b"[/"),
            // `<a href=…>`
            Some(b'=') => bytes.get(end) != Some(&b'>'),
            _ => true,
        };
        Place { end, is_bare }
    }

    fn run(&self, from: usize, ends: &[bool; 256]) -> usize {
        let length = run_length(self.text.as_bytes().get(from..).unwrap_or_default(), ends);
        self.looked.at(length);
        from + length
    }

    /// Finds the end without an enclosing bracket: the first byte that is invalid in URLs, a bracket that was not opened inside, an entity or a
    /// character with the same meaning.
    fn end(&self, from: usize, stops: &[bool; 256]) -> usize {
        let bytes = self.text.as_bytes();
        let (mut at, mut open) = (from, 0usize);
        loop {
            at = self.run(at, stops);
            match bytes.get(at) {
                Some(b'(') => open += 1,
                Some(b')') if open > 0 => open -= 1,
                Some(b'&') if !is_ending_entity(bytes.get(at + 1..).unwrap_or_default()) => {}
                Some(0x80..) => match self.text.get(at..).and_then(|rest| rest.chars().next()) {
                    Some(c) if !is_ending(c) => at += c.len_utf8() - 1,
                    _ => return at,
                },
                _ => return at,
            }
            at += 1;
        }
    }
}

/// Tells whether there is a bracket before an S.
#[expect(clippy::needless_bitwise_bool, reason = "without branches the compiler compares many bytes at once")]
fn may_share(text: &[u8]) -> bool {
    let pairs = text.iter().zip(text.get(1..).unwrap_or_default());
    pairs.fold(false, |found, (one, next)| found | (*one == b'[') & (*next | 0x20 == b's'))
}

/// Tells whether a tag begins a shared post: `share]`, `share author=…`.
fn is_share(tag: &[u8]) -> bool {
    starts_with(tag, b"share") && matches!(tag.get(b"share".len()), Some(b' ' | b']' | b'='))
}

fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Longer names of attributes and tags do not count.
const MOST_NAME_BYTES: usize = 64;

/// Bytes that are in no scheme, and in no name of an attribute or a tag.
const ENDS_SCHEME: [bool; 256] = but(with_alphanumerics(table_of(b"+-.")));
const ENDS_NAME: [bool; 256] = but(with_alphanumerics(table_of(b"-_:.")));

/// Bytes that end a URL between quotes and in brackets of every kind.
const ENDS_ENCLOSED: [bool; 256] = with_controls(table_of(b" <>\x7f"));
const ENDS_QUOTED_TWICE: [bool; 256] = with_controls(table_of(b" <>\x7f\""));
const ENDS_QUOTED_ONCE: [bool; 256] = with_controls(table_of(b" <>\x7f'"));
/// Bytes that end a URL in a tag of bbcode.
const ENDS_IN_TAG: [bool; 256] = with_controls(table_of(b" <>\x7f]\""));
/// Bytes that end a URL without quotes or brackets, or need a closer look.
const STOPS_BARE: [bool; 256] = with_the_rest(with_controls(table_of(b" <>\x7f[]\"'{}|\\^`()&")));
/// The same inside Markdown's parentheses.
const STOPS_DESTINATION: [bool; 256] = with_the_rest(with_controls(table_of(b" <>\x7f()\"&")));

const fn with_the_rest(mut table: [bool; 256]) -> [bool; 256] {
    let mut byte = 0x80;
    while byte < 0x100 {
        table[byte] = true;
        byte += 1;
    }
    table
}

/// Returns where to search for the end: after the scheme, and after an address in brackets.
fn behind_host(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let Some(separator) = rest.iter().take(MOST_NAME_BYTES).position(|byte| *byte == b':') else { return start };
    let host = start + separator + "://".len();
    let Some([b'[', address @ ..]) = bytes.get(host..) else { return host };
    let length =
        address.iter().take(MOST_NAME_BYTES).take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')).count();
    if length > 0 && address.get(length) == Some(&b']') { host + length + 2 } else { host }
}

/// Entities of characters that end a URL; `&amp;` does not.
fn is_ending_entity(behind: &[u8]) -> bool {
    [&b"quot;"[..], b"lt;", b"gt;", b"apos;", b"nbsp;", b"#34;", b"#39;", b"#039;", b"#60;", b"#62;", b"#x22;", b"#x27;"]
        .iter()
        .any(|entity| starts_with(behind, entity))
}

/// Characters beyond ASCII that end an unquoted URL: white space, quotation marks, punctuation.
fn is_ending(c: char) -> bool {
    let is_punctuation = matches!(c,
        '\u{a1}' | '\u{ab}' | '\u{bb}' | '\u{bf}' | '\u{2010}'..='\u{205e}' | '\u{3001}'..='\u{303f}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff01}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}');
    c.is_whitespace() || c.is_control() || is_punctuation && !c.is_alphanumeric()
}

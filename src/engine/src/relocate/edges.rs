//! Finds where URLs begin and end in bbcode, Markdown and HTML.
//!
//! Invariant: everything inside a URL is part of it, even if it looks like another URL: the address of an archive, a share button or
//! a proxy belongs to that service as a whole. Edges depend on the markup and never on the host, so they are the same in a text and
//! in its relocated form. Each byte is examined a bounded number of times.

use memchr::memmem::{FindIter, Finder};

use super::looked_at::Looked;
use super::table::table_of;

/// An http or https URL in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Only white space or similar ends it: punctuation and emphasis at its end are not part of it.
    pub(super) is_bare: bool,
}

/// What a URL is recognized by; prepared once, for a search is prepared as long as it takes in a short text.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    separator: Finder<'static>,
    host: Finder<'static>,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { separator: Finder::new("://"), host: Finder::new("www.") }
    }
}

/// Finds the http and https URLs of a text, the outermost ones.
pub(super) struct Places<'t> {
    text: &'t str,
    separators: FindIter<'t, 't>,
    hosts: FindIter<'t, 't>,
    separator: Option<usize>,
    host: Option<usize>,
    /// Anything that begins before this is part of a URL already found.
    free_from: usize,
    /// A URL whose inside is searched too.
    entered: Place,
    looked: Looked,
}

impl<'t> Places<'t> {
    pub(super) fn of(text: &'t str, marks: &'t Marks, looked: &Looked) -> Self {
        let mut separators = marks.separator.find_iter(text.as_bytes());
        let mut hosts = marks.host.find_iter(text.as_bytes());
        looked.at(text.len());
        let (separator, host) = (separators.next(), hosts.next());
        Self {
            text,
            separators,
            hosts,
            separator,
            host,
            free_from: 0,
            entered: Place { start: 0, end: 0, is_bare: false },
            looked: looked.clone(),
        }
    }

    /// Allows finding URLs inside a URL that begin after its first `length` bytes.
    pub(super) fn enter(&mut self, place: Place, length: usize) {
        self.free_from = place.start + length;
        self.entered = place;
    }

    pub(super) fn next(&mut self) -> Option<Place> {
        loop {
            let (start, is_http) = match (self.separator, self.host) {
                (Some(separator), host) if host.is_none_or(|host| separator < host) => {
                    self.separator = self.separators.next();
                    let Some(start) = self.scheme_start(separator) else { continue };
                    (start, self.is_http(start..separator))
                }
                (_, Some(host)) => {
                    self.host = self.hosts.next();
                    if self.before(host).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._/@".contains(&byte)) {
                        continue;
                    }
                    (host, false)
                }
                _ => return None,
            };
            if start < self.free_from {
                continue;
            }
            let is_inside = start < self.entered.end;
            let place = if is_inside { Place { start, ..self.entered.clone() } } else { self.place(start) };
            self.free_from = place.end;
            if is_http && (is_inside || self.may_begin(start)) {
                return Some(place);
            }
        }
    }

    /// Returns the start of a scheme that ends before `://`.
    fn scheme_start(&self, separator: usize) -> Option<usize> {
        let before = self.text.as_bytes().get(..separator)?;
        let in_scheme = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = before.iter().rev().take_while(in_scheme).count();
        self.looked.at(length);
        (length > 0).then_some(separator - length)
    }

    fn is_http(&self, scheme: std::ops::Range<usize>) -> bool {
        self.text.get(scheme).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
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
        let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.');
        let length = before.iter().rev().take(MOST_NAME_BYTES).take_while(in_name).count();
        self.looked.at(length);
        self.before(before.len() - length)
    }

    /// Finds the end of an outermost URL.
    fn place(&self, start: usize) -> Place {
        let bytes = self.text.as_bytes();
        let from = behind_host(bytes, start);
        let exact = |end| Place { start, end, is_bare: false };
        let before = self.before(start);
        match before {
            Some(quote @ (b'"' | b'\'')) => {
                let end = self.run(from, |byte| byte != quote && !ENDS_QUOTED[usize::from(byte)]);
                if bytes.get(end) == Some(&quote) {
                    return exact(end);
                }
            }
            Some(b'<') => {
                let end = self.run(from, |byte| !ENDS_QUOTED[usize::from(byte)]);
                if bytes.get(end) == Some(&b'>') {
                    return exact(end);
                }
            }
            Some(b'=') if self.before_name(start) == Some(b'[') => {
                return exact(self.run(from, |byte| byte != b']' && byte != b'"' && !ENDS_QUOTED[usize::from(byte)]));
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
        Place { start, end, is_bare }
    }

    fn run(&self, from: usize, is_inside: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_inside(**byte)).count();
        self.looked.at(length);
        from + length
    }

    /// Finds the end without an enclosing bracket: the first byte that is invalid in URLs, a bracket that was not opened inside, an entity or a
    /// character with the same meaning.
    fn end(&self, from: usize, stops: &[bool; 256]) -> usize {
        let bytes = self.text.as_bytes();
        let (mut at, mut open) = (from, 0usize);
        loop {
            at = self.run(at, |byte| !stops[usize::from(byte)]);
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

/// Longer names of attributes and tags do not count.
const MOST_NAME_BYTES: usize = 64;

/// Bytes that end a URL between quotes and in brackets of every kind.
const ENDS_QUOTED: [bool; 256] = with_controls(table_of(b" <>\x7f"));
/// Bytes that end a URL without quotes or brackets, or need a closer look.
const STOPS_BARE: [bool; 256] = with_the_rest(with_controls(table_of(b" <>\x7f[]\"'{}|\\^`()&")));
/// The same inside Markdown's parentheses.
const STOPS_DESTINATION: [bool; 256] = with_the_rest(with_controls(table_of(b" <>\x7f()\"&")));

const fn with_controls(mut table: [bool; 256]) -> [bool; 256] {
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table
}

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
        .any(|entity| behind.get(..entity.len()).is_some_and(|start| start.eq_ignore_ascii_case(entity)))
}

/// Characters beyond ASCII that end an unquoted URL: white space, quotation marks, punctuation.
fn is_ending(c: char) -> bool {
    let is_punctuation = matches!(c,
        '\u{a1}' | '\u{ab}' | '\u{bb}' | '\u{bf}' | '\u{2010}'..='\u{205e}' | '\u{3001}'..='\u{303f}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff01}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}');
    c.is_whitespace() || c.is_control() || is_punctuation && !c.is_alphanumeric()
}

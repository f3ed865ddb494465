//! JSON string literals: where they are, what they mean, and how the bytes of both correspond.

use super::looked_at::Looked;
use super::table::table_of;

/// The text between the quotes of a JSON string.
pub(super) struct Literal {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) has_escapes: bool,
}

/// The bytes that show how a JSON string is escaped and whether it may hold a URL.
const IS_TELLING: [bool; 256] = table_of(b"\"\\:");

/// Finds the string values of a valid JSON text that may hold a URL.
pub(super) fn literals(text: &str, looked: &Looked) -> impl Iterator<Item = Literal> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + bytes.get(at..)?.iter().position(|&byte| byte == b'"')? + 1;
            let (mut end, mut has_escapes, mut may_hold) = (start, false, false);
            loop {
                end += bytes.get(end..)?.iter().take_while(|byte| !IS_TELLING[usize::from(**byte)]).count();
                match bytes.get(end)? {
                    b'"' => break,
                    b'\\' => {
                        has_escapes = true;
                        end += 1;
                        // An escaped colon is unusual enough for a closer look.
                        may_hold |= bytes.get(end) == Some(&b'u');
                    }
                    _ => may_hold |= matches!(bytes.get(end + 1), Some(b'/' | b'\\')),
                }
                end += 1;
            }
            looked.at(end + 1 - at);
            at = end + 1;
            let behind = bytes.get(at..)?;
            let space = behind.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            looked.at(space);
            let is_key = behind.get(space) == Some(&b':');
            if !is_key && may_hold {
                return Some(Literal { start, end, has_escapes });
            }
        }
    })
}

/// Decodes a literal; half of a surrogate pair becomes U+FFFD.
pub(super) fn unescape(raw: &str, plain: &mut String, looked: &Looked) {
    looked.at(raw.len());
    plain.clear();
    let mut from = 0;
    while let Some(length) = memchr::memchr(b'\\', raw.as_bytes().get(from..).unwrap_or_default()) {
        plain.push_str(raw.get(from..from + length).unwrap_or_default());
        from += length;
        let (c, escape_length) = escape(raw.get(from..).unwrap_or_default());
        plain.push(c);
        from += escape_length;
    }
    plain.push_str(raw.get(from..).unwrap_or_default());
}

/// Reads the escape at the start; returns its character and its length.
fn escape(raw: &str) -> (char, usize) {
    let c = match raw.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return hexadecimal(raw),
        Some(byte) => char::from(*byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (c, 2)
}

fn hexadecimal(raw: &str) -> (char, usize) {
    const LENGTH: usize = "\\uffff".len();
    let unit = |at: usize| {
        let digits = raw.get(at..at + LENGTH)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0).unwrap_or(0xfffd);
    let pair = [first, unit(LENGTH).unwrap_or(0)];
    let c = char::decode_utf16([first]).next().and_then(Result::ok);
    match c {
        Some(c) => (c, LENGTH),
        None => match char::decode_utf16(pair).next() {
            Some(Ok(c)) => (c, 2 * LENGTH),
            _ => (char::REPLACEMENT_CHARACTER, LENGTH),
        },
    }
}

/// Goes through a literal and its decoded text side by side, forward only.
#[derive(Clone)]
pub(super) struct Walk<'t> {
    raw: &'t str,
    at: usize,
    /// Offset of the next escape, or the end.
    escape: usize,
    plain_at: usize,
    looked: Looked,
}

impl<'t> Walk<'t> {
    pub(super) fn of(raw: &'t str, looked: &Looked) -> Self {
        Self { raw, at: 0, escape: next_escape(raw, 0, looked), plain_at: 0, looked: looked.clone() }
    }

    /// Returns where the character at an offset of the decoded text is in the literal; the offset must not go backwards.
    pub(super) fn to(&mut self, plain: usize) -> usize {
        loop {
            let run = self.escape - self.at;
            if self.plain_at + run >= plain || self.escape == self.raw.len() {
                let step = plain.saturating_sub(self.plain_at).min(run);
                self.looked.at(step);
                self.at += step;
                self.plain_at += step;
                return self.at;
            }
            let (c, length) = escape(self.raw.get(self.escape..).unwrap_or_default());
            self.looked.at(run + length);
            self.plain_at += run + c.len_utf8();
            self.at = self.escape + length;
            self.escape = next_escape(self.raw, self.at, &self.looked);
        }
    }
}

fn next_escape(raw: &str, from: usize, looked: &Looked) -> usize {
    let rest = raw.as_bytes().get(from..).unwrap_or_default();
    let length = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
    looked.at(length);
    from + length
}

/// Writes a piece of a hub's address or a nick into a literal, with slashes escaped like those of the literal.
pub(super) fn spelled(text: &str, slash: &str, is_ascii: bool) -> String {
    use std::fmt::Write;
    let mut written = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '/' => written.push_str(slash),
            c if is_ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(written, "\\u{unit:04x}");
                }
            }
            c => written.push(c),
        }
    }
    written
}

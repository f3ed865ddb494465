//! The string values of a JSON text: where they are, what they mean, and how the bytes of both correspond.
//!
//! `serde_json` would decode them as well, but does not tell where in the text they are.

use std::borrow::Cow;
use std::ops::Range;

use super::looked_at::Looked;

/// A string of a JSON text.
#[derive(Default)]
pub(super) struct Literal<'t> {
    /// The offset behind the opening quote.
    pub(super) start: usize,
    /// The text between the quotes.
    pub(super) raw: &'t str,
    escaped: Escaped,
    /// What it means, if it has escapes and was decoded.
    decoded: String,
    escapes: Vec<Escape>,
}

/// Which characters of a string are escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Escaped {
    #[default]
    Nothing,
    /// Only slashes, each as `\/`.
    Slashes,
    /// Others too.
    Others,
}

/// The offsets behind an escape: in the decoded text, and in the one between the quotes.
struct Escape {
    decoded: usize,
    raw: usize,
}

impl Literal<'_> {
    pub(super) fn escaped(&self) -> Escaped {
        self.escaped
    }

    /// Finds out what it means; half of a surrogate pair becomes U+FFFD.
    pub(super) fn decode(&mut self) {
        self.decoded.clear();
        self.escapes.clear();
        if self.escaped == Escaped::Nothing {
            return;
        }
        let mut at = 0;
        while let Some(rest) = self.raw.get(at..) {
            let (plain, escaped) = rest.split_at(plain_length(rest.as_bytes()));
            self.decoded.push_str(plain);
            let Some((c, length)) = escape(escaped.as_bytes()) else { return };
            self.decoded.push(c);
            at += plain.len() + length;
            self.escapes.push(Escape { decoded: self.decoded.len(), raw: at });
        }
    }

    /// Returns what it means, once that is found out.
    pub(super) fn decoded(&self) -> &str {
        if self.escapes.is_empty() { self.raw } else { &self.decoded }
    }

    /// Returns where a piece of the decoded text is between the quotes.
    fn range(&self, decoded: Range<usize>) -> Range<usize> {
        let raw = |at| match self.escapes.partition_point(|escape| escape.decoded <= at).checked_sub(1) {
            Some(last) => self.escapes.get(last).map_or(at, |escape| escape.raw + at - escape.decoded),
            None => at,
        };
        raw(decoded.start)..raw(decoded.end)
    }

    /// Returns where a piece of the decoded text is in the JSON text.
    pub(super) fn place(&self, decoded: Range<usize>) -> Range<usize> {
        let range = self.range(decoded);
        self.start + range.start..self.start + range.end
    }

    /// Writes a piece of a hub's address or a nick like the rest of the literal, for a URL at an offset of the decoded text:
    /// slashes like the one before its host.
    pub(super) fn spelled<'p>(&self, text: &'p str, url: usize) -> Cow<'p, str> {
        use std::fmt::Write;
        let escapes_others = !text.is_ascii() && !self.escapes.is_empty() && self.raw.is_ascii();
        if !escapes_others && !text.contains('/') {
            return Cow::Borrowed(text);
        }
        let scheme = self.decoded().get(url..).and_then(|url| url.find(':')).unwrap_or_default();
        let slash = url + scheme + ":/".len();
        let slash = self.raw.get(self.range(slash..slash + 1)).unwrap_or("/");
        let mut written = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            match c {
                '/' => written.push_str(slash),
                c if escapes_others && !c.is_ascii() => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(written, "\\u{unit:04x}");
                    }
                }
                c => written.push(c),
            }
        }
        Cow::Owned(written)
    }
}

/// Reads a JSON text and hands over each string that is a value. The fault is an offset: what is there is not JSON.
///
/// Many begin with `root`, which has no escapes but those of slashes: to compare is faster than to read it again and again.
pub(super) fn each_string<'t>(
    text: &'t str,
    root: Option<&str>,
    looked: &Looked,
    found: impl FnMut(&mut Literal<'t>),
) -> std::result::Result<(), usize> {
    looked.at(text.len());
    let mut reader = Reader { text, at: 0, literal: Literal::default() };
    reader.document(root, found).ok_or(reader.at)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    literal: Literal<'t>,
}

impl<'t> Reader<'t> {
    fn document(&mut self, root: Option<&str>, mut found: impl FnMut(&mut Literal<'t>)) -> Option<()> {
        // The brackets that are open; a call for each would let the text decide how deep they go.
        let mut open = Vec::new();
        loop {
            match self.next()? {
                b'"' => {
                    self.string(root)?;
                    found(&mut self.literal);
                }
                b'{' if self.peek() != Some(b'}') => {
                    open.push(b'{');
                    self.key()?;
                    continue;
                }
                b'[' if self.peek() != Some(b']') => {
                    open.push(b'[');
                    continue;
                }
                b'{' | b'[' => self.at += 1,
                b't' => self.word("rue")?,
                b'f' => self.word("alse")?,
                b'n' => self.word("ull")?,
                b'-' => {
                    let digit = self.byte()?;
                    self.number(digit)?;
                }
                digit => self.number(digit)?,
            }
            loop {
                match (open.last(), self.peek()) {
                    (None, None) => return Some(()),
                    (Some(b'{'), Some(b',')) => {
                        self.at += 1;
                        self.key()?;
                        break;
                    }
                    (Some(b'['), Some(b',')) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    /// Returns the next byte that is not white space, without taking it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at).copied()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Takes the next byte that is not white space.
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Takes the next byte.
    fn byte(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn key(&mut self) -> Option<()> {
        (self.next()? == b'"').then_some(())?;
        self.string(None)?;
        (self.next()? == b':').then_some(())
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        self.text.get(self.at..)?.starts_with(rest).then_some(())?;
        self.at += rest.len();
        Some(())
    }

    /// Reads a number behind its first digit.
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.at += self.digits(),
            _ => return None,
        }
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(bytes.get(self.at), Some(b'+' | b'-')));
            self.some_digits()?;
        }
        Some(())
    }

    fn digits(&self) -> usize {
        self.text.as_bytes().get(self.at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn some_digits(&mut self) -> Option<()> {
        let count = self.digits();
        self.at += count;
        (count > 0).then_some(())
    }

    /// Reads a string behind its opening quote; it may begin with `root`.
    fn string(&mut self, root: Option<&str>) -> Option<()> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut escaped = Escaped::Nothing;
        if let Some(root) = root.filter(|root| bytes.get(start..).is_some_and(|rest| rest.starts_with(root.as_bytes()))) {
            self.at += root.len();
            escaped = Escaped::Slashes;
        }
        loop {
            self.at += plain_length(bytes.get(self.at..)?);
            match bytes.get(self.at..)? {
                [b'"', ..] => break,
                [b'\\', b'/', ..] => {
                    self.at += 2;
                    escaped = if escaped == Escaped::Others { escaped } else { Escaped::Slashes };
                }
                rest @ [b'\\', ..] => {
                    self.at += escape(rest)?.1;
                    escaped = Escaped::Others;
                }
                _ => return None,
            }
        }
        let literal = &mut self.literal;
        (literal.start, literal.raw, literal.escaped) = (start, self.text.get(start..self.at)?, escaped);
        self.at += 1;
        Some(())
    }
}

/// Returns how many bytes come before a quote, an escape, or a control character, which a string must not have as it is.
fn plain_length(bytes: &[u8]) -> usize {
    const fn each(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    // In the lowest byte that is below the bound, and maybe in some above it, the highest bit is set.
    let below = |eight: u64, bound: u8| eight.wrapping_sub(each(bound)) & !eight;
    // The bit in which a quote differs from a space changes no control character into anything else.
    let is_quote_or_control = |eight: u64| below(eight ^ each(b'"' ^ b' '), b' ' + 1);
    let (eights, rest) = bytes.as_chunks::<8>();
    for (number, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let found = (is_quote_or_control(eight) | below(eight ^ each(b'\\'), 1)) & each(0x80);
        if found != 0 {
            return 8 * number + found.trailing_zeros() as usize / 8;
        }
    }
    8 * eights.len() + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | ..b' ')).count()
}

/// Reads the escape at the start; returns its character and its length.
fn escape(raw: &[u8]) -> Option<(char, usize)> {
    let c = match raw.get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return hexadecimal(raw),
        byte @ (b'"' | b'\\' | b'/') => char::from(*byte),
        _ => return None,
    };
    Some((c, 2))
}

fn hexadecimal(raw: &[u8]) -> Option<(char, usize)> {
    const LENGTH: usize = "\\uffff".len();
    let unit = |raw: &[u8]| {
        let digits = raw.get(..LENGTH)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    };
    let first = unit(raw)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, LENGTH));
    }
    let second = raw.get(LENGTH..).and_then(unit);
    Some(match (first, second) {
        (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
            let c = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            (char::from_u32(c)?, 2 * LENGTH)
        }
        _ => (char::REPLACEMENT_CHARACTER, LENGTH),
    })
}

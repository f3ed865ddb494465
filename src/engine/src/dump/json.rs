//! Where a JSON value ends that begins a run of bytes of which maybe not all are here. `serde_json` decides what JSON is.

use serde_json::value::RawValue;

/// What is wrong if more bytes are needed and none come.
pub(super) const ENDS: &str = "the file ends here";

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole value, of this length.
    Whole(usize),
    /// The beginning of one.
    Begun,
    /// No value, because of the byte at this offset.
    Wrong(usize, String),
}

/// Reads the value that begins with the first byte; `is_all` says that no more bytes will come.
pub(super) fn value(bytes: &[u8], is_all: bool) -> Found {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
    match values.next() {
        // The digits of a number may go on in bytes that are not here.
        Some(Ok(_)) if values.byte_offset() == bytes.len() && !is_all => Found::Begun,
        Some(Ok(_)) => Found::Whole(values.byte_offset()),
        Some(Err(error)) if error.is_eof() && !is_all => Found::Begun,
        Some(Err(error)) => match wrong(bytes, &error) {
            // A number that is cut is called invalid.
            Found::Wrong(at, _) if at + 1 >= bytes.len() && !is_all => Found::Begun,
            wrong => wrong,
        },
        None if is_all => Found::Wrong(bytes.len(), ENDS.to_owned()),
        None => Found::Begun,
    }
}

/// Reads a text with its quotes.
pub(super) fn text(bytes: &[u8]) -> Result<String, (usize, String)> {
    serde_json::from_slice(bytes).map_err(|error| match wrong(bytes, &error) {
        Found::Wrong(at, what) => (at, what),
        _ => (0, error.to_string()),
    })
}

fn wrong(bytes: &[u8], error: &serde_json::Error) -> Found {
    if error.is_eof() {
        return Found::Wrong(bytes.len(), ENDS.to_owned());
    }
    // Lines and columns are counted from the beginning of the value, which nobody sees: they become an offset.
    let before = error.line().saturating_sub(1);
    let line = if before == 0 { 0 } else { memchr::memchr_iter(b'\n', bytes).nth(before - 1).map_or(0, |end| end + 1) };
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or_default();
    Found::Wrong((line + error.column().saturating_sub(1)).min(bytes.len()), what.to_owned())
}

/// Tells whether lists and objects are nested deeper than allowed, as far as they are here.
pub(super) fn is_deeper(bytes: &[u8], most: usize) -> bool {
    // Nearly all values have fewer of them than may be nested, and counting is many times as fast as following them.
    let opened: usize = [b'[', b'{'].map(|bracket| memchr::memchr_iter(bracket, bytes).count()).iter().sum();
    if opened <= most {
        return false;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => at = end_of_text(bytes, at),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

/// Returns the offset behind the quote that ends a text.
fn end_of_text(bytes: &[u8], mut at: usize) -> usize {
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += next + 1;
        if bytes.get(at - 1) == Some(&b'"') {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_cut_is_begun_and_never_whole() {
        for text in [r#"{"a":[1,"ü\/\u00e4\\\"",{}],"b":null}"#, "[]", r#""x\"y""#, "-12.5e+3", "true", "null"] {
            let behind = format!("{text} ,1");
            assert_eq!(value(behind.as_bytes(), false), Found::Whole(text.len()), "{text}");
            for cut in 0..text.len() {
                assert_eq!(value(&text.as_bytes()[..cut], false), Found::Begun, "{text} cut at {cut}");
            }
            assert_eq!(value(text.as_bytes(), true), Found::Whole(text.len()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_offset() {
        let fault = |text: &str| match value(text.as_bytes(), true) {
            Found::Wrong(at, what) => (at, what),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(fault("[1,\n\n 2,x]"), (8, "expected value".to_owned()));
        assert_eq!(fault(r#"{"a" 1}"#), (5, "expected `:`".to_owned()));
        assert_eq!(fault(r#""a\x""#), (3, "invalid escape".to_owned()));
        assert_eq!(fault("[1,"), (3, "the file ends here".to_owned()));
        assert!(matches!(value(b"\"\xff\"", true), Found::Wrong(..)));
        assert!(fault("[\"\t\"]").1.starts_with("control character"));
    }

    #[test]
    fn brackets_in_texts_do_not_nest() {
        assert!(!is_deeper(br#"["[[[[[\"[[[", "\\"]"#, 2));
        assert!(is_deeper(br#"["[[[[[\"[[[", "\\", [[]]]"#, 2));
        assert!(!is_deeper(b"[[],[],[],[[]]]", 3));
        assert!(is_deeper(b"[[],[],[],[[[", 3));
    }
}

//! Parses the head of a reply: header values as bytes, in every form that servers and proxies are known to write.
//!
//! Invariant: an unreadable value counts as missing, and never proves bytes. Only its size and its proof show whether a file
//! has arrived.

/// The values of one header field, in the order of their lines.
pub type Values<'a> = [&'a [u8]];

/// The range that a reply claims to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// Its first byte.
    pub first: u64,
    /// Its last byte.
    pub last: u64,
    /// Size of the whole, if the reply states it.
    pub total: Option<u64>,
}

/// Reads `Content-Range`. None if it is missing or unreadable, or if several lines contradict one another.
pub fn content_range(values: &Values<'_>) -> Option<ContentRange> {
    agreed(values, |text| {
        let text = text.to_ascii_lowercase();
        let rest = text.strip_prefix("bytes").unwrap_or(&text).trim_start_matches([' ', '\t', '=', ':']);
        let (range, total) = rest.split_once('/').map_or((rest, None), |(range, total)| (range, Some(total.trim())));
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let total = match total {
            None | Some("*") => None,
            Some(total) => Some(number(total)?),
        };
        let plausible = first <= last && last < u64::MAX && total.is_none_or(|total| last < total);
        plausible.then_some(ContentRange { first, last, total })
    })
}

/// Reads `Content-Length`.
pub fn length(values: &Values<'_>) -> Option<u64> {
    agreed(values, number)
}

/// Returns the content coding of a body, if there is one; other values (`none`, `utf-8`, `binary`, an empty one) name no
/// coding, and the body is used unchanged.
pub fn coding(values: &Values<'_>) -> Option<String> {
    items(values).map(|item| word(&item)).find(|word| CODINGS.contains(&word.strip_prefix("x-").unwrap_or(word)))
}

/// Every registered content coding that changes bytes, and unregistered ones in use.
const CODINGS: [&str; 23] = [
    "aes128gcm",
    "br",
    "brotli",
    "bzip",
    "bzip2",
    "compress",
    "dcb",
    "dcz",
    "deflate",
    "exi",
    "gzip",
    "lz4",
    "lzma",
    "pack200",
    "pack200-gzip",
    "peerdist",
    "sdch",
    "snappy",
    "xpress",
    "xz",
    "zip",
    "zlib",
    "zstd",
];

/// Tells whether `ETag` names a file's hash, however it is quoted, weak or marked by a proxy; none if it is missing.
pub fn etag_names(values: &Values<'_>, hash: &str) -> Option<bool> {
    let tags: Vec<String> = items(values)
        .map(|item| {
            let bare = item.trim();
            let bare = bare.strip_prefix("W/").or_else(|| bare.strip_prefix("w/")).unwrap_or(bare);
            bare.trim().replace('"', "").to_ascii_lowercase()
        })
        .filter(|tag| !tag.is_empty())
        .collect();
    let hash = hash.to_ascii_lowercase();
    // A server that would compress marks the tag: `hash-gzip`, `hash;br`.
    let names =
        |tag: &String| tag.strip_prefix(&hash).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ';', ':', '+']));
    (!tags.is_empty()).then(|| tags.iter().any(names))
}

/// Tells whether `Content-Type` indicates a page.
pub fn is_page(values: &Values<'_>) -> bool {
    items(values).any(|item| matches!(word(&item).as_str(), "text/html" | "application/xhtml+xml"))
}

/// Tells whether a body begins like a page.
pub fn begins_like_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let begins = |with: &[u8]| body.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body", b"<title"].into_iter().any(begins)
}

/// Reads `Retry-After`, a number of seconds or a date; the longest, if there are several.
///
/// `now` is in seconds since 1970, preferably by the answering hub's clock.
pub fn wait_seconds(values: &Values<'_>, now: i64) -> Option<u64> {
    let wait = |text: &str| {
        let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
        let later = || date(text).map(|then| u64::try_from(then.saturating_sub(now)).unwrap_or(0));
        number(whole).or_else(later)
    };
    let whole = values.iter().filter_map(|value| wait(trimmed(value).as_str()));
    whole.chain(items(values).filter_map(|item| number(&item))).max()
}

/// Reads a date in each of the three forms of HTTP, and in some similar ones; seconds since 1970.
pub fn date(text: &str) -> Option<i64> {
    let (mut day, mut month, mut year, mut time, mut offset_minutes) = (None, None, None, None, 0);
    for token in text.split([' ', '\t', ',']).filter(|token| !token.is_empty()) {
        if let Some((hour, rest)) = token.split_once(':') {
            let (minute, second) = rest.split_once(':').unwrap_or((rest, "0"));
            time = Some((small(hour)?, small(minute)?, small(second)?.min(59)));
        } else if let Some(zone) = token.strip_prefix(['+', '-']).filter(|zone| zone.len() == 4) {
            let minutes = zone.get(..2).and_then(number)? * 60 + zone.get(2..).and_then(number)?;
            offset_minutes = i64::try_from(minutes).ok()? * if token.starts_with('-') { -1 } else { 1 };
        } else if let [d, m, y] = token.split('-').collect::<Vec<_>>()[..] {
            (day, month, year) = (Some(small(d)?), Some(month_of(m)?), Some(year_of(y)?));
        } else if let Some(number) = month_of(token) {
            month = Some(number);
        } else if token.bytes().all(|byte| byte.is_ascii_digit()) {
            if day.is_none() && token.len() <= 2 { day = Some(small(token)?) } else { year = Some(year_of(token)?) }
        } else if !token.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
    }
    let (hour, minute, second) = time?;
    let civil = jiff::civil::DateTime::new(year?, month?, day?, hour, minute, second, 0).ok()?;
    let utc = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(utc - offset_minutes * 60)
}

/// Reads `Date`; seconds since 1970.
pub fn dated(values: &Values<'_>) -> Option<i64> {
    values.iter().find_map(|value| date(&trimmed(value)))
}

/// Returns the name that hubs give a file: bytes, since they escape none.
pub fn file_name(values: &Values<'_>) -> Option<Vec<u8>> {
    const BEFORE: &[u8] = b"filename=\"";
    let value = values.first()?;
    let at = value.windows(BEFORE.len()).position(|window| window.eq_ignore_ascii_case(BEFORE))?;
    value.get(at + BEFORE.len()..)?.strip_suffix(b"\"").map(<[u8]>::to_vec)
}

/// Returns the cookies that a reply sets and does not delete again, as the text of a `Cookie` header, even if a proxy has
/// joined several into one line.
pub fn cookies(values: &Values<'_>) -> Option<String> {
    let mut jar: Vec<(String, String)> = Vec::new();
    let lines = values.iter().filter_map(|value| std::str::from_utf8(value).ok().or_else(|| readable_pair(value)));
    for (name, value, is_over) in lines.flat_map(set_cookies) {
        jar.retain(|(known, _)| *known != name);
        if !is_over && !value.is_empty() && value != "deleted" {
            jar.push((name, value));
        }
    }
    let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

/// Returns the name and value of a line with unreadable attributes.
fn readable_pair(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(line.split(|byte| *byte == b';').next()?).ok()
}

/// Splits one line into cookies: name, value, and whether the cookie expires at once.
fn set_cookies(line: &str) -> Vec<(String, String, bool)> {
    let mut cookies: Vec<(String, String, bool)> = Vec::new();
    let mut begins = true;
    for part in line.split(';') {
        // The comma in a date does not end a cookie.
        let is_date = part.trim_start().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("expires="));
        let pieces: Vec<&str> = part.split(',').collect();
        let joined = if is_date && pieces.len() > 1 { 2 } else { 1 };
        let (own, others) = pieces.split_at(joined.min(pieces.len()));
        let (own, mut others) = (own.join(","), others.to_vec());
        if begins || others.iter().any(|other| !is_pair(other)) {
            // A comma inside a value.
            others.clear();
        }
        let own = if others.is_empty() { part } else { own.as_str() };
        if begins {
            cookies.extend(pair(own).map(|(name, value)| (name, value, false)));
        } else if let (Some((name, value)), Some((_, _, is_over))) = (own.split_once('='), cookies.last_mut()) {
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            *is_over |= match name.as_str() {
                "expires" => date(value).is_some_and(|at| at < LONG_AGO),
                "max-age" => value.starts_with(['0', '-']),
                _ => false,
            };
        }
        cookies.extend(others.iter().filter_map(|other| pair(other)).map(|(name, value)| (name, value, false)));
        begins = false;
    }
    cookies
}

/// A cookie that expires before this is being deleted, whatever the clock says.
const LONG_AGO: i64 = 366 * 86_400;

fn is_pair(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| !name.trim().is_empty() && !name.trim().contains([' ', '"']))
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let usable = |part: &str| part.bytes().all(|byte| byte > b' ' && byte != 0x7f);
    let (name, value) = (name.trim(), value.trim());
    (!name.is_empty() && usable(name) && usable(value)).then(|| (name.to_owned(), value.to_owned()))
}

/// Returns values for quoting in an error: escaped and short.
pub fn shown(values: &Values<'_>) -> String {
    let text = values.iter().map(|value| trimmed(value)).collect::<Vec<_>>().join(", ");
    if text.is_empty() { "none".into() } else { text.chars().take(100).flat_map(char::escape_debug).collect() }
}

fn trimmed(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim().to_owned()
}

/// Returns the members of a list, over any number of lines.
fn items(values: &Values<'_>) -> impl Iterator<Item = String> {
    let text: Vec<String> = values.iter().map(|value| trimmed(value)).collect();
    text.into_iter().flat_map(|line| line.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>())
}

/// Reads every member; none if one is unreadable or two differ.
fn agreed<T: PartialEq>(values: &Values<'_>, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut found = None;
    for item in items(values) {
        let next = read(&item)?;
        if found.as_ref().is_some_and(|known| *known != next) {
            return None;
        }
        found = Some(next);
    }
    found
}

/// Returns a member's own word, in lower case, without quotes and parameters.
fn word(item: &str) -> String {
    item.split(';').next().unwrap_or_default().trim().trim_matches('"').trim().to_ascii_lowercase()
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    // `parse` would accept a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn small(text: &str) -> Option<i8> {
    number(text).and_then(|number| i8::try_from(number).ok())
}

fn month_of(text: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = text.get(..3)?.to_ascii_lowercase();
    let is_name = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    MONTHS.iter().position(|month| is_name && *month == start).and_then(|at| i8::try_from(at + 1).ok())
}

fn year_of(text: &str) -> Option<i16> {
    let year = number(text).and_then(|year| i16::try_from(year).ok())?;
    Some(match text.len() {
        1 | 2 if year < 70 => 2000 + year,
        1 | 2 => 1900 + year,
        _ => year,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(text: &str) -> Option<(u64, u64, Option<u64>)> {
        content_range(&[text.as_bytes()]).map(|found| (found.first, found.last, found.total))
    }

    #[test]
    fn a_range_is_read_in_every_form_that_says_one() {
        for text in [
            "bytes 5-9/20",
            "Bytes 5-9/20",
            "BYTES 5-9/20",
            "bytes  5-9/20",
            "bytes\t5-9/20",
            " bytes 5-9/20 ",
            "bytes 5 - 9 / 20",
            "bytes=5-9/20",
            "bytes: 5-9/20",
            "bytes=5-9/0020",
            "5-9/20",
            "bytes 5-9/20, bytes 5-9/20",
        ] {
            assert_eq!(range(text), Some((5, 9, Some(20))), "{text}");
        }
        for text in ["bytes 5-9/*", "bytes 5-9", "Bytes 5-9/ *"] {
            assert_eq!(range(text), Some((5, 9, None)), "{text}");
        }
        let twice = [&b"bytes 5-9/20"[..], b"bytes 5-9/20"];
        assert!(content_range(&twice).is_some());
        assert_eq!(range("bytes 0-18446744073709551613/18446744073709551614"), Some((0, u64::MAX - 2, Some(u64::MAX - 1))));
    }

    #[test]
    fn what_is_no_range_or_two_is_none() {
        for text in [
            "",
            "bytes",
            "bytes */20",
            "bytes 9-5/20",
            "bytes 5-20/20",
            "bytes 5-9/x",
            "bytes -9/20",
            "bytes 5-/20",
            "items 5-9/20",
            "bytes +5-9/20",
            "bytes 5-9/20, bytes 6-9/20",
            "bytes 0-18446744073709551615/*",
            "bytes 0-18446744073709551616/*",
            "bytes 5-9-12/20",
            "bytes \u{665}-9/20",
            "multipart/byteranges",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
        assert_eq!(content_range(&[b"bytes 5-9/20", b"bytes 5-8/20"]), None);
        assert_eq!((content_range(&[]), content_range(&[b"bytes \xff5-9/20"])), (None, None));
    }

    #[test]
    fn only_codings_are_codings() {
        for text in [
            "identity",
            "none",
            "None",
            "UTF-8",
            "utf8",
            "binary",
            "",
            " ",
            "8bit",
            "7bit",
            "ISO-8859-1",
            "null",
            "raw",
            "chunked",
            "identity, identity",
            "text/plain; charset=utf-8",
            "base64",
            "aws-chunked",
            "\u{fc}",
        ] {
            assert_eq!(coding(&[text.as_bytes()]), None, "{text}");
        }
        for text in [
            "gzip",
            "GZIP",
            " gzip ",
            "x-gzip",
            "br",
            "deflate",
            "zstd",
            "compress",
            "X-Compress",
            "identity, gzip",
            "none,br",
            "gzip;q=1.0",
            "\"gzip\"",
            "dcb",
            "xz",
            "gzip, gzip",
        ] {
            assert!(coding(&[text.as_bytes()]).is_some(), "{text}");
        }
        assert_eq!((coding(&[]), coding(&[b"none", b"br"]).as_deref()), (None, Some("br")));
        assert_eq!(coding(&[b"\xff\xfe"]), None);
    }

    #[test]
    fn a_tag_names_a_hash_however_it_is_dressed() {
        let hash = "9c0d1e2f-1111";
        for text in [
            "\"9c0d1e2f-1111\"",
            "9c0d1e2f-1111",
            "W/\"9c0d1e2f-1111\"",
            "w/\"9c0d1e2f-1111\"",
            " \"9c0d1e2f-1111\" ",
            "\"9C0D1E2F-1111\"",
            "\"9c0d1e2f-1111-gzip\"",
            "W/\"9c0d1e2f-1111-gzip\"",
            "\"9c0d1e2f-1111;br\"",
            "\"9c0d1e2f-1111\"-gzip",
            "\"9c0d1e2f-1111\", \"9c0d1e2f-1111\"",
            "W/ \"9c0d1e2f-1111\"",
        ] {
            assert_eq!(etag_names(&[text.as_bytes()], hash), Some(true), "{text}");
        }
        for text in ["\"9c0d1e2f-1112\"", "\"9c0d1e2f-11110\"", "W/\"x\"", "\"9c0d1e2f\"", "\u{fc}"] {
            assert_eq!(etag_names(&[text.as_bytes()], hash), Some(false), "{text}");
        }
        for none in [&[][..], &[&b""[..]], &[&b"\"\""[..]], &[&b"W/\"\""[..]]] {
            assert_eq!(etag_names(none, hash), None);
        }
    }

    #[test]
    fn when_to_come_back_is_a_number_or_a_date() {
        let now = 1_714_813_200; // 2024-05-04 09:00:00
        for (text, seconds) in [
            ("17", 17),
            (" 17 ", 17),
            ("0", 0),
            ("017", 17),
            ("17.5", 17),
            ("17, 17", 17),
            ("5, 17", 17),
            ("Sat, 04 May 2024 09:00:17 GMT", 17),
            ("Saturday, 04-May-24 09:00:17 GMT", 17),
            ("Sat May  4 09:00:17 2024", 17),
            ("Sat, 4 May 2024 09:00:17 GMT", 17),
            ("Fri, 04 May 2024 09:00:17 GMT", 17),
            ("04 May 2024 09:00:17 +0000", 17),
            ("Sat, 04 May 2024 11:00:17 +0200", 17),
            ("sat, 04 may 2024 09:00:17 gmt", 17),
            ("Sat, 04-May-2024 09:00:17 GMT", 17),
            ("Sat, 04 May 2024 08:00:00 GMT", 0),
        ] {
            assert_eq!(wait_seconds(&[text.as_bytes()], now), Some(seconds), "{text}");
        }
        assert_eq!(wait_seconds(&[b"5", b"17"], now), Some(17));
        for text in ["", "soon", "-5", "99999999999999999999999", "Sat, 44 May 2024 09:00:17 GMT", "\u{fc}"] {
            assert_eq!(wait_seconds(&[text.as_bytes()], now), None, "{text}");
        }
        assert_eq!(date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(date("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(dated(&[b"\xff", b"Sun Nov  6 08:49:37 1994"]), Some(784_111_777));
    }

    #[test]
    fn a_page_is_one_in_any_spelling() {
        for text in ["text/html", "Text/HTML; charset=utf-8", " text/html;x", "application/xhtml+xml", "text/html, text/html"] {
            assert!(is_page(&[text.as_bytes()]), "{text}");
        }
        for text in ["", "image/png", "text/htmlx", "application/json", "x-text/html"] {
            assert!(!is_page(&[text.as_bytes()]), "{text}");
        }
        assert!(is_page(&[b"text/html; name=\xfc"]));
        for body in ["<!DOCTYPE html>", " \r\n<html lang=x>", "\u{feff}<!doctype HTML", "<HEAD>"] {
            assert!(begins_like_page(body.as_bytes()), "{body}");
        }
        assert!(!begins_like_page(b"%PDF") && !begins_like_page(b"") && !begins_like_page(b"<svg"));
    }

    #[test]
    fn lengths_agree_or_say_nothing() {
        assert_eq!(length(&[b"20"]), Some(20));
        assert_eq!(length(&[b" 20 , 20"]), Some(20));
        for values in [&[&b"20"[..], b"21"][..], &[b"+20"], &[b"-1"], &[b"2x"], &[]] {
            assert_eq!(length(values), None);
        }
    }

    #[test]
    fn cookies_are_kept_whatever_else_the_lines_hold() {
        let of = |lines: &[&str]| cookies(&lines.iter().map(|line| line.as_bytes()).collect::<Vec<_>>());
        for lines in [
            &["a=1"][..],
            &["a=1; path=/; HttpOnly"],
            &["a=0; path=/", "a=1; path=/"],
            &[" a = 1 ;path=/"],
            &["a=1; Path=/\u{fc}"],
            &["a=1; path=/", "b=2; Max-Age=0"],
            &["a=1", "b=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT"],
            &["a=1", "b=x; expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/"],
            &["b=2; Max-Age=0, a=1; path=/"],
            &["a=1", "b="],
            &["a=1; expires=Fri, 31-Dec-2099 23:59:59 GMT; path=/"],
            &["novalue", "a=1"],
        ] {
            assert_eq!(of(lines).as_deref(), Some("a=1"), "{lines:?}");
        }
        assert_eq!(of(&["a=1; path=/, b=2; path=/"]).as_deref(), Some("a=1; b=2"));
        assert_eq!(of(&["a=1; expires=Fri, 31-Dec-2099 23:59:59 GMT, b=2; path=/"]).as_deref(), Some("a=1; b=2"));
        assert_eq!(of(&["a=1,2; path=/"]).as_deref(), Some("a=1,2"));
        assert_eq!(of(&["a=\"1\"; Path=/"]).as_deref(), Some("a=\"1\""));
        assert_eq!((of(&[]), of(&["a=1; max-age=0"]), of(&["a=1\u{7}2"])), (None, None, None));
        assert_eq!(cookies(&[b"a=1; path=/\xfc"]).as_deref(), Some("a=1"));
    }

    #[test]
    fn a_name_is_all_between_the_first_and_the_last_quote() {
        let name = |value: &'static [u8]| file_name(&[value]);
        assert_eq!(name(b"attachment; filename=\"a \"b\" \xc3\xa4.txt\""), Some(b"a \"b\" \xc3\xa4.txt".to_vec()));
        assert_eq!(name(b"attachment; filename=\"\""), Some(Vec::new()));
        assert_eq!((name(b"attachment; filename=x"), file_name(&[])), (None, None));
    }

    #[test]
    fn errors_quote_little() {
        assert_eq!((shown(&[]), shown(&[b" x\xff\r"])), ("none".into(), "x\u{fffd}".into()));
        assert_eq!(shown(&[&[b'a'; 500]]).len(), 100);
    }

    proptest! {
        #[test]
        fn whatever_a_head_says_is_read_within_bounds(
            lines in prop::collection::vec("[ -~\\t\\x00\u{fc}]{0,40}|(bytes|W/|expires=|a=1; |, |[0-9]{1,20}|[-/*;:\"]| |Jan|GMT){0,12}", 0..4),
        ) {
            let values: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            if let Some(range) = content_range(&values) {
                prop_assert!(range.first <= range.last && range.last < range.total.unwrap_or(u64::MAX));
            }
            let _ = (length(&values), etag_names(&values, "h1"), is_page(&values), dated(&values), wait_seconds(&values, 0));
            prop_assert!(coding(&values).is_none_or(|coding| coding.is_ascii()) && shown(&values).len() <= 1000);
            if let Some(cookies) = cookies(&values) {
                prop_assert!(cookies.bytes().all(|byte| byte >= b' ' && byte != 0x7f));
            }
        }
    }
}

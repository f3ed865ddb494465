//! Rewrites what points at the origin hub so that it points at this hub.
//!
//! Invariant: only URLs of the channel's own media and pages change, and of them only the hub's root and the nick. A URL is
//! matched as one: scheme, host, port and sub-directory must be the origin's, the nick must be a whole path segment. Ids
//! (`/item/`, `/activity/`, `/conversation/`, `/followers/`), `[share]` blocks, other people and other hosts stay as they are,
//! and so does every byte of JSON that is not inside a rewritten string.

use std::borrow::Cow;
use std::collections::HashSet;

use url::Url;

use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::getfile::HubUrl;

/// A channel at one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    hub: HubUrl,
    nick: String,
    /// `https://host[:port]`, as hubs write it.
    origin: String,
    /// The sub-directory, with a slash in front, or empty.
    folder: String,
}

impl Home {
    /// Names a hub and the channel's nick there.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the nick is empty or has characters that no nick has.
    pub fn new(hub: HubUrl, nick: &str) -> Result<Self> {
        if nick.is_empty() || !nick.chars().all(is_segment_char) {
            return Err(Error::new(ErrorKind::InvalidInput, "naming a channel at a hub")
                .context("hub", &hub)
                .context("nick", nick.escape_debug())
                .context("expected", "letters, digits, - and _"));
        }
        Ok(Self::at(hub, nick))
    }

    fn at(hub: HubUrl, nick: &str) -> Self {
        let origin = hub.url().origin().ascii_serialization();
        let folder = hub.url().path().trim_end_matches('/').to_owned();
        Self { hub, nick: nick.to_owned(), origin, folder }
    }

    /// Tells whether the text starts with this hub's root as a whole; returns what follows it.
    fn strip_root<'t>(&self, text: &'t str) -> Option<&'t str> {
        let rest = self.strip_origin(text)?.strip_prefix(self.folder.as_str())?;
        (self.folder.is_empty() || rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
    }

    fn strip_origin<'t>(&self, text: &'t str) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix(self.origin.as_str())
            && rest.starts_with('/')
        {
            return Some(rest);
        }
        let authority_start = text.find("://")? + 3;
        let after = text.get(authority_start..)?;
        let authority = after.get(..after.find(|c| matches!(c, '/' | '?' | '#') || ends_url(c)).unwrap_or(after.len()))?;
        // Written plainly and without a port, another host is another host. Only what is odd is worth parsing.
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if authority.bytes().all(is_plain) && self.hub.url().host_str() != Some(authority) {
            return None;
        }
        let origin = text.get(..authority_start + authority.len())?;
        let parsed = Url::parse(origin).ok().filter(|url| url.username().is_empty() && url.password().is_none())?;
        (parsed.origin() == self.hub.url().origin()).then(|| text.get(origin.len()..)).flatten()
    }
}

/// From one home to another.
#[derive(Clone, Debug)]
pub struct Relocation {
    from: Home,
    to: Home,
    own_media: Option<HashSet<String>>,
}

impl Relocation {
    /// Describes a move. `own_media` are the hashes of the channel's files; URLs of other media on the origin hub belong to
    /// other people and stay. None: every file and photo that the origin hub serves is taken for the channel's.
    pub fn new(from: Home, to: Home, own_media: Option<HashSet<String>>) -> Self {
        Self { from, to, own_media }
    }

    /// Returns the opposite move.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { from: self.to.clone(), to: self.from.clone(), own_media: self.own_media.clone() }
    }

    /// Rewrites bbcode, Markdown or HTML.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut shares = share_blocks(text).into_iter().peekable();
        let mut output = Output::new(text);
        let mut at = 0;
        while let Some(found) = find_url(text, at) {
            while shares.next_if(|share| share.end <= found).is_some() {}
            if let Some(share) = shares.peek().filter(|share| share.contains(&found)) {
                at = share.end;
                continue;
            }
            at = match self.rewrite(text.get(found..).unwrap_or_default()) {
                Some(rewritten) => output.replace(found, &rewritten),
                None => found + "http".len(),
            };
        }
        output.finish()
    }

    /// Rewrites the string values of a JSON text; keys, numbers, order, white space and each string's way of escaping stay.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is no JSON.
    pub fn json<'t>(&self, text: &'t str) -> Result<Cow<'t, str>> {
        serde_json::from_str::<serde::de::IgnoredAny>(text)
            .or_fail(ErrorKind::InvalidInput, "reading JSON")
            .context("bytes", text.len())?;
        let mut output = Output::new(text);
        for literal in string_values(text) {
            let raw = text.get(literal.clone()).unwrap_or_default();
            // A URL has a colon before its slashes, escaped or not.
            if memchr::memchr(b':', raw.as_bytes()).is_none() {
                continue;
            }
            let inner = raw.trim_matches('"');
            let value: Cow<'_, str> = if memchr::memchr(b'\\', inner.as_bytes()).is_some() {
                serde_json::from_str::<String>(raw).or_fail(ErrorKind::InvalidInput, "reading a JSON string")?.into()
            } else {
                inner.into()
            };
            if let Cow::Owned(changed) = self.text(&value) {
                output.replace(literal.start, &Rewritten { length: literal.len(), text: encode_like(raw, &changed) });
            }
        }
        Ok(output.finish())
    }

    /// Rewrites the URL that the text starts with.
    fn rewrite(&self, text: &str) -> Option<Rewritten> {
        let path = self.from.strip_root(text)?;
        let root_length = text.len() - path.len();
        let mut segments = Segments::of(path);
        let kind = segments.next()?;
        let nick = match kind.text {
            "photo" | "attach" => {
                let name = segments.next().filter(|name| self.owns(name.text))?;
                // `/photo/profile/l/7` names a local channel number, not a file.
                if name.text == "profile" {
                    return None;
                }
                None
            }
            "photos" | "album" | "cloud" | "channel" => {
                Some(segments.next().filter(|nick| nick.text == self.from.nick && nick.is_whole())?)
            }
            _ => return None,
        };
        let mut text = String::with_capacity(64);
        text.push_str(&self.to.origin);
        text.push_str(&self.to.folder);
        let Some(nick) = nick else { return Some(Rewritten { length: root_length, text }) };
        for part in ["/", kind.text, "/", &self.to.nick] {
            text.push_str(part);
        }
        Some(Rewritten { length: root_length + nick.start + nick.text.len(), text })
    }

    /// Tells whether a name after `/photo/` or `/attach/` is one of the channel's files: its hash, or `hash-scale`.
    fn owns(&self, name: &str) -> bool {
        if name.is_empty() {
            return false;
        }
        let Some(own) = &self.own_media else { return true };
        let plain = match name.as_bytes() {
            [.., b'-', scale] if scale.is_ascii_digit() => name.get(..name.len() - 2),
            _ => None,
        };
        own.contains(name) || plain.is_some_and(|plain| own.contains(plain))
    }
}

/// Returns the hashes that URLs of files and photos at this hub name in a text or a JSON text, with the scale cut off.
pub fn media_hashes(hub: &HubUrl, text: &str) -> HashSet<String> {
    let unescaped = text.replace("\\/", "/");
    let home = Home::at(hub.clone(), "");
    let mut hashes = HashSet::new();
    let mut at = 0;
    while let Some(found) = find_url(&unescaped, at) {
        at = found + "http".len();
        let Some(path) = home.strip_root(unescaped.get(found..).unwrap_or_default()) else { continue };
        let mut segments = Segments::of(path);
        if matches!(segments.next().map(|kind| kind.text), Some("photo" | "attach"))
            && let Some(name) = segments.next()
        {
            let plain = match name.text.as_bytes() {
                [.., b'-', scale] if scale.is_ascii_digit() => name.text.get(..name.text.len() - 2),
                _ => None,
            };
            hashes.extend([Some(name.text), plain].into_iter().flatten().filter(|hash| !hash.is_empty()).map(str::to_owned));
        }
    }
    hashes
}

/// What replaces how many bytes.
struct Rewritten {
    length: usize,
    text: String,
}

/// A text and its replacements so far; copies nothing until the first.
struct Output<'t> {
    text: &'t str,
    copied: usize,
    changed: Option<String>,
}

impl<'t> Output<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, copied: 0, changed: None }
    }

    /// Replaces bytes from `start`; returns where the untouched text goes on.
    fn replace(&mut self, start: usize, rewritten: &Rewritten) -> usize {
        let end = start + rewritten.length;
        let old = self.text.get(start..end).unwrap_or_default();
        if old.len() != rewritten.text.len() || old != rewritten.text {
            let changed = self.changed.get_or_insert_default();
            changed.push_str(self.text.get(self.copied..start).unwrap_or_default());
            changed.push_str(&rewritten.text);
            self.copied = end;
        }
        end
    }

    fn finish(self) -> Cow<'t, str> {
        match self.changed {
            Some(mut changed) => {
                changed.push_str(self.text.get(self.copied..).unwrap_or_default());
                Cow::Owned(changed)
            }
            None => Cow::Borrowed(self.text),
        }
    }
}

/// One segment of a path.
#[derive(Clone, Copy)]
struct Segment<'t> {
    text: &'t str,
    /// Offset in the path.
    start: usize,
    /// The character behind it and the one behind that.
    next: Option<char>,
    after_next: Option<char>,
}

impl Segment<'_> {
    /// Tells whether the segment ends where its letters end: `alice]`, `alice?f=` and a full stop at a sentence's end do,
    /// `alice.example` and `alice%20b` do not.
    fn is_whole(&self) -> bool {
        match self.next {
            Some('.') => !self.after_next.is_some_and(char::is_alphanumeric),
            Some('%' | '~' | '+' | '@' | '=' | '$' | '*') => false,
            _ => true,
        }
    }
}

/// The leading segments of a path: letters, digits, `-`, `_`.
struct Segments<'t> {
    path: &'t str,
    at: usize,
}

impl<'t> Segments<'t> {
    fn of(path: &'t str) -> Self {
        Self { path, at: 0 }
    }

    fn next(&mut self) -> Option<Segment<'t>> {
        let rest = self.path.get(self.at..)?.strip_prefix('/')?;
        let start = self.at + 1;
        let length = rest.find(|c| !is_segment_char(c)).unwrap_or(rest.len());
        let mut behind = rest.get(length..)?.chars();
        self.at = start + length;
        Some(Segment { text: rest.get(..length)?, start, next: behind.next(), after_next: behind.next() })
    }
}

fn is_segment_char(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "[]\"'<>(){}|\\^`,;".contains(c)
}

/// Finds the next place at or after `from` where an http or https URL begins.
fn find_url(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        let separator = at + memchr::memmem::find(bytes.get(at..)?, b"://")?;
        let head = bytes.get(from..separator)?;
        let scheme = [&b"https"[..], b"http"].into_iter().find(|scheme| {
            head.len() >= scheme.len()
                && head.get(head.len() - scheme.len()..).is_some_and(|end| end.eq_ignore_ascii_case(scheme))
        });
        if let Some(scheme) = scheme {
            let start = separator - scheme.len();
            let before = start.checked_sub(1).and_then(|before| bytes.get(before));
            if !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)) {
                return Some(start);
            }
        }
        at = separator + 3;
    }
}

/// Finds `[share …]…[/share]`, the outermost ones; one that never ends reaches to the end of the text.
fn share_blocks(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let mut blocks = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for found in memchr::memchr_iter(b'[', bytes) {
        let tag = bytes.get(found + 1..).unwrap_or_default();
        let named = |name: &[u8]| tag.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        if named(b"share") && matches!(tag.get(5), Some(b' ' | b']' | b'=')) {
            if depth == 0 {
                start = found;
            }
            depth += 1;
        } else if depth > 0 && named(b"/share]") {
            depth -= 1;
            if depth == 0 {
                blocks.push(start..found + b"[/share]".len());
            }
        }
    }
    if depth > 0 {
        blocks.push(start..text.len());
    }
    blocks
}

/// Finds the string literals of a valid JSON text that are values, quotes included.
fn string_values(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let mut values = Vec::new();
    let mut at = 0;
    while let Some(start) = memchr::memchr(b'"', bytes.get(at..).unwrap_or_default()).map(|offset| at + offset) {
        let mut end = start + 1;
        while let Some(offset) = memchr::memchr2(b'"', b'\\', bytes.get(end..).unwrap_or_default()) {
            end += offset;
            if bytes.get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        end += 1;
        let behind = bytes.iter().skip(end).find(|byte| !byte.is_ascii_whitespace());
        if behind != Some(&b':') {
            values.push(start..end);
        }
        at = end;
    }
    values
}

/// Encodes a string as the literal `raw` was: slashes escaped or not, letters beyond ASCII escaped or not.
fn encode_like(raw: &str, value: &str) -> String {
    use std::fmt::Write;
    let plain = serde_json::to_string(value).unwrap_or_default();
    let escapes_slashes = raw.contains("\\/");
    let escapes_letters = raw.is_ascii();
    let mut encoded = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '/' if escapes_slashes => encoded.push_str("\\/"),
            c if escapes_letters && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(encoded, "\\u{unit:04x}");
                }
            }
            c => encoded.push(c),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const H: &str = "9c0d1e2f-1111-4222-8333-444455556666";

    fn home(url: &str, nick: &str) -> Home {
        Home::new(HubUrl::parse(url).unwrap(), nick).unwrap()
    }

    fn move_to_b() -> Relocation {
        Relocation::new(home("https://a.example", "alice"), home("https://b.example/hub", "alicia"), Some([H.to_owned()].into()))
    }

    #[track_caller]
    fn becomes(before: &str, after: &str) {
        let relocation = move_to_b();
        assert_eq!(relocation.text(before), after);
        assert_eq!(relocation.text(after), after, "twice is once");
        assert_eq!(relocation.reversed().text(after), before, "there and back");
    }

    #[track_caller]
    fn stays(text: &str) {
        assert!(matches!(move_to_b().text(text), Cow::Borrowed(same) if same == text), "{}", move_to_b().text(text));
    }

    #[test]
    fn media_and_own_pages_move_and_the_nick_with_them() {
        for (path, moved) in [
            (format!("/photo/{H}-2.jpg"), format!("/photo/{H}-2.jpg")),
            (format!("/photo/{H}"), format!("/photo/{H}")),
            (format!("/attach/{H}/0?token=x"), format!("/attach/{H}/0?token=x")),
            (format!("/photos/alice/image/{H}"), format!("/photos/alicia/image/{H}")),
            ("/photos/alice/album/f0a1".into(), "/photos/alicia/album/f0a1".into()),
            ("/album/alice/f0a1".into(), "/album/alicia/f0a1".into()),
            ("/cloud/alice/2024/a%20b.pdf".into(), "/cloud/alicia/2024/a%20b.pdf".into()),
            ("/channel/alice".into(), "/channel/alicia".into()),
            ("/channel/alice?f=&mid=x#y".into(), "/channel/alicia?f=&mid=x#y".into()),
        ] {
            becomes(&format!("https://a.example{path}"), &format!("https://b.example/hub{moved}"));
        }
    }

    #[test]
    fn every_markup_that_hubs_write_is_seen() {
        for text in [
            "[zrl=https://a.example/photos/alice/image/@]cat[/zrl]",
            "[url=https://a.example/cloud/alice/x.pdf]https://a.example/cloud/alice/x.pdf[/url]",
            "[zmg=640x480]https://a.example/photo/@-2.jpg[/zmg]",
            "[zmg=https://a.example/photo/@-2.jpg]alt text[/zmg]",
            "[img]https://a.example/photo/@-1.png[/img][zvideo]https://a.example/attach/@[/zvideo]",
            "[zaudio]https://a.example/attach/@[/zaudio]",
            "![alt](https://a.example/photo/@-2.jpg) and <https://a.example/channel/alice>",
            "<a href='https://a.example/channel/alice'><img src=\"https://a.example/photo/@-2.jpg\"></a>",
            "see https://a.example/channel/alice. Or (https://a.example/channel/alice), https://a.example/channel/alice!",
        ] {
            let before = text.replace('@', H);
            becomes(&before, &before.replace("a.example", "b.example/hub").replace("/alice", "/alicia"));
        }
    }

    #[test]
    fn ids_other_people_and_other_hosts_stay() {
        for text in [
            "https://a.example/item/5f1d",
            "https://a.example/activity/5f1d",
            "https://a.example/conversation/5f1d",
            "https://a.example/followers/alice",
            "https://a.example/photo/profile/l/2",
            "https://a.example/photo/ffffffff-1111-4222-8333-444455556666-2.jpg",
            "https://a.example/channel/alicent",
            "https://a.example/channel/alice.photos",
            "https://a.example/channel/alice%20b",
            "https://a.example/channel/alic\u{e9}",
            "https://a.example/channel/bob",
            "https://a.example/cloud/bob/alice/x",
            "https://a.example.evil.test/channel/alice",
            "https://evil.test/https.a.example/channel/alice",
            "https://user@a.example/channel/alice",
            "https://a.example:8443/channel/alice",
            "http://a.example/channel/alice",
            "https://xa.example/channel/alice",
            "https://other.test/alice/x",
            "xhttps://a.example/channel/alice",
            "https://a.example",
            "a.example/channel/alice",
        ] {
            stays(text);
        }
    }

    #[test]
    fn an_explicit_default_port_and_capitals_are_the_same_origin() {
        assert_eq!(move_to_b().text("HTTPS://A.Example:443/channel/alice"), "https://b.example/hub/channel/alicia");
    }

    #[test]
    fn a_sub_directory_is_part_of_the_origin() {
        let back = move_to_b().reversed();
        assert_eq!(back.text("https://b.example/hub/channel/alicia"), "https://a.example/channel/alice");
        for other in [
            "https://b.example/channel/alicia",
            "https://b.example/hubbub/channel/alicia",
            "https://b.example/other/channel/alicia",
        ] {
            assert_eq!(back.text(other), other);
        }
    }

    #[test]
    fn shared_posts_stay_as_their_authors_wrote_them() {
        let share = "[share author='x' link='https://a.example/channel/alice']https://a.example/channel/alice [share]inner[/share] end[/share]";
        let text = format!("https://a.example/channel/alice {share} https://a.example/channel/alice");
        becomes(&text, &format!("https://b.example/hub/channel/alicia {share} https://b.example/hub/channel/alicia"));
        stays("[SHARE]https://a.example/channel/alice");
        becomes("[shared]https://a.example/channel/alice", "[shared]https://b.example/hub/channel/alicia");
    }

    #[test]
    fn json_keeps_its_own_style_byte_for_byte() {
        let json = r#"{"b": 1.0, "a":1e3,"n":12345678901234567890, "href":"https:\/\/a.example\/channel\/alice","k":"https://a.example/channel/alice","https://a.example/channel/alice":"key","u":"\u00e9 https:\/\/a.example\/channel\/alice","v":"é https://a.example/channel/alice","id":"https:\/\/a.example\/item\/x","list":["\"https://a.example/channel/alice\\"]}"#;
        let moved = move_to_b().json(json).unwrap();
        let expected = json
            .replace(r"https:\/\/a.example\/channel\/alice", r"https:\/\/b.example\/hub\/channel\/alicia")
            .replace("https://a.example/channel/alice", "https://b.example/hub/channel/alicia")
            .replace(r#""https://b.example/hub/channel/alicia":"key""#, r#""https://a.example/channel/alice":"key""#);
        assert_eq!(moved, expected);
        assert_eq!(move_to_b().json(&moved).unwrap(), moved);
        assert_eq!(move_to_b().reversed().json(&moved).unwrap(), json);
        assert_eq!(move_to_b().json("{'no json'}").unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn the_hashes_that_a_text_names_are_found_in_both_slash_habits() {
        let hub = HubUrl::parse("https://a.example").unwrap();
        let text = format!(r"https:\/\/a.example\/photo\/{H}-2.jpg https://a.example/attach/abc https://b.example/attach/no");
        let expected: HashSet<String> = [H.to_owned(), format!("{H}-2"), "abc".into()].into();
        assert_eq!(media_hashes(&hub, &text), expected);
    }

    /// Text around URLs, with much that looks like them.
    fn written() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("https://a.example".to_owned()),
            Just("https://c.example".to_owned()),
            Just("/channel/alice".to_owned()),
            Just("/cloud/alice/".to_owned()),
            Just(format!("/photo/{H}-2.jpg")),
            Just("[share]".to_owned()),
            Just("[/share]".to_owned()),
            Just("[url=".to_owned()),
            "[\\[\\]/ .?a-c\"\\\\é]{0,4}",
        ];
        prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn relocating_twice_is_once_and_back_is_the_identity(text in written()) {
            let relocation = move_to_b();
            let moved = relocation.text(&text).into_owned();
            prop_assert_eq!(relocation.text(&moved), moved.clone());
            prop_assert_eq!(relocation.reversed().text(&moved), text);
        }

        #[test]
        fn json_means_the_same_but_for_the_rewritten_strings(strings in prop::collection::vec(written(), 0..5), escape in any::<bool>()) {
            let relocation = move_to_b();
            let mut json = serde_json::to_string(&strings).unwrap();
            if escape { json = json.replace('/', "\\/"); }
            let moved: Vec<String> = serde_json::from_str(&relocation.json(&json).unwrap()).unwrap();
            let expected: Vec<String> = strings.iter().map(|text| relocation.text(text).into_owned()).collect();
            prop_assert_eq!(moved, expected);
        }
    }
}

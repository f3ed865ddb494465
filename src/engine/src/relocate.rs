//! Rewrites URLs of the origin hub to this hub.
//!
//! Invariant: only URLs of the channel's own media and pages change, and in them only the hub's root and the nick. A URL is
//! matched as a whole: scheme, host, port and sub-directory must be the origin's, the nick must be a whole path segment, and the
//! markup around the URL determines its beginning and end. Ids (`/item/`, `/activity/`, `/conversation/`, `/followers/`), `[share]`
//! blocks, other people and other hosts stay as they are, including a URL inside theirs, and so does every byte of JSON outside
//! a hub's root or a nick, however it is escaped.

mod edges;
mod json;
mod looked_at;
mod table;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use url::Url;

use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::getfile::HubUrl;
use edges::{Marks, Place, Places};
use looked_at::Looked;
use table::table_of;

/// A channel at one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    hub: HubUrl,
    nick: String,
    /// `https://host[:port]` and the sub-directory, as hubs write them.
    root: String,
    /// The length of scheme, host and port in the root.
    origin_length: usize,
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

    fn at(hub: HubUrl, nick: &str) -> Self {
        let mut root = hub.url().origin().ascii_serialization();
        let origin_length = root.len();
        root.push_str(hub.url().path().trim_end_matches('/'));
        Self { hub, nick: nick.to_owned(), root, origin_length }
    }

    /// Tells whether a URL is beneath this hub's root; returns what follows the root.
    fn strip_root<'t>(&self, url: &'t str) -> Option<&'t str> {
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

/// From one home to another.
#[derive(Clone, Debug)]
pub struct Relocation {
    from: Home,
    to: Home,
    own_media: Option<HashSet<String>>,
    marks: Marks,
}

impl Relocation {
    /// Describes a move. `own_media` are the hashes of the channel's files; URLs of other media on the origin hub belong to
    /// other people and stay. None: every file and photo on the origin hub counts as the channel's.
    pub fn new(from: Home, to: Home, own_media: Option<HashSet<String>>) -> Self {
        Self { from, to, own_media, marks: Marks::new() }
    }

    /// Returns the opposite move, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { from: self.to.clone(), to: self.from.clone(), own_media: self.own_media.clone(), marks: self.marks.clone() }
    }

    /// Rewrites bbcode, Markdown or HTML.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut output = Output::new(text);
        self.find(text, &Looked::default(), |place, moved| {
            for edit in moved.edits(text, place.start, &self.to) {
                output.replace(edit.range, edit.to);
            }
        });
        output.finish()
    }

    /// Finds the URLs that move.
    fn find(&self, text: &str, looked: &Looked, mut found: impl FnMut(&Place, &Moved)) {
        let mut shares = None;
        let mut last_own = None;
        let mut places = Places::of(text, &self.marks, looked);
        while let Some(place) = places.next() {
            let url = text.get(place.start..place.end);
            let Some(moved) = url.and_then(|url| self.moved(url, place.is_bare, &mut last_own)) else { continue };
            if !shares.get_or_insert_with(|| ShareBlocks::of(text, looked)).contains(place.start) {
                found(&place, &moved);
                places.enter(place, moved.length());
            }
        }
    }

    /// Rewrites the string values of a JSON text; keys, numbers, order, white space and the escaping of every string stay.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not JSON.
    pub fn json<'t>(&self, text: &'t str) -> Result<Cow<'t, str>> {
        self.json_looked_at(text, &Looked::default())
    }

    fn json_looked_at<'t>(&self, text: &'t str, looked: &Looked) -> Result<Cow<'t, str>> {
        serde_json::from_str::<serde::de::IgnoredAny>(text)
            .or_fail(ErrorKind::InvalidInput, "reading JSON")
            .context("bytes", text.len())?;
        let mut output = Output::new(text);
        let mut plain = String::new();
        for literal in json::literals(text, looked) {
            let raw = text.get(literal.start..literal.end).unwrap_or_default();
            if !literal.has_escapes {
                self.find(raw, looked, |place, moved| {
                    for edit in moved.edits(raw, place.start, &self.to) {
                        output.replace(literal.start + edit.range.start..literal.start + edit.range.end, edit.to);
                    }
                });
                continue;
            }
            json::unescape(raw, &mut plain, looked);
            let mut walk = json::Walk::of(raw, looked);
            let mut is_ascii = None;
            self.find(&plain, looked, |place, moved| {
                walk.to(place.start);
                let written = |from: usize, to: usize| {
                    let mut walk = walk.clone();
                    walk.to(from)..walk.to(to)
                };
                // As the slash in front of the host is written.
                let slash = moved.second_slash(&plain, place.start);
                let slash = raw.get(written(slash, slash + 1)).unwrap_or("/");
                let is_ascii = *is_ascii.get_or_insert_with(|| raw.is_ascii());
                for edit in moved.edits(&plain, place.start, &self.to) {
                    let range = written(edit.range.start, edit.range.end);
                    let to = json::spelled(edit.to, slash, is_ascii);
                    output.replace(literal.start + range.start..literal.start + range.end, &to);
                }
            });
        }
        Ok(output.finish())
    }

    /// Returns the parts of a URL to replace, if it belongs to the channel at the origin.
    fn moved<'t>(&self, url: &'t str, is_bare: bool, last_own: &mut Option<&'t str>) -> Option<Moved> {
        let path = self.from.strip_root(url)?;
        let root = url.len() - path.len();
        let mut segments = Segments::of(path);
        let kind = segments.next()?.text;
        let name = segments.next()?;
        match kind {
            // `/photo/profile/l/7` contains a local channel number, not a file.
            "photo" | "attach" => {
                let is_own = name.text != "profile" && name.candidates(is_bare).any(|name| self.owns(name, last_own));
                is_own.then_some(Moved { root, nick: None })
            }
            "photos" | "album" | "cloud" | "channel" | "profile" => {
                let nick = root + name.start..root + name.start + self.from.nick.len();
                name.is(&self.from.nick, is_bare).then_some(Moved { root, nick: Some(nick) })
            }
            _ => None,
        }
    }

    /// Tells whether a name after `/photo/` or `/attach/` is one of the channel's files: its hash, or `hash-scale`. A text often names
    /// the same file several times in a row, so the last one is cached.
    fn owns<'t>(&self, name: &'t str, last_own: &mut Option<&'t str>) -> bool {
        let Some(own) = &self.own_media else { return !name.is_empty() };
        let mut hashes = [without_scale(name), Some(name)].into_iter().flatten();
        let found = hashes.find(|hash| *last_own == Some(hash) || own.contains(*hash));
        *last_own = found.or(*last_own);
        found.is_some()
    }
}

/// Returns the hashes in URLs of files and photos at this hub, in a text or a JSON text, without the scale.
pub fn media_hashes(hub: &HubUrl, text: &str) -> HashSet<String> {
    let unescaped = text.replace("\\/", "/");
    let home = Home::at(hub.clone(), "");
    let mut hashes = HashSet::new();
    let marks = Marks::new();
    let mut places = Places::of(&unescaped, &marks, &Looked::default());
    while let Some(place) = places.next() {
        let Some(path) = unescaped.get(place.start..place.end).and_then(|url| home.strip_root(url)) else { continue };
        let mut segments = Segments::of(path);
        if matches!(segments.next().map(|kind| kind.text), Some("photo" | "attach"))
            && let Some(name) = segments.next()
        {
            for name in name.candidates(place.is_bare) {
                let named = [Some(name), without_scale(name)].into_iter().flatten();
                hashes.extend(named.filter(|hash| !hash.is_empty()).map(str::to_owned));
            }
        }
        // URLs inside this one that move with it are searched as well.
        places.enter(place, 1);
    }
    hashes
}

/// Removes the scale from `hash-scale`.
fn without_scale(name: &str) -> Option<&str> {
    match name.as_bytes() {
        [.., b'-', scale] if scale.is_ascii_digit() => name.get(..name.len() - 2),
        _ => None,
    }
}

/// The parts of a URL to replace by the new home: its root, and the nick if it contains one.
struct Moved {
    root: usize,
    nick: Option<Range<usize>>,
}

/// A piece of a text, and its replacement.
struct Edit<'p> {
    range: Range<usize>,
    to: &'p str,
}

impl Moved {
    /// Returns the length of the URL that is done.
    fn length(&self) -> usize {
        self.nick.as_ref().map_or(self.root, |nick| nick.end)
    }

    /// Returns the offset of the slash before the host, in the text.
    fn second_slash(&self, text: &str, start: usize) -> usize {
        let root = text.get(start..start + self.root).unwrap_or_default();
        start + root.find("://").map_or(0, |colon| colon + 2)
    }

    /// Returns the minimal replacements, in the order of the text.
    fn edits<'p>(&self, text: &str, start: usize, to: &'p Home) -> impl Iterator<Item = Edit<'p>> {
        let least = |range: Range<usize>, to: &'p str| {
            let old = text.get(range.clone()).unwrap_or_default();
            let same = old.bytes().zip(to.bytes()).take_while(|(a, b)| a == b && a.is_ascii()).count();
            let edit = Edit { range: range.start + same..range.end, to: to.get(same..).unwrap_or_default() };
            (!edit.range.is_empty() || !edit.to.is_empty()).then_some(edit)
        };
        let nick = self.nick.as_ref().and_then(|nick| least(start + nick.start..start + nick.end, &to.nick));
        [least(start..start + self.root, &to.root), nick].into_iter().flatten()
    }
}

/// A text and its replacements so far; copies nothing until the first.
struct Output<'t> {
    text: &'t str,
    /// Where the unchanged text continues.
    copied: usize,
    changed: Option<String>,
}

impl<'t> Output<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, copied: 0, changed: None }
    }

    /// Replaces a range after the last one.
    fn replace(&mut self, range: Range<usize>, to: &str) {
        let changed = self.changed.get_or_insert_with(|| String::with_capacity(self.text.len() + self.text.len() / 8 + 64));
        changed.push_str(self.text.get(self.copied..range.start).unwrap_or_default());
        changed.push_str(to);
        self.copied = range.end;
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
    behind: &'t str,
}

impl<'t> Segment<'t> {
    /// Tells whether it is a nick. At the end of a bare URL, emphasis and punctuation after the nick are not part of it.
    fn is(&self, nick: &str, is_bare: bool) -> bool {
        let ends_here = || {
            let rest = self.text.strip_prefix(nick);
            is_bare && rest.is_some_and(|rest| [rest, self.behind].iter().all(|rest| rest.chars().all(is_trailing)))
        };
        self.text == nick && self.is_whole() || ends_here()
    }

    /// Returns the possible names: all letters, or those before emphasis at the end of a bare URL.
    fn candidates(&self, is_bare: bool) -> impl Iterator<Item = &'t str> {
        let emphasised = Some(self.text.trim_end_matches('_')).filter(|name| is_bare && name.len() < self.text.len());
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
        let mut length = rest.bytes().take_while(|byte| IS_IN_SEGMENT[usize::from(*byte)]).count();
        if rest.as_bytes().get(length).is_some_and(|byte| !byte.is_ascii()) {
            length = rest.find(|c| !is_segment_char(c)).unwrap_or(rest.len());
        }
        self.at = start + length;
        Some(Segment { text: rest.get(..length)?, start, behind: rest.get(length..)? })
    }
}

/// Punctuation and emphasis that Markdown strips from the end of a bare URL.
fn is_trailing(c: char) -> bool {
    "?!.,:;*_~'\"".contains(c)
}

fn is_segment_char(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

/// The ASCII characters of a segment.
const IS_IN_SEGMENT: [bool; 256] = table_of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_");

fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "[]\"'<>(){}|\\^`,;".contains(c)
}

/// The outermost `[share …]…[/share]` blocks of a text; an unclosed one reaches to the end of the text.
struct ShareBlocks(Vec<Range<usize>>);

impl ShareBlocks {
    fn of(text: &str, looked: &Looked) -> Self {
        looked.at(text.len());
        let bytes = text.as_bytes();
        let mut blocks = Vec::new();
        let (mut depth, mut start) = (0usize, 0);
        for found in memchr::memchr_iter(b'[', bytes) {
            let tag = bytes.get(found + 1..).unwrap_or_default();
            if !matches!(tag.first(), Some(b's' | b'S' | b'/')) {
                continue;
            }
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
        Self(blocks)
    }

    fn contains(&self, at: usize) -> bool {
        let next = self.0.partition_point(|block| block.end <= at);
        self.0.get(next).is_some_and(|block| block.contains(&at))
    }
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
            "[zrl=https://a.example/profile/alice][zmg=150x150]https://a.example/photo/@-4[/zmg][/zrl]",
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
            "https://a.example/profile/bob",
            "https://a.example/cloud/bob/alice/x",
            "https://a.example.evil.test/channel/alice",
            "https://evil.test/https.a.example/channel/alice",
            "https://user@a.example/channel/alice",
            "https://@a.example/channel/alice",
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
    fn a_json_string_may_mix_its_escapes_and_keeps_each() {
        for (before, after) in [
            // PHP, JavaScript, Go, .NET, upper and lower case, all kinds in one string.
            (r#"["https:\/\/a.example/channel\/alice é"]"#, r#"["https:\/\/b.example\/hub/channel\/alicia é"]"#),
            (r#"["https:\/\/a.example\/channel\/alice\n"]"#, r#"["https:\/\/b.example\/hub\/channel\/alicia\n"]"#),
            (
                r#"["https://a.example/channel/alice\u0026x=\u003cb\u003e"]"#,
                r#"["https://b.example/hub/channel/alicia\u0026x=\u003cb\u003e"]"#,
            ),
            (
                r#"["\u003Ca href=\u0022https://a.example/channel/alice\u0022\u003E"]"#,
                r#"["\u003Ca href=\u0022https://b.example/hub/channel/alicia\u0022\u003E"]"#,
            ),
            (
                r#"["https:\u002F\u002Fa.example\u002Fchannel\u002falice"]"#,
                r#"["https:\u002F\u002Fb.example\u002Fhub\u002Fchannel\u002falicia"]"#,
            ),
            (r#"["https\u003a//a.example\u002fchannel/alice"]"#, r#"["https\u003a//b.example/hub\u002fchannel/alicia"]"#),
            (r#"["\"https:\/\/a.example\/channel\/alice\" \/\\"]"#, r#"["\"https:\/\/b.example\/hub\/channel\/alicia\" \/\\"]"#),
            (
                r#"["\u00e9\u00E9\ud83d\uDE00 https://a.example/channel/alice \u00e9"]"#,
                r#"["\u00e9\u00E9\ud83d\uDE00 https://b.example/hub/channel/alicia \u00e9"]"#,
            ),
            (
                r#"["\ud83d https://a.example/channel/alice \ude00\ud83dx"]"#,
                r#"["\ud83d https://b.example/hub/channel/alicia \ude00\ud83dx"]"#,
            ),
            (
                r#"["\u0041\b\f\n\r\t\u0000\u001F\u007f\u2028 https://a.example/channel/alice"]"#,
                r#"["\u0041\b\f\n\r\t\u0000\u001F\u007f\u2028 https://b.example/hub/channel/alicia"]"#,
            ),
            (r#"["https://\u0061.example/channel/\u0061lice."]"#, r#"["https://b.example/hub/channel/\u0061licia."]"#),
            (
                "[ 1.0 , 1E+2,\t-0,\r\n\"https://a.example/channel/alice\" ,1e5 , 0.10 ]",
                "[ 1.0 , 1E+2,\t-0,\r\n\"https://b.example/hub/channel/alicia\" ,1e5 , 0.10 ]",
            ),
            (
                r#"["\u003ca\u003e https://a.example/photo/@-2.jpg\u0026y https://a.example/photo/@-1.jpg"]"#,
                r#"["\u003ca\u003e https://b.example/hub/photo/@-2.jpg\u0026y https://b.example/hub/photo/@-1.jpg"]"#,
            ),
        ] {
            let (before, after) = (before.replace('@', H), after.replace('@', H));
            let moved = move_to_b().json(&before).unwrap();
            assert_eq!(moved, after);
            assert_eq!(move_to_b().json(&moved).unwrap(), moved, "twice is once");
            let letters_stay = !before.contains(r"\u0061");
            if letters_stay {
                assert_eq!(move_to_b().reversed().json(&moved).unwrap(), before, "there and back");
            }
        }
    }

    #[test]
    fn what_json_is_looked_at_grows_with_its_length_and_not_faster() {
        let url = format!("https://a.example/photo/{H}-2.jpg ");
        let other = "https://c.example/x?u=https://a.example/channel/alice ".to_owned();
        let inside = "https://a.example/channel/alice?u=".to_owned();
        let brackets = "(https://c.example/".to_owned();
        let stars = "*https://a.example/channel/alice_*_*".to_owned();
        let open = "[share]https://a.example/channel/alice".to_owned();
        for piece in [url, other, inside, brackets, stars, open] {
            type Habit = fn(&str) -> String;
            let habits: [(&str, Habit); 4] = [
                ("bare", |text| text.to_owned()),
                ("slashes", |text| text.replace('/', "\\/")),
                ("slashes and more", |text| format!("\\n{}", text.replace('/', "\\/"))),
                ("hexadecimal", |text| text.replace('/', "\\u002F")),
            ];
            for (habit, escaped) in habits {
                let looked_at = |count: usize| {
                    let json = format!("[\"{}\"]", escaped(&piece.repeat(count)));
                    let looked = Looked::default();
                    move_to_b().json_looked_at(&json, &looked).unwrap();
                    looked.bytes()
                };
                let (one, two) = (looked_at(1000), looked_at(2000));
                assert!(one > 1000 * piece.len() as u64 / 2, "{habit}, {piece}: the count counts: {one}");
                assert!(two * 10 <= one * 23, "{habit}, {piece}: {one} bytes looked at, {two} for twice as much");
            }
        }
    }

    #[test]
    fn what_stands_inside_another_url_is_that_urls() {
        for text in [
            "[url=https://archive.example/web/2024/https://a.example/photo/@-2.jpg]as it was then[/url]",
            "https://share.example/intent?url=https://a.example/channel/alice&text=hi",
            "https://a.example/photo/other-2.jpg?back=https://a.example/photo/@-2.jpg",
            "https://c.example/magic?dest=https://a.example/cloud/alice/x.pdf",
            "https://c.example/?x=1&amp;url=https://a.example/channel/alice",
            "https://c.example/?x=1;url=https://a.example/channel/alice",
            "https://c.example/#https://a.example/channel/alice",
            "https://c.example/x,https://a.example/channel/alice",
            "https://c.example/a(b)/https://a.example/channel/alice",
            "https://c.example/?a*b_c~d!e=https://a.example/channel/alice",
            "https://[2001:db8::1]/web/https://a.example/channel/alice",
            "https://c.example/é/https://a.example/channel/alice",
            "<https://c.example/?u=https://a.example/channel/alice>",
            "<a href=\"https://c.example/?u='https://a.example/channel/alice'\">",
            "<a href='https://c.example/[x]/https://a.example/channel/alice'>",
            "<img src=https://c.example/proxy?u=https://a.example/photo/@-2.jpg>",
            "[img]https://proxy.example/?u=https://a.example/photo/@-2.jpg[/img]",
            "[zrl=https://c.example/?a[]=https://a.example/channel/alice]x[/zrl]",
            "[t](https://c.example/(https://a.example/channel/alice))",
            "![t](https://c.example/{https://a.example/channel/alice})",
            "www.c.example/?url=https://a.example/channel/alice",
            "/magic?dest=https://a.example/cloud/alice/x.pdf",
            "c.example/web/https://a.example/channel/alice",
            "ftp://c.example/https://a.example/channel/alice",
            "xhttps://c.example/https://a.example/channel/alice",
            "HTTPS://C.Example/https://a.example/channel/alice",
            "mailto:bob@c.example?body=https://a.example/channel/alice",
            "https://a.example/magic?dest=https://a.example/channel/alice",
        ] {
            stays(&text.replace('@', H));
        }
    }

    #[test]
    fn where_a_url_begins_and_ends_is_told_by_the_markup() {
        for text in [
            "**https://a.example/channel/alice**",
            "*https://a.example/channel/alice*",
            "***https://a.example/channel/alice***",
            "_https://a.example/channel/alice_",
            "__https://a.example/channel/alice__",
            "~~https://a.example/channel/alice~~",
            "_https://a.example/photo/@_ and **https://a.example/photo/@**",
            "_https://a.example/attach/@_, ~https://a.example/photo/@-2_~",
            "_(https://a.example/channel/alice)_ *see https://a.example/channel/alice*.",
            "**\"https://a.example/channel/alice\"** *'https://a.example/channel/alice'*",
            "[b]https://a.example/channel/alice[/b] [b]**https://a.example/channel/alice**[/b]",
            "**[https://a.example/channel/alice](https://a.example/channel/alice)**",
            "(https://a.example/cloud/alice/a_(1).pdf) (*https://a.example/channel/alice*)",
            "`https://a.example/channel/alice` | https://a.example/channel/alice|",
            "https://a.example/channel/alice?! https://a.example/channel/alice: https://a.example/channel/alice…",
            "\u{201c}https://a.example/channel/alice\u{201d} \u{300c}https://a.example/channel/alice\u{300d}\u{3002}",
            "&lt;https://a.example/channel/alice&gt; &quot;https://a.example/channel/alice&quot;",
            "&quot;https://c.example/x&quot;,&quot;https://a.example/channel/alice&quot;",
            "(https://c.example/x)https://a.example/channel/alice [c](https://c.example)(https://a.example/channel/alice)",
            "<https://c.example><https://a.example/channel/alice>",
            "[url=https://c.example/x]https://a.example/channel/alice[/url][url]https://a.example/channel/alice[/url]",
            "[share.x=https://a.example/channel/alice] [img src=https://a.example/photo/@-2.jpg]",
            "<a href=https://a.example/channel/alice>x</a> <a title=\"\"href=https://a.example/channel/alice>x</a>",
            "<p style=\"background:url(https://a.example/photo/@-2.jpg)\">",
            "srcset=\"https://a.example/photo/@-2.jpg 1x, https://a.example/photo/@-1.jpg 2x\"",
            "url = https://a.example/channel/alice, url=https://a.example/channel/alice",
            "{\"a\":\"https://c.example/x\",\"b\":\"https://a.example/channel/alice\"}",
            "#^https://a.example/channel/alice siehe:https://a.example/channel/alice",
            "https://a.example/channel/alice?u=https://a.example/photo/@-2.jpg",
            "https://a.example/cloud/alice/x?u=https://c.example/1",
        ] {
            let before = text.replace('@', H);
            let after = before.replace("a.example", "b.example/hub").replace("/alice", "/alicia");
            becomes(&before, &after);
        }
        // Within quotes, brackets of bbcode and the like every character counts.
        for text in [
            "[url=https://a.example/channel/alice_]x[/url]",
            "[url]https://a.example/channel/alice_[/url]",
            "<a href=\"https://a.example/channel/alice_\">",
            "<https://a.example/channel/alice_>",
            "[x](https://a.example/channel/alice_)",
            "_https://a.example/channel/alice_b_ **https://a.example/channel/alice-**",
            "**https://a.example/channel/alice**b",
            "_https://a.example/photo/ffffffff-1111-4222-8333-444455556666_",
        ] {
            stays(text);
        }
        let own = "https://a.example/channel/alice?x=https://c.example/https://a.example/channel/alice";
        becomes(own, &own.replacen("a.example/channel/alice", "b.example/hub/channel/alicia", 1));
    }

    #[test]
    fn a_nick_may_end_as_emphasis_does() {
        let there = Relocation::new(home("https://a.example", "al_"), home("https://b.example", "bo"), None);
        for text in ["https://a.example/channel/al_", "_https://a.example/channel/al__", "*https://a.example/channel/al_*"] {
            let moved = text.replace("a.example", "b.example").replace("al_", "bo");
            assert_eq!(there.text(text), moved);
            assert_eq!(there.reversed().text(&moved), text);
        }
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
            3 => Just("https://a.example".to_owned()),
            2 => Just("https://c.example".to_owned()),
            1 => Just("www.c.example/".to_owned()),
            3 => Just("/channel/alice".to_owned()),
            1 => Just("/cloud/alice/".to_owned()),
            2 => Just(format!("/photo/{H}-2.jpg")),
            1 => Just(format!("/attach/{H}")),
            1 => Just("[share]".to_owned()),
            1 => Just("[/share]".to_owned()),
            1 => Just("[url=".to_owned()),
            1 => Just("<a href='".to_owned()),
            1 => Just("](".to_owned()),
            1 => Just("?u=".to_owned()),
            1 => Just("&quot;".to_owned()),
            2 => "[*_~]{1,3}",
            4 => "[\\[\\]()<>/ .,;!?#&=a-c\"'\\\\é\u{201d}\u{3002}*_~-]{0,4}",
        ];
        prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
    }

    /// Writes a character in one of the ways that JSON has; letters and digits, which are replaced, plainly.
    fn escaped(c: char, habit: u8) -> String {
        let hexadecimal = |upper: bool| {
            let unit = |unit: &u16| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
            c.encode_utf16(&mut [0; 2]).iter().map(unit).collect::<String>()
        };
        match (c, habit) {
            ('"' | '\\', 0..4) => format!("\\{c}"),
            ('/', 1 | 2) => "\\/".to_owned(),
            ('"' | '\\' | '/' | ':' | '<' | '>' | '&' | '\'' | 'é' | '*' | '_', 4) => hexadecimal(false),
            ('"' | '\\' | '/' | ':' | '<' | '>' | '&' | '\'' | 'é' | '*' | '_', 5) => hexadecimal(true),
            _ => c.to_string(),
        }
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

        #[test]
        fn json_is_byte_for_byte_what_it_was_there_and_back(text in written(), escapes in prop::collection::vec(0..6u8, 1..40)) {
            let relocation = move_to_b();
            let mut json = "{ \"a\" :\"".to_owned();
            for (at, c) in text.chars().enumerate() {
                json.push_str(&escaped(c, escapes[at % escapes.len()]));
            }
            json.push_str("\",\"n\": 1.0e+5}");
            let moved = relocation.json(&json).unwrap().into_owned();
            let value: serde_json::Value = serde_json::from_str(&moved).unwrap();
            prop_assert_eq!(value["a"].as_str().unwrap(), relocation.text(&text));
            prop_assert_eq!(relocation.json(&moved).unwrap(), moved.clone());
            prop_assert_eq!(relocation.reversed().json(&moved).unwrap(), json);
        }
    }
}

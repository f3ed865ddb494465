//! Rewrites what points at the origin hub so that it points at this hub.
//!
//! Invariant: only URLs of the channel's own media and pages change, and of them only the hub's root and the nick. A URL is
//! matched as one: scheme, host, port and sub-directory must be the origin's, the nick must be a whole path segment. Ids
//! (`/item/`, `/activity/`, `/conversation/`, `/followers/`), `[share]` blocks, other people and other hosts stay as they are,
//! and so does every byte of JSON that is not inside a rewritten string.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use url::Url;

use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::getfile::HubUrl;

/// A channel at one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    hub: HubUrl,
    nick: String,
    /// `https://host[:port]` and the sub-directory, as hubs write it.
    root: String,
    /// How much of the root is scheme, host and port.
    origin_length: usize,
    /// The root as JSON has it with its slashes escaped.
    root_escaped: String,
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
        let mut root = hub.url().origin().ascii_serialization();
        let origin_length = root.len();
        root.push_str(hub.url().path().trim_end_matches('/'));
        let root_escaped = root.replace('/', "\\/");
        Self { hub, nick: nick.to_owned(), root, origin_length, root_escaped }
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

    /// Does the same for scheme, host and port alone, written in another way than hubs do: in capitals, with a default port.
    fn strip_odd_origin<'t>(&self, url: &'t str) -> Option<&'t str> {
        let scheme_length = url.bytes().position(|byte| byte == b':')? + "://".len();
        let after = url.get(scheme_length..)?;
        // Written plainly and without a port, another host is another host. Only what is odd is worth parsing.
        let plain_length = after.bytes().take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')).count();
        let ends = |c: char| matches!(c, '/' | '?' | '#') || ends_url(c);
        if after.get(plain_length..)?.chars().next().is_none_or(ends) && self.hub.url().host_str() != after.get(..plain_length) {
            return None;
        }
        let origin = url.get(..scheme_length + after.find(ends).unwrap_or(after.len()))?;
        // A user, even an empty one, is nothing that a hub writes.
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
        let mut output = Output::new(text);
        self.find(text, |start, moved| output.replace(start..start + moved.length, moved.becomes(&self.to, "/")));
        output.finish()
    }

    /// Finds the URLs that move.
    fn find<'t>(&self, text: &'t str, mut found: impl FnMut(usize, &Moved<'t>)) {
        let mut shares = None;
        let mut last_own = None;
        let mut end = 0;
        for start in url_starts(text) {
            let url = text.get(start..).filter(|_| start >= end);
            let Some(moved) = url.and_then(|url| self.moved(url, &mut last_own)) else { continue };
            if !shares.get_or_insert_with(|| ShareBlocks::of(text)).contains(start) {
                end = start + moved.length;
                found(start, &moved);
            }
        }
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
        let mut plain = String::new();
        for literal in urls_in_json(text) {
            let raw = text.get(literal.start..literal.end).unwrap_or_default();
            match literal.escapes {
                Escapes::None => self.find(raw, |start, moved| {
                    let start = literal.start + start;
                    output.replace(start..start + moved.length, moved.becomes(&self.to, "/"));
                }),
                Escapes::Slashes => {
                    plain.clear();
                    copy_without_backslashes(raw, &mut plain);
                    self.find(&plain, |start, moved| {
                        let escaped = |to| literal.start + to + slashes(&plain, to);
                        output.replace(escaped(start)..escaped(start + moved.length), moved.becomes(&self.to, "\\/"));
                    });
                }
                Escapes::Various => {
                    let plain: String = serde_json::from_str(text.get(literal.start - 1..=literal.end).unwrap_or_default())
                        .or_fail(ErrorKind::InvalidInput, "reading a JSON string")?;
                    if let Cow::Owned(changed) = self.text(&plain) {
                        output.replace(literal.start..literal.end, [encode_like(raw, &changed).as_str()]);
                    }
                }
            }
        }
        Ok(output.finish())
    }

    /// Tells what a URL at the start of the text becomes, if it is one of the channel's at the origin.
    fn moved<'t>(&self, text: &'t str, last_own: &mut Option<&'t str>) -> Option<Moved<'t>> {
        let path = self.from.strip_root(text)?;
        let root = text.len() - path.len();
        let mut segments = Segments::of(path);
        let kind = segments.next()?.text;
        let name = segments.next()?;
        match kind {
            // `/photo/profile/l/7` names a local channel number, not a file.
            "photo" | "attach" => {
                (name.text != "profile" && self.owns(name.text, last_own)).then_some(Moved { length: root, page: None })
            }
            "photos" | "album" | "cloud" | "channel" | "profile" => (name.text == self.from.nick && name.is_whole())
                .then_some(Moved { length: root + name.start + name.text.len(), page: Some(kind) }),
            _ => None,
        }
    }

    /// Tells whether a name after `/photo/` or `/attach/` is one of the channel's files: its hash, or `hash-scale`. A text names
    /// the same file several times in a row; the last one is remembered.
    fn owns<'t>(&self, name: &'t str, last_own: &mut Option<&'t str>) -> bool {
        let Some(own) = &self.own_media else { return !name.is_empty() };
        let mut hashes = [without_scale(name), Some(name)].into_iter().flatten();
        let found = hashes.find(|hash| *last_own == Some(hash) || own.contains(*hash));
        *last_own = found.or(*last_own);
        found.is_some()
    }
}

/// Returns the hashes that URLs of files and photos at this hub name in a text or a JSON text, with the scale cut off.
pub fn media_hashes(hub: &HubUrl, text: &str) -> HashSet<String> {
    let unescaped = text.replace("\\/", "/");
    let home = Home::at(hub.clone(), "");
    let mut hashes = HashSet::new();
    for start in url_starts(&unescaped) {
        let Some(path) = home.strip_root(unescaped.get(start..).unwrap_or_default()) else { continue };
        let mut segments = Segments::of(path);
        if matches!(segments.next().map(|kind| kind.text), Some("photo" | "attach"))
            && let Some(name) = segments.next()
        {
            hashes.extend(
                [Some(name.text), without_scale(name.text)]
                    .into_iter()
                    .flatten()
                    .filter(|hash| !hash.is_empty())
                    .map(str::to_owned),
            );
        }
    }
    hashes
}

/// Cuts the scale off `hash-scale`.
fn without_scale(name: &str) -> Option<&str> {
    match name.as_bytes() {
        [.., b'-', scale] if scale.is_ascii_digit() => name.get(..name.len() - 2),
        _ => None,
    }
}

/// How many leading bytes of a URL give way to the new home: its root, or its root, a page and the nick.
struct Moved<'t> {
    length: usize,
    page: Option<&'t str>,
}

impl<'t> Moved<'t> {
    /// Returns the parts of what they become.
    fn becomes<'p>(&self, to: &'p Home, slash: &'p str) -> [&'p str; 5]
    where
        't: 'p,
    {
        let root = if slash == "/" { &to.root } else { &to.root_escaped };
        match self.page {
            Some(page) => [root, slash, page, slash, &to.nick],
            None => [root, "", "", "", ""],
        }
    }
}

/// A text and its replacements so far; copies nothing until the first.
struct Output<'t> {
    text: &'t str,
    /// Where the untouched text goes on.
    copied: usize,
    changed: Option<String>,
}

impl<'t> Output<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, copied: 0, changed: None }
    }

    /// Replaces a range behind the last one.
    fn replace<'p>(&mut self, range: Range<usize>, parts: impl IntoIterator<Item = &'p str>) {
        let changed = self.changed.get_or_insert_with(|| String::with_capacity(self.text.len() + self.text.len() / 8 + 64));
        changed.push_str(self.text.get(self.copied..range.start).unwrap_or_default());
        changed.extend(parts);
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

impl Segment<'_> {
    /// Tells whether the segment ends where its letters end: `alice]`, `alice?f=` and a full stop at a sentence's end do,
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

fn is_segment_char(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

/// The ASCII characters of a segment.
const IS_IN_SEGMENT: [bool; 256] = table_of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_");

/// Returns a table that is true for these bytes.
const fn table_of(mut members: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    while let [member, others @ ..] = members {
        table[*member as usize] = true;
        members = others;
    }
    table
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "[]\"'<>(){}|\\^`,;".contains(c)
}

/// Finds the places where an http or https URL begins.
fn url_starts(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    memchr::memmem::find_iter(bytes, b"://").filter_map(move |separator| {
        let ([before @ .., b'h' | b'H', b't' | b'T', b't' | b'T', b'p' | b'P', b's' | b'S']
        | [before @ .., b'h' | b'H', b't' | b'T', b't' | b'T', b'p' | b'P']) = bytes.get(..separator)?
        else {
            return None;
        };
        let is_longer = before.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        (!is_longer).then_some(before.len())
    })
}

/// The `[share …]…[/share]` blocks of a text, the outermost ones; one that never ends reaches to the end of the text.
struct ShareBlocks(Vec<Range<usize>>);

impl ShareBlocks {
    fn of(text: &str) -> Self {
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

/// What stands between the quotes of a JSON string.
struct Literal {
    start: usize,
    end: usize,
    escapes: Escapes,
}

/// What a JSON string escapes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    /// Every slash, and nothing else.
    Slashes,
    Various,
}

/// The bytes that tell how a JSON string is written and whether it may hold a URL.
const IS_TELLING: [bool; 256] = table_of(b"\"\\/:");

/// Finds the string values of a valid JSON text that may hold a URL.
fn urls_in_json(text: &str) -> impl Iterator<Item = Literal> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + bytes.get(at..)?.iter().position(|&byte| byte == b'"')? + 1;
            let (mut end, mut escapes, mut may_hold, mut has_bare_slash) = (start, Escapes::None, false, false);
            loop {
                end += bytes.get(end..)?.iter().take_while(|byte| !IS_TELLING[usize::from(**byte)]).count();
                match bytes.get(end)? {
                    b'"' => break,
                    b'\\' => {
                        end += 1;
                        let is_slash = bytes.get(end) == Some(&b'/');
                        escapes = if is_slash && escapes != Escapes::Various { Escapes::Slashes } else { Escapes::Various };
                    }
                    b'/' => has_bare_slash = true,
                    b':' => may_hold |= matches!(bytes.get(end + 1), Some(b'/' | b'\\')),
                    _ => {}
                }
                end += 1;
            }
            at = end + 1;
            if escapes == Escapes::Slashes && has_bare_slash {
                escapes = Escapes::Various;
            }
            let is_key = bytes.get(at..)?.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
            // An escaped colon or slash is odd enough to be looked at.
            if !is_key && (may_hold || escapes == Escapes::Various) {
                return Some(Literal { start, end, escapes });
            }
        }
    })
}

fn copy_without_backslashes(raw: &str, plain: &mut String) {
    let mut from = 0;
    for at in memchr::memchr_iter(b'\\', raw.as_bytes()) {
        plain.push_str(raw.get(from..at).unwrap_or_default());
        from = at + 1;
    }
    plain.push_str(raw.get(from..).unwrap_or_default());
}

/// Counts the slashes before `to`.
fn slashes(text: &str, to: usize) -> usize {
    text.bytes().take(to).filter(|byte| *byte == b'/').count()
}

/// Encodes what stands between the quotes with the escapes that `raw` has.
fn encode_like(raw: &str, value: &str) -> String {
    use std::fmt::Write;
    let quoted = serde_json::to_string(value).unwrap_or_default();
    let escapes_slashes = raw.contains("\\/");
    let escapes_letters = raw.is_ascii();
    let mut encoded = String::with_capacity(quoted.len());
    for c in quoted.get(1..quoted.len() - 1).unwrap_or_default().chars() {
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
    fn a_json_string_may_mix_its_escapes() {
        for (before, after) in [
            (r#"["https:\/\/a.example/channel\/alice é"]"#, "https://b.example/hub/channel/alicia é"),
            (r#"["https\u003a//a.example\u002fchannel/alice"]"#, "https://b.example/hub/channel/alicia"),
            (r#"["\"https:\/\/a.example\/channel\/alice\" \/\\"]"#, r#""https://b.example/hub/channel/alicia" /\"#),
        ] {
            let moved = move_to_b().json(before).unwrap();
            assert_eq!(serde_json::from_str::<[String; 1]>(&moved).unwrap(), [after]);
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

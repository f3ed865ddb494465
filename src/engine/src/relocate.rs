//! Rewrites URLs of the origin hub to this hub.
//!
//! Invariant: only URLs of the channel's own media and pages change, and in them only the hub's root and the nick. A URL is
//! matched as a whole: scheme, host, port and sub-directory must be the origin's, the nick must be a whole path segment, and the
//! markup around the URL determines its beginning and end. Ids (`/item/`, `/activity/`, `/conversation/`, `/followers/`), `[share]`
//! blocks, other people and other hosts stay as they are, including a URL inside theirs, and so does every byte of JSON outside
//! a hub's root or a nick, however it is escaped.

mod edges;
mod home;
mod json;
mod looked_at;
mod output;
mod page;
mod table;
#[cfg(test)]
mod tests;
mod whole;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::getfile::HubUrl;
use edges::{Marks, Places};
pub use home::Home;
use json::Escaped;
use looked_at::Looked;
use output::Output;
use page::{Kind, Name, Page, Slash};
use whole::{Roots, same};

/// From one home to another.
#[derive(Clone, Debug)]
pub struct Relocation {
    from: Home,
    to: Home,
    own_media: Option<HashSet<String>>,
    marks: Marks,
    /// How much of the root and of the nick both homes share.
    same_root: usize,
    same_nick: usize,
    /// As texts have the roots, and as JSON of PHP has them.
    plain: Option<Roots>,
    escaped: Option<Roots>,
}

impl Relocation {
    /// Describes a move. `own_media` are the hashes of the channel's files; URLs of other media on the origin hub belong to
    /// other people and stay. None: every file and photo on the origin hub counts as the channel's.
    pub fn new(from: Home, to: Home, own_media: Option<HashSet<String>>) -> Self {
        let (same_root, same_nick) = (same(from.root(), to.root()), same(from.nick(), to.nick()));
        let [plain, escaped] = [Slash::Plain, Slash::Escaped].map(|slash| Roots::new(&from, &to, slash));
        Self { from, to, own_media, marks: Marks::new(), same_root, same_nick, plain, escaped }
    }

    /// Returns the opposite move, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self::new(self.to.clone(), self.from.clone(), self.own_media.clone())
    }

    /// Rewrites bbcode, Markdown or HTML.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut output = Output::new(text);
        self.find(text, &mut None, &Looked::default(), |edit| output.replace(edit.range, edit.to));
        output.finish()
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
        let mut output = Output::new(text);
        let mut last_own = None;
        json::each_string(text, self.escaped.as_ref().map(Roots::from), looked, |literal| {
            if literal.raw.len() < SHORTEST {
                return;
            }
            let start = literal.start;
            let is_whole = literal.escaped() == Escaped::Slashes
                && self.find_whole(literal.raw, self.escaped.as_ref(), &mut last_own, looked, |edit| {
                    output.replace(start + edit.range.start..start + edit.range.end, edit.to);
                });
            if !is_whole {
                literal.decode();
                self.find(literal.decoded(), &mut last_own, looked, |edit| {
                    output.replace(literal.place(edit.range), &literal.spelled(edit.to, edit.url));
                });
            }
        })
        .map_err(|offset| {
            Error::new(ErrorKind::InvalidInput, "reading JSON").context("bytes", text.len()).context("fault_at", offset)
        })?;
        Ok(output.finish())
    }

    /// Finds what to replace, in the order of the text. `last_own` is the name of a file of the channel: texts often name one
    /// several times in a row.
    fn find<'s>(&'s self, text: &str, last_own: &mut Option<&'s str>, looked: &Looked, mut found: impl FnMut(Edit<'s>)) {
        if text.len() < SHORTEST || self.find_whole(text, self.plain.as_ref(), last_own, looked, &mut found) {
            return;
        }
        let mut places = Places::of(text, &self.marks, looked);
        while let Some(start) = places.next() {
            let usual = text.get(start..).and_then(|rest| self.from.usual_page(rest));
            let place = places.place(start, usual.map_or(0, |page| page.end));
            let Some(url) = text.get(start..place.end) else { continue };
            let Some(page) = usual.or_else(|| self.from.page(url)) else { continue };
            let Some(moves) = self.moves(&page, url, place.is_bare, last_own) else { continue };
            if places.is_shared() {
                continue;
            }
            let same_root = if usual.is_some() { self.same_root } else { same(url, self.to.root()).min(page.root) };
            let done = self.edit(start, &page, moves, self.to.root(), same_root, &mut found);
            places.enter(place, start + done);
        }
    }

    /// Does the same for a text that is nothing but a URL; false if it is anything else.
    fn find_whole<'s>(
        &'s self,
        text: &str,
        roots: Option<&'s Roots>,
        last_own: &mut Option<&'s str>,
        looked: &Looked,
        mut found: impl FnMut(Edit<'s>),
    ) -> bool {
        let Some(roots) = roots else { return false };
        let Some(page) = roots.page(text) else { return false };
        looked.at(text.len());
        if let Some(moves) = self.moves(&page, text, true, last_own) {
            self.edit(0, &page, moves, &roots.to, roots.same, &mut found);
        }
        true
    }

    /// Tells whether a URL of the origin moves, and how.
    fn moves<'s>(&'s self, page: &Page, url: &str, is_bare: bool, last_own: &mut Option<&'s str>) -> Option<Moves> {
        let name = Name::of(url, page, is_bare)?;
        match page.kind {
            // `/photo/profile/l/7` contains a local channel number, not a file.
            Kind::Media if name.text != "profile" => {
                let is_own = self.owns(name.text, last_own) || name.emphasised().is_some_and(|name| self.owns(name, last_own));
                is_own.then_some(Moves::Root)
            }
            Kind::Channel if name.is(self.from.nick()) => Some(Moves::RootAndNick),
            _ => None,
        }
    }

    /// Hands over what to replace in a URL; returns how much of the URL that reaches to. Both roots begin with the same bytes.
    fn edit<'s>(
        &'s self,
        url: usize,
        page: &Page,
        moves: Moves,
        root: &'s str,
        same_root: usize,
        found: &mut impl FnMut(Edit<'s>),
    ) -> usize {
        let mut replace = |from: usize, to: usize, by: &'s str| {
            if from < to || !by.is_empty() {
                found(Edit { url, range: url + from..url + to, to: by });
            }
        };
        replace(same_root, page.root, root.get(same_root..).unwrap_or_default());
        match moves {
            Moves::Root => page.root,
            Moves::RootAndNick => {
                let end = page.name + self.from.nick().len();
                replace(page.name + self.same_nick, end, self.to.nick().get(self.same_nick..).unwrap_or_default());
                end
            }
        }
    }

    /// Tells whether a name after `/photo/` or `/attach/` is one of the channel's files: its hash, or `hash-scale`.
    fn owns<'s>(&'s self, name: &str, last_own: &mut Option<&'s str>) -> bool {
        let Some(own) = &self.own_media else { return !name.is_empty() };
        let mut is_own = |hash: &str| {
            if *last_own == Some(hash) {
                return true;
            }
            let found = own.get(hash);
            *last_own = found.map(String::as_str).or(*last_own);
            found.is_some()
        };
        page::without_scale(name).is_some_and(&mut is_own) || is_own(name)
    }
}

/// The length of the shortest URL that can move.
const SHORTEST: usize = "http://h/photo/1".len();

/// What of a URL moves.
#[derive(Clone, Copy, Debug)]
enum Moves {
    Root,
    RootAndNick,
}

/// A piece of a text, and its replacement.
struct Edit<'p> {
    /// Where the URL begins of which it is a piece.
    url: usize,
    range: Range<usize>,
    to: &'p str,
}

/// Returns the hashes in URLs of files and photos at this hub, in a text or a JSON text, without the scale.
pub fn media_hashes(hub: &HubUrl, text: &str) -> HashSet<String> {
    let unescaped = text.replace("\\/", "/");
    let home = Home::at(hub.clone(), "");
    let mut hashes = HashSet::new();
    let marks = Marks::new();
    let mut places = Places::of(&unescaped, &marks, &Looked::default());
    while let Some(start) = places.next() {
        let place = places.place(start, 0);
        let Some(url) = unescaped.get(start..place.end) else { continue };
        let Some(rest) = home.strip_root(url) else { continue };
        if let Some(page) = Page::of(url, url.len() - rest.len(), Slash::Plain)
            && page.kind == Kind::Media
            && let Some(name) = Name::of(url, &page, place.is_bare)
        {
            for name in [Some(name.text), name.emphasised()].into_iter().flatten() {
                let named = [Some(name), page::without_scale(name)].into_iter().flatten();
                hashes.extend(named.filter(|hash| !hash.is_empty()).map(str::to_owned));
            }
        }
        // URLs inside this one that move with it are searched as well.
        places.enter(place, start + 1);
    }
    hashes
}

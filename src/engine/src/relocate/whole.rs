//! A text that is nothing but a URL, as hubs write it: most strings in JSON that name a page are no more than that, and nothing has
//! to be searched for in them.

use super::home::Home;
use super::page::{Page, Slash};
use super::table::{but, run_length, table_of, with_alphanumerics};

/// How hubs write the roots of both homes.
#[derive(Clone, Debug)]
pub(super) struct Roots {
    slash: Slash,
    from: String,
    pub(super) to: String,
    /// How much both have in common at the start.
    pub(super) same: usize,
}

impl Roots {
    /// None if a URL of these homes may be written in other ways, or end elsewhere, than it seems.
    pub(super) fn new(from: &Home, to: &Home, slash: Slash) -> Option<Self> {
        let is_usual = from.is_plain() && [to.root(), to.nick()].iter().all(|text| text.is_ascii());
        let [from, to] = [from, to].map(|home| home.root().replace('/', slash.written()));
        let same = same(&from, &to);
        is_usual.then_some(Self { slash, from, to, same })
    }

    /// Returns the old root.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// Returns the page that a text names, if the text is a URL beneath the root and nothing else.
    pub(super) fn page(&self, text: &str) -> Option<Page> {
        if !text.starts_with(&self.from) {
            return None;
        }
        let page = Page::of(text, self.from.len(), self.slash)?;
        let behind = text.as_bytes().get(page.end..)?;
        let length = run_length(behind, if self.slash == Slash::Plain { &ENDS_PLAIN } else { &ENDS_ESCAPED });
        (length == behind.len()).then_some(page)
    }
}

/// Bytes that may end a URL, or begin another one. None of the others is escaped in JSON, but slashes.
const ENDS_PLAIN: [bool; 256] = but(with_alphanumerics(table_of(b"-_./?=%#+~")));
const ENDS_ESCAPED: [bool; 256] = but(with_alphanumerics(table_of(b"-_./?=%#+~\\")));

/// Returns how many bytes, of ASCII, two texts have in common at the start.
pub(super) fn same(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b && a.is_ascii()).count()
}

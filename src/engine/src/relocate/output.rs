//! A text while parts of it are replaced.

use std::borrow::Cow;
use std::ops::Range;

/// A text and its replacements so far; copies nothing until the first.
pub(super) struct Output<'t> {
    text: &'t str,
    /// Where the unchanged text continues.
    copied: usize,
    changed: Option<String>,
}

impl<'t> Output<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, copied: 0, changed: None }
    }

    /// Replaces a range after the last one.
    pub(super) fn replace(&mut self, range: Range<usize>, to: &str) {
        let changed = self.changed.get_or_insert_with(|| String::with_capacity(self.text.len() + self.text.len() / 8 + 64));
        changed.push_str(self.text.get(self.copied..range.start).unwrap_or_default());
        changed.push_str(to);
        self.copied = range.end;
    }

    pub(super) fn finish(self) -> Cow<'t, str> {
        match self.changed {
            Some(mut changed) => {
                changed.push_str(self.text.get(self.copied..).unwrap_or_default());
                Cow::Owned(changed)
            }
            None => Cow::Borrowed(self.text),
        }
    }
}

//! The lines of a manifest: digest, two spaces, path.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};

/// One file of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) digest: Digest,
    pub(crate) path: String,
}

impl Line {
    /// Parses a line without its end; none if it is of another form.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let (digest, path) = line.split_once("  ")?;
        let is_lower = digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let digest = Digest::parse(digest).ok().filter(|_| is_lower)?;
        (!path.is_empty()).then(|| Self { digest, path: path.to_owned() })
    }

    /// Writes it.
    pub(crate) fn text(&self) -> String {
        format!("{}  {}\n", self.digest, self.path)
    }
}

/// A line, or something else in its place.
#[derive(Debug)]
pub(crate) enum Found {
    /// A line of the form.
    Good(Line),
    /// Something else, without the line's end.
    Bad(Vec<u8>),
}

/// Reads a manifest line by line.
pub(crate) struct Lines {
    file: BufReader<File>,
    fault: fn(&str) -> Option<&'static str>,
    ahead: Option<Found>,
    last: String,
    is_begun: bool,
}

/// A line has a digest, two spaces, and a path of at most 400 bytes.
const MAX_LINE_BYTES: u64 = 1024;

impl Lines {
    /// Reads from a file; `fault` says why a path must not occur.
    pub(crate) fn of(file: File, fault: fn(&str) -> Option<&'static str>) -> Self {
        Self { file: BufReader::with_capacity(256 << 10, file), fault, ahead: None, last: String::new(), is_begun: false }
    }

    fn read(&mut self) -> Result<Option<Found>> {
        let mut line = Vec::new();
        let count = self
            .file
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)
            .or_fail(ErrorKind::Storage, "reading a manifest")?;
        if count == 0 {
            return Ok(None);
        }
        let has_end = line.last() == Some(&b'\n');
        if has_end {
            line.pop();
        }
        Ok(Some(match Line::parse(&line).filter(|_| has_end) {
            Some(good) => Found::Good(good),
            None => Found::Bad(line),
        }))
    }

    /// Returns the next line. One that is out of order is bad: of two, the one that does not fit between its neighbours.
    pub(crate) fn next(&mut self) -> Result<Option<Found>> {
        if !self.is_begun {
            self.is_begun = true;
            self.ahead = self.read()?;
        }
        let Some(found) = self.ahead.take() else { return Ok(None) };
        self.ahead = self.read()?;
        let Found::Good(line) = found else { return Ok(Some(found)) };
        let precedes_next = match &self.ahead {
            Some(Found::Good(next)) => line.path < next.path || next.path <= self.last,
            _ => true,
        };
        if line.path > self.last && precedes_next {
            self.last.clone_from(&line.path);
            return Ok(Some(Found::Good(line)));
        }
        Ok(Some(Found::Bad(line.text().trim_end().as_bytes().to_vec())))
    }

    /// Returns the next line of a manifest that must be sound.
    pub(crate) fn next_sound(&mut self) -> Result<Option<Line>> {
        let broken = |fault: &str| Error::new(ErrorKind::Corrupt, "reading a manifest").context("fault", fault);
        match self.next()? {
            None => Ok(None),
            Some(Found::Bad(_)) => Err(broken("a line of another form, or out of order")),
            Some(Found::Good(line)) => match (self.fault)(&line.path) {
                None => Ok(Some(line)),
                Some(fault) => Err(broken(fault)).context("path", line.path.escape_debug()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::super::place;
    use super::*;

    fn lines(text: &str) -> Lines {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        Lines::of(file, place::payload_fault)
    }

    fn line(path: &str) -> String {
        format!("{}  data/files/{path}\n", Digest::of(path.as_bytes()))
    }

    fn shown(text: &str) -> Vec<String> {
        let mut lines = lines(text);
        std::iter::from_fn(|| lines.next().unwrap())
            .map(|found| match found {
                Found::Good(line) => line.path.trim_start_matches("data/files/").to_owned(),
                Found::Bad(_) => "bad".to_owned(),
            })
            .collect()
    }

    #[test]
    fn lines_of_another_form_or_out_of_order_are_told_from_the_others() {
        assert_eq!(shown(&[line("a"), line("b"), line("c")].concat()), ["a", "b", "c"]);
        assert_eq!(shown(&[line("a"), line("z"), line("c"), line("d")].concat()), ["a", "bad", "c", "d"]);
        assert_eq!(shown(&[line("b"), line("a"), line("c"), line("d")].concat()), ["bad", "a", "c", "d"]);
        assert_eq!(shown(&[line("a"), line("a"), line("c")].concat()), ["bad", "a", "c"]);
        assert_eq!(
            shown(&[line("a"), line("b").to_uppercase(), "nothing\n".into(), line("c")].concat()),
            ["a", "bad", "bad", "c"]
        );
        assert_eq!(shown(line("a").trim_end()), ["bad"], "a cut end");
        assert_eq!(shown(""), [""; 0]);
        let mut climbing = lines(&format!("{}  data/files/../x\n", Digest::of(b"")));
        assert_eq!(climbing.next_sound().unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

//! Lines in a temporary file that are looked up by how they begin.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;

use super::sorter::Sorter;
use super::tree::Tree;
use crate::error::{ErrorKind, OrFail, Result};

const LOOKING: &str = "looking up in a temporary file";
const PIECE_BYTES: usize = 1 << 10;

/// Sorted lines, none of which is in memory.
pub(crate) struct Index {
    file: File,
    length: u64,
}

impl Index {
    /// Writes the lines of a sorter; those with a line's end in them are left out.
    pub(crate) fn of(sorter: Sorter, scratch: &Tree) -> Result<Self> {
        let mut lines = sorter.end()?;
        let file = scratch.create_unnamed(".filesync-index")?;
        let mut output = BufWriter::with_capacity(256 << 10, &file);
        let mut length = 0;
        while let Some(line) = lines.next()? {
            if line.contains(&b'\n') {
                continue;
            }
            output.write_all(&line).and_then(|()| output.write_all(b"\n")).or_fail(ErrorKind::Storage, LOOKING)?;
            length += line.len() as u64 + 1;
        }
        output.flush().or_fail(ErrorKind::Storage, LOOKING)?;
        drop(output);
        Ok(Self { file, length })
    }

    /// Returns where lines that begin with `start` are, if there are any.
    pub(crate) fn find(&self, start: &str) -> Result<Matches> {
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = u64::midpoint(low, high);
            match self.line_from(middle)? {
                Some((at, line)) if line.as_slice() < start.as_bytes() => low = at + line.len() as u64 + 1,
                _ => high = middle,
            }
        }
        Ok(Matches { start: start.to_owned(), at: low })
    }

    /// Returns the next of some lines, and where it is, without what they begin with.
    pub(crate) fn next(&self, matches: &mut Matches) -> Result<Option<(u64, String)>> {
        let Some((at, line)) = self.line_from(matches.at)? else { return Ok(None) };
        matches.at = at + line.len() as u64 + 1;
        let rest = line.strip_prefix(matches.start.as_bytes());
        Ok(rest.map(|rest| (at, String::from_utf8_lossy(rest).into_owned())))
    }

    /// Returns the rest of the first line that begins with `start`.
    pub(crate) fn first(&self, start: &str) -> Result<Option<String>> {
        Ok(self.next(&mut self.find(start)?)?.map(|(_, rest)| rest))
    }

    /// Returns the first line that begins at an offset or behind it.
    fn line_from(&self, offset: u64) -> Result<Option<(u64, Vec<u8>)>> {
        let mut at = offset;
        if offset > 0 {
            match self.end_of_line(offset - 1)? {
                Some((end, _)) => at = end + 1,
                None => return Ok(None),
            }
        }
        Ok(self.end_of_line(at)?.map(|(_, line)| (at, line)))
    }

    /// Reads on to the end of a line; returns where that is.
    fn end_of_line(&self, offset: u64) -> Result<Option<(u64, Vec<u8>)>> {
        let (mut line, mut at) = (Vec::new(), offset);
        let mut piece = [0; PIECE_BYTES];
        loop {
            let count = self.file.read_at(&mut piece, at).or_fail(ErrorKind::Storage, LOOKING)?;
            let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { return Ok(None) };
            if let Some(end) = memchr::memchr(b'\n', read) {
                line.extend_from_slice(read.get(..end).unwrap_or_default());
                return Ok(Some((at + end as u64, line)));
            }
            line.extend_from_slice(read);
            at += count as u64;
        }
    }
}

/// Lines that begin alike.
pub(crate) struct Matches {
    start: String,
    at: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_line_is_found_by_its_beginning(lines in proptest::collection::vec("[ab]{0,4}|[ab]{1500}", 0..60), start in "[ab]{0,3}") {
            let folder = tempfile::tempdir().unwrap();
            let tree = Tree::open(folder.path()).unwrap();
            let mut sorter = Sorter::new(&tree, 100);
            for line in &lines {
                sorter.add(line.as_bytes()).unwrap();
            }
            let index = Index::of(sorter, &tree).unwrap();
            let mut expected: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(start.as_str())).collect();
            expected.sort_unstable();
            let mut matches = index.find(&start).unwrap();
            let found: Vec<String> = std::iter::from_fn(|| index.next(&mut matches).unwrap()).map(|(_, rest)| rest).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(index.first(&start).unwrap(), found.into_iter().next());
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}

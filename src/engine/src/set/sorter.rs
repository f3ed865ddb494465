//! Sorts any number of lines in bounded memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};

use super::tree::Tree;
use crate::error::{Error, ErrorKind, OrFail, Result};

const SORTING: &str = "sorting in temporary files";
/// Where memory for the ends of lines is counted.
const LINE_COST: usize = 16;

/// Collects lines of bytes.
pub(crate) struct Sorter {
    scratch: Tree,
    limit_bytes: usize,
    bytes: Vec<u8>,
    lines: Vec<(usize, usize)>,
    spilled: Vec<File>,
}

impl Sorter {
    /// Makes an empty one; temporary files have no name for long.
    pub(crate) fn new(scratch: &Tree, limit_bytes: usize) -> Self {
        Self { scratch: scratch.clone(), limit_bytes, bytes: Vec::new(), lines: Vec::new(), spilled: Vec::new() }
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, line: &[u8]) -> Result<()> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line);
        self.lines.push((start, self.bytes.len()));
        if self.bytes.len() + self.lines.len() * LINE_COST >= self.limit_bytes { self.spill() } else { Ok(()) }
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.lines.sort_unstable_by(|one, other| bytes.get(one.0..one.1).cmp(&bytes.get(other.0..other.1)));
    }

    fn spill(&mut self) -> Result<()> {
        self.sort();
        let mut file = self.scratch.create_unnamed(".filesync-sort")?;
        let mut output = std::io::BufWriter::new(&file);
        for (start, end) in self.lines.drain(..) {
            let line = self.bytes.get(start..end).unwrap_or_default();
            let length = u32::try_from(line.len()).or_fail(ErrorKind::LimitExceeded, SORTING)?;
            output.write_all(&length.to_le_bytes()).and_then(|()| output.write_all(line)).or_fail(ErrorKind::Storage, SORTING)?;
        }
        output.flush().or_fail(ErrorKind::Storage, SORTING)?;
        drop(output);
        file.seek(SeekFrom::Start(0)).or_fail(ErrorKind::Storage, SORTING)?;
        self.bytes.clear();
        self.spilled.push(file);
        Ok(())
    }

    /// Ends adding.
    pub(crate) fn end(mut self) -> Result<Sorted> {
        if self.spilled.is_empty() {
            self.sort();
            self.lines.reverse();
            return Ok(Sorted(Kind::Memory { bytes: self.bytes, lines: self.lines }));
        }
        self.spill()?;
        let mut files: Vec<_> = self.spilled.into_iter().map(BufReader::new).collect();
        let mut heads = BinaryHeap::new();
        for (number, file) in files.iter_mut().enumerate() {
            if let Some(line) = read_line(file)? {
                heads.push(Reverse((line, number)));
            }
        }
        Ok(Sorted(Kind::Files { files, heads }))
    }
}

/// Lines in order.
pub(crate) struct Sorted(Kind);

enum Kind {
    Memory { bytes: Vec<u8>, lines: Vec<(usize, usize)> },
    Files { files: Vec<BufReader<File>>, heads: BinaryHeap<Reverse<(Vec<u8>, usize)>> },
}

impl Sorted {
    /// Returns the next line.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match &mut self.0 {
            Kind::Memory { bytes, lines } => {
                Ok(lines.pop().map(|(start, end)| bytes.get(start..end).unwrap_or_default().to_vec()))
            }
            Kind::Files { files, heads } => {
                let Some(mut head) = heads.peek_mut() else { return Ok(None) };
                let number = head.0.1;
                let next = files.get_mut(number).map(read_line).transpose()?.flatten();
                let line = match next {
                    Some(next) => std::mem::replace(&mut head.0.0, next),
                    None => PeekMut::pop(head).0.0,
                };
                Ok(Some(line))
            }
        }
    }

    /// Returns the next line as text.
    pub(crate) fn next_text(&mut self) -> Result<Option<String>> {
        let text = |line| String::from_utf8(line).map_err(|_| Error::new(ErrorKind::Corrupt, SORTING));
        self.next()?.map(text).transpose()
    }
}

fn read_line(file: &mut BufReader<File>) -> Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match file.read_exact(&mut length) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome.or_fail(ErrorKind::Storage, SORTING)?,
    }
    let mut line = vec![0; u32::from_le_bytes(length) as usize];
    file.read_exact(&mut line).or_fail(ErrorKind::Storage, SORTING)?;
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_come_back_sorted_whatever_fits_into_memory(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..200), limit in 30usize..4000) {
            let folder = tempfile::tempdir().unwrap();
            let tree = Tree::open(folder.path()).unwrap();
            let mut sorter = Sorter::new(&tree, limit);
            for line in &lines {
                sorter.add(line).unwrap();
            }
            let mut sorted = sorter.end().unwrap();
            let mut expected = lines.clone();
            expected.sort();
            let found: Vec<_> = std::iter::from_fn(|| sorted.next().unwrap()).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}

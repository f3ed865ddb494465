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
/// Memory grows by so much at a time, not by doubling.
const GROWTH_BYTES: usize = 64 << 10;
/// So many temporary files are merged into one, and so many of those again.
const MOST_FILES: usize = 32;

/// Collects lines of bytes.
pub(crate) struct Sorter {
    scratch: Tree,
    limit_bytes: usize,
    bytes: Vec<u8>,
    lines: Vec<(usize, usize)>,
    /// Temporary files by how often their lines were merged.
    spilled: Vec<Vec<File>>,
}

impl Sorter {
    /// Makes an empty one; temporary files have no name for long.
    pub(crate) fn new(scratch: &Tree, limit_bytes: usize) -> Self {
        Self { scratch: scratch.clone(), limit_bytes, bytes: Vec::new(), lines: Vec::new(), spilled: Vec::new() }
    }

    /// Makes another empty one.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(&self.scratch, self.limit_bytes)
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, line: &[u8]) -> Result<()> {
        let start = self.bytes.len();
        if self.bytes.capacity() - start < line.len() {
            self.bytes.reserve_exact(line.len().max(GROWTH_BYTES));
        }
        if self.lines.capacity() == self.lines.len() {
            self.lines.reserve_exact(GROWTH_BYTES / LINE_COST);
        }
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
        let mut output = Output::new(&self.scratch)?;
        for (start, end) in self.lines.drain(..) {
            output.write(self.bytes.get(start..end).unwrap_or_default())?;
        }
        self.bytes.clear();
        self.keep(output.end()?, 0)
    }

    /// Keeps a temporary file; merges it with others of its kind if they are many.
    fn keep(&mut self, file: File, level: usize) -> Result<()> {
        if self.spilled.len() <= level {
            self.spilled.resize_with(level + 1, Vec::new);
        }
        let files = self.spilled.get_mut(level).map(|files| {
            files.push(file);
            if files.len() < MOST_FILES { Vec::new() } else { std::mem::take(files) }
        });
        let Some(files) = files.filter(|files| !files.is_empty()) else { return Ok(()) };
        let mut output = Output::new(&self.scratch)?;
        let mut merged = Merge::of(files)?;
        while let Some(line) = merged.next()? {
            output.write(&line)?;
        }
        self.keep(output.end()?, level + 1)
    }

    /// Ends adding.
    pub(crate) fn end(mut self) -> Result<Sorted> {
        if self.spilled.is_empty() {
            self.sort();
            self.lines.reverse();
            return Ok(Sorted(Kind::Memory { bytes: self.bytes, lines: self.lines }));
        }
        self.spill()?;
        Merge::of(self.spilled.into_iter().flatten().collect()).map(|merge| Sorted(Kind::Files(merge)))
    }
}

/// A temporary file that is being written.
struct Output(std::io::BufWriter<File>);

impl Output {
    fn new(scratch: &Tree) -> Result<Self> {
        scratch.create_unnamed(".filesync-sort").map(|file| Self(std::io::BufWriter::new(file)))
    }

    fn write(&mut self, line: &[u8]) -> Result<()> {
        let length = u32::try_from(line.len()).or_fail(ErrorKind::LimitExceeded, SORTING)?;
        self.0.write_all(&length.to_le_bytes()).and_then(|()| self.0.write_all(line)).or_fail(ErrorKind::Storage, SORTING)
    }

    fn end(self) -> Result<File> {
        let mut file = self.0.into_inner().map_err(std::io::IntoInnerError::into_error).or_fail(ErrorKind::Storage, SORTING)?;
        file.seek(SeekFrom::Start(0)).or_fail(ErrorKind::Storage, SORTING)?;
        Ok(file)
    }
}

/// Lines of several temporary files, in order.
struct Merge {
    files: Vec<BufReader<File>>,
    heads: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl Merge {
    fn of(files: Vec<File>) -> Result<Self> {
        let mut files: Vec<_> = files.into_iter().map(BufReader::new).collect();
        let mut heads = BinaryHeap::new();
        for (number, file) in files.iter_mut().enumerate() {
            if let Some(line) = read_line(file)? {
                heads.push(Reverse((line, number)));
            }
        }
        Ok(Self { files, heads })
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let number = head.0.1;
        let next = self.files.get_mut(number).map(read_line).transpose()?.flatten();
        let line = match next {
            Some(next) => std::mem::replace(&mut head.0.0, next),
            None => PeekMut::pop(head).0.0,
        };
        Ok(Some(line))
    }
}

/// Lines in order.
pub(crate) struct Sorted(Kind);

enum Kind {
    Memory { bytes: Vec<u8>, lines: Vec<(usize, usize)> },
    Files(Merge),
}

impl Sorted {
    /// Returns the next line.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match &mut self.0 {
            Kind::Memory { bytes, lines } => {
                Ok(lines.pop().map(|(start, end)| bytes.get(start..end).unwrap_or_default().to_vec()))
            }
            Kind::Files(merge) => merge.next(),
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

    #[test]
    fn neither_memory_nor_open_files_grow_with_the_number_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::open(folder.path()).unwrap();
        let mut sorter = Sorter::new(&tree, 100_000);
        let mut most = 0;
        for number in 0..200_000_u32 {
            sorter.add(format!("line {:>40}", number.wrapping_mul(2_654_435_761)).as_bytes()).unwrap();
            assert!(sorter.bytes.capacity() + sorter.lines.capacity() * LINE_COST <= 100_000 + 2 * GROWTH_BYTES);
            most = most.max(sorter.spilled.iter().flatten().count());
        }
        assert!((MOST_FILES - 1..2 * MOST_FILES).contains(&most), "{most}");
        let mut in_order = sorter.end().unwrap();
        let (mut count, mut last) = (0, Vec::new());
        while let Some(line) = in_order.next().unwrap() {
            assert!(last < line);
            count += 1;
            last = line;
        }
        assert_eq!(count, 200_000);
    }

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

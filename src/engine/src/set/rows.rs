//! What a channel has beside its files, in a set: rows, one JSON object a line; a file for each kind, of posts one for each month.
//!
//! A row is known by its print, which whoever has the rows computes as they like: a row with another print is another row. What
//! arrives waits in a spool until all rows of the kind were listed; then each file is written again with the lines that stay, and
//! those that left go to what is older.
//!
//! Invariant: neither memory nor the number of open files grows with the number of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use serde_json::value::RawValue;

use super::list::Lines;
use super::place;
use super::sorter::{Sorted, Sorter};
use super::staged::{ARRIVING_ROWS, StagedFile, StagedRows};
use super::tree::{Output, Tree};
use super::writer::Set;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};

/// A row as it was listed.
#[derive(Clone, Copy, Debug)]
pub struct ListedRow<'r> {
    /// By which it is asked for.
    pub id: u64,
    /// The month of a post, `2024-05`; else empty.
    pub file: &'r str,
    /// What tells it from its other states: 32 hex digits.
    pub print: &'r str,
}

/// What became of the rows of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowsFound {
    /// Rows that the set has now.
    pub lines: u64,
    /// Rows that it did not have so.
    pub new: u64,
    /// Rows that left, because they are gone or are other ones now.
    pub left: u64,
    /// Rows that it had.
    pub before: u64,
}

/// The rows of one kind while they are brought.
pub struct Rows {
    tree: Tree,
    sort_bytes: usize,
    kind: String,
    seen: String,
    /// The set's files of this kind, with the digests that the list has.
    old: BTreeMap<String, Digest>,
    listing: File,
    spool: File,
}

/// The rows of a file, however they are ordered and whenever they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowsOfFile {
    /// How many there are.
    pub rows: u64,
    /// The sum of their prints.
    prints: u128,
}

impl RowsOfFile {
    pub(crate) fn read(tree: &Tree, path: &str) -> Result<Self> {
        let (mut old, mut all) = (OldLines::open(tree, path)?, Self::default());
        while let Some(line) = old.next()? {
            all.rows += 1;
            all.prints = all.prints.wrapping_add(u128::from_str_radix(print_of(line), 16).unwrap_or_default());
        }
        Ok(all)
    }
}

/// Most bytes of a line, besides what the set adds.
pub(crate) const MOST_ROW_BYTES: usize = 4 << 20;
const PRINT_DIGITS: usize = 32;
const OPENING: &str = "{\"filesync\":{\"print\":\"";
const ADDING: &str = "adding rows to a backup set";
const WRITING: &str = "writing the rows of a backup set";

impl Set {
    /// Begins with the rows of a kind: `posts`, or another word. What an interrupted run brought of them is still there.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the word is malformed or no run has begun, `Corrupt` if the set's list is damaged, `Storage` if the disk fails.
    pub fn rows(&mut self, kind: &str) -> Result<Rows> {
        let run = self.running(ADDING)?.journal.run.clone();
        let path = path_of(kind, "").unwrap_or_default();
        if kind != POSTS && place::payload_fault(&path).is_some() {
            return Err(Error::new(ErrorKind::InvalidInput, ADDING).context("kind", kind.escape_debug()));
        }
        let old = self.channel_files()?.into_iter().filter(|(path, _)| kind_of(path) == Some(kind)).collect();
        let tree = self.tree.clone();
        let listing = tree.create(&format!("{ARRIVING_ROWS}/{kind}.listing"))?;
        let spool = tree.append(&format!("{ARRIVING_ROWS}/{kind}.spool"))?;
        let mut rows = Rows {
            tree,
            sort_bytes: self.options.limits.sort_bytes,
            kind: kind.to_owned(),
            seen: place::time_of(&run),
            old,
            listing,
            spool,
        };
        rows.cut_half_a_line()?;
        Ok(rows)
    }

    /// Ends adding the rows of a kind: all rows that were listed and are here stay, all others leave.
    ///
    /// # Errors
    ///
    /// As of [`Set::rows`].
    pub fn end_rows(&mut self, rows: Rows) -> Result<RowsFound> {
        self.check_lock(WRITING)?;
        self.running(WRITING)?;
        let (found, staged) = rows.end()?;
        self.staged_rows.extend(staged.into_iter().map(|one| (one.path.clone(), one)));
        Ok(found)
    }

    /// Returns the sealed identity that the set has, if it has one.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails, `LimitExceeded` if it is larger than any that is written here.
    pub fn identity(&self) -> Result<Option<Vec<u8>>> {
        self.tree.read(place::IDENTITY, MOST_IDENTITY_BYTES)
    }

    /// Puts a sealed identity in place of the earlier one, which goes to what is older.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if no run has begun or the bytes are too many, `Storage` if the disk fails.
    pub fn put_identity(&mut self, sealed: &[u8]) -> Result<()> {
        self.running(WRITING)?;
        if sealed.len() > MOST_IDENTITY_BYTES {
            return Err(Error::new(ErrorKind::LimitExceeded, WRITING)
                .context("size_bytes", sealed.len())
                .context("limit_bytes", MOST_IDENTITY_BYTES));
        }
        let at = staged(place::IDENTITY);
        self.tree.put(&at, sealed)?;
        let new = Some(StagedFile { at, digest: Digest::of(sealed), size_bytes: sealed.len() as u64 });
        let one = StagedRows { path: place::IDENTITY.to_owned(), new, older: None };
        self.staged_rows.insert(one.path.clone(), one);
        Ok(())
    }

    /// Returns the files beneath `data/posts` and `data/channel` that the set has.
    pub(crate) fn channel_files(&self) -> Result<BTreeMap<String, Digest>> {
        let mut files = BTreeMap::new();
        let Some(file) = self.tree.find(place::MANIFEST)? else { return Ok(files) };
        let mut lines = Lines::of(file, place::payload_fault);
        while let Some(line) = lines.next_sound().context("path", place::MANIFEST)? {
            if kind_of(&line.path).is_some() || line.path == place::IDENTITY {
                files.insert(line.path, line.digest);
            }
        }
        Ok(files)
    }
}

/// What a channel exports in secret is some hundred kilobytes.
pub(crate) const MOST_IDENTITY_BYTES: usize = 32 << 20;
const POSTS: &str = "posts";

/// Returns the file that has the rows of a kind.
fn path_of(kind: &str, file: &str) -> Option<String> {
    let path = match (kind, file) {
        (POSTS, month) => format!("data/posts/{month}.jsonl"),
        (kind, "") => format!("data/channel/{kind}.jsonl"),
        _ => return None,
    };
    place::payload_fault(&path).is_none().then_some(path)
}

/// Returns the kind of the rows in a file of the set.
fn kind_of(path: &str) -> Option<&str> {
    if path.starts_with("data/posts/") {
        return Some(POSTS);
    }
    path.strip_prefix("data/channel/").and_then(|name| name.strip_suffix(".jsonl"))
}

fn staged(path: &str) -> String {
    format!(".partial/{}", path.strip_prefix("data/").unwrap_or(path))
}

fn staged_older(path: &str) -> String {
    format!(".partial/left/{}", path.strip_prefix("data/").unwrap_or(path))
}

impl Rows {
    /// Takes note of a row that there is.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is malformed, `Storage` if the disk fails.
    pub fn listed(&mut self, rows: &[ListedRow<'_>]) -> Result<()> {
        let mut lines = String::new();
        for row in rows {
            let path = self.place(row)?;
            let _ = writeln!(lines, "{path}\0{}\0{:020}", row.print, row.id);
        }
        self.tree.write(&self.listing, lines.as_bytes())
    }

    /// Tells whether the rows that the set has can be read as it wrote them.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn are_whole(&self) -> Result<bool> {
        for (path, digest) in &self.old {
            let mut old = OldLines::open(&self.tree, path)?;
            while old.next()?.is_some() {}
            if old.hasher.digest() != *digest {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes note of rows that the set has, as if they had been listed: of those of which `stays` says so.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn keep(&mut self, mut stays: impl FnMut(&[u8]) -> bool) -> Result<()> {
        for path in self.old.keys() {
            let mut old = OldLines::open(&self.tree, path)?;
            while let Some(line) = old.next()? {
                if stays(line) {
                    let print = print_of(line);
                    self.tree.write(&self.listing, format!("{path}\0{print}\0{:020}\n", 0).as_bytes())?;
                }
            }
        }
        Ok(())
    }

    fn place(&self, row: &ListedRow<'_>) -> Result<String> {
        let is_print = row.print.len() == PRINT_DIGITS && row.print.bytes().all(|byte| byte.is_ascii_hexdigit());
        path_of(&self.kind, row.file).filter(|_| is_print).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, ADDING)
                .context("fault", "a row of another form")
                .context("kind", &self.kind)
                .context("file", row.file.escape_debug())
        })
    }

    /// Returns the listed rows that are neither in the set nor arrived, by their numbers.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn wanted(&mut self) -> Result<WantedRows> {
        let mut ids = Sorter::new(&self.tree, self.sort_bytes);
        self.join(|group| match (group.listed, group.old.is_some() || group.arrived.is_some()) {
            (Some(id), false) => ids.add(format!("{id:020}").as_bytes()),
            _ => Ok(()),
        })?;
        Ok(WantedRows(ids.end()?))
    }

    /// Takes a row that was asked for: its JSON object.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is malformed, `Storage` if the disk fails.
    pub fn arrived(&mut self, row: &ListedRow<'_>, json: &RawValue) -> Result<()> {
        let path = self.place(row)?;
        // It may have changed since it was listed: then this is what there is.
        self.tree.write(&self.listing, format!("{path}\0{}\0{:020}\n", row.print, row.id).as_bytes())?;
        let line = self.line(row.print, json)?;
        self.tree.write(&self.spool, format!("{path}\0{}\0", row.print).as_bytes())?;
        self.tree.write(&self.spool, line.as_bytes())
    }

    /// Composes a line of the set, with its end.
    fn line(&self, print: &str, json: &RawValue) -> Result<String> {
        let wrong = |fault: &'static str| {
            Error::new(ErrorKind::InvalidInput, ADDING)
                .context("kind", &self.kind)
                .context("print", print)
                .context("fault", fault)
        };
        let text = json.get();
        if text.len() > MOST_ROW_BYTES {
            return Err(wrong("more than 4 MiB"));
        }
        let keys: BTreeMap<String, &RawValue> =
            serde_json::from_str(text).map_err(|error| wrong("not an object").source(error))?;
        if keys.contains_key("filesync") {
            return Err(wrong("it has the key filesync"));
        }
        // JSON has no line break within its texts, and needs none between them.
        let rest = text.trim_start().get(1..).unwrap_or_default().replace(['\n', '\r'], " ");
        let comma = if keys.is_empty() { "" } else { "," };
        Ok(format!("{OPENING}{print}\",\"seen\":\"{}\"}}{comma}{rest}\n", self.seen))
    }

    /// A line without an end was cut off by a kill: that row comes again.
    fn cut_half_a_line(&mut self) -> Result<()> {
        let mut reader = Spool::open(&self.tree, &self.kind)?;
        let mut whole_bytes = 0;
        while reader.next()?.is_some() {
            whole_bytes = reader.at;
        }
        self.spool.set_len(whole_bytes).or_fail(ErrorKind::Storage, ADDING)
    }

    /// Meets each state of a row that was listed, arrived, or is in the set.
    fn join(&self, mut each: impl FnMut(&Group) -> Result<()>) -> Result<BTreeSet<String>> {
        let mut all = Sorter::new(&self.tree, self.sort_bytes);
        let mut listing = BufReader::new(self.tree.open_file(&format!("{ARRIVING_ROWS}/{}.listing", self.kind))?);
        let mut line = Vec::new();
        while listing.read_until(b'\n', &mut line).or_fail(ErrorKind::Storage, ADDING)? > 0 {
            let (row, id) = line.trim_ascii_end().split_at(line.trim_ascii_end().len().saturating_sub(20));
            all.add(&[row, b"1", id].concat())?;
            line.clear();
        }
        let mut spool = Spool::open(&self.tree, &self.kind)?;
        loop {
            let at = spool.at;
            let Some(arrived) = spool.next()? else { break };
            all.add(format!("{}\0{}\02{at:020}", arrived.path, arrived.print).as_bytes())?;
        }
        let mut damaged = BTreeSet::new();
        for (path, digest) in &self.old {
            let mut old = OldLines::open(&self.tree, path)?;
            let mut number = 0_u64;
            while let Some(line) = old.next()? {
                all.add(format!("{path}\0{}\03{number:020}", print_of(line)).as_bytes())?;
                number += 1;
            }
            if old.hasher.digest() != *digest {
                damaged.insert(path.clone());
            }
        }
        let (mut all, mut group) = (all.end()?, None::<Group>);
        loop {
            let line = all.next_text()?;
            let parts = line.as_deref().and_then(|line| {
                let (path, rest) = line.split_once('\0')?;
                let (print, rest) = rest.split_once('\0')?;
                Some((path, print, rest.get(..1)?, rest.get(1..)?.parse::<u64>().ok()?))
            });
            if let Some(last) =
                group.take_if(|group| parts.is_none_or(|(path, print, ..)| group.path != path || group.print != print))
            {
                each(&last)?;
            }
            let Some((path, print, kind, number)) = parts else { return Ok(damaged) };
            let group = group.get_or_insert_with(|| Group::of(path, print));
            match kind {
                "1" => group.listed = group.listed.or(Some(number)),
                // The last that arrived.
                "2" => group.arrived = Some(number),
                // Of a damaged file nobody knows which lines are whole. Of lines that are there twice one is enough.
                _ if damaged.contains(path) => {}
                _ if group.old.is_none() => group.old = Some(number),
                _ => group.more_old.push(number),
            }
        }
    }

    fn end(self) -> Result<(RowsFound, Vec<StagedRows>)> {
        let sorter = || Sorter::new(&self.tree, self.sort_bytes);
        let (mut leaving, mut taken, mut paths) = (sorter(), sorter(), BTreeSet::new());
        let mut found = RowsFound::default();
        let damaged = self.join(|group| {
            let path = &group.path;
            let old = group.old.iter().chain(&group.more_old);
            found.before += old.clone().count() as u64;
            let stays = group.listed.is_some() && group.old.is_some();
            for number in old.skip(usize::from(stays)) {
                leaving.add(format!("{path}\0{number:020}").as_bytes())?;
                found.left += 1;
                paths.insert(path.clone());
            }
            if let (Some(_), None, Some(at)) = (group.listed, group.old, group.arrived) {
                taken.add(format!("{path}\0{at:020}").as_bytes())?;
                found.new += 1;
                paths.insert(path.clone());
            }
            Ok(())
        })?;
        found.lines = found.before + found.new - found.left;
        paths.extend(damaged.iter().cloned());
        let (mut leaving, mut taken, mut staged) = (Ahead::of(leaving.end()?), Ahead::of(taken.end()?), Vec::new());
        for path in paths {
            let old = self.old.contains_key(&path) && !damaged.contains(&path);
            staged.push(self.write(path, old, &mut leaving, &mut taken)?);
        }
        Ok((found, staged))
    }

    /// Writes a file again, without the lines that leave, and with those that arrived at its end.
    fn write(&self, path: String, has_old: bool, leaving: &mut Ahead, taken: &mut Ahead) -> Result<StagedRows> {
        let (mut new, mut older) = (Staging::new(&self.tree, staged(&path)), Staging::new(&self.tree, staged_older(&path)));
        if has_old {
            let (mut old, mut number) = (OldLines::open(&self.tree, &path)?, 0_u64);
            while let Some(line) = old.next()? {
                let to = if leaving.is_next(&path, number)? { &mut older } else { &mut new };
                to.add(line)?;
                number += 1;
            }
        }
        let mut spool = Spool::open(&self.tree, &self.kind)?;
        while let Some(at) = taken.next_of(&path)? {
            new.add(spool.line_at(at)?.as_bytes())?;
        }
        Ok(StagedRows { path, new: new.end()?, older: older.end()? })
    }
}

/// The rows that are to be asked for.
pub struct WantedRows(Sorted);

impl WantedRows {
    /// Returns the next numbers, at most so many.
    ///
    /// # Errors
    ///
    /// `Storage` if the disk fails.
    pub fn next(&mut self, most: usize) -> Result<Vec<u64>> {
        let mut ids = Vec::new();
        while ids.len() < most {
            let Some(line) = self.0.next_text()? else { break };
            let id = line.parse().or_fail(ErrorKind::Corrupt, ADDING)?;
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

/// All that is known of one state of a row.
struct Group {
    path: String,
    print: String,
    /// Its number on the hub.
    listed: Option<u64>,
    /// Where it is in the spool.
    arrived: Option<u64>,
    /// Its line in the set.
    old: Option<u64>,
    more_old: Vec<u64>,
}

impl Group {
    fn of(path: &str, print: &str) -> Self {
        Self { path: path.to_owned(), print: print.to_owned(), listed: None, arrived: None, old: None, more_old: Vec::new() }
    }
}

/// Lines of a file of the set, with the digest of all.
struct OldLines {
    file: Option<BufReader<File>>,
    line: Vec<u8>,
    hasher: Hasher,
}

impl OldLines {
    fn open(tree: &Tree, path: &str) -> Result<Self> {
        let file = tree.find(path)?.map(|file| BufReader::with_capacity(BUFFER_BYTES, file));
        Ok(Self { file, line: Vec::new(), hasher: Hasher::default() })
    }

    /// Returns the next line, with its end. A line that no set has ends where that is seen.
    fn next(&mut self) -> Result<Option<&[u8]>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        self.line.clear();
        let most = MOST_ROW_BYTES + BUFFER_BYTES;
        file.take(most as u64).read_until(b'\n', &mut self.line).or_fail(ErrorKind::Storage, ADDING)?;
        self.hasher.update(&self.line);
        Ok((!self.line.is_empty()).then_some(self.line.as_slice()))
    }
}

/// Returns the print that a line of the set begins with; empty if it does not.
fn print_of(line: &[u8]) -> &str {
    let print = line.strip_prefix(OPENING.as_bytes()).and_then(|rest| rest.get(..PRINT_DIGITS));
    let print = print.filter(|print| print.iter().all(u8::is_ascii_hexdigit));
    print.and_then(|print| std::str::from_utf8(print).ok()).unwrap_or_default()
}

/// Returns the row of a line of the set, as it arrived; none if it is of another form.
pub(crate) fn without_print(line: &str) -> Option<String> {
    let (_, row) = line.strip_prefix(OPENING)?.split_once('}')?;
    Some(format!("{{{}", row.strip_prefix(',').unwrap_or(row)))
}

/// Rows that arrived: path, print and line.
struct Spool {
    file: BufReader<File>,
    /// Where the next one begins.
    at: u64,
}

struct Arrived {
    path: String,
    print: String,
    line: String,
}

impl Spool {
    fn open(tree: &Tree, kind: &str) -> Result<Self> {
        Ok(Self {
            file: BufReader::with_capacity(BUFFER_BYTES, tree.open_file(&format!("{ARRIVING_ROWS}/{kind}.spool"))?),
            at: 0,
        })
    }

    fn next(&mut self) -> Result<Option<Arrived>> {
        let mut bytes = Vec::new();
        self.file.read_until(b'\n', &mut bytes).or_fail(ErrorKind::Storage, ADDING)?;
        if bytes.last() != Some(&b'\n') {
            return Ok(None);
        }
        self.at += bytes.len() as u64;
        let text = String::from_utf8(bytes).or_fail(ErrorKind::Corrupt, ADDING)?;
        let mut parts = text.splitn(3, '\0').map(str::to_owned);
        let (Some(path), Some(print), Some(line)) = (parts.next(), parts.next(), parts.next()) else { return Ok(None) };
        Ok(Some(Arrived { path, print, line }))
    }

    fn line_at(&mut self, at: u64) -> Result<String> {
        if self.at != at {
            self.file.seek(SeekFrom::Start(at)).or_fail(ErrorKind::Storage, WRITING)?;
            self.at = at;
        }
        let gone = || Error::new(ErrorKind::Corrupt, WRITING).context("fault", "a row that arrived is gone");
        self.next()?.map(|arrived| arrived.line).ok_or_else(gone)
    }
}

/// Sorted lines of a path and a number, of which the next is looked at.
struct Ahead {
    lines: Sorted,
    next: Option<(String, u64)>,
    is_begun: bool,
}

impl Ahead {
    fn of(lines: Sorted) -> Self {
        Self { lines, next: None, is_begun: false }
    }

    fn step(&mut self) -> Result<()> {
        let line = self.lines.next_text()?;
        self.next = line
            .as_deref()
            .and_then(|line| line.split_once('\0'))
            .and_then(|(path, number)| Some((path.to_owned(), number.parse().ok()?)));
        self.is_begun = true;
        Ok(())
    }

    /// Returns the next number of a path, and goes on.
    fn next_of(&mut self, path: &str) -> Result<Option<u64>> {
        if !self.is_begun {
            self.step()?;
        }
        let Some((_, number)) = self.next.take_if(|(next, _)| next == path) else { return Ok(None) };
        self.step()?;
        Ok(Some(number))
    }

    /// Tells whether a number of a path is the next, and then goes on.
    fn is_next(&mut self, path: &str, number: u64) -> Result<bool> {
        if !self.is_begun {
            self.step()?;
        }
        let is_it = self.next.as_ref().is_some_and(|(next, at)| next == path && *at == number);
        if is_it {
            self.step()?;
        }
        Ok(is_it)
    }
}

/// A file that is written if it gets any line.
struct Staging<'t> {
    tree: &'t Tree,
    at: String,
    output: Option<Output<'t>>,
    size_bytes: u64,
}

impl<'t> Staging<'t> {
    fn new(tree: &'t Tree, at: String) -> Self {
        Self { tree, at, output: None, size_bytes: 0 }
    }

    fn add(&mut self, line: &[u8]) -> Result<()> {
        self.size_bytes += line.len() as u64;
        if self.output.is_none() {
            self.output = Some(Output::create(self.tree, &self.at)?);
        }
        self.output.as_mut().map_or(Ok(()), |output| output.add(line))
    }

    fn end(self) -> Result<Option<StagedFile>> {
        let (at, size_bytes) = (self.at, self.size_bytes);
        self.output.map(|output| Ok(StagedFile { at, digest: output.end()?, size_bytes })).transpose()
    }
}

const BUFFER_BYTES: usize = 256 << 10;

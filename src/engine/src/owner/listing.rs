//! Everything that a channel has, as its hub lists it: kept in a file, with the folders in memory.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};

use serde_json::Value;

use super::connection::Connection;
use super::rows::{self, Row};
use crate::error::{Error, ErrorKind, OrFail, Result};

/// How a call that gives records by the time of their creation is paged.
pub(crate) struct Windows<'a> {
    pub(crate) call: &'a str,
    /// Most records of one reply.
    pub(crate) records: usize,
    /// The beginning, `2026-11-28T03:17:09Z`; none: all.
    pub(crate) since: Option<String>,
    /// The column that tells records apart.
    pub(crate) key: &'a str,
    /// Within one second: the name of the offset, and whether it counts pages.
    pub(crate) offset: (&'a str, bool),
}

/// Far enough that records with a wrong clock are among them.
const UNTIL: &str = "9998-12-31T00:00:00Z";
const LISTING: &str = "listing what a channel has";

impl Windows<'_> {
    /// Reads them all, each once. `parse` finds the records in a reply.
    pub(crate) fn read(
        &self,
        connection: &Connection,
        parse: impl Fn(&[u8]) -> Result<Vec<Row>>,
        mut each: impl FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let (mut since, mut offset) = (self.since.clone(), 0_usize);
        // The last second of a reply is asked for again: its records came already.
        let mut came: HashSet<String> = HashSet::new();
        loop {
            let (records, start) =
                (self.records.to_string(), if self.offset.1 { offset / self.records } else { offset }.to_string());
            let mut query = vec![("until", UNTIL), ("records", records.as_str()), (self.offset.0, start.as_str())];
            query.extend(since.as_deref().map(|since| ("since", since)));
            let body = connection.call(self.call, &query)?.unwrap_or_default();
            let found = parse(&body)?;
            let (count, before) = (found.len(), since.clone());
            let last = found.iter().map(created).max().unwrap_or_default();
            let mut newest = HashSet::new();
            for row in found {
                let key = rows::text(&row, self.key);
                if created(&row) == last {
                    newest.insert(key.clone());
                }
                if !came.contains(&key) {
                    each(row)?;
                }
            }
            if count < self.records {
                return Ok(());
            }
            let next = Some(format!("{}Z", last.replace(' ', "T")));
            if next > before {
                (since, offset, came) = (next, 0, newest);
            } else {
                // More in one second than fit into a reply.
                offset += self.records;
                came.extend(newest);
            }
        }
    }
}

fn created(row: &Row) -> String {
    let text = rows::text(row, "created");
    text.get(..19).unwrap_or(&text).to_owned()
}

/// A folder, as far as its files need it.
struct Folder {
    above: String,
    name: String,
    print: u64,
}

/// All rows of a channel at one time.
pub(crate) struct Listing {
    file: File,
    folders: HashMap<String, Folder>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Different entries of access lists, up to a bound.
    pub(crate) access: Vec<String>,
}

const RECORDS: usize = 1000;
const MOST_ACCESS: usize = 10_000;
/// Deeper chains are circles.
const DEEPEST: usize = 64;

fn print_of(row: &Row) -> u64 {
    let mut above = row.clone();
    above.insert("edited".to_owned(), created(row).into());
    let mut hasher = DefaultHasher::new();
    rows::print(&above).hash(&mut hasher);
    hasher.finish()
}

/// Returns what stands for a hash or an id in memory.
pub(crate) fn short(hash: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash.hash(&mut hasher);
    hasher.finish()
}

impl Listing {
    /// Lists everything, into a file of its own.
    pub(crate) fn fetch(connection: &Connection, file: File, mut tell: impl FnMut(u64)) -> Result<Self> {
        let mut listing = Self { file, folders: HashMap::new(), files: 0, bytes: 0, access: Vec::new() };
        let mut known = HashSet::new();
        // Not the hashes themselves: there may be a million.
        let mut listed = HashSet::new();
        let mut seen = 0;
        let mut out = BufWriter::new(listing.file.try_clone().or_fail(ErrorKind::Storage, LISTING)?);
        let windows = Windows { call: "files", records: RECORDS, since: None, key: "hash", offset: ("start", false) };
        windows.read(connection, rows_of, |row| {
            let hash = rows::text(&row, "hash");
            if !(1..=64).contains(&hash.len()) || !hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Ok(());
            }
            // Further rows of one hash are ignored by the hub, too.
            if !listed.insert(short(&hash)) {
                return Ok(());
            }
            if rows::number(&row, "is_dir") == 0 {
                listing.files += 1;
                // A number that the hub only states.
                listing.bytes = listing.bytes.saturating_add(rows::number(&row, "filesize"));
            } else {
                let folder =
                    Folder { above: rows::text(&row, "folder"), name: rows::text(&row, "filename"), print: print_of(&row) };
                listing.folders.entry(hash).or_insert(folder);
            }
            for entry in rows::access(&row) {
                if listing.access.len() < MOST_ACCESS && !entry.starts_with("token:") && known.insert(entry.clone()) {
                    listing.access.push(entry);
                }
            }
            let mut line = serde_json::to_vec(&rows::listed(&row)).or_fail(ErrorKind::InvalidInput, LISTING)?;
            line.push(b'\n');
            out.write_all(&line).or_fail(ErrorKind::Storage, LISTING)?;
            seen += 1;
            tell(seen);
            Ok(())
        })?;
        out.flush().or_fail(ErrorKind::Storage, LISTING)?;
        drop(out);
        Ok(listing)
    }

    /// Returns the rows, in the order of their creation.
    pub(crate) fn rows(&self) -> Result<impl Iterator<Item = Result<Row>> + use<>> {
        let mut file = self.file.try_clone().or_fail(ErrorKind::Storage, LISTING)?;
        file.seek(SeekFrom::Start(0)).or_fail(ErrorKind::Storage, LISTING)?;
        Ok(BufReader::new(file).lines().map(|line| {
            let line = line.or_fail(ErrorKind::Storage, LISTING)?;
            serde_json::from_str(&line).or_fail(ErrorKind::Corrupt, LISTING)
        }))
    }

    /// Returns the folders above a row, the outermost first.
    fn chain(&self, row: &Row) -> Vec<(&str, &Folder)> {
        let mut chain: Vec<(&str, &Folder)> = Vec::new();
        let mut at = rows::text(row, "folder");
        while let Some((hash, folder)) = self.folders.get_key_value(&at) {
            if chain.len() >= DEEPEST || chain.iter().any(|(known, _)| *known == hash.as_str()) {
                break;
            }
            chain.push((hash, folder));
            at.clone_from(&folder.above);
        }
        chain.reverse();
        chain
    }

    /// Returns the true names of a row's folders, and its own.
    pub(crate) fn names(&self, row: &Row) -> Vec<String> {
        let above = self.chain(row).into_iter().map(|(_, folder)| folder.name.clone());
        above.chain([rows::text(row, "filename")]).collect()
    }

    /// Tells whether a row and the folders above it are as the chain of a metadata file says.
    pub(crate) fn agrees(&self, row: &Row, saved: &[Value]) -> bool {
        let Some((own, above)) = saved.split_last() else { return false };
        let own_agrees = own.as_object().is_some_and(|own| rows::print(own) == rows::print(row));
        let chain = self.chain(row);
        own_agrees
            && chain.len() == above.len()
            && chain.iter().zip(above).all(|((hash, folder), saved)| {
                saved.as_object().is_some_and(|saved| rows::text(saved, "hash") == **hash && print_of(saved) == folder.print)
            })
    }
}

/// Finds the rows in the reply of `files`.
pub(crate) fn rows_of(body: &[u8]) -> Result<Vec<Row>> {
    #[derive(serde::Deserialize)]
    struct Reply {
        success: Value,
        #[serde(default)]
        results: Vec<Row>,
    }
    let reply: Reply = serde_json::from_slice(body).or_fail(ErrorKind::Corrupt, LISTING)?;
    if reply.success == Value::Bool(false) {
        return Err(Error::new(ErrorKind::Refused, LISTING).context("fault", "the hub does not let this log-in see the files"));
    }
    Ok(reply.results)
}

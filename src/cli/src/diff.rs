//! `diff`: shows what differs between two sets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use filesync_engine::set::{Contents, RowsOfFile, Version};
use serde_json::json;

use crate::list;
use crate::machine;
use crate::output::Output;
use crate::problem::{Exit, Problem};
use crate::words;

#[derive(Args, Debug)]
pub(crate) struct DiffArguments {
    /// One set's folder
    #[arg(value_name = "DIR")]
    pub(crate) one: PathBuf,
    /// The other's
    #[arg(value_name = "DIR")]
    pub(crate) other: PathBuf,
}

/// Runs the verb.
pub(crate) fn run(arguments: &DiffArguments, output: &Output) -> Result<Exit, Problem> {
    let (one, other) = (machine::existing(&arguments.one)?, machine::existing(&arguments.other)?);
    let (mut left, mut right) = (Reader::open(&one)?, Reader::open(&other)?);
    let (mut a, mut b) = (left.next()?, right.next()?);
    let (mut differences, mut same) = (0_u64, 0_u64);
    loop {
        // Both are in the order of hashes.
        let order = match (&a, &b) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.hash.cmp(&b.hash),
        };
        let what = match (order, &a, &b) {
            (std::cmp::Ordering::Equal, Some(a), Some(b)) => difference(a, b),
            (std::cmp::Ordering::Less, ..) => Some("only in the first"),
            _ => Some("only in the second"),
        };
        let shown = if order == std::cmp::Ordering::Greater { &b } else { &a };
        match (what, shown) {
            (Some(what), Some(version)) => {
                differences += 1;
                let sign = match order {
                    std::cmp::Ordering::Less => '-',
                    std::cmp::Ordering::Greater => '+',
                    std::cmp::Ordering::Equal => '!',
                };
                let facts = json!({ "hash": version.hash, "names": version.names, "what": what });
                output.say(&facts, &format!("{sign} {}: {what}", words::one_line(&words::path(&version.names))));
            }
            _ => same += 1,
        }
        if order.is_le() {
            a = left.next()?;
        }
        if order.is_ge() {
            b = right.next()?;
        }
    }
    let (rows_same, rows_differ) = diff_rows(&left, &right, output)?;
    same += rows_same;
    differences += rows_differ;
    let facts = json!({ "same": same, "different": differences });
    if output.is_json() {
        output.say(&facts, "");
    } else {
        output.remark(&format!("{} differ, {} are the same", words::number(differences), words::number(same)));
    }
    Ok(if differences == 0 { Exit::Complete } else { Exit::NeedsAttention })
}

/// Compares what the channel has beside its files; returns how many files of rows are the same, and how many are not.
fn diff_rows(left: &Reader<'_>, right: &Reader<'_>, output: &Output) -> Result<(u64, u64), Problem> {
    let (a, b) = (left.beside()?, right.beside()?);
    let (mut same, mut different) = (0, 0);
    for path in a.keys().chain(b.keys().filter(|path| !a.contains_key(*path))) {
        let (sign, what) = match (a.get(path), b.get(path)) {
            (Some(a), Some(b)) if a == b => {
                same += 1;
                continue;
            }
            (Some(_), Some(_)) => ('!', "other rows"),
            (Some(_), None) => ('-', "only in the first"),
            (None, _) => ('+', "only in the second"),
        };
        different += 1;
        output.say(&json!({ "path": path, "what": what }), &format!("{sign} {path}: {what}"));
    }
    Ok((same, different))
}

/// Says what differs between two versions of one file.
fn difference(a: &Version, b: &Version) -> Option<&'static str> {
    if a.why.is_some() || b.why.is_some() {
        return Some("cannot be read in one of them");
    }
    if (a.sha256, a.size_bytes) != (b.sha256, b.size_bytes) {
        return Some("other bytes");
    }
    if a.names != b.names {
        return Some("another name or folder");
    }
    ((&a.edited, a.crops, a.posts, &a.mimetype) != (&b.edited, b.crops, b.posts, &b.mimetype)).then_some("other facts")
}

struct Reader<'f> {
    contents: Contents,
    ready: std::vec::IntoIter<Version>,
    folder: &'f Path,
}

impl<'f> Reader<'f> {
    fn open(folder: &'f Path) -> Result<Self, Problem> {
        Ok(Self { contents: list::open(folder, None)?, ready: Vec::new().into_iter(), folder })
    }

    fn beside(&self) -> Result<BTreeMap<String, RowsOfFile>, Problem> {
        self.contents.beside_files().map_err(|error| Problem::of_set(&error, self.folder))
    }

    fn next(&mut self) -> Result<Option<Version>, Problem> {
        if let Some(version) = self.ready.next() {
            return Ok(Some(version));
        }
        self.ready = self.contents.next(1000).map_err(|error| Problem::of_set(&error, self.folder))?.into_iter();
        Ok(self.ready.next())
    }
}

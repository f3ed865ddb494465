//! Everything that a channel has beside its files, for a set of the whole channel: what it is, sealed at once, and its rows, of which only
//! those come that the set does not have as they are.
//!
//! Invariant: the channel's private key is never in a file but sealed.

use std::cell::Cell;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::notes::Lack;
use super::reading_door::{Door, read, wrong};
use super::writing::{EVERYTHING, Ended, Progress, Watch, Writing, is_much, stop_if_told};
use crate::error::{Error, ErrorKind, Result};
use crate::patience::Stoppable;
use crate::set::{ListedRow, RowsFound};

/// Seals what the channel is, so that only its owner can read it.
pub trait Seal {
    /// Returns it sealed; none if the earlier one that the set has says the same.
    ///
    /// # Errors
    ///
    /// If it cannot be sealed.
    fn seal(&self, identity: &[u8], earlier: Option<&[u8]>) -> Result<Option<Vec<u8>>>;
}

/// How a whole channel is read. The pass is given up as soon as nothing needs it any more.
pub struct Whole<'w> {
    /// The door, opened with a pass.
    door: Door<'w>,
    /// What seals the identity.
    seal: &'w dyn Seal,
    is_over: Cell<bool>,
}

impl<'w> Whole<'w> {
    /// Prepares to read by a door that is opened with a pass.
    pub fn new(door: Door<'w>, seal: &'w dyn Seal) -> Self {
        Self { door, seal, is_over: Cell::new(false) }
    }

    fn end(&self) {
        if !self.is_over.replace(true) {
            self.door.give_up();
        }
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// A page of a listing.
#[derive(Deserialize)]
struct Listing {
    rows: Vec<Listed>,
    after: Option<u64>,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    file: String,
    print: String,
}

/// Rows that were asked for.
#[derive(Deserialize)]
struct Answer {
    rows: Vec<Told>,
    left: Vec<u64>,
}

#[derive(Deserialize)]
struct Told {
    id: u64,
    #[serde(default)]
    file: String,
    #[serde(default)]
    print: String,
    row: Option<Box<RawValue>>,
}

/// How `set.json` says that the API of a hub without filesync gave the rows.
pub(crate) const BY_API: &str = "api";
/// What such a hub gives nobody.
const UNSEEN: [(&str, &str); 2] = [
    ("posts", "A hub without filesync gives neither deleted posts nor those that it shows nowhere."),
    ("calendars", "A hub without filesync gives calendars and address books to programs for CalDAV and CardDAV only."),
];
/// Rows of one question.
const MOST_IDS: usize = 200;
const MOST_KINDS: usize = 64;
const MOST_IDENTITY_BYTES: usize = 24 << 20;

/// Brings the set's rows up to date; returns what `set.json` says of them, or that so much is gone that somebody must say that this is
/// right.
pub(crate) fn bring(
    whole: &Whole<'_>,
    writing: &mut Writing,
    watch: &mut dyn Watch,
) -> Stoppable<std::result::Result<Value, Ended>> {
    let about: Value = read(&whole.door.get_at(&["channel"], &[])?)?;
    if about.pointer("/channel/hash").and_then(Value::as_str) != Some(writing.channel_hash()) {
        return Err(Error::new(ErrorKind::Refused, "reading a whole channel").context("code", "other_channel").into());
    }
    bring_identity(whole, writing)?;
    let kinds = about.get("kinds").and_then(Value::as_object).cloned().unwrap_or_default();
    let (mut rows, mut large, mut all) = (Map::new(), Map::new(), RowsFound::default());
    for (kind, count) in kinds.iter().take(MOST_KINDS) {
        let (found, too_large) = bring_kind(whole, writing, kind, count.as_u64().unwrap_or_default(), watch)?;
        rows.insert(kind.clone(), found.lines.into());
        if too_large > 0 {
            large.insert(kind.clone(), too_large.into());
        }
        all.before += found.before;
        all.left += found.left.saturating_sub(found.new);
    }
    if is_much(all.left, all.before) && !writing.accepts_removals() {
        return Ok(Err(Ended::RowsGone { removed: all.left, before: all.before }));
    }
    // The files need no pass.
    whole.end();
    let of = |key: &str| about.get(key).cloned().unwrap_or_default();
    Ok(Ok(json!({
        "seen": writing.run_time(), "rows": rows, "too_large": large,
        "compatibility": of("compatibility"), "relocate": of("relocate"),
    })))
}

fn bring_identity(whole: &Whole<'_>, writing: &mut Writing) -> Result<()> {
    let identity = whole.door.get_at(&["channel", "identity"], &[])?;
    if identity.len() > MOST_IDENTITY_BYTES {
        return Err(wrong("what the channel is takes too many bytes"));
    }
    let text: Map<String, Value> = read(&identity)?;
    if text.get("channel").and_then(|channel| channel.get("channel_hash")).and_then(Value::as_str) != Some(writing.channel_hash())
    {
        return Err(wrong("the identity of another channel"));
    }
    if let Some(sealed) = whole.seal.seal(&identity, writing.set.identity()?.as_deref())? {
        writing.set.put_identity(&sealed)?;
    }
    Ok(())
}

/// Brings the rows of a kind; returns what became of them, and how many are too large.
fn bring_kind(
    whole: &Whole<'_>,
    writing: &mut Writing,
    kind: &str,
    count: u64,
    watch: &mut dyn Watch,
) -> Stoppable<(RowsFound, u64)> {
    let mut rows = writing.set.rows(kind).map_err(of_door)?;
    let (mut after, mut listed) = (0, 0);
    loop {
        let number = after.to_string();
        let page: Listing = read(&whole.door.get_at(&["channel", "rows", kind], &[("after", &number)])?)?;
        let some: Vec<ListedRow<'_>> =
            page.rows.iter().map(|row| ListedRow { id: row.id, file: &row.file, print: &row.print }).collect();
        rows.listed(&some).map_err(of_door)?;
        listed += some.len() as u64;
        watch.progress(&Progress::Rows { kind, rows: listed, all: count.max(listed) });
        stop_if_told(watch)?;
        match page.after {
            Some(next) if next <= after => return Err(wrong("its listing does not go on").into()),
            Some(next) => after = next,
            None => break,
        }
    }
    let (mut wanted, mut too_large, mut brought) = (rows.wanted()?, 0, 0);
    loop {
        let mut ids = wanted.next(MOST_IDS)?;
        if ids.is_empty() {
            break;
        }
        while !ids.is_empty() {
            let said = json!({ "ids": ids });
            let answer: Answer = read(&whole.door.post_at(&["channel", "rows", kind], &said)?)?;
            if answer.left.len() >= ids.len() {
                return Err(wrong("it answers nothing").into());
            }
            for told in answer.rows.iter().filter(|told| ids.contains(&told.id)) {
                match &told.row {
                    Some(row) => {
                        rows.arrived(&ListedRow { id: told.id, file: &told.file, print: &told.print }, row).map_err(of_door)?;
                    }
                    None => too_large += 1,
                }
                brought += 1;
            }
            watch.progress(&Progress::Rows { kind, rows: brought, all: count.max(brought) });
            stop_if_told(watch)?;
            ids = answer.left;
        }
    }
    writing.check_room()?;
    Ok((writing.set.end_rows(rows)?, too_large))
}

/// Says of what no set has that it comes from the door.
fn of_door(error: Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidInput => wrong("rows that no set has").source(error),
        _ => error,
    }
}

/// Says in `set.json` what there is beside files, as of this run or an earlier one.
pub(crate) fn tell(about: &mut Value, everything: &Value) {
    let Some(about) = about.as_object_mut().filter(|_| everything.is_object()) else { return };
    let kinds = everything.get("rows").and_then(Value::as_object).into_iter().flatten();
    let words = std::iter::once("identity").chain(kinds.map(|(kind, _)| kind.as_str())).map(Value::from);
    if let Some(contents) = about.get_mut("contents").and_then(Value::as_array_mut) {
        contents.extend(words);
    }
    about.insert(EVERYTHING.to_owned(), everything.clone());
}

/// Returns what a set lacks of the rows that it has.
pub(crate) fn lacks(everything: &Value) -> Vec<Lack> {
    let large = everything.get("too_large").and_then(Value::as_object).into_iter().flatten();
    let large = large.filter_map(|(kind, count)| Some((kind, count.as_u64()?))).map(|(kind, count)| {
        Lack::new(kind, "too_large", format!("{count} of the {kind} have more than 4 MiB each: no set takes such rows."))
    });
    let unread = everything.get("unread").and_then(Value::as_array).into_iter().flatten();
    let unread = unread.filter_map(Value::as_str).map(|kind| {
        let words = format!(
            "The hub cannot give all {kind} at once; those of the last run are in the set. More memory for its PHP helps."
        );
        Lack::new(kind, "unreadable", words)
    });
    let is_by_api = everything.get("by").is_some_and(|by| by == BY_API);
    let unseen = is_by_api.then_some(UNSEEN).into_iter().flatten();
    let unseen = unseen.map(|(kind, words)| Lack::new(kind, "stock_api", words.to_owned()));
    large.chain(unread).chain(unseen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_says_what_there_is_beside_files_also_after_a_run_for_the_files_alone() {
        let everything = json!({ "seen": "2026-11-28T03:15:00Z", "rows": { "posts": 3 }, "too_large": { "posts": 1 } });
        let mut about = json!({ "contents": ["files"] });
        tell(&mut about, &everything);
        assert_eq!(about, json!({ "contents": ["files", "identity", "posts"], "everything": everything }));
        assert_eq!(
            lacks(&everything).iter().map(|lack| (lack.what.as_str(), lack.why.as_str())).collect::<Vec<_>>(),
            [("posts", "too_large")]
        );
        let mut plain = json!({ "contents": ["files"] });
        tell(&mut plain, &Value::Null);
        assert_eq!(plain, json!({ "contents": ["files"] }));
        assert!(lacks(&Value::Null).is_empty());
        let by_api = json!({ "by": "api", "unread": ["connections"] });
        assert_eq!(
            lacks(&by_api).iter().map(|lack| (lack.what.as_str(), lack.needs_attention())).collect::<Vec<_>>(),
            [("connections", true), ("posts", false), ("calendars", false)]
        );
    }
}

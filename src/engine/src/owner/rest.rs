//! What a channel has beside its files, by the API of any hub: the hub's own export of it, section by section, and the posts that the
//! hub shows to the owner.
//!
//! Such a hub has no numbers by which single rows could be asked for. So a section comes whole each time, and what the set has as it is
//! is told by its print. A section that the hub cannot give, because it is too much for its memory, keeps the rows of the last run.
//!
//! Invariant: guests' tokens, as the channel's private key, are never in a file but sealed.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::connection::Connection;
use super::listing::short;
use super::posts::Post;
use super::rows::{self, Row};
use super::shares::items_of;
use super::whole::{BY_API, Seal};
use super::writing::{Ended, Progress, Watch, Writing, is_much, stop_if_told};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::patience::Stoppable;
use crate::set::{ListedRow, MOST_ROW_BYTES, Rows, RowsFound};

/// Rows of a channel while they are gathered.
pub(crate) struct Rest<'r> {
    connection: &'r Connection,
    posts: Gathered,
    /// Posts of the wall that began a conversation, of which everything came; and conversations that were asked for.
    tops: HashSet<u64>,
    /// Guests' tokens, connections and groups, as the hub exported them.
    people: Option<Vec<u8>>,
    tally: Tally,
    /// Kinds that the hub could not give.
    unread: Vec<&'static str>,
    compatibility: Value,
    relocate: Value,
}

/// What became of the kinds that ended.
#[derive(Default)]
struct Tally {
    rows: Map<String, Value>,
    too_large: Map<String, Value>,
    all: RowsFound,
}

/// The rows of one kind. Their numbers count them.
struct Gathered {
    kind: &'static str,
    rows: Rows,
    /// Ids of posts that came.
    seen: HashSet<u64>,
    count: u64,
    too_large: u64,
}

/// What all connections, and what is shared with groups of them, need.
#[derive(Default, Deserialize)]
#[serde(default)]
struct People<'a> {
    #[serde(borrow)]
    abook: Vec<&'a RawValue>,
    #[serde(borrow)]
    xchan: Vec<&'a RawValue>,
    #[serde(borrow)]
    hubloc: Vec<&'a RawValue>,
    #[serde(borrow)]
    group: Vec<&'a RawValue>,
    #[serde(borrow)]
    group_member: Vec<&'a RawValue>,
    #[serde(borrow)]
    atoken: Vec<&'a RawValue>,
}

const POSTS: &str = "posts";
/// Sections of an export with one row each of a kind: the section that is asked for, the kind, and the keys of its rows.
const SECTIONS: [(&str, &str, &[&str]); 4] = [
    ("apps", "apps", &["app", "sysapp"]),
    ("chatrooms", "chatrooms", &["chatroom"]),
    ("events", "events", &["event"]),
    ("webpages", "menus", &["menu"]),
];
/// Sections in which there may be posts that are on no wall, and the keys of these.
const POSTS_IN: [(&str, &str); 3] = [("events", "event_item"), ("webpages", "webpages"), ("wikis", "wiki")];
/// Conversations of one page, which has the posts that began them only.
const STREAM_RECORDS: usize = 100;
/// Conversations that are asked for at once.
const CONVERSATIONS: usize = 16;
const READING: &str = "reading a whole channel";

impl<'r> Rest<'r> {
    /// Begins: seals what the channel is.
    pub(crate) fn begin(connection: &'r Connection, seal: &dyn Seal, writing: &mut Writing) -> Result<Self> {
        let mut unread = Vec::new();
        let people = export(connection, "connections")?;
        if people.is_none() {
            unread.extend(["connections", "groups"]);
        }
        let mut identity: Map<String, Value> =
            parse(&export(connection, "channel,config")?.ok_or_else(|| wrong("no export of the channel"))?)?;
        let hash = identity.get("channel").and_then(|channel| channel.get("channel_hash")).and_then(Value::as_str);
        if hash != Some(writing.channel_hash()) {
            return Err(wrong("the export of another channel"));
        }
        let tokens = people.as_deref().map(parse::<People<'_>>).transpose()?.unwrap_or_default().atoken;
        if !tokens.is_empty() {
            identity.insert("atoken".to_owned(), json!(tokens));
        }
        let text = serde_json::to_vec(&identity).or_fail(ErrorKind::InvalidInput, READING)?;
        if let Some(sealed) = seal.seal(&text, writing.set.identity()?.as_deref())? {
            writing.set.put_identity(&sealed)?;
        }
        let of = |key: &str| identity.get(key).cloned().unwrap_or_default();
        Ok(Self {
            posts: Gathered::begin(writing, POSTS)?,
            connection,
            tops: HashSet::new(),
            people,
            tally: Tally::default(),
            unread,
            compatibility: of("compatibility"),
            relocate: of("relocate"),
        })
    }

    /// Tells whether the posts of all times must be looked at: the set does not have them as this way reads them.
    pub(crate) fn needs_all_posts(&self, writing: &Writing) -> Result<bool> {
        let by = writing.everything().get("by").cloned().unwrap_or_default();
        Ok(by != BY_API || !self.posts.rows.are_whole()?)
    }

    /// Takes a post of the channel's wall.
    pub(crate) fn add_of_wall(&mut self, raw: &Value) -> Result<()> {
        let of = |key: &str| raw.get(key).and_then(Value::as_str);
        // Comments on a photo are on the wall, and the photo's own post is not.
        if let Some(top) = of("message_top").filter(|top| of("message_id") == Some(top)) {
            self.tops.insert(short(top));
        }
        self.posts.add_post(raw)
    }

    /// Reads all conversations that are not on the channel's wall, from a time on; none: of all times.
    pub(crate) fn read_stream(&mut self, since: Option<&str>, watch: &mut dyn Watch) -> Stoppable<()> {
        let records = STREAM_RECORDS.to_string();
        for page in 0_usize.. {
            let start = (page * STREAM_RECORDS).to_string();
            let mut query = vec![("top", "1"), ("records", records.as_str()), ("start", start.as_str()), ("order", "post")];
            query.extend(since.map(|since| ("dbegin", since)));
            let body = self.connection.call("network/stream", &query)?.unwrap_or_default();
            let found: Vec<Value> = serde_json::from_slice(&body).unwrap_or_default();
            if found.is_empty() {
                break;
            }
            let tops: Vec<String> = found
                .into_iter()
                .filter_map(Post::of)
                .filter(|post| post.is_top() && self.tops.insert(short(&post.id)))
                .map(|post| post.id)
                .collect();
            for some in tops.chunks(CONVERSATIONS) {
                let urls: Vec<_> = some.iter().map(|mid| self.connection.api("item/full", &[("mid", mid.as_str())])).collect();
                for reply in self.connection.calls(&urls) {
                    for row in items_of(&reply?.unwrap_or_default())? {
                        self.posts.add_post(&Value::Object(row))?;
                    }
                }
                watch.progress(&Progress::Posts(self.posts.count));
                stop_if_told(watch)?;
            }
        }
        Ok(())
    }

    /// Reads the other sections, and ends; returns what `set.json` says of them. `sees_all`: whether posts of all times were looked at.
    pub(crate) fn end(
        mut self,
        writing: &mut Writing,
        sees_all: bool,
        watch: &mut dyn Watch,
    ) -> Stoppable<std::result::Result<Value, Ended>> {
        self.end_people(writing)?;
        let mut sections: HashMap<&str, Option<Vec<u8>>> = HashMap::new();
        for (section, kind, keys) in SECTIONS {
            let body = export(self.connection, section)?;
            match &body {
                Some(body) => self.end_section(writing, kind, keys, body)?,
                None => self.unread.push(kind),
            }
            if POSTS_IN.iter().any(|(of, _)| *of == section) {
                sections.insert(section, body);
            }
            stop_if_told(watch)?;
        }
        let mut lost = false;
        for (section, key) in POSTS_IN {
            let body = match sections.remove(section) {
                Some(body) => body,
                None => export(self.connection, section)?,
            };
            lost |= body.is_none();
            let found: Map<String, Value> = body.as_deref().map(parse).transpose()?.unwrap_or_default();
            for raw in found.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.posts.add_post(raw)?;
            }
        }
        if !sees_all || lost {
            let seen = std::mem::take(&mut self.posts.seen);
            self.posts.rows.keep(|line| !id_of(line).is_some_and(|id| seen.contains(&short(&id))))?;
        }
        if lost {
            self.unread.push(POSTS);
        }
        let Self { posts, mut tally, unread, .. } = self;
        tally.end(writing, posts)?;
        for kind in &unread {
            let before = writing.everything().pointer(&format!("/rows/{kind}")).cloned().unwrap_or(0.into());
            tally.rows.entry(*kind).or_insert(before);
        }
        if is_much(tally.all.left, tally.all.before) && !writing.accepts_removals() {
            return Ok(Err(Ended::RowsGone { removed: tally.all.left, before: tally.all.before }));
        }
        Ok(Ok(json!({
            "seen": writing.run_time(), "by": BY_API, "rows": tally.rows, "too_large": tally.too_large, "unread": unread,
            "compatibility": self.compatibility, "relocate": self.relocate,
        })))
    }

    /// Ends connections, each with the person and where that lives, and groups, each with its members.
    fn end_people(&mut self, writing: &mut Writing) -> Result<()> {
        let Some(body) = self.people.take() else { return Ok(()) };
        let people: People<'_> = parse(&body)?;
        let (xchans, hublocs) = (by("xchan_hash", &people.xchan)?, by("hubloc_hash", &people.hubloc)?);
        let mut connections = Gathered::begin(writing, "connections")?;
        for row in people.abook {
            let hash = column(row, "abook_xchan")?;
            connections.add(&fragment(&[("abook", &[row]), ("xchan", of(&xchans, &hash)), ("hubloc", of(&hublocs, &hash))]))?;
        }
        let members = by("gid", &people.group_member)?;
        let mut groups = Gathered::begin(writing, "groups")?;
        for row in people.group {
            groups.add(&fragment(&[("group", &[row]), ("group_member", of(&members, &column(row, "id")?))]))?;
        }
        self.tally.end(writing, connections)?;
        self.tally.end(writing, groups)
    }

    fn end_section(&mut self, writing: &mut Writing, kind: &'static str, keys: &[&str], body: &[u8]) -> Result<()> {
        let found: HashMap<String, &RawValue> = parse(body)?;
        let mut gathered = Gathered::begin(writing, kind)?;
        for key in keys {
            let all: Vec<&RawValue> = found.get(*key).map(|list| parse(list.get().as_bytes())).transpose()?.unwrap_or_default();
            for row in all {
                gathered.add(&fragment(&[(*key, &[row])]))?;
            }
        }
        self.tally.end(writing, gathered)
    }
}

impl Tally {
    /// Ends a kind.
    fn end(&mut self, writing: &mut Writing, gathered: Gathered) -> Result<()> {
        writing.check_room()?;
        let Gathered { kind, rows, too_large, .. } = gathered;
        let found = writing.set.end_rows(rows)?;
        if found.lines > 0 {
            self.rows.insert(kind.to_owned(), found.lines.into());
        }
        if too_large > 0 {
            self.too_large.insert(kind.to_owned(), too_large.into());
        }
        self.all.before += found.before;
        self.all.left += found.left.saturating_sub(found.new);
        Ok(())
    }
}

impl Gathered {
    fn begin(writing: &mut Writing, kind: &'static str) -> Result<Self> {
        Ok(Self { kind, rows: writing.set.rows(kind)?, seen: HashSet::new(), count: 0, too_large: 0 })
    }

    /// Takes a row: a part of an export.
    fn add(&mut self, text: &str) -> Result<()> {
        let value: Value = parse(text.as_bytes())?;
        self.add_as(&print_of(&value), "", text)
    }

    /// Takes a post, as the hub encodes it, once.
    fn add_post(&mut self, raw: &Value) -> Result<()> {
        let Some(id) = raw.get("message_id").and_then(Value::as_str).filter(|id| !id.is_empty()) else { return Ok(()) };
        if !self.seen.insert(short(id)) {
            return Ok(());
        }
        let created = raw.get("created").and_then(Value::as_str).unwrap_or_default();
        let month = created.get(..7).filter(|month| is_month(month)).unwrap_or("0000-00");
        self.add_as(&print_of_post(raw), month, &raw.to_string())
    }

    fn add_as(&mut self, print: &str, file: &str, text: &str) -> Result<()> {
        self.count += 1;
        if text.len() > MOST_ROW_BYTES {
            self.too_large += 1;
            return Ok(());
        }
        let row = ListedRow { id: self.count, file, print };
        let json = RawValue::from_string(text.to_owned()).or_fail(ErrorKind::Corrupt, READING)?;
        self.rows.arrived(&row, &json).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => wrong("rows that no set has").source(error),
            _ => error,
        })
    }
}

/// Asks for sections of the channel's export. None: the hub cannot give them, because they are too much for it or for this command.
fn export(connection: &Connection, sections: &str) -> Result<Option<Vec<u8>>> {
    match connection.call_large("channel/export/basic", &[("sections", sections)]) {
        Err(error) if matches!(error.kind(), ErrorKind::PeerBusy | ErrorKind::LimitExceeded) => Ok(None),
        outcome => outcome,
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| wrong("no export that can be read").source(error))
}

fn wrong(fault: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, READING).context("code", "hub_wrong").context("fault", fault)
}

fn column(row: &RawValue, name: &str) -> Result<String> {
    Ok(rows::text(&parse::<Row>(row.get().as_bytes())?, name))
}

fn by<'a>(name: &str, all: &[&'a RawValue]) -> Result<HashMap<String, Vec<&'a RawValue>>> {
    let mut groups: HashMap<String, Vec<&RawValue>> = HashMap::new();
    for row in all {
        groups.entry(column(row, name)?).or_default().push(*row);
    }
    Ok(groups)
}

fn of<'g, 'a>(groups: &'g HashMap<String, Vec<&'a RawValue>>, key: &str) -> &'g [&'a RawValue] {
    groups.get(key).map_or(&[], Vec::as_slice)
}

/// Composes a part of an export.
fn fragment(sections: &[(&str, &[&RawValue])]) -> String {
    let list = |rows: &[&RawValue]| rows.iter().map(|row| row.get()).collect::<Vec<_>>().join(",");
    let parts: Vec<String> = sections.iter().map(|(key, rows)| format!("\"{key}\":[{}]", list(rows))).collect();
    format!("{{{}}}", parts.join(","))
}

/// Returns the id of the post that a line of the set has.
fn id_of(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Line {
        message_id: String,
    }
    serde_json::from_slice::<Line>(line).ok().map(|line| line.message_id)
}

fn is_month(text: &str) -> bool {
    text.bytes().enumerate().all(|(n, byte)| if n == 4 { byte == b'-' } else { byte.is_ascii_digit() })
}

fn hex_of(value: &Value) -> String {
    Digest::of(value.to_string().as_bytes()).to_string().chars().take(32).collect()
}

/// Returns what tells a row from its other states: all but when the hub last heard of somebody, with which all would change every day.
fn print_of(part: &Value) -> String {
    let mut lasting = part.clone();
    let rows = lasting.as_object_mut().into_iter().flat_map(|part| part.values_mut()).filter_map(Value::as_array_mut).flatten();
    for row in rows.filter_map(Value::as_object_mut) {
        row.retain(|column, _| !["_connected", "_updated", "_error", "_orphancheck"].iter().any(|end| column.ends_with(end)));
    }
    hex_of(&lasting)
}

/// Returns what tells a post from its other states: all but numbers of the hub, what changes when its owner reads it or somebody
/// answers it, and what the hub knows of its people now.
fn print_of_post(raw: &Value) -> String {
    let mut lasting = raw.clone();
    if let Some(post) = lasting.as_object_mut() {
        post.retain(|key, _| {
            !["id", "parent", "uid", "aid", "item_unseen", "commented", "route", "postopts"].contains(&key.as_str())
        });
        for role in ["author", "owner"] {
            let id = post.get(role).and_then(|person| person.get("id")).cloned().unwrap_or_default();
            post.insert(role.to_owned(), id);
        }
    }
    hex_of(&lasting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_known_again_although_the_hub_has_heard_of_somebody_since() {
        let part = |name: &str, heard: &str| json!({ "abook": [{ "abook_xchan": "x", "abook_connected": heard }], "xchan": [{ "xchan_name": name, "xchan_updated": heard }] });
        assert_eq!(print_of(&part("Anna", "1")), print_of(&part("Anna", "2")));
        assert_ne!(print_of(&part("Anna", "1")), print_of(&part("Anne", "1")));
        assert_eq!(print_of(&part("Anna", "1")).len(), 32);
    }

    #[test]
    fn a_post_is_known_again_although_it_was_read_and_answered_and_its_author_has_another_picture() {
        let post = |body: &str, commented: &str, photo: &str| json!({ "message_id": "m", "body": body, "commented": commented, "id": commented, "author": { "id": "guid", "photo": photo } });
        assert_eq!(print_of_post(&post("b", "1", "p")), print_of_post(&post("b", "2", "q")));
        assert_ne!(print_of_post(&post("b", "1", "p")), print_of_post(&post("c", "1", "p")));
        let another = json!({ "message_id": "m", "body": "b", "author": { "id": "other" } });
        assert_ne!(print_of_post(&post("b", "1", "p")), print_of_post(&another));
    }

    #[test]
    fn parts_of_an_export_are_put_together_by_whom_they_are_about() {
        let body = br#"{"abook":[{"abook_xchan":"x"}],"xchan":[{"xchan_hash":"y"},{"xchan_hash":"x","n":1}],"hubloc":[]}"#;
        let people: People<'_> = parse(body).unwrap();
        let xchans = by("xchan_hash", &people.xchan).unwrap();
        let text = fragment(&[("abook", &people.abook), ("xchan", of(&xchans, "x")), ("hubloc", of(&xchans, "z"))]);
        assert_eq!(text, r#"{"abook":[{"abook_xchan":"x"}],"xchan":[{"xchan_hash":"x","n":1}],"hubloc":[]}"#);
        assert!(people.group.is_empty() && people.atoken.is_empty());
    }

    #[test]
    fn months_and_ids_are_read_as_they_are_written() {
        assert!(is_month("2024-05") && !is_month("2024/05") && !is_month("x024-05"));
        assert_eq!(id_of(br#"{"filesync":{"print":""},"message_id":"m"}"#).as_deref(), Some("m"));
        assert_eq!(id_of(b"{}"), None);
    }
}

//! A whole channel on its way to a hub: sections of a hub's own export, in the order in which a hub imports them, and their rows, one
//! after the other.
//!
//! Invariant: what is the channel's own, its private key included, is in memory only; of rows no more than some are in memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::export::{Elements, Export};
use crate::dump::Section;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::set::{Beside, SavedRows};

/// A channel as a set has it, or a hub's own export.
pub struct WholeChannel {
    source: Source,
    guid: String,
    /// What each part of an export needs to know.
    keys: Map<String, Value>,
    /// The channel itself.
    head: String,
    /// Sections of addons.
    addons: Vec<String>,
    parts: Vec<Part>,
}

enum Source {
    Set(Beside),
    Export(Export),
}

/// Rows of one section.
pub(crate) struct Part {
    pub(crate) section: &'static str,
    place: Place,
}

enum Place {
    /// Here, as JSON.
    Here(Vec<String>),
    /// In the rows of a file of the set.
    Within(String),
    /// A section of an export.
    Section(Section),
    /// Rows of a file of the set: posts that begin a conversation, or all others.
    Posts { path: String, are_roots: bool },
}

/// A row of a section.
pub(crate) struct Row {
    pub(crate) json: String,
    /// Of a member: number and hash of its group.
    pub(crate) group: Option<(String, String)>,
}

/// The rows of a part.
pub(crate) struct PartRows<'c> {
    channel: &'c WholeChannel,
    part: &'c Part,
    file: Option<SavedRows>,
    elements: Option<Elements>,
    ready: VecDeque<Row>,
}

/// Sections of an export in the order in which a hub imports them; with those that are rows of a set, the kind that has them.
const SECTIONS: [(&str, &str); 22] = [
    ("config", ""),
    ("xchan", "connections"),
    ("hubloc", "connections"),
    ("abook", "connections"),
    ("atoken", ""),
    ("group", "groups"),
    (MEMBERS, "groups"),
    ("obj", ""),
    ("likes", ""),
    ("app", "apps"),
    ("sysapp", "apps"),
    ("chatroom", "chatrooms"),
    ("event", "events"),
    ("event_item", ""),
    ("calendar", "calendars"),
    ("calendarobject", "calendarobjects"),
    ("addressbook", "addressbooks"),
    ("card", "cards"),
    ("menu", "menus"),
    ("wiki", ""),
    ("webpages", ""),
    (POSTS, ""),
];
const KEYS: [&str; 2] = ["compatibility", "relocate"];
const HEAD: [&str; 3] = ["channel", "profile", "photo"];
/// What hubs write and none reads.
const UNREAD: [&str; 4] = ["term", "items_total", "items_page", "success"];
const POSTS: &str = "item";
const MEMBERS: &str = "group_member";
const READING: &str = "reading a whole channel";

impl WholeChannel {
    /// Prepares to read a set; `identity` is what its sealed identity says.
    ///
    /// # Errors
    ///
    /// `Corrupt` if it is not the identity of a channel.
    pub fn new(set: Beside, identity: &[u8]) -> Result<Self> {
        let wrong = |fault: &'static str| Error::new(ErrorKind::Corrupt, READING).context("fault", fault);
        let mut sections: BTreeMap<String, &RawValue> = serde_json::from_slice(identity).or_fail(ErrorKind::Corrupt, READING)?;
        let guid = sections.get("channel").and_then(|text| guid_of(text.get())).ok_or_else(|| wrong("it has no channel"))?;
        let keys = KEYS.map(|key| {
            let own = sections.remove(key).and_then(|text| serde_json::from_str(text.get()).ok());
            (key.to_owned(), own.unwrap_or_else(|| set.about(key)))
        });
        let head = HEAD.iter().filter_map(|name| sections.remove(*name).map(|text| member(name, text)));
        let head = format!("{{{}}}", head.collect::<Vec<_>>().join(","));
        let mut parts = Vec::new();
        for (section, kind) in SECTIONS {
            let own = sections.remove(section).filter(|text| text.get().starts_with('['));
            if let Some(own) = own {
                let rows: Vec<&RawValue> = serde_json::from_str(own.get()).or_fail(ErrorKind::Corrupt, READING)?;
                let place = Place::Here(rows.iter().map(|row| one_line(row)).collect());
                parts.push(Part { section, place });
            }
            parts.extend(set.file_of(kind).map(|path| Part { section, place: Place::Within(path) }));
        }
        for path in set.months() {
            let posts = |are_roots| Part { section: POSTS, place: Place::Posts { path: path.clone(), are_roots } };
            parts.extend([posts(true), posts(false)]);
        }
        let addons = sections.iter().filter(|(name, text)| !UNREAD.contains(&name.as_str()) && !is_empty(text));
        let addons = addons.map(|(name, text)| format!("{{{}}}", member(name, text))).collect();
        Ok(Self { source: Source::Set(set), guid, keys: keys.into_iter().collect(), head, addons, parts })
    }

    /// Reads a hub's own export to its end, and prepares to read it again.
    ///
    /// # Errors
    ///
    /// `Refused` with code `no_channel` if no channel is in it, otherwise as of [`crate::dump::Dump::slice`].
    pub fn of_export(path: &Path) -> Result<Self> {
        let export = Export::open(path)?;
        let (mut keys, mut head, mut addons, mut guid) = (Map::new(), Vec::new(), Vec::new(), None);
        for section in export.sections() {
            let name = section.name.as_str();
            let is_short = KEYS.contains(&name) || HEAD.contains(&name) || !is_known(name);
            if !is_short || UNREAD.contains(&name) {
                continue;
            }
            let text = export.text_of(section)?.replace(['\n', '\r'], " ");
            if name == "channel" {
                guid = guid_of(&text);
            }
            let member = format!("{}:{text}", Value::from(name));
            if KEYS.contains(&name) {
                keys.insert(name.to_owned(), serde_json::from_str(&text).or_fail(ErrorKind::Corrupt, READING)?);
            } else if HEAD.contains(&name) {
                head.push(member);
            } else {
                addons.push(format!("{{{member}}}"));
            }
        }
        let guid = guid.ok_or_else(|| Error::new(ErrorKind::Refused, READING).context("code", "no_channel"))?;
        let parts = SECTIONS.iter().flat_map(|(name, _)| {
            let sections = export.sections().iter().filter(|section| section.name == *name && section.is_list);
            sections.map(|section| Part { section: name, place: Place::Section(section.clone()) }).collect::<Vec<_>>()
        });
        let (parts, head) = (parts.collect(), format!("{{{}}}", head.join(",")));
        Ok(Self { source: Source::Export(export), guid, keys, head, addons, parts })
    }

    /// Returns what begins its import, but for the name that it gets.
    pub(crate) fn about(&self) -> Map<String, Value> {
        let name = match &self.source {
            Source::Set(set) => set.name().to_owned(),
            Source::Export(export) => export.name(),
        };
        let about = json!({ "set": name, "guid": self.guid });
        about.as_object().cloned().unwrap_or_default()
    }

    /// Returns what each part of an export needs to know.
    pub(crate) fn keys(&self) -> &Map<String, Value> {
        &self.keys
    }

    /// Returns the channel itself, as one row.
    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    /// Returns sections of addons, a row each.
    pub(crate) fn addons(&self) -> &[String] {
        &self.addons
    }

    /// Returns a part, by its number: the first is 1, as 0 is the channel itself.
    pub(crate) fn part(&self, number: u64) -> Option<&Part> {
        self.parts.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Begins to read the rows of a part.
    pub(crate) fn rows<'c>(&'c self, part: &'c Part) -> Result<PartRows<'c>> {
        let mut rows = PartRows { channel: self, part, file: None, elements: None, ready: VecDeque::new() };
        match (&part.place, &self.source) {
            (Place::Here(here), _) => rows.ready.extend(here.iter().map(|json| Row { json: json.clone(), group: None })),
            (Place::Within(path) | Place::Posts { path, .. }, Source::Set(set)) => rows.file = Some(set.rows(path)?),
            (Place::Section(section), Source::Export(export)) => rows.elements = Some(export.elements(section)?),
            (Place::Within(_) | Place::Posts { .. } | Place::Section(_), _) => {}
        }
        Ok(rows)
    }
}

impl PartRows<'_> {
    /// Returns the next row.
    pub(crate) fn next(&mut self) -> Result<Option<Row>> {
        if let (Some(elements), Source::Export(export)) = (&mut self.elements, &self.channel.source) {
            let is_member = self.part.section == MEMBERS;
            return Ok(elements.next()?.map(|json| Row { group: is_member.then(|| export.group_of(&json)).flatten(), json }));
        }
        while self.ready.is_empty() {
            let Some(file) = &mut self.file else { return Ok(None) };
            let Some(line) = file.next()? else { return Ok(None) };
            match &self.part.place {
                Place::Posts { are_roots, .. } => {
                    if is_root(&line)? == *are_roots {
                        self.ready.push_back(Row { json: line, group: None });
                    }
                }
                Place::Here(_) | Place::Within(_) | Place::Section(_) => {
                    self.ready.extend(rows_within(&line, self.part.section)?);
                }
            }
        }
        Ok(self.ready.pop_front())
    }
}

/// Returns the rows of a section in a part of an export.
fn rows_within(line: &str, section: &str) -> Result<Vec<Row>> {
    let sections: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(line).or_fail(ErrorKind::Corrupt, READING)?;
    let Some(rows) = sections.get(section) else { return Ok(Vec::new()) };
    let rows: Vec<&RawValue> =
        serde_json::from_str(rows.get()).or_fail(ErrorKind::Corrupt, READING).context("section", section)?;
    let groups = sections.get("group").filter(|_| section == MEMBERS);
    let group = groups.and_then(|text| serde_json::from_str::<Vec<Value>>(text.get()).ok()).and_then(|mut groups| groups.pop());
    let group = group.and_then(|group| {
        let number = group.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))?;
        Some((number, group.get("hash")?.as_str()?.to_owned()))
    });
    Ok(rows.into_iter().map(|row| Row { json: one_line(row), group: group.clone() }).collect())
}

/// Tells whether a post begins a conversation.
fn is_root(post: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct Post<'p> {
        #[serde(borrow, default)]
        message_id: Cow<'p, str>,
        #[serde(borrow, default)]
        message_top: Cow<'p, str>,
    }
    let post: Post<'_> = serde_json::from_str(post).or_fail(ErrorKind::Corrupt, READING)?;
    Ok(post.message_top.is_empty() || post.message_top == post.message_id)
}

/// Returns what names a channel.
fn guid_of(channel: &str) -> Option<String> {
    let channel: Value = serde_json::from_str(channel).ok()?;
    channel.get("channel_guid").and_then(Value::as_str).map(str::to_owned)
}

/// Tells whether a section is one of rows that hubs read.
fn is_known(section: &str) -> bool {
    SECTIONS.iter().any(|(name, _)| *name == section)
}

fn member(name: &str, text: &RawValue) -> String {
    format!("{}:{}", Value::from(name), one_line(text))
}

/// JSON has no line break within its texts, and needs none between them.
fn one_line(text: &RawValue) -> String {
    text.get().replace(['\n', '\r'], " ")
}

fn is_empty(text: &RawValue) -> bool {
    ["null", "false", "[]", "{}", "\"\""].contains(&text.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_know_the_hash_of_their_group_and_others_need_none() {
        let line = r#"{"group":[{"id":"7","hash":"abc"}],"group_member":[{"gid":"7","xchan":"x"},{"gid":"7","xchan":"y"}]}"#;
        let members = rows_within(line, "group_member").unwrap();
        assert_eq!(members.len(), 2);
        assert_eq!(members.first().and_then(|row| row.group.clone()), Some(("7".to_owned(), "abc".to_owned())));
        assert_eq!(rows_within(line, "group").unwrap().first().unwrap().json, r#"{"id":"7","hash":"abc"}"#);
        assert!(rows_within(line, "abook").unwrap().is_empty());
        assert!(rows_within("{", "abook").is_err());
    }

    #[test]
    fn a_post_begins_a_conversation_if_it_is_its_own_top() {
        for (post, is) in [
            (r#"{"message_id":"https://a/item/1","message_top":"https:\/\/a\/item\/1","body":"x"}"#, true),
            (r#"{"message_id":"a"}"#, true),
            (r#"{"message_id":"b","message_top":"a"}"#, false),
        ] {
            assert_eq!(is_root(post).unwrap(), is, "{post}");
        }
    }
}

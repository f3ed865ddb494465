//! Which fields of an item can point at a hub, and how deep to look in them. Only `body` is signed.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};
use crate::relocate::Relocation;

/// How a field holds its URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// bbcode, Markdown, HTML, or one URL.
    Text,
    /// JSON text, or the array decoded from it.
    Json,
    /// The item's terms: a list, each with a `url`.
    Terms,
}

/// Returns how a field of an item, named like the hub's column or the packet's key, holds URLs; none if it holds no URLs that
/// may be rewritten, such as `mid`, `uuid`, `parent_mid`, `thr_parent` and `llink`.
pub fn field(name: &str) -> Option<Field> {
    match name {
        "body" | "summary" | "plink" | "permalink" => Some(Field::Text),
        "obj" | "object" | "target" | "attach" => Some(Field::Json),
        "term" | "tags" => Some(Field::Terms),
        _ => None,
    }
}

/// Arrays nested deeper than this are refused.
const MAX_DEPTH: u32 = 64;

/// An array among nested ones, and what of it is relocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Items,
    Item,
    Terms,
    Term,
    /// All strings; so many levels may follow.
    Strings(u32),
}

/// A value in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A text, UTF-8.
    Text(&'a str),
    /// An array.
    Array,
    /// Anything else.
    Other,
}

/// What takes a value's place in the relocated array. Keys and their order stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Becomes<'a> {
    /// The same value.
    Itself,
    /// This text.
    Text(Cow<'a, str>),
    /// The array, relocated as this level.
    Array(Level),
}

impl Level {
    /// Describes a list of items.
    pub fn items() -> Self {
        Self(Kind::Items)
    }

    /// Describes an item: those of its fields that may point at a hub are relocated.
    pub fn item() -> Self {
        Self(Kind::Item)
    }

    /// Describes an array of which all strings are relocated, also those in its arrays.
    pub fn strings() -> Self {
        Self(Kind::Strings(MAX_DEPTH - 1))
    }

    /// Decides about one value of the array.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an item that is not an array, `LimitExceeded` for arrays nested deeper than 64.
    pub fn relocate<'a>(self, relocation: &Relocation, key: &str, found: Found<'a>) -> Result<Becomes<'a>> {
        Ok(match (self.0, found) {
            (Kind::Items, Found::Array) => Becomes::Array(Self(Kind::Item)),
            (Kind::Items, _) => {
                return Err(Error::new(ErrorKind::InvalidInput, "relocating items")
                    .context("key", key.escape_debug())
                    .context("expected", "an array"));
            }
            (Kind::Item, found) => match (field(key), found) {
                (Some(Field::Text), Found::Text(text)) => Becomes::Text(relocation.text(text)),
                // Invalid JSON was damaged before; it is repaired elsewhere, not here.
                (Some(Field::Json), Found::Text(text)) => relocation.json(text).map_or(Becomes::Itself, Becomes::Text),
                (Some(Field::Json), Found::Array) => Becomes::Array(Self::strings()),
                (Some(Field::Terms), Found::Array) => Becomes::Array(Self(Kind::Terms)),
                _ => Becomes::Itself,
            },
            (Kind::Terms, Found::Array) => Becomes::Array(Self(Kind::Term)),
            (Kind::Term, Found::Text(url)) if key == "url" => Becomes::Text(relocation.text(url)),
            (Kind::Strings(_), Found::Text(text)) => Becomes::Text(relocation.text(text)),
            (Kind::Strings(levels), Found::Array) => {
                let levels = levels.checked_sub(1).ok_or_else(|| {
                    Error::new(ErrorKind::LimitExceeded, "relocating an array").context("limit_depth", MAX_DEPTH)
                })?;
                Becomes::Array(Self(Kind::Strings(levels)))
            }
            (Kind::Terms | Kind::Term | Kind::Strings(_), _) => Becomes::Itself,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::getfile::HubUrl;
    use crate::relocate::Home;

    #[test]
    fn ids_are_never_rewritten() {
        for id in
            ["mid", "uuid", "parent_mid", "thr_parent", "message_id", "message_top", "message_parent", "llink", "sig", "author"]
        {
            assert_eq!(field(id), None, "{id}");
        }
        assert_eq!((field("body"), field("obj"), field("term")), (Some(Field::Text), Some(Field::Json), Some(Field::Terms)));
    }

    /// Relocates objects the way a caller with arrays of its own does.
    fn relocated(level: Level, object: &Map<String, Value>) -> Result<Map<String, Value>> {
        let home = |root: &str, nick: &str| Home::new(HubUrl::parse(root)?, nick);
        let relocation = Relocation::new(home("https://a.example", "alice")?, home("https://b.example", "alicia")?, None);
        let value = |(key, value): (&String, &Value)| {
            let found = match value {
                Value::String(text) => Found::Text(text),
                Value::Object(_) => Found::Array,
                _ => Found::Other,
            };
            let becomes = match level.relocate(&relocation, key, found)? {
                Becomes::Itself => value.clone(),
                Becomes::Text(text) => Value::String(text.into_owned()),
                Becomes::Array(level) => Value::Object(relocated(level, value.as_object().unwrap())?),
            };
            Ok((key.clone(), becomes))
        };
        object.iter().map(value).collect()
    }

    fn object(value: Value) -> Map<String, Value> {
        if let Value::Object(object) = value { object } else { panic!("not an object: {value}") }
    }

    #[test]
    fn an_items_fields_move_and_nothing_else() {
        let (old, new) = ("https://a.example/channel/alice", "https://b.example/channel/alicia");
        let item = |at: &str| {
            object(json!({
                "mid": old, "uid": 7, "body": at, "plink": at, "obj": {"deep": {"u": at, "n": 1}}, "target": "Array",
                "attach": format!("[{{\"href\":\"{at}\"}}]"),
                "term": {"0": {"term": old, "url": at}, "1": "odd"},
            }))
        };
        assert_eq!(relocated(Level::item(), &item(old)).unwrap(), item(new));
        let items = |at| object(json!({ "k": item(at), "3": item(at) }));
        assert_eq!(relocated(Level::items(), &items(old)).unwrap(), items(new));
        let error = relocated(Level::items(), &object(json!({ "k": old }))).unwrap_err();
        assert_eq!(error.to_string(), "invalid input while relocating items {key: k, expected: an array}");
    }

    #[test]
    fn sixty_four_levels_are_relocated_and_no_more() {
        let nested = |levels: u32| (1..levels).fold(object(json!({})), |inner, _| object(json!({ "a": inner })));
        assert_eq!(relocated(Level::strings(), &nested(64)).unwrap(), nested(64));
        let error = relocated(Level::strings(), &nested(65)).unwrap_err();
        assert_eq!(error.to_string(), "limit exceeded while relocating an array {limit_depth: 64}");
        assert!(relocated(Level::item(), &object(json!({ "obj": nested(64) }))).is_ok());
        assert!(relocated(Level::item(), &object(json!({ "obj": nested(65), "other": 1 }))).is_err());
        assert!(relocated(Level::item(), &object(json!({ "other": nested(65) }))).is_ok());
    }
}

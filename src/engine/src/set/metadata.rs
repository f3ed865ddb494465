//! A metadata file: what a hub knows of one file, and the file's bytes or where they are.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::place;
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::SetLimits;

pub(crate) const FORMAT: u64 = 1;

/// Keys that the set adds to what the hub knows.
const OWN_KEYS: [&str; 3] = ["filesync_set", "seen", "parts"];

/// What a hub knows of a file or folder.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) hash: String,
    pub(crate) kind: String,
    /// The true names of the folders, and of the file itself.
    pub(crate) names: Vec<String>,
    pub(crate) is_photo: bool,
    pub(crate) posts: u64,
    pub(crate) mimetype: String,
    pub(crate) edited: String,
    /// All keys but those that the set adds, as they were written.
    keys: Vec<(String, Box<RawValue>)>,
}

/// Bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scale: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mimetype: Option<String>,
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base64: Option<String>,
}

pub(crate) const ORIGINAL: &str = "original";
pub(crate) const CROP: &str = "crop";

/// A metadata file of a set.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) metadata: Metadata,
    pub(crate) seen: String,
    pub(crate) parts: Vec<Part>,
}

impl Saved {
    /// Returns the part with the file's own bytes.
    pub(crate) fn original(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.role == ORIGINAL)
    }

    /// Reads a metadata file.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it breaks the format, `LimitExceeded` if it breaks its bounds, `Unsupported` if its format is newer.
    pub(crate) fn parse(bytes: &[u8], limits: &SetLimits) -> Result<Self> {
        let (metadata, own) = read(bytes, limits)?;
        let find = |name: &str| own.iter().find(|(key, _)| key == name).map(|(_, value)| value.get());
        let format: u64 =
            find("filesync_set").and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| wrong("no format"))?;
        if format != FORMAT {
            return Err(Error::new(ErrorKind::Unsupported, READING).context("format", format));
        }
        let seen: String = find("seen").and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| wrong("`seen`"))?;
        if !is_time(&seen) {
            return Err(wrong("`seen`"));
        }
        let parts: Vec<Value> = find("parts").and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| wrong("`parts`"))?;
        let known = parts.into_iter().filter(|part| {
            let role = part.get("role").and_then(Value::as_str);
            // Other roles may come with later versions.
            !role.is_some_and(|role| role != ORIGINAL && role != CROP)
        });
        let parts: Vec<Part> = known
            .map(serde_json::from_value)
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| wrong("`parts`").source(error))?;
        for part in &parts {
            check_part(part, &metadata.hash)?;
        }
        if parts.iter().filter(|part| part.role == ORIGINAL).count() > 1 {
            return Err(wrong("more than one original"));
        }
        Ok(Self { metadata, seen, parts })
    }

    /// Writes a metadata file.
    pub(crate) fn compose(metadata: &Metadata, seen: &str, parts: &[Part]) -> Result<Vec<u8>> {
        let mut bytes = format!("{{\n\"filesync_set\":{FORMAT},\n\"seen\":{}", json(seen)?).into_bytes();
        for (key, value) in &metadata.keys {
            bytes.extend_from_slice(format!(",\n{}:", json(key)?).as_bytes());
            bytes.extend_from_slice(value.get().as_bytes());
        }
        bytes.extend_from_slice(format!(",\n\"parts\":{}\n}}\n", json(parts)?).as_bytes());
        Ok(bytes)
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).or_fail(ErrorKind::InvalidInput, "writing a metadata file")
}

impl Metadata {
    /// Reads what a hub knows, without the keys that the set adds.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is of another form, `LimitExceeded` if it breaks its bounds.
    pub(crate) fn parse(text: &str, limits: &SetLimits) -> Result<Self> {
        let (metadata, own) = read(text.as_bytes(), limits)?;
        match own.first() {
            Some((key, _)) => Err(wrong("a key that the set adds").context("key", key)),
            None => Ok(metadata),
        }
    }

    /// Returns it as it was given, without the keys that the set adds.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(self.length() + 2);
        for (key, value) in &self.keys {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(&Value::from(key.as_str()).to_string());
            text.push(':');
            text.push_str(value.get());
        }
        text + if self.keys.is_empty() { "{}" } else { "}" }
    }

    /// Returns about how long it is as text.
    pub(crate) fn length(&self) -> usize {
        self.keys.iter().map(|(key, value)| key.len() + value.get().len() + 8).sum()
    }

    /// Tells whether it is a file, which may have bytes.
    pub(crate) fn is_file(&self) -> bool {
        self.kind == "file"
    }
}

const READING: &str = "reading a metadata file";

fn wrong(fault: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, READING).context("fault", fault)
}

/// Returns a path among the parts of a metadata file that no set may name.
pub(crate) fn parts_fault(bytes: &[u8]) -> Option<(String, &'static str)> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let paths = value.get("parts")?.as_array()?.iter().filter_map(|part| part.get("path").and_then(Value::as_str));
    paths.into_iter().find_map(|path| Some((path.to_owned(), place::payload_fault(path)?)))
}

fn check_part(part: &Part, hash: &str) -> Result<()> {
    let fault = match (&part.path, &part.base64) {
        (Some(path), None) => place::payload_fault(path),
        (None, Some(_)) if part.role == CROP => None,
        _ => Some("neither a path nor bytes, or both"),
    };
    match fault {
        Some(fault) => Err(wrong(fault).context("hash", hash).context("role", &part.role)),
        None => Ok(()),
    }
}

type Keys = Vec<(String, Box<RawValue>)>;

fn read(bytes: &[u8], limits: &SetLimits) -> Result<(Metadata, Keys)> {
    let limit = |what: &'static str, limit: usize| Error::new(ErrorKind::LimitExceeded, READING).context(what, limit);
    if bytes.len() > limits.metadata_bytes {
        return Err(limit("limit_bytes", limits.metadata_bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("not UTF-8"))?;
    if depth(text) > limits.depth {
        return Err(limit("limit_levels", limits.depth));
    }
    let Object(keys) = serde_json::from_str(text).or_fail(ErrorKind::InvalidInput, READING)?;
    let (own, keys): (Keys, Keys) = keys.into_iter().partition(|(key, _)| OWN_KEYS.contains(&key.as_str()));
    let find = |name: &str| keys.iter().find(|(key, _)| key == name).map(|(_, value)| value.get());
    let text = |name: &str| find(name).and_then(|text| serde_json::from_str::<String>(text).ok());
    let hash = text("hash").filter(|hash| place::is_hash(hash)).ok_or_else(|| wrong("`hash`"))?;
    let is_kind =
        |kind: &String| (1..=20).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let kind = text("kind").filter(is_kind).ok_or_else(|| wrong("`kind`")).context("hash", &hash)?;
    let posts = find("item").map_or(Ok(Vec::new()), serde_json::from_str::<Vec<IgnoredAny>>);
    let posts = posts.map_err(|_| wrong("`item`")).context("hash", &hash)?.len();
    if posts > limits.posts {
        return Err(limit("limit_posts", limits.posts).context("hash", &hash));
    }
    let rows: Vec<Row> = find("attach").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let own_row = rows.last().filter(|row| row.hash == hash && rows.len() <= limits.depth);
    let Some(own_row) = own_row else {
        return Err(wrong("`attach`").context("hash", &hash).context("expected", "1 to 64 rows, the last of this hash"));
    };
    let metadata = Metadata {
        names: rows.iter().map(|row| row.filename.clone()).collect(),
        is_photo: is_true(&own_row.is_photo),
        posts: posts as u64,
        mimetype: own_row.filetype.as_str().unwrap_or_default().to_owned(),
        edited: own_row.edited.as_str().unwrap_or_default().to_owned(),
        hash,
        kind,
        keys,
    };
    Ok((metadata, own))
}

/// Some columns of an attach row; databases give numbers as numbers or as text.
#[derive(Deserialize)]
struct Row {
    hash: String,
    filename: String,
    #[serde(default)]
    filetype: Value,
    #[serde(default)]
    is_photo: Value,
    #[serde(default)]
    edited: Value,
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_u64() != Some(0),
        Value::String(text) => !text.is_empty() && text != "0",
        _ => false,
    }
}

/// Returns how deep a JSON text is nested. Of a text that is not JSON it says something, too.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut is_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'[' | b'{' if !is_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Tells whether it is a time such as `2026-11-28T03:17:09Z`.
pub(crate) fn is_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00Z";
    text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}

/// An object whose keys keep their order and occur once.
struct Object(Keys);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Object, A::Error> {
                let mut keys = Keys::new();
                while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if keys.len() >= MAX_KEYS || keys.iter().any(|(known, _)| *known == key) {
                        return Err(serde::de::Error::custom("a key occurs twice, or there are more than 64"));
                    }
                    keys.push((key, value));
                }
                Ok(Object(keys))
            }
        }
        deserializer.deserialize_map(Reading)
    }
}

const MAX_KEYS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> SetLimits {
        SetLimits::default()
    }

    const GIVEN: &str = r#"{"kind":"file","hash":"abc-1","attach":[{"hash":"f","filename":"2024"},{"hash":"abc-1","filename":"é \n.jpg","is_photo":"1","filetype":"image/jpeg"}],"item":[{"body":"x"},{}],"filesync":{"v":1}}"#;

    #[test]
    fn what_is_composed_is_read_and_composed_the_same() {
        let given = Metadata::parse(GIVEN, &limits()).unwrap();
        assert_eq!(
            (given.names.as_slice(), given.posts, given.is_photo),
            (["2024".to_owned(), "é \n.jpg".to_owned()].as_slice(), 2, true)
        );
        let part = Part {
            role: ORIGINAL.into(),
            scale: None,
            mimetype: None,
            size: 3,
            sha256: Digest::of(b"abc"),
            path: Some("data/files/x".into()),
            base64: None,
        };
        let bytes = Saved::compose(&given, "2026-11-28T03:17:09Z", std::slice::from_ref(&part)).unwrap();
        let saved = Saved::parse(&bytes, &limits()).unwrap();
        assert_eq!((saved.original(), saved.seen.as_str()), (Some(&part), "2026-11-28T03:17:09Z"));
        assert_eq!(Saved::compose(&saved.metadata, &saved.seen, &saved.parts).unwrap(), bytes);
        assert!(serde_json::from_slice::<Value>(&bytes).unwrap()["filesync"]["v"] == 1);
    }

    #[test]
    fn what_breaks_the_format_is_refused() {
        let kind = |text: &str| Metadata::parse(text, &limits()).err().map(|error| error.kind());
        let (input, limit) = (Some(ErrorKind::InvalidInput), Some(ErrorKind::LimitExceeded));
        for bad in [
            "",
            "[]",
            "{}",
            "{\"hash\":\"a\"}",
            &GIVEN.replace("abc-1\",\"attach", "../x\",\"attach"),
            &GIVEN.replace("\"kind\":\"file\"", "\"kind\":\"FILE\""),
        ] {
            assert_eq!(kind(bad), input, "{bad}");
        }
        for (from, to) in [
            ("\"filesync\":", "\"seen\":"),
            ("\"filesync\":", "\"item\":"),
            ("\"item\":[", "\"item\":[["),
            ("\"hash\":\"abc-1\",\"filename\"", "\"hash\":\"other\",\"filename\""),
            ("\"filename\":\"2024\"", "\"filename\":2024"),
        ] {
            assert!(kind(&GIVEN.replace(from, to)).is_some(), "{from} {to}");
        }
        assert_eq!(kind(&GIVEN.replace("{\"v\":1}", &format!("{}1{}", "[".repeat(64), "]".repeat(64)))), limit);
        assert_eq!(kind(&GIVEN.replace("{\"v\":1}", &format!("{}1{}", "[".repeat(63), "]".repeat(63)))), None);
        assert_eq!(kind(&GIVEN.replace("{\"body\"", &format!("{}{{\"body\"", "0,".repeat(10_000)))), limit);
        assert_eq!(kind(&GIVEN.replace("{\"v\":1}", &format!("\"{}\"", "x".repeat(4 << 20)))), limit);
    }

    #[test]
    fn parts_that_break_the_format_are_refused() {
        let given = Metadata::parse(GIVEN, &limits()).unwrap();
        let whole = |parts: &str| {
            let bytes = Saved::compose(&given, "2026-11-28T03:17:09Z", &[]).unwrap();
            Saved::parse(String::from_utf8(bytes).unwrap().replace("[]", parts).as_bytes(), &limits())
        };
        let digest = Digest::of(b"");
        let one = |rest: &str| format!(r#"{{"role":"original","size":0,"sha256":"{digest}"{rest}}}"#);
        assert_eq!(whole(&format!("[{}]", one(r#","path":"data/files/x","later":1"#))).unwrap().parts.len(), 1);
        assert!(whole(r#"[{"role":"later","x":1}]"#).unwrap().parts.is_empty());
        for bad in [
            format!("[{}]", one("")),
            format!("[{}]", one(r#","path":"data/files/../x""#)),
            format!("[{}]", one(r#","base64":"""#)),
            format!("[{0},{0}]", one(r#","path":"data/files/x""#)),
            "{}".to_owned(),
            "[1]".to_owned(),
            r#"[{"role":"original","size":-1}]"#.to_owned(),
        ] {
            assert!(whole(&bad).is_err(), "{bad}");
        }
    }
}

//! JSON documents, and the canonical texts of them that proofs are over.
//!
//! Invariant: there are two, and every document without odd numbers, line separators and lists in the form of objects has the same
//! in both. RFC 8785 is what the world signs. A hub signs what its library makes of the document once PHP has decoded it: U+2028
//! and U+2029 are escaped, an object with the keys `0`, `1`, `2`, … in that order is a list, an empty one too, and a number with a
//! fraction, or beyond 64 bits, is rounded and loses all zeros at its end.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// A JSON value, whose objects keep the order of their keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    List(Vec<Self>),
    Object(Object),
}

/// A JSON object. Of a key that stands twice the last value counts, in the first place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object(Vec<(String, Json)>);

/// Which PHP rounds the numbers: their rounding changed with PHP 8.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    Before84,
    Since84,
}

impl Object {
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn text(&self, key: &str) -> &str {
        if let Some(Json::Text(text)) = self.get(key) { text } else { "" }
    }

    /// Puts a value at a key: in its place if it is there, else at the end.
    pub(super) fn insert(&mut self, key: &str, value: Json) {
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub(super) fn without(&self, keys: &[&str]) -> Self {
        Self(self.0.iter().filter(|(key, _)| !keys.contains(&key.as_str())).cloned().collect())
    }

    /// Returns what a hub signs.
    pub(super) fn as_hubs_sign(&self, rounding: Rounding) -> String {
        let mut text = String::new();
        write_object(self, rounding, &mut text);
        text
    }

    /// Returns what hubs sign, whatever their PHP.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it has a number that they round differently.
    pub(super) fn as_all_hubs_sign(&self) -> Result<String> {
        let text = self.as_hubs_sign(Rounding::Since84);
        if text == self.as_hubs_sign(Rounding::Before84) {
            Ok(text)
        } else {
            Err(Error::new(ErrorKind::InvalidInput, "writing canonical JSON")
                .context("fault", "a number that hubs round differently")
                .context("expected", "at most 15 digits, and 8 of them before the point"))
        }
    }
}

fn write_object(object: &Object, rounding: Rounding, text: &mut String) {
    if object.0.iter().enumerate().all(|(n, (key, _))| *key == n.to_string()) {
        return write_list(object.0.iter().map(|(_, value)| value), rounding, text);
    }
    let mut entries: Vec<_> = object.0.iter().map(|(key, value)| (key.encode_utf16().collect::<Vec<_>>(), key, value)).collect();
    entries.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    for (n, (_, key, value)) in entries.into_iter().enumerate() {
        text.push(if n == 0 { '{' } else { ',' });
        write_text(key, text);
        text.push(':');
        write(value, rounding, text);
    }
    text.push('}');
}

fn write_list<'j>(values: impl Iterator<Item = &'j Json>, rounding: Rounding, text: &mut String) {
    text.push('[');
    for (n, value) in values.enumerate() {
        if n > 0 {
            text.push(',');
        }
        write(value, rounding, text);
    }
    text.push(']');
}

fn write(value: &Json, rounding: Rounding, text: &mut String) {
    match value {
        Json::Null => text.push_str("null"),
        Json::Bool(is_true) => text.push_str(if *is_true { "true" } else { "false" }),
        Json::Integer(number) => text.push_str(&number.to_string()),
        Json::Number(number) => text.push_str(&number_of_hubs(*number, rounding)),
        Json::Text(string) => write_text(string, text),
        Json::List(values) => write_list(values.iter(), rounding, text),
        Json::Object(object) => write_object(object, rounding, text),
    }
}

fn write_text(string: &str, text: &mut String) {
    text.push('"');
    for char in string.chars() {
        match char {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => text.extend([format!("\\u{:04x}", u32::from(char))]),
            _ => text.push(char),
        }
    }
    text.push('"');
}

fn number_of_hubs(number: f64, rounding: Rounding) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    let number = number.abs();
    if number == 0.0 {
        "0".to_owned()
    } else if (1e-6..1e21).contains(&number) {
        format!("{sign}{}", without_zeros(&format!("{:.7}", rounded(number, rounding))))
    } else {
        let text = format!("{number:.6e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let plus = if power.starts_with('-') { "" } else { "+" };
        format!("{sign}{}e{plus}{power}", without_zeros(digits))
    }
}

/// Removes zeros and points at the end, of whole numbers too.
fn without_zeros(text: &str) -> &str {
    text.trim_end_matches(['.', '0'])
}

/// Rounds a positive number to seven digits after the point, as PHP does.
fn rounded(number: f64, rounding: Rounding) -> f64 {
    const SEVEN: f64 = 1e7;
    let shifted = number * SEVEN;
    match rounding {
        Rounding::Since84 if shifted >= 1e16 => number,
        Rounding::Since84 => {
            let whole = shifted.floor();
            let (lower, half) = if whole / SEVEN > number { (whole - 1.0, whole - 0.5) } else { (whole, whole + 0.5) };
            (if number >= half / SEVEN { lower + 1.0 } else { lower }) / SEVEN
        }
        Rounding::Before84 => {
            // First to fifteen digits.
            let places = 14.0 - number.log10().floor();
            let shifted = if places > 7.0 && places - 15.0 < 7.0 {
                (number * 10_f64.powf(places) + 0.5).floor() / 10_f64.powf(places - 7.0)
            } else if shifted >= 1e15 {
                return number;
            } else {
                shifted
            };
            (shifted + 0.5).floor() / SEVEN
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(is_true) => serializer.serialize_bool(*is_true),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(values) => values.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match deserializer.deserialize_map(Reading)? {
            Json::Object(object) => Ok(object),
            _ => Err(serde::de::Error::custom("not an object")),
        }
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Json, E> {
        Ok(Json::Integer(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "PHP reads an integer beyond 64 bits as the nearest float")]
    fn visit_u64<E>(self, value: u64) -> std::result::Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Number(value as f64), Json::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> std::result::Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> std::result::Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> std::result::Result<Json, A::Error> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        while let Some((key, value)) = access.next_entry::<String, Json>()? {
            if let Some(entry) = places.get(&key).and_then(|place| entries.get_mut(*place)) {
                entry.1 = value;
            } else {
                places.insert(key.clone(), entries.len());
                entries.push((key, value));
            }
        }
        Ok(Json::Object(Object(entries)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(json: &str) -> String {
        serde_json::from_str::<Object>(json).unwrap().as_all_hubs_sign().unwrap()
    }

    /// What the library of hubs made of these, decoded by PHP 8.2.
    #[test]
    fn a_document_is_written_as_hubs_write_it() {
        for (json, expected) in [
            (r#"{"b":1,"a":[true,false,null]}"#, r#"{"a":[true,false,null],"b":1}"#),
            (r#"{"a":"\u2028\u2029\u0000\u001f\u007f\/\ud83d\ude00"}"#, "{\"a\":\"\\u2028\\u2029\\u0000\\u001f\u{7f}/😀\"}"),
            (r#"{"\ufb33":1,"\ud83d\ude00":2,"\u2028":3}"#, "{\"\\u2028\":3,\"😀\":2,\"\u{fb33}\":1}"),
            (r#"{"a":{},"b":[],"c":{"0":1,"1":2},"d":{"1":1,"0":2}}"#, r#"{"a":[],"b":[],"c":[1,2],"d":{"0":2,"1":1}}"#),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
            (r#"{"a":[1.0,100.0,-0,0.5,-71.184902,1e-7,1.5E30]}"#, r#"{"a":[1,1,0,0.5,-71.184902,1e-7,1.5e+30]}"#),
            (
                r#"{"a":[9223372036854775807,9223372036854775808,0.00000123]}"#,
                r#"{"a":[9223372036854775807,9223372036854775808,0.0000012]}"#,
            ),
            (r#"{"a":[52.51703651,13.388859812345,0.12345675]}"#, r#"{"a":[52.5170365,13.3888598,0.1234568]}"#),
        ] {
            assert_eq!(signed(json), expected, "{json}");
        }
    }

    #[test]
    fn a_number_that_hubs_round_differently_is_refused() {
        let object: Object = serde_json::from_str(r#"{"a":1234567.123456746}"#).unwrap();
        assert_eq!(object.as_hubs_sign(Rounding::Before84), r#"{"a":1234567.1234568}"#);
        assert_eq!(object.as_hubs_sign(Rounding::Since84), r#"{"a":1234567.1234567}"#);
        assert_eq!(object.as_all_hubs_sign().unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let json = r#"{"b":[1,1.5,"x",null,true],"a":{"0":{},"z":[]}}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Object>(json).unwrap()).unwrap(), json);
    }
}

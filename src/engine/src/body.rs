//! Parses another hub's JSON: a file's row, a piece of a file, tickets.
//!
//! Invariant: it reads every form that hubs and databases write; it never accepts a row of another file.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, de};

use crate::digest::Digest;

/// Reads JSON, after any encoding mark or white space.
fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()
}

/// The reply to a request for tickets.
#[derive(Deserialize)]
pub struct TicketReply {
    /// Version of its protocol.
    pub filesync: u64,
    /// The hub's clock, in seconds since 1970.
    pub time: Option<i64>,
    /// Why it gives none.
    pub error: Option<String>,
    /// The hub's filesync version.
    pub version: Option<String>,
    /// The hub's features.
    #[serde(default)]
    pub features: Vec<String>,
    /// Validity of the tickets, in seconds.
    #[serde(default)]
    pub expires_in: u32,
    /// One answer for each file, in the order of the request.
    #[serde(default)]
    pub files: Vec<FileReply>,
}

impl TicketReply {
    /// Reads the reply; none for anything else.
    pub fn parse(body: &[u8]) -> Option<Self> {
        json(body)
    }
}

/// A hub's answer about one file; its ticket is a secret.
#[derive(Deserialize)]
pub struct FileReply {
    /// The file's hash.
    pub hash: String,
    /// 0 for the file itself, otherwise a photo's scale.
    pub scale: u8,
    /// `ready`, `missing` or `unavailable`.
    pub state: String,
    /// Its size.
    pub size: Option<u64>,
    /// When it was changed.
    pub edited: Option<String>,
    /// Identifies the bytes.
    pub etag: Option<String>,
    /// Their digest; none while it is computed.
    pub sha256: Option<Digest>,
    /// Gives access to them.
    pub ticket: Option<String>,
    /// When to ask again, in seconds.
    pub retry_after: Option<u64>,
}

/// A hub's row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// The file's hash.
    pub hash: String,
    /// Its size; none if it is not a number.
    pub size_bytes: Option<u64>,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// When it was changed, in the format of the hub's database.
    pub edited: String,
    /// Its path, as the hub shows it.
    pub display_path: String,
}

impl FileRow {
    /// Reads the reply of `filemeta`; none for anything else.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let row = json::<Envelope<Row>>(body)?.attach;
        Some(Self {
            hash: text(row.hash),
            size_bytes: row.filesize.number(),
            is_folder: row.is_dir.number() != Some(0),
            edited: text(row.edited),
            display_path: text(row.display_path),
        })
    }
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileData {
    /// The file's hash.
    pub hash: String,
    /// Where the piece begins.
    pub start: u64,
    /// Its stated length; none if the hub has the row but not the bytes.
    pub length: Option<u64>,
    /// The bytes; none if they cannot be decoded.
    pub bytes: Option<Vec<u8>>,
    /// Size of the whole file, as its row has it.
    pub size_bytes: Option<u64>,
    /// When it was changed, in the format of the hub's database.
    pub edited: String,
}

impl FileData {
    /// Reads the reply of `filedata`; none for anything else.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let row = json::<Envelope<Data<'_>>>(body)?.attach;
        let decoded = BASE64.decode(row.content.as_bytes()).or_else(|_| {
            // Some encoders break lines.
            BASE64.decode(row.content.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>())
        });
        Some(Self {
            hash: text(row.hash),
            start: row.start.number()?,
            length: row.length.as_ref().and_then(Loose::number),
            bytes: decoded.ok(),
            size_bytes: row.filesize.as_ref().and_then(Loose::number),
            edited: text(row.edited),
        })
    }
}

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

#[derive(Deserialize)]
struct Envelope<T> {
    attach: T,
}

#[derive(Deserialize)]
struct Row {
    hash: Option<Text>,
    filesize: Loose,
    #[serde(default)]
    is_dir: Loose,
    edited: Option<Text>,
    display_path: Option<Text>,
}

#[derive(Deserialize)]
struct Data<'a> {
    hash: Option<Text>,
    #[serde(default)]
    start: Loose,
    length: Option<Loose>,
    filesize: Option<Loose>,
    edited: Option<Text>,
    #[serde(default, borrow)]
    content: Cow<'a, str>,
}

/// A number that some databases return as text.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Loose {
    Number(u64),
    Decimal(f64),
    Truth(bool),
    Text(String),
    #[default]
    Nothing,
}

impl Loose {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a whole number that a double holds exactly
            Self::Decimal(number) => (number.fract() == 0.0 && (0.0..=MOST_EXACT).contains(number)).then_some(*number as u64),
            Self::Truth(truth) => Some(u64::from(*truth)),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Nothing => Some(0),
        }
    }
}

const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Text, possibly with incomplete characters.
struct Text(String);

fn text(text: Option<Text>) -> String {
    text.map(|text| text.0).unwrap_or_default()
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyText;
        impl Visitor<'_> for AnyText {
            type Value = Text;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("text")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
        }
        deserializer.deserialize_bytes(AnyText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fields: &str) -> Option<FileRow> {
        FileRow::parse(format!(r#"{{"attach":{{"hash":"h1",{fields}}}}}"#).as_bytes())
    }

    #[test]
    fn a_row_is_read_as_any_database_writes_it() {
        for fields in [
            r#""filesize":"9","is_dir":"0","edited":"e","display_path":"p""#,
            r#""filesize":9,"is_dir":0,"edited":"e","display_path":"p""#,
            r#""filesize":9.0,"is_dir":false,"edited":"e","display_path":"p""#,
            r#""filesize":" 9 ","is_dir":null,"edited":"e","display_path":"p""#,
            r#""filesize":"009","edited":"e","display_path":"p","os_path":null,"flags":[1,{"x":2}]"#,
        ] {
            let row = row(fields).unwrap();
            assert_eq!((row.hash.as_str(), row.size_bytes, row.is_folder), ("h1", Some(9), false), "{fields}");
            assert_eq!((row.edited.as_str(), row.display_path.as_str()), ("e", "p"), "{fields}");
        }
        assert_eq!(row(r#""filesize":1,"edited":null,"display_path":null"#).unwrap().edited, "");
        assert_eq!(row(r#""filesize":1,"display_path":"a\ud83d/b""#).unwrap().display_path, "a\u{fffd}\u{fffd}\u{fffd}/b");
        assert_eq!(row(r#""filesize":"many""#).unwrap().size_bytes, None);
        assert_eq!(row(r#""filesize":-1"#).unwrap().size_bytes, None);
        assert_eq!(row(r#""filesize":1.5"#).unwrap().size_bytes, None);
        assert!(row(r#""filesize":1,"is_dir":1"#).unwrap().is_folder && row(r#""filesize":1,"is_dir":true"#).unwrap().is_folder);
    }

    #[test]
    fn what_is_no_row_is_none() {
        for body in
            ["", "{}", "[]", "null", r#"{"attach":null}"#, r#"{"attach":{"hash":7,"filesize":1}}"#, "<html>", "{\"attach\":"]
        {
            assert_eq!(FileRow::parse(body.as_bytes()), None, "{body}");
            assert_eq!(FileData::parse(body.as_bytes()), None, "{body}");
        }
        assert!(FileRow::parse("\u{feff} {\"attach\":{\"hash\":\"h1\",\"filesize\":1}}\r\n".as_bytes()).is_some());
    }

    #[test]
    fn a_piece_is_read_with_any_padding_and_line_breaks() {
        let piece = |content: &str| {
            FileData::parse(format!(r#"{{"attach":{{"hash":"h1","start":"3","length":5,"content":"{content}"}}}}"#).as_bytes())
        };
        for content in
            ["aGVsbG8=", "aGVsbG8", "aGVs\\nbG8=\\n", "aGVs\\r\\nbG8=", " aGVsbG8= ", "aGVsbG8\\u003d", "aGVsbG8=\\u0020"]
        {
            let piece = piece(content).unwrap();
            assert_eq!((piece.start, piece.length, piece.bytes.as_deref()), (3, Some(5), Some(&b"hello"[..])), "{content}");
        }
        assert_eq!(piece("a*b").unwrap().bytes, None);
        let none = FileData::parse(br#"{"attach":{"hash":"h1","content":"store/x"}}"#).unwrap();
        assert_eq!((none.start, none.length), (0, None));
    }
}

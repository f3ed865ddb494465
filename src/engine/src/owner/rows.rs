//! Rows as a hub's API gives them, and as a set keeps them.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, OrFail, Result};

pub(crate) type Row = Map<String, Value>;

/// Columns of an attach row that a set keeps, in its order.
const ATTACH: [&str; 16] = [
    "hash",
    "creator",
    "filename",
    "filetype",
    "filesize",
    "revision",
    "folder",
    "flags",
    "is_dir",
    "is_photo",
    "created",
    "edited",
    "allow_cid",
    "allow_gid",
    "deny_cid",
    "deny_gid",
];
const TERM: [&str; 4] = ["otype", "ttype", "term", "url"];
const PHOTO: [&str; 17] = [
    "imgscale",
    "photo_usage",
    "mimetype",
    "width",
    "height",
    "filesize",
    "title",
    "description",
    "album",
    "filename",
    "is_nsfw",
    "created",
    "edited",
    "allow_cid",
    "allow_gid",
    "deny_cid",
    "deny_gid",
];
const NUMBERS: [&str; 12] = [
    "filesize",
    "revision",
    "flags",
    "is_dir",
    "is_photo",
    "imgscale",
    "photo_usage",
    "width",
    "height",
    "is_nsfw",
    "otype",
    "ttype",
];
/// Scales that cannot be made from others.
pub(crate) const SCALES: [u64; 3] = [0, 4, 7];
const ACCESS: [&str; 4] = ["allow_cid", "allow_gid", "deny_cid", "deny_gid"];

/// Returns a column as text, whatever the database made of it.
pub(crate) fn text(row: &Row, name: &str) -> String {
    match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(true)) => "1".to_owned(),
        Some(Value::Bool(false)) => "0".to_owned(),
        _ => String::new(),
    }
}

/// Returns a column as a number.
pub(crate) fn number(row: &Row, name: &str) -> u64 {
    text(row, name).trim().parse().unwrap_or_default()
}

/// Returns a column as a set keeps it.
fn kept(row: &Row, name: &str) -> Value {
    let text = text(row, name);
    if NUMBERS.contains(&name) {
        return text.trim().parse::<i64>().map_or_else(|_| Value::from(0), Value::from);
    }
    if matches!(name, "created" | "edited") {
        // PostgreSQL may add a fraction.
        return text.get(..19).unwrap_or(&text).into();
    }
    text.into()
}

fn kept_row<'n>(row: &Row, names: impl IntoIterator<Item = &'n &'n str>) -> Row {
    names.into_iter().map(|name| ((*name).to_owned(), kept(row, name))).collect()
}

/// Columns by which a listing tells that a file has changed: not the hash, by which it is found, nor the creator, who stays.
fn varying() -> impl Iterator<Item = &'static &'static str> {
    ATTACH.iter().filter(|name| !matches!(**name, "hash" | "creator"))
}

/// Returns all that a listing shows of a row, for comparing.
pub(crate) fn print(row: &Row) -> String {
    varying().map(|name| kept(row, name).to_string()).collect::<Vec<_>>().join(" ")
}

/// Returns what a listing's row has that is needed later.
pub(crate) fn listed(row: &Row) -> Row {
    let mut short = kept_row(row, varying());
    short.insert("hash".to_owned(), text(row, "hash").into());
    short.insert("os_storage".to_owned(), number(row, "os_storage").into());
    short
}

/// Returns the entries of a row's access lists, without brackets.
pub(crate) fn access(row: &Row) -> Vec<String> {
    let lists: String = ACCESS.iter().map(|name| text(row, name)).collect();
    lists.split(['<', '>']).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// Returns an attach row as a set keeps it.
fn attach(row: &Row, is_above: bool) -> Value {
    let mut kept = kept_row(row, &ATTACH);
    if is_above {
        // Hubs date a folder again with every file in it; then the metadata of all others would be new each time.
        let created = kept.get("created").cloned().unwrap_or_default();
        kept.insert("edited".to_owned(), created);
    }
    let mut terms: Vec<&Row> =
        row.get("term").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect();
    terms.sort_by_key(|term| number(term, "tid"));
    kept.insert("term".to_owned(), terms.into_iter().map(|term| Value::Object(kept_row(term, &TERM))).collect());
    Value::Object(kept)
}

/// Returns the photo rows that a set keeps: the first of each scale that cannot be made again.
fn photos(rows: &[Row]) -> Vec<Row> {
    let mut found: Vec<&Row> = rows.iter().filter(|row| SCALES.contains(&number(row, "imgscale"))).collect();
    found.sort_by_key(|row| (number(row, "imgscale"), number(row, "id")));
    found.dedup_by_key(|row| number(row, "imgscale"));
    found.into_iter().map(|row| kept_row(row, &PHOTO)).collect()
}

/// What a hub exports of a file or folder.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    /// The chain of folders and the file itself, as a set keeps them.
    pub(crate) attach: Vec<Value>,
    /// Names of the folders, and of the file.
    pub(crate) names: Vec<String>,
    pub(crate) photo: Vec<Row>,
    /// Posts, as the hub encodes them.
    pub(crate) items: Vec<Value>,
    /// The folder above the outermost one: not empty if the hub has lost it.
    pub(crate) above: String,
    pub(crate) edited: String,
    pub(crate) size_bytes: u64,
    pub(crate) is_folder: bool,
    /// Whether the hub could not say everything.
    pub(crate) is_partial: bool,
}

/// The reply of `file/export`.
#[derive(Deserialize)]
struct Export {
    #[serde(default)]
    attach: Vec<Row>,
    #[serde(default)]
    photo: Vec<PhotoRow>,
    #[serde(default)]
    item: Vec<Value>,
}

/// A photo row without the bytes that it may hold.
#[derive(Deserialize)]
struct PhotoRow {
    #[serde(default, rename = "content")]
    _content: serde::de::IgnoredAny,
    #[serde(flatten)]
    row: Row,
}

impl Exported {
    /// Reads the reply of `file/export`; none if the hub does not have the file.
    pub(crate) fn parse(body: &[u8], hash: &str) -> Result<Option<Self>> {
        let export: Export = serde_json::from_slice(body).or_fail(ErrorKind::Corrupt, "reading the export of a file")?;
        let Some(own) = export.attach.last() else { return Ok(None) };
        if text(own, "hash") != hash {
            return Err(Error::new(ErrorKind::Corrupt, "reading the export of a file").context("fault", "another file's"));
        }
        let photo: Vec<Row> = export.photo.into_iter().map(|photo| photo.row).collect();
        Ok(Some(Self { photo: photos(&photo), items: export.item, ..Self::of(&export.attach) }))
    }

    /// Makes one of the rows of a chain.
    pub(crate) fn of(chain: &[Row]) -> Self {
        let Some((own, _)) = chain.split_last() else { return Self::default() };
        Self {
            attach: chain.iter().enumerate().map(|(at, row)| attach(row, at + 1 < chain.len())).collect(),
            names: chain.iter().map(|row| text(row, "filename")).collect(),
            photo: Vec::new(),
            items: Vec::new(),
            above: chain.first().map(|row| text(row, "folder")).unwrap_or_default(),
            edited: kept(own, "edited").as_str().unwrap_or_default().to_owned(),
            size_bytes: number(own, "filesize"),
            is_folder: number(own, "is_dir") != 0,
            is_partial: false,
        }
    }

    /// Puts the chain of the folder above before it.
    pub(crate) fn put_beneath(&mut self, folder: Self) {
        let above = folder.attach.into_iter().map(|mut row| {
            let created = row.get("created").cloned().unwrap_or_default();
            if let Some(row) = row.as_object_mut() {
                row.insert("edited".to_owned(), created);
            }
            row
        });
        self.attach.splice(0..0, above);
        self.names.splice(0..0, folder.names);
        self.above = folder.above;
    }

    /// Takes the rows that the hub gives of single scales.
    pub(crate) fn set_photos(&mut self, rows: &[Row]) {
        self.photo = photos(rows);
    }

    /// Writes the metadata of a set.
    pub(crate) fn compose(&self, hash: &str, posts: &[Value]) -> String {
        let mut keys = Row::new();
        keys.insert("attach".to_owned(), self.attach.clone().into());
        if !self.photo.is_empty() {
            keys.insert("photo".to_owned(), self.photo.iter().cloned().map(Value::Object).collect());
        }
        if !posts.is_empty() {
            keys.insert("item".to_owned(), posts.to_vec().into());
        }
        let kind = if self.is_folder { "folder" } else { "file" };
        let rest = Value::Object(keys).to_string();
        // What a reader looks for first stands first.
        format!("{{\"kind\":\"{kind}\",\"hash\":\"{hash}\",{}", rest.get(1..).unwrap_or("}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORT: &str = r#"{"fetch_url":"x","attach":[
        {"id":"3","uid":"2","aid":1,"hash":"f0","creator":"me","filename":"2024","filetype":"multipart\/mixed","filesize":"0","revision":0,
         "folder":"","flags":0,"is_dir":"1","is_photo":0,"created":"2024-05-01 10:00:00","edited":"2024-06-01 10:00:00","os_path":"x",
         "allow_cid":"","allow_gid":"<g>","deny_cid":"","deny_gid":"","content":"store\/x","term":[]},
        {"id":4,"hash":"9c","creator":"me","filename":"cat.jpg","filetype":"image\/jpeg","filesize":33,"revision":0,"folder":"f0","flags":0,
         "is_dir":0,"is_photo":1,"created":"2024-05-03 09:00:00","edited":"2024-05-03 09:00:00.12","allow_cid":"","allow_gid":"","deny_cid":"",
         "deny_gid":"","content":"store\/y","term":[{"tid":9,"uid":2,"oid":4,"otype":"2","ttype":"3","term":"b","url":"u"},
         {"tid":"8","otype":2,"ttype":3,"term":"a &amp; b","url":"u"}]}],
        "photo":[{"id":7,"imgscale":"7","width":10,"content":"AAAA"},{"id":2,"imgscale":0,"width":"40","title":null,"content":"AAAA"},
        {"id":9,"imgscale":0,"width":41,"content":""},{"id":3,"imgscale":1,"content":""}],"item":[{"message_id":"m"}]}"#;

    #[test]
    fn an_export_becomes_the_metadata_of_a_set() {
        let exported = Exported::parse(EXPORT.as_bytes(), "9c").unwrap().unwrap();
        assert_eq!((exported.names.join("/").as_str(), exported.size_bytes, exported.above.as_str()), ("2024/cat.jpg", 33, ""));
        let value: Value = serde_json::from_str(&exported.compose("9c", &[])).unwrap();
        assert_eq!((&value["kind"], &value["hash"]), (&"file".into(), &"9c".into()));
        assert!(value.get("item").is_none() && !value.to_string().contains("store"));
        let (folder, own) = (&value["attach"][0], &value["attach"][1]);
        assert_eq!((&folder["edited"], &folder["is_dir"], folder.get("id")), (&"2024-05-01 10:00:00".into(), &1.into(), None));
        assert_eq!(own["edited"], "2024-05-03 09:00:00");
        assert_eq!(
            own["term"],
            serde_json::json!([{"otype":2,"ttype":3,"term":"a &amp; b","url":"u"},{"otype":2,"ttype":3,"term":"b","url":"u"}])
        );
        let photos: Vec<_> =
            value["photo"].as_array().unwrap().iter().map(|row| (row["imgscale"].clone(), row["width"].clone())).collect();
        assert_eq!(photos, [(0.into(), 40.into()), (7.into(), 10.into())]);
    }

    #[test]
    fn a_listing_s_row_is_compared_with_what_a_set_keeps() {
        let exported = Exported::parse(EXPORT.as_bytes(), "9c").unwrap().unwrap();
        let kept = exported.attach[1].as_object().unwrap();
        let mut row: Row = serde_json::from_str(
            r#"{"id":4,"hash":"9c","filename":"cat.jpg","filetype":"image/jpeg","filesize":"33","revision":"0","folder":"f0","flags":"0","is_dir":"0",
            "is_photo":"1","created":"2024-05-03 09:00:00","edited":"2024-05-03 09:00:00","allow_cid":"","allow_gid":"","deny_cid":"","deny_gid":"","os_storage":1}"#,
        )
        .unwrap();
        assert_eq!(print(&row), print(kept));
        assert_eq!(print(&listed(&row)), print(kept));
        row.insert("allow_gid".into(), "<x><y>".into());
        assert_ne!(print(&row), print(kept));
        assert_eq!(access(&row), ["x", "y"]);
    }

    #[test]
    fn what_a_hub_does_not_have_is_exported_without_rows() {
        assert!(Exported::parse(br#"{"fetch_url":"x","attach":[]}"#, "9c").unwrap().is_none());
        assert!(Exported::parse(EXPORT.as_bytes(), "other").is_err());
        assert!(Exported::parse(b"<html>", "9c").is_err());
    }
}

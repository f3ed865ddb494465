//! Posts that no export of a file shows: those that share files, and later posts of photos.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt as _;

use serde_json::Value;

use super::connection::Connection;
use super::listing::Windows;
use super::posts::{Post, photo_in};
use super::rows::Row;
use crate::error::{ErrorKind, OrFail, Result};

/// Found posts: those that share files are in a file, of those of photos only the ids are known.
pub(crate) struct Shares {
    file: File,
    /// Where each file's posts are: offset and length.
    places: HashMap<String, Vec<(u64, u32)>>,
    /// Ids of posts that seem to be a photo's.
    photos: HashMap<String, Vec<String>>,
    /// Whether posts of all times were looked at.
    pub(crate) sees_all: bool,
}

const RECORDS: usize = 200;
const STREAM_RECORDS: usize = 100;
const READING: &str = "reading the posts of a channel";

impl Shares {
    /// Looks at no posts.
    pub(crate) fn none(file: File) -> Self {
        Self { file, places: HashMap::new(), photos: HashMap::new(), sees_all: false }
    }

    /// Looks at all posts from a time on; none: of all times. `each` gets those of the channel's wall.
    pub(crate) fn fetch(
        connection: &Connection,
        file: File,
        nick: &str,
        since: Option<&str>,
        mut tell: impl FnMut(),
        mut each: impl FnMut(&Value) -> Result<()>,
    ) -> Result<Self> {
        let mut shares = Self { sees_all: since.is_none(), ..Self::none(file) };
        shares.read_wall(connection, since, &mut tell, &mut each)?;
        shares.read_stream(connection, nick, since, &mut tell)?;
        Ok(shares)
    }

    fn read_wall(
        &mut self,
        connection: &Connection,
        since: Option<&str>,
        tell: &mut impl FnMut(),
        each: &mut impl FnMut(&Value) -> Result<()>,
    ) -> Result<()> {
        // The file of each post that shares one; comments come after what they comment on.
        let mut roots: HashMap<String, String> = HashMap::new();
        let mut out = BufWriter::new(self.file.try_clone().or_fail(ErrorKind::Storage, READING)?);
        let mut at = 0_u64;
        let windows = Windows {
            call: "item/export_page",
            records: RECORDS,
            since: since.map(str::to_owned),
            key: "message_id",
            offset: ("page", true),
        };
        windows.read(connection, items_of, |row| {
            tell();
            let raw = Value::Object(row);
            each(&raw)?;
            let Some(post) = Post::of(raw.clone()) else { return Ok(()) };
            let (kind, resource) = post.resource();
            if kind == "attach" && !resource.is_empty() {
                roots.insert(post.id.clone(), resource);
            }
            let Some(hash) = roots.get(&post.top) else { return Ok(()) };
            let line = serde_json::to_vec(&raw).or_fail(ErrorKind::InvalidInput, READING)?;
            out.write_all(&line).or_fail(ErrorKind::Storage, READING)?;
            let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
            self.places.entry(hash.clone()).or_default().push((at, length));
            at += u64::from(length);
            Ok(())
        })?;
        out.flush().or_fail(ErrorKind::Storage, READING)
    }

    fn read_stream(&mut self, connection: &Connection, nick: &str, since: Option<&str>, tell: &mut impl FnMut()) -> Result<()> {
        let (search, records) = (format!("/photos/{nick}/image/"), STREAM_RECORDS.to_string());
        for page in 0_usize.. {
            let start = (page * STREAM_RECORDS).to_string();
            let mut query =
                vec![("search", search.as_str()), ("records", records.as_str()), ("start", start.as_str()), ("order", "post")];
            query.extend(since.map(|since| ("dbegin", since)));
            let body = connection.call("network/stream", &query)?.unwrap_or_default();
            let found: Vec<Value> = serde_json::from_slice(&body).unwrap_or_default();
            if found.is_empty() {
                return Ok(());
            }
            for post in found.into_iter().filter_map(Post::of) {
                tell();
                let is_note = post.object_type() == "Note" || post.object_type().ends_with("/note");
                let Some(hash) = photo_in(post.body(), nick).filter(|_| post.is_top() && !is_note) else { continue };
                let tops = self.photos.entry(hash.to_owned()).or_default();
                if !tops.contains(&post.id) {
                    tops.push(post.id);
                }
            }
        }
        Ok(())
    }

    /// Tells whether there is anything about a file.
    pub(crate) fn has(&self, hash: &str) -> bool {
        self.places.contains_key(hash) || self.photos.contains_key(hash)
    }

    /// Returns the posts that share a file, with their comments.
    pub(crate) fn of(&self, hash: &str) -> Result<Vec<Post>> {
        let mut posts = Vec::new();
        for (offset, length) in self.places.get(hash).into_iter().flatten() {
            let mut bytes = vec![0; usize::try_from(*length).unwrap_or_default()];
            self.file.read_exact_at(&mut bytes, *offset).or_fail(ErrorKind::Storage, READING)?;
            let value: Value = serde_json::from_slice(&bytes).or_fail(ErrorKind::Corrupt, READING)?;
            posts.extend(Post::of(value));
        }
        Ok(posts)
    }

    /// Returns the ids of posts that seem to be a photo's.
    pub(crate) fn tops(&self, hash: &str) -> &[String] {
        self.photos.get(hash).map_or(&[], Vec::as_slice)
    }
}

/// Finds the posts in the reply of `item/export_page`, or of `item/full`.
pub(crate) fn items_of(body: &[u8]) -> Result<Vec<Row>> {
    #[derive(Default, serde::Deserialize)]
    struct Reply {
        #[serde(default)]
        item: Vec<Row>,
    }
    if matches!(body, b"" | b"[]" | b"null" | b"false") {
        return Ok(Vec::new());
    }
    Ok(serde_json::from_slice::<Reply>(body).or_fail(ErrorKind::Corrupt, READING)?.item)
}

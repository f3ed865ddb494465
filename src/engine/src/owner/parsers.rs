//! Parsers of what a hub answers, for the fuzz targets.

use serde_json::Value;

use super::posts::{self, Conversations, Post};
use super::rows::{self, Exported, Row};
use super::{listing, reading, shares};

/// Reads a listing of the reading door; returns the hashes that are taken.
pub fn door_listing(body: &[u8]) -> Option<Vec<String>> {
    reading::listed_hashes(body)
}

/// Reads metadata that the reading door gives; returns the names under which bytes would arrive.
pub fn door_metadata(body: &[u8]) -> Option<Vec<String>> {
    reading::arrivals(body)
}

/// Reads a listing of the API; returns each row as it is remembered, and whether it still compares equal.
pub fn api_rows(body: &[u8]) -> Option<Vec<(Row, bool)>> {
    let all = listing::rows_of(body).ok()?;
    let remembered = |row: &Row| {
        let _ = rows::access(row);
        let short = rows::listed(row);
        let is_equal = rows::print(&short) == rows::print(row);
        (short, is_equal)
    };
    Some(all.iter().map(remembered).collect())
}

/// Reads the export of a file; returns the metadata that a set would hold.
pub fn api_export(body: &[u8], hash: &str) -> Option<String> {
    let mut exported = Exported::parse(body, hash).ok()??;
    let mut all = Conversations::default();
    all.add_whole(std::mem::take(&mut exported.items).into_iter().filter_map(Post::of));
    let (posts, _) = all.end();
    exported.put_beneath(Exported::default());
    Some(exported.compose(hash, &posts))
}

/// Reads posts; returns those that a set would hold, and how many are left out.
pub fn api_posts(body: &[u8]) -> Option<(Vec<Value>, u64)> {
    let found = shares::items_of(body).ok()?.into_iter().map(Value::Object).filter_map(Post::of);
    let (mut all, mut earlier) = (Conversations::default(), Vec::new());
    for (n, post) in found.enumerate() {
        let _ = posts::photo_in(post.body(), "alice");
        if n % 2 == 0 { all.add_whole([post]) } else { earlier.push(post) }
    }
    all.add_earlier(earlier, true);
    let _ = all.lacks_authors();
    Some(all.end())
}

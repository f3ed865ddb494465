//! Posts of files, as a hub's API gives them and as a set keeps them.
//!
//! One call never shows all posts of a photo, and not always the same ones. So what a run does not see is dropped only if it
//! has seen the whole conversation that it belongs to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Keys that say something only about the hub, or about what its reader did.
const LOCAL: [&str; 5] = ["id", "parent", "uid", "aid", "item_unseen"];

/// A post or comment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Post {
    pub(crate) id: String,
    /// The post that began the conversation.
    pub(crate) top: String,
    created: String,
    value: Value,
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Tells whether a flag is set, whatever the database made of it.
fn is_set(value: &Value, key: &str) -> bool {
    match value.get(key) {
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        Some(Value::String(text)) => !text.is_empty() && text != "0",
        Some(Value::Bool(yes)) => *yes,
        _ => false,
    }
}

impl Post {
    /// Takes an encoded item; none if it is deleted, or nothing that a set could hold.
    pub(crate) fn of(mut value: Value) -> Option<Self> {
        if is_set(&value, "item_deleted") || is_set(&value, "item_pending_remove") {
            return None;
        }
        let object = value.as_object_mut()?;
        for key in LOCAL {
            object.remove(key);
        }
        for (key, value) in object.iter_mut() {
            if (key.starts_with("item_") || key == "revision")
                && let Some(number) = value.as_str().and_then(|text| text.parse::<i64>().ok())
            {
                *value = number.into();
            }
        }
        for role in ["author", "owner"] {
            if let Some(person) = object.get_mut(role) {
                fill(person);
            }
        }
        let id = text(&value, "message_id");
        let top = Some(text(&value, "message_top")).filter(|top| !top.is_empty()).unwrap_or_else(|| id.clone());
        (!id.is_empty()).then(|| Self { id, top, created: text(&value, "created"), value })
    }

    /// Tells whether it began its conversation.
    pub(crate) fn is_top(&self) -> bool {
        self.id == self.top
    }

    /// Returns the file that it is about: how, and which.
    pub(crate) fn resource(&self) -> (String, String) {
        (text(&self.value, "resource_type"), text(&self.value, "resource_id"))
    }

    /// Returns what sort of thing it says that it is about.
    pub(crate) fn object_type(&self) -> String {
        text(&self.value, "object_type")
    }

    pub(crate) fn body(&self) -> &str {
        self.value.get("body").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Writes somebody of whom the hub knows nothing any more as a set does: with empty texts.
fn fill(value: &mut Value) {
    match value {
        Value::Null => *value = Value::from(""),
        Value::Object(object) => object.values_mut().for_each(fill),
        _ => {}
    }
}

/// The posts of one file, from several calls and from the last run.
#[derive(Default)]
pub(crate) struct Conversations {
    posts: BTreeMap<String, Post>,
    /// Conversations of which everything was seen.
    whole: BTreeSet<String>,
}

/// How many of a file's posts a set holds, and how many bytes of them.
pub(crate) const MOST_POSTS: usize = 10_000;
pub(crate) const MOST_BYTES: usize = (4 << 20) - (1 << 17);

impl Conversations {
    /// Adds what a call gave of whole conversations.
    pub(crate) fn add_whole(&mut self, posts: impl IntoIterator<Item = Post>) {
        for post in posts {
            self.whole.insert(post.top.clone());
            self.add(post);
        }
    }

    /// Adds one post.
    pub(crate) fn add(&mut self, post: Post) {
        self.posts.entry(post.id.clone()).or_insert(post);
    }

    /// Tells whether all of a conversation was seen.
    pub(crate) fn has_whole(&self, top: &str) -> bool {
        self.whole.contains(top)
    }

    /// Adds what an earlier run saw and this one could not see. `sees_shares`: whether all posts that share files were seen.
    pub(crate) fn add_earlier(&mut self, earlier: Vec<Post>, sees_shares: bool) {
        let shares: BTreeSet<String> = earlier
            .iter()
            .filter(|post| post.is_top() && post.resource().0 == "attach")
            .map(|post| post.top.clone())
            .filter(|_| sees_shares)
            .collect();
        for post in earlier {
            if !self.whole.contains(&post.top) && !shares.contains(&post.top) {
                self.add(post);
            }
        }
    }

    /// Tells whether the hub does not know any more who wrote some of them.
    pub(crate) fn lacks_authors(&self) -> bool {
        self.posts.values().any(|post| post.value.get("author").is_none_or(|author| text(author, "id").is_empty()))
    }

    /// Returns them as a set keeps them, and how many there is no room for.
    pub(crate) fn end(self) -> (Vec<Value>, u64) {
        let mut began: BTreeMap<String, String> = BTreeMap::new();
        let (tops, mut others): (Vec<&Post>, Vec<&Post>) = self.posts.values().partition(|post| post.is_top());
        // A conversation whose post is not there counts from its first comment on.
        others.sort_by_key(|post| &post.created);
        for post in tops.into_iter().chain(others) {
            began.entry(post.top.clone()).or_insert_with(|| post.created.clone());
        }
        let mut posts: Vec<Post> = self.posts.into_values().collect();
        let began = |post: &Post| began.get(&post.top).cloned().unwrap_or_default();
        posts.sort_by_cached_key(|post| (began(post), post.top.clone(), !post.is_top(), post.created.clone(), post.id.clone()));
        let (mut kept, mut bytes, mut left) = (Vec::new(), 0, 0);
        for post in posts {
            let length = post.value.to_string().len() + 1;
            if kept.len() >= MOST_POSTS || bytes + length > MOST_BYTES {
                left += 1;
            } else {
                bytes += length;
                kept.push(post.value);
            }
        }
        (kept, left)
    }
}

/// Returns the first photo that a text of a channel names by its page.
pub(crate) fn photo_in<'t>(body: &'t str, nick: &str) -> Option<&'t str> {
    let page = format!("/photos/{nick}/image/");
    let rest = body.get(body.find(&page)? + page.len()..)?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len());
    rest.get(..end).filter(|hash| !hash.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn post(id: &str, top: &str, created: &str) -> Post {
        Post::of(json!({ "id": "7", "message_id": id, "message_top": top, "created": created, "item_wall": "1" })).unwrap()
    }

    fn ids(conversations: Conversations) -> Vec<String> {
        conversations.end().0.iter().map(|post| post["message_id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_post_loses_what_is_local_and_people_without_traces_are_empty() {
        let post = Post::of(json!({
            "id": 5, "parent": 5, "uid": "2", "message_id": "m", "message_top": "m", "item_wall": "1", "item_unseen": 1, "revision": "0",
            "author": { "name": null, "photo": { "src": null } }, "owner": []
        }))
        .unwrap();
        assert_eq!(
            post.value,
            json!({ "message_id": "m", "message_top": "m", "item_wall": 1, "revision": 0, "author": { "name": "", "photo": { "src": "" } }, "owner": [] })
        );
        assert_eq!(Post::of(json!({ "message_id": "m", "item_deleted": "1" })), None);
        assert_eq!(Post::of(json!({ "item_deleted": 0 })), None);
    }

    #[test]
    fn conversations_come_one_after_another_each_with_its_post_first() {
        let mut all = Conversations::default();
        all.add_whole([post("c", "b", "2024-05-01 10:00:00"), post("b", "b", "2024-05-02 10:00:00")]);
        all.add_whole([post("z", "z", "2024-05-01 11:00:00"), post("a", "z", "2024-06-01 11:00:00")]);
        assert_eq!(ids(all), ["z", "a", "b", "c"]);
    }

    #[test]
    fn what_was_seen_before_is_dropped_only_with_its_conversation_in_sight() {
        let earlier = || vec![post("top", "top", "1"), post("gone", "top", "2"), post("hidden", "hidden", "3")];
        let mut all = Conversations::default();
        all.add_whole([post("top", "top", "1")]);
        all.add_earlier(earlier(), true);
        assert_eq!(ids(all), ["top", "hidden"]);
        let mut none = Conversations::default();
        none.add_earlier(earlier(), true);
        assert_eq!(ids(none), ["top", "gone", "hidden"]);
        let share = Post::of(json!({ "message_id": "s", "message_top": "s", "resource_type": "attach" })).unwrap();
        for (sees, expected) in [(true, 0), (false, 1)] {
            let mut all = Conversations::default();
            all.add_earlier(vec![share.clone()], sees);
            assert_eq!(ids(all).len(), expected);
        }
    }

    #[test]
    fn posts_beyond_the_bounds_are_counted() {
        let mut all = Conversations::default();
        all.add_whole((0..MOST_POSTS + 3).map(|n| post(&format!("{n:05}"), "00000", "1")));
        let (kept, left) = all.end();
        assert_eq!((kept.len(), left), (MOST_POSTS, 3));
    }

    #[test]
    fn the_photo_of_a_post_is_read_from_its_text() {
        let body = "[zrl=https://hub.example/photos/alice/image/9c0d-1e][img]x[/img][/zrl]";
        assert_eq!(photo_in(body, "alice"), Some("9c0d-1e"));
        assert_eq!(photo_in(body, "bob"), None);
        assert_eq!(photo_in("/photos/alice/image/", "alice"), None);
    }
}

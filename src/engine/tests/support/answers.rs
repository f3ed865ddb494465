//! What holds of whatever a hub answers to the owner's command. Tests and fuzz targets share it.

use filesync_engine::{door, owner};
use serde_json::Value;

/// A reading door: no hash and no name of it leads out of the run's workshop.
pub(crate) fn owner_door(body: &[u8]) {
    let is_plain =
        |name: &str| !name.is_empty() && name.len() <= 80 && !name.starts_with('.') && !name.contains(['/', '\\', '\0', '\n']);
    let (listed, told) = (owner::parsers::door_listing(body), owner::parsers::door_metadata(body));
    for name in listed.into_iter().chain(told).flatten() {
        assert!(is_plain(&name), "{name:?}");
    }
}

/// The API of a hub: rows that are remembered compare as they came, what becomes metadata is JSON about the file that was asked for,
/// and posts stay within the bounds of a set.
pub(crate) fn owner_api(body: &[u8]) {
    const HASH: &str = "9c";
    for (row, is_equal) in owner::parsers::api_rows(body).into_iter().flatten() {
        assert!(is_equal, "{row:?}");
    }
    if let Some(metadata) = owner::parsers::api_export(body, HASH) {
        let value: Value = serde_json::from_str(&metadata).unwrap();
        assert_eq!(value["hash"], HASH);
        assert_eq!(value["attach"].as_array().unwrap().last().unwrap()["hash"], HASH);
    }
    if let Some((posts, _)) = owner::parsers::api_posts(body) {
        assert!(posts.len() <= 10_000 && posts.iter().all(Value::is_object));
    }
}

/// An upload door, or something in its place: its words are bounded, and its numbers are added up. Two bytes of a status, a line with
/// the word of a refusal, one with an offset, and the body.
pub(crate) fn door_answer(reply: &[u8]) {
    let Some((status, rest)) = reply.split_first_chunk::<2>() else { return };
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let (why, offset) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let body = lines.next().unwrap_or_default();
    let (error, terms, state) = door::parsers::answer(u16::from_be_bytes(*status), why, offset, body);
    // A word of the door, a sentence, and some numbers; whatever else came does not reach whoever reads it.
    assert!(error.to_string().len() <= 6000, "{error}");
    let code = error.facts().find(|(key, _)| *key == "code").map(|(_, code)| code.to_owned());
    assert!(code.is_none_or(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    let _ = terms.map(|terms| terms.piece_bytes);
    let _ = (state.needs_attention(), state.arriving(), state.attention(), state.percent(), state.message(), state.session());
    let _ = state.plan().map(|plan| plan.needs_attention());
}

//! The API of a stock hub for the owner of a channel, as far as a backup asks it.

use serde_json::{Value, json};

use super::{Reply, Request, State, form};

/// Who may read the channel's own.
#[derive(Clone, Default)]
pub struct Owner {
    /// So many tokens end, each after so many requests; later ones are valid for ever.
    pub ending_tokens: (usize, usize),
    /// Tokens that were given, and uses of the last one.
    pub tokens: usize,
    pub uses: usize,
    /// What the hub shows as the channel's public key in place of the right one.
    pub public_key: Option<String>,
}

const PUBLIC_KEY: &str = include_str!("channel-public.pem");
pub(super) const COOKIE: &str = "PHPSESSID=session-cookie-value";

/// Tells whether a request has the session, or a token that is still valid.
pub(super) fn is_let_in(request: &Request, state: &mut State) -> bool {
    let has_session = request.headers.get("cookie").is_some_and(|cookie| cookie == COOKIE);
    let Some(owner) = &mut state.owner else { return has_session };
    let token = format!("Bearer token-{}", owner.tokens);
    if owner.tokens > 0 && request.headers.get("authorization") == Some(&token) {
        owner.uses += 1;
        let (tokens, uses) = owner.ending_tokens;
        return owner.tokens > tokens || owner.uses <= uses;
    }
    has_session
}

/// Answers what only owners ask; none if it is something else.
pub(super) fn answer(request: &Request, state: &mut State) -> Option<Reply> {
    let owner = state.owner.clone()?;
    let key = owner.public_key.as_deref().unwrap_or(PUBLIC_KEY);
    let call = match request.path.as_str() {
        "/channel/alice" => return Some(json_reply(&json!({ "id": "guid", "public_key": key, "name": "Alice" }))),
        "/token" => {
            let owner = state.owner.as_mut()?;
            (owner.tokens, owner.uses) = (owner.tokens + 1, 0);
            return Some(json_reply(&json!({ "access_token": format!("token-{}", owner.tokens), "expires_in": 3600 })));
        }
        path => path.strip_prefix("/api/z/1.0/")?,
    };
    if call == "version" {
        return Some(json_reply(&json!("8.9.3")));
    }
    let is_basic = request.headers.get("authorization").is_some_and(|value| value.starts_with("Basic "));
    if !is_basic && !is_let_in(request, state) {
        return Some(Reply::new(401, "This api requires login").header("WWW-Authenticate", "Basic"));
    }
    let hash = form(&request.query).get("file_id").cloned().unwrap_or_default();
    Some(match call {
        "item/export_page" => {
            let relocate = json!({ "channel_address": "alice", "url": "https://hub.example" });
            let reply = json_reply(&json!({ "relocate": relocate, "item": [] }));
            if state.faults.no_cookie {
                return Some(reply);
            }
            (state.faults.session_ends_after, state.sessions) = (None, state.sessions + 1);
            reply.header("Set-Cookie", format!("{COOKIE}; path=/; HttpOnly"))
        }
        "xchan" => json_reply(&json!({ "hash": "channel-hash", "pubkey": key })),
        "files" => {
            let rows: Vec<Value> = state.files.keys().map(|hash| row(state, hash)).collect();
            json_reply(&json!({ "success": true, "results": rows }))
        }
        "file/export" => {
            let attach: Vec<Value> = state.files.contains_key(&hash).then(|| row(state, &hash)).into_iter().collect();
            json_reply(&json!({ "attach": attach }))
        }
        "network/stream" | "group" => json_reply(&json!([])),
        _ => return None,
    })
}

fn row(state: &State, hash: &str) -> Value {
    let file = &state.files[hash];
    json!({
        "id": 1, "hash": hash, "creator": "channel-hash", "filename": file.path, "filetype": "application/octet-stream",
        "filesize": file.claimed.unwrap_or(file.bytes.len() as u64), "revision": 0, "folder": "", "flags": 0, "is_dir": 0, "is_photo": 0,
        "os_storage": 1, "created": "2024-05-01 10:00:00", "edited": file.edited, "allow_cid": "", "allow_gid": "", "deny_cid": "",
        "deny_gid": "", "term": [],
    })
}

fn json_reply(content: &Value) -> Reply {
    Reply::new(200, content.to_string()).header("Content-Type", "application/json")
}

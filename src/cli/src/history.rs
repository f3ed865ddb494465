//! What this computer remembers of a set: when it was verified, tried and restored, and where. Small files in the user's folder for
//! state, named by the set's id; without them nothing but this is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{machine, private};

/// The last of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    /// By `verify`.
    pub(crate) verified: Option<Verified>,
    /// Drills, by the address of the channel.
    pub(crate) drilled: BTreeMap<String, Event>,
    /// Restores that are over, by the address of the channel.
    pub(crate) restored: BTreeMap<String, Event>,
}

/// What `verify` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verified {
    /// When, seconds since 1970.
    pub(crate) at: i64,
    /// In one word.
    pub(crate) verdict: String,
    /// Which share of the files was read.
    pub(crate) percent: u32,
    /// The folder that was read: copies of a set have its id, too.
    pub(crate) folder: PathBuf,
}

/// What was done with it at a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// When, seconds since 1970.
    pub(crate) at: i64,
    /// Whether nothing needed attention.
    pub(crate) is_whole: bool,
}

const MOST_CHANNELS: usize = 100;

impl History {
    /// Returns that of a set.
    pub(crate) fn of(set: &Path) -> Self {
        let text = place(set, "history").and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn save(&self, set: &Path) {
        let Some(path) = place(set, "history") else { return };
        let text = serde_json::to_string(self).unwrap_or_default();
        let _ = private::write(&path, &text);
    }
}

/// Remembers what `verify` found.
pub(crate) fn verified(set: &Path, verdict: &str, percent: u32) {
    let folder = set.canonicalize().unwrap_or_default();
    let verified = Verified { at: machine::unix_time(), verdict: verdict.to_owned(), percent, folder };
    History { verified: Some(verified), ..History::of(set) }.save(set);
}

/// Remembers a drill.
pub(crate) fn drilled(set: &Path, channel: &str, is_whole: bool) {
    let mut history = History::of(set);
    add(&mut history.drilled, channel, is_whole);
    history.save(set);
}

/// Remembers a restore that is over.
pub(crate) fn restored(set: &Path, channel: &str, is_whole: bool) {
    let mut history = History::of(set);
    add(&mut history.restored, channel, is_whole);
    history.save(set);
}

fn add(events: &mut BTreeMap<String, Event>, channel: &str, is_whole: bool) {
    events.insert(channel.to_owned(), Event { at: machine::unix_time(), is_whole });
    if events.len() > MOST_CHANNELS
        && let Some(oldest) = events.iter().min_by_key(|(_, event)| event.at).map(|(channel, _)| channel.clone())
    {
        events.remove(&oldest);
    }
}

/// Returns where something about a set is remembered; none if it has no id, or the user no folder.
pub(crate) fn place(set: &Path, kind: &str) -> Option<PathBuf> {
    let about: serde_json::Value = serde_json::from_slice(&machine::file_of_set(set, "set.json")?).ok()?;
    let id = about.get("id")?.as_str()?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') || id.len() > 64 {
        return None;
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = if cfg!(windows) { absolute("LOCALAPPDATA") } else { absolute("XDG_STATE_HOME") };
    let state = state.or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))?;
    Some(state.join("filesync").join(kind).join(id))
}

//! Files that `verify` found damaged in a set: the next `backup` fetches them again. A small file in the user's folder for state,
//! named by the set's id; without it nothing but this is lost.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

const MOST: usize = 10_000;

/// Remembers some of a set.
pub(crate) fn found(folder: &Path, hashes: &HashSet<String>) {
    let mut all = of(folder);
    all.extend(hashes.iter().cloned());
    save(folder, &all);
}

/// Returns those of a set.
pub(crate) fn of(folder: &Path) -> HashSet<String> {
    let text = file(folder).and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).take(MOST).map(str::to_owned).collect()
}

/// Forgets some of a set: a run has fetched them.
pub(crate) fn mended(folder: &Path, hashes: &HashSet<String>) {
    if !hashes.is_empty() {
        save(folder, &of(folder).difference(hashes).cloned().collect());
    }
}

fn save(folder: &Path, all: &HashSet<String>) {
    let Some(path) = file(folder) else { return };
    if all.is_empty() {
        let _ = std::fs::remove_file(path);
        return;
    }
    let mut lines: Vec<&str> = all.iter().map(String::as_str).take(MOST).collect();
    lines.sort_unstable();
    if let Some(above) = path.parent() {
        let _ = std::fs::create_dir_all(above);
    }
    let _ = std::fs::write(path, lines.join("\n") + "\n");
}

/// Returns where a set's are.
fn file(folder: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(folder.join("set.json")).ok()?;
    let set: serde_json::Value = serde_json::from_str(&text).ok()?;
    let id = set.get("id")?.as_str()?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') || id.len() > 64 {
        return None;
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = if cfg!(windows) { absolute("LOCALAPPDATA") } else { absolute("XDG_STATE_HOME") };
    let state = state.or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))?;
    Some(state.join("filesync").join("damaged").join(id))
}

//! Files that `verify` found damaged in a set: the next `backup` fetches them again.

use std::collections::HashSet;
use std::path::Path;

use crate::history::place;
use crate::private;

const KIND: &str = "damaged";
const MOST: usize = 10_000;

/// Remembers some of a set.
pub(crate) fn found(folder: &Path, hashes: &HashSet<String>) {
    let mut all = of(folder);
    all.extend(hashes.iter().cloned());
    save(folder, &all);
}

/// Returns those of a set.
pub(crate) fn of(folder: &Path) -> HashSet<String> {
    let text = place(folder, KIND).and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).take(MOST).map(str::to_owned).collect()
}

/// Forgets some of a set: a run has fetched them.
pub(crate) fn mended(folder: &Path, hashes: &HashSet<String>) {
    if !hashes.is_empty() {
        save(folder, &of(folder).difference(hashes).cloned().collect());
    }
}

fn save(folder: &Path, all: &HashSet<String>) {
    let Some(path) = place(folder, KIND) else { return };
    if all.is_empty() {
        let _ = std::fs::remove_file(path);
        return;
    }
    let mut lines: Vec<&str> = all.iter().map(String::as_str).take(MOST).collect();
    lines.sort_unstable();
    let _ = private::write(&path, &(lines.join("\n") + "\n"));
}

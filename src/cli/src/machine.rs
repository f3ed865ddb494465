//! What the engine does not look up itself: clock, chance, machine, folders.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use filesync_engine::SetLimits;
use filesync_engine::set;

use crate::problem::Problem;

/// The program and its version, for `set.json`.
pub(crate) const MADE_WITH: &str = concat!("filesync ", env!("CARGO_PKG_VERSION"), ", command");

/// Returns seconds since 1970.
pub(crate) fn unix_time() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(0))
}

/// Returns an unpredictable random number.
pub(crate) fn random() -> u64 {
    let mut bytes = [0; 8];
    // The generator fails only if the system gives no randomness at all; then a predictable sample is better than none.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// Returns what becomes true once somebody stops the command; it is asked for once.
pub(crate) fn stopped() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    // Where it cannot be caught, the command is killed, and the same one goes on.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    stopped
}

/// Identifies this boot of the machine.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| format!("unknown-{}-{}", std::process::id(), unix_time()), |text| text.trim().to_owned())
}

fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned());
    named.ok().or_else(|| std::env::var("HOSTNAME").ok()).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// Returns what the engine's sets need to know of this machine.
pub(crate) fn surroundings() -> set::Surroundings {
    set::Surroundings {
        boot_id: boot_id(),
        host: host(),
        process: std::process::id(),
        unix_time: Box::new(unix_time),
        random: Box::new(random),
    }
}

/// Returns how sets are written.
pub(crate) fn options() -> set::Options {
    set::Options { bytes_per_second: None, may_clone: true, limits: SetLimits::default(), surroundings: surroundings() }
}

/// Returns the full path of a set's folder that exists.
pub(crate) fn existing(folder: &Path) -> Result<PathBuf, Problem> {
    if folder.is_file() {
        return Err(Problem::usage("set_is_archive", format!("{} is a file.", folder.display()))
            .remedy("If it is an archive, unpack it and name the folder."));
    }
    let missing = || Problem::usage("no_folder", format!("There is no folder {}.", folder.display()));
    let path = folder.canonicalize().map_err(|_| missing())?;
    if path.is_dir() { Ok(path) } else { Err(missing()) }
}

/// Returns the folder for temporary files.
pub(crate) fn scratch() -> PathBuf {
    let folder = std::env::temp_dir();
    std::path::absolute(&folder).unwrap_or(folder)
}

/// Reads a small file of a set, which may come from anywhere: a link, a pipe or a huge file is not read.
pub(crate) fn file_of_set(set: &Path, name: &str) -> Option<Vec<u8>> {
    let path = set.join(name);
    let facts = std::fs::symlink_metadata(&path).ok()?;
    (facts.is_file() && facts.len() <= MOST_BYTES_OF_SET).then(|| std::fs::read(&path).ok())?
}

/// More than `set.json` has, or what seals a key.
const MOST_BYTES_OF_SET: u64 = 16 << 20;

//! Whatever the files of a set hold: a restore reads it or refuses it, what it gives has the digest that it says, and nothing is
//! written but the file that was asked for.
#![no_main]

use std::path::Path;
use std::time::Duration;

use filesync_engine::set::{Restore, RestoreOptions};
use filesync_engine::{Digest, RelativePath, Root, SetLimits};
use libfuzzer_sys::fuzz_target;

/// The first byte of each piece of the input says which of these it is.
const PATHS: [&str; 12] = [
    "set.json",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
    "channel-signature.json",
    "run.json.partial",
    ".partial/plan.jsonl",
    "runs/2026-11-28T031500Z.json",
    "data/metadata/aa/aa-1.json",
    "data/metadata/bb/bb-2.json",
    "data/older/2026-11-28T031500Z/metadata/aa/aa-1.json",
    "data/files/a",
    "data/older/2026-11-28T031500Z/files/a",
];
const TAGS: [&str; 3] = ["manifest-sha256.txt", "runs/2026-11-28T031500Z.json", "set.json"];

fuzz_target!(|input: &[u8]| {
    let Some((flags, mut rest)) = input.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (set, target, scratch) = (folder.path().join("set"), folder.path().join("target"), folder.path().join("scratch"));
    for made in [&set, &target, &scratch] {
        std::fs::create_dir(made).unwrap();
    }
    while let [which, high, low, bytes @ ..] = rest {
        let (own, others) = bytes.split_at(bytes.len().min(usize::from(*high) << 8 | usize::from(*low)));
        let path = set.join(PATHS[usize::from(*which) % PATHS.len()]);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, own).unwrap();
        rest = others;
    }
    if flags & 1 == 0 {
        // Lists that fit lead further.
        let payload = PATHS.iter().filter(|path| path.starts_with("data/"));
        std::fs::write(set.join("manifest-sha256.txt"), list(&set, payload)).unwrap();
        std::fs::write(set.join("tagmanifest-sha256.txt"), list(&set, TAGS.iter())).unwrap();
    }
    let options = RestoreOptions {
        by_digest: None,
        public_key: None,
        may_clone: flags & 2 == 0,
        at: (flags & 4 != 0).then(|| "2026-11-28T12:00:00Z".to_owned()),
        bytes_per_second: None,
        scratch: scratch.clone(),
        limits: SetLimits { sort_bytes: 300, ..SetLimits::default() },
    };
    let Ok(mut restore) = Restore::open(&set, options) else { return };
    let root = Root::open(&target).unwrap();
    let path = RelativePath::parse("staged").unwrap();
    while let Ok(entries) = restore.next(2) {
        if entries.is_empty() {
            break;
        }
        for (entry, part) in entries.iter().flat_map(|entry| entry.parts.iter().map(move |part| (entry, part))) {
            let mut staged = restore.stage(&entry.hash, part.scale, &root, &path);
            while matches!(staged, Ok(None)) {
                staged = restore.step(Duration::from_millis(10));
            }
            match staged {
                Ok(staged) => {
                    let bytes = std::fs::read(target.join("staged")).unwrap();
                    let staged = staged.unwrap();
                    assert_eq!((staged.size_bytes, staged.sha256), (bytes.len() as u64, Digest::of(&bytes)));
                    std::fs::remove_file(target.join("staged")).unwrap();
                }
                Err(_) => assert!(!target.join("staged").exists()),
            }
        }
    }
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
});

fn list<'p>(set: &Path, paths: impl Iterator<Item = &'p &'p str>) -> String {
    let mut paths: Vec<&str> = paths.copied().collect();
    paths.sort_unstable();
    let line = |path: &&str| Some(format!("{}  {path}\n", Digest::of(&std::fs::read(set.join(path)).ok()?)));
    paths.iter().filter_map(line).collect()
}

//! A set of very many files is written, checked, read for a restore and pruned in memory that does not grow with it. A process of its own: nothing
//! else takes memory meanwhile.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use filesync_engine::set::{
    Bytes, Check, CheckOptions, Options, Original, PruneSpec, Restore, RestoreOptions, RunSpec, Set, Surroundings,
};
use filesync_engine::{Digest, Root, SetLimits};

/// A million with `FULL=1` in the environment.
fn lines() -> u64 {
    if std::env::var_os("FULL").is_some() { 1_000_000 } else { 250_000 }
}

const OLD_RUN: &str = "2020-01-01T000000Z";
/// Nothing is signed here.
const KEY: &str = "-----BEGIN RSA PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n";

fn options(now: i64) -> Options {
    Options {
        bytes_per_second: None,
        may_clone: false,
        limits: SetLimits { disk_headroom_bytes: 0, ..SetLimits::default() },
        surroundings: Surroundings {
            boot_id: "boot".into(),
            host: "here".into(),
            process: 1,
            unix_time: Box::new(move || now),
            random: Box::new(|| 1),
        },
    }
}

fn run(folder: &Path, now: i64, files: u64) {
    let mut set = Set::open(folder, options(now)).unwrap();
    let spec = RunSpec { from: "https://hub.example".into(), by: "hub".into(), channel_hash: "channel".into() };
    set.begin(&spec).unwrap();
    let root = Root::open(folder).unwrap();
    for n in 0..files {
        let hash = format!("{n:08x}");
        let metadata = format!(r#"{{"kind":"folder","hash":"{hash}","attach":[{{"hash":"{hash}","filename":"{now}"}}]}}"#);
        set.add(&metadata, &root, Bytes::default()).unwrap();
    }
    let own = r#"{"kind":"file","hash":"own","attach":[{"hash":"own","filename":"own.txt"}]}"#;
    set.add(own, &root, Bytes { original: Some(Original::Bytes(b"own".to_vec())), ..Bytes::default() }).unwrap();
    let about = serde_json::json!({ "channel": { "hash": "channel", "url": "https://hub.example/channel/alice", "key": KEY } });
    let found = set.prepare(&about.to_string(), true).unwrap();
    assert_eq!(found.listed, files + 1);
    set.commit(None).unwrap();
}

/// Puts lines of very many files into the lists, as if they had been replaced long ago.
fn swell(folder: &Path) {
    let manifest = folder.join("manifest-sha256.txt");
    let old = std::fs::read_to_string(&manifest).unwrap();
    let mut output = std::io::BufWriter::new(std::fs::File::create(&manifest).unwrap());
    output.write_all(old.as_bytes()).unwrap();
    let digest = Digest::of(b"");
    for n in 0..lines() {
        writeln!(output, "{digest}  data/older/{OLD_RUN}/files/some folder of a channel/file number {n:09}.jpg").unwrap();
    }
    output.into_inner().unwrap().sync_all().unwrap();
    let tags = std::fs::read_to_string(folder.join("tagmanifest-sha256.txt")).unwrap();
    let bytes = std::fs::read(&manifest).unwrap();
    let new: Vec<String> = tags
        .lines()
        .map(|line| {
            if line.ends_with("  manifest-sha256.txt") {
                format!("{}  manifest-sha256.txt\n", Digest::of(&bytes))
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    std::fs::write(folder.join("tagmanifest-sha256.txt"), new.concat()).unwrap();
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn very_many_files_take_no_more_memory_than_a_thousand() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), 1_700_000_000, 1000);
    swell(folder.path());
    // The peak of making the lists is the test's own; it is forgotten.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak_kib();
    run(folder.path(), 1_700_086_400, 1000);
    let size = std::fs::metadata(folder.path().join("manifest-sha256.txt")).unwrap().len();
    assert!(size > lines() * 100, "every line is still there: {size} bytes");
    let scratch = tempfile::tempdir().unwrap();
    let options_of_check = CheckOptions {
        sample: None,
        public_key: None,
        bytes_per_second: None,
        scratch: scratch.path().to_owned(),
        limits: SetLimits::default(),
    };
    let mut check = Check::open(folder.path(), options_of_check).unwrap();
    let mut missing = 0;
    while !check.is_done() {
        // However fast the machine is, and however long a step may take.
        let found = check.step(Duration::from_mins(1)).unwrap().len();
        assert!(found < 20_000, "{found} at once");
        missing += found as u64;
    }
    assert_eq!(missing, lines() + 1, "all of them, and that it is unsigned");
    // Bytes that are missing are looked for in the lists, and among all files.
    std::fs::rename(folder.path().join("data/files/own.txt"), folder.path().join("data/renamed")).unwrap();
    for at in [None, Some("2023-11-15T00:00:00Z".to_owned())] {
        let options = RestoreOptions {
            by_digest: None,
            public_key: None,
            may_clone: false,
            at,
            bytes_per_second: None,
            scratch: scratch.path().to_owned(),
            limits: SetLimits::default(),
        };
        let mut restore = Restore::open(folder.path(), options).unwrap();
        let (mut entries, mut found) = (0, 0);
        loop {
            let some = restore.next(100).unwrap();
            if some.is_empty() {
                break;
            }
            entries += some.len();
            found += some.iter().flat_map(|entry| &entry.parts).filter(|part| part.is_there).count();
        }
        assert_eq!((entries, found), (1001, 1));
    }
    std::fs::rename(folder.path().join("data/renamed"), folder.path().join("data/files/own.txt")).unwrap();
    let mut set = Set::open(folder.path(), options(1_700_090_000)).unwrap();
    let pruned = set.prune(&PruneSpec { older_than: Some("2021-01-01T00:00:00Z".into()), ..PruneSpec::default() }).unwrap();
    assert_eq!(pruned.removed_runs, 1);
    set.commit(None).unwrap();
    let after = peak_kib();
    println!("{before} KiB before, {after} KiB at most");
    assert!(after < before + (48 << 10), "{before} KiB before, {after} KiB at most");
}

//! The command as somebody runs it at home: a folder of its own, a set in it, and what is said compared with a snapshot.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

pub mod hub;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use age::secrecy::SecretString;
use filesync_engine::set::{Bytes, ListedRow, Options, Original, RunSpec, Set, Surroundings};
use filesync_engine::{Root, SetLimits};

pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn filesync(home: &Path, words: &[&str]) -> Said {
    let said = Command::new(env!("CARGO_BIN_EXE_filesync"))
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("COLUMNS", "100")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: said.status.code().unwrap(), out: text(said.stdout), err: text(said.stderr) }
}

/// Compares a text with its snapshot.
pub fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let saved = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(saved == text, "{name} differs; UPDATE=1 writes it again. Now it is:\n{text}");
}

/// A set of two runs: `cat.jpg` was replaced, `gone.txt` removed.
pub struct Folder {
    pub home: tempfile::TempDir,
}

impl Folder {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = Self { home };
        std::fs::create_dir(folder.path("set")).unwrap();
        folder.run(
            1_764_000_000,
            &[("aaaa-1", "cat.jpg", "a cat"), ("bbbb-2", "gone.txt", "soon gone"), ("cccc-3", "stays.txt", "it stays")],
        );
        folder.run(1_764_100_000, &[("aaaa-1", "cat.jpg", "another"), ("cccc-3", "stays.txt", "it stays")]);
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A set of a whole channel: its identity, sealed with a passphrase, and rows by kind and month.
    pub fn everything(passphrase: &str, identity: &serde_json::Value, rows: &[(&str, &str, &[String])]) -> Self {
        let folder = Self { home: tempfile::tempdir().unwrap() };
        std::fs::create_dir(folder.path("set")).unwrap();
        let mut set = begin(&folder.path("set"), 1_764_000_000);
        let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
        recipient.set_work_factor(2);
        set.put_identity(&age::encrypt(&recipient, identity.to_string().as_bytes()).unwrap()).unwrap();
        let mut counts = serde_json::Map::new();
        let kinds: std::collections::BTreeSet<_> = rows.iter().map(|(kind, ..)| *kind).collect();
        for kind in kinds {
            let (mut all, mut count) = (set.rows(kind).unwrap(), 0_u64);
            for (_, file, texts) in rows.iter().filter(|(of, ..)| *of == kind) {
                for text in *texts {
                    count += 1;
                    let print = format!("{count:032x}");
                    let row = ListedRow { id: count, file, print: &print };
                    all.listed(&[row]).unwrap();
                    all.arrived(&row, &serde_json::value::RawValue::from_string(text.clone()).unwrap()).unwrap();
                }
            }
            set.end_rows(all).unwrap();
            counts.insert(kind.to_owned(), count.into());
        }
        let keys = serde_json::json!({
            "rows": counts, "compatibility": { "version": "8.9.3" },
            "relocate": { "url": "https://gone.example", "channel_address": "carol" },
        });
        finish(&mut set, &keys);
        folder
    }

    pub fn run(&self, time: i64, files: &[(&str, &str, &str)]) {
        let mut set = begin(&self.path("set"), time);
        let root = Root::open(self.home.path()).unwrap();
        for (hash, name, bytes) in files {
            let metadata = format!(
                r#"{{"kind":"file","hash":"{hash}","attach":[{{"hash":"{hash}","filename":"{name}","filetype":"text/plain","edited":"2025-11-24 10:00:00"}}]}}"#
            );
            let bytes = Bytes { original: Some(Original::Bytes(bytes.as_bytes().to_vec())), ..Bytes::default() };
            set.add(&metadata, &root, bytes).unwrap();
        }
        finish(&mut set, &serde_json::Value::Null);
    }

    /// Says what the command says, without what differs each time.
    pub fn say(&self, text: &mut String, what: &str, words: &[&str]) {
        let said = filesync(self.home.path(), words);
        let clean = |text: &str| text.replace(self.home.path().to_str().unwrap(), "HOME");
        let shown: Vec<String> = words.iter().map(|word| clean(word)).collect();
        write!(text, "# {what}\n$ filesync {}\n{}{}exit {}\n\n", shown.join(" "), clean(&said.out), clean(&said.err), said.code)
            .unwrap();
    }
}

/// Begins a run of a set as another computer does.
pub fn begin(set: &Path, time: i64) -> Set {
    let surroundings = Surroundings {
        boot_id: "boot".into(),
        host: "home".into(),
        process: 1,
        unix_time: Box::new(move || time),
        random: Box::new(|| 7),
    };
    let options = Options { bytes_per_second: None, may_clone: false, limits: SetLimits::default(), surroundings };
    let mut set = Set::open(set, options).unwrap();
    set.begin(&RunSpec { from: "https://hub.example".into(), by: "api".into(), channel_hash: "channel".into() }).unwrap();
    set
}

/// Ends a run; `everything` is what the set has of the whole channel.
fn finish(set: &mut Set, everything: &serde_json::Value) {
    let key = include_str!("../channel-key.pub");
    let mut about = serde_json::json!({
        "made_with": "a test",
        "channel": { "nick": "alice", "hash": "channel", "key": key, "url": "https://hub.example/channel/alice" },
    });
    if everything.is_object() {
        about["everything"] = everything.clone();
    }
    set.prepare(&about.to_string(), true).unwrap();
    set.commit(None).unwrap();
}

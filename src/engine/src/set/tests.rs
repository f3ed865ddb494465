//! A set is written from a hub that is a list in memory, killed at every change, filled, damaged, listed and pruned.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::check::{Check, CheckOptions};
use super::contents::{Contents, ContentsOptions, Version};
use super::finding::{Finding, FindingCode};
use super::look::{Condition, look};
use super::prepare::Found;
use super::prune::PruneSpec;
use super::surroundings::{Options, Surroundings};
use super::writer::{Added, Bytes, Crop, Original, RunSpec, Set, What};
use crate::digest::Digest;
use crate::error::{ErrorKind, Result};
use crate::limits::SetLimits;
use crate::paths::{RelativePath, Root};
use crate::signature::ChannelKey;
use crate::signature::tests::{fresh_key, public_pem};

mod extract;
mod home;
mod outgoing;
mod restore;
mod rows;
mod signed;

const START: i64 = 1_795_835_700;

/// A channel on a hub, its key, and a folder for its set.
struct Hub {
    folder: tempfile::TempDir,
    key: Option<(ChannelKey, String)>,
    now: Rc<Cell<i64>>,
    boot: String,
    files: BTreeMap<String, HubFile>,
    limits: SetLimits,
    clones: bool,
}

#[derive(Clone)]
struct HubFile {
    names: Vec<String>,
    kind: &'static str,
    posts: Vec<Value>,
    has_bytes: bool,
    crops: Vec<u8>,
}

impl Hub {
    fn new() -> Self {
        let (private, public) = fresh_key();
        let mut hub = Self::unsigned();
        hub.key = Some((ChannelKey::from_pem(&private).unwrap(), public_pem(&public)));
        hub
    }

    /// A hub whose sets nobody signs, which is quicker.
    fn unsigned() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["store", "set", "scratch"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let limits = SetLimits { disk_headroom_bytes: 0, sort_bytes: 300, ..SetLimits::default() };
        Self {
            folder,
            key: None,
            now: Rc::new(Cell::new(START)),
            boot: "boot-1".into(),
            files: BTreeMap::new(),
            limits,
            clones: true,
        }
    }

    fn set_path(&self) -> PathBuf {
        self.folder.path().join("set")
    }

    fn store_path(&self, hash: &str) -> PathBuf {
        self.folder.path().join("store").join(hash)
    }

    fn put(&mut self, hash: &str, names: &[&str], bytes: &[u8]) {
        self.write(hash, bytes);
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let file = HubFile { names, kind: "file", posts: Vec::new(), has_bytes: true, crops: Vec::new() };
        self.files.insert(hash.to_owned(), file);
    }

    fn folder(&mut self, hash: &str, names: &[&str]) {
        self.put(hash, names, b"");
        let file = self.files.get_mut(hash).unwrap();
        (file.kind, file.has_bytes) = ("folder", false);
    }

    fn write(&self, hash: &str, bytes: &[u8]) {
        let path = self.store_path(hash);
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, bytes).unwrap();
        // Long ago, and at another time for other bytes.
        let seconds = 1_000_000_000 + u64::from(Digest::of(bytes).bytes()[0]);
        let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }

    fn options(&self) -> Options {
        let now = self.now.clone();
        Options {
            bytes_per_second: None,
            may_clone: self.clones,
            limits: self.limits.clone(),
            surroundings: self.surroundings(move || now.get()),
        }
    }

    fn surroundings(&self, unix_time: impl Fn() -> i64 + 'static) -> Surroundings {
        Surroundings {
            boot_id: self.boot.clone(),
            host: "here".into(),
            process: 7,
            unix_time: Box::new(unix_time),
            random: Box::new(|| 0x0123_4567_89ab_cdef),
        }
    }

    fn open(&self) -> Result<Set> {
        Set::open(&self.set_path(), self.options())
    }

    #[allow(clippy::unused_self)]
    fn spec(&self) -> RunSpec {
        RunSpec { from: "https://hub.example".into(), by: "hub".into(), channel_hash: "channel-hash".into() }
    }

    fn metadata(&self, hash: &str) -> String {
        let file = &self.files[hash];
        let chain: Vec<Value> = file
            .names
            .iter()
            .enumerate()
            .map(|(n, name)| {
                let own = if n + 1 == file.names.len() { hash.to_owned() } else { format!("f-{name}").replace(|c: char| !c.is_alphanumeric(), "-") };
                json!({ "hash": own, "filename": name, "filetype": "image/jpeg", "is_photo": i32::from(!file.crops.is_empty()), "edited": "2024-05-03 09:00:00" })
            })
            .collect();
        json!({ "kind": file.kind, "hash": hash, "attach": chain, "item": file.posts }).to_string()
    }

    fn about(&self) -> String {
        let key = self.key.as_ref().map_or_else(|| public_pem(&[1, 2, 3]), |(_, public)| public.clone());
        json!({
            "channel": { "nick": "alice", "hash": "channel-hash", "url": "https://hub.example/channel/alice", "key": key },
            "contents": ["files"], "made_with": "filesync 1", "lacks": [{ "what": "file", "why": "no_bytes", "words": "x", "hash": "gone" }],
        })
        .to_string()
    }

    fn bytes(&self, hash: &str) -> Bytes {
        let path = |name: String| RelativePath::parse(&name).unwrap();
        let file = &self.files[hash];
        Bytes {
            original: file.has_bytes.then(|| Original::Path(path(hash.to_owned()))),
            crops: file
                .crops
                .iter()
                .map(|scale| Crop { scale: *scale, mimetype: "image/png".into(), path: path(format!("{hash}-{scale}")) })
                .collect(),
            again: false,
        }
    }

    fn add(&self, set: &mut Set, hash: &str) -> Result<Added> {
        self.add_bytes(set, hash, self.bytes(hash))
    }

    fn add_bytes(&self, set: &mut Set, hash: &str, bytes: Bytes) -> Result<Added> {
        let root = Root::open(&self.folder.path().join("store")).unwrap();
        let mut added = set.add(&self.metadata(hash), &root, bytes)?;
        while added.is_none() {
            added = set.step(Duration::from_millis(1))?;
        }
        Ok(added.unwrap())
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (key, _) = self.key.as_ref()?;
        let text = std::str::from_utf8(&message[1..]).unwrap();
        let signature = key.sign_apart(text).unwrap();
        Some(URL_SAFE_NO_PAD.decode(signature.reveal().strip_prefix("sha512.").unwrap()).unwrap())
    }

    fn fill(&self, set: &mut Set) -> Result<Found> {
        set.begin(&self.spec())?;
        for hash in self.files.keys() {
            self.add(set, hash)?;
        }
        set.prepare(&self.about(), true)
    }

    fn run_in(&self, set: &mut Set) -> Result<Found> {
        let found = self.fill(set)?;
        set.commit(self.sign(&found.message).as_deref())?;
        Ok(found)
    }

    /// Makes a whole run, a day after the last one.
    fn backup(&self) -> Found {
        self.now.set(self.now.get() + 86_400);
        self.run_in(&mut self.open().unwrap()).unwrap()
    }

    fn check(&self) -> Vec<Finding> {
        check(&self.set_path(), None)
    }

    fn list(&self, at: Option<&str>, older: bool) -> Vec<Version> {
        let options = ContentsOptions {
            at: at.map(str::to_owned),
            older,
            scratch: self.folder.path().join("scratch"),
            limits: self.limits.clone(),
        };
        let mut contents = Contents::open(&self.set_path(), options).unwrap();
        let mut all = Vec::new();
        loop {
            let some = contents.next(2).unwrap();
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    fn look(&self) -> super::look::Look {
        let now = self.now.get();
        look(&self.set_path(), &self.surroundings(move || now), &self.limits).unwrap()
    }

    /// What a person sees: paths and contents, without what depends on when it was made.
    fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.set_path()).into_iter().filter(|(path, _)| path != ".lock").collect()
    }
}

fn check(set: &Path, sample: Option<(u32, u32)>) -> Vec<Finding> {
    let scratch = tempfile::tempdir().unwrap();
    let options = CheckOptions {
        sample: sample.map(|(of, part)| (of.try_into().unwrap(), part)),
        public_key: None,
        bytes_per_second: None,
        scratch: scratch.path().to_owned(),
        limits: SetLimits { sort_bytes: 300, ..SetLimits::default() },
    };
    let mut check = Check::open(set, options).unwrap();
    let mut findings = Vec::new();
    while !check.is_done() {
        findings.extend(check.step(Duration::from_millis(50)).unwrap());
    }
    findings
}

fn shown(findings: &[Finding]) -> Vec<String> {
    let mut shown: Vec<String> = findings
        .iter()
        .map(|one| {
            format!("{} {}{}", one.code.name(), one.path, one.found_at.as_ref().map_or(String::new(), |at| format!(" -> {at}")))
        })
        .collect();
    shown.sort();
    shown
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap()) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if !kind.is_symlink() || entry.path().is_file() {
                let path = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(path, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

/// Copies a folder with all times. No other program does it: while one starts, it holds the locks of all tests.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
            let modified = entry.metadata().unwrap().modified().unwrap();
            std::fs::File::options().write(true).open(&target).unwrap().set_modified(modified).unwrap();
        }
    }
}

/// Checks the lists of a set as `sha256sum -c` does, by other code than ours; and that a list names every file.
fn sums(set: &Path) -> std::result::Result<(), String> {
    let all = files(set);
    let mut named = BTreeSet::new();
    for list in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        let text = String::from_utf8(all.get(list).ok_or(format!("no {list}"))?.clone()).unwrap();
        for line in text.lines() {
            let (digest, path) = line.split_once("  ").unwrap();
            let bytes = all.get(path).ok_or(format!("no {path}"))?;
            if Digest::of(bytes).to_string() != digest {
                return Err(format!("{path} is other"));
            }
            named.insert(path.to_owned());
        }
    }
    let own = |path: &str| {
        path.starts_with(".partial/")
            || [".lock", "run.json.partial", "tagmanifest-sha256.txt", "channel-signature.json", "owner-signature.minisig"]
                .contains(&path)
    };
    match all.keys().find(|path| !named.contains(*path) && !own(path)) {
        Some(path) => Err(format!("nobody names {path}")),
        None => Ok(()),
    }
}

fn json_of(hub: &Hub, path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(hub.set_path().join(path)).unwrap()).unwrap()
}

fn small(hub: &mut Hub) {
    hub.folder("f-2024", &["2024"]);
    hub.put("aa-1", &["2024", "cat.jpg"], b"cat");
    hub.put("bb-2", &["2024", "dog.jpg"], b"dog");
    hub.put("cc-3", &["talk.pdf"], b"talk");
    hub.put("dd-4", &["empty"], b"");
    hub.files.get_mut("aa-1").unwrap().posts = vec![json!({ "body": "first" }), json!({ "body": "second" })];
}

#[test]
fn a_first_run_makes_a_set_that_anybody_can_check() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.write("aa-1-4", b"crop four");
    hub.files.get_mut("aa-1").unwrap().crops = vec![4];
    assert_eq!(hub.look().condition, Condition::Empty);
    let found = hub.backup();
    assert_eq!((found.listed, found.new, found.removed, found.before), (5, 5, 0, 0));
    assert_eq!(
        (
            found.counts.folders,
            found.counts.files,
            found.counts.photos,
            found.counts.crops,
            found.counts.posts,
            found.counts.bytes
        ),
        (1, 4, 1, 1, 2, 19)
    );
    sums(&hub.set_path()).unwrap();
    assert_eq!(shown(&hub.check()), [""; 0]);
    assert_eq!(hub.look().condition, Condition::Whole);
    let tree = hub.tree();
    assert_eq!(tree["data/files/2024/cat.jpg"], b"cat");
    let metadata = json_of(&hub, "data/metadata/aa/aa-1.json");
    assert_eq!(metadata["parts"][0]["path"], "data/files/2024/cat.jpg");
    assert_eq!(metadata["parts"][1]["base64"], "Y3JvcCBmb3Vy");
    assert_eq!((&metadata["attach"][1]["filename"], &metadata["item"][1]["body"]), (&json!("cat.jpg"), &json!("second")));
    let set = json_of(&hub, "set.json");
    assert_eq!((&set["filesync_set"], &set["counts"]["files"], &set["lacks"][0]["hash"]), (&json!(1), &json!(4), &json!("gone")));
    assert_eq!(set["signed_by"]["channel"], "https://hub.example/channel/alice");
    let payload: u64 = tree.iter().filter(|(path, _)| path.starts_with("data/")).map(|(_, bytes)| bytes.len() as u64).sum();
    let count = tree.keys().filter(|path| path.starts_with("data/")).count();
    assert!(String::from_utf8_lossy(&tree["bag-info.txt"]).contains(&format!("Payload-Oxum: {payload}.{count}\n")));
    assert!(!tree.keys().any(|path| path.starts_with(".partial") || path == "run.json.partial"));
    for path in ["data/files/2024/cat.jpg", "set.json", "data/files"] {
        let mode = std::fs::metadata(hub.set_path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path}");
    }
}

#[test]
fn a_later_run_copies_only_what_changed_and_keeps_what_it_replaced() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.backup();
    let before = hub.tree();
    let unchanged = hub.backup();
    assert_eq!((unchanged.unchanged, unchanged.copied_bytes, unchanged.listed), (5, 0, 5));
    assert_eq!(before["manifest-sha256.txt"], hub.tree()["manifest-sha256.txt"]);

    hub.write("aa-1", b"another cat");
    hub.files.get_mut("bb-2").unwrap().names = vec!["2025".into(), "dog.jpg".into()];
    hub.files.get_mut("dd-4").unwrap().posts = vec![json!({ "body": "a comment" })];
    hub.files.remove("cc-3");
    hub.put("ee-5", &["new"], b"new");
    let found = hub.backup();
    assert_eq!((found.new, found.replaced, found.moved, found.changed, found.removed, found.unchanged), (1, 1, 1, 1, 1, 1));
    sums(&hub.set_path()).unwrap();
    assert_eq!(shown(&hub.check()), [""; 0]);
    let (tree, older) = (hub.tree(), format!("data/older/{}", found.run));
    assert_eq!(tree["data/files/2024/cat.jpg"], b"another cat");
    assert_eq!(tree[&format!("{older}/files/2024/cat.jpg")], b"cat");
    assert_eq!(tree["data/files/2025/dog.jpg"], b"dog");
    assert!(!tree.contains_key("data/files/2024/dog.jpg") && !tree.contains_key(&format!("{older}/files/2024/dog.jpg")));
    assert_eq!(tree[&format!("{older}/files/talk.pdf")], b"talk");
    assert!(!tree.contains_key("data/files/talk.pdf") && tree.contains_key(&format!("{older}/metadata/cc/cc-3.json")));
    assert_eq!((found.counts.older_files, found.counts.older_bytes > 7), (6, true));
    let report = json_of(&hub, &format!("runs/{}.json", found.run));
    let mut changes: Vec<_> = report["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["what"].as_str().unwrap(), one["hash"].as_str().unwrap()))
        .collect();
    changes.sort();
    assert_eq!(changes, ["changed dd-4", "moved bb-2", "removed cc-3", "replaced aa-1"]);

    let names = |versions: &[Version]| {
        versions.iter().map(|one| format!("{} {}", one.names.join("/"), one.path.clone().unwrap_or_default())).collect::<Vec<_>>()
    };
    assert_eq!(
        names(&hub.list(None, false)),
        [
            "2024/cat.jpg data/files/2024/cat.jpg",
            "2025/dog.jpg data/files/2025/dog.jpg",
            "empty data/files/empty",
            "new data/files/new",
            "2024 "
        ]
    );
    let then = hub.list(Some("2026-11-29T05:00:00Z"), false);
    assert_eq!(
        names(&then),
        [
            &format!("2024/cat.jpg {older}/files/2024/cat.jpg"),
            "2024/dog.jpg data/files/2025/dog.jpg",
            &format!("talk.pdf {older}/files/talk.pdf"),
            "empty data/files/empty",
            "2024 "
        ]
    );
    assert!(then.iter().all(|one| one.path.as_ref().is_none_or(|path| tree.contains_key(path))));
    assert_eq!(hub.list(None, true).len(), 9);
    assert!(hub.list(Some("2020-01-01T00:00:00Z"), false).is_empty());
}

#[test]
fn files_are_taken_for_unchanged_by_size_and_time_and_never_when_just_written() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.now.set(hub.now.get() + 1);
    let touch = |hub: &Hub, hash: &str, seconds: i64| {
        let time = std::time::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap());
        std::fs::File::options().write(true).open(hub.store_path(hash)).unwrap().set_modified(time).unwrap();
    };
    let next = hub.now.get() + 86_400;
    touch(&hub, "aa-1", next);
    hub.backup();
    // Other bytes of the same size within the same time stamp.
    std::fs::write(hub.store_path("aa-1"), b"CAT").unwrap();
    touch(&hub, "aa-1", next);
    let mut set = hub.open().unwrap();
    set.begin(&hub.spec()).unwrap();
    assert_eq!(hub.add(&mut set, "aa-1").unwrap().what, What::Replaced);
    // Another time, the same bytes.
    touch(&hub, "bb-2", 5);
    let added = hub.add(&mut set, "bb-2").unwrap();
    assert_eq!((added.what, added.copied_bytes + added.cloned_bytes), (What::Unchanged, 3));
    assert_eq!(hub.add(&mut set, "bb-2").unwrap().copied_bytes + hub.add(&mut set, "bb-2").unwrap().cloned_bytes, 0);
}

#[test]
fn names_of_the_zoo_have_places_of_their_own_and_true_names_in_the_metadata() {
    let mut hub = Hub::unsigned();
    let long = "\u{1f600}".repeat(187) + ".jpg";
    let zoo: &[(&str, &[&str])] = &[
        ("a1", &["x:y%z\n.txt"]),
        ("a2", &["x_y_z_.txt"]),
        ("a3", &["CON"]),
        ("a4", &["con"]),
        ("a5", &["e\u{301}"]),
        ("a6", &["\u{e9}"]),
        ("b1aaaa-1", &[&long]),
        ("b1aaaa-2", &[&long]),
        ("b1aaab-3", &[&long]),
        ("c1", &["Twin.jpg"]),
        ("c2", &["TWIN.JPG"]),
        ("c3", &["twin.jpg"]),
        ("c4", &["twin (c3).jpg"]),
        ("d1", &["both"]),
        ("d2", &["both", "inner"]),
        ("d3", &["BOTH (d1)"]),
        ("e1", &["_deep", "a1.txt"]),
        ("e2", &["a", "b", &long, &long]),
        ("g1", &["straße"]),
        ("g2", &["STRASSE"]),
        ("h1", &["..", "..", "etc", "passwd"]),
        ("i1", &["dot."]),
        ("i2", &["dot"]),
    ];
    for (n, (hash, names)) in zoo.iter().enumerate() {
        hub.put(hash, names, format!("bytes {n}").as_bytes());
    }
    hub.backup();
    sums(&hub.set_path()).unwrap();
    assert_eq!(shown(&hub.check()), ["unsigned channel-signature.json"]);
    let mut folded = BTreeSet::new();
    for (n, (hash, names)) in zoo.iter().enumerate() {
        let aa = hash.get(..2).unwrap();
        let metadata = json_of(&hub, &format!("data/metadata/{aa}/{hash}.json"));
        let path = metadata["parts"][0]["path"].as_str().unwrap().to_owned();
        assert_eq!(std::fs::read(hub.set_path().join(&path)).unwrap(), format!("bytes {n}").as_bytes(), "{path}");
        assert!(folded.insert(path.to_uppercase().to_lowercase()), "{path}");
        assert!(path.len() <= 180 && path.split('/').all(|name| name.len() <= 120), "{path}");
        let truly: Vec<_> = metadata["attach"].as_array().unwrap().iter().map(|row| row["filename"].as_str().unwrap()).collect();
        assert_eq!(&truly, names);
    }
    let path = |hash: &str| hub.list(None, false).into_iter().find(|one| one.hash == hash).unwrap().path.unwrap();
    assert_eq!(
        [path("c1"), path("c2"), path("c3")],
        ["data/files/Twin.jpg", "data/files/TWIN (c2).JPG", "data/files/twin (c3).jpg"]
    );
    assert_eq!(
        [path("c4"), path("d1"), path("d2")],
        ["data/files/twin (c3) (c4).jpg", "data/files/both (d1)", "data/files/both/inner"]
    );
    assert_eq!(path("b1aaaa-2"), "data/files/_deep/b1aaaa-2.jpg");
    let again = hub.backup();
    assert_eq!((again.unchanged, again.moved), (zoo.len() as u64, 0));

    // A twin with a smaller hash takes the plain name, and back.
    hub.put("c0", &["twin.JPG"], b"smaller");
    let found = hub.backup();
    assert_eq!((found.new, found.moved, found.copied_bytes), (1, 1, if found.copied_bytes == 0 { 0 } else { 7 }));
    sums(&hub.set_path()).unwrap();
    hub.files.remove("c0");
    hub.backup();
    sums(&hub.set_path()).unwrap();
    // Folders and files change places.
    hub.files.get_mut("d1").unwrap().names = vec!["inner".into(), "both".into()];
    hub.files.get_mut("d2").unwrap().names = vec!["both".into()];
    hub.files.get_mut("a3").unwrap().names = vec!["swap".into()];
    hub.files.get_mut("i1").unwrap().names = vec!["CON".into()];
    hub.backup();
    sums(&hub.set_path()).unwrap();
    assert_eq!(shown(&hub.check()), ["unsigned channel-signature.json"]);
}

#[test]
fn crops_that_are_too_large_are_files_of_their_own() {
    let mut hub = Hub::unsigned();
    hub.limits.inline_crop_bytes = 10;
    hub.put("aa-1", &["a.png"], b"original");
    hub.write("aa-1-4", b"four four");
    hub.write("aa-1-7", b"seven");
    hub.files.get_mut("aa-1").unwrap().crops = vec![4, 7];
    hub.backup();
    assert_eq!(hub.tree()["data/parts/aa/aa-1-4.png"], b"four four");
    assert_eq!(hub.backup().unchanged, 1);
    hub.write("aa-1-7", b"other");
    let found = hub.backup();
    assert_eq!(hub.tree()["data/parts/aa/aa-1-7.png"], b"other");
    assert_eq!(hub.tree()[&format!("data/older/{}/parts/aa/aa-1-7.png", found.run)], b"seven");
    assert!(!hub.tree().contains_key(&format!("data/older/{}/parts/aa/aa-1-4.png", found.run)));
    hub.files.get_mut("aa-1").unwrap().crops = vec![7];
    hub.backup();
    sums(&hub.set_path()).unwrap();
    assert_eq!(shown(&hub.check()), ["unsigned channel-signature.json"]);
    hub.limits.crop_bytes = 3;
    let mut set = hub.open().unwrap();
    set.begin(&hub.spec()).unwrap();
    assert_eq!(hub.add(&mut set, "aa-1").unwrap_err().kind(), ErrorKind::LimitExceeded);
}

/// Two states of a hub, the second of which differs in everything that a run can meet.
fn two_states(hub: &mut Hub) {
    small(hub);
    hub.put("ff-6", &["left"], b"left");
    hub.put("ff-7", &["right"], b"right");
    hub.put("ff-8", &["was file"], b"was file");
    hub.backup();
    hub.write("aa-1", b"another cat");
    hub.files.get_mut("bb-2").unwrap().names = vec!["2025".into(), "dog.jpg".into()];
    hub.files.get_mut("ff-6").unwrap().names = vec!["right".into()];
    hub.files.get_mut("ff-7").unwrap().names = vec!["left".into()];
    hub.files.get_mut("ff-8").unwrap().names = vec!["was file".into(), "now in a folder".into()];
    hub.files.remove("cc-3");
    hub.put("ee-5", &["new"], b"new");
    hub.now.set(hub.now.get() + 86_400);
}

#[test]
fn killed_at_every_change_the_set_is_whole_or_can_be_completed_and_ends_the_same() {
    let mut hub = Hub::new();
    two_states(&mut hub);
    let start = tempfile::tempdir().unwrap();
    let saved = start.path().join("set");
    copy(&hub.set_path(), &saved);
    let old_manifest = hub.tree()["manifest-sha256.txt"].clone();
    let mut set = hub.open().unwrap();
    hub.run_in(&mut set).unwrap();
    let changes = set.tree.faults.changes.get();
    drop(set);
    let undisturbed = hub.tree();
    let (mut cut_off, mut untouched) = (0, 0);
    for killed_after in 0..changes {
        copy(&saved, &hub.set_path());
        let mut set = hub.open().unwrap();
        set.tree.faults.killed_after.set(Some(killed_after));
        hub.run_in(&mut set).unwrap_err();
        drop(set);
        let condition = hub.look().condition;
        let findings = shown(&hub.check());
        assert_eq!(findings, [""; 0], "killed after {killed_after}, {condition:?}");
        let listed = hub.list(None, false);
        if condition == Condition::CutOff {
            cut_off += 1;
            assert!(listed.iter().any(|one| one.hash == "ee-5"), "killed after {killed_after}");
            // Killed again while it is completed, in the middle of what is left.
            let mut set = hub.open().unwrap();
            set.tree.faults.killed_after.set(Some(killed_after % 7));
            let _ = set.complete();
            drop(set);
            assert_eq!(shown(&hub.check()), [""; 0], "killed twice after {killed_after}");
            let mut set = hub.open().unwrap();
            set.complete().unwrap();
            drop(set);
            assert_eq!(hub.tree(), undisturbed, "killed after {killed_after}");
        } else {
            untouched += 1;
            assert_eq!(condition, Condition::Whole);
            let is_over = hub.tree()["manifest-sha256.txt"] != old_manifest;
            assert!(sums(&hub.set_path()).is_ok(), "killed after {killed_after}");
            assert_eq!(listed.iter().any(|one| one.hash == "ee-5"), is_over);
            if !is_over {
                hub.run_in(&mut hub.open().unwrap()).unwrap();
                assert_eq!(hub.tree(), undisturbed, "killed after {killed_after}");
            }
        }
        sums(&hub.set_path()).unwrap();
    }
    assert!(cut_off > 40 && untouched > 40, "{cut_off} in the commit, {untouched} before");
}

#[test]
fn a_full_disk_leaves_the_last_run_and_the_same_command_goes_on() {
    let mut hub = Hub::new();
    two_states(&mut hub);
    let start = tempfile::tempdir().unwrap();
    let saved = start.path().join("set");
    copy(&hub.set_path(), &saved);
    let mut set = hub.open().unwrap();
    hub.run_in(&mut set).unwrap();
    let changes = set.tree.faults.changes.get();
    drop(set);
    let undisturbed = hub.tree();
    let mut failed = 0;
    for full_after in 0..changes {
        copy(&saved, &hub.set_path());
        let mut set = hub.open().unwrap();
        set.tree.faults.full_after.set(Some(full_after));
        if let Err(error) = hub.run_in(&mut set) {
            assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
            failed += 1;
            assert_eq!(shown(&hub.check()), [""; 0], "full after {full_after}");
            drop(set);
            let mut set = hub.open().unwrap();
            if !set.complete().unwrap() {
                hub.run_in(&mut set).unwrap();
            }
        }
        assert_eq!(hub.tree(), undisturbed, "full after {full_after}");
    }
    assert!(failed > 40, "{failed}");
}

#[test]
fn an_interrupted_run_goes_on_at_its_cursor_and_forgets_what_a_power_cut_may_have_taken() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    let mut set = hub.open().unwrap();
    assert!(!set.begin(&hub.spec()).unwrap().is_continued);
    hub.add(&mut set, "aa-1").unwrap();
    hub.add(&mut set, "bb-2").unwrap();
    set.checkpoint("bb-2").unwrap();
    hub.add(&mut set, "cc-3").unwrap();
    drop(set);
    assert_eq!((hub.look().condition, hub.look().unfinished.is_some()), (Condition::Begun, true));
    // Something cut the last note off.
    let notes = hub.set_path().join(".partial/seen");
    let text = std::fs::read(&notes).unwrap();
    std::fs::write(&notes, [&text, &b"{\"hash\":\"hal"[..]].concat()).unwrap();
    let mut set = hub.open().unwrap();
    let begun = set.begin(&hub.spec()).unwrap();
    assert_eq!((begun.is_continued, begun.cursor.as_deref()), (true, Some("bb-2")));
    let added = hub.add(&mut set, "cc-3").unwrap();
    assert_eq!((added.what, added.copied_bytes + added.cloned_bytes), (What::New, 0), "it is there already");
    drop(set);
    hub.boot = "boot-2".into();
    let mut set = hub.open().unwrap();
    assert_eq!(set.begin(&hub.spec()).unwrap().cursor.as_deref(), Some("bb-2"));
    let added = hub.add(&mut set, "cc-3").unwrap();
    assert_eq!(added.copied_bytes + added.cloned_bytes, 4, "it may not be on disk");
    hub.add(&mut set, "dd-4").unwrap();
    hub.add(&mut set, "f-2024").unwrap();
    let found = set.prepare(&hub.about(), true).unwrap();
    assert_eq!((found.new, found.listed), (5, 5));
    set.commit(None).unwrap();
    drop(set);
    sums(&hub.set_path()).unwrap();

    let mut set = hub.open().unwrap();
    set.begin(&hub.spec()).unwrap();
    hub.add(&mut set, "aa-1").unwrap();
    set.abandon().unwrap();
    assert!(!hub.tree().keys().any(|path| path.contains("partial")));
    set.begin(&hub.spec()).unwrap();
    hub.add(&mut set, "aa-1").unwrap();
    let partly = set.prepare(&hub.about(), false).unwrap();
    assert_eq!((partly.removed, partly.listed), (0, 5), "the listing was not complete");
}

#[test]
fn what_cannot_be_read_keeps_its_last_version_and_is_named() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.backup();
    let mut set = hub.open().unwrap();
    set.begin(&hub.spec()).unwrap();
    for (hash, file) in &hub.files {
        assert_eq!(set.keep(hash, "no_bytes").unwrap(), file.has_bytes, "{hash}");
    }
    assert!(!set.keep("zz-9", "no_bytes").unwrap());
    assert_eq!(set.keep("../x", "no_bytes").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(set.keep("zz-9", "No!").unwrap_err().kind(), ErrorKind::InvalidInput);
    let found = set.prepare(&hub.about(), true).unwrap();
    assert_eq!((found.failed, found.removed, found.unchanged, found.counts.files), (6, 0, 0, 4));
    set.commit(None).unwrap();
    sums(&hub.set_path()).unwrap();
    assert_eq!(json_of(&hub, &format!("runs/{}.json", found.run))["failures"].as_array().unwrap().len(), 6);
}

#[test]
fn one_writer_at_a_time_of_one_channel_and_never_over_something_else() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    let mut set = hub.open().unwrap();
    let error = hub.open().err().unwrap();
    assert_eq!(
        (error.kind(), error.to_string().contains("code: set_busy, host: here, pid: 7, since: 2026-")),
        (ErrorKind::PeerBusy, true),
        "{error}"
    );
    assert_eq!(hub.look().busy.unwrap().host, "here");
    hub.run_in(&mut set).unwrap();
    set.close();
    assert!(hub.look().busy.is_none() && set.begin(&hub.spec()).is_err());
    let other = RunSpec { channel_hash: "other".into(), ..hub.spec() };
    assert!(hub.open().unwrap().begin(&other).unwrap_err().to_string().contains("set_other_channel"));
    // A note of another machine counts while it is fresh.
    std::fs::write(hub.set_path().join(".lock"), r#"{"host":"there","pid":1,"since":"now"}"#).unwrap();
    let written = std::fs::metadata(hub.set_path().join(".lock")).unwrap().modified().unwrap();
    let written = i64::try_from(written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    hub.now.set(written + 599);
    assert_eq!(hub.open().err().unwrap().kind(), ErrorKind::PeerBusy);
    hub.now.set(written + 601);
    hub.open().unwrap();
    let elsewhere = Hub::unsigned();
    std::fs::write(elsewhere.set_path().join("thesis.txt"), "x").unwrap();
    assert_eq!((elsewhere.open().err().unwrap().kind(), elsewhere.look().condition), (ErrorKind::InvalidInput, Condition::Other));
    let text = std::fs::read_to_string(hub.set_path().join("set.json")).unwrap();
    std::fs::write(hub.set_path().join("set.json"), text.replace("\"filesync_set\": 1", "\"filesync_set\": 2")).unwrap();
    assert_eq!((hub.open().err().unwrap().kind(), hub.look().condition), (ErrorKind::Unsupported, Condition::Newer));
}

#[test]
fn a_run_is_not_built_on_damaged_lists_and_a_wrong_signature_changes_nothing() {
    let mut hub = Hub::new();
    small(&mut hub);
    let mut set = hub.open().unwrap();
    let found = hub.fill(&mut set).unwrap();
    let mut signature = hub.sign(&found.message).unwrap();
    signature[9] ^= 1;
    assert_eq!(set.commit(Some(&signature)).unwrap_err().kind(), ErrorKind::Signature);
    assert!(!hub.set_path().join("set.json").exists());
    signature[9] ^= 1;
    set.commit(Some(&signature)).unwrap();
    drop(set);
    assert_eq!(shown(&hub.check()), [""; 0]);
    let manifest = hub.set_path().join("manifest-sha256.txt");
    let text = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, &text[..text.len() - 1]).unwrap();
    let error = hub.open().unwrap().begin(&hub.spec()).unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("manifest-sha256.txt")), (ErrorKind::Corrupt, true));
    std::fs::write(&manifest, &text).unwrap();
    // What can be made again is made again.
    std::fs::write(hub.set_path().join("README.txt"), "scribbled").unwrap();
    hub.backup();
    assert_eq!(shown(&hub.check()), [""; 0]);
    // A set may lose its signature, and says so.
    let mut set = hub.open().unwrap();
    hub.fill(&mut set).unwrap();
    set.commit(None).unwrap();
    drop(set);
    assert_eq!(shown(&hub.check()), ["unsigned channel-signature.json"]);
    sums(&hub.set_path()).unwrap();
}

#[test]
fn a_damaged_copy_is_replaced_when_it_is_read_again() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.backup();
    let path = hub.set_path().join("data/files/2024/cat.jpg");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, b"cot").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    std::fs::remove_file(hub.set_path().join("data/files/talk.pdf")).unwrap();
    std::fs::write(hub.set_path().join("data/metadata/bb/bb-2.json"), "{}").unwrap();
    assert_eq!(
        shown(&hub.check()),
        [
            "file_damaged data/files/2024/cat.jpg",
            "file_damaged data/metadata/bb/bb-2.json",
            "file_missing data/files/talk.pdf",
            "unsigned channel-signature.json"
        ]
    );
    let mut set = hub.open().unwrap();
    hub.now.set(hub.now.get() + 86_400);
    set.begin(&hub.spec()).unwrap();
    for hash in hub.files.keys() {
        let bytes = Bytes { again: true, ..hub.bytes(hash) };
        hub.add_bytes(&mut set, hash, bytes).unwrap();
    }
    let found = set.prepare(&hub.about(), true).unwrap();
    assert_eq!((found.replaced, found.unchanged, found.removed), (3, 2, 0));
    set.commit(None).unwrap();
    sums(&hub.set_path()).unwrap();
    assert_eq!(shown(&hub.check()), ["unsigned channel-signature.json"]);
    assert!(
        !hub.tree().keys().any(|path| path.starts_with("data/older") && path.contains("/files/")),
        "what is damaged is not kept"
    );
}

#[test]
fn strangers_in_the_way_are_set_aside_and_never_lost() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.backup();
    hub.put("ee-5", &["new"], b"new");
    hub.put("ee-6", &["sub", "x"], b"x");
    std::fs::create_dir_all(hub.set_path().join("data/files/new/inner")).unwrap();
    std::fs::write(hub.set_path().join("data/files/new/inner/mine"), "mine").unwrap();
    std::os::unix::fs::symlink("/tmp", hub.set_path().join("data/files/sub")).unwrap();
    hub.backup();
    let found = shown(&hub.check());
    assert_eq!(
        found,
        ["file_extra data/files/new.extra1/inner/mine", "file_extra data/files/sub.extra1", "unsigned channel-signature.json"]
    );
    assert_eq!((&hub.tree()["data/files/new"][..], &hub.tree()["data/files/sub/x"][..]), (&b"new"[..], &b"x"[..]));
}

#[test]
fn pruning_removes_runs_and_forgetting_removes_one_file_from_everything() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.backup();
    for n in 0..3 {
        hub.write("aa-1", format!("cat {n}").as_bytes());
        hub.write("cc-3", format!("talk {n}").as_bytes());
        hub.backup();
    }
    let versions = |hub: &Hub| {
        hub.list(None, true)
            .into_iter()
            .map(|one| format!("{} {}", one.hash, one.path.unwrap_or_default().contains("older")))
            .collect::<Vec<_>>()
    };
    assert_eq!(versions(&hub).iter().filter(|one| one.ends_with("true")).count(), 6);
    let prune = |spec: PruneSpec| {
        let mut set = hub.open().unwrap();
        let pruned = set.prune(&spec).unwrap();
        set.commit(hub.sign(&pruned.message).as_deref()).unwrap();
        drop(set);
        sums(&hub.set_path()).unwrap();
        assert_eq!(shown(&hub.check()), [""; 0]);
        pruned
    };
    let pruned = prune(PruneSpec { older_than: Some("2026-12-02T00:00:00Z".into()), ..PruneSpec::default() });
    assert_eq!((pruned.removed_runs, pruned.removed_files), (2, 8));
    assert_eq!(pruned.counts.older_files, 4);
    assert_eq!(versions(&hub).len(), 7);
    let runs = std::fs::read_dir(hub.set_path().join("runs")).unwrap().count();
    assert_eq!(runs, 2, "reports of pruned runs went too");
    let forgotten = prune(PruneSpec { forget: Some("aa-1".into()), ..PruneSpec::default() });
    assert_eq!((forgotten.removed_files, forgotten.counts.files, forgotten.counts.older_files), (4, 3, 2));
    let tree = hub.tree();
    let left: Vec<_> = tree.iter().map(|(path, bytes)| format!("{path} {}", String::from_utf8_lossy(bytes))).collect();
    let left = left.concat();
    assert!(!left.contains("aa-1") && !left.contains("cat.jpg") && !left.contains("cat 2") && left.contains("talk 2"));
    let mut set = hub.open().unwrap();
    assert_eq!(
        set.prune(&PruneSpec { forget: Some("aa-1".into()), ..PruneSpec::default() }).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        set.prune(&PruneSpec { older_than: Some("soon".into()), ..PruneSpec::default() }).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    drop(set);
    assert_eq!(hub.backup().new, 1, "it is on the hub still");
    sums(&hub.set_path()).unwrap();
}

/// A generator of numbers, the same in every test run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

#[test]
fn every_damage_is_found_exactly() {
    let mut hub = Hub::new();
    small(&mut hub);
    for n in 0..12 {
        hub.put(
            &format!("{n:02}-file"),
            &[&format!("folder {}", n % 3), &format!("file {n}")],
            format!("bytes of {n}").repeat(20).as_bytes(),
        );
    }
    hub.backup();
    hub.write("03-file", b"changed since");
    hub.files.remove("04-file");
    hub.backup();
    let set = hub.set_path();
    let whole = hub.tree();
    let (payload, lists): (Vec<String>, Vec<String>) = whole.keys().cloned().partition(|path| path.starts_with("data/"));
    let mut numbers = Numbers(88_172_645_463_325_252);
    let mut wrong = Vec::new();
    let mut expect = |damage: String, expected: &[&str]| {
        let found = shown(&hub.check());
        let fits = expected.iter().any(|expected| found == [*expected]) || (expected.is_empty() && found.is_empty());
        if !fits {
            wrong.push(format!("{damage}: {found:?}, not {expected:?}"));
        }
    };
    let restore = |path: &str| std::fs::write(set.join(path), &whole[path]).unwrap();
    for n in 0..200 {
        let paths = if n % 4 == 0 { &lists } else { &payload };
        let path = &paths[numbers.below(paths.len())];
        let mut bytes = whole[path].clone();
        if bytes.is_empty() {
            continue;
        }
        let at = numbers.below(bytes.len());
        let bit = numbers.below(8);
        bytes[at] ^= 1 << bit;
        std::fs::write(set.join(path), bytes).unwrap();
        let (list, file) = (format!("list_damaged {path}"), format!("file_damaged {path}"));
        expect(
            format!("bit {bit} of byte {at} of {path}"),
            &[&list, &file, "signature_wrong channel-signature.json"][..if path.contains("signature") { 3 } else { 2 }],
        );
        restore(path);
    }
    for n in 0..20 {
        let paths = if n % 4 == 0 { &lists } else { &payload };
        let path = &paths[numbers.below(paths.len())];
        std::fs::remove_file(set.join(path)).unwrap();
        expect(format!("{path} removed"), &[&format!("file_missing {path}")]);
        restore(path);
    }
    for n in 0..20 {
        let paths = if n % 4 == 0 { &lists } else { &payload };
        let path = &paths[numbers.below(paths.len())];
        let bytes = &whole[path];
        if bytes.is_empty() {
            continue;
        }
        std::fs::write(set.join(path), &bytes[..numbers.below(bytes.len())]).unwrap();
        expect(format!("{path} cut"), &[&format!("file_damaged {path}"), &format!("list_damaged {path}")]);
        restore(path);
    }
    for _ in 0..20 {
        let (one, other) = (&payload[numbers.below(payload.len())], &payload[numbers.below(payload.len())]);
        if whole[one] == whole[other] {
            continue;
        }
        std::fs::write(set.join(one), &whole[other]).unwrap();
        std::fs::write(set.join(other), &whole[one]).unwrap();
        let found = shown(&hub.check());
        let mut expected = vec![format!("file_moved {one} -> {other}"), format!("file_moved {other} -> {one}")];
        expected.sort();
        assert_eq!(found, expected);
        restore(one);
        restore(other);
    }
    for n in 0..20 {
        let path = ["data/files/added", "data/files/2024/added", "added.txt", "runs/added", "data/metadata/aa/aa-9.json"][n % 5];
        std::fs::write(set.join(path), "added").unwrap();
        expect(format!("{path} added"), &[&format!("file_extra {path}")]);
        std::fs::remove_file(set.join(path)).unwrap();
    }
    std::fs::rename(set.join("data/files/talk.pdf"), set.join("data/files/2024/my talk.pdf")).unwrap();
    expect("renamed".into(), &["file_moved data/files/talk.pdf -> data/files/2024/my talk.pdf"]);
    std::fs::rename(set.join("data/files/2024/my talk.pdf"), set.join("data/files/talk.pdf")).unwrap();
    expect("whole again".into(), &[]);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_byte_of_the_lists_is_guarded() {
    let mut hub = Hub::new();
    hub.put("aa-1", &["a b"], b"one");
    hub.put("bb-2", &["b"], b"two");
    hub.backup();
    let whole = hub.tree();
    for path in ["manifest-sha256.txt", "tagmanifest-sha256.txt", "set.json", "channel-signature.json"] {
        for at in 0..whole[path].len() {
            let bit = at % 8;
            let mut bytes = whole[path].clone();
            bytes[at] ^= 1 << bit;
            std::fs::write(hub.set_path().join(path), bytes).unwrap();
            let found = shown(&hub.check());
            let expected = [format!("list_damaged {path}")];
            assert!(
                found == expected || (path.contains("signature") && found == ["signature_wrong channel-signature.json"]),
                "bit {bit} of byte {at} of {path}: {found:?}"
            );
        }
        std::fs::write(hub.set_path().join(path), &whole[path]).unwrap();
    }
    assert_eq!(shown(&hub.check()), [""; 0]);
}

#[test]
fn samples_together_read_everything() {
    let mut hub = Hub::unsigned();
    for n in 0..40 {
        hub.put(&format!("{n:02}-file"), &[&format!("{n}")], format!("bytes {n}").as_bytes());
    }
    hub.backup();
    for n in 0..40 {
        let path = hub.set_path().join(format!("data/files/{n}"));
        std::fs::write(&path, "other").unwrap();
    }
    let parts: Vec<usize> = (0..5).map(|part| check(&hub.set_path(), Some((5, part))).len() - 1).collect();
    assert_eq!(parts.iter().sum::<usize>(), 40);
    assert!(parts.iter().all(|found| (1..=20).contains(found)), "{parts:?}");
}

/// Writes the lists of a set again, so that they fit what is in it.
fn relist(set: &Path) {
    let all = files(set);
    let line = |path: &String| format!("{}  {path}\n", Digest::of(&std::fs::read(set.join(path)).unwrap()));
    let manifest: String = all.keys().filter(|path| path.starts_with("data/")).map(line).collect();
    std::fs::write(set.join("manifest-sha256.txt"), manifest).unwrap();
    let is_tag = |path: &&String| {
        ["README.txt", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "set.json"].contains(&path.as_str())
            || path.starts_with("runs/")
    };
    let tags: String = all.keys().filter(is_tag).map(line).collect();
    std::fs::write(set.join("tagmanifest-sha256.txt"), tags).unwrap();
}

/// What somebody does to a set.
type Attack<'a> = Box<dyn Fn(&Path) + 'a>;

/// Makes the list of the lists of a set fit to what its list of files is now.
fn list_again(set: &Path) {
    let tags = set.join("tagmanifest-sha256.txt");
    let digest = Digest::of(&std::fs::read(set.join("manifest-sha256.txt")).unwrap());
    let text = std::fs::read_to_string(&tags).unwrap();
    let lines: String = text
        .lines()
        .map(|line| {
            if line.ends_with("  manifest-sha256.txt") { format!("{digest}  manifest-sha256.txt\n") } else { format!("{line}\n") }
        })
        .collect();
    std::fs::write(&tags, lines).unwrap();
}

#[test]
#[allow(clippy::too_many_lines)]
fn hostile_sets_are_refused_and_nothing_outside_is_read() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let secret = Digest::of(b"secret");
    let line = |path: &str| format!("{secret}  {path}\n");
    let manifest = |text: String| {
        move |set: &Path| {
            let path = set.join("manifest-sha256.txt");
            let old = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, [text.clone(), old].concat()).unwrap();
            list_again(set);
        }
    };
    let write = |path: &'static str, text: &'static str| -> Attack<'_> {
        Box::new(move |set: &Path| std::fs::write(set.join(path), text).unwrap())
    };
    let attacks: Vec<(&str, Attack<'_>, &str)> = vec![
        ("climbing", Box::new(manifest(line("../secret"))), "path_refused"),
        ("absolute", Box::new(manifest(line("/etc/passwd"))), "path_refused"),
        ("inner climbing", Box::new(manifest(line("data/files/../../secret"))), "path_refused"),
        ("not beneath data", Box::new(manifest(line("data"))), "path_refused"),
        ("another room", Box::new(manifest(line("data/channel/x"))), "path_refused"),
        ("backslash", Box::new(manifest(line("data/Files\\x"))), "path_refused"),
        ("drive", Box::new(manifest(line("C:/x"))), "path_refused"),
        ("NUL", Box::new(manifest(line("data/\0"))), "path_refused"),
        ("mark", Box::new(manifest(line("data/Files/\u{202e}x"))), "path_refused"),
        ("long", Box::new(manifest(line(&format!("data/{}", "a/".repeat(250))))), "path_refused"),
        ("longer than a line", Box::new(manifest(line(&"x".repeat(5000)))), "set_refused"),
        (
            "upper-case digest",
            Box::new(manifest(line("data/files/A").replace(&secret.to_string(), &secret.to_string().to_uppercase()))),
            "set_refused",
        ),
        ("out of order", Box::new(manifest(line("data/files/z"))), "set_refused"),
        ("no digest", Box::new(manifest("data/files/A\n".into())), "set_refused"),
        ("fetch", write("fetch.txt", "http://127.0.0.1/ - data/files/x\n"), "set_refused"),
        ("md5", write("manifest-md5.txt", ""), "set_refused"),
        ("sha512", write("manifest-sha512.txt", ""), "set_refused"),
        ("other tags", write("tagmanifest-md5.txt", ""), "set_refused"),
        (
            "case twins",
            Box::new(|set: &Path| {
                std::fs::write(set.join("data/files/A"), "x").unwrap();
                relist(set);
            }),
            "set_refused",
        ),
        (
            "link to a file",
            Box::new(|set: &Path| {
                std::fs::remove_file(set.join("data/files/a")).unwrap();
                std::os::unix::fs::symlink(outside.path().join("secret"), set.join("data/files/a")).unwrap();
                relist(set);
            }),
            "file_damaged",
        ),
        (
            "link to a folder",
            Box::new(|set: &Path| {
                std::os::unix::fs::symlink(outside.path(), set.join("data/files/link")).unwrap();
            }),
            "file_extra",
        ),
        (
            "fifo",
            Box::new(|set: &Path| {
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                rustix::fs::mkfifoat(rustix::fs::CWD, set.join("data/files/fifo"), mode).unwrap();
            }),
            "file_extra",
        ),
        (
            "another hash",
            Box::new(|set: &Path| {
                let path = set.join("data/metadata/aa/aa-1.json");
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::write(path, text.replace("aa-1", "aa-2")).unwrap();
                relist(set);
            }),
            "metadata_wrong",
        ),
        (
            "part outside",
            Box::new(|set: &Path| {
                let path = set.join("data/metadata/aa/aa-1.json");
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::write(path, text.replace("data/files/a", "data/files/../../x")).unwrap();
                relist(set);
            }),
            "metadata_wrong",
        ),
        (
            "deep",
            Box::new(|set: &Path| {
                let path = set.join("data/metadata/aa/aa-1.json");
                let text = std::fs::read_to_string(&path).unwrap();
                std::fs::write(
                    path,
                    text.replace("\"item\":[]", &format!("\"item\":[{}1{}]", "[".repeat(100_000), "]".repeat(100_000))),
                )
                .unwrap();
                relist(set);
            }),
            "metadata_wrong",
        ),
        (
            "huge",
            Box::new(|set: &Path| {
                std::fs::write(set.join("data/metadata/aa/aa-1.json"), vec![b' '; 5 << 20]).unwrap();
                relist(set);
            }),
            "metadata_wrong",
        ),
    ];
    for (name, attack, expected) in attacks {
        let mut hub = Hub::unsigned();
        hub.put("aa-1", &["a"], b"one");
        hub.backup();
        attack(&hub.set_path());
        let found = hub.check();
        assert!(found.iter().any(|one| one.code.name() == expected), "{name}: {:?}", shown(&found));
        assert!(!shown(&found).concat().contains("secret\""), "{name}");
        if expected.ends_with("refused") && !["fetch", "md5", "sha512", "other tags", "case twins"].contains(&name) {
            let options = ContentsOptions {
                at: None,
                older: true,
                scratch: hub.folder.path().join("scratch"),
                limits: SetLimits::default(),
            };
            assert_eq!(
                Contents::open(&hub.set_path(), options).err().map(|error| error.kind()),
                Some(ErrorKind::Corrupt),
                "{name}"
            );
            let mut set = hub.open().unwrap();
            let outcome = hub.run_in(&mut set);
            assert_eq!(outcome.err().map(|error| error.kind()), Some(ErrorKind::Corrupt), "{name}");
        }
    }
}

#[test]
fn what_set_json_says_is_not_taken_on_trust() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.backup();
    let whole = std::fs::read_to_string(hub.set_path().join("set.json")).unwrap();
    for (name, text, expected) in [
        ("nothing", "{}".to_owned(), "metadata_wrong set.json"),
        ("not JSON", "{".to_owned(), "metadata_wrong set.json"),
        ("a format that is a text", whole.replace("\"filesync_set\": 1", "\"filesync_set\": \"1\""), "metadata_wrong set.json"),
        ("a run of another form", whole.replace("\"run\": \"", "\"run\": \"x"), "metadata_wrong set.json"),
        ("no key", whole.replace("BEGIN RSA PUBLIC", "BEGIN"), "signature_wrong channel-signature.json"),
    ] {
        assert_ne!(text, whole, "{name}");
        std::fs::write(hub.set_path().join("set.json"), text).unwrap();
        relist(&hub.set_path());
        assert_eq!(shown(&hub.check()), [expected], "{name}");
    }
}

#[test]
fn a_set_that_changes_while_it_is_checked_is_said_to_be_busy() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.backup();
    let scratch = tempfile::tempdir().unwrap();
    let open = || {
        let options = CheckOptions {
            sample: None,
            public_key: None,
            bytes_per_second: None,
            scratch: scratch.path().to_owned(),
            limits: SetLimits::default(),
        };
        Check::open(&hub.set_path(), options).unwrap()
    };
    let end = |mut check: Check| loop {
        match check.step(Duration::from_millis(50)) {
            Ok(_) if check.is_done() => break None,
            Ok(_) => {}
            Err(error) => break Some(error.kind()),
        }
    };
    // A run that only begins changes no name.
    let check = open();
    let mut set = hub.open().unwrap();
    hub.now.set(hub.now.get() + 86_400);
    hub.fill(&mut set).unwrap();
    assert_eq!(end(check), None);
    let check = open();
    set.commit(None).unwrap();
    drop(set);
    assert_eq!(end(check), Some(ErrorKind::PeerBusy));
    assert_eq!(end(open()), None);
    // A commit that stands still half-way, and is finished meanwhile.
    let plan = format!("{}\n", json!({ "phase": "lists", "from": ".partial/lists/README.txt", "to": "README.txt" }));
    std::fs::create_dir_all(hub.set_path().join(".partial")).unwrap();
    std::fs::write(hub.set_path().join(".partial/plan.jsonl"), &plan).unwrap();
    let journal = json!({ "filesync_set": 1, "run": "2026-11-28T031500Z", "state": "lists", "plan_sha256": Digest::of(plan.as_bytes()).to_string() });
    let check = open();
    std::fs::write(hub.set_path().join("run.json.partial"), journal.to_string()).unwrap();
    assert_eq!(end(check), Some(ErrorKind::PeerBusy));
    let check = open();
    assert_eq!(end(open()), None);
    hub.open().unwrap().complete().unwrap();
    assert_eq!(end(check), Some(ErrorKind::PeerBusy));
}

#[test]
fn a_set_may_be_the_top_of_a_disk() {
    let mut hub = Hub::new();
    small(&mut hub);
    std::fs::create_dir(hub.set_path().join("lost+found")).unwrap();
    hub.backup();
    assert_eq!(shown(&hub.check()), [""; 0]);
}

#[test]
fn what_set_json_would_not_be_read_again_with_is_refused_before_anything_changes() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.backup();
    let before = hub.tree();
    let mut about: Value = serde_json::from_str(&hub.about()).unwrap();
    about["lacks"] =
        (0..30_000).map(|n| json!({ "what": "file", "why": "no_bytes", "words": "x".repeat(60), "hash": n })).collect();
    assert!(about.to_string().len() < hub.limits.metadata_bytes, "short enough as it is given");
    hub.now.set(hub.now.get() + 86_400);
    let mut set = hub.open().unwrap();
    set.begin(&hub.spec()).unwrap();
    for hash in hub.files.keys() {
        hub.add(&mut set, hash).unwrap();
    }
    assert_eq!(set.prepare(&about.to_string(), true).unwrap_err().kind(), ErrorKind::LimitExceeded);
    set.abandon().unwrap();
    drop(set);
    assert_eq!(hub.tree(), before);
}

#[test]
fn a_hostile_journal_moves_nothing_outside() {
    let mut hub = Hub::unsigned();
    hub.put("aa-1", &["a"], b"one");
    hub.backup();
    std::fs::write(hub.folder.path().join("victim"), "victim").unwrap();
    for (from, to) in [
        ("../victim", "data/files/x"),
        ("data/files/a", "../stolen"),
        ("data/files/a", "/tmp/stolen"),
        (".lock", "data/files/x"),
        ("data/files/a", ".partial/../../x"),
    ] {
        let plan = format!("{}\n", json!({ "phase": "out", "from": from, "to": to }));
        std::fs::create_dir_all(hub.set_path().join(".partial")).unwrap();
        std::fs::write(hub.set_path().join(".partial/plan.jsonl"), &plan).unwrap();
        let journal = json!({ "filesync_set": 1, "run": "2026-11-28T031500Z", "state": "out", "plan_sha256": Digest::of(plan.as_bytes()).to_string() });
        std::fs::write(hub.set_path().join("run.json.partial"), journal.to_string()).unwrap();
        assert_eq!(hub.open().unwrap().complete().unwrap_err().kind(), ErrorKind::Corrupt, "{from} {to}");
        assert!(hub.set_path().join("data/files/a").exists() && hub.folder.path().join("victim").exists());
    }
    for steps in [
        [("data/files/a", "data/files/x"), ("data/metadata/aa/aa-1.json", "data/files/x")],
        [("data/files/a", "data/files/y"), ("data/metadata/aa/aa-1.json", "data/files/x")],
    ] {
        let lines = steps.map(|(from, to)| format!("{}\n", json!({ "phase": "in", "from": from, "to": to })));
        let plan = lines.concat();
        std::fs::write(hub.set_path().join(".partial/plan.jsonl"), &plan).unwrap();
        let journal = json!({ "filesync_set": 1, "run": "2026-11-28T031500Z", "state": "out", "plan_sha256": Digest::of(plan.as_bytes()).to_string() });
        std::fs::write(hub.set_path().join("run.json.partial"), journal.to_string()).unwrap();
        assert_eq!(hub.open().unwrap().complete().unwrap_err().kind(), ErrorKind::Corrupt, "{steps:?}");
        assert!(hub.set_path().join("data/files/a").exists(), "{steps:?}");
        let scratch = hub.folder.path().join("scratch");
        let options =
            CheckOptions { sample: None, public_key: None, bytes_per_second: None, scratch, limits: hub.limits.clone() };
        assert_eq!(Check::open(&hub.set_path(), options).err().map(|error| error.kind()), Some(ErrorKind::Corrupt), "{steps:?}");
    }
    for journal in [
        "",
        "{}",
        r#"{"filesync_set":1,"run":"x","state":"out"}"#,
        r#"{"filesync_set":1,"run":"2026-11-28T031500Z","state":"out"}"#,
        r#"{"filesync_set":1,"run":"2026-11-28T031500Z","state":"else"}"#,
    ] {
        std::fs::write(hub.set_path().join("run.json.partial"), journal).unwrap();
        assert!(hub.open().is_ok_and(|mut set| set.complete().is_err()), "{journal}");
    }
}

#[test]
fn metadata_is_bounded_and_only_files_have_bytes() {
    let mut hub = Hub::unsigned();
    hub.folder("aa-1", &["a"]);
    let mut set = hub.open().unwrap();
    assert_eq!(hub.add(&mut set, "aa-1").unwrap_err().kind(), ErrorKind::InvalidInput, "no run");
    set.begin(&hub.spec()).unwrap();
    hub.files.get_mut("aa-1").unwrap().has_bytes = true;
    assert_eq!(hub.add(&mut set, "aa-1").unwrap_err().kind(), ErrorKind::InvalidInput, "bytes of a folder");
    hub.put("bb-2", &["b"], b"x");
    std::fs::remove_file(hub.store_path("bb-2")).unwrap();
    assert_eq!(hub.add(&mut set, "bb-2").unwrap_err().kind(), ErrorKind::NotFound);
    hub.put("cc-3", &["c"], b"x");
    hub.files.get_mut("cc-3").unwrap().posts = vec![json!(1); 10_001];
    assert_eq!(hub.add(&mut set, "cc-3").unwrap_err().kind(), ErrorKind::LimitExceeded);
    hub.limits.disk_headroom_bytes = u64::MAX;
    drop(set);
    let mut set = hub.open().unwrap();
    set.begin(&hub.spec()).unwrap();
    hub.put("dd-4", &["d"], b"x");
    let error = hub.add(&mut set, "dd-4").unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("disk_short")), (ErrorKind::Storage, true));
    assert_eq!(set.step(Duration::from_millis(1)).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(set.commit(None).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(set.checkpoint(&"x".repeat(4097)).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_large_file_is_copied_step_by_step_with_and_without_shared_blocks() {
    for clones in [true, false] {
        let mut hub = Hub::unsigned();
        hub.clones = clones;
        hub.limits.small_file_bytes = 1000;
        let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        hub.put("aa-1", &["large"], &bytes);
        let mut set = hub.open().unwrap();
        set.begin(&hub.spec()).unwrap();
        let root = Root::open(&hub.folder.path().join("store")).unwrap();
        assert_eq!(set.add(&hub.metadata("aa-1"), &root, hub.bytes("aa-1")).unwrap(), None);
        assert_eq!(set.progress(), Some(("aa-1", 0, 12_000_000)));
        assert_eq!(set.prepare(&hub.about(), true).err().map(|error| error.kind()), Some(ErrorKind::InvalidInput));
        // It grows meanwhile: it is read again.
        std::fs::write(hub.store_path("aa-1"), b"short now").unwrap();
        let mut added = None;
        while added.is_none() {
            added = set.step(Duration::from_millis(1)).unwrap();
        }
        assert_eq!(added.unwrap().sha256, Some(Digest::of(b"short now")));
        set.prepare(&hub.about(), true).unwrap();
        set.commit(None).unwrap();
        sums(&hub.set_path()).unwrap();
    }
}

#[test]
fn a_codes_word_is_its_own() {
    use FindingCode::*;
    let all = [
        FileDamaged,
        FileMissing,
        FileMoved,
        FileExtra,
        ListDamaged,
        MetadataWrong,
        SignatureWrong,
        Unsigned,
        PathRefused,
        SetRefused,
    ];
    assert_eq!(all.map(FindingCode::name).into_iter().collect::<BTreeSet<_>>().len(), all.len());
}

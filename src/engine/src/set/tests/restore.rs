//! A set is read back: every file whose bytes are whole comes out, nothing else does, and hostile sets give nothing.

use super::*;
use crate::set::restore::{Proof, Restore, RestoreEntry, RestoreOptions, SignedBy, Staged};

impl Hub {
    pub(super) fn restore_options(&self) -> RestoreOptions {
        let public_key = self.key.as_ref().map(|(_, public)| crate::signature::PublicKey::from_pem(public).unwrap());
        RestoreOptions {
            public_key,
            may_clone: true,
            at: None,
            bytes_per_second: None,
            by_digest: None,
            scratch: self.folder.path().join("scratch"),
            limits: SetLimits { small_file_bytes: 4, ..self.limits.clone() },
        }
    }

    fn restore_with(&self, public_key: Option<&str>, clones: bool) -> Result<Restore> {
        let public_key = public_key.map(|pem| crate::signature::PublicKey::from_pem(pem).unwrap());
        Restore::open(&self.set_path(), RestoreOptions { public_key, may_clone: clones, ..self.restore_options() })
    }

    pub(super) fn restore(&self) -> Restore {
        Restore::open(&self.set_path(), self.restore_options()).unwrap()
    }

    fn restore_at(&self, at: &str) -> Restore {
        Restore::open(&self.set_path(), RestoreOptions { at: Some(at.to_owned()), ..self.restore_options() }).unwrap()
    }

    fn target(&self) -> PathBuf {
        let target = self.folder.path().join("target");
        let _ = std::fs::remove_dir_all(&target);
        std::fs::create_dir(&target).unwrap();
        target
    }
}

fn stage(restore: &mut Restore, hash: &str, scale: u8, target: &Path, name: &str) -> Result<Staged> {
    let root = Root::open(target).unwrap();
    let mut staged = restore.stage(hash, scale, &root, &RelativePath::parse(name).unwrap())?;
    while staged.is_none() {
        staged = restore.step(Duration::from_millis(1))?;
    }
    Ok(staged.unwrap())
}

/// Reads a whole set: the entries, and the bytes of each part that can be had, by hash and scale.
fn taken(restore: &mut Restore, target: &Path) -> (Vec<RestoreEntry>, BTreeMap<String, Vec<u8>>) {
    let (mut entries, mut bytes) = (Vec::new(), BTreeMap::new());
    loop {
        let some = restore.next(2).unwrap();
        if some.is_empty() {
            return (entries, bytes);
        }
        for entry in &some {
            for part in &entry.parts {
                let name = format!("{}-{}", entry.hash, part.scale);
                match stage(restore, &entry.hash, part.scale, target, &name) {
                    Ok(staged) => {
                        let read = std::fs::read(target.join(&name)).unwrap();
                        assert_eq!((staged.size_bytes, staged.sha256), (read.len() as u64, Digest::of(&read)));
                        bytes.insert(name, read);
                    }
                    Err(error) => {
                        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound), "{error}");
                        assert!(!target.join(&name).exists(), "{name} was left");
                    }
                }
            }
        }
        entries.extend(some);
    }
}

fn with_crops(hub: &mut Hub) {
    small(hub);
    hub.put("ee-5", &["photo.png"], b"a photo of more than four bytes");
    hub.write("ee-5-4", b"crop 4");
    hub.write("ee-5-7", b"crop 7");
    hub.files.get_mut("ee-5").unwrap().crops = vec![4, 7];
}

#[test]
fn small_files_keep_to_the_rate_too() {
    let mut hub = Hub::new();
    small(&mut hub);
    for number in 0..3 {
        hub.put(&format!("ee-{number}"), &[&format!("{number}.bin")], &vec![number; 100_000]);
    }
    hub.backup();
    let limits = SetLimits { small_file_bytes: 1 << 20, ..hub.limits.clone() };
    let options = RestoreOptions {
        may_clone: false,
        bytes_per_second: std::num::NonZeroU64::new(1_000_000),
        limits,
        ..hub.restore_options()
    };
    let mut restore = Restore::open(&hub.set_path(), options).unwrap();
    let begun = std::time::Instant::now();
    let (_, bytes) = taken(&mut restore, &hub.target());
    assert_eq!(bytes.values().filter(|bytes| bytes.len() == 100_000).count(), 3);
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[test]
fn everything_comes_back_and_is_proven_by_the_signature() {
    let mut hub = Hub::new();
    with_crops(&mut hub);
    hub.backup();
    let before = hub.tree();
    for clones in [true, false] {
        let target = hub.target();
        let mut restore = hub.restore_with(hub.key.as_ref().map(|(_, public)| public.as_str()), clones).unwrap();
        let facts = restore.facts().clone();
        assert_eq!((facts.signed_by, facts.is_list_whole, facts.refused), (SignedBy::Channel, true, None));
        let (entries, bytes) = taken(&mut restore, &target);
        assert_eq!(
            entries.iter().map(|one| (one.hash.as_str(), one.kind.as_str(), one.proof)).collect::<Vec<_>>(),
            ["aa-1", "bb-2", "cc-3", "dd-4", "ee-5", "f-2024"]
                .map(|hash| { (hash, if hash == "f-2024" { "folder" } else { "file" }, Proof::Listed) })
        );
        let metadata: Value = serde_json::from_str(entries[0].metadata.as_ref().unwrap()).unwrap();
        assert_eq!(metadata, serde_json::from_str::<Value>(&hub.metadata("aa-1")).unwrap());
        assert_eq!(entries[0].posts, 2);
        let expected: BTreeMap<String, Vec<u8>> = [
            ("aa-1-0", "cat"),
            ("bb-2-0", "dog"),
            ("cc-3-0", "talk"),
            ("dd-4-0", ""),
            ("ee-5-0", "a photo of more than four bytes"),
            ("ee-5-4", "crop 4"),
            ("ee-5-7", "crop 7"),
        ]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
        .into();
        assert_eq!(bytes, expected);
    }
    assert_eq!(hub.tree(), before, "nothing is written in the set");
}

#[test]
fn a_set_whose_files_are_named_by_their_digests_is_read_without_any_path() {
    let mut hub = Hub::new();
    with_crops(&mut hub);
    // Too large for its metadata file.
    hub.limits.inline_crop_bytes = 8;
    hub.backup();
    let (_, expected) = taken(&mut hub.restore(), &hub.target());
    let data = hub.set_path().join("data");
    let by_digest = hub.set_path().join("by-digest");
    for folder in ["files", "metadata", "parts"] {
        let mut folders = vec![data.join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = Digest::of(&std::fs::read(&path).unwrap()).to_string();
                    std::fs::create_dir_all(by_digest.join(&name[..2])).unwrap();
                    std::fs::rename(path, by_digest.join(&name[..2]).join(name)).unwrap();
                }
            }
        }
        let _ = std::fs::remove_dir_all(data.join(folder));
    }
    std::fs::rename(by_digest, data.join("by-digest")).unwrap();
    let options = || RestoreOptions { by_digest: Some(RelativePath::parse("data/by-digest").unwrap()), ..hub.restore_options() };
    let mut restore = Restore::open(&hub.set_path(), options()).unwrap();
    assert_eq!((restore.facts().signed_by, restore.facts().is_list_whole), (SignedBy::Channel, true));
    let (entries, bytes) = taken(&mut restore, &hub.target());
    assert_eq!(bytes, expected);
    assert!(entries.iter().all(|entry| entry.proof == Proof::Listed), "{entries:?}");
    assert!(entries.iter().flat_map(|entry| &entry.parts).all(|part| part.is_there && part.is_found));

    // Bytes under a name that is not their digest are damage of the file, and what is missing is missing.
    let place = |bytes: &[u8]| {
        let name = Digest::of(bytes).to_string();
        data.join("by-digest").join(&name[..2]).join(name)
    };
    std::fs::write(place(b"cat"), "dog").unwrap();
    std::fs::remove_file(place(b"talk")).unwrap();
    let mut restore = Restore::open(&hub.set_path(), options()).unwrap();
    let (entries, bytes) = taken(&mut restore, &hub.target());
    assert!(!bytes.contains_key("aa-1-0") && !bytes.contains_key("cc-3-0") && bytes.contains_key("bb-2-0"));
    let found = |hash: &str| entries.iter().find(|entry| entry.hash == hash).unwrap().parts[0].is_found;
    assert_eq!((found("aa-1"), found("cc-3"), found("bb-2")), (true, false, true));
}

#[test]
fn only_the_given_key_proves_a_set() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.backup();
    let (_, other) = fresh_key();
    let signed_by = |key: Option<&str>| hub.restore_with(key, true).unwrap().facts().signed_by;
    assert_eq!(signed_by(Some(&public_pem(&other))), SignedBy::Other);
    assert_eq!(signed_by(None), SignedBy::Other, "the key in the set proves nothing");
    let path = hub.set_path().join("manifest-sha256.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("cat.jpg", "cat.jpx", 1)).unwrap();
    let facts = hub.restore().facts().clone();
    assert_eq!((facts.signed_by, facts.is_list_whole), (SignedBy::Other, false));
    let mut unsigned = Hub::unsigned();
    small(&mut unsigned);
    unsigned.backup();
    assert_eq!(unsigned.restore().facts().signed_by, SignedBy::Nobody);
}

#[test]
fn a_metadata_file_that_is_not_the_listed_one_is_told_from_the_others() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.backup();
    let path = hub.set_path().join("data/metadata/bb/bb-2.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("2024-05-03", "2024-05-04")).unwrap();
    std::fs::write(hub.set_path().join("data/metadata/zz/zz-9.json"), "x")
        .or_else(|_| {
            std::fs::create_dir(hub.set_path().join("data/metadata/zz"))?;
            std::fs::write(hub.set_path().join("data/metadata/zz/zz-9.json"), text.replace("bb-2", "zz-9"))
        })
        .unwrap();
    let (entries, bytes) = taken(&mut hub.restore(), &hub.target());
    let proofs: Vec<_> = entries.iter().map(|one| (one.hash.as_str(), one.proof)).collect();
    assert_eq!(
        proofs,
        [
            ("aa-1", Proof::Listed),
            ("bb-2", Proof::Unlisted),
            ("cc-3", Proof::Listed),
            ("dd-4", Proof::Listed),
            ("f-2024", Proof::Listed),
            ("zz-9", Proof::Extra)
        ]
    );
    assert_eq!(bytes.get("bb-2-0").map(Vec::as_slice), Some(b"dog".as_slice()));
}

#[test]
fn damage_costs_what_it_hits() {
    let mut hub = Hub::new();
    with_crops(&mut hub);
    hub.backup();
    let set = hub.set_path();
    let whole = hub.tree();
    let (_, expected) = taken(&mut hub.restore(), &hub.target());
    let mut numbers = Numbers(362_436_069_987_654_321);
    let paths: Vec<String> =
        whole.keys().filter(|path| !path.starts_with("runs/") && path.as_str() != "README.txt").cloned().collect();
    for n in 0..150 {
        let path = &paths[numbers.below(paths.len())];
        let mut bytes = whole[path].clone();
        match n % 4 {
            _ if bytes.is_empty() => continue,
            0 => std::fs::remove_file(set.join(path)).unwrap(),
            1 => std::fs::write(set.join(path), &bytes[..numbers.below(bytes.len())]).unwrap(),
            _ => {
                let at = numbers.below(bytes.len());
                bytes[at] ^= 1 << numbers.below(8);
                std::fs::write(set.join(path), bytes).unwrap();
            }
        }
        let target = hub.target();
        let opened = hub.restore_with(hub.key.as_ref().map(|(_, public)| public.as_str()), true);
        // A damaged `set.json` may look like a newer one, or like none.
        let Ok(mut restore) = opened else {
            assert!(["set.json", "manifest-sha256.txt", "tagmanifest-sha256.txt"].contains(&path.as_str()), "{path}");
            std::fs::write(set.join(path), &whole[path]).unwrap();
            continue;
        };
        let damaged_a_list = !path.starts_with("data/");
        assert!(restore.facts().refused.is_none(), "{path}: {:?}", restore.facts().refused);
        let (entries, got) = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| taken(&mut restore, &target))) {
            Ok(taken) => taken,
            // A path in a metadata file that was damaged so that it climbs: the set is refused, as a hostile one.
            Err(_) if path.starts_with("data/metadata/") => {
                std::fs::write(set.join(path), &whole[path]).unwrap();
                continue;
            }
            Err(error) => std::panic::resume_unwind(error),
        };
        for (name, bytes) in &expected {
            let hash = name.rsplit_once('-').unwrap().0;
            let is_hit = path.contains(hash) || path.starts_with("data/files/");
            match got.get(name) {
                Some(read) => assert_eq!(read, bytes, "{name} after damage of {path}"),
                None => assert!(is_hit, "{name} is missing after damage of {path}"),
            }
        }
        let missing = expected.keys().filter(|name| !got.contains_key(*name)).count();
        assert!(missing <= 3 && (!damaged_a_list || missing == 0), "{missing} are missing after damage of {path}");
        for entry in entries {
            let is_its_own = path.contains(&entry.hash) && path.starts_with("data/metadata/");
            if is_its_own || path.starts_with("manifest") || path.starts_with("tagmanifest") {
                assert_ne!(entry.proof, Proof::Listed, "{path}");
            }
        }
        std::fs::write(set.join(path), &whole[path]).unwrap();
    }
}

#[test]
fn hostile_sets_give_nothing() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let metadata = |from: &'static str, to: String| -> Attack<'_> {
        Box::new(move |set: &Path| {
            let path = set.join("data/metadata/aa/aa-1.json");
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{from}: {text}");
            std::fs::write(path, text.replace(from, &to)).unwrap();
            relist(set);
        })
    };
    let listed = |path: &'static str| -> Attack<'_> {
        Box::new(move |set: &Path| {
            let list = set.join("manifest-sha256.txt");
            let mut lines: Vec<String> = std::fs::read_to_string(&list).unwrap().lines().map(str::to_owned).collect();
            lines.push(format!("{}  {path}", Digest::of(b"x")));
            lines.sort_by(|one, other| one[66..].cmp(&other[66..]));
            std::fs::write(&list, lines.join("\n") + "\n").unwrap();
            list_again(set);
        })
    };
    let write = |path: &'static str| -> Attack<'_> { Box::new(move |set: &Path| std::fs::write(set.join(path), "x").unwrap()) };
    let mut attacks: Vec<(String, Attack<'_>, &str)> = vec![
        ("fetch".into(), write("fetch.txt"), "set_refused"),
        ("md5".into(), write("manifest-md5.txt"), "set_refused"),
        ("sha512".into(), write("tagmanifest-sha512.txt"), "set_refused"),
        ("another hash".into(), metadata("aa-1", "aa-2".into()), "set_refused"),
        ("twins".into(), listed("data/files/A"), "set_refused"),
        ("twin hashes".into(), listed("data/metadata/aa/AA-1.json"), "set_refused"),
    ];
    for path in ["../x", "data/../x", "data/files/../../x", "data/files/a\\b", "data/files/C:", "data/x", "data/files/\u{202e}x"]
    {
        attacks.push((format!("a part {path:?}"), metadata("data/files/a", path.replace('\\', "\\\\")), "path_refused"));
        attacks.push((format!("a line {path:?}"), listed(path), "path_refused"));
    }
    attacks.push((
        "an absolute part".into(),
        metadata("data/files/a", outside.path().join("secret").to_str().unwrap().into()),
        "path_refused",
    ));
    for (name, attack, expected) in attacks {
        let mut hub = Hub::unsigned();
        hub.put("aa-1", &["a"], b"secret");
        hub.backup();
        attack(&hub.set_path());
        let target = hub.target();
        let mut restore = hub.restore();
        let code = if let Some(refused) = restore.facts().refused.clone() {
            refused.code.name().to_owned()
        } else {
            let error = loop {
                match restore.next(1) {
                    Ok(some) => assert!(!some.is_empty(), "{name} was not refused"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Refused, "{name}: {error}");
            error.facts().find(|(key, _)| *key == "code").unwrap().1.to_owned()
        };
        assert_eq!(code, expected, "{name}");
        assert_eq!(restore.next(10).unwrap_or_default().len(), 0, "{name}");
        assert_eq!(std::fs::read_dir(target).unwrap().count(), 0, "{name}");
    }
}

/// What somebody does to a hub's set.
type Deed<'a> = Box<dyn Fn(&Hub) + 'a>;

#[test]
fn links_pipes_and_bytes_that_lie_are_never_taken() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let place = |hub: &Hub| hub.set_path().join("data/files/a");
    let attacks: Vec<(&str, Deed<'_>)> = vec![
        (
            "a link",
            Box::new(|hub| {
                std::fs::remove_file(place(hub)).unwrap();
                std::os::unix::fs::symlink(outside.path().join("secret"), place(hub)).unwrap();
            }),
        ),
        (
            "a pipe",
            Box::new(|hub| {
                std::fs::remove_file(place(hub)).unwrap();
                rustix::fs::mkfifoat(rustix::fs::CWD, place(hub), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
            }),
        ),
        (
            "a folder",
            Box::new(|hub| {
                std::fs::remove_file(place(hub)).unwrap();
                std::fs::create_dir(place(hub)).unwrap();
            }),
        ),
        (
            "a linked folder",
            Box::new(|hub| {
                std::fs::remove_dir_all(hub.set_path().join("data/files")).unwrap();
                std::os::unix::fs::symlink(outside.path(), hub.set_path().join("data/files")).unwrap();
            }),
        ),
        ("other bytes", Box::new(|hub| std::fs::write(place(hub), "secreT").unwrap())),
        ("more bytes", Box::new(|hub| std::fs::write(place(hub), vec![b'x'; 9 << 20]).unwrap())),
    ];
    for (name, attack) in attacks {
        let mut hub = Hub::unsigned();
        hub.put("aa-1", &["a"], b"secret");
        hub.backup();
        attack(&hub);
        let target = hub.target();
        let (_, bytes) = taken(&mut hub.restore(), &target);
        assert!(bytes.is_empty(), "{name}: {bytes:?}");
        assert_eq!(std::fs::read_dir(target).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn nothing_is_written_over_and_a_copy_that_is_given_up_goes() {
    let mut hub = Hub::unsigned();
    hub.put("aa-1", &["a"], &vec![7; 3 << 20]);
    hub.clones = false;
    hub.backup();
    let target = hub.target();
    std::fs::write(target.join("taken"), "mine").unwrap();
    let mut restore = hub.restore_with(None, false).unwrap();
    restore.next(10).unwrap();
    let root = Root::open(&target).unwrap();
    let path = |name: &str| RelativePath::parse(name).unwrap();
    let error = restore.stage("aa-1", 0, &root, &path("taken")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(std::fs::read(target.join("taken")).unwrap(), b"mine");
    assert!(restore.stage("aa-1", 0, &root, &path("new")).unwrap().is_none());
    assert!(restore.next(1).is_err() && restore.stage("aa-1", 0, &root, &path("other")).is_err(), "one after the other");
    restore.abandon();
    assert!(!target.join("new").exists());
    assert!(restore.stage("bb-2", 0, &root, &path("new")).is_err() && restore.stage("aa-1", 4, &root, &path("new")).is_err());
}

/// What is true of a hub: bytes by hash and scale, and metadata by hash.
type State = (BTreeMap<String, Vec<u8>>, BTreeMap<String, Value>);

fn state_of(hub: &Hub) -> State {
    let (mut bytes, mut metadata) = (BTreeMap::new(), BTreeMap::new());
    for (hash, file) in &hub.files {
        metadata.insert(hash.clone(), serde_json::from_str(&hub.metadata(hash)).unwrap());
        if file.has_bytes {
            bytes.insert(format!("{hash}-0"), std::fs::read(hub.store_path(hash)).unwrap());
        }
        for scale in &file.crops {
            bytes.insert(format!("{hash}-{scale}"), std::fs::read(hub.store_path(&format!("{hash}-{scale}"))).unwrap());
        }
    }
    (bytes, metadata)
}

/// Reads a set, all of which must be proven and there.
fn state_in(restore: &mut Restore, target: &Path) -> State {
    let (entries, bytes) = taken(restore, target);
    let mut metadata = BTreeMap::new();
    for entry in entries {
        assert_eq!(entry.proof, Proof::Listed, "{entry:?}");
        assert!(entry.parts.iter().all(|part| part.is_there), "{entry:?}");
        metadata.insert(entry.hash, serde_json::from_str(&entry.metadata.unwrap()).unwrap());
    }
    (bytes, metadata)
}

/// Five days of a hub, each of which does all that can be done to files; returns what was true after each.
fn five_days(hub: &mut Hub) -> Vec<State> {
    with_crops(hub);
    hub.put("ff-6", &["left"], b"left");
    hub.put("ff-7", &["right"], b"right");
    let mut days = Vec::new();
    for day in 0..5 {
        match day {
            0 => {}
            1 => {
                hub.write("aa-1", b"another cat");
                hub.files.get_mut("bb-2").unwrap().names = vec!["2025".into(), "dog.jpg".into()];
                hub.files.get_mut("ff-6").unwrap().names = vec!["right".into()];
                hub.files.get_mut("ff-7").unwrap().names = vec!["left".into()];
                hub.write("ee-5-4", b"another crop 4");
            }
            2 => {
                hub.files.remove("cc-3");
                hub.put("gg-8", &["2024", "cat.jpg.d", "new"], b"new");
                hub.files.get_mut("aa-1").unwrap().posts.push(json!({ "body": "third" }));
                hub.write("ee-5", b"another photo of more than four bytes");
            }
            3 => {
                // What was removed comes back, what was replaced has its first bytes again, a name is used again.
                hub.put("cc-3", &["talk.pdf"], b"talk again");
                hub.write("aa-1", b"cat");
                hub.files.get_mut("dd-4").unwrap().names = vec!["2024".into(), "nothing".into()];
                hub.put("hh-9", &["empty"], b"no longer empty");
                hub.files.get_mut("ee-5").unwrap().crops = vec![7];
                hub.files.remove("f-2024");
            }
            _ => {
                for hash in ["ff-6", "gg-8", "bb-2"] {
                    hub.files.remove(hash);
                }
                hub.write("cc-3", b"talk");
            }
        }
        hub.backup();
        days.push(state_of(hub));
    }
    days
}

#[test]
fn a_set_is_read_as_it_was_after_each_of_five_runs() {
    let mut hub = Hub::new();
    let days = five_days(&mut hub);
    assert_eq!(shown(&hub.check()), [""; 0]);
    let first = START + 86_400;
    let time = |seconds: i64| {
        // 2026-11-28T03:15:00Z is the day before the first run.
        let (day, rest) = ((seconds - START) / 86_400, (seconds - START) % 86_400 + 11_700);
        format!(
            "2026-{}T{:02}:{:02}:{:02}Z",
            ["11-28", "11-29", "11-30", "12-01", "12-02", "12-03"][usize::try_from(day).unwrap()],
            rest / 3600,
            rest / 60 % 60,
            rest % 60
        )
    };
    for (day, expected) in days.iter().enumerate() {
        let begun = first + 86_400 * i64::try_from(day).unwrap();
        for at in [time(begun), time(begun + 3600)] {
            let mut restore = hub.restore_at(&at);
            assert_eq!(restore.facts().run.as_deref(), Some(time(begun).replace(':', "").as_str()), "{at}");
            assert_eq!(restore.facts().first_run.as_deref(), Some(time(first).replace(':', "").as_str()));
            assert_eq!(&state_in(&mut restore, &hub.target()), expected, "at {at}");
            // The list shows the same.
            let listed: Vec<_> = hub.list(Some(&at), false).into_iter().map(|one| one.hash).collect();
            assert_eq!(listed, expected.1.keys().cloned().collect::<Vec<_>>(), "at {at}");
        }
    }
    assert_eq!(&state_in(&mut hub.restore(), &hub.target()), &days[4]);
    let mut early = hub.restore_at("2026-11-29T03:14:59Z");
    assert_eq!(early.facts().run, None);
    assert_eq!(early.next(1).unwrap_err().kind(), ErrorKind::InvalidInput);
    let wrong = RestoreOptions { at: Some("2026-11-29".into()), ..hub.restore_options() };
    assert_eq!(Restore::open(&hub.set_path(), wrong).err().map(|error| error.kind()), Some(ErrorKind::InvalidInput));
}

#[test]
fn what_was_pruned_is_no_state_and_older_bytes_that_are_gone_are_missing() {
    let mut hub = Hub::new();
    let days = five_days(&mut hub);
    let older = hub.set_path().join("data/older/2026-12-01T031500Z");
    std::fs::remove_dir_all(older.join("files")).unwrap();
    let (entries, bytes) = taken(&mut hub.restore_at("2026-11-30T12:00:00Z"), &hub.target());
    let missing: Vec<&str> =
        entries.iter().filter(|entry| entry.parts.iter().any(|part| !part.is_found)).map(|entry| entry.hash.as_str()).collect();
    assert_eq!(missing, ["ee-5"], "the talk has its first bytes again later: by their digest they are there");
    for (name, bytes) in bytes {
        assert_eq!(days[1].0.get(&name), Some(&bytes), "{name}");
    }
    let mut hub = Hub::new();
    let days = five_days(&mut hub);
    let mut set = hub.open().unwrap();
    let pruned = set.prune(&PruneSpec { older_than: Some("2026-12-01T00:00:00Z".into()), ..PruneSpec::default() }).unwrap();
    set.commit(hub.sign(&pruned.message).as_deref()).unwrap();
    drop(set);
    assert_eq!(hub.restore_at("2026-11-30T12:00:00Z").facts().run, None, "of that day not everything is left");
    assert_eq!(&state_in(&mut hub.restore_at("2026-12-01T12:00:00Z"), &hub.target()), &days[2]);
}

#[test]
fn a_set_that_was_cut_off_is_read_as_it_will_be_and_is_not_touched() {
    let mut hub = Hub::unsigned();
    two_states(&mut hub);
    let start = tempfile::tempdir().unwrap();
    let saved = start.path().join("set");
    copy(&hub.set_path(), &saved);
    let mut set = hub.open().unwrap();
    hub.run_in(&mut set).unwrap();
    let changes = set.tree.faults.changes.get();
    drop(set);
    let expected = state_in(&mut hub.restore(), &hub.target());
    assert_eq!(expected, state_of(&hub));
    let before = state_in(&mut hub.restore_at("2026-11-29T12:00:00Z"), &hub.target());
    assert!(before.0.contains_key("cc-3-0") && !expected.0.contains_key("cc-3-0"));
    let mut cut_off = 0;
    for killed_after in 0..changes {
        copy(&saved, &hub.set_path());
        let mut set = hub.open().unwrap();
        set.tree.faults.killed_after.set(Some(killed_after));
        hub.run_in(&mut set).unwrap_err();
        drop(set);
        if hub.look().condition != Condition::CutOff {
            continue;
        }
        cut_off += 1;
        let tree = hub.tree();
        let mut restore = hub.restore();
        assert!(restore.facts().is_cut_off);
        assert_eq!((restore.facts().is_list_whole, restore.facts().refused.clone()), (true, None));
        let list = restore.facts().list_sha256;
        assert_eq!(state_in(&mut restore, &hub.target()), expected, "killed after {killed_after}");
        assert_eq!(state_in(&mut hub.restore_at("2026-11-29T12:00:00Z"), &hub.target()), before, "killed after {killed_after}");
        assert_eq!(hub.tree(), tree, "nothing is written in the set");
        if cut_off % 4 != 0 {
            continue;
        }
        // Somebody finishes the run while it is read.
        let mut restore = hub.restore();
        hub.open().unwrap().complete().unwrap();
        let (entries, bytes) = taken(&mut restore, &hub.target());
        assert_eq!(bytes, expected.0, "killed after {killed_after}, and finished");
        assert!(entries.iter().all(|entry| entry.metadata.is_some()), "{entries:?}");
        assert_eq!(hub.restore().facts().list_sha256, list);
    }
    assert!(cut_off > 40, "{cut_off}");
}

#[test]
fn what_somebody_renamed_is_found_by_its_digest() {
    let mut hub = Hub::new();
    with_crops(&mut hub);
    // Several of one size.
    for n in 0..5 {
        hub.put(&format!("1{n}-same"), &["raw", &format!("{n}.raw")], format!("raw bytes {n}").as_bytes());
    }
    hub.limits.inline_crop_bytes = 0;
    hub.backup();
    hub.write("aa-1", b"another cat");
    hub.backup();
    let expected = state_in(&mut hub.restore(), &hub.target());
    let before = state_in(&mut hub.restore_at("2026-11-29T12:00:00Z"), &hub.target());
    let set = hub.set_path();
    let rename = |from: &str, to: &str| {
        std::fs::create_dir_all(set.join(to).parent().unwrap()).unwrap();
        std::fs::rename(set.join(from), set.join(to)).unwrap();
    };
    rename("data/files/2024", "data/files/My pictures/2024");
    rename("data/files/talk.pdf", "data/files/The talk: a summary?.pdf");
    for n in 0..5 {
        rename(&format!("data/files/raw/{n}.raw"), &format!("data/files/other/{}.raw", n + 7));
    }
    rename("data/parts/ee/ee-5-4.png", "data/files/crop.png");
    rename("data/older/2026-11-30T031500Z/files", "data/old files");
    // A file changed its name with another, and so did their metadata.
    rename("data/files/photo.png", "data/x");
    rename("data/files/other/7.raw", "data/files/photo.png");
    rename("data/x", "data/files/other/7.raw");
    rename("data/metadata/aa/aa-1.json", "data/x");
    rename("data/metadata/bb/bb-2.json", "data/metadata/aa/aa-1.json");
    rename("data/x", "data/metadata/bb/bb-2.json");
    rename("data/metadata/cc", "data/files/metadata");
    let tree = hub.tree();
    assert_eq!(state_in_any_order(&mut hub.restore(), &hub.target()), expected);
    assert_eq!(state_in_any_order(&mut hub.restore_at("2026-11-29T12:00:00Z"), &hub.target()), before);
    assert_eq!(hub.tree(), tree, "nothing is written in the set");
}

/// Reads a set, all of which must be proven and there, except what no list names.
fn state_in_any_order(restore: &mut Restore, target: &Path) -> State {
    let (entries, bytes) = taken(restore, target);
    let entries = entries.into_iter().filter(|entry| entry.proof != Proof::Extra);
    let metadata = entries.map(|entry| {
        assert_eq!(entry.proof, Proof::Listed, "{entry:?}");
        assert!(entry.parts.iter().all(|part| part.is_there), "{entry:?}");
        (entry.hash, serde_json::from_str(&entry.metadata.unwrap()).unwrap())
    });
    (bytes, metadata.collect())
}

#[test]
fn a_file_that_is_missing_is_not_found_in_others_of_its_size() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.put("ee-5", &["cow.jpg"], b"cow");
    hub.backup();
    std::fs::remove_file(hub.set_path().join("data/files/2024/cat.jpg")).unwrap();
    let (entries, bytes) = taken(&mut hub.restore(), &hub.target());
    let cat = entries.iter().find(|entry| entry.hash == "aa-1").unwrap();
    assert_eq!((cat.parts[0].is_there, cat.parts[0].is_found), (false, false));
    assert_eq!(bytes.len(), 4);
    assert!(!bytes.contains_key("aa-1-0"));
}

#[test]
fn bytes_are_good_if_their_own_metadata_or_the_list_says_so() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.put("ee-5", &["large"], &vec![7; 3 << 20]);
    hub.backup();
    let set = hub.set_path();
    let whole = hub.tree();
    let digest = |path: &str| Digest::of(&whole[path]).to_string();
    let metadata = "data/metadata/ee/ee-5.json";
    let cases: Vec<(&str, &str, String, String)> = vec![
        ("a wrong digest in the metadata", metadata, digest("data/files/large"), digest("set.json")),
        ("a wrong size", metadata, format!("\"size\":{}", 3 << 20), "\"size\":3".into()),
        ("a size that is too large", metadata, format!("\"size\":{}", 3 << 20), "\"size\":9145728".into()),
        ("another path", metadata, "data/files/large".into(), "data/files/larGe".into()),
        ("a path that no set may have", metadata, "data/files/large".into(), "data|files/large".into()),
        ("a wrong digest in the list", "manifest-sha256.txt", digest("data/files/large"), digest("set.json")),
        ("another path in the list", "manifest-sha256.txt", "data/files/large".into(), "data/files/larGe".into()),
    ];
    for (name, path, from, to) in cases {
        let text = String::from_utf8(whole[path].clone()).unwrap();
        assert!(text.contains(&from), "{name}");
        std::fs::write(set.join(path), text.replace(&from, &to)).unwrap();
        let mut restore = hub.restore();
        assert_eq!(restore.facts().refused, None, "{name}");
        let (entries, bytes) = taken(&mut restore, &hub.target());
        let entry = entries.iter().find(|entry| entry.hash == "ee-5").unwrap();
        if name.contains("no set may have") {
            assert_eq!(entry.proof, Proof::Damaged, "{name}");
        } else {
            assert_eq!(entry.proof, Proof::Unlisted, "{name}");
            assert!(bytes.get("ee-5-0").is_some_and(|bytes| *bytes == vec![7; 3 << 20]), "{name}");
            assert_eq!((entry.parts[0].is_there, entry.parts[0].size_bytes), (true, 3 << 20), "{name}");
        }
        assert_eq!(bytes.len(), if entry.proof == Proof::Damaged { 4 } else { 5 }, "{name}");
        std::fs::write(set.join(path), &whole[path]).unwrap();
    }
}

#[test]
fn a_plan_that_breaks_the_rules_refuses_the_set_and_a_damaged_one_does_not() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let step = |from: &str, to: &str| json!({ "phase": "in", "from": from, "to": to }).to_string() + "\n";
    let climbing = format!("../{}/secret", outside.path().file_name().unwrap().to_str().unwrap());
    for (name, plan, is_its_own, expected) in [
        ("climbing", step(&climbing, "data/files/a"), true, Some(ErrorKind::Refused)),
        ("to outside", step(".partial/new/a", "../a"), true, Some(ErrorKind::Refused)),
        ("absolute", step("/etc/passwd", "data/files/a"), true, Some(ErrorKind::Refused)),
        ("twice", step(".partial/x", "data/files/a") + &step(".partial/y", "data/files/a"), true, Some(ErrorKind::Refused)),
        ("not JSON", "x\n".to_owned(), true, Some(ErrorKind::Refused)),
        ("another plan", step(&climbing, "data/files/a"), false, None),
    ] {
        let mut hub = Hub::unsigned();
        hub.put("aa-1", &["a"], b"secret");
        hub.backup();
        let set = hub.set_path();
        std::fs::create_dir_all(set.join(".partial")).unwrap();
        std::fs::write(set.join(".partial/plan.jsonl"), &plan).unwrap();
        let digest = Digest::of(if is_its_own { plan.as_bytes() } else { b"x" });
        let journal = json!({ "filesync_set": 1, "run": "2026-11-30T031500Z", "state": "in", "plan_sha256": digest.to_string() });
        std::fs::write(set.join("run.json.partial"), journal.to_string()).unwrap();
        let opened = Restore::open(&set, hub.restore_options());
        assert_eq!(opened.as_ref().err().map(crate::error::Error::kind), expected, "{name}");
        if let Ok(mut restore) = opened {
            assert!(!restore.facts().is_cut_off && !restore.facts().findings.is_empty(), "{name}");
            let (_, bytes) = taken(&mut restore, &hub.target());
            assert_eq!(bytes.len(), 1, "it is read as if there were no journal");
        }
    }
}

#[test]
fn a_disk_that_does_not_give_one_file_costs_only_that_file() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.backup();
    for (path, lost) in [("data/files/talk.pdf", "cc-3-0"), ("data/metadata/bb/bb-2.json", "bb-2-0")] {
        let mut restore = hub.restore();
        *restore.tree.faults.unreadable.borrow_mut() = Some(path.to_owned());
        let (entries, bytes) = taken(&mut restore, &hub.target());
        assert_eq!((entries.len(), bytes.len(), bytes.contains_key(lost)), (5, 3, false), "{path}");
    }
}

#[test]
fn a_version_whose_time_was_damaged_is_named_and_not_taken_for_a_later_one() {
    let mut hub = Hub::new();
    small(&mut hub);
    hub.backup();
    let path = hub.set_path().join("data/metadata/bb/bb-2.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"seen\":\"2026-11-29"), "{text}");
    std::fs::write(&path, text.replace("\"seen\":\"2026-11-29", "\"seen\":\"2027-11-29")).unwrap();
    let (entries, bytes) = taken(&mut hub.restore_at("2026-11-29T12:00:00Z"), &hub.target());
    let damaged = entries.iter().find(|entry| entry.hash == "bb-2").unwrap();
    assert_eq!((damaged.proof, bytes.len()), (Proof::Damaged, 3));
}

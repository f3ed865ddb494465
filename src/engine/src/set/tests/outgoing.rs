//! A set is opened to be sent: what a hub needs of it, and where it is.

use std::os::unix::ffi::OsStrExt as _;

use super::*;
use crate::set::{self, Outgoing, Wanted, seek};

impl Hub {
    fn outgoing(&self) -> Result<Outgoing> {
        self.outgoing_part(set::Part::default())
    }

    fn outgoing_part(&self, part: set::Part) -> Result<Outgoing> {
        let now = self.now.get();
        let scratch = self.folder.path().join("scratch");
        Outgoing::open(&self.set_path(), &scratch, &self.surroundings(move || now), self.limits.clone(), part)
    }
}

fn three_files() -> Hub {
    let mut hub = Hub::unsigned();
    hub.put("aaaa-1", &["2024", "cat.jpg"], b"a cat");
    hub.put("bbbb-2", &["same.jpg"], b"a cat");
    hub.put("cccc-3", &["notes.txt"], b"some notes");
    hub.backup();
    hub
}

fn digests(set: &Outgoing) -> BTreeMap<String, Vec<String>> {
    let mut digests = set.digests().unwrap();
    std::iter::from_fn(|| digests.next().unwrap()).map(|(digest, paths)| (digest.to_string(), paths)).collect()
}

#[test]
fn every_file_is_named_once_by_its_digest_and_older_ones_are_not() {
    let mut hub = three_files();
    hub.put("cccc-3", &["notes.txt"], b"other notes");
    hub.backup();
    let set = hub.outgoing().unwrap();
    let digests = digests(&set);
    let paths = |bytes: &[u8]| digests.get(&Digest::of(bytes).to_string()).cloned().unwrap_or_default();
    assert_eq!(paths(b"a cat"), ["data/files/2024/cat.jpg", "data/files/same.jpg"]);
    assert_eq!((paths(b"other notes").len(), paths(b"some notes").len()), (1, 0));
    let listed: Vec<&str> = digests.values().flatten().map(String::as_str).collect();
    for name in ["tagmanifest-sha256.txt", "manifest-sha256.txt", "set.json", "README.txt"] {
        assert!(listed.contains(&name), "{name}");
    }
    assert_eq!(listed.iter().filter(|path| path.starts_with("data/metadata/")).count(), 3);
    assert!(listed.iter().all(|path| !path.starts_with("data/older/")));
    assert_eq!((set.format(), set.channel_hash()), (1, "channel-hash"));
    assert_eq!(set.proofs().keys().copied().collect::<Vec<_>>(), ["tagmanifest-sha256.txt"]);
    assert_eq!((set.size("set.json").unwrap().is_some(), set.size("data/files/gone").unwrap()), (true, None));
}

#[test]
fn of_a_part_only_its_bytes_are_needed_and_all_lists_and_metadata() {
    let hub = three_files();
    let names = vec!["2024".to_owned()];
    let set = hub.outgoing_part(set::Part { names, at: None }).unwrap();
    assert_eq!(set.digests().unwrap().entries, 1);
    let digests = digests(&set);
    let has = |bytes: &[u8]| digests.contains_key(&Digest::of(bytes).to_string());
    assert!(has(b"a cat") && !has(b"some notes"));
    assert_eq!(digests.values().flatten().filter(|path| path.starts_with("data/metadata/")).count(), 3);
}

#[test]
fn of_an_earlier_state_what_was_true_then_is_needed() {
    let mut hub = three_files();
    let then = hub.now.get();
    hub.put("cccc-3", &["notes.txt"], b"other notes");
    hub.put("dddd-4", &["late.txt"], b"came late");
    hub.files.remove("bbbb-2");
    hub.backup();
    let time = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let at = |seconds: i64| hub.outgoing_part(set::Part { names: Vec::new(), at: Some(time(seconds)) });
    let set = at(then + 3600).unwrap();
    assert_eq!(set.digests().unwrap().entries, 3);
    let digests = digests(&set);
    let has = |bytes: &[u8]| digests.contains_key(&Digest::of(bytes).to_string());
    assert!(has(b"a cat") && has(b"some notes") && !has(b"other notes") && !has(b"came late"));
    assert!(digests.values().flatten().any(|path| path.starts_with("data/older/") && path.contains("/metadata/")));
    let refused = at(then - 90_000).err().unwrap();
    assert!(refused.facts().any(|fact| fact == ("code", "no_run")) && refused.facts().any(|(key, _)| key == "first_run"));
}

#[test]
fn what_is_not_a_whole_set_is_not_sent() {
    let hub = three_files();
    let code = |hub: &Hub| {
        let error = hub.outgoing().err().unwrap();
        let code = error.facts().find(|(key, _)| *key == "code").map(|(_, code)| code.to_owned());
        (error.kind(), code.unwrap_or_default())
    };
    let set = hub.open().unwrap();
    assert_eq!(code(&hub), (ErrorKind::PeerBusy, "set_busy".to_owned()));
    drop(set);
    let list = hub.set_path().join("manifest-sha256.txt");
    let before = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, before.replace("cat", "dog")).unwrap();
    assert_eq!(code(&hub), (ErrorKind::Corrupt, "list_damaged".to_owned()));
    // As somebody does who means harm: the list of lists fits.
    let bad = before.replace("data/files/same.jpg", "data/files/../../x");
    std::fs::write(&list, &bad).unwrap();
    let tags = hub.set_path().join("tagmanifest-sha256.txt");
    let text = std::fs::read_to_string(&tags).unwrap();
    let sum = |text: &str| Digest::of(text.as_bytes()).to_string();
    std::fs::write(&tags, text.replace(&sum(&before), &sum(&bad))).unwrap();
    let refused = hub.outgoing().unwrap().digests().err().unwrap();
    assert!(refused.kind() == ErrorKind::Refused && refused.facts().any(|fact| fact == ("code", "set_refused")));
    let empty = Hub::unsigned();
    assert_eq!(code(&empty).0, ErrorKind::NotFound);
}

#[test]
fn bytes_are_found_under_any_name_and_never_through_a_link() {
    let hub = three_files();
    let set = hub.outgoing().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let odd = elsewhere.path().join("deep").join(std::ffi::OsStr::from_bytes(b"\xff\nname"));
    std::fs::create_dir(odd.parent().unwrap()).unwrap();
    std::fs::write(&odd, b"a cat").unwrap();
    std::fs::write(elsewhere.path().join("same size"), b"a dog").unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("notes"), b"some notes").unwrap();
    std::os::unix::fs::symlink(outside.path(), elsewhere.path().join("folder")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("notes"), elsewhere.path().join("file")).unwrap();
    let look = |folder: Option<&Path>, most: u64| {
        let mut wanted = Wanted::new(&set);
        assert!(wanted.is_empty());
        for (bytes, path) in [(b"a cat".as_slice(), "one"), (b"some notes", "two"), (b"of no metadata", "three")] {
            wanted.add(Digest::of(bytes), path).unwrap();
        }
        let mut outcome = seek(&set, wanted, folder, &mut |looked| looked < most).unwrap()?;
        let mut found: Vec<_> =
            std::iter::from_fn(|| outcome.next().unwrap()).map(|sought| (sought.path, sought.found)).collect();
        found.sort();
        Some(found)
    };
    let named = |name: &str, found| (name.to_owned(), found);
    let expected = vec![named("one", Some((odd.clone(), 5))), named("three", None), named("two", None)];
    assert_eq!(look(Some(elsewhere.path()), u64::MAX), Some(expected));
    let nowhere = vec![named("one", None), named("three", None), named("two", None)];
    assert_eq!(look(None, u64::MAX), Some(nowhere));
    assert_eq!(look(Some(elsewhere.path()), 2), None, "told to stop");
}

//! A set is written from home: bytes arrive in the workshop, and what a listing shows unchanged is not read again.

use super::*;
use crate::set::Peek;

impl Hub {
    /// Adds a file whose bytes have arrived in the workshop.
    fn arrive(&self, set: &mut Set, hash: &str, bytes: &[u8]) -> Added {
        set.put_in_workshop(&format!("{hash}.partial"), bytes).unwrap();
        let original = Original::Arrived {
            name: format!("{hash}.partial"),
            size_bytes: bytes.len() as u64,
            sha256: Digest::of(bytes),
            modified_ns: 1_714_800_000_000_000_000,
        };
        self.add_bytes(set, hash, Bytes { original: Some(original), ..Bytes::default() }).unwrap()
    }

    fn keep(&self, set: &mut Set, hash: &str) -> Result<Added> {
        self.add_bytes(set, hash, Bytes { original: Some(Original::Kept), ..Bytes::default() })
    }

    fn begin(&self) -> Set {
        self.now.set(self.now.get() + 86_400);
        let mut set = self.open().unwrap();
        set.begin(&self.spec()).unwrap();
        set.open_workshop().unwrap();
        set
    }

    fn end(&self, mut set: Set) -> Found {
        let found = set.prepare(&self.about(), true).unwrap();
        set.commit(None).unwrap();
        found
    }
}

fn two_files() -> Hub {
    let mut hub = Hub::unsigned();
    hub.put("aaaa-1", &["2024", "cat.jpg"], b"");
    hub.put("bbbb-2", &["notes.txt"], b"");
    hub
}

#[test]
fn what_arrived_becomes_the_set_s_own_without_a_copy() {
    let hub = two_files();
    let mut set = hub.begin();
    let added = hub.arrive(&mut set, "aaaa-1", b"a cat");
    assert_eq!((added.what, added.copied_bytes, added.size_bytes), (What::New, 5, 5));
    hub.arrive(&mut set, "bbbb-2", b"some notes");
    let found = hub.end(set);
    assert_eq!((found.new, found.copied_bytes, found.counts.bytes), (2, 15, 15));
    let path = hub.set_path().join("data/files/2024/cat.jpg");
    assert_eq!(std::fs::read(&path).unwrap(), b"a cat");
    let facts = std::fs::metadata(&path).unwrap();
    assert_eq!(facts.permissions().mode() & 0o777, 0o600);
    assert_eq!(facts.modified().unwrap(), std::time::UNIX_EPOCH + Duration::from_mins(28_580_000));
    assert!(hub.check().iter().all(|finding| finding.code == FindingCode::Unsigned));
    assert!(!hub.set_path().join(".partial").exists());
}

#[test]
fn unchanged_and_kept_files_need_no_bytes() {
    let mut hub = two_files();
    let mut set = hub.begin();
    hub.arrive(&mut set, "aaaa-1", b"a cat");
    hub.arrive(&mut set, "bbbb-2", b"some notes");
    hub.end(set);
    let mut set = hub.begin();
    let known = set.known("aaaa-1").unwrap().unwrap();
    assert_eq!((known.size_bytes, known.has_bytes, known.is_new), (Some(5), true, false));
    assert!(known.metadata.contains("cat.jpg") && !known.metadata.contains("\"parts\""));
    assert!(set.unchanged("aaaa-1").unwrap() && !set.unchanged("cccc-3").unwrap());
    hub.files.get_mut("bbbb-2").unwrap().names = vec!["renamed.txt".into()];
    assert_eq!(hub.keep(&mut set, "bbbb-2").unwrap().what, What::Moved);
    let known = set.known("bbbb-2").unwrap().unwrap();
    assert_eq!((known.is_new, known.has_bytes), (true, true));
    let found = hub.end(set);
    assert_eq!((found.unchanged, found.moved, found.removed, found.copied_bytes), (1, 1, 0, 0));
    assert_eq!(std::fs::read(hub.set_path().join("data/files/renamed.txt")).unwrap(), b"some notes");
    assert!(hub.check().iter().all(|finding| finding.code == FindingCode::Unsigned));
}

#[test]
fn bytes_that_are_not_there_cannot_be_kept() {
    let hub = two_files();
    let mut set = hub.begin();
    assert_eq!(hub.keep(&mut set, "aaaa-1").unwrap_err().kind(), ErrorKind::NotFound);
    hub.arrive(&mut set, "aaaa-1", b"a cat");
    hub.end(set);
    std::fs::remove_file(hub.set_path().join("data/files/2024/cat.jpg")).unwrap();
    let set = hub.begin();
    assert!(!set.known("aaaa-1").unwrap().unwrap().has_bytes);
    assert!(set.known("bbbb-2").unwrap().is_none());
    assert_eq!(set.known("../x").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_killed_run_knows_what_it_has_brought() {
    let hub = two_files();
    let mut set = hub.begin();
    hub.arrive(&mut set, "aaaa-1", b"a cat");
    drop(set);
    let peek = Peek::into(&hub.set_path(), &hub.surroundings(|| START), hub.limits.clone()).unwrap().unwrap();
    assert!(peek.known("aaaa-1").unwrap().unwrap().is_new);
    let mut set = hub.open().unwrap();
    assert!(set.begin(&hub.spec()).unwrap().is_continued);
    let known = set.known("aaaa-1").unwrap().unwrap();
    assert_eq!((known.is_new, known.has_bytes), (true, true));
    assert_eq!(hub.keep(&mut set, "aaaa-1").unwrap().copied_bytes, 0);
    let found = hub.end(set);
    assert_eq!((found.new, found.copied_bytes), (1, 5));
}

#[test]
fn a_prepared_run_is_taken_up_again_for_what_it_missed() {
    let hub = two_files();
    let mut set = hub.begin();
    hub.arrive(&mut set, "aaaa-1", b"a cat");
    hub.arrive(&mut set, "bbbb-2", b"some notes");
    hub.end(set);
    let mut set = hub.begin();
    set.unchanged("aaaa-1").unwrap();
    let found = set.prepare(&hub.about(), true).unwrap();
    assert_eq!((found.removed, found.removed_hashes), (1, vec!["bbbb-2".to_owned()]));
    assert!(set.reconsider(&hub.spec()).unwrap().is_continued);
    set.unchanged("bbbb-2").unwrap();
    let found = hub.end(set);
    assert_eq!((found.unchanged, found.removed), (2, 0));
    assert_eq!(std::fs::read(hub.set_path().join("data/files/notes.txt")).unwrap(), b"some notes");
}

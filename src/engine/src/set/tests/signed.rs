//! Sets that their owner signs at home.

use minisign::KeyPair;

use super::*;
use crate::set::restore::SignedBy;
use crate::set::{OwnerKey, OwnerSigned};

/// A key of minisign.
struct Key {
    pair: KeyPair,
    public: String,
}

impl Key {
    fn new() -> Self {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        Self { public: pair.pk.to_base64(), pair }
    }
}

impl OwnerKey for Key {
    fn public_key(&self) -> &str {
        &self.public
    }

    fn sign(&self, text: &[u8], comment: &str) -> Result<String> {
        Ok(minisign::sign(None, &self.pair.sk, text, Some(comment), None).unwrap().into_string())
    }
}

impl Hub {
    fn run_signed(&self, set: &mut Set, key: &dyn OwnerKey) -> Result<()> {
        self.fill(set)?;
        set.commit_as_owner(Some(key))
    }

    fn backup_signed(&self, key: &dyn OwnerKey) {
        self.now.set(self.now.get() + 86_400);
        self.run_signed(&mut self.open().unwrap(), key).unwrap();
    }

    fn check_options(&self) -> CheckOptions {
        CheckOptions {
            sample: None,
            public_key: None,
            bytes_per_second: None,
            scratch: self.folder.path().join("scratch"),
            limits: self.limits.clone(),
        }
    }

    fn signed(&self) -> OwnerSigned {
        let (id, signed) = Check::signed(&self.set_path(), self.check_options()).unwrap().unwrap();
        assert_eq!(json_of(self, "set.json")["id"], id);
        signed
    }

    /// Writes a file of the set again, and its line in the list of lists.
    fn rewrite(&self, path: &str, change: impl Fn(&str) -> String) {
        let read = |path: &str| std::fs::read_to_string(self.set_path().join(path)).unwrap();
        let (old, new) = (read(path), change(&read(path)));
        std::fs::write(self.set_path().join(path), &new).unwrap();
        let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
        let tags = read("tagmanifest-sha256.txt").replace(&digest(&old), &digest(&new));
        std::fs::write(self.set_path().join("tagmanifest-sha256.txt"), tags).unwrap();
    }
}

#[test]
fn the_owner_s_signature_is_checked_and_never_taken_for_the_channel_s() {
    let mut hub = Hub::new();
    small(&mut hub);
    let key = Key::new();
    assert_eq!(Check::signed(&hub.set_path(), hub.check_options()).unwrap(), None, "no set yet");
    hub.backup_signed(&key);
    assert_eq!(json_of(&hub, "set.json")["signed_by"], json!({ "minisign": key.public }));
    assert_eq!(shown(&hub.check()), [""; 0]);
    assert_eq!(hub.signed(), OwnerSigned::By(key.public.clone()));
    let mut check = Check::open(&hub.set_path(), hub.check_options()).unwrap();
    while !check.is_done() {
        check.step(Duration::from_millis(50)).unwrap();
    }
    let result = check.result();
    assert_eq!((result.is_signed, result.is_verified, &result.owner), (false, false, &OwnerSigned::By(key.public.clone())));
    // As it is restored on a hub, also where the signature is not sent along.
    for _ in 0..2 {
        let restore = hub.restore();
        let facts = restore.facts();
        assert_eq!((facts.signed_by, facts.is_list_whole), (SignedBy::Nobody, true));
        assert_eq!(shown(&facts.findings), ["unsigned channel-signature.json"]);
        let _ = std::fs::remove_file(hub.set_path().join("owner-signature.minisig"));
    }
    // A hub takes the set over, and gives it back.
    hub.backup_signed(&key);
    hub.backup();
    assert!(!hub.tree().contains_key("owner-signature.minisig"));
    assert_eq!((shown(&hub.check()), hub.signed()), (Vec::new(), OwnerSigned::No));
    assert_eq!(hub.restore().facts().signed_by, SignedBy::Channel);
    hub.backup_signed(&key);
    assert!(!hub.tree().contains_key("channel-signature.json"));
    assert_eq!(shown(&hub.check()), [""; 0]);
    hub.open().unwrap().prune(&PruneSpec::default()).unwrap();
}

#[test]
fn whatever_was_changed_after_the_owner_signed_is_found() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    let (key, other) = (Key::new(), Key::new());
    hub.backup_signed(&key);
    let start = tempfile::tempdir().unwrap();
    let saved = start.path().join("set");
    copy(&hub.set_path(), &saved);
    let signature = hub.set_path().join("owner-signature.minisig");
    let again = || copy(&saved, &hub.set_path());
    let wrong = ["signature_wrong owner-signature.minisig"];

    hub.rewrite("set.json", |text| text.replace("\"nick\": \"alice\"", "\"nick\": \"mallory\""));
    assert_eq!(shown(&hub.check()), wrong, "set.json");
    assert_eq!(hub.signed(), OwnerSigned::Wrong);
    again();
    hub.rewrite("manifest-sha256.txt", |text| text.replace("dog.jpg", "d_g.jpg"));
    assert!(shown(&hub.check()).contains(&wrong[0].to_owned()), "the list of files");
    again();
    std::fs::remove_file(&signature).unwrap();
    assert_eq!(
        (shown(&hub.check()), hub.signed()),
        (vec!["file_missing owner-signature.minisig".to_owned()], OwnerSigned::Wrong)
    );
    again();
    let text = std::fs::read_to_string(&signature).unwrap();
    std::fs::write(&signature, text.replace("run 20", "run 19")).unwrap();
    assert_eq!(shown(&hub.check()), wrong, "the comment is signed, too");
    again();
    let tags = std::fs::read(hub.set_path().join("tagmanifest-sha256.txt")).unwrap();
    std::fs::write(&signature, other.sign(&tags, "x").unwrap()).unwrap();
    assert_eq!((shown(&hub.check()), hub.signed()), (vec![wrong[0].to_owned()], OwnerSigned::Wrong), "another key's");
    again();
    hub.rewrite("set.json", |text| text.replace(&key.public, &other.public));
    let tags = std::fs::read(hub.set_path().join("tagmanifest-sha256.txt")).unwrap();
    std::fs::write(&signature, other.sign(&tags, "x").unwrap()).unwrap();
    assert_eq!(hub.signed(), OwnerSigned::By(other.public.clone()), "who remembers the key sees that it is another");
    again();
    hub.rewrite("set.json", |text| text.replace(&format!("{{\n    \"minisign\": \"{}\"\n  }}", key.public), "null"));
    assert_eq!(shown(&hub.check()), ["file_extra owner-signature.minisig", "unsigned channel-signature.json"]);
    assert_eq!(hub.signed(), OwnerSigned::No);
}

#[test]
fn a_key_that_signs_otherwise_than_it_says_changes_nothing() {
    struct Mixed(Key, Key);
    impl OwnerKey for Mixed {
        fn public_key(&self) -> &str {
            &self.0.public
        }
        fn sign(&self, text: &[u8], comment: &str) -> Result<String> {
            self.1.sign(text, comment)
        }
    }
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.backup();
    let before = hub.tree();
    let mut set = hub.open().unwrap();
    let error = hub.run_signed(&mut set, &Mixed(Key::new(), Key::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Signature);
    set.abandon().unwrap();
    drop(set);
    assert_eq!(hub.tree(), before);
}

#[test]
fn killed_at_any_change_of_the_commit_the_signature_is_that_of_the_lists() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    let key = Key::new();
    hub.backup_signed(&key);
    let start = tempfile::tempdir().unwrap();
    let saved = start.path().join("set");
    copy(&hub.set_path(), &saved);
    hub.write("aa-1", b"another cat");
    hub.now.set(hub.now.get() + 86_400);
    let mut set = hub.open().unwrap();
    hub.run_signed(&mut set, &key).unwrap();
    let changes = set.tree.faults.changes.get();
    drop(set);
    let mut cut_off = 0;
    for killed_after in 0..changes {
        copy(&saved, &hub.set_path());
        let mut set = hub.open().unwrap();
        set.tree.faults.killed_after.set(Some(killed_after));
        hub.run_signed(&mut set, &key).unwrap_err();
        drop(set);
        assert_eq!(shown(&hub.check()), [""; 0], "killed after {killed_after}");
        cut_off += u32::from(hub.look().condition == Condition::CutOff);
        hub.open().unwrap().complete().unwrap();
        assert_eq!(
            (shown(&hub.check()), hub.signed()),
            (Vec::new(), OwnerSigned::By(key.public.clone())),
            "after {killed_after}"
        );
    }
    assert!(cut_off > 20, "{cut_off}");
}

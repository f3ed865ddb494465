//! A set that is signed at home: what the command remembers of it, and what it says when somebody else has written it.

mod home;

use std::path::{Path, PathBuf};
use std::process::Command;

use filesync_engine::set::{Bytes, Original, OwnerKey};
use filesync_engine::{Error, Root};
use home::begin;
use minisign::KeyPair;

/// A key of another computer.
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

    fn sign(&self, text: &[u8], comment: &str) -> Result<String, Error> {
        Ok(minisign::sign(None, &self.pair.sk, text, Some(comment), None).unwrap().into_string())
    }
}

struct Home {
    folder: tempfile::TempDir,
}

struct Said {
    code: i32,
    /// Both streams.
    text: String,
}

impl Home {
    fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(home.set()).unwrap();
        home
    }

    fn set(&self) -> PathBuf {
        self.folder.path().join("set")
    }

    fn filesync(&self, words: &[&str]) -> Said {
        let set = self.set();
        let words: Vec<&str> = words.iter().map(|word| if *word == "SET" { set.to_str().unwrap() } else { word }).collect();
        let said = Command::new(env!("CARGO_BIN_EXE_filesync"))
            .args(words)
            .env_clear()
            .env("HOME", self.folder.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let text = [said.stdout, said.stderr].concat();
        Said { code: said.status.code().unwrap(), text: String::from_utf8(text).unwrap() }
    }

    /// Makes a run of the set as another computer does.
    fn run(&self, time: i64, key: Option<&Key>, text: &str) {
        let mut set = begin(&self.set(), time);
        let metadata =
            r#"{"kind":"file","hash":"aaaa-1","attach":[{"hash":"aaaa-1","filename":"a.txt","edited":"2025-11-24 10:00:00"}]}"#;
        let bytes = Bytes { original: Some(Original::Bytes(text.as_bytes().to_vec())), ..Bytes::default() };
        set.add(metadata, &Root::open(self.folder.path()).unwrap(), bytes).unwrap();
        let about = serde_json::json!({
            "made_with": "a test",
            "channel": {
                "nick": "alice", "hash": "channel", "key": include_str!("channel-key.pub"), "url": "https://hub.example/channel/alice",
            },
        });
        set.prepare(&about.to_string(), true).unwrap();
        set.commit_as_owner(key.map(|key| key as &dyn OwnerKey)).unwrap();
    }

    fn key_of_set(&self) -> String {
        let text = std::fs::read_to_string(self.set().join("set.json")).unwrap();
        let set: serde_json::Value = serde_json::from_str(&text).unwrap();
        set["signed_by"]["minisign"].as_str().unwrap_or_default().to_owned()
    }

    fn settings(&self, name: &str) -> PathBuf {
        self.folder.path().join(".config/filesync").join(name)
    }
}

const TIME: i64 = 1_764_000_000;

#[test]
fn a_key_is_remembered_at_first_sight_and_every_other_is_an_alarm() {
    let (home, key, other) = (Home::new(), Key::new(), Key::new());
    home.run(TIME, Some(&key), "one");
    let said = home.filesync(&["verify", "SET"]);
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(said.text.contains(&format!("signed by the key {}, which is not this computer's", key.public)), "{}", said.text);
    let said = home.filesync(&["verify", "SET"]);
    assert!(said.code == 0 && !said.text.contains("not this computer's") && said.text.contains(&key.public), "{}", said.text);
    assert!(!home.settings("minisign.key").exists(), "to look at a set needs no key");

    home.run(TIME + 1000, Some(&other), "two");
    for _ in 0..2 {
        let said = home.filesync(&["verify", "SET", "--json"]);
        assert!(said.code == 1 && said.text.contains("\"verdict\":\"key_changed\""), "{}", said.text);
    }
    let said = home.filesync(&["prune", "SET", "--older-than", "1d"]);
    assert!(said.code == 1 && said.text.contains("--accept-key"), "nothing builds on it: {}", said.text);
    assert_eq!(home.filesync(&["verify", "SET", "--accept-key"]).code, 0);
    assert_eq!(home.filesync(&["verify", "SET"]).code, 0);

    home.run(TIME + 2000, None, "three");
    let said = home.filesync(&["verify", "SET", "--json"]);
    assert!(said.code == 1 && said.text.contains("\"verdict\":\"not_signed\""), "{}", said.text);
    assert_eq!(home.filesync(&["verify", "SET", "--accept-key"]).code, 0);
    let said = home.filesync(&["verify", "SET"]);
    assert!(said.code == 0 && said.text.contains("The set is not signed"), "{}", said.text);
}

#[test]
fn a_signature_that_does_not_fit_is_an_alarm_also_at_first_sight() {
    let (home, key) = (Home::new(), Key::new());
    home.run(TIME, Some(&key), "one");
    std::fs::remove_file(home.set().join("owner-signature.minisig")).unwrap();
    let said = home.filesync(&["verify", "SET"]);
    assert!(said.code == 1 && said.text.contains("is missing or does not fit"), "{}", said.text);
    assert_eq!(home.filesync(&["prune", "SET", "--older-than", "1d"]).code, 1);
    // Damage of the signature alone does not end all backups.
    home.filesync(&["verify", "SET", "--accept-key"]);
    assert_eq!(home.filesync(&["prune", "SET", "--older-than", "1d"]).code, 0);
}

#[test]
fn what_the_command_writes_it_signs_and_minisign_checks_it() {
    let home = Home::new();
    home.run(TIME, None, "one");
    home.run(TIME + 100_000, None, "two");
    let said = home.filesync(&["prune", "SET", "--older-than", "2025-11-30"]);
    assert_eq!(said.code, 0, "{}", said.text);
    let key = home.key_of_set();
    let said = home.filesync(&["verify", "SET"]);
    assert!(said.code == 0 && said.text.contains(&format!("signed by the key {key}")), "{}", said.text);
    assert!(!said.text.contains("not this computer's"), "{}", said.text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(home.settings("minisign.key")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    home.run(TIME + 200_000, None, "three");
    assert_eq!(home.filesync(&["verify", "SET"]).code, 1, "somebody else wrote it");
    home.filesync(&["verify", "SET", "--accept-key"]);
    assert_eq!(home.filesync(&["prune", "SET", "--older-than", "2030-01-01"]).code, 0);
    assert_eq!(home.key_of_set(), key, "the same key signs again");

    let minisign = |words: &[&str], folder: &Path| Command::new("minisign").args(words).current_dir(folder).output();
    let words = ["-V", "-m", "tagmanifest-sha256.txt", "-x", "owner-signature.minisig", "-P", &key];
    let Ok(said) = minisign(&words, &home.set()) else {
        println!("skipped: there is no minisign here that could check the signature");
        return;
    };
    let text = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
    assert!(said.status.success() && text.contains("Signature and comment signature verified"), "{text}");
    assert!(text.contains("filesync set "), "{text}");
    let wrong = ["-V", "-m", "set.json", "-x", "owner-signature.minisig", "-P", &key];
    assert!(!minisign(&wrong, &home.set()).unwrap().status.success());
    // The tool makes the public key again from the key of the command.
    let secret = home.settings("minisign.key");
    let words = ["-R", "-W", "-s", secret.to_str().unwrap(), "-p", "again.pub"];
    let said = minisign(&words, home.folder.path()).unwrap();
    let again = std::fs::read_to_string(home.folder.path().join("again.pub")).unwrap_or_default();
    assert!(again.contains(&key), "{said:?}");
}

//! What a person meets: each word that the command can end with, or that it says on the way, with its text and its exit code, as a
//! snapshot. `UPDATE=1` writes it again.

mod home;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use filesync_engine::Digest;
use home::hub::{Asked, Hub, Reply, SESSION, announcement, done};
use home::{Folder, compare, filesync};
use serde_json::{Value, json};

/// All words that people may meet. Those that are not said by this command are said elsewhere: there their tests are.
const ALL: &[(&str, Option<&str>)] = &[
    ("set_newer", None),
    ("set_other_channel", None),
    ("set_is_archive", None),
    ("set_cut_off", None),
    ("file_damaged", None),
    ("file_missing", None),
    ("file_extra", None),
    ("signature_wrong", None),
    ("unsigned", None),
    ("path_refused", None),
    ("quota_short", None),
    ("disk_short", None),
    ("file_too_large", None),
    ("differs_here", None),
    ("deleted_since", None),
    ("restore_running", None),
    ("session_expired", None),
    ("login_refused", None),
    ("two_factor", None),
    ("key_scope", None),
    ("body_limit", None),
    ("patch_refused", None),
    ("dav_closed", Some("src/cli/tests/lies.rs")),
    ("changed_while_read", None),
    ("author_unknown", None),
    ("posts_unproven", None),
    ("hub_unreachable", None),
    ("in_web_root", Some("tests/addon/RestoreTest.php")),
    // Of programs that others made.
    ("empty_body", Some("tests/testhub/UploadDoorTest.php")),
    // And more, which came with the doors.
    ("hub_old", None),
    ("command_old", None),
    ("door_wrong", None),
    ("door_closed", None),
    ("no_run", None),
    ("key_used", None),
    ("set_changed", None),
    ("too_many_sessions", None),
    ("clone_unreachable", None),
    ("lists_missing", None),
    ("altered", None),
    ("untold", None),
    ("begun_otherwise", None),
    ("drill_later", None),
    ("drill_stopped", None),
    ("drill_failed", None),
    ("not_read", None),
    ("passed", None),
];

/// What was said, and about which words.
struct Said {
    folder: Folder,
    text: String,
    words: Vec<&'static str>,
}

impl Said {
    fn new() -> Self {
        Self { folder: Folder::new(), text: String::new(), words: Vec::new() }
    }

    fn set(&self) -> String {
        self.folder.path("set").to_str().unwrap().to_owned()
    }

    /// Has the command say it, and writes it down without what differs each time.
    fn say(&mut self, words: &[&'static str], hub: &str, command: &[&str]) {
        let said = filesync(self.folder.home.path(), command);
        let home = self.folder.home.path().to_str().unwrap();
        let clean = |text: &str| {
            let text = text.replace(home, "HOME");
            if hub.is_empty() { text } else { text.replace(hub, "hub.example") }
        };
        let shown: Vec<String> = command.iter().map(|word| clean(word)).collect();
        write!(
            self.text,
            "# {}\n$ filesync {}\n{}{}exit {}\n\n",
            words.join(", "),
            shown.join(" "),
            clean(&said.out),
            clean(&said.err),
            said.code
        )
        .unwrap();
        self.words.extend(words);
    }

    /// Restores the set to a hub.
    fn restore(
        &mut self,
        words: &[&'static str],
        options: &[&str],
        answer: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static,
    ) {
        let set = self.set();
        self.restore_from(&set, words, options, answer);
    }

    fn restore_from(
        &mut self,
        set: &str,
        words: &[&'static str],
        options: &[&str],
        answer: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static,
    ) {
        let hub = Hub::open(answer);
        let usual = ["restore", set, "--to", hub.channel.as_str(), "--key-command", "echo fsr_x"];
        self.say(words, &hub.host, &[&usual, options].concat());
    }

    /// Makes a copy of the set, and changes it.
    fn copy(&self, name: &str, change: impl Fn(&Path)) -> String {
        let to = self.folder.path(name);
        assert!(Command::new("cp").args(["-a", &self.set()]).arg(&to).status().unwrap().success());
        change(&to);
        to.to_str().unwrap().to_owned()
    }

    /// Every word that the command says must have been said by then.
    fn compare(self, snapshot: &str, expected: &[&str]) {
        compare(snapshot, &self.text);
        let mut words = self.words;
        words.sort_unstable();
        words.dedup();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(words, expected);
    }
}

/// Refuses one request, and no other.
fn refusing(line: &str, status: u16, code: &'static str, facts: Value) -> impl Fn(&Asked) -> Option<Reply> + use<> {
    let line = line.replace("SESSION", SESSION);
    move |asked| (asked.line == line).then(|| Reply::refusal(status, code, &facts))
}

/// Says this at the end of a restore.
fn ending(state: Value) -> impl Fn(&Asked) -> Option<Reply> {
    move |asked| (asked.line == format!("GET {SESSION}")).then(|| Reply::json(200, &state))
}

/// Says this of its doors.
fn announcing(change: impl Fn(&mut Value)) -> impl Fn(&Asked) -> Option<Reply> {
    let mut said = announcement();
    change(&mut said);
    move |asked| (asked.line == "GET /filesync/v1").then(|| Reply::json(200, &said))
}

const OF_SETS: &[&str] = &[
    "file_damaged",
    "file_extra",
    "file_missing",
    "no_run",
    "path_refused",
    "set_cut_off",
    "set_is_archive",
    "set_newer",
    "signature_wrong",
    "unsigned",
];
const OF_RESTORES: &[&str] = &[
    "altered",
    "author_unknown",
    "body_limit",
    "clone_unreachable",
    "command_old",
    "deleted_since",
    "differs_here",
    "disk_short",
    "door_closed",
    "file_damaged",
    "file_missing",
    "file_too_large",
    "hub_old",
    "hub_unreachable",
    "key_scope",
    "key_used",
    "lists_missing",
    "patch_refused",
    "posts_unproven",
    "quota_short",
    "restore_running",
    "session_expired",
    "set_changed",
    "set_newer",
    "set_other_channel",
    "too_many_sessions",
    "unsigned",
    "untold",
];
const OF_DRILLS: &[&str] = &[
    "begun_otherwise",
    "disk_short",
    "drill_failed",
    "drill_later",
    "drill_stopped",
    "hub_old",
    "key_used",
    "not_read",
    "passed",
    "quota_short",
    "set_other_channel",
];
const OF_BACKUPS: &[&str] = &[
    "changed_while_read",
    "command_old",
    "door_wrong",
    "hub_old",
    "hub_unreachable",
    "key_scope",
    "login_refused",
    "set_other_channel",
    "two_factor",
];

#[test]
fn every_word_is_said_or_its_test_is_elsewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (word, elsewhere) in ALL {
        match elsewhere {
            None => assert!([OF_SETS, OF_RESTORES, OF_DRILLS, OF_BACKUPS].iter().any(|words| words.contains(word)), "{word}"),
            Some(path) => assert!(std::fs::read_to_string(root.join(path)).unwrap().contains(word), "{word} in {path}"),
        }
    }
    for word in [OF_SETS, OF_RESTORES, OF_DRILLS, OF_BACKUPS].concat() {
        assert!(ALL.iter().any(|(known, _)| *known == word), "{word}");
    }
}

#[test]
fn what_is_said_of_sets() {
    let mut said = Said::new();
    let set = said.set();
    std::fs::write(said.folder.path("backup.zip"), "PK").unwrap();
    let archive = said.folder.path("backup.zip").to_str().unwrap().to_owned();
    said.say(&["set_is_archive"], "", &["restore", &archive, "--to", "https://hub.example/channel/alice"]);
    said.say(&["unsigned"], "", &["verify", &set]);
    let damaged = said.copy("damaged", |set| {
        std::fs::write(set.join("data/files/cat.jpg"), "anothex").unwrap();
        std::fs::remove_file(set.join("data/files/stays.txt")).unwrap();
        std::fs::write(set.join("data/files/mine.txt"), "mine").unwrap();
    });
    said.say(&["file_damaged", "file_missing", "file_extra"], "", &["verify", &damaged]);
    let forged = said.copy("forged", |set| {
        let signed_by = "\"signed_by\": { \"channel\": \"https://hub.example/channel/alice\" }";
        change(set, "set.json", "\"signed_by\": null", signed_by);
        let digest = Digest::of(&std::fs::read(set.join("tagmanifest-sha256.txt")).unwrap()).to_string();
        let signature = format!(
            r#"{{"signs":"tagmanifest-sha256.txt","sha256":"{digest}","key_id":"https://hub.example/channel/alice","channel_hash":"channel","algorithm":"rsassa-pkcs1-v1_5-sha512","signature":"{}=="}}"#,
            "A".repeat(342)
        );
        std::fs::write(set.join("channel-signature.json"), signature + "\n").unwrap();
    });
    said.say(&["signature_wrong"], "", &["verify", &forged]);
    // What nobody speaks of proves nothing.
    let added = said.copy("added", |set| std::fs::write(set.join("channel-signature.json"), "{}").unwrap());
    said.say(&["file_extra", "unsigned"], "", &["verify", &added]);
    let newer = said.copy("newer", |set| change(set, "set.json", "\"filesync_set\": 1", "\"filesync_set\": 2"));
    said.say(&["set_newer"], "", &["verify", &newer]);
    let hostile = said.copy("hostile", |set| {
        change(set, "manifest-sha256.txt", "data/files/cat.jpg", "data/files/../../../x");
    });
    said.say(&["path_refused"], "", &["verify", &hostile]);
    said.restore_from(&hostile, &["path_refused"], &[], |_| None);
    said.restore(&["no_run"], &["--at", "2020-01-01"], |_| None);
    // Something else is where the run would put what it found replaced: it stops there.
    let cut_off = said.copy("set-cut-off", |_| {});
    let older = Path::new(&cut_off).join("data/older");
    std::fs::rename(&older, said.folder.path("older")).unwrap();
    std::fs::write(&older, "in the way").unwrap();
    let cut = Folder { home: tempfile::tempdir().unwrap() };
    std::fs::rename(&cut_off, cut.path("set")).unwrap();
    let failed =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cut.run(1_764_200_000, &[("aaaa-1", "cat.jpg", "a third")])));
    assert!(failed.is_err(), "the run was cut off");
    std::fs::rename(cut.path("set"), &cut_off).unwrap();
    std::fs::remove_file(&older).unwrap();
    std::fs::rename(said.folder.path("older"), &older).unwrap();
    said.restore_from(&cut_off, &["set_cut_off"], &[], |_| None);
    said.say(&["set_cut_off"], "", &["verify", &cut_off]);
    said.say(&["set_cut_off"], "", &["verify", &cut_off, "--finish"]);
    said.compare("met-sets.txt", OF_SETS);
}

/// Changes a file of a set, and the list of lists with it.
fn change(set: &Path, name: &str, from: &str, to: &str) {
    let before = std::fs::read_to_string(set.join(name)).unwrap();
    let after = before.replace(from, to);
    assert_ne!(before, after);
    std::fs::write(set.join(name), &after).unwrap();
    let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
    let tags = std::fs::read_to_string(set.join("tagmanifest-sha256.txt")).unwrap();
    std::fs::write(set.join("tagmanifest-sha256.txt"), tags.replace(&digest(&before), &digest(&after))).unwrap();
}

#[test]
fn what_is_said_of_restores() {
    let mut said = Said::new();
    let begin = "POST /filesync/v1/restore";
    let none = || json!({});
    said.restore(&["set_newer"], &[], refusing(begin, 409, "set_newer", none()));
    said.restore(&["set_other_channel"], &[], refusing(begin, 409, "set_other_channel", none()));
    said.restore(&["restore_running"], &[], refusing(begin, 409, "restore_running", none()));
    said.restore(&["too_many_sessions"], &[], refusing(begin, 409, "too_many_sessions", none()));
    said.restore(&["set_changed"], &[], refusing(begin, 409, "set_changed", none()));
    said.restore(&["key_scope"], &[], refusing(begin, 403, "key_scope", none()));
    said.restore(&["key_used"], &[], refusing(begin, 403, "key_used", none()));
    said.restore(&["session_expired"], &[], refusing("POST SESSION/lacking", 410, "session_expired", none()));
    let short = json!({ "needed_bytes": 19_541_923_430_u64, "left_bytes": 16_106_127_360_u64, "short_bytes": 3_435_796_070_u64 });
    said.restore(&["quota_short"], &[], refusing("POST SESSION/room", 507, "quota_short", short.clone()));
    said.restore(&["disk_short"], &[], refusing("POST SESSION/room", 507, "disk_short", short.clone()));
    said.restore(&["disk_short"], &[], refusing("POST SESSION/pack", 507, "disk_short", none()));
    said.restore(&["lists_missing"], &[], refusing("POST SESSION/finish", 409, "lists_missing", none()));
    said.restore(&["door_closed"], &[], announcing(|said| said["door"] = "closed".into()));
    said.restore(&["hub_old"], &[], announcing(|said| said["protocol"] = json!({ "oldest": 0, "newest": 0 })));
    said.restore(&["command_old"], &[], announcing(|said| said["protocol"] = json!({ "oldest": 2, "newest": 3 })));
    said.restore(&["hub_old"], &["--dry-run"], refusing("POST SESSION/plan", 404, "no_such_path", none()));
    said.restore(&["body_limit"], &[], |asked| {
        (asked.line == format!("POST {SESSION}/lacking")).then(|| Reply::new(413, "<html>"))
    });
    said.restore(&["altered"], &[], refusing("POST SESSION/finish", 409, "digest_wrong", none()));

    // Of single files.
    let large = Folder::new();
    large.run(1_764_200_000, &[("aaaa-1", "cat.jpg", &"a large cat ".repeat(1000)), ("cccc-3", "stays.txt", "it stays")]);
    let large_set = said.folder.path("large").to_str().unwrap().to_owned();
    assert!(Command::new("cp").arg("-a").arg(large.path("set")).arg(&large_set).status().unwrap().success());
    said.restore_from(&large_set, &["file_too_large"], &[], |asked| {
        let state = json!({ "session": "s1", "state": "open", "room": { "file_bytes": 8192 } });
        (asked.line == "POST /filesync/v1/restore").then(|| Reply::json(201, &state))
    });
    let damaged = said.copy("damaged", |set| {
        std::fs::write(set.join("data/files/cat.jpg"), "anothex").unwrap();
        std::fs::remove_file(set.join("data/files/stays.txt")).unwrap();
    });
    said.restore_from(&damaged, &["file_damaged", "file_missing"], &[], |_| None);

    // At the end.
    said.restore(&["differs_here"], &[], |asked| {
        let named = "2024-05/cat.jpg was changed here since and stays. The option replace takes the set's.";
        let mut state = done(&json!({ "restore": 1, "differs_here": 1 }), &json!({}));
        state["attention"] = json!([{ "code": "differs_here", "name": "2024-05/cat.jpg", "message": named }]);
        (asked.line == format!("GET {SESSION}")).then(|| Reply::json(200, &state))
    });
    said.restore(&["deleted_since"], &[], ending(done(&json!({ "restore": 1, "deleted_since": 37 }), &json!({}))));
    said.restore(&["unsigned"], &[], ending(done(&json!({ "restore": 2 }), &json!({ "unproven": 2, "posts_unproven": 5 }))));
    said.restore(
        &["author_unknown", "posts_unproven"],
        &["--trust"],
        ending(done(&json!({ "restore": 2 }), &json!({ "posts": 14, "posts_of_strangers": 12, "posts_unsigned": 2 }))),
    );
    said.restore(&["untold"], &[], ending(done(&json!({ "restore": 1 }), &json!({}))));
    let waiting = json!({
        "session": "s1", "state": "restoring", "code": "clone_unreachable", "message": "b.example does not answer (last contact: never).",
    });
    said.restore(&["clone_unreachable"], &[], ending(waiting));
    said.restore(&["quota_short"], &["--dry-run"], move |asked| {
        let mut state = done(&json!({}), &json!({}));
        state["state"] = "open".into();
        state["plan"] = json!({ "files": { "restore": 2 }, "bytes": { "restore": 15 }, "room": 40_u64 << 30 });
        match asked.line.replace(SESSION, "SESSION").as_str() {
            "POST SESSION/room" => Some(Reply::refusal(507, "quota_short", &short)),
            "GET SESSION" => Some(Reply::json(200, &state)),
            _ => None,
        }
    });

    // On the way: the first piece of a file was sent before, and a proxy takes no PATCH.
    let digest = Digest::of(b"another").to_string();
    said.restore(&["patch_refused"], &[], move |asked| {
        let is_of_file = asked.line.contains(&digest);
        match asked.line.replace(SESSION, "SESSION").as_str() {
            "POST SESSION/lacking" => {
                let said: Value = serde_json::from_slice(&asked.body).unwrap();
                let partial = json!({ digest.clone(): 3 });
                Some(Reply::json(200, &json!({ "lacking": said["sha256"], "partial": partial })))
            }
            line if is_of_file && line.starts_with("PATCH") => Some(Reply::new(405, "<html>")),
            line if is_of_file && line.starts_with("POST") && asked.headers["x-http-method-override"] == "PATCH" => {
                Some(Reply::new(204, "").header("Tus-Resumable", "1.0.0").header("Upload-Offset", "7"))
            }
            _ => None,
        }
    });
    said.restore(&["patch_refused"], &[], refusing("POST SESSION/pack", 405, "method_wrong", json!({})));
    let set = said.set();
    said.say(
        &["hub_unreachable"],
        "127.0.0.1:9",
        &["restore", &set, "--to", "http://127.0.0.1:9/channel/alice", "--key-command", "echo fsr_x"],
    );
    said.compare("met-restores.txt", OF_RESTORES);
}

/// A hub that can drill, and says this of one.
fn drilling(state: Value) -> impl Fn(&Asked) -> Option<Reply> {
    let can = announcing(|said| said["drill"] = "open".into());
    move |asked| match asked.line.replace(SESSION, "SESSION").as_str() {
        "GET SESSION" => Some(Reply::json(200, &state)),
        "POST SESSION/sample" => Some(Reply::json(202, &json!({ "session": "s1", "state": "choosing" }))),
        _ => can(asked),
    }
}

#[test]
fn what_is_said_of_drills() {
    let mut said = Said::new();
    let failed = |code: &str, message: &str| json!({ "session": "s1", "state": "open", "code": code, "message": message });
    said.restore(&["hub_old"], &["--drill"], |_| None);
    for (code, message) in [
        ("drill_later", "A rehearsal has the hub's one hidden channel. Try again later."),
        ("drill_stopped", "The drill took longer than 43200 seconds. Nothing of it is left."),
        (
            "disk_short",
            "The drill needs 12.5 GiB on the disk of the hub, and 8.1 GiB are left beside headroom_bytes: short by 4.4 GiB.",
        ),
        ("drill_failed", "That did not work; the hub's log says why."),
    ] {
        said.restore(&[code], &["--drill"], drilling(failed(code, message)));
    }
    let mut ended = failed(
        "not_read",
        "Nobody read what was restored for 5 minutes: the hidden channel was removed, and what was sent with it.",
    );
    ended["state"] = "ended".into();
    said.restore(&["not_read"], &["--drill"], drilling(ended));
    for (code, status, facts) in [
        (
            "begun_otherwise",
            409,
            json!({ "message": "This was begun as a restore, not as a drill. End it, or use another key." }),
        ),
        ("key_used", 403, json!({})),
        ("set_other_channel", 409, json!({})),
    ] {
        let refused = refusing("POST /filesync/v1/restore", status, code, facts);
        let can = drilling(json!({}));
        said.restore(&[code], &["--drill"], move |asked| refused(asked).or_else(|| can(asked)));
    }
    let short = json!({ "needed_bytes": 851_968_000_u64, "left_bytes": 800_000_000_u64, "short_bytes": 51_968_000_u64 });
    let refused = refusing("POST SESSION/pack", 507, "quota_short", short);
    let can = drilling(json!({ "session": "s1", "state": "open" }));
    said.restore(&["quota_short"], &["--drill"], move |asked| refused(asked).or_else(|| can(asked)));
    // An earlier run read it.
    let proof = |proven: u64, failed: u64| json!({ "proven": proven, "failed": failed, "named": [] });
    let mut rows = proof(95, 22);
    rows["named"] = json!([{ "name": "2024-05/cat.jpg", "why": "filetype is text/x" }]);
    let certificate = json!({
        "drill": 1, "passed": false, "filesync": "0.2.0", "hub": "https://hub.example", "set_of": "alice@hub.example",
        "set_run": "2026-11-28T031500Z", "set_updated": "2026-11-28T03:21:44Z", "set_key": "5941d7910a947eaf00", "percent": 5,
        "seed": "1f0c93ab", "files": 71, "folders": 25, "bytes": 851_968_000, "of_files": 1203, "of_bytes": 18_254_011_008_u64,
        "kinds": { "crop": "2024-05/cat.jpg", "odd": "a\u{202e}b" }, "believed": false, "without_bytes": 2, "numbered": 1,
        "posts_unsigned": 2, "posts_of_others": 1, "seconds": 41,
        "proofs": { "signature": proof(0, 1), "metadata": proof(96, 0), "rows": rows, "of_tomorrow": proof(3, 0) },
    });
    let done = json!({ "session": "s1", "state": "done", "drill": { "certificate": certificate } });
    said.restore(&["passed"], &["--drill"], drilling(done.clone()));
    said.restore(&["passed"], &["--drill", "--json"], drilling(done));
    said.compare("met-drills.txt", OF_DRILLS);
}

/// A reading door whose one file changes whenever it is read, after the first run.
fn changing(runs: &AtomicUsize, asked: &Asked) -> Option<Reply> {
    let channel = json!({
        "nick": "alice", "name": "Alice", "hash": "channel", "guid": "g", "key": include_str!("channel-key.pub"),
        "url": "https://hub.example/channel/alice",
    });
    let row = json!({ "hash": "aaaa-1", "filename": "notes.odt", "edited": "2024-05-01 10:00:00" });
    let (sha256, is_changing) = (Digest::of(b"the notes").to_string(), runs.load(Ordering::Relaxed) > 1);
    let said = match asked.line.strip_prefix("GET /filesync/v1/set").or(asked.line.strip_prefix("POST /filesync/v1/set"))? {
        "" => {
            json!({ "channel": channel, "origin": { "url": "https://hub.example" }, "contents": ["files"], "files": 1, "bytes": 9 })
        }
        "/files" => {
            let print = runs.fetch_add(1, Ordering::Relaxed).to_string();
            json!({ "files": [{ "hash": "aaaa-1", "print": print, "size": 9, "names": ["notes.odt"] }], "after": null })
        }
        "/metadata" => json!({ "left": [], "files": [{
            "hash": "aaaa-1", "metadata": { "kind": "file", "hash": "aaaa-1", "attach": [row] }, "lacks": [],
            "parts": [{ "role": "original", "size": 9, "sha256": sha256 }],
            "fault": if is_changing { "changed_while_read" } else { "" },
        }] }),
        "/pack" => {
            let mut pack = filesync_engine::pack::PackWriter::default();
            pack.add(b"the notes").unwrap();
            let reply = Reply::bytes(200, pack.end());
            return Some(reply.header("Content-Type", "application/x-tar"));
        }
        _ => return None,
    };
    Some(Reply::json(200, &said))
}

#[test]
fn what_is_said_of_backups() {
    let mut said = Said::new();
    let key = format!("fsb_{}_{}", "0".repeat(16), "1".repeat(64));
    std::fs::write(said.folder.path("key"), key).unwrap();
    std::fs::write(said.folder.path("colon"), "with:colon").unwrap();
    std::fs::write(said.folder.path("password"), "secret").unwrap();
    let path = |said: &Said, name: &str| said.folder.path(name).to_str().unwrap().to_owned();
    let (key, colon, password) = (path(&said, "key"), path(&said, "colon"), path(&said, "password"));
    let (set, new) = (said.set(), path(&said, "new"));
    let login = |said: &mut Said, words: &[&'static str], hub: &Hub| {
        said.say(words, &hub.host, &["login", &hub.channel, "--key-file", &key]);
    };
    login(&mut said, &["key_scope"], &Hub::open(refusing("GET /filesync/v1/set", 403, "key_scope", json!({}))));
    login(&mut said, &["login_refused"], &Hub::open(refusing("GET /filesync/v1/set", 401, "key_wrong", json!({}))));
    login(
        &mut said,
        &["door_wrong"],
        &Hub::open(|asked| {
            let about =
                json!({ "channel": { "nick": "alice", "hash": "channel", "key": "no key", "url": "https://hub.example" } });
            (asked.line == "GET /filesync/v1/set").then(|| Reply::json(200, &about))
        }),
    );
    login(&mut said, &["hub_old"], &Hub::open(announcing(|said| said["protocol"] = json!({ "oldest": 0, "newest": 0 }))));
    login(&mut said, &["command_old"], &Hub::open(announcing(|said| said["protocol"] = json!({ "oldest": 2, "newest": 3 }))));

    // A hub without filesync.
    let stock = |second: Option<&'static str>| {
        Hub::open(move |asked| match asked.line.as_str() {
            "GET /filesync/v1" => Some(Reply::new(404, "<html>")),
            "GET /channel/alice" => {
                Some(Reply::json(200, &json!({ "id": "g", "public_key": include_str!("channel-key.pub"), "name": "Alice" })))
            }
            "GET /api/z/1.0/item/export_page" => Some(match second {
                None => Reply::new(401, ""),
                Some(_) => Reply::json(200, &json!({ "relocate": { "channel_address": "alice", "url": "https://hub.example" } }))
                    .header("Set-Cookie", "PHPSESSID=x"),
            }),
            "GET /api/z/1.0/xchan" => second.map(|page| Reply::new(200, page).header("Content-Type", "text/html")),
            "GET /logout" => Some(Reply::new(302, "").header("Location", "/")),
            _ => None,
        })
    };
    let backup = |said: &mut Said, words: &[&'static str], hub: &Hub, secret: &str| {
        said.say(words, &hub.host, &["backup", &hub.channel, "--to", &new, "--password-file", secret]);
    };
    backup(&mut said, &["login_refused"], &stock(None), &password);
    backup(&mut said, &["login_refused"], &stock(None), &colon);
    backup(&mut said, &["two_factor"], &stock(Some("<html>enter your code</html>")), &password);
    said.say(
        &["hub_unreachable"],
        "127.0.0.1:9",
        &["backup", "http://127.0.0.1:9/channel/alice", "--to", &new, "--password-file", &password],
    );

    let runs = AtomicUsize::new(0);
    let hub = Hub::open(move |asked| changing(&runs, asked));
    assert_eq!(filesync(said.folder.home.path(), &["login", &hub.channel, "--key-file", &key]).code, 0);
    let first = filesync(said.folder.home.path(), &["backup", &hub.channel, "--to", &new]);
    assert_eq!(first.code, 0, "{}{}", first.out, first.err);
    said.say(&["changed_while_read"], &hub.host, &["backup", &hub.channel, "--to", &new]);
    let other = said.copy("another-channels", |set| change(set, "set.json", "\"hash\": \"channel\"", "\"hash\": \"of-another\""));
    said.say(&["set_other_channel"], &hub.host, &["backup", &hub.channel, "--to", &other]);
    assert!(Path::new(&set).is_dir());
    said.compare("met-backups.txt", OF_BACKUPS);
}

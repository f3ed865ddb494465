//! The command at hubs that lie or fail: a backup of a stock hub, and a restore to a door. Whatever they do, no wrong byte gets into a set,
//! and 0 is said only if all is there. FULL=1 tries the slow ones, too.

#[path = "../../engine/tests/support/mod.rs"]
mod support;

mod home;

use std::path::Path;

use home::hub::{Asked, Hub, Reply, SESSION, announcement, done};
use home::{Folder, Said, filesync};
use serde_json::{Value, json};
use support::{EDITED, Faults, LoopbackHub, OddRange, Owner, noise};

const LARGE: usize = 3 << 20;

/// A stock hub with a small file and a large one.
fn stock(faults: Faults) -> LoopbackHub {
    let hub = LoopbackHub::start();
    hub.add_file("small-1", "small.bin", noise(5000, 1));
    hub.add_file("large-1", "large.bin", noise(LARGE, 2));
    let mut state = hub.state();
    (state.owner, state.faults) = (Some(Owner::default()), faults);
    drop(state);
    hub
}

fn backup(home: &Path, hub: &LoopbackHub, more: &[&str]) -> Said {
    std::fs::write(home.join("password"), "secret").unwrap();
    let channel = format!("{}/channel/alice", hub.url);
    let (to, password) = (home.join("set"), home.join("password"));
    let usual = ["backup", &channel, "--to", to.to_str().unwrap(), "--password-file", password.to_str().unwrap(), "--json"];
    filesync(home, &[&usual, more].concat())
}

/// What the command may do with a hub: it has all, or says that it has not.
fn is_honest(name: &str, home: &Path, said: &Said) -> bool {
    let file = |path: &str| std::fs::read(home.join("set/data/files").join(path)).ok();
    let (small, large) = (file("small.bin"), file("large.bin"));
    let is_right = |found: &Option<Vec<u8>>, expected: Vec<u8>| found.is_none() || *found == Some(expected);
    assert!(is_right(&small, noise(5000, 1)) && is_right(&large, noise(LARGE, 2)), "{name}: wrong bytes");
    let has_all = small.is_some() && large.is_some();
    match said.code {
        0 => assert!(has_all, "{name}: 0 with less than all: {}", said.out),
        1 | 75 => assert!(said.out.contains("\"words\":") || said.out.contains("\"missing\":"), "{name}: {}", said.out),
        code => panic!("{name}: {code}: {}{}", said.out, said.err),
    }
    has_all
}

/// Tries them all at once.
fn each<T: Send + 'static>(faults: Vec<(&'static str, T)>, check: impl Fn(&str, T) + Send + Copy + 'static) {
    let threads: Vec<_> = faults
        .into_iter()
        .map(|(name, fault)| std::thread::Builder::new().name(name.into()).spawn(move || check(name, fault)).unwrap())
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_hub_that_fails_or_errs_now_and_then_is_backed_up_whole() {
    let shifted: OddRange = |first, last, size| (first, last.min(size - 1) / 2, format!("bytes {first}-{}/{size}", last / 2));
    let mut faults = vec![
        ("nothing", Faults::default()),
        ("cut", Faults { cut_after: vec![1_000_000, 200_000, 1], ..Faults::default() }),
        ("no ETag", Faults { no_etag: true, ..Faults::default() }),
        ("a flipped bit", Faults { flip_once_at: Some(0), ..Faults::default() }),
        ("short", Faults { longest_body: Some(400_000), ..Faults::default() }),
        ("closed dav", Faults { dav_status: Some(403), ..Faults::default() }),
    ];
    if std::env::var_os("FULL").is_some() {
        faults.extend([
            ("long ranges", Faults { longest_range: Some(1 << 20), ..Faults::default() }),
            ("shorter ranges", Faults { odd_range: Some(shifted), ..Faults::default() }),
            ("the session ends", Faults { session_ends_after: Some(6), ..Faults::default() }),
            ("errors after a cut", Faults { cut_after: vec![1_000_000], down_after_cut: (3, 503), ..Faults::default() }),
            ("slow", Faults { delay: std::time::Duration::from_millis(50), ..Faults::default() }),
        ]);
    }
    each(faults, |name, faults| {
        let (home, hub) = (tempfile::tempdir().unwrap(), stock(faults));
        let said = backup(home.path(), &hub, &[]);
        assert!(is_honest(name, home.path(), &said) && said.code == 0, "{name}: {}{}", said.out, said.err);
    });
}

#[test]
fn a_hub_that_lies_gets_no_wrong_byte_into_a_set() {
    let long: OddRange = |first, last, size| (first, size - 1, format!("bytes {first}-{last}/{size}"));
    let mut faults = vec![("elsewhere", Faults { redirect_to: Some("http://127.0.0.1:9/".into()), ..Faults::default() })];
    if std::env::var_os("FULL").is_some() {
        faults.extend([
            ("no bytes", Faults { filedata_status: Some(500), dav_status: Some(404), ..Faults::default() }),
            ("wrong bytes", Faults { dav_lies: true, ..Faults::default() }),
            ("no ranges", Faults { dav_ignores_range: true, filedata_status: Some(500), ..Faults::default() }),
            ("shifted ranges", Faults { dav_shifts_range: true, filedata_status: Some(500), ..Faults::default() }),
            ("longer ranges", Faults { odd_range: Some(long), filedata_status: Some(500), ..Faults::default() }),
            ("another ETag", Faults { wrong_etag: true, ..Faults::default() }),
            ("encoded bodies", Faults { gzip: true, ..Faults::default() }),
            ("no content", Faults { no_content: true, dav_status: Some(404), ..Faults::default() }),
        ]);
    }
    each(faults, |name, faults| {
        let (home, hub) = (tempfile::tempdir().unwrap(), stock(faults));
        let said = backup(home.path(), &hub, &[]);
        is_honest(name, home.path(), &said);
    });
}

#[test]
fn a_file_that_is_overwritten_while_it_is_read_is_in_the_set_as_it_was_or_is() {
    let (home, hub) = (tempfile::tempdir().unwrap(), LoopbackHub::start());
    hub.add_file("large-1", "large.bin", noise(LARGE, 2));
    let after = (1, noise(LARGE, 3), "2024-05-03 10:00:00".to_owned());
    hub.state().owner = Some(Owner::default());
    hub.state().faults.overwrite_after = Some(after);
    let said = backup(home.path(), &hub, &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(std::fs::read(home.path().join("set/data/files/large.bin")).unwrap() == noise(LARGE, 3));
}

#[test]
fn closed_dav_is_said_and_read_around() {
    let (home, hub) = (tempfile::tempdir().unwrap(), stock(Faults { dav_status: Some(401), ..Faults::default() }));
    let channel = format!("{}/channel/alice", hub.url);
    std::fs::write(home.path().join("password"), "secret").unwrap();
    let (to, password) = (home.path().join("set"), home.path().join("password"));
    let words = ["backup", &channel, "--to", to.to_str().unwrap(), "--password-file", password.to_str().unwrap()];
    let said = filesync(home.path(), &words);
    // dav_closed
    let remark = "/dav is closed on the hub; reading through its API, which is slower\n";
    assert_eq!((said.code, said.err.as_str()), (0, remark), "{}", said.out);
}

#[test]
fn a_session_whose_token_ends_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let hub = stock(Faults { no_cookie: true, ..Faults::default() });
    // The log-in of each command takes one. A slow machine reads a file by more requests, so not all of them end.
    hub.state().owner.as_mut().unwrap().ending_tokens = (3, 4);
    let channel = format!("{}/channel/alice", hub.url);
    std::fs::write(home.path().join("secret"), "s3cret").unwrap();
    let secret = home.path().join("secret");
    let words = ["login", &channel, "--app", "filesync-test", "--secret-file", secret.to_str().unwrap()];
    let said = filesync(home.path(), &words);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let to = home.path().join("set");
    let said = filesync(home.path(), &["backup", &channel, "--to", to.to_str().unwrap(), "--json"]);
    assert!(is_honest("tokens", home.path(), &said) && said.code == 0, "{}{}", said.out, said.err);
    // Calls that find the end together ask for one together.
    assert_eq!(hub.state().owner.as_ref().unwrap().tokens, 4);
}

#[test]
fn a_hub_that_shows_no_key_is_named() {
    let (home, hub) = (tempfile::tempdir().unwrap(), stock(Faults::default()));
    hub.state().owner.as_mut().unwrap().public_key = Some("no key".into());
    let said = backup(home.path(), &hub, &[]);
    assert!(said.code == 1 && said.out.contains("\"hub_wrong\""), "{}{}", said.out, said.err);
    assert_eq!(hub.state().files["small-1"].edited, EDITED);
}

/// Restores a set of two files at a door; returns what was said.
fn restore(answer: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Said {
    let (folder, hub) = (Folder::new(), Hub::open(answer));
    let set = folder.path("set");
    let words = ["restore", set.to_str().unwrap(), "--to", &hub.channel, "--key-command", "echo fsr_x", "--json"];
    filesync(folder.home.path(), &words)
}

#[test]
fn a_door_that_lies_is_never_believed_to_have_all() {
    type Lie = fn(&Asked) -> Option<Reply>;
    let lies: Vec<(&'static str, Lie)> = vec![
        ("it has all, and restores nothing", |asked| match asked.line.as_str() {
            line if line.ends_with("/lacking") => Some(Reply::json(200, &json!({ "lacking": [], "partial": {} }))),
            line if line == format!("GET {SESSION}") => Some(Reply::json(200, &done(&json!({}), &json!({})))),
            _ => None,
        }),
        ("it counts less than the set has", |asked| {
            (asked.line == format!("GET {SESSION}")).then(|| Reply::json(200, &done(&json!({ "restore": 1 }), &json!({}))))
        }),
        ("it is done without a word", |asked| {
            (asked.line == format!("GET {SESSION}")).then(|| Reply::json(200, &json!({ "state": "done" })))
        }),
        ("it is in no state", |asked| (asked.line == format!("GET {SESSION}")).then(|| Reply::json(200, &json!({})))),
        ("negative numbers", |asked| {
            let state = done(&json!({ "restore": -2, "here": "2" }), &json!({}));
            (asked.line == format!("GET {SESSION}")).then(|| Reply::json(200, &state))
        }),
        ("it ended the restore", |asked| {
            let state = json!({ "state": "ended", "code": "ended", "message": "It was ended." });
            (asked.line == format!("GET {SESSION}")).then(|| Reply::json(200, &state))
        }),
        ("a session with a path in its name", |asked| {
            let begun = json!({ "session": "../../s1", "state": "open" });
            (asked.line == "POST /filesync/v1/restore").then(|| Reply::json(201, &begun))
        }),
        ("an announcement of another form", |asked| {
            let mut said = announcement();
            said["protocol"] = json!(1);
            (asked.line == "GET /filesync/v1").then(|| Reply::json(200, &said))
        }),
        ("a redirect", |asked| {
            (asked.line == "GET /filesync/v1").then(|| Reply::new(302, "").header("Location", "http://127.0.0.1:9/"))
        }),
    ];
    each(lies, |name, lie| {
        let said = restore(lie);
        assert!([1, 75].contains(&said.code), "{name}: {} {}{}", said.code, said.out, said.err);
    });
}

#[test]
fn limits_that_make_no_sense_are_lived_with() {
    let said = restore(|asked| {
        let mut said = announcement();
        said["limits"] = json!({ "piece_bytes": 0, "pack_bytes": -1, "digests": 0 });
        (asked.line == "GET /filesync/v1").then(|| Reply::json(200, &said))
    });
    let last: Value = serde_json::from_str(said.out.lines().last().unwrap_or_default()).unwrap();
    assert_eq!((said.code, &last["state"]), (0, &json!("done")), "{}{}", said.out, said.err);
}

//! `restore --create` against a creating door that takes rows, cuts, refuses and forgets: every row arrives once and in order, and what a
//! person meets is a snapshot.

mod home;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use home::hub::{Asked, Hub, Reply, SESSION, announcement, done};
use home::{Folder, compare, filesync};
use serde_json::{Value, json};

const PASSPHRASE: &str = "correct horse";

/// What a hub has imported, and how it behaves.
#[derive(Default)]
struct Door {
    /// Rows by section.
    rows: BTreeMap<String, Vec<Value>>,
    phase: &'static str,
    place: (u64, u64),
    /// Posts that are to come again: part, number, and what names them.
    refused: Vec<(u64, u64, String)>,
    /// Bytes of the longest request with rows that something on the way lets pass.
    most_bytes: usize,
    /// Answers to requests with rows that do not arrive, by the number of the request.
    lost: Vec<u64>,
    requests: u64,
    /// What came with the rows, and what came at the end.
    heads: Vec<Value>,
    end: Vec<Value>,
}

impl Door {
    fn new() -> Self {
        Self { phase: "first", most_bytes: usize::MAX, ..Self::default() }
    }

    fn state(&self) -> Value {
        let rows: usize = self.rows.values().map(Vec::len).sum();
        json!({
            "import": "5f0c", "state": self.phase, "part": self.place.0, "number": self.place.1, "rows": rows,
            "nick": (!self.rows.is_empty()).then_some("alice"), "posts_refused": self.refused.len(), "rows_refused": 0,
        })
    }

    /// Takes rows, as a hub does: only those that come next.
    fn take(&mut self, body: &[u8]) -> Reply {
        self.requests += 1;
        if body.len() > self.most_bytes {
            return Reply::new(413, "<html>");
        }
        let mut lines = std::str::from_utf8(body).unwrap().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let (said, rows) = (lines.next().unwrap(), lines.by_ref().collect::<Vec<_>>());
        let (section, part) = (said["section"].as_str().unwrap().to_owned(), said["part"].as_u64().unwrap());
        if section == "calendar" {
            return Reply::refusal(404, "no_such_kind", &json!({}));
        }
        let numbers: Vec<u64> = said["numbers"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        let first = numbers.first().copied().unwrap_or_else(|| said["first"].as_u64().unwrap());
        let is_next = if numbers.is_empty() {
            self.phase == "first" && if part == self.place.0 { first == self.place.1 } else { part > self.place.0 && first == 0 }
        } else {
            self.phase == "again" && (part, first) >= self.place
        };
        if !is_next {
            return Reply::refusal(409, "position_differs", &json!({}));
        }
        self.heads.push(said.clone());
        let count = if said.get("left_out").is_some() { 1 } else { rows.len() as u64 };
        let end = numbers.last().map_or(first + count, |last| last + 1);
        if let Some(name) = said["left_out"].as_str().filter(|_| numbers.is_empty()) {
            self.refused.push((part, first, name.to_owned()));
        }
        for (at, row) in rows.into_iter().enumerate() {
            let number = numbers.get(at).copied().unwrap_or(first + at as u64);
            let id = row["message_id"].as_str().unwrap_or_default().to_owned();
            if id.starts_with("late") && numbers.is_empty() {
                self.refused.push((part, number, id));
            } else {
                self.refused.retain(|(of, which, _)| (*of, *which) != (part, number));
                self.rows.entry(section.clone()).or_default().push(row);
            }
        }
        self.place = (part, end);
        if self.lost.contains(&self.requests) { Reply::new(504, "<html>") } else { Reply::json(200, &self.state()) }
    }

    fn answer(&mut self, asked: &Asked) -> Option<Reply> {
        Some(match asked.line.as_str() {
            "POST /login" => Reply::new(302, "").header("Set-Cookie", "PHPSESSID=x; path=/"),
            "POST /filesync/v1/create/pass" => Reply::json(200, &json!({ "pass": "fsc_x" })),
            "DELETE /filesync/v1/create/pass" => Reply::new(204, ""),
            "POST /filesync/v1/create" | "GET /filesync/v1/create/5f0c" => Reply::json(200, &self.state()),
            "POST /filesync/v1/create/5f0c/rows" => self.take(&asked.body),
            "POST /filesync/v1/create/5f0c/refused" => {
                if self.phase == "first" {
                    (self.phase, self.place) = ("again", (0, 0));
                }
                let left =
                    self.refused.iter().filter(|(part, number, _)| self.phase == "again" && (*part, *number) >= self.place);
                let part = left.clone().map(|(part, ..)| *part).min();
                let again = left.filter(|(of, ..)| Some(*of) == part);
                let again: Vec<Value> = again.map(|(part, number, _)| json!({ "part": part, "number": number })).collect();
                let names: Vec<&String> = self.refused.iter().map(|(.., name)| name).collect();
                Reply::json(200, &json!({ "again": again, "posts": names }))
            }
            "POST /filesync/v1/create/5f0c/finish" => {
                let lines = std::str::from_utf8(&asked.body).unwrap().lines();
                self.end = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
                self.phase = "done";
                Reply::json(200, &self.state())
            }
            "POST /filesync/v1/create/5f0c/key" => Reply::json(200, &json!({ "key": "fsr_x", "nick": "alice" })),
            line if line == format!("GET {SESSION}") => Reply::json(200, &done(&json!({}), &json!({}))),
            _ => return None,
        })
    }
}

fn post(id: &str, top: &str, length: usize) -> String {
    json!({ "message_id": id, "message_top": top, "body": "x".repeat(length) }).to_string()
}

fn folder(months: &[(&str, Vec<String>)]) -> Folder {
    let identity = json!({
        "compatibility": { "version": "8.9.3" }, "channel": { "channel_guid": "guid", "channel_prvkey": "a secret" },
        "profile": [{ "about": "two\nlines" }], "config": [{ "k": "a" }, { "k": "b" }], "term": [{ "term": "x" }], "cart": [{ "n": 1 }],
    });
    let connections = ["p", "q"].map(|who| {
        json!({ "abook": [{ "abook_xchan": who }], "xchan": [{ "xchan_hash": who }], "hubloc": [{ "of": who }, { "of": who }] }).to_string()
    });
    let group = json!({ "group": [{ "id": "7", "hash": "abc" }], "group_member": [{ "gid": "7", "xchan": "p" }] }).to_string();
    let calendar = json!({ "calendar": [{ "uri": "work" }] }).to_string();
    let mut rows: Vec<(&str, &str, &[String])> = vec![
        ("connections", "", &connections),
        ("groups", "", std::slice::from_ref(&group)),
        ("calendars", "", std::slice::from_ref(&calendar)),
    ];
    rows.extend(months.iter().map(|(month, posts)| ("posts", *month, posts.as_slice())));
    let folder = Folder::everything(PASSPHRASE, &identity, &rows);
    for (name, text) in [("passphrase", PASSPHRASE), ("wrong", "another"), ("password", "a secret")] {
        std::fs::write(folder.path(name), text).unwrap();
    }
    folder
}

/// Brings the channel of a set to a door; returns what is said, and the door afterwards.
fn bring(folder: &Folder, door: Door) -> (home::Said, Door) {
    let door = Arc::new(Mutex::new(door));
    let held = Arc::clone(&door);
    let hub = Hub::open(move |asked| held.lock().unwrap().answer(asked));
    let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let (set, passphrase, password) = (path("set"), path("passphrase"), path("password"));
    let words = ["restore", &set, "--to", &hub.channel, "--create", "--account", "alice@example.org", "--no-progress"];
    let secrets = ["--passphrase-file", &passphrase, "--password-file", &password];
    let said = filesync(folder.home.path(), &[&words[..], &secrets].concat());
    let door = std::mem::take(&mut *door.lock().unwrap());
    (said, door)
}

fn names(door: &Door) -> Vec<&str> {
    door.rows["item"].iter().map(|row| row["message_id"].as_str().unwrap()).collect()
}

#[test]
fn every_row_comes_once_roots_first_and_what_no_hub_knows_is_named() {
    let folder = folder(&[
        ("2024-01", vec![post("answer", "top", 1), post("top", "top", 1), post("late", "top", 1)]),
        ("2024-02", vec![post("second", "second", 1)]),
    ]);
    let (said, door) = bring(&folder, Door::new());
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("not taken, because filesync there does not know them yet: calendar"), "{}", said.out);
    assert_eq!(names(&door), ["top", "answer", "second", "late"]);
    assert_eq!(door.rows["channel"].len(), 1);
    assert_eq!(door.rows["channel"][0]["channel"]["channel_prvkey"], "a secret");
    assert_eq!(door.rows["channel"][0]["profile"][0]["about"], "two\nlines");
    let order: Vec<&str> = door.heads.iter().map(|head| head["section"].as_str().unwrap()).collect();
    assert_eq!(
        order,
        ["channel", "config", "xchan", "hubloc", "abook", "group", "group_member", "item", "item", "item", "item"],
        "the last one is the post that came again"
    );
    assert_eq!((door.rows["xchan"].len(), door.rows["hubloc"].len(), door.rows["config"].len()), (2, 4, 2));
    let members = door.heads.iter().find(|head| head["section"] == "group_member").unwrap();
    assert_eq!(members["groups"], json!({ "7": "abc" }));
    assert!(door.heads.iter().all(|head| head["relocate"]["url"] == "https://gone.example"));
    assert_eq!(door.end.get(1), Some(&json!({ "cart": [{ "n": 1 }] })));
    assert!(!door.rows.contains_key("term"), "no hub reads these");
}

#[test]
fn an_answer_that_is_lost_doubles_nothing_and_what_is_too_long_comes_in_shorter_requests() {
    let posts: Vec<String> = (0..40).map(|n| post(&format!("p{n}"), &format!("p{n}"), 3000)).collect();
    let mut large = posts.clone();
    large.push(post("huge", "huge", 90_000));
    let folder = folder(&[("2024-01", large)]);
    let (said, door) = bring(&folder, Door { lost: vec![3, 9], most_bytes: 40_000, ..Door::new() });
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert_eq!(names(&door), (0..40).map(|n| format!("p{n}")).collect::<Vec<_>>());
    assert_eq!((door.rows["hubloc"].len(), door.rows["group"].len()), (4, 1));
    assert!(said.out.contains("1 of the posts was not taken by the hub, also the second time:\n    huge\n"), "{}", said.out);
}

#[test]
fn a_hub_s_own_export_comes_in_the_order_in_which_a_hub_imports_it() {
    let folder = folder(&[]);
    let file = folder.path("alice.json");
    let export = json!({
        "item": [{ "message_id": "top" }, { "message_id": "answer" }], "group_member": [{ "gid": "7", "xchan": "p" }],
        "group": [{ "id": 7, "hash": "abc" }], "compatibility": { "version": "8.9.3" },
        "relocate": { "url": "https://gone.example", "channel_address": "carol" }, "xchan": [{ "xchan_hash": "p" }], "term": [{ "t": 1 }],
        "channel": { "channel_guid": "guid" }, "profile": [], "cart": [{ "n": 1 }], "event_item": [],
    });
    std::fs::write(&file, serde_json::to_string_pretty(&export).unwrap()).unwrap();
    let bring = |file: &std::path::Path, door: Door| {
        let door = Arc::new(Mutex::new(door));
        let held = Arc::clone(&door);
        let hub = Hub::open(move |asked| held.lock().unwrap().answer(asked));
        let password = folder.path("password");
        let words = ["import", file.to_str().unwrap(), "--to", &hub.channel, "--account", "alice@example.org", "--no-progress"];
        let said = filesync(folder.home.path(), &[&words[..], &["--password-file", password.to_str().unwrap()]].concat());
        let door = std::mem::take(&mut *door.lock().unwrap());
        (said, door)
    };
    let (said, door) = bring(&file, Door { lost: vec![2], ..Door::new() });
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let order: Vec<&str> = door.heads.iter().map(|head| head["section"].as_str().unwrap()).collect();
    assert_eq!(order, ["channel", "xchan", "group", "group_member", "item"]);
    assert_eq!(door.heads[3]["groups"], json!({ "7": "abc" }));
    assert_eq!(names(&door), ["top", "answer"]);
    assert_eq!(door.end.get(1), Some(&json!({ "cart": [{ "n": 1 }] })));
    for (text, word) in
        [("{\"item\":[1]}", "has no channel in it"), ("{\"item\":[", "is not what a hub exports"), ("PK", "is not what")]
    {
        std::fs::write(&file, text).unwrap();
        let (said, _) = bring(&file, Door::new());
        assert!(said.code == 1 && said.err.contains(word), "{text}: {}", said.err);
    }
}

#[test]
fn a_hub_that_says_the_same_again_and_again_is_given_up() {
    let folder = folder(&[("2024-01", vec![post("top", "top", 1)])]);
    let (set, passphrase, password) = (folder.path("set"), folder.path("passphrase"), folder.path("password"));
    for (line, answer) in [
        ("POST /filesync/v1/create/5f0c/rows", json!({ "import": "5f0c", "state": "first", "part": 0, "number": 0 })),
        ("POST /filesync/v1/create/5f0c/rows", json!({ "import": "../x", "state": "first", "part": 1, "number": 0 })),
        ("POST /filesync/v1/create", json!({ "import": "5f0c", "state": "tomorrow" })),
        ("POST /filesync/v1/create/5f0c/key", json!({ "nick": "alice" })),
    ] {
        let door = Mutex::new(Door::new());
        let hub =
            Hub::open(
                move |asked| {
                    if asked.line == line { Some(Reply::json(200, &answer)) } else { door.lock().unwrap().answer(asked) }
                },
            );
        let said = filesync(
            folder.home.path(),
            &[
                "restore",
                set.to_str().unwrap(),
                "--to",
                &hub.channel,
                "--create",
                "--account",
                "a@example.org",
                "--passphrase-file",
                passphrase.to_str().unwrap(),
                "--password-file",
                password.to_str().unwrap(),
                "--json",
            ],
        );
        let said: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
        assert_eq!(said["error"], "door_wrong", "{line}: {said}");
    }
}

#[test]
fn what_a_person_meets() {
    let folder = folder(&[("2024-01", vec![post("top", "top", 1)])]);
    let home = folder.home.path().to_str().unwrap().to_owned();
    let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let mut text = String::new();
    let mut say = |word: &str, options: &[&str], set: &str, refusing: Option<(&'static str, u16, &'static str, Value)>| {
        let door = Mutex::new(Door::new());
        let hub = Hub::open(move |asked| match &refusing {
            Some((line, status, code, facts)) if asked.line == *line => Some(Reply::refusal(*status, code, facts)),
            _ if asked.line == "GET /filesync/v1" => Some(Reply::json(200, &announcement())),
            _ => door.lock().unwrap().answer(asked),
        });
        let words =
            [&["restore", set, "--to", &hub.channel, "--create", "--account", "alice@example.org", "--no-progress"], options]
                .concat();
        let said = filesync(folder.home.path(), &words);
        let clean = |text: &str| text.replace(&home, "HOME").replace(&hub.host, "hub.example");
        let _ = write!(text, "# {word}\n{}{}exit {}\n\n", clean(&said.out), clean(&said.err), said.code);
    };
    let (set, passphrase, wrong, password) = (path("set"), path("passphrase"), path("wrong"), path("password"));
    let right: &[&str] = &["--passphrase-file", &passphrase, "--password-file", &password];
    let (begin, rows, pass, key) = (
        "POST /filesync/v1/create",
        "POST /filesync/v1/create/5f0c/rows",
        "POST /filesync/v1/create/pass",
        "POST /filesync/v1/create/5f0c/key",
    );
    let refused = |line, status, code, facts: Value| Some((line, status, code, facts));
    let none = || json!({});
    say("passphrase_wrong", &["--passphrase-file", &wrong, "--password-file", &password], &set, None);
    say("no_passphrase", &["--password-file", &password], &set, None);
    say("no_password", &["--passphrase-file", &passphrase], &set, None);
    for (word, status) in
        [("password_wrong", 403), ("too_many_wrong", 429), ("not_private", 403), ("no_such_path", 404), ("door_closed", 403)]
    {
        say(word, right, &set, refused(pass, status, word, none()));
    }
    for word in ["other_account", "nick_taken", "nick_wrong"] {
        say(word, right, &set, refused(begin, 409, word, none()));
    }
    say("channels_many", right, &set, refused(begin, 409, "channels_many", json!({ "limit": 3 })));
    say("pass_old", right, &set, refused(rows, 403, "pass_old", none()));
    say(
        "slice_failed",
        right,
        &set,
        refused(rows, 502, "slice_failed", json!({ "message": "The hub did not import the channel: why." })),
    );
    say("keys_many", right, &set, refused(key, 409, "keys_many", json!({ "limit": 20 })));
    let files = Folder::new();
    std::fs::rename(files.path("set"), folder.path("files")).unwrap();
    say("no_channel", right, &path("files"), None);
    let posts = folder.path("set/data/posts/2024-01.jsonl");
    let before = std::fs::read_to_string(&posts).unwrap();
    std::fs::write(&posts, before.replace("xtop", "x").replace("\"x\"", "\"y\"")).unwrap();
    say("set_damaged", right, &set, None);
    compare("met-create.txt", &text);
}

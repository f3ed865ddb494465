//! What a channel has beside its files comes into a set row by row; only what changed comes again, and what left is kept.

use serde_json::value::RawValue;

use super::*;
use crate::set::{ListedRow, Outgoing, RowsFound};

/// Rows of a hub: number, month, print, text.
type Row = (u64, &'static str, &'static str, &'static str);

/// Nobody signs these sets.
const UNSIGNED: &str = "unsigned channel-signature.json";
const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const C: &str = "cccccccccccccccccccccccccccccccc";
const D: &str = "dddddddddddddddddddddddddddddddd";

fn listed(row: &Row) -> ListedRow<'_> {
    ListedRow { id: row.0, file: row.1, print: row.2 }
}

/// Brings rows into a run that has begun; returns the numbers that were asked for.
fn bring(set: &mut Set, kind: &str, hub: &[Row]) -> Result<(RowsFound, Vec<u64>)> {
    let mut rows = set.rows(kind)?;
    rows.listed(&hub.iter().map(listed).collect::<Vec<_>>())?;
    let (mut wanted, mut asked) = (rows.wanted()?, Vec::new());
    loop {
        let ids = wanted.next(2)?;
        if ids.is_empty() {
            break;
        }
        for row in hub.iter().filter(|row| ids.contains(&row.0)) {
            rows.arrived(&listed(row), &RawValue::from_string(row.3.to_owned()).unwrap())?;
        }
        asked.extend(ids);
    }
    Ok((set.end_rows(rows)?, asked))
}

impl Hub {
    fn with_rows(&self, posts: &[Row], rooms: &[Row]) -> Result<(RowsFound, Vec<u64>)> {
        self.now.set(self.now.get() + 86_400);
        let mut set = self.open()?;
        self.whole(&mut set, posts, rooms)
    }

    fn whole(&self, set: &mut Set, posts: &[Row], rooms: &[Row]) -> Result<(RowsFound, Vec<u64>)> {
        set.begin(&self.spec())?;
        let outcome = bring(set, "posts", posts)?;
        bring(set, "chatrooms", rooms)?;
        if set.identity()?.as_deref() != Some(b"sealed") {
            set.put_identity(b"sealed")?;
        }
        for hash in self.files.keys() {
            self.add(set, hash)?;
        }
        set.prepare(&self.about(), true)?;
        set.commit(None)?;
        Ok(outcome)
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.tree().remove(path).unwrap_or_default()).unwrap()
    }

    fn older(&self, path: &str) -> String {
        let inner = format!("/{path}");
        let all = self.tree();
        all.into_iter()
            .filter(|(at, _)| at.starts_with("data/older/") && at.ends_with(&inner))
            .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
            .collect()
    }
}

fn hub() -> Hub {
    let mut hub = Hub::unsigned();
    hub.put("aaaa-1", &["cat.jpg"], b"a cat");
    hub
}

const POSTS: [Row; 3] = [
    (1, "2024-05", A, r#"{"body":"one"}"#),
    (2, "2024-06", B, "{}"),
    (7, "2024-05", C, "{\"body\":\"sev\\nen\",\n \"tags\":[]}"),
];
const ROOMS: [Row; 1] = [(1, "", D, r#"{"chatroom":[{"cr_name":"room"}]}"#)];

#[test]
fn each_row_is_a_line_in_the_file_of_its_month_or_kind() {
    let hub = hub();
    let (found, asked) = hub.with_rows(&POSTS, &ROOMS).unwrap();
    assert_eq!((found, asked), (RowsFound { lines: 3, new: 3, left: 0, before: 0 }, vec![1, 2, 7]));
    let seen = "\"seen\":\"2026-11-29T03:15:00Z\"}";
    assert_eq!(
        hub.text("data/posts/2024-05.jsonl"),
        format!(
            "{{\"filesync\":{{\"print\":\"{A}\",{seen},\"body\":\"one\"}}\n\
             {{\"filesync\":{{\"print\":\"{C}\",{seen},\"body\":\"sev\\nen\",  \"tags\":[]}}\n"
        )
    );
    assert_eq!(hub.text("data/posts/2024-06.jsonl"), format!("{{\"filesync\":{{\"print\":\"{B}\",{seen}}}\n"));
    assert!(hub.text("data/channel/chatrooms.jsonl").contains("room"));
    assert_eq!(hub.text("data/channel/identity.json.age"), "sealed");
    assert_eq!((shown(&hub.check()), sums(&hub.set_path())), (vec![UNSIGNED.to_owned()], Ok(())));
    assert_eq!(hub.list(None, true).len(), 1, "they are not files of the channel");
    let options =
        ContentsOptions { at: None, older: false, scratch: hub.folder.path().join("scratch"), limits: hub.limits.clone() };
    let beside = Contents::open(&hub.set_path(), options).unwrap().beside_files().unwrap();
    let rows: Vec<(&str, u64)> = beside.iter().map(|(path, rows)| (path.as_str(), rows.rows)).collect();
    assert_eq!(rows, [("data/channel/chatrooms.jsonl", 1), ("data/posts/2024-05.jsonl", 2), ("data/posts/2024-06.jsonl", 1)]);
}

#[test]
fn a_second_run_asks_for_what_changed_and_keeps_what_left() {
    let hub = hub();
    hub.with_rows(&POSTS, &ROOMS).unwrap();
    let first = hub.tree();
    let (found, asked) = hub.with_rows(&POSTS, &ROOMS).unwrap();
    assert_eq!((found, asked), (RowsFound { lines: 3, new: 0, left: 0, before: 3 }, Vec::new()));
    assert!(hub.tree().iter().filter(|(path, _)| path.starts_with("data/")).all(|(path, bytes)| first.get(path) == Some(bytes)));
    // The first is another now, the second is gone, the third moved to another month, and one is new.
    let posts = [
        (1, "2024-05", D, r#"{"body":"edited"}"#),
        (7, "2024-07", C, r#"{"body":"seven"}"#),
        (9, "2024-05", B, r#"{"body":"new"}"#),
    ];
    let (found, asked) = hub.with_rows(&posts, &[]).unwrap();
    assert_eq!((found, asked), (RowsFound { lines: 3, new: 3, left: 3, before: 3 }, vec![1, 7, 9]));
    let bodies =
        |text: &str| text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].clone()).collect::<Vec<_>>();
    assert_eq!(bodies(&hub.text("data/posts/2024-05.jsonl")), ["edited", "new"]);
    assert_eq!(bodies(&hub.text("data/posts/2024-07.jsonl")), ["seven"]);
    assert_eq!(hub.text("data/posts/2024-06.jsonl"), "", "no file without rows");
    assert_eq!(bodies(&hub.older("posts/2024-05.jsonl")), ["one", "sev\nen"]);
    assert!(hub.older("channel/chatrooms.jsonl").contains("room"));
    assert_eq!((shown(&hub.check()), sums(&hub.set_path())), (vec![UNSIGNED.to_owned()], Ok(())));
    // A run for the files alone leaves them, and `prune` takes only what is older.
    hub.backup();
    assert_eq!(bodies(&hub.text("data/posts/2024-05.jsonl")), ["edited", "new"]);
    let mut set = hub.open().unwrap();
    let spec = PruneSpec { older_than: Some("2030-01-01T00:00:00Z".into()), ..PruneSpec::default() };
    assert_eq!(set.prune(&spec).unwrap().removed_files, 3);
    set.commit(None).unwrap();
    assert_eq!((hub.older("posts/2024-05.jsonl"), sums(&hub.set_path())), (String::new(), Ok(())));
}

#[test]
fn what_arrived_before_an_interruption_does_not_come_again_unless_the_machine_went_down() {
    for (boot, expected) in [("boot-1", vec![7]), ("boot-2", vec![1, 2, 7])] {
        let mut hub = hub();
        {
            let mut set = hub.open().unwrap();
            set.begin(&hub.spec()).unwrap();
            let mut rows = set.rows("posts").unwrap();
            for row in &POSTS[..2] {
                rows.arrived(&listed(row), &RawValue::from_string(row.3.to_owned()).unwrap()).unwrap();
            }
            let spool = hub.set_path().join(".partial/rows/posts.spool");
            let mut cut = std::fs::read(&spool).unwrap();
            cut.extend_from_slice(b"data/posts/2024-05.jsonl\0half a li");
            std::fs::write(spool, cut).unwrap();
        }
        hub.boot = boot.to_owned();
        let (found, asked) = hub.with_rows(&POSTS, &ROOMS).unwrap();
        assert_eq!((found.lines, asked), (3, expected), "{boot}");
        assert_eq!((shown(&hub.check()), sums(&hub.set_path())), (vec![UNSIGNED.to_owned()], Ok(())));
    }
}

#[test]
fn of_a_damaged_file_all_rows_come_again() {
    let hub = hub();
    hub.with_rows(&POSTS, &ROOMS).unwrap();
    let path = hub.set_path().join("data/posts/2024-05.jsonl");
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap().replace("one", "two")).unwrap();
    let (found, asked) = hub.with_rows(&POSTS, &ROOMS).unwrap();
    assert_eq!((found.lines, asked), (3, vec![1, 7]));
    assert!(hub.text("data/posts/2024-05.jsonl").contains("one") && hub.older("posts/2024-05.jsonl").is_empty());
    assert_eq!((shown(&hub.check()), sums(&hub.set_path())), (vec![UNSIGNED.to_owned()], Ok(())));
}

#[test]
fn rows_that_no_set_has_are_refused() {
    let hub = hub();
    let mut set = hub.open().unwrap();
    set.begin(&hub.spec()).unwrap();
    for kind in ["", "Posts", "a/b", "..", "identity.json.age", &"x".repeat(21)] {
        assert_eq!(set.rows(kind).map(|_| ()).unwrap_err().kind(), ErrorKind::InvalidInput, "{kind}");
    }
    for row in
        [(1, "2024-5", A, "{}"), (1, "../../x", A, "{}"), (1, "2024-05", "A", "{}"), (1, "2024-05", A, "[]"), (1, "", A, "{}")]
    {
        assert_eq!(bring(&mut set, "posts", &[row]).unwrap_err().kind(), ErrorKind::InvalidInput, "{row:?}");
    }
    for text in [r#"{"filesync":1}"#, "1", r#""{""#] {
        assert_eq!(bring(&mut set, "apps", &[(1, "", A, text)]).unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
    }
    assert_eq!(bring(&mut set, "apps", &[(1, "2024-05", A, "{}")]).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn nothing_of_them_is_sent_to_a_hub_that_restores_files() {
    let hub = hub();
    hub.with_rows(&POSTS, &ROOMS).unwrap();
    let now = hub.now.get();
    let scratch = hub.folder.path().join("scratch");
    let set = Outgoing::open(
        &hub.set_path(),
        &scratch,
        &hub.surroundings(move || now),
        hub.limits.clone(),
        crate::set::Part::default(),
    );
    let set = set.unwrap();
    let mut digests = set.digests().unwrap();
    let paths: Vec<String> = std::iter::from_fn(|| digests.next().unwrap()).flat_map(|(_, paths)| paths).collect();
    assert!(paths.iter().any(|path| path == "data/files/cat.jpg"));
    assert!(paths.iter().all(|path| !path.starts_with("data/posts") && !path.starts_with("data/channel")), "{paths:?}");
}

#[test]
fn killed_at_every_change_the_set_is_whole_or_can_be_completed_and_ends_the_same() {
    let later = [(1, "2024-05", D, r#"{"body":"edited"}"#), (9, "2024-08", B, r#"{"body":"new"}"#)];
    let hub = hub();
    hub.with_rows(&POSTS, &ROOMS).unwrap();
    let before = tempfile::tempdir().unwrap();
    copy(&hub.set_path(), &before.path().join("set"));
    let begun = hub.now.get();
    hub.with_rows(&later, &ROOMS).unwrap();
    let undisturbed = hub.tree();
    let mut is_over = false;
    for killed_after in 0.. {
        copy(&before.path().join("set"), &hub.set_path());
        hub.now.set(begun + 86_400);
        {
            let mut set = hub.open().unwrap();
            set.tree.faults.killed_after.set(Some(killed_after));
            is_over = hub.whole(&mut set, &later, &ROOMS).is_ok();
        }
        assert_eq!(shown(&hub.check()), [UNSIGNED], "killed after {killed_after}");
        if is_over {
            break;
        }
        hub.whole(&mut hub.open().unwrap(), &later, &ROOMS).unwrap();
        assert!(sums(&hub.set_path()).is_ok(), "killed after {killed_after}");
        let (now, then) = (hub.tree(), &undisturbed);
        for (path, bytes) in then.iter().filter(|(path, _)| path.starts_with("data/posts")) {
            assert_eq!(now.get(path), Some(bytes), "{path}, killed after {killed_after}");
        }
    }
    assert!(is_over);
}

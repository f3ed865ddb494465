//! What the command says: help, and words about sets, as snapshots. `UPDATE=1 cargo test -p filesync-cli` writes them again; the
//! difference is then read like code.

mod home;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use home::{Folder, compare, filesync};

#[test]
fn help_reads_as_a_page_that_teaches() {
    let home = tempfile::tempdir().unwrap();
    let mut text = filesync(home.path(), &["--help"]).out;
    for verb in verbs(home.path()) {
        write!(text, "\n===== {verb} =====\n\n{}", filesync(home.path(), &[&verb, "--help"]).out).unwrap();
    }
    compare("help.txt", &text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn completions_and_man_pages_name_every_verb() {
    let home = tempfile::tempdir().unwrap();
    let verbs = verbs(home.path());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let said = filesync(home.path(), &["completions", shell]);
        assert!(said.code == 0 && said.out.contains("older-than"), "{shell}");
        let missing: Vec<_> = verbs.iter().filter(|verb| !said.out.contains(verb.as_str())).collect();
        assert!(missing.is_empty(), "{shell} does not complete {missing:?}");
    }
    let pages = home.path().join("man");
    assert_eq!(filesync(home.path(), &["man", pages.to_str().unwrap()]).code, 0);
    for verb in &verbs {
        assert!(pages.join(format!("filesync-{verb}.1")).is_file(), "no page for {verb}");
    }
    let page = std::fs::read_to_string(pages.join("filesync-backup.1")).unwrap();
    assert!(page.contains("accept\\-removals") && page.contains(".TH filesync-backup 1"), "{page}");
    assert!(pages.join("filesync.1").is_file());
}

/// Returns the verbs that the help lists, so that a new one is not forgotten here.
fn verbs(home: &Path) -> Vec<String> {
    let help = filesync(home, &["--help"]).out;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let verbs: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(verbs.len() > 10, "{list}");
    verbs
}

#[test]
fn words_about_sets_are_plain_and_say_what_helps() {
    let folder = Folder::new();
    let set = folder.path("set");
    let dir = set.to_str().unwrap().to_owned();
    let mut text = String::new();
    let mut say = |what: &str, words: &[&str]| folder.say(&mut text, what, words);
    say("a set that is whole", &["verify", &dir]);
    say("for programs", &["verify", &dir, "--json"]);
    say("quietly", &["verify", &dir, "--quiet"]);
    say("what is in it", &["list", &dir]);
    say("what was in it", &["list", &dir, "--at", "2025-11-24T18:00:00Z"]);
    say("before its first run", &["list", &dir, "--at", "2020-01-01"]);
    say("what would go", &["prune", &dir, "--older-than", "2025-11-30", "--dry-run"]);
    say("the same set twice", &["diff", &dir, &dir]);
    std::fs::write(folder.path("backup.zip"), "PK").unwrap();
    say("an archive", &["verify", folder.path("backup.zip").to_str().unwrap()]);
    say("no folder", &["verify", folder.path("nothing").to_str().unwrap()]);
    std::fs::create_dir(folder.path("empty")).unwrap();
    say("no set", &["list", folder.path("empty").to_str().unwrap()]);
    say("usage", &["prune", &dir]);
    say("an age that is none", &["prune", &dir, "--older-than", "soon"]);
    say("not an address", &["backup", "hub.example", "--to", &dir]);
    say("plain http", &["backup", "http://hub.example/channel/alice", "--to", &dir]);
    say("no log-in to forget", &["logout", "https://hub.example/channel/alice"]);
    say("no restore key", &["restore", &dir, "--to", "https://hub.example/channel/alice"]);
    say(
        "a key that is none",
        &["restore", &dir, "--to", "https://hub.example/channel/alice", "--key-command", "printf 'a\\001b'"],
    );
    say("a key in the clear", &["restore", &dir, "--to", "http://hub.example/channel/alice"]);
    say("no restore under way", &["status"]);
    say("nothing to end", &["cancel", "https://hub.example/channel/alice", "--json"]);

    let copy = |name: &str, change: &dyn Fn(&Path)| {
        let to = folder.path(name);
        assert!(Command::new("cp").args(["-a", set.to_str().unwrap(), to.to_str().unwrap()]).status().unwrap().success());
        change(&to);
        to.to_str().unwrap().to_owned()
    };
    let damaged = copy("damaged", &|set| {
        std::fs::write(set.join("data/files/cat.jpg"), "anothex").unwrap();
        std::fs::remove_file(set.join("data/files/stays.txt")).unwrap();
        std::fs::write(set.join("data/files/mine.txt"), "mine").unwrap();
    });
    say("damage", &["verify", &damaged]);
    say("against a whole one", &["diff", &dir, &damaged]);
    let files = folder.path("files");
    let to = files.to_str().unwrap();
    say("the files of a damaged one", &["extract", &damaged, "--to", to]);
    std::fs::write(files.join("stays.txt"), "mine").unwrap();
    say("and of a whole one beside them", &["extract", &dir, "--to", to]);
    say("as they were", &["extract", &dir, "--to", to, "--at", "2025-11-24", "--only", "gone.txt", "--json"]);
    say("what it has not", &["extract", &dir, "--to", to, "--only", "gone.txt"]);
    say("to the set itself", &["extract", &dir, "--to", &dir]);
    let newer = copy("newer", &|set| {
        let text = std::fs::read_to_string(set.join("set.json")).unwrap();
        std::fs::write(set.join("set.json"), text.replace("\"filesync_set\": 1", "\"filesync_set\": 2")).unwrap();
    });
    say("a newer format", &["prune", &newer, "--older-than", "1d"]);
    let hostile = copy("hostile", &|set| {
        let list = std::fs::read_to_string(set.join("manifest-sha256.txt")).unwrap();
        let list = list.replace("data/files/cat.jpg", "data/files/../../../x");
        let digest = |bytes: &[u8]| filesync_engine::Digest::of(bytes).to_string();
        let before = digest(&std::fs::read(set.join("manifest-sha256.txt")).unwrap());
        std::fs::write(set.join("manifest-sha256.txt"), &list).unwrap();
        let tags = std::fs::read_to_string(set.join("tagmanifest-sha256.txt")).unwrap();
        std::fs::write(set.join("tagmanifest-sha256.txt"), tags.replace(&before, &digest(list.as_bytes()))).unwrap();
    });
    say("made to do harm", &["verify", &hostile]);
    say("its files", &["extract", &hostile, "--to", to]);
    let signed = copy("signed", &|set| {
        let text = std::fs::read_to_string(set.join("set.json")).unwrap();
        let text = text.replace("\"signed_by\": null", "\"signed_by\": { \"channel\": \"https://hub.example/channel/alice\" }");
        std::fs::write(set.join("set.json"), text).unwrap();
    });
    say("a hub's set", &["prune", &signed, "--older-than", "1d"]);
    compare("sets.txt", &text);
}

#[test]
fn prune_removes_what_is_older_and_only_that() {
    let folder = Folder::new();
    let set = folder.path("set");
    let dir = set.to_str().unwrap();
    let said = filesync(folder.home.path(), &["prune", dir, "--older-than", "2025-11-30"]);
    assert_eq!((said.code, said.out.starts_with("removed 4 files")), (0, true), "{}{}", said.out, said.err);
    assert!(std::fs::read_dir(set.join("data/older")).map_or(true, |mut left| left.next().is_none()));
    assert!(set.join("data/files/cat.jpg").is_file());
    assert_eq!(filesync(folder.home.path(), &["verify", dir]).code, 0);
}

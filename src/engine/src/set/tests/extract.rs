//! A set becomes an ordinary tree of folders: whole or not at all, whatever the names are, and nothing that is there is changed.

use super::*;
use crate::set::choice::Choice;
use crate::set::extract::{Extract, ExtractOptions, ExtractProgress, Fate};
use crate::set::restore::Restore;
use crate::set::tree::Tree;

/// The time of `Hub::metadata`, 2024-05-03 09:00:00.
const EDITED: u64 = 1_714_726_800;
const WORK: &str = ".filesync-extract";

impl Hub {
    fn to(&self) -> PathBuf {
        let to = self.folder.path().join("to");
        let _ = std::fs::create_dir(&to);
        to
    }

    fn extract_options(&self) -> ExtractOptions {
        ExtractOptions {
            at: None,
            choice: Choice::default(),
            scratch: self.folder.path().join("scratch"),
            limits: SetLimits { small_file_bytes: 4, ..self.limits.clone() },
        }
    }

    fn extract_with(&self, options: ExtractOptions) -> Result<(ExtractProgress, Vec<String>)> {
        let now = self.now.get();
        run(Extract::open(&self.set_path(), &self.to(), &self.surroundings(move || now), options)?)
    }

    /// Extracts all: how far it came, and what was noted.
    fn extract(&self) -> (ExtractProgress, Vec<String>) {
        self.extract_with(self.extract_options()).unwrap()
    }

    /// Extracts to a folder that fails.
    fn extract_to(&self, target: &Tree) -> Result<(ExtractProgress, Vec<String>)> {
        let restore = Restore::open(&self.set_path(), self.restore_options())?;
        run(Extract::to(target.clone(), restore, self.extract_options())?)
    }
}

fn run(mut extract: Extract) -> Result<(ExtractProgress, Vec<String>)> {
    let mut noted = Vec::new();
    while !extract.is_done() {
        noted.extend(extract.step(Duration::from_millis(50))?);
    }
    let noted = noted.iter().map(|one| format!("{} {}", one.fate.name(), one.path)).collect();
    Ok((extract.progress().clone(), noted))
}

fn texts(folder: &Path) -> BTreeMap<String, String> {
    files(folder).into_iter().map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

fn of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn modified(path: &Path) -> u64 {
    let time = std::fs::metadata(path).unwrap().modified().unwrap();
    time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

const SMALL: [(&str, &str); 4] = [("2024/cat.jpg", "cat"), ("2024/dog.jpg", "dog"), ("empty", ""), ("talk.pdf", "talk")];

#[test]
fn files_and_folders_come_with_their_names_and_dates_for_their_owner_alone() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.folder("f-none", &["nothing in it"]);
    hub.put("ee-5", &["a: \"b\"?.txt"], b"a file of more than four bytes");
    hub.backup();
    let before = hub.tree();
    let (progress, noted) = hub.extract();
    assert_eq!(noted, [""; 0]);
    let expected = [SMALL.as_slice(), &[("a: \"b\"?.txt", "a file of more than four bytes")]].concat();
    assert_eq!(texts(&hub.to()), of(&expected));
    assert_eq!((progress.files_total, progress.files, progress.new_files, progress.folders), (5, 5, 5, 2));
    assert_eq!((progress.bytes_total, progress.bytes, progress.new_bytes), (40, 40, 40));
    for path in ["2024", "2024/cat.jpg", "empty", "nothing in it"] {
        let path = hub.to().join(path);
        assert_eq!(modified(&path), EDITED, "{}", path.display());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
    assert!(!hub.to().join(WORK).exists());
    assert_eq!(hub.tree(), before, "the set is only read");
    let (again, noted) = hub.extract();
    assert_eq!((again.same_files, again.new_files, noted), (5, 0, Vec::new()));
}

#[test]
fn nothing_that_is_there_is_changed_and_no_link_is_followed() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.folder("f-2025", &["2025"]);
    hub.put("ee-5", &["2025", "new"], b"new");
    hub.put("ee-6", &["taken", "new"], b"new");
    hub.backup();
    let (to, outside) = (hub.to(), tempfile::tempdir().unwrap());
    std::fs::create_dir(to.join("2024")).unwrap();
    std::fs::write(to.join("2024/cat.jpg"), "dog").unwrap();
    std::fs::write(to.join("2024/own"), "own").unwrap();
    std::fs::create_dir(to.join("talk.pdf")).unwrap();
    std::fs::write(to.join("empty"), "longer").unwrap();
    std::fs::write(to.join("taken"), "a file").unwrap();
    std::os::unix::fs::symlink(outside.path(), to.join("2025")).unwrap();
    let (progress, noted) = hub.extract();
    assert_eq!(
        noted,
        [
            "file_differs 2024/cat.jpg",
            "name_taken talk.pdf",
            "file_differs empty",
            "name_taken 2025/new",
            "name_taken taken/new",
            "name_taken 2025"
        ]
    );
    assert_eq!((progress.new_files, progress.files), (1, 6));
    let expected =
        [("2024/cat.jpg", "dog"), ("2024/dog.jpg", "dog"), ("2024/own", "own"), ("empty", "longer"), ("taken", "a file")];
    assert_eq!(texts(&to), of(&expected));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn names_that_climb_or_collide_become_others_beneath_the_folder_and_are_noted() {
    let mut hub = Hub::unsigned();
    hub.put("aa-1", &["..", "..", "etc", "passwd"], b"climbs");
    hub.put("bb-2", &["a/b"], b"slash");
    hub.put("cc-3", &["same"], b"first");
    hub.put("dd-4", &["same"], b"second");
    hub.folder("ee-5", &["folder"]);
    hub.put("ff-6", &["folder"], b"file");
    hub.put("gg-7", &[WORK, "0"], b"ours");
    hub.put("hh-8", &["/"], b"root");
    hub.backup();
    let (_, noted) = hub.extract();
    assert_eq!(noted, ["renamed a_b", "renamed same (dd-4)", "renamed folder (ff-6)", "renamed _"]);
    let own = format!("_{WORK}/0");
    let expected = [
        ("_../_../etc/passwd", "climbs"),
        ("a_b", "slash"),
        ("same", "first"),
        ("same (dd-4)", "second"),
        ("folder (ff-6)", "file"),
        (own.as_str(), "ours"),
        ("_", "root"),
    ];
    assert_eq!(texts(&hub.to()), of(&expected));
    // A part has the same names.
    std::fs::remove_dir_all(hub.to()).unwrap();
    let choice = Choice::new(&["folder".into()], &["sam*".into(), "f*".into()]);
    let (progress, noted) = hub.extract_with(ExtractOptions { choice, ..hub.extract_options() }).unwrap();
    assert_eq!((texts(&hub.to()), noted.len()), (of(&[("same", "first"), ("same (dd-4)", "second")]), 1));
    assert_eq!((progress.files_total, progress.folders), (2, 0));
}

#[test]
fn what_is_damaged_is_left_out_and_all_others_come() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.put("ee-5", &["moved.txt"], b"somewhere else");
    hub.put("ff-6", &["lost"], b"");
    hub.files.get_mut("ff-6").unwrap().has_bytes = false;
    hub.put("gg-7", &["nobody"], b"knows");
    hub.put("hh-8", &["other"], b"other");
    hub.backup();
    let set = hub.set_path();
    std::fs::write(set.join("data/files/2024/cat.jpg"), "cut").unwrap();
    std::fs::remove_file(set.join("data/files/talk.pdf")).unwrap();
    std::fs::rename(set.join("data/files/moved.txt"), set.join("data/files/2024/x")).unwrap();
    std::fs::write(set.join("data/metadata/gg/gg-7.json"), "{").unwrap();
    let of_other = set.join("data/metadata/hh/hh-8.json");
    let text = std::fs::read_to_string(&of_other).unwrap();
    std::fs::write(&of_other, text.replace("\"other\"", "\"otter\"")).unwrap();
    // A link in a set leads nowhere.
    std::fs::remove_file(set.join("data/files/2024/dog.jpg")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", set.join("data/files/2024/dog.jpg")).unwrap();
    let (progress, noted) = hub.extract();
    assert_eq!(
        noted,
        [
            "file_damaged 2024/cat.jpg",
            "file_missing 2024/dog.jpg",
            "file_missing talk.pdf",
            "no_bytes lost",
            "metadata_damaged data/metadata/gg/gg-7.json",
            "metadata_unproven otter",
        ]
    );
    assert_eq!(texts(&hub.to()), of(&[("empty", ""), ("moved.txt", "somewhere else"), ("otter", "other")]));
    assert_eq!((progress.new_files, progress.noted[&Fate::Missing]), (3, 2));
    // Without its lists, too.
    for list in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        std::fs::remove_file(set.join(list)).unwrap();
    }
    let (progress, _) = hub.extract();
    assert_eq!((progress.same_files, progress.new_files), (3, 0));
}

#[test]
fn a_time_names_the_state_of_an_earlier_run() {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    let first = hub.backup();
    hub.write("aa-1", b"another cat");
    hub.files.remove("cc-3");
    hub.backup();
    let at = |at: &str| ExtractOptions { at: Some(at.to_owned()), ..hub.extract_options() };
    let run = &first.run;
    let time = format!("{}:{}:{}", &run[..13], &run[13..15], &run[15..]);
    hub.extract_with(at(&time)).unwrap();
    assert_eq!(texts(&hub.to()), of(&SMALL));
    let error = hub.extract_with(at("2020-01-01T00:00:00Z")).unwrap_err();
    assert!(error.facts().any(|fact| fact == ("code", "no_run")), "{error}");
    let (_, noted) = hub.extract();
    assert_eq!(noted, ["file_differs 2024/cat.jpg"], "now it is another file");
}

/// A set with names of every sort, and what becomes of it.
fn filled() -> (Hub, BTreeMap<String, String>) {
    let mut hub = Hub::unsigned();
    small(&mut hub);
    hub.put("ee-5", &["same"], b"the first, of more than four bytes");
    hub.put("ee-6", &["same"], b"the second");
    hub.put("ee-7", &["deep", "er", "x"], b"x");
    hub.backup();
    hub.extract();
    let all = texts(&hub.to());
    assert_eq!(all.len(), 7);
    std::fs::remove_dir_all(hub.to()).unwrap();
    (hub, all)
}

/// Each file that has a name has its bytes.
fn assert_no_half(hub: &Hub, all: &BTreeMap<String, String>, when: &str) {
    let there = texts(&hub.to()).into_iter().filter(|(path, _)| !path.starts_with(WORK));
    for (path, text) in there {
        assert_eq!(all.get(&path), Some(&text), "{when}: {path}");
    }
}

#[test]
fn killed_at_any_change_it_goes_on() {
    let (hub, all) = filled();
    let target = Tree::open(&hub.to()).unwrap();
    hub.extract_to(&target).unwrap();
    let changes = target.faults.changes.get();
    assert!(changes > 20, "{changes}");
    for killed_after in 0..changes {
        std::fs::remove_dir_all(hub.to()).unwrap();
        let target = Tree::open(&hub.to()).unwrap();
        target.faults.killed_after.set(Some(killed_after));
        hub.extract_to(&target).unwrap_err();
        let when = format!("killed after {killed_after}");
        assert_no_half(&hub, &all, &when);
        let (progress, noted) = hub.extract();
        assert_eq!((texts(&hub.to()), progress.files), (all.clone(), 7), "{when}");
        assert_eq!(noted, ["renamed same (ee-6)"], "{when}");
        assert_eq!(modified(&hub.to().join("2024")), EDITED, "{when}");
    }
}

#[test]
fn on_a_disk_that_is_full_whatever_has_a_name_is_whole() {
    let (hub, all) = filled();
    let target = Tree::open(&hub.to()).unwrap();
    hub.extract_to(&target).unwrap();
    let mut failed = 0;
    for full_after in 0..target.faults.changes.get() {
        std::fs::remove_dir_all(hub.to()).unwrap();
        let target = Tree::open(&hub.to()).unwrap();
        target.faults.full_after.set(Some(full_after));
        let when = format!("full after {full_after}");
        if let Err(error) = hub.extract_to(&target) {
            assert_eq!(error.kind(), ErrorKind::Storage, "{when}: {error}");
            failed += 1;
        }
        assert_no_half(&hub, &all, &when);
        hub.extract();
        assert_eq!(texts(&hub.to()), all, "{when}");
    }
    assert!(failed > 3, "{failed}");
}

#[test]
fn what_is_stopped_keeps_what_is_whole_and_only_one_extracts_to_a_folder() {
    let (hub, all) = filled();
    let open = || {
        let now = hub.now.get();
        Extract::open(&hub.set_path(), &hub.to(), &hub.surroundings(move || now), hub.extract_options())
    };
    let mut extract = open().unwrap();
    let error = open().err().unwrap();
    assert!(error.facts().any(|fact| fact == ("code", "extract_running")), "{error}");
    while extract.progress().files < 3 {
        extract.step(Duration::from_nanos(1)).unwrap();
    }
    extract.stop().unwrap();
    assert!(texts(&hub.to()).len() >= 3 && !hub.to().join(WORK).exists());
    assert_no_half(&hub, &all, "stopped");
    let (progress, _) = hub.extract();
    assert_eq!((progress.same_files >= 3, texts(&hub.to())), (true, all));
}

#[test]
fn a_set_that_a_backup_changes_meanwhile_is_not_called_whole() {
    let (mut hub, _) = filled();
    let now = hub.now.get();
    let mut extract = Extract::open(&hub.set_path(), &hub.to(), &hub.surroundings(move || now), hub.extract_options()).unwrap();
    extract.step(Duration::from_nanos(1)).unwrap();
    hub.put("ii-9", &["late"], b"late");
    hub.backup();
    let error = run(extract).unwrap_err();
    assert!(error.facts().any(|fact| fact == ("code", "set_changed")), "{error}");
}

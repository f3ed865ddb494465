//! The owner's command with very many files: a run that finds them unchanged, by the API and at the reading door, and a restore of which
//! the hub has everything, take memory that does not grow with their number. A process of its own: nothing else takes memory
//! meanwhile.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use filesync_engine::door::{self, Unsent};
use filesync_engine::owner::{
    self, Connection, ConnectionOptions, Credentials, Door, Ended, Progress, Report, RunOptions, Target, Watch,
};
use filesync_engine::set::{Bytes, Choice, Options, Original, Part, Peek, RunSpec, Set, Surroundings};
use filesync_engine::{AddressPolicy, Digest, HubUrl, Root, Secret, SetLimits, TransferLimits, transfer};
use serde_json::{Value, json};

/// A million with `FULL=1` in the environment.
fn files() -> u64 {
    if std::env::var_os("FULL").is_some() { 1_000_000 } else { 20_000 }
}

const MOST_KIB: u64 = 64 << 10;
/// When the first file was made; each later one a second after the one before.
const FIRST: i64 = 1_600_000_000;
const KEY: &str = "-----BEGIN RSA PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n";

fn time(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Hashes in the order of their files' paths and of those of their metadata.
fn hash(n: u64) -> String {
    let shelf = files().div_ceil(256);
    format!("{:02x}{:06x}", n / shelf, n % shelf)
}

fn name(n: u64) -> String {
    format!("file number {n:07}.txt")
}

/// The row of an empty file.
fn row(n: u64) -> Value {
    let second = FIRST + i64::try_from(n).unwrap();
    json!({
        "hash": hash(n), "creator": "channel", "filename": name(n), "filetype": "text/plain", "filesize": 0, "revision": 0, "folder": "",
        "flags": 0, "is_dir": 0, "is_photo": 0, "created": time(second), "edited": time(second), "allow_cid": "", "allow_gid": "",
        "deny_cid": "", "deny_gid": "", "term": [],
    })
}

fn metadata(n: u64) -> String {
    format!(r#"{{"kind":"file","hash":"{}","attach":[{}]}}"#, hash(n), row(n))
}

/// What is written of one file, with the file that its text is made from.
struct Model {
    hash: String,
    name: String,
    second: String,
    /// Its metadata file in a set.
    saved: String,
    /// What a listing's print is made of.
    known: String,
}

impl Model {
    fn adapt(&self, text: &str, n: u64) -> String {
        let second = time(FIRST + i64::try_from(n).unwrap());
        text.replace(&self.hash, &hash(n)).replace(&self.name, &name(n)).replace(&self.second, &second)
    }
}

fn surroundings() -> Surroundings {
    Surroundings { boot_id: "boot".into(), host: "here".into(), process: 1, unix_time: Box::new(now), random: Box::new(|| 1) }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn set_options() -> Options {
    Options { bytes_per_second: None, may_clone: false, limits: SetLimits::default(), surroundings: surroundings() }
}

/// Makes a set of one file.
fn first_set(folder: &Path) -> Model {
    let mut set = Set::open(folder, set_options()).unwrap();
    set.begin(&RunSpec { from: "https://hub.example".into(), by: "api".into(), channel_hash: "channel".into() }).unwrap();
    let bytes = Bytes { original: Some(Original::Bytes(Vec::new())), ..Bytes::default() };
    set.add(&metadata(0), &Root::open(folder).unwrap(), bytes).unwrap();
    let about = json!({
        "channel": { "hash": "channel", "url": "https://hub.example/channel/alice", "key": KEY },
        "full_look": jiff::Timestamp::from_second(now()).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    set.prepare(&about.to_string(), true).unwrap();
    set.commit(None).unwrap();
    drop(set);
    let saved = std::fs::read_to_string(folder.join("data/metadata/00/00000000.json")).unwrap();
    let peek = Peek::into(folder, &surroundings(), SetLimits::default()).unwrap().unwrap();
    let known = peek.known("00000000").unwrap().unwrap().metadata;
    Model { hash: hash(0), name: name(0), second: time(FIRST), saved, known }
}

/// Makes very many files of one, in the set and in its lists.
fn swell(folder: &Path, model: &Model) {
    let path = folder.join("manifest-sha256.txt");
    let before = Digest::of(&std::fs::read(&path).unwrap()).to_string();
    let mut list = BufWriter::new(std::fs::File::create(&path).unwrap());
    let empty = Digest::of(b"");
    for n in 0..files() {
        let path = format!("data/files/{}", name(n));
        std::fs::File::create(folder.join(&path)).unwrap();
        writeln!(list, "{empty}  {path}").unwrap();
    }
    for n in 0..files() {
        let (hash, text) = (hash(n), model.adapt(&model.saved, n));
        let path = format!("data/metadata/{}/{hash}.json", &hash[..2]);
        std::fs::create_dir_all(folder.join(&path).parent().unwrap()).unwrap();
        std::fs::write(folder.join(&path), &text).unwrap();
        writeln!(list, "{}  {path}", Digest::of(text.as_bytes())).unwrap();
    }
    list.into_inner().unwrap();
    let tags = std::fs::read_to_string(folder.join("tagmanifest-sha256.txt")).unwrap();
    let after = Digest::of(&std::fs::read(&path).unwrap()).to_string();
    std::fs::write(folder.join("tagmanifest-sha256.txt"), tags.replace(&before, &after)).unwrap();
}

/// A hub that lists very many files, and lacks none.
struct Hub {
    model: Model,
    url: String,
}

impl Hub {
    fn start(model: Model) -> Arc<Self> {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let hub = Arc::new(Self { model, url });
        let serving = Arc::clone(&hub);
        std::thread::spawn(move || {
            for stream in server.incoming() {
                let hub = Arc::clone(&serving);
                std::thread::spawn(move || hub.serve(stream.unwrap()));
            }
        });
        hub
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut input = BufReader::new(stream.try_clone().ok()?);
        let mut output = stream;
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok().filter(|length| *length > 0)?;
            let (mut header, mut length) = (String::new(), 0);
            while input.read_line(&mut header).ok()? > 2 {
                if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().ok()?;
                }
                header.clear();
            }
            let mut body = vec![0; length];
            input.read_exact(&mut body).ok()?;
            let target = line.split(' ').nth(1)?;
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            let answer = self.answer(path, &query).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: PHPSESSID=x";
            write!(output, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).ok()?;
        }
    }

    fn answer(&self, path: &str, query: &HashMap<String, String>) -> Value {
        match path {
            "/logout" => Value::Null,
            "/channel/alice" => json!({ "id": "guid", "public_key": KEY, "name": "Alice" }),
            "/api/z/1.0/item/export_page" => json!({ "relocate": { "channel_address": "alice", "url": self.url }, "item": [] }),
            "/api/z/1.0/xchan" => json!({ "hash": "channel", "pubkey": KEY }),
            "/api/z/1.0/files" => {
                let since = query.get("since").and_then(|since| since.parse::<jiff::Timestamp>().ok());
                let from = since.map_or(0, |since| u64::try_from(since.as_second() - FIRST).unwrap());
                json!({ "success": true, "results": (from..files().min(from + 1000)).map(row).collect::<Vec<_>>() })
            }
            "/filesync/v1" => json!({
                "filesync": "1", "protocol": { "oldest": 1, "newest": 1 }, "door": "open", "set_format": 1,
                "limits": { "piece_bytes": 8 << 20, "pack_bytes": 8 << 20, "digests": 2000 },
            }),
            "/filesync/v1/set" => json!({
                "channel": { "nick": "alice", "hash": "channel", "url": "https://hub.example/channel/alice", "key": KEY },
                "files": files(), "bytes": 0, "lacks": [],
            }),
            "/filesync/v1/set/files" => {
                let from = query["after"].parse().unwrap();
                let to = files().min(from + 1000);
                let listed = |n| {
                    let print = Digest::of(self.model.adapt(&self.model.known, n).as_bytes()).to_string();
                    json!({ "hash": hash(n), "print": &print[..32], "size": 0, "names": [name(n)] })
                };
                json!({ "files": (from..to).map(listed).collect::<Vec<_>>(), "after": (to < files()).then_some(to) })
            }
            "/filesync/v1/restore" => json!({ "session": "s", "state": "open" }),
            "/filesync/v1/restore/s/lacking" => json!({ "lacking": [] }),
            "/filesync/v1/restore/s" => json!({ "session": "s", "state": "done", "restore": { "files": { "here": files() } } }),
            "/filesync/v1/restore/s/room" | "/filesync/v1/restore/s/finish" => json!({ "session": "s" }),
            other => panic!("{other}"),
        }
    }

    fn connection_options(&self) -> ConnectionOptions {
        ConnectionOptions {
            hub: HubUrl::parse(&self.url).unwrap(),
            policy: AddressPolicy { allow_http: true, allow_private_addresses: true },
            ca_pem: None,
            proxy: None,
            bytes_per_second: None,
            limits: TransferLimits::default(),
            unix_time: Box::new(now),
        }
    }
}

#[derive(Default)]
struct Patient {
    unsent: u64,
}

impl Watch for Patient {
    fn progress(&mut self, _: &Progress<'_>) {}
    fn hindered(&mut self, _: &'static str) {}
    fn must_stop(&self) -> bool {
        false
    }
}

impl door::Watch for Patient {
    fn begun(&mut self, _: &str) {}
    fn progress(&mut self, _: &door::Progress<'_>) {}
    fn unsent(&mut self, _: &Unsent<'_>) {
        self.unsent += 1;
    }
    fn hindered(&mut self, _: &'static str, _: Option<u64>) {}
    fn must_stop(&self) -> bool {
        false
    }
}

fn run_options(folder: &Path, scratch: &Path) -> RunOptions {
    RunOptions {
        target: Target {
            folder: folder.to_owned(),
            choice: Choice::default(),
            accepts_removals: false,
            damaged: HashSet::new(),
            key: None,
            made_with: "a test".into(),
            options: set_options(),
        },
        has_posts: false,
        is_full: false,
        hub_version: "8.8".into(),
        scratch: scratch.to_owned(),
        limits: TransferLimits::default(),
        surroundings: Rc::new(|| transfer::Surroundings {
            boot_id: "boot".into(),
            unix_time: Box::new(now),
            random: Box::new(|| 1),
        }),
    }
}

fn unchanged(ended: Ended) -> Box<Report> {
    let Ended::Done(report) = ended else { panic!("{ended:?}") };
    let found = &report.found;
    assert_eq!((found.listed, found.unchanged, found.removed, found.copied_bytes), (files(), files(), 0, 0));
    report
}

/// Does something, and says how much memory this process had at most meanwhile.
fn within_bounds(what: &str, work: impl FnOnce()) {
    let kib = |name: &str| -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    // What this test itself took before is forgotten.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, begun) = (kib("VmRSS:"), std::time::Instant::now());
    work();
    let peak = kib("VmHWM:");
    println!("{what}: {} files, {before} KiB before, {peak} KiB at most, {:.1} s", files(), begun.elapsed().as_secs_f64());
    assert!(peak <= MOST_KIB, "{what}: {peak} KiB");
}

#[test]
fn very_many_files_are_listed_and_restored_in_little_memory() {
    let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = first_set(folder.path());
    swell(folder.path(), &model);
    let hub = Hub::start(model);
    within_bounds("by the API", || {
        let connection = Connection::new(hub.connection_options()).unwrap();
        let channel = connection.log_in(Credentials::Password(Secret::new("secret".into())), "alice").unwrap();
        let ended = owner::run(&connection, &channel, run_options(folder.path(), scratch.path()), None, &mut Patient::default());
        assert!(!unchanged(ended.unwrap()).is_full);
    });
    within_bounds("at the reading door", || {
        let connection = Connection::new(hub.connection_options()).unwrap();
        let door = Door::new(&connection, Secret::new("key".into()));
        let about = door.about().unwrap();
        let ended = owner::read_at_door(&door, &about, run_options(folder.path(), scratch.path()), None, &mut Patient::default());
        unchanged(ended.unwrap());
    });
    within_bounds("restored", || {
        let door = door::Door::new(hub.connection_options(), Secret::new("key".into())).unwrap();
        let options = door::RestoreOptions {
            folder: folder.path().to_owned(),
            find_in: None,
            as_copy: false,
            replace: false,
            deleted: false,
            is_trusted: false,
            part: Part::default(),
            without: Vec::new(),
            scratch: scratch.path().to_owned(),
            surroundings: surroundings(),
            limits: SetLimits::default(),
        };
        let mut watch = Patient::default();
        let ended = door::restore(&door, &options, &mut watch).unwrap();
        let door::Ended::Done(report) = ended else { panic!("{ended:?}") };
        assert_eq!((report.sent_files, report.unsent, watch.unsent), (0, 0, 0));
        // A digest once, however many files have it: that of the empty file, and one for each metadata file.
        assert!(door.requests() > files() / 2000, "{}", door.requests());
    });
}

//! A loopback hub: getfile, the API login, filemeta and `/dav` of a stock hub, with faults that tests switch on.

#![allow(
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::struct_excessive_bools,
    clippy::needless_pass_by_value,
    dead_code,
    unused_imports
)]

mod filesync;
mod owner;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use filesync_engine::transfer::{BatchOptions, Complete, OriginSpec, Outcome, Report, Surroundings, TransferBatch, TransferSpec};
use filesync_engine::{Access, AddressPolicy, ChannelKey, Error, HubUrl, Identity, Limits, TransferLimits};

pub use filesync::{Filesync, Lie, with_filesync};
pub use owner::Owner;

/// How long a test waits for what must come, however slow the machine is.
const PATIENCE: Duration = Duration::from_mins(5);

/// What the hub holds and how it misbehaves.
#[derive(Default)]
pub struct State {
    pub files: HashMap<String, StoredFile>,
    pub scales: HashMap<(String, u8), Vec<u8>>,
    pub faults: Faults,
    /// Whether the hub speaks filesync, and how.
    pub filesync: Option<Filesync>,
    /// Whether it answers what owners ask.
    pub owner: Option<Owner>,
    /// `METHOD /path range` of every request, in order.
    pub requests: Vec<String>,
    pub sessions: u32,
    /// Requests that are still answered with an error since a connection was cut.
    pub down: usize,
    /// Bytes of replies that never ended.
    pub endless_bytes: usize,
    /// Replies of `/dav` on their way now, and the most that ever were.
    pub at_once: usize,
    pub most_at_once: usize,
}

#[derive(Clone, Default)]
pub struct StoredFile {
    pub bytes: Vec<u8>,
    pub path: String,
    pub edited: String,
    /// What the row claims if not the true size.
    pub claimed: Option<u64>,
}

#[derive(Clone, Default)]
pub struct Faults {
    /// Body bytes after which a connection is dropped, used up by that drop.
    pub cut_after: Vec<usize>,
    /// The next bodies stop coming after this many bytes, connection open.
    pub stall_after: Option<usize>,
    pub dav_ignores_range: bool,
    pub dav_shifts_range: bool,
    pub dav_status: Option<u16>,
    pub filedata_status: Option<u16>,
    /// The row is there and the bytes are not.
    pub no_content: bool,
    /// Time from a request to its reply.
    pub delay: Duration,
    /// Replies of `/dav` after the first wait until so many were on their way at once.
    pub together: usize,
    /// Lines in the heads of replies to requests whose path begins so.
    pub lines: Vec<(&'static str, Vec<u8>)>,
    /// Lines in the heads of the errors of [`Self::down_after_cut`].
    pub lines_of_errors: Vec<Vec<u8>>,
    pub no_etag: bool,
    /// The login sets no cookie of its own accord.
    pub no_cookie: bool,
    /// The line by which getfile names a file; an empty one for none.
    pub name_line: Option<Vec<u8>>,
    /// What getfile gives instead: type and body.
    pub excuse: Option<(&'static str, Vec<u8>)>,
    /// Which range, and of which description, is given where one is asked for: first, last and size to first, last and text.
    pub odd_range: Option<OddRange>,
    /// getfile's answers never end once so many were given.
    pub endless_after: Option<usize>,
    /// Once a connection was cut, so many requests are answered with this.
    pub down_after_cut: (usize, u16),
    /// The first row that is given is of the hub's present second, and so many requests after it are answered with 502.
    pub fresh_then_down: usize,
    /// A bit of every byte that `/dav` gives is wrong, again and again.
    pub dav_lies: bool,
    /// A server in front ends every body after this many bytes.
    pub longest_body: Option<usize>,
    /// A server in front gives up with 504 where more than this is asked for.
    pub longest_range: Option<usize>,
    /// The web server forbids this path.
    pub forbidden_path: Option<String>,
    pub wrong_etag: bool,
    pub gzip: bool,
    pub page_for_file: bool,
    pub empty_getfile: bool,
    pub no_session: bool,
    /// The session ends after this many requests that used it.
    pub session_ends_after: Option<usize>,
    /// The account needs a second factor: pages instead of rows and files.
    pub two_factor: bool,
    pub redirect_to: Option<String>,
    pub busy: bool,
    /// Swaps in other bytes of the same size after this many `/dav` or getfile bodies.
    pub overwrite_after: Option<(usize, Vec<u8>, String)>,
    /// Flips one bit at this offset in every `/dav` body of the main pool that covers it, once.
    pub flip_once_at: Option<u64>,
    /// The hub's clock; default is a day after every file's `edited`.
    pub date: Option<String>,
}

pub type OddRange = fn(usize, usize, usize) -> (usize, usize, String);

pub struct LoopbackHub {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl LoopbackHub {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { url, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn add_file(&self, hash: &str, path: &str, bytes: Vec<u8>) {
        let file = StoredFile { bytes, path: path.into(), edited: EDITED.into(), claimed: None };
        self.state().files.insert(hash.into(), file);
    }

    pub fn requests(&self, start: &str) -> usize {
        self.state().requests.iter().filter(|line| line.starts_with(start)).count()
    }
}

pub const EDITED: &str = "2024-05-03 09:00:00";
const DATE: &str = "Sat, 04 May 2024 09:00:00 GMT";

struct Request {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: String,
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut parts = line.split_whitespace();
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request { method, path: path.into(), query: query.into(), headers, body: String::from_utf8(body).ok()? })
}

struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
    is_file: bool,
    /// The body's first bytes are repeated for ever.
    endless: bool,
    /// Lines of the head as they are.
    lines: Vec<Vec<u8>>,
}

impl Reply {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), chunked: false, is_file: false, endless: false, lines: Vec::new() }
    }

    fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let is_dav = request.path.starts_with("/dav");
        let (reply, delay) = {
            let mut state = state.lock().unwrap();
            let reply = answer(&request, &mut state);
            state.at_once += usize::from(is_dav);
            state.most_at_once = state.most_at_once.max(state.at_once);
            (reply, state.faults.delay)
        };
        std::thread::sleep(delay);
        hold_until(state, |state| filesync::gives_now(&request, state));
        if is_dav {
            wait_for_others(state);
            // Before the last byte leaves: whoever asked may ask for more once it has that.
            state.lock().unwrap().at_once -= 1;
        }
        if write_reply(&mut writer, reply, state).is_none() {
            return;
        }
    }
}

/// Holds a reply back until as many are on their way as a test wants to see at once.
fn wait_for_others(state: &Mutex<State>) {
    hold_until(state, |state| {
        let first = state.requests.iter().filter(|request| request.starts_with("GET /dav")).count() == 1;
        first || state.most_at_once >= state.faults.together
    });
}

/// Holds a reply back until something is so.
fn hold_until(state: &Mutex<State>, is_so: impl Fn(&State) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so(&state.lock().unwrap()) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn answer(request: &Request, state: &mut State) -> Reply {
    let range = request.headers.get("range").cloned().unwrap_or_default();
    state.requests.push(format!("{} {} {range}", request.method, request.path).trim().to_owned());
    if state.faults.busy {
        return Reply::new(503, "busy").header("Retry-After", "17");
    }
    if let Some(target) = &state.faults.redirect_to {
        return Reply::new(302, "").header("Location", target.clone());
    }
    if state.faults.two_factor && request.path != "/getfile" {
        return Reply::new(200, "<html>enter your code</html>")
            .header("Content-Type", "text/html; charset=utf-8")
            .header("Set-Cookie", "PHPSESSID=session-cookie-value");
    }
    if request.headers.contains_key("cookie") {
        match &mut state.faults.session_ends_after {
            Some(0) => return Reply::new(401, "").header("WWW-Authenticate", "Basic"),
            Some(left) => *left -= 1,
            None => {}
        }
    }
    if state.down > 0 {
        state.down -= 1;
        let lines = state.faults.lines_of_errors.clone();
        return Reply { lines, ..Reply::new(state.faults.down_after_cut.1, "starting") };
    }
    let mut reply = match request.path.as_str() {
        "/getfile" => getfile(request, state),
        path if path.starts_with("/getfile/") => filesync::answer(request, &range, state),
        "/api/z/1.0/filemeta" => filemeta(request, state),
        "/api/z/1.0/filedata" => filedata(request, state),
        "/logout" => {
            state.sessions -= 1;
            Reply::new(302, "").header("Location", "/")
        }
        path => match path.strip_prefix("/dav/alice/") {
            Some(path) => dav(request, path, &range, state),
            None => owner::answer(request, state)
                .unwrap_or_else(|| Reply::new(404, "<html>not found</html>").header("Content-Type", "text/html")),
        },
    };
    if reply.is_file {
        overwrite_when_due(state);
    }
    for (path, line) in &state.faults.lines {
        if request.path.starts_with(path) {
            reply.lines.push(line.clone());
        }
    }
    if request.path == "/getfile" && state.faults.endless_after.is_some_and(|count| getfiles(state) > count) {
        reply.endless = true;
    }
    if state.faults.gzip && reply.is_file { reply.header("Content-Encoding", "gzip") } else { reply }
}

fn getfiles(state: &State) -> usize {
    state.requests.iter().filter(|line| line.starts_with("POST /getfile")).count()
}

fn overwrite_when_due(state: &mut State) {
    let Some((left, bytes, edited)) = state.faults.overwrite_after.take() else { return };
    if left > 1 {
        state.faults.overwrite_after = Some((left - 1, bytes, edited));
        return;
    }
    for file in state.files.values_mut() {
        file.bytes.clone_from(&bytes);
        file.edited.clone_from(&edited);
    }
}

fn form(body: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

fn getfile(request: &Request, state: &State) -> Reply {
    let fields = form(&request.body);
    let signed = request.headers.get("authorization").is_some_and(|value| value.starts_with("Signature keyId="));
    assert!(signed && fields.contains_key("signature"), "both proofs travel");
    let page = || Reply::new(200, "<!DOCTYPE html><html>not found</html>").header("Content-Type", "text/html; charset=utf-8");
    if state.faults.page_for_file {
        return page();
    }
    if state.faults.empty_getfile {
        return Reply::new(200, "").header("Content-Type", "text/html");
    }
    if let Some((kind, body)) = state.faults.excuse.clone() {
        let reply = Reply::new(200, body);
        return if kind.is_empty() { reply } else { reply.header("Content-Type", kind) };
    }
    let resource = fields["resource"].clone();
    let mut reply = if let Some(scale) = fields.get("resolution") {
        match state.scales.get(&(resource, scale.parse().unwrap())) {
            Some(bytes) => Reply::new(200, bytes.clone()).header("Content-Type", "image/png"),
            None => return Reply::new(200, "").header("Content-Type", "text/html"),
        }
    } else {
        match state.files.get(&resource) {
            Some(file) => named(Reply::new(200, file.bytes.clone()).header("Content-Type", "application/octet-stream"), state),
            None => return page(),
        }
    };
    (reply.chunked, reply.is_file) = (true, true);
    reply
}

fn named(mut reply: Reply, state: &State) -> Reply {
    let line = state.faults.name_line.clone().unwrap_or_else(|| b"Content-Disposition: attachment; filename=\"x\"".to_vec());
    reply.lines.extend((!line.is_empty()).then_some(line));
    reply
}

fn filemeta(request: &Request, state: &mut State) -> Reply {
    let has_session = owner::is_let_in(request, state);
    let signed = request.headers.get("authorization").is_some_and(|value| value.starts_with("Signature keyId="));
    if state.faults.no_session || !(has_session || signed) {
        return Reply::new(401, "This api requires login").header("WWW-Authenticate", "Basic");
    }
    let mut date = state.faults.date.clone().unwrap_or_else(|| DATE.into());
    if state.faults.fresh_then_down > 0 {
        state.down = std::mem::take(&mut state.faults.fresh_then_down);
        state.faults.down_after_cut.1 = 502;
        date = "Fri, 03 May 2024 09:00:00 GMT".into();
    }
    let hash = &form(&request.query)["file_id"];
    let body = state.files.get(hash).map_or(String::new(), |file| {
        let size = file.claimed.unwrap_or(file.bytes.len() as u64);
        format!(
            r#"{{"attach":{{"id":1,"hash":"{hash}","filesize":"{size}","is_dir":0,"edited":"{}","display_path":"{}"}}}}"#,
            file.edited, file.path
        )
    });
    let reply = Reply::new(200, body).header("Content-Type", "application/json").header("Date", date);
    if has_session {
        return reply;
    }
    state.sessions += 1;
    if state.faults.no_cookie {
        return reply;
    }
    reply.header("Set-Cookie", "PHPSESSID=first; path=/").header("Set-Cookie", "PHPSESSID=session-cookie-value; path=/; HttpOnly")
}

fn filedata(request: &Request, state: &mut State) -> Reply {
    if !owner::is_let_in(request, state) {
        assert!(state.owner.is_some(), "one login a batch");
        return Reply::new(401, "").header("WWW-Authenticate", "Basic");
    }
    if let Some(status) = state.faults.filedata_status {
        return Reply::new(status, "no");
    }
    let fields = form(&request.query);
    let (start, length): (usize, usize) = (fields["start"].parse().unwrap(), fields["length"].parse().unwrap());
    assert!((1..=2 << 20).contains(&length), "a stock hub's memory is small");
    let hash = &fields["file_id"];
    let Some(file) = state.files.get(hash) else { return Reply::new(200, "").header("Content-Type", "application/json") };
    if state.faults.no_content {
        let row = format!(r#"{{"attach":{{"hash":"{hash}","is_dir":0,"content":"store/x"}}}}"#);
        return Reply::new(200, row).header("Content-Type", "application/json");
    }
    let piece = &file.bytes[start..(start + length).min(file.bytes.len())];
    let content = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, piece);
    let body = format!(
        r#"{{"attach":{{"id":1,"hash":"{hash}","filesize":"{}","is_dir":0,"edited":"{}","start":{start},"length":{},"content":"{content}"}}}}"#,
        file.bytes.len(),
        file.edited,
        piece.len()
    );
    let date = state.faults.date.clone().unwrap_or_else(|| DATE.into());
    Reply { is_file: true, ..Reply::new(200, body).header("Content-Type", "application/json").header("Date", date) }
}

fn dav(request: &Request, path: &str, range: &str, state: &mut State) -> Reply {
    let signed = request.headers.get("authorization").is_some_and(|value| value.starts_with("Signature"));
    assert!(!signed, "a signature on /dav is a fatal error on stock hubs");
    if !owner::is_let_in(request, state) {
        assert!(state.owner.is_some(), "one login a batch");
        return Reply::new(401, "").header("WWW-Authenticate", "Basic");
    }
    if let Some(status) = state.faults.dav_status {
        return Reply::new(status, "no");
    }
    let path = percent_decode(path);
    if state.faults.forbidden_path.as_ref() == Some(&path) {
        return Reply::new(403, "forbidden by rule");
    }
    let Some((hash, file)) = state.files.iter().find(|(_, file)| file.path == path) else {
        return Reply::new(404, "<d:error/>");
    };
    if state.faults.dav_ignores_range {
        return Reply::new(200, file.bytes.clone());
    }
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let shift = usize::from(state.faults.dav_shifts_range);
    let last = last.min(file.bytes.len() - 1);
    let mut body = file.bytes[first + shift..=last].to_vec();
    if let Some(at) = state.faults.flip_once_at.filter(|at| (first as u64..=last as u64).contains(at)) {
        body[usize::try_from(at).unwrap() - first] ^= 1;
        state.faults.flip_once_at = None;
    }
    if state.faults.longest_range.is_some_and(|longest| last - first + 1 > longest) {
        return Reply::new(504, "<html>gateway time-out</html>");
    }
    if state.faults.dav_lies {
        for byte in &mut body {
            *byte ^= 1;
        }
    }
    if let Some(odd) = state.faults.odd_range {
        return odd_reply(odd, (first, last), &file.bytes).header("ETag", format!("\"{hash}\""));
    }
    let etag = if state.faults.wrong_etag { "other" } else { hash };
    let reply = Reply::new(206, body);
    let reply = if state.faults.no_etag { reply } else { reply.header("ETag", format!("\"{etag}\"")) };
    let reply = reply.header("Content-Range", format!("bytes {}-{last}/{}", first + shift, file.bytes.len()));
    Reply { is_file: true, ..reply }
}

/// Gives another range than was asked for, or describes it in another way.
fn odd_reply(odd: OddRange, (first, last): (usize, usize), bytes: &[u8]) -> Reply {
    let (first, last, said) = odd(first, last, bytes.len());
    let reply = Reply::new(206, bytes.get(first..=last.min(bytes.len() - 1)).unwrap_or_default().to_vec());
    let reply = if said.is_empty() { reply } else { reply.header("Content-Range", said) };
    Reply { is_file: true, ..reply }
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex: Option<[u8; 2]> = (byte == b'%').then(|| [rest.next().unwrap(), rest.next().unwrap()]);
        bytes.push(hex.map_or(byte, |hex| u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()));
    }
    String::from_utf8(bytes).unwrap()
}

/// Writes the reply; none if the connection is over.
fn write_reply(writer: &mut TcpStream, reply: Reply, state: &Mutex<State>) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", reply.status);
    let lines: Vec<u8> = reply.lines.iter().flat_map(|line| [line, &b"\r\n"[..]].concat()).collect();
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if reply.endless {
        head.push_str("\r\n");
    } else if reply.chunked {
        head.push_str("Transfer-Encoding: chunked\r\n\r\n");
    } else {
        let _ = write!(head, "Content-Length: {}\r\n\r\n", reply.body.len());
    }
    let status_end = head.find('\n').unwrap() + 1;
    writer.write_all(&[&head.as_bytes()[..status_end], &lines, &head.as_bytes()[status_end..]].concat()).ok()?;
    let (cut, stall) = if reply.is_file {
        let mut state = state.lock().unwrap();
        let once = (!state.faults.cut_after.is_empty()).then(|| state.faults.cut_after.remove(0));
        let cut = once.or(state.faults.longest_body).filter(|cut| *cut < reply.body.len());
        (cut, state.faults.stall_after.filter(|stall| *stall < reply.body.len()))
    } else {
        (None, None)
    };
    if reply.endless {
        while writer.write_all(&reply.body).is_ok() {
            state.lock().unwrap().endless_bytes += reply.body.len();
        }
        return None;
    }
    let end = cut.or(stall).unwrap_or(reply.body.len());
    for piece in reply.body[..end].chunks(60_000) {
        if reply.chunked {
            writer.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).ok()?;
        }
        writer.write_all(piece).ok()?;
        if reply.chunked {
            writer.write_all(b"\r\n").ok()?;
        }
    }
    if stall.is_some() && cut.is_none() {
        // Holds the connection open until the client gives up.
        let _ = writer.read(&mut [0]);
        return None;
    }
    if cut.is_some() {
        let mut state = state.lock().unwrap();
        state.down = state.faults.down_after_cut.0;
        return None;
    }
    if reply.chunked {
        writer.write_all(b"0\r\n\r\n").ok()?;
    }
    Some(())
}

/// Bytes that look like nothing in particular and differ at every offset.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

pub fn small_limits() -> Limits {
    let transfer = TransferLimits {
        disk_headroom_bytes: 0,
        small_file_bytes: 10_000,
        spot_bytes: 64,
        checkpoint_bytes: 4096,
        restart_pause: Duration::from_millis(5),
        ..TransferLimits::default()
    };
    Limits { transfer, ..Limits::default() }
}

pub fn batch(root: &Path, limits: Limits) -> TransferBatch {
    batch_with(root, limits, AddressPolicy { allow_http: true, allow_private_addresses: true })
}

/// Another sequence of random numbers in each batch: nonces are never used twice.
static BATCHES: AtomicU64 = AtomicU64::new(1);

pub fn batch_with(root: &Path, limits: Limits, policy: AddressPolicy) -> TransferBatch {
    batch_of(root, |options| (options.limits, options.policy) = (limits, policy))
}

/// A batch with options of its own.
pub fn batch_of<'a>(root: &'a Path, change: impl FnOnce(&mut BatchOptions<'a>)) -> TransferBatch {
    let key = ChannelKey::from_pem(include_str!("channel-key.pem")).unwrap();
    let identity = Identity::new("channelhash", "https://b.example/channel/alice", key).unwrap();
    let counter = std::cell::Cell::new(BATCHES.fetch_add(1, Ordering::Relaxed));
    let random = move || {
        counter.set(counter.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99));
        counter.get()
    };
    let surroundings = Surroundings { boot_id: "boot".into(), unix_time: Box::new(|| 1_714_800_000), random: Box::new(random) };
    let mut options = BatchOptions {
        root,
        access: Access::Channel(identity),
        proxy: None,
        policy: AddressPolicy { allow_http: true, allow_private_addresses: true },
        ca_pem: None,
        store_root: None,
        parallel: 4,
        ranges: 1,
        bytes_per_second: None,
        limits: small_limits(),
        surroundings,
    };
    change(&mut options);
    TransferBatch::new(options).unwrap()
}

pub fn spec(hub: &LoopbackHub, hash: &str) -> TransferSpec {
    let (size_bytes, path) = {
        let state = hub.state();
        let file = state.files.get(hash).cloned().unwrap_or_default();
        (file.claimed.unwrap_or(file.bytes.len() as u64), file.path)
    };
    TransferSpec {
        name: format!("{hash}-0.1"),
        hash: hash.into(),
        scale: 0,
        size_bytes,
        most_bytes: u64::MAX,
        edited: EDITED.into(),
        sha256: None,
        mimetype: String::new(),
        have_sha256: None,
        copies: Vec::new(),
        origins: vec![OriginSpec {
            hub: HubUrl::parse(&hub.url).unwrap(),
            announced: false,
            nick: "alice".into(),
            path: path.split('/').map(str::to_owned).collect(),
            dav_allowed: true,
            filesync_allowed: false,
            piece_bytes: None,
        }],
    }
}

/// Steps until every transfer was reported.
pub fn finish(batch: &mut TransferBatch) -> Vec<Report> {
    let end = Instant::now() + PATIENCE;
    let mut reports = Vec::new();
    while batch.pending() > 0 {
        assert!(Instant::now() < end, "the batch does not end");
        reports.extend(batch.step(Duration::from_millis(50)).unwrap());
    }
    reports
}

/// Returns what a transfer that must have come brought.
pub fn complete(report: Report) -> Complete {
    match report.outcome {
        Outcome::Complete(complete) => complete,
        other => panic!("not complete: {other:?}"),
    }
}

/// Returns why a transfer failed that must have.
pub fn failure(report: Report) -> Error {
    match report.outcome {
        Outcome::Failed(error) => error,
        other => panic!("did not fail: {other:?}"),
    }
}

/// Returns what has come of the original of `h1`.
pub fn partial(root: &Path) -> Vec<u8> {
    std::fs::read(root.join("h1-0.1.partial")).unwrap()
}

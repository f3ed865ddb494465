//! A hub whose doors answer what a test wants.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::{Value, json};

/// A request.
pub struct Asked {
    /// `POST /filesync/v1/restore`, without the query.
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

/// An answer.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

type Answer = dyn Fn(&Asked) -> Option<Reply> + Send + Sync;

pub struct Hub {
    /// Its name and port.
    pub host: String,
    /// The address of the channel.
    pub channel: String,
}

/// Whatever happens at the upload door is beneath this.
pub const SESSION: &str = "/filesync/v1/restore/s1";

impl Reply {
    pub fn new(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    pub fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub fn json(status: u16, content: &Value) -> Self {
        Self::new(status, &content.to_string()).header("Content-Type", "application/json")
    }

    /// A refusal of one of filesync's doors.
    pub fn refusal(status: u16, code: &str, facts: &Value) -> Self {
        Self::json(status, facts).header("Filesync-Error", code)
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Hub {
    /// Opens one; what `answer` leaves out is answered as a hub with filesync does that restores what it gets.
    pub fn open(answer: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let answer: Arc<Answer> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || serve(stream, &*answer));
            }
        });
        let channel = format!("http://{host}/channel/alice");
        Self { host, channel }
    }
}

fn serve(stream: TcpStream, answer: &Answer) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let reply = answer(&asked).unwrap_or_else(|| usual(&asked));
        let mut head = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let body = if asked.line.starts_with("HEAD") { &[][..] } else { &reply.body };
        if writer.write_all(&[head.as_bytes(), b"\r\n", body].concat()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let line = format!("{method} {}", target.split('?').next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { line, headers, body })
}

/// What a hub with filesync answers that takes everything.
fn usual(asked: &Asked) -> Reply {
    let said: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let offset = |offset: usize| offset.to_string();
    let tus = |status, at: usize| Reply::new(status, "").header("Tus-Resumable", "1.0.0").header("Upload-Offset", offset(at));
    match asked.line.replace(SESSION, "SESSION").as_str() {
        "GET /filesync/v1" => Reply::json(200, &announcement()),
        "GET /api/z/1.0/version" => Reply::json(200, &json!("8.9.3")),
        "POST /filesync/v1/restore" => {
            Reply::json(201, &json!({ "session": "s1", "state": "open", "room": { "file_bytes": null } }))
        }
        "POST SESSION/lacking" => Reply::json(200, &json!({ "lacking": said["sha256"], "partial": {} })),
        "POST SESSION/room" => Reply::json(200, &json!({})),
        "POST SESSION/pack" => Reply::json(200, &json!({ "taken": members(&asked.body) })),
        "POST SESSION/upload" => tus(201, asked.body.len()),
        "POST SESSION/finish" => Reply::json(202, &json!({ "session": "s1", "state": "restoring" })),
        "POST SESSION/plan" => Reply::json(202, &json!({ "session": "s1", "state": "planning" })),
        "GET SESSION" => Reply::json(200, &done(&json!({ "restore": 2 }), &json!({}))),
        "DELETE SESSION" => Reply::new(204, ""),
        line if line.starts_with("PATCH SESSION/upload/") => {
            let at: usize = asked.headers["upload-offset"].parse().unwrap();
            tus(204, at + asked.body.len())
        }
        line => Reply::new(404, line),
    }
}

/// What a hub says of its doors.
pub fn announcement() -> Value {
    json!({
        "filesync": "0.2.0", "protocol": { "oldest": 1, "newest": 1 }, "set_format": 1, "door": "open", "reading_door": "open",
        "limits": { "piece_bytes": 8 << 20, "pack_bytes": 8 << 20, "digests": 2000 },
    })
}

/// The state of a restore that is done: how many files became what, and other facts of it.
pub fn done(files: &Value, facts: &Value) -> Value {
    let mut restore = json!({ "files": files, "bytes": { "restore": 2048 }, "crops": 0, "posts": 0 });
    for (name, value) in facts.as_object().into_iter().flatten() {
        restore[name] = value.clone();
    }
    json!({ "session": "s1", "state": "done", "code": "", "message": "", "restore": restore, "attention": [] })
}

/// Counts the members of a ustar archive.
fn members(mut tar: &[u8]) -> u64 {
    let mut count = 0;
    while let Some((header, rest)) = tar.split_at_checked(512).filter(|(header, _)| header[0] != 0) {
        let size = std::str::from_utf8(&header[124..135]).unwrap();
        let blocks = usize::from_str_radix(size, 8).unwrap().div_ceil(512);
        tar = rest.get(blocks * 512..).unwrap_or_default();
        count += 1;
    }
    count
}

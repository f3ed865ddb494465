//! Brings a whole channel to a hub, some rows at a time (`docs/creating-door.md`). The hub says how far it is, and there it goes on: this may
//! end at any moment, and the same call goes on.
//!
//! Invariant: the channel itself is given only to a hub that asked for the password of the account, and to no other address; nothing counts
//! as imported before the hub has said so.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::channel::{Row, WholeChannel};
use super::client::{Door, MOST_PAUSES, Stop};
use super::pace::Pace;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Method;
use crate::patience::{Halt, Stoppable, or_stopped};
use crate::signature::Secret;

/// How a channel is made that the hub does not have yet.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// Its name there.
    pub nick: String,
    /// Whether that hub becomes the one by which others know it.
    pub is_primary: bool,
}

/// Who follows it.
pub trait CreateWatch {
    /// So many rows are imported; the next are of this section.
    fn importing(&mut self, section: &str, rows: u64);
    /// Is asked whether it shall stop.
    fn must_stop(&self) -> bool;
}

/// How it ended.
#[derive(Debug)]
pub enum Created {
    /// The channel is there, and others know.
    Here(CreateReport),
    /// It was told to stop; the same call goes on.
    Stopped,
}

/// What was imported.
#[derive(Clone, Debug)]
pub struct CreateReport {
    /// The import, as the hub calls it.
    pub import: String,
    /// The channel's name there.
    pub nick: String,
    /// Rows that were imported, those that the hub did not take included.
    pub rows: u64,
    /// Posts that the hub did not take.
    pub posts_refused: u64,
    /// The first of them.
    pub refused: Vec<String>,
    /// Other rows that the hub did not take.
    pub rows_refused: u64,
    /// Sections that the hub does not know.
    pub unknown: Vec<String>,
}

/// How far an import is, by the hub's word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    import: String,
    phase: String,
    part: u64,
    number: u64,
    rows: u64,
    nick: String,
    posts_refused: u64,
    rows_refused: u64,
}

const CREATING: &str = "bringing a channel to a hub";
const MOST_ROWS: usize = 200;
const MOST_BYTES: usize = 4 << 20;
/// So many times the hub may say that it cannot import the same rows.
const MOST_FAILURES: u32 = 2;
/// An import of rows whose request was cut goes on; so long it is waited for.
const MOST_RUNNING: Duration = Duration::from_mins(5);
const LINES: &str = "application/jsonl";

/// Brings a channel to the hub whose door is opened with the pass of an account.
///
/// # Errors
///
/// As the door refuses, with its word as fact `code`; as the set.
pub fn create(door: &Door, channel: &WholeChannel, options: &CreateOptions, watch: &mut dyn CreateWatch) -> Result<Created> {
    let pace = Pace::new(MOST_BYTES, door.options().bytes_per_second);
    let run = Creation {
        door,
        channel,
        watch,
        pace,
        most_rows: MOST_ROWS,
        troubles: 0,
        failures: 0,
        running: None,
        unknown: Vec::new(),
    };
    or_stopped(run.bring(options).map(Created::Here), Created::Stopped)
}

/// Makes a key with which the set's files are restored to a channel that was brought.
///
/// # Errors
///
/// As the door refuses, with its word as fact `code`.
pub fn restore_key(door: &Door, report: &CreateReport) -> Result<Secret> {
    let asked = door.ask(&Method::POST, &["create", &report.import, "key"], Some(&json!({})), &|| false);
    let said = match asked {
        Ok(answer) => answer.said,
        Err(Halt::Failed(error)) => return Err(error),
        Err(Halt::Stopped) => None,
    };
    let key = said.as_ref().and_then(|said| said.get("key")).and_then(Value::as_str);
    key.map(|key| Secret::new(key.to_owned())).ok_or_else(|| wrong("it gives no key"))
}

/// Gives up the pass. Best effort: it ends anyway.
pub fn give_up(door: &Door) {
    let _ = door.ask(&Method::DELETE, &["create", "pass"], None, &|| false);
}

/// Rows that travel together.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    numbers: Vec<u64>,
    bytes: usize,
}

impl Batch {
    fn fits(&self, row: &Row, most_rows: usize, most_bytes: usize) -> bool {
        self.rows.is_empty() || (self.rows.len() < most_rows && self.bytes + row.json.len() < most_bytes)
    }

    fn add(&mut self, number: u64, row: Row) {
        self.bytes += row.json.len() + 1;
        self.numbers.push(number);
        self.rows.push(row);
    }
}

/// What became of rows that were sent.
enum Sent {
    /// The hub is so far now.
    So(State),
    /// They are to be sent again, from where the hub says that it is.
    Again,
    /// The hub knows no such rows.
    Unknown,
}

struct Creation<'c> {
    door: &'c Door,
    channel: &'c WholeChannel,
    watch: &'c mut dyn CreateWatch,
    pace: Pace,
    most_rows: usize,
    /// Failures of the line since something arrived.
    troubles: u32,
    /// Failures of the hub's own import since something was imported.
    failures: u32,
    /// Since when the hub says that it is at rows that were sent before.
    running: Option<Instant>,
    /// Sections that the hub does not know.
    unknown: Vec<String>,
}

impl Creation<'_> {
    fn bring(mut self, options: &CreateOptions) -> Stoppable<CreateReport> {
        let mut said = self.channel.about();
        said.insert("nick".to_owned(), options.nick.clone().into());
        said.insert("primary".to_owned(), options.is_primary.into());
        let mut now = State::of(&self.ask(&["create"], &said.into())?)?;
        let mut refused = Vec::new();
        while now.phase != "done" {
            now = match now.phase.as_str() {
                "first" => self.first(now)?,
                "again" => self.again(now)?,
                _ => return Err(wrong("an import that is in no known state").into()),
            };
        }
        if now.posts_refused > 0 {
            let said = self.ask(&["create", &now.import, "refused"], &json!({}))?;
            let posts = said.get("posts").and_then(Value::as_array).into_iter().flatten();
            refused = posts.filter_map(Value::as_str).map(str::to_owned).collect();
        }
        let State { import, rows, nick, posts_refused, rows_refused, .. } = now;
        if nick.is_empty() {
            return Err(wrong("it does not say which channel it made").into());
        }
        Ok(CreateReport { import, nick, rows, posts_refused, refused, rows_refused, unknown: self.unknown })
    }

    /// Gives the hub all rows once, from where it is.
    fn first(&mut self, from: State) -> Stoppable<State> {
        let import = from.import.clone();
        let mut now = from;
        if now.part == 0 && now.number == 0 {
            let mut batch = Batch::default();
            batch.add(0, Row { json: self.channel.head().to_owned(), group: None });
            match self.send(&now, "channel", 0, &batch, false)? {
                Sent::So(state) if state.place() > (0, 0) => now = state,
                Sent::So(_) | Sent::Unknown => return Err(stuck().into()),
                Sent::Again => return self.state(&import),
            }
        }
        let mut number = now.part.max(1);
        while let Some(part) = self.channel.part(number) {
            let mut at = if now.part == number { now.number } else { 0 };
            let mut rows = self.channel.rows(part)?;
            for _ in 0..at {
                rows.next()?;
            }
            let mut ahead = rows.next()?;
            while let Some(row) = ahead.take() {
                let mut batch = Batch::default();
                batch.add(at, row);
                loop {
                    ahead = rows.next()?;
                    match ahead.take_if(|row| batch.fits(row, self.most_rows, self.pace.bytes())) {
                        Some(row) => batch.add(at + batch.rows.len() as u64, row),
                        None => break,
                    }
                }
                at += batch.rows.len() as u64;
                match self.send(&now, part.section, number, &batch, false)? {
                    Sent::So(state) if (state.part, state.number) == (number, at) => now = state,
                    Sent::So(state) if state.place() > now.place() => return Ok(state),
                    Sent::So(_) => return Err(stuck().into()),
                    Sent::Again => return self.state(&import),
                    Sent::Unknown => {
                        self.unknown.push(part.section.to_owned());
                        break;
                    }
                }
            }
            number += 1;
        }
        self.ask(&["create", &import, "refused"], &json!({}))?;
        let now = self.state(&import)?;
        if now.phase == "first" { Err(stuck().into()) } else { Ok(now) }
    }

    /// Gives the hub the posts again that it did not take, and then has it tell others.
    fn again(&mut self, from: State) -> Stoppable<State> {
        let import = from.import.clone();
        let mut now = from;
        loop {
            let said = self.ask(&["create", &import, "refused"], &json!({}))?;
            let wanted: Vec<(u64, u64)> =
                said.get("again").and_then(Value::as_array).into_iter().flatten().filter_map(place).collect();
            let Some((number, _)) = wanted.first().copied() else { break };
            let part = self.channel.part(number).ok_or_else(|| wrong("it asks for rows that there are not"))?;
            let (mut rows, mut batch, mut at) = (self.channel.rows(part)?, Batch::default(), 0);
            while let Some(row) = rows.next()? {
                if wanted.contains(&(number, at)) {
                    if !batch.fits(&row, self.most_rows, self.pace.bytes()) {
                        break;
                    }
                    batch.add(at, row);
                }
                at += 1;
            }
            if batch.rows.is_empty() {
                return Err(wrong("it asks for rows that there are not").into());
            }
            now = match self.send(&now, part.section, number, &batch, true)? {
                Sent::So(state) if state.place() > now.place() => state,
                Sent::So(_) | Sent::Unknown => return Err(stuck().into()),
                Sent::Again => self.state(&import)?,
            };
        }
        self.show("", now.rows)?;
        let head = Value::Object(self.channel.keys().clone());
        let lines = std::iter::once(head.to_string()).chain(self.channel.addons().iter().cloned());
        let body = lines.collect::<Vec<_>>().join("\n").into_bytes();
        match self.post(&import, "finish", body)? {
            answer if answer.is_good() => Ok(State::of(&answer.said.unwrap_or_default())?),
            answer => {
                self.failed(&answer)?;
                self.state(&import)
            }
        }
    }

    /// Sends rows of a part.
    fn send(&mut self, now: &State, section: &str, part: u64, batch: &Batch, is_again: bool) -> Stoppable<Sent> {
        self.show(section, now.rows)?;
        let mut head = self.channel.keys().clone();
        head.insert("section".to_owned(), section.into());
        head.insert("part".to_owned(), part.into());
        if is_again {
            head.insert("numbers".to_owned(), batch.numbers.clone().into());
        } else {
            head.insert("first".to_owned(), batch.numbers.first().copied().unwrap_or_default().into());
        }
        let groups: Map<String, Value> =
            batch.rows.iter().filter_map(|row| row.group.clone()).map(|(number, hash)| (number, hash.into())).collect();
        if !groups.is_empty() {
            head.insert("groups".to_owned(), groups.into());
        }
        let mut body = Value::Object(head.clone()).to_string();
        for row in &batch.rows {
            body.push('\n');
            body.push_str(&row.json);
        }
        let (length, begun) = (body.len(), Instant::now());
        let answer = match self.post(&now.import, "rows", body.into_bytes()) {
            Err(Halt::Failed(error)) if error.kind() == ErrorKind::Network => {
                self.pace.broke(length);
                self.trouble(error, None)?;
                return Ok(Sent::Again);
            }
            outcome => outcome?,
        };
        if answer.is_good() && answer.said.is_some() {
            self.pace.arrived(length, begun.elapsed());
            (self.troubles, self.failures, self.running) = (0, 0, None);
            return Ok(Sent::So(State::of(&answer.said.unwrap_or_default())?));
        }
        if answer.is("no_such_kind") {
            return Ok(Sent::Unknown);
        }
        let is_too_long = answer.is_too_long() || answer.is("body_too_long");
        if !(is_too_long || answer.is("rows_too_large")) {
            if answer.is_late() {
                self.pace.broke(length);
            }
            return self.failed(&answer).map(|()| Sent::Again);
        }
        if batch.rows.len() > 1 {
            self.most_rows = (batch.rows.len() / 2).max(1);
            if is_too_long {
                self.pace.too_long(length);
            }
            return Ok(Sent::Again);
        }
        if part == 0 {
            return Err(answer.refusal().into());
        }
        // One that does not arrive alone, either, is named and left out.
        let name = batch.rows.first().map(|row| name_of(&row.json)).unwrap_or_default();
        head.insert("left_out".to_owned(), name.into());
        let answer = self.post(&now.import, "rows", Value::Object(head).to_string().into_bytes())?;
        if answer.is_good() {
            return Ok(Sent::So(State::of(&answer.said.unwrap_or_default())?));
        }
        self.failed(&answer).map(|()| Sent::Again)
    }

    /// Waits after an answer that refuses, if the same request may succeed later.
    fn failed(&mut self, answer: &Answer) -> Stoppable<()> {
        if answer.is("position_differs") {
            return self.trouble(answer.refusal(), None);
        }
        if answer.is("import_running") {
            // What was sent before is still being imported.
            let since = *self.running.get_or_insert_with(Instant::now);
            if since.elapsed() < MOST_RUNNING {
                return self.door.pause(0, answer.wait_seconds, &|| self.watch.must_stop());
            }
            return Err(answer.refusal().into());
        }
        if answer.is("slice_failed") && self.failures < MOST_FAILURES {
            self.failures += 1;
            return self.door.pause(self.failures, None, &|| self.watch.must_stop());
        }
        if answer.passes() {
            return self.trouble(answer.refusal(), answer.wait_seconds);
        }
        Err(answer.refusal().into())
    }

    /// Waits after a failure; too many in a row end it.
    fn trouble(&mut self, error: Error, wait_seconds: Option<u64>) -> Stoppable<()> {
        if self.troubles == MOST_PAUSES {
            return Err(error.into());
        }
        self.door.pause(self.troubles, wait_seconds, &|| self.watch.must_stop())?;
        self.troubles += 1;
        Ok(())
    }

    fn show(&mut self, section: &str, rows: u64) -> Stoppable<()> {
        self.watch.importing(section, rows);
        if self.watch.must_stop() { Err(Halt::Stopped) } else { Ok(()) }
    }

    fn state(&self, import: &str) -> Stoppable<State> {
        let watch = &*self.watch;
        let stop: Stop<'_> = &|| watch.must_stop();
        let answer = self.door.ask(&Method::GET, &["create", import], None, stop)?;
        Ok(State::of(&answer.said.unwrap_or_default())?)
    }

    fn ask(&self, place: &[&str], said: &Value) -> Stoppable<Value> {
        let watch = &*self.watch;
        let answer = self.door.ask(&Method::POST, place, Some(said), &|| watch.must_stop())?;
        Ok(answer.said.unwrap_or_default())
    }

    fn post(&self, import: &str, place: &str, body: Vec<u8>) -> Stoppable<Answer> {
        self.door.pay(body.len());
        let request = self.door.request(&Method::POST, &["create", import, place], Some(body))?;
        let watch = &*self.watch;
        self.door.once(request.header("content-type", &Secret::new(LINES.to_owned()))?, &|| watch.must_stop())
    }
}

impl State {
    fn place(&self) -> (u64, u64) {
        (self.part, self.number)
    }

    fn of(said: &Value) -> Result<Self> {
        let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| said.get(name).and_then(Value::as_u64).unwrap_or_default();
        let state = Self {
            import: text("import"),
            phase: text("state"),
            part: number("part"),
            number: number("number"),
            rows: number("rows"),
            nick: text("nick"),
            posts_refused: number("posts_refused"),
            rows_refused: number("rows_refused"),
        };
        let is_name = !state.import.is_empty() && state.import.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_name { Ok(state) } else { Err(wrong("it does not say how far the import is")) }
    }
}

fn place(said: &Value) -> Option<(u64, u64)> {
    Some((said.get("part")?.as_u64()?, said.get("number")?.as_u64()?))
}

/// Returns what names a post.
fn name_of(row: &str) -> String {
    let row: Value = serde_json::from_str(row).unwrap_or_default();
    row.get("message_id").and_then(Value::as_str).unwrap_or("a row").chars().take(300).collect()
}

fn stuck() -> Error {
    wrong("an import that does not go on")
}

/// Says that the hub answers what the door never does.
fn wrong(fault: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, CREATING).context("code", "door_wrong").context("fault", fault)
}

//! One run: brings a set up to date with a channel on a hub that has no filesync, while the channel changes.
//!
//! What is new to the set is proven as transfers prove it against any hub without filesync: its row before, its bytes, its row
//! after, and some of the bytes read another way. If the rows differ, it is read again; what changes every time keeps the version
//! that the set has, and is listed.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bytes::{Bytes, Wanted};
use super::connection::{Channel, Connection};
use super::listing::Listing;
use super::notes::{Lack, Noted, Notes};
use super::posts::{Conversations, Post};
use super::rest::Rest;
use super::rows::{self, Exported, Row};
use super::shares::{Shares, items_of};
use super::whole::{self, Seal};
use super::writing::{
    Beginning, Ended, Outlook, Progress, ROUNDS, Reader, RunOptions, Watch, Writing, chain_of, modified_ns, stop_if_told,
};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::limits::{SetLimits, TransferLimits};
use crate::paths::RelativePath;
use crate::patience::{Halt, Stoppable, or_stopped};
use crate::set::{self, Crop, Known, Original, Peek, RunSpec, unnamed_file};
use crate::transfer::{Complete, Surroundings};

/// How far a run has read the listing.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    created: String,
    is_full: bool,
}

/// What became of a file.
enum Outcome {
    Added,
    /// It may be otherwise in a moment.
    Again(Why),
}

/// Why a file could not be read.
struct Why {
    word: &'static str,
    /// The error of its bytes, where there was one.
    cause: Option<Error>,
}

impl From<&'static str> for Why {
    fn from(word: &'static str) -> Self {
        Self { word, cause: None }
    }
}

const CHUNK: usize = 16;
const CHECKPOINT: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(2);
const FULL_DAYS: i64 = 7;
const MOST_NAMES: usize = 1000;
const RUNNING: &str = "backing up a channel";

/// Says what a run would do, and changes nothing.
///
/// # Errors
///
/// As the replies of the hub, or of the set.
pub fn outlook(connection: &Connection, options: &RunOptions, watch: &mut dyn Watch) -> Result<Outlook> {
    let listing =
        Listing::fetch(connection, spool(&options.scratch, "listing")?, |rows| watch.progress(&Progress::Listing(rows)))?;
    let target = &options.target;
    let set = Peek::into(&target.folder, &target.options.surroundings, target.options.limits.clone())?;
    let mut outlook = Outlook::default();
    for row in listing.rows()? {
        let row = row?;
        let names = listing.names(&row);
        if rows::number(&row, "is_dir") != 0 || target.choice.excludes(&names) || !target.choice.looks_at(&names) {
            continue;
        }
        let size = rows::number(&row, "filesize");
        outlook.files += 1;
        outlook.bytes = outlook.bytes.saturating_add(size);
        let known = set.as_ref().map(|set| set.known(&rows::text(&row, "hash"))).transpose()?.flatten();
        if !known.is_some_and(|known| has_same_bytes(&known, &rows::text(&row, "edited"), size)) {
            outlook.new_files += 1;
            outlook.new_bytes = outlook.new_bytes.saturating_add(size);
        }
    }
    Ok(outlook)
}

fn spool(scratch: &Path, stem: &str) -> Result<std::fs::File> {
    unnamed_file(scratch, &format!("filesync-{stem}-{}", std::process::id()))
}

/// Tells whether the set has the bytes of a row.
fn has_same_bytes(known: &Known, edited: &str, size: u64) -> bool {
    let chain = chain_of(known);
    let own = chain.last().and_then(Value::as_object);
    known.has_bytes
        && known.size_bytes == Some(size)
        && own.is_some_and(|own| rows::text(own, "edited").get(..19) == edited.get(..19) && rows::number(own, "filesize") == size)
}

/// Brings the set up to date; with `seal`, everything that the channel has beside files, too.
///
/// # Errors
///
/// As the replies of the hub, or of the set; `InvalidInput` with code `set_signed` if the set is signed by a hub.
pub fn run(
    connection: &Connection,
    channel: &Channel,
    options: RunOptions,
    seal: Option<&dyn Seal>,
    watch: &mut dyn Watch,
) -> Result<Ended> {
    let mut run = Run::open(connection, channel, options, seal)?;
    or_stopped(run.work(watch), Ended::Stopped)
}

struct Run<'a> {
    connection: &'a Connection,
    channel: &'a Channel,
    /// Seals what the channel is; none: only its files are read.
    seal: Option<&'a dyn Seal>,
    /// What `set.json` says of everything else.
    everything: Value,
    writing: Writing,
    folder: PathBuf,
    has_posts: bool,
    asks_full: bool,
    hub_version: String,
    scratch: PathBuf,
    limits: TransferLimits,
    surroundings: Rc<dyn Fn() -> Surroundings>,
}

/// What a run knows while it works.
struct State<'a> {
    listing: Listing,
    shares: Shares,
    notes: Notes,
    bytes: Bytes<'a>,
    is_full: bool,
    done_files: u64,
    done_bytes: u64,
}

impl<'a> Run<'a> {
    fn open(connection: &'a Connection, channel: &'a Channel, options: RunOptions, seal: Option<&'a dyn Seal>) -> Result<Self> {
        let spec = RunSpec { from: connection.hub().to_string(), by: "api".to_owned(), channel_hash: channel.hash.clone() };
        let folder = options.target.folder.clone();
        let writing = Writing::open(options.target, spec)?;
        Ok(Self {
            connection,
            channel,
            seal,
            everything: writing.everything(),
            folder,
            writing,
            has_posts: options.has_posts || seal.is_some(),
            asks_full: options.is_full,
            hub_version: options.hub_version,
            scratch: options.scratch,
            limits: options.limits,
            surroundings: options.surroundings,
        })
    }

    fn now(&self) -> i64 {
        (self.connection.options().unix_time)()
    }

    fn work(&mut self, watch: &mut dyn Watch) -> Stoppable<Ended> {
        let Beginning { cursor, notes, is_continued } = self.writing.begin::<Position>()?;
        let last_full =
            self.writing.about.get("full_look").and_then(Value::as_str).and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let is_due = last_full.is_none_or(|last| self.now() - last.as_second() >= FULL_DAYS * 86_400);
        let goes_on = is_continued && !cursor.at.created.is_empty();
        let mut rest = self.seal.map(|seal| Rest::begin(self.connection, seal, &mut self.writing)).transpose()?;
        let mut is_full = if goes_on { cursor.at.is_full } else { is_due || self.asks_full };
        if let Some(rest) = &rest {
            is_full |= rest.needs_all_posts(&self.writing)?;
        }
        let since = last_full.filter(|_| !is_full).map(|last| {
            let day_before = jiff::Timestamp::from_second(last.as_second() - 86_400).unwrap_or(last);
            day_before.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        });
        let listing =
            Listing::fetch(self.connection, spool(&self.scratch, "listing")?, |rows| watch.progress(&Progress::Listing(rows)))?;
        stop_if_told(watch)?;
        let file = spool(&self.scratch, "posts")?;
        let mut posts = 0;
        let shares = if self.has_posts {
            let tell = || {
                posts += 1;
                watch.progress(&Progress::Posts(posts));
            };
            let each = |raw: &Value| rest.as_mut().map_or(Ok(()), |rest| rest.add_of_wall(raw));
            Shares::fetch(self.connection, file, &self.channel.nick, since.as_deref(), tell, each)?
        } else {
            Shares::none(file)
        };
        stop_if_told(watch)?;
        if let Some(mut rest) = rest {
            rest.read_stream(since.as_deref(), watch)?;
            match rest.end(&mut self.writing, since.is_none(), watch)? {
                Ok(everything) => self.everything = everything,
                Err(ended) => return Ok(ended),
            }
        }
        let folder = self.folder.join(self.writing.set.open_workshop()?);
        let bytes = Bytes::new(self.connection, &self.channel.nick, folder, self.limits.clone(), Rc::clone(&self.surroundings));
        let mut state = State { listing, shares, notes, bytes, is_full, done_files: 0, done_bytes: 0 };
        if !cursor.is_over {
            self.add_all(&mut state, &cursor.at, watch)?;
        }
        self.add_again(&mut state, watch)?;
        self.end(&mut state, is_continued, watch)
    }

    /// Adds everything that is listed, from the cursor on.
    fn add_all(&mut self, state: &mut State<'_>, from: &Position, watch: &mut dyn Watch) -> Stoppable<()> {
        let mut some: Vec<Row> = Vec::new();
        let mut noted = Instant::now();
        let mut last = String::new();
        for row in state.listing.rows()? {
            let row = row?;
            let created = rows::text(&row, "created");
            if created < from.created {
                count(state, &row);
                continue;
            }
            if noted.elapsed() >= CHECKPOINT && created > last && some.is_empty() {
                self.checkpoint(state, &last, false)?;
                noted = Instant::now();
            }
            last = created;
            let names = state.listing.names(&row);
            if self.writing.choice.excludes(&names) || !self.writing.choice.looks_at(&names) {
                count(state, &row);
                continue;
            }
            if self.is_unchanged(state, &row)? && self.writing.set.unchanged(&rows::text(&row, "hash"))? {
                self.lack_again(state, &row)?;
                count(state, &row);
                tell(state, watch, 0, names.last().map_or("", String::as_str));
                stop_if_told(watch)?;
                continue;
            }
            some.push(row);
            if some.len() >= CHUNK {
                self.add_some(state, &std::mem::take(&mut some), watch)?;
            }
        }
        self.add_some(state, &some, watch)?;
        self.checkpoint(state, &last, true)?;
        Ok(())
    }

    fn checkpoint(&mut self, state: &State<'_>, created: &str, is_over: bool) -> Result<()> {
        let at = Position { created: created.to_owned(), is_full: state.is_full };
        self.writing.checkpoint(at, &state.notes, is_over)
    }

    /// Tells whether nothing speaks against the set's version of a row.
    fn is_unchanged(&self, state: &State<'_>, row: &Row) -> Result<bool> {
        let hash = rows::text(row, "hash");
        if state.is_full || state.shares.has(&hash) || self.writing.damaged.contains(&hash) {
            return Ok(false);
        }
        let Some(known) = self.writing.set.known(&hash)? else { return Ok(false) };
        let is_folder = rows::number(row, "is_dir") != 0;
        Ok(!known.is_new && (is_folder || known.has_bytes) && state.listing.agrees(row, &chain_of(&known)))
    }

    /// Says again what the set lacks of a file that is not looked at.
    fn lack_again(&self, state: &mut State<'_>, row: &Row) -> Result<()> {
        let hash = rows::text(row, "hash");
        self.writing.lacked_beside(&hash).try_for_each(|lack| state.notes.lack(lack))
    }

    /// Adds some rows; notes those that must be read again.
    fn add_some(&mut self, state: &mut State<'_>, some: &[Row], watch: &mut dyn Watch) -> Stoppable<()> {
        if some.is_empty() {
            return Ok(());
        }
        let hashes: Vec<String> = some.iter().map(|row| rows::text(row, "hash")).collect();
        for hash in self.add_hashes(state, &hashes, false, watch)? {
            state.notes.again(&hash)?;
        }
        for row in some {
            count(state, row);
        }
        stop_if_told(watch)
    }

    /// Reads again, after a while, what could not be read.
    fn add_again(&mut self, state: &mut State<'_>, watch: &mut dyn Watch) -> Stoppable<()> {
        let mut hashes = state.notes.again_list()?;
        for round in 1..=ROUNDS {
            if hashes.is_empty() {
                return Ok(());
            }
            std::thread::sleep(SETTLE);
            let mut left = Vec::new();
            for some in hashes.chunks(CHUNK) {
                left.extend(self.add_hashes(state, some, round == ROUNDS, watch)?);
                stop_if_told(watch)?;
            }
            hashes = left;
        }
        Ok(())
    }

    /// Adds some files and folders by their hashes; returns those that must be read again.
    fn add_hashes(
        &mut self,
        state: &mut State<'_>,
        hashes: &[String],
        is_last: bool,
        watch: &mut dyn Watch,
    ) -> Stoppable<Vec<String>> {
        let urls: Vec<_> = hashes.iter().map(|hash| self.connection.api("file/export", &[("file_id", hash.as_str())])).collect();
        let mut entries = Vec::new();
        let mut again = Vec::new();
        for (hash, reply) in hashes.iter().zip(self.connection.calls(&urls)) {
            let exported = match reply {
                Ok(Some(body)) => Exported::parse(&body, hash),
                // Bytes in the hub's database fit into no JSON.
                Ok(None) => self.without_export(hash),
                Err(error) if error.kind() == ErrorKind::LimitExceeded => self.without_export(hash),
                Err(error) => Err(error),
            };
            match exported {
                Ok(Some(exported)) => entries.push((hash.clone(), exported)),
                Ok(None) => {}
                Err(error) if ends_run(&error) => return Err(error.into()),
                Err(error) if is_last => {
                    let is_kept = self.writing.set.keep(hash, "unreadable")?;
                    let words = if is_kept { "; its last version is in the set." } else { "." };
                    let words = format!("The hub does not say what it has of {hash}: {error}{words}");
                    state.notes.lack(&Lack::new("file", "unreadable", words).of(hash))?;
                }
                Err(_) => again.push(hash.clone()),
            }
        }
        let mut wanted = Vec::new();
        for (hash, exported) in &entries {
            if !exported.is_folder && !self.has_bytes(hash, exported)? {
                wanted.push(Wanted {
                    hash: hash.clone(),
                    names: exported.names.clone(),
                    size_bytes: exported.size_bytes,
                    edited: exported.edited.clone(),
                    mimetype: exported
                        .attach
                        .last()
                        .and_then(Value::as_object)
                        .map(|row| rows::text(row, "filetype"))
                        .unwrap_or_default(),
                });
            }
        }
        let mut outcomes = {
            let (files, all_files) = (state.done_files, state.listing.files);
            let (before, all_bytes) = (state.done_bytes, state.listing.bytes);
            let was_closed = state.bytes.is_dav_closed;
            let brought = state.bytes.bring(&wanted, |bytes, hash| {
                let name = wanted.iter().find(|one| one.hash == hash).and_then(|one| one.names.last());
                let name = name.map_or("", String::as_str);
                watch.progress(&Progress::Files { files, all_files, bytes: before + bytes, all_bytes, name });
                watch.must_stop()
            })?;
            if state.bytes.is_dav_closed && !was_closed {
                watch.hindered("dav_closed");
            }
            brought.ok_or(Halt::Stopped)?
        };
        for (hash, exported) in entries {
            let outcome = outcomes.remove(&hash);
            match self.add(state, &hash, &exported, outcome)? {
                Outcome::Added => {}
                Outcome::Again(why) if is_last => self.give_up(state, &hash, &exported, why)?,
                Outcome::Again(_) => again.push(hash),
            }
        }
        Ok(again)
    }

    fn has_bytes(&self, hash: &str, exported: &Exported) -> Result<bool> {
        if self.writing.damaged.contains(hash) {
            return Ok(false);
        }
        let known = self.writing.set.known(hash)?;
        Ok(known.is_some_and(|known| has_same_bytes(&known, &exported.edited, exported.size_bytes)))
    }

    /// Makes what can be made of a file that the hub cannot export: its row, and what is above it.
    fn without_export(&self, hash: &str) -> Result<Option<Exported>> {
        let Some(body) = self.connection.call("filemeta", &[("file_id", hash)])? else { return Ok(None) };
        let value: Value = serde_json::from_slice(&body).or_fail(ErrorKind::Corrupt, RUNNING)?;
        let Some(own) = value.get("attach").and_then(Value::as_object).filter(|row| rows::text(row, "hash") == hash) else {
            return Ok(None);
        };
        let folder = rows::text(own, "folder");
        let mut exported = Exported::of(std::slice::from_ref(own));
        if !folder.is_empty()
            && let Some(body) = self.connection.call("file/export", &[("file_id", folder.as_str())])?
            && let Some(above) = Exported::parse(&body, &folder)?
        {
            exported.put_beneath(above);
        }
        if rows::number(own, "is_photo") != 0 {
            let mut photos = Vec::new();
            for scale in rows::SCALES {
                let scale = scale.to_string();
                let Some(body) = self.connection.call("photo", &[("photo_id", hash), ("scale", scale.as_str())])? else {
                    continue;
                };
                let mut value: Value = serde_json::from_slice(&body).or_fail(ErrorKind::Corrupt, RUNNING)?;
                if let Some(Value::Object(photo)) = value.get_mut("photo").map(Value::take) {
                    photos.push(photo);
                }
                if let Some(Value::Array(items)) = value.get_mut("item").map(Value::take) {
                    exported.items = items;
                }
            }
            exported.set_photos(&photos);
        }
        exported.is_partial = true;
        Ok(Some(exported))
    }

    fn add(
        &mut self,
        state: &mut State<'_>,
        hash: &str,
        exported: &Exported,
        outcome: Option<Result<Complete>>,
    ) -> Stoppable<Outcome> {
        let original = match outcome {
            None if exported.is_folder => None,
            None => Some(Original::Kept),
            Some(Ok(complete))
                if complete.edited.get(..19) != exported.edited.get(..19) || complete.size_bytes != exported.size_bytes =>
            {
                return Ok(Outcome::Again("changed_while_read".into()));
            }
            Some(Ok(complete)) => Some(Original::Arrived {
                name: format!("{hash}.partial"),
                size_bytes: complete.size_bytes,
                sha256: complete.digest,
                modified_ns: modified_ns(&exported.edited),
            }),
            Some(Err(error)) if error.kind() == ErrorKind::Storage => return Err(error.into()),
            Some(Err(error)) if error.kind() == ErrorKind::Network => {
                // The hub may be away, or only this file breaks off each time.
                self.connection.greet()?;
                return Ok(Outcome::Again(Why { word: "unreadable", cause: Some(error) }));
            }
            Some(Err(error)) => {
                let is_changing = error.facts().any(|(_, value)| value.contains("keeps changing"));
                let word = if is_changing { "changed_while_read" } else { "unreadable" };
                return Ok(Outcome::Again(Why { word, cause: Some(error) }));
            }
        };
        let is_brought = matches!(original, Some(Original::Arrived { .. }));
        let (crops, mut lacks) = self.crops(hash, exported)?;
        let posts = self.posts(state, hash, exported, &mut lacks)?;
        lacks.extend(lacks_of(hash, exported));
        let metadata = exported.compose(hash, &posts);
        let again = self.writing.damaged.contains(hash);
        match self.writing.set.add(&metadata, &self.writing.root, set::Bytes { original, crops, again }) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::LimitExceeded => return Ok(Outcome::Again("too_large".into())),
            Err(error) => return Err(error.into()),
        }
        if is_brought {
            self.writing.set.clear_workshop(&format!("{hash}.index"))?;
        }
        for scale in rows::SCALES {
            self.writing.set.clear_workshop(&format!("{hash}-{scale}.crop"))?;
        }
        for lack in lacks {
            state.notes.lack(&lack)?;
        }
        Ok(Outcome::Added)
    }

    /// Leaves a file as the set has it; if it has none, takes what the hub says of it.
    fn give_up(&mut self, state: &mut State<'_>, hash: &str, exported: &Exported, why: Why) -> Stoppable<()> {
        let Why { word, cause } = why;
        let why = if word == "unreadable" && self.has_no_bytes(hash) { "no_bytes" } else { word };
        let is_kept = self.writing.set.keep(hash, why)?;
        let mut lacks = lacks_of(hash, exported);
        if !is_kept && matches!(why, "no_bytes" | "unreadable") {
            let (crops, more) = self.crops(hash, exported)?;
            lacks.extend(more);
            let posts = self.posts(state, hash, exported, &mut lacks)?;
            let metadata = exported.compose(hash, &posts);
            self.writing.set.add(&metadata, &self.writing.root, set::Bytes { original: None, crops, again: false })?;
        }
        let lack = Lack::of_file(hash, &exported.names.join("/"), why, is_kept);
        lacks.push(match cause {
            Some(cause) if why == "unreadable" => lack.because(&cause),
            _ => lack,
        });
        for lack in lacks {
            state.notes.lack(&lack)?;
        }
        Ok(())
    }

    /// Tells whether the hub has a row without bytes: then it gives no length.
    fn has_no_bytes(&self, hash: &str) -> bool {
        let query = [("file_id", hash), ("start", "0"), ("length", "1")];
        let Ok(Some(body)) = self.connection.call("filedata", &query) else { return false };
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        value.get("attach").is_some_and(|row| row.get("length").is_none_or(Value::is_null))
    }

    /// Brings the crops of a photo, each to a file of the workshop.
    fn crops(&mut self, hash: &str, exported: &Exported) -> Result<(Vec<Crop>, Vec<Lack>)> {
        let (mut crops, mut lacks) = (Vec::new(), Vec::new());
        for row in exported.photo.iter().filter(|row| rows::number(row, "imgscale") != 0) {
            let scale = rows::number(row, "imgscale");
            let text = scale.to_string();
            let query = [("photo_id", hash), ("scale", text.as_str())];
            let name = exported.names.join("/");
            let cut = if scale == 4 {
                format!("The profile picture cut from {name}")
            } else {
                format!("The cover photo cut from {name}")
            };
            let bytes = match self.connection.call("photo", &query) {
                Ok(body) => body.and_then(|body| photo_bytes(&body)).filter(|bytes| !bytes.is_empty()),
                Err(error) if error.kind() == ErrorKind::LimitExceeded => {
                    lacks.push(Lack::new("crop", "too_large", format!("{cut} is larger than 16 MiB.")).of(hash));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(bytes) = bytes else {
                lacks.push(Lack::new("crop", "no_bytes", format!("{cut} has no bytes on the hub.")).of(hash));
                continue;
            };
            if bytes.len() as u64 > SetLimits::default().crop_bytes {
                lacks.push(Lack::new("crop", "too_large", format!("{cut} is larger than 16 MiB.")).of(hash));
                continue;
            }
            let path = self.writing.set.put_in_workshop(&format!("{hash}-{scale}.crop"), &bytes)?;
            crops.push(Crop {
                scale: u8::try_from(scale).unwrap_or_default(),
                mimetype: rows::text(row, "mimetype"),
                path: RelativePath::parse(&path)?,
            });
        }
        Ok((crops, lacks))
    }

    /// Collects all posts of a file that can be had.
    fn posts(&self, state: &State<'_>, hash: &str, exported: &Exported, lacks: &mut Vec<Lack>) -> Result<Vec<Value>> {
        let mut all = Conversations::default();
        if self.has_posts {
            all.add_whole(exported.items.iter().cloned().filter_map(Post::of));
            for top in state.shares.tops(hash) {
                if all.has_whole(top) {
                    continue;
                }
                let body = self.connection.call("item/full", &[("mid", top.as_str())])?.unwrap_or_default();
                let found: Vec<Post> = items_of(&body)?.into_iter().map(Value::Object).filter_map(Post::of).collect();
                let own = ("photo".to_owned(), hash.to_owned());
                if found.iter().any(|post| post.id == *top && post.resource() == own) {
                    all.add_whole(found);
                }
            }
            let shares = state.shares.of(hash)?;
            if state.shares.sees_all {
                all.add_whole(shares);
            } else {
                for post in shares {
                    all.add(post);
                }
            }
        }
        if let Some(known) = self.writing.set.known(hash)? {
            let value: Value = serde_json::from_str(&known.metadata).unwrap_or_default();
            let earlier = value.get("item").and_then(Value::as_array).into_iter().flatten().cloned();
            all.add_earlier(earlier.filter_map(Post::of).collect(), self.has_posts && state.shares.sees_all);
        }
        if all.lacks_authors() {
            let words = format!(
                "Of posts about {}, the hub does not say everybody who wrote them.",
                exported.names.last().map_or("", String::as_str)
            );
            lacks.push(Lack::new("posts", "stock_api", words).of(hash));
        }
        let (posts, left) = all.end();
        if left > 0 {
            let words = format!(
                "{} has more posts and comments than a set holds for one file: {left} are not in it.",
                exported.names.last().map_or("", String::as_str)
            );
            lacks.push(Lack::new("posts", "too_many", words).of(hash));
        }
        Ok(posts)
    }

    /// Returns the names of the groups and people in access lists.
    fn access_names(&self, entries: &[String]) -> Result<serde_json::Map<String, Value>> {
        let mut names = serde_json::Map::new();
        if entries.is_empty() {
            return Ok(names);
        }
        let groups = self.connection.call("group", &[])?.unwrap_or_default();
        for group in serde_json::from_slice::<Vec<Row>>(&groups).unwrap_or_default() {
            let hash = rows::text(&group, "hash");
            if entries.contains(&hash) {
                names.insert(format!("<{hash}>"), rows::text(&group, "gname").into());
            }
        }
        let known = self.writing.about.get("access_names").and_then(Value::as_object);
        let mut asked = Vec::new();
        for entry in entries {
            let key = format!("<{entry}>");
            let is_clean = entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@:/".contains(&byte));
            match known.and_then(|known| known.get(&key)) {
                Some(name) if !names.contains_key(&key) => {
                    names.insert(key, name.clone());
                }
                None if !names.contains_key(&key) && is_clean && asked.len() < MOST_NAMES => asked.push(entry),
                _ => {}
            }
        }
        let urls: Vec<_> = asked.iter().map(|hash| self.connection.api("xchan", &[("hash", hash.as_str())])).collect();
        for (hash, reply) in asked.iter().zip(self.connection.calls(&urls)) {
            let row: Row = reply?.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
            let name = rows::text(&row, "name");
            if rows::text(&row, "hash") == **hash && !name.is_empty() {
                names.insert(format!("<{hash}>"), name.into());
            }
        }
        Ok(names)
    }
}

impl<'a> Reader for Run<'a> {
    type State = State<'a>;

    fn writing(&mut self) -> &mut Writing {
        &mut self.writing
    }

    fn about_the_set(&mut self, state: &mut State<'a>) -> Result<(String, Noted)> {
        let mut lacks: Vec<Lack> = self.writing.choice.excluded().map(|path| Lack::excluded(&path)).collect();
        if self.has_posts {
            let words = "Of a photo that was overwritten, posts that nobody answered cannot be read from a hub without filesync.";
            lacks.push(Lack::new("posts", "stock_api", words.to_owned()));
        } else {
            lacks.push(Lack::new("posts", "excluded", "Posts are left out, as asked.".to_owned()));
        }
        for lack in whole::lacks(&self.everything) {
            if lack.needs_attention() { state.notes.lack(&lack)? } else { lacks.push(lack) }
        }
        let noted = state.notes.listed(lacks)?;
        let mut contents = vec!["files", "photos", "access", "categories"];
        if self.has_posts {
            contents.insert(2, "posts of files");
        }
        let now = jiff::Timestamp::from_second(self.now()).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let full_look = if state.is_full { now.into() } else { self.writing.about.get("full_look").cloned().unwrap_or_default() };
        let channel = self.channel;
        let mut about = json!({
            "made_with": self.writing.made_with,
            "channel": {
                "nick": channel.nick, "name": channel.name, "hash": channel.hash, "guid": channel.guid, "key": channel.key,
                "url": channel.url,
            },
            "origin": { "url": self.connection.hub().to_string(), "software": format!("hubzilla {}", self.hub_version), "filesync": null },
            "contents": contents,
            "access_names": self.access_names(&state.listing.access)?,
            "full_look": full_look,
            "lacks": noted.lacks,
        });
        whole::tell(&mut about, &self.everything);
        Ok((about.to_string(), noted))
    }

    fn still_there(&self, hashes: &[String]) -> Result<Vec<String>> {
        let mut present = Vec::new();
        for some in hashes.chunks(CHUNK) {
            let urls: Vec<_> = some.iter().map(|hash| self.connection.api("filemeta", &[("file_id", hash.as_str())])).collect();
            for (hash, reply) in some.iter().zip(self.connection.calls(&urls)) {
                if reply?.is_some() {
                    present.push(hash.clone());
                }
            }
        }
        Ok(present)
    }

    fn add_late(&mut self, state: &mut State<'a>, hashes: &[String], watch: &mut dyn Watch) -> Stoppable<()> {
        for hash in self.add_hashes(state, hashes, true, watch)? {
            self.writing.set.keep(&hash, "unreadable")?;
        }
        Ok(())
    }

    fn received_bytes(&self, state: &State<'a>) -> u64 {
        state.bytes.received
    }

    fn is_full(&self, state: &State<'a>) -> bool {
        state.is_full
    }
}

fn count(state: &mut State<'_>, row: &Row) {
    if rows::number(row, "is_dir") == 0 {
        state.done_files += 1;
        state.done_bytes = state.done_bytes.saturating_add(rows::number(row, "filesize"));
    }
}

fn tell(state: &State<'_>, watch: &mut dyn Watch, bytes: u64, name: &str) {
    watch.progress(&Progress::Files {
        files: state.done_files,
        all_files: state.listing.files,
        bytes: state.done_bytes.saturating_add(bytes),
        all_bytes: state.listing.bytes,
        name,
    });
}

/// Tells whether an error is about the hub or the disk, not about one file.
fn ends_run(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Network | ErrorKind::Storage | ErrorKind::Refused)
}

fn photo_bytes(body: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Reply {
        photo: Photo,
    }
    #[derive(Deserialize)]
    struct Photo {
        content: String,
    }
    STANDARD.decode(serde_json::from_slice::<Reply>(body).ok()?.photo.content).ok()
}

fn lacks_of(hash: &str, exported: &Exported) -> Vec<Lack> {
    let name = exported.names.last().map_or("", String::as_str);
    let mut lacks = Vec::new();
    if !exported.above.is_empty() {
        lacks.push(Lack::new("folder", "no_row", format!("The hub has no row of a folder above {name}.")).of(hash));
    }
    if exported.is_partial {
        let words = format!("{name} is in the hub's database, and a hub without filesync does not say its categories.");
        lacks.push(Lack::new("categories", "stock_api", words).of(hash));
    }
    lacks
}

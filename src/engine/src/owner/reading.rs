//! One run against the reading door: brings a set up to date with a channel on a hub that has filesync, while the channel changes.
//!
//! The hub says of each file what its metadata is and which digests its bytes have, both true at one moment. Bytes count only with
//! their digest, so nothing needs to be compared afterwards. What changes every time keeps the version that the set has, and is listed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::notes::{Lack, Noted, Notes};
use super::reading_door::{About, Answer, Door, Fetched, Listed, Listing, MOST_HASHES, Part, Told, Wanted, wrong};
use super::whole::{self, Whole};
use super::writing::{
    Beginning, Ended, Outlook, Progress, ROUNDS, Reader, RunOptions, Watch, Writing, modified_ns, names_in, stop_if_told,
};
use crate::digest::Digest;
use crate::error::{ErrorKind, Result};
use crate::paths::RelativePath;
use crate::patience::{Halt, Stoppable, or_stopped};
use crate::set::{self, Choice, Crop, Known, Original, Peek, RunSpec};
use crate::upload::{Upload, UploadSpec};

/// Files that are asked about together.
const SOME: usize = 3 * MOST_HASHES;
/// Larger files travel alone, in ranges.
const PACKED_BYTES: u64 = 1 << 20;
/// What a pack has for its members; a header and the rest of a block come to each.
const PACK_BYTES: u64 = (8 << 20) - (1 << 10);
const BLOCK: u64 = 512;
const CHECKPOINT: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(2);
/// How long a hub may take to read large files for their digests.
const DIGEST_PATIENCE: Duration = Duration::from_mins(15);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const CROPS: [u8; 2] = [4, 7];
const NOT_READ_YET: &str = "not_read_yet";
const CHANGED: &str = "changed_while_read";

/// How far a run has read the listing.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    after: u64,
}

/// Says what a run would do, and changes nothing.
///
/// # Errors
///
/// As the replies of the hub, or of the set.
pub fn outlook(door: &Door<'_>, options: &RunOptions, watch: &mut dyn Watch) -> Result<Outlook> {
    let target = &options.target;
    let set = Peek::into(&target.folder, &target.options.surroundings, target.options.limits.clone())?;
    let known = |hash: &str| set.as_ref().map_or(Ok(None), |set| set.known(hash));
    let (mut outlook, mut after, mut rows) = (Outlook::default(), 0, 0);
    loop {
        let listing = door.listing(after)?;
        let mut asked = Vec::new();
        for file in &listing.files {
            rows += 1;
            let Some(size) = file.size.filter(|_| wants(&target.choice, &file.names)) else { continue };
            outlook.files += 1;
            outlook.bytes = outlook.bytes.saturating_add(size);
            match known(&file.hash)? {
                Some(known) if agrees(&known, file) => {}
                Some(known) if known.has_bytes => asked.push(file.hash.clone()),
                _ => {
                    outlook.new_files += 1;
                    outlook.new_bytes = outlook.new_bytes.saturating_add(size);
                }
            }
        }
        for told in asked.chunks(SOME).map(|some| ask(door, some)) {
            for told in told? {
                let Some(part) = told.original() else { continue };
                let has_it = known(&told.hash)?.is_some_and(|known| known.sha256 == Some(part.sha256));
                outlook.new_files += u64::from(!has_it);
                outlook.new_bytes = outlook.new_bytes.saturating_add(if has_it { 0 } else { part.size });
            }
        }
        watch.progress(&Progress::Listing(rows));
        match next(after, listing.after)? {
            Some(next) => after = next,
            None => return Ok(outlook),
        }
    }
}

/// Brings the set up to date.
///
/// # Errors
///
/// As the replies of the hub, or of the set; `InvalidInput` with code `set_signed` if the set is signed by a hub.
pub fn read(
    door: &Door<'_>,
    about: &About,
    options: RunOptions,
    whole: Option<&Whole<'_>>,
    watch: &mut dyn Watch,
) -> Result<Ended> {
    let spec =
        RunSpec { from: door.connection().hub().to_string(), by: "door".to_owned(), channel_hash: about.channel.hash.clone() };
    let writing = Writing::open(options.target, spec)?;
    let mut run = Run {
        door,
        whole,
        everything: writing.everything(),
        writing,
        is_full: options.is_full,
        headroom_bytes: options.limits.disk_headroom_bytes,
        all: (about.files, about.bytes),
        done: (0, 0),
        received: 0,
    };
    or_stopped(run.work(watch), Ended::Stopped)
}

struct Run<'a> {
    door: &'a Door<'a>,
    /// How everything else is read; none: it is not.
    whole: Option<&'a Whole<'a>>,
    /// What `set.json` says of that.
    everything: Value,
    writing: Writing,
    is_full: bool,
    headroom_bytes: u64,
    /// Files of the channel, and their bytes.
    all: (u64, u64),
    /// Those that were looked at.
    done: (u64, u64),
    /// Bytes that arrived in this process.
    received: u64,
}

/// The bytes of one file that the set does not have.
struct Lacking {
    wanted: Wanted,
    /// Its name in the run's workshop.
    arrives_as: String,
}

/// Files whose bytes are on their way, each with the number of its parts that are not here.
#[derive(Default)]
struct Awaited<'t>(HashMap<&'t str, (&'t Told, usize)>);

impl<'t> Awaited<'t> {
    fn add(&mut self, told: &'t Told, parts: usize) {
        if parts > 0 {
            self.0.insert(&told.hash, (told, parts));
        }
    }

    fn of(&self, hash: &str) -> Option<&'t Told> {
        self.0.get(hash).map(|(told, _)| *told)
    }

    /// Notes that a part has come; returns the file if that was its last.
    fn came(&mut self, hash: &str) -> Option<&'t Told> {
        let (told, parts) = self.0.get_mut(hash)?;
        let told = *told;
        *parts -= 1;
        if *parts > 0 {
            return None;
        }
        self.0.remove(hash);
        Some(told)
    }

    /// Returns those of which something did not come.
    fn rest(self) -> impl Iterator<Item = &'t str> {
        self.0.into_keys()
    }
}

impl Run<'_> {
    fn work(&mut self, watch: &mut dyn Watch) -> Stoppable<Ended> {
        let Beginning { cursor, mut notes, is_continued } = self.writing.begin::<Position>()?;
        if let Some(whole) = self.whole {
            match whole::bring(whole, &mut self.writing, watch)? {
                Ok(everything) => self.everything = everything,
                Err(ended) => return Ok(ended),
            }
        }
        if !cursor.is_over {
            self.add_all(&mut notes, cursor.at.after, watch)?;
        }
        self.add_again(&mut notes, watch)?;
        self.end(&mut notes, is_continued, watch)
    }

    /// Adds everything that is listed, from a row on.
    fn add_all(&mut self, notes: &mut Notes, from: u64, watch: &mut dyn Watch) -> Stoppable<()> {
        let (mut after, mut checked) = (from, Instant::now());
        loop {
            let listing = self.door.listing(after)?;
            let mut changed = Vec::new();
            for file in listing.files.into_iter().filter(|file| is_hash(&file.hash)) {
                if !wants(&self.writing.choice, &file.names) {
                    self.count(&file);
                } else if self.is_unchanged(&file)? && self.writing.set.unchanged(&file.hash)? {
                    self.lack_again(notes, &file.hash)?;
                    self.count(&file);
                    self.tell(watch, 0, &file.names);
                } else {
                    changed.push(file);
                }
            }
            for some in changed.chunks(SOME) {
                let hashes: Vec<String> = some.iter().map(|file| file.hash.clone()).collect();
                for (hash, _) in self.add_hashes(notes, &hashes, watch)? {
                    notes.again(&hash)?;
                }
                for file in some {
                    self.count(file);
                }
                stop_if_told(watch)?;
            }
            let Some(next) = next(after, listing.after)? else { return Ok(self.checkpoint(notes, after, true)?) };
            after = next;
            if checked.elapsed() >= CHECKPOINT {
                self.checkpoint(notes, after, false)?;
                checked = Instant::now();
            }
            stop_if_told(watch)?;
        }
    }

    fn checkpoint(&mut self, notes: &Notes, after: u64, is_over: bool) -> Result<()> {
        self.writing.checkpoint(Position { after }, notes, is_over)
    }

    fn is_unchanged(&self, file: &Listed) -> Result<bool> {
        if self.is_full || self.writing.damaged.contains(&file.hash) {
            return Ok(false);
        }
        Ok(self.writing.set.known(&file.hash)?.is_some_and(|known| !known.is_new && agrees(&known, file)))
    }

    /// Says again what the set lacks of a file that is not looked at.
    fn lack_again(&self, notes: &mut Notes, hash: &str) -> Result<()> {
        let mut lacked = self.writing.lacked_beside(hash).filter(|lack| lack.why != "stock_api");
        lacked.try_for_each(|lack| notes.lack(lack))
    }

    /// Adds some files and folders; returns those that must be read again, each with the reason.
    fn add_hashes(&mut self, notes: &mut Notes, hashes: &[String], watch: &mut dyn Watch) -> Stoppable<Vec<(String, String)>> {
        let (mut asked, mut again) = (hashes.to_vec(), Vec::new());
        while !asked.is_empty() {
            let answer = self.door.metadata(&asked)?;
            if answer.left.len() >= asked.len() {
                return Err(wrong("it answers nothing").into());
            }
            let files = answer.files.into_iter().filter(|told| asked.contains(&told.hash)).map(Told::sound);
            let (later, told): (Vec<_>, Vec<_>) = files.partition(|told| told.metadata.is_none());
            again.extend(later.into_iter().map(|told| (told.hash, told.again)));
            again.extend(self.add_told(notes, &told, watch)?);
            asked = answer.left;
        }
        Ok(again)
    }

    /// Adds what the hub says of some files, each as soon as its bytes are here; returns those that have other bytes by now.
    fn add_told(&mut self, notes: &mut Notes, told: &[Told], watch: &mut dyn Watch) -> Stoppable<Vec<(String, String)>> {
        let (mut all, mut awaited) = (Vec::new(), Awaited::default());
        for told in told {
            let lacking = self.lacking(told)?;
            awaited.add(told, lacking.len());
            if lacking.is_empty() {
                self.add(notes, told)?;
            }
            all.extend(lacking);
        }
        let (small, large): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.wanted.size <= PACKED_BYTES);
        self.bring_packs(notes, &small, &mut awaited, watch)?;
        for one in &large {
            let names = awaited.of(&one.wanted.hash).map(Told::names).unwrap_or_default();
            if self.bring(one, &names, watch)?
                && let Some(told) = awaited.came(&one.wanted.hash)
            {
                self.add(notes, told)?;
            }
        }
        Ok(awaited.rest().map(|hash| (hash.to_owned(), CHANGED.to_owned())).collect())
    }

    /// Returns the bytes of a file that the set does not have, those of its crops always.
    fn lacking(&self, told: &Told) -> Result<Vec<Lacking>> {
        let mut lacking = Vec::new();
        for part in &told.parts {
            if part.role == "original" && self.has_bytes(&told.hash, part)? {
                continue;
            }
            lacking.push(Lacking {
                wanted: Wanted { hash: told.hash.clone(), scale: part.scale, sha256: part.sha256, size: part.size },
                arrives_as: arrives_as(&told.hash, part.scale),
            });
        }
        Ok(lacking)
    }

    fn has_bytes(&self, hash: &str, part: &Part) -> Result<bool> {
        let known = if self.writing.damaged.contains(hash) { None } else { self.writing.set.known(hash)? };
        Ok(known.is_some_and(|known| known.has_bytes && known.sha256 == Some(part.sha256)))
    }

    /// Brings small files to the workshop, many in one request, and adds those of which all has come.
    fn bring_packs(
        &mut self,
        notes: &mut Notes,
        small: &[Lacking],
        awaited: &mut Awaited<'_>,
        watch: &mut dyn Watch,
    ) -> Stoppable<()> {
        let (door, packs) = (self.door, packs_of(small));
        let wanted: Vec<Vec<Wanted>> = packs.iter().map(|some| some.iter().map(|one| one.wanted.clone()).collect()).collect();
        door.packs(&wanted, |at, came| {
            let some = packs.get(at).copied().unwrap_or_default();
            for (sha256, bytes) in came.iter().flat_map(crate::pack::Pack::members) {
                self.received += bytes.len() as u64;
                for one in some.iter().filter(|one| one.wanted.sha256 == sha256) {
                    self.writing.set.put_in_workshop(&one.arrives_as, bytes)?;
                    if let Some(told) = awaited.came(&one.wanted.hash) {
                        self.add(notes, told)?;
                    }
                }
            }
            stop_if_told(watch)
        })
    }

    /// Brings a large file to the workshop, from where it was interrupted; false: it has other bytes by now.
    fn bring(&mut self, one: &Lacking, names: &[String], watch: &mut dyn Watch) -> Stoppable<bool> {
        let room = self.writing.set.open_workshop()?;
        let target = RelativePath::parse(&format!("{room}/{}", one.arrives_as))?;
        let path = format!("{room}/{}", one.wanted.sha256);
        let spec = UploadSpec { size_bytes: one.wanted.size, sha256: one.wanted.sha256 };
        let mut file = Upload::open(&self.writing.root, &path, spec, self.headroom_bytes)?;
        let before = file.length_bytes();
        let fetched = self.door.fetch(&one.wanted, &mut file, |bytes| {
            self.tell(watch, bytes, names);
            watch.must_stop()
        });
        self.received += file.length_bytes().saturating_sub(before);
        match fetched? {
            Fetched::Whole => {}
            Fetched::Gone => return Ok(false),
            Fetched::Stopped => return Err(Halt::Stopped),
        }
        // What an earlier part of the run left at this name may be other bytes.
        self.writing.set.clear_workshop(&one.arrives_as)?;
        match file.place(&target) {
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(false),
            placed => Ok(placed.map(|()| true)?),
        }
    }

    fn add(&mut self, notes: &mut Notes, told: &Told) -> Stoppable<()> {
        let mut lacks = told.lacks.clone();
        if !told.fault.is_empty() {
            let is_kept = self.writing.set.keep(&told.hash, &told.fault)?;
            lacks.push(Lack::of_file(&told.hash, &told.names().join("/"), &told.fault, is_kept));
            if is_kept {
                return Ok(lacks.iter().try_for_each(|lack| notes.lack(lack))?);
            }
        }
        let (metadata, edited) = (told.text(), told.edited());
        if told.chain().last().and_then(|own| own.get("hash")).and_then(Value::as_str) != Some(told.hash.as_str()) {
            return Err(wrong("the metadata of another file").into());
        }
        let (mut original, mut crops) = (None, Vec::new());
        let room = self.writing.set.open_workshop()?;
        for part in &told.parts {
            let name = arrives_as(&told.hash, part.scale);
            if part.role != "original" {
                let path = RelativePath::parse(&format!("{room}/{name}"))?;
                crops.push(Crop { scale: part.scale, mimetype: part.mimetype.clone(), path });
            } else if self.has_bytes(&told.hash, part)? {
                original = Some(Original::Kept);
            } else {
                let modified_ns = modified_ns(&edited);
                original = Some(Original::Arrived { name, size_bytes: part.size, sha256: part.sha256, modified_ns });
            }
        }
        let scales: Vec<u8> = crops.iter().map(|crop| crop.scale).collect();
        let again = self.writing.damaged.contains(&told.hash);
        match self.writing.set.add(metadata, &self.writing.root, set::Bytes { original, crops, again }) {
            Err(error) if error.kind() == ErrorKind::LimitExceeded => {
                let is_kept = self.writing.set.keep(&told.hash, "too_large")?;
                lacks.push(Lack::of_file(&told.hash, &told.names().join("/"), "too_large", is_kept));
            }
            outcome => drop(outcome?),
        }
        for scale in scales {
            self.writing.set.clear_workshop(&arrives_as(&told.hash, scale))?;
        }
        Ok(lacks.iter().try_for_each(|lack| notes.lack(lack))?)
    }

    /// Reads again, after a while, what could not be read.
    fn add_again(&mut self, notes: &mut Notes, watch: &mut dyn Watch) -> Stoppable<()> {
        let mut left: Vec<(String, String)> = notes.again_list()?.into_iter().map(|hash| (hash, CHANGED.to_owned())).collect();
        let (begun, mut pause) = (Instant::now(), SETTLE);
        for round in 1.. {
            if left.is_empty() {
                break;
            }
            wait(pause, watch)?;
            pause = if round < ROUNDS { SETTLE } else { (pause * 2).min(LONGEST_PAUSE) };
            let mut still = Vec::new();
            let hashes: Vec<String> = left.into_iter().map(|(hash, _)| hash).collect();
            for some in hashes.chunks(SOME) {
                still.extend(self.add_hashes(notes, some, watch)?);
                stop_if_told(watch)?;
            }
            // Whoever reads a large file for its digest needs no more than time.
            let may_wait = |why: &str| why == NOT_READ_YET && begun.elapsed() < DIGEST_PATIENCE;
            let (over, next): (Vec<_>, Vec<_>) = still.into_iter().partition(|(_, why)| round >= ROUNDS && !may_wait(why));
            left = next;
            for (hash, why) in over {
                self.give_up(notes, &hash, if why == NOT_READ_YET { "unreadable" } else { CHANGED })?;
            }
        }
        Ok(())
    }

    /// Leaves a file as the set has it.
    fn give_up(&mut self, notes: &mut Notes, hash: &str, why: &str) -> Result<()> {
        let names = self.writing.set.known(hash)?.map(|known| names_in(&known).join("/")).filter(|name| !name.is_empty());
        let is_kept = self.writing.set.keep(hash, why)?;
        notes.lack(&Lack::of_file(hash, names.as_deref().unwrap_or(hash), why, is_kept))
    }

    fn count(&mut self, file: &Listed) {
        if let Some(size) = file.size {
            self.done.0 += 1;
            // A number that the hub only states.
            self.done.1 = self.done.1.saturating_add(size);
        }
    }

    fn tell(&self, watch: &mut dyn Watch, bytes: u64, names: &[String]) {
        watch.progress(&Progress::Files {
            files: self.done.0,
            all_files: self.all.0,
            bytes: self.done.1.saturating_add(bytes),
            all_bytes: self.all.1,
            name: names.last().map_or("", String::as_str),
        });
    }
}

impl Reader for Run<'_> {
    type State = Notes;

    fn writing(&mut self) -> &mut Writing {
        &mut self.writing
    }

    fn about_the_set(&mut self, notes: &mut Notes) -> Result<(String, Noted)> {
        let said = self.door.about()?.said;
        let mut lacks: Vec<Lack> = self.writing.choice.excluded().map(|path| Lack::excluded(&path)).collect();
        lacks.extend(whole::lacks(&self.everything));
        lacks.extend(said.get("lacks").and_then(|lacks| Vec::<Lack>::deserialize(lacks).ok()).unwrap_or_default());
        let lacking = notes.listed(lacks)?;
        let of = |key: &str| said.get(key).cloned().unwrap_or_default();
        let mut about = json!({
            "made_with": self.writing.made_with, "channel": of("channel"), "origin": of("origin"), "contents": of("contents"),
            "access_names": of("access_names"), "lacks": lacking.lacks,
        });
        whole::tell(&mut about, &self.everything);
        Ok((about.to_string(), lacking))
    }

    fn still_there(&self, hashes: &[String]) -> Result<Vec<String>> {
        let mut present = Vec::new();
        for some in hashes.chunks(SOME) {
            present.extend(ask(self.door, some)?.into_iter().map(|told| told.hash));
        }
        Ok(present)
    }

    fn add_late(&mut self, notes: &mut Notes, hashes: &[String], watch: &mut dyn Watch) -> Stoppable<()> {
        for some in hashes.chunks(SOME) {
            for (hash, _) in self.add_hashes(notes, some, watch)? {
                self.writing.set.keep(&hash, CHANGED)?;
            }
        }
        Ok(())
    }

    fn received_bytes(&self, _: &Notes) -> u64 {
        self.received
    }

    fn is_full(&self, _: &Notes) -> bool {
        self.is_full
    }
}

impl Told {
    /// Leaves out parts that no set has.
    fn sound(mut self) -> Self {
        self.parts.retain(|part| match part.role.as_str() {
            "original" => part.scale == 0,
            "crop" => CROPS.contains(&part.scale),
            _ => false,
        });
        self
    }

    /// The metadata as the hub wrote it.
    fn text(&self) -> &str {
        self.metadata.as_ref().map_or("", |metadata| metadata.get())
    }

    fn original(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.role == "original")
    }

    fn chain(&self) -> Vec<Value> {
        let value: Value = serde_json::from_str(self.text()).unwrap_or_default();
        value.get("attach").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    fn names(&self) -> Vec<String> {
        let name = |row: &Value| row.get("filename").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.chain().iter().map(name).collect()
    }

    fn edited(&self) -> String {
        let chain = self.chain();
        chain.last().and_then(|own| own.get("edited")).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// Asks for the metadata of some files until all are answered.
fn ask(door: &Door<'_>, hashes: &[String]) -> Result<Vec<Told>> {
    let (mut asked, mut told) = (hashes.to_vec(), Vec::new());
    while !asked.is_empty() {
        let answer = door.metadata(&asked)?;
        if answer.left.len() >= asked.len() {
            return Err(wrong("it answers nothing"));
        }
        told.extend(answer.files);
        asked = answer.left;
    }
    Ok(told)
}

/// Makes sure that a listing goes on.
fn next(after: u64, next: Option<u64>) -> Result<Option<u64>> {
    match next {
        Some(next) if next <= after => Err(wrong("its listing does not go on")),
        next => Ok(next),
    }
}

fn wants(choice: &Choice, names: &[String]) -> bool {
    !choice.excludes(names) && choice.looks_at(names)
}

/// Tells whether the set has a file or folder as it is listed.
fn agrees(known: &Known, file: &Listed) -> bool {
    let has_bytes = file.size.is_none() || (known.has_bytes && known.size_bytes == file.size);
    has_bytes && Digest::of(known.metadata.as_bytes()).to_string().get(..32) == Some(file.print.as_str())
}

/// Reads a listing, as a run does; returns the hashes that it takes.
pub(crate) fn listed_hashes(body: &[u8]) -> Option<Vec<String>> {
    let listing: Listing = super::reading_door::read(body).ok()?;
    let _ = next(0, listing.after);
    Some(listing.files.into_iter().map(|file| file.hash).filter(|hash| is_hash(hash)).collect())
}

/// Reads the metadata of files, as a run does; returns the names under which their bytes would arrive.
pub(crate) fn arrivals(body: &[u8]) -> Option<Vec<String>> {
    let answer: Answer = super::reading_door::read(body).ok()?;
    let told = answer.files.into_iter().filter(|told| is_hash(&told.hash)).map(Told::sound);
    Some(
        told.flat_map(|told| {
            let _ = (told.names(), told.edited(), told.original().is_some());
            told.parts.iter().map(|part| arrives_as(&told.hash, part.scale)).collect::<Vec<_>>()
        })
        .collect(),
    )
}

fn is_hash(hash: &str) -> bool {
    (1..=64).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn arrives_as(hash: &str, scale: u8) -> String {
    if scale == 0 { format!("{hash}.whole") } else { format!("{hash}-{scale}.crop") }
}

/// Divides small files so that each pack can hold what is asked for.
fn packs_of(small: &[Lacking]) -> Vec<&[Lacking]> {
    let (mut packs, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, one) in small.iter().enumerate() {
        let taken = one.wanted.size.next_multiple_of(BLOCK) + BLOCK;
        if bytes + taken > PACK_BYTES {
            packs.push(small.get(start..at).unwrap_or_default());
            (start, bytes) = (at, 0);
        }
        bytes += taken;
    }
    if start < small.len() {
        packs.push(small.get(start..).unwrap_or_default());
    }
    packs
}

/// Waits, and looks whether it shall stop.
fn wait(time: Duration, watch: &dyn Watch) -> Stoppable<()> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100).min(until.saturating_duration_since(Instant::now())));
        stop_if_told(watch)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacking(size: u64) -> Lacking {
        Lacking { wanted: Wanted { hash: "h".into(), scale: 0, sha256: Digest::of(b""), size }, arrives_as: arrives_as("h", 0) }
    }

    #[test]
    fn what_is_asked_for_fits_into_a_pack() {
        let counts = |sizes: &[u64]| {
            let all: Vec<Lacking> = sizes.iter().map(|size| lacking(*size)).collect();
            packs_of(&all).iter().map(|pack| pack.len()).collect::<Vec<_>>()
        };
        assert_eq!(counts(&[]), [0; 0]);
        assert_eq!(counts(&[0, 1, 513]), [3]);
        assert_eq!(counts(&[1 << 20; 9]), [7, 2]);
        // 20 KiB each: 10,000 files take 26 packs, or 50 of 200.
        assert_eq!(counts(&[20 << 10; 400]), [399, 1]);
        let mut writer = crate::pack::PackWriter::default();
        for byte in 0..7_u8 {
            writer.add(&vec![byte; 1 << 20]).unwrap();
        }
        assert!(writer.length_bytes() <= crate::pack::MOST_PACK_BYTES);
    }

    #[test]
    fn a_listing_that_does_not_go_on_is_refused() {
        assert_eq!(next(5, Some(6)).unwrap(), Some(6));
        assert_eq!(next(5, None).unwrap(), None);
        assert!(next(5, Some(5)).is_err());
    }
}

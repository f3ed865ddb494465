//! The files of a channel, and the differences between two inventories without sending either.
//!
//! An entry is a file's hash with two fingerprints, of its content and of its metadata. Two clones exchange messages of
//! range-based set reconciliation (negentropy) until the side that began knows every entry that only one of them has; equal
//! entries cost nothing. An entry's id begins with the hash of the file, so both versions of a file are neighbours.
//!
//! Invariant: a message is bounded by `Limits`, whatever the other side sends; it reveals only ids. An inventory can be
//! saved between two messages. The caller knows the meaning of entries and how to react to a difference.

use std::fmt;
use std::io::{BufReader, Read};

use negentropy::{Bound, Id, Item, Negentropy, NegentropyStorageBase};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::limits::InventoryLimits;
use crate::paths::{RelativePath, Root};
use crate::store;

/// A version of a file: 8 bytes for its hash, 12 for its content, 12 for its metadata.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId([u8; 32]);

const KEY_BYTES: usize = 8;
const CONTENT_BYTES: usize = 12;

impl EntryId {
    /// Makes the id of a file from its hash and from texts that are equal if its content, or its metadata, is equal.
    pub fn of(hash: &str, content: &[u8], metadata: &[u8]) -> Self {
        // Ranges are compared by the sum of their ids: if two files swap their contents, the sum must change.
        let parts = [
            digest(&[hash.as_bytes()]),
            digest(&[b"content", hash.as_bytes(), content]),
            digest(&[b"metadata", hash.as_bytes(), metadata]),
        ];
        let cut = [KEY_BYTES, CONTENT_BYTES, 32 - KEY_BYTES - CONTENT_BYTES];
        let mut bytes = parts.iter().zip(cut).flat_map(|(part, length)| part.iter().take(length).copied());
        Self(std::array::from_fn(|_| bytes.next().unwrap_or_default()))
    }

    /// Returns the key of the file's hash.
    pub fn key(&self) -> [u8; KEY_BYTES] {
        std::array::from_fn(|n| self.0.get(n).copied().unwrap_or_default())
    }

    fn content(&self) -> &[u8] {
        self.0.get(KEY_BYTES..KEY_BYTES + CONTENT_BYTES).unwrap_or_default()
    }

    fn metadata(&self) -> &[u8] {
        self.0.get(KEY_BYTES + CONTENT_BYTES..).unwrap_or_default()
    }

    /// Orders entries like their bytes. More of the key would only make the bounds of ranges longer.
    fn item(&self) -> Item {
        let order = self.0.iter().take(4).fold(0, |order, byte| order << 8 | u64::from(*byte));
        Item::with_timestamp_and_id(order, Id::from_byte_array(self.0))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::digest::to_hex(&self.0))
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Computes the digest of texts with separators.
fn digest(texts: &[&[u8]]) -> [u8; 32] {
    let mut state = Sha256::new();
    for text in texts {
        state.update((text.len() as u64).to_le_bytes());
        state.update(text);
    }
    state.finalize().into()
}

/// A file that differs between two inventories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The file's hash; none for a file that only the other side has: that side knows it by the key.
    pub hash: Option<&'a str>,
    /// The version here, none if it is missing here.
    pub here: Option<EntryId>,
    /// The version there, none if it is missing there.
    pub there: Option<EntryId>,
}

impl Difference<'_> {
    /// Tells whether both have the file with different content.
    pub fn is_other_content(&self) -> bool {
        self.here.zip(self.there).is_some_and(|(here, there)| here.content() != there.content())
    }

    /// Tells whether both have the file with different metadata.
    pub fn is_other_metadata(&self) -> bool {
        self.here.zip(self.there).is_some_and(|(here, there)| here.metadata() != there.metadata())
    }
}

#[derive(Clone, Copy)]
struct Entry {
    id: EntryId,
    name_at: u32,
    name_bytes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Accepts entries.
    Open,
    /// Accepts no more entries; answers, or may begin.
    Sealed,
    /// Has begun; waits for answers.
    Begun,
    /// Knows all differences.
    Compared,
}

/// The files of a channel on one hub.
pub struct Inventory {
    entries: Vec<Entry>,
    /// The hashes, one after the other.
    names: Vec<u8>,
    state: State,
    rounds: u32,
    only_here: Vec<EntryId>,
    only_there: Vec<EntryId>,
    /// The pairs once all are known: the version here and the version there of one file.
    pairs: Vec<(Option<EntryId>, Option<EntryId>)>,
    limits: InventoryLimits,
}

impl Inventory {
    /// Makes an empty inventory.
    pub fn new(limits: InventoryLimits) -> Self {
        Self {
            entries: Vec::new(),
            names: Vec::new(),
            state: State::Open,
            rounds: 0,
            only_here: Vec::new(),
            only_there: Vec::new(),
            pairs: Vec::new(),
            limits,
        }
    }

    /// Adds a file: its hash, 1 to 64 bytes, and texts that are equal if its content, or its metadata, is equal.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the hash has another length or the inventory is sealed, `LimitExceeded` if it is full.
    pub fn add(&mut self, hash: &str, content: &[u8], metadata: &[u8]) -> Result<()> {
        self.expect(State::Open, "adding to an inventory")?;
        let length = u8::try_from(hash.len()).ok().filter(|length| (1..=LONGEST_HASH).contains(length));
        let name_bytes = length.ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "adding to an inventory")
                .context("hash_bytes", hash.len())
                .context("expected", "1 to 64")
        })?;
        if self.entries.len() >= self.limits.max_entries {
            return Err(
                Error::new(ErrorKind::LimitExceeded, "adding to an inventory").context("limit_entries", self.limits.max_entries)
            );
        }
        let name_at = u32::try_from(self.names.len())
            .map_err(|_| Error::new(ErrorKind::LimitExceeded, "adding to an inventory").context("limit_bytes", u32::MAX))?;
        self.names.extend_from_slice(hash.as_bytes());
        self.entries.push(Entry { id: EntryId::of(hash, content, metadata), name_at, name_bytes });
        Ok(())
    }

    /// Ends adding. Doing it twice is harmless.
    pub fn seal(&mut self) {
        if self.state == State::Open {
            self.entries.sort_unstable_by_key(|entry| entry.id);
            self.entries.dedup_by_key(|entry| entry.id);
            self.entries.shrink_to_fit();
            self.names.shrink_to_fit();
            self.state = State::Sealed;
        }
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the hash of a key's file, none if it is not here.
    pub fn find(&self, key: [u8; KEY_BYTES]) -> Option<&str> {
        let at = self.entries.partition_point(|entry| entry.id.key() < key);
        self.entries.get(at).filter(|entry| self.state != State::Open && entry.id.key() == key).and_then(|entry| self.name(entry))
    }

    /// Begins a comparison: returns the first message to the other side.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the inventory is not sealed, or has already begun.
    pub fn begin(&mut self) -> Result<Vec<u8>> {
        self.expect(State::Sealed, "beginning a comparison")?;
        let message = self.talk(false)?.initiate().map_err(|error| unreadable(&error))?;
        self.state = State::Begun;
        Ok(message)
    }

    /// Answers a message from a side that began. Keeps no state: a message may come twice, or never.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the message is invalid or the inventory is not sealed, `LimitExceeded` if it is too long.
    pub fn answer(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.expect(State::Sealed, "answering an inventory")?;
        self.check_length(message)?;
        self.talk(false)?.reconcile(message).map_err(|error| unreadable(&error))
    }

    /// Processes an answer, and returns the next message, or none once every difference is known.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the message is invalid or nothing was begun, `LimitExceeded` if it is too long, or if there are too
    /// many messages or differences.
    pub fn advance(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>> {
        self.expect(State::Begun, "comparing inventories")?;
        self.check_length(message)?;
        self.rounds += 1;
        let (mut here, mut there) = (Vec::new(), Vec::new());
        let next = self.talk(true)?.reconcile_with_ids(message, &mut here, &mut there).map_err(|error| unreadable(&error))?;
        self.only_here.extend(here.into_iter().map(|id| EntryId(id.to_bytes())));
        self.only_there.extend(there.into_iter().map(|id| EntryId(id.to_bytes())));
        let limit = self.limits.max_entries;
        if next.is_some() && self.rounds >= self.limits.max_rounds {
            return Err(Error::new(ErrorKind::LimitExceeded, "comparing inventories").context("limit_rounds", self.rounds));
        }
        // A truncated message repeats a range, so ours are counted once at the end; the other side can send any number.
        if self.only_there.len() > limit || self.only_here.len() > limit.saturating_mul(2) {
            return Err(Error::new(ErrorKind::LimitExceeded, "comparing inventories").context("limit_differences", limit));
        }
        if next.is_none() {
            self.pair();
            self.state = State::Compared;
        }
        Ok(next)
    }

    /// Returns the number of processed answers.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Returns how many files differ.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if not all are known yet.
    pub fn difference_count(&self) -> Result<usize> {
        self.expect(State::Compared, "reading the differences of two inventories")?;
        Ok(self.pairs.len())
    }

    /// Returns the files that differ, in the order of their keys.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if not all are known yet.
    pub fn differences(&self, offset: usize) -> Result<impl Iterator<Item = Difference<'_>>> {
        self.expect(State::Compared, "reading the differences of two inventories")?;
        let pairs = self.pairs.iter().skip(offset);
        Ok(pairs.map(|&(here, there)| Difference { hash: here.and_then(|id| self.find(id.key())), here, there }))
    }

    /// Saves the inventory with the progress of its comparison.
    ///
    /// # Errors
    ///
    /// `Storage` if it cannot be written.
    pub fn save(&self, root: &Root, path: &RelativePath) -> Result<()> {
        store::replace(root, path, |file| {
            file.write_all(MAGIC)?;
            let counts = [self.entries.len(), self.names.len(), self.only_here.len(), self.only_there.len()];
            for number in [self.state as u64, u64::from(self.rounds)].into_iter().chain(counts.map(|count| count as u64)) {
                file.write_all(&number.to_le_bytes())?;
            }
            for entry in &self.entries {
                file.write_all(&entry.id.0)?;
                file.write_all(&entry.name_at.to_le_bytes())?;
                file.write_all(&[entry.name_bytes])?;
            }
            file.write_all(&self.names)?;
            self.only_here.iter().chain(&self.only_there).try_for_each(|id| file.write_all(&id.0))
        })
    }

    /// Reads a saved inventory.
    ///
    /// # Errors
    ///
    /// `NotFound` if the file does not exist, `Corrupt` if it is truncated or not an inventory, `Storage` if it cannot be read.
    pub fn load(root: &Root, path: &RelativePath, limits: InventoryLimits) -> Result<Self> {
        let mut file = Saved(BufReader::new(root.open_file(path)?));
        file.inventory(limits).context("path", path)
    }

    /// Pairs the two versions of each file that both have. Ranges may have been compared twice.
    fn pair(&mut self) {
        for side in [&mut self.only_here, &mut self.only_there] {
            side.sort_unstable();
            side.dedup();
        }
        let mut there = self.only_there.iter().copied().peekable();
        self.pairs = Vec::with_capacity(self.only_here.len().max(self.only_there.len()));
        for &here in &self.only_here {
            while let Some(other) = there.next_if(|id| id.key() < here.key()) {
                self.pairs.push((None, Some(other)));
            }
            self.pairs.push((Some(here), there.next_if(|id| id.key() == here.key())));
        }
        self.pairs.extend(there.map(|id| (None, Some(id))));
    }

    fn talk(&self, has_begun: bool) -> Result<Negentropy<'_, Sorted<'_>>> {
        let frame = self.limits.message_bytes as u64;
        let mut talk = Negentropy::owned(Sorted(&self.entries), frame).map_err(|error| unreadable(&error))?;
        if has_begun {
            talk.set_initiator();
        }
        Ok(talk)
    }

    fn name(&self, entry: &Entry) -> Option<&str> {
        let start = entry.name_at as usize;
        self.names.get(start..start.checked_add(entry.name_bytes.into())?).and_then(|name| std::str::from_utf8(name).ok())
    }

    fn expect(&self, state: State, operation: &'static str) -> Result<()> {
        if self.state == state {
            return Ok(());
        }
        let (expected, found) = (state.phrase(), self.state.phrase());
        Err(Error::new(ErrorKind::InvalidInput, operation).context("expected", expected).context("inventory", found))
    }

    fn check_length(&self, message: &[u8]) -> Result<()> {
        if message.len() <= self.limits.message_bytes {
            return Ok(());
        }
        Err(Error::new(ErrorKind::LimitExceeded, "reading a message of another inventory")
            .context("bytes", message.len())
            .context("limit_bytes", self.limits.message_bytes))
    }
}

const LONGEST_HASH: u8 = 64;
const MAGIC: &[u8; 8] = b"fsinv 1\n";

impl State {
    fn phrase(self) -> &'static str {
        match self {
            Self::Open => "open for entries",
            Self::Sealed => "sealed",
            Self::Begun => "being compared",
            Self::Compared => "compared",
        }
    }

    fn numbered(number: u64) -> Option<Self> {
        [Self::Open, Self::Sealed, Self::Begun, Self::Compared].into_iter().find(|state| *state as u64 == number)
    }
}

fn unreadable(error: &negentropy::Error) -> Error {
    Error::new(ErrorKind::InvalidInput, "reading a message of another inventory").source(error.to_string())
}

/// The entries of a sealed inventory, in the form that the protocol reads.
struct Sorted<'a>(&'a [Entry]);

impl NegentropyStorageBase for Sorted<'_> {
    fn size(&self) -> std::result::Result<usize, negentropy::Error> {
        Ok(self.0.len())
    }

    fn get_item(&self, at: usize) -> std::result::Result<Option<Item>, negentropy::Error> {
        Ok(self.0.get(at).map(|entry| entry.id.item()))
    }

    fn iterate(
        &self,
        begin: usize,
        end: usize,
        take: &mut dyn FnMut(Item, usize) -> std::result::Result<bool, negentropy::Error>,
    ) -> std::result::Result<(), negentropy::Error> {
        let entries = self.0.get(begin..end).ok_or(negentropy::Error::BadRange)?;
        for (at, entry) in (begin..).zip(entries) {
            if !take(entry.id.item(), at)? {
                break;
            }
        }
        Ok(())
    }

    fn find_lower_bound(&self, first: usize, last: usize, bound: &Bound) -> usize {
        let entries = self.0.get(first..last).unwrap_or_default();
        first + entries.partition_point(|entry| entry.id.item() < bound.item)
    }
}

/// A saved inventory that is being read.
struct Saved(BufReader<std::fs::File>);

const LOADING: &str = "reading a saved inventory";

impl Saved {
    fn inventory(&mut self, limits: InventoryLimits) -> Result<Inventory> {
        if self.bytes::<8>()? != *MAGIC {
            return Err(damaged("it is none"));
        }
        let state = State::numbered(self.number()?).ok_or_else(|| damaged("its state"))?;
        let rounds = u32::try_from(self.number()?).map_err(|_| damaged("its rounds"))?;
        let most = limits.max_entries;
        let entry_count = self.count(most)?;
        let name_count = self.count(most.saturating_mul(LONGEST_HASH.into()))?;
        let (here_count, there_count) = (self.count(most.saturating_mul(2))?, self.count(most)?);
        let mut inventory = Inventory::new(limits);
        inventory.entries = self.many(entry_count, |file| {
            let id = EntryId(file.bytes()?);
            Ok(Entry { id, name_at: u32::from_le_bytes(file.bytes()?), name_bytes: u8::from_le_bytes(file.bytes()?) })
        })?;
        inventory.names = vec![0; name_count];
        self.0.read_exact(&mut inventory.names).or_fail(ErrorKind::Corrupt, LOADING)?;
        inventory.only_here = self.many(here_count, |file| file.bytes().map(EntryId))?;
        inventory.only_there = self.many(there_count, |file| file.bytes().map(EntryId))?;
        if state != State::Open && !inventory.entries.is_sorted_by(|one, other| one.id < other.id) {
            return Err(damaged("its order"));
        }
        (inventory.state, inventory.rounds) = (state, rounds);
        if state == State::Compared {
            inventory.pair();
        }
        Ok(inventory)
    }

    fn many<T>(&mut self, count: usize, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            all.push(read(self)?);
        }
        Ok(all)
    }

    fn count(&mut self, most: usize) -> Result<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= most).ok_or_else(|| damaged("a count"))
    }

    fn number(&mut self) -> Result<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).or_fail(ErrorKind::Corrupt, LOADING)?;
        Ok(bytes)
    }
}

fn damaged(fault: &str) -> Error {
    Error::new(ErrorKind::Corrupt, LOADING).context("fault", fault)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Files = BTreeMap<String, (String, String)>;

    fn limits(message_bytes: usize) -> InventoryLimits {
        InventoryLimits { message_bytes, max_entries: 5000, ..InventoryLimits::default() }
    }

    fn inventory(files: &Files, message_bytes: usize) -> Inventory {
        let mut inventory = Inventory::new(limits(message_bytes));
        for (hash, (content, metadata)) in files {
            inventory.add(hash, content.as_bytes(), metadata.as_bytes()).unwrap();
        }
        inventory.seal();
        inventory
    }

    fn many(count: usize) -> Files {
        (0..count).map(|n| (format!("file-{n}"), (format!("content {n}"), format!("name {n}")))).collect()
    }

    /// Compares until the end, and saves and reads the side that began after every message. Returns it and the bytes sent.
    fn compare(mut ours: Inventory, theirs: &Inventory) -> (Inventory, usize) {
        let folder = tempfile::tempdir().unwrap();
        let (root, path) = (Root::open(folder.path()).unwrap(), RelativePath::parse("snapshot").unwrap());
        let mut message = Some(ours.begin().unwrap());
        let mut bytes = 0;
        while let Some(said) = message {
            let answer = theirs.answer(&said).unwrap();
            bytes += said.len() + answer.len();
            ours.save(&root, &path).unwrap();
            ours = Inventory::load(&root, &path, ours.limits.clone()).unwrap();
            message = ours.advance(&answer).unwrap();
        }
        ours.save(&root, &path).unwrap();
        (Inventory::load(&root, &path, ours.limits.clone()).unwrap(), bytes)
    }

    /// The results of a comparison: by hash, or by key if only the other side knows the hash.
    fn found(ours: &Inventory, theirs: &Inventory) -> BTreeMap<String, &'static str> {
        let name = |difference: &Difference<'_>| {
            let key = difference.here.or(difference.there).unwrap().key();
            difference.hash.or_else(|| theirs.find(key)).unwrap().to_owned()
        };
        ours.differences(0)
            .unwrap()
            .map(|one| {
                let kind = match (one.here.is_some(), one.there.is_some(), one.is_other_content(), one.is_other_metadata()) {
                    (false, _, _, _) => "missing here",
                    (_, false, _, _) => "missing there",
                    (_, _, true, true) => "both",
                    (_, _, true, false) => "content",
                    (_, _, false, true) => "metadata",
                    (_, _, false, false) => "none",
                };
                (name(&one), kind)
            })
            .collect()
    }

    fn expected(ours: &Files, theirs: &Files) -> BTreeMap<String, &'static str> {
        ours.keys()
            .chain(theirs.keys())
            .filter_map(|hash| {
                let kind = match (ours.get(hash), theirs.get(hash)) {
                    (None, _) => "missing here",
                    (_, None) => "missing there",
                    (Some(one), Some(other)) => match (one.0 == other.0, one.1 == other.1) {
                        (true, true) => return None,
                        (true, false) => "metadata",
                        (false, true) => "content",
                        (false, false) => "both",
                    },
                };
                Some((hash.clone(), kind))
            })
            .collect()
    }

    #[test]
    fn equal_inventories_cost_two_short_messages() {
        let (ours, bytes) = compare(inventory(&many(4000), 1 << 18), &inventory(&many(4000), 1 << 18));
        assert_eq!((ours.difference_count().unwrap(), ours.rounds()), (0, 1));
        assert!(bytes < 500, "{bytes} bytes");
    }

    #[test]
    fn two_files_that_change_places_in_what_they_are_differ_both() {
        let (mut ours, mut theirs) = (many(500), many(500));
        ours.insert("file-1".into(), ("same".into(), "x".into()));
        ours.insert("file-2".into(), ("same".into(), "y".into()));
        theirs.insert("file-1".into(), ("same".into(), "y".into()));
        theirs.insert("file-2".into(), ("same".into(), "x".into()));
        let there = inventory(&theirs, 4096);
        let (here, _) = compare(inventory(&ours, 4096), &there);
        assert_eq!(found(&here, &there), expected(&ours, &theirs));
    }

    #[test]
    fn empty_inventories_are_equal_and_one_that_is_empty_lacks_all() {
        let none = inventory(&Files::new(), 4096);
        assert_eq!(compare(inventory(&Files::new(), 4096), &none).0.difference_count().unwrap(), 0);
        let all = inventory(&many(1000), 4096);
        assert_eq!(compare(inventory(&Files::new(), 4096), &all).0.difference_count().unwrap(), 1000);
        assert_eq!(compare(inventory(&many(1000), 4096), &none).0.difference_count().unwrap(), 1000);
    }

    #[test]
    fn what_is_called_out_of_turn_or_is_no_message_is_refused() {
        let mut one = Inventory::new(limits(4096));
        assert_eq!(one.begin().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.answer(&[0x61]).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.add("", b"", b"").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.add(&"x".repeat(65), b"", b"").unwrap_err().kind(), ErrorKind::InvalidInput);
        one.seal();
        assert_eq!(one.add("h", b"", b"").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.advance(&[0x61]).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.difference_count().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.answer(&[]).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.answer(&[7; 4097]).unwrap_err().kind(), ErrorKind::LimitExceeded);
        one.begin().unwrap();
        assert_eq!(
            one.begin().unwrap_err().to_string(),
            "invalid input while beginning a comparison {expected: sealed, inventory: being compared}"
        );
    }

    #[test]
    fn entries_differences_and_rounds_are_bounded() {
        let bounded = InventoryLimits { max_entries: 3, max_rounds: 2, message_bytes: 4096 };
        let mut full = Inventory::new(bounded.clone());
        (0..3).for_each(|n| full.add(&format!("h{n}"), b"", b"").unwrap());
        assert_eq!(full.add("h4", b"", b"").unwrap_err().kind(), ErrorKind::LimitExceeded);
        let mut few = Inventory::new(bounded);
        few.seal();
        let begun = few.begin().unwrap();
        let flood = inventory(&many(20), 4096).answer(&begun).unwrap();
        assert_eq!(few.advance(&flood).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn a_damaged_snapshot_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (root, path) = (Root::open(folder.path()).unwrap(), RelativePath::parse("snapshot").unwrap());
        inventory(&many(20), 4096).save(&root, &path).unwrap();
        let whole = std::fs::read(folder.path().join("snapshot")).unwrap();
        for (at, length) in [(0, 10), (0, whole.len() - 1), (9, whole.len()), (25, whole.len())] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            std::fs::write(folder.path().join("snapshot"), &bytes[..length]).unwrap();
            let fault = Inventory::load(&root, &path, limits(4096)).err().map(|error| error.kind());
            assert_eq!(fault, Some(ErrorKind::Corrupt), "byte {at} of {length}");
        }
        std::fs::remove_file(folder.path().join("snapshot")).unwrap();
        assert_eq!(Inventory::load(&root, &path, limits(4096)).err().map(|error| error.kind()), Some(ErrorKind::NotFound));
    }

    fn files() -> impl Strategy<Value = (Files, Files)> {
        let file = (0..600u16, 0..8u8).prop_map(|(n, change)| (format!("{n}-{}", n % 7), change));
        (proptest::collection::vec(file, 0..400), 0..2000usize).prop_map(|(changes, same)| {
            let mut ours = many(same);
            let mut theirs = ours.clone();
            for (hash, change) in changes {
                let (side, both) = match change {
                    0 | 1 => (&mut ours, None),
                    2 | 3 => (&mut theirs, None),
                    _ => (&mut ours, Some(&mut theirs)),
                };
                let version = |part: u8| (format!("c{}", change & part), format!("m{}", change & (part << 1)));
                side.insert(hash.clone(), version(1));
                if let Some(both) = both {
                    both.insert(hash, ("c0".into(), "m0".into()));
                }
            }
            (ours, theirs)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn every_difference_is_found_and_nothing_else((ours, theirs) in files(), frame in 4096usize..9000) {
            let there = inventory(&theirs, 4096);
            let (here, _) = compare(inventory(&ours, frame), &inventory(&theirs, frame));
            prop_assert_eq!(found(&here, &there), expected(&ours, &theirs));
        }

        #[test]
        fn any_bytes_are_answered_or_refused_within_bounds(noise in proptest::collection::vec(any::<u8>(), 0..600), at in any::<usize>(), byte: u8) {
            let sealed = inventory(&many(300), 4096);
            let mut begun = inventory(&many(310), 4096);
            let mut real = begun.begin().unwrap();
            let place = at % real.len();
            real[place] = byte;
            let mut versioned = noise.clone();
            versioned.insert(0, 0x61);
            for message in [&noise, &versioned, &real] {
                if let Ok(answer) = sealed.answer(message) {
                    prop_assert!(answer.len() <= 4096);
                }
                let mut begun = inventory(&many(310), 4096);
                begun.begin().unwrap();
                if let Ok(Some(next)) = begun.advance(message) {
                    prop_assert!(next.len() <= 4096);
                }
            }
        }
    }
}

//! Packs: many small files in one body, an archive of the form ustar whose members are named by their digests.
//!
//! Invariant: a pack that is read has only regular members, each named by the digest of its bytes, no two alike, and nothing behind its
//! end. One that breaks a rule gives nothing at all. No name in it becomes a path.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::ops::Range;

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::paths::{RelativePath, Root};
use crate::store::{self, NewFile};

/// Most bytes of a pack, and so of all its members and their headers.
pub const MOST_PACK_BYTES: usize = 8 << 20;

const BLOCK: usize = 512;
const READING: &str = "reading a pack";
const MAKING: &str = "making a pack";
const PLACING: &str = "placing the files of a pack";
/// Where the parts of a header are.
const NAME: Range<usize> = 0..100;
const SIZE: Range<usize> = 124..136;
const SUM: Range<usize> = 148..156;
const KIND: usize = 156;
const LINK: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..263;
const PREFIX: Range<usize> = 345..500;

/// A pack that keeps the rules.
pub struct Pack {
    bytes: Vec<u8>,
    members: Vec<(Digest, Range<usize>)>,
}

impl Pack {
    /// Reads one, and checks every digest.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if it is too long, `InvalidInput` if it breaks a rule, `Corrupt` if a member has another digest than its name.
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        if bytes.len() > MOST_PACK_BYTES {
            return Err(Error::new(ErrorKind::LimitExceeded, READING).context("limit_bytes", MOST_PACK_BYTES));
        }
        let (mut at, mut members, mut seen) = (0, Vec::new(), HashSet::new());
        loop {
            let header =
                bytes.get(at..at + BLOCK).ok_or_else(|| wrong("it ends within a header, or without two empty blocks"))?;
            if is_empty(header) {
                let rest = bytes.get(at + BLOCK..).unwrap_or_default();
                if rest.len() < BLOCK || !is_empty(rest) || !rest.len().is_multiple_of(BLOCK) {
                    return Err(wrong("it does not end with empty blocks"));
                }
                return Ok(Self { bytes, members });
            }
            let (digest, size) = member_of(header)?;
            let start = at + BLOCK;
            let end = start.checked_add(size).filter(|end| *end <= bytes.len()).ok_or_else(|| wrong("a member is cut"))?;
            let next = start + size.div_ceil(BLOCK) * BLOCK;
            if !bytes.get(end..next).is_some_and(is_empty) {
                return Err(wrong("a member is not filled up with zeros"));
            }
            if !seen.insert(digest) {
                return Err(wrong("two members have one name"));
            }
            let computed = Digest::of(bytes.get(start..end).unwrap_or_default());
            if computed != digest {
                return Err(Error::new(ErrorKind::Corrupt, READING).context("expected", digest).context("computed", computed));
            }
            members.push((digest, start..end));
            at = next;
        }
    }

    /// Returns its members: digest and bytes.
    pub fn members(&self) -> impl Iterator<Item = (Digest, &[u8])> {
        self.members.iter().map(|(digest, range)| (*digest, self.bytes.get(range.clone()).unwrap_or_default()))
    }

    /// Puts each member at its digest, beneath its first two digits, in a folder; those that are there stay. All is forced to disk.
    ///
    /// `partial` is a path beneath the same root that nobody else uses; files arrive beside it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if a path leaves the root, `Storage` if the disk is full or fails: then members may be there, each of them whole.
    pub fn place(&self, root: &Root, folder: &RelativePath, partial: &str, headroom_bytes: u64) -> Result<()> {
        let free = root.free_bytes()?;
        if free < headroom_bytes.saturating_add(self.bytes.len() as u64) {
            return Err(Error::new(ErrorKind::Storage, PLACING)
                .context("needed_bytes", self.bytes.len())
                .context("headroom_bytes", headroom_bytes)
                .context("free_bytes", free)
                .context("remedy", "free space on the device of the hub's store"));
        }
        let mut arriving = Arriving { root, paths: Vec::new() };
        for (number, (digest, bytes)) in self.members().enumerate() {
            let name = digest.to_string();
            let home = RelativePath::parse(&format!("{folder}/{}", name.get(..2).unwrap_or_default()))?;
            let to = RelativePath::parse(&format!("{home}/{name}"))?;
            if root.stat(&to)?.is_some_and(|facts| facts.size_bytes == bytes.len() as u64) {
                continue;
            }
            root.make_private_folder(&home)?;
            let from = RelativePath::parse(&format!("{partial}-{number}"))?;
            let mut file = NewFile::create(root, &from)?;
            file.write_all(bytes).or_fail(ErrorKind::Storage, PLACING)?;
            let _ = file.keep();
            arriving.paths.push((from, to));
        }
        if arriving.paths.is_empty() {
            return Ok(());
        }
        let sync = || rustix::fs::syncfs(root.top()).or_fail(ErrorKind::Storage, PLACING);
        sync()?;
        for (from, to) in &arriving.paths {
            // If another request was first, its bytes are the same.
            store::place(root, from, root, to)?;
        }
        sync()
    }
}

/// Files that have no final name yet; they go with it.
struct Arriving<'a> {
    root: &'a Root,
    paths: Vec<(RelativePath, RelativePath)>,
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        for (from, _) in &self.paths {
            let _ = store::remove(self.root, from);
        }
    }
}

/// Reads a header: the digest and the size of its member.
fn member_of(header: &[u8]) -> Result<(Digest, usize)> {
    let part = |range: Range<usize>| header.get(range).unwrap_or_default();
    let sum: u64 = header.iter().enumerate().map(|(at, byte)| u64::from(if SUM.contains(&at) { b' ' } else { *byte })).sum();
    if octal(part(SUM)) != Some(sum) {
        return Err(wrong("a header is damaged"));
    }
    if part(MAGIC) != b"ustar\0"
        || !matches!(header.get(KIND), Some(b'0' | 0))
        || !is_empty(part(LINK))
        || !is_empty(part(PREFIX))
    {
        return Err(wrong("a member is not a regular file of a ustar archive"));
    }
    let (name, rest) = part(NAME).split_at_checked(64).unwrap_or_default();
    let is_lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let name = std::str::from_utf8(name).ok().filter(|name| is_empty(rest) && name.bytes().all(|byte| is_lower(&byte)));
    let digest = name.and_then(|name| Digest::parse(name).ok()).ok_or_else(|| wrong("a member is not named by a digest"))?;
    let size = octal(part(SIZE)).and_then(|size| usize::try_from(size).ok()).ok_or_else(|| wrong("a size is not a number"))?;
    Ok((digest, size))
}

/// Reads an octal number that ends with a blank or NUL.
fn octal(field: &[u8]) -> Option<u64> {
    let end = field.iter().position(|byte| matches!(byte, b' ' | 0)).unwrap_or(field.len());
    let (digits, rest) = field.split_at_checked(end)?;
    let is_ended = rest.iter().all(|byte| matches!(byte, b' ' | 0));
    let text = std::str::from_utf8(digits).ok().filter(|text| is_ended && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    u64::from_str_radix(text, 8).ok()
}

fn is_empty(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn too_long() -> Error {
    Error::new(ErrorKind::LimitExceeded, MAKING).context("limit_bytes", MOST_PACK_BYTES)
}

fn wrong(fault: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, READING).context("fault", fault)
}

/// A pack that is being made.
#[derive(Default)]
pub struct PackWriter {
    bytes: Vec<u8>,
    seen: HashSet<Digest>,
}

impl PackWriter {
    /// Tells whether a file of this size still fits.
    pub fn has_room(&self, size_bytes: u64) -> bool {
        self.length_with(size_bytes).is_some_and(|length| length <= MOST_PACK_BYTES)
    }

    /// Returns how long the pack is if a file of this size is its last.
    pub(crate) fn length_with(&self, size_bytes: u64) -> Option<usize> {
        let padded = usize::try_from(size_bytes).ok().and_then(|size| size.checked_next_multiple_of(BLOCK));
        padded.and_then(|size| size.checked_add(self.bytes.len() + 3 * BLOCK))
    }

    /// Adds a file, unless one with these bytes is in it.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if it does not fit.
    pub fn add(&mut self, bytes: &[u8]) -> Result<()> {
        if !self.has_room(bytes.len() as u64) {
            return Err(too_long());
        }
        self.put(Digest::of(bytes), bytes);
        Ok(())
    }

    /// Adds a file on disk, unless one with these bytes is in it; false if it has other bytes than these by now.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if it does not fit, `NotFound` if it is gone, `InvalidInput` if the path leaves the root, `Storage` if it cannot
    /// be read.
    pub fn add_file(&mut self, root: &Root, path: &RelativePath, size_bytes: u64, sha256: Digest) -> Result<bool> {
        if !self.has_room(size_bytes) {
            return Err(too_long());
        }
        if self.seen.contains(&sha256) {
            return Ok(true);
        }
        let mut bytes = Vec::new();
        let file = root.open_file(path)?;
        file.take(size_bytes + 1).read_to_end(&mut bytes).or_fail(ErrorKind::Storage, MAKING).context("path", path)?;
        let is_it = bytes.len() as u64 == size_bytes && Digest::of(&bytes) == sha256;
        if is_it {
            self.put(sha256, &bytes);
        }
        Ok(is_it)
    }

    fn put(&mut self, digest: Digest, bytes: &[u8]) {
        if self.seen.insert(digest) {
            self.bytes.extend_from_slice(&header(&digest, bytes.len()));
            self.bytes.extend_from_slice(bytes);
            self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        }
    }

    /// Returns how many files are in it.
    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// Returns the length of the pack as it is now.
    pub fn length_bytes(&self) -> usize {
        self.bytes.len() + 2 * BLOCK
    }

    /// Returns the pack.
    pub fn end(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

fn header(digest: &Digest, size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |range: Range<usize>, text: &str| {
        for (byte, value) in header.iter_mut().skip(range.start).zip(text.bytes()) {
            *byte = value;
        }
    };
    put(NAME, &digest.to_string());
    put(100..108, "0000600");
    put(108..116, "0000000");
    put(116..124, "0000000");
    put(SIZE, &format!("{size:011o}"));
    put(136..148, "00000000000");
    put(SUM, "        ");
    put(KIND..KIND + 1, "0");
    put(MAGIC, "ustar\0");
    put(263..265, "00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    for (byte, value) in header.iter_mut().skip(SUM.start).zip(format!("{sum:06o}\0 ").bytes()) {
        *byte = value;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pack(files: &[&[u8]]) -> Vec<u8> {
        let mut writer = PackWriter::default();
        for bytes in files {
            writer.add(bytes).unwrap();
        }
        writer.end()
    }

    fn kind_of(bytes: Vec<u8>) -> ErrorKind {
        Pack::parse(bytes).map(|_| ()).unwrap_err().kind()
    }

    /// Changes a header and mends its sum.
    fn with(at: usize, text: &[u8]) -> Vec<u8> {
        let mut bytes = pack(&[b"one", b"two"]);
        bytes[at..at + text.len()].copy_from_slice(text);
        bytes[SUM].fill(b' ');
        let sum: u32 = bytes[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
        bytes[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    }

    #[test]
    fn common_tar_reads_what_is_written_and_what_it_writes_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let long = vec![9; 70_000];
        let files: [&[u8]; 4] = [b"one", b"", &[7; 512], &long];
        std::fs::write(dir.path().join("pack.tar"), pack(&files)).unwrap();
        let tar =
            |arguments: &[&str]| std::process::Command::new("tar").current_dir(dir.path()).args(arguments).output().unwrap();
        assert!(tar(&["-xf", "pack.tar"]).status.success());
        let mut names: Vec<_> = files.iter().map(|bytes| Digest::of(bytes).to_string()).collect();
        for (name, bytes) in names.iter().zip(files) {
            assert_eq!(std::fs::read(dir.path().join(name)).unwrap(), bytes);
        }
        names.sort();
        let mut arguments = vec!["--format=ustar", "-cf", "theirs.tar"];
        arguments.extend(names.iter().map(String::as_str));
        assert!(tar(&arguments).status.success());
        let theirs = Pack::parse(std::fs::read(dir.path().join("theirs.tar")).unwrap()).unwrap();
        let read: Vec<_> = theirs.members().map(|(digest, bytes)| (digest.to_string(), bytes.to_vec())).collect();
        let mut expected: Vec<_> = files.map(|bytes| (Digest::of(bytes).to_string(), bytes.to_vec())).into();
        expected.sort();
        assert_eq!(read, expected);
    }

    #[test]
    fn what_breaks_a_rule_gives_nothing() {
        assert_eq!(Pack::parse(pack(&[])).unwrap().members().count(), 0);
        let whole = pack(&[b"one", b"two"]);
        for cut in (0..whole.len()).filter(|cut| *cut != whole.len()) {
            assert_eq!(kind_of(whole[..cut].to_vec()), ErrorKind::InvalidInput, "{cut}");
        }
        for (at, text) in [
            (0, b"../../../../etc/passwd".as_slice()),
            (0, b"A"),
            (64, b"x"),
            (KIND, b"2"),
            (KIND, b"5"),
            (KIND, b"L"),
            (LINK.start, b"x"),
            (PREFIX.start, b"x"),
            (MAGIC.start, b"ustar  "),
            (SIZE.start, b"77777777777"),
            (SIZE.start, b"0000000000x"),
            (SIZE.start, b"-0000000003"),
            (SIZE.start, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]),
            (BLOCK + 3, b"x"),
        ] {
            assert_eq!(kind_of(with(at, text)), ErrorKind::InvalidInput, "{at} {text:?}");
        }
        assert_eq!(kind_of(with(BLOCK, b"x")), ErrorKind::Corrupt);
        let mut damaged = whole.clone();
        damaged[3] ^= 1;
        assert_eq!(kind_of(damaged), ErrorKind::InvalidInput, "the sum of the header");
        let twice = [&whole[..whole.len() - 2 * BLOCK], whole.as_slice()].concat();
        assert_eq!(kind_of(twice), ErrorKind::InvalidInput, "two of one name");
        assert_eq!(kind_of([whole.as_slice(), &whole].concat()), ErrorKind::InvalidInput, "something behind its end");
        assert_eq!(kind_of(vec![0; MOST_PACK_BYTES + BLOCK]), ErrorKind::LimitExceeded);
        assert_eq!(Pack::parse(vec![0; MOST_PACK_BYTES]).unwrap().members().count(), 0);
    }

    #[test]
    fn a_pack_ends_before_its_bound() {
        let mut writer = PackWriter::default();
        writer.add(&vec![1; MOST_PACK_BYTES - 3 * BLOCK]).unwrap();
        assert!(!writer.has_room(0) && writer.add(b"").is_err());
        let bytes = writer.end();
        assert_eq!(bytes.len(), MOST_PACK_BYTES);
        assert_eq!(Pack::parse(bytes).unwrap().members().count(), 1);
        assert!(!PackWriter::default().has_room(u64::MAX));
    }

    #[test]
    fn files_on_disk_are_packed_only_with_the_bytes_that_are_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let path = |name: &str| RelativePath::parse(name).unwrap();
        for (name, bytes) in [("one", "first"), ("same", "first"), ("changed", "other"), ("longer", "firstly")] {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        std::os::unix::fs::symlink("one", dir.path().join("link")).unwrap();
        let mut writer = PackWriter::default();
        let mut add = |name: &str| writer.add_file(&root, &path(name), 5, Digest::of(b"first"));
        assert_eq!((add("changed").unwrap(), add("longer").unwrap()), (false, false));
        assert_eq!(add("gone").unwrap_err().kind(), ErrorKind::NotFound);
        assert!(add("link").is_err());
        assert!(add("one").unwrap() && add("same").unwrap());
        assert_eq!(writer.add_file(&root, &path("one"), 8 << 20, Digest::of(b"x")).unwrap_err().kind(), ErrorKind::LimitExceeded);
        let (count, length) = (writer.count(), writer.length_bytes());
        let bytes = writer.end();
        assert_eq!((count, length), (1, bytes.len()));
        let pack = Pack::parse(bytes).unwrap();
        assert_eq!(pack.members().collect::<Vec<_>>(), [(Digest::of(b"first"), b"first".as_slice())]);
    }

    #[test]
    fn members_come_to_their_digests_and_those_that_are_there_stay() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let folder = RelativePath::parse("whole").unwrap();
        std::fs::create_dir(dir.path().join("partial")).unwrap();
        let place = |bytes: &[u8]| {
            let name = Digest::of(bytes).to_string();
            dir.path().join("whole").join(&name[..2]).join(&name)
        };
        let first = Pack::parse(pack(&[b"one", b"two"])).unwrap();
        first.place(&root, &folder, "partial/a", 0).unwrap();
        let before = std::fs::metadata(place(b"one")).unwrap().modified().unwrap();
        Pack::parse(pack(&[b"one", b"three", b""])).unwrap().place(&root, &folder, "partial/b", 0).unwrap();
        for bytes in [b"one".as_slice(), b"two", b"three", b""] {
            assert_eq!(std::fs::read(place(bytes)).unwrap(), bytes);
        }
        assert_eq!(std::fs::metadata(place(b"one")).unwrap().modified().unwrap(), before);
        assert_eq!(std::fs::read_dir(dir.path().join("partial")).unwrap().count(), 0);
        let full = first.place(&root, &RelativePath::parse("other").unwrap(), "partial/c", u64::MAX / 2).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::Storage);
        assert!(!dir.path().join("other").exists());
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(files in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1500), 0..12)) {
            let slices: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
            let read = Pack::parse(pack(&slices)).unwrap();
            let expected: HashSet<Vec<u8>> = files.into_iter().collect();
            prop_assert_eq!(read.members().map(|(_, bytes)| bytes.to_vec()).collect::<HashSet<_>>(), expected);
        }

        #[test]
        fn damage_never_panics_and_never_changes_bytes(at in 0usize..4096, value: u8) {
            let mut bytes = pack(&[b"one", b"two", &[3; 700]]);
            let at = at % bytes.len();
            bytes[at] = value;
            if let Ok(read) = Pack::parse(bytes) {
                prop_assert!(read.members().all(|(digest, bytes)| Digest::of(bytes) == digest));
            }
        }
    }
}

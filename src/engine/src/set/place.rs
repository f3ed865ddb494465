//! Where things are in a set: names on disk, and which paths may occur.
//!
//! Invariant: no path reaches the disk that [`payload_fault`], [`tag_fault`] or this program itself did not make sure of.

use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Error, ErrorKind, Result};

pub(crate) const MANIFEST: &str = "manifest-sha256.txt";
pub(crate) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
pub(crate) const SET: &str = "set.json";
pub(crate) const SIGNATURE: &str = "channel-signature.json";
pub(crate) const OWNER_SIGNATURE: &str = "owner-signature.minisig";
pub(crate) const BAG_INFO: &str = "bag-info.txt";
pub(crate) const BAGIT: &str = "bagit.txt";
pub(crate) const README: &str = "README.txt";
pub(crate) const JOURNAL: &str = "run.json.partial";
pub(crate) const PARTIAL: &str = ".partial";
pub(crate) const LOCK: &str = ".lock";
/// What some systems have at the top of every disk.
pub(crate) const OF_DISKS: &str = "lost+found";
/// Where the next journal is written.
pub(crate) const NEXT_JOURNAL: &str = ".partial/journal";
pub(crate) const PLAN: &str = ".partial/plan.jsonl";
pub(crate) const LISTS: &str = ".partial/lists/";
/// What a tag manifest lists, besides runs.
pub(crate) const TAGS: [&str; 5] = [README, BAG_INFO, BAGIT, MANIFEST, SET];

/// What the channel is, sealed.
pub(crate) const IDENTITY: &str = "data/channel/identity.json.age";
const MAX_WORD_BYTES: usize = 20;
const MAX_PATH_BYTES: usize = 400;
const MAX_OWN_PATH_BYTES: usize = 180;
const MAX_OWN_NAME_BYTES: usize = 120;
const MAX_NAME_BYTES: usize = 255;
const MAX_EXTENSION_BYTES: usize = 16;
const MARK_CHARACTERS: usize = 6;

/// Checks the hash of an attach row.
pub(crate) fn check_hash(hash: &str) -> Result<()> {
    if is_hash(hash) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "reading a hash")
        .context("hash", hash.escape_debug())
        .context("expected", "1 to 64 of A-Z a-z 0-9 -"))
}

pub(crate) fn is_hash(hash: &str) -> bool {
    (1..=64).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Tells whether it is the name of a run, such as `2026-11-28T031500Z`.
pub(crate) fn is_run(run: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T000000Z";
    run.len() == FORM.len()
        && run.bytes().zip(FORM).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}

/// Returns the time at which a run began.
pub(crate) fn time_of(run: &str) -> String {
    let (hour, rest) = run.split_at_checked(13).unwrap_or((run, ""));
    let (minute, second) = rest.split_at_checked(2).unwrap_or((rest, ""));
    format!("{hour}:{minute}:{second}")
}

/// Returns `<aa>/<hash>`.
pub(crate) fn shelf(hash: &str) -> String {
    let mut first: String = hash.chars().take(2).collect::<String>().to_ascii_lowercase();
    if first.len() < 2 {
        first.push('_');
    }
    format!("{first}/{hash}")
}

/// Returns the path of a metadata file.
pub(crate) fn metadata(hash: &str) -> String {
    format!("data/metadata/{}.json", shelf(hash))
}

/// Returns the path of a crop's own file.
pub(crate) fn crop(hash: &str, scale: u8, mimetype: &str) -> String {
    let extension = match mimetype {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        _ => "",
    };
    format!("data/parts/{}-{scale}{extension}", shelf(hash))
}

/// Returns where a run puts what it replaces.
pub(crate) fn older(run: &str, path: &str) -> String {
    format!("data/older/{run}/{}", path.strip_prefix("data/").unwrap_or(path))
}

/// Splits a path beneath `data/older/`: run, and the path that it had.
pub(crate) fn split_older(path: &str) -> Option<(&str, String)> {
    let (run, rest) = path.strip_prefix("data/older/")?.split_once('/')?;
    Some((run, format!("data/{rest}")))
}

/// Splits a path: the run that replaced or removed what is there, if it is an older one, and the path that it had.
pub(crate) fn version_of(path: &str) -> (Option<String>, String) {
    split_older(path).map_or_else(|| (None, path.to_owned()), |(run, path)| (Some(run.to_owned()), path))
}

/// Returns the hash that a path of a metadata file, also an older one, is about.
pub(crate) fn hash_of(path: &str) -> Option<&str> {
    let (_, name) = path.rsplit_once('/')?;
    path.contains("/metadata/").then(|| name.strip_suffix(".json")).flatten().filter(|hash| is_hash(hash))
}

/// Tells whether a path, also an older one, is of what a channel has beside its files.
pub(crate) fn is_beside_files(path: &str) -> bool {
    let (_, path) = version_of(path);
    path.starts_with("data/posts/") || path.starts_with("data/channel/")
}

/// Says why a path must not occur in a manifest.
pub(crate) fn payload_fault(path: &str) -> Option<&'static str> {
    if path.len() > MAX_PATH_BYTES {
        return Some("longer than 400 bytes");
    }
    let rest = path.strip_prefix("data/").unwrap_or_default();
    let (mut room, mut rest) = rest.split_once('/').unwrap_or_default();
    if room == "older" {
        let (run, inner) = rest.split_once('/').unwrap_or_default();
        if !is_run(run) {
            return Some("not of a run");
        }
        (room, rest) = inner.split_once('/').unwrap_or_default();
    }
    let fault = rest.split('/').find_map(name_fault);
    match room {
        "metadata" if fault.is_none() => (!is_shelved(rest, |name| name.strip_suffix(".json"))).then_some("not of a hash"),
        "parts" if fault.is_none() => (!is_shelved(rest, crop_hash)).then_some("not of a hash"),
        "files" | "metadata" | "parts" => fault,
        "posts" => (!rest.strip_suffix(".jsonl").is_some_and(is_month)).then_some("not of a month"),
        "channel" => (!is_of_channel(rest)).then_some("not rows of a kind"),
        _ => Some("not beneath a folder that a set has"),
    }
}

fn is_month(name: &str) -> bool {
    const FORM: &[u8] = b"0000-00";
    name.len() == FORM.len()
        && name.bytes().zip(FORM).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}

/// Tells whether it is a file of what a channel has beside files and posts.
fn is_of_channel(name: &str) -> bool {
    let is_word = |word: &str| (1..=MAX_WORD_BYTES).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase());
    IDENTITY.strip_prefix("data/channel/") == Some(name) || name.strip_suffix(".jsonl").is_some_and(is_word)
}

fn is_shelved<'n>(rest: &'n str, hash: impl Fn(&'n str) -> Option<&'n str>) -> bool {
    let name = rest.split_once('/').map_or("", |(_, name)| name);
    hash(name).is_some_and(|hash| is_hash(hash) && rest.strip_suffix(name).is_some_and(|aa| shelf(hash).starts_with(aa)))
}

fn crop_hash(name: &str) -> Option<&str> {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('-').filter(|(_, scale)| scale.len() == 1 && scale.bytes().all(|c| c.is_ascii_digit())).map(|(hash, _)| hash)
}

/// Says why a path must not occur in a tag manifest.
pub(crate) fn tag_fault(path: &str) -> Option<&'static str> {
    let is_known = TAGS.contains(&path) || run_of_report(path).is_some();
    (!is_known).then_some("not a file that a set has")
}

/// Returns the run that a report is about.
pub(crate) fn run_of_report(path: &str) -> Option<&str> {
    path.strip_prefix("runs/")?.strip_suffix(".json").filter(|run| is_run(run))
}

/// Says why a step of a journal must not name a path.
pub(crate) fn step_fault(path: &str) -> Option<&'static str> {
    let is_proof = [TAG_MANIFEST, SIGNATURE, OWNER_SIGNATURE].contains(&path);
    if is_proof || tag_fault(path).is_none() || payload_fault(path).is_none() {
        return None;
    }
    let Some(inner) = path.strip_prefix(".partial/") else { return Some("not a path of a set") };
    if path.len() > MAX_PATH_BYTES {
        return Some("longer than 400 bytes");
    }
    inner.split('/').find_map(name_fault)
}

fn name_fault(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("an empty name"),
        "." | ".." => Some("it climbs"),
        _ if name.len() > MAX_NAME_BYTES => Some("a name of more than 255 bytes"),
        _ if name.ends_with([' ', '.']) => Some("a name with a space or a point at its end"),
        _ if name.contains(is_forbidden) => Some("a forbidden character"),
        _ => None,
    }
}

fn is_forbidden(c: char) -> bool {
    matches!(
        c,
        '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' | '%'
            | '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}'
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Makes two names equal that some system takes for the same.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let upper: String = text.nfc().flat_map(char::to_uppercase).collect();
    upper.chars().flat_map(char::to_lowercase).nfc().collect()
}

/// The place that a file would have if no other wanted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The path.
    pub(crate) path: String,
    /// Whether the hash is in the name already, so that there is no second choice.
    pub(crate) is_marked: bool,
}

impl Wanted {
    /// Computes it from the true names of the folders and the file.
    pub(crate) fn of(names: &[String], hash: &str) -> Self {
        let Some((own, folders)) = names.split_last() else { return Self::deep("", hash) };
        let mut own = safe(own, true);
        let mut safe_names: Vec<String> = folders.iter().map(|name| safe_folder(name)).collect();
        let first = safe_names.first_mut().unwrap_or(&mut own);
        if fold(first) == "_deep" {
            first.insert(0, '_');
        }
        let (stem, extension) = split_extension(&own);
        let is_marked = ends_with_mark(stem);
        let name = if is_marked { marked(&own, hash) } else { Some(own.clone()) };
        let Some(name) = name else { return Self::deep(extension, hash) };
        safe_names.push(name);
        let path = format!("data/files/{}", safe_names.join("/"));
        if path.len() > MAX_OWN_PATH_BYTES {
            return Self::deep(extension, hash);
        }
        Self { path, is_marked }
    }

    /// Returns the place beside another file of this name.
    pub(crate) fn second(&self, hash: &str) -> Self {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("data/files", &self.path));
        let path = marked(name, hash).map(|name| format!("{folder}/{name}"));
        match path.filter(|path| !self.is_marked && path.len() <= MAX_OWN_PATH_BYTES) {
            Some(path) => Self { path, is_marked: true },
            None => self.last(hash),
        }
    }

    /// Returns the place that no other file can want.
    pub(crate) fn last(&self, hash: &str) -> Self {
        Self::deep(split_extension(&self.path).1, hash)
    }

    fn deep(extension: &str, hash: &str) -> Self {
        Self { path: format!("data/files/_deep/{hash}{extension}"), is_marked: true }
    }
}

/// Returns the first characters of a hash, by which twins are told apart.
pub(crate) fn mark(hash: &str) -> String {
    hash.chars().take(MARK_CHARACTERS).collect::<String>().to_ascii_lowercase()
}

fn marked(name: &str, hash: &str) -> Option<String> {
    let (stem, extension) = split_extension(name);
    let name = format!("{stem} ({}){extension}", mark(hash));
    (name.len() <= MAX_OWN_NAME_BYTES).then_some(name)
}

fn ends_with_mark(stem: &str) -> bool {
    let inner = stem.strip_suffix(')').and_then(|stem| stem.rsplit_once(" (")).map(|(_, inner)| inner);
    inner.is_some_and(|inner| (1..=MARK_CHARACTERS).contains(&inner.chars().count()))
}

/// Splits off an extension, with its point.
pub(crate) fn split_extension(name: &str) -> (&str, &str) {
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let Some(point) = name.rfind('.').filter(|point| *point > base) else { return (name, "") };
    let (stem, extension) = name.split_at(point);
    let letters = extension.get(1..).unwrap_or_default();
    let is_extension =
        (1..=MAX_EXTENSION_BYTES).contains(&letters.len()) && letters.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_extension { (stem, extension) } else { (name, "") }
}

fn safe_folder(name: &str) -> String {
    let mut name = safe(name, false);
    if ends_with_mark(split_extension(&name).0) {
        while name.len() >= MAX_OWN_NAME_BYTES {
            name.pop();
        }
        name.push('_');
    }
    name
}

/// Returns a name as near to a true one as every system holds.
pub(crate) fn safe(name: &str, keep_extension: bool) -> String {
    let mut name: String = name.nfc().map(|c| if is_forbidden(c) { '_' } else { c }).collect();
    trim(&mut name);
    if name.is_empty() || is_reserved(&name) {
        name.insert(0, '_');
    }
    if name.len() > MAX_OWN_NAME_BYTES {
        let extension = if keep_extension { split_extension(&name).1.to_owned() } else { String::new() };
        let mut end = MAX_OWN_NAME_BYTES - extension.len();
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        trim(&mut name);
        name.push_str(&extension);
        if name.is_empty() {
            name.push('_');
        }
    }
    name
}

fn trim(name: &mut String) {
    name.truncate(name.trim_end_matches([' ', '.']).len());
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device)
            .is_some_and(|number| matches!(number, "¹" | "²" | "³") || matches!(number.as_bytes(), [b'0'..=b'9']))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn want(names: &[&str]) -> String {
        Wanted::of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), "9c0d1e2f-1").path
    }

    #[test]
    fn names_of_the_zoo_become_names_that_every_system_holds() {
        for (names, expected) in [
            (&["2024-05", "cat: first day?.jpg"][..], "data/files/2024-05/cat_ first day_.jpg"),
            (&["100 %.txt"], "data/files/100 _.txt"),
            (&["line\nfeed"], "data/files/line_feed"),
            (&["CON"], "data/files/_CON"),
            (&["aux.tar.gz"], "data/files/_aux.tar.gz"),
            (&["COM¹.x"], "data/files/_COM¹.x"),
            (&["COMMON"], "data/files/COMMON"),
            (&["..", "..", "etc"], "data/files/_/_/etc"),
            (&["", "a/b"], "data/files/_/a_b"),
            (&["dots...", " x . "], "data/files/dots/ x"),
            (&["_deep", "x"], "data/files/__deep/x"),
            (&["_DEEP"], "data/files/__DEEP"),
            (&["e\u{301}.txt"], "data/files/é.txt"),
            (&["evil\u{202e}gpj.exe"], "data/files/evil_gpj.exe"),
            (&["cat (aaaaaa).jpg"], "data/files/cat (aaaaaa) (9c0d1e).jpg"),
            (&["old (aaaaaa)", "x"], "data/files/old (aaaaaa)_/x"),
            (&["old (aaaaaa).d", "x"], "data/files/old (aaaaaa).d_/x"),
            (&[".hidden"], "data/files/.hidden"),
            (&[], "data/files/_deep/9c0d1e2f-1"),
        ] {
            assert_eq!(want(names), expected, "{names:?}");
        }
        let dots = format!("{}é", ".".repeat(130));
        assert_eq!(want(&[&dots]), "data/files/_");
        let long = "\u{1f600}".repeat(187) + ".jpg";
        assert_eq!(want(&[&long]), format!("data/files/{}.jpg", "\u{1f600}".repeat(29)));
        assert_eq!(want(&[&long, &long]), "data/files/_deep/9c0d1e2f-1.jpg", "too long a path");
    }

    #[test]
    fn paths_that_a_set_must_not_name_are_refused() {
        for bad in [
            "",
            "data",
            "data/",
            "data/files",
            "data/files/",
            "data/files/../x",
            "data/files/./x",
            "/etc/passwd",
            "data//files/x",
            "data/other/x",
            "data/files/a\\b",
            "data/files/c:d",
            "data/files/a\0b",
            "data/files/a ",
            "data/files/a.",
            "data/files/x\u{202e}",
            "data/files/a\nb",
            "data/older/x/files/a",
            "data/older/2026-11-28T031500Z/a",
            "data/older/2026-11-28T031500Z/older/2026-11-28T031500Z/files/a",
            "data/metadata/ab/ab",
            "data/metadata/ab/cd.json",
            "data/metadata/ab.json",
            "data/metadata/ab/x/ab.json",
            "data/parts/ab/abc",
            "data/parts/ab/abc-44",
            "data/metadata/../files/x.json",
            "set.json",
            &format!("data/files/{}", "x".repeat(256)),
            &format!("data/files/{}x", "x/".repeat(200)),
        ] {
            assert!(payload_fault(bad).is_some(), "{bad:?}");
            assert!(bad == "set.json" || step_fault(bad).is_some(), "{bad:?}");
        }
        for good in [
            "data/files/a",
            "data/metadata/ab/abc.json",
            "data/metadata/a_/a.json",
            "data/parts/ab/abc-4.jpg",
            "data/older/2026-11-28T031500Z/files/a/b",
        ] {
            assert_eq!(payload_fault(good), None, "{good:?}");
        }
        for bad in [
            "runs/x.json",
            "runs/2026-11-28T031500Z",
            "bag.txt",
            "../set.json",
            "tagmanifest-sha256.txt",
            "channel-signature.json",
            "owner-signature.minisig",
        ] {
            assert!(tag_fault(bad).is_some(), "{bad:?}");
        }
        assert!(
            step_fault(".partial/../x").is_some() && step_fault(".lock").is_some() && step_fault(".partial/moved/x").is_none()
        );
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("(\\PC|[ ./\\\\:%\n\u{202e}éÉ()a-c]){0,200}", 1..5)
    }

    proptest! {
        #[test]
        fn every_name_becomes_a_path_that_may_occur(names in names(), hash in "[A-Za-z0-9-]{1,64}") {
            let wanted = Wanted::of(&names, &hash);
            for one in [&wanted, &wanted.second(&hash), &wanted.last(&hash)] {
                prop_assert_eq!(payload_fault(&one.path), None, "{}", &one.path);
                prop_assert!(one.path.len() <= MAX_OWN_PATH_BYTES);
            }
            prop_assert_eq!(payload_fault(&metadata(&hash)), None);
            prop_assert_eq!(payload_fault(&crop(&hash, 4, "image/png")), None);
            prop_assert_eq!(payload_fault(&older("2026-11-28T031500Z", &metadata(&hash))), None);
            let path = metadata(&hash);
            prop_assert_eq!(hash_of(&path), Some(hash.as_str()));
        }

        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,20}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}

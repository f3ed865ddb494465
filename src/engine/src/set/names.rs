//! True names as paths of somebody's folder: what the file system there cannot hold, and which of several that want one path gets it.
//!
//! Invariant: what a file is named depends on the set and on the file system alone, not on what is there, nor on which part is asked for.

use super::place;
use super::sorter::{Sorted, Sorter};
use super::tree::Tree;
use crate::error::Result;

/// What the file system of a folder holds.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// Whether `a` and `A` are one name.
    is_case_blind: bool,
    /// Whether it refuses characters that others take.
    is_narrow: bool,
    /// The name at the top that is not for files.
    reserved: &'static str,
}

const MAX_NAME_BYTES: usize = 255;
/// No two hashes are equal, so neither are two names that end with theirs.
const MAX_HASH_BYTES: usize = 64;

impl Names {
    /// Finds out by files in a folder of its own, whose name at the top is not for others.
    pub(crate) fn of(tree: &Tree, reserved: &'static str) -> Result<Self> {
        let at = |name: &str| format!("{reserved}/{name}");
        tree.put(&at("case"), b"")?;
        let is_case_blind = tree.exists(&at("CASE"))?;
        // If there is no room for a second file, nothing else comes of it either.
        let is_narrow = tree.put(&at("a\u{1}<>:\"\\|?* ."), b"").is_err();
        Ok(Self { is_case_blind, is_narrow, reserved })
    }

    /// Returns the path of true names, if no other file wants it.
    pub(crate) fn path(&self, names: &[String], is_folder: bool) -> String {
        let last = names.len().saturating_sub(1);
        let held = |(at, name): (usize, &String)| self.held(name, at == last && !is_folder);
        let mut held: Vec<String> = names.iter().enumerate().map(held).collect();
        if let Some(first) = held.first_mut()
            && place::fold(first) == self.reserved
        {
            first.insert(0, '_');
        }
        held.join("/")
    }

    fn held(&self, name: &str, is_file: bool) -> String {
        if self.is_narrow {
            return place::safe(name, is_file);
        }
        let mut held = name.replace(['/', '\0'], "_");
        if matches!(held.as_str(), "" | "." | "..") {
            held.insert(0, '_');
        }
        shortened(&held, MAX_NAME_BYTES, is_file)
    }

    /// Makes two paths equal that the file system takes for the same.
    fn key(&self, path: &str) -> String {
        if self.is_case_blind { place::fold(path) } else { path.to_owned() }
    }
}

fn shortened(name: &str, most_bytes: usize, keep_extension: bool) -> String {
    if name.len() <= most_bytes {
        return name.to_owned();
    }
    let extension = if keep_extension { place::split_extension(name).1 } else { "" };
    let end = name.floor_char_boundary(most_bytes - extension.len());
    format!("{}{extension}", name.get(..end).unwrap_or_default())
}

/// Returns the path of a file whose own path is another's.
fn marked(path: &str, hash: &str) -> String {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let (stem, extension) = place::split_extension(name);
    let most = MAX_NAME_BYTES - MAX_HASH_BYTES - extension.len() - " ()".len();
    let name = format!("{} ({hash}){extension}", shortened(stem, most, false));
    if folder.is_empty() { name } else { format!("{folder}/{name}") }
}

/// Collects who wants which path, in any order.
pub(crate) struct Wishes(Sorter);

/// In the order in which they get it: folders, which may be several in one, before files.
const FOLDER: char = '0';
const FILE: char = '1';

impl Wishes {
    pub(crate) fn new(sorter: Sorter) -> Self {
        Self(sorter)
    }

    /// Adds a file or folder, and returns the path that it wants.
    pub(crate) fn add(&mut self, rules: &Names, names: &[String], hash: &str, is_folder: bool) -> Result<String> {
        let path = rules.path(names, is_folder);
        let key = rules.key(&path);
        let above = key.match_indices('/').filter_map(|(end, _)| key.get(..end));
        for folder in above.chain(is_folder.then_some(key.as_str())) {
            self.0.add(format!("{folder}\0{FOLDER}").as_bytes())?;
        }
        if !is_folder {
            self.0.add(format!("{key}\0{FILE}\0{hash}\0{path}").as_bytes())?;
        }
        Ok(path)
    }

    /// Ends adding: of files that want one path, that with the first hash gets it, unless it is a folder's.
    pub(crate) fn end(self) -> Result<Others> {
        let Self(sorter) = self;
        let mut others = sorter.emptied();
        let (mut lines, mut last) = (sorter.end()?, String::new());
        while let Some(line) = lines.next_text()? {
            let mut parts = line.split('\0');
            let mut part = || parts.next().unwrap_or_default();
            let (key, _, hash, path) = (part(), part(), part(), part());
            if key != last {
                key.clone_into(&mut last);
            } else if !hash.is_empty() {
                others.add(format!("{hash}\0{}", marked(path, hash)).as_bytes())?;
            }
        }
        Ok(Others { lines: others.end()?, ahead: None })
    }
}

/// The files that get another path than they want, in the order of their hashes.
pub(crate) struct Others {
    lines: Sorted,
    ahead: Option<(String, String)>,
}

impl Others {
    /// Returns the path of a file, if it is another than it wants; asked in the order of hashes.
    pub(crate) fn path(&mut self, hash: &str) -> Result<Option<String>> {
        while self.ahead.as_ref().is_none_or(|(next, _)| next.as_str() < hash) {
            let Some(line) = self.lines.next_text()? else {
                self.ahead = None;
                return Ok(None);
            };
            let (next, path) = line.split_once('\0').unwrap_or_default();
            self.ahead = Some((next.to_owned(), path.to_owned()));
        }
        Ok(self.ahead.take_if(|(next, _)| next == hash).map(|(_, path)| path))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::paths::RelativePath;

    const WIDE: Names = Names { is_case_blind: false, is_narrow: false, reserved: ".ours" };

    fn all(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_stay_as_they_are_but_for_what_no_name_can_be() {
        for (names, expected) in [
            (&["2024-05", "cat: first day?.jpg"][..], "2024-05/cat: first day?.jpg"),
            (&["line\nfeed", " x . "], "line\nfeed/ x . "),
            (&["..", "..", "etc"], "_../_../etc"),
            (&["", ".", "a/b\0c"], "_/_./a_b_c"),
            (&[".ours", ".ours"], "_.ours/.ours"),
            (&["e\u{301}.txt"], "e\u{301}.txt"),
        ] {
            assert_eq!(WIDE.path(&all(names), false), expected);
        }
        let long = WIDE.path(&all(&[&format!("{}.jpeg", "é".repeat(200))]), false);
        assert_eq!((long.len(), long.ends_with("é.jpeg")), (255, true), "{long}");
        let narrow = Names { is_narrow: true, ..WIDE };
        assert_eq!(narrow.path(&all(&["a:b", "c?.txt "]), false), "a_b/c_.txt");
    }

    /// Returns the paths of files that get another one than they want.
    fn others(rules: &Names, files: &[(&str, &[&str], bool)]) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let mut wishes = Wishes::new(Sorter::new(&Tree::open(folder.path()).unwrap(), 300));
        for (hash, names, is_folder) in files {
            wishes.add(rules, &all(names), hash, *is_folder).unwrap();
        }
        let mut others = wishes.end().unwrap();
        let mut hashes: Vec<&str> = files.iter().map(|(hash, ..)| *hash).collect();
        hashes.sort_unstable();
        let path = |hash: &str| others.path(hash).unwrap().map(|path| (hash.to_owned(), path));
        hashes.into_iter().filter_map(path).collect()
    }

    #[test]
    fn of_several_the_first_hash_gets_the_path_and_a_folder_before_all_files() {
        let pair = |hash: &str, path: &str| (hash.to_owned(), path.to_owned());
        let twins: &[(&str, &[&str], bool)] = &[
            ("c", &["x", "cat.jpg"], false),
            ("a", &["x", "cat.jpg"], false),
            ("b", &["x", "Cat.jpg"], false),
            ("d", &["x"], false),
            ("e", &["y"], true),
            ("f", &["y"], true),
            ("g", &["y"], false),
            ("h", &["a/b"], false),
            ("i", &["a_b"], false),
        ];
        let apart = [pair("c", "x/cat (c).jpg"), pair("d", "x (d)"), pair("g", "y (g)"), pair("i", "a_b (i)")];
        assert_eq!(others(&WIDE, twins), apart);
        let blind = [&[pair("b", "x/Cat (b).jpg")], apart.as_slice()].concat();
        assert_eq!(others(&Names { is_case_blind: true, ..WIDE }, twins), blind);
        let mut reversed = twins.to_vec();
        reversed.reverse();
        assert_eq!(others(&WIDE, &reversed), apart);
    }

    proptest! {
        #[test]
        fn whatever_the_names_are_each_file_has_a_path_beneath_the_folder(
            names in proptest::collection::vec("(\\PC|[ ./\\\\:%\n\0\u{202e}éÉa-c]){0,300}", 1..5),
            hash in "[A-Za-z0-9-]{1,64}",
            is_narrow: bool,
        ) {
            let path = Names { is_narrow, ..WIDE }.path(&names, false);
            for path in [marked(&path, &hash), path] {
                prop_assert!(RelativePath::parse(&path).is_ok(), "{path:?}");
                prop_assert_ne!(path.split('/').next(), Some(".ours"));
            }
        }
    }
}

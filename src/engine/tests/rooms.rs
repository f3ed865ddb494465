//! Which module of the engine may import which, and that no files import each other in a circle.
//!
//! A file imports what it names with `crate::` or `super::`, and a parent its children: so a child that needs something of its
//! parent gets it from a file beneath both. What is for tests alone is not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each module and all that it may import, from the ground up.
const ROOMS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("limits", &[]),
    ("head", &[]),
    ("paths", &["error"]),
    ("digest", &["error", "paths"]),
    ("signature", &["error"]),
    ("patience", &["error", "limits"]),
    ("store", &["digest", "error", "paths"]),
    ("pack", &["digest", "error", "paths", "store"]),
    ("proof", &["digest", "error"]),
    ("getfile", &["digest", "error", "signature"]),
    ("body", &["digest"]),
    ("http", &["error", "head", "limits", "patience", "signature"]),
    ("inventory", &["digest", "error", "limits", "paths", "store"]),
    ("photo", &["digest", "error", "limits", "paths", "store"]),
    ("set", &["digest", "error", "limits", "paths", "signature", "store"]),
    ("relocate", &["error", "getfile"]),
    ("dump", &["error", "limits", "paths"]),
    ("item", &["error", "relocate"]),
    (
        "transfer",
        &[
            "body",
            "digest",
            "error",
            "getfile",
            "head",
            "http",
            "limits",
            "pack",
            "paths",
            "patience",
            "photo",
            "signature",
            "store",
        ],
    ),
    ("upload", &["digest", "error", "paths", "store"]),
    (
        "owner",
        &[
            "digest",
            "error",
            "getfile",
            "head",
            "http",
            "limits",
            "pack",
            "paths",
            "patience",
            "set",
            "signature",
            "transfer",
            "upload",
        ],
    ),
    ("door", &["digest", "dump", "error", "head", "http", "limits", "owner", "pack", "paths", "patience", "set", "signature"]),
];

/// Files by their path as modules, such as `photo::codec`, and their text.
type House = BTreeMap<String, String>;

fn house(folder: &Path, within: &str) -> House {
    let mut house = House::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        // For tests alone.
        if matches!(name.as_str(), "tests" | "tests.rs") {
            continue;
        }
        let module = |name: &str| if within.is_empty() { name.to_owned() } else { format!("{within}::{name}") };
        if entry.file_type().unwrap().is_dir() {
            house.append(&mut self::house(&entry.path(), &module(&name)));
        } else if let Some(name) = name.strip_suffix(".rs").filter(|name| *name != "lib") {
            house.insert(module(name), std::fs::read_to_string(entry.path()).unwrap());
        }
    }
    house
}

/// Returns what is compiled into the engine, without comments.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Reads a path or a group of paths; returns what follows.
fn read_paths<'t>(text: &'t str, before: &[&'t str], paths: &mut Vec<Vec<&'t str>>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        while !rest.trim_start().starts_with('}') {
            rest = read_paths(rest, before, paths);
            // Behind a path stand a comma and maybe another name.
            rest = rest.find([',', '}']).map_or("}", |end| &rest[end..]).trim_start_matches(',');
        }
        return &rest.trim_start()[1..];
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = [before, &[name]].concat();
    if let Some(rest) = rest.strip_prefix("::") {
        return read_paths(rest, &path, paths);
    }
    paths.push(path);
    rest
}

/// Returns the files that a file imports.
fn imports(house: &House, file: &str) -> BTreeSet<String> {
    let code = code(&house[file]);
    let mut found = BTreeSet::new();
    for (prefix, within) in [("crate::", ""), ("super::", file.rsplit_once("::").map_or("", |(parent, _)| parent))] {
        for (start, _) in code.match_indices(prefix) {
            if code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let mut paths = Vec::new();
            read_paths(&code[start + prefix.len()..], &[], &mut paths);
            for path in paths {
                // The innermost file on the path; the rest of the path names something in that file.
                let mut place = within.to_owned();
                for name in path {
                    let inner = if place.is_empty() { name.to_owned() } else { format!("{place}::{name}") };
                    if !house.contains_key(&inner) {
                        break;
                    }
                    place = inner;
                }
                found.insert(if place.is_empty() { "lib".to_owned() } else { place });
            }
        }
    }
    let children = house.keys().filter(|other| other.rsplit_once("::").is_some_and(|(parent, _)| parent == file));
    found.extend(children.cloned());
    found.remove(file);
    found
}

/// Returns what is wrong, one line each.
fn faults(house: &House, rooms: &[(&str, &[&str])]) -> Vec<String> {
    let room = |file: &str| file.split("::").next().unwrap_or_default().to_owned();
    let all: BTreeMap<&String, BTreeSet<String>> = house.keys().map(|file| (file, imports(house, file))).collect();
    let mut faults = Vec::new();
    for (number, (name, allowed)) in rooms.iter().enumerate() {
        let beneath: BTreeSet<&str> = rooms.iter().take(number).map(|(name, _)| *name).collect();
        faults.extend(
            allowed.iter().filter(|other| !beneath.contains(*other)).map(|other| format!("{other} is not beneath {name}")),
        );
        let used: BTreeSet<String> =
            all.iter().filter(|(file, _)| room(file) == *name).flat_map(|(_, to)| to).map(|to| room(to)).collect();
        faults
            .extend(allowed.iter().filter(|other| !used.contains(**other)).map(|other| format!("{name} does not need {other}")));
    }
    for (file, to) in &all {
        let Some((name, allowed)) = rooms.iter().find(|(name, _)| *name == room(file)) else {
            faults.push(format!("{file} is in no room"));
            continue;
        };
        let forbidden = to.iter().filter(|other| room(other) != *name && !allowed.contains(&room(other).as_str()));
        faults.extend(forbidden.map(|other| format!("{file} imports {other}")));
    }
    // A file that imports only files that are in no circle is in none.
    let mut left = all;
    loop {
        let known: BTreeSet<String> = left.keys().map(|file| (*file).clone()).collect();
        let before = left.len();
        left.retain(|_, to| to.iter().any(|other| known.contains(other)));
        if left.len() == before {
            break;
        }
    }
    // Nor is a file that only such files import.
    loop {
        let imported: BTreeSet<String> = left.values().flatten().cloned().collect();
        let before = left.len();
        left.retain(|file, _| imported.contains(*file));
        if left.len() == before {
            break;
        }
    }
    faults.extend(left.keys().map(|file| format!("{file} is in a circle")));
    faults
}

#[test]
fn modules_import_only_what_is_beneath_them_and_no_files_each_other() {
    let house = house(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "");
    assert!(house.contains_key("transfer::partial") && imports(&house, "transfer::partial").contains("transfer::chunks"));
    assert_eq!(faults(&house, ROOMS), Vec::<String>::new());
}

#[test]
fn a_broken_house_is_seen() {
    let house = |changed: &[(&str, &str)]| -> House {
        let sound = [
            ("error", ""),
            ("digest", "use crate::error::Error;"),
            ("photo", ""),
            ("photo::codec", "use super::exif::{self, x};"),
        ];
        let exif = [(
            "photo::exif",
            "// crate::photo::codec\nfn x() { crate::digest::of() }\n#[cfg(test)]\nmod tests { use super::*; }",
        )];
        sound.iter().chain(&exif).chain(changed).map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let rooms: &[(&str, &[&str])] = &[("error", &[]), ("digest", &["error"]), ("photo", &["digest"])];
    let said = |changed: &[(&str, &str)]| faults(&house(changed), rooms).join("; ");
    assert_eq!(said(&[]), "");
    for upward in ["use crate::photo::Size;", "fn x() -> crate::photo::Size {}", "use crate::{error::A, photo::{Size as B, c}};"]
    {
        assert!(said(&[("error", upward)]).starts_with("error imports photo; digest is in a circle; error is"), "{upward}");
    }
    assert_eq!(said(&[("photo", "use crate::{digest, error::{Error}};")]), "photo imports error");
    let on = "use crate::digest::Digest;\n";
    let sideways = said(&[("photo::exif", &format!("{on}use super::codec::{{A, B as C}};"))]);
    assert_eq!(sideways, "photo::codec is in a circle; photo::exif is in a circle");
    let of_parent = said(&[("photo::exif", &format!("{on}use super::Size;"))]);
    assert_eq!(of_parent, "photo is in a circle; photo::codec is in a circle; photo::exif is in a circle");
    assert_eq!(said(&[("photo::exif", ""), ("photo", "fn x(digest: super::digest::Digest) {}")]), "");
    assert_eq!(said(&[("photo::exif", "")]), "photo does not need digest");
    assert_eq!(said(&[("digest", "use crate::error::Error;\nuse crate::Result;")]), "digest imports lib");
    assert_eq!(said(&[("attic", "")]), "attic is in no room");
    let upside_down: &[(&str, &[&str])] = &[("photo", &["digest"]), ("error", &[]), ("digest", &["error"])];
    assert_eq!(faults(&house(&[]), upside_down), ["digest is not beneath photo"]);
}

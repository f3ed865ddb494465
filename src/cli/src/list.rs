//! `list`: shows what is in a set, now or at an earlier time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use filesync_engine::SetLimits;
use filesync_engine::set::{Condition, Contents, ContentsOptions, Version, look};
use serde_json::{Value, json};

use crate::args::time;
use crate::machine;
use crate::output::Output;
use crate::problem::{Exit, Problem};
use crate::words;

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    /// The set's folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// As it was then: 2026-11-28, which means its end, or 2026-11-28T03:15:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) at: Option<String>,
}

const SOME: usize = 1000;

/// Runs the verb.
pub(crate) fn run(arguments: &ListArguments, output: &Output) -> Result<Exit, Problem> {
    let folder = machine::existing(&arguments.folder)?;
    let mut contents = open(&folder, arguments.at.clone())?;
    let beside = if arguments.at.is_none() { contents.beside_files() } else { Ok(BTreeMap::new()) };
    loop {
        let versions = contents.next(SOME).map_err(|error| Problem::of_set(&error, &folder))?;
        if versions.is_empty() {
            break;
        }
        for version in versions {
            output.say(&facts(&version), &line(&version));
        }
    }
    for (path, rows) in beside.map_err(|error| Problem::of_set(&error, &folder))? {
        output.say(
            &json!({ "kind": "rows", "path": path, "rows": rows.rows }),
            &format!("{:>15}  rows in {path}", words::number(rows.rows)),
        );
    }
    let found = look(&folder, &machine::surroundings(), &SetLimits::default());
    if found.is_ok_and(|found| found.condition == Condition::CutOff) {
        output.aside("filesync: the last run was cut off; `filesync verify DIR --finish` puts it in place");
    }
    Ok(Exit::Complete)
}

/// Opens the contents of a set.
pub(crate) fn open(folder: &Path, at: Option<String>) -> Result<Contents, Problem> {
    let options = ContentsOptions { at, older: false, scratch: machine::scratch(), limits: SetLimits::default() };
    Contents::open(folder, options).map_err(|error| Problem::of_set(&error, folder))
}

fn facts(version: &Version) -> Value {
    json!({
        "hash": version.hash,
        "kind": version.kind,
        "names": version.names,
        "size_bytes": version.size_bytes,
        "sha256": version.sha256.map(|digest| digest.to_string()),
        "mimetype": version.mimetype,
        "edited": version.edited,
        "path": version.path,
        "metadata": version.metadata,
        "crops": version.crops,
        "posts": version.posts,
        "seen": version.seen,
        "until": version.until,
        "why": version.why,
    })
}

fn line(version: &Version) -> String {
    if let Some(why) = &version.why {
        return format!("{}: {why}", version.hash);
    }
    let is_folder = version.kind == "folder";
    let size = if is_folder { String::new() } else { words::number(version.size_bytes) };
    // A line, whatever is in the name.
    let name = words::one_line(&words::path(&version.names));
    format!("{size:>15}  {}  {name}{}", version.edited, if is_folder { "/" } else { "" })
}

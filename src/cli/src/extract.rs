//! `extract`: a set's files as an ordinary tree of folders, without any hub.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use filesync_engine::set::{Choice, Extract, ExtractOptions, ExtractProgress, Fate, Noted, RestoreFacts};
use filesync_engine::{Error, ErrorKind, SetLimits};
use serde_json::{Map, Value, json};

use crate::args::time;
use crate::machine;
use crate::output::{Output, with};
use crate::problem::{Exit, Problem};
use crate::signing;
use crate::verify;
use crate::words;

#[derive(Args, Debug)]
pub(crate) struct ExtractArguments {
    /// The set's folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The folder for the files; it is made if the folder above exists. What is there already stays as it is
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Leave out what is at this path of the channel; * is any part of a name
    #[arg(long, value_name = "PATH")]
    pub(crate) exclude: Vec<String>,
    /// Extract only this folder or file, by its true names, as `filesync list` shows them; * is any part of a name
    #[arg(long, value_name = "PATH")]
    pub(crate) only: Vec<String>,
    /// As it was then: 2026-11-28, which means its end, or 2026-11-28T03:15:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) at: Option<String>,
}

const STEP: Duration = Duration::from_millis(200);

/// Runs the verb.
pub(crate) fn run(arguments: &ExtractArguments, output: &mut Output) -> Result<Exit, Problem> {
    let set = machine::existing(&arguments.folder)?;
    let to = target(&arguments.to, &set)?;
    let wrong = |error: Error| of(&error, &set, &to);
    // Bytes are proven by the set's lists; who wrote those, its signature says.
    let alarm = signing::look(&set, output)?;
    if let Some(alarm) = &alarm {
        output.say(&json!({ "code": alarm.kind, "words": alarm.sentence() }), &alarm.sentence());
    }
    let options = ExtractOptions {
        at: arguments.at.clone(),
        choice: Choice::new(&arguments.exclude, &arguments.only),
        scratch: machine::scratch(),
        limits: SetLimits::default(),
    };
    let mut extract = Extract::open(&set, &to, &machine::surroundings(), options).map_err(wrong)?;
    let stopped = machine::stopped();
    let about = json!({ "folder": set.display().to_string(), "to": to.display().to_string(), "run": extract.run() });
    while !extract.is_done() && !stopped.load(Ordering::Relaxed) {
        let noted = extract.step(STEP).map_err(wrong)?;
        for noted in noted.iter().filter(|noted| output.speaks() || !is_harmless(noted.fate)) {
            output.say(&facts_of(noted), &words_of(noted));
        }
        show(extract.progress(), output);
    }
    output.clear();
    if !extract.is_done() {
        extract.stop().map_err(wrong)?;
        output.say(&with(&about, &json!({ "state": "stopped" })), words::STOPPED);
        return Ok(Exit::GoesOn);
    }
    let progress = extract.progress();
    if !arguments.only.is_empty() && progress.files_total + progress.folders == 0 && progress.noted.is_empty() {
        let words = format!("The set in {} has nothing at {}.", set.display(), arguments.only.join(" or "));
        return Err(Problem::new("not_in_set", words).remedy("`filesync list` shows what it has, by true names."));
    }
    let is_known = extract.facts().findings.iter().all(|finding| verify::is_harmless(finding.code))
        && (!has_all(arguments) || progress.files_total >= files_of(extract.facts()));
    if !is_known {
        let problem = Problem::new("set_damaged", "The set's lists are damaged: files may be missing that nothing names.")
            .remedy("`filesync verify` says what is whole. The bytes of all files are beneath data/files in the set.");
        output.say(&json!({ "code": problem.kind, "words": problem.sentence() }), &problem.sentence());
    }
    let amiss: u64 = progress.noted.iter().filter(|(fate, _)| !is_harmless(**fate)).map(|(_, count)| count).sum();
    let exit = signing::exit_of(alarm.as_ref(), if amiss > 0 || !is_known { Exit::NeedsAttention } else { Exit::Complete });
    if exit != Exit::Complete || output.speaks() {
        output.say(&with(&about, &facts(progress)), &told(progress, amiss, &to, output.speaks()));
    }
    Ok(exit)
}

/// Tells whether all that the set has now was asked for.
fn has_all(arguments: &ExtractArguments) -> bool {
    arguments.at.is_none() && arguments.only.is_empty() && arguments.exclude.is_empty()
}

/// Returns how many files the set says that it has; none if a cut-off run changes that.
fn files_of(facts: &RestoreFacts) -> u64 {
    let about: Value = serde_json::from_str(&facts.set).unwrap_or_default();
    about.pointer("/counts/files").and_then(Value::as_u64).filter(|_| !facts.is_cut_off).unwrap_or_default()
}

/// Returns the full path of the folder for the files, which may be made.
fn target(to: &Path, set: &Path) -> Result<PathBuf, Problem> {
    let to = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    let missing = || Problem::usage("no_folder", format!("There is no folder above {}.", to.display()));
    let to = match (to.canonicalize(), to.parent(), to.file_name()) {
        (Ok(to), ..) => to,
        (Err(_), Some(above), Some(name)) => above.canonicalize().map_err(|_| missing())?.join(name),
        _ => return Err(missing()),
    };
    if to.exists() && !to.is_dir() {
        return Err(Problem::usage("no_folder", format!("{} is not a folder.", to.display())));
    }
    // The channel's folders could be called like those of the set, and those above it.
    if to.starts_with(set) || set.starts_with(&to) {
        return Err(Problem::usage("no_folder", format!("{} and the set are one within the other.", to.display()))
            .remedy("Choose a folder beside the set."));
    }
    Ok(to)
}

fn show(progress: &ExtractProgress, output: &mut Output) {
    if progress.is_counted {
        let head = format!("{} of {}   ", words::number(progress.files), words::files(progress.files_total));
        output.progress(&head, progress.bytes, progress.bytes_total, &progress.path);
    } else {
        output.phase(&format!("{} counted", words::files(progress.files_total)));
    }
}

/// Tells whether a file is whole in its place in spite of it.
fn is_harmless(fate: Fate) -> bool {
    fate == Fate::Renamed
}

fn facts_of(noted: &Noted) -> Value {
    json!({ "code": noted.fate.name(), "hash": noted.hash, "names": noted.names, "path": noted.path })
}

fn words_of(noted: &Noted) -> String {
    let (name, path) = (words::one_line(&words::path(&noted.names)), words::one_line(&noted.path));
    match noted.fate {
        Fate::Renamed => format!("{name} is called {path}."),
        Fate::Differs => format!("{path} is another file there, and stays as it is."),
        Fate::Hindered => format!(
            "{path} cannot be made or read: something else has its name or that of a folder above, or the disk or its rights do not allow it."
        ),
        Fate::NoBytes => format!("{name} has no bytes in the set: the hub had lost them."),
        Fate::Missing => format!("{name} is listed, and its bytes are not in the set."),
        Fate::Damaged => format!("{name} is not what was saved, and is left out."),
        Fate::Unproven => format!("{path} is whole; its name and date are not proven."),
        Fate::Nameless => {
            format!("{path} is missing or damaged: the file has its bytes beneath data/files, under a name near its own.")
        }
    }
}

fn facts(progress: &ExtractProgress) -> Value {
    let noted: Map<String, Value> =
        progress.noted.iter().map(|(fate, count)| (fate.name().to_owned(), (*count).into())).collect();
    json!({
        "files": progress.files_total, "bytes": progress.bytes_total, "folders": progress.folders,
        "new_files": progress.new_files, "new_bytes": progress.new_bytes, "same_files": progress.same_files, "noted": noted,
    })
}

fn told(progress: &ExtractProgress, amiss: u64, to: &Path, are_names_said: bool) -> String {
    let mut text = format!(
        "{} of {} are in {}, each checked; {} of them ({}) written now",
        words::number(progress.new_files + progress.same_files),
        words::files(progress.files_total),
        to.display(),
        words::number(progress.new_files),
        words::size(progress.new_bytes),
    );
    let renamed = progress.noted.get(&Fate::Renamed).copied().filter(|_| are_names_said).unwrap_or_default();
    for (count, one, many) in [
        (renamed, "has another name, see above", "have other names, see above"),
        (amiss, "needs attention, see above", "need attention, see above"),
    ] {
        if count > 0 {
            text.push('\n');
            text.push_str(&words::count(count, one, many));
        }
    }
    text
}

/// Puts an error into words.
fn of(error: &Error, set: &Path, to: &Path) -> Problem {
    let number = |name: &str| error.fact(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let shown = to.display();
    match (error.fact("code"), error.kind()) {
        (Some("extract_running"), _) => Problem::later("extract_running", format!("Another extract writes to {shown}."))
            .remedy("Try again when that is over."),
        (Some("set_changed"), _) => {
            Problem::later("set_changed", format!("A backup has changed the set in {} meanwhile.", set.display()))
                .remedy("What is written is whole; the same command goes on.")
        }
        (Some("disk_short"), _) => {
            let (needed, free) = (words::size(number("needed_bytes")), words::size(number("free_bytes")));
            Problem::later("disk_short", format!("The files need {needed}, and {shown} has room for {free}."))
                .remedy("Nothing was written: make room, choose another folder, or take less with --only.")
        }
        (_, ErrorKind::Storage) => Problem::later("disk_short", format!("No more can be written to {shown}: {error}."))
            .remedy("Make room, or see that you may write there. What has its name is whole; the same command goes on."),
        _ => Problem::of_set(error, set),
    }
}

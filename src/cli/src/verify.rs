//! `verify`: reads a set again.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use filesync_engine::SetLimits;
use filesync_engine::set::{Check, CheckOptions, CheckResult, Condition, Finding, FindingCode, OwnerSigned, Set, look};
use serde_json::{Map, Value, json};

use crate::damage;
use crate::history;
use crate::machine;
use crate::output::Output;
use crate::problem::{Exit, Problem};
use crate::signing;
use crate::words;

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// The set's folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Read only a part of the files, such as 5 %, chosen at random
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) sample: Option<u32>,
    /// First put in place what the last run left half-way; no hub is needed
    #[arg(long)]
    pub(crate) finish: bool,
    /// Accept the key that the set is signed with now, or that it is not signed
    #[arg(long)]
    pub(crate) accept_key: bool,
}

fn percent(text: &str) -> Result<u32, String> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    digits
        .trim()
        .parse()
        .ok()
        .filter(|percent| (1..=100).contains(percent))
        .ok_or_else(|| "a percentage from 1 to 100".to_owned())
}

const STEP: Duration = Duration::from_millis(200);

/// Runs the verb.
pub(crate) fn run(arguments: &VerifyArguments, output: &mut Output) -> Result<Exit, Problem> {
    let folder = machine::existing(&arguments.folder)?;
    if arguments.finish {
        finish(&folder, output)?;
    }
    check(&folder, arguments, output)
}

fn finish(folder: &Path, output: &Output) -> Result<(), Problem> {
    let wrong = |error| Problem::of_set(&error, folder);
    let found = look(folder, &machine::surroundings(), &SetLimits::default()).map_err(wrong)?;
    if found.condition == Condition::CutOff {
        let mut set = Set::open(folder, machine::options()).map_err(wrong)?;
        if set.complete().map_err(wrong)? {
            output.remark("the last run is in place now");
        }
    }
    Ok(())
}

fn check(folder: &Path, arguments: &VerifyArguments, output: &mut Output) -> Result<Exit, Problem> {
    let wrong = |error| Problem::of_set(&error, folder);
    let parts = arguments.sample.map_or(1, |percent| 100 / percent.clamp(1, 100));
    let part = u32::try_from(machine::random() % u64::from(parts)).unwrap_or_default();
    let options = CheckOptions {
        sample: NonZeroU32::new(parts).filter(|parts| parts.get() > 1).map(|parts| (parts, part)),
        public_key: None,
        bytes_per_second: None,
        scratch: machine::scratch(),
        limits: SetLimits::default(),
    };
    let mut check = Check::open(folder, options).map_err(wrong)?;
    let mut damaged = HashSet::new();
    while !check.is_done() {
        for finding in check.step(STEP).map_err(wrong)? {
            damaged.extend(finding.hash().map(str::to_owned));
            if output.speaks() || !is_harmless(finding.code) {
                output.say(&facts_of(&finding), &words_of(&finding));
            }
        }
        let progress = check.progress();
        output.progress("", progress.bytes, progress.bytes_total, progress.path.as_deref().unwrap_or_default());
    }
    output.clear();
    let (progress, result) = (check.progress(), check.result());
    let alarm = signing::judge(folder, (&id_of(result), &result.owner), arguments.accept_key, output)?;
    let verdict = verdict(&check, alarm);
    history::verified(folder, verdict.kind, arguments.sample.unwrap_or(100));
    if verdict.kind == "set_damaged" {
        damage::found(folder, &damaged);
    }
    let counts: Map<String, Value> =
        result.counts.iter().map(|(code, count)| (code.name().to_owned(), (*count).into())).collect();
    let facts = json!({
        "folder": folder.display().to_string(),
        "verdict": verdict.kind,
        "read_files": progress.read_files,
        "files": progress.files_total,
        "read_bytes": progress.read_bytes,
        "bytes": progress.bytes_total,
        "counts": counts,
        "key": match &result.owner {
            OwnerSigned::By(key) => Some(key),
            OwnerSigned::No | OwnerSigned::Wrong => None,
        },
    });
    let text = format!(
        "{} of {} read, {} of {}\n{}\n{}",
        words::number(progress.read_files),
        words::files(progress.files_total),
        words::size(progress.read_bytes),
        words::size(progress.bytes_total),
        verdict.words,
        verdict.remedy
    );
    if verdict.exit != Exit::Complete || output.speaks() {
        output.say(&facts, &text);
    }
    Ok(verdict.exit)
}

/// Tells whether everything can be restored in spite of a finding.
pub(crate) fn is_harmless(code: FindingCode) -> bool {
    matches!(code, FindingCode::FileExtra | FindingCode::FileMoved | FindingCode::Unsigned)
}

fn id_of(result: &CheckResult) -> String {
    let about: Value = serde_json::from_str(&result.set).unwrap_or_default();
    about.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns what a check comes to; its kind is `whole` if everything can be restored.
fn verdict(check: &Check, alarm: Option<Problem>) -> Problem {
    let result = check.result();
    let count = |code| result.counts.get(&code).copied().unwrap_or_default();
    let damaged: u64 = result.counts.iter().filter(|(code, _)| !is_harmless(**code)).map(|(_, count)| count).sum();
    if count(FindingCode::PathRefused) + count(FindingCode::SetRefused) > 0 {
        return Problem::new("set_refused", "This set breaks the rules that keep a reader safe.")
            .remedy("Do not restore from it.");
    }
    if damaged > 0 && damaged == count(FindingCode::SignatureWrong) {
        if let Some(alarm) = alarm {
            return alarm;
        }
        let words = "The signature does not fit: somebody changed the set, or another channel signed it.";
        return Problem::new("signature_wrong", words)
            .remedy("What fits the lists can be restored, for you alone; `filesync restore --trust` takes the rest.");
    }
    if damaged > 0 {
        let mut words = match damaged {
            1 => "1 file is not as it was saved.".to_owned(),
            _ => format!("{} files are not as they were saved.", words::number(damaged)),
        };
        if let Some(alarm) = alarm {
            words = format!("{}\n{words}", alarm.sentence());
        }
        return Problem::new("set_damaged", words).remedy("All others can be restored, and the next backup fetches these again.");
    }
    if let Some(alarm) = alarm {
        return alarm;
    }
    if result.is_cut_off {
        return Problem::later("set_cut_off", "The last run of this backup was cut off while it was being put in place.")
            .remedy("`filesync verify DIR --finish` completes it from the set alone; no hub is needed.");
    }
    let words = match &result.owner {
        OwnerSigned::By(key) => format!("All that was read is whole, and signed by the key {key}."),
        _ if result.is_verified => "All that was read is whole, and signed by the channel whose key the set names.".to_owned(),
        _ => "All that was read is whole. The set is not signed.".to_owned(),
    };
    Problem { exit: Exit::Complete, ..Problem::new("whole", words) }
}

fn facts_of(finding: &Finding) -> Value {
    json!({
        "code": finding.code.name(),
        "path": finding.path,
        "hash": finding.hash(),
        "found_at": finding.found_at,
        "why": finding.why,
    })
}

pub(crate) fn words_of(finding: &Finding) -> String {
    let path = &finding.path;
    let why = finding.why.as_deref().unwrap_or_default();
    match finding.code {
        FindingCode::FileDamaged => format!("{path} is not what was saved."),
        FindingCode::FileMissing => format!("{path} is listed and not here."),
        FindingCode::FileMoved => format!("{path} is at {}, whole.", finding.found_at.as_deref().unwrap_or_default()),
        FindingCode::FileExtra => format!("{path} is in the folder, but no list names it; it is left alone."),
        FindingCode::ListDamaged => format!("{path} is not as the last run wrote it."),
        FindingCode::MetadataWrong => format!("{path} breaks the format: {why}."),
        FindingCode::SignatureWrong => "The signature does not fit.".to_owned(),
        FindingCode::Unsigned => "The set is not signed.".to_owned(),
        FindingCode::PathRefused => format!("The list names \"{path}\". This set was made to do harm."),
        FindingCode::SetRefused => format!("This set breaks the rules: {why}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_those_of_the_hub_s_command() {
        assert_eq!((percent("5%"), percent("100")), (Ok(5), Ok(100)));
        assert!(percent("0").is_err() && percent("101%").is_err());
    }
}

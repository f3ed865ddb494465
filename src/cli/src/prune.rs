//! `prune`: removes what runs replaced or removed long ago.

use std::path::{Path, PathBuf};

use clap::Args;
use filesync_engine::SetLimits;
use filesync_engine::set::{PruneSpec, Pruned, Set, is_signed_by_channel, look};
use serde_json::{Value, json};

use crate::args::{Age, age};
use crate::machine;
use crate::output::Output;
use crate::problem::{Exit, Problem};
use crate::signing::{self, OwnKey};
use crate::words;

#[derive(Args, Debug)]
pub(crate) struct PruneArguments {
    /// The set's folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// What was replaced or removed before: 90d, or 2026-08-30
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) older_than: Age,
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Runs the verb.
pub(crate) fn run(arguments: &PruneArguments, output: &Output) -> Result<Exit, Problem> {
    let folder = machine::existing(&arguments.folder)?;
    let shown = folder.display();
    let wrong = |error| Problem::of_set(&error, &folder);
    let found = look(&folder, &machine::surroundings(), &SetLimits::default()).map_err(wrong)?;
    let about: Value = found.set.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if is_signed_by_channel(&about) {
        let words = format!("The set in {shown} is signed by its channel, and only a hub where that lives can sign it again.");
        return Err(Problem::new("set_signed", words).remedy(format!("`cli.php prune {shown} --older-than AGE` there.")));
    }
    if found.unfinished.is_some() {
        let problem = Problem::later("run_unfinished", format!("A run of the set in {shown} was interrupted."));
        return Err(problem.remedy("Finish it first, by the same `filesync backup` command."));
    }
    signing::refuse_changed(&folder, output)?;
    remove(&folder, arguments.older_than, arguments.dry_run, output)?;
    Ok(Exit::Complete)
}

/// Removes what is older from a set that this computer may sign, and says what; or only says it.
pub(crate) fn remove(folder: &Path, age: Age, is_dry: bool, output: &Output) -> Result<(), Problem> {
    let wrong = |error| Problem::of_set(&error, folder);
    let mut set = Set::open(folder, machine::options()).map_err(wrong)?;
    let spec = PruneSpec { older_than: Some(moment(age)), forget: None, made_with: Some(machine::MADE_WITH.to_owned()) };
    let pruned = set.prune(&spec).map_err(wrong)?;
    // A run that changes nothing would only be another entry in runs/.
    if is_dry || (pruned.removed_files == 0 && pruned.removed_runs == 0) {
        set.abandon().map_err(wrong)?;
    } else {
        let key = OwnKey::read_or_make()?;
        set.commit_as_owner(Some(&key)).map_err(wrong)?;
        signing::signed(folder, &key)?;
    }
    let facts = json!({
        "folder": folder.display().to_string(),
        "removed_runs": pruned.removed_runs,
        "removed_files": pruned.removed_files,
        "removed_bytes": pruned.removed_bytes,
        "older_files": pruned.counts.older_files,
        "older_bytes": pruned.counts.older_bytes,
    });
    if output.speaks() {
        output.say(&facts, &told(&pruned, is_dry));
    }
    Ok(())
}

fn told(pruned: &Pruned, is_dry: bool) -> String {
    format!(
        "{} {}, {}, of {} runs; {} older files stay, {}",
        if is_dry { "would remove" } else { "removed" },
        words::files(pruned.removed_files),
        words::size(pruned.removed_bytes),
        words::number(pruned.removed_runs),
        words::number(pruned.counts.older_files),
        words::size(pruned.counts.older_bytes),
    )
}

/// Returns the time before which everything goes.
fn moment(age: Age) -> String {
    match age {
        Age::Before(date) => format!("{date}T00:00:00Z"),
        Age::Days(days) => {
            let seconds = machine::unix_time() - days * 86_400;
            jiff::Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        }
    }
}

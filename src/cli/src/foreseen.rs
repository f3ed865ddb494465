//! `restore --dry-run`: says what a restore would do.

use std::path::Path;

use filesync_engine::door::{Foreseen, Outlook};
use filesync_engine::{Error, Result as EngineResult};
use serde_json::{Value, json};

use crate::address::Address;
use crate::output::{Output, with};
use crate::problem::{Exit, Problem};
use crate::refusal;
use crate::restore::{amount, attention, exit_after, remarks};
use crate::words;

/// Says it; the exit code is that of the restore, as far as that can be known.
pub(crate) fn tell(
    outcome: EngineResult<Foreseen>,
    address: &Address,
    folder: &Path,
    about: &Value,
    output: &Output,
) -> Result<Exit, Problem> {
    let refused = |error: &Error| refusal::of(error, address, folder);
    match outcome.map_err(|error| refused(&error))? {
        Foreseen::Stopped => {
            output.say(&with(about, &json!({ "state": "stopped" })), words::STOPPED);
            Ok(Exit::GoesOn)
        }
        Foreseen::Failed(state) if matches!(state.name(), "restoring" | "ending") => {
            Err(Problem::later("restoring", format!("{} restores this set already.", address.host))
                .remedy(format!("`filesync status {}` says how far it is.", address.text())))
        }
        Foreseen::Failed(state) if state.name() == "done" => {
            Err(Problem::new("key_used", "A key restores once, and the restore of this one is over.")
                .remedy(format!("Make another on {}/filesync/backup.", address.hub)))
        }
        Foreseen::Failed(state) => Err(refusal::failed(&state, address)),
        Foreseen::Plan(outlook) => {
            let away = away(&outlook);
            output.say(&with(about, &facts(&outlook)), &told(address, &outlook, &away));
            if let Some(short) = &outlook.short {
                return Err(refused(short));
            }
            Ok(if away.is_empty() { exit_after(&outlook.plan, outlook.unsent) } else { Exit::GoesOn })
        }
    }
}

/// Returns the addresses of clones for which a restore would wait.
fn away(outlook: &Outlook) -> Vec<String> {
    let clones = outlook.plan.facts().pointer("/restore/clones").and_then(Value::as_array);
    let away = clones.into_iter().flatten().filter(|clone| clone.get("state").and_then(Value::as_str) == Some("away"));
    away.filter_map(|clone| clone.get("url").and_then(Value::as_str)).map(str::to_owned).collect()
}

fn facts(outlook: &Outlook) -> Value {
    let plan = outlook.plan.facts();
    json!({
        "state": "plan", "plan": plan.get("restore"), "attention": plan.get("attention"), "lacking_files": outlook.lacking_files,
        "lacking_bytes": outlook.lacking_bytes, "unsent": outlook.unsent, "found": outlook.found,
    })
}

fn told(address: &Address, outlook: &Outlook, away: &[String]) -> String {
    let (host, plan) = (&address.host, &outlook.plan);
    let mut lines = vec![
        format!("would restore {} to {host}", amount(plan)),
        format!(
            "{}, {}, with lists and metadata to be sent",
            words::files(outlook.lacking_files),
            words::size(outlook.lacking_bytes)
        ),
    ];
    match (plan.number("quota_short"), plan.number("disk_short")) {
        (0, 0) => lines.push(format!("{} are left there after that", words::size(plan.number("room")))),
        (0, short) => lines.push(format!("the disk of {host} is too small for it: short by {}", words::size(short))),
        (short, _) => lines.push(format!("the account on {host} is too small for it: short by {}", words::size(short))),
    }
    lines.extend(remarks(plan));
    if outlook.unsent > 0 {
        lines.push(format!("{} of the set would not be sent", words::files(outlook.unsent)));
    }
    lines.extend(away.iter().map(|url| format!("{url} does not answer, and a restore waits for it; `--without {url}` goes on")));
    lines.extend(attention(plan));
    lines.push("nothing was restored; without --dry-run, the same command does it".to_owned());
    lines.join("\n")
}

//! `status DIR`: what a set has, how old and how whole it is, and where it was sent. No hub is asked, and no file of the set is read.

use std::path::Path;

use filesync_engine::SetLimits;
use filesync_engine::owner::Lack;
use filesync_engine::set::{Condition, Counts, Look, Restore, RestoreFacts, RestoreOptions, look};
use serde_json::{Value, json};

use crate::damage;
use crate::history::{Event, History, Verified};
use crate::machine;
use crate::output::Output;
use crate::problem::{Exit, Problem};
use crate::signing;
use crate::underway::Restores;
use crate::verify;
use crate::words;

/// A set, as its lists and this computer know it.
struct Standing {
    about: Value,
    counts: Counts,
    facts: RestoreFacts,
    found: Look,
    history: History,
    /// Channels to which it is being restored.
    underway: Vec<String>,
    /// What somebody should do something about.
    problem: Option<Problem>,
    /// Files that `verify` found damaged, and no backup has fetched since.
    damaged: usize,
}

/// Says how a set is.
pub(crate) fn tell(folder: &Path, output: &Output) -> Result<Exit, Problem> {
    let wrong = |error| Problem::of_set(&error, folder);
    let found = look(folder, &machine::surroundings(), &SetLimits::default()).map_err(wrong)?;
    if found.condition == Condition::Begun {
        let words = format!("The first backup to {} is not finished.", folder.display());
        return Err(Problem::later("run_unfinished", words).remedy("The same `filesync backup` command goes on."));
    }
    let options = RestoreOptions {
        public_key: None,
        may_clone: false,
        at: None,
        bytes_per_second: None,
        by_digest: None,
        scratch: machine::scratch(),
        limits: SetLimits::default(),
    };
    let facts = Restore::open(folder, options).map_err(wrong)?.facts().clone();
    let alarm = signing::look(folder, output)?;
    let about: Value = serde_json::from_str(&facts.set).unwrap_or_default();
    let counts = about.get("counts").cloned().and_then(|counts| serde_json::from_value(counts).ok()).unwrap_or_default();
    let underway = Restores::read()?.all().iter().filter(|one| one.folder == folder).map(|one| one.channel.clone()).collect();
    let damaged = damage::of(folder).len();
    let problem = problem(folder, &facts, &found, alarm, damaged);
    let standing = Standing { about, counts, facts, found, history: History::of(folder), underway, problem, damaged };
    let exit = standing.exit();
    if exit != Exit::Complete || output.speaks() {
        output.say(&standing.told_to_programs(folder), &standing.told(folder));
    }
    Ok(exit)
}

/// Returns the most important thing that is wrong.
fn problem(folder: &Path, facts: &RestoreFacts, found: &Look, alarm: Option<Problem>, damaged: usize) -> Option<Problem> {
    let shown = folder.display();
    if facts.refused.is_some() {
        let words = "This set breaks the rules that keep a reader safe.";
        return Some(Problem::new("set_refused", words).remedy("Do not restore from it."));
    }
    if facts.is_cut_off {
        let words = "The last backup was cut off while it was being put in place.";
        return Some(Problem::later("set_cut_off", words).remedy(format!("`filesync verify {shown} --finish` completes it.")));
    }
    if alarm.is_some() {
        return alarm;
    }
    if let Some(finding) = facts.findings.iter().find(|finding| !verify::is_harmless(finding.code)) {
        let remedy = format!("`filesync verify {shown}` says what is whole.");
        return Some(Problem::new("set_damaged", verify::words_of(finding)).remedy(remedy));
    }
    if damaged > 0 {
        let words = format!("`verify` found {} damaged.", words::files(damaged as u64));
        return Some(
            Problem::new("set_damaged", words).remedy("The next backup fetches these again; all others can be restored."),
        );
    }
    found.unfinished.is_some().then(|| {
        let words = "A backup was interrupted: the set is as the one before left it.";
        Problem::later("run_unfinished", words).remedy("The same `filesync backup` command goes on.")
    })
}

impl Standing {
    fn said(&self, outer: &str, inner: &str) -> &str {
        self.about.get(outer).and_then(|value| value.get(inner)).and_then(Value::as_str).unwrap_or_default()
    }

    fn updated(&self) -> &str {
        self.about.get("updated").and_then(Value::as_str).unwrap_or_default()
    }

    fn lacks(&self) -> Vec<Lack> {
        let lacks = self.about.get("lacks").and_then(Value::as_array).cloned().unwrap_or_default();
        lacks.into_iter().filter_map(|lack| serde_json::from_value(lack).ok()).collect()
    }

    /// How many files somebody can do something about.
    fn missing(&self) -> u64 {
        self.lacks().iter().filter(|lack| lack.needs_attention()).count() as u64
    }

    fn exit(&self) -> Exit {
        match &self.problem {
            Some(problem) => problem.exit,
            None if self.missing() > 0 => Exit::NeedsAttention,
            None => Exit::Complete,
        }
    }

    fn told_to_programs(&self, folder: &Path) -> Value {
        let events = |events: &std::collections::BTreeMap<String, Event>| -> Vec<Value> {
            let event = |(channel, event): (&String, &Event)| json!({ "channel": channel, "at": time(event.at), "whole": event.is_whole });
            events.iter().map(event).collect()
        };
        json!({
            "folder": folder.display().to_string(),
            "channel": self.said("channel", "url"),
            "run": self.facts.run,
            "first_run": self.facts.first_run,
            "updated": self.updated(),
            "age_seconds": seconds_of(self.updated()).map(|then| machine::unix_time() - then),
            "counts": self.counts,
            "lacks": self.lacks().len(),
            "missing": self.missing(),
            "everything": self.about.get("everything").and_then(|everything| everything.get("seen")),
            "signed_by": self.about.get("signed_by"),
            "verdict": self.problem.as_ref().map_or("whole", |problem| problem.kind),
            "words": self.problem.as_ref().map(Problem::sentence),
            "damaged": self.damaged,
            "is_written_now": self.found.busy.is_some(),
            "verified": self.history.verified.as_ref().map(|verified| json!({
                "at": time(verified.at), "verdict": verified.verdict, "percent": verified.percent,
                "folder": verified.folder.display().to_string(),
            })),
            "drilled": events(&self.history.drilled),
            "restored": events(&self.history.restored),
            "underway": self.underway,
        })
    }

    fn told(&self, folder: &Path) -> String {
        let Counts { folders, files, crops, posts, bytes, older_files, older_bytes, .. } = self.counts;
        let mut lines = vec![format!("{}: {}", folder.display(), self.said("channel", "url"))];
        let mut line = |what: &str, text: String| lines.push(format!("{what:<10} {text}"));
        line(
            "has",
            format!(
                "{} ({}), {}, {}, {}",
                words::files(files),
                words::size(bytes),
                words::count(folders, "folder", "folders"),
                words::count(crops, "crop", "crops"),
                words::count(posts, "post", "posts")
            ),
        );
        if let Some(seen) = self.about.get("everything").and_then(|everything| everything.get("seen")).and_then(Value::as_str) {
            line("", format!("everything that the channel has, as of {}", ago(seconds_of(seen))));
        }
        if older_files > 0 {
            line("older", format!("{} ({}) that were replaced or removed", words::files(older_files), words::size(older_bytes)));
        }
        let (lacks, missing) = (self.lacks().len() as u64, self.missing());
        if lacks > 0 {
            let attention = if missing > 0 {
                format!(", of which {} attention", words::count(missing, "needs", "need"))
            } else {
                String::new()
            };
            line("lacks", format!("{}{attention}: set.json names them", words::count(lacks, "thing", "things")));
        }
        line("backup", ago(seconds_of(self.updated())));
        if let Some(first) = self.facts.first_run.as_deref().filter(|first| Some(*first) != self.facts.run.as_deref()) {
            line("", format!("back to {}", first.get(..10).unwrap_or(first)));
        }
        if self.found.busy.is_some() {
            line("", "another one is being made now".to_owned());
        }
        line("signed by", self.signer());
        line("verified", self.verified(folder));
        for (what, events) in [("tried at", &self.history.drilled), ("restored", &self.history.restored)] {
            for (channel, event) in events {
                let amiss = if event.is_whole { "" } else { ", and something needed attention" };
                line(what, format!("{channel}, {}{amiss}", ago(Some(event.at))));
            }
        }
        for channel in &self.underway {
            line("restoring", format!("to {channel}: `filesync status {channel}` says how far it is"));
        }
        // A set may say anything, and more than a line of it.
        let mut lines: Vec<String> = lines.iter().map(|line| words::one_line(line)).collect();
        lines.push(self.problem.as_ref().map_or("Its lists are whole.".to_owned(), Problem::sentence));
        lines.join("\n")
    }

    /// Says when it was verified: not a copy of it elsewhere.
    fn verified(&self, folder: &Path) -> String {
        match &self.history.verified {
            None => "not yet on this computer".to_owned(),
            Some(verified) if folder.canonicalize().is_ok_and(|folder| folder == verified.folder) => told_verified(verified),
            Some(verified) => format!("not yet here; the one in {} was, {}", verified.folder.display(), told_verified(verified)),
        }
    }

    fn signer(&self) -> String {
        match (self.said("signed_by", "minisign"), self.said("signed_by", "channel")) {
            ("", "") => "nobody".to_owned(),
            ("", channel) => format!("the key of {channel}"),
            (key, _) => format!("the key {key}"),
        }
    }
}

fn told_verified(verified: &Verified) -> String {
    let read = if verified.percent == 100 { "all of it".to_owned() } else { format!("{} % of it", verified.percent) };
    let verdict = if verified.verdict == "whole" { "whole".to_owned() } else { format!("not whole ({})", verified.verdict) };
    format!("{}: {read}, {verdict}", ago(Some(verified.at)))
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn seconds_of(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// Returns a time, and how long ago that is.
fn ago(seconds: Option<i64>) -> String {
    let Some(seconds) = seconds else { return "at a time that the set does not say".to_owned() };
    let when = jiff::Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S UTC");
    format!("{when}, {}", past(machine::unix_time() - seconds))
}

fn past(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let since = match seconds {
        0..3600 => words::count(seconds / 60, "minute", "minutes"),
        3600..86_400 => words::count(seconds / 3600, "hour", "hours"),
        _ => words::count(seconds / 86_400, "day", "days"),
    };
    format!("{since} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_said_in_the_largest_unit() {
        assert_eq!(
            [0, 119, 3600, 90_000, 200_000].map(past),
            ["0 minutes ago", "1 minute ago", "1 hour ago", "1 day ago", "2 days ago"]
        );
        assert_eq!((seconds_of("2026-11-28T03:21:44Z"), seconds_of("yesterday")), (Some(1_795_836_104), None));
        assert_eq!(time(1_795_836_104), "2026-11-28T03:21:44Z");
    }
}

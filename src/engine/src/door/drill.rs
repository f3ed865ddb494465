//! A drill: a hub tries to restore some files of a set to a channel that it makes for that and removes again, and they are read back from
//! here meanwhile.
//!
//! Invariant: before a byte of the sample is sent, the hub has chosen it and counted its room; a drill is proven only by both, what the hub
//! saw and what was read from here.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Door, Terms};
use super::outside::{self, Outside};
use super::restore::{RestoreOptions, begin, leave_with, open, run, send};
use super::run::Run;
use super::state::State;
use super::watch::{Progress, Watch};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Method;
use crate::patience::{Stoppable, or_stopped};
use crate::set::Sorted;

/// What shall be tried.
pub struct DrillOptions {
    /// The set, and what is believed of it; all of it is meant, as its last run left it.
    pub restore: RestoreOptions,
    /// The share of its files, 1 to 100.
    pub percent: u8,
    /// What chance takes them by; none: the hub draws one.
    pub seed: Option<String>,
}

/// How a drill ended.
#[derive(Debug)]
pub enum Drilled {
    /// The hub has ended it.
    Done(Box<DrillReport>),
    /// The hub could not do it, or not now: the state says why.
    Failed(Box<State>),
    /// It was told to stop; the same call goes on.
    Stopped,
}

/// What a drill proved.
#[derive(Debug)]
pub struct DrillReport {
    /// What the hub says, with its certificate.
    pub state: State,
    /// What was seen from here; none: an earlier call read it.
    pub outside: Option<Outside>,
    /// Files that were sent.
    pub sent_files: u64,
    /// Bytes that were sent, with those that were sent again.
    pub sent_bytes: u64,
    /// Files that were not sent because they are not here.
    pub unsent: u64,
}

impl DrillReport {
    /// Tells whether all of the sample is proven, there and from here.
    pub fn has_passed(&self) -> bool {
        let passed = self.state.certificate().and_then(|certificate| certificate.get("passed")).and_then(Value::as_bool);
        passed == Some(true) && self.outside.as_ref().is_some_and(Outside::is_proven) && self.is_read()
    }

    /// Tells whether as many files were read from here as the hub took.
    pub fn is_read(&self) -> bool {
        let files = self.state.certificate().and_then(|certificate| certificate.get("files")).and_then(Value::as_u64);
        self.outside.as_ref().map(|outside| outside.files) == files
    }
}

const LEAST_REST: Duration = Duration::from_millis(250);
const MOST_REST: Duration = Duration::from_secs(2);

/// Tries to restore some files of a set.
///
/// # Errors
///
/// As [`restore`](super::restore::restore); `Unsupported` with code `hub_old` if the hub cannot do it.
pub fn drill(door: &Door, options: &DrillOptions, watch: &mut dyn Watch) -> Result<Drilled> {
    or_stopped(drill_unless(door, options, watch), Drilled::Stopped)
}

fn drill_unless(door: &Door, options: &DrillOptions, watch: &mut dyn Watch) -> Stoppable<Drilled> {
    let set = open(&options.restore)?;
    let terms = door.terms()?;
    need_drills(&terms)?;
    let begun = begin(door, &options.restore, &set, true, &|| watch.must_stop())?;
    let session = begun.session().to_owned();
    watch.begun(&session);
    let mut state = follow(door, &session, watch)?;
    let (mut sent_files, mut sent_bytes, mut unsent) = (0, 0, 0);
    if state.name() == "open" {
        let mut run = run(door, terms, &set, &begun, options.restore.find_in.clone(), &mut *watch);
        let chosen = choose(&mut run, options, &state)?;
        if chosen.name() != "open" || chosen.sample().is_none() || !chosen.code().is_empty() {
            return Ok(Drilled::Failed(Box::new(chosen)));
        }
        send_sample(&mut run)?;
        (sent_files, sent_bytes, unsent) = (run.counts.sent_files, run.counts.sent_bytes, run.counts.unsent);
        leave_with(door, &session, "drill", &json!({}), &|| watch.must_stop())?;
        state = follow(door, &session, watch)?;
    }
    let mut outside = None;
    while state.name() == "drilling" {
        // A hub whose process was killed begins again, with another hidden channel.
        outside = outside::read_back(door, &session, &set, state.sample().unwrap_or(&Value::Null), watch)?;
        if outside.is_some() {
            outside::end(door, &session, watch)?;
        }
        state = follow(door, &session, watch)?;
    }
    Ok(match state.name() {
        "done" => Drilled::Done(Box::new(DrillReport { state, outside, sent_files, sent_bytes, unsent })),
        _ => Drilled::Failed(Box::new(state)),
    })
}

fn need_drills(terms: &Terms) -> Result<()> {
    if terms.has_drills {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, "beginning a drill").context("code", "hub_old").context("filesync", &terms.filesync))
}

/// Sends what says what the set has, and has the hub choose the sample.
fn choose(run: &mut Run<'_>, options: &DrillOptions, state: &State) -> Stoppable<State> {
    let none = run.set.sorter().end()?;
    let plan = run.set.digests_with(none)?;
    let plan = run.plan_of(plan)?;
    send(run, plan)?;
    let mut wanted = json!({ "percent": options.percent, "trust": options.restore.is_trusted });
    if let (Some(seed), Some(wanted)) = (seed(options, state), wanted.as_object_mut()) {
        wanted.insert("seed".to_owned(), seed.into());
    }
    let session = run.session.clone();
    leave_with(run.door, &session, "sample", &wanted, &|| run.watch.must_stop())?;
    follow(run.door, &session, &mut *run.watch)
}

/// Returns the seed that was asked for, or that of an earlier call, of which some may have been sent.
fn seed(options: &DrillOptions, state: &State) -> Option<String> {
    let chosen = state.sample().filter(|sample| sample.get("percent").and_then(Value::as_u64) == Some(options.percent.into()));
    let earlier = || chosen.and_then(|sample| sample.get("seed")).and_then(Value::as_str).map(str::to_owned);
    options.seed.clone().or_else(earlier)
}

/// Sends the bytes of the sample.
fn send_sample(run: &mut Run<'_>) -> Stoppable<()> {
    let needed = needed(run)?;
    let plan = run.set.digests_with(needed)?;
    let plan = run.plan_of(plan)?;
    send(run, plan)
}

/// Asks which digests the sample needs; returns them in order.
fn needed(run: &Run<'_>) -> Stoppable<Sorted> {
    let odd =
        || Error::new(ErrorKind::PeerBusy, "asking what a drill needs").context("fault", "an answer that is not the door's");
    let mut sorter = run.set.sorter();
    let mut after = Some(0);
    while let Some(from) = after {
        let place = ["restore", run.session.as_str(), "needed"];
        let answer = run.door.ask(&Method::POST, &place, Some(&json!({ "after": from })), &|| run.watch.must_stop())?;
        let said = answer.said.unwrap_or_default();
        for digest in said.get("sha256").and_then(Value::as_array).ok_or_else(odd)? {
            sorter.add(Digest::parse(digest.as_str().unwrap_or_default())?.to_string().as_bytes())?;
        }
        after = said.get("after").and_then(Value::as_u64).filter(|next| *next > from);
    }
    Ok(sorter.end()?)
}

/// Waits until the hub has something for somebody here to do, or is over.
fn follow(door: &Door, session: &str, watch: &mut dyn Watch) -> Stoppable<State> {
    let mut rest = LEAST_REST;
    loop {
        let state = door.state_unless(session, &|| watch.must_stop())?;
        match state.name() {
            "choosing" => watch.progress(&Progress::Choosing),
            "drilling" if !state.is_readable() => watch.progress(&Progress::Trying { percent: state.percent() }),
            "ending" => {}
            _ => return Ok(state),
        }
        door.rest(rest, &|| watch.must_stop())?;
        rest = rest.mul_f64(1.5).min(MOST_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_that_cannot_drill_is_named_old() {
        let terms = |has_drills| Terms {
            filesync: "0.1.9".to_owned(),
            set_format: 1,
            piece_bytes: 1,
            pack_bytes: 1,
            digests: 1,
            has_drills,
        };
        let error = need_drills(&terms(false)).unwrap_err();
        let facts: Vec<_> = error.facts().collect();
        assert_eq!((error.kind(), facts), (ErrorKind::Unsupported, vec![("code", "hub_old"), ("filesync", "0.1.9")]));
        assert!(need_drills(&terms(true)).is_ok());
    }
}

//! A restore from its beginning to its end: what the hub lacks is sent, the hub restores it, and its word for the end counts.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::client::{Door, Stop};
use super::pace::Pace;
use super::run::{Counts, Run};
use super::sending::Sending;
use super::state::State;
use super::watch::{Progress, Watch};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Method;
use crate::limits::SetLimits;
use crate::patience::{Halt, Stoppable, or_stopped};
use crate::set::{Outgoing, Surroundings};

/// What shall be restored.
pub struct RestoreOptions {
    /// The set's folder, by full path.
    pub folder: PathBuf,
    /// Another folder, in which files that are not at their places are looked for.
    pub find_in: Option<PathBuf>,
    /// The set is another channel's: its files become new ones.
    pub as_copy: bool,
    /// Files that differ on the hub get the set's bytes.
    pub replace: bool,
    /// What was deleted since comes back.
    pub deleted: bool,
    /// Clones that are not asked what was deleted there.
    pub without: Vec<String>,
    /// Folder for temporary files.
    pub scratch: PathBuf,
    /// Clock and others.
    pub surroundings: Surroundings,
    /// Bounds of sets.
    pub limits: SetLimits,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// The hub has no more to do. All is there only if nothing is unsent and nothing needs attention.
    Done(Box<Report>),
    /// All that could be sent is there. The hub waits for something that the state names, and goes on when that is there, or when asked again.
    Waiting(Box<Report>),
    /// The hub could not restore it: the state says why. What was sent is kept there.
    Failed(Box<Report>),
    /// It was told to stop; the same call goes on.
    Stopped,
}

/// What a run did.
#[derive(Debug)]
pub struct Report {
    /// What the hub says.
    pub state: State,
    /// Files that were sent.
    pub sent_files: u64,
    /// Bytes that were sent, with those that were sent again.
    pub sent_bytes: u64,
    /// Files that were not sent because they are not here.
    pub unsent: u64,
    /// Files that were found in the other folder.
    pub found: u64,
}

const BEGINNING: &str = "beginning a restore";
const LEAST_REST: Duration = Duration::from_millis(250);
const MOST_REST: Duration = Duration::from_secs(5);

/// Restores a set.
///
/// # Errors
///
/// As the door refuses, with its word as fact `code`; as [`Outgoing::open`] about the set.
pub fn restore(door: &Door, options: &RestoreOptions, watch: &mut dyn Watch) -> Result<Ended> {
    or_stopped(restore_unless(door, options, watch), Ended::Stopped)
}

fn restore_unless(door: &Door, options: &RestoreOptions, watch: &mut dyn Watch) -> Stoppable<Ended> {
    let set = Outgoing::open(&options.folder, &options.scratch, &options.surroundings, options.limits.clone())?;
    let terms = door.terms()?;
    let begun = begin(door, options, &set, &|| watch.must_stop())?;
    let session = begun.session().to_owned();
    watch.begun(&session);
    let mut counts = Counts::default();
    let is_open = begun.name() == "open";
    if is_open {
        let rate = door.options().bytes_per_second;
        let pace = Pace::new(usize::try_from(terms.piece_bytes).unwrap_or(usize::MAX), rate);
        let file_limit = begun.facts().get("room").and_then(|room| room.get("file_bytes")).and_then(serde_json::Value::as_u64);
        let (find_in, session) = (options.find_in.clone(), session.clone());
        let mut run = Run { door, terms, set: &set, session, file_limit, find_in, pace, watch: &mut *watch, counts };
        send_all(&mut run)?;
        counts = run.counts;
    }
    // One that waits for something may wait for what other options leave out.
    if is_open || (begun.name() == "restoring" && !begun.code().is_empty()) {
        finish(door, &session, options, &|| watch.must_stop())?;
    }
    let state = follow(door, &session, watch)?;
    let Counts { sent_files, sent_bytes, unsent, found, .. } = counts;
    let report = Box::new(Report { state, sent_files, sent_bytes, unsent, found });
    Ok(match report.state.name() {
        "restoring" | "ending" => Ended::Waiting(report),
        "open" => Ended::Failed(report),
        _ => Ended::Done(report),
    })
}

/// Begins, or goes on with what the same key began.
fn begin(door: &Door, options: &RestoreOptions, set: &Outgoing, stop: Stop<'_>) -> Stoppable<State> {
    let asked = json!({
        "set": { "filesync_set": set.format(), "channel": { "hash": set.channel_hash() } },
        "lists": set.proofs().iter().map(|(name, digest)| (*name, digest.to_string())).collect::<std::collections::BTreeMap<_, _>>(),
        "as_copy": options.as_copy,
    });
    let answer = door.ask(&Method::POST, &["restore"], Some(&asked), stop)?;
    let state = State::of(answer.said.unwrap_or_default());
    let session = state.session();
    if session.is_empty() || session.len() > 64 || !session.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let fault = "an answer that is not the door's";
        return Err(Error::new(ErrorKind::PeerBusy, BEGINNING).context("fault", fault).into());
    }
    Ok(state)
}

fn send_all(run: &mut Run<'_>) -> Stoppable<()> {
    let plan = run.plan()?;
    run.need_room(&plan)?;
    let looks_again = run.find_in.is_some();
    if let Some(damaged) = Sending::new(run, looks_again).send(plan)?.filter(|damaged| !damaged.is_empty()) {
        let plan = run.plan_again(damaged)?;
        run.need_room(&plan)?;
        Sending::new(run, false).send(plan)?;
    }
    Ok(())
}

fn finish(door: &Door, session: &str, options: &RestoreOptions, stop: Stop<'_>) -> Stoppable<()> {
    let wanted = json!({ "options": {
        "as_copy": options.as_copy, "replace": options.replace, "deleted": options.deleted, "without": options.without,
    }});
    match door.ask(&Method::POST, &["restore", session, "finish"], Some(&wanted), stop) {
        // An answer was lost, and the hub has begun.
        Err(Halt::Failed(error)) if error.facts().any(|fact| fact == ("code", "restoring")) => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

/// Waits until the hub has restored what was sent, or waits itself.
fn follow(door: &Door, session: &str, watch: &mut dyn Watch) -> Stoppable<State> {
    let mut rest = LEAST_REST;
    loop {
        let state = door.state_unless(session, &|| watch.must_stop())?;
        let is_under_way = matches!(state.name(), "restoring" | "ending") && state.code().is_empty();
        if !is_under_way {
            return Ok(state);
        }
        watch.progress(&Progress::Restoring { percent: state.percent() });
        door.rest(rest, &|| watch.must_stop())?;
        rest = rest.mul_f64(1.5).min(MOST_REST);
    }
}

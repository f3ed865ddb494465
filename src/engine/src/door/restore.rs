//! A restore from its beginning to its end: what the hub lacks is sent, the hub restores it, and its word for the end counts.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Door, Stop, Terms};
use super::pace::Pace;
use super::plan::Plan;
use super::run::{Counts, Run};
use super::sending::Sending;
use super::state::State;
use super::watch::{Progress, Watch};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Method;
use crate::limits::SetLimits;
use crate::patience::{Halt, Stoppable, or_stopped};
use crate::set::{Outgoing, Part, Surroundings};

/// What shall be restored.
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
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
    /// What no signature of the channel proves is believed.
    pub is_trusted: bool,
    /// Which part of the set.
    pub part: Part,
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
    /// Files and folders of which the hub does not say what became of them.
    pub untold: u64,
}

/// What a restore would do.
#[derive(Debug)]
pub struct Outlook {
    /// What the hub says, as if it had been done.
    pub plan: State,
    /// Files that would be sent.
    pub lacking_files: u64,
    /// Their bytes.
    pub lacking_bytes: u64,
    /// Why they would not be taken: there is no room for them.
    pub short: Option<Error>,
    /// Files that would not be sent because they are not here.
    pub unsent: u64,
    /// Files that were found in the other folder.
    pub found: u64,
}

/// How looking ahead ended.
#[derive(Debug)]
pub enum Foreseen {
    /// This would be done.
    Plan(Box<Outlook>),
    /// The hub could not count it, or restores it already: the state says why.
    Failed(Box<State>),
    /// It was told to stop; the same call goes on.
    Stopped,
}

/// Why the door refuses to begin what has begun.
const BEGUN: [&str; 4] = ["planning", "restoring", "drilling", "over"];
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

/// Finds out what a restore would do. Nothing is restored; only lists and metadata are sent, which the restore needs, too.
///
/// # Errors
///
/// As [`restore`].
pub fn outlook(door: &Door, options: &RestoreOptions, watch: &mut dyn Watch) -> Result<Foreseen> {
    or_stopped(outlook_unless(door, options, watch), Foreseen::Stopped)
}

pub(super) fn open(options: &RestoreOptions) -> Result<Outgoing> {
    Outgoing::open(&options.folder, &options.scratch, &options.surroundings, options.limits.clone(), options.part.clone())
}

/// Prepares to send to a session that is open.
pub(super) fn run<'a>(
    door: &'a Door,
    terms: Terms,
    set: &'a Outgoing,
    begun: &State,
    find_in: Option<PathBuf>,
    watch: &'a mut dyn Watch,
) -> Run<'a> {
    let rate = door.options().bytes_per_second;
    let pace = Pace::new(usize::try_from(terms.piece_bytes).unwrap_or(usize::MAX), rate);
    let file_limit = begun.facts().get("room").and_then(|room| room.get("file_bytes")).and_then(Value::as_u64);
    let (session, counts) = (begun.session().to_owned(), Counts::default());
    Run { door, terms, set, session, file_limit, is_outlook: false, find_in, pace, watch, counts }
}

fn restore_unless(door: &Door, options: &RestoreOptions, watch: &mut dyn Watch) -> Stoppable<Ended> {
    let set = open(options)?;
    let terms = door.terms()?;
    let begun = enter(door, options, &set, watch)?;
    let session = begun.session().to_owned();
    let mut counts = Counts::default();
    let is_open = begun.name() == "open";
    if is_open {
        let mut run = run(door, terms, &set, &begun, options.find_in.clone(), &mut *watch);
        send_all(&mut run)?;
        counts = run.counts;
    }
    // One that waits for something may wait for what other options leave out.
    if is_open || (begun.name() == "restoring" && !begun.code().is_empty()) {
        leave(door, &session, "finish", options, &|| watch.must_stop())?;
    }
    let state = follow(door, &session, watch)?;
    let Counts { sent_files, sent_bytes, unsent, found, entries, .. } = counts;
    let untold = if state.name() == "done" { entries.saturating_sub(state.entries()) } else { 0 };
    let report = Box::new(Report { state, sent_files, sent_bytes, unsent, found, untold });
    Ok(match report.state.name() {
        "restoring" | "ending" => Ended::Waiting(report),
        "open" => Ended::Failed(report),
        _ => Ended::Done(report),
    })
}

fn outlook_unless(door: &Door, options: &RestoreOptions, watch: &mut dyn Watch) -> Stoppable<Foreseen> {
    let set = open(options)?;
    let terms = door.terms()?;
    let begun = enter(door, options, &set, watch)?;
    let session = begun.session().to_owned();
    if begun.name() != "open" {
        return Ok(Foreseen::Failed(Box::new(begun)));
    }
    let mut run = run(door, terms, &set, &begun, options.find_in.clone(), &mut *watch);
    run.is_outlook = true;
    let plan = run.plan()?;
    let lacking = plan.lacking;
    let short = match run.need_room(&plan) {
        Err(Halt::Failed(error)) if error.facts().any(|(key, _)| key == "short_bytes") => Some(error),
        outcome => outcome.map(|()| None)?,
    };
    Sending::new(&mut run, false).send(plan)?;
    let Counts { unsent, found, .. } = run.counts;
    leave(door, &session, "plan", options, &|| watch.must_stop())?;
    let state = follow(door, &session, watch)?;
    let Some(plan) = state.plan() else { return Ok(Foreseen::Failed(Box::new(state))) };
    let (lacking_files, lacking_bytes) = (lacking.files, lacking.new_bytes);
    Ok(Foreseen::Plan(Box::new(Outlook { plan, lacking_files, lacking_bytes, short, unsent, found })))
}

/// Begins, or goes on with what the same key began; while that is counted, nothing is taken.
fn enter(door: &Door, options: &RestoreOptions, set: &Outgoing, watch: &mut dyn Watch) -> Stoppable<State> {
    loop {
        let begun = begin(door, options, set, false, &|| watch.must_stop())?;
        watch.begun(begun.session());
        if begun.name() != "planning" {
            return Ok(begun);
        }
        follow(door, begun.session(), watch)?;
    }
}

/// Begins a restore, or a drill.
pub(super) fn begin(door: &Door, options: &RestoreOptions, set: &Outgoing, is_drill: bool, stop: Stop<'_>) -> Stoppable<State> {
    let mut asked = json!({
        "set": { "filesync_set": set.format(), "channel": { "hash": set.channel_hash() } },
        "lists": set.proofs().iter().map(|(name, digest)| (*name, digest.to_string())).collect::<std::collections::BTreeMap<_, _>>(),
        "as_copy": options.as_copy,
    });
    if let Some(asked) = asked.as_object_mut().filter(|_| is_drill) {
        asked.insert("drill".to_owned(), true.into());
    }
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
    send(run, plan)
}

/// Sends what a plan says, if there is room for it; what is damaged is looked for elsewhere.
pub(super) fn send(run: &mut Run<'_>, plan: Plan) -> Stoppable<()> {
    run.need_room(&plan)?;
    let looks_again = run.find_in.is_some();
    if let Some(damaged) = Sending::new(run, looks_again).send(plan)?.filter(|damaged| !damaged.is_empty()) {
        let plan = run.plan_again(damaged)?;
        run.need_room(&plan)?;
        Sending::new(run, false).send(plan)?;
    }
    Ok(())
}

/// Leaves it to the hub to restore what was sent, or to count what that would do.
fn leave(door: &Door, session: &str, place: &str, options: &RestoreOptions, stop: Stop<'_>) -> Stoppable<()> {
    let mut wanted = json!({
        "as_copy": options.as_copy, "replace": options.replace, "deleted": options.deleted, "without": options.without,
    });
    // A hub that is older knows the others.
    for (name, value) in [
        ("trust", options.is_trusted.then(|| true.into())),
        ("names", Some(options.part.names.clone()).filter(|names| !names.is_empty()).map(Value::from)),
        ("at", options.part.at.clone().map(Value::from)),
    ] {
        if let (Some(value), Some(wanted)) = (value, wanted.as_object_mut()) {
            wanted.insert(name.to_owned(), value);
        }
    }
    leave_with(door, session, place, &json!({ "options": wanted }), stop)
}

/// Leaves something to the hub.
pub(super) fn leave_with(door: &Door, session: &str, place: &str, wanted: &Value, stop: Stop<'_>) -> Stoppable<()> {
    match door.ask(&Method::POST, &["restore", session, place], Some(wanted), stop) {
        // An answer was lost, and the hub has begun, or is done already.
        Err(Halt::Failed(error)) if BEGUN.iter().any(|code| is_refused(&error, code)) => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

/// Tells whether the door refuses for a reason.
pub(super) fn is_refused(error: &Error, code: &str) -> bool {
    error.facts().any(|(name, value)| name == "code" && value == code)
}

/// Waits until the hub has done what was left to it, or waits itself.
fn follow(door: &Door, session: &str, watch: &mut dyn Watch) -> Stoppable<State> {
    let mut rest = LEAST_REST;
    loop {
        let state = door.state_unless(session, &|| watch.must_stop())?;
        let is_under_way = matches!(state.name(), "planning" | "restoring" | "ending") && state.code().is_empty();
        if !is_under_way {
            return Ok(state);
        }
        watch.progress(&match state.name() {
            "planning" => Progress::Planning,
            _ => Progress::Restoring { percent: state.percent() },
        });
        door.rest(rest, &|| watch.must_stop())?;
        rest = rest.mul_f64(1.5).min(MOST_REST);
    }
}

//! `status` and `cancel`: a restore that was begun from this computer. Of a folder, `status` says how the set in it is.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use filesync_engine::Secret;
use filesync_engine::door::{Door, State};
use serde_json::{Value, json};

use crate::address::Address;
use crate::history;
use crate::hub::{self, Line};
use crate::machine;
use crate::output::{Output, with};
use crate::problem::{Exit, Problem};
use crate::refusal;
use crate::restore::{exit_of, told};
use crate::standing;
use crate::underway::{Restores, Underway};
use crate::words;

#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    /// A set's folder; or a channel's address, such as `https://hub.example/channel/alice`, not needed if only one restore is under way
    #[arg(value_name = "DIR|URL")]
    pub(crate) what: Option<String>,
    #[command(flatten)]
    pub(crate) line: Line,
}

#[derive(Args, Debug)]
pub(crate) struct UnderwayArguments {
    /// The channel's address, such as `https://hub.example/channel/alice`; not needed if only one restore is under way
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) line: Line,
}

/// The hub stops after the file under way; this long is waited for it.
const STOPPING: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(500);

/// A restore, and the way to its hub.
struct Found {
    address: Address,
    underway: Underway,
    door: Door,
}

impl Found {
    fn about(&self) -> Value {
        json!({ "channel": self.underway.channel, "folder": self.underway.folder.display().to_string() })
    }

    fn state(&self, restores: &mut Restores) -> Result<State, Problem> {
        self.door.state(&self.underway.session).map_err(|error| self.problem(&error, restores))
    }

    fn problem(&self, error: &filesync_engine::Error, restores: &mut Restores) -> Problem {
        let forgotten = if refusal::is_over(error) { self.forget(restores) } else { Ok(()) };
        forgotten.err().unwrap_or_else(|| refusal::of_hub(error, &self.address))
    }

    fn forget(&self, restores: &mut Restores) -> Result<(), Problem> {
        restores.forget(&self.underway.channel, &self.underway.key)
    }
}

fn find(url: Option<&str>, line: &Line, restores: &Restores) -> Result<Found, Problem> {
    let none = |words: String| Err(Problem::usage("no_restore", words).remedy("`filesync restore DIR --to URL` begins one."));
    let underway = match (url, restores.all()) {
        (Some(url), _) => {
            let channel = Address::parse(url)?.text();
            match restores.of(&channel) {
                Some(underway) => underway.clone(),
                None => return none(format!("No restore to {channel} is under way from this computer.")),
            }
        }
        (None, [underway]) => underway.clone(),
        (None, []) => return none("No restore is under way from this computer.".to_owned()),
        (None, several) => {
            let channels: Vec<&str> = several.iter().map(|one| one.channel.as_str()).collect();
            let problem = Problem::usage("no_restore", "Several restores are under way.");
            return Err(problem.remedy(format!("Name one of: {}.", channels.join(", "))));
        }
    };
    let address = Address::parse(&underway.channel)?;
    let options = hub::options(&address, line, None)?;
    let door =
        Door::new(options, Secret::new(underway.key.clone())).map_err(|error| Problem::usage("failed", error.to_string()))?;
    Ok(Found { address, underway, door })
}

/// Runs `status`.
pub(crate) fn status(arguments: &StatusArguments, output: &Output) -> Result<Exit, Problem> {
    let what = arguments.what.as_deref();
    if let Some(folder) = what.map(Path::new).filter(|folder| folder.exists()) {
        return standing::tell(&machine::existing(folder)?, output);
    }
    let mut restores = Restores::read()?;
    let found = find(what, &arguments.line, &restores).map_err(|problem| match (problem.kind, what) {
        ("not_an_address", Some(what)) => {
            Problem { words: format!("{what} is neither a folder nor the address of a channel."), ..problem }
        }
        _ => problem,
    })?;
    let state = found.state(&mut restores)?;
    output.say(&with(&found.about(), state.facts()), &line(&found, &state));
    let is_under_way = matches!(state.name(), "open" | "planning" | "restoring" | "choosing" | "drilling" | "ending");
    if is_under_way || state.certificate().is_some() {
        return Ok(Exit::GoesOn);
    }
    found.forget(&mut restores)?;
    let exit = exit_of(&state, 0);
    if state.name() == "done" {
        history::restored(&found.underway.folder, &found.underway.channel, exit == Exit::Complete);
    }
    Ok(exit)
}

fn line(found: &Found, state: &State) -> String {
    let (channel, folder) = (&found.underway.channel, found.underway.folder.display());
    let number =
        |of: &str, what: &str| state.facts().get(of).and_then(|part| part.get(what)).and_then(Value::as_u64).unwrap_or_default();
    let why = if state.message().is_empty() { String::new() } else { format!(": {}", state.message()) };
    let text = match state.name() {
        "open" => format!(
            "{} have arrived, {}{why}\n`filesync restore {folder} --to {channel}` goes on",
            words::files(number("received", "files")),
            words::size(number("received", "bytes"))
        ),
        "planning" => "the hub counts what a restore would do".to_owned(),
        "restoring" => format!("all is sent; the hub restores it, {} %{why}", state.percent()),
        "choosing" => "the hub chooses what it tries to restore".to_owned(),
        "drilling" => format!("the hub tries to restore it, {} %", state.percent()),
        "ending" => "it was ended; the file under way is finished first".to_owned(),
        "done" if state.certificate().is_some() => {
            format!("the drill is over; `filesync restore {folder} --to {channel} --drill` prints what was proven")
        }
        _ => told(&found.address, state, 0),
    };
    format!("from {folder} to {channel}: {text}")
}

/// Runs `cancel`.
pub(crate) fn cancel(arguments: &UnderwayArguments, output: &Output) -> Result<Exit, Problem> {
    let mut restores = Restores::read()?;
    let found = find(arguments.url.as_deref(), &arguments.line, &restores)?;
    found.door.end(&found.underway.session).map_err(|error| found.problem(&error, &mut restores))?;
    let mut waited = Duration::ZERO;
    let state = loop {
        let state = found.state(&mut restores)?;
        if state.name() != "ending" || waited >= STOPPING {
            break state;
        }
        std::thread::sleep(TICK);
        waited += TICK;
    };
    let facts = with(&found.about(), state.facts());
    if state.name() == "ending" {
        output.say(&facts, "it stops after the file under way; what was restored stays");
        return Ok(Exit::GoesOn);
    }
    found.forget(&mut restores)?;
    let text = match state.name() {
        "done" => "it was over before; what was restored stays".to_owned(),
        _ => format!("ended; what was sent is removed from {}, what was restored stays", found.address.host),
    };
    output.say(&facts, &text);
    Ok(Exit::Complete)
}

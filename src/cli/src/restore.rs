//! `restore`: sends a set to a hub, which restores it.

use std::fmt::Write as _;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use filesync_engine::door::{self, Door, DrillOptions, Ended, Progress, Report, RestoreOptions, State, Unsent, Watch, Why};
use filesync_engine::set::Part;
use filesync_engine::{Secret, SetLimits};
use serde_json::{Value, json};

use crate::address::{Address, URL_HELP};
use crate::args::time;
use crate::backup::rate;
use crate::create::{self, Brought, CreateArguments};
use crate::drill::{self, DrillArguments, Told};
use crate::foreseen;
use crate::history;
use crate::hub::{self, Line};
use crate::machine;
use crate::output::{Output, with};
use crate::problem::{Exit, Problem};
use crate::refusal;
use crate::secret::Source;
use crate::signing;
use crate::underway::{Restores, Underway};
use crate::words;

#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct RestoreArguments {
    /// The set's folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    #[arg(long, value_name = "URL", help = URL_HELP)]
    pub(crate) to: String,
    /// Say what would be done, and restore nothing; lists and metadata are sent for that
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Restore only this folder or file of the channel, by its true names
    #[arg(long, value_name = "PATH")]
    pub(crate) only: Option<String>,
    /// As it was then: 2026-11-28, which means its end, or 2026-11-28T03:15:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) at: Option<String>,
    /// Look beneath this folder for files that are not in the set, by size and content; names and places do not matter
    #[arg(long, value_name = "DIR")]
    pub(crate) find_in: Option<PathBuf>,
    /// Give files that differ on the hub the set's bytes
    #[arg(long)]
    pub(crate) replace: bool,
    /// Bring back what was deleted on the channel after the backup
    #[arg(long)]
    pub(crate) deleted: bool,
    /// Restore another channel's set: its files become new ones, which you alone can see
    #[arg(long)]
    pub(crate) as_copy: bool,
    /// Believe what no signature of the channel proves: access, categories and posts come as the set has them
    #[arg(long)]
    pub(crate) trust: bool,
    /// Do not ask this clone of the channel what was deleted there, because it is gone
    #[arg(long, value_name = "HUB")]
    pub(crate) without: Vec<String>,
    /// Send about this many bytes a second, such as 5M
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) limit: Option<NonZeroU64>,
    #[command(flatten)]
    pub(crate) key: KeySource,
    #[command(flatten)]
    pub(crate) drill: DrillArguments,
    #[command(flatten)]
    pub(crate) create: CreateArguments,
    #[command(flatten)]
    pub(crate) line: Line,
}

/// Where the restore key comes from. It is never an argument.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct KeySource {
    /// Use the restore key that this command prints
    #[arg(long, value_name = "COMMAND")]
    pub(crate) key_command: Option<String>,
    /// Use the restore key that is the first line of this file
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &RestoreArguments, output: &mut Output) -> Result<Exit, Problem> {
    let Some(ready) = Ready::open(arguments, output)? else { return Ok(Exit::GoesOn) };
    match () {
        () if arguments.dry_run => ready.foresee(output),
        () if arguments.drill.drill => ready.drill(output),
        () => ready.restore(output),
    }
}

/// A set, and the door through which it is sent.
struct Ready<'a> {
    arguments: &'a RestoreArguments,
    address: Address,
    folder: PathBuf,
    find_in: Option<PathBuf>,
    door: Door,
    key: String,
    restores: Restores,
    stopped: Arc<AtomicBool>,
    /// What is wrong with the signature of the set.
    alarm: Option<Problem>,
    /// Whether the hub did not take some rows of the channel that it made of the set.
    is_partial: bool,
}

impl<'a> Ready<'a> {
    /// Finds the key, for which the channel is brought to the hub if that is asked for. None: it was stopped, and says so.
    fn open(arguments: &'a RestoreArguments, output: &mut Output) -> Result<Option<Self>, Problem> {
        let address = Address::parse(&arguments.to)?;
        let folder = machine::existing(&arguments.folder)?;
        let find_in = arguments.find_in.as_deref().map(machine::existing).transpose()?;
        let options = hub::options(&address, &arguments.line, arguments.limit)?;
        // A hub takes no owner's signature for the channel's: what somebody else wrote comes for the owner alone, as the rest does.
        let alarm = signing::look(&folder, output)?;
        if let Some(alarm) = &alarm {
            output.say(&json!({ "code": alarm.kind, "words": alarm.sentence() }), &alarm.sentence());
        }
        let restores = Restores::read()?;
        let stopped = machine::stopped();
        let brought = if arguments.create.create {
            refuse_altered(alarm.as_ref().map(|alarm| alarm.kind).filter(|_| !arguments.trust))?;
            let way = create::Way { line: &arguments.line, limit: arguments.limit, address: &address, source: &folder };
            let Some(brought) = create::bring(&arguments.create, &way, &restores, &stopped, output)? else {
                let about = json!({ "channel": address.text(), "folder": folder.display().to_string(), "state": "stopped" });
                output.say(&about, words::STOPPED);
                return Ok(None);
            };
            brought
        } else {
            Brought { key: key(arguments, &address, &restores)?, address, is_partial: false }
        };
        let Brought { address, key, is_partial } = brought;
        let door = Door::new(options, Secret::new(key.clone())).map_err(|_| {
            Problem::usage("no_key", "What was given is not a restore key.").remedy("One begins with fsr_, and has no blanks.")
        })?;
        Ok(Some(Self { arguments, address, folder, find_in, door, key, restores, stopped, alarm, is_partial }))
    }

    /// Says what a restore would do.
    fn foresee(mut self, output: &mut Output) -> Result<Exit, Problem> {
        let options = self.options();
        let outcome = self.shown(output, |door, shown| door::outlook(door, &options, shown));
        foreseen::tell(outcome, &self.address, &self.folder, &self.about(), output)
    }

    /// Only tries it.
    fn drill(mut self, output: &mut Output) -> Result<Exit, Problem> {
        let DrillArguments { sample, seed, .. } = &self.arguments.drill;
        let options = DrillOptions { restore: self.options(), percent: *sample, seed: seed.clone() };
        let outcome = self.shown(output, |door, shown| door::drill(door, &options, shown));
        let about = self.about();
        let told = Told { address: &self.address, folder: &self.folder, about: &about };
        let exit = drill::tell(outcome, &told, || self.restores.forget(&self.address.text(), &self.key), output)?;
        Ok(signing::exit_of(self.alarm.as_ref(), exit))
    }

    /// Restores it.
    fn restore(mut self, output: &mut Output) -> Result<Exit, Problem> {
        let (begun, options) = (Instant::now(), self.options());
        let outcome = self.shown(output, |door, shown| door::restore(door, &options, shown));
        let seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let about = with(&self.about(), &json!({ "seconds": seconds }));
        let Self { address, folder, .. } = &self;
        match outcome {
            Err(error) => {
                let problem = refusal::of(&error, address, folder);
                if refusal::is_over(&error) {
                    self.forget()?;
                }
                Err(problem)
            }
            Ok(Ended::Stopped) => {
                output.say(&with(&about, &json!({ "state": "stopped" })), words::STOPPED);
                Ok(Exit::GoesOn)
            }
            Ok(Ended::Waiting(report)) => {
                let text = format!(
                    "all is sent; {} waits: {}\nThe same command goes on, and `filesync status {}` says how far it is",
                    address.host,
                    report.state.message(),
                    address.text()
                );
                output.say(&with(&about, &facts(&report)), &text);
                Ok(Exit::GoesOn)
            }
            Ok(Ended::Failed(report)) => Err(refusal::failed(&report.state, address)),
            Ok(Ended::Done(report)) => {
                self.forget()?;
                let exit = self.tell(&report, &about, output);
                history::restored(&self.folder, &self.address.text(), exit == Exit::Complete);
                Ok(exit)
            }
        }
    }

    /// Says what a restore did.
    fn tell(&self, report: &Report, about: &Value, output: &Output) -> Exit {
        let exit = signing::exit_of(self.alarm.as_ref(), exit_of(&report.state, report.unsent + report.untold));
        let exit = if self.is_partial && exit == Exit::Complete { Exit::NeedsAttention } else { exit };
        if exit != Exit::Complete || output.speaks() {
            let mut text = told(&self.address, &report.state, report.unsent);
            if report.untold > 0 {
                let count = words::count(report.untold, "file or folder", "files and folders");
                let host = &self.address.host;
                let _ = write!(text, "\n{host} does not say what became of {count}; restore once more, with another key");
            }
            output.say(&with(about, &facts(report)), &text);
        }
        exit
    }

    /// Does something at the door, and shows how far it is.
    fn shown<T>(&mut self, output: &mut Output, act: impl FnOnce(&Door, &mut Shown<'_>) -> T) -> T {
        let underway =
            Underway { channel: self.address.text(), folder: self.folder.clone(), session: String::new(), key: self.key.clone() };
        let mut shown = Shown {
            output,
            stopped: &self.stopped,
            restores: &mut self.restores,
            underway,
            find_in: self.find_in.as_deref(),
            is_hindered: false,
        };
        let outcome = act(&self.door, &mut shown);
        output.clear();
        outcome
    }

    fn forget(&mut self) -> Result<(), Problem> {
        self.restores.forget(&self.address.text(), &self.key)
    }

    fn about(&self) -> Value {
        let folder = self.folder.display().to_string();
        json!({ "channel": self.address.text(), "folder": folder, "requests": self.door.requests() })
    }

    fn options(&self) -> RestoreOptions {
        let arguments = self.arguments;
        RestoreOptions {
            folder: self.folder.clone(),
            find_in: self.find_in.clone(),
            as_copy: arguments.as_copy,
            replace: arguments.replace,
            deleted: arguments.deleted,
            // Its rows come by the hub's own import, which believes them, too.
            is_trusted: arguments.trust || arguments.create.create,
            part: Part { names: names(arguments.only.as_deref()), at: arguments.at.clone() },
            without: arguments.without.clone(),
            scratch: machine::scratch(),
            surroundings: machine::surroundings(),
            limits: SetLimits::default(),
        }
    }
}

/// Of a channel that a set makes, nothing else proves who wrote it.
fn refuse_altered(kind: Option<&'static str>) -> Result<(), Problem> {
    kind.map_or(Ok(()), |kind| {
        Err(Problem::new(kind, "No channel is made of a set that somebody else may have changed.")
            .remedy("If that is right: `filesync verify --accept-key DIR`, or --trust."))
    })
}

/// Returns the true names in a path of the channel.
fn names(path: Option<&str>) -> Vec<String> {
    path.into_iter().flat_map(|path| path.split('/')).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Finds the restore key: one that was named, else that of a restore under way, else one typed now.
fn key(arguments: &RestoreArguments, address: &Address, restores: &Restores) -> Result<String, Problem> {
    use std::io::IsTerminal as _;
    let source = Source {
        kind: "no_key",
        name: "key",
        command: arguments.key.key_command.as_deref(),
        file: arguments.key.key_file.as_deref(),
    };
    if !source.is_named() {
        if let Some(underway) = restores.of(&address.text()) {
            return Ok(underway.key.clone());
        }
        if !std::io::stdin().is_terminal() {
            let remedy = format!("Make one on {}/filesync/backup, and name --key-command or --key-file.", address.hub);
            return Err(Problem::usage("no_key", format!("There is no restore key for {}.", address.text())).remedy(remedy));
        }
    }
    let prompt = format!("Restore key for {} (made on {}/filesync/backup): ", address.text(), address.hub);
    Ok(source.take(&prompt)?.trim().to_owned())
}

/// Shows a run, and keeps its key until it is over.
struct Shown<'o> {
    output: &'o mut Output,
    stopped: &'o AtomicBool,
    restores: &'o mut Restores,
    underway: Underway,
    find_in: Option<&'o Path>,
    is_hindered: bool,
}

impl Watch for Shown<'_> {
    fn begun(&mut self, session: &str) {
        session.clone_into(&mut self.underway.session);
        if let Err(problem) = self.restores.set(self.underway.clone()) {
            self.output.remark(&format!("the restore key is not kept: {}", problem.words));
        }
    }

    fn progress(&mut self, progress: &Progress<'_>) {
        match *progress {
            Progress::Asking(digests) => self.output.phase(&format!("{} compared with the hub", words::files(digests))),
            Progress::Seeking(files) => self.output.phase(&format!("{} looked at in the other folder", words::files(files))),
            Progress::Sending { files, all_files, bytes, all_bytes, name } => {
                let head = format!("{} of {}   ", words::number(files), words::files(all_files));
                self.output.progress(&head, bytes, all_bytes, name.strip_prefix("data/files/").unwrap_or(name));
            }
            Progress::Planning => self.output.phase("the hub counts what would be done"),
            Progress::Choosing => self.output.phase("the hub chooses what it tries to restore"),
            Progress::Trying { percent } => self.output.phase(&format!("all is sent; the hub tries to restore it, {percent} %")),
            Progress::Reading { files, all_files, bytes, all_bytes, name } => {
                let head = format!("{} of {} read back   ", words::number(files), words::files(all_files));
                self.output.progress(&head, bytes, all_bytes, name);
            }
            Progress::Restoring { percent } => self.output.phase(&format!("all is sent; the hub restores it, {percent} %")),
        }
    }

    fn unsent(&mut self, unsent: &Unsent<'_>) {
        let path = unsent.path;
        let (code, words) = match unsent.why {
            Why::Missing => {
                let words = match self.find_in {
                    Some(folder) => format!("{path} is listed, and neither in the set nor beneath {}.", folder.display()),
                    None => format!("{path} is listed and not here. `--find-in DIR` looks for it elsewhere by content."),
                };
                ("file_missing", words)
            }
            Why::Damaged => ("file_damaged", format!("{path} is not what was saved, and is not sent.")),
            Why::TooLarge { size_bytes, limit_bytes } => {
                let (size, limit) = (words::size(size_bytes), words::size(limit_bytes));
                ("file_too_large", format!("{path} ({size}) is above the hub's limit for one file, {limit}, and is not sent."))
            }
        };
        self.output.say(&json!({ "code": code, "path": path }), &words);
    }

    fn hindered(&mut self, by: &'static str, _limit_bytes: Option<u64>) {
        if by == "patch_refused" {
            self.output.remark("the web server refuses PATCH; going on with POST");
        } else if !self.is_hindered {
            self.is_hindered = true;
            self.output.remark(
                "the web server refuses long requests; going on with short ones, which is slower (nginx: client_max_body_size)",
            );
        }
    }

    fn must_stop(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Returns the exit code of a restore that is over.
pub(crate) fn exit_of(state: &State, unsent: u64) -> Exit {
    if state.name() == "done" { exit_after(state, unsent) } else { Exit::NeedsAttention }
}

/// Returns the exit code of what was done, or would be.
pub(crate) fn exit_after(state: &State, unsent: u64) -> Exit {
    match () {
        () if unsent.saturating_add(state.needs_attention()) > 0 => Exit::NeedsAttention,
        () if state.arriving() > 0 => Exit::GoesOn,
        () => Exit::Complete,
    }
}

fn facts(report: &Report) -> Value {
    let own = json!({
        "sent_files": report.sent_files, "sent_bytes": report.sent_bytes, "unsent": report.unsent, "found": report.found,
        "untold": report.untold,
    });
    with(report.state.facts(), &own)
}

/// Says what else is to be known of what was done, or would be.
pub(crate) fn remarks(state: &State) -> Vec<String> {
    let count = |word: &str| state.number_of("files", word);
    let files = |word: &str, one: &str, many: &str| (count(word), format!("file {one}"), format!("files {many}"));
    let posts = |name: &str, one: &str, many: &str| (state.number(name), one.to_owned(), many.to_owned());
    let left = state.posts_left().into_iter().take(MOST_REASONS).map(|(why, number)| {
        let why = why.replace('_', " ");
        (number, format!("post is left out: {why}"), format!("posts are left out: {why}"))
    });
    let said = [
        files("here", "was there before", "were there before"),
        files(
            "differs_here",
            "was changed there since and stays; `--replace` takes the set's",
            "were changed there since and stay; `--replace` takes the set's",
        ),
        files(
            "deleted_since",
            "was deleted on the channel after the backup and stays deleted; `--deleted` brings it back",
            "were deleted on the channel after the backup and stay deleted; `--deleted` brings them back",
        ),
        files("newer_elsewhere", "is newer on another hub and comes from there", "are newer on another hub and come from there"),
        files("arriving", "is on its way from another hub", "are on their way from another hub"),
        posts("unproven", UNPROVEN, UNPROVEN),
        posts("posts_of_strangers", "comment by somebody whom the hub does not know comes without name and picture", STRANGERS),
        posts("posts_unsigned", "of your posts carries no valid signature, and comes unsigned", UNSIGNED),
        posts("posts_unproven", "post is left out, because nothing proves it", "posts are left out, because nothing proves them"),
    ];
    let all = said.into_iter().chain(left);
    all.filter(|(number, ..)| *number > 0).map(|(number, one, many)| words::count(number, &one, &many)).collect()
}

/// A hub has ten.
const MOST_REASONS: usize = 20;
const UNPROVEN: &str =
    "for you alone, without access and posts, because no signature of the channel proves them; `--trust` takes the rest";
const STRANGERS: &str = "comments by people whom the hub does not know come without name and picture";
const UNSIGNED: &str = "of your posts carry no valid signature, and come unsigned";

/// Returns how much is restored, or would be.
pub(crate) fn amount(state: &State) -> String {
    let restored = |what: &str| ["restore", "mend", "replace", "revive"].map(|word| state.number_of(what, word));
    let sum = |what: &str| restored(what).into_iter().fold(0, u64::saturating_add);
    format!(
        "{} ({}), {}, {}",
        words::files(sum("files")),
        words::size(sum("bytes")),
        words::count(state.number("crops"), "crop", "crops"),
        words::count(state.number("posts"), "post", "posts"),
    )
}

/// Names what somebody should look at.
pub(crate) fn attention(state: &State) -> Vec<String> {
    let amiss = state.amiss();
    let named = state.attention().into_iter().map(|one| format!("    {}", one.message));
    if amiss == 0 {
        Vec::new()
    } else {
        std::iter::once(words::count(amiss, "needs attention:", "need attention:")).chain(named).collect()
    }
}

/// Says what a restore did that is over.
pub(crate) fn told(address: &Address, state: &State, unsent: u64) -> String {
    let host = &address.host;
    if state.name() != "done" {
        return format!("the restore was ended: {} What was restored stays", state.message());
    }
    let mut lines = vec![format!("{} restored and checked by {host}", amount(state))];
    lines.extend(remarks(state));
    if unsent > 0 {
        lines.push(format!("{} of the set could not be sent", words::files(unsent)));
    }
    lines.extend(attention(state));
    lines.join("\n")
}

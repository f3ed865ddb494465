//! `backup`: makes a set of a channel, or brings it up to date.

use std::fmt::Write as _;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use filesync_engine::owner::{
    self, About, Channel, Connection, Door, Ended, Outlook, Progress, Report, RunOptions, Seal, Target, Watch, Whole,
};
use filesync_engine::set::{Choice, OwnerKey};
use filesync_engine::{Error, ErrorKind, TransferLimits, transfer};
use serde_json::{Value, json};

use crate::address::{Address, URL_HELP};
use crate::args::{Age, age};
use crate::backup_key;
use crate::damage;
use crate::hub::{self, Line, PasswordSource};
use crate::identity::{Passphrase, PassphraseSource};
use crate::keys::{Keys, Kind};
use crate::machine;
use crate::output::{Output, with};
use crate::problem::{Exit, Problem};
use crate::prune;
use crate::signing::{self, OwnKey};
use crate::words;

#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct BackupArguments {
    #[arg(value_name = "URL", help = URL_HELP)]
    pub(crate) url: String,
    /// The set's folder; it is made if the folder above exists
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Say what would be fetched, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave out what is at this path of the channel; * is any part of a name
    #[arg(long, value_name = "PATH")]
    pub(crate) exclude: Vec<String>,
    /// Bring only this folder or file up to date; the rest of the set stays as it is
    #[arg(long, value_name = "PATH")]
    pub(crate) only: Vec<String>,
    /// Do not look for posts about the files; a hub with filesync gives them in any case
    #[arg(long)]
    pub(crate) skip_posts: bool,
    /// Look at all files again: of a hub without filesync at their descriptions, categories and posts too, as else once a week
    #[arg(long)]
    pub(crate) full: bool,
    /// Fetch at most this many bytes a second, such as 5M
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) limit: Option<NonZeroU64>,
    /// Save everything that the channel has, its private key too: posts, messages, connections, calendars …; asks for the password
    #[arg(long)]
    pub(crate) everything: bool,
    /// Go on although much was removed on the hub
    #[arg(long)]
    pub(crate) accept_removals: bool,
    /// Afterwards remove what runs replaced or removed before: 180d, or 2026-08-30; otherwise it stays until `prune`
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) keep: Option<Age>,
    #[command(flatten)]
    pub(crate) line: Line,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseSource,
}

/// Reads a rate.
pub(crate) fn rate(text: &str) -> Result<NonZeroU64, String> {
    let text = text.trim();
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let bytes: Option<u64> = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    let bytes = bytes.filter(|bytes| *bytes >= LEAST_RATE).and_then(NonZeroU64::new);
    bytes.ok_or_else(|| "bytes a second, such as 500K or 5M, and 64K at least".to_owned())
}

const LEAST_RATE: u64 = 64 << 10;

/// How the channel is read.
enum Way<'c> {
    /// By the API of any hub.
    Api { connection: &'c Connection, channel: Channel, seal: Option<&'c dyn Seal> },
    /// At the reading door of a hub with filesync; everything else too, or not.
    Door { door: Door<'c>, about: About, whole: Option<Box<Whole<'c>>> },
}

impl Way<'_> {
    fn outlook(&self, options: &RunOptions, watch: &mut dyn Watch) -> Result<Outlook, Error> {
        match self {
            Self::Api { connection, .. } => owner::outlook(connection, options, watch),
            Self::Door { door, .. } => owner::outlook_at_door(door, options, watch),
        }
    }

    fn run(&self, options: RunOptions, watch: &mut dyn Watch) -> Result<Ended, Error> {
        match self {
            Self::Api { connection, channel, seal } => owner::run(connection, channel, options, *seal, watch),
            Self::Door { door, about, whole } => owner::read_at_door(door, about, options, whole.as_deref(), watch),
        }
    }
}

/// Runs the verb.
pub(crate) fn run(arguments: &BackupArguments, output: &mut Output) -> Result<Exit, Problem> {
    let typed = Address::parse(&arguments.url)?;
    let stored = Keys::read()?.of(&typed.text()).cloned();
    // Where the hub sent to at log-in.
    let moved = stored.as_ref().and_then(|key| key.moved_to.as_deref().map(Address::parse)).transpose()?;
    let address = moved.unwrap_or(typed);
    let folder = writable(&arguments.to, arguments.dry_run)?;
    let connection = hub::connection(&address, &arguments.line, arguments.limit)?;
    let version = hub::greet(&connection, &address)?;
    let is_by_door = arguments.everything || !arguments.password.source().is_named();
    let key = stored.filter(|key| key.kind == Kind::Backup && is_by_door);
    let passphrase =
        if arguments.everything && !arguments.dry_run { Some(Passphrase::obtain(&arguments.passphrase, &folder)?) } else { None };
    let stopped = machine::stopped();
    let way = if let Some(key) = key {
        let (door, about) = backup_key::open(&connection, &address, &key.secret)?;
        let whole = passphrase.as_ref().map(|passphrase| {
            let door = hub::pass(&connection, &address, &arguments.password)?;
            Ok(Box::new(Whole::new(door, passphrase)))
        });
        Way::Door { door, about, whole: whole.transpose()? }
    } else if let Some(passphrase) = &passphrase {
        if backup_key::are_offered(&connection, &address)? {
            let channel = address.text();
            return Err(Problem::usage("no_login", format!("There is no backup key for {channel}, which reads its files."))
                .remedy(format!("`filesync login {channel}` makes one.")));
        }
        let credentials = hub::password_alone(&address, &arguments.password)?;
        let channel = connection.log_in(credentials, &address.nick).map_err(|error| hub::of_password(&error, &address))?;
        Way::Api { connection: &connection, channel, seal: Some(passphrase) }
    } else {
        let credentials = hub::credentials(&address, &arguments.password)?;
        let channel = connection.log_in(credentials, &address.nick).map_err(|error| hub::of_hub(&error, &address))?;
        Way::Api { connection: &connection, channel, seal: None }
    };
    let outcome = back_up(arguments, &address, options(arguments, &folder, version), &way, &stopped, output);
    // Also after an error: the session would stay open for days.
    connection.log_out();
    outcome
}

fn back_up(
    arguments: &BackupArguments,
    address: &Address,
    options: RunOptions,
    way: &Way<'_>,
    stopped: &AtomicBool,
    output: &mut Output,
) -> Result<Exit, Problem> {
    let mut options = options;
    let folder = options.target.folder.clone();
    let about = json!({ "channel": address.text(), "folder": folder.display().to_string() });
    let wrong = |error: Error| of(&error, address, &folder);
    let mut shown = Shown { output, stopped };
    let begun = Instant::now();
    if arguments.dry_run {
        let outlook = way.outlook(&options, &mut shown).map_err(wrong)?;
        output.clear();
        output.say(&with(&about, &facts_of_outlook(&outlook)), &told_outlook(address, &outlook));
        return Ok(Exit::Complete);
    }
    signing::refuse_changed(&folder, shown.output)?;
    let key = Rc::new(OwnKey::read_or_make()?);
    options.target.key = Some(Rc::clone(&key) as Rc<dyn OwnerKey>);
    let damaged = options.target.damaged.clone();
    let ended = way.run(options, &mut shown).map_err(wrong)?;
    output.clear();
    match ended {
        Ended::Stopped => {
            output.say(&with(&about, &json!({ "state": "stopped" })), words::STOPPED);
            Ok(Exit::GoesOn)
        }
        Ended::Removals { removed, before } => {
            let words = format!(
                "{} of {} files and folders of the set are gone on {}.",
                words::number(removed),
                words::number(before),
                address.host
            );
            Err(Problem::new("many_removed", words)
                .remedy("If that is right, --accept-removals goes on; they move to data/older and stay until they are pruned."))
        }
        Ended::RowsGone { removed, before } => {
            let words = format!(
                "{} of {} posts, connections and other rows of the set are gone on {}.",
                words::number(removed),
                words::number(before),
                address.host
            );
            Err(Problem::new("many_removed", words)
                .remedy("If that is right, --accept-removals goes on; they stay in data/older until they are pruned."))
        }
        Ended::Done(report) => {
            damage::mended(&folder, &damaged);
            signing::signed(&folder, &key)?;
            let seconds = begun.elapsed().as_secs_f64();
            if report.missing > 0 || output.speaks() {
                output.say(&with(&about, &facts_of(&report, seconds)), &told(&address.nick, &report));
            }
            if let Some(age) = arguments.keep {
                prune::remove(&folder, age, false, output)?;
            }
            Ok(if report.missing > 0 { Exit::NeedsAttention } else { Exit::Complete })
        }
    }
}

fn options(arguments: &BackupArguments, folder: &Path, version: String) -> RunOptions {
    RunOptions {
        target: Target {
            folder: folder.to_owned(),
            choice: Choice::new(&arguments.exclude, &arguments.only),
            accepts_removals: arguments.accept_removals,
            damaged: damage::of(folder),
            key: None,
            made_with: machine::MADE_WITH.to_owned(),
            options: machine::options(),
        },
        has_posts: !arguments.skip_posts,
        is_full: arguments.full,
        hub_version: version,
        scratch: machine::scratch(),
        limits: TransferLimits::default(),
        surroundings: Rc::new(|| transfer::Surroundings {
            boot_id: machine::boot_id(),
            unix_time: Box::new(machine::unix_time),
            random: Box::new(machine::random),
        }),
    }
}

/// Returns the full path of the folder in which a set may be written.
fn writable(folder: &Path, is_dry: bool) -> Result<PathBuf, Problem> {
    if !folder.exists() && !is_dry {
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| {
            Problem::usage("no_folder", format!("The folder {} is missing and cannot be made: {error}.", folder.display()))
        })?;
    }
    if is_dry && !folder.exists() {
        return std::path::absolute(folder).map_err(|error| Problem::usage("no_folder", error.to_string()));
    }
    machine::existing(folder)
}

fn of(error: &Error, address: &Address, folder: &Path) -> Problem {
    let shown = folder.display();
    match error.fact("code") {
        Some("set_signed") => Problem::usage("set_signed", format!("The set in {shown} was made and signed by a hub."))
            .remedy("Choose another folder: this command could not sign it again."),
        Some("set_busy" | "set_other_channel" | "set_newer" | "disk_short") => Problem::of_set(error, folder),
        Some(_) => hub::of_hub(error, address),
        None if matches!(error.kind(), ErrorKind::Network | ErrorKind::PeerBusy | ErrorKind::Refused) => {
            hub::of_hub(error, address)
        }
        None => Problem::of_set(error, folder),
    }
}

/// Shows a run.
struct Shown<'o> {
    output: &'o mut Output,
    stopped: &'o AtomicBool,
}

impl Watch for Shown<'_> {
    fn progress(&mut self, progress: &Progress<'_>) {
        match *progress {
            Progress::Listing(rows) => self.output.phase(&format!("{} files and folders listed", words::number(rows))),
            Progress::Posts(posts) => self.output.phase(&format!("{} posts looked at", words::number(posts))),
            Progress::Rows { kind, rows, all } => {
                self.output.phase(&format!("{kind}: {} of {}", words::number(rows), words::number(all)));
            }
            Progress::Files { files, all_files, bytes, all_bytes, name } => {
                let head = format!("{} of {}   ", words::number(files), words::files(all_files));
                self.output.progress(&head, bytes, all_bytes, name);
            }
        }
    }

    fn hindered(&mut self, _by: &'static str) {
        self.output.remark("/dav is closed on the hub; reading through its API, which is slower");
    }

    fn must_stop(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

fn facts_of_outlook(outlook: &Outlook) -> Value {
    json!({
        "files": outlook.files, "bytes": outlook.bytes, "new_files": outlook.new_files, "new_bytes": outlook.new_bytes,
    })
}

fn told_outlook(address: &Address, outlook: &Outlook) -> String {
    format!(
        "{}: {}, {}; {}, {} would be fetched",
        address.nick,
        words::files(outlook.files),
        words::size(outlook.bytes),
        words::files(outlook.new_files),
        words::size(outlook.new_bytes)
    )
}

fn facts_of(report: &Report, seconds: f64) -> Value {
    let (found, counts) = (&report.found, &report.found.counts);
    json!({
        "run": found.run,
        "listed": found.listed, "unchanged": found.unchanged, "new": found.new, "replaced": found.replaced, "changed": found.changed,
        "moved": found.moved, "removed": found.removed, "failed": found.failed, "copied_bytes": found.copied_bytes,
        "folders": counts.folders, "files": counts.files, "photos": counts.photos, "crops": counts.crops, "posts": counts.posts,
        "bytes": counts.bytes, "older_files": counts.older_files, "older_bytes": counts.older_bytes,
        "missing": report.missing, "lacking": report.lacking, "received_bytes": report.received_bytes, "full": report.is_full,
        "continued": report.is_continued, "seconds": (seconds * 1000.0).round() / 1000.0,
        "lacks": report.lacks,
    })
}

fn told(nick: &str, report: &Report) -> String {
    let (found, counts) = (&report.found, &report.found.counts);
    let mut text = format!(
        "{nick}: {} in {}, {} with {}, {}; {}, {} of them fetched now",
        words::files(counts.files),
        words::count(counts.folders, "folder", "folders"),
        words::count(counts.photos, "photo", "photos"),
        words::count(counts.crops, "crop", "crops"),
        words::count(counts.posts, "post", "posts"),
        words::size(counts.bytes),
        words::size(found.copied_bytes),
    );
    let changes: Vec<String> = [
        (found.new, "new"),
        (found.replaced, "replaced"),
        (found.changed, "changed"),
        (found.moved, "moved"),
        (found.removed, "removed"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", words::number(count)))
    .collect();
    text.push('\n');
    text += &if changes.is_empty() { "nothing has changed since the last run".to_owned() } else { changes.join(", ") };
    for lack in &report.lacks {
        let _ = write!(text, "\nnot in it: {}", words::one_line(&lack.words));
    }
    let more = report.missing.saturating_sub(report.lacks.len() as u64);
    if more > 0 {
        let _ = write!(text, "\nand {} more, which set.json lists", words::number(more));
    }
    if report.lacking > report.missing {
        let _ = write!(text, "\nset.json says what else is not in it ({})", words::number(report.lacking - report.missing));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_with_their_units() {
        let bytes = |text: &str| rate(text).map(NonZeroU64::get).ok();
        assert_eq!([bytes("5M"), bytes("64k"), bytes("100000")], [Some(5 << 20), Some(64 << 10), Some(100_000)]);
        assert_eq!([bytes("63K"), bytes("0"), bytes("M"), bytes("5 MB"), bytes("99999999999G")], [None; 5]);
    }
}

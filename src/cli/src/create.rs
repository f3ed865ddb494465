//! `restore --create`: brings the channel itself to a hub, from a set of everything, before its files.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use filesync_engine::door::{self, CreateOptions, CreateReport, CreateWatch, Created, Door, WholeChannel};
use filesync_engine::set::Beside;
use filesync_engine::{Error, ErrorKind, Secret, SetLimits};
use serde_json::json;

use crate::address::Address;
use crate::hub::{self, Line, PasswordSource};
use crate::identity;
use crate::machine;
use crate::output::Output;
use crate::problem::Problem;
use crate::refusal;
use crate::secret::Source;
use crate::underway::Restores;
use crate::words;

/// How a channel comes to a hub that does not have it.
#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// Bring the channel itself first, from a set made by `backup --everything`; asks for the account's password and the passphrase
    #[arg(long, requires = "account", conflicts_with_all = ["dry_run", "as_copy", "at", "key_command", "key_file"])]
    pub(crate) create: bool,
    /// With --create: the e-mail address of your account on that hub
    #[arg(long, value_name = "EMAIL", requires = "create")]
    pub(crate) account: Option<String>,
    /// With --create: make that hub the one by which others know the channel
    #[arg(long, requires = "create")]
    pub(crate) primary: bool,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    /// With --create: the passphrase that opens the private key, which this command prints
    #[arg(long, value_name = "COMMAND", requires = "create", conflicts_with = "passphrase_file")]
    pub(crate) passphrase_command: Option<String>,
    /// With --create: the passphrase is the first line of this file
    #[arg(long, value_name = "FILE", requires = "create")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// A channel that is on the hub now.
pub(crate) struct Brought {
    /// Its address there.
    pub(crate) address: Address,
    /// The restore key for its files.
    pub(crate) key: String,
    /// Whether the hub did not take some of its rows.
    pub(crate) is_partial: bool,
}

/// Where it comes from, and where it goes.
#[derive(Clone, Copy)]
pub(crate) struct Way<'w> {
    pub(crate) line: &'w Line,
    pub(crate) limit: Option<NonZeroU64>,
    pub(crate) address: &'w Address,
    /// The set's folder, or the export file.
    pub(crate) source: &'w Path,
}

/// Who brings it.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'o> {
    pub(crate) login: &'o str,
    pub(crate) password: &'o PasswordSource,
    pub(crate) is_primary: bool,
}

/// Brings the channel of a set; none if it was told to stop.
pub(crate) fn bring(
    arguments: &CreateArguments,
    way: &Way<'_>,
    restores: &Restores,
    stopped: &AtomicBool,
    output: &mut Output,
) -> Result<Option<Brought>, Problem> {
    let of_set = |error: Error| of(&error, way.address, way.source);
    let set = Beside::open(way.source, &machine::surroundings(), &SetLimits::default()).map_err(of_set)?;
    let sealed = set.sealed().map_err(of_set)?;
    let passphrase = Source {
        kind: "no_passphrase",
        name: "passphrase",
        command: arguments.passphrase_command.as_deref(),
        file: arguments.passphrase_file.as_deref(),
    };
    let identity = identity::opened(&passphrase, &sealed)?;
    let channel = WholeChannel::new(set, &identity).map_err(of_set)?;
    drop(identity);
    let login = arguments.account.as_deref().unwrap_or_default();
    let owner = Owner { login, password: &arguments.password, is_primary: arguments.primary };
    at_door(way, &owner, &channel, stopped, output, |door, report| {
        let address = Address { nick: report.nick.clone(), ..way.address.clone() };
        let key = match kept_key(way, &address, restores)? {
            Some(key) => key,
            None => door::restore_key(door, report)?.reveal().to_owned(),
        };
        Ok(Brought { address, key, is_partial: is_partial(report) })
    })
}

/// Brings a channel by the password of an account, says so, and does what is left while the pass opens the door; none if it was told
/// to stop.
pub(crate) fn at_door<T>(
    way: &Way<'_>,
    owner: &Owner<'_>,
    channel: &WholeChannel,
    stopped: &AtomicBool,
    output: &mut Output,
    then: impl FnOnce(&Door, &CreateReport) -> Result<T, Error>,
) -> Result<Option<T>, Problem> {
    let Way { line, limit, address, source } = *way;
    let of_set = |error: Error| of(&error, address, source);
    let connection = hub::connection(address, line, limit)?;
    let pass = hub::account_pass(&connection, address, owner.login, owner.password)?;
    let door = Door::new(hub::options(address, line, limit)?, pass).map_err(of_set)?;
    let options = CreateOptions { nick: address.nick.clone(), is_primary: owner.is_primary };
    let outcome = door::create(&door, channel, &options, &mut Shown { output, stopped, begun: Cell::new(false) });
    output.clear();
    let outcome = match outcome {
        Ok(Created::Here(report)) => {
            tell(&report, &Address { nick: report.nick.clone(), ..address.clone() }, output);
            then(&door, &report).map(Some)
        }
        Ok(Created::Stopped) => Ok(None),
        Err(error) => Err(error),
    };
    door::give_up(&door);
    outcome.map_err(of_set)
}

/// Tells whether the hub did not take some rows.
pub(crate) fn is_partial(report: &CreateReport) -> bool {
    report.posts_refused + report.rows_refused > 0 || !report.unknown.is_empty()
}

/// Returns the key of an interrupted restore to the channel, if that can go on.
fn kept_key(way: &Way<'_>, address: &Address, restores: &Restores) -> Result<Option<String>, Error> {
    let Some(underway) = restores.of(&address.text()) else { return Ok(None) };
    let Ok(options) = hub::options(address, way.line, way.limit) else { return Ok(None) };
    match Door::new(options, Secret::new(underway.key.clone()))?.state(&underway.session) {
        Err(error) if refusal::is_over(&error) => Ok(None),
        _ => Ok(Some(underway.key.clone())),
    }
}

/// Says what was imported, and what was not.
fn tell(report: &CreateReport, address: &Address, output: &Output) {
    let facts = json!({
        "state": "created", "channel": address.text(), "rows": report.rows,
        "posts_refused": report.posts_refused, "rows_refused": report.rows_refused, "unknown": report.unknown,
    });
    let mut lines = vec![format!("{} is on {}: {}", address.nick, address.host, words::count(report.rows, "row", "rows"))];
    if report.posts_refused > 0 {
        let count = words::count(report.posts_refused, "of the posts was", "of the posts were");
        lines.push(format!("{count} not taken by the hub, also the second time:"));
        lines.extend(report.refused.iter().take(MOST_NAMED).map(|name| format!("    {}", words::one_line(name))));
    }
    if report.rows_refused > 0 {
        let count = words::count(report.rows_refused, "other row was", "other rows were");
        lines.push(format!("{count} not taken: the hub has no such thing, or the account may not have more of it"));
    }
    if !report.unknown.is_empty() {
        lines.push(format!("not taken, because filesync there does not know them yet: {}", report.unknown.join(", ")));
    }
    output.say(&facts, &lines.join("\n"));
}

const MOST_NAMED: usize = 20;
/// What an error of an export file is.
const DAMAGE: [ErrorKind; 3] = [ErrorKind::Corrupt, ErrorKind::InvalidInput, ErrorKind::LimitExceeded];

/// Shows how far it is.
struct Shown<'o> {
    output: &'o mut Output,
    stopped: &'o AtomicBool,
    begun: Cell<bool>,
}

impl CreateWatch for Shown<'_> {
    fn importing(&mut self, section: &str, rows: u64) {
        if !self.begun.replace(true) && rows > 0 {
            self.output.aside("goes on with the import that was begun");
        }
        let what = match section {
            "channel" => "the channel",
            "config" => "settings",
            "xchan" | "hubloc" => "people",
            "abook" => "connections",
            "group" | "group_member" => "groups",
            "item" => "posts",
            "" => "the end",
            other => other,
        };
        self.output.phase(&format!("the hub imports {what}; {} so far", words::count(rows, "row", "rows")));
    }

    fn must_stop(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Puts an error of it into words.
pub(crate) fn of(error: &Error, address: &Address, folder: &Path) -> Problem {
    let (host, nick) = (&address.host, &address.nick);
    let limit = error.fact("limit").unwrap_or("as many");
    match error.fact("code") {
        Some("no_channel") if folder.is_file() => {
            Problem::new("no_channel", format!("{} has no channel in it.", folder.display()))
                .remedy("An export of posts alone is for the hub's page /import_items, or its admin's `import-dump`.")
        }
        Some("no_channel") => Problem::new("no_channel", format!("{} has the files of a channel only.", folder.display()))
            .remedy("`filesync backup --everything` makes a set of which a channel can be made."),
        Some("rows_damaged") => {
            let path = error.fact("path").unwrap_or("a file");
            Problem::new("set_damaged", format!("{path} is not what was saved."))
                .remedy("Fetch the file from a copy of the set, or back up the channel again.")
        }
        None | Some("export_damaged") if folder.is_file() && DAMAGE.contains(&error.kind()) => {
            Problem::new("export_damaged", format!("{} is not what a hub exports: {error}.", folder.display()))
                .remedy("Export the channel again.")
        }
        Some("other_account") => {
            Problem::new("other_account", format!("This channel lives on {host} already, in another account."))
                .remedy("Name that account with --account.")
        }
        Some("nick_taken") => Problem::new("nick_taken", format!("{host} has a channel {nick} already."))
            .remedy(format!("Choose another name for it there: --to {}/channel/NAME.", address.hub)),
        Some("nick_wrong") => Problem::new("nick_wrong", format!("No channel of {host} can be called {nick}."))
            .remedy(format!("Choose another name for it there: --to {}/channel/NAME.", address.hub)),
        Some("channels_many") => {
            Problem::new("channels_many", format!("The account may have {limit} channels on {host}, and has them."))
                .remedy("Its admin can allow more, or remove one of them there.")
        }
        Some("keys_many") => Problem::new("keys_many", format!("{nick} has as many keys as a channel may: {limit}."))
            .remedy(format!("Revoke one on {}/filesync/backup, and run it again.", address.hub)),
        Some("door_closed") => Problem::new("door_closed", format!("{host} takes no channels by this command."))
            .remedy("Its admin closed this way (`restore_door`): ask there."),
        Some("key_wrong" | "key_missing" | "pass_old") => {
            Problem::later("pass_over", format!("{host} wants the password again: the log-in of this command is over."))
                .remedy("Run it again; it goes on where it stopped.")
        }
        Some("import_running") => Problem::later("import_running", format!("{host} is still at what was sent before."))
            .remedy("Run it again; it goes on where it stopped."),
        Some("slice_failed") => {
            let said = error.fact("message").map_or_else(String::new, words::one_line);
            Problem::new("slice_failed", format!("{host}: {said}"))
                .remedy("Its admin can see to it; the same command goes on then. Nobody else has heard of the channel yet.")
        }
        Some("door_wrong") => Problem::new("door_wrong", format!("{host} answers what no creating door answers: {error}."))
            .remedy("Its admin can see to it; the same command goes on then."),
        _ if error.kind() == ErrorKind::NotFound && error.fact("code").is_none() => Problem::of_set(error, folder),
        _ => refusal::of(error, address, folder),
    }
}

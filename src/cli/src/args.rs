//! What the command takes. The texts here are its help and its man page.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::backup::BackupArguments;
use crate::diff::DiffArguments;
use crate::extract::ExtractArguments;
use crate::import::ImportArguments;
use crate::list::ListArguments;
use crate::login::{LoginArguments, LogoutArguments};
use crate::prune::PruneArguments;
use crate::restore::RestoreArguments;
use crate::status::{StatusArguments, UnderwayArguments};
use crate::verify::VerifyArguments;

/// Backs up a channel's files to a folder at home, looks after that folder, and brings the files back.
///
/// A backup is a set: a folder that holds the channel's files under their own names, with everything that the hub knows about them
/// beside. Any tool can copy it, and `sha256sum` checks it without this command.
#[derive(Parser, Debug)]
#[command(name = "filesync", version, max_term_width = 100, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) speech: Speech,
}

const EXIT_CODES: &str = "\
Exit codes: 0 every file is there and was checked, 1 something needs your attention, 2 usage,
            75 the same command goes on later";

/// Where options stand that each verb takes: behind its own, and before `--help`.
const LAST: usize = 900;

/// How the command speaks.
#[derive(Args, Debug)]
pub(crate) struct Speech {
    /// Say everything as JSON, one object a line
    #[arg(long, global = true, display_order = LAST)]
    pub(crate) json: bool,
    /// Say only what needs attention
    #[arg(long, global = true, display_order = LAST + 1)]
    pub(crate) quiet: bool,
    /// Show neither a bar nor lines of progress
    #[arg(long, global = true, display_order = LAST + 2)]
    pub(crate) no_progress: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Make a key on a hub, try it and remember it
    ///
    /// Of a hub with filesync it is a backup key, made on the hub's page /filesync/backup: it reads one channel's files, and nothing else.
    /// Of any other hub it is a key for apps, and this says exactly what to type on the hub's page /oauth2. That one works without password
    /// and second factor, for every channel of the account, until you delete it there. Either is kept in login.toml in your folder for
    /// settings, which only you can read.
    Login(LoginArguments),
    /// Forget the key of a hub
    Logout(LogoutArguments),
    /// Make a set of a channel, or bring it up to date
    ///
    /// Tried with Hubzilla 7.8 to 8.9, with and without filesync; it works with newer ones as far as their API is the same. Only what changed
    /// is fetched; what was replaced or removed on the hub moves to data/older and stays until `prune`. Interrupted, the same command goes on
    /// where it stopped. With a backup key of a hub with filesync, a thousand unchanged files take one request, and small ones come together.
    ///
    /// Logs in with the key of `filesync login`, or else with the account's password, which is asked for.
    Backup(Box<BackupArguments>),
    /// Read a set again and compare it with its lists
    ///
    /// Every file is read, and its digest compared with the one in the set's list. What is wrong is named, one line for each; all
    /// other files are whole and can be used.
    ///
    /// A set that this command made is signed by a key of your own. If it is not any more, or by another key, that is said, too.
    Verify(VerifyArguments),
    /// Show what is in a set
    ///
    /// Files and folders by their true names, with size and date of the last change on the hub.
    List(ListArguments),
    /// Show what differs between two sets of one channel
    ///
    /// A line for each file or folder that is in only one of them (-, +), or differs (!). 1 if anything does.
    Diff(DiffArguments),
    /// Remove what runs replaced or removed long ago
    ///
    /// Only what is in data/older goes. The channel's files as the last run found them always stay.
    Prune(PruneArguments),
    /// Write a set's files to a folder, without any hub
    ///
    /// With their names, folders and dates, as they were on the hub. Each is compared with the set's digests before it gets its name.
    /// Nothing that is there is changed: what has a name already stays, and is named if it is another file. Interrupted, the same command
    /// goes on.
    ///
    /// A name that the file system cannot hold, or that two files have, becomes another one, which is said.
    Extract(ExtractArguments),
    /// Send a set to a hub, which restores it
    ///
    /// The hub needs filesync. On its page /filesync/backup, make a restore key, which is asked for here; it restores one set. What the
    /// hub has is not sent. Interrupted, the same command goes on where it stopped, and does not ask for the key again.
    ///
    /// Nothing that is newer on the hub is overwritten, and what was deleted since stays deleted, unless you ask for it.
    ///
    /// With `--drill` nothing of the channel is touched: the hub tries to restore some files of the set to a hidden channel, they are read
    /// back from here, and a certificate says what was proven, and by whom.
    Restore(Box<RestoreArguments>),
    /// Bring a channel to a hub from a hub's own export file
    ///
    /// The hub needs filesync, and you an account there. The file is read on this computer, however large it is, and its rows are sent;
    /// asks for the account's password. Interrupted, the same command goes on. Files are not in an export: they come from the channel's other
    /// hubs, or from a set.
    Import(Box<ImportArguments>),
    /// Say how a set is, or how far a restore is
    ///
    /// Of a set's folder: whose it is, what it has and lacks, how old it is, whether its lists are whole, when `verify` read it, and where
    /// it was restored from this computer. No hub is asked, and no file of the set is read: that does `verify`.
    ///
    /// Of a channel, or of nothing: asks the hub about a restore that was begun from this computer. Exit code 75 while it is under way.
    Status(StatusArguments),
    /// End a restore
    ///
    /// What was sent is removed from the hub, and what was restored stays. The restore key is over then.
    Cancel(UnderwayArguments),
    /// Print completions for a shell
    ///
    /// For example: filesync completions bash > ~/.local/share/bash-completion/completions/filesync
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the man pages, or write them to a folder
    ///
    /// For example: filesync man | man -l -
    Man {
        /// The folder for one page each
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// How old something is at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Days(i64),
    Before(jiff::civil::Date),
}

/// Reads a time; a date means its end.
pub(crate) fn time(text: &str) -> Result<String, String> {
    let whole = if text.len() == 10 { format!("{text}T23:59:59Z") } else { text.to_owned() };
    let is_time = jiff::civil::DateTime::strptime("%Y-%m-%dT%H:%M:%SZ", &whole).is_ok() && whole.len() == 20;
    if is_time { Ok(whole) } else { Err("a date, or a time such as 2026-11-28T03:15:00Z".to_owned()) }
}

/// Reads an age.
pub(crate) fn age(text: &str) -> Result<Age, String> {
    let days = text.strip_suffix('d').filter(|days| (1..=5).contains(&days.len()) && days.bytes().all(|c| c.is_ascii_digit()));
    let date = || (text.len() == 10).then(|| text.parse().ok()).flatten().map(Age::Before);
    days.and_then(|days| days.parse().ok().map(Age::Days)).or_else(date).ok_or_else(|| "days, such as 90d, or a date".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn ages_and_times_are_those_of_the_hub_s_command() {
        assert_eq!(age("90d"), Ok(Age::Days(90)));
        assert_eq!(age("2026-08-30"), Ok(Age::Before(jiff::civil::date(2026, 8, 30))));
        for bad in ["90", "d", "-1d", "123456d", "2026-13-01", "2026-8-3"] {
            assert!(age(bad).is_err(), "{bad}");
        }
        assert_eq!(time("2026-11-28").as_deref(), Ok("2026-11-28T23:59:59Z"));
        assert_eq!(time("2026-11-28T03:15:00Z").as_deref(), Ok("2026-11-28T03:15:00Z"));
        for bad in ["2026-11-31", "yesterday", "2026-11-28T03:15Z", "2026-11-28 03:15:00"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}

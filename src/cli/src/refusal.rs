//! Why a restore does not go on, in words: refusals of the upload door by the hub's own numbers, and faults of the set.

use std::path::Path;

use filesync_engine::door::State;
use filesync_engine::{Error, ErrorKind};

use crate::address::Address;
use crate::problem::Problem;
use crate::words;

/// Reasons for which the key of a restore opens nothing any more.
const OVER: [&str; 6] = ["key_missing", "key_wrong", "key_used", "session_expired", "revoked", "ended"];

/// Tells whether the restore is over, so that its key need not be kept.
pub(crate) fn is_over(error: &Error) -> bool {
    error.fact("code").is_some_and(|code| OVER.contains(&code) || code == "no_session")
}

/// Puts an error of a restore into words.
pub(crate) fn of(error: &Error, address: &Address, folder: &Path) -> Problem {
    let is_of_hub = error.fact("status").is_some() || error.fact("url").is_some();
    let known = of_set(error, folder).or_else(|| of_key(error, address)).or_else(|| of_room(error, address));
    known.or_else(|| of_door(error, address)).unwrap_or_else(|| match error.kind() {
        ErrorKind::Network | ErrorKind::PeerBusy => unreachable(error, address),
        _ if is_of_hub => {
            Problem::new("failed", format!("Something between here and filesync on {} refuses: {error}.", address.host))
                .remedy("Its admin can see to it; the same command goes on then.")
        }
        _ => Problem::of_set(error, folder),
    })
}

/// Puts an error of a hub into words.
pub(crate) fn of_hub(error: &Error, address: &Address) -> Problem {
    of(error, address, Path::new(""))
}

/// Puts into words why a hub could not restore what it has.
pub(crate) fn failed(state: &State, address: &Address) -> Problem {
    let words = format!("{} could not restore it: {}", address.host, state.message());
    let problem = match state.code() {
        "disk_short" => Problem::later("disk_short", words),
        "clone_unreachable" => Problem::later("clone_unreachable", words),
        "quota_short" => Problem::new("quota_short", words),
        "path_refused" => Problem::new("path_refused", words),
        "set_refused" => Problem::new("set_refused", words),
        "no_run" => Problem::new("no_run", words),
        _ => Problem::new("restore_failed", words),
    };
    problem.remedy("What was sent is kept there. When that is mended, the same command goes on.")
}

fn unreachable(error: &Error, address: &Address) -> Problem {
    Problem::later("hub_unreachable", format!("{} does not answer: {error}.", address.host))
        .remedy("Run it again; it goes on where it stopped.")
}

fn of_set(error: &Error, folder: &Path) -> Option<Problem> {
    let is_of_set = match error.fact("code")? {
        // The hub's, too.
        "set_newer" => error.kind() == ErrorKind::Unsupported,
        code => ["set_cut_off", "set_busy", "set_refused", "no_run"].contains(&code),
    };
    is_of_set.then(|| Problem::of_set(error, folder))
}

/// Returns a size that is among the facts.
fn size(error: &Error, name: &str) -> String {
    error.fact(name).and_then(|bytes| bytes.parse().ok()).map_or_else(|| "?".to_owned(), words::size)
}

/// Says what is wrong with the key, or over with its restore.
fn of_key(error: &Error, address: &Address) -> Option<Problem> {
    let (host, hub) = (&address.host, &address.hub);
    let make_key = format!("Make another on {hub}/filesync/backup.");
    let problem = match error.fact("code")? {
        "key_missing" | "key_wrong" => Problem::new(
            "key_wrong",
            format!("This restore key opens nothing on {host}: it is mistyped, was revoked, or is over."),
        ),
        "key_scope" => {
            return Some(
                Problem::new("key_scope", "This key may only back up.")
                    .remedy(format!("Make a restore key on {hub}/filesync/backup.")),
            );
        }
        "key_used" => Problem::new("key_used", "A key restores once, and the restore of this one is over."),
        "no_session" => Problem::new("no_session", format!("{host} knows this restore no longer.")),
        "session_expired" => Problem::later(
            "session_expired",
            format!("This restore waited too long, and {host} has put it away; what was restored stays."),
        ),
        "revoked" => Problem::new("revoked", "The key of this restore was revoked; what was restored stays."),
        "ended" => Problem::new("ended", "This restore was ended; what was restored stays."),
        _ => return None,
    };
    let again = if problem.kind == "session_expired" { " The same command starts it again with that." } else { "" };
    Some(problem.remedy(format!("{make_key}{again}")))
}

/// Says how much room is short.
fn of_room(error: &Error, address: &Address) -> Option<Problem> {
    let host = &address.host;
    let size = |name: &str| size(error, name);
    let short = |what: &str| {
        format!(
            "{} are to be sent, {} are left {what}: short by {}.",
            size("needed_bytes"),
            size("left_bytes"),
            size("short_bytes")
        )
    };
    Some(match error.fact("code")? {
        "quota_short" => Problem::new("quota_short", short(&format!("for this account on {host}")))
            .remedy("`--only DIR` restores one folder; or free some there, or ask its admin for more."),
        "disk_short" if error.fact("short_bytes").is_some() => {
            Problem::later("disk_short", short(&format!("on the disk of {host}")))
                .remedy("Its admin can make room; the same command goes on.")
        }
        "disk_short" => Problem::later("disk_short", format!("The disk of {host} is full, or fails."))
            .remedy("The same command goes on when it is not."),
        "file_too_large" => Problem::new(
            "file_too_large",
            format!("A file of the set is above the limit of {host} for one file, {}.", size("limit_bytes")),
        )
        .remedy("Ask its admin (`file_max_bytes`)."),
        "body_limit" => Problem::new(
            "body_limit",
            format!("Something between here and filesync on {host} takes no request of {}.", size("limit_bytes")),
        )
        .remedy("The hub's admin can raise that limit (nginx: client_max_body_size; Apache: LimitRequestBody)."),
        _ => return None,
    })
}

fn of_door(error: &Error, address: &Address) -> Option<Problem> {
    let (host, hub, channel) = (&address.host, &address.hub, address.text());
    let code = error.fact("code")?;
    let version = error.fact("filesync").filter(|version| !version.is_empty()).unwrap_or("of another time");
    let said = || error.fact("message").map_or_else(String::new, |message| format!(": {}", words::one_line(message)));
    Some(match code {
        "door_closed" => Problem::new("door_closed", format!("{host} takes no sets now."))
            .remedy("Its admin closed this way, for the hub or for the channel (`restore_door`): ask there."),
        "no_door" => Problem::new("no_door", format!("No filesync that takes sets answers at {hub}."))
            .remedy("Is the address right, and filesync of that hub up to date?"),
        "door_wrong" => Problem::new("door_wrong", format!("{host} answers what no door for sets answers: {error}."))
            .remedy("Its admin can see to it; the same command goes on then."),
        "hub_old" => Problem::new("hub_old", format!("{host} runs filesync {version}, which is too old for this command."))
            .remedy("Update filesync on the hub, or ask its admin to."),
        "command_old" => {
            Problem::new("command_old", format!("{host} runs filesync {version}, for which this command is too old."))
                .remedy("Update this command.")
        }
        // It has no such place, or knows no such option: those came later.
        "no_such_path" | "option_wrong" => {
            Problem::new("hub_old", format!("filesync on {host} is older than this command, and cannot do that{}.", said()))
                .remedy("Update filesync on the hub, or ask its admin to; or leave out the option.")
        }
        "moved" => Problem::new("moved", format!("{host} sends to another address, which is not followed."))
            .remedy("Give the address that the browser shows."),
        "set_newer" => Problem::new("set_newer", format!("filesync on {host} does not read the format of this set."))
            .remedy("Update filesync on the hub, or ask its admin to."),
        "set_other_channel" => {
            Problem::new("set_other_channel", "This set is another channel's than the one for which the key was made.")
                .remedy("`--as-copy` restores its files only, as new ones that you alone can see.")
        }
        "set_changed" => {
            Problem::new("set_changed", "This key began with another state of the set: a backup has run since.").remedy(format!(
                "`filesync cancel {channel}` ends that; then restore with another key, made on {hub}/filesync/backup."
            ))
        }
        "restore_running" => Problem::later("restore_running", format!("Another restore of this channel is under way on {host}."))
            .remedy(format!("Wait until it is over, or end it on {hub}/filesync/backup; `filesync status` shows those from here.")),
        "too_many_sessions" => Problem::later(
            "too_many_sessions",
            format!("As many sets are being sent to channels of this account as {host} takes at once."),
        )
        .remedy("Finish one of them first."),
        "begun_otherwise" => Problem::new(
            "begun_otherwise",
            format!("This key began something else on {host}: {}", error.fact("message").map_or_else(String::new, words::one_line)),
        )
        .remedy(format!("`filesync cancel {channel}` ends that; make another key on {hub}/filesync/backup.")),
        "restoring" | "planning" | "drilling" => {
            Problem::later("restoring", format!("{host} is at what was sent, and takes no more meanwhile."))
                .remedy(format!("`filesync status {channel}` says how far it is, `filesync cancel {channel}` ends it."))
        }
        "offset_differs" | "checksum_wrong" | "digest_wrong" => Problem::new(
            "altered",
            format!(
                "What arrives on {host} is not what was sent, again and again ({code}): something on the way changes it, or answers in \
                 the hub's place."
            ),
        )
        .remedy("Try another network; the same command goes on."),
        // The hub got a POST that says no longer what it stands for.
        "method_wrong" => Problem::new(
            "patch_refused",
            format!(
                "Something between here and filesync on {host} refuses PATCH, and drops the header that a POST then has \
                 (X-HTTP-Method-Override)."
            ),
        )
        .remedy("The hub's admin must let one of both through."),
        "lists_missing" => {
            Problem::new("lists_missing", format!("Lists of the set did not arrive on {host}, so that it restores nothing."))
                .remedy("`filesync verify DIR` says whether they are whole.")
        }
        _ if error.kind() != ErrorKind::Refused => return None,
        code => Problem::new("failed", format!("{host} refuses ({code}){}", said())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Exit;

    fn said(kind: ErrorKind, facts: &[(&'static str, &str)]) -> Problem {
        let error = facts.iter().fold(Error::new(kind, "asking"), |error, (key, value)| error.context(key, *value));
        of(&error, &Address::parse("https://hub.example/channel/alice").unwrap(), Path::new("/home/set"))
    }

    #[test]
    fn what_is_short_is_said_by_the_hub_s_numbers() {
        let numbers = [
            ("needed_bytes", "19541923430"),
            ("left_bytes", "16106127360"),
            ("short_bytes", "3435796070"),
            ("code", "quota_short"),
        ];
        let problem = said(ErrorKind::Refused, &numbers);
        let words = "18.2 GiB are to be sent, 15.0 GiB are left for this account on hub.example: short by 3.2 GiB.";
        assert_eq!((problem.words.as_str(), problem.exit), (words, Exit::NeedsAttention));
        assert_eq!(said(ErrorKind::PeerBusy, &[("code", "disk_short")]).exit, Exit::GoesOn);
    }

    #[test]
    fn each_refusal_has_its_exit() {
        for (kind, facts, word, exit) in [
            (ErrorKind::Refused, [("code", "key_wrong"), ("status", "401")], "key_wrong", Exit::NeedsAttention),
            (ErrorKind::Refused, [("code", "key_scope"), ("status", "403")], "key_scope", Exit::NeedsAttention),
            (ErrorKind::PeerBusy, [("code", "restore_running"), ("status", "409")], "restore_running", Exit::GoesOn),
            (ErrorKind::PeerBusy, [("code", "failed"), ("status", "503")], "hub_unreachable", Exit::GoesOn),
            (ErrorKind::Network, [("url", "https://hub.example"), ("x", "")], "hub_unreachable", Exit::GoesOn),
            (ErrorKind::Refused, [("status", "403"), ("x", "")], "failed", Exit::NeedsAttention),
            (ErrorKind::Refused, [("code", "method_wrong"), ("status", "405")], "patch_refused", Exit::NeedsAttention),
            (ErrorKind::Refused, [("code", "of_tomorrow"), ("message", "No.")], "failed", Exit::NeedsAttention),
            (ErrorKind::PeerBusy, [("code", "set_cut_off"), ("x", "")], "set_cut_off", Exit::GoesOn),
            (ErrorKind::Corrupt, [("code", "list_damaged"), ("x", "")], "set_damaged", Exit::NeedsAttention),
        ] {
            let problem = said(kind, &facts);
            assert_eq!((problem.kind, problem.exit), (word, exit), "{}", problem.words);
        }
    }
}

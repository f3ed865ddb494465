//! Why a restore does not go on, in words: refusals of the upload door by the hub's own numbers, and faults of the set.

use std::path::Path;

use filesync_engine::door::State;
use filesync_engine::{Error, ErrorKind};

use crate::address::Address;
use crate::hub::fact;
use crate::problem::Problem;
use crate::words;

/// Reasons for which the key of a restore opens nothing any more.
const OVER: [&str; 6] = ["key_missing", "key_wrong", "key_used", "session_expired", "revoked", "ended"];

/// Tells whether the restore is over, so that its key need not be kept.
pub(crate) fn is_over(error: &Error) -> bool {
    fact(error, "code").is_some_and(|code| OVER.contains(&code) || code == "no_session")
}

/// Puts an error of a restore into words.
pub(crate) fn of(error: &Error, address: &Address, folder: &Path) -> Problem {
    let is_of_hub = fact(error, "status").is_some() || fact(error, "url").is_some();
    let known = of_set(error, folder).or_else(|| of_key(error, address)).or_else(|| of_room(error, address));
    known.or_else(|| of_door(error, address)).unwrap_or_else(|| match error.kind() {
        ErrorKind::Network | ErrorKind::PeerBusy => unreachable(error, address),
        _ if is_of_hub => {
            Problem::new("failed", format!("Something between here and filesync on {} refuses: {error}", address.host))
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
    let words = format!(
        "{} could not restore it: {} What was sent is kept there. When that is mended, the same command goes on.",
        address.host,
        state.message()
    );
    match state.code() {
        "disk_short" => Problem::later("disk_short", words),
        "quota_short" => Problem::new("quota_short", words),
        "set_refused" | "path_refused" => Problem::new("set_refused", words),
        _ => Problem::new("restore_failed", words),
    }
}

fn unreachable(error: &Error, address: &Address) -> Problem {
    let words = format!("{} does not answer: {error}. Run it again; it goes on where it stopped.", address.host);
    Problem::later("hub_unreachable", words)
}

fn of_set(error: &Error, folder: &Path) -> Option<Problem> {
    let shown = folder.display();
    Some(match fact(error, "code")? {
        "set_cut_off" => Problem::later(
            "set_cut_off",
            format!(
                "The last run of the backup in {shown} was cut off while it was being put in place. `filesync verify {shown} \
                 --finish` completes it from the set alone; no hub is needed."
            ),
        ),
        "set_busy" => Problem::later("set_busy", format!("A backup writes the set in {shown}. Try again when that is over.")),
        "set_newer" if error.kind() == ErrorKind::Unsupported => Problem::of_set(error, folder),
        "set_refused" => Problem::new(
            "set_refused",
            format!("The set in {shown} breaks the rules that keep a reader safe: do not restore from it. Nothing was sent."),
        ),
        _ => return None,
    })
}

/// Returns a size that is among the facts.
fn size(error: &Error, name: &str) -> String {
    fact(error, name).and_then(|bytes| bytes.parse().ok()).map_or_else(|| "?".to_owned(), words::size)
}

/// Says what is wrong with the key, or over with its restore.
fn of_key(error: &Error, address: &Address) -> Option<Problem> {
    let (host, hub) = (&address.host, &address.hub);
    let make_key = format!("Make another on {hub}/filesync/backup.");
    Some(match fact(error, "code")? {
        "key_missing" | "key_wrong" => Problem::new(
            "key_wrong",
            format!("This restore key opens nothing on {host}: it is mistyped, was revoked, or is over. {make_key}"),
        ),
        "key_scope" => Problem::new(
            "key_scope",
            format!("This is a backup key: it may only read. Make a restore key on {hub}/filesync/backup."),
        ),
        "key_used" => Problem::new("key_used", format!("A key restores once, and the restore of this one is over. {make_key}")),
        "no_session" => Problem::new("no_session", format!("{host} knows this restore no longer. {make_key}")),
        "session_expired" => Problem::new(
            "session_expired",
            format!("This restore waited too long, and {host} has put it away; what was restored stays. {make_key}"),
        ),
        "revoked" => Problem::new("revoked", format!("The key of this restore was revoked; what was restored stays. {make_key}")),
        "ended" => Problem::new("ended", format!("This restore was ended; what was restored stays. {make_key}")),
        _ => return None,
    })
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
    Some(match fact(error, "code")? {
        "quota_short" => Problem::new(
            "quota_short",
            format!("{} Free some there, or ask its admin for more.", short(&format!("for this account on {host}"))),
        ),
        "disk_short" if fact(error, "short_bytes").is_some() => Problem::later(
            "disk_short",
            format!("{} Its admin can make room; the same command goes on.", short(&format!("on the disk of {host}"))),
        ),
        "disk_short" => Problem::later(
            "disk_short",
            format!("The disk of {host} is full, or fails. The same command goes on when it is not."),
        ),
        "file_too_large" => Problem::new(
            "file_too_large",
            format!("A file of the set is above the limit of {host} for one file, {}. Ask its admin.", size("limit_bytes")),
        ),
        "body_limit" => Problem::new(
            "body_limit",
            format!(
                "Something between here and filesync on {host} takes no request of {}. The hub's admin can raise that limit (nginx: \
                 client_max_body_size; Apache: LimitRequestBody).",
                size("limit_bytes")
            ),
        ),
        _ => return None,
    })
}

fn of_door(error: &Error, address: &Address) -> Option<Problem> {
    let (host, hub, channel) = (&address.host, &address.hub, address.text());
    let code = fact(error, "code")?;
    let version = || fact(error, "filesync").filter(|version| !version.is_empty()).unwrap_or("of another time");
    Some(match code {
        "door_closed" => Problem::new(
            "door_closed",
            format!("{host} takes no sets now: its admin closed this way, for the hub or for the channel (`restore_door`)."),
        ),
        "no_door" => Problem::new(
            "no_door",
            format!("No filesync that takes sets answers at {hub}. Is the address right, and filesync of that hub up to date?"),
        ),
        "hub_old" => {
            Problem::new("hub_old", format!("{host} runs filesync {}, which is too old for this command: update it.", version()))
        }
        "command_old" => Problem::new(
            "command_old",
            format!("{host} runs filesync {}, for which this command is too old: update the command.", version()),
        ),
        "moved" => Problem::new(
            "moved",
            format!("{host} sends to another address, which is not followed. Give the address that the browser shows."),
        ),
        "set_newer" => Problem::new(
            "set_newer",
            format!("filesync on {host} does not read the format of this set: it must be updated by its admin."),
        ),
        "set_other_channel" => Problem::new(
            "set_other_channel",
            "This set is another channel's than the one for which the key was made. `--as-copy` restores its files only, as new \
             ones that you alone can see.",
        ),
        "set_changed" => Problem::new(
            "set_changed",
            format!(
                "This key began with another state of the set: a backup has run since. `filesync cancel {channel}` ends that; then \
                 restore with another key, made on {hub}/filesync/backup."
            ),
        ),
        "restore_running" => Problem::later(
            "restore_running",
            format!("Another restore of this channel is under way. Wait until it is over, or end it on {hub}/filesync/backup."),
        ),
        "too_many_sessions" => Problem::later(
            "too_many_sessions",
            format!("As many sets are being sent to channels of this account as {host} takes at once. Finish one of them first."),
        ),
        "restoring" => Problem::later(
            "restoring",
            format!(
                "{host} restores what was sent, and takes no more meanwhile. `filesync status {channel}` says how far it is."
            ),
        ),
        "offset_differs" | "checksum_wrong" | "digest_wrong" => Problem::new(
            "altered",
            format!(
                "What arrives on {host} is not what was sent, again and again ({code}): something on the way changes it, or answers in \
                 the hub's place. Try another network; the same command goes on."
            ),
        ),
        // The hub got a POST that says no longer what it stands for.
        "method_wrong" => Problem::new(
            "patch_refused",
            format!(
                "Something between here and filesync on {host} refuses PATCH, and drops the header that a POST then has \
                 (X-HTTP-Method-Override). The hub's admin must let one of both through."
            ),
        ),
        "lists_missing" => Problem::new(
            "lists_missing",
            format!(
                "Lists of the set did not arrive on {host}, so that it restores nothing. `filesync verify` says whether they are whole."
            ),
        ),
        _ if error.kind() != ErrorKind::Refused => return None,
        code => {
            let said = fact(error, "message").map_or_else(String::new, |message| format!(": {message}"));
            Problem::new("failed", format!("{host} refuses ({code}){said}"))
        }
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
        let words = "18.2 GiB are to be sent, 15.0 GiB are left for this account on hub.example: short by 3.2 GiB. Free some there, or ask its admin for more.";
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

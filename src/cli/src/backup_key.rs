//! Backup keys: how an owner's program is let in by a hub that has filesync. Such a key reads one channel's files, and nothing else.

use std::io::IsTerminal as _;
use std::path::Path;

use filesync_engine::Secret;
use filesync_engine::owner::{About, Connection, Door, Doors};

use crate::address::Address;
use crate::hub;
use crate::problem::Problem;
use crate::secret::Source;
use crate::words;

/// Asks a hub whether owners can read their channels there with a key.
///
/// # Errors
///
/// One of both is too old; otherwise as the hub answers.
pub(crate) fn are_offered(connection: &Connection, address: &Address) -> Result<bool, Problem> {
    let Some(doors) = Doors::of(connection).map_err(|error| hub::of_hub(&error, address))? else { return Ok(false) };
    let (oldest, newest) = doors.protocol;
    let (host, filesync) = (&address.host, &doors.filesync);
    match () {
        () if Doors::PROTOCOL < oldest => {
            Err(Problem::new("command_old", format!("{host} runs filesync {filesync}, for which this command is too old."))
                .remedy("Update this command."))
        }
        () if Doors::PROTOCOL > newest => {
            Err(Problem::new("hub_old", format!("{host} runs filesync {filesync}, which is too old for this command."))
                .remedy("Update filesync on the hub, or ask its admin to."))
        }
        () => Ok(doors.is_readable),
    }
}

/// Opens the door with a key, and makes sure that it is that of the channel.
pub(crate) fn open<'c>(connection: &'c Connection, address: &Address, key: &str) -> Result<(Door<'c>, About), Problem> {
    let door = Door::new(connection, Secret::new(key.to_owned()));
    let about = door.about().map_err(|error| hub::of_hub(&error, address))?;
    if about.channel.nick == address.nick {
        return Ok((door, about));
    }
    let words = format!("This key is for the channel {}, not for {}.", words::one_line(&about.channel.nick), address.nick);
    Err(Problem::new("login_refused", words).remedy(format!("Make one while you use {}.", address.nick)))
}

/// Has the owner make a key, or takes it from a file. It is never an argument.
pub(crate) fn obtain(address: &Address, file: Option<&Path>) -> Result<String, Problem> {
    let source = Source { kind: "no_login", name: "key", command: None, file };
    if !source.is_named() && !std::io::stdin().is_terminal() {
        let words = format!("There is no backup key for {}, and nobody to ask.", address.text());
        let remedy = format!("Make one on {}/filesync/backup, and name --key-file.", address.hub);
        return Err(Problem::usage("no_login", words).remedy(remedy));
    }
    let key = source.take(&guide(address))?.trim().to_owned();
    if is_key(&key) {
        return Ok(key);
    }
    Err(Problem::usage("no_login", "This is not a backup key.")
        .remedy("One begins with fsb_, and is shown once, when it is made."))
}

/// Returns what names a key on the hub's page; it is not a secret.
pub(crate) fn id(key: &str) -> String {
    key.split('_').nth(1).unwrap_or_default().to_owned()
}

fn is_key(text: &str) -> bool {
    let is_hex = |part: Option<&str>, count: usize| {
        part.is_some_and(|part| part.len() == count && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let mut parts = text.split('_');
    parts.next() == Some("fsb") && is_hex(parts.next(), 16) && is_hex(parts.next(), 64) && parts.next().is_none()
}

/// Says where to make a key.
fn guide(address: &Address) -> String {
    format!(
        "\
{host} has filesync, and makes keys that read one channel. Make one now:

  1. In your browser, log in to {host} and switch to the channel {nick}.
  2. Open {hub}/filesync/backup, and press *Make a backup key*.

The key reads the files of this channel and their posts, and nothing else, until you revoke it on that page.

The key (it is not shown while you paste it): ",
        host = address.host,
        nick = address.nick,
        hub = address.hub,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_backup_key_is_taken() {
        let right = format!("fsb_{}_{}", "0123456789abcdef", "a".repeat(64));
        assert!(is_key(&right));
        assert_eq!(id(&right), "0123456789abcdef");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let address = Address::parse("https://hub.example/channel/alice").unwrap();
        std::fs::write(&path, format!(" {right}\nmore")).unwrap();
        assert_eq!(obtain(&address, Some(&path)), Ok(right.clone()));
        for wrong in
            ["", "x", &right[..right.len() - 1], &right.replace("fsb", "fsr"), &format!("{right}_"), &right.replace('a', "x")]
        {
            std::fs::write(&path, wrong).unwrap();
            let problem = obtain(&address, Some(&path)).unwrap_err();
            assert!(problem.kind == "no_login" && !problem.words.contains("0123456789abcdef"), "{wrong}");
        }
    }

    #[test]
    fn the_guide_names_the_page() {
        let address = Address::parse("https://hub.example/social/channel/alice").unwrap();
        let text = guide(&address);
        assert!(text.contains("https://hub.example/social/filesync/backup") && text.contains("Make a backup key"));
    }
}

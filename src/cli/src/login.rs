//! `login` and `logout`: a key, made by the owner on the hub, tried at once and remembered. A hub with filesync makes backup keys; every
//! other one makes keys for apps.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use filesync_engine::Secret;
use filesync_engine::owner::{Connection, Credentials, Greeting};
use serde_json::json;

use crate::address::{Address, URL_HELP};
use crate::backup_key;
use crate::hub::{self, Line};
use crate::keys::{Key, Keys, Kind};
use crate::machine;
use crate::output::Output;
use crate::problem::{Exit, Problem};

#[derive(Args, Debug)]
pub(crate) struct LoginArguments {
    #[arg(value_name = "URL", help = URL_HELP)]
    pub(crate) url: String,
    /// The backup key is the first line of this file; it is for a hub with filesync
    #[arg(long, value_name = "FILE", conflicts_with = "app")]
    pub(crate) key_file: Option<PathBuf>,
    /// Use an app that was made before, by its name; its secret is asked for
    #[arg(long, value_name = "NAME")]
    pub(crate) app: Option<String>,
    /// The secret of that app is the first line of this file
    #[arg(long, value_name = "FILE", requires = "app")]
    pub(crate) secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) line: Line,
}

#[derive(Args, Debug)]
pub(crate) struct LogoutArguments {
    #[arg(value_name = "URL", help = URL_HELP)]
    pub(crate) url: String,
}

/// Runs `login`.
pub(crate) fn login(arguments: &LoginArguments, output: &Output) -> Result<Exit, Problem> {
    let typed = Address::parse(&arguments.url)?;
    let (address, connection) = find(&typed, &arguments.line, output)?;
    if arguments.app.is_none() && backup_key::are_offered(&connection, &address)? {
        return with_backup_key(arguments, &typed, &address, &connection, output);
    }
    if arguments.key_file.is_some() {
        let words = format!("{} makes no backup keys: it has no filesync, or its admin has closed that door.", address.host);
        return Err(Problem::new("door_closed", words).remedy("Without --key-file, this makes a key for apps."));
    }
    let (id, secret) = match &arguments.app {
        Some(name) => (name.clone(), secret_of(arguments, name)?),
        None => made_now(&address)?,
    };
    let credentials = Credentials::Key { id: id.clone(), secret: Secret::new(secret.clone()) };
    let channel = connection.log_in(credentials, &address.nick).map_err(|error| hub::of_hub(&error, &address))?;
    connection.log_out();
    let mut keys = Keys::read()?;
    let moved_to = (address != typed).then(|| address.text());
    keys.set(Key { kind: Kind::App, channel: typed.text(), moved_to, id: id.clone(), secret })?;
    let facts = json!({ "channel": address.text(), "name": channel.name, "app": id, "file": keys.path().display().to_string() });
    let text = format!(
        "logged in as {} ({}). The key is in {}, which only you can read.\nOnly *Delete* on {}/oauth2 takes it back.",
        channel.name,
        address.text(),
        keys.path().display(),
        address.hub
    );
    output.say(&facts, &text);
    Ok(Exit::Complete)
}

/// Takes a backup key, tries it and remembers it.
fn with_backup_key(
    arguments: &LoginArguments,
    typed: &Address,
    address: &Address,
    connection: &Connection,
    output: &Output,
) -> Result<Exit, Problem> {
    let secret = backup_key::obtain(address, arguments.key_file.as_deref())?;
    let (_, about) = backup_key::open(connection, address, &secret)?;
    let (mut keys, id) = (Keys::read()?, backup_key::id(&secret));
    let moved_to = (address != typed).then(|| address.text());
    keys.set(Key { kind: Kind::Backup, channel: typed.text(), moved_to, id: id.clone(), secret })?;
    let name = &about.channel.name;
    let facts = json!({ "channel": address.text(), "name": name, "key": id, "file": keys.path().display().to_string() });
    let text = format!(
        "logged in to read {name} ({}). The key is in {}, which only you can read.\n*Revoke* on {}/filesync/backup takes it back.",
        address.text(),
        keys.path().display(),
        address.hub
    );
    output.say(&facts, &text);
    Ok(Exit::Complete)
}

/// Asks the hub who it is, and follows it once to where it sends everybody.
fn find(typed: &Address, line: &Line, output: &Output) -> Result<(Address, Connection), Problem> {
    let connection = hub::connection(typed, line, None)?;
    match connection.greet().map_err(|error| hub::of_hub(&error, typed))? {
        Greeting::Here(_) => Ok((typed.clone(), connection)),
        Greeting::Moved(root) => {
            let moved = typed.moved_to(&root).filter(|moved| !moved.is_http() || typed.is_http());
            let moved = moved.ok_or_else(|| {
                Problem::new("moved", format!("{} sends to {root}, which is not encrypted.", typed.host))
                    .remedy("It is not followed: give the address that the browser shows.")
            })?;
            output.aside(&format!("filesync: {} sends to {}; that address is used from now on", typed.host, moved.text()));
            let connection = hub::connection(&moved, line, None)?;
            hub::greet(&connection, &moved)?;
            Ok((moved, connection))
        }
    }
}

fn secret_of(arguments: &LoginArguments, name: &str) -> Result<String, Problem> {
    let text = match &arguments.secret_file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Problem::usage("no_file", format!("{} cannot be read: {error}", path.display())))?,
        None => rpassword::prompt_password(format!("Secret of the app {name}: "))
            .map_err(|error| Problem::usage("no_secret", format!("No secret could be read: {error}")))?,
    };
    let secret = text.lines().next().unwrap_or_default().trim().to_owned();
    if secret.is_empty() { Err(Problem::usage("no_secret", "The secret is empty.")) } else { Ok(secret) }
}

/// Has the owner make an app with a name and a secret of our choice.
fn made_now(address: &Address) -> Result<(String, String), Problem> {
    let (id, secret) = (format!("filesync-{}", letters(6)), letters(32));
    let failed = |error: std::io::Error| Problem::usage("no_login", format!("No answer could be read: {error}"));
    let mut err = std::io::stderr();
    err.write_all(guide(address, &id, &secret).as_bytes()).map_err(failed)?;
    let mut line = String::new();
    let count = std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    if count == 0 {
        return Err(Problem::usage("no_login", "Nothing was entered.")
            .remedy("`--app NAME --secret-file FILE` logs in without questions."));
    }
    Ok((id, secret))
}

/// Says exactly what to type on the hub's page.
fn guide(address: &Address, id: &str, secret: &str) -> String {
    format!(
        "\
filesync reads your files with a key for apps. Make one now:

  1. In your browser, log in to {host} and switch to the channel {nick}.
  2. Open {hub}/apps/available, and install *OAuth2 Apps Manager* if it is not installed yet.
  3. Open {hub}/oauth2, press *Add application*, and type:

       Name           {id}
       Secret         {secret}
       Redirect       (leave it empty)
       Grant Types    client_credentials
       Scope          (leave it empty)

     The page says to leave *Grant Types* empty, too. Type client_credentials all the same.
  4. Press *Submit*.

The key reaches every channel of your account. It works without password and second factor, until you *Delete* it on that page.

Press Enter when it is made: ",
        host = address.host,
        nick = address.nick,
        hub = address.hub,
    )
}

/// Returns random letters and digits.
fn letters(count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    (0..count)
        .map(|_| {
            let at = usize::try_from(machine::random() % ALPHABET.len() as u64).unwrap_or_default();
            char::from(ALPHABET.get(at).copied().unwrap_or(b'x'))
        })
        .collect()
}

/// Runs `logout`.
pub(crate) fn logout(arguments: &LogoutArguments, output: &Output) -> Result<Exit, Problem> {
    let address = Address::parse(&arguments.url)?;
    let mut keys = Keys::read()?;
    let Some(key) = keys.forget(&address.text())? else {
        return Err(Problem::usage("no_login", format!("There is no log-in for {}.", address.text())));
    };
    if key.kind == Kind::Backup {
        let facts = json!({ "channel": address.text(), "key": key.id });
        let text = format!(
            "the key is forgotten here. To take it back on the hub as well, open {}/filesync/backup and press *Revoke* at {}.",
            address.hub, key.id
        );
        output.say(&facts, &text);
        return Ok(Exit::Complete);
    }
    let facts = json!({ "channel": address.text(), "app": key.id });
    let text = format!(
        "the key is forgotten here. To take it back on the hub as well, open {}/oauth2 and press *Delete* (the bin) at {}; \
         *Remove authorization* is not enough.",
        address.hub, key.id
    );
    output.say(&facts, &text);
    Ok(Exit::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_secrets_are_letters_that_the_hub_keeps_as_they_are() {
        let (one, other) = (letters(32), letters(32));
        assert!(one != other && one.len() == 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    }

    #[test]
    fn the_guide_says_what_to_type() {
        let address = Address::parse("https://hub.example/social/channel/alice").unwrap();
        let text = guide(&address, "filesync-abc", "s3cret");
        for part in
            ["https://hub.example/social/oauth2", "filesync-abc", "s3cret", "client_credentials", "every channel of your account"]
        {
            assert!(text.contains(part), "{part}");
        }
    }
}

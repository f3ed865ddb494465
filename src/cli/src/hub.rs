//! The way to a hub: what may be reached, who asks, and what its refusals mean in words.

use std::io::IsTerminal as _;
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args;
use filesync_engine::owner::{self, Connection, ConnectionOptions, Credentials, Door, Greeting};
use filesync_engine::{AddressPolicy, Error, ErrorKind, Secret, TransferLimits};

use crate::address::Address;
use crate::keys::{Keys, Kind};
use crate::machine;
use crate::problem::Problem;
use crate::secret::{self, Source};

/// How a hub is reached.
#[derive(Args, Debug)]
pub(crate) struct Line {
    /// Trust the certificates in this file (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Reach a hub without https, although others on the way can read and change everything; not with a password
    #[arg(long)]
    pub(crate) insecure_http: bool,
}

/// Where a password comes from. It is never an argument.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct PasswordSource {
    /// Log in with the account's password, which this command prints
    #[arg(long, value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,
    /// Log in with the account's password, which is the first line of this file
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// Returns where the secret comes from.
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            kind: "no_password",
            name: "password",
            command: self.password_command.as_deref(),
            file: self.password_file.as_deref(),
        }
    }
}

/// Prepares a connection; opens nothing.
pub(crate) fn connection(address: &Address, line: &Line, limit: Option<NonZeroU64>) -> Result<Connection, Problem> {
    Connection::new(options(address, line, limit)?).map_err(|error| Problem::usage("failed", error.to_string()))
}

/// Returns how a hub is reached.
pub(crate) fn options(address: &Address, line: &Line, limit: Option<NonZeroU64>) -> Result<ConnectionOptions, Problem> {
    let may_http = address.is_loopback() || line.insecure_http;
    if address.is_http() && !may_http {
        let words = format!("{} is plain http: everybody on the way could read and change everything.", address.text());
        return Err(Problem::usage("insecure_http", words).remedy("Use https, or --insecure-http if that is your own network."));
    }
    let ca_pem = line.cacert.as_deref().map(secret::read).transpose()?;
    Ok(ConnectionOptions {
        hub: address.hub.clone(),
        // The owner typed the address, so a hub at home is meant.
        policy: AddressPolicy { allow_http: may_http, allow_private_addresses: true },
        ca_pem,
        proxy: proxy(address),
        bytes_per_second: limit,
        limits: TransferLimits::default(),
        unix_time: Box::new(machine::unix_time),
    })
}

/// Returns the proxy that the environment names for this hub.
fn proxy(address: &Address) -> Option<String> {
    let variable = |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
    let host = address.host.rsplit_once(':').map_or(address.host.as_str(), |(host, _)| host);
    let spared = variable(["no_proxy", "NO_PROXY"]).unwrap_or_default();
    if address.is_loopback() || spared.split(',').any(|entry| covers(entry.trim(), host)) {
        return None;
    }
    variable(["https_proxy", "HTTPS_PROXY"])
}

fn covers(entry: &str, host: &str) -> bool {
    let entry = entry.trim_start_matches('.');
    entry == "*" || (!entry.is_empty() && (host == entry || host.ends_with(&format!(".{entry}"))))
}

/// Asks the hub who it is; returns its version.
pub(crate) fn greet(connection: &Connection, address: &Address) -> Result<String, Problem> {
    match connection.greet().map_err(|error| of_hub(&error, address))? {
        Greeting::Here(version) => Ok(version),
        Greeting::Moved(hub) => {
            let there = address.moved_to(&hub).map_or_else(|| hub.to_string(), |address| address.text());
            let words = format!("{} sends to {there}.", address.host);
            Err(Problem::new("moved", words).remedy(format!("If that is right: `filesync login {there}`, and use that address.")))
        }
    }
}

/// Finds what proves the owner: a password if one was named, else the key of an earlier log-in, else a password typed now.
pub(crate) fn credentials(address: &Address, source: &PasswordSource) -> Result<Credentials, Problem> {
    let source = source.source();
    if !source.is_named() {
        if let Some(key) = Keys::read()?.of(&address.text()).filter(|key| key.kind == Kind::App) {
            return Ok(Credentials::Key { id: key.id.clone(), secret: Secret::new(key.secret.clone()) });
        }
        if !std::io::stdin().is_terminal() {
            let channel = address.text();
            let remedy = format!("`filesync login {channel}` makes one; or name --password-command or --password-file.");
            return Err(Problem::usage("no_login", format!("There is no log-in for {channel}.")).remedy(remedy));
        }
    }
    refuse_plain(address, "Make an app key, or use https.")?;
    Ok(Credentials::Password(password(address, &source)?))
}

/// Finds what proves the owner who wants a whole channel: the password, and no key that is kept.
pub(crate) fn password_alone(address: &Address, source: &PasswordSource) -> Result<Credentials, Problem> {
    typed_now(address, &address.nick, source).map(Credentials::Password)
}

/// Opens the door to the whole channel, by the password of the account; the second factor is asked for if there is one.
pub(crate) fn pass<'c>(connection: &'c Connection, address: &Address, source: &PasswordSource) -> Result<Door<'c>, Problem> {
    let password = typed_now(address, &address.nick, source)?;
    owner::pass(connection, &address.nick, &password, &mut factor).map_err(|error| of_pass(&error, address))
}

/// Gets the pass by which an account brings a channel, by its password; the second factor is asked for if there is one.
pub(crate) fn account_pass(
    connection: &Connection,
    address: &Address,
    login: &str,
    source: &PasswordSource,
) -> Result<Secret, Problem> {
    let password = typed_now(address, login, source)?;
    owner::account_pass(connection, login, &password, &mut factor).map_err(|error| of_account_pass(&error, address, login))
}

/// Returns the password of an account, which no key stands for.
fn typed_now(address: &Address, login: &str, source: &PasswordSource) -> Result<Secret, Problem> {
    refuse_plain(address, "Use https.")?;
    let source = source.source();
    if !source.is_named() && !std::io::stdin().is_terminal() {
        let words = "A whole channel needs the account's password each time, and there is nobody to ask for it.";
        return Err(Problem::usage("no_password", words).remedy("Name --password-command or --password-file."));
    }
    source.take(&format!("Password of {login} on {}: ", address.host)).map(Secret::new)
}

fn password_refused(address: &Address) -> Problem {
    Problem::new("login_refused", format!("{} refuses this password for {}.", address.host, address.nick))
        .remedy("It is that of the account, as on the hub's page for logging in.")
}

/// Puts an error about a log-in for a whole channel into words, at a hub without filesync.
pub(crate) fn of_password(error: &Error, address: &Address) -> Problem {
    match error.fact("code") {
        Some("login_refused") => password_refused(address),
        Some("password_colon") => {
            Problem::new("login_refused", "Your password has a ‘:’; the API of a hub without filesync cuts it there.")
                .remedy("Without --everything an app key reads the files; for the rest, choose another password.")
        }
        Some("two_factor") => Problem::new(
            "two_factor",
            "This account uses two-factor log-in, which the API of a hub without filesync cannot ask for.",
        )
        .remedy("Without --everything an app key reads the files; the rest needs filesync on the hub."),
        _ => of_hub(error, address),
    }
}

fn factor() -> Option<Secret> {
    let code = std::io::stdin().is_terminal().then(|| rpassword::prompt_password("Code of the second factor: ").ok());
    code.flatten().filter(|code| !code.trim().is_empty()).map(Secret::new)
}

/// Puts an error about the pass of an account into words.
fn of_account_pass(error: &Error, address: &Address, login: &str) -> Problem {
    let host = &address.host;
    match error.fact("code") {
        Some("login_refused") => Problem::new("login_refused", format!("{host} refuses this password for {login}."))
            .remedy("Both are those of your account there; a new hub needs one first, made on its page /register."),
        Some("two_factor") => Problem::new("two_factor", "The hub asks for a second factor, and got none that it takes.")
            .remedy("Run this in a terminal and type the code. With a factor of another sort, no channel can be brought."),
        Some("hub_old" | "no_door") => Problem::new("hub_old", format!("filesync on {host} takes no whole channels yet."))
            .remedy("Update filesync on the hub, or ask its admin to; without it the hub's own page /import takes an export."),
        Some("door_closed") => Problem::new("door_closed", format!("{host} takes no channels by this command."))
            .remedy("Its admin closed this way (`restore_door`): ask there."),
        Some("not_private") => Problem::new("insecure_http", format!("{host} takes a whole channel by https only."))
            .remedy("If this was https: a proxy before the hub must send X-Forwarded-Proto. Its admin can see to it."),
        _ => of_pass(error, address),
    }
}

/// Puts an error about a pass into words.
fn of_pass(error: &Error, address: &Address) -> Problem {
    let host = &address.host;
    match error.fact("code") {
        Some("login_refused") => password_refused(address),
        Some("two_factor") => Problem::new("two_factor", "The hub asks for a second factor, and got none that it takes.")
            .remedy("Run this in a terminal and type the code. With a factor of another sort, a whole channel cannot be saved."),
        Some("hub_old") => Problem::new("hub_old", format!("filesync on {host} gives no whole channels yet."))
            .remedy("Update filesync on the hub, or ask its admin to."),
        Some("too_many_wrong") => {
            Problem::later("too_many_wrong", "Too many wrong passwords came from your address.").remedy("Wait ten minutes.")
        }
        Some("not_private") => Problem::new("insecure_http", format!("{host} gives a whole channel by https only."))
            .remedy("If this was https: a proxy before the hub must send X-Forwarded-Proto. Its admin can see to it."),
        _ => of_hub(error, address),
    }
}

fn refuse_plain(address: &Address, remedy: &str) -> Result<(), Problem> {
    if address.is_http() && !address.is_loopback() {
        return Err(Problem::usage("insecure_http", "A password is not sent over plain http.").remedy(remedy));
    }
    Ok(())
}

fn password(address: &Address, source: &Source<'_>) -> Result<Secret, Problem> {
    source.take(&format!("Password of {} on {}: ", address.nick, address.host)).map(Secret::new)
}

/// Puts an error about a hub into words.
pub(crate) fn of_hub(error: &Error, address: &Address) -> Problem {
    let (host, channel) = (&address.host, address.text());
    let make_key = format!("Make an app key: `filesync login {channel}`.");
    match error.fact("code") {
        Some("login_refused") if error.fact("reply") == Some("unauthorized_client") => Problem::new(
            "login_refused",
            "The hub refuses this app key: its field *Grant Types* does not hold the words client_credentials.",
        )
        .remedy("Type them in on the hub's page /oauth2, although it says to leave the field empty."),
        Some("login_refused") => Problem::new("login_refused", "The hub refuses this log-in.").remedy(make_key),
        Some("password_colon") => {
            Problem::new("login_refused", "Your password has a ‘:’; this hub's API cuts it there.").remedy(make_key)
        }
        Some("two_factor") => Problem::new("two_factor", "This account uses two-factor log-in.").remedy(make_key),
        Some("other_channel") => Problem::new(
            "login_refused",
            format!(
                "This log-in is for the channel {} of the account, not for {}.",
                error.fact("nick").unwrap_or("?"),
                address.nick
            ),
        )
        .remedy(format!("Make the app key while you use {}.", address.nick)),
        Some("no_channel") => Problem::new("no_channel", format!("{host} has no channel {}.", address.nick))
            .remedy("Give the address that the browser shows on the channel's page."),
        Some("no_hub") => Problem::new("no_hub", format!("No hub answers at {}.", address.hub)).remedy("Is the address right?"),
        Some("hub_wrong") => Problem::new("hub_wrong", format!("{host} answers what no hub answers: {error}."))
            .remedy("Its admin can see to it; what the last run left is whole."),
        Some("key_wrong" | "key_missing") => Problem::new(
            "login_refused",
            format!("{host} does not know this backup key: it was revoked, or was not used for a year."),
        )
        .remedy(format!("Make another: `filesync login {channel}`.")),
        Some("key_scope") => Problem::new("key_scope", "This key may only restore.")
            .remedy(format!("Make a backup key on {}/filesync/backup.", address.hub)),
        Some("door_closed") => {
            Problem::new("door_closed", format!("{host} lets no program read this channel: its admin closed the door."))
                .remedy(format!("`filesync login {channel}` makes an app key."))
        }
        Some("door_wrong") => Problem::new("door_wrong", format!("{host} answers what no reading door answers: {error}."))
            .remedy("Its admin can see to it; what the last run left is whole."),
        Some("no_door") => {
            Problem::new("no_filesync", format!("Something else than filesync answers at {}/filesync/v1.", address.hub))
                .remedy(format!("If it is gone, `filesync login {channel}` makes an app key."))
        }
        Some("pass_old") => {
            Problem::later("pass_old", format!("{host} gives the private key for ten minutes after the password."))
                .remedy("Run it again.")
        }
        Some("session_ended") => Problem::later("hub_unreachable", format!("{host} ended the log-in again and again."))
            .remedy("Run it again; it goes on where it stopped."),
        _ => match error.kind() {
            ErrorKind::Network | ErrorKind::PeerBusy => {
                Problem::later("hub_unreachable", format!("{host} does not answer: {error}."))
                    .remedy("Run it again; it goes on where it stopped.")
            }
            _ => Problem::new("failed", format!("{host}: {error}.")),
        },
    }
}

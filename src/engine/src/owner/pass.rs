//! A pass, by which an owner reads the whole channel, or brings one to a hub: whoever logs in on the hub as a browser does, and says the
//! password again at the door, gets one (`docs/reading-door.md`, `docs/creating-door.md`). So whatever guards log-ins of the hub guards it.
//!
//! Invariant: password, cookie and pass are in memory only, and are sent to this hub alone. The session ends as soon as there is a pass.

use serde_json::{Value, json};

use super::connection::Connection;
use super::reading_door::{Door, address, exchange, wrong};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Request;
use crate::signature::Secret;

/// Asks the owner for the code of the second factor; none if nobody can be asked.
pub type AskFactor<'a> = &'a mut dyn FnMut() -> Option<Secret>;

const LOGGING_IN: &str = "logging in as in a browser";
const MOST_BYTES: usize = 1 << 20;
const FORM: &str = "application/x-www-form-urlencoded";
/// So often a code may be mistyped.
const MOST_FACTORS: u32 = 3;

/// Gets a pass for a channel; the door is opened with it.
///
/// # Errors
///
/// `Refused` with one of the codes `login_refused`, `two_factor`, `not_private`, `too_many_wrong`, `door_closed`; otherwise as the
/// reply or the line.
pub fn pass<'c>(connection: &'c Connection, nick: &str, password: &Secret, factor: AskFactor<'_>) -> Result<Door<'c>> {
    let place = Place { door: "channel", name: "nick", login: nick };
    confirm(connection, &place, password, factor).map(|pass| Door::new(connection, pass))
}

/// Gets a pass for an account, which need not have a channel; the door for a whole channel that comes to the hub is opened with it.
///
/// # Errors
///
/// As of [`pass`].
pub fn account_pass(connection: &Connection, login: &str, password: &Secret, factor: AskFactor<'_>) -> Result<Secret> {
    confirm(connection, &Place { door: "create", name: "login", login }, password, factor)
}

/// A door that asks for a pass, and who wants it.
struct Place<'p> {
    door: &'static str,
    /// How the door calls that by which somebody logs in.
    name: &'static str,
    login: &'p str,
}

fn confirm(connection: &Connection, place: &Place<'_>, password: &Secret, factor: AskFactor<'_>) -> Result<Secret> {
    connection.wire().wait(async {
        let cookie = log_in(connection, place.login, password).await?;
        let outcome = get(connection, &cookie, place, password, factor).await;
        // Also after a refusal: the session would stay open for days.
        let request = Request::get(connection.hub().page(["logout"])).header("cookie", &cookie)?.keep_errors();
        let _ = connection.wire().send(request).await;
        outcome
    })
}

async fn log_in(connection: &Connection, login: &str, password: &Secret) -> Result<Secret> {
    let fields = [("auth-params", "login"), ("main_login_username", login), ("main_login_password", password.reveal())];
    let reply = connection.wire().send(form(connection, "login", &fields)?.keep_errors()).await?;
    if reply.status().is_server_error() {
        return Err(reply.error(ErrorKind::PeerBusy, "an error status"));
    }
    reply.cookies().ok_or_else(|| refused("login_refused"))
}

fn form(connection: &Connection, page: &str, fields: &[(&str, &str)]) -> Result<Request> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let request = Request::get(connection.hub().page([page])).post(&Secret::new(form.finish()));
    request.header("content-type", &Secret::new(FORM.to_owned()))
}

async fn get(
    connection: &Connection,
    cookie: &Secret,
    place: &Place<'_>,
    password: &Secret,
    factor: AskFactor<'_>,
) -> Result<Secret> {
    let said = Secret::new(json!({ place.name: place.login, "password": password.reveal() }).to_string());
    let mut factors = 0;
    loop {
        let request = Request::get(address(connection, &[place.door, "pass"])).post(&said).header("cookie", cookie)?;
        let request = request.header("content-type", &Secret::new("application/json".to_owned()))?;
        let (head, body) = exchange(connection, request, MOST_BYTES).await?;
        if head.is_success {
            let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
            let pass = answer.get("pass").and_then(Value::as_str).filter(|pass| pass.bytes().all(|byte| byte.is_ascii_graphic()));
            return pass.map(|pass| Secret::new(pass.to_owned())).ok_or_else(|| wrong("no pass"));
        }
        match head.refusal.as_deref() {
            Some("logged_out" | "password_wrong" | "nick_wrong" | "login_wrong") => return Err(refused("login_refused")),
            Some("no_such_path") => return Err(refused("hub_old")),
            Some(_) => return Err(head.error()),
            None if head.is_busy => return Err(head.error()),
            // A page in its place: the hub wants to know more before anything is opened.
            None if factors == MOST_FACTORS => return Err(refused("two_factor")),
            None => {
                factors += 1;
                let code = factor().ok_or_else(|| refused("two_factor"))?;
                let request = form(connection, "totp_check", &[("totp_code", code.reveal().trim())])?.header("cookie", cookie)?;
                drop(exchange(connection, request, MOST_BYTES).await?);
            }
        }
    }
}

fn refused(code: &'static str) -> Error {
    Error::new(ErrorKind::Refused, LOGGING_IN).context("code", code)
}

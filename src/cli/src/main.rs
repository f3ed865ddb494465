//! `filesync`: the owner's command. It backs up a channel's files to a folder at home, looks after that folder, and sends it to a hub
//! that restores it.
//!
//! The engine does the work; here arguments become calls, and results become words. Invariant: no secret is an argument, an
//! environment variable, or part of a message.

mod address;
mod args;
mod backup;
mod backup_key;
mod create;
mod damage;
mod diff;
mod drill;
mod extract;
mod foreseen;
mod history;
mod hub;
mod identity;
mod import;
mod keys;
mod list;
mod login;
mod machine;
mod output;
mod pages;
mod private;
mod problem;
mod prune;
mod refusal;
mod restore;
mod secret;
mod signing;
mod standing;
mod status;
mod underway;
mod verify;
mod words;

use std::process::ExitCode;

use clap::Parser as _;
use serde_json::{Map, Value};

use args::{Arguments, Verb};
use login::{LoginArguments, LogoutArguments};
use output::Output;
use problem::{Exit, Problem};
use status::{StatusArguments, UnderwayArguments};

fn main() -> ExitCode {
    no_core_dumps();
    let arguments = Arguments::parse();
    let speech = &arguments.speech;
    let mut output = Output::new(speech.json, speech.quiet, !speech.no_progress);
    let exit = run(&arguments.verb, &mut output).unwrap_or_else(|problem| {
        output.clear();
        output.fail(&problem, &about(&arguments.verb))
    });
    ExitCode::from(exit.code())
}

fn run(verb: &Verb, output: &mut Output) -> Result<Exit, Problem> {
    match verb {
        Verb::Login(arguments) => login::login(arguments, output),
        Verb::Logout(arguments) => login::logout(arguments, output),
        Verb::Backup(arguments) => backup::run(arguments, output),
        Verb::Verify(arguments) => verify::run(arguments, output),
        Verb::List(arguments) => list::run(arguments, output),
        Verb::Diff(arguments) => diff::run(arguments, output),
        Verb::Prune(arguments) => prune::run(arguments, output),
        Verb::Restore(arguments) => restore::run(arguments, output),
        Verb::Extract(arguments) => extract::run(arguments, output),
        Verb::Import(arguments) => import::run(arguments, output),
        Verb::Status(arguments) => status::status(arguments, output),
        Verb::Cancel(arguments) => status::cancel(arguments, output),
        Verb::Completions { shell } => Ok(pages::completions(*shell)),
        Verb::Man { folder } => pages::man(folder.as_deref()),
    }
}

/// Keeps secrets in memory from ending up in a file if the process crashes.
#[cfg(unix)]
fn no_core_dumps() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    // Where it is forbidden, nothing else can be done about it.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
}

#[cfg(not(unix))]
fn no_core_dumps() {}

/// Returns what a verb is about, for programs.
fn about(verb: &Verb) -> Map<String, Value> {
    let folder = match verb {
        Verb::Login(LoginArguments { url, .. }) | Verb::Logout(LogoutArguments { url }) => {
            return [("channel".to_owned(), url.clone().into())].into_iter().collect();
        }
        Verb::Backup(arguments) => {
            let facts = [("channel", arguments.url.clone()), ("folder", arguments.to.display().to_string())];
            return facts.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        }
        Verb::Restore(arguments) => {
            let facts = [("channel", arguments.to.clone()), ("folder", arguments.folder.display().to_string())];
            return facts.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        }
        Verb::Import(arguments) => {
            let facts = [("channel", arguments.to.clone()), ("file", arguments.file.display().to_string())];
            return facts.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        }
        Verb::Status(StatusArguments { what: url, .. }) | Verb::Cancel(UnderwayArguments { url, .. }) => {
            return url.iter().map(|url| ("channel".to_owned(), url.clone().into())).collect();
        }
        Verb::Verify(arguments) => Some(&arguments.folder),
        Verb::List(arguments) => Some(&arguments.folder),
        Verb::Diff(arguments) => Some(&arguments.one),
        Verb::Prune(arguments) => Some(&arguments.folder),
        Verb::Extract(arguments) => Some(&arguments.folder),
        Verb::Completions { .. } | Verb::Man { .. } => None,
    };
    folder.map(|folder| ("folder".to_owned(), folder.display().to_string().into())).into_iter().collect()
}

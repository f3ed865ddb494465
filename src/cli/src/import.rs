//! `import`: brings a channel to a hub from a hub's own export file.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args;
use filesync_engine::door::WholeChannel;
use serde_json::json;

use crate::address::{Address, URL_HELP};
use crate::backup::rate;
use crate::create::{self, Owner, Way};
use crate::hub::{Line, PasswordSource};
use crate::machine;
use crate::output::Output;
use crate::problem::{Exit, Problem};
use crate::words;

#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// The file, as the hub's page /uexport gives it; it may be packed with gzip
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[arg(long, value_name = "URL", help = URL_HELP)]
    pub(crate) to: String,
    /// The e-mail address of your account on that hub
    #[arg(long, value_name = "EMAIL")]
    pub(crate) account: String,
    /// Make that hub the one by which others know the channel
    #[arg(long)]
    pub(crate) primary: bool,
    /// Send about this many bytes a second, such as 5M
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) limit: Option<NonZeroU64>,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    #[command(flatten)]
    pub(crate) line: Line,
}

/// Runs the verb.
pub(crate) fn run(arguments: &ImportArguments, output: &mut Output) -> Result<Exit, Problem> {
    let address = Address::parse(&arguments.to)?;
    let file = arguments.file.canonicalize().ok().filter(|file| file.is_file()).ok_or_else(|| {
        Problem::usage("no_file", format!("There is no file {}.", arguments.file.display()))
            .remedy("A set of a whole channel is brought by `filesync restore --create`.")
    })?;
    let stopped = machine::stopped();
    output.phase("reading the file");
    let channel = WholeChannel::of_export(&file).map_err(|error| create::of(&error, &address, &file))?;
    let way = Way { line: &arguments.line, limit: arguments.limit, address: &address, source: &file };
    let owner = Owner { login: &arguments.account, password: &arguments.password, is_primary: arguments.primary };
    let outcome = create::at_door(&way, &owner, &channel, &stopped, output, |_, report| Ok(create::is_partial(report)))?;
    Ok(match outcome {
        Some(true) => Exit::NeedsAttention,
        Some(false) => Exit::Complete,
        None => {
            let about = json!({ "channel": address.text(), "file": file.display().to_string(), "state": "stopped" });
            output.say(&about, words::STOPPED);
            Exit::GoesOn
        }
    })
}

//! Completions and man pages, made of the arguments.

use std::io::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::args::Arguments;
use crate::problem::{Exit, Problem};

/// Prints the completions of a shell.
pub(crate) fn completions(shell: Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "filesync", &mut text);
    print(&text)
}

/// Prints all man pages one after another, or writes each to a file of its own.
pub(crate) fn man(folder: Option<&Path>) -> Result<Exit, Problem> {
    let mut command = Arguments::command();
    command.build();
    let pages = pages(&command);
    let Some(folder) = folder else {
        return Ok(print(&pages.into_iter().flat_map(|(_, page)| page).collect::<Vec<u8>>()));
    };
    let failed = |error: std::io::Error| Problem::usage("no_folder", format!("{} cannot be written: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    for (name, page) in pages {
        std::fs::write(folder.join(name), page).map_err(failed)?;
    }
    Ok(Exit::Complete)
}

fn pages(command: &Command) -> Vec<(String, Vec<u8>)> {
    std::iter::once(command)
        .chain(command.get_subcommands())
        .filter_map(|command| {
            let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
            let mut page = Vec::new();
            clap_mangen::Man::new(command.clone()).render(&mut page).ok()?;
            Some((format!("{name}.1"), page))
        })
        .collect()
}

fn print(text: &[u8]) -> Exit {
    if std::io::stdout().write_all(text).is_ok() { Exit::Complete } else { Exit::NeedsAttention }
}

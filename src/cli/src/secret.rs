//! Secrets that the user brings: printed by a command, in a file, or typed without echo. They are never arguments.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::problem::Problem;

/// Where a secret comes from.
pub(crate) struct Source<'a> {
    /// In one word, what it means if there is none.
    pub(crate) kind: &'static str,
    /// What it is; its options are named by it.
    pub(crate) name: &'static str,
    /// The command that prints it.
    pub(crate) command: Option<&'a str>,
    /// The file whose first line it is.
    pub(crate) file: Option<&'a Path>,
}

impl Source<'_> {
    /// Tells whether it need not be typed.
    pub(crate) fn is_named(&self) -> bool {
        self.command.is_some() || self.file.is_some()
    }

    /// Returns the secret, which is not empty.
    pub(crate) fn take(&self, prompt: &str) -> Result<String, Problem> {
        let text = if let Some(command) = self.command {
            self.said_by(command)?
        } else if let Some(path) = self.file {
            String::from_utf8(read(path)?).map_err(|_| self.problem(&format!("{} is not UTF-8.", path.display())))?
        } else {
            rpassword::prompt_password(prompt)
                .map_err(|error| self.problem(&format!("No {} could be read: {error}", self.name)))?
        };
        let secret = text.lines().next().unwrap_or_default().to_owned();
        if secret.is_empty() { Err(self.problem(&format!("The {} is empty.", self.name))) } else { Ok(secret) }
    }

    fn problem(&self, words: &str) -> Problem {
        Problem::usage(self.kind, words)
    }

    fn said_by(&self, command: &str) -> Result<String, Problem> {
        let shell = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let failed = |why: String| self.problem(&format!("--{}-command failed: {why}", self.name));
        let said = Command::new(shell.0)
            .args([shell.1, command])
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !said.status.success() {
            return Err(failed(said.status.to_string()));
        }
        String::from_utf8(said.stdout).map_err(|_| failed("it printed something that is not UTF-8".to_owned()))
    }
}

/// Reads a file that the user names.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|error| Problem::usage("no_file", format!("{} cannot be read: {error}", path.display())))
}

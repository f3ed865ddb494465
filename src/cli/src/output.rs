//! Where the command's words go: text for people, one JSON object a line for programs, progress to standard error.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};

use crate::problem::{Exit, Problem};
use crate::words;

/// How the command speaks.
pub(crate) struct Output {
    is_json: bool,
    is_quiet: bool,
    has_progress: bool,
    bar: Option<ProgressBar>,
    started: Instant,
    told: Instant,
    from: Option<u64>,
}

const BETWEEN_LINES: Duration = Duration::from_secs(10);

impl Output {
    pub(crate) fn new(is_json: bool, is_quiet: bool, has_progress: bool) -> Self {
        let is_bar = has_progress && !is_json && !is_quiet && std::io::stderr().is_terminal();
        let now = Instant::now();
        let bar = is_bar.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            bar.set_style(ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let has_progress = has_progress && !is_json && !is_quiet;
        Self { is_json, is_quiet, has_progress, bar, started: now, told: now, from: None }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Tells whether what needs nobody's attention is said, too.
    pub(crate) fn speaks(&self) -> bool {
        self.is_json || !self.is_quiet
    }

    /// Says something: an object for programs, or lines for people.
    pub(crate) fn say(&self, facts: &Value, text: &str) {
        if self.is_json {
            self.line(&facts.to_string());
        } else {
            for line in text.lines() {
                self.line(&words::one_line(line));
            }
        }
    }

    /// Says something to people only, unless they want it quiet.
    pub(crate) fn remark(&self, text: &str) {
        if !self.is_json && !self.is_quiet {
            self.aside(&words::one_line(text));
        }
    }

    fn line(&self, text: &str) {
        self.hidden(|| {
            // A reader that went away, such as `head`, wants no more.
            if writeln!(std::io::stdout(), "{text}").is_err() {
                std::process::exit(i32::from(Exit::NeedsAttention.code()));
            }
        });
    }

    /// Writes a line to standard error.
    pub(crate) fn aside(&self, text: &str) {
        self.hidden(|| {
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }

    fn hidden(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Says why the command ends.
    pub(crate) fn fail(&self, problem: &Problem, about: &Map<String, Value>) -> Exit {
        if self.is_json {
            let mut facts = about.clone();
            facts.insert("error".to_owned(), problem.kind.into());
            facts.insert("words".to_owned(), problem.sentence().into());
            self.line(&Value::Object(facts).to_string());
        } else {
            self.aside(&format!("filesync: {}", words::one_line(&problem.words)));
            if !problem.remedy.is_empty() {
                self.aside(&format!("          {}", words::one_line(&problem.remedy)));
            }
        }
        problem.exit
    }

    /// Shows progress: bytes of all bytes, and what is under way.
    pub(crate) fn progress(&mut self, head: &str, done: u64, all: u64, name: &str) {
        let is_due = self.bar.is_some() || (self.has_progress && self.told.elapsed() >= BETWEEN_LINES);
        if !is_due {
            return;
        }
        let done = done.min(all);
        let from = *self.from.get_or_insert(done);
        let text = shown(head, done, all, done.saturating_sub(from), self.started.elapsed());
        self.told = Instant::now();
        let name = words::one_line(name);
        match &self.bar {
            Some(bar) => bar.set_message(format!("{}   {name}", drawn(&text, done, all))),
            None => self.aside(&text),
        }
    }

    /// Shows what is done before there is a bar.
    pub(crate) fn phase(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None if self.has_progress && self.told.elapsed() >= BETWEEN_LINES => {
                self.told = Instant::now();
                self.aside(text);
            }
            None => {}
        }
    }

    /// Removes the bar.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = &self.bar {
            bar.set_message("");
            bar.finish_and_clear();
            bar.reset();
        }
    }
}

/// Puts two objects together.
pub(crate) fn with(about: &Value, facts: &Value) -> Value {
    let all: Map<String, Value> = [about, facts]
        .into_iter()
        .filter_map(Value::as_object)
        .flatten()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(all)
}

const WIDTH: u64 = 20;

fn drawn(text: &str, done: u64, all: u64) -> String {
    let full = usize::try_from(u128::from(WIDTH) * u128::from(done) / u128::from(all.max(1))).unwrap_or_default();
    let width = usize::try_from(WIDTH).unwrap_or_default();
    format!("{}{} {text}", "█".repeat(full), "░".repeat(width.saturating_sub(full)))
}

/// Returns progress in words: how much of all, how fast, how long still. The rate is that of this process.
fn shown(head: &str, done: u64, all: u64, new: u64, elapsed: Duration) -> String {
    let mut text = format!("{head}{} of {}", words::size(done), words::size(all));
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = u64::try_from(u128::from(new) * 1000 / u128::from(milliseconds)).unwrap_or(u64::MAX);
    if rate > 0 && elapsed >= Duration::from_secs(2) {
        let _ = write!(text, "   {}/s", words::size(rate));
        if done < all {
            let _ = write!(text, "   {} left", words::time((all - done).div_ceil(rate)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_much_how_fast_and_how_long() {
        let text = shown("812 of 1,203 files   ", 12 << 30, 17 << 30, 380 << 20, Duration::from_secs(10));
        assert_eq!(text, "812 of 1,203 files   12.0 GiB of 17.0 GiB   38.0 MiB/s   2 min 15 s left");
        assert_eq!(shown("", 0, 100, 0, Duration::from_secs(10)), "0 B of 100 B");
        assert_eq!(shown("", 100, 100, 100, Duration::from_secs(2)), "100 B of 100 B   50 B/s");
        assert!(drawn("x", 5, 10).starts_with(&"█".repeat(10)));
    }
}

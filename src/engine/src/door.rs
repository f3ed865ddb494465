//! The client of the upload door: an owner sends a set from home to a hub with filesync, which restores it.
//!
//! `docs/upload-door.md` describes the door. Invariants: nothing counts as sent before the hub has said so itself, and nothing as
//! restored before it has checked it; the key goes to this hub alone; memory does not grow with the number of files.

mod answer;
mod client;
mod pace;
mod plan;
mod restore;
mod run;
mod sending;
mod state;
mod watch;

pub use client::{Door, Terms};
pub use restore::{Ended, Foreseen, Outlook, Report, RestoreOptions, outlook, restore};
pub use state::{Attention, State};
pub use watch::{Progress, Unsent, Watch, Why};

/// Parsers of what a hub answers, for the fuzz targets.
#[doc(hidden)]
pub mod parsers {
    use super::answer::Answer;
    use super::{State, Terms};
    use crate::error::{Error, Result};

    /// Reads an answer: what it means as a refusal, what the door takes, and how far a restore is.
    pub fn answer(status: u16, why: &[u8], offset: &[u8], body: &[u8]) -> (Error, Result<Terms>, State) {
        let answer = Answer::headed(status, &[why], &[offset], None).saying(body);
        let _ = (answer.is_late(), answer.is_too_long(), answer.is_refused_on_the_way());
        (answer.refusal(), Terms::of(&answer), State::of(answer.said.unwrap_or_default()))
    }
}

//! Parsers of what a hub answers, for the fuzz targets.

use super::answer::Answer;
use super::client::Terms;
use super::state::State;
use crate::error::{Error, Result};

/// Reads an answer: what it means as a refusal, what the door takes, and how far a restore is.
pub fn answer(status: u16, why: &[u8], offset: &[u8], body: &[u8]) -> (Error, Result<Terms>, State) {
    let answer = Answer::headed(status, &[why], &[offset], None).saying(body);
    let _ = (answer.is_late(), answer.is_too_long(), answer.is_refused_on_the_way());
    (answer.refusal(), Terms::of(&answer), State::of(answer.said.unwrap_or_default()))
}

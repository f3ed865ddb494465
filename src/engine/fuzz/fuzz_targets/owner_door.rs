//! Whatever a hub answers to the owner's command: `owner_door` in `tests/support/answers.rs` says what holds of it.
//!
//! Seeds: `seeds/owner_door`.
#![no_main]

#[allow(dead_code, reason = "each target has one of them")]
#[path = "../../tests/support/answers.rs"]
mod answers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| answers::owner_door(bytes));

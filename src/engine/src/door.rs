//! The client of the upload door: an owner sends a set from home to a hub with filesync, which restores it. And of the creating door,
//! through which the channel itself comes before its files.
//!
//! `docs/upload-door.md` and `docs/creating-door.md` describe the doors. Invariants: nothing counts as sent before the hub has said so itself, and nothing as
//! restored before it has checked it; the key goes to this hub alone; memory does not grow with the number of files.

mod answer;
mod channel;
mod client;
mod create;
mod drill;
mod export;
mod outside;
mod pace;
#[doc(hidden)]
pub mod parsers;
mod plan;
mod restore;
mod run;
mod sending;
mod state;
mod watch;

pub use channel::WholeChannel;
pub use client::{Door, Terms};
pub use create::{CreateOptions, CreateReport, CreateWatch, Created, create, give_up, restore_key};
pub use drill::{DrillOptions, DrillReport, Drilled, drill};
pub use outside::{Findings, Outside, Proof};
pub use restore::{Ended, Foreseen, Outlook, Report, RestoreOptions, outlook, restore};
pub use state::{Attention, State};
pub use watch::{Progress, Unsent, Watch, Why};

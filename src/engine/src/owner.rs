//! What an owner does from home: reads everything about a channel's files from its hub, and writes a set. From any hub, with a log-in
//! at its own API; from one with filesync, with a key at its reading door, and there, on demand, the whole channel with a pass.
//!
//! Invariants: the hub is only read, but for the request of a token or a pass, and the log-out; the channel's private key is asked
//! for only where a whole channel is, and is sealed before it reaches a file; what the hub says becomes a set only by the rules of [`crate::set`].

mod bytes;
mod connection;
mod listing;
mod notes;
#[doc(hidden)]
pub mod parsers;
mod pass;
mod posts;
mod reading;
mod reading_door;
mod rest;
mod rows;
mod run;
mod shares;
mod whole;
mod wire;
mod writing;

pub use connection::{Channel, Connection, Credentials, Greeting};
pub use notes::Lack;
pub use pass::{AskFactor, account_pass, pass};
pub use reading::{outlook as outlook_at_door, read as read_at_door};
pub use reading_door::{About, Door, Doors};
pub use run::{outlook, run};
pub use whole::{Seal, Whole};
pub use wire::ConnectionOptions;
pub(crate) use wire::Wire;
pub use writing::{Ended, Outlook, Progress, Report, RunOptions, Target, Watch};

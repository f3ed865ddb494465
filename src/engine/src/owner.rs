//! What an owner does from home: reads everything about a channel's files from its hub, and writes a set. From any hub, with a log-in
//! at its own API; from one with filesync, with a key at its reading door.
//!
//! Invariants: the hub is only read, but for the request of a token and the log-out; the channel's private key is never asked
//! for; what the hub says becomes a set only by the rules of [`crate::set`].

mod bytes;
mod choice;
mod connection;
mod door;
mod listing;
mod notes;
#[doc(hidden)]
pub mod parsers;
mod posts;
mod reading;
mod rows;
mod run;
mod shares;
mod wire;
mod writing;

pub use choice::Choice;
pub use connection::{Channel, Connection, Credentials, Greeting};
pub use door::{About, Door, Doors};
pub use notes::Lack;
pub use reading::{outlook as outlook_at_door, read as read_at_door};
pub use run::{outlook, run};
pub use wire::ConnectionOptions;
pub(crate) use wire::Wire;
pub use writing::{Ended, Outlook, Progress, Report, RunOptions, Target, Watch};

//! What an owner does from home with a hub that has no filesync: logs in, reads everything about the files, and writes a set.
//!
//! Invariants: the hub is only read, but for the request of a token and the log-out; the channel's private key is never asked
//! for; what the hub says becomes a set only by the rules of [`crate::set`].

mod bytes;
mod choice;
mod connection;
mod listing;
mod notes;
mod posts;
mod rows;
mod run;
mod shares;
mod wire;

pub use choice::Choice;
pub use connection::{Channel, Connection, Credentials, Greeting};
pub use notes::Lack;
pub use run::{Ended, Outlook, Progress, Report, RunOptions, Watch, outlook, run};
pub use wire::ConnectionOptions;
pub(crate) use wire::Wire;

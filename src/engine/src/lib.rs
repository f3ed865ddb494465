//! The engine of filesync: bytes, URLs, signatures.
//!
//! It knows nothing of PHP and nothing of databases. It receives values (URLs, keys, paths, limits, a clock) and
//! returns values; the same call can be made from a test, a command or the PHP extension.

pub mod body;
pub mod digest;
pub mod error;
pub mod getfile;
pub mod head;
pub mod http;
pub mod inventory;
pub mod item;
pub mod limits;
pub mod paths;
mod patience;
pub mod photo;
pub mod proof;
pub mod relocate;
pub mod signature;
pub mod store;
pub mod transfer;

pub use error::{Error, ErrorKind, Result};
pub use limits::{InventoryLimits, Limits, PhotoLimits, TransferLimits};

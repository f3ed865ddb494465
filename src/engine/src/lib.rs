//! The engine of filesync: moves, proves and stores the files of nomadic channels, rewrites URLs and scales photos.
//!
//! It knows nothing of PHP and nothing of databases. It receives values (URLs, keys, paths, limits, a clock) and
//! returns values; the same call can be made from a test, a command or the PHP extension.
//!
//! Each subject has a module of its own; what several of them use (paths, keys, digests, errors, limits) is here at the top.
//!
//! ```
//! use std::path::Path;
//! use std::time::Duration;
//!
//! use filesync_engine::transfer::{BatchOptions, Outcome, Surroundings, TransferBatch, TransferSpec};
//! use filesync_engine::{Access, AddressPolicy, Identity, Limits, Result};
//!
//! /// Receives files into a folder; returns the names of those that are whole, proven and on disk.
//! fn receive(folder: &Path, own: Identity, surroundings: Surroundings, wanted: Vec<TransferSpec>) -> Result<Vec<String>> {
//!     let mut batch = TransferBatch::new(BatchOptions {
//!         root: folder,
//!         access: Access::Channel(own),
//!         policy: AddressPolicy { allow_http: false, allow_private_addresses: false },
//!         ca_pem: None,
//!         proxy: None,
//!         store_root: None,
//!         parallel: 4,
//!         ranges: 4,
//!         bytes_per_second: None,
//!         limits: Limits::default(),
//!         surroundings,
//!     })?;
//!     for spec in wanted {
//!         batch.add(spec)?;
//!     }
//!     let mut received = Vec::new();
//!     while batch.pending() > 0 {
//!         for report in batch.step(Duration::from_millis(500))? {
//!             if let Outcome::Complete(_) = report.outcome {
//!                 received.push(report.name);
//!             }
//!         }
//!     }
//!     Ok(received)
//! }
//! ```

mod body;
mod digest;
pub mod door;
pub mod dump;
mod error;
mod getfile;
mod head;
mod http;
pub mod inventory;
pub mod item;
mod limits;
pub mod owner;
pub mod pack;
mod paths;
mod patience;
pub mod photo;
pub mod proof;
pub mod relocate;
pub mod set;
mod signature;
pub mod store;
pub mod transfer;
mod upload;

pub use digest::{Digest, FileDigest};
pub use error::{Error, ErrorKind, Result};
pub use getfile::HubUrl;
pub use http::AddressPolicy;
pub use limits::{DumpLimits, InventoryLimits, Limits, PhotoLimits, SetLimits, TransferLimits};
pub use paths::{FileFacts, RelativePath, Root};
pub use signature::{Access, ChannelKey, Identity, Pass, PublicKey, Secret};
pub use upload::{Upload, UploadSpec};

/// Parsers of other hubs' replies, for the fuzz targets.
#[doc(hidden)]
pub mod parsers {
    pub use crate::body::{FileData, FileReply, FileRow, TicketReply};
    pub use crate::head::*;
}

//! What a batch tells its caller.

use std::num::NonZeroU64;
use std::time::Duration;

use super::TransferId;
use super::ticket::Peer;
use crate::digest::Digest;
use crate::error::Error;
use crate::getfile::HubUrl;

/// How a transfer ended.
#[derive(Debug)]
pub struct Report {
    /// The number that [`TransferBatch::add`] gave.
    pub id: TransferId,
    /// Base name of the partial file.
    pub name: String,
    /// Bytes received in this run.
    pub received_bytes: u64,
    /// Bytes that an earlier run had left.
    pub resumed_at_byte: u64,
    /// Time since its first step.
    pub duration: Duration,
    /// The proven file, or why there is none.
    pub outcome: Outcome,
}

/// A transfer's end.
#[derive(Debug)]
pub enum Outcome {
    /// The partial file is whole and on disk, or the bytes are those that the caller has.
    Complete(Complete),
    /// It failed; what arrived is kept unless it was wrong.
    Failed(Error),
    /// It was cancelled; what arrived is kept.
    Cancelled,
}

/// What is known of a complete file.
#[derive(Debug)]
pub struct Complete {
    /// Its size.
    pub size_bytes: u64,
    /// Its digest, computed while it arrived.
    pub digest: Digest,
    /// The origin hub's time stamp for it, or empty.
    pub edited: String,
    /// Where it came from.
    pub origin: HubUrl,
    /// The last rung that brought bytes.
    pub rung: Rung,
    /// What was checked.
    pub proof: Vec<&'static str>,
}

/// A way to read from an origin hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Nothing had to be read: an empty file, or all bytes were there.
    None,
    /// The origin holds what the caller shows already; no partial file was made.
    Unchanged,
    /// The same bytes were found in the channel's store.
    Copy,
    /// getfile, whole.
    Getfile,
    /// `/dav` with ranges.
    Dav,
    /// The API's `filedata`, in small pieces.
    Filedata,
    /// A filesync hub's own GET, with a ticket.
    Filesync,
}

impl Rung {
    /// Returns the rung's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unchanged => "unchanged",
            Self::Copy => "copy",
            Self::Getfile => "getfile",
            Self::Dav => "dav",
            Self::Filedata => "filedata",
            Self::Filesync => "filesync",
        }
    }
}

/// Where a transfer stands.
#[derive(Debug)]
pub struct Progress {
    /// The transfer.
    pub id: TransferId,
    /// Base name of the partial file.
    pub name: String,
    /// Whether it has begun.
    pub is_active: bool,
    /// Its size as far as known.
    pub size_bytes: u64,
    /// Bytes on disk.
    pub offset_bytes: u64,
    /// Mean rate of this run.
    pub bytes_per_second: u64,
    /// The rung in use.
    pub rung: Rung,
}

/// What is known about one of an origin's rungs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RungState {
    /// Nothing was asked yet.
    Untried,
    /// It was answered as agreed.
    Open,
    /// Not to be used in this batch: forbidden here, closed there, or an answer that is not to be believed.
    Refused,
}

/// What a batch learnt about an origin hub.
#[derive(Clone, Debug)]
pub struct OriginStatus {
    /// Its root URL.
    pub hub: HubUrl,
    /// Its `/dav` rung.
    pub dav: RungState,
    /// Why that was dropped.
    pub dav_reason: Option<String>,
    /// Its filesync.
    pub peer: Peer,
    /// Most bytes that it gives in one request, where longer ones die.
    pub piece_bytes: Option<NonZeroU64>,
    /// Bytes of files that came from it in this batch.
    pub received_bytes: u64,
    /// Transfers for which it was out of reach. That it is busy or has not the right bytes may be about one file only.
    pub failures: u32,
}

//! The reports of a batch to its caller.

use std::num::NonZeroU64;
use std::time::Duration;

use super::spec::TransferId;
use crate::digest::Digest;
use crate::error::Error;
use crate::getfile::HubUrl;

/// How a transfer ended.
#[derive(Debug)]
pub struct Report {
    /// The number from [`TransferBatch::add`](super::TransferBatch::add).
    pub id: TransferId,
    /// Base name of the partial file.
    pub name: String,
    /// Bytes received in this run.
    pub received_bytes: u64,
    /// Bytes from earlier runs.
    pub resumed_at_byte: u64,
    /// Time since its first step.
    pub duration: Duration,
    /// The proven file, or the failure.
    pub outcome: Outcome,
}

/// A transfer's end.
#[derive(Debug)]
pub enum Outcome {
    /// The partial file is whole and on disk, or the caller already has the bytes.
    Complete(Complete),
    /// It failed; received bytes are kept unless they were wrong.
    Failed(Error),
    /// It was cancelled; received bytes are kept.
    Cancelled,
}

/// The facts of a complete file.
#[derive(Debug)]
pub struct Complete {
    /// Its size.
    pub size_bytes: u64,
    /// Its digest, computed while it arrived.
    pub digest: Digest,
    /// The origin hub's time stamp for it, or empty.
    pub edited: String,
    /// Its origin.
    pub origin: HubUrl,
    /// The last rung that delivered bytes.
    pub rung: Rung,
    /// The checks that were made.
    pub proof: Vec<Proof>,
}

/// A check that a file has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It has as many bytes as stated.
    Size,
    /// The hub's row was the same before and after.
    Filemeta,
    /// It has the stated digest.
    Sha256,
    /// The hub computed that digest only afterwards, and its other facts were still the same.
    Facts,
    /// Random ranges, read again over another rung or connection, are the same.
    Spot,
    /// The whole file, read again, is the same.
    Twice,
    /// It can be read as the image that it claims to be.
    Image,
    /// The packet states another digest; the origin's own ticket was believed.
    Ticket,
}

impl Proof {
    /// Returns the check's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Filemeta => "filemeta",
            Self::Sha256 => "sha256",
            Self::Facts => "facts",
            Self::Spot => "spot",
            Self::Twice => "twice",
            Self::Image => "image",
            Self::Ticket => "ticket",
        }
    }
}

/// A way to read from an origin hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Nothing had to be read: an empty file, or all bytes had arrived before.
    None,
    /// The origin has the bytes that the caller already shows; no partial file was made.
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

/// The progress of a transfer.
#[derive(Debug)]
pub struct Progress {
    /// The transfer.
    pub id: TransferId,
    /// Base name of the partial file.
    pub name: String,
    /// Whether it has begun.
    pub is_active: bool,
    /// Its size, as far as known.
    pub size_bytes: u64,
    /// Bytes on disk.
    pub offset_bytes: u64,
    /// Mean rate of this run.
    pub bytes_per_second: u64,
    /// The rung in use.
    pub rung: Rung,
}

/// The state of one of an origin's rungs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RungState {
    /// Not tried yet.
    Untried,
    /// It works.
    Open,
    /// Unusable in this batch: forbidden here, closed there, or not believable.
    Refused,
}

/// The state of a hub's filesync, for the caller.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Whether it speaks filesync.
    pub state: RungState,
    /// Why it was given up for this batch.
    pub reason: Option<String>,
    /// Its filesync version.
    pub version: Option<String>,
    /// Its features.
    pub features: Vec<String>,
    /// By how much its clock is ahead of ours.
    pub skew_seconds: Option<i64>,
}

/// What a batch has learnt about an origin hub.
#[derive(Clone, Debug)]
pub struct OriginStatus {
    /// Its root URL.
    pub hub: HubUrl,
    /// Its `/dav` rung.
    pub dav: RungState,
    /// Why it was dropped.
    pub dav_reason: Option<String>,
    /// Its filesync.
    pub peer: Peer,
    /// The longest request that it answers, if longer ones die.
    pub piece_bytes: Option<NonZeroU64>,
    /// Bytes of files received from it in this batch.
    pub received_bytes: u64,
    /// Transfers for which it was unreachable. Being busy or lacking the right bytes may concern a single file.
    pub failures: u32,
}

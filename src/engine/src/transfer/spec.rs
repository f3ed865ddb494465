//! What a caller wants: which file, from which hubs.

use std::num::NonZeroU64;

use crate::digest::Digest;
use crate::getfile::HubUrl;
use crate::paths::RelativePath;

/// One wanted file, or scale of a photo.
#[derive(Clone, Debug)]
pub struct TransferSpec {
    /// Base name of the partial file.
    pub name: String,
    /// The file's hash among the clones.
    pub hash: String,
    /// 0 for the file itself, otherwise a photo's scale.
    pub scale: u8,
    /// Size from the packet.
    pub size_bytes: u64,
    /// The maximum of bytes that it may have, whatever a hub states.
    pub most_bytes: u64,
    /// `edited` from the packet, `Y-m-d H:i:s`, or empty.
    pub edited: String,
    /// Digest, if a clone stated one.
    pub sha256: Option<Digest>,
    /// MIME type from the packet, or empty.
    pub mimetype: String,
    /// Digest of the bytes that the caller shows now: equal bytes need not be fetched.
    pub have_sha256: Option<Digest>,
    /// Files of the store that may have the bytes; checked once a clone has stated the digest.
    pub copies: Vec<RelativePath>,
    /// Hubs to ask, best first.
    pub origins: Vec<OriginSpec>,
}

/// One hub that may have the file.
#[derive(Clone, Debug)]
pub struct OriginSpec {
    /// Its root URL.
    pub hub: HubUrl,
    /// Whether the packet came from it: if it may answer later, that is waited for, whatever other hubs state.
    pub announced: bool,
    /// The channel's nick there.
    pub nick: String,
    /// Names of the folders and of the file.
    pub path: Vec<String>,
    /// Whether its `/dav` rung may be used.
    pub dav_allowed: bool,
    /// Whether it may be asked for tickets.
    pub filesync_allowed: bool,
    /// Most bytes for one request, from an earlier batch; none if the hub answers requests of any length.
    pub piece_bytes: Option<NonZeroU64>,
}

/// Identifies a transfer within its batch.
pub type TransferId = u64;

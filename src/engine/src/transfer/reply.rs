//! What every rung demands of a hub's reply, whatever was asked for.

use super::chunks::Chunk;
use crate::error::{Error, ErrorKind, Result};
use crate::getfile::HubUrl;
use crate::head;
use crate::http::Reply;

/// The longest believable `edited` of a file.
pub(crate) const MAX_EDITED_BYTES: usize = 32;

/// Builds the error for a file that the hub does not have.
pub(crate) fn missing_row(hub: &HubUrl) -> Error {
    Error::new(ErrorKind::NotFound, "reading a file's row")
        .context("hub", hub)
        .context("fault", "the origin hub has no such file")
}

/// Returns the stated range of a reply: of a file of this size, and overlapping the requested one. It may
/// begin earlier or later and be shorter or longer, such as when a server gives whole blocks.
///
/// # Errors
///
/// `Corrupt` if it states no such range. Then no byte of it may be stored; it says nothing about stored bytes.
pub(crate) fn brought_range(reply: Reply, range: &Chunk, size_bytes: u64) -> Result<(Reply, Chunk)> {
    let found = head::content_range(&reply.values("content-range"));
    let fault = match found {
        None => "a range without its position",
        Some(found) if found.total.unwrap_or(size_bytes) != size_bytes || found.last >= size_bytes => {
            "a range of a file of another size"
        }
        Some(found) if found.first >= range.end || found.last < range.start => "a range without any requested byte",
        Some(found) if range.start.saturating_sub(found.first) > MAX_BESIDE_BYTES => {
            "a range that begins far before the requested one"
        }
        Some(found) => return Ok((reply, found.first..found.last + 1)),
    };
    let expected = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
    let computed = head::shown(&reply.values("content-range"));
    Err(reply.error(ErrorKind::Corrupt, fault).context("expected", expected).context("computed", computed))
}

/// How many unrequested bytes are read, before a range and after it.
pub(crate) const MAX_BESIDE_BYTES: u64 = 16 << 20;

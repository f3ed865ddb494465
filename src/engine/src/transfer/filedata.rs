//! The last rung of a stock hub: its API's `filedata`, base64 in JSON, one small piece for each request. It is slow, but every stock hub
//! has it, it can resume, and it reads the bytes in another way than `/dav` does.

use super::chunks::Chunk;
use super::shared::Shared;
use super::source::Origin;
use crate::body::FileData;
use crate::error::{Error, ErrorKind, Result};
use crate::getfile;
use crate::head;
use crate::http::Pool;

/// The longest piece; the hub needs about four times as much memory for it.
pub(crate) const FILEDATA_BYTES: u64 = 2 << 20;

/// A piece of a file, with its row.
pub(crate) struct Piece {
    /// Where the received bytes begin, some of which are in the requested range.
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
    /// Size of the whole file, as its row has it.
    pub(crate) size_bytes: Option<u64>,
    /// When it was changed, as its row has it.
    pub(crate) edited: String,
    /// The hub's own time.
    pub(crate) hub_time: Option<i64>,
}

/// Reads a range of at most [`FILEDATA_BYTES`]; returns the start of the received bytes, some of which are in that range.
///
/// # Errors
///
/// As [`read_piece`].
pub(crate) async fn read(origin: &Origin, shared: &Shared, hash: &str, range: &Chunk, pool: Pool) -> Result<(u64, Vec<u8>)> {
    read_piece(origin, shared, hash, range, pool).await.map(|piece| (piece.start, piece.bytes))
}

/// Reads a range of at most [`FILEDATA_BYTES`], with the file's row.
///
/// # Errors
///
/// `Refused` without a session, `PeerBusy` if the hub has the row but not the bytes, `Unsupported` for an answer to
/// something else, `Corrupt` for one that contradicts itself.
pub(crate) async fn read_piece(origin: &Origin, shared: &Shared, hash: &str, range: &Chunk, pool: Pool) -> Result<Piece> {
    let error =
        |kind, fault: &str| Error::new(kind, "reading through filedata").context("hub", &origin.hub).context("fault", fault);
    let url = getfile::filedata_url(&origin.hub, hash, range);
    let Some(reply) = origin.ask_api(shared, url, pool).await? else {
        return Err(error(ErrorKind::Refused, "no session"));
    };
    let length = range.end - range.start;
    let hub_time = head::dated(&reply.values("date"));
    let most = usize::try_from(length.div_ceil(3) * 4).unwrap_or(usize::MAX).saturating_add(shared.limits.max_reply_bytes);
    let body = reply.bytes(most, &shared.patience()).await?;
    if body.is_empty() {
        return Err(error(ErrorKind::NotFound, "the origin hub has no such file"));
    }
    let Some(data) = FileData::parse(&body) else {
        return Err(error(ErrorKind::Unsupported, "not the JSON of one row"));
    };
    // The hub treats the hash as a prefix.
    if data.hash != hash {
        return Err(error(ErrorKind::Unsupported, "the row of another file"));
    }
    let Some(given) = data.length else {
        return Err(error(ErrorKind::PeerBusy, "the row exists but the bytes are missing"));
    };
    if data.start >= range.end || data.start.saturating_add(given) <= range.start {
        return Err(error(ErrorKind::Corrupt, "a range without any requested byte")
            .context("expected", format!("{length} from byte {}", range.start))
            .context("computed", format!("{given} from byte {}", data.start)));
    }
    let bytes = data.bytes.ok_or_else(|| error(ErrorKind::Corrupt, "content that is not base64"))?;
    if bytes.len() as u64 != given {
        return Err(error(ErrorKind::Corrupt, "fewer or more bytes than stated")
            .context("expected_bytes", given)
            .context("received_bytes", bytes.len()));
    }
    origin.note_filedata_answered();
    Ok(Piece { start: data.start, bytes, size_bytes: data.size_bytes, edited: data.edited, hub_time })
}

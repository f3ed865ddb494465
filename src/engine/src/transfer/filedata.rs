//! The last rung of a stock hub: its API's `filedata`, base64 in JSON, a small piece a request. Slow, but every stock hub
//! has it, it resumes, and it reads the bytes another way than `/dav` does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Shared;
use super::chunks::Chunk;
use super::source::{Loose, Origin};
use crate::error::{Error, ErrorKind, Result};
use crate::getfile;
use crate::http::Pool;

/// The longest piece; the hub needs about four times as much memory for it.
pub(crate) const FILEDATA_BYTES: u64 = 2 << 20;

#[derive(Deserialize)]
struct FileDataReply {
    attach: DataRow,
}

#[derive(Deserialize)]
struct DataRow {
    hash: String,
    #[serde(default)]
    start: Loose,
    /// Missing where the hub has the row and not the bytes.
    length: Option<Loose>,
    #[serde(default)]
    content: String,
}

impl Origin {
    /// Reads a range of at most [`FILEDATA_BYTES`].
    ///
    /// # Errors
    ///
    /// `Refused` without a session, `PeerBusy` if the hub has the row and not the bytes, `Unsupported` for an answer to
    /// something else.
    pub(crate) async fn filedata(&self, shared: &Shared, hash: &str, range: &Chunk, pool: Pool) -> Result<Vec<u8>> {
        let error =
            |kind, fault: &str| Error::new(kind, "reading through filedata").context("hub", &self.hub).context("fault", fault);
        let url = getfile::filedata_url(&self.hub, hash, range);
        let Some(reply) = self.ask_api(shared, url, pool).await? else {
            return Err(error(ErrorKind::Refused, "no session"));
        };
        let length = range.end - range.start;
        let most = usize::try_from(length.div_ceil(3) * 4).unwrap_or(usize::MAX).saturating_add(shared.limits.max_reply_bytes);
        let body = reply.bytes(most, &shared.patience()).await?;
        if body.is_empty() {
            return Err(error(ErrorKind::NotFound, "the origin hub has no such file"));
        }
        let row = match serde_json::from_slice::<FileDataReply>(&body) {
            Ok(reply) => reply.attach,
            Err(_) => return Err(error(ErrorKind::Unsupported, "not the JSON of one row")),
        };
        // The hub takes the hash for the beginning of one.
        if row.hash != hash {
            return Err(error(ErrorKind::Unsupported, "the row of another file"));
        }
        let Some(given) = row.length.as_ref().and_then(Loose::number) else {
            return Err(error(ErrorKind::PeerBusy, "the row is there and the bytes are not"));
        };
        if (row.start.number(), given) != (Some(range.start), length) {
            return Err(error(ErrorKind::Corrupt, "another range than asked")
                .context("expected_bytes", length)
                .context("received_bytes", given));
        }
        let bytes = STANDARD.decode(row.content).map_err(|_| error(ErrorKind::Corrupt, "content that is not base64"))?;
        if bytes.len() as u64 != length {
            return Err(error(ErrorKind::Corrupt, "fewer or more bytes than stated")
                .context("expected_bytes", length)
                .context("received_bytes", bytes.len()));
        }
        self.note_filedata_answered();
        Ok(bytes)
    }
}

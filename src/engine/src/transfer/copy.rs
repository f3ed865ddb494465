//! Bytes that the channel's store already holds: shared with the other file if the file system can, otherwise copied. Never
//! a hard link, because a hub overwrites files in place.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::task::Poll;

use super::job::Job;
use super::partial::{Partial, Version};
use super::report::{Complete, Proof, Rung};
use super::shared::Shared;
use super::work::{SharedPartial, sync};
use crate::digest::Digest;
use crate::error::{ErrorKind, OrFail, Result};
use crate::getfile::HubUrl;

/// The wanted version.
pub(super) struct Sought<'a> {
    pub(super) size_bytes: u64,
    pub(super) sha256: Digest,
    pub(super) edited: &'a str,
    /// The hub that stated it.
    pub(super) origin: &'a HubUrl,
}

/// Searches the files of the store that may have the digest; a file counts only after its digest is computed.
pub(super) async fn from_store(shared: &Shared, job: &Job, sought: Sought<'_>) -> Result<Option<Complete>> {
    let Some(store) = &shared.store else { return Ok(None) };
    let Sought { size_bytes, sha256, edited, origin } = sought;
    for path in &job.spec.copies {
        // Gone or changed meanwhile: then the bytes come from a clone.
        let Ok(source) = store.open_file(path) else { continue };
        if source.metadata().is_ok_and(|facts| facts.is_file() && facts.len() == size_bytes)
            && copy(shared, job, &source, &Version { size_bytes, sha256: Some(sha256), rows: Vec::new() }).await?
        {
            return Ok(Some(Complete {
                size_bytes,
                digest: sha256,
                edited: edited.to_owned(),
                origin: origin.clone(),
                rung: Rung::Copy,
                proof: vec![Proof::Size, Proof::Sha256],
            }));
        }
    }
    Ok(None)
}

async fn copy(shared: &Shared, job: &Job, source: &File, version: &Version) -> Result<bool> {
    let mut partial = Partial::open(&shared.place(), &job.spec.name, version.clone())?;
    if !partial.reflink(source)? && !copy_missing(&mut partial, source).await? {
        return Ok(false);
    }
    while partial.hash_more(PIECE_BYTES)? {
        breathe().await;
    }
    if partial.digest()? != version.sha256 {
        partial.discard()?;
        return Ok(false);
    }
    job.size_bytes.set(version.size_bytes);
    job.offset_bytes.set(partial.received_bytes());
    job.rung.set(Rung::Copy);
    sync(shared, &SharedPartial::new(partial)).await.map(|()| true)
}

/// Copies what is missing, a piece at a time; false if the source ended early.
async fn copy_missing(partial: &mut Partial<'_>, source: &File) -> Result<bool> {
    let mut buffer = Vec::new();
    while let Some(gap) = partial.first_gap() {
        let length = (gap.end - gap.start).min(PIECE_BYTES);
        buffer.resize(usize::try_from(length).or_fail(ErrorKind::InvalidInput, "copying a file")?, 0);
        if source.read_exact_at(&mut buffer, gap.start).is_err() {
            partial.discard()?;
            return Ok(false);
        }
        partial.write_at(gap.start, &buffer)?;
        breathe().await;
    }
    Ok(true)
}

const PIECE_BYTES: u64 = 1 << 20;

/// Lets other transfers work, and the step end on time.
async fn breathe() {
    let mut breathed = false;
    std::future::poll_fn(|context| {
        if breathed {
            return Poll::Ready(());
        }
        breathed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

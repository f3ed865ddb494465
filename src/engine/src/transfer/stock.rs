//! The rungs of a stock hub: its row, getfile, `/dav`, and the second look that replaces a digest.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::Rung;
use super::chunks::Chunk;
use super::filedata::FILEDATA_BYTES;
use super::partial::{self, Partial, Version};
use super::receive::{MAX_CRUMBS, Reading, SharedPartial, Work, next_to_nothing};
use super::report::Complete;
use super::source::{DavFile, FileMeta, MAX_BESIDE_BYTES, scale_bytes};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Pool;
use crate::patience::StallMeter;

impl Work<'_> {
    pub(super) async fn receive_file(&self) -> Result<Complete> {
        for _ in 0..=self.shared.limits.max_restarts {
            if let Reading::Proven(complete) = self.read_version().await? {
                return Ok(complete);
            }
        }
        Err(self.keeps_changing())
    }

    async fn read_version(&self) -> Result<Reading> {
        let (shared, job) = (self.shared, self.job);
        let before = self.settled_meta().await?;
        let partial = self.open(self.version(before.as_ref())?)?;
        self.bring_all(&partial, before.as_ref()).await?;
        let digest = Self::finish(&partial)?;

        let mut proof = vec!["size"];
        if let Some(before) = &before {
            let after = self.patiently(async || self.origin.file_meta(shared, &job.spec.hash).await).await?;
            let after = after.ok_or_else(|| self.origin.session_lost())?;
            if !after.same_version(before) {
                partial.borrow_mut().discard()?;
                return Ok(Reading::Changed);
            }
            proof.push("filemeta");
        }
        if partial.borrow().expected().is_some() {
            proof.push("sha256");
        } else if let Some(second_look) = self.look_again(&partial, before.as_ref(), digest).await? {
            if second_look == SecondLook::Differs {
                partial.borrow_mut().discard()?;
                return Ok(Reading::Changed);
            }
            proof.push(second_look.proof());
        }
        let edited = before.as_ref().map_or(job.spec.edited.as_str(), |meta| meta.edited.as_str());
        Ok(self.complete(&partial, digest, edited, proof))
    }

    /// Requests the row, and again once its `edited` can no longer change within its second.
    async fn settled_meta(&self) -> Result<Option<FileMeta>> {
        let settle_seconds = i64::try_from(self.shared.limits.settle_time.as_secs()).unwrap_or(i64::MAX);
        let ask = async || self.origin.file_meta(self.shared, &self.job.spec.hash).await;
        for round in 0..=self.shared.limits.max_restarts {
            let meta = if round == 0 { ask().await? } else { self.patiently(ask).await? };
            match meta.as_ref().and_then(|meta| meta.age_seconds) {
                Some(age) if (0..settle_seconds).contains(&age) => {
                    tokio::time::sleep(Duration::from_secs(u64::try_from(settle_seconds - age).unwrap_or(1))).await;
                }
                _ => return Ok(meta),
            }
        }
        // A hub that says so for ever must not block anybody.
        Err(Error::new(ErrorKind::PeerBusy, "reading a file's row")
            .context("hub", &self.origin.hub)
            .context("fault", "the file keeps changing"))
    }

    /// Decides which version to read: the origin's own, which may be newer than the packet's but never older.
    fn version(&self, meta: Option<&FileMeta>) -> Result<Version> {
        let spec = &self.job.spec;
        let (size_bytes, edited) =
            meta.map_or((spec.size_bytes, spec.edited.as_str()), |meta| (meta.size_bytes, meta.edited.as_str()));
        self.check_version(size_bytes, edited)?;
        if spec.sha256.is_some() && edited == spec.edited && size_bytes != spec.size_bytes {
            // For example, a column too narrow for the size: `/dav` would end at the row's size.
            return Err(Error::new(ErrorKind::PeerBusy, "reading a file's row")
                .context("hub", &self.origin.hub)
                .context("fault", "the row states another size than the packet")
                .context("expected_bytes", spec.size_bytes)
                .context("found_bytes", size_bytes));
        }
        Ok(Version { size_bytes, sha256: self.given_digest(size_bytes, edited), rows: vec![self.row(edited)] })
    }

    /// Fetches every missing byte, through whichever rung works, always from where it stopped.
    async fn bring_all(&self, partial: &SharedPartial<'_>, meta: Option<&FileMeta>) -> Result<()> {
        let mut ladder = Ladder { dav: true, whole: true, filedata: true };
        let mut failure = None;
        while { partial.borrow().first_gap() }.is_some() {
            let reached = partial.borrow().received_bytes();
            let Some(rung) = self.choose(&ladder, reached).await else {
                return Err(failure.unwrap_or_else(|| self.origin.session_lost()));
            };
            let started = self.shared.clock.elapsed();
            let outcome = match rung {
                Rung::Dav => {
                    let bring = async |range| self.receive_range(partial, meta, range).await;
                    self.fill(partial, u64::MAX, bring).await
                }
                Rung::Filedata => {
                    self.fill(partial, FILEDATA_BYTES, async |range| self.receive_filedata(partial, range).await).await
                }
                _ => self.receive_whole(partial, meta).await,
            };
            let Err(error) = outcome else { continue };
            if partial.borrow().is_contradicted() {
                // Wrong bytes must not be reused.
                partial.borrow_mut().discard()?;
                return Err(error);
            }
            match error.kind() {
                // An unusable reply: nothing of it was kept, and the earlier bytes are still good.
                ErrorKind::Corrupt => {}
                ErrorKind::Storage | ErrorKind::LimitExceeded | ErrorKind::InvalidInput => return Err(error),
                // The rung is closed, or this file has no path there.
                kind if !kind.is_temporary() => {}
                // The hub fails on this rung; another may work.
                ErrorKind::PeerBusy if rung == Rung::Dav && reached == 0 => {}
                _ if rung == Rung::Getfile => {
                    let received = partial.borrow().arrived_of(&(0..self.job.size_bytes.get()));
                    let took = self.shared.clock.elapsed().saturating_sub(started);
                    self.origin.pieces.note_death(self.job.size_bytes.get(), received, took, &error);
                }
                _ => return Err(error),
            }
            // A whole file that broke off continues with ranges.
            ladder.close(rung);
            // Report a failure that waiting may fix rather than a permanent one.
            if failure.as_ref().is_none_or(|known: &Error| hope(known) < hope(&error)) {
                failure = Some(error);
            }
        }
        Ok(())
    }

    /// Chooses the next rung: a small file whole, otherwise any rung with ranges, fast ones first.
    async fn choose(&self, ladder: &Ladder, reached: u64) -> Option<Rung> {
        let size_bytes = self.job.size_bytes.get();
        let dav = ladder.dav && self.origin.has_dav().await;
        let filedata = ladder.filedata && self.origin.has_session().await;
        let dies_when_long = self.origin.pieces.limit().is_some_and(|limit| size_bytes > limit.get());
        let small = size_bytes <= self.shared.limits.small_file_bytes && !dies_when_long;
        Some(match () {
            () if ladder.whole && small && reached == 0 => Rung::Getfile,
            () if dav => Rung::Dav,
            () if filedata && (reached > 0 || dies_when_long || !ladder.whole) => Rung::Filedata,
            () if ladder.whole => Rung::Getfile,
            () => return None,
        })
    }

    async fn receive_range(&self, partial: &SharedPartial<'_>, meta: Option<&FileMeta>, gap: Chunk) -> Result<()> {
        let (reply, brought) = self.origin.dav_range(self.shared, &self.dav_file(meta), &gap, Pool::Main).await?;
        self.job.rung.set(Rung::Dav);
        self.store(partial, reply, &brought, gap.end.saturating_add(MAX_BESIDE_BYTES)).await
    }

    async fn receive_filedata(&self, partial: &SharedPartial<'_>, range: Chunk) -> Result<()> {
        let (start, bytes) = self.origin.filedata(self.shared, &self.job.spec.hash, &range, Pool::Main).await?;
        if start.saturating_add(bytes.len() as u64) > self.job.size_bytes.get() {
            return Err(Error::new(ErrorKind::Corrupt, "reading through filedata")
                .context("hub", &self.origin.hub)
                .context("fault", "more bytes than the file has")
                .context("expected_bytes", self.job.size_bytes.get()));
        }
        self.job.rung.set(Rung::Filedata);
        self.keep(partial, start, &bytes)
    }

    async fn receive_whole(&self, partial: &SharedPartial<'_>, meta: Option<&FileMeta>) -> Result<()> {
        let size_bytes = self.job.size_bytes.get();
        let reply = self.origin.whole_file(self.shared, &self.job.spec.hash, size_bytes).await.map_err(|error| {
            // The row exists, so a page means maintenance or a temporary fault, not a missing file.
            let passing = meta.is_some() && error.kind() == ErrorKind::NotFound;
            if passing {
                Error::new(ErrorKind::PeerBusy, "receiving a file").context("hub", &self.origin.hub).source(error)
            } else {
                error
            }
        })?;
        self.job.rung.set(Rung::Getfile);
        let outcome = self.store(partial, reply, &(0..size_bytes), size_bytes).await;
        match &outcome {
            Ok(()) => self.origin.pieces.note_whole(size_bytes),
            // The whole file is longer than its row says, so no range of that length covers it.
            Err(error) if error.kind() == ErrorKind::Corrupt => partial.borrow_mut().contradict(),
            Err(_) => {}
        }
        outcome
    }

    fn dav_file<'f>(&'f self, meta: Option<&'f FileMeta>) -> DavFile<'f> {
        DavFile { hash: &self.job.spec.hash, size_bytes: self.job.size_bytes.get(), path: &self.spec.path, meta }
    }

    /// Compares the received bytes with a second look at the origin, over another rung or connection.
    async fn look_again(
        &self,
        partial: &SharedPartial<'_>,
        meta: Option<&FileMeta>,
        digest: Digest,
    ) -> Result<Option<SecondLook>> {
        let size = self.job.size_bytes.get();
        if size == 0 {
            return Ok(None);
        }
        // Bytes that came one way are checked another way, if there is one.
        let ways = if self.job.rung.get() == Rung::Dav { [Rung::Filedata, Rung::Dav] } else { [Rung::Dav, Rung::Filedata] };
        // If bytes may have come in several ways, all are checked in every available way.
        let is_mixed = self.job.rung.get() == Rung::Filedata || self.job.resumed_at_byte.get() > 0;
        let (mut unusable, mut is_same) = (None, false);
        for way in ways {
            let open = if way == Rung::Dav { self.origin.has_dav().await } else { self.origin.has_session().await };
            if !open {
                continue;
            }
            match self.spot_check(partial, &self.dav_file(meta), way).await {
                Ok(look) if look == SecondLook::Differs || !is_mixed => return Ok(Some(look)),
                Ok(_) => is_same = true,
                // This way has no path to the file.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Unsupported) => {}
                Err(error) if error.kind() == ErrorKind::Corrupt => unusable = Some(error),
                Err(error) => return Err(error),
            }
        }
        if is_same {
            return Ok(Some(SecondLook::SameSpots));
        }
        if size > self.shared.limits.small_file_bytes {
            // A way with unbelievable answers does not make the second look unnecessary.
            return unusable.map_or(Ok(None), Err);
        }
        let is_same = self.patiently(async || self.comes_again(digest).await).await?;
        Ok(Some(if is_same { SecondLook::SameTwice } else { SecondLook::Differs }))
    }

    /// Requests the whole file again and tells whether it has this digest; reads no more bytes than the file has.
    async fn comes_again(&self, digest: Digest) -> Result<bool> {
        let size_bytes = self.job.size_bytes.get();
        let mut reply = self.origin.whole_file(self.shared, &self.job.spec.hash, size_bytes).await?;
        let patience = self.shared.patience();
        let mut stall = StallMeter::start(&patience, size_bytes);
        let mut hasher = Hasher::default();
        while let Some(piece) = reply.next(&mut stall, &patience).await? {
            hasher.update(piece.as_ref());
            if hasher.length_bytes() > size_bytes {
                return Ok(false);
            }
        }
        Ok(hasher.digest() == digest)
    }

    async fn spot_check(&self, partial: &SharedPartial<'_>, file: &DavFile<'_>, way: Rung) -> Result<SecondLook> {
        let limits = &self.shared.limits;
        let spots = spots(file.size_bytes, limits.spot_checks, limits.spot_bytes, &self.shared.surroundings.random);
        let looks = stream::iter(spots).map(|spot| async move {
            let seen = self.patiently(async || self.see(file, &spot, way).await).await?;
            Ok::<bool, Error>(seen == partial.borrow().read(&spot)?)
        });
        let same: Vec<bool> = looks.buffer_unordered(SPOTS_AT_ONCE).try_collect().await?;
        Ok(if same.iter().all(|same| *same) { SecondLook::SameSpots } else { SecondLook::Differs })
    }

    /// Reads a spot over another connection than the first.
    async fn see(&self, file: &DavFile<'_>, spot: &Chunk, way: Rung) -> Result<Vec<u8>> {
        let mut seen = Vec::new();
        // A server may give less than requested at once.
        for _ in 0..MAX_CRUMBS {
            if seen.len() as u64 >= spot.end - spot.start {
                return Ok(seen);
            }
            let rest = spot.start + seen.len() as u64..spot.end;
            let (start, bytes) = if way == Rung::Dav {
                let (mut reply, brought) = self.origin.dav_range(self.shared, file, &rest, Pool::Second).await?;
                // One byte more than expected, at the end of the file.
                let most = if brought.end <= rest.end { brought.end + 1 } else { rest.end } - brought.start;
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                let (bytes, _) = reply.look(most, &self.shared.patience()).await?;
                if bytes.len() as u64 > brought.end - brought.start {
                    return Err(reply.error(ErrorKind::Corrupt, "more bytes than requested"));
                }
                (brought.start, bytes.to_vec())
            } else {
                self.origin.filedata(self.shared, file.hash, &rest, Pool::Second).await?
            };
            let from = usize::try_from(rest.start.saturating_sub(start)).unwrap_or(usize::MAX);
            let most = usize::try_from(rest.end - rest.start).unwrap_or(usize::MAX);
            let new =
                if start > rest.start { None } else { bytes.get(from..) }.filter(|new| !new.is_empty()).ok_or_else(|| {
                    Error::new(ErrorKind::Corrupt, "looking at a file again")
                        .context("hub", &self.origin.hub)
                        .context("fault", "a range without its first byte")
                })?;
            seen.extend_from_slice(new.get(..most).unwrap_or(new));
        }
        Err(next_to_nothing(&self.origin.hub))
    }

    /// Reads a scale: it is small, the packet may state a wrong size, and it has no row to ask for.
    pub(super) async fn receive_scale(&self) -> Result<Complete> {
        let (shared, job) = (self.shared, self.job);
        let spec = &job.spec;
        let bytes = scale_bytes(shared, self.origin, &spec.hash, spec.scale).await?;
        job.rung.set(Rung::Getfile);
        job.received_bytes.set(bytes.len() as u64);
        self.origin.received_bytes.set(self.origin.received_bytes.get().saturating_add(bytes.len() as u64));
        self.check_most(bytes.len() as u64)?;
        crate::photo::check_whole(&bytes, &shared.limits)?;
        let digest = Digest::of(&bytes);
        let mut proof = vec!["image"];
        if let Some(expected) = spec.sha256 {
            if expected != digest {
                return Err(Error::new(ErrorKind::Corrupt, "verifying a scale")
                    .context("expected", expected)
                    .context("computed", digest));
            }
            proof.push("sha256");
        } else if bytes.len() as u64 == spec.size_bytes {
            proof.push("size");
        } else {
            // The row's size may come from another hub; two equal reads prove more than a wrong number.
            let again = scale_bytes(shared, self.origin, &spec.hash, spec.scale).await?;
            if again != bytes {
                return Err(Error::new(ErrorKind::Corrupt, "verifying a scale")
                    .context("expected_bytes", spec.size_bytes)
                    .context("received_bytes", bytes.len())
                    .context("fault", "two reads differ"));
            }
            proof.push("twice");
        }
        let size_bytes = bytes.len() as u64;
        let version = Version { size_bytes, sha256: Some(digest), rows: Vec::new() };
        partial::remove(&shared.root, &spec.name)?;
        let mut partial = Partial::open(&shared.root, &spec.name, version, &shared.surroundings.boot_id, &shared.limits)?;
        partial.write_at(0, &bytes)?;
        partial.finish()?;
        job.size_bytes.set(size_bytes);
        job.offset_bytes.set(size_bytes);
        Ok(self.proven(size_bytes, digest, &spec.edited, Rung::Getfile, proof))
    }
}

/// Ranks failures by the chance of a retry.
fn hope(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Corrupt => 1,
        kind if kind.is_temporary() => 2,
        _ => 0,
    }
}

/// The rungs that may still lead to a file.
struct Ladder {
    dav: bool,
    whole: bool,
    filedata: bool,
}

impl Ladder {
    fn close(&mut self, rung: Rung) {
        match rung {
            Rung::Dav => self.dav = false,
            Rung::Filedata => self.filedata = false,
            _ => self.whole = false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecondLook {
    SameSpots,
    SameTwice,
    Differs,
}

impl SecondLook {
    fn proof(self) -> &'static str {
        match self {
            Self::SameSpots => "spot",
            Self::SameTwice => "twice",
            Self::Differs => "none",
        }
    }
}

const SPOTS_AT_ONCE: usize = 4;

/// Chooses one random range in each equal stretch of the file; the first and last byte are always checked.
fn spots(size_bytes: u64, count: u32, length_bytes: u64, random: &dyn Fn() -> u64) -> Vec<Chunk> {
    let count = u64::from(count.max(1));
    if size_bytes <= count.saturating_mul(length_bytes) {
        return std::iter::once(0..size_bytes).collect();
    }
    let stretch = size_bytes / count;
    (0..count)
        .map(|number| {
            let first = number * stretch;
            let room = stretch - length_bytes;
            let start = match number {
                0 => 0,
                last if last == count - 1 => size_bytes - length_bytes,
                _ => first + random() % (room + 1),
            };
            start..start + length_bytes
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spots_lie_within_the_file_and_touch_both_ends(size in 1u64..10_000, count in 1u32..20, length in 1u64..300, seed in any::<u64>()) {
            let spots = spots(size, count, length, &move || seed);
            prop_assert!(spots.iter().all(|spot| spot.start < spot.end && spot.end <= size));
            prop_assert!(spots.first().unwrap().start == 0);
            prop_assert!(spots.last().unwrap().end == size || count == 1);
            prop_assert!(spots.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}

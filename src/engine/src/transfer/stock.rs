//! The rungs of a stock hub: its row, getfile, `/dav`, and the second look that replaces a digest.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::civil::DateTime;

use super::chunks::Chunk;
use super::filedata::{self, FILEDATA_BYTES};
use super::partial::{self, Partial, Version};
use super::reply::MAX_BESIDE_BYTES;
use super::report::{Complete, Proof, Rung};
use super::source::{DavFile, FileMeta, scale_bytes};
use super::work::{MAX_CRUMBS, Reading, SharedPartial, Work, next_to_nothing, sync};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Pool;
use crate::patience::StallMeter;

pub(super) async fn receive_file(work: &Work<'_>) -> Result<Complete> {
    if let Some(complete) = read_small(work).await? {
        return Ok(complete);
    }
    for _ in 0..=work.shared.limits.max_restarts {
        if let Reading::Proven(complete) = read_version(work).await? {
            return Ok(complete);
        }
    }
    Err(work.keeps_changing())
}

async fn read_version(work: &Work<'_>) -> Result<Reading> {
    let (shared, job) = (work.shared, work.job);
    let before = settled_meta(work).await?;
    let partial = work.open(version(work, before.as_ref())?)?;
    let ladder = Ladder { dav: true, whole: shared.may_sign(), filedata: true };
    bring_all(work, &partial, before.as_ref(), ladder).await?;
    let digest = Work::check(&partial)?;

    let mut proof = vec![Proof::Size];
    if let Some(before) = &before {
        let after = work.patiently(async || work.origin.file_meta(shared, &job.spec.hash).await).await?;
        let after = after.ok_or_else(|| work.origin.session_lost())?;
        if !after.same_version(before) {
            partial.borrow_mut().discard()?;
            return Ok(Reading::Changed);
        }
        proof.push(Proof::Filemeta);
    }
    if partial.borrow().expected().is_some() {
        proof.push(Proof::Sha256);
    } else if let Some(second_look) = look_again(work, &partial, before.as_ref(), digest).await? {
        let Some(same) = second_look.proof() else {
            partial.borrow_mut().discard()?;
            return Ok(Reading::Changed);
        };
        proof.push(same);
    }
    let edited = before.as_ref().map_or(job.spec.edited.as_str(), |meta| meta.edited.as_str());
    work.complete(&partial, digest, edited, proof).await
}

/// Reads a small file whose row is known from its packet, or which its owner has just read: all bytes, and then all of them again
/// another way, with which the row comes once more. None if anything speaks against it: then it is read the long way.
async fn read_small(work: &Work<'_>) -> Result<Option<Complete>> {
    let (shared, spec) = (work.shared, &work.job.spec);
    if !may_come_whole_twice(work).await {
        return Ok(None);
    }
    let version = Version { size_bytes: spec.size_bytes, sha256: None, rows: vec![work.row(&spec.edited)] };
    let partial = work.open(version)?;
    let ladder = Ladder { dav: true, whole: false, filedata: !shared.may_sign() };
    if let Err(error) = bring_all(work, &partial, None, ladder).await {
        // What may be cured by waiting, or is about this file alone, is decided by its row.
        return if error.kind() == ErrorKind::Storage { Err(error) } else { Ok(None) };
    }
    if shared.may_sign() && work.job.rung.get() != Rung::Dav {
        // They came in an earlier run, nobody knows how.
        return Ok(None);
    }
    let digest = Work::check(&partial)?;
    let whole = 0..spec.size_bytes;
    let Ok(again) = filedata::read_piece(work.origin, shared, &spec.hash, &whole, Pool::Second).await else { return Ok(None) };
    let edited: Option<DateTime> = again.edited.parse().ok();
    let edited_at = edited.and_then(|edited| edited.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let age = again.hub_time.zip(edited_at).map(|(now, edited)| now.saturating_sub(edited.timestamp().as_second()));
    let settle_seconds = i64::try_from(shared.limits.settle_time.as_secs()).unwrap_or(i64::MAX);
    let is_settled = age.is_some_and(|age| !(0..settle_seconds).contains(&age));
    let is_same_row = again.size_bytes == Some(spec.size_bytes) && again.edited.get(..19) == spec.edited.get(..19);
    if !is_settled || !is_same_row || again.start != 0 || Digest::of(&again.bytes) != digest {
        partial.borrow_mut().discard()?;
        return Ok(None);
    }
    let proof = vec![Proof::Size, Proof::Filemeta, Proof::Twice];
    match work.complete(&partial, digest, &spec.edited, proof).await? {
        Reading::Proven(complete) => Ok(Some(complete)),
        Reading::Changed => Ok(None),
    }
}

/// Tells whether a second look at this file would be one at all of it, and both ways are open.
async fn may_come_whole_twice(work: &Work<'_>) -> bool {
    let (shared, spec) = (work.shared, &work.job.spec);
    let most_bytes = if shared.may_sign() { shared.limits.small_bytes().min(FILEDATA_BYTES) } else { FILEDATA_BYTES };
    (1..=most_bytes).contains(&spec.size_bytes)
        && !spec.edited.is_empty()
        && (!shared.may_sign() || (spec.sha256.is_none() && work.origin.has_dav().await))
}

/// Requests the row, and again once its `edited` can no longer change within its second.
async fn settled_meta(work: &Work<'_>) -> Result<Option<FileMeta>> {
    let settle_seconds = i64::try_from(work.shared.limits.settle_time.as_secs()).unwrap_or(i64::MAX);
    let ask = async || work.origin.file_meta(work.shared, &work.job.spec.hash).await;
    for round in 0..=work.shared.limits.max_restarts {
        let meta = if round == 0 { ask().await? } else { work.patiently(ask).await? };
        match meta.as_ref().and_then(|meta| meta.age_seconds) {
            Some(age) if (0..settle_seconds).contains(&age) => {
                tokio::time::sleep(Duration::from_secs(u64::try_from(settle_seconds - age).unwrap_or(1))).await;
            }
            _ => return Ok(meta),
        }
    }
    // A hub that says so for ever must not block anybody.
    Err(Error::new(ErrorKind::PeerBusy, "reading a file's row")
        .context("hub", &work.origin.hub)
        .context("fault", "the file keeps changing"))
}

/// Decides which version to read: the origin's own, which may be newer than the packet's but never older.
fn version(work: &Work<'_>, meta: Option<&FileMeta>) -> Result<Version> {
    let spec = &work.job.spec;
    let (size_bytes, edited) =
        meta.map_or((spec.size_bytes, spec.edited.as_str()), |meta| (meta.size_bytes, meta.edited.as_str()));
    work.check_version(size_bytes, edited)?;
    if spec.sha256.is_some() && edited == spec.edited && size_bytes != spec.size_bytes {
        // For example, a column too narrow for the size: `/dav` would end at the row's size.
        return Err(Error::new(ErrorKind::PeerBusy, "reading a file's row")
            .context("hub", &work.origin.hub)
            .context("fault", "the row states another size than the packet")
            .context("expected_bytes", spec.size_bytes)
            .context("found_bytes", size_bytes));
    }
    Ok(Version { size_bytes, sha256: work.given_digest(size_bytes, edited), rows: vec![work.row(edited)] })
}

/// Fetches every missing byte, through whichever rung works, always from where it stopped.
async fn bring_all(work: &Work<'_>, partial: &SharedPartial<'_>, meta: Option<&FileMeta>, mut ladder: Ladder) -> Result<()> {
    let mut failure = None;
    while { partial.borrow().first_gap() }.is_some() {
        let reached = partial.borrow().received_bytes();
        let Some(rung) = choose(work, &ladder, reached).await else {
            return Err(failure.unwrap_or_else(|| work.origin.session_lost()));
        };
        let started = work.shared.clock.elapsed();
        let outcome = match rung {
            Rung::Dav => {
                let bring = async |range| receive_range(work, partial, meta, range).await;
                work.fill(partial, u64::MAX, bring).await
            }
            Rung::Filedata => {
                work.fill(partial, FILEDATA_BYTES, async |range| receive_filedata(work, partial, range).await).await
            }
            _ => receive_whole(work, partial, meta).await,
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
                let received = partial.borrow().arrived_of(&(0..work.job.size_bytes.get()));
                let took = work.shared.clock.elapsed().saturating_sub(started);
                work.origin.pieces.note_death(work.job.size_bytes.get(), received, took, &error);
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
async fn choose(work: &Work<'_>, ladder: &Ladder, reached: u64) -> Option<Rung> {
    let size_bytes = work.job.size_bytes.get();
    let dav = ladder.dav && work.origin.has_dav().await;
    let filedata = ladder.filedata && work.origin.has_session().await;
    let dies_when_long = work.origin.pieces.limit().is_some_and(|limit| size_bytes > limit.get());
    let small = size_bytes <= work.shared.limits.small_file_bytes && !dies_when_long;
    Some(match () {
        () if ladder.whole && small && reached == 0 => Rung::Getfile,
        () if dav => Rung::Dav,
        () if filedata && (reached > 0 || dies_when_long || !ladder.whole) => Rung::Filedata,
        () if ladder.whole => Rung::Getfile,
        () => return None,
    })
}

async fn receive_range(work: &Work<'_>, partial: &SharedPartial<'_>, meta: Option<&FileMeta>, gap: Chunk) -> Result<()> {
    let (reply, brought) = work.origin.dav_range(work.shared, &dav_file(work, meta), &gap, Pool::Main).await?;
    work.job.rung.set(Rung::Dav);
    work.store(partial, reply, &brought, gap.end.saturating_add(MAX_BESIDE_BYTES)).await
}

async fn receive_filedata(work: &Work<'_>, partial: &SharedPartial<'_>, range: Chunk) -> Result<()> {
    let (start, bytes) = filedata::read(work.origin, work.shared, &work.job.spec.hash, &range, Pool::Main).await?;
    if start.saturating_add(bytes.len() as u64) > work.job.size_bytes.get() {
        return Err(Error::new(ErrorKind::Corrupt, "reading through filedata")
            .context("hub", &work.origin.hub)
            .context("fault", "more bytes than the file has")
            .context("expected_bytes", work.job.size_bytes.get()));
    }
    work.job.rung.set(Rung::Filedata);
    work.keep(partial, start, &bytes)
}

async fn receive_whole(work: &Work<'_>, partial: &SharedPartial<'_>, meta: Option<&FileMeta>) -> Result<()> {
    let size_bytes = work.job.size_bytes.get();
    let reply = work.origin.whole_file(work.shared, &work.job.spec.hash, size_bytes).await.map_err(|error| {
        // The row exists, so a page means maintenance or a temporary fault, not a missing file.
        let passing = meta.is_some() && error.kind() == ErrorKind::NotFound;
        if passing {
            Error::new(ErrorKind::PeerBusy, "receiving a file").context("hub", &work.origin.hub).source(error)
        } else {
            error
        }
    })?;
    work.job.rung.set(Rung::Getfile);
    let outcome = work.store(partial, reply, &(0..size_bytes), size_bytes).await;
    match &outcome {
        Ok(()) => work.origin.pieces.note_whole(size_bytes),
        // The whole file is longer than its row says, so no range of that length covers it.
        Err(error) if error.kind() == ErrorKind::Corrupt => partial.borrow_mut().contradict(),
        Err(_) => {}
    }
    outcome
}

fn dav_file<'f>(work: &'f Work<'_>, meta: Option<&'f FileMeta>) -> DavFile<'f> {
    DavFile { hash: &work.job.spec.hash, size_bytes: work.job.size_bytes.get(), path: &work.spec.path, meta }
}

/// Compares the received bytes with a second look at the origin, over another rung or connection.
async fn look_again(
    work: &Work<'_>,
    partial: &SharedPartial<'_>,
    meta: Option<&FileMeta>,
    digest: Digest,
) -> Result<Option<SecondLook>> {
    let size = work.job.size_bytes.get();
    if size == 0 {
        return Ok(None);
    }
    // Bytes that came one way are checked another way, if there is one.
    let ways = if work.job.rung.get() == Rung::Dav { [Rung::Filedata, Rung::Dav] } else { [Rung::Dav, Rung::Filedata] };
    // If bytes may have come in several ways, all are checked in every available way.
    let is_mixed = work.job.rung.get() == Rung::Filedata || work.job.resumed_at_byte.get() > 0;
    let (mut unusable, mut is_same) = (None, false);
    for way in ways {
        let open = if way == Rung::Dav { work.origin.has_dav().await } else { work.origin.has_session().await };
        if !open {
            continue;
        }
        match spot_check(work, partial, &dav_file(work, meta), way).await {
            Ok(look) if look == SecondLook::Differs || !is_mixed => return Ok(Some(look)),
            Ok(_) => is_same = true,
            // This way has no path to the file.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Unsupported) => {}
            Err(error) if error.kind() == ErrorKind::Corrupt => unusable = Some(error),
            // The API finds no bytes for rows of very old hubs, which `/dav` reads.
            Err(error) if error.kind() == ErrorKind::PeerBusy && way == Rung::Filedata && !work.shared.may_sign() => {}
            Err(error) => return Err(error),
        }
    }
    if is_same {
        return Ok(Some(SecondLook::SameSpots));
    }
    if size > work.shared.limits.small_file_bytes || !work.shared.may_sign() {
        // A way with unbelievable answers does not make the second look unnecessary.
        return unusable.map_or(Ok(None), Err);
    }
    let is_same = work.patiently(async || comes_again(work, digest).await).await?;
    Ok(Some(if is_same { SecondLook::SameTwice } else { SecondLook::Differs }))
}

/// Requests the whole file again and tells whether it has this digest; reads no more bytes than the file has.
async fn comes_again(work: &Work<'_>, digest: Digest) -> Result<bool> {
    let size_bytes = work.job.size_bytes.get();
    let mut reply = work.origin.whole_file(work.shared, &work.job.spec.hash, size_bytes).await?;
    let patience = work.shared.patience();
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

async fn spot_check(work: &Work<'_>, partial: &SharedPartial<'_>, file: &DavFile<'_>, way: Rung) -> Result<SecondLook> {
    let limits = &work.shared.limits;
    let spots = spots(file.size_bytes, limits.spot_checks, limits.spot_bytes, &work.shared.surroundings.random);
    let looks = stream::iter(spots).map(|spot| async move {
        let seen = work.patiently(async || see(work, file, &spot, way).await).await?;
        Ok::<bool, Error>(seen == partial.borrow().read(&spot)?)
    });
    let same: Vec<bool> = looks.buffer_unordered(SPOTS_AT_ONCE).try_collect().await?;
    Ok(if same.iter().all(|same| *same) { SecondLook::SameSpots } else { SecondLook::Differs })
}

/// Reads a spot over another connection than the first.
async fn see(work: &Work<'_>, file: &DavFile<'_>, spot: &Chunk, way: Rung) -> Result<Vec<u8>> {
    let mut seen = Vec::new();
    // A server may give less than requested at once.
    for _ in 0..MAX_CRUMBS {
        if seen.len() as u64 >= spot.end - spot.start {
            return Ok(seen);
        }
        let rest = spot.start + seen.len() as u64..spot.end;
        let (start, bytes) = if way == Rung::Dav {
            let (mut reply, brought) = work.origin.dav_range(work.shared, file, &rest, Pool::Second).await?;
            // One byte more than expected, at the end of the file.
            let most = if brought.end <= rest.end { brought.end + 1 } else { rest.end } - brought.start;
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let (bytes, _) = reply.look(most, &work.shared.patience()).await?;
            if bytes.len() as u64 > brought.end - brought.start {
                return Err(reply.error(ErrorKind::Corrupt, "more bytes than requested"));
            }
            (brought.start, bytes.to_vec())
        } else {
            filedata::read(work.origin, work.shared, file.hash, &rest, Pool::Second).await?
        };
        let from = usize::try_from(rest.start.saturating_sub(start)).unwrap_or(usize::MAX);
        let most = usize::try_from(rest.end - rest.start).unwrap_or(usize::MAX);
        let new = if start > rest.start { None } else { bytes.get(from..) }.filter(|new| !new.is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "looking at a file again")
                .context("hub", &work.origin.hub)
                .context("fault", "a range without its first byte")
        })?;
        seen.extend_from_slice(new.get(..most).unwrap_or(new));
    }
    Err(next_to_nothing(&work.origin.hub))
}

/// Reads a scale: it is small, the packet may state a wrong size, and it has no row to ask for.
pub(super) async fn receive_scale(work: &Work<'_>) -> Result<Complete> {
    let (shared, job) = (work.shared, work.job);
    let spec = &job.spec;
    let bytes = scale_bytes(shared, work.origin, &spec.hash, spec.scale).await?;
    job.rung.set(Rung::Getfile);
    job.received_bytes.set(bytes.len() as u64);
    work.origin.note_received(bytes.len() as u64);
    work.check_most(bytes.len() as u64)?;
    crate::photo::check_whole(&bytes, &shared.photo_limits)?;
    let digest = Digest::of(&bytes);
    let mut proof = vec![Proof::Image];
    if let Some(expected) = spec.sha256 {
        if expected != digest {
            return Err(Error::new(ErrorKind::Corrupt, "verifying a scale")
                .context("expected", expected)
                .context("computed", digest));
        }
        proof.push(Proof::Sha256);
    } else if bytes.len() as u64 == spec.size_bytes {
        proof.push(Proof::Size);
    } else {
        // The row's size may come from another hub; two equal reads prove more than a wrong number.
        let again = scale_bytes(shared, work.origin, &spec.hash, spec.scale).await?;
        if again != bytes {
            return Err(Error::new(ErrorKind::Corrupt, "verifying a scale")
                .context("expected_bytes", spec.size_bytes)
                .context("received_bytes", bytes.len())
                .context("fault", "two reads differ"));
        }
        proof.push(Proof::Twice);
    }
    let size_bytes = bytes.len() as u64;
    let version = Version { size_bytes, sha256: Some(digest), rows: Vec::new() };
    partial::remove(&shared.root, &spec.name)?;
    let partial = Partial::open(&shared.place(), &spec.name, version)?;
    let partial = SharedPartial::new(partial);
    partial.borrow_mut().write_at(0, &bytes)?;
    sync(shared, &partial).await?;
    job.size_bytes.set(size_bytes);
    job.offset_bytes.set(size_bytes);
    Ok(work.proven(size_bytes, digest, &spec.edited, Rung::Getfile, proof))
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
    /// Returns what it proves; nothing if the bytes differ.
    fn proof(self) -> Option<Proof> {
        match self {
            Self::SameSpots => Some(Proof::Spot),
            Self::SameTwice => Some(Proof::Twice),
            Self::Differs => None,
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

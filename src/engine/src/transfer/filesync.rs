//! The rung of a hub that speaks filesync: any size and any scale, with ranges, proven by SHA-256.

use super::chunks::Chunk;
use super::copy::{self, Sought};
use super::partial::Version;
use super::reply::MAX_BESIDE_BYTES;
use super::report::{Complete, Proof, Rung};
use super::ticket::Facts;
use super::work::{Reading, SharedPartial, Work, check_digest};
use crate::error::{Error, ErrorKind, Result};

/// Reads with a ticket. None if the hub does not speak filesync, or violates the protocol: then the stock rungs continue.
pub(super) async fn receive(work: &Work<'_>) -> Result<Option<Complete>> {
    let (tickets, key) = (&work.origin.tickets, work.job.key());
    let mut changed = None;
    for _ in 0..=work.shared.limits.max_restarts {
        let Some(facts) = tickets.facts(work.shared, &key).await? else { return Ok(None) };
        match read_with_ticket(work, &facts).await {
            Ok(Some(Reading::Proven(complete))) => return Ok(Some(complete)),
            Ok(Some(Reading::Changed)) => changed = Some(work.keeps_changing()),
            Ok(None) => return Ok(None),
            // The stated facts are no longer valid: the file changed, or the hub no longer accepts the ticket.
            Err(error) => match error.http_status() {
                Some(412) => changed = Some(work.keeps_changing().source(error)),
                Some(401 | 403 | 404 | 410 | 416) => changed = None,
                // An unusable reply says nothing about the received bytes, nor about the hub's other files.
                Some(_) if error.kind() == ErrorKind::Corrupt => return Ok(None),
                _ if says_nothing_of_the_file(&error) => {
                    tickets.refuse(&error);
                    return Ok(None);
                }
                _ => return Err(error),
            },
        }
        tickets.forget(&key);
    }
    if let Some(error) = changed {
        return Err(error);
    }
    tickets.refuse(
        &Error::new(ErrorKind::Refused, "reading with a ticket")
            .context("hub", &work.origin.hub)
            .context("fault", "it gives tickets but does not accept them"),
    );
    Ok(None)
}

async fn read_with_ticket(work: &Work<'_>, facts: &Facts) -> Result<Option<Reading>> {
    let job = work.job;
    work.check_version(facts.size_bytes, &facts.edited)?;
    let given = work.given_digest(facts.size_bytes, &facts.edited);
    if let (Some(expected), Some(found)) = (given, facts.sha256)
        && expected != found
    {
        work.origin.tickets.dispute(job.id);
        if !work.trusts_ticket {
            return Err(Error::new(ErrorKind::Corrupt, "comparing what two clones state")
                .context("hub", &work.origin.hub)
                .context("expected", expected)
                .context("found", found));
        }
    }
    let proven_by = |proof: &[Proof], digest| {
        let other = given.is_some_and(|given| given != digest);
        [proof, if other { &[Proof::Ticket] } else { &[] }].concat()
    };
    if let Some(digest) = facts.sha256.filter(|digest| Some(*digest) == job.spec.have_sha256) {
        let proof = proven_by(&[Proof::Sha256], digest);
        return Ok(Some(Reading::Proven(work.proven(facts.size_bytes, digest, &facts.edited, Rung::Unchanged, proof))));
    }
    if let Some(sha256) = facts.sha256.filter(|_| job.spec.sha256.is_none()) {
        let sought = Sought { size_bytes: facts.size_bytes, sha256, edited: &facts.edited, origin: &work.origin.hub };
        if let Some(complete) = copy::from_store(work.shared, job, sought).await? {
            return Ok(Some(Reading::Proven(complete)));
        }
    }
    let expected = facts.sha256.or(given.filter(|_| !work.trusts_ticket));
    let version = Version { size_bytes: facts.size_bytes, sha256: expected, rows: vec![work.row(&facts.edited)] };
    let partial = work.open(version)?;
    if !receive_from_pack(work, &partial, facts).await? {
        receive_ranges(work, &partial, facts).await?;
    }
    let digest = Work::check(&partial).inspect_err(|error| {
        if facts.sha256.is_none() && error.kind() == ErrorKind::Corrupt {
            // The bytes are not the packet's; the hub's own statement is still to come.
            work.origin.tickets.dispute(job.id);
        }
    })?;
    let mut proof = proven_by(&[Proof::Size, Proof::Sha256], digest);
    if partial.borrow().expected().is_none() {
        work.origin.tickets.forget(&job.key());
        let Some(after) = work.origin.tickets.facts(work.shared, &job.key()).await? else { return Ok(None) };
        if !after.same_version(facts) {
            partial.borrow_mut().discard()?;
            return Ok(Some(Reading::Changed));
        }
        let Some(expected) = after.sha256 else {
            return Err(Error::new(ErrorKind::PeerBusy, "verifying a file")
                .context("hub", &work.origin.hub)
                .context("fault", "digest not ready yet"));
        };
        check_digest(&mut partial.borrow_mut(), digest, expected)?;
        proof.push(Proof::Facts);
    }
    work.complete(&partial, digest, &facts.edited, proof).await.map(Some)
}

/// Takes the bytes of a small file from a pack; false if they do not come so.
async fn receive_from_pack(work: &Work<'_>, partial: &SharedPartial<'_>, facts: &Facts) -> Result<bool> {
    if partial.borrow().received_bytes() > 0 {
        return Ok(false);
    }
    let Some(bytes) = work.origin.packs.take(&work.origin.tickets, work.job.id, facts).await else { return Ok(false) };
    work.job.rung.set(Rung::Filesync);
    work.keep(partial, 0, &bytes)?;
    Ok(true)
}

async fn receive_ranges(work: &Work<'_>, partial: &SharedPartial<'_>, facts: &Facts) -> Result<()> {
    let outcome = work.fill(partial, u64::MAX, async |range| receive_with(work, partial, facts, range).await).await;
    if let Err(error) = &outcome {
        let mut held = partial.borrow_mut();
        // The origin changed its file and no digest would show it, or bytes at one place differ.
        if held.is_contradicted() || (error.http_status() == Some(412) && held.expected().is_none()) {
            held.discard()?;
        }
    }
    outcome
}

async fn receive_with(work: &Work<'_>, partial: &SharedPartial<'_>, facts: &Facts, range: Chunk) -> Result<()> {
    let (reply, brought) = work.origin.tickets.range(work.shared, &work.job.spec.hash, facts, &range).await?;
    work.job.rung.set(Rung::Filesync);
    let is_whole = brought == (0..facts.size_bytes);
    let until = if is_whole { facts.size_bytes } else { range.end.saturating_add(MAX_BESIDE_BYTES) };
    work.store(partial, reply, &brought, until).await
}

/// Tells whether a failure comes from the hub's way of serving, so that the stock rungs may succeed.
fn says_nothing_of_the_file(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Refused | ErrorKind::Unsupported | ErrorKind::NotFound => true,
        ErrorKind::PeerBusy => error.wait_seconds().is_none() && error.http_status().is_some_and(|status| status >= 500),
        _ => false,
    }
}

//! One transfer: tries one origin after another with all its rungs.

use std::cmp::Reverse;
use std::rc::Rc;

use super::job::Job;
use super::report::{Complete, Outcome};
use super::shared::Shared;
use super::work::{Turn, Work};
use super::{copy, filesync, stock};
use crate::error::{Error, ErrorKind, Result};

/// Waits for its turn, then tries one origin after another until one gives the file.
pub(super) async fn run(shared: Rc<Shared>, job: Rc<Job>) -> Outcome {
    let turn = Turn::begin(Rc::clone(&shared), job.spec.size_bytes).await;
    job.started.set(Some(shared.clock.elapsed()));
    match copy_of_what_the_packet_states(&shared, &job).await {
        Ok(Some(complete)) => return Outcome::Complete(complete),
        Ok(None) => {}
        Err(error) => return Outcome::Failed(error),
    }
    let mut failure: Option<(Hope, Error)> = None;
    let origins = || job.origins.iter().zip(&job.spec.origins);
    // If nobody has bytes with the packet's digest, those of an origin's own ticket are accepted: a packet may be wrong.
    let asked = origins().map(|origin| (origin, false)).chain(origins().map(|origin| (origin, true)));
    for ((origin, spec), trusts_ticket) in asked {
        let work = Work { shared: &shared, job: &job, origin, spec, turn: &turn, trusts_ticket };
        let outcome = if !trusts_ticket {
            origin.tickets.want(job.id, job.wanted(&[]));
            let outcome = receive(&work).await.map(Some);
            // One that is disputed is asked of this hub again, once no other gives the bytes of the packet.
            if !origin.tickets.disputes(job.id) {
                origin.leave(job.id, &job.key());
            }
            outcome
        } else if origin.tickets.disputes(job.id) {
            filesync::receive(&work).await
        } else {
            Ok(None)
        };
        match outcome {
            Ok(Some(complete)) => return Outcome::Complete(complete),
            Ok(None) => {}
            Err(error) if ends_it_everywhere(&error) => return Outcome::Failed(error),
            Err(error) => {
                origin.note_failure(&error);
                let hope = Hope::of(&error, spec.announced);
                if failure.as_ref().is_none_or(|(known, _)| hope > *known || (hope == *known && hope <= Hope::None)) {
                    failure = Some((hope, error));
                }
            }
        }
    }
    Outcome::Failed(failure.map_or_else(|| Error::new(ErrorKind::InvalidInput, "choosing an origin hub"), |(_, error)| error))
}

async fn receive(work: &Work<'_>) -> Result<Complete> {
    if let Some(complete) = filesync::receive(work).await? {
        return Ok(complete);
    }
    let stock = if work.job.spec.scale == 0 { stock::receive_file(work).await } else { stock::receive_scale(work).await };
    // The reader of the error wants to know why the better way failed.
    stock.map_err(|error| match work.origin.tickets.peer().reason {
        Some(reason) => error.context("without_tickets_because", reason),
        None => error,
    })
}

/// Tells whether every other hub would fail too. A limit is about the bytes of one hub: another may have fewer.
fn ends_it_everywhere(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Storage | ErrorKind::InvalidInput)
}

/// Orders the failures of several hubs, least hope first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Hope {
    /// What this hub has is beyond our limits, which says nothing about the file: any other failure says more.
    BeyondLimits,
    /// It does not give the file.
    None,
    /// It may answer later.
    Later,
    /// It has more bytes than wanted, and can give them as soon as they are wanted: the fewest are the best guess.
    MoreBytes(Reverse<u64>),
    /// It announced the file, and may answer later: what others state does not count until it has.
    Announced,
}

impl Hope {
    fn of(error: &Error, announced: bool) -> Self {
        match error.too_many_bytes() {
            Some(bytes) => Self::MoreBytes(Reverse(bytes)),
            None if error.kind().is_temporary() && announced => Self::Announced,
            None if error.kind().is_temporary() => Self::Later,
            None if error.kind() == ErrorKind::LimitExceeded => Self::BeyondLimits,
            None => Self::None,
        }
    }
}

async fn copy_of_what_the_packet_states(shared: &Shared, job: &Job) -> Result<Option<Complete>> {
    let spec = &job.spec;
    let (Some(sha256), Some(origin)) = (spec.sha256, job.origins.first()) else { return Ok(None) };
    let sought = copy::Sought { size_bytes: spec.size_bytes, sha256, edited: &spec.edited, origin: &origin.hub };
    copy::from_store(shared, job, sought).await
}

//! One transfer: an origin after another, the rungs of each, and what all rungs share.

use std::cell::RefCell;
use std::rc::Rc;

use super::chunks::Chunk;
use super::partial::{Partial, Version};
use super::source::Origin;
use super::{Complete, Job, OriginSpec, Outcome, Rung, Shared, image_header};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Reply;
use crate::patience::StallMeter;

/// Asks one origin after another until one gives the file.
pub(super) async fn run(shared: Rc<Shared>, job: Rc<Job>) -> Outcome {
    let mut failure: Option<Error> = None;
    for (origin, spec) in job.origins.iter().zip(&job.spec.origins) {
        let work = Work { shared: &shared, job: &job, origin, spec };
        match work.receive().await {
            Ok(complete) => return Outcome::Complete(complete),
            Err(error) if matches!(error.kind(), ErrorKind::Storage | ErrorKind::LimitExceeded | ErrorKind::InvalidInput) => {
                return Outcome::Failed(error);
            }
            // One hub that may answer later is worth waiting for, whatever the others said.
            Err(error) => {
                if failure.as_ref().is_none_or(|known| !known.kind().is_temporary()) {
                    failure = Some(error);
                }
            }
        }
    }
    Outcome::Failed(failure.unwrap_or_else(|| Error::new(ErrorKind::InvalidInput, "choosing an origin hub")))
}

/// One attempt at one origin.
pub(super) struct Work<'a> {
    pub(super) shared: &'a Shared,
    pub(super) job: &'a Job,
    pub(super) origin: &'a Origin,
    pub(super) spec: &'a OriginSpec,
}

/// Whether a read gave one version of the file.
pub(super) enum Reading {
    Proven(Complete),
    /// The origin's file changed meanwhile; what arrived of the old one is not used.
    Changed,
}

/// A partial file and the requests that fill it: one thread, so each holds it only between two awaits.
pub(super) type SharedPartial<'a> = RefCell<Partial<'a>>;

impl<'a> Work<'a> {
    async fn receive(&self) -> Result<Complete> {
        if let Some(complete) = self.receive_with_tickets().await? {
            return Ok(complete);
        }
        let stock = if self.job.spec.scale == 0 { self.receive_file().await } else { self.receive_scale().await };
        // Whoever reads of the failure wants to know why the better way was closed.
        stock.map_err(|error| match self.origin.tickets.peer().reason {
            Some(reason) => error.context("without_tickets_because", reason),
            None => error,
        })
    }

    /// Refuses a version that is older than the packet's or larger than allowed.
    pub(super) fn check_version(&self, size_bytes: u64, edited: &str) -> Result<()> {
        let (spec, limits) = (&self.job.spec, &self.shared.limits);
        if edited < spec.edited.as_str() {
            return Err(Error::new(ErrorKind::PeerBusy, "reading a file's row")
                .context("hub", &self.origin.hub)
                .context("fault", "the hub still shows an older version")
                .context("expected", &spec.edited)
                .context("found", edited.escape_debug()));
        }
        let limit = if spec.scale == 0 { limits.max_file_bytes } else { limits.max_scale_bytes };
        if size_bytes > limit {
            return Err(Error::new(ErrorKind::LimitExceeded, "receiving a file")
                .context("size_bytes", size_bytes)
                .context("limit_bytes", limit));
        }
        Ok(())
    }

    /// Names the version that this origin's row stands for.
    pub(super) fn row(&self, edited: &str) -> String {
        format!("{} {edited}", self.origin.hub)
    }

    /// Returns the digest that a clone gave, as long as it speaks of the version that is read.
    pub(super) fn given_digest(&self, size_bytes: u64, edited: &str) -> Option<Digest> {
        let spec = &self.job.spec;
        spec.sha256.filter(|_| edited == spec.edited && size_bytes == spec.size_bytes)
    }

    pub(super) fn open(&self, version: Version) -> Result<SharedPartial<'a>> {
        let (shared, job) = (self.shared, self.job);
        job.size_bytes.set(version.size_bytes);
        let partial = Partial::open(&shared.root, &job.spec.name, version, &shared.surroundings.boot_id, &shared.limits)?;
        let reached = partial.received_bytes();
        // What this run brought is not what it began with.
        if reached == 0 || job.received_bytes.get() == 0 {
            job.resumed_at_byte.set(reached);
        }
        job.offset_bytes.set(reached);
        Ok(RefCell::new(partial))
    }

    /// Brings the ranges that are missing, from the byte that was reached; `bring` asks for one and stores it.
    pub(super) async fn fill(&self, partial: &SharedPartial<'_>, bring: impl AsyncFn(Chunk) -> Result<()>) -> Result<()> {
        while let Some(gap) = { partial.borrow().first_gap() } {
            bring(gap).await?;
        }
        Ok(())
    }

    /// Stores a body at the range that it brings; more bytes are wrong, fewer are an early end.
    pub(super) async fn store(&self, partial: &SharedPartial<'_>, mut reply: Reply, range: &Chunk) -> Result<()> {
        let patience = self.shared.patience();
        let mut stall = StallMeter::start(&patience, range.end - range.start);
        let mut at = range.start;
        while let Some(piece) = reply.next(&mut stall, &patience).await? {
            let bytes = piece.as_ref();
            let end = at.saturating_add(bytes.len() as u64);
            if end > range.end {
                return Err(reply
                    .error(ErrorKind::Corrupt, "more bytes than asked for")
                    .context("expected_bytes", range.end - range.start));
            }
            self.keep(partial, at, bytes)?;
            at = end;
        }
        if at < range.end {
            let kind = if at == range.start { ErrorKind::PeerBusy } else { ErrorKind::Network };
            return Err(reply
                .error(kind, "the body ended early")
                .context("expected_bytes", range.end - range.start)
                .context("received_bytes", at - range.start));
        }
        Ok(())
    }

    pub(super) fn keep(&self, partial: &SharedPartial<'_>, at: u64, bytes: &[u8]) -> Result<()> {
        let (job, mut held) = (self.job, partial.borrow_mut());
        held.write_at(at, bytes)?;
        job.received_bytes.set(job.received_bytes.get().saturating_add(bytes.len() as u64));
        job.offset_bytes.set(held.received_bytes());
        Ok(())
    }

    /// Forces a whole file to disk and returns its digest, which must be the expected one if there is one.
    pub(super) fn finish(partial: &SharedPartial<'_>) -> Result<Digest> {
        let mut held = partial.borrow_mut();
        held.finish()?;
        let computed = held
            .digest()
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, "verifying a file").context("fault", "not all bytes were hashed"))?;
        match held.expected() {
            Some(expected) => check_digest(&mut held, computed, expected).map(|()| computed),
            None => Ok(computed),
        }
    }

    pub(super) fn complete(
        &self,
        partial: &SharedPartial<'_>,
        digest: Digest,
        edited: &str,
        mut proof: Vec<&'static str>,
    ) -> Reading {
        let (job, held) = (self.job, partial.borrow());
        let claims_image = job.spec.scale > 0 || job.spec.mimetype.starts_with("image/");
        if claims_image && image_header(&held).is_ok() {
            proof.push("image");
        }
        Reading::Proven(self.proven(job.size_bytes.get(), digest, edited, job.rung.get(), proof))
    }

    pub(super) fn proven(&self, size_bytes: u64, digest: Digest, edited: &str, rung: Rung, proof: Vec<&'static str>) -> Complete {
        Complete { size_bytes, digest, edited: edited.to_owned(), origin: self.origin.hub.clone(), rung, proof }
    }

    pub(super) fn keeps_changing(&self) -> Error {
        Error::new(ErrorKind::Corrupt, "receiving a file")
            .context("hub", &self.origin.hub)
            .context("fault", "it keeps changing while it is read")
            .context("restarts", self.shared.limits.max_restarts)
    }
}

/// Compares; wrong bytes are not kept.
pub(super) fn check_digest(partial: &mut Partial<'_>, computed: Digest, expected: Digest) -> Result<()> {
    if computed == expected {
        return Ok(());
    }
    partial.discard()?;
    Err(Error::new(ErrorKind::Corrupt, "verifying a file").context("expected", expected).context("computed", computed))
}

/// Times that a connection may break off in one run, each having brought something, before the origin is given up for now.
pub(super) const MAX_ATTEMPTS: u32 = 5;

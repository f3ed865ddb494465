//! The bytes of files, brought by the transfers' own ladder with the owner's pass.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::connection::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{Limits, TransferLimits};
use crate::signature::Access;
use crate::transfer::{
    BatchOptions, Complete, OriginSpec, Outcome, RungState, Surroundings, TransferBatch, TransferId, TransferSpec,
};

/// One wanted file.
pub(crate) struct Wanted {
    pub(crate) hash: String,
    pub(crate) names: Vec<String>,
    pub(crate) size_bytes: u64,
    pub(crate) edited: String,
    pub(crate) mimetype: String,
}

/// Brings files to a folder.
pub(crate) struct Bytes<'a> {
    connection: &'a Connection,
    nick: String,
    folder: PathBuf,
    limits: TransferLimits,
    surroundings: Rc<dyn Fn() -> Surroundings>,
    batch: Option<TransferBatch>,
    /// `/dav` is closed: not asked again.
    pub(crate) is_dav_closed: bool,
    /// Bytes that arrived in this process.
    pub(crate) received: u64,
}

const STEP: Duration = Duration::from_millis(200);
const PARALLEL: usize = 4;
const RENEWALS: u32 = 3;

impl<'a> Bytes<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        nick: &str,
        folder: PathBuf,
        limits: TransferLimits,
        surroundings: Rc<dyn Fn() -> Surroundings>,
    ) -> Self {
        Self { connection, nick: nick.to_owned(), folder, limits, surroundings, batch: None, is_dav_closed: false, received: 0 }
    }

    fn batch(&mut self) -> Result<&mut TransferBatch> {
        if self.batch.is_none() {
            let options = self.connection.options();
            self.batch = Some(TransferBatch::new(BatchOptions {
                root: &self.folder,
                access: Access::Owner(self.connection.pass()?),
                policy: options.policy,
                ca_pem: options.ca_pem.clone(),
                proxy: options.proxy.clone(),
                store_root: None,
                parallel: PARALLEL,
                ranges: PARALLEL,
                bytes_per_second: options.bytes_per_second,
                limits: Limits { transfer: self.limits.clone(), ..Limits::default() },
                surroundings: (self.surroundings)(),
            })?);
        }
        self.batch.as_mut().ok_or_else(|| Error::new(ErrorKind::Storage, "starting a transfer batch"))
    }

    fn spec(&self, wanted: &Wanted) -> TransferSpec {
        TransferSpec {
            name: wanted.hash.clone(),
            hash: wanted.hash.clone(),
            scale: 0,
            size_bytes: wanted.size_bytes,
            most_bytes: u64::MAX,
            edited: wanted.edited.clone(),
            sha256: None,
            mimetype: wanted.mimetype.clone(),
            have_sha256: None,
            copies: Vec::new(),
            origins: vec![OriginSpec {
                hub: self.connection.hub().clone(),
                announced: true,
                nick: self.nick.clone(),
                path: wanted.names.clone(),
                dav_allowed: !self.is_dav_closed,
                filesync_allowed: false,
                piece_bytes: None,
            }],
        }
    }

    /// Brings some files; each whole one is in the folder as `<hash>.partial`. None: told to stop.
    pub(crate) fn bring(
        &mut self,
        wanted: &[Wanted],
        mut must_stop: impl FnMut(u64, &str) -> bool,
    ) -> Result<Option<HashMap<String, Result<Complete>>>> {
        let mut outcomes = HashMap::new();
        let mut left: Vec<&Wanted> = wanted.iter().collect();
        for round in 0..=RENEWALS {
            let Some(ended) = self.bring_once(&left, &mut must_stop)? else { return Ok(None) };
            left.retain(|one| match ended.get(&one.hash) {
                Some(Err(error)) if has_lost_session(error) && round < RENEWALS => true,
                Some(Err(error)) if error.kind() == ErrorKind::Refused && round < RENEWALS => true,
                _ => false,
            });
            outcomes.extend(ended);
            if left.is_empty() {
                break;
            }
            self.batch = None;
            self.connection.renew()?;
        }
        Ok(Some(outcomes))
    }

    fn bring_once(
        &mut self,
        wanted: &[&Wanted],
        must_stop: &mut impl FnMut(u64, &str) -> bool,
    ) -> Result<Option<HashMap<String, Result<Complete>>>> {
        let mut outcomes = HashMap::new();
        let mut running: HashMap<TransferId, String> = HashMap::new();
        for one in wanted {
            let spec = self.spec(one);
            match self.batch()?.add(spec) {
                Ok(id) => drop(running.insert(id, one.hash.clone())),
                Err(error) => drop(outcomes.insert(one.hash.clone(), Err(error))),
            }
        }
        while !running.is_empty() {
            let batch = self.batch()?;
            let reports = batch.step(STEP)?;
            let under_way: u64 = batch.progress().iter().map(|one| one.offset_bytes).sum();
            let name = batch.progress().iter().find(|one| one.is_active).map(|one| one.name.clone()).unwrap_or_default();
            let mut done = 0;
            for report in reports {
                self.received += report.received_bytes;
                if let Some(hash) = running.remove(&report.id) {
                    let outcome = match report.outcome {
                        Outcome::Complete(complete) => Ok(complete),
                        Outcome::Failed(error) => Err(error),
                        Outcome::Cancelled => {
                            Err(Error::new(ErrorKind::PeerBusy, "receiving a file").context("fault", "cancelled"))
                        }
                    };
                    outcomes.insert(hash, outcome);
                }
            }
            done +=
                outcomes.values().filter_map(|outcome| outcome.as_ref().ok()).map(|complete| complete.size_bytes).sum::<u64>();
            if must_stop(done + under_way, &name) {
                // Dropping it saves what arrived.
                self.batch = None;
                return Ok(None);
            }
        }
        if let Some(batch) = &self.batch {
            self.is_dav_closed |= batch.origins().iter().any(|origin| origin.dav == RungState::Refused);
        }
        Ok(Some(outcomes))
    }
}

/// Tells whether a transfer ended only because the log-in did.
fn has_lost_session(error: &Error) -> bool {
    error.kind() == ErrorKind::PeerBusy
        && error.facts().any(|(key, value)| key == "fault" && value == "it ended our session before the file was proven")
}

//! What must be sent: the hub is asked for every digest of the set, and what it lacks is looked up here.

use serde_json::{Value, json};

use super::client::MOST_PAUSES;
use super::run::{Parcel, Run};
use super::watch::{Progress, Why};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Method;
use crate::patience::{Halt, Stoppable};
use crate::set::{self, Digests, Sorted, Sorter, Wanted};

/// Files to be sent, in the order of their paths.
pub(crate) struct Plan {
    pub(crate) parcels: Sorted,
    pub(crate) lacking: Lacking,
}

/// What the hub lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lacking {
    pub(crate) files: u64,
    /// Bytes of files of which the hub knows nothing yet.
    pub(crate) new_bytes: u64,
    largest: u64,
}

/// The form of one digest in a question: quotes and a comma.
const DIGEST_BYTES: usize = 67;
/// What is around them.
const FRAME_BYTES: usize = 32;

/// Files that are being collected.
struct Collecting {
    sorter: Sorter,
    lacking: Lacking,
}

/// Digests with the paths of their files.
type Page = Vec<(Digest, Vec<String>)>;

impl Run<'_> {
    /// Finds out what must be sent.
    pub(crate) fn plan(&mut self) -> Stoppable<Plan> {
        let digests = self.set.digests()?;
        self.plan_of(digests)
    }

    /// Finds out which of some digests must be sent.
    pub(crate) fn plan_of(&mut self, mut digests: Digests) -> Stoppable<Plan> {
        let mut collecting = Collecting { sorter: self.set.sorter(), lacking: Lacking::default() };
        let mut missing = Wanted::new(self.set);
        let mut asked = 0;
        self.counts.entries = digests.entries;
        loop {
            let most = self.digests_at_once();
            let mut page = Page::new();
            while page.len() < most {
                let Some(one) = digests.next()? else { break };
                page.push(one);
            }
            if page.is_empty() {
                break;
            }
            asked += page.len() as u64;
            self.watch.progress(&Progress::Asking(asked));
            for (digest, begun, paths) in self.lacking(page)? {
                match self.place_of(&paths)? {
                    Some((path, size)) => self.collect(&mut collecting, &Parcel { path, digest, size, begun, found_at: None })?,
                    None => missing.add(digest, paths.first().map_or("", String::as_str))?,
                }
            }
        }
        if !missing.is_empty() {
            self.seek(missing, Why::Missing, &mut collecting)?;
        }
        Ok(Plan { parcels: collecting.sorter.end()?, lacking: collecting.lacking })
    }

    /// Plans once more for files whose bytes were not what the set says.
    pub(crate) fn plan_again(&mut self, damaged: Wanted) -> Stoppable<Plan> {
        let mut collecting = Collecting { sorter: self.set.sorter(), lacking: Lacking::default() };
        self.seek(damaged, Why::Damaged, &mut collecting)?;
        Ok(Plan { parcels: collecting.sorter.end()?, lacking: collecting.lacking })
    }

    /// Makes sure that the hub has room for it, before a byte is sent.
    pub(crate) fn need_room(&self, plan: &Plan) -> Stoppable<()> {
        let stop = || self.watch.must_stop();
        let wanted = json!({ "bytes": plan.lacking.new_bytes, "largest": plan.lacking.largest });
        self.door.ask(&Method::POST, &["restore", &self.session, "room"], Some(&wanted), &stop)?;
        Ok(())
    }

    fn digests_at_once(&self) -> usize {
        let most = usize::try_from(self.terms.digests).unwrap_or(usize::MAX);
        most.min((self.pace.bytes() - FRAME_BYTES) / DIGEST_BYTES).max(1)
    }

    /// Asks which of some digests the hub lacks, and how much of each it has.
    fn lacking(&mut self, page: Page) -> Stoppable<Vec<(Digest, u64, Vec<String>)>> {
        let mut lacking = Vec::new();
        let (mut rest, mut odd) = (page, 0);
        while !rest.is_empty() {
            let most = self.digests_at_once().min(rest.len());
            let asked: Vec<String> = rest.iter().take(most).map(|(digest, _)| digest.to_string()).collect();
            let question = json!({ "sha256": asked });
            let stop = || self.watch.must_stop();
            let answer = match self.door.ask(&Method::POST, &["restore", &self.session, "lacking"], Some(&question), &stop) {
                Err(Halt::Failed(error)) if is_too_long(&error) => {
                    self.shorten(FRAME_BYTES + most * DIGEST_BYTES, error)?;
                    continue;
                }
                answer => answer?.said.unwrap_or_default(),
            };
            let Some(named) = answer.get("lacking").and_then(Value::as_array) else {
                odd += 1;
                if odd > MOST_PAUSES {
                    let fault = "an answer that is not the door's";
                    return Err(Error::new(ErrorKind::PeerBusy, "asking what the hub lacks").context("fault", fault).into());
                }
                self.door.pause(odd, None, &stop)?;
                continue;
            };
            let named: std::collections::HashSet<&str> = named.iter().filter_map(Value::as_str).collect();
            let partial = answer.get("partial");
            let later = rest.split_off(most);
            for ((digest, paths), text) in rest.into_iter().zip(&asked) {
                if named.contains(text.as_str()) {
                    let begun = partial.and_then(|partial| partial.get(text)).and_then(Value::as_u64).unwrap_or_default();
                    lacking.push((digest, begun, paths));
                }
            }
            rest = later;
        }
        Ok(lacking)
    }

    /// Makes bodies shorter because one was refused as too long.
    pub(crate) fn shorten(&mut self, length: usize, error: Error) -> Stoppable<()> {
        if !self.pace.too_long(length) {
            return Err(error.context("code", "body_limit").context("limit_bytes", length).into());
        }
        self.watch.hindered("body_limit", Some(self.pace.bytes() as u64));
        Ok(())
    }

    /// Returns the first of some paths at which there is a file, and its size.
    fn place_of(&self, paths: &[String]) -> Result<Option<(String, u64)>> {
        for path in paths {
            if let Some(size) = self.set.size(path)? {
                return Ok(Some((path.clone(), size)));
            }
        }
        Ok(None)
    }

    fn collect(&mut self, to: &mut Collecting, parcel: &Parcel) -> Result<()> {
        let size_bytes = parcel.size;
        if let Some(limit_bytes) = self.file_limit.filter(|limit| size_bytes > *limit) {
            self.leave_out(&parcel.path, Why::TooLarge { size_bytes, limit_bytes });
            return Ok(());
        }
        to.lacking.files += 1;
        // What was begun is counted already.
        if parcel.begun == 0 {
            to.lacking.new_bytes += size_bytes;
        }
        to.lacking.largest = to.lacking.largest.max(size_bytes);
        if self.is_outlook && !set::describes(&parcel.path) {
            return Ok(());
        }
        self.counts.all_files += 1;
        self.counts.all_bytes += size_bytes;
        parcel.add_to(&mut to.sorter)
    }

    /// Looks for files in another folder, if there is one; names those that are not found.
    fn seek(&mut self, wanted: Wanted, why: Why, to: &mut Collecting) -> Stoppable<()> {
        let folder = self.find_in.clone();
        let watch = &mut *self.watch;
        let outcome = set::seek(self.set, wanted, folder.as_deref(), &mut |looked| {
            watch.progress(&Progress::Seeking(looked));
            !watch.must_stop()
        })?;
        let mut outcome = outcome.ok_or(Halt::Stopped)?;
        while let Some(sought) = outcome.next()? {
            match sought.found {
                Some((place, size)) => {
                    self.counts.found += 1;
                    let (path, digest) = (sought.path, sought.digest);
                    self.collect(to, &Parcel { path, digest, size, begun: 0, found_at: Some(place) })?;
                }
                None => self.leave_out(&sought.path, why),
            }
        }
        Ok(())
    }
}

/// Tells whether something before the door takes no body of this length.
fn is_too_long(error: &Error) -> bool {
    error.http_status() == Some(413) && error.facts().all(|(key, _)| key != "code")
}

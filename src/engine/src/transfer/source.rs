//! The source of bytes: one origin hub and the ways to read from it.
//!
//! Invariant: the session that a signed API request opens is kept in this process's memory for one batch, sent only to the
//! hub that opened it, only with GET, and ended by [`Origin::log_out`].

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use futures_util::future;
use jiff::civil::DateTime;
use url::Url;

use super::chunks::Chunk;
use super::packs::Packs;
use super::pieces::Pieces;
use super::reply::{MAX_EDITED_BYTES, brought_range, missing_row};
use super::report::{OriginStatus, RungState};
use super::shared::{Counted, Shared, ready};
use super::spec::{OriginSpec, TransferId};
use super::ticket::{Away, FileKey, Tickets};
use crate::body::FileRow;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::getfile::{self, HubUrl};
use crate::head;
use crate::http::{Pool, Reply, Request};
use crate::signature::{Access, Pass};

/// One clone of the channel, as a place to read from.
pub(crate) struct Origin {
    pub(crate) hub: HubUrl,
    nick: String,
    session: tokio::sync::Mutex<Session>,
    dav: Cell<RungState>,
    reason: RefCell<Option<String>>,
    /// Whether `filedata` was answered within the session.
    filedata_answered: Cell<bool>,
    pub(crate) tickets: Tickets,
    pub(super) packs: Packs,
    pub(crate) pieces: Pieces,
    /// Ranges requested at once, for all files together: a small hub answers few requests at a time.
    under_way: Cell<usize>,
    received_bytes: Cell<u64>,
    /// Transfers for which it was unreachable.
    failures: Cell<u32>,
    pub(super) is_away: Away,
}

#[derive(Clone)]
enum Session {
    Untried,
    Open(Pass),
    /// It was open and the hub has ended it. The next login happens in another batch.
    Lost,
    Refused,
}

/// A hub's row of a file.
#[derive(Clone, Debug)]
pub(crate) struct FileMeta {
    pub(crate) size_bytes: u64,
    pub(crate) edited: String,
    /// Seconds between `edited` and the hub's own clock; none if either is unreadable.
    pub(crate) age_seconds: Option<i64>,
    display_path: String,
}

impl FileMeta {
    pub(crate) fn same_version(&self, other: &Self) -> bool {
        (self.size_bytes, &self.edited) == (other.size_bytes, &other.edited)
    }
}

impl Origin {
    pub(crate) fn new(spec: &OriginSpec, access: &Access) -> Self {
        let dav = if spec.dav_allowed { RungState::Untried } else { RungState::Refused };
        let session = match access {
            Access::Owner(pass) => Session::Open(pass.clone()),
            Access::Channel(_) if spec.dav_allowed => Session::Untried,
            Access::Channel(_) => Session::Refused,
        };
        Self {
            hub: spec.hub.clone(),
            nick: spec.nick.clone(),
            session: tokio::sync::Mutex::new(session),
            dav: Cell::new(dav),
            reason: RefCell::new(None),
            filedata_answered: Cell::new(false),
            tickets: Tickets::new(spec.hub.clone(), spec.filesync_allowed),
            packs: Packs::default(),
            pieces: Pieces::new(spec.piece_bytes),
            under_way: Cell::new(0),
            received_bytes: Cell::new(0),
            failures: Cell::new(0),
            is_away: Away::default(),
        }
    }

    /// Asks a hub that speaks filesync for what the transfers of the batch need next, while they work.
    pub(super) async fn ask_ahead(self: Rc<Self>, shared: Rc<Shared>) -> Infallible {
        let facts = self.tickets.ask_ahead(&shared, || self.packs.note_facts());
        let packs = self.packs.ask_for(&shared, &self.tickets);
        future::join(facts, packs).await.0
    }

    /// Notes that a transfer asks this hub no longer.
    pub(super) fn leave(&self, id: TransferId, key: &FileKey) {
        self.tickets.unwant(id, key);
        self.packs.leave(id);
    }

    /// Notes that a transfer has ended.
    pub(super) fn end(&self, id: TransferId, key: &FileKey) {
        self.tickets.end(id, key);
        self.packs.leave(id);
    }

    /// Returns what the batch has learnt about the hub.
    pub(crate) fn status(&self) -> OriginStatus {
        OriginStatus {
            hub: self.hub.clone(),
            dav: self.dav.get(),
            dav_reason: self.reason.borrow().clone(),
            peer: self.tickets.peer(),
            piece_bytes: self.pieces.limit(),
            received_bytes: self.received_bytes.get(),
            failures: self.failures.get(),
        }
    }

    /// Counts a range as under way until what is returned is dropped.
    pub(super) fn count_range(&self) -> Counted<'_> {
        Counted::among(&self.under_way)
    }

    pub(super) fn ranges_under_way(&self) -> usize {
        self.under_way.get()
    }

    pub(super) fn note_received(&self, bytes: u64) {
        self.received_bytes.set(self.received_bytes.get().saturating_add(bytes));
        self.is_away.set(false);
    }

    /// Counts a transfer for which the hub was unreachable; another failure says nothing about the hub.
    pub(super) fn note_failure(&self, error: &Error) {
        if error.is_out_of_reach() {
            self.failures.set(self.failures.get() + 1);
            self.is_away.set(true);
        }
    }

    fn drop_dav(&self, error: &Error) {
        self.dav.set(RungState::Refused);
        self.reason.replace(Some(error.to_string()));
    }

    /// Requests the hub's row. None if the hub gives no session, which the request needs.
    ///
    /// # Errors
    ///
    /// `NotFound` if the hub does not have the file; `PeerBusy` if it ended the session; otherwise according to the reply.
    pub(crate) async fn file_meta(&self, shared: &Shared, hash: &str) -> Result<Option<FileMeta>> {
        match self.ask_api(shared, getfile::filemeta_url(&self.hub, hash), Pool::Main).await? {
            Some(reply) => self.read_meta(shared, reply, hash).await,
            None => Ok(None),
        }
    }

    /// Queries the API within the session, which the first request opens. None if the hub gives none.
    pub(crate) async fn ask_api(&self, shared: &Shared, url: Url, pool: Pool) -> Result<Option<Reply>> {
        let mut session = self.session.lock().await;
        let reply = match &*session {
            Session::Refused => return Ok(None),
            Session::Lost => return Err(self.session_lost()),
            Session::Open(pass) => {
                let request = Request::get(url).pass(pass)?;
                drop(session);
                shared.send(pool, request).await
            }
            // The lock is held meanwhile: all other requests wait for the one login.
            Session::Untried => {
                let signed = getfile::api_login(shared.identity()?, url, (shared.surroundings.random)())?;
                let reply = shared.send(pool, ready(signed)?).await;
                if let Ok(reply) = &reply {
                    *session = reply.cookies().map_or(Session::Untried, |cookie| Session::Open(Pass::cookie(cookie)));
                    if matches!(*session, Session::Untried) {
                        let error = reply.error(ErrorKind::Refused, "no session cookie");
                        drop(session);
                        return self.give_up_session(&error).await.map(|()| None);
                    }
                }
                drop(session);
                reply
            }
        };
        match reply {
            Err(error) if error.kind() == ErrorKind::Refused => self.give_up_session(&error).await.map(|()| None),
            Err(error) => Err(error),
            Ok(reply) => Ok(Some(reply)),
        }
    }

    /// Stops using the session: for this batch if it had worked, otherwise for good.
    async fn give_up_session(&self, error: &Error) -> Result<()> {
        let mut session = self.session.lock().await;
        if self.dav.get() == RungState::Open || self.filedata_answered.get() {
            *session = Session::Lost;
            return Err(self.session_lost());
        }
        *session = Session::Refused;
        self.drop_dav(error);
        Ok(())
    }

    pub(crate) fn session_lost(&self) -> Error {
        Error::new(ErrorKind::PeerBusy, "asking the origin hub")
            .context("hub", &self.hub)
            .context("fault", "it ended our session before the file was proven")
    }

    async fn read_meta(&self, shared: &Shared, reply: Reply, hash: &str) -> Result<Option<FileMeta>> {
        let hub_time = head::dated(&reply.values("date"));
        let wrong = |fault: &str| {
            Error::new(ErrorKind::Corrupt, "reading a file's row").context("hub", &self.hub).context("fault", fault)
        };
        let second_factor = reply.error(ErrorKind::Refused, "a page instead of a row; the account may need a second factor");
        let is_page = reply.is_page();
        let body = reply.bytes(shared.limits.max_reply_bytes, &shared.patience()).await?;
        if body.is_empty() {
            return Err(missing_row(&self.hub));
        }
        let Some(row) = FileRow::parse(&body) else {
            if is_page || head::begins_like_page(&body) {
                return self.give_up_session(&second_factor).await.map(|()| None);
            }
            return Err(wrong("not the JSON of one row"));
        };
        if row.hash != hash || row.is_folder {
            return Err(missing_row(&self.hub));
        }
        if row.edited.len() > MAX_EDITED_BYTES || row.display_path.len() > MAX_PATH_BYTES {
            return Err(wrong("its date or its path is too long"));
        }
        let edited: Option<DateTime> = row.edited.parse().ok();
        let edited_at = edited.and_then(|edited| edited.to_zoned(jiff::tz::TimeZone::UTC).ok());
        Ok(Some(FileMeta {
            size_bytes: row.size_bytes.ok_or_else(|| wrong("the size is not a number"))?,
            age_seconds: hub_time.zip(edited_at).map(|(now, edited)| now.saturating_sub(edited.timestamp().as_second())),
            edited: row.edited,
            display_path: row.display_path,
        }))
    }

    /// Tells whether `/dav` is available.
    pub(crate) async fn has_dav(&self) -> bool {
        self.dav.get() != RungState::Refused && self.has_session().await
    }

    pub(super) fn note_filedata_answered(&self) {
        self.filedata_answered.set(true);
    }

    /// Tells whether the API is available without another login.
    pub(crate) async fn has_session(&self) -> bool {
        matches!(*self.session.lock().await, Session::Open(_))
    }

    /// Requests a range from `/dav`; accepts only 206 with a range of a file of this size, and returns it with its
    /// range, which overlaps the requested one.
    ///
    /// # Errors
    ///
    /// `NotFound` if no path leads to the file; `Refused` if the rung was dropped; `Corrupt` if the reply is
    /// unusable.
    pub(crate) async fn dav_range(
        &self,
        shared: &Shared,
        file: &DavFile<'_>,
        range: &Chunk,
        pool: Pool,
    ) -> Result<(Reply, Chunk)> {
        let Session::Open(pass) = self.session.lock().await.clone() else {
            return Err(Error::new(ErrorKind::Refused, "reading through /dav")
                .context("hub", &self.hub)
                .context("fault", "no session"));
        };
        let mut missing: Option<Error> = None;
        for path in file.candidates() {
            let url = self.hub.page(["dav", self.nick.as_str()].into_iter().chain(path.iter().copied()));
            let request = Request::get(url).pass(&pass)?.range(range.start, range.end - 1)?;
            let reply = shared.send(pool, request).await.and_then(|reply| check_range(reply, file, range));
            match reply {
                Ok(found) => {
                    self.dav.set(RungState::Open);
                    return Ok(found);
                }
                // Another path may still lead there. An unusable reply says more than a missing file.
                Err(error) if error.kind() == ErrorKind::Corrupt => missing = Some(error),
                Err(error) if error.kind() == ErrorKind::NotFound => missing = missing.or(Some(error)),
                // A web server may forbid single paths, such as names with a leading dot: this says nothing about the others.
                Err(error) if error.kind() != ErrorKind::Refused || error.http_status() == Some(403) => return Err(error),
                Err(error) if self.dav.get() == RungState::Open => return self.give_up_session(&error).await.and(Err(error)),
                Err(error) => {
                    // The session may still be able to read the row.
                    self.drop_dav(&error);
                    return Err(error);
                }
            }
        }
        Err(missing.unwrap_or_else(|| Error::new(ErrorKind::NotFound, "reading through /dav").context("hub", &self.hub)))
    }

    /// Requests a whole file or scale from getfile; the caller checks what arrived.
    async fn getfile(&self, shared: &Shared, hash: &str, scale: u8) -> Result<Reply> {
        let now = (shared.surroundings.unix_time)();
        let signed = getfile::getfile(shared.identity()?, &self.hub, hash, scale, now, (shared.surroundings.random)())?;
        let reply = shared.send(Pool::Main, ready(signed)?).await?;
        if reply.status().as_u16() != 200 {
            return Err(reply.error(ErrorKind::Refused, "neither a file nor an error"));
        }
        Ok(reply)
    }

    /// Requests a whole file of this size from getfile.
    ///
    /// # Errors
    ///
    /// `NotFound` if a page came (the hub's way of saying so), `PeerBusy` for anything else that is not the file, otherwise
    /// according to the reply.
    pub(crate) async fn whole_file(&self, shared: &Shared, hash: &str, size_bytes: u64) -> Result<Reply> {
        let mut reply = self.getfile(shared, hash, 0).await?;
        // A file comes with its name, whatever that is. Some names fit into no header, and then it comes without one: other
        // replies of a hub, such as pages and errors, have another size.
        if !reply.values("content-disposition").is_empty() {
            return Ok(reply);
        }
        let not_found = reply.error(ErrorKind::NotFound, "a page instead of the file");
        let nothing =
            reply.error(ErrorKind::PeerBusy, "no bytes: the file is not available, or the request's proof was lost on the way");
        let other = reply
            .error(ErrorKind::PeerBusy, "neither the file nor a page: the reply gives no name, and its size differs")
            .context("expected_bytes", size_bytes);
        let is_page = reply.is_page();
        let has_other_length = reply.length().is_some_and(|length| length != size_bytes);
        let enough = usize::try_from(size_bytes.saturating_add(1)).map_or(MAX_PAGE_BYTES, |size| size.min(MAX_PAGE_BYTES));
        let (seen, ended) = reply.look(if has_other_length { 1 } else { enough }, &shared.patience()).await?;
        let count = seen.len() as u64;
        match () {
            () if ended && count == 0 => Err(nothing),
            () if !has_other_length && count <= size_bytes && (count == size_bytes || !ended) => Ok(reply),
            () if is_page || head::begins_like_page(seen) => Err(not_found),
            () => Err(other.context("received_bytes", if ended { count.to_string() } else { format!("{count} or more") })),
        }
    }

    /// Ends the session, if there is one. Best effort.
    pub(crate) async fn log_out(&self, shared: &Shared) {
        let mut session = self.session.lock().await;
        // An owner's session is older than the batch, and lives on.
        if let Session::Open(pass) = std::mem::replace(&mut *session, Session::Refused)
            && shared.may_sign()
            && let Ok(request) = Request::get(self.hub.page(["logout"])).pass(&pass)
        {
            // A redirect to the front page is the usual answer; whatever the reply, the cookie is forgotten here.
            let _ = tokio::time::timeout(LOG_OUT_TIME, shared.send(Pool::Main, request)).await;
        }
    }
}

const LOG_OUT_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// The longest reply that can count as a page. A longer one without a name counts as a file unless its size differs.
const MAX_PAGE_BYTES: usize = 1 << 20;
const MAX_PATH_BYTES: usize = 16 << 10;

/// Accepts only 206 with a range of the intended file.
fn check_range(reply: Reply, file: &DavFile<'_>, range: &Chunk) -> Result<(Reply, Chunk)> {
    if reply.status().as_u16() != 206 {
        return Err(reply.error(ErrorKind::Refused, "a range was requested and something else came"));
    }
    if head::etag_names(&reply.values("etag"), file.hash) == Some(false) {
        return Err(reply.error(ErrorKind::NotFound, "another file is at this path"));
    }
    brought_range(reply, range, file.size_bytes)
}

/// A file's names in `/dav`.
pub(crate) struct DavFile<'a> {
    pub(crate) hash: &'a str,
    pub(crate) size_bytes: u64,
    /// Names of the folders and the file from the packet.
    pub(crate) path: &'a [String],
    pub(crate) meta: Option<&'a FileMeta>,
}

impl DavFile<'_> {
    /// Returns the paths to try: the packet's names first, because a hub's `display_path` can be out of date.
    fn candidates(&self) -> Vec<Vec<&str>> {
        let named: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let shown: Vec<&str> = self.meta.map(|meta| meta.display_path.split('/').collect()).unwrap_or_default();
        let usable = |path: &Vec<&str>| !path.is_empty() && path.iter().all(|name| !matches!(*name, "" | "." | ".."));
        let mut paths: Vec<Vec<&str>> = [named, shown].into_iter().filter(usable).collect();
        paths.dedup();
        paths
    }
}

/// Reads a scale's bytes into memory; scales are small and their true size is known only then.
///
/// # Errors
///
/// `PeerBusy` if no bytes came, `NotFound` if a page came, `LimitExceeded` beyond `max_scale_bytes`, otherwise according to the reply.
pub(crate) async fn scale_bytes(shared: &Shared, origin: &Origin, hash: &str, scale: u8) -> Result<Vec<u8>> {
    let reply = origin.getfile(shared, hash, scale).await?;
    let not_found = reply.is_page().then(|| reply.error(ErrorKind::NotFound, "a page instead of the file"));
    let nothing = reply.error(ErrorKind::PeerBusy, "no bytes: the scale is not available");
    let limit = usize::try_from(shared.photo_limits.max_scale_bytes).or_fail(ErrorKind::InvalidInput, "reading a limit")?;
    let bytes = reply.bytes(limit, &shared.patience()).await?;
    match not_found {
        _ if bytes.is_empty() => Err(nothing),
        Some(error) if crate::photo::dimensions(std::io::Cursor::new(&bytes)).is_err() => Err(error),
        _ => Ok(bytes),
    }
}

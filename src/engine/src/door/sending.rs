//! Sends files: small ones in packs, each other one in pieces. The offset counts that the hub tells; after every interruption it is
//! asked for.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::answer::Answer;
use super::client::MOST_PAUSES;
use super::plan::Plan;
use super::run::{Parcel, Run};
use super::watch::{Progress, Why};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, ErrorKind, OrFail, Result, WithContext};
use crate::http::{Method, Request};
use crate::pack::PackWriter;
use crate::patience::{Halt, Stoppable};
use crate::set::{self, Wanted};
use crate::signature::Secret;

/// Up to this size files go in packs.
const SMALL: u64 = 128 << 10;
const BUFFER_BYTES: usize = 256 << 10;
const READING: &str = "reading a file to send it";

/// Files on their way to the hub.
pub(crate) struct Sending<'r, 'a> {
    run: &'r mut Run<'a>,
    packing: Packing,
    /// Failures since something arrived.
    troubles: u32,
    /// Files whose bytes are not those that were saved; none: they are named at once.
    damaged: Option<Wanted>,
}

/// A pack that is being made.
#[derive(Default)]
struct Packing {
    writer: PackWriter,
    parcels: Vec<Parcel>,
}

/// What became of a body.
enum Sent {
    Whole,
    /// It is to be made again, maybe shorter.
    Again,
}

/// What became of a file.
enum Arrival {
    Whole,
    /// Its bytes are not those that were saved.
    Damaged,
    /// The hub takes none of this size.
    TooLarge(u64),
}

impl<'r, 'a> Sending<'r, 'a> {
    /// Prepares to send. `looks_again`: what is found damaged is returned at the end, to be looked for elsewhere.
    pub(crate) fn new(run: &'r mut Run<'a>, looks_again: bool) -> Self {
        let damaged = looks_again.then(|| Wanted::new(run.set));
        Self { run, packing: Packing::default(), troubles: 0, damaged }
    }

    /// Sends all; returns what was damaged.
    pub(crate) fn send(mut self, mut plan: Plan) -> Stoppable<Option<Wanted>> {
        while let Some(line) = plan.parcels.next()? {
            let parcel = Parcel::read(&line)?;
            self.show(&parcel.path);
            if self.is_small(&parcel) { self.put_in_pack(parcel)? } else { self.send_alone(&parcel)? }
        }
        while !self.packing.parcels.is_empty() {
            self.send_pack()?;
        }
        self.show("");
        Ok(self.damaged)
    }

    fn show(&mut self, name: &str) {
        let counts = self.run.counts;
        self.run.watch.progress(&Progress::Sending {
            files: counts.sent_files,
            all_files: counts.all_files,
            bytes: counts.done_bytes,
            all_bytes: counts.all_bytes,
            name,
        });
    }

    fn send_request(&mut self, request: Request, length: usize) -> Stoppable<Answer> {
        self.run.door.pay(length);
        self.run.counts.sent_bytes += length as u64;
        let watch = &*self.run.watch;
        self.run.door.once(request, &|| watch.must_stop())
    }

    /// Waits after a failure; too many in a row end the run.
    fn trouble(&mut self, error: Error, wait_seconds: Option<u64>) -> Stoppable<()> {
        if self.troubles == MOST_PAUSES {
            return Err(error.into());
        }
        let watch = &*self.run.watch;
        self.run.door.pause(self.troubles, wait_seconds, &|| watch.must_stop())?;
        self.troubles += 1;
        Ok(())
    }

    fn arrived(&mut self, length: usize, begun: Instant) {
        self.run.pace.arrived(length, begun.elapsed());
        self.troubles = 0;
    }

    /// Takes note of a file whose bytes are not those that were saved.
    fn set_aside(&mut self, parcel: &Parcel) -> Result<()> {
        self.uncount(parcel);
        if let Some(damaged) = &mut self.damaged {
            return damaged.add(parcel.digest, &parcel.path);
        }
        self.run.leave_out(&parcel.path, Why::Damaged);
        Ok(())
    }

    fn uncount(&mut self, parcel: &Parcel) {
        self.run.counts.all_files -= 1;
        self.run.counts.all_bytes -= parcel.size;
    }

    fn open(&self, parcel: &Parcel) -> Result<File> {
        match &parcel.found_at {
            Some(place) => set::open_found(place),
            None => self.run.set.open_file(&parcel.path),
        }
    }

    fn longest_pack(&self) -> usize {
        self.run.pace.bytes().min(usize::try_from(self.run.terms.pack_bytes).unwrap_or(usize::MAX))
    }

    fn is_small(&self, parcel: &Parcel) -> bool {
        parcel.begun == 0 && parcel.size <= SMALL.min(self.longest_pack() as u64 / 2)
    }

    fn put_in_pack(&mut self, parcel: Parcel) -> Stoppable<()> {
        let Some(bytes) = self.small_bytes(&parcel)? else { return Ok(self.set_aside(&parcel)?) };
        while !self.packing.parcels.is_empty() && !self.packing.has_room(bytes.len(), self.longest_pack()) {
            self.send_pack()?;
        }
        // Packs may have become shorter meanwhile.
        if !self.is_small(&parcel) {
            return self.send_alone(&parcel);
        }
        self.packing.writer.add(&bytes)?;
        self.packing.parcels.push(parcel);
        Ok(())
    }

    /// Reads a small file; none if its bytes are not those that were saved.
    fn small_bytes(&self, parcel: &Parcel) -> Result<Option<Vec<u8>>> {
        let file = match self.open(parcel) {
            Err(error) if is_gone(&error) => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(parcel.size + 1).read_to_end(&mut bytes).or_fail(ErrorKind::Storage, READING).context("path", &parcel.path)?;
        Ok(Some(bytes).filter(|bytes| Digest::of(bytes) == parcel.digest))
    }

    fn send_pack(&mut self) -> Stoppable<()> {
        let Packing { writer, parcels } = std::mem::take(&mut self.packing);
        match self.send_body_of_pack(writer.end(), parcels.len())? {
            Sent::Whole => {
                self.run.counts.sent_files += parcels.len() as u64;
                self.run.counts.done_bytes += parcels.iter().map(|parcel| parcel.size).sum::<u64>();
                self.show(parcels.last().map_or("", |parcel| parcel.path.as_str()));
            }
            Sent::Again => {
                for parcel in parcels {
                    self.put_in_pack(parcel)?;
                }
            }
        }
        Ok(())
    }

    fn send_body_of_pack(&mut self, body: Vec<u8>, count: usize) -> Stoppable<Sent> {
        let (length, begun) = (body.len(), Instant::now());
        let request = self.run.door.request(&Method::POST, &["restore", &self.run.session, "pack"], Some(body))?;
        let request = request.header("content-type", &Secret::new("application/x-tar".to_owned()))?;
        match self.send_request(request, length) {
            Err(Halt::Failed(error)) if error.kind() == ErrorKind::Network => {
                self.run.pace.broke(length);
                self.trouble(error, None)?;
            }
            Err(halt) => return Err(halt),
            Ok(answer) if answer.is_good() && taken(&answer) == Some(count as u64) => {
                self.arrived(length, begun);
                return Ok(Sent::Whole);
            }
            Ok(answer) if answer.is_too_long() => self.run.shorten(length, answer.refusal())?,
            Ok(answer) if answer.passes() || answer.is("digest_wrong") => {
                if answer.is_late() {
                    self.run.pace.broke(length);
                }
                self.trouble(answer.refusal(), answer.wait_seconds)?;
            }
            Ok(answer) => return Err(answer.refusal().into()),
        }
        Ok(Sent::Again)
    }

    fn send_alone(&mut self, parcel: &Parcel) -> Stoppable<()> {
        let before = self.run.counts.done_bytes;
        let arrival = self.pieces(parcel, before)?;
        self.run.counts.done_bytes = before;
        match arrival {
            Arrival::Whole => {
                self.run.counts.done_bytes += parcel.size;
                self.run.counts.sent_files += 1;
            }
            Arrival::Damaged => {
                let watch = &*self.run.watch;
                let place = ["restore", &self.run.session, "upload", &parcel.digest.to_string()];
                // It was not begun, or goes with the rest.
                if let Err(Halt::Stopped) = self.run.door.ask(&Method::DELETE, &place, None, &|| watch.must_stop()) {
                    return Err(Halt::Stopped);
                }
                self.set_aside(parcel)?;
            }
            Arrival::TooLarge(limit_bytes) => {
                self.uncount(parcel);
                self.run.leave_out(&parcel.path, Why::TooLarge { size_bytes: parcel.size, limit_bytes });
            }
        }
        Ok(())
    }

    /// Sends a file in pieces.
    fn pieces(&mut self, parcel: &Parcel, before: u64) -> Stoppable<Arrival> {
        let file = match self.open(parcel) {
            Err(error) if is_gone(&error) => return Ok(Arrival::Damaged),
            file => file?,
        };
        let mut own = Own { file, hasher: Hasher::default() };
        // None: the hub does not know the file yet.
        let mut offset = Some(parcel.begun).filter(|begun| *begun > 0);
        loop {
            let at = offset.unwrap_or_default().min(parcel.size);
            self.run.counts.done_bytes = before + at;
            self.show(&parcel.path);
            let length = (parcel.size - at).min(self.run.pace.bytes() as u64);
            let Some((piece, ahead)) = own.piece(at, length).context("path", &parcel.path)? else {
                return Ok(Arrival::Damaged);
            };
            if at + length == parcel.size && ahead.digest() != parcel.digest {
                return Ok(Arrival::Damaged);
            }
            let (length, end, begun) = (piece.len(), at + length, Instant::now());
            let request = self.piece_request(parcel, offset, piece)?;
            let answer = match self.send_request(request, length) {
                Err(Halt::Failed(error)) if error.kind() == ErrorKind::Network => {
                    self.run.pace.broke(length);
                    self.trouble(error, None)?;
                    offset = self.offset(parcel)?;
                    continue;
                }
                answer => answer?,
            };
            let told = answer.offset.filter(|told| *told <= parcel.size);
            match told {
                Some(told) if matches!(answer.status, 201 | 204) && told == end => {
                    own.hasher = ahead;
                    self.arrived(length, begun);
                    if end == parcel.size {
                        return Ok(Arrival::Whole);
                    }
                    offset = Some(told);
                }
                // It had been begun before.
                Some(told) if answer.status == 201 => offset = Some(told),
                _ if answer.is("file_too_large") => {
                    return Ok(Arrival::TooLarge(number(&answer, "limit_bytes").unwrap_or_default()));
                }
                _ if answer.is_too_long() => self.run.shorten(length, answer.refusal())?,
                _ if offset.is_some() && answer.is_refused_on_the_way() && self.run.door.override_methods() => {
                    self.run.watch.hindered("patch_refused", None);
                }
                _ if may_pass(&answer) => {
                    if answer.is_late() {
                        self.run.pace.broke(length);
                    }
                    self.trouble(answer.refusal(), answer.wait_seconds)?;
                    offset = self.offset(parcel)?;
                }
                _ => return Err(answer.refusal().into()),
            }
        }
    }

    /// Builds the request of a piece; without an offset, that of an upload that begins with it.
    fn piece_request(&self, parcel: &Parcel, offset: Option<u64>, piece: Vec<u8>) -> Result<Request> {
        let (door, session, digest) = (self.run.door, self.run.session.as_str(), parcel.digest.to_string());
        let checksum = format!("sha256 {}", STANDARD.encode(Digest::of(&piece).bytes()));
        let mut headers = vec![
            ("tus-resumable", "1.0.0".to_owned()),
            ("content-type", "application/offset+octet-stream".to_owned()),
            ("upload-checksum", checksum),
        ];
        let mut request = if let Some(offset) = offset {
            headers.push(("upload-offset", offset.to_string()));
            door.request(&Method::PATCH, &["restore", session, "upload", &digest], Some(piece))?
        } else {
            headers.push(("upload-length", parcel.size.to_string()));
            headers.push(("upload-metadata", format!("sha256 {}", STANDARD.encode(&digest))));
            door.request(&Method::POST, &["restore", session, "upload"], Some(piece))?
        };
        for (name, value) in headers {
            request = request.header(name, &Secret::new(value))?;
        }
        Ok(request)
    }

    /// Asks how much of a file the hub has; none: it does not know it.
    fn offset(&mut self, parcel: &Parcel) -> Stoppable<Option<u64>> {
        loop {
            let place = ["restore", &self.run.session, "upload", &parcel.digest.to_string()];
            let request = self.run.door.request(&Method::HEAD, &place, None)?;
            let request = request.header("tus-resumable", &Secret::new("1.0.0".to_owned()))?;
            match self.send_request(request, 0) {
                Err(Halt::Failed(error)) if error.kind() == ErrorKind::Network => self.trouble(error, None)?,
                Err(halt) => return Err(halt),
                Ok(answer) if answer.is("no_upload") => return Ok(None),
                Ok(answer) => match answer.offset.filter(|told| answer.is_good() && *told <= parcel.size) {
                    Some(told) => return Ok(Some(told)),
                    None if answer.is_refused_on_the_way() && self.run.door.override_methods() => {}
                    None if answer.passes() => self.trouble(answer.refusal(), answer.wait_seconds)?,
                    None => return Err(answer.refusal().into()),
                },
            }
        }
    }
}

impl Packing {
    fn has_room(&self, size: usize, longest: usize) -> bool {
        self.writer.length_with(size as u64).is_some_and(|length| length <= longest)
    }
}

/// A file here, hashed as far as it was sent.
struct Own {
    file: File,
    hasher: Hasher,
}

impl Own {
    /// Returns some of its bytes, and the hasher behind them; none if the file has become shorter.
    fn piece(&mut self, at: u64, length: u64) -> Result<Option<(Vec<u8>, Hasher)>> {
        if self.hasher.length_bytes() > at {
            self.hasher = Hasher::default();
        }
        self.file.seek(SeekFrom::Start(self.hasher.length_bytes())).or_fail(ErrorKind::Storage, READING)?;
        let mut buffer = Vec::new();
        while self.hasher.length_bytes() < at {
            buffer.resize(usize::try_from(at - self.hasher.length_bytes()).unwrap_or(usize::MAX).min(BUFFER_BYTES), 0);
            match self.file.read(&mut buffer).or_fail(ErrorKind::Storage, READING)? {
                0 => return Ok(None),
                count => self.hasher.update(buffer.get(..count).unwrap_or_default()),
            }
        }
        let mut piece = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        (&self.file).take(length).read_to_end(&mut piece).or_fail(ErrorKind::Storage, READING)?;
        if (piece.len() as u64) < length {
            return Ok(None);
        }
        let mut ahead = self.hasher.clone();
        ahead.update(&piece);
        Ok(Some((piece, ahead)))
    }
}

/// Tells whether there is nothing, or something else, where a file was.
fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput)
}

/// Tells whether a piece may arrive if it is sent again from where the hub says.
fn may_pass(answer: &Answer) -> bool {
    let again = ["checksum_wrong", "digest_wrong", "offset_differs", "no_upload"];
    answer.passes() || answer.code.as_deref().is_some_and(|code| again.contains(&code))
}

fn number(answer: &Answer, name: &str) -> Option<u64> {
    answer.said.as_ref().and_then(|said| said.get(name)).and_then(Value::as_u64)
}

fn taken(answer: &Answer) -> Option<u64> {
    number(answer, "taken")
}

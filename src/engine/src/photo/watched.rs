//! An image's bytes as decoders read them: within a time limit, and with the cause if reading ends early.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::error::{Error, ErrorKind, OrFail, Result};

/// The location of an image.
pub(super) enum Bytes<'a> {
    File(File),
    Memory(&'a [u8]),
}

impl<'a> Bytes<'a> {
    pub(super) fn len(&self) -> Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata().or_fail(ErrorKind::Storage, READING)?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Opens another view of it, at its start.
    pub(super) fn watched(&self, until: Instant) -> Result<(Watched<'a>, Fault)> {
        let source = match self {
            Self::File(file) => {
                let mut file = file.try_clone().or_fail(ErrorKind::Storage, READING)?;
                file.seek(SeekFrom::Start(0)).or_fail(ErrorKind::Storage, READING)?;
                View::File(file)
            }
            Self::Memory(bytes) => View::Memory(Cursor::new(bytes)),
        };
        let fault = Fault::default();
        let watched = WatchedBytes { source, until, fault: fault.clone(), at: 0, instead: None };
        Ok((BufReader::with_capacity(BUFFER_BYTES, watched), fault))
    }
}

pub(super) type Watched<'a> = BufReader<WatchedBytes<'a>>;

/// A view of an image with a time limit.
pub(super) struct WatchedBytes<'a> {
    source: View<'a>,
    until: Instant,
    fault: Fault,
    at: u64,
    /// A byte to replace by another while reading.
    pub(super) instead: Option<(u64, u8)>,
}

enum View<'a> {
    File(File),
    Memory(Cursor<&'a [u8]>),
}

/// Why reading ended, because a decoder hides the cause.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<ErrorKind>>>);

impl Fault {
    fn get(&self) -> Option<ErrorKind> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, kind: ErrorKind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind);
    }

    pub(super) fn error(&self, error: impl std::error::Error + Send + Sync + 'static, operation: &'static str) -> Error {
        let error = Error::new(self.get().unwrap_or(ErrorKind::Corrupt), operation).source(error);
        if self.get() == Some(ErrorKind::LimitExceeded) { error.context("limit", "time") } else { error }
    }

    pub(super) fn judge<T>(&self, result: io::Result<T>, operation: &'static str) -> Result<T> {
        result.map_err(|error| self.error(error, operation))
    }
}

/// What is done first with an image.
pub(super) const READING: &str = "reading an image's header";

/// Small enough to check the clock often, however long a decoder works on a few bytes.
const BUFFER_BYTES: usize = 16 << 10;

impl Read for WatchedBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() >= self.until {
            self.fault.set(ErrorKind::LimitExceeded);
            return Err(io::ErrorKind::TimedOut.into());
        }
        let length = match &mut self.source {
            View::File(file) => file.read(buffer).inspect_err(|_| self.fault.set(ErrorKind::Storage))?,
            View::Memory(bytes) => bytes.read(buffer)?,
        };
        if let Some((at, byte)) = self.instead
            && let Some(read) =
                at.checked_sub(self.at).and_then(|at| buffer.get_mut(..length)?.get_mut(usize::try_from(at).ok()?))
        {
            *read = byte;
        }
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for WatchedBytes<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.at = match &mut self.source {
            View::File(file) => file.seek(position)?,
            View::Memory(bytes) => bytes.seek(position)?,
        };
        Ok(self.at)
    }
}

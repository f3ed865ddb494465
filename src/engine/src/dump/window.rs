//! The part of a document that is in memory: what was read and not consumed yet.

use crate::error::{Error, Result};

use super::source::Plain;

const MOST_AT_ONCE_BYTES: usize = 2 << 20;

/// Bytes of a document from an offset on.
pub(super) struct Window {
    plain: Plain,
    bytes: Vec<u8>,
    /// Where in `bytes` the unconsumed ones begin.
    start: usize,
    /// How far into the document that is.
    offset: u64,
    has_ended: bool,
    /// What comes after what is here.
    fault: Option<Error>,
    /// How much is read at once.
    chunk_bytes: usize,
}

impl Window {
    /// Begins at an offset, with what comes from there.
    pub(super) fn new(plain: Plain, offset: u64, chunk_bytes: usize) -> Self {
        Self { plain, bytes: Vec::new(), start: 0, offset, has_ended: false, fault: None, chunk_bytes }
    }

    /// Returns what is here.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Returns the offset of the first of them in the document.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Tells whether no more will come.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Consumes bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads more: as much as is here already, so that a long value is looked at few times, and memory stays near its length.
    pub(super) fn more(&mut self) -> Result<()> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let kept = self.bytes.len() - self.start;
        self.bytes.copy_within(self.start.., 0);
        self.bytes.truncate(kept);
        self.start = 0;
        let wanted = kept.min(MOST_AT_ONCE_BYTES).max(self.chunk_bytes);
        if self.bytes.capacity() > 4 * (kept + wanted) {
            self.bytes.shrink_to(kept + wanted);
        }
        self.bytes.reserve_exact(wanted);
        self.bytes.resize(kept + wanted, 0);
        let mut filled = kept;
        while filled < self.bytes.len() {
            match self.plain.read(self.bytes.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => {
                    self.has_ended = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            }
        }
        self.bytes.truncate(filled);
        if filled == kept { self.fault.take().map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// Passes over white space, and returns the byte behind it; none at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let space = self.bytes().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            self.consume(space);
            match self.bytes().first() {
                Some(byte) => return Ok(Some(*byte)),
                None if self.has_ended => return Ok(None),
                None => self.more()?,
            }
        }
    }
}

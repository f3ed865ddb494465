//! The scan: codes to coefficients.

use std::io::BufRead;

use crate::huffman::{AcTable, DcTable, Passed};
use crate::rows::Row;
use crate::segments::{Header, ZIGZAG};
use crate::{Error, Result};

/// What reading takes, whatever the image.
pub(crate) const MEMORY_BYTES: u64 = 256 << 10;

/// Reads a scan, a row of units at a time.
pub(crate) struct Scan<'a> {
    bits: Bits<'a>,
    components: Vec<Component<'a>>,
    units_across: u32,
    rows_left: u32,
    restart_interval: u32,
    units_left: u32,
    restarts: u8,
}

struct Component<'a> {
    dc: &'a DcTable,
    ac: &'a AcTable,
    across: usize,
    down: usize,
    /// The side of a block, as it is kept.
    side: usize,
    /// Where in such a block each coefficient belongs; beyond its end if it is not kept.
    places: [u8; 64],
    /// The first coefficient from which on none is kept.
    end: usize,
    before: i16,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(reader: &'a mut dyn BufRead, header: &'a Header, eighths: &[u8]) -> Result<Self> {
        let mut components = Vec::new();
        for (component, side) in header.components.iter().zip(eighths) {
            let (_, dc, ac) = header.tables(component).ok_or(Error::Declined("a table is missing"))?;
            let is_kept = |place: &(u8, u8)| place.0.max(place.1) < *side;
            let place = |(column, row): (u8, u8)| if is_kept(&(column, row)) { row * *side + column } else { u8::MAX };
            components.push(Component {
                dc,
                ac,
                across: component.across as usize,
                down: component.down as usize,
                side: usize::from(*side),
                places: ZIGZAG.map(place),
                end: ZIGZAG.iter().rposition(is_kept).map_or(1, |last| last + 1),
                before: 0,
            });
        }
        let (units_across, rows_left) = header.units();
        Ok(Self {
            bits: Bits::new(reader),
            components,
            units_across,
            rows_left,
            restart_interval: header.restart_interval,
            units_left: header.restart_interval,
            restarts: 0,
        })
    }

    /// Reads the next row, if there is one.
    pub(crate) fn read_row(&mut self, row: &mut Row) -> Result<bool> {
        if self.rows_left == 0 {
            return Ok(false);
        }
        self.rows_left -= 1;
        row.planes.iter_mut().for_each(|blocks| blocks.fill(0));
        for unit in 0..self.units_across as usize {
            if self.restart_interval > 0 {
                if self.units_left == 0 {
                    self.restart()?;
                }
                self.units_left -= 1;
            }
            self.bits.prepare_unit()?;
            for (component, blocks) in self.components.iter_mut().zip(&mut row.planes) {
                let length = component.side * component.side;
                let blocks_across = self.units_across as usize * component.across;
                for down in 0..component.down {
                    let first = (down * blocks_across + unit * component.across) * length;
                    let blocks = blocks.get_mut(first..first + component.across * length).unwrap_or_default();
                    for block in blocks.chunks_exact_mut(length) {
                        self.bits.block(component, block).ok_or(Error::Declined("a code that there is not"))?;
                    }
                }
            }
            self.bits.check()?;
        }
        Ok(true)
    }

    fn restart(&mut self) -> Result<()> {
        if !self.bits.is_used_up() || self.bits.next_segment()? != Some(0xd0 + self.restarts) {
            return Err(Error::Declined("a restart marker is not where it belongs"));
        }
        self.restarts = (self.restarts + 1) % 8;
        self.units_left = self.restart_interval;
        self.components.iter_mut().for_each(|component| component.before = 0);
        Ok(())
    }

    /// Makes sure that nothing but the image's end follows.
    pub(crate) fn finish(mut self) -> Result<()> {
        match self.bits.next_segment()? {
            Some(0xd9) => Ok(()),
            _ => Err(Error::Declined("something follows the scan")),
        }
    }
}

/// The bytes of a scan as bits.
struct Bits<'a> {
    reader: &'a mut dyn BufRead,
    /// Bytes without the zeros behind 0xff; if the last ones are there, many zeros follow them.
    bytes: Vec<u8>,
    /// How many of them are not such zeros.
    length: usize,
    /// The marker behind the bytes, if it has been reached.
    marker: Option<u8>,
    /// How many bytes have been taken into `next`.
    taken: usize,
    /// The next ones, from the uppermost on.
    next: u64,
    /// How many of them count.
    count: u32,
}

impl<'a> Bits<'a> {
    const READ_BYTES: usize = 64 << 10;
    /// More than the codes of a unit take: ten blocks, each coefficient with a code and a number of at most 16 bits.
    const UNIT_BYTES: usize = 10 * 64 * 4 + 16;

    /// Of the bits that fit, as many as bytes can fill whatever is there already.
    const WHOLE_BYTES: u32 = 7 * 8;

    fn new(reader: &'a mut dyn BufRead) -> Self {
        Self { reader, bytes: Vec::new(), length: 0, marker: None, taken: 0, next: 0, count: 0 }
    }

    /// Makes sure that all bytes of the next unit are there.
    #[inline]
    fn prepare_unit(&mut self) -> Result<()> {
        if self.taken + Self::UNIT_BYTES > self.length && self.marker.is_none() {
            self.fill()?;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<()> {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        while self.bytes.len() < Self::READ_BYTES {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return Err(Error::Declined("it ends early"));
            }
            let plain = memchr::memchr(0xff, bytes).unwrap_or(bytes.len());
            self.bytes.extend_from_slice(bytes.get(..plain).unwrap_or_default());
            let has_marker = plain < bytes.len();
            self.reader.consume(plain);
            if has_marker {
                let mut two = [0; 2];
                self.reader.read_exact(&mut two)?;
                let [_, mut kind] = two;
                if kind == 0 {
                    self.bytes.push(0xff);
                    continue;
                }
                while kind == 0xff {
                    let mut one = [0];
                    self.reader.read_exact(&mut one)?;
                    [kind] = one;
                }
                self.marker = Some(kind);
                break;
            }
        }
        self.length = self.bytes.len();
        if self.marker.is_some() {
            self.bytes.resize(self.length + Self::UNIT_BYTES, 0);
        }
        Ok(())
    }

    /// Fails if more bits were taken than there are.
    #[inline]
    fn check(&self) -> Result<()> {
        if self.taken * 8 <= self.length * 8 + self.count as usize { Ok(()) } else { Err(Error::Declined("its codes end early")) }
    }

    /// Tells whether less than a byte is left in front of the marker.
    fn is_used_up(&self) -> bool {
        self.marker.is_some() && self.length * 8 + (self.count as usize) < self.taken * 8 + 8
    }

    /// Returns the marker behind these bytes, and goes on behind it.
    fn next_segment(&mut self) -> Result<Option<u8>> {
        while self.marker.is_none() {
            self.taken = self.bytes.len();
            self.fill()?;
        }
        self.bytes.clear();
        (self.length, self.taken, self.next, self.count) = (0, 0, 0, 0);
        Ok(self.marker.take())
    }

    /// Takes bytes until at least 56 bits count.
    #[inline]
    fn refill(&mut self) -> Option<()> {
        let bytes = self.bytes.get(self.taken..)?.first_chunk::<8>()?;
        self.next |= u64::from_be_bytes(*bytes) >> self.count;
        self.taken += (63 - self.count as usize) >> 3;
        self.count |= Self::WHOLE_BYTES;
        Some(())
    }

    #[inline]
    fn advance(&mut self, bits: u8) {
        self.next <<= bits;
        self.count -= u32::from(bits);
    }

    /// Reads a block into one of zeros. Returns none if a code is unknown or leads beyond the block.
    #[inline]
    fn block(&mut self, component: &mut Component, block: &mut [i16]) -> Option<()> {
        self.refill()?;
        let difference = component.dc.find(self.next)?;
        self.advance(difference.bits);
        component.before = component.before.wrapping_add(difference.value);
        *block.first_mut()? = component.before;
        let mut at = 1;
        while at < component.end {
            self.refill()?;
            let code = component.ac.find(self.next)?;
            self.advance(code.bits);
            at += usize::from(code.run);
            if code.value == 0 {
                if code.run == 0 {
                    return Some(());
                }
            } else if let Some(coefficient) = block.get_mut(usize::from(*component.places.get(at)?)) {
                *coefficient = code.value;
            }
            at += 1;
        }
        self.pass(component.ac, at)
    }

    /// Passes over the rest of a block, from the given coefficient on.
    #[inline]
    fn pass(&mut self, table: &AcTable, mut at: usize) -> Option<()> {
        while at < 64 {
            self.refill()?;
            // The bits suffice for four look-ups.
            for _ in 0..4 {
                let passed = table.pass(self.next);
                let next = at + usize::from(passed.steps);
                if passed.bits > 0 && next <= 64 {
                    self.advance(passed.bits);
                    at = next;
                    if at == 64 {
                        return Some(());
                    }
                } else if passed.steps >= Passed::END && next < usize::from(Passed::END) + 64 {
                    self.advance(passed.bits);
                    return Some(());
                } else {
                    // A long code, or the block ends among these.
                    self.refill()?;
                    let code = table.find(self.next)?;
                    self.advance(code.bits);
                    if (code.value, code.run) == (0, 0) {
                        return Some(());
                    }
                    at += usize::from(code.run) + 1;
                    break;
                }
            }
        }
        (at == 64).then_some(())
    }
}

//! The header: what comes before the scan.

use std::io::BufRead;

use crate::huffman::{AcTable, Codes, DcTable};
use crate::{Error, Result};

/// A component as the frame and the scan describe it.
#[derive(Debug)]
pub(crate) struct Component {
    name: u8,
    /// Blocks in a unit, across and down.
    pub(crate) across: u32,
    pub(crate) down: u32,
    quantization: usize,
    dc: usize,
    ac: usize,
}

/// All that the decoder needs to know beside the codes.
#[derive(Debug, Default)]
pub(crate) struct Header {
    pub(crate) size: (u32, u32),
    pub(crate) components: Vec<Component>,
    /// How many units have codes of their own, until a mark; 0 if all have.
    pub(crate) restart_interval: u32,
    quantization: [Option<[u16; 64]>; 4],
    codes: [[Option<Codes>; 4]; 2],
    /// Made of the codes that the scan uses.
    dc: [Option<Box<DcTable>>; 4],
    ac: [Option<Box<AcTable>>; 4],
}

/// The column and row of each coefficient, in the order in which they are stored.
pub(crate) const ZIGZAG: [(u8, u8); 64] = {
    let mut order = [(0, 0); 64];
    let (mut column, mut row) = (0u8, 0u8);
    let mut at = 0;
    while at < 64 {
        order[at] = (column, row);
        let goes_up = (column + row) % 2 == 0;
        if goes_up && column == 7 || !goes_up && row == 7 {
            // Along the edge, to the next diagonal.
            if goes_up { row += 1 } else { column += 1 }
        } else if goes_up {
            column += 1;
            row = row.saturating_sub(1);
        } else {
            row += 1;
            column = column.saturating_sub(1);
        }
        at += 1;
    }
    order
};

impl Header {
    pub(crate) fn read(reader: &mut dyn BufRead) -> Result<Self> {
        let mut header = Self::default();
        if bytes(reader)? != [0xff, 0xd8] {
            return Err(Error::Declined("it does not begin like a JPEG"));
        }
        loop {
            let [ff, mut marker] = bytes(reader)?;
            if ff != 0xff {
                return Err(Error::Declined("something between segments"));
            }
            while marker == 0xff {
                [marker] = bytes(reader)?;
            }
            let length =
                u16::from_be_bytes(bytes(reader)?).checked_sub(2).ok_or(Error::Declined("a segment without a length"))?;
            match marker {
                0xe0..=0xef | 0xfe => skip(reader, length.into())?,
                0xc0 | 0xc1 | 0xc4 | 0xda | 0xdb | 0xdd => {
                    let mut body = vec![0; length.into()];
                    reader.read_exact(&mut body)?;
                    let understood = match marker {
                        0xc0 | 0xc1 => header.frame(&body),
                        0xc4 => header.huffman_tables(&body),
                        0xda => header.scan(&body),
                        0xdb => header.quantization_tables(&body),
                        _ => header.restarts(&body),
                    };
                    understood.ok_or(Error::Declined("a segment of another form"))?;
                    if marker == 0xda {
                        return Ok(header);
                    }
                }
                _ => return Err(Error::Declined("an unknown segment")),
            }
        }
    }

    fn frame(&mut self, body: &[u8]) -> Option<()> {
        let (&[8, h1, h2, w1, w2, count], components) = body.split_first_chunk()? else { return None };
        self.size = (u16::from_be_bytes([w1, w2]).into(), u16::from_be_bytes([h1, h2]).into());
        let is_first = self.components.is_empty();
        let components = components.as_chunks::<3>();
        for [name, sampling, quantization] in components.0 {
            let (across, down) = (u32::from(sampling >> 4), u32::from(sampling & 15));
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
                return None;
            }
            self.components.push(Component { name: *name, across, down, quantization: usize::from(*quantization), dc: 0, ac: 0 });
        }
        if let [only] = self.components.as_mut_slice() {
            // Its blocks come one by one, row by row.
            (only.across, only.down) = (1, 1);
        }
        let blocks: u32 = self.components.iter().map(|component| component.across * component.down).sum();
        let is_plain = is_first && components.1.is_empty() && matches!(count, 1 | 3) && usize::from(count) == components.0.len();
        (is_plain && blocks <= 10 && self.size.0 > 0 && self.size.1 > 0).then_some(())
    }

    fn quantization_tables(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((kind, rest)) = body.split_first() {
            // Of one byte each, or two.
            let width = match kind >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let (steps, rest) = rest.split_at_checked(64 * width)?;
            let mut table = [0; 64];
            for (step, bytes) in table.iter_mut().zip(steps.chunks_exact(width)) {
                *step = bytes.iter().fold(0, |step, byte| step << 8 | u16::from(*byte));
            }
            if table.contains(&0) {
                return None;
            }
            *self.quantization.get_mut(usize::from(kind & 15))? = Some(table);
            body = rest;
        }
        Some(())
    }

    fn huffman_tables(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((kind, rest)) = body.split_first() {
            let (lengths, rest) = rest.split_first_chunk::<16>()?;
            let (symbols, rest) = rest.split_at_checked(lengths.iter().map(|count| usize::from(*count)).sum())?;
            let codes = self.codes.get_mut(usize::from(kind >> 4))?.get_mut(usize::from(kind & 15))?;
            *codes = Some(Codes::new(lengths, symbols)?);
            body = rest;
        }
        Some(())
    }

    fn restarts(&mut self, body: &[u8]) -> Option<()> {
        self.restart_interval = u16::from_be_bytes(body.try_into().ok()?).into();
        Some(())
    }

    fn scan(&mut self, body: &[u8]) -> Option<()> {
        let (count, body) = body.split_first()?;
        let (components, selection) = body.as_chunks::<2>();
        let ([components @ .., [0, 63]], [0]) = (components, selection) else { return None };
        if self.components.is_empty() || components.len() != self.components.len() || usize::from(*count) != components.len() {
            return None;
        }
        for (component, [name, tables]) in self.components.iter_mut().zip(components) {
            if component.name != *name {
                return None;
            }
            (component.dc, component.ac) = (usize::from(tables >> 4), usize::from(tables & 15));
            let [dc_codes, ac_codes] = &self.codes;
            if let Some(codes) = dc_codes.get(component.dc)? {
                self.dc.get_mut(component.dc)?.get_or_insert_with(|| Box::new(DcTable::new(codes)));
            }
            if let Some(codes) = ac_codes.get(component.ac)? {
                self.ac.get_mut(component.ac)?.get_or_insert_with(|| Box::new(AcTable::new(codes)));
            }
        }
        self.components.iter().all(|component| self.tables(component).is_some()).then_some(())
    }

    /// Returns the tables of a component, which are there once the scan's segment has been read.
    pub(crate) fn tables(&self, component: &Component) -> Option<(&[u16; 64], &DcTable, &AcTable)> {
        let quantization = self.quantization.get(component.quantization)?.as_ref()?;
        Some((quantization, self.dc.get(component.dc)?.as_ref()?, self.ac.get(component.ac)?.as_ref()?))
    }

    /// Returns how many blocks a unit has across and down, of the component that has most.
    fn most(&self) -> (u32, u32) {
        let most = |of: fn(&Component) -> u32| self.components.iter().map(of).max().unwrap_or(1);
        (most(|component| component.across), most(|component| component.down))
    }

    /// Returns how many units there are across and down.
    pub(crate) fn units(&self) -> (u32, u32) {
        let (across, down) = self.most();
        (self.size.0.div_ceil(8 * across), self.size.1.div_ceil(8 * down))
    }

    /// Returns how many samples of a component the image covers, across and down, at so many eighths of its size; the last ones in part.
    /// And their number with those.
    pub(crate) fn part(&self, component: &Component, eighths: u8) -> ((f64, f64), (u32, u32)) {
        let (across, down) = self.most();
        let part = |side: u32, own: u32, most: u32| {
            let (share, of) = (side * own * u32::from(eighths), 8 * most);
            (f64::from(share) / f64::from(of), share.div_ceil(of))
        };
        let (columns, rows) = (part(self.size.0, component.across, across), part(self.size.1, component.down, down));
        ((columns.0, rows.0), (columns.1, rows.1))
    }
}

fn bytes<const N: usize>(reader: &mut dyn BufRead) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn skip(reader: &mut dyn BufRead, mut length: usize) -> Result<()> {
    while length > 0 {
        let there = reader.fill_buf()?.len().min(length);
        if there == 0 {
            return Err(Error::Declined("it ends early"));
        }
        reader.consume(there);
        length -= there;
    }
    Ok(())
}

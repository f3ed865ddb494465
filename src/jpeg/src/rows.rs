//! Rows of units, on their way from codes to samples.

use std::sync::mpsc;
use std::thread;

use crate::scan::Scan;
use crate::segments::{Component, Header};
use crate::transform::Transform;
use crate::{Error, Plane, Result};

/// The coefficients of a row of units, for each plane: block after block, as much of each as is kept.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) planes: Vec<Vec<i16>>,
}

/// How many rows may be on their way.
const ROWS_AHEAD: usize = 4;

/// Returns how much memory planes and rows take.
pub(crate) fn memory_bytes(header: &Header, eighths: &[u8]) -> u64 {
    let (across, down) = header.units();
    let of = |(component, side): (&Component, &u8)| {
        let row = u64::from(across * component.across * component.down) * u64::from(*side).pow(2);
        row * (u64::from(down) + ROWS_AHEAD as u64 * size_of::<i16>() as u64 + 1)
    };
    header.components.iter().zip(eighths).map(of).sum()
}

/// The planes, as far as rows of units have arrived.
pub(crate) struct Planes(Vec<Growing>);

/// A plane as far as it is there.
struct Growing {
    transform: Transform,
    plane: Plane,
    blocks_across: usize,
    blocks_down: usize,
    /// The samples of a row of blocks, also those beyond the image.
    strip: Vec<u8>,
}

impl Planes {
    pub(crate) fn new(header: &Header, eighths: &[u8]) -> Result<Self> {
        let units_across = header.units().0;
        let mut planes = Vec::new();
        for (component, side) in header.components.iter().zip(eighths) {
            let (quantization, ..) = header.tables(component).ok_or(Error::Declined("a table is missing"))?;
            let transform = Transform::new(*side, quantization).ok_or(Error::Declined("no such size"))?;
            let (covered, size) = header.part(component, *side);
            let blocks_across = (units_across * component.across) as usize;
            planes.push(Growing {
                plane: Plane { size, covered, samples: Vec::with_capacity(size.0 as usize * size.1 as usize) },
                blocks_across,
                blocks_down: component.down as usize,
                strip: vec![0; blocks_across * transform.coefficients()],
                transform,
            });
        }
        Ok(Self(planes))
    }

    pub(crate) fn empty_row(&self) -> Row {
        let length = |growing: &Growing| growing.blocks_across * growing.blocks_down * growing.transform.coefficients();
        Row { planes: self.0.iter().map(|plane| vec![0; length(plane)]).collect() }
    }

    /// Adds the next row.
    pub(crate) fn take(&mut self, row: &Row) {
        for (growing, blocks) in self.0.iter_mut().zip(&row.planes) {
            growing.take(blocks);
        }
    }

    pub(crate) fn finish(self) -> Vec<Plane> {
        self.0.into_iter().map(|growing| growing.plane).collect()
    }
}

impl Growing {
    fn take(&mut self, blocks: &[i16]) {
        let width = self.plane.size.0 as usize;
        let side = self.transform.side();
        for blocks in blocks.chunks_exact(self.blocks_across * self.transform.coefficients()) {
            self.transform.samples(blocks, &mut self.strip);
            for line in self.strip.chunks_exact(self.blocks_across * side) {
                // The last blocks reach beyond the image.
                if self.plane.samples.len() < width * self.plane.size.1 as usize {
                    self.plane.samples.extend_from_slice(line.get(..width).unwrap_or_default());
                }
            }
        }
    }
}

/// Reads the codes and makes samples of them, row by row.
pub(crate) fn on_one_thread(scan: &mut Scan, planes: &mut Planes) -> Result<()> {
    let mut row = planes.empty_row();
    while scan.read_row(&mut row)? {
        planes.take(&row);
    }
    Ok(())
}

/// Reads the codes here, and makes samples of them on another thread, which has ended when it returns. Returns whether there was one.
pub(crate) fn on_two_threads(scan: &mut Scan, planes: &mut Planes) -> Result<bool> {
    let (filled, rows) = mpsc::sync_channel::<Row>(ROWS_AHEAD);
    let (used, free) = mpsc::sync_channel::<Row>(ROWS_AHEAD);
    for _ in 0..ROWS_AHEAD {
        // There is room, and somebody to take them.
        let _ = used.send(planes.empty_row());
    }
    thread::scope(|scope| {
        let take = move || {
            for row in rows {
                planes.take(&row);
                // Nobody wants it back once all codes have been read.
                let _ = used.send(row);
            }
        };
        let Ok(other) = thread::Builder::new().spawn_scoped(scope, take) else { return Ok(false) };
        let mut read = || {
            // There is none if the other thread has panicked.
            while let Ok(mut row) = free.recv() {
                if !scan.read_row(&mut row)? || filled.send(row).is_err() {
                    break;
                }
            }
            Ok(true)
        };
        let outcome = read();
        drop(filled);
        other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome
    })
}

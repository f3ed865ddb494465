//! `FileSync\TransferBatch`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::ZendHashTable;
use filesync_engine::transfer::{BatchOptions, Surroundings, TransferBatch as Batch};
use filesync_engine::{Access, AddressPolicy, ChannelKey, Error, ErrorKind, Identity, Result};

use crate::convert::{self, Fields};
use crate::exceptions::OrThrow;
use crate::settings;

/// Moves many files from the clones of one channel into one folder, a bounded step at a time.
#[php_class]
#[php(name = "FileSync\\TransferBatch", flags = ClassFlags::Final)]
pub struct TransferBatch {
    inner: Batch,
}

#[php_impl]
impl TransferBatch {
    /// Prepares a batch. Opens no connection.
    pub fn __construct(options: &ZendHashTable) -> PhpResult<Self> {
        Ok(Self { inner: batch(options).or_throw()? })
    }

    /// Adds one transfer; it starts with the next step.
    pub fn add(&mut self, transfer: &ZendHashTable) -> PhpResult<i64> {
        let spec = convert::transfer_spec(transfer).or_throw()?;
        self.inner.add(spec).map(convert::integer).or_throw()
    }

    /// Works for about the given milliseconds, or until a transfer ends.
    pub fn step(&mut self, budget_ms: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let reports = self.inner.step(convert::budget(budget_ms).or_throw()?).or_throw()?;
        Ok(convert::list(reports.into_iter().map(convert::report_row)))
    }

    /// Returns the progress of each transfer that has not been reported yet.
    pub fn progress(&self) -> ZBox<ZendHashTable> {
        convert::list(self.inner.progress().into_iter().map(convert::progress_row))
    }

    /// Returns what the batch has learnt about each origin hub.
    pub fn origins(&self) -> ZBox<ZendHashTable> {
        convert::list(self.inner.origins().into_iter().map(convert::origin_row))
    }

    /// Returns the number of transfers that have not been reported yet.
    pub fn pending(&self) -> i64 {
        i64::try_from(self.inner.pending()).unwrap_or(i64::MAX)
    }

    /// Cancels one transfer; its partial file stays and can be resumed.
    pub fn cancel(&mut self, id: i64) -> bool {
        u64::try_from(id).is_ok_and(|id| self.inner.cancel(id))
    }

    /// Stops every transfer, saves its progress, and logs out of every origin.
    pub fn close(&mut self) {
        self.inner.close();
    }
}

fn batch(options: &ZendHashTable) -> Result<Batch> {
    let known = [
        "root",
        "store_root",
        "channel_hash",
        "key_id",
        "private_key",
        "ca_file",
        "allow_http",
        "allow_private_addresses",
        "parallel",
        "ranges",
        "bytes_per_second",
    ];
    let fields = Fields::of("options", options, &known)?;
    let ca_pem = fields.optional_text("ca_file")?.map(read_certificates).transpose()?;
    let key = ChannelKey::from_pem(fields.text("private_key")?)?;
    Batch::new(BatchOptions {
        root: Path::new(fields.text("root")?),
        access: Access::Channel(Identity::new(fields.text("channel_hash")?, fields.text("key_id")?, key)?),
        policy: AddressPolicy {
            allow_http: fields.flag_or("allow_http", false)?,
            allow_private_addresses: fields.flag_or("allow_private_addresses", false)?,
        },
        ca_pem,
        proxy: None,
        store_root: fields.optional_text("store_root")?.map(Path::new),
        parallel: usize::try_from(fields.number_or("parallel", 1..=16, 4)?).unwrap_or(4),
        ranges: usize::try_from(fields.number_or("ranges", 1..=8, 4)?).unwrap_or(4),
        bytes_per_second: fields.optional_number("bytes_per_second", LEAST_BYTES_PER_SECOND..=i64::MAX)?,
        limits: settings::limits()?,
        surroundings: Surroundings { boot_id: boot_id(), unix_time: Box::new(unix_time), random: Box::new(random) },
    })
}

/// With less than this, sixteen transfers at once would miss their deadlines.
pub(crate) const LEAST_BYTES_PER_SECOND: i64 = 64 << 10;

fn read_certificates(path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        Error::new(ErrorKind::Storage, "reading trusted certificates")
            .context("option", "ca_file")
            .context("path", path)
            .source(error)
    })
}

/// Identifies this boot; without the file every process has another name, so that only synced bytes are believed.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| format!("unknown-{}-{}", std::process::id(), unix_time()), |text| text.trim().to_owned())
}

pub(crate) fn unix_time() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(0))
}

pub(crate) fn random() -> u64 {
    let mut bytes = [0; 8];
    // The generator fails only if the kernel gives no randomness at all; then a predictable spot check is better than none.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

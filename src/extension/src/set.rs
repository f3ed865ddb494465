//! `FileSync\Set`, `FileSync\SetCheck`, `FileSync\SetList` and `FileSync\SetRestore`.

// Types that hold a PHP string of any bytes are passed by value.
#![allow(clippy::needless_pass_by_value)]

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use ext_php_rs::binary::Binary;
use ext_php_rs::binary_slice::BinarySlice;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::{ZendClassObject, ZendHashTable};
use filesync_engine::set::{
    self, Added, CheckOptions, ContentsOptions, Options, PruneSpec, RestoreOptions, RunSpec, Surroundings,
};
use filesync_engine::{Error, ErrorKind, PublicKey, Result, SetLimits};

use crate::array;
use crate::convert::{self, Fields, Row};
use crate::exceptions::OrThrow;
use crate::settings;
use crate::store::Store;
use crate::transfer::{LEAST_BYTES_PER_SECOND, boot_id, random, unix_time};

/// Writes a backup set.
#[php_class]
#[php(name = "FileSync\\Set", flags = ClassFlags::Final)]
pub struct Set {
    inner: set::Set,
}

#[php_impl]
impl Set {
    /// Looks at a folder without opening it for writing.
    pub fn look(folder: &str) -> PhpResult<ZBox<ZendHashTable>> {
        let limits = settings::limits().or_throw()?.set;
        let look = set::look(Path::new(folder), &surroundings(), &limits).or_throw()?;
        let busy = look.busy.map(|writer| {
            Row::new().with("host", writer.host).with("pid", i64::from(writer.pid)).with("since", writer.since).done()
        });
        Ok(Row::new()
            .with("state", look.condition.name())
            .with("format", look.format.map(convert::integer))
            .with("set", look.set)
            .with("unfinished", look.unfinished)
            .with("busy", busy)
            .done())
    }

    /// Opens an existing folder for writing and locks it.
    #[php(optional = options)]
    pub fn __construct(folder: &str, options: Option<&ZendHashTable>) -> PhpResult<Self> {
        let inner = options_of(options).and_then(|options| set::Set::open(Path::new(folder), options)).or_throw()?;
        Ok(Self { inner })
    }

    /// Puts in place what a run left half-way.
    pub fn complete(&mut self) -> PhpResult<bool> {
        self.inner.complete().or_throw()
    }

    /// Begins a run, or continues the one that was interrupted.
    pub fn begin(&mut self, run: &ZendHashTable) -> PhpResult<ZBox<ZendHashTable>> {
        let begun = run_spec(run).and_then(|spec| self.inner.begin(&spec)).or_throw()?;
        Ok(Row::new()
            .with("run", begun.run)
            .with("continued", begun.is_continued)
            .with("cursor", begun.cursor)
            .with("completed", begun.has_completed)
            .done())
    }

    /// Adds a file or folder to the run.
    pub fn add(
        &mut self,
        metadata: &str,
        store: &ZendClassObject<Store>,
        bytes: &ZendHashTable,
    ) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let added = bytes_of(bytes).and_then(|bytes| self.inner.add(metadata, &store.root, bytes)).or_throw()?;
        Ok(added.map(added_row))
    }

    /// Copies for about the given milliseconds.
    pub fn step(&mut self, budget_ms: i64) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let added = convert::budget(budget_ms).and_then(|budget| self.inner.step(budget)).or_throw()?;
        Ok(added.map(added_row))
    }

    /// Returns the progress of the file that is being copied, or null.
    pub fn progress(&self) -> Option<ZBox<ZendHashTable>> {
        self.inner.progress().map(|(hash, offset, size)| {
            Row::new()
                .with("hash", hash)
                .with("offset_bytes", convert::integer(offset))
                .with("size_bytes", convert::integer(size))
                .done()
        })
    }

    /// Says that a file is on the hub, but cannot be read now.
    pub fn keep(&mut self, hash: &str, why: &str) -> PhpResult<bool> {
        self.inner.keep(hash, why).or_throw()
    }

    /// Forces everything that was added to disk, and notes where to go on.
    pub fn checkpoint(&mut self, cursor: &str) -> PhpResult<()> {
        self.inner.checkpoint(cursor).or_throw()
    }

    /// Ends adding.
    pub fn prepare(&mut self, about: &str, complete: bool) -> PhpResult<ZBox<ZendHashTable>> {
        let found = self.inner.prepare(about, complete).or_throw()?;
        let mut row = Row::new().with("run", found.run).with("message", Binary::new(found.message)).with("key_id", found.key_id);
        for (name, number) in [
            ("listed", found.listed),
            ("unchanged", found.unchanged),
            ("new", found.new),
            ("replaced", found.replaced),
            ("changed", found.changed),
            ("moved", found.moved),
            ("removed", found.removed),
            ("failed", found.failed),
            ("copied_bytes", found.copied_bytes),
            ("folders", found.counts.folders),
            ("files", found.counts.files),
            ("photos", found.counts.photos),
            ("crops", found.counts.crops),
            ("posts", found.counts.posts),
            ("bytes", found.counts.bytes),
            ("older_files", found.counts.older_files),
            ("older_bytes", found.counts.older_bytes),
            ("before", found.before),
        ] {
            row = row.with(name, convert::integer(number));
        }
        Ok(row.done())
    }

    /// Removes from `data/older/`.
    pub fn prune(&mut self, what: &ZendHashTable) -> PhpResult<ZBox<ZendHashTable>> {
        let pruned = prune_spec(what).and_then(|spec| self.inner.prune(&spec)).or_throw()?;
        Ok(Row::new()
            .with("run", pruned.run)
            .with("message", Binary::new(pruned.message))
            .with("key_id", pruned.key_id)
            .with("removed_runs", convert::integer(pruned.removed_runs))
            .with("removed_files", convert::integer(pruned.removed_files))
            .with("removed_bytes", convert::integer(pruned.removed_bytes))
            .with("older_files", convert::integer(pruned.counts.older_files))
            .with("older_bytes", convert::integer(pruned.counts.older_bytes))
            .done())
    }

    /// Puts the prepared run in place.
    pub fn commit(&mut self, signature: Option<BinarySlice<u8>>) -> PhpResult<()> {
        self.inner.commit(signature.as_deref().copied()).or_throw()
    }

    /// Forgets the run.
    pub fn abandon(&mut self) -> PhpResult<()> {
        self.inner.abandon().or_throw()
    }

    /// Gives the lock back.
    pub fn close(&mut self) {
        self.inner.close();
    }
}

/// Checks a backup set, a bounded step at a time.
#[php_class]
#[php(name = "FileSync\\SetCheck", flags = ClassFlags::Final)]
pub struct SetCheck {
    inner: set::Check,
}

#[php_impl]
impl SetCheck {
    /// Opens a set.
    #[php(optional = options)]
    pub fn __construct(folder: &str, options: Option<&ZendHashTable>) -> PhpResult<Self> {
        let inner = check_options(options).and_then(|options| set::Check::open(Path::new(folder), options)).or_throw()?;
        Ok(Self { inner })
    }

    /// Works for about the given milliseconds; returns what was found.
    pub fn step(&mut self, budget_ms: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let findings = convert::budget(budget_ms).and_then(|budget| self.inner.step(budget)).or_throw()?;
        Ok(convert::list(findings.into_iter().map(|finding| {
            let hash = finding.hash().map(str::to_owned);
            Row::new()
                .with("code", finding.code.name())
                .with("path", finding.path)
                .with("hash", hash)
                .with("found_at", finding.found_at)
                .with("why", finding.why)
                .done()
        })))
    }

    /// Tells whether the check is over.
    pub fn is_done(&self) -> bool {
        self.inner.is_done()
    }

    /// Returns how far it is.
    pub fn progress(&self) -> ZBox<ZendHashTable> {
        let progress = self.inner.progress();
        Row::new()
            .with("files", convert::integer(progress.files))
            .with("files_total", convert::integer(progress.files_total))
            .with("bytes", convert::integer(progress.bytes))
            .with("bytes_total", convert::integer(progress.bytes_total))
            .with("read_files", convert::integer(progress.read_files))
            .with("read_bytes", convert::integer(progress.read_bytes))
            .with("path", progress.path.clone())
            .done()
    }

    /// Returns facts about the set that was checked.
    pub fn result(&self) -> ZBox<ZendHashTable> {
        let result = self.inner.result();
        let counts = result.counts.iter().fold(Row::new(), |row, (code, count)| row.with(code.name(), convert::integer(*count)));
        Row::new()
            .with("set", result.set.as_str())
            .with("is_cut_off", result.is_cut_off)
            .with("is_signed", result.is_signed)
            .with("is_verified", result.is_verified)
            .with("counts", counts.done())
            .done()
    }
}

/// Lists what is in a backup set.
#[php_class]
#[php(name = "FileSync\\SetList", flags = ClassFlags::Final)]
pub struct SetList {
    inner: set::Contents,
}

#[php_impl]
impl SetList {
    /// Opens a set.
    #[php(optional = options)]
    pub fn __construct(folder: &str, options: Option<&ZendHashTable>) -> PhpResult<Self> {
        let inner = list_options(options).and_then(|options| set::Contents::open(Path::new(folder), options)).or_throw()?;
        Ok(Self { inner })
    }

    /// Returns the next entries.
    pub fn next(&mut self, limit: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let versions = limit_of(limit).and_then(|limit| self.inner.next(limit)).or_throw()?;
        Ok(convert::list(versions.into_iter().map(|version| {
            Row::new()
                .with("hash", version.hash)
                .with("kind", version.kind)
                .with("names", convert::list(version.names))
                .with("size_bytes", convert::integer(version.size_bytes))
                .with("sha256", version.sha256.map(|digest| digest.to_string()))
                .with("mimetype", version.mimetype)
                .with("edited", version.edited)
                .with("path", version.path)
                .with("metadata", version.metadata)
                .with("crops", convert::integer(version.crops))
                .with("posts", convert::integer(version.posts))
                .with("seen", version.seen)
                .with("until", version.until)
                .with("why", version.why)
                .done()
        })))
    }
}

/// Reads a backup set for a restore.
#[php_class]
#[php(name = "FileSync\\SetRestore", flags = ClassFlags::Final)]
pub struct SetRestore {
    inner: set::Restore,
}

#[php_impl]
impl SetRestore {
    /// Opens a set.
    #[php(optional = options)]
    pub fn __construct(folder: &str, options: Option<&ZendHashTable>) -> PhpResult<Self> {
        let inner = restore_options(options).and_then(|options| set::Restore::open(Path::new(folder), options)).or_throw()?;
        Ok(Self { inner })
    }

    /// Returns facts about the set as a whole.
    pub fn facts(&self) -> ZBox<ZendHashTable> {
        let facts = self.inner.facts();
        Row::new()
            .with("set", facts.set.as_str())
            .with("signed_by", facts.signed_by.name())
            .with("is_list_whole", facts.is_list_whole)
            .with("is_cut_off", facts.is_cut_off)
            .with("run", facts.run.as_deref())
            .with("first_run", facts.first_run.as_deref())
            .with("refused", facts.refused.clone().map(finding_row))
            .with("findings", convert::list(facts.findings.iter().cloned().map(finding_row)))
            .with("list_sha256", facts.list_sha256.map(|digest| digest.to_string()))
            .done()
    }

    /// Returns the next entries.
    pub fn next(&mut self, limit: i64) -> PhpResult<ZBox<ZendHashTable>> {
        let entries = limit_of(limit).and_then(|limit| self.inner.next(limit)).or_throw()?;
        Ok(convert::list(entries.into_iter().map(|entry| {
            let parts = entry.parts.into_iter().map(|part| {
                Row::new()
                    .with("scale", i64::from(part.scale))
                    .with("mimetype", part.mimetype)
                    .with("size_bytes", convert::integer(part.size_bytes))
                    .with("sha256", part.sha256.to_string())
                    .with("is_there", part.is_there)
                    .with("is_found", part.is_found)
                    .done()
            });
            Row::new()
                .with("hash", entry.hash)
                .with("proof", entry.proof.name())
                .with("kind", entry.kind)
                .with("metadata", entry.metadata)
                .with("parts", convert::list(parts))
                .with("posts", convert::integer(entry.posts))
                .with("why", entry.why)
                .done()
        })))
    }

    /// Copies bytes of an entry to a new file.
    pub fn stage(
        &mut self,
        hash: &str,
        scale: i64,
        store: &ZendClassObject<Store>,
        path: &str,
    ) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let scale = u8::try_from(scale).unwrap_or(u8::MAX);
        let path = convert::path(path).or_throw()?;
        Ok(self.inner.stage(hash, scale, &store.root, &path).or_throw()?.map(staged_row))
    }

    /// Copies for about the given milliseconds.
    pub fn step(&mut self, budget_ms: i64) -> PhpResult<Option<ZBox<ZendHashTable>>> {
        let staged = convert::budget(budget_ms).and_then(|budget| self.inner.step(budget)).or_throw()?;
        Ok(staged.map(staged_row))
    }

    /// Returns how many bytes of the part under way were copied.
    pub fn staged_bytes(&self) -> i64 {
        convert::integer(self.inner.staged_bytes())
    }

    /// Gives up the bytes that are being copied.
    pub fn abandon(&mut self) {
        self.inner.abandon();
    }

    /// Forces everything that was written beneath a store to disk.
    pub fn sync(store: &ZendClassObject<Store>) -> PhpResult<()> {
        set::Restore::sync(&store.root).or_throw()
    }
}

fn finding_row(finding: set::Finding) -> ZBox<ZendHashTable> {
    Row::new().with("code", finding.code.name()).with("path", finding.path).with("why", finding.why).done()
}

fn staged_row(staged: set::Staged) -> ZBox<ZendHashTable> {
    Row::new()
        .with("size_bytes", convert::integer(staged.size_bytes))
        .with("sha256", staged.sha256.to_string())
        .with("is_clone", staged.is_clone)
        .done()
}

fn limit_of(limit: i64) -> Result<usize> {
    usize::try_from(limit).ok().filter(|limit| (1..=10_000).contains(limit)).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", "limit")
            .context("value", limit)
            .context("expected", "1 to 10000")
    })
}

fn surroundings() -> Surroundings {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Surroundings {
        boot_id: boot_id(),
        host: host.trim().to_owned(),
        process: std::process::id(),
        unix_time: Box::new(unix_time),
        random: Box::new(random),
    }
}

fn set_limits() -> Result<SetLimits> {
    let limits = settings::limits()?;
    Ok(SetLimits { disk_headroom_bytes: limits.transfer.disk_headroom_bytes, ..limits.set })
}

fn empty() -> ZBox<ZendHashTable> {
    ZendHashTable::new()
}

fn rate(fields: &Fields<'_>) -> Result<Option<NonZeroU64>> {
    fields.optional_number("bytes_per_second", LEAST_BYTES_PER_SECOND..=i64::MAX)
}

fn options_of(table: Option<&ZendHashTable>) -> Result<Options> {
    let none = empty();
    let fields = Fields::of("options", table.unwrap_or(&none), &["headroom_bytes", "bytes_per_second", "reflink"])?;
    let mut limits = set_limits()?;
    limits.disk_headroom_bytes = fields.number_or("headroom_bytes", 0..=i64::MAX, limits.disk_headroom_bytes)?;
    Ok(Options {
        bytes_per_second: rate(&fields)?,
        may_clone: fields.flag_or("reflink", true)?,
        limits,
        surroundings: surroundings(),
    })
}

fn run_spec(table: &ZendHashTable) -> Result<RunSpec> {
    let fields = Fields::of("run", table, &["from", "by", "channel_hash"])?;
    let text = |key| fields.text(key).map(str::to_owned);
    Ok(RunSpec { from: text("from")?, by: text("by")?, channel_hash: text("channel_hash")? })
}

fn bytes_of(table: &ZendHashTable) -> Result<set::Bytes> {
    let fields = Fields::of("bytes", table, &["original", "original_bytes", "crops", "again"])?;
    let original = match (fields.optional_text("original")?, fields.optional_bytes("original_bytes")?) {
        (Some(path), None) => Some(set::Original::Path(convert::path(path)?)),
        (None, Some(bytes)) => Some(set::Original::Bytes(bytes.to_vec())),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(fields.wrong("original_bytes", "not together with `original`")),
    };
    let mut crops = Vec::new();
    for value in fields.optional_list("crops")?.into_iter().flat_map(array::values) {
        let crop = value.dereference().array().ok_or_else(|| fields.wrong("crops", "a list of arrays"))?;
        let crop = Fields::of("bytes.crops", crop, &["scale", "mimetype", "path"])?;
        crops.push(set::Crop {
            scale: u8::try_from(crop.number("scale", 0..=9)?).unwrap_or_default(),
            mimetype: crop.text("mimetype")?.to_owned(),
            path: convert::path(crop.text("path")?)?,
        });
    }
    Ok(set::Bytes { original, crops, again: fields.flag_or("again", false)? })
}

fn prune_spec(table: &ZendHashTable) -> Result<PruneSpec> {
    let fields = Fields::of("what", table, &["older_than", "forget", "made_with"])?;
    let text = |key| fields.optional_text(key).map(|text| text.map(str::to_owned));
    let spec = PruneSpec { older_than: text("older_than")?, forget: text("forget")?, made_with: text("made_with")? };
    if spec.older_than.is_none() && spec.forget.is_none() {
        return Err(fields.wrong("older_than", "this, or `forget`"));
    }
    Ok(spec)
}

fn scratch(fields: &Fields<'_>) -> Result<PathBuf> {
    Ok(fields.optional_text("scratch")?.map_or_else(std::env::temp_dir, PathBuf::from))
}

fn check_options(table: Option<&ZendHashTable>) -> Result<CheckOptions> {
    let none = empty();
    let known = ["sample_of", "sample_part", "public_key", "bytes_per_second", "scratch"];
    let fields = Fields::of("options", table.unwrap_or(&none), &known)?;
    let of = fields.number_or("sample_of", 1..=100_000, 1)?;
    let part = fields.number_or("sample_part", 0..=convert::integer(of) - 1, 0)?;
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(CheckOptions {
        sample: NonZeroU32::new(narrow(of)).filter(|of| of.get() > 1).map(|of| (of, narrow(part))),
        public_key: fields.optional_text("public_key")?.map(PublicKey::from_pem).transpose()?,
        bytes_per_second: rate(&fields)?,
        scratch: scratch(&fields)?,
        limits: set_limits()?,
    })
}

fn restore_options(table: Option<&ZendHashTable>) -> Result<RestoreOptions> {
    let none = empty();
    let known = ["public_key", "reflink", "bytes_per_second", "scratch", "at", "by_digest"];
    let fields = Fields::of("options", table.unwrap_or(&none), &known)?;
    Ok(RestoreOptions {
        by_digest: fields.optional_text("by_digest")?.map(convert::path).transpose()?,
        at: fields.optional_text("at")?.map(str::to_owned),
        public_key: fields.optional_text("public_key")?.map(PublicKey::from_pem).transpose()?,
        may_clone: fields.flag_or("reflink", true)?,
        bytes_per_second: rate(&fields)?,
        scratch: scratch(&fields)?,
        limits: set_limits()?,
    })
}

fn list_options(table: Option<&ZendHashTable>) -> Result<ContentsOptions> {
    let none = empty();
    let fields = Fields::of("options", table.unwrap_or(&none), &["at", "older", "scratch"])?;
    Ok(ContentsOptions {
        at: fields.optional_text("at")?.map(str::to_owned),
        older: fields.flag_or("older", false)?,
        scratch: scratch(&fields)?,
        limits: set_limits()?,
    })
}

fn added_row(added: Added) -> ZBox<ZendHashTable> {
    Row::new()
        .with("hash", added.hash)
        .with("what", added.what.name())
        .with("why", added.why)
        .with("copied_bytes", convert::integer(added.copied_bytes))
        .with("cloned_bytes", convert::integer(added.cloned_bytes))
        .with("size_bytes", convert::integer(added.size_bytes))
        .with("sha256", added.sha256.map(|digest| digest.to_string()))
        .done()
}

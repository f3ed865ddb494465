//! PHP arrays to engine values and back. Nothing else.

use std::borrow::Cow;
use std::hint::black_box;
use std::num::NonZeroU64;
use std::time::Duration;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::convert::IntoZval;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use filesync_engine::inventory::{Difference, EntryId};
use filesync_engine::item::{Becomes, Found, Level};
use filesync_engine::photo::{self, Job, Quality, Scale, Size, Written};
use filesync_engine::relocate::{Home, Relocation};
use filesync_engine::transfer::{OriginSpec, OriginStatus, Outcome, Progress, Proof, Report, RungState, TransferSpec};
use filesync_engine::{Digest, Error, ErrorKind, FileFacts, HubUrl, RelativePath, Result};

use crate::array;

/// An array parameter that is read key by key; an unknown key is an error, because it is a typing mistake.
pub(crate) struct Fields<'a> {
    parameter: &'static str,
    table: &'a ZendHashTable,
}

impl<'a> Fields<'a> {
    /// Checks that every key is one of `known`.
    pub(crate) fn of(parameter: &'static str, table: &'a ZendHashTable, known: &[&str]) -> Result<Self> {
        for (key, _) in array::pairs(table) {
            let name = key.shown();
            if !known.contains(&&*name) {
                return Err(Error::new(ErrorKind::InvalidInput, "reading a parameter")
                    .context("parameter", parameter)
                    .context("unknown_key", name.escape_debug())
                    .context("known_keys", known.join(" ")));
            }
        }
        Ok(Self { parameter, table })
    }

    /// Says that a value is not of the expected form.
    pub(crate) fn wrong(&self, key: &str, expected: &str) -> Error {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", self.parameter)
            .context("key", key)
            .context("expected", expected)
    }

    fn find(&self, key: &str) -> Option<&'a Zval> {
        self.table.get(key).map(Zval::dereference).filter(|value| !value.is_null())
    }

    /// Reads a required string.
    pub(crate) fn text(&self, key: &str) -> Result<&'a str> {
        self.find(key).and_then(Zval::str).ok_or_else(|| self.wrong(key, "a string, UTF-8"))
    }

    /// Reads an optional string.
    pub(crate) fn optional_text(&self, key: &str) -> Result<Option<&'a str>> {
        self.find(key).map(|value| value.str().ok_or_else(|| self.wrong(key, "a string, UTF-8"))).transpose()
    }

    /// Reads an optional string of any bytes.
    pub(crate) fn optional_bytes(&self, key: &str) -> Result<Option<&'a [u8]>> {
        let bytes = |value: &'a Zval| value.zend_str().map(ZendStr::as_bytes);
        self.find(key).map(|value| bytes(value).ok_or_else(|| self.wrong(key, "a string"))).transpose()
    }

    /// Reads a whole number within bounds.
    pub(crate) fn number(&self, key: &str, bounds: std::ops::RangeInclusive<i64>) -> Result<u64> {
        let value = self.find(key).and_then(Zval::long).filter(|value| bounds.contains(value));
        let expected = || format!("an integer, {} to {}", bounds.start(), bounds.end());
        value.and_then(|value| u64::try_from(value).ok()).ok_or_else(|| self.wrong(key, &expected()))
    }

    /// Reads an optional whole number.
    pub(crate) fn number_or(&self, key: &str, bounds: std::ops::RangeInclusive<i64>, default: u64) -> Result<u64> {
        if self.find(key).is_some() { self.number(key, bounds) } else { Ok(default) }
    }

    /// Reads a whole number above zero, or none.
    pub(crate) fn optional_number(&self, key: &str, bounds: std::ops::RangeInclusive<i64>) -> Result<Option<NonZeroU64>> {
        Ok(if self.find(key).is_some() { NonZeroU64::new(self.number(key, bounds)?) } else { None })
    }

    /// Reads an optional truth value.
    pub(crate) fn flag_or(&self, key: &str, default: bool) -> Result<bool> {
        self.find(key).map_or(Ok(default), |value| value.bool().ok_or_else(|| self.wrong(key, "true or false")))
    }

    /// Reads an optional list.
    pub(crate) fn optional_list(&self, key: &str) -> Result<Option<&'a ZendHashTable>> {
        if self.find(key).is_some() { self.list(key).map(Some) } else { Ok(None) }
    }

    fn list(&self, key: &str) -> Result<&'a ZendHashTable> {
        self.find(key).and_then(Zval::array).filter(|table| array::is_list(table)).ok_or_else(|| self.wrong(key, "a list"))
    }
}

/// Reads the parameter of `TransferBatch::add`.
pub(crate) fn transfer_spec(table: &ZendHashTable) -> Result<TransferSpec> {
    let known =
        ["name", "hash", "scale", "size_bytes", "most_bytes", "edited", "sha256", "mimetype", "have_sha256", "copies", "origins"];
    let fields = Fields::of("transfer", table, &known)?;
    let name = fields.text("name")?;
    let name_is_plain = (1..=128).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !name_is_plain {
        return Err(fields.wrong("name", "1 to 128 of A-Z a-z 0-9 . _ -, no leading dot"));
    }
    let hash = fields.text("hash")?;
    if !((1..=64).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')) {
        return Err(fields.wrong("hash", "1 to 64 of A-Z a-z 0-9 -"));
    }
    let mut origins = Vec::new();
    for value in array::values(fields.list("origins")?) {
        let origin = value.array().ok_or_else(|| fields.wrong("origins", "a list of arrays"))?;
        origins.push(origin_spec(origin)?);
    }
    let copies = match fields.find("copies") {
        Some(_) => {
            texts("transfer.copies", fields.list("copies")?)?.into_iter().map(RelativePath::parse).collect::<Result<_>>()?
        }
        None => Vec::new(),
    };
    Ok(TransferSpec {
        name: name.to_owned(),
        hash: hash.to_owned(),
        scale: u8::try_from(fields.number("scale", 0..=9)?).unwrap_or_default(),
        size_bytes: fields.number("size_bytes", 0..=i64::MAX)?,
        most_bytes: fields.number_or("most_bytes", 0..=i64::MAX, u64::MAX)?,
        edited: fields.optional_text("edited")?.unwrap_or_default().to_owned(),
        sha256: fields.optional_text("sha256")?.map(Digest::parse).transpose()?,
        mimetype: fields.optional_text("mimetype")?.unwrap_or_default().to_owned(),
        have_sha256: fields.optional_text("have_sha256")?.map(Digest::parse).transpose()?,
        copies,
        origins,
    })
}

fn origin_spec(table: &ZendHashTable) -> Result<OriginSpec> {
    let fields = Fields::of("transfer.origins", table, &["url", "announced", "nick", "path", "dav", "filesync", "piece_bytes"])?;
    let names = fields.list("path")?;
    let path: Option<Vec<String>> = array::values(names).map(|name| name.str().map(str::to_owned)).collect();
    Ok(OriginSpec {
        hub: HubUrl::parse(fields.text("url")?)?,
        announced: fields.flag_or("announced", false)?,
        nick: fields.text("nick")?.to_owned(),
        path: path.ok_or_else(|| fields.wrong("path", "a list of strings, UTF-8"))?,
        dav_allowed: fields.flag_or("dav", true)?,
        filesync_allowed: fields.flag_or("filesync", false)?,
        piece_bytes: fields.optional_number("piece_bytes", 1..=i64::MAX)?,
    })
}

/// Reads the parameter of `Relocator`.
pub(crate) fn relocation(table: &ZendHashTable) -> Result<Relocation> {
    let fields = Fields::of("options", table, &["from", "from_nick", "to", "to_nick", "own_media"])?;
    let home = |hub, nick| Home::new(HubUrl::parse(fields.text(hub)?)?, fields.text(nick)?);
    let own_media = if fields.find("own_media").is_some() {
        let hashes = texts("options.own_media", fields.list("own_media")?)?;
        Some(hashes.into_iter().map(str::to_owned).collect())
    } else {
        None
    };
    Ok(Relocation::new(home("from", "from_nick")?, home("to", "to_nick")?, own_media))
}

/// Reads a list of strings.
pub(crate) fn texts<'a>(parameter: &'static str, table: &'a ZendHashTable) -> Result<Vec<&'a str>> {
    let wrong = || {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", parameter)
            .context("expected", "a list of strings, UTF-8")
    };
    array::values(table).map(|value| value.dereference().str().ok_or_else(wrong)).collect()
}

/// Relocates an array and the arrays in it. What does not change is shared with the original.
pub(crate) fn relocated(relocation: &Relocation, level: Level, table: &ZendHashTable) -> Result<ZBox<ZendHashTable>> {
    let mut copy = table.to_owned();
    for (key, entry) in array::pairs(table) {
        let value = entry.dereference();
        // Nearly all of the bytes are here, and the check of the standard library takes three times as long.
        let text = value.zend_str().and_then(|text| {
            fetch(text.as_bytes());
            simdutf8::basic::from_utf8(text.as_bytes()).ok()
        });
        let array = value.array();
        let found = text.map_or(if array.is_some() { Found::Array } else { Found::Other }, Found::Text);
        let becomes = match (level.relocate(relocation, &key.shown(), found)?, array) {
            (Becomes::Text(Cow::Owned(text)), _) => text.into_zval(false).unwrap_or_default(),
            (Becomes::Array(level), Some(inner)) => array_zval(relocated(relocation, level, inner)?),
            _ if entry.is_reference() => value.shallow_clone(),
            _ => continue,
        };
        key.put(&mut copy, becomes);
    }
    Ok(copy)
}

/// Reads a byte of each line of the cache, without waiting for one before the next, as the first to work on a text would: its
/// bytes are then here in half the time.
fn fetch(bytes: &[u8]) {
    const LINE: usize = 64;
    black_box(bytes.iter().step_by(LINE).fold(0, |all, byte| all | byte));
}

fn array_zval(table: ZBox<ZendHashTable>) -> Zval {
    let mut zval = Zval::new();
    zval.set_hashtable(table);
    zval
}

/// The options of `Photo`, in the engine's form.
pub(crate) struct PhotoOptions {
    pub(crate) options: photo::Options,
    pub(crate) budget: Option<Duration>,
}

/// Reads the options of `Photo`.
pub(crate) fn photo_options(table: Option<&ZendHashTable>) -> Result<PhotoOptions> {
    let default = Quality::default();
    let Some(table) = table else {
        return Ok(PhotoOptions { options: photo::Options::default(), budget: None });
    };
    let known = ["jpeg_quality", "png_quality", "webp_quality", "max_thumbnail", "budget_ms"];
    let fields = Fields::of("options", table, &known)?;
    let quality = |key, bounds, default: u8| {
        fields.number_or(key, bounds, default.into()).map(|number| u8::try_from(number).unwrap_or(default))
    };
    let quality = Quality {
        jpeg: quality("jpeg_quality", 1..=100, default.jpeg)?,
        png: quality("png_quality", 0..=9, default.png)?,
        webp: quality("webp_quality", 1..=100, default.webp)?,
    };
    let first_side = fields.optional_number("max_thumbnail", 1..=u32::MAX.into())?;
    let first_side = first_side.and_then(|side| u32::try_from(side.get()).ok());
    let budget = fields.optional_number("budget_ms", 1..=3_600_000)?.map(|budget| Duration::from_millis(budget.get()));
    Ok(PhotoOptions { options: photo::Options { quality, first_side }, budget })
}

/// Reads a side of a photo.
pub(crate) fn side(parameter: &'static str, value: i64) -> Result<u32> {
    u32::try_from(value).ok().filter(|side| *side > 0).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", parameter)
            .context("value", value)
            .context("expected", "1 to 4294967295")
    })
}

fn scale(number: i64) -> Result<Scale> {
    Scale::new(u8::try_from(number).unwrap_or(u8::MAX))
}

/// Reads a list of scales.
pub(crate) fn scales(table: &ZendHashTable) -> Result<Vec<Scale>> {
    let wrong = || {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", "scales")
            .context("expected", "a list of integers")
    };
    array::values(table).map(|value| value.dereference().long().ok_or_else(wrong).and_then(scale)).collect()
}

/// Converts the sizes of scales of one source.
pub(crate) fn sizes(scales: Vec<Scale>, source: Size, first_side: Option<u32>) -> ZBox<ZendHashTable> {
    let size = |scale: Scale| {
        let size = scale.size(source, first_side);
        (scale, Row::new().with("width", i64::from(size.width)).with("height", i64::from(size.height)).done())
    };
    by_scale(scales.into_iter().map(size))
}

/// Reads the scales to make of a photo: scale to path.
pub(crate) fn targets(table: &ZendHashTable) -> Result<Vec<(Scale, RelativePath)>> {
    let target = |(key, value): (array::Key, &Zval)| {
        let wrong = || {
            Error::new(ErrorKind::InvalidInput, "reading a parameter")
                .context("parameter", "targets")
                .context("expected", "scale => path")
        };
        Ok((scale(key.number().ok_or_else(wrong)?)?, RelativePath::parse(value.dereference().str().ok_or_else(wrong)?)?))
    };
    array::pairs(table).map(target).collect()
}

/// Reads the photos of `Photo::scaleAll`; keys are kept for the results.
pub(crate) fn photo_jobs(table: &ZendHashTable) -> Result<(Vec<array::Key>, Vec<Job>)> {
    let mut keys = Vec::new();
    let mut jobs = Vec::new();
    for (key, value) in array::pairs(table) {
        let job = value.dereference().array().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "reading a parameter")
                .context("parameter", "jobs")
                .context("expected", "a list of arrays")
        })?;
        let fields = Fields::of("jobs", job, &["source", "targets"])?;
        let wanted = fields.find("targets").and_then(Zval::array).ok_or_else(|| fields.wrong("targets", "scale => path"))?;
        jobs.push(Job { source: RelativePath::parse(fields.text("source")?)?, targets: targets(wanted)? });
        keys.push(key);
    }
    Ok((keys, jobs))
}

/// Converts a photo's header.
pub(crate) fn photo_row(facts: &photo::Facts) -> ZBox<ZendHashTable> {
    let shown = facts.shown();
    Row::new()
        .with("mimetype", facts.format.mimetype())
        .with("width", i64::from(shown.width))
        .with("height", i64::from(shown.height))
        .with("stored_width", i64::from(facts.stored.width))
        .with("stored_height", i64::from(facts.stored.height))
        .with("orientation", i64::from(facts.orientation))
        .done()
}

/// Converts written scales.
pub(crate) fn written_rows(written: Vec<Written>) -> ZBox<ZendHashTable> {
    let row = |written: Written| {
        let row = Row::new()
            .with("mimetype", written.format.mimetype())
            .with("width", i64::from(written.size.width))
            .with("height", i64::from(written.size.height))
            .with("size_bytes", integer(written.size_bytes))
            .with("sha256", written.digest.to_string())
            .with("profile_fault", written.profile_fault);
        (written.scale, row.done())
    };
    by_scale(written.into_iter().map(row))
}

fn by_scale(rows: impl Iterator<Item = (Scale, ZBox<ZendHashTable>)>) -> ZBox<ZendHashTable> {
    let mut table = ZendHashTable::new();
    for (scale, row) in rows {
        let _ = table.insert_at_index(i64::from(scale.number()), row);
    }
    table
}

/// Converts the results of `Photo::scaleAll`; photos that were not started are left out.
pub(crate) fn photo_results(keys: Vec<array::Key>, results: Vec<Option<Result<Vec<Written>>>>) -> ZBox<ZendHashTable> {
    let mut table = ZendHashTable::new();
    for (key, result) in keys.into_iter().zip(results) {
        let Some(result) = result else { continue };
        let (scales, error) = match result {
            Ok(written) => (Some(written_rows(written)), None),
            Err(error) => (None, Some(error_row(&error))),
        };
        let row = Row::new().with("scales", scales).with("error", error).done();
        key.put(&mut table, row);
    }
    table
}

/// Reads a relative path parameter.
pub(crate) fn path(text: &str) -> Result<RelativePath> {
    RelativePath::parse(text)
}

/// Reads a number of bytes.
pub(crate) fn count(parameter: &str, value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", parameter)
            .context("value", value)
            .context("expected", "0 or more")
    })
}

/// Reads the budget of a step.
pub(crate) fn budget(milliseconds: i64) -> Result<Duration> {
    let checked = u64::try_from(milliseconds).ok().filter(|value| (1..=60_000).contains(value));
    checked.map(Duration::from_millis).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", "budget_ms")
            .context("value", milliseconds)
            .context("expected", "1 to 60000")
    })
}

/// Reads the key of a file's hash in an inventory.
pub(crate) fn key(text: &str) -> Result<[u8; 8]> {
    let number =
        u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    number.map(u64::to_be_bytes).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "reading a parameter")
            .context("parameter", "key")
            .context("expected", "16 hex digits")
    })
}

/// Converts a file that differs between two inventories.
pub(crate) fn difference_row(difference: &Difference<'_>) -> ZBox<ZendHashTable> {
    let id = |id: Option<EntryId>| id.map(|id| id.to_string());
    let key = difference.here.or(difference.there).map(|id| id.to_string().get(..16).unwrap_or_default().to_owned());
    Row::new()
        .with("key", key)
        .with("hash", difference.hash)
        .with("here", id(difference.here))
        .with("there", id(difference.there))
        .with("content", difference.is_other_content())
        .with("metadata", difference.is_other_metadata())
        .done()
}

/// Converts a number for PHP, whose integers end at 2^63 − 1.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Builds an array with text keys.
pub(crate) struct Row(ZBox<ZendHashTable>);

impl Row {
    pub(crate) fn new() -> Self {
        Self(ZendHashTable::new())
    }

    /// Adds a pair. Fails only if memory runs out, and then PHP ends the request.
    pub(crate) fn with(mut self, key: &str, value: impl IntoZval) -> Self {
        let _ = self.0.insert(key, value);
        self
    }

    pub(crate) fn done(self) -> ZBox<ZendHashTable> {
        self.0
    }
}

/// Builds a list.
pub(crate) fn list<T: IntoZval>(values: impl IntoIterator<Item = T>) -> ZBox<ZendHashTable> {
    let mut table = ZendHashTable::new();
    for value in values {
        let _ = table.push(value);
    }
    table
}

/// Converts a report for PHP.
pub(crate) fn report_row(report: Report) -> ZBox<ZendHashTable> {
    let row = Row::new()
        .with("id", integer(report.id))
        .with("name", report.name)
        .with("received_bytes", integer(report.received_bytes))
        .with("resumed_at_byte", integer(report.resumed_at_byte))
        .with("seconds", report.duration.as_secs_f64());
    match report.outcome {
        Outcome::Complete(file) => row
            .with("state", "complete")
            .with("size_bytes", integer(file.size_bytes))
            .with("sha256", file.digest.to_string())
            .with("edited", file.edited)
            .with("origin", file.origin.to_string())
            .with("rung", file.rung.name())
            .with("proof", list(file.proof.into_iter().map(Proof::name)))
            .with("error", None::<bool>),
        Outcome::Failed(error) => without_file(row, "failed").with("error", error_row(&error)),
        Outcome::Cancelled => without_file(row, "cancelled").with("error", None::<bool>),
    }
    .done()
}

fn without_file(row: Row, state: &str) -> Row {
    let nothing = None::<bool>;
    row.with("state", state)
        .with("size_bytes", 0i64)
        .with("sha256", nothing)
        .with("edited", nothing)
        .with("origin", nothing)
        .with("rung", nothing)
        .with("proof", ZendHashTable::new())
}

fn error_row(error: &Error) -> ZBox<ZendHashTable> {
    Row::new()
        .with("kind", error.kind().name())
        .with("temporary", error.kind().is_temporary())
        .with("message", error.to_string())
        .with("retry_after_seconds", error.wait_seconds().map(integer))
        .with("facts", error.facts().fold(Row::new(), |row, (key, value)| row.with(key, value)).done())
        .done()
}

/// Converts a transfer's progress.
pub(crate) fn progress_row(progress: Progress) -> ZBox<ZendHashTable> {
    Row::new()
        .with("id", integer(progress.id))
        .with("name", progress.name)
        .with("state", if progress.is_active { "active" } else { "queued" })
        .with("size_bytes", integer(progress.size_bytes))
        .with("offset_bytes", integer(progress.offset_bytes))
        .with("bytes_per_second", integer(progress.bytes_per_second))
        .with("rung", progress.is_active.then(|| progress.rung.name()))
        .done()
}

/// Converts the facts about an origin hub.
pub(crate) fn origin_row(origin: OriginStatus) -> ZBox<ZendHashTable> {
    Row::new()
        .with("url", origin.hub.to_string())
        .with("dav", rung_state(origin.dav))
        .with("reason", origin.dav_reason)
        .with("filesync", rung_state(origin.peer.state))
        .with("filesync_reason", origin.peer.reason)
        .with("version", origin.peer.version)
        .with("features", list(origin.peer.features))
        .with("skew_seconds", origin.peer.skew_seconds)
        .with("piece_bytes", origin.piece_bytes.map(|bytes| integer(bytes.get())))
        .with("received_bytes", integer(origin.received_bytes))
        .with("failures", i64::from(origin.failures))
        .done()
}

fn rung_state(state: RungState) -> &'static str {
    match state {
        RungState::Untried => "untried",
        RungState::Open => "open",
        RungState::Refused => "refused",
    }
}

/// Converts a file's facts.
pub(crate) fn facts_row(facts: FileFacts) -> ZBox<ZendHashTable> {
    Row::new()
        .with("device", integer(facts.device))
        .with("inode", integer(facts.inode))
        .with("size_bytes", integer(facts.size_bytes))
        .with("mtime_ns", facts.mtime_ns)
        .with("ctime_ns", facts.ctime_ns)
        .done()
}

//! What a set needs to know of the world, and how it is written.

use std::num::NonZeroU64;

use crate::limits::SetLimits;

/// What the engine cannot know: clock, machine, chance.
pub struct Surroundings {
    /// Identifies this boot of the machine: bytes written before another one may be lost.
    pub boot_id: String,
    /// Name of the machine.
    pub host: String,
    /// Number of the process.
    pub process: u32,
    /// The time, seconds since 1970.
    pub unix_time: Box<dyn Fn() -> i64>,
    /// Random numbers, for the id of a new set.
    pub random: Box<dyn Fn() -> u64>,
}

/// How a set is written.
pub struct Options {
    /// Most bytes a second; none: no limit.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Whether files may share their blocks with the source.
    pub may_clone: bool,
    /// Bounds.
    pub limits: SetLimits,
    /// Clock and others.
    pub surroundings: Surroundings,
}

impl Options {
    /// The time, such as `2026-11-28T03:17:09Z`.
    pub(crate) fn now(&self) -> String {
        time(&self.surroundings, "%Y-%m-%dT%H:%M:%SZ", 0)
    }

    /// Names a run by the time, but always after the last one.
    pub(crate) fn next_run(&self, last: Option<&str>) -> String {
        const FORM: &str = "%Y-%m-%dT%H%M%SZ";
        let now = time(&self.surroundings, FORM, 0);
        let Some(last) = last.filter(|last| *last >= now.as_str()) else { return now };
        let seconds = jiff::civil::DateTime::strptime(FORM, last)
            .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
            .map_or(0, |time| time.timestamp().as_second());
        let lag = seconds.saturating_add(1).saturating_sub((self.surroundings.unix_time)());
        time(&self.surroundings, FORM, lag)
    }
}

fn time(surroundings: &Surroundings, form: &str, later_seconds: i64) -> String {
    let seconds = (surroundings.unix_time)().saturating_add(later_seconds);
    jiff::Timestamp::from_second(seconds).unwrap_or_default().strftime(form).to_string()
}

//! The `filesync.*` settings of php.ini.

use std::time::Duration;

use ext_php_rs::flags::IniEntryPermission;
use ext_php_rs::zend::{ExecutorGlobals, IniEntryDef, IniEntryDefs, ModuleEntry};
use filesync_engine::{Error, ErrorKind, Limits, PhotoLimits, Result, TransferLimits};

static ENTRIES: IniEntryDefs<12> = IniEntryDefs::new([
    IniEntryDef::new(c"filesync.max_file_bytes", c"1099511627776", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.disk_headroom_bytes", c"268435456", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.small_file_bytes", c"8388608", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.connect_timeout_seconds", c"15", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.reply_timeout_seconds", c"60", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.stall_window_seconds", c"30", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.stall_bytes_per_second", c"256", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.deadline_bytes_per_second", c"4096", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.max_photo_pixels", c"268435456", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.photo_memory_bytes", c"536870912", IniEntryPermission::System),
    IniEntryDef::new(c"filesync.photo_seconds", c"60", IniEntryPermission::System),
    IniEntryDef::end(),
]);

/// Registers the settings with their defaults.
pub(crate) fn register(module_number: i32) {
    IniEntryDef::register(ENTRIES.as_slice(), module_number);
}

unsafe extern "C" {
    fn display_ini_entries(module: *mut ModuleEntry);
}

/// Prints the settings table of phpinfo.
pub(crate) fn show(module: *mut ModuleEntry) {
    // SAFETY: PHP's own function, called from the info function with the module that PHP passed to it.
    unsafe { display_ini_entries(module) };
}

/// Reads the settings into limits.
pub(crate) fn limits() -> Result<Limits> {
    let values = ExecutorGlobals::get().ini_values();
    let number = |name: &'static str| -> Result<u64> {
        let text = values.get(name).and_then(Clone::clone).unwrap_or_default();
        text.trim().parse().map_err(|_| {
            Error::new(ErrorKind::InvalidInput, "reading php.ini")
                .context("setting", name)
                .context("value", text.escape_debug())
                .context("expected", "a whole number, 0 or more")
        })
    };
    let seconds = |name| number(name).map(Duration::from_secs);
    Ok(Limits {
        transfer: TransferLimits {
            max_file_bytes: number("filesync.max_file_bytes")?,
            disk_headroom_bytes: number("filesync.disk_headroom_bytes")?,
            small_file_bytes: number("filesync.small_file_bytes")?,
            connect_timeout: seconds("filesync.connect_timeout_seconds")?,
            reply_timeout: seconds("filesync.reply_timeout_seconds")?,
            stall_window: seconds("filesync.stall_window_seconds")?,
            stall_bytes_per_second: number("filesync.stall_bytes_per_second")?,
            deadline_bytes_per_second: number("filesync.deadline_bytes_per_second")?,
            ..TransferLimits::default()
        },
        photo: PhotoLimits {
            max_pixels: number("filesync.max_photo_pixels")?,
            memory_bytes: number("filesync.photo_memory_bytes")?,
            time: seconds("filesync.photo_seconds")?,
            ..PhotoLimits::default()
        },
        ..Limits::default()
    })
}

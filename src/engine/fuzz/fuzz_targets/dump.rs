//! Whatever an export file holds: what is handed out is JSON, another process that goes on at any cursor finds the same, and how much is
//! read at once does not matter. A damaged archive may show its damage sooner to another process.
#![no_main]

use filesync_engine::DumpLimits;
use filesync_engine::dump::{Cursor, Dump, Format};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fn limits() -> DumpLimits {
    DumpLimits {
        element_bytes: 1 << 12,
        depth: 16,
        name_bytes: 64,
        sections: 100,
        documents: 8,
        ratio: 20,
        unpacked_bytes: 1 << 16,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut whole) = Dump::of_bytes(bytes.to_vec(), None, limits(), 1 << 12) else { return };
    let mut cursor = whole.cursor();
    loop {
        let mut texts = Vec::new();
        let slice = whole.slice(3, 100, |text| texts.push(text.to_owned()));
        for text in &texts {
            serde_json::from_str::<&RawValue>(text).unwrap();
        }
        let cursor_again = Cursor::parse(&cursor.to_string()).unwrap();
        let mut found = Vec::new();
        let again = Dump::of_bytes(bytes.to_vec(), Some(cursor_again), limits(), 7)
            .and_then(|mut other| other.slice(3, 100, |text| found.push(text.to_owned())));
        let is_same = found == texts && again.as_ref().ok() == slice.as_ref().ok();
        let is_damaged_archive = whole.format() != Format::Json && (found.starts_with(&texts) || texts.starts_with(&found));
        assert!(is_same || is_damaged_archive, "{found:?}, {texts:?}");
        match slice {
            Ok(Some(_)) => cursor = whole.cursor(),
            _ => break,
        }
    }
});

//! Whatever a manifest says: no accepted path leaves the set.
#![no_main]

use std::path::{Component, Path};

use filesync_engine::set::parsers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for path in parsers::manifest(bytes) {
        assert!(Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
        assert!(!path.contains(['\\', ':', '\0', '\n', '\u{202e}']), "{path:?}");
    }
});

//! Whatever a metadata file says: it is read or refused, what is read is written the same, and no path leaves the set.
#![no_main]

use std::path::{Component, Path};

use filesync_engine::set::parsers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((written, paths)) = parsers::metadata(bytes) else { return };
    for path in paths {
        assert!(path.starts_with("data/"), "{path:?}");
        assert!(Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
    }
    if written.len() <= 4 << 20 {
        assert_eq!(parsers::metadata(&written).map(|(again, _)| again), Some(written));
    }
});

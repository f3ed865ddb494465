//! Whatever `set.json`, the signature and the journal of a backup set say: they are read or refused, and nothing panics.
#![no_main]

use std::path::{Component, Path};

use filesync_engine::set::parsers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(written) = parsers::set(bytes) {
        assert_eq!(parsers::set(&written).as_ref(), Some(&written), "what is written is read the same");
    }
    let _ = parsers::signature(bytes);
    for path in parsers::journal(bytes) {
        assert!(Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
    }
});

//! Whatever a pack holds: members are what their names say, and writing them again gives a pack with the same.
#![no_main]

use filesync_engine::pack::{Pack, PackWriter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(pack) = Pack::parse(bytes.to_vec()) else { return };
    let mut writer = PackWriter::default();
    for (digest, bytes) in pack.members() {
        assert_eq!(filesync_engine::Digest::of(bytes), digest);
        writer.add(bytes).unwrap();
    }
    let again = Pack::parse(writer.end()).unwrap();
    assert!(pack.members().eq(again.members()));
});

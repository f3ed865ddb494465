//! Any text: relocating never panics, twice is once, and back again is where it started.
#![no_main]

use filesync_engine::relocate::{Home, Relocation, media_hashes};
use filesync_engine::HubUrl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let home = |url, nick| Home::new(HubUrl::parse(url).unwrap(), nick).unwrap();
    let there = Relocation::new(home("https://a.example", "alice"), home("https://b.example/hub", "alicia"), None);
    let moved = there.text(text).into_owned();
    assert_eq!(there.text(&moved), moved);
    // A text that names the new home already cannot be told from one that was moved there; a port, also an empty one, is not kept.
    let lower = text.to_ascii_lowercase();
    if !lower.contains("b.example") && !text.contains("HTTP") && lower == text && !text.contains("example:") && text.is_ascii() {
        assert_eq!(there.reversed().text(&moved), text);
    }
    media_hashes(&HubUrl::parse("https://a.example").unwrap(), text);
});

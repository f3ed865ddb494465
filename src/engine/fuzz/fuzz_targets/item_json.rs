//! Any text: it is JSON or not as serde_json says, and relocating JSON gives JSON that differs in nothing but its relocated strings.
#![no_main]

use filesync_engine::HubUrl;
use filesync_engine::relocate::{Home, Relocation};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

fn relocated(relocation: &Relocation, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(relocation.text(&text).into_owned()),
        Value::Array(values) => values.into_iter().map(|value| relocated(relocation, value)).collect(),
        Value::Object(pairs) => pairs.into_iter().map(|(key, value)| (key, relocated(relocation, value))).collect(),
        other => other,
    }
}

fuzz_target!(|text: &str| {
    let home = |url, nick| Home::new(HubUrl::parse(url).unwrap(), nick).unwrap();
    let there = Relocation::new(home("https://a.example", "alice"), home("https://b.example/hub", "alicia"), None);
    assert_eq!(there.json(text).is_ok(), serde_json::from_str::<IgnoredAny>(text).is_ok());
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let moved = there.json(text).expect("what parses is JSON");
    assert_eq!(serde_json::from_str::<Value>(&moved).expect("still JSON"), relocated(&there, value));
    assert_eq!(there.json(&moved).unwrap(), moved);
});

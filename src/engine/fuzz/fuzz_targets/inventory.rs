//! Whatever another hub says: it is answered or refused, within bounds, and nothing panics.
#![no_main]

use filesync_engine::inventory::Inventory;
use filesync_engine::InventoryLimits;
use libfuzzer_sys::fuzz_target;

fn filled() -> Inventory {
    let mut inventory = Inventory::new(InventoryLimits { message_bytes: 4096, ..InventoryLimits::default() });
    for n in 0..200 {
        inventory.add(&format!("h{n}"), b"content", b"metadata").unwrap();
    }
    inventory.seal();
    inventory
}

fuzz_target!(|message: &[u8]| {
    if let Ok(answer) = filled().answer(message) {
        assert!(answer.len() <= 4096);
    }
    let mut begun = filled();
    begun.begin().unwrap();
    if let Ok(Some(next)) = begun.advance(message) {
        assert!(next.len() <= 4096);
    }
});

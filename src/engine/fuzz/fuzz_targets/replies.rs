//! Whatever the head or the body of a reply says: it is read within bounds or says nothing, and nothing panics.
//!
//! Seeds: `seeds/replies`, one reply each; a line is one value of a header.
#![no_main]

use filesync_engine::parsers::{self as head, FileData, FileRow, TicketReply};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reply: &[u8]| {
    let values: Vec<&[u8]> = reply.split(|byte| *byte == b'\n').take(20).collect();
    if let Some(range) = head::content_range(&values) {
        assert!(range.first <= range.last && range.last < range.total.unwrap_or(u64::MAX));
    }
    let _ = (head::length(&values), head::etag_names(&values, "9c0d1e2f-1111"), head::is_page(&values), head::dated(&values));
    let _ = (head::wait_seconds(&values, 1_714_800_000), head::begins_like_page(reply));
    assert!(head::coding(&values).is_none_or(|coding| coding.is_ascii()));
    assert!(head::shown(&values).len() <= 1000);
    if let Some(cookies) = head::cookies(&values) {
        // It becomes a header of the next request.
        assert!(cookies.bytes().all(|byte| byte >= b' ' && byte != 0x7f), "{cookies:?}");
    }
    let _ = FileRow::parse(reply);
    if let Some(piece) = FileData::parse(reply) {
        assert!(piece.bytes.is_none_or(|bytes| bytes.len() <= reply.len()));
    }
    let _ = TicketReply::parse(reply).map(|tickets| tickets.files.len());
});

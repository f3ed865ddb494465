//! Transfers from a stock hub, honest and otherwise.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use filesync_engine::transfer::{BatchOptions, Outcome, Proof, Report, Rung, RungState, TransferBatch};
use filesync_engine::{AddressPolicy, Digest, ErrorKind, HubUrl, RelativePath};
use support::{EDITED, LoopbackHub, batch, batch_of, batch_with, complete, failure, finish, noise, partial, small_limits, spec};

const LARGE: usize = 3_000_000;

fn hub_with(bytes: &[u8]) -> LoopbackHub {
    let hub = LoopbackHub::start();
    hub.add_file("h1", "2024/May & more/talk 100%.bin", bytes.to_vec());
    hub
}

fn only(mut reports: Vec<Report>) -> Report {
    assert_eq!(reports.len(), 1);
    reports.pop().unwrap()
}

fn run_once(root: &Path, hub: &LoopbackHub) -> Report {
    let mut batch = batch(root, small_limits());
    batch.add(spec(hub, "h1")).unwrap();
    only(finish(&mut batch))
}

#[test]
fn a_large_file_comes_through_dav_and_is_proven() {
    let (bytes, dir) = (noise(LARGE, 1), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!((done.size_bytes, done.digest, done.rung), (LARGE as u64, Digest::of(&bytes), Rung::Dav));
    assert_eq!((done.edited.as_str(), done.proof), (EDITED, vec![Proof::Size, Proof::Filemeta, Proof::Spot]));
    assert_eq!(partial(dir.path()), bytes);
    assert_eq!((hub.requests("POST /getfile"), hub.requests("GET /api/z/1.0/filemeta"), hub.requests("GET /logout")), (0, 2, 1));
    assert_eq!((hub.requests("GET /dav"), hub.requests("GET /api/z/1.0/filedata")), (1, 8), "looked at again another way");
    assert_eq!(hub.state().sessions, 0);
}

#[test]
fn a_small_file_comes_through_getfile_and_is_looked_at_again_through_dav() {
    let (bytes, dir) = (noise(9_000, 2), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!(
        (done.digest, done.rung, done.proof),
        (Digest::of(&bytes), Rung::Getfile, vec![Proof::Size, Proof::Filemeta, Proof::Spot])
    );
    assert_eq!(hub.requests("POST /getfile"), 1);
}

/// A batch that reads all files of a test as small ones.
fn batch_of_small_files(root: &Path) -> TransferBatch {
    batch_of(root, |options| options.limits.transfer.spot_bytes = 64 << 10)
}

/// A batch that has a session with the hub, because it has fetched a file from there.
fn batch_with_session(root: &Path, hub: &LoopbackHub) -> TransferBatch {
    let mut batch = batch_of_small_files(root);
    batch.add(spec(hub, "h1")).unwrap();
    complete(only(finish(&mut batch)));
    hub.state().requests.clear();
    batch
}

#[test]
fn small_files_cost_two_requests_each_once_there_is_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&noise(9_000, 40));
    let mut batch = batch_of_small_files(dir.path());
    batch.add(spec(&hub, "h1")).unwrap();
    for number in 0..20 {
        let hash = format!("p{number:02}");
        hub.add_file(&hash, &hash, noise(1000 + number, number as u64));
        batch.add(spec(&hub, &hash)).unwrap();
    }
    for report in finish(&mut batch) {
        let (name, done) = (report.name.clone(), complete(report));
        let bytes = std::fs::read(dir.path().join(format!("{name}.partial"))).unwrap();
        assert_eq!(done.digest, Digest::of(&bytes), "{name}");
        if name != "h1-0.1" {
            assert_eq!((done.rung, done.proof), (Rung::Dav, vec![Proof::Size, Proof::Filemeta, Proof::Twice]), "{name}");
        }
    }
    let count = |start| hub.requests(start);
    assert_eq!((count("POST /getfile"), count("GET /api/z/1.0/filemeta")), (1, 2), "{:?}", hub.state().requests);
    assert_eq!((count("GET /dav"), count("GET /api/z/1.0/filedata")), (21, 20), "{:?}", hub.state().requests);
}

#[test]
fn a_small_file_that_changes_between_its_two_readings_is_read_anew() {
    for (edited, size) in [("2024-05-03 09:00:07", 9_000), (EDITED, 9_000), (EDITED, 9_001)] {
        let (old, new, dir) = (noise(9_000, 41), noise(size, 42), tempfile::tempdir().unwrap());
        let hub = hub_with(&old);
        let mut batch = batch_with_session(dir.path(), &hub);
        hub.state().faults.overwrite_after = Some((1, new.clone(), edited.into()));
        hub.add_file("h2", "h2", old);
        batch.add(spec(&hub, "h2")).unwrap();
        let done = complete(only(finish(&mut batch)));
        assert_eq!((done.digest, done.edited.as_str()), (Digest::of(&new), edited));
        assert!(hub.requests("GET /api/z/1.0/filemeta") >= 2, "the long way");
    }
}

#[test]
fn a_small_file_is_not_proven_by_a_row_that_may_still_change() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&noise(9_000, 43));
    let mut batch = batch_with_session(dir.path(), &hub);
    hub.add_file("h2", "h2", noise(9_000, 44));
    hub.state().faults.date = Some("Fri, 03 May 2024 09:00:01 GMT".into());
    batch.add(spec(&hub, "h2")).unwrap();
    while hub.requests("GET /api/z/1.0/filemeta") < 2 {
        assert!(batch.step(Duration::from_millis(50)).unwrap().is_empty());
    }
    hub.state().faults.date = None;
    complete(only(finish(&mut batch)));
}

#[test]
fn a_small_file_that_dav_gives_wrong_is_not_proven_by_it() {
    let (bytes, dir) = (noise(9_000, 45), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    let mut batch = batch_with_session(dir.path(), &hub);
    hub.add_file("h2", "h2", bytes);
    hub.state().faults.dav_lies = true;
    batch.add(spec(&hub, "h2")).unwrap();
    assert_eq!(failure(only(finish(&mut batch))).kind(), ErrorKind::Corrupt);
}

#[test]
fn an_empty_file_needs_no_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"");
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!((done.size_bytes, done.digest, done.rung), (0, Digest::of(b""), Rung::None));
    assert_eq!(partial(dir.path()), b"");
}

#[test]
fn a_cut_connection_goes_on_from_the_byte_reached_within_the_run() {
    let (bytes, dir) = (noise(LARGE, 3), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.cut_after = vec![2_000_000, 500_000];
    let report = run_once(dir.path(), &hub);
    assert_eq!(report.received_bytes, LARGE as u64, "no byte came twice");
    assert_eq!(complete(report).digest, Digest::of(&bytes));
}

#[test]
fn a_later_run_resumes_from_the_byte_reached() {
    let (bytes, dir) = (noise(LARGE, 4), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.cut_after = vec![2_700_000, 0, 0, 0, 0];
    let first = run_once(dir.path(), &hub);
    let reached = first.received_bytes;
    assert!((2_600_000..=2_700_000).contains(&reached), "{reached}");
    assert!(failure(first).kind().is_temporary());
    hub.state().faults.cut_after.clear();
    let second = run_once(dir.path(), &hub);
    assert_eq!((second.resumed_at_byte, second.received_bytes), (reached, LARGE as u64 - reached));
    assert_eq!(complete(second).digest, Digest::of(&bytes));
}

#[test]
fn getfile_that_breaks_off_is_continued_through_dav() {
    let (bytes, dir) = (noise(9_000, 5), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.cut_after = vec![4_000];
    let report = run_once(dir.path(), &hub);
    assert_eq!(report.received_bytes, 9_000);
    let done = complete(report);
    assert_eq!((done.digest, done.rung), (Digest::of(&bytes), Rung::Dav));
    assert_eq!(
        (hub.requests("POST /getfile"), hub.requests("GET /dav/alice/2024/May%20&%20more/talk%20100%25.bin bytes=4000-8999")),
        (1, 1)
    );
}

#[test]
fn a_cancelled_transfer_keeps_what_arrived_and_a_closed_batch_too() {
    let (bytes, dir) = (noise(LARGE, 6), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.stall_after = Some(1_000_000);
    for cancel in [true, false] {
        let mut batch = batch(dir.path(), small_limits());
        let id = batch.add(spec(&hub, "h1")).unwrap();
        let wanted = if cancel { 1_000_000 } else { 2_000_000 };
        while batch.progress()[0].offset_bytes < wanted {
            assert!(batch.step(Duration::from_millis(20)).unwrap().is_empty());
        }
        if cancel {
            assert!(batch.cancel(id));
            assert!(matches!(only(finish(&mut batch)).outcome, Outcome::Cancelled));
            assert!(!batch.cancel(id));
        } else {
            batch.close();
        }
    }
    hub.state().faults.stall_after = None;
    let last = run_once(dir.path(), &hub);
    assert_eq!((last.resumed_at_byte, last.received_bytes), (2_000_000, 1_000_000));
    assert_eq!(complete(last).digest, Digest::of(&bytes));
}

#[test]
fn a_stalled_transfer_fails_within_its_window() {
    let (bytes, dir) = (noise(LARGE, 7), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.stall_after = Some(0);
    let mut batch = batch_of(dir.path(), |options| options.limits.transfer.stall_window = Duration::from_secs(1));
    batch.add(spec(&hub, "h1")).unwrap();
    let error = failure(only(finish(&mut batch)));
    assert_eq!(error.kind(), ErrorKind::Network);
    let text = error.to_string();
    assert!(text.contains("stalled") && text.contains("window_seconds: 1"), "{text}");
}

#[test]
fn two_hundred_is_not_believed_where_a_range_was_asked() {
    let (bytes, dir) = (noise(LARGE, 8), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.dav_ignores_range = true;
    let mut batch = batch(dir.path(), small_limits());
    batch.add(spec(&hub, "h1")).unwrap();
    let done = complete(only(finish(&mut batch)));
    assert_eq!(
        (done.digest, done.rung, done.proof),
        (Digest::of(&bytes), Rung::Getfile, vec![Proof::Size, Proof::Filemeta, Proof::Spot])
    );
    let origin = batch.origins().pop().unwrap();
    assert_eq!(origin.dav, RungState::Refused);
    assert!(origin.dav_reason.unwrap().contains("status: 200"));
}

#[test]
fn a_shifted_range_or_a_wrong_file_leads_to_no_wrong_byte() {
    let (bytes, dir) = (noise(LARGE, 9), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.dav_shifts_range = true;
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!((done.rung, done.digest), (Rung::Filedata, Digest::of(&bytes)), "the byte that it never gives comes another way");
    hub.state().faults.dav_shifts_range = false;
    std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
    hub.state().faults.wrong_etag = true;
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!((done.rung, done.digest), (Rung::Getfile, Digest::of(&bytes)), "another file at the path: asked by hash instead");
}

#[test]
fn a_hub_without_sessions_still_gives_small_files_read_twice() {
    let (bytes, dir) = (noise(9_000, 10), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.no_session = true;
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!((done.digest, done.proof), (Digest::of(&bytes), vec![Proof::Size, Proof::Twice]));
    assert_eq!(hub.requests("GET /api"), 1, "one login attempt, not one a file");
}

#[test]
fn an_account_with_a_second_factor_gives_small_files_only_and_is_not_asked_again() {
    let (bytes, dir) = (noise(9_000, 24), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.two_factor = true;
    let mut batch = batch(dir.path(), small_limits());
    batch.add(spec(&hub, "h1")).unwrap();
    assert_eq!(complete(only(finish(&mut batch))).proof, [Proof::Size, Proof::Twice]);
    let origin = batch.origins().pop().unwrap();
    assert_eq!((origin.dav, origin.dav_reason.unwrap().contains("second factor")), (RungState::Refused, true));
}

#[test]
fn a_session_that_ends_keeps_what_arrived_and_is_opened_again_by_the_next_batch() {
    let (bytes, dir) = (noise(LARGE, 25), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    // The range is answered, the second question about the row is not.
    hub.state().faults.session_ends_after = Some(1);
    let mut batch = batch(dir.path(), small_limits());
    batch.add(spec(&hub, "h1")).unwrap();
    let error = failure(only(finish(&mut batch)));
    assert_eq!(error.kind(), ErrorKind::PeerBusy, "{error}");
    assert_eq!(batch.origins().pop().unwrap().dav, RungState::Open, "no reason to do without for a day");
    batch.close();
    hub.state().faults.session_ends_after = None;
    let report = run_once(dir.path(), &hub);
    assert_eq!((report.resumed_at_byte, report.received_bytes), (LARGE as u64, 0));
    assert_eq!(complete(report).digest, Digest::of(&bytes));
}

#[test]
fn a_page_or_nothing_is_never_a_file() {
    let (bytes, dir) = (noise(LARGE, 11), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.no_session = true;
    hub.state().faults.page_for_file = true;
    assert_eq!(failure(run_once(dir.path(), &hub)).kind(), ErrorKind::NotFound);
    hub.state().faults.page_for_file = false;
    hub.state().faults.empty_getfile = true;
    assert_eq!(failure(run_once(dir.path(), &hub)).kind(), ErrorKind::PeerBusy);
    assert_eq!(partial(dir.path()), b"");
}

#[test]
fn one_forbidden_path_says_nothing_about_the_others() {
    let (bytes, dir) = (noise(LARGE, 27), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.add_file("h2", ".hidden", noise(9_000, 28));
    hub.state().faults.forbidden_path = Some(".hidden".into());
    let mut batch = batch(dir.path(), small_limits());
    batch.add(spec(&hub, "h2")).unwrap();
    assert_eq!(complete(only(finish(&mut batch))).proof, [Proof::Size, Proof::Filemeta, Proof::Spot]);
    assert_eq!(batch.origins().pop().unwrap().dav, RungState::Untried);
    batch.add(spec(&hub, "h1")).unwrap();
    let done = complete(only(finish(&mut batch)));
    assert_eq!((done.rung, done.proof), (Rung::Dav, vec![Proof::Size, Proof::Filemeta, Proof::Spot]));
}

#[test]
fn a_hub_whose_dav_fails_is_asked_for_the_whole_and_a_page_of_a_known_file_is_waited_for() {
    let (bytes, dir) = (noise(LARGE, 26), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.dav_status = Some(500);
    hub.state().faults.page_for_file = true;
    assert_eq!(failure(run_once(dir.path(), &hub)).kind(), ErrorKind::PeerBusy);
    hub.state().faults.page_for_file = false;
    let error = failure(run_once(dir.path(), &hub));
    assert_eq!(error.kind(), ErrorKind::PeerBusy, "not proven without a second look: {error}");
    assert_eq!(partial(dir.path()), bytes);
    hub.state().faults.dav_status = None;
    assert_eq!(complete(run_once(dir.path(), &hub)).digest, Digest::of(&bytes));
}

#[test]
fn a_row_that_is_gone_is_not_found_and_bytes_that_are_gone_are_waited_for() {
    let (bytes, dir) = (noise(LARGE, 12), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.dav_status = Some(404);
    hub.state().faults.empty_getfile = true;
    hub.state().faults.no_content = true;
    assert_eq!(failure(run_once(dir.path(), &hub)).kind(), ErrorKind::PeerBusy);
    let wanted = spec(&hub, "h1");
    hub.state().files.clear();
    let mut batch = batch(dir.path(), small_limits());
    batch.add(wanted).unwrap();
    assert_eq!(failure(only(finish(&mut batch))).kind(), ErrorKind::NotFound);
}

#[test]
fn an_encoded_body_and_a_redirect_are_refused() {
    let (bytes, dir) = (noise(9_000, 13), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.gzip = true;
    let error = failure(run_once(dir.path(), &hub));
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("gzip"), "{error}");
    hub.state().faults.gzip = false;
    let other = hub_with(&bytes);
    hub.state().faults.redirect_to = Some(format!("{}/getfile", other.url));
    assert_eq!(failure(run_once(dir.path(), &hub)).kind(), ErrorKind::Refused);
    assert_eq!(other.state().requests.len(), 0);
}

#[test]
fn a_busy_hub_says_when_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    hub.state().faults.busy = true;
    let error = failure(run_once(dir.path(), &hub));
    assert_eq!((error.kind(), error.wait_seconds()), (ErrorKind::PeerBusy, Some(17)));
}

#[test]
fn a_file_that_is_overwritten_while_it_is_read_is_read_again_whole() {
    let (old, new, dir) = (noise(LARGE, 14), noise(LARGE, 15), tempfile::tempdir().unwrap());
    let hub = hub_with(&old);
    hub.state().faults.cut_after = vec![1_500_000];
    hub.state().faults.overwrite_after = Some((1, new.clone(), "2024-05-03 09:00:07".into()));
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!((done.digest, done.edited.as_str()), (Digest::of(&new), "2024-05-03 09:00:07"));
    assert_eq!(partial(dir.path()), new);
}

#[test]
fn an_overwrite_that_leaves_size_and_time_alone_is_seen_by_the_second_look() {
    let (old, new, dir) = (noise(LARGE, 16), noise(LARGE, 17), tempfile::tempdir().unwrap());
    let hub = hub_with(&old);
    hub.state().faults.cut_after = vec![1_500_000];
    hub.state().faults.overwrite_after = Some((1, new.clone(), EDITED.into()));
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!(done.digest, Digest::of(&new));
}

#[test]
fn an_edit_of_the_last_two_seconds_is_waited_out() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&noise(9_000, 18));
    hub.state().faults.date = Some("Fri, 03 May 2024 09:00:01 GMT".into());
    let mut batch = batch(dir.path(), small_limits());
    batch.add(spec(&hub, "h1")).unwrap();
    while hub.requests("GET /api") < 2 {
        assert!(batch.step(Duration::from_millis(50)).unwrap().is_empty());
    }
    assert_eq!(hub.requests("POST /getfile"), 0, "no byte is asked for before the second is over");
    hub.state().faults.date = None;
    complete(only(finish(&mut batch)));
}

#[test]
fn an_older_row_than_the_packet_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&noise(9_000, 19));
    let mut batch = batch(dir.path(), small_limits());
    let mut wanted = spec(&hub, "h1");
    wanted.edited = "2024-06-01 00:00:00".into();
    batch.add(wanted).unwrap();
    let error = failure(only(finish(&mut batch)));
    assert_eq!(error.kind(), ErrorKind::PeerBusy);
    assert!(error.to_string().contains("older version"), "{error}");
}

#[test]
fn a_given_digest_must_match() {
    let (bytes, dir) = (noise(9_000, 20), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    for (digest, matches) in [(Digest::of(b"other"), false), (Digest::of(&bytes), true)] {
        let mut batch = batch(dir.path(), small_limits());
        let mut wanted = spec(&hub, "h1");
        wanted.sha256 = Some(digest);
        batch.add(wanted).unwrap();
        let report = only(finish(&mut batch));
        if matches {
            assert_eq!(complete(report).proof, [Proof::Size, Proof::Filemeta, Proof::Sha256]);
        } else {
            let error = failure(report);
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains(&format!("expected: {digest}, computed: {}", Digest::of(&bytes))), "{error}");
            assert_eq!(partial(dir.path()), b"", "wrong bytes are not kept");
        }
    }
}

fn picture() -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(9, 9).write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

#[test]
fn scales_come_through_getfile_and_must_be_images() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    let png = picture();
    hub.state().scales.insert(("h1".into(), 2), png.clone());
    hub.state().scales.insert(("h1".into(), 3), b"<html>error</html>".to_vec());
    let mut batch = batch(dir.path(), small_limits());
    hub.state().scales.insert(("h1".into(), 5), png[..png.len() / 2].to_vec());
    for (scale, size) in [(1, 50), (2, png.len() as u64), (3, 18), (4, 7), (5, png.len() as u64)] {
        let mut wanted = spec(&hub, "h1");
        (wanted.scale, wanted.size_bytes, wanted.name) = (scale, size, format!("h1-{scale}.1"));
        if scale == 4 {
            hub.state().scales.insert(("h1".into(), 4), png.clone());
        }
        batch.add(wanted).unwrap();
    }
    let mut reports = finish(&mut batch);
    reports.sort_by_key(|report| report.id);
    let mut reports = reports.into_iter();
    assert_eq!(failure(reports.next().unwrap()).kind(), ErrorKind::PeerBusy, "no such scale");
    assert_eq!(complete(reports.next().unwrap()).proof, [Proof::Image, Proof::Size]);
    assert_eq!(failure(reports.next().unwrap()).kind(), ErrorKind::Corrupt, "no image");
    let misstated = complete(reports.next().unwrap());
    assert_eq!((misstated.proof, misstated.size_bytes), (vec![Proof::Image, Proof::Twice], png.len() as u64));
    assert_eq!(failure(reports.next().unwrap()).kind(), ErrorKind::Corrupt, "cut in the same place twice");
    assert_eq!(std::fs::read(dir.path().join("h1-2.1.partial")).unwrap(), png);
}

#[test]
fn the_next_origin_is_asked_when_one_cannot() {
    let (bytes, dir) = (noise(LARGE, 21), tempfile::tempdir().unwrap());
    let (empty, hub) = (LoopbackHub::start(), hub_with(&bytes));
    let mut wanted = spec(&hub, "h1");
    let mut first = wanted.origins[0].clone();
    first.hub = HubUrl::parse(&empty.url).unwrap();
    wanted.origins.insert(0, first);
    let mut batch = batch(dir.path(), small_limits());
    batch.add(wanted).unwrap();
    let done = complete(only(finish(&mut batch)));
    assert_eq!((done.digest, done.origin.to_string()), (Digest::of(&bytes), hub.url.clone()));
}

#[test]
fn private_addresses_and_plain_http_are_refused_unless_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    let named = hub.url.replace("127.0.0.1", "localhost");
    for (url, policy, kind) in [
        (&hub.url, AddressPolicy { allow_http: false, allow_private_addresses: true }, ErrorKind::Unsupported),
        (&hub.url, AddressPolicy { allow_http: true, allow_private_addresses: false }, ErrorKind::Refused),
        (&named, AddressPolicy { allow_http: true, allow_private_addresses: false }, ErrorKind::Refused),
    ] {
        let mut batch = batch_with(dir.path(), small_limits(), policy);
        let mut wanted = spec(&hub, "h1");
        wanted.origins[0].hub = HubUrl::parse(url).unwrap();
        batch.add(wanted).unwrap();
        let error = failure(only(finish(&mut batch)));
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert_eq!(hub.state().requests.len(), 0);
}

#[test]
fn no_failure_quotes_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&noise(LARGE, 22));
    hub.state().faults.dav_status = Some(500);
    hub.state().faults.filedata_status = Some(500);
    hub.state().faults.empty_getfile = true;
    let first = failure(run_once(dir.path(), &hub));
    hub.state().faults.dav_status = Some(403);
    let second = failure(run_once(dir.path(), &hub));
    for text in [format!("{first} {first:?}"), format!("{second} {second:?}")] {
        for secret in ["session-cookie-value", "Signature", "signature=", "file_id", "BEGIN"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn a_flipped_bit_within_a_looked_at_range_is_found_and_mended() {
    let (bytes, dir) = (noise(LARGE, 23), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.flip_once_at = Some(10);
    let report = run_once(dir.path(), &hub);
    assert_eq!(report.received_bytes, 2 * LARGE as u64);
    assert_eq!(complete(report).digest, Digest::of(&bytes));
}

#[test]
fn too_large_or_twice_in_a_batch_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    let mut limits = small_limits();
    limits.transfer.max_file_bytes = 100;
    let mut batch = batch(dir.path(), limits);
    let mut wanted = spec(&hub, "h1");
    wanted.size_bytes = 101;
    assert_eq!(batch.add(wanted.clone()).unwrap_err().kind(), ErrorKind::LimitExceeded);
    wanted.size_bytes = 1;
    batch.add(wanted.clone()).unwrap();
    assert_eq!(batch.add(wanted.clone()).unwrap_err().kind(), ErrorKind::InvalidInput);
    wanted.origins.clear();
    wanted.name = "other".into();
    assert_eq!(batch.add(wanted).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_row_or_a_scale_with_more_bytes_than_are_wanted_is_refused_before_any_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&noise(LARGE, 94));
    let png = picture();
    let size = png.len() as u64;
    hub.state().scales.insert(("h1".into(), 2), png);
    for (scale, has) in [(0, LARGE as u64), (2, size)] {
        let mut wanted = spec(&hub, "h1");
        (wanted.scale, wanted.size_bytes, wanted.most_bytes, wanted.name) = (scale, 7, has - 1, format!("h1-{scale}.1"));
        let mut batch = batch(dir.path(), small_limits());
        batch.add(wanted.clone()).unwrap();
        let error = failure(only(finish(&mut batch)));
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        assert!(error.facts().any(|fact| fact == ("stated_bytes", has.to_string().as_str())), "{error}");
        assert!(!dir.path().join(format!("h1-{scale}.1.partial")).exists());
        wanted.most_bytes = has;
        batch.add(wanted).unwrap();
        assert_eq!(complete(only(finish(&mut batch))).size_bytes, has);
    }
    let mut wanted = spec(&hub, "h1");
    wanted.most_bytes = LARGE as u64 - 1;
    assert_eq!(batch(dir.path(), small_limits()).add(wanted).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn a_hub_whose_dav_is_consistently_wrong_publishes_nothing() {
    let (bytes, dir) = (noise(LARGE, 30), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.dav_lies = true;
    let error = failure(run_once(dir.path(), &hub));
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("keeps changing"), "{error}");
    assert_eq!(partial(dir.path()), b"");
}

#[test]
fn without_dav_a_whole_that_breaks_off_goes_on_through_filedata() {
    let (bytes, dir) = (noise(LARGE, 31), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.dav_status = Some(404);
    hub.state().faults.cut_after = vec![2_500_000];
    let report = run_once(dir.path(), &hub);
    assert_eq!(report.received_bytes, LARGE as u64, "no byte came twice");
    let done = complete(report);
    assert_eq!(
        (done.rung, done.digest, done.proof),
        (Rung::Filedata, Digest::of(&bytes), vec![Proof::Size, Proof::Filemeta, Proof::Spot])
    );
    assert_eq!(hub.requests("POST /getfile"), 1);
}

#[test]
fn where_filedata_alone_is_left_a_file_of_any_size_comes_and_resumes() {
    let (bytes, dir) = (noise(2 * LARGE, 32), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.dav_status = Some(404);
    hub.state().faults.empty_getfile = true;
    // Two pieces, then the hub is gone for this run.
    hub.state().faults.cut_after = vec![9_000_000, 9_000_000, 9, 9, 9, 9, 9, 9];
    let first = run_once(dir.path(), &hub);
    assert_eq!(first.received_bytes, 2 * (2 << 20));
    assert!(failure(first).kind().is_temporary());
    hub.state().faults.cut_after.clear();
    let second = run_once(dir.path(), &hub);
    assert_eq!((second.resumed_at_byte, second.received_bytes), (2 * (2 << 20), 2 * LARGE as u64 - 2 * (2 << 20)));
    let done = complete(second);
    assert_eq!((done.rung, done.digest), (Rung::Filedata, Digest::of(&bytes)));
}

#[test]
fn long_replies_that_die_are_asked_for_in_pieces_and_a_later_batch_knows() {
    let (bytes, dir) = (noise(LARGE, 33), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.longest_body = Some(400_000);
    let mut first = batch(dir.path(), small_limits());
    first.add(spec(&hub, "h1")).unwrap();
    let report = only(finish(&mut first));
    assert_eq!(report.received_bytes, LARGE as u64, "no byte came twice");
    assert_eq!(complete(report).digest, Digest::of(&bytes));
    let learnt = first.origins().pop().unwrap().piece_bytes;
    assert_eq!(learnt.map(std::num::NonZeroU64::get), Some(262_144), "less than what came before a death");
    drop(first);

    std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
    let asked = hub.requests("GET /dav");
    hub.state().faults.longest_body = Some(262_144);
    let mut second = batch(dir.path(), small_limits());
    let mut wanted = spec(&hub, "h1");
    wanted.origins[0].piece_bytes = learnt;
    second.add(wanted).unwrap();
    assert_eq!(complete(only(finish(&mut second))).digest, Digest::of(&bytes));
    let asked = hub.requests("GET /dav") - asked;
    assert!(asked <= LARGE.div_ceil(262_144) + 2, "{asked}: hardly one of them died");
}

#[test]
fn a_server_that_gives_up_before_the_first_byte_is_asked_for_less() {
    let (bytes, dir) = (noise(LARGE, 34), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.longest_range = Some(1_500_000);
    let done = complete(run_once(dir.path(), &hub));
    assert_eq!((done.rung, done.digest), (Rung::Dav, Digest::of(&bytes)));
    assert_eq!(hub.requests("GET /dav"), 2 + 3, "two that died, three pieces of at most 1 MiB");
}

#[test]
fn a_slow_large_file_is_read_in_several_ranges_at_once_and_a_fast_one_is_not() {
    let (bytes, dir) = (noise(LARGE, 35), tempfile::tempdir().unwrap());
    for (slow_time, fewest) in [(Duration::ZERO, LARGE.div_ceil(100_000)), (Duration::MAX, 2)] {
        let hub = hub_with(&bytes);
        hub.state().faults.together = if slow_time.is_zero() { 2 } else { 1 };
        let mut batch = batch_of(dir.path(), |options| {
            options.ranges = 4;
            (options.limits.transfer.range_bytes, options.limits.transfer.slow_time) = (100_000, slow_time);
        });
        batch.add(spec(&hub, "h1")).unwrap();
        let report = only(finish(&mut batch));
        assert_eq!(report.received_bytes, LARGE as u64, "no byte came twice");
        assert_eq!(complete(report).digest, Digest::of(&bytes));
        let most = hub.state().most_at_once;
        let asked = hub.requests("GET /dav");
        if slow_time.is_zero() {
            assert!((2..=4).contains(&most) && (20..=fewest).contains(&asked), "{most} at once, {asked} in all");
        } else {
            assert_eq!((most, asked), (1, fewest), "one that measures, one for the rest");
        }
        std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
    }
}

#[test]
fn several_large_files_ask_one_hub_for_no_more_ranges_at_once_than_one_would() {
    let dir = tempfile::tempdir().unwrap();
    let hub = LoopbackHub::start();
    hub.state().faults.delay = Duration::from_millis(5);
    let mut batch = batch_of(dir.path(), |options| {
        (options.ranges, options.parallel) = (4, 3);
        (options.limits.transfer.range_bytes, options.limits.transfer.slow_time) = (100_000, Duration::ZERO);
    });
    for number in 0..3 {
        let hash = format!("f{number}");
        hub.add_file(&hash, &hash, noise(LARGE, number));
        batch.add(spec(&hub, &hash)).unwrap();
    }
    for report in finish(&mut batch) {
        assert_eq!(complete(report).size_bytes, LARGE as u64);
    }
    // Each file has one at least.
    assert!(hub.state().most_at_once <= 6, "{}", hub.state().most_at_once);
}

#[test]
fn several_ranges_and_a_cut_lose_nothing_that_arrived() {
    let (bytes, dir) = (noise(LARGE, 36), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.cut_after = vec![200_000, 50_000, 50_000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let options = |options: &mut BatchOptions<'_>| {
        options.ranges = 4;
        (options.limits.transfer.range_bytes, options.limits.transfer.slow_time) = (100_000, Duration::ZERO);
    };
    let mut first = batch_of(dir.path(), options);
    first.add(spec(&hub, "h1")).unwrap();
    let report = only(finish(&mut first));
    let reached = report.received_bytes;
    assert!(reached >= 100_000 && reached < LARGE as u64, "{reached}");
    failure(report);
    drop(first);
    hub.state().faults.cut_after.clear();
    let mut second = batch_of(dir.path(), options);
    second.add(spec(&hub, "h1")).unwrap();
    let report = only(finish(&mut second));
    assert_eq!((report.resumed_at_byte, report.received_bytes), (reached, LARGE as u64 - reached));
    assert_eq!(complete(report).digest, Digest::of(&bytes));
}

#[test]
fn a_large_file_does_not_hold_up_small_ones() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&noise(LARGE, 37));
    hub.state().faults.longest_body = Some(100_000);
    let mut batch = batch_of(dir.path(), |options| {
        options.parallel = 1;
        options.limits.transfer.turn_time = Duration::ZERO;
    });
    batch.add(spec(&hub, "h1")).unwrap();
    for number in 0..5 {
        let hash = format!("p{number}");
        hub.add_file(&hash, &hash, noise(9_000, number));
        batch.add(spec(&hub, &hash)).unwrap();
    }
    let order: Vec<String> = finish(&mut batch).into_iter().map(|report| report.name).collect();
    assert_eq!((order.len(), order.last().map(String::as_str)), (6, Some("h1-0.1")), "{order:?}");
}

#[test]
fn a_rate_is_kept_by_all_transfers_together() {
    let dir = tempfile::tempdir().unwrap();
    let hub = LoopbackHub::start();
    let mut batch = batch_of(dir.path(), |options| options.bytes_per_second = std::num::NonZeroU64::new(1_000_000));
    for number in 0..3 {
        let hash = format!("p{number}");
        hub.add_file(&hash, &hash, noise(400_000, number));
        batch.add(spec(&hub, &hash)).unwrap();
    }
    let start = Instant::now();
    for report in finish(&mut batch) {
        assert_eq!(complete(report).size_bytes, 400_000);
    }
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds >= 0.9, "1.2 MB at 1 MB/s took {seconds} s");
}

fn with_store<'a>(root: &'a Path, store: &'a Path) -> TransferBatch {
    batch_of(root, |options| options.store_root = Some(store))
}

#[test]
fn bytes_that_the_store_has_are_copied_and_proven_and_never_linked() {
    let (bytes, dir, store) = (noise(LARGE, 38), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    std::fs::create_dir(store.path().join("2024")).unwrap();
    std::fs::write(store.path().join("2024/same"), &bytes).unwrap();
    std::fs::write(store.path().join("changed"), noise(LARGE, 45)).unwrap();
    std::os::unix::fs::symlink(store.path().join("2024/same"), store.path().join("link")).unwrap();
    let mut wanted = spec(&hub, "h1");
    wanted.copies = ["gone", "link", "changed", "2024/same"].map(|path| RelativePath::parse(path).unwrap()).into();
    for (digest, rung) in [(Some(Digest::of(&bytes)), Rung::Copy), (None, Rung::Dav)] {
        wanted.sha256 = digest;
        let mut batch = with_store(dir.path(), store.path());
        batch.add(wanted.clone()).unwrap();
        let report = only(finish(&mut batch));
        assert_eq!(report.received_bytes == 0, rung == Rung::Copy);
        let done = complete(report);
        assert_eq!((done.rung, done.digest), (rung, Digest::of(&bytes)));
        let path = dir.path().join("h1-0.1.partial");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(std::os::unix::fs::MetadataExt::nlink(&std::fs::metadata(&path).unwrap()), 1);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_copy_that_turns_out_to_be_another_file_is_fetched_instead() {
    let (bytes, dir, store) = (noise(LARGE, 40), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    std::fs::write(store.path().join("changed"), noise(LARGE, 43)).unwrap();
    let mut wanted = spec(&hub, "h1");
    (wanted.sha256, wanted.copies) = (Some(Digest::of(&bytes)), vec![RelativePath::parse("changed").unwrap()]);
    let mut batch = with_store(dir.path(), store.path());
    batch.add(wanted).unwrap();
    let done = complete(only(finish(&mut batch)));
    assert_eq!((done.rung, done.digest), (Rung::Dav, Digest::of(&bytes)));
    assert_eq!(partial(dir.path()), bytes);
}

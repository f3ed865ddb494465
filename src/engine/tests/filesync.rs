//! Transfers from a hub that speaks filesync, honest and otherwise.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use filesync_engine::transfer::{
    Complete, OriginSpec, Outcome, Proof, Report, Rung, RungState, TransferBatch, TransferId, TransferSpec,
};
use filesync_engine::{Digest, Error, ErrorKind, HubUrl, Limits, RelativePath};
use support::{
    EDITED, Filesync, Lie, LoopbackHub, batch, batch_of, complete, failure, finish, noise, partial, small_limits, spec,
    with_filesync,
};

const LARGE: usize = 600_000;

fn hub_with(bytes: &[u8]) -> LoopbackHub {
    let hub = LoopbackHub::start();
    hub.add_file("h1", "a/b.bin", bytes.to_vec());
    hub.state().filesync = Some(Filesync::default());
    hub
}

fn lying(bytes: &[u8], lie: Lie) -> LoopbackHub {
    let hub = hub_with(bytes);
    tell(&hub, |filesync| filesync.lie = Some(lie));
    hub
}

fn tell(hub: &LoopbackHub, change: impl FnOnce(&mut Filesync)) {
    change(hub.state().filesync.as_mut().unwrap());
}

fn run_in(batch: &mut TransferBatch, hub: &LoopbackHub) -> Report {
    batch.add(with_filesync(spec(hub, "h1"))).unwrap();
    let mut reports = finish(batch);
    assert_eq!(reports.len(), 1);
    reports.pop().unwrap()
}

fn run_once(root: &Path, hub: &LoopbackHub) -> Report {
    run_in(&mut batch(root, small_limits()), hub)
}

#[test]
fn a_file_comes_with_a_ticket_and_is_proven_by_its_digest() {
    let (bytes, dir) = (noise(LARGE, 1), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    let mut batch = batch(dir.path(), small_limits());
    let done = complete(run_in(&mut batch, &hub));
    assert_eq!((done.size_bytes, done.digest, done.rung), (LARGE as u64, Digest::of(&bytes), Rung::Filesync));
    assert_eq!((done.edited.as_str(), done.proof), (EDITED, vec![Proof::Size, Proof::Sha256]));
    assert_eq!(partial(dir.path()), bytes);
    assert_eq!(hub.state().requests, ["POST /getfile/ticket", "GET /getfile/h1 bytes=0-599999"], "no login, no second look");
    let peer = batch.origins().pop().unwrap().peer;
    assert_eq!((peer.state, peer.version.as_deref(), peer.skew_seconds), (RungState::Open, Some("0.2.0"), Some(0)));
    assert_eq!(peer.features, ["ticket", "range", "new"]);
}

#[test]
fn forty_photos_cost_one_request_for_facts() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    let mut batch = batch(dir.path(), small_limits());
    for number in 0..40 {
        let hash = format!("p{number}");
        hub.add_file(&hash, &hash, noise(1000 + number, number as u64));
        batch.add(with_filesync(spec(&hub, &hash))).unwrap();
    }
    let reports = finish(&mut batch);
    assert!(reports.into_iter().all(|report| complete(report).rung == Rung::Filesync));
    assert_eq!((hub.requests("POST"), hub.requests("GET")), (1, 40));
    assert_eq!(hub.state().filesync.as_ref().unwrap().asked[0].len(), 40);
}

fn small_files(hub: &LoopbackHub, batch: &mut TransferBatch, count: u64) {
    for number in 0..count {
        let hash = format!("p{number:02}");
        // Some of them are alike.
        hub.add_file(&hash, &hash, noise(1000, number));
        batch.add(with_filesync(spec(hub, &hash))).unwrap();
    }
}

#[test]
fn small_files_come_in_packs_and_are_proven_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    tell(&hub, |filesync| filesync.packs = true);
    let mut batch = batch(dir.path(), small_limits());
    small_files(&hub, &mut batch, 40);
    // One that no pack takes.
    hub.add_file("large", "large", noise(LARGE, 9));
    batch.add(with_filesync(spec(&hub, "large"))).unwrap();
    for report in finish(&mut batch) {
        let (name, done) = (report.name.clone(), complete(report));
        assert_eq!((done.rung, done.proof), (Rung::Filesync, vec![Proof::Size, Proof::Sha256]), "{name}");
        assert_eq!(Digest::of(&std::fs::read(dir.path().join(format!("{name}.partial"))).unwrap()), done.digest, "{name}");
    }
    let state = hub.state();
    let count = |of: &str| state.requests.iter().filter(|request| request.starts_with(of)).count();
    assert_eq!(
        (count("POST /getfile/ticket"), count("POST /getfile/pack"), count("GET /getfile/")),
        (1, 1, 1),
        "{:?}",
        state.requests
    );
}

#[test]
fn the_files_of_a_pack_are_forced_to_disk_together_and_told_of_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    tell(&hub, |filesync| filesync.packs = true);
    let mut batch = batch(dir.path(), small_limits());
    small_files(&hub, &mut batch, 40);
    let mut told = Vec::new();
    while batch.pending() > 0 {
        let reports = batch.step(Duration::from_mins(1)).unwrap();
        told.push(reports.len());
        assert!(reports.into_iter().all(|report| complete(report).rung == Rung::Filesync));
    }
    assert_eq!(told, [40], "though only four are fetched at once");
}

#[test]
fn what_a_pack_lacks_or_a_wrong_pack_has_is_read_alone() {
    // Another file has the same bytes.
    let honest = |filesync: &mut Filesync| filesync.left_out = Some("p06".to_owned());
    let wrong = |filesync: &mut Filesync| filesync.lie = Some(Lie::WrongPack);
    for (tell_it, alone) in [(&honest as &dyn Fn(&mut Filesync), 2), (&wrong, 20)] {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(b"x");
        tell(&hub, |filesync| {
            filesync.packs = true;
            tell_it(filesync);
        });
        let mut batch = batch(dir.path(), small_limits());
        small_files(&hub, &mut batch, 20);
        assert!(finish(&mut batch).into_iter().all(|report| complete(report).rung == Rung::Filesync));
        let requests = hub.state().requests.clone();
        let count = requests.iter().filter(|request| request.starts_with("GET /getfile/p")).count();
        assert_eq!(count, alone, "{requests:?}");
        assert_eq!(requests.iter().filter(|request| *request == "POST /getfile/pack").count(), 1, "{requests:?}");
    }
}

/// Counts the requests whose lines begin so.
fn requests(hub: &LoopbackHub, of: &str) -> usize {
    hub.state().requests.iter().filter(|request| request.starts_with(of)).count()
}

#[test]
fn a_thousand_small_files_come_in_sixteen_packs_however_many_work_at_once() {
    for (parallel, step) in [(1, Duration::from_millis(50)), (4, Duration::from_micros(100)), (16, Duration::from_millis(50))] {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(b"x");
        tell(&hub, |filesync| filesync.packs = true);
        let mut batch = batch_of(dir.path(), |options| options.parallel = parallel);
        add_files(&hub, &mut batch, 0..1000, 1000);
        let end = Instant::now() + Duration::from_mins(5);
        let mut came = 0;
        while batch.pending() > 0 {
            assert!(Instant::now() < end, "{parallel} at once: {came} came, {:?}", hub.state().requests.last());
            for report in batch.step(step).unwrap() {
                assert_eq!(complete(report).rung, Rung::Filesync);
                came += 1;
            }
        }
        let asked = (requests(&hub, "POST /getfile/ticket"), requests(&hub, "POST /getfile/pack"), requests(&hub, "GET "));
        assert_eq!((came, asked), (1000, (16, 16, 0)), "{parallel} at once");
    }
}

#[test]
fn files_that_are_here_are_in_no_pack() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    tell(&hub, |filesync| filesync.packs = true);
    let mut batch = batch(dir.path(), small_limits());
    for number in 0..400 {
        let (hash, bytes) = (format!("p{number:03}"), noise(1000, number));
        let mut wanted = with_filesync(spec(&hub, &hash));
        wanted.have_sha256 = Some(Digest::of(&bytes)).filter(|_| number % 2 == 1);
        hub.add_file(&hash, &hash, bytes);
        batch.add(wanted).unwrap();
    }
    let reports = finish(&mut batch);
    assert_eq!(reports.into_iter().filter(|report| report.received_bytes > 0).count(), 200);
    let packed: usize = hub.state().filesync.as_ref().unwrap().packed.iter().sum();
    assert_eq!((packed, requests(&hub, "GET ")), (200, 0));
}

#[test]
fn where_packs_end_the_files_are_read_alone() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    tell(&hub, |filesync| {
        filesync.packs = true;
        filesync.packs_last = Some(2);
    });
    let mut batch = batch(dir.path(), small_limits());
    add_files(&hub, &mut batch, 0..300, 1000);
    assert!(finish(&mut batch).into_iter().all(|report| complete(report).rung == Rung::Filesync));
    assert_eq!((requests(&hub, "POST /getfile/pack"), requests(&hub, "GET ")), (3, 300 - 2 * 64));
}

/// Adds files to a hub, and the transfers of them to a batch.
fn add_files(hub: &LoopbackHub, batch: &mut TransferBatch, numbers: std::ops::Range<u64>, bytes: usize) -> Vec<TransferId> {
    numbers
        .map(|number| {
            let hash = format!("p{number:03}");
            hub.add_file(&hash, &hash, noise(bytes, 2 * number));
            batch.add(with_filesync(spec(hub, &hash))).unwrap()
        })
        .collect()
}

#[test]
fn transfers_that_are_cancelled_keep_nothing_from_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    tell(&hub, |filesync| filesync.packs = true);
    let mut batch = batch_of(dir.path(), |options| options.parallel = 1);
    // So large that two packs are all that may be held.
    let ids = add_files(&hub, &mut batch, 0..400, 30_000);
    let end = Instant::now() + Duration::from_mins(5);
    let mut reports = Vec::new();
    while requests(&hub, "POST /getfile/pack") < 2 {
        assert!(Instant::now() < end);
        reports.extend(batch.step(Duration::from_micros(100)).unwrap());
    }
    // What came for them, or is on its way, is given up.
    let cancelled = &ids[100..300];
    for id in cancelled {
        batch.cancel(*id);
    }
    reports.extend(finish(&mut batch));
    let came = |report: &&Report| matches!(report.outcome, Outcome::Complete(_));
    assert_eq!(reports.len(), 400);
    assert_eq!(reports.iter().filter(|report| !cancelled.contains(&report.id)).filter(came).count(), 200);
    assert_eq!(requests(&hub, "GET "), 0, "packs do not end");
}

#[test]
fn what_is_next_is_asked_for_while_others_work() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    tell(&hub, |filesync| filesync.packs = true);
    // One that takes all turns, and whose bytes come only when two packs were asked for, beside the one that was needed.
    hub.add_file("large", "large", noise(LARGE, 9));
    tell(&hub, |filesync| filesync.waits_for_packs = Some(("large".to_owned(), 3)));
    let mut batch = batch_of(dir.path(), |options| options.parallel = 1);
    add_files(&hub, &mut batch, 0..64, 1000);
    batch.add(with_filesync(spec(&hub, "large"))).unwrap();
    add_files(&hub, &mut batch, 64..191, 1000);
    assert!(finish(&mut batch).into_iter().all(|report| complete(report).rung == Rung::Filesync));
    assert_eq!((requests(&hub, "POST /getfile/ticket"), requests(&hub, "POST /getfile/pack")), (3, 3));
    assert_eq!(requests(&hub, "GET "), 1);
}

/// Two hubs with the same files, and transfers that ask the first one first.
fn two_hubs(dir: &Path, count: u64, change: impl Fn(&mut OriginSpec)) -> (LoopbackHub, LoopbackHub, TransferBatch) {
    let (first, second) = (hub_with(b"x"), hub_with(b"x"));
    let mut batch = batch(dir, small_limits());
    for hub in [&first, &second] {
        tell(hub, |filesync| filesync.packs = true);
    }
    for number in 0..count {
        let (hash, bytes) = (format!("p{number:03}"), noise(1000, 2 * number));
        first.add_file(&hash, &hash, bytes.clone());
        second.add_file(&hash, &hash, bytes);
        let mut wanted = spec(&first, &hash);
        change(&mut wanted.origins[0]);
        wanted.origins.extend(spec(&second, &hash).origins);
        batch.add(with_filesync(wanted)).unwrap();
    }
    (first, second, batch)
}

#[test]
fn a_second_hub_gives_only_what_the_first_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second, mut batch) = two_hubs(dir.path(), 300, |_| ());
    first.state().files.remove("p000").unwrap();
    assert!(finish(&mut batch).into_iter().all(|report| complete(report).rung == Rung::Filesync));
    let packed = |hub: &LoopbackHub| hub.state().filesync.as_ref().unwrap().packed.iter().sum::<usize>();
    assert_eq!((packed(&first), packed(&second), requests(&second, "GET ")), (299, 0, 1));
}

#[test]
fn if_the_first_hub_is_away_the_second_gives_packs() {
    let dir = tempfile::tempdir().unwrap();
    let (_, second, mut batch) = two_hubs(dir.path(), 300, |origin| origin.hub = HubUrl::parse("http://127.0.0.1:1").unwrap());
    assert!(finish(&mut batch).into_iter().all(|report| complete(report).rung == Rung::Filesync));
    let packed: usize = second.state().filesync.as_ref().unwrap().packed.iter().sum();
    assert!(packed > 280 && requests(&second, "GET ") == 300 - packed, "{packed}");
}

#[test]
fn a_hundred_files_are_asked_for_64_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    let mut batch = batch(dir.path(), small_limits());
    for number in 0..100 {
        let hash = format!("p{number}");
        hub.add_file(&hash, &hash, noise(10, number));
        batch.add(with_filesync(spec(&hub, &hash))).unwrap();
    }
    assert!(finish(&mut batch).into_iter().all(|report| complete(report).rung == Rung::Filesync));
    let asked: Vec<usize> = hub.state().filesync.as_ref().unwrap().asked.iter().map(Vec::len).collect();
    assert_eq!(asked, [64, 36]);
}

#[test]
fn scales_come_the_same_way_whatever_size_the_packet_gave() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    hub.state().scales.insert(("h1".into(), 2), noise(5000, 2));
    let mut batch = batch(dir.path(), small_limits());
    let mut wanted = with_filesync(spec(&hub, "h1"));
    (wanted.scale, wanted.size_bytes, wanted.name) = (2, 7, "h1-2.1".into());
    batch.add(wanted.clone()).unwrap();
    let done = complete(finish(&mut batch).pop().unwrap());
    assert_eq!((done.digest, done.rung), (Digest::of(&noise(5000, 2)), Rung::Filesync));
    assert_eq!(std::fs::read(dir.path().join("h1-2.1.partial")).unwrap(), noise(5000, 2));
    let mut limits = small_limits();
    limits.photo.max_scale_bytes = 4999;
    let mut batch = support::batch(dir.path(), limits);
    batch.add(wanted).unwrap();
    assert_eq!(failure(finish(&mut batch).pop().unwrap()).kind(), ErrorKind::LimitExceeded);
}

#[test]
fn a_ticket_for_more_bytes_than_are_wanted_brings_none() {
    let (bytes, dir) = (noise(LARGE, 91), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    let mut wanted = with_filesync(spec(&hub, "h1"));
    (wanted.size_bytes, wanted.most_bytes) = (100, LARGE as u64 - 1);
    let mut batch = batch(dir.path(), small_limits());
    batch.add(wanted.clone()).unwrap();
    let report = finish(&mut batch).pop().unwrap();
    assert_eq!((report.received_bytes, hub.requests("GET")), (0, 0));
    let error = failure(report);
    assert_eq!((error.kind(), stated(&error)), (ErrorKind::LimitExceeded, Some(LARGE.to_string())));
    assert!(!dir.path().join("h1-0.1.partial").exists());
    wanted.most_bytes += 1;
    batch.add(wanted).unwrap();
    assert_eq!(complete(finish(&mut batch).pop().unwrap()).digest, Digest::of(&bytes));
}

#[test]
fn where_one_clone_has_more_than_is_wanted_another_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (large, right) = (hub_with(&noise(LARGE, 92)), hub_with(&noise(100, 93)));
    let mut wanted = with_filesync(spec(&large, "h1"));
    (wanted.size_bytes, wanted.most_bytes) = (100, 100);
    wanted.origins.extend(with_filesync(spec(&right, "h1")).origins);
    let mut batch = batch(dir.path(), small_limits());
    batch.add(wanted.clone()).unwrap();
    assert_eq!(complete(finish(&mut batch).pop().unwrap()).digest, Digest::of(&noise(100, 93)));
    // Where that one cannot give it now, the size that is known is told.
    tell(&right, |filesync| filesync.unavailable = Some(60));
    for number in 0..2 {
        let mut batch = support::batch(dir.path(), small_limits());
        wanted.name = format!("again-{number}");
        wanted.origins.reverse();
        batch.add(wanted.clone()).unwrap();
        assert_eq!(stated(&failure(finish(&mut batch).pop().unwrap())), Some(LARGE.to_string()));
    }
}

/// Each of `stated` says that it has so many bytes, and `other` has the file.
fn among_liars(stated: &[u64], other: &LoopbackHub, limits: Limits, change: impl Fn(&mut TransferSpec)) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let mut wanted = with_filesync(spec(other, "h1"));
    (wanted.size_bytes, wanted.most_bytes) = (100, 200);
    let liars: Vec<LoopbackHub> = stated.iter().map(|_| hub_with(&noise(100, 95))).collect();
    for (hub, bytes) in liars.iter().zip(stated) {
        tell(hub, |filesync| filesync.claims = Some(*bytes));
        wanted.origins.extend(with_filesync(spec(hub, "h1")).origins);
    }
    wanted.origins.rotate_left(1);
    change(&mut wanted);
    let mut batch = batch(dir.path(), limits);
    batch.add(wanted).unwrap();
    finish(&mut batch).pop().unwrap().outcome
}

#[test]
fn one_hub_that_states_more_than_any_file_may_have_ends_nothing_for_the_others() {
    let right = hub_with(&noise(100, 96));
    for stated in [vec![2 << 40], vec![2 << 40, 2 << 40], vec![2 << 40, 300]] {
        let outcome = among_liars(&stated, &right, small_limits(), |_| {});
        assert!(matches!(&outcome, Outcome::Complete(done) if done.digest == Digest::of(&noise(100, 96))), "{outcome:?}");
    }
    tell(&right, |filesync| filesync.unavailable = Some(60));
    for reversed in [false, true] {
        let outcome = among_liars(&[2 << 40], &right, small_limits(), |wanted| {
            if reversed {
                wanted.origins.reverse();
            }
        });
        assert!(
            matches!(&outcome, Outcome::Failed(error) if error.kind() == ErrorKind::PeerBusy),
            "it may answer later: {outcome:?}"
        );
    }
    tell(&right, |filesync| (filesync.unavailable, filesync.claims) = (None, Some(3 << 40)));
    let outcome = among_liars(&[2 << 40], &right, small_limits(), |_| {});
    assert!(
        matches!(&outcome, Outcome::Failed(error) if error.kind() == ErrorKind::LimitExceeded && stated(error).is_none()),
        "{outcome:?}"
    );
    right.state().files.clear();
    for reversed in [false, true] {
        let outcome = among_liars(&[2 << 40], &right, small_limits(), |wanted| {
            if reversed {
                wanted.origins.reverse();
            }
        });
        assert!(matches!(&outcome, Outcome::Failed(error) if error.kind() == ErrorKind::NotFound), "{outcome:?}");
    }
}

#[test]
fn a_scale_that_is_too_large_at_one_hub_comes_from_another() {
    let right = hub_with(b"x");
    right.state().scales.insert(("h1".into(), 2), noise(100, 97));
    let large = hub_with(b"x");
    large.state().scales.insert(("h1".into(), 2), noise(LARGE, 97));
    large.state().filesync = None;
    let mut limits = small_limits();
    limits.photo.max_scale_bytes = 1000;
    let (dir, mut wanted) = (tempfile::tempdir().unwrap(), spec(&large, "h1"));
    wanted.origins.extend(with_filesync(spec(&right, "h1")).origins);
    (wanted.scale, wanted.size_bytes, wanted.name) = (2, 100, "h1-2.1".into());
    let mut batch = batch(dir.path(), limits);
    batch.add(wanted).unwrap();
    assert_eq!(complete(finish(&mut batch).pop().unwrap()).digest, Digest::of(&noise(100, 97)));
}

#[test]
fn if_the_hub_of_the_packet_may_answer_later_no_other_hubs_size_counts() {
    let own = hub_with(&noise(100, 98));
    tell(&own, |filesync| filesync.unavailable = Some(60));
    for at in [0, 1, 2] {
        let outcome = among_liars(&[300, 400], &own, small_limits(), |wanted| {
            let mut origin = wanted.origins.pop().unwrap();
            origin.announced = true;
            wanted.origins.insert(at, origin);
        });
        assert!(matches!(&outcome, Outcome::Failed(error) if error.kind() == ErrorKind::PeerBusy), "{at}: {outcome:?}");
    }
}

#[test]
fn of_several_stated_sizes_the_smallest_is_told() {
    let last = hub_with(&noise(300, 99));
    for stated_bytes in [[512 << 30, 400], [400, 512 << 30]] {
        let outcome = among_liars(&stated_bytes, &last, small_limits(), |_| {});
        assert!(matches!(&outcome, Outcome::Failed(error) if stated(error) == Some("300".into())), "{outcome:?}");
    }
}

fn stated(error: &Error) -> Option<String> {
    error.facts().find(|(key, _)| *key == "stated_bytes").map(|(_, value)| value.to_owned())
}

#[test]
fn a_cut_goes_on_from_the_byte_reached_within_the_run_and_in_a_later_one() {
    let (bytes, dir) = (noise(LARGE, 3), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.cut_after = vec![400_000, 60_000, 0, 0, 0, 0, 0, 0];
    let first = run_once(dir.path(), &hub);
    let reached = first.received_bytes;
    assert!((400_000..=460_000).contains(&reached), "{reached}");
    assert!(failure(first).kind().is_temporary());
    hub.state().faults.cut_after.clear();
    let second = run_once(dir.path(), &hub);
    assert_eq!((second.resumed_at_byte, second.received_bytes), (reached, LARGE as u64 - reached), "no byte came twice");
    assert_eq!(complete(second).digest, Digest::of(&bytes));
}

#[test]
fn another_clone_with_the_same_digest_supplies_the_rest() {
    let (bytes, dir) = (noise(LARGE, 4), tempfile::tempdir().unwrap());
    let (first, second) = (hub_with(&bytes), hub_with(&bytes));
    first.state().faults.cut_after = vec![500_000, 0, 0, 0, 0];
    let mut wanted = with_filesync(spec(&first, "h1"));
    wanted.origins.extend(with_filesync(spec(&second, "h1")).origins);
    let mut batch = batch(dir.path(), small_limits());
    batch.add(wanted).unwrap();
    let report = finish(&mut batch).pop().unwrap();
    assert_eq!(report.received_bytes, LARGE as u64, "no byte came twice");
    let done = complete(report);
    assert_eq!((done.digest, done.origin.to_string()), (Digest::of(&bytes), second.url.clone()));
}

#[test]
fn a_digest_that_comes_later_is_asked_for_at_the_end_and_waited_for_with_the_bytes_kept() {
    let (bytes, dir) = (noise(LARGE, 5), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    tell(&hub, |filesync| filesync.digests_later = 1);
    assert_eq!(complete(run_once(dir.path(), &hub)).proof, [Proof::Size, Proof::Sha256, Proof::Facts]);
    std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
    tell(&hub, |filesync| filesync.digests_later = 2);
    let error = failure(run_once(dir.path(), &hub));
    assert_eq!(error.kind(), ErrorKind::PeerBusy);
    assert!(error.to_string().contains("digest not ready yet"), "{error}");
    let last = run_once(dir.path(), &hub);
    assert_eq!((last.resumed_at_byte, last.received_bytes), (LARGE as u64, 0));
    assert_eq!(complete(last).digest, Digest::of(&bytes));
}

#[test]
fn a_file_that_changes_while_it_is_read_starts_over() {
    let (old, new, dir) = (noise(LARGE, 61), noise(LARGE, 71), tempfile::tempdir().unwrap());
    for (digests_later, edited) in [(0, EDITED), (0, "2024-05-03 09:00:07"), (1, EDITED), (3, EDITED)] {
        let hub = hub_with(&old);
        tell(&hub, |filesync| filesync.digests_later = digests_later);
        hub.state().faults.cut_after = vec![300_000];
        hub.state().faults.overwrite_after = Some((1, new.clone(), edited.into()));
        let report = run_once(dir.path(), &hub);
        if digests_later == 3 {
            assert_eq!(failure(report).kind(), ErrorKind::PeerBusy);
        } else {
            let done = complete(report);
            assert_eq!((done.digest, done.edited.as_str()), (Digest::of(&new), edited));
        }
        assert_eq!(partial(dir.path()), new);
        std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
    }
}

#[test]
fn a_file_that_never_stops_changing_ends_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let hub = lying(&noise(LARGE, 8), Lie::AlwaysChanged);
    let error = failure(run_once(dir.path(), &hub));
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("keeps changing"), "{error}");
    assert_eq!(hub.requests("GET /getfile/h1"), 4);
}

#[test]
fn a_ticket_that_ends_is_asked_for_again() {
    let (bytes, dir) = (noise(LARGE, 9), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.cut_after = vec![200_000];
    tell(&hub, |filesync| filesync.first_tickets_last = Some(1));
    let report = run_once(dir.path(), &hub);
    assert_eq!((report.resumed_at_byte, report.received_bytes), (0, LARGE as u64));
    assert_eq!(complete(report).rung, Rung::Filesync);
    assert_eq!(hub.requests("POST /getfile/ticket"), 2);
}

#[test]
fn a_lying_hub_never_gives_a_complete_file_with_a_wrong_byte() {
    a_lying_hub_is_found_out(run_once);
}

#[test]
fn a_hub_that_lies_in_several_ranges_at_once_is_found_out_too() {
    a_lying_hub_is_found_out(|root, hub| run_in(&mut batch_with_ranges(root), hub));
}

/// Reads in four ranges at once from the start.
fn batch_with_ranges(root: &Path) -> TransferBatch {
    batch_of(root, |options| {
        options.ranges = 4;
        (options.limits.transfer.range_bytes, options.limits.transfer.slow_time) = (50_000, Duration::ZERO);
    })
}

fn a_lying_hub_is_found_out(run_once: impl Fn(&Path, &LoopbackHub) -> Report) {
    let bytes = noise(LARGE, 10);
    for lie in [
        Lie::WrongByte,
        Lie::Shifted,
        Lie::ShiftedSecretly,
        Lie::Overlapping,
        Lie::Short,
        Lie::Long,
        Lie::Gzip,
        Lie::Endless,
        Lie::WrongDigest,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let hub = lying(&bytes, lie);
        // A first read has brought some bytes: ranges begin in the middle.
        tell(&hub, |filesync| filesync.lie = None);
        hub.state().faults.cut_after = vec![40_000, 0, 0, 0, 0];
        failure(run_once(dir.path(), &hub));
        tell(&hub, |filesync| filesync.lie = Some(lie));
        hub.state().faults.cut_after.clear();
        let report = run_once(dir.path(), &hub);
        match report.outcome {
            // Ranges that say which they are bring every byte, and what cannot be used is asked for another way.
            Outcome::Complete(done) => {
                assert!(!matches!(lie, Lie::WrongByte | Lie::ShiftedSecretly | Lie::WrongDigest), "{lie:?}");
                assert_eq!(done.digest, Digest::of(&bytes), "{lie:?}");
            }
            Outcome::Failed(error) => {
                assert!(error.kind().is_temporary(), "{lie:?}: {error}");
                if error.kind() == ErrorKind::Corrupt {
                    assert_eq!(partial(dir.path()), b"", "{lie:?}: wrong bytes are not kept");
                }
            }
            Outcome::Cancelled => unreachable!(),
        }
        tell(&hub, |filesync| filesync.lie = None);
        assert_eq!(complete(run_once(dir.path(), &hub)).digest, Digest::of(&bytes), "{lie:?}: an honest hub mends it");
    }
}

#[test]
fn a_server_that_begins_to_ignore_ranges_is_read_whole() {
    let (bytes, dir) = (noise(LARGE, 20), tempfile::tempdir().unwrap());
    let hub = lying(&bytes, Lie::Whole);
    hub.state().faults.cut_after = vec![400_000];
    let done = complete(run_in(&mut batch_with_ranges(dir.path()), &hub));
    assert_eq!((done.digest, done.rung), (Digest::of(&bytes), Rung::Filesync));
    assert_eq!(partial(dir.path()), bytes);
}

#[test]
fn bytes_that_the_caller_has_already_do_not_come_again() {
    let (bytes, dir) = (noise(LARGE, 21), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    for (have, rung) in [(&bytes, Rung::Unchanged), (&noise(9, 1), Rung::Filesync)] {
        let mut wanted = with_filesync(spec(&hub, "h1"));
        wanted.have_sha256 = Some(Digest::of(have));
        let mut batch = batch(dir.path(), small_limits());
        batch.add(wanted).unwrap();
        let done = complete(finish(&mut batch).pop().unwrap());
        assert_eq!((done.digest, done.size_bytes, done.rung), (Digest::of(&bytes), LARGE as u64, rung));
        assert_eq!(dir.path().join("h1-0.1.partial").exists(), rung == Rung::Filesync);
        assert_eq!(hub.requests("GET") > 0, rung == Rung::Filesync);
    }
}

#[test]
fn a_file_that_the_store_has_under_another_name_is_copied_once_the_hub_states_its_digest() {
    let (bytes, dir, store) = (noise(LARGE, 23), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    std::fs::write(store.path().join("same"), &bytes).unwrap();
    let mut wanted = with_filesync(spec(&hub, "h1"));
    wanted.copies = vec![RelativePath::parse("same").unwrap()];
    let mut batch = batch_of(dir.path(), |options| options.store_root = Some(store.path()));
    batch.add(wanted).unwrap();
    let done = complete(finish(&mut batch).pop().unwrap());
    assert_eq!((done.rung, done.digest, done.edited.as_str()), (Rung::Copy, Digest::of(&bytes), EDITED));
    assert_eq!((partial(dir.path()), hub.requests("GET")), (bytes, 0));
}

#[test]
fn long_replies_that_die_are_asked_for_in_pieces() {
    let (bytes, dir) = (noise(LARGE, 22), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.longest_body = Some(140_000);
    let mut batch = batch(dir.path(), small_limits());
    let report = run_in(&mut batch, &hub);
    assert_eq!(report.received_bytes, LARGE as u64, "no byte came twice");
    assert_eq!(complete(report).rung, Rung::Filesync);
    assert_eq!(
        batch.origins().pop().unwrap().piece_bytes.map(std::num::NonZeroU64::get),
        Some(128 << 10),
        "the longest that come whole"
    );
}

#[test]
fn the_whole_instead_of_a_range_starts_over_if_its_length_is_right_and_else_is_not_believed() {
    let bytes = noise(LARGE, 11);
    for (lie, rung) in [(Lie::Whole, Rung::Filesync), (Lie::WholeOfUnknownLength, Rung::Dav)] {
        let dir = tempfile::tempdir().unwrap();
        let hub = lying(&bytes, lie);
        hub.state().faults.cut_after = vec![400_000];
        let done = complete(run_once(dir.path(), &hub));
        assert_eq!((done.digest, done.rung), (Digest::of(&bytes), rung));
        assert_eq!(partial(dir.path()), bytes);
    }
}

#[test]
fn a_hub_that_speaks_no_filesync_is_read_the_stock_way_in_the_same_run_and_asked_once() {
    let bytes = noise(LARGE, 12);
    let refusals = [
        (200, ""),
        (200, "<!DOCTYPE html><html>not found</html>"),
        (404, "<html>"),
        (405, ""),
        (500, ""),
        (200, r#"{"filesync":2,"error":"version"}"#),
        (200, r#"{"filesync":2,"files":[]}"#),
        (200, r#"{"success":true}"#),
        (401, r#"{"filesync":2,"error":"unknown_requester","time":1714800000}"#),
        (401, r#"{"filesync":2,"error":"signature","time":1714800000}"#),
    ];
    for (status, body) in refusals {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(&bytes);
        hub.add_file("h2", "c", noise(20_000, 1));
        tell(&hub, |filesync| filesync.refusal = Some((status, body.into())));
        let mut batch = batch(dir.path(), small_limits());
        batch.add(with_filesync(spec(&hub, "h2"))).unwrap();
        let done = run_both(&mut batch, &hub);
        assert!(done.iter().all(|done| done.rung == Rung::Dav), "{status} {body}");
        assert_eq!(hub.requests("POST /getfile/ticket"), 1);
        let peer = batch.origins().pop().unwrap().peer;
        let about_this_channel = body.contains("unknown_requester");
        let state = if about_this_channel { RungState::Untried } else { RungState::Refused };
        assert_eq!((peer.state, peer.reason.is_some()), (state, true));
    }
}

fn run_both(batch: &mut TransferBatch, hub: &LoopbackHub) -> Vec<Complete> {
    batch.add(with_filesync(spec(hub, "h1"))).unwrap();
    finish(batch).into_iter().map(complete).collect()
}

#[test]
fn a_hub_out_of_reach_is_not_taken_for_one_that_speaks_no_filesync() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    let mut wanted = with_filesync(spec(&hub, "h1"));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    wanted.origins[0].hub = HubUrl::parse(&format!("http://{nobody}")).unwrap();
    let mut batch = batch(dir.path(), small_limits());
    batch.add(wanted).unwrap();
    assert_eq!(failure(finish(&mut batch).pop().unwrap()).kind(), ErrorKind::Network);
    let origin = batch.origins().pop().unwrap();
    assert_eq!((origin.peer.state, origin.failures), (RungState::Untried, 1));
}

#[test]
fn what_is_wrong_with_one_file_is_no_failure_of_its_hub() {
    let bytes = noise(LARGE, 95);
    let failures = |change: &dyn Fn(&LoopbackHub), kind| {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(&bytes);
        change(&hub);
        let mut wanted = with_filesync(spec(&hub, "h1"));
        wanted.edited = if kind == ErrorKind::PeerBusy { "2029-01-01 00:00:00".into() } else { wanted.edited };
        wanted.sha256 = (kind == ErrorKind::Corrupt).then(|| Digest::of(b"others"));
        let mut batch = batch(dir.path(), small_limits());
        batch.add(wanted).unwrap();
        let error = failure(finish(&mut batch).pop().unwrap());
        assert_eq!(error.kind(), kind, "{error}");
        batch.origins().pop().unwrap().failures
    };
    assert_eq!(failures(&|_| (), ErrorKind::PeerBusy), 0, "the packet announces a version that the hub never had");
    assert_eq!(failures(&|hub| tell(hub, |filesync| filesync.unavailable = Some(9)), ErrorKind::PeerBusy), 0);
    let lies = |hub: &LoopbackHub| tell(hub, |filesync| filesync.lie = Some(Lie::WrongByte));
    assert_eq!(failures(&lies, ErrorKind::Corrupt), 0);
    let gateway = |hub: &LoopbackHub| {
        tell(hub, |filesync| filesync.refusal = Some((504, r#"{"filesync":2,"error":"busy"}"#.into())));
    };
    assert_eq!(failures(&gateway, ErrorKind::PeerBusy), 1);
}

#[test]
fn lying_facts_are_not_believed() {
    let bytes = noise(LARGE, 13);
    for lie in [Lie::HugeFacts, Lie::OtherFacts] {
        let dir = tempfile::tempdir().unwrap();
        let done = complete(run_once(dir.path(), &lying(&bytes, lie)));
        assert_eq!((done.rung, done.digest), (Rung::Dav, Digest::of(&bytes)), "{lie:?}");
    }
}

#[test]
fn filesync_uninstalled_in_the_middle_loses_no_byte_and_neither_does_putting_it_back() {
    let (bytes, dir) = (noise(LARGE, 14), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.cut_after = vec![200_000];
    tell(&hub, |filesync| filesync.uninstalled_after = Some(1));
    let report = run_once(dir.path(), &hub);
    assert_eq!(report.received_bytes, LARGE as u64, "no byte came twice");
    let done = complete(report);
    assert_eq!(
        (done.digest, done.rung, done.proof),
        (Digest::of(&bytes), Rung::Dav, vec![Proof::Size, Proof::Filemeta, Proof::Sha256])
    );

    std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
    hub.state().faults.cut_after = vec![200_000, 0, 0, 0, 0];
    assert!(failure(run_once(dir.path(), &hub)).kind().is_temporary());
    hub.state().faults.cut_after.clear();
    hub.state().filesync = Some(Filesync::default());
    let report = run_once(dir.path(), &hub);
    assert_eq!((report.resumed_at_byte, report.received_bytes), (200_000, 400_000));
    assert_eq!(complete(report).rung, Rung::Filesync);
}

#[test]
fn unavailable_is_waited_for_and_missing_is_asked_of_the_next_clone() {
    let (bytes, dir) = (noise(LARGE, 15), tempfile::tempdir().unwrap());
    let (first, second) = (hub_with(&bytes), hub_with(&bytes));
    tell(&first, |filesync| filesync.unavailable = Some(33));
    let error = failure(run_once(dir.path(), &first));
    assert_eq!((error.kind(), error.wait_seconds()), (ErrorKind::PeerBusy, Some(33)));
    tell(&first, |filesync| filesync.refusal = Some((503, r#"{"filesync":2,"error":"busy"}"#.into())));
    let error = failure(run_once(dir.path(), &first));
    assert_eq!((error.kind(), error.wait_seconds()), (ErrorKind::PeerBusy, Some(21)));

    let wanted = with_filesync(spec(&first, "h1"));
    first.state().filesync = Some(Filesync::default());
    first.state().files.clear();
    assert_eq!(failure(run_once(dir.path(), &first)).kind(), ErrorKind::NotFound);
    assert_eq!(first.requests("GET"), 0, "who speaks filesync and has no such file is not asked another way");
    let mut both = wanted;
    both.origins.extend(with_filesync(spec(&second, "h1")).origins);
    let mut batch = batch(dir.path(), small_limits());
    batch.add(both).unwrap();
    assert_eq!(complete(finish(&mut batch).pop().unwrap()).origin.to_string(), second.url);
}

#[test]
fn a_hub_that_wants_to_be_asked_a_little_later_is_waited_for_and_no_transfer_fails() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    tell(&hub, |filesync| filesync.later = vec![0, 1, 0]);
    let mut batch = batch(dir.path(), small_limits());
    for number in 0..8 {
        let hash = format!("p{number}");
        hub.add_file(&hash, &hash, noise(100, number));
        batch.add(with_filesync(spec(&hub, &hash))).unwrap();
    }
    assert!(finish(&mut batch).into_iter().all(|report| complete(report).rung == Rung::Filesync));
    assert_eq!((hub.requests("POST"), hub.requests("GET")), (4, 8), "one waits for all");
    assert_eq!(batch.origins().pop().unwrap().failures, 0);
}

#[test]
fn a_hub_that_wants_to_be_asked_much_later_is_asked_once_for_all_and_that_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    tell(&hub, |filesync| filesync.later = vec![3000; 9]);
    let mut batch = batch(dir.path(), small_limits());
    for number in 0..8 {
        let hash = format!("p{number}");
        hub.add_file(&hash, &hash, noise(100, number));
        batch.add(with_filesync(spec(&hub, &hash))).unwrap();
    }
    for report in finish(&mut batch) {
        let error = failure(report);
        assert_eq!((error.kind(), error.wait_seconds()), (ErrorKind::PeerBusy, Some(3000)));
        assert!(error.facts().any(|fact| fact == ("wait_is_no_failure", "true")), "{error}");
    }
    assert_eq!((hub.requests("POST"), hub.requests("GET")), (1, 0));
    let origin = batch.origins().pop().unwrap();
    assert_eq!((origin.peer.state, origin.failures), (RungState::Untried, 0));
}

#[test]
fn clocks_that_differ_are_made_up_for_within_an_hour_and_told_beyond() {
    let bytes = noise(LARGE, 16);
    for (difference, ticket_requests, rung) in [(250, 1, Rung::Filesync), (-3000, 2, Rung::Filesync), (3700, 1, Rung::Dav)] {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(&bytes);
        tell(&hub, |filesync| filesync.time = Some(1_714_800_000 + difference));
        let mut batch = batch(dir.path(), small_limits());
        assert_eq!(complete(run_in(&mut batch, &hub)).rung, rung);
        assert_eq!(hub.requests("POST /getfile/ticket"), ticket_requests);
        let peer = batch.origins().pop().unwrap().peer;
        assert_eq!(peer.skew_seconds, Some(difference));
        if rung == Rung::Dav {
            let reason = peer.reason.unwrap();
            assert!(
                reason.contains(
                    "own_unix_time: 1714800000, hub_unix_time: 1714803700, difference_seconds: 3700, limit_seconds: 3600"
                ),
                "{reason}"
            );
        }
    }
    // Where nothing else works, the failure tells it too.
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&bytes);
    tell(&hub, |filesync| filesync.time = Some(0));
    hub.state().faults.no_session = true;
    hub.state().faults.empty_getfile = true;
    assert!(failure(run_once(dir.path(), &hub)).to_string().contains("its clock and ours differ too much"));
}

#[test]
fn where_the_packet_and_the_hub_speak_of_other_bytes_that_is_said() {
    let (bytes, dir) = (noise(LARGE, 17), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    let mut wanted = with_filesync(spec(&hub, "h1"));
    wanted.sha256 = Some(Digest::of(b"other"));
    let mut first = batch(dir.path(), small_limits());
    first.add(wanted.clone()).unwrap();
    let done = complete(finish(&mut first).pop().unwrap());
    assert_eq!(
        (done.digest, done.proof),
        (Digest::of(&bytes), vec![Proof::Size, Proof::Sha256, Proof::Ticket]),
        "what the hub says of its own bytes"
    );
    std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
    // A newer version at the hub is another matter.
    wanted.edited = "2024-05-01 00:00:00".into();
    let mut second = batch(dir.path(), small_limits());
    second.add(wanted).unwrap();
    let done = complete(finish(&mut second).pop().unwrap());
    assert_eq!((done.digest, done.proof), (Digest::of(&bytes), vec![Proof::Size, Proof::Sha256]));
}

#[test]
fn a_row_too_narrow_for_the_size_never_cuts_a_file_short() {
    let (bytes, dir) = (noise(LARGE, 18), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    let mut wanted = with_filesync(spec(&hub, "h1"));
    wanted.sha256 = Some(Digest::of(&bytes));
    hub.state().files.get_mut("h1").unwrap().claimed = Some(200_000);
    let mut first = batch(dir.path(), small_limits());
    first.add(wanted.clone()).unwrap();
    assert_eq!(complete(finish(&mut first).pop().unwrap()).digest, Digest::of(&bytes));
    hub.state().filesync = None;
    let mut second = batch(dir.path(), small_limits());
    second.add(wanted).unwrap();
    let error = failure(finish(&mut second).pop().unwrap());
    assert!(error.kind() == ErrorKind::PeerBusy && error.to_string().contains("another size than the packet"), "{error}");
}

#[test]
fn no_failure_quotes_a_ticket() {
    let bytes = noise(LARGE, 19);
    for lie in [Lie::Shifted, Lie::WrongByte, Lie::Gzip, Lie::AlwaysChanged, Lie::OtherFacts] {
        let dir = tempfile::tempdir().unwrap();
        let hub = lying(&bytes, lie);
        hub.state().faults.no_session = true;
        hub.state().faults.empty_getfile = true;
        let mut batch = batch(dir.path(), small_limits());
        let error = failure(run_in(&mut batch, &hub));
        let text = format!("{error} {error:?} {:?}", batch.origins());
        assert!(!text.contains("secret-ticket") && !text.contains("sha256."), "{text}");
    }
}

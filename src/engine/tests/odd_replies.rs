//! Replies that are right and unusual, replies that say nothing, and what is kept of either.

mod support;

use std::path::Path;

use filesync_engine::transfer::{Complete, Outcome, Proof, Report, Rung, RungState, TransferBatch, TransferSpec};
use filesync_engine::{Digest, Error, ErrorKind};
use support::{EDITED, Filesync, LoopbackHub, OddRange, batch, batch_of, finish, noise, small_limits, spec, with_filesync};

const LARGE: usize = 3_000_000;

fn hub_with(bytes: &[u8]) -> LoopbackHub {
    let hub = LoopbackHub::start();
    hub.add_file("h1", "a/b.bin", bytes.to_vec());
    hub
}

fn run(batch: &mut TransferBatch, wanted: TransferSpec) -> Report {
    batch.add(wanted).unwrap();
    let mut reports = finish(batch);
    assert_eq!(reports.len(), 1);
    reports.pop().unwrap()
}

fn run_once(root: &Path, hub: &LoopbackHub) -> Report {
    run(&mut batch(root, small_limits()), spec(hub, "h1"))
}

fn speaking(change: impl FnOnce(&mut Filesync)) -> Filesync {
    let mut filesync = Filesync::default();
    change(&mut filesync);
    filesync
}

fn complete(report: Report, what: &str) -> Complete {
    match report.outcome {
        Outcome::Complete(complete) => complete,
        other => panic!("{what}: not complete: {other:?}"),
    }
}

fn failure(report: Report, what: &str) -> Error {
    match report.outcome {
        Outcome::Failed(error) => error,
        other => panic!("{what}: did not fail: {other:?}"),
    }
}

fn partial(root: &Path) -> Vec<u8> {
    std::fs::read(root.join("h1-0.1.partial")).unwrap()
}

/// The line by which a hub names a file.
fn name_line(name: &[u8]) -> Vec<u8> {
    [b"Content-Disposition: attachment; filename=\"", name, b"\""].concat()
}

#[test]
fn a_file_of_any_name_comes_where_getfile_alone_is_left() {
    let names: [&[u8]; 14] = [
        b"plain.pdf",
        "Überblick.pdf".as_bytes(),
        b"\xdcberblick.pdf",
        "日本語.txt".as_bytes(),
        "😀.txt".as_bytes(),
        "e\u{301}te\u{301}.txt".as_bytes(),
        "\u{202e}gpj.exe".as_bytes(),
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}".as_bytes(),
        b"bell\x07.txt",
        b"tab\there",
        b"del\x7f",
        b"a\"b;c=d.txt",
        b"",
        &[0xf0, 0x9f, 0x98, 0x80].repeat(191),
    ];
    let lines = names.map(name_line).into_iter().chain([
        // A name with a line break: a line that is none, one of its own, or none at all.
        name_line(b"new\nline"),
        name_line(b"new\r\n line"),
        b"Content-Disposition:".to_vec(),
        b"content-disposition : attachment".to_vec(),
        Vec::new(),
    ]);
    for line in lines {
        for (size, proof) in [(9_000, &[Proof::Size, Proof::Twice][..]), (LARGE, &[Proof::Size])] {
            let (bytes, dir) = (noise(size, 1), tempfile::tempdir().unwrap());
            let hub = hub_with(&bytes);
            hub.state().faults.no_session = true;
            hub.state().faults.name_line = Some(line.clone());
            let done = complete(run_once(dir.path(), &hub), &String::from_utf8_lossy(&line));
            assert_eq!((done.digest, done.rung, done.proof.as_slice()), (Digest::of(&bytes), Rung::Getfile, proof));
        }
    }
}

#[test]
fn a_page_that_is_the_file_comes_and_one_that_is_not_does_not() {
    let page = b"<!DOCTYPE html><html><body>my own page</body></html>".repeat(100);
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&page);
    hub.state().faults.no_session = true;
    for (kind, name_line) in [("text/html", None), ("text/html", Some(Vec::new())), ("", Some(Vec::new()))] {
        hub.state().faults.name_line = name_line;
        hub.state().faults.excuse = (!kind.is_empty()).then(|| (kind, page.clone()));
        let done = complete(run_once(dir.path(), &hub), kind);
        assert_eq!((done.digest, done.proof), (Digest::of(&page), vec![Proof::Size, Proof::Twice]));
        std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
    }
    let long = page.repeat(300);
    for (kind, body, error) in [
        ("text/html", &page[..page.len() - 1], ErrorKind::NotFound),
        ("text/html; charset=utf-8", &[&page[..], b"\n"].concat(), ErrorKind::NotFound),
        ("Text/HTML", b"no", ErrorKind::NotFound),
        ("application/xhtml+xml", b"<?xml?>", ErrorKind::NotFound),
        ("", b"  <html>", ErrorKind::NotFound),
        ("application/octet-stream", b"<!doctype HTML><title>x</title>", ErrorKind::NotFound),
        ("text/html", &long, ErrorKind::NotFound),
        ("text/plain", b"file not found", ErrorKind::PeerBusy),
        ("application/json", b"{\"success\":false}", ErrorKind::PeerBusy),
        ("", &long[1..], ErrorKind::PeerBusy),
        ("image/png", b"\x89PNG", ErrorKind::PeerBusy),
        ("text/html", b"", ErrorKind::PeerBusy),
        ("", b"", ErrorKind::PeerBusy),
    ] {
        hub.state().faults.excuse = Some((kind, body.to_vec()));
        let found = failure(run_once(dir.path(), &hub), kind);
        assert_eq!(found.kind(), error, "{kind} of {} bytes: {found}", body.len());
        assert_eq!(partial(dir.path()), b"", "{kind}");
    }
}

#[test]
fn a_page_instead_of_the_whole_leaves_what_had_arrived() {
    let (bytes, dir) = (noise(LARGE, 2), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.no_session = true;
    hub.state().faults.cut_after = vec![2_000_000];
    assert_eq!(failure(run_once(dir.path(), &hub), "cut").kind(), ErrorKind::Network);
    for (kind, body) in [("text/html", &b"<html>maintenance"[..]), ("text/plain", b"later"), ("", &noise(LARGE + 1, 9))] {
        hub.state().faults.excuse = Some((kind, body.to_vec()));
        failure(run_once(dir.path(), &hub), kind);
        assert_eq!(partial(dir.path()), bytes[..2_000_000], "{kind}");
    }
    hub.state().faults.excuse = None;
    let report = run_once(dir.path(), &hub);
    assert_eq!(report.resumed_at_byte, 2_000_000);
    assert_eq!(complete(report, "at last").digest, Digest::of(&bytes));
}

#[test]
fn a_scale_is_told_by_its_bytes_and_not_by_its_type() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(b"x");
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(9, 9).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let png = png.into_inner();
    for (kind, body, expected) in [
        ("text/html", png.clone(), None),
        ("", png.clone(), None),
        ("text/html; charset=\u{fc}", png.clone(), None),
        ("text/html", b"<html>no".to_vec(), Some(ErrorKind::NotFound)),
        ("image/png", b"<html>no".to_vec(), Some(ErrorKind::Corrupt)),
        ("text/html", Vec::new(), Some(ErrorKind::PeerBusy)),
    ] {
        hub.state().faults.excuse = Some((kind, body));
        let mut wanted = spec(&hub, "h1");
        (wanted.scale, wanted.size_bytes) = (2, png.len() as u64);
        let report = run(&mut batch(dir.path(), small_limits()), wanted);
        match expected {
            None => assert_eq!(complete(report, kind).proof, [Proof::Image, Proof::Size]),
            Some(expected) => assert_eq!(failure(report, kind).kind(), expected, "{kind}"),
        }
    }
}

/// Ranges that say which they are, and the most requests for a file that is read with them.
const HONEST: [(&str, OddRange, usize); 16] = [
    ("as asked", |first, last, size| (first, last, format!("bytes {first}-{last}/{size}")), 1),
    ("Bytes", |first, last, size| (first, last, format!("Bytes {first}-{last}/{size}")), 1),
    ("BYTES and blanks", |first, last, size| (first, last, format!("  BYTES  {first} - {last} / {size} ")), 1),
    ("bytes=", |first, last, size| (first, last, format!("bytes={first}-{last}/{size}")), 1),
    ("no unit", |first, last, size| (first, last, format!("{first}-{last}/{size}")), 1),
    ("an unknown total", |first, last, _| (first, last, format!("bytes {first}-{last}/*")), 1),
    ("no total", |first, last, _| (first, last, format!("bytes {first}-{last}")), 1),
    ("zeros in front", |first, last, size| (first, last, format!("bytes 0{first}-0{last}/0{size}")), 1),
    (
        "twice in one line",
        |first, last, size| (first, last, format!("bytes {first}-{last}/{size}, bytes {first}-{last}/{size}")),
        1,
    ),
    (
        "at most 1 MiB",
        |first, last, size| {
            let last = last.min(first + (1 << 20) - 1);
            (first, last, format!("bytes {first}-{last}/{size}"))
        },
        3,
    ),
    (
        "at most 100,000 bytes, no total",
        |first, last, _| {
            let last = last.min(first + 99_999);
            (first, last, format!("bytes {first}-{last}/*"))
        },
        30,
    ),
    (
        "whole blocks",
        |first, last, size| {
            let (first, last) = (first - first % 65_536, (last | 0xffff).min(size - 1));
            (first, last, format!("bytes {first}-{last}/{size}"))
        },
        1,
    ),
    (
        "one block at a time",
        |first, _, size| {
            let first = first - first % 65_536;
            let last = (first + 65_535).min(size - 1);
            (first, last, format!("bytes {first}-{last}/{size}"))
        },
        46,
    ),
    ("always from the first byte", |_, last, size| (0, last, format!("bytes 0-{last}/{size}")), 1),
    ("always to the last byte", |first, _, size| (first, size - 1, format!("bytes {first}-{}/{size}", size - 1)), 1),
    (
        "a byte before",
        |first, last, size| {
            let first = first.saturating_sub(1);
            (first, last, format!("bytes {first}-{last}/{size}"))
        },
        1,
    ),
];

#[test]
fn a_range_is_used_for_what_it_holds() {
    for (what, odd, most) in HONEST {
        let (bytes, dir) = (noise(LARGE, 3), tempfile::tempdir().unwrap());
        let hub = hub_with(&bytes);
        hub.state().faults.odd_range = Some(odd);
        let report = run_once(dir.path(), &hub);
        let done = complete(report, what);
        assert_eq!(
            (done.digest, done.rung, done.proof),
            (Digest::of(&bytes), Rung::Dav, vec![Proof::Size, Proof::Filemeta, Proof::Spot]),
            "{what}"
        );
        assert!((1..=most).contains(&hub.requests("GET /dav")), "{what}: {}", hub.requests("GET /dav"));

        let dir = tempfile::tempdir().unwrap();
        hub.state().filesync = Some(Filesync::default());
        let done = complete(run(&mut batch(dir.path(), small_limits()), with_filesync(spec(&hub, "h1"))), what);
        assert_eq!(
            (done.digest, done.rung, done.proof),
            (Digest::of(&bytes), Rung::Filesync, vec![Proof::Size, Proof::Sha256]),
            "{what}"
        );
    }
}

#[test]
fn an_unusual_range_goes_on_from_what_had_arrived() {
    for (what, odd, _) in HONEST {
        for (speaks, lanes) in [(false, 1), (true, 1), (false, 4), (true, 4)] {
            let (bytes, dir) = (noise(LARGE, 4), tempfile::tempdir().unwrap());
            let hub = hub_with(&bytes);
            hub.state().filesync = speaks.then(Filesync::default);
            hub.state().faults.cut_after = [&[2_345_678, 300_000][..], &[0; 20]].concat();
            let wanted = if speaks { with_filesync(spec(&hub, "h1")) } else { spec(&hub, "h1") };
            let first = run(&mut batch(dir.path(), small_limits()), wanted.clone());
            assert_eq!(first.received_bytes, 2_645_678, "{what}");
            failure(first, what);
            hub.state().faults.cut_after.clear();
            hub.state().faults.odd_range = Some(odd);
            let mut batch = batch_of(dir.path(), |options| {
                options.ranges = lanes;
                (options.limits.transfer.range_bytes, options.limits.transfer.slow_time) = (70_000, std::time::Duration::ZERO);
            });
            let report = run(&mut batch, wanted);
            assert_eq!(report.resumed_at_byte, 2_645_678, "{what}: nothing is thrown away");
            let done = complete(report, what);
            assert_eq!(done.digest, Digest::of(&bytes), "{what}");
            assert_eq!(partial(dir.path()), bytes, "{what}");
        }
    }
}

/// Ranges that cannot be used.
const USELESS: [(&str, OddRange); 12] = [
    ("no Content-Range", |first, last, _| (first, last, String::new())),
    ("another total", |first, last, size| (first, last, format!("bytes {first}-{last}/{}", size + 1))),
    ("a smaller total", |first, last, size| (first, last, format!("bytes {first}-{last}/{}", size - 1))),
    ("another range than sent", |first, last, size| (first, last, format!("bytes {}-{}/{size}", first + 1, last + 1))),
    ("backwards", |first, last, size| (first, last, format!("bytes {last}-{first}/{size}"))),
    ("two that differ", |first, last, size| {
        (first, last, format!("bytes {first}-{last}/{size}, bytes {first}-{}/{size}", last - 1))
    }),
    ("no numbers", |first, last, _| (first, last, "bytes all".into())),
    ("unsatisfied", |first, last, size| (first, last, format!("bytes */{size}"))),
    ("another unit", |first, last, size| (first, last, format!("lines {first}-{last}/{size}"))),
    ("nothing of what was asked", |_, _, size| (0, 9, format!("bytes 0-9/{size}"))),
    ("more than it says", |first, last, size| (first, last, format!("bytes {first}-{}/{size}", last - 1))),
    ("numbers too large", |first, last, _| (first, last, format!("bytes {first}-18446744073709551616/*"))),
];

#[test]
fn a_range_that_cannot_be_used_closes_one_way_and_costs_nothing_that_had_arrived() {
    for (what, odd) in USELESS {
        for speaks in [false, true] {
            let (bytes, dir) = (noise(LARGE, 5), tempfile::tempdir().unwrap());
            let hub = hub_with(&bytes);
            hub.state().filesync = speaks.then(Filesync::default);
            hub.state().faults.cut_after = [&[2_345_678, 300_000][..], &[0; 20]].concat();
            let wanted = if speaks { with_filesync(spec(&hub, "h1")) } else { spec(&hub, "h1") };
            failure(run(&mut batch(dir.path(), small_limits()), wanted.clone()), what);
            hub.state().faults.cut_after.clear();
            hub.state().faults.odd_range = Some(odd);
            let mut batch = batch(dir.path(), small_limits());
            let report = run(&mut batch, wanted);
            assert_eq!(report.resumed_at_byte, 2_645_678, "{what}: nothing is thrown away");
            let done = complete(report, what);
            assert_eq!((done.digest, done.rung), (Digest::of(&bytes), Rung::Filedata), "{what}");
            assert_eq!(partial(dir.path()), bytes, "{what}");
            let origin = batch.origins().pop().unwrap();
            assert_ne!(origin.dav, RungState::Refused, "{what}: this must not disable it for a day");
            assert_eq!(origin.peer.state, if speaks { RungState::Open } else { RungState::Refused }, "{what}");
        }
    }
}

#[test]
fn from_the_first_byte_on_a_range_that_cannot_be_used_leads_to_another_way() {
    for (what, odd) in USELESS.into_iter().filter(|(what, _)| *what != "nothing of what was asked") {
        let (bytes, dir) = (noise(LARGE, 6), tempfile::tempdir().unwrap());
        let hub = hub_with(&bytes);
        hub.state().faults.odd_range = Some(odd);
        let report = run_once(dir.path(), &hub);
        let done = complete(report, what);
        assert_eq!(
            (done.digest, done.rung, done.proof),
            (Digest::of(&bytes), Rung::Getfile, vec![Proof::Size, Proof::Filemeta, Proof::Spot]),
            "{what}"
        );
        hub.state().faults.filedata_status = Some(404);
        hub.state().faults.excuse = Some(("text/html", b"<html>no".to_vec()));
        std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
        let error = failure(run_once(dir.path(), &hub), what);
        assert!(error.kind().is_temporary(), "{what}: {error}");
        assert_eq!(partial(dir.path()), b"", "{what}: what a useless reply brought is not kept");
    }
}

#[test]
fn a_file_that_is_longer_than_its_row_says_is_not_cut_short() {
    let (bytes, dir) = (noise(9_000, 7), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    let mut wanted = spec(&hub, "h1");
    hub.state().files.get_mut("h1").unwrap().claimed = Some(8_999);
    wanted.size_bytes = 8_999;
    let error = failure(run(&mut batch(dir.path(), small_limits()), wanted), "a row that is too small");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(partial(dir.path()), b"");
}

#[test]
fn words_that_name_no_coding_are_none() {
    for word in [
        "identity",
        "Identity",
        "none",
        "None",
        "UTF-8",
        "utf-8",
        "binary",
        "",
        "8bit",
        "7bit",
        "ISO-8859-1",
        "null",
        "raw",
        "identity, identity",
        "text/plain; charset=utf-8",
        "\u{fc}",
    ] {
        let (bytes, dir) = (noise(LARGE, 8), tempfile::tempdir().unwrap());
        let hub = hub_with(&bytes);
        hub.state().faults.lines = vec![("/", format!("Content-Encoding: {word}").into_bytes())];
        let done = complete(run_once(dir.path(), &hub), word);
        assert_eq!(
            (done.digest, done.rung, done.proof),
            (Digest::of(&bytes), Rung::Dav, vec![Proof::Size, Proof::Filemeta, Proof::Spot]),
            "{word}"
        );

        let dir = tempfile::tempdir().unwrap();
        hub.state().filesync = Some(Filesync::default());
        let done = complete(run(&mut batch(dir.path(), small_limits()), with_filesync(spec(&hub, "h1"))), word);
        assert_eq!((done.digest, done.rung), (Digest::of(&bytes), Rung::Filesync), "{word}");
    }
}

#[test]
fn a_coding_is_refused_in_every_spelling_and_costs_nothing_that_had_arrived() {
    for word in
        ["gzip", "GZIP", "x-gzip", "br", "deflate", "zstd", "compress", "identity, gzip", "none,br", "gzip;q=1", "\"gzip\""]
    {
        let (bytes, dir) = (noise(LARGE, 9), tempfile::tempdir().unwrap());
        let hub = hub_with(&bytes);
        hub.state().faults.cut_after = [&[2_345_678, 300_000][..], &[0; 20]].concat();
        failure(run_once(dir.path(), &hub), word);
        hub.state().faults.cut_after.clear();
        hub.state().faults.lines = vec![("/dav", format!("Content-Encoding: {word}").into_bytes())];
        let report = run_once(dir.path(), &hub);
        assert_eq!(report.resumed_at_byte, 2_645_678, "{word}");
        let done = complete(report, word);
        assert_eq!((done.digest, done.rung), (Digest::of(&bytes), Rung::Filedata), "{word}");
        hub.state().faults.lines = vec![("/", format!("Content-Encoding: {word}").into_bytes())];
        std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
        let error = failure(run_once(dir.path(), &hub), word);
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("encoded body"), "{word}: {error}");
        assert!(!dir.path().join("h1-0.1.partial").exists(), "{word}");
    }
}

#[test]
fn an_error_is_what_its_status_says_however_its_body_is_encoded() {
    let dir = tempfile::tempdir().unwrap();
    for (line, seconds) in [
        ("17", Some(17)),
        (" 17 ", Some(17)),
        ("17.2", Some(17)),
        ("017", Some(17)),
        ("Sat, 04 May 2024 09:00:17 GMT", Some(17)),
        ("Saturday, 04-May-24 09:00:17 GMT", Some(17)),
        ("Sat May  4 09:00:17 2024", Some(17)),
        ("sat, 4 may 2024 9:00:17 gmt", Some(17)),
        ("Sat, 04 May 2024 11:00:17 +0200", Some(17)),
        ("Fri, 03 May 2024 09:00:17 GMT", Some(0)),
        ("soon", None),
        ("-17", None),
        ("\u{fc}", None),
    ] {
        let hub = hub_with(&noise(LARGE, 10));
        hub.state().faults.down_after_cut = (1000, 503);
        hub.state().down = 1000;
        let date = b"Date: Sat, 04 May 2024 09:00:00 GMT".to_vec();
        hub.state().faults.lines_of_errors =
            vec![format!("Retry-After: {line}").into_bytes(), date, b"Content-Encoding: gzip".to_vec()];
        let error = failure(run_once(dir.path(), &hub), line);
        assert_eq!((error.kind(), error.wait_seconds()), (ErrorKind::PeerBusy, seconds), "{line}");
    }
}

#[test]
fn a_tag_names_the_file_however_it_is_dressed() {
    let bytes = noise(LARGE, 11);
    for (tag, rung) in [
        ("\"h1\"", Rung::Dav),
        ("h1", Rung::Dav),
        ("W/\"h1\"", Rung::Dav),
        ("w/\"h1\"", Rung::Dav),
        ("\"H1\"", Rung::Dav),
        ("  \"h1\"  ", Rung::Dav),
        ("\"h1-gzip\"", Rung::Dav),
        ("W/\"h1;br\"", Rung::Dav),
        ("\"h1\"-gzip", Rung::Dav),
        ("\"h1\", \"h1\"", Rung::Dav),
        ("\"\"", Rung::Dav),
        ("\"other\"", Rung::Getfile),
        ("\"h11\"", Rung::Getfile),
        ("\"\u{fc}\"", Rung::Getfile),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(&bytes);
        hub.state().faults.no_etag = true;
        hub.state().faults.lines = vec![("/dav", format!("ETag: {tag}").into_bytes())];
        let done = complete(run_once(dir.path(), &hub), tag);
        assert_eq!((done.digest, done.rung), (Digest::of(&bytes), rung), "{tag}");
    }
}

#[test]
fn a_session_is_found_in_every_spelling_of_its_cookie() {
    let bytes = noise(9_000, 12);
    let cookie = "PHPSESSID=session-cookie-value";
    for lines in [
        vec![format!("Set-Cookie: {cookie}")],
        vec![format!("set-cookie: {cookie}; Path=/; HttpOnly; SameSite=Lax")],
        vec![format!("Set-Cookie: {cookie}; Path=/\u{fc}")],
        vec![format!("Set-Cookie: {cookie} ; path=/")],
        vec!["Set-Cookie: PHPSESSID=old; path=/".into(), format!("Set-Cookie: {cookie}; path=/")],
        vec![format!("Set-Cookie: {cookie}"), "Set-Cookie: other=x; Max-Age=0".into()],
        vec![format!("Set-Cookie: {cookie}"), "Set-Cookie: other=x; expires=Thu, 01-Jan-1970 00:00:01 GMT".into()],
        vec![format!("Set-Cookie: other=deleted; expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/, {cookie}; path=/")],
        vec![format!("Set-Cookie: {cookie}; expires=Fri, 31-Dec-2099 23:59:59 GMT; Max-Age=99; path=/")],
        vec!["Set-Cookie: broken".into(), format!("Set-Cookie: {cookie}")],
        vec![format!("Set-Cookie : {cookie}")],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(&bytes);
        hub.state().faults.no_cookie = true;
        hub.state().faults.lines = lines.iter().map(|line| ("/api/z/1.0/filemeta", line.clone().into_bytes())).collect();
        let done = complete(run_once(dir.path(), &hub), &lines[0]);
        assert_eq!(done.proof, [Proof::Size, Proof::Filemeta, Proof::Spot], "{lines:?}");
    }
}

#[test]
fn a_second_look_ends_where_the_file_does() {
    let (bytes, dir) = (noise(1000, 13), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.no_session = true;
    hub.state().faults.endless_after = Some(1);
    let error = failure(run_once(dir.path(), &hub), "an endless second answer");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    // Our limits do not cover bytes buffered in the socket.
    assert!(hub.state().endless_bytes < 64 << 20, "{} bytes were given", hub.state().endless_bytes);
}

#[test]
fn restarts_of_a_hub_cost_hardly_more_requests_than_they_break() {
    let bytes = noise(24_000_000, 14);
    for cuts in [&[1_700_000; 12][..], &[70_000; 12], &[900_000, 300_000, 90_000, 70_000, 66_000, 9_000_000, 9, 9, 80_000]] {
        for speaks in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let hub = hub_with(&bytes);
            hub.state().filesync = speaks.then(Filesync::default);
            hub.state().faults.cut_after = cuts.to_vec();
            // Each time it is away for a moment.
            hub.state().faults.down_after_cut = (2, 502);
            let wanted = if speaks { with_filesync(spec(&hub, "h1")) } else { spec(&hub, "h1") };
            let mut batch = batch(dir.path(), small_limits());
            let report = run(&mut batch, wanted);
            assert_eq!(report.received_bytes, bytes.len() as u64, "no byte came twice");
            assert_eq!(complete(report, "restarts").digest, Digest::of(&bytes));
            let asked = hub.requests(if speaks { "GET /getfile/h1" } else { "GET /dav" });
            assert!(asked <= 3 * cuts.len() + 30, "{asked} requests for {cuts:?}");
        }
    }
}

#[test]
fn a_true_limit_still_lets_everything_through() {
    let bytes = noise(24_000_000, 15);
    for (longest_body, longest_range) in [(Some(1 << 20), None), (None, Some(1 << 20)), (Some(150_000), None)] {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(&bytes);
        (hub.state().faults.longest_body, hub.state().faults.longest_range) = (longest_body, longest_range);
        let mut first = batch(dir.path(), small_limits());
        let report = run(&mut first, spec(&hub, "h1"));
        assert_eq!(report.received_bytes, bytes.len() as u64, "no byte came twice");
        assert_eq!(complete(report, "a limit").digest, Digest::of(&bytes));
        let longest = longest_body.or(longest_range).unwrap();
        let asked = hub.requests("GET /dav");
        assert!(asked <= 2 * bytes.len().div_ceil(longest) + 16, "{asked} requests of at most {longest} bytes");
        let learnt = first.origins().pop().unwrap().piece_bytes.unwrap().get();
        assert!(learnt <= 2 * longest as u64, "{learnt}");

        // A later batch begins with what was learnt, and forgets it where it no longer holds.
        (hub.state().faults.longest_body, hub.state().faults.longest_range) = (None, None);
        std::fs::remove_file(dir.path().join("h1-0.1.partial")).unwrap();
        let mut second = batch(dir.path(), small_limits());
        let mut wanted = spec(&hub, "h1");
        wanted.origins[0].piece_bytes = std::num::NonZeroU64::new(learnt);
        assert_eq!(complete(run(&mut second, wanted), "no limit any more").digest, Digest::of(&bytes));
        assert!(hub.requests("GET /dav") - asked <= 10, "{}", hub.requests("GET /dav") - asked);
    }
}

#[test]
fn a_size_that_is_only_stated_takes_no_space() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    for speaks in [false, true] {
        let hub = hub_with(&noise(100_000, 16));
        hub.state().filesync = speaks.then(|| speaking(|filesync| filesync.claims = Some(20 << 30)));
        hub.state().files.get_mut("h1").unwrap().claimed = Some(20 << 30);
        hub.state().faults.odd_range = Some(|first, last, _| (first, last, format!("bytes {first}-21474836479/21474836480")));
        hub.state().faults.stall_after = Some(50_000);
        hub.state().faults.filedata_status = Some(500);
        let wanted = if speaks { with_filesync(spec(&hub, "h1")) } else { spec(&hub, "h1") };
        let mut batch = batch(dir.path(), small_limits());
        failure(run(&mut batch, wanted), "20 GiB");
        let held = std::fs::metadata(dir.path().join("h1-0.1.partial")).unwrap().blocks() * 512;
        assert!(held <= 256 << 10, "{held} bytes of disk");
        drop(batch);
    }
}

#[test]
fn the_digest_of_an_origins_own_ticket_counts_for_more_than_a_wrong_one_of_the_packet() {
    let bytes = noise(LARGE, 17);
    for digests_later in [0, 1] {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub_with(&bytes);
        hub.state().filesync = Some(speaking(|filesync| filesync.digests_later = digests_later));
        let mut wanted = with_filesync(spec(&hub, "h1"));
        wanted.sha256 = Some(Digest::of(b"what the packet says"));
        let done = complete(run(&mut batch(dir.path(), small_limits()), wanted), "a wrong digest");
        assert_eq!((done.digest, done.rung, done.edited.as_str()), (Digest::of(&bytes), Rung::Filesync, EDITED));
        assert!(done.proof.starts_with(&[Proof::Size, Proof::Sha256, Proof::Ticket]), "it is said: {:?}", done.proof);
        assert_eq!(partial(dir.path()), bytes);
    }
}

#[test]
fn who_has_the_bytes_of_the_packets_digest_is_asked_before_another_ones_ticket_is_believed() {
    let (bytes, other, dir) = (noise(LARGE, 18), noise(LARGE, 20), tempfile::tempdir().unwrap());
    let (first, second) = (hub_with(&other), hub_with(&bytes));
    for hub in [&first, &second] {
        hub.state().filesync = Some(Filesync::default());
    }
    let mut wanted = with_filesync(spec(&first, "h1"));
    wanted.origins.extend(with_filesync(spec(&second, "h1")).origins);
    wanted.sha256 = Some(Digest::of(&bytes));
    let done = complete(run(&mut batch(dir.path(), small_limits()), wanted), "two clones");
    assert_eq!(
        (done.digest, done.origin.to_string(), done.proof),
        (Digest::of(&bytes), second.url.clone(), vec![Proof::Size, Proof::Sha256])
    );
    assert_eq!(first.requests("GET"), 0);
}

#[test]
fn a_hub_that_gives_a_file_byte_by_byte_does_so_for_a_while() {
    let (bytes, dir) = (noise(LARGE, 20), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.odd_range = Some(|first, _, size| (first, first, format!("bytes {first}-{first}/{size}")));
    let done = complete(run_once(dir.path(), &hub), "byte by byte");
    assert_eq!((done.digest, done.rung), (Digest::of(&bytes), Rung::Filedata));
    // A hundred while the file is read, and as many for each of the eight spots that are looked at again.
    assert!(hub.requests("GET /dav") <= 101 + 8 * 100, "{}", hub.requests("GET /dav"));
}

#[test]
fn a_row_that_is_always_of_this_second_is_not_waited_for_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub_with(&noise(9_000, 21));
    hub.state().faults.date = Some("Fri, 03 May 2024 09:00:00 GMT".into());
    let mut limits = small_limits();
    limits.transfer.settle_time = std::time::Duration::from_secs(1);
    let error = failure(run(&mut batch(dir.path(), limits), spec(&hub, "h1")), "always new");
    assert_eq!(error.kind(), ErrorKind::PeerBusy, "{error}");
    assert_eq!((hub.requests("GET /api/z/1.0/filemeta"), hub.requests("POST /getfile")), (4, 0));
}

#[test]
fn a_hub_that_is_started_anew_while_its_row_settles_is_waited_for() {
    let (bytes, dir) = (noise(9_000, 21), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    hub.state().faults.fresh_then_down = 2;
    let mut limits = small_limits();
    limits.transfer.settle_time = std::time::Duration::from_secs(1);
    assert_eq!(complete(run(&mut batch(dir.path(), limits), spec(&hub, "h1")), "away").digest, Digest::of(&bytes));
    assert_eq!(hub.requests("GET /api/z/1.0/filemeta"), 5);
}

#[test]
fn bytes_that_came_in_two_ways_are_looked_at_in_both() {
    let (bytes, dir) = (noise(LARGE, 22), tempfile::tempdir().unwrap());
    let hub = hub_with(&bytes);
    // Other bytes than it says, for a while; then it closes, and the rest comes another way; then it lies on.
    hub.state().faults.odd_range = Some(|first, last, size| match first {
        0 => (1, size / 2, format!("bytes 0-{}/{size}", size / 2 - 1)),
        _ if last - first > 100 => (first, last, "bytes any".into()),
        _ if first < size / 2 => (first + 1, last + 1, format!("bytes {first}-{last}/{size}")),
        _ => (first, last, format!("bytes {first}-{last}/{size}")),
    });
    let error = failure(run_once(dir.path(), &hub), "shifted secretly");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

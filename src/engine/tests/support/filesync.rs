//! The part of the loopback hub that speaks filesync: tickets, ranges, and the lies that tests ask for.

use std::collections::HashSet;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use filesync_engine::Digest;
use filesync_engine::pack::PackWriter;
use filesync_engine::transfer::TransferSpec;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::{Reply, Request, State, StoredFile};

/// How the hub speaks filesync.
#[derive(Clone, Default)]
pub struct Filesync {
    pub lie: Option<Lie>,
    /// How often facts are given without a digest before they are given with it.
    pub digests_later: usize,
    pub unavailable: Option<u64>,
    /// The size that it states, whatever it has.
    pub claims: Option<u64>,
    /// Status and body that every ticket request gets.
    pub refusal: Option<(u16, String)>,
    /// The next requests for tickets are answered with 429 and these values of `Retry-After`, in seconds.
    pub later: Vec<u64>,
    /// The hub's clock.
    pub time: Option<i64>,
    /// Tickets of the first reply are valid for this many reads.
    pub first_tickets_last: Option<usize>,
    /// The hub stops speaking filesync after this many reads.
    pub uninstalled_after: Option<usize>,
    /// Whether it gives packs.
    pub packs: bool,
    /// It gives no more packs after this many.
    pub packs_last: Option<usize>,
    /// The bytes of this file come only once so many packs were asked for.
    pub waits_for_packs: Option<(String, usize)>,
    /// How many files each pack has.
    pub packed: Vec<usize>,
    /// The file that no pack has.
    pub left_out: Option<String>,
    /// Keys of the files of each request.
    pub asked: Vec<Vec<String>>,
    nonces: HashSet<String>,
    reads: usize,
}

/// What a lying hub does when a range is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// One bit of each body is wrong.
    WrongByte,
    /// Bytes and `Content-Range` begin one later.
    Shifted,
    /// Bytes begin one later and `Content-Range` says otherwise.
    ShiftedSecretly,
    /// The body ends early and says so in `Content-Length`.
    Short,
    /// Bytes and `Content-Range` begin one earlier.
    Overlapping,
    /// The body has one byte more than the range.
    Long,
    /// 200 with the whole file.
    Whole,
    /// 200 with the whole file, of a length that nothing tells.
    WholeOfUnknownLength,
    Gzip,
    Endless,
    /// The digest of other bytes.
    WrongDigest,
    /// Every read is answered: it changed.
    AlwaysChanged,
    /// Facts that never end.
    HugeFacts,
    /// The facts of another file.
    OtherFacts,
    /// A member of each pack has other bytes.
    WrongPack,
}

/// The hub's clock unless a test sets it: that of the batch.
const NOW: i64 = 1_714_800_000;

pub fn with_filesync(mut spec: TransferSpec) -> TransferSpec {
    for origin in &mut spec.origins {
        origin.filesync_allowed = true;
    }
    spec
}

/// Tells whether a reply may leave.
pub(super) fn gives_now(request: &Request, state: &State) -> bool {
    let waits = state.filesync.as_ref().and_then(|filesync| Some((filesync.waits_for_packs.as_ref()?, filesync.packed.len())));
    waits.is_none_or(|((hash, packs), packed)| request.path != format!("/getfile/{hash}") || packed >= *packs)
}

pub(super) fn answer(request: &Request, range: &str, state: &mut State) -> Reply {
    let Some(mut filesync) = state.filesync.take() else {
        // What a stock hub answers to both.
        return Reply::new(200, "").header("Content-Type", "text/html");
    };
    if filesync.uninstalled_after.is_some_and(|reads| filesync.reads >= reads) {
        return Reply::new(200, "<!DOCTYPE html><html>not found</html>").header("Content-Type", "text/html");
    }
    let reply = if request.path == "/getfile/ticket" {
        tickets(request, state, &mut filesync)
    } else if request.path == "/getfile/pack" {
        pack(request, state, &mut filesync)
    } else {
        read(request, range, state, &mut filesync)
    };
    state.filesync = Some(filesync);
    reply
}

fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::new(status, body.to_string()).header("Content-Type", "application/json")
}

fn tickets(request: &Request, state: &State, filesync: &mut Filesync) -> Reply {
    check_signature(request);
    let asked: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!((asked["filesync"].as_u64(), asked["channel"].as_str()), (Some(2), Some("channelhash")));
    assert!(filesync.nonces.insert(asked["nonce"].as_str().unwrap().to_owned()), "a nonce is used once");
    if let Some((status, body)) = &filesync.refusal {
        return Reply::new(*status, body.clone()).header("Content-Type", "application/json").header("Retry-After", "21");
    }
    if !filesync.later.is_empty() {
        let seconds = filesync.later.remove(0).to_string();
        return json_reply(429, &json!({"filesync": 2, "error": "busy", "time": NOW})).header("Retry-After", &seconds);
    }
    let time = filesync.time.unwrap_or(NOW);
    if (time - asked["time"].as_i64().unwrap()).abs() > 300 {
        return json_reply(401, &json!({"filesync": 2, "error": "clock", "time": time}));
    }
    if filesync.lie == Some(Lie::HugeFacts) {
        return Reply { endless: true, ..Reply::new(200, vec![b' '; 4096]) };
    }
    let files = asked["files"].as_array().unwrap();
    assert!((1..=64).contains(&files.len()));
    filesync.asked.push(files.iter().map(|file| file["hash"].as_str().unwrap().to_owned()).collect());
    let number = filesync.asked.len();
    let facts: Vec<Value> = files.iter().map(|file| facts(file, state, filesync, number)).collect();
    filesync.digests_later = filesync.digests_later.saturating_sub(1);
    json_reply(
        200,
        &json!({"filesync": 2, "time": time, "version": "0.2.0",
            "features": ["ticket", "range", if filesync.packs { "pack" } else { "new" }], "expires_in": 600,
            "unknown": {}, "files": facts}),
    )
}

fn check_signature(request: &Request) {
    let digest = Digest::of(request.body.as_bytes());
    let text = format!("filesync 2 ticket\nPOST\n/getfile/ticket\n{}\n{digest}", request.headers["host"]);
    let key = SubjectPublicKeyInfoDer::from_pem_slice(include_bytes!("channel-public.pem")).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(request.headers["filesync-signature"].strip_prefix("sha512.").unwrap()).unwrap();
    let message = [&[0xFF], text.as_bytes()].concat();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, &key).verify(&message, &signature).unwrap();
    assert_eq!(request.headers["content-type"], "application/json");
}

fn stored(state: &State, hash: &str, scale: u8) -> Option<StoredFile> {
    if scale == 0 {
        return state.files.get(hash).cloned();
    }
    let bytes = state.scales.get(&(hash.to_owned(), scale))?.clone();
    Some(StoredFile { bytes, edited: super::EDITED.into(), ..StoredFile::default() })
}

/// Names the bytes that are stored now.
fn etag(file: &StoredFile) -> String {
    Digest::of(&file.bytes).to_string()[..40].to_owned()
}

fn facts(file: &Value, state: &State, filesync: &Filesync, number: usize) -> Value {
    let (hash, scale) = (file["hash"].as_str().unwrap(), file["scale"].as_u64().unwrap());
    let Some(stored) = stored(state, hash, scale as u8) else {
        return json!({"hash": hash, "scale": scale, "state": "missing"});
    };
    if let Some(seconds) = filesync.unavailable {
        return json!({"hash": hash, "scale": scale, "state": "unavailable", "retry_after": seconds});
    }
    let sha256 = match filesync.lie {
        _ if filesync.digests_later > 0 => None,
        Some(Lie::WrongDigest) => Some(Digest::of(b"other").to_string()),
        _ => Some(Digest::of(&stored.bytes).to_string()),
    };
    let hash = if filesync.lie == Some(Lie::OtherFacts) { "other" } else { hash };
    json!({"hash": hash, "scale": scale, "state": "ready", "size": filesync.claims.unwrap_or(stored.bytes.len() as u64), "edited": stored.edited,
        "mimetype": "application/octet-stream", "etag": etag(&stored), "sha256": sha256,
        "ticket": format!("secret-ticket.{hash}.{scale}.{}.{number}", etag(&stored))})
}

fn pack(request: &Request, state: &State, filesync: &mut Filesync) -> Reply {
    assert!(!request.headers.contains_key("cookie") && !request.headers.contains_key("authorization"));
    if filesync.packs_last.is_some_and(|packs| filesync.packed.len() >= packs) {
        return json_reply(404, &json!({"filesync": 2, "error": "missing"}));
    }
    let asked: Value = serde_json::from_str(&request.body).unwrap();
    filesync.packed.push(asked["tickets"].as_array().unwrap().len());
    let mut writer = PackWriter::default();
    for ticket in asked["tickets"].as_array().unwrap() {
        let parts: Vec<&str> = ticket.as_str().unwrap().split('.').collect();
        let [_, hash, scale, tag, _] = parts[..] else { panic!("a ticket that was not given") };
        let file = stored(state, hash, scale.parse().unwrap()).filter(|file| etag(file) == tag);
        if let Some(file) = file.filter(|_| filesync.left_out.as_deref() != Some(hash)) {
            writer.add(&file.bytes).unwrap();
        }
    }
    let mut bytes = writer.end();
    if filesync.lie == Some(Lie::WrongPack) {
        bytes[512] ^= 1;
    }
    Reply { is_file: true, ..Reply::new(200, bytes).header("Content-Type", "application/x-tar") }
}

fn read(request: &Request, range: &str, state: &State, filesync: &mut Filesync) -> Reply {
    filesync.reads += 1;
    assert!(!request.headers.contains_key("cookie") && !request.headers.contains_key("authorization"));
    let parts: Vec<&str> = request.headers["filesync-ticket"].split('.').collect();
    let [_, hash, scale, tag, number] = parts[..] else { panic!("a ticket that was not given") };
    assert_eq!(request.path, format!("/getfile/{hash}"));
    if number == "1" && filesync.first_tickets_last.is_some_and(|reads| filesync.reads > reads) {
        return json_reply(401, &json!({"filesync": 2, "error": "ticket"}));
    }
    let Some(file) = stored(state, hash, scale.parse().unwrap()) else {
        return json_reply(404, &json!({"filesync": 2, "error": "missing"}));
    };
    if etag(&file) != tag || filesync.lie == Some(Lie::AlwaysChanged) {
        return json_reply(412, &json!({"filesync": 2, "error": "changed"}));
    }
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let size = file.bytes.len();
    let ranged = |from: usize, body: Vec<u8>| {
        let reply = Reply::new(206, body).header("Content-Range", format!("bytes {from}-{last}/{size}"));
        Reply { is_file: true, ..reply.header("Content-Type", "application/octet-stream") }
    };
    if let Some(odd) = state.faults.odd_range {
        return super::odd_reply(odd, (first, last), &file.bytes);
    }
    let honest = file.bytes[first..=last].to_vec();
    match filesync.lie {
        Some(Lie::WrongByte) => {
            let mut body = honest;
            body[(last - first) / 2] ^= 1;
            ranged(first, body)
        }
        Some(Lie::Shifted) => ranged(first + 1, file.bytes[first + 1..=last].to_vec()),
        Some(Lie::ShiftedSecretly) => {
            let mut body = file.bytes[first + 1..=last].to_vec();
            body.push(0);
            ranged(first, body)
        }
        Some(Lie::Short) => ranged(first, file.bytes[first..last].to_vec()),
        Some(Lie::Overlapping) => {
            let from = first.saturating_sub(1);
            ranged(from, file.bytes[from..=last].to_vec())
        }
        Some(Lie::Long) => ranged(first, [honest, vec![0]].concat()),
        Some(Lie::Whole) => Reply { is_file: true, ..Reply::new(200, file.bytes) },
        Some(Lie::WholeOfUnknownLength) => Reply { is_file: true, chunked: true, ..Reply::new(200, file.bytes) },
        Some(Lie::Gzip) => ranged(first, honest).header("Content-Encoding", "gzip"),
        Some(Lie::Endless) => Reply { endless: true, ..ranged(first, honest) },
        _ => ranged(first, honest),
    }
}

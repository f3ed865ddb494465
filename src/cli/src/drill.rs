//! `restore --drill`: has a hub try a restore, reads back from here what it restored, and prints a certificate.

use std::path::Path;

use clap::Args;
use filesync_engine::Result as EngineResult;
use filesync_engine::door::{DrillReport, Drilled, Findings, Outside, Proof, State};
use serde_json::{Map, Value, json};

use crate::address::Address;
use crate::history;
use crate::output::{Output, with};
use crate::problem::{Exit, Problem};
use crate::refusal;
use crate::words;

#[derive(Args, Debug)]
pub(crate) struct DrillArguments {
    /// Only try it: the hub restores some files to a hidden channel, they are read back from here, and all of it is removed
    #[arg(long, conflicts_with_all = ["dry_run", "only", "at", "replace", "deleted", "as_copy", "without", "create"])]
    pub(crate) drill: bool,
    /// Of a drill: which share of the files, such as 5% or all
    #[arg(long, value_name = "PERCENT", value_parser = share, default_value = "5%", hide_default_value = true, requires = "drill")]
    pub(crate) sample: u8,
    /// Of a drill: what chance takes the files by; the same text takes the same ones of the same set
    #[arg(long, value_name = "TEXT", value_parser = seed, requires = "drill")]
    pub(crate) seed: Option<String>,
}

fn share(text: &str) -> Result<u8, String> {
    if text == "all" {
        return Ok(100);
    }
    let digits = text.strip_suffix('%').unwrap_or(text);
    let percent = digits.parse().ok().filter(|percent| (1..=100).contains(percent));
    percent.ok_or_else(|| "a percentage from 1 to 100, or all".to_owned())
}

fn seed(text: &str) -> Result<String, String> {
    let is_seed = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_seed { Ok(text.to_owned()) } else { Err("1 to 64 letters, digits or signs, without blanks".to_owned()) }
}

/// How the hub proves each of what it proves itself.
const BY_HUB: [(&str, &str); 9] = [
    ("signature", "the set: its list of files is signed by the channel's key, checked without the extension"),
    ("metadata", "what the set says of them: digests of that list"),
    ("restored", "restored to the hidden channel as a restore does it, each byte checked before it was shown"),
    ("rows", "rows: in the hub's tables as the set has them, with their folders, read by other code than the restore's"),
    ("access", "access lists: likewise"),
    ("categories", "categories: likewise"),
    ("posts", "posts: their signatures in the set, by the channel's key"),
    ("silence", "nothing was about to be sent to other hubs"),
    ("removed", "the hidden channel and all that was restored to it are removed"),
];
/// How each is proven from here.
const FROM_HERE: [(Proof, &str, &str); 4] = [
    (Proof::Bytes, "bytes", "bytes: read back as their owner, by the SHA-256 that the set here has"),
    (Proof::Names, "names", "names: as the hub says them to who reads"),
    (Proof::Crops, "crops", "crops: read back as their owner, by SHA-256"),
    (Proof::Strangers, "strangers", "strangers: given what everybody may see, and nothing else"),
];
const KINDS: [(&str, &str); 11] = [
    ("crop", "a photo with a crop"),
    ("photo", "a photo"),
    ("private", "a file that not everybody may see"),
    ("public", "a file that everybody may see"),
    ("deep", "the deepest folder"),
    ("large", "the largest file"),
    ("empty", "an empty file"),
    ("odd", "a name that disks or URLs take badly"),
    ("post", "a file with posts"),
    ("category", "a file with a category"),
    ("folder", "a folder"),
];
const CANNOT: [&str; 4] = [
    "that the channel's clones on other hubs take over what comes back",
    "that the channel's own identity and its private key can be restored",
    "that posts are stored again: only their signatures were checked, in the set",
    "how the hub does under load",
];

/// What was drilled, and where.
pub(crate) struct Told<'t> {
    pub(crate) address: &'t Address,
    pub(crate) folder: &'t Path,
    pub(crate) about: &'t Value,
}

/// Says what came of a drill. `forget` forgets its key, which opens nothing any more.
pub(crate) fn tell(
    outcome: EngineResult<Drilled>,
    told: &Told<'_>,
    mut forget: impl FnMut() -> Result<(), Problem>,
    output: &Output,
) -> Result<Exit, Problem> {
    let Told { address, folder, about } = *told;
    match outcome {
        Err(error) => {
            if refusal::is_over(&error) {
                forget()?;
            }
            let problem = refusal::of(&error, address, folder);
            Err(match problem.kind {
                "set_other_channel" => problem.remedy("A drill is of a channel's own set."),
                "quota_short" => {
                    problem.remedy("`--sample` takes fewer of its files; or free some there, or ask its admin for more.")
                }
                _ => problem,
            })
        }
        Ok(Drilled::Stopped) => {
            output.say(&with(about, &json!({ "state": "stopped" })), words::STOPPED);
            Ok(Exit::GoesOn)
        }
        Ok(Drilled::Failed(state)) => {
            if state.name() == "ended" {
                forget()?;
            }
            Err(failed(&state, address))
        }
        Ok(Drilled::Done(report)) => {
            forget()?;
            let has_passed = report.has_passed() && report.unsent == 0;
            history::drilled(folder, &address.text(), has_passed);
            if !has_passed || output.speaks() {
                output.say(&with(about, &facts(&report, has_passed)), &certificate(&report, folder, has_passed));
            }
            Ok(if has_passed { Exit::Complete } else { Exit::NeedsAttention })
        }
    }
}

/// Puts into words why a hub could not drill.
fn failed(state: &State, address: &Address) -> Problem {
    let words = format!("{} could not try it: {}", address.host, words::one_line(state.message()));
    let goes_on = "What was sent is kept there; the same command goes on.";
    match state.code() {
        "drill_later" => Problem::later("drill_later", words).remedy(goes_on),
        "disk_short" => Problem::later("disk_short", words).remedy(goes_on),
        "drill_stopped" => Problem::later("drill_stopped", words).remedy(goes_on),
        "set_other_channel" => Problem::new("set_other_channel", words),
        "set_refused" => Problem::new("set_refused", words),
        "path_refused" => Problem::new("path_refused", words),
        "not_read" => Problem::new("not_read", words).remedy(format!("Make another key on {}/filesync/backup.", address.hub)),
        "session_expired" | "ended" | "revoked" | "dropped" => {
            Problem::new("ended", format!("The drill was ended: {}", state.message()))
                .remedy(format!("Make another key on {}/filesync/backup.", address.hub))
        }
        _ => Problem::new("drill_failed", words).remedy("When that is mended, the same command goes on."),
    }
}

fn facts(report: &DrillReport, has_passed: bool) -> Value {
    let outside = report.outside.as_ref().map(|outside| {
        let proofs = FROM_HERE.iter().filter_map(|(proof, word, _)| {
            let findings = outside.proofs().get(proof)?;
            let named: Vec<Value> = findings.named.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
            Some(((*word).to_owned(), json!({ "proven": findings.proven, "failed": findings.failed, "named": named })))
        });
        json!({
            "files": outside.files, "bytes": outside.bytes, "closed": outside.closed, "numbered": outside.numbered,
            "proofs": proofs.collect::<Map<_, _>>(),
        })
    });
    json!({
        "state": report.state.name(), "passed": has_passed, "by_hub": report.state.certificate(), "from_here": outside,
        "sent_files": report.sent_files, "sent_bytes": report.sent_bytes, "unsent": report.unsent, "cannot": CANNOT,
    })
}

/// What the hub certifies.
struct ByHub<'c>(&'c Value);

impl ByHub<'_> {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }
}

fn certificate(report: &DrillReport, folder: &Path, has_passed: bool) -> String {
    let nothing = Value::Null;
    let hub = ByHub(report.state.certificate().unwrap_or(&nothing));
    let root = hub.text("hub");
    let key: String = hub.text("set_key").chars().take(16).collect();
    let mut lines = vec![
        format!(
            "filesync {} tried on {root}, with a hidden channel, to restore the set of {} in {}",
            hub.text("filesync"),
            hub.text("set_of"),
            folder.display()
        ),
        format!("the run of {}, of {}; the channel's key has the SHA-256 {key}", hub.text("set_run"), hub.text("set_updated")),
        format!(
            "{} % by the seed {}: {} and {}, {}, of {}, {}",
            hub.number("percent"),
            hub.text("seed"),
            words::files(hub.number("files")),
            words::count(hub.number("folders"), "folder", "folders"),
            words::size(hub.number("bytes")),
            words::files(hub.number("of_files")),
            words::size(hub.number("of_bytes")),
        ),
    ];
    for (words, name) in in_order(&KINDS, hub.0.get("kinds")) {
        lines.push(format!("    {words}: {}", name.as_str().unwrap_or_default()));
    }
    lines.push(format!("By {root} itself"));
    for (words, said) in in_order(&BY_HUB, hub.0.get("proofs")) {
        lines.extend(proof(words, &findings(said)));
    }
    lines.push(format!("By this computer, through the front door of {root}"));
    lines.extend(from_here(report, &hub));
    lines.extend(remarks(report, &hub));
    lines.push("A drill cannot show".to_owned());
    lines.extend(CANNOT.iter().map(|each| format!("    {each}")));
    let left = hub.number("of_files").saturating_sub(hub.number("files"));
    if left > 0 {
        lines.push(format!("    {} that the sample has not", words::files(left)));
    }
    lines.push(format!("{}, in {} s", if has_passed { "PASSED" } else { "FAILED" }, hub.number("seconds")));
    lines.join("\n")
}

/// Returns what an object has in the order of a table, with the words for it; what the table does not know comes last.
fn in_order<'w>(table: &[(&'w str, &'w str)], object: Option<&'w Value>) -> Vec<(&'w str, &'w Value)> {
    let all: Vec<(&str, &Value)> =
        object.and_then(Value::as_object).into_iter().flatten().map(|(word, one)| (word.as_str(), one)).collect();
    let of = |wanted: &str| all.iter().find(|(word, _)| *word == wanted).map(|(_, one)| *one);
    let known = table.iter().filter_map(|(word, words)| Some((*words, of(word)?)));
    let others = all.iter().filter(|(word, _)| table.iter().all(|(known, _)| known != word)).copied();
    known.chain(others).collect()
}

/// Reads what the hub saw by one kind of proof.
fn findings(said: &Value) -> Findings {
    let number = |name: &str| said.get(name).and_then(Value::as_u64).unwrap_or_default();
    let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let named = said.get("named").and_then(Value::as_array).into_iter().flatten();
    let named = named.map(|one| (text(one, "name"), text(one, "why"))).collect();
    Findings { proven: number("proven"), failed: number("failed"), named }
}

fn proof(how: &str, findings: &Findings) -> Vec<String> {
    let mut lines = Vec::new();
    if findings.proven > 0 {
        lines.push(format!("proven  {:>9}  {how}", words::number(findings.proven)));
    }
    if findings.failed > 0 {
        lines.push(format!("NOT     {:>9}  {how}", words::number(findings.failed)));
        lines.extend(findings.named.iter().map(|(name, why)| format!("    {name}: {why}")));
        let more = findings.failed.saturating_sub(findings.named.len() as u64);
        if more > 0 {
            lines.push(format!("    and {} more", words::number(more)));
        }
    }
    lines
}

fn from_here(report: &DrillReport, hub: &ByHub<'_>) -> Vec<String> {
    let Some(outside) = &report.outside else {
        return vec![
            "NOT             an earlier run of this command read it, and what that saw is not known; drill once more".to_owned(),
        ];
    };
    let seen = |(proof_of, _, how): &(Proof, &str, &str)| outside.proofs().get(proof_of).map(|findings| proof(how, findings));
    let mut lines: Vec<String> = FROM_HERE.iter().filter_map(seen).flatten().collect();
    if !report.is_read() {
        lines.push(format!(
            "NOT             all was read: {} of {}",
            words::number(outside.files),
            words::files(hub.number("files"))
        ));
    }
    lines
}

fn remarks(report: &DrillReport, hub: &ByHub<'_>) -> Vec<String> {
    let closed = report.outside.as_ref().map_or(0, |outside: &Outside| outside.closed);
    let mut lines = Vec::new();
    if hub.0.get("believed").and_then(Value::as_bool) == Some(true) {
        let words = "the channel did not sign the set: access and categories were believed, as asked for (--trust)";
        lines.push(words.to_owned());
    }
    if hub.0.pointer("/proofs/signature").is_some_and(|said| findings(said).failed > 0) {
        lines.push("what no signature of the channel proves came for its owner alone; --trust believes the rest".to_owned());
    }
    let files = |number: u64, what: &str| (number > 0).then(|| format!("{} {what}", words::files(number)));
    lines.extend(files(report.unsent, "of the set could not be sent"));
    lines.extend(files(hub.number("without_bytes"), "of the set had no bytes on the hub when it was made"));
    lines.extend(files(closed, "everybody may see: not asked for as a stranger, because this hub shows nothing to strangers"));
    let numbered = hub.number("numbered");
    if numbered > 0 {
        let names = words::count(numbered, "name has", "names have");
        lines.push(format!("{names} a number now, because another one in the folder is the same without regard to case"));
    }
    let unsigned = hub.number("posts_unsigned");
    if unsigned > 0 {
        let posts = words::count(unsigned, "post of the channel has", "posts of the channel have");
        lines.push(format!("{posts} no signature that fits; a restore marks them, and no hub signs them"));
    }
    let of_others = hub.number("posts_of_others");
    if of_others > 0 {
        let posts = words::count(of_others, "post of somebody else", "posts of others");
        lines.push(format!("{posts}: proven by the digests of the list alone"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_seeds_are_those_of_the_hub_s_command() {
        assert_eq!((share("5%"), share("20"), share("all")), (Ok(5), Ok(20), Ok(100)));
        for bad in ["0", "101%", "", "some", "-5"] {
            assert!(share(bad).is_err(), "{bad}");
        }
        assert_eq!(seed("1f0c93ab").as_deref(), Ok("1f0c93ab"));
        for bad in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(seed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_proven_is_named_beneath_its_proof() {
        let named = vec![("cat.jpg, scale 4".to_owned(), "the hub answers with status 404".to_owned())];
        let lines = proof("crops", &Findings { proven: 1200, failed: 3, named });
        assert_eq!(
            lines,
            [
                "proven      1,200  crops",
                "NOT             3  crops",
                "    cat.jpg, scale 4: the hub answers with status 404",
                "    and 2 more"
            ]
        );
    }
}

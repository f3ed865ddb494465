//! How far a restore is, as the hub says it.

use serde_json::Value;

/// The state of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(Value);

/// A file that the hub names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    /// Why, in one word.
    pub code: String,
    /// Its true name.
    pub name: String,
    /// The same in a sentence.
    pub message: String,
}

/// What became of a file that nobody needs to look at: it is here, or was deleted on purpose, or comes from another hub.
const FINE: [&str; 8] = ["restore", "mend", "replace", "revive", "here", "deleted_since", "newer_elsewhere", ARRIVING];
const ARRIVING: &str = "arriving";

impl State {
    /// Takes what the hub says.
    pub(crate) fn of(said: Value) -> Self {
        Self(said)
    }

    /// Returns all that the hub says.
    pub fn facts(&self) -> &Value {
        &self.0
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the word for it: `open`, `restoring`, `ending`, `done` or `ended`.
    pub fn name(&self) -> &str {
        self.text("state")
    }

    /// Returns the name by which the hub knows the restore.
    pub fn session(&self) -> &str {
        self.text("session")
    }

    /// Returns why it waits or ended, in one word; empty if it does not.
    pub fn code(&self) -> &str {
        self.text("code")
    }

    /// Returns the same in a sentence.
    pub fn message(&self) -> &str {
        self.text("message")
    }

    /// Returns how much of it is done.
    pub fn percent(&self) -> u64 {
        self.0.get("percent").and_then(Value::as_u64).unwrap_or_default()
    }

    /// Returns a number of what was restored, such as `crops`.
    pub fn number(&self, name: &str) -> u64 {
        self.0.get("restore").and_then(|restore| restore.get(name)).and_then(Value::as_u64).unwrap_or_default()
    }

    /// Returns a number by what became of files: of `files`, `bytes` or `folders`.
    pub fn number_of(&self, what: &str, word: &str) -> u64 {
        let numbers = self.0.get("restore").and_then(|restore| restore.get(what));
        numbers.and_then(|numbers| numbers.get(word)).and_then(Value::as_u64).unwrap_or_default()
    }

    /// Returns how many files and folders, crops and posts came otherwise than the set has them, so that somebody should look.
    pub fn needs_attention(&self) -> u64 {
        ["posts_lost", "unproven"].into_iter().map(|name| self.number(name)).fold(self.amiss(), u64::saturating_add)
    }

    /// Returns how many of them are files and folders, or crops, with which something is amiss.
    pub fn amiss(&self) -> u64 {
        let restore = self.0.get("restore");
        let numbers = ["files", "folders"].into_iter().filter_map(|what| restore?.get(what)?.as_object()).flatten();
        let amiss = numbers.filter(|(word, _)| !FINE.contains(&word.as_str())).filter_map(|(_, number)| number.as_u64());
        amiss.fold(self.number("crops_lost"), u64::saturating_add)
    }

    /// Returns why posts are left out, each reason in one word with their number.
    pub fn posts_left(&self) -> Vec<(&str, u64)> {
        let left = self.0.get("restore").and_then(|restore| restore.get("posts_left")).and_then(Value::as_object);
        left.into_iter().flatten().filter_map(|(word, number)| Some((word.as_str(), number.as_u64()?))).collect()
    }

    /// Returns what a restore would do, said as if it had been done; none if that was not counted.
    pub fn plan(&self) -> Option<Self> {
        let plan = self.0.get("plan").filter(|plan| plan.is_object())?;
        let attention = self.0.get("attention").cloned().unwrap_or_default();
        Some(Self(serde_json::json!({ "restore": plan, "attention": attention })))
    }

    fn drill(&self, name: &str) -> Option<&Value> {
        self.0.get("drill").and_then(|drill| drill.get(name)).filter(|value| !value.is_null())
    }

    /// Returns which part of the set a drill takes; none before that is chosen.
    pub(crate) fn sample(&self) -> Option<&Value> {
        self.drill("sample")
    }

    /// Tells whether what a drill restored can be read now.
    pub(crate) fn is_readable(&self) -> bool {
        self.drill("readable").and_then(Value::as_bool) == Some(true)
    }

    /// Returns what the hub itself proved by a drill; none before its end.
    pub fn certificate(&self) -> Option<&Value> {
        self.drill("certificate")
    }

    /// Returns how many files and folders it says something about.
    pub(crate) fn entries(&self) -> u64 {
        let restore = self.0.get("restore");
        let numbers = ["files", "folders"].into_iter().filter_map(|what| restore?.get(what)?.as_object()).flatten();
        numbers.filter_map(|(_, number)| number.as_u64()).fold(0, u64::saturating_add)
    }

    /// Returns how many files are still on their way from another hub.
    pub fn arriving(&self) -> u64 {
        self.number_of("files", ARRIVING)
    }

    /// Returns the first files that the hub names.
    pub fn attention(&self) -> Vec<Attention> {
        let named = self.0.get("attention").and_then(Value::as_array);
        let text = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        named
            .into_iter()
            .flatten()
            .map(|one| Attention { code: text(one, "code"), name: text(one, "name"), message: text(one, "message") })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_a_person_should_look_at_needs_attention() {
        let state = |files: Value, lost: u64| State::of(json!({ "restore": { "files": files, "crops_lost": lost } }));
        let without_proof = json!({ "files": { "restore": 3 }, "unproven": 3, "posts_lost": 2, "posts_unsigned": 1 });
        assert_eq!(State::of(json!({ "restore": without_proof })).needs_attention(), 5, "less came than the set has");
        assert_eq!(state(json!({ "restore": 3, "here": 1, "deleted_since": 2, "newer_elsewhere": 1 }), 0).needs_attention(), 0);
        assert_eq!(
            state(json!({ "restore": 3, "file_missing": 1, "differs_here": 2, "of_tomorrow": 1 }), 4).needs_attention(),
            8
        );
        assert_eq!(state(json!([]), 0).needs_attention(), 0, "PHP's empty list");
        assert_eq!(state(json!({ "arriving": 2 }), 0).arriving(), 2);
        assert_eq!(State::of(json!({})).needs_attention(), 0);
        let many = json!({ "file_missing": u64::MAX, "of_tomorrow": 1 });
        assert_eq!(state(many, u64::MAX).needs_attention(), u64::MAX, "numbers that no hub can have");
    }
}

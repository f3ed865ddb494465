//! What the door answers, told from what something on the way answers in its place.

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::head;
use crate::http::Reply;
use crate::patience::Patience;

/// An answer of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Why the door refuses, in one word; none if it does not, or if somebody else answers.
    pub(crate) code: Option<String>,
    pub(crate) wait_seconds: Option<u64>,
    /// The offset of an upload, if the door itself tells it.
    pub(crate) offset: Option<u64>,
    /// The body, if it is an object of JSON.
    pub(crate) said: Option<Value>,
}

/// The name of the header that says why.
const ERROR: &str = "filesync-error";
const MOST_BYTES: usize = 4 << 20;
const MOST_WORDS: usize = 1000;
const ASKING: &str = "asking the upload door";
/// Numbers that explain a refusal.
const NUMBERS: [&str; 5] = ["needed_bytes", "left_bytes", "short_bytes", "limit_bytes", "limit"];

impl Answer {
    /// Reads a reply to its end.
    pub(crate) async fn read(reply: Reply, patience: &Patience<'_>) -> Result<Self> {
        let is_tus = !reply.values("tus-resumable").is_empty();
        let offset = reply.values("upload-offset");
        let head =
            Self::headed(reply.status().as_u16(), &reply.values(ERROR), if is_tus { &offset } else { &[] }, reply.wait_seconds());
        let body = reply.bytes(MOST_BYTES, patience).await?;
        Ok(head.saying(&body))
    }

    /// Takes what the head says.
    pub(crate) fn headed(status: u16, why: &[&[u8]], offset: &[&[u8]], wait_seconds: Option<u64>) -> Self {
        let code = why.first().and_then(|value| std::str::from_utf8(value).ok()).filter(|code| is_word(code));
        Self { status, code: code.map(str::to_owned), wait_seconds, offset: head::length(offset), said: None }
    }

    /// Takes what the body says.
    pub(crate) fn saying(self, body: &[u8]) -> Self {
        Self { said: serde_json::from_slice(body).ok().filter(Value::is_object), ..self }
    }

    /// Tells whether the door refuses for this reason.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Tells whether the same request may succeed a little later.
    pub(crate) fn passes(&self) -> bool {
        match self.code.as_deref() {
            Some(code) => ["upload_busy", "too_many_requests", "body_cut", "failed"].contains(&code),
            // In place of an answer of the door came a page.
            None => self.is_good() || matches!(self.status, 408 | 423 | 425 | 429 | 500 | 502..=504),
        }
    }

    /// Tells whether something before the door takes no body of this length.
    pub(crate) fn is_too_long(&self) -> bool {
        self.status == 413 && self.code.is_none()
    }

    /// Tells whether something before the door may have refused the method.
    pub(crate) fn is_refused_on_the_way(&self) -> bool {
        self.code.is_none() && matches!(self.status, 400 | 403 | 405 | 501)
    }

    /// Tells whether nobody answered in time.
    pub(crate) fn is_late(&self) -> bool {
        self.is("body_cut") || (self.code.is_none() && matches!(self.status, 408 | 502 | 504))
    }

    /// Returns it as an error.
    pub(crate) fn refusal(&self) -> Error {
        let kind = match self.code.as_deref() {
            _ if self.passes() => ErrorKind::PeerBusy,
            Some("restore_running" | "too_many_sessions" | "restoring" | "planning" | "drilling" | "disk_short") => {
                ErrorKind::PeerBusy
            }
            None if self.status == 404 => ErrorKind::NotFound,
            Some(_) | None => ErrorKind::Refused,
        };
        let mut error = Error::new(kind, ASKING).status(self.status).retry_after_seconds(self.wait_seconds);
        if let Some(code) = &self.code {
            error = error.context("code", code);
            let said = self.said.as_ref();
            if let Some(words) = said.and_then(|said| said.get("message")).and_then(Value::as_str) {
                error = error.context("message", words.chars().take(MOST_WORDS).collect::<String>());
            }
            for name in NUMBERS {
                if let Some(number) = said.and_then(|said| said.get(name)).and_then(Value::as_u64) {
                    error = error.context(name, number);
                }
            }
        }
        error
    }
}

fn is_word(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Answer {
        let code = Some(code.to_owned()).filter(|code| !code.is_empty());
        Answer { status, code, wait_seconds: None, offset: None, said: None }
    }

    #[test]
    fn the_word_counts_and_not_the_status_that_a_web_server_made_of_it() {
        assert!(!answer(500, "checksum_wrong").passes() && answer(500, "").passes() && answer(200, "").passes());
        assert!(answer(413, "").is_too_long() && !answer(413, "file_too_large").is_too_long());
        assert!(answer(405, "").is_refused_on_the_way() && !answer(405, "method_wrong").is_refused_on_the_way());
        assert_eq!(answer(409, "restore_running").refusal().kind(), ErrorKind::PeerBusy);
        assert_eq!(answer(507, "quota_short").refusal().kind(), ErrorKind::Refused);
        assert_eq!(answer(404, "").refusal().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_refusal_carries_the_hub_s_words_and_numbers() {
        let mut refused = answer(507, "quota_short");
        refused.said = Some(serde_json::json!({ "message": "short by 1 B", "short_bytes": 1, "left_bytes": -1, "limit": "x" }));
        let error = refused.refusal();
        let facts: Vec<_> = error.facts().collect();
        assert_eq!(facts, [("status", "507"), ("code", "quota_short"), ("message", "short by 1 B"), ("short_bytes", "1")]);
        assert!(is_word("quota_short") && !is_word("Quota") && !is_word("") && !is_word("a\nb"));
    }
}

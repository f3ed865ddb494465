//! Who signs a set: its channel, or its owner with a key of their own, in the format of minisign.
//!
//! Invariant: the two are never taken for one another. An owner's signature says that a set is as their own computer wrote it; it
//! says nothing for the channel.

use std::io::Read;

use minisign_verify::{PublicKey, Signature};
use serde_json::{Value, json};

use crate::error::{ErrorKind, OrFail, Result};

/// A key of an owner's own, that signs sets.
pub trait OwnerKey {
    /// Returns the public key as minisign writes it: one line of base64.
    fn public_key(&self) -> &str;

    /// Returns the signature of a text and of a comment, as a file of minisign.
    ///
    /// # Errors
    ///
    /// `Signature` if the key cannot sign.
    fn sign(&self, text: &[u8], comment: &str) -> Result<String>;
}

/// Who signed a set, as `set.json` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    Nobody,
    Channel,
    /// The owner, with this public key.
    Owner(String),
}

impl Signer {
    /// Reads `signed_by`.
    pub(crate) fn read(signed_by: Option<&Value>) -> Self {
        let Some(Value::Object(signed_by)) = signed_by else { return Self::Nobody };
        match signed_by.get("minisign").and_then(Value::as_str) {
            Some(key) if !signed_by.contains_key("channel") => Self::Owner(key.to_owned()),
            _ => Self::Channel,
        }
    }

    /// Returns `signed_by`.
    pub(crate) fn written(&self, channel_url: &str) -> Value {
        match self {
            Self::Nobody => Value::Null,
            Self::Channel => json!({ "channel": channel_url }),
            Self::Owner(key) => json!({ "minisign": key }),
        }
    }
}

/// Whether a set is signed by its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OwnerSigned {
    /// It does not say so.
    #[default]
    No,
    /// The signature fits this public key, which `set.json` names.
    By(String),
    /// `set.json` says so, and the signature is missing or does not fit.
    Wrong,
}

/// Tells whether `set.json` says that the channel has signed, or somebody whom this program does not know: only a hub signs such
/// a set again.
pub fn is_signed_by_channel(about: &Value) -> bool {
    Signer::read(about.get("signed_by")) == Signer::Channel
}

const BUFFER_BYTES: usize = 64 << 10;

/// Tells whether a signature in the format of minisign, with its comment, is that of a text.
pub(crate) fn verifies(public_key: &str, signature: &str, text: &mut dyn Read) -> Result<bool> {
    let (Ok(key), Ok(signature)) = (PublicKey::from_base64(public_key), Signature::decode(signature)) else { return Ok(false) };
    // A signature over the text itself, the old form, would need all of it in memory.
    let Ok(mut verifier) = key.verify_stream(&signature) else { return Ok(false) };
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = text.read(&mut buffer).or_fail(ErrorKind::Storage, "checking the signature of a backup set")?;
        match buffer.get(..count).filter(|piece| !piece.is_empty()) {
            Some(piece) => verifier.update(piece),
            None => return Ok(verifier.finalize().is_ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `minisign -G -W` and `minisign -S`, the Debian package.
    const KEY: &str = "RWSuvPjl1nzKyayNYxK2/tQ6IpxzlHLdHPIJVZhFsls2g23o9k8cyeho";
    const SIGNATURE: &str = "\
        untrusted comment: signature of a backup set\n\
        RUSuvPjl1nzKyRdAsv94J+mVyk3jpW3iW+ej4mUyDlQTNWcXXqyS/Gx6TTQVE1Mbs/nzyAvZGfh2iL9TkCD24B6Sub+OZqI2Ywg=\n\
        trusted comment: filesync set 1, run 1\n\
        IpwEvr06FdpX13X0pYoiyLfYpQKpTLU/9LPSnyLvUxH8QfWmj1IB+VOZtuB0W0yNYXXnR/cMZF3mKoihWfttBA==\n";
    const OTHER_KEY: &str = "RWTEwf3Vfb4+plhJHa2sn1v42eELaI5w2ch26mVeI70gXhbwbgkvb2Er";

    #[test]
    fn a_signature_of_minisign_proves_its_text_and_its_comment() {
        let proves = |key: &str, signature: &str, text: &str| verifies(key, signature, &mut text.as_bytes()).unwrap();
        assert!(proves(KEY, SIGNATURE, "a text\n"));
        assert!(!proves(KEY, SIGNATURE, "a text"), "another text");
        assert!(!proves(OTHER_KEY, SIGNATURE, "a text\n"), "another key");
        assert!(!proves(KEY, &SIGNATURE.replace("run 1", "run 2"), "a text\n"), "another comment");
        for broken in ["", "RW", KEY, &SIGNATURE[..SIGNATURE.len() / 2], &SIGNATURE.replace("RU", "Ru")] {
            assert!(!proves(KEY, broken, "a text\n"), "{broken:?}");
        }
        for broken in ["", "RW", SIGNATURE, &KEY[1..]] {
            assert!(!proves(broken, SIGNATURE, "a text\n"), "{broken:?}");
        }
    }

    #[test]
    fn set_json_says_who_signed() {
        for (text, signer) in [
            ("null", Signer::Nobody),
            ("1", Signer::Nobody),
            (r#"{"channel":"https://hub.example/channel/alice"}"#, Signer::Channel),
            (r#"{"minisign":"RWQ"}"#, Signer::Owner("RWQ".to_owned())),
            // Whatever else signs is not one that can be signed again here.
            (r#"{"minisign":1}"#, Signer::Channel),
            (r#"{"channel":"https://hub.example/channel/alice","minisign":"RWQ"}"#, Signer::Channel),
        ] {
            assert_eq!(Signer::read(Some(&serde_json::from_str(text).unwrap())), signer, "{text}");
        }
        assert_eq!(Signer::Owner("RWQ".to_owned()).written("").to_string(), r#"{"minisign":"RWQ"}"#);
    }
}

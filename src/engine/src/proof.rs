//! Integrity proofs of whole documents: `eddsa-jcs-2022` (FEP-8b32, W3C Data Integrity), and the multibase keys it names.
//!
//! Invariant: the signature covers the SHA-256 of the canonical proof options followed by that of the canonical document, the
//! document without its `proof` and the older `signature`. What is canonical is RFC 8785, or what hubs make of it: `canonical`.

mod canonical;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use canonical::{Json, Object, Rounding};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result};

const PUBLIC_PREFIX: [u8; 2] = [0xed, 0x01];
const SECRET_PREFIX: [u8; 2] = [0x80, 0x26];

/// A channel's Ed25519 key pair.
pub struct ProofKey(SigningKey);

impl ProofKey {
    /// Reads a key in the form that hubs keep, base64 of seed and public half (64 bytes) or of the seed (32 bytes), or as multibase
    /// text beginning with `z`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is neither, or the halves do not match. The message never quotes the text.
    pub fn parse(text: &str) -> Result<Self> {
        let rejected = |fault: &str| {
            Error::new(ErrorKind::InvalidInput, "reading an Ed25519 key")
                .context("fault", fault)
                .context("expected", "base64 or multibase of 32 or 64 bytes")
        };
        let bytes = match text.strip_prefix('z').map(|encoded| bs58::decode(encoded).into_vec()) {
            Some(Ok(bytes)) if bytes.starts_with(&SECRET_PREFIX) => bytes.get(2..).unwrap_or_default().to_vec(),
            _ => STANDARD_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| rejected("not base64"))?,
        };
        let key = match bytes.len() {
            32 => bytes.as_slice().try_into().map(SigningKey::from_bytes).ok(),
            64 => bytes.as_slice().try_into().ok().and_then(|pair| SigningKey::from_keypair_bytes(pair).ok()),
            _ => None,
        };
        key.map(Self).ok_or_else(|| rejected("not a key"))
    }

    /// Returns the public half as multibase text.
    pub fn public_multibase(&self) -> String {
        public_multibase(self.0.verifying_key().as_bytes())
    }

    /// Signs a document, in the form that hubs verify; returns it with a `proof`. `method` names the key
    /// (`<channel url>#<public key>`), `created` is the time of signing, `Y-m-dTH:i:sZ`. The document's `@context`, if any, is part
    /// of the proof if `with_context` is true.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not a JSON object, or has a number that hubs round differently.
    pub fn sign(&self, document: &str, method: &str, created: &str, with_context: bool) -> Result<String> {
        let mut document = object(document)?;
        let mut proof = Object::default();
        if with_context && let Some(context) = document.get("@context") {
            proof.insert("@context", context.clone());
        }
        for (key, value) in [
            ("type", "DataIntegrityProof"),
            ("cryptosuite", "eddsa-jcs-2022"),
            ("created", created),
            ("verificationMethod", method),
            ("proofPurpose", "assertionMethod"),
        ] {
            proof.insert(key, Json::Text(value.to_owned()));
        }
        let signed = signed_bytes(&proof.as_all_hubs_sign()?, &signable(&document).as_all_hubs_sign()?);
        let signature = self.0.sign(&signed).to_bytes();
        proof.insert("proofValue", Json::Text(format!("z{}", bs58::encode(signature).into_string())));
        document.insert("proof", Json::Object(proof));
        serde_json::to_string(&document).or_fail(ErrorKind::InvalidInput, "writing a signed document")
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey(…)")
    }
}

/// Checks the proof of a document against a public key in multibase or base64 form. It may be over what RFC 8785 or what a hub
/// makes of the document.
///
/// # Errors
///
/// `Signature` if it is invalid or missing; `Unsupported` for another cryptosuite; `InvalidInput` for a bad key or
/// anything but a JSON object.
pub fn verify(document: &str, public_key: &str) -> Result<()> {
    let failed = |fault: &str| Error::new(ErrorKind::Signature, "verifying a document's proof").context("fault", fault);
    let document = object(document)?;
    let Some(Json::Object(proof)) = document.get("proof") else { return Err(failed("no proof")) };
    if proof.text("type") != "DataIntegrityProof" || proof.text("cryptosuite") != "eddsa-jcs-2022" {
        return Err(Error::new(ErrorKind::Unsupported, "verifying a document's proof")
            .context("cryptosuite", proof.text("cryptosuite").escape_debug())
            .context("expected", "eddsa-jcs-2022"));
    }
    let value = proof.text("proofValue").strip_prefix('z').and_then(|encoded| bs58::decode(encoded).into_vec().ok());
    let signature = value.and_then(|bytes| Signature::from_slice(&bytes).ok()).ok_or_else(|| failed("no readable proofValue"))?;
    let (options, signable) = (proof.without(&["proofValue"]), signable(&document));
    let key = public(public_key)?;
    let holds = |options: &str, signable: &str| key.verify_strict(&signed_bytes(options, signable), &signature).is_ok();
    let is_of_a_hub = |rounding: Rounding| holds(&options.as_hubs_sign(rounding), &signable.as_hubs_sign(rounding));
    let is_of_the_world =
        || rfc_8785(&options).zip(rfc_8785(&signable)).is_some_and(|(options, signable)| holds(&options, &signable));
    if is_of_a_hub(Rounding::Since84) || is_of_a_hub(Rounding::Before84) || is_of_the_world() {
        Ok(())
    } else {
        Err(failed("the signature does not match the document"))
    }
}

/// Returns a public key, 32 bytes in base64, as multibase text.
///
/// # Errors
///
/// `InvalidInput` if it is not an Ed25519 key.
pub fn to_multibase(public_key: &str) -> Result<String> {
    public(public_key).map(|key| public_multibase(key.as_bytes()))
}

fn public(text: &str) -> Result<VerifyingKey> {
    let rejected = || {
        Error::new(ErrorKind::InvalidInput, "reading an Ed25519 public key")
            .context("expected", "base64 or multibase of 32 bytes")
    };
    let bytes = match text.strip_prefix('z').map(|encoded| bs58::decode(encoded).into_vec()) {
        Some(Ok(bytes)) if bytes.starts_with(&PUBLIC_PREFIX) => bytes.get(2..).unwrap_or_default().to_vec(),
        _ => STANDARD_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| rejected())?,
    };
    let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| rejected())?;
    VerifyingKey::from_bytes(bytes).map_err(|_| rejected())
}

fn public_multibase(key: &[u8]) -> String {
    format!("z{}", bs58::encode([&PUBLIC_PREFIX, key].concat()).into_string())
}

fn object(text: &str) -> Result<Object> {
    serde_json::from_str(text).or_fail(ErrorKind::InvalidInput, "reading a document")
}

/// Returns what of a document is signed.
fn signable(document: &Object) -> Object {
    document.without(&["proof", "signature"])
}

fn rfc_8785(object: &Object) -> Option<String> {
    serde_json_canonicalizer::to_string(object).ok()
}

fn signed_bytes(options: &str, signable: &str) -> Vec<u8> {
    [options, signable].map(|text| *Digest::of(text.as_bytes()).bytes()).concat()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The vector of FEP-8b32 (fep-8b32.feature, in the public domain).
    const FEP_KEY: &str = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq";
    const FEP_PUBLIC: &str = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
    const FEP_PROOF: &str = "zLaewdp4H9kqtwyrLatK4cjY5oRHwVcw4gibPSUDYDMhi4M49v8pcYk3ZB6D69dNpAPbUmY8ocuJ3m9KhKJEEg7z";
    const FEP_DOCUMENT: &str = r#"{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/data-integrity/v1"],
        "id":"https://server.example/activities/1","type":"Create","actor":"https://server.example/users/alice",
        "object":{"id":"https://server.example/objects/1","type":"Note","attributedTo":"https://server.example/users/alice",
        "content":"Hello world","location":{"type":"Place","longitude":-71.184902,"latitude":25.273962}}}"#;

    /// The vector of the W3C recommendation "Data Integrity `EdDSA` Cryptosuites v1.0", representation eddsa-jcs-2022.
    const W3C_DOCUMENT: &str = r#"{"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],
        "id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential","AlumniCredential"],
        "name":"Alumni Credential","description":"A minimum viable example of an Alumni Credential.",
        "issuer":"https://vc.example/issuers/5678","validFrom":"2023-01-01T00:00:00Z",
        "credentialSubject":{"id":"did:example:abcdefgh","alumniOf":"The School of Examples"},
        "proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","created":"2023-02-24T23:36:38Z",
        "verificationMethod":"https://vc.example/issuers/5678#z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
        "proofPurpose":"assertionMethod",
        "proofValue":"z3P6rHMUaWG6e3Ac6xYFht8aEvoVXndgKTtEY8kzWYXzk8dKmAo2GJeZiJw4qoZ2PGp4ugdaHx3oQiLpeFBLDqP2M"}}"#;

    #[test]
    fn the_published_vectors_hold() {
        let key = ProofKey::parse(FEP_KEY).unwrap();
        assert_eq!(key.public_multibase(), FEP_PUBLIC);
        let signed =
            key.sign(FEP_DOCUMENT, "https://server.example/users/alice#ed25519-key", "2023-02-24T23:36:38Z", true).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&signed).unwrap()["proof"]["proofValue"], FEP_PROOF);
        verify(&signed, FEP_PUBLIC).unwrap();
        verify(W3C_DOCUMENT, FEP_PUBLIC).unwrap();
    }

    #[test]
    fn hub_keys_become_multibase() {
        let public = "FGdbYgr526Swuyya3e8epCBdHahlWNg9I0sBhMKCzpw";
        assert_eq!(to_multibase(public).unwrap(), "z6MkfpucGTDbMZADwM6vEa8pS3s8Z9xqSEn6HihijZ4fVs9d");
        let pair = "StLRo8xb7VJ5XdR10OUYQM/uooP7D7fMlgvQFa1wrZIUZ1tiCvnbpLC7LJrd7x6kIF0dqGVY2D0jSwGEwoLOnA";
        assert_eq!(ProofKey::parse(pair).unwrap().public_multibase(), to_multibase(public).unwrap());
    }

    #[test]
    fn a_changed_document_option_or_key_does_not_verify() {
        for (from, to) in
            [("Alumni Credential\"", "Alumni credential\""), ("assertionMethod", "authentication"), ("z3P6rHM", "z3P6rHN")]
        {
            let changed = W3C_DOCUMENT.replacen(from, to, 1);
            assert_eq!(verify(&changed, FEP_PUBLIC).unwrap_err().kind(), ErrorKind::Signature, "{from}");
        }
        let other = "z6MkfpucGTDbMZADwM6vEa8pS3s8Z9xqSEn6HihijZ4fVs9d";
        assert_eq!(verify(W3C_DOCUMENT, other).unwrap_err().kind(), ErrorKind::Signature);
        let suite = W3C_DOCUMENT.replacen("eddsa-jcs-2022", "eddsa-rdfc-2022", 1);
        assert_eq!(verify(&suite, FEP_PUBLIC).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(verify("{}", FEP_PUBLIC).unwrap_err().kind(), ErrorKind::Signature);
        assert_eq!(verify("[]", FEP_PUBLIC).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_proof_over_either_form_holds_and_ours_is_over_that_of_hubs() {
        let key = ProofKey::parse(FEP_KEY).unwrap();
        let document = r#"{"content":"a\u2028b","latitude":100.0}"#;
        let of_hubs = key.sign(document, "m", "c", false).unwrap();
        verify(&of_hubs, FEP_PUBLIC).unwrap();
        let object = object(&of_hubs).unwrap();
        let Some(Json::Object(proof)) = object.get("proof").cloned() else { panic!() };
        let signed = signed_bytes(&rfc_8785(&proof.without(&["proofValue"])).unwrap(), &rfc_8785(&signable(&object)).unwrap());
        let of_the_world = format!("z{}", bs58::encode(key.0.sign(&signed).to_bytes()).into_string());
        assert_ne!(proof.text("proofValue"), of_the_world);
        verify(&of_hubs.replace(proof.text("proofValue"), &of_the_world), FEP_PUBLIC).unwrap();
        let odd = r#"{"a":1234567.123456746}"#;
        assert_eq!(key.sign(odd, "m", "c", false).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn canonical_json_is_that_of_rfc_8785() {
        // Section 3.2.2 to 3.2.4: numbers as ECMAScript writes them, keys by UTF-16 code units, minimal escapes.
        let input = r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
            "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
        let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
            \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        let value: Value = serde_json::from_str(input).unwrap();
        assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), expected);
        let keys: Value =
            serde_json::from_str(r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#).unwrap();
        let sorted = serde_json_canonicalizer::to_string(&keys).unwrap();
        assert_eq!(sorted, "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}");
    }

    #[test]
    fn keys_do_not_show() {
        assert_eq!(format!("{:?}", ProofKey::parse(FEP_KEY).unwrap()), "ProofKey(…)");
        let error = ProofKey::parse("c2VjcmV0").unwrap_err().to_string();
        assert!(!error.contains("c2VjcmV0"), "{error}");
    }
}

//! The channel's key and the signatures of requests.
//!
//! Invariant: a signed header always covers the request target and the host, so it proves nothing anywhere else.
//! Keys and signatures have no readable `Debug`.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use crate::error::{Error, ErrorKind, OrFail, Result};

/// A channel's RSA key, parsed once.
pub struct ChannelKey(RsaKeyPair);

impl ChannelKey {
    /// Parses a PEM key in PKCS#8 or PKCS#1 form, RSA of 2048 to 8192 bits.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for anything else. The message never quotes the text.
    pub fn from_pem(text: &str) -> Result<Self> {
        let rejected = |fault: &str| {
            Error::new(ErrorKind::InvalidInput, "reading the channel's private key")
                .context("fault", fault)
                .context("expected", "an RSA private key of 2048 to 8192 bits, PEM")
        };
        let pair = if let Ok(der) = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()) {
            RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
        } else if let Ok(der) = PrivatePkcs1KeyDer::from_pem_slice(text.as_bytes()) {
            RsaKeyPair::from_der(der.secret_pkcs1_der())
        } else {
            return Err(rejected("not a PEM private key"));
        };
        pair.map(Self).map_err(|_| rejected("not a usable RSA key"))
    }

    fn sign(&self, padding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(padding, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "signing with the channel's key"))?;
        Ok(signature)
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256; base64url without padding.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the key cannot sign.
    pub fn sign_sha256_base64url(&self, message: &str) -> Result<Secret> {
        Ok(Secret(URL_SAFE_NO_PAD.encode(self.sign(&RSA_PKCS1_SHA256, message.as_bytes())?)))
    }
}

impl ChannelKey {
    /// Signs a text of filesync, in a way that differs from everything else the key signs: over SHA-512, while posts use
    /// SHA-256, and after a byte that occurs in no text. `sha512.` and base64url without padding.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the key cannot sign.
    pub fn sign_apart(&self, text: &str) -> Result<Secret> {
        let message = [&[NO_TEXT], text.as_bytes()].concat();
        Ok(Secret(format!("sha512.{}", URL_SAFE_NO_PAD.encode(self.sign(&RSA_PKCS1_SHA512, &message)?))))
    }

    /// Signs an item's body as hubs store it: `sha256.` and base64url without padding.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the key cannot sign.
    pub fn sign_item(&self, body: &str) -> Result<String> {
        Ok(format!("{ITEM_PREFIX}{}", self.sign_sha256_base64url(body)?.reveal()))
    }

    /// Signs many bodies, on as many threads as the machine has cores; none of them outlives the call.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the key cannot sign.
    pub fn sign_items(&self, bodies: &[&str]) -> Result<Vec<String>> {
        let threads =
            std::thread::available_parallelism().map_or(1, usize::from).min(bodies.len().div_ceil(MIN_BODIES_A_THREAD)).max(1);
        let sign_part = |part: &[&str]| part.iter().map(|body| self.sign_item(body)).collect::<Result<Vec<String>>>();
        if threads == 1 {
            return sign_part(bodies);
        }
        let parts: Vec<&[&str]> = bodies.chunks(bodies.len().div_ceil(threads)).collect();
        let signed: Vec<Result<Vec<String>>> = std::thread::scope(|scope| {
            let running: Vec<_> = parts.iter().map(|part| scope.spawn(|| sign_part(part))).collect();
            let gone = || Err(Error::new(ErrorKind::InvalidInput, "signing items").context("fault", "a thread ended early"));
            running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| gone())).collect()
        });
        Ok(signed.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }
}

/// This byte is invalid in UTF-8.
const NO_TEXT: u8 = 0xFF;

const ITEM_PREFIX: &str = "sha256.";

/// Below this a thread costs more than it saves.
const MIN_BODIES_A_THREAD: usize = 4;

/// A channel's public RSA key.
#[derive(Clone)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Parses a PEM key, `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for anything else.
    pub fn from_pem(text: &str) -> Result<Self> {
        if let Ok(der) = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()) {
            return Ok(Self(der.as_ref().to_vec()));
        }
        let body: String = text.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
        let der = text.contains("-----BEGIN RSA PUBLIC KEY-----").then(|| STANDARD.decode(body).ok()).flatten();
        der.map(Self).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "reading a public key").context("expected", "an RSA public key, PEM")
        })
    }

    /// Tells whether `signature` is RSASSA-PKCS1-v1_5 with SHA-512 of `message`.
    pub(crate) fn verifies_sha512(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, &self.0).verify(message, signature).is_ok()
    }

    /// Tells whether an item's `sig` matches its body: prefixed, or in the older form without prefix.
    pub fn verifies_item(&self, body: &str, sig: &str) -> bool {
        let encoded = sig.strip_prefix(ITEM_PREFIX).unwrap_or(sig).trim_end_matches('=');
        let Ok(signature) = URL_SAFE_NO_PAD.decode(encoded) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0).verify(body.as_bytes(), &signature).is_ok()
    }
}

impl fmt::Debug for ChannelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelKey(…)")
    }
}

/// Secret text that may go only onto the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text, for putting it into a request.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Who asks a hub, and how that is proven.
#[derive(Debug)]
pub enum Access {
    /// The channel, from another of its hubs: it signs its requests.
    Channel(Identity),
    /// The channel's owner, who has logged in.
    Owner(Pass),
}

/// What each request of an owner carries: the cookie of a session, or a proof of its own.
#[derive(Clone, Debug)]
pub struct Pass {
    pub(crate) header: &'static str,
    pub(crate) value: Secret,
}

impl Pass {
    /// Of a session.
    pub(crate) fn cookie(value: Secret) -> Self {
        Self { header: "cookie", value }
    }

    /// Of a request without a session.
    pub(crate) fn authorization(value: Secret) -> Self {
        Self { header: "authorization", value }
    }
}

/// The requester: a channel and this clone's own URL for it.
#[derive(Debug)]
pub struct Identity {
    /// The channel's portable hash.
    pub channel_hash: String,
    /// This clone's channel URL, which leads the origin hub to the key.
    pub key_id: String,
    /// The channel's key.
    pub key: ChannelKey,
}

impl Identity {
    /// Checks the parts.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if one contains a character that could break out of a header.
    pub fn new(channel_hash: &str, key_id: &str, key: ChannelKey) -> Result<Self> {
        for (name, value) in [("channel_hash", channel_hash), ("key_id", key_id)] {
            let clean = !value.is_empty()
                && value.len() <= 512
                && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
            if !clean {
                return Err(Error::new(ErrorKind::InvalidInput, "checking who signs")
                    .context("option", name)
                    .context("expected", "1 to 512 printable ASCII characters without spaces and quotes"));
            }
        }
        Ok(Self { channel_hash: channel_hash.to_owned(), key_id: key_id.to_owned(), key })
    }

    /// Signs a request; returns the value of its `Authorization` header.
    ///
    /// `headers` are further headers to cover, names in lower case.
    pub(crate) fn authorization(&self, method: &str, target: &str, host: &str, headers: &[(&str, &str)]) -> Result<Secret> {
        let request_target = format!("{} {target}", method.to_ascii_lowercase());
        let covered: Vec<(&str, &str)> =
            [("(request-target)", request_target.as_str()), ("host", host)].into_iter().chain(headers.iter().copied()).collect();
        let names: Vec<&str> = covered.iter().map(|(name, _)| *name).collect();
        let lines: Vec<String> = covered.iter().map(|(name, value)| format!("{name}: {}", value.trim())).collect();
        let signature = self
            .key
            .sign(&RSA_PKCS1_SHA512, lines.join("\n").as_bytes())
            .or_fail(ErrorKind::InvalidInput, "signing a request")?;
        Ok(Secret(format!(
            "Signature keyId=\"{}\",algorithm=\"rsa-sha512\",headers=\"{}\",signature=\"{}\"",
            self.key_id,
            names.join(" "),
            STANDARD.encode(signature)
        )))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};

    pub(crate) fn fresh_key() -> (String, Vec<u8>) {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair).unwrap();
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        (pem, pair.public_key().as_ref().to_vec())
    }

    #[test]
    fn the_header_verifies_and_covers_target_and_host() {
        let (pem, public) = fresh_key();
        let identity = Identity::new("hash", "https://b.example/channel/alice", ChannelKey::from_pem(&pem).unwrap()).unwrap();
        let header =
            identity.authorization("POST", "/sub/getfile", "a.example:8443", &[("accept", "application/x-zot+json")]).unwrap();
        let (head, signature) = header.reveal().split_once("signature=\"").unwrap();
        assert_eq!(
            head,
            "Signature keyId=\"https://b.example/channel/alice\",algorithm=\"rsa-sha512\",headers=\"(request-target) host accept\","
        );
        let signed = "(request-target): post /sub/getfile\nhost: a.example:8443\naccept: application/x-zot+json";
        let signature = STANDARD.decode(signature.trim_end_matches('"')).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, public).verify(signed.as_bytes(), &signature).unwrap();
    }

    pub(crate) fn public_pem(pkcs1: &[u8]) -> String {
        format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", STANDARD.encode(pkcs1))
    }

    #[test]
    fn items_verify_in_both_forms_and_only_with_their_body() {
        let (pem, public) = fresh_key();
        let (key, public) = (ChannelKey::from_pem(&pem).unwrap(), PublicKey::from_pem(&public_pem(&public)).unwrap());
        let sig = key.sign_item("body ü").unwrap();
        let legacy = sig.strip_prefix("sha256.").unwrap();
        assert!(public.verifies_item("body ü", &sig) && public.verifies_item("body ü", legacy));
        for (body, sig) in [("body", sig.as_str()), ("body ü", ""), ("body ü", "sha512."), ("body ü", &sig[..sig.len() - 4])] {
            assert!(!public.verifies_item(body, sig), "{body} {sig}");
        }
    }

    #[test]
    fn a_text_of_our_own_is_signed_as_no_post_and_no_header_is() {
        let (pem, public) = fresh_key();
        let key = ChannelKey::from_pem(&pem).unwrap();
        let header = key.sign_apart("filesync 2 ticket").unwrap();
        let signature = URL_SAFE_NO_PAD.decode(header.reveal().strip_prefix("sha512.").unwrap()).unwrap();
        let verifies =
            |message: &[u8]| UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, &public).verify(message, &signature).is_ok();
        assert!(verifies(b"\xFFfilesync 2 ticket") && !verifies(b"filesync 2 ticket"));
        let public = PublicKey::from_pem(&public_pem(&public)).unwrap();
        assert!(!public.verifies_item("filesync 2 ticket", &header.reveal().replace("sha512.", "sha256.")));
    }

    #[test]
    fn many_items_are_signed_in_order_whatever_the_number_of_threads() {
        let (pem, _) = fresh_key();
        let key = ChannelKey::from_pem(&pem).unwrap();
        for count in [0, 1, 5, 33] {
            let bodies: Vec<String> = (0..count).map(|number| format!("body {number}")).collect();
            let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
            let one_by_one: Vec<String> = bodies.iter().map(|body| key.sign_item(body).unwrap()).collect();
            assert_eq!(key.sign_items(&bodies).unwrap(), one_by_one);
        }
    }

    #[test]
    fn keys_and_signatures_do_not_show_in_debug_or_errors() {
        let (pem, _) = fresh_key();
        let key = ChannelKey::from_pem(&pem).unwrap();
        assert_eq!(format!("{key:?} {:?}", key.sign_sha256_base64url("x").unwrap()), "ChannelKey(…) Secret(…)");
        let broken = pem.replace('A', "!");
        let error = ChannelKey::from_pem(&broken).unwrap_err().to_string();
        assert!(!error.contains(broken.lines().nth(1).unwrap()), "{error}");
    }

    #[test]
    fn a_key_id_that_could_break_out_of_the_header_is_refused() {
        let (pem, _) = fresh_key();
        for bad in ["", "a\"b", "a b", "a\nb", "ä"] {
            let key = ChannelKey::from_pem(&pem).unwrap();
            assert_eq!(Identity::new("hash", bad, key).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}

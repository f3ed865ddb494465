//! `FileSync\Signer` and `FileSync\ProofSigner`.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::flags::ClassFlags;
use ext_php_rs::prelude::*;
use ext_php_rs::types::ZendHashTable;
use filesync_engine::proof::{self, ProofKey};
use filesync_engine::{ChannelKey, PublicKey};

use crate::convert;
use crate::exceptions::OrThrow;

/// Signs the bodies of items with a channel's RSA key.
#[php_class]
#[php(name = "FileSync\\Signer", flags = ClassFlags::Final)]
pub struct Signer {
    key: ChannelKey,
}

#[php_impl]
impl Signer {
    /// Parses the key once.
    pub fn __construct(private_key: &str) -> PhpResult<Self> {
        Ok(Self { key: ChannelKey::from_pem(private_key).or_throw()? })
    }

    /// Signs one body.
    pub fn sign(&self, body: &str) -> PhpResult<String> {
        self.key.sign_item(body).or_throw()
    }

    /// Signs many bodies, on all cores.
    pub fn sign_all(&self, bodies: &ZendHashTable) -> PhpResult<ZBox<ZendHashTable>> {
        let bodies = convert::texts("bodies", bodies).or_throw()?;
        Ok(convert::list(self.key.sign_items(&bodies).or_throw()?))
    }

    /// Tells whether a signature matches a body.
    pub fn verify(body: &str, sig: &str, public_key: &str) -> PhpResult<bool> {
        Ok(PublicKey::from_pem(public_key).or_throw()?.verifies_item(body, sig))
    }
}

/// Signs whole documents with a channel's Ed25519 key.
#[php_class]
#[php(name = "FileSync\\ProofSigner", flags = ClassFlags::Final)]
pub struct ProofSigner {
    key: ProofKey,
}

#[php_impl]
impl ProofSigner {
    /// Reads the key.
    pub fn __construct(private_key: &str) -> PhpResult<Self> {
        Ok(Self { key: ProofKey::parse(private_key).or_throw()? })
    }

    /// Returns a document with its proof.
    #[php(defaults(with_context = false))]
    pub fn sign(&self, document: &str, method: &str, created: &str, with_context: bool) -> PhpResult<String> {
        self.key.sign(document, method, created, with_context).or_throw()
    }

    /// Returns the public half as multibase text.
    pub fn public_key(&self) -> String {
        self.key.public_multibase()
    }

    /// Checks the proof of a document.
    pub fn verify(document: &str, public_key: &str) -> PhpResult<()> {
        proof::verify(document, public_key).or_throw()
    }

    /// Returns a hub's public key as multibase text.
    pub fn multibase(public_key: &str) -> PhpResult<String> {
        proof::to_multibase(public_key).or_throw()
    }
}

//! The commit of a run: its signature, and the renames that put it in place.

use super::about::Signature;
use super::journal::{self, Journal, Phase, State, Step};
use super::lists::Prepared;
use super::new_lists::list;
use super::place;
use super::planner::PREPARING;
use super::signer::{self, OwnerKey, Signer};
use super::writer::Set;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::signature::PublicKey;

/// Who signs a run that is put in place.
#[derive(Clone, Copy)]
enum Signing<'s> {
    Nobody,
    /// The channel, whose signature this is.
    Channel(&'s [u8]),
    Owner(&'s dyn OwnerKey),
}

impl Set {
    /// Puts the prepared run in place, signed by the channel or by nobody.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if nothing is prepared, `Signature` if the signature is not the channel's, `Storage` if the disk fails; then
    /// [`Set::complete`] goes on.
    pub fn commit(&mut self, signature: Option<&[u8]>) -> Result<()> {
        self.put_in_place(signature.map_or(Signing::Nobody, Signing::Channel))
    }

    /// Puts the prepared run in place, signed by a key of the owner's own if there is one.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if nothing is prepared, `Signature` if the key does not sign as it says, `Storage` if the disk fails; then
    /// [`Set::complete`] goes on.
    pub fn commit_as_owner(&mut self, key: Option<&dyn OwnerKey>) -> Result<()> {
        self.put_in_place(key.map_or(Signing::Nobody, Signing::Owner))
    }

    fn put_in_place(&mut self, signing: Signing<'_>) -> Result<()> {
        const COMMITTING: &str = "putting a run in place";
        self.check_lock(COMMITTING)?;
        let Some(mut prepared) = self.prepared.take() else {
            return Err(Error::new(ErrorKind::InvalidInput, COMMITTING).context("fault", "no run is prepared"));
        };
        let outcome = self.begin_commit(&mut prepared, signing);
        if let Err(error) = outcome {
            if Journal::read(&self.tree).is_ok_and(|journal| journal.is_none_or(|journal| !journal.state.is_cut_off())) {
                self.prepared = Some(prepared);
            }
            return Err(error);
        }
        journal::complete(&self.tree).map(|_| ())
    }

    fn begin_commit(&self, prepared: &mut Prepared, signing: Signing<'_>) -> Result<()> {
        let tree = &self.tree;
        let step = |phase, from: String, to: &str| Step { phase, from, to: to.to_owned(), was: None };
        let proof = self.sign(prepared, signing)?;
        let mut steps = Vec::new();
        for (name, gone) in
            [(place::SIGNATURE, ".partial/gone/signature"), (place::OWNER_SIGNATURE, ".partial/gone/owner-signature")]
        {
            match &proof {
                Some((own, bytes)) if *own == name => {
                    tree.put(&list(name), bytes)?;
                    steps.push(step(Phase::Lists, list(name), name));
                }
                _ => steps.push(step(Phase::Out, name.to_owned(), gone)),
            }
        }
        prepared.lists.sort();
        steps.extend(prepared.lists.iter().map(|path| step(Phase::Lists, list(path), path)));
        steps.push(step(Phase::Lists, list(place::TAG_MANIFEST), place::TAG_MANIFEST));
        let plan = tree.append(place::PLAN)?;
        plan.set_len(prepared.plan_bytes).or_fail(ErrorKind::Storage, PREPARING)?;
        for step in steps {
            tree.write(&plan, step.line()?.as_bytes())?;
        }
        prepared.journal.plan_sha256 = tree.digest(place::PLAN)?;
        prepared.journal.state = State::Out;
        tree.sync()?;
        prepared.journal.write(tree)
    }

    /// Writes the lists as they are signed; returns the name and the bytes of the signature.
    fn sign(&self, prepared: &mut Prepared, signing: Signing<'_>) -> Result<Option<(&'static str, Vec<u8>)>> {
        let wrong =
            || Error::new(ErrorKind::Signature, "checking the signature of a backup set").context("code", "signature_wrong");
        match signing {
            Signing::Nobody => {
                self.write_set(prepared, Signer::Nobody)?;
                Ok(None)
            }
            Signing::Channel(bytes) => {
                if prepared.about.signer != Signer::Channel {
                    self.write_set(prepared, Signer::Channel)?;
                }
                let signature = Signature::new(&prepared.about, prepared.tag_manifest, bytes);
                let key = PublicKey::from_pem(&prepared.about.channel_key)?;
                if !signature.verifies(&key, &prepared.tag_manifest) {
                    return Err(wrong().context("key_id", &prepared.about.channel_url));
                }
                Ok(Some((place::SIGNATURE, signature.compose()?)))
            }
            Signing::Owner(key) => {
                let text = self.write_set(prepared, Signer::Owner(key.public_key().to_owned()))?;
                let comment = format!("filesync set {}, run {}", prepared.about.id, prepared.about.run);
                let signature = key.sign(text.as_bytes(), &comment)?;
                if !signer::verifies(key.public_key(), &signature, &mut text.as_bytes())? {
                    return Err(wrong().context("public_key", key.public_key()));
                }
                Ok(Some((place::OWNER_SIGNATURE, signature.into_bytes())))
            }
        }
    }
}

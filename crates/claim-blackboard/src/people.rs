//! Who is who: certificates of persons, verified once and remembered.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use claim_core::messages::Chain;
use claim_core::{Digest, Timestamp};
use claim_pki::{PathError, Root, VerifiedIssuer, VerifiedPerson};

use crate::generations::Generations;

/// How many persons' certificates are remembered, twice over: about ten megabytes.
const MAX_PERSONS: usize = 8192;

/// How many issuing certificates are remembered; CUHK has one, and one more while it changes them.
const MAX_ISSUERS: usize = 4;

/// The root, and what was verified with it.
///
/// Only what leads to the root is remembered, so a stranger cannot push anything out. A certificate is remembered
/// by its digest; that it is valid *now* is checked each time.
pub(crate) struct People {
    root: Arc<Root>,
    issuers: Mutex<Generations<Digest, VerifiedIssuer>>,
    persons: Mutex<Generations<Digest, VerifiedPerson>>,
}

impl People {
    pub(crate) fn new(root: Arc<Root>) -> Self {
        Self {
            root,
            issuers: Mutex::new(Generations::new(MAX_ISSUERS)),
            persons: Mutex::new(Generations::new(MAX_PERSONS)),
        }
    }

    /// The root.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// Verifies a chain: from the leaf to the root, with the person profile.
    ///
    /// Costs nothing for a leaf that is known, and one signature verification where its issuer is.
    pub(crate) fn verify(
        &self,
        chain: &Chain,
        now: Timestamp,
    ) -> Result<Arc<VerifiedPerson>, PathError> {
        let leaf = Digest::of(chain.leaf());
        if let Some(person) = look_up(&self.persons, &leaf).filter(|person| person.valid_at(now)) {
            return Ok(person);
        }
        let person = Arc::new(self.verify_anew(&chain.certificates(), now)?);
        remember(&self.persons, leaf, Arc::clone(&person));
        Ok(person)
    }

    /// Verifies the certificate of somebody who signed a claim, and that of its issuer, both in DER.
    ///
    /// Unlike [`Self::verify`] it never goes by the leaf alone: both stand in the receipt, whose readers know nobody.
    pub(crate) fn verify_signer(
        &self,
        [leaf, issuer]: &[&[u8]; 2],
        now: Timestamp,
    ) -> Result<VerifiedPerson, PathError> {
        let digest = Digest::of(issuer);
        let issuer = match look_up(&self.issuers, &digest) {
            Some(known) => known,
            None => {
                let verified = Arc::new(self.root.verify_issuer(issuer, now)?);
                remember(&self.issuers, digest, Arc::clone(&verified));
                verified
            }
        };
        let known = look_up(&self.persons, &Digest::of(leaf));
        let known = known.filter(|person| {
            let same = issuer.certificate().subject_key_id() == Some(*person.issuer_key_id());
            same && person.valid_at(now)
        });
        known.map_or_else(|| issuer.verify_person(leaf, now), |person| Ok((*person).clone()))
    }

    /// The digest of the chain's leaf, where that was verified before.
    pub(crate) fn remembers(&self, chain: &Chain) -> Option<Digest> {
        let leaf = Digest::of(chain.leaf());
        look_up(&self.persons, &leaf).map(|_| leaf)
    }

    fn verify_anew(
        &self,
        certificates: &[&[u8]],
        now: Timestamp,
    ) -> Result<VerifiedPerson, PathError> {
        // The form that the protocol asks for; whatever else leads to the root is taken too.
        let [leaf, issuer] = certificates else {
            return self.root.verify_person(certificates, now);
        };
        let digest = Digest::of(issuer);
        if let Some(issuer) = look_up(&self.issuers, &digest) {
            return issuer.verify_person(leaf, now);
        }
        let person = self.root.verify_person(certificates, now)?;
        let issuer = self.root.verify_issuer(issuer, now)?;
        remember(&self.issuers, digest, Arc::new(issuer));
        Ok(person)
    }
}

fn look_up<K: Eq + Hash, V>(cache: &Mutex<Generations<K, V>>, key: &K) -> Option<Arc<V>> {
    cache.lock().unwrap_or_else(PoisonError::into_inner).get(key)
}

fn remember<K: Eq + Hash, V>(cache: &Mutex<Generations<K, V>>, key: K, value: Arc<V>) {
    cache.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
}

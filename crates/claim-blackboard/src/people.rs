//! Who is who: certificates of persons, verified once and remembered.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use claim_core::messages::Chain;
use claim_core::{Digest, Timestamp};
use claim_pki::{PathError, Root, VerifiedIssuer, VerifiedPerson};

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

/// A bounded map that forgets what was not used for longest, roughly: when the young half is full,
/// it becomes the old one, and what was old is forgotten unless it was used in the meantime.
struct Generations<K, V> {
    limit: usize,
    young: HashMap<K, Arc<V>>,
    old: HashMap<K, Arc<V>>,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    fn new(limit: usize) -> Self {
        Self { limit, young: HashMap::new(), old: HashMap::new() }
    }

    fn get(&mut self, key: &K) -> Option<Arc<V>> {
        if let Some(value) = self.young.get(key) {
            return Some(Arc::clone(value));
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, Arc::clone(&value));
        Some(value)
    }

    fn insert(&mut self, key: K, value: Arc<V>) {
        if self.young.len() >= self.limit {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let mut cache = Generations::new(4);
        for number in 0..1000 {
            cache.insert(number, Arc::new(number));
            assert_eq!(cache.get(&0).as_deref(), Some(&0), "after {number}");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert_eq!(cache.get(&500), None);
        assert_eq!(cache.get(&999).as_deref(), Some(&999));
    }
}

//! Persons who sign claims.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_pki::{Certificate, PersonId, Profile, Signer, SigningKey, Subject, Validity};

use crate::authority::{Authority, key, serial, start};

pub(crate) const CONTENT: &[u8] = b"{\"claim\":\"v1\"}";

/// A person who can sign.
pub(crate) struct Person {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Certificate,
}

impl Person {
    pub(crate) fn new(authority: &Authority, id: &str) -> Self {
        let key = key();
        let id: PersonId = id.parse().unwrap();
        let last: u8 = id.as_str()[7..].parse().unwrap();
        let subject = Subject::Person { id, name: None };
        let issuer = &authority.issuing;
        let validity = Validity::starting(start(), Profile::Person.life());
        let prepared = issuer.prepare(&subject, key.public_key(), &serial(last), validity).unwrap();
        Self { key, certificate: issuer.issue(prepared).unwrap() }
    }

    pub(crate) fn signer<'a>(&'a self, authority: &'a Authority) -> Signer<'a> {
        Signer::new(&self.key, &self.certificate, authority.issuing.certificate()).unwrap()
    }
}

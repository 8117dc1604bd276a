//! Entries: as they are to be appended, and as they are on record.

use claim_log::{Hash, leaf_hash};
use claim_pki::Timestamp;
use serde_json::{Map, Value};

use super::leaf::{LeafData, personal};
use super::{AuditLog, By, DeedName};

/// What is to be said of a deed. Number, time and salt come when it is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(super) deed: DeedName,
    pub(super) by: Option<By>,
    pub(super) serial: String,
    pub(super) digest: Vec<u8>,
    pub(super) subject: String,
    pub(super) details: Map<String, Value>,
    /// Whom it concerns, where the log has that.
    pub(crate) concerns: Vec<Concern>,
}

/// Somebody whom an entry concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Concern {
    /// In which course; empty: in every one.
    pub(crate) course: String,
    /// Who; empty: everybody.
    pub(crate) person: String,
}

impl Entry {
    /// This deed, done by whoever the store acts for.
    pub fn new(deed: impl Into<DeedName>) -> Self {
        let deed = deed.into();
        let (serial, subject) = (String::new(), String::new());
        let (digest, details, concerns) = (Vec::new(), Map::new(), Vec::new());
        Self { deed, by: None, serial, digest, subject, details, concerns }
    }

    /// It was done by somebody else.
    #[must_use]
    pub fn by(self, by: By) -> Self {
        Self { by: Some(by), ..self }
    }

    /// Whom it is about: a person's id, a server's origin, a witness's name.
    #[must_use]
    pub fn about(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    /// The serial number of the certificate that it is about, lower-case hexadecimal.
    #[must_use]
    pub fn serial(self, serial: impl Into<String>) -> Self {
        Self { serial: serial.into(), ..self }
    }

    /// SHA-256 of what it is about: of a certificate or list in DER.
    #[must_use]
    pub fn digest(self, digest: [u8; 32]) -> Self {
        Self { digest: digest.to_vec(), ..self }
    }

    /// Something more. Never a secret and never a code.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same, if there is something.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// An entry on record, or in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, from 1 on, without gaps.
    pub number: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// The name of the deed, perhaps of one that only a newer program knows.
    pub deed: String,
    /// The name of how the server knew who did it.
    pub authentication: String,
    /// By what, or empty.
    pub credential: String,
    /// The serial number of the certificate that it is about, or empty.
    pub serial: String,
    /// SHA-256 of what it is about, or empty.
    pub digest: Vec<u8>,
    /// What keeps `personal` from being guessed; empty where the personal part was erased.
    pub salt: Vec<u8>,
    /// Who did it, or empty.
    pub actor: String,
    /// Whom it is about, or empty.
    pub subject: String,
    /// The rest: a JSON object, or empty.
    pub details: String,
    /// The salted hash of actor, subject and details.
    pub personal: [u8; 32],
    /// The leaf that it was given.
    pub leaf: Hash,
    /// The root of the tree that ends with it.
    pub root: Hash,
}

impl AuditEntry {
    /// The leaf that belongs to what is here in this log; `None` when the personal part is not the one that was hashed.
    pub fn expected_leaf(&self, log: &AuditLog) -> Option<Hash> {
        let found = personal(&self.salt, &self.actor, &self.subject, &self.details);
        (self.is_erased() || found == self.personal)
            .then(|| leaf_hash(&LeafData::of(self).to_bytes(log.context)))
    }

    /// Whether who, whom and what were erased, all of it: only their hash is left.
    pub fn is_erased(&self) -> bool {
        self.salt.is_empty()
            && [&self.actor, &self.subject, &self.details].into_iter().all(String::is_empty)
    }

    /// The same without who, whom and what. It verifies as before.
    #[must_use]
    pub fn erased(self) -> Self {
        let (actor, subject, details) = (String::new(), String::new(), String::new());
        Self { salt: Vec::new(), actor, subject, details, ..self }
    }
}

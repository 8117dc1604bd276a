//! Renewing a certificate with itself: when somebody says so, and by itself when two thirds of its life are gone.

use std::sync::Arc;
use std::time::Duration;

use claim_core::{Digest, PersonId, Timestamp};
use claim_http::{TlsIdentity, fetch_ca_certificates, https_client, simple_reenroll_on};
use claim_pki::{SerialNumber, SigningKey};
use tokio::time::timeout;

use crate::config::{Config, Timeouts};
use crate::enrol::{EnrolError, Enrolled};
use crate::error::Explained as _;
use crate::event::Event;
use crate::student::Student;
use crate::wallet::{Held, WalletError};

/// How long a renewal that nobody asked for may take in all: somebody waits for the end of their command.
const BY_ITSELF_WITHIN: Duration = Duration::from_secs(15);

/// The key of the certificate to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalKey {
    /// The one there is.
    Same,
    /// Another one, in place of it.
    New,
}

/// A certificate took the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The new one.
    pub enrolled: Enrolled,
    /// Whether its key is another one, too.
    pub has_new_key: bool,
    /// Serial number of the one before.
    pub before: SerialNumber,
    /// Until when that stays valid.
    pub before_not_after: Timestamp,
}

impl Held {
    /// Two thirds of the certificate's life are gone.
    fn is_due(&self, now: Timestamp) -> bool {
        let life = self.person.not_after().millis_since(self.person.not_before());
        now.millis_since(self.person.not_before()) >= life / 3 * 2
    }
}

impl Student {
    /// Renews the certificate with the current one, by TLS client authentication.
    ///
    /// Whatever interrupts it, doing it again goes on with the same key, to which CUHK gives the same certificate again:
    /// a key that waits from an interrupted renewal is used before any other. Key and certificate give way together.
    ///
    /// # Errors
    /// [`EnrolError`]; what there was stays as it was then.
    pub async fn renew(&self, id: &PersonId, key: RenewalKey) -> Result<Renewed, EnrolError> {
        let _lock = self.lock(id).await?;
        self.wallet().settle(id)?;
        let root = self.root()?;
        let held = self.wallet().held(id, &root, self.now())?;
        let (before, before_not_after) = (held.person.serial().clone(), held.person.not_after());
        let cuhk = &self.config.cuhk;
        let identity = TlsIdentity::from_pki(&held.certificates, &held.credential.key)?;
        let trust = self.code_trust(&root, cuhk);
        let client = https_client(&trust, Some(&identity), self.config.timeouts.exchange)?;
        let authorities = self.patiently(cuhk, || fetch_ca_certificates(&client, cuhk)).await?;
        let next = self.next_key(id, key)?;
        let has_new_key = next.is_some();
        let key = next.as_ref().unwrap_or(&held.credential.key);
        let body = self.certification_request(id, key, cuhk)?;
        let device = self.config.device.as_ref();
        let leaf =
            self.patiently(cuhk, || simple_reenroll_on(&client, cuhk, device, &body)).await?;
        let enrolled = self.keep(id.clone(), key, has_new_key, leaf, &authorities, &root)?;
        Ok(Renewed { enrolled, has_new_key, before, before_not_after })
    }

    /// The key that waits, or one that is made to; `None` where the key stays.
    fn next_key(&self, id: &PersonId, key: RenewalKey) -> Result<Option<SigningKey>, WalletError> {
        let path = self.wallet().next_key_path(id);
        let fingerprint = |key: &SigningKey| Digest::from_bytes(*key.public_key().fingerprint());
        match (self.wallet().next_key(id)?, key) {
            (Some(key), _) => {
                self.tell(Event::KeyFound { fingerprint: fingerprint(&key), path });
                Ok(Some(key))
            }
            (None, RenewalKey::New) => {
                let key = self.wallet().make_next_key(id)?;
                self.tell(Event::KeyMade { fingerprint: fingerprint(&key), path });
                Ok(Some(key))
            }
            (None, RenewalKey::Same) => Ok(None),
        }
    }

    /// Renews the certificate if two thirds of its life are gone, and tells in one event what came of it.
    ///
    /// It is for the end of a command: it takes some seconds at most, and its failure is a warning.
    pub async fn renew_if_due(&self, id: &PersonId) {
        let Ok(root) = self.root() else { return };
        let now = self.now();
        // Whoever has no certificate that could be renewed is told of that elsewhere.
        let Ok(held) = self.wallet().held(id, &root, now) else { return };
        if !held.is_due(now) {
            return;
        }
        let not_after = held.person.not_after();
        match self.renew_by_itself(id).await {
            Ok(renewed) => self.tell(Event::RenewedByItself {
                id: id.clone(),
                serial: renewed.enrolled.serial,
                not_after: renewed.enrolled.not_after,
            }),
            Err(NotRenewed { why, advice }) => {
                self.tell(Event::NotRenewed { id: id.clone(), not_after, why, advice });
            }
        }
    }

    /// A certificate that has ended is renewed before it is used, if it still can be.
    pub(crate) async fn renew_if_expired(&self, id: &PersonId) {
        let Ok(root) = self.root() else { return };
        let now = self.now();
        if self.wallet().held(id, &root, now).is_ok_and(|held| held.is_expired(now)) {
            self.renew_if_due(id).await;
        }
    }

    async fn renew_by_itself(&self, id: &PersonId) -> Result<Renewed, NotRenewed> {
        let quiet = self.hurried();
        match timeout(BY_ITSELF_WITHIN, quiet.renew(id, RenewalKey::Same)).await {
            Ok(Ok(renewed)) => Ok(renewed),
            Ok(Err(error)) => Err(NotRenewed { why: error.to_string(), advice: error.advice() }),
            Err(_) => Err(NotRenewed {
                why: "CUHK did not answer in time".to_owned(),
                advice: "It is tried again with the next command.".to_owned(),
            }),
        }
    }

    /// The same program with one attempt at everything, and no words.
    pub(crate) fn hurried(&self) -> Self {
        let exchange = self.config.timeouts.exchange.min(BY_ITSELF_WITHIN);
        let timeouts = Timeouts {
            exchange,
            patience: Duration::ZERO,
            lock: Duration::ZERO,
            ..self.config.timeouts
        };
        // The device keeps the name that it has.
        let config = Config { timeouts, device: None, ..Config::clone(&self.config) };
        Self::new(config, Arc::new(|_| {}))
    }
}

/// Why a renewal that nobody asked for came to nothing.
struct NotRenewed {
    why: String,
    advice: String,
}

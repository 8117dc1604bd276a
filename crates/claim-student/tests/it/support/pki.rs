//! A certification authority.

use claim_core::messages::Chain;
use claim_core::{Origin, PersonId, Timestamp};
use claim_http::{Clock, TlsIdentity, system_rng};
use claim_pki::{
    AuthorityName, Certificate, Ed25519SigningKey, Issuer, PublicKey, RevocationList,
    RevocationReason, RevokedCertificate, Root, RootSpec, SerialNumber, SigningKey, Subject,
    SubjectKey, TimestampSigner, Validity,
};
use rand_core::Rng;

const DAY: i64 = 86_400;

/// The time now.
pub(crate) fn now() -> Timestamp {
    Clock::system().now()
}

/// A root with an issuing authority under it.
pub(crate) struct Authority {
    pub(crate) root: Root,
    pub(crate) issuing: Issuer,
    /// The root as what issues.
    issuer: Issuer,
}

impl Authority {
    /// One that wants invitations.
    pub(crate) fn real() -> Self {
        Self::named("CUHK Root")
    }

    /// One that enrols anyone.
    pub(crate) fn local_demo() -> Self {
        Self::named("CUHK (local demo)")
    }

    fn named(common_name: &str) -> Self {
        let validity = Validity::starting(now().plus_seconds(-400 * DAY), 20 * 365 * 86_400);
        let spec = RootSpec { name: AuthorityName::cuhk(common_name).unwrap(), domain: None };
        let key = SigningKey::generate().unwrap();
        let issuer = Issuer::self_signed_root(&spec, key, &serial(), validity).unwrap();
        let key = SigningKey::generate().unwrap();
        let subject = Subject::Issuing { name: AuthorityName::cuhk("CUHK Issuing").unwrap() };
        let certificate =
            issue(&issuer, &subject, key.public_key(), now().plus_seconds(-400 * DAY), 1000 * DAY);
        Self {
            root: Root::from_der(issuer.certificate().der()).unwrap(),
            issuing: Issuer::new(certificate, key).unwrap(),
            issuer,
        }
    }

    /// A person's certificate, valid from `from` for `life` seconds.
    pub(crate) fn person_at(
        &self,
        id: &PersonId,
        key: &PublicKey,
        from: Timestamp,
        life: i64,
    ) -> Certificate {
        let subject = Subject::Person { id: id.clone(), name: None };
        issue(&self.issuing, &subject, key, from, life)
    }

    /// A person's certificate, valid now.
    pub(crate) fn person(&self, id: &PersonId, key: &PublicKey) -> Certificate {
        self.person_at(id, key, now(), 180 * DAY)
    }

    /// A server's certificate and its issuer's.
    pub(crate) fn server(&self, origin: &Origin, key: &SigningKey) -> Vec<Certificate> {
        let subject = Subject::Server { origin: origin.clone() };
        let leaf =
            issue(&self.issuing, &subject, key.public_key(), now().plus_seconds(-DAY), 90 * DAY);
        vec![leaf, self.issuing.certificate().clone()]
    }

    /// What a server with this origin shows in TLS.
    pub(crate) fn tls(&self, origin: &Origin) -> TlsIdentity {
        let key = SigningKey::generate().unwrap();
        TlsIdentity::from_pki(&self.server(origin, &key), &key).unwrap()
    }

    /// What stamps for the server with this origin.
    pub(crate) fn timestamp_signer(&self, origin: &Origin) -> TimestampSigner {
        Self::timestamp_signer_of(&self.issuer, origin)
    }

    /// The same with a certificate of the issuing authority, which is none for this.
    pub(crate) fn timestamp_signer_of(issuer: &Issuer, origin: &Origin) -> TimestampSigner {
        let subject = Subject::Timestamp { origin: origin.clone() };
        let key = SigningKey::generate().unwrap();
        let from = now().plus_seconds(-DAY);
        let certificate = issue(issuer, &subject, key.public_key(), from, 300 * DAY);
        TimestampSigner::new(key, certificate).unwrap()
    }

    /// A key with a certificate for it by the root itself.
    pub(crate) fn service(&self, subject: &Subject) -> (Certificate, Ed25519SigningKey) {
        let key = Ed25519SigningKey::generate().unwrap();
        let from = now().plus_seconds(-DAY);
        let certificate = issue(&self.issuer, subject, key.public_key(), from, 300 * DAY);
        (certificate, key)
    }

    /// The list of what the issuing authority, or else the root, has revoked.
    pub(crate) fn list(
        &self,
        of_root: bool,
        number: u64,
        at: Timestamp,
        revoked: &[&SerialNumber],
    ) -> RevocationList {
        let issuer = if of_root { &self.issuer } else { &self.issuing };
        let revoked: Vec<_> = revoked
            .iter()
            .map(|&serial| RevokedCertificate {
                serial: serial.clone(),
                revoked_at: at,
                reason: RevocationReason::KeyCompromise,
            })
            .collect();
        issuer.revocation_list(number, at, at.plus_seconds(7 * DAY), &revoked).unwrap()
    }

    /// What cacerts gives.
    pub(crate) fn published(&self) -> Vec<Certificate> {
        vec![self.root.certificate().clone(), self.issuing.certificate().clone()]
    }
}

/// Certificates as they stand in messages.
pub(crate) fn chain(certificates: &[Certificate]) -> Chain {
    Chain::new(certificates.iter().map(|one| one.der().to_vec()).collect()).unwrap()
}

fn issue<'a>(
    issuer: &Issuer,
    subject: &Subject,
    key: impl Into<SubjectKey<'a>>,
    from: Timestamp,
    life: i64,
) -> Certificate {
    let validity = Validity::starting(from, life.try_into().unwrap());
    let issuance = issuer.prepare(subject, key, &serial(), validity).unwrap();
    issuer.issue(issuance).unwrap()
}

pub(crate) fn serial() -> SerialNumber {
    let mut random = [0; 16];
    system_rng().fill_bytes(&mut random);
    SerialNumber::from_random(random)
}

//! The students who come: each with a key, and a certificate as CUHK issues it.

use anyhow::Result;
use claim_core::messages::Chain;
use claim_core::student::Credential;
use claim_core::{PersonId, Sid};
use claim_pki::{Issuer, PublicKey, SerialNumber, SigningKey, Subject, Validity};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rand_core::Rng;

use super::now;

/// The SID of the first student; the others follow.
const FIRST: u32 = 1_155_000_000;

/// How long a certificate is valid, in seconds.
const LIFE: u32 = 24 * 3600;

/// One student.
pub(super) struct Student {
    pub(super) credential: Credential,
}

impl Student {
    /// So many students, each with a key of their own.
    pub(super) fn many(count: u32, issuer: &Issuer) -> Result<Vec<Self>> {
        (0..count).map(|number| Self::new(number, issuer)).collect()
    }

    /// Replaces the certificate by one that nobody has seen yet, for the same key.
    ///
    /// To Blackboard, which remembers certificates and not keys, this is somebody new.
    pub(super) fn renew(&mut self, issuer: &Issuer) -> Result<()> {
        let Credential { id, chain, key } = &mut self.credential;
        *chain = certify(id, key.public_key(), issuer)?;
        Ok(())
    }

    /// The student with this number; [`Self::many`] makes those from 0 on.
    pub(super) fn new(number: u32, issuer: &Issuer) -> Result<Self> {
        Self::named(PersonId::Student(format!("{:010}", FIRST + number).parse::<Sid>()?), issuer)
    }

    /// Whoever this is, also somebody of the staff.
    pub(super) fn named(id: PersonId, issuer: &Issuer) -> Result<Self> {
        let key = SigningKey::generate()?;
        let chain = certify(&id, key.public_key(), issuer)?;
        Ok(Self { credential: Credential { id, chain, key } })
    }
}

fn certify(id: &PersonId, key: &PublicKey, issuer: &Issuer) -> Result<Chain> {
    let mut random = [0; 16];
    system_rng().fill_bytes(&mut random);
    let subject = Subject::Person { id: id.clone(), name: None };
    let validity = Validity::starting(now().plus_seconds(-60), LIFE);
    let issuance = issuer.prepare(&subject, key, &SerialNumber::from_random(random), validity)?;
    let leaf = issuer.issue(issuance)?;
    Ok(Chain::new(vec![leaf.der().to_vec(), issuer.certificate().der().to_vec()])?)
}

/// The system's generator. Without one nothing here could be done safely, so its failure is a panic.
pub(super) fn system_rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

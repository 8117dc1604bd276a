//! Getting certificates: by a code, or by the certificate of now.

use anyhow::{Result, anyhow, bail};
use claim_core::invitation::{Invitation, Invitee};
use claim_core::{PersonId, ProblemType, Sid};
use claim_http::{EstError, TlsIdentity, simple_enroll, simple_reenroll};
use claim_pki::{Certificate, SigningKey, Subject, certification_request};

use crate::wire::Wire;
use crate::world::Scene;

/// Somebody who has a code and a key.
pub struct Enrol {
    invitation: Invitation,
    key: SigningKey,
    other: SigningKey,
}

/// Somebody whose certificate is renewed.
pub struct Renew {
    id: PersonId,
    key: SigningKey,
    chain: [Certificate; 2],
}

/// Invites somebody at CUHK's records, where nothing breaks.
///
/// # Errors
/// When that fails.
pub async fn invite(scene: &Scene, sid: Sid) -> Result<Invitation> {
    let invitee = Invitee::Person(PersonId::Student(sid));
    let invitation = scene.office.invite(invitee, None, None).await?;
    let hash = invitation.code.hash(&invitation.invitee);
    scene.record().invited.insert(hash);
    Ok(invitation)
}

/// Enrols once, and notes the certificate that came.
///
/// # Errors
/// When none comes.
pub async fn enrol(
    scene: &Scene,
    invitation: &Invitation,
    key: &SigningKey,
) -> Result<Certificate> {
    let certificate = try_enrol(scene, invitation, key).await?;
    let hash = invitation.code.hash(&invitation.invitee);
    let serial = certificate.serial().to_string();
    if let Some(before) = scene.record().codes.insert(hash, serial.clone())
        && before != serial
    {
        bail!("WRONG: one code led to the certificates {before} and {serial}");
    }
    given_out(scene, &certificate)?;
    Ok(certificate)
}

async fn try_enrol(
    scene: &Scene,
    invitation: &Invitation,
    key: &SigningKey,
) -> Result<Certificate, EstError> {
    let Invitee::Person(id) = &invitation.invitee else {
        return Err(EstError::NotOneCertificate { found: 0 });
    };
    let subject = Subject::Person { id: id.clone(), name: None };
    let request = certification_request(key, &subject).unwrap_or_default();
    let Wire { http, origin, .. } = &scene.cuhk;
    simple_enroll(http, origin, &invitation.invitee, &invitation.code, &request).await
}

fn given_out(scene: &Scene, certificate: &Certificate) -> Result<()> {
    let (serial, der) = (certificate.serial().to_string(), certificate.der().to_vec());
    match scene.record().certificates.insert(serial.clone(), der.clone()) {
        Some(before) if before != der => bail!("WRONG: serial number {serial} was used twice"),
        _ => Ok(()),
    }
}

impl Enrol {
    /// A new student with a code.
    ///
    /// # Errors
    /// When the code cannot be had.
    pub async fn new(scene: &Scene) -> Result<Self> {
        let invitation = invite(scene, scene.new_sid()?).await?;
        Ok(Self { invitation, key: SigningKey::generate()?, other: SigningKey::generate()? })
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let certificate = enrol(scene, &self.invitation, &self.key).await?;
        if *certificate.spki_der() != *self.key.public_key().spki_der() {
            bail!("WRONG: the certificate is for another key");
        }
        // The code is spent: it is good for no other key.
        match try_enrol(scene, &self.invitation, &self.other).await {
            Ok(_) => bail!(
                "WRONG: the code of {} enrolled a second key",
                self.invitation.invitee.user_id()
            ),
            Err(EstError::Refused(problem))
                if problem.problem_type == Some(ProblemType::CodeUsed) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Renew {
    /// A new student with a certificate, which nobody has renewed yet.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn new(scene: &Scene) -> Result<Self> {
        let invitation = invite(scene, scene.new_sid()?).await?;
        let key = SigningKey::generate()?;
        let chain = [enrol(scene, &invitation, &key).await?, scene.issuing()?];
        let Invitee::Person(id) = invitation.invitee else { bail!("a server does not renew") };
        Ok(Self { id, key, chain })
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let identity = TlsIdentity::from_pki(&self.chain, &self.key)?;
        let wire = Wire::new(&scene.root, &scene.cuhk.origin, Some(&identity))?;
        let subject = Subject::Person { id: self.id.clone(), name: None };
        let request =
            certification_request(&self.key, &subject).map_err(|error| anyhow!("{error}"))?;
        let renew = || simple_reenroll(&wire.http, &wire.origin, &request);
        let certificate = renew().await?;
        // A lost answer is no lost certificate, and no second one.
        let again = renew().await?;
        if again != certificate {
            let (one, other) = (certificate.serial(), again.serial());
            bail!("WRONG: one certificate was renewed by {one} and by {other}");
        }
        given_out(scene, &certificate)
    }
}

//! Who asks for a renewal: the holder of a certificate of this CUHK, up to a grace after its end.

use claim_core::invitation::Invitee;
use claim_core::{PersonId, Problem, ProblemType, Timestamp};
use claim_pki::{Certificate, PathError, Profile, SerialNumber};
use claim_store::cuhk::audit::By;

use crate::authority::Authority;
use crate::enrolment::storage;
use crate::state::Cuhk;

/// Whoever has shown a certificate that may be renewed, if it is not revoked.
#[derive(Debug)]
pub(crate) struct Known {
    /// Whom it names.
    pub(crate) holder: Invitee,
    /// Its serial number.
    pub(crate) serial: SerialNumber,
}

impl Known {
    /// The person; a server has nothing to ask for here.
    ///
    /// # Errors
    /// [`ProblemType::CertificateProfile`].
    pub(crate) fn person(self) -> Result<PersonId, Problem> {
        match self.holder {
            Invitee::Person(id) => Ok(id),
            Invitee::Server(origin) => {
                let detail = format!("the certificate is that of the server {origin}");
                Err(Problem::new(ProblemType::CertificateProfile, detail))
            }
        }
    }

    /// Who it is, for the audit log.
    pub(crate) fn by(&self) -> By {
        By::certificate(self.holder.user_id(), self.serial.to_string())
    }
}

/// Whom the client's certificate names, person or server.
///
/// `chain` is what the client showed in the TLS handshake, leaf first, and proved to hold the key of. The issuing
/// certificate may be missing from it: CUHK has its own at hand.
pub(crate) fn holder<C: AsRef<[u8]>>(
    authority: &Authority,
    chain: &[C],
    now: Timestamp,
    grace: u32,
) -> Result<Known, Problem> {
    let mut chain: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
    if chain.is_empty() {
        let detail = "the client showed no certificate in the TLS handshake";
        return Err(Problem::new(ProblemType::ClientCertificateRequired, detail));
    }
    let issuer = chain.first().and_then(|leaf| Certificate::from_der(leaf).ok()?.issuer_key_id());
    let issuing = authority.issuing_certificates().find(|one| one.subject_key_id() == issuer);
    if let Some(issuing) = issuing.filter(|one| !chain.contains(&one.der())) {
        chain.push(issuing.der());
    }
    let root = authority.root();
    match root.verify_person_for_renewal(&chain, now, grace) {
        Ok(person) => {
            let holder = Invitee::Person(person.id().clone());
            Ok(Known { holder, serial: person.serial().clone() })
        }
        Err(PathError::WrongProfile { found: Some(Profile::Server), .. }) => {
            let server = root.verify_server_for_renewal(&chain, now, grace);
            let server = server.map_err(path_problem)?;
            let holder = Invitee::Server(server.origin().clone());
            Ok(Known { holder, serial: server.serial().clone() })
        }
        Err(error) => Err(path_problem(error)),
    }
}

/// Refuses whoever shows a certificate that was revoked, be it by its holder, or whose issuer was.
pub(crate) async fn not_revoked<C: AsRef<[u8]>>(cuhk: &Cuhk, chain: &[C]) -> Result<(), Problem> {
    let authority = cuhk.desk.authority();
    let mut certificates = Vec::new();
    for one in chain {
        certificates.push(Certificate::from_der(one.as_ref()).map_err(|_| {
            Problem::new(ProblemType::CertificateUnreadable, "the certificate is none")
        })?);
    }
    let Some((leaf, others)) = certificates.split_first() else { return Ok(()) };
    let revocation = cuhk.desk.store.revocation(&leaf.serial().to_string()).await;
    if let Some(revocation) = revocation.map_err(storage)? {
        return Err(revoked(&revocation.serial, revocation.revoked_at));
    }
    let lists = cuhk.lists();
    for issuer in others {
        let gone = lists.revoked_by_root(authority.root(), issuer.serial()).await;
        let gone = gone.map_err(|error| {
            tracing::error!(%error, "it cannot be told whether an issuer is revoked");
            Problem::new(ProblemType::InternalError, "the issuer could not be looked up")
        })?;
        if gone {
            let detail = format!("its issuer's certificate {} was revoked", issuer.serial());
            return Err(Problem::new(ProblemType::CertificateRevoked, detail));
        }
    }
    Ok(())
}

/// The refusal of a certificate that was revoked.
pub(crate) fn revoked(serial: &str, at: Timestamp) -> Problem {
    let detail = format!("certificate {serial} was revoked at {at}");
    Problem::new(ProblemType::CertificateRevoked, detail)
}

/// The problem that goes with each fault of a certificate.
fn path_problem(error: PathError) -> Problem {
    let problem_type = match error {
        PathError::Expired { .. } => ProblemType::CertificateExpired,
        PathError::NotYetValid { .. } => ProblemType::CertificateNotYetValid,
        PathError::WrongProfile { .. } | PathError::NotAsProfile { .. } | PathError::Key(_) => {
            ProblemType::CertificateProfile
        }
        PathError::NoCertificate
        | PathError::TooManyCertificates { .. }
        | PathError::TooLarge { .. }
        | PathError::Malformed => ProblemType::CertificateUnreadable,
        // Everything else is about who issued it.
        _ => ProblemType::CertificateUntrusted,
    };
    Problem::new(problem_type, error)
}

//! Who asks for a renewal: the holder of a certificate of this CUHK, up to a grace after its end.

use claim_core::invitation::Invitee;
use claim_core::{Problem, ProblemType, Timestamp};
use claim_pki::{PathError, Profile};

use crate::authority::Authority;

/// Whom the client's certificate names, person or server.
///
/// `chain` is what the client showed in the TLS handshake, leaf first, and proved to hold the key of. The issuing
/// certificate may be missing from it: CUHK has its own at hand.
pub(crate) fn holder<C: AsRef<[u8]>>(
    authority: &Authority,
    chain: &[C],
    now: Timestamp,
    grace: u32,
) -> Result<Invitee, Problem> {
    let mut chain: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
    if chain.is_empty() {
        let detail = "the client showed no certificate in the TLS handshake";
        return Err(Problem::new(ProblemType::ClientCertificateRequired, detail));
    }
    let issuing = authority.issuing_certificate().der();
    if !chain.contains(&issuing) {
        chain.push(issuing);
    }
    let root = authority.root();
    match root.verify_person_for_renewal(&chain, now, grace) {
        Ok(person) => Ok(Invitee::Person(person.id().clone())),
        Err(PathError::WrongProfile { found: Some(Profile::Server), .. }) => {
            let server = root.verify_server_for_renewal(&chain, now, grace);
            server.map(|server| Invitee::Server(server.origin().clone())).map_err(path_problem)
        }
        Err(error) => Err(path_problem(error)),
    }
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

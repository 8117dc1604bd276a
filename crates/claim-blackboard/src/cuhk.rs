//! What Blackboard asks of CUHK: the root, a certificate, a renewal (EST, RFC 7030).

use std::sync::Arc;
use std::time::Duration;

use claim_core::invitation::{Code, Invitation, Invitee, RootPin};
use claim_core::{Digest, Origin, Timestamp};
use claim_http::{
    ClientError, EstError, IdentityError, ReachError, ServerTrust, TlsIdentity,
    fetch_ca_certificates, https_client, simple_enroll, simple_reenroll,
};
use claim_pki::{Certificate, MakeRequestError, Root, SigningKey, Subject, certification_request};

use crate::credential::{Certified, NotOurs};

/// How long one exchange with CUHK may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why CUHK did not give what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CuhkError {
    /// No client could be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// CUHK did not answer, or refused.
    #[error(transparent)]
    Est(#[from] EstError),
    /// The key does not make a certification request.
    #[error("the certification request cannot be made: {0}")]
    Request(#[source] MakeRequestError),
    /// Blackboard's own certificate does not work as a TLS client's.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The root there is another than the invitation's.
    #[error("the root certificate there is not the one that the invitation names")]
    OtherRoot,
    /// CUHK's answer has not the certificate that issued what it issued.
    #[error("CUHK did not hand out the certificate of the issuer")]
    NoIssuer,
    /// What came is not a certificate for this server.
    #[error("CUHK's answer cannot be used: {0}")]
    NotOurs(#[from] NotOurs),
}

impl CuhkError {
    /// Why nobody answered, if that is what happened: then it makes sense to wait.
    pub(crate) fn unanswered(&self) -> Option<&ReachError> {
        match self {
            Self::Est(EstError::Reach(ReachError::Tls(_) | ReachError::Unsendable(_))) => None,
            Self::Est(EstError::Reach(reach)) => Some(reach),
            _ => None,
        }
    }
}

/// Fetches the root from a server that nothing is known of yet, and believes it by the invitation's pin alone.
pub(crate) async fn fetch_root(invitation: &Invitation) -> Result<Certificate, CuhkError> {
    let client = https_client(&ServerTrust::Unverified, None, TIMEOUT)?;
    let certificates = fetch_ca_certificates(&client, &invitation.cuhk).await?;
    let pinned =
        |one: &Certificate| RootPin::of(&Digest::from_bytes(*one.digest())) == invitation.pin;
    certificates.into_iter().find(pinned).ok_or(CuhkError::OtherRoot)
}

/// A server that asks CUHK about its own key and origin.
pub(crate) struct Requester<'a> {
    /// Where CUHK is.
    pub(crate) cuhk: &'a Origin,
    /// The root that CUHK must lead to, as its server and as issuer.
    pub(crate) root: &'a Arc<Root>,
    /// Blackboard's own origin.
    pub(crate) origin: &'a Origin,
    /// Blackboard's own key.
    pub(crate) key: &'a SigningKey,
    /// The time by which the answer is judged.
    pub(crate) now: Timestamp,
}

impl Requester<'_> {
    /// Enrols with a one-time code.
    pub(crate) async fn enroll(&self, code: &Code) -> Result<Certified, CuhkError> {
        let client = self.client(None)?;
        // First of all, so that a code is not spent in vain when CUHK does not answer as it should.
        let authorities = fetch_ca_certificates(&client, self.cuhk).await?;
        let invitee = Invitee::Server(self.origin.clone());
        let leaf = simple_enroll(&client, self.cuhk, &invitee, code, &self.request()?).await?;
        self.certified(leaf, authorities)
    }

    /// Renews with the certificates of now, for the same key.
    pub(crate) async fn reenroll(&self, identity: &TlsIdentity) -> Result<Certified, CuhkError> {
        let client = self.client(Some(identity))?;
        let authorities = fetch_ca_certificates(&client, self.cuhk).await?;
        let leaf = simple_reenroll(&client, self.cuhk, &self.request()?).await?;
        self.certified(leaf, authorities)
    }

    /// The code, or what the certificate proves, goes to CUHK itself and to nobody else that the root certified.
    fn client(&self, identity: Option<&TlsIdentity>) -> Result<reqwest::Client, CuhkError> {
        let root = Arc::clone(self.root);
        let trust = ServerTrust::CuhkServer { root, origin: self.cuhk.clone() };
        Ok(https_client(&trust, identity, TIMEOUT)?)
    }

    fn request(&self) -> Result<Vec<u8>, CuhkError> {
        let subject = Subject::Server { origin: self.origin.clone() };
        certification_request(self.key, &subject).map_err(CuhkError::Request)
    }

    fn certified(
        &self,
        leaf: Certificate,
        authorities: Vec<Certificate>,
    ) -> Result<Certified, CuhkError> {
        let issued_it = |one: &Certificate| {
            one.subject_key_id().is_some() && one.subject_key_id() == leaf.issuer_key_id()
        };
        let issuer = authorities.into_iter().find(issued_it).ok_or(CuhkError::NoIssuer)?;
        let key = self.key.public_key();
        Ok(Certified::verify(vec![leaf, issuer], key, self.root, self.origin, self.now)?)
    }
}

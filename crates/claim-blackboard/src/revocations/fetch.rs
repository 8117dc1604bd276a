//! Asking CUHK for its authorities and their lists.

use std::sync::Arc;
use std::time::Duration;

use claim_core::Origin;
use claim_http::{
    ClientError, Clock, EstError, ReachError, ServerTrust, fetch_ca_certificates, https_client_by,
    send,
};
use claim_pki::{
    Certificate, PathError, RevocationList, RevocationListError, Root, VerifyRevocationListError,
};
use http::StatusCode;

/// How long one exchange with CUHK may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why a list could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RefreshError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("CUHK does not tell its issuing certificates: {0}")]
    Authorities(#[from] EstError),
    #[error("CUHK answered {status} to the request for its revocation list")]
    Status { status: StatusCode },
    #[error("CUHK has no revocation list of that authority")]
    NoList,
    #[error(transparent)]
    List(#[from] RevocationListError),
    #[error(transparent)]
    Verify(#[from] VerifyRevocationListError),
    #[error("the issuing certificate: {0}")]
    Issuer(#[from] PathError),
    #[error("the revocation list is older than the one that is known")]
    Older,
}

/// CUHK, as its root vouches for it.
pub(super) struct Cuhk<'a> {
    origin: &'a Origin,
    client: reqwest::Client,
}

impl<'a> Cuhk<'a> {
    pub(super) fn new(
        origin: &'a Origin,
        root: &Arc<Root>,
        clock: &Clock,
    ) -> Result<Self, RefreshError> {
        let trust = ServerTrust::CuhkServer { root: Arc::clone(root), origin: origin.clone() };
        Ok(Self { origin, client: https_client_by(clock, &trust, None, TIMEOUT)? })
    }

    /// The certificates of its authorities, which are to be verified.
    pub(super) async fn authorities(&self) -> Result<Vec<Certificate>, RefreshError> {
        Ok(fetch_ca_certificates(&self.client, self.origin).await?)
    }

    /// The list of the authority with this key id, if there is one; it is to be verified.
    pub(super) async fn list(&self, id: &[u8; 20]) -> Result<Option<RevocationList>, RefreshError> {
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let request = self.client.get(self.origin.join(&format!("/crl/{hex}.crl")));
        let answer = send(request, RevocationList::MAX_SIZE).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(RevocationList::from_der(&answer.body)?)),
            status => Err(RefreshError::Status { status }),
        }
    }
}

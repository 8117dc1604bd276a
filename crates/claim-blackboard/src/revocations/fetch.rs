//! Asking for CUHK's authorities and their lists: at CUHK, and where it does not answer, where copies of its files lie.

use std::sync::Arc;
use std::time::Duration;

use claim_core::Origin;
use claim_http::{
    ClientError, Clock, EstError, FetchListError, MirrorError, MirrorUrl, ServerTrust,
    fetch_ca_certificates, fetch_revocation_list, https_client_by, revocation_list_path,
};
use claim_pki::{Certificate, PathError, RevocationList, Root, VerifyRevocationListError};

/// How long one exchange may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why a list could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RefreshError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("CUHK does not tell its issuing certificates")]
    Authorities(#[from] EstError),
    #[error("there are no certificates of CUHK's at {at}")]
    Mirror { at: MirrorUrl, source: MirrorError },
    #[error(transparent)]
    Fetch(#[from] FetchListError),
    #[error("CUHK has no revocation list of that authority")]
    NoList,
    #[error(transparent)]
    Verify(#[from] VerifyRevocationListError),
    #[error("the issuing certificate is not good")]
    Issuer(#[from] PathError),
    #[error("the revocation list is older than the one that is known")]
    Older,
}

/// CUHK, as its root vouches for it, and the places that have copies.
pub(super) struct Places<'a> {
    cuhk: &'a Origin,
    client: reqwest::Client,
    mirrors: &'a [MirrorUrl],
    /// For those.
    public: reqwest::Client,
}

impl<'a> Places<'a> {
    pub(super) fn new(
        cuhk: &'a Origin,
        mirrors: &'a [MirrorUrl],
        root: &Arc<Root>,
        clock: &Clock,
    ) -> Result<Self, RefreshError> {
        let trust = ServerTrust::CuhkServer { root: Arc::clone(root), origin: cuhk.clone() };
        Ok(Self {
            cuhk,
            client: https_client_by(clock, &trust, None, TIMEOUT)?,
            mirrors,
            public: MirrorUrl::client(clock, TIMEOUT)?,
        })
    }

    pub(super) fn mirrors(&self) -> &'a [MirrorUrl] {
        self.mirrors
    }

    /// The certificates of CUHK's authorities, which are to be verified.
    pub(super) async fn authorities(&self) -> Result<Vec<Certificate>, RefreshError> {
        Ok(fetch_ca_certificates(&self.client, self.cuhk).await?)
    }

    /// The same from a copy.
    pub(super) async fn authorities_at(
        &self,
        mirror: &MirrorUrl,
    ) -> Result<Vec<Certificate>, RefreshError> {
        mirror
            .authorities(&self.public)
            .await
            .map_err(|source| RefreshError::Mirror { at: mirror.clone(), source })
    }

    /// The list of the authority with this key id, if there is one; it is to be verified.
    pub(super) async fn list(&self, id: &[u8; 20]) -> Result<Option<RevocationList>, RefreshError> {
        let url = self.cuhk.join(&revocation_list_path(id));
        Ok(fetch_revocation_list(&self.client, &url).await?)
    }

    /// The same from a copy.
    pub(super) async fn list_at(
        &self,
        mirror: &MirrorUrl,
        id: &[u8; 20],
    ) -> Result<Option<RevocationList>, RefreshError> {
        let url = mirror.join(&revocation_list_path(id));
        Ok(fetch_revocation_list(&self.public, &url).await?)
    }
}

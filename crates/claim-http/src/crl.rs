//! Fetching revocation lists (RFC 5280 §4.2.1.13): from CUHK, or from any place that has copies of its files.

use claim_pki::{RevocationList, RevocationListError};
use http::StatusCode;

use crate::client::send;
use crate::reach::ReachError;

/// Why a list could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchListError {
    /// No answer came at all.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// Something else was answered.
    #[error("the answer to the request for a revocation list is {status}")]
    Status {
        /// The status.
        status: StatusCode,
    },
    /// What came is no list.
    #[error(transparent)]
    List(#[from] RevocationListError),
}

/// The path of the list of the authority with this key id: `/crl/<key id in hexadecimal>.crl`.
pub fn revocation_list_path(key_id: &[u8; 20]) -> String {
    let hex: String = key_id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/crl/{hex}.crl")
}

/// Fetches a list, which is to be verified: who hands it out says nothing. `None` where there is none.
///
/// # Errors
/// [`FetchListError`].
pub async fn fetch_revocation_list(
    client: &reqwest::Client,
    url: &str,
) -> Result<Option<RevocationList>, FetchListError> {
    let answer = send(client.get(url), RevocationList::MAX_SIZE).await?;
    match answer.status {
        StatusCode::NOT_FOUND => Ok(None),
        status if status.is_success() => Ok(Some(RevocationList::from_der(&answer.body)?)),
        status => Err(FetchListError::Status { status }),
    }
}

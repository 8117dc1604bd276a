//! Why the sign-in service cannot be used, and why it has not said who somebody is.

use claim_core::Escaped;
use claim_files::PassphraseError;
use claim_http::{ClientError, ReachError};
use http::StatusCode;

use super::id_token::IdTokenError;

/// Why `[cuhk.sso]` cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SsoError {
    /// A setting is wrong.
    #[error("[cuhk.sso] {setting}: {reason}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The client's secret cannot be had.
    #[error("[cuhk.sso] client-secret: {0}")]
    Secret(#[from] PassphraseError),
    /// No HTTPS client can be made.
    #[error("the sign-in service cannot be asked: {0}")]
    Client(#[from] ClientError),
    /// A local demonstration certifies anybody: there is nobody to be asked.
    #[error(
        "[cuhk.sso] is for a CUHK that certifies who is on its roster, and this is a local demonstration"
    )]
    LocalDemo,
}

/// Why the sign-in service cannot be used at the moment. Nobody's fault who sits at a browser.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("its {what} cannot be fetched: {source}")]
    Unreached { what: &'static str, source: ReachError },
    #[error("it answers with status {status} when asked for its {what}")]
    Status { what: &'static str, status: StatusCode, retry_after: Option<u64> },
    #[error("its {what} cannot be read: {}", Escaped(reason))]
    Unreadable { what: &'static str, reason: String },
    #[error("it calls itself {} and not {expected}", Escaped(found))]
    OtherIssuer { expected: String, found: String },
    #[error("it names the address {}, which is not private", Escaped(url))]
    NotPrivate { url: String },
    #[error("it does not take CUHK for its client: {}", Escaped(error))]
    Client { error: String },
    #[error("it could not be reached a moment ago")]
    MomentAgo,
}

impl ProviderError {
    /// In how many seconds it is worth trying again.
    pub(crate) fn retry_after(&self) -> u64 {
        /// Where the service does not say.
        const SOON: u64 = 10;
        /// However long it asks for: somebody waits.
        const MOST: u64 = 300;
        match self {
            Self::Status { retry_after: Some(seconds), .. } => (*seconds).clamp(1, MOST),
            _ => SOON,
        }
    }
}

/// Why it is not known who sits at a browser.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentifyError {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The service did not take the code (RFC 6749 §5.2).
    #[error("the sign-in service refuses the code: {}", Escaped(error))]
    Refused { error: String },
    #[error(transparent)]
    Token(#[from] IdTokenError),
    #[error("the claim {claim:?} of the ID token is missing, or holds no student ID")]
    NoId { claim: String },
}

//! The university's single sign-on: CUHK as a relying party of OpenID Connect (Core 1.0, Discovery 1.0) by the code flow
//! with PKCE (RFC 7636, RFC 9207, RFC 9700).
//!
//! It says who sits at a browser, and nothing else: no token leaves this module, and nothing here knows of certificates.

mod error;
mod id_token;
mod keys;
mod metadata;
mod provider;
mod settings;

pub use error::SsoError;
pub(crate) use error::{IdentifyError, ProviderError};
pub use id_token::{ExpectedToken, IdTokenError, verify_id_token};
pub(crate) use provider::{Attempt, Provider};
pub use settings::SsoSettings;

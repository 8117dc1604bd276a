//! The keys by which a sign-in service signs (RFC 7517).

use claim_core::json;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;

use super::error::ProviderError;
use super::id_token::UnverifiedToken;

/// Those that could be read; others are of kinds that sign nothing here.
#[derive(Debug)]
pub(super) struct Keys(Vec<Jwk>);

#[derive(Deserialize)]
struct Sent {
    keys: Vec<Value>,
}

impl Keys {
    pub(super) fn read(content: &[u8]) -> Result<Self, ProviderError> {
        let sent: Sent = json::from_slice(content).map_err(|error| ProviderError::Unreadable {
            what: "keys",
            reason: error.to_string(),
        })?;
        let keys = sent.keys.into_iter();
        Ok(Self(keys.filter_map(|key| serde_json::from_value(key).ok()).collect()))
    }

    /// The one key that may have signed this token: by its name or, where the token names none, the only one of its kind
    /// (Core §10.1).
    pub(super) fn of(&self, token: &UnverifiedToken<'_>) -> Option<&Jwk> {
        let mut fitting = self.0.iter().filter(|key| token.fits(key));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(key),
            _ => None,
        }
    }
}

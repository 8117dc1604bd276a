//! ID tokens (OpenID Connect Core 1.0 §2, §3.1.3.7; RFC 7515, RFC 7519, RFC 8725).

use claim_core::encoding::from_b64u;
use claim_core::{Escaped, Timestamp, json};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::Keys;

/// By how many seconds the clocks of CUHK and the sign-in service may differ.
const LEEWAY: i64 = 60;

/// How old an ID token may be, in seconds: it was made for a visit of now.
const MAX_AGE: i64 = 10 * 60;

/// The longest ID token, in bytes.
pub(super) const MAX_LENGTH: usize = 16 * 1024;

/// Why an ID token does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenError {
    /// It is none.
    #[error("the ID token is not a signed JWT")]
    Malformed,
    /// Another algorithm than those that are taken.
    #[error("the ID token is signed by the algorithm {}, which is not taken", Escaped(.0))]
    Algorithm(String),
    /// Something in it must be understood, and is not.
    #[error("the ID token has critical header fields, of which none is understood")]
    Critical,
    /// The key is none of the service's.
    #[error("the ID token is signed with a key that is not among those of the sign-in service")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the ID token is wrong")]
    Signature,
    /// A claim that must be there is missing or malformed.
    #[error("the ID token's {0} is missing, or not in its form")]
    Claim(&'static str),
    /// Somebody else has issued it.
    #[error("the issuer is {} instead of {expected}", Escaped(found))]
    Issuer {
        /// The service that is configured.
        expected: String,
        /// Whom it names, cut to 200 characters.
        found: String,
    },
    /// Nobody is named where the service says that it names itself.
    #[error("the answer does not name its issuer, though the service announces that it does")]
    NoIssuer,
    /// It is for others.
    #[error("the ID token is for somebody else than this CUHK")]
    Audience,
    /// Another client may use it.
    #[error("the ID token was given to another client than this CUHK")]
    AuthorizedParty,
    /// It is for another visit.
    #[error("the ID token is for another visit: its nonce is not the one that was sent")]
    Nonce,
    /// Its time is over.
    #[error("the ID token expired at {expired}; it is {now}")]
    Expired {
        /// When it expired.
        expired: Timestamp,
        /// CUHK's time.
        now: Timestamp,
    },
    /// It is too old, or of the future.
    #[error("the ID token is of {issued}, which is not now; it is {now}")]
    IssuedAt {
        /// When it was issued.
        issued: Timestamp,
        /// CUHK's time.
        now: Timestamp,
    },
    /// Its time has not begun.
    #[error("the ID token is valid from {from}; it is {now}")]
    NotYet {
        /// From when on it holds.
        from: Timestamp,
        /// CUHK's time.
        now: Timestamp,
    },
}

/// What an ID token must say.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedToken<'e> {
    /// `iss`, to the letter.
    pub issuer: &'e str,
    /// Whom it must be for, alone.
    pub client_id: &'e str,
    /// That of this visit.
    pub nonce: &'e str,
    /// The time.
    pub now: Timestamp,
}

/// An ID token of which nothing is proved.
#[derive(Debug)]
pub(super) struct UnverifiedToken<'t> {
    signed: &'t str,
    signature: &'t str,
    payload: Vec<u8>,
    algorithm: Algorithm,
    pub(super) key_id: Option<String>,
}

/// One that a key of the service has signed.
#[derive(Debug)]
pub(super) struct SignedToken {
    claims: Map<String, Value>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The claims of an ID token that one of these keys (a JWK Set, RFC 7517 §5) has signed, and that says what is expected.
///
/// # Errors
/// [`IdTokenError`], the first that is found; keys that cannot be read sign nothing.
pub fn verify_id_token(
    token: &str,
    keys: &[u8],
    expected: ExpectedToken<'_>,
) -> Result<Map<String, Value>, IdTokenError> {
    let unverified = UnverifiedToken::parse(token)?;
    let keys = Keys::read(keys).map_err(|_| IdTokenError::UnknownKey)?;
    unverified.judge(&keys, expected)
}

impl<'t> UnverifiedToken<'t> {
    /// Takes it apart; what is signed by an algorithm that is not on the list goes no further (RFC 8725 §3.1).
    pub(super) fn parse(token: &'t str) -> Result<Self, IdTokenError> {
        if token.len() > MAX_LENGTH {
            return Err(IdTokenError::Malformed);
        }
        let malformed = |_| IdTokenError::Malformed;
        let (signed, signature) = token.rsplit_once('.').ok_or(IdTokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(IdTokenError::Malformed)?;
        let header = from_b64u(header).map_err(malformed)?;
        let payload = from_b64u(payload).map_err(malformed)?;
        let header: Header = json::from_slice(&header).map_err(|_| IdTokenError::Malformed)?;
        let algorithm = match header.alg.as_str() {
            "ES256" => Algorithm::ES256,
            "RS256" => Algorithm::RS256,
            "EdDSA" => Algorithm::EdDSA,
            _ => return Err(IdTokenError::Algorithm(header.alg.chars().take(40).collect())),
        };
        if header.crit.is_some() {
            return Err(IdTokenError::Critical);
        }
        Ok(Self { signed, signature, payload, algorithm, key_id: header.kid })
    }

    /// Whether this key is one for signatures of this token's kind.
    pub(super) fn fits(&self, key: &Jwk) -> bool {
        let kind = match (&key.algorithm, self.algorithm) {
            (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => {
                key.curve == EllipticCurve::P256
            }
            (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => {
                key.curve == EllipticCurve::Ed25519
            }
            (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
            _ => false,
        };
        let common = &key.common;
        let usage = common.public_key_use.as_ref();
        let name = format!("{:?}", self.algorithm);
        kind && usage.is_none_or(|usage| *usage == PublicKeyUse::Signature)
            && common.key_algorithm.is_none_or(|algorithm| algorithm.to_string() == name)
            && (self.key_id.is_none() || self.key_id == common.key_id)
    }

    /// Checks all of it.
    pub(super) fn judge(
        self,
        keys: &Keys,
        expected: ExpectedToken<'_>,
    ) -> Result<Map<String, Value>, IdTokenError> {
        let key = keys.of(&self).ok_or(IdTokenError::UnknownKey)?;
        self.verify(key)?.check(expected)
    }

    /// Checks the signature.
    fn verify(self, key: &Jwk) -> Result<SignedToken, IdTokenError> {
        if !self.fits(key) {
            return Err(IdTokenError::UnknownKey);
        }
        let key = DecodingKey::from_jwk(key).map_err(|_| IdTokenError::UnknownKey)?;
        let verified = crypto::verify(self.signature, self.signed.as_bytes(), &key, self.algorithm);
        if !verified.is_ok_and(|good| good) {
            return Err(IdTokenError::Signature);
        }
        let claims = json::from_slice(&self.payload).map_err(|_| IdTokenError::Malformed)?;
        Ok(SignedToken { claims })
    }
}

impl SignedToken {
    /// Checks what it says (Core §3.1.3.7), and hands out its claims.
    fn check(self, expected: ExpectedToken<'_>) -> Result<Map<String, Value>, IdTokenError> {
        let ExpectedToken { issuer, client_id, nonce, now } = expected;
        let found = self.text("iss")?;
        if found != issuer {
            let (expected, found) = (issuer.to_owned(), found.chars().take(200).collect());
            return Err(IdTokenError::Issuer { expected, found });
        }
        self.for_client(client_id)?;
        if self.text("nonce")? != nonce {
            return Err(IdTokenError::Nonce);
        }
        let seconds = |time: Timestamp| time.as_seconds();
        let expired = self.time("exp")?.ok_or(IdTokenError::Claim("exp"))?;
        if seconds(now) >= seconds(expired).saturating_add(LEEWAY) {
            return Err(IdTokenError::Expired { expired, now });
        }
        let issued = self.time("iat")?.ok_or(IdTokenError::Claim("iat"))?;
        let age = seconds(now).saturating_sub(seconds(issued));
        if !(-LEEWAY..=MAX_AGE + LEEWAY).contains(&age) {
            return Err(IdTokenError::IssuedAt { issued, now });
        }
        match self.time("nbf")? {
            Some(from) if seconds(from).saturating_sub(LEEWAY) > seconds(now) => {
                return Err(IdTokenError::NotYet { from, now });
            }
            _ => {}
        }
        if self.text("sub")?.is_empty() {
            return Err(IdTokenError::Claim("sub"));
        }
        Ok(self.claims)
    }

    /// It is for this client, and was given to no other.
    fn for_client(&self, client_id: &str) -> Result<(), IdTokenError> {
        let several = match self.claims.get("aud") {
            Some(Value::String(one)) if one == client_id => false,
            Some(Value::Array(all)) if all.iter().any(|one| one == client_id) => all.len() > 1,
            Some(Value::String(_) | Value::Array(_)) => return Err(IdTokenError::Audience),
            _ => return Err(IdTokenError::Claim("aud")),
        };
        match self.claims.get("azp") {
            Some(Value::String(azp)) if azp == client_id => Ok(()),
            None if !several => Ok(()),
            _ => Err(IdTokenError::AuthorizedParty),
        }
    }

    fn text(&self, name: &'static str) -> Result<&str, IdTokenError> {
        self.claims.get(name).and_then(Value::as_str).ok_or(IdTokenError::Claim(name))
    }

    /// A NumericDate (RFC 7519 §2), to the second.
    fn time(&self, name: &'static str) -> Result<Option<Timestamp>, IdTokenError> {
        let Some(value) = self.claims.get(name) else { return Ok(None) };
        let whole = value.as_i64();
        // A fraction of a second is allowed; what does not fit becomes the end of all time.
        #[allow(clippy::cast_possible_truncation, reason = "a cast from f64 saturates")]
        let seconds = whole.or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
        let seconds = seconds.ok_or(IdTokenError::Claim(name))?;
        // Year 9999 is late enough, and can be written.
        Ok(Some(Timestamp::from_seconds(seconds.clamp(0, 253_402_300_799))))
    }
}

#[cfg(test)]
mod tests;

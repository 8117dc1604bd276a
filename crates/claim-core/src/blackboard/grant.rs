//! What Blackboard would have to remember between the steps: the content of its two tokens.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::encoding::{Bytes, exactly, lp, split_lp};
use crate::ring::{Ring, SealingKey};
use crate::sealed::{TokenError, TokenType};
use crate::token;
use crate::transcript::{SessionSecret, Transcript};
use crate::{Digest, Origin, PersonId, Timestamp};

/// What both tokens carry.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) transcript: Transcript,
    pub(super) secret: SessionSecret,
    pub(super) id: PersonId,
    pub(super) leaf: Digest,
    pub(super) issuer_key_id: Vec<u8>,
    pub(super) serial: String,
    pub(super) not_after: Timestamp,
    pub(super) opened_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl Grant {
    pub(super) fn seal(
        &self,
        key: &SealingKey,
        token_type: TokenType,
        origin: &Origin,
        rng: &mut dyn CryptoRng,
    ) -> String {
        let content = Zeroizing::new(lp(&[
            self.transcript.as_bytes(),
            self.secret.expose(),
            self.id.as_str().as_bytes(),
            self.leaf.as_bytes(),
            &self.issuer_key_id,
            self.serial.as_bytes(),
            &self.not_after.as_millis().to_be_bytes(),
            &self.opened_at.as_millis().to_be_bytes(),
            &self.expires_at.as_millis().to_be_bytes(),
        ]));
        token::seal(key, token_type, origin, &content, Bytes::random(rng))
    }

    pub(super) fn open(
        token: &str,
        token_type: TokenType,
        origin: &Origin,
        ring: &Ring,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        let content = token::open(ring, token_type, origin, token, now)?;
        let grant = Self::decode(&content).ok_or(TokenError::Malformed)?;
        if now >= grant.expires_at {
            return Err(TokenError::Expired { expires_at: grant.expires_at, now });
        }
        Ok(grant)
    }

    fn decode(content: &[u8]) -> Option<Self> {
        let [transcript, secret, id, leaf, issuer_key_id, serial, not_after, opened_at, expires_at] =
            split_lp(content).ok()?;
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let time = |bytes| exactly(bytes).ok().map(i64::from_be_bytes).map(Timestamp::from_millis);
        Some(Self {
            transcript: Transcript::from_bytes(exactly(transcript).ok()?),
            secret: SessionSecret::from_bytes(exactly(secret).ok()?),
            id: text(id)?.parse().ok()?,
            leaf: Digest::from_bytes(exactly(leaf).ok()?),
            issuer_key_id: issuer_key_id.to_vec(),
            serial: text(serial)?.to_owned(),
            not_after: time(not_after)?,
            opened_at: time(opened_at)?,
            expires_at: time(expires_at)?,
        })
    }
}

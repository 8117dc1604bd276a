//! What both sides have seen, and the keys that follow from it (DESIGN §5, PROTOCOL.md "Key schedule").
//!
//! Every hashed or signed string is an [`lp`] sequence that begins with a label of its own,
//! so a string made for one purpose can never be taken for another.

use aws_lc_rs::hkdf::{self, HKDF_SHA256};
use aws_lc_rs::hmac;

use crate::encoding::{Bytes, Nonce, lp};
use crate::messages::Sentence;
use crate::secret::Secret;
use crate::{Digest, Origin, PersonId, Timestamp};

/// The labels that keep the uses of keys and strings apart.
mod label {
    pub(super) const SESSION: &[u8] = b"claim v1 session";
    pub(super) const SESSION_ID: &[u8] = b"claim v1 session id";
    pub(super) const STUDENT: &[u8] = b"claim v1 student";
    pub(super) const BLACKBOARD: &[u8] = b"claim v1 blackboard";
    pub(super) const MESSAGE: &[u8] = b"claim v1 message";
    pub(super) const ANSWER: &[u8] = b"claim v1 answer";
    pub(super) const FINGERPRINT: &[u8] = b"claim v1 fingerprint";
}

/// The session key of step 4: 32 bytes that only the certificate's holder can decrypt.
pub type SessionKey = Secret<32>;

/// What the exchange is about: HPKE's `info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    /// `lp("claim v1 session", origin, request, H(leaf DER), student nonce, server nonce)`.
    pub fn new(
        origin: &Origin,
        request: &Sentence,
        leaf: &Digest,
        student_nonce: &Nonce,
        server_nonce: &Nonce,
    ) -> Self {
        Self(lp(&[
            label::SESSION,
            origin.as_str().as_bytes(),
            request.to_string().as_bytes(),
            leaf.as_bytes(),
            &student_nonce.0,
            &server_nonce.0,
        ]))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `T`: the hash of all that was said up to step 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcript(Digest);

impl Transcript {
    /// `H(lp(context, scheme, enc, ciphertext))`.
    pub fn new(context: &Context, scheme: &str, enc: &Bytes<65>, ciphertext: &Bytes<48>) -> Self {
        Self(Digest::of(&lp(&[context.as_bytes(), scheme.as_bytes(), &enc.0, &ciphertext.0])))
    }

    /// From the 32 bytes that a challenge token kept.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Digest::from_bytes(bytes))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// `H(lp("claim v1 session id", T))`: the same however often step 5 is repeated.
    pub fn session_id(&self) -> SessionId {
        SessionId(Digest::of(&lp(&[label::SESSION_ID, self.as_bytes()])))
    }
}

/// Names a session in Blackboard's records; no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(Digest);

impl SessionId {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

/// `prk`: what the four keys of a session come from.
///
/// It equals HKDF-Extract(salt = T, ikm = session key) of RFC 5869, which is HMAC(T, session key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSecret(Secret<32>);

impl SessionSecret {
    /// Extracts `prk`, bound to all that was said.
    pub fn extract(transcript: &Transcript, session_key: &SessionKey) -> Self {
        // HKDF-Extract by its definition (RFC 5869 §2.2): the library's `Prk` does not give its bytes
        // away, and the stateless server has to seal them into its tokens.
        Self(hmac_sha256(transcript.as_bytes(), session_key.expose()))
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// `k_student`: proves that the student has the session key.
    pub fn student_key(&self) -> MacKey {
        self.expand(label::STUDENT)
    }

    /// `k_blackboard`: proves that Blackboard has the session key.
    pub fn blackboard_key(&self) -> MacKey {
        self.expand(label::BLACKBOARD)
    }

    /// `k_message`: signs the requests of step 6.
    pub fn message_key(&self) -> MacKey {
        self.expand(label::MESSAGE)
    }

    /// `k_answer`: signs the answers of step 6.
    pub fn answer_key(&self) -> MacKey {
        self.expand(label::ANSWER)
    }

    /// Eight bytes that both sides can show to people to compare; they tell nothing about the key.
    pub fn fingerprint(&self) -> Bytes<8> {
        Bytes(hkdf_expand(self.expose(), label::FINGERPRINT))
    }

    fn expand(&self, label: &[u8]) -> MacKey {
        MacKey(Secret::new(hkdf_expand(self.expose(), label)))
    }
}

/// A key for HMAC-SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacKey(Secret<32>);

/// A MAC does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the HMAC does not verify")]
pub struct WrongMac;

impl MacKey {
    /// Takes the 32 bytes of a key, for vectors and other implementations' tests.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The MAC of the message.
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        *hmac_sha256(self.0.expose(), message).expose()
    }

    /// Compares in constant time.
    ///
    /// # Errors
    /// [`WrongMac`].
    pub fn verify(&self, message: &[u8], mac: &[u8]) -> Result<(), WrongMac> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        hmac::verify(&key, message, mac).map_err(|_| WrongMac)
    }

    /// The key's bytes, for the vectors in `testdata/`.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// `B`: what Blackboard confirms and signs in step 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed(Vec<u8>);

impl Confirmed {
    /// `lp("claim v1 blackboard", T, H(session token), sid, server_time, expires_at)`.
    pub fn new(
        transcript: &Transcript,
        session_token: &str,
        id: &PersonId,
        server_time: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self(lp(&[
            label::BLACKBOARD,
            transcript.as_bytes(),
            Digest::of(session_token.as_bytes()).as_bytes(),
            id.as_str().as_bytes(),
            server_time.to_string().as_bytes(),
            expires_at.to_string().as_bytes(),
        ]))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac_sha256(key: &[u8], message: &[u8]) -> Secret<32> {
    let mut mac = [0; 32];
    mac.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref());
    Secret::new(mac)
}

/// HKDF-Expand (RFC 5869 §2.3) with SHA-256.
#[allow(
    clippy::expect_used,
    reason = "the one cause, too long an output, is excluded at compile time"
)]
pub(crate) fn hkdf_expand<const N: usize>(prk: &[u8; 32], info: &[u8]) -> [u8; N] {
    const { assert!(N <= 255 * 32, "RFC 5869 §2.3: L <= 255*HashLen") }
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = [0; N];
    let prk = hkdf::Prk::new_less_safe(HKDF_SHA256, prk);
    prk.expand(&[info], Length(N)).and_then(|okm| okm.fill(&mut key)).expect("L <= 255*HashLen");
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    /// RFC 5869 §A.1.
    #[test]
    fn hkdf_of_rfc_5869() {
        let salt: Vec<u8> = (0x00..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let prk = hmac_sha256(&salt, &[0x0b; 22]);
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(
            hex(prk.expose()),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
        );
        assert_eq!(
            hex(&hkdf_expand::<42>(prk.expose(), &info)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    #[test]
    fn the_four_keys_differ() {
        let secret = SessionSecret::from_bytes([1; 32]);
        let keys = [
            secret.student_key(),
            secret.blackboard_key(),
            secret.message_key(),
            secret.answer_key(),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(index + 1).all(|other| other != key));
        }
    }

    #[test]
    fn a_wrong_mac_is_refused() {
        let key = MacKey::new([1; 32]);
        let mac = key.sign(b"message");
        assert_eq!(key.verify(b"message", &mac), Ok(()));
        assert_eq!(key.verify(b"Message", &mac), Err(WrongMac));
        assert_eq!(key.verify(b"message", &mac[..31]), Err(WrongMac));
        assert_eq!(key.verify(b"message", b""), Err(WrongMac));
        assert_eq!(MacKey::new([2; 32]).verify(b"message", &mac), Err(WrongMac));
    }
}

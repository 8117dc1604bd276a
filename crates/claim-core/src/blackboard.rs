//! Blackboard's side of steps 3 to 6, without any state: what it must know of an exchange comes back in a token.
//!
//! Step 3 needs a [`VerifiedPerson`], which only the path validation of claim-pki makes; step 5 an opened challenge
//! token ([`ExpectConfirmation`]); step 6 an opened session token ([`Session`]), which turns the head of a request
//! into an [`AuthenticHead`], and that, with the content, into an [`AuthenticRequest`].

mod grant;

use claim_pki::{SigningKey, VerifiedPerson};
use rand_core::CryptoRng;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_128 as HPKE;
use rustls::crypto::hpke::{Hpke, HpkePublicKey};

use self::grant::Grant;
use crate::encoding::{Bytes, Nonce, RequestNonce, exactly};
use crate::messages::{Chain, Challenge, ChallengeRequest, SCHEME, SessionAnswer};
use crate::ring::Ring;
use crate::sealed::{TokenError, TokenType};
use crate::signing::{
    self, Binding, CLOCK_TOLERANCE_SECONDS, Content, RequestParts, SignatureError, SignatureFields,
};
use crate::transcript::{
    Confirmed, Context, MacKey, SessionId, SessionKey, SessionSecret, Transcript,
};
use crate::{Digest, Origin, PersonId, Timestamp};

/// How long a challenge is good for, in seconds.
pub const CHALLENGE_SECONDS: i64 = 60;

/// How long a session lives from step 4 on, in seconds, unless the certificate ends earlier.
pub const SESSION_SECONDS: i64 = 8 * 60 * 60;

/// What this Blackboard is known by and proves itself with.
#[derive(Debug)]
pub struct Identity {
    /// The public origin.
    pub origin: Origin,
    /// The server-profile certificate with that origin, then its issuer.
    pub chain: Chain,
    /// The certificate's private key.
    pub key: SigningKey,
}

/// Why step 4 is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// The sentence is said by another than the certificate names.
    #[error("the sentence says {sentence}, the certificate {certificate}")]
    OtherPerson {
        /// The id in the sentence.
        sentence: PersonId,
        /// The id in the certificate.
        certificate: PersonId,
    },
    /// The key in the certificate does not take part in HPKE.
    #[error("nothing can be encrypted to the key in the certificate")]
    Encryption,
    /// The ring has no key that may seal now.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Steps 3 and 4: the sentence is compared with the certificate, a session key is made and encrypted to its holder.
///
/// Returns also the session key's fingerprint: eight bytes that people can compare on both sides.
///
/// # Errors
/// [`ChallengeError`].
pub fn challenge(
    origin: &Origin,
    request: &ChallengeRequest,
    person: &VerifiedPerson,
    ring: &Ring,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Result<(Challenge, Bytes<8>), ChallengeError> {
    if request.request.id() != person.id() {
        return Err(ChallengeError::OtherPerson {
            sentence: request.request.id().clone(),
            certificate: person.id().clone(),
        });
    }
    let sealing_key = ring.sealing(now).ok_or(TokenError::NoSealingKey { now })?;
    let nonce = Nonce::random(rng);
    let leaf = Digest::from_bytes(*person.leaf_digest());
    let context = Context::new(origin, &request.request, &leaf, &request.nonce, &nonce);
    let session_key = SessionKey::random(rng);
    let (enc, ciphertext) = seal_session_key(person, &context, &session_key)?;
    let transcript = Transcript::new(&context, SCHEME, &enc, &ciphertext);
    let expires_at = now.plus_seconds(CHALLENGE_SECONDS);
    let content = Grant {
        transcript,
        secret: SessionSecret::extract(&transcript, &session_key),
        id: person.id().clone(),
        leaf,
        issuer_key_id: person.issuer_key_id().to_vec(),
        serial: person.serial().to_string(),
        not_after: person.not_after(),
        opened_at: now,
        expires_at,
    };
    let challenge = Challenge {
        challenge: content.seal(sealing_key, TokenType::Challenge, origin, rng),
        origin: origin.clone(),
        nonce,
        scheme: SCHEME.to_owned(),
        enc,
        ciphertext,
        expires_at,
    };
    Ok((challenge, content.secret.fingerprint()))
}

/// A challenge token came back; waits for the proof that its bearer decrypted the session key.
#[derive(Debug)]
pub struct ExpectConfirmation {
    grant: Grant,
}

/// Why step 5 does not make a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmationError {
    /// The confirmation is not HMAC(k_student, T).
    #[error("the confirmation is not made with the session key")]
    Wrong,
    /// The ring has no key that may seal now.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Blackboard's own key could not sign.
    #[error("Blackboard's own key could not sign")]
    OwnKey,
}

impl ExpectConfirmation {
    /// Opens the token of step 4.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(
        token: &str,
        origin: &Origin,
        ring: &Ring,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        Grant::open(token, TokenType::Challenge, origin, ring, now).map(|grant| Self { grant })
    }

    /// Step 5: checks the student's confirmation, then confirms and signs in turn.
    ///
    /// Repeating it gives the same session under a new token.
    ///
    /// # Errors
    /// [`ConfirmationError`].
    pub fn confirm(
        self,
        confirmation: &Bytes<32>,
        identity: &Identity,
        ring: &Ring,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(SessionAnswer, Session), ConfirmationError> {
        let Self { mut grant } = self;
        let student_key = grant.secret.student_key();
        student_key
            .verify(grant.transcript.as_bytes(), &confirmation.0)
            .map_err(|_| ConfirmationError::Wrong)?;
        let sealing_key = ring.sealing(now).ok_or(TokenError::NoSealingKey { now })?;
        grant.expires_at = grant.opened_at.plus_seconds(SESSION_SECONDS).min(grant.not_after);
        let session = grant.seal(sealing_key, TokenType::Session, &identity.origin, rng);
        let (id, expires_at) = (grant.id.clone(), grant.expires_at);
        let confirmed = Confirmed::new(&grant.transcript, &session, &id, now, expires_at);
        let signature =
            identity.key.sign(confirmed.as_bytes()).map_err(|_| ConfirmationError::OwnKey)?;
        let answer = SessionAnswer {
            session,
            sid: id,
            server_time: now,
            expires_at,
            confirmation: Bytes(grant.secret.blackboard_key().sign(confirmed.as_bytes())),
            certificate: identity.chain.clone(),
            signature,
        };
        Ok((answer, Session::of(grant)))
    }
}

/// A session as its token tells it.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    person: PersonId,
    certificate: CertificateName,
    expires_at: Timestamp,
    message_key: MacKey,
    answer_key: MacKey,
}

/// Which certificate a session was opened with: what a revocation list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateName {
    /// H(leaf DER).
    pub leaf: Digest,
    /// The issuer's key identifier.
    pub issuer_key_id: Vec<u8>,
    /// The serial number, lower-case hexadecimal.
    pub serial: String,
}

impl Session {
    /// Opens the token that came in `Claim-Session`.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(
        token: &str,
        origin: &Origin,
        ring: &Ring,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        Grant::open(token, TokenType::Session, origin, ring, now).map(Self::of)
    }

    fn of(grant: Grant) -> Self {
        Self {
            id: grant.transcript.session_id(),
            message_key: grant.secret.message_key(),
            answer_key: grant.secret.answer_key(),
            person: grant.id,
            certificate: CertificateName {
                leaf: grant.leaf,
                issuer_key_id: grant.issuer_key_id,
                serial: grant.serial,
            },
            expires_at: grant.expires_at,
        }
    }

    /// Names the session; the same however often step 5 was repeated.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whose session it is.
    pub fn person(&self) -> &PersonId {
        &self.person
    }

    /// The certificate that opened it.
    pub fn certificate(&self) -> &CertificateName {
        &self.certificate
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Step 6: checks the signature over the head of a request, before any content is read.
    ///
    /// # Errors
    /// [`SignatureError`] when the request is not authentic: then nothing is signed in answer.
    pub fn authenticate(
        self,
        origin: &Origin,
        parts: &RequestParts<'_>,
    ) -> Result<AuthenticHead, SignatureError> {
        let verified = signing::verify_request(&self.message_key, origin, parts)?;
        Ok(AuthenticHead {
            answerer: Answerer { key: self.answer_key, request: verified.signature },
            session: self.id,
            person: self.person,
            certificate: self.certificate,
            created: Timestamp::from_seconds(verified.created),
            nonce: verified.nonce,
            content_digest: verified.content_digest,
        })
    }
}

/// The head of a request that the session's person signed. Its answers are signed in turn.
#[derive(Debug)]
pub struct AuthenticHead {
    answerer: Answerer,
    session: SessionId,
    person: PersonId,
    certificate: CertificateName,
    created: Timestamp,
    nonce: RequestNonce,
    content_digest: Option<Digest>,
}

/// An authentic request that is refused all the same; the refusal is signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// `created` is too far from the server's time.
    #[error("the request was signed at {created}; this server's time is {now}")]
    ClockSkew {
        /// When the student's clock says that it was signed.
        created: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// The content is not the one that was signed.
    #[error("the content has the SHA-256 {found}, signed was {}", expected.map_or("no content".to_owned(), |digest| digest.to_string()))]
    Content {
        /// The digest that was signed; `None` when no content was.
        expected: Option<Digest>,
        /// The digest of what arrived.
        found: Digest,
    },
}

impl AuthenticHead {
    /// Splits off what signs the answers, so that the refusals of the next steps can be signed too.
    pub fn answerer(&self) -> Answerer {
        self.answerer.clone()
    }

    /// Whose request it is.
    pub fn person(&self) -> &PersonId {
        &self.person
    }

    /// The certificate that opened its session.
    pub fn certificate(&self) -> &CertificateName {
        &self.certificate
    }

    /// Checks that the request was signed within the tolerance of this server's time.
    ///
    /// # Errors
    /// [`RequestError::ClockSkew`].
    pub fn timely(self, now: Timestamp) -> Result<TimelyHead, RequestError> {
        // `created` has whole seconds, so whole seconds are compared.
        if (now.as_seconds() - self.created.as_seconds()).abs() > CLOCK_TOLERANCE_SECONDS {
            return Err(RequestError::ClockSkew { created: self.created, now });
        }
        Ok(TimelyHead(self))
    }
}

/// The head of an authentic and timely request; waits for its content.
#[derive(Debug)]
pub struct TimelyHead(AuthenticHead);

impl TimelyHead {
    /// Whose request it is.
    pub fn person(&self) -> &PersonId {
        &self.0.person
    }

    /// The certificate that opened its session.
    pub fn certificate(&self) -> &CertificateName {
        &self.0.certificate
    }

    /// Checks that the content is the one that was signed.
    ///
    /// # Errors
    /// [`RequestError::Content`].
    pub fn content(self, content: &[u8]) -> Result<AuthenticRequest, RequestError> {
        self.digested(Digest::of(content))
    }

    /// The same for content that was hashed as it arrived.
    ///
    /// # Errors
    /// [`RequestError::Content`].
    pub fn digested(self, found: Digest) -> Result<AuthenticRequest, RequestError> {
        let Self(head) = self;
        match head.content_digest {
            Some(expected) if expected == found => {}
            None if found == Digest::of(&[]) => {}
            expected => return Err(RequestError::Content { expected, found }),
        }
        Ok(AuthenticRequest {
            session: head.session,
            person: head.person,
            certificate: head.certificate,
            nonce: head.nonce,
            content_digest: found,
        })
    }
}

/// A request of step 6 that counts: signed by the session's person, in time, with its content complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticRequest {
    session: SessionId,
    person: PersonId,
    certificate: CertificateName,
    nonce: RequestNonce,
    content_digest: Digest,
}

impl AuthenticRequest {
    /// The session it belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Whose request it is.
    pub fn person(&self) -> &PersonId {
        &self.person
    }

    /// The certificate that opened its session.
    pub fn certificate(&self) -> &CertificateName {
        &self.certificate
    }

    /// Unique among the session's requests: together with the session it makes a repetition recognisable.
    pub fn nonce(&self) -> RequestNonce {
        self.nonce
    }

    /// SHA-256 of the content.
    pub fn content_digest(&self) -> Digest {
        self.content_digest
    }
}

/// Signs the answers to one authentic request.
#[derive(Clone, Debug)]
pub struct Answerer {
    key: MacKey,
    request: Binding,
}

impl Answerer {
    /// The fields that make an answer Blackboard's answer to this request.
    pub fn sign(
        &self,
        status: u16,
        content: Option<Content<'_>>,
        now: Timestamp,
    ) -> SignatureFields {
        signing::sign_answer(&self.key, &self.request, status, content, now.as_seconds())
    }
}

/// HPKE base mode, single shot (RFC 9180 §6.1): info = context, aad empty.
fn seal_session_key(
    person: &VerifiedPerson,
    context: &Context,
    session_key: &SessionKey,
) -> Result<(Bytes<65>, Bytes<48>), ChallengeError> {
    let public = HpkePublicKey(person.public_key().point().to_vec());
    let (enc, ciphertext) = HPKE
        .seal(context.as_bytes(), &[], session_key.expose(), &public)
        .map_err(|_| ChallengeError::Encryption)?;
    let sized = exactly(&enc.0).ok().zip(exactly(&ciphertext).ok());
    let (enc, ciphertext) = sized.ok_or(ChallengeError::Encryption)?;
    Ok((Bytes(enc), Bytes(ciphertext)))
}

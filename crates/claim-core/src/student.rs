//! The student's side of steps 3 to 6: [`ExpectChallenge`] → [`ExpectConfirmation`] → [`Session`].
//!
//! Each state is named by what it waits for, and consumes itself; after a refusal there is nothing left to misuse.

use claim_pki::{PathError, Root, SigningKey, VerifiedServer};
use rand_core::CryptoRng;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_128 as HPKE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey};
use zeroize::Zeroizing;

use crate::encoding::{Bytes, Nonce, RequestNonce};
use crate::messages::{
    Chain, Challenge, ChallengeRequest, SCHEME, Sentence, SessionAnswer, SessionRequest,
};
use crate::secret::Secret;
use crate::signing::{self, AnswerParts, Binding, Outgoing, SignatureError, SignatureFields};
use crate::transcript::{Confirmed, Context, MacKey, SessionKey, SessionSecret, Transcript};
use crate::{Digest, Origin, PersonId, Timestamp};

/// What a student proves identity with: the certificate, its issuer, and the private key.
#[derive(Debug)]
pub struct Credential {
    /// Whom the certificate names.
    pub id: PersonId,
    /// The certificate, then its issuer.
    pub chain: Chain,
    /// The certificate's private key.
    pub key: SigningKey,
}

/// Why the exchange cannot go on. None of these says anything about the student's certificate:
/// a refusal by Blackboard comes as a problem document and is not an error of this module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The server calls itself by another name than the one that was connected to.
    #[error("connected to {connected}, but the server says that it is {claimed}")]
    OtherOrigin {
        /// The origin that the student connected to.
        connected: Origin,
        /// The origin in the answer.
        claimed: Origin,
    },
    /// A way to send the session key that this program does not know.
    #[error("the server uses the scheme {found:?}; this program knows {SCHEME:?}")]
    UnknownScheme {
        /// The scheme in the answer.
        found: String,
    },
    /// The session key does not decrypt: it was made for another key, origin, sentence or nonce.
    #[error("the session key does not decrypt: it was not made for this exchange with this origin")]
    NotForUs,
    /// The server did not show that it has the session key, or its answer was changed.
    #[error(
        "the server's confirmation is wrong: it does not have the session key, or the answer was changed"
    )]
    Confirmation,
    /// The session is for somebody else.
    #[error("the session is for {found} instead of {expected}")]
    OtherPerson {
        /// Who asked.
        expected: PersonId,
        /// Whom the answer names.
        found: PersonId,
    },
    /// The server's certificate is not that of a Blackboard with this origin.
    #[error("the server's certificate does not show that it is this Blackboard: {0}")]
    Certificate(#[from] PathError),
    /// The certificate is right, but its key did not sign.
    #[error(
        "the server's signature is wrong: it does not hold the key of the certificate that it shows"
    )]
    Signature,
    /// The student's own key could not be used.
    #[error("the private key cannot be used: {0}")]
    OwnKey(#[source] claim_pki::KeyError),
}

/// Step 3 is said; waits for the challenge of step 4.
#[derive(Debug)]
pub struct ExpectChallenge<'a> {
    credential: &'a Credential,
    origin: Origin,
    request: ChallengeRequest,
}

/// Begins step 3 with the Blackboard at `origin`, which is where the student connects to.
pub fn request<'a>(
    credential: &'a Credential,
    origin: &Origin,
    rng: &mut dyn CryptoRng,
) -> (ChallengeRequest, ExpectChallenge<'a>) {
    let request = ChallengeRequest {
        request: Sentence::of(credential.id.clone()),
        certificate: credential.chain.clone(),
        nonce: Nonce::random(rng),
    };
    (request.clone(), ExpectChallenge { credential, origin: origin.clone(), request })
}

impl<'a> ExpectChallenge<'a> {
    /// Steps 4 and 5: decrypts the session key and proves it.
    ///
    /// The context is computed from the origin that was connected to, never from the answer: a relay
    /// under another name gets a session key that does not decrypt.
    ///
    /// # Errors
    /// [`ExchangeError::OtherOrigin`], [`ExchangeError::UnknownScheme`], [`ExchangeError::NotForUs`],
    /// [`ExchangeError::OwnKey`].
    pub fn receive(
        self,
        challenge: &Challenge,
    ) -> Result<(SessionRequest, ExpectConfirmation<'a>), ExchangeError> {
        let Self { credential, origin, request } = self;
        if challenge.origin != origin {
            let claimed = challenge.origin.clone();
            return Err(ExchangeError::OtherOrigin { connected: origin, claimed });
        }
        if challenge.scheme != SCHEME {
            return Err(ExchangeError::UnknownScheme { found: challenge.scheme.clone() });
        }
        let leaf = Digest::of(request.certificate.leaf());
        let context =
            Context::new(&origin, &request.request, &leaf, &request.nonce, &challenge.nonce);
        let session_key = open_session_key(&credential.key, &context, challenge)?;
        let transcript = Transcript::new(&context, SCHEME, &challenge.enc, &challenge.ciphertext);
        let secret = SessionSecret::extract(&transcript, &session_key);
        let answer = SessionRequest {
            challenge: challenge.challenge.clone(),
            confirmation: Bytes(secret.student_key().sign(transcript.as_bytes())),
        };
        Ok((answer, ExpectConfirmation { credential, origin, transcript, secret }))
    }
}

/// The session key is confirmed; waits for Blackboard to do the same.
#[derive(Debug)]
pub struct ExpectConfirmation<'a> {
    credential: &'a Credential,
    origin: Origin,
    transcript: Transcript,
    secret: SessionSecret,
}

impl ExpectConfirmation<'_> {
    /// Eight bytes that show, to people, whether both sides have the same session key.
    pub fn key_fingerprint(&self) -> Bytes<8> {
        self.secret.fingerprint()
    }

    /// The end of step 5: Blackboard has the session key and holds the key that CUHK certified for this origin.
    ///
    /// Both are checked before anything else is sent: encrypting to a public certificate proves nothing about
    /// the sender, and TLS may end at somebody's proxy.
    ///
    /// # Errors
    /// [`ExchangeError::OtherPerson`], [`ExchangeError::Confirmation`], [`ExchangeError::Certificate`],
    /// [`ExchangeError::Signature`].
    pub fn receive(
        self,
        answer: SessionAnswer,
        root: &Root,
        now: Timestamp,
    ) -> Result<Session, ExchangeError> {
        let Self { credential, origin, transcript, secret } = self;
        let confirmed = Confirmed::new(
            &transcript,
            &answer.session,
            &answer.sid,
            answer.server_time,
            answer.expires_at,
        );
        secret
            .blackboard_key()
            .verify(confirmed.as_bytes(), &answer.confirmation.0)
            .map_err(|_| ExchangeError::Confirmation)?;
        if answer.sid != credential.id {
            let expected = credential.id.clone();
            return Err(ExchangeError::OtherPerson { expected, found: answer.sid });
        }
        let server = root.verify_server(&answer.certificate.certificates(), &origin, now)?;
        server
            .public_key()
            .verify(confirmed.as_bytes(), &answer.signature)
            .map_err(|_| ExchangeError::Signature)?;
        Ok(Session {
            origin,
            token: answer.session,
            message_key: secret.message_key(),
            answer_key: secret.answer_key(),
            server_time: answer.server_time,
            expires_at: answer.expires_at,
            server,
        })
    }
}

/// Both sides have proved themselves: step 6 can be done as often as needed.
#[derive(Debug)]
pub struct Session {
    origin: Origin,
    token: String,
    message_key: MacKey,
    answer_key: MacKey,
    server_time: Timestamp,
    expires_at: Timestamp,
    server: VerifiedServer,
}

impl Session {
    /// The origin that the session is bound to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The value of `Claim-Session`; whoever has it still needs the session key to use it.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Blackboard's clock at the end of step 5.
    pub fn server_time(&self) -> Timestamp {
        self.server_time
    }

    /// When the session ends by Blackboard's clock.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// SHA-256 of the public key (SPKI) by which Blackboard proved itself.
    pub fn server_key_fingerprint(&self) -> &[u8; 32] {
        self.server.public_key().fingerprint()
    }

    /// The certificate by which Blackboard proved itself, as far as the path tells: whether it was revoked is for whoever
    /// has lists to find out, before anything is sent in the session.
    pub fn server(&self) -> &VerifiedServer {
        &self.server
    }

    /// Signs a request. `created` is in whole seconds since the epoch, by Blackboard's clock as far as known;
    /// the nonce is fresh for a new request and the same for a repetition.
    pub fn sign(
        &self,
        request: &Outgoing<'_>,
        created: Timestamp,
        nonce: &RequestNonce,
    ) -> (SignatureFields, ExpectAnswer<'_>) {
        let (fields, request) = signing::sign_request(
            &self.message_key,
            &self.origin,
            &self.token,
            request,
            created.as_seconds(),
            nonce,
        );
        (fields, ExpectAnswer { key: &self.answer_key, request })
    }
}

/// A request is signed; waits for the answer that Blackboard signed for it.
#[derive(Debug)]
pub struct ExpectAnswer<'a> {
    key: &'a MacKey,
    request: Binding,
}

/// Why an answer is not Blackboard's answer to this request. It can only make the program wait or try again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The signature is missing, malformed or wrong.
    #[error("the answer is not signed by Blackboard for this request: {0}")]
    Signature(#[from] SignatureError),
    /// The content is not the one that was signed.
    #[error("the answer's content was changed on its way")]
    Content,
}

impl ExpectAnswer<'_> {
    /// Checks that the answer and its content come from Blackboard and answer this very request.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn receive(&self, parts: &AnswerParts<'_>, content: &[u8]) -> Result<(), AnswerError> {
        match signing::verify_answer(self.key, &self.request, parts)? {
            Some(digest) if digest == Digest::of(content) => Ok(()),
            None if content.is_empty() => Ok(()),
            _ => Err(AnswerError::Content),
        }
    }
}

/// HPKE base mode, single shot (RFC 9180 §6.1): info = context, aad empty.
fn open_session_key(
    key: &SigningKey,
    context: &Context,
    challenge: &Challenge,
) -> Result<SessionKey, ExchangeError> {
    let scalar = key.private_scalar().map_err(ExchangeError::OwnKey)?;
    let private = HpkePrivateKey::from(scalar.to_vec());
    let enc = EncapsulatedSecret(challenge.enc.0.to_vec());
    let plaintext = HPKE
        .open(&enc, context.as_bytes(), &[], &challenge.ciphertext.0, &private)
        .map(Zeroizing::new)
        .map_err(|_| ExchangeError::NotForUs)?;
    let session_key = plaintext.as_slice().try_into().map_err(|_| ExchangeError::NotForUs)?;
    Ok(Secret::new(session_key))
}

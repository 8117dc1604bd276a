//! What the student's program tells the one around it while it works.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use claim_core::encoding::{Bytes, Nonce, RequestNonce};
use claim_core::messages::{MessageAnswer, Sentence};
use claim_core::{Digest, Origin, PersonId, Timestamp};
use claim_pki::SerialNumber;

/// Something that happened in one of the six steps. Keys are shown by fingerprints; there are no secrets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// First contact: CUHK's root was compared with the invitation and stored.
    RootPinned {
        /// SHA-256 of the root certificate's DER.
        fingerprint: Digest,
        /// Where it was stored.
        path: PathBuf,
    },
    /// Another process enrols the same id in the same folder; this one waits.
    WaitingForOther {
        /// The id.
        id: PersonId,
    },
    /// Step 1: the key pair was made and stored.
    KeyMade {
        /// SHA-256 of the public key (SubjectPublicKeyInfo).
        fingerprint: Digest,
        /// The private key's file.
        path: PathBuf,
    },
    /// Step 1: there is a key already, which is taken: an enrolment was interrupted, or its certificate is no longer good.
    KeyFound {
        /// SHA-256 of the public key (SubjectPublicKeyInfo).
        fingerprint: Digest,
        /// The private key's file.
        path: PathBuf,
    },
    /// Step 1: the certification request goes to CUHK.
    RequestSent {
        /// Where to.
        cuhk: Origin,
        /// How long it is in DER.
        bytes: usize,
    },
    /// Step 2: the certificate came, was checked against the root, and is stored.
    CertificateReceived {
        /// Whom it names.
        id: PersonId,
        /// Its serial number.
        serial: SerialNumber,
        /// Until when it is valid.
        not_after: Timestamp,
        /// The key identifier of the authority that issued it.
        issuer_key_id: [u8; 20],
        /// Where it is stored.
        path: PathBuf,
    },
    /// Step 2 is done: the seed's `SID: ********** sign finished.`
    SignFinished {
        /// Who is enrolled.
        id: PersonId,
    },
    /// Step 3: sentence and certificate go to Blackboard.
    ChallengeSent {
        /// The sentence.
        sentence: Sentence,
        /// Where to.
        blackboard: Origin,
        /// The student's nonce.
        nonce: Nonce,
    },
    /// Step 4: the encrypted session key came.
    ChallengeReceived {
        /// How it is encrypted.
        scheme: String,
        /// The length of the encapsulated key in bytes.
        enc: usize,
        /// The length of the ciphertext in bytes.
        ciphertext: usize,
        /// Until when step 5 must have come.
        expires_at: Timestamp,
    },
    /// Step 5: the session key was decrypted with the certificate's private key.
    SessionKeyDecrypted {
        /// Eight bytes that Blackboard's terminal shows as well.
        fingerprint: Bytes<8>,
    },
    /// Step 5: the proof of having decrypted it goes to Blackboard.
    ConfirmationSent,
    /// Step 5: Blackboard proved that it has the session key too and holds the key certified for its origin.
    BlackboardVerified {
        /// The origin.
        origin: Origin,
        /// SHA-256 of its public key (SubjectPublicKeyInfo).
        key_fingerprint: Digest,
    },
    /// Step 5 is done.
    SessionOpened {
        /// When the session ends by Blackboard's clock.
        expires_at: Timestamp,
        /// How many milliseconds Blackboard's clock is ahead of this machine's; negative when behind.
        clock_offset: i64,
    },
    /// Step 6: a message was signed and is sent.
    MessageSigned {
        /// Its length in bytes.
        bytes: usize,
        /// Its nonce; a repetition has the same.
        nonce: RequestNonce,
    },
    /// Step 6: Blackboard signed that it has the message.
    MessageAcknowledged {
        /// What it says.
        answer: MessageAnswer,
    },
    /// Something failed that may pass; the program waits and tries again.
    Retrying {
        /// What failed, in safe characters.
        why: String,
        /// How long it waits.
        after: Duration,
    },
    /// Blackboard does not know the session any more; a new one is opened.
    SessionLost {
        /// What it said, in safe characters.
        why: String,
    },
    /// Blackboard's clock differs so much that it refused; the program goes by Blackboard's from here on.
    ClockCorrected {
        /// How many milliseconds Blackboard's clock is ahead of this machine's; negative when behind.
        clock_offset: i64,
    },
}

/// Whoever is told. It is called from the task that works, so it must not block.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;

//! What the student's program tells the one around it while it works.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use claim_core::claim::{ClaimId, Files};
use claim_core::encoding::{Bytes, Nonce, RequestNonce};
use claim_core::hand_in::PieceRef;
use claim_core::messages::{MessageAnswer, Sentence};
use claim_core::{Digest, Origin, PersonId, Timestamp};
use claim_pki::SerialNumber;

use crate::hand_in::Change;

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
    /// A certificate that is revoked was put aside with its key: whoever enrols again gets new ones.
    PutAside {
        /// Whose it is.
        id: PersonId,
        /// Its serial number.
        serial: SerialNumber,
        /// Where the private key is now.
        path: PathBuf,
    },
    /// Step 1: the certification request goes to CUHK.
    RequestSent {
        /// Where to.
        cuhk: Origin,
        /// How long it is in DER.
        bytes: usize,
    },
    /// Step 1: CUHK keeps the key until its person has signed in with the university, in a browser.
    SignInWanted {
        /// The page to open.
        link: String,
        /// What is typed there.
        code: String,
        /// SHA-256 of the public key (SubjectPublicKeyInfo), which the page shows too.
        fingerprint: Digest,
        /// Until when, by CUHK's clock.
        expires_at: Timestamp,
    },
    /// The person is signed in, and has still to confirm the key in the browser.
    SignedIn,
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
    /// Step 6: the files to hand in are read.
    ReadingFiles {
        /// How many there are.
        files: usize,
        /// How large they are together, as far as known.
        bytes: u64,
    },
    /// So many more bytes of them were read.
    FileRead {
        /// How many.
        bytes: u64,
    },
    /// All of them were read, or were known from before.
    FilesRead {
        /// How many there are.
        files: usize,
        /// How many of them have not changed since they were last read, and were not read again.
        unchanged: usize,
    },
    /// Step 6: the claim was signed.
    ClaimSigned {
        /// Its id.
        claim: ClaimId,
        /// How many files it lists.
        files: usize,
        /// The length of the signed claim in bytes.
        bytes: usize,
    },
    /// Blackboard's records changed, not for the worse; the claim is signed anew.
    SignedAnew {
        /// What changed.
        change: Change,
        /// The course's time zone, by its IANA name as Blackboard told it: times are told in it.
        zone: String,
    },
    /// Step 6: the claim is lodged, and its timestamp was verified.
    ClaimLodged {
        /// Its id.
        claim: ClaimId,
        /// The timestamp's time.
        lodged_at: Timestamp,
        /// When it was due.
        due: Option<Timestamp>,
        /// By how many milliseconds it is late; 0 when in time.
        late_ms: i64,
    },
    /// The proof of lodging is stored.
    ProofSaved {
        /// The claim.
        claim: ClaimId,
        /// Where.
        path: PathBuf,
    },
    /// Step 6: the files are sent.
    Uploading {
        /// All of them.
        files: Files,
        /// The pieces that Blackboard does not have yet.
        missing: Vec<PieceRef>,
    },
    /// Blackboard signed that it has a piece.
    PieceReceived {
        /// Which piece.
        piece: PieceRef,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Step 6: Blackboard signed that it has all files.
    FilesReceived {
        /// The claim.
        claim: ClaimId,
        /// When the last one was there.
        received_at: Option<Timestamp>,
    },
    /// The log's proof is waited for.
    AwaitingReceipt {
        /// The claim.
        claim: ClaimId,
    },
    /// Step 6 is done: the receipt was checked and stored.
    ReceiptSaved {
        /// The claim.
        claim: ClaimId,
        /// Where.
        path: PathBuf,
    },
    /// Blackboard is away: CUHK has stamped the claim, which was verified and stored.
    Stamped {
        /// The claim.
        claim: ClaimId,
        /// When, by CUHK's clock.
        stamped_at: Timestamp,
        /// Where it is kept.
        path: PathBuf,
    },
    /// Blackboard is still away; it is asked again then.
    AwaitingBlackboard {
        /// How long that is.
        after: Duration,
    },
    /// A claim was withdrawn.
    ClaimWithdrawn {
        /// Which claim.
        claim: ClaimId,
    },
    /// One of one's own files is back, checked.
    FileFetched {
        /// Where.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
    /// Staff takes what was handed in.
    Taking {
        /// How many claims are to be in the folder.
        claims: usize,
        /// Of how many of them something is missing there.
        missing: usize,
    },
    /// So many more bytes of them are there.
    BytesTaken {
        /// How many.
        bytes: u64,
    },
    /// A claim was taken, checked, and is at its place.
    ClaimTaken {
        /// Which claim.
        claim: ClaimId,
        /// Where in the folder.
        place: String,
        /// How many files it has.
        files: usize,
        /// How many bytes of them were missing.
        bytes: u64,
    },
    /// A claim could not be taken.
    NotTaken {
        /// Which claim.
        claim: ClaimId,
        /// Where it would be.
        place: String,
        /// Why not, in safe characters.
        why: String,
    },
    /// Two thirds of the certificate's life were gone, and the program has renewed it.
    RenewedByItself {
        /// Whose it is.
        id: PersonId,
        /// The serial number of the new one.
        serial: SerialNumber,
        /// Until when that is valid.
        not_after: Timestamp,
    },
    /// It should have, and could not; it tries again with the next command.
    NotRenewed {
        /// Whose it is.
        id: PersonId,
        /// Until when the certificate there is is valid.
        not_after: Timestamp,
        /// Why not, in safe characters.
        why: String,
        /// What to do.
        advice: String,
    },
    /// CUHK could not be asked whether Blackboard's certificate has been revoked; by what is known it has not.
    RevocationsNotFetched {
        /// Why not, in safe characters.
        why: String,
        /// When the list was issued by which it was judged instead; `None` where there is none.
        issued_at: Option<Timestamp>,
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

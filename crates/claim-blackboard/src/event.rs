//! What Blackboard tells the program around it while it works.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use claim_core::claim::ClaimId;
use claim_core::encoding::Bytes;
use claim_core::{AssignmentRef, Origin, PersonId, ProblemType, Timestamp};
use claim_pki::SerialNumber;

use crate::retention::Erased;

/// Something that people at the terminal, or a test, want to know at once. It holds no secrets.
///
/// The text of a message is a stranger's: show it through [`claim_core::Escaped`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Blackboard cannot start yet and waits.
    Waiting(WaitingFor),
    /// CUHK certified Blackboard's key.
    Enrolled {
        /// The origin in the certificate.
        origin: Origin,
        /// Where CUHK is.
        cuhk: Origin,
        /// The certificate's serial number, lower-case hexadecimal.
        serial: String,
        /// Until when it is valid.
        not_after: Timestamp,
    },
    /// Old claims and messages were erased, as the rule says.
    Erased(Erased),
    /// They could not be; Blackboard tries again within the hour.
    NotErased {
        /// Why.
        reason: String,
    },
    /// CUHK renewed Blackboard's certificate.
    Renewed {
        /// The new certificate's serial number, lower-case hexadecimal.
        serial: String,
        /// Until when it is valid.
        not_after: Timestamp,
    },
    /// The certificate could not be renewed; Blackboard tries again within the hour.
    RenewalFailed {
        /// Why.
        reason: String,
        /// Until when the one it has is valid.
        not_after: Timestamp,
    },
    /// The TLS certificate from elsewhere was exchanged in its files, and is shown from now on.
    TlsReloaded {
        /// Until when the new one is valid, where that can be read.
        not_after: Option<Timestamp>,
    },
    /// The TLS certificate from elsewhere was exchanged in its files, and could not be read.
    TlsNotReloaded {
        /// Why.
        reason: String,
    },
    /// Keys of the sealing ring do not open with this `sealing.key` and origin: what was sealed under them is
    /// lost, and whoever has a session opens a new one.
    SealingKeysLost {
        /// How many.
        count: usize,
    },
    /// Blackboard takes requests.
    Listening {
        /// Its public origin.
        origin: Origin,
        /// Where it listens.
        addresses: Vec<SocketAddr>,
        /// Where it serves health and metrics, if it does.
        metrics: Option<SocketAddr>,
    },
    /// Step 3: a certificate was verified, and the sentence is its holder's.
    CertificateVerified {
        /// Whom it names.
        id: PersonId,
        /// Its serial number, lower-case hexadecimal.
        serial: String,
    },
    /// Step 4: a session key was made and encrypted to the certificate's key.
    SessionKeySealed {
        /// Who alone can decrypt it.
        id: PersonId,
        /// Eight bytes that people can compare on both sides; they tell nothing about the key.
        fingerprint: Bytes<8>,
        /// When the challenge ceases to be accepted.
        expires_at: Timestamp,
    },
    /// Step 5: both sides have proved that they hold the session key; told again when step 5 is repeated.
    SessionOpened {
        /// Whose session it is.
        id: PersonId,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// Step 6: a message was accepted, and is durable.
    Message {
        /// Its number; later messages have greater ones.
        number: i64,
        /// Who sent it, by the session.
        id: PersonId,
        /// When its last byte was read.
        received_at: Timestamp,
        /// What it says.
        text: String,
    },
    /// The root has certified the keys that sign timestamps and the log: from now on claims are taken.
    EvidenceReady {
        /// The name of the log.
        log: String,
        /// The name of the witness.
        witness: String,
    },
    /// Claims cannot be taken yet, and why.
    EvidenceMissing {
        /// What is to be done, or is wrong.
        reason: String,
    },
    /// The year of the timestamp key ends soon, and the request for the next key waits for the root's word. Told at the
    /// start, and when something else is wrong.
    TimestampKeyEnds {
        /// Until when the key signs.
        signs_until: Timestamp,
        /// The request.
        request: PathBuf,
        /// What is wrong with the request, or with the answer that lies there.
        fault: Option<String>,
    },
    /// The next timestamp key signs from now on.
    TimestampKeyReplaced {
        /// Until when.
        signs_until: Timestamp,
    },
    /// The root has revoked a key by which this Blackboard makes evidence: no claims are taken any more.
    EvidenceRevoked {
        /// The serial number of its certificate.
        serial: SerialNumber,
    },
    /// The revocation lists come to their end, and CUHK gives no newer ones. Told once a day.
    ListsEnd {
        /// When the first of them ends.
        until: Timestamp,
        /// How many seconds are left.
        left: i64,
        /// Why there are no newer ones, where that is known.
        fault: Option<String>,
    },
    /// They have ended: no sessions are opened and no claims taken until there are newer ones.
    ListsEnded {
        /// When the first of them ended.
        until: Timestamp,
        /// Why there are no newer ones, where that is known.
        fault: Option<String>,
    },
    /// There are newer ones, after it was told that they end.
    ListsRenewed {
        /// When the first of them ends.
        until: Timestamp,
    },
    /// A witness does not cosign. Told once; hand-ins go on, and proofs by the other witnesses.
    WitnessAway {
        /// Where it is.
        origin: Origin,
        /// Why.
        reason: String,
    },
    /// A witness has seen more of the log than the records have, or something else: they are an older copy. The log does
    /// not grow any more, and no claims are taken.
    LogBehind {
        /// Where the witness is.
        witness: Origin,
        /// How many entries it has cosigned.
        known: u64,
        /// How many the records have.
        recorded: u64,
    },
    /// That witness cosigns again.
    WitnessBack {
        /// Where it is.
        origin: Origin,
    },
    /// The clock by which Blackboard judges, or a witness's, may be wrong, or is right again.
    Clock(ClockNews),
    /// A claim was lodged, and is durable with its token and its log entry.
    Lodged {
        /// Which claim.
        claim: ClaimId,
        /// What for.
        assignment: AssignmentRef,
        /// Who lodged it.
        id: PersonId,
        /// The token's time.
        lodged_at: Timestamp,
        /// By how many milliseconds it was late.
        late_ms: i64,
    },
    /// All files of a claim are durable.
    Received {
        /// Which claim.
        claim: ClaimId,
        /// What for.
        assignment: AssignmentRef,
        /// Who had lodged it.
        id: PersonId,
        /// How many files.
        files: usize,
        /// How many bytes they have together.
        bytes: u64,
    },
    /// A request was refused.
    Refused {
        /// The kind of refusal.
        problem_type: ProblemType,
        /// What was wrong this time.
        detail: String,
        /// Who sent it, where its signature showed that.
        id: Option<PersonId>,
        /// The address it came from.
        peer: SocketAddr,
    },
}

/// What is new about the clocks. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockNews {
    /// The system's clock was set by this much, forward or (negative) back. Blackboard's time goes on as if it had not,
    /// until CUHK's clock tells which is right.
    Leapt {
        /// By how much.
        by: i64,
    },
    /// CUHK's clock agrees with Blackboard's time: the system's clock is wrong by this much.
    LeapWrong {
        /// By how much it is ahead, or (negative) behind.
        by: i64,
    },
    /// The system's clock agrees with Blackboard's time again.
    LeapOver,
    /// CUHK's clock agrees with the system's, which leapt by this much: Blackboard's time follows it.
    Followed {
        /// By how much.
        by: i64,
    },
    /// Blackboard's clock and a witness's differ by more than three seconds. Told again every hour.
    Differs {
        /// Where the witness is.
        witness: Origin,
        /// By how much Blackboard's is ahead, or (negative) behind, at least.
        ahead_ms: i64,
    },
    /// They agree again.
    Agrees {
        /// Where the witness is.
        witness: Origin,
    },
}

/// What Blackboard waits for at start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitingFor {
    /// CUHK, which does not answer.
    Cuhk {
        /// Where it should be.
        origin: Origin,
        /// Why there is no answer.
        reason: String,
    },
    /// The files that CUHK leaves in the folder when it runs there.
    Files {
        /// The files that are missing.
        missing: Vec<std::path::PathBuf>,
    },
    /// A new invitation in the folder, as CUHK does not take the one that lies there (any more).
    Invitation {
        /// What CUHK says.
        reason: String,
    },
}

impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cuhk { origin, reason } => write!(f, "CUHK at {origin}: {reason}"),
            Self::Files { missing } => {
                f.write_str("CUHK to leave ")?;
                for (index, path) in missing.iter().enumerate() {
                    let and = if index == 0 { "" } else { " and " };
                    write!(f, "{and}{path:?}")?;
                }
                Ok(())
            }
            Self::Invitation { reason } => write!(f, "CUHK to leave a new invitation: {reason}"),
        }
    }
}

/// Whoever is told. It is called from the tasks that serve, so it must not block.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;

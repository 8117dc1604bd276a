//! What can be found: each with the values that show it.

use std::fmt;

use claim_log::{ProofError, ProofFormatError, WitnessKey};
use claim_pki::{PathError, TokenError, Validity, VerifyRevocationListError, VerifyTokenError};

use super::files::FileState;
use crate::claim::{ClaimError, ClaimId, FileName};
use crate::outage::OutageError;
use crate::receipt::{ContainerError, Member, PemError};
use crate::{Escaped, Origin, PersonId, StaffId, Timestamp};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Genuine, but something is missing.
    Incomplete,
    /// The point fails.
    Failure,
}

/// Whose certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Of a person who signed.
    Signer,
    /// Of the authority that issued a signer's.
    Issuing,
    /// Of the timestamp authority.
    Timestamp,
    /// Of CUHK's timestamp authority, after an outage.
    Outage,
    /// Of the log.
    Log,
    /// Of a witness.
    Witness,
}

/// Something that was found. As text it is one plain sentence, safe for a terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "members are what the sentence names, under the same names")]
pub enum Finding {
    // 1. Container
    /// The archive is not in its one form.
    #[error("{0}")]
    Container(#[from] ContainerError),
    /// `README.txt` is not the text of every receipt.
    #[error("README.txt is not the text that receipts have: do not follow what it says")]
    Readme,
    /// *Received* without *lodged*.
    #[error("received.proof is there, but lodged.proof is not")]
    ReceivedWithoutLodged,
    /// A proof is not in its one form.
    #[error("{member}: {error}")]
    ProofForm { member: Member, error: Box<ProofFormatError> },
    /// A proof has data that nobody signed.
    #[error("{member} has extra data, which nobody signed")]
    ProofExtra { member: Member },
    /// Certificates or revocation lists are not in their one spelling.
    #[error("{0}")]
    Pem(#[from] PemError),

    // 2. Claim
    /// The claim does not hold.
    #[error("claim.p7s: {}", Escaped(&.0.to_string()))]
    Claim(Box<ClaimError>),
    /// A member of staff handed in for the holder.
    #[error("handed in by {staff}, a member of staff, for the students named; they did not sign")]
    ByStaff { staff: StaffId },

    // 3. Token
    /// The token is not in its one form.
    #[error("timestamp.tsr: {0}")]
    TokenForm(Box<TokenError>),
    /// The token is not over this claim, or not by its authority.
    #[error("timestamp.tsr: {0}")]
    Token(#[from] VerifyTokenError),
    /// `README.txt` tells another time than the token, or another of an outage.
    #[error("README.txt tells {}, but the token says {}", told(*readme), told(*token))]
    ReadmeTime { readme: Option<Timestamp>, token: Option<Timestamp> },
    /// CUHK's token is not there.
    #[error(
        "outage.tsr is not there: the claim was signed in an outage, and is judged by CUHK's time"
    )]
    OutageMissing,
    /// CUHK's token has no place there.
    #[error("outage.tsr is there, but the claim does not say that it was signed in an outage")]
    OutageUnclaimed,
    /// CUHK's token is not one over this claim.
    #[error("outage.tsr: {0}")]
    Outage(Box<OutageError>),

    // 3 and 4. Certificates
    /// A certificate does not lead to `cuhk.cer`, or is for something else.
    #[error("the certificate of {certificate}: {error}")]
    Path { certificate: Certificate, error: Box<PathError> },
    /// A certificate is not where it must be.
    #[error(
        "certificates.pem: the certificate of {expected} is missing, twice, or not in its place"
    )]
    CertificateOrder { expected: Certificate },
    /// The name of a witness is not one that the key of a note can have.
    #[error("the certificate of a witness has no name that a cosignature can have")]
    WitnessName,
    /// A certificate is for another Blackboard.
    #[error("the certificate of {certificate} is for {found}, but the claim is for {expected}")]
    Origin { certificate: Certificate, expected: Origin, found: Origin },
    /// A checkpoint is that of another log.
    #[error("{member}: the checkpoint is that of {}, not of {expected}", Escaped(.found))]
    CheckpointOrigin { member: Member, expected: String, found: String },

    // 5. Log
    /// There is no proof yet.
    #[error("the receipt does not show that the log has the claim: fetch it again later")]
    NotLogged,
    /// Not yet received, or not yet shown.
    #[error("the receipt does not show that all files were received: it is a lodging proof only")]
    NotReceived,
    /// The entry that follows from claim, token and revocation list is not in the log.
    #[error("{member}: {}", Escaped(&.error.to_string()))]
    Proof { member: Member, error: Box<ProofError> },
    /// No witness vouches for the log.
    #[error("{member}: no witness that cuhk.cer certifies has cosigned the log's checkpoint")]
    NotCosigned { member: Member },
    /// The witness that was asked for does not vouch for the log.
    #[error("{member}: the witness {} has not cosigned the log's checkpoint", Escaped(.witness.name().as_str()))]
    NotByDemanded { member: Member, witness: Box<WitnessKey> },
    /// A witness's certificate is there without a cosignature.
    #[error("certificates.pem has a certificate of {}, who cosigned neither proof", Escaped(.witness.name().as_str()))]
    IdleWitness { witness: Box<WitnessKey> },
    /// The order of the entries is wrong.
    #[error("the log has \"received\" at {received}, but \"lodged\" only at {lodged}")]
    ReceivedBeforeLodged { lodged: u64, received: u64 },
    /// Two checkpoints of one size differ.
    #[error("the log has two histories: two checkpoints of {size} entries have different roots")]
    TwoHistories { size: u64 },

    // 6. Time
    /// No witness confirms the time.
    #[error(
        "the time {gen_time} rests on Blackboard's word alone{}",
        witnessed.map_or(String::new(), |at| format!(": the witness saw it only at {at}"))
    )]
    WordAlone { gen_time: Timestamp, witnessed: Option<Timestamp> },
    /// Blackboard's clock was ahead.
    #[error("Blackboard's clock says {gen_time}, {} s after the witness saw it at {witnessed}", gen_time.millis_since(*witnessed) / 1000)]
    ClockAhead { gen_time: Timestamp, witnessed: Timestamp },
    /// Blackboard's clock was too far ahead.
    #[error(
        "Blackboard's clock says {gen_time}, more than 120 s after the witness saw it at {witnessed}"
    )]
    ClockFar { gen_time: Timestamp, witnessed: Timestamp },
    /// It was handed in while Blackboard could not be reached.
    #[error(
        "signed while Blackboard could not be reached: CUHK stamped it at {stamped}, Blackboard had it at {gen_time}"
    )]
    InOutage { stamped: Timestamp, gen_time: Timestamp },
    /// CUHK's token is later than Blackboard's.
    #[error("CUHK stamped it at {stamped}, more than 120 s after Blackboard had it at {gen_time}")]
    OutageLater { stamped: Timestamp, gen_time: Timestamp },
    /// A signer's certificate was not valid when the claim was lodged.
    #[error("the certificate of {person}, who signed: {error}")]
    SignerNotValid { person: PersonId, error: Box<PathError> },
    /// The timestamp key was no longer, or not yet, in use.
    #[error("the token says {gen_time}, but its key may sign from {} to {} only", period.not_before(), period.not_after())]
    KeyUsage { gen_time: Timestamp, period: Validity },
    /// Not one list per issuer of a signer.
    #[error("revocation.crl has {found} lists; the signers have {expected} issuers")]
    ListCount { expected: usize, found: usize },
    /// A list is not by its issuer.
    #[error("revocation.crl: {0}")]
    List(Box<VerifyRevocationListError>),
    /// A list was old when the claim was lodged.
    #[error(
        "revocation.crl is of {this_update}, more than 25 hours before the claim was lodged at {gen_time}"
    )]
    ListOld { this_update: Timestamp, gen_time: Timestamp },
    /// A list was made after the claim was lodged, so it cannot be the one by which the signers were judged.
    #[error(
        "revocation.crl is of {this_update}, after the claim was lodged at {gen_time} by Blackboard's clock"
    )]
    ListLater { this_update: Timestamp, gen_time: Timestamp },
    /// A signer's certificate had been revoked.
    #[error(
        "the certificate of {person}, who signed, was revoked at {revoked_at}; the claim was lodged at {gen_time}"
    )]
    SignerRevoked { person: PersonId, revoked_at: Timestamp, gen_time: Timestamp },
    /// A list that was given is by nobody whom this receipt concerns.
    #[error(
        "a revocation list that was given is neither by the root nor by an issuer of the signers"
    )]
    ForeignList,
    /// A certificate on which the evidence rests had been revoked.
    #[error(
        "the certificate of {certificate} was revoked at {revoked_at}, before it was used at {used_at}"
    )]
    Revoked { certificate: Certificate, revoked_at: Timestamp, used_at: Timestamp },

    // 7. Due
    /// Too late.
    #[error("lodged at {gen_time}, after {due}, when it was due")]
    Late { due: Timestamp, gen_time: Timestamp },
    /// Late by Blackboard's clock, but the witness saw it in time.
    #[error(
        "Blackboard's clock says {gen_time}, after {due}, when it was due; but the witness saw it in time, at {witnessed}"
    )]
    InTimeByWitness { due: Timestamp, gen_time: Timestamp, witnessed: Timestamp },

    // 8. Files
    /// A file is not the one that was claimed.
    #[error("{}: {state}", Escaped(.name.as_str()))]
    File { name: FileName, state: FileState },
    /// A file is not in the claim.
    #[error("{}: the claim {claim} has no file of this name", Escaped(.name.as_str()))]
    UnknownFile { name: FileName, claim: ClaimId },
    /// A file was given twice.
    #[error("{} was given twice", Escaped(.name.as_str()))]
    FileTwice { name: FileName },
    /// Files were not given.
    #[error("{count} of {of} files were not given, so they were not checked")]
    NotGiven { count: usize, of: usize },
}

impl Finding {
    /// How much it weighs.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::ByStaff { .. }
            | Self::ClockAhead { .. }
            | Self::InOutage { .. }
            | Self::ListLater { .. }
            | Self::Late { .. }
            | Self::InTimeByWitness { .. }
            | Self::NotGiven { .. } => Severity::Note,
            Self::NotLogged | Self::NotReceived | Self::WordAlone { .. } | Self::ListOld { .. } => {
                Severity::Incomplete
            }
            _ => Severity::Failure,
        }
    }

    /// Its name, for programs; it stays when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Container(_) => "container-form",
            Self::Readme => "readme-text",
            Self::ReceivedWithoutLodged => "received-without-lodged",
            Self::ProofForm { .. } => "proof-form",
            Self::ProofExtra { .. } => "proof-extra",
            Self::Pem(_) => "pem-form",
            Self::Claim(_) => "claim",
            Self::ByStaff { .. } => "by-staff",
            Self::TokenForm(_) => "token-form",
            Self::Token(VerifyTokenError::Imprint) => "token-imprint",
            Self::Token(_) => "token-signature",
            Self::ReadmeTime { .. } => "readme-time",
            Self::OutageMissing => "outage-missing",
            Self::OutageUnclaimed => "outage-unclaimed",
            Self::Outage(error) => outage_code(error),
            Self::InOutage { .. } => "in-outage",
            Self::OutageLater { .. } => "outage-later",
            Self::Path { .. } => "certificate-path",
            Self::CertificateOrder { .. } => "certificate-order",
            Self::WitnessName => "witness-name",
            Self::Origin { .. } => "origin",
            Self::CheckpointOrigin { .. } => "checkpoint-origin",
            Self::NotLogged => "not-logged",
            Self::NotReceived => "not-received",
            Self::Proof { .. } => "proof",
            Self::NotCosigned { .. } => "not-cosigned",
            Self::NotByDemanded { .. } => "not-by-demanded-witness",
            Self::IdleWitness { .. } => "idle-witness",
            Self::ReceivedBeforeLodged { .. } => "received-before-lodged",
            Self::TwoHistories { .. } => "two-histories",
            Self::WordAlone { .. } => "word-alone",
            Self::ClockAhead { .. } => "clock-ahead",
            Self::ClockFar { .. } => "clock-far",
            Self::SignerNotValid { .. } => "signer-not-valid",
            Self::KeyUsage { .. } => "key-usage",
            Self::ListCount { .. } => "list-count",
            Self::List(_) => "list",
            Self::ListOld { .. } => "list-old",
            Self::ListLater { .. } => "list-later",
            Self::SignerRevoked { .. } => "signer-revoked",
            Self::ForeignList => "foreign-list",
            Self::Revoked { .. } => "revoked",
            Self::Late { .. } => "late",
            Self::InTimeByWitness { .. } => "in-time-by-witness",
            Self::File { .. } => "file",
            Self::UnknownFile { .. } => "unknown-file",
            Self::FileTwice { .. } => "file-twice",
            Self::NotGiven { .. } => "not-given",
        }
    }
}

/// What is wrong with CUHK's token.
const fn outage_code(error: &OutageError) -> &'static str {
    match error {
        OutageError::Form(_) => "outage-form",
        OutageError::Path(_) => "outage-certificate",
        OutageError::Token(VerifyTokenError::Imprint) => "outage-imprint",
        OutageError::Token(_) => "outage-signature",
        OutageError::NotCuhk { .. } => "outage-authority",
        OutageError::KeyUsage { .. } => "outage-key-usage",
    }
}

/// A time that may not be there.
fn told(time: Option<Timestamp>) -> String {
    time.map_or("of no outage".to_owned(), |time| time.to_string())
}

impl From<OutageError> for Finding {
    fn from(error: OutageError) -> Self {
        Self::Outage(Box::new(error))
    }
}

impl From<ClaimError> for Finding {
    fn from(error: ClaimError) -> Self {
        Self::Claim(Box::new(error))
    }
}

impl From<TokenError> for Finding {
    fn from(error: TokenError) -> Self {
        Self::TokenForm(Box::new(error))
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signer => "a signer",
            Self::Issuing => "the issuing authority",
            Self::Timestamp => "the timestamp authority",
            Self::Outage => "CUHK's timestamp authority",
            Self::Log => "the log",
            Self::Witness => "a witness",
        })
    }
}

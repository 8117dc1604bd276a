//! Which problem each error is: the one place where the inner crates' errors meet the wire's table.

use claim_core::blackboard::{ChallengeError, ConfirmationError, RequestError};
use claim_core::claim::ClaimId;
use claim_core::hand_in::PieceRef;
use claim_core::json::JsonError;
use claim_core::signing::SignatureError;
use claim_core::{Escaped, Problem, ProblemType, TokenError};
use claim_pki::PathError;
use claim_store::{DiskFault, NoRoom, ObjectError, StoreError};

/// What a stranger is told about a defect; the rest is in the log.
const IN_THE_LOG: &str = "the cause is in the server's log";

/// What a stranger is told when the storage does not do its work.
const NO_STORAGE: &str = "the server's records cannot be used at the moment";

/// What a stranger is told when there is no room.
const NO_ROOM: &str = "the server has no room for it at the moment";

/// The longest detail that may repeat what a stranger sent, in characters.
const MAX_DETAIL: usize = 300;

/// Seconds until it makes sense to try again what the storage did not take.
const STORAGE_RETRY_AFTER: u64 = 5;

/// Seconds until somebody may have made room on a full disk. Few, for a deadline may be near.
const FULL_RETRY_AFTER: u64 = 20;

/// Seconds until somebody may have restored a lost object.
const LOST_RETRY_AFTER: u64 = 60;

/// Seconds until people may have settled that the records are an older copy.
const BEHIND_RETRY_AFTER: u64 = 3600;

/// Seconds until a queue that was full has moved on.
const QUEUE_RETRY_AFTER: u64 = 1;

/// Step 3: the body is not the message.
pub(crate) fn unreadable(error: &JsonError) -> Problem {
    repeating(ProblemType::MalformedRequest, error)
}

/// Step 3: the certificate is not that of a person whom CUHK knows.
pub(crate) fn untrusted(error: &PathError) -> Problem {
    let problem_type = match error {
        PathError::NoCertificate
        | PathError::Malformed
        | PathError::TooManyCertificates { .. }
        | PathError::TooLarge { .. } => ProblemType::CertificateUnreadable,
        PathError::Expired { .. } => ProblemType::CertificateExpired,
        PathError::NotYetValid { .. } => ProblemType::CertificateNotYetValid,
        PathError::WrongProfile { .. } | PathError::NotAsProfile { .. } | PathError::Key(_) => {
            ProblemType::CertificateProfile
        }
        // All others keep the path from leading to the root.
        _ => ProblemType::CertificateUntrusted,
    };
    repeating(problem_type, error)
}

/// Step 4.
pub(crate) fn no_challenge(error: &ChallengeError) -> Problem {
    match error {
        ChallengeError::OtherPerson { .. } => Problem::new(ProblemType::SidMismatch, error),
        ChallengeError::Encryption => Problem::new(ProblemType::CertificateProfile, error),
        ChallengeError::Token(token) => no_sealing_key(token),
        _ => internal(error),
    }
}

/// Step 5: the token of step 4 does not open.
pub(crate) fn challenge_token(error: &TokenError) -> Problem {
    token(error, ProblemType::ChallengeInvalid, ProblemType::ChallengeExpired)
}

/// Step 5: the challenge is not met.
pub(crate) fn not_confirmed(error: &ConfirmationError) -> Problem {
    match error {
        ConfirmationError::Wrong => Problem::new(ProblemType::ConfirmationWrong, error),
        ConfirmationError::Token(token) => no_sealing_key(token),
        _ => internal(error),
    }
}

/// Step 6: the session token does not open.
pub(crate) fn session_token(error: &TokenError) -> Problem {
    token(error, ProblemType::SessionInvalid, ProblemType::SessionExpired)
}

/// Step 6: the request is not signed with the session's key.
pub(crate) fn not_authentic(error: &SignatureError) -> Problem {
    let problem_type = match error {
        SignatureError::Wrong => ProblemType::SignatureWrong,
        // All others are about its form.
        _ => ProblemType::SignatureMalformed,
    };
    repeating(problem_type, error)
}

/// Step 6: the request is authentic, and does not count.
pub(crate) fn not_counted(error: &RequestError) -> Problem {
    match error {
        RequestError::ClockSkew { now, .. } => {
            Problem::new(ProblemType::ClockSkew, error).with("server_time", now.to_string())
        }
        RequestError::Content { .. } => Problem::new(ProblemType::DigestMismatch, error),
        _ => internal(error),
    }
}

/// The storage did not do its work.
pub(crate) fn storage(error: &StoreError) -> Problem {
    match error {
        StoreError::Busy => {
            Problem::new(ProblemType::Overloaded, "too much is waiting to be written")
                .with("retry_after", QUEUE_RETRY_AFTER)
        }
        StoreError::Full { .. }
        | StoreError::Disk { .. }
        | StoreError::Unavailable { .. }
        | StoreError::Closed
        | StoreError::Damaged { .. }
        | StoreError::Refused { .. }
        | StoreError::File(_) => {
            tracing::warn!(error = %chain(error), "the storage did not do its work");
            no_storage(error.disk_fault())
        }
        _ => internal(error),
    }
}

/// The storage of files did not do its work.
pub(crate) fn objects(error: &ObjectError) -> Problem {
    tracing::warn!(error = %chain(error), "the storage of files did not do its work");
    no_storage(error.disk_fault())
}

/// The disk has too little room left for this.
pub(crate) fn no_room(error: &NoRoom) -> Problem {
    tracing::debug!(%error, "refused for want of room");
    no_storage(Some(DiskFault::NoRoom))
}

/// A full disk is something else than one that fails, or a database that is away.
fn no_storage(fault: Option<DiskFault>) -> Problem {
    match fault {
        Some(DiskFault::NoRoom) => {
            Problem::new(ProblemType::StorageFull, NO_ROOM).with("retry_after", FULL_RETRY_AFTER)
        }
        Some(DiskFault::Failing) | None => {
            Problem::new(ProblemType::StorageUnavailable, NO_STORAGE)
                .with("retry_after", STORAGE_RETRY_AFTER)
        }
    }
}

/// A piece that was acknowledged is not there: nobody is told that it never was.
pub(crate) fn lost(claim: ClaimId, piece: PieceRef) -> Problem {
    tracing::error!(
        %claim, file = piece.file, index = piece.index,
        "a piece that was acknowledged is lost; restore the folder of objects"
    );
    Problem::new(
        ProblemType::StorageUnavailable,
        "this piece was received, but the server's storage does not have it now",
    )
    .with("retry_after", LOST_RETRY_AFTER)
}

/// The records are an older copy: what was lodged since is not in them, and nothing can be logged.
pub(crate) fn log_behind() -> Problem {
    let detail = "Blackboard's records are older than its public log, so nothing more is taken until the people who \
         run it have settled that; receipts that were given stay valid";
    Problem::new(ProblemType::LogBehind, detail).with("retry_after", BEHIND_RETRY_AFTER)
}

/// Something that should not happen did: in full into the log, bare to the stranger.
pub(crate) fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(error = %chain(error), "a request failed");
    Problem::new(ProblemType::InternalError, IN_THE_LOG)
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A problem whose detail holds parts of what the stranger sent: made safe, and kept short.
pub(crate) fn repeating(problem_type: ProblemType, error: &dyn std::error::Error) -> Problem {
    let text: String = error.to_string().chars().take(MAX_DETAIL).collect();
    Problem::new(problem_type, Escaped(&text))
}

fn token(error: &TokenError, invalid: ProblemType, expired: ProblemType) -> Problem {
    match error {
        TokenError::Malformed | TokenError::UnknownKey(_) | TokenError::Forged => {
            Problem::new(invalid, error)
        }
        TokenError::Expired { .. } => Problem::new(expired, error),
        TokenError::NoSealingKey { .. } => no_sealing_key(error),
        _ => internal(error),
    }
}

/// The ring could not be renewed, as its storage did not take the new key.
fn no_sealing_key(error: &TokenError) -> Problem {
    tracing::warn!(%error, "nothing can be sealed");
    Problem::new(ProblemType::StorageUnavailable, "the keys that seal sessions cannot be renewed")
        .with("retry_after", STORAGE_RETRY_AFTER)
}

//! The entries of the log: what happened to a claim, without anything personal.

use super::manifest::ClaimId;
use crate::Digest;

/// One entry of the log; [`LogEntry::to_bytes`] is the Merkle tree's leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogEntry {
    /// The claim was lodged.
    Lodged {
        /// Which claim.
        claim: ClaimId,
        /// SHA-256 of `timestamp.tsr`.
        timestamp: Digest,
        /// SHA-256 of `revocation.crl`.
        revocation: Digest,
    },
    /// All files of the claim are received.
    Received {
        /// Which claim.
        claim: ClaimId,
    },
    /// The claim was withdrawn.
    Withdrawn {
        /// Which claim.
        claim: ClaimId,
        /// SHA-256 of the signed withdrawal.
        withdrawal: Digest,
    },
}

/// Bytes are not an entry of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an entry that Claim writes")]
pub struct LogEntryError;

impl LogEntry {
    /// Which claim it is about.
    pub fn claim(&self) -> ClaimId {
        match *self {
            Self::Lodged { claim, .. }
            | Self::Received { claim }
            | Self::Withdrawn { claim, .. } => claim,
        }
    }

    /// The leaf: lines of ASCII, each ended by LF.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Lodged { claim, timestamp, revocation } => {
                format!("claim v1 lodged\n{claim}\n{timestamp}\n{revocation}\n")
            }
            Self::Received { claim } => format!("claim v1 received\n{claim}\n"),
            Self::Withdrawn { claim, withdrawal } => {
                format!("claim v1 withdrawn\n{claim}\n{withdrawal}\n")
            }
        }
        .into_bytes()
    }

    /// Reads a leaf.
    ///
    /// # Errors
    /// [`LogEntryError`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, LogEntryError> {
        let text = std::str::from_utf8(bytes).map_err(|_| LogEntryError)?;
        let lines: Vec<&str> =
            text.strip_suffix('\n').ok_or(LogEntryError)?.split('\n').take(6).collect();
        let digest = |text: &str| text.parse::<Digest>().map_err(|_| LogEntryError);
        let id = |text: &str| digest(text).map(ClaimId::from_digest);
        match lines.as_slice() {
            ["claim v1 lodged", claim, timestamp, revocation] => Ok(Self::Lodged {
                claim: id(claim)?,
                timestamp: digest(timestamp)?,
                revocation: digest(revocation)?,
            }),
            ["claim v1 received", claim] => Ok(Self::Received { claim: id(claim)? }),
            ["claim v1 withdrawn", claim, withdrawal] => {
                Ok(Self::Withdrawn { claim: id(claim)?, withdrawal: digest(withdrawal)? })
            }
            _ => Err(LogEntryError),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn entries_and_back() {
        let claim = ClaimId::of_manifest(b"{}");
        let (timestamp, revocation) = (Digest::of(b"t"), Digest::of(b"r"));
        let lodged = LogEntry::Lodged { claim, timestamp, revocation };
        let text = format!("claim v1 lodged\n{claim}\n{timestamp}\n{revocation}\n");
        assert_eq!(lodged.to_bytes(), text.as_bytes());
        let received = LogEntry::Received { claim };
        assert_eq!(received.to_bytes(), format!("claim v1 received\n{claim}\n").as_bytes());
        let withdrawn = LogEntry::Withdrawn { claim, withdrawal: Digest::of(b"w") };
        for entry in [lodged, received, withdrawn] {
            assert_eq!(LogEntry::from_slice(&entry.to_bytes()), Ok(entry));
            assert_eq!(entry.claim(), claim);
        }
    }

    #[test]
    fn nothing_else_is_an_entry() {
        let claim = ClaimId::of_manifest(b"{}");
        for wrong in [
            String::new(),
            "\n".to_owned(),
            format!("claim v1 received\n{claim}"),
            format!("claim v1 received\n{claim}\n\n"),
            format!("claim v1 received\r\n{claim}\r\n"),
            format!("claim v2 received\n{claim}\n"),
            format!("claim v1 lodged\n{claim}\n"),
            "claim v1 received\nAB\n".to_owned(),
        ] {
            assert_eq!(LogEntry::from_slice(wrong.as_bytes()), Err(LogEntryError), "{wrong:?}");
        }
        assert_eq!(LogEntry::from_slice(b"claim v1 received\n\xff\n"), Err(LogEntryError));
    }
}

//! The answer.

use std::fmt;

use crate::{
    Certificate, CertificateError, Ed25519PublicKey, Origin, PathError, PublicKey, Root, Timestamp,
    VerifiedLog, VerifiedTimestampAuthority, VerifiedWitness,
};

/// The three certificates that answer a request. Nothing is verified: see [`Self::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceAnswer {
    /// The certificate of the timestamp key.
    pub timestamp: Certificate,
    /// The certificate of the log key.
    pub log: Certificate,
    /// The certificate of the witness that CUHK itself is.
    pub witness: Certificate,
}

/// Which of the three certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidencePart {
    /// That of the timestamp key.
    Timestamp,
    /// That of the log key.
    Log,
    /// That of the witness.
    Witness,
}

/// Why a text is not such an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceAnswerError {
    /// It is longer than any answer.
    #[error("an answer file has at most {} bytes; this has {found}", EvidenceAnswer::MAX_SIZE)]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// It is not text.
    #[error("an answer file is text in UTF-8; this is not")]
    NotText,
    /// What it holds are not certificates.
    #[error("the answer file cannot be read: {0}")]
    Certificates(#[from] CertificateError),
    /// There are more or fewer than three certificates.
    #[error(
        "an answer file holds the certificates of timestamp key, log key and witness; this one holds {found}"
    )]
    Count {
        /// How many there are.
        found: usize,
    },
}

/// Three certificates of which is verified that the root issued them for this Blackboard's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEvidence {
    /// The timestamp authority.
    pub timestamp: VerifiedTimestampAuthority,
    /// The log.
    pub log: VerifiedLog,
    /// The witness.
    pub witness: VerifiedWitness,
}

/// Why an answer is not one to this Blackboard's request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyEvidenceError {
    /// A certificate is not one that the root issued for this purpose, or not valid now.
    #[error("the certificate of the {part} is not good: {source}")]
    Path {
        /// Which certificate.
        part: EvidencePart,
        /// What is wrong with it.
        source: PathError,
    },
    /// A certificate is for another Blackboard.
    #[error("the certificate of the {part} is for {found}, not for {expected}")]
    OtherOrigin {
        /// Which certificate.
        part: EvidencePart,
        /// This Blackboard.
        expected: Origin,
        /// The one in the certificate.
        found: Origin,
    },
    /// A certificate is for another key.
    #[error("the certificate of the {part} is for another key than the one that is here")]
    OtherKey {
        /// Which certificate.
        part: EvidencePart,
    },
    /// The witness has the log's own key, and so could not testify against it.
    #[error("the witness has the log's own key")]
    WitnessIsLog,
}

impl EvidenceAnswer {
    /// The largest answer file that is read, in bytes.
    pub const MAX_SIZE: usize = 72 * 1024;

    /// Reads an answer file.
    ///
    /// # Errors
    /// [`EvidenceAnswerError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceAnswerError> {
        if bytes.len() > Self::MAX_SIZE {
            return Err(EvidenceAnswerError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| EvidenceAnswerError::NotText)?;
        let all = Certificate::chain_from_pem(text)?;
        let [timestamp, log, witness] = <[Certificate; 3]>::try_from(all)
            .map_err(|all| EvidenceAnswerError::Count { found: all.len() })?;
        Ok(Self { timestamp, log, witness })
    }

    /// The answer file: the three certificates in PEM.
    pub fn to_text(&self) -> String {
        [&self.timestamp, &self.log, &self.witness].map(Certificate::to_pem).concat()
    }

    /// Verifies that the root issued all three, valid at this time, for this origin and these keys.
    ///
    /// # Errors
    /// [`VerifyEvidenceError`], the first that is found.
    pub fn verify(
        &self,
        root: &Root,
        origin: &Origin,
        timestamp_key: &PublicKey,
        log_key: &Ed25519PublicKey,
        at: Timestamp,
    ) -> Result<VerifiedEvidence, VerifyEvidenceError> {
        use EvidencePart::{Log, Timestamp, Witness};
        let path = |part| move |source| VerifyEvidenceError::Path { part, source };
        let timestamp = root.verify_timestamp(self.timestamp.der(), at).map_err(path(Timestamp))?;
        let log = root.verify_log(self.log.der(), at).map_err(path(Log))?;
        let witness = root.verify_witness(self.witness.der(), at).map_err(path(Witness))?;
        same_origin(Timestamp, origin, timestamp.origin())?;
        same_origin(Log, origin, log.origin())?;
        if timestamp.public_key() != timestamp_key {
            return Err(VerifyEvidenceError::OtherKey { part: Timestamp });
        }
        if log.public_key() != log_key {
            return Err(VerifyEvidenceError::OtherKey { part: Log });
        }
        if witness.public_key() == log_key {
            return Err(VerifyEvidenceError::WitnessIsLog);
        }
        Ok(VerifiedEvidence { timestamp, log, witness })
    }
}

fn same_origin(
    part: EvidencePart,
    expected: &Origin,
    found: &Origin,
) -> Result<(), VerifyEvidenceError> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.clone(), found.clone());
    Err(VerifyEvidenceError::OtherOrigin { part, expected, found })
}

impl fmt::Display for EvidencePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timestamp => "timestamp key",
            Self::Log => "log key",
            Self::Witness => "witness",
        })
    }
}

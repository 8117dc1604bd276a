//! The body of `add-checkpoint`, and of its answers.

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::note::MAX_NOTE_LENGTH;
use crate::text::decode_hash;
use crate::tree::{ConsistencyProof, MAX_PROOF_HASHES, TreeSize};

/// The most octets that the body of a request can have. A server stops reading there.
pub const MAX_REQUEST_LENGTH: usize = MAX_NOTE_LENGTH + 64 * (MAX_PROOF_HASHES + 1);

/// A request to cosign a checkpoint: how large the log was when the witness cosigned it last, the proof that it has only
/// grown since, and the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: TreeSize,
    proof: ConsistencyProof,
    checkpoint: SignedCheckpoint,
}

/// Why octets are not such a request: the answer is 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// There are more octets than a request may have.
    #[error("a request has at most {MAX_REQUEST_LENGTH} octets, this one has {octets}")]
    TooLong {
        /// How many there are.
        octets: usize,
    },
    /// There is no blank line before the checkpoint, or what stands before it is not UTF-8.
    #[error("the request has no blank line before its checkpoint")]
    NoCheckpoint,
    /// The first line is not that with the old size.
    #[error("the first line of the request is not `old` and a decimal number below 2^63")]
    Old,
    /// A line that should be a hash is none.
    #[error("line {line} of the request is not a hash of 32 octets in base64")]
    Hash {
        /// The number of the line, from 1.
        line: usize,
    },
    /// There are more hashes than any proof can have.
    #[error("a consistency proof has at most {MAX_PROOF_HASHES} hashes")]
    TooManyHashes,
    /// The checkpoint is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl AddCheckpoint {
    /// The request to cosign this checkpoint, when the last one that was cosigned had the old size.
    pub const fn new(old: TreeSize, proof: ConsistencyProof, checkpoint: SignedCheckpoint) -> Self {
        Self { old, proof, checkpoint }
    }

    /// How large the log was when the witness cosigned it last, says the one who asks.
    pub const fn old(&self) -> TreeSize {
        self.old
    }

    /// The proof that the log has only grown.
    pub const fn proof(&self) -> &ConsistencyProof {
        &self.proof
    }

    /// The checkpoint, not verified.
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Which log this is about: the name under which its key is to be looked up.
    pub fn origin(&self) -> &str {
        self.checkpoint.unverified().origin()
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, RequestError> {
        if octets.len() > MAX_REQUEST_LENGTH {
            return Err(RequestError::TooLong { octets: octets.len() });
        }
        let end = octets.windows(2).position(|pair| pair == b"\n\n");
        let (before, checkpoint) = octets.split_at(end.ok_or(RequestError::NoCheckpoint)?);
        let before = std::str::from_utf8(before).map_err(|_| RequestError::NoCheckpoint)?;
        let mut lines = before.split('\n').zip(1..);
        let old = lines.next().and_then(|(line, _)| line.strip_prefix("old ")?.parse().ok());
        let old = old.ok_or(RequestError::Old)?;
        let mut hashes = Vec::new();
        for (line, number) in lines {
            if hashes.len() == MAX_PROOF_HASHES {
                return Err(RequestError::TooManyHashes);
            }
            hashes.push(decode_hash(line).ok_or(RequestError::Hash { line: number })?);
        }
        let proof = ConsistencyProof::new(hashes).map_err(|_| RequestError::TooManyHashes)?;
        let checkpoint = checkpoint.get(2..).ok_or(RequestError::NoCheckpoint)?;
        let checkpoint = SignedCheckpoint::from_bytes(checkpoint)?;
        Ok(Self { old, proof, checkpoint })
    }

    /// The body of the request.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old);
        for hash in self.proof.hashes() {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        let mut octets = text.into_bytes();
        octets.extend_from_slice(&self.checkpoint.to_bytes());
        octets
    }
}

/// Reads the body of a 409 answer (`text/x.tlog.size`): the size of the last checkpoint that the witness cosigned.
///
/// The log then asks again, with a proof from there. `None` when the body is not a size and a newline.
pub fn conflicting_size(body: &[u8]) -> Option<TreeSize> {
    std::str::from_utf8(body).ok()?.strip_suffix('\n')?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::Hash;

    /// The example of tlog-witness v1.0.0.
    const REQUEST: &str = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

    #[test]
    fn the_published_example() {
        let request = AddCheckpoint::from_bytes(REQUEST.as_bytes()).unwrap();
        assert_eq!(request.old().value(), 20_852_014);
        assert_eq!(request.proof().hashes().len(), 4);
        assert_eq!(request.origin(), "example.com/behind-the-sofa");
        assert_eq!(request.checkpoint().signatures().len(), 2);
        assert_eq!(request.to_bytes(), REQUEST.as_bytes());
    }

    #[test]
    fn what_is_not_a_request() {
        let replaced = |from: &str, to: &str| REQUEST.replacen(from, to, 1);
        let many = format!("\n{}\n", format!("{}\n", Hash::EMPTY_TREE).repeat(60));
        let rows = [
            (String::new(), RequestError::NoCheckpoint),
            ("old 0\n".to_owned(), RequestError::NoCheckpoint),
            (REQUEST.replace('\n', "\r\n"), RequestError::NoCheckpoint),
            (replaced("old ", "old  "), RequestError::Old),
            (replaced("old ", "new "), RequestError::Old),
            (replaced("20852014", "020852014"), RequestError::Old),
            (replaced("20852014", "-1"), RequestError::Old),
            (replaced("20852014", "9223372036854775808"), RequestError::Old),
            (replaced("20852014", ""), RequestError::Old),
            (format!("\n\n{REQUEST}"), RequestError::Old),
            (replaced("pkaw=", "pkaw"), RequestError::Hash { line: 2 }),
            (replaced("j/0=", "j/1="), RequestError::Hash { line: 5 }),
            (replaced("\n\n", &many), RequestError::TooManyHashes),
            (
                format!("{REQUEST}{}", " ".repeat(MAX_REQUEST_LENGTH)),
                RequestError::TooLong { octets: REQUEST.len() + MAX_REQUEST_LENGTH },
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(AddCheckpoint::from_bytes(text.as_bytes()), Err(expected), "{text:.80}");
        }
        for text in [replaced("\n\n", "\n\n\n"), replaced("20852163", "x"), format!("{REQUEST}x")] {
            let error = AddCheckpoint::from_bytes(text.as_bytes()).unwrap_err();
            assert!(matches!(error, RequestError::Checkpoint(_)), "{error}");
        }
    }

    #[test]
    fn the_size_in_an_answer() {
        assert_eq!(conflicting_size(b"20852014\n").map(TreeSize::value), Some(20_852_014));
        for body in ["", "\n", "1", "01\n", "1\n\n", "1\r\n", "9223372036854775808\n"] {
            assert_eq!(conflicting_size(body.as_bytes()), None, "{body:?}");
        }
    }
}

//! Signed notes (C2SP signed-note v1.0.0): a text, and below it signatures by keys that have names.
//!
//! Two kinds of keys are known here: Ed25519 over the text, by which a log signs, and the timestamped cosignature of
//! tlog-cosignature v1.0.1, by which a witness does. Signatures by other keys are carried along and ignored.

mod key;
mod name;
mod signature;
mod signing;
mod time;

pub use key::{BadSignature, KeyError, KeyId, KeyKind, VerifierKey};
pub use name::{KeyName, KeyNameError};
pub use signature::{NoteSignature, SignatureLineError};
pub use signing::{Pkcs8, SigningFailed, SigningKey, SigningKeyError};
pub use time::{PosixTime, PosixTimeError};

/// The most octets a note can have.
///
/// The specification asks for room for 16 signatures, and warns that those of some algorithms are of several kilobytes.
pub const MAX_NOTE_LENGTH: usize = 128 * 1024;

/// The most signatures a note can have; the specification asks for 16 at least.
pub const MAX_SIGNATURES: usize = 64;

/// A text with signatures, none of which has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// Why octets are not a signed note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// There are more octets than a note may have.
    #[error("a note has at most {MAX_NOTE_LENGTH} octets, this one has {octets}")]
    TooLong {
        /// How many there are.
        octets: usize,
    },
    /// It is not UTF-8.
    #[error("the note is not UTF-8, from octet {valid_up_to} on")]
    NotUtf8 {
        /// How many octets at the beginning are.
        valid_up_to: usize,
    },
    /// It has a control character (a carriage return, for example).
    #[error("the note has the control character U+{code:04X}")]
    Control {
        /// Its code point.
        code: u32,
    },
    /// The text does not end with a newline.
    #[error("the text of the note does not end with a newline")]
    Unterminated,
    /// There is no blank line between text and signatures, or the last line does not end.
    #[error("the note has no blank line before its signatures, or its last line does not end")]
    NoSignatures,
    /// There are more signatures than a note may have.
    #[error("a note has at most {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// A line among the signatures is none.
    #[error(transparent)]
    Signature(#[from] SignatureLineError),
}

/// Why none of the known keys vouches for a note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No signature is by a known key.
    #[error("the note is not signed by a key that is known")]
    NoKnownKey,
    /// A signature that names a known key was not made by it: such a note is refused as a whole.
    #[error("the signature of {key} is not genuine")]
    BadSignature {
        /// The key that the signature names.
        key: Box<VerifierKey>,
    },
}

/// A signature that was verified with a known key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    key: VerifierKey,
    time: Option<PosixTime>,
}

impl VerifiedSignature {
    /// The key that made it.
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// When it was made, by the clock of the signer: cosignatures say so, others do not.
    pub const fn time(&self) -> Option<PosixTime> {
        self.time
    }
}

impl Note {
    /// A text without signatures yet.
    ///
    /// # Errors
    /// [`NoteError::Control`], [`NoteError::Unterminated`], [`NoteError::TooLong`].
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        check_text(&text)?;
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a signed note, exactly as the specification has it.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, NoteError> {
        if octets.len() > MAX_NOTE_LENGTH {
            return Err(NoteError::TooLong { octets: octets.len() });
        }
        let note = std::str::from_utf8(octets)
            .map_err(|error| NoteError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
        // "The text is separated from the signatures by the last empty line in the note."
        let (before, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let text = note.get(..=before.len()).ok_or(NoteError::NoSignatures)?;
        check_text(note)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(line.parse()?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The note as it is sent and stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut note = format!("{}\n", self.text);
        for signature in &self.signatures {
            note.push_str(&signature.to_string());
            note.push('\n');
        }
        note.into_bytes()
    }

    /// The text, with its final newline. Unless a signature was [verified](Note::verify), anybody may have written it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in the order of the note, not verified.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The same text with one more signature, unless the note has just that one already.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`].
    pub fn with_signature(mut self, signature: NoteSignature) -> Result<Self, NoteError> {
        if self.signatures.contains(&signature) {
            return Ok(self);
        }
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        Ok(self)
    }

    /// Verifies the signatures by these keys; all others are ignored.
    ///
    /// What comes back is not empty, and in the order of the note; a key that signed twice comes twice.
    ///
    /// # Errors
    /// [`VerifyError::BadSignature`] when one signature that names one of the keys is not by it, and
    /// [`VerifyError::NoKnownKey`] when none names one.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, VerifyError> {
        let mut verified = Vec::new();
        for signature in &self.signatures {
            // Name and id together say which key; two known keys that share both are tried one after the other.
            let mut result = None;
            for key in keys.iter().filter(|key| key.made(signature)) {
                match key.verify(&self.text, signature) {
                    Ok(good) => {
                        result = Some(Ok(good));
                        break;
                    }
                    Err(BadSignature) => {
                        result =
                            Some(Err(VerifyError::BadSignature { key: Box::new(key.clone()) }));
                    }
                }
            }
            if let Some(result) = result {
                verified.push(result?);
            }
        }
        if verified.is_empty() { Err(VerifyError::NoKnownKey) } else { Ok(verified) }
    }
}

/// "MUST NOT contain any ASCII control characters (those below U+0020) other than newline."
fn check_text(text: &str) -> Result<(), NoteError> {
    if text.len() > MAX_NOTE_LENGTH {
        return Err(NoteError::TooLong { octets: text.len() });
    }
    if let Some(control) = text.chars().find(|character| *character < ' ' && *character != '\n') {
        return Err(NoteError::Control { code: control.into() });
    }
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::Unterminated) }
}

#[cfg(test)]
mod tests;

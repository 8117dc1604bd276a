//! Keys of logs and of witnesses: of different types, so that neither can stand where the other must.

use std::fmt;
use std::str::FromStr;

use super::{Checkpoint, LogSigned, SignedCheckpoint};
use crate::note::{
    KeyError, KeyKind, KeyName, Note, NoteSignature, PosixTime, SigningFailed, SigningKey,
    VerifierKey,
};
use crate::tree::TreeHead;

macro_rules! key_of {
    ($(#[$doc:meta])* $name:ident, $kind:expr) => {
        $(#[$doc])*
        ///
        /// As text it is the vkey of signed-note; a key of the other kind is refused.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(VerifierKey);

        impl $name {
            /// The key of this name.
            pub const fn new(name: KeyName, public: [u8; VerifierKey::PUBLIC_OCTETS]) -> Self {
                Self(VerifierKey::new(name, $kind, public))
            }

            /// The name.
            pub const fn name(&self) -> &KeyName {
                self.0.name()
            }

            /// The public key (RFC 8032 §5.1.5).
            pub const fn public(&self) -> &[u8; VerifierKey::PUBLIC_OCTETS] {
                self.0.public()
            }

            /// The key as signed notes know it.
            pub const fn as_verifier(&self) -> &VerifierKey {
                &self.0
            }
        }

        impl TryFrom<VerifierKey> for $name {
            type Error = KeyError;

            fn try_from(key: VerifierKey) -> Result<Self, KeyError> {
                if key.kind() != $kind {
                    return Err(KeyError::OtherKind { expected: $kind });
                }
                Ok(Self(key))
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                text.parse::<VerifierKey>()?.try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

key_of! {
    /// The public key of a log. Its name is the log's origin.
    LogKey, KeyKind::Ed25519
}

key_of! {
    /// The public key of a witness.
    WitnessKey, KeyKind::Cosignature
}

/// A log's private key and name: signs checkpoints.
pub struct LogSigner {
    key: SigningKey,
    name: KeyName,
}

impl LogSigner {
    /// The signer of the log whose origin this is.
    pub const fn new(origin: KeyName, key: SigningKey) -> Self {
        Self { key, name: origin }
    }

    /// What verifies its checkpoints.
    pub fn key(&self) -> LogKey {
        LogKey::new(self.name.clone(), *self.key.public())
    }

    /// Signs the checkpoint of this head, without extension lines.
    ///
    /// A log signs only a head that is committed, and never two of the same size: whoever calls this has seen to both.
    ///
    /// # Errors
    /// [`SigningFailed`].
    pub fn sign(&self, head: TreeHead) -> Result<SignedCheckpoint, SigningFailed> {
        let origin = self.name.as_str().to_owned();
        let checkpoint = Checkpoint { origin, head, extensions: Vec::new() };
        let text = checkpoint.to_string();
        let signature = self.key.sign_note(&self.name, &text, None)?;
        // A name and three short lines are always a note.
        let note = Note::new(text).and_then(|note| note.with_signature(signature));
        Ok(SignedCheckpoint { note: note.map_err(|_| SigningFailed)?, checkpoint })
    }
}

/// A witness's private key and name: cosigns checkpoints.
pub struct WitnessSigner {
    key: SigningKey,
    name: KeyName,
}

impl WitnessSigner {
    /// The signer of the witness of this name.
    ///
    /// A cosignature does not contain the name: the key must serve no other witness.
    pub const fn new(name: KeyName, key: SigningKey) -> Self {
        Self { key, name }
    }

    /// What verifies its cosignatures.
    pub fn key(&self) -> WitnessKey {
        WitnessKey::new(self.name.clone(), *self.key.public())
    }

    /// Cosigns: states that at this time the log's largest tree, seen to be consistent, was this one.
    ///
    /// Public only within the crate: [`Accepted`](crate::witness::Accepted) is what a witness may cosign.
    pub(crate) fn cosign(
        &self,
        checkpoint: &LogSigned,
        time: PosixTime,
    ) -> Result<NoteSignature, SigningFailed> {
        self.key.sign_note(&self.name, checkpoint.signed().note.text(), Some(time))
    }
}

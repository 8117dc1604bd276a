//! Why a key in a token cannot be used.

use std::path::PathBuf;

use claim_pki::KeyError;
use cryptoki::error::Error as ModuleError;

use crate::TokenUri;

/// Why a key in a token cannot be used. A PIN never stands in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The module cannot be loaded or initialised.
    #[error("the PKCS#11 module {path:?} cannot be used: {source}")]
    Module {
        /// The library.
        path: PathBuf,
        /// What went wrong.
        source: ModuleError,
    },
    /// No token has this label.
    #[error("there is no token {:?} at the PKCS#11 module {:?}", uri.token(), uri.module())]
    NoToken {
        /// What was looked for.
        uri: TokenUri,
    },
    /// Several tokens have this label.
    #[error("{found} tokens at the PKCS#11 module {:?} are called {:?}", uri.module(), uri.token())]
    ManyTokens {
        /// What was looked for.
        uri: TokenUri,
        /// How many there are.
        found: usize,
    },
    /// The token refused the PIN.
    #[error("the PIN does not open the token {:?}", uri.token())]
    Pin {
        /// The token.
        uri: TokenUri,
    },
    /// The token takes no PIN any more, or one more only: that one is left to a person.
    #[error(
        "the token {:?} was given wrong PINs: it {}", uri.token(),
        if *locked { "is locked" } else { "locks itself after one more" }
    )]
    TooManyPins {
        /// The token.
        uri: TokenUri,
        /// Whether it is locked already.
        locked: bool,
    },
    /// The token has no such key.
    #[error("the token {:?} has no private key {:?} with a public key beside it", uri.token(), uri.object())]
    NoKey {
        /// What was looked for.
        uri: TokenUri,
    },
    /// Several keys have this label.
    #[error("the token {:?} has several keys called {:?}", uri.token(), uri.object())]
    ManyKeys {
        /// What was looked for.
        uri: TokenUri,
    },
    /// The key cannot be used: it is on another curve, say.
    #[error("the key {:?} in the token {:?} cannot be used: {source}", uri.object(), uri.token())]
    Key {
        /// The key.
        uri: TokenUri,
        /// What is wrong with it.
        source: KeyError,
    },
    /// What the token signs with this key does not verify with the public key that lies beside it.
    #[error(
        "the private key {:?} in the token {:?} does not belong to the public key of that name",
        uri.object(), uri.token()
    )]
    Inconsistent {
        /// The key.
        uri: TokenUri,
    },
    /// The key of this name is another than before.
    #[error("the token {:?} has another key called {:?} now", uri.token(), uri.object())]
    OtherKey {
        /// The key.
        uri: TokenUri,
    },
    /// The module refused something else.
    #[error("the token {:?} failed: {source}", uri.token())]
    Failed {
        /// The token.
        uri: TokenUri,
        /// What it said.
        source: ModuleError,
    },
}

impl TokenError {
    /// What to do next.
    pub fn advice(&self) -> String {
        match self {
            Self::Module { .. } => {
                "Name the library of the token's maker after ?module-path=, and install it."
            }
            Self::NoToken { .. } => {
                "Plug it in, start what it needs, or put the name after token= right \
                 (`pkcs11-tool --module … --list-slots` shows those there are)."
            }
            Self::ManyTokens { .. } => "Give each token a label of its own.",
            Self::Pin { .. } => {
                "Put the PIN right before you start again: a token locks itself after a few wrong \
                 ones."
            }
            Self::TooManyPins { locked: true, .. } => {
                "Have its security officer set a new PIN (C_InitPIN), then start again."
            }
            Self::TooManyPins { locked: false, .. } => {
                "Log in with the right PIN by hand once (`pkcs11-tool --login --list-objects`), which \
                 lets the token forget the wrong ones; then start again."
            }
            Self::NoKey { .. } => {
                "Put the name after object= right, or restore the token: another key would be another \
                 authority."
            }
            Self::ManyKeys { .. } => "Give each key in the token a label of its own.",
            Self::Key { .. } => "Use a key on the curve P-256.",
            Self::Inconsistent { .. } | Self::OtherKey { .. } => {
                "Restore the token from its backup."
            }
            Self::Failed { .. } => "Look after the token, and start again.",
        }
        .to_owned()
    }
}

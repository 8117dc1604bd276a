//! Private keys that stay in a PKCS #11 token (OASIS PKCS #11 v2.40): a smart card, a hardware security module, SoftHSM.
//!
//! A [`TokenKey`] is a [`claim_pki::Sign`]: it signs with ECDSA on P-256 and never leaves its token. Which one it is, a
//! [`TokenUri`] says (RFC 7512). Its session is opened anew when the token has ended it.
//!
//! A module is a library of the token's maker that runs inside this process, and is initialised once in it: that is how
//! PKCS #11 works, and why the modules in use are kept in one place for the whole process.
//!
//! Not here: asynchronous code (a call returns when the token has answered), where PINs come from (claim-files), and what
//! is signed.

mod error;
mod key;
mod module;
mod uri;

pub use error::TokenError;
pub use key::TokenKey;
pub use uri::{TokenUri, TokenUriError};

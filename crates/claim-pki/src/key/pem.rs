//! PEM of private keys (RFC 7468).

use der::SecretDocument;

use super::KeyError;

/// The first PEM block with this label, from its first to its last line (RFC 7468 §2).
pub(super) fn pem_block<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let end = format!("-----END {label}-----");
    let start = text.find(&format!("-----BEGIN {label}-----"))?;
    let length = text.get(start..)?.find(&end)?;
    text.get(start..start + length + end.len())
}

/// What such a block holds, wiped when dropped.
pub(super) fn decode_pem(block: &str) -> Result<SecretDocument, KeyError> {
    let (_, document) = SecretDocument::from_pem(block).map_err(KeyError::Malformed)?;
    Ok(document)
}

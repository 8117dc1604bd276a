//! SHA-256, as the rest of the crate uses it.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 (FIPS 180-4) of the bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

//! Where revocation lists lie.

use std::fmt::Write as _;

use claim_core::Origin;
use claim_pki::Issuer;

/// A key id as it stands in the addresses and names of revocation lists: lower-case hexadecimal.
pub(crate) fn hex(key_id: &[u8; 20]) -> String {
    key_id.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The issuer, who says in each certificate where the list lies that would name it, if others can reach CUHK.
pub(crate) fn announced(issuer: Issuer, cuhk: Option<&Origin>) -> Issuer {
    let reachable = cuhk.filter(|origin| !origin.is_loopback());
    let path = format!("/crl/{}.crl", hex(issuer.key_id()));
    match reachable.and_then(|origin| origin.join(&path).parse().ok()) {
        Some(url) => issuer.with_crl_url(url),
        None => issuer,
    }
}

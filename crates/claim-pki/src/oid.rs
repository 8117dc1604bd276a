//! Object identifiers.
//!
//! Our own stand below the UUID arc `2.25.304274850276117055762681507612542191110` (ITU-T X.667), whose last part has
//! 128 bits. `ObjectIdentifier` holds parts of 32 bits only, so ours are kept as the content octets of their DER.

use der::asn1::AnyRef;
use der::{Any, Sequence, Tag, Tagged};

pub(crate) use const_oid::db::rfc4519::{C, CN, O, UID};
pub(crate) use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_CERTIFICATE_POLICIES,
    ID_CE_CRL_DISTRIBUTION_POINTS, ID_CE_CRL_NUMBER, ID_CE_CRL_REASONS, ID_CE_EXT_KEY_USAGE,
    ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS, ID_CE_PRIVATE_KEY_USAGE_PERIOD,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
pub(crate) use const_oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA,
    ID_SIGNING_TIME,
};
pub(crate) use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ID_EC_PUBLIC_KEY, ID_SHA_256, SECP_256_R_1,
};
pub(crate) use const_oid::db::rfc8410::ID_ED_25519;

/// The content octets of `id-kp` (RFC 5280 §4.2.1.12), `1.3.6.1.5.5.7.3.<number>`.
const fn key_purpose(number: u8) -> [u8; 8] {
    [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, number]
}

/// `id-kp-serverAuth`.
pub(crate) const SERVER_AUTH: &[u8] = &key_purpose(1);
/// `id-kp-clientAuth`.
pub(crate) const CLIENT_AUTH: &[u8] = &key_purpose(2);
/// `id-kp-timeStamping`.
pub(crate) const TIME_STAMPING: &[u8] = &key_purpose(8);
/// `id-kp-documentSigning` (RFC 9336 §3.1).
pub(crate) const DOCUMENT_SIGNING: &[u8] = &key_purpose(36);

/// The content octets of `2.25.304274850276117055762681507612542191110.<kind>.<number>`.
const fn ours(kind: u8, number: u8) -> [u8; 22] {
    [
        0x69, 0x83, 0xc9, 0xe9, 0x9a, 0x97, 0xa6, 0xa6, 0xba, 0xa7, 0x87, 0x81, 0xfa, 0xe3, 0xb2,
        0xc5, 0xf2, 0xd5, 0x8c, 0x06, kind, number,
    ]
}

/// The certificate policy of persons, `….1.1`.
pub(crate) const PERSON_POLICY: &[u8] = &ours(1, 1);
/// The certificate policy of servers, `….1.2`.
pub(crate) const SERVER_POLICY: &[u8] = &ours(1, 2);
/// The certificate policy of timestamp authorities, `….1.3`.
pub(crate) const TIMESTAMP_POLICY: &[u8] = &ours(1, 3);
/// The certificate policy of logs, `….1.4`.
pub(crate) const LOG_POLICY: &[u8] = &ours(1, 4);
/// The certificate policy of witnesses, `….1.5`.
pub(crate) const WITNESS_POLICY: &[u8] = &ours(1, 5);

/// The content type of claims, `….2.1`.
pub(crate) const CLAIM_CONTENT: &[u8] = &ours(2, 1);
/// The content type of withdrawals, `….2.2`.
pub(crate) const WITHDRAWAL_CONTENT: &[u8] = &ours(2, 2);

/// The policy of timestamp tokens, `….3.1`.
pub(crate) const TIMESTAMP_TOKEN_POLICY: &[u8] = &ours(3, 1);

/// `id-ct-TSTInfo` (RFC 3161 §2.4.2), `1.2.840.113549.1.9.16.1.4`.
pub(crate) const TST_INFO_CONTENT: &[u8] =
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];

/// The extended key usage of logs, `….4.1`.
pub(crate) const LOG_USAGE: &[u8] = &ours(4, 1);
/// The extended key usage of witnesses, `….4.2`.
pub(crate) const WITNESS_USAGE: &[u8] = &ours(4, 2);

/// `anyPolicy`, `2.5.29.32.0` (RFC 5280 §4.2.1.4): the issuing CA may issue under every policy.
pub(crate) const ANY_POLICY: &[u8] = &[0x55, 0x1d, 0x20, 0x00];

/// One member of `certificatePolicies` (RFC 5280 §4.2.1.4), with an identifier of any size.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct PolicyInformation {
    policy_identifier: Any,
    #[asn1(optional = "true")]
    policy_qualifiers: Option<Any>,
}

impl PolicyInformation {
    /// Without qualifiers, from the content octets of the identifier.
    pub(crate) fn new(policy: &[u8]) -> der::Result<Self> {
        Ok(Self { policy_identifier: identifier(policy)?, policy_qualifiers: None })
    }

    /// Whether this is the policy with these content octets, without qualifiers, as the profiles have it.
    pub(crate) fn names(&self, policy: &[u8]) -> bool {
        self.policy_qualifiers.is_none() && is_identifier(&self.policy_identifier, policy)
    }
}

/// An object identifier of any size, from its content octets.
pub(crate) fn identifier(octets: &[u8]) -> der::Result<Any> {
    Ok(AnyRef::new(Tag::ObjectIdentifier, octets)?.into())
}

/// Whether this is the object identifier with these content octets.
pub(crate) fn is_identifier(found: &Any, octets: &[u8]) -> bool {
    found.tag() == Tag::ObjectIdentifier && found.value() == octets
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    /// X.690 §8.19: the first two parts are one, each part is base 128 with the high bit on all but the last octet.
    fn content_octets(dotted: &str) -> Vec<u8> {
        let parts: Vec<u128> = dotted.split('.').map(|part| part.parse().unwrap()).collect();
        let joined = std::iter::once(parts[0] * 40 + parts[1]).chain(parts[2..].iter().copied());
        let base_128 = |part: u128| {
            let digits = (128 - part.max(1).leading_zeros()).div_ceil(7);
            (0..digits).rev().map(move |digit| {
                let more = if digit == 0 { 0 } else { 0x80 };
                u8::try_from(part >> (7 * digit) & 0x7f).unwrap() | more
            })
        };
        joined.flat_map(base_128).collect()
    }

    #[test]
    fn the_octets_are_those_of_the_dotted_text() {
        for (octets, dotted) in [
            (PERSON_POLICY, "2.25.304274850276117055762681507612542191110.1.1"),
            (SERVER_POLICY, "2.25.304274850276117055762681507612542191110.1.2"),
            (TIMESTAMP_POLICY, "2.25.304274850276117055762681507612542191110.1.3"),
            (LOG_POLICY, "2.25.304274850276117055762681507612542191110.1.4"),
            (WITNESS_POLICY, "2.25.304274850276117055762681507612542191110.1.5"),
            (CLAIM_CONTENT, "2.25.304274850276117055762681507612542191110.2.1"),
            (WITHDRAWAL_CONTENT, "2.25.304274850276117055762681507612542191110.2.2"),
            (TIMESTAMP_TOKEN_POLICY, "2.25.304274850276117055762681507612542191110.3.1"),
            (TST_INFO_CONTENT, "1.2.840.113549.1.9.16.1.4"),
            (LOG_USAGE, "2.25.304274850276117055762681507612542191110.4.1"),
            (WITNESS_USAGE, "2.25.304274850276117055762681507612542191110.4.2"),
            (ANY_POLICY, "2.5.29.32.0"),
            (UID.as_bytes(), "0.9.2342.19200300.100.1.1"),
            (SERVER_AUTH, "1.3.6.1.5.5.7.3.1"),
            (CLIENT_AUTH, "1.3.6.1.5.5.7.3.2"),
            (TIME_STAMPING, "1.3.6.1.5.5.7.3.8"),
            (DOCUMENT_SIGNING, "1.3.6.1.5.5.7.3.36"),
        ] {
            assert_eq!(content_octets(dotted), octets, "{dotted}");
        }
    }
}

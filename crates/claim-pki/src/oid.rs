//! Object identifiers.
//!
//! Our own stand below the UUID arc `2.25.304274850276117055762681507612542191110` (ITU-T X.667), whose last part has
//! 128 bits. `ObjectIdentifier` holds parts of 32 bits only, so ours are kept as the content octets of their DER.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Any, Sequence, Tag, Tagged};

pub(crate) use const_oid::db::rfc4519::{C, CN, O, UID};
pub(crate) use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_CERTIFICATE_POLICIES,
    ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS, ID_CE_SUBJECT_ALT_NAME,
    ID_CE_SUBJECT_KEY_IDENTIFIER, ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH,
};
pub(crate) use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};
pub(crate) use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ID_EC_PUBLIC_KEY, SECP_256_R_1,
};

/// `id-kp-documentSigning` (RFC 9336 §3.1).
pub(crate) const ID_KP_DOCUMENT_SIGNING: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");

/// The certificate policy of persons, `2.25.304274850276117055762681507612542191110.1.1`.
pub(crate) const PERSON_POLICY: &[u8] = &[
    0x69, 0x83, 0xc9, 0xe9, 0x9a, 0x97, 0xa6, 0xa6, 0xba, 0xa7, 0x87, 0x81, 0xfa, 0xe3, 0xb2, 0xc5,
    0xf2, 0xd5, 0x8c, 0x06, 0x01, 0x01,
];

/// The certificate policy of servers, `2.25.304274850276117055762681507612542191110.1.2`.
pub(crate) const SERVER_POLICY: &[u8] = &[
    0x69, 0x83, 0xc9, 0xe9, 0x9a, 0x97, 0xa6, 0xa6, 0xba, 0xa7, 0x87, 0x81, 0xfa, 0xe3, 0xb2, 0xc5,
    0xf2, 0xd5, 0x8c, 0x06, 0x01, 0x02,
];

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
        let policy_identifier = Any::from(AnyRef::new(Tag::ObjectIdentifier, policy)?);
        Ok(Self { policy_identifier, policy_qualifiers: None })
    }

    /// Whether this is the policy with these content octets.
    pub(crate) fn names(&self, policy: &[u8]) -> bool {
        self.policy_identifier.tag() == Tag::ObjectIdentifier
            && self.policy_identifier.value() == policy
    }
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
            (ANY_POLICY, "2.5.29.32.0"),
            (UID.as_bytes(), "0.9.2342.19200300.100.1.1"),
            (ID_KP_DOCUMENT_SIGNING.as_bytes(), "1.3.6.1.5.5.7.3.36"),
        ] {
            assert_eq!(content_octets(dotted), octets, "{dotted}");
        }
    }
}

//! CSR attributes: what a server of EST asks of a certification request (RFC 7030 §4.5.2 as replaced by RFC 8951 §3.5).

use der::asn1::{ObjectIdentifier, SetOfVec};
use der::{Any, Choice, Encode};
use x509_cert::attr::Attribute;

use crate::oid::{ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, SECP_256_R_1};

/// A member of `CsrAttrs`.
#[derive(Choice)]
enum AttributeOrOid {
    Oid(ObjectIdentifier),
    Attribute(Attribute),
}

/// The one kind of key that is certified, and the signature that a request should have, as `CsrAttrs` in DER.
///
/// RFC 8951 §3.5: a curve is asked for by an attribute "to be reflected as the AlgorithmIdentifier of the
/// SubjectPublicKeyInfo", a signature scheme by an OID "to be reflected in the SignatureAlgorithm of the CSR".
/// Nothing is asked about subject or extensions: those come from whoever is asking, never from the request.
///
/// # Errors
/// [`der::Error`] when it does not encode.
pub fn csr_attributes() -> Result<Vec<u8>, der::Error> {
    let curve = SetOfVec::try_from([Any::from(SECP_256_R_1)])?;
    let key = Attribute { oid: ID_EC_PUBLIC_KEY, values: curve };
    [AttributeOrOid::Attribute(key), AttributeOrOid::Oid(ECDSA_WITH_SHA_256)].to_der()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    /// The example of RFC 8951 §3.5 has the same two members for P-384 between others: here is what it makes of ours.
    #[test]
    fn the_encoding_is_that_of_the_standard() {
        let expected = [
            &[0x30, 0x21][..],
            &[0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
            &[0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
        ];
        assert_eq!(csr_attributes().unwrap(), expected.concat());
    }
}

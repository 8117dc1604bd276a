//! The part of a certificate that is signed (RFC 5280 §4.1.2), written and read.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use x509_cert::certificate::Version;
use x509_cert::ext::{Extension, Extensions};
use x509_cert::name::{Name, RelativeDistinguishedName};

use crate::oid::ECDSA_WITH_SHA_256;
use crate::subject::Attributes;
use crate::{SerialNumber, Validity};

/// ECDSA with SHA-256, which has no parameters (RFC 5758 §3.2).
pub(crate) const ECDSA_SHA256: AlgorithmIdentifierRef<'static> =
    AlgorithmIdentifierRef { oid: ECDSA_WITH_SHA_256, parameters: None };

/// Anything signed as X.509 and PKCS#10 do: what, how, signature.
///
/// What was signed stays as it came: decoding it into types and encoding it again may change its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct Signed<'a> {
    pub(crate) content: AnyRef<'a>,
    pub(crate) algorithm: AlgorithmIdentifierRef<'a>,
    pub(crate) signature: BitStringRef<'a>,
}

impl Signed<'_> {
    /// The octets that were signed.
    ///
    /// The header is written anew; in DER it has one form only.
    pub(crate) fn content_der(&self) -> der::Result<Vec<u8>> {
        self.content.to_der()
    }
}

/// `TBSCertificate`, version 3, without the unique identifiers that nobody uses.
#[derive(Sequence)]
struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", default = "Default::default")]
    version: Version,
    serial_number: UintRef<'a>,
    signature: AlgorithmIdentifierRef<'a>,
    issuer: AnyRef<'a>,
    validity: x509_cert::time::Validity,
    subject: AnyRef<'a>,
    subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

/// What a `TBSCertificate` says, with the encodings of those parts that are compared or hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) serial: SerialNumber,
    /// Name in DER.
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Validity,
    /// Name in DER.
    pub(crate) subject: Vec<u8>,
    pub(crate) attributes: Attributes,
    /// SubjectPublicKeyInfo in DER.
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Extensions,
    /// Whether it is to be signed, or says it was, with ECDSA and SHA-256.
    pub(crate) ecdsa_sha256: bool,
}

impl Fields {
    pub(crate) fn from_der(octets: &[u8]) -> der::Result<Self> {
        let tbs = TbsCertificate::from_der(octets)?;
        // X.690 §11.5: defaults are left out. The decoder takes them all the same.
        if tbs.to_der()? != octets {
            return Err(der::ErrorKind::Noncanonical { tag: der::Tag::Sequence }.into());
        }
        if tbs.version != Version::V3 {
            return Err(der::Tag::Integer.value_error().into());
        }
        let extensions = tbs.extensions.unwrap_or_default();
        // RFC 5280 §4.2: "A certificate MUST NOT include more than one instance of a particular extension."
        for (index, one) in extensions.iter().enumerate() {
            if extensions.iter().skip(index + 1).any(|other| other.extn_id == one.extn_id) {
                return Err(der::Tag::Sequence.value_error().into());
            }
        }
        let (issuer, subject) = (tbs.issuer.to_der()?, tbs.subject.to_der()?);
        let spki = tbs.subject_public_key_info.to_der()?;
        // Of these the octets count, here; but they must be those of a name and of a key.
        name(&issuer)?;
        SubjectPublicKeyInfoRef::from_der(&spki)?;
        Ok(Self {
            serial: SerialNumber::from_unsigned(tbs.serial_number.as_bytes())
                .map_err(|_| der::Tag::Integer.value_error())?,
            issuer,
            validity: Validity::from_x509(&tbs.validity)
                .ok_or_else(|| der::Tag::Sequence.value_error())?,
            attributes: Attributes::of(&name(&subject)?),
            subject,
            spki,
            extensions,
            ecdsa_sha256: tbs.signature == ECDSA_SHA256,
        })
    }

    /// The value of an extension as it stands there.
    pub(crate) fn value(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        self.extensions.iter().find(|one| one.extn_id == oid).map(|one| one.extn_value.as_bytes())
    }

    /// An extension, decoded, and whether it is critical.
    pub(crate) fn extension<'a, T: Decode<'a, Error = der::Error>>(
        &'a self,
        oid: ObjectIdentifier,
    ) -> der::Result<Option<(bool, T)>> {
        self.extensions
            .iter()
            .find(|one| one.extn_id == oid)
            .map(|one| T::from_der(one.extn_value.as_bytes()).map(|value| (one.critical, value)))
            .transpose()
    }
}

/// Reads a name. RFC 5280 Appendix A: `RelativeDistinguishedName ::= SET SIZE (1 .. MAX)`.
fn name(der: &[u8]) -> der::Result<Name> {
    let name = Name::from_der(der)?;
    if name.iter_rdn().any(RelativeDistinguishedName::is_empty) {
        return Err(der::Tag::Set.value_error().into());
    }
    Ok(name)
}

/// What goes into a `TBSCertificate`; names and key in DER.
pub(crate) struct Contents<'a> {
    pub(crate) serial: &'a SerialNumber,
    pub(crate) issuer: &'a [u8],
    pub(crate) validity: Validity,
    pub(crate) subject: &'a [u8],
    pub(crate) spki: &'a [u8],
    pub(crate) extensions: Vec<Extension>,
}

impl Contents<'_> {
    pub(crate) fn into_der(self) -> der::Result<Vec<u8>> {
        TbsCertificate {
            version: Version::V3,
            serial_number: UintRef::new(self.serial.as_bytes())?,
            signature: ECDSA_SHA256,
            issuer: AnyRef::from_der(self.issuer)?,
            validity: self.validity.to_x509()?,
            subject: AnyRef::from_der(self.subject)?,
            subject_public_key_info: AnyRef::from_der(self.spki)?,
            extensions: Some(self.extensions),
        }
        .to_der()
    }
}

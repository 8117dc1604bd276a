//! The signed attributes (RFC 5652 §11, RFC 5035 §3): what a signature covers.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::time::Time;

use super::{CmsError, CmsPart};
use crate::asn1::{children_of, sequence, set_content, set_of, tlv};
use crate::oid::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNING_TIME,
};
use crate::validity::{from_x509_time, to_x509_time};
use crate::{Certificate, Timestamp};

/// What the attributes say, apart from what follows from content and certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// When the signer says it signed, in whole seconds.
    pub(crate) signing_time: Option<Timestamp>,
    /// Whether the reference to the certificate names issuer and serial number as well (RFC 5035 §4: it may).
    pub(crate) issuer_serial: bool,
}

/// The content of the set of attributes: what stands in the message under `[0]`, and is signed as a SET.
pub(crate) fn encode(
    said: Said,
    content_type: &[u8],
    content_digest: &[u8; 32],
    certificate: &Certificate,
) -> der::Result<Vec<u8>> {
    let mut all = vec![
        attribute(ID_CONTENT_TYPE, tlv(Tag::ObjectIdentifier, content_type)?)?,
        attribute(ID_MESSAGE_DIGEST, tlv(Tag::OctetString, content_digest)?)?,
        attribute(
            ID_AA_SIGNING_CERTIFICATE_V_2,
            signing_certificate(certificate, said.issuer_serial)?,
        )?,
    ];
    if let Some(time) = said.signing_time {
        all.push(attribute(ID_SIGNING_TIME, to_x509_time(time)?.to_der()?)?);
    }
    Ok(set_content(all))
}

/// Reads the attributes and refuses what is wrong with them by name.
pub(crate) fn decode(
    set: &AnyRef<'_>,
    content_type: &[u8],
    content_digest: &[u8; 32],
    certificate: &Certificate,
    timed: bool,
) -> Result<Said, CmsError> {
    let attributes = Attributes::of(set, if timed { 4 } else { 3 })?;
    let found = attributes.value(ID_CONTENT_TYPE)?;
    if found.tag() != Tag::ObjectIdentifier || found.value() != content_type {
        return Err(CmsPart::SignedContentType.into());
    }
    let found = attributes.value(ID_MESSAGE_DIGEST)?;
    if found.tag() != Tag::OctetString || found.value() != content_digest {
        return Err(CmsPart::MessageDigest.into());
    }
    let found = attributes.value(ID_AA_SIGNING_CERTIFICATE_V_2)?.to_der()?;
    let issuer_serial = match found {
        _ if found == signing_certificate(certificate, false)? => false,
        _ if found == signing_certificate(certificate, true)? => true,
        _ => return Err(CmsPart::SigningCertificate.into()),
    };
    let signing_time = match timed {
        true => Some(signing_time(attributes.value(ID_SIGNING_TIME)?)?),
        false => None,
    };
    Ok(Said { signing_time, issuer_serial })
}

/// `IssuerAndSerialNumber` (RFC 5652 §10.2.4).
pub(crate) fn issuer_and_serial(certificate: &Certificate) -> der::Result<Vec<u8>> {
    sequence(&[certificate.issuer_der(), &serial(certificate)?])
}

/// `SigningCertificateV2` with one `ESSCertIDv2` (RFC 5035 §3, §4); SHA-256 is the default and left out.
fn signing_certificate(certificate: &Certificate, issuer_serial: bool) -> der::Result<Vec<u8>> {
    let hash = tlv(Tag::OctetString, certificate.digest())?;
    let id = if issuer_serial {
        // GeneralNames with one directoryName, `[4]`, which is explicit because Name is a CHOICE.
        let name = sequence(&[&tlv(crate::asn1::context(4), certificate.issuer_der())?])?;
        sequence(&[&hash, &sequence(&[&name, &serial(certificate)?])?])?
    } else {
        sequence(&[&hash])?
    };
    sequence(&[&sequence(&[&id])?])
}

fn serial(certificate: &Certificate) -> der::Result<Vec<u8>> {
    der::asn1::UintRef::new(certificate.serial().as_bytes())?.to_der()
}

fn signing_time(value: &AnyRef<'_>) -> Result<Timestamp, CmsError> {
    let time = Time::from_der(&value.to_der()?).map_err(|_| CmsPart::SigningTime)?;
    Ok(from_x509_time(time))
}

fn attribute(oid: ObjectIdentifier, value: Vec<u8>) -> der::Result<Vec<u8>> {
    sequence(&[&oid.to_der()?, &set_of(vec![value])?])
}

/// Types and values, each with one value, no type twice.
struct Attributes<'a>(Vec<(ObjectIdentifier, AnyRef<'a>)>);

impl<'a> Attributes<'a> {
    fn of(set: &AnyRef<'a>, count: usize) -> Result<Self, CmsError> {
        let refusal = CmsError::from(CmsPart::SignedAttributes);
        // One more than there may be: it is refused by name.
        let found = crate::asn1::children(set, count + 1).map_err(|_| refusal.clone())?;
        if found.len() != count {
            return Err(refusal);
        }
        let mut all = Vec::new();
        for one in found {
            let parts = children_of(&one, Tag::Sequence, 2)?;
            let [oid, values] = parts.as_slice() else { return Err(refusal) };
            let values = children_of(values, Tag::Set, 1).map_err(|_| refusal.clone())?;
            let [value] = values.as_slice() else { return Err(refusal) };
            // An identifier that does not fit is none of those that are looked for.
            let oid = oid.decode_as::<ObjectIdentifier>().map_err(|_| refusal.clone())?;
            all.push((oid, *value));
        }
        Ok(Self(all))
    }

    /// As many attributes as are looked for, and each is found: so none is there twice, and no other.
    fn value(&self, oid: ObjectIdentifier) -> Result<&AnyRef<'a>, CmsError> {
        let found = self.0.iter().find(|(found, _)| *found == oid);
        found.map(|(_, value)| value).ok_or(CmsPart::SignedAttributes.into())
    }
}

//! SignedData, written and read (RFC 5652 §5).

use der::asn1::AnyRef;
use der::{Decode, Encode, Tag, Tagged};
use spki::AlgorithmIdentifierRef;

use super::attributes::{self, Said, issuer_and_serial};
use super::{CmsError, CmsPart};
use crate::asn1::{children, children_of, context, sequence, set_content, set_of, tlv};
use crate::digest::sha256;
use crate::oid::{ID_SHA_256, ID_SIGNED_DATA};
use crate::tbs::ECDSA_SHA256;
use crate::{BadSignature, Certificate, KeyError, PublicKey, SigningKey, Timestamp};

/// In what the kinds of messages differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// The content octets of the content type's identifier.
    pub(crate) content_type: &'static [u8],
    /// Whether signers say when they signed.
    pub(crate) signing_time: bool,
    /// Whether the certificates of the signers' issuers are there, too.
    pub(crate) issuers: bool,
    /// How many may sign.
    pub(crate) max_signers: usize,
    /// How many bytes it may have.
    pub(crate) max_size: usize,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) content: Vec<u8>,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) certificates: Vec<Certificate>,
}

/// What a signer adds to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) certificate: Certificate,
    pub(crate) said: Said,
    octets: Vec<u8>,
}

/// SHA-256; RFC 5754 §2: "the parameters field MUST be absent" in what is generated.
pub(crate) const SHA256: AlgorithmIdentifierRef<'static> =
    AlgorithmIdentifierRef { oid: ID_SHA_256, parameters: None };

/// RFC 5652 §5.1: 3, as the content is not id-data.
const VERSION: [u8; 3] = [2, 1, 3];
/// RFC 5652 §5.3: 1, as the signer is named by issuer and serial number.
const SIGNER_VERSION: [u8; 3] = [2, 1, 1];

impl Signature {
    /// Signs the content with the key of this certificate.
    pub(crate) fn make(
        form: &Form,
        content: &[u8],
        key: &SigningKey,
        certificate: &Certificate,
        signing_time: Option<Timestamp>,
    ) -> Result<Self, MakeError> {
        // RFC 5035 §4: issuer and serial number "SHOULD be present unless" they are inferred from the signer's identifier.
        let said = Said { signing_time, issuer_serial: false };
        let digest = sha256(content);
        let signed = attributes::encode(said, form.content_type, &digest, certificate)?;
        let octets = key.sign(&tlv(Tag::Set, &signed)?)?;
        Ok(Self { certificate: certificate.clone(), said, octets })
    }

    /// Checks the signature with the key that the certificate is known to certify.
    pub(crate) fn verify(
        &self,
        form: &Form,
        content_digest: &[u8; 32],
        key: &PublicKey,
    ) -> Result<(), BadSignature> {
        // RFC 5652 §5.4: they are signed with the tag of a SET, not with the `[0]` that stands in the message.
        let signed = self.attributes(form, content_digest).and_then(|all| tlv(Tag::Set, &all));
        key.verify(&signed.map_err(|_| BadSignature)?, &self.octets)
    }

    fn attributes(&self, form: &Form, content_digest: &[u8; 32]) -> der::Result<Vec<u8>> {
        attributes::encode(self.said, form.content_type, content_digest, &self.certificate)
    }

    /// The `SignerInfo`.
    fn to_der(&self, form: &Form, content_digest: &[u8; 32]) -> der::Result<Vec<u8>> {
        sequence(&[
            &SIGNER_VERSION,
            &issuer_and_serial(&self.certificate)?,
            &SHA256.to_der()?,
            &tlv(context(0), &self.attributes(form, content_digest)?)?,
            &ECDSA_SHA256.to_der()?,
            &tlv(Tag::OctetString, &self.octets)?,
        ])
    }
}

/// Why a signature could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MakeError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Encoding(#[from] der::Error),
}

impl Message {
    /// The one encoding of what the message says.
    pub(crate) fn to_der(&self, form: &Form) -> der::Result<Vec<u8>> {
        let digest = sha256(&self.content);
        let content = sequence(&[
            &tlv(Tag::ObjectIdentifier, form.content_type)?,
            &tlv(context(0), &tlv(Tag::OctetString, &self.content)?)?,
        ])?;
        let certificates = self.certificates.iter().map(|one| one.der().to_vec()).collect();
        let signatures: der::Result<Vec<_>> =
            self.signatures.iter().map(|one| one.to_der(form, &digest)).collect();
        let signed_data = sequence(&[
            &VERSION,
            &set_of(vec![SHA256.to_der()?])?,
            &content,
            &tlv(context(0), &set_content(certificates))?,
            &set_of(signatures?)?,
        ])?;
        sequence(&[&ID_SIGNED_DATA.to_der()?, &tlv(context(0), &signed_data)?])
    }

    /// Reads what a message says, if it says it in its one encoding.
    pub(crate) fn from_der(form: &Form, der: &[u8]) -> Result<Self, CmsError> {
        if der.len() > form.max_size {
            return Err(CmsError::TooLarge { found: der.len(), limit: form.max_size });
        }
        let parts = Parts::of(der)?;
        let content = read_content(form, &parts.content)?;
        let certificates = read_certificates(form, &parts.certificates)?;
        let signatures = read_signatures(form, &content, &certificates, &parts.signers)?;
        check_certificates(form, &certificates, &signatures)?;
        let message = Self { content, signatures, certificates };
        match message.to_der(form)? == der {
            true => Ok(message),
            false => Err(CmsPart::Encoding.into()),
        }
    }
}

/// The parts of a SignedData that differ from message to message.
struct Parts<'a> {
    content: AnyRef<'a>,
    certificates: AnyRef<'a>,
    signers: AnyRef<'a>,
}

impl<'a> Parts<'a> {
    fn of(der: &'a [u8]) -> Result<Self, CmsError> {
        let outer = children_of(&AnyRef::from_der(der)?, Tag::Sequence, 2)?;
        let [message_type, message] = outer.as_slice() else {
            return Err(CmsPart::MessageType.into());
        };
        if message_type.value() != ID_SIGNED_DATA.as_bytes() {
            return Err(CmsPart::MessageType.into());
        }
        let inner = children_of(message, context(0), 1)?;
        let [signed_data] = inner.as_slice() else { return Err(CmsPart::MessageType.into()) };
        let all = children_of(signed_data, Tag::Sequence, 6)?;
        let [version, digests, content, rest @ ..] = all.as_slice() else {
            return Err(CmsPart::MessageType.into());
        };
        if version.to_der()? != VERSION {
            return Err(CmsPart::Version.into());
        }
        if digests.to_der()? != set_of(vec![SHA256.to_der()?])? {
            return Err(CmsPart::DigestAlgorithm.into());
        }
        match rest {
            [certificates, signers]
                if certificates.tag() == context(0) && signers.tag() == Tag::Set =>
            {
                Ok(Self { content: *content, certificates: *certificates, signers: *signers })
            }
            [.., crls, _] if crls.tag() == context(1) => Err(CmsPart::Crls.into()),
            [signers] if signers.tag() == Tag::Set => Err(CmsError::MissingCertificate),
            _ => Err(CmsPart::Encoding.into()),
        }
    }
}

fn read_content(form: &Form, content: &AnyRef<'_>) -> Result<Vec<u8>, CmsError> {
    let parts = children_of(content, Tag::Sequence, 2)?;
    let (content_type, content) = match parts.as_slice() {
        [content_type, content] => (content_type, Some(content)),
        [content_type] => (content_type, None),
        _ => return Err(CmsPart::ContentType.into()),
    };
    if content_type.tag() != Tag::ObjectIdentifier || content_type.value() != form.content_type {
        return Err(CmsPart::ContentType.into());
    }
    let inner = children_of(content.ok_or(CmsPart::Content)?, context(0), 1);
    match inner.map_err(|_| CmsPart::Content)?.as_slice() {
        [octets] if octets.tag() == Tag::OctetString => Ok(octets.value().to_vec()),
        _ => Err(CmsPart::Content.into()),
    }
}

fn read_certificates(form: &Form, set: &AnyRef<'_>) -> Result<Vec<Certificate>, CmsError> {
    // One more than there may be: the superfluous one is named.
    let limit = if form.issuers { 2 * form.max_signers } else { form.max_signers };
    let all: Result<Vec<_>, CmsError> = children(set, limit + 1)?
        .iter()
        .map(|one| Ok(Certificate::from_der(&one.to_der()?)?))
        .collect();
    let all = all?;
    for (index, one) in all.iter().enumerate() {
        if all.iter().skip(index + 1).any(|other| other == one) {
            return Err(CmsError::UnexpectedCertificate { serial: one.serial().clone() });
        }
    }
    Ok(all)
}

fn read_signatures(
    form: &Form,
    content: &[u8],
    certificates: &[Certificate],
    set: &AnyRef<'_>,
) -> Result<Vec<Signature>, CmsError> {
    let limit = form.max_signers;
    let infos =
        children(set, limit).map_err(|error| match error.kind() == der::ErrorKind::Overlength {
            true => CmsError::TooManySigners { limit },
            false => error.into(),
        })?;
    if infos.is_empty() {
        return Err(CmsError::NoSigner);
    }
    let digest = sha256(content);
    let mut all: Vec<Signature> = Vec::new();
    for info in infos {
        let signature = read_signature(form, &digest, certificates, &info)?;
        if all.iter().any(|other| other.same_signer(&signature.certificate)) {
            let serial = signature.certificate.serial().clone();
            return Err(CmsError::SignedTwice { serial });
        }
        all.push(signature);
    }
    Ok(all)
}

fn read_signature(
    form: &Form,
    content_digest: &[u8; 32],
    certificates: &[Certificate],
    info: &AnyRef<'_>,
) -> Result<Signature, CmsError> {
    let parts = children_of(info, Tag::Sequence, 7)?;
    let [version, signer, digest, attributes, algorithm, octets] = parts.as_slice() else {
        let unsigned = parts.last().is_some_and(|last| last.tag() == context(1));
        let part = if unsigned { CmsPart::UnsignedAttributes } else { CmsPart::SignedAttributes };
        return Err(part.into());
    };
    if signer.tag() != Tag::Sequence {
        return Err(CmsPart::SignerIdentifier.into());
    }
    if version.to_der()? != SIGNER_VERSION {
        return Err(CmsPart::Version.into());
    }
    if digest.to_der()? != SHA256.to_der()? {
        return Err(CmsPart::DigestAlgorithm.into());
    }
    if attributes.tag() != context(0) {
        return Err(CmsPart::SignedAttributes.into());
    }
    if algorithm.to_der()? != ECDSA_SHA256.to_der()? {
        return Err(CmsPart::SignatureAlgorithm.into());
    }
    octets.tag().assert_eq(Tag::OctetString)?;
    let signer = signer.to_der()?;
    let named = |one: &&Certificate| issuer_and_serial(one).is_ok_and(|name| name == signer);
    let certificate = certificates.iter().find(named).ok_or(CmsError::MissingCertificate)?.clone();
    let said = attributes::decode(
        attributes,
        form.content_type,
        content_digest,
        &certificate,
        form.signing_time,
    )?;
    Ok(Signature { certificate, said, octets: octets.value().to_vec() })
}

impl Signature {
    /// Whether this certificate, or another one of the same person, made the signature.
    pub(crate) fn same_signer(&self, certificate: &Certificate) -> bool {
        let own = &self.certificate;
        let person = own.person_id();
        own == certificate || (person.is_some() && person == certificate.person_id())
    }
}

/// Exactly the signers' certificates and, in some forms, those of their issuers.
fn check_certificates(
    form: &Form,
    certificates: &[Certificate],
    signatures: &[Signature],
) -> Result<(), CmsError> {
    let belongs = |one: &Certificate| {
        signatures.iter().any(|signature| {
            signature.certificate == *one || (form.issuers && issued(one, &signature.certificate))
        })
    };
    if let Some(other) = certificates.iter().find(|one| !belongs(one)) {
        return Err(CmsError::UnexpectedCertificate { serial: other.serial().clone() });
    }
    for signature in signatures.iter().filter(|_| form.issuers) {
        let leaf = &signature.certificate;
        let mut issuers = certificates.iter().filter(|one| issued(one, leaf));
        match (issuers.next(), issuers.next()) {
            (Some(_), None) => {}
            (None, _) => return Err(CmsError::MissingCertificate),
            (Some(_), Some(second)) => {
                return Err(CmsError::UnexpectedCertificate { serial: second.serial().clone() });
            }
        }
    }
    Ok(())
}

/// Whether a certificate is that of another's issuer, by name and key identifier.
pub(crate) fn issued(issuer: &Certificate, leaf: &Certificate) -> bool {
    issuer.subject_der() == leaf.issuer_der()
        && leaf.issuer_key_id().is_some_and(|id| issuer.subject_key_id() == Some(id))
}

//! Claims and withdrawals: content that persons have signed (RFC 5652, with the attributes of CAdES-B-B).

use super::message::{MakeError, issued};
use super::{CmsError, Form, Message, Signature};
use crate::digest::sha256;
use crate::oid::{CLAIM_CONTENT, WITHDRAWAL_CONTENT};
use crate::{
    Certificate, KeyError, PathError, Root, SerialNumber, SigningKey, Timestamp, VerifiedPerson,
};

/// What persons sign. Each has its own type, so that a signature over one is never one over the other,
/// and no other signing program makes one by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentType {
    /// A claim: the list of files that is handed in.
    Claim,
    /// The withdrawal of a claim.
    Withdrawal,
}

/// Somebody who can sign: a key with its certificate and that of its issuer.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    key: &'a SigningKey,
    certificate: &'a Certificate,
    issuer: &'a Certificate,
}

/// Content with its signatures, that has been read but not verified.
///
/// There is one encoding of what it says, and this is in it: the digest over [`Self::der`] is that over all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedData {
    content_type: ContentType,
    message: Message,
    der: Vec<u8>,
}

/// Content whose signatures have all been verified, each by a person whose certificate leads to `cuhk.cer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignedData {
    content_type: ContentType,
    content: Vec<u8>,
    signers: Vec<VerifiedSigner>,
}

/// A person who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSigner {
    person: VerifiedPerson,
    signing_time: Timestamp,
    certificate: Certificate,
    issuer: Certificate,
}

/// Why content could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The certificate certifies another key.
    #[error("the signer's certificate belongs to another key")]
    OtherKey,
    /// The second certificate is not that of the first one's issuer.
    #[error(
        "the signer's certificate was not issued by the authority whose certificate goes with it"
    )]
    OtherIssuer,
    /// The key did not sign.
    #[error("the key cannot sign: {0}")]
    Key(#[from] KeyError),
    /// What came out is not as it must be: nobody signed, or too many, or one of them twice, or it is too large.
    #[error(transparent)]
    Message(#[from] CmsError),
}

/// Why two messages could not be made one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// They do not say the same: their signers signed different things.
    #[error("the two messages have different contents")]
    OtherContent,
    /// Together they are not as a message must be: too many signed, or it is too large.
    #[error(transparent)]
    Message(#[from] CmsError),
}

/// Why a message does not prove who signed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A signer's certificate does not show a person, or not at that time.
    #[error("the certificate of a signer (number {serial}) is refused: {error}")]
    Path {
        /// The serial number of the certificate.
        serial: SerialNumber,
        /// Why it is refused.
        #[source]
        error: PathError,
    },
    /// The verified person is not the one whose certificate stands in the message.
    #[error("another certificate was verified than the signer's (number {serial})")]
    OtherCertificate {
        /// The serial number of the signer's certificate.
        serial: SerialNumber,
    },
    /// A signature is not by the key of its signer.
    #[error(
        "a signature is not by the key of its signer (certificate number {serial}), or not over this content"
    )]
    Signature {
        /// The serial number of the signer's certificate.
        serial: SerialNumber,
    },
}

impl ContentType {
    const fn form(self) -> Form {
        let content_type = match self {
            Self::Claim => CLAIM_CONTENT,
            Self::Withdrawal => WITHDRAWAL_CONTENT,
        };
        Form {
            content_type,
            signing_time: true,
            issuers: true,
            max_signers: SignedData::MAX_SIGNERS,
            max_size: SignedData::MAX_SIZE,
        }
    }
}

impl<'a> Signer<'a> {
    /// Takes a key with its certificate and that of the authority that issued it.
    ///
    /// # Errors
    /// [`SignError::OtherKey`], [`SignError::OtherIssuer`].
    pub fn new(
        key: &'a SigningKey,
        certificate: &'a Certificate,
        issuer: &'a Certificate,
    ) -> Result<Self, SignError> {
        if certificate.spki_der() != key.public_key().spki_der() {
            return Err(SignError::OtherKey);
        }
        if !issued(issuer, certificate) {
            return Err(SignError::OtherIssuer);
        }
        Ok(Self { key, certificate, issuer })
    }

    fn sign(&self, form: &Form, content: &[u8], at: Timestamp) -> Result<Signature, SignError> {
        // X.509 and CMS count in whole seconds.
        let at = Timestamp::from_seconds(at.as_seconds());
        Signature::make(form, content, self.key, self.certificate, Some(at)).map_err(|error| {
            match error {
                MakeError::Key(error) => SignError::Key(error),
                MakeError::Encoding(error) => SignError::Message(error.into()),
            }
        })
    }
}

impl SignedData {
    /// The largest message that is read or made, in bytes.
    pub const MAX_SIZE: usize = 4 * 1024 * 1024;
    /// The most persons who sign the same content.
    pub const MAX_SIGNERS: usize = 64;

    /// Signs content, each signer for the same time (whole seconds count).
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(
        content_type: ContentType,
        content: &[u8],
        signers: &[Signer<'_>],
        at: Timestamp,
    ) -> Result<Self, SignError> {
        let empty =
            Message { content: content.to_vec(), signatures: Vec::new(), certificates: Vec::new() };
        Ok(Self::encode(content_type, &with_signatures(empty, content_type, signers, at)?)?)
    }

    /// The same content with another person's signature.
    ///
    /// # Errors
    /// [`SignError`]; [`CmsError::SignedTwice`] when that person has signed already.
    pub fn add_signature(&self, signer: &Signer<'_>, at: Timestamp) -> Result<Self, SignError> {
        let signers = std::slice::from_ref(signer);
        let message = with_signatures(self.message.clone(), self.content_type, signers, at)?;
        Ok(Self::encode(self.content_type, &message)?)
    }

    /// The same content with the signatures of both; where a person signed both, with the one in `self`.
    ///
    /// No signature is looked at: one that is wrong makes the whole wrong, so verify `other` first.
    ///
    /// # Errors
    /// [`MergeError`]; [`MergeError::OtherContent`] when the two do not say the same.
    pub fn merge(&self, other: &Self) -> Result<Self, MergeError> {
        let same = self.content_type == other.content_type
            && self.message.content == other.message.content;
        if !same {
            return Err(MergeError::OtherContent);
        }
        let mut message = self.message.clone();
        for signature in &other.message.signatures {
            let certificate = &signature.certificate;
            if message.signatures.iter().any(|own| own.same_signer(certificate)) {
                continue;
            }
            let issuer = other.message.certificates.iter().find(|one| issued(one, certificate));
            message.signatures.push(signature.clone());
            include(&mut message.certificates, certificate);
            include(&mut message.certificates, issuer.ok_or(CmsError::MissingCertificate)?);
        }
        Ok(Self::encode(self.content_type, &message)?)
    }

    /// Reads a message whose content must be of this type. Nothing is verified yet.
    ///
    /// # Errors
    /// [`CmsError`], by the name of what cannot be accepted.
    pub fn from_der(content_type: ContentType, der: &[u8]) -> Result<Self, CmsError> {
        let message = Message::from_der(&content_type.form(), der)?;
        Ok(Self { content_type, message, der: der.to_vec() })
    }

    /// Verifies every signature, and every signer's certificate up to `cuhk.cer` with the person profile as of a time.
    ///
    /// # Errors
    /// [`VerifyError`]. That a certificate is not valid at this time is said only of one that is otherwise right.
    pub fn verify(&self, root: &Root, at: Timestamp) -> Result<VerifiedSignedData, VerifyError> {
        self.verify_with(|chain| root.verify_person(chain, at))
    }

    /// The same with a function that verifies a leaf and its issuer, both in DER, such as one that remembers what it
    /// has verified already.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_with(
        &self,
        mut path: impl FnMut(&[&[u8]; 2]) -> Result<VerifiedPerson, PathError>,
    ) -> Result<VerifiedSignedData, VerifyError> {
        let form = self.content_type.form();
        let digest = sha256(&self.message.content);
        let mut signers = Vec::new();
        for signature in &self.message.signatures {
            let certificate = &signature.certificate;
            let serial = || certificate.serial().clone();
            let refused = |error| VerifyError::Path { serial: serial(), error };
            let key = certificate.public_key().map_err(|error| refused(PathError::Key(error)))?;
            signature
                .verify(&form, &digest, &key)
                .map_err(|_| VerifyError::Signature { serial: serial() })?;
            let issuer = self.issuer_of(certificate).ok_or(refused(PathError::UnknownIssuer))?;
            let person = path(&[certificate.der(), issuer.der()]).map_err(refused)?;
            if person.leaf_digest() != certificate.digest() {
                return Err(VerifyError::OtherCertificate { serial: serial() });
            }
            let said = signature.said.signing_time;
            signers.push(VerifiedSigner {
                person,
                signing_time: said.ok_or(VerifyError::Signature { serial: serial() })?,
                certificate: certificate.clone(),
                issuer: issuer.clone(),
            });
        }
        let content = self.message.content.clone();
        Ok(VerifiedSignedData { content_type: self.content_type, content, signers })
    }

    /// The message in DER, as it came or was made.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What the content is.
    pub fn content_type(&self) -> ContentType {
        self.content_type
    }

    /// The content, which nobody may have signed: no signature has been looked at.
    pub fn unverified_content(&self) -> &[u8] {
        &self.message.content
    }

    /// The certificates of those who seem to have signed; none has been verified.
    pub fn unverified_signers(&self) -> impl Iterator<Item = &Certificate> {
        self.message.signatures.iter().map(|one| &one.certificate)
    }

    /// All certificates in the message, those of the signers and of their issuers; none has been verified.
    pub fn certificates(&self) -> &[Certificate] {
        &self.message.certificates
    }

    fn issuer_of(&self, leaf: &Certificate) -> Option<&Certificate> {
        self.message.certificates.iter().find(|one| issued(one, leaf))
    }

    /// Writes it and reads it back: what is made is held to the rules for what comes in.
    fn encode(content_type: ContentType, message: &Message) -> Result<Self, CmsError> {
        let der = message.to_der(&content_type.form())?;
        Self::from_der(content_type, &der)
    }
}

impl VerifiedSignedData {
    /// What the content is.
    pub fn content_type(&self) -> ContentType {
        self.content_type
    }

    /// The content that all signers signed.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Who signed: at least one, and no person twice. Their order means nothing.
    pub fn signers(&self) -> &[VerifiedSigner] {
        &self.signers
    }
}

impl VerifiedSigner {
    /// The person.
    pub fn person(&self) -> &VerifiedPerson {
        &self.person
    }

    /// When the person says to have signed, in whole seconds: nothing proves it.
    pub fn signing_time(&self) -> Timestamp {
        self.signing_time
    }

    /// The certificate by which the person signed.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate of the authority that issued it.
    pub fn issuer(&self) -> &Certificate {
        &self.issuer
    }
}

fn with_signatures(
    mut message: Message,
    content_type: ContentType,
    signers: &[Signer<'_>],
    at: Timestamp,
) -> Result<Message, SignError> {
    for signer in signers {
        message.signatures.push(signer.sign(&content_type.form(), &message.content, at)?);
        include(&mut message.certificates, signer.certificate);
        include(&mut message.certificates, signer.issuer);
    }
    Ok(message)
}

fn include(certificates: &mut Vec<Certificate>, one: &Certificate) {
    if !certificates.contains(one) {
        certificates.push(one.clone());
    }
}

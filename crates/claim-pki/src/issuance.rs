//! Issuing certificates in two steps: prepare (which checks), then sign.
//!
//! Between the two the caller records what is about to be signed, so that no serial number is ever lost:
//! after a crash the same content is signed again.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode};

use crate::profile::Facts;
use crate::subject::{SubjectEncodingError, is_dns_name};
use crate::tbs::{Contents, ECDSA_SHA256, Fields, Signed};
use crate::{
    AuthorityName, Certificate, CertificateError, CrlUrl, Ed25519PublicKey, KeyError, Origin,
    Profile, ProfileError, PublicKey, SerialNumber, Sign, Subject, SubjectError, Timestamp,
    Validity,
};

/// A certification authority: its certificate, and the key that belongs to it.
#[derive(Debug)]
pub struct Issuer {
    certificate: Certificate,
    profile: Profile,
    key: Box<dyn Sign>,
    key_id: [u8; 20],
    crl_url: Option<CrlUrl>,
}

/// A key to be certified: Ed25519 for logs and witnesses, P-256 for everybody else.
///
/// A reference to either public key turns into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKey<'a> {
    /// A key on P-256.
    P256(&'a PublicKey),
    /// An Ed25519 key.
    Ed25519(&'a Ed25519PublicKey),
}

/// What a new root is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootSpec {
    /// Its name.
    pub name: AuthorityName,
    /// The DNS domain to which the servers below it are constrained (RFC 5280 §4.2.1.10).
    pub domain: Option<String>,
}

/// A certificate that has been checked but not signed: it is issued once, by the issuer that prepared it.
#[derive(Debug, PartialEq, Eq)]
pub struct Issuance {
    tbs: Vec<u8>,
    fields: Fields,
}

/// Why a certificate and a key are no certification authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The certificate certifies another key.
    #[error("the certificate belongs to another key")]
    OtherKey,
    /// The certificate is not that of a certification authority.
    #[error("this is no certificate of a certification authority: {0}")]
    NotAnAuthority(#[source] ProfileError),
}

/// Why a certificate cannot be issued as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The subject's name does not fit into a certificate.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The certificate would be valid when its issuer is not.
    #[error(
        "the certificate ({} to {}) would not lie within its issuer's ({} to {})",
        wanted.not_before(), wanted.not_after(), issuer.not_before(), issuer.not_after()
    )]
    OutsideIssuer {
        /// The validity that was asked for.
        wanted: Validity,
        /// The validity of the issuer's certificate.
        issuer: Validity,
    },
    /// Roots issue to issuing authorities, timestamp authorities, logs and witnesses, and issuing authorities to
    /// persons and servers.
    #[error("a certificate for a {subject} is not issued by a {issuer}")]
    WrongIssuer {
        /// The profile of what was to be issued.
        subject: Profile,
        /// The profile of the issuer.
        issuer: Profile,
    },
    /// The DNS domain to which a root is to be constrained is none.
    #[error("{found:?} is not a DNS domain")]
    Domain {
        /// What was given.
        found: String,
    },
    /// The content that came back has none of the profiles.
    #[error("the prepared certificate has none of the known profiles")]
    NoProfile,
    /// The content that came back was prepared by another issuer.
    #[error("the certificate was prepared by another issuer")]
    OtherIssuer,
    /// What was prepared is not as its profile demands.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The content does not encode or decode.
    #[error("the certificate cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
}

/// Why a prepared certificate could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// Another issuer prepared it.
    #[error("the certificate was prepared by another issuer")]
    OtherIssuer,
    /// The key did not sign.
    #[error("the certificate cannot be signed: {0}")]
    Key(#[from] KeyError),
    /// The result does not encode.
    #[error("the certificate cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// The result is not a certificate, for example too large.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Why a root could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootMakingError {
    /// Its content cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// It cannot be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The certificate that came out does not work as an issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl Issuer {
    /// Takes the certificate of a root or issuing authority with its key.
    ///
    /// # Errors
    /// [`IssuerError`] when the two do not belong together, or the certificate is not that of an authority.
    pub fn new(certificate: Certificate, key: impl Sign + 'static) -> Result<Self, IssuerError> {
        let key: Box<dyn Sign> = Box::new(key);
        let fields = certificate.fields();
        let profile = match Profile::named_by(fields) {
            Some(Profile::Issuing) => Profile::Issuing,
            _ => Profile::Root,
        };
        let certified = profile.check(fields).map_err(IssuerError::NotAnAuthority)?;
        if certified != *key.public_key() {
            return Err(IssuerError::OtherKey);
        }
        let key_id = certified.key_id();
        Ok(Self { certificate, profile, key, key_id, crl_url: None })
    }

    /// The same issuer, who from now on says in each certificate where its CRL lies.
    #[must_use]
    pub fn with_crl_url(self, url: CrlUrl) -> Self {
        Self { crl_url: Some(url), ..self }
    }

    /// Makes a root: a certificate that its own key signs.
    ///
    /// # Errors
    /// [`RootMakingError`].
    pub fn self_signed_root(
        spec: &RootSpec,
        key: impl Sign + 'static,
        serial: &SerialNumber,
        validity: Validity,
    ) -> Result<Self, RootMakingError> {
        let certificate = {
            let tbs = root_tbs(spec, key.public_key(), serial, validity)?;
            sign(&tbs, &key)?
        };
        Ok(Self::new(certificate, key)?)
    }

    /// The issuer's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The identifier of the issuer's key, as it stands in what it issues.
    pub fn key_id(&self) -> &[u8; 20] {
        &self.key_id
    }

    /// Whether signing waits for something outside this process: then [`Self::issue`] is not for a thread on which
    /// others wait.
    pub fn signs_elsewhere(&self) -> bool {
        self.key.is_elsewhere()
    }

    /// What this issuer may issue within.
    pub fn validity(&self) -> Validity {
        self.certificate.validity()
    }

    /// Checks a request and turns it into what will be signed.
    ///
    /// The key is a [`PublicKey`], or an [`Ed25519PublicKey`] for logs and witnesses.
    ///
    /// # Errors
    /// [`PrepareError`]; nothing was signed.
    pub fn prepare<'a>(
        &self,
        subject: &Subject,
        public_key: impl Into<SubjectKey<'a>>,
        serial: &SerialNumber,
        validity: Validity,
    ) -> Result<Issuance, PrepareError> {
        let public_key = public_key.into();
        let facts = Facts {
            profile: subject.profile(),
            subject_key_id: public_key.key_id(),
            issuer_key_id: self.key_id,
            validity,
            origin: subject.origin(),
            domain: None,
            crl_url: self.crl_url.as_ref(),
        };
        let tbs = Contents {
            serial,
            issuer: self.certificate.subject_der(),
            validity,
            subject: &subject.to_der()?,
            spki: public_key.spki_der(),
            extensions: facts.extensions()?,
        }
        .into_der()?;
        self.lint(tbs)
    }

    /// Takes up what [`Self::prepare`] made earlier and the caller stored.
    ///
    /// # Errors
    /// [`PrepareError`] when another issuer prepared it, or it is not as `prepare` would have made it.
    pub fn resume(&self, tbs_der: &[u8]) -> Result<Issuance, PrepareError> {
        self.lint(tbs_der.to_vec())
    }

    /// Signs what was prepared.
    ///
    /// # Errors
    /// [`IssueError`]; the preparation can be [resumed](Self::resume) from its stored content.
    pub fn issue(&self, issuance: Issuance) -> Result<Certificate, IssueError> {
        if !self.prepared(&issuance.fields) {
            return Err(IssueError::OtherIssuer);
        }
        sign(&issuance.tbs, &*self.key)
    }

    /// Signs a revocation list.
    pub(crate) fn sign(&self, content: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.sign(content)
    }

    /// The checks that nothing gets past unsigned, whether fresh or from storage.
    fn lint(&self, tbs: Vec<u8>) -> Result<Issuance, PrepareError> {
        let fields = Fields::from_der(&tbs)?;
        if !self.prepared(&fields) {
            return Err(PrepareError::OtherIssuer);
        }
        let profile = Profile::named_by(&fields).ok_or(PrepareError::NoProfile)?;
        if !self.profile.issues(profile) {
            return Err(PrepareError::WrongIssuer { subject: profile, issuer: self.profile });
        }
        profile.check_any(&fields)?;
        let (wanted, issuer) = (fields.validity, self.validity());
        if wanted.within(issuer) != Some(wanted) {
            return Err(PrepareError::OutsideIssuer { wanted, issuer });
        }
        Ok(Issuance { tbs, fields })
    }

    fn prepared(&self, fields: &Fields) -> bool {
        fields.issuer == self.certificate.subject_der()
            && fields.authority_key_id() == Some(self.key_id)
    }
}

impl Issuance {
    /// What will be signed, in DER: to be stored before it is.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// The serial number: to be stored before it is used.
    pub fn serial(&self) -> &SerialNumber {
        &self.fields.serial
    }

    /// The last second in which the certificate will be valid.
    pub fn not_after(&self) -> Timestamp {
        self.fields.validity.not_after()
    }
}

impl Subject {
    /// The profile of this subject's certificate.
    pub fn profile(&self) -> Profile {
        match self {
            Self::Person { .. } => Profile::Person,
            Self::Server { .. } => Profile::Server,
            Self::Issuing { .. } => Profile::Issuing,
            Self::Timestamp { .. } => Profile::Timestamp,
            Self::Log { .. } => Profile::Log,
            Self::Witness { .. } => Profile::Witness,
        }
    }

    fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Server { origin } | Self::Timestamp { origin } | Self::Log { origin } => {
                Some(origin)
            }
            Self::Person { .. } | Self::Issuing { .. } | Self::Witness { .. } => None,
        }
    }
}

impl<'a> SubjectKey<'a> {
    fn spki_der(self) -> &'a [u8] {
        match self {
            Self::P256(key) => key.spki_der(),
            Self::Ed25519(key) => key.spki_der(),
        }
    }

    fn key_id(self) -> [u8; 20] {
        match self {
            Self::P256(key) => key.key_id(),
            Self::Ed25519(key) => key.key_id(),
        }
    }
}

impl<'a> From<&'a PublicKey> for SubjectKey<'a> {
    fn from(key: &'a PublicKey) -> Self {
        Self::P256(key)
    }
}

impl<'a> From<&'a Ed25519PublicKey> for SubjectKey<'a> {
    fn from(key: &'a Ed25519PublicKey) -> Self {
        Self::Ed25519(key)
    }
}

impl Profile {
    fn issues(self, subject: Self) -> bool {
        match self {
            Self::Root => {
                matches!(subject, Self::Issuing | Self::Timestamp | Self::Log | Self::Witness)
            }
            Self::Issuing => matches!(subject, Self::Person | Self::Server),
            _ => false,
        }
    }
}

impl From<SubjectEncodingError> for PrepareError {
    fn from(error: SubjectEncodingError) -> Self {
        match error {
            SubjectEncodingError::Subject(error) => Self::Subject(error),
            SubjectEncodingError::Encoding(error) => Self::Encoding(error),
        }
    }
}

fn root_tbs(
    spec: &RootSpec,
    key: &PublicKey,
    serial: &SerialNumber,
    validity: Validity,
) -> Result<Vec<u8>, PrepareError> {
    if let Some(domain) = spec.domain.as_deref().filter(|domain| !is_dns_name(domain)) {
        return Err(PrepareError::Domain { found: domain.to_owned() });
    }
    let name = spec.name.to_der()?;
    let facts = Facts {
        profile: Profile::Root,
        subject_key_id: key.key_id(),
        issuer_key_id: key.key_id(),
        validity,
        origin: None,
        domain: spec.domain.as_deref(),
        crl_url: None,
    };
    let contents = Contents {
        serial,
        issuer: &name,
        validity,
        subject: &name,
        spki: key.spki_der(),
        extensions: facts.extensions()?,
    };
    let tbs = contents.into_der()?;
    Profile::Root.check(&Fields::from_der(&tbs)?)?;
    Ok(tbs)
}

fn sign(tbs: &[u8], key: &dyn Sign) -> Result<Certificate, IssueError> {
    let signature = key.sign(tbs)?;
    let signed = Signed {
        content: AnyRef::from_der(tbs)?,
        algorithm: ECDSA_SHA256,
        signature: BitStringRef::from_bytes(&signature)?,
    };
    Ok(Certificate::from_der(&signed.to_der()?)?)
}

//! Keys, certificates and path validation for Claim, as pure functions over DER.
//!
//! | what | where it is specified |
//! |---|---|
//! | [`SigningKey`], [`PublicKey`]: P-256 keys, ECDSA with SHA-256 | FIPS 186-5, RFC 5480, RFC 5915, RFC 5958 |
//! | [`Ed25519SigningKey`], [`Ed25519PublicKey`]: keys of logs and witnesses | RFC 8032, RFC 8410 |
//! | [`Certificate`] and its [`Profile`]s | RFC 5280, RFC 9336 |
//! | [`Issuer`]: [prepare](Issuer::prepare), record, [issue](Issuer::issue) | RFC 5280 §4 |
//! | [`CertificationRequest`], [`Ed25519CertificationRequest`]: PKCS#10 with proof of possession | RFC 2986 |
//! | [`csr_attributes()`]: what a request should be made of | RFC 7030 §4.5.2, RFC 8951 §3.5 |
//! | [`Root`], [`VerifiedIssuer`], [`VerifiedPerson`], [`VerifiedServer`]: path validation | RFC 5280 §6 |
//! | [`VerifiedTimestampAuthority`], [`VerifiedLog`], [`VerifiedWitness`]: directly under the root | RFC 5280 §6 |
//! | [`EvidenceRequest`], [`EvidenceAnswer`]: a Blackboard's evidence keys on their way to the root and back | `docs/PROTOCOL.md` |
//! | [`SignedData`], [`VerifiedSignedData`]: claims and withdrawals, signed by persons | RFC 5652, RFC 5035, ETSI EN 319 122-1 (CAdES-B-B) |
//! | [`TimestampToken`], [`TimestampRequest`]: when something was there | RFC 3161, RFC 5816 |
//! | [`RevocationList`], [`VerifiedRevocationList`]: which certificates are no longer good | RFC 5280 §5 |
//! | [`encode_certs_only`], [`decode_certs_only`] | RFC 7030 §4.1.3, RFC 5652 |
//! | [`Sid`], [`PersonId`], [`WitnessName`], [`Origin`], [`Timestamp`]: what certificates say | RFC 6454, RFC 3339 |
//!
//! A `Verified…` value has private fields and one constructor, which stands beside the check: whoever holds one need
//! not check again. Hashes and signatures are taken over the octets that came, never over a new encoding of them.
//!
//! There is no I/O and no clock here, time is an argument; so is randomness, but for the cryptographic library's own
//! in new keys and signatures. There is no TLS and no HTTP either, and no rule about who may enrol.

mod asn1;
mod certificate;
mod certs_only;
mod cms;
mod crl_url;
mod csr_attributes;
mod digest;
mod evidence;
mod issuance;
mod key;
mod names;
mod oid;
mod origin;
mod path;
mod profile;
mod request;
mod revocation;
mod serial;
mod subject;
mod tbs;
mod timestamp;
mod tsp;
mod validity;
mod witness_name;

pub use certificate::{Certificate, CertificateError};
pub use certs_only::{CertsOnlyError, MAX_CERTS_ONLY, decode_certs_only, encode_certs_only};
pub use cms::{
    CmsError, CmsPart, ContentType, MergeError, SignError, SignedData, Signer, VerifiedSignedData,
    VerifiedSigner, VerifyError,
};
pub use crl_url::{CrlUrl, CrlUrlError};
pub use csr_attributes::csr_attributes;
pub use evidence::{
    AuthorityAnswer, AuthorityAnswerError, AuthorityRequest, AuthorityRequestError, EvidenceAnswer,
    EvidenceAnswerError, EvidencePart, EvidenceRequest, EvidenceRequestError, VerifiedEvidence,
    VerifyEvidenceError, WitnessRequest, WitnessRequestError,
};
pub use issuance::{
    Issuance, IssueError, Issuer, IssuerError, PrepareError, RootMakingError, RootSpec, SubjectKey,
};
pub use key::{
    BadSignature, Ed25519PublicKey, Ed25519SigningKey, KeyError, PublicKey, Sign, SigningKey,
    open_private_key,
};
pub use names::{NameError, PersonId, Sid, StaffId};
pub use origin::{Origin, OriginError, OriginHost};
pub use path::{
    PathError, Root, RootError, VerifiedIssuer, VerifiedLog, VerifiedPerson, VerifiedServer,
    VerifiedTimestampAuthority, VerifiedWitness,
};
pub use profile::{Profile, ProfileError, ProfilePart};
pub use request::{
    CertificationRequest, Ed25519CertificationRequest, MakeRequestError, RequestError,
    certification_request, ed25519_certification_request,
};
pub use revocation::{
    ListIssuance, Revocation, RevocationList, RevocationListError, RevocationListPart,
    RevocationReason, RevocationReasonError, RevokedCertificate, SignRevocationListError,
    VerifiedRevocationList, VerifyRevocationListError,
};
pub use serial::{SerialError, SerialNumber};
pub use subject::{AuthorityName, Subject, SubjectError};
pub use timestamp::{Timestamp, TimestampError};
pub use tsp::{
    MakeTokenError, TimestampRequest, TimestampRequestError, TimestampSigner, TimestampToken,
    TokenError, TokenPart, VerifiedToken, VerifyTokenError,
};
pub use validity::Validity;
pub use witness_name::{WitnessName, WitnessNameError};

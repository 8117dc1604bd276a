//! Keys, certificates and path validation.
mod certificate;
mod certs_only;
mod digest;
mod issuance;
mod key;
mod names;
mod oid;
mod origin;
mod path;
mod profile;
mod request;
mod serial;
mod subject;
mod tbs;
mod timestamp;
mod validity;

pub use certificate::{Certificate, CertificateError};
pub use certs_only::{CertsOnlyError, MAX_CERTS_ONLY, decode_certs_only, encode_certs_only};
pub use issuance::{
    Issuance, IssueError, Issuer, IssuerError, PrepareError, RootMakingError, RootSpec,
};
pub use key::{BadSignature, KeyError, PublicKey, SigningKey};
pub use names::{NameError, PersonId, Sid, StaffId};
pub use origin::{Origin, OriginError, OriginHost};
pub use path::{PathError, Root, RootError, VerifiedIssuer, VerifiedPerson, VerifiedServer};
pub use profile::{Profile, ProfileError, ProfilePart};
pub use request::{CertificationRequest, MakeRequestError, RequestError, certification_request};
pub use serial::{SerialError, SerialNumber};
pub use subject::{AuthorityName, Subject, SubjectError};
pub use timestamp::{Timestamp, TimestampError};
pub use validity::Validity;

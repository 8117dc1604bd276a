//! CUHK, the certificate authority of Claim: steps 0 to 2, and the witness of the logs whose keys it has certified.
//!
//! It makes or loads its root and issuing certificate, serves Enrolment over Secure Transport (RFC 7030 as
//! clarified by RFC 8951: `cacerts`, `simpleenroll`, `simplereenroll`), keeps the roster, and invites people and servers, by mail too.
//! Where the university has a single sign-on, people enrol by it (OpenID Connect).
//! It stamps claims whose Blackboard cannot be reached (RFC 3161).
//! The keys of evidence (timestamp, log, witness) it certifies by the root itself, and it cosigns logs (C2SP tlog-witness).
//! Every certificate is on record before it is signed, and again before it is given out.
//!
//! Not here: certificates and their profiles (claim-pki), the rules of logs and witnesses (claim-log), the form of invitations and problems (claim-core),
//! queries (claim-store), TLS and HTTP (claim-http), and anything that prints.

mod admin;
mod announcing;
mod audit;
mod authority;
mod backup;
mod ceremony;
mod codes;
mod config;
mod credentials;
mod crl;
mod desk;
mod elsewhere;
mod enrolment;
mod error;
mod est;
mod event;
mod folder;
mod invite;
mod keys;
mod local;
mod mail;
mod mode;
mod own_certificate;
mod own_revocation;
mod public;
mod renewal;
mod requests;
mod revoking;
mod routes;
mod server;
mod sign_in;
mod signing;
mod sso;
mod state;
mod timestamps;
mod witness;

pub use admin::{
    AdminError, CertificateEntry, ChangedPerson, EmailAddress, EmailError, Invited, LineError,
    MAX_NAME_LENGTH, MAX_ROLE_LENGTH, MAX_ROSTER_BYTES, MAX_ROSTER_PEOPLE, Made, MailOutcome,
    Mailed, Mailing, Office, PersonEntry, PersonName, PersonNameError, PreparedInvitations,
    Progress, RenewedIssuing, Retained, RetentionPlan, RetentionRule, Revoking, Role, RoleError,
    RosterDifference, RosterEntry, RosterError, RosterImport, SPENT_DAYS, ToRevoke, Whom, init,
    init_offline_root, init_with_keys, read_roster,
};
pub use authority::AuthorityError;
pub use backup::{Restored, backup, restore};
pub use ceremony::CeremonyError;
pub use claim_audit::{
    ArchiveError, AuditKeyError, AuditReport, AuditSources, Finding, KeptCheckpoint, Pruned,
    Redacted,
};
pub use claim_http::{Clock, ExternalTls, KeyPassphrase};
pub use claim_store::cuhk::audit::{AuditEntry, Authentication, Deed, EntryFilter};
pub use claim_store::cuhk::{CertificateFilter, Departed, Erased, Traces};
pub use claim_store::{BackupError, Copied, Scrubbed};
pub use claim_token::{TokenError, TokenUri, TokenUriError};
pub use config::{
    Config, DATABASE_FILE, DEFAULT_CERTIFICATES_PER_PERSON, DEFAULT_CODE_LIFE, DEFAULT_PORT,
    DEFAULT_RENEWAL_GRACE, Quotas,
};
pub use credentials::Credentials;
pub use crl::ListError;
pub use desk::DeskError;
pub use elsewhere::ElsewhereError;
pub use error::{NotLocal, StartError};
pub use est::device;
pub use event::{CertifiedEvidence, Event, Issued, Observer, RevokedByHolder};
pub use keys::{KeyName, KeyPlaceError, KeyRole, KeySetting, KeySettings};
pub use mail::{
    DEFAULT_SUBJECT, DEFAULT_TEMPLATE, MailError, MailSettings, MailTls, Mailer, TemplateError,
};
pub use mode::Mode;
pub use own_certificate::OwnCertificateError;
pub use revoking::RevokedEntry;
pub use server::{Running, start};
pub use sign_in::{SignInRequest, SignInReturn};
pub use signing::NoAnswer;
pub use sso::{ExpectedToken, IdTokenError, SsoError, SsoSettings, verify_id_token};
pub use timestamps::TimestampKeyError;
pub use witness::WitnessError;

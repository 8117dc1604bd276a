//! The certificate profiles: what stands in a certificate of each kind, written and checked from the same tables.

mod extensions;
mod subject;

use std::fmt;

use der::Any;
use der::Encode;
use der::asn1::ObjectIdentifier;
use der::flagset::FlagSet;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};

pub(crate) use extensions::{Facts, authority_key_id, extension};
pub(crate) use subject::{person, server, service_origin, usage_period, witness};

use crate::oid::{
    ANY_POLICY, CLIENT_AUTH, CN, DOCUMENT_SIGNING, ID_CE_BASIC_CONSTRAINTS,
    ID_CE_CERTIFICATE_POLICIES, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS,
    LOG_POLICY, LOG_USAGE, PERSON_POLICY, PolicyInformation, SERVER_AUTH, SERVER_POLICY,
    TIME_STAMPING, TIMESTAMP_POLICY, WITNESS_POLICY, WITNESS_USAGE, is_identifier,
};
use crate::tbs::Fields;
use crate::{Ed25519PublicKey, KeyError, PublicKey};

/// The kinds of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// The trust anchor, `cuhk.cer`.
    Root,
    /// The authority that issues to persons and servers.
    Issuing,
    /// A student or a member of staff.
    Person,
    /// A server, known by its origin.
    Server,
    /// An authority that says when something was there (RFC 3161).
    Timestamp,
    /// An append-only log; its key is Ed25519.
    Log,
    /// A witness of logs; its key is Ed25519.
    Witness,
}

/// What of a certificate is not as its profile demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfilePart {
    /// The subject's name.
    Subject,
    /// `basicConstraints`.
    BasicConstraints,
    /// `keyUsage`.
    KeyUsage,
    /// `extKeyUsage`.
    ExtendedKeyUsage,
    /// `subjectAltName`.
    AlternativeName,
    /// `nameConstraints`.
    NameConstraints,
    /// `privateKeyUsagePeriod`.
    PrivateKeyUsagePeriod,
    /// The subject key identifier.
    SubjectKeyIdentifier,
    /// The authority key identifier.
    AuthorityKeyIdentifier,
    /// A critical extension that the profile does not have.
    CriticalExtension,
    /// The signature's algorithm.
    SignatureAlgorithm,
}

/// Why a certificate does not have a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Its policy is that of another profile, or of none.
    #[error("the certificate is not for a {expected}{}", but_for(*found))]
    Wrong {
        /// The profile that was demanded.
        expected: Profile,
        /// The profile that the certificate has by its policy.
        found: Option<Profile>,
    },
    /// It has the policy, but is not made as the profile says.
    #[error("the certificate's {part} is not that of a {profile}")]
    Part {
        /// The profile.
        profile: Profile,
        /// What is not as it should be.
        part: ProfilePart,
    },
    /// Its key is not of the profile's kind: P-256 as an uncompressed point, or Ed25519 for logs and witnesses.
    #[error("the certificate's key cannot be used: {0}")]
    Key(#[source] KeyError),
}

impl Profile {
    /// How long its certificates are valid unless said otherwise, in seconds.
    pub fn life(self) -> u32 {
        const DAY: u32 = 24 * 60 * 60;
        match self {
            // Five leap days in 20 years, one (sometimes two) in 5.
            Self::Root => (20 * 365 + 5) * DAY,
            Self::Issuing => (5 * 365 + 1) * DAY,
            Self::Person => 180 * DAY,
            Self::Server => 90 * DAY,
            // Two leap days in 10 years, sometimes three.
            Self::Timestamp | Self::Log | Self::Witness => (10 * 365 + 2) * DAY,
        }
    }

    /// How long a key may sign where the certificate says so (`privateKeyUsagePeriod`), in seconds.
    pub(crate) const KEY_USE: u32 = 365 * 24 * 60 * 60;

    const ALL_WITH_POLICY: [Self; 6] =
        [Self::Issuing, Self::Person, Self::Server, Self::Timestamp, Self::Log, Self::Witness];

    /// The profile that a certificate has by its policy, as far as that can be told.
    pub(crate) fn named_by(fields: &Fields) -> Option<Self> {
        let policies: Option<(bool, Vec<PolicyInformation>)> =
            fields.extension(ID_CE_CERTIFICATE_POLICIES).ok()?;
        match policies {
            None => fields.is_ca().then_some(Self::Root),
            Some((_, policies)) => match policies.as_slice() {
                [one] => Self::ALL_WITH_POLICY
                    .into_iter()
                    .find(|profile| profile.policy().is_some_and(|policy| one.names(policy))),
                _ => None,
            },
        }
    }

    /// Checks everything that does not depend on the issuer or the time, of a certificate for a P-256 key.
    pub(crate) fn check(self, fields: &Fields) -> Result<PublicKey, ProfileError> {
        self.check_policy(fields)?;
        let key = PublicKey::from_spki_der(&fields.spki).map_err(ProfileError::Key)?;
        self.check_parts(fields, key.key_id())?;
        Ok(key)
    }

    /// The same of a certificate for an Ed25519 key.
    pub(crate) fn check_ed25519(self, fields: &Fields) -> Result<Ed25519PublicKey, ProfileError> {
        self.check_policy(fields)?;
        let key = Ed25519PublicKey::from_spki_der(&fields.spki).map_err(ProfileError::Key)?;
        self.check_parts(fields, key.key_id())?;
        Ok(key)
    }

    /// The same of a certificate for a key of the kind that this profile has.
    pub(crate) fn check_any(self, fields: &Fields) -> Result<(), ProfileError> {
        match self {
            Self::Log | Self::Witness => self.check_ed25519(fields).map(drop),
            _ => self.check(fields).map(drop),
        }
    }

    fn check_policy(self, fields: &Fields) -> Result<(), ProfileError> {
        match Self::named_by(fields) {
            Some(found) if found == self => Ok(()),
            found => Err(ProfileError::Wrong { expected: self, found }),
        }
    }

    fn check_parts(self, fields: &Fields, key_id: [u8; 20]) -> Result<(), ProfileError> {
        let demand = |holds: bool, part| match holds {
            true => Ok(()),
            false => Err(ProfileError::Part { profile: self, part }),
        };
        demand(fields.ecdsa_sha256, ProfilePart::SignatureAlgorithm)?;
        demand(self.has_key_usage(fields), ProfilePart::KeyUsage)?;
        demand(self.has_extended_key_usage(fields), ProfilePart::ExtendedKeyUsage)?;
        demand(self.has_basic_constraints(fields), ProfilePart::BasicConstraints)?;
        demand(fields.subject_key_id() == Some(key_id), ProfilePart::SubjectKeyIdentifier)?;
        demand(fields.authority_key_id().is_some(), ProfilePart::AuthorityKeyIdentifier)?;
        demand(
            self == Self::Root || !fields.has(ID_CE_NAME_CONSTRAINTS),
            ProfilePart::NameConstraints,
        )?;
        // RFC 5280 §4.2: "a certificate-using system MUST reject the certificate if it encounters
        // a critical extension it does not recognize".
        let known = |extension: ObjectIdentifier| match extension {
            ID_CE_BASIC_CONSTRAINTS | ID_CE_KEY_USAGE | ID_CE_NAME_CONSTRAINTS => true,
            ID_CE_EXT_KEY_USAGE => self == Self::Timestamp,
            _ => false,
        };
        let unknown = fields.extensions.iter().any(|e| e.critical && !known(e.extn_id));
        demand(!unknown, ProfilePart::CriticalExtension)?;
        match self {
            Self::Root | Self::Issuing => {
                demand(fields.attributes.only(CN).is_some(), ProfilePart::Subject)
            }
            Self::Person => person(fields).map(drop),
            Self::Server => server(fields).map(drop),
            Self::Timestamp => {
                demand(usage_period(fields).is_some(), ProfilePart::PrivateKeyUsagePeriod)?;
                service_origin(self, fields).map(drop)
            }
            Self::Log => service_origin(self, fields).map(drop),
            Self::Witness => witness(fields).map(drop),
        }
    }

    fn policy(self) -> Option<&'static [u8]> {
        match self {
            Self::Root => None,
            Self::Issuing => Some(ANY_POLICY),
            Self::Person => Some(PERSON_POLICY),
            Self::Server => Some(SERVER_POLICY),
            Self::Timestamp => Some(TIMESTAMP_POLICY),
            Self::Log => Some(LOG_POLICY),
            Self::Witness => Some(WITNESS_POLICY),
        }
    }

    fn key_usage(self) -> FlagSet<KeyUsages> {
        match self {
            Self::Root | Self::Issuing => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            Self::Person => KeyUsages::DigitalSignature | KeyUsages::KeyAgreement,
            Self::Server | Self::Timestamp | Self::Log | Self::Witness => {
                KeyUsages::DigitalSignature.into()
            }
        }
    }

    /// The content octets of the identifiers.
    fn extended_key_usage(self) -> &'static [&'static [u8]] {
        match self {
            Self::Root | Self::Issuing => &[],
            Self::Person => &[CLIENT_AUTH, DOCUMENT_SIGNING],
            Self::Server => &[SERVER_AUTH, CLIENT_AUTH],
            Self::Timestamp => &[TIME_STAMPING],
            Self::Log => &[LOG_USAGE],
            Self::Witness => &[WITNESS_USAGE],
        }
    }

    fn basic_constraints(self) -> Option<BasicConstraints> {
        match self {
            Self::Root => Some(BasicConstraints { ca: true, path_len_constraint: None }),
            Self::Issuing => Some(BasicConstraints { ca: true, path_len_constraint: Some(0) }),
            _ => None,
        }
    }

    /// X.690 §11.2.2: a list of bits has one encoding, which the decoder does not insist on.
    fn has_key_usage(self, fields: &Fields) -> bool {
        let expected = KeyUsage(self.key_usage()).to_der();
        expected.is_ok_and(|expected| fields.value(ID_CE_KEY_USAGE) == Some(expected.as_slice()))
    }

    fn has_extended_key_usage(self, fields: &Fields) -> bool {
        let found: der::Result<Option<(bool, Vec<Any>)>> = fields.extension(ID_CE_EXT_KEY_USAGE);
        let expected = self.extended_key_usage();
        match found {
            Ok(None) => expected.is_empty(),
            Ok(Some((critical, found))) => {
                let contains =
                    |one: &&[u8]| found.iter().any(|purpose| is_identifier(purpose, one));
                // RFC 3161 §2.3: "This extension MUST be critical."
                (critical || self != Self::Timestamp)
                    && found.len() == expected.len()
                    && expected.iter().all(contains)
            }
            Err(_) => false,
        }
    }

    /// RFC 5280 §4.2.1.9: without `cA` there is no path length either, and X.690 §11.5 has neither spelled out.
    fn has_basic_constraints(self, fields: &Fields) -> bool {
        let none = BasicConstraints { ca: false, path_len_constraint: None };
        match (fields.value(ID_CE_BASIC_CONSTRAINTS), self.basic_constraints()) {
            (None, expected) => expected.is_none(),
            (Some(found), expected) => {
                expected.unwrap_or(none).to_der().is_ok_and(|expected| expected == found)
            }
        }
    }
}

impl Fields {
    pub(crate) fn has(&self, extension: ObjectIdentifier) -> bool {
        self.extensions.iter().any(|one| one.extn_id == extension)
    }

    pub(crate) fn is_ca(&self) -> bool {
        let found: der::Result<Option<(bool, BasicConstraints)>> =
            self.extension(ID_CE_BASIC_CONSTRAINTS);
        matches!(found, Ok(Some((_, BasicConstraints { ca: true, .. }))))
    }

    pub(crate) fn has_attribute(&self, oid: ObjectIdentifier) -> bool {
        self.attributes.all(oid).next().is_some()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Issuing => "issuing authority",
            Self::Person => "person",
            Self::Server => "server",
            Self::Timestamp => "timestamp authority",
            Self::Log => "log",
            Self::Witness => "witness",
        })
    }
}

impl fmt::Display for ProfilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "subject",
            Self::BasicConstraints => "basic constraints",
            Self::KeyUsage => "key usage",
            Self::ExtendedKeyUsage => "extended key usage",
            Self::AlternativeName => "alternative name",
            Self::NameConstraints => "name constraints",
            Self::PrivateKeyUsagePeriod => "private key usage period",
            Self::SubjectKeyIdentifier => "subject key identifier",
            Self::AuthorityKeyIdentifier => "authority key identifier",
            Self::CriticalExtension => "set of critical extensions",
            Self::SignatureAlgorithm => "signature algorithm",
        })
    }
}

fn but_for(profile: Option<Profile>) -> String {
    profile.map_or_else(String::new, |found| format!(" but for a {found}"))
}

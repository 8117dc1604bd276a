//! The certificate profiles: what stands in a certificate of each kind, written and checked from the same tables.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

use der::asn1::{Ia5String, ObjectIdentifier, OctetString};
use der::flagset::FlagSet;
use der::{Encode, EncodeValue, FixedTag};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::{GeneralName, GeneralNames};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    NameConstraints, SubjectKeyIdentifier,
};

use crate::oid::{
    ANY_POLICY, CN, ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS,
    ID_CE_CERTIFICATE_POLICIES, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER, ID_KP_CLIENT_AUTH,
    ID_KP_DOCUMENT_SIGNING, ID_KP_SERVER_AUTH, PERSON_POLICY, PolicyInformation, SERVER_POLICY,
    UID,
};
use crate::tbs::Fields;
use crate::{KeyError, Origin, OriginHost, PersonId, PublicKey};

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
    /// Its key is not a P-256 key as an uncompressed point.
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
        }
    }

    /// The profile that a certificate has by its policy, as far as that can be told.
    pub(crate) fn named_by(fields: &Fields) -> Option<Self> {
        let policies: Option<(bool, Vec<PolicyInformation>)> =
            fields.extension(ID_CE_CERTIFICATE_POLICIES).ok()?;
        match policies {
            None => fields.is_ca().then_some(Self::Root),
            Some((_, policies)) => match policies.as_slice() {
                [one] => [Self::Issuing, Self::Person, Self::Server]
                    .into_iter()
                    .find(|profile| profile.policy().is_some_and(|policy| one.names(policy))),
                _ => None,
            },
        }
    }

    /// Checks everything that does not depend on the issuer or the time.
    pub(crate) fn check(self, fields: &Fields) -> Result<PublicKey, ProfileError> {
        let found = Self::named_by(fields);
        if found != Some(self) {
            return Err(ProfileError::Wrong { expected: self, found });
        }
        let key = PublicKey::from_spki_der(&fields.spki).map_err(ProfileError::Key)?;
        let demand = |holds: bool, part| match holds {
            true => Ok(()),
            false => Err(ProfileError::Part { profile: self, part }),
        };
        demand(fields.ecdsa_sha256, ProfilePart::SignatureAlgorithm)?;
        demand(self.has_key_usage(fields), ProfilePart::KeyUsage)?;
        demand(self.has_extended_key_usage(fields), ProfilePart::ExtendedKeyUsage)?;
        demand(self.has_basic_constraints(fields), ProfilePart::BasicConstraints)?;
        demand(fields.subject_key_id() == Some(key.key_id()), ProfilePart::SubjectKeyIdentifier)?;
        demand(fields.authority_key_id().is_some(), ProfilePart::AuthorityKeyIdentifier)?;
        demand(
            self == Self::Root || !fields.has(ID_CE_NAME_CONSTRAINTS),
            ProfilePart::NameConstraints,
        )?;
        // RFC 5280 §4.2: "a certificate-using system MUST reject the certificate if it encounters
        // a critical extension it does not recognize".
        let known = [ID_CE_BASIC_CONSTRAINTS, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS];
        let unknown = fields.extensions.iter().any(|e| e.critical && !known.contains(&e.extn_id));
        demand(!unknown, ProfilePart::CriticalExtension)?;
        match self {
            Self::Root | Self::Issuing => {
                demand(fields.attributes.only(CN).is_some(), ProfilePart::Subject)?;
            }
            Self::Person => person(fields).map(drop)?,
            Self::Server => server(fields).map(drop)?,
        }
        Ok(key)
    }

    fn policy(self) -> Option<&'static [u8]> {
        match self {
            Self::Root => None,
            Self::Issuing => Some(ANY_POLICY),
            Self::Person => Some(PERSON_POLICY),
            Self::Server => Some(SERVER_POLICY),
        }
    }

    fn key_usage(self) -> FlagSet<KeyUsages> {
        match self {
            Self::Root | Self::Issuing => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            Self::Person => KeyUsages::DigitalSignature | KeyUsages::KeyAgreement,
            Self::Server => KeyUsages::DigitalSignature.into(),
        }
    }

    fn extended_key_usage(self) -> &'static [ObjectIdentifier] {
        match self {
            Self::Root | Self::Issuing => &[],
            Self::Person => &[ID_KP_CLIENT_AUTH, ID_KP_DOCUMENT_SIGNING],
            Self::Server => &[ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH],
        }
    }

    fn basic_constraints(self) -> Option<BasicConstraints> {
        match self {
            Self::Root => Some(BasicConstraints { ca: true, path_len_constraint: None }),
            Self::Issuing => Some(BasicConstraints { ca: true, path_len_constraint: Some(0) }),
            Self::Person | Self::Server => None,
        }
    }

    fn has_key_usage(self, fields: &Fields) -> bool {
        let found: der::Result<Option<(bool, KeyUsage)>> = fields.extension(ID_CE_KEY_USAGE);
        matches!(found, Ok(Some((_, KeyUsage(usage)))) if usage == self.key_usage())
    }

    fn has_extended_key_usage(self, fields: &Fields) -> bool {
        let found: der::Result<Option<(bool, ExtendedKeyUsage)>> =
            fields.extension(ID_CE_EXT_KEY_USAGE);
        let expected = self.extended_key_usage();
        match found {
            Ok(None) => expected.is_empty(),
            Ok(Some((_, ExtendedKeyUsage(found)))) => {
                found.len() == expected.len() && expected.iter().all(|one| found.contains(one))
            }
            Err(_) => false,
        }
    }

    fn has_basic_constraints(self, fields: &Fields) -> bool {
        let found: der::Result<Option<(bool, BasicConstraints)>> =
            fields.extension(ID_CE_BASIC_CONSTRAINTS);
        match (found, self.basic_constraints()) {
            (Ok(Some((_, found))), Some(expected)) => found == expected,
            (Ok(Some((_, found))), None) => !found.ca,
            (Ok(None), expected) => expected.is_none(),
            (Err(_), _) => false,
        }
    }
}

/// The extensions of a certificate; `origin` for servers, `domain` for a root with name constraints.
pub(crate) fn extensions(
    profile: Profile,
    subject_key_id: &[u8; 20],
    issuer_key_id: &[u8; 20],
    origin: Option<&Origin>,
    domain: Option<&str>,
) -> der::Result<Vec<Extension>> {
    let mut all = Vec::new();
    if let Some(constraints) = profile.basic_constraints() {
        // RFC 5280 §4.2.1.9, §4.2.1.3, §4.2.1.10: these are critical.
        all.push(extension(ID_CE_BASIC_CONSTRAINTS, true, &constraints)?);
    }
    all.push(extension(ID_CE_KEY_USAGE, true, &KeyUsage(profile.key_usage()))?);
    if !profile.extended_key_usage().is_empty() {
        let usage = ExtendedKeyUsage(profile.extended_key_usage().to_vec());
        all.push(extension(ID_CE_EXT_KEY_USAGE, false, &usage)?);
    }
    if let Some(policy) = profile.policy() {
        let policies = vec![PolicyInformation::new(policy)?];
        all.push(extension(ID_CE_CERTIFICATE_POLICIES, false, &policies)?);
    }
    let id = SubjectKeyIdentifier(OctetString::new(subject_key_id.as_slice())?);
    all.push(extension(ID_CE_SUBJECT_KEY_IDENTIFIER, false, &id)?);
    let id = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(issuer_key_id.as_slice())?),
        ..AuthorityKeyIdentifier::default()
    };
    all.push(extension(ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &id)?);
    if let Some(origin) = origin {
        all.push(extension(ID_CE_SUBJECT_ALT_NAME, false, &alternative_names(origin)?)?);
    }
    if let Some(domain) = domain {
        let base = GeneralName::DnsName(Ia5String::new(domain)?);
        let permitted = vec![GeneralSubtree { base, minimum: 0, maximum: None }];
        let constraints =
            NameConstraints { permitted_subtrees: Some(permitted), excluded_subtrees: None };
        all.push(extension(ID_CE_NAME_CONSTRAINTS, true, &constraints)?);
    }
    Ok(all)
}

/// The subject of a person's certificate: exactly one `UID`, an id, and exactly one common name.
pub(crate) fn person(fields: &Fields) -> Result<(PersonId, &str), ProfileError> {
    let refusal = ProfileError::Part { profile: Profile::Person, part: ProfilePart::Subject };
    let id = fields.attributes.only(UID).and_then(|id| id.parse().ok()).ok_or(refusal.clone())?;
    if fields.has(ID_CE_SUBJECT_ALT_NAME) {
        let part = ProfilePart::AlternativeName;
        return Err(ProfileError::Part { profile: Profile::Person, part });
    }
    Ok((id, fields.attributes.only(CN).ok_or(refusal)?))
}

/// The origin of a server's certificate: its one SAN URI, whose host is among its names or addresses.
pub(crate) fn server(fields: &Fields) -> Result<Origin, ProfileError> {
    let refusal = |part| ProfileError::Part { profile: Profile::Server, part };
    if fields.has_attribute(UID) || fields.attributes.only(CN).is_none() {
        return Err(refusal(ProfilePart::Subject));
    }
    server_origin(fields).ok_or(refusal(ProfilePart::AlternativeName))
}

fn server_origin(fields: &Fields) -> Option<Origin> {
    let (_, names): (_, GeneralNames) = fields.extension(ID_CE_SUBJECT_ALT_NAME).ok()??;
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    });
    let (Some(uri), None) = (uris.next(), uris.next()) else { return None };
    let origin: Origin = uri.parse().ok()?;
    names.contains(&host_name(&origin).ok()?).then_some(origin)
}

/// The SAN of a server: its host as name or address, then its origin as URI.
fn alternative_names(origin: &Origin) -> der::Result<GeneralNames> {
    let mut names = vec![host_name(origin)?];
    if origin.host() == OriginHost::Name("localhost".to_owned()) {
        // Programs differ in what they make of `localhost`; each of its addresses will do.
        names.push(address(Ipv4Addr::LOCALHOST.into())?);
        names.push(address(Ipv6Addr::LOCALHOST.into())?);
    }
    names.push(GeneralName::UniformResourceIdentifier(Ia5String::new(origin.as_str())?));
    Ok(names)
}

fn host_name(origin: &Origin) -> der::Result<GeneralName> {
    match origin.host() {
        OriginHost::Name(name) => Ia5String::new(&name).map(GeneralName::DnsName),
        OriginHost::Address(ip) => address(ip),
    }
}

fn address(ip: IpAddr) -> der::Result<GeneralName> {
    let octets = match ip {
        IpAddr::V4(ip) => OctetString::new(ip.octets()),
        IpAddr::V6(ip) => OctetString::new(ip.octets()),
    };
    octets.map(GeneralName::IpAddress)
}

fn extension<T: EncodeValue + FixedTag>(
    extn_id: ObjectIdentifier,
    critical: bool,
    value: &T,
) -> der::Result<Extension> {
    Ok(Extension { extn_id, critical, extn_value: OctetString::new(value.to_der()?)? })
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

    fn has_attribute(&self, oid: ObjectIdentifier) -> bool {
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

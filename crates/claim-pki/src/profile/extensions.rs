//! The extensions of a certificate, as its profile has them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use der::asn1::{GeneralizedTime, Ia5String, ObjectIdentifier, OctetString};
use der::{Encode, EncodeValue, FixedTag};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName, GeneralNames};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, KeyUsage, NameConstraints, PrivateKeyUsagePeriod, SubjectKeyIdentifier,
};

use super::Profile;
use crate::oid::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_CERTIFICATE_POLICIES,
    ID_CE_CRL_DISTRIBUTION_POINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS,
    ID_CE_PRIVATE_KEY_USAGE_PERIOD, ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
    PolicyInformation, identifier,
};
use crate::{CrlUrl, Origin, OriginHost, Timestamp, Validity};

/// What the extensions of a certificate depend on.
pub(crate) struct Facts<'a> {
    pub(crate) profile: Profile,
    pub(crate) subject_key_id: [u8; 20],
    pub(crate) issuer_key_id: [u8; 20],
    pub(crate) validity: Validity,
    /// Of servers, timestamp authorities and logs.
    pub(crate) origin: Option<&'a Origin>,
    /// Of a root with name constraints.
    pub(crate) domain: Option<&'a str>,
    /// Where the issuer's CRL lies.
    pub(crate) crl_url: Option<&'a CrlUrl>,
}

impl Facts<'_> {
    pub(crate) fn extensions(&self) -> der::Result<Vec<Extension>> {
        let mut all = self.usage()?;
        if let Some(policy) = self.profile.policy() {
            let policies = vec![PolicyInformation::new(policy)?];
            all.push(extension(ID_CE_CERTIFICATE_POLICIES, false, &policies)?);
        }
        let id = SubjectKeyIdentifier(OctetString::new(self.subject_key_id.as_slice())?);
        all.push(extension(ID_CE_SUBJECT_KEY_IDENTIFIER, false, &id)?);
        all.push(authority_key_id(&self.issuer_key_id)?);
        if let Some(origin) = self.origin {
            let names = match self.profile {
                Profile::Server => server_names(origin)?,
                _ => vec![uri(origin.as_str())?],
            };
            all.push(extension(ID_CE_SUBJECT_ALT_NAME, false, &names)?);
        }
        if let Some(domain) = self.domain {
            let base = GeneralName::DnsName(Ia5String::new(domain)?);
            let permitted = vec![GeneralSubtree { base, minimum: 0, maximum: None }];
            let constraints =
                NameConstraints { permitted_subtrees: Some(permitted), excluded_subtrees: None };
            all.push(extension(ID_CE_NAME_CONSTRAINTS, true, &constraints)?);
        }
        if let Some(url) = self.crl_url {
            let point = DistributionPoint {
                distribution_point: Some(DistributionPointName::FullName(vec![uri(url.as_str())?])),
                reasons: None,
                crl_issuer: None,
            };
            all.push(extension(ID_CE_CRL_DISTRIBUTION_POINTS, false, &vec![point])?);
        }
        Ok(all)
    }

    /// What the key may be used for, and until when.
    fn usage(&self) -> der::Result<Vec<Extension>> {
        let mut all = Vec::new();
        if let Some(constraints) = self.profile.basic_constraints() {
            // RFC 5280 §4.2.1.9, §4.2.1.3, §4.2.1.10: these are critical.
            all.push(extension(ID_CE_BASIC_CONSTRAINTS, true, &constraints)?);
        }
        all.push(extension(ID_CE_KEY_USAGE, true, &KeyUsage(self.profile.key_usage()))?);
        let purposes = self.profile.extended_key_usage();
        if !purposes.is_empty() {
            let purposes: Vec<_> =
                purposes.iter().map(|one| identifier(one)).collect::<der::Result<_>>()?;
            // RFC 3161 §2.3: of a timestamp authority this is critical.
            let critical = self.profile == Profile::Timestamp;
            all.push(extension(ID_CE_EXT_KEY_USAGE, critical, &purposes)?);
        }
        if self.profile == Profile::Timestamp {
            let start = self.validity.not_before();
            let end = start.plus_seconds(Profile::KEY_USE.into()).min(self.validity.not_after());
            let period = PrivateKeyUsagePeriod {
                not_before: Some(generalized_time(start)?),
                not_after: Some(generalized_time(end)?),
            };
            all.push(extension(ID_CE_PRIVATE_KEY_USAGE_PERIOD, false, &period)?);
        }
        Ok(all)
    }
}

/// The authority key identifier that names a key of the issuer by its identifier alone.
pub(crate) fn authority_key_id(issuer_key_id: &[u8; 20]) -> der::Result<Extension> {
    let id = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(issuer_key_id.as_slice())?),
        ..AuthorityKeyIdentifier::default()
    };
    extension(ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &id)
}

/// The SAN of a server: its host as name or address, then its origin as URI.
fn server_names(origin: &Origin) -> der::Result<GeneralNames> {
    let mut names = vec![host_name(origin)?];
    if origin.host() == OriginHost::Name("localhost".to_owned()) {
        // Programs differ in what they make of `localhost`; each of its addresses will do.
        names.push(address(Ipv4Addr::LOCALHOST.into())?);
        names.push(address(Ipv6Addr::LOCALHOST.into())?);
    }
    names.push(uri(origin.as_str())?);
    Ok(names)
}

pub(super) fn host_name(origin: &Origin) -> der::Result<GeneralName> {
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

fn uri(text: &str) -> der::Result<GeneralName> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(text)?))
}

fn generalized_time(at: Timestamp) -> der::Result<GeneralizedTime> {
    let seconds = u64::try_from(at.as_seconds()).unwrap_or(0);
    GeneralizedTime::from_unix_duration(Duration::from_secs(seconds))
}

pub(crate) fn extension<T: EncodeValue + FixedTag>(
    extn_id: ObjectIdentifier,
    critical: bool,
    value: &T,
) -> der::Result<Extension> {
    Ok(Extension { extn_id, critical, extn_value: OctetString::new(value.to_der()?)? })
}

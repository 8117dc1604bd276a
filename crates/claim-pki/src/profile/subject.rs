//! Whom a certificate names, and until when its key may be used: read from what stands in it.

use x509_cert::ext::pkix::PrivateKeyUsagePeriod;
use x509_cert::ext::pkix::name::{GeneralName, GeneralNames};

use super::extensions::host_name;
use super::{Profile, ProfileError, ProfilePart};
use crate::oid::{CN, ID_CE_PRIVATE_KEY_USAGE_PERIOD, ID_CE_SUBJECT_ALT_NAME, UID};
use crate::tbs::Fields;
use crate::{Origin, PersonId, Timestamp, Validity, WitnessName};

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

/// The origin of a server's certificate: its one SAN URI, whose host is its common name and among its names or
/// addresses.
pub(crate) fn server(fields: &Fields) -> Result<Origin, ProfileError> {
    let refusal = |part| ProfileError::Part { profile: Profile::Server, part };
    let name = fields.attributes.only(CN).filter(|_| !fields.has_attribute(UID));
    let name = name.ok_or(refusal(ProfilePart::Subject))?;
    let origin = server_origin(fields).ok_or(refusal(ProfilePart::AlternativeName))?;
    if name == origin.host().to_string() { Ok(origin) } else { Err(refusal(ProfilePart::Subject)) }
}

/// The origin of a timestamp authority or log: its one alternative name, a URI.
pub(crate) fn service_origin(profile: Profile, fields: &Fields) -> Result<Origin, ProfileError> {
    let refusal = |part| ProfileError::Part { profile, part };
    if fields.has_attribute(UID) || fields.attributes.only(CN).is_none() {
        return Err(refusal(ProfilePart::Subject));
    }
    match alternative_names(fields).as_deref() {
        Some([GeneralName::UniformResourceIdentifier(uri)]) => {
            uri.as_str().parse().map_err(|_| refusal(ProfilePart::AlternativeName))
        }
        _ => Err(refusal(ProfilePart::AlternativeName)),
    }
}

/// The name of a witness: its one common name.
pub(crate) fn witness(fields: &Fields) -> Result<WitnessName, ProfileError> {
    let refusal = |part| ProfileError::Part { profile: Profile::Witness, part };
    if fields.has(ID_CE_SUBJECT_ALT_NAME) {
        return Err(refusal(ProfilePart::AlternativeName));
    }
    let name = fields.attributes.only(CN).and_then(|name| name.parse().ok());
    match name {
        Some(name) if !fields.has_attribute(UID) => Ok(name),
        _ => Err(refusal(ProfilePart::Subject)),
    }
}

/// When the key may be used: with both ends, within the certificate's validity, for a year at most.
pub(crate) fn usage_period(fields: &Fields) -> Option<Validity> {
    let (_, period): (_, PrivateKeyUsagePeriod) =
        fields.extension(ID_CE_PRIVATE_KEY_USAGE_PERIOD).ok()??;
    let seconds = |time: Option<der::asn1::GeneralizedTime>| {
        let seconds = i64::try_from(time?.to_unix_duration().as_secs()).ok()?;
        Some(Timestamp::from_seconds(seconds))
    };
    let period = Validity::new(seconds(period.not_before)?, seconds(period.not_after)?)?;
    let longest = Validity::starting(period.not_before(), Profile::KEY_USE);
    let fits = |outer| period.within(outer) == Some(period);
    (fits(fields.validity) && fits(longest)).then_some(period)
}

fn server_origin(fields: &Fields) -> Option<Origin> {
    let names = alternative_names(fields)?;
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    });
    let (Some(uri), None) = (uris.next(), uris.next()) else { return None };
    let origin: Origin = uri.parse().ok()?;
    names.contains(&host_name(&origin).ok()?).then_some(origin)
}

fn alternative_names(fields: &Fields) -> Option<GeneralNames> {
    let (_, names) = fields.extension(ID_CE_SUBJECT_ALT_NAME).ok()??;
    Some(names)
}

//! Subjects of certificates: whom they name, and how names are written and read.

use der::asn1::{AnyRef, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use der::{Any, Encode, Tag, Tagged};
use rustls_pki_types::DnsName;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::oid::{C, CN, O, UID};
use crate::{Origin, OriginHost, PersonId, WitnessName};

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A student or a member of staff.
    Person {
        /// The `UID`.
        id: PersonId,
        /// The common name, cut to 64 characters; the id stands in where there is none.
        name: Option<String>,
    },
    /// A server; its host is the common name.
    Server {
        /// The origin that the certificate vouches for.
        origin: Origin,
    },
    /// The authority that issues certificates to persons and servers.
    Issuing {
        /// Its name.
        name: AuthorityName,
    },
    /// A timestamp authority; the common name is its host and the word `timestamp`.
    Timestamp {
        /// The origin for which it says when something was there.
        origin: Origin,
    },
    /// A log; the common name is its host and the word `log`.
    Log {
        /// The origin of the server that keeps it.
        origin: Origin,
    },
    /// A witness of logs.
    Witness {
        /// Its name, which is the common name.
        name: WitnessName,
    },
}

/// The name of a certification authority: country, organisation, common name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityName {
    country: String,
    organisation: String,
    common_name: String,
}

/// Why something cannot be the name of a subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// RFC 5280 Appendix A: `ub-common-name` and `ub-organization-name` are 64 characters.
    #[error("a name in a certificate has 1 to {MAX_NAME} characters; {text:?} has {found}")]
    Length {
        /// The name.
        text: String,
        /// How many characters it has.
        found: usize,
    },
    /// A control character, which could move what others see on their terminals.
    #[error("a name in a certificate has no control characters; this has {found:?}")]
    ControlCharacter {
        /// The character.
        found: char,
    },
    /// A host that is no DNS name.
    #[error("{found:?} is not a DNS name")]
    Host {
        /// The host.
        found: String,
    },
    /// A country that is not two capital letters (ISO 3166).
    #[error("a country is two capital letters; this is {found:?}")]
    Country {
        /// What was given.
        found: String,
    },
}

/// The most characters in a common name or an organisation's name.
pub(crate) const MAX_NAME: usize = 64;

impl AuthorityName {
    /// A name whose parts fit into a certificate.
    ///
    /// # Errors
    /// [`SubjectError`] tells which part does not.
    pub fn new(country: &str, organisation: &str, common_name: &str) -> Result<Self, SubjectError> {
        if country.len() != 2 || !country.bytes().all(|c| c.is_ascii_uppercase()) {
            return Err(SubjectError::Country { found: country.to_owned() });
        }
        check_name(organisation)?;
        check_name(common_name)?;
        Ok(Self {
            country: country.to_owned(),
            organisation: organisation.to_owned(),
            common_name: common_name.to_owned(),
        })
    }

    /// `C=HK, O=CUHK` and this common name.
    ///
    /// # Errors
    /// [`SubjectError`] when the common name does not fit.
    pub fn cuhk(common_name: &str) -> Result<Self, SubjectError> {
        Self::new("HK", "CUHK", common_name)
    }

    /// The common name.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// The name in DER.
    pub(crate) fn to_der(&self) -> Result<Vec<u8>, SubjectEncodingError> {
        Ok(distinguished_name(&[
            (C, Text::Printable(&self.country)),
            (O, Text::Utf8(&self.organisation)),
            (CN, Text::Utf8(&self.common_name)),
        ])?)
    }
}

/// A subject has no place in a certificate, or does not encode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubjectEncodingError {
    #[error(transparent)]
    Subject(#[from] SubjectError),
    #[error(transparent)]
    Encoding(#[from] der::Error),
}

impl Subject {
    /// The name in DER.
    pub(crate) fn to_der(&self) -> Result<Vec<u8>, SubjectEncodingError> {
        match self {
            Self::Person { id, name } => {
                let id = id.as_str();
                let name: String =
                    name.as_deref().unwrap_or_default().trim().chars().take(MAX_NAME).collect();
                let common_name = if name.is_empty() { id } else { name.trim_end() };
                check_name(common_name)?;
                Ok(distinguished_name(&[(UID, Text::Utf8(id)), (CN, Text::Utf8(common_name))])?)
            }
            Self::Server { origin } => common_name(&host(origin)?),
            Self::Issuing { name } => name.to_der(),
            Self::Timestamp { origin } => common_name(&service_name(origin, "timestamp")?),
            Self::Log { origin } => common_name(&service_name(origin, "log")?),
            Self::Witness { name } => common_name(name.as_str()),
        }
    }
}

/// What a name in a certificate or request says, for those attributes that are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<(ObjectIdentifier, Option<String>)>);

impl Attributes {
    pub(crate) fn of(name: &Name) -> Self {
        Self(name.iter().map(|one| (one.oid, text(&one.value))).collect())
    }

    /// All values of this attribute; `None` for one that is no text.
    pub(crate) fn all(&self, oid: ObjectIdentifier) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().filter(move |(found, _)| *found == oid).map(|(_, text)| text.as_deref())
    }

    /// The value of this attribute if it stands there exactly once, as text.
    pub(crate) fn only(&self, oid: ObjectIdentifier) -> Option<&str> {
        let mut all = self.all(oid);
        match (all.next(), all.next()) {
            (Some(text), None) => text,
            _ => None,
        }
    }
}

fn common_name(text: &str) -> Result<Vec<u8>, SubjectEncodingError> {
    check_name(text)?;
    Ok(distinguished_name(&[(CN, Text::Utf8(text))])?)
}

/// The host as text, if a certificate may name it.
fn host(origin: &Origin) -> Result<String, SubjectError> {
    let host = origin.host().to_string();
    // URLs take hosts that certificates must not have: `*.example` would be a wildcard.
    match origin.host() {
        OriginHost::Name(name) if !is_dns_name(&name) => Err(SubjectError::Host { found: host }),
        _ => Ok(host),
    }
}

/// Host and service. A long host is cut: this name is for people, the alternative name counts.
fn service_name(origin: &Origin, service: &str) -> Result<String, SubjectError> {
    let room = MAX_NAME - service.len() - 1;
    let host: String = host(origin)?.chars().take(room).collect();
    Ok(format!("{host} {service}"))
}

enum Text<'a> {
    Printable(&'a str),
    Utf8(&'a str),
}

/// One attribute a relative name, and values as they are: a name parsed from text could smuggle in others.
fn distinguished_name(attributes: &[(ObjectIdentifier, Text<'_>)]) -> der::Result<Vec<u8>> {
    let mut names = RdnSequence::default();
    for (oid, text) in attributes {
        let value = match text {
            Text::Printable(text) => Any::from(AnyRef::from(PrintableStringRef::new(text)?)),
            Text::Utf8(text) => Any::from(AnyRef::from(Utf8StringRef::new(text)?)),
        };
        let mut name = RelativeDistinguishedName::default();
        name.insert(AttributeTypeAndValue { oid: *oid, value })?;
        names.push(name);
    }
    names.to_der()
}

/// Whether this is a DNS name as it stands in certificates: no wildcard, no dot at the end.
pub(crate) fn is_dns_name(text: &str) -> bool {
    DnsName::try_from(text).is_ok() && !text.ends_with('.')
}

fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            std::str::from_utf8(value.value()).ok().map(str::to_owned)
        }
        _ => None,
    }
}

fn check_name(text: &str) -> Result<(), SubjectError> {
    if let Some(found) = text.chars().find(|c| c.is_control()) {
        return Err(SubjectError::ControlCharacter { found });
    }
    match text.chars().count() {
        1..=MAX_NAME => Ok(()),
        found => Err(SubjectError::Length { text: text.to_owned(), found }),
    }
}

/// Any name in DER, for the tests of those who read names.
#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test panics to fail")]
pub(crate) fn encode_for_test(attributes: &[(ObjectIdentifier, &str)]) -> Vec<u8> {
    let attributes: Vec<_> =
        attributes.iter().map(|(oid, text)| (*oid, Text::Utf8(text))).collect();
    distinguished_name(&attributes).expect("the attributes encode")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use der::Decode;

    use super::*;

    fn attributes(subject: &Subject) -> Attributes {
        Attributes::of(&Name::from_der(&subject.to_der().unwrap()).unwrap())
    }

    #[test]
    fn each_attribute_stands_alone() {
        let id: PersonId = "chan.tm".parse().unwrap();
        let name = Some("Chan, O=evil+UID=1155123456\\,CN=x".to_owned());
        let read = attributes(&Subject::Person { id, name: name.clone() });
        assert_eq!(read.only(UID), Some("chan.tm"));
        assert_eq!(read.only(CN), name.as_deref());
        assert_eq!(read.0.len(), 2);
    }

    #[test]
    fn authorities_have_their_country_as_printable_string() {
        let name = AuthorityName::cuhk("Root CA").unwrap();
        let der = name.to_der().unwrap();
        assert!(der.windows(4).any(|window| window == [0x13, 2, b'H', b'K']));
        let read = attributes(&Subject::Issuing { name });
        assert_eq!(
            (read.only(C), read.only(O), read.only(CN)),
            (Some("HK"), Some("CUHK"), Some("Root CA"))
        );
    }

    #[test]
    fn values_that_are_no_text_do_not_count_as_missing() {
        let value = Any::new(Tag::OctetString, b"1155123456".as_slice()).unwrap();
        let mut names = RdnSequence::default();
        let mut name = RelativeDistinguishedName::default();
        name.insert(AttributeTypeAndValue { oid: UID, value }).unwrap();
        names.push(name);
        let read = Attributes::of(&Name::from_der(&names.to_der().unwrap()).unwrap());
        assert_eq!(read.only(UID), None);
        assert_eq!(read.all(UID).collect::<Vec<_>>(), [None]);
    }
}

//! The request of a CUHK whose root is elsewhere, and the answer.

use std::fmt;

use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;

use super::request::{line, pem};
use crate::{
    AuthorityName, Certificate, CertificateError, CertificationRequest,
    Ed25519CertificationRequest, Ed25519SigningKey, MakeRequestError, Origin, RequestError,
    RevocationList, RevocationListError, Sign, SigningKey, Subject, WitnessName,
    certification_request, ed25519_certification_request,
};

/// A CUHK's request to have its keys certified by a root that is on another machine: those by which it stamps and
/// cosigns and, where it is to have another, that by which it issues.
///
/// The requests in it were verified to be signed by the keys in them, and to name what they are for.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorityRequest {
    origin: Origin,
    witness_name: WitnessName,
    timestamp: CertificationRequest,
    witness: Ed25519CertificationRequest,
    issuing: Option<(String, CertificationRequest)>,
}

/// Why a text is not such a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityRequestError {
    /// It is longer than any request.
    #[error("a CUHK's request has at most {} bytes; this has {found}", AuthorityRequest::MAX_SIZE)]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// It is not text.
    #[error("a CUHK's request is text in UTF-8; this is not")]
    NotText,
    /// It does not begin as such a request of this version does.
    #[error("a CUHK's request begins with the line `{}`; this does not", FIRST_LINE)]
    FirstLine,
    /// A line of its head is not as it must be.
    #[error("a CUHK's request has the line `{name}: …`; here it is {found:?}")]
    Head {
        /// The line's name.
        name: &'static str,
        /// The line: untrusted, to be escaped before it is shown.
        found: String,
    },
    /// There are more or fewer certification requests than the head says.
    #[error(
        "a CUHK's request of this head holds {expected} certification requests, this one {found}"
    )]
    Count {
        /// How many there should be.
        expected: usize,
        /// How many there are; reading stops after one too many.
        found: usize,
    },
    /// A PEM block is damaged.
    #[error("the PEM in the request is damaged")]
    Pem,
    /// A certification request is not one for its key.
    #[error("the certification request for the {part} key is not one: {source}")]
    Key {
        /// Which key.
        part: &'static str,
        /// What is wrong with it.
        source: RequestError,
    },
}

/// What the root elsewhere answers: certificates, and its revocation list. Nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityAnswer {
    /// The certificate of the timestamp key.
    pub timestamp: Certificate,
    /// The certificate of the witness.
    pub witness: Certificate,
    /// The issuing certificate, where one was asked for.
    pub issuing: Option<Certificate>,
    /// The root's newest revocation list.
    pub list: RevocationList,
}

/// Why a text is not such an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityAnswerError {
    /// It is longer than any answer.
    #[error(
        "an answer to a CUHK has at most {} bytes; this has {found}",
        AuthorityAnswer::MAX_SIZE
    )]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// It is not text.
    #[error("an answer to a CUHK is text in UTF-8; this is not")]
    NotText,
    /// What it holds are not certificates.
    #[error("the answer's certificates cannot be read: {0}")]
    Certificates(#[from] CertificateError),
    /// There are more or fewer certificates than two or three.
    #[error(
        "an answer to a CUHK holds the certificates of timestamp key and witness, and perhaps an issuing one; this one holds {found}"
    )]
    Count {
        /// How many there are.
        found: usize,
    },
    /// Its revocation list cannot be read.
    #[error("the answer's revocation list cannot be read: {0}")]
    List(#[from] RevocationListError),
}

/// What every such request begins with.
const FIRST_LINE: &str = "claim authority request v1";

/// What stands where no issuing certificate is asked for; no common name is that.
const NONE: &str = "-";

impl AuthorityRequest {
    /// The largest request that is read, in bytes.
    pub const MAX_SIZE: usize = 72 * 1024;

    /// Makes the request of the CUHK with this origin and these keys; an issuing key comes with its common name.
    ///
    /// # Errors
    /// [`MakeRequestError`] when a name does not fit a certificate, or a key does not sign.
    pub fn make(
        origin: &Origin,
        witness_name: &WitnessName,
        timestamp: &SigningKey,
        witness: &Ed25519SigningKey,
        issuing: Option<(&str, &dyn Sign)>,
    ) -> Result<Self, MakeRequestError> {
        let timestamp = certification_request(timestamp, &timestamp_subject(origin))?;
        let witness = ed25519_certification_request(witness, &witness_subject(witness_name))?;
        let issuing = match issuing {
            None => None,
            Some((name, key)) => {
                let subject = Subject::Issuing { name: AuthorityName::cuhk(name)? };
                let der = certification_request(key, &subject)?;
                Some((name.to_owned(), CertificationRequest::from_der(&der)?))
            }
        };
        Ok(Self {
            origin: origin.clone(),
            witness_name: witness_name.clone(),
            timestamp: CertificationRequest::from_der(&timestamp)?,
            witness: Ed25519CertificationRequest::from_der(&witness)?,
            issuing,
        })
    }

    /// Whether a file means to be a CUHK's request.
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.starts_with(FIRST_LINE.as_bytes())
    }

    /// Reads a request file and verifies the requests in it. Lines may end in CR LF.
    ///
    /// # Errors
    /// [`AuthorityRequestError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AuthorityRequestError> {
        if bytes.len() > Self::MAX_SIZE {
            return Err(AuthorityRequestError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| AuthorityRequestError::NotText)?;
        let (first, rest) = line(text);
        if first != FIRST_LINE {
            return Err(AuthorityRequestError::FirstLine);
        }
        let (origin, rest) = head(rest, "origin", |value| value.parse::<Origin>().ok())?;
        let (witness_name, rest) =
            head(rest, "witness", |value| value.parse::<WitnessName>().ok())?;
        let (issuing, rest) = head(rest, "issuing", |value| match value {
            NONE => Some(None),
            name => Some(Some((name.to_owned(), AuthorityName::cuhk(name).ok()?))),
        })?;
        let mut requests = read(rest, 2 + usize::from(issuing.is_some()))?.into_iter();
        let mut next = || requests.next().unwrap_or_default();
        let bad = |part| move |source| AuthorityRequestError::Key { part, source };
        let named = |der: &[u8], subject: &Subject| {
            let one = CertificationRequest::from_der(der)?;
            one.names_exactly(subject).map(|()| one)
        };
        let timestamp = named(&next(), &timestamp_subject(&origin)).map_err(bad("timestamp"))?;
        let witness = Ed25519CertificationRequest::from_der(&next())
            .and_then(|one| one.names_exactly(&witness_subject(&witness_name)).map(|()| one))
            .map_err(bad("witness"))?;
        let issuing = match issuing {
            None => None,
            Some((text, name)) => {
                let request = named(&next(), &Subject::Issuing { name }).map_err(bad("issuing"))?;
                Some((text, request))
            }
        };
        Ok(Self { origin, witness_name, timestamp, witness, issuing })
    }

    /// The request file.
    pub fn to_text(&self) -> String {
        let issuing = self.issuing.as_ref().map_or(NONE, |(name, _)| name);
        let mut text = format!(
            "{FIRST_LINE}\norigin: {}\nwitness: {}\nissuing: {issuing}\n{}{}",
            self.origin,
            self.witness_name,
            pem(self.timestamp.der()),
            pem(self.witness.der()),
        );
        if let Some((_, request)) = &self.issuing {
            text.push_str(&pem(request.der()));
        }
        text
    }

    /// Where this CUHK serves.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The name of the witness that it is.
    pub fn witness_name(&self) -> &WitnessName {
        &self.witness_name
    }

    /// The request for the timestamp key.
    pub fn timestamp(&self) -> &CertificationRequest {
        &self.timestamp
    }

    /// The request for the witness's key.
    pub fn witness(&self) -> &Ed25519CertificationRequest {
        &self.witness
    }

    /// The request for the issuing key with the common name that it is to have, where one is asked for.
    pub fn issuing(&self) -> Option<(&str, &CertificationRequest)> {
        self.issuing.as_ref().map(|(name, request)| (name.as_str(), request))
    }
}

impl AuthorityAnswer {
    /// The largest answer that is read, in bytes.
    pub const MAX_SIZE: usize = 2 * RevocationList::MAX_SIZE;

    /// Reads an answer file.
    ///
    /// # Errors
    /// [`AuthorityAnswerError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AuthorityAnswerError> {
        if bytes.len() > Self::MAX_SIZE {
            return Err(AuthorityAnswerError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| AuthorityAnswerError::NotText)?;
        let mut certificates = Certificate::chain_from_pem(text)?.into_iter();
        let list = RevocationList::from_pem(text)?;
        let found = certificates.len();
        match (certificates.next(), certificates.next(), certificates.next(), certificates.next()) {
            (Some(timestamp), Some(witness), issuing, None) => {
                Ok(Self { timestamp, witness, issuing, list })
            }
            _ => Err(AuthorityAnswerError::Count { found }),
        }
    }

    /// The answer file: certificates and list in PEM.
    pub fn to_text(&self) -> String {
        let certificates = [&self.timestamp, &self.witness].into_iter().chain(&self.issuing);
        let mut text: String = certificates.map(Certificate::to_pem).collect();
        text.push_str(&self.list.to_pem());
        text
    }
}

impl fmt::Debug for AuthorityRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorityRequest").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn timestamp_subject(origin: &Origin) -> Subject {
    Subject::Timestamp { origin: origin.clone() }
}

fn witness_subject(name: &WitnessName) -> Subject {
    Subject::Witness { name: name.clone() }
}

/// The value of the next line of the head, and what follows it.
fn head<'t, T>(
    text: &'t str,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<(T, &'t str), AuthorityRequestError> {
    let (found, rest) = line(text);
    let value = found.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
    match value.and_then(parse) {
        Some(value) => Ok((value, rest)),
        None => Err(AuthorityRequestError::Head { name, found: found.to_owned() }),
    }
}

fn read(text: &str, expected: usize) -> Result<Vec<Vec<u8>>, AuthorityRequestError> {
    let mut found = Vec::new();
    for one in CertificateSigningRequestDer::pem_slice_iter(text.as_bytes()).take(expected + 1) {
        found.push(one.map_err(|_| AuthorityRequestError::Pem)?.as_ref().to_vec());
    }
    match found.len() == expected {
        true => Ok(found),
        false => Err(AuthorityRequestError::Count { expected, found: found.len() }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn request(issuing: bool) -> AuthorityRequest {
        let key = SigningKey::generate().unwrap();
        let issuing = issuing.then_some(("CUHK Issuing", &key as &dyn Sign));
        AuthorityRequest::make(
            &"https://cuhk.example:9335".parse().unwrap(),
            &"cuhk.example:9335/witness".parse().unwrap(),
            &SigningKey::generate().unwrap(),
            &Ed25519SigningKey::generate().unwrap(),
            issuing,
        )
        .unwrap()
    }

    #[test]
    fn text_and_back() {
        for issuing in [false, true] {
            let request = request(issuing);
            let text = request.to_text();
            assert!(AuthorityRequest::is_meant(text.as_bytes()));
            assert_eq!(AuthorityRequest::from_bytes(text.as_bytes()).unwrap(), request);
            let windows = text.replace('\n', "\r\n");
            assert_eq!(AuthorityRequest::from_bytes(windows.as_bytes()).unwrap(), request);
        }
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused() {
        let text = request(true).to_text();
        let refused = |text: &str| AuthorityRequest::from_bytes(text.as_bytes()).unwrap_err();
        let key = |part: &'static str| move |error: &AuthorityRequestError| matches!(error, AuthorityRequestError::Key { part: found, .. } if *found == part);
        let moved = text.replace("https://cuhk.example", "https://other.example");
        assert!(key("timestamp")(&refused(&moved)));
        let renamed = text.replace("witness: cuhk", "witness: other");
        assert!(key("witness")(&refused(&renamed)));
        let renamed = text.replace("issuing: CUHK", "issuing: Other");
        assert!(key("issuing")(&refused(&renamed)));
        let count = |expected, found| AuthorityRequestError::Count { expected, found };
        assert_eq!(refused(&text.replace("issuing: CUHK Issuing", "issuing: -")), count(2, 3));
        let last = text.rfind("-----BEGIN").unwrap();
        assert_eq!(refused(&text[..last]), count(3, 2));
        assert_eq!(refused(&text[1..]), AuthorityRequestError::FirstLine);
        assert!(matches!(
            refused(&text.replace("origin:", "origins:")),
            AuthorityRequestError::Head { name: "origin", .. }
        ));
        let long = " ".repeat(AuthorityRequest::MAX_SIZE + 1);
        assert!(matches!(refused(&long), AuthorityRequestError::TooLarge { .. }));
    }
}

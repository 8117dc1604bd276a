//! The request of a witness that is nothing else.

use std::fmt;

use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;

use super::request::{line, pem};
use crate::{
    Ed25519CertificationRequest, Ed25519SigningKey, MakeRequestError, RequestError, Subject,
    WitnessName, ed25519_certification_request,
};

/// A witness's request to have its key certified by the root.
///
/// It was verified to be signed by the key in it, and to name the witness. The answer is one certificate in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessRequest {
    name: WitnessName,
    key: Ed25519CertificationRequest,
}

/// Why a text is not such a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessRequestError {
    /// It is longer than any request.
    #[error("a witness's request has at most {} bytes; this has {found}", WitnessRequest::MAX_SIZE)]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// It is not text.
    #[error("a witness's request is text in UTF-8; this is not")]
    NotText,
    /// It does not begin as a witness's request of this version does.
    #[error("a witness's request begins with the line `{}`; this does not", FIRST_LINE)]
    FirstLine,
    /// The second line names no witness.
    #[error("the second line of a witness's request is `name: …`; here it is {found:?}")]
    Name {
        /// The line: untrusted, to be escaped before it is shown.
        found: String,
    },
    /// There are more or fewer certification requests than one, or other PEM blocks beside it.
    #[error("a witness's request holds one certification request in PEM, this one {found}")]
    Count {
        /// How many there are; reading stops after the second.
        found: usize,
    },
    /// A PEM block is damaged.
    #[error("the PEM in the witness's request is damaged")]
    Pem,
    /// The certification request is not one for this witness's key.
    #[error("the certification request is not one for the key of the witness {name}: {source}")]
    Key {
        /// The name in the file.
        name: WitnessName,
        /// What is wrong with it.
        source: RequestError,
    },
}

/// What every witness's request begins with.
const FIRST_LINE: &str = "claim witness request v1";

impl WitnessRequest {
    /// The largest request that is read, in bytes.
    pub const MAX_SIZE: usize = 24 * 1024;

    /// Makes the request of the witness with this name and key.
    ///
    /// # Errors
    /// [`MakeRequestError`] when the key does not sign.
    pub fn make(name: &WitnessName, key: &Ed25519SigningKey) -> Result<Self, MakeRequestError> {
        let der = ed25519_certification_request(key, &subject(name))?;
        Ok(Self { name: name.clone(), key: Ed25519CertificationRequest::from_der(&der)? })
    }

    /// Whether a file means to be a witness's request, rather than a Blackboard's.
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.starts_with(FIRST_LINE.as_bytes())
    }

    /// Reads a request file and verifies the request in it. Lines may end in CR LF.
    ///
    /// # Errors
    /// [`WitnessRequestError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WitnessRequestError> {
        if bytes.len() > Self::MAX_SIZE {
            return Err(WitnessRequestError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| WitnessRequestError::NotText)?;
        let (first, rest) = line(text);
        if first != FIRST_LINE {
            return Err(WitnessRequestError::FirstLine);
        }
        let (second, rest) = line(rest);
        let name: WitnessName = second
            .strip_prefix("name: ")
            .and_then(|name| name.parse().ok())
            .ok_or_else(|| WitnessRequestError::Name { found: second.to_owned() })?;
        let requests = CertificateSigningRequestDer::pem_slice_iter(rest.as_bytes()).take(2);
        let requests =
            requests.collect::<Result<Vec<_>, _>>().map_err(|_| WitnessRequestError::Pem)?;
        let [request] = requests.as_slice() else {
            return Err(WitnessRequestError::Count { found: requests.len() });
        };
        let key = Ed25519CertificationRequest::from_der(request)
            .and_then(|one| one.names_exactly(&subject(&name)).map(|()| one))
            .map_err(|source| WitnessRequestError::Key { name: name.clone(), source })?;
        Ok(Self { name, key })
    }

    /// The request file.
    pub fn to_text(&self) -> String {
        format!("{FIRST_LINE}\nname: {}\n{}", self.name, pem(self.key.der()))
    }

    /// The name of the witness.
    pub fn name(&self) -> &WitnessName {
        &self.name
    }

    /// The request for its key.
    pub fn key(&self) -> &Ed25519CertificationRequest {
        &self.key
    }
}

impl fmt::Debug for WitnessRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitnessRequest").field("name", &self.name).finish_non_exhaustive()
    }
}

fn subject(name: &WitnessName) -> Subject {
    Subject::Witness { name: name.clone() }
}

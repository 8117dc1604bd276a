//! Which key in which token: a PKCS #11 URI (RFC 7512).

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The name of a key: the module that reaches its token, the token's label, the key's label.
///
/// As text `pkcs11:token=LABEL;object=LABEL?module-path=/path/to/module.so`, with percent-encoding (RFC 7512 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUri(Arc<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    module: PathBuf,
    token: String,
    object: String,
}

/// Why a text names no key in a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenUriError {
    /// It does not begin with `pkcs11:`.
    #[error("the name of a key in a token begins with pkcs11:")]
    Scheme,
    /// An attribute has no `=`, or stands there twice, or is not UTF-8.
    #[error("the attributes of a pkcs11: URI are name=value, each once")]
    Attribute,
    /// The PIN stands in it, or where it is.
    #[error(
        "a pkcs11: URI with a PIN is not taken, since everybody sees arguments; \
         name a file, descriptor or credential with the option for passphrases"
    )]
    Pin,
    /// An attribute that is not used here: to go without it could find another key than was meant.
    #[error(
        "the attribute {name:?} of pkcs11: URIs is not used here: token, object and module-path are"
    )]
    Unused {
        /// Its name.
        name: String,
    },
    /// One of the three is missing or empty.
    #[error(
        "a key in a token is named by token=, object= and ?module-path=; {name} is missing in this URI"
    )]
    Missing {
        /// Which.
        name: &'static str,
    },
}

/// RFC 7512 §2.3: what `pk11-res-avail` and unreserved characters are not.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENCODED_IN_QUERY: &AsciiSet = &ENCODED.remove(b'/');

impl TokenUri {
    /// The library by which the token is reached.
    pub fn module(&self) -> &Path {
        &self.0.module
    }

    /// The token's label.
    pub fn token(&self) -> &str {
        &self.0.token
    }

    /// The key's label.
    pub fn object(&self) -> &str {
        &self.0.object
    }

    /// Another key in the same token.
    #[must_use]
    pub fn with_object(&self, object: String) -> Self {
        Self(Arc::new(Parts { object, ..Parts::clone(&self.0) }))
    }
}

impl FromStr for TokenUri {
    type Err = TokenUriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("pkcs11:").ok_or(TokenUriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut module, mut token, mut object) = (None, None, None);
        let attributes = path.split(';').chain(query.split('&')).filter(|one| !one.is_empty());
        for attribute in attributes {
            let (name, value) = attribute.split_once('=').ok_or(TokenUriError::Attribute)?;
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| TokenUriError::Attribute)?.into_owned();
            let place = match name {
                "token" => &mut token,
                "object" => &mut object,
                "module-path" => &mut module,
                "pin-value" | "pin-source" => return Err(TokenUriError::Pin),
                // Whatever kind is named, it is the private key that signs.
                "type" => continue,
                name => return Err(TokenUriError::Unused { name: name.to_owned() }),
            };
            if place.replace(value).is_some() {
                return Err(TokenUriError::Attribute);
            }
        }
        let given = |value: Option<String>, name| {
            value.filter(|value| !value.is_empty()).ok_or(TokenUriError::Missing { name })
        };
        Ok(Self(Arc::new(Parts {
            token: given(token, "token=")?,
            object: given(object, "object=")?,
            module: given(module, "?module-path=")?.into(),
        })))
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let module = self.module().to_string_lossy();
        write!(
            f,
            "pkcs11:token={};object={}?module-path={}",
            utf8_percent_encode(self.token(), ENCODED),
            utf8_percent_encode(self.object(), ENCODED),
            utf8_percent_encode(&module, ENCODED_IN_QUERY),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn text_and_back() {
        let text = "pkcs11:token=CUHK%20root;object=cuhk-issuing?module-path=/usr/lib/softhsm/libsofthsm2.so";
        let uri: TokenUri = text.parse().unwrap();
        assert_eq!((uri.token(), uri.object()), ("CUHK root", "cuhk-issuing"));
        assert_eq!(uri.module(), Path::new("/usr/lib/softhsm/libsofthsm2.so"));
        assert_eq!(uri.to_string(), text);
        let other = uri.with_object("a;b?c".to_owned());
        assert_eq!(other.to_string().parse(), Ok(other));
        let typed = text.replace(";object", ";type=private;object");
        assert_eq!(typed.parse(), Ok(uri));
    }

    #[test]
    fn what_names_no_key_is_refused() {
        let missing = |name| TokenUriError::Missing { name };
        for (text, error) in [
            ("cuhk.key", TokenUriError::Scheme),
            ("pkcs11:", missing("token=")),
            ("pkcs11:token=a?module-path=/m", missing("object=")),
            ("pkcs11:token=a;object=b", missing("?module-path=")),
            ("pkcs11:token=;object=b?module-path=/m", missing("token=")),
            ("pkcs11:token=a;token=b;object=b?module-path=/m", TokenUriError::Attribute),
            ("pkcs11:token;object=b?module-path=/m", TokenUriError::Attribute),
            ("pkcs11:token=%ff;object=b?module-path=/m", TokenUriError::Attribute),
            ("pkcs11:token=a;object=b?pin-value=1234&module-path=/m", TokenUriError::Pin),
            ("pkcs11:token=a;object=b?pin-source=/p&module-path=/m", TokenUriError::Pin),
            (
                "pkcs11:token=a;object=b;id=%01?module-path=/m",
                TokenUriError::Unused { name: "id".to_owned() },
            ),
        ] {
            assert_eq!(text.parse::<TokenUri>(), Err(error), "{text}");
        }
    }
}

//! What a sign-in service says of itself (OpenID Connect Discovery 1.0 §4, RFC 8414, RFC 9207 §3).

use std::net::IpAddr;

use claim_core::json;
use serde::Deserialize;
use url::{Host, Url};

use super::error::ProviderError;

/// How CUHK shows who it is in the token request (RFC 6749 §2.3, Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientAuthentication {
    /// HTTP Basic.
    Basic,
    /// In the content.
    Post,
}

/// Where the service is asked for what.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) authentication: ClientAuthentication,
    /// Whether every answer through the browser names its issuer.
    pub(super) answers_name_issuer: bool,
}

/// As it is sent.
#[derive(Deserialize)]
struct Announced {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Where the document of this issuer is (Discovery §4.1).
pub(super) fn address(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

impl Metadata {
    /// Reads the document of this issuer.
    pub(super) fn read(issuer: &str, content: &[u8]) -> Result<Self, ProviderError> {
        let unreadable = |reason: String| ProviderError::Unreadable { what: "metadata", reason };
        let announced: Announced =
            json::from_slice(content).map_err(|error| unreadable(error.to_string()))?;
        // Discovery §4.3: "the issuer value returned MUST be identical".
        if announced.issuer != issuer {
            let (expected, found) = (issuer.to_owned(), announced.issuer);
            return Err(ProviderError::OtherIssuer { expected, found });
        }
        let base = Url::parse(issuer).map_err(|error| unreadable(error.to_string()))?;
        let endpoint = |text: &str| match Url::parse(text) {
            Ok(url) if is_private(&url, &base) => Ok(url),
            Ok(url) => Err(ProviderError::NotPrivate { url: url.to_string() }),
            Err(error) => Err(unreadable(error.to_string())),
        };
        let methods = announced.token_endpoint_auth_methods_supported;
        let takes = |name: &str| {
            methods.as_ref().is_some_and(|methods| methods.iter().any(|method| method == name))
        };
        Ok(Self {
            authorization_endpoint: endpoint(&announced.authorization_endpoint)?,
            token_endpoint: endpoint(&announced.token_endpoint)?,
            jwks_uri: endpoint(&announced.jwks_uri)?,
            // Discovery §3: "If omitted, the default is client_secret_basic".
            authentication: match takes("client_secret_post") && !takes("client_secret_basic") {
                true => ClientAuthentication::Post,
                false => ClientAuthentication::Basic,
            },
            answers_name_issuer: announced.authorization_response_iss_parameter_supported,
        })
    }
}

/// Whether nobody on the way can read or change what goes there: by TLS, or since both are on this machine.
pub(super) fn is_private(url: &Url, issuer: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url) && is_loopback(issuer),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://login.cuhk.example/realms/all";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://login.cuhk.example/authorize?tenant=1",
            "token_endpoint": "https://login.cuhk.example/token",
            "jwks_uri": "https://keys.cuhk.example/jwks",
        })
    }

    fn read(member: &str, value: Value) -> Result<Metadata, ProviderError> {
        let mut document = document();
        document[member] = value;
        Metadata::read(ISSUER, document.to_string().as_bytes())
    }

    #[test]
    fn the_document_is_that_of_the_issuer_and_leads_nowhere_in_the_clear() {
        let good = Metadata::read(ISSUER, document().to_string().as_bytes()).unwrap();
        assert_eq!(good.authentication, ClientAuthentication::Basic);
        assert!(!good.answers_name_issuer);
        let other = read("issuer", json!("https://login.cuhk.example/realms/other"));
        assert!(matches!(other, Err(ProviderError::OtherIssuer { .. })));
        for member in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            for clear in ["http://login.cuhk.example/x", "http://127.0.0.1/x", "file:///etc/passwd"]
            {
                let refused = read(member, json!(clear));
                assert!(matches!(refused, Err(ProviderError::NotPrivate { .. })), "{clear}");
            }
            assert!(matches!(read(member, json!(1)), Err(ProviderError::Unreadable { .. })));
        }
        let post = read("token_endpoint_auth_methods_supported", json!(["client_secret_post"]));
        assert_eq!(post.unwrap().authentication, ClientAuthentication::Post);
    }

    #[test]
    fn the_address_of_the_document() {
        for issuer in ["https://a.example/x", "https://a.example/x/"] {
            assert_eq!(address(issuer), "https://a.example/x/.well-known/openid-configuration");
        }
    }
}

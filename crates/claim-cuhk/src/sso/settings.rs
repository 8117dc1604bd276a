//! With which sign-in service: `[cuhk.sso]` in `claim.toml`.

use claim_core::PersonId;
use claim_files::{Passphrase, PassphraseSource};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::error::SsoError;
use super::metadata::is_private;

/// Which sign-in service, and how it tells a person's id; in the configuration file with kebab-case names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SsoSettings {
    /// The issuer, exactly as the service writes it into its ID tokens.
    pub issuer: String,
    /// The name under which CUHK is registered there.
    pub client_id: String,
    /// Where the client's secret is: a file that nobody else can read, `fd:NUMBER` or `credential:NAME`; without one CUHK is
    /// a public client.
    pub client_secret: Option<String>,
    /// The claim of the ID token that holds the person's id: a student's ten digits, or the id of a member of staff.
    #[serde(default = "default_claim")]
    pub claim: String,
    /// What may follow the id there, behind an `@`.
    pub domain: Option<String>,
    /// The scope that is asked for; `openid` is always among it.
    #[serde(default = "default_scope")]
    pub scope: String,
}

/// The settings, checked.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<Passphrase>,
    pub(super) scope: String,
    pub(super) mapping: Mapping,
}

/// How a person's id is found among the claims of an ID token.
#[derive(Debug)]
pub(super) struct Mapping {
    claim: String,
    domain: Option<String>,
}

fn default_claim() -> String {
    "preferred_username".to_owned()
}

fn default_scope() -> String {
    "openid profile".to_owned()
}

impl Registration {
    pub(super) fn new(settings: &SsoSettings) -> Result<Self, SsoError> {
        let wrong =
            |setting, reason: &str| SsoError::Setting { setting, reason: reason.to_owned() };
        let issuer = Url::parse(&settings.issuer)
            .map_err(|error| wrong("issuer", &format!("it is no URL: {error}")))?;
        if !is_private(&issuer, &issuer) {
            return Err(wrong("issuer", "it must be https; http is for a service on this machine"));
        }
        if issuer.query().is_some() || issuer.fragment().is_some() || !issuer.username().is_empty()
        {
            return Err(wrong("issuer", "an issuer has no user, query or fragment"));
        }
        if settings.client_id.is_empty() || settings.client_id.contains(char::is_control) {
            return Err(wrong("client-id", "it is empty, or no text"));
        }
        if settings.claim.is_empty() {
            return Err(wrong("claim", "it is empty"));
        }
        let scopes = settings.scope.split_whitespace();
        let scope: Vec<&str> =
            ["openid"].into_iter().chain(scopes.filter(|scope| *scope != "openid")).collect();
        let client_secret = match &settings.client_secret {
            None => None,
            Some(text) => {
                let source: PassphraseSource =
                    text.parse().map_err(|error| wrong("client-secret", &format!("{error}")))?;
                Some(source.read()?)
            }
        };
        let domain = settings.domain.as_ref();
        Ok(Self {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret,
            scope: scope.join(" "),
            mapping: Mapping {
                claim: settings.claim.clone(),
                domain: domain.map(|domain| domain.trim_start_matches('@').to_owned()),
            },
        })
    }
}

impl Mapping {
    pub(super) fn claim(&self) -> &str {
        &self.claim
    }

    /// The id that a claim's value holds, and behind it at most the domain that is configured.
    ///
    /// Which ids there are, the roster says; a student's has ten digits and nobody else's begins with one, so neither can
    /// be taken for the other.
    pub(super) fn person(&self, value: &Value) -> Option<PersonId> {
        let text = match value {
            Value::String(text) => text.clone(),
            // Some services keep student IDs as numbers; a leading zero is lost then, and the ID with it.
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        match (text.split_once('@'), &self.domain) {
            (None, _) => text.parse().ok(),
            (Some((id, found)), Some(domain)) if found.eq_ignore_ascii_case(domain) => {
                id.parse().ok()
            }
            (Some(_), _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use serde_json::json;

    use super::*;

    fn settings() -> SsoSettings {
        SsoSettings {
            issuer: "https://login.cuhk.example/realms/all".to_owned(),
            client_id: "claim".to_owned(),
            client_secret: None,
            claim: default_claim(),
            domain: None,
            scope: default_scope(),
        }
    }

    #[test]
    fn what_is_set_wrongly_is_named() {
        assert!(Registration::new(&settings()).is_ok());
        let local = SsoSettings { issuer: "http://127.0.0.1:3000".to_owned(), ..settings() };
        assert!(Registration::new(&local).is_ok());
        for issuer in
            ["login", "http://login.cuhk.example", "https://a.example/?x", "https://u@a.example"]
        {
            let wrong = SsoSettings { issuer: issuer.to_owned(), ..settings() };
            let error = Registration::new(&wrong).unwrap_err();
            assert!(matches!(error, SsoError::Setting { setting: "issuer", .. }), "{issuer}");
        }
        let wrong = SsoSettings { client_id: String::new(), ..settings() };
        assert!(matches!(
            Registration::new(&wrong),
            Err(SsoError::Setting { setting: "client-id", .. })
        ));
        let wrong = SsoSettings { client_secret: Some("/no/such/file".to_owned()), ..settings() };
        assert!(matches!(Registration::new(&wrong), Err(SsoError::Secret(_))));
        let scope = SsoSettings { scope: "student openid".to_owned(), ..settings() };
        assert_eq!(Registration::new(&scope).unwrap().scope, "openid student");
    }

    #[test]
    fn an_id_is_a_students_or_of_staff_and_at_most_the_domain() {
        let mapping = |domain: Option<&str>| Mapping {
            claim: default_claim(),
            domain: domain.map(str::to_owned),
        };
        for (value, domain, id) in [
            (json!("1155123456"), None, Some("1155123456")),
            (json!(1155123456), None, Some("1155123456")),
            (json!("1155123456@link.cuhk.example"), Some("link.cuhk.example"), Some("1155123456")),
            (json!("1155123456@LINK.cuhk.example"), Some("link.cuhk.example"), Some("1155123456")),
            (json!("1155123456"), Some("link.cuhk.example"), Some("1155123456")),
            (json!("1155123456@link.cuhk.example"), None, None),
            (json!("1155123456@evil.example"), Some("link.cuhk.example"), None),
            (json!("1155123456@evil@link.cuhk.example"), Some("link.cuhk.example"), None),
            // Nobody on the roster, as a rule; no student in any case.
            (json!("s1155123456"), None, Some("s1155123456")),
            (json!("115512345"), None, None),
            (json!(" 1155123456"), None, None),
            (json!("chan.tm"), None, Some("chan.tm")),
            (json!("chan.tm@link.cuhk.example"), Some("link.cuhk.example"), Some("chan.tm")),
            (json!("chan.tm@evil.example"), Some("link.cuhk.example"), None),
            (json!("Chan.TM"), None, None),
            (json!("chan tm"), None, None),
            (json!(""), None, None),
            (json!(["1155123456"]), None, None),
            (json!(null), None, None),
        ] {
            let found = mapping(domain).person(&value);
            assert_eq!(found.as_ref().map(PersonId::as_str), id, "{value} {domain:?}");
        }
    }
}

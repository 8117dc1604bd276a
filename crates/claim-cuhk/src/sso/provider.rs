//! Asking the sign-in service: where it is, by which keys it signs, and who came back with a code.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use claim_core::encoding::{b64u, lp};
use claim_core::{Digest, PersonId, Secret, json};
use claim_files::Passphrase;
use claim_http::{Answer, Clock, retry_after, send, web_client};
use http::{StatusCode, header};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::error::{IdentifyError, ProviderError, SsoError};
use super::id_token::{ExpectedToken, IdTokenError, MAX_LENGTH, UnverifiedToken};
use super::keys::Keys;
use super::metadata::{ClientAuthentication, Metadata, address};
use super::settings::{Registration, SsoSettings};

/// For one request to the service and its answer: somebody waits at a browser.
const WITHIN: Duration = Duration::from_secs(10);

/// The largest document of the service that is read, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;

/// How long documents are good: where the service withdraws a key, this is how long it is still believed.
const FRESH: Duration = Duration::from_secs(3600);

/// How often, at most, keys are fetched anew because a token names one that is not there.
const KEYS_PERIOD: Duration = Duration::from_secs(60);

/// How long the service is left alone after it could not be reached.
const PAUSE: Duration = Duration::from_secs(3);

/// One visit of one browser: what goes with it to the service and must come back.
///
/// All of it is derived from what the browser alone has and what CUHK's records alone have.
#[derive(Debug)]
pub(crate) struct Attempt {
    state: Secret<32>,
    nonce: Secret<32>,
    verifier: Secret<32>,
}

/// A sign-in service with which CUHK is registered.
pub(crate) struct Provider {
    registration: Registration,
    redirect_uri: String,
    client: reqwest::Client,
    clock: Clock,
    known: Mutex<Known>,
}

/// What the service has told. Whoever fetches holds the lock, so that all others wait for that one answer.
#[derive(Default)]
struct Known {
    metadata: Option<(Instant, Arc<Metadata>)>,
    keys: Option<(Instant, Arc<Keys>)>,
    failed_at: Option<Instant>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

impl Attempt {
    pub(crate) fn new(browser: &Secret<32>, attempt: &[u8; 32]) -> Self {
        let derived = |label: &[u8]| {
            let bytes = lp(&[b"claim v1 sign-in", label, browser.expose(), attempt]);
            Secret::new(*Digest::of(&bytes).as_bytes())
        };
        Self { state: derived(b"state"), nonce: derived(b"nonce"), verifier: derived(b"verifier") }
    }

    /// Whether this `state` is that of the visit, compared in constant time.
    pub(crate) fn has_state(&self, state: &str) -> bool {
        let bytes = claim_core::encoding::from_b64u(state).ok();
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.is_some_and(|bytes| Secret::new(bytes) == self.state)
    }

    fn nonce(&self) -> String {
        b64u(self.nonce.expose())
    }

    /// 43 characters (RFC 7636 §4.1).
    fn verifier(&self) -> Zeroizing<String> {
        Zeroizing::new(b64u(self.verifier.expose()))
    }

    /// `S256` (RFC 7636 §4.2).
    fn challenge(&self) -> String {
        b64u(Digest::of(self.verifier().as_bytes()).as_bytes())
    }
}

impl Provider {
    /// Checks the settings and reads the secret; talks to nobody yet.
    pub(crate) fn new(
        settings: &SsoSettings,
        redirect_uri: String,
        clock: Clock,
    ) -> Result<Self, SsoError> {
        let registration = Registration::new(settings)?;
        let client = web_client(&clock, WITHIN)?;
        Ok(Self { registration, redirect_uri, client, clock, known: Mutex::default() })
    }

    /// The issuer, as people know it.
    pub(crate) fn issuer(&self) -> &str {
        &self.registration.issuer
    }

    /// Where a browser signs in (Core §3.1.2.1).
    pub(crate) async fn authorization(&self, attempt: &Attempt) -> Result<String, ProviderError> {
        let metadata = self.metadata().await?;
        let mut url = metadata.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.registration.scope)
            .append_pair("state", &b64u(attempt.state.expose()))
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Checks that an answer through the browser is from this service and no other (RFC 9207 §2.4).
    pub(crate) async fn check_issuer(&self, named: Option<&str>) -> Result<(), IdentifyError> {
        let expected = &self.registration.issuer;
        match named {
            Some(named) if named == expected => Ok(()),
            Some(named) => {
                let found = named.chars().take(200).collect();
                Err(IdTokenError::Issuer { expected: expected.clone(), found }.into())
            }
            None if self.metadata().await?.answers_name_issuer => {
                Err(IdTokenError::NoIssuer.into())
            }
            None => Ok(()),
        }
    }

    /// The person who came back with this code.
    pub(crate) async fn identify(
        &self,
        attempt: &Attempt,
        code: &str,
    ) -> Result<PersonId, IdentifyError> {
        let token = self.exchange(attempt, code).await?;
        let unverified = UnverifiedToken::parse(&token)?;
        let keys = self.keys_for(&unverified).await?;
        let (nonce, Registration { issuer, client_id, mapping, .. }) =
            (attempt.nonce(), &self.registration);
        let expected = ExpectedToken { issuer, client_id, nonce: &nonce, now: self.clock.now() };
        let claims = unverified.judge(&keys, expected)?;
        let id = claims.get(mapping.claim()).and_then(|value| mapping.person(value));
        id.ok_or_else(|| IdentifyError::NoId { claim: mapping.claim().to_owned() })
    }

    /// The token request (Core §3.1.3.1), and of its answer the ID token alone.
    async fn exchange(
        &self,
        attempt: &Attempt,
        code: &str,
    ) -> Result<Zeroizing<String>, IdentifyError> {
        let metadata = self.metadata().await?;
        let mut request = self.client.post(metadata.token_endpoint.clone());
        let Registration { client_id, client_secret, .. } = &self.registration;
        let in_content = match (client_secret, metadata.authentication) {
            (Some(secret), ClientAuthentication::Basic) => {
                // RFC 6749 §2.3.1: both are form-encoded first.
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let secret = Zeroizing::new(encoded(secret.expose()));
                request = request.basic_auth(encoded(client_id), Some(secret.as_str()));
                None
            }
            (secret, _) => Some((client_id.as_str(), secret.as_ref())),
        };
        let request = request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(self.token_request(attempt, code, in_content));
        let answer = self.ask("token", request).await?;
        if answer.status != StatusCode::OK {
            return Err(refused(&answer));
        }
        let answer: TokenAnswer = json::from_slice(&answer.body).map_err(|_| {
            ProviderError::Unreadable { what: "token", reason: "it is no token answer".to_owned() }
        })?;
        answer.id_token.map(Zeroizing::new).ok_or_else(|| IdTokenError::Malformed.into())
    }

    /// The content of the token request; with CUHK's name there and its secret, where it shows itself in that way.
    fn token_request(
        &self,
        attempt: &Attempt,
        code: &str,
        client: Option<(&str, Option<&Passphrase>)>,
    ) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_verifier", &attempt.verifier());
        if let Some((client_id, secret)) = client {
            form.append_pair("client_id", client_id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret.expose());
            }
        }
        form.finish()
    }

    /// What the service says of itself, at most an hour old.
    async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        self.metadata_of(&mut *self.known.lock().await).await
    }

    async fn metadata_of(&self, known: &mut Known) -> Result<Arc<Metadata>, ProviderError> {
        if let Some((at, metadata)) = &known.metadata
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = &self.registration.issuer;
        let fetched = self.document(known, "metadata", &address(issuer)).await;
        let read = fetched.and_then(|content| Metadata::read(issuer, &content));
        let metadata = Arc::new(known.noting(read)?);
        known.metadata = Some((Instant::now(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    /// The service's keys: those that are known, unless they are old or the token's is not among them.
    async fn keys_for(&self, token: &UnverifiedToken<'_>) -> Result<Arc<Keys>, ProviderError> {
        let known = &mut *self.known.lock().await;
        if let Some((at, keys)) = &known.keys {
            let age = at.elapsed();
            if age < KEYS_PERIOD || (age < FRESH && keys.of(token).is_some()) {
                return Ok(Arc::clone(keys));
            }
        }
        let metadata = self.metadata_of(known).await?;
        let fetched = self.document(known, "keys", metadata.jwks_uri.as_str()).await;
        let read = fetched.and_then(|content| Keys::read(&content));
        let keys = Arc::new(known.noting(read)?);
        known.keys = Some((Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }

    /// A document of the service, unless it has just failed.
    async fn document(
        &self,
        known: &Known,
        what: &'static str,
        url: &str,
    ) -> Result<bytes::Bytes, ProviderError> {
        if known.failed_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(ProviderError::MomentAgo);
        }
        let unreadable =
            |error: url::ParseError| ProviderError::Unreadable { what, reason: error.to_string() };
        let url = Url::parse(url).map_err(unreadable)?;
        let request = self.client.get(url).header(header::ACCEPT, "application/json");
        let answer = self.ask(what, request).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            status => {
                let retry_after = retry_after(&answer.headers);
                Err(ProviderError::Status { what, status, retry_after })
            }
        }
    }

    async fn ask(
        &self,
        what: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, ProviderError> {
        let answer = send(request, MAX_DOCUMENT.max(MAX_LENGTH * 4)).await;
        answer.map_err(|source| ProviderError::Unreached { what, source })
    }
}

impl Known {
    /// Remembers when something failed, so that not everybody waits for the same.
    fn noting<T>(&mut self, outcome: Result<T, ProviderError>) -> Result<T, ProviderError> {
        match &outcome {
            Ok(_) => self.failed_at = None,
            Err(ProviderError::MomentAgo) => {}
            Err(_) => self.failed_at = Some(Instant::now()),
        }
        outcome
    }
}

/// Why no token came (RFC 6749 §5.2).
fn refused(answer: &Answer) -> IdentifyError {
    let told = json::from_slice::<TokenError>(&answer.body).ok().map(|told| told.error);
    match told {
        Some(error) if matches!(error.as_str(), "invalid_client" | "unauthorized_client") => {
            ProviderError::Client { error }.into()
        }
        Some(error) if answer.status.is_client_error() => {
            IdentifyError::Refused { error: error.chars().take(100).collect() }
        }
        _ => {
            let retry_after = retry_after(&answer.headers);
            let status = answer.status;
            ProviderError::Status { what: "token", status, retry_after }.into()
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.issuer()).finish_non_exhaustive()
    }
}

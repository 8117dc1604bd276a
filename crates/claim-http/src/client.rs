//! The HTTPS client of the programs, and what it tells when a server cannot be reached.

use std::time::{Duration, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use claim_core::Timestamp;
use http::{HeaderMap, StatusCode};

use crate::clock::Clock;
use crate::reach::ReachError;
use crate::tls::{ServerTrust, TlsIdentity, TrustError, client_tls};

/// From the first packet to the end of the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next request: less than [`crate::Limits::idle_timeout`], so that
/// it is not the server that closes it while a request is on its way.
const KEEP_IDLE: Duration = Duration::from_secs(30);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// It cannot be made to trust as asked.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP library does not take the configuration, e.g. a proxy in the environment that is no URL.
    #[error("the HTTPS client cannot be set up: {0}")]
    Http(#[source] reqwest::Error),
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The content.
    pub body: Bytes,
}

impl Answer {
    /// The media type without its parameters, in lower case; empty when there is none.
    pub fn media_type(&self) -> String {
        let value = self.headers.get(http::header::CONTENT_TYPE);
        let text = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The server's time when it answered, in whole seconds rounded down (`Date`, RFC 9110 §6.6.1); `None` where the answer
    /// does not tell, or has lain in a cache (`Age`).
    ///
    /// It is worth as much as the connection that it came over.
    pub fn date(&self) -> Option<Timestamp> {
        if self.headers.contains_key(http::header::AGE) {
            return None;
        }
        let text = self.headers.get(http::header::DATE)?.to_str().ok()?;
        let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Timestamp::from_seconds(i64::try_from(date.as_secs()).ok()?))
    }
}

/// How many seconds an answer asks to wait (RFC 9110 §10.2.3); a date is told from the answer's own `Date`, or else
/// from this machine's clock.
pub fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let field = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let text = field(http::header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let then = httpdate::parse_http_date(text).ok()?;
    let now = field(http::header::DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let now = now.unwrap_or_else(std::time::SystemTime::now);
    Some(then.duration_since(now).unwrap_or_default().as_secs())
}

/// A client that believes these servers, shows this certificate when asked for one, and gives a
/// whole exchange `timeout`.
///
/// HTTPS only, HTTP/2 where the server speaks it, no redirects: a signed request is for one address.
/// The proxy is taken from the environment (`HTTPS_PROXY` or `ALL_PROXY`, not for what `NO_PROXY` names), and
/// never used for this machine itself, which no proxy can reach.
///
/// # Errors
/// [`ClientError`].
pub fn https_client(
    trust: &ServerTrust,
    identity: Option<&TlsIdentity>,
    timeout: Duration,
) -> Result<reqwest::Client, ClientError> {
    https_client_by(&Clock::system(), trust, identity, timeout)
}

/// The same client, which judges the server's certificate by this clock: for programs whose time is not always the
/// system's ([`Clock::steady`]).
///
/// # Errors
/// [`ClientError`].
pub fn https_client_by(
    clock: &Clock,
    trust: &ServerTrust,
    identity: Option<&TlsIdentity>,
    timeout: Duration,
) -> Result<reqwest::Client, ClientError> {
    let tls = client_tls(trust, identity, clock)?;
    client(tls, timeout, &|name| std::env::var(name).ok())
}

/// A client for services that are not Claim's, which the system's roots vouch for. Plain HTTP is for the caller to
/// refuse: a service on this machine may do without TLS.
///
/// # Errors
/// [`ClientError`].
pub fn web_client(clock: &Clock, timeout: Duration) -> Result<reqwest::Client, ClientError> {
    let tls = client_tls(&ServerTrust::System, None, clock)?;
    let builder = builder(tls, timeout, &|name| std::env::var(name).ok())?;
    builder.build().map_err(ClientError::Http)
}

/// A client for what is signed and public: it believes whoever answers, also without TLS.
pub(crate) fn public_client(
    clock: &Clock,
    timeout: Duration,
) -> Result<reqwest::Client, ClientError> {
    let tls = client_tls(&ServerTrust::Unverified, None, clock)?;
    let builder = builder(tls, timeout, &|name| std::env::var(name).ok())?;
    builder.build().map_err(ClientError::Http)
}

/// Sends the request and reads an answer of at most `max` bytes.
///
/// # Errors
/// [`ReachError`]; no status is an error here.
pub async fn send(request: reqwest::RequestBuilder, max: usize) -> Result<Answer, ReachError> {
    read_answer(request.send().await?, max).await
}

/// Reads the rest of an answer of at most `max` bytes.
///
/// # Errors
/// [`ReachError`]; no status is an error here.
pub async fn read_answer(
    mut response: reqwest::Response,
    max: usize,
) -> Result<Answer, ReachError> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max {
            return Err(ReachError::TooLong { max });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: body.freeze() })
}

fn client(
    tls: rustls::ClientConfig,
    timeout: Duration,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<reqwest::Client, ClientError> {
    let builder = builder(tls, timeout, environment)?.https_only(true);
    builder.build().map_err(ClientError::Http)
}

fn builder(
    tls: rustls::ClientConfig,
    timeout: Duration,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<reqwest::ClientBuilder, ClientError> {
    let builder = match proxy(environment).map_err(ClientError::Http)? {
        Some(proxy) => reqwest::Client::builder().proxy(proxy),
        None => reqwest::Client::builder().no_proxy(),
    };
    Ok(builder
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(KEEP_IDLE)
        .timeout(timeout)
        .user_agent(concat!("claim/", env!("CARGO_PKG_VERSION"))))
}

/// The proxy that the environment names for HTTPS, by the customary variables in either case.
fn proxy(
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<reqwest::Proxy>, reqwest::Error> {
    const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";
    let either = |name: &str| {
        let found = environment(name).or_else(|| environment(&name.to_ascii_lowercase()));
        found.filter(|value| !value.is_empty())
    };
    let Some(url) = either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")) else { return Ok(None) };
    let exempt = match either("NO_PROXY") {
        Some(more) => format!("{THIS_MACHINE},{more}"),
        None => THIS_MACHINE.to_owned(),
    };
    let proxy = reqwest::Proxy::https(url)?;
    Ok(Some(proxy.no_proxy(reqwest::NoProxy::from_string(&exempt))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn reach(environment: &[(&str, &str)], url: &str) -> ReachError {
        let environment =
            |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let within = Duration::from_secs(60);
        let tls = client_tls(&ServerTrust::Unverified, None, &Clock::system()).unwrap();
        let client = client(tls, within, &environment).unwrap();
        send(client.get(url), 0).await.unwrap_err()
    }

    async fn closed_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn how_long_to_wait() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let later = "Sun, 06 Nov 1994 08:51:07 GMT";
        for (asked, date, seconds) in [
            (Some("7"), None, Some(7)),
            (Some(" 0 "), None, Some(0)),
            (Some(later), Some(date), Some(90)),
            (Some(date), Some(later), Some(0)),
            // Long ago by this machine's clock.
            (Some(later), None, Some(0)),
            (Some("soon"), Some(date), None),
            (Some("-1"), None, None),
            (None, Some(date), None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(http::header::RETRY_AFTER, asked), (http::header::DATE, date)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            assert_eq!(retry_after(&headers), seconds, "{asked:?}");
        }
    }

    #[tokio::test]
    async fn a_proxy_that_is_not_there_is_not_taken_for_the_server() {
        let proxy = format!("http://127.0.0.1:{}", closed_port().await);
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let error = reach(&[(variable, &proxy)], "https://cuhk.example:9335/").await;
            assert!(matches!(error, ReachError::Proxy(_)), "{error:?}");
            assert!(!error.may_have_arrived());
        }
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://user:word@{}", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = tcp.read(&mut request).await.unwrap();
            tcp.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let error = reach(&[("HTTPS_PROXY", &proxy)], "https://cuhk.example:9335/").await;
        assert!(matches!(error, ReachError::Proxy(_)), "{error:?}");
        assert!(asked.await.unwrap().starts_with("CONNECT cuhk.example:9335 HTTP/1.1"));
    }

    #[tokio::test]
    async fn this_machine_is_reached_without_the_proxy() {
        let (proxy, port) =
            (format!("http://127.0.0.1:{}", closed_port().await), closed_port().await);
        for host in ["localhost", "127.0.0.1"] {
            let url = format!("https://{host}:{port}/");
            let error = reach(&[("HTTPS_PROXY", &proxy)], &url).await;
            assert!(matches!(error, ReachError::Refused), "{error:?}");
        }
        let environment = [("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", "example.invalid")];
        let error = reach(&environment, "https://example.invalid/").await;
        assert!(matches!(error, ReachError::NotResolved), "{error:?}");
    }

    #[test]
    fn the_date_of_an_answer_is_the_servers_time_unless_a_cache_kept_it() {
        let date = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.insert(*name, value.parse().unwrap());
            }
            Answer { status: StatusCode::OK, headers, body: Bytes::new() }.date()
        };
        let told = date(&[("date", "Tue, 24 Nov 2026 15:59:59 GMT")]);
        assert_eq!(told, Some(Timestamp::from_seconds(1_795_535_999)));
        assert_eq!(date(&[]), None);
        assert_eq!(date(&[("date", "2026-11-24T15:59:59Z")]), None);
        assert_eq!(date(&[("date", "Tue, 24 Nov 2026 15:59:59 GMT"), ("age", "30")]), None);
    }

    #[test]
    fn a_proxy_that_is_no_url_is_an_error_and_an_empty_one_is_none() {
        let set = |value: &'static str| move |_: &str| Some(value.to_owned());
        assert!(proxy(&set("http://[")).is_err());
        assert!(proxy(&set("")).unwrap().is_none());
        assert!(proxy(&|_| None).unwrap().is_none());
    }
}

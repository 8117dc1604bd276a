//! A sign-in service that signs everybody in and misbehaves as it is told, and a browser that goes there.
//!
//! What it does rightly it does strictly: a code is good once, for the client and the verifier that it was given for.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use claim_core::encoding::{b64u, base64, from_base64};
use claim_core::{Digest, Origin};
use claim_http::Clock;
use claim_pki::SigningKey;
use http::{HeaderMap, StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::form_urlencoded;

/// Under which CUHK is registered, with which secret.
pub(crate) const CLIENT: &str = "claim";
pub(crate) const SECRET: &str = "a secret: with & and +";

/// A running service.
pub(crate) struct TestProvider {
    pub(crate) issuer: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    issuer: String,
    key: ServiceKey,
    other: ServiceKey,
    conduct: Mutex<Conduct>,
    codes: Mutex<HashMap<String, BTreeMap<String, String>>>,
    /// How often the keys were fetched.
    fetched: Mutex<u32>,
}

/// How it behaves; the default is well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conduct {
    /// The `preferred_username` of whoever comes.
    pub(crate) person: String,
    /// Members of the ID token that are others; `null` takes one out.
    pub(crate) claims: Vec<(&'static str, Value)>,
    pub(crate) header: Vec<(&'static str, Value)>,
    pub(crate) metadata: Vec<(&'static str, Value)>,
    pub(crate) signature: Signature,
    /// It answers 503 everywhere, with this Retry-After.
    pub(crate) down: Option<u64>,
    /// It does not sign in, but says this.
    pub(crate) error: Option<&'static str>,
    /// What its answers through the browser have as `iss`; `None` stands for the right one.
    pub(crate) answers_as: Option<&'static str>,
    /// The name of its key.
    pub(crate) key_id: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Signature {
    #[default]
    Good,
    /// By a key that it does not publish.
    OtherKey,
    /// Good, and then a claim was changed.
    Altered,
    /// An HMAC by the public key.
    Hmac,
    Missing,
}

struct ServiceKey {
    private: EncodingKey,
    point: Vec<u8>,
}

impl ServiceKey {
    fn new() -> Self {
        let key = SigningKey::generate().unwrap();
        let pem = key.to_pkcs8_pem();
        let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let private = EncodingKey::from_ec_der(&from_base64(&text).unwrap());
        Self { private, point: key.public_key().point().to_vec() }
    }
}

impl TestProvider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            issuer: issuer.clone(),
            key: ServiceKey::new(),
            other: ServiceKey::new(),
            conduct: Mutex::default(),
            codes: Mutex::default(),
            fetched: Mutex::default(),
        });
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { issuer, shared, serving }
    }

    /// From now on it behaves like this.
    pub(crate) fn behave(&self, conduct: Conduct) {
        *self.shared.conduct.lock().unwrap() = conduct;
    }

    pub(crate) fn keys_fetched(&self) -> u32 {
        *self.shared.fetched.lock().unwrap()
    }
}

impl Drop for TestProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Conduct {
    /// Well, for this person.
    pub(crate) fn good(person: &str) -> Self {
        Self { person: person.to_owned(), ..Self::default() }
    }
}

impl Shared {
    fn conduct(&self) -> Conduct {
        self.conduct.lock().unwrap().clone()
    }

    fn id_token(&self, nonce: &str) -> String {
        let conduct = self.conduct();
        let now = Clock::system().now().as_seconds();
        let mut header = json!({ "alg": "ES256", "kid": conduct.key_id.unwrap_or("k1") });
        let mut claims = json!({ "iss": self.issuer, "aud": CLIENT, "sub": "subject", "iat": now,
            "exp": now + 300, "nonce": nonce, "preferred_username": conduct.person });
        change(&mut header, &conduct.header);
        change(&mut claims, &conduct.claims);
        let part = |value: &Value| b64u(value.to_string().as_bytes());
        let mut signed = format!("{}.{}", part(&header), part(&claims));
        let sign = |signed: &str, key, by| crypto::sign(signed.as_bytes(), key, by).unwrap();
        let signature = match conduct.signature {
            Signature::Missing => String::new(),
            Signature::Hmac => {
                let key = EncodingKey::from_secret(&self.key.point);
                sign(&signed, &key, Algorithm::HS256)
            }
            Signature::OtherKey => sign(&signed, &self.other.private, Algorithm::ES256),
            Signature::Good | Signature::Altered => {
                sign(&signed, &self.key.private, Algorithm::ES256)
            }
        };
        if conduct.signature == Signature::Altered {
            claims["sub"] = json!("another");
            signed = format!("{}.{}", part(&header), part(&claims));
        }
        format!("{signed}.{signature}")
    }
}

fn change(document: &mut Value, members: &[(&'static str, Value)]) {
    let document: &mut Map<String, Value> = document.as_object_mut().unwrap();
    for (name, value) in members {
        match value {
            Value::Null => document.remove(*name),
            value => document.insert((*name).to_owned(), value.clone()),
        };
    }
}

fn answer(status: StatusCode, document: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
}

fn down(conduct: &Conduct) -> Option<Response> {
    let seconds = conduct.down?;
    let headers = [(header::RETRY_AFTER, seconds.to_string())];
    Some((StatusCode::SERVICE_UNAVAILABLE, headers).into_response())
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    let (conduct, issuer) = (shared.conduct(), &shared.issuer);
    if let Some(answer) = down(&conduct) {
        return answer;
    }
    let mut document = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks"),
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "authorization_response_iss_parameter_supported": true });
    change(&mut document, &conduct.metadata);
    answer(StatusCode::OK, &document)
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    let conduct = shared.conduct();
    if let Some(answer) = down(&conduct) {
        return answer;
    }
    *shared.fetched.lock().unwrap() += 1;
    let (x, y) = shared.key.point[1..].split_at(32);
    let own = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
        "kid": conduct.key_id.unwrap_or("k1"), "x": b64u(x), "y": b64u(y) });
    // Others that a service may have, among them one of a kind that nobody knows.
    let odd = json!({ "kty": "odd", "kid": "k1", "alg": "ODD-256" });
    answer(StatusCode::OK, &json!({ "keys": [odd, own] }))
}

/// Whoever comes is signed in, and sent back with a code.
async fn authorize(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let conduct = shared.conduct();
    if let Some(answer) = down(&conduct) {
        return answer;
    }
    for (name, value) in
        [("response_type", "code"), ("client_id", CLIENT), ("code_challenge_method", "S256")]
    {
        assert_eq!(query[name], value);
    }
    assert!(query["scope"].split(' ').any(|scope| scope == "openid"));
    let mut back = form_urlencoded::Serializer::new(String::new());
    back.append_pair("state", &query["state"]);
    back.append_pair("iss", conduct.answers_as.unwrap_or(&shared.issuer));
    match conduct.error {
        Some(error) => back.append_pair("error", error),
        None => {
            let code = b64u(SigningKey::generate().unwrap().public_key().fingerprint());
            shared.codes.lock().unwrap().insert(code.clone(), query.clone());
            back.append_pair("code", &code)
        }
    };
    let location = format!("{}?{}", query["redirect_uri"], back.finish());
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    if let Some(answer) = down(&shared.conduct()) {
        return answer;
    }
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = format!("Basic {}", base64(format!("{CLIENT}:{}", encoded(SECRET)).as_bytes()));
    if headers.get(header::AUTHORIZATION).is_none_or(|sent| *sent != basic) {
        return answer(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_client" }));
    }
    let form: HashMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(form["grant_type"], "authorization_code");
    // Good once, whatever comes of it.
    let asked = shared.codes.lock().unwrap().remove(&form["code"]);
    let good = asked.filter(|asked| {
        let challenge = b64u(Digest::of(form["code_verifier"].as_bytes()).as_bytes());
        asked["code_challenge"] == challenge && asked["redirect_uri"] == form["redirect_uri"]
    });
    let Some(asked) = good else {
        return answer(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_grant" }));
    };
    let id_token = shared.id_token(&asked["nonce"]);
    answer(
        StatusCode::OK,
        &json!({ "access_token": "of no use here", "token_type": "Bearer", "id_token": id_token }),
    )
}

/// A browser: it keeps cookies, follows links and fills in forms.
pub(crate) struct Visitor {
    cuhk: reqwest::Client,
    origin: Origin,
    elsewhere: reqwest::Client,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Whether it asks for pages, or for documents as programs do.
    pub(crate) accept: &'static str,
}

/// What it sees.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Visitor {
    /// A new one; `cuhk` believes CUHK.
    pub(crate) fn new(cuhk: reqwest::Client, origin: Origin) -> Self {
        let elsewhere = claim_http::web_client(&Clock::system(), Duration::from_secs(60)).unwrap();
        Self { cuhk, origin, elsewhere, cookies: BTreeMap::new(), accept: "text/html" }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Seen {
        let cookies: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let mut request = request.header(header::ACCEPT, self.accept);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let response = request.send().await.unwrap();
        for set in response.headers().get_all(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Seen { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Seen {
        let request = self.cuhk.get(self.origin.join(path));
        self.send(request).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let content = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self
            .cuhk
            .post(self.origin.join(path))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(content);
        self.send(request).await
    }

    /// Opens the page and types the code.
    pub(crate) async fn types(&mut self, code: &str) -> Seen {
        let page = self.get("/sign-in").await;
        assert_eq!(page.status, 200, "{page:?}");
        let token = page.token();
        self.post("/sign-in", &[("token", &token), ("code", code)]).await
    }

    /// Signs in at the service that the page leads to; where that sends it back, as a path of CUHK.
    pub(crate) async fn signs_in(&mut self, page: &Seen) -> String {
        let answer = self.elsewhere.get(page.link()).send().await.unwrap();
        assert_eq!(answer.status(), 302, "{answer:?}");
        let back = answer.headers()[header::LOCATION].to_str().unwrap();
        back.strip_prefix(self.origin.as_str()).unwrap().to_owned()
    }

    /// Up to where CUHK knows who sits there, or says why not.
    pub(crate) async fn arrives(&mut self, code: &str) -> Seen {
        let page = self.types(code).await;
        if page.status != 200 {
            return page;
        }
        let back = self.signs_in(&page).await;
        let arrived = self.get(&back).await;
        if arrived.status != 303 {
            return arrived;
        }
        assert_eq!(arrived.headers[header::LOCATION], "/sign-in/confirm");
        self.get("/sign-in/confirm").await
    }

    /// The whole way.
    pub(crate) async fn decides(&mut self, code: &str, decision: &str) -> Seen {
        let page = self.arrives(code).await;
        assert_eq!(page.status, 200, "{page:?}");
        let token = page.token();
        self.post("/sign-in/confirm", &[("token", &token), ("decision", decision)]).await
    }
}

impl Seen {
    fn between(&self, before: &str, after: &str) -> String {
        let (_, rest) = self.body.split_once(before).unwrap_or_else(|| panic!("{self:?}"));
        rest.split_once(after).unwrap().0.to_owned()
    }

    /// What the form holds.
    pub(crate) fn token(&self) -> String {
        self.between("name=\"token\" value=\"", "\"")
    }

    /// Where the page leads.
    pub(crate) fn link(&self) -> String {
        self.between("<a href=\"", "\"").replace("&amp;", "&")
    }
}

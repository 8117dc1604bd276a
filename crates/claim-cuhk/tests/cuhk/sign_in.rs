//! Enrolment by single sign-on: the terminal, the browser, and a sign-in service that does what it should not.

use claim_core::encoding::base64;
use claim_core::{Digest, ProblemType};
use claim_cuhk::{Clock, Config, Event, Quotas, SsoError, SsoSettings, StartError};
use claim_http::{ServerTrust, decode_est_body};
use claim_pki::{Certificate, SigningKey, decode_certs_only};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{
    Answer, Hand, SID, TestCuhk, client, config, folder, key, real_folder, refusals_of, refused,
    request, student,
};
use crate::provider::{CLIENT, Conduct, SECRET, Seen, Signature, TestProvider, Visitor};

/// A service, a CUHK that is registered with it and has one person on its roster, and a clock that both ends of a sign-in
/// are judged by.
struct Scene {
    folder: TempDir,
    provider: TestProvider,
    cuhk: TestCuhk,
    hand: Hand,
}

/// A terminal that waits.
struct Terminal {
    key: SigningKey,
    secret: String,
    code: String,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Quotas::default()).await
    }

    async fn with(quotas: Quotas) -> Self {
        let (folder, provider) = (real_folder().await, TestProvider::start().await);
        let secret = folder.path().join("sso-secret");
        claim_files::write_new(&secret, SECRET.as_bytes(), claim_files::Mode::Private).unwrap();
        let hand = Hand::now();
        let config = Self::config(&folder, &provider, &hand);
        let cuhk = TestCuhk::start_with(Config { quotas, ..config }).await;
        cuhk.invite(student(SID)).await;
        provider.behave(Conduct::good(SID));
        Self { folder, provider, cuhk, hand }
    }

    fn config(folder: &TempDir, provider: &TestProvider, hand: &Hand) -> Config {
        let secret = folder.path().join("sso-secret").display().to_string();
        let sso = Some(SsoSettings { client_secret: Some(secret), ..settings(&provider.issuer) });
        Config { sso, clock: hand.clock(), ..config(folder.path()) }
    }

    /// The same CUHK after a restart.
    async fn restarted(self) -> Self {
        let Self { folder, provider, cuhk, hand } = self;
        let port = cuhk.origin.port();
        cuhk.stop().await;
        let listen = vec![(std::net::Ipv4Addr::LOCALHOST, port).into()];
        let config = Config { listen, ..Self::config(&folder, &provider, &hand) };
        let cuhk = TestCuhk::start_with(config).await;
        Self { folder, provider, cuhk, hand }
    }

    fn http(&self) -> reqwest::Client {
        client(&ServerTrust::Unverified, None)
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(self.http(), self.cuhk.origin.clone())
    }

    async fn leave(&self, document: &Value) -> Answer {
        let request = self.http().post(self.cuhk.origin.join("/v1/sign-ins"));
        let request = request.header("content-type", "application/json");
        self.cuhk.send(request.body(document.to_string())).await
    }

    async fn begin_for(&self, sid: &str) -> Terminal {
        let key = key();
        let document = json!({ "id": sid, "request": base64(&request(&student(sid), &key)) });
        let answer = self.leave(&document).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(told["link"], self.cuhk.origin.join("/sign-in"));
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        Terminal { key, secret: text("secret"), code: text("code") }
    }

    async fn begin(&self) -> Terminal {
        self.begin_for(SID).await
    }

    async fn ask(&self, terminal: &Terminal) -> Answer {
        let request = self.http().post(self.cuhk.origin.join("/v1/sign-ins/certificate"));
        self.cuhk.send(request.bearer_auth(&terminal.secret)).await
    }

    async fn certificate(&self, terminal: &Terminal) -> Certificate {
        let answer = self.ask(terminal).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let der = decode_est_body(answer.body.as_bytes()).unwrap();
        let [certificate] = decode_certs_only(&der).unwrap().try_into().unwrap();
        certificate
    }

    /// Nothing came of it, and everything can still go right for the same terminal.
    async fn still_good(&self, terminal: &Terminal) {
        assert_eq!(self.ask(terminal).await.status, 202);
        assert!(self.cuhk.issued().await.is_empty());
        self.provider.behave(Conduct::good(SID));
        let page = self.visitor().decides(&terminal.code, "confirm").await;
        assert!(page.body.contains("<h1>Confirmed</h1>"), "{page:?}");
        assert_eq!(self.certificate(terminal).await.person_id().unwrap().as_str(), SID);
    }
}

fn settings(issuer: &str) -> SsoSettings {
    SsoSettings {
        issuer: issuer.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: None,
        claim: "preferred_username".to_owned(),
        domain: Some("link.cuhk.example".to_owned()),
        scope: "profile".to_owned(),
    }
}

/// The page is this refusal, in words.
fn assert_page(seen: &Seen, expected: ProblemType) {
    assert_eq!(seen.status.as_u16(), expected.status(), "{seen:?}");
    assert!(seen.body.contains(&format!("<code>{}</code>", expected.slug())), "{seen:?}");
    assert_eq!(seen.headers["cache-control"], "no-store");
    let policy = seen.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn a_person_signs_in_and_the_terminal_has_its_certificate() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    let waiting = scene.ask(&terminal).await;
    assert_eq!(
        (waiting.status.as_u16(), &waiting.headers["retry-after"]),
        (202, &"3".parse().unwrap())
    );
    assert!(waiting.body.contains("\"signed_in\":false"), "{waiting:?}");

    scene.provider.behave(Conduct::good(&format!("{SID}@link.cuhk.example")));
    let mut visitor = scene.visitor();
    let page = visitor.arrives(&terminal.code.to_lowercase()).await;
    let key = Digest::from_bytes(*terminal.key.public_key().fingerprint()).to_string();
    for shown in [SID, terminal.code.as_str(), &key[..8], &key[56..], "127.0.0.1"] {
        assert!(page.body.contains(shown), "{shown} is not in {page:?}");
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert!(!page.body.contains("<script") && !page.body.contains("http"), "{page:?}");
    assert!(scene.ask(&terminal).await.body.contains("\"signed_in\":true"));
    assert!(scene.cuhk.issued().await.is_empty(), "nothing before it is confirmed");

    let token = page.token();
    let fields = [("token", token.as_str()), ("decision", "confirm")];
    for _ in 0..2 {
        let page = visitor.post("/sign-in/confirm", &fields).await;
        assert!(page.body.contains("<h1>Confirmed</h1>"), "{page:?}");
    }
    let first = scene.certificate(&terminal).await;
    assert_eq!(first.public_key().unwrap(), *terminal.key.public_key());
    assert_eq!(first.person_id().unwrap().as_str(), SID);
    // The answer was lost.
    assert_eq!(scene.certificate(&terminal).await.der(), first.der());
    let events = scene.cuhk.events();
    assert!(matches!(events.last(), Some(Event::Enrolled(issued)) if issued.repeated));
    assert_eq!(scene.cuhk.issued().await.len(), 1);
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn staff_sign_in_too_and_their_device_has_its_name() {
    let scene = Scene::new().await;
    let id = "chan.tm";
    scene.cuhk.invite(student(id)).await;
    let terminal = scene.begin_for(id).await;
    // A student of the same address is somebody else.
    scene.provider.behave(Conduct::good(SID));
    let page = scene.visitor().arrives(&terminal.code).await;
    assert_page(&page, ProblemType::SignInOtherPerson);
    scene.provider.behave(Conduct::good(&format!("{id}@link.cuhk.example")));
    let page = scene.visitor().decides(&terminal.code, "confirm").await;
    assert!(page.body.contains("<h1>Confirmed</h1>"), "{page:?}");

    let ask = async |device: &str| {
        let request = scene.http().post(scene.cuhk.origin.join("/v1/sign-ins/certificate"));
        let request = request.header("claim-device", device).bearer_auth(&terminal.secret);
        scene.cuhk.send(request).await
    };
    scene.cuhk.assert_problem(&ask("-").await, ProblemType::MalformedRequest);
    assert_eq!(ask("Office PC 3").await.status, 200);
    // The answer was lost: it is the same certificate, whatever it is called now.
    assert_eq!(ask("another").await.status, 200);
    let issued = scene.cuhk.issued().await;
    let [entry] = issued.as_slice() else { panic!("{issued:?}") };
    assert_eq!(entry.holder, id);
    assert_eq!(entry.device.as_ref().map(|name| name.as_str()), Some("Office PC 3"));
    assert_eq!(entry.authenticated_by, Some(claim_cuhk::Authentication::SingleSignOn));
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn it_survives_restarts_at_every_step() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    let scene = scene.restarted().await;
    let mut visitor = scene.visitor();
    let page = visitor.types(&terminal.code).await;
    let back = visitor.signs_in(&page).await;
    let scene = scene.restarted().await;
    assert_eq!(visitor.get(&back).await.status, 303);
    let scene = scene.restarted().await;
    let token = visitor.get("/sign-in/confirm").await.token();
    let fields = [("token", token.as_str()), ("decision", "confirm")];
    assert_eq!(visitor.post("/sign-in/confirm", &fields).await.status, 200);
    let scene = scene.restarted().await;
    let first = scene.certificate(&terminal).await;
    let scene = scene.restarted().await;
    assert_eq!(scene.certificate(&terminal).await.der(), first.der());
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn a_key_that_is_not_theirs_is_denied() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    let mut visitor = scene.visitor();
    let page = visitor.decides(&terminal.code, "deny").await;
    assert!(page.body.contains("<h1>Denied</h1>"), "{page:?}");
    scene.cuhk.assert_problem(&scene.ask(&terminal).await, ProblemType::SignInDenied);
    let key = Digest::from_bytes(*terminal.key.public_key().fingerprint());
    assert!(scene.cuhk.events().iter().any(|event| matches!(event,
        Event::SignInDenied { person, key_fingerprint, .. } if person.as_str() == SID && *key_fingerprint == key)));
    // It stays denied, also for whoever types the code again.
    assert_page(&visitor.types(&terminal.code).await, ProblemType::SignInCodeWrong);
    assert!(scene.cuhk.issued().await.is_empty());
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn only_the_person_for_whom_the_terminal_asks_gets_anywhere() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    let other = "1155999999";
    scene.cuhk.invite(student(other)).await;
    scene.provider.behave(Conduct::good(other));
    let mut visitor = scene.visitor();
    let page = visitor.arrives(&terminal.code).await;
    assert_page(&page, ProblemType::SignInOtherPerson);
    assert!(!page.body.contains(SID), "whose it is is not told: {page:?}");
    assert_page(&visitor.get("/sign-in/confirm").await, ProblemType::SignInStateWrong);
    scene.still_good(&terminal).await;

    // Nobody whom the roster does not have, in the same words whether it ever had them.
    let (never, gone) = ("1155000001", "1155000002");
    scene.cuhk.invite(student(gone)).await;
    scene.cuhk.office().await.remove_people(&[gone.parse().unwrap()]).await.unwrap();
    let mut pages = Vec::new();
    for sid in [never, gone] {
        let terminal = scene.begin_for(sid).await;
        scene.provider.behave(Conduct::good(sid));
        let page = scene.visitor().arrives(&terminal.code).await;
        assert_page(&page, ProblemType::NotOnRoster);
        pages.push(page.body.replace(sid, "SID"));
    }
    assert_eq!(pages[0], pages[1]);
    scene.cuhk.stop().await;
    // Each as whom the university says it is.
    let noted = |problem: &str| vec![("single-sign-on".to_owned(), problem.to_owned())];
    let folder = scene.folder.path();
    assert_eq!(refusals_of(folder, other).await, noted("sign-in-other-person"));
    assert_eq!(refusals_of(folder, gone).await, noted("not-on-roster"));
    assert_eq!(refusals_of(folder, SID).await, []);
}

#[tokio::test]
async fn whoever_leaves_the_roster_meanwhile_gets_no_certificate() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    scene.visitor().decides(&terminal.code, "confirm").await;
    scene.cuhk.office().await.remove_people(&[SID.parse().unwrap()]).await.unwrap();
    scene.cuhk.assert_problem(&scene.ask(&terminal).await, ProblemType::NotOnRoster);
    assert!(scene.cuhk.issued().await.is_empty());
    scene.cuhk.stop().await;
    let noted = ("single-sign-on".to_owned(), "not-on-roster".to_owned());
    assert_eq!(refusals_of(scene.folder.path(), SID).await, [noted]);
}

#[tokio::test]
async fn one_browser_goes_the_whole_way() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    let (mut own, mut other, mut bare) = (scene.visitor(), scene.visitor(), scene.visitor());
    let page = own.types(&terminal.code).await;
    other.get("/sign-in").await;
    let back = own.signs_in(&page).await;
    for stranger in [&mut other, &mut bare] {
        assert_page(&stranger.get(&back).await, ProblemType::SignInOtherBrowser);
        assert_page(&stranger.get("/sign-in/confirm").await, ProblemType::SignInOtherBrowser);
    }
    // Before anybody is signed in nothing can be decided, and an invented state leads nowhere.
    assert_page(&own.get("/sign-in/confirm").await, ProblemType::SignInStateWrong);
    let invented = "/sign-in/callback?code=x&state=AAAA";
    assert_page(&own.get(invented).await, ProblemType::SignInStateWrong);
    assert_eq!(own.get(&back).await.status, 303);
    assert_page(&own.get(&back).await, ProblemType::SignInStateWrong);

    let token = own.get("/sign-in/confirm").await.token();
    let fields = [("token", token.as_str()), ("decision", "confirm")];
    assert_page(&other.post("/sign-in/confirm", &fields).await, ProblemType::SignInOtherBrowser);
    let wrong = [("token", "AAAA"), ("decision", "confirm")];
    assert_page(&own.post("/sign-in/confirm", &wrong).await, ProblemType::SignInOtherBrowser);
    let unclear = [("token", token.as_str())];
    assert_page(&own.post("/sign-in/confirm", &unclear).await, ProblemType::MalformedRequest);
    // Another page makes this browser send the form: of what is in the form it knows nothing, and the browser says so.
    let request = scene.http().post(scene.cuhk.origin.join("/sign-in/confirm"));
    let cookie = own.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("; ");
    let request = request
        .header("cookie", cookie)
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={token}&decision=confirm"));
    let forged = scene.cuhk.send(request).await;
    scene.cuhk.assert_problem(&forged, ProblemType::SignInOtherBrowser);
    scene.still_good(&terminal).await;
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn the_cookie_is_for_this_host_alone_and_no_script_reads_it() {
    let scene = Scene::new().await;
    let page = scene.visitor().get("/sign-in").await;
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-claim-sign-in="), "{cookie}");
    for attribute in ["; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite=Lax;"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn codes_are_typed_and_lead_nowhere_when_wrong() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    let mut visitor = scene.visitor();
    for wrong in ["BCDF-GHJK", "", "BCDFGHJ1", &terminal.secret] {
        assert_page(&visitor.types(wrong).await, ProblemType::SignInCodeWrong);
    }
    let page = visitor.get(&format!("/sign-in?code={}", terminal.code)).await;
    assert!(!page.body.contains(&terminal.code), "no link brings the code");
    // The form of another browser, or none.
    let fields = [("token", "AAAA"), ("code", terminal.code.as_str())];
    assert_page(&visitor.post("/sign-in", &fields).await, ProblemType::SignInOtherBrowser);
    let token = scene.visitor().get("/sign-in").await.token();
    let fields = [("token", token.as_str()), ("code", terminal.code.as_str())];
    assert_page(&visitor.post("/sign-in", &fields).await, ProblemType::SignInOtherBrowser);
    // What people type is worth nothing to a program.
    let request = scene.http().post(scene.cuhk.origin.join("/v1/sign-ins/certificate"));
    let asked = scene.cuhk.send(request.bearer_auth(&terminal.code)).await;
    scene.cuhk.assert_problem(&asked, ProblemType::SignInExpired);
    scene.still_good(&terminal).await;
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn what_the_service_says_wrongly_is_refused_by_name() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    let good = || Conduct::good(SID);
    let claim = |name, value| Conduct { claims: vec![(name, value)], ..good() };
    let head =
        |alg: &str, signature| Conduct { header: vec![("alg", json!(alg))], signature, ..good() };
    let now = Clock::system().now().as_seconds();
    let token = ProblemType::SignInTokenRefused;
    for (conduct, expected, said) in [
        (claim("iss", json!("https://evil.example")), token, "issuer"),
        (Conduct { answers_as: Some("https://evil.example"), ..good() }, token, "issuer"),
        (claim("aud", json!("another")), token, "somebody else"),
        (claim("azp", json!("another")), token, "another client"),
        (claim("nonce", json!("another")), token, "nonce"),
        (claim("exp", json!(now - 100)), token, "expired"),
        (claim("iat", json!(now - 1000)), token, "not now"),
        (head("none", Signature::Missing), token, "algorithm none"),
        (head("HS256", Signature::Hmac), token, "algorithm HS256"),
        (Conduct { header: vec![("kid", json!("k9"))], ..good() }, token, "not among those"),
        (Conduct { signature: Signature::OtherKey, ..good() }, token, "signature"),
        (Conduct { signature: Signature::Altered, ..good() }, token, "signature"),
        (Conduct { signature: Signature::Missing, ..good() }, token, "signature"),
        (
            claim("preferred_username", Value::Null),
            ProblemType::SignInWithoutId,
            "preferred_username",
        ),
        (Conduct::good("Chan Tai Man"), ProblemType::SignInWithoutId, "preferred_username"),
        (
            Conduct::good("1155123456@evil.example"),
            ProblemType::SignInWithoutId,
            "preferred_username",
        ),
        (
            Conduct { error: Some("access_denied"), ..good() },
            ProblemType::SignInNotMade,
            "access_denied",
        ),
    ] {
        scene.provider.behave(conduct.clone());
        let page = scene.visitor().arrives(&terminal.code).await;
        assert_page(&page, expected);
        assert!(page.body.contains(said), "{said:?} is not in {page:?} ({conduct:?})");
    }
    scene.still_good(&terminal).await;
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn a_code_of_the_service_is_good_once_and_for_its_own_visit() {
    let scene = Scene::new().await;
    let (first, second) = (scene.begin().await, scene.begin().await);
    let (mut one, mut two) = (scene.visitor(), scene.visitor());
    let page = one.types(&first.code).await;
    let stolen = one.signs_in(&page).await;
    let page = two.types(&second.code).await;
    let own = two.signs_in(&page).await;
    let parameter = |path: &str, name: &str| {
        let query = path.split_once('?').unwrap().1;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
    };
    // Somebody else's code with one's own state: PKCE, since the service compares the verifier.
    let injected = own.replace(&parameter(&own, "code"), &parameter(&stolen, "code"));
    assert_page(&two.get(&injected).await, ProblemType::SignInNotMade);
    // The code was used up by that.
    assert_page(&one.get(&stolen).await, ProblemType::SignInNotMade);
    let twice = format!("{own}&state=x");
    assert_page(&two.get(&twice).await, ProblemType::MalformedRequest);
    scene.still_good(&first).await;
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn a_service_that_is_away_is_waited_for() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    scene.provider.behave(Conduct { down: Some(7), ..Conduct::good(SID) });
    let page = scene.visitor().types(&terminal.code).await;
    assert_page(&page, ProblemType::SignInUnavailable);
    assert_eq!(page.headers["retry-after"], "7");
    let page = scene.visitor().types(&terminal.code).await;
    assert_page(&page, ProblemType::SignInUnavailable);

    let scene = scene.restarted().await;
    let not_its_own = [("issuer", json!("https://evil.example"))];
    for metadata in [not_its_own, [("token_endpoint", json!("http://evil.example/"))]] {
        let scene = &scene;
        scene.provider.behave(Conduct { metadata: metadata.to_vec(), ..Conduct::good(SID) });
        let page = scene.visitor().types(&terminal.code).await;
        assert_page(&page, ProblemType::SignInUnavailable);
    }
    let scene = scene.restarted().await;
    scene.still_good(&terminal).await;
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn keys_are_fetched_once_and_not_for_every_unknown_name() {
    let scene = Scene::new().await;
    let terminal = scene.begin().await;
    for _ in 0..3 {
        assert!(scene.visitor().arrives(&terminal.code).await.body.contains("Is this your key?"));
    }
    assert_eq!(scene.provider.keys_fetched(), 1);
    // The service has another key, which is looked for when the minute is over.
    scene.provider.behave(Conduct { key_id: Some("k2"), ..Conduct::good(SID) });
    for _ in 0..3 {
        let page = scene.visitor().arrives(&terminal.code).await;
        assert_page(&page, ProblemType::SignInTokenRefused);
    }
    assert_eq!(scene.provider.keys_fetched(), 1);
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn a_sign_in_ends() {
    let scene = Scene::new().await;
    let (late, slow) = (scene.begin().await, scene.begin().await);
    scene.hand.move_by(598);
    // The service's clock is the system's.
    let lasting = ("exp", json!(Clock::system().now().as_seconds() + 3600));
    scene.provider.behave(Conduct { claims: vec![lasting], ..Conduct::good(SID) });
    scene.visitor().decides(&slow.code, "confirm").await;
    let mut visitor = scene.visitor();
    assert!(visitor.arrives(&late.code).await.body.contains("Is this your key?"));
    let token = visitor.get("/sign-in/confirm").await.token();
    scene.hand.move_by(2);
    let fields = [("token", token.as_str()), ("decision", "confirm")];
    let ended = ProblemType::SignInExpired;
    assert_page(&visitor.post("/sign-in/confirm", &fields).await, ended);
    scene.cuhk.assert_problem(&scene.ask(&late).await, ended);
    assert_page(&scene.visitor().types(&late.code).await, ProblemType::SignInCodeWrong);
    // What was confirmed can be fetched for a while, and then no more.
    scene.hand.move_by(599);
    scene.certificate(&slow).await;
    scene.hand.move_by(1);
    scene.cuhk.assert_problem(&scene.ask(&slow).await, ended);
    assert_eq!(scene.cuhk.issued().await.len(), 1);
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn so_many_wait_and_each_asks_so_often() {
    let number = |number| std::num::NonZeroU32::new(number).unwrap();
    let quotas =
        Quotas { sign_ins_waiting: number(2), sign_ins_per_minute: number(4), ..Quotas::default() };
    let scene = Scene::with(quotas).await;
    let document = json!({ "id": SID, "request": base64(&request(&student(SID), &key())) });
    let (terminal, _) = (scene.begin().await, scene.begin().await);
    let full = scene.leave(&document).await;
    scene.cuhk.assert_problem(&full, ProblemType::TooManySignIns);
    scene.hand.move_by(600);
    assert_eq!(scene.leave(&document).await.status, 201);
    // The address has begun four by now.
    let flood = scene.leave(&document).await;
    scene.cuhk.assert_problem(&flood, ProblemType::TooManySignIns);
    assert!(flood.headers.contains_key("retry-after"));

    scene.hand.move_by(-600);
    for _ in 0..30 {
        assert_eq!(scene.ask(&terminal).await.status, 202);
    }
    let often = scene.ask(&terminal).await;
    scene.cuhk.assert_problem(&often, ProblemType::SignInPolledTooOften);
    assert!(often.headers.contains_key("retry-after"));
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn what_a_terminal_sends_is_checked_before_anybody_is_asked() {
    let scene = Scene::new().await;
    let key = key();
    let der = request(&student(SID), &key);
    let mut forged = der.clone();
    *forged.last_mut().unwrap() ^= 1;
    let with = |id: &str, der: &[u8]| json!({ "id": id, "request": base64(der) });
    for (document, expected) in [
        (json!({ "id": SID }), ProblemType::MalformedRequest),
        (with("Chan Tai Man", &der), ProblemType::MalformedRequest),
        (with("chan.tm", &der), ProblemType::RequestSubject),
        (json!({ "id": SID, "request": "*" }), ProblemType::RequestUnreadable),
        (with(SID, b"x"), ProblemType::RequestUnreadable),
        (with(SID, &forged), ProblemType::RequestSignature),
        (with("1155000000", &der), ProblemType::RequestSubject),
    ] {
        scene.cuhk.assert_problem(&scene.leave(&document).await, expected);
    }
    let request = scene.http().post(scene.cuhk.origin.join("/v1/sign-ins")).body("{}");
    let answer = scene.cuhk.send(request).await;
    scene.cuhk.assert_problem(&answer, ProblemType::UnsupportedMediaType);
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn where_no_service_is_configured_nothing_is_offered() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let http = client(&ServerTrust::Unverified, None);
    for request in [
        http.post(cuhk.origin.join("/v1/sign-ins"))
            .header("content-type", "application/json")
            .body("{}"),
        http.post(cuhk.origin.join("/v1/sign-ins/certificate")),
        http.get(cuhk.origin.join("/sign-in")),
        http.get(cuhk.origin.join("/sign-in/callback")),
    ] {
        cuhk.assert_problem(&cuhk.send(request).await, ProblemType::SignInNotOffered);
    }
    cuhk.stop().await;
}

#[tokio::test]
async fn a_local_demonstration_and_a_secret_that_others_read_are_refused_at_start() {
    let folder = folder();
    let sso = Some(settings("http://127.0.0.1:1"));
    let error = refused(Config { sso: sso.clone(), ..config(folder.path()) }).await;
    assert!(matches!(error, StartError::SingleSignOn(SsoError::LocalDemo)), "{error}");

    let folder = real_folder().await;
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&secret, mode).unwrap();
    let client_secret = Some(secret.display().to_string());
    let sso = sso.map(|sso| SsoSettings { client_secret, ..sso });
    let error = refused(Config { sso, ..config(folder.path()) }).await;
    assert!(matches!(error, StartError::SingleSignOn(SsoError::Secret(_))), "{error}");
}

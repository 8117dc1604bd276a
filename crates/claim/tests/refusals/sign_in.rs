//! The rows of single sign-on, each caused by a terminal, a browser, or a sign-in service that does what it should not.

use std::path::Path;
use std::sync::Arc;

use claim_core::encoding::base64;
use claim_core::{PersonId, ProblemType};
use claim_http::{Answer, ServerTrust, https_client};
use claim_pki::SigningKey;
use serde_json::{Value, json};

use crate::case::{Case, Ended};
use crate::cuhk::{Setting, enrols};
use crate::enrolment::{issued, request};
use crate::program::root;
use crate::provider::{CLIENT, Conduct, SECRET, Signature, TestProvider, Visitor};
use crate::wire::{Ask, LONG, Version};

const FORM: &str = "application/x-www-form-urlencoded";

/// A key that waits.
struct Terminal {
    id: PersonId,
    secret: String,
    code: String,
}

/// What stands in `claim.toml`; [`secret`] leaves the file that it names.
pub(crate) fn settings(provider: &TestProvider, dir: &Path) -> String {
    let (issuer, secret) = (&provider.issuer, secret_file(dir));
    format!(
        "[cuhk.sso]\nissuer = \"{issuer}\"\nclient-id = \"{CLIENT}\"\nclient-secret = \"{secret}\"\n"
    )
}

fn secret_file(dir: &Path) -> String {
    dir.join("sso-secret").display().to_string()
}

/// Leaves the client's secret in the folder.
pub(crate) fn leave_secret(dir: &Path) {
    let path = dir.join("sso-secret");
    claim_files::write_new(&path, SECRET.as_bytes(), claim_files::Mode::Private).unwrap();
}

/// Causes this row.
pub(crate) async fn cause(row: ProblemType, setting: &Setting) -> Ended {
    match row {
        ProblemType::SignInNotOffered => not_offered(row, setting).await,
        ProblemType::TooManySignIns => too_many(row).await,
        ProblemType::SignInExpired => {
            let case = setting.site().case(row).await;
            let terminal = begin(setting).await;
            let none = Ask::post("/v1/sign-ins/certificate", "text/plain", "");
            case.refused(&none).await;
            for secret in [terminal.code.as_str(), &"A".repeat(43), "", &terminal.secret[1..]] {
                let ask = none.clone().with("authorization", format!("Bearer {secret}"));
                case.refused(&ask).await;
            }
            case.passes(&poll(&terminal)).await;
            case.end().await
        }
        ProblemType::SignInDenied => {
            let case = setting.site().case(row).await;
            let (denied, other) = (begin(setting).await, begin(setting).await);
            good(setting, &denied);
            visitor(setting).decides(&denied.code, "deny").await;
            case.refused(&poll(&denied)).await;
            certified(&case, setting, &other).await;
            case.end().await
        }
        ProblemType::SignInPolledTooOften => {
            let case = setting.site().case(row).await;
            let (hasty, other) = (begin(setting).await, begin(setting).await);
            // Thirty a minute; more while they are asked on a slow machine.
            while setting.site().client.ask(Version::Http2, &poll(&hasty)).await.status == 202 {}
            let told = case.refused_after_one(&poll(&hasty)).await;
            assert!(told.headers.contains_key("retry-after"));
            case.passes(&poll(&other)).await;
            case.end().await
        }
        ProblemType::SignInCodeWrong => {
            let case = setting.site().case(row).await;
            let (terminal, mut visitor) = (begin(setting).await, visitor(setting));
            let typed = typed(&mut visitor).await;
            for wrong in ["", "BCDF-GHJK", "BCDF-GHJ", &terminal.secret] {
                case.refused(&typed(wrong)).await;
            }
            case.passes(&typed(&terminal.code)).await;
            case.end().await
        }
        ProblemType::SignInOtherBrowser => {
            let case = setting.site().case(row).await;
            let (terminal, mut own, mut other) =
                (begin(setting).await, visitor(setting), visitor(setting));
            let (typed_here, typed_there) = (typed(&mut own).await, typed(&mut other).await);
            let (here, there) = (typed_here(&terminal.code), typed_there(&terminal.code));
            case.refused(&here.clone().without("cookie")).await;
            case.refused(&here.clone().with("cookie", there.value("cookie"))).await;
            case.refused(&here.clone().with("sec-fetch-site", "cross-site")).await;
            case.refused(&Ask::get("/sign-in/callback?state=x&code=x")).await;
            case.passes(&here).await;
            case.end().await
        }
        ProblemType::SignInStateWrong => {
            let case = setting.site().case(row).await;
            let (terminal, mut visitor) = (begin(setting).await, visitor(setting));
            good(setting, &terminal);
            let page = visitor.types(&terminal.code).await;
            let back = visitor.signs_in(&page).await;
            let cookie = cookie(&visitor);
            let with = |target: &str| Ask::get(target).with("cookie", cookie.clone());
            case.refused(&with("/sign-in/confirm")).await;
            case.refused(&with("/sign-in/callback?code=x")).await;
            case.refused(&with("/sign-in/callback?code=x&state=AAAA")).await;
            assert_eq!(visitor.get(&back).await.status, 303);
            case.refused(&with(&back)).await;
            case.passes(&with("/sign-in/confirm")).await;
            case.end().await
        }
        ProblemType::SignInNotMade => {
            let conduct = |_: &str| Conduct { error: Some("access_denied"), ..Conduct::default() };
            arrival(row, setting, conduct).await
        }
        ProblemType::SignInTokenRefused => {
            let conduct = |id: &str| Conduct { signature: Signature::Altered, ..Conduct::good(id) };
            arrival(row, setting, conduct).await
        }
        ProblemType::SignInWithoutId => {
            arrival(row, setting, |_| Conduct::good("Chan Tai Man")).await
        }
        ProblemType::SignInOtherPerson => {
            arrival(row, setting, |_| Conduct::good("1155999999")).await
        }
        ProblemType::SignInUnavailable => {
            arrival(row, setting, |id| Conduct { down: Some(9), ..Conduct::good(id) }).await
        }
        _ => panic!("no case causes {:?}", row.slug()),
    }
}

async fn not_offered(row: ProblemType, setting: &Setting) -> Ended {
    let without = Setting::with("[cuhk.limits]\nrefusals-per-minute = 1000000\n").await;
    let case = without.site().case(row).await;
    for target in ["/sign-in", "/sign-in/callback", "/sign-in/confirm"] {
        case.refused(&Ask::get(target)).await;
    }
    case.refused(&leave(&setting.id())).await;
    enrols(&case, &without.invited().await).await;
    case.end().await
}

async fn too_many(row: ProblemType) -> Ended {
    let provider = TestProvider::start().await;
    let quota = "[cuhk.quotas]\nsign-ins-waiting = 1\n";
    let setting = Setting::signing_in(&format!("{quota}{}", crate::cuhk::SHORT), provider).await;
    let case = setting.site().case(row).await;
    let terminal = begin(&setting).await;
    case.refused(&leave(&setting.id())).await;
    certified(&case, &setting, &terminal).await;
    case.end().await
}

/// A row to which the sign-in service leads, which behaves like this when the browser is on its way back.
async fn arrival(row: ProblemType, setting: &Setting, conduct: impl Fn(&str) -> Conduct) -> Ended {
    let case = setting.site().case(row).await;
    let terminal = begin(setting).await;
    for version in Version::BOTH {
        let mut visitor = visitor(setting);
        good(setting, &terminal);
        let page = visitor.types(&terminal.code).await;
        // What the service says in the browser it says from here on; but it is there.
        let there = Conduct { down: None, ..conduct(terminal.id.as_str()) };
        setting.provider().behave(there);
        let back = visitor.signs_in(&page).await;
        setting.provider().behave(conduct(terminal.id.as_str()));
        let ask = Ask::get(&back).with("cookie", cookie(&visitor));
        case.refused_once(setting.site().client.ask(version, &ask), None).await;
    }
    certified(&case, setting, &terminal).await;
    case.end().await
}

/// The person confirms, and the terminal has its certificate.
async fn certified(case: &Case<'_>, setting: &Setting, terminal: &Terminal) {
    good(setting, terminal);
    let page = visitor(setting).decides(&terminal.code, "confirm").await;
    assert_eq!(page.status, 200, "{page:?}");
    let certificate = issued(&case.passes(&poll(terminal)).await);
    assert_eq!(certificate.person_id().as_ref(), Some(&terminal.id));
}

fn good(setting: &Setting, terminal: &Terminal) {
    setting.provider().behave(Conduct::good(terminal.id.as_str()));
}

fn leave(id: &PersonId) -> Ask {
    let der = request(id, &SigningKey::generate().unwrap());
    let document = json!({ "id": id, "request": base64(&der) });
    Ask::post("/v1/sign-ins", "application/json", document.to_string())
}

/// Somebody on the roster has left a key.
async fn begin(setting: &Setting) -> Terminal {
    let id = setting.invited().await.id().clone();
    let answer: Answer = setting.site().client.ask(Version::Http2, &leave(&id)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    Terminal { id, secret: text("secret"), code: text("code") }
}

fn poll(terminal: &Terminal) -> Ask {
    let ask = Ask::post("/v1/sign-ins/certificate", "text/plain", "");
    ask.with("authorization", format!("Bearer {}", terminal.secret))
}

fn visitor(setting: &Setting) -> Visitor {
    let trust = ServerTrust::Root(Arc::new(root(setting.path("").as_path())));
    Visitor::new(https_client(&trust, None, LONG).unwrap(), setting.site().origin().clone())
}

fn cookie(visitor: &Visitor) -> String {
    let pairs: Vec<_> = visitor.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.join("; ")
}

/// The form for the code, as this browser sends it.
async fn typed(visitor: &mut Visitor) -> impl Fn(&str) -> Ask {
    let token = visitor.get("/sign-in").await.token();
    let cookie = cookie(visitor);
    move |code| {
        let ask = Ask::post("/sign-in", FORM, format!("token={token}&code={code}"));
        ask.with("cookie", cookie.clone())
    }
}

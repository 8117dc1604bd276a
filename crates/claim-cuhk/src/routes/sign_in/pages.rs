//! The pages of a sign-in. They work without scripts, and hold nothing from elsewhere.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use claim_core::{Digest, Problem, ProblemType};
use claim_http::{
    ConnectionInfo, KnownAs, Standing, html_text, problem_page, read_body, visit_page,
};
use claim_store::cuhk::Decision;
use claim_store::cuhk::audit::By;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{MAX_CONTENT, check_content_type};
use crate::sign_in::{
    Browser, CONFIRM, Fields, PAGE, SignInReturn, Visit, is_same_token, offered, other_browser,
};
use crate::state::Cuhk;

/// The prefix binds the cookie to this host, by HTTPS alone (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-claim-sign-in";

/// How long a browser keeps it, in seconds.
const COOKIE_LIFE: u32 = 3600;

/// The type of what forms send.
const FORM: &str = "application/x-www-form-urlencoded";

/// The page where the code is typed.
pub(super) async fn start(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let result = offered(&cuhk).map(|_| {
        let browser = browser(&parts.headers).unwrap_or_else(Browser::new);
        let mut response = visit_page("Sign in", &start_html(&browser));
        let cookie = format!(
            "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={COOKIE_LIFE}",
            browser.cookie()
        );
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, value);
        }
        response
    });
    answer(&cuhk, None, &connection, &parts.headers, result)
}

/// A code was typed.
pub(super) async fn typed(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let content = read_body(&parts.headers, body, MAX_CONTENT, cuhk.body_read_timeout).await;
        let sign_ins = offered(&cuhk)?;
        let browser = by_form(&parts)?;
        let form = Fields::read(&content?)?;
        if !is_same_token(form.one("token")?.unwrap_or_default(), &browser.form_token()) {
            return Err(other_browser());
        }
        let code = form.one("code")?.unwrap_or_default();
        let url = sign_ins.typed(&cuhk, &browser, code).await?;
        let html = go_html(&url, sign_ins.provider.issuer());
        Ok(visit_page("Sign in at the university", &html))
    };
    let result = result.await;
    answer(&cuhk, None, &connection, &parts.headers, result)
}

/// The browser comes back from the sign-in service.
pub(super) async fn came_back(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let mut by = None;
    let result = async {
        Standing::admit(&parts.extensions)?;
        let sign_ins = offered(&cuhk)?;
        let browser = browser(&parts.headers).ok_or_else(other_browser)?;
        let returned = SignInReturn::from_query(parts.uri.query().unwrap_or_default())?;
        let person = sign_ins.came_back(&cuhk, &browser, returned, &mut by).await?;
        // Elsewhere, so that neither history nor a reload has the code.
        let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, CONFIRM)]).into_response();
        response.extensions_mut().insert(KnownAs(person.to_string().into()));
        Ok(response)
    };
    let result = result.await;
    answer(&cuhk, by, &connection, &parts.headers, result)
}

/// What is to be confirmed, or what was decided.
pub(super) async fn look(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let result = async {
        Standing::admit(&parts.extensions)?;
        let sign_ins = offered(&cuhk)?;
        let browser = browser(&parts.headers).ok_or_else(other_browser)?;
        let visit = sign_ins.visit(&cuhk, &browser).await?;
        Ok(visit_html(&visit, &browser))
    };
    let result = result.await;
    answer(&cuhk, None, &connection, &parts.headers, result)
}

/// The person decides.
pub(super) async fn decide(
    State(cuhk): State<Arc<Cuhk>>,
    Extension(connection): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let result = async {
        let content = read_body(&parts.headers, body, MAX_CONTENT, cuhk.body_read_timeout).await;
        let sign_ins = offered(&cuhk)?;
        let browser = by_form(&parts)?;
        let form = Fields::read(&content?)?;
        let visit = sign_ins.visit(&cuhk, &browser).await?;
        let token = form.one("token")?.unwrap_or_default();
        if !is_same_token(token, &browser.decision_token(&visit)) {
            return Err(other_browser());
        }
        let decision = match form.one("decision")? {
            Some("confirm") => Decision::Confirmed,
            Some("deny") => Decision::Denied,
            _ => {
                let detail = "decision is neither confirm nor deny";
                return Err(Problem::new(ProblemType::MalformedRequest, detail));
            }
        };
        let visit = sign_ins.decide(&cuhk, &browser, visit, decision).await?;
        Ok(visit_html(&visit, &browser))
    };
    let result = result.await;
    answer(&cuhk, None, &connection, &parts.headers, result)
}

/// The browser behind a form: its request must come from one of our own pages.
fn by_form(parts: &Parts) -> Result<Browser, Problem> {
    Standing::admit(&parts.extensions)?;
    check_content_type(&parts.headers, FORM)?;
    // Where the browser says from where it comes (Fetch Metadata); all browsers of these days do.
    let site = parts.headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return Err(other_browser());
    }
    browser(&parts.headers).ok_or_else(other_browser)
}

/// The browser by its one cookie.
fn browser(headers: &HeaderMap) -> Option<Browser> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Browser::from_cookie(value),
        _ => None,
    }
}

/// A refusal in words for people, and as a document for programs.
fn answer(
    cuhk: &Cuhk,
    by: Option<By>,
    connection: &ConnectionInfo,
    headers: &HeaderMap,
    result: Result<Response, Problem>,
) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let reads_html = accept.is_some_and(|accept| accept.contains("text/html"));
    match result {
        Err(problem) if reads_html => {
            let page = problem_page(&problem);
            cuhk.tell_refused(by, connection.peer, &problem);
            page
        }
        result => cuhk.answer_to(by, connection.peer, result),
    }
}

fn start_html(browser: &Browser) -> String {
    format!(
        "<h1>Confirm your key</h1>\
         <p>Type the code that <strong>your own terminal</strong> shows, where you ran \
         <code>claim student enroll --sso</code>.</p>\
         <form method=\"post\" action=\"{PAGE}\">\
         <input type=\"hidden\" name=\"token\" value=\"{}\">\
         <p><label>Code <input name=\"code\" required autofocus maxlength=\"16\" size=\"12\" \
         autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\"></label> \
         <button>Continue</button></p></form>\
         <h2>Somebody sent you a code?</h2>\
         <p>Then stop here. Whoever has you type a code gets a certificate in your name, and hands in \
         as you. Nobody from the university asks you to do so, by mail, in a chat or by telephone.</p>",
        browser.form_token()
    )
}

fn go_html(url: &str, issuer: &str) -> String {
    format!(
        "<h1>Sign in at the university</h1>\
         <p>The sign-in service tells CUHK who you are, and nothing else. Your password stays there.</p>\
         <p><a href=\"{}\" rel=\"noreferrer\">Sign in at {}</a></p>\
         <p><small>Afterwards you come back here and confirm.</small></p>",
        html_text(url),
        html_text(issuer)
    )
}

fn visit_html(visit: &Visit, browser: &Browser) -> Response {
    match visit.decision {
        Some(Decision::Confirmed) => visit_page(
            "Confirmed",
            &format!(
                "<h1>Confirmed</h1><p>Your terminal fetches its certificate for <strong>{}</strong> \
                 now. You can close this page.</p>",
                visit.person
            ),
        ),
        Some(Decision::Denied) => visit_page(
            "Denied",
            "<h1>Denied</h1><p>Nobody gets a certificate with that key. The people who run CUHK can \
             see that you said so; if somebody sent you the code, tell them who it was.</p>",
        ),
        None => visit_page("Confirm your key", &confirm_html(visit, browser)),
    }
}

fn confirm_html(visit: &Visit, browser: &Browser) -> String {
    let Visit { person, code, key, sign_in, .. } = visit;
    let (time, from) = (sign_in.begun_at, html_text(&sign_in.begun_from));
    format!(
        "<h1>Is this your key?</h1>\
         <p>You are signed in as <strong>{person}</strong>. Whoever has the key below will hand in as \
         you.</p>\
         <dl><dt>Code</dt><dd><code>{code}</code></dd>\
         <dt>Key (SHA-256)</dt><dd><code>{}</code></dd>\
         <dt>Asked for</dt><dd>at {time} from {from}</dd></dl>\
         <p>Confirm only if your own terminal, in front of you, shows the same code and the same key.</p>\
         <form method=\"post\" action=\"{CONFIRM}\">\
         <input type=\"hidden\" name=\"token\" value=\"{}\">\
         <p><button name=\"decision\" value=\"confirm\">It is my key: confirm</button></p>\
         <p><button name=\"decision\" value=\"deny\">It is not: deny</button></p></form>",
        grouped(key),
        browser.decision_token(visit)
    )
}

/// In groups of eight, as the terminal shows it: to be compared by eye.
fn grouped(digest: &Digest) -> String {
    let hex = digest.to_string();
    let mut groups = String::new();
    for (place, digit) in hex.chars().enumerate() {
        if place > 0 && place % 8 == 0 {
            groups.push(' ');
        }
        groups.push(digit);
    }
    groups
}

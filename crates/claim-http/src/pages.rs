//! The pages that problem types link to: what happened, why, what to do.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use claim_core::{Digest, Problem, ProblemType, encoding};
use http::header;

use crate::problem::{Refusal, Told, problem_head};

const STYLE: &str = "\
body{font:1.1rem/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1.2rem;\
color:#1d2330;background:#fff}\
h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.1rem;margin:1.6rem 0 .2rem}p{margin:.2rem 0}\
code{font:.92em ui-monospace,monospace;background:#eef0f4;padding:.1em .3em;border-radius:.2em;\
overflow-wrap:anywhere}small,dt{color:#5a6275}dd{margin:0 0 .8rem}a{color:#5b2a86}\
@media(prefers-color-scheme:dark){body{color:#e6e8ee;background:#14171f}code{background:#252a36}\
small,dt{color:#a2aabb}a{color:#c9a6ec}}";

/// Nothing but the one style sheet, known by its digest.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = encoding::base64(Digest::of(STYLE.as_bytes()).as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// The same, with forms that lead back to this server.
static POLICY_WITH_FORMS: LazyLock<String> =
    LazyLock::new(|| POLICY.replace("form-action 'none'", "form-action 'self'"));

/// A page that belongs to one visit: never stored, never framed, with forms that lead to this server alone and without
/// anything from elsewhere.
///
/// `content` is HTML; a stranger's text stands in it by [`html_text`].
pub fn visit_page(title: &str, content: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY_WITH_FORMS.as_str()),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (headers, document(title, content)).into_response()
}

/// A refusal for somebody who sits at a browser: the same status, header fields and count as the document's, in words.
pub fn problem_page(problem: &Problem) -> Response {
    let problem_type = problem.problem_type;
    let content =
        format!("{}<p><small>{}</small></p>", describe(problem_type), html_text(&problem.detail));
    let mut response = visit_page(problem_type.title(), &content);
    problem_head(problem, &mut response);
    response.extensions_mut().insert(Told(problem_type));
    response
}

/// Text as HTML; what stands between backticks is code.
pub fn html_text(text: &str) -> String {
    escape(text)
}

/// Serves `/problems/` and a page for each type of problem below it.
pub fn problem_pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/problems/", get(async || page("Problems", &list())))
        .route("/problems/{slug}", get(problem))
}

async fn problem(slug: Result<Path<String>, PathRejection>) -> Response {
    // A name that is no text is no slug either.
    match slug.ok().and_then(|Path(slug)| ProblemType::from_slug(&slug)) {
        Some(problem_type) => page(problem_type.title(), &describe(problem_type)),
        None => Refusal(Problem::new(ProblemType::NotFound, "there is no such type of problem"))
            .into_response(),
    }
}

fn list() -> String {
    let mut html = "<h1>Problems</h1><p>What this server may answer instead of doing as it was \
                    asked.</p><dl>"
        .to_owned();
    for problem_type in ProblemType::ALL {
        let (slug, status, title) =
            (problem_type.slug(), problem_type.status(), escape(problem_type.title()));
        let _ = write!(
            html,
            "<dt>{status} <code>{slug}</code></dt><dd><a href=\"{slug}\">{title}</a></dd>"
        );
    }
    html + "</dl>"
}

fn describe(problem_type: ProblemType) -> String {
    format!(
        "<h1>{}</h1><h2>Why</h2><p>{}</p><h2>What to do</h2><p>{}</p>\
         <p><small>HTTP status {} · <code>{}</code> · <a href=\"/problems/\">all problems</a></small></p>",
        escape(problem_type.title()),
        escape(problem_type.why()),
        escape(problem_type.what_to_do()),
        problem_type.status(),
        problem_type.slug(),
    )
}

fn page(title: &str, content: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=3600"),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
    ];
    (headers, document(title, content)).into_response()
}

fn document(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>\
         <style>{STYLE}</style><main>{content}</main></html>\n",
        escape(title)
    )
}

/// Text as HTML; what stands between backticks is code.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut in_code = false;
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '`' => {
                in_code = !in_code;
                html.push_str(if in_code { "<code>" } else { "</code>" });
            }
            other => html.push(other),
        }
    }
    if in_code {
        html.push_str("</code>");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escape("a <b> & \"c\" 'd' `x <y>`"),
            "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; <code>x &lt;y&gt;</code>"
        );
        assert_eq!(escape("`open"), "<code>open</code>");
    }
}

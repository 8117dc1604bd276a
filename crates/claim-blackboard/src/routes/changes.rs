//! Who changed what (PROTOCOL.md §12).

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use claim_core::{CourseId, Problem, ProblemType};
use claim_course::MAX_TOLD;
use claim_http::ConnectionInfo;
use http::StatusCode;

use crate::authenticated::{Counted, Reply, Takes, authenticated};
use crate::blackboard::Blackboard;
use crate::changes::{self, Part};
use crate::courses::no_course;

type Shared = State<Arc<Blackboard>>;
type Info = Extension<ConnectionInfo>;

/// `GET /v1/changes`.
pub(crate) async fn own(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, part) = (&blackboard, part(request.uri().query()));
    let handle = |Counted { request, .. }: Counted| async move {
        Reply::json(StatusCode::OK, &changes::own(shared, request.person(), part?).await?)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `GET /v1/courses/{course}/changes`.
pub(crate) async fn of_course(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, part) = (&blackboard, part(request.uri().query()));
    // Read by hand, so that whatever stands there gets a signed answer.
    let course = request.uri().path().split('/').nth(3).unwrap_or_default().parse::<CourseId>();
    let handle = |Counted { request, .. }: Counted| async move {
        let (course, part) = (course.map_err(|_| no_course())?, part?);
        let answer = changes::of_course(shared, request.person(), &course, part).await?;
        Reply::json(StatusCode::OK, &answer)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// Unknown parameters are ignored, as unknown members are.
fn part(query: Option<&str>) -> Result<Part, Problem> {
    let wrong = |what: &str| {
        let detail = format!("{what}: `after` is a number, `limit` is 1 to {MAX_TOLD}");
        Problem::new(ProblemType::MalformedRequest, detail)
    };
    let mut part = Part::FIRST;
    for pair in query.unwrap_or_default().split('&') {
        match pair.split_once('=') {
            Some(("after", after)) => {
                let after = after.parse().ok().filter(|after| i64::try_from(*after).is_ok());
                part.after = after.ok_or_else(|| wrong("after is no number"))?;
            }
            Some(("limit", limit)) => {
                let limit = limit.parse().ok().filter(|limit| (1..=MAX_TOLD).contains(limit));
                part.limit = limit.ok_or_else(|| wrong("limit is out of range"))?;
            }
            _ => {}
        }
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn parts() {
        assert_eq!(part(None).unwrap(), Part::FIRST);
        assert_eq!(part(Some("after=7&limit=3&x")).unwrap(), Part { after: 7, limit: 3 });
        let too_large = format!("after={}", u64::MAX);
        for wrong in ["after=-1", "after=", "limit=0", "limit=201", "after=1155123456x", &too_large]
        {
            let problem = part(Some(wrong)).unwrap_err();
            assert_eq!(problem.problem_type, ProblemType::MalformedRequest, "{wrong}");
        }
    }
}

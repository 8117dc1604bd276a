//! What happens in a course (PROTOCOL.md §12).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use claim_core::hand_in::MAX_WAIT_SECONDS;
use claim_core::{CourseId, Problem, ProblemType};
use claim_http::{AtWork, ConnectionInfo};
use http::StatusCode;

use crate::authenticated::{Counted, Reply, Takes, authenticated};
use crate::blackboard::Blackboard;
use crate::courses::no_course;
use crate::watching::{self, Asked};

/// `GET /v1/courses/{course}/events`.
pub(crate) async fn of_course(
    State(blackboard): State<Arc<Blackboard>>,
    Extension(info): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let (shared, asked) = (&blackboard, asked(request.uri().query()));
    // Read by hand, so that whatever stands there gets a signed answer.
    let course = request.uri().path().split('/').nth(3).unwrap_or_default().parse::<CourseId>();
    let at_work = &AtWork::of(request.extensions());
    let handle = |Counted { request, .. }: Counted| async move {
        let (course, asked) = (course.map_err(|_| no_course())?, asked?);
        let (person, at_work) = (request.person(), at_work.as_ref());
        let answer = watching::events(shared, person, &course, asked, at_work).await?;
        Reply::json(StatusCode::OK, &answer)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// Unknown parameters are ignored, as unknown members are.
fn asked(query: Option<&str>) -> Result<Asked, Problem> {
    let wrong = |what: &str| {
        let detail = format!(
            "{what}: `after` is what `next` was, `wait` is 0 to {MAX_WAIT_SECONDS}, `assignment` is a name"
        );
        Problem::new(ProblemType::MalformedRequest, detail)
    };
    let mut asked = Asked::default();
    for pair in query.unwrap_or_default().split('&') {
        match pair.split_once('=') {
            Some(("after", after)) => {
                let after = after.parse().ok().filter(|after| i64::try_from(*after).is_ok());
                asked.after = Some(after.ok_or_else(|| wrong("after is no number"))?);
            }
            Some(("wait", wait)) => {
                let wait = wait.parse().ok().filter(|wait| *wait <= MAX_WAIT_SECONDS);
                asked.wait =
                    Duration::from_secs(wait.ok_or_else(|| wrong("wait is out of range"))?);
            }
            Some(("assignment", name)) => {
                let name = name.parse().map_err(|_| wrong("assignment is no name"))?;
                asked.assignment = Some(name);
            }
            _ => {}
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn queries() {
        assert_eq!(asked(None).unwrap(), Asked::default());
        let all = asked(Some("after=7&wait=20&assignment=lab1&x")).unwrap();
        let wait = Duration::from_secs(20);
        let assignment = Some("lab1".parse().unwrap());
        assert_eq!(all, Asked { after: Some(7), wait, assignment });
        for wrong in ["after=", "after=x", "wait=21", "wait=-1", "assignment=.x"] {
            let problem = asked(Some(wrong)).unwrap_err();
            assert_eq!(problem.problem_type, ProblemType::MalformedRequest, "{wrong}");
        }
    }
}

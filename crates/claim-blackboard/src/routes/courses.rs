//! Courses, for staff (PROTOCOL.md §12).

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use claim_core::{
    AssignmentId, AssignmentRef, CourseId, Digest, Hasher, PersonId, Problem, ProblemType, Sid,
    json,
};
use claim_course::Changes;
use claim_course::api::MAX_PAGE;
use claim_http::ConnectionInfo;
use http::StatusCode;

use crate::authenticated::{Counted, Reply, Takes, authenticated};
use crate::blackboard::Blackboard;
use crate::media::MediaType;
use crate::{courses, student_view};

/// The largest list of changes, in bytes: a roster of 20,000 with some columns of its own.
pub(super) const MAX_CHANGES: usize = 16 * 1024 * 1024;

type Shared = State<Arc<Blackboard>>;
type Info = Extension<ConnectionInfo>;

/// `GET /v1/courses`.
pub(crate) async fn list(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let shared = &blackboard;
    let handle = |Counted { request, .. }: Counted| async move {
        Reply::json(StatusCode::OK, &courses::list(shared, request.person()).await?)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `GET /v1/courses/{course}`.
pub(crate) async fn show(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, Address::of(&request));
    let handle = |Counted { request, .. }: Counted| async move {
        let answer = courses::show(shared, request.person(), &at.course()?).await?;
        Reply::json(StatusCode::OK, &answer)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `GET /v1/courses/{course}/members`.
pub(crate) async fn members(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, Address::of(&request));
    let handle = |Counted { request, .. }: Counted| async move {
        let (course, page) = (at.course()?, at.page()?);
        let answer = courses::members(shared, request.person(), &course, page).await?;
        Reply::json(StatusCode::OK, &answer)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `GET /v1/courses/{course}/assignments/{assignment}/hand-ins`.
pub(crate) async fn hand_ins(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, Address::of(&request));
    let handle = |Counted { request, .. }: Counted| async move {
        let (course, page) = (at.course()?, at.page()?);
        let assignment = at.assignment()?;
        let answer =
            courses::hand_ins(shared, request.person(), &course, &assignment, page).await?;
        Reply::json(StatusCode::OK, &answer)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `GET /v1/courses/{course}/assignments/{assignment}/students/{sid}`.
pub(crate) async fn student_view(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, Address::of(&request));
    let handle = |Counted { request, .. }: Counted| async move {
        let (reference, sid) = (at.reference()?, at.student()?);
        let answer = student_view::show(shared, request.person(), &reference, &sid).await?;
        Reply::json(StatusCode::OK, &answer)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `POST /v1/courses/{course}/changes`.
pub(crate) async fn change(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, Address::of(&request));
    let takes = Takes { media_type: MediaType::Json, max: MAX_CHANGES };
    let handle = |Counted { request, content }: Counted| async move {
        let (course, content) = (at.course()?, content.into_bytes());
        let changes: Changes = json::from_slice(&content)
            .map_err(|error| Problem::new(ProblemType::MalformedRequest, error))?;
        let known_by = known_by(request.person(), &content);
        let answer = courses::change(shared, &request, &course, &changes, known_by).await?;
        Reply::json(StatusCode::OK, &answer)
    };
    authenticated(&blackboard, (&info).into(), request, takes, handle).await
}

/// What a list of changes is known by when it comes again. The person belongs to it: else whoever guesses what somebody else
/// has changed last would be told that it is so.
fn known_by(person: &PersonId, content: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    // No id has a line feed.
    hasher.update(person.as_str().as_bytes());
    hasher.update(b"\n");
    hasher.update(content);
    hasher.finish()
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// What comes after this one.
    pub(crate) after: Option<Sid>,
    /// The most of them.
    pub(crate) limit: u32,
}

/// What the address of a course says. It is read by hand, so that whatever stands there gets a signed answer.
struct Address {
    course: String,
    assignment: String,
    student: String,
    query: String,
}

impl Address {
    fn of(request: &Request) -> Self {
        // `/v1/courses/{course}[/assignments/{assignment}/hand-ins|students/{sid}]`
        let mut segments = request.uri().path().split('/').skip(3).map(str::to_owned);
        let course = segments.next().unwrap_or_default();
        let assignment = segments.nth(1).unwrap_or_default();
        let student = segments.nth(1).unwrap_or_default();
        let query = request.uri().query().unwrap_or_default().to_owned();
        Self { course, assignment, student, query }
    }

    fn course(&self) -> Result<CourseId, Problem> {
        self.course.parse().map_err(|_| courses::no_course())
    }

    fn assignment(&self) -> Result<AssignmentId, Problem> {
        self.assignment.parse().map_err(|_| courses::no_course())
    }

    fn reference(&self) -> Result<AssignmentRef, Problem> {
        Ok(AssignmentRef { course: self.course()?, assignment: self.assignment()? })
    }

    fn student(&self) -> Result<Sid, Problem> {
        self.student.parse().map_err(|_| courses::no_course())
    }

    fn page(&self) -> Result<Page, Problem> {
        let wrong = |what: &str| {
            let detail = format!("{what}: `after` is a SID, `limit` is 1 to {MAX_PAGE}");
            Problem::new(ProblemType::MalformedRequest, detail)
        };
        let mut page = Page { after: None, limit: MAX_PAGE };
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("after", sid)) => {
                    page.after = Some(sid.parse().map_err(|_| wrong("after is no SID"))?);
                }
                Some(("limit", limit)) => {
                    let limit = limit.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
                    page.limit = limit.ok_or_else(|| wrong("limit is out of range"))?;
                }
                // Unknown ones are ignored, as unknown members are.
                _ => {}
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn at(uri: &str) -> Address {
        Address::of(&Request::get(uri).body(axum::body::Body::empty()).unwrap())
    }

    #[test]
    fn addresses() {
        let address =
            at("/v1/courses/IEMS5710/assignments/lab1/hand-ins?after=1155123456&limit=7&x");
        assert_eq!(address.course().unwrap().as_str(), "IEMS5710");
        assert_eq!(address.assignment().unwrap().as_str(), "lab1");
        let page = Page { after: Some("1155123456".parse().unwrap()), limit: 7 };
        assert_eq!(address.page().unwrap(), page);
        let whole = Page { after: None, limit: MAX_PAGE };
        assert_eq!(at("/v1/courses/A/members").page().unwrap(), whole);
        for wrong in ["after=7", "limit=0", "limit=501", "limit=x", "after="] {
            let problem = at(&format!("/v1/courses/A/members?{wrong}")).page().unwrap_err();
            assert_eq!(problem.problem_type, ProblemType::MalformedRequest, "{wrong}");
        }
        let student = at("/v1/courses/A/assignments/lab1/students/1155123456");
        assert_eq!(student.reference().unwrap().to_string(), "A/lab1");
        assert_eq!(student.student().unwrap().as_str(), "1155123456");
        assert!(at("/v1/courses/A/assignments/lab1/students/7").student().is_err());
        assert!(at("/v1/courses/.x").course().is_err());
        assert!(at("/v1/courses/a%2Fb").course().is_err());
    }
}

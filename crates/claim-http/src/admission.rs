//! Under overload: which requests are refused, before anything is done for them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use claim_core::{Problem, ProblemType};
use getrandom::rand_core::Rng;
use http::Method;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use crate::connection::ConnectionInfo;
use crate::crowd::{AtWork, Crowd};
use crate::delays::Delays;
use crate::household::Household;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::problem::Refusal;
use crate::random::system_rng;
use crate::urgency::Urgency;

/// Tells how urgent a request is by its method and by the route that takes it, as the routes are written; an empty
/// text stands for no route.
pub type UrgencyOf = fn(&Method, &str) -> Urgency;

/// Who is let in.
pub(crate) struct Admission {
    urgency: UrgencyOf,
    delays: Arc<Delays>,
    crowd: Arc<Crowd>,
    metrics: Metrics,
}

/// Why somebody is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Because {
    /// Work waits too long for a processor.
    Waits,
    /// Too many requests are worked at.
    Full,
}

impl Admission {
    pub(crate) fn new(
        urgency: UrgencyOf,
        limits: &Limits,
        delays: Arc<Delays>,
        metrics: Metrics,
    ) -> Self {
        let crowd = Crowd::new(limits.max_requests_at_work, metrics.clone());
        Self { urgency, delays, crowd, metrics }
    }

    /// Whether such a request is refused because work waits too long: by lot, where only a part is.
    fn is_refused(&self, household: Household, urgency: Urgency) -> bool {
        let refused = urgency.refused_at(self.delays.strain(household, Instant::now()));
        refused > 0.0 && f64::from(system_rng().next_u32()) < refused * f64::from(u32::MAX)
    }

    fn refuse(&self, urgency: Urgency, because: Because) -> Response {
        let because = match because {
            Because::Waits => "waits",
            Because::Full => "full",
        };
        self.metrics.request_shed(urgency, because);
        let (from, to) = urgency.comes_back();
        let seconds = from + u64::from(system_rng().next_u32()) % (to - from + 1);
        let detail = match urgency {
            Urgency::Other | Urgency::Content => {
                "more is asked than can be done; what must be done before a deadline goes first"
            }
            Urgency::Beginning | Urgency::Deadline => "more is asked than can be done at once",
        };
        let problem = Problem::new(ProblemType::Overloaded, detail).with("retry_after", seconds);
        Refusal(problem).into_response()
    }
}

/// Asks at each request whether there is room for it.
pub(crate) fn with_admission(app: Router, admission: Admission) -> Router {
    app.layer(from_fn_with_state(Arc::new(admission), admit))
}

async fn admit(
    State(admission): State<Arc<Admission>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectionInfo>().map(|info| info.peer.ip());
    let Some(household) = peer.map(Household::from) else { return next.run(request).await };
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let urgency = (admission.urgency)(request.method(), route);
    if admission.is_refused(household, urgency) {
        return admission.refuse(urgency, Because::Waits);
    }
    let Some(working) = admission.crowd.enter(household, urgency) else {
        return admission.refuse(urgency, Because::Full);
    };
    request.extensions_mut().insert(working.request());
    let request = request.map(|body| Body::new(Content { body, work: working.request() }));
    next.run(request).await
}

/// The content of a request; while it has not come, nobody works at the request.
struct Content {
    body: Body,
    work: AtWork,
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_pending() {
            self.work.waits();
        } else {
            self.work.goes_on();
        }
        Poll::Ready(ready!(polled))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

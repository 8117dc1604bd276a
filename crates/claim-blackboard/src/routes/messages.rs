//! Step 6: `POST /v1/messages`, the seed's message.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use claim_core::messages::MessageAnswer;
use claim_core::{Problem, ProblemType};
use claim_http::ConnectionInfo;
use claim_store::Need;
use claim_store::blackboard::{Kept, NewMessage};
use http::StatusCode;

use crate::authenticated::{Counted, Reply, Takes, authenticated};
use crate::blackboard::{Announcer, Blackboard};
use crate::error;
use crate::media::MediaType;

/// The longest message in bytes.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;

/// Keeps a message, and answers when it is durable.
pub(crate) async fn keep(
    State(blackboard): State<Arc<Blackboard>>,
    Extension(info): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let takes = Takes { media_type: MediaType::Text, max: MAX_MESSAGE };
    let handle = |counted| keep_message(&blackboard, counted);
    authenticated(&blackboard, (&info).into(), request, takes, handle).await
}

async fn keep_message(blackboard: &Arc<Blackboard>, counted: Counted) -> Result<Reply, Problem> {
    let received_at = blackboard.clock.now();
    blackboard.has_room(Need::Message)?;
    let Counted { request, content } = counted;
    let message = NewMessage {
        session: *request.session().as_bytes(),
        nonce: request.nonce().0,
        person: request.person().clone(),
        received_at,
        content_digest: *request.content_digest().as_bytes(),
        text: text(&content.into_bytes())?,
    };
    let kept =
        Announcer::keep(blackboard, message).await.map_err(|error| error::storage(&error))?;
    let stored = match kept {
        // A repetition gets what the first one got, to the byte.
        Kept::First(stored) | Kept::Repeat(stored) => stored,
        Kept::Conflict => {
            let detail = "the session has sent another message under this nonce";
            return Err(Problem::new(ProblemType::NonceReused, detail));
        }
    };
    let answer =
        MessageAnswer { sid: stored.person, received_at: stored.received_at, number: stored.id };
    Reply::json(StatusCode::CREATED, &answer)
}

/// A message is a text of at least one byte.
fn text(content: &[u8]) -> Result<String, Problem> {
    let unreadable = |detail| Problem::new(ProblemType::MessageUnreadable, detail);
    if content.is_empty() {
        return Err(unreadable("the message is empty".to_owned()));
    }
    std::str::from_utf8(content).map(str::to_owned).map_err(|error| {
        unreadable(format!(
            "the message is not UTF-8 after its first {} bytes",
            error.valid_up_to()
        ))
    })
}

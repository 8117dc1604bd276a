//! Steps 3 to 5: `POST /v1/challenges` and `POST /v1/sessions`. Nothing is stored.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use claim_core::blackboard::{self, ExpectConfirmation};
use claim_core::messages::{Challenge, ChallengeRequest, JSON, SessionAnswer, SessionRequest};
use claim_core::{PersonId, Problem, json};
use claim_http::{ConnectionInfo, KnownAs, Standing, read_body, system_rng};
use http::{StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::refused;
use crate::blackboard::Blackboard;
use crate::error;
use crate::event::Event;
use crate::media::MediaType;

/// The longest message of steps 3 and 5, in bytes.
pub(super) const MAX_JSON: usize = 64 * 1024;

/// Steps 3 and 4.
pub(crate) async fn challenge(
    State(blackboard): State<Arc<Blackboard>>,
    Extension(info): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    let outcome = make_challenge(&blackboard, &info, request).await;
    answer(&blackboard, &info, outcome)
}

/// Step 5.
pub(crate) async fn open(
    State(blackboard): State<Arc<Blackboard>>,
    Extension(info): Extension<ConnectionInfo>,
    request: Request,
) -> Response {
    match open_session(&blackboard, request).await {
        Ok((opened, id)) => {
            let mut response = answer(&blackboard, &info, Ok(opened));
            response.extensions_mut().insert(KnownAs(id.as_str().into()));
            response
        }
        Err(problem) => refused(&blackboard, (&info).into(), None, &problem),
    }
}

async fn make_challenge(
    shared: &Arc<Blackboard>,
    info: &ConnectionInfo,
    request: Request,
) -> Result<Challenge, Problem> {
    Standing::admit(request.extensions())?;
    let request: ChallengeRequest = message(shared, request).await?;
    match try_challenge(shared, info, request.clone()).await {
        Err(refusal) if shared.revocations.may_know_more(&refusal).await => {
            try_challenge(shared, info, request).await
        }
        outcome => outcome,
    }
}

async fn try_challenge(
    shared: &Arc<Blackboard>,
    info: &ConnectionInfo,
    request: ChallengeRequest,
) -> Result<Challenge, Problem> {
    let now = shared.clock.now();
    let ring = shared.sealing.ring_to_seal(now).await;
    let lane = shared.people.remembers(&request.certificate);
    let blackboard = Arc::clone(shared);
    shared
        .gate
        .pass(info.peer.ip().into(), lane, move || {
            let person = blackboard
                .people
                .verify(&request.certificate, now)
                .map_err(|error| error::untrusted(&error))?;
            blackboard.revocations.admit(&person, now)?;
            let (origin, rng) = (&blackboard.origin, &mut system_rng());
            let (challenge, fingerprint) =
                blackboard::challenge(origin, &request, &person, &ring, now, rng)
                    .map_err(|error| error::no_challenge(&error))?;
            blackboard.counters.challenges.inc();
            let id = person.id().clone();
            let serial = person.serial().to_string();
            blackboard.tell(Event::CertificateVerified { id: id.clone(), serial });
            let expires_at = challenge.expires_at;
            blackboard.tell(Event::SessionKeySealed { id, fingerprint, expires_at });
            Ok(challenge)
        })
        .await
}

async fn open_session(
    blackboard: &Blackboard,
    request: Request,
) -> Result<(SessionAnswer, PersonId), Problem> {
    Standing::admit(request.extensions())?;
    let request: SessionRequest = message(blackboard, request).await?;
    let now = blackboard.clock.now();
    let open =
        |ring: &_| ExpectConfirmation::open(&request.challenge, &blackboard.origin, ring, now);
    let waiting = blackboard.sealing.open_token(now, open, error::challenge_token).await?;
    let ring = blackboard.sealing.ring_to_seal(now).await;
    let own = blackboard.own.current();
    let (answer, session) = waiting
        .confirm(&request.confirmation, &own.identity, &ring, now, &mut system_rng())
        .map_err(|error| error::not_confirmed(&error))?;
    blackboard.counters.sessions.inc();
    let (id, expires_at) = (session.person().clone(), session.expires_at());
    blackboard.tell(Event::SessionOpened { id: id.clone(), expires_at });
    Ok((answer, id))
}

/// Reads a message in JSON.
async fn message<T: DeserializeOwned>(
    blackboard: &Blackboard,
    request: Request,
) -> Result<T, Problem> {
    let (parts, body) = request.into_parts();
    MediaType::Json.check(&parts.headers)?;
    let body = read_body(&parts.headers, body, MAX_JSON, blackboard.body_timeout).await?;
    json::from_slice(&body).map_err(|error| error::unreadable(&error))
}

fn answer<T: Serialize>(
    blackboard: &Blackboard,
    info: &ConnectionInfo,
    outcome: Result<T, Problem>,
) -> Response {
    let outcome = outcome
        .and_then(|message| serde_json::to_vec(&message).map_err(|error| error::internal(&error)));
    match outcome {
        Ok(content) => {
            (StatusCode::CREATED, [(header::CONTENT_TYPE, JSON)], content).into_response()
        }
        Err(problem) => refused(blackboard, info.into(), None, &problem),
    }
}

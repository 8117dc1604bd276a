//! Step 6: handing in (PROTOCOL.md §9).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use bytes::Bytes;
use claim_core::claim::LogEntry;
use claim_core::hand_in::{ClaimState, MAX_WAIT_SECONDS, OCTETS, PieceRef, ZIP};
use claim_core::outage::OutageClaim;
use claim_core::receipt::{Parts, RevocationLists, assemble};
use claim_core::{Digest, Problem, ProblemType, json};
use claim_http::{AtWork, ConnectionInfo};
use claim_pki::{ContentType, SignedData, TimestampToken};
use claim_store::blackboard::{ClaimRow, EntryKind};
use http::StatusCode;
use tokio::time::{Instant, timeout_at};

use crate::authenticated::{Counted, Reply, Takes, authenticated};
use crate::blackboard::Blackboard;
use crate::error;
use crate::evidence::Evidence;
use crate::lodging::{
    self, own_claim, readable_claim, readable_outline, sendable_outline, status_of,
};
use crate::media::MediaType;
use crate::offers;

/// The largest signed claim, in bytes.
pub(super) const MAX_CLAIM: usize = SignedData::MAX_SIZE;

/// The largest signed claim with CUHK's timestamp, both in base64, in bytes.
pub(super) const MAX_OUTAGE: usize =
    (SignedData::MAX_SIZE + TimestampToken::MAX_SIZE) / 3 * 4 + 1024;

/// The largest signed withdrawal, in bytes.
pub(super) const MAX_WITHDRAWAL: usize = 256 * 1024;

/// The largest piece of a file, in bytes.
pub(super) const MAX_PIECE: usize = 4 * 1024 * 1024;

type Shared = State<Arc<Blackboard>>;
type Info = Extension<ConnectionInfo>;

/// `GET /v1/assignments`.
pub(crate) async fn assignments(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let shared = &blackboard;
    let handle = |Counted { request, .. }: Counted| async move {
        let answer = offers::list(shared, request.person()).await?;
        Reply::json(StatusCode::OK, &answer)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `POST /v1/claims`.
pub(crate) async fn lodge(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let takes = Takes { media_type: MediaType::Cms, max: MAX_CLAIM };
    let shared = &blackboard;
    let handle = |Counted { request, content }: Counted| async move {
        let content = content.into_bytes();
        let (first, status) = lodging::lodge(shared, request.person(), content, None).await?;
        Reply::json(if first { StatusCode::CREATED } else { StatusCode::OK }, &status)
    };
    authenticated(&blackboard, (&info).into(), request, takes, handle).await
}

/// `POST /v1/outages`.
pub(crate) async fn lodge_stamped(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let takes = Takes { media_type: MediaType::Json, max: MAX_OUTAGE };
    let shared = &blackboard;
    let handle = |Counted { request, content }: Counted| async move {
        let OutageClaim { claim, timestamp } = json::from_slice(&content.into_bytes())
            .map_err(|error| Problem::new(ProblemType::MalformedRequest, error))?;
        let (first, status) =
            lodging::lodge(shared, request.person(), claim.into(), Some(timestamp)).await?;
        Reply::json(if first { StatusCode::CREATED } else { StatusCode::OK }, &status)
    };
    authenticated(&blackboard, (&info).into(), request, takes, handle).await
}

/// `GET /v1/claims/{id}`.
pub(crate) async fn state(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, &Address::of(&request));
    let handle = |Counted { request, .. }: Counted| async move {
        let row = readable_claim(shared, request.person(), &at.claim).await?;
        Reply::json(StatusCode::OK, &status_of(shared, &row).await?)
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `PUT /v1/claims/{id}/files/{n}/{index}`.
pub(crate) async fn put_piece(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, &Address::of(&request));
    let takes = Takes { media_type: MediaType::Octets, max: MAX_PIECE };
    let handle = |Counted { request, content }: Counted| async move {
        let row = sendable_outline(shared, request.person(), &at.claim).await?;
        let piece = at.piece.ok_or_else(lodging::no_piece)?;
        let digest = request.content_digest();
        let awaited =
            lodging::keep_piece(shared, &row, piece, digest, content.into_parts()).await?;
        Ok(Reply::done().forgiven(awaited))
    };
    authenticated(&blackboard, (&info).into(), request, takes, handle).await
}

/// `GET` of the same address.
pub(crate) async fn get_piece(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, &Address::of(&request));
    let handle = |Counted { request, .. }: Counted| async move {
        let row = readable_outline(shared, request.person(), &at.claim).await?;
        let piece = at.piece.ok_or_else(lodging::no_piece)?;
        let content = lodging::piece(shared, row.id, piece).await?;
        Ok(Reply::new(StatusCode::OK, OCTETS, content))
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `GET /v1/claims/{id}/receipt`.
pub(crate) async fn receipt(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, &Address::of(&request));
    let at_work = &AtWork::of(request.extensions());
    let handle = |Counted { request, .. }: Counted| async move {
        let row = readable_claim(shared, request.person(), &at.claim).await?;
        let content = wait_for_receipt(shared, row, at.wait, at_work.as_ref()).await?;
        Ok(Reply::new(StatusCode::OK, ZIP, content))
    };
    authenticated(&blackboard, (&info).into(), request, Takes::NOTHING, handle).await
}

/// `POST /v1/claims/{id}/withdrawal`.
pub(crate) async fn withdraw(
    State(blackboard): Shared,
    Extension(info): Info,
    request: Request,
) -> Response {
    let (shared, at) = (&blackboard, &Address::of(&request));
    let takes = Takes { media_type: MediaType::Cms, max: MAX_WITHDRAWAL };
    let handle = |Counted { request, content }: Counted| async move {
        let row = own_claim(shared, request.person(), &at.claim).await?;
        let status =
            lodging::withdraw(shared, request.person(), &row, content.into_bytes()).await?;
        Reply::json(StatusCode::OK, &status)
    };
    authenticated(&blackboard, (&info).into(), request, takes, handle).await
}

/// What the address of a claim says. It is read by hand, so that whatever stands there gets a signed answer.
struct Address {
    claim: String,
    piece: Option<PieceRef>,
    wait: Duration,
}

impl Address {
    fn of(request: &Request) -> Self {
        // `/v1/claims/{id}[/files/{n}/{index}]`
        let mut segments = request.uri().path().split('/').skip(3);
        let claim = segments.next().unwrap_or_default().to_owned();
        let piece = match (segments.next(), segments.next(), segments.next()) {
            (Some("files"), Some(file), Some(index)) => PieceRef::from_segments(file, index),
            _ => None,
        };
        let wait = request.uri().query().and_then(|query| query.strip_prefix("wait="));
        let wait = wait.and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
        Self { claim, piece, wait: Duration::from_secs(wait.min(MAX_WAIT_SECONDS)) }
    }
}

/// The receipt as far as it goes; waits for the part that is due. Whoever waits is woken by every checkpoint, so looking
/// must cost little.
async fn wait_for_receipt(
    blackboard: &Blackboard,
    mut row: ClaimRow,
    wait: Duration,
    at_work: Option<&AtWork>,
) -> Result<Bytes, Problem> {
    let deadline = Instant::now() + wait;
    let evidence = blackboard.evidence()?;
    let mut cosigned = blackboard.log.watch_cosigned();
    loop {
        cosigned.mark_unchanged();
        let due = match row.state {
            ClaimState::Received => EntryKind::Received,
            _ => EntryKind::Lodged,
        };
        let there = blackboard.log.is_settled(row.id, due).await;
        let there = there.map_err(|error| error::internal(&error))?;
        let pause = at_work.map(AtWork::pause);
        let ends = there || timeout_at(deadline, cosigned.changed()).await.is_err();
        drop(pause);
        if ends {
            return make_receipt(blackboard, &evidence, &row).await;
        }
        if due == EntryKind::Lodged {
            // Meanwhile its files may have come.
            let stored = blackboard.store.claim(row.id).await;
            row = stored.map_err(|error| error::storage(&error))?.unwrap_or(row);
        }
    }
}

/// The receipt, with the proofs that can be made.
async fn make_receipt(
    blackboard: &Blackboard,
    evidence: &Evidence,
    row: &ClaimRow,
) -> Result<Bytes, Problem> {
    let proof_of = |entry| async move {
        let proof = blackboard.log.proof(evidence, &entry).await;
        proof.map_err(|error| error::internal(&error))
    };
    let (timestamp, revocation) = (Digest::of(&row.token), Digest::of(&row.revocation));
    let lodged = proof_of(LogEntry::Lodged { claim: row.id, timestamp, revocation }).await?;
    let received = match row.state {
        ClaimState::Received => proof_of(LogEntry::Received { claim: row.id }).await?,
        _ => None,
    };
    let certificates: Vec<_> =
        blackboard.log.witnesses.met().iter().map(|met| met.certificate.clone()).collect();
    let signed = SignedData::from_der(ContentType::Claim, &row.cms)
        .map_err(|error| error::internal(&error))?;
    let token = TimestampToken::from_der(&row.token).map_err(|error| error::internal(&error))?;
    let outage = row.outage.as_ref().map(|stamp| TimestampToken::from_der(&stamp.token));
    let outage = outage.transpose().map_err(|error| error::internal(&error))?;
    let lists =
        RevocationLists::from_slice(&row.revocation).map_err(|error| error::internal(&error))?;
    let container = assemble(&Parts {
        claim: &signed,
        token: &token,
        outage: outage.as_ref(),
        revocation: &lists,
        log: &evidence.log_certificate,
        witnesses: &certificates,
        lodged: lodged.as_ref(),
        received: received.as_ref(),
    });
    let container = container.map_err(|error| error::internal(&error))?;
    Ok(Bytes::from(container.to_zip()))
}

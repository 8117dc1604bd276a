//! A server that does Blackboard's part of steps 4 and 5 with what it has: a session key of its own, and a key that
//! CUHK certified for something else.

use std::sync::Arc;

use anyhow::{Result, bail};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use claim_core::blackboard::{ExpectConfirmation, Identity, challenge};
use claim_core::messages::{ChallengeRequest, JSON, SessionRequest};
use claim_core::ring::{Period, Ring, SealingKey};
use claim_http::{Answer, system_rng};
use claim_pki::Root;
use serde::Serialize;

use super::super::wire;

/// A false Blackboard.
#[derive(Debug)]
pub(crate) struct Impostor {
    identity: Identity,
    root: Arc<Root>,
    ring: Ring,
}

impl Impostor {
    /// With the origin it pretends to have, the certificate it shows, and the key it has.
    pub(crate) fn new(identity: Identity, root: Arc<Root>) -> Self {
        let now = wire::now();
        let period = Period { from: now.plus_seconds(-60), until: now.plus_seconds(3600) };
        let key = SealingKey::generate(period, &mut system_rng());
        Self { identity, root, ring: Ring::new(vec![key]) }
    }

    /// Steps 4 and 5, exactly as Blackboard does them.
    pub(crate) fn answer(&self, path: &str, body: &[u8]) -> Result<Answer> {
        let Self { identity, root, ring } = self;
        let (now, rng) = (wire::now(), &mut system_rng());
        match path {
            "/v1/challenges" => {
                let request: ChallengeRequest = serde_json::from_slice(body)?;
                let person = root.verify_person(&request.certificate.certificates(), now)?;
                let (answer, _) = challenge(&identity.origin, &request, &person, ring, now, rng)?;
                created(&answer)
            }
            "/v1/sessions" => {
                let SessionRequest { challenge, confirmation } = serde_json::from_slice(body)?;
                let open = ExpectConfirmation::open(&challenge, &identity.origin, ring, now)?;
                let (answer, _) = open.confirm(&confirmation, identity, ring, now, rng)?;
                created(&answer)
            }
            _ => bail!("the false Blackboard has no answer for {path}"),
        }
    }
}

fn created(message: &impl Serialize) -> Result<Answer> {
    let body = serde_json::to_vec(message)?.into();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    Ok(Answer { status: StatusCode::CREATED, headers, body })
}

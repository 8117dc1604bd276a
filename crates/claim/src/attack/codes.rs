//! One-time codes: a CUHK with a roster, an invitation, and two keys that want it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use claim_core::PersonId;
use claim_core::invitation::{Invitation, Invitee};
use claim_cuhk::{Config, Office};
use claim_http::{Clock, PKCS10, ServerTrust, encode_est_body, https_client, send, simple_enroll};
use claim_pki::{Certificate, Root, SigningKey, Subject, certification_request};

use super::scene::Scene;
use super::serving::Serving;
use super::verdict::Outcome;
use super::wire::{self, MAX_ANSWER};

/// Whom the invitation is for.
const INVITED: &str = "1155888888";

/// An invitation that has enrolled its key.
///
/// The demonstration's own CUHK takes any code for any student ID, so this is at a second one, which does not.
pub(super) struct UsedCode {
    client: reqwest::Client,
    id: PersonId,
    invitation: Invitation,
    key: SigningKey,
    certificate: Certificate,
    serving: Serving,
}

impl UsedCode {
    /// Makes a real CUHK in the folder, invites a student and enrols.
    pub(super) async fn make(folder: &Path, timeout: Duration) -> Result<Self> {
        let dir = folder.join("cuhk");
        let made = claim_cuhk::init(&dir, None, None, &Clock::system()).await?;
        let config = Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into()], ..Config::new(&dir) };
        let cuhk = claim_cuhk::start(config, Arc::new(|_| {})).await?;
        let origin = cuhk.origin().clone();
        let serving = Serving::start(|told| async move {
            cuhk.run(told.wait()).await;
        });

        let id: PersonId = INVITED.parse()?;
        let office = Office::open(&dir, None, Clock::system()).await?;
        let invited = office.invite(Invitee::Person(id.clone()), None, Some(origin.clone())).await;
        office.close().await;
        let invitation = invited?;

        let root = std::fs::read_to_string(&made.certificate).context("cannot read the root")?;
        let root = Arc::new(Root::from_pem(&root)?);
        let client = https_client(&ServerTrust::CuhkServer { root, origin }, None, timeout)?;
        let key = SigningKey::generate()?;
        let certificate = enrol(&client, &id, &invitation, &key).await?;
        Ok(Self { client, id, invitation, key, certificate, serving })
    }

    pub(super) async fn stop(self) {
        self.serving.stop().await;
    }
}

/// Another key with the same code.
pub(super) async fn second_key(scene: &Scene) -> Result<Outcome> {
    let UsedCode { client, id, invitation, .. } = &scene.code;
    let request = request(id, &SigningKey::generate()?)?;
    let request = client
        .post(invitation.cuhk.join("/.well-known/est/simpleenroll"))
        .basic_auth(invitation.invitee.user_id(), Some(invitation.code.expose()))
        .header("content-type", PKCS10)
        .body(encode_est_body(&request));
    Ok(wire::outcome(&send(request, MAX_ANSWER).await?))
}

/// The valid neighbour: the key that used the code, which lost the answer.
pub(super) async fn same_key(scene: &Scene) -> Result<String> {
    let UsedCode { client, id, invitation, key, certificate: first, .. } = &scene.code;
    let again = enrol(client, id, invitation, key).await?;
    if again.der() != first.der() {
        bail!("certificate {} came after {}", again.serial(), first.serial());
    }
    Ok(format!("certificate {}, both times", first.serial()))
}

async fn enrol(
    client: &reqwest::Client,
    id: &PersonId,
    invitation: &Invitation,
    key: &SigningKey,
) -> Result<Certificate> {
    let Invitation { cuhk, invitee, code, .. } = invitation;
    Ok(simple_enroll(client, cuhk, invitee, code, &request(id, key)?).await?)
}

fn request(id: &PersonId, key: &SigningKey) -> Result<Vec<u8>> {
    let subject = Subject::Person { id: id.clone(), name: None };
    Ok(certification_request(key, &subject)?)
}

//! What the attacker has and has set up.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use claim_core::invitation::{Code, Invitation, Invitee};
use claim_core::messages::Chain;
use claim_core::student::Credential;
use claim_core::{Origin, PersonId, Sid};
use claim_http::{ServerTrust, https_client, simple_enroll, system_rng};
use claim_pki::{Certificate, Issuer, SigningKey, Subject, certification_request};
use claim_student::Wallet;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::codes::UsedCode;
use super::middle::{Front, Middle};
use crate::stage::Stage;

/// For one request and its answer.
const EXCHANGE: Duration = Duration::from_secs(5);

/// The attacker's own SIDs: the first that is not the victim's.
const ATTACKERS: [&str; 2] = ["1155666666", "1155777777"];

/// Everything that the attacks are played with.
pub(super) struct Scene {
    pub(super) stage: Stage,
    /// An HTTPS client that trusts `cuhk.cer`, as everybody's.
    pub(super) client: reqwest::Client,
    /// CUHK's issuing key and certificate, from the demonstration's folder.
    pub(super) issuing: Issuer,
    /// The student's key and certificate, from the folder: to sign what is then tampered with.
    pub(super) victim: Credential,
    /// The attacker is a student too, honestly enrolled.
    pub(super) attacker: Credential,
    /// The attacker's server at an address of its own, in front of the demonstration's Blackboard.
    pub(super) relay: Middle,
    /// A Blackboard whose TLS connections end at the attacker's server.
    pub(super) front: Front,
    /// A code that has enrolled its key, at a CUHK with a roster.
    pub(super) code: UsedCode,
    // Goes last: the servers above keep files in it.
    folder: TempDir,
}

/// A server's certificate with its issuer's, and its key.
pub(super) struct Certified {
    pub(super) origin: Origin,
    pub(super) certificates: Vec<Certificate>,
    pub(super) key: SigningKey,
}

impl Scene {
    /// Enrols the attacker and starts the servers in the middle.
    pub(super) async fn set_up(stage: &Stage) -> Result<Self> {
        let client = https_client(&ServerTrust::Root(Arc::clone(&stage.root)), None, EXCHANGE)?;
        let issuing = issuer(&stage.dir)?;
        let victim = victim(stage)?;
        let folder = tempfile::Builder::new()
            .prefix("attack-")
            .tempdir_in(&stage.dir)
            .context("cannot make a folder for the attacker")?;
        let attacker = enrolled_attacker(stage, &client, issuing.certificate()).await?;
        let relay = Middle::relay(stage, &client, issuing.certificate()).await?;
        let front = Front::start(stage, &client, folder.path(), &relay, &attacker).await?;
        let code = UsedCode::make(folder.path(), EXCHANGE).await?;
        let stage = stage.clone();
        Ok(Self { stage, client, issuing, victim, attacker, relay, front, code, folder })
    }

    /// Stops the attacker's servers and removes their files.
    pub(super) async fn stop(self) {
        let Self { relay, front, code, folder, .. } = self;
        tokio::join!(relay.stop(), front.stop(), code.stop());
        if let Err(error) = folder.close() {
            tracing::warn!(%error, "the attacker's folder could not be removed");
        }
    }
}

/// Takes a free port on this machine; returns also the origin that leads there.
pub(super) async fn free_port() -> Result<(TcpListener, Origin)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    Ok((listener, Origin::from_user(&format!("https://localhost:{port}"))?))
}

/// Lets CUHK certify a server, as it does for any on this machine in a local demonstration.
pub(super) async fn certified_server(
    stage: &Stage,
    client: &reqwest::Client,
    issuing: &Certificate,
    origin: Origin,
) -> Result<Certified> {
    let path = stage.dir.join("blackboard.invite");
    let invitation: Invitation = read(&path)?.parse()?;
    let key = SigningKey::generate()?;
    let request = certification_request(&key, &Subject::Server { origin: origin.clone() })?;
    let invitee = Invitee::Server(origin.clone());
    let leaf = simple_enroll(client, &stage.cuhk, &invitee, &invitation.code, &request).await?;
    Ok(Certified { origin, certificates: vec![leaf, issuing.clone()], key })
}

/// The chain of a leaf, as messages carry it.
pub(super) fn chain(certificates: &[Certificate]) -> Result<Chain> {
    Ok(Chain::new(certificates.iter().map(|one| one.der().to_vec()).collect())?)
}

/// CUHK certifies any student ID in a local demonstration; this is one of another student's.
async fn enrolled_attacker(
    stage: &Stage,
    client: &reqwest::Client,
    issuing: &Certificate,
) -> Result<Credential> {
    let other = ATTACKERS.into_iter().find(|sid| *sid != stage.sid.as_str());
    let sid: Sid = other.context("no SID is left for the attacker")?.parse()?;
    let id = PersonId::from(sid);
    let key = SigningKey::generate()?;
    let request = certification_request(&key, &Subject::Person { id: id.clone(), name: None })?;
    let (invitee, code) = (Invitee::Person(id.clone()), Code::random(&mut system_rng()));
    let leaf = simple_enroll(client, &stage.cuhk, &invitee, &code, &request).await?;
    Ok(Credential { id, chain: chain(&[leaf, issuing.clone()])?, key })
}

/// The student of the demonstration.
pub(super) fn victim(stage: &Stage) -> Result<Credential> {
    let wallet = Wallet::new(&stage.dir, None);
    let id = PersonId::from(stage.sid.clone());
    let key = SigningKey::from_pkcs8_pem(&read(&wallet.key_path(&id))?)?;
    let certificates = Certificate::chain_from_pem(&read(&wallet.certificate_path(&id))?)?;
    Ok(Credential { id, chain: chain(&certificates)?, key })
}

fn issuer(dir: &Path) -> Result<Issuer> {
    let certificate = Certificate::from_pem(&read(&dir.join("cuhk-issuing.cer"))?)?;
    let key = SigningKey::from_pkcs8_pem(&read(&dir.join("cuhk-issuing.key"))?)?;
    Ok(Issuer::new(certificate, key)?)
}

/// A file of the demonstration's folder, which may be a key.
pub(super) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

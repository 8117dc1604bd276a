//! A witness of somebody's own: its key is made, certified, and cosigns the log; it breaks at its points, and must neither
//! forget what it has cosigned nor sign with a key of which it knows nothing.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use claim_core::Origin;
use claim_http::{Answer, ServerTrust, https_client, send};
use claim_log::note::NoteSignature;
use claim_log::witness::{AddCheckpoint, conflicting_size};
use claim_log::{ConsistencyProof, Resource, SignedCheckpoint, TreeSize, WitnessKey};
use claim_pki::{Certificate, WitnessRequest};
use claim_store::Point;

use crate::order::{Action, Order};
use crate::process::{PATIENCE, Process, Said};
use crate::wire::{now, shown};
use crate::world::{Scene, Side, free_port};

/// What the witness says when it only lacks its certificate.
const NOT_CERTIFIED: &str = "has not certified";

/// The longest answer of a witness, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Setting up a witness and having it cosign.
pub struct Witness {
    name: String,
    dir: PathBuf,
    port: u16,
    /// What breaks when it makes its key, and what when it cosigns.
    orders: [Option<Order>; 2],
    hit: [bool; 2],
    shown: Option<SignedCheckpoint>,
    cosigned: bool,
}

impl Witness {
    /// A new one of this number; it breaks when it makes its key and, in the same way, when it first cosigns.
    ///
    /// # Errors
    /// When there can be no folder.
    pub fn new(scene: &Scene, number: u64, order: Order) -> Result<Self> {
        let name = format!("witness-{number}.example");
        let dir = scene.aside(&name);
        std::fs::create_dir(&dir)?;
        std::fs::copy(scene.dir(Side::Cuhk).join("cuhk.cer"), dir.join("cuhk.cer"))?;
        let orders = [Some(order), Some(Order { point: Point::Witness, ..order })];
        let (port, hit) = (free_port()?, [false, false]);
        Ok(Self { name, dir, port, orders, hit, shown: None, cosigned: false })
    }

    /// Whether the first order was carried out; that the second was, its last step sees to.
    pub fn was_hit(&self) -> bool {
        self.hit[0]
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        if !self.dir.join("witness.cer").exists() {
            self.be_certified(scene).await?;
        }
        if !self.cosigned {
            self.cosign(scene).await?;
        }
        self.remember(scene).await
    }

    /// Starts it until it only lacks its certificate, and has that made.
    async fn be_certified(&mut self, scene: &Scene) -> Result<()> {
        let order = self.orders[0].take();
        let mut process = self.start(scene, order)?;
        loop {
            match process.next().await? {
                Said::Hit => {
                    self.hit[0] = true;
                    if order.is_some_and(|order| order.action == Action::Stop) {
                        process.kill().await?;
                        bail!("killed");
                    }
                }
                Said::Failed(text) if text.contains(NOT_CERTIFIED) => break,
                said => bail!("{said:?}"),
            }
        }
        let request =
            WitnessRequest::from_bytes(&std::fs::read(self.dir.join("witness.request"))?)?;
        let certificate = scene.office.certify_witness(&request).await?;
        Ok(std::fs::write(self.dir.join("witness.cer"), certificate.to_pem())?)
    }

    /// Has it cosign a checkpoint of the log, the same one each time.
    async fn cosign(&mut self, scene: &Scene) -> Result<()> {
        let checkpoint = match &self.shown {
            Some(shown) => shown.clone(),
            None => {
                let path = format!("/log/{}", Resource::Checkpoint);
                let octets = scene.blackboard.fetch(&path).await?.body;
                self.shown.insert(SignedCheckpoint::from_bytes(&octets)?).clone()
            }
        };
        let order = self.orders[1].take();
        let mut process = self.serving(scene, order).await?;
        let answer = {
            let mut asked = std::pin::pin!(self.show_as_a_log_does(&checkpoint));
            loop {
                tokio::select! {
                    said = process.next() => match said? {
                        Said::Hit if order.is_some_and(|order| order.action == Action::Stop) => break None,
                        Said::Hit => {}
                        said => bail!("{said:?}"),
                    },
                    answer = &mut asked => break Some(answer),
                }
            }
        };
        self.hit[1] |= order.is_some();
        process.kill().await?;
        let answer = answer.ok_or_else(|| anyhow!("killed"))??;
        if !answer.status.is_success() {
            bail!("{}", shown(&answer));
        }
        let key = self.key(scene)?;
        if !is_cosigned(&checkpoint, &answer, &key) {
            bail!("WRONG: {} has not cosigned with its key: {}", self.name, shown(&answer));
        }
        self.cosigned = true;
        Ok(())
    }

    /// After another start it knows what it has cosigned.
    async fn remember(&self, scene: &Scene) -> Result<()> {
        let Some(cosigned) = &self.shown else { bail!("it has cosigned nothing") };
        if !self.hit[1] {
            bail!("WRONG: it has cosigned, and its point was not reached");
        }
        let process = self.serving(scene, None).await?;
        let answer = self.show(cosigned, TreeSize::ZERO).await;
        process.kill().await?;
        let answer = answer?;
        let known = conflicting_size(&answer.body);
        if known != Some(cosigned.unverified().head().size) {
            bail!("WRONG: {} has forgotten what it cosigned: {}", self.name, shown(&answer));
        }
        Ok(())
    }

    async fn serving(&self, scene: &Scene, order: Option<Order>) -> Result<Process> {
        let mut process = self.start(scene, order)?;
        match process.next().await? {
            Said::Listening => Ok(process),
            said => bail!("WRONG: {} does not serve with its certificate: {said:?}", self.name),
        }
    }

    fn start(&self, scene: &Scene, order: Option<Order>) -> Result<Process> {
        let logs = scene.dir(Side::Blackboard).join("blackboard.answer").display().to_string();
        let (dir, port) = (self.dir.display().to_string(), self.port.to_string());
        let order = order.map(|order| order.to_string());
        let mut arguments = vec!["witness", "--dir", &dir, "--port", &port];
        arguments.extend(["--name", &self.name, "--logs", &logs]);
        arguments.extend(order.iter().flat_map(|order| ["--order", order]));
        Process::start(&[], &scene.program, &arguments)
    }

    /// Shows it a checkpoint as the first of the log; where it has cosigned that one before, as the next after that.
    async fn show_as_a_log_does(&self, checkpoint: &SignedCheckpoint) -> Result<Answer> {
        let answer = self.show(checkpoint, TreeSize::ZERO).await?;
        match conflicting_size(&answer.body) {
            Some(known) if known == checkpoint.unverified().head().size => {
                self.show(checkpoint, known).await
            }
            _ => Ok(answer),
        }
    }

    async fn show(&self, checkpoint: &SignedCheckpoint, old: TreeSize) -> Result<Answer> {
        let client = https_client(&ServerTrust::Unverified, None, PATIENCE)?;
        let origin = Origin::from_user(&format!("https://localhost:{}", self.port))?;
        let body = AddCheckpoint::new(old, ConsistencyProof::empty(), checkpoint.clone());
        let url = origin.join("/witness/add-checkpoint");
        Ok(send(client.post(url).body(body.to_bytes()), MAX_ANSWER).await?)
    }

    /// The key that the root has certified.
    fn key(&self, scene: &Scene) -> Result<WitnessKey> {
        let pem = std::fs::read_to_string(self.dir.join("witness.cer"))?;
        let witness = scene.root.verify_witness(Certificate::from_pem(&pem)?.der(), now())?;
        let name = witness.name().as_str().parse().context("its name")?;
        Ok(WitnessKey::new(name, *witness.public_key().as_bytes()))
    }
}

fn is_cosigned(checkpoint: &SignedCheckpoint, answer: &Answer, key: &WitnessKey) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    let signatures = text.lines().filter_map(|line| line.parse::<NoteSignature>().ok());
    let mut cosigned = signatures.filter_map(|one| checkpoint.clone().with_signature(one).ok());
    cosigned.any(|one| one.cosigned(std::slice::from_ref(key)).is_ok_and(|all| !all.is_empty()))
}

//! What staff does at the records of a server, in a process of its own that breaks.

use anyhow::{Result, bail};
use claim_core::Sid;
use claim_core::invitation::Invitation;

use crate::order::{Action, Order};
use crate::process::{Process, Said};
use crate::world::{Scene, Side};

/// Inviting somebody.
pub struct Invite {
    sid: Sid,
    order: Option<Order>,
    hit: bool,
}

/// Importing a roster.
pub struct Import {
    sid: Sid,
    order: Option<Order>,
    hit: bool,
}

/// Revoking a certificate.
pub struct Revoke {
    serial: String,
    order: Option<Order>,
    hit: bool,
}

/// Saying that Blackboard could not be reached.
pub struct AllowOutage {
    since: i64,
    until: i64,
    order: Option<Order>,
    hit: bool,
}

impl AllowOutage {
    /// From then until then, in milliseconds; the first attempt has the order.
    pub fn new(since: i64, until: i64, order: Order) -> Self {
        Self { since, until, order: Some(order), hit: false }
    }

    /// Whether the order was carried out.
    pub fn was_hit(&self) -> bool {
        self.hit
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let (since, until) = (self.since.to_string(), self.until.to_string());
        let mut arguments = vec!["allow-outage", "--since", &since, "--until", &until];
        arguments.extend(
            scene.elsewhere(Side::Blackboard).into_iter().flat_map(|url| ["--database", url]),
        );
        staff(scene, Side::Blackboard, &arguments, self.order.take(), &mut self.hit).await?;
        scene.record().allowed.insert((self.since, self.until));
        Ok(())
    }
}

impl Invite {
    /// A new student; the first attempt has the order.
    ///
    /// # Errors
    /// Never, in fact.
    pub fn new(scene: &Scene, order: Order) -> Result<Self> {
        Ok(Self { sid: scene.new_sid()?, order: Some(order), hit: false })
    }

    /// Whether the order was carried out.
    pub fn was_hit(&self) -> bool {
        self.hit
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let arguments = ["invite", "--sid", self.sid.as_str()];
        let line = staff(scene, Side::Cuhk, &arguments, self.order.take(), &mut self.hit).await?;
        let invitation: Invitation = line.parse()?;
        scene.record().invited.insert(invitation.code.hash(&invitation.invitee));
        Ok(())
    }
}

impl Import {
    /// A new student; the first attempt has the order.
    ///
    /// # Errors
    /// Never, in fact.
    pub fn new(scene: &Scene, order: Order) -> Result<Self> {
        Ok(Self { sid: scene.new_sid()?, order: Some(order), hit: false })
    }

    /// Whether the order was carried out.
    pub fn was_hit(&self) -> bool {
        self.hit
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let arguments = ["roster", "--sid", self.sid.as_str()];
        staff(scene, Side::Cuhk, &arguments, self.order.take(), &mut self.hit).await?;
        scene.record().rostered.insert(self.sid.to_string());
        Ok(())
    }
}

impl Revoke {
    /// This certificate; the first attempt has the order.
    pub fn new(scene: &Scene, serial: String, order: Order) -> Self {
        scene.record().to_be_revoked.insert(serial.clone());
        Self { serial, order: Some(order), hit: false }
    }

    /// Whether the order was carried out.
    pub fn was_hit(&self) -> bool {
        self.hit
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let arguments = ["revoke", "--serial", &self.serial];
        staff(scene, Side::Cuhk, &arguments, self.order.take(), &mut self.hit).await?;
        scene.record().revoked.insert(self.serial.clone());
        Ok(())
    }
}

/// Does it in a process of its own, which is killed where the order stops it.
async fn staff(
    scene: &Scene,
    side: Side,
    arguments: &[&str],
    order: Option<Order>,
    hit: &mut bool,
) -> Result<String> {
    let dir = scene.dir(side).display().to_string();
    let text = order.map(|order| order.to_string());
    let mut arguments = [arguments, &["--dir", &dir]].concat();
    if let Some(text) = &text {
        arguments.extend(["--order", text]);
    }
    let mut process = Process::start(&[], &scene.program, &arguments)?;
    loop {
        match process.next().await? {
            Said::Hit => {
                *hit = true;
                if order.is_some_and(|order| order.action == Action::Stop) {
                    process.kill().await?;
                    bail!("killed");
                }
            }
            Said::Done(text) => return Ok(text),
            Said::Failed(text) => bail!("{text}"),
            Said::Listening => {}
            Said::Ended => bail!("it ended without a word"),
        }
    }
}

//! A Blackboard whose public address belongs to somebody's TLS proxy, as schools have them; and that is the attacker.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use claim_blackboard::Config;
use claim_core::Origin;
use claim_core::blackboard::Identity;
use claim_core::student::Credential;

use super::super::scene::{Certified, chain, free_port};
use super::super::serving::Serving;
use super::super::wire;
use super::impostor::Impostor;
use super::server::Middle;
use crate::stage::Stage;

/// A genuine Blackboard, of the demonstration's own CUHK, and the attacker's server at its public address.
///
/// The demonstration's Blackboard ends its TLS itself, so that on one machine nobody can come between it and
/// the student; this one is there to have a place in between.
pub(crate) struct Front {
    middle: Middle,
    blackboard: Serving,
    own_certificate: Arc<Impostor>,
    borrowed_certificate: Arc<Impostor>,
}

impl Front {
    /// Starts both. The attacker's TLS certificate is that of its relay: good for this host, and for another origin.
    pub(crate) async fn start(
        stage: &Stage,
        client: &reqwest::Client,
        folder: &Path,
        relay: &Middle,
        attacker: &Credential,
    ) -> Result<Self> {
        let (listener, origin) = free_port().await?;
        let config = Config {
            listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
            public_url: Some(origin.clone()),
            root: Some(stage.dir.join("cuhk.cer")),
            invite_file: Some(stage.dir.join("blackboard.invite")),
            ..Config::new(folder.join("blackboard"), stage.cuhk.clone())
        };
        std::fs::create_dir_all(&config.dir)?;
        let blackboard = claim_blackboard::start(config, Arc::new(|_| {})).await?;
        let address = blackboard.addresses().first().context("Blackboard listens nowhere")?;
        let upstream = Origin::from_user(&format!("https://localhost:{}", address.port()))?;
        let blackboard = Serving::start(|told| async move {
            blackboard.run(told.wait()).await;
        });
        let middle = Middle::start(listener, origin.clone(), upstream, relay.certified()?, client)?;

        // The attacker is a student, and Blackboard shows each of them its certificate.
        let opened = wire::open_session(client, &origin, attacker, &stage.root).await;
        let (_, answer) = opened.context("an honest session through the attacker's server")?;
        let Certified { certificates, key, .. } = relay.certified()?;
        let own = Identity { origin: origin.clone(), chain: chain(&certificates)?, key };
        let Certified { key, .. } = relay.certified()?;
        let borrowed = Identity { origin, chain: answer.certificate, key };
        let impostor = |identity| Arc::new(Impostor::new(identity, Arc::clone(&stage.root)));
        Ok(Self {
            middle,
            blackboard,
            own_certificate: impostor(own),
            borrowed_certificate: impostor(borrowed),
        })
    }

    /// The public address, by which the students know this Blackboard.
    pub(crate) fn origin(&self) -> &Origin {
        self.middle.origin()
    }

    /// The attacker's server.
    pub(crate) fn middle(&self) -> &Middle {
        &self.middle
    }

    /// Shows the certificate that CUHK gave the attacker's server.
    pub(crate) fn impostor_with_own_certificate(&self) -> Arc<Impostor> {
        Arc::clone(&self.own_certificate)
    }

    /// Shows Blackboard's certificate, and signs with the attacker's key.
    pub(crate) fn impostor_with_borrowed_certificate(&self) -> Arc<Impostor> {
        Arc::clone(&self.borrowed_certificate)
    }

    pub(crate) async fn stop(self) {
        // The proxy first: a connection of it would keep Blackboard.
        self.middle.stop().await;
        self.blackboard.stop().await;
    }
}

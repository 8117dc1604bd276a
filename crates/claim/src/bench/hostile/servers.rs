//! The victims: a CUHK that certifies whom it has invited, and a Blackboard that enrolled there.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use claim_core::Origin;
use claim_core::invitation::Invitee;
use claim_cuhk::{Clock, Office, init};
use claim_pki::{Certificate, Issuer, Root, SigningKey};
use tokio::process::Child;

use super::Victim;
use crate::bench::io::memory;
use crate::bench::site::{Started, read, start_program};

/// Both servers, each in a process of its own; they end with this value.
pub(super) struct Servers {
    pub(super) root: Arc<Root>,
    pub(super) issuer: Arc<Issuer>,
    pub(super) cuhk: Server,
    pub(super) blackboard: Server,
}

/// One of them.
pub(super) struct Server {
    pub(super) origin: Origin,
    pub(super) address: SocketAddr,
    process: Child,
}

impl Servers {
    /// Sets CUHK up in the folder, and Blackboard in a folder within.
    pub(super) async fn start(dir: &Path) -> Result<Self> {
        init(dir, None, None, &Clock::system()).await?;
        let cuhk = Server::start("cuhk", dir, &["--listen", "127.0.0.1:0"]).await?;
        // Its origin stands in the invitation, so its port is chosen before; another program may be faster.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let origin: Origin = format!("https://localhost:{port}").parse()?;
        let office = Office::open(dir, None, Clock::system()).await?;
        let invitation = office.invite(Invitee::Server(origin), None, None).await?;
        office.close().await;
        let inside = dir.join("blackboard");
        std::fs::create_dir(&inside)?;
        let invite = inside.join("blackboard.invite");
        // In this folder, which nobody else can look into, it needs no mode of its own.
        std::fs::write(invite, invitation.expose().as_bytes())?;
        let listen = format!("127.0.0.1:{port}");
        let arguments = ["--listen", &listen, "--cuhk", cuhk.origin.as_str()];
        let blackboard = Server::start("blackboard", &inside, &arguments).await?;
        Ok(Self {
            root: Arc::new(Root::from_pem(&read(dir, "cuhk.cer")?)?),
            issuer: Arc::new(Issuer::new(
                Certificate::from_pem(&read(dir, "cuhk-issuing.cer")?)?,
                SigningKey::from_pkcs8_pem(&read(dir, "cuhk-issuing.key")?)?,
            )?),
            cuhk,
            blackboard,
        })
    }

    pub(super) fn of(&self, victim: Victim) -> &Server {
        match victim {
            Victim::Blackboard => &self.blackboard,
            Victim::Cuhk => &self.cuhk,
        }
    }

    /// The memory that a server has now, in bytes.
    pub(super) fn memory(&self, victim: Victim) -> Result<u64> {
        let server = self.of(victim);
        let process = server.process.id().ok_or_else(|| anyhow!("{} has ended", server.origin))?;
        Ok(memory(process)?.now)
    }

    /// Whether both still run.
    pub(super) fn are_alive(&mut self) -> Result<bool> {
        Ok(self.cuhk.process.try_wait()?.is_none() && self.blackboard.process.try_wait()?.is_none())
    }

    /// Ends both, and waits until they are gone: their files are about to be.
    pub(super) async fn stop(mut self) {
        for server in [&mut self.blackboard, &mut self.cuhk] {
            // It can only have ended already.
            let _ = server.process.kill().await;
        }
    }
}

impl Server {
    async fn start(name: &str, dir: &Path, arguments: &[&str]) -> Result<Self> {
        let Started { process, listening, .. } = start_program(name, dir, arguments).await?;
        let address = listening.addresses.first().copied();
        let address = address.ok_or_else(|| anyhow!("{name} listens nowhere"))?;
        Ok(Self { origin: listening.origin, address, process })
    }
}

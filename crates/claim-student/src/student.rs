//! The program of one student: configuration, folder, and who is told what happens.

use std::fmt;
use std::sync::Arc;

use claim_core::{Origin, Timestamp};
use claim_http::{ReachError, ServerTrust};
use claim_pki::Root;

use crate::config::{Config, TlsRoots};
use crate::error::{Service, Unreached};
use crate::event::{Event, Observer};
use crate::revocations::Lists;
use crate::wallet::{Identity, Wallet, WalletError};

/// Everything that a student can do. Clones share the configuration; several can work at once, also on one folder.
#[derive(Clone)]
pub struct Student {
    pub(crate) config: Arc<Config>,
    wallet: Arc<Wallet>,
    observer: Observer,
    pub(crate) lists: Arc<Lists>,
}

impl Student {
    /// A student's program with this configuration; nothing is read or written yet.
    pub fn new(config: Config, observer: Observer) -> Self {
        let wallet = Arc::new(Wallet::new(&config.dir, config.root.clone()));
        Self { config: Arc::new(config), wallet, observer, lists: Arc::default() }
    }

    /// The folder.
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// Who is enrolled in the folder, by this machine's clock.
    ///
    /// # Errors
    /// [`WalletError`] when folder or root cannot be read.
    pub fn identities(&self) -> Result<Vec<Identity>, WalletError> {
        self.wallet.identities(self.now())
    }

    /// The Blackboard that is configured.
    pub fn blackboard(&self) -> &Origin {
        &self.config.blackboard
    }

    /// This machine's time.
    pub fn now(&self) -> Timestamp {
        self.config.clock.now()
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.observer)(event);
    }

    pub(crate) fn root(&self) -> Result<Arc<Root>, WalletError> {
        let looked_in = || WalletError::NoRoot { looked_in: self.wallet.root_path().to_owned() };
        self.wallet.root()?.map(Arc::new).ok_or_else(looked_in)
    }

    /// Whom to believe in TLS when nothing is sent that only the right service may see.
    pub(crate) fn trust(&self, root: &Arc<Root>) -> ServerTrust {
        match self.config.tls_roots {
            TlsRoots::Cuhk => ServerTrust::Root(Arc::clone(root)),
            TlsRoots::System => ServerTrust::System,
        }
    }

    pub(crate) fn unreached(&self, service: Service, at: &Origin, source: ReachError) -> Unreached {
        let root = match self.config.tls_roots {
            TlsRoots::Cuhk => Some(self.wallet.root_path().to_owned()),
            TlsRoots::System => None,
        };
        Unreached { service, origin: at.clone(), root, source }
    }
}

impl fmt::Debug for Student {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Student").field("config", &self.config).finish_non_exhaustive()
    }
}

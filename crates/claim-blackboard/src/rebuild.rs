//! Rebuilding a log: the entries that records restored from an older copy have lost come back from a mirror.
//!
//! The mirror is not believed. Its entries must lead from the tree on record to a checkpoint that the log's own key has
//! signed, and a witness must cosign that checkpoint and know of no larger tree: so what is appended next continues the tree
//! that everybody has seen. Records of claims do not come back: the log has nothing of them but their ids.

mod error;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use claim_core::claim::{ClaimId, LogEntry};
use claim_core::{Origin, Timestamp};
use claim_files::FolderLock;
use claim_http::{Clock, ServerTrust, https_client};
use claim_log::{
    Edge, Entry, LeafIndex, LogKey, LogSigned, Object, Plan, Resource, SignedCheckpoint, TreeHead,
    TreeSize,
};
use claim_pki::{Certificate, Root};
use claim_store::blackboard::{BlackboardStore, LogHeadRow, Rebuilt};
use claim_store::{ObjectName, Objects};

pub use self::error::RebuildError;
use crate::config::{Config, DEFAULT_PORT};
use crate::error::chain;
use crate::evidence::Evidence;
use crate::folder::{Folder, read_public};
use crate::log::{Knows, Met, what_it_knows};
use crate::server;

/// How long one exchange with a witness may take.
const WITNESS_TIMEOUT: Duration = Duration::from_secs(15);

/// The log of a Blackboard that does not serve, about to be brought up to what it was.
pub struct LogRebuild {
    store: BlackboardStore,
    objects: Objects,
    evidence: Arc<Evidence>,
    root: Arc<Root>,
    clock: Clock,
    witnesses: Vec<(Origin, ServerTrust)>,
    recorded: TreeHead,
    published: LogSigned,
    // Held until it is done.
    _lock: FolderLock,
}

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// How many entries the records have now.
    pub entries: u64,
    /// How many of them they had lost.
    pub back: u64,
    /// Claims that were lodged by these, and whose records are lost.
    pub lost: Vec<ClaimId>,
    /// Claims on record that these say were withdrawn.
    pub withdrawn: Vec<ClaimId>,
    /// The witness that has cosigned the tree.
    pub witness: Origin,
}

impl LogRebuild {
    /// Opens records and keys of the Blackboard in this folder, which must not serve.
    ///
    /// # Errors
    /// [`RebuildError`].
    pub async fn open(config: &Config) -> Result<Self, RebuildError> {
        let folder = Folder::with_passphrase(&config.dir, config.passphrase.clone());
        let key = folder.log_key();
        if !key.exists() {
            return Err(RebuildError::Nothing { path: key });
        }
        let lock = server::lock(&config.dir)?;
        let clock = config.clock.clone();
        let root = root(config)?;
        let evidence = evidence(config, &folder, &root, &clock)?;
        let store =
            BlackboardStore::open_with(&config.database_url()?, config.faults.clone()).await?;
        let objects = Objects::open_with(&folder.objects(), config.faults.clone())?;
        let row = store.log_head().await?.ok_or(RebuildError::NotBegun)?;
        let (recorded, published) = heads(&row, &evidence.log_key)?;
        let trust =
            ServerTrust::CuhkServer { root: Arc::clone(&root), origin: config.cuhk.clone() };
        // What others answer is believed by the key that the root has certified.
        let others = config.witnesses.iter().map(|one| (one.clone(), ServerTrust::Unverified));
        let witnesses = std::iter::once((config.cuhk.clone(), trust)).chain(others).collect();
        Ok(Self {
            store,
            objects,
            evidence,
            root,
            clock,
            witnesses,
            recorded,
            published,
            _lock: lock,
        })
    }

    /// The log's own key, by which its checkpoint in the mirror is judged.
    pub fn key(&self) -> &LogKey {
        &self.evidence.log_key
    }

    /// The last checkpoint that the records have: the mirror must lead on from it.
    pub fn published(&self) -> &LogSigned {
        &self.published
    }

    /// Whether a mirror with this checkpoint can be of use: it is one of this log, and has no less than the records.
    ///
    /// # Errors
    /// [`RebuildError::OtherLog`], [`RebuildError::MirrorBehind`].
    pub fn fits(&self, checkpoint: &LogSigned) -> Result<(), RebuildError> {
        if checkpoint.key() != self.key() {
            return Err(RebuildError::OtherLog { found: checkpoint.key().name().to_string() });
        }
        let (mirror, recorded) = (checkpoint.head().size, self.recorded.size);
        match mirror < recorded {
            true => Err(RebuildError::MirrorBehind { mirror, recorded }),
            false => Ok(()),
        }
    }

    /// Brings back what the records have lost. `entries` are the mirror's, from the size of [`Self::published`] on, to the
    /// end of the tree of its checkpoint. When this returns, they are durable; their files follow at the next start.
    ///
    /// # Errors
    /// [`RebuildError`]; nothing was changed then, unless the database itself has failed.
    pub async fn bring(
        self,
        checkpoint: &LogSigned,
        entries: &[Entry],
    ) -> Result<Brought, RebuildError> {
        let outcome = self.bring_open(checkpoint, entries).await;
        self.store.close().await;
        outcome
    }

    async fn bring_open(
        &self,
        checkpoint: &LogSigned,
        entries: &[Entry],
    ) -> Result<Brought, RebuildError> {
        self.fits(checkpoint)?;
        let (before, after) = (self.recorded, checkpoint.head());
        let plan = self.plan(checkpoint, entries).await?;
        let witness = self.witness(checkpoint, &plan).await?;
        let known = before.size.value() - self.published.head().size.value();
        let lost_entries = entries.get(usize::try_from(known).unwrap_or(usize::MAX)..);
        let parsed = parsed(before.size, lost_entries.unwrap_or_default())?;
        let mut brought = Brought {
            entries: after.size.value(),
            back: parsed.len() as u64,
            lost: Vec::new(),
            withdrawn: Vec::new(),
            witness,
        };
        if parsed.is_empty() {
            return Ok(brought);
        }
        let as_row = |head: TreeHead| (head.size.value(), *head.root.as_bytes());
        match self.store.rebuild_log(as_row(before), as_row(after), &parsed).await? {
            Rebuilt::Done { lost, withdrawn } => {
                (brought.lost, brought.withdrawn) = (lost, withdrawn);
                Ok(brought)
            }
            Rebuilt::HeadMoved => Err(RebuildError::HeadMoved),
            Rebuilt::Contradicts { claim } => Err(RebuildError::Contradicts { claim }),
        }
    }

    /// What the files of the lost entries will be, as the start makes them: from our own edge, by the mirror's entries, to
    /// the checkpoint, and on the way through the head on record.
    async fn plan(&self, checkpoint: &LogSigned, entries: &[Entry]) -> Result<Plan, RebuildError> {
        let edge = self.edge().await?;
        let before = self.recorded;
        let known = before.size.value() - self.published.head().size.value();
        let known = entries.get(..usize::try_from(known).unwrap_or(usize::MAX));
        let there = edge.plan(known.unwrap_or_default())?.head();
        if known.is_none() || there != before {
            return Err(RebuildError::OtherHistory { recorded: before.size });
        }
        let plan = edge.plan(entries)?;
        if plan.head() != checkpoint.head() {
            return Err(RebuildError::OtherTree { size: checkpoint.head().size });
        }
        Ok(plan)
    }

    /// The edge of the tree that is published, from our own files.
    async fn edge(&self) -> Result<Edge, RebuildError> {
        let head = self.published.head();
        let mut files = Vec::new();
        for resource in Edge::resources(head.size) {
            // What is missing is found out by whoever reads them.
            if let Some(octets) = self.read(&resource).await? {
                files.push(Object { resource, octets });
            }
        }
        Ok(Edge::load(head, &files)?)
    }

    async fn read(&self, resource: &Resource) -> Result<Option<Vec<u8>>, RebuildError> {
        let name = ObjectName::log(&resource.to_string());
        Ok(self.objects.read(&name).await?.map(|octets| octets.to_vec()))
    }

    /// Has a witness cosign the checkpoint. All are asked: none may know of a larger tree, or of another one.
    async fn witness(&self, checkpoint: &LogSigned, plan: &Plan) -> Result<Origin, RebuildError> {
        let planned: BTreeMap<String, &[u8]> = plan
            .objects()
            .iter()
            .map(|object| (object.resource.to_string(), object.octets.as_slice()))
            .collect();
        let mut cosigned = None;
        let mut reasons = Vec::new();
        for (origin, trust) in &self.witnesses {
            match self.ask(origin, trust, checkpoint, &planned).await {
                Ok(Knows::This) => cosigned = cosigned.or_else(|| Some(origin.clone())),
                Ok(Knows::More { size }) => {
                    let (witness, mirror) = (origin.clone(), checkpoint.head().size);
                    return Err(RebuildError::WitnessKnowsMore { witness, known: size, mirror });
                }
                Ok(Knows::Another) => {
                    let (witness, size) = (origin.clone(), checkpoint.head().size);
                    return Err(RebuildError::WitnessKnowsAnother { witness, size });
                }
                Err(reason) => reasons.push(format!("{origin}: {reason}")),
            }
        }
        cosigned.ok_or(RebuildError::NoWitness { reasons })
    }

    /// What this witness knows of the log; in words why it does not say.
    async fn ask(
        &self,
        origin: &Origin,
        trust: &ServerTrust,
        checkpoint: &LogSigned,
        planned: &BTreeMap<String, &[u8]>,
    ) -> Result<Knows, String> {
        let client = https_client(trust, None, WITNESS_TIMEOUT).map_err(|error| chain(&error))?;
        let verify = |certificate: Certificate, now: Timestamp| {
            Met::verify(certificate, &self.root, self.key(), now)
        };
        let tile = async |resource: Resource| match planned.get(&resource.to_string()) {
            Some(octets) => Some(octets.to_vec()),
            // A tile that cannot be read is missing in the proof, which tells.
            None => self.read(&resource).await.ok().flatten(),
        };
        let now = self.clock.now();
        let known =
            what_it_knows(&client, origin, checkpoint.signed(), |one| verify(one, now), tile);
        known.await.map_err(|error| chain(&error))
    }
}

impl std::fmt::Debug for LogRebuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogRebuild").field("recorded", &self.recorded).finish_non_exhaustive()
    }
}

fn root(config: &Config) -> Result<Arc<Root>, RebuildError> {
    let path = config.root_path();
    let pem = match read_public(&path) {
        Ok(Some(pem)) => pem,
        Ok(None) => return Err(RebuildError::Nothing { path }),
        Err(source) => return Err(RebuildError::Read { path, source }),
    };
    let root = Root::from_pem(&pem).map_err(|source| RebuildError::Root { path, source })?;
    Ok(Arc::new(root))
}

fn evidence(
    config: &Config,
    folder: &Folder,
    root: &Root,
    clock: &Clock,
) -> Result<Arc<Evidence>, RebuildError> {
    let origin = match &config.public_url {
        Some(origin) => origin.clone(),
        None => {
            let port = config.listen.first().map_or(DEFAULT_PORT, std::net::SocketAddr::port);
            Origin::from_user(&format!("https://localhost:{port}"))
                .map_err(|error| RebuildError::NotCertified { reason: error.to_string() })?
        }
    };
    match Evidence::load(folder, &origin, root, clock) {
        Ok(Some(evidence)) => Ok(evidence),
        Ok(None) => Err(RebuildError::Nothing { path: folder.evidence_answer() }),
        Err(error) => Err(RebuildError::NotCertified { reason: chain(&error) }),
    }
}

/// The head on record, and the published one, which must be by the log's own key.
fn heads(row: &LogHeadRow, key: &LogKey) -> Result<(TreeHead, LogSigned), RebuildError> {
    let size = TreeSize::try_from(row.size)?;
    let recorded = TreeHead { size, root: claim_log::Hash::from_bytes(row.root) };
    let published = SignedCheckpoint::from_bytes(&row.checkpoint)?.log_signed(key)?;
    Ok((recorded, published))
}

/// The entries, which the first of is this leaf, as Claim writes them.
fn parsed(first: TreeSize, entries: &[Entry]) -> Result<Vec<LogEntry>, RebuildError> {
    (first.value()..)
        .zip(entries)
        .map(|(leaf, entry)| {
            LogEntry::from_slice(entry.as_bytes()).map_err(|_| RebuildError::Stray {
                index: LeafIndex::try_from(leaf).unwrap_or(LeafIndex::LAST),
            })
        })
        .collect()
}

//! `claim log audit`: reads a whole log, and says what is wrong with it. Anybody may.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use claim_core::Escaped;
use claim_core::claim::LogEntry;
use claim_core::receipt::{Container, MAX_RECEIPT, Member, log_name};
use claim_files::{Mode, replace};
use claim_http::{ServerTrust, https_client};
use claim_log::audit::{Audit, Conclusion, MAX_FINDINGS, Report};
use claim_log::note::MAX_NOTE_LENGTH;
use claim_log::{Bundle, LeafIndex, LogKey, LogProof, LogSigned, Resource, SignedCheckpoint};
use claim_pki::{Certificate, Root};
use claim_student::{Service, Unreached};

use super::fetch::{Ahead, FetchError, Log};
use super::mirror::Mirror;
use crate::cli::{AuditArgs, TlsRootsArg};
use crate::commands::Context;
use crate::commands::verify::{read_root, read_some};
use crate::exit::Exit;
use crate::words;
use crate::words::verify::shown;

/// For one file of the log, the largest of which has 16 MiB.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The largest state file that is read, in bytes.
const MAX_STATE: u64 = MAX_NOTE_LENGTH as u64;

/// What ends an audit before its end.
pub(crate) enum Stop {
    /// The log or what was kept of it is wrong: what, and what to do.
    Wrong(String, &'static str),
    /// The command line does not fit together: what, and what to do.
    Usage(String, &'static str),
    /// The log could not be read.
    Fetch(FetchError),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wrong(what, _) | Self::Usage(what, _) => f.write_str(what),
            Self::Fetch(error) => error.fmt(f),
        }
    }
}

impl From<FetchError> for Stop {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::TooLong { .. } => Self::Wrong(error.to_string(), KEEP),
            error => Self::Fetch(error),
        }
    }
}

const KEEP: &str =
    "Keep what you have of this log, above all receipts, and ask the people who run it.";

/// Entries that Claim does not write.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    /// Which ones; not all when there are very many.
    pub(crate) entries: Vec<LeafIndex>,
    /// How many more there are.
    pub(crate) omitted: usize,
}

/// What an audit that came to its end has found.
#[derive(Debug)]
pub(crate) struct Audited {
    pub(crate) key: LogKey,
    pub(crate) remembered: Option<LogSigned>,
    /// How many checkpoints a receipt holds, with which the log was compared as well.
    pub(crate) in_receipt: usize,
    pub(crate) report: Report,
    pub(crate) strays: Strays,
    pub(crate) state: PathBuf,
    /// Where its files are kept as well.
    pub(crate) mirror: Option<PathBuf>,
}

impl Audited {
    /// Whether nothing is wrong.
    pub(crate) fn is_sound(&self) -> bool {
        self.report.conclusion() == Conclusion::Sound && self.strays.entries.is_empty()
    }
}

/// Looks at a log.
pub(super) async fn run(arguments: AuditArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let root = arguments.root.clone().unwrap_or_else(|| context.server_dir().join("cuhk.cer"));
    match audit(&arguments, &root, context).await? {
        Ok(audited) => {
            terminal.result(&words::log::text(&audited), &words::log::json(&audited));
            Ok(if audited.is_sound() { Exit::Done } else { Exit::NotVerified })
        }
        Err(Stop::Wrong(what, advice)) => {
            terminal.failure(&what, None, advice);
            Ok(Exit::NotVerified)
        }
        Err(Stop::Usage(what, advice)) => {
            terminal.failure(&what, None, advice);
            Ok(Exit::Usage)
        }
        Err(Stop::Fetch(FetchError::Reach(source))) => {
            let by_root = arguments.tls_roots == TlsRootsArg::Cuhk;
            let (service, origin) = (Service::Blackboard, arguments.url);
            let root = by_root.then_some(root);
            Ok(terminal.explained(&Unreached { service, origin, root, source }))
        }
        Err(Stop::Fetch(error)) => {
            let advice = "Run it again later; nothing was remembered of this attempt.";
            terminal.failure(&error.to_string(), None, advice);
            Ok(Exit::Unreachable)
        }
    }
}

async fn audit(
    arguments: &AuditArgs,
    root: &Path,
    context: &Context,
) -> Result<Result<Audited, Stop>> {
    let known = match known(arguments, root)? {
        Ok(known) => known,
        Err(stop) => return Ok(Err(stop)),
    };
    let file_name = format!("{}.audit", arguments.url.authority().replace(':', "-"));
    let state = arguments.state.clone().unwrap_or_else(|| context.server_dir().join(file_name));
    let trust = match arguments.tls_roots {
        TlsRootsArg::Cuhk => ServerTrust::Root(Arc::new(read_root(root)?)),
        TlsRootsArg::System => ServerTrust::System,
    };
    let client = https_client(&trust, None, TIMEOUT)?;
    let log = Log::Served { client, base: arguments.url.join("/log") };
    let mirror = match arguments.mirror.as_deref().map(Mirror::open).transpose() {
        Ok(mirror) => mirror,
        Err(error) => bail!("the mirror cannot be kept: {error}"),
    };
    look(log, known, state, mirror).await
}

/// What is known of a log before it is read.
pub(crate) struct Known {
    pub(crate) key: LogKey,
    /// The checkpoints that a receipt holds.
    pub(crate) in_receipt: Vec<LogSigned>,
}

/// Reads all of a log, compares it with what is known of it and with what was seen last time, and remembers it if nothing
/// is wrong; then its files are kept in the mirror, too, if there is one.
pub(crate) async fn look(
    log: Log,
    known: Known,
    state: PathBuf,
    mut mirror: Option<Mirror>,
) -> Result<Result<Audited, Stop>> {
    let Known { key, in_receipt } = known;
    let remembered = match remembered(&state, &key)? {
        Ok(remembered) => remembered,
        Err(stop) => return Ok(Err(stop)),
    };
    let checkpoint = match checkpoint(&log, &key).await {
        Ok(checkpoint) => checkpoint,
        Err(stop) => return Ok(Err(stop)),
    };
    let receipts = in_receipt.len();
    let seen = remembered.clone().into_iter().chain(in_receipt);
    let keep = |resource, octets: &[u8]| match &mut mirror {
        Some(mirror) => Ok(mirror.take(resource, octets)?),
        None => Ok(()),
    };
    let (report, strays) = match read_all(log, &checkpoint, seen, keep).await? {
        Ok(read) => read,
        Err(stop) => return Ok(Err(stop)),
    };
    let mut audited =
        Audited { key, remembered, in_receipt: receipts, report, strays, state, mirror: None };
    if audited.is_sound() {
        let octets = checkpoint.signed().to_bytes();
        audited.mirror = mirror.map(|mirror| mirror.finish(&octets)).transpose()?;
        replace(&audited.state, &octets, Mode::Public)?;
    }
    Ok(Ok(audited))
}

/// Reads all files of the log with this checkpoint, and finds out what is wrong with them; each is shown to `take` as well,
/// before anything is known of it.
pub(crate) async fn read_all(
    log: Log,
    checkpoint: &LogSigned,
    seen: impl IntoIterator<Item = LogSigned>,
    mut take: impl FnMut(Resource, &[u8]) -> Result<()>,
) -> Result<Result<(Report, Strays), Stop>> {
    let mut audit = Audit::new(checkpoint.clone(), seen)?;
    let mut ahead = Ahead::new(log, checkpoint.head().size);
    let mut strays = Strays::default();
    while let Some(resource) = audit.wanted() {
        let content = match ahead.next().await? {
            Ok(content) => content,
            Err(error) => return Ok(Err(error.into())),
        };
        if let Some(octets) = &content {
            if let Resource::Entries(bundle) = resource {
                look_at_entries(bundle, octets, &mut strays);
            }
            take(resource, octets)?;
        }
        audit.supply(content.as_deref());
    }
    Ok(Ok((audit.finish(), strays)))
}

/// The key of the log at this origin, as given or as the root certifies it in a receipt, and what the receipt shows of it.
fn known(arguments: &AuditArgs, root: &Path) -> Result<Result<Known, Stop>> {
    let name = log_name(&arguments.url);
    match (&arguments.key, &arguments.receipt) {
        (Some(key), _) if *key.name() == name => {
            Ok(Ok(Known { key: key.clone(), in_receipt: Vec::new() }))
        }
        (Some(key), _) => Ok(Err(Stop::Usage(
            format!("the key is that of {}, the log to be audited is {name}", key.name()),
            "Give the key of this log, or the origin that the key is for.",
        ))),
        (None, Some(receipt)) => {
            let root = read_root(root)?;
            let zip = read_some(receipt, MAX_RECEIPT as u64 + 1)?;
            Ok(known_by_receipt(&zip, &root, arguments).map_err(|unfit| {
                let (receipt, url) = (shown(receipt), &arguments.url);
                Stop::Wrong(
                    match unfit {
                        Unfit::NoCertificate => format!(
                            "{receipt} has no certificate of the log of {url} that leads to the root"
                        ),
                        Unfit::Proof(member) => format!(
                            "{receipt} has a {member} that is not by the log of {url}"
                        ),
                    },
                    "Give a receipt that this Blackboard issued and the root that it belongs to.",
                )
            }))
        }
        (None, None) => Ok(Err(Stop::Usage(
            "whose signature the log must have is not said".to_owned(),
            "Give any receipt of this Blackboard with --receipt, or the log's key with --key.",
        ))),
    }
}

/// Why a receipt tells nothing of the log.
enum Unfit {
    NoCertificate,
    Proof(&'static str),
}

fn known_by_receipt(zip: &[u8], root: &Root, arguments: &AuditArgs) -> Result<Known, Unfit> {
    let container = Container::from_zip(zip).map_err(|_| Unfit::NoCertificate)?;
    let key = certified_key(&container, root, arguments).ok_or(Unfit::NoCertificate)?;
    let mut in_receipt = Vec::new();
    for member in [Member::LodgedProof, Member::ReceivedProof] {
        let Some(octets) = container.content(member) else { continue };
        let signed = LogProof::from_bytes(octets).ok();
        let signed = signed.and_then(|proof| proof.checkpoint().log_signed(&key).ok());
        in_receipt.push(signed.ok_or(Unfit::Proof(member.name()))?);
    }
    Ok(Known { key, in_receipt })
}

fn certified_key(container: &Container, root: &Root, arguments: &AuditArgs) -> Option<LogKey> {
    let pem = std::str::from_utf8(container.content(Member::Certificates)?).ok()?;
    let certificates = Certificate::chain_from_pem(pem).ok()?;
    certificates.iter().find_map(|certificate| {
        // The path as such: a log's certificate says whose key it is, and outlives its own end with the receipts.
        let log = root.verify_log(certificate.der(), certificate.not_before()).ok()?;
        let is_it = *log.origin() == arguments.url;
        is_it.then(|| LogKey::new(log_name(&arguments.url), *log.public_key().as_bytes()))
    })
}

/// What was seen last time, if there was one.
fn remembered(state: &Path, key: &LogKey) -> Result<Result<Option<LogSigned>, Stop>> {
    let file = match File::open(state) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ok(None)),
        file => file.with_context(|| format!("{} cannot be read", shown(state)))?,
    };
    let mut octets = Vec::new();
    file.take(MAX_STATE + 1)
        .read_to_end(&mut octets)
        .with_context(|| format!("{} cannot be read", shown(state)))?;
    if octets.len() as u64 > MAX_STATE {
        bail!("{} is too long to be a checkpoint", shown(state));
    }
    let checkpoint = SignedCheckpoint::from_bytes(&octets).and_then(|one| one.log_signed(key));
    Ok(match checkpoint {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(error) => Err(Stop::Wrong(
            format!(
                "{} is not a checkpoint that {} has signed: {}",
                shown(state),
                key.name(),
                Escaped(&error.to_string())
            ),
            "Restore it; without it (or with another --state) the audit begins anew and cannot see what changed since.",
        )),
    })
}

/// The log's checkpoint, by its own key.
pub(crate) async fn checkpoint(log: &Log, key: &LogKey) -> Result<LogSigned, Stop> {
    let Some(octets) = log.fetch(Resource::Checkpoint).await? else {
        return Err(Stop::Wrong(
            format!("{} has no checkpoint: nothing shows what it holds", key.name()),
            "A Blackboard that has never taken a claim has none; otherwise ask the people who run it.",
        ));
    };
    let checkpoint = SignedCheckpoint::from_bytes(&octets).and_then(|one| one.log_signed(key));
    checkpoint.map_err(|error| {
        let error = error.to_string();
        let what = format!("the checkpoint is not by {}: {}", key.name(), Escaped(&error));
        Stop::Wrong(what, KEEP)
    })
}

/// Notes the entries that are none of Claim's. A bundle that cannot be read is the audit's affair.
fn look_at_entries(bundle: Bundle, octets: &[u8], strays: &mut Strays) {
    let entries = bundle.decode(octets).unwrap_or_default();
    for (place, entry) in (0_u16..).zip(&entries) {
        if LogEntry::from_slice(entry.as_bytes()).is_ok() {
            continue;
        }
        if strays.entries.len() < MAX_FINDINGS {
            strays.entries.push(bundle.entry(place));
        } else {
            strays.omitted += 1;
        }
    }
}

//! The logs that a witness was told of.

use std::path::{Path, PathBuf};

use claim_core::Timestamp;
use claim_core::receipt::{Container, MAX_RECEIPT, Member, log_name};
use claim_log::LogKey;
use claim_pki::{Certificate, Root, VerifiedLog};

use crate::add_checkpoint::KnownLog;
use crate::error::StartError;
use crate::folder::read_public;

/// The logs that a witness cosigns.
pub(crate) struct Logs(Vec<Log>);

struct Log {
    key: LogKey,
    /// What the root says of the key, and since when, where a certificate was given.
    certified: Option<(Timestamp, VerifiedLog)>,
}

impl Logs {
    /// Takes the logs from certificates in files, and from keys.
    pub(crate) fn load(
        root: &Root,
        files: &[PathBuf],
        keys: &[LogKey],
    ) -> Result<Self, StartError> {
        let mut logs = Vec::new();
        for path in files {
            let found = certified(path, root)?;
            if found.is_empty() {
                return Err(StartError::NoLog { path: path.clone() });
            }
            logs.extend(found);
        }
        logs.extend(keys.iter().map(|key| Log { key: key.clone(), certified: None }));
        // The newest first: of several keys of one log it is the one to be used now.
        let begins = |log: &Log| log.certified.as_ref().map(|(since, _)| *since);
        logs.sort_by_key(|log| std::cmp::Reverse(begins(log)));
        if logs.is_empty() { Err(StartError::NoLogs) } else { Ok(Self(logs)) }
    }

    /// The keys of the log of this origin.
    pub(crate) fn known(&self, origin: &str, now: Timestamp) -> Vec<KnownLog> {
        let of_origin = self.0.iter().filter(|log| log.key.name().as_str() == origin);
        let known = |log: &Log| KnownLog {
            key: log.key.clone(),
            good: log.certified.as_ref().is_none_or(|(_, log)| log.valid_at(now)),
        };
        of_origin.map(known).collect()
    }

    /// The names of all logs.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.iter().map(|log| log.key.name().to_string()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// The logs whose certificates are in this file: PEM, or a receipt, which has them in it.
fn certified(path: &Path, root: &Root) -> Result<Vec<Log>, StartError> {
    let bytes = read_public(path, MAX_RECEIPT as u64)?;
    let container = Container::from_zip(&bytes).ok();
    let pem = match &container {
        Some(container) => container.content(Member::Certificates).unwrap_or_default(),
        None => &bytes,
    };
    let chain = Certificate::chain_from_pem(&String::from_utf8_lossy(pem)).unwrap_or_default();
    let log = |certificate: &Certificate| {
        // An older key of a log may have signed the last checkpoint: whether it still may is asked each time.
        let log = root.verify_log(certificate.der(), certificate.not_before()).ok()?;
        let key = LogKey::new(log_name(log.origin()), *log.public_key().as_bytes());
        Some(Log { key, certified: Some((certificate.not_before(), log)) })
    };
    Ok(chain.iter().filter_map(log).collect())
}

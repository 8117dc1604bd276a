//! Who is enrolled in a folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;

use claim_core::{PersonId, Timestamp};
use claim_pki::SerialNumber;

use super::{Wallet, WalletError, system};

/// An id that the folder has a key or a certificate for.
#[derive(Debug)]
pub struct Identity {
    /// Who it is.
    pub id: PersonId,
    /// What can be done with it.
    pub state: IdentityState,
}

/// What can be done with an identity.
#[derive(Debug)]
#[non_exhaustive]
pub enum IdentityState {
    /// The certificate is good, by this machine's clock.
    Valid {
        /// Its serial number.
        serial: SerialNumber,
        /// Until when.
        not_after: Timestamp,
    },
    /// The certificate's time is over, by this machine's clock.
    Expired {
        /// Its serial number.
        serial: SerialNumber,
        /// Since when.
        not_after: Timestamp,
    },
    /// There is a key, but the certificate did not arrive.
    Interrupted,
    /// Something is wrong with it.
    Unusable(WalletError),
}

impl Wallet {
    /// Who is enrolled in this folder, in the order of the ids; a missing folder has nobody.
    ///
    /// # Errors
    /// [`WalletError`] when folder or root cannot be read; what is wrong with one identity is told there.
    pub fn identities(&self, now: Timestamp) -> Result<Vec<Identity>, WalletError> {
        let root = self.root()?;
        let state = |id: &PersonId| {
            let Some(root) = &root else {
                let looked_in = self.root.clone();
                return IdentityState::Unusable(WalletError::NoRoot { looked_in });
            };
            match self.held(id, root, now) {
                Ok(held) => {
                    let not_after = held.person.not_after();
                    let serial = held.person.serial().clone();
                    if held.is_expired(now) {
                        IdentityState::Expired { serial, not_after }
                    } else {
                        IdentityState::Valid { serial, not_after }
                    }
                }
                Err(WalletError::Interrupted { .. }) => IdentityState::Interrupted,
                Err(error) => IdentityState::Unusable(error),
            }
        };
        let identities = self.ids()?.into_iter();
        Ok(identities.map(|id| Identity { state: state(&id), id }).collect())
    }

    /// The ids by which files are named.
    fn ids(&self) -> Result<BTreeSet<PersonId>, WalletError> {
        let refused = |source| system("read", &self.dir, source);
        let mut ids = BTreeSet::new();
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ids),
            Err(error) => return Err(refused(error).into()),
        };
        for entry in entries {
            let path = std::path::PathBuf::from(entry.map_err(refused)?.file_name());
            let ours = matches!(path.extension().and_then(OsStr::to_str), Some("key" | "cer"));
            let stem = path.file_stem().and_then(OsStr::to_str);
            if let (true, Some(id)) = (ours, stem.and_then(id)) {
                ids.insert(id);
            }
        }
        Ok(ids)
    }
}

/// The id that the name of a file stands for.
fn id(stem: &str) -> Option<PersonId> {
    match stem.strip_prefix("staff-") {
        Some(staff) => staff.parse().ok().map(PersonId::Staff),
        None => stem.parse().ok().map(PersonId::Student),
    }
}

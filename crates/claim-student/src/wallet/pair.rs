//! Key and certificate replaced together, or not at all, whatever stops the program between.
//!
//! A renewal with another key first puts that key beside the old one (`.<id>.key.next`), then, once the certificate is
//! there, the certificate (`.<id>.cer.next`). With that it is done: whoever reads takes the new pair from then on, and
//! the old files give way to it, key first. Until then the old pair is the one that counts, and the key that waits is
//! used again, as CUHK may have certified it already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use claim_core::PersonId;
use claim_files::{FileError, Mode, replace, sync_folder, write_new};
use claim_pki::{Certificate, SigningKey};

use super::{Wallet, WalletError, read_public, stem, system};

/// A private key and the certificate file that goes with it, as far as they are there.
pub(super) struct Pair {
    pub(super) key: Option<SigningKey>,
    pub(super) certificate: Option<Vec<u8>>,
}

impl Wallet {
    /// Where the key of a renewal waits for its certificate.
    pub(crate) fn next_key_path(&self, id: &PersonId) -> PathBuf {
        self.dir.join(format!(".{}.key.next", stem(id)))
    }

    fn next_certificate_path(&self, id: &PersonId) -> PathBuf {
        self.dir.join(format!(".{}.cer.next", stem(id)))
    }

    /// The pair that counts.
    pub(super) fn pair(&self, id: &PersonId) -> Result<Pair, WalletError> {
        let Some(next) = read_public(&self.next_certificate_path(id))? else {
            let certificate = read_public(&self.certificate_path(id))?;
            return Ok(Pair { key: self.key(id)?, certificate });
        };
        let key = match self.next_key(id)? {
            Some(key) => Some(key),
            // It is in its place already.
            None => self.key(id)?,
        };
        Ok(Pair { key, certificate: Some(next) })
    }

    /// The key of a renewal that was begun and has no certificate yet.
    pub(crate) fn next_key(&self, id: &PersonId) -> Result<Option<SigningKey>, WalletError> {
        self.key_at(self.next_key_path(id))
    }

    /// Makes the key of a renewal, and stores it before it is used.
    pub(crate) fn make_next_key(&self, id: &PersonId) -> Result<SigningKey, WalletError> {
        let path = self.next_key_path(id);
        let key = SigningKey::generate()
            .map_err(|source| WalletError::Key { path: path.clone(), source })?;
        write_new(&path, key.to_pkcs8_pem().as_bytes(), Mode::Private)?;
        Ok(key)
    }

    /// Stores the certificate of the key that waits, and puts both in the place of those there are.
    pub(crate) fn keep_next(
        &self,
        id: &PersonId,
        chain: &[Certificate],
    ) -> Result<PathBuf, WalletError> {
        let pem: String = chain.iter().map(Certificate::to_pem).collect();
        replace(&self.next_certificate_path(id), pem.as_bytes(), Mode::Public)?;
        self.settle(id)?;
        Ok(self.certificate_path(id))
    }

    /// Finishes what was cut off once it was done; only whoever has the lock of this id may.
    pub(crate) fn settle(&self, id: &PersonId) -> Result<(), WalletError> {
        let (key, certificate) = (self.next_key_path(id), self.next_certificate_path(id));
        if !exists(&certificate)? {
            return Ok(());
        }
        if exists(&key)? {
            rename(&key, &self.key_path(id))?;
            // The certificate is what tells that the key belongs here: it must not be gone before that is durable.
            sync_folder(&self.dir)?;
        }
        rename(&certificate, &self.certificate_path(id))?;
        Ok(sync_folder(&self.dir)?)
    }

    /// Forgets the key of a renewal that was begun, as a certificate came otherwise.
    pub(crate) fn forget_next_key(&self, id: &PersonId) -> Result<(), WalletError> {
        let path = self.next_key_path(id);
        match fs::remove_file(&path) {
            Ok(()) => Ok(sync_folder(&self.dir)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(system("remove", &path, source).into()),
        }
    }
}

fn exists(path: &Path) -> Result<bool, FileError> {
    path.try_exists().map_err(|source| system("find", path, source))
}

fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(|source| system("replace", to, source))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    /// A wallet with a pair of the name `old`, and where it stands each time that a renewal may be cut off.
    struct Cut {
        folder: tempfile::TempDir,
        wallet: Wallet,
        id: PersonId,
        old: SigningKey,
    }

    impl Cut {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (wallet, id) = (Wallet::new(folder.path(), None), "1155123456".parse().unwrap());
            let old = wallet.make_key(&id).unwrap();
            fs::write(wallet.certificate_path(&id), "old").unwrap();
            Self { folder, wallet, id, old }
        }

        fn counts(&self) -> (SigningKey, String) {
            let Pair { key, certificate } = self.wallet.pair(&self.id).unwrap();
            (key.unwrap(), String::from_utf8(certificate.unwrap()).unwrap())
        }

        fn assert_counts(&self, key: &SigningKey, certificate: &str) {
            let (found, text) = self.counts();
            assert_eq!(found.public_key(), key.public_key());
            assert_eq!(text, certificate);
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.folder.path()).unwrap();
            let mut names: Vec<_> =
                entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn a_renewal_that_is_cut_off_leaves_the_old_pair_or_the_new() {
        let cut = Cut::new();
        let (wallet, id) = (&cut.wallet, &cut.id);
        let new = wallet.make_next_key(id).unwrap();
        cut.assert_counts(&cut.old, "old");
        wallet.settle(id).unwrap();
        cut.assert_counts(&cut.old, "old");
        let waiting = wallet.next_key(id).unwrap().unwrap();
        assert_eq!(waiting.public_key(), new.public_key(), "it is used again");

        // The certificate has come, and the program is killed before either file gives way.
        fs::write(wallet.next_certificate_path(id), "new").unwrap();
        cut.assert_counts(&new, "new");
        // Killed after the key did.
        fs::rename(wallet.next_key_path(id), wallet.key_path(id)).unwrap();
        cut.assert_counts(&new, "new");
        wallet.settle(id).unwrap();
        cut.assert_counts(&new, "new");
        assert_eq!(cut.names(), ["1155123456.cer", "1155123456.key"]);
        wallet.settle(id).unwrap();
        cut.assert_counts(&new, "new");
    }

    #[test]
    fn what_was_cut_off_is_finished_from_the_beginning_too() {
        let cut = Cut::new();
        let (wallet, id) = (&cut.wallet, &cut.id);
        let new = wallet.make_next_key(id).unwrap();
        fs::write(wallet.next_certificate_path(id), "new").unwrap();
        wallet.settle(id).unwrap();
        cut.assert_counts(&new, "new");
        assert_eq!(cut.names(), ["1155123456.cer", "1155123456.key"]);
    }

    #[test]
    fn a_key_that_waits_is_not_made_twice_and_can_be_forgotten() {
        let cut = Cut::new();
        let (wallet, id) = (&cut.wallet, &cut.id);
        wallet.make_next_key(id).unwrap();
        assert!(matches!(
            wallet.make_next_key(id),
            Err(WalletError::File(FileError::Exists { .. }))
        ));
        wallet.forget_next_key(id).unwrap();
        wallet.forget_next_key(id).unwrap();
        assert!(wallet.next_key(id).unwrap().is_none());
        cut.assert_counts(&cut.old, "old");
    }
}

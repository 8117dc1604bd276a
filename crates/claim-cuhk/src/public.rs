//! What CUHK lays out for everybody: the folder `public`, which any web server or object store may serve, also while CUHK is
//! down.
//!
//! All of it is signed, so whoever hands it out needs no trust. Each file is whole at every moment; folder and files may be
//! read by everybody, whatever the umask is.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use claim_files::{FileError, Mode, make_folder, replace};
use claim_pki::Certificate;

use crate::folder::Folder;

/// The folder `public`.
pub(crate) struct Public<'a>(pub(crate) &'a Folder);

impl Public<'_> {
    /// The list of the issuer with this key id, in hexadecimal, as DER: `crl/<key id>.crl`.
    pub(crate) fn list(&self, issuer: &str, list: &[u8]) -> Result<(), FileError> {
        self.lay(&["crl"], &format!("{issuer}.crl"), list)
    }

    /// The root and the issuing certificates that are valid, in PEM: `cacerts.pem`, and the root alone as `cuhk.cer`.
    pub(crate) fn authorities<'c>(
        &self,
        root: &Certificate,
        issuing: impl Iterator<Item = &'c Certificate>,
    ) -> Result<(), FileError> {
        let mut all = root.to_pem();
        for certificate in issuing {
            all.push_str(&certificate.to_pem());
        }
        self.lay(&[], "cuhk.cer", root.to_pem().as_bytes())?;
        self.lay(&[], "cacerts.pem", all.as_bytes())
    }

    /// Writes a file where it is another than the one that is there.
    fn lay(&self, below: &[&str], name: &str, content: &[u8]) -> Result<(), FileError> {
        let mut folder = self.0.public();
        readable(&folder, 0o755)?;
        for part in below {
            folder.push(part);
            readable(&folder, 0o755)?;
        }
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|there| there == content) {
            return allow(&path, 0o644);
        }
        replace(&path, content, Mode::Public)?;
        allow(&path, 0o644)
    }
}

fn readable(folder: &Path, bits: u32) -> Result<(), FileError> {
    if !folder.is_dir() {
        make_folder(folder)?;
    }
    allow(folder, bits)
}

fn allow(path: &Path, bits: u32) -> Result<(), FileError> {
    let system =
        |source| FileError::System { action: "open to all", path: path.to_owned(), source };
    let now = fs::metadata(path).map_err(system)?.permissions().mode();
    match now & 0o777 == bits {
        true => Ok(()),
        false => fs::set_permissions(path, Permissions::from_mode(bits)).map_err(system),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn everybody_may_read_what_is_laid_out_whatever_it_was_before() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        let public = Public(&folder);
        public.list("ab", b"one").unwrap();
        let (crl, file) = (dir.path().join("public/crl"), dir.path().join("public/crl/ab.crl"));
        for (path, closed) in [(&crl, 0o700), (&file, 0o600)] {
            fs::set_permissions(path, Permissions::from_mode(closed)).unwrap();
        }
        for content in [b"one", b"two"] {
            public.list("ab", content).unwrap();
            assert_eq!(fs::read(&file).unwrap(), content);
            for (path, bits) in [(&crl, 0o755), (&file, 0o644)] {
                let found = fs::metadata(path).unwrap().permissions().mode() & 0o777;
                assert_eq!(found, bits, "{path:?}");
            }
        }
        assert_eq!(fs::read_dir(&crl).unwrap().count(), 1, "no drafts are left");
    }
}

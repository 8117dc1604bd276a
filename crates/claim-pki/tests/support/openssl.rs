//! Runs OpenSSL in a folder.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::path::Path;
use std::process::{Command, Output};

use claim_pki::Certificate;
use tempfile::TempDir;

use crate::authority::Authority;

pub(crate) fn openssl(folder: &Path, arguments: &str) -> Output {
    Command::new("openssl")
        .current_dir(folder)
        .args(arguments.split_ascii_whitespace())
        .output()
        .unwrap()
}

/// Runs it, demands success, and gives what it printed.
pub(crate) fn succeed(folder: &Path, arguments: &str) -> String {
    let output = openssl(folder, arguments);
    assert!(
        output.status.success(),
        "openssl {arguments}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with `cuhk.cer` and `issuing.cer`.
pub(crate) fn folder(authority: &Authority) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name, certificate: &Certificate| {
        std::fs::write(folder.path().join(name), certificate.to_pem()).unwrap();
    };
    write("cuhk.cer", authority.root.certificate());
    write("issuing.cer", authority.issuing.certificate());
    folder
}

/// Runs it, demands failure, and gives what it complained of.
pub(crate) fn fail(folder: &Path, arguments: &str) -> String {
    let output = openssl(folder, arguments);
    assert!(!output.status.success(), "openssl {arguments}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

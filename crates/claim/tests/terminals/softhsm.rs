//! A token in software (Debian's `softhsm2`), in a folder of its own.

use std::fs;
use std::process::Command;

use crate::course::Folder;

/// The PIN of the token.
pub(crate) const PIN: &str = "pin-2468013579";

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Makes a token called `cuhk`, and the file with its PIN, where programs in this folder find both.
pub(crate) fn make_token(folder: &Folder) {
    fs::create_dir(folder.path("tokens")).unwrap();
    let tokens = folder.path("tokens");
    folder.write("softhsm2.conf", format!("directories.tokendir = {}\n", tokens.display()));
    folder.secret("pin", PIN);
    let mut command = Command::new("softhsm2-util");
    command.args(["--init-token", "--free", "--label", "cuhk", "--so-pin", "1357911"]);
    let command = command.args(["--pin", PIN]).env("SOFTHSM2_CONF", folder.path("softhsm2.conf"));
    let output = command.output().expect("softhsm2-util runs (Debian: softhsm2)");
    assert!(output.status.success(), "{output:?}");
}

/// The name of a key in it.
pub(crate) fn uri(object: &str) -> String {
    format!("pkcs11:token=cuhk;object={object}?module-path={MODULE}")
}

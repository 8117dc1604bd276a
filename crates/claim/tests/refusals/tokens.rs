//! A CUHK whose issuing key is in a token that is pulled.

use std::path::Path;
use std::process::Command;

use claim_core::ProblemType;
use claim_files::{Mode, write_new};

use crate::case::Ended;
use crate::cuhk::{Setting, enrols};
use crate::wire::Version;

const URI: &str = "pkcs11:token=cuhk;object=issuing?module-path=/usr/lib/softhsm/libsofthsm2.so";

/// Makes a token in the folder, and the next issuing key in it.
fn make_token(dir: &Path) {
    std::fs::create_dir(dir.join("tokens")).unwrap();
    let configuration = format!("directories.tokendir = {}\n", dir.join("tokens").display());
    std::fs::write(dir.join("softhsm2.conf"), configuration).unwrap();
    write_new(&dir.join("pin"), b"24680\n", Mode::Private).unwrap();
    let mut softhsm = Command::new("softhsm2-util");
    softhsm.args([
        "--init-token",
        "--free",
        "--label",
        "cuhk",
        "--so-pin",
        "1357",
        "--pin",
        "24680",
    ]);
    let mut renew = Command::new(env!("CARGO_BIN_EXE_claim"));
    renew.args(["cuhk", "issuing", "renew", "--dir"]).arg(dir).current_dir(dir);
    for command in [&mut softhsm, &mut renew] {
        let output = command.env("SOFTHSM2_CONF", dir.join("softhsm2.conf")).output();
        let output = output.expect("it runs (Debian: softhsm2)");
        assert!(output.status.success(), "{output:?}");
    }
}

/// While the token is away nothing is signed; when it is back, the same request gets what is on record.
pub(crate) async fn unavailable(row: ProblemType) -> Ended {
    let settings = |dir: &Path| {
        let pin = dir.join("pin");
        let settings = format!(
            "[cuhk]\nissuing-key = \"{URI}\"\nissuing-passphrase = \"{}\"\n",
            pin.display()
        );
        std::fs::write(dir.join("claim.toml"), settings).unwrap();
        make_token(dir);
    };
    let mut setting = Setting::prepared("", settings).await;
    let invited = setting.invited().await;
    let (tokens, away) = (setting.path("tokens"), setting.path("away"));
    std::fs::rename(&tokens, &away).unwrap();
    std::fs::create_dir(&tokens).unwrap();
    // The first one puts on record what is asked for; from then on nothing changes.
    let first = setting.site().client.ask(Version::Http1, &invited.ask()).await;
    assert_eq!(first.status.as_u16(), row.status());
    let case = setting.site().case(row).await;
    case.refused(&invited.ask()).await;
    std::fs::remove_dir(&tokens).unwrap();
    std::fs::rename(&away, &tokens).unwrap();
    enrols(&case, &invited).await;
    enrols(&case, &setting.invited().await).await;
    let ended = case.end().await;
    setting.assert_sound();
    ended
}

//! Keys in SoftHSM, a token in software: made, found, used, lost and found again; and each refusal by its name.
//!
//! Debian's `softhsm2` has it; `cargo xtask provide` installs that.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics to fail, and tells what it does"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use claim_files::Passphrase;
use claim_pki::{KeyError, Sign};
use claim_token::{TokenError, TokenKey, TokenUri};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "24680";
const CONFIGURATION: &str = "SOFTHSM2_CONF";

type Check = (&'static str, fn());

const CHECKS: [Check; 8] = [
    ("a key is made, found and signs", a_key_is_made_found_and_signs),
    ("the private key stays in the token", the_private_key_stays_in_the_token),
    ("a session that ended is opened anew", a_session_that_ended_is_opened_anew),
    ("another key of the same name is noticed", another_key_of_the_same_name_is_noticed),
    ("halves that do not belong together are told", halves_that_do_not_belong_together_are_told),
    ("other curves are told", other_curves_are_told),
    ("what is not there is told", what_is_not_there_is_told),
    ("a wrong pin is told, and never tried again", a_wrong_pin_is_told),
];

fn main() -> ExitCode {
    if std::env::var_os(CONFIGURATION).is_some() {
        for (name, check) in CHECKS {
            check();
            println!("test {name} ... ok");
        }
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().unwrap();
    let configuration = configure(folder.path());
    for label in ["one", "two"] {
        let mut command = Command::new("softhsm2-util");
        command.args([
            "--init-token",
            "--free",
            "--label",
            label,
            "--so-pin",
            "1357",
            "--pin",
            PIN,
        ]);
        let output = command.env(CONFIGURATION, &configuration).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    match again.env(CONFIGURATION, &configuration).status().unwrap().success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn configure(folder: &Path) -> PathBuf {
    let tokens = folder.join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let path = folder.join("softhsm2.conf");
    std::fs::write(&path, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    path
}

fn uri(token: &str, object: &str) -> TokenUri {
    format!("pkcs11:token={token};object={object}?module-path={MODULE}").parse().unwrap()
}

fn pin() -> Passphrase {
    Passphrase::new(PIN.to_owned())
}

/// A session of somebody else in this process.
fn session(token: &str) -> Session {
    let module = Pkcs11::new(MODULE).unwrap();
    // Whoever came first has done it.
    let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slots = module.get_slots_with_token().unwrap();
    let is_it = |slot: &_| module.get_token_info(*slot).unwrap().label() == token;
    let session = module.open_rw_session(slots.into_iter().find(is_it).unwrap()).unwrap();
    // So does whoever is logged in already.
    let _ = session.login(UserType::User, Some(&AuthPin::from(PIN.to_owned())));
    session
}

fn destroy(session: &Session, object: &str, class: ObjectClass) {
    let template = [Attribute::Class(class), Attribute::Label(object.as_bytes().to_vec())];
    for one in session.find_objects(&template).unwrap() {
        session.destroy_object(one).unwrap();
    }
}

fn a_key_is_made_found_and_signs() {
    let uri = uri("one", "cuhk-issuing");
    assert!(TokenKey::find(&uri, &pin()).unwrap().is_none());
    let made = TokenKey::generate(&uri, &pin()).unwrap();
    let found = TokenKey::open(&uri, &pin()).unwrap();
    assert_eq!(found.public_key(), made.public_key());
    for key in [&made, &found] {
        for message in [&b""[..], b"message", &[7; 100_000]] {
            let signature = key.sign(message).unwrap();
            assert_eq!(key.public_key().verify(message, &signature), Ok(()));
        }
    }
    let other = uri.with_object("cuhk-issuing-2".to_owned());
    let other = TokenKey::generate(&other, &pin()).unwrap();
    assert_ne!(other.public_key(), made.public_key());
    let shown = format!("{found:?}");
    assert!(shown.contains("cuhk-issuing") && !shown.contains(PIN), "{shown}");
}

fn the_private_key_stays_in_the_token() {
    let session = session("one");
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let keys = session.find_objects(&template).unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        let wanted = [AttributeType::Sensitive, AttributeType::Extractable];
        let found = session.get_attributes(key, &wanted).unwrap();
        assert_eq!(found, [Attribute::Sensitive(true), Attribute::Extractable(false)]);
        let value = session.get_attributes(key, &[AttributeType::Value]);
        assert!(value.map_or(true, |found| found.is_empty()));
    }
}

fn a_session_that_ended_is_opened_anew() {
    let uri = uri("one", "lost");
    let key = TokenKey::generate(&uri, &pin()).unwrap();
    key.sign(b"before").unwrap();
    // Logging out ends it for the whole process, as a token does that was pulled.
    session("one").logout().unwrap();
    let signature = key.sign(b"after").unwrap();
    assert_eq!(key.public_key().verify(b"after", &signature), Ok(()));
    let threads: Vec<_> = (0..4u8)
        .map(|number| {
            let key = TokenKey::open(&uri, &pin()).unwrap();
            std::thread::spawn(move || key.sign(&[number]).is_ok())
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
}

fn another_key_of_the_same_name_is_noticed() {
    let uri = uri("one", "exchanged");
    let key = TokenKey::generate(&uri, &pin()).unwrap();
    destroy(&session("one"), "exchanged", ObjectClass::PRIVATE_KEY);
    let refused = key.sign(b"x").unwrap_err();
    let KeyError::Elsewhere { reason } = &refused else { panic!("{refused}") };
    assert!(reason.contains("has no private key \"exchanged\""), "{reason}");
    // The module was restarted meanwhile, in case it had not seen the key come back.
    destroy(&session("one"), "exchanged", ObjectClass::PUBLIC_KEY);
    TokenKey::generate(&uri, &pin()).unwrap();
    let refused = key.sign(b"x").unwrap_err().to_string();
    assert!(refused.contains("has another key called \"exchanged\" now"), "{refused}");
}

fn halves_that_do_not_belong_together_are_told() {
    let (one, other) = (uri("two", "halves"), uri("two", "others"));
    let session = session("two");
    TokenKey::generate(&one, &pin()).unwrap();
    TokenKey::generate(&other, &pin()).unwrap();
    destroy(&session, "halves", ObjectClass::PUBLIC_KEY);
    let template =
        [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Label(b"others".to_vec())];
    let public = session.find_objects(&template).unwrap()[0];
    session.update_attributes(public, &[Attribute::Label(b"halves".to_vec())]).unwrap();
    let refused = TokenKey::open(&one, &pin()).unwrap_err();
    assert!(matches!(refused, TokenError::Inconsistent { .. }), "{refused}");
}

fn other_curves_are_told() {
    let session = session("two");
    let template = |class: &[Attribute]| {
        [class, &[Attribute::Token(true), Attribute::Label(b"p384".to_vec())]].concat()
    };
    // secp384r1.
    let curve = Attribute::EcParams(vec![6, 5, 0x2b, 0x81, 4, 0, 0x22]);
    let (public, private) = (template(&[curve]), template(&[Attribute::Sign(true)]));
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
    let refused = TokenKey::open(&uri("two", "p384"), &pin()).unwrap_err();
    let told = refused.to_string();
    assert!(told.contains("must be an elliptic-curve key on P-256; this is P-384"), "{told}");
}

fn what_is_not_there_is_told() {
    let refused = |uri: &TokenUri| TokenKey::open(uri, &pin()).unwrap_err();
    assert!(matches!(refused(&uri("three", "x")), TokenError::NoToken { .. }));
    assert!(matches!(refused(&uri("one", "x")), TokenError::NoKey { .. }));
    let nowhere = "pkcs11:token=one;object=x?module-path=/nonexistent.so".parse().unwrap();
    assert!(matches!(refused(&nowhere), TokenError::Module { .. }));
    TokenKey::generate(&uri("one", "twins"), &pin()).unwrap();
    let second = TokenKey::generate(&uri("one", "twins"), &pin()).unwrap_err();
    assert!(matches!(second, TokenError::ManyKeys { .. }));
    assert!(matches!(refused(&uri("one", "twins")), TokenError::ManyKeys { .. }));
}

fn a_wrong_pin_is_told() {
    // Whoever is logged in needs no PIN.
    session("two").logout().unwrap();
    let wrong = Passphrase::new("13579".to_owned());
    let refused = TokenKey::open(&uri("two", "others"), &wrong).unwrap_err();
    assert!(matches!(refused, TokenError::Pin { .. }), "{refused}");
    let told = format!("{refused} {refused:?} {}", refused.advice());
    assert!(!told.contains("13579"), "{told}");
}

//! The student's folder, as it may be found.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use claim_core::PersonId;
use claim_files::FileError;
use claim_pki::SigningKey;
use claim_student::{Explained, IdentityState, WalletError};

use crate::support::{Authority, Person, now, nowhere, sid, text_of};

/// A folder with one good identity.
fn enrolled() -> (Authority, Person) {
    let authority = Authority::real();
    let person = Person::enrolled(&authority, &nowhere(), &nowhere());
    (authority, person)
}

/// What is wrong with the one identity.
fn state(person: &Person) -> IdentityState {
    let mut identities = person.start().identities().unwrap();
    assert_eq!(identities.len(), 1);
    identities.pop().unwrap().state
}

fn unusable(person: &Person) -> WalletError {
    match state(person) {
        IdentityState::Unusable(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_folder_has_nobody_and_is_not_made() {
    let person = Person::new(&nowhere(), &nowhere());
    assert!(person.start().identities().unwrap().is_empty());
    assert!(!person.config.dir.exists());
}

#[test]
fn identities_are_listed_with_their_state() {
    let (authority, person) = enrolled();
    let (expired, begun): (PersonId, PersonId) =
        ("1155000001".parse().unwrap(), "1155000002".parse().unwrap());
    person.write_identity(&authority, &expired, now().plus_seconds(-200), 100);
    person.write(&format!("{begun}.key"), &SigningKey::generate().unwrap().to_pkcs8_pem());
    for stranger in ["notes.txt", "blackboard.key", "sealing.key", "115512345.key", "cuhk.key"] {
        person.write(stranger, "somebody else's");
    }
    let identities = person.start().identities().unwrap();
    let ids: Vec<_> = identities.iter().map(|identity| identity.id.as_str()).collect();
    assert_eq!(ids, ["1155000001", "1155000002", "1155123456"]);
    assert!(matches!(identities[0].state, IdentityState::Expired { .. }));
    assert!(matches!(identities[1].state, IdentityState::Interrupted));
    assert!(matches!(identities[2].state, IdentityState::Valid { .. }));
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let (_, person) = enrolled();
    fs::set_permissions(person.path("1155123456.key"), Permissions::from_mode(0o644)).unwrap();
    let error = unusable(&person);
    assert!(matches!(error, WalletError::File(FileError::NotPrivate { .. })));
    assert!(error.to_string().contains("chmod 600"));
}

#[test]
fn what_does_not_fit_together_is_told() {
    let (authority, person) = enrolled();
    let (key, cer) = (person.read("1155123456.key"), person.read("1155123456.cer"));
    let restore = || {
        person.write("1155123456.key", &key);
        person.write("1155123456.cer", &cer);
    };

    person.write("1155123456.key", &SigningKey::generate().unwrap().to_pkcs8_pem());
    assert!(matches!(unusable(&person), WalletError::OtherKey { .. }));

    for garbage in
        ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
    {
        person.write("1155123456.key", garbage);
        assert!(matches!(unusable(&person), WalletError::Key { .. }), "{garbage:?}");
    }

    restore();
    person.write("1155123456.cer", "not a certificate");
    assert!(matches!(unusable(&person), WalletError::Certificate { .. }));

    person.write("1155123456.cer", &cer.repeat(3));
    assert!(matches!(unusable(&person), WalletError::Path { .. } | WalletError::Chain { .. }));

    person.write("1155123456.cer", &"x".repeat(70_000));
    assert!(matches!(unusable(&person), WalletError::File(FileError::TooLarge { .. })));

    let private = SigningKey::from_pkcs8_pem(&key).unwrap();
    let other = authority.person(&"1155000000".parse().unwrap(), private.public_key());
    person.write("1155123456.cer", &(other.to_pem() + &authority.issuing.certificate().to_pem()));
    assert!(matches!(unusable(&person), WalletError::OtherPerson { .. }));

    restore();
    fs::remove_file(person.path("1155123456.key")).unwrap();
    assert!(matches!(unusable(&person), WalletError::KeyMissing { .. }));

    restore();
    assert!(matches!(state(&person), IdentityState::Valid { .. }));
}

#[test]
fn a_certificate_of_another_cuhk_is_told() {
    let (_, person) = enrolled();
    person.write_root(&Authority::real());
    let error = unusable(&person);
    assert!(matches!(error, WalletError::Path { .. }));
    assert!(text_of(&error).contains("set up anew"));
}

#[test]
fn a_root_file_with_something_else_is_told() {
    let (_, person) = enrolled();
    for content in ["", "garbage", &person.read("1155123456.cer")] {
        person.write("cuhk.cer", content);
        let error = person.start().identities().unwrap_err();
        assert!(matches!(error, WalletError::Root { .. }), "{error}");
        assert!(error.to_string().contains("cuhk.cer"));
    }
    fs::remove_file(person.path("cuhk.cer")).unwrap();
    assert!(matches!(unusable(&person), WalletError::NoRoot { .. }));
}

#[test]
fn a_root_in_der_is_as_good() {
    let (authority, person) = enrolled();
    fs::write(person.path("cuhk.cer"), authority.root.der()).unwrap();
    assert!(matches!(state(&person), IdentityState::Valid { .. }));
    fs::write(person.path("cuhk.cer"), [0x30, 0x80, 0xff]).unwrap();
    assert!(matches!(person.start().identities(), Err(WalletError::Root { .. })));
    fs::write(person.path("cuhk.cer"), [0xff, 0xfe]).unwrap();
    assert!(matches!(person.start().identities(), Err(WalletError::Root { .. })));
}

#[test]
fn every_error_tells_what_to_do() {
    let (id, path): (PersonId, _) = (sid().into(), std::path::PathBuf::from("a\u{1b}[2J"));
    for error in [
        WalletError::NoRoot { looked_in: path.clone() },
        WalletError::OtherRoot { path: path.clone() },
        WalletError::KeyNotText { path: path.clone() },
        WalletError::KeyMissing { key: path.clone(), certificate: path.clone() },
        WalletError::OtherKey { key: path.clone(), certificate: path.clone() },
        WalletError::NotEnrolled { id: id.clone(), dir: path.clone() },
        WalletError::Interrupted { id: id.clone(), key: path.clone() },
        WalletError::Expired { id, not_after: now(), at: now() },
        WalletError::File(FileError::Locked { path }),
    ] {
        assert!(!error.advice().is_empty());
        let text = text_of(&error);
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

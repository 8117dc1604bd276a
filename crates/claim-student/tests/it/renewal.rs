//! Renewal: with another key, and by itself.

use claim_core::{PersonId, ProblemType};
use claim_student::{EnrolError, IdentityState, RenewalKey};

use crate::support::cuhk::REENROLL;
use crate::support::{Authority, Cuhk, Person, now, nowhere, problem, sid};

fn id() -> PersonId {
    sid().into()
}

/// Where the key of a renewal waits.
const NEXT_KEY: &str = ".1155123456.key.next";

async fn enrolled() -> (Cuhk, Person) {
    let cuhk = Cuhk::start(Authority::real()).await;
    let person = Person::enrolled(&cuhk.authority, &cuhk.origin, &nowhere());
    (cuhk, person)
}

fn pair(person: &Person) -> (String, String) {
    (person.read("1155123456.key"), person.read("1155123456.cer"))
}

fn assert_valid(person: &Person) {
    let identities = person.start().identities().unwrap();
    assert!(matches!(identities[0].state, IdentityState::Valid { .. }), "{identities:?}");
}

#[tokio::test]
async fn key_and_certificate_give_way_together() {
    let (_cuhk, person) = enrolled().await;
    let (key, certificate) = pair(&person);
    let renewed = person.start().renew(&id(), RenewalKey::New).await.unwrap();
    assert!(renewed.has_new_key);
    assert!(renewed.before_not_after < renewed.enrolled.not_after);
    assert_ne!(renewed.before, renewed.enrolled.serial);
    let (new_key, new_certificate) = pair(&person);
    assert!(key != new_key && certificate != new_certificate);
    assert!(!person.path(NEXT_KEY).exists());
    assert_valid(&person);
    use std::os::unix::fs::PermissionsExt as _;
    let mode = person.path("1155123456.key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_lost_answer_is_no_lost_certificate() {
    let (cuhk, mut person) = enrolled().await;
    person.impatient();
    let before = pair(&person);
    cuhk.break_off(REENROLL);
    person.start().renew(&id(), RenewalKey::New).await.unwrap_err();
    assert_eq!(pair(&person), before, "what there was is good");
    assert_valid(&person);
    let waiting = person.read(NEXT_KEY);

    // Whatever is said now, CUHK may have certified that key, and certifies no other.
    let renewed = person.start().renew(&id(), RenewalKey::Same).await.unwrap();
    assert!(renewed.has_new_key);
    assert_eq!(pair(&person).0, waiting);
    assert!(!person.path(NEXT_KEY).exists());
    let keys = cuhk.keys.lock().unwrap().clone();
    assert_eq!((keys.len(), keys[0]), (2, keys[1]));
    assert_valid(&person);
}

#[tokio::test]
async fn a_refused_renewal_leaves_the_pair() {
    let (cuhk, person) = enrolled().await;
    let before = pair(&person);
    cuhk.instead(REENROLL, problem(ProblemType::CertificateRenewed));
    let error = person.start().renew(&id(), RenewalKey::New).await.unwrap_err();
    assert!(matches!(error, EnrolError::Refused(_)), "{error}");
    assert_eq!(pair(&person), before);
    assert_valid(&person);
}

#[tokio::test]
async fn two_thirds_of_a_life_are_renewed_by_itself() {
    let (cuhk, person) = enrolled().await;
    for (gone, asked) in [(60, 0), (70, 1)] {
        person.write_identity(&cuhk.authority, &id(), now().plus_seconds(-gone), 100);
        let (key, certificate) = pair(&person);
        person.events.take();
        person.start().renew_if_due(&id()).await;
        assert_eq!(cuhk.asked(REENROLL), asked);
        let told: &[&str] = if asked == 0 { &[] } else { &["RenewedByItself"] };
        assert_eq!(person.events.take(), told);
        let (new_key, new_certificate) = pair(&person);
        assert_eq!((new_key == key, new_certificate == certificate), (true, asked == 0));
    }
    // The new one is not due.
    person.start().renew_if_due(&id()).await;
    assert_eq!(cuhk.asked(REENROLL), 1);
}

#[tokio::test]
async fn what_cannot_be_renewed_by_itself_is_told_and_stays() {
    let authority = Authority::real();
    let person = Person::enrolled(&authority, &nowhere(), &nowhere());
    person.write_identity(&authority, &id(), now().plus_seconds(-80), 100);
    let before = pair(&person);
    person.start().renew_if_due(&id()).await;
    assert_eq!(person.events.take(), ["NotRenewed"]);
    assert_eq!(pair(&person), before);
    assert_valid(&person);
    let (cuhk, person) = enrolled().await;
    person.write_identity(&cuhk.authority, &id(), now().plus_seconds(-80), 100);
    cuhk.instead(REENROLL, problem(ProblemType::CertificateRevoked));
    person.start().renew_if_due(&id()).await;
    assert_eq!(person.events.take(), ["NotRenewed"]);
}

#[tokio::test]
async fn what_has_ended_is_renewed_before_it_is_used() {
    let (cuhk, mut person) = enrolled().await;
    person.impatient();
    person.write_identity(&cuhk.authority, &id(), now().plus_seconds(-200), 100);
    person.events.take();
    // There is no Blackboard; what matters is what was done before that showed.
    person.start().open_session(&id()).await.unwrap_err();
    assert_eq!(cuhk.asked(REENROLL), 1);
    assert_eq!(person.events.take()[0], "RenewedByItself");
    assert_valid(&person);
}

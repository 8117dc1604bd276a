//! Steps 1 and 2.

use std::time::Duration;

use claim_core::invitation::{Invitation, Invitee};
use claim_core::{PersonId, Problem, ProblemType};
use claim_pki::{Certificate, SigningKey};
use claim_student::{
    EnrolError, Event, Explained, IdentityState, Outcome, RenewalKey, Requester, WalletError,
};

use crate::support::cuhk::{CACERTS, ENROLL, REENROLL};
use crate::support::{Authority, Cuhk, Person, Reply, now, nowhere, problem, sid, text_of};

fn id() -> PersonId {
    sid().into()
}

/// A student with an invitation and an empty folder.
async fn invited() -> (Cuhk, Person, Requester) {
    let cuhk = Cuhk::start(Authority::real()).await;
    let person = Person::new(&nowhere(), &nowhere());
    let requester = Requester::Invited(cuhk.invitation(&id()));
    (cuhk, person, requester)
}

#[tokio::test]
async fn an_invitation_is_enough() {
    let (cuhk, person, requester) = invited().await;
    let enrolled = person.start().enroll(requester.clone()).await.unwrap();
    assert_eq!((&enrolled.id, enrolled.already), (&id(), false));
    assert_eq!(person.files(), ["1155123456.cer", "1155123456.key", "cuhk.cer"]);
    let root = Certificate::from_pem(&person.read("cuhk.cer")).unwrap();
    assert_eq!(root.der(), cuhk.authority.root.der());
    let chain = Certificate::chain_from_pem(&person.read("1155123456.cer")).unwrap();
    assert_eq!(chain.len(), 2, "the chain is complete");
    assert_eq!(
        person.events.take(),
        ["RootPinned", "KeyMade", "RequestSent", "CertificateReceived", "SignFinished"]
    );

    // Once more: CUHK is asked for its lists alone (the issuer's and the root's), and the invitation is not used.
    let asked = cuhk.asked_at_all();
    let again = person.start().enroll(requester).await.unwrap();
    assert_eq!((again.serial, again.already), (enrolled.serial, true));
    assert_eq!(cuhk.asked_at_all(), asked + 2);
}

#[tokio::test]
async fn a_private_key_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (_cuhk, person, requester) = invited().await;
    person.start().enroll(requester).await.unwrap();
    let mode = |name| person.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("1155123456.key"), 0o600);
    assert_eq!(person.config.dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_local_cuhk_enrols_anyone() {
    let cuhk = Cuhk::start(Authority::local_demo()).await;
    let person = Person::new(&cuhk.origin, &nowhere());
    person.write_root(&cuhk.authority);
    let enrolled = person.start().enroll(Requester::LocalDemo(sid())).await.unwrap();
    assert_eq!(enrolled.id, id());
    assert_eq!(
        person.events.take(),
        ["KeyMade", "RequestSent", "CertificateReceived", "SignFinished"]
    );
}

#[tokio::test]
async fn without_root_and_invitation_there_is_nowhere_to_go() {
    let person = Person::new(&nowhere(), &nowhere());
    let error = person.start().enroll(Requester::LocalDemo(sid())).await.unwrap_err();
    let path = person.path("cuhk.cer");
    assert!(
        matches!(&error, EnrolError::Wallet(WalletError::NoRoot { looked_in }) if *looked_in == path)
    );
    let text = text_of(&error);
    assert!(text.contains("cuhk.cer") && text.contains("claim cuhk"), "{text}");
    assert!(person.files().is_empty(), "nothing was made");
}

#[tokio::test]
async fn a_real_cuhk_wants_an_invitation() {
    let cuhk = Cuhk::start(Authority::real()).await;
    let person = Person::new(&cuhk.origin, &nowhere());
    person.write_root(&cuhk.authority);
    let error = person.start().enroll(Requester::LocalDemo(sid())).await.unwrap_err();
    assert!(matches!(error, EnrolError::InvitationNeeded { .. }));
    assert!(text_of(&error).contains("--invite-file"));
    assert_eq!((cuhk.asked_at_all(), person.files()), (0, vec!["cuhk.cer".to_owned()]));
}

#[tokio::test]
async fn an_invitation_for_a_server_is_no_students() {
    let (cuhk, person, _) = invited().await;
    let invitee = Invitee::Server("https://blackboard.example".parse().unwrap());
    let invitation = Invitation { invitee, ..cuhk.invitation(&id()) };
    let error = person.start().enroll(Requester::Invited(invitation)).await.unwrap_err();
    assert!(matches!(error, EnrolError::ForServer { .. }));
    assert_eq!(cuhk.asked_at_all(), 0);
}

#[tokio::test]
async fn another_root_than_the_pinned_one_is_not_believed() {
    let (cuhk, person, _) = invited().await;
    let other = Cuhk::start(Authority::real()).await;
    let invitation = Invitation { cuhk: other.origin.clone(), ..cuhk.invitation(&id()) };
    let error = person.start().enroll(Requester::Invited(invitation)).await.unwrap_err();
    assert!(matches!(&error, EnrolError::PinMismatch { found, .. } if found.len() == 1));
    assert_eq!(error.outcome(), Outcome::Refused);
    assert_eq!((other.asked(CACERTS), other.asked(ENROLL)), (1, 0), "the code was not sent");
    assert!(person.files().is_empty());
}

#[tokio::test]
async fn a_folder_belongs_to_one_cuhk() {
    let (cuhk, person, requester) = invited().await;
    person.write_root(&Authority::real());
    let error = person.start().enroll(requester).await.unwrap_err();
    assert!(matches!(&error, EnrolError::OtherRoot { .. }), "{error}");
    assert_eq!(cuhk.asked_at_all(), 0);
}

#[tokio::test]
async fn the_code_goes_only_to_cuhk_itself() {
    // The same root, the same host, but the certificate of another service.
    let other_service =
        |authority: &Authority, _: &_| authority.tls(&"https://localhost:1".parse().unwrap());
    let cuhk = Cuhk::start_with_tls(Authority::real(), other_service).await;
    let person = Person::new(&nowhere(), &nowhere());
    let requester = Requester::Invited(cuhk.invitation(&id()));
    let error = person.start().enroll(requester).await.unwrap_err();
    assert!(matches!(error, EnrolError::Unreached(_)));
    let text = text_of(&error);
    assert!(text.contains("is not CUHK") && text.contains("Nothing was sent"), "{text}");
    assert_eq!(cuhk.asked(ENROLL), 0);
}

#[tokio::test]
async fn a_server_of_another_root_is_told_by_its_file() {
    let cuhk = Cuhk::start(Authority::local_demo()).await;
    let person = Person::new(&cuhk.origin, &nowhere());
    person.write_root(&Authority::local_demo());
    let error = person.start().enroll(Requester::LocalDemo(sid())).await.unwrap_err();
    let text = text_of(&error);
    let path = person.path("cuhk.cer");
    assert!(text.contains(path.to_str().unwrap()) && text.contains("set up anew"), "{text}");
    assert_eq!((error.outcome(), cuhk.asked_at_all()), (Outcome::Refused, 0));
}

#[tokio::test]
async fn a_server_of_another_name_is_told_by_name() {
    let other_name =
        |authority: &Authority, _: &_| authority.tls(&"https://cuhk.example:9335".parse().unwrap());
    let cuhk = Cuhk::start_with_tls(Authority::local_demo(), other_name).await;
    let person = Person::new(&cuhk.origin, &nowhere());
    person.write_root(&cuhk.authority);
    let error = person.start().enroll(Requester::LocalDemo(sid())).await.unwrap_err();
    let text = text_of(&error);
    assert!(text.contains("cuhk.example") && text.contains("localhost"), "{text}");
    assert_eq!(cuhk.asked_at_all(), 0);
}

#[tokio::test]
async fn a_cuhk_that_is_not_there_can_be_started() {
    let person = Person::new(&nowhere(), &nowhere());
    person.write_root(&Authority::local_demo());
    let error = person.start().enroll(Requester::LocalDemo(sid())).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unreachable);
    let text = text_of(&error);
    assert!(text.contains("CUHK does not answer at https://localhost:"), "{text}");
    assert!(text.contains("`claim cuhk`"), "{text}");
}

#[tokio::test]
async fn an_interrupted_enrolment_goes_on_with_the_same_key() {
    let (cuhk, mut person, requester) = invited().await;
    person.impatient();
    cuhk.break_off(ENROLL);
    let error = person.start().enroll(requester.clone()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(text_of(&error).contains("same invitation"));
    let key = person.read("1155123456.key");
    let identities = person.start().identities().unwrap();
    assert!(matches!(identities[0].state, IdentityState::Interrupted));

    person.events.take();
    person.start().enroll(requester).await.unwrap();
    assert_eq!(
        person.events.take(),
        ["KeyFound", "RequestSent", "CertificateReceived", "SignFinished"]
    );
    assert_eq!(person.read("1155123456.key"), key);
    let keys = cuhk.keys.lock().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let (cuhk, person, requester) = invited().await;
    cuhk.instead(CACERTS, Reply::new(502, "text/html", "<h1>gateway</h1>"));
    cuhk.instead(ENROLL, problem(ProblemType::Overloaded).with("retry-after", "1"));
    cuhk.break_off(ENROLL);
    person.start().enroll(requester).await.unwrap();
    assert_eq!(cuhk.asked(ENROLL), 3);
    assert_eq!(person.events.count(|event| matches!(event, Event::Retrying { .. })), 3);
    let honoured = person.events.find(|event| match event {
        Event::Retrying { after, .. } if *after >= Duration::from_secs(1) => Some(()),
        _ => None,
    });
    assert!(honoured.is_some(), "Retry-After is honoured");
}

#[tokio::test]
async fn a_refusal_is_told_in_our_own_words() {
    let (cuhk, person, requester) = invited().await;
    let hostile = Problem::new(ProblemType::CodeUsed, "at \u{1b}[31mnoon");
    cuhk.instead(ENROLL, Reply::problem(&hostile, &cuhk.origin));
    let error = person.start().enroll(requester).await.unwrap_err();
    assert_eq!((error.outcome(), cuhk.asked(ENROLL)), (Outcome::Refused, 1));
    let text = text_of(&error);
    assert!(text.contains(ProblemType::CodeUsed.title()), "{text}");
    assert!(text.contains(ProblemType::CodeUsed.what_to_do()), "{text}");
    assert!(text.contains("noon") && !text.contains('\u{1b}'), "{text}");
}

#[tokio::test]
async fn what_is_no_cuhk_is_told() {
    for (reply, said) in [
        (Reply::new(200, "text/html", "<h1>log in</h1>"), "text/html"),
        (Reply::new(200, "application/pkcs7-mime", "{}"), "base64"),
        (Reply::new(200, "application/pkcs7-mime", "AAAA"), "no certificates"),
        (Reply::new(200, "application/pkcs7-mime", vec![b'A'; 1 << 20]), "longer than"),
        (Reply::new(418, "", ""), "418"),
    ] {
        let (cuhk, mut person, requester) = invited().await;
        person.impatient();
        cuhk.instead(CACERTS, reply);
        let error = person.start().enroll(requester).await.unwrap_err();
        let text = text_of(&error);
        assert!(text.contains(said) && text.contains("not"), "{text}");
        assert_eq!(cuhk.asked(ENROLL), 0);
    }
}

#[tokio::test]
async fn a_certificate_is_checked_before_it_is_stored() {
    let stranger = SigningKey::generate().unwrap();
    let other_id: PersonId = "1155000000".parse().unwrap();
    let own_key = |person: &Person| {
        SigningKey::from_pkcs8_pem(&person.read("1155123456.key")).unwrap().public_key().clone()
    };
    for case in ["key", "person", "root"] {
        let (cuhk, mut person, requester) = invited().await;
        person.impatient();
        // The key is there already, so that a certificate for it can be forged.
        person.write("1155123456.key", &SigningKey::generate().unwrap().to_pkcs8_pem());
        let ours = own_key(&person);
        let forged = match case {
            "key" => cuhk.authority.person(&id(), stranger.public_key()),
            "person" => cuhk.authority.person(&other_id, &ours),
            _ => Authority::real().person(&id(), &ours),
        };
        cuhk.forged.lock().unwrap().push(forged);
        let error = person.start().enroll(requester.clone()).await.unwrap_err();
        match case {
            "key" => assert!(matches!(error, EnrolError::OtherKey { .. }), "{error}"),
            "person" => assert!(
                matches!(&error, EnrolError::OtherPerson { found, .. } if *found == other_id)
            ),
            _ => assert!(matches!(error, EnrolError::Certificate(_)), "{error}"),
        }
        assert!(!person.files().contains(&"1155123456.cer".to_owned()), "{case}");
        // The next attempt, without a forger, succeeds.
        person.start().enroll(requester).await.unwrap();
    }
}

#[tokio::test]
async fn two_programs_for_one_student_make_one_identity() {
    let (cuhk, person, requester) = invited().await;
    let (one, two) = (person.start(), person.start());
    let (one, two) = tokio::join!(one.enroll(requester.clone()), two.enroll(requester));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.serial, two.serial);
    assert!(one.already != two.already);
    assert_eq!(cuhk.asked(ENROLL), 1);
    assert!(person.events.take().contains(&"WaitingForOther".to_owned()));
}

#[tokio::test]
async fn two_students_share_a_folder() {
    let (cuhk, person, _) = invited().await;
    let (a, b): (PersonId, PersonId) = (id(), "1155000000".parse().unwrap());
    let (one, two) = (person.start(), person.start());
    let (one, two) = tokio::join!(
        one.enroll(Requester::Invited(cuhk.invitation(&a))),
        two.enroll(Requester::Invited(cuhk.invitation(&b)))
    );
    assert!(!one.unwrap().already && !two.unwrap().already);
    let identities = person.start().identities().unwrap();
    let ids: Vec<_> = identities.iter().map(|identity| identity.id.as_str()).collect();
    assert_eq!(ids, ["1155000000", "1155123456"]);
}

#[tokio::test]
async fn a_member_of_staff_called_cuhk_does_no_harm() {
    let (cuhk, person, _) = invited().await;
    let staff: PersonId = "cuhk".parse().unwrap();
    person.write("cuhk.key", "the key of the CUHK in the same folder");
    person.start().enroll(Requester::Invited(cuhk.invitation(&staff))).await.unwrap();
    assert_eq!(person.files(), ["cuhk.cer", "cuhk.key", "staff-cuhk.cer", "staff-cuhk.key"]);
    assert_eq!(person.read("cuhk.key"), "the key of the CUHK in the same folder");
    assert_eq!(person.start().identities().unwrap()[0].id, staff);
}

#[tokio::test]
async fn a_dropped_enrolment_leaves_nothing_locked() {
    let (_cuhk, person, requester) = invited().await;
    let student = person.start();
    let mut first = Box::pin(student.enroll(requester.clone()));
    // One poll: the lock is taken, and first contact is under way.
    let began = std::future::poll_fn(|context| {
        let pending = first.as_mut().poll(context).is_pending();
        std::task::Poll::Ready(pending)
    });
    assert!(began.await);
    drop(first);
    person.start().enroll(requester).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_expired_is_replaced_and_the_key_is_kept() {
    let (cuhk, person, requester) = invited().await;
    person.write_root(&cuhk.authority);
    person.write_identity(&cuhk.authority, &id(), now().plus_seconds(-200), 100);
    let key = person.read("1155123456.key");
    let enrolled = person.start().enroll(requester).await.unwrap();
    assert!(!enrolled.already && enrolled.not_after > now());
    assert_eq!(person.read("1155123456.key"), key);
}

#[tokio::test]
async fn a_cuhk_that_was_set_up_anew_certifies_the_same_key() {
    let cuhk = Cuhk::start(Authority::local_demo()).await;
    let person = Person::new(&cuhk.origin, &nowhere());
    person.write_root(&cuhk.authority);
    person.write_identity(&Authority::local_demo(), &id(), now(), 86_400);
    let key = person.read("1155123456.key");
    person.start().enroll(Requester::LocalDemo(sid())).await.unwrap();
    assert_eq!(person.read("1155123456.key"), key);
    let identities = person.start().identities().unwrap();
    assert!(matches!(identities[0].state, IdentityState::Valid { .. }));
}

#[tokio::test]
async fn a_slow_clock_does_not_keep_a_new_certificate_out() {
    let (_cuhk, mut person, requester) = invited().await;
    person.set_clock_ahead(-3_600);
    person.start().enroll(requester).await.unwrap();
    let identities = person.start().identities().unwrap();
    assert!(matches!(identities[0].state, IdentityState::Valid { .. }));
}

#[tokio::test]
async fn a_certificate_is_renewed_with_itself() {
    let cuhk = Cuhk::start(Authority::real()).await;
    let person = Person::enrolled(&cuhk.authority, &cuhk.origin, &nowhere());
    let (key, certificate) = (person.read("1155123456.key"), person.read("1155123456.cer"));
    let renewed = person.start().renew(&id(), RenewalKey::Same).await.unwrap();
    assert!(renewed.enrolled.not_after > now().plus_seconds(100 * 86_400));
    assert_eq!(person.read("1155123456.key"), key);
    assert_ne!(person.read("1155123456.cer"), certificate);
    assert_eq!((cuhk.asked(REENROLL), cuhk.asked(ENROLL)), (1, 0));
}

#[tokio::test]
async fn a_certificate_just_expired_can_be_renewed() {
    let cuhk = Cuhk::start(Authority::real()).await;
    let person = Person::enrolled(&cuhk.authority, &cuhk.origin, &nowhere());
    person.write_identity(&cuhk.authority, &id(), now().plus_seconds(-200), 100);
    person.start().renew(&id(), RenewalKey::Same).await.unwrap();
    let identities = person.start().identities().unwrap();
    assert!(matches!(identities[0].state, IdentityState::Valid { .. }));
}

#[tokio::test]
async fn a_refused_renewal_leaves_the_certificate() {
    let cuhk = Cuhk::start(Authority::real()).await;
    let person = Person::enrolled(&cuhk.authority, &cuhk.origin, &nowhere());
    let certificate = person.read("1155123456.cer");
    cuhk.instead(REENROLL, problem(ProblemType::NotOnRoster));
    let error = person.start().renew(&id(), RenewalKey::Same).await.unwrap_err();
    assert!(matches!(error, EnrolError::Refused(_)));
    assert_eq!(person.read("1155123456.cer"), certificate);
    let missing =
        person.start().renew(&"1155000000".parse().unwrap(), RenewalKey::Same).await.unwrap_err();
    assert!(matches!(missing, EnrolError::Wallet(WalletError::NotEnrolled { .. })));
}

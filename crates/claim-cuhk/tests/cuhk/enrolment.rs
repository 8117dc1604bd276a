//! Steps 1 and 2, and what happens when they are repeated, raced or cut off.

use claim_core::invitation::Invitation;
use claim_core::{Digest, ProblemType};
use claim_cuhk::{Clock, Event, Mode};
use claim_http::ServerTrust;

use crate::fixture::{
    Hand, SID, TestCuhk, client, config, folder, key, real_folder, refusal, request, server,
    some_code, student,
};

#[tokio::test]
async fn a_student_enrols_at_a_cuhk_that_was_just_started() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let key = key();
    let certificate = cuhk.enrol(&student(SID), &some_code(), &key).await.unwrap();

    let issuing = cuhk.issuing().await;
    let now = Clock::system().now();
    let person = cuhk.root.verify_person(&[certificate.der(), issuing.der()], now).unwrap();
    assert_eq!((person.id().as_str(), person.name()), (SID, SID));
    assert_eq!(person.public_key(), key.public_key());
    assert_eq!(person.not_after().millis_since(person.not_before()), 180 * 86_400_000);
    assert_eq!(
        certificate.serial().as_bytes().len().clamp(15, 16),
        certificate.serial().as_bytes().len()
    );

    let [entry] = cuhk.issued().await.try_into().unwrap();
    assert_eq!((entry.holder.as_str(), entry.profile.as_str()), (SID, "person"));
    assert_eq!(entry.serial, certificate.serial().to_string());
    assert_eq!(entry.fingerprint, Some(Digest::of(certificate.der())));

    let events = cuhk.events();
    assert!(
        matches!(events[0], Event::RootMade { fingerprint } if fingerprint.as_bytes() == cuhk.root.hash())
    );
    assert!(
        events.iter().any(|event| matches!(event, Event::Listening { mode: Mode::LocalDemo, .. }))
    );
    assert!(matches!(events.last(), Some(Event::Enrolled(issued))
        if issued.holder == student(SID) && !issued.repeated && issued.not_after == person.not_after()));
    cuhk.stop().await;
}

#[tokio::test]
async fn the_certificate_of_an_invited_person_has_the_name_on_record() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let name = Some("陳大文 Chan Tai Man".parse().unwrap());
    let invitation = cuhk.office().await.invite(student(SID), name, None).await.unwrap();
    assert_eq!(invitation.cuhk, cuhk.origin);
    assert_eq!(
        invitation.pin,
        claim_core::invitation::RootPin::of(&Digest::from_bytes(*cuhk.root.hash()))
    );

    let certificate = cuhk.enrol(&invitation.invitee, &invitation.code, &key()).await.unwrap();
    let issuing = cuhk.issuing().await;
    let now = Clock::system().now();
    let person = cuhk.root.verify_person(&[certificate.der(), issuing.der()], now).unwrap();
    assert_eq!((person.id().as_str(), person.name()), (SID, "陳大文 Chan Tai Man"));
    cuhk.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_not_a_lost_code() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let (who, code, own) = (&invitation.invitee, &invitation.code, key());
    let first = cuhk.enrol(who, code, &own).await.unwrap();
    let again = cuhk.enrol(who, code, &own).await.unwrap();
    assert_eq!(first.der(), again.der());
    assert!(matches!(cuhk.events().last(), Some(Event::Enrolled(issued)) if issued.repeated));
    cuhk.stop().await;

    let cuhk = TestCuhk::start(folder.path()).await;
    let after_restart = cuhk.enrol(who, code, &own).await.unwrap();
    assert_eq!(first.der(), after_restart.der());
    let people = cuhk.issued().await.into_iter().filter(|entry| entry.profile == "person");
    assert_eq!(people.count(), 1);
    cuhk.stop().await;
}

#[tokio::test]
async fn a_code_that_comes_with_a_second_key_may_be_stolen() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let (who, code) = (&invitation.invitee, &invitation.code);
    let first = cuhk.enrol(who, code, &key()).await.unwrap();
    let other = key();
    assert_eq!(refusal(cuhk.enrol(who, code, &other).await), ProblemType::CodeUsed);
    assert_eq!(cuhk.issued().await.len(), 1);
    let events = cuhk.events();
    let warned = events.iter().find_map(|event| match event {
        Event::CodeReused { invitee, key_fingerprint, .. } => Some((invitee, key_fingerprint)),
        _ => None,
    });
    assert_eq!(warned, Some((who, &Digest::from_bytes(*other.public_key().fingerprint()))));
    assert!(
        matches!(events.last(), Some(Event::Refused { problem_type: ProblemType::CodeUsed, detail, .. })
        if detail.contains(&first.serial().to_string()))
    );
    cuhk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_keys_that_race_for_one_code_exactly_one_wins() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let outcomes = race(&cuhk, &invitation, |_| key()).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let refused = outcomes.into_iter().filter_map(|outcome| outcome.err());
    assert_eq!(won, 1);
    assert!(refused.into_iter().all(|problem_type| problem_type == ProblemType::CodeUsed));
    assert_eq!(cuhk.issued().await.len(), 1);
    cuhk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_that_races_with_itself_gets_one_certificate() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let pem = key().to_pkcs8_pem();
    let same = |_| claim_pki::SigningKey::from_pkcs8_pem(&pem).unwrap();
    let mut outcomes = race(&cuhk, &invitation, same).await;
    let first = outcomes.pop().unwrap().unwrap();
    assert!(outcomes.into_iter().all(|outcome| outcome.unwrap() == first));
    assert_eq!(cuhk.issued().await.len(), 1);
    cuhk.stop().await;
}

/// Eight clients enrol at once; the DER of what each gets, or its refusal.
async fn race(
    cuhk: &TestCuhk,
    invitation: &Invitation,
    key: impl Fn(usize) -> claim_pki::SigningKey,
) -> Vec<Result<Vec<u8>, ProblemType>> {
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (client, origin) = (cuhk.client(), cuhk.origin.clone());
        let (who, code) = (invitation.invitee.clone(), invitation.code.clone());
        let der = request(&who, &key(number));
        racing.spawn(async move {
            let outcome = claim_http::simple_enroll(&client, &origin, &who, &code, &der).await;
            match outcome {
                Ok(certificate) => Ok(certificate.der().to_vec()),
                Err(error) => Err(refusal(Err(error))),
            }
        });
    }
    racing.join_all().await
}

#[tokio::test]
async fn an_expired_code_is_told_from_a_wrong_one() {
    let folder = real_folder().await;
    let hand = Hand::now();
    let cuhk =
        TestCuhk::start_with(claim_cuhk::Config { clock: hand.clock(), ..config(folder.path()) })
            .await;
    let invitation = cuhk.invite(student(SID)).await;
    let (who, code, own) = (&invitation.invitee, &invitation.code, key());
    hand.move_by(14 * 86_400 - 60);
    let client = client(&ServerTrust::Unverified, None);
    cuhk.enrol_by(&client, who, code, &own).await.unwrap();
    hand.move_by(60);
    // Not even for the key that has used it: whoever lost an answer had two weeks to ask again.
    let outcome = cuhk.enrol_by(&client, who, code, &own).await;
    assert_eq!(refusal(outcome), ProblemType::CodeExpired);
    let second = cuhk.invite(student("1155123457")).await;
    hand.move_by(15 * 86_400);
    let outcome = cuhk.enrol_by(&client, &second.invitee, &second.code, &own).await;
    assert_eq!(refusal(outcome), ProblemType::CodeExpired);
    assert_eq!(cuhk.issued().await.len(), 1);
    cuhk.stop().await;
}

#[tokio::test]
async fn a_server_enrols_with_an_invitation_for_its_origin() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let blackboard = server("https://blackboard.cuhk.example:3141");
    let invitation = cuhk.invite(blackboard.clone()).await;
    let other = server("https://blackboard.cuhk.example:3142");
    assert_eq!(
        refusal(cuhk.enrol(&other, &invitation.code, &key()).await),
        ProblemType::CodeRefused
    );
    let certificate = cuhk.enrol(&blackboard, &invitation.code, &key()).await.unwrap();
    let issuing = cuhk.issuing().await;
    let origin = "https://blackboard.cuhk.example:3141".parse().unwrap();
    let chain = [certificate.der(), issuing.der()];
    cuhk.root.verify_server(&chain, &origin, Clock::system().now()).unwrap();
    let [entry] = cuhk.issued().await.try_into().unwrap();
    assert_eq!((entry.holder.as_str(), entry.profile.as_str()), (origin.as_str(), "server"));
    cuhk.stop().await;
}

#[tokio::test]
async fn people_and_servers_without_invitation_are_not_enrolled_by_a_real_cuhk() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    for who in [student(SID), student("chan.tm"), server("https://localhost:3141")] {
        let outcome = cuhk.enrol(&who, &some_code(), &key()).await;
        assert_eq!(refusal(outcome), ProblemType::CodeRefused, "{who}");
    }
    assert!(!folder.path().join("blackboard.invite").exists());
    assert!(cuhk.issued().await.is_empty());
    cuhk.stop().await;
}

#[tokio::test]
async fn staff_enrol_with_their_id() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student("chan.tm")).await;
    let certificate = cuhk.enrol(&invitation.invitee, &invitation.code, &key()).await.unwrap();
    assert_eq!(certificate.person_id().unwrap().as_str(), "chan.tm");
    cuhk.stop().await;
}

//! Re-enrolment: by the certificate of now, up to a grace after its end.

use std::num::NonZeroU32;

use claim_core::ProblemType;
use claim_core::invitation::Invitee;
use claim_cuhk::{Authentication, CertificateEntry, Clock, Config, Event, Quotas};
use claim_http::{EstError, ServerTrust, TlsIdentity};
use claim_pki::{Certificate, SigningKey};

use crate::fixture::{
    Hand, SID, TestCuhk, client, config, folder, key, real_folder, refusal, request, server,
    some_code, student,
};

const DAY: i64 = 86_400;

/// Renews with this certificate, asking for one for `new`.
pub(crate) async fn renew(
    cuhk: &TestCuhk,
    chain: &[Certificate],
    key: &SigningKey,
    who: &Invitee,
    new: &SigningKey,
) -> Result<Certificate, EstError> {
    let identity = TlsIdentity::from_pki(chain, key).unwrap();
    // The clock of some tests is not that of the client, so the client does not look at times.
    let client = client(&ServerTrust::Unverified, Some(&identity));
    claim_http::simple_reenroll(&client, &cuhk.origin, &request(who, new)).await
}

async fn issuing(cuhk: &TestCuhk) -> Certificate {
    let client = client(&ServerTrust::Unverified, None);
    let all = claim_http::fetch_ca_certificates(&client, &cuhk.origin).await.unwrap();
    all.into_iter().find(|one| one.der() != cuhk.root.der()).unwrap()
}

#[tokio::test]
async fn a_student_renews_with_the_same_key_and_with_another() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let who = student(SID);
    let office = cuhk.office().await;
    let invitation =
        office.invite(who.clone(), Some("Chan Tai Man".parse().unwrap()), None).await.unwrap();
    let old = key();
    let first = cuhk.enrol(&who, &invitation.code, &old).await.unwrap();
    let issuing = cuhk.issuing().await;
    let chain = [first.clone(), issuing.clone()];

    let second = renew(&cuhk, &chain, &old, &who, &old).await.unwrap();
    let new = key();
    let chain = [second.clone(), issuing.clone()];
    let third = renew(&cuhk, &chain, &old, &who, &new).await.unwrap();
    let now = Clock::system().now();
    for (certificate, key) in [(&second, &old), (&third, &new)] {
        let person = cuhk.root.verify_person(&[certificate.der(), issuing.der()], now).unwrap();
        assert_eq!((person.id().as_str(), person.name()), (SID, "Chan Tai Man"));
        assert_eq!(person.public_key(), key.public_key());
        assert_ne!(person.serial(), first.serial());
    }
    assert_eq!(cuhk.issued().await.len(), 3);
    assert!(
        matches!(cuhk.events().last(), Some(Event::Renewed(issued)) if issued.serial == *third.serial())
    );
    cuhk.stop().await;
}

#[tokio::test]
async fn a_certificate_is_renewed_once_and_a_lost_answer_is_no_lost_certificate() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (who, old, new) = (student(SID), key(), key());
    let invitation = cuhk.invite(who.clone()).await;
    let first = cuhk.enrol(&who, &invitation.code, &old).await.unwrap();
    let chain = [first.clone(), cuhk.issuing().await];

    let second = renew(&cuhk, &chain, &old, &who, &new).await.unwrap();
    assert_eq!(renew(&cuhk, &chain, &old, &who, &new).await.unwrap(), second);
    // Whoever has stolen the old key comes too late, and so does its owner after the thief.
    for other in [&old, &key()] {
        let outcome = renew(&cuhk, &chain, &old, &who, other).await;
        assert_eq!(refusal(outcome), ProblemType::CertificateRenewed);
        let told = cuhk.events().into_iter().rev().any(|event| {
            matches!(event, Event::RenewedBefore { renewed_by, key_fingerprint, .. }
                if renewed_by == second.serial().to_string()
                && key_fingerprint.as_bytes() == other.public_key().fingerprint())
        });
        assert!(told, "{:?}", cuhk.events());
    }
    let issued = cuhk.issued().await;
    assert_eq!(issued.len(), 2);
    let of = |one: &CertificateEntry| (one.authenticated_by, one.predecessor.clone());
    assert_eq!(of(&issued[0]), (Some(Authentication::Code), None));
    let renewal = (Some(Authentication::Certificate), Some(first.serial().to_string()));
    assert_eq!(of(&issued[1]), renewal);
    cuhk.stop().await;
}

#[tokio::test]
async fn a_server_renews() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let who = server("https://localhost:3141");
    let invitation = cuhk.invite(who.clone()).await;
    let key = key();
    let chain = [cuhk.enrol(&who, &invitation.code, &key).await.unwrap(), cuhk.issuing().await];
    let renewed = renew(&cuhk, &chain, &key, &who, &key).await.unwrap();
    let origin = "https://localhost:3141".parse().unwrap();
    cuhk.root
        .verify_server(&[renewed.der(), chain[1].der()], &origin, Clock::system().now())
        .unwrap();
    cuhk.stop().await;
}

#[tokio::test]
async fn the_grace_ends() {
    let folder = folder();
    let hand = Hand::now();
    let cuhk = TestCuhk::start_with(Config { clock: hand.clock(), ..config(folder.path()) }).await;
    let (who, key) = (student(SID), key());
    let first = cuhk.enrol(&who, &some_code(), &key).await.unwrap();
    let chain = [first, cuhk.issuing().await];
    hand.move_by(180 * DAY + 29 * DAY);
    let renewed = renew(&cuhk, &chain, &key, &who, &key).await.unwrap();
    assert!(renewed.validity().contains(hand.clock().now()));
    hand.move_by(DAY);
    let outcome = renew(&cuhk, &chain, &key, &who, &key).await;
    assert_eq!(refusal(outcome), ProblemType::CertificateExpired);
    assert_eq!(cuhk.issued().await.len(), 2);
    cuhk.stop().await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_told() {
    let folder = folder();
    let hand = Hand::now();
    let cuhk = TestCuhk::start_with(Config { clock: hand.clock(), ..config(folder.path()) }).await;
    let (who, key) = (student(SID), key());
    let first = cuhk.enrol(&who, &some_code(), &key).await.unwrap();
    hand.move_by(-DAY);
    let outcome = renew(&cuhk, &[first, issuing(&cuhk).await], &key, &who, &key).await;
    assert_eq!(refusal(outcome), ProblemType::CertificateNotYetValid);
    cuhk.stop().await;
}

#[tokio::test]
async fn only_holders_of_a_certificate_of_this_cuhk_renew() {
    let (folder, elsewhere) = (folder(), folder());
    let cuhk = TestCuhk::start(folder.path()).await;
    let other = TestCuhk::start(elsewhere.path()).await;
    let (who, key) = (student(SID), key());
    let foreign = other.enrol(&who, &some_code(), &key).await.unwrap();
    let chain = [foreign, other.issuing().await];
    let outcome = renew(&cuhk, &chain, &key, &who, &key).await;
    assert_eq!(refusal(outcome), ProblemType::CertificateUntrusted);

    let client = cuhk.client();
    let der = request(&who, &key);
    let outcome = claim_http::simple_reenroll(&client, &cuhk.origin, &der).await;
    assert_eq!(refusal(outcome), ProblemType::ClientCertificateRequired);
    // A code is not a certificate.
    let answer = client
        .post(cuhk.origin.join("/.well-known/est/simplereenroll"))
        .basic_auth(SID, Some("x"))
        .header("content-type", "application/pkcs10")
        .body(claim_http::encode_est_body(&der));
    let answer = cuhk.send(answer).await;
    cuhk.assert_problem(&answer, ProblemType::ClientCertificateRequired);
    assert!(cuhk.issued().await.is_empty());
    other.stop().await;
    cuhk.stop().await;
}

#[tokio::test]
async fn the_issuing_certificate_itself_renews_nothing() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let pem = std::fs::read_to_string(folder.path().join("cuhk-issuing.key")).unwrap();
    let authority = SigningKey::from_pkcs8_pem(&pem).unwrap();
    let outcome = renew(&cuhk, &[cuhk.issuing().await], &authority, &student(SID), &key()).await;
    assert_eq!(refusal(outcome), ProblemType::CertificateUntrusted);
    cuhk.stop().await;
}

#[tokio::test]
async fn a_renewal_is_for_oneself() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let key = key();
    let first = cuhk.enrol(&student(SID), &some_code(), &key).await.unwrap();
    let chain = [first, cuhk.issuing().await];
    for who in [student("1155123457"), server("https://localhost:3141")] {
        let subject = renew(&cuhk, &chain, &key, &who, &key).await;
        assert_eq!(refusal(subject), ProblemType::RequestSubject);
    }
    assert_eq!(cuhk.issued().await.len(), 1);
    cuhk.stop().await;
}

#[tokio::test]
async fn whoever_is_no_longer_on_record_is_not_renewed() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (who, key) = (student(SID), key());
    let invitation = cuhk.invite(who.clone()).await;
    let chain = [cuhk.enrol(&who, &invitation.code, &key).await.unwrap(), cuhk.issuing().await];
    cuhk.stop().await;
    // The same CUHK with records in which the student does not appear.
    let database = format!("sqlite:{}", folder.path().join("other.db").display());
    let cuhk =
        TestCuhk::start_with(Config { database: Some(database), ..config(folder.path()) }).await;
    let outcome = renew(&cuhk, &chain, &key, &who, &key).await;
    assert_eq!(refusal(outcome), ProblemType::NotOnRoster);
    cuhk.stop().await;
}

#[tokio::test]
async fn one_person_gets_so_many_renewals_an_hour() {
    let folder = real_folder().await;
    let hand = Hand::now();
    let quotas = Quotas { renewals_per_hour: NonZeroU32::new(3).unwrap(), ..Quotas::default() };
    let config = Config { clock: hand.clock(), quotas, ..config(folder.path()) };
    let cuhk = TestCuhk::start_with(config).await;
    let office = cuhk.office().await;
    let issuing = cuhk.issuing().await;
    let mut people = Vec::new();
    for sid in [SID, "1155123457"] {
        let (who, key) = (student(sid), key());
        let invitation = office.invite(who.clone(), None, None).await.unwrap();
        let first = cuhk.enrol(&who, &invitation.code, &key).await.unwrap();
        people.push((who, key, [first, issuing.clone()]));
    }
    let renew_by = async |number: usize| {
        let (who, key, chain): &(Invitee, SigningKey, [Certificate; 2]) = &people[number];
        renew(&cuhk, chain, key, who, key).await
    };
    // The answer may have been lost: a repetition gets the same certificate, and counts.
    for _ in 0..3 {
        renew_by(0).await.unwrap();
    }
    let issued = cuhk.issued().await.len();
    let Err(EstError::Refused(problem)) = renew_by(0).await else { panic!("one too many") };
    assert_eq!(problem.problem_type, Some(ProblemType::Overloaded));
    assert_eq!(problem.retry_after, Some(1200));
    assert_eq!(cuhk.issued().await.len(), issued, "nothing was made");
    renew_by(1).await.unwrap();
    hand.move_by(1200);
    renew_by(0).await.unwrap();
    cuhk.stop().await;
}

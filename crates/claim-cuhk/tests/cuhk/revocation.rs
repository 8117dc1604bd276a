//! Revoking: recorded, listed, served, and no way back in.

use std::path::Path;
use std::process::Command;

use claim_core::{ProblemType, Timestamp};
use claim_cuhk::{AdminError, Clock, Config, Office, Revoking};
use claim_http::{EstError, ServerTrust, TlsIdentity};
use claim_pki::{
    Certificate, Revocation, RevocationList, RevocationReason, SigningKey, VerifiedRevocationList,
};

use crate::evidence::{BLACKBOARD, Keys};
use crate::fixture::{
    Hand, SID, TestCuhk, client, config, key, real_folder, refusal, request, student,
};

const DAY: i64 = 86_400;

/// Where a list is served, by the certificate of its issuer.
fn address(issuer: &Certificate) -> String {
    let hex: String =
        issuer.subject_key_id().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/crl/{hex}.crl")
}

async fn fetch(cuhk: &TestCuhk, issuer: &Certificate) -> RevocationList {
    // The clock of some tests is not that of the client, so the client does not look at times.
    let client = client(&ServerTrust::Unverified, None);
    let file = || std::fs::read(cuhk.dir.join(&address(issuer)[1..])).unwrap();
    loop {
        let before = file();
        let url = cuhk.origin.join(&address(issuer));
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/pkix-crl");
        assert_eq!(response.headers()["cache-control"], "public, max-age=60");
        let bytes = response.bytes().await.unwrap();
        // A list that was made anew meanwhile says nothing about what is served.
        if before == file() {
            assert_eq!(bytes, before, "the file is what is served");
            return RevocationList::from_der(&bytes).unwrap();
        }
    }
}

/// The list of persons and servers.
async fn issuing_list(cuhk: &TestCuhk, now: Timestamp) -> VerifiedRevocationList {
    let issuing = cuhk.issuing_on_file();
    let list = fetch(cuhk, &issuing).await;
    let issuer = cuhk.root.verify_issuer(issuing.der(), now).unwrap();
    issuer.verify_revocation_list(&list).unwrap()
}

/// The list of what the root has issued.
async fn root_list(cuhk: &TestCuhk) -> VerifiedRevocationList {
    let list = fetch(cuhk, cuhk.root.certificate()).await;
    cuhk.root.verify_revocation_list(&list).unwrap()
}

async fn enrolled(cuhk: &TestCuhk, sid: &str) -> (SigningKey, Certificate) {
    let (who, key) = (student(sid), key());
    let invitation = cuhk.invite(who.clone()).await;
    let certificate = cuhk.enrol(&who, &invitation.code, &key).await.unwrap();
    (key, certificate)
}

async fn renew(
    cuhk: &TestCuhk,
    sid: &str,
    (key, certificate): &(SigningKey, Certificate),
) -> Result<Certificate, EstError> {
    let chain = [certificate.clone(), cuhk.issuing_on_file()];
    let identity = TlsIdentity::from_pki(&chain, key).unwrap();
    let client = client(&ServerTrust::Unverified, Some(&identity));
    claim_http::simple_reenroll(&client, &cuhk.origin, &request(&student(sid), key)).await
}

fn serial(certificate: &Certificate) -> Revoking {
    Revoking::Serial(certificate.serial().clone())
}

#[tokio::test]
async fn what_is_revoked_is_listed_at_once_and_renews_no_more() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let now = Clock::system().now();
    let first = issuing_list(&cuhk, now).await;
    assert_eq!((first.number(), first.len()), (1, 0));
    assert_eq!(first.next_update().as_seconds() - first.this_update().as_seconds(), 7 * DAY);
    let (person, other) = (enrolled(&cuhk, SID).await, enrolled(&cuhk, "1155123457").await);
    let renewed = renew(&cuhk, SID, &person).await.unwrap();

    let office = cuhk.office().await;
    let before = Clock::system().now();
    let revoked = office.revoke(&serial(&person.1), RevocationReason::KeyCompromise).await.unwrap();
    // With it goes the other certificate of its key.
    let of_serial = |certificate: &Certificate| {
        let serial = certificate.serial().to_string();
        revoked.iter().find(|entry| entry.serial == serial).unwrap()
    };
    assert_eq!(revoked.len(), 2, "{revoked:?}");
    let (entry, with_it) = (of_serial(&person.1), of_serial(&renewed));
    assert_eq!(entry.revoked_at, with_it.revoked_at, "all or nothing");
    assert!(!entry.before && entry.revoked_at >= before && entry.holder == SID, "{entry:?}");
    let list = issuing_list(&cuhk, now).await;
    assert_eq!((list.number(), list.len()), (2, 2));
    let Revocation { at, reason } = list.revoked(person.1.serial()).unwrap();
    assert_eq!(reason, RevocationReason::KeyCompromise);
    // Whole seconds, but never back-dated.
    assert!(at >= entry.revoked_at && at.millis_since(entry.revoked_at) < 1000);

    assert_eq!(refusal(renew(&cuhk, SID, &person).await), ProblemType::CertificateRevoked);
    renew(&cuhk, "1155123457", &other).await.unwrap();

    // Again: it stands as it was.
    let again = office.revoke(&serial(&person.1), RevocationReason::Superseded).await.unwrap();
    let stands = claim_cuhk::RevokedEntry { before: true, ..entry.clone() };
    assert!(again.len() == 2 && again.contains(&stands), "{again:?}");
    assert_eq!(issuing_list(&cuhk, now).await.revoked(person.1.serial()).unwrap().at, at);
    let listed = office.list().await.unwrap();
    let of = |certificate: &Certificate| {
        let serial = certificate.serial().to_string();
        listed.iter().find(|entry| entry.serial == serial).unwrap().revoked
    };
    assert_eq!(of(&person.1), Some((entry.revoked_at, RevocationReason::KeyCompromise)));
    assert_eq!(of(&other.1), None);
    cuhk.stop().await;
}

#[tokio::test]
async fn all_certificates_of_a_person_and_a_code_that_leads_back() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (who, key) = (student(SID), key());
    let invitation = cuhk.invite(who.clone()).await;
    cuhk.enrol(&who, &invitation.code, &key).await.unwrap();
    enrolled(&cuhk, SID).await;
    enrolled(&cuhk, "1155123457").await;
    let office = cuhk.office().await;
    let person = Revoking::Person(SID.parse().unwrap());
    let revoked = office.revoke(&person, RevocationReason::AffiliationChanged).await.unwrap();
    assert_eq!(revoked.len(), 2);
    assert_eq!(issuing_list(&cuhk, Clock::system().now()).await.len(), 2);
    // The first code, with its own key, would give the same certificate again.
    let again = cuhk.enrol(&who, &invitation.code, &key).await;
    assert_eq!(refusal(again), ProblemType::CertificateRevoked);
    // A new invitation is a new certificate.
    let new = enrolled(&cuhk, SID).await;
    renew(&cuhk, SID, &new).await.unwrap();

    for nobody in [Revoking::Person("1155999999".parse().unwrap()), serial(cuhk.root.certificate())]
    {
        let error = office.revoke(&nobody, RevocationReason::Unspecified).await.unwrap_err();
        assert!(matches!(error, AdminError::NothingToRevoke { .. }), "{error}");
    }
    cuhk.stop().await;
}

#[tokio::test]
async fn keys_of_evidence_and_the_issuing_certificate_stand_on_the_roots_list() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let first = root_list(&cuhk).await;
    assert_eq!(first.next_update().as_seconds() - first.this_update().as_seconds(), 400 * DAY);
    let office = cuhk.office().await;
    let request = Keys::new().request(BLACKBOARD);
    let answer = office.certify(&request).await.unwrap();
    let issuing = cuhk.issuing_on_file();
    for (certificate, length) in [(&answer.timestamp, 1), (&answer.log, 2), (&issuing, 3)] {
        office.revoke(&serial(certificate), RevocationReason::CaCompromise).await.unwrap();
        let list = root_list(&cuhk).await;
        assert_eq!(list.len(), length);
        assert!(list.revoked(certificate.serial()).is_some());
    }
    assert!(issuing_list(&cuhk, Clock::system().now()).await.is_empty());
    // What was revoked is not certified again under the same key.
    let error = office.certify(&request).await.unwrap_err();
    assert!(error.to_string().contains("was revoked"), "{error}");
    cuhk.stop().await;
}

/// `openssl` takes the list, and refuses whom it names.
#[tokio::test]
async fn stock_tools_agree() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (bad, good) = (enrolled(&cuhk, SID).await, enrolled(&cuhk, "1155123457").await);
    let office = cuhk.office().await;
    office.revoke(&serial(&bad.1), RevocationReason::KeyCompromise).await.unwrap();
    let dir = folder.path();
    std::fs::write(dir.join("bad.cer"), bad.1.to_pem()).unwrap();
    std::fs::write(dir.join("good.cer"), good.1.to_pem()).unwrap();
    let list = &address(&cuhk.issuing_on_file())[1..];
    openssl(dir, &["crl", "-inform", "DER", "-in", list, "-out", "list.pem"], true);
    let shown = openssl(dir, &["crl", "-in", "list.pem", "-noout", "-text"], true);
    assert!(shown.contains("Key Compromise") && shown.contains("X509v3 CRL Number"), "{shown}");
    // With the root's list the whole path can be checked, by what lies in the folder for everybody.
    let root = &address(cuhk.root.certificate())[1..];
    let root = format!("public/{root}");
    openssl(dir, &["crl", "-inform", "DER", "-in", &root, "-out", "root.pem"], true);
    let check = |all: &str, certificate: &str, is_good: bool| {
        let arguments = ["verify", all, "-CAfile", "public/cuhk.cer"];
        let more = ["-untrusted", "public/cacerts.pem", "-CRLfile", "list.pem"];
        let both = ["-CRLfile", "root.pem", certificate];
        openssl(dir, &[&arguments[..], &more, &both].concat(), is_good)
    };
    for all in ["-crl_check", "-crl_check_all"] {
        for (certificate, is_good) in [("good.cer", true), ("bad.cer", false)] {
            let said = check(all, certificate, is_good);
            assert_eq!(said.contains("certificate revoked"), !is_good, "{said}");
        }
    }
    // Once the root has revoked the issuing certificate, only who looks at its list too knows that nobody is good.
    office.revoke(&serial(&cuhk.issuing_on_file()), RevocationReason::CaCompromise).await.unwrap();
    openssl(dir, &["crl", "-inform", "DER", "-in", &root, "-out", "root.pem"], true);
    check("-crl_check", "good.cer", true);
    assert!(check("-crl_check_all", "good.cer", false).contains("certificate revoked"));
    cuhk.stop().await;
}

fn openssl(dir: &Path, arguments: &[&str], succeeds: bool) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.success(), succeeds, "openssl {arguments:?}: {said}");
    said
}

#[tokio::test]
async fn lists_are_renewed_daily_and_lose_what_has_long_ended() {
    let folder = real_folder().await;
    let hand = Hand::now();
    let start = async || {
        TestCuhk::start_with(Config { clock: hand.clock(), ..config(folder.path()) }).await
    };
    let cuhk = start().await;
    let (_, certificate) = enrolled(&cuhk, SID).await;
    let office = cuhk.office().await;
    office.revoke(&serial(&certificate), RevocationReason::Unspecified).await.unwrap();
    let (number, root) =
        (issuing_list(&cuhk, hand.clock().now()).await.number(), root_list(&cuhk).await);
    cuhk.stop().await;
    // Not a day old: it stays. A day old: the next. The root's key may rest for a month.
    for (days, next, next_root, length) in
        [(0, 0, 0, 1), (1, 1, 0, 1), (29, 2, 1, 1), (182, 3, 2, 0)]
    {
        hand.move_by(days * DAY);
        let cuhk = start().await;
        let list = issuing_list(&cuhk, hand.clock().now()).await;
        assert_eq!((list.number(), list.len()), (number + next, length), "after {days} more days");
        assert_eq!(root_list(&cuhk).await.number(), root.number() + next_root);
        assert!(list.current_at(hand.clock().now()));
        cuhk.stop().await;
    }
}

/// A process that revoked and ended before it could publish: the serving one makes the list.
#[tokio::test]
async fn a_revocation_without_its_list_is_made_up_for() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (_, certificate) = enrolled(&cuhk, SID).await;
    let key = folder.path().join("cuhk-issuing.key");
    let away = folder.path().join("away");
    std::fs::rename(&key, &away).unwrap();
    let office = cuhk.office().await;
    let error =
        office.revoke(&serial(&certificate), RevocationReason::Unspecified).await.unwrap_err();
    assert!(matches!(error, AdminError::List(_)), "{error}");
    let now = Clock::system().now();
    assert!(issuing_list(&cuhk, now).await.is_empty());
    std::fs::rename(&away, &key).unwrap();
    cuhk.nudge.now();
    let waiting = async {
        while issuing_list(&cuhk, now).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(45), waiting).await.unwrap();
    cuhk.stop().await;
}

#[tokio::test]
async fn others_names_lead_to_no_list() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let right = address(&cuhk.issuing_on_file());
    for path in [
        "/crl/".to_owned(),
        "/crl/x.crl".to_owned(),
        right.replace(".crl", ""),
        right.to_uppercase(),
        format!("/crl/{}.crl", "0".repeat(40)),
        "/crl/..%2fcuhk.key".to_owned(),
    ] {
        let answer = cuhk.send(cuhk.client().get(cuhk.origin.join(&path))).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    cuhk.stop().await;
}

/// Certificates say where their list lies, once CUHK is known to others.
#[tokio::test]
async fn the_distribution_point_stands_in_certificates_of_a_public_cuhk() {
    for (public_url, expected) in [(None, 0), (Some("https://cuhk.example:9335"), 1)] {
        let folder = crate::fixture::folder();
        let public_url: Option<claim_core::Origin> = public_url.map(|url| url.parse().unwrap());
        let clock = Clock::system();
        claim_cuhk::init(folder.path(), None, public_url.as_ref(), &clock).await.unwrap();
        let office = Office::open(folder.path(), None, clock).await.unwrap();
        let answer = office.certify(&Keys::new().request(BLACKBOARD)).await.unwrap();
        let root = std::fs::read_to_string(folder.path().join("cuhk.cer")).unwrap();
        let url = address(&Certificate::from_pem(&root).unwrap());
        let url = format!("https://cuhk.example:9335{url}");
        let issuing = std::fs::read_to_string(folder.path().join("cuhk-issuing.cer")).unwrap();
        for certificate in [&answer.log, &answer.witness, &Certificate::from_pem(&issuing).unwrap()]
        {
            let der = certificate.der();
            let found = der.windows(url.len()).filter(|part| *part == url.as_bytes()).count();
            assert_eq!(found, expected);
        }
        office.close().await;
    }
}

//! Timestamps for outages: for whom CUHK has enrolled, by its own key under the root.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;

use claim_core::outage::{QUERY, REPLY, TSA};
use claim_core::{Digest, ProblemType};
use claim_cuhk::{Clock, Config, Event, Office, Quotas};
use claim_files::{Mode, write_new};
use claim_http::{Answer, ServerTrust, TlsIdentity};
use claim_pki::{Certificate, SigningKey, TimestampRequest, TimestampToken, VerifiedToken};

use crate::curl::sh;
use crate::evidence::{BLACKBOARD, Keys};
use crate::fixture::{
    Hand, SID, TestCuhk, client, config, folder, key, real_folder, server, some_code, student,
};

const DAY: i64 = 86_400;

/// Somebody with a certificate.
struct Holder {
    chain: [Certificate; 2],
    key: SigningKey,
}

impl Holder {
    async fn new(cuhk: &TestCuhk) -> Self {
        let key = key();
        let first = cuhk.enrol(&student(SID), &some_code(), &key).await.unwrap();
        Self { chain: [first, cuhk.issuing().await], key }
    }

    fn client(&self) -> reqwest::Client {
        let identity = TlsIdentity::from_pki(&self.chain, &self.key).unwrap();
        client(&ServerTrust::Unverified, Some(&identity))
    }

    async fn ask(&self, cuhk: &TestCuhk) -> Answer {
        let request = TimestampRequest::new(*Digest::of(b"a claim").as_bytes());
        post(&self.client(), cuhk, QUERY, request.to_der().unwrap()).await
    }
}

async fn post(client: &reqwest::Client, cuhk: &TestCuhk, of: &str, content: Vec<u8>) -> Answer {
    let request = client.post(cuhk.origin.join(TSA)).header("content-type", of).body(content);
    claim_http::send(request, 64 * 1024).await.unwrap()
}

fn slug(answer: &Answer) -> String {
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    problem["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// A timestamp over "a claim" by this CUHK's own authority.
fn verified(cuhk: &TestCuhk, answer: &Answer) -> VerifiedToken {
    assert_eq!((answer.status.as_u16(), answer.media_type().as_str()), (200, REPLY));
    let token = TimestampToken::from_der(&answer.body).unwrap();
    let at = token.unverified_gen_time();
    let authority = cuhk.root.verify_timestamp(token.certificate().der(), at).unwrap();
    assert_eq!(*authority.origin(), cuhk.origin);
    assert!(authority.is_of_the_issuer());
    let token = token.verify(Digest::of(b"a claim").as_bytes(), &authority).unwrap();
    assert!(token.within_key_usage());
    token
}

#[tokio::test]
async fn an_enrolled_student_gets_a_timestamp_of_now() {
    let folder = folder();
    let hand = Hand::now();
    let cuhk = TestCuhk::start_with(Config { clock: hand.clock(), ..config(folder.path()) }).await;
    let holder = Holder::new(&cuhk).await;
    let token = verified(&cuhk, &holder.ask(&cuhk).await);
    assert_eq!(token.gen_time(), hand.clock().now());
    hand.move_by(60);
    let later = verified(&cuhk, &holder.ask(&cuhk).await);
    assert_eq!(later.gen_time(), hand.clock().now());
    assert_ne!(later.serial(), token.serial());
    // The key is the same after another start at the same place.
    let cuhk_port = cuhk.origin.port();
    cuhk.stop().await;
    let listen = vec![(Ipv4Addr::LOCALHOST, cuhk_port).into()];
    let config = Config { clock: hand.clock(), listen, ..config(folder.path()) };
    let cuhk = TestCuhk::start_with(config).await;
    let again = verified(&cuhk, &holder.ask(&cuhk).await);
    assert_eq!(again.authority().serial(), token.authority().serial());
    cuhk.stop().await;
}

#[tokio::test]
async fn a_blackboards_key_does_not_pass_for_cuhks() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (office, now) = (cuhk.office().await, Clock::system().now());
    let answer = office.certify(&Keys::new().request(BLACKBOARD)).await.unwrap();
    let authority = cuhk.root.verify_timestamp(answer.timestamp.der(), now).unwrap();
    assert!(!authority.is_of_the_issuer());
    // Nor is anybody certified for CUHK's origin.
    let error = office.certify(&Keys::new().request(cuhk.origin.as_str())).await.unwrap_err();
    assert!(error.to_string().contains("CUHK's own origin"), "{error}");
    cuhk.stop().await;
}

#[tokio::test]
async fn whoever_is_not_enrolled_gets_none() {
    let folder = real_folder().await;
    let hand = Hand::now();
    let with = |database| Config { clock: hand.clock(), database, ..config(folder.path()) };
    let cuhk = TestCuhk::start_with(with(None)).await;
    let request = TimestampRequest::new(*Digest::of(b"a claim").as_bytes()).to_der().unwrap();
    // Without a certificate.
    let answer = post(&cuhk.client(), &cuhk, QUERY, request.clone()).await;
    assert_eq!(slug(&answer), "client-certificate-required");
    // A server's.
    let (who, key) = (server(BLACKBOARD), key());
    let invitation = cuhk.invite(who.clone()).await;
    let chain = [cuhk.enrol(&who, &invitation.code, &key).await.unwrap(), cuhk.issuing().await];
    assert_eq!(slug(&Holder { chain, key }.ask(&cuhk).await), "certificate-profile");
    // A student's that was revoked.
    let (who, key) = (student(SID), crate::fixture::key());
    let invitation = cuhk.invite(who.clone()).await;
    let chain = [cuhk.enrol(&who, &invitation.code, &key).await.unwrap(), cuhk.issuing().await];
    let holder = Holder { chain, key };
    verified(&cuhk, &holder.ask(&cuhk).await);
    cuhk.stop().await;
    // Somebody whom the records do not know.
    let other = format!("sqlite:{}", folder.path().join("other.db").display());
    let cuhk = TestCuhk::start_with(with(Some(other))).await;
    assert_eq!(slug(&holder.ask(&cuhk).await), "not-on-roster");
    cuhk.stop().await;
    // A certificate that has ended; unlike at renewal there is no grace.
    hand.move_by(181 * DAY);
    let cuhk = TestCuhk::start_with(with(None)).await;
    assert_eq!(slug(&holder.ask(&cuhk).await), "certificate-expired");
    cuhk.stop().await;
}

#[tokio::test]
async fn requests_that_cannot_be_granted_are_refused() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let holder = Holder::new(&cuhk).await;
    let client = holder.client();
    let request = TimestampRequest::new([7; 32]).to_der().unwrap();
    let answer = post(&client, &cuhk, "application/octet-stream", request.clone()).await;
    assert_eq!(slug(&answer), "unsupported-media-type");
    for wrong in [b"".to_vec(), request[..request.len() - 1].to_vec(), vec![0x30; 1000]] {
        assert_eq!(slug(&post(&client, &cuhk, QUERY, wrong).await), "timestamp-request");
    }
    let long = vec![0x30; TimestampRequest::MAX_SIZE + 1];
    assert_eq!(slug(&post(&client, &cuhk, QUERY, long).await), "content-too-large");
    verified(&cuhk, &holder.ask(&cuhk).await);
    cuhk.stop().await;
}

#[tokio::test]
async fn one_person_gets_so_many_a_minute() {
    let folder = folder();
    let hand = Hand::now();
    let quotas = Quotas { timestamps_per_minute: NonZeroU32::new(2).unwrap(), ..Quotas::default() };
    let config = Config { clock: hand.clock(), quotas, ..config(folder.path()) };
    let cuhk = TestCuhk::start_with(config).await;
    let holder = Holder::new(&cuhk).await;
    for _ in 0..2 {
        verified(&cuhk, &holder.ask(&cuhk).await);
    }
    let answer = holder.ask(&cuhk).await;
    assert_eq!(
        (slug(&answer).as_str(), &answer.headers["retry-after"]),
        ("overloaded", &"30".parse().unwrap())
    );
    hand.move_by(30);
    verified(&cuhk, &holder.ask(&cuhk).await);
    cuhk.stop().await;
}

#[tokio::test]
async fn without_a_key_there_are_none_until_a_ceremony_makes_one() {
    let folder = real_folder().await;
    let damaged = folder.path().join("cuhk-timestamp.key");
    write_new(&damaged, b"hello", Mode::Private).unwrap();
    // All else works.
    let quotas = Quotas { timestamps_per_minute: NonZeroU32::MAX, ..Quotas::default() };
    let cuhk = TestCuhk::start_with(Config { quotas, ..config(folder.path()) }).await;
    let told = |event: &Event| matches!(event, Event::TimestampsUnavailable { .. });
    assert!(cuhk.events().iter().any(told));
    let (who, key) = (student(SID), key());
    let invitation = cuhk.invite(who.clone()).await;
    let chain = [cuhk.enrol(&who, &invitation.code, &key).await.unwrap(), cuhk.issuing().await];
    let holder = Holder { chain, key };
    let answer = holder.ask(&cuhk).await;
    assert_eq!(slug(&answer), ProblemType::TimestampUnavailable.slug());
    assert!(answer.headers.contains_key("retry-after"));

    std::fs::remove_file(&damaged).unwrap();
    let office = Office::open(folder.path(), None, Clock::system()).await.unwrap();
    office.certify(&Keys::new().request(BLACKBOARD)).await.unwrap();
    // From now on the root's key may be elsewhere.
    std::fs::remove_file(folder.path().join("cuhk.key")).unwrap();
    cuhk.nudge.now();
    let mut answer = holder.ask(&cuhk).await;
    while answer.status == 503 {
        answer = holder.ask(&cuhk).await;
    }
    verified(&cuhk, &answer);
    cuhk.stop().await;
}

#[tokio::test]
async fn before_its_year_is_over_the_key_is_replaced() {
    let folder = folder();
    let hand = Hand::now();
    let at = |port| Config {
        clock: hand.clock(),
        listen: vec![(Ipv4Addr::LOCALHOST, port).into()],
        ..config(folder.path())
    };
    let cuhk = TestCuhk::start_with(at(0)).await;
    let port = cuhk.origin.port();
    let first = verified(&cuhk, &Holder::new(&cuhk).await.ask(&cuhk).await);
    cuhk.stop().await;
    for (days, same) in [(300, true), (40, false)] {
        hand.move_by(days * DAY);
        let cuhk = TestCuhk::start_with(at(port)).await;
        let token = verified(&cuhk, &Holder::new_at(&cuhk).await.ask(&cuhk).await);
        assert_eq!(token.authority().serial() == first.authority().serial(), same, "{days}");
        cuhk.stop().await;
    }
}

impl Holder {
    /// The same where the clock is not that of the client, which then does not look at times.
    async fn new_at(cuhk: &TestCuhk) -> Self {
        let (key, client) = (key(), client(&ServerTrust::Unverified, None));
        let first = cuhk.enrol_by(&client, &student(SID), &some_code(), &key).await.unwrap();
        Self { chain: [first, cuhk.issuing_on_file()], key }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_openssl_and_curl_get_and_verify_a_timestamp() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let holder = Holder::new(&cuhk).await;
    let dir = folder.path();
    let pem: String = holder.chain.iter().map(Certificate::to_pem).collect();
    std::fs::write(dir.join("my.cer"), pem).unwrap();
    std::fs::write(dir.join("my.key"), holder.key.to_pkcs8_pem().as_bytes()).unwrap();
    std::fs::write(dir.join("claim.p7s"), "anything").unwrap();
    let url = cuhk.origin.join(TSA);
    sh(
        dir,
        &format!(
            "openssl ts -query -data claim.p7s -sha256 -cert -no_nonce -out q.tsq; \
             curl --silent --show-error --fail-with-body --cacert cuhk.cer --cert my.cer --key my.key \
             --header 'Content-Type: {QUERY}' --data-binary @q.tsq --output outage.tsr {url}; \
             openssl ts -verify -data claim.p7s -in outage.tsr -CAfile cuhk.cer; \
             openssl ts -verify -queryfile q.tsq -in outage.tsr -CAfile cuhk.cer"
        ),
    )
    .await;
    let text = sh(dir, "openssl ts -reply -in outage.tsr -text").await;
    assert!(text.contains("Status: Granted."), "{text}");
    cuhk.stop().await;
}

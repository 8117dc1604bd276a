//! What a CUHK that was cut off between two steps, or whose records fail, does next.

use std::fs;
use std::path::Path;

use claim_core::ProblemType;
use claim_core::invitation::Invitation;
use claim_cuhk::{Clock, Config, Event};
use claim_pki::{Certificate, Issuer, Profile, SerialNumber, SigningKey, Subject, Validity};
use claim_store::DatabaseUrl;
use claim_store::cuhk::{CuhkStore, Holder, Provenance, Reservation, Reserved};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};
use tokio::sync::mpsc;

use crate::curl::run;
use crate::fixture::{
    Hand, SID, TestCuhk, config, key, real_folder, refusal, silent, some_code, student,
};

fn issuer(dir: &Path) -> Issuer {
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let certificate = Certificate::from_pem(&read("cuhk-issuing.cer")).unwrap();
    Issuer::new(certificate, SigningKey::from_pkcs8_pem(&read("cuhk-issuing.key")).unwrap())
        .unwrap()
}

/// Puts on record what CUHK would, and stops there: before anything is signed. Returns the serial number.
async fn reserve_only(dir: &Path, invitation: &Invitation, key: &SigningKey) -> SerialNumber {
    let store = CuhkStore::open(&DatabaseUrl::sqlite(dir.join("cuhk.db"))).await.unwrap();
    let (serial, now) = (SerialNumber::from_random([7; 16]), Clock::system().now());
    let issuer = issuer(dir);
    let validity =
        Validity::starting(now, Profile::Person.life()).within(issuer.validity()).unwrap();
    let subject = Subject::Person { id: SID.parse().unwrap(), name: None };
    let issuance = issuer.prepare(&subject, key.public_key(), &serial, validity).unwrap();
    let reservation = Reservation {
        code_hash: Some(*invitation.code.hash(&invitation.invitee).as_bytes()),
        holder: Holder::Person(SID.parse().unwrap()),
        profile: "person",
        key_digest: *key.public_key().fingerprint(),
        serial: serial.to_string(),
        tbs: issuance.tbs_der().to_vec(),
        not_before: validity.not_before(),
        not_after: validity.not_after(),
        now,
        provenance: Provenance::default(),
        most_live: None,
        announce: false,
    };
    assert_eq!(store.reserve(&reservation).await.unwrap(), Reserved::New);
    store.close().await;
    serial
}

#[tokio::test]
async fn what_was_reserved_and_not_signed_is_signed_at_the_next_request() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let key = key();
    let serial = reserve_only(folder.path(), &invitation, &key).await;
    let [entry] = cuhk.issued().await.try_into().unwrap();
    assert_eq!((entry.serial, entry.fingerprint), (serial.to_string(), None));

    let certificate = cuhk.enrol(&invitation.invitee, &invitation.code, &key).await.unwrap();
    assert_eq!(*certificate.serial(), serial);
    let again = cuhk.enrol(&invitation.invitee, &invitation.code, &key).await.unwrap();
    assert_eq!(again.der(), certificate.der());
    let [entry] = cuhk.issued().await.try_into().unwrap();
    assert!(entry.fingerprint.is_some());
    cuhk.stop().await;
}

#[tokio::test]
async fn what_another_issuing_certificate_reserved_is_not_signed_by_the_new_one() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let key = key();
    reserve_only(folder.path(), &invitation, &key).await;
    cuhk.stop().await;
    for name in ["cuhk-issuing.cer", "cuhk-issuing.key"] {
        fs::rename(folder.path().join(name), folder.path().join(format!("old-{name}"))).unwrap();
    }
    let cuhk = TestCuhk::start(folder.path()).await;
    let outcome = cuhk.enrol(&invitation.invitee, &invitation.code, &key).await;
    assert_eq!(refusal(outcome), ProblemType::CodeExpired);
    let again = cuhk.invite(student(SID)).await;
    cuhk.enrol(&again.invitee, &again.code, &key).await.unwrap();
    cuhk.stop().await;
}

#[tokio::test]
async fn records_that_fail_refuse_for_now_and_promise_nothing() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let key = key();
    // The tables are gone, and come back: what a database does that somebody restores meanwhile.
    let options = SqliteConnectOptions::new().filename(folder.path().join("cuhk.db"));
    let mut database = options.connect().await.unwrap();
    database.execute("ALTER TABLE invitations RENAME TO aside").await.unwrap();
    let outcome = cuhk.enrol(&invitation.invitee, &invitation.code, &key).await;
    assert_eq!(refusal(outcome), ProblemType::StorageUnavailable);
    database.execute("ALTER TABLE aside RENAME TO invitations").await.unwrap();
    cuhk.enrol(&invitation.invitee, &invitation.code, &key).await.unwrap();
    cuhk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuhks_own_certificate_is_exchanged_while_it_serves() {
    let folder = real_folder().await;
    let hand = Hand::now();
    let config = Config { clock: hand.clock(), ..config(folder.path()) };
    let (tell, mut told) = mpsc::unbounded_channel();
    let observer = std::sync::Arc::new(move |event| {
        if let Event::ServerCertificate(issued) = event {
            tell.send(issued).unwrap();
        }
    });
    let running = claim_cuhk::start(config, observer).await.unwrap();
    let address = running.addresses()[0];
    let first = told.recv().await.unwrap();
    // Between start and the first look after it, two months go by.
    hand.move_by(61 * 86_400);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(running.run(async {
        let _ = stopped.await;
    }));
    let second = told.recv().await.unwrap();
    assert_ne!(first.serial, second.serial);
    // The switch is turned right before the event is told.
    let line = format!(
        "openssl s_client -connect {address} -servername localhost </dev/null 2>/dev/null | openssl \
             x509 -noout -serial"
    );
    let shown = run("sh", &["-c", &line]).await;
    assert_eq!(shown.trim().to_lowercase(), format!("serial={}", second.serial));
    stop.send(()).unwrap();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_start_that_fails_leaves_the_folder_free() {
    let folder = real_folder().await;
    let taken = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen = vec![taken.local_addr().unwrap()];
    claim_cuhk::start(Config { listen, ..config(folder.path()) }, silent()).await.unwrap_err();
    let cuhk = TestCuhk::start(folder.path()).await;
    let outcome = cuhk.enrol(&student(SID), &some_code(), &key()).await;
    assert_eq!(refusal(outcome), ProblemType::CodeRefused);
    cuhk.stop().await;
}

//! How Blackboard comes by its certificate, and what it does when it cannot.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use claim_blackboard::{Config, CuhkError, Event, NotOurs, StartError, WaitingFor, start};
use claim_core::ProblemType;
use claim_core::invitation::Code;
use claim_http::{EstError, ReachError};
use claim_pki::{Certificate, PathError, SigningKey};

use crate::authority::{Authority, DAY, fresh, from, now};
use crate::est::Cuhk;
use crate::running::{Blackboard, Place, Port, observer};
use crate::starting::refused;
use crate::student::{SID, Say, Student, rng};

impl Place {
    /// The configuration for a CUHK at this port, with hardly any patience.
    pub(crate) fn config_with(&self, cuhk: &Cuhk) -> Config {
        Config { patience: Duration::ZERO, cuhk: cuhk.origin.clone(), ..self.config() }
    }

    /// The invitation in the file where a local CUHK leaves it.
    fn invite(&self, cuhk: &Cuhk) {
        let line = cuhk.invitation(self.origin().as_str()).expose();
        self.put("blackboard.invite", &format!("{line}\n"));
    }

    fn leaf(&self) -> Certificate {
        let chain = Certificate::chain_from_pem(&self.read("blackboard.cer")).unwrap();
        assert_eq!(chain.len(), 2, "the leaf and its issuer");
        chain[0].clone()
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_pkcs8_pem(&self.read("blackboard.key")).unwrap()
    }
}

/// Whoever enrolled can serve.
async fn assert_serves(authority: &Authority, mut blackboard: Blackboard, place: &Place) {
    let student = Student::new(authority, &blackboard, SID);
    let session = student.open(place.time.now()).await;
    student.say(&session, &Say::text("hello", place.time.now())).await.message();
    assert_eq!(blackboard.told().len(), 1);
    blackboard.stop().await;
}

#[tokio::test]
async fn an_invitation_is_all_it_takes() {
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    let line = cuhk.invitation(place.origin().as_str()).expose();
    place.put("invitation.txt", &line);
    let invite_file = Some(place.path("invitation.txt"));
    let config = Config { invite_file, ..place.config_with(&cuhk) };
    let mut blackboard = Blackboard::start(config.clone()).await;
    let (origin, serial) = blackboard
        .event(|event| match event {
            Event::Enrolled { origin, serial, .. } => Some((origin, serial)),
            _ => None,
        })
        .await;
    assert_eq!(origin, place.origin());
    assert_eq!(serial, place.leaf().serial().to_string());
    assert_eq!(place.read("cuhk.cer"), cuhk.authority().root_pem());
    let mode = std::fs::metadata(place.path("blackboard.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let user_id = format!("https%3A%2F%2Flocalhost%3A{}", place.port.number);
    let fingerprint = *place.key().public_key().fingerprint();
    assert_eq!(*cuhk.desk.enrolled.lock().unwrap(), [(user_id, fingerprint)]);
    assert_serves(cuhk.authority(), blackboard, &place).await;

    // The second start needs neither CUHK nor the invitation.
    std::fs::remove_file(place.path("invitation.txt")).unwrap();
    let key = place.read("blackboard.key");
    let desk = std::sync::Arc::clone(&cuhk.desk);
    drop(cuhk);
    let blackboard = Blackboard::start(config).await;
    blackboard.stop().await;
    assert_eq!(place.read("blackboard.key"), key);
    assert_eq!(desk.enrolled.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn started_before_cuhk_it_waits_for_what_cuhk_leaves() {
    let place = Place::empty(Authority::local_demo());
    let port = Port::reserve();
    let config =
        Config { patience: Duration::from_secs(60), cuhk: port.origin(), ..place.config() };
    let (observer, mut events) = observer();
    let starting = tokio::spawn(start(config, observer));
    let waiting = async |events: &mut tokio::sync::mpsc::UnboundedReceiver<Event>| match events
        .recv()
        .await
    {
        Some(Event::Waiting(waiting_for)) => waiting_for,
        other => panic!("{other:?}"),
    };
    let root = place.path("cuhk.cer");
    let invite = place.path("blackboard.invite");
    let missing = vec![root, invite.clone()];
    assert_eq!(waiting(&mut events).await, WaitingFor::Files { missing });

    let authority = Authority::local_demo();
    place.put("cuhk.cer", &authority.root_pem());
    let missing = vec![invite];
    assert_eq!(waiting(&mut events).await, WaitingFor::Files { missing });

    let cuhk = Cuhk::start_at(port, authority);
    let current = cuhk.desk.code.lock().unwrap().clone();
    *cuhk.desk.code.lock().unwrap() = Code::random(&mut rng());
    let local = "https://localhost";
    place.put("blackboard.invite", &cuhk.invitation(local).expose());
    *cuhk.desk.code.lock().unwrap() = current;
    let stale = waiting(&mut events).await;
    assert!(matches!(stale, WaitingFor::Invitation { .. }), "{stale:?}");

    place.put("blackboard.invite", &cuhk.invitation(local).expose());
    let running = starting.await.unwrap().unwrap();
    assert!(matches!(events.recv().await, Some(Event::Enrolled { .. })));
    assert!(matches!(events.recv().await, Some(Event::Listening { .. })));
    assert_eq!(running.origin(), &place.origin());
}

#[tokio::test]
async fn patience_has_an_end() {
    let place = Place::empty(Authority::new());
    let config = Config { patience: Duration::ZERO, ..place.config() };
    let error = refused(config.clone()).await;
    assert!(matches!(
        &error,
        StartError::Unreachable { waiting_for: WaitingFor::Files { .. }, .. }
    ));
    assert!(error.is_unreachable());

    let cuhk = Cuhk::start(Authority::new());
    place.invite(&cuhk);
    drop(cuhk);
    let error = refused(config).await;
    let StartError::Unreachable { waiting_for: WaitingFor::Cuhk { .. }, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(error.is_unreachable());
}

#[tokio::test]
async fn a_root_other_than_the_pinned_one_gets_no_code() {
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    let mut invitation = cuhk.invitation(place.origin().as_str());
    invitation.pin = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
    place.put("blackboard.invite", &invitation.expose());
    let error = refused(place.config_with(&cuhk)).await;
    let StartError::NotEnrolled { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, CuhkError::OtherRoot), "{source:?}");
    assert!(!place.path("cuhk.cer").exists());

    place.put("cuhk.cer", &cuhk.authority().root_pem());
    let error = refused(place.config_with(&cuhk)).await;
    assert!(matches!(error, StartError::OtherRoot { .. }), "{error:?}");
    assert!(cuhk.desk.enrolled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn another_service_at_the_address_of_cuhk_gets_no_code() {
    for chain in [
        // Certified by this CUHK, for the same host, but as another service.
        |authority: &Authority, _: &claim_core::Origin, key: &SigningKey| {
            let other = "https://localhost:1".parse().unwrap();
            let leaf = authority.server(&other, key.public_key(), fresh());
            vec![leaf, authority.issuing.certificate().clone()]
        },
        // Certified by nobody who counts.
        |_: &Authority, origin: &claim_core::Origin, key: &SigningKey| {
            let foreign = Authority::new();
            let leaf = foreign.server(origin, key.public_key(), fresh());
            vec![leaf, foreign.issuing.certificate().clone()]
        },
    ] {
        let cuhk = Cuhk::shown(Authority::new(), chain);
        let place = Place::empty(Authority::new());
        place.invite(&cuhk);
        let error = refused(place.config_with(&cuhk)).await;
        let StartError::NotEnrolled { source, .. } = &error else { panic!("{error:?}") };

        assert!(
            matches!(**source, CuhkError::Est(EstError::Reach(ReachError::Tls(_)))),
            "{source:?}"
        );
        assert!(!error.is_unreachable() && error.why().is_some());
        assert!(cuhk.desk.enrolled.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn invitations_that_are_for_others_are_not_used() {
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    let config = place.config_with(&cuhk);
    for id in ["1155123456", "https%3A%2F%2Fblackboard.example", "https%3A%2F%2Flocalhost%3A1"] {
        let line = cuhk.invitation("https://localhost").expose();
        place.put("blackboard.invite", &line.replace("https%3A%2F%2Flocalhost", id));
        let error = refused(config.clone()).await;
        assert!(matches!(error, StartError::InvitationForAnother { .. }), "{error:?}");
    }
    place.put("blackboard.invite", "claim://nonsense");
    let error = refused(config.clone()).await;
    assert!(matches!(error, StartError::Invitation { .. }), "{error:?}");

    let invite_file = Some(place.path("nowhere.txt"));
    let error = refused(Config { invite_file, ..config.clone() }).await;
    assert!(matches!(error, StartError::File(_)), "{error:?}");

    place.invite(&cuhk);
    let elsewhere = "https://cuhk.example:9335".parse().unwrap();
    let error = refused(Config { cuhk: elsewhere, ..config }).await;
    assert!(matches!(error, StartError::OtherCuhk { .. }), "{error:?}");
    assert!(cuhk.desk.enrolled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_an_invitation_a_real_cuhk_is_not_waited_for() {
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    place.put("cuhk.cer", &cuhk.authority().root_pem());
    let config = Config { patience: Duration::from_secs(60), ..place.config_with(&cuhk) };
    let error = refused(config).await;
    assert!(matches!(error, StartError::InvitationNeeded { .. }), "{error:?}");
    assert!(error.advice().contains(place.origin().as_str()));
}

#[tokio::test]
async fn a_failed_enrolment_goes_on_with_the_same_key() {
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    place.invite(&cuhk);
    let config = place.config_with(&cuhk);
    *cuhk.desk.refusal.lock().unwrap() = Some(ProblemType::InternalError);
    let error = refused(config.clone()).await;
    let StartError::NotEnrolled { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, CuhkError::Est(EstError::Refused(_))), "{source:?}");
    assert_eq!(error.advice(), ProblemType::InternalError.what_to_do());
    let key = place.read("blackboard.key");

    // Not even CUHK can make it take a certificate for another key.
    *cuhk.desk.refusal.lock().unwrap() = None;
    *cuhk.desk.other_key.lock().unwrap() = Some(SigningKey::generate().unwrap());
    let error = refused(config.clone()).await;
    let StartError::NotEnrolled { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, CuhkError::NotOurs(NotOurs::OtherKey)), "{source:?}");
    assert!(!place.path("blackboard.cer").exists());

    *cuhk.desk.other_key.lock().unwrap() = None;
    Blackboard::start(config).await.stop().await;
    assert_eq!(place.read("blackboard.key"), key);
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_explained_or_replaced_for_the_same_key() {
    let cuhk = Cuhk::start(Authority::new());
    let foreign = Authority::new();
    for (other_key, other_root) in [(false, false), (false, true), (true, false)] {
        let place = Place::empty(Authority::new());
        let issuer = if other_root { &foreign } else { cuhk.authority() };
        let other_origin = !other_root && !other_key;
        let origin =
            if other_origin { "https://localhost:1".parse().unwrap() } else { place.origin() };
        let (key, chain) = issuer.server_files(&origin, fresh());
        let key = if other_key { issuer.server_files(&origin, fresh()).0 } else { key };
        place.put_key(&key);
        place.put("blackboard.cer", &chain);
        place.put("cuhk.cer", &cuhk.authority().root_pem());
        let config = place.config_with(&cuhk);
        let error = refused(config.clone()).await;
        let StartError::Certificate { source, .. } = &error else { panic!("{error:?}") };
        match source {
            NotOurs::Path(PathError::WrongOrigin { .. }) => assert!(other_origin),
            NotOurs::Path(PathError::UnknownIssuer) => assert!(other_root),
            NotOurs::OtherKey => assert!(other_key),
            other => panic!("{other:?}"),
        }
        assert_eq!(place.read("blackboard.cer"), chain, "nothing was changed");

        place.invite(&cuhk);
        let blackboard = Blackboard::start(config).await;
        assert_eq!(place.read("blackboard.key"), key, "the key is kept");
        assert_serves(cuhk.authority(), blackboard, &place).await;
    }
}

#[tokio::test]
async fn an_expired_certificate_is_renewed_at_start() {
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    let expired = from(now().plus_seconds(-90 * DAY), 89 * DAY);
    let (key, chain) = cuhk.authority().server_files(&place.origin(), expired);
    place.put_key(&key);
    place.put("blackboard.cer", &chain);
    place.put("cuhk.cer", &cuhk.authority().root_pem());
    let config = place.config_with(&cuhk);

    *cuhk.desk.refusal.lock().unwrap() = Some(ProblemType::NotOnRoster);
    let error = refused(config.clone()).await;
    assert!(matches!(error, StartError::NotRenewed(_)) && !error.is_unreachable(), "{error:?}");
    *cuhk.desk.refusal.lock().unwrap() = None;

    let mut blackboard = Blackboard::start(config).await;
    let serial = blackboard
        .event(|event| match event {
            Event::Renewed { serial, .. } => Some(serial),
            _ => None,
        })
        .await;
    assert_eq!(serial, place.leaf().serial().to_string());
    assert_eq!(place.read("blackboard.key"), key);
    assert_serves(cuhk.authority(), blackboard, &place).await;
}

#[tokio::test]
async fn a_certificate_is_renewed_when_two_thirds_of_its_life_are_over() {
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    let old = from(now().plus_seconds(-61 * DAY), 90 * DAY);
    let (key, chain) = cuhk.authority().server_files(&place.origin(), old);
    place.put_key(&key);
    place.put("blackboard.cer", &chain);
    place.put("cuhk.cer", &cuhk.authority().root_pem());
    let old_serial = place.leaf().serial().to_string();

    // CUHK is in no mood: Blackboard says so, and serves with what it has.
    *cuhk.desk.refusal.lock().unwrap() = Some(ProblemType::InternalError);
    let mut blackboard = Blackboard::start(place.config_with(&cuhk)).await;
    let not_after = blackboard
        .event(|event| match event {
            Event::RenewalFailed { not_after, .. } => Some(not_after),
            _ => None,
        })
        .await;
    assert_eq!(not_after, old.not_after());
    assert_serves(cuhk.authority(), blackboard, &place).await;
    assert_eq!(place.leaf().serial().to_string(), old_serial);

    *cuhk.desk.refusal.lock().unwrap() = None;
    let mut blackboard = Blackboard::start(place.config_with(&cuhk)).await;
    let serial = blackboard
        .event(|event| match event {
            Event::Renewed { serial, .. } => Some(serial),
            _ => None,
        })
        .await;
    assert_ne!(serial, old_serial);
    assert_eq!(place.leaf().serial().to_string(), serial);
    // Step 5 shows the new one at once.
    let student = Student::new(cuhk.authority(), &blackboard, SID);
    let (waiting, request) = student.challenged().await;
    let answer: claim_core::messages::SessionAnswer =
        student.exchange("/v1/sessions", &request).await;
    let shown = Certificate::from_der(answer.certificate.leaf()).unwrap();
    assert_eq!(shown.serial().to_string(), serial);
    waiting.receive(answer, &student.root, place.time.now()).unwrap();
    blackboard.stop().await;
    assert_eq!(cuhk.desk.renewed.lock().unwrap().len(), 2);
    assert!(cuhk.desk.enrolled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_in_the_handshake_at_once() {
    // By the world's clock the old certificate is over; by Blackboard's, which is late, it is nearly so.
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    let old = from(now().plus_seconds(-60 * DAY), 59 * DAY);
    let (key, chain) = cuhk.authority().server_files(&place.origin(), old);
    place.put_key(&key);
    place.put("blackboard.cer", &chain);
    place.put("cuhk.cer", &cuhk.authority().root_pem());
    place.time.pass(-2 * DAY);
    *cuhk.desk.validity.lock().unwrap() = from(now().plus_seconds(-3 * DAY), 90 * DAY);
    let mut blackboard = Blackboard::start(place.config_with(&cuhk)).await;
    blackboard.event(|event| matches!(event, Event::Renewed { .. }).then_some(())).await;
    let student = Student::new(cuhk.authority(), &blackboard, SID);
    let home = student.send(student.request("GET", "/"), None).await;
    assert_eq!(home.status, 200);
    blackboard.stop().await;
}

/// The leaf that Blackboard shows in the TLS handshake.
async fn shown(blackboard: &Blackboard, root: &claim_pki::Root) -> Vec<u8> {
    use rustls::pki_types::{CertificateDer, ServerName};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(root.der().to_vec())).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", blackboard.port)).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    let tls = connector.connect(name, tcp).await.unwrap();
    tls.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn a_serving_blackboard_renews_and_shows_the_new_certificate() {
    let cuhk = Cuhk::start(Authority::new());
    let place = Place::empty(Authority::new());
    // It began two months ago, so that the certificate of today is valid by the client's clock too.
    let old = from(now().plus_seconds(-61 * DAY), 90 * DAY);
    place.time.pass(-61 * DAY);
    let (key, chain) = cuhk.authority().server_files(&place.origin(), old);
    place.put_key(&key);
    place.put("blackboard.cer", &chain);
    place.put("cuhk.cer", &cuhk.authority().root_pem());
    let mut blackboard = Blackboard::start(place.config_with(&cuhk)).await;
    let root = cuhk.authority().anchor();
    let first = place.leaf();
    assert_eq!(shown(&blackboard, &root).await, first.der());

    // Two thirds are over and CUHK is in no mood, then it is.
    *cuhk.desk.refusal.lock().unwrap() = Some(ProblemType::InternalError);
    place.time.pass(61 * DAY);
    blackboard.nudge.now();
    blackboard.event(|event| matches!(event, Event::RenewalFailed { .. }).then_some(())).await;
    assert_eq!(shown(&blackboard, &root).await, first.der());
    *cuhk.desk.refusal.lock().unwrap() = None;
    blackboard.nudge.now();
    blackboard.event(|event| matches!(event, Event::Renewed { .. }).then_some(())).await;
    assert_ne!(place.leaf().der(), first.der());
    assert_eq!(shown(&blackboard, &root).await, place.leaf().der());
    assert_serves(cuhk.authority(), blackboard, &place).await;
}

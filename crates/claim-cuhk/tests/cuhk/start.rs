//! Step 0: what is made, loaded, continued, refused, and never overwritten.

use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use claim_cuhk::{
    AuthorityError, Clock, Config, Event, ExternalTls, KeyPlaceError, Mode, Observer, Office,
    OwnCertificateError, StartError, init, start,
};
use claim_http::{BindError, ServerTrust};
use claim_pki::{AuthorityName, Issuer, Profile, Root, RootSpec, SerialNumber, Validity};

use crate::fixture::{
    Hand, SID, TestCuhk, client, collector, config, folder, key, lasting_files, real_folder,
    refused, silent, some_code, student,
};

const DAY: i64 = 86_400;
const FILES: [&str; 11] = [
    "cuhk-audit.key",
    "cuhk-issuing.cer",
    "cuhk-issuing.key",
    "cuhk-server.cer",
    "cuhk-server.key",
    "cuhk-timestamp.cer",
    "cuhk-timestamp.key",
    "cuhk-witness.cer",
    "cuhk-witness.key",
    "cuhk.cer",
    "cuhk.key",
];

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn copy(dir: &Path, from: &str, to: &str) {
    fs::copy(dir.join(from), dir.join(to)).unwrap();
}

/// Starts and stops at once.
async fn once(config: Config, observer: Observer) {
    start(config, observer).await.unwrap().run(async {}).await;
}

#[tokio::test]
async fn the_first_start_makes_the_files_and_later_ones_leave_them_alone() {
    let parent = folder();
    let dir = parent.path().join("new/cuhk");
    TestCuhk::start(&dir).await.stop().await;
    let files = lasting_files(&dir);
    assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), FILES);
    for name in FILES {
        if name.ends_with(".key") {
            assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
        }
        let text = fs::read_to_string(dir.join(name)).unwrap();
        let label = if name.ends_with(".key") { "PRIVATE KEY" } else { "CERTIFICATE" };
        assert!(text.starts_with(&format!("-----BEGIN {label}-----\n")), "{text}");
    }
    assert_eq!(mode(&dir.join("cuhk.db")), 0o600);

    for _ in 0..2 {
        let cuhk = TestCuhk::start(&dir).await;
        assert!(matches!(cuhk.events()[0], Event::RootLoaded { .. }));
        cuhk.enrol(&student(SID), &some_code(), &key()).await.unwrap();
        cuhk.stop().await;
    }
    // The origin has the port in it, so what is certified for CUHK's own origin is another one each time.
    let kept = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
        let own = |name: &str| name == "cuhk-server.cer" || name.starts_with("cuhk-timestamp.");
        files.into_iter().filter(|(name, _)| !own(name)).collect()
    };
    assert_eq!(kept(lasting_files(&dir)), kept(files));
}

#[tokio::test]
async fn who_can_reach_it_decides_what_a_new_root_is_for() {
    let public: Option<claim_core::Origin> = "https://cuhk.example:9335".parse().ok();
    let everywhere = vec![(Ipv4Addr::UNSPECIFIED, 0).into()];
    for (public_url, listen, expected, name) in [
        (None, config(Path::new("")).listen, Mode::LocalDemo, "CUHK (local demo)"),
        (public, config(Path::new("")).listen, Mode::Rostered, "CUHK Root"),
        (None, everywhere, Mode::Rostered, "CUHK Root"),
    ] {
        let folder = folder();
        let config = Config { public_url, listen, ..config(folder.path()) };
        let running = start(config, silent()).await.unwrap();
        assert_eq!(running.mode(), expected);
        let root = fs::read_to_string(folder.path().join("cuhk.cer")).unwrap();
        assert_eq!(Root::from_pem(&root).unwrap().certificate().common_name(), Some(name));
        assert_eq!(folder.path().join("blackboard.invite").exists(), expected == Mode::LocalDemo);
    }
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_goes_on_with_its_keys() {
    let whole = folder();
    TestCuhk::start(whole.path()).await.stop().await;
    let order = [
        "cuhk.key",
        "cuhk.cer",
        "cuhk-issuing.key",
        "cuhk-issuing.cer",
        "cuhk-server.key",
        "cuhk-server.cer",
        // With its certificate the start would be over; without records, the witness then takes a new key.
        "cuhk-witness.key",
    ];
    for done in 0..=order.len() {
        let folder = folder();
        for name in &order[..done] {
            fs::copy(whole.path().join(name), folder.path().join(name)).unwrap();
        }
        let cuhk = TestCuhk::start(folder.path()).await;
        for name in order[..done].iter().filter(|name| **name != "cuhk-server.cer") {
            let (old, new) = (whole.path().join(name), folder.path().join(name));
            assert_eq!(fs::read(old).unwrap(), fs::read(new).unwrap(), "{name} after {done} steps");
        }
        cuhk.enrol(&student(SID), &some_code(), &key()).await.unwrap();
        cuhk.stop().await;
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_and_nothing_is_changed() {
    type Change = fn(&Path);
    type Fits = fn(&StartError) -> bool;
    let cases: [(Change, Fits, &str); 12] = [
        (
            |dir| fs::remove_file(dir.join("cuhk.key")).unwrap(),
            |e| matches!(e, StartError::Authority(AuthorityError::KeyMissing { .. })),
            "cuhk.key",
        ),
        (
            |dir| fs::remove_file(dir.join("cuhk.cer")).unwrap(),
            |e| matches!(e, StartError::Authority(AuthorityError::CertificateMissing { .. })),
            "cuhk.cer",
        ),
        (
            |dir| {
                ["cuhk.cer", "cuhk.key"]
                    .iter()
                    .for_each(|name| fs::remove_file(dir.join(name)).unwrap())
            },
            |e| matches!(e, StartError::Authority(AuthorityError::RootMissing { .. })),
            "cuhk.cer",
        ),
        (
            |dir| fs::remove_file(dir.join("cuhk-issuing.key")).unwrap(),
            |e| matches!(e, StartError::Authority(AuthorityError::KeyMissing { .. })),
            "cuhk-issuing.key",
        ),
        (
            |dir| fs::remove_file(dir.join("cuhk-issuing.cer")).unwrap(),
            |e| matches!(e, StartError::Authority(AuthorityError::CertificateMissing { .. })),
            "cuhk-issuing.cer",
        ),
        (
            |dir| fs::write(dir.join("cuhk.cer"), "hello").unwrap(),
            |e| matches!(e, StartError::Authority(AuthorityError::CertificateUnreadable { .. })),
            "cuhk.cer",
        ),
        (
            |dir| fs::write(dir.join("cuhk.key"), "hello").unwrap(),
            |e| {
                matches!(
                    e,
                    StartError::Authority(AuthorityError::Key(KeyPlaceError::Unreadable { .. }))
                )
            },
            "cuhk.key",
        ),
        (
            |dir| copy(dir, "cuhk-server.key", "cuhk.key"),
            |e| matches!(e, StartError::Authority(AuthorityError::Mismatch { .. })),
            "cuhk.key",
        ),
        (
            |dir| fs::set_permissions(dir.join("cuhk.key"), Permissions::from_mode(0o644)).unwrap(),
            |e| matches!(e, StartError::Authority(AuthorityError::Key(KeyPlaceError::File(_)))),
            "chmod 600",
        ),
        (
            |dir| copy(dir, "cuhk.cer", "cuhk-server.cer"),
            |e| matches!(e, StartError::OwnCertificate(OwnCertificateError::Foreign { .. })),
            "cuhk-server.cer",
        ),
        (
            |dir| fs::write(dir.join("cuhk-server.key"), "hello").unwrap(),
            |e| matches!(e, StartError::OwnCertificate(OwnCertificateError::Key { .. })),
            "cuhk-server.key",
        ),
        (
            |dir| fs::write(dir.join("cuhk.db"), "hello, I am no database at all").unwrap(),
            |e| matches!(e, StartError::Store(_)),
            "records",
        ),
    ];
    for (change, fits, named) in cases {
        let folder = folder();
        TestCuhk::start(folder.path()).await.stop().await;
        change(folder.path());
        let before = lasting_files(folder.path());
        let error = refused(config(folder.path())).await;
        assert!(fits(&error), "{error:?}");
        let told = format!("{error} {}", error.advice());
        assert!(told.contains(named), "{told}");
        assert_eq!(lasting_files(folder.path()), before);
    }
}

#[tokio::test]
async fn keys_of_another_cuhk_do_not_fit_in() {
    let (one, other) = (folder(), folder());
    TestCuhk::start(one.path()).await.stop().await;
    TestCuhk::start(other.path()).await.stop().await;
    for name in ["cuhk-issuing.cer", "cuhk-issuing.key"] {
        fs::copy(other.path().join(name), one.path().join(name)).unwrap();
    }
    let error = refused(config(one.path())).await;
    assert!(
        matches!(error, StartError::Authority(AuthorityError::ForeignIssuing { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_that_is_no_p256_key_is_refused() {
    let folder = folder();
    let path = folder.path().join("cuhk.key");
    let text = path.display().to_string();
    crate::curl::run("openssl", &["genpkey", "-algorithm", "ED25519", "-out", &text]).await;
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let error = refused(config(folder.path())).await;
    assert!(matches!(
        error,
        StartError::Authority(AuthorityError::Key(KeyPlaceError::Unreadable { .. }))
    ));
    assert!(error.to_string().contains("Ed25519"), "{error}");
    assert!(!folder.path().join("cuhk.cer").exists());
}

#[tokio::test]
async fn an_expired_root_signs_nothing() {
    let folder = folder();
    let key = key();
    fs::write(folder.path().join("cuhk.key"), key.to_pkcs8_pem().as_bytes()).unwrap();
    fs::set_permissions(folder.path().join("cuhk.key"), Permissions::from_mode(0o600)).unwrap();
    let spec = RootSpec { name: AuthorityName::cuhk("CUHK Root").unwrap(), domain: None };
    let begin = Clock::system().now().plus_seconds(-3 * DAY);
    let validity = Validity::new(begin, begin.plus_seconds(DAY)).unwrap();
    let root = Issuer::self_signed_root(&spec, key, &SerialNumber::from_random([1; 16]), validity)
        .unwrap();
    fs::write(folder.path().join("cuhk.cer"), root.certificate().to_pem()).unwrap();
    let error = refused(config(folder.path())).await;
    assert!(matches!(error, StartError::Authority(AuthorityError::Expired { .. })), "{error}");
    assert!(!folder.path().join("cuhk-issuing.key").exists());

    let clock = Clock::new(move || begin.plus_seconds(-DAY));
    let error = refused(Config { clock, ..config(folder.path()) }).await;
    assert!(matches!(error, StartError::Authority(AuthorityError::NotYetValid { .. })), "{error}");
}

#[tokio::test]
async fn an_expired_issuing_certificate_is_followed_by_another() {
    let folder = folder();
    let hand = Hand::now();
    let timed = || Config { clock: hand.clock(), ..config(folder.path()) };
    once(timed(), silent()).await;
    let root = fs::read(folder.path().join("cuhk.cer")).unwrap();
    hand.move_by(Profile::Issuing.life().into());
    let error = refused(timed()).await;
    assert!(matches!(error, StartError::Authority(AuthorityError::Expired { .. })), "{error}");
    assert!(error.advice().contains("claim cuhk issuing renew"), "{}", error.advice());
    let office = Office::open(folder.path(), None, hand.clock()).await.unwrap();
    let renewed = office.renew_issuing().await.unwrap();
    office.close().await;
    assert_eq!(renewed.certificate, folder.path().join("cuhk-issuing-2.cer"));
    once(timed(), silent()).await;
    // Both away: another beginning.
    for name in ["cuhk-issuing.cer", "cuhk-issuing.key", "cuhk-issuing-2.cer", "cuhk-issuing-2.key"]
    {
        fs::rename(folder.path().join(name), folder.path().join(format!("old-{name}"))).unwrap();
    }
    once(timed(), silent()).await;
    assert_eq!(fs::read(folder.path().join("cuhk.cer")).unwrap(), root);
}

#[tokio::test]
async fn cuhks_own_certificate_is_renewed_in_time_and_for_another_origin() {
    let folder = real_folder().await;
    let hand = Hand::now();
    let public_url: Option<claim_core::Origin> = "https://cuhk.example:9335".parse().ok();
    let named =
        || Config { clock: hand.clock(), public_url: public_url.clone(), ..config(folder.path()) };
    let issued = async |config: Config| {
        let (events, observer) = collector();
        once(config, observer).await;
        let events = events.lock().unwrap();
        events.iter().filter(|event| matches!(event, Event::ServerCertificate(_))).count()
    };
    assert_eq!(issued(named()).await, 1);
    let own = fs::read(folder.path().join("cuhk-server.cer")).unwrap();
    hand.move_by(59 * DAY);
    assert_eq!(issued(named()).await, 0);
    assert_eq!(fs::read(folder.path().join("cuhk-server.cer")).unwrap(), own);
    hand.move_by(2 * DAY);
    assert_eq!(issued(named()).await, 1);
    let other: Option<claim_core::Origin> = "https://ca.example".parse().ok();
    assert_eq!(issued(Config { public_url: other, ..named() }).await, 1);
    hand.move_by(365 * DAY);
    assert_eq!(issued(named()).await, 1);
    let office = claim_cuhk::Office::open(folder.path(), None, hand.clock()).await.unwrap();
    let listed = office.list().await.unwrap();
    let own = listed.iter().filter(|entry| entry.profile == "server");
    assert_eq!(own.count(), 4, "each is on record");
}

#[tokio::test]
async fn a_certificate_from_elsewhere_is_shown_instead() {
    let (folder, elsewhere) = (real_folder().await, folder());
    let path = |name: &str| elsewhere.path().join(name);
    let (certificate, key) = (path("tls.pem"), path("tls.key"));
    let external =
        Some(ExternalTls { certificate: certificate.clone(), key: key.clone(), passphrase: None });
    let external = Config { external_tls: external, ..config(folder.path()) };
    let error = refused(external.clone()).await;
    assert!(matches!(error, StartError::ExternalTls(_)), "{error}");

    let (cer, pem) = (certificate.display().to_string(), key.display().to_string());
    let arguments = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-days",
        "2",
        "-out",
        &cer,
        "-keyout",
        &pem,
    ];
    crate::curl::run("openssl", &arguments).await;
    let cuhk = TestCuhk::start_with(external.clone()).await;
    let client = client(&ServerTrust::Unverified, None);
    assert_eq!(cuhk.send(client.get(cuhk.origin.join("/"))).await.status, 200);
    assert!(cuhk.client().get(cuhk.origin.join("/")).send().await.is_err(), "not by cuhk.cer");
    assert!(!folder.path().join("cuhk-server.key").exists());
    cuhk.stop().await;

    fs::copy(folder.path().join("cuhk.key"), &key).unwrap();
    let error = refused(external).await;
    assert!(matches!(error, StartError::ExternalTls(_)), "{error}");
}

#[tokio::test]
async fn one_server_a_folder_and_one_a_port() {
    let (folder, second) = (folder(), self::folder());
    let running = start(config(folder.path()), silent()).await.unwrap();
    let error = refused(config(folder.path())).await;
    assert!(matches!(error, StartError::FolderLocked { .. }), "{error}");
    let error = init(folder.path(), None, None, &Clock::system()).await.unwrap_err();
    assert!(matches!(error, StartError::FolderLocked { .. }), "{error}");
    let taken = running.addresses()[0];
    let error = refused(Config { listen: vec![taken], ..config(second.path()) }).await;
    assert!(matches!(error, StartError::Bind(BindError::InUse { address }) if address == taken));
    assert!(error.advice().contains(&taken.port().to_string()));
    assert!(lasting_files(second.path()).is_empty());
    running.run(async {}).await;
    once(config(folder.path()), silent()).await;
}

#[tokio::test]
async fn two_that_start_at_once_make_one_root() {
    let folder = folder();
    let (one, other) = tokio::join!(
        start(config(folder.path()), silent()),
        start(config(folder.path()), silent())
    );
    assert!(one.is_ok() != other.is_ok());
    let error = one.err().or(other.err()).unwrap();
    assert!(matches!(error, StartError::FolderLocked { .. }), "{error}");
}

#[tokio::test]
async fn metrics_are_for_this_machine() {
    let folder = folder();
    let metrics = Some(([0, 0, 0, 0], 9999).into());
    let error = refused(Config { metrics, ..config(folder.path()) }).await;
    assert!(matches!(error, StartError::MetricsNotLocal { .. }), "{error}");
    assert!(lasting_files(folder.path()).is_empty());
}

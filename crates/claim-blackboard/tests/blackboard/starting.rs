//! What Blackboard needs to start besides a certificate, and how it says what is wrong.

use std::sync::Arc;
use std::time::Duration;

use claim_blackboard::{AdminError, Config, ExternalTls, StartError, start};
use claim_http::{BindError, ServerTrust, https_client, send};

use crate::authority::{Authority, DAY, fresh};
use crate::est::Cuhk;
use crate::running::{Blackboard, Place, observer};
use crate::student::{SID, Say, Student};

/// Why it does not start.
pub(crate) async fn refused(config: Config) -> StartError {
    let error = start(config, observer().0).await.unwrap_err();
    assert!(!error.advice().is_empty() && !error.to_string().is_empty());
    error
}

#[tokio::test]
async fn keys_and_files_that_are_damaged_are_named_and_left_alone() {
    let place = Place::enrolled();
    let config = Config { patience: Duration::ZERO, ..place.config() };
    let (key, chain) = (place.read("blackboard.key"), place.read("blackboard.cer"));

    place.put("blackboard.key", "nonsense");
    let error = refused(config.clone()).await;
    assert!(matches!(error, StartError::Key { .. }), "{error:?}");
    assert_eq!(place.read("blackboard.key"), "nonsense");

    std::fs::remove_file(place.path("blackboard.key")).unwrap();
    let error = refused(config.clone()).await;
    assert!(matches!(error, StartError::KeyMissing { .. }), "{error:?}");
    assert!(!place.path("blackboard.key").exists());
    place.put_key(&key);

    place.put("blackboard.cer", "nonsense");
    let error = refused(config.clone()).await;
    assert!(matches!(error, StartError::CertificateFile { .. }), "{error:?}");
    place.put("blackboard.cer", &chain);

    let root = place.read("cuhk.cer");
    place.put("cuhk.cer", &chain);
    let error = refused(config.clone()).await;
    assert!(matches!(error, StartError::Root { .. }), "{error:?}");
    place.put("cuhk.cer", &root);

    place.put("sealing.key", "nonsense");
    let error = refused(config.clone()).await;
    assert!(matches!(error, StartError::SealingKey { .. }), "{error:?}");
    std::fs::remove_file(place.path("sealing.key")).unwrap();

    let database = Some("mysql://localhost/claim".to_owned());
    let error = refused(Config { database, ..config.clone() }).await;
    assert!(matches!(error, StartError::DatabaseUrl(_)), "{error:?}");
    place.put("other.db", "this is no database, and long enough to be sure of it");
    let database = Some(format!("sqlite:{}", place.path("other.db").display()));
    let error = refused(Config { database, ..config.clone() }).await;
    assert!(matches!(error, StartError::Store(_)), "{error:?}");
    Blackboard::start(config).await.stop().await;
}

#[tokio::test]
async fn one_blackboard_a_folder_and_a_port() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let error = refused(Config { listen: vec![], ..place.config() }).await;
    assert!(matches!(error, StartError::FolderLocked { .. }), "{error:?}");
    let other = Place::enrolled();
    let error = refused(Config { listen: place.config().listen, ..other.config() }).await;
    let StartError::Bind(BindError::InUse { address }) = &error else { panic!("{error:?}") };
    assert_eq!(address.port(), place.port.number);
    blackboard.stop().await;
    place.start().await.stop().await;
}

#[tokio::test]
async fn a_tls_certificate_from_elsewhere_is_shown_and_proves_nothing_in_step_5() {
    let place = Place::enrolled();
    let elsewhere = Authority::new();
    let (key, chain) = elsewhere.server_files(&place.origin(), fresh());
    place.put("tls.key", &key);
    place.put("tls.cer", &chain);
    let external = ExternalTls {
        certificate: place.path("tls.cer"),
        key: place.path("tls.key"),
        passphrase: None,
    };
    let config = Config { external_tls: Some(external.clone()), ..place.config() };
    let blackboard = Blackboard::start(config.clone()).await;
    let mut student = Student::new(&elsewhere, &blackboard, SID);
    student.credential = place.authority.student(SID);
    student.root = place.authority.anchor();
    let session = student.open(place.time.now()).await;
    student.say(&session, &Say::text("hello", place.time.now())).await.message();
    blackboard.stop().await;

    place.put("tls.key", &place.read("blackboard.key"));
    let error = refused(config.clone()).await;
    assert!(matches!(error, StartError::ExternalTls(_)), "{error:?}");
    let missing = ExternalTls { key: place.path("nowhere"), ..external };
    let error = refused(Config { external_tls: Some(missing), ..config }).await;
    assert!(matches!(error, StartError::ExternalTls(_)), "{error:?}");
}

#[tokio::test]
async fn metrics_and_health_are_for_this_machine() {
    let place = Place::enrolled();
    let metrics = Some("192.0.2.1:9000".parse().unwrap());
    let error = refused(Config { metrics, ..place.config() }).await;
    assert!(matches!(error, StartError::MetricsNotLocal { .. }), "{error:?}");

    let metrics = Some("127.0.0.1:0".parse().unwrap());
    let running = start(Config { metrics, ..place.config() }, observer().0).await.unwrap();
    let address = running.metrics_address().unwrap();
    let nudge = running.nudge();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(running.run(async {
        let _ = stopped.await;
    }));
    let get = async |path: &str| {
        let response = plain_get(address, path).await;
        let status: u16 = response[9..12].parse().unwrap();
        (status, response)
    };
    assert_eq!(get("/healthz").await.0, 200);
    assert_eq!(get("/readyz").await.0, 200);
    // Nothing can be written, as on a disk that is full.
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", place.path("blackboard.db").display());
    let database = sqlx::AnyPool::connect(&url).await.unwrap();
    let full = "CREATE TRIGGER full BEFORE UPDATE ON _sqlx_migrations \
                BEGIN SELECT RAISE(ABORT, 'no room'); END";
    sqlx::query(full).execute(&database).await.unwrap();
    nudge.now();
    let mut response = get("/readyz").await;
    while response.0 == 200 {
        response = get("/readyz").await;
    }
    assert!(response.1.contains("not ready: the records take nothing: "), "{}", response.1);
    sqlx::query("DROP TRIGGER full").execute(&database).await.unwrap();
    database.close().await;
    nudge.now();
    while get("/readyz").await.0 != 200 {}
    // The certificate expires: alive, but of no use to anyone.
    place.time.pass(90 * DAY);
    let (status, response) = get("/readyz").await;
    assert!(status == 503 && response.contains("expired"), "{response}");
    assert_eq!(get("/healthz").await.0, 200);
    let metrics = get("/metrics").await.1;
    for name in ["connections_open", "challenges_total", "sessions_total", "messages_total"] {
        assert!(metrics.contains(&format!("\nclaim_{name} 0\n")), "{name} is not in {metrics}");
    }
    let _ = stop.send(());
    task.await.unwrap();
}

async fn plain_get(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn the_default_origin_has_the_port_that_was_bound() {
    let cuhk = Cuhk::start(Authority::local_demo());
    let place = Place::empty(Authority::new());
    place.put("cuhk.cer", &cuhk.authority().root_pem());
    place.put("blackboard.invite", &cuhk.invitation("https://localhost").expose());
    let mut config = place.config_with(&cuhk);
    config.listen[0].set_port(0);
    let running = start(config, observer().0).await.unwrap();
    let port = running.addresses()[0].port();
    assert_eq!(running.origin().as_str(), format!("https://localhost:{port}"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let origin = running.origin().clone();
    let task = tokio::spawn(running.run(async {
        let _ = stopped.await;
    }));
    let root = Arc::new(cuhk.authority().anchor());
    let trust = ServerTrust::CuhkServer { root, origin: origin.clone() };
    let client = https_client(&trust, None, Duration::from_secs(60)).unwrap();
    let answer = send(client.get(origin.join("/")), 1 << 20).await.unwrap();
    assert_eq!(answer.status, 200);
    let _ = stop.send(());
    task.await.unwrap();
}

#[tokio::test]
async fn records_are_looked_at_while_it_serves_and_not_made_by_looking() {
    let place = Place::enrolled();
    let refused = claim_blackboard::messages(place.folder.path(), None).await.unwrap_err();
    assert!(matches!(refused, AdminError::NoRecords { .. }), "{refused}");
    assert!(!place.path("blackboard.db").exists());

    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let session = student.open(place.time.now()).await;
    let mut pages = claim_blackboard::messages(place.folder.path(), None).await.unwrap();
    for text in ["one", "two"] {
        student.say(&session, &Say::text(text, place.time.now())).await.message();
        let page = pages.next_page().await.unwrap();
        assert_eq!(page.len(), 1);
        assert_eq!((page[0].person.as_str(), page[0].text.as_str()), (SID, text));
    }
    assert!(pages.next_page().await.unwrap().is_empty());
    blackboard.stop().await;
}

//! Opening: making, migrating, refusing, and finding everything again after a crash.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use claim_store::blackboard::{BlackboardStore, Kept, NewMessage};
use claim_store::cuhk::{CuhkStore, PersonRecord};
use claim_store::{DatabaseUrl, Kind, StoreError};
use sqlx::{Connection, Executor, PgConnection};
use tokio::task::JoinSet;

use crate::postgres::Cluster;
use crate::site::{Site, at, on_each_database};

fn message(session: u8, nonce: u8) -> NewMessage {
    NewMessage {
        session: [session; 32],
        nonce: [nonce; 16],
        person: "1155123456".parse().unwrap(),
        received_at: at(0),
        content_digest: [0; 32],
        text: format!("{session} {nonce}"),
    }
}

fn someone(n: u32) -> PersonRecord {
    PersonRecord::new(format!("{n:010}").parse().unwrap(), at(0))
}

on_each_database! {
    async fn a_database_is_found_again(site: Site) {
        let store = site.cuhk().await;
        assert_eq!(store.kind(), if site.is_sqlite() { Kind::Sqlite } else { Kind::Postgres });
        store.check().await.unwrap();
        store.put_person(&someone(1)).await.unwrap();
        store.close().await;
        assert!(matches!(store.check().await, Err(StoreError::Unavailable { .. })));
        let store = site.cuhk().await;
        assert_eq!(store.person(&someone(1).id).await.unwrap(), Some(someone(1)));
    }

    async fn many_may_open_a_new_one_at_once(site: Site) {
        let mut opening = JoinSet::new();
        for n in 0..8 {
            let url = site.url();
            opening.spawn(async move {
                let store = CuhkStore::open(&url).await.unwrap();
                store.put_person(&someone(n)).await.unwrap();
            });
        }
        opening.join_all().await;
        let store = site.cuhk().await;
        for n in 0..8 {
            assert!(store.person(&someone(n).id).await.unwrap().is_some());
        }
    }

    async fn a_newer_database_is_refused(site: Site) {
        site.blackboard().await.close().await;
        let mut connection = site.connection().await;
        connection.execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 99, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        ).await.unwrap();
        let refused = BlackboardStore::open(&site.url()).await.err().unwrap();
        assert!(matches!(refused, StoreError::NewerSchema { found: 99, known: 7 }), "{refused:?}");
        assert_eq!(
            refused.to_string(),
            "the database has schema 99, this program knows schemas up to 7: start a newer one"
        );
    }

    async fn the_other_servers_database_is_refused(site: Site) {
        site.blackboard().await.close().await;
        let refused = CuhkStore::open(&site.url()).await.err().unwrap();
        assert!(matches!(refused, StoreError::OtherSchema { version: 1 }), "{refused:?}");
    }

    async fn many_writers_never_get_in_each_others_way(site: Site) {
        // Two stores know nothing of each other, like two processes; each also writes from many tasks.
        let stores = [Arc::new(site.blackboard().await), Arc::new(site.blackboard().await)];
        let mut tasks = JoinSet::new();
        for session in 0..20_u8 {
            for nonce in 0..10_u8 {
                let store = Arc::clone(&stores[usize::from(session % 2)]);
                tasks.spawn(async move {
                    let kept = store.keep_message(message(session, nonce)).await;
                    assert!(matches!(kept, Ok(Kept::First(_))), "{kept:?}");
                    store.forget_ring_before(at(0)).await.unwrap();
                });
            }
        }
        tasks.join_all().await;
        assert_eq!(stores[0].message_count().await.unwrap(), 200);
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_killed_process() {
    let site = Site::sqlite();
    let store = site.blackboard().await;
    for nonce in 0..10 {
        store.keep_message(message(1, nonce)).await.unwrap();
    }
    // What a process leaves behind when it is killed: the file and the log, as they are at this moment.
    let crashed = tempfile::tempdir().unwrap();
    let copy = crashed.path().join("claim.db");
    for suffix in ["", "-wal"] {
        let name = format!("{}{suffix}", site.file().display());
        fs::copy(name, format!("{}{suffix}", copy.display())).unwrap();
    }
    let store = BlackboardStore::open(&DatabaseUrl::sqlite(&copy)).await.unwrap();
    assert_eq!(store.message_count().await.unwrap(), 10);
    let again = store.keep_message(message(1, 3)).await.unwrap();
    assert!(matches!(again, Kept::Repeat(_)));
}

#[tokio::test]
async fn a_crashed_server_is_told_and_keeps_what_was_acknowledged() {
    let mut cluster = Cluster::start();
    cluster.answers().await;
    let url: DatabaseUrl = cluster.url(&cluster.new_database().await).parse().unwrap();
    let store = BlackboardStore::open(&url).await.unwrap();
    for nonce in 0..10 {
        store.keep_message(message(1, nonce)).await.unwrap();
    }
    cluster.crash();
    let failed = store.keep_message(message(2, 0)).await;
    assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    let failed = BlackboardStore::open(&url).await.err().unwrap();
    assert!(failed.is_temporary(), "{failed:?}");

    cluster.run();
    cluster.answers().await;
    assert_eq!(store.message_count().await.unwrap(), 10, "the same store goes on by itself");
    let kept = store.keep_message(message(2, 0)).await.unwrap();
    assert!(matches!(kept, Kept::First(_)));
    let again = store.keep_message(message(1, 3)).await.unwrap();
    assert!(matches!(again, Kept::Repeat(_)));
}

#[tokio::test]
async fn a_missing_database_on_a_server_is_told() {
    let cluster = Cluster::shared().await;
    let url: DatabaseUrl = cluster.url("nowhere").parse().unwrap();
    let refused = CuhkStore::open(&url).await.err().unwrap();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_server_elsewhere_proves_its_name_by_tls() {
    let name = vec!["localhost".to_owned()];
    let [served, other] =
        [name.clone(), name].map(|name| rcgen::generate_simple_self_signed(name).unwrap());
    let mut cluster = Cluster::make();
    let certificate = cluster.add_file("server.cer", &served.cert.pem());
    let other = cluster.add_file("other.cer", &other.cert.pem());
    let key = cluster.add_file("server.key", &served.signing_key.serialize_pem());
    // Free a moment ago; another test that takes just this one in between would make this test fail, not pass.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    cluster.set("listen_addresses=localhost");
    cluster.use_port(port);
    cluster.set("ssl=on");
    cluster.set(&format!("ssl_cert_file={}", certificate.display()));
    cluster.set(&format!("ssl_key_file={}", key.display()));
    cluster.run();
    let open = async |host: &str, root: &Path| {
        let url = format!(
            "postgres://claim@{host}:{port}/postgres?sslmode=verify-full&sslrootcert={}",
            root.display()
        );
        CuhkStore::open(&url.parse().unwrap()).await.err()
    };
    cluster.answers().await;
    let opened = open("localhost", &certificate).await;
    assert!(opened.is_none(), "{opened:?}");
    for (host, root) in [("localhost", &other), ("127.0.0.1", &certificate)] {
        let refused = open(host, root).await;
        assert!(matches!(refused, Some(StoreError::Refused { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn commits_wait_for_the_disk_even_where_the_server_would_not() {
    let cluster = Cluster::shared().await;
    for (set, found) in [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")] {
        let url = cluster.url(&cluster.new_database().await);
        let url = format!("{url}&options[synchronous_commit]={set}");
        let store = CuhkStore::open(&url.parse().unwrap()).await.unwrap();
        // What the store's own connections commit with, told by one of them.
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection
            .execute(
                "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 NEW.name = current_setting('synchronous_commit'); RETURN NEW; END $$; \
                 CREATE TRIGGER tell BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION tell()",
            )
            .await
            .unwrap();
        store.put_person(&someone(1)).await.unwrap();
        let told = store.person(&someone(1).id).await.unwrap().unwrap();
        assert_eq!(told.name.as_deref(), Some(found), "{set}");
    }
}

#[tokio::test]
async fn the_file_and_its_log_are_private() {
    let site = Site::sqlite();
    let store = site.cuhk().await;
    store.put_person(&someone(1)).await.unwrap();
    let folder = site.file().parent().unwrap().to_owned();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["claim.db", "claim.db-shm", "claim.db-wal"]);
}

#[tokio::test]
async fn odd_file_names_are_files_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a b.db", "50%.db", "what?.db", "#1.db", "數據.db", "?mode=memory"] {
        let path = folder.path().join(name);
        let store = CuhkStore::open(&DatabaseUrl::sqlite(&path)).await.unwrap();
        store.put_person(&someone(1)).await.unwrap();
        assert!(fs::metadata(&path).unwrap().len() > 0, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = DatabaseUrl::sqlite(folder.path().join("no/claim.db"));
    assert!(matches!(CuhkStore::open(&nowhere).await, Err(StoreError::File(_))));

    let path = folder.path().join("report.pdf");
    fs::write(&path, [b'x'; 5000]).unwrap();
    let refused = CuhkStore::open(&DatabaseUrl::sqlite(&path)).await.err().unwrap();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), [b'x'; 5000], "it was left as it is");
}

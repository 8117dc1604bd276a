//! What the databases say, and what callers are told.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_store::StoreError;
use claim_store::blackboard::{Kept, NewMessage};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::postgres::Cluster;
use crate::site::{Site, at, on_each_database};

fn message(nonce: u8) -> NewMessage {
    NewMessage {
        session: [1; 32],
        nonce: [nonce; 16],
        person: "1155123456".parse().unwrap(),
        received_at: at(0),
        content_digest: [0; 32],
        text: "text".into(),
    }
}

on_each_database! {
    async fn rows_that_were_never_written_so_are_refused(site: Site) {
        let store = site.blackboard().await;
        store.keep_message(message(1)).await.unwrap();
        site.connection().await.execute("UPDATE messages SET person = 'x y'").await.unwrap();
        let refused = store.messages(0, 10).await;
        assert!(matches!(
            refused,
            Err(StoreError::Foreign { table: "messages", column: "person" })
        ));
    }
}

#[tokio::test]
async fn postgres_errors_are_sorted_by_what_can_be_done() {
    let cluster = Cluster::shared().await;
    let mut connection =
        PgConnection::connect(&cluster.url(&cluster.new_database().await)).await.unwrap();
    for (code, class, temporary) in [
        ("53100", "Full", false),
        ("53300", "Unavailable", true),
        ("57P01", "Unavailable", true),
        ("40001", "Unavailable", true),
        ("25006", "Unavailable", true),
        ("08006", "Unavailable", true),
        ("XX001", "Damaged", false),
        ("42501", "Refused", false),
        ("28P01", "Refused", false),
    ] {
        let raise = format!("DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$");
        let error: StoreError = connection.execute(AssertSqlSafe(raise)).await.unwrap_err().into();
        let name = format!("{error:?}");
        assert!(name.starts_with(class), "{code}: {name}");
        assert_eq!(error.is_temporary(), temporary, "{code}");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_acknowledged() {
    let site = Site::postgres().await;
    let store = site.blackboard().await;
    let mut connection = site.connection().await;
    connection
        .execute(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE SQLSTATE '53100'; END $$; \
             CREATE CONSTRAINT TRIGGER fill AFTER INSERT ON messages \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fill()",
        )
        .await
        .unwrap();
    let failed = store.keep_message(message(1)).await;
    assert!(matches!(failed, Err(StoreError::Full { .. })), "it fails at the commit: {failed:?}");
    assert_eq!(store.message_count().await.unwrap(), 0);
    connection.execute("DROP TRIGGER fill ON messages").await.unwrap();
    assert!(matches!(store.keep_message(message(1)).await, Ok(Kept::First(_))));
}

#[tokio::test]
async fn a_full_sqlite_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("small.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    connection.execute("CREATE TABLE t (b BLOB); PRAGMA max_page_count = 4").await.unwrap();
    let error = connection.execute("INSERT INTO t VALUES (zeroblob(100000))").await.unwrap_err();
    let error = StoreError::from(error);
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
}

#[tokio::test]
async fn a_sqlite_held_by_others_is_temporary() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("held.db").display());
    let mut holder = SqliteConnection::connect(&url).await.unwrap();
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    holder.execute("BEGIN IMMEDIATE").await.unwrap();
    other.execute("PRAGMA busy_timeout = 0").await.unwrap();
    let error = StoreError::from(other.execute("BEGIN IMMEDIATE").await.unwrap_err());
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.is_temporary());
}

//! An empty database of either kind, for one test.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::path::PathBuf;

use claim_pki::Timestamp;
use claim_store::blackboard::BlackboardStore;
use claim_store::cuhk::CuhkStore;
use claim_store::{DatabaseUrl, WitnessStore};
use sqlx::AnyConnection;
use sqlx::Connection;
use tempfile::TempDir;

use crate::postgres::Cluster;

/// Where one test's database is; it goes when this does.
pub(crate) struct Site {
    url: String,
    folder: Option<TempDir>,
}

impl Site {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("claim.db").display());
        Self { url, folder: Some(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        let cluster = Cluster::shared().await;
        let url = cluster.url(&cluster.new_database().await);
        Self { url, folder: None }
    }

    /// Where every transaction is SERIALIZABLE, as distributed databases have it.
    pub(crate) async fn serializable() -> Self {
        let mut site = Self::postgres().await;
        site.url.push_str("&options[default_transaction_isolation]=serializable");
        site
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        self.url.parse().unwrap()
    }

    pub(crate) async fn cuhk(&self) -> CuhkStore {
        CuhkStore::open(&self.url()).await.unwrap()
    }

    pub(crate) async fn blackboard(&self) -> BlackboardStore {
        BlackboardStore::open(&self.url()).await.unwrap()
    }

    pub(crate) async fn witness(&self) -> WitnessStore {
        WitnessStore::open(&self.url()).await.unwrap()
    }

    /// A connection past the store, once that has been opened.
    pub(crate) async fn connection(&self) -> AnyConnection {
        AnyConnection::connect(&self.url).await.unwrap()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.folder.is_some()
    }

    /// The SQLite file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.as_ref().unwrap().path().join("claim.db")
    }
}

/// Seconds after some morning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + seconds)
}

/// Defines each function as a test on SQLite, on PostgreSQL, and on PostgreSQL with serializable transactions.
macro_rules! on_each_database {
    ($($(#[$attribute:meta])* async fn $name:ident($site:ident: Site) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all that its file imports")]
            use super::*;

            async fn check($site: $crate::site::Site) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                check($crate::site::Site::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                check($crate::site::Site::postgres().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_serializable_postgres() {
                check($crate::site::Site::serializable().await).await;
            }
        }
    )+};
}
pub(crate) use on_each_database;

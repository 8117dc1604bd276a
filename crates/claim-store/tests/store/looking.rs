//! Looking at records while they are in use, and while they are not.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::fs;
use std::path::Path;

use claim_store::cuhk::PersonRecord;
use claim_store::{LogNumbers, Look, Records, RosterNumbers};

use crate::site::{Site, at, on_each_database};

on_each_database! {
    async fn the_records_of_a_server_that_serves_are_looked_at(site: Site) {
        let store = site.cuhk().await;
        let person = |id: &str, email: Option<&str>| PersonRecord {
            email: email.map(str::to_owned),
            ..PersonRecord::new(id.parse().unwrap(), at(0))
        };
        store.put_person(&person("1155000001", Some("a@link.example"))).await.unwrap();
        store.put_person(&person("1155000002", None)).await.unwrap();

        let mut look = Look::at(&site.url(), Records::Cuhk).await.unwrap();
        let version = look.schema_version().await.unwrap();
        assert_eq!(version.there, version.known);
        assert_eq!(look.fault().await.unwrap(), None);
        let numbers = RosterNumbers { people: 2, without_mail: 1, forgotten: 2 };
        assert_eq!(look.roster(at(1)).await.unwrap(), numbers);
        let growth = look.growth(at(0)).await.unwrap();
        assert_eq!((growth.first, growth.all, growth.recent, growth.pieces), (None, 0, 0, 0));

        // It is written meanwhile, and what is written is seen.
        store.put_person(&person("1155000003", None)).await.unwrap();
        assert_eq!(look.roster(at(1)).await.unwrap().people, 3);
        look.close().await;
    }

    async fn a_log_is_looked_at(site: Site) {
        let _store = site.blackboard().await;
        let mut look = Look::at(&site.url(), Records::Blackboard).await.unwrap();
        let nothing = LogNumbers { size: 0, staged: 0, cosigned: 0, cosigned_at: None };
        assert_eq!(look.log().await.unwrap(), nothing);
        let growth = look.growth(at(0)).await.unwrap();
        assert_eq!((growth.first, growth.all, growth.recent_pieces), (None, 0, 0));
        look.close().await;
    }
}

/// The names in a folder, and what is in the files.
fn all(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        entries.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    all.sort();
    all
}

#[tokio::test]
async fn what_nobody_has_open_is_left_exactly_as_it_is() {
    let site = Site::sqlite();
    site.cuhk().await.close().await;
    let folder = site.file().parent().unwrap().to_owned();
    let before = all(&folder);
    assert_eq!(before.len(), 1, "{before:?}");
    let mut look = Look::at(&site.url(), Records::Cuhk).await.unwrap();
    assert_eq!(look.fault().await.unwrap(), None);
    look.schema_version().await.unwrap();
    look.close().await;
    assert_eq!(all(&folder), before);
    fs::remove_file(site.file()).unwrap();
    assert!(Look::at(&site.url(), Records::Cuhk).await.is_err());
    assert_eq!(all(&folder), []);
}

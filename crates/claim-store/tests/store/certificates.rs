//! Certificates on record.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::sync::Arc;

use claim_store::StoreError;
use claim_store::cuhk::{CertificateRecord, CuhkStore, Holder, Provenance, Reservation, Reserved};
use tokio::task::JoinSet;

use crate::site::{at, on_each_database};

async fn reserve(store: &CuhkStore, serial: &str, seconds: i64) {
    let reservation = Reservation {
        code_hash: None,
        holder: Holder::Server("https://localhost:3141".parse().unwrap()),
        profile: "server",
        key_digest: [7; 32],
        serial: serial.to_owned(),
        tbs: vec![0x30, 0x00, 0xff],
        not_before: at(seconds),
        not_after: at(seconds + 1000),
        now: at(seconds),
        provenance: Provenance::default(),
        most_live: None,
        announce: false,
    };
    assert_eq!(store.reserve(&reservation).await.unwrap(), Reserved::New);
}

on_each_database! {
    async fn what_was_reserved_is_on_record_as_it_was(site: Site) {
        let store = site.cuhk().await;
        assert_eq!(store.certificate("aa").await.unwrap(), None);
        reserve(&store, "aa", 5).await;
        let mut record = CertificateRecord {
            serial: "aa".into(),
            profile: "server".into(),
            name: "https://localhost:3141".into(),
            key_digest: [7; 32],
            not_before: at(5),
            not_after: at(1005),
            reserved_at: at(5),
            tbs: vec![0x30, 0x00, 0xff],
            certificate: None,
            provenance: Provenance::default(),
            erased: None,
        };
        assert_eq!(store.certificate("aa").await.unwrap(), Some(record.clone()));
        assert_eq!(store.record_issued("aa", b"DER\0").await.unwrap(), b"DER\0");
        record.certificate = Some(b"DER\0".to_vec());
        assert_eq!(store.certificate("aa").await.unwrap(), Some(record));
    }

    async fn a_serial_number_names_one_certificate(site: Site) {
        let replicas = [Arc::new(site.cuhk().await), Arc::new(site.cuhk().await)];
        reserve(&replicas[0], "aa", 0).await;
        let mut recorders = JoinSet::new();
        for n in 0..16_u8 {
            let store = Arc::clone(&replicas[usize::from(n % 2)]);
            recorders.spawn(async move { store.record_issued("aa", &[n; 400]).await.unwrap() });
        }
        let returned = recorders.join_all().await;
        let kept = replicas[0].certificate("aa").await.unwrap().unwrap().certificate.unwrap();
        assert!(returned.iter().all(|certificate| *certificate == kept));
        assert_eq!(replicas[1].record_issued("aa", b"late").await.unwrap(), kept);
    }

    async fn nothing_is_issued_that_was_not_reserved(site: Site) {
        let store = site.cuhk().await;
        let refused = store.record_issued("aa", b"DER").await;
        assert!(matches!(refused, Err(StoreError::UnknownSerial { serial }) if serial == "aa"));
        assert_eq!(store.certificate("aa").await.unwrap(), None);
    }

    async fn certificates_come_page_by_page_in_order(site: Site) {
        let store = site.cuhk().await;
        assert!(store.certificates(None, 10).await.unwrap().is_empty());
        for (serial, seconds) in [("f0", 1), ("a1", 3), ("09", 3), ("00", 2), ("b2", 3)] {
            reserve(&store, serial, seconds).await;
        }
        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let page = store.certificates(after.as_ref(), 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            pages.push(page.into_iter().map(|record| record.serial).collect::<Vec<_>>());
        }
        assert_eq!(pages, [vec!["f0", "00"], vec!["09", "a1"], vec!["b2"]]);
    }
}

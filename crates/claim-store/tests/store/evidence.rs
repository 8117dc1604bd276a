//! Keys of evidence, revocations, and what a witness remembers.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::sync::Arc;

use claim_pki::RevocationReason;
use claim_store::WitnessedCheckpoint;
use claim_store::cuhk::{
    Holder, Provenance, Reservation, Reserved, Revocation, RevocationListRecord, Revoked,
};
use tokio::task::JoinSet;

use crate::site::{at, on_each_database};

const LOG: &str = "localhost:3141/log";

fn reservation(profile: &'static str, key: u8, serial: &str) -> Reservation {
    Reservation {
        code_hash: None,
        holder: Holder::Server("https://localhost:3141".parse().unwrap()),
        profile,
        key_digest: [key; 32],
        serial: serial.to_owned(),
        tbs: serial.as_bytes().to_vec(),
        not_before: at(0),
        not_after: at(1000),
        now: at(0),
        provenance: Provenance::default(),
        most_live: None,
        announce: false,
    }
}

fn revocation(serial: &str, seconds: i64) -> Revocation {
    Revocation {
        serial: serial.to_owned(),
        issuer: "ab".repeat(20),
        not_after: at(1000),
        revoked_at: at(seconds),
        reason: RevocationReason::KeyCompromise,
    }
}

fn list(number: u64, bytes: &[u8]) -> RevocationListRecord {
    RevocationListRecord {
        issuer: "ab".repeat(20),
        number,
        this_update: at(5),
        next_update: at(10),
        list: bytes.to_vec(),
    }
}

fn checkpoint(size: u64, text: &str) -> WitnessedCheckpoint {
    WitnessedCheckpoint { size, checkpoint: text.as_bytes().to_vec() }
}

on_each_database! {
    async fn a_key_of_the_evidence_has_one_certificate(site: Site) {
        let store = Arc::new(site.cuhk().await);
        let mut asking = JoinSet::new();
        for n in 0..8_u8 {
            let store = Arc::clone(&store);
            asking.spawn(async move {
                store.reserve(&reservation("log", 1, &format!("0{n}"))).await.unwrap()
            });
        }
        let outcomes = asking.join_all().await;
        let new = outcomes.iter().filter(|outcome| matches!(outcome, Reserved::New)).count();
        assert_eq!(new, 1);
        let [kept] = &store.certificates_of("log", "https://localhost:3141").await.unwrap()[..]
        else { panic!("several") };
        for outcome in outcomes {
            match outcome {
                Reserved::New => {}
                Reserved::Existing(record) => assert_eq!(&record, kept),
            }
        }
        // Another key, another purpose, and a person's or server's key again are certificates of their own.
        for (profile, key, serial) in
            [("log", 2, "a0"), ("timestamp", 1, "a1"), ("server", 1, "a2"), ("server", 1, "a3")]
        {
            let outcome = store.reserve(&reservation(profile, key, serial)).await.unwrap();
            assert_eq!(outcome, Reserved::New);
        }
    }

    async fn what_is_revoked_stays_as_it_was(site: Site) {
        let store = site.cuhk().await;
        assert_eq!(store.revocation("aa").await.unwrap(), None);
        assert_eq!(store.revoke(&revocation("aa", 1)).await.unwrap(), Revoked::Now);
        let again = Revocation { reason: RevocationReason::Superseded, ..revocation("aa", 9) };
        assert_eq!(store.revoke(&again).await.unwrap(), Revoked::Before(revocation("aa", 1)));
        assert_eq!(store.revocation("aa").await.unwrap(), Some(revocation("aa", 1)));
        let other = Revocation { issuer: "cd".repeat(20), ..revocation("bb", 2) };
        // All or none, each as it was where it was revoked before.
        let several = [other.clone(), again];
        let outcomes = store.revoke_all(&several, None).await.unwrap();
        assert_eq!(outcomes, [Revoked::Now, Revoked::Before(revocation("aa", 1))]);
        assert_eq!(store.revoke_all(&[], None).await.unwrap(), []);
        let issuer = "ab".repeat(20);
        assert_eq!(store.revocations(&issuer, at(1000)).await.unwrap(), [revocation("aa", 1)]);
        assert_eq!(store.revocations(&issuer, at(1001)).await.unwrap(), []);
        assert_eq!(store.all_revocations().await.unwrap(), [revocation("aa", 1), other]);
    }

    async fn a_list_follows_the_one_before(site: Site) {
        let store = Arc::new(site.cuhk().await);
        let issuer = "ab".repeat(20);
        assert_eq!(store.revocation_list(&issuer).await.unwrap(), None);
        assert!(!store.put_revocation_list(&list(2, b"none before")).await.unwrap());
        for number in 1..=3 {
            let mut making = JoinSet::new();
            for n in 0..4_u8 {
                let store = Arc::clone(&store);
                making.spawn(async move { store.put_revocation_list(&list(number, &[n])).await.unwrap() });
            }
            let made = making.join_all().await;
            assert_eq!(made.iter().filter(|made| **made).count(), 1, "number {number}");
            assert_eq!(store.revocation_list(&issuer).await.unwrap().unwrap().number, number);
        }
        assert!(!store.put_revocation_list(&list(3, b"late")).await.unwrap());
        assert!(!store.put_revocation_list(&list(5, b"early")).await.unwrap());
    }

    async fn a_witness_goes_on_from_the_last_checkpoint_only(site: Site) {
        let store = Arc::new(site.cuhk().await);
        assert_eq!(store.witnessing().last(LOG).await.unwrap(), None);
        assert!(!store.witnessing().swap(LOG, Some(0), &checkpoint(1, "?"), at(0)).await.unwrap());
        let mut asking = JoinSet::new();
        for n in 0..8_u8 {
            let store = Arc::clone(&store);
            asking.spawn(async move {
                store.witnessing().swap(LOG, None, &checkpoint(3, &n.to_string()), at(1)).await.unwrap()
            });
        }
        assert_eq!(asking.join_all().await.iter().filter(|first| **first).count(), 1);
        assert!(!store.witnessing().swap(LOG, Some(2), &checkpoint(4, "x"), at(2)).await.unwrap());
        assert!(store.witnessing().swap(LOG, Some(3), &checkpoint(7, "grown"), at(2)).await.unwrap());
        assert!(store.witnessing().swap(LOG, Some(7), &checkpoint(7, "signed again"), at(3)).await.unwrap());
        assert_eq!(store.witnessing().last(LOG).await.unwrap(), Some(checkpoint(7, "signed again")));
        assert_eq!(store.witnessing().last("other/log").await.unwrap(), None);
        for _ in 0..2 {
            store.witnessing().put_split_view(LOG, 7, [b"one", b"other"], at(4)).await.unwrap();
        }
        let sizes: Vec<i64> =
            sqlx::query_scalar("SELECT size FROM witnessed_checkpoints ORDER BY size")
                .fetch_all(&mut site.connection().await)
                .await
                .unwrap();
        assert_eq!(sizes, [3, 7]);
    }

    async fn a_witness_keeps_a_day_in_full_and_of_each_day_before_the_last(site: Site) {
        const DAY: i64 = 24 * 60 * 60;
        let store = site.witness().await;
        let records = store.records();
        // `at(0)` is some morning: all of these are in the same day as the ones they are named with.
        let seen = [(1, 0), (2, 60), (3, 120), (4, DAY), (5, 3 * DAY), (6, 3 * DAY + 60)];
        let mut old = None;
        for (size, seconds) in seen {
            let swapped = records.swap(LOG, old, &checkpoint(size, "seen"), at(seconds)).await;
            assert!(swapped.unwrap());
            old = Some(size);
        }
        records.swap("other/log", None, &checkpoint(1, "another log's"), at(0)).await.unwrap();
        records.put_split_view(LOG, 2, [b"one", b"other"], at(0)).await.unwrap();
        assert_eq!(records.thin(at(60)).await.unwrap(), 0, "all is of the last day");
        assert_eq!(records.thin(at(3 * DAY + 120)).await.unwrap(), 2);
        assert_eq!(records.thin(at(3 * DAY + 120)).await.unwrap(), 0);
        let kept: Vec<(String, i64)> =
            sqlx::query_as("SELECT origin, size FROM witnessed_checkpoints ORDER BY origin, size")
                .fetch_all(&mut site.connection().await)
                .await
                .unwrap();
        let of = |origin: &str, size| (origin.to_owned(), size);
        assert_eq!(kept, [of(LOG, 3), of(LOG, 4), of(LOG, 5), of(LOG, 6), of("other/log", 1)]);
        assert_eq!(records.last(LOG).await.unwrap(), Some(checkpoint(6, "seen")));
        let splits: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM split_views")
            .fetch_one(&mut site.connection().await)
            .await
            .unwrap();
        assert_eq!(splits, 1);
    }

    async fn a_witness_knows_the_keys_that_its_records_began_with(site: Site) {
        let store = site.witness().await;
        assert!(!store.knows_key(&[1; 32]).await.unwrap());
        for _ in 0..2 {
            store.put_key(&[1; 32], at(0)).await.unwrap();
        }
        assert!(store.knows_key(&[1; 32]).await.unwrap());
        assert!(!store.knows_key(&[2; 32]).await.unwrap());
        store.close().await;
        assert!(site.witness().await.knows_key(&[1; 32]).await.unwrap());
    }
}

//! The sealing ring.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::sync::Arc;

use claim_store::blackboard::{Published, RingRow};
use tokio::task::JoinSet;

use crate::site::{at, on_each_database};

fn key(sequence: i64, id: &str) -> RingRow {
    RingRow {
        sequence,
        key_id: id.to_owned(),
        wrapped: vec![0, 1, 0xff],
        published_at: at(sequence * 10),
        use_from: at(sequence * 10 + 1),
        use_until: at(sequence * 10 + 2),
        open_until: at(sequence * 10 + 3),
    }
}

on_each_database! {
    async fn keys_come_back_in_order_until_they_are_forgotten(site: Site) {
        let store = site.blackboard().await;
        assert!(store.ring().await.unwrap().is_empty());
        for sequence in [2, 1, 3] {
            assert_eq!(store.publish(&key(sequence, "id")).await.unwrap(), Published::Yes);
        }
        assert_eq!(store.ring().await.unwrap(), [key(1, "id"), key(2, "id"), key(3, "id")]);
        assert_eq!(store.forget_ring_before(at(23)).await.unwrap(), 1, "up to its last moment");
        assert_eq!(store.ring().await.unwrap(), [key(2, "id"), key(3, "id")]);
        assert_eq!(store.forget_all_ring().await.unwrap(), 2);
        assert!(store.ring().await.unwrap().is_empty());
    }

    async fn of_racing_replicas_one_publishes(site: Site) {
        let replicas = [Arc::new(site.blackboard().await), Arc::new(site.blackboard().await)];
        for sequence in 1..=4 {
            let mut publishers = JoinSet::new();
            for n in 0..12_usize {
                let store = Arc::clone(&replicas[n % 2]);
                publishers.spawn(async move {
                    let id = format!("key {n}");
                    let published = store.publish(&key(sequence, &id)).await.unwrap();
                    // Whoever has published, or was told that another has, finds the key in the ring.
                    let ring = store.ring().await.unwrap();
                    let found = ring.into_iter().find(|row| row.sequence == sequence).unwrap();
                    (published, published == Published::Yes && found.key_id == id, found)
                });
            }
            let outcomes = publishers.join_all().await;
            let winners: Vec<_> = outcomes.iter().filter(|o| o.0 == Published::Yes).collect();
            assert_eq!(winners.len(), 1);
            assert!(winners[0].1);
            assert!(outcomes.iter().all(|outcome| outcome.2 == winners[0].2));
        }
    }
}

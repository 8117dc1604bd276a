//! Messages: kept once, in order, together or one by one, and acknowledged only when they are on record.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use claim_store::StoreError;
use claim_store::blackboard::{BlackboardStore, Kept, NewMessage, StoredMessage};
use sqlx::{AnyConnection, Connection, Executor};
use tokio::task::JoinSet;

use crate::site::{at, on_each_database};

const SID: &str = "1155123456";

fn message(nonce: u16, text: &str) -> NewMessage {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&nonce.to_be_bytes());
    NewMessage {
        session: [1; 32],
        nonce: bytes,
        person: SID.parse().unwrap(),
        received_at: at(i64::from(nonce)),
        content_digest: [u8::try_from(text.len() % 256).unwrap(); 32],
        text: text.to_owned(),
    }
}

/// Keeps the store from committing messages until it is dropped or committed.
async fn hold_up(connection: &mut AnyConnection) -> sqlx::Transaction<'_, sqlx::Any> {
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute("UPDATE message_ids SET last = last").await.unwrap();
    transaction
}

/// Starts to keep a message, and returns when it waits in the queue (or was refused).
async fn post(
    store: &Arc<BlackboardStore>,
    tasks: &mut JoinSet<(u16, Result<Kept, StoreError>)>,
    nonce: u16,
    message: NewMessage,
) {
    let store = Arc::clone(store);
    let (started, has_started) = tokio::sync::oneshot::channel();
    tasks.spawn(async move {
        let mut keeping = Box::pin(store.keep_message(message));
        let first = futures_poll_once(&mut keeping).await;
        started.send(()).unwrap();
        match first {
            Some(outcome) => (nonce, outcome),
            None => (nonce, keeping.await),
        }
    });
    has_started.await.unwrap();
}

/// Runs a future up to where it first waits.
async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

on_each_database! {
    async fn a_message_is_kept_once(site: Site) {
        let store = site.blackboard().await;
        let text = "Hello, 世界!\0\u{1b}[2J";
        let Kept::First(first) = store.keep_message(message(1, text)).await.unwrap() else {
            panic!("it is new")
        };
        assert_eq!(
            (&first.person, first.received_at, first.text.as_str()),
            (&SID.parse().unwrap(), at(1), text)
        );
        let again = NewMessage { received_at: at(99), ..message(1, text) };
        assert_eq!(store.keep_message(again).await.unwrap(), Kept::Repeat(first.clone()));
        assert_eq!(store.keep_message(message(1, "other")).await.unwrap(), Kept::Conflict);
        assert_eq!(store.messages(0, 10).await.unwrap(), std::slice::from_ref(&first));

        let elsewhere = NewMessage { session: [2; 32], ..message(1, "other") };
        let Kept::First(second) = store.keep_message(elsewhere).await.unwrap() else {
            panic!("another session has nonces of its own")
        };
        assert!(second.id > first.id);
        assert_eq!(store.message_count().await.unwrap(), 2);
        assert_eq!(store.messages(first.id, 10).await.unwrap(), [second]);
        assert_eq!(store.messages(0, 1).await.unwrap(), [first]);
    }

    async fn the_empty_and_the_longest_text_come_back(site: Site) {
        let store = site.blackboard().await;
        for (nonce, text) in [(1, String::new()), (2, "ü".repeat(32 * 1024))] {
            let kept = store.keep_message(message(nonce, &text)).await.unwrap();
            assert!(matches!(kept, Kept::First(stored) if stored.text == text));
        }
        let texts: Vec<_> =
            store.messages(0, 9).await.unwrap().into_iter().map(|m| m.text.len()).collect();
        assert_eq!(texts, [0, 64 * 1024]);
    }

    async fn repeats_at_the_same_time_are_one_message(site: Site) {
        let replicas = [Arc::new(site.blackboard().await), Arc::new(site.blackboard().await)];
        let mut tasks = JoinSet::new();
        for n in 0..240_u16 {
            let store = Arc::clone(&replicas[usize::from(n % 2)]);
            let nonce = n / 4;
            tasks.spawn(async move {
                (nonce, store.keep_message(message(nonce, &format!("text {nonce}"))).await.unwrap())
            });
        }
        let mut kept: BTreeMap<u16, Vec<Kept>> = BTreeMap::new();
        for (nonce, outcome) in tasks.join_all().await {
            kept.entry(nonce).or_default().push(outcome);
        }
        let stored = replicas[0].messages(0, 1000).await.unwrap();
        assert_eq!(stored.len(), 60);
        assert_eq!(replicas[1].message_count().await.unwrap(), 60);
        for (nonce, outcomes) in kept {
            let firsts = outcomes.iter().filter(|kept| matches!(kept, Kept::First(_))).count();
            assert_eq!(firsts, 1, "{nonce}");
            for outcome in outcomes {
                let (Kept::First(one) | Kept::Repeat(one)) = outcome else { panic!("{outcome:?}") };
                assert_eq!(one.text, format!("text {nonce}"));
                assert!(stored.contains(&one));
            }
        }
    }

    async fn who_reads_on_from_an_id_misses_nothing(site: Site) {
        let replicas = [Arc::new(site.blackboard().await), Arc::new(site.blackboard().await)];
        let done = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn({
            let (store, done) = (site.blackboard().await, Arc::clone(&done));
            async move {
                let (mut seen, mut after) = (Vec::new(), 0);
                loop {
                    let was_done = done.load(Ordering::SeqCst);
                    let page = store.messages(after, 7).await.unwrap();
                    match page.last() {
                        Some(last) => after = last.id,
                        None if was_done => return seen,
                        None => tokio::task::yield_now().await,
                    }
                    seen.extend(page);
                }
            }
        });
        let mut tasks = JoinSet::new();
        for n in 0..300_u16 {
            let store = Arc::clone(&replicas[usize::from(n % 2)]);
            tasks.spawn(async move { store.keep_message(message(n, "text")).await.unwrap() });
        }
        let kept: BTreeSet<i64> = tasks
            .join_all()
            .await
            .into_iter()
            .map(|kept| match kept {
                Kept::First(stored) => stored.id,
                other => panic!("{other:?}"),
            })
            .collect();
        done.store(true, Ordering::SeqCst);
        let seen: Vec<StoredMessage> = reader.await.unwrap();
        assert_eq!(kept.len(), 300, "every id is given once");
        assert_eq!(seen.iter().map(|m| m.id).collect::<BTreeSet<_>>(), kept);
    }

    async fn a_full_queue_is_told_and_nothing_is_lost(site: Site) {
        let store = Arc::new(site.blackboard().await);
        let mut connection = site.connection().await;
        let held_up = hold_up(&mut connection).await;
        let mut tasks = JoinSet::new();
        for n in 0..1500 {
            post(&store, &mut tasks, n, message(n, "text")).await;
        }
        // Those refused are done; nobody else can be, as nothing can be committed.
        let (_, refused) = tasks.join_next().await.unwrap().unwrap();
        assert!(matches!(refused, Err(StoreError::Busy)));
        assert_eq!(store.message_count().await.unwrap(), 0);
        held_up.commit().await.unwrap();
        let mut refused = 1;
        for (nonce, outcome) in tasks.join_all().await {
            match outcome {
                Ok(Kept::First(_)) => {}
                Err(StoreError::Busy) => refused += 1,
                other => panic!("{nonce}: {other:?}"),
            }
        }
        assert_eq!(store.message_count().await.unwrap(), 1500 - refused);
        assert!(refused < 1500 - 1024, "the queue holds its thousand");
    }

    async fn one_bad_row_does_not_sink_the_others(site: Site) {
        let store = Arc::new(site.blackboard().await);
        let mut connection = site.connection().await;
        // Stands for whatever makes a database refuse one row and not another.
        if site.is_sqlite() {
            connection.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.person = '0000000000' \
                 BEGIN SELECT RAISE(ABORT, 'refused'); END",
            ).await.unwrap();
        } else {
            connection
                .execute("ALTER TABLE messages ADD CHECK (person <> '0000000000')")
                .await
                .unwrap();
        }
        let held_up = hold_up(&mut connection).await;
        let mut tasks = JoinSet::new();
        for n in 0..20 {
            let person = if n == 7 { "0000000000" } else { SID }.parse().unwrap();
            let message = NewMessage { person, ..message(n, "text") };
            post(&store, &mut tasks, n, message).await;
        }
        held_up.commit().await.unwrap();
        for (nonce, outcome) in tasks.join_all().await {
            match (nonce, outcome) {
                (7, Err(StoreError::Refused { .. })) => {}
                (n, Ok(Kept::First(_))) if n != 7 => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(store.message_count().await.unwrap(), 19);
    }

    async fn closing_answers_those_who_wait_and_refuses_the_rest(site: Site) {
        let store = Arc::new(site.blackboard().await);
        let mut connection = site.connection().await;
        let held_up = hold_up(&mut connection).await;
        let mut tasks = JoinSet::new();
        for n in 0..200 {
            post(&store, &mut tasks, n, message(n, "text")).await;
        }
        let closing = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.close().await }
        });
        held_up.commit().await.unwrap();
        closing.await.unwrap();
        for (_, outcome) in tasks.join_all().await {
            assert!(matches!(outcome, Ok(Kept::First(_))));
        }
        let refused = store.keep_message(message(999, "text")).await;
        assert!(matches!(refused, Err(StoreError::Closed)));
        store.close().await;
        assert_eq!(site.blackboard().await.message_count().await.unwrap(), 200);
    }

    async fn who_stops_waiting_may_send_again(site: Site) {
        let store = site.blackboard().await;
        let mut abandoned = Box::pin(store.keep_message(message(1, "text")));
        assert!(futures_poll_once(&mut abandoned).await.is_none());
        drop(abandoned);
        let again = store.keep_message(message(1, "text")).await.unwrap();
        assert!(matches!(again, Kept::Repeat(_)), "{again:?}");
        assert_eq!(store.message_count().await.unwrap(), 1);
    }
}

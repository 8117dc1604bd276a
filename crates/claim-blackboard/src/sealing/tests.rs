#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_core::ring::{OPENS_FOR_SECONDS, SEALS_FOR_SECONDS};
use claim_store::DatabaseUrl;
use tempfile::TempDir;

use super::*;

const HOUR: i64 = 3600;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn sealing(&self, wrapping: &WrappingKey, now: Timestamp) -> (Sealing, Lost) {
        let url = DatabaseUrl::sqlite(self.0.path().join("blackboard.db"));
        let store = Arc::new(BlackboardStore::open(&url).await.unwrap());
        let lost = Lost::default();
        let observer = lost.clone().observer();
        let origin = "https://localhost:3141".parse().unwrap();
        let sealing = Sealing::open(store, wrapping.clone(), origin, observer, now).await.unwrap();
        (sealing, lost)
    }
}

/// How many keys were told to be lost, each time.
#[derive(Clone, Default)]
struct Lost(Arc<Mutex<Vec<usize>>>);

impl Lost {
    fn observer(self) -> Observer {
        Arc::new(move |event| match event {
            Event::SealingKeysLost { count } => self.0.lock().unwrap().push(count),
            other => panic!("{other:?}"),
        })
    }

    fn told(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000_000 + seconds)
}

fn wrapping() -> WrappingKey {
    WrappingKey::new(Secret::random(&mut system_rng()))
}

fn sealing_id(sealing: &Sealing, now: Timestamp) -> Option<String> {
    sealing.ring().sealing(now).map(|key| key.id().to_string())
}

#[tokio::test]
async fn the_ring_turns_and_forgets() {
    let (folder, wrapping) = (Folder::new(), wrapping());
    let (sealing, _) = folder.sealing(&wrapping, at(0)).await;
    let first = sealing_id(&sealing, at(0)).unwrap();
    for hours in 0..23 {
        sealing.maintain(at(hours * HOUR)).await.unwrap();
        assert_eq!(sealing.store.ring().await.unwrap().len(), 1, "after {hours} hours");
    }
    sealing.maintain(at(23 * HOUR)).await.unwrap();
    assert_eq!(sealing.store.ring().await.unwrap().len(), 2, "the next one is published");
    assert_eq!(sealing_id(&sealing, at(24 * HOUR - 1)).as_ref(), Some(&first));
    assert_ne!(sealing_id(&sealing, at(24 * HOUR)).unwrap(), first);
    sealing.maintain(at(SEALS_FOR_SECONDS + OPENS_FOR_SECONDS + 1)).await.unwrap();
    let rows = sealing.store.ring().await.unwrap();
    assert!(rows.iter().all(|row| row.key_id != first), "it opens nothing any more");
    assert_eq!(rows.last().unwrap().sequence, 2);
}

#[tokio::test]
async fn replicas_that_start_at_once_agree_on_one_key() {
    let (folder, wrapping) = (Folder::new(), wrapping());
    let start = || folder.sealing(&wrapping, at(0));
    let replicas = futures_util::future::join_all((0..8).map(|_| start())).await;
    let ids: HashSet<_> =
        replicas.iter().map(|(sealing, _)| sealing_id(sealing, at(0)).unwrap()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(replicas[0].0.store.ring().await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_wrapping_key_starts_another_ring_and_spoils_none() {
    let folder = Folder::new();
    let (old, new) = (wrapping(), wrapping());
    let (before, told_before) = folder.sealing(&old, at(0)).await;
    let (after, told_after) = folder.sealing(&new, at(1)).await;
    assert_eq!(told_after.told(), [1]);
    assert_ne!(sealing_id(&before, at(1)), sealing_id(&after, at(1)));
    after.maintain(at(2)).await.unwrap();
    assert_eq!(told_after.told(), [1], "told once");
    before.maintain(at(2)).await.unwrap();
    assert_eq!(told_before.told(), [1], "the other one's key");
    assert!(sealing_id(&before, at(2)).is_some());
    assert_eq!(before.store.ring().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_clock_that_leaps_is_followed_at_once() {
    let folder = Folder::new();
    let (sealing, _) = folder.sealing(&wrapping(), at(0)).await;
    let later = at(100 * HOUR);
    assert!(sealing.ring().sealing(later).is_none());
    assert!(sealing.ring_to_seal(later).await.sealing(later).is_some());
}

#[tokio::test]
async fn unknown_keys_lead_to_one_round_a_second() {
    let folder = Folder::new();
    let (sealing, _) = folder.sealing(&wrapping(), at(0)).await;
    let open = |ring: &Ring| {
        let id = claim_core::encoding::Bytes([7; 8]);
        ring.opening(&id, at(0)).map(drop).ok_or(TokenError::UnknownKey(id))
    };
    let mut rounds = Vec::new();
    for _ in 0..2 {
        let asked = (0..100).map(|_| sealing.open_token(at(0), open, error::session_token));
        let refused = futures_util::future::join_all(asked).await;
        assert!(refused.iter().all(Result::is_err));
        rounds.push(sealing.last_round.lock().await.as_ref().unwrap().0);
    }
    assert!(rounds[1] >= rounds[0] + ROUND_EVERY);
}

#[test]
fn the_wrapping_key_is_made_once_and_private() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sealing.key");
    let made = wrapping_key(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(wrapping_key(&path).unwrap(), made);

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = wrapping_key(&path).unwrap_err();
    assert!(matches!(refused, WrappingKeyError::File(FileError::NotPrivate { .. })), "{refused}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();

    for wrong in ["", "AAAA\n", "not base64url!", &"A".repeat(44)] {
        std::fs::write(&path, wrong).unwrap();
        let refused = wrapping_key(&path).unwrap_err();
        assert!(matches!(refused, WrappingKeyError::Malformed), "{wrong:?}: {refused}");
    }
}

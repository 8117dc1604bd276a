//! A person's devices: each certificate is renewed once, so many are live, and of each somebody is told.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::num::NonZeroU32;
use std::sync::Arc;

use claim_pki::{PersonId, RevocationReason};
use claim_store::cuhk::audit::Authentication;
use claim_store::cuhk::{
    AnnouncementEnd, CuhkStore, Device, Holder, PersonRecord, Provenance, Reservation,
    ReserveError, Reserved, Revocation,
};
use tokio::task::JoinSet;

use crate::site::{Site, at, on_each_database};

fn chan() -> PersonId {
    "1155123456".parse().unwrap()
}

/// A first certificate on a device; the key is named as the serial number's first letter says.
fn first(serial: &str, device: &str) -> Reservation {
    Reservation {
        code_hash: None,
        holder: Holder::Person(chan()),
        profile: "person",
        key_digest: [serial.as_bytes()[0]; 32],
        serial: serial.to_owned(),
        tbs: b"tbs".to_vec(),
        not_before: at(0),
        not_after: at(1000),
        now: at(10),
        provenance: Provenance {
            authenticated_by: Some(Authentication::SingleSignOn),
            device: Some(device.parse().unwrap()),
            predecessor: None,
        },
        most_live: NonZeroU32::new(3),
        announce: false,
    }
}

fn renewal(serial: &str, of: &str) -> Reservation {
    let mut renewal = first(serial, "laptop");
    renewal.provenance.authenticated_by = Some(Authentication::Certificate);
    renewal.provenance.predecessor = Some(of.to_owned());
    renewal
}

async fn with_chan(site: &Site) -> CuhkStore {
    let store = site.cuhk().await;
    store.put_person(&PersonRecord::new(chan(), at(0))).await.unwrap();
    store
}

async fn issue(store: &CuhkStore, reservation: &Reservation) {
    assert_eq!(store.reserve(reservation).await.unwrap(), Reserved::New);
    store.record_issued(&reservation.serial, b"DER").await.unwrap();
}

async fn revoke(store: &CuhkStore, serial: &str) {
    let revocation = Revocation {
        serial: serial.to_owned(),
        issuer: "ab".repeat(20),
        not_after: at(1000),
        revoked_at: at(20),
        reason: RevocationReason::KeyCompromise,
    };
    store.revoke(&revocation).await.unwrap();
}

fn serials(devices: &[Device]) -> Vec<&str> {
    devices.iter().map(|device| device.serial.as_str()).collect()
}

on_each_database! {
    /// Whoever revokes and then looks what was renewed from it misses nothing: either it is on record, or it is refused.
    async fn what_is_revoked_is_renewed_no_more(site: Site) {
        let store = with_chan(&site).await;
        issue(&store, &first("a1", "laptop")).await;
        revoke(&store, "a1").await;
        let refused = store.reserve(&renewal("b2", "a1")).await.unwrap_err();
        assert!(matches!(refused, ReserveError::Revoked { at, .. } if at == self::at(20)), "{refused}");
        assert_eq!(store.certificate("b2").await.unwrap(), None);
    }

    /// They share a transaction, and each gets what it would get alone.
    async fn what_comes_at_once_is_judged_one_by_one(site: Site) {
        let store = Arc::new(with_chan(&site).await);
        issue(&store, &first("a0", "laptop")).await;
        let key = |serial: &str, of: &str, key: u8| Reservation {
            key_digest: [key; 32], ..renewal(serial, of)
        };
        let mut at_once: Vec<Reservation> =
            (1..=20).map(|n| first(&format!("b{n:02}"), "tablet")).collect();
        // One certificate is renewed, with three keys and twice with one of them; others of nobody in particular.
        at_once.extend([key("c1", "a0", 1), key("c2", "a0", 1), key("c3", "a0", 2), key("c4", "a0", 3)]);
        at_once.extend((1..=20).map(|n| Reservation {
            most_live: None, holder: Holder::Server("https://b.example".parse().unwrap()),
            profile: "server", ..first(&format!("d{n:02}"), "none")
        }));
        let mut asking = JoinSet::new();
        for reservation in at_once {
            let store = Arc::clone(&store);
            asking.spawn(async move { (store.reserve(&reservation).await, reservation.serial) });
        }
        let mut new = Vec::new();
        let (mut too_many, mut renewed, mut existing) = (0, 0, 0);
        for (outcome, serial) in asking.join_all().await {
            match outcome {
                Ok(Reserved::New) => new.push(serial),
                Ok(Reserved::Existing(record)) => {
                    assert_eq!(record.provenance.predecessor.as_deref(), Some("a0"));
                    existing += 1;
                }
                Err(ReserveError::TooMany { live }) => {
                    assert_eq!(live.len(), 3, "{live:?}");
                    assert!(live.iter().all(|device| device.serial != serial));
                    too_many += 1;
                }
                Err(ReserveError::Renewed { .. }) => renewed += 1,
                Err(error) => panic!("{serial}: {error}"),
            }
        }
        new.sort();
        let servers = new.iter().filter(|serial| serial.starts_with('d')).count();
        assert_eq!(servers, 20, "who is not counted is not refused: {new:?}");
        // One of three places is taken, and stays so when it is renewed.
        assert_eq!((too_many, new.len()), (18, 20 + 2 + 1), "{new:?}");
        assert!(existing <= 1 && existing + renewed == 3, "{existing} {renewed}");
        let on_record = store.certificates(None, 100).await.unwrap();
        assert_eq!(on_record.len(), 1 + 20 + 2 + 1, "what was refused left nothing behind");
    }

    async fn a_certificate_has_one_successor(site: Site) {
        let store = with_chan(&site).await;
        issue(&store, &first("a1", "laptop")).await;
        assert_eq!(store.reserve(&renewal("b2", "a1")).await.unwrap(), Reserved::New);
        // The answer was lost before anything was signed, then after.
        for certificate in [None, Some(b"DER".to_vec())] {
            if let Some(certificate) = &certificate {
                store.record_issued("b2", certificate).await.unwrap();
            }
            let again = store.reserve(&renewal("b3", "a1")).await.unwrap();
            let Reserved::Existing(record) = again else { panic!("{again:?}") };
            assert_eq!((record.serial.as_str(), record.certificate), ("b2", certificate));
        }
        let refused = store.reserve(&renewal("c4", "a1")).await;
        assert!(matches!(refused, Err(ReserveError::Renewed { bound }) if bound.serial == "b2"));
        assert_eq!(store.certificate("c4").await.unwrap(), None);

        issue(&store, &renewal("b5", "b2")).await;
        let devices = store.devices(&chan(), at(0), 10).await.unwrap();
        assert_eq!(serials(&devices), ["a1", "b2", "b5"]);
        let renewed: Vec<_> = devices.iter().map(|one| one.renewed_by.as_deref()).collect();
        assert_eq!(renewed, [Some("b2"), Some("b5"), None]);
        assert_eq!(devices[2].provenance, renewal("b5", "b2").provenance);
        let live: Vec<_> = devices.iter().map(|one| one.is_live(at(1000))).collect();
        assert_eq!(live, [false, false, true]);
        assert!(!devices[2].is_live(at(1001)));
    }

    async fn a_fourth_device_is_refused_until_one_goes(site: Site) {
        let store = with_chan(&site).await;
        for (serial, device) in [("a1", "laptop"), ("b1", "tablet"), ("c1", "Lab PC 3")] {
            issue(&store, &first(serial, device)).await;
        }
        let fourth = first("d1", "phone");
        let refused = store.reserve(&fourth).await;
        let Err(ReserveError::TooMany { live }) = refused else { panic!("{refused:?}") };
        assert_eq!(serials(&live), ["a1", "b1", "c1"]);
        assert_eq!(live[2].provenance.device.as_ref().unwrap().as_str(), "Lab PC 3");
        assert_eq!(store.certificate("d1").await.unwrap(), None);

        // A renewal is none more, and who counts is asked.
        issue(&store, &renewal("a2", "a1")).await;
        assert!(matches!(store.reserve(&fourth).await, Err(ReserveError::TooMany { .. })));
        let uncounted = Reservation { most_live: None, ..first("e1", "demo") };
        issue(&store, &uncounted).await;
        assert!(matches!(store.reserve(&fourth).await, Err(ReserveError::TooMany { .. })));
        for serial in ["b1", "e1"] {
            revoke(&store, serial).await;
        }
        issue(&store, &fourth).await;

        // Those whose time is over count no more; one that is renewed then does again.
        let later = |serial: &str, device: &str| Reservation {
            not_before: at(2000), not_after: at(3000), now: at(2000), ..first(serial, device)
        };
        for serial in ["f1", "g1", "h1"] {
            issue(&store, &later(serial, "new")).await;
        }
        let late = Reservation { now: at(2000), not_after: at(3000), ..renewal("c2", "c1") };
        assert!(matches!(store.reserve(&late).await, Err(ReserveError::TooMany { live }) if live.len() == 3));
        assert_eq!(store.devices(&chan(), at(1001), 10).await.unwrap().len(), 3);
        assert_eq!(store.devices(&chan(), at(0), 2).await.unwrap().len(), 2);
    }

    async fn of_those_who_race_for_the_last_place_one_gets_it(site: Site) {
        let replicas = [Arc::new(with_chan(&site).await), Arc::new(site.cuhk().await)];
        for serial in ["a1", "b1"] {
            issue(&replicas[0], &first(serial, "one")).await;
        }
        let mut requests = JoinSet::new();
        for n in 0..16_u8 {
            let store = Arc::clone(&replicas[usize::from(n % 2)]);
            let request = first(&format!("c{n:02x}"), "more");
            requests.spawn(async move { store.reserve(&request).await });
        }
        let (mut new, mut refused) = (0, 0);
        while let Some(outcome) = requests.join_next().await {
            match outcome.unwrap() {
                Ok(Reserved::New) => new += 1,
                Err(ReserveError::TooMany { .. }) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((new, refused), (1, 15));
    }

    async fn whoever_is_to_be_told_is_told(site: Site) {
        let store = with_chan(&site).await;
        let announced = Reservation { announce: true, ..first("a1", "laptop") };
        assert_eq!(store.reserve(&announced).await.unwrap(), Reserved::New);
        let due = |now| store.due_announcements(at(now), 10);
        assert!(due(10).await.unwrap().is_empty(), "nothing is signed yet");
        store.record_issued("a1", b"DER").await.unwrap();
        issue(&store, &first("b1", "quiet")).await;
        assert!(due(9).await.unwrap().is_empty());
        let found = due(10).await.unwrap();
        assert_eq!(found.len(), 1);
        let told = (found[0].serial.as_str(), &found[0].person.id, found[0].attempts);
        assert_eq!(told, ("a1", &chan(), 0));
        assert_eq!(found[0].provenance, announced.provenance);

        // Of two replicas one tells, and whoever is killed at it is followed by another attempt.
        assert!(store.begin_announcement(&found[0], at(50)).await.unwrap());
        assert!(!store.begin_announcement(&found[0], at(50)).await.unwrap());
        assert!(due(49).await.unwrap().is_empty());
        assert_eq!(due(50).await.unwrap()[0].attempts, 1);
        assert_eq!(store.announcement_fault(&chan()).await.unwrap(), None);
        let why = "no\0address".to_owned();
        store.announced("a1", &AnnouncementEnd::GivenUp { why }).await.unwrap();
        assert!(due(500).await.unwrap().is_empty());
        let fault = store.announcement_fault(&chan()).await.unwrap();
        assert_eq!(fault.as_deref(), Some("no address"));

        issue(&store, &Reservation { announce: true, ..first("c1", "tablet") }).await;
        store.announced("c1", &AnnouncementEnd::Sent { at: at(60) }).await.unwrap();
        assert!(due(500).await.unwrap().is_empty());
    }
}

//! The roster and its codes.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::sync::Arc;

use claim_store::StoreError;
use claim_store::cuhk::{
    Bound, CuhkStore, Holder, Invitation, InvitationRecord, Invitee, PersonRecord, Provenance,
    Reservation, ReserveError, Reserved,
};
use tokio::task::JoinSet;

use crate::site::{at, on_each_database};

const SID: &str = "1155123456";

fn person(id: &str, name: Option<&str>) -> PersonRecord {
    PersonRecord { name: name.map(str::to_owned), ..PersonRecord::new(id.parse().unwrap(), at(0)) }
}

fn invitation(code: u8, invitee: Invitee) -> Invitation {
    Invitation { code_hash: [code; 32], invitee, created_at: at(0), expires_at: at(100) }
}

fn for_person(code: u8) -> Invitation {
    invitation(code, Invitee::Person(SID.parse().unwrap()))
}

/// Asks, with this code, for a certificate of this serial number for this key.
fn request(code: u8, key: u8, serial: &str) -> Reservation {
    Reservation {
        code_hash: Some([code; 32]),
        holder: Holder::Person(SID.parse().unwrap()),
        profile: "person",
        key_digest: [key; 32],
        serial: serial.to_owned(),
        tbs: serial.as_bytes().to_vec(),
        not_before: at(0),
        not_after: at(1000),
        now: at(10),
        provenance: Provenance::default(),
        most_live: None,
        announce: false,
    }
}

async fn serials(store: &CuhkStore) -> Vec<String> {
    let certificates = store.certificates(None, 1000).await.unwrap();
    certificates.into_iter().map(|certificate| certificate.serial).collect()
}

on_each_database! {
    async fn people_are_put_on_the_roster_and_updated(site: Site) {
        let store = site.cuhk().await;
        assert!(!store.has_people().await.unwrap());
        assert_eq!(store.person(&SID.parse().unwrap()).await.unwrap(), None);
        store.put_person(&person(SID, None)).await.unwrap();
        assert!(store.has_people().await.unwrap());
        store.put_person(&person(SID, Some("陳大文"))).await.unwrap();
        let later = PersonRecord { added_at: at(50), ..person(SID, None) };
        store.put_person(&later).await.unwrap();
        let found = store.person(&SID.parse().unwrap()).await.unwrap();
        assert_eq!(found, Some(person(SID, Some("陳大文"))), "the first time, the last name");
        assert_eq!(store.person(&"chan.tm".parse().unwrap()).await.unwrap(), None);
    }

    async fn a_name_with_nul_is_refused_on_both(site: Site) {
        let store = site.cuhk().await;
        let refused = store.put_person(&person(SID, Some("a\0b"))).await;
        assert!(matches!(refused, Err(StoreError::NulCharacter { column: "name" })));
        let roster = [(person(SID, Some("a\0b")), for_person(1))];
        let refused = store.put_people_with_invitations(&roster).await;
        assert!(matches!(refused, Err(StoreError::NulCharacter { column: "name" })));
        assert!(!store.has_people().await.unwrap());
    }

    async fn a_roster_is_taken_whole_or_not_at_all(site: Site) {
        let store = site.cuhk().await;
        let good = [
            (person(SID, Some("Chan")), for_person(1)),
            (person("1155000001", None), invitation(2, Invitee::Person("1155000001".parse().unwrap()))),
        ];
        let same_code_twice = [good[0].clone(), (good[1].0.clone(), for_person(1))];
        let refused = store.put_people_with_invitations(&same_code_twice).await;
        assert!(matches!(refused, Err(StoreError::Refused { .. })));
        assert!(!store.has_people().await.unwrap());
        assert_eq!(store.invitation(&[1; 32]).await.unwrap(), None);

        store.put_people_with_invitations(&good).await.unwrap();
        for (person, invitation) in good {
            assert_eq!(store.person(&person.id).await.unwrap(), Some(person));
            let found = store.invitation(&invitation.code_hash).await.unwrap();
            assert_eq!(found, Some(InvitationRecord { invitation, bound: None }));
        }
    }

    async fn every_kind_of_invitee_comes_back(site: Site) {
        let store = site.cuhk().await;
        for (code, invitee) in [
            (1, Invitee::Person(SID.parse().unwrap())),
            (2, Invitee::Person("chan.tm".parse().unwrap())),
            (3, Invitee::Server("https://blackboard.example:3141".parse().unwrap())),
            (4, Invitee::AnyLoopbackServer),
        ] {
            let invitation = invitation(code, invitee);
            store.put_invitation(&invitation).await.unwrap();
            let found = store.invitation(&[code; 32]).await.unwrap();
            assert_eq!(found, Some(InvitationRecord { invitation, bound: None }));
        }
        assert_eq!(store.invitation(&[9; 32]).await.unwrap(), None);
    }

    async fn a_code_serves_one_key(site: Site) {
        let store = site.cuhk().await;
        store.put_invitation(&for_person(1)).await.unwrap();
        let first = request(1, 7, "aa");
        assert_eq!(store.reserve(&first).await.unwrap(), Reserved::New);
        let bound = Bound { key_digest: [7; 32], serial: "aa".into() };
        let found = store.invitation(&[1; 32]).await.unwrap().unwrap();
        assert_eq!(found.bound, Some(bound.clone()));

        // The answer was lost before anything was signed, then after.
        for certificate in [None, Some(b"signed".to_vec())] {
            if let Some(certificate) = &certificate {
                store.record_issued("aa", certificate).await.unwrap();
            }
            let again = store.reserve(&request(1, 7, "bb")).await.unwrap();
            let Reserved::Existing(record) = again else { panic!("{again:?}") };
            assert_eq!((record.serial.as_str(), &record.tbs), ("aa", &first.tbs));
            assert_eq!((record.profile.as_str(), record.name.as_str()), ("person", SID));
            assert_eq!(record.certificate, certificate);
        }

        let refused = store.reserve(&request(1, 8, "cc")).await;
        assert!(matches!(refused, Err(ReserveError::OtherKey { bound: b }) if b == bound));
        assert_eq!(serials(&store).await, ["aa"]);
    }

    async fn a_refused_code_leaves_nothing_behind(site: Site) {
        let store = site.cuhk().await;
        store.put_invitation(&for_person(1)).await.unwrap();

        let refused = store.reserve(&request(2, 7, "aa")).await;
        assert!(matches!(refused, Err(ReserveError::UnknownCode)));

        for holder in [
            Holder::Person("1155000001".parse().unwrap()),
            Holder::Server("https://localhost:3141".parse().unwrap()),
        ] {
            let refused = store.reserve(&Reservation { holder, ..request(1, 7, "aa") }).await;
            assert!(matches!(refused, Err(ReserveError::OtherHolder { .. })));
        }

        let late = Reservation { now: at(100), ..request(1, 7, "aa") };
        assert!(matches!(
            store.reserve(&late).await,
            Err(ReserveError::Expired { expires_at, now }) if expires_at == at(100) && now == at(100)
        ));

        assert!(serials(&store).await.is_empty());
        assert_eq!(store.invitation(&[1; 32]).await.unwrap().unwrap().bound, None);
        let in_time = Reservation { now: at(99), ..request(1, 7, "aa") };
        assert_eq!(store.reserve(&in_time).await.unwrap(), Reserved::New);
        // Also for the key that has used it, a code's life ends.
        assert!(matches!(store.reserve(&late).await, Err(ReserveError::Expired { .. })));
    }

    async fn a_taken_serial_number_leaves_the_code_open(site: Site) {
        let store = site.cuhk().await;
        store.put_invitation(&for_person(1)).await.unwrap();
        let known = Reservation { code_hash: None, ..request(0, 1, "aa") };
        assert_eq!(store.reserve(&known).await.unwrap(), Reserved::New);
        assert!(matches!(store.reserve(&known).await, Err(ReserveError::SerialTaken)));
        let refused = store.reserve(&request(1, 7, "aa")).await;
        assert!(matches!(refused, Err(ReserveError::SerialTaken)));
        assert_eq!(store.reserve(&request(1, 7, "bb")).await.unwrap(), Reserved::New);
        // Without a code one person may have many.
        let known = Reservation { code_hash: None, ..request(0, 1, "cc") };
        assert_eq!(store.reserve(&known).await.unwrap(), Reserved::New);
        assert_eq!(serials(&store).await, ["aa", "bb", "cc"]);
    }

    async fn of_racing_requests_with_one_code_one_is_new(site: Site) {
        let replicas = [Arc::new(site.cuhk().await), Arc::new(site.cuhk().await)];
        for (code, keys) in [(1_u8, 1_u8), (2, 8)] {
            replicas[0].put_invitation(&for_person(code)).await.unwrap();
            let mut requests = JoinSet::new();
            for n in 0..32_u8 {
                let store = Arc::clone(&replicas[usize::from(n % 2)]);
                let request = request(code, n / 2 % keys, &format!("{code:02x}{n:02x}"));
                requests.spawn(async move { (n, store.reserve(&request).await) });
            }
            let (mut new, mut existing, mut other) = (Vec::new(), Vec::new(), Vec::new());
            while let Some(outcome) = requests.join_next().await {
                match outcome.unwrap() {
                    (n, Ok(Reserved::New)) => new.push(format!("{code:02x}{n:02x}")),
                    (_, Ok(Reserved::Existing(record))) => existing.push(record.serial),
                    (_, Err(ReserveError::OtherKey { bound })) => other.push(bound.serial),
                    (n, Err(error)) => panic!("{n}: {error:?}"),
                }
            }
            assert_eq!(new.len(), 1, "{new:?}");
            assert!(existing.iter().chain(&other).all(|serial| *serial == new[0]));
            assert_eq!(existing.len(), 32 / usize::from(keys) - 1);
            assert_eq!(other.len(), 32 - 32 / usize::from(keys));
            let bound = replicas[1].invitation(&[code; 32]).await.unwrap().unwrap().bound;
            assert_eq!(bound.unwrap().serial, new[0]);
        }
        assert_eq!(serials(&replicas[0]).await.len(), 2);
    }

    async fn only_open_loopback_codes_are_voided(site: Site) {
        let store = site.cuhk().await;
        let server = |code, serial| Reservation {
            holder: Holder::Server("https://localhost:3141".parse().unwrap()),
            profile: "server",
            ..request(code, 7, serial)
        };
        store.put_invitation(&for_person(1)).await.unwrap();
        store.put_invitation(&invitation(2, Invitee::AnyLoopbackServer)).await.unwrap();
        store.put_invitation(&invitation(3, Invitee::AnyLoopbackServer)).await.unwrap();
        let elsewhere = Reservation {
            holder: Holder::Server("https://blackboard.example".parse().unwrap()),
            ..server(2, "aa")
        };
        let refused = store.reserve(&elsewhere).await;
        assert!(matches!(refused, Err(ReserveError::OtherHolder { .. })));
        assert_eq!(store.reserve(&server(2, "aa")).await.unwrap(), Reserved::New);

        assert_eq!(store.void_loopback_invitations().await.unwrap(), 1);
        assert_eq!(store.void_loopback_invitations().await.unwrap(), 0);
        assert!(store.invitation(&[1; 32]).await.unwrap().is_some());
        assert!(matches!(store.reserve(&server(2, "bb")).await, Ok(Reserved::Existing(_))));
        let refused = store.reserve(&server(3, "bb")).await;
        assert!(matches!(refused, Err(ReserveError::UnknownCode)));
    }

    async fn a_code_is_used_or_voided_never_both(site: Site) {
        let replicas = [Arc::new(site.cuhk().await), Arc::new(site.cuhk().await)];
        for code in 0..16_u8 {
            replicas[0].put_invitation(&invitation(code, Invitee::AnyLoopbackServer)).await.unwrap();
            let request = Reservation {
                holder: Holder::Server("https://localhost:3141".parse().unwrap()),
                ..request(code, 7, &format!("{code:02x}"))
            };
            let [user, voider] = replicas.clone();
            let used = tokio::spawn(async move { user.reserve(&request).await });
            let voided = tokio::spawn(async move { voider.void_loopback_invitations().await });
            let (used, voided) = (used.await.unwrap(), voided.await.unwrap().unwrap());
            match used {
                Ok(Reserved::New) => assert_eq!(voided, 0),
                Err(ReserveError::UnknownCode) => assert_eq!(voided, 1),
                other => panic!("{other:?}"),
            }
        }
    }
}

//! Keys that wait for a sign-in with the university.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_store::cuhk::{
    BeginSignInError, CuhkStore, Decision, Holder, Provenance, Reservation, ReserveError, Reserved,
    SignIn,
};

use crate::site::{at, on_each_database};

const SID: &str = "1155123456";

fn sign_in(number: u8, begun: i64) -> SignIn {
    SignIn {
        secret_hash: [number; 32],
        code: format!("CODE{number:04}"),
        person: SID.parse().unwrap(),
        public_key: vec![0x30, number],
        begun_from: "192.0.2.7".to_owned(),
        begun_at: at(begun),
        expires_at: at(begun + 600),
    }
}

async fn begun(store: &CuhkStore, number: u8) -> SignIn {
    let one = sign_in(number, 0);
    store.begin_sign_in(&one, 10).await.unwrap();
    one
}

/// Up to where the person is signed in, in the browser of this number.
async fn signed_in(store: &CuhkStore, one: &SignIn, browser: u8) {
    store.bind_sign_in(&one.code, &[browser; 32], &[9; 32], at(1)).await.unwrap().unwrap();
    assert!(store.use_attempt(&[browser; 32], &[9; 32]).await.unwrap());
    assert!(store.person_signed_in(&one.secret_hash, &[browser; 32], at(2)).await.unwrap());
}

fn reservation(one: &SignIn, key: u8, serial: &str, now: i64) -> Reservation {
    Reservation {
        code_hash: Some(one.secret_hash),
        holder: Holder::Person(one.person.clone()),
        profile: "person",
        key_digest: [key; 32],
        serial: serial.to_owned(),
        tbs: b"tbs".to_vec(),
        not_before: at(0),
        not_after: at(10_000),
        now: at(now),
        provenance: Provenance::default(),
        most_live: None,
        announce: false,
    }
}

on_each_database! {
    async fn a_key_that_is_confirmed_gets_one_certificate(site: Site) {
        let store = site.cuhk().await;
        let one = begun(&store, 1).await;
        assert!(matches!(
            store.reserve(&reservation(&one, 1, "a0", 3)).await,
            Err(ReserveError::UnknownCode)
        ));
        signed_in(&store, &one, 7).await;
        let decide = |now| store.decide_sign_in(&one, &[7; 32], Decision::Confirmed, at(now), at(700));
        assert!(decide(3).await.unwrap());
        assert!(!decide(4).await.unwrap(), "it is decided once");
        let record = store.sign_in(&one.secret_hash).await.unwrap().unwrap();
        assert_eq!((record.decision, record.sign_in), (Some(Decision::Confirmed), one.clone()));

        let first = store.reserve(&reservation(&one, 1, "a1", 650)).await.unwrap();
        assert_eq!(first, Reserved::New);
        let again = store.reserve(&reservation(&one, 1, "a2", 660)).await.unwrap();
        assert!(matches!(again, Reserved::Existing(record) if record.serial == "a1"));
        let other = store.reserve(&reservation(&one, 2, "a3", 660)).await;
        assert!(matches!(other, Err(ReserveError::OtherKey { .. })));
        let late = store.reserve(&reservation(&one, 1, "a4", 700)).await;
        assert!(matches!(late, Err(ReserveError::Expired { .. })));
    }

    async fn one_that_is_denied_gets_none(site: Site) {
        let store = site.cuhk().await;
        let one = begun(&store, 1).await;
        signed_in(&store, &one, 7).await;
        let decide = |decision| store.decide_sign_in(&one, &[7; 32], decision, at(3), at(700));
        assert!(decide(Decision::Denied).await.unwrap());
        assert!(!decide(Decision::Confirmed).await.unwrap());
        let refused = store.reserve(&reservation(&one, 1, "a1", 4)).await;
        assert!(matches!(refused, Err(ReserveError::UnknownCode)));
        let bound = store.bind_sign_in(&one.code, &[7; 32], &[8; 32], at(5)).await.unwrap();
        assert_eq!(bound, None, "its code is spent");
    }

    async fn only_the_browser_in_which_the_person_signed_in_decides(site: Site) {
        let store = site.cuhk().await;
        let one = begun(&store, 1).await;
        store.bind_sign_in(&one.code, &[7; 32], &[9; 32], at(1)).await.unwrap().unwrap();
        let decide = async |browser| {
            store.decide_sign_in(&one, &[browser; 32], Decision::Confirmed, at(3), at(700)).await
        };
        assert!(!decide(7).await.unwrap(), "nobody is signed in");
        assert!(!store.person_signed_in(&one.secret_hash, &[7; 32], at(2)).await.unwrap(), "nobody came back");
        assert!(!store.use_attempt(&[8; 32], &[9; 32]).await.unwrap(), "another browser");
        assert!(!store.use_attempt(&[7; 32], &[8; 32]).await.unwrap(), "another attempt");
        assert!(store.use_attempt(&[7; 32], &[9; 32]).await.unwrap());
        assert!(!store.use_attempt(&[7; 32], &[9; 32]).await.unwrap(), "used before");
        assert!(!store.person_signed_in(&one.secret_hash, &[8; 32], at(2)).await.unwrap());
        assert!(store.person_signed_in(&one.secret_hash, &[7; 32], at(2)).await.unwrap());
        assert!(!decide(8).await.unwrap());

        // Whoever types the code in another browser takes it over from the beginning.
        store.bind_sign_in(&one.code, &[8; 32], &[9; 32], at(4)).await.unwrap().unwrap();
        assert!(!decide(7).await.unwrap());
        assert!(!decide(8).await.unwrap());
        assert_eq!(store.sign_in_of_browser(&[7; 32]).await.unwrap(), None);
        assert!(store.sign_in_of_browser(&[8; 32]).await.unwrap().is_some());
    }

    async fn a_browser_has_one_sign_in_at_a_time(site: Site) {
        let store = site.cuhk().await;
        let (one, two) = (begun(&store, 1).await, begun(&store, 2).await);
        signed_in(&store, &one, 7).await;
        let nothing = store.bind_sign_in("CODE9999", &[7; 32], &[9; 32], at(3)).await.unwrap();
        assert_eq!(nothing, None);
        let still = store.sign_in_of_browser(&[7; 32]).await.unwrap().unwrap();
        assert_eq!(still.sign_in, one, "a code that is mistyped costs nothing");
        let bound = store.bind_sign_in(&two.code, &[7; 32], &[9; 32], at(3)).await.unwrap();
        assert_eq!(bound.unwrap().sign_in, two);
        let left = store.decide_sign_in(&one, &[7; 32], Decision::Confirmed, at(3), at(700)).await;
        assert!(!left.unwrap());
    }

    async fn what_has_ended_is_refused_and_then_forgotten(site: Site) {
        let store = site.cuhk().await;
        let one = begun(&store, 1).await;
        signed_in(&store, &one, 7).await;
        let late = store.decide_sign_in(&one, &[7; 32], Decision::Confirmed, at(600), at(700)).await;
        assert!(!late.unwrap());
        let bound = store.bind_sign_in(&one.code, &[8; 32], &[9; 32], at(600)).await.unwrap();
        assert_eq!(bound, None);
        assert!(store.sign_in(&one.secret_hash).await.unwrap().is_some());
        assert_eq!(store.forget_sign_ins(at(600 + 3599)).await.unwrap(), 0);
        assert_eq!(store.forget_sign_ins(at(600 + 3600)).await.unwrap(), 1);
        assert_eq!(store.sign_in(&one.secret_hash).await.unwrap(), None);
    }

    async fn only_so_many_wait(site: Site) {
        let store = site.cuhk().await;
        for number in 1..=3 {
            store.begin_sign_in(&sign_in(number, 0), 3).await.unwrap();
        }
        let full = store.begin_sign_in(&sign_in(4, 599), 3).await;
        assert!(matches!(full, Err(BeginSignInError::Full { most: 3 })));
        let taken = SignIn { code: sign_in(1, 0).code, ..sign_in(5, 0) };
        let taken = store.begin_sign_in(&taken, 10).await;
        assert!(matches!(taken, Err(BeginSignInError::CodeTaken)));
        store.begin_sign_in(&sign_in(4, 600), 3).await.unwrap();
    }
}

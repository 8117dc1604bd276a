//! Rosters of thousands, people who leave, and how far each is.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_pki::PersonId;
use claim_store::cuhk::{
    Holder, Invitation, Invitee, PersonRecord, Provenance, Reservation, Reserved,
};

use crate::site::{at, on_each_database};

fn id(number: u32) -> PersonId {
    format!("{number:010}").parse().unwrap()
}

fn person(number: u32) -> PersonRecord {
    PersonRecord {
        name: Some(format!("Name {number}")),
        email: Some(format!("{number}@link.example")),
        role: Some("student".to_owned()),
        ..PersonRecord::new(id(number), at(0))
    }
}

fn code(number: u32, made: i64) -> Invitation {
    let mut code_hash = [7; 32];
    code_hash[..4].copy_from_slice(&number.to_be_bytes());
    code_hash[4..12].copy_from_slice(&made.to_be_bytes());
    Invitation {
        code_hash,
        invitee: Invitee::Person(id(number)),
        created_at: at(made),
        expires_at: at(1000 + made),
    }
}

fn request(code: &Invitation, number: u32, now: i64) -> Reservation {
    Reservation {
        code_hash: Some(code.code_hash),
        holder: Holder::Person(id(number)),
        profile: "person",
        key_digest: [9; 32],
        serial: format!("{number:x}"),
        tbs: b"tbs".to_vec(),
        not_before: at(0),
        not_after: at(1000),
        now: at(now),
        provenance: Provenance::default(),
        most_live: None,
        announce: false,
    }
}

on_each_database! {
    async fn a_large_roster_is_taken_updated_and_read_page_by_page(site: Site) {
        let store = site.cuhk().await;
        // More than two statements' worth, and not a multiple of one.
        let everybody: Vec<_> = (0..457).map(person).collect();
        store.put_people(&everybody).await.unwrap();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.people(after.as_ref(), 100).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            found.extend(page);
        }
        assert_eq!(found, everybody);

        // What the next roster does not tell stays; what it tells otherwise is new; `added_at` is the first.
        let bare = PersonRecord::new(id(3), at(50));
        let moved = PersonRecord { email: Some("new@link.example".to_owned()), ..bare.clone() };
        store.put_people(&[moved, PersonRecord::new(id(4), at(50))]).await.unwrap();
        let found = store.person(&id(3)).await.unwrap().unwrap();
        assert_eq!(found, PersonRecord { email: Some("new@link.example".to_owned()), ..person(3) });
        assert_eq!(store.person(&id(4)).await.unwrap().unwrap(), person(4));
    }

    async fn a_roster_with_one_impossible_person_is_not_taken(site: Site) {
        let store = site.cuhk().await;
        let mut everybody: Vec<_> = (0..300).map(person).collect();
        everybody[299].role = Some("a\0b".to_owned());
        assert!(store.put_people(&everybody).await.is_err());
        assert!(!store.has_people().await.unwrap());
    }

    async fn who_is_taken_off_stays_on_record_and_has_no_open_code(site: Site) {
        let store = site.cuhk().await;
        let invited: Vec<_> = (0..3).map(|n| (person(n), code(n, 10))).collect();
        store.put_people_with_invitations(&invited).await.unwrap();
        assert_eq!(store.reserve(&request(&code(1, 10), 1, 20)).await.unwrap(), Reserved::New);
        assert_eq!(store.remove_people(&[id(0), id(1), id(9)], at(30)).await.unwrap(), 2);
        assert_eq!(store.remove_people(&[id(0)], at(40)).await.unwrap(), 0, "once is enough");
        for number in [0, 1] {
            let found = store.person(&id(number)).await.unwrap().unwrap();
            assert_eq!(found, PersonRecord { removed_at: Some(at(30)), ..person(number) });
        }
        let open = store.invitation(&code(0, 10).code_hash).await.unwrap().unwrap();
        assert_eq!(open.invitation.expires_at, at(30), "ended");
        let spent = store.invitation(&code(1, 10).code_hash).await.unwrap().unwrap();
        assert_eq!(spent.invitation.expires_at, at(1010), "spent codes are left alone");
        let other = store.invitation(&code(2, 10).code_hash).await.unwrap().unwrap();
        assert_eq!(other.invitation.expires_at, at(1010));

        // A new roster does not bring them back by itself; a command does.
        store.put_people(&[person(0)]).await.unwrap();
        assert!(store.person(&id(0)).await.unwrap().unwrap().removed_at.is_some());
        assert_eq!(store.restore_people(&[id(0), id(2)]).await.unwrap(), 1);
        assert_eq!(store.person(&id(0)).await.unwrap().unwrap(), person(0));
    }

    async fn a_new_code_ends_the_open_one_of_the_same_person_only(site: Site) {
        let store = site.cuhk().await;
        let invited: Vec<_> = (0..300).map(|n| (person(n), code(n, 10))).collect();
        store.put_people_with_invitations(&invited).await.unwrap();
        let again: Vec<_> = (0..250).map(|n| code(n, 20)).collect();
        store.replace_invitations(&again).await.unwrap();
        for number in [0, 199, 249, 250, 299] {
            let first = store.invitation(&code(number, 10).code_hash).await.unwrap().unwrap();
            let ended = if number < 250 { at(20) } else { at(1010) };
            assert_eq!(first.invitation.expires_at, ended, "{number}");
        }
        let second = store.invitation(&code(249, 20).code_hash).await.unwrap().unwrap();
        assert_eq!(second.invitation, code(249, 20));

        assert_eq!(store.end_invitations(&[id(0), id(299), id(999)], at(30)).await.unwrap(), 2);
        assert_eq!(store.end_invitations(&[id(0)], at(40)).await.unwrap(), 0);
        assert_eq!(store.end_all_invitations(at(50)).await.unwrap(), 298);
    }

    async fn who_is_new_who_is_invited_and_who_is_enrolled(site: Site) {
        let store = site.cuhk().await;
        store.put_people(&(0..5).map(person).collect::<Vec<_>>()).await.unwrap();
        let ids = |people: Vec<PersonRecord>| people.into_iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(store.never_invited(None, 10).await.unwrap().len(), 5);
        assert!(store.not_enrolled(None, 10, None).await.unwrap().is_empty());

        store.put_people_with_invitations(&[(person(1), code(1, 10)), (person(2), code(2, 10))]).await.unwrap();
        store.reserve(&request(&code(2, 10), 2, 20)).await.unwrap();
        // What was cut off before it was signed is no certificate.
        assert_eq!(ids(store.not_enrolled(None, 10, None).await.unwrap()), [id(1), id(2)]);
        store.record_issued("2", b"signed").await.unwrap();
        store.remove_people(&[id(4)], at(30)).await.unwrap();
        assert_eq!(ids(store.never_invited(None, 10).await.unwrap()), [id(0), id(3)]);
        assert_eq!(ids(store.never_invited(Some(&id(0)), 1).await.unwrap()), [id(3)]);
        assert_eq!(ids(store.not_enrolled(None, 10, None).await.unwrap()), [id(1)]);

        let standings = store.standings(None, 10).await.unwrap();
        let told: Vec<_> = standings
            .iter()
            .map(|one| (one.invited_at.is_some(), one.open_until, one.certificates))
            .collect();
        assert_eq!(told, [
            (false, None, 0),
            (true, Some(at(1010)), 0),
            (true, None, 1),
            (false, None, 0),
            (false, None, 0),
        ]);
        assert_eq!(standings[4].person.removed_at, Some(at(30)));
        let page = store.standings(Some(&id(1)), 2).await.unwrap();
        assert_eq!(page, standings[2..4]);
    }

    async fn a_mail_is_in_doubt_from_before_it_leaves_until_its_end_is_known(site: Site) {
        let store = site.cuhk().await;
        store.put_people(&(0..4).map(person).collect::<Vec<_>>()).await.unwrap();
        for (number, made) in [(0, 10), (1, 20), (2, 30)] {
            store.begin_mailing(&code(number, made), "x@link.example").await.unwrap();
        }
        assert_eq!(store.doubtful().await.unwrap(), [id(0), id(1), id(2)]);
        assert_eq!(store.never_invited(None, 10).await.unwrap(), [person(3)]);
        store.mail_taken(&code(0, 10).code_hash, at(11)).await.unwrap();
        store.mail_refused(&code(1, 20).code_hash, "550 no\0 mailbox", at(21)).await.unwrap();
        assert_eq!(store.doubtful().await.unwrap(), [id(2)]);

        let standings = store.standings(None, 10).await.unwrap();
        assert_eq!((standings[0].mailed_at, standings[0].doubtful_at), (Some(at(11)), None));
        assert_eq!(standings[1].mail_fault.as_deref(), Some("550 no  mailbox"));
        assert_eq!(standings[1].invited_at, None, "as if nobody had invited them");
        assert_eq!(standings[2].doubtful_at, Some(at(30)));
        let refused = store.invitation(&code(1, 20).code_hash).await.unwrap().unwrap();
        assert_eq!(refused.invitation.expires_at, at(21));
        assert_eq!(store.never_invited(None, 10).await.unwrap(), [person(1), person(3)]);

        // Mailed lately or in doubt is left out where that is asked for.
        let ids = |people: Vec<PersonRecord>| people.into_iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids(store.not_enrolled(None, 10, None).await.unwrap()), [id(0), id(1), id(2)]);
        assert_eq!(ids(store.not_enrolled(None, 10, Some(at(20))).await.unwrap()), [id(0), id(1)]);
        // The next one settles it.
        store.begin_mailing(&code(2, 40), "x@link.example").await.unwrap();
        store.mail_taken(&code(2, 40).code_hash, at(41)).await.unwrap();
        assert!(store.doubtful().await.unwrap().is_empty());
        let first = store.invitation(&code(2, 30).code_hash).await.unwrap().unwrap();
        assert_eq!(first.invitation.expires_at, at(40), "the first code ended");
    }
}

//! People who have left, and codes that are over, are erased: nothing names them any more, and what must stay does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use claim_core::Digest;
use claim_log::Frontier;
use claim_pki::{PersonId, RevocationReason, Timestamp};
use claim_store::cuhk::audit::{
    AuditChain, AuditEntry, Authentication, By, Deed, Entry, EntryFilter, LOG,
};
use claim_store::cuhk::{
    CuhkStore, Departed, Erased, ErasedCertificate, ErasureRule, Holder, Invitation, Invitee,
    PersonRecord, Provenance, Reservation, ReserveError, Revocation, SignIn, Traces,
};
use claim_store::{Faults, Injector, Moment, Point, Scrubbed, Verdict};

use crate::site::{Site, at, on_each_database};

const GONE: &str = "1155123456";
const HERE: &str = "1155123457";

fn id(id: &str) -> PersonId {
    id.parse().unwrap()
}

fn person(who: &str, name: &str) -> PersonRecord {
    PersonRecord {
        name: Some(name.to_owned()),
        email: Some(format!("{}@cuhk.example", name.replace(' ', "."))),
        ..PersonRecord::new(id(who), at(0))
    }
}

fn invitation(code: u8, who: &str) -> Invitation {
    let invitee = Invitee::Person(id(who));
    Invitation { code_hash: [code; 32], invitee, created_at: at(0), expires_at: at(100) }
}

fn reservation(serial: &str, who: &str, code: Option<u8>) -> Reservation {
    Reservation {
        code_hash: code.map(|code| [code; 32]),
        holder: Holder::Person(id(who)),
        profile: "person",
        key_digest: [9; 32],
        serial: serial.to_owned(),
        tbs: format!("TBS with {who}").into_bytes(),
        not_before: at(0),
        not_after: at(1000),
        now: at(1),
        provenance: Provenance {
            authenticated_by: Some(Authentication::Code),
            device: Some("laptop".parse().unwrap()),
            predecessor: None,
        },
        most_live: None,
        announce: true,
    }
}

fn revocation(serial: &str) -> Revocation {
    Revocation {
        serial: serial.to_owned(),
        issuer: "ab".repeat(20),
        not_after: at(1000),
        revoked_at: at(2),
        reason: RevocationReason::KeyCompromise,
    }
}

fn erased_entry() -> Entry {
    Entry::new(Deed::Erased).with("rule", "test")
}

async fn entries(store: &CuhkStore) -> Vec<AuditEntry> {
    store.audit().entries(0, &EntryFilter::default(), 10_000).await.unwrap()
}

/// Goes through all of the audit log, as `claim cuhk audit verify` does.
async fn verify(store: &CuhkStore) {
    let mut chain = AuditChain::after(&LOG, Frontier::empty());
    entries(store).await.iter().for_each(|entry| chain.take(entry).unwrap());
    assert_eq!(chain.frontier(), &store.audit().head().await.unwrap().frontier);
}

/// One who left at second 10 with a certificate that ended at 1000, one who is there; both with all that there is of a
/// person.
async fn two(store: &CuhkStore) {
    for (who, name, code, serial) in
        [(GONE, "Chan Tai Man", 1, "aa"), (HERE, "Wong Siu Ming", 2, "bb")]
    {
        store.put_person(&person(who, name)).await.unwrap();
        let to = person(who, name).email.unwrap();
        store.begin_mailing(&invitation(code, who), &to).await.unwrap();
        store.mail_taken(&[code; 32], at(1)).await.unwrap();
        store.reserve(&reservation(serial, who, Some(code))).await.unwrap();
        store.record_issued(serial, format!("DER of {who}").as_bytes()).await.unwrap();
        let sign_in = SignIn {
            secret_hash: [code + 10; 32],
            code: format!("BCDFGHJ{code}"),
            person: id(who),
            public_key: vec![0x30, 0x59],
            begun_from: "192.0.2.7".to_owned(),
            begun_at: at(1),
            expires_at: at(600),
        };
        store.begin_sign_in(&sign_in, 10).await.unwrap();
        let refused = Entry::new(Deed::Refused).about(who).with("address", "192.0.2.7");
        store.audit().record(&[refused.by(By::certificate(who, serial))]).await.unwrap();
        store.revoke(&revocation(serial)).await.unwrap();
    }
    store.remove_people(&[id(GONE)], at(10)).await.unwrap();
}

async fn departed(store: &CuhkStore, before: Timestamp) -> Vec<String> {
    let departed = store.departed(before).await.unwrap();
    departed.into_iter().map(|one| one.id.to_string()).collect()
}

async fn erase(store: &CuhkStore, rule: ErasureRule) -> Erased {
    let both = [id(GONE), id(HERE)];
    store.erase_people(&both, rule, &erased_entry(), at(5000)).await.unwrap()
}

const ALL: Erased =
    Erased { people: 1, certificates: 1, codes: 1, mails: 1, sign_ins: 1, entries: 7 };

on_each_database! {
    async fn whoever_left_long_ago_is_erased_and_nobody_else(site: Site) {
        let store = site.cuhk().await.acting(By::administrator("ann"), || at(7));
        two(&store).await;
        // Until the last certificate has ended, and the person has left, for long enough.
        assert_eq!(departed(&store, at(1000)).await, [""; 0]);
        assert_eq!(departed(&store, at(10)).await, [""; 0]);
        let left = store.departed(at(1001)).await.unwrap();
        let expected = Departed {
            id: id(GONE),
            removed_at: Some(at(10)),
            certificates: 1,
            ended_at: Some(at(1000)),
            codes: 1,
        };
        assert_eq!(left, [expected]);
        assert_eq!(erase(&store, ErasureRule::Before(at(1000))).await, Erased::default());
        let others = entries(&store).await;

        let traces = store.traces(&id(GONE), at(999)).await.unwrap();
        assert_eq!(traces, Traces {
            is_on_roster: false, was_on_roster: true, certificates: 1, good: 0, codes: 1, mails: 1, sign_ins: 1, entries: 7,
        });
        assert_eq!(erase(&store, ErasureRule::Before(at(1001))).await, ALL);
        assert_eq!(erase(&store, ErasureRule::Before(at(1001))).await, Erased::default(), "again");
        assert_eq!(store.traces(&id(GONE), at(999)).await.unwrap(), Traces::default());
        assert_eq!(departed(&store, at(9999)).await, [""; 0], "whoever is on the roster stays");

        // What stays of the certificate.
        let left = store.certificate("aa").await.unwrap().unwrap();
        let sha256 = Some(*Digest::of(format!("DER of {GONE}").as_bytes()).as_bytes());
        assert_eq!(left.erased, Some(ErasedCertificate { at: at(5000), sha256 }));
        assert_eq!((left.name.as_str(), left.certificate, left.tbs, left.key_digest), ("", None, vec![], [0; 32]));
        assert_eq!((left.not_after, left.reserved_at, left.profile.as_str()), (at(1000), at(1), "person"));
        assert_eq!(left.provenance, Provenance { authenticated_by: Some(Authentication::Code), ..Provenance::default() });
        let again = store.reserve(&reservation("aa", HERE, None)).await;
        assert!(matches!(again, Err(ReserveError::SerialTaken)), "{again:?}");
        assert!(store.record_issued("aa", b"DER").await.is_err(), "nothing is signed any more");
        assert!(store.revocation("aa").await.unwrap().is_some());
        assert_eq!(store.revocations(&"ab".repeat(20), at(0)).await.unwrap().len(), 2);

        // The log has one entry more, which counts and names nobody; those of the other are as they were.
        verify(&store).await;
        let now = entries(&store).await;
        let (last, before) = now.split_last().unwrap();
        assert_eq!((last.deed.as_str(), last.subject.as_str(), last.actor.as_str()), ("erased", "", "ann"));
        assert_eq!(
            last.details,
            r#"{"certificates":1,"codes":1,"entries":7,"mails":1,"people":1,"rule":"test","sign_ins":1}"#
        );
        for (entry, other) in before.iter().zip(&others) {
            let is_of_gone = [&other.subject, &other.actor].into_iter().any(|who| who == GONE);
            let expected = if is_of_gone { other.clone().erased() } else { other.clone() };
            assert_eq!(entry, &expected);
            assert_eq!(entry.is_erased(), is_of_gone);
        }
        let standing = store.standing(&id(HERE)).await.unwrap().unwrap();
        assert_eq!((standing.certificates, standing.mailed_at), (1, Some(at(1))));
        assert!(store.certificate("bb").await.unwrap().unwrap().certificate.is_some());
    }

    async fn whoever_asks_may_not_be_there_nor_hold_a_good_certificate(site: Site) {
        let store = site.cuhk().await;
        two(&store).await;
        store.reserve(&reservation("cc", GONE, None)).await.unwrap();
        let asked = ErasureRule::Asked(at(20));
        assert_eq!(erase(&store, asked).await, Erased::default());
        assert_eq!(store.traces(&id(GONE), at(20)).await.unwrap().good, 1);
        store.revoke(&revocation("cc")).await.unwrap();
        let erased = erase(&store, asked).await;
        assert_eq!((erased.people, erased.certificates), (1, 2));
        let never_signed = store.certificate("cc").await.unwrap().unwrap();
        assert_eq!(never_signed.erased, Some(ErasedCertificate { at: at(5000), sha256: None }));
        // Nothing can be signed of it any more.
        store.record_issued("cc", b"DER").await.unwrap_err();
        // The list of what is revoked needs no names.
        assert_eq!(store.revocations(&"ab".repeat(20), at(999)).await.unwrap().len(), 3);
        verify(&store).await;
    }

    async fn whoever_comes_back_meanwhile_stays(site: Site) {
        let store = site.cuhk().await;
        two(&store).await;
        assert_eq!(departed(&store, at(1001)).await, [GONE]);
        store.restore_people(&[id(GONE)]).await.unwrap();
        assert_eq!(erase(&store, ErasureRule::Before(at(1001))).await, Erased::default());
        assert!(store.person(&id(GONE)).await.unwrap().is_some());
    }

    async fn whoever_is_only_in_the_audit_log_goes_too(site: Site) {
        let store = site.cuhk().await.acting(By::cuhk(), || at(7));
        let refused = |who: &str| Entry::new(Deed::Refused).about(who).by(By::certificate(who, "aa"));
        let server = "https://blackboard.example:3141";
        store.audit().record(&[refused(GONE), refused(server)]).await.unwrap();
        assert_eq!(departed(&store, at(7)).await, [""; 0]);
        assert_eq!(departed(&store, at(8)).await, [GONE]);
        assert_eq!(erase(&store, ErasureRule::Before(at(8))).await, Erased { people: 2, entries: 1, ..Erased::default() });
        assert_eq!(departed(&store, at(8)).await, [""; 0]);
        assert!(entries(&store).await.iter().any(|entry| entry.subject == server));
        verify(&store).await;
    }

    async fn codes_and_mails_that_are_over_go_sooner(site: Site) {
        let store = site.cuhk().await;
        two(&store).await;
        // Never enrolled, and invited twice: the last code tells that, so it stays.
        let lapsed = "1155123458";
        store.put_person(&person(lapsed, "Lee")).await.unwrap();
        store.put_invitation(&invitation(5, lapsed)).await.unwrap();
        let last = Invitation { created_at: at(50), ..invitation(6, lapsed) };
        store.put_invitation(&last).await.unwrap();
        let open = Invitation { expires_at: at(9000), ..invitation(7, HERE) };
        store.put_invitation(&open).await.unwrap();
        let announced = store.due_announcements(at(1), 10).await.unwrap();
        let end = claim_store::cuhk::AnnouncementEnd::Sent { at: at(2) };
        let sent = announced.iter().find(|one| one.serial == "bb").unwrap();
        store.announced(&sent.serial, &end).await.unwrap();

        assert_eq!(store.spent(at(100)).await.unwrap(), Erased { mails: 1, ..Erased::default() });
        let expected = Erased { codes: 3, mails: 1, ..Erased::default() };
        assert_eq!(store.spent(at(101)).await.unwrap(), expected);
        assert_eq!(store.erase_spent(at(101), &erased_entry()).await.unwrap(), expected);
        assert_eq!(store.erase_spent(at(101), &erased_entry()).await.unwrap(), Erased::default());
        let left = async |code: u8| store.invitation(&[code; 32]).await.unwrap().is_some();
        assert_eq!((left(1).await, left(2).await, left(5).await), (false, false, false));
        assert_eq!((left(6).await, left(7).await), (true, true));
        let standing = store.standing(&id(lapsed)).await.unwrap().unwrap();
        assert_eq!(standing.invited_at, Some(at(50)));
        // A certificate needs no code to say how its holder was known.
        let provenance = store.certificate("bb").await.unwrap().unwrap().provenance;
        assert_eq!(provenance.authenticated_by, Some(Authentication::Code));
        assert_eq!(store.standing(&id(HERE)).await.unwrap().unwrap().certificates, 1);
        verify(&store).await;
        assert_eq!(entries(&store).await.iter().filter(|entry| entry.deed == "erased").count(), 1);
    }

    async fn what_fails_erases_nothing_and_is_done_again(site: Site) {
        two(&site.cuhk().await).await;
        for (moment, nothing) in [(Moment::Before, true), (Moment::After, false)] {
            let breaks = Arc::new(Breaks { moment, left: AtomicU8::new(1) });
            let store = CuhkStore::open_with(&site.url(), Faults::by(breaks)).await.unwrap();
            let both = [id(GONE), id(HERE)];
            let rule = ErasureRule::Before(at(1001));
            store.erase_people(&both, rule, &erased_entry(), at(5000)).await.unwrap_err();
            assert_eq!(store.person(&id(GONE)).await.unwrap().is_some(), nothing);
            assert_eq!(store.certificate("aa").await.unwrap().unwrap().erased.is_none(), nothing);
            assert_eq!(departed(&store, at(1001)).await.len(), usize::from(nothing));
            verify(&store).await;
        }
        let store = site.cuhk().await;
        assert_eq!(entries(&store).await.iter().filter(|entry| entry.deed == "erased").count(), 1);
    }
}

/// Makes the first erasure fail.
struct Breaks {
    moment: Moment,
    left: AtomicU8,
}

impl Injector for Breaks {
    fn reached(
        &self,
        point: Point,
        moment: Moment,
    ) -> Pin<Box<dyn Future<Output = Verdict> + Send>> {
        let is_it = point == Point::Forgotten && moment == self.moment;
        let fails = is_it && self.left.swap(0, Ordering::Relaxed) == 1;
        Box::pin(async move { if fails { Verdict::Fail } else { Verdict::Proceed } })
    }
}

/// Whether any file of the database has these octets anywhere.
fn is_in_files(site: &Site, text: &str) -> bool {
    let folder = site.file().parent().unwrap().to_owned();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let has = |path| {
        let content = std::fs::read(path).unwrap();
        content.windows(text.len()).any(|octets| octets == text.as_bytes())
    };
    files.into_iter().any(has)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_lingers_in_the_files() {
    let site = Site::sqlite();
    let store = site.cuhk().await;
    // Enough of them that pages were split and rows moved.
    let people: Vec<_> =
        (0..3000).map(|n| person(&format!("{n:010}"), &format!("Person {n}x"))).collect();
    store.put_people(&people).await.unwrap();
    two(&store).await;
    // Another process that has it open, as a CUHK that serves.
    let serving = site.cuhk().await;
    assert!(serving.person(&id(HERE)).await.unwrap().is_some());
    let names = [GONE, "Chan Tai Man", "Chan.Tai.Man@cuhk.example"];
    store
        .erase_people(&[id(GONE)], ErasureRule::Asked(at(20)), &erased_entry(), at(20))
        .await
        .unwrap();
    assert!(names.into_iter().any(|name| is_in_files(&site, name)), "the write-ahead log has it");
    assert_eq!(store.scrub().await.unwrap(), Scrubbed::Whole);
    for name in names {
        assert!(!is_in_files(&site, name), "{name}");
    }
    assert!(is_in_files(&site, "Wong Siu Ming") && is_in_files(&site, "Person 2999x"));
    verify(&store).await;
    serving.put_person(&person(HERE, "Wong Siu Ming")).await.unwrap();
    verify(&serving).await;
}

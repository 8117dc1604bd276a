//! The audit log: each deed has its entry, in its transaction, and no entry can be changed unnoticed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use claim_log::Frontier;
use claim_pki::{PersonId, RevocationReason};
use claim_store::audit::Pruning;
use claim_store::cuhk::ReserveError;
use claim_store::cuhk::audit::{
    AuditChain, AuditEntry, Authentication, By, CertificatePruning, Deed, Entry, EntryFilter, LOG,
    WrongEntry,
};
use claim_store::cuhk::{
    CuhkStore, Holder, Invitation, Invitee, PersonRecord, Provenance, Reservation, Revocation,
    RevocationListRecord, Revoked,
};
use sqlx::AssertSqlSafe;
use tokio::task::JoinSet;

use crate::site::{at, on_each_database};

fn student(number: u32) -> PersonId {
    format!("{number:010}").parse().unwrap()
}

fn person(number: u32) -> PersonRecord {
    PersonRecord {
        name: Some(format!("Person {number}")),
        ..PersonRecord::new(student(number), at(0))
    }
}

fn invitation(code: u8, invitee: Invitee) -> Invitation {
    Invitation { code_hash: [code; 32], invitee, created_at: at(0), expires_at: at(100) }
}

fn reservation(serial: &str, code: Option<u8>) -> Reservation {
    Reservation {
        code_hash: code.map(|code| [code; 32]),
        holder: Holder::Person(student(1)),
        profile: "person",
        key_digest: [9; 32],
        serial: serial.to_owned(),
        tbs: b"tbs".to_vec(),
        not_before: at(0),
        not_after: at(1000),
        now: at(1),
        provenance: Provenance::default(),
        most_live: None,
        announce: false,
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

fn list(number: u64) -> RevocationListRecord {
    RevocationListRecord {
        issuer: "ab".repeat(20),
        number,
        this_update: at(5),
        next_update: at(10),
        list: b"list".to_vec(),
    }
}

async fn entries(store: &CuhkStore) -> Vec<AuditEntry> {
    store.audit().entries(0, &EntryFilter::default(), 100_000).await.unwrap()
}

/// Goes through all of it, as `claim cuhk audit verify` does.
async fn verify(store: &CuhkStore) -> Result<u64, WrongEntry> {
    let mut chain = AuditChain::after(&LOG, Frontier::empty());
    for entry in entries(store).await {
        chain.take(&entry)?;
    }
    assert_eq!(chain.frontier(), &store.audit().head().await.unwrap().frontier);
    Ok(chain.frontier().size().value())
}

/// The deeds since the last look.
async fn new(store: &CuhkStore, seen: &mut u64) -> Vec<(Deed, String)> {
    let page = store.audit().entries(*seen, &EntryFilter::default(), 1000).await.unwrap();
    *seen += page.len() as u64;
    page.into_iter().map(|entry| (entry.deed.parse().unwrap(), entry.subject)).collect()
}

on_each_database! {
    async fn each_deed_leaves_its_entry(site: Site) {
        let store = site.cuhk().await.acting(By::administrator("ann"), || at(7));
        let ids = |number| vec![student(number)];
        let one = || "0000000001".to_owned();
        let mut seen = 0;

        store.put_person(&person(1)).await.unwrap();
        let begun = new(&store, &mut seen).await;
        assert_eq!(begun, [(Deed::LogBegun, String::new()), (Deed::PersonRecorded, one())]);
        store.put_people(&[person(2), person(3)]).await.unwrap();
        assert_eq!(new(&store, &mut seen).await.len(), 2);
        store.put_people_with_invitations(&[(person(1), invitation(1, Invitee::Person(student(1))))]).await.unwrap();
        assert_eq!(new(&store, &mut seen).await, [(Deed::PersonRecorded, one()), (Deed::Invited, one())]);
        store.replace_invitations(&[invitation(2, Invitee::Person(student(1)))]).await.unwrap();
        assert_eq!(new(&store, &mut seen).await, [(Deed::InvitationEnded, one()), (Deed::Invited, one())]);
        store.end_invitations(&ids(1), at(1)).await.unwrap();
        assert_eq!(new(&store, &mut seen).await, [(Deed::InvitationEnded, one())]);
        store.end_invitations(&ids(1), at(1)).await.unwrap();
        assert_eq!(new(&store, &mut seen).await, [], "nothing was open");
        store.put_invitation(&invitation(3, Invitee::AnyLoopbackServer)).await.unwrap();
        store.void_loopback_invitations().await.unwrap();
        assert_eq!(new(&store, &mut seen).await.len(), 2);
        store.put_invitation(&invitation(4, Invitee::Person(student(2)))).await.unwrap();
        store.end_all_invitations(at(1)).await.unwrap();
        assert_eq!(new(&store, &mut seen).await.len(), 2);
        store.begin_mailing(&invitation(5, Invitee::Person(student(3))), "x@cuhk.example").await.unwrap();
        store.mail_taken(&[5; 32], at(1)).await.unwrap();
        store.begin_mailing(&invitation(6, Invitee::Person(student(3))), "x@cuhk.example").await.unwrap();
        store.mail_refused(&[6; 32], "550", at(1)).await.unwrap();
        let deeds: Vec<_> = new(&store, &mut seen).await.into_iter().map(|(deed, _)| deed).collect();
        assert_eq!(deeds, [Deed::Invited, Deed::InvitationMailed, Deed::InvitationEnded, Deed::Invited, Deed::InvitationEnded]);
        store.put_invitation(&invitation(7, Invitee::Person(student(1)))).await.unwrap();
        store.put_invitation(&invitation(8, Invitee::Person(student(1)))).await.unwrap();
        new(&store, &mut seen).await;

        // What is reserved was not issued: the entry comes with the certificate, once.
        store.reserve(&reservation("aa", Some(7))).await.unwrap();
        assert_eq!(new(&store, &mut seen).await, []);
        store.record_issued("aa", b"DER").await.unwrap();
        store.record_issued("aa", b"DER").await.unwrap();
        assert_eq!(new(&store, &mut seen).await, [(Deed::Issued, one())]);
        let by_code = entries(&store).await.pop().unwrap();
        assert_eq!((by_code.actor.as_str(), by_code.authentication.as_str()), ("0000000001", "code"));
        assert_eq!(by_code.serial, "aa");
        assert_eq!(by_code.digest, claim_core::Digest::of(b"DER").as_bytes());
        store.reserve(&reservation("bb", None)).await.unwrap();
        store.record_issued("bb", b"DER2").await.unwrap();
        let by_other = entries(&store).await.pop().unwrap();
        assert_eq!((by_other.actor.as_str(), by_other.authentication.as_str()), ("ann", "administrator"));
        new(&store, &mut seen).await;

        store.revoke(&revocation("aa")).await.unwrap();
        assert!(matches!(store.revoke(&revocation("aa")).await.unwrap(), Revoked::Before(_)));
        assert_eq!(new(&store, &mut seen).await, [(Deed::Revoked, one())]);
        store
            .revoke_all(&[revocation("bb")], Some(&By::certificate("0000000001", "aa")))
            .await
            .unwrap();
        let own = entries(&store).await.pop().unwrap();
        assert_eq!((own.authentication.as_str(), own.credential.as_str()), ("certificate", "aa"));
        new(&store, &mut seen).await;
        assert!(store.put_revocation_list(&list(1)).await.unwrap());
        assert!(!store.put_revocation_list(&list(1)).await.unwrap());
        assert_eq!(new(&store, &mut seen).await.len(), 1);
        let later = RevocationListRecord { this_update: at(6), ..list(5) };
        assert!(store.take_revocation_list(&later).await.unwrap());
        assert_eq!(new(&store, &mut seen).await.len(), 1);

        store.remove_people(&ids(1), at(1)).await.unwrap();
        assert_eq!(new(&store, &mut seen).await, [(Deed::PersonRemoved, one()), (Deed::InvitationEnded, one())]);
        store.restore_people(&ids(1)).await.unwrap();
        assert_eq!(new(&store, &mut seen).await, [(Deed::PersonRestored, one())]);
        store.put_invitation(&invitation(9, Invitee::Person(student(1)))).await.unwrap();
        store.void_open_invitations(at(1)).await.unwrap();
        assert_eq!(new(&store, &mut seen).await.len(), 2);
        let refused = Entry::new(Deed::Refused).by(By::known("", Authentication::Nobody));
        store.audit().record(&[refused.with("problem", "code-refused").with("count", 3)]).await.unwrap();
        assert_eq!(new(&store, &mut seen).await, [(Deed::Refused, String::new())]);

        assert_eq!(verify(&store).await, Ok(seen));
        assert!(entries(&store).await.iter().all(|entry| entry.at == at(7)));
        let filter = EntryFilter { deed: Some(Deed::Issued.into()), ..EntryFilter::default() };
        assert_eq!(store.audit().entries(0, &filter, 10).await.unwrap().len(), 2);
        let filter = EntryFilter { serial: Some("aa".to_owned()), ..EntryFilter::default() };
        assert_eq!(store.audit().entries(0, &filter, 10).await.unwrap().len(), 3);
        let filter = EntryFilter { person: Some("ann".to_owned()), until: Some(at(7)), ..EntryFilter::default() };
        assert_eq!(store.audit().entries(0, &filter, 10).await.unwrap(), []);
    }

    async fn whoever_writes_at_once_is_numbered_one_after_the_other(site: Site) {
        let stores = [Arc::new(site.cuhk().await), Arc::new(site.cuhk().await)];
        let mut writing = JoinSet::new();
        for task in 0..6_u32 {
            let store = Arc::clone(&stores[task as usize % 2]);
            writing.spawn(async move {
                for number in 0..10 {
                    store.put_person(&person(task * 100 + number)).await.unwrap();
                }
            });
        }
        writing.join_all().await;
        assert_eq!(verify(&stores[0]).await, Ok(61));
    }

    async fn what_fails_leaves_neither_deed_nor_entry(site: Site) {
        let store = site.cuhk().await;
        store.put_invitation(&invitation(1, Invitee::Person(student(1)))).await.unwrap();
        store.put_invitation(&invitation(1, Invitee::Person(student(1)))).await.unwrap_err();
        let both = [(person(2), invitation(1, Invitee::Person(student(2))))];
        store.put_people_with_invitations(&both).await.unwrap_err();
        assert!(store.person(&student(2)).await.unwrap().is_none());
        assert_eq!(verify(&store).await, Ok(2));
    }

    async fn every_change_past_the_program_is_found_where_it_is(site: Site) {
        let store = site.cuhk().await;
        let people: Vec<_> = (1..=20).map(person).collect();
        store.put_people(&people).await.unwrap();
        assert_eq!(verify(&store).await, Ok(21));
        let mut connection = site.connection().await;
        for (change, expected) in [
            ("UPDATE audit_entries SET at = at + 1 WHERE number = 5", Some(5)),
            ("UPDATE audit_entries SET deed = 'person-removed' WHERE number = 6", Some(6)),
            ("UPDATE audit_entries SET authentication = 'code' WHERE number = 6", Some(6)),
            ("UPDATE audit_entries SET serial = 'aa' WHERE number = 6", Some(6)),
            ("UPDATE audit_entries SET credential = 'aa' WHERE number = 6", Some(6)),
            ("UPDATE audit_entries SET actor = 'eve' WHERE number = 7", Some(7)),
            ("UPDATE audit_entries SET subject = '1155123456' WHERE number = 7", Some(7)),
            ("UPDATE audit_entries SET details = '{}' WHERE number = 7", Some(7)),
            ("UPDATE audit_entries SET personal = leaf WHERE number = 7", Some(7)),
            ("UPDATE audit_entries SET leaf = root WHERE number = 8", Some(8)),
            ("UPDATE audit_entries SET root = leaf WHERE number = 8", Some(8)),
            ("DELETE FROM audit_entries WHERE number = 9", Some(9)),
            ("UPDATE audit_entries SET number = 99 WHERE number = 3", Some(3)),
            // A personal part that was erased is no change; half of one is.
            ("UPDATE audit_entries SET salt = substr(leaf, 1, 0), actor = '', subject = '', details = '' WHERE number = 4", None),
            ("UPDATE audit_entries SET salt = substr(leaf, 1, 0), actor = '', subject = '' WHERE number = 4", Some(4)),
        ] {
            sqlx::query("CREATE TABLE untouched AS SELECT * FROM audit_entries").execute(&mut connection).await.unwrap();
            let done = sqlx::query(AssertSqlSafe(change)).execute(&mut connection).await.unwrap();
            assert_eq!(done.rows_affected(), 1, "{change}");
            let mut chain = AuditChain::after(&LOG, Frontier::empty());
            let wrong = entries(&store).await.iter().find_map(|entry| chain.take(entry).err());
            assert_eq!(wrong.map(|wrong| wrong.number()), expected, "{change}");
            for undo in ["DELETE FROM audit_entries", "INSERT INTO audit_entries SELECT * FROM untouched", "DROP TABLE untouched"] {
                sqlx::query(undo).execute(&mut connection).await.unwrap();
            }
        }
        assert_eq!(verify(&store).await, Ok(21));
    }

    async fn what_stands_in_an_archive_goes_out_and_its_serial_numbers_stay_used(site: Site) {
        let store = site.cuhk().await;
        let (gone, here) = (person(1), person(2));
        store.put_people(&[gone, here]).await.unwrap();
        store.put_invitation(&invitation(1, Invitee::Person(student(1)))).await.unwrap();
        store.reserve(&reservation("aa", Some(1))).await.unwrap();
        store.record_issued("aa", b"DER").await.unwrap();
        store.revoke(&revocation("aa")).await.unwrap();
        let other = |serial: &str| Reservation {
            holder: Holder::Person(student(2)),
            key_digest: [serial.as_bytes()[0]; 32],
            now: at(i64::from(serial.as_bytes()[0])),
            ..reservation(serial, None)
        };
        store.reserve(&other("b0")).await.unwrap();
        store.reserve(&other("c0")).await.unwrap();
        let prunable = async |before| -> Vec<String> {
            let page = store.prunable_certificates(before, None, 10).await.unwrap();
            page.into_iter().map(|record| record.serial).collect()
        };
        // Whoever is on the roster keeps the last one; nothing goes that has not ended.
        assert_eq!(prunable(at(1001)).await, ["b0"]);
        store.remove_people(&[student(1)], at(5)).await.unwrap();
        assert_eq!(prunable(at(1001)).await, ["aa", "b0"]);
        assert_eq!(prunable(at(1000)).await, [""; 0]);

        let before = store.audit().head().await.unwrap();
        let pruning = CertificatePruning {
            entries: Pruning {
                before: before.pruned.clone(),
                after: before.frontier.clone(),
                entry: Entry::new(Deed::Pruned),
            },
            serials: vec!["aa".to_owned(), "b0".to_owned()],
        };
        assert!(store.prune(&pruning).await.unwrap());
        assert!(!store.prune(&pruning).await.unwrap(), "others were first");
        let head = store.audit().head().await.unwrap();
        let [left] = &entries(&store).await[..] else { panic!("several") };
        let mut chain = AuditChain::after(&LOG, head.pruned.clone());
        chain.take(left).unwrap();
        assert_eq!((left.deed.as_str(), chain.frontier()), ("pruned", &head.frontier));
        assert!(store.certificate("aa").await.unwrap().is_none());
        assert!(store.invitation(&[1; 32]).await.unwrap().is_none(), "its code is forgotten");
        assert!(store.revocation("aa").await.unwrap().is_some());
        let again = store.reserve(&other("b0")).await;
        assert!(matches!(again, Err(ReserveError::SerialTaken)), "{again:?}");
        store.reserve(&other("d0")).await.unwrap();
    }

    async fn a_roster_of_twenty_thousand_goes_into_the_log_at_once(site: Site) {
        let store = site.cuhk().await;
        let people: Vec<_> = (1..=20_000).map(person).collect();
        store.put_people(&people).await.unwrap();
        assert_eq!(verify(&store).await, Ok(20_001));
    }
}

/// What CUHK writes without an entry, and why.
const WITHOUT: [(&str, &str); 6] = [
    ("Reservation", "nothing is issued yet; the entry comes with the certificate"),
    ("CodeSpent", "the same"),
    ("RevocationList", "numbers skipped by a restore, which has an entry of its own"),
    ("SignIn", "somebody waits to be signed in; what the person then says has its entry"),
    ("AuditCheckpoint", "a checkpoint tells of entries"),
    ("Announced", "the mail tells of a certificate, which has its entry"),
];

/// Every function of the store that begins a write of CUHK's also records an entry, or stands above.
#[test]
fn no_write_of_cuhk_is_without_an_entry() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let open = [sources.join("cuhk"), sources.join("audit")];
    let (mut open, mut writes, mut without) = (open.to_vec(), 0, BTreeSet::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for function in
            text.split("\n    pub async fn ").flat_map(|part| part.split("\n    async fn "))
        {
            if !function.contains("database.begin(") {
                continue;
            }
            writes += 1;
            let records = ["recorder.record(", "self.finish_ending("];
            if !records.iter().any(|record| function.contains(record)) {
                let points = function.split("Point::").skip(1);
                let names =
                    points.filter_map(|part| part.split(|c: char| !c.is_alphanumeric()).next());
                without.extend(names.map(str::to_owned));
            }
        }
    }
    assert!(writes > 15, "the sources were read: {writes}");
    let known: BTreeSet<String> = WITHOUT.iter().map(|(point, _)| (*point).to_owned()).collect();
    assert_eq!(without, known);
}

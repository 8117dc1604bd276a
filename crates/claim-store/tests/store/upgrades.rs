//! Databases of every schema there ever was, kept as SQLite dumped them: each is opened, and has what it had.
//!
//! Whoever adds a migration adds a dump to `kept/`: one with the new schema, and something in each of its tables.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use claim_core::claim::ClaimId;
use claim_core::hand_in::{ClaimState, PieceRef};
use claim_log::Frontier;
use claim_pki::Timestamp;
use claim_store::blackboard::{BlackboardStore, EntryKind};
use claim_store::cuhk::audit::{AuditChain, Authentication, EntryFilter};
use claim_store::cuhk::{CuhkStore, ErasedCertificate};
use claim_store::{DatabaseUrl, WitnessStore};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

use crate::claims::lab;
use crate::site::at;

/// The log that was witnessed.
const LOG: &str = "blackboard.example:3141/log";

/// The schema with which Blackboard's audit log came.
const BLACKBOARD_AUDITED: u32 = 6;

/// The schema with which CUHK's audit log came.
const AUDITED: u32 = 5;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The dumps of one server, oldest first.
fn kept(server: &str) -> Vec<(u32, PathBuf)> {
    (1..)
        .map(|version| (version, here().join(format!("tests/store/kept/{server}-{version}.sql"))))
        .take_while(|(_, path)| path.exists())
        .collect()
}

/// The database that was dumped.
async fn revived(dump: &Path) -> (TempDir, DatabaseUrl) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claim.db");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let dump = fs::read_to_string(dump).unwrap();
    sqlx::raw_sql(AssertSqlSafe(dump)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    (folder, DatabaseUrl::sqlite(path))
}

#[test]
fn every_schema_is_kept() {
    for server in ["cuhk", "blackboard", "witness"] {
        let migrations =
            fs::read_dir(here().join("migrations").join(server).join("sqlite")).unwrap();
        let known: BTreeSet<u32> = migrations
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.split('_').next().unwrap().parse().unwrap())
            .collect();
        let kept: BTreeSet<u32> = kept(server).into_iter().map(|(version, _)| version).collect();
        assert_eq!(kept, known, "{server}: add a dump with the new schema to tests/store/kept");
    }
}

#[tokio::test]
async fn a_blackboard_of_any_schema_has_what_it_had() {
    let claim = ClaimId::of_manifest(b"kept");
    for (version, dump) in kept("blackboard") {
        let (_folder, url) = revived(&dump).await;
        let store = BlackboardStore::open(&url).await.unwrap();
        let messages = store.messages(0, 10).await.unwrap();
        assert_eq!(messages.len(), 1, "schema {version}");
        assert_eq!((messages[0].id, messages[0].text.as_str()), (7, "kept since schema 1 ✓"));
        assert_eq!(messages[0].received_at, at(0));
        assert_eq!(store.ring().await.unwrap().len(), 1);
        if version >= 2 {
            let row = store.claim(claim).await.unwrap().unwrap();
            assert_eq!((row.state, row.cms.as_slice()), (ClaimState::Received, b"cms".as_slice()));
            assert_eq!(row.reference, lab());
            let pieces = store.durable_pieces(claim).await.unwrap();
            assert_eq!(pieces, [PieceRef { file: 0, index: 0 }]);
            assert_eq!(store.leaf(claim, EntryKind::Received).await.unwrap(), Some(1));
            assert_eq!(store.log_head().await.unwrap().unwrap().published_size, 2);
            let cosigned = store.first_cosigned(1).await.unwrap().unwrap();
            assert_eq!((cosigned.size, cosigned.checkpoint.as_slice()), (2, b"note".as_slice()));
            assert_eq!(cosigned.signatures.len(), usize::from(version >= 3));
        }
        if version >= 2 {
            // Until there were courses everybody could hand in to everything, and that stays so.
            let course = store.course(&lab().course).await.unwrap().unwrap();
            assert!(course.open && course.zone.name() == "Asia/Hong_Kong", "schema {version}");
            let offers = store.offers(&"1155123456".parse().unwrap(), at(1)).await.unwrap();
            assert_eq!(offers[0].claims[0].id, claim, "schema {version}");
            assert_eq!(offers[0].counting.map(|counting| counting.chosen), Some(version >= 7));
            let members = store.members(&course.course, None, 10).await.unwrap();
            assert_eq!(members.len(), if version >= 7 { 2 } else { 0 }, "schema {version}");
            assert_eq!(store.staff(&course.course).await.unwrap().len(), usize::from(version >= 7));
        }
        let witnesses = store.witnesses().await.unwrap();
        assert_eq!(witnesses.len(), usize::from(version >= 3), "schema {version}");
        let outages = store.outages().await.unwrap();
        assert_eq!(outages.len(), usize::from(version >= 4), "schema {version}");
        let told = if version >= BLACKBOARD_AUDITED { 3 } else { 0 };
        let entries = store.audit().entries(0, &EntryFilter::default(), 10).await.unwrap();
        assert_eq!(entries.len(), told, "schema {version}");
        let mut chain = AuditChain::after(&claim_store::blackboard::audit::LOG, Frontier::empty());
        entries.iter().for_each(|entry| chain.take(entry).unwrap());
        assert_eq!(chain.frontier(), &store.audit().head().await.unwrap().frontier);
        let (course, student) = (lab().course, "1155123456".parse().unwrap());
        let concerning = store.audit_concerning(&course, &student, 0, 10).await.unwrap();
        assert_eq!(concerning.len(), told.saturating_sub(1), "schema {version}");
        assert_eq!(store.audit().checkpoints().await.unwrap().len(), usize::from(told > 0));
        store.check().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_cuhk_of_any_schema_has_what_it_had() {
    for (version, dump) in kept("cuhk") {
        let (_folder, url) = revived(&dump).await;
        let store = CuhkStore::open(&url).await.unwrap();
        let person = store.person(&"1155123456".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(person.name.as_deref(), Some("Kept Person"), "schema {version}");
        assert_eq!(person.email.as_deref(), (version >= 3).then_some("kept@cuhk.example"));
        let standings = store.standings(None, 10).await.unwrap();
        assert_eq!(standings[0].certificates, 1, "schema {version}");
        assert_eq!(
            standings[0].mailed_at,
            (version >= 3).then_some(Timestamp::from_millis(1_790_000_000_500))
        );
        assert_eq!(standings.get(1).is_some(), version >= 3);
        assert!(standings.iter().skip(1).all(|gone| gone.person.removed_at.is_some()));
        let spent = store.invitation(&[0x55; 32]).await.unwrap().unwrap();
        assert_eq!(spent.bound.unwrap().serial, "5f0c");
        let open = store.invitation(&[0x56; 32]).await.unwrap().unwrap();
        assert!(open.bound.is_none());
        assert!(store.certificate("5f0c").await.unwrap().unwrap().certificate.is_some());
        let revoked = store.all_revocations().await.unwrap();
        assert_eq!(revoked.len(), usize::from(version >= 2), "schema {version}");
        let list = store.revocation_list("aabb").await.unwrap();
        assert_eq!(list.map(|list| list.number), (version >= 2).then_some(3));
        let last = store.witnessing().last(LOG).await.unwrap();
        assert_eq!(last.map(|last| last.size), (version >= 2).then_some(2));
        let waiting = store.sign_in_of_browser(&[0x58; 32]).await.unwrap();
        let waiting = waiting.map(|record| (record.sign_in.code, record.signed_in_at.is_some()));
        assert_eq!(waiting, (version >= 4).then(|| ("BCDFGHJK".to_owned(), true)));

        let entries = store.audit().entries(0, &EntryFilter::default(), 10).await.unwrap();
        assert_eq!(entries.len(), if version >= AUDITED { 3 } else { 0 }, "schema {version}");
        let mut chain = AuditChain::after(&claim_store::cuhk::audit::LOG, Frontier::empty());
        entries.iter().for_each(|entry| chain.take(entry).unwrap());
        assert_eq!(chain.frontier(), &store.audit().head().await.unwrap().frontier);
        let checkpoints = store.audit().checkpoints().await.unwrap();
        assert_eq!(checkpoints.len(), usize::from(version >= AUDITED), "schema {version}");
        let provenance = store.certificate("5f0c").await.unwrap().unwrap().provenance;
        assert_eq!(provenance.authenticated_by, Some(Authentication::Code), "schema {version}");
        let device = provenance.device.map(|device| device.to_string());
        assert_eq!(device.as_deref(), (version >= 6).then_some("laptop"));
        let announced = store.due_announcements(at(0), 10).await.unwrap();
        assert_eq!(announced.len(), usize::from(version >= 6), "schema {version}");

        let erased = store.certificate("6a0c").await.unwrap().map(|gone| (gone.name, gone.erased));
        let expected = ErasedCertificate {
            at: Timestamp::from_millis(1_790_000_000_900),
            sha256: Some([0x77; 32]),
        };
        assert_eq!(erased, (version >= 7).then(|| (String::new(), Some(expected))));

        // What a restore does to it.
        assert_eq!(store.void_open_invitations(at(0)).await.unwrap(), 1);
        assert_eq!(store.void_open_invitations(at(0)).await.unwrap(), 0);
        let open = store.invitation(&[0x56; 32]).await.unwrap().unwrap();
        assert_eq!(open.invitation.expires_at, at(0));
        store.skip_list_numbers(10).await.unwrap();
        let list = store.revocation_list("aabb").await.unwrap();
        assert_eq!(list.map(|list| list.number), (version >= 2).then_some(13));
        store.close().await;
    }
}

#[tokio::test]
async fn renewals_of_before_find_what_they_renewed() {
    let (folder, url) = revived(&here().join("tests/store/kept/cuhk-5.sql")).await;
    let path = folder.path().join("claim.db");
    let mut before =
        SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    // The first key renewed twice, another key of the same person, and a server.
    sqlx::raw_sql(
        "INSERT INTO certificates SELECT 'a1', NULL, profile, name, key_digest, not_before, \
         not_after, reserved_at + 1, tbs, certificate FROM certificates WHERE serial = '5f0c'; \
         INSERT INTO certificates SELECT 'a2', NULL, profile, name, key_digest, not_before, \
         not_after, reserved_at + 2, tbs, certificate FROM certificates WHERE serial = '5f0c'; \
         INSERT INTO certificates SELECT 'a3', NULL, profile, name, X'01', not_before, \
         not_after, reserved_at + 2, tbs, certificate FROM certificates WHERE serial = '5f0c'; \
         INSERT INTO certificates VALUES ('b1', NULL, 'server', 'https://a.example', X'07', 0, 9, 5, X'00', X'00'); \
         INSERT INTO certificates VALUES ('b2', NULL, 'server', 'https://a.example', X'07', 0, 9, 6, X'00', X'00');; \
         UPDATE certificates SET key_digest = zeroblob(32) WHERE length(key_digest) < 32 AND serial = 'a3'; \
         UPDATE certificates SET key_digest = zeroblob(32) WHERE profile = 'server';",
    )
    .execute(&mut before)
    .await
    .unwrap();
    before.close().await.unwrap();
    let store = CuhkStore::open(&url).await.unwrap();
    for (serial, authenticated_by, predecessor) in [
        ("5f0c", Some(Authentication::Code), None),
        ("a1", Some(Authentication::Certificate), Some("5f0c")),
        ("a2", Some(Authentication::Certificate), Some("a1")),
        ("a3", None, None),
        ("b1", None, None),
        ("b2", None, Some("b1")),
    ] {
        let found = store.certificate(serial).await.unwrap().unwrap().provenance;
        let found = (found.authenticated_by, found.predecessor.as_deref());
        assert_eq!(found, (authenticated_by, predecessor), "{serial}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_witness_of_any_schema_has_what_it_had() {
    for (version, dump) in kept("witness") {
        let (_folder, url) = revived(&dump).await;
        let store = WitnessStore::open(&url).await.unwrap();
        assert!(store.knows_key(&[0x77; 32]).await.unwrap(), "schema {version}");
        let last = store.records().last(LOG).await.unwrap().unwrap();
        assert_eq!((last.size, last.checkpoint.as_slice()), (2, b"note".as_slice()));
        store.close().await;
    }
}

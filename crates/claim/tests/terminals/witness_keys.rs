//! Witnesses whose memory is another than Blackboard's: one that takes a new key while Blackboard runs on, and one that has
//! seen another tree.

use claim_core::receipt::log_name;
use claim_log::note::SigningKey;
use claim_log::{Hash, LogSigner, TreeHead, TreeSize, WitnessKey};
use claim_pki::{Certificate, Ed25519SigningKey, Root};
use sqlx::SqlitePool;

use crate::backups::{course, elsewhere, hand_in, refused_and_stamped};
use crate::course::{Course, Folder};

/// The key of this CUHK's witness, as `claim verify --witness` takes it.
fn witness_key(cuhk: &Folder) -> String {
    let root = Root::from_pem(&cuhk.read("cuhk.cer")).unwrap();
    let certificate = Certificate::from_pem(&cuhk.read("cuhk-witness.cer")).unwrap();
    let witness = root.verify_witness(certificate.der(), certificate.not_before()).unwrap();
    let name = witness.name().as_str().parse().unwrap();
    WitnessKey::new(name, *witness.public_key().as_bytes()).to_string()
}

fn verify(course: &Course, receipt: &str, witness: &str, code: i32) {
    let arguments = ["verify", receipt, "--root", "cuhk.cer", "--witness", witness];
    course.folder.run(&arguments).expect(code);
}

#[test]
fn a_running_blackboard_goes_on_with_the_new_key_of_a_witness_that_lost_its_memory() {
    let (course, cuhk, blackboard) = course();
    course.folder.run(&["cuhk", "backup", "safe"]).expect(0);
    let before = witness_key(&course.folder);
    // The copy knows nothing of this.
    hand_in(&course, "second draft").expect(0);
    cuhk.signal("KILL");
    cuhk.end();

    let folder = elsewhere(&course.folder);
    let backup = course.folder.path("safe");
    folder.run(&["cuhk", "restore", backup.to_str().unwrap()]).expect(0);
    let cuhk = folder.start(&["cuhk"]);
    cuhk.out.line("CUHK listens on ");
    let after = witness_key(&folder);
    assert_ne!(before, after);

    hand_in(&course, "third draft").expect(0);
    blackboard.out.line(&format!("The witness {} cosigns the log again.", course.cuhk));
    for (receipt, witness, code) in [
        ("inbox.receipt", &before, 0),
        ("inbox-2.receipt", &before, 0),
        ("inbox-3.receipt", &after, 0),
        ("inbox-3.receipt", &before, 4),
    ] {
        verify(&course, receipt, witness, code);
    }
    // It is one log all the same, and Blackboard does not take it for an older one, now or after a start.
    blackboard.stop();
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    hand_in(&course, "fourth draft").expect(0);
    verify(&course, "inbox-4.receipt", &after, 0);
    let audit = ["log", "audit", &course.blackboard, "--receipt", "inbox.receipt"];
    course.folder.run(&audit).expect(0);
    let shown = blackboard.stop();
    assert!(!shown.err.contains("THE LOG IS STOPPED"), "{}", shown.err);
}

/// The checkpoint of a tree that the log does not have, as the log would sign it.
fn of_another_tree(course: &Course, size: u64) -> Vec<u8> {
    let key = Ed25519SigningKey::from_pkcs8_pem(&course.folder.read("log.key")).unwrap();
    let key = SigningKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap();
    let name = log_name(&course.blackboard.parse().unwrap());
    let head =
        TreeHead { size: TreeSize::try_from(size).unwrap(), root: Hash::from_bytes([7; 32]) };
    LogSigner::new(name, key).sign(head).unwrap().to_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_has_seen_another_tree_of_the_same_size_stops_the_log() {
    let (course, cuhk, blackboard) = course();
    let audit = ["log", "audit", &course.blackboard, "--receipt", "inbox.receipt"];
    course.folder.run(&[&audit[..], &["--mirror", "mirror"]].concat()).expect(0);
    blackboard.stop();
    cuhk.stop();
    // These records are the other history then: restored, say, and gone on with while nobody looked.
    let path = format!("sqlite://{}", course.folder.path("cuhk.db").display());
    let records = SqlitePool::connect(&path).await.unwrap();
    let changed = sqlx::query("UPDATE witnessed_logs SET checkpoint = $1")
        .bind(of_another_tree(&course, 2))
        .execute(&records);
    assert_eq!(changed.await.unwrap().rows_affected(), 1);
    records.close().await;

    let _cuhk = course.cuhk();
    let refused = course.folder.run(&["blackboard", "log", "rebuild", "mirror"]);
    refused.explains(1, &["has cosigned another tree of 2 entries than the mirror's"]);
    let blackboard = course.blackboard();
    blackboard.err.shows("THE LOG IS STOPPED: the witness ");
    let said = "has cosigned 2 entries of it, and the records here have 2. They are an older copy, or others";
    blackboard.err.shows(said);
    refused_and_stamped(&course);
    // What was given out stands.
    course.folder.run(&["verify", "inbox.receipt", "--root", "cuhk.cer"]).expect(0);
}

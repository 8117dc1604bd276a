//! After lodging: the files follow, the receipt comes, and files come back.

use std::fs;
use std::sync::atomic::Ordering;

use claim_core::claim::ClaimId;
use claim_core::hand_in::{ClaimState, ClaimStatus, MissingPieces};
use claim_core::receipt::{Container, Member};
use claim_student::{EvidenceError, Explained, HandInError, Outcome};

use super::{World, edit};
use crate::support::blackboard::CLAIMS;
use crate::support::text_of;

#[tokio::test]
async fn lost_pieces_and_sessions_are_made_good() {
    let world = World::large().await;
    let mut session = world.session().await;
    let mut lodged = world.lodged(&mut session).await;
    let piece = |n, index| world.address(&format!("/files/{n}/{index}"));
    world.blackboard.cut(&piece(0, 1));
    world.blackboard.break_off(&piece(0, 2));
    world.blackboard.break_off(&world.address(""));
    world.blackboard.forget_sessions();
    session.upload(&mut lodged).await.unwrap();
    assert_eq!(lodged.status().state, ClaimState::Received);
    assert!(lodged.status().missing.is_empty());
}

#[tokio::test]
async fn an_upload_that_stopped_goes_on_where_it_was() {
    let mut world = World::large().await;
    let patience = world.person.config.timeouts.patience;
    world.person.impatient();
    let mut session = world.session().await;
    let mut first = world.lodged(&mut session).await;
    world.blackboard.cut(&world.address("/files/0/2"));
    let error = session.upload(&mut first).await.unwrap_err();
    assert!(matches!(error, HandInError::Uploading { .. }), "{error}");
    assert!(text_of(&error).contains("is lodged") && text_of(&error).contains("stays lodged"));
    assert_eq!(error.outcome(), Outcome::Unknown);
    world.person.config.timeouts.patience = patience;
    let received = world.hand_in().await.unwrap();
    assert_eq!((received.claim, world.claim_ids().len()), (first.id(), 1));
    assert_eq!(world.blackboard.asked(&world.address("/files/0/0")), 1);
}

#[tokio::test]
async fn a_file_that_changed_is_not_sent() {
    let world = World::new().await;
    let mut session = world.session().await;
    let mut lodged = world.lodged(&mut session).await;
    for content in [&b"another report"[..], b"short", b"A report"] {
        world.write("report.pdf", content);
        let error = session.upload(&mut lodged).await.unwrap_err();
        assert!(matches!(error, HandInError::FileChanged { .. }), "{error}");
        assert!(error.to_string().contains("report.pdf"), "{error}");
    }
    fs::remove_file(world.work().join("report.pdf")).unwrap();
    let error = session.upload(&mut lodged).await.unwrap_err();
    assert!(matches!(error, HandInError::FileUnreadable { .. }), "{error}");
    assert_eq!(world.blackboard.asked(&world.address("/files/1/0")), 0);
    world.write("report.pdf", b"a report");
    session.upload(&mut lodged).await.unwrap();
}

#[tokio::test]
async fn missing_pieces_without_end_do_not_keep_the_program() {
    let world = World::new().await;
    world
        .blackboard
        .lie(CLAIMS, edit(|status| status.missing = vec![MissingPieces(1, 0, u64::MAX)]));
    let mut session = world.session().await;
    let mut lodged = world.lodged(&mut session).await;
    session.upload(&mut lodged).await.unwrap();
    assert_eq!(world.blackboard.asked(&world.address("/files/1/0")), 1);

    let world = World::new().await;
    let runs = vec![MissingPieces(1, 0, 0); 100_000];
    world.blackboard.lie(CLAIMS, edit(|status| status.missing = runs));
    let mut session = world.session().await;
    let mut lodged = world.lodged(&mut session).await;
    let error = session.upload(&mut lodged).await.unwrap_err();
    assert!(matches!(error, HandInError::Evidence(EvidenceError::Missing)), "{error}");
}

#[tokio::test]
async fn pieces_that_stay_missing_end_the_upload() {
    let mut world = World::new().await;
    world.person.impatient();
    let mut session = world.session().await;
    let mut lodged = world.lodged(&mut session).await;
    world.blackboard.lie(
        &world.address(""),
        edit(|status| {
            status.state = ClaimState::Waiting;
            status.missing = vec![MissingPieces(1, 0, 0)];
        }),
    );
    let error = session.upload(&mut lodged).await.unwrap_err();
    assert!(matches!(error, HandInError::Stalled { missing: 1, .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn a_claim_that_ends_meanwhile_is_told() {
    for state in [ClaimState::Superseded, ClaimState::Lapsed, ClaimState::Withdrawn] {
        let world = World::new().await;
        let mut session = world.session().await;
        let mut lodged = world.lodged(&mut session).await;
        world.blackboard.claims().claims.lock().unwrap()[0].1.state = state;
        let error = session.upload(&mut lodged).await.unwrap_err();
        assert!(
            matches!(error, HandInError::Ended { state: ended, .. } if ended == state),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_was_said_before_is_not_unsaid() {
    let lies: [fn(&mut ClaimStatus); 4] = [
        |status| status.claim = ClaimId::of_manifest(b"{}"),
        |status| status.lodged_at = status.lodged_at.plus_seconds(60),
        |status| status.late_ms = 5,
        |status| status.timestamp.push(0),
    ];
    for lie in lies {
        let world = World::new().await;
        let mut session = world.session().await;
        let mut lodged = world.lodged(&mut session).await;
        world.blackboard.lie(&world.address(""), edit(lie));
        let error = session.upload(&mut lodged).await.unwrap_err();
        assert!(matches!(error, HandInError::Evidence(_)), "{error}");
    }
}

#[tokio::test]
async fn a_receipt_of_something_else_is_refused() {
    let other = World::new().await;
    let foreign = fs::read(other.hand_in().await.unwrap().receipt).unwrap();
    for body in [foreign, b"no zip".to_vec()] {
        let world = World::new().await;
        let mut session = world.session().await;
        let mut lodged = world.lodged(&mut session).await;
        session.upload(&mut lodged).await.unwrap();
        world.blackboard.lie(&world.address("/receipt"), move |reply| reply.body = body);
        let error = session.receive(lodged, &world.place()).await.unwrap_err();
        assert!(matches!(error, HandInError::Evidence(_)), "{error}");
        assert!(!world.files.path().join("lab1.receipt").exists());
    }
}

#[tokio::test]
async fn a_receipt_with_a_proof_of_something_else_is_refused() {
    let world = World::new().await;
    let mut session = world.session().await;
    let mut lodged = world.lodged(&mut session).await;
    session.upload(&mut lodged).await.unwrap();
    world.blackboard.lie(&world.address("/receipt"), |reply| {
        let container = Container::from_zip(&reply.body).unwrap();
        let members = [
            Member::Readme,
            Member::Claim,
            Member::Timestamp,
            Member::LodgedProof,
            Member::RevocationLists,
            Member::Certificates,
        ];
        let content = |member| container.content(member).unwrap().to_vec();
        let members = members.map(|member| (member, content(member)));
        let received = (Member::ReceivedProof, content(Member::LodgedProof));
        reply.body = Container::new(members.into_iter().chain([received])).to_zip();
    });
    let error = session.receive(lodged, &world.place()).await.unwrap_err();
    let HandInError::Evidence(EvidenceError::NotVerified { .. }) = error else { panic!("{error}") };
    assert!(!world.files.path().join("lab1.receipt").exists());
}

#[tokio::test]
async fn the_proof_is_waited_for_and_fetched_later() {
    let mut world = World::new().await;
    world.blackboard.claims().proofs_late.store(3, Ordering::SeqCst);
    world.hand_in().await.unwrap();
    world.write("report.pdf", b"a better report");
    world.blackboard.claims().proofs_late.store(1, Ordering::SeqCst);
    let patience = world.person.config.timeouts.patience;
    world.person.impatient();
    let error = world.hand_in().await.unwrap_err();
    assert!(matches!(error, HandInError::Incomplete { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    world.person.config.timeouts.patience = patience;
    let received = world.hand_in().await.unwrap();
    assert_eq!(world.claim_ids().last(), Some(&received.claim));
    assert_eq!(world.claim_ids().len(), 2);
}

#[tokio::test]
async fn a_claim_is_withdrawn() {
    let world = World::new().await;
    let received = world.hand_in().await.unwrap();
    let mut session = world.session().await;
    let status = session.withdraw(received.claim).await.unwrap();
    assert_eq!(status.state, ClaimState::Withdrawn);
    // The same files are another claim then.
    let again = world.hand_in().await.unwrap();
    assert_ne!(again.claim, received.claim);
}

#[tokio::test]
async fn ones_own_files_come_back() {
    let world = World::large().await;
    let received = world.hand_in().await.unwrap();
    let mut session = world.session().await;
    let into = world.files.path().join("back");
    for folder in ["lab1", "lab1-2"] {
        let fetched = session.fetch(received.claim, &into).await.unwrap();
        assert_eq!(fetched.folder, into.join(folder));
        for name in ["data.bin", "report.pdf", "empty.txt"] {
            let back = fs::read(fetched.folder.join("work").join(name)).unwrap();
            assert!(back == fs::read(world.work().join(name)).unwrap(), "{name}");
        }
    }
    world.blackboard.lie(&world.address("/files/2/0"), |reply| reply.body[0] ^= 1);
    let error = session.fetch(received.claim, &into).await.unwrap_err();
    assert!(error.to_string().contains("work/report.pdf"), "{error}");
}

//! `init`, `invite` and `list`, beside a serving CUHK and without one.

use claim_core::Origin;
use claim_core::invitation::Invitee;
use claim_cuhk::{
    AdminError, AuthorityError, Clock, Mode, Office, RosterError, StartError, init, start,
};

use crate::fixture::{
    SID, TestCuhk, config, folder, key, lasting_files, real_folder, server, silent, student,
};

#[tokio::test]
async fn init_makes_a_real_root_once() {
    let folder = folder();
    let origin: Origin = "https://cuhk.example:9335".parse().unwrap();
    let made = init(folder.path(), None, Some(&origin), &Clock::system()).await.unwrap();
    let names: Vec<_> = lasting_files(folder.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["cuhk-issuing.cer", "cuhk-issuing.key", "cuhk.cer", "cuhk.key"]);
    let error = init(folder.path(), None, None, &Clock::system()).await.unwrap_err();
    assert!(matches!(error, StartError::Authority(AuthorityError::MadeAlready { .. })), "{error}");

    let office = Office::open(folder.path(), None, Clock::system()).await.unwrap();
    let invitation = office.invite(student(SID), None, None).await.unwrap();
    assert_eq!(invitation.cuhk, origin);
    let running = start(config(folder.path()), silent()).await.unwrap();
    assert_eq!((running.mode(), running.root()), (Mode::Rostered, made.fingerprint));
}

#[tokio::test]
async fn init_goes_on_where_it_was_cut_off() {
    let whole = real_folder().await;
    for done in [
        &["cuhk.key"][..],
        &["cuhk.key", "cuhk.cer"],
        &["cuhk.key", "cuhk.cer", "cuhk-issuing.key"],
    ] {
        let folder = folder();
        for name in done {
            std::fs::copy(whole.path().join(name), folder.path().join(name)).unwrap();
        }
        init(folder.path(), None, None, &Clock::system()).await.unwrap();
        for name in done {
            let read = |dir: &std::path::Path| std::fs::read(dir.join(name)).unwrap();
            assert_eq!(read(folder.path()), read(whole.path()));
        }
    }
}

#[tokio::test]
async fn init_does_not_turn_a_local_root_into_a_real_one() {
    let folder = folder();
    TestCuhk::start(folder.path()).await.stop().await;
    for name in ["cuhk-issuing.cer", "cuhk-issuing.key"] {
        let error = init(folder.path(), None, None, &Clock::system()).await.unwrap_err();
        assert!(matches!(error, StartError::Authority(AuthorityError::MadeAlready { .. })));
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
}

#[tokio::test]
async fn people_on_record_make_a_new_root_a_real_one() {
    let (real, new) = (real_folder().await, folder());
    let office = Office::open(real.path(), None, Clock::system()).await.unwrap();
    office.invite(student(SID), None, None).await.unwrap();
    office.close().await;
    let database = Some(format!("sqlite:{}", real.path().join("cuhk.db").display()));
    let config = claim_cuhk::Config { database, ..config(new.path()) };
    assert_eq!(start(config, silent()).await.unwrap().mode(), Mode::Rostered);
}

#[tokio::test]
async fn a_folder_without_cuhk_is_left_alone() {
    let folder = folder();
    let error = Office::open(folder.path(), None, Clock::system()).await.unwrap_err();
    assert!(matches!(error, AdminError::Authority(AuthorityError::None { .. })), "{error}");
    assert!(error.advice().contains("claim cuhk init"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_roster_is_invited_as_a_whole() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let office = cuhk.office().await;
    let csv = "\u{feff}name;SID\r\n陳大文;1155123456\r\n;0055123457\r\n";
    let invited = office.invite_roster(csv.as_bytes(), None).await.unwrap();
    let told: Vec<_> = invited.iter().map(|one| (one.id.as_str(), one.name.as_deref())).collect();
    assert_eq!(told, [(SID, Some("陳大文")), ("0055123457", None)]);
    for one in &invited {
        assert_eq!(
            (&one.invitation.cuhk, &one.invitation.invitee),
            (&cuhk.origin, &Invitee::Person(one.id.clone()))
        );
        let certificate =
            cuhk.enrol(&one.invitation.invitee, &one.invitation.code, &key()).await.unwrap();
        assert_eq!(certificate.common_name(), Some(one.name.as_deref().unwrap_or("0055123457")));
    }
    // Inviting somebody again is a second device, and keeps the name.
    let again = cuhk.invite(student(SID)).await;
    let certificate = cuhk.enrol(&again.invitee, &again.code, &key()).await.unwrap();
    assert_eq!(certificate.common_name(), Some("陳大文"));
    assert_eq!(cuhk.issued().await.len(), 3);
    cuhk.stop().await;
}

#[tokio::test]
async fn a_roster_with_a_bad_line_invites_nobody() {
    let folder = real_folder().await;
    let office = Office::open(folder.path(), None, Clock::system()).await.unwrap();
    let error =
        office.invite_roster(b"id\n1155123456\n12345\n1155123456\n", None).await.unwrap_err();
    assert!(matches!(&error, AdminError::Roster(RosterError::Lines(..))), "{error}");
    let told = error.to_string();
    assert!(
        told.contains("line 3: ") && told.contains("line 4: 1155123456 stands in line 2 already"),
        "{told}"
    );
    office.close().await;
    // The person of the good line is not on record either: else a local root would refuse these records.
    let local = self::folder();
    TestCuhk::start(local.path()).await.stop().await;
    let database = Some(format!("sqlite:{}", folder.path().join("cuhk.db").display()));
    let config = claim_cuhk::Config { database, ..config(local.path()) };
    TestCuhk::start_with(config).await.stop().await;
}

#[tokio::test]
async fn the_origin_in_an_invitation_can_be_given() {
    let folder = real_folder().await;
    let office = Office::open(folder.path(), None, Clock::system()).await.unwrap();
    let invitation = office.invite(student(SID), None, None).await.unwrap();
    assert_eq!(invitation.cuhk.as_str(), "https://localhost:9335");
    let origin: Origin = "https://cuhk.example".parse().unwrap();
    let invitation = office.invite(student(SID), None, Some(origin.clone())).await.unwrap();
    assert_eq!(invitation.cuhk, origin);
    let long = server(&format!("https://{}.example:3141", "a".repeat(60)));
    let error = office.invite(long, None, None).await.unwrap_err();
    assert!(matches!(error, AdminError::HostTooLong { found: 68, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_are_written_while_cuhk_serves() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let mut writing = tokio::task::JoinSet::new();
    for number in 0..4 {
        let dir = folder.path().to_owned();
        writing.spawn(async move {
            let office = Office::open(&dir, None, Clock::system()).await.unwrap();
            let mut invitations = Vec::new();
            for one in 0..5 {
                let sid = format!("11551{number:02}{one:03}");
                invitations.push(office.invite(student(&sid), None, None).await.unwrap());
            }
            invitations
        });
    }
    for invitations in writing.join_all().await {
        for invitation in invitations {
            cuhk.enrol(&invitation.invitee, &invitation.code, &key()).await.unwrap();
        }
    }
    assert_eq!(cuhk.issued().await.len(), 20);
    cuhk.stop().await;
}

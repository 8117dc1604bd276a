//! The limits of a CUHK that certifies any student ID, and the invitation that it leaves for a Blackboard.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use claim_core::ProblemType;
use claim_core::invitation::{Invitation, Invitee};
use claim_cuhk::{AdminError, Clock, Config, Event, NotLocal, Office, StartError};

use crate::fixture::{
    SID, TestCuhk, collector, config, folder, key, real_folder, refusal, refused, request, server,
    some_code, student,
};

fn left(dir: &Path) -> Invitation {
    std::fs::read_to_string(dir.join("blackboard.invite")).unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_came_through_a_proxy_or_for_another_host_is_refused() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let body = claim_http::encode_est_body(&request(&student(SID), &key()));
    let post = |name: &str, value: &str| {
        cuhk.client()
            .post(cuhk.origin.join("/.well-known/est/simpleenroll"))
            .basic_auth(SID, Some("x"))
            .header("content-type", "application/pkcs10")
            .header(name, value)
            .body(body.clone())
    };
    for (name, value) in [
        ("forwarded", "for=192.0.2.1"),
        ("via", "1.1 proxy"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "cuhk.example"),
        ("x-forwarded-proto", "https"),
        ("host", "cuhk.example"),
        ("host", "192.0.2.1:9335"),
    ] {
        let answer = cuhk.send(post(name, value)).await;
        cuhk.assert_problem(&answer, ProblemType::LocalOnly);
        assert!(matches!(
            cuhk.events().last(),
            Some(Event::Refused { problem_type: ProblemType::LocalOnly, .. })
        ));
        let page = cuhk.client().get(cuhk.origin.join("/")).header(name, value);
        cuhk.assert_problem(&cuhk.send(page).await, ProblemType::LocalOnly);
    }
    assert!(cuhk.issued().await.is_empty());
    let answer = cuhk.send(post("host", "127.0.0.1")).await;
    assert_eq!(answer.status, 200);
    cuhk.stop().await;
}

#[tokio::test]
async fn a_real_cuhk_may_stand_behind_a_proxy() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let page = cuhk.client().get(cuhk.origin.join("/")).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(cuhk.send(page).await.status, 200);
    cuhk.stop().await;
}

#[tokio::test]
async fn only_student_ids_are_enrolled_without_invitation() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let outcome = cuhk.enrol(&student("chan.tm"), &some_code(), &key()).await;
    assert_eq!(refusal(outcome), ProblemType::NotOnRoster);
    let outcome = cuhk.enrol(&server("https://localhost:3141"), &some_code(), &key()).await;
    assert_eq!(refusal(outcome), ProblemType::CodeRefused);
    // A request without an id is nobody's.
    let post = cuhk.client().post(cuhk.origin.join("/.well-known/est/simpleenroll"));
    let answer = cuhk.send(post.header("content-type", "application/pkcs10")).await;
    cuhk.assert_problem(&answer, ProblemType::CodeRefused);
    assert!(cuhk.issued().await.is_empty());
    cuhk.stop().await;
}

#[tokio::test]
async fn a_blackboard_enrols_with_the_invitation_in_the_folder() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let path = folder.path().join("blackboard.invite");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let invitation = left(folder.path());
    assert_eq!(invitation.cuhk, cuhk.origin);
    assert_eq!(invitation.invitee, server("https://localhost"));

    let public = server("https://blackboard.example:3141");
    let outcome = cuhk.enrol(&public, &invitation.code, &key()).await;
    assert_eq!(refusal(outcome), ProblemType::CodeRefused);
    assert_eq!(left(folder.path()), invitation, "it is not spent");

    let itself = server(cuhk.origin.as_str());
    let outcome = cuhk.enrol(&itself, &invitation.code, &key()).await;
    assert_eq!(refusal(outcome), ProblemType::CodeRefused);

    let (own, blackboard) = (key(), server("https://localhost:3141"));
    let first = cuhk.enrol(&blackboard, &invitation.code, &own).await.unwrap();
    let again = cuhk.enrol(&blackboard, &invitation.code, &own).await.unwrap();
    assert_eq!(first.der(), again.der());
    let origin = "https://localhost:3141".parse().unwrap();
    let issuing = cuhk.issuing().await;
    cuhk.root.verify_server(&[first.der(), issuing.der()], &origin, Clock::system().now()).unwrap();
    let outcome = cuhk.enrol(&server("https://localhost:3142"), &invitation.code, &key()).await;
    assert_eq!(refusal(outcome), ProblemType::CodeUsed);

    // The next Blackboard finds a fresh one.
    let next = left(folder.path());
    assert_ne!(next.code, invitation.code);
    cuhk.enrol(&server("https://127.0.0.1:3142"), &next.code, &key()).await.unwrap();
    assert_eq!(cuhk.issued().await.len(), 2);
    cuhk.stop().await;
}

#[tokio::test]
async fn an_unspent_invitation_in_the_folder_is_void_after_a_restart() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let old = left(folder.path());
    cuhk.stop().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let blackboard = server("https://localhost:3141");
    assert_eq!(refusal(cuhk.enrol(&blackboard, &old.code, &key()).await), ProblemType::CodeRefused);
    let new = left(folder.path());
    cuhk.enrol(&blackboard, &new.code, &key()).await.unwrap();
    cuhk.stop().await;
}

#[tokio::test]
async fn a_local_root_serves_nobody_else() {
    let folder = folder();
    TestCuhk::start(folder.path()).await.stop().await;
    let local = config(folder.path());
    let public_url = "https://cuhk.example:9335".parse().ok();
    let error = refused(Config { public_url, ..local.clone() }).await;
    assert!(
        matches!(&error, StartError::LocalRoot { because: NotLocal::PublicUrl(_), .. }),
        "{error}"
    );
    assert!(error.advice().contains("claim cuhk init"));
    let listen = vec![(std::net::Ipv4Addr::UNSPECIFIED, 0).into()];
    let error = refused(Config { listen, ..local.clone() }).await;
    assert!(
        matches!(error, StartError::LocalRoot { because: NotLocal::Listener(_), .. }),
        "{error}"
    );
    TestCuhk::start_with(local).await.stop().await;
}

#[tokio::test]
async fn a_local_root_does_not_serve_with_people_on_record() {
    let (local, real) = (folder(), real_folder().await);
    TestCuhk::start(local.path()).await.stop().await;
    let office = Office::open(real.path(), None, Clock::system()).await.unwrap();
    office.invite(student(SID), None, None).await.unwrap();
    office.close().await;
    let database = Some(format!("sqlite:{}", real.path().join("cuhk.db").display()));
    let error = refused(Config { database, ..config(local.path()) }).await;
    assert!(matches!(error, StartError::LocalRoot { because: NotLocal::People, .. }), "{error}");
}

#[tokio::test]
async fn nobody_is_invited_to_a_local_demonstration() {
    let folder = folder();
    TestCuhk::start(folder.path()).await.stop().await;
    let office = Office::open(folder.path(), None, Clock::system()).await.unwrap();
    let invitees: [Invitee; 2] = [student(SID), server("https://localhost:3141")];
    for invitee in invitees {
        let error = office.invite(invitee, None, None).await.unwrap_err();
        assert!(matches!(error, AdminError::LocalDemo { .. }), "{error}");
    }
    let error = office.invite_roster(b"id\n1155123456\n", None).await.unwrap_err();
    assert!(matches!(error, AdminError::LocalDemo { .. }), "{error}");
    assert!(error.advice().contains("claim cuhk init"));
    office.close().await;
    let (events, observer) = collector();
    drop(claim_cuhk::start(config(folder.path()), observer).await.unwrap());
    assert!(matches!(events.lock().unwrap()[0], Event::RootLoaded { .. }));
}

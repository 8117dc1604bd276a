//! More is asked of Blackboard than it can do.

use claim_http::Limits;
use sqlx::Connection as _;

use crate::scene::Scene;
use crate::student::Say;

/// Whoever holds the database's write lock keeps all that is to be written waiting.
#[tokio::test]
async fn what_leads_to_a_claim_is_let_in_while_messages_are_refused() {
    sqlx::any::install_default_drivers();
    let scene = Scene::with(|config| {
        config.limits = Limits { max_requests_at_work: 4, ..Limits::default() };
    })
    .await;
    let session = scene.session().await;
    let url = format!("sqlite://{}", scene.place.path("blackboard.db").display());
    let mut lock = sqlx::AnyConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();

    let (first, second) = (scene.text("first"), scene.text("second"));
    let held = async {
        tokio::join!(scene.student.say(&session, &first), scene.student.say(&session, &second))
    };
    let meanwhile = async {
        // Until both are worked at, a third one is too.
        loop {
            let reply = scene.student.send(scene.student.request("GET", "/"), None).await;
            if reply.status == 503 {
                reply.assert_refused(503, "overloaded", false);
                break;
            }
        }
        for _ in 0..10 {
            let reply = scene.student.say(&session, &scene.text("third")).await;
            reply.assert_refused(503, "overloaded", false);
        }
        let another = scene.session().await;
        let list =
            Say { method: "GET", target: "/v1/assignments", content: None, ..scene.text("") };
        let reply = scene.student.say(&another, &list).await;
        assert_eq!((reply.status, reply.signed), (200, true), "{reply:?}");
        sqlx::query("ROLLBACK").execute(&mut lock).await.unwrap();
    };
    let ((first, second), ()) = tokio::join!(held, meanwhile);
    first.message();
    second.message();
    scene.student.say(&session, &scene.text("third")).await.message();
    assert_eq!(scene.place.messages().await.len(), 3);
    scene.blackboard.stop().await;
}

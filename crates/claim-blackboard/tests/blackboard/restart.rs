//! Restarts, replicas, lost keys.

use std::path::Path;

use claim_blackboard::{Config, Event};
use tempfile::TempDir;

use crate::running::{Blackboard, Place, Port, messages};
use crate::student::{SID, Say, Student};

#[tokio::test]
async fn a_session_survives_a_restart() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let (waiting, request) = student.challenged().await;
    let session = student.open(place.time.now()).await;
    let say = Say::text("before", place.time.now());
    let before = student.say(&session, &say).await;
    blackboard.stop().await;

    let mut blackboard = place.start().await;
    let again = student.say(&session, &say).await;
    assert_eq!(again.message(), before.message());
    let after = student.say(&session, &Say::text("after", place.time.now())).await.message();
    assert!(after.number > before.message().number);
    assert_eq!(blackboard.told(), [(after.number, "after".to_owned())]);
    // Step 5 may come after the restart, too.
    let answer = student.exchange("/v1/sessions", &request).await;
    waiting.receive(answer, &student.root, place.time.now()).unwrap();
    blackboard.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_on_disk_at_that_moment() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let session = student.open(place.time.now()).await;
    let say = Say::text("acknowledged", place.time.now());
    let acknowledged = student.say(&session, &say).await.message();
    // What a machine that loses its power now would find when it starts again.
    let image = tempfile::tempdir().unwrap();
    copy(place.folder.path(), image.path());
    blackboard.stop().await;

    assert_eq!(messages(image.path()).await[0].text, "acknowledged");
    let config = Config { dir: image.path().to_owned(), ..place.config() };
    let blackboard = Blackboard::start(config).await;
    assert_eq!(student.say(&session, &say).await.message(), acknowledged);
    blackboard.stop().await;
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Two replicas of one Blackboard: one database, one origin, the same keys, two addresses.
struct Replicas {
    place: Place,
    _second: (TempDir, Port),
    one: Blackboard,
    other: Blackboard,
    at_one: Student,
    at_other: Student,
}

impl Replicas {
    async fn start() -> Self {
        let place = Place::enrolled();
        let database = Some(format!("sqlite:{}", place.path("shared.db").display()));
        let config = Config { database, ..place.config() };
        let one = Blackboard::start(config.clone()).await;
        let second = tempfile::tempdir().unwrap();
        for name in ["blackboard.key", "blackboard.cer", "cuhk.cer", "sealing.key"] {
            std::fs::copy(place.path(name), second.path().join(name)).unwrap();
        }
        let port = Port::reserve();
        let listen = vec![port.address()];
        let (dir, public_url) = (second.path().to_owned(), Some(place.origin()));
        let other = Blackboard::start(Config { dir, listen, public_url, ..config }).await;
        let at_one = Student::new(&place.authority, &one, SID);
        // Whoever it is: it only carries what the first one made.
        let at_other = Student::new(&place.authority, &other, SID);
        Self { place, _second: (second, port), one, other, at_one, at_other }
    }
}

#[tokio::test]
async fn any_replica_serves_any_request() {
    let Replicas { place, one, mut other, at_one, at_other, _second } = Replicas::start().await;
    let (waiting, request) = at_one.challenged().await;
    let answer = at_other.exchange("/v1/sessions", &request).await;
    let session = waiting.receive(answer, &at_one.root, place.time.now()).unwrap();
    let say = Say::text("hello", place.time.now());
    let number = at_other.say(&session, &say).await.message().number;
    assert_eq!(at_one.say(&session, &say).await.message().number, number);
    assert_eq!(other.told(), [(number, "hello".to_owned())]);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_replica_learns_a_key_when_it_meets_it() {
    let Replicas { place, one, other, at_one, at_other, _second } = Replicas::start().await;
    // No key seals any more; the replica that is asked first makes one at once.
    place.time.pass(25 * 3600);
    let session = at_one.open(place.time.now()).await;
    at_other.say(&session, &Say::text("hello", place.time.now())).await.message();
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn sessions_outlive_the_key_that_sealed_them() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    place.time.pass(23 * 3600);
    let old = student.open(place.time.now()).await;
    place.time.pass(2 * 3600);
    let new = student.open(place.time.now()).await;
    for session in [&old, &new] {
        student.say(session, &Say::text("hello", place.time.now())).await.message();
    }
    blackboard.stop().await;
    let blackboard = place.start().await;
    for session in [&old, &new] {
        student.say(session, &Say::text("hello", place.time.now())).await.message();
    }
    blackboard.stop().await;
}

#[tokio::test]
async fn a_lost_sealing_key_ends_the_sessions_and_nothing_else() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let session = student.open(place.time.now()).await;
    student.say(&session, &Say::text("before", place.time.now())).await.message();
    blackboard.stop().await;

    std::fs::remove_file(place.path("sealing.key")).unwrap();
    let mut blackboard = place.start().await;
    let lost = blackboard
        .event(|event| match event {
            Event::SealingKeysLost { count } => Some(count),
            _ => None,
        })
        .await;
    assert_eq!(lost, 1);
    let say = Say::text("after", place.time.now());
    student.say(&session, &say).await.assert_refused(403, "session-invalid", false);
    let session = student.open(place.time.now()).await;
    student.say(&session, &say).await.message();
    blackboard.stop().await;

    // The new key is as good as the old one was.
    let blackboard = place.start().await;
    student.say(&session, &Say::text("later", place.time.now())).await.message();
    assert_eq!(place.messages().await.len(), 3);
    blackboard.stop().await;
}

#[tokio::test]
async fn a_request_under_way_is_finished_when_the_server_stops() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let session = student.open(place.time.now()).await;
    let says: Vec<_> =
        (0..20).map(|number| Say::text(format!("{number}"), place.time.now())).collect();
    let sending = async {
        let mut numbers = Vec::new();
        for say in &says {
            let (fields, expected) = student.signed(&session, say);
            let content = say.content.clone().unwrap().1;
            let mut request = student.request("POST", "/v1/messages").body(content);
            for (name, value) in fields {
                request = request.header(name, value);
            }
            match claim_http::send(request, 1 << 20).await {
                Ok(answer) => numbers.push((expected, answer)),
                Err(_) => break,
            }
        }
        numbers.len()
    };
    let (acknowledged, ()) = tokio::join!(sending, blackboard.stop());
    let kept = place.messages().await.len();
    assert!(kept >= acknowledged, "{acknowledged} were acknowledged, {kept} are there");
}

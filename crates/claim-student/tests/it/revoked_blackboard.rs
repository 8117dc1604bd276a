//! A Blackboard whose certificate CUHK has revoked: whoever has its key proves everything else.

use claim_core::{PersonId, Timestamp};
use claim_http::revocation_list_path;
use claim_pki::{RevocationList, SerialNumber};
use claim_student::{Event, OpenSession, SessionError};
use tokio::net::TcpListener;

use crate::support::blackboard::MESSAGES;
use crate::support::{Authority, Blackboard, Cuhk, Person, Reply, now, sid, text_of};

struct World {
    cuhk: Cuhk,
    blackboard: Blackboard,
    person: Person,
}

/// What the last session told of lists that could not be had: why not, and when the one was made that counted.
type Told = Option<(String, Option<Timestamp>)>;

impl World {
    async fn new() -> Self {
        let cuhk = Cuhk::start(Authority::real()).await;
        let blackboard = Blackboard::start(&cuhk.authority).await;
        let person = Person::enrolled(&cuhk.authority, &cuhk.origin, &blackboard.origin);
        Self { cuhk, blackboard, person }
    }

    /// The next time CUHK is asked, it has these lists.
    fn publish(&self, of_root: Option<&RevocationList>, of_issuing: &RevocationList) {
        let authority = &self.cuhk.authority;
        let root = authority.root.certificate().subject_key_id().unwrap();
        let reply = |list: &RevocationList| Reply::new(200, "application/pkix-crl", list.der());
        if let Some(list) = of_root {
            self.cuhk.instead(&revocation_list_path(&root), reply(list));
        }
        self.cuhk.instead(&revocation_list_path(authority.issuing.key_id()), reply(of_issuing));
    }

    fn list(&self, number: u64, at: Timestamp, revoked: &[&SerialNumber]) -> RevocationList {
        self.cuhk.authority.list(false, number, at, revoked)
    }

    /// A new start of the program.
    async fn open(&self) -> Result<OpenSession, SessionError> {
        let id: PersonId = sid().into();
        self.person.events.take();
        self.person.start().open_session(&id).await
    }

    /// Checks that nothing is said to it.
    async fn refuses(&self) -> String {
        let error = self.open().await.unwrap_err();
        assert!(matches!(error, SessionError::Revoked { .. }), "{error:?}");
        assert!(!error.is_outage(), "nobody takes it for an outage");
        assert_eq!(self.blackboard.asked(MESSAGES), 0);
        text_of(&error)
    }

    async fn opens(&self) -> Told {
        self.open().await.unwrap();
        self.person.events.find(|event| match event {
            Event::RevocationsNotFetched { why, issued_at } => Some((why.clone(), *issued_at)),
            _ => None,
        })
    }
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(now().as_seconds() - seconds)
}

#[tokio::test]
async fn it_is_not_believed_also_when_cuhk_is_away_afterwards() {
    let mut world = World::new().await;
    world.publish(None, &world.list(1, ago(60), &[]));
    assert_eq!(world.opens().await, None);

    let serial = world.blackboard.certificate().serial().clone();
    world.publish(None, &world.list(2, ago(30), &[&serial]));
    let text = world.refuses().await;
    assert!(text.contains(&serial.to_string()), "{text}");
    assert!(text.contains("Nothing of yours was sent"), "{text}");

    world.cuhk.stop().await;
    world.refuses().await;
    // What is revoked stays revoked, whatever the list's age.
    world.person.set_clock_ahead(20_000);
    world.refuses().await;
}

#[tokio::test]
async fn nor_is_one_whose_issuing_certificate_the_root_has_revoked() {
    let world = World::new().await;
    let serial = world.cuhk.authority.issuing.certificate().serial().clone();
    let of_root = world.cuhk.authority.list(true, 1, ago(30), &[&serial]);
    world.publish(Some(&of_root), &world.list(1, ago(60), &[]));
    let text = world.refuses().await;
    assert!(text.contains(&format!("the issuing certificate {serial}")), "{text}");
}

#[tokio::test]
async fn whoever_cannot_ask_cuhk_hands_in_all_the_same_and_is_told() {
    let mut world = World::new().await;
    let made = ago(60);
    world.publish(None, &world.list(1, made, &[]));
    assert_eq!(world.opens().await, None);
    world.cuhk.stop().await;
    let (why, issued_at) = world.opens().await.unwrap();
    assert_eq!(issued_at, Some(made));
    assert!(!why.is_empty());

    let stranger = World::new().await;
    let (why, issued_at) = stranger.opens().await.unwrap();
    assert_eq!((why.as_str(), issued_at), ("it has no list of this issuing certificate", None));
}

#[tokio::test]
async fn an_older_list_does_not_take_the_place_of_a_newer_one() {
    let world = World::new().await;
    let serial = world.blackboard.certificate().serial().clone();
    world.publish(None, &world.list(2, ago(60), &[&serial]));
    world.refuses().await;
    world.publish(None, &world.list(1, ago(120), &[]));
    world.refuses().await;
}

#[tokio::test]
async fn a_list_that_has_ended_is_told_of() {
    let world = World::new().await;
    let made = ago(8 * 86_400);
    world.publish(None, &world.list(1, made, &[]));
    let (why, issued_at) = world.opens().await.unwrap();
    assert!(why.contains("was good until"), "{why}");
    assert_eq!(issued_at, Some(made));
}

#[tokio::test]
async fn somebody_elses_list_is_none() {
    let world = World::new().await;
    let serial = world.blackboard.certificate().serial().clone();
    let forged = Authority::real().list(false, 1, ago(60), &[&serial]);
    world.publish(None, &forged);
    let (_, issued_at) = world.opens().await.unwrap();
    assert_eq!(issued_at, None, "and nobody can shut a Blackboard by it");
}

#[tokio::test]
async fn a_cuhk_that_is_silent_holds_nobody_up() {
    let mut world = World::new().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    world.person.config.cuhk = format!("https://localhost:{port}").parse().unwrap();
    let (why, issued_at) = world.opens().await.unwrap();
    assert!(!why.is_empty());
    assert_eq!(issued_at, None);
}

#[tokio::test]
async fn one_program_asks_once_a_minute() {
    let world = World::new().await;
    world.publish(None, &world.list(1, ago(60), &[]));
    let (student, id) = (world.person.start(), PersonId::from(sid()));
    for _ in 0..3 {
        student.open_session(&id).await.unwrap();
    }
    let path = revocation_list_path(world.cuhk.authority.issuing.key_id());
    assert_eq!(world.cuhk.asked(&path), 1);
}

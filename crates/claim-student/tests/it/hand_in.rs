//! Step 6: from files to a receipt, whatever happens on the way.

mod files;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use claim_core::claim::{ClaimId, Holder, PIECE};
use claim_core::hand_in::{ClaimState, ClaimStatus};
use claim_core::{Digest, Problem, ProblemType};
use claim_student::{
    Change, Event, EvidenceError, Explained, HandInError, KeptState, Lodged, Lodging, OpenSession,
    Outcome, Place, Plan, Received, Wanted, choose,
};
use tempfile::TempDir;

use crate::support::blackboard::{CLAIMS, refusal};
use crate::support::pki::serial;
use crate::support::{Authority, Blackboard, Person, Reply, now, nowhere, sid, text_of};

/// A student with files and a Blackboard.
struct World {
    authority: Arc<Authority>,
    blackboard: Blackboard,
    person: Person,
    files: TempDir,
}

impl World {
    async fn new() -> Self {
        let authority = Arc::new(Authority::real());
        let blackboard = Blackboard::start(&authority).await;
        let person = Person::enrolled(&authority, &nowhere(), &blackboard.origin);
        let files = tempfile::tempdir().unwrap();
        fs::create_dir(files.path().join("work")).unwrap();
        let world = Self { authority, blackboard, person, files };
        world.write("report.pdf", b"a report");
        world.write("empty.txt", b"");
        world
    }

    /// With a file of three pieces.
    async fn large() -> Self {
        let world = Self::new().await;
        let piece = usize::try_from(PIECE).unwrap();
        world.write("data.bin", &vec![7; 2 * piece + 1]);
        world
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.work().join(name), content).unwrap();
    }

    fn work(&self) -> PathBuf {
        self.files.path().join("work")
    }

    fn place(&self) -> Place {
        Place::of_receipt(&self.files.path().join("lab1.receipt")).unwrap()
    }

    async fn session(&self) -> OpenSession {
        self.person.start().open_session(&sid().into()).await.unwrap()
    }

    async fn plan(&self, session: &mut OpenSession) -> Plan {
        let collected = self.person.start().collect(vec![self.work()]).await.unwrap();
        let assignments = session.assignments().await.unwrap();
        let assignment = choose(&assignments, &Wanted::Any).unwrap();
        Plan::new(collected, assignment, None, session.server_now()).unwrap()
    }

    async fn lodge(&self, session: &mut OpenSession) -> Result<Lodging, HandInError> {
        let plan = self.plan(session).await;
        let signed = session.sign(plan).unwrap();
        session.lodge(signed).await
    }

    async fn lodged(&self, session: &mut OpenSession) -> Lodged {
        lodged(self.lodge(session).await.unwrap())
    }

    /// Everything, with a program of its own.
    async fn hand_in(&self) -> Result<Received, HandInError> {
        let mut session = self.session().await;
        let mut lodged = lodged(self.lodge(&mut session).await?);
        session.keep_lodged(&lodged, &self.place()).await?;
        session.upload(&mut lodged).await?;
        session.receive(lodged, &self.place()).await
    }

    fn claim_ids(&self) -> Vec<ClaimId> {
        self.blackboard.claims().claims.lock().unwrap().iter().map(|(id, _)| *id).collect()
    }

    fn address(&self, rest: &str) -> String {
        format!("{CLAIMS}/{}{rest}", self.claim_ids()[0])
    }

    fn told_lodged(&self) -> usize {
        self.person.events.count(|event| matches!(event, Event::ClaimLodged { .. }))
    }
}

fn lodged(lodging: Lodging) -> Lodged {
    match lodging {
        Lodging::Lodged(lodged) => lodged,
        Lodging::Changed { change, .. } => panic!("{change:?}"),
    }
}

fn status_of(reply: &Reply) -> ClaimStatus {
    serde_json::from_slice(&reply.body).unwrap()
}

/// Changes the document in a reply.
fn edit(change: impl FnOnce(&mut ClaimStatus) + Send + 'static) -> impl FnOnce(&mut Reply) + Send {
    move |reply: &mut Reply| {
        let mut status = status_of(reply);
        change(&mut status);
        reply.body = serde_json::to_vec(&status).unwrap();
    }
}

#[tokio::test]
async fn from_files_to_a_receipt() {
    let world = World::large().await;
    let received = world.hand_in().await.unwrap();
    assert_eq!(world.claim_ids(), [received.claim]);
    assert_eq!((received.status.state, received.status.counts), (ClaimState::Received, true));
    let names: Vec<_> =
        world.blackboard.claims().claims.lock().unwrap()[0].1.names().into_iter().collect();
    assert_eq!(names, ["work/data.bin", "work/report.pdf"]);
    assert_eq!(received.receipt, world.files.path().join("lab1.receipt"));
    assert!(world.files.path().join("lab1.lodged").exists());
    let student = world.person.start();
    let kept = student.wallet().kept().unwrap();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((kept.claim, kept.state), (received.claim, KeptState::Received));
    assert_eq!(fs::read(&kept.path).unwrap(), fs::read(&received.receipt).unwrap());
    let told = world.person.events.take();
    let tail = ["FilesReceived", "AwaitingReceipt", "ReceiptSaved"];
    assert_eq!(told.iter().filter(|event| *event == "PieceReceived").count(), 4);
    assert!(told.ends_with(&tail.map(str::to_owned)), "{told:?}");
}

#[tokio::test]
async fn nothing_is_overwritten_and_a_later_claim_replaces_the_first() {
    let world = World::new().await;
    fs::write(world.files.path().join("lab1.receipt"), "mine").unwrap();
    let first = world.hand_in().await.unwrap();
    assert_eq!(first.receipt, world.files.path().join("lab1-2.receipt"));
    world.write("report.pdf", b"a better report");
    let second = world.hand_in().await.unwrap();
    assert_eq!(second.receipt, world.files.path().join("lab1-3.receipt"));
    assert_eq!(fs::read(world.files.path().join("lab1.receipt")).unwrap(), b"mine");
    let claims = world.blackboard.claims().claims.lock().unwrap();
    assert_eq!(claims[1].1.manifest.replaces, Some(first.claim));
}

#[tokio::test]
async fn the_same_files_again_are_the_same_claim() {
    let world = World::new().await;
    let first = world.hand_in().await.unwrap();
    let second = world.hand_in().await.unwrap();
    assert_eq!((first.claim, first.receipt), (second.claim, second.receipt));
    assert_eq!(world.claim_ids().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_to_lodging_lodges_once() {
    let world = World::new().await;
    world.blackboard.break_off(CLAIMS);
    world.blackboard.break_off(CLAIMS);
    let mut session = world.session().await;
    world.lodged(&mut session).await;
    assert_eq!((world.blackboard.asked(CLAIMS), world.claim_ids().len()), (3, 1));
}

#[tokio::test]
async fn who_gives_up_on_lodging_asks_and_is_told() {
    let mut world = World::new().await;
    world.person.impatient();
    world.blackboard.break_off(CLAIMS);
    let mut session = world.session().await;
    let lodged = world.lodged(&mut session).await;
    assert_eq!(world.claim_ids(), [lodged.id()]);
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_by_the_same_files_again() {
    for arrives in [true, false] {
        let mut world = World::new().await;
        let patience = world.person.config.timeouts.patience;
        world.person.impatient();
        let mut session = world.session().await;
        let plan = world.plan(&mut session).await;
        let signed = session.sign(plan).unwrap();
        let asking = format!("{CLAIMS}/{}", signed.id());
        match arrives {
            true => world.blackboard.break_off(CLAIMS),
            false => world.blackboard.cut(CLAIMS),
        }
        world.blackboard.cut(&asking);
        let error = session.lodge(signed).await.unwrap_err();
        assert!(matches!(error, HandInError::LodgingUnknown { .. }), "{error}");
        assert_eq!((error.outcome(), world.told_lodged()), (Outcome::Unknown, 0));
        assert!(text_of(&error).contains("nobody knows"), "{}", text_of(&error));
        world.person.config.timeouts.patience = patience;
        world.hand_in().await.unwrap();
        assert_eq!(world.claim_ids().len(), 1, "arrives: {arrives}");
    }
}

#[tokio::test]
async fn a_blackboard_that_takes_no_claims_has_not_lodged_this_one() {
    for kind in [
        ProblemType::EvidencePending,
        ProblemType::RevocationUnknown,
        ProblemType::LogBehind,
        ProblemType::StorageFull,
    ] {
        let mut world = World::new().await;
        let patience = world.person.config.timeouts.patience;
        world.person.impatient();
        let mut session = world.session().await;
        let plan = world.plan(&mut session).await;
        let signed = session.sign(plan).unwrap();
        world.blackboard.refuse_signed(Problem::new(kind, ""));
        let error = session.lodge(signed).await.unwrap_err();
        assert!(matches!(error, HandInError::TakesNothing(_)), "{kind:?}: {error}");
        // CUHK may stamp it meanwhile; nobody is told of an outcome that is unknown.
        assert!(error.is_outage(), "{kind:?}");
        assert_eq!(error.outcome(), Outcome::Unreachable, "{kind:?}");
        let text = text_of(&error);
        assert!(
            text.starts_with("the claim was not lodged: Blackboard cannot do it now"),
            "{text}"
        );
        assert!(text.contains("`claim student resume`"), "{text}");
        assert!(world.claim_ids().is_empty(), "{kind:?}");
        // The same files, when it takes claims again.
        world.person.config.timeouts.patience = patience;
        world.hand_in().await.unwrap();
        assert_eq!(world.claim_ids().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_defect_may_strike_after_the_claim_was_lodged() {
    let mut world = World::new().await;
    world.person.impatient();
    let mut session = world.session().await;
    let plan = world.plan(&mut session).await;
    let signed = session.sign(plan).unwrap();
    world.blackboard.refuse_signed(Problem::new(ProblemType::StorageUnavailable, ""));
    let error = session.lodge(signed).await.unwrap_err();
    assert!(matches!(error, HandInError::LodgingUnknown { .. }), "{error}");
}

#[tokio::test]
async fn a_busy_blackboard_is_waited_for() {
    let world = World::new().await;
    let mut session = world.session().await;
    let busy = || Problem::new(ProblemType::StorageUnavailable, "").with("retry_after", 1);
    let plan = world.plan(&mut session).await;
    world.blackboard.refuse_signed(busy());
    let signed = session.sign(plan).unwrap();
    let mut lodged = lodged(session.lodge(signed).await.unwrap());
    world.blackboard.refuse_signed(busy());
    session.upload(&mut lodged).await.unwrap();
    assert_eq!(lodged.status().state, ClaimState::Received);
    let waited =
        |event: &Event| matches!(event, Event::Retrying { after, .. } if after.as_secs() >= 1);
    assert_eq!(world.person.events.count(waited), 2);
}

#[tokio::test]
async fn a_refusal_for_good_is_told_and_nothing_is_lodged() {
    let world = World::new().await;
    let origin = world.blackboard.origin.clone();
    world.blackboard.lie(CLAIMS, move |reply| {
        *reply = refusal(&origin, 409, "assignment-closed", serde_json::json!({}));
    });
    let mut session = world.session().await;
    let error = world.lodge(&mut session).await.unwrap_err();
    assert!(matches!(error, HandInError::NotLodged(_)), "{error}");
    assert_eq!((error.outcome(), world.blackboard.asked(CLAIMS)), (Outcome::Refused, 1));
    // What anybody could have said is no refusal.
    world.blackboard.instead(CLAIMS, crate::support::problem(ProblemType::NotFound));
    world.lodged(&mut session).await;
}

#[tokio::test]
async fn a_token_that_proves_nothing_is_never_called_lodged() {
    type Forge = fn(&World, &mut ClaimStatus);
    let forgeries: [(&str, Forge); 8] = [
        ("over something else", |world, status| {
            let signer = world.blackboard.claims().signer.lock().unwrap();
            let digest = Digest::of(b"something else");
            let token = signer.sign(digest.as_bytes(), status.lodged_at, &serial()).unwrap();
            status.timestamp = token.der().to_vec();
        }),
        ("no token", |_, status| status.timestamp = b"no token".to_vec()),
        ("another time", |_, status| status.lodged_at = status.lodged_at.plus_seconds(-60)),
        ("late", |_, status| status.late_ms = 1),
        ("another due time", |_, status| status.due = None),
        ("another claim", |_, status| status.claim = ClaimId::of_manifest(b"{}")),
        ("another stored claim", |world, status| {
            let cms = world.blackboard.claims().claims.lock().unwrap()[0].1.cms.clone();
            status.cms = Some(cms[..cms.len() - 1].to_vec());
        }),
        ("a claim for another server's clock", |world, status| {
            let origin = "https://other.example".parse().unwrap();
            let signer = world.authority.timestamp_signer(&origin);
            let claims = world.blackboard.claims().claims.lock().unwrap();
            let digest = Digest::of(&claims[0].1.cms);
            let token = signer.sign(digest.as_bytes(), status.lodged_at, &serial()).unwrap();
            status.timestamp = token.der().to_vec();
        }),
    ];
    for (name, forge) in forgeries {
        let world = Arc::new(World::new().await);
        let other = Arc::clone(&world);
        world.blackboard.lie(CLAIMS, move |reply| {
            let mut status = status_of(reply);
            forge(&other, &mut status);
            reply.body = serde_json::to_vec(&status).unwrap();
        });
        let mut session = world.session().await;
        let error = world.lodge(&mut session).await.unwrap_err();
        assert!(matches!(error, HandInError::Evidence(_)), "{name}: {error}");
        assert_eq!(error.outcome(), Outcome::Refused, "{name}");
        assert_eq!(world.told_lodged(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_timestamp_under_the_issuing_authority_is_refused() {
    let world = World::new().await;
    let mut session = world.session().await;
    // Another CUHK of the same names.
    let foreign = Authority::real().timestamp_signer(&world.blackboard.origin);
    *world.blackboard.claims().signer.lock().unwrap() = foreign;
    let error = world.lodge(&mut session).await.unwrap_err();
    assert!(matches!(error, HandInError::Evidence(EvidenceError::Authority(_))), "{error}");
}

#[tokio::test]
async fn what_got_better_is_signed_anew() {
    let world = World::new().await;
    let mut session = world.session().await;
    let plan = world.plan(&mut session).await;
    let signed = session.sign(plan).unwrap();
    let later = now().plus_seconds(7_200);
    world.blackboard.claims().assignment.lock().unwrap().due = Some(later);
    let other = ClaimId::of_manifest(b"of another terminal");
    world.blackboard.claims().assignment.lock().unwrap().last_claim = Some(other);
    let lodged = lodged(session.lodge(signed).await.unwrap());
    assert_eq!((lodged.manifest().due, lodged.manifest().replaces), (Some(later), Some(other)));
    let told =
        |event: &Event| matches!(event, Event::SignedAnew { zone, .. } if zone == "Asia/Hong_Kong");
    assert_eq!(world.person.events.count(told), 2);
    assert_eq!(world.claim_ids(), [lodged.id()]);
}

#[tokio::test]
async fn what_got_worse_is_asked_about() {
    let world = World::new().await;
    let mut session = world.session().await;
    let plan = world.plan(&mut session).await;
    let sooner = now().plus_seconds(60);
    world.blackboard.claims().assignment.lock().unwrap().due = Some(sooner);
    let signed = session.sign(plan).unwrap();
    let Lodging::Changed { plan, change } = session.lodge(signed).await.unwrap() else { panic!() };
    assert!(matches!(change, Change::Due { now, .. } if now == Some(sooner)), "{change:?}");
    assert!(world.claim_ids().is_empty());
    let group = Holder::new(vec!["1155000001".parse().unwrap(), sid()]).unwrap();
    world.blackboard.claims().assignment.lock().unwrap().sids = group.clone();
    let signed = session.sign(plan).unwrap();
    let Lodging::Changed { plan, change } = session.lodge(signed).await.unwrap() else { panic!() };
    assert!(matches!(change, Change::Holder { .. }), "{change:?}");
    let signed = session.sign(plan).unwrap();
    assert_eq!(lodged(session.lodge(signed).await.unwrap()).manifest().sids, group);
}

#[tokio::test]
async fn a_blackboard_that_always_wants_another_claim_is_left() {
    let world = World::new().await;
    for round in 0..20 {
        let origin = world.blackboard.origin.clone();
        world.blackboard.lie(CLAIMS, move |reply| {
            let last_claim = ClaimId::of_manifest(&[round]);
            let members = serde_json::json!({ "last_claim": last_claim });
            *reply = refusal(&origin, 409, "replaces-changed", members);
        });
    }
    let mut session = world.session().await;
    let error = world.lodge(&mut session).await.unwrap_err();
    assert!(matches!(error, HandInError::KeepsChanging), "{error}");
}

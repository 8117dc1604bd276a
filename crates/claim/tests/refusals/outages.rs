//! The rows of claims that were signed in an outage, each caused at the real program, with timestamps of the real CUHK.

use claim_core::Digest;
use claim_core::ProblemType;
use claim_core::claim::ManifestMembers;
use claim_core::hand_in::{CMS, ClaimStatus};
use claim_core::json;
use claim_core::messages::JSON;
use claim_core::outage::{OUTAGES, OutageClaim, QUERY, TSA};
use claim_pki::TimestampRequest;

use crate::blackboard::Setting;
use crate::case::Ended;
use crate::claims::{Hand, claim_by, manifest_bytes};
use crate::student::Signed;
use crate::wire::{Ask, Version};

/// People say that Blackboard was never within reach.
const ALLOWED: &str = "INSERT INTO allowed_outages (since, until, reason, allowed_at) VALUES (0, 9000000000000, 'test', 0)";
const NOT_ALLOWED: &str = "DELETE FROM allowed_outages";

/// An outage that ended half a minute ago.
const JUST_OVER: &str =
    "INSERT INTO outages (since, until) SELECT 0, (strftime('%s', 'now') - 30) * 1000";
const NO_OUTAGE: &str = "DELETE FROM outages WHERE since = 0";

/// A claim with CUHK's timestamp.
struct Stamped {
    claim: Vec<u8>,
    timestamp: Vec<u8>,
}

impl Stamped {
    async fn new(hand: &Hand<'_>, setting: &Setting, manifest: &ManifestMembers) -> Self {
        let manifest = ManifestMembers { outage: true, ..manifest.clone() };
        let claim = claim_by(&hand.credential, &manifest_bytes(&manifest)).der().to_vec();
        let timestamp = stamp(hand, setting, &claim).await;
        Self { claim, timestamp }
    }

    fn lodging<'h>(&self, hand: &'h Hand<'_>) -> Signed<'h> {
        let Self { claim, timestamp } = self;
        let content = OutageClaim { claim: claim.clone(), timestamp: timestamp.clone() };
        hand.signed(JSON, OUTAGES.to_owned(), serde_json::to_vec(&content).unwrap())
    }
}

async fn stamp(hand: &Hand<'_>, setting: &Setting, claim: &[u8]) -> Vec<u8> {
    let request = TimestampRequest::new(*Digest::of(claim).as_bytes()).to_der().unwrap();
    let ask = Ask::post(TSA, QUERY, request);
    let answer = setting.cuhk_for(&hand.credential).ask(Version::Http2, &ask).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body.to_vec()
}

pub(crate) async fn timestamp(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let right = Stamped::new(&hand, setting, &hand.next()).await;
    let other = Stamped::new(&hand, setting, &hand.next()).await;
    let ordinary = claim_by(&hand.credential, &manifest_bytes(&hand.next())).der().to_vec();
    let case = setting.site().case(row).await;
    setting.site().records.execute(ALLOWED).await;
    // Without one.
    let alone = hand.signed(CMS, "/v1/claims".to_owned(), right.claim.clone());
    case.refused_signed(&alone.ask, &alone.expected).await;
    for wrong in [
        // Of another claim, of none, and for a claim that says that there was no outage.
        Stamped { claim: right.claim.clone(), timestamp: other.timestamp.clone() },
        Stamped { claim: right.claim.clone(), timestamp: b"no timestamp".to_vec() },
        Stamped { timestamp: stamp(&hand, setting, &ordinary).await, claim: ordinary },
    ] {
        let wrong = wrong.lodging(&hand);
        case.refused_signed(&wrong.ask, &wrong.expected).await;
    }
    let right = right.lodging(&hand);
    case.passes_signed(&right.ask, &right.expected).await;
    setting.site().records.execute(NOT_ALLOWED).await;
    case.end().await
}

/// Somebody who only pretends an outage; when the people who run Blackboard allow it, the same claim is taken.
pub(crate) async fn unproven(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let stamped = Stamped::new(&hand, setting, &hand.next()).await.lodging(&hand);
    let case = setting.site().case(row).await;
    case.refused_signed(&stamped.ask, &stamped.expected).await;
    setting.site().records.execute(ALLOWED).await;
    let answer = case.passes_signed(&stamped.ask, &stamped.expected).await;
    let status: ClaimStatus = json::from_slice(&answer.body).unwrap();
    assert!(status.outage.is_some());
    setting.site().records.execute(NOT_ALLOWED).await;
    case.end().await
}

pub(crate) async fn too_late(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let brief =
        ManifestMembers { assignment: "IEMS5710/brief".parse().unwrap(), ..hand.manifest() };
    let case = setting.site().case(row).await;
    setting.site().records.execute(JUST_OVER).await;
    let wrong = Stamped::new(&hand, setting, &brief).await.lodging(&hand);
    case.refused_signed(&wrong.ask, &wrong.expected).await;
    let right = Stamped::new(&hand, setting, &hand.next()).await.lodging(&hand);
    case.passes_signed(&right.ask, &right.expected).await;
    setting.site().records.execute(NO_OUTAGE).await;
    case.end().await
}

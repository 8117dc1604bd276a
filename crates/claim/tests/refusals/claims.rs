//! The rows of handing in, each caused at the real program.

use claim_core::claim::{
    ClaimId, FileHasher, Files, Holder, Manifest, ManifestMembers, sign_claim, sign_withdrawal,
};
use claim_core::encoding::Bytes;
use claim_core::hand_in::{CMS, ClaimStatus, OCTETS};
use claim_core::student::{Credential, Session};
use claim_core::{Origin, PersonId, ProblemType, Timestamp, json};
use claim_http::Answer;
use claim_pki::{Certificate, ContentType, SignedData, Signer};
use serde_json::Value;

use crate::authority::{now, rng};
use crate::blackboard::Setting;
use crate::case::Ended;
use crate::student::{Say, Signed};
use crate::wire::Version;

const CLAIMS: &str = "/v1/claims";
const CONTENT: &[u8] = b"abc";

/// A student in a session, who hands in one small file.
pub(crate) struct Hand<'s> {
    setting: &'s Setting,
    pub(crate) credential: Credential,
    session: Session,
}

impl<'s> Hand<'s> {
    pub(crate) async fn new(setting: &'s Setting) -> Self {
        let credential = setting.student().await;
        let session = setting.open(&credential).await;
        let hand = Self { setting, credential, session };
        // Blackboard takes claims as soon as the root has certified its keys and CUHK's list has come.
        while hand.try_lodge(&hand.manifest()).await.status == 503 {}
        hand
    }

    /// What the student could lodge first.
    pub(crate) fn manifest(&self) -> ManifestMembers {
        first_manifest(&self.credential, self.setting.site().origin(), "IEMS5710/free")
    }

    /// What comes after the last claim, for another assignment than the trial that [`Hand::new`] makes.
    pub(crate) fn next(&self) -> ManifestMembers {
        ManifestMembers { assignment: "blackboard/inbox".parse().unwrap(), ..self.manifest() }
    }

    pub(crate) fn signed(
        &self,
        content_type: &'static str,
        target: String,
        content: Vec<u8>,
    ) -> Signed<'_> {
        let content = Some((content_type, content));
        Say { target: target.leak(), content, ..Say::text("", now()) }.signed(&self.session)
    }

    fn lodging(&self, manifest: &ManifestMembers) -> Signed<'_> {
        let claim = claim_by(&self.credential, &manifest_bytes(manifest));
        self.signed(CMS, CLAIMS.to_owned(), claim.der().to_vec())
    }

    async fn try_lodge(&self, manifest: &ManifestMembers) -> Answer {
        self.setting.site().client.ask(Version::Http2, &self.lodging(manifest).ask).await
    }

    async fn lodge(&self, manifest: &ManifestMembers) -> ClaimStatus {
        let answer = self.try_lodge(manifest).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        json::from_slice(&answer.body).unwrap()
    }

    fn piece(&self, claim: ClaimId, content: &[u8]) -> Signed<'_> {
        let target = format!("{CLAIMS}/{claim}/files/0/0").leak();
        let content = Some((OCTETS, content.to_vec()));
        Say { method: "PUT", target, content, ..Say::text("", now()) }.signed(&self.session)
    }

    /// `GET` of a claim, or of what belongs to it.
    fn reading(&self, claim: ClaimId, rest: &str) -> Signed<'_> {
        let target = format!("{CLAIMS}/{claim}{rest}").leak();
        Say::reading(target, now()).signed(&self.session)
    }

    fn withdrawal(&self, claim: ClaimId) -> Signed<'_> {
        let cms =
            with_signer(&self.credential, |signer| sign_withdrawal(claim, signer, now()).unwrap());
        self.signed(CMS, format!("{CLAIMS}/{claim}/withdrawal"), cms.der().to_vec())
    }

    /// One claim is refused as the row says; then the one that differs in nothing else passes.
    async fn differs(&self, row: ProblemType, wrong: &ManifestMembers) -> (Ended, Vec<u8>) {
        let case = self.setting.site().case(row).await;
        let refused = self.lodging(wrong);
        let answer = case.refused_signed(&refused.ask, &refused.expected).await;
        let right = self.lodging(&self.next());
        case.passes_signed(&right.ask, &right.expected).await;
        (case.end().await, answer.body.to_vec())
    }
}

/// What this student could lodge first for this assignment.
fn first_manifest(credential: &Credential, blackboard: &Origin, to: &str) -> ManifestMembers {
    let mut hasher = FileHasher::new();
    hasher.update(CONTENT);
    let file = hasher.finish("report.txt".to_owned().try_into().unwrap()).unwrap();
    let PersonId::Student(sid) = &credential.id else { panic!("a student") };
    ManifestMembers {
        blackboard: blackboard.clone(),
        assignment: to.parse().unwrap(),
        due: None,
        sids: Holder::one(sid.clone()),
        by: None,
        replaces: None,
        outage: false,
        nonce: Bytes::random(&mut rng()),
        note: None,
        files: Files::new(vec![file]).unwrap(),
    }
}

/// The same for the assignment that every Blackboard has.
pub(crate) fn inbox_manifest(credential: &Credential, blackboard: &Origin) -> Vec<u8> {
    manifest_bytes(&first_manifest(credential, blackboard, "blackboard/inbox"))
}

pub(crate) fn manifest_bytes(members: &ManifestMembers) -> Vec<u8> {
    Manifest::new(members.clone()).to_bytes().unwrap()
}

pub(crate) fn with_signer<T>(credential: &Credential, sign: impl FnOnce(&Signer<'_>) -> T) -> T {
    let certificates = credential.chain.certificates();
    let [leaf, issuer] = certificates.as_slice() else { panic!("a chain of two") };
    let (leaf, issuer) =
        (Certificate::from_der(leaf).unwrap(), Certificate::from_der(issuer).unwrap());
    sign(&Signer::new(&credential.key, &leaf, &issuer).unwrap())
}

pub(crate) fn claim_by(credential: &Credential, manifest: &[u8]) -> SignedData {
    with_signer(credential, |signer| sign_claim(manifest, signer, now()).unwrap())
}

fn member(body: &[u8], name: &str) -> Value {
    serde_json::from_slice::<Value>(body).unwrap()[name].clone()
}

/// CUHK, as the witness, has seen a larger tree of this log.
pub(crate) async fn log_behind(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    setting.has_witnessed(1000).await;
    // The next entry shows it.
    while hand.try_lodge(&hand.next()).await.status != 503 {}
    let case = setting.site().case(row).await;
    let lodging = hand.lodging(&hand.next());
    case.refused_signed(&lodging.ask, &lodging.expected).await;
    let say = Say::text("hello", now()).signed(&hand.session);
    case.passes_signed(&say.ask, &say.expected).await;
    case.end().await
}

pub(crate) async fn claim_unreadable(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let case = setting.site().case(row).await;
    let right = hand.next();
    let bytes = manifest_bytes(&right);
    let withdrawal = with_signer(&hand.credential, |signer| {
        let signers = std::slice::from_ref(signer);
        SignedData::sign(ContentType::Withdrawal, &bytes, signers, now()).unwrap()
    });
    let elsewhere = ManifestMembers {
        blackboard: "https://elsewhere.example".parse().unwrap(),
        ..right.clone()
    };
    let claim = claim_by(&hand.credential, &bytes);
    let mut tampered = claim.der().to_vec();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    for content in [
        b"not CMS".to_vec(),
        claim.der()[..claim.der().len() - 1].to_vec(),
        tampered,
        withdrawal.der().to_vec(),
        claim_by(&hand.credential, b"{}").der().to_vec(),
        claim_by(&hand.credential, &manifest_bytes(&elsewhere)).der().to_vec(),
    ] {
        let wrong = hand.signed(CMS, CLAIMS.to_owned(), content);
        case.refused_signed(&wrong.ask, &wrong.expected).await;
    }
    let right = hand.signed(CMS, CLAIMS.to_owned(), claim.der().to_vec());
    case.passes_signed(&right.ask, &right.expected).await;
    case.end().await
}

pub(crate) async fn claim_signer(row: ProblemType, setting: &Setting) -> Ended {
    let (hand, other) = (Hand::new(setting).await, Hand::new(setting).await);
    let case = setting.site().case(row).await;
    // Another's claim; one's own, signed by another; another's with one's own signature.
    for claim in [
        claim_by(&other.credential, &manifest_bytes(&other.next())),
        claim_by(&other.credential, &manifest_bytes(&hand.next())),
        claim_by(&hand.credential, &manifest_bytes(&other.next())),
    ] {
        let wrong = hand.signed(CMS, CLAIMS.to_owned(), claim.der().to_vec());
        case.refused_signed(&wrong.ask, &wrong.expected).await;
    }
    let right = hand.lodging(&hand.next());
    case.passes_signed(&right.ask, &right.expected).await;
    case.end().await
}

pub(crate) async fn holder_changed(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let mut sids = hand.next().sids.sids().to_vec();
    sids.push("1999999999".parse().unwrap());
    let wrong = ManifestMembers { sids: Holder::new(sids).unwrap(), ..hand.next() };
    let (ended, body) = hand.differs(row, &wrong).await;
    assert_eq!(member(&body, "sids"), serde_json::json!([hand.credential.id]));
    ended
}

pub(crate) async fn due_changed(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let wrong = ManifestMembers { due: Some(now()), ..hand.next() };
    let (ended, body) = hand.differs(row, &wrong).await;
    assert_eq!(member(&body, "due"), Value::Null);
    ended
}

pub(crate) async fn replaces_changed(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let wrong = ManifestMembers { replaces: Some(ClaimId::of_manifest(b"never")), ..hand.next() };
    let (ended, body) = hand.differs(row, &wrong).await;
    assert_eq!(member(&body, "last_claim"), Value::Null);
    ended
}

/// As after a restore from an older copy whose log was rebuilt: the log has the claim, and nothing else does.
pub(crate) async fn claim_record_lost(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let manifest = hand.next();
    let claim = hand.lodge(&manifest).await.claim;
    setting.lose_record(claim).await;
    let case = setting.site().case(row).await;
    let again = hand.lodging(&manifest);
    case.refused_signed(&again.ask, &again.expected).await;
    let anew = hand.lodging(&ManifestMembers { replaces: Some(claim), ..hand.next() });
    case.passes_signed(&anew.ask, &anew.expected).await;
    case.end().await
}

pub(crate) async fn erased(row: ProblemType, setting: &Setting) -> Ended {
    let (hand, other) = (Hand::new(setting).await, Hand::new(setting).await);
    let (manifest, kept) = (hand.next(), other.lodge(&other.next()).await.claim);
    let claim = hand.lodge(&manifest).await.claim;
    setting.erase(claim).await;
    let case = setting.site().case(row).await;
    for hand in [&hand, &other] {
        for target in ["", "/receipt", "/receipt?wait=1", "/files/0/0"] {
            let ask = hand.reading(claim, target);
            let answer = case.refused_signed(&ask.ask, &ask.expected).await;
            assert_eq!(member(&answer.body, "erased_at"), "2026-11-27T00:00:00.000Z");
        }
        for ask in [hand.piece(claim, CONTENT), hand.withdrawal(claim)] {
            case.refused_signed(&ask.ask, &ask.expected).await;
        }
    }
    let again = hand.lodging(&manifest);
    case.refused_signed(&again.ask, &again.expected).await;
    // What is on record is still its holder's alone.
    let nobodys = hand.reading(kept, "");
    let client = &setting.site().client;
    assert_eq!(client.ask(Version::Http2, &nobodys.ask).await.status, 404);
    let own = other.reading(kept, "");
    case.passes_signed(&own.ask, &own.expected).await;
    case.end().await
}

pub(crate) async fn limit_exceeded(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let wrong = ManifestMembers { assignment: "IEMS5710/tiny".parse().unwrap(), ..hand.manifest() };
    hand.differs(row, &wrong).await.0
}

pub(crate) async fn assignment_closed(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let wrong =
        ManifestMembers { assignment: "IEMS5710/closed".parse().unwrap(), ..hand.manifest() };
    hand.differs(row, &wrong).await.0
}

pub(crate) async fn piece_mismatch(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let claim = hand.lodge(&hand.next()).await.claim;
    let case = setting.site().case(row).await;
    for content in [&b"abd"[..], b"ab", b"abcd"] {
        let wrong = hand.piece(claim, content);
        case.refused_signed(&wrong.ask, &wrong.expected).await;
    }
    let right = hand.piece(claim, CONTENT);
    case.passes_signed(&right.ask, &right.expected).await;
    case.end().await
}

pub(crate) async fn claim_ended(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let first = hand.lodge(&hand.next()).await.claim;
    let second = hand.lodge(&ManifestMembers { replaces: Some(first), ..hand.next() }).await.claim;
    let case = setting.site().case(row).await;
    let wrong = hand.piece(first, CONTENT);
    case.refused_signed(&wrong.ask, &wrong.expected).await;
    let withdrawal = hand.withdrawal(first);
    case.refused_signed(&withdrawal.ask, &withdrawal.expected).await;
    let right = hand.piece(second, CONTENT);
    case.passes_signed(&right.ask, &right.expected).await;
    case.end().await
}

pub(crate) async fn withdrawal_too_late(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let late = ManifestMembers {
        assignment: "IEMS5710/past".parse().unwrap(),
        due: Some(Timestamp::from_millis(1_000)),
        ..hand.manifest()
    };
    let late = hand.lodge(&late).await;
    assert!(late.late_ms > 0);
    let in_time = hand.lodge(&hand.next()).await;
    let case = setting.site().case(row).await;
    let wrong = hand.withdrawal(late.claim);
    case.refused_signed(&wrong.ask, &wrong.expected).await;
    let right = hand.withdrawal(in_time.claim);
    case.passes_signed(&right.ask, &right.expected).await;
    case.end().await
}

/// The course and the assignments that the rows need beside the inbox; who assists in the course is added by the row.
pub(crate) const ASSIGNMENTS: &str = "INSERT INTO courses (course, title, zone, open, revision) \
     VALUES ('IEMS5710', 'Network security', 'UTC', 1, 1); \
     INSERT INTO staff (course, person, role, since) VALUES ('IEMS5710', 'chan.tm', 'owner', 0); \
     INSERT INTO assignments (course, assignment, title, due, until, \
     upload_seconds, max_files, max_bytes, max_attempts, group_set) VALUES \
     ('IEMS5710', 'free', 'Free', NULL, NULL, 600, 10, 1000, 1000, NULL), \
     ('IEMS5710', 'brief', 'Brief', NULL, NULL, 0, 10, 1000, 1000, NULL), \
     ('IEMS5710', 'tiny', 'Tiny', NULL, NULL, 600, 10, 2, 1000, NULL), \
     ('IEMS5710', 'closed', 'Closed', NULL, 1000, 600, 10, 1000, 1000, NULL), \
     ('IEMS5710', 'past', 'Past', 1000, NULL, 600, 10, 1000, 1000, NULL), \
     ('IEMS5710', 'groups', 'By groups', NULL, NULL, 600, 10, 1000, 1000, 'groups')";

pub(crate) async fn no_group(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let by_groups = "IEMS5710/groups".parse().unwrap();
    let wrong = ManifestMembers { assignment: by_groups, ..hand.manifest() };
    let (ended, body) = hand.differs(row, &wrong).await;
    assert_eq!(member(&body, "ask"), serde_json::json!(["chan.tm"]));
    ended
}

/// A student who assists in one course, and hands in to another.
pub(crate) async fn not_allowed(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let id = &hand.credential.id;
    setting
        .record(format!(
            "INSERT INTO staff (course, person, role, since) VALUES ('IEMS5710', '{id}', 'assistant', 0)"
        ))
        .await;
    let assisting = "IEMS5710/brief".parse().unwrap();
    let wrong = ManifestMembers { assignment: assisting, ..hand.manifest() };
    hand.differs(row, &wrong).await.0
}

/// A certificate that is revoked ends sessions, and opens none.
pub(crate) async fn certificate_revoked(row: ProblemType, setting: &Setting) -> Ended {
    let hand = Hand::new(setting).await;
    let case = setting.site().case(row).await;
    setting.revoke(&hand.credential).await;
    // Blackboard looks at its lists when it is told to look at its files.
    setting.nudge();
    let client = &setting.site().client;
    let say = Say::text("hello", now()).signed(&hand.session);
    let mut answer = client.ask(Version::Http2, &say.ask).await;
    while answer.status == 201 {
        answer = client.ask(Version::Http2, &say.ask).await;
    }
    case.refused_once(async { answer }, Some(&say.expected)).await;
    let step_3 = crate::student::step_3(&hand.credential, client);
    case.refused(&crate::student::ask_step_3(&step_3)).await;
    let other = setting.student().await;
    let step_3 = crate::student::step_3(&other, client);
    case.passes(&crate::student::ask_step_3(&step_3)).await;
    case.end().await
}

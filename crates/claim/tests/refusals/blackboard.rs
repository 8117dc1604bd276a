//! Blackboard's rows, each caused at the real program.

use claim_core::claim::ClaimId;
use claim_core::encoding::{b64u, base64, from_b64u, from_base64};
use claim_core::receipt::log_name;
use claim_core::student::{Credential, Session};
use claim_core::{ProblemType, Sid};
use claim_cuhk::{Clock, Office, Revoking};
use claim_log::{Hash, LogSigner, TreeHead, TreeSize};
use claim_pki::{Certificate, Ed25519SigningKey, RevocationReason};
use serde_json::{Value, json};

use crate::authority::{Authority, DAY, Misfit, fresh, from, now, shown};
use crate::case::{Case, Ended, Records, Site, header};
use crate::clocks;
use crate::enrolment::enrolled;
use crate::outages;
use crate::program::{Program, root};
use crate::steps;
use crate::student::{
    CHALLENGES, JSON, MESSAGES, SESSIONS, Say, accepted, ask_step_3, ask_step_5, challenged, open,
    step_3,
};
use crate::wire::{Ask, Client, Version};
use crate::{claims, courses};

/// The longest content of any request, in bytes.
const LIMIT: usize = 64 * 1024;

/// A Blackboard beside a local CUHK, both real programs.
pub(crate) struct Setting {
    folder: tempfile::TempDir,
    cuhk: Program,
    program: Program,
    site: Site,
    cuhk_client: Client,
    authority: Authority,
    foreign: Authority,
    last_sid: std::cell::Cell<u32>,
}

impl Setting {
    /// With short times, and room for all the refusals that come from one address here.
    pub(crate) async fn new() -> Self {
        Self::with("[blackboard.limits]\nbody-read-timeout = 1\nrefusals-per-minute = 1000000\n")
            .await
    }

    /// With this `claim.toml`.
    pub(crate) async fn with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        std::fs::write(dir.join("claim.toml"), settings).unwrap();
        let cuhk = Program::cuhk(dir).await;
        let program = Program::blackboard(dir, &cuhk.origin).await;
        let site = Site {
            client: Client::new(&root(dir), &program.origin, None),
            records: Records::of_blackboard(dir).await,
            metrics: program.metrics,
        };
        site.records.execute(claims::ASSIGNMENTS).await;
        let cuhk_client = Client::new(&root(dir), &cuhk.origin, None);
        let (authority, foreign) = (Authority::of(dir), Authority::foreign());
        let last_sid = std::cell::Cell::new(0);
        Self { folder, cuhk, program, site, cuhk_client, authority, foreign, last_sid }
    }

    pub(crate) fn assert_sound(&mut self) {
        self.cuhk.assert_sound();
        self.program.assert_sound();
    }

    /// CUHK revokes this certificate.
    pub(crate) async fn revoke(&self, credential: &Credential) {
        let office = Office::open(self.folder.path(), None, Clock::system()).await.unwrap();
        let leaf = Certificate::from_der(credential.chain.leaf()).unwrap();
        let what = Revoking::Serial(leaf.serial().clone());
        office.revoke(&what, RevocationReason::KeyCompromise).await.unwrap();
        office.close().await;
    }

    /// Has Blackboard look at everything that it looks at from time to time.
    pub(crate) fn nudge(&self) {
        self.program.hang_up();
    }

    /// CUHK's records say that it has cosigned so many entries of Blackboard's log.
    pub(crate) async fn has_witnessed(&self, size: u64) {
        let pem = std::fs::read_to_string(self.folder.path().join("log.key")).unwrap();
        let key = Ed25519SigningKey::from_pkcs8_pem(&pem).unwrap();
        let key = claim_log::note::SigningKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap();
        let signer = LogSigner::new(log_name(self.site.origin()), key);
        let head = TreeHead { size: TreeSize::try_from(size).unwrap(), root: Hash::EMPTY_TREE };
        let checkpoint = signer.sign(head).unwrap().to_bytes();
        let records = Records::of_cuhk(self.folder.path()).await;
        let statement = "UPDATE witnessed_logs SET size = 1000, checkpoint = $1";
        while records.execute_with(statement, &checkpoint).await == 0 {}
    }

    /// Takes a claim out of the records; the log keeps it.
    pub(crate) async fn lose_record(&self, claim: ClaimId) {
        self.record(format!("DELETE FROM claims WHERE id = '{claim}'")).await;
    }

    /// Writes something into Blackboard's records.
    pub(crate) async fn record(&self, statement: String) {
        let records = Records::of_blackboard(self.folder.path()).await;
        records.execute(statement.leak()).await;
    }

    /// What retention leaves of a claim.
    pub(crate) async fn erase(&self, claim: ClaimId) {
        let records = Records::of_blackboard(self.folder.path()).await;
        for statement in [
            format!(
                "INSERT INTO erasures (claim, erased_at, done) VALUES ('{claim}', 1795737600000, 1)"
            ),
            format!("DELETE FROM pieces WHERE claim = '{claim}'"),
            format!("DELETE FROM claims WHERE id = '{claim}'"),
        ] {
            records.execute(statement.leak()).await;
        }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// A student whom nobody has seen before, who enrols as everybody does.
    pub(crate) async fn student(&self) -> Credential {
        self.last_sid.set(self.last_sid.get() + 1);
        let sid: Sid = format!("{:010}", 1_155_000_000 + self.last_sid.get()).parse().unwrap();
        enrolled(&self.cuhk_client, &self.authority, &sid).await
    }

    /// Somebody with this id, of whom CUHK itself knows nothing.
    pub(crate) fn certified(&self, id: &str) -> Credential {
        self.authority.person(id, fresh())
    }

    pub(crate) fn dir(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// CUHK, to somebody who shows this certificate.
    pub(crate) fn cuhk_for(&self, credential: &Credential) -> Client {
        Client::new(&root(self.folder.path()), &self.cuhk.origin, Some(&shown(credential)))
    }

    /// Steps 3 to 5.
    pub(crate) async fn open(&self, credential: &Credential) -> Session {
        open(credential, &self.site.client, &self.authority.root(), now()).await
    }

    /// A row, and a session of a student of its own.
    pub(crate) async fn in_session(&self, row: ProblemType) -> (Case<'_>, Session) {
        let session = self.open(&self.student().await).await;
        (self.site.case(row).await, session)
    }

    /// A row that a chain in step 3 leads to, and what the same student says with the right chain.
    async fn by_chain(&self, row: ProblemType, wrong: &[Value], right: &Credential) -> Ended {
        let case = self.site.case(row).await;
        let step_3 = step_3(right, &self.site.client);
        for certificate in wrong {
            let mut content = step_3.clone();
            content["certificate"] = certificate.clone();
            case.refused(&ask_step_3(&content)).await;
        }
        case.passes(&ask_step_3(&step_3)).await;
        case.end().await
    }
}

/// Causes this row, and shows that it is answered as the table says.
pub(crate) async fn cause(row: ProblemType, setting: &Setting) -> Ended {
    match row {
        ProblemType::MalformedRequest => Box::pin(malformed_request(row, setting)).await,
        ProblemType::NotFound => Box::pin(not_found(row, setting)).await,
        ProblemType::MethodNotAllowed => Box::pin(method_not_allowed(row, setting)).await,
        ProblemType::RequestTimeout => Box::pin(request_timeout(row, setting)).await,
        ProblemType::ContentTooLarge => Box::pin(content_too_large(row, setting)).await,
        ProblemType::UnsupportedMediaType => Box::pin(unsupported_media_type(row, setting)).await,
        ProblemType::Overloaded => {
            Box::pin(clocks::no_turn_for_a_session_key(row)).await;
            Box::pin(too_much_under_way(row)).await;
            Box::pin(overloaded(row, setting)).await
        }
        ProblemType::CertificateRevoked => {
            Box::pin(claims::certificate_revoked(row, setting)).await
        }
        ProblemType::RevocationUnknown => Box::pin(clocks::no_current_list(row)).await,
        ProblemType::LogBehind => Box::pin(log_behind(row)).await,
        ProblemType::EvidencePending => Box::pin(clocks::no_evidence_keys(row)).await,
        ProblemType::ClaimUnreadable => Box::pin(claims::claim_unreadable(row, setting)).await,
        ProblemType::ClaimSigner => Box::pin(claims::claim_signer(row, setting)).await,
        ProblemType::NotAllowed => Box::pin(claims::not_allowed(row, setting)).await,
        ProblemType::CourseChanged => Box::pin(courses::course_changed(row, setting)).await,
        ProblemType::ChangeRefused => Box::pin(courses::change_refused(row, setting)).await,
        ProblemType::NoGroup => Box::pin(claims::no_group(row, setting)).await,
        ProblemType::HolderChanged => Box::pin(claims::holder_changed(row, setting)).await,
        ProblemType::DueChanged => Box::pin(claims::due_changed(row, setting)).await,
        ProblemType::ReplacesChanged => Box::pin(claims::replaces_changed(row, setting)).await,
        ProblemType::ClaimRecordLost => Box::pin(claims::claim_record_lost(row, setting)).await,
        ProblemType::Erased => Box::pin(claims::erased(row, setting)).await,
        ProblemType::LimitExceeded => Box::pin(claims::limit_exceeded(row, setting)).await,
        ProblemType::AssignmentClosed => Box::pin(claims::assignment_closed(row, setting)).await,
        ProblemType::OutageTimestamp => Box::pin(outages::timestamp(row, setting)).await,
        ProblemType::OutageUnproven => Box::pin(outages::unproven(row, setting)).await,
        ProblemType::OutageTooLate => Box::pin(outages::too_late(row, setting)).await,
        ProblemType::PieceMismatch => Box::pin(claims::piece_mismatch(row, setting)).await,
        ProblemType::ClaimEnded => Box::pin(claims::claim_ended(row, setting)).await,
        ProblemType::WithdrawalTooLate => Box::pin(claims::withdrawal_too_late(row, setting)).await,
        ProblemType::TooManyRefusals => Box::pin(too_many_refusals(row)).await,
        ProblemType::StorageUnavailable => Box::pin(storage_unavailable(row, setting)).await,
        ProblemType::StorageFull => Box::pin(storage_full(row)).await,
        ProblemType::InternalError => Box::pin(internal_error(row, setting)).await,
        ProblemType::CertificateUnreadable => {
            let right = setting.student().await;
            let issuing = base64(&setting.authority.issuing_der());
            let large = base64(&[0x30; 9000]);
            let wrong = [json!(["AAAA", issuing]), json!([large, issuing]), json!(["", issuing])];
            Box::pin(setting.by_chain(row, &wrong, &right)).await
        }
        ProblemType::CertificateUntrusted => {
            let right = setting.student().await;
            let foreign = setting.foreign.person(right.id.as_str(), fresh());
            let (right_chain, foreign_chain) = (chain(&right), chain(&foreign));
            let mut tampered = from_base64(right_chain[0].as_str().unwrap()).unwrap();
            *tampered.last_mut().unwrap() ^= 1;
            let wrong = [
                foreign_chain.clone(),
                json!([foreign_chain[0], right_chain[1]]),
                json!([right_chain[0], foreign_chain[1]]),
                json!([right_chain[0]]),
                json!([base64(&tampered), right_chain[1]]),
            ];
            Box::pin(setting.by_chain(row, &wrong, &right)).await
        }
        ProblemType::CertificateExpired => {
            Box::pin(clocks::a_certificate_ends(row)).await;
            let validity = |end| from(now().plus_seconds(-200), 200 + end);
            let wrong = setting.authority.person("1155999999", validity(-1));
            let right = setting.authority.person("1155999999", validity(DAY));
            Box::pin(setting.by_chain(row, &[chain(&wrong)], &right)).await
        }
        ProblemType::CertificateNotYetValid => {
            let validity = |start| from(now().plus_seconds(start), DAY);
            let wrong = setting.authority.person("1155999999", validity(300));
            let right = setting.authority.person("1155999999", validity(-1));
            Box::pin(setting.by_chain(row, &[chain(&wrong)], &right)).await
        }
        ProblemType::CertificateProfile => {
            let dir = setting.folder.path();
            let right = setting.student().await;
            let id = right.id.as_str();
            let (_, server) = setting.authority.server(setting.site.origin());
            let no_policy = setting.authority.misfit(dir, id, Misfit::NoPolicy).await;
            let signs_only = setting.authority.misfit(dir, id, Misfit::NoKeyAgreement).await;
            let server = serde_json::to_value(setting.authority.chain(server.der())).unwrap();
            let wrong = [server, chain(&no_policy), chain(&signs_only)];
            Box::pin(setting.by_chain(row, &wrong, &right)).await
        }
        ProblemType::SidMismatch => Box::pin(steps::sid_mismatch(row, setting)).await,
        ProblemType::ChallengeInvalid => Box::pin(steps::challenge_invalid(row, setting)).await,
        ProblemType::ChallengeExpired => Box::pin(clocks::a_challenge_ends(row)).await,
        ProblemType::ConfirmationWrong => Box::pin(steps::confirmation_wrong(row, setting)).await,
        ProblemType::SessionInvalid => Box::pin(steps::session_invalid(row, setting)).await,
        ProblemType::SessionExpired => Box::pin(clocks::a_session_ends(row)).await,
        ProblemType::SignatureMalformed => Box::pin(steps::signature_malformed(row, setting)).await,
        ProblemType::SignatureWrong => Box::pin(steps::signature_wrong(row, setting)).await,
        ProblemType::ClockSkew => {
            Box::pin(clocks::five_minutes_apart(row)).await;
            Box::pin(steps::clock_skew(row, setting)).await
        }
        ProblemType::DigestMismatch => Box::pin(steps::digest_mismatch(row, setting)).await,
        ProblemType::MessageUnreadable => Box::pin(steps::message_unreadable(row, setting)).await,
        ProblemType::NonceReused => Box::pin(steps::nonce_reused(row, setting)).await,
        _ => panic!("Blackboard gives {:?}, and no case causes it", row.slug()),
    }
}

fn chain(credential: &Credential) -> Value {
    serde_json::to_value(&credential.chain).unwrap()
}

async fn malformed_request(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let student = setting.student().await;
    let right = step_3(&student, &setting.site.client);
    for member in ["request", "certificate", "nonce"] {
        let mut without = right.clone();
        without.as_object_mut().unwrap().remove(member);
        case.refused(&ask_step_3(&without)).await;
    }
    let twice = right.to_string().replacen('{', "{\"nonce\":\"AA\",", 1);
    case.refused(&Ask::post(CHALLENGES, JSON, twice)).await;
    case.passes(&ask_step_3(&right)).await;

    let (_, step_5) = challenged(&student, &setting.site.client).await;
    let right = serde_json::to_value(step_5).unwrap();
    let mut short = right.clone();
    short["confirmation"] = "AAAA".into();
    case.refused(&ask_step_5(&short)).await;
    case.passes(&ask_step_5(&right)).await;

    // Content whose framing is wrong ends early, also where the head is authentic.
    let session = setting.open(&student).await;
    let say = Say::text("hello", now()).signed(&session);
    let broken = broken_chunks(&say.ask, &setting.site.client);
    let answering = async { setting.site.client.raw(&broken).await.unwrap() };
    case.refused_once(answering, Some(&say.expected)).await;
    case.passes_signed(&say.ask, &say.expected).await;
    courses::malformed_changes(&case, setting).await;
    case.end().await
}

/// The request with content in chunks, the second of which has no size.
pub(crate) fn broken_chunks(ask: &Ask, client: &Client) -> Vec<u8> {
    let head = ask.head(&client.host(), "Transfer-Encoding: chunked\r\n");
    [head.as_bytes(), b"2\r\nhe\r\nno size\r\n"].concat()
}

async fn not_found(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    for target in
        ["/v1/nothing", "/v1/messages/", "/v1/messages/7", "/v2/messages", "//v1/messages"]
    {
        let say = Say { target, ..Say::text("hello", now()) }.signed(&session);
        case.refused_signed(&say.ask, &say.expected).await;
        case.refused(&Ask::get(target)).await;
    }
    case.refused(&Ask::get("/problems/no-such-problem")).await;
    let say = Say::text("hello", now()).signed(&session);
    case.passes_signed(&say.ask, &say.expected).await;
    case.end().await
}

async fn method_not_allowed(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    for target in [MESSAGES, CHALLENGES, SESSIONS] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let say =
                Say { method, target, content: None, ..Say::text("", now()) }.signed(&session);
            let answer = case.refused_signed(&say.ask, &say.expected).await;
            assert_eq!(header(&answer, "allow"), Some("POST"));
            case.refused(&Ask::get(target).by(method)).await;
        }
    }
    for target in ["/", "/problems/", "/problems/not-found"] {
        let answer = case.refused(&Ask::post(target, JSON, "{}")).await;
        assert_eq!(header(&answer, "allow"), Some("GET,HEAD"));
        case.passes(&Ask::get(target)).await;
        case.passes(&Ask::get(target).by("HEAD")).await;
    }
    let say = Say::text("hello", now()).signed(&session);
    case.passes_signed(&say.ask, &say.expected).await;
    case.end().await
}

async fn request_timeout(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let client = &setting.site.client;
    let say = Say::text("hello", now()).signed(&session);
    let step_3 = ask_step_3(&step_3(&setting.student().await, client));
    for version in Version::BOTH {
        let answering = client.ask_partly(version, &say.ask, 3);
        case.refused_once(answering, Some(&say.expected)).await;
    }
    case.refused_once(client.ask_partly(Version::Http1, &step_3, 3), None).await;
    case.passes_signed(&say.ask, &say.expected).await;
    case.passes(&step_3).await;
    case.end().await
}

async fn content_too_large(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let text = |length| Say::text("x".repeat(length), now()).signed(&session);
    let large = text(LIMIT + 1);
    case.refused_signed(&large.ask, &large.expected).await;
    // Whose length is told by nobody.
    let chunked = large.ask.head(&setting.site.client.host(), "Transfer-Encoding: chunked\r\n");
    let chunked = format!("{chunked}{:x}\r\n{}\r\n0\r\n\r\n", LIMIT + 1, "x".repeat(LIMIT + 1));
    let answering = async { setting.site.client.raw(chunked.as_bytes()).await.unwrap() };
    case.refused_once(answering, Some(&large.expected)).await;
    let just = text(LIMIT);
    case.passes_signed(&just.ask, &just.expected).await;

    let step_3 = ask_step_3(&step_3(&setting.student().await, &setting.site.client));
    let padded = |length: usize| {
        let mut body = step_3.body.clone();
        body.resize(length, b' ');
        step_3.clone().carrying(body)
    };
    case.refused(&padded(LIMIT + 1)).await;
    case.passes(&padded(LIMIT)).await;
    courses::too_many_changes(&case, setting).await;
    case.end().await
}

async fn unsupported_media_type(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let text = |media_type| {
        let content = Some((media_type, b"hello".to_vec()));
        Say { content, ..Say::text("", now()) }.signed(&session)
    };
    for media_type in ["text/html", "application/json", "text/plain; charset=utf-16"] {
        let say = text(media_type);
        case.refused_signed(&say.ask, &say.expected).await;
    }
    let say = text("text/plain");
    let encoded = say.ask.clone().with("content-encoding", "gzip");
    case.refused_signed(&encoded, &say.expected).await;
    for media_type in ["text/plain", "Text/Plain;charset=\"UTF-8\""] {
        let say = text(media_type);
        case.passes_signed(&say.ask, &say.expected).await;
    }
    let right = ask_step_3(&step_3(&setting.student().await, &setting.site.client));
    case.refused(&right.clone().with("content-type", "text/plain")).await;
    case.refused(&right.clone().without("content-type")).await;
    case.refused(&right.clone().with("content-encoding", "br")).await;
    case.passes(&right).await;
    case.end().await
}

/// More requests than one person may make; `clocks` has the other cause.
async fn overloaded(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let (client, records) = (&setting.site.client, &setting.site.records);
    let before = records.all().await;
    // These leave nothing, are refused for another reason, and count.
    let empty = Say { content: None, ..Say::text("", now()) }.signed(&session);
    let mut used = 0;
    let mut answer = client.ask(Version::Http2, &empty.ask).await;
    while answer.status == 422 {
        used += 1;
        assert!(used < 1000, "there is no limit");
        answer = client.ask(Version::Http2, &empty.ask).await;
    }
    assert!(used >= 600, "{used} requests are less than a share");
    case.refused_once(async { answer }, Some(&empty.expected)).await;
    // The share comes back at two a second: the same request passes then.
    let say = Say::text("hello", now()).signed(&session);
    loop {
        let answer = client.ask(Version::Http1, &say.ask).await;
        if answer.status != 503 {
            accepted(&answer);
            break;
        }
        case.refused_once(async { answer }, Some(&say.expected)).await;
        assert_eq!(before, records.all().await, "something changed");
    }
    let other = setting.open(&setting.student().await).await;
    let say = Say::text("hello", now()).signed(&other);
    case.passes_signed(&say.ask, &say.expected).await;
    case.end().await
}

/// As many requests of one person as may are under way, and there is no room for another.
/// At servers of its own: the log stays stopped.
async fn log_behind(row: ProblemType) -> Ended {
    let mut setting = Setting::with("").await;
    let ended = claims::log_behind(row, &setting).await;
    setting.assert_sound();
    ended
}

async fn too_much_under_way(row: ProblemType) -> Ended {
    let mut setting = Setting::with("").await;
    let (case, session) = setting.in_session(row).await;
    let client = &setting.site.client;
    let slow = Say::text("slow", now());
    let mut under_way = Vec::new();
    for _ in 0..32 {
        let ask = Say { nonce: Say::text("", now()).nonce, ..slow.clone() }.signed(&session).ask;
        let mut wire = client.open().await;
        let head = ask.head(&client.host(), "Content-Length: 4\r\n");
        wire.send(&[head.as_bytes(), b"sl"].concat()).await;
        under_way.push(wire);
    }
    let say = Say::text("hello", now()).signed(&session);
    let mut answer = client.ask(Version::Http1, &say.ask).await;
    while answer.status == 201 {
        answer = client.ask(Version::Http1, &say.ask).await;
    }
    case.refused_once(async { answer }, Some(&say.expected)).await;
    let other = setting.open(&setting.student().await).await;
    let theirs = Say::text("hello", now()).signed(&other);
    case.passes_signed(&theirs.ask, &theirs.expected).await;
    for wire in &mut under_way {
        wire.send(b"ow").await;
        accepted(&wire.answer("POST").await.unwrap());
    }
    case.passes_signed(&say.ask, &say.expected).await;
    let ended = case.end().await;
    setting.assert_sound();
    ended
}

/// Whoever shares the address of somebody who was refused too often can go on in a session, and not begin one.
async fn too_many_refusals(row: ProblemType) -> Ended {
    let mut setting = Setting::with("[blackboard.limits]\nrefusals-per-minute = 2\n").await;
    let student = setting.student().await;
    let (_, step_5) = challenged(&student, &setting.site.client).await;
    let (case, session) = setting.in_session(row).await;
    let client = &setting.site.client;
    let right = ask_step_3(&step_3(&student, client));
    case.passes(&right).await;
    for _ in 0..2 {
        let answer = client.ask(Version::Http1, &Ask::post(CHALLENGES, JSON, "{}")).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    case.refused(&right).await;
    case.refused(&ask_step_5(&serde_json::to_value(step_5).unwrap())).await;
    case.passes(&Ask::get("/")).await;
    let say = Say::text("hello", now()).signed(&session);
    case.passes_signed(&say.ask, &say.expected).await;
    let ended = case.end().await;
    setting.assert_sound();
    ended
}

async fn storage_unavailable(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let (site, say) = (&setting.site, Say::text("hello", now()).signed(&session));
    site.records
        .execute("CREATE TRIGGER stuck BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'stuck'); END")
        .await;
    case.refused_signed(&say.ask, &say.expected).await;
    site.records.execute("DROP TRIGGER stuck").await;
    case.passes_signed(&say.ask, &say.expected).await;

    // A token under a key that only the database could know.
    let mut unknown = from_b64u(session.token()).unwrap();
    unknown[1] ^= 1;
    let unknown = say.ask.clone().with("claim-session", b64u(&unknown));
    site.records.execute("ALTER TABLE sealing_ring RENAME TO gone").await;
    case.refused_once(site.client.ask(Version::Http1, &unknown), None).await;
    site.records.execute("ALTER TABLE gone RENAME TO sealing_ring").await;
    case.passes_signed(&say.ask, &say.expected).await;
    case.end().await
}

/// More is to be kept free than any disk has: nothing is taken, and what there is can be read.
async fn storage_full(row: ProblemType) -> Ended {
    let settings = format!("[blackboard]\nkeep-free = {}\n", u32::MAX);
    let mut setting = Setting::with(&settings).await;
    let (case, session) = setting.in_session(row).await;
    let say = Say::text("hello", now()).signed(&session);
    let answer = case.refused_signed(&say.ask, &say.expected).await;
    assert_eq!(answer.headers["retry-after"], "20");
    let list = Say::reading("/v1/assignments", now());
    let list = list.signed(&session);
    case.passes_signed(&list.ask, &list.expected).await;
    let ended = case.end().await;
    setting.assert_sound();
    ended
}

async fn internal_error(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let (site, say) = (&setting.site, Say::text("hello", now()).signed(&session));
    let first = accepted(&site.client.ask(Version::Http2, &say.ask).await);
    let person = first.sid.as_str().as_bytes();
    let spoil = "UPDATE messages SET person = '?' WHERE person = CAST($1 AS TEXT)";
    assert_eq!(site.records.execute_with(spoil, person).await, 1);
    let answer = case.refused_signed(&say.ask, &say.expected).await;
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!text.contains("person") && !text.contains("messages."), "it says too much: {text}");
    let mend = "UPDATE messages SET person = CAST($1 AS TEXT) WHERE person = '?'";
    assert_eq!(site.records.execute_with(mend, person).await, 1);
    let answer = case.passes_signed(&say.ask, &say.expected).await;
    assert_eq!(accepted(&answer), first);
    case.end().await
}

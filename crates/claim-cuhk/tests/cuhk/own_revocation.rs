//! People revoke what is theirs, by a certificate or by a code, and nobody revokes, or learns of, what is another's.

use claim_core::ProblemType;
use claim_core::invitation::Invitee;
use claim_core::revoking::{REVOCATIONS, RevocationAnswer};
use claim_cuhk::{Config, Event, Revoking};
use claim_http::{ServerTrust, TlsIdentity};
use claim_pki::{Certificate, RevocationReason, SigningKey};
use sqlx::{Connection, SqliteConnection};

use crate::fixture::{
    Answer, Hand, SID, TestCuhk, client, config, folder, key, real_folder, refusal, refusals_of,
    server, some_code, student,
};
use crate::renewal::renew;

const OTHER: &str = "1155123457";
const DAY: i64 = 86_400;

/// Somebody with a key and a certificate for it.
struct Holder {
    who: Invitee,
    key: SigningKey,
    certificate: Certificate,
}

impl Holder {
    async fn new(cuhk: &TestCuhk, who: Invitee) -> Self {
        let key = key();
        let invitation = cuhk.invite(who.clone()).await;
        let certificate = cuhk.enrol(&who, &invitation.code, &key).await.unwrap();
        Self { who, key, certificate }
    }

    fn serial(&self) -> String {
        self.certificate.serial().to_string()
    }

    /// Asks by this certificate.
    async fn asks(&self, cuhk: &TestCuhk, wish: &str) -> Answer {
        let chain = [self.certificate.clone(), cuhk.issuing_on_file()];
        let identity = TlsIdentity::from_pki(&chain, &self.key).unwrap();
        let client = client(&ServerTrust::Unverified, Some(&identity));
        let post = client.post(cuhk.origin.join(REVOCATIONS));
        cuhk.send(post.header("content-type", "application/json").body(wish.to_owned())).await
    }

    async fn renews(&self, cuhk: &TestCuhk) -> Result<Certificate, ProblemType> {
        let chain = [self.certificate.clone(), cuhk.issuing_on_file()];
        let outcome = renew(cuhk, &chain, &self.key, &self.who, &self.key).await;
        match outcome {
            Ok(certificate) => Ok(certificate),
            refused => Err(refusal(refused)),
        }
    }
}

/// Asks by an id and a code.
async fn by_code(cuhk: &TestCuhk, id: &str, code: &str, wish: &str) -> Answer {
    let post = cuhk.client().post(cuhk.origin.join(REVOCATIONS)).basic_auth(id, Some(code));
    cuhk.send(post.header("content-type", "application/json").body(wish.to_owned())).await
}

fn serials(answer: &Answer) -> Vec<(String, bool)> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: RevocationAnswer = serde_json::from_str(&answer.body).unwrap();
    let mut serials: Vec<_> =
        answer.revoked.into_iter().map(|one| (one.serial, one.before)).collect();
    serials.sort();
    serials
}

async fn revoked(cuhk: &TestCuhk) -> Vec<String> {
    let listed = cuhk.everything_issued().await.into_iter();
    let mut all: Vec<_> =
        listed.filter(|one| one.revoked.is_some()).map(|one| one.serial).collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_certificate_revokes_itself_with_all_of_its_key_and_what_is_done_is_done_once() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let laptop = Holder::new(&cuhk, student(SID)).await;
    let renewed = laptop.renews(&cuhk).await.unwrap().serial().to_string();
    let lab = Holder::new(&cuhk, student(SID)).await;
    let this = format!(r#"{{"serial":"{}","reason":"keyCompromise"}}"#, laptop.serial());
    let answer = lab.asks(&cuhk, &this).await;
    let mut both = vec![(laptop.serial(), false), (renewed.clone(), false)];
    both.sort();
    assert_eq!(serials(&answer), both);
    assert!(answer.body.contains(r#""reason":"keyCompromise""#), "{}", answer.body);
    let told = cuhk.events();
    let told = told.iter().find_map(|event| match event {
        Event::RevokedByHolder(told) => Some(told),
        _ => None,
    });
    let told = told.expect("CUHK's terminal tells of it");
    assert_eq!((told.id.as_str(), told.by_code, told.serials.len()), (SID, false, 2));

    // Again: it stands as it was, with its reason, and no new list is made.
    let list = std::fs::read_dir(folder.path().join("crl")).unwrap();
    let before: Vec<_> = list.map(|one| std::fs::read(one.unwrap().path()).unwrap()).collect();
    let again = lab.asks(&cuhk, &this.replace("keyCompromise", "superseded")).await;
    assert!(serials(&again).iter().all(|(_, before)| *before));
    assert!(!again.body.contains("superseded"), "{}", again.body);
    let list = std::fs::read_dir(folder.path().join("crl")).unwrap();
    let after: Vec<_> = list.map(|one| std::fs::read(one.unwrap().path()).unwrap()).collect();
    assert_eq!(before, after);

    // What is revoked neither renews nor revokes; the other one does.
    assert_eq!(laptop.renews(&cuhk).await.unwrap_err(), ProblemType::CertificateRevoked);
    let answer = laptop.asks(&cuhk, r#"{"all":true}"#).await;
    cuhk.assert_problem(&answer, ProblemType::CertificateRevoked);
    assert_eq!(revoked(&cuhk).await.len(), 2);
    let all = lab.asks(&cuhk, r#"{"all":true}"#).await;
    assert_eq!(serials(&all).iter().filter(|(_, before)| !before).count(), 1);
    assert_eq!(lab.renews(&cuhk).await.unwrap_err(), ProblemType::CertificateRevoked);
    cuhk.stop().await;
    let refused = ("certificate".to_owned(), "certificate-revoked".to_owned());
    assert_eq!(refusals_of(folder.path(), SID).await, vec![refused; 3]);
}

#[tokio::test]
async fn an_open_code_revokes_all_and_then_enrols() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (lost, older) =
        (Holder::new(&cuhk, student(SID)).await, Holder::new(&cuhk, student(SID)).await);
    let other = Holder::new(&cuhk, student(OTHER)).await;
    let invitation = cuhk.invite(student(SID)).await;
    let code = invitation.code.expose();
    let answer = by_code(&cuhk, SID, &code, r#"{"all":true,"reason":"keyCompromise"}"#).await;
    let mut expected = vec![(lost.serial(), false), (older.serial(), false)];
    expected.sort();
    assert_eq!(serials(&answer), expected);
    other.renews(&cuhk).await.unwrap();
    // The answer was lost: the same again. Then the same code enrols, and is spent by that.
    let again = by_code(&cuhk, SID, &code, r#"{"all":true}"#).await;
    assert!(serials(&again).iter().all(|(_, before)| *before));
    let new = key();
    let certificate = cuhk.enrol(&student(SID), &invitation.code, &new).await.unwrap();
    let spent = by_code(&cuhk, SID, &code, r#"{"all":true}"#).await;
    cuhk.assert_problem(&spent, ProblemType::CodeUsed);
    let new = Holder { who: student(SID), key: new, certificate };
    new.renews(&cuhk).await.unwrap();
    cuhk.stop().await;
    let refused = ("code".to_owned(), "code-used".to_owned());
    assert_eq!(refusals_of(folder.path(), SID).await, [refused]);
}

#[tokio::test]
async fn nobody_revokes_or_learns_of_what_is_anothers() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let (victim, attacker) =
        (Holder::new(&cuhk, student(SID)).await, Holder::new(&cuhk, student(OTHER)).await);
    let blackboard = Holder::new(&cuhk, server("https://localhost:3141")).await;
    let code = cuhk.invite(student(OTHER)).await.code.expose();
    let mut answers = Vec::new();
    for serial in [victim.serial(), blackboard.serial(), "00ff".repeat(8)] {
        for wish in [format!(r#"{{"serial":"{serial}"}}"#), r#"{"device":"laptop"}"#.to_owned()] {
            let asked = attacker.asks(&cuhk, &wish).await;
            cuhk.assert_problem(&asked, ProblemType::NotFound);
            answers.push(asked.body);
            let asked = by_code(&cuhk, OTHER, &code, &wish).await;
            cuhk.assert_problem(&asked, ProblemType::NotFound);
            answers.push(asked.body);
        }
    }
    answers.dedup();
    assert_eq!(
        answers.len(),
        1,
        "a certificate of somebody else is like one of nobody: {answers:?}"
    );
    // The code of one with the id of the other, ids that nobody has, and what is no code at all: one answer, byte for byte.
    let mut refused = Vec::new();
    for (id, code) in [
        (SID, code.as_str()),
        (SID, "AQEBAQEBAQEBAQEBAQEBAQ"),
        (SID, ""),
        ("1155999999", code.as_str()),
        ("1155999999", "AQEBAQEBAQEBAQEBAQEBAQ"),
        ("no id at all", "x"),
        ("https%3A%2F%2Flocalhost%3A3141", code.as_str()),
    ] {
        let answer = by_code(&cuhk, id, code, r#"{"all":true}"#).await;
        cuhk.assert_problem(&answer, ProblemType::CodeRefused);
        refused.push(answer.body);
    }
    // A server's own open code is as good as none.
    let servers = cuhk.invite(server("https://localhost:3141")).await.code.expose();
    let answer =
        by_code(&cuhk, "https%3A%2F%2Flocalhost%3A3141", &servers, r#"{"all":true}"#).await;
    cuhk.assert_problem(&answer, ProblemType::CodeRefused);
    refused.push(answer.body);
    refused.dedup();
    assert_eq!(refused.len(), 1, "{refused:?}");
    // Who shows nothing, and a server.
    let post = cuhk.client().post(cuhk.origin.join(REVOCATIONS));
    let post = post.header("content-type", "application/json").body(r#"{"all":true}"#);
    let answer = cuhk.send(post).await;
    cuhk.assert_problem(&answer, ProblemType::ClientCertificateRequired);
    let answer = blackboard.asks(&cuhk, r#"{"all":true}"#).await;
    cuhk.assert_problem(&answer, ProblemType::CertificateProfile);
    assert_eq!(revoked(&cuhk).await, Vec::<String>::new());
    victim.renews(&cuhk).await.unwrap();
    cuhk.stop().await;
}

#[tokio::test]
async fn what_is_no_wish_is_refused_and_wrong_codes_are_counted() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let holder = Holder::new(&cuhk, student(SID)).await;
    for wish in [
        "",
        "{}",
        "[true]",
        r#"{"all":false}"#,
        r#"{"all":true,"device":"x"}"#,
        r#"{"serial":"x"}"#,
        r#"{"all":true,"reason":"certificateHold"}"#,
    ] {
        let answer = holder.asks(&cuhk, wish).await;
        cuhk.assert_problem(&answer, ProblemType::MalformedRequest);
    }
    let too_long = format!(r#"{{"all":true,"x":"{}"}}"#, "x".repeat(5000));
    let answer = holder.asks(&cuhk, &too_long).await;
    cuhk.assert_problem(&answer, ProblemType::ContentTooLarge);
    let post = cuhk.client().post(cuhk.origin.join(REVOCATIONS)).basic_auth(SID, Some("x"));
    let answer = cuhk.send(post.body("{}")).await;
    cuhk.assert_problem(&answer, ProblemType::CodeRefused);
    let post = cuhk.client().get(cuhk.origin.join(REVOCATIONS));
    let answer = cuhk.send(post).await;
    cuhk.assert_problem(&answer, ProblemType::MethodNotAllowed);
    // As many wrong codes as enrolment bears, counted together with those.
    let mut last = ProblemType::CodeRefused;
    for _ in 0..40 {
        let answer = by_code(&cuhk, SID, "AQEBAQEBAQEBAQEBAQEBAQ", r#"{"all":true}"#).await;
        if answer.slug() == ProblemType::TooManyRefusals.slug() {
            last = ProblemType::TooManyRefusals;
            break;
        }
        cuhk.assert_problem(&answer, ProblemType::CodeRefused);
    }
    assert_eq!(last, ProblemType::TooManyRefusals);
    let enrol = cuhk.enrol(&student(SID), &some_code(), &key()).await;
    assert_eq!(refusal(enrol), ProblemType::TooManyRefusals);
    assert_eq!(revoked(&cuhk).await, Vec::<String>::new());
    cuhk.stop().await;
}

#[tokio::test]
async fn a_code_ends_and_a_certificate_revokes_until_its_grace_does() {
    let folder = folder();
    let hand = Hand::now();
    let clock = hand.clock();
    claim_cuhk::init(folder.path(), None, None, &clock).await.unwrap();
    let cuhk = TestCuhk::start_with(Config { clock, ..config(folder.path()) }).await;
    let holder = Holder::new(&cuhk, student(SID)).await;
    let code = cuhk.invite(student(SID)).await.code.expose();
    hand.move_by(15 * DAY);
    let answer = by_code(&cuhk, SID, &code, r#"{"all":true}"#).await;
    cuhk.assert_problem(&answer, ProblemType::CodeExpired);
    // What has ended needs no revoking, unless it is named; after the grace nobody speaks by it.
    hand.move_by(166 * DAY);
    let answer = holder.asks(&cuhk, r#"{"all":true}"#).await;
    assert_eq!(serials(&answer), []);
    let named = format!(r#"{{"serial":"{}"}}"#, holder.serial());
    hand.move_by(29 * DAY);
    let answer = holder.asks(&cuhk, &named).await;
    cuhk.assert_problem(&answer, ProblemType::CertificateExpired);
    hand.move_by(-2 * DAY);
    assert_eq!(serials(&holder.asks(&cuhk, &named).await), [(holder.serial(), false)]);
    cuhk.stop().await;
}

#[tokio::test]
async fn who_is_off_the_roster_may_still_give_up_what_is_theirs() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let holder = Holder::new(&cuhk, student(SID)).await;
    let code = cuhk.invite(student(SID)).await.code.expose();
    let office = cuhk.office().await;
    office.remove_people(&[SID.parse().unwrap()]).await.unwrap();
    let answer = by_code(&cuhk, SID, &code, r#"{"all":true}"#).await;
    cuhk.assert_problem(&answer, ProblemType::CodeExpired);
    assert_eq!(serials(&holder.asks(&cuhk, r#"{"all":true}"#).await), [(holder.serial(), false)]);
    cuhk.stop().await;
}

/// A local demonstration takes any code for any id; none of them revokes.
#[tokio::test]
async fn in_a_local_demonstration_only_certificates_revoke() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let (who, key) = (student(SID), key());
    let certificate = cuhk.enrol(&who, &some_code(), &key).await.unwrap();
    let holder = Holder { who, key, certificate };
    let answer = by_code(&cuhk, SID, &some_code().expose(), r#"{"all":true}"#).await;
    cuhk.assert_problem(&answer, ProblemType::CodeRefused);
    assert_eq!(serials(&holder.asks(&cuhk, r#"{"all":true}"#).await), [(holder.serial(), false)]);
    cuhk.stop().await;
}

/// The laptop was stolen, and the thief has renewed its certificate for a key of their own.
#[tokio::test]
async fn what_was_renewed_from_a_stolen_certificate_goes_with_it() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let lab = Holder::new(&cuhk, student(SID)).await;
    let stolen = Holder::new(&cuhk, student(SID)).await;
    let other = Holder::new(&cuhk, student(SID)).await;
    let database = format!("sqlite://{}", folder.path().join("cuhk.db").display());
    let mut records = SqliteConnection::connect(&database).await.unwrap();
    for (holder, device) in [(&stolen, "laptop"), (&other, "laptop-2")] {
        sqlx::query("UPDATE certificates SET device = $1 WHERE serial = $2")
            .bind(device)
            .bind(holder.serial())
            .execute(&mut records)
            .await
            .unwrap();
    }
    let (thiefs, chain) = (key(), [stolen.certificate.clone(), cuhk.issuing_on_file()]);
    let taken = renew(&cuhk, &chain, &stolen.key, &stolen.who, &thiefs).await.unwrap();
    let answer = lab.asks(&cuhk, r#"{"device":"laptop"}"#).await;
    let mut expected = vec![(stolen.serial(), false), (taken.serial().to_string(), false)];
    expected.sort();
    assert_eq!(serials(&answer), expected);
    assert!(answer.body.contains(r#""device":"laptop""#), "{}", answer.body);
    // By its serial number the same.
    let named = format!(r#"{{"serial":"{}"}}"#, stolen.serial());
    assert_eq!(serials(&lab.asks(&cuhk, &named).await).len(), 2);
    let thief = Holder { who: stolen.who.clone(), key: thiefs, certificate: taken };
    assert_eq!(thief.renews(&cuhk).await.unwrap_err(), ProblemType::CertificateRevoked);
    let answer = thief.asks(&cuhk, r#"{"all":true}"#).await;
    cuhk.assert_problem(&answer, ProblemType::CertificateRevoked);
    other.renews(&cuhk).await.unwrap();
    lab.renews(&cuhk).await.unwrap();
    // So does the office, by the first one.
    let office = cuhk.office().await;
    let line = Revoking::Serial(stolen.certificate.serial().clone());
    assert_eq!(office.to_revoke(&line).await.unwrap().len(), 2);
    cuhk.stop().await;
}

/// The office takes one alone where it is told to, and shows before what it would take.
#[tokio::test]
async fn the_office_revokes_a_line_or_one_alone() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let holder = Holder::new(&cuhk, student(SID)).await;
    let second = holder.renews(&cuhk).await.unwrap();
    let apart = Holder::new(&cuhk, student(SID)).await;
    let office = cuhk.office().await;
    let only = Revoking::Only(second.serial().clone());
    let shown = office.to_revoke(&only).await.unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(revoked(&cuhk).await, Vec::<String>::new(), "it was only shown");
    office.revoke(&only, RevocationReason::Superseded).await.unwrap();
    assert_eq!(revoked(&cuhk).await, [second.serial().to_string()]);

    // The first, with all of its key; not the other device.
    let line = Revoking::Serial(holder.certificate.serial().clone());
    let shown = office.to_revoke(&line).await.unwrap();
    let stands: Vec<_> = shown.iter().filter(|one| one.revoked.is_some()).collect();
    assert_eq!((shown.len(), stands.len()), (2, 1), "{shown:?}");
    let entries = office.revoke(&line, RevocationReason::KeyCompromise).await.unwrap();
    assert_eq!(entries.iter().filter(|one| one.before).count(), 1, "{entries:?}");
    assert_eq!(revoked(&cuhk).await.len(), 2);
    apart.renews(&cuhk).await.unwrap();
    cuhk.stop().await;
}

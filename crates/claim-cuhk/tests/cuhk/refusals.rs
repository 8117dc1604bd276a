//! Each refusal of enrolment: its status, its type, and that it leaves nothing on record.

use claim_core::ProblemType;
use claim_core::encoding::base64;
use claim_core::invitation::Invitee;
use claim_cuhk::Event;
use claim_http::encode_est_body;

use crate::fixture::{Answer, SID, TestCuhk, key, real_folder, request, student};

const ENROL: &str = "/.well-known/est/simpleenroll";
const PKCS10: &str = "application/pkcs10";

/// The invited student of these tests, with the code as text.
struct Invited {
    who: Invitee,
    code: String,
}

async fn started() -> (tempfile::TempDir, TestCuhk, Invited) {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let invited = Invited { who: invitation.invitee.clone(), code: invitation.code.expose() };
    (folder, cuhk, invited)
}

async fn post(cuhk: &TestCuhk, user: &str, code: &str, media_type: &str, body: String) -> Answer {
    let request = cuhk.client().post(cuhk.origin.join(ENROL)).basic_auth(user, Some(code));
    cuhk.send(request.header("content-type", media_type).body(body)).await
}

async fn openssl_request(arguments: &[&str], subject: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key").into_os_string().into_string().unwrap();
    crate::curl::run("openssl", &[&["genpkey", "-out", &key], arguments].concat()).await;
    let request = ["req", "-new", "-key", &key, "-subj", subject];
    crate::curl::run("openssl", &request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_certified_is_refused_and_leaves_the_code_open() {
    let (_folder, cuhk, invited) = started().await;
    let good = encode_est_body(&request(&invited.who, &key()));
    let mut altered = request(&invited.who, &key());
    let length = altered.len();
    altered[length - 1] ^= 1;
    let altered = encode_est_body(&altered);
    let other = encode_est_body(&request(&student("1155123457"), &key()));
    let rsa = openssl_request(&["-algorithm", "RSA"], "/CN=1155123456").await;
    let p384 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let p384 = openssl_request(&p384, "/CN=1155123456").await;
    let p256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let other_uid = openssl_request(&p256, "/UID=1155123457/CN=1155123456").await;
    let two_uids = openssl_request(&p256, "/UID=1155123456/UID=1155123457").await;

    for (media_type, body, expected) in [
        ("text/plain", good.clone(), ProblemType::UnsupportedMediaType),
        ("application/x-www-form-urlencoded", good.clone(), ProblemType::UnsupportedMediaType),
        (PKCS10, String::new(), ProblemType::RequestUnreadable),
        (PKCS10, "not base64".to_owned(), ProblemType::RequestUnreadable),
        (PKCS10, base64(b"not a request"), ProblemType::RequestUnreadable),
        (PKCS10, good[..good.len() / 2].to_owned(), ProblemType::RequestUnreadable),
        (PKCS10, "A".repeat(64 * 1024 + 1), ProblemType::ContentTooLarge),
        (PKCS10, altered, ProblemType::RequestSignature),
        (PKCS10, rsa, ProblemType::RequestKey),
        (PKCS10, p384, ProblemType::RequestKey),
        (PKCS10, other, ProblemType::RequestSubject),
        (PKCS10, other_uid, ProblemType::RequestSubject),
        (PKCS10, two_uids, ProblemType::RequestSubject),
    ] {
        let answer = post(&cuhk, SID, &invited.code, media_type, body).await;
        cuhk.assert_problem(&answer, expected);
        assert!(
            matches!(cuhk.events().last(), Some(Event::Refused { problem_type, .. }) if *problem_type == expected)
        );
        assert!(cuhk.issued().await.is_empty());
    }
    // The code is as good as before.
    assert_eq!(post(&cuhk, SID, &invited.code, PKCS10, good).await.status, 200);
    cuhk.stop().await;
}

#[tokio::test]
async fn whoever_is_not_invited_learns_nothing() {
    let (_folder, cuhk, invited) = started().await;
    cuhk.invite(student("1155123457")).await;
    let body = encode_est_body(&request(&invited.who, &key()));
    let mut bodies = Vec::new();
    for (user, code) in [
        (SID, "AQEBAQEBAQEBAQEBAQEBAQ"),
        ("1155123457", invited.code.as_str()),
        ("1155999999", invited.code.as_str()),
        ("1155999999", ""),
        (SID, "123456"),
        (SID, ""),
        ("", invited.code.as_str()),
        ("no id at all", "x"),
        ("https%3A%2F%2Flocalhost%3A3141", invited.code.as_str()),
        ("https%3A%2F%2Flocalhost", invited.code.as_str()),
    ] {
        let answer = post(&cuhk, user, code, PKCS10, body.clone()).await;
        cuhk.assert_problem(&answer, ProblemType::CodeRefused);
        assert_eq!(answer.headers["www-authenticate"], r#"Basic realm="CUHK", charset="UTF-8""#);
        bodies.push(answer.body);
    }
    let client = cuhk.client();
    let request = client.post(cuhk.origin.join(ENROL)).header("content-type", PKCS10);
    let answer = cuhk.send(request.body(body)).await;
    cuhk.assert_problem(&answer, ProblemType::CodeRefused);
    bodies.push(answer.body);
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one and the same answer: {bodies:?}");
    assert!(cuhk.issued().await.is_empty());
    cuhk.stop().await;
}

#[tokio::test]
async fn content_codings_other_methods_and_other_addresses_are_refused() {
    let (_folder, cuhk, invited) = started().await;
    let client = cuhk.client();
    let body = encode_est_body(&request(&invited.who, &key()));
    let request = client.post(cuhk.origin.join(ENROL)).basic_auth(SID, Some(&invited.code));
    let request = request.header("content-type", PKCS10).header("content-encoding", "gzip");
    let answer = cuhk.send(request.body(body)).await;
    cuhk.assert_problem(&answer, ProblemType::UnsupportedMediaType);

    let answer = cuhk.send(client.get(cuhk.origin.join(ENROL))).await;
    cuhk.assert_problem(&answer, ProblemType::MethodNotAllowed);
    assert_eq!(answer.headers["allow"], "POST");
    for path in ["/.well-known/est/serverkeygen", "/.well-known/est/", "/cuhk.key", "/../cuhk.key"]
    {
        let answer = cuhk.send(client.get(cuhk.origin.join(path))).await;
        cuhk.assert_problem(&answer, ProblemType::NotFound);
    }
    assert!(cuhk.issued().await.is_empty());
    cuhk.stop().await;
}

#[tokio::test]
async fn an_invitation_shows_its_code_nowhere_else() {
    let (folder, cuhk, invited) = started().await;
    let body = encode_est_body(&request(&invited.who, &key()));
    assert_eq!(post(&cuhk, SID, &invited.code, PKCS10, body).await.status, 200);
    let told = format!("{:?}", cuhk.events());
    assert!(!told.contains(&invited.code));
    cuhk.stop().await;
    let files = [folder.path().to_owned(), folder.path().join("crl")];
    let files = files.iter().flat_map(|dir| std::fs::read_dir(dir).unwrap());
    for path in files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(path).unwrap();
        let code = invited.code.as_bytes();
        assert!(!bytes.windows(code.len()).any(|window| window == code));
    }
}

#[tokio::test]
async fn an_id_for_which_too_many_codes_were_refused_must_wait_whether_it_exists_or_not() {
    let folder = real_folder().await;
    let wrong_codes_per_minute = std::num::NonZeroU32::new(5).unwrap();
    let quotas = claim_cuhk::Quotas { wrong_codes_per_minute, ..Default::default() };
    let cuhk = TestCuhk::start_with(claim_cuhk::Config {
        quotas,
        ..crate::fixture::config(folder.path())
    })
    .await;
    let invitation = cuhk.invite(student(SID)).await;
    let body = encode_est_body(&request(&invitation.invitee, &key()));
    let mut waits = Vec::new();
    for id in [SID, "1155999999"] {
        for _ in 0..5 {
            let answer = post(&cuhk, id, "AQEBAQEBAQEBAQEBAQEBAQ", PKCS10, body.clone()).await;
            cuhk.assert_problem(&answer, ProblemType::CodeRefused);
        }
        let answer = post(&cuhk, id, "AQEBAQEBAQEBAQEBAQEBAQ", PKCS10, body.clone()).await;
        cuhk.assert_problem(&answer, ProblemType::TooManyRefusals);
        assert!(answer.headers.contains_key("retry-after"));
        waits.push(answer.problem()["detail"].clone());
    }
    assert_eq!(waits[0], waits[1]);
    // Others are not in it with them.
    let other = cuhk.invite(student("1155123457")).await;
    cuhk.enrol(&other.invitee, &other.code, &key()).await.unwrap();
    cuhk.stop().await;
}

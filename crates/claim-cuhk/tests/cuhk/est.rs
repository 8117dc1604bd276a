//! EST as other people's programs speak it: every form of a request that is taken, and CSR attributes.

use claim_core::ProblemType;
use claim_core::encoding::base64;
use claim_http::decode_est_body;
use claim_pki::decode_certs_only;

use crate::curl::sh;
use crate::fixture::{Answer, SID, TestCuhk, key, real_folder, request, student};

const EST: &str = "/.well-known/est";

/// Sends content as it is, with this Content-Transfer-Encoding.
async fn enrol(cuhk: &TestCuhk, code: &str, encoding: Option<&str>, content: Vec<u8>) -> Answer {
    let address = cuhk.origin.join(&format!("{EST}/simpleenroll"));
    let request = cuhk.client().post(address).basic_auth(SID, Some(code));
    let request = request.header("content-type", "application/pkcs10").body(content);
    cuhk.send(match encoding {
        Some(encoding) => request.header("content-transfer-encoding", encoding),
        None => request,
    })
    .await
}

/// Text in lines of so many characters, each with this before and after it.
fn lines(text: &str, columns: usize, before: &str, after: &str) -> String {
    let chunks = text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap());
    chunks.map(|line| format!("{before}{line}{after}")).collect()
}

fn pem(label: &str, content: &str) -> String {
    format!("-----BEGIN {label}-----\n{content}-----END {label}-----\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_taken_in_every_form_that_people_send() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let (code, key) = (invitation.code.expose(), key());
    let der = request(&invitation.invitee, &key);
    let plain = base64(&der);
    let wrapped = pem("CERTIFICATE REQUEST", &lines(&plain, 64, "", "\n"));
    let mut certificates = Vec::new();
    for (form, content) in [
        ("base64 in one line", plain.clone()),
        ("base64 without padding", plain.trim_end_matches('=').to_owned()),
        ("base64 in lines of 76", lines(&plain, 76, "", "\n")),
        ("base64 with CRLF", lines(&plain, 64, "", "\r\n")),
        ("base64 with CR", lines(&plain, 64, "", "\r")),
        ("base64 with tabs", lines(&plain, 5, "\t", "")),
        ("base64 with spaces", lines(&plain, 4, " ", "")),
        ("base64 with everything around everything", lines(&plain, 1, " \t\r\n", "\n\r\t ")),
        ("PEM", wrapped.clone()),
        ("PEM under its older label", pem("NEW CERTIFICATE REQUEST", &lines(&plain, 64, "", "\n"))),
        ("PEM with CRLF", wrapped.replace('\n', "\r\n")),
        ("PEM in one line", pem("CERTIFICATE REQUEST", &format!("{plain}\n"))),
        ("PEM with long lines", pem("CERTIFICATE REQUEST", &lines(&plain, 200, "", "\n"))),
        ("PEM that is indented", format!("  {}", wrapped.replace('\n', " \t\n \t"))),
        ("PEM after blank lines", format!("\r\n\n \t\n{wrapped}\n\n")),
        ("PEM with text around it", format!("Certificate Request:\n  Data: -\n{wrapped}Regards\n")),
    ] {
        for encoding in [None, Some("base64"), Some("BINARY"), Some("x-unheard-of; a=\"b\"")] {
            let answer = enrol(&cuhk, &code, encoding, content.clone().into_bytes()).await;
            assert_eq!(answer.status, 200, "{form}, {encoding:?}: {answer:?}");
            let message = decode_est_body(answer.body.as_bytes()).unwrap();
            let [certificate] = decode_certs_only(&message).unwrap().try_into().unwrap();
            certificates.push(certificate);
        }
    }
    // One key, one code: it was the same request each time.
    certificates.dedup();
    assert_eq!(certificates.len(), 1);
    assert_eq!(cuhk.issued().await[0].serial, certificates[0].serial().to_string());
    cuhk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_in_words_that_help() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let (code, key) = (invitation.code.expose(), key());
    let der = request(&invitation.invitee, &key);
    let plain = base64(&der);
    let wrapped = pem("CERTIFICATE REQUEST", &lines(&plain, 64, "", "\n"));
    let half = wrapped.len() / 2;
    let utf16: Vec<u8> = wrapped.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_mark = [&[0xff, 0xfe][..], &utf16].concat();
    let unreadable = ProblemType::RequestUnreadable;
    for (content, problem_type, said) in [
        (Vec::new(), unreadable, "there is no content"),
        (b" \t\r\n".to_vec(), unreadable, "there is no content"),
        (der.clone(), unreadable, "binary; send the DER in base64"),
        (with_mark, unreadable, "not text in ASCII or UTF-8"),
        (utf16, unreadable, "neither base64 nor PEM"),
        (format!("\u{feff}{wrapped}").into_bytes(), unreadable, "U+FEFF"),
        (b"\x80".repeat(100), unreadable, "not text in ASCII or UTF-8"),
        (b"aGVsbG8=".to_vec(), unreadable, "malformed"),
        (b"{\"csr\": null}".to_vec(), unreadable, "neither base64 nor PEM"),
        (plain.as_bytes()[..200].to_vec(), unreadable, "malformed"),
        (plain.as_bytes()[..201].to_vec(), unreadable, "neither base64 nor PEM"),
        (format!("{plain}{plain}").into_bytes(), unreadable, ""),
        (format!("{plain}AAAA").into_bytes(), unreadable, ""),
        (wrapped.as_bytes()[..half].to_vec(), unreadable, "cut off"),
        (
            wrapped.replace("REQUEST", "").into_bytes(),
            unreadable,
            "no certification request in PEM",
        ),
        (wrapped.repeat(2).into_bytes(), unreadable, "2 PEM blocks"),
        (format!("{}{wrapped}", *key.to_pkcs8_pem()).into_bytes(), unreadable, "make a new key"),
        (base64(&[0x30; 17_000]).into_bytes(), unreadable, "at most 16384 bytes"),
        (vec![b'A'; 64 * 1024], unreadable, "at most 16384 bytes"),
        (vec![b'A'; 64 * 1024 + 1], ProblemType::ContentTooLarge, "65536"),
        (vec![b' '; 10_000_000], ProblemType::ContentTooLarge, "65536"),
    ] {
        let beginning = String::from_utf8_lossy(&content[..content.len().min(60)]).into_owned();
        let answer = enrol(&cuhk, &code, None, content).await;
        cuhk.assert_problem(&answer, problem_type);
        let detail = answer.problem()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(said), "{beginning:?}: {detail}");
        assert!(cuhk.issued().await.is_empty());
    }
    // One that does not say how long it is.
    let chunked = format!(
        "head -c 66000 /dev/zero | tr '\\0' A | curl --http1.1 --silent --cacert cuhk.cer --user {SID}:{code} \
         --header 'Content-Type: application/pkcs10' --header 'Transfer-Encoding: chunked' \
         --data-binary @- {}{EST}/simpleenroll",
        cuhk.origin
    );
    assert!(sh(folder.path(), &chunked).await.contains("/problems/content-too-large"));
    // The code is as good as before.
    assert_eq!(enrol(&cuhk, &code, None, plain.into_bytes()).await.status, 200);
    cuhk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn csr_attributes_name_the_key_and_the_signature() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let address = cuhk.origin.join(&format!("{EST}/csrattrs"));
    let answer = cuhk.send(cuhk.client().get(&address)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/csrattrs");

    std::fs::write(folder.path().join("attributes"), &answer.body).unwrap();
    let told =
        sh(folder.path(), "openssl base64 -d -in attributes | openssl asn1parse -inform DER").await;
    // Depth, kind and value of each line.
    let read: Vec<_> = told
        .lines()
        .map(|line| {
            let (_, rest) = line.split_once(":d=").unwrap();
            let (depth, rest) = rest.split_once(' ').unwrap();
            let value = rest.rsplit(':').next().unwrap().trim();
            let kind = rest.split_once(": ").unwrap().1.split("  ").next().unwrap();
            (depth.to_owned(), kind.trim().to_owned(), value.to_owned())
        })
        .collect();
    let expected = [
        ("0", "SEQUENCE", "SEQUENCE"),
        ("1", "SEQUENCE", "SEQUENCE"),
        ("2", "OBJECT", "id-ecPublicKey"),
        ("2", "SET", "SET"),
        ("3", "OBJECT", "prime256v1"),
        ("1", "OBJECT", "ecdsa-with-SHA256"),
    ];
    let read: Vec<_> = read.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    assert_eq!(read, expected, "{told}");

    // A request that is made of just that is certified.
    let line = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out my.key; \
                openssl req -new -key my.key -sha256 -subj / -outform DER | openssl base64";
    let made = sh(folder.path(), line).await;
    let invitation = cuhk.invite(student(SID)).await;
    let enrolled = enrol(&cuhk, &invitation.code.expose(), None, made.into_bytes()).await;
    assert_eq!(enrolled.status, 200);
    cuhk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_fetched_answers_alike_to_every_method() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    for name in ["cacerts", "csrattrs"] {
        let address = cuhk.origin.join(&format!("{EST}/{name}"));
        let got = cuhk.send(cuhk.client().get(&address)).await;
        let head = cuhk.send(cuhk.client().head(&address)).await;
        assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""), "{name}");
        for header in ["content-type", "content-length"] {
            assert_eq!(head.headers[header], got.headers[header], "{name}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let request = cuhk.client().request(method.parse().unwrap(), &address);
            let answer = cuhk.send(request).await;
            cuhk.assert_problem(&answer, ProblemType::MethodNotAllowed);
            assert_eq!(answer.headers["allow"], "GET,HEAD", "{name} {method}");
        }
    }
    cuhk.stop().await;
}

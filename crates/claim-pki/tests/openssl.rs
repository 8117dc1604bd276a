//! What we make, OpenSSL checks; what OpenSSL makes, we read.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/openssl.rs"]
mod support;

use std::path::Path;
use std::process::Output;

use authority::{Authority, copy, ed25519_key, id, key, origin, start};
use claim_pki::{
    Certificate, CertificationRequest, Ed25519CertificationRequest, Ed25519SigningKey, KeyError,
    Origin, PathError, RequestError, SigningKey, Subject, certification_request, decode_certs_only,
    ed25519_certification_request, encode_certs_only,
};
use support::{folder, openssl, succeed};

fn verify(folder: &Path, options: &str, leaf: &Certificate) -> Output {
    std::fs::write(folder.join("leaf.cer"), leaf.to_pem()).unwrap();
    let time = start().as_seconds() + 60;
    openssl(
        folder,
        &format!(
            "verify -x509_strict -attime {time} -CAfile cuhk.cer -untrusted issuing.cer {options} leaf.cer"
        ),
    )
}

#[test]
fn openssl_verifies_every_profile_for_its_purposes_only() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let person = authority.person();
    let server = authority.server(&origin());
    let timestamp = authority.timestamp_with(&key());
    let log = authority.log_with(&ed25519_key());
    let witness = authority.witness_with(&ed25519_key());
    let by_address = authority.server(&"https://[2001:db8::1]".parse::<Origin>().unwrap());
    for (leaf, options, expected) in [
        (authority.root.certificate(), "", true),
        (authority.issuing.certificate(), "", true),
        (authority.issuing.certificate(), "-purpose crlsign", true),
        (&person, "-purpose sslclient", true),
        (&person, "-purpose sslserver", false),
        (&server, "-purpose sslserver -verify_hostname localhost", true),
        (&server, "-purpose sslserver -verify_ip 127.0.0.1", true),
        (&server, "-purpose sslserver -verify_ip ::1", true),
        (&server, "-purpose sslserver -verify_hostname other.example", false),
        (&server, "-purpose sslclient", true),
        (&by_address, "-purpose sslserver -verify_ip 2001:db8::1", true),
        (&timestamp, "-purpose timestampsign", true),
        (&timestamp, "-purpose sslserver", false),
        (&server, "-purpose timestampsign", false),
        (&log, "-purpose any", true),
        (&log, "-purpose timestampsign", false),
        (&witness, "-purpose any", true),
        (&witness, "-purpose sslclient", false),
        // Policies: the person's own, and not the server's.
        (
            &person,
            "-policy 2.25.304274850276117055762681507612542191110.1.1 -explicit_policy",
            true,
        ),
        (
            &person,
            "-policy 2.25.304274850276117055762681507612542191110.1.2 -explicit_policy",
            false,
        ),
        (
            &server,
            "-policy 2.25.304274850276117055762681507612542191110.1.2 -explicit_policy",
            true,
        ),
    ] {
        let output = verify(folder.path(), options, leaf);
        assert_eq!(output.status.success(), expected, "{options} {leaf:?}: {output:?}");
    }
}

#[test]
fn openssl_enforces_the_domain_of_the_root() {
    let authority = Authority::with_domain(Some("cuhk.example"));
    let folder = folder(&authority);
    for (origin, expected) in [
        ("https://blackboard.cuhk.example:3141", true),
        ("https://cuhk.example", true),
        ("https://evil.example", false),
        ("https://notcuhk.example", false),
    ] {
        let origin: Origin = origin.parse().unwrap();
        let leaf = authority.server(&origin);
        let output = verify(folder.path(), "-purpose sslserver", &leaf);
        assert_eq!(output.status.success(), expected, "{origin}: {output:?}");
        let ours = authority.trusted().verify_server(&authority.chain(&leaf), &origin, start());
        assert_eq!(ours.is_ok(), expected, "{origin}: {ours:?}");
    }
    let person = authority.person();
    assert!(verify(folder.path(), "-purpose sslclient", &person).status.success());
    assert!(authority.trusted().verify_person(&authority.chain(&person), start()).is_ok());
}

#[test]
fn openssl_prints_the_extensions_as_the_design_has_them() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let text = |certificate: &Certificate| {
        std::fs::write(folder.path().join("leaf.cer"), certificate.to_pem()).unwrap();
        succeed(
            folder.path(),
            "x509 -in leaf.cer -noout -text -nameopt RFC2253,sep_comma_plus_space",
        )
    };
    let person = text(&authority.person());
    for line in [
        "Subject: CN=Chan Tai Man, UID=1155123456",
        "Issuer: CN=Issuing CA, O=CUHK, C=HK",
        "Digital Signature, Key Agreement",
        // OpenSSL 3.0 has no name for documentSigning.
        "TLS Web Client Authentication, 1.3.6.1.5.5.7.3.36",
        "Policy: 2.25.304274850276117055762681507612542191110.1.1",
        "Not After : May 23 00:00:00 2027 GMT",
    ] {
        assert!(person.contains(line), "{line}\n{person}");
    }
    assert!(!person.contains("Alternative Name"), "{person}");
    let server = text(&authority.server(&origin()));
    let names = "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, URI:https://localhost:3141";
    assert!(server.contains(names), "{server}");
    let timestamp = text(&authority.timestamp_with(&key()));
    for line in [
        "Subject: CN=localhost timestamp",
        "X509v3 Extended Key Usage: critical\n                Time Stamping\n",
        "Policy: 2.25.304274850276117055762681507612542191110.1.3",
        "Not Before: Nov 24 00:00:00 2026 GMT, Not After: Nov 24 00:00:00 2027 GMT",
        "X509v3 Subject Alternative Name: \n                URI:https://localhost:3141\n",
    ] {
        assert!(timestamp.contains(line), "{line}\n{timestamp}");
    }
    let log = text(&authority.log_with(&ed25519_key()));
    for line in [
        "Subject: CN=localhost log",
        "ED25519 Public-Key",
        "2.25.304274850276117055762681507612542191110.4.1",
        "Policy: 2.25.304274850276117055762681507612542191110.1.4",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    let issuing = text(authority.issuing.certificate());
    assert!(issuing.contains("CA:TRUE, pathlen:0"), "{issuing}");
    assert!(issuing.contains("X509v3 Any Policy"), "{issuing}");
    let root = text(authority.root.certificate());
    assert!(
        root.contains("X509v3 Basic Constraints: critical\n                CA:TRUE\n"),
        "{root}"
    );
}

#[test]
fn serial_numbers_print_as_openssl_prints_them() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let printed = succeed(folder.path(), "x509 -in issuing.cer -noout -serial");
    let serial = authority.issuing.certificate().serial().to_string();
    assert_eq!(printed.trim().to_lowercase(), format!("serial={serial}"));
}

#[test]
fn keys_made_by_openssl_load_and_ours_load_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeed(at, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out genpkey.pem");
    succeed(at, "ecparam -name prime256v1 -genkey -out ecparam.pem");
    succeed(at, "ecparam -name prime256v1 -genkey -noout -out sec1.pem");
    succeed(at, "ec -in sec1.pem -no_public -out sec1-no-public.pem");
    succeed(at, "ec -in sec1.pem -conv_form compressed -out sec1-compressed.pem");
    succeed(at, "pkcs8 -topk8 -nocrypt -in sec1.pem -out pkcs8.pem");
    succeed(at, "pkcs8 -topk8 -nocrypt -in sec1-no-public.pem -out pkcs8-no-public.pem");
    for name in [
        "genpkey.pem",
        "ecparam.pem",
        "sec1.pem",
        "sec1-no-public.pem",
        "sec1-compressed.pem",
        "pkcs8.pem",
        "pkcs8-no-public.pem",
    ] {
        let text = std::fs::read_to_string(at.join(name)).unwrap();
        let key =
            SigningKey::from_pkcs8_pem(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        // And back: OpenSSL derives the same public key from what we write.
        std::fs::write(at.join("ours.pem"), key.to_pkcs8_pem().as_bytes()).unwrap();
        succeed(at, "pkey -in ours.pem -check -noout");
        succeed(at, "pkey -in ours.pem -pubout -outform DER -out ours.spki");
        assert_eq!(std::fs::read(at.join("ours.spki")).unwrap(), key.public_key().spki_der());
        succeed(at, &format!("pkey -in {name} -pubout -outform DER -out theirs.spki"));
        if name != "sec1-compressed.pem" {
            assert_eq!(std::fs::read(at.join("theirs.spki")).unwrap(), key.public_key().spki_der());
        }
    }
}

#[test]
fn keys_that_cannot_be_used_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeed(at, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem");
    succeed(at, "ecparam -name secp384r1 -genkey -noout -out sec1-p384.pem");
    succeed(at, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    succeed(at, "rsa -in rsa.pem -traditional -out rsa-pkcs1.pem");
    succeed(at, "genpkey -algorithm ED25519 -out ed25519.pem");
    succeed(
        at,
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out explicit.pem",
    );
    succeed(
        at,
        "ecparam -name prime256v1 -param_enc explicit -genkey -noout -out sec1-explicit.pem",
    );
    succeed(at, "ecparam -name prime256v1 -genkey -noout -out sec1.pem");
    succeed(at, "ec -in sec1.pem -aes128 -passout pass:secret -out sec1-encrypted.pem");
    succeed(at, "pkcs8 -topk8 -in sec1.pem -passout pass:secret -out encrypted.pem");
    let not_p256 = |name: &str| KeyError::NotP256 { algorithm: name.to_owned() };
    for (name, error) in [
        ("p384.pem", not_p256("P-384")),
        ("sec1-p384.pem", not_p256("P-384")),
        ("rsa.pem", not_p256("RSA")),
        ("rsa-pkcs1.pem", not_p256("RSA")),
        ("ed25519.pem", not_p256("Ed25519")),
        ("explicit.pem", KeyError::ExplicitParameters),
        ("sec1-explicit.pem", KeyError::ExplicitParameters),
        ("sec1-encrypted.pem", KeyError::Encrypted),
        ("encrypted.pem", KeyError::Encrypted),
    ] {
        let text = std::fs::read_to_string(at.join(name)).unwrap();
        assert_eq!(SigningKey::from_pkcs8_pem(&text).unwrap_err(), error, "{name}");
    }
}

#[test]
fn signatures_go_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let key = key();
    std::fs::write(at.join("key.pem"), key.to_pkcs8_pem().as_bytes()).unwrap();
    succeed(at, "pkey -in key.pem -pubout -out public.pem");
    std::fs::write(at.join("message"), "SID:1155123456 requests to upload report !").unwrap();
    std::fs::write(
        at.join("ours.sig"),
        key.sign(b"SID:1155123456 requests to upload report !").unwrap(),
    )
    .unwrap();
    succeed(at, "dgst -sha256 -verify public.pem -signature ours.sig message");
    succeed(at, "dgst -sha256 -sign key.pem -out theirs.sig message");
    let theirs = std::fs::read(at.join("theirs.sig")).unwrap();
    let message = b"SID:1155123456 requests to upload report !";
    assert!(key.public_key().verify(message, &theirs).is_ok());
    assert!(key.public_key().verify(b"SID:1155123457", &theirs).is_err());
}

#[test]
fn requests_made_by_openssl_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeed(at, "ecparam -name prime256v1 -genkey -noout -out key.pem");
    for (digest, subject) in [
        ("sha256", "/UID=1155123456/CN=Chan"),
        ("sha256", "/CN=1155123456"),
        ("sha384", "/CN=Chan"),
        ("sha256", "/"),
    ] {
        succeed(at, &format!("req -new -key key.pem -{digest} -subj {subject} -out r.pem"));
        let text = std::fs::read_to_string(at.join("r.pem")).unwrap();
        let request = CertificationRequest::from_pem(&text).unwrap();
        request.names_only(&id()).unwrap();
        let key = SigningKey::from_pkcs8_pem(&std::fs::read_to_string(at.join("key.pem")).unwrap());
        assert_eq!(request.public_key(), key.unwrap().public_key());
    }
    // With attributes, and under its older label.
    succeed(
        at,
        "req -new -newhdr -key key.pem -subj /CN=Chan -addext subjectAltName=DNS:a.example -out r.pem",
    );
    let text = std::fs::read_to_string(at.join("r.pem")).unwrap();
    assert!(text.contains("BEGIN NEW CERTIFICATE REQUEST"));
    assert!(CertificationRequest::from_pem(&text).is_ok());
}

#[test]
fn requests_with_other_keys_or_signatures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeed(at, "ecparam -name prime256v1 -genkey -noout -out key.pem");
    succeed(at, "ec -in key.pem -conv_form compressed -out compressed.pem");
    succeed(at, "ecparam -name prime256v1 -param_enc explicit -genkey -noout -out explicit.pem");
    succeed(at, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem");
    succeed(at, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    succeed(at, "genpkey -algorithm ED25519 -out ed25519.pem");
    let request = |key: &str, options: &str| {
        succeed(
            at,
            &format!("req -new -key {key}.pem -subj /CN=Chan {options} -outform DER -out r.der"),
        );
        CertificationRequest::from_der(&std::fs::read(at.join("r.der")).unwrap())
    };
    let not_p256 = |name: &str| RequestError::Key(KeyError::NotP256 { algorithm: name.to_owned() });
    for (key, error) in [
        ("compressed", RequestError::Key(KeyError::CompressedPoint)),
        ("explicit", RequestError::Key(KeyError::ExplicitParameters)),
        ("p384", not_p256("P-384")),
        ("rsa", not_p256("RSA")),
        ("ed25519", not_p256("Ed25519")),
    ] {
        assert_eq!(request(key, "").unwrap_err(), error, "{key}");
    }
    assert_eq!(
        request("key", "-sha1").unwrap_err(),
        RequestError::SignatureAlgorithm { algorithm: "1.2.840.10045.4.1".to_owned() }
    );

    assert!(request("key", "").is_ok());
    let mut tampered = std::fs::read(at.join("r.der")).unwrap();
    let name = tampered.windows(4).position(|w| w == b"Chan").unwrap();
    tampered[name] = b'W';
    assert_eq!(CertificationRequest::from_der(&tampered).unwrap_err(), RequestError::Signature);
}

#[test]
fn openssl_reads_our_requests() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (subject, printed) in [
        (Subject::Person { id: id(), name: None }, "subject=UID = 1155123456, CN = 1155123456"),
        (
            Subject::Person { id: id(), name: Some("陳大文,O=evil".to_owned()) },
            "subject=UID = 1155123456, CN = \"陳大文,O=evil\"",
        ),
        (Subject::Server { origin: origin() }, "subject=CN = localhost"),
    ] {
        let request = certification_request(&key(), &subject).unwrap();
        std::fs::write(at.join("r.der"), &request).unwrap();
        let text = succeed(
            at,
            "req -inform DER -in r.der -verify -noout -subject -nameopt oneline,-esc_msb,utf8",
        );
        assert!(text.contains(printed), "{text}");
        assert!(CertificationRequest::from_der(&request).is_ok());
    }
}

#[test]
fn ed25519_keys_and_requests_go_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeed(at, "genpkey -algorithm ED25519 -out theirs.pem");
    let text = std::fs::read_to_string(at.join("theirs.pem")).unwrap();
    let key = Ed25519SigningKey::from_pkcs8_pem(&text).unwrap();
    assert_eq!(*key.to_pkcs8_pem(), text);
    succeed(at, "pkey -in theirs.pem -pubout -outform DER -out theirs.spki");
    assert_eq!(std::fs::read(at.join("theirs.spki")).unwrap(), key.public_key().spki_der());

    succeed(at, "req -new -key theirs.pem -subj /CN=localhost -out r.pem");
    let text = std::fs::read_to_string(at.join("r.pem")).unwrap();
    let request = Ed25519CertificationRequest::from_pem(&text).unwrap();
    assert_eq!(request.public_key(), key.public_key());
    let subject = Subject::Witness { name: "localhost".parse().unwrap() };
    assert_eq!(request.names_exactly(&subject), Ok(()));

    let ours = ed25519_certification_request(&key, &Subject::Log { origin: origin() }).unwrap();
    std::fs::write(at.join("ours.der"), &ours).unwrap();
    let text = succeed(at, "req -inform DER -in ours.der -verify -noout -subject");
    assert!(text.contains("subject=CN = localhost log"), "{text}");

    succeed(at, "genpkey -algorithm X25519 -out x25519.pem");
    let text = std::fs::read_to_string(at.join("x25519.pem")).unwrap();
    let error = KeyError::NotEd25519 { algorithm: "X25519".to_owned() };
    assert_eq!(Ed25519SigningKey::from_pkcs8_pem(&text).unwrap_err(), error);
}

#[test]
fn certs_only_messages_go_both_ways() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let at = folder.path();
    let ours = [authority.root.certificate().clone(), authority.issuing.certificate().clone()];
    std::fs::write(at.join("ours.p7"), encode_certs_only(&ours).unwrap()).unwrap();
    let printed = succeed(at, "pkcs7 -inform DER -in ours.p7 -print_certs");
    let read = Certificate::chain_from_pem(&printed).unwrap();
    assert_eq!(read.len(), 2);
    assert!(ours.iter().all(|one| read.contains(one)));

    succeed(
        at,
        "crl2pkcs7 -nocrl -certfile cuhk.cer -certfile issuing.cer -outform DER -out theirs.p7",
    );
    let read = decode_certs_only(&std::fs::read(at.join("theirs.p7")).unwrap()).unwrap();
    assert_eq!(read.len(), 2);
    assert!(ours.iter().all(|one| read.contains(one)));
}

/// A certificate that OpenSSL made by the profile is accepted, so what is refused is the digest.
#[test]
fn certificates_are_signed_with_sha256_only() {
    let (root_key, issuing_key) = (key(), key());
    let authority = Authority::with_keys(copy(&root_key), copy(&issuing_key));
    let folder = folder(&authority);
    let at = folder.path();
    std::fs::write(at.join("issuing.key"), issuing_key.to_pkcs8_pem().as_bytes()).unwrap();
    let extensions = "keyUsage = critical, digitalSignature, keyAgreement
        extendedKeyUsage = clientAuth, 1.3.6.1.5.5.7.3.36
        certificatePolicies = 2.25.304274850276117055762681507612542191110.1.1
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid";
    std::fs::write(at.join("person.cnf"), extensions).unwrap();
    succeed(at, "ecparam -name prime256v1 -genkey -noout -out key.pem");
    succeed(at, "req -new -key key.pem -subj /UID=1155123456/CN=Chan -out r.pem");
    // OpenSSL's `x509` takes the time of its own clock, at which the authority may not be valid:
    // that is looked at last, when everything else was right.
    for (digest, accepted) in [("sha256", true), ("sha384", false)] {
        succeed(
            at,
            &format!(
                "x509 -req -in r.pem -CA issuing.cer -CAkey issuing.key -CAcreateserial -days 1 -{digest} -extfile person.cnf -out leaf.cer"
            ),
        );
        let text = std::fs::read_to_string(at.join("leaf.cer")).unwrap();
        let leaf = Certificate::from_pem(&text).unwrap();
        let time = leaf.not_before();
        let verified = authority.trusted().verify_person(&authority.chain(&leaf), time);
        match verified {
            Ok(person) => assert!(accepted && person.id() == &id()),
            Err(PathError::IssuerNotValid { .. }) => assert!(accepted),
            Err(error) => assert!(!accepted && error == PathError::BadSignature, "{error}"),
        }
    }
}

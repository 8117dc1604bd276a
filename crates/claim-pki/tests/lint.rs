//! Every kind of certificate before judges that are not ours: `openssl verify -x509_strict`, webpki and pkilint.
//!
//! A new profile is a new row in `lint/rows.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "lint/pkilint.rs"]
mod pkilint;
#[path = "lint/rows.rs"]
mod rows;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use authority::{Forger, SID, UID, copy, key, push, serial, start};
use claim_pki::{Certificate, RevocationList, RevocationReason, RevokedCertificate};
use pkilint::{Arcs, findings};
use rows::{Row, Signer, rows};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

/// Writes the certificate, its signer's and the authorities' where the judges find them.
fn write(folder: &Path, row: &Row, number: usize) {
    let (root, issuing) = (row.authority.root.certificate(), row.authority.issuing.certificate());
    let signer = if row.signer == Signer::Issuing { issuing } else { root };
    for (name, certificate) in
        [("it", &row.certificate), ("signer", signer), ("root", root), ("issuing", issuing)]
    {
        let path = folder.join(format!("{name}-{number}.cer"));
        std::fs::write(path, certificate.to_pem()).unwrap();
    }
}

fn openssl_verifies(folder: &Path, number: usize) -> Output {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(["verify", "-x509_strict", "-check_ss_sig", "-policy_check"]);
    let time = (start().as_seconds() + 60).to_string();
    command.args(["-attime", &time, "-CAfile", &format!("root-{number}.cer")]);
    command.args(["-untrusted", &format!("issuing-{number}.cer"), &format!("it-{number}.cer")]);
    command.output().unwrap()
}

/// The path to the root as webpki builds it, and the names of a server.
fn webpki_verifies(row: &Row, certificate: &[u8]) -> Result<(), Error> {
    let root = CertificateDer::from(row.authority.root.certificate().der());
    let anchor = anchor_from_trusted_cert(&root)?;
    let issuing = CertificateDer::from(row.authority.issuing.certificate().der());
    let between = match row.signer {
        Signer::Itself | Signer::Root => &[][..],
        Signer::Issuing => std::slice::from_ref(&issuing),
    };
    let seconds = start().as_seconds().unsigned_abs() + 60;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let der = CertificateDer::from(certificate);
    let leaf = EndEntityCert::try_from(&der)?;
    let (algorithms, usage) =
        (webpki::ALL_VERIFICATION_ALGS, KeyUsage::required_if_present(row.usage));
    leaf.verify_for_usage(algorithms, &[anchor], between, time, usage, None, None)?;
    for host in row.hosts {
        leaf.verify_is_valid_for_subject_name(&ServerName::try_from(*host).unwrap())?;
    }
    Ok(())
}

/// What pkilint finds in each certificate alone, and beside its signer's.
fn pkilint_finds(folder: &Path, arcs: Arcs, count: usize) -> Vec<[Vec<String>; 2]> {
    let looks = (0..count).flat_map(|number| {
        let (it, signer) = (format!("it-{number}.cer"), format!("signer-{number}.cer"));
        [
            vec!["lint_pkix_cert".to_owned(), it.clone()],
            vec!["lint_pkix_signer_signee_cert_chain".to_owned(), signer, it],
        ]
    });
    let mut found = findings(folder, arcs, &looks.collect::<Vec<_>>()).into_iter();
    std::iter::from_fn(|| Some([found.next()?, found.next()?])).collect()
}

#[test]
fn openssl_finds_nothing_even_when_it_is_strict() {
    let folder = tempfile::tempdir().unwrap();
    for (number, row) in rows().iter().enumerate() {
        write(folder.path(), row, number);
        let output = openssl_verifies(folder.path(), number);
        assert!(output.status.success(), "{}: {output:?}", row.name);
    }
}

#[test]
fn webpki_finds_nothing() {
    for row in rows() {
        // An authority's certificate is not for use at the end of a path; as the middle of one, every other row tries it.
        let expected = match row.usage {
            [] => Err(Error::CaUsedAsEndEntity),
            _ => Ok(()),
        };
        assert_eq!(webpki_verifies(&row, row.certificate.der()), expected, "{}", row.name);
    }
}

#[test]
fn pkilint_finds_nothing_but_what_is_written_down() {
    let (folder, rows) = (tempfile::tempdir().unwrap(), rows());
    for (number, row) in rows.iter().enumerate() {
        write(folder.path(), row, number);
    }
    for arcs in [Arcs::Short, Arcs::Any] {
        let found = pkilint_finds(folder.path(), arcs, rows.len());
        let found: Vec<_> = rows.iter().map(|row| row.name).zip(found).collect();
        let expected: Vec<_> = rows.iter().map(|row| (row.name, expected(row, arcs))).collect();
        assert_eq!(found, expected, "{arcs:?}");
    }
}

fn expected(row: &Row, arcs: Arcs) -> [Vec<String>; 2] {
    [0, 1].map(|look| {
        let unread = if arcs == Arcs::Short { row.unread[look] } else { &[] };
        let mut codes: Vec<_> = [row.excepted[look], unread].concat();
        codes.sort_unstable();
        codes.into_iter().map(str::to_owned).collect()
    })
}

#[test]
fn the_exceptions_are_those_of_the_documentation() {
    let text = include_str!("../../../docs/divergences.md");
    let ours =
        |code: &&str| ["base.", "itu.", "pkix."].iter().any(|family| code.starts_with(family));
    let mut written: Vec<_> = text.split('`').skip(1).step_by(2).filter(ours).collect();
    let mut excepted: Vec<_> =
        rows().iter().flat_map(|row| [row.excepted, row.unread].concat().concat()).collect();
    for list in [&mut written, &mut excepted] {
        list.sort_unstable();
        list.dedup();
    }
    assert_eq!(written, excepted);
}

/// Lists of either authority, empty and with every reason.
fn lists() -> Vec<(&'static str, authority::Authority, RevocationList, usize)> {
    let all: Vec<_> = (1..)
        .zip(RevocationReason::ALL)
        .map(|(last, reason)| RevokedCertificate {
            serial: serial(last),
            revoked_at: start(),
            reason,
        })
        .collect();
    let until = start().plus_seconds(7 * 24 * 3600);
    let mut lists = Vec::new();
    for entries in [&[][..], &all] {
        for kind in ["CRL", "ARL"] {
            let authority = authority::Authority::new();
            let issuer = if kind == "CRL" { &authority.issuing } else { &authority.root };
            let list = issuer.revocation_list(7, start(), until, entries).unwrap();
            lists.push((kind, authority, list, entries.len()));
        }
    }
    lists
}

/// `CRL` and `ARL` are pkilint's words for lists of others' certificates and of authorities'.
fn pkilint_finds_in_list(folder: &Path, kind: &str) -> Vec<String> {
    let look = ["lint_crl", "-t", kind, "-p", "PKIX", "list.crl"].map(str::to_owned).to_vec();
    findings(folder, Arcs::Short, &[look]).concat()
}

#[test]
fn the_judges_find_nothing_in_revocation_lists() {
    for (kind, authority, list, count) in lists() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("list.crl"), list.to_pem()).unwrap();
        assert_eq!(pkilint_finds_in_list(folder.path(), kind), [""; 0], "{kind}");
        let issuer = if kind == "CRL" { &authority.issuing } else { &authority.root };
        std::fs::write(folder.path().join("it.cer"), issuer.certificate().to_pem()).unwrap();
        let mut command = Command::new("openssl");
        command.current_dir(folder.path());
        command.args(["crl", "-in", "list.crl", "-noout", "-CAfile", "it.cer", "-verify"]);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.contains("verify OK"), "{kind}: {output:?}");
        let read = &webpki::BorrowedCertRevocationList::from_der(list.der()).unwrap();
        assert_eq!(read.into_iter().filter(Result::is_ok).count(), count, "{kind}");
    }
}

/// A list that ends before it begins.
#[test]
fn pkilint_is_awake_over_lists() {
    let (_, _, list, _) = lists().remove(0);
    let mut der = list.der().to_vec();
    // UTCTime in DER: tag, length and thirteen characters; both times stand beside each other.
    let at = der.windows(2).position(|octets| octets == [0x17, 13]).unwrap();
    let (first, second) = der[at..at + 30].split_at_mut(15);
    first.swap_with_slice(second);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("list.crl"), der).unwrap();
    assert!(!pkilint_finds_in_list(folder.path(), "CRL").is_empty());
}

/// A certificate with faults; whoever sees none is asleep.
#[test]
fn the_judges_are_awake() {
    let issuing_key = key();
    let authority = authority::Authority::with_keys(key(), copy(&issuing_key));
    let forger = Forger::with_key_of(&issuing_key);
    let mut params = forger.person();
    params.use_authority_key_identifier_extension = false;
    push(&mut params, rcgen::DnType::CustomDnType(UID.to_vec()), SID);
    let mut der = forger.sign(&params, "Issuing CA");
    let certificate = Certificate::from_der(&der).unwrap();
    let row = Row { authority, certificate, ..rows().remove(3) };

    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &row, 0);
    let output = openssl_verifies(folder.path(), 0);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("Missing Authority Key Identifier"), "{told}");
    for arcs in [Arcs::Short, Arcs::Any] {
        let found = pkilint_finds(folder.path(), arcs, 1).concat().concat();
        let missing = "pkix.authority_key_identifier_extension_absent".to_owned();
        assert!(found.contains(&missing), "{found:?}");
    }
    assert_eq!(webpki_verifies(&row, &der), Ok(()));
    *der.last_mut().unwrap() ^= 1;
    assert!(webpki_verifies(&row, &der).is_err());
}

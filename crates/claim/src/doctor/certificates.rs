//! When certificates end, and who sees to it that others follow.

use std::path::PathBuf;

use claim_core::Timestamp;
use claim_pki::Certificate;

use super::finding::Findings;
use super::keys::{first, issuing_stems};
use super::place::{Kind, Place};
use super::{days, read_public};
use crate::cli::Check;
use crate::words::day;

/// A certificate, and what its end means.
struct Watched {
    path: PathBuf,
    /// From how many days before its end on there is something to do.
    warn: i64,
    /// From how many days before its end on something does not work.
    wrong: i64,
    why: &'static str,
    next: &'static str,
}

pub(super) fn look(place: &Place, now: Timestamp, findings: &mut Findings) {
    for watched in watched(place) {
        let Some(certificate) = first(&watched.path) else { continue };
        judge(&watched, &certificate, now, findings);
    }
    if let Some(path) = place.server().and_then(|server| server.tls_cert.clone()) {
        external(path, now, findings);
    }
}

fn watched(place: &Place) -> Vec<Watched> {
    let root = |next| Watched {
        path: place.path("cuhk.cer"),
        warn: 730,
        wrong: 0,
        why: "No certificate outlives the root, and nothing renews it: a new root is a new CUHK.",
        next,
    };
    match &place.kind {
        Kind::Cuhk { .. } => {
            let mut all = vec![root("Plan a new CUHK, in a new folder: claim cuhk init")];
            let mut issuing = issuing_stems(&place.dir);
            let newest = issuing.pop();
            // What is past its end among the others is as it should be.
            all.extend(newest.map(|stem| Watched {
                path: place.path(&format!("{stem}.cer")),
                warn: 183,
                wrong: 30,
                why: "No certificate that it signs outlives it; CUHK goes on without a pause with another.",
                next: "claim cuhk issuing renew",
            }));
            all.push(Watched {
                path: place.path("cuhk-server.cer"),
                warn: 25,
                wrong: 0,
                why: "CUHK renews it by itself when a third of its 90 days is left, and has not.",
                next: "systemctl status claim-cuhk; start CUHK, which renews it then",
            });
            all.extend(["cuhk-witness.cer", "cuhk-timestamp.cer"].map(|name| Watched {
                path: place.path(name),
                warn: 90,
                wrong: 0,
                why: "It has served for nearly ten years.",
                next: "Move it and its key away, and start CUHK where cuhk.key is at hand: it takes a new key.",
            }));
            all
        }
        Kind::Blackboard(_) => vec![
            root("Plan a new CUHK with its people"),
            Watched {
                path: place.path("blackboard.cer"),
                warn: 25,
                wrong: 0,
                why: "Blackboard renews it at CUHK by itself when a third of its 90 days is left, and has not.",
                next: "journalctl -u claim-blackboard | grep renew; see that CUHK can be reached",
            },
        ],
        Kind::Witness => vec![
            root("Ask CUHK's people for the root that follows"),
            Watched {
                path: place.path("witness.cer"),
                warn: 90,
                wrong: 0,
                why: "Whoever checks receipts believes the witness by this certificate.",
                next: "claim cuhk certify witness.request, where the root's key is",
            },
        ],
        Kind::Person(id) => vec![
            root("Ask CUHK's people for the root that follows"),
            Watched {
                path: place.path(&format!("{id}.cer")),
                warn: 60,
                wrong: 0,
                why: "It can be renewed by itself until 30 days after its end; then a new invitation is needed.",
                next: "claim student renew",
            },
        ],
    }
}

fn judge(watched: &Watched, certificate: &Certificate, now: Timestamp, findings: &mut Findings) {
    let name = watched.path.file_name().unwrap_or_default().display().to_string();
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    let left = days(now, end);
    if now < begin {
        findings.wrong(
            Check::Certificates,
            format!("{name} is not valid before {begin}."),
            format!("It is {now} by this machine's clock, which may be wrong."),
            "date -u; chronyc tracking",
        );
    } else if left < watched.wrong || now > end {
        let verb = if now > end { "ended" } else { "ends" };
        let what = format!("{name} {verb} on {}.", day(end));
        findings.wrong(Check::Certificates, what, watched.why, watched.next);
    } else if left < watched.warn {
        let what = format!("{name} ends on {}, in {left} days.", day(end));
        findings.warning(Check::Certificates, what, watched.why, watched.next);
    } else {
        let what = format!("{name} is valid until {}, for {left} days more.", day(end));
        findings.well(Check::Certificates, what);
    }
}

/// A TLS certificate from elsewhere, which nobody here renews.
fn external(path: PathBuf, now: Timestamp, findings: &mut Findings) {
    let readable = read_public(&path).and_then(|text| Certificate::chain_from_pem(&text).ok());
    let Some(certificate) = readable.and_then(|chain| chain.into_iter().next()) else {
        findings.wrong(
            Check::Certificates,
            format!("{} is not a certificate.", path.display()),
            "The server keeps showing the one that it read last, or does not start.",
            "Put the certificate chain there (PEM), then systemctl reload the server.",
        );
        return;
    };
    let watched = Watched {
        path,
        warn: 21,
        wrong: 3,
        why: "It comes from elsewhere (tls-cert), where it is to be renewed; clients refuse an expired one.",
        next: "Renew it there (certbot renew, say); the server takes it over within a minute.",
    };
    judge(&watched, &certificate, now, findings);
}

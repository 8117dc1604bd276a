//! What CUHK's terminal says.

use claim_core::invitation::Invitee;
use claim_cuhk::{CertifiedEvidence, Event, Issued, Mode, RevokedByHolder};
use serde_json::json;

use super::{day, health_line, join, short, tls_not_reloaded, tls_reloaded, warning};
use crate::terminal::{Narration, Words};

/// The words for an event of CUHK.
pub(crate) fn words(event: &Event) -> Words {
    match event {
        Event::RootMade { fingerprint } => Words {
            plain: Some(format!(
                "Made cuhk.cer and cuhk.key; the root's SHA-256 is {fingerprint}."
            )),
            ..told(
                0,
                "makes a key pair and the root certificate: cuhk.key and cuhk.cer".to_owned(),
                vec![
                    (
                        "public",
                        "cuhk.cer; whoever has it can check every other certificate".to_owned(),
                    ),
                    ("secret", "cuhk.key; whoever has it could certify anything".to_owned()),
                ],
            )
        },
        Event::RootLoaded { fingerprint } => Words {
            plain: Some(format!("Loaded cuhk.cer; the root's SHA-256 is {fingerprint}.")),
            ..told(
                0,
                "loads the key pair and the root certificate that are there".to_owned(),
                vec![],
            )
        },
        Event::Listening { origin, addresses, mode, metrics } => {
            let local = "\nLOCAL DEMONSTRATION: this CUHK certifies ANY student ID, for programs on this machine only.\n\
                         For a real one, make an empty folder and run: claim cuhk init --public-url https://…";
            let note = if *mode == Mode::LocalDemo { local } else { "" };
            Words {
                plain: Some(format!(
                    "CUHK listens on {} as {origin}.{}{note}",
                    join(addresses),
                    health_line(*metrics)
                )),
                json: Some(json!({ "event": "listening", "origin": origin, "addresses": addresses,
                    "local_demo": *mode == Mode::LocalDemo, "metrics": metrics })),
                ..Words::default()
            }
        }
        Event::Enrolled(issued) => issued_words(issued, "enrolled", "signed"),
        Event::Renewed(issued) => issued_words(issued, "renewed", "renewed"),
        // The first one belongs to the start, of which enough is told.
        Event::ServerCertificate(issued) => Words {
            json: Some(json!({ "event": "own-certificate", "serial": issued.serial.to_string(),
                "not_after": issued.not_after })),
            ..Words::default()
        },
        Event::RevokedByHolder(revoked) => {
            let RevokedByHolder { id, by_code, serials, reason, peer } = revoked;
            let by = if *by_code { "by an invitation" } else { "by a certificate" };
            Words {
                plain: Some(format!(
                    "{}: {id} has revoked {} ({by}, from {peer}; {reason}).",
                    id.label(),
                    serials.join(", ")
                )),
                json: Some(json!({ "event": "revoked-by-holder", "id": id, "serials": serials,
                    "reason": reason.as_str(), "by_code": by_code, "peer": peer })),
                ..Words::default()
            }
        }
        Event::ServerCertificateNotRenewed { reason, not_after } => Words {
            json: Some(
                json!({ "event": "renewal-failed", "reason": reason, "not_after": not_after }),
            ),
            ..warning(format!(
                "CUHK's own TLS certificate could not be renewed ({reason}); it is valid until {not_after}. Trying again within the hour."
            ))
        },
        Event::TlsReloaded { not_after } => tls_reloaded(*not_after),
        Event::TlsNotReloaded { reason } => tls_not_reloaded(reason),
        Event::IssuingEnds { not_after } => Words {
            json: Some(json!({ "event": "issuing-ends", "not_after": not_after })),
            ..warning(format!(
                "The issuing certificate ends on {}, and no certificate that it signs outlives it. `claim cuhk issuing renew` makes the next one, which CUHK takes over without a pause.",
                day(*not_after)
            ))
        },
        Event::IssuingRenewed { serial, not_after } => Words {
            plain: Some(format!(
                "Another issuing certificate is in use from now on: {serial}, valid until {}. What was issued before stays good.",
                day(*not_after)
            )),
            json: Some(json!({ "event": "issuing-renewed", "serial": serial.to_string(),
                "not_after": not_after })),
            ..Words::default()
        },
        Event::IssuingNotRenewed { reason } => Words {
            json: Some(json!({ "event": "issuing-not-renewed", "reason": reason })),
            ..warning(format!(
                "The issuing certificates in the folder are not taken over ({reason}); trying again every minute."
            ))
        },
        Event::CodeReused { invitee, key_fingerprint, peer } => Words {
            json: Some(json!({ "event": "code-reused", "id": invitee.to_string(), "peer": peer })),
            ..warning(format!(
                "The code of {invitee} was used with a second key ({}) from {peer}, and refused. It may be stolen: ask {invitee}, and invite again.",
                short(key_fingerprint)
            ))
        },
        Event::RenewedBefore { holder, renewed_by, key_fingerprint, peer } => Words {
            json: Some(json!({
                "event": "renewed-before", "id": holder.to_string(), "renewed_by": renewed_by, "peer": peer,
            })),
            ..warning(format!(
                "A certificate of {holder} was to be renewed with a second key ({}) from {peer}, and was not: it was renewed before ({renewed_by}). Its key may be stolen: ask {holder}.",
                short(key_fingerprint)
            ))
        },
        Event::SignInDenied { person, key_fingerprint, begun_from } => Words {
            json: Some(json!({ "event": "sign-in-denied", "id": person,
                "key_sha256": key_fingerprint.to_string(), "begun_from": begun_from })),
            ..warning(format!(
                "{person} was signed in and denied the key {} that a terminal at {begun_from} had left. Somebody may be trying to enrol as {person}: ask.",
                short(key_fingerprint)
            ))
        },
        Event::NotAnnounced { reason } => Words {
            json: Some(json!({ "event": "not-announced", "reason": reason })),
            ..warning(format!(
                "Nobody can be told by mail of new certificates: {}. They are told when that is mended.",
                reason.escape_debug()
            ))
        },
        Event::EvidenceCertified(certified) => evidence_words(certified),
        Event::EvidenceRefused { reason } => Words {
            json: Some(json!({ "event": "evidence-refused", "reason": reason })),
            ..warning(format!("blackboard.request is not answered: {}.", reason.escape_debug()))
        },
        Event::ListsNotRenewed { reason } => Words {
            json: Some(json!({ "event": "lists-not-renewed", "reason": reason })),
            ..warning(format!(
                "The revocation lists are not as they should be ({reason}); trying again every minute."
            ))
        },
        Event::TimestampsUnavailable { reason } => Words {
            json: Some(json!({ "event": "timestamps-unavailable", "reason": reason })),
            ..warning(format!(
                "CUHK has no timestamp key, so nobody can hand in while a Blackboard is out of reach ({}). Put that right and start CUHK again, where the root's key is at hand.",
                reason.escape_debug()
            ))
        },
        Event::LogSplit { origin, size } => Words {
            json: Some(json!({ "event": "log-split", "origin": origin, "size": size })),
            ..warning(format!(
                "The log {} shows two histories: it has signed two different trees of {size} entries. Both checkpoints are kept in CUHK's records; nothing more of it is cosigned that does not continue the first.",
                origin.escape_debug()
            ))
        },
        Event::Refused { problem_type, detail, peer } => Words {
            plain: Some(format!("Refused {peer}: {} ({detail})", problem_type.title())),
            json: Some(
                json!({ "event": "refused", "problem": problem_type.slug(), "detail": detail, "peer": peer }),
            ),
            ..Words::default()
        },
        _ => Words::default(),
    }
}

fn evidence_words(certified: &CertifiedEvidence) -> Words {
    let CertifiedEvidence { origin, timestamp, log, witness } = certified;
    Words {
        plain: Some(format!(
            "Certified the timestamp key ({timestamp}) and the log key ({log}) of {origin}."
        )),
        json: Some(json!({ "event": "evidence-certified", "origin": origin,
            "timestamp": timestamp.to_string(), "log": log.to_string(), "witness": witness })),
        ..told(
            0,
            format!("certifies, with the root's own key, by what {origin} will timestamp and log"),
            vec![
                ("proves", "which timestamps and which log belong to that Blackboard".to_owned()),
                ("witness", format!("CUHK cosigns the log as {witness}, with its own clock")),
            ],
        )
    }
}

fn issued_words(issued: &Issued, event: &str, verb: &str) -> Words {
    let Issued { holder, serial, key_fingerprint, not_after, repeated } = issued;
    let name = match holder {
        Invitee::Person(id) => format!("{}: {id}", id.label()),
        Invitee::Server(origin) => format!("Server: {origin}"),
    };
    let again = if *repeated { " again (the first answer was lost)" } else { "" };
    let (step, what) = match holder {
        Invitee::Person(_) => (2, "signs cert 2"),
        Invitee::Server(_) => (0, "signs a server's certificate"),
    };
    let narration = told(
        step,
        format!(
            "checks who asks and that the request is signed with its own key; {what} for {holder}"
        ),
        vec![
            ("recorded", "serial and content, on disk before it is signed".to_owned()),
            ("key", format!("SHA-256 {}", short(key_fingerprint))),
        ],
    );
    Words {
        plain: Some(format!(
            "{name} certificate {serial} {verb}{again}, valid until {}.",
            day(*not_after)
        )),
        json: Some(json!({ "event": event, "id": holder.to_string(), "serial": serial.to_string(),
            "not_after": not_after, "repeated": repeated })),
        ..narration
    }
}

fn told(step: u8, what: String, meaning: Vec<(&'static str, String)>) -> Words {
    let narration = Narration { step, who: "CUHK", what, meaning };
    Words { narration: Some(narration), ..Words::default() }
}

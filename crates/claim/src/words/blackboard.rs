//! What Blackboard's terminal says.

use std::path::Path;

use claim_blackboard::Event;
use claim_core::claim::ClaimId;
use claim_core::encoding::base64;
use claim_core::{Escaped, Timestamp};
use serde_json::json;

use super::{clock, day, health_line, join, plain, tls_not_reloaded, tls_reloaded, warning};
use crate::terminal::{Narration, Words};

/// The words for an event of Blackboard.
pub(crate) fn words(event: &Event) -> Words {
    match event {
        Event::Waiting(what) => Words {
            json: Some(json!({ "event": "waiting", "for": what.to_string() })),
            ..plain(format!("Waiting for {what} … Start `claim cuhk`, if it does not run yet."))
        },
        Event::Enrolled { origin, cuhk, not_after, .. } => Words {
            plain: Some(format!(
                "CUHK at {cuhk} certified this server as {origin}, until {}.",
                day(*not_after)
            )),
            json: Some(json!({ "event": "enrolled", "origin": origin, "not_after": not_after })),
            ..told(
                0,
                format!("reads cuhk.cer and gets its own certificate from CUHK, for {origin}"),
                vec![("so that", "students can tell it from any other server".to_owned())],
            )
        },
        Event::Erased(erased) => super::retention::erased(erased),
        Event::NotErased { reason } => super::retention::not_erased(reason),
        Event::Renewed { serial, not_after } => Words {
            json: Some(json!({ "event": "renewed", "serial": serial, "not_after": not_after })),
            ..plain(format!("CUHK renewed this server's certificate, until {}.", day(*not_after)))
        },
        Event::RenewalFailed { reason, not_after } => Words {
            json: Some(
                json!({ "event": "renewal-failed", "reason": reason, "not_after": not_after }),
            ),
            ..warning(format!(
                "This server's certificate could not be renewed ({reason}); it is valid until {not_after}. Trying again within the hour."
            ))
        },
        Event::TlsReloaded { not_after } => tls_reloaded(*not_after),
        Event::TlsNotReloaded { reason } => tls_not_reloaded(reason),
        Event::SealingKeysLost { count } => Words {
            json: Some(json!({ "event": "sealing-keys-lost", "count": count })),
            ..warning(format!(
                "Sessions from before are over, and students' programs open new ones: {count} of the keys that sealed them belong to another sealing.key or address."
            ))
        },
        Event::Listening { origin, addresses, metrics } => Words {
            plain: Some(format!(
                "Blackboard listens on {} as {origin}.{}",
                join(addresses),
                health_line(*metrics)
            )),
            json: Some(json!({ "event": "listening", "origin": origin, "addresses": addresses,
                "metrics": metrics })),
            ..Words::default()
        },
        Event::CertificateVerified { id, serial } => told(
            3,
            format!(
                "verifies cert 2 ({serial}) against its own cuhk.cer: signatures, time, profile"
            ),
            vec![(
                "compared",
                format!("the id in the sentence with the one in the certificate: {id}"),
            )],
        ),
        Event::SessionKeySealed { fingerprint, .. } => told(
            4,
            format!(
                "makes a session key of 32 random bytes, fingerprint {}, and encrypts it with cert 2's public key (HPKE)",
                base64(&fingerprint.0)
            ),
            vec![
                (
                    "proves",
                    "nothing yet; but only the holder of cert 2's private key can go on".to_owned(),
                ),
                ("eavesdropper", "even inside TLS would see a ciphertext of 48 bytes".to_owned()),
                (
                    "kept",
                    "nothing: what Blackboard must remember travels in a sealed token".to_owned(),
                ),
            ],
        ),
        Event::SessionOpened { id, .. } => told(
            5,
            format!(
                "verifies the proof: this is {id}; confirms in turn, and signs with its own certified key"
            ),
            vec![],
        ),
        Event::Message { number, id, received_at, text } => Words {
            plain: Some(format!("{}:{id} {}  {}", id.label(), clock(*received_at), Escaped(text))),
            json: Some(json!({ "event": "message", "number": number, "id": id,
                "received_at": received_at, "text": text })),
            ..told(
                6,
                "recomputes the HMAC, compares, stores the message, and prints it:".to_owned(),
                vec![],
            )
        },
        Event::EvidenceReady { log, witness } => Words {
            json: Some(json!({ "event": "evidence-ready", "log": log, "witness": witness })),
            ..plain(format!("Claims are taken: the log is {log}, its witness is {witness}."))
        },
        Event::EvidenceMissing { reason } => Words {
            json: Some(json!({ "event": "evidence-missing", "reason": reason })),
            ..warning(format!("Claims cannot be taken yet: {reason}."))
        },
        Event::TimestampKeyEnds { signs_until, request, fault } => Words {
            json: Some(json!({ "event": "timestamp-key-ends", "signs_until": signs_until,
                "request": request, "fault": fault })),
            ..warning(timestamp_key_ends(*signs_until, request, fault.as_deref()))
        },
        Event::TimestampKeyReplaced { signs_until } => Words {
            json: Some(json!({ "event": "timestamp-key-replaced", "signs_until": signs_until })),
            ..plain(format!(
                "The next timestamp key signs from now on, until {}; claims were taken throughout.",
                super::day(*signs_until)
            ))
        },
        Event::EvidenceRevoked { serial } => super::lists::evidence_revoked(serial),
        Event::ListsEnd { until, left, fault } => super::lists::end(*until, *left, fault.as_deref()),
        Event::ListsEnded { until, fault } => super::lists::ended(*until, fault.as_deref()),
        Event::ListsRenewed { until } => super::lists::renewed(*until),
        Event::WitnessAway { origin, reason } => Words {
            json: Some(json!({ "event": "witness-away", "witness": origin, "reason": reason })),
            ..warning(format!(
                "The witness {origin} does not cosign the log: {}. Hand-ins go on; proofs go on with the other witnesses, or wait where there is none. It is asked again within a minute.",
                reason.escape_debug()
            ))
        },
        Event::LogBehind { witness, known, recorded } => Words {
            json: Some(json!({ "event": "log-behind", "witness": witness, "known": known,
                "recorded": recorded })),
            ..warning(format!(
                "THE LOG IS STOPPED: the witness {witness} has cosigned {known} entries of it, and the records here have {recorded}. They are an older copy, or others; to append to them would sign a second history. No claims are taken, receipts are. Stop this Blackboard and restore its newest records and objects, or bring the lost entries back from a mirror (claim blackboard log rebuild); OPERATIONS.md, \"A log that is behind\", says how to proceed."
            ))
        },
        Event::WitnessBack { origin } => Words {
            json: Some(json!({ "event": "witness-back", "witness": origin })),
            ..plain(format!("The witness {origin} cosigns the log again."))
        },
        Event::Clock(news) => super::clocks::words(news),
        Event::Lodged { claim, assignment, id, lodged_at, late_ms } => Words {
            plain: Some(format!(
                "{}:{id} {}  lodged a claim for {assignment}{} ({})",
                id.label(),
                clock(*lodged_at),
                if *late_ms > 0 { ", late" } else { "" },
                short(claim),
            )),
            json: Some(json!({ "event": "lodged", "claim": claim, "assignment": assignment.to_string(),
                "id": id, "lodged_at": lodged_at, "late_ms": late_ms })),
            ..told(
                6,
                "verifies the signed claim, stamps it with its time, and stages it for the log, all at once:"
                    .to_owned(),
                vec![],
            )
        },
        Event::Received { claim, assignment, id, files, bytes } => Words {
            json: Some(json!({ "event": "received", "claim": claim, "assignment": assignment.to_string(),
                "id": id, "files": files, "bytes": bytes })),
            ..plain(format!(
                "{}:{id}  handed in {files} {} for {assignment}, {bytes} bytes in all ({})",
                id.label(),
                if *files == 1 { "file" } else { "files" },
                short(claim),
            ))
        },
        Event::Refused { problem_type, detail, id, peer } => {
            let who = id.as_ref().map_or(peer.to_string(), ToString::to_string);
            Words {
                plain: Some(format!(
                    "Refused {who}: {} ({})",
                    problem_type.title(),
                    Escaped(detail)
                )),
                json: Some(
                    json!({ "event": "refused", "problem": problem_type.slug(), "detail": detail,
                    "id": id, "peer": peer }),
                ),
                ..Words::default()
            }
        }
        _ => Words::default(),
    }
}

/// What is to be done before the year of the timestamp key is over.
fn timestamp_key_ends(signs_until: Timestamp, request: &Path, fault: Option<&str>) -> String {
    let end = super::day(signs_until);
    match fault {
        None => format!(
            "The timestamp key signs until {end} only. Have {} certified where the root is (claim cuhk certify), and put the answer beside it as blackboard.answer: Blackboard takes the next key from it while it serves.",
            request.display()
        ),
        Some(fault) => format!(
            "The timestamp key signs until {end} only, and the next one cannot take its place yet: {}. Claims are taken until then.",
            Escaped(fault)
        ),
    }
}

/// The first digits of a claim's id.
fn short(claim: &ClaimId) -> String {
    claim.to_string().chars().take(12).collect()
}

fn told(step: u8, what: String, meaning: Vec<(&'static str, String)>) -> Words {
    let narration = Narration { step, who: "Blackboard", what, meaning };
    Words { narration: Some(narration), ..Words::default() }
}

//! What the student's terminal says.

use claim_core::Digest;
use claim_core::encoding::base64;
use claim_student::Event;
use serde_json::json;

use super::{clock, day, short, warning};
use crate::terminal::{Narration, Words};

/// The words for an event of the student's program.
pub(crate) fn words(event: &Event) -> Words {
    match event {
        Event::SignFinished { id } => Words {
            plain: Some(format!("{}: {id} sign finished.", id.label())),
            json: Some(json!({ "event": "sign-finished", "id": id })),
            ..Words::default()
        },
        Event::RootPinned { path, fingerprint } => Words {
            plain: Some(format!(
                "{} is the root that the invitation names (SHA-256 {}).",
                path.display(),
                short(fingerprint)
            )),
            ..Words::default()
        },
        Event::PutAside { id, serial, path } => Words {
            plain: Some(format!(
                "Certificate {serial} of {id} is revoked. It is put aside with its key, {}, which nothing uses any more.",
                path.display()
            )),
            json: Some(json!({ "event": "put-aside", "id": id, "serial": serial.to_string(),
                "key": path })),
            ..Words::default()
        },
        Event::SignInWanted { link, code, fingerprint, expires_at } => Words {
            plain: Some(format!(
                "Open this page in any browser, and sign in with the university:\n\n    {link}\n\n\
                 It asks for this code, until {}:\n\n    {code}\n\n\
                 Then it shows a key, and you confirm it if it is this one (SHA-256):\n\n    {}\n    {}\n",
                clock(*expires_at),
                grouped(fingerprint, 0),
                grouped(fingerprint, 1),
            )),
            json: Some(json!({ "event": "sign-in-wanted", "link": link, "code": code,
                "key_sha256": fingerprint.to_string(), "expires_at": expires_at })),
            ..told(event)
        },
        Event::SignedIn => Words {
            plain: Some("You are signed in; now confirm the key in the browser.".to_owned()),
            json: Some(json!({ "event": "signed-in" })),
            ..Words::default()
        },
        Event::WaitingForOther { id } => {
            plain(format!("Another program is enrolling {id} here; waiting for it …"))
        }
        Event::Retrying { why, after } => {
            plain(format!("{why}; trying again in {:.1} s …", after.as_secs_f64()))
        }
        Event::RenewedByItself { id, serial, not_after } => Words {
            plain: Some(format!(
                "The certificate of {id} was renewed; it is valid until {not_after}."
            )),
            json: Some(json!({ "event": "renewed", "id": id, "serial": serial.to_string(),
                "not_after": not_after })),
            ..Words::default()
        },
        Event::NotRenewed { id, not_after, why, advice } => Words {
            plain: Some(format!(
                "The certificate of {id} ends at {not_after} and could not be renewed: {why}. {advice}"
            )),
            json: Some(
                json!({ "event": "not-renewed", "id": id, "not_after": not_after, "why": why }),
            ),
            ..Words::default()
        },
        Event::RevocationsNotFetched { why, issued_at } => Words {
            json: Some(
                json!({ "event": "revocations-not-fetched", "why": why, "issued_at": issued_at }),
            ),
            ..warning(match issued_at {
                Some(at) => format!(
                    "CUHK could not be asked whether Blackboard's certificate was revoked: {why}. By its list of {at} it was not."
                ),
                None => format!(
                    "CUHK could not be asked whether Blackboard's certificate was revoked: {why}. There is no list from before, so it is not known."
                ),
            })
        },
        Event::AwaitingBlackboard { after } => plain(format!(
            "Blackboard is still away; asking again in {:.0} s (Ctrl-C stops; nothing is lost).",
            after.as_secs_f64()
        )),
        Event::SessionLost { why } => {
            plain(format!("The session has ended ({why}); opening a new one …"))
        }
        Event::ClockCorrected { clock_offset } => plain(clock_words(*clock_offset)),
        Event::SessionOpened { clock_offset, .. } if clock_offset.abs() > 5_000 => {
            let mut words = told(event);
            words.plain = Some(clock_words(*clock_offset));
            words
        }
        Event::MessageAcknowledged { answer } => Words {
            plain: Some(format!(
                "Blackboard has message {} ({}).",
                answer.number,
                clock(answer.received_at)
            )),
            json: Some(json!({ "event": "message-acknowledged", "id": answer.sid,
                "number": answer.number, "received_at": answer.received_at })),
            ..told(event)
        },
        Event::SignedAnew { change, zone } => {
            Words { plain: Some(format!("Signed anew: {}.", change.in_words(zone))), ..told(event) }
        }
        Event::FilesRead { files, unchanged } => Words {
            plain: (*unchanged > 0).then(|| {
                format!("{unchanged} of {files} files are as they were when they were last read.")
            }),
            json: Some(json!({ "event": "files-read", "files": files, "unchanged": unchanged })),
            ..Words::default()
        },
        Event::ClaimLodged { claim, lodged_at, due, late_ms } => Words {
            json: Some(json!({ "event": "claim-lodged", "claim": claim, "lodged_at": lodged_at,
                "due": due, "late_ms": late_ms })),
            ..told(event)
        },
        Event::ProofSaved { claim, path } => Words {
            plain: Some(format!("The proof of that is {}.", path.display())),
            json: Some(json!({ "event": "proof-saved", "claim": claim, "path": path })),
            ..told(event)
        },
        Event::FilesReceived { claim, received_at } => Words {
            json: Some(
                json!({ "event": "files-received", "claim": claim, "received_at": received_at }),
            ),
            ..told(event)
        },
        event => told(event),
    }
}

/// One half of a digest, in groups of eight, as CUHK's page shows it.
fn grouped(digest: &Digest, half: usize) -> String {
    let hex = digest.to_string();
    let groups: Vec<_> = hex.as_bytes().chunks(8).skip(half * 4).take(4).collect();
    String::from_utf8_lossy(&groups.join(&b' ')).into_owned()
}

fn plain(line: String) -> Words {
    Words { plain: Some(line), ..Words::default() }
}

fn clock_words(offset: i64) -> String {
    let seconds = offset.unsigned_abs() / 1_000;
    let which = if offset > 0 { "behind" } else { "ahead of" };
    format!("This machine's clock is {seconds} s {which} Blackboard's; Blackboard's counts.")
}

fn told(event: &Event) -> Words {
    let Some((step, what, meaning)) = narration(event) else { return Words::default() };
    Words { narration: Some(Narration { step, who: "Student", what, meaning }), ..Words::default() }
}

type Told = (u8, String, Vec<(&'static str, String)>);

/// A word and what it says of the step.
fn means(word: &'static str, text: &str) -> (&'static str, String) {
    (word, text.to_owned())
}

fn narration(event: &Event) -> Option<Told> {
    Some(match event {
        Event::KeyMade { fingerprint, path } => (
            1,
            format!("makes a key pair; the public key's SHA-256 is {}", short(fingerprint)),
            vec![(
                "secret",
                format!(
                    "the private key, in {}, which only its owner can read; it never leaves this device",
                    path.display()
                ),
            )],
        ),
        Event::KeyFound { fingerprint, .. } => {
            (1, format!("takes the key pair that is there, SHA-256 {}", short(fingerprint)), vec![])
        }
        Event::RequestSent { cuhk, bytes } => (
            1,
            format!("sends a certification request (PKCS#10, {bytes} bytes) to CUHK at {cuhk}"),
            vec![
                means(
                    "proves",
                    "it is signed with the new key: whoever asks holds the private key",
                ),
                means(
                    "eavesdropper",
                    "sees a TLS 1.3 connection, its length and time, nothing inside",
                ),
            ],
        ),
        Event::SignInWanted { .. } => (
            1,
            "leaves the request at CUHK, until its person has signed in with the university"
                .to_owned(),
            vec![
                means("proves", "nothing yet: CUHK asks the university who sits at the browser"),
                means("secret", "what this terminal asks with; the code alone is worth nothing"),
            ],
        ),
        Event::CertificateReceived { serial, not_after, .. } => (
            2,
            format!("has cert 2, serial {serial}, valid until {}", day(*not_after)),
            vec![means(
                "checked",
                "the signatures up to cuhk.cer, that it is for this SID and this key",
            )],
        ),
        Event::ChallengeSent { sentence, blackboard, .. } => (
            3,
            format!("sends to {blackboard}: \"{sentence}\", cert 2 and a fresh nonce"),
            vec![
                means(
                    "proves",
                    "nothing yet: certificates are public, anybody could send this one",
                ),
                means("eavesdropper", "sees a TLS 1.3 connection, nothing inside"),
            ],
        ),
        Event::ChallengeReceived { scheme, enc, ciphertext, .. } => (
            4,
            format!(
                "has the encrypted session key ({scheme}: {enc} + {ciphertext} bytes) and a sealed token"
            ),
            vec![],
        ),
        Event::SessionKeyDecrypted { fingerprint } => (
            5,
            format!(
                "decrypts the session key with its private key; fingerprint {}",
                base64(&fingerprint.0)
            ),
            vec![means(
                "bound",
                "to the address that was connected to: a session key relayed by another server would not decrypt",
            )],
        ),
        Event::ConfirmationSent => (
            5,
            "sends back the proof that it has the session key: an HMAC over all that was said"
                .to_owned(),
            vec![
                means("proves", "whoever sends it holds the private key of cert 2, now"),
                means(
                    "eavesdropper",
                    "would not learn the session key even inside TLS: it is not sent",
                ),
            ],
        ),
        Event::BlackboardVerified { origin, key_fingerprint } => (
            5,
            format!("has Blackboard's proof in turn: its HMAC, and its signature as {origin}"),
            vec![
                means(
                    "proves",
                    "that server has the session key and holds a key that CUHK certified for this very origin",
                ),
                ("key", format!("SHA-256 {}", short(key_fingerprint))),
            ],
        ),
        Event::SessionOpened { expires_at, .. } => {
            (5, format!("has a session until {}", expires_at), vec![])
        }
        Event::MessageSigned { bytes, .. } => (
            6,
            format!(
                "sends a message ({bytes} bytes) with its HMAC under the session key (RFC 9421)"
            ),
            vec![means(
                "proves",
                "who sends it, and that not a bit of it, of its address or of its type is changed",
            )],
        ),
        Event::MessageAcknowledged { .. } => (
            6,
            "has Blackboard's answer, signed for this very request".to_owned(),
            vec![means("proves", "Blackboard has the message, safe on disk")],
        ),
        event => return hand_in(event),
    })
}

/// "1 file", "2 files".
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn hand_in(event: &Event) -> Option<Told> {
    let (what, meaning) = match event {
        Event::ClaimSigned { claim, files, bytes } => (
            format!(
                "signs the claim {}: {}, {bytes} bytes of CMS",
                short(claim.digest()),
                count(*files, "file")
            ),
            vec![means(
                "proves",
                "who hands in which files, by their digests, to which assignment, due when",
            )],
        ),
        Event::ClaimLodged { lodged_at, .. } => (
            format!("has Blackboard's timestamp over the signed claim (RFC 3161): {lodged_at}"),
            vec![
                means("proves", "when Blackboard had the claim; the files may follow"),
                means(
                    "checked",
                    "its signature, its certificate directly under cuhk.cer, and that it is over this claim",
                ),
            ],
        ),
        Event::Uploading { files, missing } => (
            format!(
                "sends {} of {}",
                count(missing.len(), "piece"),
                count(files.entries().len(), "file")
            ),
            vec![means("proves", "nothing new: the claim has fixed every piece by its digest")],
        ),
        Event::FilesReceived { .. } => (
            "has Blackboard's word that all files are there".to_owned(),
            vec![means("proves", "to others nothing yet: that is what the receipt is for")],
        ),
        Event::ReceiptSaved { path, .. } => (
            format!("has the receipt: {}", path.display()),
            vec![means(
                "holds",
                "the claim, its timestamp, and proofs that the log has both lodging and receiving",
            )],
        ),
        Event::Stamped { stamped_at, path, .. } => (
            format!(
                "has CUHK's timestamp over the signed claim: {stamped_at}; kept in {}",
                path.display()
            ),
            vec![means(
                "proves",
                "that the signed claim was there then, though Blackboard could not be reached",
            )],
        ),
        Event::ClaimWithdrawn { claim } => {
            (format!("has withdrawn the claim {}", short(claim.digest())), vec![])
        }
        _ => return None,
    };
    Some((6, what, meaning))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::Timestamp;
    use claim_student::Change;

    use super::*;

    #[test]
    fn a_new_due_time_is_told_in_the_zone_of_the_course() {
        let [was, now] =
            [1_763_999_000_000, 1_764_000_000_000].map(Timestamp::from_millis).map(Some);
        let zone = "Asia/Hong_Kong".to_owned();
        let event = Event::SignedAnew { change: Change::Due { was, now }, zone };
        assert_eq!(
            words(&event).plain.unwrap(),
            "Signed anew: the due time is 2025-11-25 00:00:00.000 +08:00 (Asia/Hong_Kong) now, not 2025-11-24 23:43:20.000 +08:00 (Asia/Hong_Kong)."
        );
    }
}

//! The keys by which evidence is made: whether the root has certified them, and the year in which a timestamp key signs.

use claim_core::{Digest, Timestamp};
use claim_files::{Passphrase, PassphraseSource, read_private};
use claim_pki::{Ed25519SigningKey, EvidenceAnswer, EvidenceRequest, Root, SigningKey, Validity};

use super::finding::Findings;
use super::keys::first;
use super::place::{Kind, Place};
use super::{days, read_public};
use crate::cli::Check;
use crate::words::day;

pub(super) fn look(place: &Place, now: Timestamp, findings: &mut Findings) {
    if !findings.wants(Check::Evidence) {
        return;
    }
    let Some(root) = place.root() else { return };
    match &place.kind {
        Kind::Cuhk { serve, offline: false } => {
            let elsewhere = serve.keys.root_elsewhere;
            at_cuhk(place, &root, elsewhere, now, findings);
        }
        Kind::Blackboard(_) => at_blackboard(place, &root, now, findings),
        _ => {}
    }
}

fn at_cuhk(place: &Place, root: &Root, elsewhere: bool, now: Timestamp, findings: &mut Findings) {
    let again = match elsewhere {
        true => "claim cuhk issuing renew --services-only, and have the request certified",
        false => "Have cuhk.key at hand, and start CUHK: it makes the next key",
    };
    let Some(certificate) = first(&place.path("cuhk-timestamp.cer")) else {
        findings.warning(
            Check::Evidence,
            "CUHK has no timestamp key.",
            "Nobody can have a claim stamped while a Blackboard is out of reach.",
            again,
        );
        return;
    };
    match root.verify_timestamp(certificate.der(), now) {
        // The last month of the year is when CUHK makes the next one by itself, if it can.
        Ok(verified) => {
            let warn = if elsewhere { 60 } else { 25 };
            year("cuhk-timestamp.key", verified.key_usage_period(), (warn, 0), again, now, findings);
        }
        Err(error) => findings.wrong(
            Check::Evidence,
            "cuhk-timestamp.cer is of no use.",
            error.to_string(),
            "Move it and its key away, and start CUHK where cuhk.key is at hand: it takes a new key.",
        ),
    }
}

/// When the time ends in which a timestamp key may sign.
fn year(
    key: &str,
    period: Validity,
    (warn, wrong): (i64, i64),
    next: &str,
    now: Timestamp,
    findings: &mut Findings,
) {
    let end = period.not_after();
    let left = days(now, end);
    if now > end || left < wrong {
        let verb = if now > end { "signs no more since" } else { "signs no more after" };
        let what = format!("{key} {verb} {}.", day(end));
        findings.wrong(Check::Evidence, what, "A timestamp key signs for one year.", next);
    } else if left < warn {
        let what = format!("{key} signs until {} only, for {left} days.", day(end));
        findings.warning(Check::Evidence, what, "A timestamp key signs for one year.", next);
    } else {
        let what = format!("{key} signs until {}, for {left} days more.", day(end));
        findings.well(Check::Evidence, what);
    }
}

fn at_blackboard(place: &Place, root: &Root, now: Timestamp, findings: &mut Findings) {
    let Some(keys) = Keys::read(place) else {
        if Keys::are_encrypted(place) {
            findings.well(
                Check::Evidence,
                "timestamp.key and log.key have a passphrase that cannot be read from here; Blackboard says at its start whether they open.",
            );
            return;
        }
        if place.path("blackboard.cer").exists() {
            findings.wrong(
                Check::Evidence,
                "timestamp.key or log.key is not there, or cannot be read.",
                "Blackboard can neither stamp claims nor log them; a new log key is a new log.",
                "Copy both from a backup (mode 0600), and start Blackboard.",
            );
        }
        return;
    };
    let Some(answer) = read_public(&place.path("blackboard.answer")) else {
        return waiting(place, findings);
    };
    let origin = place.origin();
    let verified = EvidenceAnswer::from_bytes(answer.as_bytes())
        .map_err(|error| error.to_string())
        .and_then(|answer| {
            let origin = origin.as_ref().ok_or_else(|| "Blackboard has no address".to_owned())?;
            let verify = |timestamp: &SigningKey| {
                answer.verify(root, origin, timestamp.public_key(), keys.log.public_key(), now)
            };
            // The next key takes the place of the other when Blackboard sees its certificate.
            let next = keys.next.as_ref().and_then(|next| verify(next).ok());
            next.map_or_else(|| verify(&keys.timestamp), Ok).map_err(|error| error.to_string())
        });
    let renew = format!(
        "Bring {} to CUHK, and there: claim cuhk certify blackboard.request; put the answer here as blackboard.answer. \
         Blackboard has written the request, for timestamp-next.key, and takes the answer over while it serves.",
        place.path("blackboard.request").display()
    );
    match verified {
        Ok(verified) => {
            let what = format!(
                "The root has certified timestamp key and log key; the witness is {}.",
                verified.witness.name()
            );
            findings.well(Check::Evidence, what);
            let period = verified.timestamp.key_usage_period();
            year("timestamp.key", period, (60, 7), &renew, now, findings);
        }
        Err(why) => findings.wrong(
            Check::Evidence,
            "blackboard.answer is not what the root says of these keys.",
            why,
            "claim cuhk certify blackboard.request, and put its answer there",
        ),
    }
}

/// The keys have no certificates yet.
fn waiting(place: &Place, findings: &mut Findings) {
    let path = place.path("blackboard.request");
    let request =
        read_public(&path).and_then(|text| EvidenceRequest::from_bytes(text.as_bytes()).ok());
    let Some(request) = request else { return };
    let sha256 = |fingerprint: [u8; 32]| Digest::from_bytes(fingerprint).to_string();
    findings.warning(
        Check::Evidence,
        "The keys of the evidence wait for the root's word.",
        format!(
            "Claims are taken once the root has certified the timestamp key (SHA-256 {}) and the log key (SHA-256 {}).",
            sha256(*request.timestamp().public_key().fingerprint()),
            sha256(request.log().public_key().fingerprint()),
        ),
        format!("Bring {} to CUHK, and there: claim cuhk certify blackboard.request", path.display()),
    );
}

struct Keys {
    timestamp: SigningKey,
    /// The one that follows, where it is asked for.
    next: Option<SigningKey>,
    log: Ed25519SigningKey,
}

impl Keys {
    fn read(place: &Place) -> Option<Self> {
        let passphrase = match &place.kind {
            Kind::Blackboard(serve) => serve.key_passphrase.as_ref().map(PassphraseSource::read),
            _ => None,
        };
        let passphrase = passphrase.transpose().ok()?;
        let passphrase = passphrase.as_ref().map(Passphrase::expose);
        let next = text(place, "timestamp-next.key");
        Some(Self {
            timestamp: SigningKey::from_pem(&text(place, "timestamp.key")?, passphrase).ok()?,
            next: next.and_then(|pem| SigningKey::from_pem(&pem, passphrase).ok()),
            log: Ed25519SigningKey::from_pem(&text(place, "log.key")?, passphrase).ok()?,
        })
    }

    fn are_encrypted(place: &Place) -> bool {
        let is =
            |name| text(place, name).is_some_and(|pem| pem.contains("BEGIN ENCRYPTED PRIVATE"));
        is("timestamp.key") && is("log.key")
    }
}

fn text(place: &Place, name: &str) -> Option<zeroize::Zeroizing<String>> {
    let bytes = read_private(&place.path(name)).ok()?;
    Some(zeroize::Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
}

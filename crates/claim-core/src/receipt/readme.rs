//! `README.txt`: what the file is and how to check it, for people who have nothing but stock tools.

use crate::Timestamp;

const BEFORE_TIME: &str = "\
This is a receipt of Claim: proof that files were handed in to a Blackboard of
The Chinese University of Hong Kong, at the time
";

const BEFORE_OUTAGE: &str = "\
That Blackboard could not be reached before. CUHK had the claim at
";

/// The text, for a claim whose token says this time; after an outage with the time of CUHK's token. There is no other:
/// a receipt with any other is refused.
///
/// It tells nothing that is not the same in all receipts, but for the times.
pub fn readme(gen_time: Timestamp, outage: Option<Timestamp>) -> String {
    let seconds = gen_time.as_seconds();
    let [told, command] = outage.map(of_outage).unwrap_or_default();
    format!(
        "{BEFORE_TIME}{gen_time}
by the clock of that Blackboard.
{told}
You need cuhk.cer, the root certificate of CUHK. Take it from CUHK itself or from
somebody you trust. Never take it from whoever gave you this receipt: with a root
of their own, anybody can make a receipt that seems genuine.

The whole check, without a network (exit code 0: everything holds; 4: something
does not; 5: genuine, but not complete):

  claim verify NAME.receipt FILES... --root cuhk.cer

The same files unpacked, with OpenSSL 3 alone. Who signed what (the list of files
with their SHA-256 goes to manifest.json):

  openssl cms -verify -inform DER -in claim.p7s -CAfile cuhk.cer -purpose any -cades -attime {seconds} -out manifest.json

That Blackboard had it at that time:

  openssl ts -verify -data claim.p7s -in timestamp.tsr -CAfile cuhk.cer -untrusted certificates.pem -attime {seconds}
{command}
That this clock was right, that the log has the claim, and that the signer's
certificate was not revoked, is in lodged.proof, received.proof and
revocation.crl; OpenSSL does not read all of these.
"
    )
}

/// What is told of an outage, and the command that checks it.
fn of_outage(stamped: Timestamp) -> [String; 2] {
    let seconds = stamped.as_seconds();
    [
        format!(
            "
{BEFORE_OUTAGE}{stamped}
by its own clock, and by that time it is judged.
"
        ),
        format!(
            "
That CUHK had it before, while that Blackboard could not be reached (the
certificate in it must be the one of CUHK's own timestamp authority):

  openssl ts -verify -data claim.p7s -in outage.tsr -CAfile cuhk.cer -attime {seconds}
"
        ),
    ]
}

/// The times for which this is the text: of the token, and of CUHK's.
pub(super) fn read(text: &[u8]) -> Option<(Timestamp, Option<Timestamp>)> {
    let told = std::str::from_utf8(text).ok()?;
    let after = |text: &str| text.split('\n').next()?.parse().ok();
    let time = after(told.strip_prefix(BEFORE_TIME)?)?;
    let outage = match told.split_once(BEFORE_OUTAGE) {
        Some((_, rest)) => Some(after(rest)?),
        None => None,
    };
    (readme(time, outage).as_bytes() == text).then_some((time, outage))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn the_text_of_a_time_and_no_other() {
        let time: Timestamp = "2026-11-24T15:59:41.204Z".parse().unwrap();
        let stamped: Timestamp = "2026-11-24T15:30:00.000Z".parse().unwrap();
        for outage in [None, Some(stamped)] {
            let text = readme(time, outage);
            assert!(text.is_ascii());
            assert_eq!(text.matches("-attime 1795535981 ").count(), 1);
            assert_eq!(text.matches("-attime 1795535981\n").count(), 1);
            let commands =
                text.matches("-in outage.tsr -CAfile cuhk.cer -attime 1795534200\n").count();
            assert_eq!(commands, usize::from(outage.is_some()));
            assert_eq!(read(text.as_bytes()), Some((time, outage)));
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1;
                // A digit of the milliseconds makes it the text of another time, which point 3 compares.
                assert_ne!(read(&changed), Some((time, outage)), "byte {at}");
            }
            assert_eq!(read(&text.as_bytes()[..text.len() - 1]), None);
        }
        assert_eq!(read(b""), None);
    }
}

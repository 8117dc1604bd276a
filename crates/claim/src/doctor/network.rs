//! Names, who answers there, with which root, and what time it is there.

use std::sync::Arc;
use std::time::Duration;

use claim_core::{Digest, Origin, Timestamp};
use claim_http::{
    Answer, Clock, ReachError, ServerTrust, TlsFailure, fetch_ca_certificates, https_client, send,
};
use claim_pki::{Certificate, OriginHost, PathError, Root};

use super::finding::Findings;
use super::place::{Kind, Place};
use super::{Round, read_public};
use crate::cli::Check;

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// A difference of clocks of more than so many milliseconds stops a start of Blackboard (CLOCKS.md).
const APART: i64 = 3_000;

/// Somebody to be asked.
struct Whom<'a> {
    name: &'static str,
    origin: &'a Origin,
    path: &'static str,
    trust: Trust,
    /// What to do where nobody answers.
    next: String,
}

/// By what the answer is believed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// By `cuhk.cer`, for exactly this origin.
    Root,
    /// By the system's roots: the server shows a certificate from elsewhere.
    System,
    /// Not at all: a witness proves itself by its key, not by TLS.
    Nobody,
}

const CUHK: (&str, &str) = ("CUHK", "/witness/certificate");
const BLACKBOARD: (&str, &str) = ("Blackboard", "/log/checkpoint");

pub(super) async fn look(place: &Place, round: &Round<'_>, findings: &mut Findings) {
    let wanted = [Check::Names, Check::Reach, Check::Clocks];
    if !wanted.iter().any(|check| findings.wants(*check)) {
        return;
    }
    if let (Some(origin), Some(root)) = (place.origin(), place.root()) {
        names(place, &origin, &root, round.now, findings).await;
        let root = Arc::new(root);
        for whom in whom(place, &origin, round) {
            ask(&whom, &root, findings).await;
        }
    }
}

/// Everybody whom this server needs, itself first.
fn whom<'a>(place: &'a Place, own: &'a Origin, round: &'a Round<'_>) -> Vec<Whom<'a>> {
    let own_trust = match place.server().is_some_and(|server| server.tls_cert.is_some()) {
        true => Trust::System,
        false => Trust::Root,
    };
    let one = |(name, path), origin: &'a Origin, trust, next: String| Whom {
        name,
        origin,
        path,
        trust,
        next,
    };
    match &place.kind {
        Kind::Cuhk { .. } => {
            let start = "systemctl start claim-cuhk; journalctl -u claim-cuhk".to_owned();
            let mut all = vec![one(CUHK, own, own_trust, start)];
            all.extend(round.arguments.blackboard.iter().map(|origin| {
                one(
                    BLACKBOARD,
                    origin,
                    Trust::Root,
                    "See that it serves there, and that nothing is between.".to_owned(),
                )
            }));
            all
        }
        Kind::Blackboard(serve) => {
            let start =
                "systemctl start claim-blackboard; journalctl -u claim-blackboard".to_owned();
            let cuhk = round.arguments.cuhk.as_ref().unwrap_or(&serve.cuhk);
            let mut all = vec![
                one(BLACKBOARD, own, own_trust, start),
                one(CUHK, cuhk, Trust::Root, "See that it serves there, and that nothing is between; Blackboard goes on until its revocation list ends.".to_owned()),
            ];
            all.extend(serve.ask_witness.iter().map(|origin| {
                let next =
                    "Ask the people of the witness; receipts go on with the others.".to_owned();
                one(("The witness", "/"), origin, Trust::Nobody, next)
            }));
            all
        }
        _ => Vec::new(),
    }
}

async fn names(
    place: &Place,
    origin: &Origin,
    root: &Root,
    now: Timestamp,
    findings: &mut Findings,
) {
    let Some(server) = place.server() else { return };
    let reachable = server.listen.iter().any(|address| !address.ip().is_loopback());
    if server.public_url.is_none() && reachable {
        findings.warning(
            Check::Names,
            format!("There is no public-url: the server calls itself {origin}."),
            "It listens for other machines, which cannot find it under that name.",
            format!("Write public-url into {}.", place.path("claim.toml").display()),
        );
    }
    match origin.host() {
        OriginHost::Address(_) => {}
        OriginHost::Name(name) => {
            match tokio::net::lookup_host((name.as_str(), origin.port())).await {
                Ok(mut found) => match found.next() {
                    Some(first) => {
                        findings.well(Check::Names, format!("{name} leads to {}.", first.ip()))
                    }
                    None => no_address(&name, "It has no address.".to_owned(), findings),
                },
                Err(error) => no_address(&name, error.to_string(), findings),
            }
        }
    }
    let file = match place.kind {
        Kind::Cuhk { .. } => "cuhk-server.cer",
        _ => "blackboard.cer",
    };
    let Some(chain) = read_public(&place.path(file)) else { return };
    let chain = Certificate::chain_from_pem(&chain).unwrap_or_default();
    let ders: Vec<&[u8]> = chain.iter().map(Certificate::der).collect();
    match root.verify_server(&ders, origin, now) {
        Ok(_) => findings.well(Check::Names, format!("{file} is for {origin}.")),
        Err(PathError::WrongOrigin { .. }) => findings.wrong(
            Check::Names,
            format!("{file} is not for {origin}."),
            "The public-url was changed after it was issued.",
            match place.kind {
                Kind::Cuhk { .. } => "systemctl restart claim-cuhk: it issues another to itself",
                _ => "Set public-url back; or enrol anew: claim cuhk invite --server ORIGIN, and move blackboard.cer away",
            },
        ),
        Err(error) => findings.wrong(
            Check::Names,
            format!("{file} does not lead to cuhk.cer."),
            error.to_string(),
            "Restore both from one backup, or have a new one issued: move it away and start the server.",
        ),
    }
}

fn no_address(name: &str, why: String, findings: &mut Findings) {
    let what = format!("The name {name} leads nowhere.");
    findings.wrong(
        Check::Names,
        what,
        why,
        format!("Enter {name} into the DNS; getent hosts {name}"),
    );
}

async fn ask(whom: &Whom<'_>, root: &Arc<Root>, findings: &mut Findings) {
    let Whom { name, origin, path, trust, next } = whom;
    let believed = match trust {
        Trust::Root => {
            ServerTrust::CuhkServer { root: Arc::clone(root), origin: (*origin).clone() }
        }
        Trust::System => ServerTrust::System,
        Trust::Nobody => ServerTrust::Unverified,
    };
    let sent = Clock::system().now();
    match answer(&believed, origin, path).await {
        Ok(answer) => {
            let said = match trust {
                Trust::Root => ", with a certificate that leads to cuhk.cer",
                Trust::System => ", with a certificate that this system trusts",
                Trust::Nobody => "",
            };
            findings.well(Check::Reach, format!("{name} answers at {origin}{said}."));
            // What nobody vouches for tells no time either.
            if *trust != Trust::Nobody {
                clocks(name, sent, Clock::system().now(), &answer, findings);
            }
        }
        Err(Silence::Reach(ReachError::Tls(TlsFailure::UnknownIssuer)))
            if *trust == Trust::System =>
        {
            findings.wrong(
                Check::Reach,
                format!("{name} at {origin} shows a certificate that this system does not trust."),
                "It comes from elsewhere (tls-cert); programs and browsers that go by their system's roots refuse it, too.",
                "Put the whole chain into the file of tls-cert, the server's own certificate first; or install the authority's root.",
            );
        }
        Err(Silence::Reach(ReachError::Tls(TlsFailure::UnknownIssuer))) => {
            other_root(name, origin, root, findings).await;
        }
        Err(silence) => {
            let what = format!("{name} does not answer at {origin}.");
            findings.wrong(Check::Reach, what, silence.to_string(), next.as_str());
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error(transparent)]
    Client(#[from] claim_http::ClientError),
    #[error(transparent)]
    Reach(#[from] ReachError),
}

async fn answer(trust: &ServerTrust, origin: &Origin, path: &str) -> Result<Answer, Silence> {
    let client = https_client(trust, None, PATIENCE)?;
    Ok(send(client.get(origin.join(path)), MAX_ANSWER).await?)
}

/// The certificate there leads to another root: which one?
async fn other_root(name: &str, origin: &Origin, root: &Root, findings: &mut Findings) {
    let theirs = match https_client(&ServerTrust::Unverified, None, PATIENCE) {
        Ok(client) => fetch_ca_certificates(&client, origin).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let theirs = theirs.iter().find(|one| one.subject_der() == one.issuer_der());
    let sha256 = |digest: &[u8; 32]| Digest::from_bytes(*digest).to_string();
    let ours = sha256(root.hash());
    let why = match theirs.map(|one| sha256(one.digest())) {
        Some(theirs) if theirs != ours => {
            format!("Its root has the SHA-256 {theirs}, the one here {ours}.")
        }
        _ => format!("The root here has the SHA-256 {ours}."),
    };
    findings.wrong(
        Check::Reach,
        format!("{name} at {origin} shows a certificate that does not lead to the cuhk.cer here."),
        why,
        "If it shows a certificate from elsewhere (tls-cert), this is to be expected; else one of the two is set up with another CUHK.",
    );
}

/// The server told its time in whole seconds, rounded down, while it was asked.
fn clocks(
    name: &str,
    sent: Timestamp,
    received: Timestamp,
    answer: &Answer,
    findings: &mut Findings,
) {
    let Some(told) = answer.date() else { return };
    let ahead = ahead(sent, received, told);
    if ahead.abs() <= APART {
        findings.well(Check::Clocks, format!("The clocks of this machine and of {name} agree."));
        return;
    }
    let (way, seconds) = (if ahead > 0 { "ahead of" } else { "behind" }, ahead.abs() / 1000);
    findings.wrong(
        Check::Clocks,
        format!("The clock of this machine is {seconds} s {way} that of {name}."),
        "One of the two is wrong; deadlines are judged by them, and Blackboard does not start so.",
        "date -u and chronyc tracking on both machines; set the wrong one right",
    );
}

/// By how many milliseconds this clock is at least ahead (behind, when negative) of one that told its time between.
fn ahead(sent: Timestamp, received: Timestamp, told: Timestamp) -> i64 {
    let least = sent.millis_since(told) - 999;
    let most = received.millis_since(told);
    if least > 0 { least } else { most.min(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_not_a_wrong_clock() {
        let at = Timestamp::from_millis;
        for (sent, received, told, expected) in [
            (10_000, 10_100, 10_000, 0),
            (10_900, 11_000, 10_000, 0),
            (10_000, 19_000, 14_000, 0),
            (20_000, 20_100, 10_000, 9_001),
            (10_000, 10_100, 20_000, -9_900),
        ] {
            assert_eq!(
                ahead(at(sent), at(received), at(told)),
                expected,
                "{sent} {received} {told}"
            );
        }
    }
}

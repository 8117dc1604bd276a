//! Receipts that lie, each judged as `claim verify` does it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use claim_core::encoding::RequestNonce;
use claim_core::hand_in::CMS;
use claim_core::receipt::{Container, Member, Outcome as Checked, Report, Verdict};
use claim_core::signing::Content;
use claim_http::system_rng;
use claim_log::WitnessSigner;
use claim_pki::{SignedData, Subject, Validity};

use super::forger::{Forged, Forger, filler, note_key, serial};
use super::tree::Tree;
use crate::attack::verdict::{Outcome, Refusal};
use crate::attack::wire::{self, Message, now};

/// How far a stolen timestamp key puts the clock back, in seconds: more than the two minutes to which a witness
/// confirms a clock, less than the five minutes that certificates begin before they are made.
const BACK: i64 = 200;

/// The largest file of which a changed copy is made, in bytes; of a larger one the rest is left out.
const MOST: u64 = 16 * 1024 * 1024;

const HOUR: u32 = 3600;

/// The valid neighbour of everything: what the demonstration brought.
pub(super) async fn honest_receipt(forger: &Forger) -> Result<String> {
    let (receipt, report) = (&forger.stage.receipt, forger.stage.report.clone());
    forger.verified(receipt, vec![report])?;
    Ok(format!("claim verify {}: every check holds", receipt.display()))
}

/// The valid neighbour of what is forged here: made with the same hands, and without a lie.
pub(super) async fn honest_hand(forger: &Forger) -> Result<String> {
    let claim = forger.claim(forger.manifest.due, Some(forger.genuine_id()))?;
    let receipt = forger.logged(forger.unlogged(claim, now())?)?;
    let path = forger.keep("without-a-lie", &receipt.assemble()?)?;
    forger.verified(&path, vec![forger.stage.report.clone()])?;
    Ok(format!("claim verify {}: every check holds", path.display()))
}

/// The last byte of the report is another.
pub(super) async fn changed_file(forger: &Forger) -> Result<Outcome> {
    use std::io::Read as _;
    let entry = forger.manifest.files.entries().first().context("a claim without files")?;
    let mut content = Vec::new();
    if forger.stage.report.is_file() {
        fs::File::open(&forger.stage.report)?.take(MOST).read_to_end(&mut content)?;
    }
    match content.last_mut() {
        Some(octet) => *octet ^= 1,
        None => content.push(b'x'),
    }
    let path = forger.folder.join(entry.name().as_str());
    fs::create_dir_all(path.parent().unwrap_or(&forger.folder))?;
    fs::write(&path, content)?;
    let receipt = forger.stage.receipt.clone();
    judge(forger, receipt, vec![path])
}

/// One digit of a digest in the signed list.
pub(super) async fn altered_claim(forger: &Forger) -> Result<Outcome> {
    const BEFORE: &[u8] = br#""sha256":""#;
    let mut cms = forger.genuine.claim.der().to_vec();
    let place = cms.windows(BEFORE.len()).position(|octets| octets == BEFORE);
    let digit = place.and_then(|place| cms.get_mut(place + BEFORE.len()));
    let digit = digit.context("a claim without a digest")?;
    *digit = if *digit == b'0' { b'1' } else { b'0' };
    let genuine = forger.genuine.assemble()?;
    let members = Member::ALL.into_iter().filter_map(|member| match member {
        Member::Claim => Some((member, cms.clone())),
        _ => genuine.content(member).map(|content| (member, content.to_vec())),
    });
    let path = forger.keep("altered-claim", &Container::new(members))?;
    judge(forger, path, Vec::new())
}

/// A later claim under the token of the earlier one.
pub(super) async fn mixed_token(forger: &Forger) -> Result<Outcome> {
    let later = forger.claim(forger.manifest.due, Some(forger.genuine_id()))?;
    let mixed = Forged { claim: later, ..forger.genuine.clone() };
    let path = forger.keep("mixed-token", &mixed.assemble()?)?;
    judge(forger, path, Vec::new())
}

/// A later claim with its own token, and the log's proofs of the earlier one.
pub(super) async fn mixed_proof(forger: &Forger) -> Result<Outcome> {
    let later = forger.claim(forger.manifest.due, Some(forger.genuine_id()))?;
    let token = forger.token(&later, now())?;
    let mixed = Forged { claim: later, token, ..forger.genuine.clone() };
    let path = forger.keep("mixed-proof", &mixed.assemble()?)?;
    judge(forger, path, Vec::new())
}

/// Somebody who found the draft, and the student's key, lodges it at the honest Blackboard.
pub(super) async fn old_draft(forger: &Forger) -> Result<Outcome> {
    let stage = &forger.stage;
    let draft = draft(forger)?;
    let opened =
        wire::open_session(&forger.client, &stage.blackboard, &forger.student, &stage.root);
    let (session, _) = opened.await?;
    let nonce = RequestNonce::random(&mut system_rng());
    let content = Content { media_type: CMS, bytes: draft.der() };
    let request = Message::signed(&session, "/v1/claims", &content, &nonce)?;
    Ok(wire::outcome(&request.send(&forger.client).await?))
}

/// A crooked Blackboard takes the draft, and everything else goes its honest way.
pub(super) async fn old_draft_taken(forger: &Forger) -> Result<Outcome> {
    let taken = forger.logged(forger.unlogged(draft(forger)?, now())?)?;
    let path = forger.keep("old-draft", &taken.assemble()?)?;
    let draft = forger.verified(&path, Vec::new())?;
    let genuine = forger.verified(&forger.stage.receipt, Vec::new())?;
    Ok(unnamed(&genuine, &draft))
}

/// A draft that the student signed before anything was handed in, and never lodged.
fn draft(forger: &Forger) -> Result<SignedData> {
    forger.claim(forger.manifest.due, None)
}

/// Whether the later claim passes over the earlier one: by what two receipts say that both verify.
fn unnamed(earlier: &Report, later: &Report) -> Outcome {
    let facts = |report: &Report| {
        let (claim, place) = (report.claim.as_ref()?, report.logged.as_ref()?.lodged?);
        let manifest = &claim.manifest;
        let whose = (manifest.assignment_ref(), manifest.sids.clone());
        Some((whose, claim.id, place, manifest.replaces))
    };
    match (facts(earlier), facts(later)) {
        (Some((whose, id, first, _)), Some((same, _, second, replaces)))
            if whose == same && first < second && replaces != Some(id) =>
        {
            let before = replaces.map_or("none".to_owned(), |one| one.to_string());
            Outcome::Refused {
                kind: Some(Refusal::Receipts),
                words: format!(
                    "claim verify of both receipts: the student's stands first in the log (entry {first}), \
                     the draft later (entry {second}), but says that the claim before it is {before}"
                ),
            }
        }
        _ => Outcome::Through { words: "the draft passes for the student's last claim".to_owned() },
    }
}

/// The timestamp key signs a time that is over, before a due time that is over.
pub(super) async fn back_dated(forger: &Forger) -> Result<Outcome> {
    let lodged_at = now().plus_seconds(-BACK);
    let due = lodged_at.plus_seconds(BACK / 2);
    let claim = forger.claim(Some(due), Some(forger.genuine_id()))?;
    let receipt = forger.logged(forger.unlogged(claim, lodged_at)?)?;
    let path = forger.keep("back-dated-token", &receipt.assemble()?)?;
    judge(forger, path, Vec::new())
}

/// Another tree of the same size holds the claim; the witness has cosigned the first one only.
pub(super) async fn other_face(forger: &Forger) -> Result<Outcome> {
    let receipt = forger.unlogged(forger.claim(forger.manifest.due, None)?, now())?;
    let mut entries = forger.entries.clone();
    let place = entries.len().checked_sub(2).context("a log without a claim")?;
    entries.splice(place.., receipt.entries()?);
    let tree = Tree::of(&entries, &forger.log)?;
    let alone = tree.checkpoint().clone();
    let proof = |place| tree.proof(place, alone.clone());
    let receipt =
        Forged { lodged: Some(proof(place)?), received: Some(proof(place + 1)?), ..receipt };
    let path = forger.keep("other-face", &receipt.assemble()?)?;
    judge(forger, path, Vec::new())
}

/// The witness plays along, but the receipt is caught between both trees.
pub(super) async fn two_faces(forger: &Forger) -> Result<Outcome> {
    let claim = forger.claim(forger.manifest.due, Some(forger.genuine_id()))?;
    let receipt = forger.unlogged(claim, now())?;
    let place = forger.entries.len();
    let mut entries = forger.entries.clone();
    entries.extend(receipt.entries()?);
    let one = Tree::of(&entries, &forger.log)?;
    let first = entries.first_mut().context("a log without entries")?;
    *first = filler(0)?;
    let other = Tree::of(&entries, &forger.log)?;
    let cosigned = |tree: &Tree| tree.cosigned_after(None, &forger.witness);
    let receipt = Forged {
        lodged: Some(one.proof(place, cosigned(&one)?)?),
        received: Some(other.proof(place + 1, cosigned(&other)?)?),
        ..receipt
    };
    let path = forger.keep("two-faces", &receipt.assemble()?)?;
    judge(forger, path, Vec::new())
}

/// The root was talked into certifying the log's key as that of a witness.
pub(super) async fn posing_witness(forger: &Forger) -> Result<Outcome> {
    let name = "independent-witness.example";
    let subject = Subject::Witness { name: name.parse()? };
    let validity = Validity::starting(now().plus_seconds(-60), HOUR);
    let issuance =
        forger.root.prepare(&subject, forger.log_key.public_key(), &serial(), validity)?;
    let certificate = forger.root.issue(issuance)?;
    let posing = WitnessSigner::new(name.parse()?, note_key(&forger.log_key)?);
    let claim = forger.claim(forger.manifest.due, Some(forger.genuine_id()))?;
    let receipt = forger.unlogged(claim, now())?;
    let place = forger.entries.len();
    let mut entries = forger.entries.clone();
    entries.extend(receipt.entries()?);
    let tree = Tree::of(&entries, &forger.log)?;
    let cosigned = tree.cosigned_after(None, &posing)?;
    let receipt = Forged {
        witnesses: vec![certificate],
        lodged: Some(tree.proof(place, cosigned.clone())?),
        received: Some(tree.proof(place + 1, cosigned)?),
        ..receipt
    };
    let path = forger.keep("posing-witness", &receipt.assemble()?)?;
    judge(forger, path, Vec::new())
}

/// What `claim verify` says of a receipt that lies.
fn judge(forger: &Forger, receipt: PathBuf, files: Vec<PathBuf>) -> Result<Outcome> {
    let report = forger.verify(&receipt, files)?;
    let verdict = match report.verdict() {
        Verdict::Verified => {
            let words = format!("claim verify {}: every check holds", receipt.display());
            return Ok(Outcome::Through { words });
        }
        Verdict::Incomplete => "genuine, but not complete",
        Verdict::NotVerified => "NOT VERIFIED",
    };
    let found = decisive(&report);
    let check = found.as_ref().map_or("none", |(kind, _)| match kind {
        Refusal::Check(point, _) => point.name(),
        _ => "none",
    });
    let said = found.as_ref().map_or("", |(_, said)| said.as_str());
    let words = format!("claim verify {}: {verdict}; check \"{check}\": {said}", receipt.display());
    Ok(Outcome::Refused { kind: found.map(|(kind, _)| kind), words })
}

/// The finding that decides: the heaviest of the check that went worst.
fn decisive(report: &Report) -> Option<(Refusal, String)> {
    let reached = report.checks().iter().filter(|check| check.outcome != Checked::NotReached);
    let worst = reached.max_by_key(|check| check.outcome)?;
    let finding = worst.findings.iter().max_by_key(|finding| finding.severity())?;
    Some((Refusal::Check(worst.point, finding.code()), finding.to_string()))
}

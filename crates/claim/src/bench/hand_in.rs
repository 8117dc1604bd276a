//! A whole hand-in, as the student program does it, with a client that leaves the machine to the server.

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use claim_core::claim::{
    ClaimId, FileHasher, FileName, Files, Manifest, ManifestMembers, sign_claim,
};
use claim_core::encoding;
use claim_core::hand_in::{Assignment, Assignments, CMS, ClaimStatus, OCTETS};
use claim_core::json;
use claim_core::student::Session;
use claim_pki::{Certificate, Signer};
use http::StatusCode;
use rand_core::Rng;

use super::connection::{Ask, Client, Connection};
use super::now;
use super::students::{Student, system_rng};

/// The size of the file that each student hands in, in bytes.
pub(super) const FILE: usize = 20_000;

/// How long the receipt may be waited for, at most so many times `?wait=` allows.
const TRIES: usize = 3;

/// Hands in a file of random bytes to the assignment that every Blackboard has; the receipt as it came.
pub(super) async fn hand_in(
    client: &Client,
    connection: &mut Connection,
    session: &Session,
    student: &Student,
) -> Result<Bytes> {
    let get = |target| Ask { method: "GET", target, content: None };
    let (status, content) = client.ask(connection, session, get("/v1/assignments")).await?;
    expect(status, StatusCode::OK, &content)?;
    let assignments: Assignments = json::from_slice(&content)?;
    let file = random_file();
    let signed = claim(session, student, &assignments, &file)?;
    let claim = lodge(client, connection, session, signed, &file).await?;

    let target = format!("/v1/claims/{claim}/receipt?wait=20");
    for _ in 0..TRIES {
        let (status, receipt) = client.ask(connection, session, get(&target)).await?;
        expect(status, StatusCode::OK, &receipt)?;
        if has_both_proofs(&receipt) {
            return Ok(receipt);
        }
    }
    Err(anyhow!("the receipt did not come"))
}

/// Lodges a signed claim and sends its one file, which is not empty and has one piece.
pub(super) async fn lodge(
    client: &Client,
    connection: &mut Connection,
    session: &Session,
    (claim, cms): (ClaimId, Vec<u8>),
    file: &Bytes,
) -> Result<ClaimId> {
    let cms = Bytes::from(cms);
    let ask = Ask { method: "POST", target: "/v1/claims", content: Some((CMS, &cms)) };
    let (status, content) = client.ask(connection, session, ask).await?;
    expect(status, StatusCode::CREATED, &content)?;
    let lodged: ClaimStatus = json::from_slice(&content)?;
    ensure!(lodged.claim == claim, "another claim was lodged");

    let target = format!("/v1/claims/{claim}/files/0/0");
    let ask = Ask { method: "PUT", target: &target, content: Some((OCTETS, file)) };
    let (status, content) = client.ask(connection, session, ask).await?;
    expect(status, StatusCode::NO_CONTENT, &content)?;
    Ok(claim)
}

/// Any other answer is a failure, told with its content.
pub(super) fn expect(status: StatusCode, expected: StatusCode, content: &[u8]) -> Result<()> {
    let text = || claim_core::Escaped(&String::from_utf8_lossy(content)).to_string();
    ensure!(status == expected, "{status}: {}", text());
    Ok(())
}

pub(super) fn random_file() -> Bytes {
    let mut file = vec![0; FILE];
    system_rng().fill_bytes(&mut file);
    Bytes::from(file)
}

/// A claim for this file to the first assignment of the list, signed.
pub(super) fn claim(
    session: &Session,
    student: &Student,
    assignments: &Assignments,
    file: &[u8],
) -> Result<(ClaimId, Vec<u8>)> {
    let assignment = assignments.assignments.first().context("there is no assignment")?;
    let mut hasher = FileHasher::new();
    hasher.update(file);
    let entry = hasher.finish(FileName::normalised("report.pdf")?)?;
    sign(session, student, assignment, Files::new(vec![entry])?)
}

/// A claim for these files, signed.
pub(super) fn sign(
    session: &Session,
    student: &Student,
    assignment: &Assignment,
    files: Files,
) -> Result<(ClaimId, Vec<u8>)> {
    let manifest = Manifest::new(ManifestMembers {
        blackboard: session.origin().clone(),
        assignment: assignment.reference(),
        due: assignment.due,
        sids: assignment.sids.clone(),
        by: None,
        replaces: assignment.last_claim,
        outage: false,
        nonce: encoding::Bytes::random(&mut system_rng()),
        note: None,
        files,
    });
    let bytes = manifest.to_bytes()?;
    let chain = student.credential.chain.certificates();
    let [leaf, issuer, ..] = chain.as_slice() else {
        return Err(anyhow!("the issuer is missing"));
    };
    let (leaf, issuer) = (Certificate::from_der(leaf)?, Certificate::from_der(issuer)?);
    let signer = Signer::new(&student.credential.key, &leaf, &issuer)?;
    let signed = sign_claim(&bytes, &signer, now())?;
    Ok((ClaimId::of_manifest(&bytes), signed.der().to_vec()))
}

/// Whether a receipt is complete: `claim bench verify` looks at the whole of it, which would cost too much here.
pub(super) fn has_both_proofs(receipt: &[u8]) -> bool {
    use claim_core::receipt::{Container, Member};
    let opened = Container::from_zip(receipt);
    opened.is_ok_and(|container| container.content(Member::ReceivedProof).is_some())
}

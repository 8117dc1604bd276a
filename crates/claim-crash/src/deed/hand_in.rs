//! Handing in: lodge, send each file, perhaps withdraw, fetch the receipt.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, bail};
use claim_core::claim::{
    ClaimId, FileHasher, Files, Holder, Manifest, ManifestMembers, sign_claim, sign_withdrawal,
};
use claim_core::encoding::Bytes;
use claim_core::hand_in::{CMS, ClaimState, ClaimStatus, OCTETS};
use claim_core::messages::JSON;
use claim_core::outage::{OUTAGES, OutageClaim, QUERY, TSA};
use claim_core::receipt::{Evidence, Verdict, verify};
use claim_core::{Digest, json};
use claim_http::{Answer, send, system_rng};
use claim_pki::{Certificate, Signer, TimestampRequest, TimestampToken};
use http::StatusCode;

use crate::record::Claimed;
use crate::wire::{Ask, now, refused};
use crate::world::{Person, Scene};

/// A hand-in under way.
pub struct HandIn {
    person: usize,
    id: ClaimId,
    lodging: Lodging,
    withdrawal: Option<Ask>,
}

/// How the claim goes to Blackboard.
enum Lodging {
    /// As it is.
    Plain(Ask),
    /// With CUHK's timestamp, which is fetched first.
    Stamped { cms: Vec<u8>, timestamp: Option<Vec<u8>>, ask: Option<Ask> },
}

/// What is special about a hand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// The claim is withdrawn at the end.
    Withdrawn,
    /// It says that Blackboard could not be reached, and CUHK stamps it.
    Outage,
}

impl HandIn {
    /// These files. The student must have no other hand-in under way.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn new(scene: &Scene, number: usize, contents: Vec<Vec<u8>>, kind: Kind) -> Result<Self> {
        let withdraw = kind == Kind::Withdrawn;
        let person = scene.person(number)?;
        let files: Vec<_> = contents
            .iter()
            .enumerate()
            .map(|(place, content)| {
                let mut hasher = FileHasher::new();
                hasher.update(content);
                Ok(hasher.finish(format!("file-{place}.txt").try_into()?)?)
            })
            .collect::<Result<_>>()?;
        let manifest = Manifest::new(ManifestMembers {
            blackboard: scene.blackboard.origin.clone(),
            assignment: "blackboard/inbox".parse()?,
            due: None,
            sids: Holder::one(person.sid.clone()),
            by: None,
            replaces: person.last_claim(),
            outage: kind == Kind::Outage,
            nonce: Bytes::random(&mut system_rng()),
            note: None,
            files: Files::new(files.clone())?,
        })
        .to_bytes()?;
        let id = ClaimId::of_manifest(&manifest);
        let cms = with_signer(&person, |signer| Ok(sign_claim(&manifest, signer, now())?))?;
        let cms = cms.der().to_vec();
        let lodging = match kind {
            Kind::Outage => Lodging::Stamped { cms, timestamp: None, ask: None },
            Kind::Plain | Kind::Withdrawn => {
                Lodging::Plain(Ask::with("POST", "/v1/claims".to_owned(), CMS, cms))
            }
        };
        let withdrawal = match withdraw {
            false => None,
            true => {
                let cms = with_signer(&person, |signer| Ok(sign_withdrawal(id, signer, now())?))?;
                let target = format!("/v1/claims/{id}/withdrawal");
                Some(Ask::with("POST", target, CMS, cms.der().to_vec()))
            }
        };
        let claimed = Claimed {
            person: number,
            contents,
            files,
            lodged: None,
            stamped: None,
            pieces: BTreeSet::new(),
            receipt: false,
            to_be_withdrawn: withdraw,
            withdrawn: false,
        };
        scene.record().claims.insert(id, claimed);
        Ok(Self { person: number, id, lodging, withdrawal })
    }

    /// The claim.
    pub fn id(&self) -> ClaimId {
        self.id
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let person = scene.person(self.person)?;
        let claimed = self.claimed(scene)?;
        if claimed.lodged.is_none() {
            let (lodging, timestamp) = self.lodging(scene, &person).await?;
            let answer = self.ask(scene, &person, &lodging).await?;
            accepted(&answer)?;
            let status: ClaimStatus = json::from_slice(&answer.body)?;
            person.set_last_claim(self.id);
            self.note(scene, |claimed| {
                claimed.lodged = Some(status.timestamp);
                claimed.stamped = timestamp;
            });
        }
        for (place, content) in claimed.contents.iter().enumerate() {
            if claimed.pieces.contains(&place) {
                continue;
            }
            let target = format!("/v1/claims/{}/files/{place}/0", self.id);
            let ask = Ask::with("PUT", target, OCTETS, content.clone());
            accepted(&self.ask(scene, &person, &ask).await?)?;
            self.note(scene, |claimed| _ = claimed.pieces.insert(place));
        }
        if let Some(ask) = self.withdrawal.as_ref().filter(|_| !claimed.withdrawn) {
            accepted(&self.ask(scene, &person, ask).await?)?;
            self.note(scene, |claimed| claimed.withdrawn = true);
        }
        if !claimed.receipt {
            receipt(scene, &person, self.id, 10).await?;
            self.note(scene, |claimed| claimed.receipt = true);
        }
        Ok(())
    }

    /// The request that lodges it, the same each time, and CUHK's timestamp in it.
    async fn lodging(&mut self, scene: &Scene, person: &Person) -> Result<(Ask, Option<Vec<u8>>)> {
        match &mut self.lodging {
            Lodging::Plain(ask) => Ok((ask.clone(), None)),
            Lodging::Stamped { cms, timestamp, ask } => {
                if timestamp.is_none() {
                    *timestamp = Some(stamp(scene, person, cms).await?);
                }
                let stamped = timestamp.clone().unwrap_or_default();
                let content = OutageClaim { claim: cms.clone(), timestamp: stamped.clone() };
                let content = serde_json::to_vec(&content)?;
                let lodging = || Ask::with("POST", OUTAGES.to_owned(), JSON, content);
                Ok((ask.get_or_insert_with(lodging).clone(), Some(stamped)))
            }
        }
    }

    async fn ask(&self, scene: &Scene, person: &Person, ask: &Ask) -> Result<Answer> {
        let session = person.session(&scene.blackboard).await?;
        let answer = scene.blackboard.ask(&session, ask).await;
        if !answer.as_ref().is_ok_and(|answer| answer.status != StatusCode::UNAUTHORIZED) {
            // Perhaps the session is over; a claim is the same one in any.
            person.forget_session().await;
        }
        answer
    }

    fn claimed(&self, scene: &Scene) -> Result<Claimed> {
        scene.record().claims.get(&self.id).cloned().ok_or_else(|| anyhow!("never sent"))
    }

    fn note(&self, scene: &Scene, what: impl FnOnce(&mut Claimed)) {
        if let Some(claimed) = scene.record().claims.get_mut(&self.id) {
            what(claimed);
        }
    }
}

/// CUHK's timestamp over a signed claim.
async fn stamp(scene: &Scene, person: &Person, cms: &[u8]) -> Result<Vec<u8>> {
    let wire = person.shown_to(scene)?;
    let request = TimestampRequest::new(*Digest::of(cms).as_bytes()).to_der()?;
    let post = wire.http.post(wire.origin.join(TSA)).header("content-type", QUERY);
    let answer = send(post.body(request), TimestampToken::MAX_SIZE).await?;
    accepted(&answer)?;
    Ok(answer.body.to_vec())
}

/// The receipt of a claim, complete as far as its state lets it be.
///
/// # Errors
/// When none comes, it is not complete yet, or it does not verify.
pub async fn receipt(scene: &Scene, person: &Person, id: ClaimId, wait: u64) -> Result<Vec<u8>> {
    let session = person.session(&scene.blackboard).await?;
    let ask = Ask::get(format!("/v1/claims/{id}/receipt?wait={wait}"));
    let answer = scene.blackboard.ask(&session, &ask).await?;
    accepted(&answer)?;
    let status = Ask::get(format!("/v1/claims/{id}"));
    let status = scene.blackboard.ask(&session, &status).await?;
    accepted(&status)?;
    let state = json::from_slice::<ClaimStatus>(&status.body)?.state;
    let files = scene.record().claims.get(&id).map(|claimed| claimed.files.clone());
    let report = verify(&Evidence {
        receipt: &answer.body,
        root: &scene.root,
        files: &files.unwrap_or_default(),
        witness: None,
        newer_lists: &[],
    });
    match (report.verdict(), state) {
        (Verdict::Verified, _) => {}
        // A withdrawn claim has a lodging proof only.
        (Verdict::Incomplete, ClaimState::Withdrawn) => {}
        (Verdict::Incomplete, _) => bail!("the receipt of {id} is not complete"),
        (Verdict::NotVerified, _) => {
            let findings: Vec<_> = report.findings().map(ToString::to_string).collect();
            bail!("WRONG: the receipt of {id} does not verify: {findings:?}")
        }
    }
    Ok(answer.body.to_vec())
}

fn accepted(answer: &Answer) -> Result<()> {
    if answer.status.is_success() { Ok(()) } else { bail!("{}", refused(answer)) }
}

fn with_signer<T>(person: &Person, sign: impl FnOnce(&Signer<'_>) -> Result<T>) -> Result<T> {
    let certificates = person.credential.chain.certificates();
    let [leaf, issuer] = certificates.as_slice() else { bail!("not a chain of two") };
    let (leaf, issuer) = (Certificate::from_der(leaf)?, Certificate::from_der(issuer)?);
    sign(&Signer::new(&person.credential.key, &leaf, &issuer)?)
}

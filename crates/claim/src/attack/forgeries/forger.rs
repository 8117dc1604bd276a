//! Whoever has all keys of the demonstration's folder, and its genuine receipt.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use claim_core::claim::{ClaimId, LogEntry, Manifest, ManifestMembers, sign_claim};
use claim_core::encoding::Bytes;
use claim_core::receipt::{
    Container, Member, Parts, Report, RevocationLists, Verdict, assemble, log_name,
};
use claim_core::student::Credential;
use claim_core::{Digest, Timestamp};
use claim_http::system_rng;
use claim_log::note::SigningKey as NoteKey;
use claim_log::{Entry, LogProof, LogSigned, LogSigner, Resource, WitnessSigner};
use claim_pki::{
    Certificate, ContentType, Ed25519SigningKey, EvidenceAnswer, Issuer, SerialNumber, SignedData,
    Signer, SigningKey, TimestampSigner, TimestampToken,
};
use rand_core::Rng;

use super::tree::Tree;
use crate::attack::scene::{Scene, read, victim};
use crate::attack::wire::now;
use crate::cli::VerifyArgs;
use crate::commands::log::{Log, checkpoint};
use crate::commands::verify;
use crate::stage::Stage;

/// Everything that forging takes.
pub(in crate::attack) struct Forger {
    pub(super) stage: Stage,
    pub(super) client: reqwest::Client,
    /// The student, who may be the liar or the victim.
    pub(super) student: Credential,
    /// CUHK's root, which signs whatever its operators are talked into.
    pub(super) root: Issuer,
    pub(super) timestamp: TimestampSigner,
    pub(super) log: LogSigner,
    pub(super) log_key: Ed25519SigningKey,
    /// CUHK's witness.
    pub(super) witness: WitnessSigner,
    /// The receipt of the demonstration, taken apart.
    pub(super) genuine: Forged,
    pub(super) manifest: Manifest,
    /// All that is in Blackboard's log, and its checkpoint.
    pub(super) entries: Vec<Entry>,
    pub(super) published: LogSigned,
    /// What is forged stays here, so that whoever looks on can judge it too.
    pub(super) folder: PathBuf,
}

/// The parts of a receipt, of which some are forged.
#[derive(Clone)]
pub(super) struct Forged {
    pub(super) claim: SignedData,
    pub(super) token: TimestampToken,
    pub(super) lists: RevocationLists,
    pub(super) log: Certificate,
    pub(super) witnesses: Vec<Certificate>,
    pub(super) lodged: Option<LogProof>,
    pub(super) received: Option<LogProof>,
}

impl Forger {
    /// Takes the keys from the folder, the receipt apart, and reads the log.
    pub(in crate::attack) async fn set_up(scene: &Scene) -> Result<Self> {
        let (stage, client) = (scene.stage.clone(), scene.client.clone());
        let file = |name: &str| read(&stage.dir.join(name));
        let answer = EvidenceAnswer::from_bytes(file("blackboard.answer")?.as_bytes())?;
        let root = Issuer::new(
            Certificate::from_pem(&file("cuhk.cer")?)?,
            SigningKey::from_pkcs8_pem(&file("cuhk.key")?)?,
        )?;
        let timestamp = SigningKey::from_pkcs8_pem(&file("timestamp.key")?)?;
        let timestamp = TimestampSigner::new(timestamp, answer.timestamp)?;
        let log_key = Ed25519SigningKey::from_pkcs8_pem(&file("log.key")?)?;
        let log = LogSigner::new(log_name(&stage.blackboard), note_key(&log_key)?);
        let witness = Ed25519SigningKey::from_pkcs8_pem(&file("cuhk-witness.key")?)?;
        let name = answer.witness.common_name().context("a witness without a name")?;
        let witness = WitnessSigner::new(name.parse()?, note_key(&witness)?);
        let served = Log::Served { client: client.clone(), base: stage.blackboard.join("/log") };
        let (entries, published) = entries(&served, &log).await?;
        let genuine = Forged::read(&stage.receipt, answer.log, answer.witness)?;
        let manifest = Manifest::from_slice(genuine.claim.unverified_content())?;
        let folder = stage.dir.join("forged");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let student = victim(&stage)?;
        Ok(Self {
            stage,
            client,
            student,
            root,
            timestamp,
            log,
            log_key,
            witness,
            genuine,
            manifest,
            entries,
            published,
            folder,
        })
    }

    /// Where whoever looks on finds what was forged.
    pub(in crate::attack) fn where_they_are(&self) -> String {
        format!(
            "Each forged receipt is in {}: claim verify FILE --root {} says the same.",
            self.folder.display(),
            self.stage.dir.join("cuhk.cer").display()
        )
    }

    /// The student signs another claim for the same files and assignment.
    pub(super) fn claim(
        &self,
        due: Option<Timestamp>,
        replaces: Option<ClaimId>,
    ) -> Result<SignedData> {
        let of = self.manifest.clone();
        let mut nonce = [0; 16];
        system_rng().fill_bytes(&mut nonce);
        let manifest = Manifest::new(ManifestMembers {
            assignment: of.assignment_ref(),
            blackboard: of.blackboard,
            due,
            sids: of.sids,
            by: None,
            replaces,
            outage: false,
            nonce: Bytes(nonce),
            note: of.note,
            files: of.files,
        });
        let certificates = self.student.chain.certificates();
        let [leaf, issuer] = certificates.as_slice() else { bail!("a chain of two") };
        let (leaf, issuer) = (Certificate::from_der(leaf)?, Certificate::from_der(issuer)?);
        let signer = Signer::new(&self.student.key, &leaf, &issuer)?;
        Ok(sign_claim(&manifest.to_bytes()?, &signer, now())?)
    }

    /// A token of Blackboard's timestamp key over the claim, for any time.
    pub(super) fn token(&self, claim: &SignedData, at: Timestamp) -> Result<TimestampToken> {
        let digest = Digest::of(claim.der());
        Ok(self.timestamp.sign(digest.as_bytes(), at, &serial())?)
    }

    /// What follows the genuine claim honestly; with this token, but in no log yet.
    pub(super) fn unlogged(&self, claim: SignedData, at: Timestamp) -> Result<Forged> {
        let token = self.token(&claim, at)?;
        Ok(Forged { claim, token, lodged: None, received: None, ..self.genuine.clone() })
    }

    /// Blackboard's log takes it at its end, and a witness that keeps to the rules cosigns now.
    ///
    /// CUHK's own would then know a tree that Blackboard does not have, and the two would never agree again: so what it
    /// would answer is computed here, by its rules and with its key.
    pub(super) fn logged(&self, receipt: Forged) -> Result<Forged> {
        let mut entries = self.entries.clone();
        entries.extend(receipt.entries()?);
        let tree = Tree::of(&entries, &self.log)?;
        let cosigned = tree.cosigned_after(Some(&self.published), &self.witness)?;
        let place = self.entries.len();
        let (lodged, received) =
            (tree.proof(place, cosigned.clone())?, tree.proof(place + 1, cosigned)?);
        Ok(Forged { lodged: Some(lodged), received: Some(received), ..receipt })
    }

    /// The place of an entry that stands in the log for the genuine claim.
    pub(super) fn place_of(&self, proof: &Option<LogProof>) -> Result<usize> {
        let proof = proof.as_ref().context("the genuine receipt is not complete")?;
        Ok(usize::try_from(proof.index().value())?)
    }

    /// The id of the genuine claim.
    pub(super) fn genuine_id(&self) -> ClaimId {
        ClaimId::of_manifest(self.genuine.claim.unverified_content())
    }

    /// Writes a receipt where it stays.
    pub(super) fn keep(&self, name: &str, container: &Container) -> Result<PathBuf> {
        let path = self.folder.join(name).with_extension("receipt");
        std::fs::write(&path, container.to_zip())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// `claim verify`, as anybody runs it.
    pub(super) fn verify(&self, receipt: &Path, files: Vec<PathBuf>) -> Result<Report> {
        let root = self.stage.dir.join("cuhk.cer");
        let arguments = VerifyArgs {
            receipt: receipt.to_owned(),
            files,
            root: Some(root.clone()),
            witness: None,
            crl: Vec::new(),
        };
        match verify::judge(&arguments, &root)? {
            Ok(judged) => Ok(judged.report),
            Err(ambiguous) => bail!(ambiguous),
        }
    }

    /// The same for a receipt that must verify.
    pub(super) fn verified(&self, receipt: &Path, files: Vec<PathBuf>) -> Result<Report> {
        let report = self.verify(receipt, files)?;
        match report.verdict() {
            Verdict::Verified => Ok(report),
            _ => {
                let findings: Vec<_> = report.findings().map(ToString::to_string).collect();
                bail!("claim verify does not accept {}: {}", receipt.display(), findings.join("; "))
            }
        }
    }
}

impl Forged {
    fn read(path: &Path, log: Certificate, witness: Certificate) -> Result<Self> {
        let zip = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let container = Container::from_zip(&zip)?;
        let member = |member| container.content(member).context("the receipt lacks a member");
        let proof = |of| container.content(of).map(LogProof::from_bytes).transpose();
        Ok(Self {
            claim: SignedData::from_der(ContentType::Claim, member(Member::Claim)?)?,
            token: TimestampToken::from_der(member(Member::Timestamp)?)?,
            lists: RevocationLists::from_slice(member(Member::RevocationLists)?)?,
            log,
            witnesses: vec![witness],
            lodged: proof(Member::LodgedProof)?,
            received: proof(Member::ReceivedProof)?,
        })
    }

    /// Put together as Blackboard does it.
    pub(super) fn assemble(&self) -> Result<Container> {
        let parts = Parts {
            claim: &self.claim,
            token: &self.token,
            outage: None,
            revocation: &self.lists,
            log: &self.log,
            witnesses: &self.witnesses,
            lodged: self.lodged.as_ref(),
            received: self.received.as_ref(),
        };
        Ok(assemble(&parts)?)
    }

    /// What a log has of it: lodged, and received.
    pub(super) fn entries(&self) -> Result<[Entry; 2]> {
        let claim = ClaimId::of_manifest(self.claim.unverified_content());
        let lodged = LogEntry::Lodged {
            claim,
            timestamp: Digest::of(self.token.der()),
            revocation: Digest::of(&self.lists.to_bytes()),
        };
        let received = LogEntry::Received { claim };
        Ok([Entry::new(lodged.to_bytes())?, Entry::new(received.to_bytes())?])
    }
}

/// All entries of a log that is honest, and its checkpoint.
async fn entries(log: &Log, signer: &LogSigner) -> Result<(Vec<Entry>, LogSigned)> {
    let published = checkpoint(log, &signer.key()).await;
    let published = published.map_err(|stop| anyhow::anyhow!("{stop}"))?;
    let mut entries = Vec::new();
    for resource in claim_log::audit::resources(published.head().size) {
        if let Resource::Entries(bundle) = resource {
            let octets = log.fetch(resource).await?.context("the log lacks entries")?;
            entries.extend(bundle.decode(&octets)?);
        }
    }
    Ok((entries, published))
}

/// An entry about some claim that nobody made, to fill a place.
pub(super) fn filler(number: usize) -> Result<Entry> {
    let claim = ClaimId::of_manifest(format!("filler {number}").as_bytes());
    Ok(Entry::new(LogEntry::Received { claim }.to_bytes())?)
}

/// The key as the log's formats take it.
pub(super) fn note_key(key: &Ed25519SigningKey) -> Result<NoteKey> {
    Ok(NoteKey::from_pkcs8_der(&key.to_pkcs8_der())?)
}

/// A number that no certificate and no token has.
pub(super) fn serial() -> SerialNumber {
    let mut random = [0; 16];
    system_rng().fill_bytes(&mut random);
    SerialNumber::from_random(random)
}

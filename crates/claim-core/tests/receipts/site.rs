//! A CUHK, a Blackboard with its evidence keys, a witness and students: with all their keys, so that tests can forge.

use claim_core::claim::{
    ClaimId, FileEntry, FileHasher, Files, Holder, LogEntry, Manifest, ManifestMembers, sign_claim,
};
use claim_core::encoding::Bytes;
use claim_core::receipt::{Evidence, Parts, Report, RevocationLists, assemble, log_name, verify};
use claim_core::student::Credential;
use claim_core::{Digest, Origin, Timestamp};
use claim_log::note::SigningKey as LogSecret;
use claim_log::witness::{AddCheckpoint, Decision, decide};
use claim_log::{
    ConsistencyProof, Edge, Entry, InclusionProof, LeafIndex, LogProof, LogSigner, Resource,
    TileSet, TreeSize, WitnessSigner,
};
use claim_pki::{
    AuthorityName, Certificate, Ed25519SigningKey, Issuer, RevocationList, RevocationReason,
    RevokedCertificate, Root, RootSpec, SerialNumber, SignedData, Signer, SigningKey, Subject,
    TimestampSigner, TimestampToken, Validity,
};

use crate::support::{authorities, issue_for, serial, student};

pub(crate) const REPORT: &[u8] = b"The report.\n";
/// Where CUHK is.
pub(crate) const CUHK: &str = "https://localhost:9335";
pub(crate) const YEAR: u32 = 365 * 86_400;

pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().unwrap()
}

pub(crate) fn file(name: &str, bytes: &[u8]) -> FileEntry {
    let mut hasher = FileHasher::new();
    hasher.update(bytes);
    hasher.finish(name.to_owned().try_into().unwrap()).unwrap()
}

/// Everybody, with their keys.
pub(crate) struct Site {
    pub(crate) start: Timestamp,
    pub(crate) origin: Origin,
    pub(crate) root_issuer: Issuer,
    pub(crate) root: Root,
    pub(crate) issuing: Issuer,
    pub(crate) issuing_key: SigningKey,
    pub(crate) students: Vec<Credential>,
    pub(crate) staff: Credential,
    pub(crate) timestamp: TimestampSigner,
    pub(crate) tsa: TimestampSigner,
    pub(crate) log: Log,
    pub(crate) witness: Witness,
    pub(crate) other_witness: Witness,
}

/// A log's key with its certificate.
pub(crate) struct Log {
    pub(crate) secret: Ed25519SigningKey,
    pub(crate) signer: LogSigner,
    pub(crate) certificate: Certificate,
}

/// A witness's key with its certificate.
pub(crate) struct Witness {
    pub(crate) signer: WitnessSigner,
    pub(crate) certificate: Certificate,
}

/// What a claim is about, and what happens to it when.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) sids: Vec<&'static str>,
    /// Which of the site's students sign; nobody when staff does.
    pub(crate) signers: Vec<usize>,
    pub(crate) by_staff: bool,
    pub(crate) due: Option<Timestamp>,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) replaces: Option<ClaimId>,
    pub(crate) origin: Option<Origin>,
    pub(crate) nonce: u8,
    pub(crate) gen_time: Timestamp,
    pub(crate) witnessed: Timestamp,
    pub(crate) list_of: Timestamp,
    pub(crate) revoked: Vec<RevokedCertificate>,
    /// When CUHK stamped it, in an outage.
    pub(crate) stamped: Option<Timestamp>,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self {
            sids: vec!["1155123456"],
            signers: vec![0],
            by_staff: false,
            due: Some(at("15:59:59.999")),
            files: vec![file("report.pdf", REPORT), file("data/empty", b"")],
            replaces: None,
            origin: None,
            nonce: 7,
            gen_time: at("15:59:41.204"),
            witnessed: at("15:59:42.000"),
            list_of: at("15:00:00.000"),
            revoked: Vec::new(),
            stamped: None,
        }
    }

    /// Blackboard was out of reach at the due time; half an hour later it had the claim.
    pub(crate) fn of_outage() -> Self {
        Self {
            gen_time: at("16:30:00.500"),
            witnessed: at("16:30:01.000"),
            stamped: Some(at("15:59:41.204")),
            ..Self::new()
        }
    }
}

/// The parts of one receipt, each of which a test may replace before it is put together.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) claim: SignedData,
    pub(crate) token: TimestampToken,
    pub(crate) outage: Option<TimestampToken>,
    pub(crate) lists: RevocationLists,
    pub(crate) log: Certificate,
    pub(crate) witnesses: Vec<Certificate>,
    pub(crate) lodged: Option<LogProof>,
    pub(crate) received: Option<LogProof>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::at_origin("https://localhost:3141")
    }

    pub(crate) fn at_origin(origin: &str) -> Self {
        let now = at("15:59:00.000");
        let start = now.plus_seconds(-3600);
        let origin: Origin = origin.parse().unwrap();
        let (root_issuer, issuing, issuing_key) = authorities(now);
        // CUHK's lists are at its own origin, which tells its own timestamp authority from that of a Blackboard.
        let root_issuer = root_issuer.with_crl_url(format!("{CUHK}/crl/00.crl").parse().unwrap());
        let root = Root::from_der(root_issuer.certificate().der()).unwrap();
        let students = ["1155123456", "1155123457"].map(|id| student(&issuing, id, start)).into();
        let staff = student(&issuing, "chan", start);
        Self {
            timestamp: timestamp(&root_issuer, &origin, start),
            tsa: timestamp(&root_issuer, &CUHK.parse().unwrap(), start),
            log: log(&root_issuer, &origin, start),
            witness: witness(&root_issuer, "localhost:9335/witness", start),
            other_witness: witness(&root_issuer, "witness.example", start),
            start,
            origin,
            root_issuer,
            root,
            issuing,
            issuing_key,
            students,
            staff,
        }
    }

    /// Whoever stole the issuing authority's key, issuing what it must not, in the name of the issuing authority or of
    /// the root.
    pub(crate) fn thief(&self, name: &str) -> Issuer {
        let spec = RootSpec { name: AuthorityName::cuhk(name).unwrap(), domain: None };
        let key = SigningKey::from_pkcs8_pem(&self.issuing_key.to_pkcs8_pem()).unwrap();
        let validity = Validity::starting(self.start, 20 * YEAR);
        Issuer::self_signed_root(&spec, key, &serial(), validity).unwrap()
    }

    pub(crate) fn manifest(&self, story: &Story) -> Vec<u8> {
        let sids = story.sids.iter().map(|sid| sid.parse().unwrap()).collect();
        let manifest = Manifest::new(ManifestMembers {
            blackboard: story.origin.clone().unwrap_or(self.origin.clone()),
            assignment: "IEMS5710/lab1".parse().unwrap(),
            due: story.due,
            sids: Holder::new(sids).unwrap(),
            by: story.by_staff.then(|| "chan".parse().unwrap()),
            replaces: story.replaces,
            outage: story.stamped.is_some(),
            nonce: Bytes([story.nonce; 16]),
            note: None,
            files: Files::new(story.files.clone()).unwrap(),
        });
        manifest.to_bytes().unwrap()
    }

    pub(crate) fn claim(&self, story: &Story) -> SignedData {
        let manifest = self.manifest(story);
        let credentials: Vec<&Credential> = match story.by_staff {
            true => vec![&self.staff],
            false => story.signers.iter().map(|index| &self.students[*index]).collect(),
        };
        sign(&manifest, &credentials, story.stamped.unwrap_or(story.gen_time))
    }

    pub(crate) fn list(&self, of: Timestamp, revoked: &[RevokedCertificate]) -> RevocationList {
        list_by(&self.issuing, of, revoked)
    }

    /// The whole story, as honest servers would tell it.
    pub(crate) fn make(&self, story: &Story) -> Made {
        let claim = self.claim(story);
        let token = token(&self.timestamp, &claim, story.gen_time);
        let outage = story.stamped.map(|at| crate::site::token(&self.tsa, &claim, at));
        let list = self.list(story.list_of, &story.revoked);
        let lists = RevocationLists::for_claim(&claim, &[list]).unwrap();
        let mut made = Made {
            claim,
            token,
            outage,
            lists,
            log: self.log.certificate.clone(),
            witnesses: vec![
                self.other_witness.certificate.clone(),
                self.witness.certificate.clone(),
            ],
            lodged: None,
            received: None,
        };
        let (lodged, received) = (story.witnessed, story.witnessed.plus_seconds(50));
        self.prove(&mut made, &[(&self.witness, lodged)], &[(&self.witness, received)]);
        made
    }

    /// The proofs that follow from the other parts.
    pub(crate) fn prove(
        &self,
        made: &mut Made,
        lodged_by: &[(&Witness, Timestamp)],
        received_by: &[(&Witness, Timestamp)],
    ) {
        let entries = entries(made);
        made.lodged = Some(prove(&self.log.signer, &entries[..5], 3, lodged_by));
        made.received = Some(prove(&self.log.signer, &entries, 6, received_by));
    }

    pub(crate) fn verify(&self, receipt: &[u8], files: &[FileEntry]) -> Report {
        verify(&Evidence { receipt, root: &self.root, files, witness: None, newer_lists: &[] })
    }
}

/// Eight entries of a log, of which the fourth and the seventh are about this claim.
pub(crate) fn entries(made: &Made) -> Vec<Vec<u8>> {
    let id = ClaimId::of_manifest(made.claim.unverified_content());
    let lodged = LogEntry::Lodged {
        claim: id,
        timestamp: Digest::of(made.token.der()),
        revocation: Digest::of(&made.lists.to_bytes()),
    };
    let other =
        |number: u8| LogEntry::Received { claim: ClaimId::of_manifest(&[number]) }.to_bytes();
    vec![
        other(0),
        other(1),
        other(2),
        lodged.to_bytes(),
        other(4),
        other(5),
        LogEntry::Received { claim: id }.to_bytes(),
        other(7),
    ]
}

impl Made {
    pub(crate) fn zip(&self) -> Vec<u8> {
        self.container().to_zip()
    }

    pub(crate) fn container(&self) -> claim_core::receipt::Container {
        let parts = Parts {
            claim: &self.claim,
            token: &self.token,
            outage: self.outage.as_ref(),
            revocation: &self.lists,
            log: &self.log,
            witnesses: &self.witnesses,
            lodged: self.lodged.as_ref(),
            received: self.received.as_ref(),
        };
        assemble(&parts).unwrap()
    }
}

pub(crate) fn sign(manifest: &[u8], by: &[&Credential], at: Timestamp) -> SignedData {
    let mut cms: Option<SignedData> = None;
    for credential in by {
        let certificates = credential.chain.certificates();
        let [leaf, issuer] = certificates.as_slice() else { panic!("a chain of two") };
        let leaf = Certificate::from_der(leaf).unwrap();
        let issuer = Certificate::from_der(issuer).unwrap();
        let signer = Signer::new(&credential.key, &leaf, &issuer).unwrap();
        cms = Some(match cms {
            None => sign_claim(manifest, &signer, at).unwrap(),
            Some(cms) => cms.add_signature(&signer, at).unwrap(),
        });
    }
    cms.unwrap()
}

pub(crate) fn token(
    signer: &TimestampSigner,
    claim: &SignedData,
    gen_time: Timestamp,
) -> TimestampToken {
    signer.sign(Digest::of(claim.der()).as_bytes(), gen_time, &serial()).unwrap()
}

pub(crate) fn list_by(
    issuer: &Issuer,
    of: Timestamp,
    revoked: &[RevokedCertificate],
) -> RevocationList {
    issuer.revocation_list(7, of, of.plus_seconds(2 * 86_400), revoked).unwrap()
}

pub(crate) fn revoked(serial: &SerialNumber, revoked_at: Timestamp) -> RevokedCertificate {
    let reason = RevocationReason::KeyCompromise;
    RevokedCertificate { serial: serial.clone(), revoked_at, reason }
}

pub(crate) fn timestamp(issuer: &Issuer, origin: &Origin, from: Timestamp) -> TimestampSigner {
    timestamp_with(issuer, origin, from, SigningKey::generate().unwrap())
}

pub(crate) fn timestamp_with(
    issuer: &Issuer,
    origin: &Origin,
    from: Timestamp,
    key: SigningKey,
) -> TimestampSigner {
    let subject = Subject::Timestamp { origin: origin.clone() };
    let validity = Validity::starting(from, 10 * YEAR);
    let certificate = issue_for(issuer, &subject, key.public_key(), validity);
    TimestampSigner::new(key, certificate).unwrap()
}

pub(crate) fn log(issuer: &Issuer, origin: &Origin, from: Timestamp) -> Log {
    let secret = Ed25519SigningKey::generate().unwrap();
    let subject = Subject::Log { origin: origin.clone() };
    let validity = Validity::starting(from, 10 * YEAR);
    let certificate = issue_for(issuer, &subject, secret.public_key(), validity);
    Log { signer: LogSigner::new(log_name(origin), note_key(&secret)), certificate, secret }
}

pub(crate) fn witness(issuer: &Issuer, name: &str, from: Timestamp) -> Witness {
    let secret = Ed25519SigningKey::generate().unwrap();
    witness_with(issuer, name, &secret, Validity::starting(from, 10 * YEAR))
}

pub(crate) fn witness_with(
    issuer: &Issuer,
    name: &str,
    secret: &Ed25519SigningKey,
    validity: Validity,
) -> Witness {
    let subject = Subject::Witness { name: name.parse().unwrap() };
    let certificate = issue_for(issuer, &subject, secret.public_key(), validity);
    let signer = WitnessSigner::new(name.parse().unwrap(), note_key(secret));
    Witness { signer, certificate }
}

pub(crate) fn note_key(secret: &Ed25519SigningKey) -> LogSecret {
    LogSecret::from_pkcs8_der(&secret.to_pkcs8_der()).unwrap()
}

/// A proof that one of these entries is in the log that has just these.
pub(crate) fn prove(
    log: &LogSigner,
    entries: &[Vec<u8>],
    index: u64,
    witnesses: &[(&Witness, Timestamp)],
) -> LogProof {
    let entries: Vec<Entry> =
        entries.iter().map(|entry| Entry::new(entry.clone()).unwrap()).collect();
    let plan = Edge::empty().plan(&entries).unwrap();
    let mut tiles = TileSet::default();
    for object in plan.objects() {
        if let Resource::Tile(tile) = object.resource {
            tiles.insert(tile, &object.octets).unwrap();
        }
    }
    let index = LeafIndex::try_from(index).unwrap();
    let inclusion = InclusionProof::from_tiles(index, plan.head().size, &tiles).unwrap();
    let mut checkpoint = log.sign(plan.head()).unwrap();
    for (witness, at) in witnesses {
        // A witness that has seen nothing of this log yet.
        let nothing = ConsistencyProof::new(Vec::new()).unwrap();
        let request =
            AddCheckpoint::new(TreeSize::try_from(0_u64).unwrap(), nothing, checkpoint.clone());
        let Decision::Accept(accepted) = decide(Some(&log.key()), None, &request) else {
            panic!("a witness takes the first checkpoint");
        };
        let time = u64::try_from(at.as_seconds()).unwrap().try_into().unwrap();
        let signature = accepted.cosign(&witness.signer, time).unwrap();
        checkpoint = checkpoint.with_signature(signature).unwrap();
    }
    LogProof::new(index, inclusion, checkpoint)
}

//! CUHK as a witness: it never cosigns two histories, whatever it is asked, however it is stopped.

use std::path::Path;

use claim_cuhk::{Clock, Event};
use claim_log::note::{PosixTime, SigningKey as NoteKey};
use claim_log::witness::{AddCheckpoint, conflicting_size};
use claim_log::{
    ConsistencyProof, Frontier, Hash, LogSigner, SignedCheckpoint, TreeHead, TreeSize, WitnessKey,
    leaf_hash, node_hash,
};
use claim_pki::{Certificate, Ed25519SigningKey};
use tempfile::TempDir;

use crate::evidence::{BLACKBOARD, Keys, ask};
use crate::fixture::{Answer, TestCuhk, folder};

/// The origin line of the log of [`BLACKBOARD`].
const ORIGIN: &str = "localhost:3141/log";

/// A CUHK that has certified the log of a Blackboard.
struct Scene {
    folder: TempDir,
    cuhk: TestCuhk,
    log: Log,
}

/// A log whose tree has two leaves at most, so that proofs can be written by hand.
struct Log(LogSigner);

impl Log {
    fn of(key: &Ed25519SigningKey) -> Self {
        let key = NoteKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap();
        Self(LogSigner::new(ORIGIN.parse().unwrap(), key))
    }

    fn signed(&self, leaves: &[&[u8]]) -> SignedCheckpoint {
        self.0.sign(head(leaves)).unwrap()
    }
}

fn size(value: u64) -> TreeSize {
    value.to_string().parse().unwrap()
}

fn head(leaves: &[&[u8]]) -> TreeHead {
    let root = match leaves {
        [] => Frontier::default().root(),
        [one] => leaf_hash(one),
        [one, two] => node_hash(&leaf_hash(one), &leaf_hash(two)),
        _ => panic!("too many"),
    };
    TreeHead { size: size(leaves.len() as u64), root }
}

fn request(old: u64, proof: Vec<Hash>, checkpoint: SignedCheckpoint) -> Vec<u8> {
    let proof = ConsistencyProof::new(proof).unwrap();
    AddCheckpoint::new(size(old), proof, checkpoint).to_bytes()
}

async fn start(dir: &Path) -> TestCuhk {
    TestCuhk::start(dir).await
}

impl Scene {
    async fn new() -> Self {
        let folder = folder();
        let cuhk = start(folder.path()).await;
        let keys = Keys::new();
        ask(&cuhk, &keys.request(BLACKBOARD)).await;
        Self { folder, cuhk, log: Log::of(&keys.log) }
    }

    async fn restart(self) -> Self {
        let Self { folder, cuhk, log } = self;
        cuhk.stop().await;
        let cuhk = start(folder.path()).await;
        Self { folder, cuhk, log }
    }

    async fn add(&self, body: Vec<u8>) -> Answer {
        let url = self.cuhk.origin.join("/witness/add-checkpoint");
        self.cuhk.send(self.cuhk.client().post(url).body(body)).await
    }

    async fn witness(&self) -> WitnessKey {
        let url = self.cuhk.origin.join("/witness/certificate");
        let answer = self.cuhk.send(self.cuhk.client().get(url)).await;
        let certificate = Certificate::from_pem(&answer.body).unwrap();
        let verified = self.cuhk.root.verify_witness(certificate.der(), Clock::system().now());
        let verified = verified.unwrap();
        WitnessKey::new(
            verified.name().as_str().parse().unwrap(),
            *verified.public_key().as_bytes(),
        )
    }

    /// The answer is a cosignature of this checkpoint by CUHK's certified key, at a time of now.
    async fn assert_cosigned(&self, answer: &Answer, checkpoint: &SignedCheckpoint) -> PosixTime {
        assert_eq!(answer.status, 200, "{answer:?}");
        let note = [&checkpoint.to_bytes(), answer.body.as_bytes()].concat();
        let note = SignedCheckpoint::from_bytes(&note).unwrap();
        let cosigned = note.cosigned(&[self.witness().await]).unwrap();
        let [cosigned] = cosigned.as_slice() else { panic!("{cosigned:?}") };
        let age = Clock::system().now().as_seconds().abs_diff(cosigned.time().seconds() as i64);
        assert!(age < 600, "{age}");
        cosigned.time()
    }

    fn splits(&self) -> usize {
        let split = |event: &Event| matches!(event, Event::LogSplit { .. });
        self.cuhk.events().iter().filter(|event| split(event)).count()
    }
}

#[tokio::test]
async fn a_growing_log_is_cosigned_and_remembered_over_a_restart() {
    let scene = Scene::new().await;
    let (one, two) = (scene.log.signed(&[b"a"]), scene.log.signed(&[b"a", b"b"]));
    let answer = scene.add(request(0, vec![], one.clone())).await;
    scene.assert_cosigned(&answer, &one).await;
    // Asked again, as after a lost answer.
    let again = scene.add(request(1, vec![], one.clone())).await;
    scene.assert_cosigned(&again, &one).await;

    let witness = scene.witness().await;
    let scene = scene.restart().await;
    assert_eq!(scene.witness().await, witness);
    let answer = scene.add(request(0, vec![], two.clone())).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (409, "1\n"));
    assert_eq!(answer.headers["content-type"], "text/x.tlog.size");
    assert_eq!(conflicting_size(answer.body.as_bytes()), Some(size(1)));
    let answer = scene.add(request(1, vec![leaf_hash(b"b")], two.clone())).await;
    scene.assert_cosigned(&answer, &two).await;
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn what_is_not_the_same_log_grown_is_refused() {
    let scene = Scene::new().await;
    let two = scene.log.signed(&[b"a", b"b"]);
    let answer = scene.add(request(0, vec![], two.clone())).await;
    scene.assert_cosigned(&answer, &two).await;

    let other = Log::of(&Ed25519SigningKey::generate().unwrap());
    let foreign = NoteKey::generate().unwrap();
    let unknown = LogSigner::new("localhost:3142/log".parse().unwrap(), foreign);
    let unknown = unknown.sign(head(&[b"a"])).unwrap();
    let smaller = scene.log.signed(&[b"a"]);
    let forked = scene.log.signed(&[b"a", b"x"]);
    for (body, status, said) in [
        (request(2, vec![], other.signed(&[b"a", b"b"])), 403, "not signed by its log"),
        (request(0, vec![], unknown), 404, "does not know the log"),
        (request(2, vec![], smaller), 400, "larger than the checkpoint's"),
        (request(2, vec![], forked.clone()), 409, "2\n"),
        (b"old 2\n\nnothing".to_vec(), 400, ""),
        (b"old -1\n\n".to_vec(), 400, ""),
    ] {
        let answer = scene.add(body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(said), "{answer:?}");
    }
    // The two signed checkpoints of one size are kept, once, and told.
    assert_eq!(scene.splits(), 1);
    let url = format!("sqlite:{}", scene.folder.path().join("cuhk.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let kept: Vec<(Vec<u8>, Vec<u8>)> =
        sqlx::query_as("SELECT first, second FROM split_views").fetch_all(&pool).await.unwrap();
    assert_eq!(kept, [(two.to_bytes(), forked.to_bytes())]);
    pool.close().await;
    // And the history that came first goes on.
    let answer = scene.add(request(2, vec![], two.clone())).await;
    scene.assert_cosigned(&answer, &two).await;
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn a_proof_that_does_not_lead_from_the_last_checkpoint_is_refused() {
    let scene = Scene::new().await;
    let one = scene.log.signed(&[b"a"]);
    let answer = scene.add(request(0, vec![], one.clone())).await;
    scene.assert_cosigned(&answer, &one).await;
    let rewritten = scene.log.signed(&[b"x", b"b"]);
    let answer = scene.add(request(1, vec![leaf_hash(b"b")], rewritten)).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let grown = scene.log.signed(&[b"a", b"b"]);
    let answer = scene.add(request(1, vec![leaf_hash(b"c")], grown.clone())).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let answer = scene.add(request(1, vec![leaf_hash(b"b")], grown.clone())).await;
    scene.assert_cosigned(&answer, &grown).await;
    scene.cuhk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_histories_at_the_same_time_one_is_cosigned() {
    let scene = Scene::new().await;
    let histories: Vec<_> = (0..16_u8).map(|n| scene.log.signed(&[&[n]])).collect();
    let mut asking = tokio::task::JoinSet::new();
    for history in histories {
        let (client, url) =
            (scene.cuhk.client(), scene.cuhk.origin.join("/witness/add-checkpoint"));
        asking.spawn(async move {
            let body = request(0, vec![], history);
            client.post(url).body(body).send().await.unwrap().status().as_u16()
        });
    }
    let mut statuses = asking.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[409; 15]].concat());
    scene.cuhk.stop().await;
}

#[tokio::test]
async fn a_witness_that_lost_its_memory_takes_a_new_key() {
    let scene = Scene::new().await;
    let witness = scene.witness().await;
    let Scene { folder, cuhk, .. } = scene;
    cuhk.stop().await;
    for name in ["cuhk.db", "cuhk.db-wal", "cuhk.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    let scene = Scene { cuhk: start(folder.path()).await, folder, log: Log::of(&Keys::new().log) };
    let new = scene.witness().await;
    assert_ne!(new.public(), witness.public());
    let aside = std::fs::read_dir(scene.folder.path()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("cuhk-witness.key.")
    });
    assert_eq!(aside.count(), 1);
    scene.cuhk.stop().await;
}

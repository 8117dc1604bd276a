//! Step 3 with certificates that are not the student's.

use anyhow::{Context as _, Result};
use claim_core::encoding::Nonce;
use claim_core::messages::{Chain, ChallengeRequest, Sentence};
use claim_http::system_rng;
use claim_pki::{
    AuthorityName, Certificate, Issuer, PublicKey, RootSpec, SerialNumber, SigningKey, Subject,
    Validity,
};
use rand_core::Rng;

use super::scene::{Scene, chain};
use super::verdict::Outcome;
use super::wire::{self, post};

const HOUR: u32 = 3600;

/// A CUHK that is none.
pub(super) async fn foreign_authority(scene: &Scene) -> Result<Outcome> {
    let validity = Validity::starting(wire::now().plus_seconds(-60), HOUR);
    let name = same_name(scene.stage.root.certificate())?;
    let spec = RootSpec { name, domain: None };
    let root = Issuer::self_signed_root(&spec, SigningKey::generate()?, &serial(), validity)?;
    let key = SigningKey::generate()?;
    let subject = Subject::Issuing { name: same_name(scene.issuing.certificate())? };
    let certificate = issue(&root, &subject, key.public_key(), validity)?;
    let issuing = Issuer::new(certificate, key)?;
    let leaf = issue(&issuing, &student(scene), SigningKey::generate()?.public_key(), validity)?;
    let chain = chain(&[leaf, issuing.certificate().clone()])?;
    say_the_sentence(scene, chain).await
}

/// CUHK's own signature, for a time that is over.
pub(super) async fn expired(scene: &Scene) -> Result<Outcome> {
    let key = SigningKey::generate()?;
    // CUHK's certificates begin some minutes before they are made, so this one has ended already.
    let validity = Validity::starting(scene.issuing.validity().not_before(), 1);
    let leaf = issue(&scene.issuing, &student(scene), key.public_key(), validity)?;
    let chain = chain(&[leaf, scene.issuing.certificate().clone()])?;
    say_the_sentence(scene, chain).await
}

/// A server's certificate is genuine, and none of a person.
pub(super) async fn wrong_profile(scene: &Scene) -> Result<Outcome> {
    say_the_sentence(scene, chain(scene.relay.certificates())?).await
}

/// The attacker's own certificate, with the victim's SID written over the attacker's wherever it stands.
pub(super) async fn edited(scene: &Scene) -> Result<Outcome> {
    let (own, other) = (scene.attacker.id.as_str(), scene.victim.id.as_str());
    let mut certificates: Vec<Vec<u8>> =
        scene.attacker.chain.certificates().into_iter().map(<[u8]>::to_vec).collect();
    let leaf = certificates.first_mut().context("a chain without a certificate")?;
    // Both have ten digits, so the DER around them stays as it must be.
    let places: Vec<usize> = leaf
        .windows(own.len())
        .enumerate()
        .filter_map(|(place, window)| (window == own.as_bytes()).then_some(place))
        .collect();
    for place in places {
        leaf.splice(place..place + own.len(), other.bytes());
    }
    say_the_sentence(scene, Chain::new(certificates)?).await
}

/// The sentence says the victim's SID, the certificate the attacker's.
pub(super) async fn false_sid(scene: &Scene) -> Result<Outcome> {
    say_the_sentence(scene, scene.attacker.chain.clone()).await
}

/// Step 3 in the victim's name.
async fn say_the_sentence(scene: &Scene, certificate: Chain) -> Result<Outcome> {
    let request = ChallengeRequest {
        request: Sentence::of(scene.victim.id.clone()),
        certificate,
        nonce: Nonce::random(&mut system_rng()),
    };
    let url = scene.stage.blackboard.join("/v1/challenges");
    Ok(wire::outcome(&post(&scene.client, url, &request).await?))
}

fn student(scene: &Scene) -> Subject {
    Subject::Person { id: scene.victim.id.clone(), name: None }
}

fn same_name(certificate: &Certificate) -> Result<AuthorityName> {
    let name = certificate.common_name().context("the certificate has no common name")?;
    Ok(AuthorityName::cuhk(name)?)
}

fn issue(
    issuer: &Issuer,
    subject: &Subject,
    key: &PublicKey,
    validity: Validity,
) -> Result<Certificate> {
    Ok(issuer.issue(issuer.prepare(subject, key, &serial(), validity)?)?)
}

fn serial() -> SerialNumber {
    let mut random = [0; 16];
    system_rng().fill_bytes(&mut random);
    SerialNumber::from_random(random)
}

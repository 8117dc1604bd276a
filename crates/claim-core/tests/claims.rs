//! Signed claims and withdrawals: who may sign what.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

mod support;

use claim_core::claim::{
    ClaimError, ClaimId, FileHasher, Files, Holder, Manifest, ManifestMembers, VerifiedClaim,
    VerifiedWithdrawal, WithdrawalError, sign_claim, sign_withdrawal,
};
use claim_core::encoding::Bytes;
use claim_core::student::Credential;
use claim_pki::{Certificate, ContentType, SignedData, Signer};
use support::{World, student};

fn manifest(world: &World, sids: &[&str], by: Option<&str>) -> Vec<u8> {
    let mut hasher = FileHasher::new();
    hasher.update(b"report");
    let file = hasher.finish("report.pdf".to_owned().try_into().unwrap()).unwrap();
    let manifest = Manifest::new(ManifestMembers {
        blackboard: world.origin.clone(),
        assignment: "IEMS5710/lab1".parse().unwrap(),
        due: None,
        sids: Holder::new(sids.iter().map(|sid| sid.parse().unwrap()).collect()).unwrap(),
        by: by.map(|by| by.parse().unwrap()),
        replaces: None,
        outage: false,
        nonce: Bytes([7; 16]),
        note: None,
        files: Files::new(vec![file]).unwrap(),
    });
    manifest.to_bytes().unwrap()
}

fn signed_by<T>(credential: &Credential, sign: impl FnOnce(&Signer<'_>) -> T) -> T {
    let certificates = credential.chain.certificates();
    let [leaf, issuer] = certificates.as_slice() else { panic!("a chain of two") };
    let (leaf, issuer) =
        (Certificate::from_der(leaf).unwrap(), Certificate::from_der(issuer).unwrap());
    sign(&Signer::new(&credential.key, &leaf, &issuer).unwrap())
}

fn open(world: &World, cms: &[u8]) -> Result<VerifiedClaim, ClaimError> {
    VerifiedClaim::open(cms, |chain| world.root.verify_person(chain, world.now))
}

#[test]
fn a_member_signs_for_the_group() {
    let world = World::new();
    let bytes = manifest(&world, &["1155123456", "1155123457"], None);
    let cms = signed_by(&world.credential, |signer| sign_claim(&bytes, signer, world.now).unwrap());
    let claim = open(&world, cms.der()).unwrap();
    assert_eq!(claim.id(), ClaimId::of_manifest(&bytes));
    assert_eq!(claim.manifest(), &Manifest::from_slice(&bytes).unwrap());
    assert!(claim.is_signed_by(&world.credential.id));
    assert!(!claim.is_signed_by(&"1155123457".parse().unwrap()));
    // The other member as well: another message, the same claim.
    let other = student(&world.issuing, "1155123457", world.now);
    let both = signed_by(&other, |signer| cms.add_signature(signer, world.now).unwrap());
    let both = open(&world, both.der()).unwrap();
    assert_eq!((both.id(), both.signers().len()), (claim.id(), 2));
}

#[test]
fn nobody_signs_for_others() {
    let world = World::new();
    let staff = student(&world.issuing, "chan", world.now);
    for (sids, by, signer) in [
        (["1155123457"], None, &world.credential),
        (["1155123456"], Some("chan"), &world.credential),
        (["1155123456"], None, &staff),
        (["1155123456"], Some("lee"), &staff),
    ] {
        let bytes = manifest(&world, &sids, by);
        let cms = signed_by(signer, |signer| sign_claim(&bytes, signer, world.now).unwrap());
        let refused = open(&world, cms.der()).unwrap_err();
        assert!(matches!(refused, ClaimError::Signer { .. }), "{refused:?}");
    }
    let bytes = manifest(&world, &["1155123456"], Some("chan"));
    let cms = signed_by(&staff, |signer| sign_claim(&bytes, signer, world.now).unwrap());
    assert!(open(&world, cms.der()).is_ok());
    // Beside one who may, one who may not.
    let cms = signed_by(&world.credential, |signer| cms.add_signature(signer, world.now).unwrap());
    assert!(matches!(open(&world, cms.der()), Err(ClaimError::Signer { .. })));
}

#[test]
fn what_is_no_claim() {
    let world = World::new();
    let (other, bytes) = (World::new(), manifest(&world, &["1155123456"], None));
    let sign = |content_type, content: &[u8]| {
        signed_by(&world.credential, |signer| {
            let signers = std::slice::from_ref(signer);
            SignedData::sign(content_type, content, signers, world.now).unwrap()
        })
    };
    let claim = sign(ContentType::Claim, &bytes);
    assert!(matches!(open(&other, claim.der()), Err(ClaimError::Signature(_))));
    let withdrawal = sign(ContentType::Withdrawal, &bytes);
    assert!(matches!(open(&world, withdrawal.der()), Err(ClaimError::Cms(_))));
    let no_manifest = sign(ContentType::Claim, b"{}");
    assert!(matches!(open(&world, no_manifest.der()), Err(ClaimError::Manifest(_))));
    assert!(matches!(open(&world, b""), Err(ClaimError::Cms(_))));
}

#[test]
fn a_withdrawal_is_of_one_claim_by_one_person() {
    let world = World::new();
    let (claim, another) = (ClaimId::of_manifest(b"a"), ClaimId::of_manifest(b"b"));
    let open = |cms: &SignedData, claim| {
        VerifiedWithdrawal::open(cms.der(), claim, |chain| {
            world.root.verify_person(chain, world.now)
        })
    };
    let cms =
        signed_by(&world.credential, |signer| sign_withdrawal(claim, signer, world.now).unwrap());
    assert_eq!(open(&cms, claim).unwrap().person(), &world.credential.id);
    assert_eq!(open(&cms, another), Err(WithdrawalError::Content));
    let other = student(&world.issuing, "1155123457", world.now);
    let both = signed_by(&other, |signer| cms.add_signature(signer, world.now).unwrap());
    assert_eq!(open(&both, claim), Err(WithdrawalError::Signers));
}

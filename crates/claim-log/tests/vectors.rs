//! What others have published: roots, proofs, and the conversation of a log with its witness.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use claim_log::note::{KeyKind, VerifierKey};
use claim_log::witness::{AddCheckpoint, Decision, decide};
use claim_log::{
    Frontier, Hash, InclusionError, InclusionProof, LogKey, LogSigned, TreeHead, TreeSize,
    leaf_hash,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn hash(text: &str) -> Hash {
    Hash::from_bytes(hex(text).try_into().unwrap())
}

/// The reference trees of Certificate Transparency (transparency-dev/merkle, testonly).
#[test]
fn reference_trees() {
    let rows = [
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (
            "606162636465666768696a6b6c6d6e6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];
    let mut tree = Frontier::empty();
    assert_eq!(
        tree.root(),
        hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    for (entry, root) in rows {
        tree.append(leaf_hash(&hex(entry))).unwrap();
        assert_eq!(tree.root(), hash(root), "{entry}");
    }
}

/// The reference consistency proofs of the same trees.
#[test]
fn reference_consistency() {
    let two = head(2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    let five = head(5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4");
    let six = head(6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef");
    let seven = head(7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c");
    let proof = |hashes: &[&str]| {
        claim_log::ConsistencyProof::new(hashes.iter().map(|text| hash(text)).collect()).unwrap()
    };
    let two_to_five = proof(&[
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]);
    two_to_five.verify(&two, &five).unwrap();
    assert!(two_to_five.verify(&two, &six).is_err());
    proof(&[
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ])
    .verify(&six, &seven)
    .unwrap();
}

fn head(size: u64, root: &str) -> TreeHead {
    TreeHead { size: size.try_into().unwrap(), root: hash(root) }
}

/// Entry 10,000 of a real log of Certificate Transparency with 961,984,011 entries, as it answered (RFC 6962 §4.5).
#[test]
fn a_proof_from_a_large_log() {
    const PROOF: &str =
        "T46AmJsuOM/gFiGlUp+IJJebp+1Z5qratFNW7U0JyOQ= 9Jj1Feodn42uRYEfffkV4HF/EIPFQ5Zo9IwkxbQ2uhk=
        D53/1oCNebF4J59HHgioovKZxrmrKcVuCVhy3Izg8Ck= wSFDgGSrsXRPA+1c8WHoAFCsWeUv8NDyP/Q/SgsyVyY=
        516/RcwsgdwdzHn18v1dJHqBkgFUbNhmCIWOGjsMJaE= naTFY2ajLFgrgs5XUl+zJYZnnlJksLGsA1VYwpLfqbY=
        mKBRJo6qao+0Kdh/rhGkZUbHUAxMhrtrclrTpIbNjIg= Co4ueOFE7lpifLio94irxxsv1wFMMaK3tPu2ZQkHlro=
        yRgy800K6JMYCC05sWfqF2kvCg2riT/pVM+nEa6V5+0= n2O38XJZC8/Wpbwi9HhgVizlUyeUHVZvYyQB1607MRc=
        go3tAjuNfNSCj87y2Rg1xOroDknGN1eaf3cgvzObf7Q= 8D0Mj3/J7ySSnFb0afIHYXv6rlOhECnsebY6XKi1IR8=
        6rcez46ZU8M5vPiWVMAUfJfAOV0pPP/mch/lYzZhj/M= 2rtIeXrPvSdUyHc5maIgSAVB2BzaKaupWxSAiVayDE4=
        nniW/IMFQPN5xw8UsHFn7CRStYbm1gLu7NNa6kkRqJQ= mRPPi7sQS22MduIEyvcNzCNFqIt6kLwYPkNKrVtIcu8=
        JvTivzESNS9wHI8aph5a7uieVmtS/p9PciMZ5D6GyOo= UTyQd+Ym0wY4zG+qK806bBORwi1CSVvFQ/KknnqoZj8=
        hXODrqN+ff+U6zPqRQ+ZQKs6im1fPcxIerDSfNwflhE= II6GE+WY/DrpZzfHztLwkR46o37zVkNLCyPYlf68zA0=
        d609kWWcNBllbA8Jb/ad4XAVVGnScLRmtP8FYyr+Dck= rikBsP0G0gioXRpBFED2CzQdSLrGPvRd0bEcbEZw1rI=
        GXIElfmnRuWfbA4z7ubV/UwlpSRUbUeec7oL5HDDnh0= pR0SH/NYP6s9+8azWwaeUXA4Ze/3WCIgMfh5YW6wvcE=
        f3GuAKYVrF8RBg3s15jvA/YvV9oAliWtzP/imwPhQVA= WHn8zDxlVgkV+lSlmzaOdfSBrTHoRr5nT3d76q0KKWE=
        f2uV2ZxVgULzLPKuZcowRY3ZY7fRlX59iDBjV1R8kNQ= NzQVjJsvQwbi7WStMr9oFkh9VbHfK7LB6o7WwAqwNTs=
        C0LttBeYHZHgL+032JIcJC3CTBIyza/hsbmJUgJfmDI= 30HzZbwT4DdqHQi4f7+WRG6M4YwVGaKgGXicDvSFT6k=";
    let hashes = PROOF.split_whitespace().map(|text| Hash::from_base64(text).unwrap()).collect();
    let proof = InclusionProof::new(hashes).unwrap();
    let leaf = Hash::from_base64("nCs3mfIydh9x4CKyQ+u2xtmpxmFggA5MLymHwNQSlLg=").unwrap();
    let root = Hash::from_base64("AWxD3p811N3m4WTinWRXPvBZHfT9IR9g/R4C7SKLPiU=").unwrap();
    let tree = TreeHead { size: 961_984_011_u64.try_into().unwrap(), root };
    proof.verify(10_000_u64.try_into().unwrap(), &leaf, &tree).unwrap();
    let error = proof.verify(10_001_u64.try_into().unwrap(), &leaf, &tree).unwrap_err();
    assert!(matches!(error, InclusionError::Root { .. }));
}

const ORIGIN: &str =
    "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562";

/// The requests with which torchwood tests its witness (litewitness): a Sigsum log, signed by its own software.
#[test]
fn a_witness_of_a_sigsum_log() {
    let public = hex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f");
    let key = LogKey::new(ORIGIN.parse().unwrap(), public.try_into().unwrap());
    let verifier: VerifierKey = key.to_string().parse().unwrap();
    assert_eq!(
        (verifier.kind(), verifier.id().to_string()),
        (KeyKind::Ed25519, "5202289b".to_owned())
    );

    let one = "1\nKgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let three = "3\nRcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=";
    let five = "5\nQrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=";
    let by_one = "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=";
    let by_three = "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=";
    let by_five = "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=";
    let proof_1_3 = "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nKgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let proof_1_5 = "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=\nKgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let proof_3_5 = "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nKgMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nwgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=\nKgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let damaged_signature = by_three.replace("6go=", "6gw=");
    let damaged_proof = proof_1_3.replace("AAA=\nKgI", "AAA=\nKgJ");

    // Old size, proof, tree, signature; the size of the last checkpoint when all is well, else the status.
    type Row<'a> = (u64, &'a str, &'a str, &'a str, Result<u64, u16>);
    let rows: [Row<'_>; 8] = [
        (0, "", one, by_one, Ok(1)),
        (1, proof_1_3, three, &damaged_signature, Err(403)),
        (1, "", three, by_three, Err(422)),
        (1, &damaged_proof, three, by_three, Err(422)),
        (1, proof_1_3, three, by_three, Ok(3)),
        (1, proof_1_5, five, by_five, Err(409)),
        (3, proof_3_5, five, by_five, Ok(5)),
        (0, "", five, by_five, Err(409)),
    ];
    let mut last: Option<LogSigned> = None;
    for (old, proof, tree, signature, expected) in rows {
        let body =
            format!("old {old}\n{proof}\n{ORIGIN}\n{tree}\n\n\u{2014} {ORIGIN} {signature}\n");
        let request = AddCheckpoint::from_bytes(body.as_bytes()).unwrap();
        assert_eq!(request.to_bytes(), body.as_bytes());
        match (decide(Some(&key), last.as_ref(), &request), expected) {
            (Decision::Accept(accepted), Ok(size)) => {
                assert_eq!(accepted.checkpoint().head().size, TreeSize::try_from(size).unwrap());
                last = Some(accepted.checkpoint().clone());
            }
            (Decision::Refuse(refusal), Err(status)) => {
                assert_eq!(refusal.status(), status, "{body}");
                if status == 409 {
                    let size = last.as_ref().map(|last| last.head().size).unwrap();
                    assert_eq!(refusal.body(), format!("{size}\n"));
                }
            }
            (decision, expected) => panic!("{expected:?} expected for {body}: {decision:?}"),
        }
    }
}

//! Ten thousand changes to real receipts: none verifies, unless what it then proves is the same.
//!
//! Harmless are changes of what witnesses say, as long as what remains suffices. C2SP signed-note wants signatures of
//! unknown keys ignored, so such a line can be added, and lines can be repeated, put into another order, or (being no
//! longer by a key that is known) changed; and of two witnesses one can be taken away, with its certificate or without
//! its cosignature. It then no longer counts: the receipt proves the same, or less.

use claim_core::Digest;
use claim_core::receipt::{Container, Logged, Member, Report, Verdict};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::site::{Site, Story, at};

const CHANGES: usize = 10_000;

/// Random numbers, the same in each run.
struct Dice(ChaCha20Rng);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.next_u64() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// A stretch of so many bytes, never empty.
    fn stretch(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let longest = (length - start).min(64);
        start..start + 1 + self.below(longest)
    }
}

/// Flips, removes, repeats, overwrites.
fn change_bytes(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        return bytes.push(0);
    }
    let stretch = dice.stretch(bytes.len());
    match dice.below(6) {
        0 | 1 => bytes[stretch.start] ^= 1 << dice.below(8),
        2 => drop(bytes.drain(stretch)),
        3 => {
            let again = bytes[stretch.clone()].to_vec();
            bytes.splice(stretch.start..stretch.start, again).for_each(drop);
        }
        4 => bytes.truncate(stretch.start),
        _ => {
            let end = stretch.end.min(other.len());
            if let Some(part) = other.get(stretch.start..end) {
                bytes.splice(stretch.start..end.min(bytes.len()), part.to_vec()).for_each(drop);
            }
        }
    }
}

/// Puts pieces of a text into another order, leaves one out, or has one twice.
fn change_pieces(dice: &mut Dice, bytes: &[u8], separator: &str, first: usize) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut pieces: Vec<&str> = text.split_inclusive(separator).collect();
    let count = pieces.len();
    let mut pick = || first + dice.below(count - first);
    let (one, two) = (pick(), pick());
    match dice.below(4) {
        0 | 1 => pieces.swap(one, two),
        2 => drop(pieces.remove(one)),
        _ => pieces.insert(one, pieces[two]),
    }
    pieces.concat().into_bytes()
}

/// One change; the receipt is put together again so that it reaches further than the checksums.
fn change(dice: &mut Dice, one: &Container, other: &Container) -> Vec<u8> {
    let content = |from: &Container, member| from.content(member).unwrap_or_default().to_vec();
    let member = Member::ALL[dice.below(Member::ALL.len())];
    let proof = [Member::LodgedProof, Member::ReceivedProof][dice.below(2)];
    let (changed, bytes) = match dice.below(10) {
        0 => {
            let mut zip = one.to_zip();
            change_bytes(dice, &mut zip, &other.to_zip());
            return zip;
        }
        1..=4 => {
            let mut bytes = content(one, member);
            change_bytes(dice, &mut bytes, &content(other, member));
            (member, bytes)
        }
        5 => (member, content(other, member)),
        6 => (member, content(one, Member::ALL[dice.below(Member::ALL.len())])),
        7 => {
            let pem = content(one, Member::Certificates);
            let pem = change_pieces(dice, &pem, "-----END CERTIFICATE-----\n", 0);
            (Member::Certificates, pem)
        }
        8 => (proof, change_pieces(dice, &content(one, proof), "\n", 0)),
        _ => {
            // Only the lines of the signatures: behind the second empty line.
            let bytes = content(one, proof);
            let text = String::from_utf8(bytes.clone()).unwrap();
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let first = lines.iter().rposition(|line| *line == "\n").unwrap() + 1;
            (proof, change_pieces(dice, &bytes, "\n", first))
        }
    };
    let members = Member::ALL.into_iter().filter_map(|it| {
        let bytes =
            if it == changed { Some(bytes.clone()) } else { one.content(it).map(<[u8]>::to_vec) };
        // An empty member that was not there stays away.
        bytes
            .filter(|bytes| !bytes.is_empty() || one.content(it).is_some())
            .map(|bytes| (it, bytes))
    });
    Container::new(members).to_zip()
}

/// All that a receipt proves, but for how many witnesses say so.
fn proven(report: &Report) -> String {
    let claim = report.claim.as_ref().unwrap();
    let Logged { log, lodged, received, .. } = report.logged.as_ref().unwrap();
    let files: Vec<Digest> = report.files.iter().map(|file| file.sha256).collect();
    format!(
        "{:?} {:?} {:?} {:?} {log} {lodged:?} {received:?} {files:?}",
        claim.id, claim.signers, report.lodged_at, report.due
    )
}

#[test]
fn ten_thousand_changes() {
    let site = Site::new();
    let one = site.make(&Story::new());
    let group =
        Story { sids: vec!["1155123456", "1155123457"], signers: vec![0, 1], ..Story::new() };
    let mut two = site.make(&group);
    // Two witnesses on each proof.
    let times = [at("15:59:43.000"), at("15:59:52.000"), at("16:00:20.000"), at("16:00:30.000")];
    site.prove(
        &mut two,
        &[(&site.witness, times[0]), (&site.other_witness, times[1])],
        &[(&site.witness, times[2]), (&site.other_witness, times[3])],
    );
    let receipts = [one.container(), two.container()];
    let genuine = receipts.each_ref().map(|it| site.verify(&it.to_zip(), &[]));
    assert!(genuine.iter().all(|report| report.verdict() == Verdict::Verified));
    let mut dice = Dice(ChaCha20Rng::seed_from_u64(11));
    let (mut unchanged, mut harmless) = (0, 0);
    for number in 0..CHANGES {
        let which = number % 2;
        let changed = change(&mut dice, &receipts[which], &receipts[1 - which]);
        if receipts.iter().any(|it| it.to_zip() == changed) {
            unchanged += 1;
            continue;
        }
        let report = site.verify(&changed, &[]);
        if report.verdict() != Verdict::Verified {
            continue;
        }
        harmless += 1;
        assert_eq!(proven(&report), proven(&genuine[which]), "change {number}");
        let witnesses = |report: &Report| report.logged.as_ref().unwrap().witnesses.clone();
        let known = witnesses(&genuine[which]);
        assert!(witnesses(&report).iter().all(|it| known.contains(it)), "change {number}");
        only_witnesses(&receipts[which], &changed);
    }
    assert!(unchanged < CHANGES / 4, "{unchanged}");
    assert!((1..CHANGES / 10).contains(&harmless), "{harmless}");
}

/// Every member is the same, but for the lines of the signatures on a checkpoint, and certificates of witnesses that
/// are no longer there.
#[track_caller]
fn only_witnesses(genuine: &Container, changed: &[u8]) {
    let changed = Container::from_zip(changed).unwrap();
    for member in Member::ALL {
        let text = |container: &Container| {
            let bytes = container.content(member).unwrap_or_default().to_vec();
            String::from_utf8(bytes).unwrap_or_default()
        };
        let (before, after) = (text(genuine), text(&changed));
        match member {
            _ if genuine.content(member) == changed.content(member) => {}
            Member::LodgedProof | Member::ReceivedProof => {
                let signed = |proof: &str| proof.rsplit_once("\n\n").unwrap().0.to_owned();
                assert_eq!(signed(&before), signed(&after), "{member}");
            }
            Member::Certificates => {
                let end = "-----END CERTIFICATE-----\n";
                let all: Vec<&str> = before.split_inclusive(end).collect();
                let (others, witnesses) = all.split_at(all.len() - 2);
                let rest = after.strip_prefix(&others.concat()).unwrap();
                assert!(witnesses.contains(&rest), "one of two witnesses remains");
            }
            member => panic!("{member}"),
        }
    }
}

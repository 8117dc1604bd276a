//! Forgeries of receipts and of the log, with the servers' real keys from the demonstration's folder.
//!
//! Each is judged by the very code that `claim verify`, `claim log audit` and CUHK's witness run; nothing here decides
//! whether a forgery is good. Blackboard's and CUHK's own files stay as they are.

mod forger;
mod logs;
mod receipts;
mod tree;

use claim_core::ProblemType;
use claim_core::receipt::Point;

pub(super) use self::forger::Forger;
use super::verdict::{Contradiction, Refusal};
use super::{Attack, Neighbour};

pub(super) const NEIGHBOURS: &[Neighbour<Forger>] = &[
    Neighbour {
        name: "honest-receipt",
        line: "The receipt of this demonstration, with the report.",
        play: |forger| Box::pin(receipts::honest_receipt(forger)),
    },
    Neighbour {
        name: "honest-hand",
        line: "A receipt that is made with the stolen keys as the forgeries are, but without a lie.",
        play: |forger| Box::pin(receipts::honest_hand(forger)),
    },
    Neighbour {
        name: "honest-log",
        line: "Blackboard's log, looked at twice.",
        play: |forger| Box::pin(logs::honest_log(forger)),
    },
    Neighbour {
        name: "honest-witness",
        line: "Blackboard's log, shown to CUHK's witness once more.",
        play: |forger| Box::pin(logs::honest_witness(forger)),
    },
];

pub(super) const FORGERIES: &[Attack<Forger>] = &[
    Attack {
        name: "changed-file",
        line: "The student changes one letter of the report, and shows it with the genuine receipt.\n   But the signed list has the digest of every piece.",
        expected: Refusal::Check(Point::Files, "file"),
        play: |forger| Box::pin(receipts::changed_file(forger)),
    },
    Attack {
        name: "altered-claim",
        line: "The student writes another digest into the list that was signed.\n   But the signature is over the list as it was.",
        expected: Refusal::Check(Point::Claim, "claim"),
        play: |forger| Box::pin(receipts::altered_claim(forger)),
    },
    Attack {
        name: "mixed-token",
        line: "The student signs a later claim, and puts it into the earlier receipt, under its timestamp.\n   But a timestamp is over one signed claim, and no other.",
        expected: Refusal::Check(Point::Token, "token-imprint"),
        play: |forger| Box::pin(receipts::mixed_token(forger)),
    },
    Attack {
        name: "mixed-proof",
        line: "The same with the later claim's own timestamp: only the log's proofs are the earlier receipt's.\n   But what stands in the log is the first claim with its first timestamp.",
        expected: Refusal::Check(Point::Log, "proof"),
        play: |forger| Box::pin(receipts::mixed_proof(forger)),
    },
    Attack {
        name: "old-draft",
        line: "Somebody with the student's laptop lodges an old draft, signed before the hand-in, so that it takes its place.\n   But a claim names the one before it, and Blackboard takes it only if that is still the last one.",
        expected: Refusal::Problem(ProblemType::ReplacesChanged),
        play: |forger| Box::pin(receipts::old_draft(forger)),
    },
    Attack {
        name: "old-draft-taken",
        line: "Blackboard takes the old draft all the same, and makes a receipt of it.\n   But the draft cannot name the claim before it, and the student has the receipt of that one.",
        expected: Refusal::Receipts,
        play: |forger| Box::pin(receipts::old_draft_taken(forger)),
    },
    Attack {
        name: "back-dated-token",
        line: "A student who is late has stolen Blackboard's timestamp key: the token says that the claim was in time.\n   But the log has it only now, and a witness with a clock of its own has cosigned that.",
        expected: Refusal::Check(Point::Time, "word-alone"),
        play: |forger| Box::pin(receipts::back_dated(forger)),
    },
    Attack {
        name: "log-forgets",
        line: "Blackboard drops the student's claim from its log, signs the log without it, and asks CUHK's witness to cosign.\n   But a witness remembers, and cosigns a log only if it has grown.",
        expected: Refusal::Witness(422),
        play: |forger| Box::pin(logs::forgetful_witness(forger)),
    },
    Attack {
        name: "log-forgets-audited",
        line: "The same log is shown to somebody who looked at it before.\n   But an auditor remembers too, and the log has signed both.",
        expected: Refusal::Audit(Contradiction::Rewritten),
        play: |forger| Box::pin(logs::forgetful_auditor(forger)),
    },
    Attack {
        name: "two-faces",
        line: "Blackboard signs two logs of the same length, one with the student's claim and one without, and asks CUHK's witness for the second.\n   But a witness cosigns one log of each length.",
        expected: Refusal::Witness(409),
        play: |forger| Box::pin(logs::other_face_witness(forger)),
    },
    Attack {
        name: "two-faces-audited",
        line: "One of the two is shown to somebody who saw the other.\n   But the log has signed both.",
        expected: Refusal::Audit(Contradiction::TwoHistories),
        play: |forger| Box::pin(logs::other_face_auditor(forger)),
    },
    Attack {
        name: "two-faces-unwitnessed",
        line: "Blackboard makes a receipt from a second log, which the witness has not cosigned.\n   But a receipt without a witness proves nothing.",
        expected: Refusal::Check(Point::Log, "not-cosigned"),
        play: |forger| Box::pin(receipts::other_face(forger)),
    },
    Attack {
        name: "two-faces-together",
        line: "CUHK's witness plays along and cosigns both logs; a receipt has a proof from each.\n   But both cannot be the log.",
        expected: Refusal::Check(Point::Log, "two-histories"),
        play: |forger| Box::pin(receipts::two_faces(forger)),
    },
    Attack {
        name: "posing-witness",
        line: "Blackboard has its log's own key certified as that of an independent witness (by CUHK's root key), and witnesses its own log.\n   But a witness must have a key of its own.",
        expected: Refusal::Check(Point::Log, "proof"),
        play: |forger| Box::pin(receipts::posing_witness(forger)),
    },
];

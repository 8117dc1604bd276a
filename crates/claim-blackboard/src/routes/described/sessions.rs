//! Steps 3 to 5 (PROTOCOL.md §4).

use claim_core::ProblemType::{
    CertificateExpired, CertificateNotYetValid, CertificateProfile, CertificateRevoked,
    CertificateUnreadable, CertificateUntrusted, ChallengeExpired, ChallengeInvalid,
    ConfirmationWrong, RevocationUnknown, SidMismatch, TooManyRefusals,
};
use claim_core::messages::{Challenge, ChallengeRequest, SessionAnswer, SessionRequest};

use super::{ANY, READ, STORED};
use crate::api::{Answer, Content, Operation};
use crate::routes::sessions::MAX_JSON;

/// `POST /v1/challenges`.
pub(in crate::routes) const CHALLENGE: Operation = Operation {
    id: "requestChallenge",
    summary: "Steps 3 and 4: says who asks, and gets a session key that only the certificate's holder can decrypt.",
    section: 4,
    signed: false,
    query: &[],
    takes: Some(
        Content::json::<ChallengeRequest>(
            r#"{"request":"SID:1155123456 requests to upload report !","certificate":["MIIB","MIIC"],
                "nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        )
        .at_most(MAX_JSON),
    ),
    answers: &[Answer {
        status: 201,
        description: "The challenge.",
        content: Some(Content::json::<Challenge>(
            r#"{"challenge":"b3BhcXVl","origin":"https://localhost:3141",
                "nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","scheme":"hpke-p256",
                "enc":"BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "ciphertext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "expires_at":"2026-11-24T15:59:59.999Z"}"#,
        )),
    }],
    refusals: &[
        ANY,
        READ,
        STORED,
        &[
            TooManyRefusals,
            CertificateUnreadable,
            CertificateUntrusted,
            CertificateExpired,
            CertificateNotYetValid,
            CertificateProfile,
            CertificateRevoked,
            RevocationUnknown,
            SidMismatch,
        ],
    ],
};

/// `POST /v1/sessions`.
pub(in crate::routes) const SESSION: Operation = Operation {
    id: "openSession",
    summary: "Step 5: shows that the session key was decrypted, and opens the session.",
    section: 4,
    signed: false,
    query: &[],
    takes: Some(
        Content::json::<SessionRequest>(
            r#"{"challenge":"b3BhcXVl","confirmation":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        )
        .at_most(MAX_JSON),
    ),
    answers: &[Answer {
        status: 201,
        description: "The session, and who Blackboard is.",
        content: Some(Content::json::<SessionAnswer>(
            r#"{"session":"b3BhcXVl","sid":"1155123456","server_time":"2026-11-24T15:59:00.000Z",
                "expires_at":"2026-11-24T23:59:00.000Z","confirmation":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "certificate":["MIIB","MIIC"],"signature":"MEUC"}"#,
        )),
    }],
    refusals: &[
        ANY,
        READ,
        STORED,
        &[TooManyRefusals, ChallengeInvalid, ChallengeExpired, ConfirmationWrong],
    ],
};

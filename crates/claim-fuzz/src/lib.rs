//! What a fuzzer feeds, and what must hold whatever it feeds.
//!
//! Each [`Target`] is one decoder or one state machine of the pure crates or of the edge. Its `run` takes any bytes,
//! says whether they were accepted, and panics when a property does not hold: decoding and encoding are inverse,
//! an accepted text is the canonical one, an independent decoder reads the same, what was altered does not verify.
//!
//! `fuzz/` runs the targets under libFuzzer, `tests/smoke.rs` runs each for a moment on the stable toolchain. How to
//! add a target stands in `fuzz/README.md`. No crate of the program depends on this one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a target tells that a property does not hold"
)]

mod course;
mod encoding;
mod evidence;
mod exchange;
mod hand_in;
mod http;
mod issuance;
mod log;
mod messages;
mod mutate;
mod names;
mod path;
mod pki;
mod receipts;
mod ring;
mod rules;
mod sealed;
mod sign_in;
mod signing;
mod text;
mod world;

pub use mutate::{Random, mutate};

/// The longest input that a target is given, in bytes.
pub const MAX_INPUT: usize = 4096;

/// What came of an input whose properties all hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was decoded, or the state machine reached its end.
    Accepted,
    /// It was refused.
    Refused,
}

/// One decoder or state machine.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name; also that of its folders of inputs.
    pub name: &'static str,
    /// Feeds it one input; panics when a property does not hold.
    pub run: fn(&[u8]) -> Outcome,
    /// Real inputs, all of which are accepted.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    // Certificates, keys, requests.
    Target { name: "certificate", run: pki::certificate, seeds: pki::certificates },
    Target { name: "certificate_pem", run: pki::certificate_pem, seeds: pki::pems },
    Target { name: "certs_only", run: pki::certs_only, seeds: pki::certs_only_messages },
    Target { name: "private_key", run: pki::private_key, seeds: pki::private_keys },
    Target { name: "public_key", run: pki::public_key, seeds: pki::public_keys },
    Target { name: "request", run: pki::request, seeds: pki::requests },
    Target { name: "request_info", run: pki::request_info, seeds: pki::request_infos },
    Target { name: "request_pem", run: pki::request_pem, seeds: pki::request_pems },
    Target { name: "serial", run: pki::serial, seeds: pki::serials },
    Target { name: "issuance", run: issuance::resume, seeds: issuance::contents },
    Target { name: "path", run: path::chain, seeds: path::chains },
    Target { name: "path_person", run: path::person, seeds: path::persons },
    Target { name: "path_server", run: path::server, seeds: path::servers },
    Target { name: "path_issuing", run: path::issuing, seeds: path::issuings },
    Target { name: "path_service", run: path::service, seeds: issuance::services },
    // Texts.
    Target { name: "id", run: text::id, seeds: text::ids },
    Target { name: "origin", run: text::origin, seeds: text::origins },
    Target { name: "timestamp", run: text::timestamp, seeds: text::timestamps },
    Target { name: "invitation", run: text::invitation, seeds: text::invitations },
    Target { name: "user_id", run: text::user_id, seeds: text::user_ids },
    Target { name: "escaped", run: text::escaped, seeds: text::escapeds },
    // Encodings and messages.
    Target { name: "encoding", run: encoding::encoding, seeds: encoding::encodings },
    Target { name: "lp", run: encoding::lp, seeds: encoding::lps },
    Target { name: "json", run: encoding::json, seeds: encoding::jsons },
    Target {
        name: "challenge_request",
        run: messages::challenge_request,
        seeds: messages::challenge_requests,
    },
    Target { name: "challenge", run: messages::challenge, seeds: messages::challenges },
    Target {
        name: "session_request",
        run: messages::session_request,
        seeds: messages::session_requests,
    },
    Target {
        name: "session_answer",
        run: messages::session_answer,
        seeds: messages::session_answers,
    },
    Target {
        name: "message_answer",
        run: messages::message_answer,
        seeds: messages::message_answers,
    },
    // Tokens and signatures.
    Target { name: "token", run: sealed::token, seeds: sealed::tokens },
    Target { name: "grant", run: sealed::grant, seeds: sealed::grants },
    Target { name: "stored_key", run: sealed::stored_key, seeds: sealed::stored_keys },
    Target { name: "request_signature", run: signing::request, seeds: signing::requests },
    Target { name: "answer_signature", run: signing::answer, seeds: signing::answers },
    // The edge.
    Target { name: "est_body", run: http::est_body, seeds: http::est_bodies },
    Target { name: "problem", run: http::problem, seeds: http::problems },
    Target { name: "settings", run: http::settings, seeds: http::settings_files },
    Target { name: "roster", run: http::roster, seeds: http::rosters },
    Target { name: "basic", run: http::basic, seeds: http::basics },
    Target { name: "id_token", run: sign_in::id_token, seeds: sign_in::id_tokens },
    Target { name: "sign_in_request", run: sign_in::request, seeds: sign_in::requests },
    Target { name: "sign_in_return", run: sign_in::returned, seeds: sign_in::returns },
    Target { name: "device_name", run: sign_in::device_name, seeds: sign_in::device_names },
    Target { name: "hand_in_answer", run: hand_in::answer, seeds: hand_in::answers },
    // Evidence and the log.
    Target { name: "signed_data", run: evidence::signed_data, seeds: evidence::signed_datas },
    Target {
        name: "timestamp_token",
        run: evidence::timestamp_token,
        seeds: evidence::timestamp_tokens,
    },
    Target {
        name: "timestamp_request",
        run: evidence::timestamp_request,
        seeds: evidence::timestamp_requests,
    },
    Target {
        name: "revocation_list",
        run: evidence::revocation_list,
        seeds: evidence::revocation_lists,
    },
    Target { name: "manifest", run: evidence::manifest, seeds: evidence::manifests },
    Target { name: "file_name", run: evidence::file_name, seeds: evidence::file_names },
    Target { name: "file_names", run: names::file_names, seeds: names::sets },
    Target { name: "log_entry", run: evidence::log_entry, seeds: evidence::log_entries },
    Target { name: "container", run: evidence::container, seeds: evidence::containers },
    Target { name: "receipt", run: receipts::receipt, seeds: receipts::receipts },
    Target { name: "note", run: log::note, seeds: log::checkpoints },
    Target { name: "checkpoint", run: log::checkpoint, seeds: log::checkpoints },
    Target { name: "log_proof", run: log::proof, seeds: log::proofs },
    Target { name: "add_checkpoint", run: log::add_checkpoint, seeds: log::add_checkpoints },
    Target { name: "bundle", run: log::bundle, seeds: log::bundles },
    Target { name: "log_path", run: log::path, seeds: log::paths },
    Target {
        name: "evidence_request",
        run: evidence::evidence_request,
        seeds: evidence::evidence_requests,
    },
    Target {
        name: "evidence_answer",
        run: hand_in::evidence_answer,
        seeds: hand_in::evidence_answers,
    },
    Target { name: "course_roster", run: course::roster, seeds: course::rosters },
    Target { name: "course_time", run: course::time, seeds: course::times },
    Target { name: "course_plan", run: course::course, seeds: course::courses },
    // State machines.
    Target { name: "exchange", run: exchange::exchange, seeds: exchange::exchanges },
    Target { name: "ring", run: ring::rotation, seeds: ring::rotations },
    Target { name: "witness", run: rules::witness, seeds: rules::witnessings },
    Target { name: "audit", run: rules::audit, seeds: rules::audits },
];

/// The target with this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Turns a decoder's answer into an outcome.
fn outcome<T, E>(result: &Result<T, E>) -> Outcome {
    if result.is_ok() { Outcome::Accepted } else { Outcome::Refused }
}

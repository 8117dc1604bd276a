//! TLS and HTTP as the programs of Claim use them: servers that strangers talk to, clients that talk to these.
//!
//! It implements, by rustls, hyper, axum and reqwest: TLS 1.3 (RFC 8446), HTTP/1.1 and HTTP/2 (RFC 9110, 9112, 9113),
//! problem documents (RFC 9457), the client of EST (RFC 7030, RFC 8951) and OpenMetrics 1.0.
//!
//! It knows nothing of sessions, messages or the rules of enrolment: these are in claim-core and the programs.
//! Every size and time that a stranger controls has its name in [`Limits`] or is an argument.

mod activity;
mod admission;
mod body;
mod budget;
mod client;
mod clock;
mod connection;
mod crl;
mod crowd;
mod delays;
mod edge;
mod est;
mod health;
mod household;
mod limits;
mod listen;
mod metrics;
mod mirror;
mod nudge;
mod pages;
mod places;
mod problem;
mod problem_answer;
mod random;
mod rates;
mod reach;
mod refused;
mod server;
mod sign_in;
mod standing;
mod steady;
mod tls;
mod turns;
mod turnwise;
mod urgency;

pub use admission::UrgencyOf;
pub use body::{BodyError, Content, read_body, read_content};
pub use budget::Budget;
pub use client::{
    Answer, ClientError, https_client, https_client_by, read_answer, retry_after, send, web_client,
};
pub use clock::Clock;
pub use connection::ConnectionInfo;
pub use crl::{FetchListError, fetch_revocation_list, revocation_list_path};
pub use crowd::{AtWork, Pause};
pub use edge::{KnownAs, RequestId, with_edge};
pub use est::{
    CERTS_ONLY, CSR_ATTRIBUTES, EstError, NotBase64, PKCS10, decode_est_body, encode_est_body,
    fetch_ca_certificates, simple_enroll, simple_enroll_on, simple_reenroll, simple_reenroll_on,
};
pub use health::serve_health;
pub use household::Household;
pub use limits::Limits;
pub use listen::{BindError, bind, loopback};
pub use metrics::Metrics;
pub use mirror::{MirrorError, MirrorUrl, MirrorUrlError};
pub use nudge::{Nudge, Nudged};
pub use pages::{html_text, problem_page, problem_pages, visit_page};
pub use problem::{PROBLEM_JSON, Refusal, problem_response, problem_type_of};
pub use problem_answer::ProblemAnswer;
pub use random::system_rng;
pub use rates::{Rates, UnderWay};
pub use reach::{ReachError, TlsFailure};
pub use server::{Server, Stopped};
pub use sign_in::{SignInAnswer, SignInBegun, ask_sign_in, begin_sign_in};
pub use standing::Standing;
pub use tls::{
    CertificateSwitch, ClientCertificates, ExternalChange, ExternalTls, ExternalTlsError,
    ExternalWatch, IdentityError, KeyPassphrase, ServerTrust, TlsIdentity, TrustError, server_tls,
};
pub use turns::{Crowded, Lane, Turn, Turns};
pub use urgency::Urgency;

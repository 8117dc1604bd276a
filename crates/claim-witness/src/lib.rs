//! Witnesses of logs (C2SP tlog-witness v1.0.0, tlog-cosignature v1.0.1): the one that CUHK is, and those that others run.
//!
//! A witness cosigns a log's checkpoint only when it continues the last one that it has cosigned, and remembers it before
//! it answers. [`Host`] is what a server that is a witness has to say about itself; [`routes()`] answers for it. [`start`]
//! is a server that is a witness and nothing else, in a folder of its own: anybody may run one, best somebody who runs
//! neither CUHK nor Blackboard.
//!
//! Not here: what may be cosigned (claim-log), certificates (claim-pki), queries (claim-store), TLS and HTTP
//! (claim-http), how CUHK comes by its witness's certificate (claim-cuhk), and anything that prints.

mod add_checkpoint;
mod config;
mod error;
mod event;
mod folder;
mod host;
mod key;
mod logs;
mod routes;
mod server;

pub use add_checkpoint::KnownLog;
pub use claim_http::{Clock, ExternalTls, KeyPassphrase};
pub use config::{Config, DATABASE_FILE, DEFAULT_PORT};
pub use error::StartError;
pub use event::{Event, Observer};
pub use host::Host;
pub use key::{Witness, WitnessKeyError, put_aside};
pub use routes::routes;
pub use server::{Running, start};

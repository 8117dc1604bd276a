//! The receipt: the claim, the time Blackboard had it, and proof that it stands in the log (PROTOCOL.md §11).
//!
//! [`assemble()`] makes one, [`verify()`] says what one proves. The list of what is checked stands in `verify.rs`.

mod assemble;
mod certificates;
mod container;
mod readme;
mod verify;

pub use assemble::{AssembleError, Parts, assemble};
pub use certificates::{MissingList, PemError, RevocationLists, log_name};
pub use container::{Container, ContainerError, FormPart, MAX_RECEIPT, Member};
pub use readme::readme;
pub use verify::{
    Certificate as CertificateRole, Check, Claimed, Due, Evidence, FileFact, FileState, Finding,
    Lateness, Logged, Outcome, Point, Report, Severity, SignedBy, Standing, Verdict, Witnessed,
    verify,
};

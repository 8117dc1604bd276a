//! The receipt: the claim, the time Blackboard had it, and proof that it stands in the log (PROTOCOL.md §11).

mod container;

pub use container::{Container, ContainerError, FormPart, MAX_RECEIPT, Member};

//! Keys, certificates and path validation.
mod names;
mod origin;
mod timestamp;

pub use names::{NameError, PersonId, Sid, StaffId};
pub use origin::{Origin, OriginError, OriginHost};
pub use timestamp::{Timestamp, TimestampError};

//! What a witness checks before it cosigns (C2SP tlog-witness v1.0.0), as a function of what it knows and is asked.
//!
//! A witness remembers of each log the last checkpoint it cosigned. Its server does, for each `POST add-checkpoint`:
//!
//! 1. read the body up to [`MAX_REQUEST_LENGTH`], and parse it as [`AddCheckpoint`] (else answer 400);
//! 2. look up, by the [origin](AddCheckpoint::origin), the log's key and the last checkpoint it cosigned;
//! 3. [`decide`]; keep the [`SplitView`], if there is one; answer a [`Refusal`] with its status and body;
//! 4. else replace the last checkpoint by the new one, **if it is still the last one**, durably, in one step. Where it
//!    is not, begin again at 2: two requests at the same time must not make the witness go back;
//! 5. only then [cosign](Accepted::cosign), and answer.
//!
//! A witness that cannot remember what it cosigned must take a new key: it would cosign a second history.

mod answer;
mod decision;
mod request;

pub use answer::cosignature_in;
pub use decision::{Accepted, Decision, Refusal, RefusalKind, SplitView, decide};
pub use request::{AddCheckpoint, MAX_REQUEST_LENGTH, RequestError, conflicting_size};

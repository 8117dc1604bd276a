//! Which audit log it is.

use super::Authentication;

/// What sets one server's audit log apart from another's. There is one of each, beside the deeds of that server.
#[derive(Debug, PartialEq, Eq)]
pub struct AuditLog {
    /// The first element of each leaf: no octets of another protocol begin like this.
    pub(crate) context: &'static str,
    /// How the server itself is named in entries.
    pub(crate) server: Authentication,
    /// The tables whose rows the first entry counts: what was there before it, of which the log cannot tell more.
    pub(crate) counted: &'static [&'static str],
    /// Whether its entries say whom they concern, in a table beside it.
    pub(crate) has_concerns: bool,
}

impl AuditLog {
    /// The first element of each leaf.
    pub fn context(&self) -> &'static str {
        self.context
    }
}

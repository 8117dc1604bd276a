//! Whom CUHK enrols.

use std::fmt;

use claim_pki::Root;

/// Whom CUHK enrols; a root is made for one mode and never serves in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Any student ID with any code, for clients on this machine only.
    LocalDemo,
    /// People and servers that were invited.
    Rostered,
}

impl Mode {
    /// The mode that a root was made for: its common name tells.
    pub fn of(root: &Root) -> Self {
        if root.is_local_demo() { Self::LocalDemo } else { Self::Rostered }
    }

    /// The common name of a new root for this mode.
    pub(crate) fn root_common_name(self) -> &'static str {
        match self {
            Self::LocalDemo => "CUHK (local demo)",
            Self::Rostered => "CUHK Root",
        }
    }

    /// The common name of a new issuing certificate for this mode.
    pub(crate) fn issuing_common_name(self) -> &'static str {
        match self {
            Self::LocalDemo => "CUHK Issuing (local demo)",
            Self::Rostered => "CUHK Issuing",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LocalDemo => "local demo",
            Self::Rostered => "rostered",
        })
    }
}

//! Taking what was handed in: which claims, under which names, and the list of what was taken.
//!
//! Names of students and groups come from rosters, which may say anything; what comes out of here lies in any folder of
//! any common system, without a way out of it.

mod layout;
mod manifest;
mod names;
mod sheet;
mod wanted;

pub use layout::{Layout, UnknownLayout, Whose};
pub use manifest::{Failed, State, Student, Taken, TakenClaim, TakenFile, Version};
pub use names::Stems;
pub use sheet::csv;
pub use wanted::{Wanted, wanted};

/// The list of what was taken, in the folder.
pub const MANIFEST: &str = "manifest.json";

/// The same as a table.
pub const SHEET: &str = "manifest.csv";

/// Where claims are that do not count.
pub const EARLIER: &str = "earlier";

/// Where receipts are that cannot lie beside the files.
pub const RECEIPTS: &str = "receipts";

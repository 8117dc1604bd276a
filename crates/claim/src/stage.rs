//! The servers and the student of a demonstration, as `demo` sets them up and the attacker finds them.

use std::path::PathBuf;
use std::sync::Arc;

use claim_core::{Origin, Sid};
use claim_pki::Root;

use crate::terminal::Terminal;

/// A running CUHK and Blackboard on this machine, and an enrolled student, all in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// The folder with everybody's files, CUHK's keys among them.
    pub(crate) dir: PathBuf,
    /// Where CUHK is.
    pub(crate) cuhk: Origin,
    /// Where Blackboard is.
    pub(crate) blackboard: Origin,
    /// The student, whose key and certificate are in the folder.
    pub(crate) sid: Sid,
    /// The report that was handed in.
    pub(crate) report: PathBuf,
    /// Its receipt.
    pub(crate) receipt: PathBuf,
    /// The root that everybody trusts.
    pub(crate) root: Arc<Root>,
    /// Where to tell what happens.
    pub(crate) terminal: Terminal,
}

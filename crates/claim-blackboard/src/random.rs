//! Where Blackboard's random bytes come from.

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

/// The system's generator. Without one nothing here could be done safely, so its failure is a panic.
pub(crate) fn system_rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

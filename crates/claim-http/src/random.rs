//! Where the programs' random bytes come from; below them the generator is an argument.

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

/// The system's generator. Without one nothing here could be done safely, so its failure is a panic.
pub fn system_rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

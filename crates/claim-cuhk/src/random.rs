//! Where CUHK's random bytes come from.

use getrandom::SysRng;
use getrandom::rand_core::{Rng, UnwrapErr};

/// The system's generator. Without one nothing here could be done safely, so its failure is a panic.
pub(crate) fn system_rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Fresh random bytes.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    system_rng().fill_bytes(&mut bytes);
    bytes
}

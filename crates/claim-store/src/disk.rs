//! What is wrong with a disk, as the system or a driver says it.

use std::error::Error;
use std::io;

use rustix::io::Errno;

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// There is no room on it, or none is left of the share that this user has: ENOSPC, EDQUOT, SQLITE_FULL.
    ///
    /// Nothing was written, and the same write succeeds when there is room.
    NoRoom,
    /// It does not read or write (EIO), or was remounted for reading only (EROFS).
    ///
    /// Whether something was written is not known. After a sync that failed, what it was to sync is written anew: the
    /// system takes it for clean, and a second sync would succeed without it.
    Failing,
}

impl DiskFault {
    /// What the system says is wrong with a disk; `None` when it is something else.
    pub fn of(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Self::NoRoom),
            io::ErrorKind::ReadOnlyFilesystem => Some(Self::Failing),
            _ => (error.raw_os_error() == Some(Errno::IO.raw_os_error())).then_some(Self::Failing),
        }
    }

    /// The same of an error with its causes.
    pub fn behind(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let said = error.downcast_ref::<io::Error>();
            // An `io::Error` may be around another one, which is then no source of it.
            let inside = || Self::behind(said?.get_ref()?);
            if let Some(fault) = said.and_then(Self::of).or_else(inside) {
                return Some(fault);
            }
            next = error.source();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says() {
        for (errno, fault) in [
            (Errno::NOSPC, Some(DiskFault::NoRoom)),
            (Errno::DQUOT, Some(DiskFault::NoRoom)),
            (Errno::IO, Some(DiskFault::Failing)),
            (Errno::ROFS, Some(DiskFault::Failing)),
            (Errno::NOENT, None),
            (Errno::CONNRESET, None),
        ] {
            let error = io::Error::from(errno);
            assert_eq!(DiskFault::of(&error), fault, "{errno:?}");
            assert_eq!(DiskFault::behind(&io::Error::other(error)), fault, "{errno:?}");
        }
    }
}

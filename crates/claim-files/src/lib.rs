//! Small files that must survive: keys, certificates, codes, and the lock of a data folder.
//!
//! But for copies, which come in numbers, a file appears under its name complete and on disk, or not at all; an existing one is never overwritten
//! by accident; a private one is never readable by others, not even while it is being written; a private one
//! that others can read is not used. Passphrases come from such files, from descriptors and from systemd. Unix file modes are what "private" means here.
//!
//! Not here: databases (`claim-store`), the formats of what the files hold, and any decision where they lie.

mod copy;
mod error;
mod lock;
mod passphrase;
mod read;
mod write;

pub use copy::{copy_new, read_through};
pub use error::FileError;
pub use lock::{FolderLock, lock_folder};
pub use passphrase::{Passphrase, PassphraseError, PassphraseSource, PassphraseSourceError};
pub use read::{MAX_PRIVATE_LENGTH, read_private};
pub use write::{Mode, make_folder, replace, sync_folder, write_new};

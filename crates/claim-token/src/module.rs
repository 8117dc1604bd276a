//! Modules: loaded once in a process, and sessions with the tokens that they reach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use claim_files::Passphrase;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as ModuleError, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use crate::{TokenError, TokenUri};

/// The modules in use. PKCS #11 initialises a library once in a process, whoever uses it there.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// Held for reading by whoever calls a module, and for writing by whoever restarts one, which must be alone
/// (PKCS #11 v2.40 §5.4, C_Finalize).
static IN_USE: RwLock<()> = RwLock::new(());

/// Keeps modules from being restarted as long as it is held.
pub(crate) fn in_use() -> RwLockReadGuard<'static, ()> {
    IN_USE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Ends a module; the next session begins it anew. Some know a token that comes back only then.
///
/// Sessions of before end with it: those who have one notice, since what they sign is wrong or nothing.
pub(crate) fn restart(path: &Path) {
    let _alone = IN_USE.write().unwrap_or_else(PoisonError::into_inner);
    let module = MODULES.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    // One that does not even end is as good as one that did.
    let _ = module.map(Pkcs11::finalize);
}

/// A session with the token, logged in; the caller keeps the module [in use](in_use).
pub(crate) fn session(uri: &TokenUri, pin: &Passphrase) -> Result<Session, TokenError> {
    let module = module(uri.module())?;
    let failed = |source| TokenError::Failed { uri: uri.clone(), source };
    let slot = slot(&module, uri)?;
    let info = module.get_token_info(slot).map_err(failed)?;
    let locked = info.user_pin_locked();
    if locked || info.user_pin_final_try() {
        return Err(TokenError::TooManyPins { uri: uri.clone(), locked });
    }
    // Writable, since a key may have to be made in it.
    let session = module.open_rw_session(slot).map_err(failed)?;
    let pin = AuthPin::from(pin.expose().to_owned());
    match session.login(UserType::User, Some(&pin)) {
        // Being logged in belongs to the process and not to the session.
        Ok(()) | Err(ModuleError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(ModuleError::Pkcs11(
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
            _,
        )) => Err(TokenError::Pin { uri: uri.clone() }),
        Err(ModuleError::Pkcs11(RvError::PinLocked, _)) => {
            Err(TokenError::TooManyPins { uri: uri.clone(), locked: true })
        }
        Err(source) => Err(failed(source)),
    }
}

fn module(path: &Path) -> Result<Pkcs11, TokenError> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let unusable = |source| TokenError::Module { path: path.to_owned(), source };
    let module = Pkcs11::new(path).map_err(unusable)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // By another path to the same library.
        Ok(()) | Err(ModuleError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(source) => return Err(unusable(source)),
    }
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

fn slot(module: &Pkcs11, uri: &TokenUri) -> Result<Slot, TokenError> {
    let failed = |source| TokenError::Failed { uri: uri.clone(), source };
    let slots = module.get_slots_with_token().map_err(failed)?;
    // A slot that does not tell its token's label has another one.
    let is_it =
        |slot: &Slot| module.get_token_info(*slot).is_ok_and(|info| info.label() == uri.token());
    match slots.into_iter().filter(is_it).collect::<Vec<_>>().as_slice() {
        [slot] => Ok(*slot),
        [] => Err(TokenError::NoToken { uri: uri.clone() }),
        several => Err(TokenError::ManyTokens { uri: uri.clone(), found: several.len() }),
    }
}

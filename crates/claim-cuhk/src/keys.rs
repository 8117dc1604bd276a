//! Where the private keys of root and issuing authority are, and how they are opened.
//!
//! A key is a file in the folder, perhaps with a passphrase, or it stays in a PKCS #11 token. Those who sign get a
//! [`claim_pki::Sign`] and do not see which.

use std::fmt;
use std::path::{Path, PathBuf};

use claim_files::{FileError, Mode as FileMode, Passphrase, write_new};
use claim_http::system_rng;
use claim_pki::{KeyError, Sign, SigningKey};
use claim_token::{TokenError, TokenKey, TokenUri};

use crate::folder::{exists, read_secret_text};

/// Where CUHK's own private keys are; by default files without a passphrase.
#[derive(Clone, Debug, Default)]
pub struct KeySettings {
    /// The root's key.
    pub root: KeySetting,
    /// The issuing keys.
    pub issuing: KeySetting,
    /// The passphrase of the keys that CUHK makes anew when they are missing: those of its TLS server, its timestamps and its
    /// witness. They are files.
    pub services: Option<Passphrase>,
    /// The root's key is on another machine, which answers request files: it is neither looked for nor missed here.
    pub root_elsewhere: bool,
}

/// Where one of them is.
#[derive(Clone, Debug, Default)]
pub struct KeySetting {
    /// The key in a token; where there is none, the key is a file in the folder.
    pub token: Option<TokenUri>,
    /// The passphrase of the file, or the PIN of the token.
    pub passphrase: Option<Passphrase>,
}

/// The name of a private key, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// A file.
    File(PathBuf),
    /// A key in a token.
    Token(TokenUri),
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// The root's.
    Root,
    /// The issuing authority's.
    Issuing,
}

/// Why a private key cannot be used. None of the files was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyPlaceError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key has a passphrase, and none was given.
    #[error("{path:?} is encrypted, and there is no passphrase for it")]
    PassphraseMissing {
        /// The key.
        path: PathBuf,
        /// Whose it is.
        role: KeyRole,
    },
    /// The passphrase is another one.
    #[error("the passphrase does not open {path:?}")]
    Passphrase {
        /// The key.
        path: PathBuf,
        /// Whose it is.
        role: KeyRole,
    },
    /// A passphrase was given for a key that has none, so whoever set it believes the key to be protected.
    #[error("{path:?} is not encrypted, but there is a passphrase for it")]
    NotEncrypted {
        /// The key.
        path: PathBuf,
        /// Whose it is.
        role: KeyRole,
    },
    /// The file is not a P-256 private key.
    #[error("{path:?} is not a private key that CUHK can use: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A token needs a PIN.
    #[error("{uri} is in a token, and there is no PIN for it")]
    PinMissing {
        /// The key.
        uri: TokenUri,
        /// Whose it is.
        role: KeyRole,
    },
    /// The token, or the key in it, cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No key could be made.
    #[error("a key could not be made: {0}")]
    Generate(#[source] KeyError),
}

/// A place for one private key.
#[derive(Clone, Debug)]
pub(crate) struct KeyPlace {
    role: KeyRole,
    place: Place,
    passphrase: Option<Passphrase>,
}

#[derive(Clone, Debug)]
enum Place {
    File {
        path: PathBuf,
        /// What the passphrase is for: where it is a token's PIN, an older key in a file may have none.
        must_be_encrypted: bool,
    },
    Token(TokenUri),
}

impl KeySettings {
    /// The root's key, which would be this file.
    pub(crate) fn root_key(&self, file: PathBuf) -> KeyPlace {
        self.root.place(KeyRole::Root, file, |uri| uri.clone())
    }

    /// The issuing key of this number, which would be this file.
    ///
    /// A key in a file stays in use until its certificate ends, also where the next ones are in a token.
    pub(crate) fn issuing_key(&self, number: u32, file: PathBuf) -> Result<KeyPlace, FileError> {
        if self.issuing.token.is_some() && exists(&file)? {
            let place = Place::File { path: file, must_be_encrypted: false };
            let passphrase = self.issuing.passphrase.clone();
            return Ok(KeyPlace { role: KeyRole::Issuing, place, passphrase });
        }
        Ok(self.issuing.place(KeyRole::Issuing, file, |uri| match number {
            1 => uri.clone(),
            number => uri.with_object(format!("{}-{number}", uri.object())),
        }))
    }
}

impl KeySetting {
    fn place(
        &self,
        role: KeyRole,
        path: PathBuf,
        uri: impl FnOnce(&TokenUri) -> TokenUri,
    ) -> KeyPlace {
        let place = match &self.token {
            Some(token) => Place::Token(uri(token)),
            None => Place::File { path, must_be_encrypted: true },
        };
        KeyPlace { role, place, passphrase: self.passphrase.clone() }
    }
}

impl KeyPlace {
    /// What people call it.
    pub(crate) fn name(&self) -> KeyName {
        match &self.place {
            Place::File { path, .. } => KeyName::File(path.clone()),
            Place::Token(uri) => KeyName::Token(uri.clone()),
        }
    }

    /// Whether there is a key. A token is asked for it.
    pub(crate) fn exists(&self) -> Result<bool, KeyPlaceError> {
        match &self.place {
            Place::File { path, .. } => Ok(exists(path)?),
            Place::Token(uri) => Ok(TokenKey::find(uri, self.pin(uri)?)?.is_some()),
        }
    }

    /// Opens the key that is there.
    pub(crate) fn open(&self) -> Result<Box<dyn Sign>, KeyPlaceError> {
        match &self.place {
            Place::File { path, must_be_encrypted } => {
                Ok(Box::new(self.read(path, *must_be_encrypted)?))
            }
            Place::Token(uri) => Ok(Box::new(TokenKey::open(uri, self.pin(uri)?)?)),
        }
    }

    /// Makes a key, on disk or in the token when this returns. There was none.
    pub(crate) fn make(&self) -> Result<Box<dyn Sign>, KeyPlaceError> {
        match &self.place {
            Place::File { path, .. } => {
                let key = SigningKey::generate().map_err(KeyPlaceError::Generate)?;
                let text = match &self.passphrase {
                    Some(passphrase) => key
                        .to_encrypted_pem(passphrase.expose(), &mut system_rng())
                        .map_err(KeyPlaceError::Generate)?
                        .into(),
                    None => key.to_pkcs8_pem(),
                };
                write_new(path, text.as_bytes(), FileMode::Private)?;
                Ok(Box::new(key))
            }
            Place::Token(uri) => Ok(Box::new(TokenKey::generate(uri, self.pin(uri)?)?)),
        }
    }

    fn read(&self, path: &Path, must_be_encrypted: bool) -> Result<SigningKey, KeyPlaceError> {
        let (path, role) = (path.to_owned(), self.role);
        let text = read_secret_text(&path)?;
        let read = match &self.passphrase {
            None => SigningKey::from_pkcs8_pem(&text),
            Some(passphrase) => match SigningKey::from_encrypted_pem(&text, passphrase.expose()) {
                Err(KeyError::NotEncrypted) if !must_be_encrypted => {
                    SigningKey::from_pkcs8_pem(&text)
                }
                read => read,
            },
        };
        read.map_err(|error| match error {
            KeyError::Encrypted => KeyPlaceError::PassphraseMissing { path, role },
            KeyError::Passphrase => KeyPlaceError::Passphrase { path, role },
            KeyError::NotEncrypted => KeyPlaceError::NotEncrypted { path, role },
            source => KeyPlaceError::Unreadable { path, source },
        })
    }

    fn pin(&self, uri: &TokenUri) -> Result<&Passphrase, KeyPlaceError> {
        let missing = || KeyPlaceError::PinMissing { uri: uri.clone(), role: self.role };
        self.passphrase.as_ref().ok_or_else(missing)
    }
}

/// What to do about a key of CUHK's services that does not open.
pub(crate) const SERVICES_ADVICE: &str = "Name with --services-passphrase where the passphrase of CUHK's TLS server's, \
     timestamp's and witness's keys is: a file (mode 0600), fd:NUMBER or credential:NAME; leave it out where they have none. \
     A key that nobody can open any more may be moved away with its certificate: CUHK makes a new one.";

/// Whether what is wrong with a key is its passphrase.
pub(crate) fn is_wrong_secret(error: &KeyError) -> bool {
    matches!(error, KeyError::Encrypted | KeyError::Passphrase | KeyError::NotEncrypted)
}

impl KeyPlaceError {
    pub(crate) fn is_wrong_secret(&self) -> bool {
        use TokenError::{Pin, TooManyPins};
        matches!(
            self,
            Self::PassphraseMissing { .. }
                | Self::Passphrase { .. }
                | Self::NotEncrypted { .. }
                | Self::PinMissing { .. }
                | Self::Token(Pin { .. } | TooManyPins { .. })
        )
    }

    /// Why CUHK does not just go on.
    pub(crate) fn why(&self) -> Option<&'static str> {
        match self {
            Self::NotEncrypted { .. } => {
                Some("Whoever set the passphrase believes that the key cannot be read without it.")
            }
            _ => None,
        }
    }

    /// What to do next.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::File(FileError::Full { .. }) => {
                "Make room on the disk and start again.".to_owned()
            }
            Self::File(_) => "Put that right and start again; CUHK does not change files that are \
                 there."
                .to_owned(),
            Self::PassphraseMissing { role, .. } => format!(
                "Name a file with the passphrase (mode 0600), fd:NUMBER or credential:NAME with {}.",
                role.option()
            ),
            Self::Passphrase { role, .. } => {
                format!("Put right what {} names, and start again.", role.option())
            }
            Self::NotEncrypted { path, role } => format!(
                "Encrypt it (`openssl pkcs8 -topk8 -v2 aes-256-cbc -in {} -out NEW`, then put the \
                 new file in its place with mode 0600), or leave {} out.",
                path.display(),
                role.option()
            ),
            Self::Unreadable { path, .. } => format!(
                "If {path:?} belongs to something else, choose another folder with --dir; else \
                 restore it from a backup."
            ),
            Self::PinMissing { role, .. } => format!(
                "Name a file with the PIN (mode 0600), fd:NUMBER or credential:NAME with {}.",
                role.option()
            ),
            Self::Token(error) => error.advice(),
            Self::Generate(_) => {
                "Start again; if it happens again, this is a defect of the program.".to_owned()
            }
        }
    }
}

impl KeyRole {
    /// The option that says where its passphrase is.
    fn option(self) -> &'static str {
        match self {
            Self::Root => "--root-passphrase",
            Self::Issuing => "--issuing-passphrase",
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path:?}"),
            Self::Token(uri) => write!(f, "{uri}"),
        }
    }
}

//! Where a database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};

/// Where a database is: a SQLite file, or a PostgreSQL database by its URL.
///
/// As text `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; a socket's folder goes into `?host=`.
/// A PostgreSQL server on another machine must show a certificate for its name, from a public authority or
/// from the one in `?sslrootcert=FILE`, unless `?sslmode=` says otherwise. Its password may also stand in
/// `~/.pgpass` or `PGPASSWORD`. `Display` and `Debug` leave user, password and parameters out.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Location);

/// Why a text does not say where a database is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseUrlError {
    /// Neither of the two kinds.
    #[error("a database is given as sqlite:PATH or postgres://USER@HOST:PORT/DATABASE")]
    Scheme,
    /// The path after `sqlite:` is empty or a database in memory.
    #[error("a database must be in a file that lasts: sqlite:PATH")]
    NoFile,
    /// It starts like a URL and is none; the text itself may hold a password and is not repeated.
    #[error("this is not a PostgreSQL URL: {0}")]
    Malformed(#[from] url::ParseError),
}

impl DatabaseUrl {
    /// A SQLite database in this file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Location::Sqlite(path.into()))
    }

    pub(crate) fn location(&self) -> &Location {
        &self.0
    }
}

/// The two kinds of places.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    Sqlite(PathBuf),
    Postgres(Url),
}

/// The URL by which sqlx opens a file; `path` is absolute, canonical, and the file exists.
pub(crate) fn sqlite_url(path: &str) -> Result<Url, url::ParseError> {
    file_url(path, "mode=rw")
}

/// The same for a file that nobody writes to, and that stays as it is: no log is made beside it.
pub(crate) fn sqlite_copy_url(path: &str) -> Result<Url, url::ParseError> {
    file_url(path, "mode=ro&immutable=true")
}

/// The same for a file that others may write to meanwhile, and that is only read.
pub(crate) fn sqlite_read_url(path: &str) -> Result<Url, url::ParseError> {
    file_url(path, "mode=ro")
}

fn file_url(path: &str, parameters: &str) -> Result<Url, url::ParseError> {
    const IN_PATHS: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');
    Url::parse(&format!("sqlite://{}?{parameters}", utf8_percent_encode(path, IN_PATHS)))
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" | ":memory:" => Err(DatabaseUrlError::NoFile),
                path => Ok(Self::sqlite(Path::new(path))),
            };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Scheme);
        }
        let mut url = Url::parse(text)?;
        // The driver's own default, `prefer`, would take any certificate, and none, without a word.
        if is_elsewhere(&url) && !says(&url, "sslmode") && !says(&url, "ssl-mode") {
            url.query_pairs_mut().append_pair("sslmode", "verify-full");
        }
        Ok(Self(Location::Postgres(url)))
    }
}

fn says(url: &Url, parameter: &str) -> bool {
    url.query_pairs().any(|(name, _)| name == parameter)
}

/// Whether the way to the server may leave this machine.
fn is_elsewhere(url: &Url) -> bool {
    let named = |name: &str| match name {
        "" | "localhost" => false,
        name if name.starts_with('/') || name.starts_with("%2F") || name.starts_with("%2f") => {
            false
        }
        name => !name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
    };
    let by_host = match url.host() {
        Some(Host::Domain(name)) => named(name),
        Some(Host::Ipv4(address)) => !address.is_loopback(),
        Some(Host::Ipv6(address)) => !address.is_loopback(),
        None => false,
    };
    let mut by_parameter = url
        .query_pairs()
        .filter(|(name, _)| name == "host" || name == "hostaddr")
        .map(|(_, value)| named(&value));
    by_host || by_parameter.any(|elsewhere| elsewhere)
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Sqlite(path) => write!(f, "sqlite:{}", path.to_string_lossy().escape_debug()),
            Location::Postgres(url) => {
                write!(f, "postgres://{}", url.host_str().unwrap_or_default())?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                f.write_str(url.path())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn both_kinds_are_read() {
        for text in ["sqlite:cuhk.db", "sqlite:/srv/claim/cuhk.db", "sqlite:///srv/claim/cuhk.db"] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert!(matches!(url.0, Location::Sqlite(path) if path.ends_with("cuhk.db")));
        }
        for text in ["postgres://localhost/claim", "postgresql://claim@db.example:5432/claim"] {
            assert!(matches!(text.parse::<DatabaseUrl>().unwrap().0, Location::Postgres(_)));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, error) in [
            ("", DatabaseUrlError::Scheme),
            ("cuhk.db", DatabaseUrlError::Scheme),
            ("mysql://localhost/claim", DatabaseUrlError::Scheme),
            ("sqlite:", DatabaseUrlError::NoFile),
            ("sqlite::memory:", DatabaseUrlError::NoFile),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(error), "{text:?}");
        }
        let malformed = "postgres://u:p@[".parse::<DatabaseUrl>().unwrap_err();
        assert!(matches!(malformed, DatabaseUrlError::Malformed(_)));
    }

    #[test]
    fn the_password_is_not_shown() {
        let url: DatabaseUrl =
            "postgres://claim:hunter2@db.example:5433/claim?password=hunter2".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5433/claim");
        assert_eq!(format!("{url:?}"), "DatabaseUrl(postgres://db.example:5433/claim)");
    }

    #[test]
    fn a_server_elsewhere_must_prove_its_name_unless_told_otherwise() {
        for (text, mode) in [
            ("postgres://db.example/claim", Some("verify-full")),
            ("postgres://192.0.2.1/claim", Some("verify-full")),
            ("postgres:///claim?host=db.example", Some("verify-full")),
            ("postgres:///claim?hostaddr=192.0.2.1", Some("verify-full")),
            ("postgres://db.example/claim?sslmode=require", Some("require")),
            ("postgres://localhost/claim", None),
            ("postgres://[::1]/claim", None),
            ("postgres:///claim", None),
            ("postgres:///claim?host=/run/postgresql", None),
            ("postgres://%2Frun%2Fpostgresql/claim", None),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            let Location::Postgres(url) = url.0 else { panic!("{text}") };
            let found = url.query_pairs().find(|(name, _)| name == "sslmode");
            assert_eq!(found.map(|(_, value)| value.into_owned()).as_deref(), mode, "{text}");
        }
    }

    #[test]
    fn odd_file_names_survive_the_url() {
        let url = sqlite_url("/srv/a b/100%?#é.db").unwrap();
        assert_eq!(url.as_str(), "sqlite:///srv/a%20b/100%25%3F%23%C3%A9.db?mode=rw");
    }
}

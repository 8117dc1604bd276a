//! What can go wrong with either server: no answer, a refusal, an answer from something else.

use std::fmt;
use std::path::{Path, PathBuf};

use claim_core::{Escaped, Origin, ProblemType};
use claim_http::{ProblemAnswer, ReachError, TlsFailure};
use claim_pki::PathError;
use http::StatusCode;

use super::{Explained, Outcome};

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The certificate authority.
    Cuhk,
    /// The course server.
    Blackboard,
}

impl Service {
    /// The command that starts it.
    pub fn command(self) -> &'static str {
        match self {
            Self::Cuhk => "claim cuhk",
            Self::Blackboard => "claim blackboard",
        }
    }

    /// The option that tells where it is.
    fn option(self) -> &'static str {
        match self {
            Self::Cuhk => "--cuhk",
            Self::Blackboard => "--blackboard",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cuhk => "CUHK",
            Self::Blackboard => "Blackboard",
        })
    }
}

/// No answer came from a server.
#[derive(Debug)]
pub struct Unreached {
    /// Which one.
    pub service: Service,
    /// Where it was looked for.
    pub origin: Origin,
    /// The root that its TLS certificate was checked against; `None` when it was the system's roots.
    pub root: Option<PathBuf>,
    /// Why none came.
    pub source: ReachError,
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, origin, root, source } = self;
        match (source, root) {
            (ReachError::Tls(TlsFailure::UnknownIssuer), Some(root)) => {
                write!(f, "{} is not the root of the {service} at {origin}", quoted(root))
            }
            (ReachError::Tls(TlsFailure::NotThisService(_)), _) => {
                write!(f, "what answers at {origin} is not {service}")
            }
            (ReachError::Tls(failure), _) => {
                write!(
                    f,
                    "there is no secure connection to {service} at {origin}: {}",
                    tamed(failure)
                )
            }
            (ReachError::Interrupted(_), _) => {
                write!(f, "the connection to {service} at {origin} was interrupted")
            }
            (ReachError::TooLong { .. }, _) => {
                write!(f, "what answers at {origin} is not {service}: {source}")
            }
            _ => write!(f, "{service} does not answer at {origin}: {}", tamed(source)),
        }
    }
}

impl std::error::Error for Unreached {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Unreached {
    /// Whether nobody is there, as far as can be told from here.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(
            self.source,
            ReachError::Refused
                | ReachError::NotResolved
                | ReachError::NoRoute
                | ReachError::Timeout
                | ReachError::Interrupted(_)
        )
    }
}

impl Explained for Unreached {
    fn why(&self) -> Option<String> {
        let Self { service, root, source, .. } = self;
        match source {
            ReachError::Tls(TlsFailure::UnknownIssuer) => Some(match root {
                Some(_) => format!(
                    "The server's certificate was not issued under that root: CUHK was set up anew, \
                     or somebody stands between you and {service}. Nothing was sent."
                ),
                None => "No root that this system trusts issued the server's certificate.".to_owned(),
            }),
            ReachError::Tls(TlsFailure::NotThisService(path)) => {
                Some(format!("Its certificate is not {service}'s: {}. Nothing was sent.", tamed(path)))
            }
            ReachError::Tls(TlsFailure::WrongName { .. }) => Some(
                "A server is known by the name in its certificate. Nothing was sent.".to_owned(),
            ),
            ReachError::Proxy(_) => Some(
                "The environment names a proxy (HTTPS_PROXY or ALL_PROXY), and it could not be used."
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn advice(&self) -> String {
        let Self { service, origin, root, source } = self;
        let option = service.option();
        match source {
            ReachError::Refused if origin.is_loopback() => format!(
                "Start it with `{}` in another terminal, then try again; \
                 if it runs elsewhere, say where with {option} URL.",
                service.command()
            ),
            ReachError::Refused | ReachError::NoRoute => format!(
                "Check the address ({option}) and your connection to the network; \
                 if both are right, {service} is down: try again later."
            ),
            ReachError::NotResolved => {
                format!("Check the name in {option} and your connection to the network.")
            }
            ReachError::Timeout | ReachError::Interrupted(_) => {
                "Check your connection to the network and try again; that is safe.".to_owned()
            }
            ReachError::Tls(TlsFailure::UnknownIssuer) => match root {
                Some(root) => format!(
                    "If CUHK was set up anew, remove {} and take the new root: with a new invitation, \
                     or from CUHK's folder. If you know of no such thing, ask the people who run CUHK.",
                    quoted(root)
                ),
                None => format!("Leave out --tls-roots system, or check the address ({option})."),
            },
            ReachError::Tls(TlsFailure::WrongName { presented, .. }) => match presented.first() {
                Some(name) => format!(
                    "Use the name that the certificate is for ({option} https://{}:{}), if you know it as {service}'s.",
                    tamed(name),
                    origin.port()
                ),
                None => format!("Check the address ({option})."),
            },
            ReachError::Tls(TlsFailure::NotThisService(path)) => match path {
                PathError::WrongOrigin { .. } => {
                    format!(
                        "Check the address ({option}): it must be exactly the one that {service} calls its own."
                    )
                }
                _ => format!("Check the address ({option})."),
            },
            ReachError::Tls(TlsFailure::Expired { .. } | TlsFailure::NotYetValid { .. }) => {
                format!(
                    "Check the date and time of this machine; if they are right, \
                 the people who run {service} must renew its certificate."
                )
            }
            ReachError::Tls(TlsFailure::NotTls) | ReachError::TooLong { .. } => {
                format!("Check the address ({option}), the port above all.")
            }
            ReachError::Proxy(_) => {
                "Correct the variable, or name the host in NO_PROXY.".to_owned()
            }
            _ => format!("Check the address ({option}) and try again later."),
        }
    }

    fn outcome(&self) -> Outcome {
        match self.source {
            // Somebody is there, but not whom we want: waiting does not help.
            ReachError::Tls(_) | ReachError::Unsendable(_) => Outcome::Refused,
            ReachError::TooLong { .. } | ReachError::Timeout | ReachError::Interrupted(_) => {
                Outcome::Unknown
            }
            _ => Outcome::Unreachable,
        }
    }
}

/// A server refused, by a problem document (RFC 9457).
#[derive(Debug)]
pub struct Refused {
    /// Which one.
    pub service: Service,
    /// What it says; a stranger's text.
    pub problem: Box<ProblemAnswer>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, problem } = self;
        match problem.problem_type {
            // The title of our own table is a sentence about the server itself.
            Some(
                ProblemType::Overloaded
                | ProblemType::StorageUnavailable
                | ProblemType::LogBehind
                | ProblemType::EvidencePending
                | ProblemType::RevocationUnknown
                | ProblemType::SigningUnavailable
                | ProblemType::StorageFull
                | ProblemType::InternalError,
            ) => {
                write!(f, "{service} cannot do it now: {problem}")
            }
            _ => write!(f, "{service} refused: {problem}"),
        }
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// Whether the same request may succeed a little later.
    pub(crate) fn is_temporary(&self) -> bool {
        // The content behind a digest that does not fit was changed on its way; all else goes by the status.
        self.problem.problem_type == Some(ProblemType::DigestMismatch)
            || is_temporary(self.problem.status)
    }

    /// Whether the server cannot do its work at present; that there is too much of it is no outage.
    pub(crate) fn is_outage(&self) -> bool {
        is_outage(self.problem.status, &self.problem)
    }
}

impl Explained for Refused {
    fn why(&self) -> Option<String> {
        self.problem.problem_type.map(|known| known.why().to_owned())
    }

    fn advice(&self) -> String {
        let mut advice = match self.problem.problem_type {
            Some(known) => known.what_to_do().to_owned(),
            None => format!("Ask the people who run {} what it means.", self.service),
        };
        if let (Some(id), true) = (&self.problem.request_id, self.problem.status.is_server_error())
        {
            advice.push_str(&format!(" (X-Request-Id: {})", tamed(id)));
        }
        advice
    }

    fn outcome(&self) -> Outcome {
        if self.is_temporary() { Outcome::Unreachable } else { Outcome::Refused }
    }
}

/// Something answered that is not the server that was asked for, e.g. a web proxy's page.
#[derive(Debug)]
pub struct Foreign {
    /// Which one was asked for.
    pub service: Service,
    /// Where.
    pub origin: Origin,
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong with it; a stranger's text may be in it.
    pub defect: String,
    /// How many seconds it asks to wait.
    pub retry_after: Option<u64>,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, origin, status, defect, .. } = self;
        write!(
            f,
            "what answers at {origin} does not answer like {service} (status {}: {})",
            status.as_u16(),
            tamed(defect)
        )
    }
}

impl std::error::Error for Foreign {}

impl Foreign {
    /// Whether it looks like a gateway whose server is away for a moment.
    pub(crate) fn is_temporary(&self) -> bool {
        is_temporary(self.status)
    }
}

impl Explained for Foreign {
    fn advice(&self) -> String {
        format!(
            "Check the address ({}), the port above all; if a proxy or portal stands between, log in there or leave it out.",
            self.service.option()
        )
    }

    fn outcome(&self) -> Outcome {
        if self.is_temporary() { Outcome::Unreachable } else { Outcome::Refused }
    }
}

/// Statuses that ask to come back (RFC 9110 §15, RFC 6585 §4).
pub(crate) fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Whether a refusal with this status says that nobody does the work, rather than that there is too much of it.
pub(crate) fn is_outage(status: StatusCode, problem: &ProblemAnswer) -> bool {
    let too_much = matches!(
        problem.problem_type,
        Some(ProblemType::Overloaded | ProblemType::TooManyRefusals)
    );
    status.is_server_error() && !too_much
}

/// A path as it may stand in a terminal.
pub(crate) fn quoted(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// What may hold a stranger's text, in safe characters, cut at a length that does not fill the terminal.
pub(crate) fn tamed(text: &(impl fmt::Display + ?Sized)) -> String {
    const MOST: usize = 300;
    let text = text.to_string();
    let short: String = text.chars().take(MOST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{}{more}", Escaped(&short))
}

#[cfg(test)]
mod tests;

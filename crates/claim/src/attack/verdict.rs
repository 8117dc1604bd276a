//! Whether an attack ended as it must.

use std::fmt;

use anyhow::Result;
use claim_core::ProblemType;

/// A kind of refusal, as far as these attacks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A server's, by a problem document with its status.
    Problem(ProblemType),
    /// The student's program's.
    Student(Distrust),
}

/// Why the student's program does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distrust {
    /// The server says that it is another than the one that was connected to.
    OtherOrigin,
    /// The session key was not made for this exchange with this server.
    SessionKey,
    /// The server proves itself by the certificate of another server.
    OtherServer,
    /// The server has not the key of the certificate that it shows.
    Signature,
    /// The answer to a message is not Blackboard's.
    Answer,
}

/// How an attack ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was refused; `kind` is `None` when in a way that no attack here is meant to end.
    Refused {
        /// How.
        kind: Option<Refusal>,
        /// The refusal as it came; safe for a terminal.
        words: String,
    },
    /// It got through.
    Through {
        /// What the attacker has from it; safe for a terminal.
        words: String,
    },
}

/// What is to be said of an attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Refused as it must be.
    Refused(String),
    /// Refused, but in another way: what was meant to hold it off was not what did.
    Otherwise {
        expected: Refusal,
        words: String,
    },
    Through(String),
    /// It could not be played, so nothing is known.
    NotPlayed(String),
}

impl Refusal {
    /// A word for it: a problem's slug, or the student's reason.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Problem(problem_type) => problem_type.slug(),
            Self::Student(Distrust::OtherOrigin) => "student: other-origin",
            Self::Student(Distrust::SessionKey) => "student: session-key-not-for-us",
            Self::Student(Distrust::OtherServer) => "student: certificate-of-another-server",
            Self::Student(Distrust::Signature) => "student: signature-wrong",
            Self::Student(Distrust::Answer) => "student: answer-not-authentic",
        }
    }
}

impl Verdict {
    /// Compares how an attack ended with how it must.
    pub(super) fn of(expected: Refusal, played: Result<Outcome>) -> Self {
        match played {
            Ok(Outcome::Refused { kind, words }) if kind == Some(expected) => Self::Refused(words),
            Ok(Outcome::Refused { words, .. }) => Self::Otherwise { expected, words },
            Ok(Outcome::Through { words }) => Self::Through(words),
            Err(error) => Self::NotPlayed(format!("{error:#}")),
        }
    }

    /// Whether the attack was refused in the way it must be.
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether it was refused in any way.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Otherwise { .. })
    }

    /// What came back.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Refused(words) | Self::Otherwise { words, .. } => words,
            Self::Through(words) | Self::NotPlayed(words) => words,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(words) => write!(f, "refused: {words}"),
            Self::Otherwise { expected, words } => {
                write!(f, "REFUSED OTHERWISE than by {}: {words}", expected.name())
            }
            Self::Through(words) => write!(f, "GOT THROUGH: {words}"),
            Self::NotPlayed(words) => write!(f, "COULD NOT BE PLAYED: {words}"),
        }
    }
}

//! Whether an attack or a forgery ended as it must.

use anyhow::Result;
use claim_core::ProblemType;
use claim_core::receipt::Point;

/// A kind of refusal, or of exposure, as far as these attacks and forgeries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A server's, by a problem document with its status.
    Problem(ProblemType),
    /// The student's program's.
    Student(Distrust),
    /// By `claim verify`: the check that decides, and its finding's code.
    Check(Point, &'static str),
    /// By CUHK's witness, with this status.
    Witness(u16),
    /// By `claim log audit`.
    Audit(Contradiction),
    /// By two receipts that both verify, and do not go together.
    Receipts,
}

/// How a log contradicts what was seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// What was there is there no longer.
    Rewritten,
    /// There are two trees of one size.
    TwoHistories,
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

/// What is played: an attack on a running server or program, or a forgery for those who look later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It must be refused.
    Attack,
    /// It must be exposed.
    Forgery,
}

impl Manner {
    /// The name of the thing.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::Forgery => "forgery",
        }
    }

    /// The name of what comes back.
    pub(super) const fn answer(self) -> &'static str {
        match self {
            Self::Attack => "refusal",
            Self::Forgery => "exposure",
        }
    }

    /// What must become of it.
    pub(super) const fn end(self) -> &'static str {
        match self {
            Self::Attack => "refused",
            Self::Forgery => "exposed",
        }
    }
}

/// What is to be said of an attack or a forgery.
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
    /// A word for it: a problem's slug, or whose and which reason.
    pub(super) fn name(self) -> String {
        let name = match self {
            Self::Problem(problem_type) => problem_type.slug(),
            Self::Student(Distrust::OtherOrigin) => "student: other-origin",
            Self::Student(Distrust::SessionKey) => "student: session-key-not-for-us",
            Self::Student(Distrust::OtherServer) => "student: certificate-of-another-server",
            Self::Student(Distrust::Signature) => "student: signature-wrong",
            Self::Student(Distrust::Answer) => "student: answer-not-authentic",
            Self::Check(point, code) => return format!("check {point}: {code}"),
            Self::Witness(status) => return format!("witness: {status}"),
            Self::Audit(Contradiction::Rewritten) => "audit: rewritten",
            Self::Audit(Contradiction::TwoHistories) => "audit: two-histories",
            Self::Receipts => "receipts: predecessor-not-named",
        };
        name.to_owned()
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

    /// The line for people.
    pub(super) fn told(&self, manner: Manner) -> String {
        let end = manner.end();
        match self {
            Self::Refused(words) => format!("{end}: {words}"),
            Self::Otherwise { expected, words } => {
                format!("{} OTHERWISE than by {}: {words}", end.to_uppercase(), expected.name())
            }
            Self::Through(words) => format!("GOT THROUGH: {words}"),
            Self::NotPlayed(words) => format!("COULD NOT BE PLAYED: {words}"),
        }
    }

    /// What came back.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Refused(words) | Self::Otherwise { words, .. } => words,
            Self::Through(words) | Self::NotPlayed(words) => words,
        }
    }
}

"""What can go wrong, sorted by what the caller may conclude from it."""

from __future__ import annotations

from dataclasses import dataclass, field


class ClaimError(Exception):
    """Base of everything that this package raises on purpose."""


class Malformed(ClaimError):
    """The other side (or a file) said something that the protocol does not allow."""


class Untrusted(ClaimError):
    """A proof that the protocol demands is missing or wrong: pin, path, profile, origin, MAC."""


class Unsettled(ClaimError):
    """Nothing is known about the outcome: no answer, or none that is proven. Safe to repeat."""


@dataclass(frozen=True)
class Problem:
    """A problem document (PROTOCOL.md, section 6)."""

    status: int
    slug: str
    title: str = ""
    detail: str = ""
    members: dict[str, object] = field(default_factory=dict, compare=False)


class Refused(ClaimError):
    """The server refused.

    `proven` tells whether the refusal is authentic: signed with k_answer, or received from
    CUHK on a TLS connection that was checked. Only a proven refusal is final, and in step 6 only
    where it follows from what was signed.
    """

    def __init__(self, problem: Problem, *, proven: bool, retry_after: int | None = None) -> None:
        super().__init__(f"{problem.slug} ({problem.status}): {problem.detail or problem.title}")
        self.problem = problem
        self.proven = proven
        self.retry_after = retry_after

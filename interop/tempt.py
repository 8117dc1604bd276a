"""What the tests with hostile servers share: authorities, a student, ways to change messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from claim_student.identity import Identity
from fake import Authority, FakeBlackboard, Json, Reply, new_key, person_plan

SID = "1155123456"
AUTHORITY = Authority()
FOREIGN = Authority()

Change = Callable[[FakeBlackboard], None]


def identity() -> Identity:
    """A student with a certificate of AUTHORITY."""
    key = new_key()
    leaf = AUTHORITY.issue(person_plan(SID), key.public_key())
    return Identity(SID, key, [leaf, AUTHORITY.issuing], Path("unused"))


def replace(**members: Any) -> Callable[[Json], Json]:
    """Other members."""
    return lambda own: own | members


def without(member: str) -> Callable[[Json], Json]:
    """One member less."""
    return lambda own: {n: v for n, v in own.items() if n != member}


def body(change: Callable[[bytes], bytes]) -> Callable[[Reply], Reply]:
    """Other content."""
    return lambda reply: Reply(reply.status, reply.fields, change(reply.content))


def also(**fields: str) -> Callable[[Reply], Reply]:
    """Other fields; an underscore stands for a hyphen."""
    named = {n.replace("_", "-"): v for n, v in fields.items()}
    return lambda reply: Reply(reply.status, reply.fields | named, reply.content)

"""Revoking one's own certificates at CUHK (PROTOCOL.md, section 3)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from . import certs
from .enrol import Clock, Cuhk, Invitation, basic, connect, first_contact, utc_now
from .errors import Malformed, Refused, Unsettled, Untrusted
from .http import Answer
from .identity import Folder
from .wire import is_person, load_object, may_be_repeated, parse_problem, parse_time, text

REASONS = (
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
)
_SERIAL = re.compile(r"(?:[0-9a-f]{2}){1,20}", re.ASCII)


@dataclass(frozen=True)
class Revoked:
    """A certificate that is revoked now."""

    serial: str
    revoked_at: str
    reason: str
    before: bool


def wish(
    *,
    serial: str | None = None,
    device: str | None = None,
    everything: bool = False,
    reason: str | None = None,
) -> bytes:
    """The request: exactly one of the three."""
    members: dict[str, object] = {}
    if serial is not None:
        members["serial"] = serial
    if device is not None:
        members["device"] = device
    if everything:
        members["all"] = True
    if len(members) != 1:
        raise Malformed("exactly one of serial, device and all")
    if reason is not None:
        if reason not in REASONS:
            raise Malformed(f"no reason: {reason!r}")
        members["reason"] = reason
    return json.dumps(members, ensure_ascii=False).encode("utf-8")


def _read(answer: Answer, origin: str) -> list[Revoked]:
    content_type = answer.one("content-type") or ""
    if answer.status != 200:
        problem = parse_problem(answer.status, content_type, answer.content, origin)
        if may_be_repeated(answer.status):
            raise Unsettled(f"{problem.slug} ({problem.status}): {problem.detail}")
        raise Refused(problem, proven=True)
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise Malformed("an answer that is not application/json")
    rows = load_object(answer.content).get("revoked")
    if not isinstance(rows, list):
        raise Malformed("no list of what is revoked")
    found = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("before"), bool):
            raise Malformed("an entry that is none")
        one = Revoked(
            text(row, "serial"), text(row, "revoked_at"), text(row, "reason"), row["before"]
        )
        parse_time(one.revoked_at)
        if not _SERIAL.fullmatch(one.serial) or one.reason not in (*REASONS, "unspecified"):
            raise Malformed("an entry that is none")
        found.append(one)
    return found


def _ask(
    cuhk: Cuhk, body: bytes, *, now: Clock, fields: dict[str, str], **options: object
) -> list[Revoked]:
    fields = {"Content-Type": "application/json", **fields}
    with connect(cuhk, now=now, **options) as connection:  # type: ignore[arg-type]
        answer = connection.request("POST", "/revocations", fields=fields, content=body)
        return _read(answer, cuhk.origin)


def revoke(folder: Folder, sid: str, body: bytes, *, now: Clock = utc_now) -> list[Revoked]:
    """By the certificate in the folder; it is put aside when it is among what is revoked."""
    identity, root = folder.identity(sid), folder.root()
    cuhk = first_contact(folder.cuhk_origin(), certs.pin_of(root))
    if cuhk.root != root:
        raise Untrusted("CUHK has another root than the one in cuhk.cer")
    found = _ask(cuhk, body, now=now, fields={}, identity=identity)
    own = f"{identity.chain[0].serial_number:x}"
    if any(one.serial.lstrip("0") == own for one in found):
        folder.put_aside(sid, own)
    return found


def revoke_by_invitation(
    invitation: Invitation, body: bytes, *, now: Clock = utc_now
) -> list[Revoked]:
    """By a code that is open, and stays so: the same invitation enrols afterwards."""
    if not is_person(invitation.id):
        raise Malformed("the invitation is not a person's")
    cuhk = first_contact(invitation.origin, invitation.pin)
    authorization = basic(invitation.id, invitation.code)
    return _ask(cuhk, body, now=now, fields={"Authorization": authorization})

"""Which certificates CUHK has issued to a person (PROTOCOL.md, section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import certs
from .enrol import Clock, connect, first_contact, utc_now
from .errors import Malformed, Refused, Unsettled, Untrusted
from .identity import Folder
from .wire import load_object, may_be_repeated, parse_problem, parse_time

_SERIAL = re.compile(r"[0-9a-f]{1,40}", re.ASCII)
_DEVICE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,38}[A-Za-z0-9])?", re.ASCII)


def device_name(value: str) -> str:
    """A name of a device, or an error."""
    if _DEVICE.fullmatch(value) is None:
        raise Malformed("not a name of a device")
    return value


@dataclass(frozen=True)
class Listed:
    """One of a person's certificates."""

    serial: str
    device: str | None
    authenticated_by: str | None
    issued_at: str
    not_after: str
    predecessor: str | None
    renewed_by: str | None
    revoked_at: str | None

    @classmethod
    def parse(cls, members: object) -> Listed:
        """One of the list."""
        if not isinstance(members, dict):
            raise Malformed("not a certificate")

        def word(name: str) -> str | None:
            value = members.get(name)
            if value is not None and not isinstance(value, str):
                raise Malformed(f"{name!r} is no text")
            return value

        def serial(name: str) -> str | None:
            value = word(name)
            if value is not None and _SERIAL.fullmatch(value) is None:
                raise Malformed(f"{name!r} is no serial number")
            return value

        def time(name: str) -> str | None:
            value = word(name)
            if value is not None:
                parse_time(value)
            return value

        own, issued_at, not_after = serial("serial"), time("issued_at"), time("not_after")
        if own is None or issued_at is None or not_after is None:
            raise Malformed("a certificate without serial number or times")
        device = word("device")
        return cls(
            serial=own,
            device=None if device is None else device_name(device),
            authenticated_by=word("authenticated_by"),
            issued_at=issued_at,
            not_after=not_after,
            predecessor=serial("predecessor"),
            renewed_by=serial("renewed_by"),
            revoked_at=time("revoked_at"),
        )


def certificates(
    folder: Folder, sid: str, *, now: Clock = utc_now, http2: bool = True
) -> list[Listed]:
    """All certificates of this person, the newest first, asked for with the one in the folder."""
    identity, root = folder.identity(sid), folder.root()
    cuhk = first_contact(folder.cuhk_origin(), certs.pin_of(root), http2=http2)
    if cuhk.root != root:
        raise Untrusted("CUHK has another root than the one in cuhk.cer")
    with connect(cuhk, identity=identity, now=now, http2=http2) as connection:
        answer = connection.request("GET", "/v1/certificates")
    content_type = answer.one("content-type") or ""
    if answer.status != 200:
        problem = parse_problem(answer.status, content_type, answer.content, cuhk.origin)
        if may_be_repeated(answer.status):
            raise Unsettled(f"{problem.slug} ({problem.status}): {problem.detail}")
        raise Refused(problem, proven=True)
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise Malformed(f"an answer of type {content_type!r}")
    found = load_object(answer.content).get("certificates")
    if not isinstance(found, list):
        raise Malformed("no list of certificates")
    return [Listed.parse(one) for one in found]

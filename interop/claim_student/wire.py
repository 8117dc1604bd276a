"""Encodings of PROTOCOL.md, section 1: lp, base64, JSON, times, ids, origins, problems."""

from __future__ import annotations

import base64 as _base64
import hashlib
import ipaddress
import json
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from .errors import Malformed, Problem

_SID = re.compile(r"[0-9]{10}", re.ASCII)
_STAFF = re.compile(r"[a-z][a-z0-9._-]{0,63}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII)
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_LONGEST_TOKEN = 2048
_REPEATED = {408, 429}
_SLUG = re.compile(r"[a-z0-9-]+", re.ASCII)


def sha256(data: bytes) -> bytes:
    """H(x)."""
    return hashlib.sha256(data).digest()


def lp(*parts: bytes | str) -> bytes:
    """Each part after its length in 8 bytes, big-endian; text as UTF-8."""
    out = bytearray()
    for part in parts:
        raw = part.encode("utf-8") if isinstance(part, str) else part
        out += len(raw).to_bytes(8, "big") + raw
    return bytes(out)


def b64u(data: bytes) -> str:
    """base64url without padding."""
    return _base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64u(text: object, length: int | None = None) -> bytes:
    """Decode canonical base64url without padding; `length` in bytes, if it is fixed."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text, re.ASCII):
        raise Malformed("not base64url")
    try:
        data = _base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Malformed("not base64url") from error
    if b64u(data) != text:
        raise Malformed("base64url is not canonical")
    if length is not None and len(data) != length:
        raise Malformed(f"expected {length} bytes, got {len(data)}")
    return data


def b64(data: bytes) -> str:
    """base64 with padding."""
    return _base64.b64encode(data).decode("ascii")


def unb64(text: object) -> bytes:
    """Decode canonical base64 with padding."""
    if not isinstance(text, str):
        raise Malformed("not base64")
    try:
        data = _base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed("not base64") from error
    if b64(data) != text:
        raise Malformed("base64 is not canonical")
    return data


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("a member name stands twice in a JSON object")
    if not all(_is_text(value) for pair in pairs for value in pair):
        raise Malformed("half of a surrogate pair in a JSON text")
    return members


def _is_text(value: object) -> bool:
    return not isinstance(value, str) or not any("\ud800" <= c <= "\udfff" for c in value)


def _no_constant(name: str) -> object:
    raise Malformed(f"{name} is not JSON")


def load_object(content: bytes) -> dict[str, object]:
    """Parse a JSON object: UTF-8, no BOM, no name twice at any depth."""
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_no_twins,
            parse_constant=_no_constant,
            # The one number without decimals that is no whole number to everybody.
            parse_int=lambda digits: -0.0 if digits == "-0" else int(digits),
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


def text(members: dict[str, object], name: str) -> str:
    """A member that must be a string."""
    value = members.get(name)
    if not isinstance(value, str):
        raise Malformed(f"the member {name!r} is missing or no text")
    return value


def token(members: dict[str, object], name: str) -> str:
    """A member that is an opaque token: base64url, so that it can stand in a field."""
    value = text(members, name)
    if not value or len(value) > _LONGEST_TOKEN:
        raise Malformed(f"the member {name!r} is no token")
    unb64u(value)
    return value


def parse_time(value: object) -> datetime:
    """RFC 3339 in UTC with Z and exactly three decimals."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise Malformed("not a time with Z and three decimals")
    try:
        time = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed("not a time") from error
    if time.year < 1970:
        raise Malformed("a time before 1970")
    return time


def is_sid(value: str) -> bool:
    """A student's id: ten ASCII digits."""
    return _SID.fullmatch(value) is not None


def is_person(value: str) -> bool:
    """A student's or a staff id."""
    return is_sid(value) or _STAFF.fullmatch(value) is not None


def origin_of(url: str) -> str:
    """The ASCII serialisation of the origin of an https URL that has nothing but an origin."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Malformed(f"not a URL: {url!r}") from error
    if parts.scheme != "https" or not host or parts.username is not None:
        raise Malformed(f"not an https origin: {url!r}")
    if parts.path not in ("", "/") or "?" in url or "#" in url:
        raise Malformed(f"more than an origin: {url!r}")
    if ":" in host:
        try:
            host = f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError as error:
            raise Malformed(f"not an IPv6 address: {host!r}") from error
    else:
        if not host.isascii():
            import idna

            try:
                host = idna.encode(host, uts46=True).decode("ascii")
            except idna.IDNAError as error:
                raise Malformed(f"not a host name: {host!r}") from error
        if not _HOST.fullmatch(host):
            raise Malformed(f"not a host name: {host!r}")
    return f"https://{host}" + ("" if port in (None, 443) else f":{port}")


def origin(value: str) -> str:
    """An origin as messages and certificates hold it: in its one spelling, or not at all."""
    if origin_of(value) != value:
        raise Malformed(f"an origin in another spelling: {value!r}")
    return value


def host_of(origin: str) -> str:
    """The host of an origin, without brackets."""
    host = urlsplit(origin).hostname
    if not host:
        raise Malformed("an origin without host")
    return host


def may_be_repeated(status: int) -> bool:
    """Whether a refusal with this status is not final, whatever its type."""
    return status in _REPEATED or status >= 500


def parse_problem(status: int, content_type: str, content: bytes, origin: str) -> Problem:
    """Read a problem document; its type must be `<origin>/problems/<slug>`."""
    if content_type.split(";")[0].strip().lower() != "application/problem+json":
        raise Malformed(f"an answer {status} that is no problem document")
    members = load_object(content)
    kind = text(members, "type")
    prefix = f"{origin}/problems/"
    slug = kind.removeprefix(prefix)
    if not kind.startswith(prefix) or not _SLUG.fullmatch(slug):
        raise Malformed(f"a problem type of somebody else: {kind!r}")
    if members.get("status") != status:
        raise Malformed("the problem's status is not the answer's")
    title, detail = members.get("title"), members.get("detail")
    return Problem(
        status,
        slug,
        title if isinstance(title, str) else "",
        detail if isinstance(detail, str) else "",
        members,
    )

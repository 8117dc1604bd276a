"""Step 6: HTTP Message Signatures (RFC 9421) and Content-Digest (RFC 9530).

The parser covers the part of structured fields (RFC 8941) that these fields use.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from .errors import Malformed, Untrusted
from .http import Answer
from .wire import b64, sha256, unb64

LABEL = "claim"
_WITH = ('"@method"', '"@target-uri"', '"claim-session"', '"content-digest"', '"content-type"')
_WITHOUT = _WITH[:3]
_ANSWER_WITH = ('"@status"', '"content-digest"', '"content-type"', '"signature";req;key="claim"')
_ANSWER_WITHOUT = ('"@status"', '"signature";req;key="claim"')

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*", re.ASCII)
_STRING = re.compile(r'"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"', re.ASCII)
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,3})?", re.ASCII)
_NAME = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*", re.ASCII)
_BOOL = re.compile(r"\?[01]", re.ASCII)


class _Reader:
    """Reads structured fields; bare items stay in their serialised form."""

    def __init__(self, value: str) -> None:
        self._value, self._at = value, 0

    def _peek(self) -> str:
        return self._value[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._value, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match.group()

    def _skip(self, characters: str) -> None:
        while self._peek() and self._peek() in characters:
            self._at += 1

    def _key(self) -> str:
        key = self._take(_KEY)
        if key is None:
            raise Malformed("a key is missing in a structured field")
        return key

    def _bare(self) -> str:
        for pattern in (_STRING, _BYTES, _NUMBER, _BOOL, _NAME):
            item = self._take(pattern)
            if item is not None:
                return item
        raise Malformed("an item is missing in a structured field")

    def _parameters(self) -> str:
        found: dict[str, str] = {}
        while self._peek() == ";":
            self._at += 1
            self._skip(" ")
            key = self._key()
            value = ""
            if self._peek() == "=":
                self._at += 1
                item = self._bare()
                value = "" if item == "?1" else f"={item}"
            if key in found:
                raise Malformed(f"the parameter {key} stands twice")
            found[key] = value
        return "".join(f";{key}{value}" for key, value in found.items())

    def _inner_list(self) -> tuple[str, ...]:
        self._at += 1
        items: list[str] = []
        while True:
            self._skip(" ")
            if self._peek() == ")":
                self._at += 1
                return tuple(items)
            items.append(self._bare() + self._parameters())
            if self._peek() not in (" ", ")"):
                raise Malformed("an inner list that does not end")

    def dictionary(self) -> dict[str, tuple[tuple[str, ...] | str, str]]:
        """Each member as (inner list or item, parameters), canonically serialised."""
        members: dict[str, tuple[tuple[str, ...] | str, str]] = {}
        self._skip(" ")
        while self._peek():
            key = self._key()
            value: tuple[str, ...] | str = "?1"
            if self._peek() == "=":
                self._at += 1
                value = self._inner_list() if self._peek() == "(" else self._bare()
            if key in members:
                raise Malformed(f"the member {key} stands twice")
            members[key] = (value, self._parameters())
            self._skip(" \t")
            if not self._peek():
                break
            if self._peek() != ",":
                raise Malformed("a structured field that does not go on with a comma")
            self._at += 1
            self._skip(" \t")
            if not self._peek():
                raise Malformed("a structured field that ends in a comma")
        return members


def content_digest(content: bytes) -> str:
    """The value of Content-Digest."""
    return f"sha-256=:{b64(sha256(content))}:"


def _mac(key: bytes, base: str) -> str:
    return f":{b64(hmac.digest(key, base.encode('ascii'), hashlib.sha256))}:"


@dataclass(frozen=True)
class SignedRequest:
    """The fields to send, and what is needed to check the answer."""

    fields: dict[str, str]
    base: str
    signature: str
    """The serialised signature, `:<base64>:`."""


def sign_request(
    key: bytes,
    *,
    method: str,
    target_uri: str,
    session: str,
    created: int,
    nonce: str,
    content: bytes | None = None,
    content_type: str | None = None,
) -> SignedRequest:
    """Sign a request with k_message."""
    values = [method, target_uri, session]
    names: tuple[str, ...] = _WITHOUT
    fields = {"Claim-Session": session}
    if content is not None:
        if content_type is None:
            raise ValueError("content needs a content type")
        digest = content_digest(content)
        names = _WITH
        values += [digest, content_type]
        fields |= {"Content-Digest": digest, "Content-Type": content_type}
    params = f'({" ".join(names)});created={created};nonce="{nonce}";alg="hmac-sha256"'
    base = _base(list(zip(names, values, strict=True)), params)
    signature = _mac(key, base)
    fields |= {"Signature-Input": f"{LABEL}={params}", "Signature": f"{LABEL}={signature}"}
    return SignedRequest(fields, base, signature)


def _base(lines: list[tuple[str, str]], params: str) -> str:
    lines = [*lines, ('"@signature-params"', params)]
    return "\n".join(f"{name}: {value}" for name, value in lines)


def answer_base(
    status: int, request_signature: str, created: int, digest: str | None, content_type: str | None
) -> str:
    """The signature base of an answer."""
    lines = [('"@status"', str(status))]
    names: tuple[str, ...] = _ANSWER_WITHOUT
    if digest is not None and content_type is not None:
        names = _ANSWER_WITH
        lines += [('"content-digest"', digest), ('"content-type"', content_type)]
    lines.append(('"signature";req;key="claim"', request_signature))
    return _base(lines, f'({" ".join(names)});created={created};alg="hmac-sha256"')


def verify_answer(key: bytes, answer: Answer, request_signature: str) -> int:
    """Check the signature of an answer with k_answer, and its digest. Returns `created`."""
    try:
        inputs = _Reader(answer.combined("signature-input")).dictionary()
        signatures = _Reader(answer.combined("signature")).dictionary()
        components, params = inputs[LABEL]
        signature, rest = signatures[LABEL]
    except KeyError as error:
        raise Untrusted("the answer is not signed") from error
    except Malformed as error:
        raise Untrusted(f"the answer's signature cannot be read: {error}") from error
    match = re.fullmatch(r';created=([0-9]{1,15});alg="hmac-sha256"', params, re.ASCII)
    expected = _ANSWER_WITH if answer.content else _ANSWER_WITHOUT
    if match is None or components != expected or rest or not isinstance(signature, str):
        raise Untrusted("the answer's signature covers something else")
    digest = content_type = None
    if answer.content:
        digest, content_type = answer.one("content-digest"), answer.one("content-type")
        if digest is None or content_type is None:
            raise Untrusted("the answer has no digest or no type")
    base = answer_base(answer.status, request_signature, int(match[1]), digest, content_type)
    if not hmac.compare_digest(_mac(key, base), signature):
        raise Untrusted("the answer's signature is wrong")
    if answer.content and digest is not None:
        _check_digest(digest, answer.content)
    return int(match[1])


def _check_digest(field: str, content: bytes) -> None:
    try:
        members = _Reader(field).dictionary()
        value, rest = members["sha-256"]
        ok = len(members) == 1 and not rest and isinstance(value, str) and _BYTES.fullmatch(value)
        if not ok or unb64(str(value)[1:-1]) != sha256(content):
            raise Untrusted("the answer's content is not what was signed")
    except (KeyError, Malformed) as error:
        raise Untrusted("the answer's digest cannot be read") from error

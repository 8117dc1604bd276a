"""Steps 1 and 2: enrolment over EST (PROTOCOL.md, section 3)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from . import certs
from .errors import Malformed, Refused, Unsettled, Untrusted
from .http import Answer, Connection, tls_trusting, tls_unverified
from .identity import Folder, Identity
from .wire import (
    b64,
    b64u,
    is_person,
    may_be_repeated,
    origin_of,
    parse_problem,
    unb64,
    unb64u,
)
from .wire import origin as wire_origin

_EST = "/.well-known/est/"
_INVITATION = re.compile(r"claim://([^/#?]+)/([^/#?]+)/([^/#?]+)#(.+)", re.ASCII)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Invitation:
    """`claim://<host>:<port>/<id>/<code>#<pin>`."""

    origin: str
    id: str
    code: str
    pin: str

    @classmethod
    def parse(cls, line: str) -> Invitation:
        """Read an invitation line."""
        match = _INVITATION.fullmatch(line.strip())
        if match is None:
            raise Malformed("not an invitation: claim://<host>:<port>/<id>/<code>#<pin>")
        authority, person, code, pin = match.groups()
        if urlsplit(f"https://{authority}").port is None:
            raise Malformed("an invitation without port")
        unb64u(code, 16)
        unb64u(pin, 16)
        invitee = unquote(person)
        if not is_person(invitee):
            wire_origin(invitee)
        if quote(invitee, safe="-._~") != person:
            raise Malformed("an id in another spelling")
        return cls(origin_of(f"https://{authority}"), invitee, code, pin)


@dataclass(frozen=True)
class Cuhk:
    """A CUHK whose root is trusted, and the certificates that it gave with it."""

    origin: str
    root: x509.Certificate
    others: list[x509.Certificate]


def _certificates(answer: Answer, origin: str) -> list[x509.Certificate]:
    content_type = answer.one("content-type") or ""
    if answer.status != 200:
        problem = parse_problem(answer.status, content_type, answer.content, origin)
        if may_be_repeated(answer.status):
            raise Unsettled(f"{problem.slug} ({problem.status}): {problem.detail}")
        raise Refused(problem, proven=True)
    kind, _, parameter = (p.strip().lower() for p in content_type.partition(";"))
    if kind != "application/pkcs7-mime" or parameter.replace('"', "") != "smime-type=certs-only":
        raise Malformed(f"an answer of type {content_type!r}")
    try:
        body = answer.content.decode("ascii")
    except UnicodeDecodeError as error:
        raise Malformed("not base64") from error
    return certs.certs_only(unb64(re.sub(r"[ \t\r\n]", "", body)))


def first_contact(origin: str, pin: str, *, http2: bool = True) -> Cuhk:
    """Fetch `cacerts` unverified and take the self-signed certificate that fits the pin."""
    with Connection(origin, tls_unverified(), http2=http2) as connection:
        found = _certificates(connection.request("GET", _EST + "cacerts"), origin)
    fits = [c for c in found if certs.is_self_signed(c) and certs.pin_of(c) == pin]
    if not fits:
        raise Untrusted("CUHK has no root with that pin")
    return Cuhk(origin, fits[0], [c for c in found if c != fits[0]])


def connect(
    cuhk: Cuhk, *, identity: Identity | None = None, now: Clock = utc_now, http2: bool = True
) -> Connection:
    """Connect trusting the root only; the TLS certificate is checked before anything is sent."""

    def check(leaf: x509.Certificate) -> None:
        certs.check_server([leaf, *cuhk.others], cuhk.root, cuhk.origin, now())

    context = tls_trusting([cuhk.root], identity=identity.file if identity else None)
    return Connection(cuhk.origin, context, check=check, http2=http2)


def certification_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS#10 request with an empty subject, in DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def post_request(
    connection: Connection,
    what: str,
    request: bytes,
    authorization: str | None = None,
    device: str | None = None,
) -> list[x509.Certificate]:
    """POST a PKCS#10 request to `simpleenroll` or `simplereenroll`."""
    fields = {"Content-Type": "application/pkcs10"}
    if authorization is not None:
        fields["Authorization"] = authorization
    if device is not None:
        fields["Claim-Device"] = device
    body = base64.encodebytes(request)
    answer = connection.request("POST", _EST + what, fields=fields, content=body)
    return _certificates(answer, connection.origin)


def basic(user: str, password: str) -> str:
    """HTTP Basic (RFC 7617) in UTF-8."""
    return "Basic " + b64(f"{user}:{password}".encode())


def _check_issued(
    found: list[x509.Certificate],
    cuhk: Cuhk,
    sid: str,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> list[x509.Certificate]:
    """Find the new certificate, check it, and return the chain without the root."""
    numbers = key.public_key().public_numbers()
    leaf = next((c for c in found if certs.p256_key(c).public_numbers() == numbers), None)
    if leaf is None:
        raise Untrusted("CUHK sent no certificate for this key")
    issuers = [c for c in [*found, *cuhk.others] if not certs.is_self_signed(c) and c != leaf]
    issuers = list(dict.fromkeys(issuers))
    chain = [leaf]
    while not certs.issued_by(chain[-1], cuhk.root):
        issuer = next((c for c in issuers if certs.issued_by(chain[-1], c)), None)
        if issuer is None or issuer in chain:
            raise Untrusted("the new certificate does not lead to the root")
        chain.append(issuer)
    certs.check_person(chain, cuhk.root, sid, now)
    return chain


def enroll(
    folder: Folder,
    sid: str,
    *,
    origin: str | None = None,
    invitation: Invitation | None = None,
    root: x509.Certificate | None = None,
    device: str | None = None,
    now: Clock = utc_now,
    http2: bool = True,
) -> Identity:
    """Steps 1 and 2 for a new key. A key that is pending from an earlier try is used again.

    Without an invitation, which only a local demonstration takes, `root` must be given.
    """
    if not is_person(sid):
        raise Malformed("not an id")
    if invitation is not None:
        if invitation.id != sid:
            raise Malformed("the invitation is for another id")
        if origin is not None and origin != invitation.origin:
            raise Malformed("the invitation is for another CUHK")
        origin = invitation.origin
    if origin is None:
        raise Malformed("neither CUHK's address nor an invitation")
    if root is None and folder.has_root():
        root = folder.root()
    if invitation is None and root is None:
        raise Untrusted(
            "neither an invitation nor a cuhk.cer: nothing tells which CUHK is the right one"
        )
    pin = invitation.pin if invitation else certs.pin_of(root)  # type: ignore[arg-type]
    cuhk = first_contact(origin, pin, http2=http2)
    if root is not None and root != cuhk.root:
        raise Untrusted("there is another cuhk.cer already")
    code = invitation.code if invitation else b64u(bytes(16))
    key = folder.pending_key(sid)
    with connect(cuhk, now=now, http2=http2) as connection:
        found = post_request(
            connection, "simpleenroll", certification_request(key), basic(sid, code), device
        )
    chain = _check_issued(found, cuhk, sid, key, now())
    folder.keep_cuhk(cuhk.root, cuhk.origin)
    return folder.keep(sid, key, chain)


def reenroll(
    folder: Folder,
    sid: str,
    *,
    same_key: bool = False,
    device: str | None = None,
    now: Clock = utc_now,
    http2: bool = True,
) -> Identity:
    """A new certificate for a new key or the same, proven with the old one over TLS.

    CUHK renews a certificate once: a key that is pending from an earlier try is used again.
    """
    identity, root = folder.identity(sid), folder.root()
    # cacerts again, under the root that is kept: the issuing certificate may be a new one.
    cuhk = first_contact(folder.cuhk_origin(), certs.pin_of(root), http2=http2)
    if cuhk.root != root:
        raise Untrusted("CUHK has another root than the one in cuhk.cer")
    keep = same_key and not folder.has_pending(sid)
    key = identity.key if keep else folder.pending_key(sid)
    with connect(cuhk, identity=identity, now=now, http2=http2) as connection:
        request = certification_request(key)
        found = post_request(connection, "simplereenroll", request, device=device)
    return folder.keep(sid, key, _check_issued(found, cuhk, sid, key, now()))

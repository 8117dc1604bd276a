"""A CUHK and a Blackboard that keep to PROTOCOL.md except where a test tells them not to."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
import re
import secrets
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
)
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID

from claim_student import certs, hpke
from claim_student.session import Keys, context_of
from claim_student.signing import answer_base, content_digest
from claim_student.wire import b64, b64u, host_of, unb64, unb64u

_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
_ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)

Json = dict[str, Any]


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def name(common_name: str, **others: str) -> x509.Name:
    """A name with a CN, and a UID if given."""
    attributes = [x509.NameAttribute(NameOID.USER_ID, uid) for uid in others.values()]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass
class Plan:
    """What a certificate says; tests change a part of it."""

    subject: x509.Name
    usages: set[str]
    purposes: list[x509.ObjectIdentifier] = field(default_factory=list)
    policies: list[x509.ObjectIdentifier] = field(default_factory=list)
    names: list[x509.GeneralName] = field(default_factory=list)
    authority: x509.BasicConstraints | None = None
    start: timedelta = timedelta(minutes=-5)
    life: timedelta = timedelta(days=90)
    constraints: x509.NameConstraints | None = None
    digest: hashes.SHA256 | hashes.SHA384 = field(default_factory=hashes.SHA256)
    critical: bool = False
    """With an extension that nobody knows, critical."""
    critical_purposes: bool = False
    at: datetime | None = None
    """From when `start` counts: this moment, if none is told."""
    period: tuple[timedelta | None, timedelta | None] | None = None
    """The key's usage period, counted from `start`."""


def authority_plan(common_name: str, path_length: int | None) -> Plan:
    """A root or an issuing authority."""
    plan = Plan(name(common_name), {"key_cert_sign", "crl_sign"})
    plan.authority = x509.BasicConstraints(ca=True, path_length=path_length)
    plan.start = timedelta(days=-30)
    return plan


def person_plan(person: str) -> Plan:
    """The person profile."""
    return Plan(
        name("Chan Tai Man", uid=person),
        {"digital_signature", "key_agreement"},
        [Eku.CLIENT_AUTH, _DOCUMENT_SIGNING],
        [certs.PERSON_POLICY],
    )


def server_plan(origin: str) -> Plan:
    """The server profile."""
    host = host_of(origin)
    try:
        listed: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        listed = x509.DNSName(host)
    return Plan(
        name(host),
        {"digital_signature"},
        [Eku.SERVER_AUTH, Eku.CLIENT_AUTH],
        [certs.SERVER_POLICY],
        [listed, x509.UniformResourceIdentifier(origin)],
    )


def sign(
    plan: Plan,
    key: ec.EllipticCurvePublicKey | Ed25519PublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """A certificate by that plan."""
    start = (plan.at or datetime.now(UTC)).replace(microsecond=0) + plan.start
    builder = (
        x509.CertificateBuilder()
        .subject_name(plan.subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + plan.life)
        .add_extension(x509.KeyUsage(**{u: u in plan.usages for u in _USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if plan.authority is not None:
        builder = builder.add_extension(plan.authority, critical=True)
    if plan.purposes:
        purposes = x509.ExtendedKeyUsage(plan.purposes)
        builder = builder.add_extension(purposes, critical=plan.critical_purposes)
    if plan.policies:
        policies = [x509.PolicyInformation(policy, None) for policy in plan.policies]
        builder = builder.add_extension(x509.CertificatePolicies(policies), critical=False)
    if plan.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(plan.names), critical=False)
    if plan.constraints is not None:
        builder = builder.add_extension(plan.constraints, critical=True)
    if plan.period is not None:
        ends = [one if one is None else start.replace(tzinfo=None) + one for one in plan.period]
        first, last = ends
        builder = builder.add_extension(x509.PrivateKeyUsagePeriod(first, last), critical=False)
    if plan.critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.1"), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    return builder.sign(issuer_key, plan.digest)


class Authority:
    """A root and its issuing authority, with their keys."""

    def __init__(self, domain: str | None = None) -> None:
        self.root_key, self.issuing_key = new_key(), new_key()
        plan = authority_plan("Root", None)
        if domain is not None:
            plan.constraints = x509.NameConstraints([x509.DNSName(domain)], None)
        self.root = sign(plan, self.root_key.public_key(), plan.subject, self.root_key)
        plan = authority_plan("Issuing", 0)
        plan.policies = [_ANY_POLICY]
        self.issuing = self.by_root(plan, self.issuing_key.public_key())

    def by_root(
        self, plan: Plan, key: ec.EllipticCurvePublicKey | Ed25519PublicKey
    ) -> x509.Certificate:
        """Signed by the root itself."""
        return sign(plan, key, self.root.subject, self.root_key)

    def issue(
        self, plan: Plan, key: ec.EllipticCurvePublicKey | Ed25519PublicKey
    ) -> x509.Certificate:
        """Signed by the issuing authority."""
        return sign(plan, key, self.issuing.subject, self.issuing_key)


Fields = dict[str, str]


@dataclass
class Reply:
    """What is sent back."""

    status: int
    fields: Fields
    content: bytes


@dataclass
class Request:
    """What arrived."""

    method: str
    target: str
    fields: Any
    content: bytes


def problem(origin: str, slug: str, status: int, **members: object) -> Reply:
    """A problem document."""
    members |= {"type": f"{origin}/problems/{slug}", "title": "t", "detail": "d", "status": status}
    fields = {"Content-Type": "application/problem+json"}
    return Reply(status, fields, json.dumps(members).encode())


class Listener:
    """HTTPS on a free port of this machine; `requests` is all that arrived."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = lambda request: Reply(404, {}, b"")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One write per answer: two small ones wait for each other's acknowledgement.
            wbufsize = 1 << 16
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                request = Request(self.command, self.path, self.headers, self.rfile.read(length))
                outer.requests.append(request)
                reply = outer.answer(request)
                self.send_response(reply.status)
                for field_name, value in reply.fields.items():
                    self.send_header(field_name, value)
                self.send_header("Content-Length", str(len(reply.content)))
                self.end_headers()
                self.wfile.write(reply.content)

            do_GET = do_POST = do_PUT = do_HEAD = _any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.origin = f"https://localhost:{self.server.server_address[1]}"

    def targets(self) -> list[str]:
        """The addresses that were asked for, in order."""
        return [request.target for request in self.requests]

    @contextmanager
    def serve(
        self,
        chain: list[x509.Certificate],
        key: ec.EllipticCurvePrivateKey,
        maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> Iterator[None]:
        """Listen with that TLS certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = maximum
        with tempfile.NamedTemporaryFile() as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.write(b"".join(c.public_bytes(Encoding.PEM) for c in chain))
            file.flush()
            context.load_cert_chain(file.name)
        plain = self.server.socket
        # The handshake belongs to the connection's thread, not to the one that accepts.
        self.server.socket = context.wrap_socket(
            plain, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


def same(value: Any) -> Any:
    """Change nothing."""
    return value


class FakeBlackboard(Listener):
    """Steps 3 to 6. Each hook changes what is sent; `identity` signs step 5."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self.answer = self._answer
        self.authority, self.key = authority, new_key()
        self.chain = [
            authority.issue(server_plan(self.origin), self.key.public_key()),
            authority.issuing,
        ]
        self.context_origin = self.origin
        self.step_4: Callable[[Json], Json] = same
        self.before_signing: Callable[[Json], Json] = same
        self.step_5: Callable[[Json], Json] = same
        self.signing_key, self.signing_digest = self.key, hashes.SHA256()
        self.session_key = secrets.token_bytes(32)
        self.plain: Callable[[Reply], Reply] = same
        """Changes the answers to steps 3 and 5 as they go out."""
        self.message: Callable[[Request], Reply] = self.received
        self.signed: Callable[[Reply], Reply] = same
        """Changes the answers to messages after they were signed."""
        self.binding: Callable[[str], str] = same
        self._keys: dict[str, Keys] = {}
        self._ids: dict[str, str] = {}

    def _answer(self, request: Request) -> Reply:
        if request.target == "/v1/challenges":
            return self.plain(self._json(self._challenge(json.loads(request.content))))
        if request.target == "/v1/sessions":
            return self.plain(self._json(self._session(json.loads(request.content))))
        return self._signed_answer(request)

    @staticmethod
    def _json(members: Json) -> Reply:
        return Reply(201, {"Content-Type": "application/json"}, json.dumps(members).encode())

    def _challenge(self, asked: Json) -> Json:
        leaf = unb64(asked["certificate"][0])
        nonce, token = secrets.token_bytes(32), b64u(secrets.token_bytes(24))
        context = context_of(
            self.context_origin, asked["request"], leaf, unb64u(asked["nonce"]), nonce
        )
        key = certs.p256_key(certs.from_der(leaf))
        enc, ciphertext = hpke.seal(key, context, self.session_key)
        self._keys[token] = Keys.derive(context, "hpke-p256", enc, ciphertext, self.session_key)
        self._ids[token] = asked["request"].split(" ")[0].split(":")[1]
        return self.step_4({
            "challenge": token, "origin": self.origin, "nonce": b64u(nonce),
            "scheme": "hpke-p256", "enc": b64u(enc), "ciphertext": b64u(ciphertext),
            "expires_at": "2026-11-24T15:59:59.999Z", "more": {"is": "ignored"},
        })  # fmt: skip

    def _session(self, asked: Json) -> Json:
        keys = self._keys[asked["challenge"]]
        assert unb64u(asked["confirmation"]) == keys.student_confirmation()
        members = self.before_signing({
            "session": asked["challenge"], "sid": self._ids[asked["challenge"]],
            "server_time": "2026-11-24T15:59:00.000Z", "expires_at": "2026-11-24T23:59:00.000Z",
            "certificate": [b64(certs.der(c)) for c in self.chain],
        })  # fmt: skip
        b = keys.blackboard_bytes(
            *(members[m] for m in ("session", "sid", "server_time", "expires_at"))
        )
        signature = self.signing_key.sign(b, ec.ECDSA(self.signing_digest))
        members["signature"] = b64u(signature)
        members["confirmation"] = b64u(keys.blackboard_confirmation(b))
        return self.step_5(members)

    def received(self, request: Request) -> Reply:
        """A message was kept."""
        members = {"sid": "1155123456", "received_at": "2026-11-24T15:59:41.204Z", "number": 7}
        return self._json(members)

    def _signed_answer(self, request: Request) -> Reply:
        reply = self.message(request)
        keys = self._keys[request.fields["Claim-Session"]]
        bound = re.fullmatch("claim=(:.*:)", request.fields["Signature"])
        assert bound is not None
        digest = content_digest(reply.content) if reply.content else None
        kind = reply.fields.get("Content-Type")
        base = answer_base(reply.status, self.binding(bound[1]), 1795535940, digest, kind)
        params = base.rsplit('"@signature-params": ', 1)[1]
        mac = hmac.digest(keys.answer, base.encode(), "sha256")
        reply.fields |= {
            "Signature-Input": f"claim={params}",
            "Signature": f"claim=:{b64(mac)}:",
        }
        if digest is not None:
            reply.fields["Content-Digest"] = digest
        return self.signed(reply)


class FakeCuhk(Listener):
    """Steps 1 and 2. `issued` and `roots` may be changed."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self.answer = self._answer
        self.authority, self.key = authority, new_key()
        self.chain = [
            authority.issue(server_plan(self.origin), self.key.public_key()),
            authority.issuing,
        ]
        self.cacerts = [authority.issuing, authority.root]
        self.issued: Callable[[ec.EllipticCurvePublicKey], list[x509.Certificate]] = self.issue
        self.enrolled: Callable[[Reply], Reply] = same
        self.keys: list[bytes] = []

    def issue(self, key: ec.EllipticCurvePublicKey) -> list[x509.Certificate]:
        """What it should."""
        return [self.authority.issue(person_plan("1155123456"), key)]

    def _answer(self, request: Request) -> Reply:
        if request.target.endswith("/cacerts"):
            return certs_only(self.cacerts)
        der = base64.b64decode(request.content)
        asked = x509.load_der_x509_csr(der)
        key = asked.public_key()
        assert asked.is_signature_valid and isinstance(key, ec.EllipticCurvePublicKey)
        self.keys.append(hpke.public_bytes(key))
        return self.enrolled(certs_only(self.issued(key)))

    def codes(self) -> list[str]:
        """What arrived as Authorization."""
        return [r.fields["Authorization"] for r in self.requests if "Authorization" in r.fields]

    def invitation(self, pin: str | None = None) -> str:
        """A line for it."""
        authority = self.origin.removeprefix("https://")
        pin = pin or certs.pin_of(self.authority.root)
        return f"claim://{authority}/1155123456/{b64u(bytes(16))}#{pin}"


def certs_only(found: list[x509.Certificate]) -> Reply:
    """An answer of EST."""
    body = base64.encodebytes(pkcs7.serialize_certificates(found, Encoding.DER))
    return Reply(200, {"Content-Type": "application/pkcs7-mime; smime-type=certs-only"}, body)

"""Steps 3 to 5 (PROTOCOL.md, section 4) and sending messages (section 5)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from . import certs, hpke
from .enrol import Clock, utc_now
from .errors import Malformed, Problem, Refused, Unsettled, Untrusted
from .http import Answer, Connection, tls_trusting
from .identity import Identity
from .signing import sign_request, verify_answer
from .wire import (
    b64,
    b64u,
    is_sid,
    load_object,
    lp,
    may_be_repeated,
    parse_problem,
    parse_time,
    sha256,
    text,
    token,
    unb64,
    unb64u,
)
from .wire import origin as wire_origin

SCHEME = "hpke-p256"
# Signed refusals of step 6 that speak of one copy of the request, beside those that may be repeated anyway.
_OF_ONE_COPY = {
    "clock-skew",
    "content-too-large",
    "digest-mismatch",
    "malformed-request",
    "unsupported-media-type",
}


def is_final(problem: Problem) -> bool:
    """Whether a signed refusal settles the request, and not only one copy of it."""
    return problem.slug not in _OF_ONE_COPY and not may_be_repeated(problem.status)


def _json(members: dict[str, object]) -> bytes:
    return json.dumps(members, ensure_ascii=False).encode("utf-8")


def request_sentence(person: str) -> str:
    """The sentence of step 3."""
    if is_sid(person):
        return f"SID:{person} requests to upload report !"
    return f"ID:{person} requests to manage courses !"


def context_of(
    origin: str, request: str, leaf: bytes, student_nonce: bytes, server_nonce: bytes
) -> bytes:
    """The context that the session key is sealed in."""
    return lp("claim v1 session", origin, request, sha256(leaf), student_nonce, server_nonce)


@dataclass(frozen=True, repr=False)
class Keys:
    """The key schedule. It does not print itself."""

    transcript: bytes
    prk: bytes
    student: bytes
    blackboard: bytes
    message: bytes
    answer: bytes
    session_id: bytes
    fingerprint: bytes

    @classmethod
    def derive(
        cls, context: bytes, scheme: str, enc: bytes, ciphertext: bytes, session_key: bytes
    ) -> Keys:
        """Everything that follows from the context and the session key."""
        transcript = sha256(lp(context, scheme, enc, ciphertext))
        prk = hpke.hkdf_extract(transcript, session_key)
        return cls(
            transcript,
            prk,
            hpke.hkdf_expand(prk, "claim v1 student", 32),
            hpke.hkdf_expand(prk, "claim v1 blackboard", 32),
            hpke.hkdf_expand(prk, "claim v1 message", 32),
            hpke.hkdf_expand(prk, "claim v1 answer", 32),
            sha256(lp("claim v1 session id", transcript)),
            hpke.hkdf_expand(prk, "claim v1 fingerprint", 8),
        )

    def student_confirmation(self) -> bytes:
        """What the student sends in step 5."""
        return hmac.digest(self.student, self.transcript, hashlib.sha256)

    def blackboard_bytes(self, session: str, sid: str, server_time: str, expires_at: str) -> bytes:
        """B."""
        hashed = sha256(session.encode("ascii"))
        return lp("claim v1 blackboard", self.transcript, hashed, sid, server_time, expires_at)

    def blackboard_confirmation(self, b: bytes) -> bytes:
        """What Blackboard answers in step 5."""
        return hmac.digest(self.blackboard, b, hashlib.sha256)


@dataclass(frozen=True)
class Challenge:
    """What step 4 leaves with the student."""

    token: str
    keys: Keys
    expires_at: datetime


@dataclass(frozen=True)
class Receipt:
    """The signed answer to a message."""

    sid: str
    received_at: str
    number: int
    content: bytes


@dataclass
class Session:
    """An open session. `clock_offset` (seconds) is added to this machine's clock."""

    origin: str
    sid: str
    token: str = field(repr=False)
    keys: Keys
    server_time: datetime
    expires_at: datetime
    clock_offset: int = 0


class Blackboard:
    """A Blackboard at `origin`, as the student connects to it."""

    def __init__(
        self,
        origin: str,
        root: x509.Certificate,
        *,
        now: Clock = utc_now,
        wait: Callable[[float], None] = time.sleep,
        http2: bool = True,
        system_roots: bool = False,
        timeout: float = 20.0,
    ) -> None:
        self.origin, self.root, self._now, self._wait = origin, root, now, wait
        # The TLS certificate proves nothing for the protocol, but an unknown one would let
        # anybody read along. A person may choose to trust the machine's own authorities too.
        context = tls_trusting([root], system=system_roots)
        self.connection = Connection(origin, context, http2=http2, timeout=timeout)

    def __enter__(self) -> Blackboard:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    # Steps 3 to 5

    def _post(self, target: str, members: dict[str, object]) -> dict[str, object]:
        answer = self.connection.request(
            "POST", target, fields={"Content-Type": "application/json"}, content=_json(members)
        )
        if answer.status != 201:
            raise self.refused(answer, proven=False)
        if (answer.one("content-type") or "").split(";")[0].strip().lower() != "application/json":
            raise Malformed("an answer that is not application/json")
        return load_object(answer.content)

    def refused(self, answer: Answer, *, proven: bool) -> Refused:
        kind, after = answer.one("content-type") or "", answer.one("retry-after")
        problem = parse_problem(answer.status, kind, answer.content, self.origin)
        seconds = int(after) if after and after.isascii() and after.isdigit() else None
        return Refused(problem, proven=proven, retry_after=seconds)

    def challenge(self, identity: Identity) -> Challenge:
        """Steps 3 and 4."""
        request, nonce = request_sentence(identity.sid), secrets.token_bytes(32)
        members: dict[str, object] = {
            "request": request,
            "certificate": [b64(certs.der(c)) for c in identity.chain],
            "nonce": b64u(nonce),
        }
        answer = self._post("/v1/challenges", members)
        if wire_origin(text(answer, "origin")) != self.origin:
            raise Untrusted(f"this is not {self.origin} but {text(answer, 'origin')}")
        scheme = text(answer, "scheme")
        if scheme != SCHEME:
            raise Untrusted(f"unknown scheme {scheme!r}")
        challenge = token(answer, "challenge")
        server_nonce = unb64u(answer.get("nonce"), 32)
        enc = unb64u(answer.get("enc"), 65)
        ciphertext = unb64u(answer.get("ciphertext"), 48)
        expires_at = parse_time(answer.get("expires_at"))
        leaf = certs.der(identity.chain[0])
        context = context_of(self.origin, request, leaf, nonce, server_nonce)
        session_key = hpke.open_(identity.key, context, enc, ciphertext)
        keys = Keys.derive(context, scheme, enc, ciphertext, session_key)
        return Challenge(challenge, keys, expires_at)

    def confirm(self, identity: Identity, challenge: Challenge) -> Session:
        """Step 5, with every check that the student must make."""
        keys = challenge.keys
        confirmation = b64u(keys.student_confirmation())
        members: dict[str, object] = {"challenge": challenge.token, "confirmation": confirmation}
        answer = self._post("/v1/sessions", members)
        session, sid = token(answer, "session"), text(answer, "sid")
        server_time, expires_at = text(answer, "server_time"), text(answer, "expires_at")
        b = keys.blackboard_bytes(session, sid, server_time, expires_at)
        given = unb64u(answer.get("confirmation"), 32)
        if not hmac.compare_digest(given, keys.blackboard_confirmation(b)):
            raise Untrusted("Blackboard's confirmation is wrong")
        if sid != identity.sid:
            raise Untrusted("the session is for another id")
        listed = answer.get("certificate")
        if not isinstance(listed, list) or not 1 <= len(listed) <= 4:
            raise Malformed("the member 'certificate' is no list of one to four")
        chain = [certs.from_der(unb64(c)) for c in listed]
        leaf = certs.check_server(chain, self.root, self.origin, self._now())
        certs.verify_ecdsa(leaf, unb64u(answer.get("signature")), b)
        return Session(
            self.origin, sid, session, keys, parse_time(server_time), parse_time(expires_at)
        )

    def open_session(self, identity: Identity) -> Session:
        """Steps 3 to 5."""
        return self.confirm(identity, self.challenge(identity))

    # Step 6

    def send(
        self,
        session: Session,
        method: str,
        target: str,
        *,
        nonce: str,
        content: bytes | None = None,
        content_type: str | None = None,
        created: int | None = None,
        **options: int,
    ) -> Answer:
        """One signed request. Returns the answer only if its signature verifies."""
        if created is None:
            created = int(self._now().timestamp()) + session.clock_offset
        signed = sign_request(
            session.keys.message,
            method=method,
            target_uri=self.origin + target,
            session=session.token,
            created=created,
            nonce=nonce,
            content=content,
            content_type=content_type,
        )
        answer = self.connection.request(
            method, target, fields=signed.fields, content=content, **options
        )
        try:
            verify_answer(session.keys.answer, answer, signed.signature)
        except Untrusted as error:
            if answer.status >= 400:
                try:
                    raise self.refused(answer, proven=False) from error
                except Malformed:
                    pass
            raise Unsettled(f"an answer {answer.status} that is not proven: {error}") from error
        return answer

    def message(self, session: Session, content: bytes, nonce: str) -> Receipt:
        """One try to send a message. A refusal that is raised may be unproven."""
        answer = self.send(
            session,
            "POST",
            "/v1/messages",
            nonce=nonce,
            content=content,
            content_type="text/plain; charset=utf-8",
        )
        if answer.status != 201:
            raise self.refused(answer, proven=True)
        members = load_object(answer.content)
        sid, received_at = text(members, "sid"), text(members, "received_at")
        parse_time(received_at)
        number = members.get("number")
        if sid != session.sid or not isinstance(number, int) or isinstance(number, bool):
            raise Malformed("a receipt that is not for this message")
        return Receipt(sid, received_at, number, answer.content)

    def set_clock(self, session: Session, problem: Problem) -> None:
        """Go by the time that a proven `clock-skew` tells."""
        moment = parse_time(problem.members.get("server_time"))
        session.clock_offset = int(moment.timestamp() - self._now().timestamp())

    def now(self) -> datetime:
        """The time by this machine's clock."""
        return self._now()

    def wait(self, seconds: float) -> None:
        """Pause."""
        self._wait(seconds)

    def say(
        self, identity: Identity, content: bytes, *, tries: int = 5, longest: float = 10.0
    ) -> Receipt:
        """Send a message, repeating under the same nonce until the outcome is proven.

        After a try whose outcome is unknown the session is not exchanged for a new one:
        there the message would count as another one.
        """
        session: Session | None = None
        nonce, unknown = b64u(secrets.token_bytes(16)), False
        problem: Exception = Unsettled("not tried")
        for attempt in range(tries):
            pause = 0.2 * 2**attempt
            try:
                session = session or self.open_session(identity)
                return self.message(session, content, nonce)
            except Unsettled as error:
                problem, unknown = error, unknown or session is not None
            except Refused as error:
                problem, slug = error, error.problem.slug
                pause = float(error.retry_after or pause)
                if session is None:
                    if not may_be_repeated(error.problem.status):
                        raise
                elif error.proven and slug == "clock-skew":
                    self.set_clock(session, error.problem)
                    unknown = True
                    continue
                elif error.proven and is_final(error.problem):
                    raise
                elif slug in ("session-invalid", "session-expired"):
                    if unknown:
                        break
                    session = None
                    continue
                else:
                    unknown = True
            if attempt + 1 < tries:
                self._wait(min(pause, longest))
        raise Unsettled(f"the outcome is not known: {problem}") from problem

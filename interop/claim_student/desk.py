"""What Blackboard says about assignments and claims (PROTOCOL.md, section 9), and asking for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from . import certs, cms
from .errors import Malformed, Refused, Unsettled, Untrusted
from .http import Answer
from .identity import Identity
from .manifest import Manifest, digest, number, piece_count, word
from .receipt import wire_time
from .session import Blackboard, Session, is_final
from .wire import b64u, is_sid, load_object, may_be_repeated, parse_time, text, unb64

_STATES = {"waiting", "received", "superseded", "lapsed", "withdrawn"}
_CLOCKS = timedelta(seconds=120)


def _time_or_none(value: object) -> str | None:
    if value is not None:
        parse_time(value)
    return value if isinstance(value, str) else None


def _sids(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(s, str) and is_sid(s) for s in value):
        raise Malformed("'sids' is no list of SIDs")
    return value


@dataclass(frozen=True)
class Assignment:
    """What a person may hand in to."""

    course: str
    assignment: str
    title: str
    due: str | None
    sids: list[str]
    last_claim: str | None
    claims: list[dict[str, object]]
    server_time: str

    @property
    def name(self) -> str:
        """COURSE/ASSIGNMENT."""
        return f"{self.course}/{self.assignment}"

    @classmethod
    def parse(cls, members: object, server_time: str) -> Assignment:
        """One of the list."""
        if not isinstance(members, dict) or not isinstance(members.get("claims"), list):
            raise Malformed("not an assignment")
        last = members.get("last_claim")
        return cls(
            word(members.get("course")), word(members.get("assignment")), text(members, "title"),
            _time_or_none(members.get("due")), _sids(members.get("sids")),
            None if last is None else digest(last), members["claims"], server_time,
        )  # fmt: skip


@dataclass(frozen=True)
class Document:
    """What Blackboard says of a claim. Nothing of it is proven but by its token and its receipt."""

    claim: str
    state: str
    lodged_at: str
    due: str | None
    late_ms: int
    timestamp: bytes
    received_at: str | None
    missing: tuple[tuple[int, int, int], ...]
    counts: bool
    server_time: str
    cms: bytes | None

    @classmethod
    def parse(cls, content: bytes) -> Document:
        """Read it."""
        members = load_object(content)
        for name in ("lodged_at", "upload_until", "server_time"):
            parse_time(members.get(name))
        state, counts, missing = text(members, "state"), members.get("counts"), members.get("missing")
        if state not in _STATES or not isinstance(counts, bool) or not isinstance(missing, list):
            raise Malformed("not the document of a claim")
        signed = members.get("cms")
        return cls(
            digest(members.get("claim")), state, text(members, "lodged_at"),
            _time_or_none(members.get("due")), number(members.get("late_ms")),
            unb64(members.get("timestamp")), _time_or_none(members.get("received_at")),
            tuple(_range(one) for one in missing), counts, text(members, "server_time"),
            None if signed is None else unb64(signed),
        )  # fmt: skip

    def check_missing(self, manifest: Manifest) -> None:
        """Only pieces that the claim has can be missing, and none of a claim that is received."""
        for file, first, last in self.missing:
            if file >= len(manifest.files) or not (
                first <= last < piece_count(manifest.files[file].size)
            ):
                raise Untrusted("Blackboard misses a piece that the claim does not have")
        if self.state == "received" and self.missing:
            raise Untrusted("Blackboard has received a claim and misses pieces of it")


def _range(value: object) -> tuple[int, int, int]:
    if not isinstance(value, list) or len(value) != 3:
        raise Malformed("'missing' is no list of [file, first, last]")
    return number(value[0]), number(value[1]), number(value[2])


def check_lodged(
    document: Document, manifest: Manifest, signed: bytes, root: x509.Certificate
) -> cms.Token:
    """The token shows that this Blackboard had this claim when it says so (§9 and §11, point 3).

    Beyond what the text demands: the token's time is the one that is told, it is not far from the
    clock of Blackboard's own answer, and the certificate was valid then.
    """
    if document.claim != manifest.id:
        raise Untrusted("Blackboard answers for another claim")
    if document.due != manifest.due:
        raise Untrusted("Blackboard tells another due time than the claim has")
    token = cms.token(document.timestamp)
    if cms.check_token(token, signed, root) != manifest.blackboard:
        raise Untrusted("the timestamp is that of another Blackboard")
    certs.check_valid(token.certificate, token.time)
    start, end = certs.usage_period(token.certificate)
    if not start <= token.time.replace(microsecond=0) <= end:
        raise Untrusted("the timestamp was made outside of its key's usage period")
    if wire_time(token.time) != document.lodged_at:
        raise Untrusted("the timestamp tells another time than Blackboard")
    if token.time > parse_time(document.server_time) + _CLOCKS:
        raise Untrusted("the timestamp lies ahead of Blackboard's own clock")
    late = timedelta(0)
    if manifest.due is not None:
        late = max(late, token.time - parse_time(manifest.due))
    if late != timedelta(milliseconds=document.late_ms):
        raise Untrusted("Blackboard counts another lateness than the timestamp shows")
    return token


def check_fresh(document: Document, asked: datetime) -> None:
    """A claim that was lodged just now was not lodged long before it was asked about."""
    if parse_time(document.lodged_at) < asked - _CLOCKS:
        raise Untrusted("the timestamp is older than the claim")


class Desk:
    """A student at a Blackboard. Every request here may be repeated, in any session."""

    def __init__(self, blackboard: Blackboard, identity: Identity, *, tries: int = 6) -> None:
        self.blackboard, self.identity, self._tries = blackboard, identity, tries
        self._session: Session | None = None

    def ask(
        self,
        method: str,
        target: str,
        *,
        content: bytes | None = None,
        content_type: str | None = None,
        limit: int = 16 << 20,
    ) -> Answer:
        """The proven answer, success or final refusal (raised); repeated until there is one."""
        nonce = b64u(secrets.token_bytes(16))
        problem: Exception = Unsettled("not tried")
        for attempt in range(self._tries):
            pause = 0.2 * 2**attempt
            try:
                self._session = self._session or self.blackboard.open_session(self.identity)
                answer = self.blackboard.send(
                    self._session, method, target, nonce=nonce, content=content,
                    content_type=content_type, limit=limit,
                )  # fmt: skip
                if answer.status < 400:
                    return answer
                raise self.blackboard.refused(answer, proven=True)
            except Unsettled as error:
                problem = error
            except Refused as error:
                problem, pause = error, float(error.retry_after or pause)
                if self._refused(error):
                    continue
            if attempt + 1 < self._tries:
                self.blackboard.wait(min(pause, 10.0))
        raise Unsettled(f"the outcome is not known: {problem}") from problem

    def _refused(self, error: Refused) -> bool:
        """Raises what is final; tells whether to repeat at once."""
        if self._session is None:
            if not may_be_repeated(error.problem.status):
                raise error
        elif error.proven and error.problem.slug == "clock-skew":
            self.blackboard.set_clock(self._session, error.problem)
            return True
        elif error.proven and is_final(error.problem):
            raise error
        elif not error.proven and error.problem.slug in ("session-invalid", "session-expired"):
            self._session = None
            return True
        return False

    @staticmethod
    def json(answer: Answer, *statuses: int) -> bytes:
        """The content of an answer in JSON with one of these statuses."""
        if answer.status not in statuses:
            raise Malformed(f"an answer {answer.status} that nobody expects")
        if (answer.one("content-type") or "").split(";")[0].strip().lower() != "application/json":
            raise Malformed("an answer that is not application/json")
        return answer.content

    def assignments(self) -> list[Assignment]:
        """What this person may hand in to."""
        content = self.json(self.ask("GET", "/v1/assignments"), 200)
        members = load_object(content)
        now, listed = text(members, "server_time"), members.get("assignments")
        parse_time(now)
        if not isinstance(listed, list):
            raise Malformed("no list of assignments")
        return [Assignment.parse(one, now) for one in listed]

    def lodge(self, signed: bytes) -> tuple[Document, bool]:
        """Lodge a claim; whether it is new."""
        answer = self.ask("POST", "/v1/claims", content=signed, content_type="application/cms")
        document = Document.parse(self.json(answer, 200, 201))
        if (answer.status == 200) != (document.cms is not None):
            raise Malformed("the signed claim belongs to an answer 200, and to no other")
        return document, answer.status == 201

    def document(self, claim: str) -> Document:
        """What Blackboard says of a claim."""
        answer = self.ask("GET", f"/v1/claims/{claim}")
        found = Document.parse(self.json(answer, 200))
        if found.claim != claim:
            raise Untrusted("Blackboard answers for another claim")
        return found

    def put(self, claim: str, file: int, index: int, piece: bytes) -> None:
        """One piece."""
        answer = self.ask(
            "PUT", f"/v1/claims/{claim}/files/{file}/{index}", content=piece,
            content_type="application/octet-stream",
        )  # fmt: skip
        if answer.status != 204:
            raise Malformed(f"an answer {answer.status} that nobody expects")

    def get(self, claim: str, file: int, index: int) -> bytes:
        """One piece back; whether it is the right one, the caller checks."""
        answer = self.ask("GET", f"/v1/claims/{claim}/files/{file}/{index}")
        if answer.status != 200:
            raise Malformed(f"an answer {answer.status} that nobody expects")
        return answer.content

    def receipt(self, claim: str, wait: int = 0) -> bytes:
        """The receipt as far as it goes, unchecked."""
        answer = self.ask("GET", f"/v1/claims/{claim}/receipt" + (f"?wait={wait}" if wait else ""))
        if answer.status != 200 or answer.one("content-type") != "application/zip":
            raise Malformed("an answer that is no receipt")
        return answer.content

    def withdraw(self, claim: str) -> Document:
        """Take a claim back."""
        content = f"claim v1 withdrawal\n{claim}\n".encode("ascii")
        signed = cms.sign(
            certs.WITHDRAWAL_TYPE, content, [self.identity], self.blackboard.now()
        )
        answer = self.ask(
            "POST", f"/v1/claims/{claim}/withdrawal", content=signed, content_type="application/cms"
        )
        found = Document.parse(self.json(answer, 200))
        if found.claim != claim or found.state != "withdrawn":
            raise Untrusted("Blackboard does not say that this claim is withdrawn")
        return found


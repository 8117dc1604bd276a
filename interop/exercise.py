"""What schemathesis needs to reach behind a session: a signer, and real things to ask for.

It generates requests from the OpenAPI document. Of these, a part is led to what is really there (a
course, a claim, a piece, a challenge), and all of them are signed by the student's own signer when
nothing about them changes any more.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests
from httpx import Headers
from requests.auth import AuthBase

from claim_student import certs, cms
from claim_student.courses import Staff
from claim_student.desk import Desk
from claim_student.errors import Untrusted
from claim_student.handin import Lodged
from claim_student.http import Answer
from claim_student.session import Session, request_sentence
from claim_student.signing import sign_request, verify_answer
from claim_student.wire import b64, b64u
from scene import fresh_nonce

# Steps 3 and 5 are not signed, and these refusals of step 6 are not either (section 5).
UNSIGNED_TARGETS = ("/v1/challenges", "/v1/sessions")
UNSIGNED_REFUSALS = {
    "session-invalid", "session-expired", "signature-malformed", "signature-wrong",
}  # fmt: skip
# So much of what is generated is led to what is there.
LED = 0.75


class Signer(AuthBase):
    """Signs what goes out, each time in somebody's session, and checks the signature that comes back."""

    def __init__(self, origin: str, sessions: list[Session], dice: random.Random) -> None:
        self.origin, self.dice = origin, dice
        self.sessions = sessions
        self.wanted: Session | None = None
        self._sent: dict[str, Session] = {}

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        target, wanted, self.wanted = request.path_url, self.wanted, None
        if not target.startswith("/v1/") or target.startswith(UNSIGNED_TARGETS):
            return request
        session = wanted or self.dice.choice(self.sessions)
        content = request.body.encode() if isinstance(request.body, str) else request.body
        kind = request.headers.get("Content-Type", "application/octet-stream")
        signed = sign_request(
            session.keys.message, method=request.method or "", target_uri=self.origin + target,
            session=session.token, created=int(datetime.now(UTC).timestamp()), nonce=fresh_nonce(),
            content=content or None, content_type=kind if isinstance(kind, str) else kind.decode("latin-1"),
        )  # fmt: skip
        # A digest that was generated is none.
        request.headers.pop("Content-Digest", None)
        request.headers.update(signed.fields)
        self._sent[signed.signature] = session
        return request

    def check(self, response: Any) -> str | None:
        """What is wrong with the answer's signature, if anything."""
        mine = response.request.headers.get("Signature", "").removeprefix("claim=")
        session = self._sent.pop(mine, None)
        if session is None:
            return None
        fields = Headers([(name, value) for name, values in response.headers.items() for value in values])
        try:
            verify_answer(session.keys.answer, Answer(response.status_code, fields, response.content), mine)
        except Untrusted as error:
            if response.status_code >= 400:
                slug = str(json.loads(response.content)["type"]).rsplit("/", 1)[1]
                if slug in UNSIGNED_REFUSALS:
                    return None
            return f"{response.status_code}: {error}"
        return None


class Leads:
    """Leads generated requests to what is there. `desk` is the student's, `staff` the owner's."""

    def __init__(
        self, signer: Signer, desk: Desk, staff: Staff, claim: Callable[[], bytes], lodge: Callable[[], Lodged],
        names: dict[str, Any],
    ) -> None:  # fmt: skip
        self.signer, self.desk, self.staff, self.names = signer, desk, staff, names
        self.claim, self.lodge = claim, lodge
        self.dice = signer.dice

    def lead(self, case: Any) -> None:
        """Change it, or leave it as it was generated."""
        if self.dice.random() > LED:
            return
        operation: str = case.operation.definition.raw["operationId"]
        for name in case.path_parameters or {}:
            if name in self.names:
                case.path_parameters[name] = self.names[name]
        if "/log/" in case.path and "width" in (case.path_parameters or {}):
            case.path_parameters["width"] = self._width()
        staff = case.path.startswith("/v1/courses")
        self.signer.wanted = self.signer.sessions[-1] if staff else self.signer.sessions[0]
        led = getattr(self, f"_{operation}", None)
        if led is not None:
            led(case)

    def _width(self) -> int:
        """How many entries the log's last tile has."""
        answer = self.desk.blackboard.connection.request("GET", "/log/checkpoint")
        return int(answer.content.splitlines()[1]) % 256

    def _requestChallenge(self, case: Any) -> None:
        identity = self.desk.identity
        chain = [b64(certs.der(one)) for one in identity.chain]
        case.body = {
            "request": request_sentence(identity.sid), "certificate": chain, "nonce": b64u(self.dice.randbytes(32)),
        }  # fmt: skip

    def _openSession(self, case: Any) -> None:
        challenge = self.desk.blackboard.challenge(self.desk.identity)
        confirmation = b64u(challenge.keys.student_confirmation())
        case.body = {"challenge": challenge.token, "confirmation": confirmation}

    def _lodgeClaim(self, case: Any) -> None:
        case.body = self.claim()

    def _sendPiece(self, case: Any) -> None:
        lodged = self.lodge()
        case.path_parameters |= {"id": lodged.id, "file": 0, "index": 0}
        case.body = b"The report.\n"

    def _withdrawClaim(self, case: Any) -> None:
        claim = self.lodge().id
        content = f"claim v1 withdrawal\n{claim}\n".encode("ascii")
        case.path_parameters["id"] = claim
        case.body = cms.sign(certs.WITHDRAWAL_TYPE, content, [self.desk.identity], datetime.now(UTC))

    def _changeCourse(self, case: Any) -> None:
        """Either of the generated changes, from the revision that there is, or one that can be made."""
        revision = self.staff.course(self.names["course"]).course.revision
        changes = case.body.get("changes", []) if isinstance(case.body, dict) else []
        if self.dice.random() < 0.5:
            title = f"Network security, {revision}"
            changes = [{"change": "course", "title": title, "zone": "Asia/Hong_Kong", "open": False}]
        case.body = {"revision": revision, "changes": changes}

    def _watchCourse(self, case: Any) -> None:
        # From the beginning, so that there is something and nobody waits.
        case.query = {"after": 0}

    def _readReceipt(self, case: Any) -> None:
        # Nobody waits here: the answer that is awaited is another test's.
        case.query = {}


class Tally:
    """What was answered to each operation."""

    def __init__(self) -> None:
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self.wrong: list[str] = []

    def count(self, operation: str, status: int) -> None:
        """One more."""
        self.statuses[operation][status] += 1

    def never_done(self) -> set[str]:
        """The operations that never did as they were asked."""
        return {name for name, seen in self.statuses.items() if not any(200 <= s < 300 for s in seen)}

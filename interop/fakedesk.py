"""Section 9 by a Blackboard that keeps to PROTOCOL.md except where a test tells it not to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from claim_student import certs, cms
from claim_student.receipt import wire_time
from claim_student.wire import b64, parse_time, sha256
from fake import FakeBlackboard, Json, Plan, Reply, Request, same
from forge import Forgery, Lab, Stamping, now
from tempt import AUTHORITY, SID, identity

_PIECE = re.compile("/v1/claims/([0-9a-f]{64})/files/([0-9]+)/([0-9]+)")
STUDENT = identity()


class FakeDesk:
    """Section 9, as it should be. Each hook changes what is sent."""

    def __init__(self, fake: FakeBlackboard, student: Any) -> None:
        self.fake, self.student = fake, student
        self.lab = Lab(fake.origin, AUTHORITY)
        fake.message = self.answer
        self.listed: Callable[[Json], Json] = same
        self.document: Callable[[Json], Json] = same
        self.later: Callable[[Json], Json] = same
        """Changes the document in all answers but the first."""
        self.status = 201
        self.stored: Callable[[bytes], bytes] | None = None
        self.over: Callable[[bytes], bytes] = same
        """What the token is made over, instead of the claim."""
        self.stamping = Stamping()
        self.shift = timedelta(0)
        """Added to the time of the token, and of what is told of it."""
        self.forgery: Callable[[Forgery], Forgery] = same
        self.receipt: Callable[[bytes], bytes] = same
        self.receipt_type = "application/zip"
        self.piece: Callable[[bytes], bytes] = same
        self.put, self.got = Reply(204, {}, b""), 200
        self.withdrawn: Callable[[Json], Json] = same
        self.signed, self.pieces = b"", {}
        self.time: datetime = now()
        self.documents = 0

    def answer(self, request: Request) -> Reply:
        """All addresses of section 9."""
        target = request.target.split("?")[0]
        if target == "/v1/assignments":
            return self._json(self._assignments())
        if target == "/v1/claims":
            return self._json(self._lodge(request.content), self.status)
        if found := _PIECE.fullmatch(target):
            return self._file(request, int(found[2]), int(found[3]))
        if target.endswith("/receipt"):
            fields = {"Content-Type": self.receipt_type}
            return Reply(200, fields, self.receipt(self._receipt()))
        if target.endswith("/withdrawal"):
            members = self._document() | {"state": "withdrawn", "counts": False}
            return self._json(self.withdrawn(members))
        return self._json(self._document())

    @staticmethod
    def _json(members: Json, status: int = 200) -> Reply:
        return Reply(status, {"Content-Type": "application/json"}, json.dumps(members).encode())

    def _assignments(self) -> Json:
        return self.listed({"server_time": wire_time(now()), "assignments": [{
            "course": "IEMS5710", "assignment": "lab1", "title": "Lab 1",
            "due": wire_time(self.time + timedelta(hours=1)), "until": None, "zone": "UTC",
            "upload_seconds": 86400, "limits": {"files": 1, "bytes": 1, "attempts": 1},
            "sids": [SID], "last_claim": None, "claims": [], "more": {"is": "ignored"},
        }]})  # fmt: skip

    def _lodge(self, content: bytes) -> Json:
        self.asked = sha256(cms.parse(content, certs.CLAIM_TYPE).content).hex()
        self.signed = content if self.stored is None else self.stored(content)
        self.time = now() + self.shift
        self.content = cms.parse(self.signed, certs.CLAIM_TYPE).content
        self.token = self.stamping.make(self.over(self.signed), self.time, self.lab.clock)
        members = self._document()
        return members if self.stored is None else members | {"cms": b64(self.signed)}

    def _document(self) -> Json:
        manifest = json.loads(self.content)
        missing = [
            [number, 0, 0] for number, file in enumerate(manifest["files"])
            if file["size"] and (number, 0) not in self.pieces
        ]  # fmt: skip
        members = self.document({
            "claim": sha256(self.content).hex(), "state": "waiting" if missing else "received",
            "lodged_at": wire_time(self.time), "due": manifest["due"], "late_ms": 0,
            "timestamp": b64(self.token), "upload_until": wire_time(self.time + timedelta(days=1)),
            "received_at": None if missing else wire_time(now()), "missing": missing,
            "counts": not missing, "server_time": wire_time(now()),
        })  # fmt: skip
        self.documents += 1
        return members if self.documents == 1 else self.later(members)

    def _file(self, request: Request, file: int, index: int) -> Reply:
        if request.method == "PUT":
            self.pieces[file, index] = request.content
            return self.put
        content = self.piece(self.pieces[file, index])
        return Reply(self.got, {"Content-Type": "application/octet-stream"}, content)

    def _receipt(self) -> bytes:
        whole = bool(self.pieces)

        def parts(members: dict[str, bytes]) -> dict[str, bytes]:
            return {n: c for n, c in members.items() if whole or n != "received.proof"}

        return self.forgery(Forgery(
            self.lab, self.time, signers=[self.student], content=lambda _: self.content,
            claim=lambda _: self.signed, token=lambda _: self.token, parts=parts,
        )).make()  # fmt: skip


Lie = Callable[[FakeDesk], None]


def lie(**hooks: Any) -> Lie:
    """Sets hooks."""

    def apply(desk: FakeDesk) -> None:
        for name, value in hooks.items():
            setattr(desk, name, value)

    return apply


def told(**members: Any) -> Callable[[Json], Json]:
    """Other members of a document."""
    return lambda document: document | members


def other_plan(**plans: Callable[[Plan], Plan]) -> Lie:
    """Services with other certificates."""
    return lambda desk: setattr(desk, "lab", Lab(desk.fake.origin, AUTHORITY, **plans))


def a_moment_later(document: Json) -> Json:
    time = parse_time(document["lodged_at"]) + timedelta(milliseconds=1)
    return document | {"lodged_at": wire_time(time)}


def under_this_id(desk: FakeDesk) -> None:
    desk.stored, desk.status = another, 200
    desk.document = lambda own: own | {"claim": desk.asked}


def of_lab(make: Callable[[FakeDesk], Lab]) -> Lie:
    """Other services."""
    return lambda desk: setattr(desk, "lab", make(desk))


def moved(minutes: int, **members: Any) -> Lie:
    return lie(shift=timedelta(minutes=minutes), document=told(**members))


def foreign(content: bytes) -> bytes:
    """The claim, with the same content, signed by somebody else."""
    stranger = Lab(authority=AUTHORITY).person("1155999999")
    return cms.sign(certs.CLAIM_TYPE, cms.parse(content, certs.CLAIM_TYPE).content, [stranger], now())


def another(content: bytes) -> bytes:
    """Another claim by the same student: its note is another."""
    own = cms.parse(content, certs.CLAIM_TYPE).content
    return cms.sign(certs.CLAIM_TYPE, own.replace(b'"note": null', b'"note": "x"'), [STUDENT], now())


def other_plan_by(service: str) -> Lie:
    """The issuing authority certifies that service."""
    return of_lab(lambda desk: Lab(desk.fake.origin, AUTHORITY, by_issuing=service))

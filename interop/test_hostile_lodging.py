"""What PROTOCOL.md asks of a client that hands in, against Blackboards that lie in one thing each.

The session is genuine and every answer is signed: so it is Blackboard itself that lies.
"""

from __future__ import annotations

import json
import re
import tempfile
import unittest
from collections.abc import Callable
from dataclasses import replace as changed
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from claim_student import certs, cms, der
from claim_student.desk import Desk
from claim_student.errors import ClaimError, Malformed, Refused, Unsettled, Untrusted
from claim_student.handin import fetch, hand_in
from claim_student.receipt import wire_time
from claim_student.session import Blackboard
from claim_student.wire import b64, sha256
from fake import FakeBlackboard, Json, Plan, Reply, Request, problem, same
from forge import Forgery, Lab, Stamping, now
from tempt import AUTHORITY, FOREIGN, SID, identity

_PIECE = re.compile("/v1/claims/([0-9a-f]{64})/files/([0-9]+)/([0-9]+)")


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
        self.piece: Callable[[bytes], bytes] = same
        self.put = Reply(204, {}, b"")
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
            return Reply(200, {"Content-Type": "application/zip"}, self.receipt(self._receipt()))
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
        return Reply(200, {"Content-Type": "application/octet-stream"}, content)

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


def of_lab(make: Callable[[FakeDesk], Lab]) -> Lie:
    """Other services."""
    return lambda desk: setattr(desk, "lab", make(desk))


def _moved(minutes: int, **members: Any) -> Lie:
    return lie(shift=timedelta(minutes=minutes), document=told(**members))


def _foreign(content: bytes) -> bytes:
    """The claim, with the same content, signed by somebody else."""
    stranger = Lab(authority=AUTHORITY).person("1155999999")
    return cms.sign(certs.CLAIM_TYPE, cms.parse(content, certs.CLAIM_TYPE).content, [stranger], now())


def _another(content: bytes) -> bytes:
    """Another claim by the same student: its note is another."""
    own = cms.parse(content, certs.CLAIM_TYPE).content
    return cms.sign(certs.CLAIM_TYPE, own.replace(b'"note": null', b'"note": "x"'), [_STUDENT], now())


_STUDENT = identity()


class HandingIn(unittest.TestCase):
    """From the list of assignments to the receipt."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "report.pdf").write_bytes(b"The report.\n")
        (self.folder / "empty").write_bytes(b"")
        self.target = self.folder / "lab1.receipt"
        self.proof = self.folder / "lab1.lodged"

    def hand_in(self, change: Lie) -> tuple[FakeDesk, list[str], Exception | None]:
        """What the student was told, and what stopped it."""
        fake = FakeBlackboard(AUTHORITY)
        desk, lines = FakeDesk(fake, _STUDENT), []
        change(desk)
        for file in (self.target, self.proof):
            file.unlink(missing_ok=True)
        with fake.serve(fake.chain, fake.key):
            with Blackboard(fake.origin, AUTHORITY.root, wait=lambda _: None) as blackboard:
                student = Desk(blackboard, _STUDENT, tries=2)
                paths = [self.folder / "report.pdf", self.folder / "empty"]
                try:
                    hand_in(student, "IEMS5710/lab1", paths, self.target, tell=lines.append)
                except ClaimError as error:
                    return desk, lines, error
        return desk, lines, None

    def test_an_honest_blackboard(self) -> None:
        desk, lines, error = self.hand_in(lambda _: None)
        self.assertIsNone(error)
        self.assertEqual([line.split()[0] for line in lines], ["lodged", "received;"])
        self.assertEqual(list(desk.pieces.values()), [b"The report.\n"])
        self.assertTrue(self.target.exists() and not self.proof.exists())

    def test_a_claim_that_was_there_already(self) -> None:
        """A lost answer: 200 with the claim that is stored, which may have other signatures."""

        def again(content: bytes) -> bytes:
            return cms.sign(
                certs.CLAIM_TYPE, cms.parse(content, certs.CLAIM_TYPE).content, [_STUDENT],
                now() - timedelta(seconds=5),
            )  # fmt: skip

        _, lines, error = self.hand_in(lie(stored=again, status=200))
        self.assertIsNone(error)
        self.assertEqual(len(lines), 2)

    def test_it_never_says_lodged(self) -> None:
        zero = der.integer(0)
        lies: dict[str, Lie] = {
            "another claim's id": lie(document=told(claim="0" * 64)),
            "no id": lie(document=told(claim=None)),
            "a token over another claim": lie(over=lambda data: data + b"\0"),
            "another policy": lie(stamping=Stamping(policy="1.2.3")),
            "not granted": lie(stamping=Stamping(status=der.integer(2))),
            "text beside the status": lie(
                stamping=Stamping(status=zero + der.sequence(der.write(0x0C, b"x")))
            ),
            "a token that is not one": lie(document=told(timestamp=b64(b"\x30\x00"))),
            "no token": lie(document=told(timestamp="")),
            "another time": lie(document=told(lodged_at="2026-11-24T15:59:59.999Z")),
            "no time": lie(document=told(lodged_at="now")),
            "a token from the future": _moved(10),
            "a token from the past": _moved(-10),
            "late, though it is not": lie(document=told(late_ms=1)),
            "late below zero": lie(document=told(late_ms=-1)),
            "another due time": lie(document=told(due="2026-11-24T15:59:59.999Z")),
            "no due time": lie(document=told(due=None)),
            "a state that does not exist": lie(document=told(state="lost")),
            "a piece that the claim does not have": lie(document=told(missing=[[0, 0, 1]])),
            "a piece of an empty file": lie(document=told(missing=[[1, 0, 0]])),
            "a file that the claim does not have": lie(document=told(missing=[[2, 0, 0]])),
            "a range that ends before it begins": lie(document=told(missing=[[0, 1, 0]])),
            "received, but not all": lie(document=told(state="received")),
            "new, with another claim": lie(stored=same),
            "not new, without its claim": lie(status=200),
            "another status": lie(status=202),
            "stored: signed by a stranger": lie(stored=_foreign, status=200),
            "stored: another claim": lie(stored=_another, status=200),
            "stored: no claim": lie(document=told(cms="AAAA"), status=200),
            "an issuing authority's timestamp": other_plan_by("clock"),
            "another root's timestamp": of_lab(lambda desk: Lab(desk.fake.origin, FOREIGN)),
            "another Blackboard's timestamp": of_lab(
                lambda desk: Lab("https://localhost:1", AUTHORITY)
            ),
            "a certificate with another profile": other_plan(
                clock=lambda plan: changed(plan, policies=[certs.LOG_POLICY])
            ),
            "a certificate for more": other_plan(
                clock=lambda plan: changed(plan, purposes=[*plan.purposes, certs.LOG_USAGE])
            ),
            "a key out of use": other_plan(
                clock=lambda plan: changed(plan, period=(timedelta(0), timedelta(minutes=4)))
            ),
            "a key without end": other_plan(clock=lambda plan: changed(plan, period=None)),
            "a certificate that has ended": other_plan(
                clock=lambda plan: changed(
                    plan, start=timedelta(days=-9), life=timedelta(days=8),
                    period=(timedelta(0), timedelta(days=8)),
                )  # fmt: skip
            ),
        }
        for name, change in lies.items():
            with self.subTest(name):
                desk, lines, error = self.hand_in(change)
                self.assertIsInstance(error, (Untrusted, Malformed))
                self.assertEqual(lines, [])
                self.assertFalse(self.target.exists() or self.proof.exists())
                self.assertEqual(desk.pieces, {}, "no file is sent")

    def test_lists_of_assignments(self) -> None:
        def one(**members: Any) -> Callable[[Json], Json]:
            return lambda own: own | {"assignments": [own["assignments"][0] | members]}

        for name, change in {
            "another assignment": one(assignment="lab2"),
            "no name": one(course="../x"),
            "a due time in another form": one(due="tomorrow"),
            "ids that are none": one(sids=["prof.x"]),
            "a last claim that is none": one(last_claim="x"),
            "no time": lambda own: own | {"server_time": None},
            "no list": lambda own: own | {"assignments": {}},
        }.items():
            with self.subTest(name):
                desk, lines, error = self.hand_in(lie(listed=change))
                self.assertIsInstance(error, Malformed)
                self.assertEqual((lines, desk.signed), ([], b""), "nothing is signed")

    def test_a_holder_without_the_student(self) -> None:
        """Its own check stops it: a claim that the signer is not of."""
        desk, lines, error = self.hand_in(
            lie(listed=lambda own: own | {
                "assignments": [own["assignments"][0] | {"sids": ["1155999999"]}]
            })  # fmt: skip
        )
        self.assertIsInstance(error, ClaimError)
        self.assertEqual((lines, desk.signed), ([], b""))

    def test_it_never_says_received(self) -> None:
        def forged(**changes: Any) -> Lie:
            return lie(forgery=lambda own: changed(own, **changes))

        def earlier(desk: FakeDesk) -> None:
            """The receipt of another claim, which holds for itself."""
            desk.forgery = lambda own: changed(
                own, claim=lambda _: self._other, content=lambda _: self._other_content,
                token=lambda _: desk.stamping.make(self._other, desk.time, desk.lab.clock),
            )  # fmt: skip

        def other_token(desk: FakeDesk) -> None:
            """A receipt with another token over the same claim, a second later."""
            later = lambda own: own.time + timedelta(seconds=1)  # noqa: E731
            desk.forgery = lambda own: changed(
                own, time=later(own),
                token=lambda _: desk.stamping.make(desk.signed, later(own), desk.lab.clock),
            )  # fmt: skip

        lies: dict[str, Lie] = {
            "no receipt": lie(receipt=lambda _: b""),
            "a receipt with something after it": lie(receipt=lambda data: data + b"x"),
            "the receipt of another claim": earlier,
            "another time": other_token,
            "another log": forged(log_name=lambda _: "localhost:1/log"),
            "a proof of something else": forged(lodged_entry=lambda entry: entry + b"x"),
            "a proof that leads elsewhere": forged(path=lambda path: path[:-1]),
            "no witness": forged(witnesses=[]),
            "two histories": forged(other_faces=True, at_once=True),
            "received before it was lodged": forged(reverse=True),
            "a revoked signer": forged(revoked=lambda lab, time: [
                lab.revoked(time, since={_STUDENT.chain[0].serial_number: time - timedelta(days=1)})
            ]),
            "a list by another key": forged(
                revoked=lambda lab, time: [lab.revoked(time, key=lab.authority.root_key)]
            ),
            "a log certified by the issuing authority": other_plan_by("log"),
            "a witness certified by the issuing authority": other_plan_by("witness"),
            "the piece was not kept": lie(put=Reply(200, {}, b"")),
            "a piece that never is enough": lie(later=told(state="waiting", missing=[[0, 0, 0]])),
            "lapsed": lie(later=told(state="lapsed")),
            "superseded": lie(later=told(state="superseded")),
            "suddenly other pieces": lie(later=told(state="waiting", missing=[[7, 0, 0]])),
            "suddenly another claim": lie(later=told(claim="0" * 64)),
        }  # fmt: skip
        for name, change in lies.items():
            with self.subTest(name):
                _, lines, error = self.hand_in(self._with_own_origin(change))
                self.assertIsInstance(error, (Untrusted, Malformed, Unsettled))
                self.assertNotIn("received", "".join(lines))
                self.assertFalse(self.target.exists())

    def _with_own_origin(self, change: Lie) -> Lie:
        def apply(desk: FakeDesk) -> None:
            manifest = Forgery(desk.lab, now()).manifest()
            self._other_content = json.dumps(manifest).encode()
            self._other = cms.sign(certs.CLAIM_TYPE, self._other_content, [_STUDENT], now())
            change(desk)

        return apply

    def test_it_waits_for_the_whole_receipt(self) -> None:
        """Without received.proof it has a proof of lodging, and says no more."""

        def never(own: Forgery) -> Forgery:
            return changed(own, parts=lambda p: {n: c for n, c in p.items() if n != "received.proof"})

        _, lines, error = self.hand_in(lie(forgery=never))
        self.assertIsNone(error)
        self.assertEqual([line.split()[0] for line in lines], ["lodged"])
        self.assertTrue(self.proof.exists() and not self.target.exists())

    def test_refusals_that_are_not_proven(self) -> None:
        """Somebody on the way says no, or yes: nothing is lodged, and nothing is refused."""
        for name, reply in {
            "refused": lambda fake: problem(fake.origin, "assignment-closed", 403),
            "done": lambda fake: Reply(201, {"Content-Type": "application/json"}, b"{}"),
        }.items():
            with self.subTest(name):

                def change(desk: FakeDesk, reply: Any = reply) -> None:
                    plain = desk.fake.signed

                    def signed(own: Reply) -> Reply:
                        return reply(desk.fake) if desk.signed else plain(own)

                    desk.fake.signed = signed

                _, lines, error = self.hand_in(change)
                self.assertIsInstance(error, Unsettled)
                self.assertEqual(lines, [])

    def test_refusals_that_are_proven(self) -> None:
        def change(desk: FakeDesk) -> None:
            plain = desk.answer

            def answer(request: Request) -> Reply:
                if request.target == "/v1/claims":
                    return problem(desk.fake.origin, "replaces-changed", 409, last_claim="0" * 64)
                return plain(request)

            desk.fake.message = answer

        desk, lines, error = self.hand_in(change)
        assert isinstance(error, Refused)
        self.assertEqual((error.problem.slug, error.proven, lines), ("replaces-changed", True, []))
        sent = [r for r in desk.fake.requests if r.target == "/v1/claims"]
        self.assertEqual(len(sent), 1, "it is final")

    def test_fetching_and_withdrawing(self) -> None:
        fake = FakeBlackboard(AUTHORITY)
        desk = FakeDesk(fake, _STUDENT)
        with fake.serve(fake.chain, fake.key):
            with Blackboard(fake.origin, AUTHORITY.root, wait=lambda _: None) as blackboard:
                student = Desk(blackboard, _STUDENT, tries=2)
                hand_in(student, "IEMS5710/lab1", [self.folder / "report.pdf"], self.target)
                claim = sha256(desk.content).hex()
                self.assertEqual(fetch(student, claim, self.folder / "back"), ["report.pdf"])
                with self.assertRaises(Untrusted):
                    fetch(student, "0" * 64, self.folder / "other")
                desk.piece = lambda content: content[:-1]
                with self.assertRaises(Untrusted):
                    fetch(student, claim, self.folder / "changed")
                self.assertFalse((self.folder / "changed/report.pdf").exists())
                self.assertEqual(student.withdraw(claim).state, "withdrawn")
                for other in ({"claim": "0" * 64}, {"state": "received"}):
                    desk.withdrawn = told(**other)
                    with self.assertRaises(Untrusted):
                        student.withdraw(claim)


def other_plan_by(service: str) -> Lie:
    """The issuing authority certifies that service."""
    return of_lab(lambda desk: Lab(desk.fake.origin, AUTHORITY, by_issuing=service))


if __name__ == "__main__":
    unittest.main()

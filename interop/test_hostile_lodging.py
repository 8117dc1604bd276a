"""What PROTOCOL.md asks of a client that hands in, against Blackboards that lie in one thing each.

The session is genuine and every answer is signed: so it is Blackboard itself that lies.
"""

from __future__ import annotations

import json
import tempfile
import unittest
from collections.abc import Callable
from dataclasses import replace as changed
from datetime import timedelta
from pathlib import Path
from typing import Any

from claim_student import certs, cms, der
from claim_student.desk import Desk
from claim_student.errors import ClaimError, Malformed, Refused, Unsettled, Untrusted
from claim_student.handin import collect, fetch, hand_in
from claim_student.session import Blackboard
from claim_student.wire import b64, sha256
from fake import FakeBlackboard, Json, Reply, Request, problem, same
from fakedesk import (
    STUDENT,
    FakeDesk,
    Lie,
    a_moment_later,
    another,
    foreign,
    lie,
    moved,
    of_lab,
    other_plan,
    other_plan_by,
    told,
    under_this_id,
)
from forge import Forgery, Lab, Stamping, now
from tempt import AUTHORITY, FOREIGN, SID


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
        desk, lines = FakeDesk(fake, STUDENT), []
        change(desk)
        for file in (self.target, self.proof):
            file.unlink(missing_ok=True)
        with fake.serve(fake.chain, fake.key):
            with Blackboard(fake.origin, AUTHORITY.root, wait=lambda _: None) as blackboard:
                student = Desk(blackboard, STUDENT, tries=2)
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
                certs.CLAIM_TYPE, cms.parse(content, certs.CLAIM_TYPE).content, [STUDENT],
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
            "another time": lie(document=a_moment_later),
            "no time": lie(document=told(lodged_at="now")),
            "a token from the future": moved(10),
            "a token from the past": moved(-4),
            "late, though it is not": lie(document=told(late_ms=1)),
            "late below zero": lie(document=told(late_ms=-1)),
            "another due time": lie(document=told(due="2026-11-24T15:59:59.999Z")),
            "no due time": lie(document=told(due=None)),
            "a range that is none": lie(document=told(missing=[[0, 0]])),
            "a range of texts": lie(document=told(missing=[[0, "0", 0]])),
            "no range": lie(document=told(missing=None)),
            "counts for something else": lie(document=told(counts="yes")),
            "a state that does not exist": lie(document=told(state="lost")),
            "a piece that the claim does not have": lie(document=told(missing=[[0, 0, 1]])),
            "a piece of an empty file": lie(document=told(missing=[[1, 0, 0]])),
            "a file that the claim does not have": lie(document=told(missing=[[2, 0, 0]])),
            "a range that ends before it begins": lie(document=told(missing=[[0, 1, 0]])),
            "received, but not all": lie(document=told(state="received")),
            "new, with another claim": lie(stored=same),
            "not new, without its claim": lie(status=200),
            "another status": lie(status=202),
            "stored: signed by a stranger": lie(stored=foreign, status=200),
            "stored: another claim": lie(stored=another, status=200),
            "stored: another claim under this id": under_this_id,
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
            "one id": one(sids=SID),
            "no claims": one(claims=None),
            "not an assignment": lambda own: own | {"assignments": ["C/lab1"]},
            "a last claim that is none": one(last_claim="x"),
            "no time": lambda own: own | {"server_time": None},
            "no list": lambda own: own | {"assignments": None},
        }.items():
            with self.subTest(name):
                desk, lines, error = self.hand_in(lie(listed=change))
                self.assertIsInstance(error, Malformed)
                self.assertEqual((lines, desk.signed), ([], b""), "nothing is signed")

    def test_an_answer_of_another_type(self) -> None:
        for target in ("/v1/assignments", "/v1/claims"):

            def change(desk: FakeDesk, target: str = target) -> None:
                def answer(request: Request) -> Reply:
                    reply = desk.answer(request)
                    if request.target == target:
                        reply.fields["Content-Type"] = "text/plain"
                    return reply

                desk.fake.message = answer

            with self.subTest(target):
                _, lines, error = self.hand_in(change)
                self.assertIsInstance(error, Malformed)
                self.assertEqual(lines, [])

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
            "a receipt that is called something else": lie(receipt_type="text/plain"),
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
                lab.revoked(time, since={STUDENT.chain[0].serial_number: time - timedelta(days=1)})
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
            self._other = cms.sign(certs.CLAIM_TYPE, self._other_content, [STUDENT], now())
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

    def test_a_file_that_changes_in_between(self) -> None:
        def change(desk: FakeDesk) -> None:
            plain = desk.answer

            def answer(request: Request) -> Reply:
                if request.target == "/v1/claims":
                    (self.folder / "report.pdf").write_bytes(b"The better!\n")
                return plain(request)

            desk.fake.message = answer

        desk, lines, error = self.hand_in(change)
        self.assertIsInstance(error, Malformed)
        self.assertEqual(([line.split()[0] for line in lines], desk.pieces), (["lodged"], {}))

    def test_no_session(self) -> None:
        """A refusal in steps 3 to 5 is shown, and not repeated."""

        def change(desk: FakeDesk) -> None:
            desk.fake.plain = lambda _: problem(desk.fake.origin, "certificate-revoked", 403)

        desk, lines, error = self.hand_in(change)
        assert isinstance(error, Refused)
        self.assertEqual((error.problem.slug, error.proven, lines), ("certificate-revoked", False, []))
        self.assertEqual(len(desk.fake.requests), 1)

    def test_files_that_are_not_handed_in(self) -> None:
        (self.folder / "none").mkdir()
        (self.folder / "links").mkdir()
        (self.folder / "links" / "one").symlink_to(self.folder / "report.pdf")
        (self.folder / "other").mkdir()
        (self.folder / "other" / "report.pdf").write_bytes(b"")
        for paths in (["none"], ["links"], ["nothing"], ["report.pdf", "other/report.pdf"]):
            with self.subTest(paths), self.assertRaises(Malformed):
                collect([self.folder / path for path in paths])
        found = collect([self.folder / path for path in ("other", "report.pdf")])
        self.assertEqual(list(found), ["other/report.pdf", "report.pdf"])

    def test_fetching_and_withdrawing(self) -> None:
        fake = FakeBlackboard(AUTHORITY)
        desk = FakeDesk(fake, STUDENT)
        with fake.serve(fake.chain, fake.key):
            with Blackboard(fake.origin, AUTHORITY.root, wait=lambda _: None) as blackboard:
                student = Desk(blackboard, STUDENT, tries=2)
                hand_in(student, "IEMS5710/lab1", [self.folder / "report.pdf"], self.target)
                claim = sha256(desk.content).hex()
                self.assertEqual(fetch(student, claim, self.folder / "back"), ["report.pdf"])
                with self.assertRaises(Untrusted):
                    fetch(student, "0" * 64, self.folder / "other")
                desk.got = 206
                with self.assertRaises(Malformed):
                    fetch(student, claim, self.folder / "part")
                desk.got, desk.piece = 200, lambda content: content[:-1]
                with self.assertRaises(Untrusted):
                    fetch(student, claim, self.folder / "changed")
                self.assertFalse((self.folder / "changed/report.pdf").exists())
                self.assertEqual(student.withdraw(claim).state, "withdrawn")
                for other in ({"claim": "0" * 64}, {"state": "received"}):
                    desk.withdrawn = told(**other)
                    with self.assertRaises(Untrusted):
                        student.withdraw(claim)


if __name__ == "__main__":
    unittest.main()

"""Handing in against real servers, and receipts between the two programs, by CLAIM_BIN."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

import forgeries
from claim_student import certs, cms, receipt
from claim_student.desk import Desk
from claim_student.enrol import enroll
from claim_student.errors import Refused, Unsettled
from claim_student.handin import Lodged, fetch, find, hand_in, lodge, upload
from claim_student.identity import Folder, Identity, read_root
from claim_student.manifest import PIECE, Manifest
from claim_student.session import Blackboard, is_final
from claim_student.verify import INCOMPLETE, NOT_VERIFIED, VERIFIED, verify
from forge import Forgery, Lab, file_of
from scene import SID, Temporary, fresh_nonce
from servers import DEADLINE, Server, program, run
from test_receipts import decided, moment

_HERE = Path(__file__).resolve().parent
OTHER = "1155000009"
_EXIT = {VERIFIED: 0, NOT_VERIFIED: 4, INCOMPLETE: 5}
_CMS = "application/cms"


def _minute(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d %H:%M}"


class Course(Temporary):
    """A local demonstration with assignments, and a student in it."""

    cuhk: Server
    server: Server
    root: x509.Certificate
    home: Path
    ready = False

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        home = cls.base / "servers"
        home.mkdir()
        cls.home = home
        cls.cuhk = Server("cuhk", home)
        cls.addClassCleanup(cls.cuhk.stop)
        cls.server = Server("blackboard", home, "--cuhk", cls.cuhk.origin)
        cls.addClassCleanup(cls.server.stop)
        cls.root = read_root(home / "cuhk.cer")

    def setUp(self) -> None:
        self.here = Path(tempfile.mkdtemp(dir=self.base))
        self.report = self.here / "report.pdf"
        self.report.write_bytes(b"The report.\n")
        type(self).ready = self.ready or self._until_claims_are_taken()

    def _until_claims_are_taken(self) -> bool:
        """Blackboard takes claims once its keys are certified and a revocation list is there."""
        desk, end = self.desk("1155000001"), time.monotonic() + DEADLINE
        while True:
            try:
                self.lodge(desk, "blackboard/inbox")
                return True
            except Unsettled:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def assignment(self, name: str, *options: str, due: str | None = "") -> str:
        """A new assignment; due in a month, unless told otherwise."""
        due = _minute(30) if due == "" else due
        told = ["--due", due] if due else []
        run("blackboard", "assignment", "add", f"C/{name}", "--dir", str(self.home), *told, *options)
        return f"C/{name}"

    def student(self, sid: str = SID) -> tuple[Folder, Identity]:
        """A student who has just enrolled."""
        folder = self.folder()
        return folder, enroll(folder, sid, origin=self.cuhk.origin, root=self.root)

    def desk(self, sid: str = SID) -> Desk:
        """A student at Blackboard, closed after the test."""
        _, identity = self.student(sid)
        blackboard = self.blackboard()
        self.addCleanup(blackboard.connection.close)
        return Desk(blackboard, identity)

    def blackboard(self, **options: Any) -> Blackboard:
        """A connection that never waits: what must be waited for, tests wait for."""
        return Blackboard(self.server.origin, self.root, timeout=60, wait=lambda _: None, **options)

    def lodge(self, desk: Desk, name: str) -> Lodged:
        """The report, lodged only."""
        return lodge(desk, find(desk.assignments(), name), {"report.pdf": self.report})

    def claim(self, desk: Desk, name: str, **members: Any) -> bytes:
        """A signed claim with other members than it should have."""
        to = find(desk.assignments(), name)
        told: dict[str, Any] = {
            "blackboard": self.server.origin, "course": to.course, "assignment": to.assignment,
            "due": to.due, "sids": to.sids, "replaces": to.last_claim, "claim": "v1", "by": None,
            "outage": False, "nonce": "A" * 22, "note": None,
            "files": [file_of("report.pdf", b"The report.\n")],
        }  # fmt: skip
        content = json.dumps(told | members).encode()
        return cms.sign(certs.CLAIM_TYPE, content, [desk.identity], datetime.now(UTC))

    def assertRefused(self, slug: str, call: Callable[[], object]) -> Refused:
        """A final refusal, which is signed."""
        return self.assertSlug(slug, call, proven=True)

    def assertOfOneCopy(self, slug: str, desk: Desk, target: str, content: bytes, kind: str) -> None:
        """A signed refusal that is not final (section 5): a client would repeat.

        Over HTTP/1.1, whose client reads an answer that comes before its upload has ended; even so
        the close may lose it, so the request is made until an answer comes through.
        """
        method, end = ("PUT" if "/files/" in target else "POST"), time.monotonic() + DEADLINE
        with self.blackboard(http2=False) as blackboard:
            session = blackboard.open_session(desk.identity)
            while True:
                try:
                    answer = blackboard.send(
                        session, method, target, nonce=fresh_nonce(), content=content,
                        content_type=kind,
                    )  # fmt: skip
                    break
                except (Unsettled, Refused):
                    if time.monotonic() > end:
                        raise
            refused = blackboard.refused(answer, proven=True)
        self.assertEqual(refused.problem.slug, slug)
        self.assertFalse(is_final(refused.problem))

    def claim_verify(self, file: Path, *options: str, root: Path | None = None) -> dict[str, Any]:
        """What the program says of a receipt."""
        root = root or self.home / "cuhk.cer"
        command = [program(), "verify", "--dir", str(self.here), "--json", "--root", str(root)]
        done = subprocess.run(
            [*command, str(file), *options], capture_output=True, text=True, timeout=DEADLINE
        )
        said: dict[str, Any] = json.loads(done.stdout)
        self.assertEqual(done.returncode, _EXIT[said["verdict"]], done.stderr)
        return said


class HandingIn(Course):
    """The student's own hand-ins."""

    def test_a_report_a_folder_a_large_and_an_empty_file(self) -> None:
        name, desk = self.assignment("all"), self.desk()
        folder = self.here / "data"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "large").write_bytes(bytes(range(256)) * (9_000_000 // 256))
        (folder / "exact").write_bytes(bytes(PIECE))
        (folder / "empty").write_bytes(b"")
        (folder / "名字.txt").write_text("ü")
        target, lines = self.here / "all.receipt", []
        report = hand_in(desk, name, [self.report, folder], target, tell=lines.append)
        self.assertEqual(report.verdict, VERIFIED, report)
        self.assertEqual([line.split()[0] for line in lines], ["lodged", "received;"])
        self.assertEqual(report.unchecked, [])
        said = self.claim_verify(target, str(self.report), str(folder))
        self.assertEqual(said["verdict"], VERIFIED)
        states = {file["name"]: file["state"] for file in said["files"]}
        names = {"report.pdf", *(f"data/{n}" for n in ("deep/large", "exact", "empty", "名字.txt"))}
        self.assertEqual(states, dict.fromkeys(names, "same"))
        self._openssl(target)
        claim = said["claim"]["id"]
        fetch(desk, claim, self.here / "back")
        for file in names:
            own = self.report if file == "report.pdf" else self.here / file
            self.assertEqual((self.here / "back" / file).read_bytes(), own.read_bytes())

    def _openssl(self, target: Path) -> None:
        """Stock OpenSSL, as README.txt in the receipt says."""
        folder = self.here / "unpacked"
        with zipfile.ZipFile(target) as opened:
            opened.extractall(folder)
        (folder / "cuhk.cer").write_bytes((self.home / "cuhk.cer").read_bytes())
        readme = (folder / "README.txt").read_text()
        commands = re.findall(r"^  (openssl .*)$", readme, re.MULTILINE)
        self.assertEqual(len(commands), 2)
        for command in commands:
            done = subprocess.run(shlex.split(command), cwd=folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        manifest = Manifest.parse((folder / "manifest.json").read_bytes())
        self.assertIsNotNone(manifest.file("report.pdf"))

    def test_without_due_time(self) -> None:
        desk, target = self.desk(), self.here / "inbox.receipt"
        report = hand_in(desk, "blackboard/inbox", [self.report], target)
        self.assertEqual((report.verdict, report.late), (VERIFIED, None))
        self.assertEqual(self.claim_verify(target)["verdict"], VERIFIED)

    def test_late(self) -> None:
        name, desk, target = self.assignment("late", due=_minute(-2)), self.desk(), self.here / "l"
        report = hand_in(desk, name, [self.report], target)
        assert report.late is not None
        self.assertEqual(report.verdict, VERIFIED)
        said = self.claim_verify(target)
        self.assertEqual(said["due"]["late_ms"], report.late // timedelta(milliseconds=1))
        self.assertGreater(report.late, timedelta(days=1))

    def test_again_and_again(self) -> None:
        """Each names the one before; the last in time counts."""
        name, desk = self.assignment("again"), self.desk()
        receipts = []
        for number in range(2):
            self.report.write_text(f"version {number}")
            target = self.here / f"{number}.receipt"
            receipts.append(hand_in(desk, name, [self.report], target).claim)
        first, second = receipts
        assert first is not None and second is not None
        self.assertEqual((first.replaces, second.replaces), (None, first.id))
        self.assertEqual((self.desk_counts(desk, first.id), self.desk_counts(desk, second.id)), (False, True))

    @staticmethod
    def desk_counts(desk: Desk, claim: str) -> bool:
        """Whether that claim counts."""
        return desk.document(claim).counts

    def test_a_claim_ends_the_one_that_waits(self) -> None:
        name, desk = self.assignment("ends"), self.desk()
        first = self.lodge(desk, name)
        self.lodge(desk, name)
        self.assertEqual(desk.document(first.id).state, "superseded")
        self.assertRefused("claim-ended", lambda: desk.put(first.id, 0, 0, b"The report.\n"))
        self.assertRefused("claim-ended", lambda: desk.withdraw(first.id))

    def test_withdrawing(self) -> None:
        name, desk = self.assignment("withdrawn"), self.desk()
        report = hand_in(desk, name, [self.report], self.here / "w.receipt")
        assert report.claim is not None
        self.assertTrue(desk.document(report.claim.id).counts)
        for _ in range(2):
            self.assertEqual(desk.withdraw(report.claim.id).state, "withdrawn")
        self.assertFalse(desk.document(report.claim.id).counts)
        self.assertEqual(self.claim_verify(self.here / "w.receipt")["verdict"], VERIFIED)

    def test_lodging_is_repeated_without_harm(self) -> None:
        """The same claim, also signed anew, is the one that is there."""
        name, desk = self.assignment("repeated"), self.desk()
        lodged = self.lodge(desk, name)
        signed = cms.sign(
            certs.CLAIM_TYPE, lodged.manifest.content, [desk.identity], datetime.now(UTC) - timedelta(seconds=9)
        )
        self.assertNotEqual(signed, lodged.signed)
        for again in (lodged.signed, signed):
            document, new = desk.lodge(again)
            self.assertFalse(new)
            self.assertEqual(document.cms, lodged.signed)
            self.assertEqual(document.timestamp, lodged.document.timestamp)

    def test_pieces(self) -> None:
        """In any order, twice, wrong, unknown; and nothing wrong is kept."""
        name, desk = self.assignment("pieces"), self.desk()
        content = bytes(range(256)) * (3 * PIECE // 256) + b"end"
        self.report.write_bytes(content)
        lodged = self.lodge(desk, name)
        self.assertEqual(lodged.document.missing, ((0, 0, 3),))
        self.assertRefused("piece-mismatch", lambda: desk.put(lodged.id, 0, 3, b"End"))
        self.assertRefused("not-found", lambda: desk.get(lodged.id, 0, 3))
        for _ in range(2):
            desk.put(lodged.id, 0, 3, b"end")
        self.assertEqual(desk.get(lodged.id, 0, 3), b"end")
        self.assertEqual(desk.document(lodged.id).missing, ((0, 0, 2),))
        for file, index in ((0, 4), (1, 0)):
            self.assertRefused("not-found", lambda f=file, i=index: desk.put(lodged.id, f, i, b"end"))
        self.assertRefused("not-found", lambda: desk.ask(
            "PUT", f"/v1/claims/{lodged.id}/files/0/01", content=b"end",
            content_type="application/octet-stream",
        ))  # fmt: skip
        self.assertEqual(upload(desk, lodged, {"report.pdf": self.report}).state, "received")
        desk.put(lodged.id, 0, 3, b"end")
        self.assertRefused("piece-mismatch", lambda: desk.put(lodged.id, 0, 3, b"End"))
        self.assertOfOneCopy(
            "content-too-large", desk, f"/v1/claims/{lodged.id}/files/0/0", bytes(PIECE + 1),
            "application/octet-stream",
        )  # fmt: skip

    def test_before_the_files_there_is_a_proof_of_lodging(self) -> None:
        name, desk = self.assignment("proof"), self.desk()
        lodged = self.lodge(desk, name)
        data = desk.receipt(lodged.id, wait=10)
        report = verify(data, self.root)
        self.assertEqual(decided(report), "incomplete: log")
        (self.here / "p.lodged").write_bytes(data)
        said = self.claim_verify(self.here / "p.lodged")
        self.assertEqual((said["verdict"], said["claim"]["id"]), (INCOMPLETE, lodged.id))

    def test_refusals(self) -> None:
        name, desk = self.assignment("refused", "--max-files", "2", "--max-bytes", "100"), self.desk()
        stranger = self.desk(OTHER)
        self.lodge(desk, name)

        def send(signed: bytes, by: Desk = desk) -> Callable[[], object]:
            return lambda: by.ask("POST", "/v1/claims", content=signed, content_type=_CMS)

        def of(**members: Any) -> Callable[[], object]:
            return send(self.claim(desk, name, **members))

        closed = self.assignment("closed", "--until", _minute(-1), due=_minute(-2))
        good = self.claim(desk, name)
        one = file_of("a", b"a")
        cases: list[tuple[str, Callable[[], object], str | None]] = [
            ("due-changed", of(due="2026-11-24T15:59:59.999Z"), "due"),
            ("due-changed", of(due=None), "due"),
            ("replaces-changed", of(replaces=None), "last_claim"),
            ("replaces-changed", of(replaces="0" * 64), "last_claim"),
            ("holder-changed", of(sids=[OTHER, SID]), "sids"),
            ("limit-exceeded", of(files=[one | {"name": n} for n in "abc"]), None),
            ("limit-exceeded", of(files=[file_of("a", bytes(101))]), None),
            ("claim-signer", of(sids=[OTHER]), None),
            ("claim-signer", send(good, stranger), None),
            ("claim-unreadable", of(blackboard="https://localhost:1"), None),
            ("claim-unreadable", of(files=[one, one]), None),
            ("claim-unreadable", of(more=1), None),
            ("claim-unreadable", send(good + b"\0"), None),
            ("claim-unreadable", send(b"x"), None),
            ("assignment-closed", send(self.claim(desk, closed)), None),
        ]
        for slug, call, member in cases:
            with self.subTest(slug, member=member):
                refused = self.assertRefused(slug, call)
                if member:
                    to = find(desk.assignments(), name)
                    told = {"due": to.due, "last_claim": to.last_claim, "sids": to.sids}
                    self.assertEqual(refused.problem.members[member], told[member])
        large = bytes((4 << 20) + 1)
        self.assertOfOneCopy("content-too-large", desk, "/v1/claims", large, _CMS)
        self.assertOfOneCopy("unsupported-media-type", desk, "/v1/claims", good, "text/plain")
        self.assertTrue(desk.lodge(self.claim(desk, name))[1], "the last one is in order")

    def test_others_claims_are_not_there(self) -> None:
        name, desk, stranger = self.assignment("own"), self.desk(), self.desk(OTHER)
        lodged = self.lodge(desk, name)
        upload(desk, lodged, {"report.pdf": self.report})
        for call in (
            lambda: stranger.document(lodged.id), lambda: stranger.receipt(lodged.id),
            lambda: stranger.get(lodged.id, 0, 0), lambda: stranger.withdraw(lodged.id),
            lambda: stranger.put(lodged.id, 0, 0, b"The report.\n"),
            lambda: desk.document("0" * 64),
        ):  # fmt: skip
            self.assertRefused("not-found", call)
        self.assertEqual(desk.document(lodged.id).state, "received")

    def test_withdrawals_that_are_refused(self) -> None:
        late, desk = self.assignment("over", due=_minute(-2)), self.desk()
        lodged = self.lodge(desk, late)
        self.assertRefused("withdrawal-too-late", lambda: desk.withdraw(lodged.id))
        claim = self.lodge(desk, self.assignment("wrong")).id
        other, content = "0" * 64, f"claim v1 withdrawal\n{claim}\n".encode()
        _, stranger = self.student(OTHER)
        for kind, text, signer in (
            (certs.WITHDRAWAL_TYPE, content.replace(claim.encode(), other.encode()), desk.identity),
            (certs.WITHDRAWAL_TYPE, content[:-1], desk.identity),
            (certs.CLAIM_TYPE, content, desk.identity),
            (certs.WITHDRAWAL_TYPE, content, stranger),
        ):
            signed = cms.sign(kind, text, [signer], datetime.now(UTC))
            slug = "claim-signer" if signer is stranger else "claim-unreadable"
            self.assertRefused(slug, lambda signed=signed: desk.ask(
                "POST", f"/v1/claims/{claim}/withdrawal", content=signed, content_type=_CMS
            ))  # fmt: skip
        self.assertEqual(desk.document(claim).state, "waiting")

    def test_names_that_the_server_takes(self) -> None:
        """The same rules as in receipts, at the door."""
        name, desk = self.assignment("names"), self.desk()
        for names, holds in forgeries.NAMES[:: 9]:
            files = [file_of(one, b"x") for one in names]
            signed = self.claim(desk, name, files=files)
            with self.subTest(ascii(names)):
                if holds:
                    self.assertTrue(desk.lodge(signed)[1])
                else:
                    self.assertRefused("claim-unreadable", lambda signed=signed: desk.lodge(signed))

    def test_blackboard_starts_anew_in_the_middle(self) -> None:
        """A new session, the same claim: what was durable is not sent again."""
        name, desk = self.assignment("restart"), self.desk()
        self.report.write_bytes(bytes(PIECE) + b"end")
        lodged = self.lodge(desk, name)
        desk.put(lodged.id, 0, 1, b"end")
        port = self.server.origin.rsplit(":", 1)[1]
        self.server.stop(kill=True)
        type(self).server = Server(
            "blackboard", self.home, "--cuhk", self.cuhk.origin, listen=f"127.0.0.1:{port}"
        )
        self.addClassCleanup(type(self).server.stop)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                document = desk.document(lodged.id)
                break
            except Unsettled:
                if time.monotonic() > end:
                    raise
        self.assertEqual(document.missing, ((0, 0, 0),))
        self.assertEqual(upload(desk, lodged, {"report.pdf": self.report}).state, "received")

    def test_command_line(self) -> None:
        name, (folder, _) = self.assignment("line"), self.student()
        common = ["--dir", str(folder.path), "--sid", SID, "--blackboard", self.server.origin]

        def student(*arguments: str, code: int = 0) -> str:
            done = subprocess.run(
                [sys.executable, str(_HERE / "student.py"), *arguments], cwd=self.here,
                capture_output=True, text=True, timeout=4 * DEADLINE,
            )  # fmt: skip
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            return done.stdout

        said = student("hand-in", "report.pdf", "--to", name, *common)
        claim = said.split()[1]
        self.assertIn("received", said)
        root = str(self.home / "cuhk.cer")
        self.assertIn("verified", student("verify", "line.receipt", "report.pdf", "--root", root))
        self.assertIn(claim, student("status", *common))
        student("fetch", claim, "--into", "back", *common)
        self.assertEqual((self.here / "back/report.pdf").read_bytes(), self.report.read_bytes())
        student("withdraw", claim, *common)
        self.report.write_bytes(b"Another.\n")
        student("verify", "line.receipt", "report.pdf", "--root", root, code=4)
        student("hand-in", "report.pdf", "--to", name, *common, code=1)
        student("hand-in", "report.pdf", "--to", "C/none", "--receipt", "n", *common, code=1)


class BothPrograms(Course):
    """Receipts of one program, judged by the other."""

    def test_receipts_of_the_other_student(self) -> None:
        name, folder = self.assignment("other"), self.folder().path
        (self.here / "data").mkdir()
        (self.here / "data" / "large").write_bytes(bytes(9_000_000))
        (self.here / "data" / "empty").write_bytes(b"")
        common = ["--dir", str(folder), "--sid", SID, "--cuhk", self.cuhk.origin]
        common += ["--root", str(self.home / "cuhk.cer"), "--json"]
        run("student", "enroll", *common)
        target = self.here / "other.receipt"
        run(
            "student", "hand-in", str(self.report), str(self.here / "data"), "--to", name,
            "--receipt", str(target), "--blackboard", self.server.origin, *common,
        )  # fmt: skip
        files = {"report.pdf": self.report} | {
            f"data/{n}": self.here / "data" / n for n in ("large", "empty")
        }
        report = verify(target.read_bytes(), self.root, files)
        self.assertEqual((report.verdict, report.unchecked), (VERIFIED, []), report)
        lodged = verify(target.with_suffix(".lodged").read_bytes(), self.root)
        self.assertIn(decided(lodged), ("incomplete: log",))
        self.report.write_bytes(b"Another.\n")
        report = verify(target.read_bytes(), self.root, files)
        self.assertEqual(decided(report), "not-verified: files")

    def decided(self, lab: Lab, data: bytes, *options: str) -> str:
        """Verdict and point, as the program tells them."""
        root, file = self.here / "root.cer", self.here / "made.receipt"
        root.write_bytes(receipt.pem([lab.authority.root]))
        file.write_bytes(data)
        said = self.claim_verify(file, *options, root=root)
        if said["verdict"] == VERIFIED:
            return VERIFIED
        outcome = "fails" if said["verdict"] == NOT_VERIFIED else "incomplete"
        point = next(c["point"] for c in said["checks"] if c["outcome"] == outcome)
        return f"{said['verdict']}: {point}"

    def test_both_say_the_same_of_receipts_made_here(self) -> None:
        """As test_receipts.py asks of the verifier here, by verdict and point."""
        lab = Lab(at=moment())
        assert lab.at is not None
        for title, group in forgeries.cases(lab).items():
            for name, forgery in group.items():
                with self.subTest(name):
                    self.assertEqual(self.decided(lab, forgery.make()), title)
        for names, holds in forgeries.NAMES:
            forgery = Forgery(lab, lab.at, members=forgeries.named(names))
            with self.subTest(ascii(names)):
                decision = VERIFIED if holds else f"{NOT_VERIFIED}: claim"
                self.assertEqual(self.decided(lab, forgery.make()), decision)
        for name, forgery, key, decision in forgeries.demanded(lab):
            with self.subTest(name):
                self.assertEqual(self.decided(lab, forgery.make(), "--witness", key), decision)
        newer = self.here / "newer.crl"
        for name, lists, decision in forgeries.newer_lists(lab):
            newer.write_bytes(receipt.pem_lists(lists))
            with self.subTest(name):
                data = Forgery(lab, lab.at).make()
                self.assertEqual(self.decided(lab, data, "--crl", str(newer)), decision)


if __name__ == "__main__":
    unittest.main()

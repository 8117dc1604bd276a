"""Handing in against real servers, started from the program that CLAIM_BIN names."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
import unittest
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import forgeries
from claim_student import certs, cms
from claim_student.desk import Desk
from claim_student.errors import Unsettled
from claim_student.handin import fetch, find, hand_in, upload
from claim_student.manifest import PIECE, Manifest
from claim_student.verify import INCOMPLETE, VERIFIED, verify
from course import Course, minute
from forge import file_of
from scene import SID
from servers import DEADLINE, Server
from test_receipts import decided

_HERE = Path(__file__).resolve().parent
OTHER = "1155000009"
_CMS = "application/cms"


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
        name, desk, target = self.assignment("late", due=minute(-2)), self.desk(), self.here / "l"
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

        closed = self.assignment("closed", "--until", minute(-1), due=minute(-2))
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
        late, desk = self.assignment("over", due=minute(-2)), self.desk()
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


if __name__ == "__main__":
    unittest.main()

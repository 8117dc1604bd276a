"""Receipts of this program judged by the one that CLAIM_BIN names, and the other way round."""

from __future__ import annotations

import unittest

import forgeries
from claim_student import receipt
from claim_student.verify import NOT_VERIFIED, VERIFIED, verify
from course import Course
from forge import Forgery, Lab
from scene import SID
from servers import run
from test_receipts import decided, moment


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

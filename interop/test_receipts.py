"""The verifier of receipts, on every vector of testdata/ and on receipts made here."""

from __future__ import annotations

import base64
import json
import tempfile
import unittest
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

import forgeries
from claim_student import certs, log, receipt
from claim_student.errors import ClaimError, Malformed
from claim_student.verify import NOT_VERIFIED, VERIFIED, Report, verify
from claim_student.wire import parse_time, unb64
from forge import Forgery, Lab, now

_DATA = Path(__file__).resolve().parent.parent / "testdata"


def moment() -> Any:
    """The time of the claims: this second, with milliseconds that are never zero."""
    return now().replace(microsecond=341_000)


def decided(report: Report) -> str:
    """The verdict and the point that decides it."""
    if report.verdict == VERIFIED:
        return VERIFIED
    point = report.point if report.failure is not None else report.missing[0][0]
    return f"{report.verdict}: {point}"


class Vectors(unittest.TestCase):
    """testdata/."""

    def test_receipts(self) -> None:
        stored = json.loads((_DATA / "receipts.json").read_bytes())
        root = x509.load_pem_x509_certificate(stored["root"].encode("ascii"))
        self.assertGreater(len(stored["cases"]), 20)
        for case in stored["cases"]:
            with self.subTest(case["name"]), tempfile.TemporaryDirectory() as folder:
                files = {}
                for number, file in enumerate(case["files"]):
                    files[file["name"]] = Path(folder) / str(number)
                    files[file["name"]].write_bytes(base64.b64decode(file["content"]))
                report = verify(base64.b64decode(case["receipt"]), root, files)
                self.assertEqual(report.verdict, case["verdict"], report)
                if report.verdict != VERIFIED:
                    self.assertEqual(decided(report), f"{case['verdict']}: {case['point']}")
                self.assertEqual(report.unchecked, [])

    def test_services(self) -> None:
        stored = json.loads((_DATA / "certificates.json").read_bytes())
        root = certs.from_der(unb64(stored["root"]))
        check = {
            "timestamp": certs.check_timestamp, "log": certs.check_log,
            "witness": certs.check_witness,
        }  # fmt: skip
        self.assertGreaterEqual(len(stored["services"]), 10)
        for case in stored["services"]:
            with self.subTest(case["name"]):
                try:
                    one = certs.from_der(unb64(case["certificate"]))
                    found = check[case["profile"]](one, root)
                    certs.check_valid(one, parse_time(case["at"]))
                except ClaimError as error:
                    self.assertIn("error", case, error)
                    continue
                self.assertNotIn("error", case)
                self.assertEqual(found, case.get("origin", case.get("name_of_witness")))


class Made(unittest.TestCase):
    """Receipts made here."""

    lab: Lab

    @classmethod
    def setUpClass(cls) -> None:
        cls.lab = Lab(at=moment())

    def forgery(self, **changes: Any) -> Forgery:
        """One of the lab's."""
        assert self.lab.at is not None
        return Forgery(self.lab, self.lab.at, **changes)

    def check(self, forgery: Forgery, **options: Any) -> str:
        """What the verifier decides."""
        return decided(verify(forgery.make(), self.lab.authority.root, **options))

    def test_each_says_what_it_must(self) -> None:
        for title, group in forgeries.cases(self.lab).items():
            for name, forgery in group.items():
                with self.subTest(name):
                    report = verify(forgery.make(), self.lab.authority.root)
                    self.assertEqual(decided(report), title, report)

    def test_names(self) -> None:
        for names, holds in forgeries.NAMES:
            with self.subTest(ascii(names)):
                found = self.check(self.forgery(members=forgeries.named(names)))
                self.assertEqual(found, VERIFIED if holds else f"{NOT_VERIFIED}: claim")

    def test_the_witness_that_is_demanded(self) -> None:
        for name, forgery, key, decision in forgeries.demanded(self.lab):
            with self.subTest(name):
                witness = log.Verifier.witness(key)
                self.assertEqual(self.check(forgery, witness=witness), decision)

    def test_a_key_of_a_witness_in_another_form(self) -> None:
        own = forgeries.published(self.lab.witness, self.lab.witness_key)
        name, identifier, key = own.split("+", 2)
        for line in (
            "", name, f"{name}+{identifier}", f"a b+{identifier}+{key}",
            f"{name}+{'0' * 8}+{key}", f"other+{identifier}+{key}", own[:-4],
        ):  # fmt: skip
            with self.subTest(line), self.assertRaises(Malformed):
                log.Verifier.witness(line)
        self.assertEqual(log.Verifier.witness(own + "\n").name, self.lab.witness)

    def test_newer_lists(self) -> None:
        for name, newer, decision in forgeries.newer_lists(self.lab):
            with self.subTest(name):
                self.assertEqual(self.check(self.forgery(), newer=newer), decision)

    def test_every_bit_counts(self) -> None:
        """One bit in each part of the archive: nothing of it is verified, and nothing else happens."""
        data, root = self.forgery().make(), self.lab.authority.root
        self.assertEqual(verify(data, root).verdict, VERIFIED)
        for at in range(0, len(data), 61):
            changed = bytearray(data)
            changed[at] ^= 1 << at % 8
            with self.subTest(at):
                self.assertEqual(verify(bytes(changed), root).verdict, NOT_VERIFIED)
        for length in range(0, len(data), 611):
            with self.subTest(length=length):
                self.assertEqual(verify(data[:length], root).verdict, NOT_VERIFIED)

    def test_another_root(self) -> None:
        report = verify(self.forgery().make(), Lab(at=self.lab.at).authority.root)
        self.assertEqual(decided(report), f"{NOT_VERIFIED}: claim")

    def test_lateness(self) -> None:
        assert self.lab.at is not None
        for seconds, seen, late in ((-1, 1, 0), (1, 1, 1), (1, -2, 0), (None, 1, None)):
            due = None if seconds is None else (
                receipt.wire_time(self.lab.at - timedelta(seconds=seconds))
            )  # fmt: skip
            forgery = self.forgery(
                members=lambda m, due=due: m | {"due": due}, witnessed=timedelta(seconds=seen)
            )
            report = verify(forgery.make(), self.lab.authority.root)
            with self.subTest(seconds=seconds, seen=seen):
                self.assertEqual(report.verdict, VERIFIED)
                self.assertEqual(report.late, None if late is None else timedelta(seconds=late))

    def test_files(self) -> None:
        data = self.forgery().make()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.pdf"
            for content, holds in (
                (b"The report.\n", True), (b"The report!\n", False), (b"The report.", False),
                (b"", False),
            ):  # fmt: skip
                path.write_bytes(content)
                report = verify(data, self.lab.authority.root, {"report.pdf": path})
                with self.subTest(content):
                    self.assertEqual(decided(report), VERIFIED if holds else "not-verified: files")
                    self.assertEqual(report.unchecked, ["data/empty"] if holds else [])
            report = verify(data, self.lab.authority.root, {"other.pdf": path})
            self.assertEqual(decided(report), "not-verified: files")

    def test_pieces(self) -> None:
        """Size and digest of the whole are right; one piece is told wrong."""
        content = bytes(5 << 20)
        line = forgeries.file_of("big", content)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "big"
            path.write_bytes(content)
            for changed, decision in (
                (line, VERIFIED),
                (line | {"chunks": [line["chunks"][0], "0" * 64]}, "not-verified: files"),
                (line | {"sha256": "0" * 64}, "not-verified: files"),
            ):
                members: Callable[[Any], Any] = lambda m, one=changed: m | {"files": [one]}  # noqa: E731
                report = verify(
                    self.forgery(members=members).make(), self.lab.authority.root, {"big": path}
                )
                self.assertEqual(decided(report), decision)


if __name__ == "__main__":
    unittest.main()

"""The verifier of receipts on every vector of testdata/receipts.json."""

from __future__ import annotations

import base64
import json
import tempfile
import unittest
from pathlib import Path

from cryptography import x509

from claim_student import receipt
from claim_student.verify import INCOMPLETE, verify

_DATA = Path(__file__).resolve().parent.parent / "testdata"


class Vectors(unittest.TestCase):
    """testdata/receipts.json."""

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
                if report.verdict == INCOMPLETE:
                    self.assertEqual(report.missing[0][0], case["point"])
                elif case["point"] is not None:
                    self.assertEqual(report.point, case["point"], report.failure)
                self.assertEqual(report.unchecked, [])

    def test_any_other_form_of_the_archive_is_refused(self) -> None:
        stored = json.loads((_DATA / "receipts.json").read_bytes())
        data = base64.b64decode(stored["cases"][0]["receipt"])
        members = receipt.Receipt.parse(data).members
        self.assertEqual(receipt.pack(members), data)


if __name__ == "__main__":
    unittest.main()

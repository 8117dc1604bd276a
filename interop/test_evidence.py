"""docs/EVIDENCE.md: its script and the commands of README.txt, on receipts that are genuine and on forged ones."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_EXIT = {"verified": 0, "not-verified": 4, "incomplete": 5}

# The script knows that README.txt is there, not what it must say.
_NOT_SEEN = {"misleading README"}


class Evidence(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        stored = json.loads((_ROOT / "testdata/receipts.json").read_text())
        self.cases: dict[str, Any] = {case["name"]: case for case in stored["cases"]}
        (self.folder / "cuhk.cer").write_text(stored["root"])

    def lay_out(self, name: str) -> list[str]:
        """Writes the receipt and its files; gives the files' names."""
        case = self.cases[name]
        (self.folder / "lab1.receipt").write_bytes(base64.b64decode(case["receipt"]))
        for file in case["files"]:
            path = self.folder / file["name"]
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(base64.b64decode(file["content"]))
        return [file["name"] for file in case["files"]]

    def run_here(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def test_the_script(self) -> None:
        blocks = re.findall(r"```python\n(.*?)```", (_ROOT / "docs/EVIDENCE.md").read_text(), re.DOTALL)
        self.assertEqual(len(blocks), 1)
        (self.folder / "check.py").write_text(blocks[0])
        for name, case in self.cases.items():
            with self.subTest(name):
                files = self.lay_out(name)
                done = self.run_here(sys.executable, "check.py", "lab1.receipt", "cuhk.cer", *files)
                self.assertEqual(done.stderr, "")
                if name in _NOT_SEEN:
                    self.assertEqual(done.returncode, 0, done.stdout)
                    continue
                self.assertEqual(done.returncode, _EXIT[case["verdict"]], done.stdout)
                if case["verdict"] == "not-verified":
                    self.assertIn(f"NOT VERIFIED: {case['point']}:", done.stdout)

    def test_the_commands_of_the_readme(self) -> None:
        for name, succeed in [
            ("whole", [True, True]),
            ("outage, in time", [True, True, True]),
            ("outage, token of another claim", [True, True, False]),
            # OpenSSL does not know whose authority it is.
            ("outage, token by another Blackboard", [True, True, True]),
            ("first moments", [True, True]),
            ("altered claim", [False, False]),
            ("mixed: token of an earlier claim", [True, False]),
            ("another root", [False, False]),
        ]:
            with self.subTest(name):
                self.lay_out(name)
                with zipfile.ZipFile(self.folder / "lab1.receipt") as receipt:
                    receipt.extractall(self.folder)
                readme = (self.folder / "README.txt").read_text()
                commands = re.findall(r"^  (openssl .*)$", readme, re.MULTILINE)
                done = [self.run_here(*shlex.split(command)) for command in commands]
                self.assertEqual([one.returncode == 0 for one in done], succeed, [one.stderr for one in done])
                if succeed[0]:
                    manifest = json.loads((self.folder / "manifest.json").read_text())
                    self.assertEqual(manifest["files"][0]["name"], "report.pdf")

    def test_the_commands_go_by_the_time_of_the_receipt(self) -> None:
        """So they succeed on any day, also when all certificates have expired."""
        self.lay_out("whole")
        with zipfile.ZipFile(self.folder / "lab1.receipt") as receipt:
            receipt.extractall(self.folder)
        commands = re.findall(r"^  (openssl .*)$", (self.folder / "README.txt").read_text(), re.MULTILINE)
        self.assertEqual(len(commands), 2)
        for command in commands:
            later = re.sub(r"-attime ([0-9]+)", lambda at: f"-attime {int(at[1]) + 15 * 366 * 86_400}", command)
            done = self.run_here(*shlex.split(later))
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("expired", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""What the tests with real servers share."""

from __future__ import annotations

import secrets
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path

from claim_student.errors import Refused
from claim_student.identity import Folder
from claim_student.wire import b64u

SID = "1155123456"


def fresh_nonce() -> str:
    """A nonce that no request had."""
    return b64u(secrets.token_bytes(16))


class Temporary(unittest.TestCase):
    """A temporary folder for each class, and what to end afterwards."""

    base: Path

    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.base = Path(temporary.name)

    def folder(self) -> Folder:
        """A fresh folder for a student."""
        return Folder(Path(tempfile.mkdtemp(dir=self.base)))

    def assertSlug(self, slug: str, call: Callable[[], object], *, proven: bool) -> Refused:
        """The call is refused under that slug."""
        with self.assertRaises(Refused) as caught:
            call()
        self.assertEqual(caught.exception.problem.slug, slug, caught.exception)
        self.assertEqual(caught.exception.proven, proven)
        return caught.exception

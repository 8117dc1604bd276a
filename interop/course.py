"""A course with real servers, and students in it: what the tests of handing in share."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from claim_student import certs, cms
from claim_student.desk import Desk
from claim_student.enrol import enroll
from claim_student.errors import Refused, Unsettled
from claim_student.handin import Lodged, find, lodge
from claim_student.identity import Folder, Identity, read_root
from claim_student.session import Blackboard, is_final
from claim_student.verify import INCOMPLETE, NOT_VERIFIED, VERIFIED
from forge import file_of
from scene import SID, Temporary, fresh_nonce
from servers import DEADLINE, Server, program, run

_EXIT = {VERIFIED: 0, NOT_VERIFIED: 4, INCOMPLETE: 5}


def minute(days: float) -> str:
    """A minute so many days from now, as assignments are told it."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d %H:%M}"


class Course(Temporary):
    """A local demonstration with assignments, and a student in it."""

    cuhk: Server
    server: Server
    root: x509.Certificate
    home: Path
    ready = False
    settings = ""  # claim.toml

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        home = cls.base / "servers"
        home.mkdir()
        (home / "claim.toml").write_text(cls.settings)
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
        due = minute(30) if due == "" else due
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

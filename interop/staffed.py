"""A course that staff of each role runs from afar: what tests of section 12 share.

Staff are students who assist, as a local demonstration certifies no others.
"""

from __future__ import annotations

from claim_student.courses import Staff
from course import Course
from servers import run

OWNER, TEACHER, ASSISTANT = "1155100001", "1155100002", "1155100003"
STUDENTS = [f"11551234{n}" for n in range(50, 57)]
DUE = "2035-11-24T15:59:59.999Z"


def assignment(name: str, **told: object) -> dict[str, object]:
    """A change that sets an assignment up."""
    return {
        "change": "assignment", "course": "IEMS5710", "assignment": name, "title": name.title(),
        "visible_from": None, "due": DUE, "until": None, "late": {"policy": "accept"},
        "upload_seconds": 86400, "limits": {"files": 10, "bytes": 1000000, "attempts": 1000},
        "groups": None,
    } | told  # fmt: skip


def members(*sids: str) -> dict[str, object]:
    """A change that puts students on the roster."""
    extra = [["Section", "A"]]
    listed = [{"sid": sid, "name": f"Student {sid}", "email": "", "extra": extra} for sid in sids]
    return {"change": "members", "members": listed}


class Staffed(Course):
    """A course with an owner, a teacher and an assistant, each test's own being named by it."""

    def course(self, name: str) -> None:
        """A new course with all its staff."""
        where = ["--dir", str(self.home)]
        run("blackboard", "course", "add", name, "--title", "Network security", *where)
        for person, role in ((OWNER, "owner"), (TEACHER, "teacher"), (ASSISTANT, "assistant")):
            run("blackboard", "staff", "add", name, person, "--role", role, *where)

    def staff(self, person: str) -> Staff:
        """A member of staff at Blackboard, closed after the test."""
        return Staff(self.desk(person))

"""Staff at real servers (PROTOCOL.md, section 12), started from the program that CLAIM_BIN names."""

from __future__ import annotations

import unittest

from claim_student.handin import find, upload
from staffed import ASSISTANT, DUE, OWNER, STUDENTS, TEACHER, Staffed, assignment, members

LATER = "2035-11-26T15:59:59.999Z"


class Courses(Staffed):
    """Courses as their staff sees and changes them."""

    def test_a_course_is_set_up_listed_and_changed(self) -> None:
        self.course("A1")
        teacher, owner = self.staff(TEACHER), self.staff(OWNER)
        before = teacher.course("A1").course
        revision = teacher.change(
            "A1", before.revision, assignment("lab1", course="A1"), members(*STUDENTS),
            {"change": "extend", "assignment": "lab1", "for": {"student": STUDENTS[0]}, "due": LATER,
             "until": None, "reason": "ill"},
        )  # fmt: skip
        self.assertGreater(revision, before.revision)
        listed = {one.course: one for one in teacher.courses()}["A1"]
        self.assertEqual((listed.role, listed.revision), ("teacher", revision))
        whole = teacher.course("A1")
        self.assertEqual(whole.assignments["lab1"]["due"], DUE)
        self.assertEqual(whole.extensions[0]["for"], {"student": STUDENTS[0]})
        self.assertEqual(whole.extensions[0]["granted_by"], TEACHER)
        self.assertEqual(whole.staff, {OWNER: "owner", TEACHER: "teacher", ASSISTANT: "assistant"})
        self.assertEqual([one.sid for one in teacher.members("A1")], STUDENTS)

        revision = owner.change(
            "A1", revision, {"change": "course", "title": "Security", "zone": "UTC", "open": False},
            {"change": "drop", "sids": [STUDENTS[1]]}, {"change": "revoke-extension", "number": 1},
            {"change": "staff", "person": ASSISTANT, "role": None},
        )  # fmt: skip
        whole = owner.course("A1")
        self.assertEqual((whole.course.title, whole.course.revision), ("Security", revision))
        self.assertIsNotNone(whole.extensions[0]["revoked_at"])
        self.assertNotIn(ASSISTANT, whole.staff)
        dropped = {one.sid: one.dropped_at for one in owner.members("A1")}
        self.assertEqual([sid for sid in dropped if dropped[sid]], [STUDENTS[1]])

    def test_what_is_refused(self) -> None:
        self.course("A2")
        assistant, teacher, stranger = map(self.staff, (ASSISTANT, TEACHER, STUDENTS[0]))
        start = teacher.course("A2").course.revision
        revision = teacher.change("A2", start, assignment("lab1", course="A2"))
        lab2, owner = assignment("lab2", course="A2"), {"change": "staff", "person": TEACHER, "role": "owner"}

        self.assertRefused("not-allowed", lambda: assistant.change("A2", revision, lab2))
        self.assertRefused("not-allowed", lambda: teacher.change("A2", revision, owner))
        for call in (
            lambda: stranger.course("A2"), lambda: stranger.change("A2", revision, lab2),
            lambda: list(stranger.members("A2")), lambda: list(stranger.hand_ins("A2", "lab1")),
            lambda: teacher.course("none"), lambda: list(teacher.hand_ins("A2", "none")),
        ):  # fmt: skip
            self.assertRefused("not-found", call)
        self.assertEqual(stranger.courses(), [])

        stale = self.assertRefused("course-changed", lambda: teacher.change("A2", start, lab2))
        self.assertEqual(stale.problem.members["revision"], revision)
        early = assignment("lab3", course="A2", until="2034-11-24T15:59:59.999Z")
        one = self.assertRefused("change-refused", lambda: teacher.change("A2", revision, lab2, early))
        self.assertEqual(one.problem.members["number"], 2)
        whole = teacher.course("A2")
        self.assertEqual((whole.course.revision, list(whole.assignments)), (revision, ["lab1"]))

    def test_a_repeated_change_is_made_once(self) -> None:
        """As after a lost answer: the same content gets the same answer."""
        self.course("A3")
        teacher = self.staff(TEACHER)
        start = teacher.course("A3").course.revision
        made = teacher.change("A3", start, members(*STUDENTS[:2]))
        self.assertEqual(teacher.change("A3", start, members(*STUDENTS[:2])), made)
        self.assertEqual(teacher.course("A3").course.revision, made)

    def test_lists_come_in_parts(self) -> None:
        self.course("A4")
        teacher = self.staff(TEACHER)
        start = teacher.course("A4").course.revision
        teacher.change("A4", start, assignment("lab1", course="A4"), members(*STUDENTS))
        for page in (1, 3, len(STUDENTS), 500):
            with self.subTest(page=page):
                self.assertEqual([one.sid for one in teacher.members("A4", page)], STUDENTS)
                rows = list(teacher.hand_ins("A4", "lab1", page))
                self.assertEqual([row.sid for row in rows], STUDENTS)
        for page in (501, 1000):
            # A limit that is out of range may lie in the query as it arrived: not final, so it is asked for again.
            answer = self.once(teacher, f"/v1/courses/A4/members?limit={page}")
            self.assertEqual(answer, ("malformed-request", 400))

    def once(self, staff: object, target: str) -> tuple[str, int]:
        """What one signed request is refused with."""
        from scene import fresh_nonce

        desk = staff.desk  # type: ignore[attr-defined]
        session = desk.blackboard.open_session(desk.identity)
        answer = desk.blackboard.send(session, "GET", target, nonce=fresh_nonce())
        problem = desk.blackboard.refused(answer, proven=True).problem
        return problem.slug, problem.status

    def test_who_has_handed_in_and_which_claim_counts(self) -> None:
        self.course("A5")
        teacher = self.staff(TEACHER)
        start = teacher.course("A5").course.revision
        revision = teacher.change("A5", start, assignment("lab1", course="A5"), members(*STUDENTS[:2]))
        desk = self.desk(STUDENTS[0])
        claims = []
        for _ in range(2):
            lodged = self.lodge(desk, "A5/lab1")
            upload(desk, lodged, {"report.pdf": self.report})
            claims.append(lodged.id)
        first, last = claims
        row, other = teacher.hand_ins("A5", "lab1")
        self.assertEqual((row.counting, [one["claim"] for one in row.claims]), (last, [last, first]))
        self.assertEqual((other.counting, other.claims), (None, []))

        choice = {"change": "choose", "assignment": "lab1", "sids": [STUDENTS[0]], "claim": first, "reason": "agreed"}
        revision = teacher.change("A5", revision, choice)
        row, _ = teacher.hand_ins("A5", "lab1")
        self.assertEqual((row.counting, row.chosen), (first, "agreed"))
        told = {one["claim"]: one for one in find(desk.assignments(), "A5/lab1").claims}
        self.assertEqual((told[first]["counts"], told[first]["chosen"]), (True, "agreed"))

        # Staff may look at everything that was handed in.
        self.assertEqual(self.staff(ASSISTANT).desk.get(first, 0, 0), self.report.read_bytes())
        self.assertEqual(teacher.desk.document(last).state, "received")


if __name__ == "__main__":
    unittest.main()

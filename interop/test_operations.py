"""The whole API as its OpenAPI document has it, tried by schemathesis at a real server, within sessions.

No answer is a fault of the server, has a status, type or content that the document does not have,
or lacks its signature; and every operation is also seen to do as it is asked.
CLAIM_EXAMPLES sets how many requests are generated for each operation.
"""

from __future__ import annotations

import json
import os
import random
import unittest
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from claim_student.handin import Lodged, upload
from exercise import Leads, Signer, Tally
from staffed import ASSISTANT, OWNER, STUDENTS, TEACHER, Staffed, assignment, members

EXAMPLES = int(os.environ.get("CLAIM_EXAMPLES", "30"))
SEED = 5710

# Operations that need not be seen to do as they are asked, and why.
NEVER_DONE = {
    "lodgeStampedClaim": "takes an outage on record and a timestamp of CUHK's; the tests of crates/claim have both",
    "readEntries": "a full bundle needs 256 entries",
    "readTile": "a full tile needs 256 entries",
}

# What schemathesis could also look at, and why it does not here.
_CHECKS = {
    "ensure_resource_availability": False,  # whose a claim is, it does not know
    "ignored_auth": False,  # sessions are no credentials that are sent; crates/claim/tests/refusals tries them
    "missing_required_header": False,  # the signer sets them
    "negative_data_rejection": False,  # unknown members and queries are ignored (section 1)
    "object_level_authorization": False,  # every cell of the rights is tried by crates/claim/tests/refusals
    "positive_data_acceptance": False,  # what is well-formed may still be refused: a claim that nobody lodged
    "use_after_free": False,  # nothing is deleted
}


class Exercise(Staffed):
    """Everything that the document describes."""

    settings = """
        [blackboard.limits]
        bearable-wait = 60
        refusals-per-minute = 1000000
        [blackboard.quotas]
        requests-per-minute = 1000000
    """

    def setUp(self) -> None:
        super().setUp()
        self.course("IEMS5710")
        self.owner = self.staff(OWNER)
        start = self.owner.course("IEMS5710").course.revision
        self.owner.change("IEMS5710", start, assignment("lab1"), members(*STUDENTS))
        self.student_desk = self.desk(STUDENTS[0])
        self.received = self._lodge()
        upload(self.student_desk, self.received, {"report.pdf": self.report})

    def _lodge(self) -> Lodged:
        return self.lodge(self.student_desk, "IEMS5710/lab1")

    def test_every_operation(self) -> None:
        with self.blackboard() as blackboard:
            document = json.loads(blackboard.connection.request("GET", "/openapi.json").content)
        tally = self._run(document)
        described = {
            operation["operationId"] for path in document["paths"].values() for operation in path.values()
        }
        self.assertFalse(tally.wrong, "\n\n".join(tally.wrong))
        self.assertEqual(set(tally.statuses), described, "an operation was not tried")
        statuses = {name: dict(seen) for name, seen in tally.statuses.items()}
        self.assertEqual(tally.never_done() - set(NEVER_DONE), set(), statuses)

    def _run(self, document: dict[str, Any]) -> Tally:
        dice, tally = random.Random(SEED), Tally()
        desks = [self.student_desk, *(self.staff(who).desk for who in (ASSISTANT, TEACHER)), self.owner.desk]
        sessions = [desk.blackboard.open_session(desk.identity) for desk in desks]
        signer = Signer(self.server.origin, sessions, dice)
        names = {
            "course": "IEMS5710", "assignment": "lab1", "sid": STUDENTS[0], "id": self.received.id,
            "file": 0, "index": 0, "level": 0, "tile": "000",
        }  # fmt: skip
        leads = Leads(
            signer, self.student_desk, self.owner, lambda: self.claim(self.student_desk, "IEMS5710/lab1"),
            self._lodge, names,
        )  # fmt: skip
        schemathesis.openapi.media_type("application/cms", st.binary(max_size=300))
        schema = schemathesis.openapi.from_dict(document, config=self._config())
        schema.auth.set_from_requests(signer)

        @schemathesis.hook
        def before_call(context: Any, case: Any, kwargs: Any) -> None:
            leads.lead(case)

        @schemathesis.hook
        def after_call(context: Any, case: Any, response: Any) -> None:
            # Requests by methods that are not described are none of the operation.
            if case.method.upper() == case.operation.method.upper():
                tally.count(case.operation.definition.raw["operationId"], response.status_code)
            if wrong := signer.check(response):
                tally.wrong.append(f"{case.method} {case.path}: {wrong}")

        for event in from_schema(schema).execute():
            if isinstance(event, (FatalError, NonFatalError)):
                tally.wrong.append(repr(event.__dict__ if hasattr(event, "__dict__") else event))
            elif isinstance(event, ScenarioFinished):
                for checks in event.recorder.checks.values():
                    for check in checks:
                        if check.failure_info is not None:
                            tally.wrong.append(
                                f"{event.label}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
                            )
        return tally

    def _config(self) -> schemathesis.Config:
        checks = {name: {"enabled": enabled} for name, enabled in _CHECKS.items()}
        return schemathesis.Config.from_dict({
            "seed": SEED, "base-url": self.server.origin, "workers": 1, "continue-on-failure": True,
            "tls-verify": str(self.home / "cuhk.cer"), "request-timeout": 60,
            "generation": {
                "max-examples": EXAMPLES, "deterministic": True, "database": "none", "no-shrink": True,
                "with-security-parameters": False,
            },
            "phases": {"stateful": {"enabled": False}},
            "checks": checks,
        })  # fmt: skip


if __name__ == "__main__":
    unittest.main()

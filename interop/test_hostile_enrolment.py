"""What PROTOCOL.md asks of a client in steps 1 and 2, against servers that tempt it to do less."""

from __future__ import annotations

import dataclasses
import tempfile
import unittest
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from claim_student import certs
from claim_student.enrol import Invitation, enroll, reenroll
from claim_student.errors import ClaimError, Malformed, Refused, Unsettled, Untrusted
from claim_student.identity import Folder, Identity
from claim_student.wire import b64, b64u
from fake import (
    Authority,
    FakeCuhk,
    Listener,
    Reply,
    name,
    new_key,
    person_plan,
    problem,
    server_plan,
)
from tempt import (
    AUTHORITY,
    FOREIGN,
    SID,
    also,
    body,
)


class Enrolment(unittest.TestCase):
    """Steps 1 and 2."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Folder(Path(temporary.name))

    def _enroll(self, fake: FakeCuhk, line: str | None = None, **options: Any) -> Identity:
        invitation = Invitation.parse(line or fake.invitation())
        return enroll(self.folder, SID, invitation=invitation, **options)

    def _refused(self, fake: FakeCuhk, error: type[ClaimError], *, codes: int) -> None:
        with fake.serve(fake.chain, fake.key), self.assertRaises(error):
            self._enroll(fake)
        self.assertEqual(len(fake.codes()), codes)
        with self.assertRaises(Malformed):
            self.folder.identity(SID)

    def test_honest_and_renewed(self) -> None:
        fake = FakeCuhk(AUTHORITY)
        fake.cacerts = [FOREIGN.root, FOREIGN.issuing, *fake.cacerts, new_root(), new_root()]
        with fake.serve(fake.chain, fake.key):
            first = self._enroll(fake)
            second = reenroll(self.folder, SID)
        self.assertNotEqual(first.chain[0], second.chain[0])
        self.assertEqual(len(set(fake.keys)), 2, "a new key")
        basic = f"Basic {b64(f'{SID}:{b64u(bytes(16))}'.encode())}"
        self.assertEqual(fake.codes(), [basic])
        cacerts = [t for t in fake.targets() if t.endswith("/cacerts")]
        self.assertEqual(len(cacerts), 2, "cacerts is fetched anew")

    def test_no_code_for_a_cuhk_that_is_not_the_right_one(self) -> None:
        def pin(fake: FakeCuhk) -> None:
            fake.cacerts = [FOREIGN.root, FOREIGN.issuing]

        def planned(**changes: Any) -> Callable[[FakeCuhk], None]:
            def change(fake: FakeCuhk) -> None:
                plan = dataclasses.replace(server_plan(fake.origin), **changes)
                fake.chain = [AUTHORITY.issue(plan, fake.key.public_key()), AUTHORITY.issuing]

            return change

        def uri(fake: FakeCuhk) -> None:
            other = server_plan("https://localhost:1")
            fake.chain = [AUTHORITY.issue(other, fake.key.public_key()), AUTHORITY.issuing]

        def by_root(fake: FakeCuhk) -> None:
            plan = server_plan(fake.origin)
            fake.chain = [AUTHORITY.by_root(plan, fake.key.public_key())]

        for change in (pin, uri, by_root, planned(policies=[]),
                       planned(policies=[certs.PERSON_POLICY]),
                       planned(purposes=[Eku.SERVER_AUTH])):  # fmt: skip
            fake = FakeCuhk(AUTHORITY)
            change(fake)
            with self.subTest(str(change)):
                self._refused(fake, Untrusted, codes=0)
        fake = FakeCuhk(AUTHORITY)
        plan = server_plan(fake.origin)
        fake.chain = [FOREIGN.issue(plan, fake.key.public_key()), FOREIGN.issuing]
        self._refused(fake, Unsettled, codes=0)

    def test_a_certificate_that_is_not_ones_own_is_not_kept(self) -> None:
        other = new_key().public_key()
        plan = person_plan(SID)
        cases: dict[str, Callable[[ec.EllipticCurvePublicKey], list[x509.Certificate]]] = {
            "another key": lambda k: [AUTHORITY.issue(plan, other)],
            "another id": lambda k: [AUTHORITY.issue(person_plan("1155999999"), k)],
            "another root": lambda k: [FOREIGN.issue(plan, k)],
            "by the root itself": lambda k: [AUTHORITY.by_root(plan, k)],
            "the server profile": lambda k: [AUTHORITY.issue(server_plan("https://localhost"), k)],
            "two UIDs": lambda k: [
                AUTHORITY.issue(dataclasses.replace(plan, subject=name("x", a=SID, b=SID)), k)
            ],
            "a usage less": lambda k: [
                AUTHORITY.issue(dataclasses.replace(plan, usages={"digital_signature"}), k)
            ],
            "an alternative name": lambda k: [
                AUTHORITY.issue(dataclasses.replace(plan, names=[x509.DNSName("a.b")]), k)
            ],
            "expired": lambda k: [
                AUTHORITY.issue(dataclasses.replace(plan, start=timedelta(days=-91)), k)
            ],
            "nothing for this key": lambda k: [AUTHORITY.issuing],
        }
        for case, issued in cases.items():
            fake = FakeCuhk(AUTHORITY)
            fake.issued = issued
            with self.subTest(case):
                self._refused(fake, Untrusted, codes=1)

    def test_another_cuhk_cer_is_there_already(self) -> None:
        self.folder.keep_cuhk(FOREIGN.root, "https://localhost:9335")
        self._refused(FakeCuhk(AUTHORITY), Untrusted, codes=0)

    def test_no_root_is_taken_from_the_network(self) -> None:
        fake = FakeCuhk(AUTHORITY)
        with fake.serve(fake.chain, fake.key):
            with self.assertRaises(Untrusted):
                enroll(self.folder, SID, origin=fake.origin)
            self.assertEqual(fake.requests, [])
            enroll(self.folder, SID, origin=fake.origin, root=AUTHORITY.root)

    def test_odd_answers(self) -> None:
        elsewhere = Listener()
        cases: list[tuple[type[ClaimError], Callable[[Reply], Reply]]] = [
            (Malformed, also(Content_Type="application/octet-stream")),
            (Malformed, body(lambda b: b"!" + b)),
            (Malformed, lambda r: Reply(202, r.fields, r.content)),
            (Malformed, lambda r: Reply(307, {"Location": elsewhere.origin}, b"")),
            (Malformed, also(Content_Encoding="gzip")),
        ]
        for error, change in cases:
            fake = FakeCuhk(AUTHORITY)
            fake.enrolled = change
            with self.subTest(error):
                self._refused(fake, error, codes=1)
        elsewhere.server.server_close()
        self.assertEqual(elsewhere.requests, [])

    def test_refusals_are_final_but_for_those_that_pass(self) -> None:
        for status in (400, 401, 403, 451):
            fake = FakeCuhk(AUTHORITY)
            fake.enrolled = lambda _, f=fake, s=status: problem(f.origin, "x", s)  # type: ignore[misc]
            self._refused(fake, Refused, codes=1)
        for status in (408, 429, 500, 503):
            fake = FakeCuhk(AUTHORITY)
            fake.enrolled = lambda _, f=fake, s=status: problem(f.origin, "x", s)  # type: ignore[misc]
            self._refused(fake, Unsettled, codes=1)

    def test_a_lost_answer_is_no_lost_code(self) -> None:
        fake = FakeCuhk(AUTHORITY)
        fake.enrolled = lambda _: problem(fake.origin, "overloaded", 503)
        with fake.serve(fake.chain, fake.key):
            with self.assertRaises(Unsettled):
                self._enroll(fake)
            fake.enrolled = lambda reply: reply
            self._enroll(fake)
        self.assertEqual(len(set(fake.keys)), 1, "the same key again")


def new_root() -> x509.Certificate:
    """A root that nobody asked for."""
    return Authority().root


if __name__ == "__main__":
    unittest.main()

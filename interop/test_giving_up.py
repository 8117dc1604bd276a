"""The student gives certificates up at a CUHK that was set up for real, and nobody gives up another's."""

from __future__ import annotations

import json
import unittest
from functools import partial
from pathlib import Path

from claim_student.enrol import Invitation, basic, connect, enroll, first_contact, reenroll
from claim_student.errors import Malformed
from claim_student.http import Answer
from claim_student.identity import Folder
from claim_student.revoke import revoke, revoke_by_invitation, wish
from claim_student.wire import b64u
from scene import Temporary
from servers import Server, run


def serial(folder: Folder, sid: str) -> str:
    """The serial number of the certificate in a folder."""
    return f"{folder.identity(sid).chain[0].serial_number:032x}"


class Revoking(Temporary):
    """A CUHK with two students: one who lost a device, one who would like to be the first."""

    cuhk: Server
    home: Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.home = cls.base / "cuhk"
        cls.home.mkdir()
        run("cuhk", "init", "--dir", str(cls.home))
        cls.cuhk = Server("cuhk", cls.home)
        cls.addClassCleanup(cls.cuhk.stop)

    def invite(self, sid: str) -> Invitation:
        """A new invitation."""
        line = run("cuhk", "invite", "--dir", str(self.home), "--sid", sid, "--json")
        return Invitation.parse(str(json.loads(line)["invitation"]))

    def enrolled(self, sid: str) -> Folder:
        """A folder with a certificate."""
        folder = self.folder()
        enroll(folder, sid, invitation=self.invite(sid))
        return folder

    def listed(self, sid: str) -> dict[str, object]:
        """The reasons that CUHK's own list gives, by serial number."""
        lines = run("cuhk", "list", "--dir", str(self.home), "--json").splitlines()
        rows = [row for row in map(json.loads, lines) if row["holder"] == sid]
        return {row["serial"]: row["revocation_reason"] for row in rows}

    def test_a_device_gives_itself_up(self) -> None:
        sid = "1155000011"
        folder = self.enrolled(sid)
        own = serial(folder, sid)
        found = revoke(folder, sid, wish(serial=own, reason="keyCompromise"))
        self.assertEqual([(one.serial, one.before) for one in found], [(own, False)])
        self.assertEqual(self.listed(sid), {own: "keyCompromise"})
        with self.assertRaises(Malformed):
            folder.identity(sid)
        enroll(folder, sid, invitation=self.invite(sid))
        self.assertNotEqual(serial(folder, sid), own)

    def test_an_invitation_gives_up_all_and_then_enrols(self) -> None:
        sid = "1155000012"
        lost, invitation = self.enrolled(sid), self.invite(sid)
        found = revoke_by_invitation(invitation, wish(everything=True))
        self.assertEqual([one.serial for one in found], [serial(lost, sid)])
        again = revoke_by_invitation(invitation, wish(everything=True, reason="superseded"))
        self.assertEqual([(one.before, one.reason) for one in again], [(True, "unspecified")])
        self.assertSlug("certificate-revoked", lambda: reenroll(lost, sid), proven=True)
        by_lost = partial(revoke, lost, sid, wish(everything=True))
        self.assertSlug("certificate-revoked", by_lost, proven=True)
        new = self.folder()
        enroll(new, sid, invitation=invitation)
        spent = partial(revoke_by_invitation, invitation, wish(everything=True))
        self.assertSlug("code-used", spent, proven=True)
        reenroll(new, sid)

    def test_nobody_gives_up_or_learns_of_what_is_anothers(self) -> None:
        victim, attacker = "1155000013", "1155000014"
        theirs, own = self.enrolled(victim), self.enrolled(attacker)
        invitation = self.invite(attacker)
        details = set()
        for wanted in (serial(theirs, victim), "00ff" * 8):
            for ask in (
                partial(revoke, own, attacker, wish(serial=wanted)),
                partial(revoke_by_invitation, invitation, wish(serial=wanted)),
            ):
                refused = self.assertSlug("not-found", ask, proven=True)
                details.add(refused.problem.detail)
        self.assertEqual(len(details), 1, details)
        cuhk = first_contact(invitation.origin, invitation.pin)
        bodies = set()
        for user, code in (
            (victim, invitation.code),
            (victim, b64u(bytes(16))),
            ("1155999999", invitation.code),
            ("nobody here", "x"),
        ):
            fields = {"Content-Type": "application/json", "Authorization": basic(user, code)}
            with connect(cuhk) as connection:
                answer: Answer = connection.request(
                    "POST", "/revocations", fields=fields, content=wish(everything=True)
                )
            self.assertEqual(answer.status, 401)
            bodies.add(answer.content)
        self.assertEqual(len(bodies), 1, "one answer, byte for byte")
        self.assertEqual(list(self.listed(victim).values()), [None])
        reenroll(theirs, victim)

    def test_requests_that_are_none(self) -> None:
        sid = "1155000015"
        folder = self.enrolled(sid)
        for body in (b"", b"{}", b'{"all":true,"device":"x"}', b'{"all":true,"reason":"certificateHold"}'):
            with self.subTest(body):
                self.assertSlug("malformed-request", partial(revoke, folder, sid, body), proven=True)
        for bad in ({}, {"serial": "00", "everything": True}, {"everything": True, "reason": "hold"}):
            with self.subTest(bad), self.assertRaises(Malformed):
                wish(**bad)  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()

"""The student against a CUHK that was set up for real: codes and pins."""

from __future__ import annotations

import dataclasses
import json
import socket
import unittest
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from claim_student import certs
from claim_student.certificates import certificates
from claim_student.enrol import (
    Invitation,
    basic,
    certification_request,
    connect,
    enroll,
    first_contact,
    post_request,
    reenroll,
)
from claim_student.errors import ClaimError, Untrusted
from claim_student.identity import read_root
from claim_student.session import Blackboard
from claim_student.wire import b64u
from fake import new_key
from scene import SID, Temporary
from servers import Server, run


class Invited(Temporary):
    """A CUHK that was set up for real: codes and pins."""

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

    def invite(self, *whom: str) -> str:
        """A new invitation line."""
        line = run("cuhk", "invite", "--dir", str(self.home), *whom, "--json")
        return str(json.loads(line)["invitation"])

    def test_invitation_enrols_one_key(self) -> None:
        folder, invitation = self.folder(), Invitation.parse(self.invite("--sid", "1155000001"))
        identity = enroll(folder, "1155000001", invitation=invitation)
        cuhk = first_contact(invitation.origin, invitation.pin)
        authorization = basic(invitation.id, invitation.code)
        with connect(cuhk) as connection:

            def post(key: ec.EllipticCurvePrivateKey, by: str = authorization) -> object:
                return post_request(connection, "simpleenroll", certification_request(key), by)[0]

            self.assertEqual(post(identity.key), identity.chain[0])
            self.assertSlug("code-used", lambda: post(new_key()), proven=True)
            for by in (basic(SID, invitation.code), basic(invitation.id, b64u(bytes(16)))):
                self.assertSlug("code-refused", partial(post, new_key(), by), proven=True)
        renewed = reenroll(folder, "1155000001")
        self.assertNotEqual(renewed.chain[0], identity.chain[0])

    def test_each_certificate_is_renewed_once_by_either_key(self) -> None:
        sid = "1155000011"
        folder, invitation = self.folder(), Invitation.parse(self.invite("--sid", sid))
        first = enroll(folder, sid, invitation=invitation, device="laptop")
        second = reenroll(folder, sid, same_key=True)
        self.assertEqual(certs.p256_key(first.chain[0]), certs.p256_key(second.chain[0]))
        self.assertNotEqual(first.chain[0].serial_number, second.chain[0].serial_number)

        # The answer is lost: with the certificate before, the same key gets the same one again.
        cuhk = first_contact(invitation.origin, invitation.pin)
        kept = folder.path / f"{sid}.pem"
        now_kept = kept.read_bytes()
        folder.keep(sid, first.key, first.chain)
        before = folder.identity(sid)
        with connect(cuhk, identity=before) as connection:

            def post(key: ec.EllipticCurvePrivateKey) -> object:
                return post_request(connection, "simplereenroll", certification_request(key))[0]

            self.assertEqual(post(first.key), second.chain[0])
            self.assertSlug("certificate-renewed", lambda: post(new_key()), proven=True)
        kept.write_bytes(now_kept)

        third = reenroll(folder, sid, device="laptop 2", http2=False)
        self.assertNotEqual(certs.p256_key(third.chain[0]), certs.p256_key(second.chain[0]))
        self.assertFalse(folder.has_pending(sid))
        listed = certificates(folder, sid)
        serials = [f"{one.chain[0].serial_number:x}" for one in (third, second, first)]
        self.assertEqual([one.serial.lstrip("0") for one in listed], serials)
        self.assertEqual([one.device for one in listed], ["laptop 2", "laptop", "laptop"])
        by = ["certificate", "certificate", "code"]
        self.assertEqual([one.authenticated_by for one in listed], by)
        self.assertEqual(listed[1].renewed_by, listed[0].serial)
        self.assertEqual(listed[1].predecessor, listed[2].serial)
        self.assertEqual([one.revoked_at for one in listed], [None] * 3)

    def test_a_fourth_device_is_refused(self) -> None:
        sid = "1155000012"
        for device in ("laptop", "tablet", "Lab PC 3"):
            invitation = Invitation.parse(self.invite("--sid", sid))
            folder = self.folder()
            enroll(folder, sid, invitation=invitation, device=device)
        invitation = Invitation.parse(self.invite("--sid", sid))
        slug = "too-many-certificates"
        fourth = self.folder()
        refused = self.assertSlug(
            slug, lambda: enroll(fourth, sid, invitation=invitation), proven=True
        )
        self.assertIn("Lab PC 3", refused.problem.detail or "")
        serial = certificates(folder, sid)[0].serial
        run("cuhk", "revoke", "--dir", str(self.home), serial)
        enroll(fourth, sid, invitation=invitation, device="phone")
        self.assertSlug("certificate-revoked", lambda: reenroll(folder, sid), proven=True)
        self.assertSlug("certificate-revoked", lambda: certificates(folder, sid), proven=True)
        self.assertEqual(len(certificates(fourth, sid)), 4)

    def test_a_name_of_a_device_is_plain(self) -> None:
        sid = "1155000013"
        for device in ("-x", "x" * 41, "a/b"):
            invitation = Invitation.parse(self.invite("--sid", sid))
            folder, enrol = self.folder(), partial(enroll, invitation=invitation, device=device)
            self.assertSlug("malformed-request", partial(enrol, folder, sid), proven=True)

    def test_wrong_pin_stops_before_the_code(self) -> None:
        invitation = Invitation.parse(self.invite("--sid", "1155000002"))
        wrong = dataclasses.replace(invitation, pin=b64u(bytes(16)))
        folder = self.folder()
        with self.assertRaises(Untrusted):
            enroll(folder, "1155000002", invitation=wrong)
        self.assertEqual(list(folder.path.iterdir()), [])
        enroll(folder, "1155000002", invitation=invitation)

    def test_no_invitation_no_enrolment(self) -> None:
        with self.assertRaises(Untrusted):
            enroll(self.folder(), SID, origin=self.cuhk.origin)

    def test_another_root_in_the_folder_is_kept(self) -> None:
        demo_home = self.base / "demo"
        demo_home.mkdir()
        demo = Server("cuhk", demo_home)
        self.addCleanup(demo.stop)
        folder = self.folder()
        enroll(folder, SID, origin=demo.origin, root=read_root(demo_home / "cuhk.cer"))
        invitation = Invitation.parse(self.invite("--sid", SID))
        with self.assertRaises(Untrusted):
            enroll(folder, SID, invitation=invitation)
        cuhk = first_contact(invitation.origin, invitation.pin)
        with connect(cuhk, identity=folder.identity(SID)) as connection:
            request = certification_request(new_key())
            self.assertSlug(
                "certificate-untrusted",
                lambda: post_request(connection, "simplereenroll", request),
                proven=True,
            )

    def test_lines_that_are_no_invitations(self) -> None:
        line = self.invite("--sid", "1155000003")
        Invitation.parse(line + "\n")
        for bad in (
            line.split("#")[0],
            line[:-1],
            line.replace("claim:", "https:"),
            line.replace("/1155000003/", "/"),
            line.replace(self.cuhk.origin.rsplit(":", 1)[1] + "/", "/").replace(":/", "/"),
        ):
            with self.subTest(bad), self.assertRaises(ClaimError):
                Invitation.parse(bad)

    def test_blackboard_by_invitation(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        origin, home = f"https://localhost:{port}", self.base / "blackboard"
        home.mkdir()
        (home / "cuhk.cer").write_bytes((self.home / "cuhk.cer").read_bytes())
        invitation = home / "blackboard.invite"
        invitation.write_text(self.invite("--server", origin) + "\n", "ascii")
        server = Server(
            "blackboard", home, "--cuhk", self.cuhk.origin, "--public-url", origin,
            listen=f"127.0.0.1:{port}",
        )  # fmt: skip
        self.addCleanup(server.stop)
        self.assertEqual(server.origin, origin)
        folder = self.folder()
        line = Invitation.parse(self.invite("--sid", "1155000004"))
        identity = enroll(folder, "1155000004", invitation=line)
        with Blackboard(origin, folder.root()) as blackboard:
            self.assertEqual(blackboard.say(identity, "真的".encode()).sid, "1155000004")


if __name__ == "__main__":
    unittest.main()

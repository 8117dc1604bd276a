"""The student against real servers, started from the program that CLAIM_BIN names."""

from __future__ import annotations

import base64
import dataclasses
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from claim_student import certs
from claim_student.enrol import (
    Cuhk,
    basic,
    certification_request,
    connect,
    enroll,
    first_contact,
    post_request,
    reenroll,
    utc_now,
)
from claim_student.errors import Unsettled, Untrusted
from claim_student.http import Answer
from claim_student.identity import Folder, Identity, read_root
from claim_student.session import Blackboard, Session, request_sentence
from claim_student.signing import sign_request, verify_answer
from claim_student.wire import b64, b64u, parse_problem
from fake import new_key
from scene import SID, Temporary, fresh_nonce
from servers import DEADLINE, Server

_HERE = Path(__file__).resolve().parent
_TEXT = "text/plain; charset=utf-8"


class LocalDemo(Temporary):
    """A local demonstration: CUHK and Blackboard in one folder."""

    cuhk: Server
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        home = cls.base / "servers"
        home.mkdir()
        cls.cuhk = Server("cuhk", home)
        cls.addClassCleanup(cls.cuhk.stop)
        cls.server = Server("blackboard", home, "--cuhk", cls.cuhk.origin)
        cls.addClassCleanup(lambda: cls.server.stop())

    def student(self, sid: str = SID) -> tuple[Folder, Identity]:
        """A student who has just enrolled."""
        folder = self.folder()
        return folder, enroll(folder, sid, origin=self.cuhk.origin, root=self.root())

    def root(self) -> x509.Certificate:
        """What the demonstration leaves in its folder."""
        return read_root(self.cuhk.folder / "cuhk.cer")

    def blackboard(self, folder: Folder, **options: object) -> Blackboard:
        """A connection to Blackboard, closed after the test."""
        blackboard = Blackboard(self.server.origin, folder.root(), **options)  # type: ignore[arg-type]
        self.addCleanup(blackboard.connection.close)
        return blackboard

    # Enrolment

    def test_enrols_and_reenrols(self) -> None:
        folder, first = self.student()
        self.assertEqual(folder.path.joinpath(f"{SID}.pem").stat().st_mode & 0o777, 0o600)
        second = reenroll(folder, SID)
        self.assertNotEqual(first.chain[0].serial_number, second.chain[0].serial_number)
        self.assertNotEqual(certs.p256_key(first.chain[0]), certs.p256_key(second.chain[0]))
        third = reenroll(folder, SID, http2=False)
        blackboard = self.blackboard(folder)
        self.assertEqual(blackboard.open_session(third).sid, SID)

    def test_cuhk_under_another_origin_gets_no_code(self) -> None:
        origin = self.cuhk.origin.replace("localhost", "127.0.0.1")
        with self.assertRaises(Untrusted):
            enroll(self.folder(), SID, origin=origin, root=self.root())

    def test_code_is_not_sent_to_another_server(self) -> None:
        cuhk = first_contact(self.cuhk.origin, certs.pin_of(self.root()))
        home = self.server.folder
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home / "blackboard.cer", home / "blackboard.key")
        received: list[bytes] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(DEADLINE)

            def serve() -> None:
                connection, _ = listener.accept()
                connection.settimeout(DEADLINE)
                try:
                    with context.wrap_socket(connection, server_side=True) as tls:
                        received.append(tls.recv(1))
                except OSError:
                    received.append(b"")

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            elsewhere = Cuhk(
                f"https://localhost:{listener.getsockname()[1]}", cuhk.root, cuhk.others
            )
            with self.assertRaises(Untrusted), connect(elsewhere) as connection:
                post_request(
                    connection,
                    "simpleenroll",
                    certification_request(new_key()),
                    basic(SID, b64u(bytes(16))),
                )
            thread.join(DEADLINE)
        self.assertEqual(received, [b""])

    def test_refusals_of_cuhk(self) -> None:
        cuhk = first_contact(self.cuhk.origin, certs.pin_of(self.root()))
        request, code = certification_request(new_key()), b64u(bytes(16))
        body = base64.encodebytes(request)
        fields = {"Content-Type": "application/pkcs10", "Authorization": basic(SID, code)}
        changed = bytearray(request)
        changed[-1] ^= 1
        cases: list[tuple[str, str, str, dict[str, str], bytes | None]] = [
            ("code-refused", "POST", "simpleenroll", {"Authorization": "Basic !"}, body),
            ("not-on-roster", "POST", "simpleenroll", {"Authorization": basic("x", code)}, body),
            ("request-unreadable", "POST", "simpleenroll", {}, b"AAAA"),
            ("request-signature", "POST", "simpleenroll", {}, b64(bytes(changed)).encode()),
            ("content-too-large", "POST", "simpleenroll", {}, bytes(65537)),
            ("unsupported-media-type", "POST", "simpleenroll", {"Content-Type": "x/y"}, body),
            ("unsupported-media-type", "POST", "simpleenroll", {"Content-Encoding": "gzip"}, body),
            ("client-certificate-required", "POST", "simplereenroll", {}, body),
            ("method-not-allowed", "PUT", "cacerts", {}, body),
            ("not-found", "GET", "nothing", {}, None),
            ("local-only", "GET", "cacerts", {"Host": "cuhk.example"}, None),
        ]
        for slug, method, what, others, content in cases:
            with self.subTest(slug), connect(cuhk) as connection:
                answer = connection.request(
                    method, f"/.well-known/est/{what}", fields=fields | others, content=content
                )
                kind = answer.one("content-type") or ""
                problem = parse_problem(answer.status, kind, answer.content, cuhk.origin)
                self.assertEqual(problem.slug, slug)
                page = connection.request("GET", f"/problems/{slug}")
                self.assertEqual(page.status, 200)

    def test_tls_1_2_is_refused(self) -> None:
        for server in (self.cuhk, self.server):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            host, port = server.address.rsplit(":", 1)
            with socket.create_connection((host, int(port)), DEADLINE) as plain:
                with self.assertRaises(ssl.SSLError):
                    context.wrap_socket(plain)

    # Session

    def test_messages_in_utf_8_over_both_versions_of_http(self) -> None:
        folder, identity = self.student("1155000001")
        for http2 in (True, False):
            text = f"報告 ready – é 🎓 {http2}"
            with self.subTest(text):
                blackboard = self.blackboard(folder, http2=http2)
                session = blackboard.open_session(identity)
                receipt = blackboard.message(session, text.encode(), fresh_nonce())
                self.assertEqual(receipt.sid, "1155000001")
                while True:
                    event = self.server.event("message")
                    if event["number"] == receipt.number:
                        break
                self.assertEqual((event["id"], event["text"]), ("1155000001", text))

    def test_repeated_nonce(self) -> None:
        folder, identity = self.student()
        blackboard = self.blackboard(folder)
        session, nonce = blackboard.open_session(identity), fresh_nonce()
        first = blackboard.message(session, b"one", nonce)
        again = blackboard.message(session, b"one", nonce)
        self.assertEqual(first.content, again.content)
        refused = self.assertSlug(
            "nonce-reused", lambda: blackboard.message(session, b"two", nonce), proven=True
        )
        self.assertEqual(refused.problem.status, 409)
        self.assertEqual(blackboard.message(session, b"one", nonce).content, first.content)

    def test_step_5_repeated_is_the_same_session(self) -> None:
        folder, identity = self.student()
        blackboard = self.blackboard(folder)
        challenge = blackboard.challenge(identity)
        one, two = (blackboard.confirm(identity, challenge) for _ in range(2))
        self.assertNotEqual(one.token, two.token)
        nonce = fresh_nonce()
        first = blackboard.message(one, b"x", nonce)
        self.assertEqual(blackboard.message(two, b"x", nonce).content, first.content)

    def test_blackboard_under_another_origin_is_refused(self) -> None:
        folder, identity = self.student()
        origin = self.server.origin.replace("localhost", "127.0.0.1")
        with Blackboard(origin, folder.root()) as blackboard, self.assertRaises(Untrusted):
            blackboard.open_session(identity)

    def test_refusals_in_steps_3_to_5(self) -> None:
        folder, identity = self.student()
        blackboard = self.blackboard(folder)
        chain = [b64(certs.der(c)) for c in identity.chain]
        server = [
            b64(certs.der(c))
            for c in x509.load_pem_x509_certificates(
                (self.server.folder / "blackboard.cer").read_bytes()
            )
        ]
        step_3: dict[str, object] = {
            "request": request_sentence(SID),
            "certificate": chain,
            "nonce": b64u(bytes(32)),
        }
        challenge = blackboard.challenge(identity)
        good = b64u(challenge.keys.student_confirmation())
        cases: list[tuple[str, str, dict[str, object]]] = [
            ("malformed-request", "challenges", step_3 | {"nonce": b64u(bytes(31))}),
            ("malformed-request", "challenges", step_3 | {"request": "hello"}),
            ("malformed-request", "challenges", step_3 | {"certificate": chain * 3}),
            ("sid-mismatch", "challenges", step_3 | {"request": request_sentence("1155999999")}),
            ("certificate-unreadable", "challenges", step_3 | {"certificate": ["AAAA"]}),
            ("certificate-profile", "challenges", step_3 | {"certificate": server}),
            (
                "confirmation-wrong",
                "sessions",
                {"challenge": challenge.token, "confirmation": b64u(bytes(32))},
            ),
            ("challenge-invalid", "sessions", {"challenge": "x", "confirmation": good}),
            ("malformed-request", "sessions", {"challenge": challenge.token}),
        ]
        for slug, target, members in cases:
            with self.subTest(slug):
                call = partial(blackboard._post, f"/v1/{target}", members)
                self.assertSlug(slug, call, proven=False)
        stranger = _stranger(identity)
        with self.subTest("certificate-untrusted"):
            self.assertSlug(
                "certificate-untrusted", lambda: blackboard.challenge(stranger), proven=False
            )

    def test_another_key_cannot_open_the_challenge(self) -> None:
        folder, identity = self.student()
        thief = dataclasses.replace(identity, key=new_key())
        with self.assertRaises(Untrusted):
            self.blackboard(folder).challenge(thief)

    def test_changed_answers_are_not_believed(self) -> None:
        folder, identity = self.student()
        blackboard = self.blackboard(folder)
        challenge = blackboard.challenge(identity)
        own = [b64(certs.der(c)) for c in identity.chain]

        def confirmed(members: dict[str, object]) -> dict[str, object]:
            b = challenge.keys.blackboard_bytes(
                *(str(members[m]) for m in ("session", "sid", "server_time", "expires_at"))
            )
            confirmation = b64u(challenge.keys.blackboard_confirmation(b))
            return members | {"confirmation": confirmation}

        changes: dict[str, Callable[[dict[str, object]], dict[str, object]]] = {
            "confirmation": lambda m: m | {"confirmation": b64u(bytes(32))},
            "server_time": lambda m: m | {"server_time": "2026-11-24T15:59:00.000Z"},
            "sid": lambda m: confirmed(m | {"sid": "1155999999"}),
            "signature": lambda m: confirmed(m | {"server_time": "2026-11-24T15:59:00.000Z"}),
            "profile": lambda m: m | {"certificate": own},
            "path": lambda m: m | {"certificate": m["certificate"][:1]},  # type: ignore[index]
        }
        for name, change in changes.items():
            with self.subTest(name):
                restore = _alter(blackboard, change)
                with self.assertRaises(Untrusted):
                    blackboard.confirm(identity, challenge)
                restore()
        step_4: dict[str, Callable[[dict[str, object]], dict[str, object]]] = {
            "origin": lambda m: m | {"origin": "https://localhost:1"},
            "scheme": lambda m: m | {"scheme": "hpke-p384"},
            "nonce": lambda m: m | {"nonce": b64u(bytes(32))},
        }
        for name, change in step_4.items():
            with self.subTest(name):
                restore = _alter(blackboard, change)
                with self.assertRaises(Untrusted):
                    blackboard.challenge(identity)
                restore()
        self.assertEqual(blackboard.confirm(identity, challenge).sid, SID)

    # Step 6

    def test_signed_refusals(self) -> None:
        folder, identity = self.student()
        blackboard = self.blackboard(folder)
        session = blackboard.open_session(identity)

        def send(*, content: bytes | None = b"x", kind: str | None = _TEXT, method: str = "POST",
                 target: str = "/v1/messages") -> None:  # fmt: skip
            answer = blackboard.send(
                session, method, target, nonce=fresh_nonce(), content=content, content_type=kind
            )
            raise blackboard.refused(answer, proven=True)

        cases: dict[str, Callable[[], None]] = {
            "message-unreadable": lambda: send(content=b"\xff"),
            "content-too-large": lambda: send(content=bytes(65537)),
            "unsupported-media-type": lambda: send(kind="application/json"),
            "not-found": lambda: send(target="/v1/nothing?a=%20b&c", method="GET", content=None),
            "method-not-allowed": lambda: send(method="GET", content=None),
        }
        for slug, call in cases.items():
            with self.subTest(slug):
                self.assertSlug(slug, call, proven=True)
        with self.subTest("limits"):
            blackboard.message(session, bytes(65536), fresh_nonce())

    def test_signatures_that_are_refused(self) -> None:
        folder, identity = self.student()
        blackboard = self.blackboard(folder)
        session = blackboard.open_session(identity)
        other = blackboard.open_session(identity)
        cases: list[tuple[str, bool, dict[str, str | None]]] = [
            ("session-invalid", False, {"Claim-Session": None}),
            ("session-invalid", False, {"Claim-Session": session.token[:-4] + "AAAA"}),
            ("signature-wrong", False, {"Claim-Session": other.token}),
            ("signature-wrong", False, {"Signature": f"claim=:{b64(bytes(32))}:"}),
            ("signature-malformed", False, {"Signature": None}),
            ("signature-malformed", False, {"Content-Digest": None}),
            ("digest-mismatch", True, {}),
        ]
        for slug, proven, changes in cases:
            with self.subTest(slug, changes=list(changes)):
                signed = sign_request(
                    session.keys.message,
                    method="POST",
                    target_uri=f"{blackboard.origin}/v1/messages",
                    session=session.token,
                    created=int(time.time()),
                    nonce=fresh_nonce(),
                    content=b"x",
                    content_type=_TEXT,
                )
                fields = {**signed.fields, **changes}
                sent = {k: v for k, v in fields.items() if v is not None}
                content = b"y" if slug == "digest-mismatch" else b"x"
                answer = blackboard.connection.request(
                    "POST", "/v1/messages", fields=sent, content=content
                )
                self.assertEqual(blackboard.refused(answer, proven=proven).problem.slug, slug)
                if proven:
                    verify_answer(session.keys.answer, answer, signed.signature)
                else:
                    with self.assertRaises(Untrusted):
                        verify_answer(session.keys.answer, answer, signed.signature)

    def test_clock_skew_is_signed_and_overcome(self) -> None:
        folder, identity = self.student()

        def late() -> datetime:
            return utc_now() + timedelta(minutes=10)

        blackboard = self.blackboard(folder, now=late)
        session = blackboard.open_session(identity)
        refused = self.assertSlug(
            "clock-skew", lambda: blackboard.message(session, b"x", fresh_nonce()), proven=True
        )
        self.assertIn("server_time", refused.problem.members)
        self.assertEqual(blackboard.say(identity, b"late").sid, SID)

    def test_unproven_answers_settle_nothing(self) -> None:
        folder, identity = self.student()
        blackboard = self.blackboard(folder)
        session, nonce = blackboard.open_session(identity), fresh_nonce()
        plain = blackboard.connection.request

        def unsigned(*args: object, **kwargs: object) -> Answer:
            answer = plain(*args, **kwargs)  # type: ignore[arg-type]
            fields = answer.fields.copy()
            del fields["signature"]
            return Answer(answer.status, fields, answer.content)

        blackboard.connection.request = unsigned  # type: ignore[method-assign]
        with self.assertRaises(Unsettled):
            blackboard.message(session, b"x", nonce)
        self.assertSlug(
            "nonce-reused", lambda: blackboard.message(session, b"y", nonce), proven=False
        )
        blackboard.connection.request = plain  # type: ignore[method-assign]
        self.assertEqual(blackboard.message(session, b"x", nonce).sid, SID)

    def test_lost_answers_make_no_second_message(self) -> None:
        folder, identity = self.student()
        waits: list[float] = []
        blackboard = self.blackboard(folder, wait=waits.append)
        plain, answers = blackboard.connection.request, []

        def losing(method: str, target: str, **kwargs: object) -> Answer:
            answer = plain(method, target, **kwargs)  # type: ignore[arg-type]
            if target == "/v1/messages":
                answers.append(answer.content)
                if len(answers) < 3:
                    raise Unsettled("the answer got lost")
            return answer

        blackboard.connection.request = losing  # type: ignore[method-assign]
        receipt = blackboard.say(identity, b"once")
        self.assertEqual(answers, [receipt.content] * 3)
        self.assertEqual(len(waits), 2)

    def test_a_spoiled_copy_settles_nothing(self) -> None:
        """The request arrives, then a copy with other content; only the second answer comes back."""
        folder, identity = self.student()
        blackboard = self.blackboard(folder, wait=lambda _: None)
        plain, kept = blackboard.connection.request, []

        def twice(method: str, target: str, **kwargs: object) -> Answer:
            answer = plain(method, target, **kwargs)  # type: ignore[arg-type]
            if target == "/v1/messages":
                kept.append(answer.content)
                if len(kept) == 1:
                    kwargs["content"] = b"spoiled"
                    return plain(method, target, **kwargs)  # type: ignore[arg-type]
            return answer

        blackboard.connection.request = twice  # type: ignore[method-assign]
        receipt = blackboard.say(identity, b"once")
        self.assertEqual(kept, [receipt.content] * 2)

    def test_session_survives_a_restart(self) -> None:
        folder, identity = self.student()
        blackboard = self.blackboard(folder)
        session, nonce = blackboard.open_session(identity), fresh_nonce()
        challenge = blackboard.challenge(identity)
        before = blackboard.message(session, b"before", nonce)
        port = self.server.origin.rsplit(":", 1)[1]
        self.server.stop(kill=True)
        type(self).server = Server(
            "blackboard", self.server.folder, "--cuhk", self.cuhk.origin,
            listen=f"127.0.0.1:{port}",
        )  # fmt: skip
        self.assertEqual(_settled(blackboard, session, b"before", nonce), before.content)
        after = blackboard.message(session, b"after", fresh_nonce())
        self.assertGreater(after.number, before.number)
        self.assertSlug(
            "nonce-reused", lambda: blackboard.message(session, b"other", nonce), proven=True
        )
        self.assertEqual(blackboard.confirm(identity, challenge).sid, SID)

    def test_command_line(self) -> None:
        folder = str(self.folder().path)
        for arguments in (
            ["enroll", "--cuhk", self.cuhk.origin, "--root", str(self.cuhk.folder / "cuhk.cer")],
            ["say", "--blackboard", self.server.origin, "你好"],
            ["reenroll"],
            ["say", "--blackboard", self.server.origin, "again"],
        ):
            command = [sys.executable, str(_HERE / "student.py"), arguments[0]]
            command += ["--dir", folder, "--sid", SID, *arguments[1:]]
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


def _stranger(identity: Identity) -> Identity:
    """The same subject, certified by nobody that anybody trusts."""
    key = new_key()
    real = identity.chain[0]
    builder = x509.CertificateBuilder(
        issuer_name=real.issuer,
        subject_name=real.subject,
        public_key=key.public_key(),
        serial_number=real.serial_number,
        not_valid_before=real.not_valid_before_utc,
        not_valid_after=real.not_valid_after_utc,
        extensions=list(real.extensions),
    )
    leaf = builder.sign(new_key(), hashes.SHA256())
    return dataclasses.replace(identity, key=key, chain=[leaf, *identity.chain[1:]])


def _alter(
    blackboard: Blackboard, change: Callable[[dict[str, object]], dict[str, object]]
) -> Callable[[], None]:
    """Change Blackboard's JSON answers on their way; returns what undoes it."""
    plain = blackboard.connection.request

    def request(*args: object, **kwargs: object) -> Answer:
        answer = plain(*args, **kwargs)  # type: ignore[arg-type]
        content = json.dumps(change(json.loads(answer.content))).encode()
        return Answer(answer.status, answer.fields, content)

    def restore() -> None:
        blackboard.connection.request = plain  # type: ignore[method-assign]

    blackboard.connection.request = request  # type: ignore[method-assign]
    return restore


def _settled(blackboard: Blackboard, session: Session, content: bytes, nonce: str) -> bytes:
    """Repeat under the same nonce until there is a proven answer, within the deadline."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return blackboard.message(session, content, nonce).content
        except Unsettled:
            if time.monotonic() > end:
                raise


if __name__ == "__main__":
    unittest.main()

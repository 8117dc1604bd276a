"""Every MUST of PROTOCOL.md that a client has, against servers that tempt it not to keep it."""

from __future__ import annotations

import dataclasses
import json
import ssl
import tempfile
import unittest
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from claim_student import certs
from claim_student.enrol import Invitation, enroll, reenroll, utc_now
from claim_student.errors import ClaimError, Malformed, Refused, Unsettled, Untrusted
from claim_student.identity import Folder, Identity
from claim_student.session import Blackboard
from claim_student.wire import b64, b64u
from fake import (
    Authority,
    FakeBlackboard,
    FakeCuhk,
    Json,
    Listener,
    Plan,
    Reply,
    Request,
    authority_plan,
    name,
    new_key,
    person_plan,
    problem,
    server_plan,
)

_SID = "1155123456"
_AUTHORITY = Authority()
_FOREIGN = Authority()

Change = Callable[[FakeBlackboard], None]


def _identity() -> Identity:
    key = new_key()
    leaf = _AUTHORITY.issue(person_plan(_SID), key.public_key())
    return Identity(_SID, key, [leaf, _AUTHORITY.issuing], Path("unused"))


def _replace(**members: Any) -> Callable[[Json], Json]:
    return lambda own: own | members


def _without(member: str) -> Callable[[Json], Json]:
    return lambda own: {n: v for n, v in own.items() if n != member}


def _body(change: Callable[[bytes], bytes]) -> Callable[[Reply], Reply]:
    return lambda reply: Reply(reply.status, reply.fields, change(reply.content))


def _also(**fields: str) -> Callable[[Reply], Reply]:
    named = {n.replace("_", "-"): v for n, v in fields.items()}
    return lambda reply: Reply(reply.status, reply.fields | named, reply.content)


class Sessions(unittest.TestCase):
    """Steps 3 to 5."""

    def _attempt(self, change: Change, *, until: str | None, error: type[ClaimError]) -> None:
        """The session fails with that error, and no address after `until` is asked."""
        fake = FakeBlackboard(_AUTHORITY)
        change(fake)
        with fake.serve([_AUTHORITY.issue(server_plan(fake.origin), fake.key.public_key()),
                         _AUTHORITY.issuing], fake.key):  # fmt: skip
            with Blackboard(fake.origin, _AUTHORITY.root, wait=lambda _: None) as blackboard:
                with self.assertRaises(error):
                    blackboard.say(_identity(), b"secret")
        self.assertEqual(fake.targets()[-1] if fake.requests else None, until)

    def test_honest(self) -> None:
        for http2 in (True, False):
            fake = FakeBlackboard(_AUTHORITY)
            with fake.serve(fake.chain, fake.key):
                with Blackboard(fake.origin, _AUTHORITY.root, http2=http2) as blackboard:
                    receipt = blackboard.say(_identity(), b"hello")
            self.assertEqual((receipt.sid, receipt.number), (_SID, 7))
            self.assertEqual(
                fake.targets(), ["/v1/challenges", "/v1/sessions", "/v1/messages"]
            )

    def test_step_4(self) -> None:
        def step_4(change: Callable[[Json], Json]) -> Change:
            return lambda fake: setattr(fake, "step_4", change)

        def plain(change: Callable[[Reply], Reply]) -> Change:
            return lambda fake: setattr(fake, "plain", change)

        untrusted: dict[str, Change] = {
            "another origin in the answer": step_4(_replace(origin="https://localhost:1")),
            "another origin in the context": lambda f: setattr(
                f, "context_origin", "https://relay.example"
            ),
            "another scheme": step_4(_replace(scheme="hpke-p384")),
            "another nonce": step_4(_replace(nonce=b64u(bytes(32)))),
            "enc is no point": step_4(_replace(enc=b64u(b"\x04" * 65))),
            "another ciphertext": step_4(_replace(ciphertext=b64u(bytes(48)))),
        }
        malformed: dict[str, Change] = {
            "origin in another spelling": step_4(lambda m: m | {"origin": m["origin"] + "/"}),
            "short nonce": step_4(_replace(nonce=b64u(bytes(31)))),
            "nonce with padding": step_4(_replace(nonce=b64(bytes(32)))),
            "nonce not canonical": step_4(_replace(nonce=b64u(bytes(32))[:-1] + "B")),
            "compressed point": step_4(_replace(enc=b64u(b"\x02" + bytes(32)))),
            "longer session key": lambda f: setattr(f, "session_key", bytes(33)),
            "no token": step_4(_without("challenge")),
            "token that is no b64u": step_4(_replace(challenge="a b")),
            "token with a line end": step_4(_replace(challenge="AAAA\r\n")),
            "endless token": step_4(_replace(challenge="A" * 2052)),
            "time without milliseconds": step_4(_replace(expires_at="2026-11-24T15:59:59Z")),
            "member twice": plain(_body(lambda b: b'{"scheme":"x",' + b[1:])),
            "member twice, deep": plain(
                _body(lambda b: b'{"x":[{"a":1,"\\u0061":2}],' + b[1:])
            ),
            "array": plain(_body(lambda b: b"[" + b + b"]")),
            "BOM": plain(_body(lambda b: b"\xef\xbb\xbf" + b)),
            "half a surrogate pair": plain(_body(lambda b: b'{"x":"\\ud83c",' + b[1:])),
            "another media type": plain(_also(Content_Type="text/plain")),
            "another success": plain(lambda r: Reply(200, r.fields, r.content)),
            "Content-Encoding": plain(_also(Content_Encoding="gzip")),
            "endless answer": plain(_body(lambda b: b + b" " * (1 << 21))),
        }
        for error, cases in ((Untrusted, untrusted), (Malformed, malformed)):
            for case, change in cases.items():
                with self.subTest(case):
                    self._attempt(change, until="/v1/challenges", error=error)

    def test_step_5(self) -> None:
        def after(change: Callable[[Json], Json]) -> Change:
            return lambda fake: setattr(fake, "step_5", change)

        def before(change: Callable[[Json], Json]) -> Change:
            return lambda fake: setattr(fake, "before_signing", change)

        def by_other_key(fake: FakeBlackboard) -> None:
            fake.signing_key = new_key()

        def by_sha_384(fake: FakeBlackboard) -> None:
            fake.signing_digest = hashes.SHA384()  # type: ignore[assignment]

        untrusted: dict[str, Change] = {
            "another confirmation": after(_replace(confirmation=b64u(bytes(32)))),
            "another person, after": after(_replace(sid="1155999999")),
            "another person, confirmed and signed": before(_replace(sid="1155999999")),
            "another time": after(_replace(server_time="2026-11-24T15:59:00.001Z")),
            "another end": after(_replace(expires_at="2027-11-24T15:59:00.000Z")),
            "another token": after(_replace(session="AAAA")),
            "signature of another key": by_other_key,
            "signature with SHA-384": by_sha_384,
            "signature that is none": after(_replace(signature="AAAA")),
            "no signature": after(_replace(signature="")),
        }
        malformed: dict[str, Change] = {
            "time in another spelling": before(_replace(server_time="2026-11-24T15:59:00Z")),
            "certificate is no list": after(_replace(certificate="AAAA")),
            "no certificate": after(_replace(certificate=[])),
            "five certificates": after(lambda m: m | {"certificate": m["certificate"] * 3}),
            "certificate in base64url": after(_replace(certificate=["-_-_"])),
            "signature with padding": after(_replace(signature="AAAAAA==")),
            "short confirmation": after(_replace(confirmation=b64u(bytes(31)))),
        }
        for error, cases in ((Untrusted, untrusted), (Malformed, malformed)):
            for case, change in cases.items():
                with self.subTest(case):
                    self._attempt(change, until="/v1/sessions", error=error)

    def test_certificates_in_step_5(self) -> None:
        def planned(change: Callable[[Plan, str], None]) -> Change:
            def apply(fake: FakeBlackboard) -> None:
                plan = server_plan(fake.origin)
                change(plan, fake.origin)
                leaf = _AUTHORITY.issue(plan, fake.key.public_key())
                fake.chain = [leaf, _AUTHORITY.issuing]

            return apply

        def chain(
            make: Callable[[str, ec.EllipticCurvePublicKey], list[x509.Certificate]],
        ) -> Change:
            return lambda f: setattr(f, "chain", make(f.origin, f.key.public_key()))

        def of(**changes: Any) -> Change:
            def change(plan: Plan, _: str) -> None:
                for member, value in changes.items():
                    setattr(plan, member, value)

            return planned(change)

        def uri(plan: Plan, text: str) -> None:
            plan.names[1] = x509.UniformResourceIdentifier(text)

        def below_issuing(
            origin: str, key: ec.EllipticCurvePublicKey
        ) -> list[x509.Certificate]:
            plan, own = authority_plan("Third", None), new_key()
            plan.policies = [x509.ObjectIdentifier("2.5.29.32.0")]
            third = _AUTHORITY.issue(plan, own.public_key())
            other = Authority()
            other.issuing, other.issuing_key = third, own
            return [other.issue(server_plan(origin), key), third, _AUTHORITY.issuing]

        def without_any_policy(
            origin: str, key: ec.EllipticCurvePublicKey
        ) -> list[x509.Certificate]:
            other = Authority()
            plan = authority_plan("Bare", 0)
            other.issuing = _AUTHORITY.by_root(plan, other.issuing_key.public_key())
            return [other.issue(server_plan(origin), key), other.issuing]

        cases: dict[str, Change] = {
            "another root": chain(
                lambda o, k: [_FOREIGN.issue(server_plan(o), k), _FOREIGN.issuing]
            ),
            "a foreign leaf under the right issuer": chain(
                lambda o, k: [_FOREIGN.issue(server_plan(o), k), _AUTHORITY.issuing]
            ),
            "by the root itself": chain(
                lambda o, k: [_AUTHORITY.by_root(server_plan(o), k), _AUTHORITY.issuing]
            ),
            "the leaf alone": chain(lambda o, k: [_AUTHORITY.issue(server_plan(o), k)]),
            "an authority below the issuing one": chain(below_issuing),
            "an issuer without anyPolicy": chain(without_any_policy),
            "another port": planned(lambda p, o: uri(p, "https://localhost:1")),
            "a slash": planned(lambda p, o: uri(p, o + "/")),
            "two URIs": planned(
                lambda p, o: p.names.append(x509.UniformResourceIdentifier("https://a.example"))
            ),
            "no URI": planned(lambda p, o: p.names.pop() and None),
            "without its host": planned(lambda p, o: p.names.pop(0) and None),
            "another CN": of(subject=name("relay.example")),
            "a person's": of(policies=[certs.PERSON_POLICY]),
            "two policies": of(policies=[certs.SERVER_POLICY, certs.PERSON_POLICY]),
            "no policy": of(policies=[]),
            "a usage more": of(usages={"digital_signature", "key_agreement"}),
            "a purpose less": of(purposes=[Eku.SERVER_AUTH]),
            "a purpose more": of(
                purposes=[Eku.SERVER_AUTH, Eku.CLIENT_AUTH, Eku.EMAIL_PROTECTION]
            ),
            "expired": of(start=timedelta(days=-91)),
            "not yet valid": of(start=timedelta(hours=1)),
            "an unknown critical extension": of(critical=True),
            "signed with SHA-384": of(digest=hashes.SHA384()),
            "an authority": of(authority=x509.BasicConstraints(ca=True, path_length=None)),
        }
        for case, change in cases.items():
            with self.subTest(case):
                self._attempt(change, until="/v1/sessions", error=Untrusted)

    def test_name_constraints_of_the_root(self) -> None:
        key = new_key().public_key()
        for domain, good in (("example", True), ("b.example", True), ("other", False)):
            authority = Authority(domain)
            leaf = authority.issue(server_plan("https://a.b.example"), key)
            chain = [leaf, authority.issuing]
            with self.subTest(domain):
                if good:
                    certs.check_server(chain, authority.root, "https://a.b.example", utc_now())
                else:
                    with self.assertRaises(Untrusted):
                        certs.check_server(chain, authority.root, "https://a.b.example", utc_now())

    def test_redirects_are_not_followed(self) -> None:
        elsewhere = Listener()
        key = new_key()
        leaf = _AUTHORITY.issue(server_plan(elsewhere.origin), key.public_key())
        with elsewhere.serve([leaf, _AUTHORITY.issuing], key):
            for status in (301, 302, 307, 308):
                reply = Reply(status, {"Location": f"{elsewhere.origin}/v1/challenges"}, b"")
                with self.subTest(status):
                    self._attempt(
                        lambda f, r=reply: setattr(f, "plain", lambda _: r),  # type: ignore[misc]
                        until="/v1/challenges",
                        error=Malformed,
                    )
        self.assertEqual(elsewhere.requests, [])

    def test_tls(self) -> None:
        """Nothing is sent over TLS that is not trusted, or older than 1.3."""
        fake, key = FakeBlackboard(_AUTHORITY), new_key()
        foreign = [_FOREIGN.issue(server_plan(fake.origin), key.public_key()), _FOREIGN.issuing]
        elsewhere = server_plan("https://other.example")
        other_host = [_AUTHORITY.issue(elsewhere, key.public_key()), _AUTHORITY.issuing]
        own = [_AUTHORITY.issue(server_plan(fake.origin), key.public_key()), _AUTHORITY.issuing]
        newest, older = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
        for chain, version in ((foreign, newest), (other_host, newest), (own, older)):
            fake = FakeBlackboard(_AUTHORITY)
            with fake.serve(chain, key, version):
                with Blackboard(fake.origin, _AUTHORITY.root) as blackboard:
                    with self.assertRaises(Unsettled):
                        blackboard.challenge(_identity())
            self.assertEqual(fake.requests, [])


class Messages(unittest.TestCase):
    """Step 6."""

    def _try(
        self, change: Change, *, tries: int = 2
    ) -> tuple[FakeBlackboard, Exception | None, list[float]]:
        fake = FakeBlackboard(_AUTHORITY)
        change(fake)
        waits: list[float] = []
        with fake.serve(fake.chain, fake.key):
            with Blackboard(fake.origin, _AUTHORITY.root, wait=waits.append) as blackboard:
                try:
                    blackboard.say(_identity(), b"hello", tries=tries)
                except ClaimError as error:
                    return fake, error, waits
        return fake, None, waits

    def test_unproven_answers_settle_nothing(self) -> None:
        def signed(change: Callable[[Reply], Reply]) -> Change:
            return lambda fake: setattr(fake, "signed", change)

        def drop(*names: str) -> Callable[[Reply], Reply]:
            return lambda r: Reply(
                r.status, {n: v for n, v in r.fields.items() if n not in names}, r.content
            )

        def field(name: str, old: str, new: str) -> Callable[[Reply], Reply]:
            return lambda r: Reply(
                r.status, r.fields | {name: r.fields[name].replace(old, new)}, r.content
            )

        cases: dict[str, Change] = {
            "no signature": signed(drop("Signature", "Signature-Input")),
            "no Signature-Input": signed(drop("Signature-Input")),
            "another status": signed(lambda r: Reply(200, r.fields, r.content)),
            "other content": signed(_body(lambda b: b.replace(b"7", b"8"))),
            "no content": signed(lambda r: Reply(r.status, r.fields, b"")),
            "no digest": signed(drop("Content-Digest")),
            "another digest": signed(field("Content-Digest", "sha-256", "sha-512")),
            "another media type": signed(_also(Content_Type="text/plain")),
            "another label": signed(field("Signature", "claim=", "other=")),
            "another time": signed(field("Signature-Input", "1795535940", "1795535941")),
            "not bound": signed(field("Signature-Input", ' "signature";req;key="claim"', "")),
            "another algorithm": signed(field("Signature-Input", "sha256", "sha512")),
            "the answer to another request": lambda f: setattr(
                f, "binding", lambda _: f":{b64(bytes(32))}:"
            ),
            "a redirect": lambda f: setattr(
                f, "signed", lambda _: Reply(307, {"Location": f"{f.origin}/x"}, b"")
            ),
            "an unsigned refusal": lambda f: setattr(
                f, "signed", lambda _: problem(f.origin, "nonce-reused", 409)
            ),
            "a refusal of somebody else": lambda f: setattr(
                f, "signed", lambda _: problem("https://a.example", "nonce-reused", 409)
            ),
        }
        for case, change in cases.items():
            with self.subTest(case):
                fake, error, _ = self._try(change)
                self.assertIsInstance(error, Unsettled)
                sent = [r for r in fake.requests if r.target == "/v1/messages"]
                self.assertEqual(len(sent), 2, "it is repeated")
                nonces = {r.fields["Signature-Input"].split("nonce=")[1] for r in sent}
                self.assertEqual(len(nonces), 1, "under the same nonce")
                self.assertNotIn("/x", fake.targets())

    def test_signed_refusals(self) -> None:
        def refused(slug: str, status: int, **fields: str) -> Change:
            def message(fake: FakeBlackboard) -> Callable[[Request], Reply]:
                return lambda _: _also(**fields)(problem(fake.origin, slug, status))

            return lambda fake: setattr(fake, "message", message(fake))

        for slug, status in (("nonce-reused", 409), ("new-in-2030", 418), ("new-in-2030", 451)):
            with self.subTest(slug, status=status):
                fake, error, _ = self._try(refused(slug, status), tries=4)
                assert isinstance(error, Refused)
                self.assertTrue(error.proven)
                self.assertEqual(fake.targets().count("/v1/messages"), 1)
        for slug, status in (("overloaded", 503), ("new-in-2030", 429), ("request-timeout", 408)):
            with self.subTest(slug, status=status):
                change = refused(slug, status, Retry_After="3")
                fake, error, waits = self._try(change, tries=3)
                self.assertIsInstance(error, Unsettled)
                self.assertEqual(fake.targets().count("/v1/messages"), 3)
                self.assertEqual(waits, [3.0, 3.0])

    def test_a_lost_session_after_an_unknown_outcome_is_told(self) -> None:
        def change(fake: FakeBlackboard) -> None:
            replies = iter([Reply(502, {}, b""), problem(fake.origin, "session-invalid", 403)])
            fake.signed = lambda _: next(replies)

        fake, error, _ = self._try(change, tries=5)
        self.assertIsInstance(error, Unsettled)
        self.assertEqual(fake.targets().count("/v1/challenges"), 1, "no second session")

    def test_a_receipt_for_somebody_else(self) -> None:
        def change(fake: FakeBlackboard) -> None:
            own = fake.received
            fake.message = lambda r: _body(lambda b: b.replace(b"1155123456", b"1155999999"))(own(r))

        self.assertIsInstance(self._try(change)[1], Malformed)


class Enrolment(unittest.TestCase):
    """Steps 1 and 2."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Folder(Path(temporary.name))

    def _enroll(self, fake: FakeCuhk, line: str | None = None, **options: Any) -> Identity:
        invitation = Invitation.parse(line or fake.invitation())
        return enroll(self.folder, _SID, invitation=invitation, **options)

    def _refused(self, fake: FakeCuhk, error: type[ClaimError], *, codes: int) -> None:
        with fake.serve(fake.chain, fake.key), self.assertRaises(error):
            self._enroll(fake)
        self.assertEqual(len(fake.codes()), codes)
        with self.assertRaises(Malformed):
            self.folder.identity(_SID)

    def test_honest_and_renewed(self) -> None:
        fake = FakeCuhk(_AUTHORITY)
        fake.cacerts = [_FOREIGN.root, _FOREIGN.issuing, *fake.cacerts, new_root(), new_root()]
        with fake.serve(fake.chain, fake.key):
            first = self._enroll(fake)
            second = reenroll(self.folder, _SID)
        self.assertNotEqual(first.chain[0], second.chain[0])
        self.assertEqual(len(set(fake.keys)), 2, "a new key")
        basic = f"Basic {b64(f'{_SID}:{b64u(bytes(16))}'.encode())}"
        self.assertEqual(fake.codes(), [basic])
        cacerts = [t for t in fake.targets() if t.endswith("/cacerts")]
        self.assertEqual(len(cacerts), 2, "cacerts is fetched anew")

    def test_no_code_for_a_cuhk_that_is_not_the_right_one(self) -> None:
        def pin(fake: FakeCuhk) -> None:
            fake.cacerts = [_FOREIGN.root, _FOREIGN.issuing]

        def planned(**changes: Any) -> Callable[[FakeCuhk], None]:
            def change(fake: FakeCuhk) -> None:
                plan = dataclasses.replace(server_plan(fake.origin), **changes)
                fake.chain = [_AUTHORITY.issue(plan, fake.key.public_key()), _AUTHORITY.issuing]

            return change

        def uri(fake: FakeCuhk) -> None:
            other = server_plan("https://localhost:1")
            fake.chain = [_AUTHORITY.issue(other, fake.key.public_key()), _AUTHORITY.issuing]

        def by_root(fake: FakeCuhk) -> None:
            plan = server_plan(fake.origin)
            fake.chain = [_AUTHORITY.by_root(plan, fake.key.public_key())]

        for change in (pin, uri, by_root, planned(policies=[]),
                       planned(policies=[certs.PERSON_POLICY]),
                       planned(purposes=[Eku.SERVER_AUTH])):  # fmt: skip
            fake = FakeCuhk(_AUTHORITY)
            change(fake)
            with self.subTest(str(change)):
                self._refused(fake, Untrusted, codes=0)
        fake = FakeCuhk(_AUTHORITY)
        plan = server_plan(fake.origin)
        fake.chain = [_FOREIGN.issue(plan, fake.key.public_key()), _FOREIGN.issuing]
        self._refused(fake, Unsettled, codes=0)

    def test_a_certificate_that_is_not_ones_own_is_not_kept(self) -> None:
        other = new_key().public_key()
        plan = person_plan(_SID)
        cases: dict[str, Callable[[ec.EllipticCurvePublicKey], list[x509.Certificate]]] = {
            "another key": lambda k: [_AUTHORITY.issue(plan, other)],
            "another id": lambda k: [_AUTHORITY.issue(person_plan("1155999999"), k)],
            "another root": lambda k: [_FOREIGN.issue(plan, k)],
            "by the root itself": lambda k: [_AUTHORITY.by_root(plan, k)],
            "the server profile": lambda k: [
                _AUTHORITY.issue(server_plan("https://localhost"), k)
            ],
            "two UIDs": lambda k: [
                _AUTHORITY.issue(
                    dataclasses.replace(plan, subject=name("x", a=_SID, b=_SID)), k
                )
            ],
            "a usage less": lambda k: [
                _AUTHORITY.issue(dataclasses.replace(plan, usages={"digital_signature"}), k)
            ],
            "an alternative name": lambda k: [
                _AUTHORITY.issue(dataclasses.replace(plan, names=[x509.DNSName("a.b")]), k)
            ],
            "expired": lambda k: [
                _AUTHORITY.issue(dataclasses.replace(plan, start=timedelta(days=-91)), k)
            ],
            "nothing for this key": lambda k: [_AUTHORITY.issuing],
        }
        for case, issued in cases.items():
            fake = FakeCuhk(_AUTHORITY)
            fake.issued = issued
            with self.subTest(case):
                self._refused(fake, Untrusted, codes=1)

    def test_another_cuhk_cer_is_there_already(self) -> None:
        self.folder.keep_cuhk(_FOREIGN.root, "https://localhost:9335")
        self._refused(FakeCuhk(_AUTHORITY), Untrusted, codes=0)

    def test_no_root_is_taken_from_the_network(self) -> None:
        fake = FakeCuhk(_AUTHORITY)
        with fake.serve(fake.chain, fake.key):
            with self.assertRaises(Untrusted):
                enroll(self.folder, _SID, origin=fake.origin)
            self.assertEqual(fake.requests, [])
            enroll(self.folder, _SID, origin=fake.origin, root=_AUTHORITY.root)

    def test_odd_answers(self) -> None:
        elsewhere = Listener()
        cases: list[tuple[type[ClaimError], Callable[[Reply], Reply]]] = [
            (Malformed, _also(Content_Type="application/octet-stream")),
            (Malformed, _body(lambda b: b"!" + b)),
            (Malformed, lambda r: Reply(202, r.fields, r.content)),
            (Malformed, lambda r: Reply(307, {"Location": elsewhere.origin}, b"")),
            (Malformed, _also(Content_Encoding="gzip")),
        ]
        for error, change in cases:
            fake = FakeCuhk(_AUTHORITY)
            fake.enrolled = change
            with self.subTest(error):
                self._refused(fake, error, codes=1)
        elsewhere.server.server_close()
        self.assertEqual(elsewhere.requests, [])

    def test_refusals_are_final_but_for_those_that_pass(self) -> None:
        for status in (400, 401, 403, 451):
            fake = FakeCuhk(_AUTHORITY)
            fake.enrolled = lambda _, f=fake, s=status: problem(f.origin, "x", s)  # type: ignore[misc]
            self._refused(fake, Refused, codes=1)
        for status in (408, 429, 500, 503):
            fake = FakeCuhk(_AUTHORITY)
            fake.enrolled = lambda _, f=fake, s=status: problem(f.origin, "x", s)  # type: ignore[misc]
            self._refused(fake, Unsettled, codes=1)

    def test_a_lost_answer_is_no_lost_code(self) -> None:
        fake = FakeCuhk(_AUTHORITY)
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

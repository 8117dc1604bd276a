"""What PROTOCOL.md asks of a client in steps 3 to 5, against servers that tempt it to do less."""

from __future__ import annotations

import ssl
import unittest
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from claim_student import certs
from claim_student.enrol import utc_now
from claim_student.errors import ClaimError, Malformed, Unsettled, Untrusted
from claim_student.session import Blackboard
from claim_student.wire import b64, b64u
from fake import (
    Authority,
    FakeBlackboard,
    Json,
    Listener,
    Plan,
    Reply,
    authority_plan,
    name,
    new_key,
    server_plan,
)
from tempt import (
    AUTHORITY,
    FOREIGN,
    SID,
    Change,
    also,
    body,
    identity,
    replace,
    without,
)


class Sessions(unittest.TestCase):
    """Steps 3 to 5."""

    def _attempt(self, change: Change, *, until: str | None, error: type[ClaimError]) -> None:
        """The session fails with that error, and no address after `until` is asked."""
        fake = FakeBlackboard(AUTHORITY)
        change(fake)
        with fake.serve([AUTHORITY.issue(server_plan(fake.origin), fake.key.public_key()),
                         AUTHORITY.issuing], fake.key):  # fmt: skip
            with Blackboard(fake.origin, AUTHORITY.root, wait=lambda _: None) as blackboard:
                with self.assertRaises(error):
                    blackboard.say(identity(), b"secret")
        self.assertEqual(fake.targets()[-1] if fake.requests else None, until)

    def test_honest(self) -> None:
        for http2 in (True, False):
            fake = FakeBlackboard(AUTHORITY)
            with fake.serve(fake.chain, fake.key):
                with Blackboard(fake.origin, AUTHORITY.root, http2=http2) as blackboard:
                    receipt = blackboard.say(identity(), b"hello")
            self.assertEqual((receipt.sid, receipt.number), (SID, 7))
            self.assertEqual(fake.targets(), ["/v1/challenges", "/v1/sessions", "/v1/messages"])

    def test_step_4(self) -> None:
        def step_4(change: Callable[[Json], Json]) -> Change:
            return lambda fake: setattr(fake, "step_4", change)

        def plain(change: Callable[[Reply], Reply]) -> Change:
            return lambda fake: setattr(fake, "plain", change)

        untrusted: dict[str, Change] = {
            "another origin in the answer": step_4(replace(origin="https://localhost:1")),
            "another origin in the context": lambda f: setattr(
                f, "context_origin", "https://relay.example"
            ),
            "another scheme": step_4(replace(scheme="hpke-p384")),
            "another nonce": step_4(replace(nonce=b64u(bytes(32)))),
            "enc is no point": step_4(replace(enc=b64u(b"\x04" * 65))),
            "another ciphertext": step_4(replace(ciphertext=b64u(bytes(48)))),
        }
        malformed: dict[str, Change] = {
            "origin in another spelling": step_4(lambda m: m | {"origin": m["origin"] + "/"}),
            "short nonce": step_4(replace(nonce=b64u(bytes(31)))),
            "nonce with padding": step_4(replace(nonce=b64(bytes(32)))),
            "nonce not canonical": step_4(replace(nonce=b64u(bytes(32))[:-1] + "B")),
            "compressed point": step_4(replace(enc=b64u(b"\x02" + bytes(32)))),
            "longer session key": lambda f: setattr(f, "session_key", bytes(33)),
            "no token": step_4(without("challenge")),
            "token that is no b64u": step_4(replace(challenge="a b")),
            "token with a line end": step_4(replace(challenge="AAAA\r\n")),
            "endless token": step_4(replace(challenge="A" * 2052)),
            "time without milliseconds": step_4(replace(expires_at="2026-11-24T15:59:59Z")),
            "member twice": plain(body(lambda b: b'{"scheme":"x",' + b[1:])),
            "member twice, deep": plain(body(lambda b: b'{"x":[{"a":1,"\\u0061":2}],' + b[1:])),
            "array": plain(body(lambda b: b"[" + b + b"]")),
            "BOM": plain(body(lambda b: b"\xef\xbb\xbf" + b)),
            "half a surrogate pair": plain(body(lambda b: b'{"x":"\\ud83c",' + b[1:])),
            "another media type": plain(also(Content_Type="text/plain")),
            "another success": plain(lambda r: Reply(200, r.fields, r.content)),
            "Content-Encoding": plain(also(Content_Encoding="gzip")),
            "endless answer": plain(body(lambda b: b + b" " * (1 << 21))),
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
            "another confirmation": after(replace(confirmation=b64u(bytes(32)))),
            "another person, after": after(replace(sid="1155999999")),
            "another person, confirmed and signed": before(replace(sid="1155999999")),
            "another time": after(replace(server_time="2026-11-24T15:59:00.001Z")),
            "another end": after(replace(expires_at="2027-11-24T15:59:00.000Z")),
            "another token": after(replace(session="AAAA")),
            "signature of another key": by_other_key,
            "signature with SHA-384": by_sha_384,
            "signature that is none": after(replace(signature="AAAA")),
            "no signature": after(replace(signature="")),
        }
        malformed: dict[str, Change] = {
            "time in another spelling": before(replace(server_time="2026-11-24T15:59:00Z")),
            "certificate is no list": after(replace(certificate="AAAA")),
            "no certificate": after(replace(certificate=[])),
            "five certificates": after(lambda m: m | {"certificate": m["certificate"] * 3}),
            "certificate in base64url": after(replace(certificate=["-_-_"])),
            "signature with padding": after(replace(signature="AAAAAA==")),
            "short confirmation": after(replace(confirmation=b64u(bytes(31)))),
        }
        for error, cases in ((Untrusted, untrusted), (Malformed, malformed)):
            for case, change in cases.items():
                with self.subTest(case):
                    self._attempt(change, until="/v1/sessions", error=error)

    def test_certificates_in_step_5(self) -> None:
        def planned(change: Callable[[Plan, str], object]) -> Change:
            def apply(fake: FakeBlackboard) -> None:
                plan = server_plan(fake.origin)
                change(plan, fake.origin)
                leaf = AUTHORITY.issue(plan, fake.key.public_key())
                fake.chain = [leaf, AUTHORITY.issuing]

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

        def below_issuing(origin: str, key: ec.EllipticCurvePublicKey) -> list[x509.Certificate]:
            plan, own = authority_plan("Third", None), new_key()
            plan.policies = [x509.ObjectIdentifier("2.5.29.32.0")]
            third = AUTHORITY.issue(plan, own.public_key())
            other = Authority()
            other.issuing, other.issuing_key = third, own
            return [other.issue(server_plan(origin), key), third, AUTHORITY.issuing]

        def without_any_policy(
            origin: str, key: ec.EllipticCurvePublicKey
        ) -> list[x509.Certificate]:
            other = Authority()
            plan = authority_plan("Bare", 0)
            other.issuing = AUTHORITY.by_root(plan, other.issuing_key.public_key())
            return [other.issue(server_plan(origin), key), other.issuing]

        cases: dict[str, Change] = {
            "another root": chain(lambda o, k: [FOREIGN.issue(server_plan(o), k), FOREIGN.issuing]),
            "a foreign leaf under the right issuer": chain(
                lambda o, k: [FOREIGN.issue(server_plan(o), k), AUTHORITY.issuing]
            ),
            "by the root itself": chain(
                lambda o, k: [AUTHORITY.by_root(server_plan(o), k), AUTHORITY.issuing]
            ),
            "the leaf alone": chain(lambda o, k: [AUTHORITY.issue(server_plan(o), k)]),
            "an authority below the issuing one": chain(below_issuing),
            "an issuer without anyPolicy": chain(without_any_policy),
            "another port": planned(lambda p, o: uri(p, "https://localhost:1")),
            "a slash": planned(lambda p, o: uri(p, o + "/")),
            "two URIs": planned(
                lambda p, o: p.names.append(x509.UniformResourceIdentifier("https://a.example"))
            ),
            "no URI": planned(lambda p, o: p.names.pop()),
            "without its host": planned(lambda p, o: p.names.pop(0)),
            "another CN": of(subject=name("relay.example")),
            "a person's": of(policies=[certs.PERSON_POLICY]),
            "two policies": of(policies=[certs.SERVER_POLICY, certs.PERSON_POLICY]),
            "no policy": of(policies=[]),
            "a usage more": of(usages={"digital_signature", "key_agreement"}),
            "a purpose less": of(purposes=[Eku.SERVER_AUTH]),
            "a purpose more": of(purposes=[Eku.SERVER_AUTH, Eku.CLIENT_AUTH, Eku.EMAIL_PROTECTION]),
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
        leaf = AUTHORITY.issue(server_plan(elsewhere.origin), key.public_key())
        with elsewhere.serve([leaf, AUTHORITY.issuing], key):
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
        key, here = new_key(), server_plan("https://localhost:1")
        foreign = [FOREIGN.issue(here, key.public_key()), FOREIGN.issuing]
        elsewhere = server_plan("https://other.example")
        other_host = [AUTHORITY.issue(elsewhere, key.public_key()), AUTHORITY.issuing]
        own = [AUTHORITY.issue(here, key.public_key()), AUTHORITY.issuing]
        newest, older = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
        for chain, version in ((foreign, newest), (other_host, newest), (own, older)):
            fake = FakeBlackboard(AUTHORITY)
            with fake.serve(chain, key, version):
                with Blackboard(fake.origin, AUTHORITY.root) as blackboard:
                    with self.assertRaises(Unsettled):
                        blackboard.challenge(identity())
            self.assertEqual(fake.requests, [])


if __name__ == "__main__":
    unittest.main()

"""What PROTOCOL.md asks of a client in step 6, against servers that tempt it to do less."""

from __future__ import annotations

import unittest
from collections.abc import Callable

from claim_student.errors import ClaimError, Malformed, Refused, Unsettled
from claim_student.session import Blackboard
from claim_student.wire import b64
from fake import (
    FakeBlackboard,
    Reply,
    Request,
    problem,
)
from tempt import (
    AUTHORITY,
    Change,
    also,
    body,
    identity,
)


class Messages(unittest.TestCase):
    """Step 6."""

    def _try(
        self, change: Change, *, tries: int = 2
    ) -> tuple[FakeBlackboard, Exception | None, list[float]]:
        fake = FakeBlackboard(AUTHORITY)
        change(fake)
        waits: list[float] = []
        with fake.serve(fake.chain, fake.key):
            with Blackboard(fake.origin, AUTHORITY.root, wait=waits.append) as blackboard:
                try:
                    blackboard.say(identity(), b"hello", tries=tries)
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
            "other content": signed(body(lambda b: b.replace(b"7", b"8"))),
            "no content": signed(lambda r: Reply(r.status, r.fields, b"")),
            "no digest": signed(drop("Content-Digest")),
            "another digest": signed(field("Content-Digest", "sha-256", "sha-512")),
            "another media type": signed(also(Content_Type="text/plain")),
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
                return lambda _: also(**fields)(problem(fake.origin, slug, status))

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
            fake.message = lambda r: body(lambda b: b.replace(b"1155123456", b"1155999999"))(own(r))

        self.assertIsInstance(self._try(change)[1], Malformed)


if __name__ == "__main__":
    unittest.main()

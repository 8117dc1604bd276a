"""Every vector of testdata/, recomputed; and the RFCs' own vectors for the primitives."""

from __future__ import annotations

import json
import unittest
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from claim_student import certs, hpke
from claim_student.enrol import Invitation, basic
from claim_student.errors import ClaimError, Malformed, Untrusted
from claim_student.http import Answer
from claim_student.identity import Identity
from claim_student.session import (
    Blackboard,
    Challenge,
    Keys,
    Session,
    context_of,
    request_sentence,
)
from claim_student.signing import (
    answer_base,
    content_digest,
    sign_request,
    verify_answer,
)
from claim_student.wire import (
    b64,
    b64u,
    host_of,
    is_person,
    is_sid,
    load_object,
    lp,
    origin,
    origin_of,
    parse_time,
    unb64,
    unb64u,
)

_DATA = Path(__file__).resolve().parent.parent / "testdata"


def _load(name: str) -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads((_DATA / name).read_bytes())
    return vectors


def _private(raw: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


class SessionVectors(unittest.TestCase):
    """session.json: sections 1 and 4."""

    def test_everything(self) -> None:
        vectors = _load("session.json")
        given = vectors["input"]
        raw = {k: unb64(given[k]) for k in ("student_nonce", "server_nonce", "enc", "ciphertext")}
        context = context_of(
            given["origin"],
            given["request"],
            unb64(given["leaf"]),
            raw["student_nonce"],
            raw["server_nonce"],
        )
        key = unb64(given["session_key"])
        keys = Keys.derive(context, given["scheme"], raw["enc"], raw["ciphertext"], key)
        b = keys.blackboard_bytes(
            given["session_token"], given["sid"], given["server_time"], given["expires_at"]
        )
        computed = {
            "context": context,
            "T": keys.transcript,
            "prk": keys.prk,
            "k_student": keys.student,
            "k_blackboard": keys.blackboard,
            "k_message": keys.message,
            "k_answer": keys.answer,
            "session_id": keys.session_id,
            "fingerprint": keys.fingerprint,
            "student_confirmation": keys.student_confirmation(),
            "B": b,
            "blackboard_confirmation": keys.blackboard_confirmation(b),
        }
        self.assertEqual(set(vectors) - {"input", "note"}, set(computed), "a vector is not covered")
        for name, value in computed.items():
            with self.subTest(name):
                self.assertEqual(unb64(vectors[name]), value)
        self.assertEqual(request_sentence(given["sid"]), given["request"])


class EncodingVectors(unittest.TestCase):
    """encodings.json: sections 1, 3 and 4."""

    def test_everything(self) -> None:
        readers: dict[str, Callable[[Any], Any]] = {
            "lp": lambda read: b64(lp(*(unb64(element) for element in read))),
            "b64u": lambda read: b64(unb64u(read)),
            "base64": lambda read: b64(unb64(read)),
            "json_objects": lambda read: load_object(unb64(read)),
            "times": _milliseconds,
            "ids": _kind,
            "sentences": _speaker,
            "origins": lambda read: host_of(origin(read)),
            "origins_as_typed": origin_of,
            "user_ids": lambda read: read if is_person(read) else quote(origin(read), safe="-._~"),
            "basic": lambda read: basic(read["user_id"], read["code"]),
            "invitations": _invitation,
        }
        vectors = _load("encodings.json")
        self.assertEqual(set(vectors) - {"note"}, set(readers), "a vector is not covered")
        for what, read in readers.items():
            for case in vectors[what]:
                with self.subTest(what, read=case["read"]):
                    if "error" in case:
                        with self.assertRaises(Malformed):
                            read(case["read"])
                    else:
                        self.assertEqual(read(case["read"]), case["is"])


def _milliseconds(text: str) -> int:
    return (parse_time(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _kind(text: str) -> str:
    if not is_person(text):
        raise Malformed("not an id")
    return "student" if is_sid(text) else "staff"


def _speaker(text: str) -> str:
    person = text.partition(":")[2].partition(" ")[0]
    if not is_person(person) or request_sentence(person) != text:
        raise Malformed("not a sentence")
    return person


def _invitation(line: str) -> dict[str, str]:
    found = Invitation.parse(line)
    return {"cuhk": found.origin, "id": found.id, "code": found.code, "pin": found.pin}


class CertificateVectors(unittest.TestCase):
    """certificates.json: section 2, and the pin."""

    def test_everything(self) -> None:
        vectors = _load("certificates.json")
        root = certs.from_der(unb64(vectors["root"]))
        self.assertEqual(certs.pin_of(root), vectors["pin"])
        policies = {"person": certs.PERSON_POLICY, "server": certs.SERVER_POLICY}
        for profile, policy in policies.items():
            self.assertEqual(vectors["policies"][profile]["oid"], policy.dotted_string)
        for case in vectors["cases"]:
            with self.subTest(case["name"]):
                if "error" in case:
                    with self.assertRaises(ClaimError):
                        self._check(case, root)
                else:
                    self._check(case, root)

    def _check(self, case: dict[str, Any], root: Any) -> None:
        chain = [certs.from_der(unb64(der)) for der in case["chain"]]
        at = parse_time(case["at"])
        if len(chain) > 4:
            raise Malformed("more than a message takes")
        if case["profile"] == "person":
            certs.check_person(chain, root, case.get("id", "1155123456"), at)
        else:
            certs.check_server(chain, root, "https://localhost:3141", at)


class WholeExchange(unittest.TestCase):
    """exchange.json: sections 4 and 5, with the student's own state machine."""

    def setUp(self) -> None:
        self.vectors = _load("exchange.json")
        student, now = self.vectors["student"], parse_time(self.vectors["now"])
        chain = [certs.from_der(unb64(c)) for c in self.vectors["step_3"]["certificate"]]
        key = _private(unb64(student["key"]))
        self.identity = Identity(student["id"], key, chain, Path("unused"))
        root = certs.from_der(unb64(self.vectors["root"]))
        self.assertEqual(certs.pin_of(root), self.vectors["pin"])
        self.blackboard = Blackboard(self.vectors["origin"], root, now=lambda: now)
        self.addCleanup(self.blackboard.connection.close)
        self.sent: list[tuple[str, Any]] = []

    def _answering(self, answer: Answer) -> None:
        def request(method: str, target: str, **what: Any) -> Answer:
            self.sent.append((target, what))
            return answer

        self.blackboard.connection.request = request  # type: ignore[method-assign]

    def _json(self, members: dict[str, Any]) -> None:
        headers = httpx.Headers({"Content-Type": "application/json"})
        self._answering(Answer(201, headers, json.dumps(members).encode()))

    def _challenge(self, step_4: dict[str, Any]) -> Challenge:
        self._json(step_4)
        nonce = unb64(self.vectors["student"]["nonce"])
        with mock.patch("claim_student.session.secrets.token_bytes", return_value=nonce):
            return self.blackboard.challenge(self.identity)

    def _session(self, answer: dict[str, Any]) -> Session:
        challenge = self._challenge(self.vectors["step_4"])
        self._json(answer)
        return self.blackboard.confirm(self.identity, challenge)

    def test_it_goes_through(self) -> None:
        session = self._session(self.vectors["step_5_answer"])
        steps = [json.loads(what["content"]) for _, what in self.sent]
        self.assertEqual(steps, [self.vectors["step_3"], self.vectors["step_5"]])
        request, given = (self.vectors["message"][half] for half in ("request", "answer"))
        fields = {
            "Content-Type": given["content_type"],
            "Content-Digest": given["content_digest"],
            "Signature-Input": given["signature_input"],
            "Signature": given["signature"],
        }
        content = unb64(given["content"])
        self._answering(Answer(given["status"], httpx.Headers(fields), content))
        receipt = self.blackboard.message(session, unb64(request["content"]), request["nonce"])
        self.assertEqual((receipt.sid, receipt.content), (self.identity.sid, content))
        sent = self.sent[-1][1]["fields"]
        self.assertEqual(sent["Signature-Input"], request["signature_input"])
        self.assertEqual(sent["Signature"], request["signature"])

    def test_what_is_refused(self) -> None:
        for case in self.vectors["refused_step_4"]:
            members = self.vectors["step_4"] | case["replace"]
            with self.subTest(case["name"]), self.assertRaises(_class(case["error"])):
                self._challenge({n: v for n, v in members.items() if v is not None})
        for case in self.vectors["refused_step_5_answers"]:
            with self.subTest(case["name"]), self.assertRaises(_class(case["error"])):
                self._session(case["answer"])


def _class(error: str) -> type[ClaimError]:
    return Malformed if error == "malformed" else Untrusted


class HpkeVectors(unittest.TestCase):
    """hpke.json, and the same scheme in another implementation."""

    def test_open(self) -> None:
        v = {k: unb64(x) for k, x in _load("hpke.json").items() if k != "note"}
        private = _private(v["private_key"])
        self.assertEqual(hpke.public_bytes(private.public_key()), v["public_key"])
        opened = hpke.open_(private, v["info"], v["enc"], v["ciphertext"])
        self.assertEqual(opened, v["session_key"])
        for name in ("info", "enc", "ciphertext"):
            changed = dict(v)
            changed[name] = v[name][:-1] + bytes([v[name][-1] ^ 1])
            with self.subTest(name), self.assertRaises(Untrusted):
                hpke.open_(private, changed["info"], changed["enc"], changed["ciphertext"])

    def test_against_library(self) -> None:
        suite = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
        private = ec.generate_private_key(ec.SECP256R1())
        sealed = suite.encrypt(b"session key", private.public_key(), b"context")
        opened = hpke.open_(private, b"context", sealed[:65], sealed[65:])
        self.assertEqual(opened, b"session key")
        enc, ciphertext = hpke.seal(private.public_key(), b"context", b"other way")
        self.assertEqual(suite.decrypt(enc + ciphertext, private, b"context"), b"other way")

    def test_rfc_5869(self) -> None:
        prk = hpke.hkdf_extract(bytes(range(13)), b"\x0b" * 22)
        expected = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
        self.assertEqual(prk.hex(), expected)
        okm = hpke.hkdf_expand(prk, bytes(range(0xF0, 0xFA)), 42)
        self.assertEqual(
            okm.hex(),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        )


class SignatureVectors(unittest.TestCase):
    """signatures.json: section 5."""

    def test_exchanges(self) -> None:
        vectors = _load("signatures.json")
        key = unb64(vectors["key"])
        for exchange in vectors["exchanges"]:
            request, answer = exchange["request"], exchange["answer"]
            with self.subTest(request["target"]):
                signature = self._request(vectors, key, request)
                self._answer(vectors, key, answer, signature)

    def test_refused_answers(self) -> None:
        vectors = _load("signatures.json")
        own = vectors["exchanges"][0]
        bound = own["request"]["signature"].removeprefix("claim=")
        self.assertTrue(vectors["refused_answers"] and vectors["refused_requests"])
        for case in vectors["refused_answers"]:
            answer = own["answer"] | case["replace"]
            fields = {
                name: answer[member]
                for name, member in (
                    ("signature-input", "signature_input"),
                    ("signature", "signature"),
                    ("content-digest", "content_digest"),
                    ("content-type", "content_type"),
                )
                if answer[member] is not None
            }
            content = unb64(answer["content"] or "")
            given = Answer(answer["status"], httpx.Headers(fields), content)
            with self.subTest(case["name"]), self.assertRaises(Untrusted):
                verify_answer(
                    unb64(vectors["key"]), given, case["replace"].get("request_signature", bound)
                )

    def _request(self, vectors: dict[str, Any], key: bytes, request: dict[str, Any]) -> str:
        content = None if request["content"] is None else unb64(request["content"])
        signed = sign_request(
            key,
            method=request["method"],
            target_uri=vectors["origin"] + request["target"],
            session=vectors["session_token"],
            created=vectors["created"],
            nonce=vectors["nonce"],
            content=content,
            content_type=request["content_type"],
        )
        self.assertEqual(signed.base, request["base"])
        self.assertEqual(signed.fields["Signature-Input"], request["signature_input"])
        self.assertEqual(signed.fields["Signature"], request["signature"])
        self.assertEqual(signed.fields.get("Content-Digest"), request["content_digest"])
        return signed.signature

    def _answer(
        self, vectors: dict[str, Any], key: bytes, answer: dict[str, Any], signature: str
    ) -> None:
        created, content = vectors["created"], unb64(answer["content"] or "")
        digest = content_digest(content) if content else None
        self.assertEqual(digest, answer["content_digest"])
        base = answer_base(answer["status"], signature, created, digest, answer["content_type"])
        self.assertEqual(base, answer["base"])
        fields = {
            "signature-input": answer["signature_input"],
            "signature": answer["signature"],
        }
        if digest is not None:
            fields |= {"content-digest": digest, "content-type": answer["content_type"]}
        good = Answer(answer["status"], httpx.Headers(fields), content)
        self.assertEqual(verify_answer(key, good, signature), created)
        others = {**fields, "signature": f"x=:AAAA:, {fields['signature']}"}
        verify_answer(key, Answer(good.status, httpx.Headers(others), content), signature)
        for bad, request in (
            (Answer(answer["status"] + 1, good.fields, content), signature),
            (Answer(answer["status"], good.fields, content + b" "), signature),
            (Answer(answer["status"], httpx.Headers(), content), signature),
            (good, ":AAAA:"),
        ):
            with self.assertRaises(Untrusted):
                verify_answer(key, bad, request)


class Encodings(unittest.TestCase):
    """Section 1, as far as it is fixed in its text."""

    def test_lp(self) -> None:
        self.assertEqual(lp(), b"")
        self.assertEqual(lp("é", b""), bytes(7) + b"\x02\xc3\xa9" + bytes(8))

    def test_canonical(self) -> None:
        self.assertEqual(unb64u(b64u(b"\xff\xfe")), b"\xff\xfe")
        for text in ("__5", "//4", "__4=", "_", "_\n", "é"):
            with self.subTest(text), self.assertRaises(Malformed):
                unb64u(text)
        for text in ("//5=", "//4", "__4=", "//4=\n"):
            with self.subTest(text), self.assertRaises(Malformed):
                unb64(text)

    def test_json(self) -> None:
        self.assertEqual(load_object(b'{"a":{"b":1},"b":2}'), {"a": {"b": 1}, "b": 2})
        for text in (
            b'{"a":1,"a":1}',
            b'{"a":[{"b":1,"\\u0062":2}]}',
            b'\xef\xbb\xbf{"a":1}',
            b'{"a":NaN}',
            b'{"a":"\xe9"}',
            b"[]",
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                load_object(text)

    def test_times(self) -> None:
        self.assertEqual(parse_time("2026-11-24T15:59:59.999Z").microsecond, 999000)
        for text in (
            "2026-11-24T15:59:59Z",
            "2026-11-24T15:59:59.9999Z",
            "2026-11-24t15:59:59.999Z",
            "2026-11-24T15:59:59.999+00:00",
            "2026-13-24T15:59:59.999Z",
            "2026-11-24T15:59:59.999Z\n",
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                parse_time(text)

    def test_ids(self) -> None:
        self.assertTrue(is_sid("1155123456") and is_person("prof.x") and is_person("a" * 64))
        for text in ("115512345", "1155123456\n", "١١٥٥١٢٣٤٥٦"):
            self.assertFalse(is_sid(text))
        self.assertFalse(is_person("Prof") or is_person("a" * 65) or is_person(".x"))

    def test_origins(self) -> None:
        for url, expected in (
            ("https://LocalHost:3141/", "https://localhost:3141"),
            ("https://localhost:443", "https://localhost"),
            ("https://[0:0::1]:3141", "https://[::1]:3141"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ):
            self.assertEqual(origin_of(url), expected)
        for url in ("http://localhost", "https://localhost/x", "https://a@b", "https://a b", "x"):
            with self.subTest(url), self.assertRaises(Malformed):
                origin_of(url)


if __name__ == "__main__":
    unittest.main()

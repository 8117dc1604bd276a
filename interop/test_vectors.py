"""Every vector of testdata/, recomputed; and the RFCs' own vectors for the primitives."""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from claim_student import hpke
from claim_student.errors import Malformed, Untrusted
from claim_student.http import Answer
from claim_student.session import Keys, context_of, request_sentence
from claim_student.signing import answer_base, content_digest, sign_request, verify_answer
from claim_student.wire import (
    b64u,
    is_person,
    is_sid,
    load_object,
    lp,
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
        for url, origin in (
            ("https://LocalHost:3141/", "https://localhost:3141"),
            ("https://localhost:443", "https://localhost"),
            ("https://[0:0::1]:3141", "https://[::1]:3141"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ):
            self.assertEqual(origin_of(url), origin)
        for url in ("http://localhost", "https://localhost/x", "https://a@b", "https://a b", "x"):
            with self.subTest(url), self.assertRaises(Malformed):
                origin_of(url)


if __name__ == "__main__":
    unittest.main()

"""Receipts that are genuine, incomplete or forged, with what a verifier must say of each.

Every title is a verdict and, where one decides, the point of PROTOCOL.md §11.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from claim_student import certs, der, log
from claim_student.receipt import wire_time
from claim_student.wire import b64, b64u, sha256, unb64
from fake import Plan, name, new_key, person_plan, server_plan
from forge import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SHA256,
    SIGNING_CERTIFICATE,
    SIGNING_TIME,
    Forgery,
    Lab,
    Signing,
    Stamping,
    file_of,
    log_plan,
    octets,
    timestamp_plan,
)

_SHA_WITH_NULL = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), b"\x05\x00")
_ECDSA_WITH_NULL = der.sequence(der.oid("1.2.840.10045.4.3.2"), b"\x05\x00")
_URI = x509.UniformResourceIdentifier


def _with(**members: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda manifest: manifest | members


def _plan(**changes: Any) -> Callable[[Plan], Plan]:
    return lambda plan: dataclasses.replace(plan, **changes)


def _set(kind: bytes, value: bytes) -> Callable[[dict[bytes, bytes]], dict[bytes, bytes]]:
    return lambda attributes: attributes | {kind: value}


def _without(parts: dict[str, bytes], end: str) -> dict[str, bytes]:
    return {name: content for name, content in parts.items() if not name.endswith(end)}


def _pem(label: str) -> bytes:
    return f"-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n".encode()


def _wrong(number: int) -> Callable[[bytes], bytes]:
    """Changes the last byte of one of the two signatures of a checkpoint."""

    def proof(data: bytes) -> bytes:
        lines = data.decode().splitlines()
        at = len(lines) - 3 + number
        dash, signer, encoded = lines[at].split(" ")
        octets_ = bytearray(unb64(encoded))
        octets_[-1] ^= 1
        lines[at] = f"{dash} {signer} {b64(bytes(octets_))}"
        return ("\n".join(lines) + "\n").encode()

    return proof


def _shorter(data: bytes) -> bytes:
    """Takes a byte from the witness's signature."""
    lines = data.decode().splitlines()
    dash, signer, encoded = lines[-1].split(" ")
    lines[-1] = f"{dash} {signer} {b64(unb64(encoded)[:-1])}"
    return ("\n".join(lines) + "\n").encode()


def _outage(parts: dict[str, bytes]) -> dict[str, bytes]:
    listed = list(parts.items())
    return dict([*listed[:3], ("outage.tsr", parts["timestamp.tsr"]), *listed[3:]])


_KEY_ID, _NUMBER, _CRITICAL_NUMBER, _UNKNOWN = "key id", "number", "critical number", "unknown"


def _list_with(*extensions: str) -> Callable[[Lab, datetime], list[x509.CertificateRevocationList]]:
    """A revocation list with these extensions, in this order."""

    def make(lab: Lab, time: datetime) -> list[x509.CertificateRevocationList]:
        issuing = lab.authority.issuing
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.1"), b"\x05\x00")
        known: dict[str, tuple[x509.ExtensionType, bool]] = {
            _KEY_ID: (
                x509.AuthorityKeyIdentifier.from_issuer_public_key(certs.p256_key(issuing)), False
            ),
            _NUMBER: (x509.CRLNumber(7), False),
            _CRITICAL_NUMBER: (x509.CRLNumber(7), True),
            _UNKNOWN: (unknown, False),
        }
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuing.subject)
            .last_update(time.replace(microsecond=0))
            .next_update(time.replace(microsecond=0) + timedelta(days=2))
        )
        for extension in extensions:
            builder = builder.add_extension(*known[extension])
        return [builder.sign(lab.authority.issuing_key, hashes.SHA256())]

    return make


# Most cases are one line each, so that what is changed stands beside its name.
# fmt: off


def cases(lab: Lab) -> dict[str, dict[str, Forgery]]:
    """All of them, by verdict and point. The lab's `at` is the time of the claims."""
    assert lab.at is not None
    time = lab.at
    of_ = lambda one, **changes: Forgery(one, time, **changes)  # noqa: E731
    of = lambda **changes: of_(lab, **changes)  # noqa: E731
    lab_ = lambda **changes: Lab(authority=lab.authority, at=time, **changes)  # noqa: E731
    other, staff = lab.person("1155000009"), lab.person("prof.x")
    plan = timestamp_plan(lab.origin)
    plan.subject = name("x" * 60)
    long = certs.der(lab.authority.by_root(plan, lab.clock_key.public_key()))
    p256 = lab.authority.by_root(log_plan(lab.origin), new_key().public_key())
    own = octets(sha256(certs.der(lab.student.chain[0])))
    with_algorithm = der.sequence(der.sequence(der.sequence(SHA256, own)))
    return {
        "verified": {
            "no ms in genTime": Forgery(lab, time.replace(microsecond=0)),
            "both sign": of(signers=[lab.student, other], members=_with(sids=["1155000009", "1155123456"])),
            "by staff": of(signers=[staff], members=_with(by="prof.x")),
            "empty with other sha": of(content=lambda c: c.replace(b'"size": 12', b'"size": 0')),
            "space": of(content=lambda c: b" \n" + c + b"\n"),
            "note long": of(members=_with(note="x"*100000)),
            "note controls": of(members=_with(note="a\x00\u202e")),
            "due none": of(members=_with(due=None)),
            "log extension line": of(body=lambda b: b+"ext\n"),
            "log signed twice": of(log_signers=lambda s: s*2),
            "unknown signer too": of(log_signers=lambda s: [*s, ("stranger", Ed25519PrivateKey.generate())]),
            "log signed by other key same name": of(log_signers=lambda s: [(s[0][0], Ed25519PrivateKey.generate()), *s]),
            "witness twice": of(witnesses=[(lab.witness, lab.witness_key)]*2),
            "at once": of(at_once=True),
            "two faces": of(other_faces=True),
            "seen 119": of(witnessed=timedelta(seconds=119), members=_with(due=None)),
            "seen 120": of(witnessed=timedelta(seconds=120), members=_with(due=None)),
            "ahead 3": of(witnessed=timedelta(seconds=-3)),
            "ahead 119": of(witnessed=timedelta(seconds=-119)),
            "due in between": of(members=_with(due=wire_time(time + timedelta(milliseconds=1))), witnessed=timedelta(seconds=5)),
            "due is genTime": of(members=_with(due=wire_time(time)), witnessed=timedelta(seconds=5)),
            "late": of(members=_with(due=wire_time(time - timedelta(seconds=1)))),
            "late but witness before": of(members=_with(due=wire_time(time - timedelta(seconds=1))), witnessed=timedelta(seconds=-2)),
            "long before due, seen late before due": of(witnessed=timedelta(minutes=10)),
            "crl old 24h59": of(revoked=lambda lab, x: [lab.revoked(x - timedelta(hours=24, minutes=59))]),
            "crl future": of(revoked=lambda lab, x: [lab.revoked(x + timedelta(hours=1))]),
            "revoked after": of(revoked=lambda lab, x: [lab.revoked(x, since={lab.student.chain[0].serial_number: x + timedelta(seconds=1)})]),
            "clock cn other": of_(lab_(clock=_plan(subject=name("x timestamp")))),
            "clock cn no suffix": of_(lab_(clock=_plan(subject=name("localhost")))),
            "clock cn only suffix": of_(lab_(clock=_plan(subject=name(" timestamp")))),
            "clock period 365d": of_(lab_(clock=_plan(period=(timedelta(0), timedelta(days=365))))),
            "clock bc false": of_(lab_(clock=_plan(authority=x509.BasicConstraints(False, None)))),
            "log cn no suffix": of_(lab_(log_=_plan(subject=name("x")))),
            "log cn other": of_(lab_(log_=_plan(subject=name("x log")))),
            "log starts after genTime": of_(lab_(log_=_plan(start=timedelta(seconds=30))), witnessed=timedelta(seconds=60)),
        },
        "not-verified: claim": {
            "sha with NULL": of(signing=Signing(digest=_SHA_WITH_NULL)),
            "ecdsa with NULL": of(signing=Signing(algorithm=_ECDSA_WITH_NULL)),
            "version 1": of(signing=Signing(version=1)),
            "info version 3": of(signing=Signing(info_version=3)),
            "no signingTime": of(signing=Signing(timed=False)),
            "unsigned attrs": of(signing=Signing(after=der.write(0xa1, der.sequence(der.oid("1.2.3"), der.set_of([b"\x05\x00"]))))),
            "two messages": of(signing=Signing(wrapped=lambda one: one * 2)),
            "two contents": of(signing=Signing(inner=lambda one: one * 2)),
            "nobody signed": of(signing=Signing(infos=lambda infos: [])),
            "signed twice": of(signers=[lab.student, lab.student]),
            "signed at a time in another form": of(signing=Signing(attributes=_set(SIGNING_TIME, der.write(der.GENERALIZED, b"20261124155941Z")))),
            "signed at no time": of(signing=Signing(attributes=_set(SIGNING_TIME, der.write(der.UTC_TIME, b"261324155941Z")))),
            "an attribute with two values": of(signing=Signing(attributes=_set(SIGNING_TIME, der.utc_time(time) + der.utc_time(time + timedelta(days=1))))),
            "an attribute more": of(signing=Signing(attributes=_set(der.oid("1.2.3"), b"\x05\x00"))),
            "signed at a word": of(signing=Signing(attributes=_set(SIGNING_TIME, octets(b"now")))),
            "certs twice": of(signing=Signing(certificates=lambda c: sorted([*c, c[0]]))),
            "certs unsorted": of(signing=Signing(certificates=lambda c: sorted(c)[::-1])),
            "more certs": of(held=[*lab.student.chain, other.chain[0]]),
            "with root": of(held=[*lab.student.chain, lab.authority.root]),
            "no issuing": of(held=lab.student.chain[:1]),
            "withdrawal type": of(kind=certs.WITHDRAWAL_TYPE),
            "ess wrong": of(signing=Signing(attributes=_set(SIGNING_CERTIFICATE, der.sequence(der.sequence(der.sequence(octets(bytes(32)))))))),
            "ess with alg": of(signing=Signing(attributes=_set(SIGNING_CERTIFICATE, with_algorithm))),
            "md wrong": of(signing=Signing(attributes=_set(MESSAGE_DIGEST, octets(bytes(32))))),
            "ct wrong": of(signing=Signing(attributes=_set(CONTENT_TYPE, der.oid("1.2.840.113549.1.7.1")))),
            "sha384 sig": of(signing=Signing(hash=hashes.SHA384())),
            "trailing": of(claim=lambda c: c + b"\0"),
            "other signer": of(signers=[other]),
            "both sign, one not member": of(signers=[lab.student, other]),
            "twice the same person": of(signers=[lab.student, lab.person("1155123456")]),
            "by staff, student signs": of(members=_with(by="prof.x")),
            "by student": of(members=_with(by="1155123456")),
            "by staff both": of(signers=[staff, lab.student], members=_with(by="prof.x")),
            "signer expired profile server": of(signers=[lab.person("1155123456", server_plan("https://localhost:3141"))]),
            "4 MiB and more": of(members=_with(note="x" * (4 << 20))),
            "a file without digest": of(members=_with(files=[{"name": "a", "size": 0}])),
            "a file that is none": of(members=_with(files=["a"])),
            "a file with more": of(members=_with(files=[file_of("a", b"") | {"x": 1}])),
            "a note that is a number": of(members=_with(note=1)),
            "65 members": of(members=_with(sids=[f"{1155123456 + i}" for i in range(65)])),
            "sids that is a text": of(members=_with(sids="1155123456")),
            "outage that is a text": of(members=_with(outage="no")),
            "10,001 files": of(members=_with(files=[file_of(f"{i}", b"") for i in range(10_001)])),
            "unknown member": of(members=_with(x=1)),
            "size float": of(content=lambda c: c.replace(b'"size": 12', b'"size": 12.0')),
            "size exp": of(content=lambda c: c.replace(b'"size": 12', b'"size": 12e0')),
            "size -0": of(content=lambda c: c.replace(b'"size": 0', b'"size": -0')),
            "bom": of(content=lambda c: b"\xef\xbb\xbf" + c),
            "no files": of(members=_with(files=[])),
            "sids unsorted": of(members=_with(sids=["1155123456", "1155000009"])),
            "sids twice": of(members=_with(sids=["1155123456", "1155123456"])),
            "sids staff": of(members=_with(sids=["1155123456", "prof.x"])),
            "course dot": of(members=_with(course=".x")),
            "nonce 15": of(members=_with(nonce=b64u(bytes(15)))),
            "claim v2": of(members=_with(claim="v2")),
            "chunks for small": of(members=lambda m: m | {"files": [m["files"][0] | {"chunks": ["00" * 32]}]}),
            "upper hex": of(members=lambda m: m | {"files": [m["files"][0] | {"sha256": m["files"][0]["sha256"].upper()}]}),
            "file twice": of(members=lambda m: m | {"files": [m["files"][0], m["files"][0]]}),
            "sum too large": of(members=lambda m: m | {"files": [{"name": "a", "size": 2**53 - 1, "sha256": "00" * 32, "chunks": []}]}),
            "due no ms": of(members=_with(due="2026-12-24T15:59:59Z")),
            "blackboard slash": of(members=_with(blackboard=lab.origin + "/")),
            "signer usage": of(signers=[lab.person("1155123456", _plan(usages={"digital_signature"})(person_plan("1155123456")))]),
            "signer policy server": of(signers=[lab.person("1155123456", _plan(policies=[certs.SERVER_POLICY])(person_plan("1155123456")))]),
            "signer other uid": of(signers=[lab.person("1155123457")]),
        },
        "not-verified: origins": {
            "other blackboard": of(members=_with(blackboard="https://localhost:9")),
            "log name": of(log_name=lambda n: "x/log"),
            "certs order": of(certificates=lambda c: [c[1], c[0], *c[2:]]),
            "certs no log": of(certificates=lambda c: c[:3]),
            "certs witness twice": of(certificates=lambda c: [*c, c[4]]),
            "certs root": of(certificates=lambda c: [*c, lab.authority.root]),
            "certs other after": of(certificates=lambda c: [*c, other.chain[0]]),
            "clock other origin": of_(lab_(clock=_plan(names=[_URI("https://localhost:3142")]))),
            "log by issuing": of_(lab_(by_issuing="log")),
            "witness by issuing": of_(lab_(by_issuing="witness")),
            "log origin": of_(lab_(log_=_plan(names=[_URI("https://localhost:3142")]))),
            "log on P-256": of(certificates=lambda c: [*c[:3], p256, c[4]]),
            "log eku": of_(lab_(log_=_plan(purposes=[certs.WITNESS_USAGE]))),
            "log eku critical": of_(lab_(log_=_plan(critical_purposes=True))),
            "log policy": of_(lab_(log_=_plan(policies=[certs.WITNESS_POLICY]))),
            "log usage": of_(lab_(log_=_plan(usages={"key_agreement"}))),
            "witness space": of_(lab_(witness=_plan(subject=name("a b")))),
            "witness plus": of_(lab_(witness=_plan(subject=name("a+b")))),
            "witness nbsp": of_(lab_(witness=_plan(subject=name("a\u00a0b")))),
            "witness san": of_(lab_(witness=_plan(names=[_URI("https://localhost:3141")]))),
        },
        "not-verified: token": {
            "outage without CUHK's token": of(members=_with(outage=True)),
            "outage.tsr of no outage": of(parts=_outage),
            "token timed": of(stamping=Stamping(signing=Signing(timed=True))),
            "token sha NULL in imprint": of(stamping=Stamping(digest=_SHA_WITH_NULL)),
            "token sha NULL": of(stamping=Stamping(signing=Signing(timed=False, digest=_SHA_WITH_NULL))),
            "token of the second version": of(stamping=Stamping(version=2)),
            "token in the thirteenth month": of(stamping=Stamping(time=lambda x: x[:4] + "13" + x[6:])),
            "token status 1": of(stamping=Stamping(status=der.integer(1))),
            "token status text": of(stamping=Stamping(status=der.integer(0) + der.sequence(der.write(0x0c, b"ok")))),
            "token policy": of(stamping=Stamping(policy="1.2.3")),
            "token accuracy": of(stamping=Stamping(more=der.sequence(der.integer(1)))),
            "token ordering": of(stamping=Stamping(more=b"\x01\x01\xff")),
            "token nonce": of(stamping=Stamping(more=der.integer(5))),
            "token other imprint": of(stamping=Stamping(imprint=lambda d: bytes(32))),
            "token zeros": of(stamping=Stamping(time=lambda x: x[:14] + ".120Z")),
            "token 4 digits": of(stamping=Stamping(time=lambda x: x[:14] + ".1234Z")),
            "token no frac": of(stamping=Stamping(time=lambda x: x[:14] + "Z")),
            "token bad": of(token=lambda c: c[:-1]),
            "token extra cert": of(stamping=Stamping(signing=Signing(timed=False, certificates=lambda c: sorted([*c, certs.der(lab.log_certificate)])))),
            "token with a longer cert": of(stamping=Stamping(signing=Signing(timed=False, certificates=lambda c: sorted([*c, long])))),
            "token of another kind": of(stamping=Stamping(kind="1.2.3")),
            "token no cert": of(stamping=Stamping(signing=Signing(timed=False, certificates=lambda c: []))),
            "clock with uid": of_(lab_(clock=_plan(subject=name("localhost timestamp", uid="1")))),
            "clock two uris": of_(lab_(clock=_plan(names=[_URI("https://localhost:3141"), _URI("https://localhost:3142")]))),
            "clock with dns": of_(lab_(clock=_plan(names=[x509.DNSName("localhost"), _URI("https://localhost:3141")]))),
            "clock uri slash": of_(lab_(clock=_plan(names=[_URI("https://localhost:3141/")]))),
            "clock usage": of_(lab_(clock=_plan(usages={"digital_signature", "content_commitment"}))),
            "clock eku more": of_(lab_(clock=_plan(purposes=[Eku.TIME_STAMPING, Eku.CLIENT_AUTH]))),
            "clock eku not critical": of_(lab_(clock=_plan(critical_purposes=False))),
            "clock policy": of_(lab_(clock=_plan(policies=[certs.LOG_POLICY]))),
            "clock two policies": of_(lab_(clock=_plan(policies=[certs.TIMESTAMP_POLICY, certs.LOG_POLICY]))),
            "clock no period": of_(lab_(clock=_plan(period=None))),
            "clock period without end": of_(lab_(clock=_plan(period=(timedelta(0), None)))),
            "clock period without beginning": of_(lab_(clock=_plan(period=(None, timedelta(days=300))))),
            "clock period 366d": of_(lab_(clock=_plan(period=(timedelta(0), timedelta(days=366))))),
            "clock period outside": of_(lab_(clock=_plan(life=timedelta(days=300)))),
            "clock period before": of_(lab_(clock=_plan(period=(timedelta(days=-1), timedelta(days=300))))),
            "clock unknown critical": of_(lab_(clock=_plan(critical=True))),
            "clock ca": of_(lab_(clock=_plan(authority=x509.BasicConstraints(True, 0)))),
            "clock sha384": of_(lab_(clock=_plan(digest=hashes.SHA384()))),
            "clock by issuing": of_(lab_(by_issuing="clock")),
        },
        "not-verified: container": {
            "log size zero-padded": of(body=lambda b: b.replace("\n5\n", "\n05\n")),
            "index padded": of(proof=lambda p: p.replace(b"index 3", b"index 03")),
            "extra line": of(proof=lambda p: p.replace(b"index 3", b"extra AA==\nindex 3")),
            "crlf proof": of(proof=lambda p: p.replace(b"\n", b"\r\n")),
            "proof trailing": of(proof=lambda p: p + b"\n"),
            "crl number only": of(revoked=_list_with(_NUMBER)),
            "crl key id only": of(revoked=_list_with(_KEY_ID)),
            "crl in another order": of(revoked=_list_with(_NUMBER, _KEY_ID)),
            "crl critical": of(revoked=_list_with(_KEY_ID, _CRITICAL_NUMBER)),
            "crl more": of(revoked=_list_with(_KEY_ID, _NUMBER, _UNKNOWN)),
            "crl none": of(revoked=lambda lab, x: []),
            "no lodged": of(parts=lambda p: _without(p, "lodged.proof")),
            "members in another order": of(parts=lambda p: dict(reversed(p.items()))),
            "a member more": of(parts=lambda p: p | {"x": b""}),
            "a member less": of(parts=lambda p: _without(p, "revocation.crl")),
            "certificates that are none": of(parts=lambda p: p | {"certificates.pem": _pem("CERTIFICATE")}),
            "lists that are none": of(parts=lambda p: p | {"revocation.crl": _pem("X509 CRL")}),
            "text before the PEM": of(parts=lambda p: p | {"certificates.pem": b"x\n" + p["certificates.pem"]}),
            "lists with CRLF": of(parts=lambda p: p | {"revocation.crl": p["revocation.crl"].replace(b"\n", b"\r\n")}),
            "compressed": of(archive=lambda a: a.replace(b"PK\x03\x04\x0a\x00\x00\x00\x00\x00", b"PK\x03\x04\x0a\x00\x00\x00\x08\x00", 1)),
            "breaks off": of(archive=lambda a: a[:20]),
            "hash of a path too short": of(path=lambda p: [p[0][:31], *p[1:]]),
            "root of the tree too short": of(body=lambda b: "".join([*b.splitlines(keepends=True)[:2], "AAAA\n"])),
            "note without signatures": of(proof=lambda p: p[: p.index("— ".encode())]),
            "a line that is no signature": of(proof=lambda p: p + b"x\n"),
            "a signature of four bytes": of(proof=lambda p: p + "— x AAAAAA==\n".encode()),
            "another header": of(proof=lambda p: p.replace(b"@v1", b"@v2")),
            "bytes that are no text": of(proof=lambda p: p + b"\xff\n"),
            "readme": of(parts=lambda p: p | {"README.txt": b"x"}),
            "trailing archive": of(archive=lambda a: a + b"x"),
            "empty archive": of(archive=lambda a: b""),
            "leading": of(archive=lambda a: b"x" + a),
        },
        "not-verified: log": {
            "log not signed": of(log_signers=lambda s: []),
            "a cosignature of another length": of(proof=_shorter),
            "a cosignature that is wrong": of(proof=_wrong(2)),
            "a log signature that is wrong": of(proof=_wrong(1)),
            "no witness": of(witnesses=[]),
            "witness unknown": of(witnesses=[("w", Ed25519PrivateKey.generate())]),
            "witness is log": of(witnesses=[(lab.witness, lab.log_key)]),
            "reverse": of(reverse=True),
            "two faces at once": of(other_faces=True, at_once=True),
            "index other": of(proof=lambda p: p.replace(b"index 3", b"index 2")),
            "path longer": of(path=lambda p: [*p, bytes(32)]),
            "path shorter": of(path=lambda p: p[:-1]),
            "path wrong": of(path=lambda p: [bytes(32), *p[1:]]),
            "entry other": of(lodged_entry=lambda e: e.replace(b"lodged", b"lodgeD")),
            "certs no witness": of(certificates=lambda c: c[:4]),
            "no proofs but witness": of(parts=lambda p: _without(p, ".proof")),
            "witness other name": of_(lab_(witness=_plan(subject=name("other")))),
        },
        "incomplete: time": {
            "seen 121": of(witnessed=timedelta(seconds=121), members=_with(due=None)),
            "seen 122": of(witnessed=timedelta(seconds=122), members=_with(due=None)),
            "crl old 25h+": of(revoked=lambda lab, x: [lab.revoked(x - timedelta(hours=25, seconds=1))]),
        },
        "not-verified: time": {
            "ahead 120": of(witnessed=timedelta(seconds=-120)),
            "ahead 121": of(witnessed=timedelta(seconds=-121)),
            "crl by other key": of(revoked=lambda lab, x: [lab.revoked(x, key=lab.authority.root_key)]),
            "crl older than its authority": of(revoked=lambda lab, x: [lab.revoked(x - timedelta(days=31))]),
            "crl two": of(revoked=lambda lab, x: [lab.revoked(x), lab.revoked(x, by_root=True)]),
            "crl root": of(revoked=lambda lab, x: [lab.revoked(x, by_root=True)]),
            "revoked before": of(revoked=lambda lab, x: [lab.revoked(x, since={lab.student.chain[0].serial_number: x - timedelta(days=1)})]),
            "revoked same second": of(revoked=lambda lab, x: [lab.revoked(x, since={lab.student.chain[0].serial_number: x})]),
            "clock period over": of_(lab_(clock=_plan(period=(timedelta(0), timedelta(minutes=4))))),
            "clock period not yet": of_(lab_(clock=_plan(period=(timedelta(minutes=6), timedelta(days=300))))),
            "clock expired": of_(lab_(clock=_plan(start=timedelta(days=-20), life=timedelta(days=10), period=(timedelta(0), timedelta(days=5))))),
            "log expired at W": of_(lab_(log_=_plan(start=timedelta(days=-20), life=timedelta(days=10)))),
            "log ends between genTime and W": of_(lab_(log_=_plan(start=timedelta(days=-1), life=timedelta(days=1, seconds=30))), witnessed=timedelta(seconds=60)),
            "witness expired": of_(lab_(witness=_plan(start=timedelta(days=-20), life=timedelta(days=10)))),
            "witness ends between proofs": of_(lab_(witness=_plan(start=timedelta(days=-1), life=timedelta(days=1, seconds=30)))),
            "signer expired": of(signers=[lab.person("1155123456", _plan(start=timedelta(days=-10), life=timedelta(days=5))(person_plan("1155123456")))]),
            "signer not yet": of(signers=[lab.person("1155123456", _plan(start=timedelta(seconds=1))(person_plan("1155123456")))]),
        },
        "incomplete: log": {
            "no received": of(parts=lambda p: _without(p, "received.proof")),
            "no proofs": of(parts=lambda p: _without(p, ".proof"), certificates=lambda c: c[:4]),
        },
    }
# Names of files, each list those of one claim.
_GOOD: list[list[str]] = [
    ["a"], ["\xe9"], ["a/b"], [".a"], [" a"], ["a/ b"], ["a\ue000"], ["\U0001f600"],
    ["\U0001fae8"], ["\U0002ebf0"], ["\u2ffc"], ["CONx"], ["CON-"], ["COM\u2074"], ["clock$"],
    ["com10"], ["COM\uff11"], ["\uff23\uff2f\uff2e"], ["\u017f"], ["K"], ["a" * 255],
    ["\xe9" * 127], ["/".join(["a" * 200] * 5)], ["/".join(["a" * 255] * 4)], ["x\u2028y"],
    ["x\u2029y"], ["\xa0"], ["a\xa0"], ["\u3000"], ["\ud55c"], ["\ufb01"], ["\xbd"],
    ["\U000e0100"], ["\U00010efd\u0323"], ["NUL\xa0"], ["nul\u3000.x"], ["a/b", "A/c"],
    ["\u0130", "i"], ["\u0131", "i"],
]
_BAD: list[list[str]] = [
    ["e\u0301"], ["/a"], ["a/"], ["a//b"], ["./a"], ["a/../b"], [".."], ["a."], ["a "], ["a /b"],
    ["a\\b"], ["a:b"], ["a*"], ["a?"], ['a"'], ["a<"], ["a>"], ["a|"], ["a\n"], ["a\x7f"],
    ["a\u200b"], ["a\u200d"], ["a\xad"], ["a\u202e"], ["\ufeff"], ["\u1c8a"], ["\u1c89"],
    ["\ua7cb"], ["\ua7da"], ["\U0001fadc"], ["\ufffe"], ["a\ufdd0"], ["CON"], ["con"], ["Con.txt"],
    ["con .txt"], ["CON  "], ["con.a.b"], ["x/con"], ["con/x"], ["com1"], ["COM0"],
    ["com9.tar.gz"], ["COM\xb9"], ["com\xb2"], ["com\xb3.x"], ["LPT0"], ["lpt\xb9"], ["nul"],
    ["NUL."], ["aux"], ["prn"], ["conin$"], ["CONOUT$"], ["conout$.log"], ["con\u0300"],
    ["a" * 256], ["\xe9" * 128], ["/".join(["a" * 255] * 3 + ["a" * 256])], ["/".join(["a" * 255] * 4) + "/a"], ["\u1112\u1161\u11ab"],
    ["\u0344"], ["\u0958"], ["\u212b"], ["\u0378"], ["\U000e0001"], ["\u180e"], ["\u061c"],
    ["\u2066"], ["\U000110bd"], ["\u0600"], ["a\u0323\U00010efd"], ["\U0001e4ec\u0323"],
    ["a\u0323\U0001e4ec"], ["COM\xb9 .x"], ["CON\t"], ["LPT\xb2"], ["A", "a"], ["\xdf", "ss"],
    ["\u017f", "s"], ["\ufb01", "fi"], ["\xe9", "\xc9"], ["a", "a/b"], ["A", "a/b"],
    ["a/B", "A/b"], ["\u03a3", "\u03c2"], ["\u0130", "i\u0307"], ["K", "k"], ["\xc5", "\xe5"],
    ["\u01c6", "\u01c5"], ["\u0390", "\u0390"], ["\u0149", "\u02bcn"], ["\u1e9e", "\xdf"],
    ["\uff21", "\uff41"], ["\u1fb3", "\u03b1\u03b9"], ["\u0390", "\u1fd3"], ["a", "b", "a"],
    ["Stra\xdfe/x", "STRASSE"], ["\u13a0", "\uab70"], ["\u1c80", "\u0432"], ["\ufb05", "\ufb06"],
    ["\ufb05", "st"], ["\u0345", "\u03b9"], ["\u1e9e", "ss"], ["\xb5", "\u03bc"],
]
NAMES = [(names, True) for names in _GOOD] + [(names, False) for names in _BAD]
# fmt: on


def named(names: list[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A claim of files with these names."""
    return _with(files=[file_of(one, b"x") for one in names])


def published(witness: str, key: Ed25519PrivateKey) -> str:
    """The key of a witness, as it publishes it."""
    found = log.Verifier(witness, key.public_key(), log.WITNESS)
    return f"{witness}+{found.id.hex()}+{b64(bytes([log.WITNESS]) + log.raw(found.key))}"


def _only_in(number: int, witness: str) -> Callable[[bytes], bytes]:
    """Takes a witness's line out of one of the two proofs, by the order in which they are made."""
    made = 0

    def proof(data: bytes) -> bytes:
        nonlocal made
        made += 1
        lines = data.decode().splitlines(keepends=True)
        kept = [one for one in lines if made != number or not one.startswith(f"— {witness} ")]
        return "".join(kept).encode()

    return proof


def demanded(lab: Lab) -> list[tuple[str, Forgery, str, str]]:
    """Receipts, the witness that the verifier asks for, and what it must say."""
    assert lab.at is not None
    own, another = (lab.witness, lab.witness_key), ("other.example", Ed25519PrivateKey.generate())
    line, refused = published(*another), "not-verified: log"

    def of(**changes: Any) -> Forgery:
        assert lab.at is not None
        return Forgery(lab, lab.at, **changes)

    return [
        ("the one who is there", of(), published(*own), "verified"),
        ("one who is not there", of(), line, refused),
        ("both", of(witnesses=[own, another]), line, "verified"),
        (
            "another alone", of(witnesses=[another], certificates=lambda c: c[:4]), line,
            "verified",
        ),
        ("the log", of(witnesses=[own, ("l", lab.log_key)]), published("l", lab.log_key), refused),
        ("not in lodged", of(witnesses=[own, another], proof=_only_in(1, "other.example")), line, refused),
        ("not in received", of(witnesses=[own, another], proof=_only_in(2, "other.example")), line, refused),
    ]  # fmt: skip


def newer_lists(lab: Lab) -> list[tuple[str, list[x509.CertificateRevocationList], str]]:
    """Lists that are newer than the receipt, and what a verifier must say with them."""
    assert lab.at is not None
    time, second = lab.at, lab.at.replace(microsecond=0)
    revoked = {
        "timestamp": (lab.clock_certificate, {-60: False, 0: False, 1: True, 3600: True}),
        "log": (lab.log_certificate, {-60: False, 0: False, 1: True, 3600: True}),
        "witness": (lab.witness_certificate, {-60: False, 2: False, 70: True}),
        "issuing": (lab.authority.issuing, {-60: False, 0: False, 1: True}),
        "student": (lab.student.chain[0], {-60: True}),
    }
    found = []
    for service, (certificate, times) in revoked.items():
        for seconds, holds in times.items():
            since = {certificate.serial_number: second + timedelta(seconds=seconds)}
            one = lab.revoked(time, since=since, by_root=True)
            found.append((f"{service} {seconds}", [one], "verified" if holds else "not-verified: time"))
    by_issuing = {lab.student.chain[0].serial_number: time - timedelta(days=1)}
    strange = lab.revoked(time, by_root=True, key=lab.authority.issuing_key)
    found += [
        ("of the issuing authority", [lab.revoked(time, since=by_issuing)], "verified"),
        ("by another key", [strange], "not-verified: time"),
        ("nobody, long ago", [lab.revoked(time - timedelta(days=20), by_root=True)], "verified"),
    ]
    return found

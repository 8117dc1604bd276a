"""Receipts with keys of one's own: genuine ones, and such that break one rule each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from claim_student import certs, cms, der, log, receipt
from claim_student.errors import ClaimError
from claim_student.identity import Identity
from claim_student.manifest import PIECE
from claim_student.wire import b64, b64u, host_of, sha256
from fake import Authority, Plan, name, new_key, person_plan, same

SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = (
    der.oid(f"1.2.840.113549.1.9.{n}") for n in (3, 4, 5)
)
SIGNING_CERTIFICATE = der.oid("1.2.840.113549.1.9.16.2.47")
TST_INFO = "1.2.840.113549.1.9.16.1.4"
_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")

Attributes = dict[bytes, bytes]


def octets(data: bytes) -> bytes:
    """OCTET STRING."""
    return der.write(der.OCTETS, data)


def timestamp_plan(origin: str) -> Plan:
    """The timestamp profile."""
    plan = Plan(
        name(f"{host_of(origin)} timestamp"), {"digital_signature"}, [Eku.TIME_STAMPING],
        [certs.TIMESTAMP_POLICY], [x509.UniformResourceIdentifier(origin)],
    )  # fmt: skip
    plan.critical_purposes, plan.life = True, timedelta(days=3650)
    plan.period = timedelta(0), timedelta(days=365)
    return plan


def log_plan(origin: str) -> Plan:
    """The log profile."""
    plan = Plan(
        name(f"{host_of(origin)} log"), {"digital_signature"}, [certs.LOG_USAGE],
        [certs.LOG_POLICY], [x509.UniformResourceIdentifier(origin)],
    )  # fmt: skip
    plan.life = timedelta(days=3650)
    return plan


def witness_plan(witness: str) -> Plan:
    """The witness profile."""
    plan = Plan(
        name(witness), {"digital_signature"}, [certs.WITNESS_USAGE], [certs.WITNESS_POLICY]
    )
    plan.life = timedelta(days=3650)
    return plan


@dataclass
class Signing:
    """How CMS is made; tests change a part of it."""

    timed: bool = True
    version: int = 3
    info_version: int = 1
    digest: bytes = SHA256
    algorithm: bytes = ECDSA
    attributes: Callable[[Attributes], Attributes] = same
    certificates: Callable[[list[bytes]], list[bytes]] = sorted
    infos: Callable[[list[bytes]], list[bytes]] = sorted
    wrapped: Callable[[bytes], bytes] = same
    """Changes what stands in the outer [0]."""
    inner: Callable[[bytes], bytes] = same
    """Changes what stands in the [0] around the content."""
    after: bytes = b""
    """What stands in a SignerInfo behind the signature."""
    hash: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)

    def _info(self, kind: bytes, content: bytes, signer: Identity, time: datetime) -> bytes:
        leaf = signer.chain[0]
        identifier = der.sequence(der.sequence(der.sequence(octets(sha256(certs.der(leaf))))))
        values = {
            CONTENT_TYPE: kind, MESSAGE_DIGEST: octets(sha256(content)),
            SIGNING_CERTIFICATE: identifier,
        } | ({SIGNING_TIME: der.utc_time(time)} if self.timed else {})  # fmt: skip
        listed = [der.sequence(n, der.set_of([v])) for n, v in self.attributes(values).items()]
        signature = signer.key.sign(der.set_of(listed), ec.ECDSA(self.hash))
        return der.sequence(
            der.integer(self.info_version), cms.issuer_and_serial(leaf), self.digest,
            der.set_of(listed, der.context(0)), self.algorithm, octets(signature), self.after,
        )  # fmt: skip

    def make(
        self, kind: str, content: bytes, signers: Sequence[Identity], held: Sequence[x509.Certificate],
        time: datetime,
    ) -> bytes:  # fmt: skip
        """SignedData."""
        named = der.oid(kind)
        infos = [self._info(named, content, signer, time) for signer in signers]
        listed = self.certificates(sorted({certs.der(one) for one in held}))
        return der.sequence(_SIGNED_DATA, der.write(der.context(0), self.wrapped(der.sequence(
            der.integer(self.version), der.set_of([self.digest]),
            der.sequence(named, der.write(der.context(0), self.inner(octets(content)))),
            der.write(der.context(0), b"".join(listed)),
            der.write(der.SET, b"".join(self.infos(infos))),
        ))))  # fmt: skip


@dataclass
class Stamping:
    """How a token is made; tests change a part of it."""

    signing: Signing = field(default_factory=lambda: Signing(timed=False))
    status: bytes = field(default_factory=lambda: der.integer(0))
    policy: str = certs.TOKEN_POLICY
    kind: str = TST_INFO
    digest: bytes = SHA256
    time: Callable[[str], str] = same
    version: int = 1
    more: bytes = b""
    """What stands in the TSTInfo behind genTime."""
    imprint: Callable[[bytes], bytes] = sha256

    def make(self, data: bytes, time: datetime, signer: Identity) -> bytes:
        """A TimeStampResp."""
        text = f"{time:%Y%m%d%H%M%S}.{time.microsecond // 1000:03d}".rstrip("0").rstrip(".") + "Z"
        info = der.sequence(
            der.integer(self.version), der.oid(self.policy), der.sequence(self.digest, octets(self.imprint(data))),
            der.integer(4711), der.write(der.GENERALIZED, self.time(text).encode("ascii")), self.more,
        )  # fmt: skip
        token = self.signing.make(self.kind, info, [signer], signer.chain[:1], time)
        return der.sequence(der.sequence(self.status), token)


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 §2.1."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return log.node_hash(tree_root(leaves[:split]), tree_root(leaves[split:]))


def tree_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """RFC 6962 §2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*tree_path(leaves[:split], index), tree_root(leaves[split:])]
    return [*tree_path(leaves[split:], index - split), tree_root(leaves[:split])]


Ed25519Signer = tuple[str, Ed25519PrivateKey]


def note(body: str, signers: Sequence[Ed25519Signer], witnesses: Sequence[tuple[Ed25519Signer, datetime]]) -> str:
    """A checkpoint with its signatures."""
    lines = []
    for signer, key in signers:
        found = log.Verifier(signer, key.public_key(), log.LOG)
        lines.append(f"— {signer} {b64(found.id + key.sign(body.encode()))}\n")
    for (signer, key), at in witnesses:
        found, time = log.Verifier(signer, key.public_key(), log.WITNESS), int(at.timestamp())
        signature = key.sign(f"cosignature/v1\ntime {time}\n{body}".encode())
        lines.append(f"— {signer} {b64(found.id + time.to_bytes(8, 'big') + signature)}\n")
    return body + "\n" + "".join(lines)


class Lab:
    """A CUHK, a Blackboard's clock and log, a witness, and a student; with all their keys."""

    def __init__(
        self, origin: str = "https://localhost:3141", authority: Authority | None = None, *,
        clock: Callable[[Plan], Plan] = same, log_: Callable[[Plan], Plan] = same,
        witness: Callable[[Plan], Plan] = same, by_issuing: str = "", at: datetime | None = None,
    ) -> None:  # fmt: skip
        """Hooks change certificates; the service named in `by_issuing` has its from there."""
        self.origin, self.authority, self.at = origin, authority or Authority(), at
        self.student = self.person("1155123456")
        self.clock_key, self.log_key, self.witness_key = (
            new_key(), Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(),
        )  # fmt: skip
        self.witness = "localhost:9335/witness"

        def certify(service: str, plan: Plan, key: Any) -> x509.Certificate:
            plan.at = self.at
            own = self.authority.issue if service == by_issuing else self.authority.by_root
            return own(plan, key.public_key())

        self.clock_certificate = certify("clock", clock(timestamp_plan(origin)), self.clock_key)
        self.log_certificate = certify("log", log_(log_plan(origin)), self.log_key)
        self.witness_certificate = certify(
            "witness", witness(witness_plan(self.witness)), self.witness_key
        )

    @property
    def clock(self) -> Identity:
        """The timestamp authority."""
        return Identity("clock", self.clock_key, [self.clock_certificate], Path("unused"))

    def person(self, person: str, plan: Plan | None = None) -> Identity:
        """Somebody with a certificate."""
        key, plan = new_key(), plan or person_plan(person)
        plan.at = self.at
        leaf = self.authority.issue(plan, key.public_key())
        return Identity(person, key, [leaf, self.authority.issuing], Path("unused"))

    def revoked(
        self, time: datetime, *, since: dict[int, datetime] | None = None, by_root: bool = False,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.CertificateRevocationList:  # fmt: skip
        """A revocation list of the issuing authority, or of the root."""
        authority = self.authority
        issuer = authority.root if by_root else authority.issuing
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(time.replace(microsecond=0))
            .next_update(time.replace(microsecond=0) + timedelta(days=2))
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(certs.p256_key(issuer)), False
            )
            .add_extension(x509.CRLNumber(7), critical=False)
        )
        for serial, at in (since or {}).items():
            one = x509.RevokedCertificateBuilder(serial, at.replace(microsecond=0))
            builder = builder.add_revoked_certificate(one.build())
        own = authority.root_key if by_root else authority.issuing_key
        return builder.sign(key or own, hashes.SHA256())


def file_of(file_name: str, content: bytes) -> dict[str, Any]:
    """A file's line in a manifest."""
    found: dict[str, Any] = {"name": file_name, "size": len(content), "sha256": sha256(content).hex()}
    if len(content) > PIECE:
        found["chunks"] = [
            sha256(content[i : i + PIECE]).hex() for i in range(0, len(content), PIECE)
        ]
    return found


@dataclass
class Forgery:
    """One receipt, as it should be; tests change a part of it."""

    lab: Lab
    time: datetime
    members: Callable[[dict[str, Any]], dict[str, Any]] = same
    content: Callable[[bytes], bytes] = same
    signers: Sequence[Identity] | None = None
    held: Sequence[x509.Certificate] | None = None
    kind: str = certs.CLAIM_TYPE
    signing: Signing = field(default_factory=Signing)
    claim: Callable[[bytes], bytes] = same
    stamping: Stamping = field(default_factory=Stamping)
    token: Callable[[bytes], bytes] = same
    revoked: Callable[[Lab, datetime], list[x509.CertificateRevocationList]] = field(
        default_factory=lambda: lambda lab, time: [lab.revoked(time - timedelta(hours=1))]
    )
    witnessed: timedelta = timedelta(seconds=1)
    received_after: timedelta = timedelta(seconds=60)
    log_name: Callable[[str], str] = same
    log_signers: Callable[[list[Ed25519Signer]], list[Ed25519Signer]] = same
    witnesses: Sequence[Ed25519Signer] | None = None
    lodged_entry: Callable[[bytes], bytes] = same
    received_entry: Callable[[bytes], bytes] = same
    reverse: bool = False
    """*received* stands before *lodged*."""
    at_once: bool = False
    """Both are proven with trees of the same size."""
    other_faces: bool = False
    """The log shows *received* in a tree with another history."""
    body: Callable[[str], str] = same
    proof: Callable[[bytes], bytes] = same
    path: Callable[[list[bytes]], list[bytes]] = same
    certificates: Callable[[list[x509.Certificate]], list[x509.Certificate]] = same
    parts: Callable[[dict[str, bytes]], dict[str, bytes]] = same
    archive: Callable[[bytes], bytes] = same

    def manifest(self) -> dict[str, Any]:
        """The manifest, before it is written."""
        return {
            "claim": "v1", "blackboard": self.lab.origin, "course": "IEMS5710",
            "assignment": "lab1", "due": receipt.wire_time(self.time + timedelta(hours=1)),
            "sids": ["1155123456"], "by": None, "replaces": None, "outage": False,
            "nonce": b64u(bytes(16)), "note": None,
            "files": [file_of("report.pdf", b"The report.\n"), file_of("data/empty", b"")],
        }  # fmt: skip

    def _proof(self, entries: list[bytes], index: int, at: datetime) -> bytes:
        lab = self.lab
        leaves = [log.leaf_hash(entry) for entry in entries]
        origin = self.log_name(log.log_name(lab.origin))
        body = self.body(f"{origin}\n{len(leaves)}\n{b64(tree_root(leaves))}\n")
        witnesses = [(lab.witness, lab.witness_key)] if self.witnesses is None else self.witnesses
        signed = note(
            body, self.log_signers([(origin, lab.log_key)]), [(one, at) for one in witnesses]
        )
        path = self.path(tree_path(leaves, index))
        return self.proof(log.write_proof(index, path, signed))

    def _proofs(self, claim: str, token: bytes, lists: bytes) -> tuple[bytes, bytes]:
        lodged = self.lodged_entry(log.lodged_entry(claim, token, lists))
        received = self.received_entry(log.received_entry(claim))
        first = [b"one\n", b"two\n", b"three\n", lodged, b"five\n"]
        second = [*first, received, b"seven\n"]
        if self.reverse:
            first = [b"one\n", received, b"three\n", lodged, b"five\n"]
            second = first
        if self.at_once:
            first = second
        if self.other_faces:
            second = [b"another\n", *second[1:]]
        at = self.time + self.witnessed
        return (
            self._proof(first, 3, at),
            self._proof(second, second.index(received), at + self.received_after),
        )

    def make(self) -> bytes:
        """The receipt."""
        lab = self.lab
        content = self.content(json.dumps(self.members(self.manifest())).encode())
        signers = [lab.student] if self.signers is None else list(self.signers)
        held = [c for s in signers for c in s.chain] if self.held is None else list(self.held)
        claim = self.claim(self.signing.make(self.kind, content, signers, held, self.time))
        token = self.token(self.stamping.make(claim, self.time, lab.clock))
        lists = self.revoked(lab, self.time)
        lodged, received = self._proofs(sha256(content).hex(), token, receipt.pem_lists(lists))
        leaves = [signer.chain[0] for signer in signers]
        try:
            parsed = cms.parse(claim, self.kind)
            leaves = [one.certificate for one in parsed.signatures]
        except ClaimError:
            pass  # The claim is the forgery.
        ordered = [*leaves]
        ordered += [one for one in sorted(set(held), key=certs.der) if one not in leaves]
        listed = [*ordered, lab.clock_certificate, lab.log_certificate, lab.witness_certificate]
        parts = {
            receipt.README: receipt.readme(self.time), receipt.CLAIM: claim, receipt.TOKEN: token,
            receipt.LODGED: lodged, receipt.RECEIVED: received,
            receipt.LISTS: receipt.pem_lists(lists),
            receipt.CERTIFICATES: receipt.pem(self.certificates(listed)),
        }  # fmt: skip
        return self.archive(receipt.pack(self.parts(parts)))


def now() -> datetime:
    """This moment, in milliseconds."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

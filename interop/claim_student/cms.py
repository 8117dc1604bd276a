"""Signed claims, withdrawals and timestamp tokens: CMS in the one form of PROTOCOL.md, §8 and §11."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from . import certs, der
from .errors import Malformed, Untrusted
from .identity import Identity
from .wire import sha256

_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
_ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_CONTENT_TYPE = der.oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.4")
_SIGNING_TIME = der.oid("1.2.840.113549.1.9.5")
_SIGNING_CERTIFICATE = der.oid("1.2.840.113549.1.9.16.2.47")
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
LARGEST = 4 << 20
_ALWAYS = {_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_CERTIFICATE}


def issuer_and_serial(certificate: x509.Certificate) -> bytes:
    """How a SignerInfo names a certificate."""
    fields = der.read(certs.der(certificate)).children()[0].children()
    at = 1 if fields[0].tag == der.context(0) else 0
    return der.sequence(fields[at + 2].raw, fields[at].raw)


def _attributes(kind: bytes, content: bytes, leaf: x509.Certificate, time: datetime) -> list[bytes]:
    certificate = der.sequence(der.sequence(der.sequence(
        der.write(der.OCTETS, sha256(certs.der(leaf)))
    )))  # fmt: skip
    values = {
        _CONTENT_TYPE: kind,
        _MESSAGE_DIGEST: der.write(der.OCTETS, sha256(content)),
        _SIGNING_TIME: der.utc_time(time),
        _SIGNING_CERTIFICATE: certificate,
    }
    return [der.sequence(name, der.set_of([value])) for name, value in values.items()]


def _signer_info(kind: bytes, content: bytes, identity: Identity, time: datetime) -> bytes:
    leaf = identity.chain[0]
    attributes = _attributes(kind, content, leaf, time)
    signature = identity.key.sign(der.set_of(attributes), ec.ECDSA(hashes.SHA256()))
    return der.sequence(
        der.integer(1), issuer_and_serial(leaf), _SHA256,
        der.set_of(attributes, der.context(0)), _ECDSA, der.write(der.OCTETS, signature),
    )  # fmt: skip


def sign(kind: str, content: bytes, signers: Sequence[Identity], time: datetime) -> bytes:
    """SignedData over `content`, by everybody in `signers`, with leaf and issuing certificate each."""
    name = der.oid(kind)
    held = {certs.der(one) for signer in signers for one in signer.chain[:2]}
    data = der.sequence(
        der.integer(3),
        der.set_of([_SHA256]),
        der.sequence(name, der.write(der.context(0), der.write(der.OCTETS, content))),
        der.set_of(held, der.context(0)),
        der.set_of(_signer_info(name, content, signer, time) for signer in signers),
    )
    return der.sequence(_SIGNED_DATA, der.write(der.context(0), data))


@dataclass(frozen=True)
class Signature:
    """One SignerInfo, whose signature holds. `time` is the signer's own word; tokens have none."""

    certificate: x509.Certificate
    time: datetime | None


@dataclass(frozen=True)
class Signed:
    """SignedData whose signatures hold; who signed, and whether they may, is another question."""

    kind: bytes
    content: bytes
    certificates: tuple[x509.Certificate, ...]
    signatures: tuple[Signature, ...]


def _time(element: der.Element) -> datetime:
    form = {der.UTC_TIME: "%y%m%d%H%M%SZ", der.GENERALIZED: "%Y%m%d%H%M%SZ"}.get(element.tag)
    try:
        digits = element.content.decode("ascii")
        if form is None or not re.fullmatch(r"[0-9]{12}([0-9]{2})?Z", digits, re.ASCII):
            raise Malformed("not a time")
        time = datetime.strptime(digits, form).replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed("not a time") from error
    if der.utc_time(time) != element.raw:
        raise Malformed("a time in another spelling")
    return time


def _read_attributes(element: der.Element, timed: bool) -> dict[bytes, der.Element]:
    """Each attribute with its one value; with `timed` signingTime is among them."""
    found: dict[bytes, der.Element] = {}
    for attribute in element.set_of(der.context(0)):
        name, values = _exactly(attribute, 2)
        value = values.set_of()
        if len(value) != 1 or name.raw in found:
            raise Malformed("an attribute that has not one value")
        found[name.raw] = value[0]
    if set(found) != _ALWAYS | ({_SIGNING_TIME} if timed else set()):
        raise Malformed("other signed attributes than there must be")
    return found


def _exactly(element: der.Element, count: int) -> list[der.Element]:
    found = element.children()
    if len(found) != count:
        raise Malformed(f"{len(found)} elements where there must be {count}")
    return found


def _want(element: der.Element, raw: bytes, what: str) -> None:
    if element.raw != raw:
        raise Malformed(f"another {what}")


def _signature(
    info: der.Element, kind: bytes, content: bytes,
    certificates: Sequence[x509.Certificate], timed: bool,
) -> Signature:  # fmt: skip
    version, sid, digest, attributes, algorithm, signature = _exactly(info, 6)
    if version.integer() != 1:
        raise Malformed("a SignerInfo of another version")
    _want(digest, _SHA256, "digest algorithm")
    _want(algorithm, _ECDSA, "signature algorithm")
    leaf = next((c for c in certificates if issuer_and_serial(c) == sid.raw), None)
    if leaf is None:
        raise Malformed("a signer whose certificate is not there")
    found = _read_attributes(attributes, timed)
    _want(found[_CONTENT_TYPE], kind, "content type among the attributes")
    _want(found[_MESSAGE_DIGEST], der.write(der.OCTETS, sha256(content)), "digest of the content")
    named = der.write(der.OCTETS, sha256(certs.der(leaf)))
    identifier = der.sequence(der.sequence(der.sequence(named)))
    _want(found[_SIGNING_CERTIFICATE], identifier, "certificate in signingCertificateV2")
    signed = der.write(der.SET, attributes.content)
    certs.verify_ecdsa(leaf, signature.want(der.OCTETS), signed)
    time = found.get(_SIGNING_TIME)
    return Signature(leaf, _time(time) if time is not None else None)


def _parse(element: der.Element, *, timed: bool) -> Signed:
    outer, wrapped = _exactly(element, 2)
    _want(outer, _SIGNED_DATA, "kind of CMS")
    inside = wrapped.children(der.context(0))
    if len(inside) != 1:
        raise Malformed("more than one SignedData")
    version, digests, info, held, signers = _exactly(inside[0], 5)
    if version.integer() != 3:
        raise Malformed("SignedData of another version")
    _want(digests, der.set_of([_SHA256]), "digest algorithm")
    kind, explicit = _exactly(info, 2)
    octets = explicit.children(der.context(0))
    if len(octets) != 1:
        raise Malformed("content that is not there once")
    content = octets[0].want(der.OCTETS)
    certificates = tuple(certs.from_der(one.raw) for one in held.set_of(der.context(0)))
    infos = signers.set_of()
    if not infos:
        raise Malformed("nobody has signed")
    signatures = tuple(_signature(one, kind.raw, content, certificates, timed) for one in infos)
    return Signed(kind.raw, content, certificates, signatures)


def parse(data: bytes, kind: str) -> Signed:
    """A claim or a withdrawal, with the certificates of its signers and their issuers alone."""
    if len(data) > LARGEST:
        raise Malformed("a signed message of more than 4 MiB")
    signed = _parse(der.read(data), timed=True)
    if signed.kind != der.oid(kind):
        raise Malformed("CMS of something else")
    leaves = [certs.der(one.certificate) for one in signed.signatures]
    if len(set(leaves)) != len(leaves):
        raise Malformed("somebody has signed twice")
    for one in signed.certificates:
        issues = any(certs.issued_by(s.certificate, one) for s in signed.signatures)
        if certs.der(one) not in leaves and not issues:
            raise Malformed("a certificate of nobody who signed")
    return signed


def issuers(signed: Signed) -> list[x509.Certificate]:
    """The certificates that are not those of signers, in the order of the CMS."""
    leaves = {certs.der(one.certificate) for one in signed.signatures}
    return [one for one in signed.certificates if certs.der(one) not in leaves]


def check_signers(signed: Signed, root: x509.Certificate, allowed: Sequence[str]) -> list[str]:
    """Each signer's path to the root, whatever the time, and that they may. Returns their ids."""
    people = []
    for one in signed.signatures:
        person = certs.person_of(one.certificate)
        certs.check_person([one.certificate, *issuers(signed)], root, person, None)
        if person not in allowed:
            raise Untrusted(f"{person} has signed, but the claim is not theirs")
        if person in people:
            raise Malformed("somebody has signed twice")
        people.append(person)
    return people


@dataclass(frozen=True)
class Token:
    """A timestamp token (RFC 3161), whose signature holds."""

    imprint: bytes
    time: datetime
    certificate: x509.Certificate


def _gen_time(element: der.Element) -> datetime:
    match = re.fullmatch(rb"([0-9]{14})(?:\.([0-9]{0,2}[1-9]))?Z", element.want(der.GENERALIZED))
    if match is None:
        raise Malformed("a genTime in another spelling")
    try:
        time = datetime.strptime(match[1].decode("ascii"), "%Y%m%d%H%M%S")
    except ValueError as error:
        raise Malformed("a genTime that is no time") from error
    millis = int((match[2] or b"0").ljust(3, b"0"))
    return time.replace(microsecond=millis * 1000, tzinfo=UTC)


def token(data: bytes) -> Token:
    """Read a TimeStampResp and check its signature; not whose certificate that is."""
    status, answer = _exactly(der.read(data), 2)
    granted = _exactly(status, 1)[0]
    if granted.integer() != 0:
        raise Malformed("a timestamp that was not granted")
    signed = _parse(answer, timed=False)
    if signed.kind != der.oid(_TST_INFO):
        raise Malformed("no TSTInfo")
    if len(signed.certificates) != 1 or len(signed.signatures) != 1:
        raise Malformed("a token holds one certificate and one signature")
    version, policy, imprint, serial, time = _exactly(der.read(signed.content), 5)
    serial.integer()
    if version.integer() != 1:
        raise Malformed("a TSTInfo of another version")
    _want(policy, der.oid(certs.TOKEN_POLICY), "policy of the token")
    algorithm, octets = _exactly(imprint, 2)
    _want(algorithm, _SHA256, "digest algorithm in the token")
    return Token(octets.want(der.OCTETS), _gen_time(time), signed.certificates[0])


def check_token(found: Token, data: bytes, root: x509.Certificate) -> str:
    """§11, point 3, for a token over `data`. Returns the origin that its certificate is for."""
    if found.imprint != sha256(data):
        raise Untrusted("the token is over something else")
    return certs.check_timestamp(found.certificate, root)

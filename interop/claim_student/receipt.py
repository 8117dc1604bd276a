"""The receipt as a file (PROTOCOL.md, section 11): its one form, made and read."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from .errors import Malformed
from .log import Proof
from .wire import parse_time

README, CLAIM, TOKEN, OUTAGE = "README.txt", "claim.p7s", "timestamp.tsr", "outage.tsr"
LODGED, RECEIVED, LISTS, CERTIFICATES = (
    "lodged.proof", "received.proof", "revocation.crl", "certificates.pem",
)  # fmt: skip
_ORDER = [README, CLAIM, TOKEN, OUTAGE, LODGED, RECEIVED, LISTS, CERTIFICATES]
_OPTIONAL = {OUTAGE, LODGED, RECEIVED}
LARGEST = 16 << 20
_LIST_EXTENSIONS = [
    (ExtensionOID.AUTHORITY_KEY_IDENTIFIER, False), (ExtensionOID.CRL_NUMBER, False),
]  # fmt: skip
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"

_TEXT = """\
This is a receipt of Claim: proof that files were handed in to a Blackboard of
The Chinese University of Hong Kong, at the time
{time}
by the clock of that Blackboard.
{told}
You need cuhk.cer, the root certificate of CUHK. Take it from CUHK itself or from
somebody you trust. Never take it from whoever gave you this receipt: with a root
of their own, anybody can make a receipt that seems genuine.

The whole check, without a network (exit code 0: everything holds; 4: something
does not; 5: genuine, but not complete):

  claim verify NAME.receipt FILES... --root cuhk.cer

The same files unpacked, with OpenSSL 3 alone. Who signed what (the list of files
with their SHA-256 goes to manifest.json):

  openssl cms -verify -inform DER -in claim.p7s -CAfile cuhk.cer -purpose any -cades -attime {seconds} -out manifest.json

That Blackboard had it at that time:

  openssl ts -verify -data claim.p7s -in timestamp.tsr -CAfile cuhk.cer -untrusted certificates.pem -attime {seconds}
{command}
That this clock was right, that the log has the claim, and that the signer's
certificate was not revoked, is in lodged.proof, received.proof and
revocation.crl; OpenSSL does not read all of these.
"""


_BEFORE = "\nThat Blackboard could not be reached before. CUHK had the claim at\n"
_TOLD = _BEFORE + """\
{time}
by its own clock, and by that time it is judged.
"""
_COMMAND = """
That CUHK had it before, while that Blackboard could not be reached (the
certificate in it must be the one of CUHK's own timestamp authority):

  openssl ts -verify -data claim.p7s -in outage.tsr -CAfile cuhk.cer -attime {seconds}
"""


def wire_time(time: datetime) -> str:
    """A time as it stands in messages, cut to milliseconds."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def readme(time: datetime, outage: datetime | None = None) -> bytes:
    """README.txt, which is the same in all receipts but for the tokens' times."""

    def filled(text: str, at: datetime) -> str:
        return text.format(time=wire_time(at), seconds=int(at.timestamp()), told=told, command=command)

    told = command = ""
    if outage is not None:
        told, command = filled(_TOLD, outage), filled(_COMMAND, outage)
    return filled(_TEXT, time).encode("utf-8")


def _readme_times(content: bytes) -> tuple[datetime, datetime | None]:
    lines = content.split(b"\n", 3)
    try:
        time, outage = parse_time(lines[2].decode("ascii")), None
        _, before, rest = content.partition(_BEFORE.encode("ascii"))
        if before:
            outage = parse_time(rest.split(b"\n", 1)[0].decode("ascii"))
        if readme(time, outage) == content:
            return time, outage
    except (Malformed, LookupError, UnicodeDecodeError):
        pass
    raise Malformed("README.txt has another text than it has in every receipt")


def pack(members: dict[str, bytes]) -> bytes:
    """The archive, in the one form that there is."""
    body, directory = bytearray(), bytearray()
    for name, content in members.items():
        size, encoded = len(content), name.encode("ascii")
        common = struct.pack(
            "<5H3I2H", 10, 0, 0, 0, 0x21, zlib.crc32(content), size, size, len(encoded), 0
        )
        directory += _CENTRAL + struct.pack("<H", 10) + common
        directory += struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + encoded
        body += _LOCAL + common + encoded + content
    count = len(members)
    end = struct.pack("<4H2IH", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory) + _END + end


def _unpack(data: bytes) -> dict[str, bytes]:
    """Reads the local headers one after another; whether all is in order, `pack` tells."""
    members: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == _LOCAL:
        if at + 30 > len(data):
            raise Malformed("a receipt that breaks off")
        size, length = struct.unpack_from("<IH", data, at + 22)
        name = data[at + 30 : at + 30 + length].decode("ascii", "replace")
        if name in members or name not in _ORDER:
            raise Malformed(f"a receipt with the member {name!r}")
        at += 30 + length
        members[name] = data[at : at + size]
        at += size
    if [name for name in _ORDER if name in members or name not in _OPTIONAL] != list(members):
        raise Malformed("other members than a receipt has, or in another order")
    if RECEIVED in members and LODGED not in members:
        raise Malformed("a proof that the files were received, but none of the claim")
    if pack(members) != data:
        raise Malformed("an archive that is not in the one form")
    return members


def pem(certificates: Iterable[x509.Certificate]) -> bytes:
    """certificates.pem."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def pem_lists(lists: Iterable[x509.CertificateRevocationList]) -> bytes:
    """revocation.crl."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in lists)


def read_lists(data: bytes) -> list[x509.CertificateRevocationList]:
    """Revocation lists in PEM."""
    blocks = re.findall(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\n?", data, re.DOTALL)
    try:
        return [check_list(x509.load_pem_x509_crl(block)) for block in blocks]
    except ValueError as error:
        raise Malformed("a revocation list that cannot be read") from error


def check_list(revoked: x509.CertificateRevocationList) -> x509.CertificateRevocationList:
    """A full list has these two extensions, in this order, and no others (section 10)."""
    if [(one.oid, one.critical) for one in revoked.extensions] != _LIST_EXTENSIONS:
        raise Malformed("a revocation list with other extensions")
    return revoked


@dataclass(frozen=True)
class Receipt:
    """A receipt in its one form. Nothing in it is proven by that."""

    members: dict[str, bytes]
    certificates: list[x509.Certificate]
    lists: list[x509.CertificateRevocationList]
    proofs: dict[str, Proof]
    time: datetime
    """The time that README.txt tells."""
    outage_time: datetime | None
    """The time of CUHK's token that it tells, after an outage."""

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """§11, Container."""
        if len(data) > LARGEST:
            raise Malformed("a receipt of more than 16 MiB")
        members = _unpack(data)
        try:
            certificates = x509.load_pem_x509_certificates(members[CERTIFICATES])
        except ValueError as error:
            raise Malformed("certificates.pem cannot be read") from error
        lists = read_lists(members[LISTS])
        proofs = {name: Proof.parse(members[name]) for name in (LODGED, RECEIVED) if name in members}
        if not lists or not certificates:
            raise Malformed("PEM without a block")
        if pem(certificates) != members[CERTIFICATES] or pem_lists(lists) != members[LISTS]:
            raise Malformed("PEM that is not in its one spelling")
        return cls(members, certificates, lists, proofs, *_readme_times(members[README]))

    @property
    def claim(self) -> bytes:
        """The signed claim."""
        return self.members[CLAIM]

    @property
    def outage(self) -> bytes | None:
        """CUHK's token, after an outage."""
        return self.members.get(OUTAGE)

    @property
    def token(self) -> bytes:
        """The timestamp token."""
        return self.members[TOKEN]

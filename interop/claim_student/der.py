"""DER (X.690), as far as CMS and timestamps need it: one spelling for each value, or refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime


from .errors import Malformed

BOOLEAN, INTEGER, OCTETS, NULL, OID, UTC_TIME, GENERALIZED = 1, 2, 4, 5, 6, 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31


def context(number: int) -> int:
    """The tag of a constructed element `[number]`."""
    return 0xA0 | number


@dataclass(frozen=True)
class Element:
    """One element: its tag, what it holds, and all of it."""

    tag: int
    content: bytes
    raw: bytes

    def want(self, tag: int) -> bytes:
        """The content, if the tag is this one."""
        if self.tag != tag:
            raise Malformed(f"an element {self.tag:#04x} where {tag:#04x} must be")
        return self.content

    def children(self, tag: int = SEQUENCE) -> list[Element]:
        """The elements in an element that must have this tag."""
        return elements(self.want(tag))

    def set_of(self, tag: int = SET) -> list[Element]:
        """The elements of a SET OF, which DER sorts; none stands twice here."""
        found = self.children(tag)
        raw = [one.raw for one in found]
        if raw != sorted(set(raw)):
            raise Malformed("a SET that is not in DER's order")
        return found

    def integer(self) -> int:
        """A number in its shortest form."""
        content = self.want(INTEGER)
        if not content or (
            len(content) > 1 and content[0] in (0, 0xFF) and content[0] >> 7 == content[1] >> 7
        ):
            raise Malformed("a number that is not in its shortest form")
        return int.from_bytes(content, "big", signed=True)


def _read(data: bytes, at: int) -> tuple[Element, int]:
    start = at
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        raise Malformed("not DER: no element, or a long tag")
    tag, length, at = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        octets = data[at : at + count]
        if not 1 <= count <= 4 or len(octets) != count or octets[0] == 0:
            raise Malformed("not DER: a length")
        length, at = int.from_bytes(octets, "big"), at + count
        if length < 0x80:
            raise Malformed("not DER: a length that is not in its shortest form")
    end = at + length
    if end > len(data):
        raise Malformed("not DER: it breaks off")
    return Element(tag, data[at:end], data[start:end]), end


def elements(data: bytes) -> list[Element]:
    """All of `data`, one element after another."""
    found, at = [], 0
    while at < len(data):
        one, at = _read(data, at)
        found.append(one)
    return found


def read(data: bytes) -> Element:
    """The one element that `data` is, with nothing after it."""
    one, end = _read(data, 0)
    if end != len(data):
        raise Malformed("something stands after the DER")
    return one


def write(tag: int, content: bytes) -> bytes:
    """One element."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE."""
    return write(SEQUENCE, b"".join(parts))


def set_of(parts: Iterable[bytes], tag: int = SET) -> bytes:
    """SET OF, in DER's order."""
    return write(tag, b"".join(sorted(parts)))


def integer(value: int) -> bytes:
    """INTEGER."""
    length = (value + (value < 0)).bit_length() // 8 + 1
    return write(INTEGER, value.to_bytes(length, "big", signed=True))


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER, with arcs of any size."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytearray()
    for arc in (40 * first + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        out += bytes(reversed(digits))
    return write(OID, bytes(out))


def utc_time(moment: datetime) -> bytes:
    """RFC 5652 §11.3: UTCTime for the years 1950 to 2049, else GeneralizedTime."""
    moment = moment.astimezone(UTC)
    if 1950 <= moment.year < 2050:
        return write(UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode("ascii"))
    return write(GENERALIZED, f"{moment:%Y%m%d%H%M%SZ}".encode("ascii"))

"""Names of files in a claim (PROTOCOL.md, section 8), after Unicode 15.1 exactly."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import Malformed

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

if unicodedata.unidata_version != "15.1.0":
    raise ImportError("the names of files are those of Unicode 15.1: install requirements.txt")

_REFUSED = frozenset('\\:*?"<>|')
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"}
)


def fold(name: str) -> str:
    """NFC of the full case folding. Letters that Python's folding does not know are newer than 15.1,
    or have no case: Unicode 15.0 and 15.1 brought no full folding."""
    return unicodedata.normalize("NFC", name.casefold())


def _is_device(segment: str) -> bool:
    stem = segment.split(".", 1)[0].rstrip(" ")
    return "".join(c.upper() if c.isascii() else c for c in stem) in _DEVICES


def check(name: str) -> str:
    """The name, if a claim may hold it."""
    try:
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Malformed("a name that is no text") from error
    if length > 1024:
        raise Malformed("a name of more than 1,024 bytes")
    for character in name:
        if unicodedata.category(character) in ("Cc", "Cf", "Cn", "Cs"):
            raise Malformed(f"a name with U+{ord(character):04X}")
    if unicodedata.normalize("NFC", name) != name:
        raise Malformed(f"a name that is not in NFC: {name!r}")
    for segment in name.split("/"):
        if segment in ("", ".", "..") or segment[-1] in ". ":
            raise Malformed(f"a name with the segment {segment!r}")
        if len(segment.encode("utf-8")) > 255:
            raise Malformed("a segment of more than 255 bytes")
        if _REFUSED & set(segment):
            raise Malformed(f"a name with one of \\ : * ? \" < > |: {name!r}")
        if _is_device(segment):
            raise Malformed(f"a name that is a device: {name!r}")
    return name


def check_all(names: Iterable[str]) -> None:
    """Each name, and that no two are the same place for a system that does not tell case."""
    files: set[str] = set()
    folders: set[str] = set()
    for name in names:
        folded = fold(check(name))
        if folded in files:
            raise Malformed(f"two files that are one to other systems: {name!r}")
        files.add(folded)
        parts = name.split("/")[:-1]
        folders |= {fold("/".join(parts[: i + 1])) for i in range(len(parts))}
    if both := files & folders:
        raise Malformed(f"a file and a folder under one name: {min(both)!r}")

"""The manifest of a claim (PROTOCOL.md, section 8): made from files, and read."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import names
from .errors import Malformed
from .wire import b64u, is_person, is_sid, load_object, origin, parse_time, sha256, text, unb64u

PIECE = 4 << 20
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_WORD = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}", re.ASCII)
_LARGEST = 2**53 - 1
_MEMBERS = {
    "claim", "blackboard", "course", "assignment", "due", "sids", "by", "replaces", "outage",
    "nonce", "note", "files",
}  # fmt: skip


def digest(value: object) -> str:
    """A SHA-256 in hexadecimal, in lower case: of a file or a piece, or the id of a claim."""
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise Malformed("not a SHA-256 in hexadecimal")
    return value


def word(value: object) -> str:
    """The name of a course or an assignment."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise Malformed(f"not the name of a course or an assignment: {value!r}")
    return value


def number(value: object, largest: int = _LARGEST) -> int:
    """A whole number that is not negative, and was written as one."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise Malformed(f"not a number from 0 to {largest}")
    return value


def piece_count(size: int) -> int:
    """How many pieces a file of that size has."""
    return -(-size // PIECE)


@dataclass(frozen=True)
class File:
    """A file of a claim. `pieces` are the digests that its pieces must have."""

    name: str
    size: int
    sha256: str
    pieces: tuple[str, ...]

    def members(self) -> dict[str, object]:
        """As it stands in the manifest."""
        members: dict[str, object] = {"name": self.name, "size": self.size, "sha256": self.sha256}
        return members | ({"chunks": list(self.pieces)} if self.size > PIECE else {})


def read_pieces(path: Path) -> Iterator[bytes]:
    """A file's pieces, in order."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def measure(name: str, path: Path) -> File:
    """Read a file once, for its line in the manifest."""
    whole, size, pieces = hashlib.sha256(), 0, []
    for piece in read_pieces(path):
        whole.update(piece)
        size += len(piece)
        pieces.append(hashlib.sha256(piece).hexdigest())
    return File(names.check(name), size, whole.hexdigest(), tuple(pieces))


def _file(value: object) -> File:
    if not isinstance(value, dict) or not {"name", "size", "sha256"} <= set(value):
        raise Malformed("a file without name, size or sha256")
    if set(value) - {"name", "size", "sha256", "chunks"}:
        raise Malformed("a file with a member that nobody knows")
    size, whole = number(value["size"]), digest(value["sha256"])
    if ("chunks" in value) != (size > PIECE):
        raise Malformed("chunks belong to files of more than 4 MiB, and to no others")
    chunks = value.get("chunks", [whole] if size else [])
    if not isinstance(chunks, list) or len(chunks) != piece_count(size):
        raise Malformed("another number of chunks than the size has")
    return File(names.check(text(value, "name")), size, whole, tuple(digest(c) for c in chunks))


@dataclass(frozen=True)
class Manifest:
    """What is signed. `content` are the very bytes, whose hash is the claim's id."""

    blackboard: str
    course: str
    assignment: str
    due: str | None
    sids: tuple[str, ...]
    by: str | None
    replaces: str | None
    outage: bool
    note: str | None
    files: tuple[File, ...]
    content: bytes

    @property
    def id(self) -> str:
        """The claim's id."""
        return sha256(self.content).hex()

    @property
    def signers(self) -> tuple[str, ...]:
        """Who may sign: the members, or the one who hands in for them."""
        return self.sids if self.by is None else (self.by,)

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Read one."""
        members = load_object(content)
        if set(members) != _MEMBERS or members["claim"] != "v1":
            raise Malformed("other members than a manifest has")
        outage, files, sids = members["outage"], members["files"], members["sids"]
        if not isinstance(outage, bool):
            raise Malformed("outage is true or false")
        if not isinstance(files, list) or not 1 <= len(files) <= 10_000:
            raise Malformed("a claim has 1 to 10,000 files")
        if not isinstance(sids, list) or not all(isinstance(sid, str) for sid in sids):
            raise Malformed("sids is a list of ids")
        if not 1 <= len(sids) <= 64 or sids != sorted(set(sids)) or not all(map(is_sid, sids)):
            raise Malformed("sids are 1 to 64 SIDs, ascending")
        unb64u(members["nonce"], 16)
        listed = tuple(_file(file) for file in files)
        number(sum(file.size for file in listed))
        names.check_all(file.name for file in listed)
        by, note, due, last = (_text_or_null(members, m) for m in ("by", "note", "due", "replaces"))
        if by is not None and (not is_person(by) or is_sid(by)):
            raise Malformed("by is the id of a member of staff")
        if due is not None:
            parse_time(due)
        return cls(
            origin(text(members, "blackboard")), word(members["course"]),
            word(members["assignment"]), due, tuple(sids), by,
            last if last is None else digest(last), outage, note, listed, content,
        )  # fmt: skip

    @classmethod
    def make(cls, *, files: list[File], sids: list[str], **members: object) -> Manifest:
        """Write one, with a fresh nonce; it is read again, so that it is in order."""
        written: dict[str, object] = {
            "claim": "v1", "by": None, "replaces": None, "outage": False, "note": None,
            "nonce": b64u(secrets.token_bytes(16)), "sids": sids,
            **members, "files": [file.members() for file in files],
        }  # fmt: skip
        return cls.parse(json.dumps(written, ensure_ascii=False).encode("utf-8"))

    def file(self, name: str) -> File | None:
        """The file under that name."""
        return next((file for file in self.files if file.name == name), None)


def _text_or_null(members: Mapping[str, object], name: str) -> str | None:
    value = members[name]
    if value is not None and not isinstance(value, str):
        raise Malformed(f"{name} is a text or null")
    return value

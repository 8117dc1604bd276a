"""The log's proofs (PROTOCOL.md, §10 and §11): signed notes, cosignatures, RFC 9162 inclusion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .errors import Malformed, Untrusted
from .wire import b64, sha256, unb64

_HEADER = "c2sp.org/tlog-proof@v1"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
LOG, WITNESS = 1, 4


def raw(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


@dataclass(frozen=True)
class Verifier:
    """A key with the name under which it signs notes, and the kind of its signatures."""

    name: str
    key: Ed25519PublicKey
    kind: int

    @property
    def id(self) -> bytes:
        """The four bytes before each of its signatures."""
        return sha256(self.name.encode("utf-8") + b"\n" + bytes([self.kind]) + raw(self.key))[:4]

    @classmethod
    def witness(cls, line: str) -> Verifier:
        """A witness as it publishes its key: `<name>+<id in hexadecimal>+<base64>`."""
        name, _, rest = line.strip().partition("+")
        identifier, _, encoded = rest.partition("+")
        octets = unb64(encoded)
        if not name or any(c.isspace() for c in name) or len(octets) != 33 or octets[0] != WITNESS:
            raise Malformed("not the key of a witness: <name>+<id>+<base64>")
        found = cls(name, Ed25519PublicKey.from_public_bytes(octets[1:]), WITNESS)
        if found.id.hex() != identifier:
            raise Malformed("the id of that key is another")
        return found


@dataclass(frozen=True)
class Checkpoint:
    """A tree's size and root, and the note that they stand in."""

    origin: str
    size: int
    root: bytes
    body: str
    signatures: tuple[tuple[str, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """Read a signed note that is a checkpoint."""
        body, blank, tail = note.rpartition("\n\n")
        if not blank or not tail.endswith("\n"):
            raise Malformed("not a signed note")
        signatures = []
        for line in tail[:-1].split("\n"):
            match = _SIGNATURE.fullmatch(line)
            if match is None:
                raise Malformed("a line that is no signature")
            octets = unb64(match[2])
            if len(octets) < 5:
                raise Malformed("a signature that is too short")
            signatures.append((match[1], octets))
        lines = body.split("\n")
        if len(lines) < 3 or not all(lines) or not _NUMBER.fullmatch(lines[1]):
            raise Malformed("not a checkpoint")
        tree = unb64(lines[2])
        if len(tree) != 32:
            raise Malformed("a tree's root has 32 bytes")
        return cls(lines[0], int(lines[1]), tree, body + "\n", tuple(signatures))

    def _by(self, verifier: Verifier) -> list[bytes]:
        return [
            octets[4:]
            for name, octets in self.signatures
            if name == verifier.name and octets[:4] == verifier.id
        ]

    def check_log(self, log: Verifier) -> None:
        """The log has signed it."""
        found = self._by(log)
        if not found:
            raise Untrusted("the log has not signed its checkpoint")
        for signature in found:
            _verify(log.key, signature, self.body.encode("utf-8"))

    def cosigned(self, witness: Verifier) -> datetime | None:
        """When that witness cosigned it, if it did."""
        times = []
        for signature in self._by(witness):
            if len(signature) != 72:
                raise Untrusted("a cosignature of another length")
            time = int.from_bytes(signature[:8], "big")
            _verify(witness.key, signature[8:], f"cosignature/v1\ntime {time}\n{self.body}".encode())
            try:
                times.append(datetime.fromtimestamp(time, UTC))
            except (ValueError, OverflowError, OSError) as error:
                raise Malformed("a cosignature at no time") from error
        return min(times, default=None)


def _verify(key: Ed25519PublicKey, signature: bytes, data: bytes) -> None:
    try:
        key.verify(signature, data)
    except InvalidSignature as error:
        raise Untrusted("a signature on a checkpoint is wrong") from error


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962."""
    return sha256(b"\0" + entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962."""
    return sha256(b"\1" + left + right)


def root_of(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 §2.1.3.2)."""
    if index >= size:
        raise Untrusted("the index is not in the tree")
    at, last, found = index, size - 1, leaf
    for one in path:
        if last == 0:
            raise Untrusted("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(one, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, one)
        at, last = at >> 1, last >> 1
    if last:
        raise Untrusted("the proof is too short")
    return found


@dataclass(frozen=True)
class Proof:
    """A proof that an entry is in a log."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """Read a tlog-proof without `extra`."""
        try:
            head, blank, note = data.decode("utf-8").partition("\n\n")
        except UnicodeDecodeError as error:
            raise Malformed("a proof that is no text") from error
        lines = head.split("\n")
        if not blank or len(lines) < 2 or lines[0] != _HEADER or len(lines) > 65:
            raise Malformed("not a tlog-proof")
        number = lines[1].removeprefix("index ")
        if number == lines[1] or not _NUMBER.fullmatch(number):
            raise Malformed("a proof without index")
        path = tuple(unb64(line) for line in lines[2:])
        if any(len(one) != 32 for one in path):
            raise Malformed("a hash in a proof has 32 bytes")
        return cls(int(number), path, Checkpoint.parse(note))

    def check(self, entry: bytes, log: Verifier) -> None:
        """The entry is in the tree of the checkpoint, which the log has signed."""
        self.checkpoint.check_log(log)
        if root_of(leaf_hash(entry), self.index, self.checkpoint.size, self.path) != (
            self.checkpoint.root
        ):
            raise Untrusted("the log does not have this entry")

    def cosignatures(self, witnesses: Iterable[Verifier]) -> dict[str, datetime]:
        """The times of those who cosigned the checkpoint, by name."""
        times = {witness.name: self.checkpoint.cosigned(witness) for witness in witnesses}
        return {name: time for name, time in times.items() if time is not None}


def write_proof(index: int, path: Iterable[bytes], note: str) -> bytes:
    """A tlog-proof."""
    return "\n".join([_HEADER, f"index {index}", *map(b64, path), "", note]).encode("utf-8")


def log_name(origin: str) -> str:
    """The origin line of a Blackboard's log, which is also its key's name."""
    return origin.removeprefix("https://") + "/log"


def lodged_entry(claim: str, token: bytes, lists: bytes) -> bytes:
    """The entry *lodged*."""
    lines = ["claim v1 lodged", claim, sha256(token).hex(), sha256(lists).hex(), ""]
    return "\n".join(lines).encode("ascii")


def received_entry(claim: str) -> bytes:
    """The entry *received*."""
    return f"claim v1 received\n{claim}\n".encode("ascii")

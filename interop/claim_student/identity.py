"""What a student keeps in a folder: cuhk.cer, CUHK's origin, and key with chain in one PEM."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from .errors import Malformed


@dataclass(frozen=True)
class Identity:
    """A person's key, and the chain from the leaf up to, but without, the root."""

    sid: str
    key: ec.EllipticCurvePrivateKey
    chain: list[x509.Certificate]
    file: Path


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in one step, readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _load_key(data: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(data, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise Malformed("the stored key is not on P-256")
    return key


def read_root(path: Path) -> x509.Certificate:
    """A cuhk.cer."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Malformed(f"no certificate can be read from {path}: enrol first") from error


class Folder:
    """The student's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _identity_file(self, sid: str) -> Path:
        return self.path / f"{sid}.pem"

    def _pending_file(self, sid: str) -> Path:
        return self.path / f"{sid}.pending.pem"

    def root(self) -> x509.Certificate:
        """cuhk.cer, which must have been kept at enrolment."""
        return read_root(self.path / "cuhk.cer")

    def has_root(self) -> bool:
        """Whether a root is kept already."""
        return (self.path / "cuhk.cer").exists()

    def keep_cuhk(self, root: x509.Certificate, origin: str) -> None:
        """Keep the root, and where CUHK is."""
        write_private(self.path / "cuhk.cer", root.public_bytes(Encoding.PEM))
        write_private(self.path / "cuhk.origin", f"{origin}\n".encode("ascii"))

    def cuhk_origin(self) -> str:
        """Where CUHK is."""
        try:
            return (self.path / "cuhk.origin").read_text("ascii").strip()
        except OSError as error:
            raise Malformed("no cuhk.origin in the folder: enrol first") from error

    def has_pending(self, sid: str) -> bool:
        """Whether an enrolment or renewal with a new key is under way."""
        return self._pending_file(sid).exists()

    def pending_key(self, sid: str) -> ec.EllipticCurvePrivateKey:
        """The key of an enrolment that is under way, made and kept before anything is sent."""
        path = self._pending_file(sid)
        if path.exists():
            return _load_key(path.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(path, _key_pem(key))
        return key

    def keep(
        self, sid: str, key: ec.EllipticCurvePrivateKey, chain: list[x509.Certificate]
    ) -> Identity:
        """Keep a new certificate with its key; the enrolment is over."""
        pem = _key_pem(key) + b"".join(c.public_bytes(Encoding.PEM) for c in chain)
        write_private(self._identity_file(sid), pem)
        self._pending_file(sid).unlink(missing_ok=True)
        return self.identity(sid)

    def put_aside(self, sid: str, serial: str) -> None:
        """Put a revoked identity where nothing uses it any more; its key is never asked for again."""
        self._identity_file(sid).rename(self.path / f"{sid}.{serial}.revoked.pem")
        self._pending_file(sid).unlink(missing_ok=True)

    def identity(self, sid: str) -> Identity:
        """The key and chain of a student who has enrolled."""
        path = self._identity_file(sid)
        try:
            data = path.read_bytes()
            chain = x509.load_pem_x509_certificates(data)
        except (OSError, ValueError) as error:
            raise Malformed(f"no identity for {sid} in the folder: enrol first") from error
        return Identity(sid, _load_key(data), chain, path)

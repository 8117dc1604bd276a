"""Handing in: from files to a receipt that holds, and back (PROTOCOL.md, sections 8, 9 and 11)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import certs, cms
from .desk import Assignment, Desk, Document, check_fresh, check_lodged
from .errors import Malformed, Unsettled, Untrusted
from .identity import write_private
from .manifest import PIECE, File, Manifest, measure
from .names import unicodedata
from .receipt import RECEIVED, Receipt
from .verify import NOT_VERIFIED, Report, verify
from .wire import parse_time, sha256

Tell = Callable[[str], None]


def quiet(_: str) -> None:
    """Tells nobody."""


def collect(paths: Iterable[Path]) -> dict[str, Path]:
    """The files to hand in, by their names in the claim: a folder's with the folder's own name."""
    found: dict[str, Path] = {}

    def add(name: str, path: Path) -> None:
        name = unicodedata.normalize("NFC", name)
        if name in found:
            raise Malformed(f"two files would be called {name!r}")
        found[name] = path

    for path in paths:
        whole = path.resolve()
        if whole.is_file():
            add(path.name or whole.name, whole)
        elif whole.is_dir():
            for below in sorted(whole.rglob("*")):
                if below.is_symlink():
                    raise Malformed(f"{below} is a link: hand in what it leads to")
                if below.is_file():
                    add(f"{whole.name}/{below.relative_to(whole).as_posix()}", below)
        else:
            raise Malformed(f"there is no file {path}")
    if not found:
        raise Malformed("there is no file to hand in")
    return found


def match(paths: Iterable[Path], manifest: Manifest) -> dict[str, Path]:
    """Files at hand by their names in the claim: the longest end of the path that stands there."""
    found: dict[str, Path] = {}
    listed = {file.name for file in manifest.files}
    for path in paths:
        for one in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            parts = [p for p in one.resolve().parts if p != os.sep]
            ends = (unicodedata.normalize("NFC", "/".join(parts[i:])) for i in range(len(parts)))
            found[next((end for end in ends if end in listed), one.name)] = one
    return found


@dataclass(frozen=True)
class Lodged:
    """A claim that is lodged: its token was checked."""

    manifest: Manifest
    signed: bytes
    document: Document

    @property
    def id(self) -> str:
        """The claim's id."""
        return self.manifest.id


def find(assignments: list[Assignment], name: str) -> Assignment:
    """The assignment of that name."""
    for one in assignments:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in assignments) or "none"
    raise Malformed(f"there is no assignment {name} for you; there is {known}")


def lodge(desk: Desk, to: Assignment, files: Mapping[str, Path], note: str | None = None) -> Lodged:
    """Sign the list of files and lodge it. Returns only when its timestamp holds."""
    listed: list[File] = [measure(name, path) for name, path in files.items()]
    blackboard = desk.blackboard
    manifest = Manifest.make(
        files=listed, sids=to.sids, blackboard=blackboard.origin, course=to.course,
        assignment=to.assignment, due=to.due, replaces=to.last_claim, note=note,
    )  # fmt: skip
    if desk.identity.sid not in manifest.signers:
        raise Untrusted("Blackboard names others than you as those who hand in")
    signed = cms.sign(certs.CLAIM_TYPE, manifest.content, [desk.identity], blackboard.now())
    document, new = desk.lodge(signed)
    if document.cms is not None:
        signed = _stored(document.cms, manifest, desk)
    check_lodged(document, manifest, signed, blackboard.root)
    if new:
        check_fresh(document, parse_time(to.server_time))
    document.check_missing(manifest)
    return Lodged(manifest, signed, document)


def _stored(signed: bytes, manifest: Manifest, desk: Desk) -> bytes:
    """A claim that was there already may have other signatures, but no other content."""
    found = cms.parse(signed, certs.CLAIM_TYPE)
    if found.content != manifest.content:
        raise Untrusted("Blackboard has another claim under this id")
    cms.check_signers(found, desk.blackboard.root, manifest.signers)
    return signed


def _piece(path: Path, file: File, index: int) -> bytes:
    with path.open("rb") as opened:
        opened.seek(index * PIECE)
        piece = opened.read(PIECE)
    if sha256(piece).hex() != file.pieces[index]:
        raise Malformed(f"{file.name} has changed since the claim was signed: hand in anew")
    return piece


def upload(desk: Desk, lodged: Lodged, files: Mapping[str, Path], rounds: int = 5) -> Document:
    """Send what is missing until Blackboard says that it has all."""
    document = lodged.document
    for _ in range(rounds):
        document.check_missing(lodged.manifest)
        if document.state != "waiting":
            break
        for number, first, last in document.missing:
            file = lodged.manifest.files[number]
            for index in range(first, last + 1):
                desk.put(lodged.id, number, index, _piece(files[file.name], file, index))
        document = desk.document(lodged.id)
    if document.state != "received":
        raise Unsettled(f"the files are not received: the claim is {document.state}")
    return document


def fetch_receipt(
    desk: Desk, lodged: Lodged, files: Mapping[str, Path], *, until: str | None = None,
    patience: int = 12,
) -> tuple[bytes, Report]:  # fmt: skip
    """The receipt of this very claim with this very token, checked with the files.

    `until` is the proof to wait for; without it, the receipt as far as it goes now.
    """
    for _ in range(patience if until else 1):
        data = desk.receipt(lodged.id, 10 if until else 0)
        report = verify(data, desk.blackboard.root, files)
        if report.verdict == NOT_VERIFIED:
            raise Untrusted(f"the receipt does not hold: {report.point}: {report.failure}")
        receipt = Receipt.parse(data)
        if receipt.claim != lodged.signed or receipt.token != lodged.document.timestamp:
            raise Untrusted("the receipt is that of another claim, or of another time")
        if until is None or until in receipt.members:
            break
    return data, report


def hand_in(
    desk: Desk, name: str, paths: Iterable[Path], target: Path, *, note: str | None = None,
    tell: Tell = quiet,
) -> Report:  # fmt: skip
    """All of it. `target` gets the receipt; before, the same name with `.lodged` has the proof."""
    files = collect(paths)
    lodged = lodge(desk, find(desk.assignments(), name), files, note)
    late = lodged.document.late_ms
    tell(f"lodged {lodged.id} at {lodged.document.lodged_at}" + (f", late by {late} ms" if late else ""))
    proof = target.with_suffix(".lodged")
    data, report = fetch_receipt(desk, lodged, {})
    write_private(proof, data)
    upload(desk, lodged, files)
    data, report = fetch_receipt(desk, lodged, files, until=RECEIVED)
    if report.missing:
        write_private(proof, data)
        return report
    write_private(target, data)
    proof.unlink()
    tell(f"received; the receipt is {target}")
    return report


def fetch(desk: Desk, claim: str, folder: Path) -> list[str]:
    """Get the files of a claim back, each checked against what was signed."""
    report = verify(desk.receipt(claim), desk.blackboard.root)
    if report.claim is None or report.failure is not None or report.claim.id != claim:
        raise Untrusted(f"Blackboard shows no claim {claim} that holds: {report.failure}")
    for number, file in enumerate(report.claim.files):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = bytearray()
        for index, digest in enumerate(file.pieces):
            piece = desk.get(claim, number, index)
            if sha256(piece).hex() != digest:
                raise Untrusted(f"{file.name} comes back as another file")
            content += piece
        write_private(path, bytes(content))
    return [file.name for file in report.claim.files]

"""What a receipt proves: the eight points of PROTOCOL.md, section 11, in their order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from . import certs, cms, log
from .errors import ClaimError, Malformed, Untrusted
from .manifest import Manifest, read_pieces
from .receipt import LISTS, LODGED, RECEIVED, Receipt, wire_time
from .wire import parse_time

VERIFIED, INCOMPLETE, NOT_VERIFIED = "verified", "incomplete", "not-verified"
_CONFIRMED = timedelta(seconds=120)
_AHEAD = timedelta(seconds=3)
_RECENT = timedelta(hours=25)


@dataclass
class Report:
    """What was found. `claim` and what follows are there as far as the points before held."""

    point: str = "container"
    """The point that is looked at; in the end the one that failed, if one did."""
    failure: str | None = None
    missing: list[tuple[str, str]] = field(default_factory=list)
    """What is not shown, with its point, where nothing is wrong."""
    remarks: list[str] = field(default_factory=list)
    claim: Manifest | None = None
    people: list[str] = field(default_factory=list)
    time: datetime | None = None
    stamped: datetime | None = None
    """When CUHK stamped it, in an outage: by this time it is judged."""
    witnessed: datetime | None = None
    late: timedelta | None = None
    """How late, and zero in time; None without a due time."""
    certainty: str = ""
    unchecked: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The verdict."""
        if self.failure is not None:
            return NOT_VERIFIED
        return INCOMPLETE if self.missing else VERIFIED


def verify(
    data: bytes,
    root: x509.Certificate,
    files: Mapping[str, Path] | None = None,
    *,
    witness: log.Verifier | None = None,
    newer: Sequence[x509.CertificateRevocationList] = (),
) -> Report:
    """Check a receipt with the files that are at hand, by their names in the claim."""
    report = Report()
    try:
        _Check(report, data, root, witness, newer).run(files or {})
    except ClaimError as error:
        report.failure = str(error)
    return report


def _check_use(token: cms.Token) -> None:
    start, end = certs.usage_period(token.certificate)
    if not start <= token.time.replace(microsecond=0) <= end:
        raise Untrusted("the timestamp was made outside of its key's usage period")


class _Check:
    """One check, point by point; each raises what it finds wrong."""

    def __init__(
        self,
        report: Report,
        data: bytes,
        root: x509.Certificate,
        witness: log.Verifier | None,
        newer: Sequence[x509.CertificateRevocationList],
    ) -> None:
        self.report, self.data, self.root = report, data, root
        self.demanded, self.newer = witness, newer

    def run(self, files: Mapping[str, Path]) -> None:
        """All of them, in order."""
        self.report.point = "container"
        self.receipt = Receipt.parse(self.data)
        self.report.point = "claim"
        self._claim()
        self.report.point = "token"
        self._token()
        self.report.point = "origins"
        self._origins()
        self.report.point = "log"
        self._log()
        self.report.point = "time"
        self._time()
        self.report.point = "due"
        self._due()
        self.report.point = "files"
        self._files(files)

    def _claim(self) -> None:
        self.signed = cms.parse(self.receipt.claim, certs.CLAIM_TYPE)
        self.manifest = Manifest.parse(self.signed.content)
        self.people = cms.check_signers(self.signed, self.root, self.manifest.signers)
        self.signers = [one.certificate for one in self.signed.signatures]
        self.issuers = cms.issuers(self.signed)
        self.report.claim, self.report.people = self.manifest, self.people

    def _token(self) -> None:
        self.token = cms.token(self.receipt.token)
        self.clock_origin = cms.check_token(self.token, self.receipt.claim, self.root)
        self._outage_token()
        stamped = self.outage and self.outage.time
        if (self.receipt.time, self.receipt.outage_time) != (self.token.time, stamped):
            raise Malformed("README.txt tells another time than the token")
        self.report.time, self.report.stamped = self.token.time, stamped

    def _outage_token(self) -> None:
        self.outage: cms.Token | None = None
        if self.manifest.outage != (self.receipt.outage is not None):
            raise Malformed("CUHK's token is there exactly when the claim says so")
        if self.receipt.outage is None:
            return
        self.outage = cms.token(self.receipt.outage)
        cms.check_token(self.outage, self.receipt.claim, self.root)
        certs.check_own(self.outage.certificate)
        certs.check_valid(self.outage.certificate, self.outage.time)
        _check_use(self.outage)

    def _origins(self) -> None:
        first = [*self.signers, *self.issuers, self.token.certificate]
        listed = self.receipt.certificates
        if listed[: len(first)] != first or len(listed) == len(first):
            raise Malformed("certificates.pem holds others, or in another order")
        self.log, self.witnesses = listed[len(first)], listed[len(first) + 1 :]
        origin = certs.check_log(self.log, self.root)
        self.names = [certs.check_witness(one, self.root) for one in self.witnesses]
        if not self.manifest.blackboard == self.clock_origin == origin:
            raise Untrusted("claim, timestamp and log are of different Blackboards")
        for proof in self.receipt.proofs.values():
            if proof.checkpoint.origin != log.log_name(origin):
                raise Untrusted("the checkpoint is that of another log")
        hashes = [hashlib.sha256(certs.der(one)).digest() for one in self.witnesses]
        if hashes != sorted(set(hashes)):
            raise Malformed("certificates.pem: the witnesses are not in their order")

    def _proof(self, member: str, entry: bytes) -> log.Proof | None:
        proof = self.receipt.proofs.get(member)
        if proof is None:
            return None
        name = log.log_name(self.manifest.blackboard)
        proof.check(entry, log.Verifier(name, certs.ed25519_key(self.log), log.LOG))
        known = self.certified if self.demanded is None else [*self.certified, self.demanded]
        self.seen.append(proof.cosignatures(known))
        if not self.seen[-1]:
            raise Untrusted("no witness has cosigned the checkpoint")
        if self.demanded is not None and proof.checkpoint.cosigned(self.demanded) is None:
            raise Untrusted("the witness that was asked for has not cosigned the checkpoint")
        return proof

    def _log(self) -> None:
        self.seen: list[dict[str, datetime]] = []
        self.certified = [
            log.Verifier(name, certs.ed25519_key(one), log.WITNESS)
            for name, one in zip(self.names, self.witnesses, strict=True)
        ]
        own = log.raw(certs.ed25519_key(self.log))
        if any(log.raw(one.key) == own for one in [*self.certified, *filter(None, [self.demanded])]):
            raise Untrusted("the log witnesses itself")
        lists = self.receipt.members[LISTS]
        claim = self.manifest.id
        lodged = self._proof(LODGED, log.lodged_entry(claim, self.receipt.token, lists))
        received = self._proof(RECEIVED, log.received_entry(claim))
        for name in self.names:
            if not any(name in times for times in self.seen):
                raise Malformed("certificates.pem holds a witness that has cosigned nothing")
        if lodged is None:
            self.report.missing.append(("log", "that the log has it"))
        elif received is None:
            self.report.missing.append(("log", "that the files were received"))
        elif received.index <= lodged.index:
            raise Untrusted("the files were received before the claim was lodged")
        elif received.checkpoint.size == lodged.checkpoint.size and (
            received.checkpoint.root != lodged.checkpoint.root
        ):
            raise Untrusted("the log has two histories")
        if lodged is not None:
            demanded = self.demanded and lodged.checkpoint.cosigned(self.demanded)
            self.report.witnessed = demanded or min(self.seen[0].values())

    def _time(self) -> None:
        time, witnessed = self.token.time, self.report.witnessed
        due = self.manifest.due and parse_time(self.manifest.due)
        self.proven = bool(due and witnessed and witnessed <= due)
        if witnessed is not None and time > witnessed + _CONFIRMED:
            raise Untrusted("Blackboard's clock was far ahead of the witness's")
        if witnessed is not None and time >= witnessed + _AHEAD:
            self.report.remarks.append("Blackboard's clock was ahead of the witness's")
        stamped = self.report.stamped
        if stamped is not None and stamped > time + _CONFIRMED:
            raise Untrusted("CUHK stamped it after Blackboard had it")
        if self.proven:
            self.report.certainty = "proven in time"
        elif stamped is not None:
            self.report.certainty = "by CUHK's clock, as Blackboard could not be reached"
        elif witnessed is not None and witnessed <= time + _CONFIRMED:
            self.report.certainty = "by Blackboard's clock, which the witness confirms"
        else:
            self.report.certainty = "on Blackboard's word alone"
            why = "that the time is right: it rests on Blackboard's word alone"
            self.report.missing.append(("time", why))
        self._valid(time, witnessed)
        self._revoked(time)
        self._newer(time, witnessed)

    def _valid(self, time: datetime, witnessed: datetime | None) -> None:
        for one in [*self.signers, *self.issuers]:
            certs.check_valid(one, time)
            certs.check_valid(one, self.report.stamped or time)
        for one in [self.token.certificate, self.log]:
            certs.check_valid(one, witnessed or time)
        for times in self.seen:
            for name, one in zip(self.names, self.witnesses, strict=True):
                if name in times:
                    certs.check_valid(one, times[name])
        _check_use(self.token)

    def _revoked(self, time: datetime) -> None:
        if len(self.receipt.lists) != len(self.issuers):
            raise Malformed("revocation.crl has not one list for each issuer")
        for issuer, revoked in zip(self.issuers, self.receipt.lists, strict=True):
            _check_list(revoked, issuer)
            certs.check_valid(issuer, revoked.last_update_utc)
            if time - revoked.last_update_utc > _RECENT:
                self.report.missing.append(("time", "a revocation list that was recent"))
            for signer in self.signers:
                since = _revoked_since(revoked, signer)
                if since is not None and since <= time:
                    raise Untrusted("a signer's certificate was revoked")

    def _newer(self, time: datetime, witnessed: datetime | None) -> None:
        moments = [(one, time) for one in self.issuers]
        services = [self.token.certificate, self.log]
        services += [self.outage.certificate] if self.outage else []
        moments += [(one, witnessed or time) for one in services]
        for times in self.seen:
            for name, one in zip(self.names, self.witnesses, strict=True):
                if name in times:
                    moments.append((one, times[name]))
        for revoked in self.newer:
            if revoked.issuer != self.root.subject:
                continue  # It would judge signers, who are judged by the list in the log.
            _check_list(revoked, self.root)
            for one, moment in moments:
                since = _revoked_since(revoked, one)
                if since is not None and since < moment:
                    raise Untrusted("a certificate that the evidence rests on was revoked")

    def _due(self) -> None:
        if self.manifest.due is not None:
            late = (self.report.stamped or self.token.time) - parse_time(self.manifest.due)
            self.report.late = timedelta(0) if self.proven else max(timedelta(0), late)

    def _files(self, files: Mapping[str, Path]) -> None:
        for name, path in files.items():
            entry = self.manifest.file(name)
            if entry is None:
                raise Untrusted(f"the claim does not list {name}")
            whole, size, pieces = hashlib.sha256(), 0, []
            for piece in read_pieces(path):
                whole.update(piece)
                size += len(piece)
                pieces.append(hashlib.sha256(piece).hexdigest())
            if size != entry.size or whole.hexdigest() != entry.sha256 or (
                tuple(pieces) != entry.pieces
            ):
                raise Untrusted(f"{name} is not the file that was claimed")
        self.report.unchecked = [f.name for f in self.manifest.files if f.name not in files]


def _check_list(revoked: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
    if revoked.issuer != issuer.subject or not revoked.is_signature_valid(certs.p256_key(issuer)):
        raise Untrusted("a revocation list that is not by the issuer")


def _revoked_since(
    revoked: x509.CertificateRevocationList, certificate: x509.Certificate
) -> datetime | None:
    if revoked.issuer != certificate.issuer:
        return None
    one = revoked.get_revoked_certificate_by_serial_number(certificate.serial_number)
    return None if one is None else one.revocation_date_utc


def describe(report: Report) -> list[str]:
    """The report for people, a line each."""
    lines = []
    if report.claim is not None:
        claim = report.claim
        lines.append(f"claim {claim.id}")
        lines.append(f"{claim.course}/{claim.assignment} by {', '.join(report.people)}")
    if report.time is not None:
        lines.append(f"lodged {wire_time(report.time)} {report.certainty}".rstrip())
    if report.late:
        lines.append(f"late by {report.late.total_seconds():.3f} s")
    lines += report.remarks
    lines += [f"not checked: {name}" for name in report.unchecked]
    if report.failure is not None:
        return [*lines, f"NOT VERIFIED: {report.point}: {report.failure}"]
    lines += [f"not shown: {point}: {why}" for point, why in report.missing]
    return [*lines, "genuine, but not complete" if report.missing else "verified"]

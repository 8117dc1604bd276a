#!/usr/bin/env python3
"""A student for the system Claim, independent of its own programs.

Exit codes: 0 done; 1 refused or failed; 2 usage; 3 not reachable or outcome unknown;
4 a receipt does not verify; 5 genuine, but not complete.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cryptography import x509

from claim_student import log
from claim_student.certs import pin_of
from claim_student.desk import Desk
from claim_student.certificates import certificates, device_name
from claim_student.enrol import Invitation, enroll, reenroll
from claim_student.errors import ClaimError, Malformed, Unsettled
from claim_student.handin import fetch, hand_in, match
from claim_student.identity import Folder, Identity, read_root
from claim_student.manifest import digest
from claim_student.receipt import check_list, read_lists
from claim_student.revoke import REASONS, revoke, revoke_by_invitation, wish
from claim_student.session import Blackboard
from claim_student.verify import INCOMPLETE, NOT_VERIFIED, describe, verify
from claim_student.wire import is_sid, origin_of

_EXIT = {NOT_VERIFIED: 4, INCOMPLETE: 5}


def _sid(value: str) -> str:
    if not is_sid(value):
        raise argparse.ArgumentTypeError("a SID is exactly ten digits")
    return value


def _device(value: str) -> str:
    try:
        return device_name(value)
    except Malformed as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _claim(value: str) -> str:
    try:
        return digest(value)
    except Malformed as error:
        raise argparse.ArgumentTypeError("the id of a claim is 64 hexadecimal digits") from error


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--dir", type=Path, required=True, help="folder with key and certificates")
    common.add_argument("--sid", type=_sid, required=True)
    one = commands.add_parser("enroll", parents=[common], help="steps 1 and 2")
    one.add_argument("--cuhk", help="CUHK's origin; the invitation's, if there is one")
    one.add_argument("--invitation", help="a file with the line, or - for standard input")
    one.add_argument("--root", type=Path, help="cuhk.cer, for a local demonstration")
    one.add_argument("--device", type=_device, help="what to call this device")
    one = commands.add_parser("reenroll", parents=[common], help="a new certificate and key")
    one.add_argument("--same-key", action="store_true", help="keep the key")
    one.add_argument("--device", type=_device, help="what to call this device from now on")
    commands.add_parser("certificates", parents=[common], help="what CUHK has issued to you")
    one = commands.add_parser("revoke", parents=[common], help="give certificates up, for good")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--serial", help="that one; the one in the folder, if nothing is told")
    which.add_argument("--device", help="those of the device with this name")
    which.add_argument("--all", action="store_true")
    one.add_argument("--reason", choices=REASONS)
    one.add_argument("--invitation", help="a file with an unused line, or -: instead of the key")
    at = argparse.ArgumentParser(add_help=False, parents=[common])
    at.add_argument("--blackboard", required=True, help="Blackboard's origin")
    at.add_argument(
        "--tls-roots", choices=["cuhk", "system"], default="cuhk", help="for Blackboard's TLS"
    )
    say = commands.add_parser("say", parents=[at], help="steps 3 to 6")
    say.add_argument("text")
    one = commands.add_parser("hand-in", parents=[at], help="hand in files, and get a receipt")
    one.add_argument("paths", type=Path, nargs="+", help="files, and folders with all in them")
    one.add_argument("--to", required=True, metavar="COURSE/ASSIGNMENT")
    one.add_argument("--receipt", type=Path, help="ASSIGNMENT.receipt, if it is not told")
    one.add_argument("--note", help="a remark, which is signed with the files")
    commands.add_parser("status", parents=[at], help="what was handed in")
    one = commands.add_parser("withdraw", parents=[at], help="take a claim back")
    one.add_argument("claim", type=_claim)
    one = commands.add_parser("fetch", parents=[at], help="get the files of a claim back")
    one.add_argument("claim", type=_claim)
    one.add_argument("--into", type=Path, required=True, help="a folder, which must not be there")
    one = commands.add_parser("verify", help="what a receipt proves; needs no network")
    one.add_argument("receipt", type=Path)
    one.add_argument("files", type=Path, nargs="*", help="files that were handed in; or folders")
    one.add_argument("--root", type=Path, required=True, help="cuhk.cer, from CUHK itself")
    one.add_argument("--witness", help="the key of the witness that must have cosigned")
    one.add_argument("--crl", type=Path, action="append", default=[], help="newer lists")
    return parser


def _invitation(file: str) -> Invitation:
    """Read from a file or standard input: a code on the command line is seen by everybody."""
    try:
        return Invitation.parse(sys.stdin.read() if file == "-" else Path(file).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Malformed(f"no invitation can be read from {file}") from error


def _enrolled(identity: Identity, folder: Folder) -> None:
    leaf = identity.chain[0]
    print(f"enrolled {identity.sid} until {leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}")
    print(f"root {pin_of(folder.root())}")


def _revoke(options: argparse.Namespace, folder: Folder) -> None:
    invitation = _invitation(options.invitation) if options.invitation else None
    if invitation is not None and invitation.id != options.sid:
        raise Malformed("the invitation is for another id")
    serial = options.serial
    if not (serial or options.device or options.all) and invitation is None:
        serial = f"{folder.identity(options.sid).chain[0].serial_number:032x}"
    body = wish(
        serial=serial, device=options.device, everything=options.all, reason=options.reason
    )
    found = revoke_by_invitation(invitation, body) if invitation else None
    for one in found if found is not None else revoke(folder, options.sid, body):
        print(f"revoked {one.serial} at {one.revoked_at}{' (before)' if one.before else ''}")


def _lists(path: Path) -> list[x509.CertificateRevocationList]:
    data = path.read_bytes()
    return read_lists(data) if b"-----BEGIN" in data else [check_list(x509.load_der_x509_crl(data))]


def _verify(options: argparse.Namespace) -> int:
    try:
        data, root = options.receipt.read_bytes(), read_root(options.root)
        newer = [one for path in options.crl for one in _lists(path)]
        for path in options.files:
            path.stat()
    except (OSError, ValueError) as error:
        raise Malformed(f"a file cannot be read: {error}") from error
    witness = log.Verifier.witness(options.witness) if options.witness else None
    report = verify(data, root, witness=witness, newer=newer)
    if report.failure is None and report.claim is not None and options.files:
        files = match(options.files, report.claim)
        report = verify(data, root, files, witness=witness, newer=newer)
    print("\n".join(describe(report)))
    return _EXIT.get(report.verdict, 0)


def _status(desk: Desk) -> None:
    for one in desk.assignments():
        print(f"{one.name} due {one.due or 'never'}: {one.title}")
        for claim in one.claims:
            counts = ", counts" if claim.get("counts") is True else ""
            print(f"  {claim.get('claim')} {claim.get('state')} {claim.get('lodged_at')}{counts}")


def _at_blackboard(options: argparse.Namespace, blackboard: Blackboard, identity: Identity) -> int:
    desk = Desk(blackboard, identity)
    if options.command == "say":
        receipt = blackboard.say(identity, options.text.encode("utf-8"))
        print(f"message {receipt.number} received at {receipt.received_at}")
    elif options.command == "status":
        _status(desk)
    elif options.command == "withdraw":
        print(f"withdrawn: {desk.withdraw(options.claim).claim}")
    elif options.command == "fetch":
        options.into.mkdir(parents=True)
        for name in fetch(desk, options.claim, options.into):
            print(options.into / name)
    else:
        target = options.receipt or Path(f"{options.to.rpartition('/')[2]}.receipt")
        if target.exists():
            raise Malformed(f"{target} is there already: give another --receipt")
        report = hand_in(desk, options.to, options.paths, target, note=options.note, tell=print)
        for point, why in report.missing:
            print(f"not shown yet: {point}: {why}", file=sys.stderr)
        return _EXIT.get(report.verdict, 0)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = _arguments()
    options = parser.parse_args(arguments)
    if options.command == "enroll" and not (options.cuhk or options.invitation):
        parser.error("enroll needs --cuhk or --invitation")
    try:
        if options.command == "verify":
            return _verify(options)
        folder = Folder(options.dir)
        if options.command == "enroll":
            invitation = _invitation(options.invitation) if options.invitation else None
            origin = origin_of(options.cuhk) if options.cuhk else None
            root = read_root(options.root) if options.root else None
            identity = enroll(
                folder,
                options.sid,
                origin=origin,
                invitation=invitation,
                root=root,
                device=options.device,
            )
            _enrolled(identity, folder)
        elif options.command == "reenroll":
            same_key, device = options.same_key, options.device
            _enrolled(reenroll(folder, options.sid, same_key=same_key, device=device), folder)
        elif options.command == "certificates":
            for one in certificates(folder, options.sid):
                print(one.serial, one.device or "-", one.issued_at, one.not_after)
        elif options.command == "revoke":
            _revoke(options, folder)
        else:
            identity = folder.identity(options.sid)
            origin, system = origin_of(options.blackboard), options.tls_roots == "system"
            with Blackboard(origin, folder.root(), system_roots=system, timeout=60) as blackboard:
                return _at_blackboard(options, blackboard, identity)
    except Unsettled as error:
        print(f"outcome unknown: {error}", file=sys.stderr)
        return 3
    except (ClaimError, FileExistsError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""A student for the system Claim, independent of its own programs.

Exit codes: 0 done; 1 refused or failed; 2 usage; 3 not reachable or outcome unknown.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from claim_student.certs import pin_of
from claim_student.enrol import Invitation, enroll, reenroll
from claim_student.errors import ClaimError, Malformed, Unsettled
from claim_student.identity import Folder, Identity, read_root
from claim_student.session import Blackboard
from claim_student.wire import is_sid, origin_of


def _sid(value: str) -> str:
    if not is_sid(value):
        raise argparse.ArgumentTypeError("a SID is exactly ten digits")
    return value


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
    commands.add_parser("reenroll", parents=[common], help="a new key and certificate")
    say = commands.add_parser("say", parents=[common], help="steps 3 to 6")
    say.add_argument("--blackboard", required=True, help="Blackboard's origin")
    say.add_argument(
        "--tls-roots", choices=["cuhk", "system"], default="cuhk", help="for Blackboard's TLS"
    )
    say.add_argument("text")
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


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = _arguments()
    options = parser.parse_args(arguments)
    if options.command == "enroll" and not (options.cuhk or options.invitation):
        parser.error("enroll needs --cuhk or --invitation")
    try:
        folder = Folder(options.dir)
        if options.command == "enroll":
            invitation = _invitation(options.invitation) if options.invitation else None
            origin = origin_of(options.cuhk) if options.cuhk else None
            root = read_root(options.root) if options.root else None
            identity = enroll(folder, options.sid, origin=origin, invitation=invitation, root=root)
            _enrolled(identity, folder)
        elif options.command == "reenroll":
            _enrolled(reenroll(folder, options.sid), folder)
        else:
            identity = folder.identity(options.sid)
            origin, system = origin_of(options.blackboard), options.tls_roots == "system"
            with Blackboard(origin, folder.root(), system_roots=system) as blackboard:
                receipt = blackboard.say(identity, options.text.encode("utf-8"))
            print(f"message {receipt.number} received at {receipt.received_at}")
    except Unsettled as error:
        print(f"outcome unknown: {error}", file=sys.stderr)
        return 3
    except ClaimError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

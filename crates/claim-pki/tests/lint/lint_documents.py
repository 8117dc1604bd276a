"""Runs linters of pkilint over many documents in one process.

Standard input: one command a line, the name of a linter and the files, separated by tabs.
Standard output: for each, one line of JSON as the linter prints it.

pkilint reads DER with a decoder that stops at an object identifier with an arc of more than 32 bits. With the
argument `--large-arcs`, pyasn1's own decoder reads what that one cannot, so that nothing stays unchecked.
"""

import contextlib
import importlib
import io
import sys

import pkilint.document
from pyasn1.codec.der import decoder
from pyasn1.error import PyAsn1Error

# Below a notice pkilint only tells what it saw.
OPTIONS = ["lint", "--format", "JSON", "--severity", "NOTICE"]

fast = pkilint.document.decode_der


def patient(substrate, asn1Spec):
    try:
        return fast(substrate, asn1Spec)
    except PyAsn1Error as error:
        if "larger than 32-bits" not in str(error):
            raise
        return decoder.decode(bytes(substrate), asn1Spec=asn1Spec)


def main():
    if sys.argv[1:] == ["--large-arcs"]:
        pkilint.document.decode_der = patient
    for line in sys.stdin:
        linter, *files = line.rstrip("\n").split("\t")
        answer = io.StringIO()
        with contextlib.redirect_stdout(answer):
            importlib.import_module(f"pkilint.bin.{linter}").main(OPTIONS + files)
        print(answer.getvalue().strip())


main()

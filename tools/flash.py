"""Make the image of a board, and show what is in one. Specification: docs/hardware.md, images.

    tools/flash.py build --board NAME [--kind KIND] [--update-key HEX] [--factory-key HEX] [--out FILE]
                         [--key FILE | --pkcs11 MODULE --token LABEL --key-label LABEL --pin-file FILE]
    tools/flash.py show FILE [--public KEY] [--board NAME]

Exit codes: 0 done; 2 a wrong command line; else the number of the error: 10 the file is damaged or no image, 12 a wrong
key file, file or board, 13 unsigned or signed by another key, 51 not writable, 53 a source does not compile.
"""

from __future__ import annotations

import argparse
import sys

from daric_host.flashing import build
from daric_protocol.errors import DaricError


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="flash.py", description="Images of Daric devices.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    build.add_verbs(verbs)
    given = parser.parse_args(arguments)
    try:
        build.run(given)
    except DaricError as error:
        print(f"{error.name}: {error.detail}", file=sys.stderr)
        return error.number
    return 0


if __name__ == "__main__":
    sys.exit(main())

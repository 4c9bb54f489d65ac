"""One command for a board: make its image, find it, flash it, provision, verify, test, update and wipe it.

    tools/flash.py build | show | list | plan | flash | provision | verify | selftest | update | wipe | log [--help]

Specification: docs/hardware.md, tools/flash.py. Exit codes: 0 done; 1 boards failed with different errors; 2 a wrong
command line; else the number of the error that all failures have in common, as docs/sdk.md lists them.
"""

from __future__ import annotations

import argparse
import sys

from daric_protocol.errors import DaricError


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    try:
        from daric_host.flashing import build, verbs
    except ModuleNotFoundError as error:
        missing = DaricError("parameter", f"{error.name} is not installed: pip install 'daric[sim,flash]'")
        print(f"{missing.name}: {missing.detail}", file=sys.stderr)
        return missing.number
    parser = argparse.ArgumentParser(prog="flash.py", description="Images and boards of Daric devices.")
    known = parser.add_subparsers(dest="verb", required=True)
    build.add_verbs(known)
    verbs.add_verbs(known)
    given = parser.parse_args(arguments)
    if hasattr(given, "run"):
        return int(verbs.run(given))
    try:
        build.run(given)
    except DaricError as error:
        print(f"{error.name}: {error.detail}", file=sys.stderr)
        return error.number
    return 0


if __name__ == "__main__":
    sys.exit(main())

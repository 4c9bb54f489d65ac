"""Count what one party of a tape does: point multiplications, hashes, modular multiplications outside the curve.

usage: count.py TAPE, with DARIC_PLATFORM=micropython, so that what is counted is what a device does. Prints JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

COUNTS: Counter[str] = Counter()
ROWS = 416
PRODUCTS_PER_ROW = 8  # gadget times alpha (Alice, Bob: two each), theta times alpha (two each): platform/vole.py


def counted(work: Callable[..., Any], tally: Callable[..., dict[str, int]]) -> Callable[..., Any]:
    def wrapper(*arguments: Any) -> Any:
        COUNTS.update(tally(*arguments))
        return work(*arguments)

    return wrapper


def watch() -> None:
    """Wrap hashing and the curve before anything imports them."""
    hashlib.sha256 = counted(hashlib.sha256, lambda *_: {"sha256": 1})  # type: ignore[assignment]
    from daric_protocol import curve

    tallies: dict[str, Callable[..., dict[str, int]]] = {
        "mul": lambda k, point: {"variable": 1},
        "mul_g": lambda k: {"fixed": 1},
        "mul2": lambda k, p, m, r: {"fixed": [p, r].count(curve.G), "variable": 2 - [p, r].count(curve.G)},
        "mul_batch": lambda k, points: {"variable": len(points)},
    }
    for name, tally in tallies.items():
        setattr(curve, name, counted(getattr(curve, name), tally))
    base = curve.FixedBase
    base.mul = counted(base.mul, lambda self, k: {"fixed": 1})  # type: ignore[method-assign]
    base.mul_batch = counted(base.mul_batch, lambda self, scalars: {"fixed": len(scalars)})  # type: ignore[method-assign]


def main() -> None:
    watch()
    import party

    party.replay(sys.argv[1], party.nothing)
    kind, *_, signers, _ = party.Tape(sys.argv[1]).read()[2]
    peers = len(signers) - 1 if kind == "sign" else 0
    COUNTS["modmul"] = peers * ROWS * PRODUCTS_PER_ROW
    print(json.dumps({name: COUNTS[name] for name in ("variable", "fixed", "sha256", "modmul")}))


if __name__ == "__main__":
    main()

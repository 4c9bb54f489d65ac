"""`make bench`: what the parties' work costs on CPython and MicroPython, side by side, and against its floor.

The floor of a protocol is what its point multiplications, hashes and 256-bit modular multiplications would take one
after the other with nothing around them, at the unit costs measured in the same run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import embit.util
from daric_protocol.garbage import OFTEN
from daric_sim import flashed, image

HERE = Path(__file__).resolve().parent / "bench"
sys.path.insert(0, str(HERE))
import record  # noqa: E402  it lies beside the scripts that run on both runtimes

COINCURVE_US = 40.0  # the machine of the targets: microseconds of one coincurve multiplication
KEYGENS = [(2, 2), (2, 3), (3, 5), (5, 5)]
SIGNERS = {2: (2, 3), 3: (3, 5), 5: (5, 5)}  # signers: the key generation their shards come from
REPEAT = 5  # runs that are timed in a row
HEAPS = range(64, 417, 16)  # KB
ENVELOPES_PER_SIGNATURE = 18
ENVELOPE_BYTES = 40


@dataclass(frozen=True)
class Row:
    """One protocol: milliseconds of a party's work on both runtimes, what it counts, what it sends."""

    name: str
    cpython: float
    micropython: float
    counts: dict[str, int]
    sent: int
    heap: int

    def floor(self, units: dict[str, float]) -> float:
        """Milliseconds."""
        return sum(self.counts[name] * units[name] for name in self.counts) / 1000


def cpython(script: str, *arguments: str, device: bool = False) -> str:
    environment = {**os.environ, **({"DARIC_PLATFORM": "micropython"} if device else {})}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE), arguments[-1] if script == "units.py" else ""])
    command = [sys.executable, str(HERE / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def micropython(statements: str, heap: str = "8m", path: str = "") -> str:
    """What statements print in MicroPython, with our packages in flash and the scripts of this benchmark at hand."""
    folders = [str(HERE), *path.split(os.pathsep)] if path else [str(HERE)]
    start = f"sys.path.extend({folders!r}); sys.path.append('.frozen'); {statements}"
    command = [sys.executable, flashed.__file__, str(image.build()), heap, start]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def embit_path(folder: Path) -> str:
    """embit's curve under a name of its own, with an empty hmac module for MicroPython, which has none."""
    shutil.copy(Path(embit.util.__file__).parent / "key.py", folder / "embit_key.py")
    (folder / "micropython").mkdir()
    (folder / "micropython" / "hmac.py").touch()
    return str(folder)


def units(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def smallest_heap(tape: Path) -> int:
    """KB of the smallest heap in which the replay passes, beside the code in flash; bisected."""
    low, high = 0, len(HEAPS) - 1
    while low < high:
        middle = (low + high) // 2
        try:
            micropython(f"import party; party.fit({str(tape)!r}, {OFTEN})", heap=f"{HEAPS[middle]}k")
            high = middle
        except subprocess.CalledProcessError:
            low = middle + 1
    return HEAPS[low]


def measure(name: str, tape: Path) -> Row:
    ours = cpython("party.py", str(tape), str(REPEAT)).split()
    theirs = micropython(f"import party; party.show({str(tape)!r}, {REPEAT})").split()
    if ours[1:] != theirs[1:]:
        raise SystemExit(f"{name}: the runtimes sent different bytes")
    counts = json.loads(cpython("count.py", str(tape), device=True))
    return Row(name, float(ours[0]), float(theirs[0]), counts, int(ours[1]), smallest_heap(tape))


def rows(folder: Path) -> list[Row]:
    keepers, found = {}, []
    for t, n in KEYGENS:
        tape = folder / f"keygen{t}{n}"
        keepers[t, n] = record.record_keygen(tape, t, n)
        if (t, n) != (5, 5):
            found.append(measure(f"key generation {t}-of-{n}", tape))
    for count, group in SIGNERS.items():
        tape = folder / f"sign{count}"
        record.record_sign(tape, keepers[group], list(range(1, count + 1)))
        found.append(measure(f"signing with {count}", tape))
    return found


def print_units(ours: dict[str, float], theirs: dict[str, float]) -> None:
    print(f"{'microseconds each':32}{'CPython':>12}{'MicroPython':>14}")
    labels = {
        "modmul": "256-bit modular multiplication", "sha256": "SHA-256 of 51 bytes",
        "variable": "variable-base multiplication", "embit_variable": "  embit, pure Python",
        "fixed": "fixed-base multiplication", "embit_fixed": "  embit, pure Python",
    }  # fmt: skip
    for name, label in labels.items():
        print(f"{label:32}{ours[name]:12.2f}{theirs[name]:14.2f}")


def print_rows(found: list[Row], theirs: dict[str, float]) -> None:
    print(f"\n{'one party':24}{'CPython':>10}{'MicroPython':>13}{'floor':>9}{'ratio':>7}"
          f"{'vb':>6}{'fb':>6}{'SHA':>7}{'mulmod':>8}{'bytes':>8}{'heap':>7}")
    for row in found:
        counts, floor = row.counts, row.floor(theirs)
        print(f"{row.name:24}{row.cpython:7.1f} ms{row.micropython:10.1f} ms"
              f"{floor:6.0f} ms{row.micropython / floor:7.2f}"
              f"{counts['variable']:6}{counts['fixed']:6}{counts['sha256']:7}{counts['modmul']:8}"
              f"{row.sent:8}{row.heap:5} KB")
    print("vb, fb: variable- and fixed-base multiplications. bytes: sent to all peers before sealing.")
    print("heap: smallest -X heapsize that passes, code lying in flash.")


def print_targets(found: list[Row], ours: dict[str, float], theirs: dict[str, float]) -> None:
    scale = ours["variable"] / COINCURVE_US
    by_name = {row.name: row for row in found}
    sealed = by_name["signing with 2"].sent + ENVELOPES_PER_SIGNATURE * ENVELOPE_BYTES
    targets = [
        ("variable base against embit, MicroPython", theirs["embit_variable"] / theirs["variable"], ">=", 4.0),
        ("fixed base against embit, MicroPython", theirs["embit_fixed"] / theirs["fixed"], ">=", 10.0),
        ("key generation 2-of-3, CPython, ms", by_name["key generation 2-of-3"].cpython, "<=", 60 * scale),
        ("signing with 2, CPython, ms", by_name["signing with 2"].cpython, "<=", 25 * scale),
        ("bytes sent per counterparty and signature", sealed, "<=", 50_000),
    ]
    for row in found:
        limit = 1.35 if row.name.startswith("key") else 1.8
        ratio = row.micropython / row.floor(theirs)
        targets.append((f"{row.name}, MicroPython, against its floor", ratio, "<=", limit))
    print(f"\ntargets; CPython's times {scale:.2f}, since a coincurve multiplication takes {ours['variable']:.1f} us")
    for label, value, sign, limit in targets:
        reached = value >= limit if sign == ">=" else value <= limit
        print(f"{label:58}{value:12.2f} {sign} {limit:9.2f}  {'reached' if reached else 'MISSED'}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "embit").mkdir()
        embit = embit_path(folder / "embit")
        ours = units(cpython("units.py", embit))
        theirs = units(micropython("import units; units.main()", path=os.pathsep.join([embit, embit + "/micropython"])))
        print_units(ours, theirs)
        found = rows(folder)
        print_rows(found, theirs)
        print_targets(found, ours, theirs)


if __name__ == "__main__":
    main()

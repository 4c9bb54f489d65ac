"""What --profile prints of a tally: in which C functions the cycles were spent, and how large the allocations were."""

from __future__ import annotations

import bisect
from collections import Counter

from tools.chip.core.counter import SIZES, UNIT, Tally
from tools.chip.core.machine import FLASH_AT

MACHINE_CODE = "(machine code of modules)"
MOST_ROWS = 16


def functions(tally: Tally, symbols: list[tuple[int, str]]) -> Counter[str]:
    """Cycles by C function; machine code of modules, which MicroPython always copies into the heap, as one."""
    found: Counter[str] = Counter({MACHINE_CODE: tally.cycles_in_ram})
    begins = [address & ~1 for address, _ in symbols]
    for offset, cycles in tally.places.items():
        found[symbols[bisect.bisect(begins, FLASH_AT + offset) - 1][1]] += cycles
    return found


def table(tally: Tally, symbols: list[tuple[int, str]]) -> str:
    """Both, the largest first, in lines of text."""
    lines = []
    for name, cycles in functions(tally, symbols).most_common(MOST_ROWS):
        lines.append(f"    {100 * cycles / tally.cycles:5.1f} % of the cycles in {name}")
    by_bytes = sorted(tally.sizes.items(), key=lambda row: row[0] * row[1], reverse=True)
    for size, count in by_bytes[:MOST_ROWS]:
        more = " or more" if size == UNIT * (SIZES - 1) else ""
        lines.append(f"    {count:7} allocations of {size} bytes{more}")
    return "\n".join(lines)

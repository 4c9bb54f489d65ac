"""Cuts the power at every flash operation of every process of a device, and writes the table of docs/security.md.

    python tools/make_power_table.py             all processes, some minutes on two cores
    python tools/make_power_table.py create sign only these rows

Each row is printed when it is there.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.power import table  # noqa: E402
from tests.power.processes import PROCESSES  # noqa: E402

WORKERS = 2


def main(names: list[str]) -> int:
    known = {kind.name: kind for kind in PROCESSES}
    unknown = [name for name in names if name not in {*known, table.RESTARTS}]
    if unknown:
        print(f"no such process: {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 1
    old = {table.name_of(row): row for row in table.stored()}
    rows = []
    with ProcessPoolExecutor(WORKERS) as pool:
        wanted = {name: pool.submit(table.row_of, kind) for name, kind in known.items() if name in (names or known)}
        if not names or table.RESTARTS in names:
            wanted[table.RESTARTS] = pool.submit(table.restarts)
        for name in [*known, table.RESTARTS]:
            row = wanted[name].result() if name in wanted else old.get(name)
            if row:
                print(row, flush=True)
                rows.append(row)
    table.store(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

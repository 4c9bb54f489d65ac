"""Check every case of one vector family. Runs on CPython and MicroPython: MODULE FAMILY VECTORS_DIRECTORY."""

import json
import sys


def run(module: str, family: str, directory: str) -> int:
    """Stream the family's file, one case per line, through its check; returns the number of cases."""
    check = __import__(module).CHECKS[family]
    announced = -1
    count = 0
    failures = []
    with open(directory + "/" + family + ".json") as lines:
        for line in lines:
            if line.startswith('{"family"'):
                announced = int(line.split('"count":')[1].split(",")[0])
            elif line.startswith('{"id"'):
                case = json.loads(line.rstrip().rstrip(","))
                count += 1
                name = case["id"]
                try:
                    check(case)
                except AssertionError as error:
                    failures.append(f"{name}: {error}")
                except Exception as error:  # noqa: BLE001 - whatever a check lets out is a failure of that case
                    failures.append(f"{name}: {type(error).__name__} {error}")
    assert count == announced, f"{count} of {announced} cases read"
    assert not failures, f"{len(failures)} of {count} cases failed: " + "; ".join(failures[:5])
    return count


if __name__ == "__main__":
    print(run(sys.argv[1], sys.argv[2], sys.argv[3]))

"""Steps of a chain (chain.py, platform/chain_viper.py), and the tables that they take entries from.

A step is three bytes: doublings first, then the index of a table entry, then flags that say how to add it. A table is
a run of entries, each x || y of an affine point, 32 + 32 bytes little-endian.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.jacobian import Affine

    Table = bytes | bytearray | memoryview

# Flags of a step. A step without ADD only doubles.
ADD = 1
NEGATIVE = 2  # subtract the entry
LAMBDA = 4  # the entry times lambda, that is with BETA * x
SECRET = 8  # a machine that can reads the whole window of the entry, of 2 ^ (flags >> WINDOW) entries
WINDOW = 4

ENTRY_BYTES = 64
ODD = 16  # the first entry of the odd multiples of a point
ODD_ENTRIES = 16  # 1, 3, .. 31 times the point


def read(table: "Table", entry: int) -> "Affine":
    """The point of an entry."""
    at = ENTRY_BYTES * entry
    return int.from_bytes(table[at : at + 32], "little"), int.from_bytes(table[at + 32 : at + 64], "little")


def write(table: bytearray, entry: int, x: int, y: int) -> None:
    """Make (x, y) the point of an entry; both are reduced."""
    at = ENTRY_BYTES * entry
    table[at : at + 32] = x.to_bytes(32, "little")
    table[at + 32 : at + 64] = y.to_bytes(32, "little")

"""Points by programs for the field machine: what chain.py, jacobian.py and root.py do in plain Python.

The machine (machine.py says what it does) adds, subtracts and multiplies slots of 32 bytes in place, without
allocating. A Jacobian point is the 96 bytes x || y || z of three slots here, None for the identity. Equal and opposite
points are left to the plain modules, which are loaded for them alone and asked again from the beginning.
"""

from struct import pack_into

from daric_protocol.field import BETA, P
from daric_protocol.platform.programs import (
    BATCH,
    BATCH_SLOTS,
    BATCHES,
    CODE,
    CUBE_ROOT,
    DIFFERENCES,
    EACH_SLOTS,
    EX,
    EY,
    FIRST,
    MOVED,
    ODD_MULTIPLES,
    ONE,
    OWN,
    ROOT,
    WALK_SLOTS,
    A,
    X,
    Y,
    Z,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daric_protocol.jacobian import Affine, Jacobian
    from daric_protocol.steps import Table

    Run = Callable[[bytearray, bytearray, Table, bytes | bytearray], int]

run: "Run" = None  # type: ignore[assignment]  # the machine: points.py puts here what this port has


def walk(table: "Table", steps: "bytes | bytearray") -> "bytes | None":
    """The point that the steps lead to from the identity."""
    memory = _memory(WALK_SLOTS)
    pack_into("<II", memory, 0, 0, len(steps))
    if run(memory, CODE, table, steps):
        from daric_protocol import chain

        return _packed(chain.walk(table, steps))
    return _total(memory)


def walk_each(steps: "bytes | bytearray", points: "Sequence[Affine | None]") -> "list[bytes | None]":
    """Where the steps lead to with the table of the odd multiples of each point; of the identity to the identity."""
    totals: "list[bytes | None]" = [None] * len(points)
    memory = _memory(EACH_SLOTS)
    for n, point in enumerate(points):
        if point is not None:
            _put(memory, EX, point[0])
            _put(memory, EY, point[1])
            pack_into("<II", memory, 0, ODD_MULTIPLES, len(steps))
            if run(memory, CODE, memory, steps):
                from daric_protocol import chain

                totals[n] = _packed(chain.moved(chain.walk(memory, steps), _number(memory, OWN)))
            else:
                pack_into("<II", memory, 0, MOVED, 0)
                run(memory, CODE, memory, b"")
                totals[n] = _total(memory)
    return totals


def doubled(x: int, y: int, times: "list[int]") -> "list[bytes | None]":
    """Points on the way from (x, y): each is 2 ^ times of the one before."""
    memory = _memory(WALK_SLOTS)
    _put(memory, X, x)
    _put(memory, Y, y)
    memory[32 * Z] = 1
    points: "list[bytes | None]" = []
    for n in times:
        pack_into("<II", memory, 0, 0, 3)
        run(memory, CODE, memory, bytes((n, 0, 0)))
        points.append(_total(memory))
    return points


def normalise(points: "Sequence[bytes | None]") -> "list[Affine | None]":
    """The affine form of each point, a batch per inversion."""
    affine: "list[Affine | None]" = [None] * len(points)
    memory = bytearray(32 * BATCH_SLOTS)
    for start in range(0, len(points), BATCH):
        for i in range(BATCH):
            point = points[start + i] if start + i < len(points) else None
            at = 32 * (FIRST + 4 * i)
            memory[at : at + 96] = _UNIT if point is None else point
        pack_into("<II", memory, 0, 0, 3)
        run(memory, BATCHES, memory, b"\x01\x00\x01")
        for i in range(start, min(start + BATCH, len(points))):
            if points[i] is not None:
                affine[i] = _affine(memory, FIRST + 4 * (i - start))
    return affine


def add_batch(list_a: "Sequence[Affine | None]", list_b: "Sequence[Affine | None]") -> "list[Affine | None]":
    """a + b of each pair of affine points, a batch per inversion, in all cases."""
    sums: "list[Affine | None]" = [None] * len(list_a)
    memory = bytearray(32 * BATCH_SLOTS)
    for start in range(0, len(list_a), BATCH):
        end = min(start + BATCH, len(list_a))
        if not _add(memory, list_a[start:end], list_b[start:end]):
            from daric_protocol import jacobian

            sums[start:end] = jacobian.add_batch(list_a[start:end], list_b[start:end])
            continue
        for i in range(start, end):
            sums[i] = _affine(memory, FIRST + 4 * (i - start))
    return sums


def _add(memory: bytearray, list_a: "Sequence[Affine | None]", list_b: "Sequence[Affine | None]") -> bool:
    """Add up to a batch of pairs; False if one of them is an exception."""
    for i in range(BATCH):
        at = FIRST + 4 * i
        a = list_a[i] if i < len(list_a) else (0, 0)
        b = list_b[i] if i < len(list_a) else (1, 0)
        if a is None or b is None:
            return False
        for n in range(2):
            _put(memory, at + n, a[n])
            _put(memory, at + 2 + n, b[n])
    pack_into("<II", memory, 0, DIFFERENCES, 6)
    return not run(memory, BATCHES, memory, b"\x01\x00\x00\x00\x00\x01")


def root(a: int) -> int:
    """a^((P + 1) / 4), whose square is a if any number's is."""
    memory = bytearray(32 * WALK_SLOTS)
    _put(memory, A, a)
    pack_into("<II", memory, 0, 4, 0)
    run(memory, ROOT, memory, b"")
    return _number(memory, A)


def _memory(slots: int) -> bytearray:
    memory = bytearray(32 * slots)
    memory[32 * ONE] = 1
    _put(memory, CUBE_ROOT, BETA)
    return memory


def _number(memory: bytearray, slot: int) -> int:
    number = int.from_bytes(memory[32 * slot : 32 * slot + 32], "little")
    return number - P if number >= P else number


def _put(memory: bytearray, slot: int, number: int) -> None:
    memory[32 * slot : 32 * slot + 32] = number.to_bytes(32, "little")


def _affine(memory: bytearray, slot: int) -> "Affine":
    return _number(memory, slot), _number(memory, slot + 1)


def _total(memory: bytearray) -> bytes:
    return bytes(memory[32 * X : 32 * X + 96])


def _packed(point: "Jacobian | None") -> "bytes | None":
    return None if point is None else b"".join([(number % P).to_bytes(32, "little") for number in point])


_UNIT = bytes(64) + b"\x01" + bytes(31)  # stands for the identity, as z is never 0

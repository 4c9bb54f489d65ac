"""What machine code must be and answer before anything is entrusted to it; points.py asks once, at import."""

import os
from hashlib import sha256
from struct import pack_into

from daric_protocol import chain
from daric_protocol.field import P, Q
from daric_protocol.steps import ADD, LAMBDA, NEGATIVE, ODD, ODD_ENTRIES, SECRET, WINDOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from daric_protocol.jacobian import Jacobian

# One of each instruction on values (machine.py), of two of the last slots: all bits of an operand's number count. Each
# result lies below the one before, so that none covers up what an earlier instruction wrote beyond its own.
_LEFT = 252
_CODE = (
    (0, 0, 0, 0), (1, 251, 252, 253), (2, 250, 252, 253), (3, 249, 252, 253), (8, 248, 252, 253), (9, 247, 252, 253),
    (10, 246, 252, 253), (7, 245, 252, 3), (11, 244, 0, 252), (12, 243, 0, 252), (13, 242, 252, 0), (0, 0, 0, 0),
)  # fmt: skip
_FIRST = 242
_POINT = (  # the generator
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)

_STEPS = bytes((  # of `recoded`
    0, 10, 41, 0, 10, 47, 1, 8, 41, 0, 10, 47, 0, 11, 41, 0, 14, 45, 1, 9, 41, 0, 7, 47, 0, 14, 43, 0, 11, 47,
))  # fmt: skip


def whole(name: str) -> bool:
    """Whether a compiled module beside this one has the SHA-256 that the build wrote into a file of its own.

    Code with a flipped bit could answer right here and wrong elsewhere. With a source beside it, it is not whole: the
    source would be imported. Raises OSError if one of the files is missing.
    """
    here: str = globals().get("__file__", "")
    place = here[: here.rfind("/") + 1] + name
    if _is_there(place + ".py"):
        return False
    digest = sha256()
    piece = bytearray(256)
    with open(place + ".mpy", "rb") as file:
        size = file.readinto(piece)
        while size:
            digest.update(memoryview(piece)[:size])
            size = file.readinto(piece)
    with open(place + ".sha256", "rb") as file:
        return file.read() == digest.digest()


def _is_there(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def right(programs: "Any") -> bool:
    """Whether programs.run, the machine, computes what plain Python does. programs: the module chain_viper."""
    return _instructions(programs.run) and _repetitions(programs.run) and _windows(programs.run) and _steps(programs)


def _instructions(run: "Any") -> bool:
    code = bytearray().join([bytes(instruction) for instruction in _CODE])
    memory = bytearray(32 * 256)
    for a in (0, 1, 2**192, P - 1, P + 1, Q, 2**256 - 1, _POINT[0]):
        memory[32 * _LEFT : 32 * _LEFT + 32] = a.to_bytes(32, "little")
        for b in (0, 2**224, 2**64 - 2**32 + 2, 2**256 - 2**224 - 1, P, Q + 1, 2**256 - 1, _POINT[1]):
            memory[32 * _LEFT + 32 : 32 * _LEFT + 64] = b.to_bytes(32, "little")
            pack_into("<II", memory, 0, 4, 0)
            if run(memory, code, memory, b""):
                return False
            if memory[32 * _FIRST : 32 * _FIRST + 64] != (a % Q).to_bytes(32, "big") + a.to_bytes(32, "big"):
                return False
            at = 32 * (_FIRST + 2)
            for expected, modulus in (
                (a, 2**256), (a**8, P), (a - b, Q), (a + b, Q), (a * b, Q), (a - b, P), (a + b, P), (a * b, P),
            ):  # fmt: skip
                if (int.from_bytes(memory[at : at + 32], "little") - expected) % modulus:
                    return False
                at += 32
            if int.from_bytes(memory[at : at + 32], "little") != a or any(memory[at + 64 :]):
                return False
    return True


def _repetitions(run: "Any") -> bool:
    """Sums and products of what look like random numbers: each operation on its own last result, many times."""
    code = bytearray((0, 1, 0, 0))
    for operation in (1, 2, 3, 8, 9, 10):
        code.extend(bytes((operation, operation + 2, operation + 2, 2)))
    code.extend(bytes(4))
    x, y = _POINT[0], 2**256 - (_POINT[1] >> 4)  # so large a factor that the highest words of products are not small
    memory = bytearray(y.to_bytes(32, "little") * 3 + x.to_bytes(32, "little") * 10)
    times = 255
    pack_into("<II", memory, 0, 0, 3)
    if run(memory, code, memory, bytes((times, 0, 0))):
        return False
    for first, modulus in ((3, P), (10, Q)):
        at = 32 * first
        for expected in (x * pow(y, times, modulus), x + times * y, x - times * y):
            if (int.from_bytes(memory[at : at + 32], "little") - expected) % modulus:
                return False
            at += 32
    return True


def _windows(run: "Any") -> bool:
    """An entry from windows of each width; the memory is the table, too."""
    memory = bytearray(32 * 256)
    for entry in range(128):
        memory[64 * entry + 63] = entry
    code = bytearray((0, 1, 1, 1, 0, 0, 0, 0))
    for width in range(8):
        entry = 127 - 11 * width
        pack_into("<II", memory, 0, 0, 3)
        if run(memory, code, memory, bytes((0, entry, ADD | SECRET | width << WINDOW))):
            return False
        if memory[160:224] != memory[64 * entry : 64 * entry + 64]:
            return False
    return True


def _steps(programs: "Any") -> bool:
    """Each odd multiple of a point, both signs, both halves, and two equal x, against the plain chain."""
    steps = bytearray()
    for n in range(ODD_ENTRIES):
        flags = ADD | SECRET | 4 << WINDOW | (n & 1) * NEGATIVE | (n >> 1 & 1) * LAMBDA
        steps.extend(bytes((n % 4, ODD + n, flags)))
    if not _same(programs.walk_each(steps, [_POINT])[0], chain.walk_each(steps, [_POINT])[0]):
        return False
    steps = bytearray((0, 19, ADD, 0, 19, ADD | NEGATIVE))  # only plain Python finds the identity
    is_identity: bool = programs.walk_each(steps, [_POINT])[0] is None
    return is_identity


def _same(packed: "bytes | None", b: "Jacobian | None") -> bool:
    if packed is None or b is None:
        return False
    a = [int.from_bytes(packed[at : at + 32], "little") for at in (0, 32, 64)]
    zz = a[2] * a[2] % P
    ww = b[2] * b[2] % P
    return (a[0] * ww - b[0] * zz) % P == 0 and (a[1] * ww * b[2] - b[1] * zz * a[2]) % P == 0


def recoded(fill: "Any") -> bool:
    """Whether steps come out as recode.py writes them: three rows of two blocks, of which one has a row less."""
    steps = bytearray(30)
    fill(steps, bytes((0xA6, 0x5C)) + bytes(16) + bytes((0x39, 0xC3)) + bytes(16), bytes((3, 5, 3, 1, 2, 5, 7, 15, 30)))
    return steps == _STEPS

"""The programs for the field machine that chain_viper.py runs: the formulas of jacobian.py, chain.py and root.py.

A board loads this module at import, takes the code and lets go of the rest.
"""

from micropython import const

from daric_protocol.steps import ODD_ENTRIES

_END = const(0)
_MUL = const(1)
_ADD = const(2)
_SUB = const(3)
_MUL_IF_LAMBDA = const(4)
_SUB_IF_NEGATIVE = const(5)
_UNEQUAL = const(6)
_SQR_N = const(7)

# Slots; 0 and 1 are the machine's.
X = const(2)
Y = const(3)
Z = const(4)
EX = const(5)
EY = const(6)
A = const(7)
_B = const(8)
_C = const(9)
_D = const(10)
_ZERO = const(11)
ONE = const(12)
CUBE_ROOT = const(13)
WALK_SLOTS = const(14)
OWN = const(14)  # the common z of the odd multiples
_RATIOS = const(15)  # of each odd multiple but the first
_TABLE = const(32)  # steps.ODD: the memory is the table, too
EACH_SLOTS = const(64)

# Of a batch: four slots each, of which the third is to be inverted; then products.
BATCH = const(8)
FIRST = const(14)
_PRODUCTS = const(46)
BATCH_SLOTS = const(54)

_DOUBLE = bytes((
    _MUL, Z, Y, Z, _ADD, Z, Z, Z,
    _SQR_N, A, Y, 1, _ADD, A, A, A,  # 2 y^2
    _MUL, _B, X, A, _ADD, _B, _B, _B,  # 4 x y^2
    _SQR_N, A, A, 1, _ADD, A, A, A,  # 8 y^4
    _SQR_N, _C, X, 1, _ADD, _D, _C, _C, _ADD, _C, _C, _D,  # 3 x^2
    _SQR_N, X, _C, 1, _SUB, X, X, _B, _SUB, X, X, _B,
    _SUB, _B, _B, X, _MUL, _B, _C, _B, _SUB, Y, _B, A,
    _END, 0, 0, 0,
))  # fmt: skip
_CHOOSE = bytes((_MUL_IF_LAMBDA, EX, EX, CUBE_ROOT, _SUB_IF_NEGATIVE, EY, _ZERO, EY))
_ADD_ENTRY = _CHOOSE + bytes((
    _SQR_N, A, Z, 1,
    _MUL, _B, EX, A, _SUB, _B, _B, X, _UNEQUAL, 0, _B, 0,  # h
    _MUL, _C, EY, Z, _MUL, _C, _C, A, _SUB, _C, _C, Y,  # r
    _MUL, Z, Z, _B,
    _SQR_N, A, _B, 1, _MUL, _B, A, _B, _MUL, A, A, X,  # h^3, x h^2
    _SQR_N, X, _C, 1, _SUB, X, X, _B, _SUB, X, X, A, _SUB, X, X, A,
    _SUB, A, A, X, _MUL, A, _C, A, _MUL, _B, _B, Y, _SUB, Y, A, _B,
    _END, 0, 0, 0,
))  # fmt: skip
_FIRST_ENTRY = _CHOOSE + bytes((
    _ADD, X, EX, _ZERO, _ADD, Y, EY, _ZERO, _ADD, Z, ONE, _ZERO, _END, 0, 0, 0,
))  # fmt: skip
_MOVE = bytes((_MUL, Z, Z, OWN, _END, 0, 0, 0))


def _odd_multiples_program() -> bytes:
    code = bytearray((
        _ADD, OWN, EY, EY,
        _SQR_N, _C, EX, 1, _ADD, _D, _C, _C, _ADD, _C, _C, _D,  # 3 x^2
        _SQR_N, A, EY, 1, _ADD, A, A, A,  # 2 y^2
        _MUL, _B, EX, A, _ADD, _TABLE, _B, _B,  # 4 x y^2: x over z
        _SQR_N, EX, _C, 1, _SUB, EX, EX, _TABLE, _SUB, EX, EX, _TABLE,  # x of the double
        _SQR_N, A, A, 1, _ADD, _TABLE + 1, A, A,  # 8 y^4: y over z
        _SUB, A, _TABLE, EX, _MUL, EY, _C, A, _SUB, EY, EY, _TABLE + 1,  # y of the double
    ))  # fmt: skip
    for i in range(1, ODD_ENTRIES):
        x = _TABLE + 2 * i
        old = x - 2
        ratio = _RATIOS + i - 1
        code.extend(bytes((
            _SUB, ratio, EX, old, _SQR_N, A, ratio, 1,
            _MUL, EX, EX, A, _MUL, _B, old, A,  # both x over the new z
            _SUB, _C, EY, old + 1, _SUB, _D, EX, _B, _MUL, EY, EY, _D,
            _SQR_N, x, _C, 1, _SUB, x, x, EX, _SUB, x, x, _B,
            _SUB, _D, EX, x, _MUL, _D, _C, _D, _SUB, x + 1, _D, EY,
        )))  # fmt: skip
    code.extend(bytes((_ADD, A, ONE, _ZERO)))  # the last entry keeps its z
    for i in range(ODD_ENTRIES - 2, -1, -1):
        x = _TABLE + 2 * i
        code.extend(bytes((
            _MUL, A, A, _RATIOS + i, _SQR_N, _B, A, 1, _MUL, x, x, _B, _MUL, _B, _B, A, _MUL, x + 1, x + 1, _B,
        )))  # fmt: skip
    code.extend(bytes((_MUL, OWN, OWN, A, _END, 0, 0, 0)))
    return bytes(code)


def _power(code: bytearray, tail: bytes) -> None:
    """A to a power of 223 ones and what the tail adds, with EX, EY, X, Y and Z for 2, 3, 22, 44 and 88 ones."""
    code.extend(bytes((
        _SQR_N, _B, A, 1, _MUL, EX, _B, A, _SQR_N, _B, EX, 1, _MUL, EY, _B, A,
        _SQR_N, _B, EY, 3, _MUL, _B, _B, EY, _SQR_N, _B, _B, 3, _MUL, _B, _B, EY,
        _SQR_N, _B, _B, 2, _MUL, _C, _B, EX,
        _SQR_N, _B, _C, 11, _MUL, X, _B, _C, _SQR_N, _B, X, 22, _MUL, Y, _B, X,
        _SQR_N, _B, Y, 44, _MUL, Z, _B, Y, _SQR_N, _B, Z, 88, _MUL, _B, _B, Z,
        _SQR_N, _B, _B, 44, _MUL, _B, _B, Y, _SQR_N, _B, _B, 3, _MUL, _B, _B, EY,
        _SQR_N, _B, _B, 23, _MUL, _B, _B, X,
    )))  # fmt: skip
    code.extend(tail)


def _inversion_program() -> bytes:
    """The inverses of the third slots of a batch go where the products are."""
    code = bytearray((_ADD, _PRODUCTS, FIRST + 2, _ZERO))
    for i in range(1, BATCH):
        code.extend(bytes((_MUL, _PRODUCTS + i, _PRODUCTS + i - 1, FIRST + 2 + 4 * i)))
    code.extend(bytes((_ADD, A, _PRODUCTS + BATCH - 1, _ZERO)))
    _power(code, bytes((
        _SQR_N, _B, _B, 5, _MUL, _B, _B, A, _SQR_N, _B, _B, 3, _MUL, _B, _B, EX, _SQR_N, _B, _B, 2, _MUL, A, _B, A,
    )))  # fmt: skip
    for i in range(BATCH - 1, 0, -1):
        code.extend(bytes((_MUL, _PRODUCTS + i, A, _PRODUCTS + i - 1, _MUL, A, A, FIRST + 2 + 4 * i)))
    code.extend(bytes((_ADD, _PRODUCTS, A, _ZERO, _END, 0, 0, 0)))
    return bytes(code)


def _sums_program() -> bytes:
    """Ends where one of the differences is 0, and with it the inverse of their product."""
    code = bytearray((_UNEQUAL, 0, A, 0))
    for i in range(BATCH):
        x = FIRST + 4 * i
        code.extend(bytes((
            _MUL, A, x + 3, _PRODUCTS + i, _SQR_N, _B, A, 1, _SUB, _B, _B, x, _SUB, _B, _B, x, _SUB, _B, _B, x + 2,
            _SUB, _C, x, _B, _MUL, _C, A, _C, _SUB, x + 1, _C, x + 1, _ADD, x, _B, _ZERO,
        )))  # fmt: skip
    code.extend(bytes(4))
    return bytes(code)


def _quotients_program() -> bytes:
    code = bytearray()
    for i in range(BATCH):
        x = FIRST + 4 * i
        w = _PRODUCTS + i
        code.extend(bytes((_SQR_N, A, w, 1, _MUL, x, x, A, _MUL, A, A, w, _MUL, x + 1, x + 1, A)))
    code.extend(bytes(4))
    return bytes(code)


def _batches(inversion: bytes, sums: bytes, quotients: bytes) -> bytearray:
    """The inversion is the doubling of a first step; sums belong to a second step, quotients to the first."""
    second = 1 + len(inversion) // 4
    code = bytearray((_END, 1, second, second + len(sums) // 4))
    code.extend(inversion + sums + quotients)
    return code


def _differences_program() -> bytes:
    code = bytearray()
    for x in range(FIRST, FIRST + 4 * BATCH, 4):
        code.extend(bytes((_SUB, x + 2, x + 2, x, _SUB, x + 3, x + 3, x + 1)))
    code.extend(bytes(4))
    return bytes(code)


def _root_program() -> bytearray:
    code = bytearray(4)
    _power(code, bytes((_SQR_N, _B, _B, 6, _MUL, _B, _B, EX, _SQR_N, A, _B, 2, _END, 0, 0, 0)))
    return code


# Code is in bytearrays, which are aligned as the machine needs it; bytes may lie anywhere.
CODE = bytearray((_END, 1, 1 + len(_DOUBLE) // 4, 1 + (len(_DOUBLE) + len(_ADD_ENTRY)) // 4))
CODE.extend(_DOUBLE + _ADD_ENTRY + _FIRST_ENTRY)
MOVED = len(CODE)
CODE.extend(_MOVE)
ODD_MULTIPLES = len(CODE)
CODE.extend(_odd_multiples_program())
BATCHES = _batches(_inversion_program(), _sums_program(), _quotients_program())
DIFFERENCES = len(BATCHES)
BATCHES.extend(_differences_program())
ROOT = _root_program()

"""What parties send each other in a round: one class per message, one rule of its name in messages.cddl.

A message is an array of fixed fields in a fixed order. `from_wire` takes nothing but well-formed fields (length, range,
on the curve) and raises DaricError("encoding"), for which the driver blames the sender. Whether a field that some
sessions leave out (an empty byte string) belongs in this one is decided in rounds/. Specification: docs/protocol.md,
sections 2, 6 and 9; docs/encodings.md.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import MAX_INDEX, MAX_PARTIES
from daric_protocol.tagged import read_scalar, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

M1_BYTES = 8224  # base OT: sT and 128 points of 64 bytes
M2_BYTES = 2113  # base OT: z, 128 x chi, pi
M3_BYTES = 32
MAX_BODY_BYTES = 64 + 33 * MAX_PARTIES + 65  # a dealer's opening at the largest threshold


class Octets:
    """Bytes of one of the given lengths, or of any length from 0 up to `most`; many of them may be a memoryview."""

    def __init__(self, *lengths: int, most: int = -1) -> None:
        self.lengths = lengths
        self.most = most

    def read(self, value: "Any") -> "Any":
        octets = isinstance(value, (bytes, bytearray, memoryview))
        if not octets or not (len(value) in self.lengths or len(value) <= self.most):
            raise DaricError("encoding", "A field is not a byte string of its length.")
        return value

    def write(self, value: bytes) -> bytes:
        return value


class Number:
    """An integer low..high."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    def read(self, value: "Any") -> int:
        if value is True or value is False or not isinstance(value, int) or not self.low <= value <= self.high:
            raise DaricError("encoding", "A field is not an integer of its range.")
        return value

    def write(self, value: int) -> int:
        return value


class Text:
    """Text of at most `most` bytes."""

    def __init__(self, most: int) -> None:
        self.most = most

    def read(self, value: "Any") -> str:
        if not isinstance(value, str) or len(value.encode()) > self.most:
            raise DaricError("encoding", "A field is not a text of its length.")
        return value

    def write(self, value: str) -> str:
        return value


class Scalar:
    """An integer modulo Q, 32 bytes on the wire; values from Q up are refused."""

    def read(self, value: "Any") -> int:
        return read_scalar(DIGEST.read(value))

    def write(self, value: int) -> bytes:
        return scalar(value)


class PointField:
    """A point of the curve, 33 bytes on the wire; the identity is refused."""

    def read(self, value: "Any") -> "Any":
        return platform.curve.decode(POINT_BYTES.read(value))

    def write(self, value: "Any") -> bytes:
        return platform.curve.encode(value)


class ListOf:
    """At most `most` items of one field type, each an item or a fixed array of items."""

    def __init__(self, fields: "tuple[Any, ...]", most: int) -> None:
        self.fields = fields
        self.most = most

    def read(self, value: "Any") -> "list[Any]":
        if not isinstance(value, list) or len(value) > self.most:
            raise DaricError("encoding", "A field is not a list of its length.")
        if len(self.fields) == 1:
            return [self.fields[0].read(item) for item in value]
        return [tuple(read_array(item, self.fields)) for item in value]

    def write(self, value: "list[Any]") -> "list[Any]":
        if len(self.fields) == 1:
            return [self.fields[0].write(item) for item in value]
        return [[field.write(part) for field, part in zip(self.fields, item)] for item in value]


def read_array(value: "Any", fields: "tuple[Any, ...]") -> "list[Any]":
    """The items of an array that has exactly the given fields."""
    if not isinstance(value, list) or len(value) != len(fields):
        raise DaricError("encoding", "A message has other fields than its type.")
    return [field.read(item) for field, item in zip(fields, value)]


DIGEST = Octets(32)
POINT_BYTES = Octets(33)
SIGNATURE = Octets(64)
SCALAR = Scalar()
POINT = PointField()
INDEX = Number(1, MAX_INDEX)
COPY = (INDEX, DIGEST, SIGNATURE)


class Message:
    """An array of fields: NAMES as attributes, FIELDS as their types, both in wire order."""

    NAMES: "tuple[str, ...]" = ()
    FIELDS: "tuple[Any, ...]" = ()

    def __init__(self, *values: "Any") -> None:
        if len(values) != len(self.NAMES):
            raise DaricError("parameter", "A message is built from all of its fields.")
        for name, value in zip(self.NAMES, values):
            setattr(self, name, value)

    def to_wire(self) -> "list[Any]":
        """The CBOR array."""
        return [field.write(getattr(self, name)) for name, field in zip(self.NAMES, self.FIELDS)]

    @classmethod
    def from_wire(cls, value: "Any") -> "Any":
        """The message of a decoded CBOR array; DaricError("encoding") unless every field is well-formed."""
        return cls(*read_array(value, cls.FIELDS))


class DealingStart(Message):
    """Round 0 of a dealing, signed: what this party brings into the group (docs/protocol.md, section 8).

    epoch: highest ever used here, index: highest ever recorded, unusable: members with which it has no OT state.
    """

    NAMES = ("epoch", "index", "unusable", "signature")
    FIELDS = (Number(0, 0xFFFFFFFF), Number(0, MAX_INDEX), ListOf((INDEX,), MAX_PARTIES), SIGNATURE)
    epoch: int
    index: int
    unusable: "list[int]"
    signature: bytes


class DealingCommitment(Message):
    """Round 1 of a dealing: the signed commitment to the opening, and base-OT message 1 (empty for a kept pair).

    A sender may give m1 as a function: of its 8 KB per peer a device then holds those of one peer at a time.
    """

    NAMES = ("commitment", "signature", "m1")
    FIELDS = (DIGEST, SIGNATURE, Octets(0, M1_BYTES))
    commitment: bytes
    signature: bytes
    m1: "Any"

    def to_wire(self) -> "list[Any]":
        """The CBOR array."""
        return [self.commitment, self.signature, self.m1() if callable(self.m1) else self.m1]


class DealingOpening(Message):
    """Round 2 of a dealing: the opening, the echo of round 1, this peer's share, and base-OT message 2.

    share: 32 B, empty unless a dealer sends to a receiver. zs, m2: empty for a kept pair.
    """

    NAMES = ("body", "echo", "share", "zs", "m2")
    FIELDS = (Octets(most=MAX_BODY_BYTES), DIGEST, Octets(0, 32), Octets(0, 32), Octets(0, M2_BYTES))
    body: bytes
    echo: bytes
    share: bytes
    zs: bytes
    m2: bytes


class DealingConfirmation(Message):
    """Round 3 of a dealing: what the sender holds as the result, and base-OT message 3 (empty for a kept pair)."""

    NAMES = ("confirm", "m3")
    FIELDS = (DIGEST, Octets(0, M3_BYTES))
    confirm: bytes
    m3: bytes


class Acknowledgement(Message):
    """Last round of a dealing or pair set-up: the identity signature over the state that is now stored."""

    NAMES = ("signature",)
    FIELDS = (SIGNATURE,)
    signature: bytes


class Copies(Message):
    """After a split view: every round-1 value the sender got, (index, value, signature) each."""

    NAMES = ("copies",)
    FIELDS = (ListOf(COPY, MAX_PARTIES),)
    copies: "list[tuple[int, bytes, bytes]]"

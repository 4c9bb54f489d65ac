"""The door every session message passes, and the envelope of a sealed frame.

Specification: docs/protocol.md, sections 1 and 13; docs/wire.md lists the fields.
"""

from daric_protocol import limits, platform
from daric_protocol.errors import DaricError
from daric_protocol.messages import Message, Number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NOTICE_STREAM = 0xFFFFFFFF  # of abort notices: no round has this number
NOTICE_ROUND = NOTICE_STREAM // 2
PREFIX_BYTES = 8  # of the session id in clear


def encode(message: "Message") -> bytes:
    """The wire bytes of a message: the deterministic CBOR array of its fields."""
    return platform.cbor_encode(message.to_wire())


def encode_parts(message: "Message") -> "list[Any]":
    """What are the wire bytes end to end: its largest fields stay where they are."""
    return platform.cbor_encode_parts(message.to_wire())


def decode(kind: "type[Message]", data: "bytes | memoryview", max_bytes: int = limits.ROUND_BODY_BYTES) -> "Any":
    """Read one message of class `kind`; its largest fields stay where they lie in `data`.

    Raises DaricError("encoding" or "too_large").
    """
    return kind.from_wire(platform.cbor_decode(data, max_bytes, view=limits.VIEW_BYTES))


class Envelope:
    """One sealed frame: [sid8, from, stream, chunk, last, COSE_Encrypt0].

    prefix: bytes 8, the first of the session id. sender: index of the party. stream: u32, twice the round for a body,
    one more for its RVOLE stream. chunk: u32. last: end flag. sealed: the COSE_Encrypt0 array. consumed: it may be
    opened where it lies, and is of no use afterwards.
    """

    def __init__(
        self, prefix: bytes, sender: int, stream: int, chunk: int, last: bool, sealed: "bytes | memoryview"
    ) -> None:
        self.prefix = prefix
        self.sender = sender
        self.stream = stream
        self.chunk = chunk
        self.last = last
        self.sealed = sealed
        self.consumed = False

    def header(self) -> bytes:
        """The bytes in front of the sealed part, which is spliced in as the sixth item without copying it twice."""
        head = platform.cbor_encode([self.prefix, self.sender, self.stream, self.chunk, self.last])
        return b"\x86" + head[1:]

    def encode(self) -> bytes:
        return self.header() + self.sealed

    @staticmethod
    def decode(frame: "bytes | bytearray") -> "Envelope":
        """Split a frame; the sealed part is left to COSE, which consumes it where the frame is a bytearray.

        Raises DaricError("encoding" or "too_large").
        """
        if len(frame) > limits.FRAME_BYTES:
            raise DaricError("too_large", "a frame is larger than a sealed chunk")
        if frame[:2] != b"\x86\x48":
            raise DaricError("encoding", "a frame is an array of six with a session id in front")
        at = 2 + PREFIX_BYTES
        sender, at = _read_uint(frame, at)
        stream, at = _read_uint(frame, at)
        chunk, at = _read_uint(frame, at)
        flag = frame[at : at + 1]
        if flag not in (b"\xf4", b"\xf5"):
            raise DaricError("encoding", "the end flag of a frame is a boolean")
        envelope = Envelope(bytes(frame[2 : 2 + PREFIX_BYTES]), sender, stream, chunk, flag == b"\xf5", b"")
        if envelope.header() != frame[: at + 1]:
            raise DaricError("encoding", "the head of a frame is not deterministic CBOR")
        envelope.sealed = memoryview(frame)[at + 1 :]  # where it lies: a device has no room for a copy
        envelope.consumed = isinstance(frame, bytearray)
        return envelope


def _read_uint(data: "bytes | bytearray", at: int) -> "tuple[int, int]":
    """A CBOR unsigned integer of at most 32 bits at `at` -> (value, position behind it)."""
    if at >= len(data):
        raise DaricError("encoding", "a frame ends in its head")
    first = data[at]
    if first < 24:
        return first, at + 1
    if not 24 <= first <= 26:
        raise DaricError("encoding", "expected an unsigned integer of at most 32 bits")
    size = 1 << (first - 24)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


class Notice(Message):
    """An abort notice: why a party ended the session, as a row of the error table. It accuses and bans nobody."""

    NAMES = ("number",)
    FIELDS = (Number(1, 255),)
    number: int

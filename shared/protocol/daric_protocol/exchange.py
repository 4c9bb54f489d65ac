"""One round in flight: its frames out, pulled one at a time, and its frames in, checked in order.

Specification: docs/protocol.md, section 13 (drop, soft, blame); docs/encodings.md, section 5 (layout of a stream).
"""

from daric_protocol import envelope, limits
from daric_protocol.errors import Abort, DaricError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daric_protocol.rounds.outgoing import Outgoing
    from daric_protocol.sealing import Channel


def stream_length(chunk: int) -> int:
    """Bytes of a chunk of an RVOLE stream: the header, the rows, the final hash."""
    if chunk == 0:
        return limits.STREAM_HEADER_BYTES
    return limits.STREAM_CHUNK_BYTES if chunk < limits.STREAM_FRAMES - 1 else limits.STREAM_END_BYTES


class _Arrival:
    """What has come from one peer in this round."""

    def __init__(self) -> None:
        self.parts = []  # type: list[bytes]
        self.size = 0
        self.message = None  # type: object
        self.chunks = [0, 0]  # next chunk of the body, of the stream
        self.ended = [False, False]


class Exchange:
    """Carries one Outgoing of a round generator between this party and its peers, and uses it up.

    me: own index. op: the session's operation, bound into every frame. channel: gives the Channel of a peer's index.
    """

    def __init__(self, outgoing: "Outgoing", me: int, op: str, channel: "Callable[[int], Channel]") -> None:
        self.number = outgoing.round
        self.sid = outgoing.sid
        self._expect = outgoing.expect
        self._me = me
        self._op = op
        self._channel = channel
        self._sinks = outgoing.sinks or {}
        self._arrived = outgoing.arrived
        self._arrivals = {index: _Arrival() for index in outgoing.messages} if outgoing.expect else {}
        self._waiting = []  # type: list[tuple[int, object]]
        self._frames = self._produce(outgoing)
        self._sent = False

    # Out

    def next_frame(self) -> "tuple[int, bytes] | None":
        """(index of the receiver, frame), or None once the whole round has left; raises what peers' bodies raise."""
        self.settle()
        for frame in self._frames:
            return frame
        self._frames = iter(())  # a generator that has ended still holds what it held last
        self._sent = True
        return None

    def _produce(self, outgoing: "Outgoing") -> "Iterator[tuple[int, bytes]]":
        for index in sorted(outgoing.messages):
            parts = envelope.encode_parts(outgoing.messages.pop(index))
            chunk = 0
            if sum([len(part) for part in parts]) > limits.CHUNK_BYTES:
                body = b"".join([bytes(part) for part in parts])
                while len(body) > limits.CHUNK_BYTES:
                    part = body[: limits.CHUNK_BYTES]
                    body = body[limits.CHUNK_BYTES :]
                    yield index, self._seal(index, 2 * self.number, chunk, False, part)
                    chunk += 1
                parts = [body]
            frame = self._seal(index, 2 * self.number, chunk, True, *parts)
            parts, body = [], b""  # a device has no room for it while the frame leaves
            yield index, frame
            frame = b""  # nor for this one while the next is made
        streams = outgoing.streams or {}
        for index in sorted(streams):
            chunk = 0
            for part in streams[index]:
                yield index, self._seal(index, 2 * self.number + 1, chunk, chunk == limits.STREAM_FRAMES - 1, part)
                chunk += 1

    def _seal(self, index: int, stream: int, chunk: int, last: bool, *parts: bytes) -> bytes:
        return self._channel(index).seal(self.sid, self._me, index, self._op, stream, chunk, last, *parts)

    # In

    @property
    def complete(self) -> bool:
        """Everything of this round has left and everything has come."""
        if not self._sent:
            return False
        for index in self._arrivals:
            ended = self._arrivals[index].ended
            if not ended[0] or (index in self._sinks and not ended[1]):
                return False
        return True

    def received(self) -> "dict[int, object]":
        """The peers' messages by index; read once, when complete."""
        return {index: self._arrivals[index].message for index in self._arrivals}

    def receive(self, frame: "envelope.Envelope") -> bool:
        """Take a frame of this very round. True: taken or dropped; False: a chunk before its turn.

        Raises Abort: soft for another session's id (before anything is opened) and for a stream cut short, blame for
        what the peer's own key sealed and no honest party sends, and whatever the sink of a stream raises.
        """
        if frame.prefix != self.sid[: envelope.PREFIX_BYTES]:
            raise Abort("soft", None, "a message belongs to another session, epoch, roster or request")
        arrival = self._arrivals.get(frame.sender)
        kind = frame.stream & 1
        if arrival is None or (kind and frame.sender not in self._sinks):
            return True
        if arrival.ended[kind] or frame.chunk < arrival.chunks[kind]:
            return True
        if frame.chunk > arrival.chunks[kind]:
            return False
        self.settle()
        try:
            plaintext = self._channel(frame.sender).open(self.sid, frame.sender, self._me, self._op, frame)
        except DaricError:
            return True  # not sealed by the peer for this place: as if it had never come
        frame.sealed = b""
        arrival.chunks[kind] += 1
        arrival.ended[kind] = frame.last
        if kind:
            self._take_stream(frame, plaintext)
        else:
            self._take_body(arrival, frame, plaintext)
        return True

    def settle(self) -> None:
        """Hand the bodies that have come to the round, which uses up their large fields; raises what it raises.

        Not as they come: with the frame and the plaintext still around, a device has no room for what the round does.
        """
        while self._waiting:
            index, message = self._waiting.pop(0)
            if self._arrived is not None:
                self._arrived(index, message)

    def _take_stream(self, frame: "envelope.Envelope", part: "bytes | memoryview") -> None:
        if frame.last != (frame.chunk == limits.STREAM_FRAMES - 1):
            raise Abort("soft", None, "a stream ended early or without its end flag")
        if len(part) != stream_length(frame.chunk):
            raise Abort("blame", frame.sender, "a chunk of a stream has the wrong length")
        try:
            self._sinks[frame.sender].receive(bytes(part))
        except Abort:
            raise
        except DaricError as error:
            if error.kind != "peer":
                raise
            raise Abort("blame", frame.sender, error.detail)

    def _take_body(self, arrival: _Arrival, frame: "envelope.Envelope", part: "bytes | memoryview") -> None:
        arrival.size += len(part)
        if arrival.size > limits.ROUND_BODY_BYTES:
            raise Abort("blame", frame.sender, "a message is larger than the limit")
        if not frame.last:
            if len(part) != limits.CHUNK_BYTES:
                raise Abort("blame", frame.sender, "a chunk inside a message is not full")
            arrival.parts.append(bytes(part))
            return
        body = b"".join(arrival.parts) + bytes(part) if arrival.parts else part
        arrival.parts = []
        try:
            arrival.message = envelope.decode(self._expect, body)
        except Abort:
            raise
        except DaricError as error:
            raise Abort("blame", frame.sender, error.detail)
        if self._arrived is not None:
            self._waiting.append((frame.sender, arrival.message))

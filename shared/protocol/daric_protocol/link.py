"""Serial framing: whole messages over any byte stream that may lose, add, repeat or change bytes.

Specification: docs/architecture.md, the serial line. A frame on the wire is zero, COBS(kind, conversation, sequence,
payload, CRC-32), zero; a receiver is back in step at the next zero. One data frame is in flight in each direction:
it is repeated until acknowledged, and a repetition is acknowledged again and dropped. The framing detects accidents;
forgery is the business of daric_protocol.channel.
"""

from binascii import crc32

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import LINK_ACK_TIMEOUT, LINK_FRAME_BYTES, LINK_MESSAGE_BYTES, LINK_RETRIES

DATA = 1
FIRST = 2  # data that opens a message; its payload starts with the message's length, u32
ACK = 3
RESTART = 4  # "I hold no beginning of this message": the sender starts it again
REFUSE = 5  # "this message is longer than I take": the sender drops it
PROBE = 6  # "are you still in that conversation?", asked by who waits for an answer; silence means yes or busy
GONE = 7  # "I am not": whoever waits need not wait

CONVERSATION_BYTES = 4
HEADER_BYTES = 2 + CONVERSATION_BYTES
CRC_BYTES = 4
STUFFED_LIMIT = HEADER_BYTES + LINK_FRAME_BYTES + CRC_BYTES + 1  # one COBS code byte: the frame is under 254 bytes
TICKS = (1 << 30) - 1  # every board's millisecond counter wraps at a multiple of this period
BACKOFF_LIMIT = 4  # a wait doubles at most this often: a device that computes is not flooded


class Link:
    """One end of a serial line: bytes in through `receive`, bytes out through `output`, messages on both sides.

    conversation: 4 bytes, fresh for every start of a program, so that the peer notices a restart. answering: the
    device's side, which speaks only when asked: a new question drops the answer that was under way.
    """

    def __init__(
        self,
        conversation: bytes,
        answering: bool = False,
        limit: int = LINK_MESSAGE_BYTES,
        retries: int = LINK_RETRIES,
        ack_timeout: float = LINK_ACK_TIMEOUT,
    ) -> None:
        if len(conversation) != CONVERSATION_BYTES:
            raise DaricError("parameter", "a conversation has four bytes")
        self.conversation = conversation
        self.answering = answering
        self.failed: "DaricError | None" = None
        self._limit = limit
        self._retries = retries
        self._wait = int(ack_timeout * 1000)
        self._tail = b""
        self._control: "list[bytes]" = []
        # The frame at hand as it is before stuffing, and as it goes over the line: a device makes no garbage of them.
        self._plain = bytearray(STUFFED_LIMIT)
        self._wire = bytearray(STUFFED_LIMIT + 2)
        # Receiving: who speaks, the last frame taken, the message under way and how much of it is there.
        self._peer = b""
        self._last = -1
        self._partial: "bytearray | None" = None
        self._filled = 0
        self._complete: "list[bytes]" = []
        # Sending: messages to go, the one under way, its next byte, the frame that waits for its acknowledgement.
        self._queue: "list[bytes]" = []
        self._message: "bytes | None" = None
        self._offset = 0
        self._sequence = 0
        self._frame: "bytes | None" = None
        self._carried = 0
        self._tries = 0
        self._restarts = 0
        self._sent_at = 0

    @property
    def held(self) -> int:
        """Bytes kept for a message of which the end has not come."""
        return 0 if self._partial is None else len(self._partial)

    @property
    def idle(self) -> bool:
        """True when everything given to `send` was acknowledged (or dropped, see `failed`)."""
        return self._message is None and not self._queue

    def send(self, message: bytes) -> None:
        """Queue a message. Raises DaricError("too_large") above the limit."""
        if len(message) > self._limit:
            raise DaricError("too_large", "a message on the link has at most %d bytes" % self._limit)
        self._queue.append(message)

    def probe(self) -> None:
        """Ask whether the other side is still the one that was heard last; if it was restarted, `failed` will say."""
        if self._peer:
            self._answer(PROBE, self._peer, 0)

    def drop(self) -> None:
        """Forget every message that was not sent in full."""
        self._queue = []
        self._message = None
        self._frame = None

    def receive(self, data: bytes) -> "list[bytes]":
        """Take bytes from the line; returns the messages they complete, in order.

        After a MemoryError nothing is lost that was acknowledged: the next call returns it.
        """
        if self._tail:
            data = self._tail + data
        start = 0
        end = data.find(b"\x00")
        while end >= 0:
            if HEADER_BYTES + CRC_BYTES < end - start <= STUFFED_LIMIT:
                frame = unwrap(data, start, end, self._plain)
                if frame is not None:
                    self._take(frame)
            start = end + 1
            end = data.find(b"\x00", start)
        long = len(data) - start > STUFFED_LIMIT  # too long to become a frame: noise
        self._tail = data[start : start + 1] if long else data[start:]
        messages, self._complete = self._complete, []
        return messages

    def output(self, now: int) -> bytes:
        """What to write to the line now; `now` is any counter of milliseconds. Call it often."""
        if self._frame is None:
            if self._message is not None or self._queue:
                self._tries = 0
                self._sent_at = now
                self._control.append(self._load())
        else:
            wait = self._wait << min(self._tries, BACKOFF_LIMIT)
            if ((now - self._sent_at) & TICKS) >= wait:
                self._tries += 1
                if self._tries > self._retries:
                    self._fail(DaricError("link", "the other side acknowledges nothing"))
                else:
                    self._sent_at = now
                    self._control.append(self._frame)
        if not self._control:
            return b""
        out = self._control[0] if len(self._control) == 1 else b"".join(self._control)
        self._control = []
        return out

    def due(self, now: int) -> int:
        """Milliseconds until `output` may have a repetition to send; a large number when nothing waits."""
        if self._frame is None:
            return 0 if self._queue or self._message is not None or self._control else 60000
        wait = self._wait << min(self._tries, BACKOFF_LIMIT)
        return max(0, wait - ((now - self._sent_at) & TICKS))

    # --- sending

    def _load(self) -> bytes:
        """Cut the next frame of the message under way, or of the next message."""
        if self._message is None:
            self._message = self._queue.pop(0)
            self._offset = self._restarts = 0
        frame = self._plain
        at = HEADER_BYTES
        if self._offset == 0:
            at += 4
            frame[HEADER_BYTES:at] = len(self._message).to_bytes(4, "big")
        self._carried = min(HEADER_BYTES + LINK_FRAME_BYTES - at, len(self._message) - self._offset)
        end = self._offset + self._carried
        frame[at : at + self._carried] = memoryview(self._message)[self._offset : end]
        self._sequence = (self._sequence + 1) & 0xFF
        kind = DATA if self._offset else FIRST
        self._frame = self._wrapped(kind, self.conversation, self._sequence, at + self._carried)
        return self._frame

    def _wrapped(self, kind: int, conversation: bytes, sequence: int, size: int = HEADER_BYTES) -> bytes:
        """What goes over the line for a frame of `size` bytes whose payload lies in its place."""
        self._plain[0] = kind
        self._plain[1 : 1 + CONVERSATION_BYTES] = conversation
        self._plain[HEADER_BYTES - 1] = sequence
        return wrap(self._plain, size, self._wire)

    def _fail(self, error: DaricError) -> None:
        self.drop()
        self.failed = error

    def _again(self) -> None:
        self._frame = None
        self._offset = 0
        self._restarts += 1
        if self._restarts > self._retries:
            self._fail(DaricError("link", "the other side keeps losing the beginning of a message"))

    def _acknowledged(self) -> None:
        self._frame = None
        self._offset += self._carried
        if self._message is not None and self._offset >= len(self._message):
            self._message = None

    # --- receiving

    def _take(self, frame: memoryview) -> None:
        kind, conversation, sequence = frame[0], bytes(frame[1 : 1 + CONVERSATION_BYTES]), frame[HEADER_BYTES - 1]
        if kind in (ACK, RESTART, REFUSE):
            if conversation == self.conversation and self._frame is not None and sequence == self._sequence:
                if kind == ACK:
                    self._acknowledged()
                elif kind == REFUSE:
                    self._fail(DaricError("too_large", "the other side takes no message of this size"))
                else:
                    self._again()
        elif kind == PROBE:
            if conversation != self.conversation:
                self._answer(GONE, conversation, 0)
        elif kind == GONE:
            if conversation == self._peer:
                self._fail(DaricError("link", "the other side was restarted"))
        elif conversation == self.conversation:
            return  # our own voice: an echoing line
        elif kind == FIRST:
            self._take_first(conversation, sequence, frame[HEADER_BYTES:])
        elif kind == DATA:
            self._take_more(conversation, sequence, frame[HEADER_BYTES:])

    def _answer(self, kind: int, conversation: bytes, sequence: int) -> None:
        self._control.append(self._wrapped(kind, conversation, sequence))

    def _take_first(self, conversation: bytes, sequence: int, payload: memoryview) -> None:
        if conversation == self._peer and sequence == self._last:
            self._answer(ACK, conversation, sequence)
            return
        self._peer, self._last = conversation, sequence
        self._partial = None
        if len(payload) < 4:
            return
        length = int.from_bytes(payload[:4], "big")
        if length > self._limit or not self._reserve(length):
            self._answer(REFUSE, conversation, sequence)
            return
        if self.answering:
            self.drop()
        self._filled = 0
        self._last = -1  # not taken, until it lies in its place
        self._fill(payload[4:], conversation, sequence)

    def _take_more(self, conversation: bytes, sequence: int, payload: memoryview) -> None:
        if conversation == self._peer and sequence == self._last:
            self._answer(ACK, conversation, sequence)
        elif conversation != self._peer or self._partial is None or sequence != self._following():
            self._answer(RESTART, conversation, sequence)
        else:
            self._fill(payload, conversation, sequence)

    def _following(self) -> int:
        """The number of the frame that comes next, -1 where none was taken yet."""
        return -1 if self._last < 0 else (self._last + 1) & 0xFF

    def _reserve(self, length: int) -> bool:
        """One block for the whole message before its parts arrive: no list of parts scattered over a small heap."""
        try:
            self._partial = bytearray(length)
        except MemoryError:
            return False
        return True

    def _fill(self, payload: memoryview, conversation: bytes, sequence: int) -> None:
        buffer = self._partial
        if buffer is None:
            return
        end = self._filled + len(payload)
        if end > len(buffer):
            self._partial = None
            self._last = sequence
            self._answer(REFUSE, conversation, sequence)
            return
        buffer[self._filled : end] = payload
        if end == len(buffer):
            self._complete.append(buffer)  # type: ignore[arg-type]  # as good as bytes, without a copy
            self._partial = None
        # Where memory ended before this, the repetition is taken; where it ends after it, acknowledged.
        self._filled, self._last = end, sequence
        self._answer(ACK, conversation, sequence)


def wrap(frame: bytearray, size: int, wire: bytearray) -> bytes:
    """What goes over the line for the first `size` bytes of a frame. frame: with room for a CRC behind; wire: room."""
    frame[size : size + CRC_BYTES] = crc32(memoryview(frame)[:size]).to_bytes(CRC_BYTES, "big")
    return bytes(memoryview(wire)[: platform.stuff(frame, size + CRC_BYTES, wire)])


def unwrap(line: bytes, start: int, end: int, frame: bytearray) -> "memoryview | None":
    """The frame between two zeros, at `start` and `end` of what came from the line; None for noise.

    frame: where it is put, with room for as many bytes.
    """
    size = platform.unstuff(line, start, end, frame) - CRC_BYTES
    if size < HEADER_BYTES:
        return None
    view = memoryview(frame)
    if crc32(view[:size]) != int.from_bytes(view[size : size + CRC_BYTES], "big"):
        return None
    return view[:size]

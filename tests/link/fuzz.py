"""Random and mutated traffic for a device: values, requests, link messages, frames and noise, from one seed."""

import random

from daric_protocol import channel, platform
from daric_protocol.errors import DaricError
from daric_protocol.link import ACK, DATA, FIRST, GONE, PROBE, REFUSE, RESTART

from tests.link.line import wrapped

LENGTHS = (0, 1, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65, 200, 2048, 2049)
NUMBERS = (-1, 0, 1, 2, 3, 15, 16, 17, 255, 256, 65535, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 62), -(1 << 63))
TEXTS = ("", "x", "create", "sign", "identity", "flash", "entropy", "\x00\n\x1b[2J", "x" * 100, "\N{ZERO WIDTH JOINER}")
KINDS = (DATA, FIRST, ACK, RESTART, REFUSE, PROBE, GONE, 0, 8, 255)


class Fuzz:
    """What one seed throws at a device."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self._sequence = 0

    def data(self, most: int = 2049) -> bytes:
        length = self.dice.choice([length for length in LENGTHS if length <= most])
        return bytes(length) if self.dice.random() < 0.2 else self.dice.randbytes(length)

    def value(self, depth: int = 0):
        """Any CBOR value, mostly of a kind that requests have."""
        roll = self.dice.random()
        if roll < 0.4:
            return self.data()
        if roll < 0.65:
            return self.dice.choice(NUMBERS)
        if roll < 0.75:
            return self.dice.choice(TEXTS)
        if roll < 0.85 or depth > 2:
            return self.dice.choice((None, True, False))
        if roll < 0.97:
            return [self.value(depth + 1) for _ in range(self.dice.randrange(5))]
        return {self.dice.choice(("a", 1, b"k")): self.value(depth + 1)}

    def altered(self, data: bytes) -> bytes:
        """Some bytes changed, cut, repeated or put in."""
        out = bytearray(data)
        for _ in range(self.dice.randrange(1, 4)):
            at = self.dice.randrange(len(out) + 1)
            roll = self.dice.randrange(4)
            if roll == 0 and at < len(out):
                out[at] ^= 1 << self.dice.randrange(8)
            elif roll == 1:
                del out[at : at + self.dice.randrange(1, 9)]
            elif roll == 2:
                out[at:at] = self.dice.randbytes(self.dice.randrange(1, 9))
            else:
                out[at:at] = out[at : at + 16]
        return bytes(out)

    def mutated(self, value):
        """The value or something close to it."""
        if self.dice.random() < 0.15:
            return self.value()
        if isinstance(value, bytes) and value:
            inner = self._inside(value) if self.dice.random() < 0.6 else None
            return self.altered(value) if inner is None else inner
        if isinstance(value, list):
            out = list(value)
            if out and self.dice.random() < 0.8:
                at = self.dice.randrange(len(out))
                out[at] = self.mutated(out[at])
            elif self.dice.random() < 0.5:
                out.append(self.value())
            else:
                out = out[:-1]
            return out
        if isinstance(value, bool) or not isinstance(value, int):
            return self.value()
        return value + self.dice.choice((-1, 1, 256))

    def _inside(self, data: bytes) -> bytes | None:
        """An encoded array with something in it mutated; None for what is none."""
        try:
            value = platform.cbor_decode(data)
        except DaricError:
            return None
        return platform.cbor_encode(self.mutated(value)) if isinstance(value, list) else None

    def parameters(self, valid: list) -> list:
        """Of a request, from a valid one."""
        roll = self.dice.random()
        if roll < 0.2:
            return list(valid)
        if roll < 0.9:
            changed = self.mutated(list(valid))
            return changed if isinstance(changed, list) else [changed]
        return [self.value() for _ in range(self.dice.randrange(5))]

    def clear(self) -> bytes:
        """A link message of somebody without a channel."""
        kind = self.dice.choice((*range(9), channel.REFUSAL, 9, -1, True, None))
        fields = [self.value() for _ in range(self.dice.randrange(4))]
        whole = [kind, self.dice.choice(NUMBERS) if self.dice.random() < 0.3 else self.dice.randrange(1 << 32), *fields]
        data = platform.cbor_encode(whole)
        return self.altered(data) if self.dice.random() < 0.3 else data

    def frame(self) -> bytes:
        """A frame whose sum is right, of any content."""
        kind = self.dice.choice(KINDS)
        self._sequence = (self._sequence + self.dice.choice((0, 1, 1, 1, 2))) & 0xFF
        head = bytes((kind,)) + self.dice.choice((b"host", b"fuzz")) + bytes((self._sequence,))
        payload = self.data(200)[:192]
        if kind == FIRST:
            length = self.dice.choice((0, 1, len(payload), 1000, 32768, 32769, (1 << 32) - 1))
            payload = length.to_bytes(4, "big") + payload
        return wrapped(head + payload[:192])

    def noise(self) -> bytes:
        """Bytes that no rule made."""
        roll = self.dice.random()
        if roll < 0.4:
            return self.dice.randbytes(self.dice.randrange(1, 400))
        if roll < 0.6:
            return bytes((self.dice.randrange(6),)) * self.dice.randrange(1, 200)
        if roll < 0.8:
            return self.altered(self.frame())
        entry = self.dice.choice((b"\r\x03\x03\r\x01", b"\x05A\x01", b">>> \r\n", b"\xff"))
        return b"\x00" * self.dice.randrange(1, 9) + entry

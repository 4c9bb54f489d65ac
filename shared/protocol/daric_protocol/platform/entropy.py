"""The one door to randomness: a health-tested source, mixed by HMAC-DRBG, that fails closed.

Sources: NIST SP 800-90B, section 4.4 (health tests); SP 800-90A, section 10.1.2 (HMAC-DRBG with SHA-256);
docs/encodings.md, section 6 (the seed of a session).
"""

import os

from daric_protocol.errors import DaricError
from daric_protocol.platform import hmac_sha256, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Health tests per byte, for a source credited with only 4 bits of entropy in each byte and a false alarm once in
# 2^20 samples of such a source; from a uniform source an alarm is far rarer.
REPETITIONS = 6  # 1 + 20 / 4: so many equal bytes in a row are a stuck source
WINDOW = 512  # samples of the adaptive-proportion test
PROPORTION = 62  # 1 + the (1 - 2^-20) quantile of Binomial(512, 2^-4)
STARTUP_BYTES = 1024  # tested and thrown away before the first output
READ_BYTES = 32  # fresh source bytes in each draw
# Tests of our own, for what the two above let through: a generator that repeats itself, and bits that lean to one side.
BLOCK_BITS = 4096  # so many bits are counted together
LEANING = 240  # ones more or fewer than half of them: 7.5 standard deviations of a fair source
ANCHOR = 16  # bytes that no source gives twice
NEAR_READS = 64  # after so many reads the near anchor moves: a loop of up to 2 KB shows within 4 KB
START_BYTES = 32  # what is remembered of a start (firmware/daric/starts.py): one cell of flash
REQUEST_BYTES = 1 << 16  # of HMAC-DRBG (2^19 bits)


class Drbg:
    """HMAC-DRBG with SHA-256. seed: entropy input, nonce and personalisation, end to end, at least 32 bytes.

    Called with n it returns n bytes. There is no reseed counter: a session draws far less than 2^48 times.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) < 32:
            raise DaricError("parameter", "a generator takes a seed of at least 32 bytes")
        self._key = bytes(32)
        self._value = b"\x01" * 32
        self.mix(seed)

    def mix(self, data: bytes) -> None:
        """Reseed: whatever the data, the state stays as unpredictable as it was."""
        self._turn(b"\x00", data)
        if data:
            self._turn(b"\x01", data)

    def __call__(self, count: int) -> bytes:
        if not 0 <= count <= REQUEST_BYTES:
            raise DaricError("parameter", "a request takes at most 65536 random bytes")
        out = bytearray(count)
        for at in range(0, count, 32):
            self._value = hmac_sha256(self._key, self._value)
            out[at : at + 32] = self._value[: count - at]
        self.mix(b"")
        return bytes(out)

    def _turn(self, label: bytes, data: bytes) -> None:
        self._key = hmac_sha256(self._key, self._value + label + data)
        self._value = hmac_sha256(self._key, self._value)


class Entropy:
    """Random bytes from a hardware source, mixed with whatever else comes along.

    source: n -> n bytes; the system's os.urandom when left out. Every byte read passes the tests of Health, and no two
    reads may be equal. The first failure is final: this and every later call raises DaricError("entropy").
    start: hash (32 B) of what was read first, by which a generator shows that starts the same way each time.
    """

    def __init__(self, source: "Callable[[int], bytes] | None" = None) -> None:
        if source is None:
            source = getattr(os, "urandom", None)
        self._source = source
        self._failed = False
        self._health = Health()
        self._last = b""
        self.start = sha256(self._read() + self._read())
        for _ in range(STARTUP_BYTES // READ_BYTES - 2):
            self._read()
        self._drbg = Drbg(self._read() + self._read())

    @property
    def failed(self) -> bool:
        """Whether the door is closed for good."""
        return self._failed

    def draw(self, count: int) -> bytes:
        """`count` random bytes, after mixing 32 fresh bytes of the source into the generator."""
        self._drbg.mix(self._read())
        return self._drbg(count)

    def mix(self, data: bytes) -> None:
        """Add bytes from a host or a peer; they can only add to what the source gives, never replace it."""
        self._drbg.mix(self._read() + data)

    def _read(self) -> bytes:
        """The next 32 bytes of the source, tested."""
        if self._failed or self._source is None:
            raise DaricError("entropy")
        self._failed = True  # unless everything below passes, whatever is raised
        try:
            fresh = self._source(READ_BYTES)
        except OSError:
            raise DaricError("entropy", "the entropy source cannot be read")
        if not isinstance(fresh, bytes) or len(fresh) != READ_BYTES or fresh == self._last:
            raise DaricError("entropy", "the entropy source gave too little, or the same twice")
        if not self._health.passes(fresh):
            raise DaricError("entropy", "the entropy source is stuck, leans to one side, or repeats itself")
        self._last = fresh
        self._failed = False
        return fresh


class Health:
    """The two continuous tests of SP 800-90B, section 4.4, over bytes, a count of ones, and a search for loops."""

    def __init__(self) -> None:
        self._previous = -1
        self._run = 0
        self._reference = -1
        self._seen = 0
        self._count = 0
        self._ones = 0  # among the bits of this block
        self._bits = 0
        self._reads = 0
        self._moves_at = 1
        self._near = b""  # bytes that were read a short and a long while ago
        self._far = b""
        self._tail = b""  # the end of the last read: an anchor may lie across two

    def passes(self, fresh: bytes) -> bool:
        """Take what was read, always as much; False if the source looks stuck, lopsided or in a loop."""
        for sample in fresh:
            if not self._passes(sample):
                return False
        return self._level(fresh) and self._new(fresh)

    def _passes(self, sample: int) -> bool:
        self._run = self._run + 1 if sample == self._previous else 1
        self._previous = sample
        if self._seen == 0:
            self._reference = sample
            self._count = 0
        self._count += sample == self._reference
        self._seen = (self._seen + 1) % WINDOW
        return self._run < REPETITIONS and self._count < PROPORTION

    def _level(self, fresh: bytes) -> bool:
        """Whether a block of bits has about as many ones as zeros."""
        self._ones += bin(int.from_bytes(fresh, "big")).count("1")
        self._bits += 8 * len(fresh)
        if self._bits < BLOCK_BITS:
            return True
        excess = 2 * self._ones - self._bits
        self._ones = self._bits = 0
        return -2 * LEANING < excess < 2 * LEANING

    def _new(self, fresh: bytes) -> bool:
        """Whether no anchor came again.

        The far one moves when the number of reads has doubled (Brent's search for cycles), so that a loop shows
        whatever its length and whenever it began; the near one finds short loops at once.
        """
        seen = self._tail + fresh
        if (self._near and self._near in seen) or (self._far and self._far in seen):
            return False
        if self._reads % NEAR_READS == 0:
            self._near = fresh[-ANCHOR:]
        if self._reads == self._moves_at:
            self._far = fresh[-ANCHOR:]
            self._moves_at *= 2
        self._reads += 1
        self._tail = fresh[1 - ANCHOR :]
        return True


def session_seed(hedge_key: bytes, trng: bytes, uuid: bytes, epoch: int, counter: int) -> bytes:
    """Seed (32 B) of the generator of one session (docs/encodings.md, section 6).

    hedge_key: the party's long-term hedge key, so that a weak source alone repeats nothing. trng: 32 B drawn for this
    session. uuid: 16 B session id. epoch: u32. counter: u64 that this party never repeats.
    """
    if len(hedge_key) != 32 or len(trng) != 32 or len(uuid) != 16:
        raise DaricError("parameter", "a session seed takes 32, 32 and 16 bytes")
    return hmac_sha256(hedge_key, trng + uuid + epoch.to_bytes(4, "big") + counter.to_bytes(8, "big"))

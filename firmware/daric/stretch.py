"""PIN stretching: PBKDF2-HMAC-SHA-256 (RFC 8018), one block of 32 bytes, and how many iterations a board affords.

Loaded while a PIN is checked or set. Specification: docs/architecture.md, the PIN.
"""

import gc
import hashlib
import sys

from daric_protocol import platform
from daric_protocol.limits import STRETCH_MAX, STRETCH_MIN
from daric_protocol.link import TICKS

INNER = int.from_bytes(b"\x36" * 64, "big")
OUTER = int.from_bytes(b"\x5c" * 64, "big")
TURN = 256  # iterations between two looks at the watchdog
MEASURED_MS = 40  # long enough for a clock of milliseconds


def stretch(pin: bytes, salt: bytes, iterations: int, watch=None) -> bytes:
    """32 bytes. watch: called every few hundred iterations, so that a watchdog sees that the board is alive."""
    if sys.implementation.name != "micropython":
        return hashlib.pbkdf2_hmac("sha256", pin, salt, iterations)
    return plain(pin, salt, iterations, watch)


def plain(pin: bytes, salt: bytes, iterations: int, watch=None) -> bytes:
    """As `stretch`, in Python: MicroPython has SHA-256 alone."""
    key = int.from_bytes(pin, "big") << 8 * (64 - len(pin))
    inner = (key ^ INNER).to_bytes(64, "big")
    outer = (key ^ OUTER).to_bytes(64, "big")
    digest = hashlib.sha256
    block = platform.hmac_sha256(pin, salt + b"\x00\x00\x00\x01")
    total = int.from_bytes(block, "big")
    # Each iteration leaves garbage; collecting it every few kilobytes would take longer than the hashing.
    threshold = gc.threshold() if hasattr(gc, "threshold") else None
    if threshold is not None:
        gc.threshold(-1)
    try:
        for turn in range(1, iterations):
            block = digest(outer + digest(inner + block).digest()).digest()
            total ^= int.from_bytes(block, "big")
            if watch is not None and not turn % TURN:
                watch()
    finally:
        if threshold is not None:
            gc.threshold(threshold)
            gc.collect()
    return total.to_bytes(32, "big")


def calibrated(board) -> int:
    """How many iterations take about board.STRETCH_MS on this board, within STRETCH_MIN and STRETCH_MAX."""
    count = STRETCH_MIN
    while count < STRETCH_MAX:
        before = board.ticks()
        stretch(b"0000", bytes(16), count, board.watch)
        passed = (board.ticks() - before) & TICKS
        if passed >= min(MEASURED_MS, board.STRETCH_MS):
            return max(STRETCH_MIN, min(STRETCH_MAX, count * board.STRETCH_MS // max(1, passed)))
        count *= 4
    return STRETCH_MAX

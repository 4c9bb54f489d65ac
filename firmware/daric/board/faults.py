"""Entropy sources that are broken in a known way, for the virtual board: what the device has to refuse."""

import hashlib
import os

LOOP = 100  # bytes after which "repeating" begins again


def source(setting: str):
    """The source n -> bytes that a setting of the virtual board names, or None for "missing".

    "system", "stuck" (one value), "biased" (every second byte is the same), "leaning" (five ones for three zeros),
    "repeating" (a loop), "seeded" (a good generator that starts the same way each time), "failing" (reads end in an
    error). With "@N" at the end the first N reads are the system's. Raises ValueError for any other name.
    """
    name, _, after = (setting + "@").partition("@")
    if name == "missing":
        return None
    known = {
        "system": os.urandom,
        "stuck": _stuck,
        "biased": _biased,
        "leaning": _leaning,
        "repeating": _Loop(),
        "seeded": _Seeded(),
        "failing": _failing,
    }
    if name not in known:
        raise ValueError("no entropy fault is called " + name)
    return _Later(known[name], int(after[:-1])) if after else known[name]


class _Later:
    """Good for some reads, then broken for ever."""

    def __init__(self, broken, reads: int) -> None:
        self._broken = broken
        self._left = reads

    def __call__(self, count: int) -> bytes:
        if self._left:
            self._left -= 1
            return os.urandom(count)
        return self._broken(count)


class _Loop:
    def __init__(self) -> None:
        self._bytes = os.urandom(LOOP)
        self._at = 0

    def __call__(self, count: int) -> bytes:
        out = bytearray(count)
        for place in range(count):
            out[place] = self._bytes[(self._at + place) % LOOP]
        self._at = (self._at + count) % LOOP
        return bytes(out)


class _Seeded:
    def __init__(self) -> None:
        self._turn = 0

    def __call__(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            self._turn += 1
            out += hashlib.sha256(b"seed" + self._turn.to_bytes(4, "big")).digest()
        return out[:count]


def _stuck(count: int) -> bytes:
    return b"\xa5" * count


def _biased(count: int) -> bytes:
    out = bytearray(os.urandom(count))
    for at in range(0, count, 2):
        out[at] = 0x5A
    return bytes(out)


def _leaning(count: int) -> bytes:
    first, second, third = os.urandom(count), os.urandom(count), os.urandom(count)
    out = bytearray(count)
    for at in range(count):
        out[at] = first[at] | (second[at] & third[at])
    return bytes(out)


def _failing(_count: int) -> bytes:
    raise OSError(5)

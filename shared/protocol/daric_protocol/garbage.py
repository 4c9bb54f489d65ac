"""When a device collects garbage. Other runtimes do as they like.

Everywhere a little garbage is enough, so that what lives stays together and large blocks stay free. In a session a
device collects when it has used all but a clean part of what was free: each collection looks at the whole heap. Where
that leaves little, a long computation, which makes much garbage and little that stays, still collects less often.
"""

import gc
import sys

MICROPYTHON = sys.implementation.name == "micropython"
OFTEN = 2048  # bytes between two collections, where nothing else is said (measured)
SELDOM = 4096  # in a computation; with more an import does not fit 240 KB
RARELY = 32768  # in one of which nothing stays
CLEAN = (128 if sys.maxsize > 1 << 32 else 64) << 10  # bytes for large blocks; objects are as long as the words


def often() -> None:
    """From now on collect often, as where modules are loaded: what stays of them then lies together."""
    if MICROPYTHON:
        gc.threshold(OFTEN)  # type: ignore[attr-defined]


def pace() -> None:
    """From now on a device that collects often does so when all has been used that is free now, but CLEAN."""
    if MICROPYTHON and gc.threshold() >= 0:  # type: ignore[attr-defined]
        gc.threshold(max(OFTEN, gc.mem_free() - CLEAN))  # type: ignore[attr-defined]


def collect() -> None:
    """Free what was left behind, and pace what comes."""
    if MICROPYTHON:
        gc.collect()
        pace()


class Computing:
    """`with Computing():` collects seldom, and at the end; where nobody asked to collect often it changes nothing.

    What stays of the computation is made before it or after it: in between it would lie in the middle of free memory.
    seldom: bytes between two collections; RARELY where nothing at all is made in between that stays.
    """

    def __init__(self, seldom: int = SELDOM) -> None:
        self._seldom = seldom

    def __enter__(self) -> None:
        self._often = gc.threshold() if MICROPYTHON else -1  # type: ignore[attr-defined]
        if 0 <= self._often < self._seldom:
            gc.threshold(self._seldom)  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        if 0 <= self._often < self._seldom:
            gc.collect()
            gc.threshold(self._often)  # type: ignore[attr-defined]

"""When a device collects garbage. Other runtimes do as they like.

It collects after every few bytes (daric/app.py), so that what lives stays together and large blocks stay free. A long
computation makes much garbage and little that stays: there it would take most of the time.
"""

import gc
import sys

MICROPYTHON = sys.implementation.name == "micropython"
SELDOM = 4096  # bytes between two collections in a computation; with more an import does not fit 240 KB
RARELY = 32768  # in one of which nothing stays


def collect() -> None:
    """Free what the last peer's work left behind; a device's heap holds one peer at a time."""
    if MICROPYTHON:
        gc.collect()


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

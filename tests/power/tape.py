"""Every place at which the power can fail in one run of a process: the flash there, and the rest of the world.

A process runs once, on a chip that records each erase and program. What a cut leaves is then made from the record: the
flash before that operation (clean), with its first half done (half), or with any of its bits done (bits).
"""

from dataclasses import dataclass, field

from daric.board.flashfile import FlashFile

from tests.power.power_flash import draws

CLEAN, HALF, BITS = "clean", "half", "bits"
KINDS = (CLEAN, HALF, BITS)


@dataclass(frozen=True)
class Step:
    """One flash operation. data: None for an erase. world: what there was beside the flash just before it."""

    address: int
    data: bytes | None
    world: object


@dataclass(frozen=True)
class Cut:
    """What the power left behind at operation `number` (from 1): flash and world."""

    number: int
    kind: str
    image: bytes = field(repr=False)
    world: object = field(repr=False)

    def __str__(self) -> str:
        return f"cut at operation {self.number}, {self.kind}"


@dataclass
class Tape:
    """The chip as it was when the record began, and every operation since. after: image and world at the end."""

    before: bytes
    block_size: int
    steps: list[Step] = field(default_factory=list)
    after: bytes = b""
    last: object = None

    def cuts(self, stride: int = 1, kinds: tuple[str, ...] = KINDS):
        """Every cut (every `stride`-th operation, starting at the first), in order."""
        image = bytearray(self.before)
        for at, step in enumerate(self.steps):
            number = at + 1
            if at % stride == 0:
                for kind in kinds:
                    yield Cut(number, kind, self._torn(image, step, kind, number), step.world)
            self._apply(image, step)
        assert bytes(image) == self.after, "the record is complete"

    def _size(self, step: Step) -> int:
        return self.block_size if step.data is None else len(step.data)

    def _apply(self, image: bytearray, step: Step) -> None:
        size = self._size(step)
        place = slice(step.address, step.address + size)
        image[place] = self._done(image[place], step, b"\xff" * size)

    def _torn(self, image: bytearray, step: Step, kind: str, number: int) -> bytes:
        """The chip after part of an operation."""
        torn = bytearray(image)
        size = self._size(step)
        if kind == HALF:
            mask = b"\xff" * (size // 2) + bytes(size - size // 2)
        elif kind == BITS:
            mask = draws(number)(size)
        else:
            mask = bytes(size)
        place = slice(step.address, step.address + size)
        torn[place] = self._done(torn[place], step, mask)
        return bytes(torn)

    @staticmethod
    def _done(old: bytes, step: Step, mask: bytes) -> bytes:
        """`old` after the operation on the bits of `mask`: an erase sets them, a program clears those that are 0."""
        size = len(mask)
        before, which = int.from_bytes(old, "big"), int.from_bytes(mask, "big")
        if step.data is None:
            return (before | which).to_bytes(size, "big")
        everything = (1 << 8 * size) - 1
        return (before & (int.from_bytes(step.data, "big") | everything ^ which)).to_bytes(size, "big")


class RecordingFlash(FlashFile):
    """A chip in memory; record() begins a tape on which every operation goes. world: called before each of them."""

    def __init__(self, blocks: int, image: bytes | None = None) -> None:
        super().__init__(None, blocks)
        if image is not None:
            self._memory[:] = image
        self.tape: Tape | None = None
        self._world = None

    def record(self, world) -> Tape:
        self._world = world
        self.tape = Tape(self.dump(), self.block_size)
        return self.tape

    def stop(self) -> Tape:
        """The finished tape."""
        tape, self.tape = self.tape, None
        tape.after, tape.last = self.dump(), self._world()
        return tape

    def program(self, address: int, data) -> None:
        if self.tape is not None:
            self.tape.steps.append(Step(address, bytes(data), self._world()))
        super().program(address, data)

    def erase(self, block: int) -> None:
        if self.tape is not None:
            self.tape.steps.append(Step(block * self.block_size, None, self._world()))
        super().erase(block)

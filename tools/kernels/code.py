"""What every assembler here does: numbers one after another, labels among them, and branches that wait for labels."""

from collections.abc import Callable, Sequence

Fixup = Callable[[int], Sequence[int]]  # how many numbers the label lies further on -> what to put


class Code:
    """Code as it grows. Labels are names: `label` puts one, branches take one."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._labels: dict[str, int] = {}
        self._fixups: list[tuple[int, int, str, Fixup]] = []  # where, counted from where, to which label, how

    def assemble(self) -> list[int]:
        """The numbers, with all branches resolved. Raises KeyError for a label that was never put."""
        for at, origin, name, encode in self._fixups:
            numbers = encode(self._labels[name] - origin)
            self._numbers[at : at + len(numbers)] = numbers
        return list(self._numbers)

    def label(self, name: str) -> None:
        if name in self._labels:
            raise ValueError(f"label {name} is put twice")
        self._labels[name] = len(self._numbers)

    def _here(self) -> int:
        return len(self._numbers)

    def _refer(self, name: str, size: int, encode: Fixup, origin: int = -1) -> None:
        """Leave room for what depends on a label. origin: where to count from, if not from here."""
        here = self._here()
        self._fixups.append((here, here if origin < 0 else origin, name, encode))
        self._numbers.extend([0] * size)


def below(value: int, bound: int) -> int:
    """The value itself. Raises ValueError if an operand is not from 0 to below the bound."""
    if not 0 <= value < bound:
        raise ValueError(f"{value} does not fit in the instruction")
    return value

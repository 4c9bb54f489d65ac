"""The machine code in a compiled .mpy file (format 6): what a board would execute, to be run by an emulator."""

VIPER, ASSEMBLER = 2, 3  # kinds of a function; 0 is bytecode, 1 native
RUNTIME = b"\0"  # kind of a constant: the table of the runtime's functions


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise ValueError("the file is cut short")
        self._at += size
        return taken

    def number(self) -> int:
        value = 0
        while True:
            byte = self.take(1)[0]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value


def functions(data: bytes, kind: int = ASSEMBLER) -> list[bytes]:
    """The code of each function of this kind, with the prologue and epilogue that the compiler gave it.

    Raises ValueError if the file is not of this format, has native code of another kind, or constants other than names.
    """
    reader = _Reader(data)
    if reader.take(2) != b"M\x06":
        raise ValueError("not an .mpy file of format 6")
    if reader.take(2)[0] & 0x40:
        reader.number()  # flags of the architecture
    names, constants = reader.number(), reader.number()
    for _ in range(names):
        length = reader.number()
        if not length & 1:  # else one of the names that every MicroPython knows
            reader.take((length >> 1) + 1)
    for _ in range(constants):
        if reader.take(1) != RUNTIME:
            raise ValueError("the file has constants other than names")
    found: list[bytes] = []
    _function(reader, kind, found)
    return found


def _function(reader: _Reader, kind: int, found: list[bytes]) -> None:
    head = reader.number()
    code = reader.take(head >> 3)
    if head & 3 == kind:
        found.append(code)
        for _ in range(3 if kind == ASSEMBLER else 1):  # flags; number of arguments, type of the result
            reader.number()
    elif head & 3:
        raise ValueError("native code of another kind")
    if head & 4:
        for _ in range(reader.number()):
            _function(reader, kind, found)

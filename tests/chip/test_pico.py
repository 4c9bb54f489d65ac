"""The emulated Pico runs the flash it is given, and its console carries bytes both ways. Needs the extra `chip`.

The programs are a few instructions of ARMv6-M; where a program would speak USB, the test takes its place at the
controller's registers.
"""

import asyncio
import time

import pytest
from daric_protocol.errors import DaricError

from tools.chip import peers
from tools.chip.pico import Pico

RAM = 0x20000000
HANG = [0xE7FE]  # b .
STORE_42 = [0x2020, 0x0600, 0x212A, 0x6001]  # movs r0, #0x20; lsls r0, #24; movs r1, #42; str r1, [r0]
COUNT = [0x2020, 0x0600, 0x2100, 0x3101, 0x6001, 0xE7FC]  # .. movs r1, #0; again: adds r1, #1; str r1, [r0]; b again
ENDPOINT = 1  # both ways

pytestmark = pytest.mark.slow  # by what installs the emulator


def flash(*halves):
    return b"".join(half.to_bytes(2, "little") for half in halves)


async def until(there, seconds=20):
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


class Program:
    """What speaks USB on the chip: takes up the console, then hands every byte it hears to `answer`."""

    def __init__(self, pico, answer):
        self._pico = pico
        self._answer = answer
        self.heard = []  # how many bytes at a time
        pico.console._in_endpoint = pico.console._out_endpoint = ENDPOINT
        pico.chip.usb_ctrl.endpoint_read_done = self._read
        self._alarm = pico.simulator.clock.create_alarm(self._poll)
        self._alarm.schedule(2_000_000)
        pico.console.on_device_connected()

    def _poll(self):
        self._pico.chip.usb_ctrl.on_endpoint_read(ENDPOINT, 64)
        self._alarm.schedule(100_000)

    def _read(self, _endpoint, data):
        if data:
            self.heard.append(len(data))
            said = self._answer(bytes(data))
            if said:
                self._pico.chip.usb_ctrl.on_endpoint_write(ENDPOINT, said)


async def refused(request):
    with pytest.raises(DaricError) as caught:
        await request
    assert caught.value.name == "link"
    return caught.value.detail


async def test_the_flash_is_executed_from_its_first_byte():
    async with Pico(flash(*STORE_42, *HANG)) as pico:
        await until(lambda: pico.chip.read_uint32(RAM) == 42)


async def test_emulated_time_passes_at_125_mhz():
    async with Pico(flash(*COUNT)) as pico:
        await until(lambda: pico.seconds > 0.02)
    cycles = 125e6 * pico.seconds / pico.chip.read_uint32(RAM)
    assert 4 <= cycles <= 6, "an addition, a store and a branch take 1, 2 and 2 cycles"


async def test_bytes_cross_the_console_both_ways_in_order():
    sent = bytes(range(256)) * 20  # more than the console takes at once
    async with Pico(flash(*HANG), patience=1) as pico:
        program = Program(pico, lambda data: bytes(byte ^ 0xFF for byte in data))
        await pico.connected()
        await pico.write(sent[:1000])
        await pico.write(sent[1000:])
        assert await pico.read(len(sent)) == bytes(byte ^ 0xFF for byte in sent)
    assert max(program.heard) == 64


async def test_a_request_gets_its_answer_over_the_emulated_console():
    async with Pico(flash(*HANG), patience=1) as pico:
        Program(pico, lambda data: b"h\0\0\0\x12\x83\x661.28.0\x66kernel\x19\x03\xe8" if data[:1] == b"h" else b"")
        answer = await peers.Party(pico).hello()
    assert (answer.micropython, answer.arithmetic, answer.free) == ("1.28.0", "kernel", 1000)


async def test_a_program_that_stays_silent_or_never_speaks_usb_is_told_as_such():
    async with Pico(flash(*HANG), start=0.02) as pico:
        assert "does not take up USB" in await refused(pico.connected())
    async with Pico(flash(*HANG), patience=0.02) as pico:
        Program(pico, lambda data: b"Traceback")
        await pico.write(b"h")
        assert "Traceback" in await refused(pico.read(100))


async def test_what_was_answered_in_time_is_no_failure_of_the_next_request():
    async with Pico(flash(*HANG), patience=0.05) as pico:
        Program(pico, lambda data: data)
        for _ in range(4):
            await pico.write(b"h")
            assert await pico.read(1) == b"h"
            begun = pico.seconds
            await until(lambda begun=begun: pico.seconds > begun + 0.02)


async def test_an_emulator_that_fails_is_told_as_such():
    def broken(_data):
        raise ValueError("no such peripheral")

    async with Pico(flash(*HANG), patience=0.1) as pico:
        Program(pico, broken)
        await pico.write(b"h")
        assert "no such peripheral" in await refused(pico.read(1))


async def test_a_program_that_resets_the_chip_is_told_as_such():
    async with Pico(flash(*HANG)) as pico:
        pico.chip.watchdog.on_watchdog_trigger()
        assert "has reset" in await refused(pico.read(1))

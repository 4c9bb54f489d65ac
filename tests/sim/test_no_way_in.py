"""The real MicroPython, started as a stock port starts its files: no byte on the line reaches a prompt or stops it.

The port underneath does have a prompt: where the program ended, it would appear on the line.
"""

import ast
import time
from pathlib import Path

import pytest
import serial
from daric_host.device import DeviceLink
from daric_protocol import channel, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import LINK_MESSAGE_BYTES
from daric_protocol.link import CRC_BYTES, FIRST, HEADER_BYTES, Link
from daric_sim import flashed
from daric_sim.device import WAIT, SimDevice

from tests.link.line import unwrapped, wrapped
from tests.sim.rig import paired

HOST = Identity(4711)
FIRMWARE = Path(__file__).parents[2] / "firmware"
STOP = bytes([3])
ENTRIES = {  # what tools and people send to get at the prompt
    "control bytes": bytes(range(1, 6)) * 20,
    "raw REPL": b"\r\x03\x03\r\x01",
    "raw paste": b"\r\x03\x03\r\x01\x05A\x01import os; os.listdir()\x04",
    "paste mode": b"\x03\x03\x05import machine\r\nmachine.soft_reset()\r\n\x04",
    "soft reset": b"\x04\x04\x02\x04",
    "typed": b"\r\n\r\nimport os\r\nprint(os.listdir())\r\n>>> help()\r\n",
}


class Started(SimDevice):
    """A device whose port starts the files in another way."""

    start_code = flashed.START

    def _command(self) -> list[str]:
        return [*super()._command(), self.start_code]


def struck(moment: str) -> str:
    """A port whose driver saw a Ctrl-C in the first instructions of both files: before the byte is off, or after it."""
    if moment == "before":
        return flashed.INTERRUPTED.replace("max(range(20000))", "raise KeyboardInterrupt")
    return flashed.INTERRUPTED.replace("port.kbd_intr(byte)", "port.kbd_intr(byte); raise KeyboardInterrupt")


def frames_only(heard: bytes) -> bool:
    """Whether all that a device said is frames of the protocol."""
    return all(unwrapped(piece) is not None for piece in heard.split(b"\0") if piece)


def listen(port: serial.Serial, seconds: float = 0.3) -> bytes:
    deadline = time.monotonic() + seconds
    heard = b""
    while time.monotonic() < deadline:
        heard += port.read(4096)
    return heard


async def answers(device: SimDevice) -> bool:
    async with await DeviceLink.open(device.path, HOST) as link:
        return await link.hello() == 1


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """One device that all of this is tried on: nothing of it may have harmed it."""
    with SimDevice(tmp_path_factory.mktemp("board") / "device", interrupts=True) as running:
        running.wait_for_screen("not paired")
        yield running
        assert running.log == ""


@pytest.mark.parametrize("file", ["boot.py", "main.py"])
def test_nothing_comes_before_the_interrupt_byte_is_off(file):
    """MicroPython looks for an interrupt where the program jumps: so there is no jump, and then some inside the try."""
    first = ast.parse((FIRMWARE / file).read_text()).body[1]
    assert isinstance(first, ast.While) and ast.unparse(first.test) == "True"
    [guard] = first.body
    assert isinstance(guard, ast.Try)
    assert [ast.unparse(line) for line in guard.body[:2]] == ["import micropython", "micropython.kbd_intr(-1)"]
    assert isinstance(guard.body[2], ast.For) and isinstance(guard.body[3], ast.Break)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_interrupt_in_the_first_instructions_of_both_files_reaches_no_prompt(tmp_path, moment):
    class Struck(Started):
        start_code = struck(moment)

    assert Struck.start_code.count("KeyboardInterrupt") == 1
    with Struck(tmp_path / "device") as device:
        device.wait_for_screen("not paired", 60)
        with serial.Serial(device.path, timeout=0.05) as port:
            port.write(STOP)
            assert listen(port) == b""
        assert await answers(device)
        assert device.log == ""


async def test_a_program_that_ends_does_reach_the_prompt_of_the_port(tmp_path):
    """Which is what the other tests would see."""

    class Ending(Started):
        start_code = flashed.START.replace("import main", "1/0")

    with Ending(tmp_path / "device") as device, serial.Serial(device.path, timeout=0.05) as port:
        heard = listen(port, 2)
        assert b"ZeroDivisionError" in heard and b">>> " in heard
        assert not frames_only(heard)


async def test_interrupts_from_the_first_byte_of_boot_reach_no_prompt(tmp_path):
    with SimDevice(tmp_path / "device", interrupts=True, answer=WAIT) as device:
        with serial.Serial(device.path, timeout=0.01) as port:
            heard = b""
            while not device.screens:
                port.write(STOP * 8)
                heard += port.read(1000)
            port.write(STOP * 5000)
            heard += listen(port)
        assert heard == b""
        assert await answers(device)
        assert device.log == ""


@pytest.mark.slow
async def test_interrupts_at_many_moments_of_boot_reach_no_prompt(tmp_path):
    with SimDevice(tmp_path / "device", interrupts=True) as device:
        for number in range(12):
            device.kill()
            count = len(device.screens)
            device.start()
            with serial.Serial(device.path, timeout=0.001) as port:
                heard = b""
                while len(device.screens) == count:
                    port.write(STOP)
                    heard += port.read(1000)
                    time.sleep(0.001 * (number + 1))  # another rhythm each time, so that other moments are met
            assert heard == b""
        assert await answers(device)
        assert device.log == ""


@pytest.mark.parametrize("entry", ENTRIES)
async def test_no_way_to_the_prompt_that_tools_know_leads_there(device, entry):
    count = len(device.screens)
    with serial.Serial(device.path, timeout=0.02) as port:
        for _ in range(3):
            port.write(ENTRIES[entry])
            assert listen(port, 0.1) == b""
        port.write(b"\0".join([ENTRIES[entry]] * 5))
        assert frames_only(listen(port, 0.1))
    assert await answers(device)
    assert device.log == "" and len(device.screens) == count


def oversize() -> dict[str, bytes]:
    """Frames that announce or carry more than a device takes."""
    head = bytes((FIRST,)) + b"host" + bytes((1,))
    return {
        "a frame of 10,000 bytes": b"\0" + b"\x55" * 10_000 + b"\0",
        "100,000 bytes without a delimiter": b"\x7f" * 100_000,
        "a message of 4 GB": wrapped(head + b"\xff\xff\xff\xff" + b"x" * 100),
        "a message above the limit": wrapped(head + (LINK_MESSAGE_BYTES + 1).to_bytes(4, "big") + b"x"),
        "a frame with more than it announced": wrapped(head + (1).to_bytes(4, "big") + b"x" * 180),
        "a long frame with a good sum": wrapped(head + bytes(240 - HEADER_BYTES - CRC_BYTES)),
        "deep nesting": wrapped(head + (150).to_bytes(4, "big") + b"\x81" * 150),
        "a million items": wrapped(head + (5).to_bytes(4, "big") + b"\x9a\x00\x0f\x42\x40"),
    }


@pytest.mark.parametrize("name", oversize())
async def test_what_is_too_large_is_dropped_or_refused_and_the_device_goes_on(device, name):
    with serial.Serial(device.path, timeout=0.05) as port:
        for at in range(0, len(oversize()[name]), 2048):
            port.write(oversize()[name][at : at + 2048])
        assert frames_only(listen(port))
    assert await answers(device)
    assert device.log == ""


async def test_a_large_message_that_the_heap_has_no_room_for_is_refused_and_the_device_goes_on(device):
    link, _ = await paired(device, HOST)
    async with link:
        with pytest.raises(DaricError) as caught:
            await link._call("group_adopt", bytes(LINK_MESSAGE_BYTES - 200))
        assert caught.value.name in ("encoding", "memory", "too_large", "sealed")
        assert (await link.identity()).groups == []
    assert device.log == ""


async def test_an_unforeseen_error_resets_the_real_device_and_shows_nothing_of_it_on_the_line(tmp_path):
    class Faulty(Started):
        fault = "import daric.dispatch as _d; _d.Dispatcher.answer = lambda self, data: 1 // 0"
        start_code = flashed.START.replace("    import main", f"    {fault}\n    import main")

    with Faulty(tmp_path / "device") as device:
        device.wait_for_screen("not paired")
        for _ in range(2):
            count = len(device.screens)
            with serial.Serial(device.path, timeout=0.02) as port:
                link = Link(b"host")
                link.send(platform.cbor_encode([channel.HELLO, 1]))
                port.write(link.output(0))
                heard = listen(port)
                device.wait_for_screen("not paired", since=count)
                heard += listen(port)
            assert heard and frames_only(heard)
        assert device.log.count("ZeroDivisionError") == 2


async def test_a_development_image_says_so_and_ends_at_the_prompt_on_its_owners_word(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        assert device.wait_for_screen("not paired").lines[-1] == "for development"
        link, _ = await paired(device, HOST)
        await link.maintenance()
        await link.close()
        device.wait_for_screen("Maintenance\nRestart")
        with serial.Serial(device.path, timeout=0.05) as port:
            port.write(b"\x03\rprint(6 * 7)\r")
            heard = b""
            while b"42" not in heard:
                heard += port.read(100)
            port.write(b"\x01")
            while b"raw REPL; CTRL-B to exit" not in heard:
                heard += port.read(100)
        device.restart()
        async with await DeviceLink.open(device.path, HOST) as again:
            assert await again.hello() == 1


@pytest.mark.slow
async def test_an_owner_who_refuses_keeps_the_program_on_the_line(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, _ = await paired(device, HOST)
        device.answer = "refuse"
        with pytest.raises(DaricError) as caught:
            await link.maintenance()
        assert caught.value.name == "refused"
        await link.close()
        with serial.Serial(device.path, timeout=0.02) as port:
            port.write(ENTRIES["raw REPL"])
            assert listen(port) == b""
        assert await answers(device)

"""Each board file, put together on the fake modules of its port."""

import os
import sys
import types

import pytest
from daric import made

from tests.boards.fakes import Pin, PortDevice, Reset, SpiChip, Timer, Wdt, installed

PORTS = ["rp2", "esp32", "stm32"]
IMPLEMENTATION = sys.implementation


class Stream:
    """What standard input and output have of MicroPython's."""

    def __init__(self) -> None:
        self.arrived, self.sent = b"", b""
        self.buffer = self

    def readinto(self, buffer: bytearray) -> int:
        buffer[:] = self.arrived[:1]
        self.arrived = self.arrived[1:]
        return 1

    def write(self, data: bytes) -> int:
        self.sent += bytes(data)
        return len(data)

    def flush(self) -> None: ...


class Poll:
    def register(self, stream: Stream, _events: int) -> None:
        self.stream = stream

    def poll(self, _timeout: int) -> list[Stream]:
        return [self.stream] if self.stream.arrived else []


def module(name: str, **contents: object) -> types.ModuleType:
    made_now = types.ModuleType(name)
    for key, value in contents.items():
        setattr(made_now, key, value)
    return made_now


class House:
    """One board with everything it is wired to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock) -> None:
        self.monkeypatch, self.clock = monkeypatch, clock
        self.stream = Stream()
        self.interrupts: list[int] = []
        self.radio: list[object] = []
        self.storage = PortDevice(352, 256)
        self.partitions = {"daric": PortDevice(96)}
        self.chip = SpiChip(1 << 20)
        monkeypatch.setattr("select.poll", Poll)
        self.version((1, 28, 0))
        self.modules = {
            "micropython": module("micropython", kbd_intr=self.interrupts.append),
            "rp2": module("rp2", Flash=self._flash),
            "esp32": module("esp32", Partition=self),
            "network": module("network", WLAN=lambda _: self, STA_IF=0),
            "vfs": module("vfs"),
            "pyb": module("pyb", rng=lambda: 4),
            "daric_port": module("daric_port", RAW=True, RNG="adc"),
        }
        self.TYPE_DATA = 1

    def version(self, version: tuple[int, int, int]) -> None:
        known = types.SimpleNamespace(**{**vars(IMPLEMENTATION), "version": version})
        self.monkeypatch.setattr(sys, "implementation", known)

    def _flash(self, start: int = 0) -> PortDevice:
        return PortDevice(352 - start // 4096, 256, self.storage.memory, start)

    def find(self, _kind: int, label: str) -> list[PortDevice]:
        return [self.partitions[label]] if label in self.partitions else []

    def active(self, on: bool) -> None:
        self.radio.append(on)

    def board(self, port: str, kind: str = "development", **changed: object):
        self.monkeypatch.setattr(sys, "stdin", self.stream)
        self.monkeypatch.setattr(sys, "stdout", self.stream)
        self.monkeypatch.setattr(made, "KIND", kind)
        self.monkeypatch.setattr(made, "BOARD", {"rp2": "rp2040", "stm32": "stm32f4"}.get(port, port))
        for name in [name for name in sys.modules if name == f"daric.board.{port}"]:
            del sys.modules[name]
        module_ = __import__(f"daric.board.{port}", fromlist=["board"])
        for name, value in changed.items():
            self.monkeypatch.setattr(module_, name, value)
        if port == "stm32":
            machine = sys.modules["machine"]
            machine.SPI = lambda *_, **__: self.chip
            pin = machine.Pin
            self.monkeypatch.setattr(machine, "Pin", self._pin_or_chip(pin, "B12"))
        return module_.board()

    def _pin_or_chip(self, pin, select):
        class Either(pin):
            def __new__(cls, name, *rest, **named):
                return self.chip if name == select else super().__new__(cls)

        return Either


@pytest.fixture
def house(monkeypatch, clock):
    house = House(monkeypatch, clock)
    with installed(clock, **house.modules):
        yield house


@pytest.mark.parametrize("port", PORTS)
def test_a_board_answers_everything_that_the_firmware_asks_of_one(house, port):
    board = house.board(port)
    assert board.STRETCH_MS == 1000
    assert 0 <= board.ticks() < 1 << 30
    assert board.clock() > 0
    assert board.unique_id() == b"\xe6\x61\x64\x08"
    assert board.held() is False
    assert board.button() is None
    assert board.noise() == b""
    assert board.entropy() is os.urandom
    assert board.weak_erase is False
    board.watch()
    board.crashed(ValueError("secret"))
    assert house.stream.sent == b""
    with pytest.raises(Reset):
        board.reset()


@pytest.mark.parametrize("port", PORTS)
def test_a_board_has_every_method_of_the_virtual_one(house, port):
    from daric.board.virtual import Board

    wanted = {name for name in vars(Board) if not name.startswith("_")} - {"code"}
    assert not wanted - set(dir(house.board(port)))


@pytest.mark.parametrize("port", PORTS)
def test_bytes_pass_the_line_as_they_are_and_no_byte_interrupts(house, port):
    board = house.board(port)
    assert house.interrupts == [-1]
    house.stream.arrived = bytes(range(256)) * 3
    got = board.read()
    assert len(got) == 512
    assert got + board.read() == bytes(range(256)) * 3
    assert board.read() == b""
    board.write(b"\n\r\x03\x00")
    assert house.stream.sent == b"\n\r\x03\x00"


@pytest.mark.parametrize("port", ["rp2", "esp32"])
def test_a_production_image_has_a_line_of_its_own(house, port):
    board = house.board(port, "production")
    usb = board._line._usb
    assert usb.builtin_driver is None
    usb.plug()
    usb.give(b"hello")
    assert board.read() == b"hello"
    board.write(b"answer")
    assert usb.take() == b"answer"
    assert (house.stream.sent, house.interrupts) == (b"", [])


@pytest.mark.parametrize("port", PORTS)
def test_a_uart_is_a_line_too(house, port):
    board = house.board(port, LINE="uart")
    uart = board._line._uart
    assert board.read() == b""
    uart.arrived = b"x" * 600
    assert len(board.read()) == 512
    assert len(board.read()) == 88
    board.write(bytes(range(100)))
    assert uart.sent == bytes(range(100))


def press(house, pin: Pin, board, milliseconds: int) -> "str | None":
    pin.level = 0
    board.wait(milliseconds)
    answer = board.button()
    pin.level = 1
    board.wait(100)
    return answer or board.button()


@pytest.mark.parametrize("port", PORTS)
def test_a_question_is_read_to_its_end_and_then_held(house, port):
    board = house.board(port)
    left, right = board._buttons._pins
    display = board._display._i2c
    board.show([f"line {number}" for number in range(12)], True)
    assert b"l" * 8 in display.writes[-1][1]
    board.wait(600)
    assert press(house, right, board, 1500) is None  # not the last rows
    assert press(house, right, board, 100) is None  # turns
    board.wait(600)
    drawn = len(display.writes)
    assert press(house, left, board, 100) is None  # back
    assert len(display.writes) > drawn
    assert press(house, right, board, 100) is None
    board.wait(600)
    assert press(house, right, board, 1500) == "approve"
    assert len(board.noise()) == 4
    assert board.noise() == b""
    board.show(["Send?"], True)
    assert press(house, left, board, 1500) == "refuse"


@pytest.mark.parametrize("port", PORTS)
def test_a_press_that_began_before_the_page_approves_nothing(house, port):
    board = house.board(port)
    right = board._buttons._pins[1]
    board.show(["Working"], False)
    right.level = 0
    board.wait(1000)
    board.show(["Send everything?"], True)
    board.wait(3000)
    assert board.button() is None
    right.level = 1
    board.wait(200)
    assert board.button() is None


@pytest.mark.parametrize("port", PORTS)
def test_both_buttons_held_show_as_that(house, port):
    board = house.board(port)
    for pin in board._buttons._pins:
        pin.level = 0
    board.wait(200)
    assert board.held()
    assert board.button() is None


def test_waiting_ends_when_the_line_has_something(house):
    board = house.board("rp2")
    before = house.clock.now
    board.wait(50)
    assert 50 <= house.clock.now - before <= 60
    house.stream.arrived = b"x"
    before = house.clock.now
    board.wait(50)
    assert house.clock.now == before


@pytest.mark.parametrize("port", PORTS)
def test_a_light_is_enough_where_there_is_no_display(house, port):
    board = house.board(port, DISPLAY="light")
    board.show(["Pair with a host?", "Same code there?", "123 456"], True)
    board.wait(3000)
    assert len(board._display._pin.written) > 4


@pytest.mark.parametrize("port", PORTS)
def test_a_watchdog_is_fed_while_the_program_turns_and_resets_when_it_hangs(house, port):
    board = house.board(port, "production")
    board.watch()
    wdt, feed = Wdt.last, Timer.last.options["callback"]
    assert Timer.last.options["period"] <= 2000
    for _ in range(3):
        feed(None)
    assert len(wdt.fed) == 3
    house.clock.now += 800_000  # a share of a large group
    feed(None)
    assert len(wdt.fed) == 4
    house.clock.now += 200_000
    feed(None)
    assert len(wdt.fed) == 4
    board.watch()
    feed(None)
    assert len(wdt.fed) == 5


@pytest.mark.parametrize("port", PORTS)
def test_a_development_image_has_no_watchdog(house, port):
    Wdt.last = None
    house.board(port).watch()
    assert Wdt.last is None


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("version", [(1, 27, 0), (1, 29, 0), (2, 28, 0), (0, 0, 0)])
def test_a_port_whose_way_to_random_bytes_nobody_looked_at_has_none(house, port, version):
    board = house.board(port)
    house.version(version)
    assert board.entropy() is None


def test_an_stm32_without_its_generator_has_no_entropy(house):
    board = house.board("stm32")
    del sys.modules["pyb"].rng
    assert board.entropy() is None


def test_an_stm32_without_urandom_has_no_entropy(house, monkeypatch):
    board = house.board("stm32")
    monkeypatch.delattr("os.urandom")
    assert board.entropy() is None


def test_an_esp32_feeds_its_generator_by_the_converter_of_our_build_or_by_its_radio(house):
    board = house.board("esp32")
    assert board.entropy() is os.urandom
    assert house.radio == []
    sys.modules["daric_port"] = None
    assert board.entropy() is os.urandom
    assert house.radio == [True]


def test_a_stock_board_keeps_the_vault_in_files_and_says_that_erasing_is_weaker(house, monkeypatch):
    monkeypatch.setattr("os.mkdir", lambda folder: None)
    sys.modules["daric_port"] = None
    board = house.board("rp2")
    assert board.weak_erase
    assert type(board.chip()).__name__ == "FileFlash"
    house.partitions.clear()
    board = house.board("esp32")
    assert board.weak_erase
    assert type(board.chip()).__name__ == "FileFlash"


def test_the_vault_of_a_pico_lies_between_its_files_and_its_code(house):
    board = house.board("rp2")
    chip = board.chip()
    chip.program(0, bytes(4096 * chip.blocks))
    touched = [block for block in range(352) if set(house.storage.memory[4096 * block : 4096 * block + 4096]) != {255}]
    assert touched == list(range(16, 16 + 96))
    from daric.board import code_rp2

    code = code_rp2.code()
    assert code.blocks == 352 - 112
    code.program(1000, b"\x00" * 300)
    assert house.storage.memory[112 * 4096 + 999 : 112 * 4096 + 1301] == b"\xff" + bytes(300) + b"\xff"
    read = bytearray(302)
    code.read(999, read)
    assert read == b"\xff" + bytes(300) + b"\xff"
    code.erase(0)
    assert set(house.storage.memory[112 * 4096 : 113 * 4096]) == {255}
    assert not any(house.storage.memory[16 * 4096 : 112 * 4096])


def test_a_stock_pico_has_no_code_region(house):
    from daric.board import code_rp2

    sys.modules["daric_port"] = None
    assert code_rp2.code() is None


def test_the_code_of_an_esp32_is_its_own_partition_and_mapped(house, monkeypatch):
    from daric.board import code_esp32

    assert code_esp32.code() is None
    house.partitions["romfs"] = PortDevice(400)
    mapped = house.partitions["romfs"].memory
    monkeypatch.setitem(sys.modules, "vfs", module("vfs", rom_ioctl=lambda *_: mapped))
    code = code_esp32.code()
    code.program(8192, b"code")
    assert bytes(code.memory(8192, 4)) == b"code"
    assert code.blocks == 400
    monkeypatch.setitem(sys.modules, "vfs", module("vfs", rom_ioctl=lambda *_: -22))
    assert code_esp32.code().memory(0, 4) is None


def test_vault_and_code_of_an_stm32_share_a_chip_and_no_block(house):
    board = house.board("stm32")
    vault, code = board.chip(), board.code()
    assert (vault.blocks, code.blocks) == (96, 256 - 96)
    vault.program(95 * 4096, bytes(4096))
    code.program(0, bytes(4096))
    assert house.chip.memory.count(0) == 2 * 4096
    assert not any(house.chip.memory[95 * 4096 : 97 * 4096])
    code.erase(0)
    assert house.chip.erased == [96 * 4096]
    assert code.memory(0, 1) is None
    house.chip.identity = b"\xff\xff\xff"
    assert board.code() is None


def test_a_production_image_of_an_stm32_runs_no_code_of_the_chip_beside_it(house):
    assert house.board("stm32", "production").code() is None


@pytest.mark.parametrize("port", PORTS)
def test_a_whole_device_starts_pairs_and_stops_on_a_board(house, port, monkeypatch):
    from daric.app import App
    from daric.flash import open_vault
    from power.power_flash import LittleFiles

    board = house.board(port)
    monkeypatch.setattr("daric.flash.open_vault", lambda chip, random: open_vault(chip, random, LittleFiles))
    app = App(board)
    assert app.fault is None
    for _ in range(5):
        app.step(1)
    assert b"D" * 8 in board._display._i2c.writes[-1][1]


def test_a_chip_that_does_not_answer_is_a_device_out_of_order(house):
    from daric.app import App

    house.chip.identity = b"\xff\xff\xff"
    app = App(house.board("stm32"))
    assert app.fault.name == "storage"
    assert b"s" * 8 in app.board._display._i2c.writes[-1][1]

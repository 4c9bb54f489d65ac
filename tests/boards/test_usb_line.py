"""The USB line: descriptors, packets both ways, a host that stops reading, unplugs or asks nonsense."""

import pytest

from tests.boards.fakes import UsbDevice


@pytest.fixture
def usb() -> UsbDevice:
    return UsbDevice()


@pytest.fixture
def line(board_modules, usb):
    from daric.board.usbcdc import UsbLine

    line = UsbLine(usb, "e6616408")
    usb.plug()
    return line


def parsed(data: bytes) -> list[bytes]:
    out = []
    while data:
        assert 2 <= data[0] <= len(data)
        out.append(data[: data[0]])
        data = data[data[0] :]
    return out


def test_the_device_is_one_that_groups_its_interfaces_and_keeps_the_ports_ids(line, usb):
    device = usb.device
    assert (len(device), device[0], device[1]) == (18, 18, 1)
    assert tuple(device[4:7]) == (0xEF, 2, 1)
    assert (device[8:10], device[10:12]) == (b"\x8a\x2e", b"\x05\x00")
    assert usb.strings == [None, "Daric", "Daric", "e6616408"]
    assert device[14:17] == bytes([1, 2, 3])


def test_there_is_no_interface_but_the_line(line, usb):
    assert usb.builtin_driver is usb.BUILTIN_NONE
    parts = parsed(usb.configuration)
    assert int.from_bytes(parts[0][2:4], "little") == len(usb.configuration)
    assert parts[0][4] == 2
    interfaces = [part for part in parts if part[1] == 4]
    assert [(part[2], part[4], part[5], part[6]) for part in interfaces] == [(0, 1, 2, 2), (1, 2, 10, 0)]
    association = next(part for part in parts if part[1] == 11)
    assert tuple(association[2:6]) == (0, 2, 2, 2)


def test_endpoints_are_of_the_kinds_that_a_serial_line_has(line, usb):
    parts = [part for part in parsed(usb.configuration) if part[1] == 5]
    ends = {part[2]: (part[3], int.from_bytes(part[4:6], "little")) for part in parts}
    assert ends == {0x81: (3, 8), 0x02: (2, 64), 0x82: (2, 64)}


def test_the_class_descriptors_name_the_two_interfaces(line, usb):
    parts = {part[2]: part for part in parsed(usb.configuration) if part[1] == 0x24}
    assert sorted(parts) == [0, 1, 2, 6]
    assert parts[0][3:5] == b"\x20\x01"
    assert parts[1][4] == 1
    assert tuple(parts[6][3:5]) == (0, 1)


def test_bytes_of_the_host_come_in_order(line, usb):
    sent = bytes(range(256)) * 2
    got = b""
    for at in range(0, len(sent), 50):
        usb.give(sent[at : at + 50])
        if at % 100:
            got += line.read()
    assert got + line.read() == sent
    assert line.read() == b""
    assert not line.any()


def test_a_host_waits_while_nobody_takes_its_bytes(line, usb):
    given = 0
    while 2 in usb.pending:
        usb.give(b"x" * 64)
        given += 64
    assert given == 1024
    assert len(line.read()) == given
    usb.give(b"more")
    assert line.read() == b"more"


@pytest.mark.parametrize("length", [1, 63, 64, 65, 128, 205, 500])
def test_bytes_for_the_host_leave_in_packets_that_it_can_tell_the_end_of(line, usb, clock, length):
    taken = []

    def host() -> None:
        if 0x82 in usb.pending:
            taken.append(usb.take())

    clock.every.append(host)
    data = bytes(range(length % 256)) * (length // 256) + bytes(length - length % 256 * (length // 256))
    line.write(data)
    clock.pass_(20)
    assert b"".join(taken) == data
    assert len(taken[-1]) < 64  # a full packet at the end makes a host wait for more


def test_a_host_that_stops_reading_does_not_stop_the_device(line, usb, clock):
    before = clock.now
    line.write(b"x" * 1000)
    assert clock.now - before < 250
    line.write(b"y" * 1000)
    assert clock.now - before < 500
    usb.take()
    line.write(b"again")
    assert usb.take() == b"again"


def test_nothing_is_sent_while_no_host_is_there(board_modules, usb, clock):
    from daric.board.usbcdc import UsbLine

    line = UsbLine(usb, "1")
    before = clock.now
    line.write(b"x" * 300)
    assert (usb.pending, clock.now) == ({}, before)
    assert line.read() == b""


def test_a_line_that_was_unplugged_works_when_it_is_back(line, usb):
    usb.give(b"before")
    line.write(b"lost")
    usb.reset()
    line.write(b"nobody there")
    usb.plug()
    assert line.read() == b"before"
    usb.give(b"after")
    assert line.read() == b"after"
    line.write(b"answer")
    assert usb.take() == b"answer"


def test_the_settings_of_the_line_are_taken_and_told(line, usb):
    def request(kind: int, code: int) -> memoryview:
        return memoryview(bytes([kind, code, 0, 0, 0, 0, 7, 0]))

    coding = usb.control(1, request(0x21, 0x20))
    coding[:] = bytes([0x80, 0x25, 0, 0, 0, 0, 8])
    assert usb.control(3, request(0x21, 0x20)) is True
    assert bytes(usb.control(1, request(0xA1, 0x21))) == bytes([0x80, 0x25, 0, 0, 0, 0, 8])
    assert usb.control(1, request(0x21, 0x22)) is True
    assert usb.control(1, request(0x21, 0x23)) is True


NONSENSE = [(0x21, 0x00), (0x21, 0x24), (0xA1, 0xFF), (0x41, 0x22), (0xC0, 0x01), (0x01, 0x22)]


@pytest.mark.parametrize(("kind", "code"), NONSENSE)
def test_any_other_request_of_a_host_is_refused(line, usb, kind, code):
    assert usb.control(1, memoryview(bytes([kind, code, 0, 0, 0, 0, 64, 0]))) is False


FOREIGN = [b"", b"\x09", b"\x09\x04", b"\x00\x05\x02", b"\x07\x05\x82\x02\x40\x00\x00", b"\x09\x05"]


@pytest.mark.parametrize("descriptor", FOREIGN)
def test_an_interface_without_our_endpoint_opens_nothing(board_modules, usb, descriptor):
    from daric.board.usbcdc import UsbLine

    UsbLine(usb, "1")
    usb.opened(memoryview(descriptor))
    assert usb.pending == {}



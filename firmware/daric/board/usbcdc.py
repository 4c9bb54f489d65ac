"""A USB serial line of our own (CDC-ACM) by machine.USBDevice: no prompt and no other interface beside it.

Sources: USB 2.0, chapter 9; USB CDC 1.2 and its PSTN subclass 1.2; MicroPython's documentation of machine.USBDevice.
"""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from machine import USBDevice  # type: ignore[attr-defined] # the esp32 stubs are of a chip without

ENDPOINT_BYTES = 64
ROOM = 1024  # bytes read from the host and not yet taken; while it is full the host waits
WRITE_WAIT = 100  # milliseconds without progress: nobody reads at the other end
IN = 0x80
SET_LINE_CODING, GET_LINE_CODING, SET_CONTROL_LINE_STATE, SEND_BREAK = 0x20, 0x21, 0x22, 0x23
SETUP = 1
STRINGS = (None, "Daric", "Daric")  # language, maker, product; then the serial number


def device_descriptor(vendor: int, product: int) -> bytes:
    """18 bytes: a device whose interfaces say themselves what they are."""
    return (
        bytes([18, 1, 0x00, 0x02, 0xEF, 2, 1, ENDPOINT_BYTES])
        + vendor.to_bytes(2, "little")
        + product.to_bytes(2, "little")
        + bytes([0x00, 0x01, 1, 2, 3, 1])
    )


def configuration(interface: int = 0, endpoint: int = 1) -> bytes:
    """The configuration: two interfaces from number `interface`, endpoints from number `endpoint` on."""
    body = bytes([
        8, 11, interface, 2, 2, 2, 0, 0,  # these two belong together
        9, 4, interface, 0, 1, 2, 2, 0, 0,  # control: abstract control model, one endpoint
        5, 0x24, 0, 0x20, 0x01,  # CDC 1.20
        5, 0x24, 1, 0, interface + 1,  # no calls
        4, 0x24, 2, 6,  # line coding, line state and break are taken
        5, 0x24, 6, interface, interface + 1,  # the two interfaces
        7, 5, IN | endpoint, 3, 8, 0, 16,  # interrupt, never used
        9, 4, interface + 1, 0, 2, 10, 0, 0, 0,  # data
        7, 5, endpoint + 1, 2, ENDPOINT_BYTES, 0, 0,
        7, 5, IN | endpoint + 1, 2, ENDPOINT_BYTES, 0, 0,
    ])  # fmt: skip
    total = 9 + len(body)
    return bytes([9, 2, total & 255, total >> 8, interface + 2, 1, 0, 0x80, 125]) + body


class UsbLine:
    """usb: machine.USBDevice(). serial: the board's number, ASCII. The ids of vendor and product are the port's own."""

    def __init__(self, usb: "USBDevice", serial: str) -> None:
        self._usb = usb
        self._open = False
        self._coding = bytearray(bytes([0x00, 0xC2, 0x01, 0x00, 0, 0, 8]))  # 115200 baud, which mean nothing here
        self._out = 2  # endpoint of the host's bytes
        self._packet = bytearray(ENDPOINT_BYTES)
        self._reading = False
        self._received = bytearray()
        self._sending: "bytes | None" = None
        usb.active(False)
        known = usb.BUILTIN_DEFAULT.desc_dev
        vendor, product = known[8] | known[9] << 8, known[10] | known[11] << 8
        usb.builtin_driver = usb.BUILTIN_NONE  # type: ignore[attr-defined] # not in the stubs
        usb.config(
            device_descriptor(vendor, product),
            configuration(),
            list(STRINGS) + [serial],
            self._opened,
            self._reset,
            self._control,
            self._done,
        )
        usb.active(True)

    def any(self) -> bool:
        """Whether there is something to read."""
        return len(self._received) > 0

    def read(self) -> bytes:
        """What there is, without waiting."""
        data, self._received = self._received, bytearray()  # what the port adds meanwhile goes to one of them
        self._receive()
        return bytes(data)

    def write(self, data: bytes) -> None:
        """Give all bytes to the host; what it does not take in time is lost."""
        for at in range(0, len(data), ENDPOINT_BYTES):
            if not self._idle():
                return
            self._sending = data[at : at + ENDPOINT_BYTES]
            if not self._open or not self._usb.submit_xfer(IN | self._out, self._sending):
                self._sending = None
                return
        if data and len(data) % ENDPOINT_BYTES == 0 and self._idle():  # the host waits for more after a full packet
            self._sending = b""
            if not self._usb.submit_xfer(IN | self._out, self._sending):
                self._sending = None

    def _idle(self) -> bool:
        """Wait until the host took the last packet."""
        begun = time.ticks_ms()
        while self._sending is not None:
            if not self._open or time.ticks_diff(time.ticks_ms(), begun) >= WRITE_WAIT:
                return False
            time.sleep_ms(1)
        return True

    # Called by the port

    def _opened(self, interface: memoryview) -> None:
        """The host chose the configuration; `interface`: one interface with its endpoints, or both."""
        at = 0
        while at + 2 < len(interface):
            if interface[at] == 7 and interface[at + 1] == 5 and interface[at + 2] == self._out:
                self._open = True
                self._reading = False
                self._sending = None
                self._receive()
            at += interface[at] or len(interface)

    def _reset(self) -> None:
        self._open = self._reading = False
        self._sending = None

    def _control(self, stage: int, request: memoryview) -> "bool | bytearray":
        """What the host asks of the control interface: settings of a line that has none."""
        if request[0] & 0x60 != 0x20:
            return False
        if stage != SETUP:
            return True
        if request[1] in (SET_LINE_CODING, GET_LINE_CODING):
            return self._coding
        return request[1] in (SET_CONTROL_LINE_STATE, SEND_BREAK)

    def _done(self, endpoint: int, _result: object, count: int) -> bool:
        if endpoint == self._out:
            self._reading = False
            self._received.extend(memoryview(self._packet)[:count])
            self._receive()
        elif endpoint == IN | self._out:
            self._sending = None
        return True

    def _receive(self) -> None:
        if self._open and not self._reading and len(self._received) <= ROOM - ENDPOINT_BYTES:
            self._reading = True
            if not self._usb.submit_xfer(self._out, self._packet):
                self._reading = False

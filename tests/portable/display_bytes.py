"""The display in the real MicroPython: its bytes are those of MicroPython's own frame buffer."""

import framebuf
from daric.board.ssd1306 import Display


class Bus:
    def __init__(self):
        self.sent = []

    def writeto(self, address, data):
        self.sent.append((address, bytes(data)))


bus = Bus()
display = Display(bus)
rows = ["Send 1.5 ETH", "to 0x529084000", " 527886E0F703006", "", "nonce 7", "fee", " 0.002 ETH", "hold: <no yes>"]
display.rows(["X" * 16] * 8)
display.rows(rows, True)
own = bytearray(1024)
frame = framebuf.FrameBuffer(own, 128, 64, framebuf.MONO_VLSB)
for number in range(8):
    frame.text(rows[number], 0, 8 * number)
assert bus.sent[-1] == (0x3C, b"\x40" + bytes(own))
assert [address for address, _ in bus.sent] == [0x3C] * 5
print("ok")

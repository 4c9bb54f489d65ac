"""What both ends of every Daric wire agree on; the same files run on CPython and MicroPython."""

VERSION = 1  # of the wire protocol, shown in hello and refused when it differs

"""`make core`: the party's part of the firmware on MicroPython's own core for Cortex-M0+, emulated and counted.

Specification: docs/hardware.md, MicroPython's core.
"""

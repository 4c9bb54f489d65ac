"""Frozen into our own MicroPython: what this build promises to the firmware's board file."""

RAW = True  # the port's boot code leaves the raw areas of the flash alone (_boot.py)
RNG = "pico_rand"  # what os.urandom reads

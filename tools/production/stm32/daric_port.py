"""Frozen into our own MicroPython: what this build promises to the firmware's board file."""

RAW = True  # the vault has a flash chip of its own
RNG = "rng"  # the processor's generator, which os.urandom reads (mpconfigboard.h beside this file)

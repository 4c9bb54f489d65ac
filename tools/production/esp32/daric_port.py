"""Frozen into our own MicroPython: what this build promises to the firmware's board file."""

RAW = True  # the vault has a partition of its own (partitions.csv beside this file)
RNG = "adc"  # board.c turns on the converter's noise, which feeds os.urandom, before anything runs

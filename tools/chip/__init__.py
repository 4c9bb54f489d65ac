"""`make chip`: the party's part of the firmware on an emulated Raspberry Pi Pico. Specification: docs/hardware.md."""

"""An STM32 has no code slots: its firmware is frozen into its MicroPython, and a new one comes by DFU."""


def code() -> None:
    """No code region."""

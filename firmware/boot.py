"""First file a board runs: from here on no byte on the serial line can stop the program."""

import sys

if sys.implementation.name == "micropython":
    import micropython

    micropython.kbd_intr(-1)

"""First file a board runs: from here on no byte on the serial line can stop the program.

The port lets a Ctrl-C byte interrupt each file anew. MicroPython looks for an interrupt only where the program jumps,
and there is no jump before kbd_intr(-1); one that came earlier is raised inside this `try`, at the jumps of its loop.
Then the loader picks the code slot that runs.
"""

try:
    import micropython

    micropython.kbd_intr(-1)
    for _ in (0, 1):
        pass
except (AttributeError, KeyboardInterrupt):  # CPython; an interrupt that came in the first microseconds
    pass

import sys

if sys.implementation.name == "micropython":
    import loader

    loader.start()

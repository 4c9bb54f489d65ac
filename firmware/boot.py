"""First file a board runs: from here on no byte on the serial line can stop the program.

The port lets a Ctrl-C byte interrupt each file anew. MicroPython looks for an interrupt only where the program jumps,
and there is no jump before kbd_intr(-1); one that came earlier is raised inside this `try`, at the jumps of its loop.
Then the loader picks the code slot that runs.
"""

while True:
    try:
        import micropython

        micropython.kbd_intr(-1)
        for _ in (0, 1):
            pass
        break
    except KeyboardInterrupt:  # came in the first microseconds; from now on none can
        pass
    except AttributeError:  # CPython
        break

import sys  # noqa: E402 - nothing comes before the interrupt byte is off

if sys.implementation.name == "micropython":
    try:
        import loader

        loader.start()
        del loader  # and its code goes with it
    except Exception:  # noqa: BLE001, S110 - would be told on the line; main.py resets where there is nothing to run
        pass

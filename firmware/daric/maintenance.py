"""The maintenance exit of a development image: on its owner's word the program ends at the port's prompt.

A production image has none. Loaded for this alone. Specification: docs/hardware.md, the maintenance exit.
"""

import sys

from daric_protocol.errors import DaricError

from daric import made
from daric.errands import Question

LINES = ["Maintenance?", "Ends the program", "Whoever is at", "the line then", "reads and may", "change all of it"]
CTRL_C = 3


def question(device, host: bytes) -> Question:
    """The errand of a host that wants the prompt. Raises DaricError("refused") in a production image."""
    if made.KIND != "development":
        raise DaricError("refused", "a production image has no maintenance exit")
    return Question(LINES, lambda _: _leave(device), pin=True)


def _leave(device) -> bool:
    device.leaving = True  # daric.app.run ends when the answer has left
    return True


def prompt() -> None:
    """Overwrite what the program left on the heap, which nobody holds any more; let a Ctrl-C byte interrupt again."""
    if sys.implementation.name != "micropython":
        return
    import gc

    import micropython

    gc.threshold(-1)  # as a port has it

    from daric.scrub import scrub

    scrub()
    micropython.kbd_intr(CTRL_C)

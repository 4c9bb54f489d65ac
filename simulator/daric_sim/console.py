"""`daric sim device`: one simulated device in the foreground.

Its input presses the buttons: "approve", "refuse", "text:TYPED" where a text is asked for, "menu:OP:NUMBER" while idle.
"""

import sys
import threading
from pathlib import Path

from daric_sim.device import APPROVE, MENU, REFUSE, TEXT, Screen, SimDevice


def run(state: Path, answer: str, runtime: str) -> int:
    """Print the device's serial path, then its screens, until Ctrl-C; lines of the input press its buttons."""

    def shown(screen: Screen) -> None:
        if screen.number > 1 or screen.ask:  # the first one comes before the path
            print("\n".join(f"| {line}" for line in ("", *screen.lines)), flush=True)

    with SimDevice(state, answer=answer, runtime=runtime, watch=shown) as device:
        print(device.path, flush=True)
        try:
            for line in sys.stdin:
                _answer(device, line.strip())
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
    return 0


def _answer(device: SimDevice, line: str) -> None:
    """What a person typed; the device takes no notice of what its page does not ask for."""
    try:
        if line in (APPROVE, REFUSE):
            device.press(line)
        elif line.startswith(TEXT):
            device.type(line.removeprefix(TEXT))
        elif line.startswith(MENU):
            op, _, group = line.removeprefix(MENU).partition(":")
            device.choose(op, int(group or 1))
    except ValueError as error:
        print(error, file=sys.stderr)

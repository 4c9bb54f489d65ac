"""`daric sim device`: one simulated device in the foreground."""

import sys
import threading
from pathlib import Path

from daric_sim.device import APPROVE, REFUSE, Screen, SimDevice


def run(state: Path, answer: str, runtime: str) -> int:
    """Print the device's serial path, then its screens, until Ctrl-C; lines of the input press its buttons."""

    def shown(screen: Screen) -> None:
        if screen.number > 1 or screen.ask:  # the first one comes before the path
            print("\n".join(f"| {line}" for line in ("", *screen.lines)), flush=True)

    with SimDevice(state, answer=answer, runtime=runtime, watch=shown) as device:
        print(device.path, flush=True)
        try:
            for line in sys.stdin:
                if line.strip() in (APPROVE, REFUSE):
                    device.press(line.strip())
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
    return 0

"""`daric sim device`: one simulated device in the foreground."""

import sys
import threading
from pathlib import Path

from daric_sim.device import APPROVE, REFUSE, Screen, SimDevice


def run(state: Path, answer: str, runtime: str) -> int:
    """Print the device's serial path, then its screens, until the input ends or Ctrl-C."""

    def shown(screen: Screen) -> str:
        print("\n".join(f"| {line}" for line in screen.lines), flush=True)
        return answer

    with SimDevice(state, answer=shown, runtime=runtime) as device:
        print(device.path, flush=True)
        try:
            for line in sys.stdin:
                if line.strip() in (APPROVE, REFUSE):
                    device.press(line.strip())
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
    return 0

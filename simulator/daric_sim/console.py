"""`daric sim device`: one simulated device in the foreground.

Its input presses the buttons: "left", "right", "hold left" and "hold right", or all that it takes to "approve" or
"refuse"; "text:TYPED" types where a text is asked for, "menu:OP:NUMBER" and "menu:MODULE.FUNCTION" pick while idle.
"""

import sys
import threading
from pathlib import Path

from daric_host.flashing import compiling, signedimage
from daric_protocol.errors import DaricError

from daric_sim import slots
from daric_sim.device import APPROVE, MENU, PRESSES, REFUSE, TEXT, Screen, SimDevice


def run(state: Path, answer: str, runtime: str, file: Path | None = None) -> int:
    """Print the device's serial path, then its screens, until Ctrl-C; lines of the input press its buttons.

    file: a signed or unsigned image for the virtual board, for the first code slot of a new device; what runs is
    printed after the path by its digest. A device that was flashed before starts from its slots. Raises DaricError if
    the file is none.
    """
    if file is not None:
        flash(signedimage.load(file), state)

    def shown(screen: Screen) -> None:
        if screen.number > 1 or screen.ask:  # the first one comes before the path
            show(screen.lines)

    def show(lines: tuple[str, ...]) -> None:
        print("\n".join(f"| {line}" for line in ("", *lines)), flush=True)

    with SimDevice(state, answer=answer, runtime=runtime, watch=shown, turned=show) as device:
        print(device.path, flush=True)
        if (state / slots.CODE).exists():
            print(f"image {slots.digest(state).hex()}", flush=True)
        try:
            for line in sys.stdin:
                _answer(device, line.strip())
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
    return 0


def flash(loaded: signedimage.SignedImage, state: Path) -> None:
    """Lay an image for the virtual board into the device's directory, where none was before."""
    loaded.check_board(compiling.VIRTUAL)
    if not (state / slots.CODE).exists():
        slots.lay(loaded, state)
    elif slots.digest(state) != loaded.manifest.digest:
        raise DaricError("parameter", f"the device in {state} runs another image; update it, or take a new directory")


def _answer(device: SimDevice, line: str) -> None:
    """What a person typed; the device takes no notice of what its page does not ask for."""
    try:
        if line in (APPROVE, REFUSE):
            device.press(line)
        elif line in PRESSES:
            device.push(line)
        elif line.startswith(TEXT):
            device.type(line.removeprefix(TEXT))
        elif line.startswith(MENU):
            op, _, group = line.removeprefix(MENU).partition(":")
            device.choose(op, int(group or 1))
    except ValueError as error:
        print(error, file=sys.stderr)

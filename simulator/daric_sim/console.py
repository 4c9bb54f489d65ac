"""`daric sim device`: one simulated device in the foreground.

Its input presses the buttons: "approve", "refuse", "text:TYPED" where a text is asked for, "menu:OP:NUMBER" while idle.
"""

import sys
import threading
from pathlib import Path

from daric_sim import boards, signedimage
from daric_sim.device import APPROVE, MENU, REFUSE, TEXT, Screen, SimDevice

ROM = "image.romfs"  # in the device's directory: what was verified is what runs, whatever becomes of the file


def run(state: Path, answer: str, runtime: str, file: Path | None = None) -> int:
    """Print the device's serial path, then its screens, until Ctrl-C; lines of the input press its buttons.

    file: a signed or unsigned image for the virtual board; its digest is printed after the path. Raises DaricError if
    it is none.
    """
    loaded = None if file is None else signedimage.load(file)
    rom = None if loaded is None else _flash(loaded, state)

    def shown(screen: Screen) -> None:
        if screen.number > 1 or screen.ask:  # the first one comes before the path
            print("\n".join(f"| {line}" for line in ("", *screen.lines)), flush=True)

    with SimDevice(state, answer=answer, runtime=runtime, watch=shown, rom=rom) as device:
        print(device.path, flush=True)
        if loaded is not None:
            print(f"image {loaded.manifest.digest.hex()}", flush=True)
        try:
            for line in sys.stdin:
                _answer(device, line.strip())
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
    return 0


def _flash(loaded: signedimage.SignedImage, state: Path) -> Path:
    """Lay an image for the virtual board into the device's directory."""
    loaded.check_board(boards.VIRTUAL)
    state.mkdir(parents=True, exist_ok=True)
    signedimage.write_whole(state / ROM, loaded.romfs)
    return state / ROM


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
